"""The text format of word2vec: a line ``V D``, then one word and its D numbers per line.

fastText writes this format as ``.vec``, and spaCy reads it, compressed or not. Numbers have 9
significant digits, so that float32 survives exactly. The format has no escapes, so words cannot
contain blanks; but as D is known, the reader accepts them. The header, which the binary format
shares, is parsed here, too.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from w2v.errors import FormatError
from w2v.formats.classic import lines
from w2v.formats.reading import READ_ALL, BadRows, ReadOptions, counted
from w2v.formats.streams import new_stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from w2v.formats.table import VectorTable

WORD_END = lines.TEXT_WORD_END
"""The characters that no word may contain."""

MAX_HEADER_BYTES = 64
_NO_HEADER = "; if it has no header, use `format='glove'`"
HEADER = re.compile(rb"[ \t]*(\d{1,19})[ \t]+(\d{1,19})[ \t\r]*")


def write(table: VectorTable, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a text file, atomically; compressed if its name ends in ``.gz``, ``.bz2`` or the like.

    Raises:
        FormatError: a word contains a blank or a line break, or cannot be written as UTF-8.
        OutputError: the file cannot be written.

    """
    words = lines.encode_unspaced(table.words, "word2vec-text")
    needed = lines.estimate_size(words, table.matrix, path)
    with new_stream(path, needed=needed, overwrite=overwrite) as file:
        file.write(b"%d %d\n" % table.matrix.shape)
        rows = lines.format_rows(table.matrix, " ")
        for word, row in zip(words, rows, strict=True):
            file.write(word + b" " + row)


def read(path: str | Path, options: ReadOptions = READ_ALL) -> VectorTable:
    """Read a text file, compressed or not. Fields are separated by blanks or tabs.

    For words that are not UTF-8, see `w2v.formats.words.decode_words`.

    Raises:
        InputError: the file cannot be read.
        FormatError: the header or a line is invalid.

    """
    bad = BadRows(path, options)
    with lines.open_text(path) as reader:
        size, dim = parse_header(reader.next_line() or b"", path)
        check_size(size, dim, path, reader.size, lambda dim: 1 + 2 * dim, bad, _NO_HEADER)
        table = lines.WordRows(dim, path, bad, dim_is_given=True)
        # Where rows may be skipped, the number in the header may be wrong as well.
        limit = sys.maxsize if options.limit is None else options.limit
        seen = 0
        while (seen < size or bad.skips) and len(table) < limit:
            line = _next_row(reader, bad)
            if line is None:
                break
            seen += 1
            if not reader.terminated and seen < size and not bad.skips:
                raise reader.truncated()
            table.add_line(line, reader.number, terminated=reader.terminated)
        if len(table) < limit and seen != size:
            message = f"the header announces {counted(size, 'row')}, but there are {seen:,}"
            if not bad.skips:
                message = f"{path}: {message}; the file is truncated, or use `on_bad_row='skip'`"
                raise FormatError(message)
            bad.note(message)
        if options.limit is None and not reader.at_end():
            announced = f"{counted(size, 'row')} that the header announces"
            message = f"{path}: there is text after the {announced}; correct the header, or use "
            message += "`on_bad_row='skip'`"
            raise FormatError(message)
    return lines.as_table(table.words, table.rows.matrix(), path, skipped=bad.finish())


def parse_header(line: bytes, path: str | Path) -> tuple[int, int]:
    """Return V and D from the line ``V D``, both positive.

    Raises:
        FormatError: the line is no such header.

    """
    match = HEADER.fullmatch(line)
    if match is None:
        message = (
            f"{path}: expected a first line with two numbers, the number of words and the vector "
            f"size, got {line[:MAX_HEADER_BYTES].decode('utf-8', 'replace').rstrip()!r}"
        )
        raise FormatError(message)
    size, dim = int(match[1]), int(match[2])
    if size == 0 or dim == 0:
        message = f"{path}: expected at least one word and one dimension, got {size} and {dim}"
        raise FormatError(message)
    if dim > lines.MAX_DIM:
        message = f"{path}: expected at most {lines.MAX_DIM} dimensions, got {dim}"
        raise FormatError(message)
    return size, dim


def check_size(
    size: int,
    dim: int,
    path: str | Path,
    length: int | None,
    min_row_bytes: Callable[[int], int],
    bad: BadRows,
    hint: str = "",
) -> None:
    """Check a header against the size of the file, unless that is unknown or rows may be missing.

    Args:
        size: V.
        dim: D.
        path: the file, for error messages.
        length: its size in bytes, None if it is compressed.
        min_row_bytes: returns the least number of bytes in a row of D numbers.
        bad: tells whether rows may be missing.
        hint: what else the file may be.

    Raises:
        FormatError: V rows of D numbers do not fit into the file.

    """
    needed = size * min_row_bytes(dim)
    if length is not None and length < needed and not bad.skips:
        message = (
            f"{path}: the header announces {size} words of {dim} dimensions, which take at least "
            f"{needed} bytes, but the file has {length}; it is truncated or damaged{hint}"
        )
        raise FormatError(message)


def _next_row(reader: lines.LineReader, bad: BadRows) -> bytes | None:
    """Return the next line that is not blank, or None at the end of the file.

    Blank lines at the end are ignored; others are bad rows.
    """
    blank = None
    while True:
        line = reader.next_line()
        if line is None:
            return None
        line = line.strip(lines.BLANKS)
        if line:
            if blank is not None:
                bad.add("blank line", blank)
            return line
        blank = blank or reader.where
