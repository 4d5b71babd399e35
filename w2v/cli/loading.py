"""Reading of models and files of vectors by the commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import cloup

from w2v.cli import options
from w2v.formats.reading import LIMIT, ON_BAD_ROW
from w2v.formats.registry import READABLE

if TYPE_CHECKING:
    from w2v.cli.options import Decorator
    from w2v.embeddings.embeddings import Embeddings

from_format: Decorator[Any] = cloup.option(
    "--from",
    "from_format",
    type=click.Choice(list(READABLE)),
    metavar="FORMAT",
    help="Format of the model or file, as `w2v formats` lists them.  [default: detected]",
)
on_bad_row: Decorator[Any] = options.defined("--on-bad-row", option=ON_BAD_ROW, default="fail")
limit: Decorator[Any] = options.defined("--limit", option=LIMIT)


special_rows: Decorator[Any] = cloup.option(
    "--special-rows",
    is_flag=True,
    help="Use the rows of <unk>, [PAD] and the like for unknown words and padding, not as words.",
)


def read_model(
    path: str, from_format: str | None, *, on_bad_row: str = "fail", limit: int | None = None
) -> Embeddings:
    """Load a model or a file of vectors, and print notes about it."""
    from w2v.cli.progress import observing
    from w2v.embeddings.load import load

    with observing(quiet=True) as observer:
        return load(path, format=from_format, on_bad_row=on_bad_row, limit=limit, observer=observer)
