"""What the text formats share: lines, rows of numbers, words, and gzip.

The readers do not allocate memory for what a file merely announces. Lines have a maximum length,
and the matrix grows with the rows that are read, so a small compressed file cannot exhaust memory.
"""

from __future__ import annotations

import gzip
import io
import os
import zlib
from array import array
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from w2v.errors import FormatError
from w2v.formats.table import VectorTable
from w2v.formats.words import decode_words, encode_words
from w2v.system import atomic
from w2v.system.files import open_binary
from w2v.text.decompress import ExpansionGuard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MAX_DIM = 1_000_000
"""The largest vector size, as in training."""

MAX_LINE_BYTES = 1 << 25
"""Enough for a word and MAX_DIM numbers of 16 characters."""

_GZIP_MAGIC = b"\x1f\x8b"
_MAX_GZIP_RATIO = 1032
"""Bytes that one byte can expand to (zlib technical details, "Maximum Compression Factor")."""

# Level 6 takes seven times as long for files that are a tenth smaller (50,000 x 128 numbers).
_GZIP_LEVEL = 1

_MAX_TRAILING_SPACE = 1 << 10
_SAMPLED_ROWS = 64
_BUFFER_BYTES = 1 << 16
_EXPANSION_ADVICE = "if that is intended, decompress it first (gzip -d)"


@dataclass
class LineReader:
    """The lines of an open text file.

    Attributes:
        file: the decompressed text.
        path: its name, for error messages.
        max_bytes: an upper bound of its length, from the size of the file.
        number: the number of the last line that was read, from 1.

    """

    file: IO[bytes]
    path: str | Path
    max_bytes: int
    number: int = 0

    @property
    def where(self) -> str:
        """The file and the number of the last line, for error messages."""
        return f"{self.path}, line {self.number}"

    def next_line(self) -> bytes | None:
        """Return the next line without its LF, or None at the end of the file.

        Raises:
            FormatError: the line is too long, or it has no LF, so the file may be truncated.

        """
        line = self.file.readline(MAX_LINE_BYTES + 1)
        if not line:
            return None
        self.number += 1
        if len(line) > MAX_LINE_BYTES:
            message = f"{self.where}: the line is longer than {MAX_LINE_BYTES} bytes"
            raise FormatError(message)
        if not line.endswith(b"\n"):
            raise self.truncated()
        return line[:-1]

    def truncated(self) -> FormatError:
        """Return the error for a file that ends too early."""
        return FormatError(f"{self.where}: the line is incomplete; the file is truncated")

    def at_end(self) -> bool:
        """Return whether only a little white space follows."""
        rest = self.file.read(_MAX_TRAILING_SPACE)
        return len(rest) < _MAX_TRAILING_SPACE and not rest.strip()


