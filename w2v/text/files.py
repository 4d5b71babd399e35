"""The files of a corpus, wherever they are: on this machine, on stdin, or behind addresses.

What reads a corpus opens its files here, so nothing else has to know where they are.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, TypeVar

from w2v.errors import InputError, MissingExtraError
from w2v.system.files import Fingerprint
from w2v.text import remote
from w2v.text.remote import is_url

STDIN = "-"

_REQUESTS = 16  # at a time

Result = TypeVar("Result")


def open_file(path: str) -> AbstractContextManager[IO[bytes]]:
    """Open a file of a corpus as a raw binary file.

    Its ``seekable`` tells whether any part of it can be read.

    Raises:
        OSError: a local file cannot be read.
        InputError: a remote file cannot be read; now, or when it is read.
        MissingExtraError: the package for such addresses is not installed.

    """
    if path == STDIN:
        return nullcontext(sys.stdin.buffer)
    return remote.open_file(path) if is_url(path) else Path(path).open("rb", buffering=0)


def fingerprint_of(path: str) -> Fingerprint | None:
    """Return the fingerprint of a file, with its size; None of a pipe or if the size is unknown.

    The path in it is absolute, and has no passwords: it is for records, not for `open_file`.

    Raises:
        InputError: a remote file cannot be read. An error of a local one is raised when it is read.

    """
    if is_url(path):
        return remote.fingerprint(path)
    try:
        status = os.fstat(sys.stdin.fileno()) if path == STDIN else Path(path).stat()
    except OSError:  # also if stdin has no file descriptor
        return None
    return Fingerprint.of(path, status) if stat.S_ISREG(status.st_mode) else None


def difference(file: IO[bytes], path: str, before: Fingerprint, *, at_end: bool) -> str | None:
    """Describe how an open file has changed since its fingerprint; None if it has not.

    Args:
        file: the file, open.
        path: of it.
        before: the fingerprint.
        at_end: whether the file has been read. Only then a store is asked, as it takes a request.

    Raises:
        InputError: a remote file does not exist any more, or cannot be reached.

    """
    if not is_url(path):
        now = Fingerprint.of(path, os.fstat(file.fileno()))
    elif at_end:
        now = remote.fingerprint(path, refresh=True) or before
    else:
        return None
    return before.difference(now)


def present_fingerprints(paths: Iterable[str]) -> list[Fingerprint | None]:
    """Return the present fingerprints of files by their recorded paths; None if missing.

    A file that cannot be reached, or whose address was recorded without its password, is missing.

    Raises:
        OSError: a local file cannot be read.

    """

    def present(path: str) -> Fingerprint | None:
        try:
            if is_url(path):
                return remote.fingerprint(path, refresh=True)
            return Fingerprint.of(path)
        except (FileNotFoundError, NotADirectoryError, InputError, MissingExtraError):
            return None

    return map_files(present, list(paths))


def map_files(function: Callable[[str], Result], paths: Sequence[str]) -> list[Result]:
    """Return the results of a function for files; several requests to stores run at a time."""
    if not any(map(is_url, paths)):
        return [function(path) for path in paths]
    with ThreadPoolExecutor(_REQUESTS) as executor:
        return list(executor.map(function, paths))


def local_path(path: str) -> str:
    """Return the path of a file on this machine, also for ``file://``; other addresses as given."""
    return re.sub(r"^(file|local)://(?=/)", "", path)


def name_of(path: str | os.PathLike[str]) -> str:
    """Return the name of a file in messages, which has no passwords."""
    path = os.fspath(path)
    if path == STDIN:
        return "stdin"
    return remote.without_secrets(path) if is_url(path) else path
