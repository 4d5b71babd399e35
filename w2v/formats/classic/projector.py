"""The folder that TensorBoard's Embedding Projector loads.

- ``tensors.tsv``: a row a line, numbers with tabs between them
- ``metadata.tsv``: a word a line; or, if the counts are known, ``word``, tab, ``count`` and below
  that each word and its count

The projector takes the first line of ``metadata.tsv`` for a header if there is a tab in it, and
skips lines of white space (TensorBoard, vz_projector/data-provider.ts, parseMetadata). It wants
at least two dimensions; here one is enough.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.errors import FormatError, InputError
from w2v.formats.classic import lines as textfile
from w2v.system import atomic as output
from w2v.system.files import is_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from w2v.embeddings.embeddings import Embeddings

TENSORS = "tensors.tsv"
METADATA = "metadata.tsv"

_HEADER = b"word\tcount"
_COUNT = re.compile(rb"\d{1,19}")
_BYTE_ORDER_MARK = "\ufeff"
_SHOWN = 64


def write(embeddings: Embeddings, path: str | Path, *, overwrite: bool = False) -> None:
    """Write the folder ``path``, whole or not at all.

    Raises:
        FormatError: a word contains a tab or a line end, is all white space, or cannot be
            written as UTF-8.
        OutputError: the folder cannot be put there.

    """
    lines = _metadata(embeddings)
    needed = textfile.estimated_size(lines, embeddings.matrix, path)
    with output.new_folder(
        path, needed=needed, overwrite=overwrite, marks=(TENSORS, METADATA)
    ) as folder:
        (folder / METADATA).write_bytes(b"".join(line + b"\n" for line in lines))
        with (folder / TENSORS).open("xb") as file:
            file.writelines(textfile.rows_of_text(embeddings.matrix, "\t"))


def read(path: str | Path) -> Embeddings:
    """Read a folder as ``write`` writes it.

    Words in an encoding other than UTF-8 are treated as ``textfile.decode_words`` says.

    Raises:
        InputError: there is no such folder, or a file in it cannot be read.
        FormatError: what is wrong, by line.

    """
    folder = Path(path)
    if not is_directory(folder):
        message = f"cannot read {path}: there is no such folder"
        raise InputError(message)
    words, counts = _read_metadata(folder / METADATA)
    matrix = _read_tensors(folder / TENSORS)
    if len(words) != len(matrix):
        message = (
            f"{path}: {METADATA} has {len(words)} words, {TENSORS} {len(matrix)} rows; "
            "the files do not belong together, or one is damaged"
        )
        raise FormatError(message)
    return textfile.as_embeddings(words, matrix, path, counts)


def _metadata(embeddings: Embeddings) -> list[bytes]:
    """Make the lines of ``metadata.tsv``."""
    for word in embeddings.words:
        if re.search(r"[\t\r\n]", word) or not word.replace(_BYTE_ORDER_MARK, " ").strip():
            message = (
                f"{word!r} contains a tab or a line end, or nothing but white space, which "
                "projector cannot hold; choose another format or rename the word"
            )
            raise FormatError(message)
    words = textfile.encode(embeddings.words)
    if embeddings.counts is None:
        return words
    counts = embeddings.counts.tolist()
    return [_HEADER, *(b"%s\t%d" % row for row in zip(words, counts, strict=True))]


def _read_metadata(path: Path) -> tuple[list[bytes], list[int] | None]:
    with textfile.opened_text(path) as lines:
        first = next(_lines(lines), b"")
        has_counts = b"\t" in first
        if has_counts and first != _HEADER:
            raise _not_metadata(first, lines.where)
        words: dict[bytes, int] = {}
        counts: list[int] = []
        for line in _lines(lines) if has_counts else chain([first], _lines(lines)):
            word, *count = line.split(b"\t")
            if len(count) != has_counts or not all(map(_COUNT.fullmatch, count)):
                raise _not_metadata(line, lines.where)
            textfile.add_word(words, word, lines.where)
            counts += map(int, count)
        return list(words), counts if has_counts else None


def _not_metadata(line: bytes, where: str) -> FormatError:
    return FormatError(
        f"{where}: expected words, one a line, or words and counts with a tab between them, "
        f"under the line {_HEADER.decode()!r}; got {line[:_SHOWN].decode('utf-8', 'replace')!r}"
    )


def _read_tensors(path: Path) -> NDArray[np.float32]:
    numbers: textfile.Numbers | None = None
    with textfile.opened_text(path) as lines:
        for line in _lines(lines):
            count = line.count(b"\t") + 1
            if count > textfile.MOST_DIMENSIONS:
                message = (
                    f"{lines.where}: expected at most {textfile.MOST_DIMENSIONS} numbers, "
                    f"got {count}"
                )
                raise FormatError(message)
            numbers = numbers or textfile.Numbers(count)
            numbers.add(line.split(b"\t"), lines.where)
    if numbers is None:
        message = f"{path}: expected a row of numbers for each word, got none"
        raise FormatError(message)
    return numbers.matrix()


def _lines(lines: textfile.Lines) -> Iterator[bytes]:
    """Go through the lines that are left; they may end in CR LF."""
    while (line := lines.following()) is not None:
        yield line.removesuffix(b"\r")
