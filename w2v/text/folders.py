"""The files of a corpus: those that are given, and those in directories.

In a directory, hidden and backup files are skipped, as programs leave them everywhere, and so are
files that are not text, such as pictures. A note counts them; files that are given by name are
always read.
"""

from __future__ import annotations

import fnmatch
import os
import re
import stat
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TypeVar

from w2v.errors import ConfigError, InputError, short_repr
from w2v.system.files import read_error
from w2v.text import remote
from w2v.text.files import STDIN, name_of
from w2v.text.remote import is_url

_BACKUP = re.compile(r".*(~|\.(bak|orig|swp|swo|tmp))|#.*#", re.IGNORECASE)
_CLUTTER = {"__pycache__", "__MACOSX", "Thumbs.db", "desktop.ini", "lost+found"}
_LISTED = 3
_PATH_OF_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/[^/]")  # a path object has one slash of two

Entry = TypeVar("Entry")


@dataclass
class Skipped:
    """Files of directories that are not read.

    Attributes:
        clutter: names of hidden and backup files, and of such directories.
        other: paths of files that are not text, each with what it is instead.

    """

    clutter: list[str] = field(default_factory=list)
    other: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self) -> str:
        """Describe them in a few words, with the names of the first ones."""
        parts = []
        if self.other:
            noun = "file that is" if len(self.other) == 1 else "files that are"
            named = [f"{path}: {finding}" for path, finding in self.other]
            parts.append(f"{len(self.other):,} {noun} not text ({first_few(named)})")
        if self.clutter:
            noun = "file" if len(self.clutter) == 1 else "files"
            # The names that occur most often say more than the paths of the first ones.
            named = [name for name, _ in Counter(self.clutter).most_common()]
            parts.append(f"{len(self.clutter):,} hidden or backup {noun} ({first_few(named)})")
        return " and ".join(parts)


def first_few(names: list[str]) -> str:
    """Join names for a message, the first ones of many."""
    shown = ", ".join(names[:_LISTED])
    return shown if len(names) <= _LISTED else f"{shown} ..."


def is_clutter(name: str) -> bool:
    """Return whether a file or directory of this name is hidden, a backup or the like."""
    return name.startswith(".") or name in _CLUTTER or _BACKUP.fullmatch(name) is not None


def find_files(
    paths: Iterable[str | os.PathLike[str]], include: tuple[str, ...] = ()
) -> tuple[list[str], list[str], Skipped]:
    """Return the files of a corpus: files as given, and directories as the files below, sorted.

    Args:
        paths: files and directories, or addresses of them; ``-`` for stdin. In addresses, ``*``,
            ``?`` and ``[`` are wildcards.
        include: patterns as of a shell; a file of a directory is read if its name matches one, or
            its path below the directory if the pattern has a slash. None selects all files.

    Returns:
        All files, in order; those of them that were found in directories or by wildcards; and files
        that are skipped because of their names or because they are no regular files.

    Raises:
        InputError: a path does not exist, a directory has no files, nothing matches an address, or
            stdin is given twice.
        ConfigError: there are patterns, but no directory.

    """
    files: list[str] = []
    found: list[str] = []
    skipped = Skipped()
    directories = 0
    for given in paths:
        path = _checked(given, files)
        for place, is_match, is_folder in _places(path, skipped):
            required = not is_match
            below = _files_below(place, include, skipped, required) if is_folder else [place]
            directories += is_folder
            files += below
            if is_folder or is_match:
                found += below
    if include and not directories:
        message = f"selects files of directories, but the corpus has none; omit {include[0]!r}"
        raise ConfigError(message, option="include")
    return files, found, skipped


def _checked(given: object, files: list[str]) -> str:
    """Return a path of the corpus as a string."""
    path = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
    if not isinstance(path, str) or not path:
        what = short_repr(given) if path != "" else "an empty path"
        message = f"got {what}: expected a file, a directory or -"
        raise InputError(message)
    if path == STDIN and sys.stdin is None:
        message = "cannot read stdin: it is closed"
        raise InputError(message)
    if path == STDIN and STDIN in files:
        message = "stdin (-) is given twice, but it can be read only once"
        raise InputError(message)
    return path


