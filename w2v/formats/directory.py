"""The files that several directory formats share: ``meta.json``, ``vocab.txt``, and arrays."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from w2v.errors import FormatError, InputError
from w2v.formats.layout import Layout
from w2v.formats.npy import HEADER_SIZE, read_npy, write_npy
from w2v.formats.words import decode_vocabulary
from w2v.system.files import is_directory, open_binary, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from w2v.formats.table import VectorTable

VERSION = 1
"""The version of ``meta.json`` and of the model directory.

It is raised when an older reader would misread a newer directory.
"""


def check_directory(directory: Path, format_name: str, signature_files: tuple[str, ...]) -> None:
    """Check that a directory has the files of a format.

    Raises:
        InputError: the directory does not exist or cannot be read.
        FormatError: a file is missing.

    """
    if not is_directory(directory):
        message = f"cannot read {directory}: there is no such directory; check the path"
        raise InputError(message)
    for name in signature_files:
        if status_of(directory / name) is None:
            message = f"{directory} is not a {format_name} directory: it has no {name}"
            raise FormatError(message)


def encode_meta(meta: dict[str, Any], layout: Layout | None) -> bytes:
    """Return the bytes of ``meta.json``, with the layout under ``rows``.

    Raises:
        FormatError: ``meta`` is not JSON.

    """
    # A layout in ``meta`` is that of the file which the vectors were read from. The record of the
    # training job is of use in a model only.
    excluded = {"rows"} if layout is None else {"rows", "job"}
    rows = {} if layout is None else {"rows": layout.as_dict()}
    recorded = {name: value for name, value in meta.items() if name not in excluded}
    recorded |= rows | {"format_version": VERSION}
    try:
        text = json.dumps(recorded, indent=2, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError) as error:
        message = f"meta must be plain JSON values: {error}"
        raise FormatError(message) from error
    # A lone surrogate (in a file name that is not UTF-8) becomes \udcxx, which JSON can read.
    return f"{text}\n".encode("utf-8", "backslashreplace")


def _plain(value: object) -> object:
    """Convert what training records to JSON values."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    message = f"{value!r} is a {type(value).__name__}"
    raise TypeError(message)


def read_meta(directory: Path) -> tuple[dict[str, Any], Layout | None]:
    """Read ``meta.json``, and the layout that it records, if any.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is missing or invalid.

    """
    path = directory / "meta.json"
    data = read_bytes(path)
    try:
        meta = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        message = f"{path}: expected JSON in UTF-8: {error}"
        raise FormatError(message) from error
    if not isinstance(meta, dict):
        message = f"{path}: expected a JSON object, got a {type(meta).__name__}"
        raise FormatError(message)
    version = meta.pop("format_version", VERSION)
    if version != VERSION:
        message = (
            f"{path}: this w2v reads version {VERSION} of the format, "
            f"got version {version!r:.200}; use a newer w2v"
        )
        raise FormatError(message)
    if "rows" not in meta:
        return meta, None
    try:
        return meta, Layout.from_dict(meta["rows"])
    except FormatError as error:
        message = f"{path}: {error}"
        raise FormatError(message) from error


def read_layout(directory: Path) -> tuple[dict[str, Any], Layout]:
    """Read a ``meta.json`` that must record a layout.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is missing or invalid.

    """
    meta, layout = read_meta(directory)
    if layout is None:
        message = f"{directory / 'meta.json'}: expected a layout under 'rows', got none"
        raise FormatError(message)
    return meta, layout


def read_words(directory: Path) -> list[str]:
    """Read ``vocab.txt``.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is missing, truncated or not UTF-8.

    """
    path = directory / "vocab.txt"
    return decode_vocabulary(read_bytes(path), path)


def write_counts(directory: Path, table: VectorTable) -> None:
    """Write ``counts.npy`` if the counts are known."""
    if table.counts is not None:
        write_npy(directory / "counts.npy", table.counts.astype("<i8", copy=False))


def size_of_counts(table: VectorTable) -> int:
    """Return the size of ``counts.npy`` in bytes."""
    return 0 if table.counts is None else table.counts.nbytes + HEADER_SIZE


def read_counts(directory: Path) -> NDArray[np.int64] | None:
    """Read ``counts.npy``, or return None if there is none.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is invalid.

    """
    path = directory / "counts.npy"
    if status_of(path) is None:
        return None
    with open_file(path) as file:
        return read_npy(file, path, "<i8", axes=1)


def read_bytes(path: Path) -> bytes:
    """Return the content of a file in a directory.

    Raises:
        InputError: it cannot be read.
        FormatError: it is missing.

    """
    with open_file(path) as file:
        return file.read()


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file in a directory for reading.

    Raises:
        InputError: it cannot be read.
        FormatError: it is missing.

    """
    if status_of(path) is None:
        message = f"{path.parent} is not a model directory: it has no {path.name}"
        raise FormatError(message)
    with open_binary(path) as file:
        yield file


def brief(error: Exception) -> str:
    """Return the type and message of an error, without data from a file that a repr may contain."""
    return f"{type(error).__name__}: {error!s:.200}"
