"""One safetensors file with everything that an Embedding layer needs.

The tensor ``embeddings`` is (rows, D) float32. The metadata, whose values are strings, has the one
entry ``w2v``: JSON with ``version``, the layout (``rows``), the words and, if it is known, the
tokenizer. It is one entry because the library writes several in random order, and the same model
should give the same bytes.
"""

from __future__ import annotations

import json
import os
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from w2v.errors import FormatError, MissingExtraError
from w2v.formats.layout import Layout
from w2v.formats.npy import map_array
from w2v.formats.table import VectorTable
from w2v.formats.words import encode_words
from w2v.system import atomic
from w2v.system.files import open_binary

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TENSOR = "embeddings"
ENTRY = "w2v"
VERSION = 1
"""The version of the metadata; raised when an older reader would misread newer files."""

MAX_HEADER_BYTES = 100_000_000
"""The limit of the library (MAX_HEADER_SIZE in its source)."""

_ALIGNMENT = 8
_TYPES: dict[str, np.dtype[Any]] = {
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "BF16": np.dtype("<u2"),
}
_TENSOR_ENTRY_BYTES = 1_000  # an upper bound of the rest of the header


def write(
    table: VectorTable,
    path: str | Path,
    *,
    layout: Layout,
    dtype: str = "float32",
    overwrite: bool = False,
) -> None:
    """Write a file, atomically.

    Raises:
        FormatError: a word cannot be written as UTF-8, or the words do not fit into the header.
        OutputError: the file cannot be written.
        MissingExtraError: safetensors is not installed.

    """
    require_safetensors("safetensors")
    record = _encode_record(table, layout)
    needed = len(record) + size_of_tensor(table, layout, dtype)
    with atomic.new_file(path, needed=needed, overwrite=overwrite) as file:
        write_tensor(file, table, layout, {ENTRY: record}, dtype=dtype)


def read(path: str | Path) -> VectorTable:
    """Read a file that ``write`` wrote.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is not a safetensors file of w2v, or it is damaged.
        MissingExtraError: safetensors is not installed.

    """
    metadata, matrix = read_tensor(path, "safetensors")
    record = _decode_record(metadata, path)
    words = record.get("words")
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        message = f"{path}: expected a list of words, got {words!r:.200}"
        raise FormatError(message)
    try:
        layout = Layout.from_dict(record.get("rows"))
        encode_words(words)  # JSON can contain lone surrogates
    except FormatError as error:
        message = f"{path}: {error}"
        raise FormatError(message) from error
    meta = {name: value for name, value in record.items() if name in ("rows", "tokenizer")}
    return VectorTable.from_rows(layout, words, matrix, meta=meta, source=path)


def size_of_tensor(table: VectorTable, layout: Layout, dtype: str = "float32") -> int:
    """Return the bytes of the numbers of a table in a layout."""
    return (len(table) + layout.first_word) * table.dim * np.dtype(dtype).itemsize


def write_tensor(
    file: IO[bytes],
    table: VectorTable,
    layout: Layout,
    metadata: dict[str, str] | None = None,
    *,
    dtype: str = "float32",
) -> None:
    """Write a file with one tensor, TENSOR: the matrix of an Embedding layer.

    The library would need the matrix and two copies of it in memory. So the file is written here,
    row by row: the size of the header in 8 bytes, the header in JSON with blanks behind it, so that
    its size is a multiple of 8, and the numbers (safetensors, "Format").
    """
    size = size_of_tensor(table, layout, dtype)
    header: dict[str, Any] = {} if metadata is None else {"__metadata__": metadata}
    shape = [len(table) + layout.first_word, table.dim]
    name = "F16" if dtype == "float16" else "F32"
    header[TENSOR] = {"dtype": name, "shape": shape, "data_offsets": [0, size]}
    text = _json(header).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(_ALIGNMENT, "little") + text)
    for rows in table.iter_rows(layout, dtype):
        file.write(np.ascontiguousarray(rows).data)


def require_safetensors(format_name: str) -> None:
    """Check that the library is installed, with which programs read the format.

    Raises:
        MissingExtraError: it is not.

    """
    try:
        import safetensors  # noqa: F401
    except ModuleNotFoundError as error:
        raise missing_safetensors(format_name) from error


