"""The text format of word2vec: ``V D``, then one word and its D numbers a line.

fastText writes the same as ``.vec``, and spaCy reads it, packed or not. Numbers have 9
significant digits, so that every float32 comes back exactly. The format has no escapes: a word
with white space in it cannot be written. The header of both word2vec formats is here too.
"""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from w2v.errors import FormatError
from w2v.formats.classic import lines as textfile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from w2v.embeddings.embeddings import Embeddings

_LONGEST_HEADER = 64
_HEADER = re.compile(rb"\s*(\d+)\s+(\d+)\s*\n")


def write(embeddings: Embeddings, path: str | Path, *, overwrite: bool = False) -> None:
    """Write ``path``, whole or not at all; gzip packs it if the name ends in ``.gz``.

    Raises:
        FormatError: a word contains white space or cannot be written as UTF-8.
        OutputError: the file cannot be put there.

    """
    words = textfile.encode_words(embeddings.words, "word2vec-text")
    needed = textfile.estimated_size(words, embeddings.matrix, path)
    with textfile.new_text(path, needed=needed, overwrite=overwrite) as file:
        file.write(b"%d %d\n" % (len(embeddings), embeddings.dim))
        rows = textfile.rows_of_text(embeddings.matrix, " ")
        for word, row in zip(words, rows, strict=True):
            file.write(word + b" " + row)


def read(path: str | Path) -> Embeddings:
    """Read a text file, packed by gzip or not; white space at line ends is ignored.

    A file whose last line is cut short inside a number still looks right, but for the missing
    LF: that is why each line must end in one. Words in an encoding other than UTF-8 are treated
    as ``textfile.decode_words`` says.

    Raises:
        InputError: the file cannot be read.
        FormatError: what is wrong, by line; nothing is allocated for a header that lies.

    """
    with textfile.opened_text(path) as lines:
        size, dim = read_header(lines.file, path, lines.most_bytes, lambda dim: 2 + 2 * dim)
        lines.number = 1
        words: dict[bytes, int] = {}
        numbers = textfile.Numbers(dim)
        for _ in range(size):
            word, fields = _next_row(lines, numbers)
            textfile.add_word(words, word, lines.where)
            numbers.add(fields, lines.where)
        if not lines.has_ended():
            message = f"{path}: there is text after the {size} rows that the header promises"
            raise FormatError(message)
    return textfile.as_embeddings(list(words), numbers.matrix(), path)


def fits(path: str | Path) -> bool:
    """Whether the first line is one of this format.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is packed, and damaged.

    """
    with textfile.opened_text(path) as lines:
        return _HEADER.fullmatch(lines.file.readline(_LONGEST_HEADER)) is not None


def read_header(
    file: IO[bytes], path: str | Path, most_bytes: int, smallest_row: Callable[[int], int]
) -> tuple[int, int]:
    """Read the line ``V D`` and check it against the size of the file.

    Args:
        file: open at its start.
        path: its name, for errors.
        most_bytes: that can be in the file.
        smallest_row: the bytes that a row of D numbers takes at least.

    Returns:
        V and D, both positive, so small that V rows of D numbers can be in the file.

    Raises:
        FormatError: they are not.

    """
    line = file.readline(_LONGEST_HEADER)
    match = _HEADER.fullmatch(line)
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
    available = max(0, most_bytes - len(line))
    if available < needed:
        message = (
            f"{path}: {size} words of {dim} dimensions, as its header promises, take at least "
            f"{needed} bytes, but {available} follow; the file is cut short or no word2vec file"
        )
        raise FormatError(message)
    if dim > textfile.MOST_DIMENSIONS:
        message = f"{path}: expected at most {textfile.MOST_DIMENSIONS} dimensions, got {dim}"
        raise FormatError(message)
    return size, dim


def _next_row(lines: textfile.Lines, numbers: textfile.Numbers) -> tuple[bytes, list[bytes]]:
    """Return the word and the fields of the next line, as many as there should be."""
    line = lines.following()
    if line is None:
        lines.number += 1
        raise lines.cut_short()
    line = line.rstrip(b" \t\r")
    count = line.count(b" ")
    if count != numbers.dim:  # found out before the line is split
        raise numbers.wrong_count(count, lines.where)
    word, *fields = line.split(b" ")
    return word, fields
