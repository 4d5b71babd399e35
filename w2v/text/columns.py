"""Structured files: which part of them is text, by their content and the given options."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import IO

from w2v.errors import InputError
from w2v.text.decode import TextStream
from w2v.text.decompress import ExpansionGuard
from w2v.text.delimited import describe_table, read_column
from w2v.text.extraction import PieceStream, Records, Selection, StructureError, listed
from w2v.text.json_records import describe_json, read_field
from w2v.text.parquet import MAGIC, describe_columns, read_columns

_Reader = Callable[[io.BufferedReader, str, Selection, Records], Iterator[bytes]]


def is_parquet(head: bytes) -> bool:
    """Return whether a file is a Parquet file, by its first bytes."""
    return head.startswith(MAGIC)


def select_text(
    stream: TextStream, name: str, selection: Selection, records: Records
) -> TextStream:
    """Return the selected part of a text as lines, or the stream itself if none is selected.

    Args:
        stream: the text of a file, in UTF-8.
        name: of the file.
        selection: the part.
        records: receives counts of unusual records.

    Raises:
        InputError: the file needs another option, or one if it is JSON; now, or when the stream is
            read: see `delimited.read_column` and `json_records.read_field`.

    """
    head = stream.peek(1)
    found = describe_json(head)
    if selection.json_field is not None:
        return _Selected(read_field(stream, name, selection, records))
    if found is not None:
        raise _json_error(name, selection, *found)
    if selection.column is not None:
        return _Selected(read_column(stream, name, selection, records))
    columns = describe_table(head, name)
    if columns is not None:
        records.remark(
            f"all columns of {name} are read as text; to read some of them, pass one as `column`: "
            f"{columns}"
        )
    return stream


def select_parquet_text(
    raw: IO[bytes],
    name: str,
    selection: Selection,
    records: Records,
    *,
    encoding: str | None,
    size: int,
    max_expansion: float,
) -> TextStream:
    """Return the selected columns of a Parquet file as lines.

    Args:
        raw: the file.
        name: of the file.
        selection: the columns.
        records: receives counts of unusual records.
        encoding: of other files.
        size: of the file in bytes.
        max_expansion: see `w2v.text.decompress.ExpansionGuard`.

    Raises:
        InputError: no column is selected, or an encoding is given; see also `parquet.read_columns`.
        MissingExtraError: pyarrow is not installed.

    """
    if selection.column is None:
        columns = describe_columns(raw, name)
        extra = "; this needs an optional package: pip install 'w2v[parquet]'"
        which = extra if columns is None else f", which is one of {columns}"
        instead = ", not as `json_field`" if selection.json_field is not None else ""
        message = f"{name} is a Parquet file: pass the column to read as `column`{instead}{which}"
        raise StructureError(message)
    if encoding not in {None, "utf-8"}:
        message = (
            f"{name} is a Parquet file, whose text is UTF-8, but `encoding={encoding!r}` is given"
        )
        raise InputError(f"{message}; omit it")
    pieces = PieceStream(read_columns(raw, name, selection, records))
    guard = ExpansionGuard(io.BufferedReader(pieces), lambda: size, name, max_expansion)
    return TextStream(guard)


class _Selected(TextStream):
    """A selected part of a text."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__(PieceStream(pieces))


def _json_error(name: str, selection: Selection, kind: str, fields: list[str]) -> StructureError:
    named = f", which is one of {listed(fields)}" if fields else ""
    instead = ", not as `column`" if selection.column is not None else ""
    return StructureError(
        f"{name} is {kind}: pass the field to read as `json_field`{instead}{named}"
    )
