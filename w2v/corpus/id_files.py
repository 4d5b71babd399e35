"""Writing of files of ids, with clear errors."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from w2v.system.disk import writing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

TEXT = "text"
"""The name of the file of the text to train on."""

HELD_OUT = "held-out"
"""The name of the file of the held-out text."""

REMEDY = "choose another directory with `work_dir`"
"""What to do about a lack of space, besides freeing some."""


def create(path: Path) -> IO[bytes]:
    """Create an unbuffered file.

    Raises:
        OutputError: it cannot be created, as for the other functions.
        DiskFullError: there is too little disk space.

    """
    with changing(path.parent):
        return path.open("wb", buffering=0)


def append(file: IO[bytes], ids: NDArray[Any]) -> None:
    """Write ids at the end of a file that one thread writes to."""
    data = ids.view(np.uint8).data
    directory = Path(file.name).parent
    with writing(cannot_write(directory), directory, REMEDY, written=file.tell):
        while data:  # a disk that is nearly full accepts a part first
            data = data[file.write(data) :]


def write_at(file: IO[bytes], offset: int, ids: NDArray[Any]) -> None:
    """Write ids at an offset in bytes; other threads may write to the file at other offsets."""
    data = ids.view(np.uint8).data
    directory = Path(file.name).parent
    with writing(cannot_write(directory), directory, REMEDY, written=lambda: offset):
        while data:
            size = os.pwrite(file.fileno(), data, offset)
            data = data[size:]
            offset += size


def changing(directory: Path) -> AbstractContextManager[None]:
    """Return a context that turns an OSError about files of ids into an OutputError."""
    return writing(cannot_write(directory), directory, REMEDY, written=lambda: 0)


def cannot_write(directory: Path) -> str:
    """Return the beginning of errors."""
    return f"cannot write the encoded text to {directory}"
