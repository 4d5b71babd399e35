"""What the text formats share: lines, rows of numbers, and words.

The readers do not allocate memory for what a file merely announces. Lines have a maximum length,
and the matrix grows with the rows that are read, so a small compressed file cannot exhaust memory.
"""

from __future__ import annotations

import math
import re
from array import array
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

import numpy as np

from w2v.errors import FormatError
from w2v.formats.streams import compressed_size, open_stream
from w2v.formats.table import VectorTable
from w2v.formats.words import decode_words, encode_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from w2v.formats.reading import BadRows

MAX_DIM = 1_000_000
"""The largest vector size, as in training."""

MAX_LINE_BYTES = 1 << 25
"""Enough for a word and MAX_DIM numbers of 16 characters."""

NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")

BLANKS = b" \t\r"
"""What separates the fields of a line, and is ignored at its ends."""

TEXT_WORD_END = re.compile(r"[ \t\r\n]")
"""The characters that end a word in text files. Others, such as U+00A0, are parts of words."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MAX_TRAILING_SPACE = 1 << 10
_SAMPLED_ROWS = 64
_MAX_SHOWN = 64
# Larger numbers are infinite in float32; those from its maximum on are rounded to that.
_FLOAT32_MAX = math.ldexp(2 - 2**-24, 127)


@dataclass
class LineReader:
    """The lines of an open text file, without a byte-order mark.

    Attributes:
        file: the decompressed text.
        path: its name, for error messages.
        size: its length in bytes; None if it is compressed.
        number: the number of the last line that was read, from 1.
        terminated: whether the last line that was read ended with LF.

    """

    file: IO[bytes]
    path: str | Path
    size: int | None = None
    number: int = 0
    terminated: bool = True

    @property
    def where(self) -> str:
        """The file and the number of the last line, for error messages."""
        return f"{self.path}, line {self.number}"

    def next_line(self) -> bytes | None:
        """Return the next line without its LF, or None at the end of the file.

        Raises:
            FormatError: the line is too long.

        """
        line = self.file.readline(MAX_LINE_BYTES + 1)
        if not line:
            return None
        self.number += 1
        if self.number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if len(line) > MAX_LINE_BYTES:
            message = f"{self.where}: the line is longer than {MAX_LINE_BYTES} bytes"
            raise FormatError(message)
        self.terminated = line.endswith(b"\n")
        return line[:-1] if self.terminated else line

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

    def __len__(self) -> int:
        return len(self._numbers) // self.dim

    def add(self, fields: list[bytes]) -> str | None:
        """Parse D fields and append them as a row; return what is wrong with them, or None."""
        try:
            numbers = list(map(float, fields))
        except ValueError:
            return _why_no_numbers(fields)
        # A row of finite numbers has a finite sum, unless they are very large.
        total = math.fsum(map(abs, numbers))
        if not total < _FLOAT32_MAX and not all(abs(x) < _FLOAT32_MAX for x in numbers):
            return "NaN or infinity"
        if b"_" in b"".join(fields):  # which Python's float ignores
            return _why_no_numbers([field for field in fields if b"_" in field])
        self._numbers.fromlist(numbers)
        return None

    def matrix(self) -> NDArray[np.float32]:
        """Return the rows, (n, D) float32 in C order, without a copy."""
        return np.frombuffer(self._numbers, dtype=np.float32).reshape(-1, self.dim)


def _why_no_numbers(fields: list[bytes]) -> str:
    wrong = next((field for field in fields if not _is_number(field)), fields[0])
    shown = wrong[:_MAX_SHOWN].decode("utf-8", "replace")
    hint = ""
    if re.fullmatch(rb"[-+]?\d+,\d+([eE][-+]?\d+)?", wrong):
        hint = ", which has a decimal comma: replace the commas by points"
    return f"not a number: {shown!r}{hint}"


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return b"_" not in field


class WordRows:
    """The words of a file and their rows, as they are read.

    Args:
        dim: D.
        bad: receives the rows that are wrong.

    """

    def __init__(self, dim: int, bad: BadRows) -> None:
        self.rows = RowBuffer(dim)
        self.words: dict[bytes, int] = {}
        self._bad = bad

    def __len__(self) -> int:
        return len(self.words)

    def add_line(self, line: bytes, where: str, *, dim_is_given: bool) -> None:
        """Add the row of a line, whose last D fields are the numbers.

        Args:
            line: without white space at its ends.
            where: the file and the line.
            dim_is_given: whether the file states D. If not, a word must not end in a number: it
                may as well be one number too many.

        Raises:
            FormatError: the line is no such row, and bad rows are errors.

        """
        dim = self.rows.dim
        word, *fields = line.rsplit(None, dim)
        if len(fields) != dim or not word:
            count = len(line.split(None, dim + 2)) - 1
            if count == dim - 1 and all(map(_is_number, [word, *fields])):
                self._bad.add("empty word", where)
            else:
                self._bad.add("wrong number of values", where, f"expected {dim}, got {count}")
            return
        head, _, last = word.rpartition(b" ") if b" " in word else (b"", b"", b"")
        if head and NUMBER.fullmatch(last) and not (dim_is_given and last.isdigit()):
            detail = f"expected {dim}, got {dim + 1} or more"
            self._bad.add("wrong number of values", where, detail)
            return
        if word in self.words:
            shown = word.decode("utf-8", "replace")
            detail = f"{shown!r:.200} is also word {self.words[word]}"
            self._bad.add("repeated word", where, detail)
            return
        problem = self.rows.add(fields)
        if problem is not None:
            reason, _, detail = problem.partition(": ")
            self._bad.add(reason, where, detail)
            return
        self.words[word] = len(self.words)


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
    return compressed_size(text, path) * len(matrix) // max(len(matrix[::step]), 1)


@contextmanager
def open_text(path: str | Path) -> Iterator[LineReader]:
    """Open a text file for reading. Its content determines whether it is compressed.

    Raises:
        InputError: the file cannot be read, or expands too much.
        FormatError: it is compressed, and damaged.

    """
    with open_stream(path) as (stream, size):
        yield LineReader(stream, path, size)


def encode_unspaced(words: Sequence[str], format_name: str) -> list[bytes]:
    """Encode words as UTF-8, for a text format in which blanks end a word.

    Raises:
        FormatError: a word contains a blank, a tab or a line break, or cannot be written as UTF-8.

    """
    for word in words:
        if TEXT_WORD_END.search(word):
            message = (
                f"{word!r} contains a blank, a tab or a line break, which {format_name} cannot "
                "hold; choose another format, or use `on_bad_word='replace'` or 'skip'"
            )
            raise FormatError(message)
    return encode_words(words)


def as_table(
    words: Sequence[bytes],
    matrix: NDArray[np.float32],
    path: str | Path,
    counts: list[int] | None = None,
    skipped: dict[str, int] | None = None,
) -> VectorTable:
    """Make a table of what was read from ``path``.

    ``meta["replaced_words"]`` is the number of words that were not valid UTF-8, if any; see
    `w2v.formats.words.decode_words`. ``meta["skipped_rows"]`` counts the rows that were left out by
    reason, if any.

    Raises:
        FormatError: there is no row.

    """
    if not len(words):
        message = f"{path}: no row is a word and its numbers"
        raise FormatError(message)
    decoded, replaced = decode_words(words)
    meta: dict[str, object] = {"replaced_words": replaced} if replaced else {}
    if skipped:
        meta["skipped_rows"] = skipped
    return VectorTable(decoded, matrix, counts, meta, source=path)
