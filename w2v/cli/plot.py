"""`w2v plot`: how trainings went, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from w2v.cli import options
from w2v.cli.loading import read_model
from w2v.cli.process import Command, echo_err
from w2v.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

    from w2v.pipeline.record import TrainingRecord

_COMPARED = ("window", "negatives", "sample")
"""The options on which the loss depends, besides the text."""


@cloup.command(cls=Command, short_help="Plot loss and speed of trainings, or scores.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", type=options.Path())
@cloup.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=options.Path(),
    help="Picture to write, such as training.svg or training.png.",
)
@cloup.option(
    "--eval",
    "evaluated",
    is_flag=True,
    help="Plot the scores of `w2v eval MODEL` with their intervals instead of the training.",
)
@options.overwrite
def plot(models: tuple[str, ...], output: str, evaluated: bool, overwrite: bool) -> None:
    """Plot the training of each MODEL by epoch: loss, validation loss and speed.

    Validation losses appear where models were trained with --validation. With --eval, plot the
    scores of each MODEL, or file of vectors, on the sets in the package.
    """
    from w2v.views import figures

    figures.require_matplotlib("w2v plot")
    figures.check_output(output, overwrite=overwrite)
    figure = _scores(models) if evaluated else _training(models)
    figures.save(figure, output, overwrite=overwrite)
    echo_err(f"saved {output}")


def _scores(models: Sequence[str]) -> Figure:
    """Evaluate models, and return the plot of their scores."""
    from w2v.cli.progress import in_flags
    from w2v.evaluation.report import evaluate
    from w2v.views.figures import names_of
    from w2v.views.score_plot import SetScore, draw_scores

    found = [evaluate(read_model(path, None), observer=lambda _: None) for path in models]
    scores = [
        [
            SetScore(
                f"{score.part_of}: {score.name}" if score.part_of else score.name,
                score.score,
                score.low,
                score.high,
            )
            for score in evaluation.scores
        ]
        for evaluation in found
    ]
    if all(score.score is None for of_model in scores for score in of_model):
        message = (
            "no model has the words of the sets, which are English, so there is nothing to plot"
        )
        raise FormatError(message)
    for note in dict.fromkeys(note for evaluation in found for note in evaluation.notes):
        echo_err(in_flags(f"note: {note}"))  # once, if models have the same words
    return draw_scores(names_of(models), scores)


def _training(models: Sequence[str]) -> Figure:
    """Return the plot of the trainings of models."""
    from w2v.views.figures import names_of
    from w2v.views.training_plot import TrainingCurve, draw_training

    records = [read_record(path) for path in models]
    for note in _notes(records):
        echo_err(f"note: {note}")
    curves = [
        TrainingCurve(name, record.epochs)
        for name, record in zip(names_of(models), records, strict=True)
    ]
    return draw_training(curves)


def read_record(path: str) -> TrainingRecord:
    """Return the record of the training of a model, without reading its vectors.

    Raises:
        InputError: there is no such model.
        FormatError: it has no such record, or no epoch in it.

    """
    from w2v.formats.directory import check_directory, read_meta
    from w2v.pipeline.record import TrainingRecord
    from w2v.system.files import is_directory

    record = None
    if not Path(path).exists() or is_directory(Path(path)):
        check_directory(Path(path), "model", ("meta.json",))
        record = TrainingRecord.from_meta(read_meta(Path(path))[0])
    if record is None or not record.epochs:
        message = (
            f"{path} does not record how it was trained, so there is nothing to plot; expected a "
            "model directory that w2v train wrote"
        )
        raise FormatError(message)
    return record


def _notes(records: Sequence[TrainingRecord]) -> Iterator[str]:
    """Yield why the losses of some models are not comparable."""
    differing = [
        f"--{name}"
        for name in _COMPARED
        if len({record.config.get(name) for record in records}) > 1
    ]
    if len({(record.corpus.tokens, record.corpus.vocabulary) for record in records}) > 1:
        differing.append("their texts or vocabularies")
    if differing:
        yield (
            f"the losses are not comparable, because the models differ in {', '.join(differing)}; "
            "w2v eval compares them"
        )
