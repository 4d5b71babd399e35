"""CSV and TSV: the text of one column, or of several.

The format is that of RFC 4180, which Python's ``csv`` module reads: a cell in quotation marks may
contain separators, line ends and doubled quotation marks.
"""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import threading
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import IO

from w2v.errors import InputError
from w2v.text.extraction import (
    PIECE_CHARACTERS,
    LineBuffer,
    Records,
    Selection,
    StructureError,
    decode,
    encode,
    find_columns,
    is_number,
    line_chunks,
    listed,
    split_names,
)

LONGEST_CELL = 1 << 25
"""Characters that a cell may have. The csv module needs four bytes for each."""

_SEPARATORS = ",;\t|"
_TAB_SUFFIXES = {".tsv", ".tab"}
_TABLE_SUFFIXES = {".csv", *_TAB_SUFFIXES}
_PACKED_SUFFIXES = {".gz", ".bz2", ".xz", ".lzma", ".zst"}
_SNIFFED_CHARACTERS = 1 << 16
_SNIFFED_ROWS = 100
_CONSISTENT = 0.9  # the share of rows with the same number of cells in a table
_MERGED_LINES = 4  # that a row has at least if a cell may hold other rows
_LONGEST_NAME = 40
_LONGER = 4  # times the length of a header that a column of text has on average

# The last line given to the csv module. If it becomes a row of its own, all quotation marks are
# closed.
_END = "\0end of file\0"


def read_column(
    stream: IO[bytes], name: str, selection: Selection, records: Records
) -> Iterator[bytes]:
    """Yield the text of the selected columns of a table, as lines of UTF-8.

    A column is a name in the first row, which is then no text, or a number: then the first row is
    read like the others.

    Args:
        stream: the table, in UTF-8.
        name: of the file.
        selection: the columns, and the separator if it is known.
        records: receives counts of unusual records.

    Raises:
        InputError: a column does not exist, or a quotation mark is never closed.

    """
    table = _Table(stream, name, selection)
    first = table.first_row()
    if first is None:
        _report_cut_row(table, records)
        return
    assert selection.column is not None
    wanted = split_names(selection.column, first)
    indices = _find_columns(wanted, first, name)
    named = not all(map(is_number, wanted))
    if not named and looks_like_header(table.head, indices[0]):
        names = ",".join(first[index].strip() for index in indices)
        records.remark(
            f"the first row of {name} looks like the names of the columns, but is read as text, as "
            f"`column={selection.column!r}` is a number; to leave it out, pass `column={names!r}`"
        )
    lines = LineBuffer(one_line=selection.one_line)
    if not named:
        lines.extend([lines.join([first[index] for index in indices])])
    while not table.ended:
        table.fill(lines, indices, len(first), records)
        yield lines.take()
    _report_cut_row(table, records)


def _find_columns(wanted: list[str], first: list[str], name: str) -> list[int]:
    try:
        return find_columns(wanted, first, name)
    except StructureError as error:
        if any(cell.encode("utf-8", "replace") != encode(cell) for cell in first):
            message = f"{error}; if it is not UTF-8, pass its `encoding`"
            raise StructureError(message) from error
        raise


def _report_cut_row(table: _Table, records: Records) -> None:
    if table.is_cut:
        records.remark(f"the last row of {table.name} is cut within quotation marks, and skipped")


class _Table:
    """The rows of a table.

    Attributes:
        name: of the file.
        head: the first rows, as many as are needed to judge the table.
        ended: whether all rows were returned.
        is_cut: whether the last row ends within quotation marks.

    """

    def __init__(self, stream: IO[bytes], name: str, selection: Selection) -> None:
        self.name = name
        self.ended = False
        self.is_cut = False
        self._at_end = False
        self._start = 0
        chunks = line_chunks(stream, name, (b"\n", b"\r"))
        first = decode(next(chunks, b""))
        sniffed = _complete_lines(first)
        separator = "\t" if selection.sep == "tab" else selection.sep
        separator = separator or find_separator(sniffed, name, selection.column)
        self._separator = separator
        with _long_cells():
            self.head = parse(sniffed, separator)
        lines = itertools.chain.from_iterable(self._lines(first, chunks))
        self._rows = csv.reader(lines, delimiter=separator)

    def _lines(self, first: str, chunks: Iterator[bytes]) -> Iterator[Iterable[str]]:
        """Yield the lines of one chunk after the other, and the mark of the end."""
        yield io.StringIO(first, newline="")
        for chunk in chunks:
            yield io.StringIO(decode(chunk), newline="")
        self._at_end = True
        yield (_END,)

    def first_row(self) -> list[str] | None:
        """Return the first row, or None if there is none; raise as `fill`."""
        found: list[list[str]] = []
        with self._reading():
            for row in self._rows:
                if self._at_end:
                    self._finish(row)
                    break
                self._start = self._rows.line_num
                if row:
                    found = [row]
                    break
        return found[0] if found else None

    def fill(self, lines: LineBuffer, indices: list[int], width: int, records: Records) -> None:
        """Add the cells of some columns to lines, until there are enough, or all.

        Args:
            lines: the lines.
            indices: of the columns.
            width: the number of columns.
            records: receives counts of rows with too few or too many.

        Raises:
            InputError: a cell is too long, or the last one is not closed.

        """
        index = indices[0]
        alone = len(indices) == 1
        last = max(indices)
        with self._reading():
            # Most rows take the shortest way through this loop, which limits the speed.
            texts: list[str] = []
            size = 0
            for row in self._rows:
                if self._at_end:
                    self._finish(row)
                    break
                line = self._rows.line_num
                if line - self._start >= _MERGED_LINES and self._holds_rows(row, width):
                    records.merged += 1
                self._start = line
                if len(row) != width:
                    if not row:
                        continue
                    if len(row) <= last:
                        records.short += 1
                        texts.append("")
                        continue
                    records.uneven += 1
                text = row[index] if alone else lines.join([row[i] for i in indices])
                texts.append(text)
                size += len(text)
                if size >= PIECE_CHARACTERS:
                    break
            lines.extend(texts)

    def _holds_rows(self, row: list[str], width: int) -> bool:
        """Return whether the inner lines of the longest cell look like rows of the table."""
        lines = max(row, key=len, default="").split("\n")[1:-1]
        separators = width - 1
        return (
            separators > 0
            and len(lines) > 1
            and all(line.count(self._separator) == separators for line in lines)
        )

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Allow long cells, and report errors."""
        try:
            with _long_cells():
                yield
        except csv.Error as error:
            start = self._start + 1
            if "field limit" in str(error):
                message = (
                    f"{self.name}, line {start:,}: a cell has more than {LONGEST_CELL:,} "
                    "characters; maybe a quotation mark there is not closed"
                )
                raise InputError(message) from error
            message = f"{self.name}, line {start:,}, is not CSV: {error}"
            raise InputError(message) from error

    def _finish(self, row: list[str]) -> None:
        self.ended = True
        if row == [_END]:
            return
        self.is_cut = True
        lines = self._rows.line_num - self._start - 1
        if lines > 1:
            message = (
                f"{self.name}, line {self._start + 1:,}: a quotation mark is never closed, so that "
                f"the rest, {lines:,} lines, would be one cell; remove it, or double it if "
                "it is text"
            )
            raise InputError(message)


_limit_lock = threading.Lock()
_limit_users = 0
_limit_before = 0


@contextlib.contextmanager
def _long_cells() -> Iterator[None]:
    """Allow long cells meanwhile.

    The limit of the csv module holds for the whole process, so it is restored when the last of the
    threads that need another one has finished.
    """
    global _limit_users, _limit_before
    with _limit_lock:
        if _limit_users == 0:
            _limit_before = csv.field_size_limit(LONGEST_CELL)
        _limit_users += 1
    try:
        yield
    finally:
        with _limit_lock:
            _limit_users -= 1
            if _limit_users == 0:
                csv.field_size_limit(_limit_before)


def parse(text: str, separator: str) -> list[list[str]]:
    """Return the first rows of a table, without empty ones."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return list(itertools.islice(filter(None, reader), _SNIFFED_ROWS))
    except csv.Error:
        return []


