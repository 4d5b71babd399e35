"""What the readers of structured files share: the selected part, and lines of text from it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from w2v.errors import InputError, short_repr
from w2v.events import Notice
from w2v.text.folders import first_few

LONGEST_LINE = 1 << 26
"""Bytes that a line of a structured file may have."""

_CHUNK_BYTES = 1 << 18
PIECE_CHARACTERS = 1 << 18
"""Characters of lines that are encoded at once."""

_MOST_NAMES = 20
_LONGEST_WORD = 40  # characters
_MOSTLY = 0.9
_NAMES_LENGTH = 400  # characters of all names in a message
_LONE_SURROGATE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


class StructureError(InputError):
    """A file has another structure than the one that is to be read."""


@dataclass(frozen=True)
class Selection:
    """Which part of a structured file is text. Without a part, files are plain text.

    Attributes:
        column: see `w2v.Config`.
        sep: see `w2v.Config`.
        json_field: see `w2v.Config`.
        one_line: whether each record becomes exactly one line, so that lines can be matched with
            records. Otherwise line ends are preserved, and records without text are skipped.

    """

    column: str | None = None
    sep: str | None = None
    json_field: str | None = None
    one_line: bool = False


PLAIN = Selection()


@dataclass
class Records:
    """What is odd about the records of a file.

    Attributes:
        name: of the file.
        short: rows that do not reach the column.
        uneven: other rows that are longer or shorter than the first one.
        merged: rows with a cell that seems to hold other rows.
        missing: records in which the text is null or absent.
        other: records in which it is neither a string nor a list of strings.
        example: the first of these.
        lists: lists of several strings.
        word_lists: those of them whose strings look like words.
        remarks: whole sentences about the file.
        rows_done: rows read so far, of a Parquet file.
        rows: all of them.

    """

    name: str
    short: int = 0
    uneven: int = 0
    merged: int = 0
    missing: int = 0
    other: int = 0
    example: str = ""
    lists: int = 0
    word_lists: int = 0
    remarks: tuple[str, ...] = ()
    rows_done: int = 0
    rows: int = 0

    def share(self) -> float:
        """Return the share of the rows that are read."""
        return self.rows_done / max(self.rows, 1)

    def count_list(self, strings: list[str]) -> None:
        """Count a list of strings."""
        if len(strings) > 1:
            self.lists += 1
            self.word_lists += all(
                " " not in text and len(text) <= _LONGEST_WORD for text in strings
            )

    def remark(self, sentence: str) -> None:
        """Add a sentence about the file."""
        self.remarks += (sentence,)


def record_notices(files: list[Records], selection: Selection) -> list[Notice]:
    """Return what there is to say about the records of all files."""
    effect = "as empty lines" if selection.one_line else "skipped"
    field = "the field" if selection.json_field is not None else "the column"
    messages = []
    for attribute, text in (
        ("short", f"{effect}: {{}} with too few columns ({{}})"),
        ("missing", f"{effect}: {{}} without a value in {field} ({{}})"),
        ("other", f"{effect}: {{}} in which {field} has no text ({{}})"),
        (
            "uneven",
            (
                "{} with more or fewer columns than the first one ({}), whose text may be cut; put "
                "cells with a separator or a line end in quotation marks, or check `sep`"
            ),
        ),
        (
            "merged",
            (
                "{} whose cell seems to hold other rows ({}), as after a quotation mark that is "
                "text; double such quotation marks, or remove them"
            ),
        ),
    ):
        counted = [(file, getattr(file, attribute)) for file in files if getattr(file, attribute)]
        total = sum(count for _, count in counted)
        if total:
            named = [
                f"{count:,} in {file.name}" + (f", such as {file.example}" * (attribute == "other"))
                for file, count in counted
            ]
            noun = "row" if attribute in {"short", "uneven", "merged"} else "record"
            messages.append(text.format(f"{total:,} {noun}{'s' * (total > 1)}", first_few(named)))
    words = [file.name for file in files if file.word_lists > _MOSTLY * file.lists]
    if words and not selection.one_line:
        messages.append(
            f"the lists in {field} seem to hold words ({first_few(words)}), but each string is a "
            "line, so that words have no context; join the strings of a list with spaces first, or "
            "pass the lists from Python"
        )
    messages += [remark for file in files for remark in file.remarks]
    return [Notice(message) for message in messages]


class LineBuffer:
    """Lines of text, collected from the texts of records."""

    def __init__(self, *, one_line: bool) -> None:
        self._one_line = one_line
        self._texts: list[str] = []
        self._size = 0

    @property
    def is_full(self) -> bool:
        """Whether it is time to take the lines."""
        return self._size >= PIECE_CHARACTERS

    def extend(self, texts: list[str]) -> None:
        """Add the texts of records, each with line ends if they are several."""
        if self._one_line:
            texts = [text.replace("\n", " ") for text in texts]
        elif "" in texts:
            texts = [text for text in texts if text]
        self._texts += texts
        self._size += sum(map(len, texts)) + len(texts)

    def join(self, texts: list[str]) -> str:
        """Return several texts of one record as one."""
        return "\n".join(filter(None, texts))

    def take(self) -> bytes:
        """Return the lines as UTF-8, and forget them."""
        if not self._texts:
            return b""
        text = "\n".join(self._texts)
        self._texts, self._size = [], 0
        return encode(text) + b"\n"


def encode(text: str) -> bytes:
    """Return text as UTF-8; what was invalid, and lone surrogates, as bytes that are invalid."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # surrogates of JSON such as \ud800
        return _LONE_SURROGATE.sub("\udcff", text).encode("utf-8", "surrogateescape")


