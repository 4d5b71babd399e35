"""The folder for Keras, with any backend.

- ``embedding.keras``: a model of one Embedding layer, as Keras saves it; padding is masked
- ``vocab.txt``: a word a line by rank, what StringLookup and TextVectorization take as
  ``vocabulary``; neither padding nor unknown words have a line, the layers put them before
- ``meta.json``, and ``counts.npy`` if the counts are known: as in a model folder

With rows ``pad+unk``, ``StringLookup(vocabulary="vocab.txt", mask_token="")`` numbers words as
the rows are numbered, and so does TextVectorization, which has that mask token. With ``pad``
and ``none``, it is ``num_oov_indices=0``, and for ``none`` ``mask_token=None``.

The reader does without Keras: a .keras file is a zip file of a configuration and the weights in
HDF5, which h5py reads. Nothing is deserialised or executed.
"""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError, InputError, MissingExtraError
from w2v.formats import native as model
from w2v.formats.native import brief
from w2v.formats.registry import FORMATS
from w2v.system import atomic as output
from w2v.system.disk import in_pages
from w2v.system.files import require_regular_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.formats.layout import Layout

_LAYER = "embedding"
_FLOAT = np.dtype("<f4")
# Bytes that a file of the archive may have besides the numbers.
_MOST_AROUND = 1 << 20
# What zipfile and h5py raise for files that are not what they should be.
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


def write(
    embeddings: Embeddings, path: str | Path, *, layout: Layout, overwrite: bool = False
) -> None:
    """Write the folder ``path``, whole or not at all.

    Args:
        embeddings: what to write.
        path: where.
        layout: of the rows.
        overwrite: whether such a folder that stands there is replaced.

    Raises:
        ConfigError: Keras has no backend.
        FormatError: a word contains a line end or cannot be written as UTF-8, or ``meta`` is
            not JSON.
        OutputError: the folder cannot be put there.
        MissingExtraError: keras is not installed.

    """
    vocabulary = _encode_words(embeddings.words)
    meta = model.encode_meta(embeddings.meta, layout)
    matrix = embeddings.matrix_for(layout.rows, layout.unknown_vector)
    network = _network(matrix, masked=layout.padding is not None)
    counts = model.bytes_of_counts(embeddings)
    needed = in_pages(matrix.nbytes, len(vocabulary), counts, len(meta))
    with output.new_folder(
        path, needed=needed, overwrite=overwrite, marks=FORMATS["keras"].marks
    ) as folder:
        network.save(folder / "embedding.keras")
        (folder / "vocab.txt").write_bytes(vocabulary)
        model.write_counts(folder, embeddings)
        (folder / "meta.json").write_bytes(meta)


def read(path: str | Path) -> Embeddings:
    """Read such a folder, trusting nothing in it.

    Raises:
        InputError: there is no such folder, or it may not be read.
        FormatError: the file that is missing or wrong, and how.
        MissingExtraError: h5py is not installed.

    """
    folder = Path(path)
    meta, layout = model.read_folder(folder, FORMATS["keras"])
    words = model.decode_words(folder / "vocab.txt")
    matrix = _read_matrix(folder / "embedding.keras", len(words) + layout.first_word)
    counts = model.read_counts(folder)
    return Embeddings.from_rows(layout, words, matrix, counts, meta, source=folder)


def _encode_words(words: list[str]) -> bytes:
    for word in words:
        if "\r" in word:
            message = (
                f"{word!r} contains a carriage return, which Keras drops from vocab.txt; "
                "rename the word"
            )
            raise FormatError(message)
    return model.encode_words(words)


def _network(matrix: NDArray[np.float32], *, masked: bool) -> Any:
    """Make a Keras model of one Embedding layer."""
    keras = _keras()
    layer = keras.layers.Embedding(
        *matrix.shape, mask_zero=masked, weights=[matrix], dtype="float32", name=_LAYER
    )
    return keras.Sequential([keras.Input((None,), dtype="int32"), layer], name="w2v")


