"""Files: their status, their kind, their fingerprint, and small text files."""

from __future__ import annotations

import os
import stat
import time
from pathlib import Path
from typing import NamedTuple

from w2v.errors import InputError
from w2v.system.sniff import SNIFFED_BYTES, sniff_non_text


class Fingerprint(NamedTuple):
    """What tells whether a file is still the same.

    Attributes:
        path: absolute.
        size: in bytes.
        changed: when it was written last, in nanoseconds.

    """

    path: str
    size: int
    changed: int

    @classmethod
    def of(cls, path: str, status: os.stat_result | None = None) -> Fingerprint:
        """Take that of a file as it is now, or of its status."""
        status = Path(path).stat() if status is None else status
        return cls(str(Path(path).absolute()), status.st_size, status.st_mtime_ns)

    def difference(self, status: os.stat_result) -> str | None:
        """Say how a file differs from what it was, None if it does not."""
        if (status.st_size, status.st_mtime_ns) == (self.size, self.changed):
            return None
        return (
            f"it had {self.size:,} bytes and has {status.st_size:,}, last written at "
            f"{_clock(status.st_mtime_ns)} and before at {_clock(self.changed)}"
        )


def status_of(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Look at a file or folder; None if there is none.

    Raises:
        InputError: nobody may look there.

    """
    try:
        return Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        message = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        raise InputError(message) from error


def is_directory(path: str | os.PathLike[str]) -> bool:
    """Whether there is a folder; errors are those of `status_of`."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def require_regular_file(path: str | os.PathLike[str]) -> None:
    """Refuse what is read once, may have no end, or keep one waiting: a pipe or a device.

    Raises:
        InputError: it is one, or nobody may look.

    """
    status = status_of(path)
    if status is not None and not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        message = (
            f"cannot read {path}: it is a pipe, a device or a socket; copy what it gives into a "
            "file first"
        )
        raise InputError(message)


def _clock(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OSError, OverflowError, ValueError):  # no time that there is
        return f"{nanoseconds} ns"
    return f"{clock}.{rest // 10**6:03}"


def read_text_file(path: str | os.PathLike[str], name: str) -> bytes:
    """Return all bytes of a file of text, once its beginning was seen to be some.

    Raises:
        InputError: it cannot be read, or is no text, as a device that never ends.

    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(SNIFFED_BYTES)
            finding = sniff_non_text(head)
            if finding is not None:
                kind = finding.removesuffix(" once more")  # which is of what was unpacked before
                message = f"{name} is {kind}: expected text in UTF-8; convert or extract it first"
                raise InputError(message)
            return head + file.read()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        message = f"cannot read {name}: {getattr(error, 'strerror', None) or error}"
        raise InputError(message) from error
