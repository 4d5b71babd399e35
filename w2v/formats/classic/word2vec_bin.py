"""The binary format of word2vec: ``V D`` and LF, then word, space, D little-endian float32, LF.

Some programs, such as gensim, omit the LF after each row. The reader accepts both variants.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

from w2v.errors import FormatError
from w2v.formats.classic import lines
from w2v.formats.classic.word2vec_text import read_header
from w2v.system import atomic
from w2v.system.files import open_binary

if TYPE_CHECKING:
    from pathlib import Path

    from w2v.formats.table import VectorTable

_FLOAT = np.dtype("<f4")


def write(table: VectorTable, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a binary file, atomically.

    Raises:
        FormatError: a word contains white space or cannot be written as UTF-8.
        OutputError: the file cannot be written.

    """
    words = lines.encode_unspaced(table.words, "word2vec-bin")
    matrix = table.matrix.astype(_FLOAT, copy=False)
    needed = matrix.nbytes + sum(len(word) + len(b" \n") for word in words)
    with atomic.new_file(path, needed=needed, overwrite=overwrite) as file:
        file.write(b"%d %d\n" % matrix.shape)
        for word, row in zip(words, matrix, strict=True):
            file.write(word + b" " + row.tobytes() + b"\n")


def read(path: str | Path) -> VectorTable:
    """Read a binary file.

    For words that are not UTF-8, see `w2v.formats.words.decode_words`.

    Raises:
        InputError: the file cannot be read.
        FormatError: the header or a row is invalid.

    """
    with open_binary(path) as file:
        length = os.fstat(file.fileno()).st_size
        size, dim = read_header(file, path, length, lambda dim: 2 + _FLOAT.itemsize * dim)
        matrix = np.empty((size, dim), dtype=_FLOAT)
        words = []
        position = file.tell()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for row in range(size):
                word, start = _next_word(data, position, f"{path}, row {row}")
                position = start + matrix[row].nbytes
                if position > len(data):
                    message = f"{path}, row {row}: the row is incomplete; the file is truncated"
                    raise FormatError(message)
                matrix[row] = np.frombuffer(data[start:position], dtype=_FLOAT)
                words.append(word)
            rest = len(data) - position
            if rest > 1 or data[position:] not in (b"", b"\n"):
                message = (
                    f"{path}: {rest} bytes follow the {size} rows of {dim} numbers "
                    "that the header announces; the header or the file is damaged"
                )
                raise FormatError(message)
    return lines.as_table(words, matrix, path)


def _next_word(data: mmap.mmap, position: int, where: str) -> tuple[bytes, int]:
    """Return the word at ``position`` and the offset of its numbers."""
    space = data.find(b" ", position)
    if space < 0:
        message = f"{where}: expected a word and a space; the file is truncated or damaged"
        raise FormatError(message)
    return data[position:space].removeprefix(b"\n"), space + 1
