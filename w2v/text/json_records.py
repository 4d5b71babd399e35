"""JSON lines and arrays of JSON objects: the text of a field, or of several."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Iterator
from typing import Any

from w2v.errors import InputError, short_repr
from w2v.text.extraction import (
    LONGEST_LINE,
    PIECE_CHARACTERS,
    LineBuffer,
    Records,
    Selection,
    StructureError,
    decode,
    line_chunks,
    listed,
)

_CHUNK_BYTES = 1 << 18
_SEARCHED = 100_000  # records in which the field must occur
_SNIFFED_LINES = 5
_DEEPEST_NAME = 3
_LONGEST_CUT = 16  # characters of a cut literal or escape at which an error may be reported
_KINDS = {bool: "true or false", float: "a number", dict: "an object", list: "a list"}
# The beginning of an object, or of an array of objects.
_OBJECT = re.compile(r'\s*(\[\s*)?\{\s*"(?:[^"\\\n]|\\.)*"\s*:\s*(["\[{\d-]|true|false|null)')
_BETWEEN = re.compile(r"[\s,]*")

# Control characters in strings, which JSON does not allow, occur. The numbers do not matter here,
# and integers of thousands of digits would be an error.
_DECODER = json.JSONDecoder(strict=False, parse_int=float)

_MISSING = object()


def read_field(
    stream: io.BufferedReader, name: str, selection: Selection, records: Records
) -> Iterator[bytes]:
    """Yield the text of the selected fields of JSON objects, as lines of UTF-8.

    Args:
        stream: an object per line, or an array of objects, in UTF-8.
        name: of the file.
        selection: the fields.
        records: receives counts of unusual records.

    Raises:
        InputError: it is not JSON; no record has the field, or none has text in it.

    """
    assert selection.json_field is not None
    reader = _Fields(name, selection.json_field, records)
    lines = LineBuffer(one_line=selection.one_line)
    texts: list[str] = []
    size = 0
    for record in _objects(stream, name, records):
        text = reader.text_of(record)
        texts.append(text)
        size += len(text)
        if size >= PIECE_CHARACTERS:
            lines.extend(texts)
            yield lines.take()
            texts, size = [], 0
    reader.finish()
    lines.extend(texts)
    yield lines.take()


class _Fields:
    """The texts of the fields of objects."""

    def __init__(self, name: str, wanted: str, records: Records) -> None:
        self._name = name
        self._wanted = wanted
        self._paths = [_Path(part.strip()) for part in wanted.split(",") if part.strip()]
        self._records = records
        self._seen = 0
        self._present = 0
        self._nested = False
        self._names: list[str] = []

    def text_of(self, record: dict[str, Any]) -> str:
        """Return the text of the fields of an object, and count what is not text."""
        self._seen += 1
        value = record.get(self._wanted, _MISSING)
        if isinstance(value, str):
            self._present += 1
            return value
        values = [path.find(record) for path in self._paths] if value is _MISSING else [value]
        return "\n".join(filter(None, self._texts(values, record)))

    def _texts(self, values: list[Any], record: dict[str, Any]) -> list[str]:
        texts: list[str] = []
        found = False
        for value in values:
            items = value if isinstance(value, list) else [value]
            strings = [item for item in items if isinstance(item, str)]
            others = [item for item in items if item is not None and not isinstance(item, str)]
            others = [item for item in others if item is not _MISSING]
            if others:
                self._records.other += 1
                kind = _KINDS[type(others[0])]
                self._nested = isinstance(value, list) and isinstance(others[0], dict)
                where = f"record {self._seen:,}"
                self._records.example = self._records.example or f"{kind} in {where}"
            found = found or (value is not _MISSING and not others)
            texts += strings
            if isinstance(value, list):
                self._records.count_list(strings)
        if values and all(value is None or value is _MISSING for value in values):
            self._records.missing += 1
        if found:
            self._present += 1
        elif not self._names:
            self._names = field_names(record)
        if self._seen >= _SEARCHED:
            self.finish()
        return texts

    def finish(self) -> None:
        """Check that a record had the field.

        Raises:
            StructureError: none had it.

        """
        if self._present or not self._seen:
            return
        field = short_repr(self._wanted)
        number = f"{self._seen:,} records" if self._seen > 1 else "record"
        if self._nested:
            message = (
                f"{self._name} has objects in a list in the field {field}: expected a string or a "
                f"list of strings; convert the file first, with jq -c .{self._wanted}[]"
            )
            raise StructureError(message)
        if self._records.other:
            message = (
                f"{self._name} has no text in the field {field}: it is {self._records.example}; "
                f"expected a string or a list of strings; the fields are {listed(self._names)}"
            )
            raise StructureError(message)
        message = (
            f"{self._name} has no field {field} in its first {number}; the fields are "
            f"{listed(self._names)}"
        )
        raise StructureError(message)


class _Path:
    """A field: a key, or keys of nested objects with dots between them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._keys = name.split(".")

    def find(self, record: dict[str, Any]) -> Any:
        """Return the value of the field, or _MISSING. A key with dots precedes nested objects."""
        value: Any = record.get(self._name, _MISSING)
        if value is not _MISSING or len(self._keys) == 1:
            return value
        value = record
        for key in self._keys:
            value = value.get(key, _MISSING) if isinstance(value, dict) else _MISSING
        return value


