"""The directory for Keras, with any backend.

- ``embedding.keras``: a Keras model of one Embedding layer, which masks padding
- ``vocab.txt``: one word per line, by rank: the ``vocabulary`` argument of StringLookup and
  TextVectorization. It has no lines for padding and unknown words, which these layers add
- ``meta.json``, and ``counts.npy`` if the counts are known: as in a model directory

With the layout ``pad+unk``, ``StringLookup(vocabulary="vocab.txt", mask_token="")`` and
TextVectorization number words like the rows. ``pad`` needs ``num_oov_indices=0``, and ``none``
also ``mask_token=None``.

Reading does not need Keras: a .keras file is a zip archive of a configuration and the weights in
HDF5, which h5py reads. Nothing is deserialized or executed.
"""

from __future__ import annotations

import io
import json
import os
import struct
import zipfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, FormatError, MissingExtraError
from w2v.formats import directory as files
from w2v.formats.table import VectorTable
from w2v.formats.words import LINE_BREAK, encode_vocabulary
from w2v.system import atomic
from w2v.system.disk import size_on_disk
from w2v.system.files import open_binary

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.formats.layout import Layout

WORD_END = LINE_BREAK
SIGNATURE_FILES = ("embedding.keras", "vocab.txt", "meta.json")
"""The files that identify a directory of this format."""

