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
from typing import TYPE_CHECKING, Any

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
    matrix = table.matrix_for(layout.name, layout.unknown_vector)
    model = _model(matrix, masked=layout.padding is not None)
    counts = files.size_of_counts(table)
    needed = size_on_disk(matrix.nbytes, len(vocabulary), counts, len(meta))
    with atomic.new_directory(
        path, needed=needed, overwrite=overwrite, signature=SIGNATURE_FILES
    ) as directory:
        model.save(directory / "embedding.keras")
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


def _model(matrix: NDArray[np.float32], *, masked: bool) -> Any:
    """Make a Keras model of one Embedding layer."""
    keras = _import_keras()
    layer = keras.layers.Embedding(
        *matrix.shape, mask_zero=masked, weights=[matrix], dtype="float32", name=_LAYER
    )
    return keras.Sequential([keras.Input((None,), dtype="int32"), layer], name="w2v")


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
            dim = _parse_dim(_read_member(archive, "config.json", 0, length), rows)
            size = _FLOAT.itemsize * rows * dim
            weights = _read_member(archive, "model.weights.h5", size, length)
        return _read_weights(weights, (rows, dim), h5py)
    except FormatError as error:
        message = f"{path}: {error}"
        raise FormatError(message) from error
    except _DAMAGED as error:
        message = f"{path}: expected a .keras file, got {files.brief(error)}; is it damaged?"
        raise FormatError(message) from error


def _read_member(archive: zipfile.ZipFile, name: str, size: int, length: int) -> bytes:
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
    return archive.read(info)


def _parse_dim(data: bytes, rows: int) -> int:
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


def _read_weights(data: bytes, shape: tuple[int, int], h5py: Any) -> NDArray[np.float32]:
    """Return the weights in the bytes of an HDF5 file."""
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return _read_dataset(file, shape, h5py)
    except OSError as error:  # not from the system: the file is in memory
        message = f"expected weights in HDF5: {error}"
        raise FormatError(message) from error


def _read_dataset(file: Any, shape: tuple[int, int], h5py: Any) -> NDArray[np.float32]:
    """Return the only dataset of a file, which must not be a link to another file."""
    entry = file
    for name in ("layers", _LAYER, "vars", "0"):
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
    weights: NDArray[np.float32] = entry[()]
    return weights
