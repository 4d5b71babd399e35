"""The text format of GloVe: one word and its D numbers a line, and no header.

The first line tells D: it is how many fields at its end are numbers, at least the first field
being the word. The last D fields of every other line are its numbers. So a word may have spaces
in it, as ``. . .`` in Stanford's glove.840B.300d.txt has; but not a word whose last part reads
as a number, for that may as well be a number too many.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import TYPE_CHECKING

from w2v.errors import FormatError
from w2v.formats.classic import lines as textfile

if TYPE_CHECKING:
    from pathlib import Path

    from w2v.embeddings.embeddings import Embeddings

_NUMBER = re.compile(rb"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_SHOWN = 64


def write(embeddings: Embeddings, path: str | Path, *, overwrite: bool = False) -> None:
    """Write ``path``, whole or not at all; gzip packs it if the name ends in ``.gz``.

    Raises:
        FormatError: a word contains white space, which other programs cannot read here, or
            cannot be written as UTF-8.
        OutputError: the file cannot be put there.

    """
    words = textfile.encode_words(embeddings.words, "glove")
    needed = textfile.estimated_size(words, embeddings.matrix, path)
    with textfile.new_text(path, needed=needed, overwrite=overwrite) as file:
        rows = textfile.rows_of_text(embeddings.matrix, " ")
        for word, row in zip(words, rows, strict=True):
            file.write(word + b" " + row)


def read(path: str | Path) -> Embeddings:
    """Read a text file, packed by gzip or not; white space at line ends is ignored.

    Without a header, a file that is cut short at the end of a line looks whole. Words in an
    encoding other than UTF-8 are treated as ``textfile.decode_words`` says.

    Raises:
        InputError: the file cannot be read.
        FormatError: what is wrong, by line.

    """
    with textfile.opened_text(path) as lines:
        line = _stripped(lines.following())
        numbers = textfile.Numbers(_dimensions(line, lines.where))
        words: dict[bytes, int] = {}
        while line is not None:
            word, fields = _row(line, numbers, lines.where)
            textfile.add_word(words, word, lines.where)
            numbers.add(fields, lines.where)
            line = _stripped(lines.following())
    return textfile.as_embeddings(list(words), numbers.matrix(), path)


def fits(path: str | Path) -> bool:
    """Whether the first line is one of this format.

    Raises:
        InputError: the file cannot be read.
        FormatError: the line is too long or cut short, or the file is packed, and damaged.

    """
    with textfile.opened_text(path) as lines:
        return _count_numbers(_stripped(lines.following()) or b"") > 0


def _stripped(line: bytes | None) -> bytes | None:
    return None if line is None else line.rstrip(b" \t\r")


def _dimensions(line: bytes | None, where: str) -> int:
    """Tell D by the first line."""
    dim = _count_numbers(line or b"")
    if line is None or dim == 0:
        shown = (line or b"")[:_SHOWN].decode("utf-8", "replace")
        message = f"{where}: expected a first line of a word and its numbers, got {shown!r}"
        raise FormatError(message)
    if dim > textfile.MOST_DIMENSIONS:
        message = f"{where}: expected at most {textfile.MOST_DIMENSIONS} numbers, got {dim}"
        raise FormatError(message)
    return dim


def _count_numbers(line: bytes) -> int:
    """How many fields at the end of a line are numbers, the first field, a word, apart.

    Of more than MOST_DIMENSIONS, one more are counted.
    """
    _, *fields = line.rsplit(b" ", textfile.MOST_DIMENSIONS + 1)
    return sum(1 for _ in takewhile(_NUMBER.fullmatch, reversed(fields)))


def _row(line: bytes, numbers: textfile.Numbers, where: str) -> tuple[bytes, list[bytes]]:
    """Return the word of a line and its last D fields."""
    word, *fields = line.rsplit(b" ", numbers.dim)
    _, space, last = word.rpartition(b" ")
    if len(fields) != numbers.dim or (space and _NUMBER.fullmatch(last)):
        raise numbers.wrong_count(_count_numbers(line), where)
    return word, fields