def missing_safetensors(format_name: str) -> MissingExtraError:
    """Return the error for a format that needs the library, which is not installed."""
    return MissingExtraError(f"the format {format_name}", "safetensors")


def read_tensor(path: str | Path, format_name: str) -> tuple[dict[str, str], NDArray[np.floating]]:
    """Read the metadata and the only tensor, TENSOR, of a file.

    The tensor is mapped into memory, as it is stored: in float32 or float16. BF16, which NumPy does
    not have, is converted.

    The library checks sizes against the length of the file before it allocates memory.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is not a safetensors file, or has other tensors.
        MissingExtraError: safetensors is not installed.

    """
    try:
        from safetensors import SafetensorError, safe_open
    except ModuleNotFoundError as error:
        raise missing_safetensors(format_name) from error
    with open_binary(path) as checked:  # for clear errors; the library opens the file itself
        try:
            with safe_open(path, framework="numpy") as file:
                names = list(file.keys())
                if names != [TENSOR]:
                    message = f"{path}: expected one tensor, {TENSOR!r}, got {names!r:.200}"
                    raise FormatError(message)
                tensor = file.get_slice(TENSOR)
                dtype, shape = tensor.get_dtype(), tensor.get_shape()
                if dtype not in _TYPES or len(shape) != 2 or min(shape) < 1:
                    message = (
                        f"{path}: expected a tensor of 2 axes of {', '.join(_TYPES)}, "
                        f"got shape {tuple(shape)} of {dtype}"
                    )
                    raise FormatError(message)
                metadata = file.metadata() or {}
        except SafetensorError as error:
            message = f"{path}: expected a safetensors file: {error}; is it damaged or truncated?"
            raise FormatError(message) from error
        # The library has checked the header, and would copy the numbers.
        checked.seek(0)
        checked.seek(int.from_bytes(checked.read(_ALIGNMENT), "little"), os.SEEK_CUR)
        stored = map_array(checked, path, _TYPES[dtype], tuple(shape))
        return metadata, _from_bf16(stored) if dtype == "BF16" else stored


def _from_bf16(tensor: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Return numbers whose bits are the upper half of those of float32."""
    numbers = np.zeros(tensor.shape, np.uint32)
    np.left_shift(tensor, 16, out=numbers, dtype=np.uint32)
    return numbers.view(np.float32)


def _encode_record(table: VectorTable, layout: Layout) -> str:
    """Return the entry of the metadata."""
    encode_words(table.words)  # raises the error for words that are not Unicode
    content: dict[str, Any] = {"version": VERSION, "rows": layout.as_dict()}
    if "tokenizer" in table.meta:
        content["tokenizer"] = table.meta["tokenizer"]
    content["words"] = table.words
    record = _json(content)
    # The header contains the record as a JSON string, which escapes its quotes.
    size = len(_json(record).encode("utf-8")) + _TENSOR_ENTRY_BYTES
    if size > MAX_HEADER_BYTES:
        message = (
            f"the {len(table)} words take {size} bytes in the header of a safetensors file, "
            f"whose limit is {MAX_HEADER_BYTES}; choose another format"
        )
        raise FormatError(message)
    return record


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _decode_record(metadata: dict[str, str], path: str | Path) -> dict[str, Any]:
    """Return the content of the entry of the metadata."""
    if ENTRY not in metadata:
        message = (
            f"{path}: a safetensors file of another program: its metadata have no entry "
            f"{ENTRY!r} with the words of the rows"
        )
        raise FormatError(message)
    try:
        record = json.loads(metadata[ENTRY])
    except (ValueError, RecursionError) as error:
        message = f"{path}: expected JSON in the entry {ENTRY!r} of the metadata: {error}"
        raise FormatError(message) from error
    version = record.get("version") if isinstance(record, dict) else None
    if not isinstance(record, dict) or version != VERSION:
        message = (
            f"{path}: this w2v reads safetensors files of version {VERSION}, "
            f"got version {version!r:.200}; use a newer w2v"
        )
        raise FormatError(message)
    return record
