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
from itertools import takewhile
from typing import TYPE_CHECKING

from w2v.errors import FormatError
from w2v.formats.classic import lines
from w2v.formats.classic.word2vec_text import NO_LINE_END
from w2v.formats.reading import READ_ALL, BadRows, ReadOptions
from w2v.formats.streams import new_stream

if TYPE_CHECKING:
    from pathlib import Path

    from w2v.formats.table import VectorTable

WORD_END = lines.TEXT_WORD_END
"""The characters that no word may contain."""

_SAMPLED_LINES = 64
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
        sample = [
            (line, reader.where, reader.terminated)
            for line in itertools.islice(iter(reader.next_line, None), _SAMPLED_LINES)
        ]
        dim = infer_dim([line for line, _, _ in sample], path)
        table = lines.WordRows(dim, bad)
        rest = ((line, reader.where, reader.terminated) for line in iter(reader.next_line, None))
        blank = None
        for raw, where, terminated in itertools.chain(sample, rest):
            if options.limit is not None and len(table) >= options.limit:
                break
            line = raw.strip(lines.BLANKS)
            if not line:
                blank = blank or where
                continue
            if blank is not None:
                bad.add("blank line", blank)
                blank = None
            if not terminated and len(line.split(None, dim)) <= dim:
                message = f"{where}: the line is incomplete; the file is truncated"
                raise FormatError(message)
            table.add_line(line, where, dim_is_given=False)
            if not terminated:
                bad.note(NO_LINE_END)
    return lines.as_table(list(table.words), table.rows.matrix(), path, skipped=bad.finish())


def matches(path: str | Path) -> bool:
    """Return whether the first line is a word and numbers.

    Raises:
        InputError: the file cannot be read.
        FormatError: the line is too long, or the file is compressed and damaged.

    """
    with lines.open_text(path) as reader:
        return _count_numbers((reader.next_line() or b"").strip(lines.BLANKS)) > 0


def infer_dim(sample: list[bytes], path: str | Path) -> int:
    """Return D, the most common number of numbers in some lines; the lowest if there are several.

    Raises:
        FormatError: no line is a word and numbers.

    """
    stripped = [line.strip(lines.BLANKS) for line in sample]
    counts = Counter(_count_numbers(line) for line in stripped if line)
    counts.pop(0, None)
    if not counts:
        first = next(filter(None, stripped), b"")
        shown = first[:_MAX_SHOWN].decode("utf-8", "replace")
        hint = ""
        if b"," in first and len(first.split()) < len(first.split(b",")):
            hint = "; the fields seem to be separated by commas: replace these by blanks"
        elif b";" in first:
            hint = "; the fields seem to be separated by semicolons: replace these by blanks"
        elif b"," in first:
            hint = "; the numbers seem to have decimal commas: replace these by points"
        message = f"{path}, line 1: expected a word and its numbers, got {shown!r}{hint}"
        raise FormatError(message)
    dim = min(counts, key=lambda count: (-counts[count], count))
    if dim > lines.MAX_DIM:
        message = f"{path}: expected at most {lines.MAX_DIM} numbers in a line, got {dim}"
        raise FormatError(message)
    return dim


def _count_numbers(line: bytes) -> int:
    """Count the numbers at the end of a line, except in its first field, up to MAX_DIM + 1."""
    fields = line.rsplit(None, lines.MAX_DIM + 1)[1:]
    return sum(1 for _ in takewhile(lines.NUMBER.fullmatch, reversed(fields)))
