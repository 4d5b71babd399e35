"""NumPy array files, read without trusting their headers."""

from __future__ import annotations

import errno
import math
import os
import tokenize
import warnings
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy

from w2v.errors import FormatError, ResourceError
from w2v.system.atomic import iter_row_chunks
from w2v.system.disk import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

HEADER_SIZE = 128
"""Bytes before the numbers in a file that `write_npy` writes."""


def write_npy(path: Path, array: NDArray[Any]) -> None:
    """Write an array, whose rows may be apart in memory, to a new file."""
    write_npy_rows(path, array.shape, array.dtype, iter_row_chunks(array))


def write_npy_rows(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], parts: Iterable[NDArray[Any]]
) -> None:
    """Write an array of this shape and type, which comes in parts of some rows, to a new file."""
    header = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    # np.save hides the errno of a full disk.
    with path.open("xb") as file:
        npy.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype).data)


def read_npy(
    file: BinaryIO, path: Path, dtypes: str | tuple[str, ...], axes: int, *, mapped: bool = False
) -> NDArray[Any]:
    """Read an open file, or map it into memory.

    The header must match the length of the file; ``np.load`` would allocate the shape in the
    header before it reads the file.

    Args:
        file: the file, at its start.
        path: its name, for error messages.
        dtypes: the expected type of the numbers, or several.
        axes: the expected number of axes.
        mapped: whether to map the file instead of reading it.

    Raises:
        FormatError: the file is not an array of this type, or it is damaged.
        ResourceError: there is too little memory.

    """
    expected_types = (dtypes,) if isinstance(dtypes, str) else dtypes
    shape, dtype = _read_header(file, path, list(map(np.dtype, expected_types)), axes)
    expected = math.prod(shape) * dtype.itemsize
    available = os.fstat(file.fileno()).st_size - file.tell()
    if available != expected:
        message = (
            f"{path}: an array of shape {shape}, as in its header, takes {expected} bytes, "
            f"but {available} follow; the file is damaged"
        )
        raise FormatError(message)
    if mapped:
        # Copy on write: the numbers can be changed, but not those of the file.
        return map_array(file, path, dtype, shape)
    return np.fromfile(file, dtype=dtype).reshape(shape)


def map_array(
    file: BinaryIO, path: str | Path, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> NDArray[Any]:
    """Map the array at the position of a file into memory; changes stay in memory.

    Raises:
        ResourceError: there is too little address space.

    """
    try:
        return np.memmap(file, dtype, "c", file.tell(), shape)
    except OSError as error:
        if error.errno != errno.ENOMEM:
            raise
        size = format_bytes(math.prod(shape) * dtype.itemsize)
        message = (
            f"cannot map {path} into memory: it takes {size} of address space, and less is left; "
            "raise the limit (ulimit), or free some memory"
        )
        raise ResourceError(message) from error


def _read_header(
    file: BinaryIO, path: Path, expected: list[np.dtype[Any]], axes: int
) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = npy.read_magic(file)
        # NumPy warns when it has to repair a header.
        with warnings.catch_warnings(action="error"):
            shape, fortran_order, found = npy.read_array_header_1_0(file)
    except (ValueError, SyntaxError, tokenize.TokenError, Warning) as error:
        message = f"{path}: expected a NumPy array file: {error}"
        raise FormatError(message) from error
    matches = version == (1, 0) and found in expected and not fortran_order
    if not matches or len(shape) != axes or min(shape) < 1:
        message = (
            f"{path}: expected an array of {axes} axes of {' or '.join(map(str, expected))} in C "
            f"order, "
            f"got shape {shape} of {found}{' in Fortran order' if fortran_order else ''}"
        )
        raise FormatError(message)
    return shape, found
