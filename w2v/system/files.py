"""Files: status, fingerprints, opening, and the contents of small text files."""

from __future__ import annotations

import os
import stat
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from w2v.errors import InputError
from w2v.system.sniff import SNIFFED_BYTES, sniff_non_text

if TYPE_CHECKING:
    from collections.abc import Iterator


_LONGEST_SHOWN = 300  # characters of a path in a message; a text may be given as a path


class Fingerprint(NamedTuple):
    """The path, size and modification time of a file, to detect changes.

    Attributes:
        path: absolute; of a remote file its address, without passwords.
        size: in bytes.
        changed: the modification time, in nanoseconds; 0 if it is unknown.
        version: what identifies the content in a store, such as an ETag; None of a local file.

    """

    path: str
    size: int
    changed: int
    version: str | None = None

    @classmethod
    def of(cls, path: str, status: os.stat_result | None = None) -> Fingerprint:
        """Return the fingerprint of a file, by default of its present state."""
        status = Path(path).stat() if status is None else status
        return cls(str(Path(path).absolute()), status.st_size, status.st_mtime_ns)

    def difference(self, now: Fingerprint) -> str | None:
        """Describe how a file has changed, given its present fingerprint; None if it has not."""
        known = self.version is not None and now.version is not None
        same = self.version == now.version if known else self.changed == now.changed
        if same and self.size == now.size:
            return None
        sizes = f"it had {self.size:,} bytes and now has {now.size:,}"
        if self.changed and now.changed:
            return (
                f"{sizes}; it was last written at {_format_time(now.changed)}, before that at "
                f"{_format_time(self.changed)}"
            )
        return f"{sizes}; its version was {self.version} and is {now.version}" if known else sizes


def read_error(path: object, error: Exception) -> InputError:
    """Return the exception for a file that cannot be read.

    Args:
        path: the file, or its name in messages.
        error: OSError, or the ValueError for a NUL character in a path.

    """
    name = str(path)
    if len(name) > _LONGEST_SHOWN:
        name = f"{name[:_LONGEST_SHOWN]}... ({len(name):,} characters)"
    return InputError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}")


def not_text_error(name: str, finding: str) -> InputError:
    """Return the exception for a file that is not text, as `sniff_non_text` describes it."""
    return InputError(f"{name} is {finding}: expected UTF-8 text; convert or extract it first")


def status_of(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return the status of a file or directory, or None if it does not exist.

    Raises:
        InputError: the status cannot be read.

    """
    try:
        return Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise read_error(path, error) from error


def is_directory(path: str | os.PathLike[str]) -> bool:
    """Return whether a directory exists; raise as `status_of`."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def require_regular_file(path: str | os.PathLike[str]) -> None:
    """Reject pipes, devices and sockets, which may block, never end, or be readable only once.

    Raises:
        InputError: the path is one of these, or its status cannot be read.

    """
    status = status_of(path)
    if status is not None and not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        message = (
            f"cannot read {path}: it is a pipe, a device or a socket; copy its contents to a file "
            "first"
        )
        raise InputError(message)


@contextmanager
def open_binary(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a regular file for reading; errors while it is open are reported, too.

    Raises:
        InputError: it cannot be read.

    """
    require_regular_file(path)
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise read_error(path, error) from error


def read_text_file(path: str | os.PathLike[str], name: str) -> bytes:
    """Return the bytes of a text file, after checking that it begins with text.

    Raises:
        InputError: the file cannot be read or is not text.

    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(SNIFFED_BYTES)
            finding = sniff_non_text(head)
            if finding is not None:
                raise not_text_error(name, finding)
            return head + file.read()
    except (OSError, ValueError) as error:
        raise read_error(name, error) from error


def _format_time(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OSError, OverflowError, ValueError):  # outside of the calendar
        return f"{nanoseconds} ns"
    return f"{text}.{rest // 10**6:03}"