def _places(path: str, skipped: Skipped) -> Iterator[tuple[str, bool, bool]]:
    """Yield what a path stands for: each path, whether it matches a pattern, and is a directory."""
    if path == STDIN:
        yield path, False, False
    elif not is_url(path):
        yield path, False, _is_directory(path)
    else:
        entries = remote.matches(path)
        if entries is None:
            yield path, False, remote.is_directory(path)
            return
        matching = [(entry.path, entry) for entry in entries]
        for _, entry in sorted(_without_clutter(matching, skipped)):
            yield entry.url, True, entry.is_directory


def _is_directory(path: str) -> bool:
    """Return whether a path, which must exist, is a directory."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (OSError, ValueError) as error:
        if _PATH_OF_ADDRESS.match(path) and isinstance(error, FileNotFoundError):
            message = (
                f"{read_error(path, error)}; pass an address as a string, not as a path object"
            )
            raise InputError(message) from error
        raise read_error(path, error) from error


def _files_below(
    directory: str, include: tuple[str, ...], skipped: Skipped, required: bool
) -> list[str]:
    matching: list[tuple[PurePath, str]] = []
    others = 0
    before = len(skipped.clutter), len(skipped.other)
    walk = _walk_remote if is_url(directory) else _walk
    for below, path in walk(directory, skipped):
        if not include or _matches(below, include):
            matching.append((below, path))
        else:
            others += 1
    if matching or not required:
        return [path for _, path in sorted(matching)]
    new = Skipped(skipped.clutter[before[0] :], skipped.other[before[1] :])
    which = f" that match {' or '.join(map(repr, include))}" if include else ""
    reasons = [f"{others:,} other file{'s' * (others > 1)}"] if others else []
    reasons += [str(new)] if str(new) else []
    rest = f"; it contains {' and '.join(reasons)}" if reasons else ""
    message = f"the directory {name_of(directory)} contains no files{which}{rest}"
    raise InputError(message)


def _matches(path: PurePath, include: tuple[str, ...]) -> bool:
    return any(
        fnmatch.fnmatchcase(path.as_posix() if "/" in pattern else path.name, pattern)
        for pattern in include
    )


def _walk_remote(url: str, skipped: Skipped) -> Iterator[tuple[PurePath, str]]:
    """Yield the files below a remote directory, each with its path below it."""
    files = [entry for entry in remote.files_below(url) if not entry.is_directory]
    yield from _without_clutter([(entry.path, entry.url) for entry in files], skipped)


def _without_clutter(
    entries: Iterable[tuple[PurePath, Entry]], skipped: Skipped
) -> Iterator[tuple[PurePath, Entry]]:
    """Yield entries, with their paths, that are not hidden and in no hidden directory."""
    clutter: set[tuple[str, ...]] = set()
    for path, entry in entries:
        hidden = next((i for i, part in enumerate(path.parts) if is_clutter(part)), None)
        if hidden is None:
            yield path, entry
        else:
            clutter.add(path.parts[: hidden + 1])
    skipped.clutter += [parts[-1] for parts in sorted(clutter)]


def _walk(directory: str, skipped: Skipped) -> Iterator[tuple[PurePath, str]]:
    """Yield the regular files below a directory, each with its path below it.

    Their order depends on the names only.

    Links are followed, but no directory is visited twice, so that loops end. Of a directory and a
    link to it beside it, the directory itself is visited.
    """
    visited = {os.path.realpath(directory)}
    pending = [Path(directory)]
    while pending:
        parent = pending.pop()
        try:
            with os.scandir(parent) as listing:
                entries = sorted(listing, key=lambda entry: (entry.is_symlink(), entry.name))
            for entry in entries:
                path = parent / entry.name
                if is_clutter(entry.name):
                    skipped.clutter.append(entry.name)
                elif path.is_dir() if entry.is_symlink() else entry.is_dir():  # links may be loops
                    real = os.path.realpath(path)
                    if real not in visited:
                        visited.add(real)
                        pending.append(path)
                elif path.is_file():
                    yield path.relative_to(directory), str(path)
                else:
                    finding = "a broken link" if entry.is_symlink() else "a pipe or a device"
                    skipped.other.append((str(path), finding))
        except OSError as error:  # the directory may be listed, but not entered
            raise read_error(error.filename or parent, error) from error
