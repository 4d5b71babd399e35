"""The binary format of word2vec: ``V D`` and LF, then word, space, D little-endian float32, LF.

Some programs, such as gensim, omit the LF after each row. The reader accepts both variants.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import numpy as np

from w2v.errors import FormatError
from w2v.formats.classic import lines
from w2v.formats.classic.word2vec_text import MAX_HEADER_BYTES, check_size, parse_header
from w2v.formats.reading import READ_ALL, BadRows, ReadOptions
from w2v.formats.streams import compressed_size, new_stream, open_stream
from w2v.formats.words import encode_words
from w2v.system.sniff import count_controls, count_invalid

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from w2v.formats.table import VectorTable

WORD_END = re.compile(r"[ \n]")
"""The characters that no word may contain."""

_FLOAT = np.dtype("<f4")
_MAX_WORD_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 20
_SAMPLED_ROWS = 64
_MAX_CUT_BYTES = 3


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
    words = encode_words(table.words)
    matrix = table.matrix.astype(_FLOAT, copy=False)
    needed = matrix.nbytes + sum(len(word) + len(b" \n") for word in words)
    sample = matrix[:_SAMPLED_ROWS].tobytes()
    needed = needed * compressed_size(sample, path) // max(len(sample), 1)
    with new_stream(path, needed=needed, overwrite=overwrite) as file:
        file.write(b"%d %d\n" % matrix.shape)
        for word, row in zip(words, matrix, strict=True):
            file.write(word + b" " + row.tobytes() + b"\n")


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
        check_size(size, dim, path, length, lambda dim: 2 + _FLOAT.itemsize * dim, bad)
        limit = size if options.limit is None else min(size, options.limit)
        reader = _RowReader(stream, dim)
        words: dict[bytes, int] = {}
        numbers = bytearray()
        seen = 0
        while seen < size and len(words) < limit:
            row = reader.next_row(f"{path}, row {seen}", at_end_is_error=not bad.skips)
            if row is None:
                bad.note(f"the header announces {size:,} rows, but there are {seen:,}")
                break
            word, data = row
            if _is_good(word, data, words, f"{path}, row {seen}", bad):
                words[word] = len(words)
                numbers += data
            seen += 1
        rest = 0 if options.limit is not None else reader.rest()
        if seen == size and rest:
            message = f"{rest} bytes follow the {size} rows of {dim} numbers of the header"
            if not bad.skips:
                message = (
                    f"{path}: {message}; the header or the file is damaged, or use "
                    "`on_bad_row='skip'`"
                )
                raise FormatError(message)
            bad.note(message)
    matrix = np.frombuffer(numbers, _FLOAT).reshape(-1, dim)
    return lines.as_table(list(words), _native(matrix), path, skipped=bad.finish())


def _native(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    return matrix.astype(np.float32, copy=False)


def _is_good(word: bytes, data: bytes, words: dict[bytes, int], where: str, bad: BadRows) -> bool:
    """Return whether a row is a new word and finite numbers; report it if not."""
    if not word:
        bad.add("empty word", where)
    elif word in words:
        shown = word.decode("utf-8", "replace")
        bad.add("repeated word", where, f"{shown!r:.200} is also word {words[word]}")
    elif not np.isfinite(np.frombuffer(data, _FLOAT)).all():
        bad.add("NaN or infinity", where)
    else:
        return True
    return False


def matches(path: str | Path) -> bool:
    """Return whether a header and a word are followed by bytes that are not text.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is compressed, and damaged.

    """
    with open_stream(path) as (stream, _):
        header = stream.readline(MAX_HEADER_BYTES)
        try:
            _, dim = parse_header(header.removesuffix(b"\n"), path)
        except FormatError:
            return False
        head = stream.read(_MAX_WORD_BYTES)
    word, blank, rest = head.removeprefix(b"\n").partition(b" ")
    numbers = rest[: _FLOAT.itemsize * dim]
    # Text may end within a character here.
    is_text = not count_controls(numbers) and count_invalid(numbers) <= _MAX_CUT_BYTES
    return bool(blank and word) and not is_text


class _RowReader:
    """The rows of a binary stream."""

    def __init__(self, stream: io.BufferedReader, dim: int) -> None:
        self._stream = stream
        self._bytes = _FLOAT.itemsize * dim
        self._data = b""
        self._position = 0

    def next_row(self, where: str, *, at_end_is_error: bool) -> tuple[bytes, bytes] | None:
        """Return a word and its numbers, or None at the end of the file.

        Raises:
            FormatError: there is no complete row, unless the file ends and that is allowed.

        """
        space = self._data.find(b" ", self._position)
        while space < 0:
            unread = len(self._data) - self._position
            if unread > _MAX_WORD_BYTES or not self._read_more():
                break
            space = self._data.find(b" ", self._position + unread)
        if space < 0:
            rest = self._data[self._position :]
            if not rest.strip() and not at_end_is_error:
                return None
            message = f"{where}: expected a word and a space; the file is truncated or damaged"
            raise FormatError(message)
        end = space + 1 + self._bytes
        while end > len(self._data):
            before = self._position
            if not self._read_more(self._bytes):
                if not at_end_is_error:
                    return None
                message = f"{where}: the row is incomplete; the file is truncated"
                raise FormatError(message)
            end -= before
            space -= before
        word = self._data[self._position : space].removeprefix(b"\n")
        self._position = end
        return word, self._data[space + 1 : end]

    def _read_more(self, least: int = 0) -> bool:
        """Read more bytes behind those that are left, which move to the beginning."""
        more = self._stream.read(max(_CHUNK_BYTES, least))
        self._data = self._data[self._position :] + more
        self._position = 0
        return bool(more)

    def rest(self) -> int:
        """Return the number of bytes behind the last row, without a LF."""
        rest = self._data[self._position :]
        rest += self._stream.read(_CHUNK_BYTES)
        return 0 if rest in (b"", b"\n") else len(rest)
