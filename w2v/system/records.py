"""Dataclasses from JSON, with a check of every type.

The opposite direction is `dataclasses.asdict`. A record that is read back from a file may have been
edited or damaged, so `decode` trusts nothing in it.
"""

from __future__ import annotations

import dataclasses
import functools
import types
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from w2v.errors import short_repr

Record = TypeVar("Record")


class RecordError(ValueError):
    """A value does not have the type that its record declares."""


def decode(
    kind: type[Record], value: Any, *, ignore_unknown: bool = False, name: str = ""
) -> Record:
    """Make a value of a type from plain JSON values.

    The last fields of a NamedTuple may be missing if they have defaults.
    A missing field of a dataclass has the value ``if_missing`` of its metadata, else its default.

    Args:
        kind: a dataclass, a NamedTuple, a plain type, or a list, tuple, dict or union of these.
        value: what ``json.loads`` returned for it.
        ignore_unknown: whether to skip fields that a dataclass does not have.
        name: of the value, for error messages.

    Raises:
        RecordError: the value has another type, a field is missing or unknown, or a dataclass
            rejects its fields.

    """
    return cast("Record", _decode(kind, value, name, ignore_unknown))


def _decode(kind: Any, value: Any, name: str, ignore_unknown: bool) -> Any:
    origin, arguments = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin in (Union, types.UnionType):
        return _decode_union(arguments, value, name, ignore_unknown)
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _decode_fields(kind, value, name, ignore_unknown)
    if origin is list or (origin is tuple and arguments[-1] is ...):
        return _decode_items(origin, arguments[0], value, name, ignore_unknown)
    if isinstance(value, list | tuple):
        hints = _hints(kind) if hasattr(kind, "_fields") else dict(enumerate(arguments))
        # The last fields of a NamedTuple have defaults, for older records do not have them.
        if len(hints) - len(getattr(kind, "_field_defaults", ())) <= len(value) <= len(hints) > 0:
            items = [
                _decode(hint, item, f"{name}[{i}]", ignore_unknown)
                for i, (hint, item) in enumerate(zip(hints.values(), value, strict=False))
            ]
            return kind(*items) if hasattr(kind, "_fields") else tuple(items)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is (origin or kind):
        return value
    expected = getattr(kind, "__name__", kind)
    message = f"{name or 'value'}: expected {expected}, got {short_repr(value)}"
    raise RecordError(message)


def _decode_union(kinds: tuple[Any, ...], value: Any, name: str, ignore_unknown: bool) -> Any:
    """Decode a value of one of several types, the first that fits."""
    if value is None and type(None) in kinds:
        return None
    *others, last = (kind for kind in kinds if kind is not type(None))
    for kind in others:
        try:
            return _decode(kind, value, name, ignore_unknown)
        except RecordError:
            continue
    return _decode(last, value, name, ignore_unknown)


def _decode_fields(kind: Any, value: dict[str, Any], name: str, ignore_unknown: bool) -> Any:
    prefix = f"{name}." if name else ""
    hints = _hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.init}
    unknown = [key for key in value if key not in fields]
    if unknown and not ignore_unknown:
        message = f"{prefix}{unknown[0]}: unknown field of {kind.__name__}"
        raise RecordError(message)
    given = {
        field: _decode(hints[field], value[field], f"{prefix}{field}", ignore_unknown)
        for field in fields
        if field in value
    }
    for field in fields.values():  # what older records mean that do not have the field
        if field.name not in given and "if_missing" in field.metadata:
            given[field.name] = field.metadata["if_missing"]
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:  # TypeError: a required field is missing
        message = f"{name}: {error}" if name else str(error)
        raise RecordError(message) from error


def _decode_items(origin: Any, item: Any, value: Any, name: str, ignore_unknown: bool) -> Any:
    if not isinstance(value, list | tuple):
        message = f"{name or 'value'}: expected a list, got {short_repr(value)}"
        raise RecordError(message)
    if item in (str, int) and all(type(element) is item for element in value):
        return origin(value)  # a vocabulary has a million of these
    return origin(
        _decode(item, element, f"{name}[{i}]", ignore_unknown) for i, element in enumerate(value)
    )


@functools.cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)
