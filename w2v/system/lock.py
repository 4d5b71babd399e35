"""Locks between processes, by flock.

File systems without flock are used without a lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING

from w2v.errors import LockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def lock_file(path: Path) -> IO[bytes]:
    """Create and lock a file, until the returned file is closed.

    Raises:
        LockedError: another process holds the lock, or has just removed the file.
        OSError: the file cannot be created.

    """
    with contextlib.ExitStack() as on_error:
        file = on_error.enter_context(path.open("ab"))
        busy = False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            busy = isinstance(error, BlockingIOError)  # else the file system has no locks
        if busy or not _is_same_file(file, path):
            message = f"another process uses {path.parent}; wait until it ends, or stop it"
            raise LockedError(message)
        on_error.pop_all()
    return file


@contextmanager
def directory_lock(directory: Path) -> Iterator[None]:
    """Wait for the lock on a directory, and hold it during the block.

    Raises:
        OSError: the directory cannot be opened.

    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_same_file(file: IO[bytes], path: Path) -> bool:
    """Whether an open file is still the one at ``path``."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
