"""Files of compiled kernels: where they are stored, and which of them are safe to load.

A file that is damaged, outdated or not trusted counts as missing. Loading it would run its bytes as
machine code, so everything about it is checked first: its owner, its stamp, its length and its
checksum.

A file consists of ``MAGIC``, the stamp (a digest of everything the machine code depends on), the
checksum of stamp, file name and payload, the length of the payload, and the payload.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import struct
import sys
import tempfile
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SUFFIX = ".kernel"
MAGIC = b"w2v-kernel-1\n"
DIGEST_SIZE = hashlib.sha256().digest_size

_HEADER = struct.Struct(f"<{len(MAGIC)}s{DIGEST_SIZE}s{DIGEST_SIZE}sQ")
_TEMPORARY = "/tmp"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Directories:
    """The directories of a package's compiled kernels.

    Attributes:
        readable: directories to search, in order.
        writable: the last of them, which receives new files, or None if there is none.

    """

    readable: tuple[Path, ...]
    writable: Path | None


def find_directories(package: Path, configured: str) -> Directories:
    """Find the directories for the kernels of a package.

    The first writable one of these is used: the configured directory, ``__pycache__`` in the
    package, the user's cache directory, and a private directory for temporary files. Those before
    it are searched too, for a read-only installation may come with compiled kernels.

    Args:
        package: the directory of the package.
        configured: the value of ``NUMBA_CACHE_DIR``, empty if it is not set.

    """
    user = os.geteuid()
    name = directory_name(package)
    readable = []
    for directory in _shared_candidates(package, configured, name):
        readable.append(directory)
        if _is_writable(directory, user):
            return Directories(tuple(readable), directory)
    for base in filter(None, (os.environ.get("TMPDIR"), _TEMPORARY)):
        private = Path(base) / f"w2v-numba-{user}"
        if _is_private(private, user) and _is_writable(private / name, user):
            return Directories((*readable, private / name), private / name)
    return Directories(tuple(readable), None)


def directory_name(package: Path) -> str:
    """Return the name of the directory of a package where several packages share one."""
    return f"{package.name}-{hashlib.sha256(os.fsencode(package)).hexdigest()[:16]}"


def _shared_candidates(package: Path, configured: str, name: str) -> Iterator[Path]:
    if configured:
        yield Path(configured) / name
    yield package / "__pycache__"
    user_cache = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if not user_cache.is_absolute():
        try:
            home = Path.home()
        except RuntimeError:  # the user has no entry in the password database
            return
        user_cache = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    yield user_cache / "w2v" / name


def _is_writable(directory: Path, user: int) -> bool:
    """Whether new files in a directory are the user's and cannot be changed by others.

    On some network and foreign file systems they can, whatever mode is requested.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory) as file:
            status = os.fstat(file.fileno())
    except OSError:
        return False
    return status.st_uid == user and not status.st_mode & _WRITABLE_BY_OTHERS


def _is_private(directory: Path, user: int) -> bool:
    """Create a directory that only the user can write to; False if it cannot be trusted.

    Its name is predictable, so another user may have created a directory or a link of that name.
    """
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.lstat()
    except OSError:
        return False
    owned = stat.S_ISDIR(status.st_mode) and status.st_uid == user
    return owned and not status.st_mode & _WRITABLE_BY_OTHERS


def read(path: Path, stamp: bytes, owners: frozenset[int]) -> memoryview | None:
    """Read the payload of a file; None if the file is missing or fails a check.

    Args:
        path: the file.
        stamp: the stamp that it must have.
        owners: ids of the users whose files are trusted.

    """
    try:
        with open(path, "rb", opener=_open_file) as file:
            status = os.fstat(file.fileno())
            if not _is_trusted(status, owners) or status.st_size < _HEADER.size:
                return None
            magic, found_stamp, checksum, length = _HEADER.unpack(file.read(_HEADER.size))
            expected = (MAGIC, stamp, _HEADER.size + length)
            if (magic, found_stamp, status.st_size) != expected:
                return None
            payload = memoryview(file.read())
    except (OSError, struct.error):
        return None
    return payload if _checksum(path, stamp, payload) == checksum else None


def _open_file(path: str, flags: int) -> int:
    """Open a file but no link, and without waiting, because a pipe may have its name."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _is_trusted(status: os.stat_result, owners: frozenset[int]) -> bool:
    return (
        stat.S_ISREG(status.st_mode)
        and status.st_uid in owners
        and not status.st_mode & _WRITABLE_BY_OTHERS
    )


def _checksum(path: Path, stamp: bytes, payload: memoryview | bytes) -> bytes:
    digest = hashlib.sha256(stamp)
    digest.update(os.fsencode(path.name) + b"\0")
    digest.update(payload)
    return digest.digest()


def write(path: Path, stamp: bytes, payload: bytes) -> None:
    """Write a file, replacing any file or directory of that name.

    It appears whole or not at all, so several processes may write the same file.

    Raises:
        OSError: it cannot be written.

    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex[:16]}.tmp")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        with open(os.open(temporary, flags, 0o644), "wb") as file:  # noqa: PTH123
            checksum = _checksum(path, stamp, payload)
            file.write(_HEADER.pack(MAGIC, stamp, checksum, len(payload)))
            file.write(payload)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def has_stamp(path: Path, stamp: bytes) -> bool:
    """Whether a file begins as a file with this stamp does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC) + len(stamp)) == MAGIC + stamp
    except OSError:
        return False
