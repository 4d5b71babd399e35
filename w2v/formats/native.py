"""The model directory: what training writes and every command reads.

- ``embeddings.npy``: (V, D) little-endian float32, C order; row i belongs to word i. Float16 is
  read, too
- ``vocab.txt``: V lines, UTF-8, LF, words only, the most frequent first
- ``counts.npy``: (V,) int64; absent if the counts are not known
- ``unknown.npy``: (1, D), the trained vector of out-of-vocabulary words; absent if there is none
- ``contexts.npy``: the context vectors of all words and, if there is an ``unknown.npy``, of
  out-of-vocabulary words as the last row; same type as ``embeddings.npy``. Written by training,
  and read only to train the model further
- ``norms.cache``: the lengths of the vectors of a large model, see `w2v.formats.norms`
- ``meta.json``: how the model was made, and the version of this format

The ``npy`` format is the same directory for other programs: ``embeddings.npy`` then has the rows
of a layout, which is recorded in ``meta.json`` under ``rows``.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import FormatError, InputError
from w2v.formats import norms
from w2v.formats.directory import (
    encode_meta,
    open_file,
    read_bytes,
    read_counts,
    read_meta,
    size_of_counts,
    write_counts,
)
from w2v.formats.layout import Layout
from w2v.formats.npy import HEADER_SIZE, read_npy, write_npy, write_npy_rows
from w2v.formats.packed_words import PackedWords
from w2v.formats.table import VectorTable
from w2v.formats.words import LINE_BREAK, decode_vocabulary
from w2v.system import atomic
from w2v.system.disk import size_on_disk
from w2v.system.files import is_directory, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

WORD_END = LINE_BREAK
_STORED = ("<f4", "<f2")  # types of the numbers in embeddings.npy
SIGNATURE_FILES = atomic.MODEL_SIGNATURE
"""The files that identify a directory of this format."""


def write(
    table: VectorTable,
    path: str | Path,
    *,
    layout: Layout | None = None,
    dtype: str = "float32",
    contexts: NDArray[np.float32] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a model directory, atomically.

    Args:
        table: the words and vectors.
        path: the directory to create.
        layout: the layout of ``embeddings.npy``; None for a model, with rows for words only.
        dtype: the type of the numbers in a directory with a layout, ``float32`` or ``float16``.
        contexts: the context vectors, in the shape that `read_contexts` returns.
        overwrite: whether to replace an existing model directory.

    Raises:
        FormatError: a word contains a line break or cannot be written as UTF-8, or ``meta`` is
            not JSON.
        OutputError: the directory cannot be written.

    """
    with new_model(table, path, layout=layout, dtype=dtype, contexts=contexts, overwrite=overwrite):
        pass


@contextmanager
def new_model(
    table: VectorTable,
    path: str | Path,
    *,
    layout: Layout | None = None,
    dtype: str = "float32",
    contexts: NDArray[np.float32] | None = None,
    overwrite: bool = False,
    recoverable: bool = False,
) -> Iterator[None]:
    """Write a model directory, atomically. The with block runs before ``meta.json`` is written.

    At that time all other files are on disk, so the block can record in ``table.meta`` how long
    writing took. Raises the errors of ``write``.

    Args:
        table: the words and vectors.
        path: the directory to create.
        layout: the layout of ``embeddings.npy``; None for a model, with rows for words only.
        dtype: the type of the numbers in a directory with a layout.
        contexts: the context vectors, in the shape that `read_contexts` returns.
        overwrite: whether to replace an existing model directory.
        recoverable: whether `w2v.system.atomic.recover` can clean up if this process is killed.

    """
    vocabulary = table.encode_vocabulary()
    meta = encode_meta(table.meta, layout)  # may fail, so before anything is written
    stored = layout or Layout()
    shape, kind = (len(table) + stored.first_word, table.dim), np.dtype(dtype).newbyteorder("<")
    matrices = {}
    if layout is None and table.unknown is not None and table.unk == "trained":
        matrices["unknown.npy"] = table.unknown[np.newaxis]
    if contexts is not None:
        matrices["contexts.npy"] = contexts
    sizes = [matrix.nbytes + HEADER_SIZE for matrix in matrices.values()]
    sizes.append(shape[0] * shape[1] * kind.itemsize + HEADER_SIZE)
    has_norms = layout is None and table.matrix.nbytes >= norms.LEAST_BYTES
    sizes.append(norms.size_of_file(len(table)) if has_norms else 0)
    needed = size_on_disk(len(vocabulary), len(meta), size_of_counts(table), *sizes)
    with atomic.new_directory(
        path, needed=needed, overwrite=overwrite, recoverable=recoverable
    ) as directory:
        rows = table.iter_rows(stored, dtype)
        write_npy_rows(directory / "embeddings.npy", shape, kind, rows)
        for name, matrix in matrices.items():
            write_npy(directory / name, matrix.astype("<f4", copy=False))
        (directory / "vocab.txt").write_bytes(vocabulary)
        write_counts(directory, table)
        if has_norms:
            changed = (directory / "embeddings.npy").stat().st_mtime_ns
            norms.write(directory, table.matrix, changed, vocabulary, norms.norms_of(table.matrix))
        atomic.sync_tree(directory)
        yield
        (directory / "meta.json").write_bytes(encode_meta(table.meta, layout))


