"""The text format of GloVe: one word and its D numbers per line, without a header.

D is the number of fields at the end of a line that are numbers, except its first field, which is
part of the word; the most common number among the first lines is taken. In every line, the last D
fields are the numbers. So a word may contain blanks, like ``. . .`` in Stanford's
glove.840B.300d.txt, unless its last part is a number: such a line is rejected, because it may as
well have one number too many.
"""

from __future__ import annotations

import itertools
from collections import Counter
from typing import TYPE_CHECKING

from w2v.errors import FormatError
from w2v.formats.classic import lines
from w2v.formats.reading import READ_ALL, BadRows, ReadOptions
from w2v.formats.streams import new_stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from w2v.formats.table import VectorTable

WORD_END = lines.TEXT_WORD_END
"""The characters that no word may contain."""

_SAMPLED_LINES = 64
_SAMPLED_BYTES = 1 << 16
_MAX_SHOWN = 64


def write(table: VectorTable, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a text file, atomically; compressed if its name ends in ``.gz``, ``.bz2`` or the like.

    Raises:
        FormatError: a word contains a blank, which other programs cannot read in this format, or a
            line break, or cannot be written as UTF-8.
        OutputError: the file cannot be written.

    """
    words = lines.encode_unspaced(table.words, "glove")
    needed = lines.estimate_size(words, table.matrix, path)
    with new_stream(path, needed=needed, overwrite=overwrite) as file:
        if words[0].startswith(lines.BYTE_ORDER_MARK):  # which readers ignore at the beginning
            file.write(lines.BYTE_ORDER_MARK)
        rows = lines.format_rows(table.matrix, " ")
        for word, row in zip(words, rows, strict=True):
            file.write(word + b" " + row)


def read(path: str | Path, options: ReadOptions = READ_ALL) -> VectorTable:
    """Read a text file, compressed or not. Fields are separated by blanks or tabs.

    Without a header, a file that is truncated at a line end cannot be detected. For words that
    are not UTF-8, see `w2v.formats.words.decode_words`.

    Raises:
        InputError: the file cannot be read.
        FormatError: a line is invalid.

    """
    bad = BadRows(path, options)
    with lines.open_text(path) as reader:
        sample = list(_sample(reader))
        dim = infer_dim([line for line, _, _ in sample], path)
        table = lines.WordRows(dim, path, bad, dim_is_given=False)
        blank = 0
        for raw, number, terminated in itertools.chain(sample, _iter_lines(reader)):
            if options.limit is not None and len(table) >= options.limit:
                break
            line = raw.strip(lines.BLANKS)
            if not line:
                blank = blank or number
                continue
            if blank:
                bad.add("blank line", f"{path}, line {blank}")
                blank = 0
            table.add_line(line, number, terminated=terminated)
    return lines.as_table(table.words, table.rows.matrix(), path, skipped=bad.finish())


def _iter_lines(reader: lines.LineReader) -> Iterator[tuple[bytes, int, bool]]:
    """Yield each line, its number, and whether it has a line end."""
    while (line := reader.next_line()) is not None:
        yield line, reader.number, reader.terminated


def _sample(reader: lines.LineReader) -> Iterator[tuple[bytes, int, bool]]:
    """Yield the first lines, fewer if they are long."""
    size = 0
    for row in itertools.islice(_iter_lines(reader), _SAMPLED_LINES):
        yield row
        size += len(row[0])
        if size > _SAMPLED_BYTES:
            break


def infer_dim(sample: list[bytes], path: str | Path) -> int:
    """Return D, the most common number of numbers in some lines; the first one of several.

    Raises:
        FormatError: no line is a word and numbers.

    """
    stripped = [line.strip(lines.BLANKS) for line in sample]
    counts = Counter(lines.count_numbers(line) for line in stripped if line)
    counts.pop(0, None)
    if not counts:
        first = next(filter(None, stripped), b"")
        shown = first[:_MAX_SHOWN].decode("utf-8", "replace")
        hint = lines.separator_hint(first)
        message = f"{path}, line 1: expected a word and its numbers, got {shown!r}{hint}"
        raise FormatError(message)
    dim = counts.most_common(1)[0][0]
    if dim > lines.MAX_DIM:
        message = f"{path}: expected at most {lines.MAX_DIM} numbers in a line, got {dim} or more"
        raise FormatError(message)
    return dim
