"""Disk space, errors of writing, and temporary directories.

Every error about a file that cannot be written is built here, whether it was found before or while
writing: it names the file, the bytes needed or written, the bytes free, and a remedy.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.errors import DiskFullError, OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TEMPORARY_PREFIX = "w2v-"
"""The beginning of the name of every temporary directory."""

_REMEDY = "choose another directory"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PAGE = 4096
_MEGABYTE = 1e6
_GIGABYTE = 1e9


def format_bytes(size: int) -> str:
    """Format a number of bytes for a message."""
    if size < _MEGABYTE / 10:
        return f"{size:,} bytes"
    if size < _GIGABYTE / 10:
        return f"{size / _MEGABYTE:,.1f} MB"
    return f"{size / _GIGABYTE:,.2f} GB"


def free_bytes(directory: Path) -> int | None:
    """Return the bytes that this user can write, or None if the file system does not count."""
    usage = shutil.disk_usage(directory)
    return usage.free if usage.total else None


def size_on_disk(*sizes: int) -> int:
    """Return the bytes that files take on the disk, which gives most files whole pages."""
    return sum(-(-size // _PAGE) * _PAGE for size in sizes)


def require_free_space(directory: Path, needed: int, doing: str, remedy: str = _REMEDY) -> None:
    """Check that ``needed`` bytes are free, before anything is written.

    Args:
        directory: where they will be written.
        needed: the size of the files.
        doing: the beginning of the message, such as "cannot write FILE".
        remedy: an alternative to freeing space.

    Raises:
        DiskFullError: with the bytes needed and free.

    """
    free = free_bytes(directory)
    if free is not None and size_on_disk(needed) > free:
        message = (
            f"{doing}: not enough disk space: {format_bytes(needed)} are needed, but "
            f"{format_bytes(free)} are free in {directory}; free some space, or {remedy}"
        )
        raise DiskFullError(message)


@contextmanager
def writing(
    doing: str,
    directory: Path,
    remedy: str = _REMEDY,
    *,
    needed: int | None = None,
    written: Callable[[], int] | None = None,
) -> Iterator[None]:
    """Turn an OSError of the block into an OutputError.

    Args:
        doing: see `write_error`, as for all other arguments.
        directory: where the block writes.
        remedy: what the user can do.
        needed: bytes that the block needs.
        written: a function that returns the bytes written so far.

    Raises:
        OutputError: the block raised OSError.
        DiskFullError: the reason was a lack of space.

    """
    try:
        yield
    except OSError as error:
        done = None if written is None else written()
        raise write_error(doing, error, directory, remedy, needed=needed, written=done) from error


def write_error(
    doing: str,
    error: OSError,
    directory: Path,
    remedy: str = _REMEDY,
    *,
    needed: int | None = None,
    written: int | None = None,
) -> OutputError:
    """Return the exception for a file that cannot be written.

    Args:
        doing: the beginning of the message, such as "cannot write FILE".
        error: from the system.
        directory: where it happened.
        remedy: what the user can do; for a lack of space, besides freeing some.
        needed: bytes needed, if known.
        written: otherwise bytes written so far, if any.

    Returns:
        A DiskFullError, with these figures, for a lack of space; otherwise an OutputError.

    """
    if error.errno not in _FULL:
        return OutputError(f"{doing}: {error.strerror or error}; {remedy}")
    size = "" if written is None else f"{format_bytes(written)} were written"
    size = size if needed is None else f"{format_bytes(needed)} are needed"
    if error.errno == errno.EFBIG:
        end = f": {size}" if size else ""
        return DiskFullError(f"{doing}: {_file_size_limit()}{end}; raise that limit, or {remedy}")
    free = free_bytes(directory)
    lack = _lack(error, directory)
    if free is None:
        return DiskFullError(f"{doing}: {lack}{size and f': {size}'}; free some space, or {remedy}")
    bytes_known = written if needed is None else needed
    if bytes_known and bytes_known <= free:  # the partial file has been removed by now
        lack = lack if needed is None else f"{lack}, or had no space for another file"
        size += ", and now "
    elif size:
        size += ", but "
    return DiskFullError(
        f"{doing}: {lack}: {size}{format_bytes(free)} are free in {directory}; "
        f"free some space, or {remedy}"
    )


def temporary_directory(
    parent: str | Path, remedy: str = "choose another directory with `work_dir`", name: str = ""
) -> tempfile.TemporaryDirectory[str]:
    """Create a temporary directory in ``parent``; its name begins with the prefix and ``name``.

    Raises:
        OutputError: it cannot be created.

    """
    with writing(f"cannot create a temporary directory in {parent}", Path(parent), remedy):
        return tempfile.TemporaryDirectory(
            prefix=TEMPORARY_PREFIX + name, dir=parent, ignore_cleanup_errors=True
        )


def _lack(error: OSError, directory: Path) -> str:
    if error.errno == errno.EDQUOT:
        return "the disk quota is used up"
    system = os.statvfs(directory)
    if system.f_files and not system.f_favail:  # some file systems count no files
        return "the disk has no free inodes, so it cannot hold another file"
    return "the disk is full"


def _file_size_limit() -> str:
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return "the file exceeds the size limit of the file system"
    return f"the file exceeds the size limit of {format_bytes(limit)} (ulimit -f)"