_LAYER = "embedding"
_READ_BYTES = 1 << 20
_DATASET = ("layers", _LAYER, "vars", "0")
_CONFIG, _WEIGHTS = "config.json", "model.weights.h5"
_FLOAT = np.dtype("<f4")
# The most bytes that a file of the archive may have in addition to the numbers.
_MAX_EXTRA_BYTES = 1 << 20
# What zipfile and h5py raise for damaged files.
_DAMAGED = (
    zipfile.BadZipFile,
    EOFError,
    KeyError,
    OverflowError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


def write(table: VectorTable, path: str | Path, *, layout: Layout, overwrite: bool = False) -> None:
    """Write a directory, atomically.

    Args:
        table: the words and vectors.
        path: the directory to create.
        layout: the layout of the rows.
        overwrite: whether to replace an existing directory of this format.

    Raises:
        ConfigError: Keras has no backend.
        FormatError: a word contains a line break or cannot be written as UTF-8, or ``meta`` is
            not JSON.
        OutputError: the directory cannot be written.
        MissingExtraError: keras is not installed.

    """
    vocabulary = _encode_words(table.words)
    meta = files.encode_meta(table.meta, layout)
    model = _model(table.dim, masked=layout.padding is not None)
    counts = files.size_of_counts(table)
    size = _FLOAT.itemsize * (len(table) + layout.first_word) * table.dim
    needed = size_on_disk(size, len(vocabulary), counts, len(meta))
    with atomic.new_directory(
        path, needed=needed, overwrite=overwrite, signature=SIGNATURE_FILES
    ) as directory:
        template = directory / "template.keras"
        model.save(template)
        _write_with_rows(template, directory / "embedding.keras", table, layout)
        template.unlink()
        (directory / "vocab.txt").write_bytes(vocabulary)
        files.write_counts(directory, table)
        (directory / "meta.json").write_bytes(meta)


def read(path: str | Path) -> VectorTable:
    """Read a directory that ``write`` wrote.

    Raises:
        InputError: the directory does not exist or cannot be read.
        FormatError: a file is missing or invalid.
        MissingExtraError: h5py is not installed.

    """
    directory = Path(path)
    files.check_directory(directory, "keras", SIGNATURE_FILES)
    meta, layout = files.read_layout(directory)
    words = files.read_words(directory)
    matrix = _read_matrix(directory / "embedding.keras", len(words) + layout.first_word)
    counts = files.read_counts(directory)
    return VectorTable.from_rows(layout, words, matrix, counts, meta, source=directory)


def _encode_words(words: list[str]) -> bytes:
    for word in words:
        if "\r" in word:
            message = (
                f"{word!r} contains a carriage return, which Keras removes from vocab.txt; "
                "rename the word"
            )
            raise FormatError(message)
    return encode_vocabulary(words)


def _model(dim: int, *, masked: bool) -> Any:
    """Make a Keras model of one Embedding layer, with a single row.

    Keras would take several times the memory of the matrix to save the whole.
    """
    keras = _import_keras()
    layer = keras.layers.Embedding(1, dim, mask_zero=masked, dtype="float32", name=_LAYER)
    return keras.Sequential([keras.Input((None,), dtype="int32"), layer], name="w2v")


def _write_with_rows(template: Path, path: Path, table: VectorTable, layout: Layout) -> None:
    """Write a .keras file like another one, which has one row, with the rows of a table."""
    shape = (len(table) + layout.first_word, table.dim)
    with zipfile.ZipFile(template) as old, zipfile.ZipFile(path, "x") as new:
        for name in old.namelist():
            info = zipfile.ZipInfo(name)  # with the same time always
            with new.open(info, "w", force_zip64=True) as file:
                if name == _CONFIG:
                    file.write(_with_input_dim(old.read(name), shape[0]))
                elif name == _WEIGHTS:
                    outline, offset = _outline(old.read(name), shape)
                    outline.copy_to(file, 0, offset)
                    for rows in table.iter_rows(layout):
                        file.write(np.ascontiguousarray(rows, _FLOAT).data)
                    end = offset + _FLOAT.itemsize * shape[0] * shape[1]
                    outline.copy_to(file, end, outline.size)
                else:
                    file.write(old.read(name))


def _with_input_dim(config: bytes, rows: int) -> bytes:
    """Return the configuration of the model with another number of rows."""
    content = json.loads(config)
    (layer,) = (each for each in content["config"]["layers"] if each["class_name"] == "Embedding")
    layer["config"]["input_dim"] = rows
    return json.dumps(content).encode()


def _outline(weights: bytes, shape: tuple[int, int]) -> tuple[_Outline, int]:
    """Return the HDF5 file of the weights for a matrix of another shape, and the matrix's place."""
    h5py = _import_h5py()
    outline = _Outline()
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    with h5py.File(io.BytesIO(weights), "r") as old, h5py.File(outline, "w") as new:

        def copy(name: str, entry: Any) -> None:
            if isinstance(entry, h5py.Group):
                copied = new.create_group(name)
            else:
                space = h5py.h5s.create_simple(shape)
                h5py.h5d.create(new.id, name.encode(), h5py.h5t.IEEE_F32LE, space, properties)
                copied = new[name]
            copied.attrs.update(entry.attrs)

        old.visititems(copy)
        new.attrs.update(old.attrs)
        offset: int = new["/".join(_DATASET)].id.get_offset()
    return outline, offset


class _Outline(io.RawIOBase):
    """A file in memory that does not hold the zeros in it.

    Attributes:
        size: its length in bytes.

    """

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._position = 0
        self._parts: list[tuple[int, bytes]] = []

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position."""
        start = (0, self._position, self.size)[whence]
        self._position = start + offset
        return self._position

    def truncate(self, size: int | None = None, /) -> int:
        """Set the length."""
        self.size = self._position if size is None else size
        return self.size

    def write(self, data: Any, /) -> int:
        """Write bytes at the position."""
        self._parts.append((self._position, bytes(data)))
        self._position += len(self._parts[-1][1])
        self.size = max(self.size, self._position)
        return len(self._parts[-1][1])

    def readinto(self, buffer: Any, /) -> int:
        """Read the bytes at the position."""
        count = max(min(len(buffer), self.size - self._position), 0)
        buffer[:count] = self._content(self._position, self._position + count)
        self._position += count
        return count

    def copy_to(self, file: IO[bytes], start: int, end: int) -> None:
        """Write a part to another file."""
        file.write(self._content(start, end))

    def _content(self, start: int, end: int) -> bytes:
        content = bytearray(end - start)
        for position, part in self._parts:
            first, last = max(position, start), min(position + len(part), end)
            if first < last:
                content[first - start : last - start] = part[first - position : last - position]
        return bytes(content)


def _import_keras() -> Any:
    try:
        import keras
    except ModuleNotFoundError as error:
        if error.name == "keras":
            raise MissingExtraError("the format keras", "keras") from error
        message = (
            f"keras has no backend: {error}; install one, or set the environment variable "
            "KERAS_BACKEND to an installed one"
        )
        raise ConfigError(message) from error
    return keras


def _import_h5py() -> Any:
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingExtraError("the format keras", "keras") from error
    return h5py


def _read_matrix(path: Path, rows: int) -> NDArray[np.float32]:
    """Read the weights of the only layer of a .keras file.

    Every size is checked against the length of the file before memory is allocated.
    """
    h5py = _import_h5py()
    try:
        with open_binary(path) as file, zipfile.ZipFile(file) as archive:
            length = os.fstat(file.fileno()).st_size
            dim = _parse_dim(_read_member(archive, _CONFIG, 0, length), rows)
            size = _FLOAT.itemsize * rows * dim
            weights = _read_member(archive, _WEIGHTS, size, length)
        return _read_weights(weights, (rows, dim), h5py)
    except FormatError as error:
        message = f"{path}: {error}"
        raise FormatError(message) from error
    except _DAMAGED as error:
        message = f"{path}: expected a .keras file, got {files.brief(error)}; is it damaged?"
        raise FormatError(message) from error


def _read_member(archive: zipfile.ZipFile, name: str, size: int, length: int) -> bytearray:
    """Return an uncompressed file of the archive, of ``size`` bytes and at most 1 MiB more.

    It cannot be longer than the archive, whatever the directory of the archive states, so a small
    file cannot exhaust memory.
    """
    info = archive.getinfo(name)
    stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
    if not stored or not size <= info.file_size <= min(size + _MAX_EXTRA_BYTES, length):
        message = (
            f"expected {name} to be uncompressed, with {size} bytes of numbers and at most "
            f"{_MAX_EXTRA_BYTES} more, got {info.file_size} bytes in {info.compress_size} of an "
            f"archive of {length}"
        )
        raise FormatError(message)
    data = bytearray(info.file_size)
    with archive.open(info) as file:
        unread = memoryview(data)
        while part := file.read(min(len(unread), _READ_BYTES)):
            unread[: len(part)] = part
            unread = unread[len(part) :]
        if len(unread):  # at the end, the checksum has been compared
            message = f"expected {info.file_size} bytes in {name}"
            raise FormatError(message)
    return data


def _parse_dim(data: bytearray, rows: int) -> int:
    """Return D from the configuration of a Keras model.

    Raises:
        FormatError: the model is not one Embedding layer with this number of rows.

    """
    try:
        layers = json.loads(data.decode("utf-8"))["config"]["layers"]
        (config,) = (layer["config"] for layer in layers if layer["class_name"] == "Embedding")
        found, dim, name = config["input_dim"], config["output_dim"], config["name"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        message = (
            f"expected the configuration of a model of one Embedding layer: {files.brief(error)}"
        )
        raise FormatError(message) from error
    if found != rows or type(dim) is not int or dim < 1 or name != _LAYER:
        message = (
            f"expected a layer {_LAYER!r} of {rows} rows, as in vocab.txt and meta.json, "
            f"got {name!r:.200} of {found!r:.200} rows of {dim!r:.200} numbers"
        )
        raise FormatError(message)
    return dim


def _read_weights(data: bytearray, shape: tuple[int, int], h5py: Any) -> NDArray[np.float32]:
    """Return the weights in the bytes of an HDF5 file, as a view of these if possible."""
    try:
        with h5py.File(_View(data), "r") as file:
            dataset = _find_dataset(file, shape, h5py)
            offset = dataset.id.get_offset()
            if offset is None or offset % _FLOAT.itemsize:
                weights: NDArray[np.float32] = dataset[()]
                return weights
            return np.frombuffer(data, _FLOAT, shape[0] * shape[1], offset).reshape(shape)
    except OSError as error:  # not from the system: the file is in memory
        message = f"expected weights in HDF5: {error}"
        raise FormatError(message) from error


class _View(io.RawIOBase):
    """Bytes as a file that can be read only, without a copy of them."""

    def __init__(self, data: bytearray) -> None:
        super().__init__()
        self._data = memoryview(data)
        self._position = 0

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position."""
        start = (0, self._position, len(self._data))[whence]
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Read the bytes at the position."""
        part = self._data[self._position : self._position + len(buffer)]
        buffer[: len(part)] = part
        self._position += len(part)
        return len(part)


def _find_dataset(file: Any, shape: tuple[int, int], h5py: Any) -> Any:
    """Return the only dataset of a file, which must not be a link to another file."""
    entry = file
    for name in _DATASET:
        if not isinstance(entry, h5py.Group):
            message = f"expected a group with {name!r}, got {entry!r}"
            raise FormatError(message)
        if not isinstance(entry.get(name, getlink=True), h5py.HardLink):
            message = f"expected {name!r} in the file itself, got nothing or a link"
            raise FormatError(message)
        entry = entry[name]
    contiguous = isinstance(entry, h5py.Dataset) and not (
        entry.external or entry.is_virtual or entry.chunks
    )
    if not contiguous or (entry.shape, entry.dtype) != (shape, _FLOAT):
        message = f"expected contiguous weights of shape {shape} of {_FLOAT}, got {entry!r}"
        raise FormatError(message)
    return entry