def decode(data: bytes | bytearray) -> str:
    """Return UTF-8 as text, with invalid bytes in a form that `encode` restores."""
    return data.decode("utf-8", "surrogateescape")


def line_chunks(
    stream: IO[bytes], name: str, ends: tuple[bytes, ...] = (b"\n",)
) -> Iterator[bytes]:
    """Yield a stream in chunks that end with a line, the last one excepted.

    Args:
        stream: UTF-8.
        name: of the file, for errors.
        ends: what ends a line; the later ones count only where the earlier ones are missing.

    Raises:
        InputError: a line is longer than `LONGEST_LINE`.

    """
    rest = bytearray()
    while data := stream.read(_CHUNK_BYTES):
        # The last byte may be the first half of a line end of two characters.
        end = next((e for x in ends if (e := data.rfind(x, 0, len(data) - (x == b"\r")) + 1)), 0)
        if end:
            yield bytes(rest) + data[:end]
            rest.clear()
        rest += data[end:]
        if len(rest) > LONGEST_LINE:
            message = (
                f"{name} has a line of more than {LONGEST_LINE:,} bytes: expected a line for each "
                "record"
            )
            raise InputError(message)
    if rest:
        yield bytes(rest)


class PieceStream(io.RawIOBase):
    """A stream of the pieces of an iterator."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece = memoryview(b"")

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer and return the number of bytes, 0 at the end."""
        while not self._piece:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._piece = memoryview(piece)
        part = self._piece[: len(buffer)]
        buffer[: len(part)] = part
        self._piece = self._piece[len(part) :]
        return len(part)


def listed(names: Iterable[object]) -> str:
    """Return names for a message: each as a string of Python, the first ones of many."""
    names = list(names)
    shown: list[str] = []
    for name in names[:_MOST_NAMES]:
        shown.append(short_repr(name))
        if sum(map(len, shown)) > _NAMES_LENGTH:
            break
    rest = f" ... ({len(names):,} in all)" if len(names) > len(shown) else ""
    return ", ".join(shown) + rest


def split_names(wanted: str, names: list[str]) -> list[str]:
    """Return the one name that is wanted if it exists, or those with commas between them."""
    if wanted in names or wanted.strip() in names:
        return [wanted if wanted in names else wanted.strip()]
    return [part.strip() for part in wanted.split(",") if part.strip()]


def find_columns(wanted: list[str], names: list[str], name: str) -> list[int]:
    """Return the indices of columns, each given by its name or by its number from 1.

    Args:
        wanted: the names and numbers. Digits are always a number.
        names: of all columns, in order.
        name: of the file, for errors.

    Raises:
        StructureError: a column does not exist, or there are several of its name.

    """
    return [_find_column(column, names, name) for column in wanted]


def is_number(column: str) -> bool:
    """Return whether a column is given by its number."""
    return column.isascii() and column.isdigit()


def _find_column(column: str, names: list[str], name: str) -> int:
    places = [index for index, found in enumerate(names) if found == column]
    places = places or [index for index, found in enumerate(names) if found.strip() == column]
    if is_number(column):
        number = int(column) if len(column) < 10 else len(names) + 1
        if 0 < number <= len(names):
            return number - 1
        rest = f"; the column named {column} is number {places[0] + 1}" if places else ""
        message = f"{name} has no column {column}: it has {len(names):,}, {listed(names)}{rest}"
        raise StructureError(message)
    if len(places) > 1:
        numbers = " and ".join(str(place + 1) for place in places[:_MOST_NAMES])
        message = (
            f"{name} has {len(places):,} columns named {short_repr(column)}, with the numbers "
            f"{numbers}: pass one of these as `column`"
        )
        raise StructureError(message)
    if not places:
        message = f"{name} has no column {short_repr(column)}: its columns are {listed(names)}"
        raise StructureError(message)
    return places[0]
