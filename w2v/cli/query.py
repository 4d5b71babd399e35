"""`w2v similar`, `w2v analogy` and `w2v eval`: questions to a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import cloup

from w2v.cli import options
from w2v.cli.loading import from_format, read_model
from w2v.cli.process import Command
from w2v.options import NUMBER, TOP

if TYPE_CHECKING:
    from w2v.evaluation.evaluate import AnalogyResult, Section, SimilarityResult

_number = options.defined("-n", "--number", option=NUMBER, default=10)


@cloup.command(cls=Command, short_help="List the most similar words.")
@options.model
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@_number
@from_format
def similar(model: str, words: tuple[str, ...], number: int, from_format: str | None) -> None:
    """List the words most similar to each WORD: word, neighbor, cosine similarity."""
    embeddings = read_model(model, from_format)
    found = [(word, embeddings.most_similar(word, number)) for word in words]
    for word, neighbors in found:
        for neighbor, cosine in neighbors:
            click.echo(f"{word}\t{neighbor}\t{cosine:.4f}")


@cloup.command(cls=Command, short_help="Solve an analogy: A is to B as C is to ...")
@options.model
@click.argument("a")
@click.argument("b")
@click.argument("c")
@_number
@from_format
def analogy(model: str, a: str, b: str, c: str, number: int, from_format: str | None) -> None:
    """List the best answers to "A is to B as C is to ...": word, cosine similarity."""
    for word, cosine in read_model(model, from_format).analogy(a, b, c, number):
        click.echo(f"{word}\t{cosine:.4f}")


@cloup.command("eval", cls=Command, short_help="Evaluate a model on analogies or word pairs.")
@options.model
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=options.Path())
@options.defined("--top", option=TOP, default=30_000)
@from_format
def evaluate(model: str, files: tuple[str, ...], top: int, from_format: str | None) -> None:
    """Evaluate MODEL on each FILE: analogies, or word pairs with similarity scores.

    A file of analogies has lines ": section" and lines of four words. The output is the accuracy
    per section in percent, or Spearman's rho times 100, and how many items the vocabulary covers.
    """
    from w2v.evaluation.evaluate import SimilarityResult
    from w2v.evaluation.evaluate import evaluate as evaluate_file

    embeddings = read_model(model, from_format)
    for path in files:
        result = evaluate_file(embeddings, path, top=top)
        if isinstance(result, SimilarityResult):
            _show_similarity(result)
        else:
            _show_analogies(result)


def _show_similarity(result: SimilarityResult) -> None:
    rho = "-" if result.rho is None else f"{100 * result.rho:.2f}"
    click.echo(
        f"{result.name}: Spearman's rho {rho}, {result.covered:,} of {result.total:,} pairs covered"
    )


def _show_analogies(result: AnalogyResult) -> None:
    click.echo(f"{result.name}:")
    summary = [
        section for section in (result.semantic, result.syntactic, result.overall) if section.total
    ]
    width = max(len(section.name) for section in (*result.sections, *summary))
    for section in (*result.sections, *summary):
        click.echo(f"  {section.name:<{width}}  {_describe_accuracy(section)}")


def _describe_accuracy(section: Section) -> str:
    percent = "    -" if section.accuracy is None else f"{100 * section.accuracy:5.2f}"
    return (
        f"{percent} %  {section.correct:>6,} correct of {section.covered:>6,} covered, "
        f"{section.total:>6,} in total"
    )
