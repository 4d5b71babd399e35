"""What the text formats share: lines, rows of numbers, and words.

The readers do not allocate memory for what a file merely announces. Lines have a maximum length,
and the matrix grows with the rows that are read, so a small compressed file cannot exhaust memory.
"""

from __future__ import annotations

import itertools
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

NO_LINE_END = "the last line has all its numbers but no line end; the file may be truncated"

NOT_FINITE = "NaN or infinity"
"""What is wrong with a row of numbers that float32 cannot hold."""

LIKE_NUMBER = re.compile(
    rb"[-+]?(0x[0-9a-fp.+-]+|nan|inf(inity)?|(?=[_.,]*\d)[\d_.,]+(e[-+]?[\d_]+)?)", re.IGNORECASE
)
"""Numbers, and what is likely to be meant as one, such as 1_0, 0,5 and NaN."""

BLANKS = b" \t\r"
"""What is ignored at the ends of a line. Blanks and tabs also separate its fields."""

TEXT_WORD_END = re.compile(r"[ \t\r\n]")
"""The characters that end a word in text files. Others, such as U+00A0, are parts of words."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""U+FEFF in UTF-8. The reader ignores one at the beginning of a file."""

_INTEGER = re.compile(rb"[-+]?\d+")
_NOT_FINITE = re.compile(rb"[-+]?(nan|inf|infinity)", re.IGNORECASE)
_NUMBER_TEXT = b"0123456789+-.eE \t"
_SPACED = bytes.maketrans(b"\t\v\f", b" \0\0")
_MAX_TRAILING_SPACE = 1 << 10
_SAMPLED_ROWS = 64
_MAX_SHOWN = 64
_MAX_SURPLUS = 1_000
_MAX_HINT_BYTES = 1 << 10
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
            line = line.removeprefix(BYTE_ORDER_MARK)
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

    def add(self, fields: list[bytes], text: bytes) -> str | None:
        """Parse D fields and append them as a row; return what is wrong with them, or None.

        Args:
            fields: D numbers.
            text: the fields with the blanks and tabs between them.

        """
        # Python's float reads more than numbers, such as 1_0, nan and inf.
        if text.translate(None, _NUMBER_TEXT):
            return _problem(fields)
        try:
            numbers = list(map(float, fields))
        except ValueError:
            return _problem(fields)
        # The Euclidean norm is an upper bound of the numbers, and quickly computed.
        if math.hypot(*numbers) >= _FLOAT32_MAX and max(map(abs, numbers)) >= _FLOAT32_MAX:
            return NOT_FINITE
        self._numbers.fromlist(numbers)
        return None

    def matrix(self) -> NDArray[np.float32]:
        """Return the rows, (n, D) float32 in C order, without a copy."""
        return np.frombuffer(self._numbers, dtype=np.float32).reshape(-1, self.dim)


def _problem(fields: list[bytes]) -> str:
    """Return what is wrong with fields that are not all numbers."""
    wrong = next(field for field in fields if not NUMBER.fullmatch(field.strip(b" ")))
    if _NOT_FINITE.fullmatch(wrong.strip(b" ")):
        return NOT_FINITE
    shown = wrong[:_MAX_SHOWN].decode("utf-8", "replace")
    return f"not a number: {shown!r}{separator_hint(b' '.join(fields))}"


def separator_hint(text: bytes) -> str:
    """Return a remedy if numbers seem to be separated by commas or to contain them, or ""."""
    text = text[:_MAX_HINT_BYTES]
    remedy = ""
    if re.search(rb";[ \t]*[-+.]?\d", text):
        remedy = "the fields seem to be separated by semicolons: replace these by blanks"
    elif re.search(rb"(,[ \t]+|[^\d \t],)[-+.]?\d|\d[.]\d+,", text):
        remedy = "the fields seem to be separated by commas: replace these by blanks"
    elif re.search(rb"(\A|[ \t])[-+]?\d+,\d+([eE][-+]?\d+)?([ \t]|\Z)", text):
        remedy = "the numbers seem to have decimal commas: replace these by points"
    return f" ({remedy})" if remedy else ""


