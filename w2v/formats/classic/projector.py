"""The directory that the Embedding Projector of TensorBoard loads.

- ``tensors.tsv``: one row per line, its numbers separated by tabs
- ``projector_config.pbtxt``: the names of the other files, for ``tensorboard --logdir``
- ``metadata.tsv``: one word per line; or, if the counts are known, a header ``word``, tab,
  ``count``, then one word and its count per line

The projector treats the first line of ``metadata.tsv`` as a header if it contains a tab, and skips
lines of white space (TensorBoard, vz_projector/data-provider.ts, parseMetadata). It requires at
least two dimensions; this module does not.
"""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.errors import FormatError, InputError
from w2v.formats.classic import lines
from w2v.formats.reading import READ_ALL, BadRows, ReadOptions
from w2v.formats.words import encode_words
from w2v.system import atomic
from w2v.system.files import is_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from w2v.formats.table import VectorTable

TENSORS = "tensors.tsv"
METADATA = "metadata.tsv"
CONFIG = "projector_config.pbtxt"
SIGNATURE_FILES = (TENSORS, METADATA)
"""The files that identify a directory of this format."""

WORD_END = re.compile(r"[\t\r\n]|\A[\s\ufeff]*\Z")
"""What no word may contain or be."""

_HEADER = b"word\tcount"
_COUNT = re.compile(rb"\d{1,19}")
_BYTE_ORDER_MARK = "\ufeff"
_NO_LINE_END = "the last line has no line end; the file may be truncated"
_MAX_SHOWN = 64


def write(table: VectorTable, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a directory, atomically.

    Raises:
        FormatError: a word contains a tab or a line break, is all white space, or cannot be
            written as UTF-8.
        OutputError: the directory cannot be written.

    """
    metadata = _encode_metadata(table)
    needed = lines.estimate_size(metadata, table.matrix, path)
    with atomic.new_directory(
        path, needed=needed, overwrite=overwrite, signature=SIGNATURE_FILES
    ) as directory:
        (directory / METADATA).write_bytes(b"".join(line + b"\n" for line in metadata))
        with (directory / TENSORS).open("xb") as file:
            file.writelines(lines.format_rows(table.matrix, "\t"))
        (directory / CONFIG).write_text(config(), encoding="ascii")


def config(directory: str = "") -> str:
    """Return the content of ``projector_config.pbtxt``.

    Args:
        directory: where the other files are, relative to it; by default beside it.

    """
    prefix = f"{directory}/" if directory else ""
    return (
        "embeddings {\n"
        '  tensor_name: "words"\n'
        f'  tensor_path: "{prefix}{TENSORS}"\n'
        f'  metadata_path: "{prefix}{METADATA}"\n'
        "}\n"
    )


def read(path: str | Path, options: ReadOptions = READ_ALL) -> VectorTable:
    """Read a directory that ``write`` wrote. Rows that are wrong are always errors.

    For words that are not UTF-8, see `w2v.formats.words.decode_words`.

    Raises:
        InputError: the directory does not exist, or a file in it cannot be read.
        FormatError: a line is invalid.

    """
    directory = Path(path)
    if not is_directory(directory):
        message = f"cannot read {path}: there is no such directory"
        raise InputError(message)
    bad = BadRows(path, options)
    words, counts = _read_metadata(directory / METADATA, bad)
    matrix = _read_tensors(directory / TENSORS, bad)
    if len(words) != len(matrix):
        message = (
            f"{path}: {METADATA} has {len(words)} words, {TENSORS} {len(matrix)} rows; "
            "the files do not belong together, or one is damaged"
        )
        raise FormatError(message)
    limit = options.limit
    return lines.as_table(
        words[:limit], matrix[:limit], path, None if counts is None else counts[:limit]
    )


def _encode_metadata(table: VectorTable) -> list[bytes]:
    """Return the lines of ``metadata.tsv``."""
    for word in table.words:
        if re.search(r"[\t\r\n]", word) or not word.replace(_BYTE_ORDER_MARK, " ").strip():
            message = (
                f"{word!r} contains a tab or a line break, or only white space, which "
                "projector cannot hold; choose another format or rename the word"
            )
            raise FormatError(message)
    words = encode_words(table.words)
    if table.counts is None:
        if words[0].startswith(lines.BYTE_ORDER_MARK):  # which readers ignore at the beginning
            words[0] = lines.BYTE_ORDER_MARK + words[0]
        return words
    counts = table.counts.tolist()
    return [_HEADER, *(b"%s\t%d" % row for row in zip(words, counts, strict=True))]


def _read_metadata(path: Path, bad: BadRows) -> tuple[list[bytes], list[int] | None]:
    """Return the words, and the counts if there are any."""
    with lines.open_text(path) as reader:
        first = next(_iter_lines(reader, bad), b"")
        has_counts = b"\t" in first
        if has_counts and first != _HEADER:
            raise _invalid_metadata(first, reader.where)
        words: dict[bytes, int] = {}
        counts: list[int] = []
        for line in chain([] if has_counts else [first], _iter_lines(reader, bad)):
            word, *count = line.split(b"\t")
            if len(count) != has_counts or not all(map(_COUNT.fullmatch, count)):
                raise _invalid_metadata(line, reader.where)
            row = len(words)
            if words.setdefault(word, row) != row:
                name = word.decode("utf-8", "replace")
                message = f"{reader.where}: {name!r:.200} is also word {words[word]}"
                raise FormatError(message)
            counts += map(int, count)
        return list(words), counts if has_counts else None


def _invalid_metadata(line: bytes, where: str) -> FormatError:
    return FormatError(
        f"{where}: expected one word per line, or words and counts separated by a tab below the "
        f"line {_HEADER.decode()!r}, got {line[:_MAX_SHOWN].decode('utf-8', 'replace')!r}"
    )


def _read_tensors(path: Path, bad: BadRows) -> NDArray[np.float32]:
    rows: lines.RowBuffer | None = None
    with lines.open_text(path) as reader:
        for line in _iter_lines(reader, bad):
            count = line.count(b"\t") + 1
            if count > lines.MAX_DIM:
                message = f"{reader.where}: expected at most {lines.MAX_DIM} numbers, got {count}"
                raise FormatError(message)
            rows = lines.RowBuffer(count) if rows is None else rows
            if count != rows.dim:
                message = f"{reader.where}: expected {rows.dim} numbers, got {count}"
                raise FormatError(message)
            problem = rows.add(line.split(b"\t"), line)
            if problem is not None:
                message = f"{reader.where}: expected {rows.dim} numbers: {problem}"
                raise FormatError(message)
    if rows is None:
        message = f"{path}: expected a row of numbers for each word, got none"
        raise FormatError(message)
    return rows.matrix()


def _iter_lines(reader: lines.LineReader, bad: BadRows) -> Iterator[bytes]:
    """Iterate over the remaining lines, which may end in CR LF."""
    while (line := reader.next_line()) is not None:
        if not reader.terminated:
            bad.note(f"{Path(reader.path).name}: {_NO_LINE_END}")
        yield line.removesuffix(b"\r")
