"""`w2v similar`, `w2v analogy` and `w2v odd`: the nearest words, and the one that does not fit."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click
import cloup

from w2v.cli import options, terminal
from w2v.cli.dashes import flags_of
from w2v.cli.loading import from_format, read_model
from w2v.cli.process import Command
from w2v.options import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from w2v.cli.dashes import Flags

_NUMBER = 10
_SIGNS = ("+", "-")

number = options.defined("-n", "--number", option=NUMBER, default=_NUMBER)


class SignedWords(Command):
    """A command whose words may have a sign: `w2v similar MODEL king -man +woman`.

    A dash also begins an option. After the model, what begins with one dash and is no option of
    the command is a word to subtract. Nothing after ``--`` has a sign.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line."""
        return super().parse_args(ctx, list(self._with_options(ctx, args)))

    def _with_options(self, ctx: click.Context, args: Sequence[str]) -> Iterator[str]:
        """Yield the command line with each word that has a sign as the value of an option."""
        flags = flags_of(ctx)
        operands = 0
        rest = iter(args)
        for argument in rest:
            if argument == "--":
                yield argument
                yield from rest
                return
            if operands and argument in _SIGNS:
                following = next(rest, None)
                if following is None:
                    message = f"expected a word after {argument}, got nothing"
                    raise click.UsageError(message, ctx)
                yield _signed(argument + following)
            elif operands and argument.startswith("-") and f"-{argument}" in flags:
                message = (
                    f"No such option: {argument}. Did you mean -{argument}? To subtract the word, "
                    f"write --negative {argument[1:]}"
                )
                raise click.UsageError(message, ctx)
            elif operands and _has_sign(argument, flags):
                yield _signed(argument)
            else:
                yield argument
                operands += not argument.startswith("-")
                option = flags.get(argument)
                if option is not None and not option.is_flag:
                    yield from ([value] if (value := next(rest, None)) is not None else [])


def _has_sign(argument: str, flags: Flags) -> bool:
    if argument.startswith("--") or not argument.startswith(_SIGNS):
        return False
    name = argument.partition("=")[0]
    return name not in flags and not re.fullmatch(r"-n[\d=].*", argument)


def _signed(argument: str) -> str:
    return f"--{'positive' if argument[0] == '+' else 'negative'}={argument[1:]}"


def words_option(name: str, verb: str) -> options.Decorator[options.Command]:
    """Return the option for one more word to add or subtract."""
    text = f"A word to {verb}, whatever it begins with; repeatable."
    return cloup.option(name, multiple=True, metavar="WORD", help=text)


@cloup.command(cls=SignedWords, short_help="List the most similar words.")
@options.model
@click.argument("words", nargs=-1, metavar="WORD...")
@number
@words_option("--positive", "add")
@words_option("--negative", "subtract")
@from_format
def similar(
    model: str,
    words: tuple[str, ...],
    number: int,
    positive: tuple[str, ...],
    negative: tuple[str, ...],
    from_format: str | None,
) -> None:
    """List the words most similar to each WORD: word, neighbor, cosine similarity.

    If a word has a sign, as in `king -man +woman`, all words are one query: the neighbors of the
    sum of their vectors, each scaled to length 1.
    """
    if not words and not positive and not negative:
        message = "Missing argument 'WORD...'."
        raise click.UsageError(message)
    embeddings = read_model(model, from_format)
    if positive or negative:
        added = (*words, *positive)
        found = embeddings.most_similar(positive=added, negative=negative, topn=number)
        results = [(expression(added, negative), found)]
    else:
        results = [(word, embeddings.most_similar(word, number)) for word in words]
    show_neighbors(results)


def expression(positive: Sequence[str], negative: Sequence[str]) -> str:
    """Return a query as a sum: ``king + woman - man``."""
    text = " + ".join(positive)
    return text + "".join(f" - {word}" for word in negative) if text else f"-{' - '.join(negative)}"


def show_neighbors(results: Iterable[tuple[str, Sequence[tuple[str, float]]]]) -> None:
    """Print the neighbors of each query: a table on a terminal, else one in a line."""
    if not terminal.is_terminal():
        for query, neighbors in results:
            for word, cosine in neighbors:
                click.echo(f"{query}\t{word}\t{cosine:.4f}")
        return
    for position, (query, neighbors) in enumerate(results):
        if position:
            terminal.echo("")
        terminal.echo(terminal.heading(query))
        for line in terminal.cosine_table(neighbors):
            terminal.echo(line)


def show_scores(rows: Sequence[tuple[str, float]], marked: str | None = None) -> None:
    """Print words and their cosines: a table on a terminal, else one in a line."""
    if terminal.is_terminal():
        for line in terminal.cosine_table(rows, marked):
            terminal.echo(line)
    else:
        for word, cosine in rows:
            click.echo(f"{word}\t{cosine:.4f}")


@cloup.command(cls=Command, short_help="Solve an analogy: A is to B as C is to ...")
@options.model
@click.argument("a")
@click.argument("b")
@click.argument("c")
@number
@from_format
def analogy(model: str, a: str, b: str, c: str, number: int, from_format: str | None) -> None:
    """List the best answers to "A is to B as C is to ...": word, cosine similarity."""
    show_scores(read_model(model, from_format).analogy(a, b, c, number))


@cloup.command(cls=Command, short_help="Find the word that does not fit to the others.")
@options.model
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@from_format
def odd(model: str, words: tuple[str, ...], from_format: str | None) -> None:
    """List the words by how well they fit together, the odd one first.

    The second column is the cosine of a word's vector with the mean of all. Each vector is scaled
    to length 1 first.
    """
    fits = read_model(model, from_format).odd_one_out(words)
    show_scores(fits, marked=fits[0][0])