def read(path: str | Path) -> VectorTable:
    """Read a model directory.

    Raises:
        InputError: the directory does not exist or cannot be read.
        FormatError: a file is missing or invalid.

    """
    directory = Path(path)
    if not is_directory(directory):
        message = f"cannot read {path}: there is no such model directory; check the path"
        raise InputError(message)
    meta, layout = read_meta(directory)
    vocabulary = read_bytes(directory / "vocab.txt")
    matrix, changed = _map_matrix(directory / "embeddings.npy")
    lengths = None
    if layout is None and matrix.dtype == np.float32:
        lengths = norms.read(directory, matrix, changed, vocabulary)
    if lengths is not None:
        return _table_of_checked(directory, PackedWords(vocabulary), matrix, lengths, meta)
    words = decode_vocabulary(vocabulary, directory / "vocab.txt")
    counts = read_counts(directory)
    extra = 0 if layout is None else layout.first_word
    if len(matrix) - extra != len(words) or (counts is not None and len(counts) != len(words)):
        message = (
            f"{path}: vocab.txt has {len(words)} words, embeddings.npy {len(matrix)} rows"
            f"{f', {extra} of them not words' if extra else ''}"
            f"{'' if counts is None else f', counts.npy {len(counts)} counts'}; "
            "the files do not belong together, or one is damaged"
        )
        raise FormatError(message)
    if layout is not None:
        return VectorTable.from_rows(layout, words, matrix, counts, meta, source=directory)
    unknown = _read_unknown(directory / "unknown.npy")
    table = VectorTable(words, matrix, counts, meta, unknown=unknown, source=directory)
    if matrix.dtype == np.float32 and matrix.nbytes >= norms.LEAST_BYTES:
        norms.write(directory, matrix, changed, vocabulary, table._norms)
    return table


def _table_of_checked(
    directory: Path,
    words: PackedWords,
    matrix: NDArray[np.float32],
    lengths: NDArray[np.float64],
    meta: dict[str, Any],
) -> VectorTable:
    """Return the table of a large model that was read or written before."""
    unknown = _read_unknown(directory / "unknown.npy")
    try:
        counts = read_counts(directory)
        return VectorTable.from_checked(words, matrix, lengths, counts, meta, unknown)
    except FormatError as error:
        message = f"{directory}: {error}"
        raise FormatError(message) from error


def has_contexts(path: str | Path) -> bool:
    """Return whether a model has context vectors, so that it can be trained further."""
    return (Path(path) / "contexts.npy").is_file()


def read_contexts(path: str | Path, table: VectorTable) -> NDArray[np.float32]:
    """Map the context vectors of a model into memory.

    Args:
        path: the model directory.
        table: what ``read`` returned for it.

    Returns:
        (V, D) float32; (V + 1, D) if the model has a trained vector of out-of-vocabulary words,
        whose context vector is the last row.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is missing or damaged, or does not match the table.

    """
    file = Path(path) / "contexts.npy"
    contexts = _read_matrix(file, mapped=True)
    expected = (len(table) + (table.unk == "trained"), table.dim)
    if contexts.shape != expected:
        message = (
            f"{file}: expected context vectors of shape {expected}, like embeddings.npy, "
            f"got {contexts.shape}; the files do not belong together, or one is damaged"
        )
        raise FormatError(message)
    if not (np.isfinite(contexts.min()) and np.isfinite(contexts.max())):
        message = f"{file}: the context vectors contain NaN or infinity; the file is damaged"
        raise FormatError(message)
    return contexts


def _read_matrix(path: Path, *, mapped: bool = False) -> NDArray[np.float32]:
    with open_file(path) as file:
        return read_npy(file, path, "<f4", axes=2, mapped=mapped)


def _map_matrix(path: Path) -> tuple[NDArray[np.float32], int]:
    """Map a matrix into memory; return also when its file was changed, in nanoseconds."""
    with open_file(path) as file:
        changed = os.fstat(file.fileno()).st_mtime_ns
        return read_npy(file, path, _STORED, axes=2, mapped=True), changed


def _read_unknown(path: Path) -> NDArray[np.float32] | None:
    """Return the vector in a file, or None if there is no such file."""
    if status_of(path) is None:
        return None
    unknown = _read_matrix(path)
    if len(unknown) != 1:
        message = (
            f"{path}: expected one vector, that of unknown words, got {len(unknown)}; the files "
            "do not belong together, or one is damaged"
        )
        raise FormatError(message)
    vector: NDArray[np.float32] = unknown[0]
    return vector
