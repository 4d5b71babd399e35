"""The binary format of word2vec: ``V D`` and LF, then word, space, D little-endian float32, LF.

Some programs, such as gensim, omit the LF after each row. The reader accepts both variants.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

import numpy as np

from w2v.errors import FormatError
from w2v.formats.classic import lines
from w2v.formats.classic.word2vec_text import MAX_HEADER_BYTES, check_size, parse_header
from w2v.formats.reading import READ_ALL, BadRows, ReadOptions, counted
from w2v.formats.streams import compressed_size, new_stream, open_stream
from w2v.formats.words import size_of_words
from w2v.system.sniff import count_controls, count_invalid

if TYPE_CHECKING:
    import io
    from pathlib import Path

    from numpy.typing import NDArray

    from w2v.formats.table import VectorTable

WORD_END = re.compile(r"[ \n]")
"""The characters that no word may contain."""

_FLOAT = np.dtype("<f4")
_MAX_WORD_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 18
_SAMPLED_ROWS = 64
_MAX_CUT_BYTES = 3
_MAX_NUMBER_BYTES = 64


def write(table: VectorTable, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a binary file, atomically; compressed if its name ends in ``.gz`` or the like.

    Raises:
        FormatError: a word contains a blank or a line break, or cannot be written as UTF-8.
        OutputError: the file cannot be written.

    """
    for text in table.words:
        if WORD_END.search(text):
            message = (
                f"{text!r} contains a blank or a line break, which word2vec-bin cannot hold; "
                "choose another format, or use `on_bad_word='replace'` or 'skip'"
            )
            raise FormatError(message)
    matrix = table.matrix.astype(_FLOAT, copy=False)
    needed = matrix.nbytes + size_of_words(table.words) + len(table) * len(b" \n")
    sample = matrix[:_SAMPLED_ROWS].tobytes()
    needed = needed * compressed_size(sample, path) // max(len(sample), 1)
    with new_stream(path, needed=needed, overwrite=overwrite) as file:
        file.write(b"%d %d\n" % matrix.shape)
        for text, row in zip(table.words, matrix, strict=True):
            file.write(text.encode() + b" " + row.tobytes() + b"\n")


