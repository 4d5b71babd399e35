"""The lengths of vectors, and a file that keeps those of a large model beside its matrix.

Most of the time of a single query to a large model would pass before the search begins: with the
lengths of all vectors, and with the check that they are finite and the words distinct. So the
directory of a large model has a file, ``norms.cache``, with the lengths. It also states that both
were checked. It is written with the model, and by the first reader of a model without it, if that
reader may write there.

The file is a cache: it may be deleted, and one that does not belong to the model is ignored. It
belongs to it if

- it has the time of change of ``embeddings.npy``, which a program that writes the matrix changes,
- the number of words and D are those of the matrix,
- the checksums of the words, and of rows from all parts of the matrix, are right.

It consists of `_HEADER` and (V,) little-endian float64. The time is that of the file itself, so
equal models have equal files.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.system.atomic import iter_row_chunks

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import DTypeLike, NDArray

NAME = "norms.cache"
LEAST_BYTES = 1 << 24
"""The size of the smallest matrix that has such a file. Below it, computing takes milliseconds."""

_MAGIC = b"w2v-norms-1\n"
_HEADER = struct.Struct("<12sIQQIII")  # magic, 0, V, D, checksums of words, sampled rows, norms
_FLOAT = np.dtype("<f8")
_SAMPLED_ROWS = 256


def norms_of(matrix: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the lengths of the rows of a matrix, (V,) float64, without a copy of the whole."""
    squares = np.empty(len(matrix))
    done = 0
    for part in iter_row_chunks(matrix):
        rows = part.astype(np.float64, copy=False)
        np.einsum("ij,ij->i", rows, rows, out=squares[done : done + len(rows)])
        done += len(rows)
    return np.sqrt(squares, out=squares)


def unit_rows(
    matrix: NDArray[np.floating], norms: NDArray[np.float64], dtype: DTypeLike
) -> NDArray[Any]:
    """Return the rows of a matrix scaled to length 1, in a new array; zero rows stay zero.

    Args:
        matrix: (n, D).
        norms: (n,), the lengths of the rows.
        dtype: the type of the result.

    """
    unit = np.empty(matrix.shape, dtype)
    divisors = np.where(norms == 0, 1, norms)[:, np.newaxis]
    np.divide(matrix, divisors, out=unit, casting="same_kind")
    return unit


def read(
    directory: Path, matrix: NDArray[np.float32], changed: int, words: bytes
) -> NDArray[np.float64] | None:
    """Return the lengths that the file in a model directory records; None if it must be ignored.

    Args:
        directory: the model directory.
        matrix: (V, D), the matrix in it.
        changed: when the file of the matrix was changed, in nanoseconds.
        words: the content of ``vocab.txt``.

    """
    if matrix.nbytes < LEAST_BYTES:
        return None
    size = size_of_file(len(matrix))
    with contextlib.suppress(OSError), (directory / NAME).open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_mtime_ns != changed or status.st_size != size:
            return None
        data = file.read(size)
        payload = memoryview(data)[_HEADER.size :]
        if data[: _HEADER.size] == _header(matrix, words, payload):
            return np.frombuffer(payload, _FLOAT)
    return None


def size_of_file(words: int) -> int:
    """Return the size of the file in bytes."""
    return _HEADER.size + words * _FLOAT.itemsize


def write(
    directory: Path,
    matrix: NDArray[np.float32],
    changed: int,
    words: bytes,
    norms: NDArray[np.float64],
) -> None:
    """Write the file of a large model; nothing happens if that is impossible.

    Args:
        directory: the model directory.
        matrix: (V, D), finite numbers, as in the file of the matrix.
        changed: when that file was changed, in nanoseconds.
        words: the content of ``vocab.txt``, V distinct words.
        norms: (V,), the lengths of the rows of ``matrix``.

    """
    if matrix.nbytes < LEAST_BYTES:
        return
    payload = memoryview(norms.astype(_FLOAT, copy=False).tobytes())
    temporary = directory / f".{NAME}.{secrets.token_hex(8)}"
    # The directory may be another user's, or the disk full: then the next reader computes again.
    with contextlib.suppress(OSError):
        try:
            with temporary.open("xb") as file:
                file.write(_header(matrix, words, payload))
                file.write(payload)
            os.utime(temporary, ns=(changed, changed))
            temporary.replace(directory / NAME)
        finally:
            temporary.unlink(missing_ok=True)


def _header(matrix: NDArray[np.float32], words: bytes, payload: memoryview) -> bytes:
    step = -(-len(matrix) // _SAMPLED_ROWS)
    sampled = np.concatenate([matrix[::step], matrix[-1:]])
    sums = (zlib.crc32(part) for part in (words, sampled.data, payload))
    return _HEADER.pack(_MAGIC, 0, *matrix.shape, *sums)
