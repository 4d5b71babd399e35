"""`w2v compare`: two models side by side."""

from __future__ import annotations

import json
from typing import Any

import click
import cloup

from w2v.cli import options
from w2v.cli.loading import from_format as from_format_option
from w2v.cli.loading import read_model
from w2v.cli.process import Command
from w2v.cli.query import as_json as json_option
from w2v.cli.query import lower
from w2v.options import METHOD, MOVED, TOP, WORDS


@cloup.command(cls=Command, short_help="Compare two models.")
@click.argument("a", type=options.Path())
@click.argument("b", type=options.Path())
@click.argument("files", nargs=-1, metavar="[FILE]...", type=options.Path())
@options.defined("--words", option=WORDS, default=10_000)
@options.defined("--moved", option=MOVED, default=20)
@options.defined("--top", option=TOP, default=30_000)
@options.defined("--method", option=METHOD, default="add")
@lower
@json_option
@from_format_option
def compare(
    a: str,
    b: str,
    files: tuple[str, ...],
    as_json: bool,
    from_format: str | None,
    **how: Any,
) -> None:
    """Compare the models A and B on English sets in the package, or on each FILE, and by words.

    The first table has their scores on the items that both cover, the 95 % interval of the
    difference by a paired bootstrap, and its p-value, with a star if chance alone makes such a
    difference in less than 5 % of cases.

    Then follow the share of the 10 nearest words that are the same, and the words that have moved
    most after A is rotated onto B.
    """
    from w2v.cli.progress import observing
    from w2v.evaluation.compare import compare as compare_models

    first, second = (read_model(path, from_format) for path in (a, b))
    with observing(quiet=True) as observer:
        found = compare_models(first, second, files or None, names=(a, b), observer=observer, **how)
    text = json.dumps(found.as_dict(), indent=2, ensure_ascii=False)
    click.echo(text if as_json else str(found))
