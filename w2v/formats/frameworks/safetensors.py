"""One safetensors file with everything an Embedding layer needs.

The tensor ``embeddings`` is (rows, D) float32. The metadata, which the format keeps as strings,
has one entry, ``w2v``: JSON with ``version``, the layout (``rows``), the words, and the
tokenizer, if it is known. It is one entry, because the library writes several in any order, and
the same model should give the same bytes.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import FormatError, MissingExtraError
from w2v.formats.classic import lines as textfile
from w2v.formats.layout import Layout
from w2v.system import atomic as output

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

TENSOR = "embeddings"
ENTRY = "w2v"
VERSION = 1
"""Of the metadata; raised when an older reader would misunderstand newer files."""

LONGEST_HEADER = 100_000_000
"""Bytes, of which the library allows no more (MAX_HEADER_SIZE in its source)."""

_HEADER_BESIDES = 1_000  # bytes for the tensor's entry, and to spare


def write(
    embeddings: Embeddings, path: str | Path, *, layout: Layout, overwrite: bool = False
) -> None:
    """Write ``path``, whole or not at all.

    Raises:
        FormatError: a word cannot be written as UTF-8, or the words take more room than the
            format has for them.
        OutputError: the file cannot be put there.
        MissingExtraError: safetensors is not installed.

    """
    try:
        from safetensors.numpy import save
    except ModuleNotFoundError as error:
        raise missing("safetensors") from error
    record = _encode(embeddings, layout)
    matrix = embeddings.matrix_for(layout.rows, layout.unknown_vector)
    data = save({TENSOR: matrix}, {ENTRY: record})
    with output.new_file(path, needed=len(data), overwrite=overwrite) as file:
        file.write(data)


def read(path: str | Path) -> Embeddings:
    """Read a file as ``write`` writes it; the library checks the sizes before it allocates.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is no safetensors file, or not one of w2v, or damaged.
        MissingExtraError: safetensors is not installed.

    """
    with opened_tensor(path, "safetensors") as (metadata, read_matrix):
        record = _decode(metadata, path)
        matrix = read_matrix()
    words = record.get("words")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        message = f"{path}: expected a list of words, got {words!r:.200}"
        raise FormatError(message)
    try:
        layout = Layout.from_dict(record.get("rows"))
        textfile.encode(words)  # for JSON can spell what is not Unicode
    except FormatError as error:
        message = f"{path}: {error}"
        raise FormatError(message) from error
    meta = {name: value for name, value in record.items() if name in ("rows", "tokenizer")}
    return Embeddings.from_rows(layout, words, matrix, meta=meta, source=path)


def missing(format_name: str) -> MissingExtraError:
    """What a format that needs the library says without it."""
    return MissingExtraError(f"the format {format_name}", "safetensors")


def system_error(error: Exception) -> OSError:
    """What the system refused when the library wrote a file, which tells its number in the text."""
    found = re.search(r"(?:os error|code:) (\d+)", str(error))
    if found is None:
        return OSError(str(error))
    number = int(found[1])
    return OSError(number, os.strerror(number))


def _encode(embeddings: Embeddings, layout: Layout) -> str:
    """Make the entry of the metadata."""
    textfile.encode(embeddings.words)
    content: dict[str, Any] = {"version": VERSION, "rows": layout.as_dict()}
    if "tokenizer" in embeddings.meta:
        content["tokenizer"] = embeddings.meta["tokenizer"]
    content["words"] = embeddings.words
    record = _json(content)
    length = len(_json(record).encode("utf-8")) + _HEADER_BESIDES  # for it becomes a string there
    if length > LONGEST_HEADER:
        message = (
            f"the {len(embeddings)} words take {length} bytes in the header of a safetensors "
            f"file, which has room for {LONGEST_HEADER}; choose another format"
        )
        raise FormatError(message)
    return record


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


@contextmanager
def opened_tensor(
    path: str | Path, format_name: str
) -> Iterator[tuple[dict[str, str], Callable[[], NDArray[np.float32]]]]:
    """Open a file with the one tensor TENSOR; yields its metadata, and what gives the matrix.

    The library holds sizes to the file's length before it allocates.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is no safetensors file, or has other tensors.
        MissingExtraError: safetensors is not installed.

    """
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise missing(format_name) from error
    with textfile.opened(path):
        try:
            with safe_open(path, framework="numpy") as file:
                names = list(file.keys())
                if names != [TENSOR]:
                    message = f"{path}: expected one tensor, {TENSOR!r}, got {names!r:.200}"
                    raise FormatError(message)
                tensor = file.get_slice(TENSOR)
                dtype, shape = tensor.get_dtype(), tensor.get_shape()
                if dtype != "F32" or len(shape) != 2 or min(shape) < 1:
                    message = (
                        f"{path}: expected a tensor of 2 axes of F32, "
                        f"got shape {tuple(shape)} of {dtype}"
                    )
                    raise FormatError(message)
                yield file.metadata() or {}, lambda: file.get_tensor(TENSOR)
        except SafetensorError as error:
            message = f"{path}: expected a safetensors file: {error}; is it damaged or cut short?"
            raise FormatError(message) from error


def _decode(metadata: dict[str, str], path: str | Path) -> dict[str, Any]:
    """Take the entry of the metadata apart."""
    if ENTRY not in metadata:
        message = (
            f"{path}: a safetensors file, but not of w2v: its metadata have no entry {ENTRY!r}, "
            "which says what words the rows belong to"
        )
        raise FormatError(message)
    try:
        record = json.loads(metadata[ENTRY])
    except (ValueError, RecursionError) as error:
        message = f"{path}: expected JSON as the metadata's entry {ENTRY!r}: {error}"
        raise FormatError(message) from error
    version = record.get("version") if isinstance(record, dict) else None
    if not isinstance(record, dict) or version != VERSION:
        message = (
            f"{path}: this w2v reads safetensors files of version {VERSION}, "
            f"got version {version!r:.200}; use a newer w2v"
        )
        raise FormatError(message)
    return record
