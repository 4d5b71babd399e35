"""The text format of GloVe: one word and its D numbers per line, without a header.

D is the number of fields at the end of the first line that are numbers, except its first field,
which is part of the word. In every other line, the last D fields are the numbers. So a word may
contain spaces, like ``. . .`` in Stanford's glove.840B.300d.txt, unless its last part is a number:
such a line is rejected, because it may as well have one number too many.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

from w2v.errors import FormatError
from w2v.formats.classic import lines

if TYPE_CHECKING:
    from pathlib import Path

    from w2v.formats.table import VectorTable

_NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_MAX_SHOWN = 64


def write(table: VectorTable, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a text file, atomically; compressed by gzip if its name ends in ``.gz``.

    Raises:
        FormatError: a word contains white space, which other programs cannot read in this format,
            or cannot be written as UTF-8.
        OutputError: the file cannot be written.

    """
    words = lines.encode_unspaced(table.words, "glove")
    needed = lines.estimate_size(words, table.matrix, path)
    with lines.new_text(path, needed=needed, overwrite=overwrite) as file:
        rows = lines.format_rows(table.matrix, " ")
        for word, row in zip(words, rows, strict=True):
            file.write(word + b" " + row)


def read(path: str | Path) -> VectorTable:
    """Read a text file, compressed by gzip or not. White space at line ends is ignored.

    Without a header, a file that is truncated at a line end cannot be detected. For words that
    are not UTF-8, see `w2v.formats.words.decode_words`.

    Raises:
        InputError: the file cannot be read.
        FormatError: a line is invalid.

    """
    with lines.open_text(path) as reader:
        line = _next_line(reader)
        rows = lines.RowBuffer(_parse_dim(line, reader.where))
        words: dict[bytes, int] = {}
        while line is not None:
            word, fields = _split(line, rows, reader.where)
            lines.add_word(words, word, reader.where)
            rows.add(fields, reader.where)
            line = _next_line(reader)
    return lines.as_table(list(words), rows.matrix(), path)


def matches(path: str | Path) -> bool:
    """Return whether the first line is a word and numbers.

    Raises:
        InputError: the file cannot be read.
        FormatError: the line is too long or truncated, or the file is compressed and damaged.

    """
    with lines.open_text(path) as reader:
        return _count_numbers(_next_line(reader) or b"") > 0


def _next_line(reader: lines.LineReader) -> bytes | None:
    line = reader.next_line()
    return None if line is None else line.rstrip(b" \t\r")


def _parse_dim(line: bytes | None, where: str) -> int:
    """Return D, according to the first line."""
    dim = _count_numbers(line or b"")
    if line is None or dim == 0:
        shown = (line or b"")[:_MAX_SHOWN].decode("utf-8", "replace")
        message = f"{where}: expected a first line of a word and its numbers, got {shown!r}"
        raise FormatError(message)
    if dim > lines.MAX_DIM:
        message = f"{where}: expected at most {lines.MAX_DIM} numbers, got {dim}"
        raise FormatError(message)
    return dim


def _count_numbers(line: bytes) -> int:
    """Count the numbers at the end of a line, except in its first field, up to MAX_DIM + 1."""
    _, *fields = line.rsplit(b" ", lines.MAX_DIM + 1)
    return sum(1 for _ in takewhile(_NUMBER.fullmatch, reversed(fields)))


def _split(line: bytes, rows: lines.RowBuffer, where: str) -> tuple[bytes, list[bytes]]:
    """Split a line into the word and its D last fields."""
    word, *fields = line.rsplit(b" ", rows.dim)
    _, space, last = word.rpartition(b" ")
    if len(fields) != rows.dim or (space and _NUMBER.fullmatch(last.replace(b"_", b""))):
        raise rows.wrong_count(_count_numbers(line), where)
    return word, fields