def read(path: str | Path, options: ReadOptions = READ_ALL) -> VectorTable:
    """Read a binary file, compressed or not.

    For words that are not UTF-8, see `w2v.formats.words.decode_words`.

    Raises:
        InputError: the file cannot be read.
        FormatError: the header or a row is invalid.

    """
    bad = BadRows(path, options)
    with open_stream(path) as (stream, length):
        header = stream.readline(MAX_HEADER_BYTES)
        size, dim = parse_header(header.removesuffix(b"\n"), path)
        check_size(size, dim, path, length, lambda dim: 1 + _FLOAT.itemsize * dim, bad)
        limit = sys.maxsize if options.limit is None else options.limit
        rows = _Rows(path, dim, bad)
        reader = _RowReader(stream, dim, path)
        batch = max(_CHUNK_BYTES // (_FLOAT.itemsize * dim), 1)
        while rows.seen < size and len(rows.words) < limit:
            most = min(batch, size - rows.seen, limit - len(rows.words))
            found = reader.next_rows(rows.seen, most, bad)
            rows.add(found)
            if not found:
                message = f"the header announces {counted(size, 'row')}, but there are "
                left = reader.rest()
                left_over = f", and {counted(left, 'byte')} of no row" if left else ""
                bad.note(f"{message}{rows.seen:,}{left_over}")
                break
        if rows.seen == size and len(rows.words) < limit:
            _read_behind(reader, rows, size, limit, batch)
    return lines.as_table(rows.words, _native(rows.matrix()), path, skipped=bad.finish())


class _Rows:
    """The words of a file and their numbers, as they are read."""

    def __init__(self, path: str | Path, dim: int, bad: BadRows) -> None:
        self.path = path
        self.dim = dim
        self.bad = bad
        self.seen = 0
        self.words: dict[bytes, int] = {}
        self._numbers = bytearray()

    def add(self, rows: list[tuple[bytes, bytes]]) -> None:
        """Add words and their numbers."""
        finite = _are_finite(b"".join([data for _, data in rows]))
        for word, data in rows:
            if word and word not in self.words and (finite or _are_finite(data)):
                self.words[word] = len(self.words)
                self._numbers += data
            else:
                reason, detail = _problem(word, self.words)
                self.bad.add(reason, f"{self.path}, row {self.seen}", detail)
            self.seen += 1

    def matrix(self) -> NDArray[np.float32]:
        """Return the numbers, (n, D), without a copy."""
        return np.frombuffer(self._numbers, _FLOAT).reshape(-1, self.dim)


def _read_behind(reader: _RowReader, rows: _Rows, size: int, limit: int, batch: int) -> None:
    """Read what follows the rows that the header announces.

    If rows may be skipped, and nothing but rows follows, these count.

    Raises:
        FormatError: something follows, and bad rows are errors.

    """
    more: list[tuple[bytes, bytes]] = []
    while rows.bad.skips and (found := reader.next_rows(rows.seen, batch, rows.bad)):
        more += found
    rest = reader.rest() if limit == sys.maxsize else 0
    if rest:
        rest += sum(len(word) + len(b" ") + len(data) for word, data in more)
        announced = f"{counted(size, 'row')} of {counted(rows.dim, 'number')}"
        follow = "follows" if rest == 1 else "follow"
        message = f"{counted(rest, 'byte')} {follow} the {announced} that the header announces"
        if not rows.bad.skips:
            message = (
                f"{rows.path}: {message}; the header or the file is damaged, or use "
                "`on_bad_row='skip'`"
            )
            raise FormatError(message)
        rows.bad.note(message)
    elif more:
        for row in more:
            if len(rows.words) < limit:
                rows.add([row])
        announced = f"the header announces {counted(size, 'row')}"
        rows.bad.note(f"{announced}, but there are {size + len(more):,}")


def _native(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    return matrix.astype(np.float32, copy=False)


def _are_finite(data: bytes) -> bool:
    return bool(np.isfinite(np.frombuffer(data, _FLOAT)).all())


def _problem(word: bytes, words: dict[bytes, int]) -> tuple[str, str]:
    """Return what is wrong with the row of a word, and the details."""
    if not word:
        return "empty word", ""
    if word in words:
        shown = word.decode("utf-8", "replace")
        return "repeated word", f"{shown!r:.200} is also word {words[word]}"
    return lines.NOT_FINITE, ""


def matches(path: str | Path) -> bool:
    """Return whether a header and a word are followed by bytes that are not text.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is compressed, and damaged.

    """
    with open_stream(path) as (stream, _):
        header = stream.readline(MAX_HEADER_BYTES)
        try:
            parse_header(header.removesuffix(b"\n"), path)
        except FormatError:
            return False
        head = stream.read(_MAX_WORD_BYTES)
    word, blank, rest = head.removeprefix(b"\n").partition(b" ")
    if not word or not blank:
        return False
    # The row of a text file ends in a number, even if the words are in another encoding.
    last = rest.partition(b"\n")[0].strip(lines.BLANKS).rpartition(b" ")[2]
    if len(last) < _MAX_NUMBER_BYTES and lines.NUMBER.fullmatch(last.rpartition(b"\t")[2]):
        return False
    return bool(count_controls(head) or count_invalid(head[:-_MAX_CUT_BYTES]))


class _RowReader:
    """The rows of a binary stream."""

    def __init__(self, stream: io.BufferedReader, dim: int, path: str | Path) -> None:
        self._stream = stream
        self._bytes = _FLOAT.itemsize * dim
        self._path = path
        self._data = b""
        self._position = 0

    def next_rows(self, seen: int, most: int, bad: BadRows) -> list[tuple[bytes, bytes]]:
        """Return words and their numbers, fewer than ``most`` only at the end of the file.

        Args:
            seen: the number of rows before, for error messages.
            most: how many rows to read.
            bad: tells whether rows may be missing.

        Raises:
            FormatError: there is no complete row, unless the file ends and rows may be missing.

        """
        rows: list[tuple[bytes, bytes]] = []
        while len(rows) < most:
            start = self._position
            space = self._data.find(b" ", start)
            end = space + 1 + self._bytes
            if space < 0 or end > len(self._data):
                problem = self._read_row()
                if not problem:
                    continue
                if bad.skips:
                    break
                message = f"{self._path}, row {seen + len(rows)}: {problem}"
                raise FormatError(message)
            rows.append((self._data[start:space].removeprefix(b"\n"), self._data[space + 1 : end]))
            self._position = end
        return rows

    def _read_row(self) -> str:
        """Read until there is a complete row; return what is wrong if there is none, or ""."""
        space = self._data.find(b" ", self._position)
        while space < 0:
            unread = len(self._data) - self._position
            if unread > _MAX_WORD_BYTES or not self._read_more(_CHUNK_BYTES):
                return "expected a word and a space; the file is truncated or damaged"
            space = self._data.find(b" ", unread)
        needed = space + 1 + self._bytes - self._position
        missing = needed - (len(self._data) - self._position)
        if missing > 0:
            self._read_more(max(missing, _CHUNK_BYTES))
        if len(self._data) - self._position < needed:
            return "the row is incomplete; the file is truncated"
        return ""

    def _read_more(self, size: int) -> bool:
        """Read bytes behind those that are left, which move to the beginning."""
        more = self._stream.read(size)
        self._data = self._data[self._position :] + more
        self._position = 0
        return bool(more)

    def rest(self) -> int:
        """Return the number of bytes behind the last row, without a LF."""
        rest = self._data[self._position :]
        rest += self._stream.read(_CHUNK_BYTES)
        return 0 if rest in (b"", b"\n") else len(rest)
