"""Load embeddings from any supported file or directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.embeddings.embeddings import Embeddings
from w2v.events import Observer, ignore
from w2v.formats import registry
from w2v.formats.reading import ReadOptions

if TYPE_CHECKING:
    from pathlib import Path


def load(
    path: str | Path,
    *,
    format: str | None = None,  # noqa: A002 - the usual name
    on_bad_row: str = "fail",
    limit: int | None = None,
    special_rows: bool = False,
    observer: Observer = ignore,
) -> Embeddings:
    """Load embeddings from a model directory or a file of vectors.

    The files in a directory determine its format, and the content of a file does. Files may be
    compressed by gzip, bzip2, xz or zstd, or be alone in a zip archive.

    Args:
        path: the file or directory.
        format: the name of its format, as ``w2v formats`` lists them, if it is not detected.
        on_bad_row: what to do about a row of a text or binary file that is not a new word and D
            finite numbers: ``"fail"``; or ``"skip"``, which leaves it out and counts it in
            ``meta["skipped_rows"]``. Of a repeated word, the first row counts.
        limit: read only this many words, from the first one.
        special_rows: whether rows of ``<unk>``, ``[PAD]`` and the like are those of the layout for
            unknown words and padding, and not words.
        observer: receives a `w2v.events.Notice` of what was odd. By default it is logged.

    Raises:
        InputError: the path does not exist or cannot be read.
        FormatError: the file does not match its format, or is of no known kind.
        ConfigError: an argument is invalid.
        MissingExtraError: the format needs a package that is not installed.

    """
    options = ReadOptions(on_bad_row, limit, observer, special_rows)
    return Embeddings.from_table(registry.read(path, options, format=format))