def field_names(record: dict[str, Any], prefix: str = "", depth: int = 1) -> list[str]:
    """Return the names of the fields of an object, those of nested objects with dots."""
    names: list[str] = []
    for key, value in record.items():
        if isinstance(value, dict) and value and depth < _DEEPEST_NAME:
            names += field_names(value, f"{prefix}{key}.", depth + 1)
        else:
            names.append(f"{prefix}{key}")
    return names


def _objects(stream: io.BufferedReader, name: str, records: Records) -> Iterator[dict[str, Any]]:
    """Yield the objects of a stream."""
    if stream.peek(1).lstrip()[:1] == b"[":
        return _array_objects(stream, name, records)
    return _line_objects(stream, name, records)


def _line_objects(
    stream: io.BufferedReader, name: str, records: Records
) -> Iterator[dict[str, Any]]:
    number = 0
    chunks = line_chunks(stream, name)
    chunk = next(chunks, b"")
    while chunk:
        following = next(chunks, b"")
        lines = decode(chunk).split("\n")
        ended = lines[-1] == ""
        for line in lines[:-1] if ended else lines:
            number += 1
            if line.isspace() or not line:
                continue
            try:
                record = _decode(line)
            except _NotJSONError as error:
                cut = not ended and not following and line is lines[-1]
                if cut and number > 1 and line.lstrip().startswith("{"):
                    records.remark(f"the last line of {name} is incomplete, and skipped")
                    return
                message = f"{name}, line {number:,}, is not a JSON object: {error}; {_remedy(line)}"
                raise StructureError(message) from error
            yield record
        chunk = following


def _remedy(line: str) -> str:
    if line.lstrip()[:1] in {"{", "["}:
        return "expected one object per line; if objects span lines, convert the file with jq -c ."
    return "expected one object per line; for CSV or Parquet, pass `column` instead of `json_field`"


class _NotJSONError(Exception):
    """A text is not a JSON object."""


def _decode(line: str) -> dict[str, Any]:
    try:
        try:
            record, end = _DECODER.raw_decode(line)
        except json.JSONDecodeError:
            end = -1
        if end != len(line):  # white space before or after the value, or something wrong
            record = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        message = f"{error.msg} at character {error.colno:,}"
        raise _NotJSONError(message) from error
    except RecursionError as error:
        message = "it is nested too deeply"
        raise _NotJSONError(message) from error
    if not isinstance(record, dict):
        kind = "null" if record is None else _KINDS.get(type(record), "a string")
        message = f"it is {kind}"
        raise _NotJSONError(message)
    return record