def split_fields(line: bytes, most: int) -> list[bytes]:
    """Split a line at blanks and tabs, from its end.

    Args:
        line: without blanks at its ends.
        most: the greatest number of fields to split off.

    Returns:
        The rest of the line and at most ``most`` fields.

    """
    if b"\t" not in line and b"\v" not in line and b"\f" not in line:
        return line.rsplit(None, most)
    # Vertical tabs and form feeds are parts of words, but `bytes.rsplit` splits at them.
    fields = line.translate(_SPACED).rsplit(None, most)
    if len(fields) > most:
        fields[0] = line[: len(fields[0])]
    return fields


def count_numbers(line: bytes, most: int = MAX_DIM + 1) -> int:
    """Count what looks like numbers at the end of a line, up to ``most``.

    The first field does not count, because it belongs to the word.
    """
    fields = split_fields(line, most)[1:]
    return sum(1 for _ in itertools.takewhile(LIKE_NUMBER.fullmatch, reversed(fields)))


class WordRows:
    """The words of a file and their rows, as they are read.

    Args:
        dim: D.
        path: the file, for error messages.
        bad: receives the rows that are wrong.
        dim_is_given: whether the file states D. If not, no word may end in a number: it may as well
            be one number too many.

    """

    def __init__(self, dim: int, path: str | Path, bad: BadRows, *, dim_is_given: bool) -> None:
        self.rows = RowBuffer(dim)
        self.words: dict[bytes, int] = {}
        self._path = path
        self._bad = bad
        self._dim_is_given = dim_is_given

    def __len__(self) -> int:
        return len(self.words)

    def add_line(self, line: bytes, number: int, *, terminated: bool) -> None:
        """Add the row of a line, whose last D fields are the numbers.

        Args:
            line: without blanks at its ends.
            number: the number of the line.
            terminated: whether there is a line end.

        Raises:
            FormatError: the line is no such row, and bad rows are errors.

        """
        dim = self.rows.dim
        word, *fields = split_fields(line, dim)
        if len(fields) != dim:
            if terminated:
                self._add_bad(number, *self._wrong_count(word, fields, line))
            else:
                self._add_bad(number, "incomplete line", "the file is truncated")
        elif word in self.words:
            shown = word.decode("utf-8", "replace")
            self._add_bad(
                number, "repeated word", f"{shown!r:.200} is also word {self.words[word]}"
            )
        elif b"\r" in line:
            remedy = "line ends must be LF or CR LF"
            self._add_bad(number, "carriage return within a line", remedy)
        elif (b" " in word or b"\t" in word) and self._ends_in_number(word, fields):
            count = count_numbers(line, dim + _MAX_SURPLUS)
            detail = f"expected {dim}, got {count}{' or more' * (count == dim + _MAX_SURPLUS)}"
            if count == dim + 1:
                detail += f", or a word that ends in a number: {word.decode('utf-8', 'replace')!r}"
            self._add_bad(number, "wrong number of values", f"{detail:.200}")
        else:
            problem = self.rows.add(fields, line[len(word) :])
            if problem is None:
                self.words[word] = len(self.words)
                if not terminated:
                    self._bad.note(NO_LINE_END)
            else:
                reason, _, detail = problem.partition(": ")
                self._add_bad(number, reason, detail)

    def _wrong_count(self, word: bytes, fields: list[bytes], line: bytes) -> tuple[str, str]:
        """Return what is wrong with a line of too few fields, and the details."""
        dim, count = self.rows.dim, len(fields)
        if count == dim - 1 and all(map(LIKE_NUMBER.fullmatch, [word, *fields])):
            return "empty word", f"there are {dim} numbers only"
        return "wrong number of values", f"expected {dim}, got {count}{separator_hint(line)}"

    def _ends_in_number(self, word: bytes, fields: list[bytes]) -> bool:
        """Return whether a word with blanks may be a word and a number too many.

        It is taken for a word, like ``route 66``, if D is given and the number is the only integer.
        """
        rest, last, *_ = [*split_fields(word, 1), b""]
        if not LIKE_NUMBER.fullmatch(last):
            return False
        if not self._dim_is_given or not last.isdigit() or count_numbers(rest, 1):
            return True
        return any(_INTEGER.fullmatch(field) for field in fields)

    def _add_bad(self, number: int, reason: str, detail: str) -> None:
        self._bad.add(reason, f"{self._path}, line {number}", detail)


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
    words: list[bytes] | dict[bytes, int],
    matrix: NDArray[np.float32],
    path: str | Path,
    counts: list[int] | None = None,
    skipped: dict[str, int] | None = None,
) -> VectorTable:
    """Make a table of what was read from ``path``. It empties ``words``.

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
