"""`w2v plot`: how trainings went, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from w2v.cli import options
from w2v.cli.process import Command, echo_err
from w2v.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from w2v.pipeline.record import TrainingRecord

_COMPARED = ("window", "negatives", "sample")
"""The options on which the loss depends, besides the text."""


@cloup.command(cls=Command, short_help="Plot loss and speed of trainings.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", type=options.Path())
@cloup.option(
    "-o",
    "--output",
    metavar="FILE",
    required=True,
    type=options.Path(),
    help="Picture to write, such as training.svg or training.png.",
)
@options.overwrite
def plot(models: tuple[str, ...], output: str, overwrite: bool) -> None:
    """Plot the training of each MODEL by epoch: loss, validation loss and speed.

    Validation losses appear where models were trained with --validation.
    """
    from w2v.views import figures
    from w2v.views.training_plot import TrainingCurve, draw_training, names_of

    figures.require_matplotlib("w2v plot")
    figures.check_output(output, overwrite=overwrite)
    records = [read_record(path) for path in models]
    for note in _notes(records):
        echo_err(f"note: {note}")
    curves = [
        TrainingCurve(name, record.epochs)
        for name, record in zip(names_of(models), records, strict=True)
    ]
    figures.save(draw_training(curves), output, overwrite=overwrite)
    echo_err(f"saved {output}")


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
