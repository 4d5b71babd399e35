"""The binary format of word2vec: ``V D`` and LF, then word, space, D little-endian float32, LF.

Some programs (gensim, for one) leave out the LF after each row; the reader takes both kinds.
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING

import numpy as np

from w2v.errors import FormatError
from w2v.formats.classic import lines as textfile
from w2v.formats.classic.word2vec_text import read_header
from w2v.system import atomic as output

if TYPE_CHECKING:
    from pathlib import Path

    from w2v.embeddings.embeddings import Embeddings

_FLOAT = np.dtype("<f4")


def write(embeddings: Embeddings, path: str | Path, *, overwrite: bool = False) -> None:
    """Write ``path``, whole or not at all.

    Raises:
        FormatError: a word contains white space or cannot be written as UTF-8.
        OutputError: the file cannot be put there.

    """
    words = textfile.encode_words(embeddings.words, "word2vec-bin")
    matrix = embeddings.matrix.astype(_FLOAT, copy=False)
    needed = matrix.nbytes + sum(len(word) + len(b" \n") for word in words)
    with output.new_file(path, needed=needed, overwrite=overwrite) as file:
        file.write(b"%d %d\n" % matrix.shape)
        for word, row in zip(words, matrix, strict=True):
            file.write(word + b" " + row.tobytes() + b"\n")


def read(path: str | Path) -> Embeddings:
    """Read a binary file, with or without LF after the rows.

    Words in an encoding other than UTF-8 are treated as ``textfile.decode_words`` says.

    Raises:
        InputError: the file cannot be read.
        FormatError: what is wrong, by row; nothing is allocated for a header that lies.

    """
    with textfile.opened(path) as file:
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
                    message = f"{path}, row {row}: the file ends here; it is cut short"
                    raise FormatError(message)
                matrix[row] = np.frombuffer(data[start:position], dtype=_FLOAT)
                words.append(word)
            rest = len(data) - position
            if rest > 1 or data[position:] not in (b"", b"\n"):
                message = (
                    f"{path}: {rest} bytes follow the {size} rows of {dim} numbers "
                    "that the header promises; the header or the file is damaged"
                )
                raise FormatError(message)
    return textfile.as_embeddings(words, matrix, path)


def _next_word(data: mmap.mmap, position: int, where: str) -> tuple[bytes, int]:
    """Return the word at ``position`` and where its numbers start."""
    space = data.find(b" ", position)
    if space < 0:
        message = f"{where}: expected a word and a space; the file is cut short or damaged"
        raise FormatError(message)
    return data[position:space].removeprefix(b"\n"), space + 1
