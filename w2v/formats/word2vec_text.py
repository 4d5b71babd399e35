"""The text format of word2vec: ``V D``, then one word and its D numbers a line.

Numbers have 9 significant digits, so that every float32 comes back exactly. The format has no
escapes: a word with white space in it cannot be written. What the two word2vec formats share
(header, words) is here too.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from w2v import output
from w2v.embeddings import Embeddings
from w2v.errors import FormatError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

_LONGEST_HEADER = 64


def write(embeddings: Embeddings, path: str | Path, *, overwrite: bool = False) -> None:
    """Write ``path``, whole or not at all.

    Raises:
        FormatError: a word contains white space or cannot be written as UTF-8.
        OutputError: the file cannot be put there.

    """
    words = encode_words(embeddings.words, "word2vec-text")
    numbers = " %.9g" * embeddings.dim + "\n"
    with output.new_file(path, overwrite=overwrite) as file:
        file.write(b"%d %d\n" % (len(embeddings), embeddings.dim))
        for word, row in zip(words, embeddings.matrix, strict=True):
            file.write(word + (numbers % tuple(row.tolist())).encode("ascii"))


def read(path: str | Path) -> Embeddings:
    """Read a text file; white space at line ends is ignored, each line must end in LF.

    A file whose last line is cut short inside a number still looks right, but for the missing
    LF: that is why there must be one. Words in an encoding other than UTF-8 are treated as
    ``decode_words`` says.

    Raises:
        InputError: the file cannot be read.
        FormatError: what is wrong, by line; nothing is allocated for a header that lies.

    """
    with opened(path) as file:
        size, dim = read_header(file, path, smallest_row=lambda dim: 2 + 2 * dim)
        matrix = np.empty((size, dim), dtype=np.float32)
        with np.errstate(over="ignore"):  # what overflows is infinite, which is refused later
            words = [_read_row(file, matrix[row], f"{path}, line {row + 2}") for row in range(size)]
        if any(line.strip() for line in file):
            message = f"{path}: there is text after the {size} rows that the header promises"
            raise FormatError(message)
    decoded, replaced = decode_words(words)
    meta = {"replaced_words": replaced} if replaced else {}
    return Embeddings(decoded, matrix, meta=meta, source=path)


def _read_row(file: BinaryIO, row: NDArray[np.float32], where: str) -> bytes:
    """Fill ``row`` with the numbers of the next line and return its word."""
    line = file.readline()
    if not line.endswith(b"\n"):
        message = (
            f"{where}: expected a whole line, the file ends before a line end; it is cut short"
        )
        raise FormatError(message)
    word, *numbers = line.rstrip(b" \t\r\n").split(b" ")
    if len(numbers) != len(row):
        message = f"{where}: expected a word and {len(row)} numbers, got {len(numbers)} numbers"
        raise FormatError(message)
    try:
        row[:] = list(map(float, numbers))
    except ValueError as error:
        message = f"{where}: expected a word and {len(row)} numbers: {error}"
        raise FormatError(message) from error
    return word


@contextmanager
def opened(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for reading; what the system refuses is an InputError."""
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InputError(message) from error


def read_header(
    file: BinaryIO, path: str | Path, smallest_row: Callable[[int], int]
) -> tuple[int, int]:
    """Read the line ``V D`` and check it against the size of the file.

    Args:
        file: open at its start.
        path: its name, for errors.
        smallest_row: the bytes that a row of D numbers takes at least.

    Returns:
        V and D, both positive, so small that V rows of D numbers can be in the file.

    Raises:
        FormatError: they are not.

    """
    line = file.readline(_LONGEST_HEADER)
    match = re.fullmatch(rb"\s*(\d+)\s+(\d+)\s*\n", line)
    if match is None:
        message = (
            f"{path}: expected a first line with two numbers, how many words and "
            f"how many dimensions, got {line.decode('utf-8', 'replace').rstrip()!r}"
        )
        raise FormatError(message)
    size, dim = int(match[1]), int(match[2])
    if size == 0 or dim == 0:
        message = f"{path}: expected at least one word and one dimension, got {size} and {dim}"
        raise FormatError(message)
    needed = size * smallest_row(dim)
    available = max(0, os.fstat(file.fileno()).st_size - len(line))
    if available < needed:
        message = (
            f"{path}: {size} words of {dim} dimensions, as its header promises, take at least "
            f"{needed} bytes, but {available} follow; the file is cut short or no word2vec file"
        )
        raise FormatError(message)
    return size, dim


def encode_words(words: Sequence[str], format_name: str) -> list[bytes]:
    """Encode words as UTF-8.

    Raises:
        FormatError: a word contains white space, which ends a word in both word2vec formats,
            or a lone surrogate, which UTF-8 has no bytes for.

    """
    for word in words:
        if word.split() != [word]:
            message = (
                f"{word!r} contains white space, which {format_name} cannot hold; "
                "choose another format or rename the word"
            )
            raise FormatError(message)
    try:
        return [word.encode("utf-8") for word in words]
    except UnicodeEncodeError as error:
        message = f"{error.object!r} cannot be written as UTF-8; rename the word"
        raise FormatError(message) from error


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
