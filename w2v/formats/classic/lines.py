"""What the text formats share: lines and numbers, words as bytes, and gzip.

Nothing is allocated for what a file promises: lines have a longest length, and memory grows by
the rows that are really there, so that a small packed file cannot ask for all of the memory.
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
from typing import IO, TYPE_CHECKING, BinaryIO, cast

import numpy as np

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import FormatError, InputError
from w2v.system import atomic as output
from w2v.system.files import require_regular_file
from w2v.text.decompress import ExpansionGuard

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

MOST_DIMENSIONS = 1_000_000
"""As many as w2v trains."""

LONGEST_LINE = 1 << 25
"""Bytes: a word and MOST_DIMENSIONS numbers of 16 characters fit."""

_GZIP_MAGIC = b"\x1f\x8b"
_MOST_EXPANSION = 1032
"""Of a byte that is unpacked (zlib's technical details, "Maximum Compression Factor")."""

# Of 50,000 x 128 numbers, level 6 makes files a tenth smaller in seven times the time.
_GZIP_LEVEL = 1

_LONGEST_REST = 1 << 10
_ROWS_SAMPLED = 64
_BUFFER = 1 << 16
_EXPANSION_ADVICE = "if it is to be so, unpack it first (gzip -d)"


@dataclass
class Lines:
    """The lines of a text that is being read.

    Attributes:
        file: the text, unpacked.
        path: its name, for errors.
        most_bytes: there can be no more of it, as far as the size of the file tells.
        number: of the line that was read last, from 1.

    """

    file: IO[bytes]
    path: str | Path
    most_bytes: int
    number: int = 0

    @property
    def where(self) -> str:
        """The line that was read last, for errors."""
        return f"{self.path}, line {self.number}"

    def following(self) -> bytes | None:
        """Return the next line without its LF, None at the end of the file.

        Raises:
            FormatError: the line is too long or has no LF, so that the file may be cut short.

        """
        line = self.file.readline(LONGEST_LINE + 1)
        if not line:
            return None
        self.number += 1
        if len(line) > LONGEST_LINE:
            message = f"{self.where}: no line of a text of vectors takes over {LONGEST_LINE} bytes"
            raise FormatError(message)
        if not line.endswith(b"\n"):
            raise self.cut_short()
        return line[:-1]

    def cut_short(self) -> FormatError:
        """What to raise if there should be more."""
        return FormatError(
            f"{self.where}: expected a whole line, the file ends before a line end; it is cut short"
        )

    def has_ended(self) -> bool:
        """Whether nothing follows but a little white space."""
        rest = self.file.read(_LONGEST_REST)
        return len(rest) < _LONGEST_REST and not rest.strip()


class Numbers:
    """Rows of D numbers, gathered as they come."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._numbers = array("f")

    def add(self, fields: list[bytes], where: str) -> None:
        """Add a row.

        Raises:
            FormatError: these are not D numbers.

        """
        if len(fields) != self.dim:
            raise self.wrong_count(len(fields), where)
        try:
            self._numbers.fromlist(list(map(float, fields)))  # too large becomes infinite
        except ValueError as error:
            message = f"{where}: expected {self.dim} numbers: {error!s:.200}"
            raise FormatError(message) from error

    def wrong_count(self, count: int, where: str) -> FormatError:
        """What to raise if there are too few or too many in a row."""
        return FormatError(f"{where}: expected {self.dim} numbers, got {count}")

    def matrix(self) -> NDArray[np.float32]:
        """Return the rows: (rows, D) float32, C order, no copy."""
        return np.frombuffer(self._numbers, dtype=np.float32).reshape(-1, self.dim)


def rows_of_text(matrix: NDArray[np.float32], separator: str) -> Iterator[bytes]:
    """Write each row as a line of numbers with 9 significant digits.

    So many tell every float32 from its neighbours (IEEE 754-2008, 5.12.2).
    """
    row_format = separator.join(["%.9g"] * matrix.shape[1]) + "\n"
    for row in matrix:
        yield (row_format % tuple(row.tolist())).encode("ascii")


def estimated_size(words: Sequence[bytes], matrix: NDArray[np.float32], path: str | Path) -> int:
    """Tell about how many bytes a text of words and rows will take, by some of them.

    Args:
        words: (V,) what stands before the numbers.
        matrix: (V, D) the numbers.
        path: whose name tells whether gzip packs it.

    """
    step = -(-len(matrix) // _ROWS_SAMPLED)
    rows = rows_of_text(matrix[::step], " ")
    text = b"".join(word + b" " + row for word, row in zip(words[::step], rows, strict=False))
    size = len(gzip.compress(text, _GZIP_LEVEL)) if _is_packed(path) else len(text)
    return size * len(matrix) // max(len(matrix[::step]), 1)


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for reading; what the system refuses is an InputError."""
    require_regular_file(path)
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InputError(message) from error


@contextmanager
def opened_text(path: str | Path) -> Iterator[Lines]:
    """Open a text, which gzip may have packed; its content tells.

    Raises:
        InputError: the file cannot be read, or unpacks to too much.
        FormatError: it is packed, and damaged.

    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        packed = file.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        file.seek(0)
        if not packed:
            yield Lines(file, path, size)
            return
        try:
            with gzip.GzipFile(fileobj=file, mode="rb") as packed_text:
                text = cast("IO[bytes]", packed_text)
                bounded = ExpansionGuard(text, file.tell, path, advice=_EXPANSION_ADVICE)
                yield Lines(io.BufferedReader(bounded, _BUFFER), path, size * _MOST_EXPANSION)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            message = f"{path}: a gzip file that is damaged or cut short: {error}"
            raise FormatError(message) from error


@contextmanager
def new_text(path: str | Path, *, needed: int, overwrite: bool) -> Iterator[IO[bytes]]:
    """Yield a text that becomes ``path``, packed by gzip if the name ends in ``.gz``.

    The same text gives the same bytes: neither a name nor a time is put into the file.

    Raises:
        OutputError: the file cannot be put there.

    """
    with output.new_file(path, needed=needed, overwrite=overwrite) as file:
        if not _is_packed(path):
            yield file
            return
        with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
            yield cast("IO[bytes]", packed)


def _is_packed(path: str | Path) -> bool:
    return str(path).lower().endswith(".gz")


def encode_words(words: Sequence[str], format_name: str) -> list[bytes]:
    """Encode words as UTF-8 for a format in which white space ends a word.

    Raises:
        FormatError: a word contains white space, or a lone surrogate, which UTF-8 has no bytes
            for.

    """
    for word in words:
        if word.split() != [word]:
            message = (
                f"{word!r} contains white space, which {format_name} cannot hold; "
                "choose another format or rename the word"
            )
            raise FormatError(message)
    return encode(words)


def encode(words: Sequence[str]) -> list[bytes]:
    """Encode words as UTF-8.

    Raises:
        FormatError: a word contains a lone surrogate.

    """
    try:
        return [word.encode("utf-8") for word in words]
    except UnicodeEncodeError as error:
        message = f"{error.object!r} cannot be written as UTF-8; rename the word"
        raise FormatError(message) from error


def add_word(words: dict[bytes, int], word: bytes, where: str) -> None:
    """Add a word and its row.

    A word that is there already ends the reading: the rest of the file need not be unpacked.

    Raises:
        FormatError: it is there already.

    """
    row = len(words)
    first = words.setdefault(word, row)
    if first != row:
        name = word.decode("utf-8", "replace")
        message = f"{where}: {name!r:.200} is word {first} already; words must differ"
        raise FormatError(message)


def as_embeddings(
    words: Sequence[bytes],
    matrix: NDArray[np.float32],
    path: str | Path,
    counts: list[int] | None = None,
) -> Embeddings:
    """Make embeddings of what was read; ``meta["replaced_words"]`` is as ``decode_words`` says.

    Raises:
        FormatError: a number is not finite, or a word empty.

    """
    decoded, replaced = decode_words(words)
    meta = {"replaced_words": replaced} if replaced else {}
    return Embeddings(decoded, matrix, counts, meta, source=path)


def decode_words(words: Sequence[bytes]) -> tuple[list[str], int]:
    r"""Decode words from UTF-8, and those that are not UTF-8 (word2vec.c cuts at a byte) too.

    Bytes that are not UTF-8 become U+FFFD. If that makes a word equal to another one, they are
    spelled out instead, as in ``caf\xe9``, so that every row keeps a name of its own.

    Returns:
        The words, and how many of them were not UTF-8.

    """
    decoded: list[str | None] = [_strictly(word) for word in words]
    taken = set(decoded)
    result = []
    for word, text in zip(words, decoded, strict=True):
        if text is None:
            text = word.decode("utf-8", "replace")
            if text in taken:
                text = word.decode("utf-8", "backslashreplace")
            taken.add(text)
        result.append(text)
    return result, decoded.count(None)


def _strictly(word: bytes) -> str | None:
    try:
        return word.decode("utf-8")
    except UnicodeDecodeError:
        return None