def _array_objects(
    stream: io.BufferedReader, name: str, records: Records
) -> Iterator[dict[str, Any]]:
    """Yield the objects of an array, whose end may be missing."""
    array = _Array(stream)
    number = 0  # of the current item
    while (start := array.skip_separators()) is not None:
        number += 1
        try:
            record, end = _DECODER.raw_decode(array.text, start)
        except json.JSONDecodeError as error:
            if array.may_be_cut(error) and array.read_more():
                number -= 1
                continue
            if array.may_be_cut(error) and number > 1:
                number -= 1
                break
            message = f"{name}, item {number:,} of the array, is not valid JSON: {error.msg}"
            raise InputError(message) from error
        except RecursionError as error:
            message = f"{name}, item {number:,} of the array, is nested too deeply"
            raise InputError(message) from error
        if not isinstance(record, dict):
            message = f"{name}, item {number:,} of the array, is not a JSON object"
            raise InputError(message)
        array.place = end
        yield record
    if not array.ended:
        records.remark(f"the array in {name} is incomplete; it is read up to item {number:,}")
    elif array.has_more():
        message = (
            f"{name} has more text after the end of the array: expected one array, or JSON lines"
        )
        raise InputError(message)


class _Array:
    """The text of an array, which is read as it is needed.

    Attributes:
        text: a part of it.
        place: the index in it up to which it is decoded.
        ended: whether the end of the array was found.

    """

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self.text = ""
        self.place = 0
        self.ended = False
        self.read_more()
        self.place = self.text.index("[") + 1

    def skip_separators(self) -> int | None:
        """Move to the next item and return its place, or None at the end."""
        while True:
            self.place = _end_of(_BETWEEN, self.text, self.place)
            if self.place < len(self.text):
                self.ended = self.text[self.place] == "]"
                return None if self.ended else self.place
            if not self.read_more():
                return None

    def may_be_cut(self, error: json.JSONDecodeError) -> bool:
        """Return whether an item may only be invalid because its end was not read."""
        size = len(self.text) - self.place
        unterminated = error.msg.startswith("Unterminated")
        return size < LONGEST_LINE and (unterminated or error.pos >= len(self.text) - _LONGEST_CUT)

    def read_more(self) -> bool:
        """Read on, and return whether there was more.

        As much again is read as is left, so that a long item is not decoded many times.
        """
        data = self._stream.read(max(_CHUNK_BYTES, len(self.text) - self.place))
        self.text = self.text[self.place :] + self._decoder.decode(data, final=not data)
        self.place = 0
        return bool(data)

    def has_more(self) -> bool:
        """Return whether something but white space follows the end."""
        rest = self.text[self.place + 1 :]
        while not rest or rest.isspace():
            data = self._stream.read(_CHUNK_BYTES)
            if not data:
                return False
            rest = decode(data)
        return True


def _end_of(pattern: re.Pattern[str], text: str, place: int) -> int:
    match = pattern.match(text, place)
    return place if match is None else match.end()


def describe_json(head: bytes) -> tuple[str, list[str]] | None:
    """Return what JSON a file is and the names of its fields, or None if it is not JSON.

    Args:
        head: the first bytes of the file.

    Returns:
        ``"JSON lines"`` or ``"JSON"``, and the names if they can be read.

    """
    text = decode(head)
    if _OBJECT.match(text) is None:
        return None
    lines = [line for line in text.split("\n")[: _SNIFFED_LINES + 1] if line.strip()]
    found: list[str] = []
    for line in lines[:-1] or lines:  # the last one may be cut
        try:
            found += [name for name in field_names(_decode(line)) if name not in found]
        except _NotJSONError:
            break
    else:
        return "JSON lines", found
    item = text[_end_of(re.compile(r"\s*(\[\s*)?"), text, 0) :]
    try:
        return "JSON", field_names(_DECODER.raw_decode(item)[0])
    except (json.JSONDecodeError, RecursionError):
        return "JSON", found
