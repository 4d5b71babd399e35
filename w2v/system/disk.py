"""Room on the disk: held against what is needed, and what is said where there is too little.

All that write say it in the same words, whether it was found out before or on the way: what cannot
be written, how much it needs or has taken, how much is free and where, and what may help.
"""

from __future__ import annotations

import errno
import os
import resource
import shutil
from pathlib import Path

from w2v.errors import DiskFullError, OutputError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PAGE = 4096
_MEGABYTE = 1e6
_GIGABYTE = 1e9


def format_bytes(size: int) -> str:
    """Put a number of bytes in words."""
    if size < _MEGABYTE / 10:
        return f"{size:,} bytes"
    if size < _GIGABYTE / 10:
        return f"{size / _MEGABYTE:,.1f} MB"
    return f"{size / _GIGABYTE:,.2f} GB"


def free_bytes(folder: Path) -> int | None:
    """Bytes that this user may still write in a folder, None where the system does not count."""
    usage = shutil.disk_usage(folder)
    return usage.free if usage.total else None


def in_pages(*sizes: int) -> int:
    """Bytes that files of such sizes take on most disks, which give them whole pages."""
    return sum(-(-size // _PAGE) * _PAGE for size in sizes)


def check_space(
    folder: Path, needed: int, purpose: str, remedy: str = "choose another place"
) -> None:
    """Refuse a job whose files, ``needed`` bytes, do not fit in a folder; ``remedy`` may help.

    Raises:
        DiskFullError: with the space needed and the space there is.

    """
    free = free_bytes(folder)
    if free is not None and needed > free:
        message = (
            f"there is no room for {purpose} in {folder}: up to {format_bytes(needed)} are needed, "
            f"but {format_bytes(free)} are free; make room, or {remedy}"
        )
        raise DiskFullError(message)


def check_room(folder: Path, needed: int) -> None:
    """Find out, before a file is begun, that there is room for it.

    Raises:
        OSError: there is none; it is what the system would say on the way.

    """
    free = free_bytes(folder)
    if free is not None and in_pages(needed) > free:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_error(
    doing: str,
    error: OSError,
    folder: Path,
    remedy: str = "choose another place",
    *,
    needed: int | None = None,
    written: int | None = None,
) -> OutputError:
    """Put in a line that the system refused to write.

    Args:
        doing: what cannot be done.
        error: of the system.
        folder: where.
        remedy: what may help, besides room.
        needed: bytes that it takes, if that is known.
        written: else bytes that it has taken so far, if there are any.

    Returns:
        What to raise: a DiskFullError, with both figures, if room is what was missing.

    """
    if error.errno not in _NO_ROOM:
        return OutputError(f"{doing}: {error.strerror or error}; {remedy}")
    taken = "" if written is None else f"{format_bytes(written)} were written"
    taken = taken if needed is None else f"{format_bytes(needed)} are needed"
    if error.errno == errno.EFBIG:
        end = f": {taken}" if taken else ""
        return DiskFullError(f"{doing}: {_size_limit()}{end}; raise that limit, or {remedy}")
    free = free_bytes(folder)
    lack = _lack(error, folder)
    if free is None:
        return DiskFullError(f"{doing}: {lack}{taken and f': {taken}'}; make room, or {remedy}")
    size = written if needed is None else needed
    if size and size <= free:  # what was written of it is gone by now
        lack = lack if needed is None else f"{lack}, or had room for no more files"
        taken += ", and by now "
    elif taken:
        taken += ", but "
    return DiskFullError(
        f"{doing}: {lack}: {taken}{format_bytes(free)} are free in {folder}; make room, or {remedy}"
    )


def _lack(error: OSError, folder: Path) -> str:
    if error.errno == errno.EDQUOT:
        return "the quota on the disk is used up"
    system = os.statvfs(folder)
    if system.f_files and not system.f_favail:  # some file systems count no files
        return "the disk has no room for another file, however small"
    return "the disk is full"


def _size_limit() -> str:
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    if limit == resource.RLIM_INFINITY:
        return "it is over the file size limit of the file system"
    return f"it is over the file size limit of {format_bytes(limit)} (ulimit -f)"