class RowBuffer:
    """A matrix of D columns that grows row by row."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._numbers = array("f")

    def add(self, fields: list[bytes], where: str) -> None:
        """Parse and append a row.

        Raises:
            FormatError: the fields are not D numbers.

        """
        if len(fields) != self.dim:
            raise self.wrong_count(len(fields), where)
        try:
            if b"_" in b"".join(fields):  # which Python's float ignores
                shown = next(field for field in fields if b"_" in field)
                message = f"could not convert string to float: {shown!r}"
                raise ValueError(message)
            # Numbers too large for float32 become infinite, which `VectorTable` rejects.
            self._numbers.fromlist(list(map(float, fields)))
        except ValueError as error:
            message = f"{where}: expected {self.dim} numbers: {error!s:.200}"
            raise FormatError(message) from error

    def wrong_count(self, count: int, where: str) -> FormatError:
        """Return the error for a row of ``count`` numbers."""
        return FormatError(f"{where}: expected {self.dim} numbers, got {count}")

    def matrix(self) -> NDArray[np.float32]:
        """Return the rows, (n, D) float32 in C order, without a copy."""
        return np.frombuffer(self._numbers, dtype=np.float32).reshape(-1, self.dim)


def format_rows(matrix: NDArray[np.float32], separator: str) -> Iterator[bytes]:
    """Format each row as a line of numbers with 9 significant digits.

    9 digits identify every float32 (IEEE 754-2008, 5.12.2).
    """
    row_format = separator.join(["%.9g"] * matrix.shape[1]) + "\n"
    for row in matrix:
        yield (row_format % tuple(row.tolist())).encode("ascii")


def estimate_size(prefixes: Sequence[bytes], matrix: NDArray[np.float32], path: str | Path) -> int:
    """Estimate the size of a text file from a sample of its rows.

    Args:
        prefixes: (V,) the text before the numbers of each row.
        matrix: (V, D) the numbers.
        path: the file, whose name determines whether it is compressed.

    """
    step = -(-len(matrix) // _SAMPLED_ROWS)
    rows = format_rows(matrix[::step], " ")
    text = b"".join(
        prefix + b" " + row for prefix, row in zip(prefixes[::step], rows, strict=False)
    )
    size = len(gzip.compress(text, _GZIP_LEVEL)) if _has_gzip_name(path) else len(text)
    return size * len(matrix) // max(len(matrix[::step]), 1)


@contextmanager
def open_text(path: str | Path) -> Iterator[LineReader]:
    """Open a text file for reading. Its content determines whether it is compressed by gzip.

    Raises:
        InputError: the file cannot be read, or expands too much.
        FormatError: it is compressed, and damaged.

    """
    with open_binary(path) as file:
        size = os.fstat(file.fileno()).st_size
        compressed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        if not compressed:
            yield LineReader(file, path, size)
            return
        try:
            with gzip.GzipFile(fileobj=file, mode="rb") as decompressed:
                text = cast("IO[bytes]", decompressed)
                guarded = ExpansionGuard(text, file.tell, path, advice=_EXPANSION_ADVICE)
                buffered = io.BufferedReader(guarded, _BUFFER_BYTES)
                yield LineReader(buffered, path, size * _MAX_GZIP_RATIO)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            message = f"{path}: the gzip file is damaged or truncated: {error}"
            raise FormatError(message) from error


@contextmanager
def new_text(path: str | Path, *, needed: int, overwrite: bool) -> Iterator[IO[bytes]]:
    """Yield a file that becomes ``path``, compressed by gzip if the name ends in ``.gz``.

    The gzip header contains neither a name nor a time, so equal text gives equal files.

    Raises:
        OutputError: the file cannot be written.

    """
    with atomic.new_file(path, needed=needed, overwrite=overwrite) as file:
        if not _has_gzip_name(path):
            yield file
            return
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as compressed:
            yield cast("IO[bytes]", compressed)


def _has_gzip_name(path: str | Path) -> bool:
    return str(path).lower().endswith(".gz")


def encode_unspaced(words: Sequence[str], format_name: str) -> list[bytes]:
    """Encode words as UTF-8, for a format in which white space ends a word.

    Raises:
        FormatError: a word contains white space or cannot be written as UTF-8.

    """
    for word in words:
        if word.split() != [word]:
            message = (
                f"{word!r} contains white space, which {format_name} cannot hold; "
                "choose another format or rename the word"
            )
            raise FormatError(message)
    return encode_words(words)


def add_word(words: dict[bytes, int], word: bytes, where: str) -> None:
    """Map a word to the next row.

    A duplicate is an error at once, so that the rest of the file need not be decompressed.

    Raises:
        FormatError: the word is a duplicate.

    """
    row = len(words)
    first = words.setdefault(word, row)
    if first != row:
        name = word.decode("utf-8", "replace")
        message = f"{where}: {name!r:.200} is also word {first}; words must be distinct"
        raise FormatError(message)


def as_table(
    words: Sequence[bytes],
    matrix: NDArray[np.float32],
    path: str | Path,
    counts: list[int] | None = None,
) -> VectorTable:
    """Make a table of what was read from ``path``.

    ``meta["replaced_words"]`` is the number of words that were not valid UTF-8, if any; see
    `w2v.formats.words.decode_words`.

    Raises:
        FormatError: a number is not finite, or a word is empty.

    """
    decoded, replaced = decode_words(words)
    meta = {"replaced_words": replaced} if replaced else {}
    return VectorTable(decoded, matrix, counts, meta, source=path)