def _complete_lines(text: str) -> str:
    """Return the beginning of a text up to the end of a line, or all of it if it is short."""
    if len(text) <= _SNIFFED_CHARACTERS:
        return text
    head = text[:_SNIFFED_CHARACTERS]
    return head[: max(head.rfind("\n"), head.rfind("\r")) + 1] or head


def table_suffix(name: str) -> str:
    """Return the extension of a name if it is one of tables, without that of compression."""
    path = PurePath(name)
    if path.suffix.lower() in _PACKED_SUFFIXES:
        path = path.with_suffix("")
    suffix = path.suffix.lower()
    return suffix if suffix in _TABLE_SUFFIXES else ""


def find_separator(head: str, name: str, column: str | None = None) -> str:
    """Return the separator of a table.

    It is a tab in files with the extension of TSV. Otherwise it is one with which the first row has
    the wanted column, if it is a name; of several, one with which nearly all rows have the same
    number of cells, and of these the one with most cells. In a table of one column, it is one that
    does not occur in the texts.
    """
    if table_suffix(name) in _TAB_SUFFIXES:
        return "\t"

    def fitness(separator: str) -> tuple[bool, bool, int, float]:
        rows = parse(head, separator)
        widths = [len(row) for row in rows]
        if not rows:
            return False, False, 0, 0.0
        names = [cell.strip() for cell in rows[0]]
        wanted = [] if column is None else split_names(column, names)
        named = bool(wanted) and not any(map(is_number, wanted)) and set(wanted) <= set(names)
        share = _share(widths)
        return named, share >= _CONSISTENT and widths[0] > 1, widths[0], share

    return max(_SEPARATORS, key=fitness)


def _share(widths: list[int]) -> float:
    """Return the share of the rows that have as many cells as the first one."""
    return widths.count(widths[0]) / len(widths)


def looks_like_header(rows: list[list[str]], index: int) -> bool:
    """Return whether the first row has the names of the columns.

    It has if its cells are short and differ, and either a column has numbers except in it, or the
    column of the index has much longer texts below.
    """
    if len(rows) < 2 or index >= len(rows[0]):
        return False
    first, rest = rows[0], rows[1:]
    if len(set(first)) < len(first) or not all(map(_may_be_name, first)):
        return False
    for column in range(len(first)):
        cells = [row[column] for row in rest if column < len(row) and row[column]]
        if cells and all(map(_is_numeric, cells)):
            return True
    lengths = [len(row[index]) for row in rest if index < len(row)]
    return bool(lengths) and sum(lengths) >= _LONGER * len(lengths) * len(first[index])


def _may_be_name(cell: str) -> bool:
    return 0 < len(cell.strip()) <= _LONGEST_NAME and not _is_numeric(cell)


def _is_numeric(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def describe_table(head: bytes, name: str) -> str | None:
    """Return the names of the columns if a file without a selected column is a table, or None.

    It is one if it has the extension of one, and its first rows the same number of cells.
    """
    if not table_suffix(name):
        return None
    text = _complete_lines(decode(head))
    rows = parse(text, find_separator(text, name))
    widths = [len(row) for row in rows[:-1] or rows]  # the last row may be cut
    if len(rows) < 2 or widths[0] < 2 or _share(widths) < _CONSISTENT:
        return None
    return listed(cell.strip() for cell in rows[0])
