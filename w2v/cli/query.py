"""`w2v eval`: the evaluation of a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click
import cloup

from w2v.cli import options
from w2v.cli.loading import from_format, read_model
from w2v.cli.process import Command
from w2v.options import METHOD, TOP

if TYPE_CHECKING:
    from w2v.embeddings.embeddings import Embeddings
    from w2v.evaluation.evaluate import AnalogyResult, Section, SimilarityResult
    from w2v.events import Observer

lower = cloup.option(
    "--lower/--no-lower",
    default=True,
    show_default=True,
    help="Ignore case, or look up words as the set writes them.",
)
as_json = cloup.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@cloup.command("eval", cls=Command, short_help="Evaluate a model on analogies and word pairs.")
@options.model
@click.argument("files", nargs=-1, metavar="[FILE]...", type=options.Path())
@options.defined("--top", option=TOP, default=30_000)
@options.defined("--method", option=METHOD, default="add")
@lower
@as_json
@from_format
def evaluate(
    model: str,
    files: tuple[str, ...],
    top: int,
    method: str,
    lower: bool,
    as_json: bool,
    from_format: str | None,
) -> None:
    """Evaluate MODEL on English sets in the package, or on each FILE.

    The sets are Google's analogies and WordSim-353. The output is a table: accuracy in percent or
    Spearman's rho times 100, its 95 % interval by bootstrap, how many items the vocabulary covers,
    and how many there are.

    A FILE has analogies (four words a line, possibly with lines ": section"), or word pairs with
    scores, or is a directory such as BATS. The output is then the accuracy per section, or rho.
    """
    from w2v.cli.progress import observing
    from w2v.evaluation import report

    embeddings = read_model(model, from_format)
    with observing(quiet=True) as observer:
        if as_json or not files:
            found = report.evaluate(
                embeddings, files or None, top=top, method=method, lower=lower, observer=observer
            )
            text = json.dumps({"model": model, **found.as_dict()}, indent=2, ensure_ascii=False)
            click.echo(text if as_json else str(found))
        else:
            _evaluate_files(embeddings, files, observer, top=top, method=method, lower=lower)


def _evaluate_files(
    embeddings: Embeddings, files: tuple[str, ...], observer: Observer, **how: Any
) -> None:
    """Show the results on files, section by section."""
    from w2v.evaluation.evaluate import SimilarityResult
    from w2v.evaluation.evaluate import evaluate as evaluate_file
    from w2v.evaluation.report import coverage_note
    from w2v.events import Notice

    for path in files:
        result = evaluate_file(embeddings, path, **how)
        if isinstance(result, SimilarityResult):
            _show_similarity(result)
        else:
            _show_analogies(result)
        note = coverage_note([(result.name, result.covered, result.total)])
        if note is not None:
            observer(Notice(note))


def _show_similarity(result: SimilarityResult) -> None:
    rho = "-" if result.rho is None else f"{100 * result.rho:.2f}"
    click.echo(
        f"{result.name}: Spearman's rho {rho}, {result.covered:,} of {result.total:,} pairs covered"
    )


def _show_analogies(result: AnalogyResult) -> None:
    click.echo(f"{result.name}:")
    parts = [result.semantic, result.syntactic]  # as Google's sections are named
    summary = [*(parts if all(part.total for part in parts) else []), result.overall]
    width = max(len(section.name) for section in (*result.sections, *summary))
    for section in (*result.sections, *summary):
        click.echo(f"  {section.name:<{width}}  {_describe_accuracy(section)}")


def _describe_accuracy(section: Section) -> str:
    percent = "    -" if section.accuracy is None else f"{100 * section.accuracy:5.2f}"
    return (
        f"{percent} %  {section.correct:>6,} correct of {section.covered:>6,} covered, "
        f"{section.total:>6,} in total"
    )