def _keras() -> Any:
    try:
        import keras
    except ModuleNotFoundError as error:
        if error.name == "keras":
            raise MissingExtraError("the format keras", "keras") from error
        message = (
            f"keras has no backend: {error}; install one, or set the environment variable "
            "KERAS_BACKEND to one that is installed (numpy always is)"
        )
        raise ConfigError(message) from error
    return keras


def _read_matrix(path: Path, rows: int) -> NDArray[np.float32]:
    """Read the weights of the one layer of a .keras file.

    Every size is held to the file's length before memory is allocated.
    """
    h5py = _h5py()
    require_regular_file(path)
    try:
        length = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            dim = _dimensions(_member(archive, "config.json", 0, length), rows)
            size = _FLOAT.itemsize * rows * dim
            weights = _member(archive, "model.weights.h5", size, length)
        return _weights(weights, (rows, dim), h5py)
    except FormatError as error:
        message = f"{path}: {error}"
        raise FormatError(message) from error
    except _DAMAGED as error:
        message = f"{path}: expected a file as Keras saves it, got {brief(error)}; is it damaged?"
        raise FormatError(message) from error
    except OSError as error:
        message = f"cannot read {path}: {error.strerror or error}"
        raise InputError(message) from error


def _member(archive: zipfile.ZipFile, name: str, size: int, length: int) -> bytes:
    """Return a file of the archive, which is as it comes and has ``size`` bytes and a few more.

    It is no longer than the archive, whose directory may say otherwise. So no small file can ask
    for much memory.
    """
    info = archive.getinfo(name)
    stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
    if not stored or info.file_size > length or not size <= info.file_size <= size + _MOST_AROUND:
        message = (
            f"expected {name} to be stored as it is and to have {size} bytes and at most "
            f"{_MOST_AROUND} around them, got {info.file_size} bytes in {info.compress_size} "
            f"of an archive of {length}"
        )
        raise FormatError(message)
    return archive.read(info)


def _dimensions(data: bytes, rows: int) -> int:
    """Return D, as the configuration of a model has it.

    Raises:
        FormatError: it is not the configuration of one Embedding layer of so many rows.

    """
    try:
        layers = json.loads(data.decode("utf-8"))["config"]["layers"]
        (config,) = (layer["config"] for layer in layers if layer["class_name"] == "Embedding")
        found, dim, name = config["input_dim"], config["output_dim"], config["name"]
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        message = f"expected the configuration of a model of one Embedding layer: {brief(error)}"
        raise FormatError(message) from error
    if found != rows or type(dim) is not int or dim < 1 or name != _LAYER:
        message = (
            f"expected a layer {_LAYER!r} of {rows} rows, as vocab.txt and meta.json have them, "
            f"got {name!r:.200} of {found!r:.200} rows of {dim!r:.200} numbers"
        )
        raise FormatError(message)
    return dim


def _weights(data: bytes, shape: tuple[int, int], h5py: Any) -> NDArray[np.float32]:
    """Return the weights in an HDF5 file."""
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return _dataset(file, shape, h5py)
    except OSError as error:  # not of the system, for the file is in memory
        message = f"expected weights in HDF5: {error}"
        raise FormatError(message) from error


def _dataset(file: Any, shape: tuple[int, int], h5py: Any) -> NDArray[np.float32]:
    """Return the one dataset of a file, which must be in the file itself."""
    entry = file
    for name in ("layers", _LAYER, "vars", "0"):
        if not isinstance(entry, h5py.Group):
            message = f"expected a group that holds {name!r}, got {entry!r}"
            raise FormatError(message)
        if not isinstance(entry.get(name, getlink=True), h5py.HardLink):
            message = f"expected {name!r} in the file itself, got nothing or a link to elsewhere"
            raise FormatError(message)
        entry = entry[name]
    plain = isinstance(entry, h5py.Dataset) and not (
        entry.external or entry.is_virtual or entry.chunks
    )
    if not plain or (entry.shape, entry.dtype) != (shape, _FLOAT):
        message = f"expected weights of shape {shape} of {_FLOAT} in one piece, got {entry!r}"
        raise FormatError(message)
    weights: NDArray[np.float32] = entry[()]
    return weights


def _h5py() -> Any:
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingExtraError("the format keras", "keras") from error
    return h5py
