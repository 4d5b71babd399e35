"""The files of a checkpoint: each is complete or absent, and JSON files have a checksum."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from w2v.errors import FormatError
from w2v.pipeline.spec import START_OVER
from w2v.system.atomic import replace_file
from w2v.system.disk import require_free_space, writing
from w2v.system.files import read_error
from w2v.system.records import decode

VERSION = 3
"""The format version of all files in a checkpoint."""

DIGEST_BYTES = 16
WRONG_CHECKSUM = "wrong checksum"

Record = TypeVar("Record")


def write_sealed(path: Path, entry: dict[str, Any], remedy: str) -> None:
    """Write a JSON object, with the format version and a checksum added.

    Raises:
        OutputError: it cannot be written; the message suggests the remedy.

    """
    sealed = {"format_version": VERSION, "checksum": _checksum(entry), **entry}
    data = json.dumps(sealed).encode()
    write_file(path, [data], needed=len(data), doing=f"cannot write {path}", remedy=remedy)


def read_sealed(kind: type[Record], path: Path) -> Record:
    """Read a record that `write_sealed` wrote, and verify the version, the checksum and all types.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is damaged, or was written by another version.

    """
    entry = _read_json(path)
    if entry.pop("format_version", None) != VERSION:
        message = f"{path} was written by another version of w2v; resume with that version"
        raise FormatError(message)
    if entry.pop("checksum", None) != _checksum(entry):
        raise damaged(path, WRONG_CHECKSUM)
    try:
        return decode(kind, entry)
    except ValueError as error:
        raise damaged(path, error) from error


def write_file(
    path: Path, chunks: Iterable[bytes], *, needed: int, doing: str, remedy: str
) -> None:
    """Write a file through a temporary one with the suffix ``.new``, so it is never incomplete.

    Args:
        path: the file.
        chunks: its content.
        needed: its size in bytes; this much space must be free before writing begins.
        doing: the beginning of an error message.
        remedy: the end of it.

    Raises:
        OutputError: it cannot be written.

    """
    with writing(doing, path.parent, remedy, needed=needed):
        require_free_space(path.parent, needed, doing, remedy)
        _replace(path, chunks)


def _replace(path: Path, chunks: Iterable[bytes]) -> None:
    with replace_file(path, path.with_name(f"{path.name}.new")) as file:
        file.writelines(chunks)


def damaged(path: Path, reason: object) -> FormatError:
    """Return the exception for a damaged file of a checkpoint."""
    return FormatError(f"{path} is damaged ({reason}); {START_OVER}")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():  # a device may never end
            raise damaged(path, "not a file")
        entry = json.loads(path.read_bytes())
    except OSError as error:
        raise read_error(path, error) from error
    except FormatError:
        raise
    except (ValueError, RecursionError) as error:
        raise damaged(path, error) from error
    if not isinstance(entry, dict):
        raise damaged(path, "not a JSON object")
    return entry


def _checksum(entry: dict[str, Any]) -> str:
    return hashlib.blake2b(json.dumps(entry).encode(), digest_size=DIGEST_BYTES).hexdigest()
