"""The text format of word2vec: a line ``V D``, then one word and its D numbers per line.

fastText writes this format as ``.vec``, and spaCy reads it, compressed or not. Numbers have 9
significant digits, so that float32 survives exactly. The format has no escapes, so words cannot
contain white space. The header, which the binary format shares, is parsed here, too.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from w2v.errors import FormatError
from w2v.formats.classic import lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from w2v.formats.table import VectorTable

_MAX_HEADER_BYTES = 64
_HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*\n")


def write(table: VectorTable, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a text file, atomically; compressed by gzip if its name ends in ``.gz``.

    Raises:
        FormatError: a word contains white space or cannot be written as UTF-8.
        OutputError: the file cannot be written.

    """
    words = lines.encode_unspaced(table.words, "word2vec-text")
    needed = lines.estimate_size(words, table.matrix, path)
    with lines.new_text(path, needed=needed, overwrite=overwrite) as file:
        file.write(b"%d %d\n" % table.matrix.shape)
        rows = lines.format_rows(table.matrix, " ")
        for word, row in zip(words, rows, strict=True):
            file.write(word + b" " + row)


def read(path: str | Path) -> VectorTable:
    """Read a text file, compressed by gzip or not. White space at line ends is ignored.

    Every line must end in LF: a file that is truncated inside its last number would look valid
    otherwise. For words that are not UTF-8, see `w2v.formats.words.decode_words`.

    Raises:
        InputError: the file cannot be read.
        FormatError: the header or a line is invalid.

    """
    with lines.open_text(path) as reader:
        size, dim = read_header(reader.file, path, reader.max_bytes, lambda dim: 2 + 2 * dim)
        reader.number = 1
        words: dict[bytes, int] = {}
        rows = lines.RowBuffer(dim)
        for _ in range(size):
            word, fields = _next_row(reader, rows)
            lines.add_word(words, word, reader.where)
            rows.add(fields, reader.where)
        if not reader.at_end():
            message = f"{path}: there is text after the {size} rows that the header announces"
            raise FormatError(message)
    return lines.as_table(list(words), rows.matrix(), path)


def matches(path: str | Path) -> bool:
    """Return whether the first line is a header.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is compressed, and damaged.

    """
    with lines.open_text(path) as reader:
        return _HEADER.fullmatch(reader.file.readline(_MAX_HEADER_BYTES)) is not None


def read_header(
    file: IO[bytes], path: str | Path, max_bytes: int, min_row_bytes: Callable[[int], int]
) -> tuple[int, int]:
    """Read the line ``V D`` and check it against the size of the file.

    Args:
        file: the file, at its start.
        path: its name, for error messages.
        max_bytes: an upper bound of its length.
        min_row_bytes: returns the least number of bytes in a row of D numbers.

    Returns:
        V and D, both positive, and such that the file can contain V rows of D numbers.

    Raises:
        FormatError: the header is invalid.

    """
    line = file.readline(_MAX_HEADER_BYTES)
    match = _HEADER.fullmatch(line)
    if match is None:
        message = (
            f"{path}: expected a first line with two numbers, the number of words and the vector "
            f"size, got {line.decode('utf-8', 'replace').rstrip()!r}"
        )
        raise FormatError(message)
    size, dim = int(match[1]), int(match[2])
    if size == 0 or dim == 0:
        message = f"{path}: expected at least one word and one dimension, got {size} and {dim}"
        raise FormatError(message)
    needed = size * min_row_bytes(dim)
    available = max(0, max_bytes - len(line))
    if available < needed:
        message = (
            f"{path}: the header announces {size} words of {dim} dimensions, which take at least "
            f"{needed} bytes, but {available} follow; the file is truncated or not a word2vec file"
        )
        raise FormatError(message)
    if dim > lines.MAX_DIM:
        message = f"{path}: expected at most {lines.MAX_DIM} dimensions, got {dim}"
        raise FormatError(message)
    return size, dim


def _next_row(reader: lines.LineReader, rows: lines.RowBuffer) -> tuple[bytes, list[bytes]]:
    """Return the word and the D fields of the next line."""
    line = reader.next_line()
    if line is None:
        reader.number += 1
        raise reader.truncated()
    line = line.rstrip(b" \t\r")
    count = line.count(b" ")
    if count != rows.dim:  # checked before a split that may take much memory
        raise rows.wrong_count(count, reader.where)
    word, *fields = line.split(b" ")
    return word, fields
