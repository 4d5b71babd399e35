"""Atomic writes: a file or directory appears whole or not at all, and nothing old is lost.

A result is written beside its target under a hidden temporary name, synced to the disk and then
renamed, so the target holds either the old result or the new one. A directory is exchanged with the
one that it replaces, in one step where the system supports that. Symbolic links are followed: the
target of a link is replaced, and the link stays.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from w2v.errors import OutputError
from w2v.system.disk import require_free_space, write_error
from w2v.system.lock import directory_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

MODEL_SIGNATURE = ("meta.json", "embeddings.npy")
"""The files that identify a model directory, which another model may replace."""

# Other files that this package writes into such directories, or that systems add to any.
_PARTS = {
    *("meta.json", "vocab.txt", "counts.npy", "unknown.npy", "contexts.npy", "norms.cache"),
    *("projector_config.pbtxt", ".DS_Store"),
}
_UNFINISHED_CACHE = ".norms.cache."  # what a killed process leaves
_HUB_PARTS = {"config.json", "modules.json", "README.md"}  # beside _HUB_SIGNATURE
_HUB_SIGNATURE = "modules.json"

_NUMBERS_PER_CHUNK = 1 << 20
# Arguments of Linux's renameat2: paths are relative to the current directory, and exchanged.
_CURRENT_DIRECTORY = -100
_EXCHANGE = 2


def check_file(path: str | Path, *, overwrite: bool) -> None:
    """Check that a file can be written at ``path``, before any long work.

    Raises:
        OutputError: the path exists (with ``overwrite``: and is no regular file), or its directory
            does not exist or is not writable.

    """
    with _output_errors(path):
        _try_writing(_file_target(path, overwrite=overwrite))


def check_directory(
    path: str | Path, *, overwrite: bool, signature: tuple[str, ...] = MODEL_SIGNATURE
) -> None:
    """Check that a directory can be written at ``path``, before any long work.

    Args:
        path: the target.
        overwrite: whether an empty directory, or one of the same kind, may be replaced.
        signature: the files that identify a directory of the same kind.

    Raises:
        OutputError: the path exists (with ``overwrite``: and is something else, holds foreign
            files, or cannot be removed), or its parent does not exist or is not writable.

    """
    with _output_errors(path):
        target = _directory_target(path, overwrite=overwrite, signature=signature)
        _try_writing(target)
        if target.exists() and not os.access(target, os.W_OK | os.X_OK):
            message = f"no permission to remove the files of {path}; choose another name"
            raise OutputError(message)


@contextmanager
def new_file(path: str | Path, *, needed: int, overwrite: bool) -> Iterator[BinaryIO]:
    """Yield a binary file that becomes ``path`` if the block succeeds.

    If the block fails or is interrupted, the file is removed and ``path`` does not change. The
    permissions are those of the umask.

    Args:
        path: the target.
        needed: the size in bytes; this much space must be free before writing begins.
        overwrite: whether to replace an existing file.

    Raises:
        OutputError: as `check_file`, or writing failed.
        DiskFullError: there is too little disk space.

    """
    with _output_errors(path, needed):
        target = _file_target(path, overwrite=overwrite)
        require_free_space(target.parent, needed, _cannot_write(path))
        with replace_file(
            target,
            _random_name_beside(target),
            # The target may have appeared in the meantime.
            before_rename=lambda: _file_target(path, overwrite=overwrite),
        ) as file:
            yield file


@contextmanager
def replace_file(
    target: Path, temporary: Path, *, before_rename: Callable[[], object] = lambda: None
) -> Iterator[BinaryIO]:
    """Yield a binary file that is synced and renamed to ``target`` if the block succeeds.

    Args:
        target: the file to create or replace.
        temporary: the path to write to, in the same directory; removed if the block fails.
        before_rename: a last check, called when all is on the disk.

    Raises:
        OSError: from the system.

    """
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        before_rename()
        temporary.replace(target)
        sync_directory(target.parent)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def new_directory(
    path: str | Path,
    *,
    needed: int,
    overwrite: bool,
    signature: tuple[str, ...] = MODEL_SIGNATURE,
    recoverable: bool = False,
) -> Iterator[Path]:
    """Yield a temporary directory that becomes ``path`` if the block succeeds.

    A directory of the same kind at ``path`` is exchanged with it and then removed. Where the system
    cannot exchange directories, the old one is moved aside first, and moved back if the new one
    cannot take its name. If the block fails or is interrupted, the new directory is removed and
    ``path`` does not change. The permissions are those of the umask.

    Args:
        path: the target.
        needed: the size in bytes; this much space must be free before writing begins.
        overwrite: whether to replace an existing directory of the same kind.
        signature: see `check_directory`.
        recoverable: whether to use fixed temporary names, so that `recover` finds what a killed
            process left, and waits for a running one.

    Raises:
        OutputError: as `check_directory`, or writing failed.
        DiskFullError: there is too little disk space.

    """
    with _output_errors(path, needed):
        target = _directory_target(path, overwrite=overwrite, signature=signature)
        require_free_space(target.parent, needed, _cannot_write(path))
        temporary, old = _names_beside(target) if recoverable else _random_names_beside(target)
        temporary.mkdir()  # fails if it exists: then it belongs to another process
        try:
            with directory_lock(temporary) if recoverable else contextlib.nullcontext():
                yield temporary
                sync_tree(temporary)
                # The target may have appeared in the meantime.
                _directory_target(path, overwrite=overwrite, signature=signature)
                _move_to_target(temporary, target, old)
                sync_directory(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def recover(path: str | Path) -> None:
    """Clean up after a process that was killed while it replaced a directory.

    Wait for a process that is still writing. Move an old directory back to ``path`` if that does
    not exist; remove other leftovers.

    Raises:
        OutputError: the system does not permit it.

    """
    with _output_errors(path):
        target = Path(os.path.realpath(path))
        if not target.parent.is_dir():
            return
        new, old = _names_beside(target)
        with contextlib.suppress(FileNotFoundError), directory_lock(new):
            pass  # its writer has finished or died
        if old.exists() and not target.exists():
            old.rename(target)
        for leftover in (new, old):
            if leftover.exists():
                shutil.rmtree(leftover)


def iter_row_chunks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield the rows of an array in chunks, as views, to avoid a copy of the whole."""
    rows = max(1, _NUMBERS_PER_CHUNK * len(array) // max(array.size, 1))
    for start in range(0, len(array), rows):
        yield array[start : start + rows]


def sync_tree(directory: Path) -> None:
    """Sync all files under a directory to the disk."""
    for path in directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_directory(directory)


def sync_directory(directory: Path) -> None:
    """Sync the entries of a directory to the disk, if the file system supports it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _file_target(path: str | Path, *, overwrite: bool) -> Path:
    """Return the real path of ``path`` if a file may be written there."""
    target = _real_path(path)
    if target.exists():
        _require_overwrite(path, overwrite=overwrite)
        if not target.is_file():
            message = f"{path} is not a regular file; choose another name"
            raise OutputError(message)
    return target


def _directory_target(path: str | Path, *, overwrite: bool, signature: tuple[str, ...]) -> Path:
    """Return the real path of ``path`` if a directory may be written there."""
    target = _real_path(path)
    if target.exists():
        _reject_current(path, target)
        _require_overwrite(path, overwrite=overwrite)
        if not _may_be_replaced(target, signature):
            model = signature == MODEL_SIGNATURE
            kind = "a model directory" if model else "a directory of the same kind"
            message = (
                f"{path} is neither {kind} (with {' and '.join(signature)}) nor an empty "
                "directory; choose another name"
            )
            raise OutputError(message)
        _reject_foreign(path, target, signature)
    return target


def _reject_foreign(path: str | Path, target: Path, signature: tuple[str, ...]) -> None:
    """Reject a directory with files in it that this package did not write."""
    names = {entry.name for entry in target.iterdir()}
    foreign = names - set(signature) - _PARTS - (_HUB_PARTS if _HUB_SIGNATURE in names else set())
    foreign = {name for name in foreign if not name.startswith(_UNFINISHED_CACHE)}
    if foreign:
        message = (
            f"{path} contains {min(foreign)}, which replacing it would delete; move it elsewhere, "
            "or choose another name"
        )
        raise OutputError(message)


def _reject_current(path: str | Path, target: Path) -> None:
    """Reject the current directory of this process, and its parents."""
    try:
        current = Path.cwd()
    except FileNotFoundError:  # it has been removed
        return
    if target == current or target in current.parents:
        message = f"{path} is the current directory or a parent of it; choose another name"
        raise OutputError(message)


def _real_path(path: str | Path) -> Path:
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        message = f"{path} is a symbolic link to itself; choose another name"
        raise OutputError(message)
    if not target.parent.is_dir():
        message = (
            f"cannot write {path}: there is no directory {target.parent}; "
            "create it first or choose another directory"
        )
        raise OutputError(message)
    return target


def _require_overwrite(path: str | Path, *, overwrite: bool) -> None:
    if not overwrite:
        message = f"{path} exists already; choose another name, or replace it with `overwrite=True`"
        raise OutputError(message)


def _may_be_replaced(directory: Path, signature: tuple[str, ...]) -> bool:
    if not directory.is_dir():
        return False
    names = {entry.name for entry in directory.iterdir()}
    return not names or names.issuperset(signature)


def _try_writing(target: Path) -> None:
    """Create and remove a file beside ``target``, the only reliable test of permissions."""
    with contextlib.suppress(FileNotFoundError):
        os.lstat(_random_name_beside(target))  # fails if the temporary name would be too long
    # An anonymous file where the system supports that, so that nothing can be left.
    with tempfile.TemporaryFile(dir=target.parent):
        pass


def _random_name_beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(8)}")


def _names_beside(target: Path) -> tuple[Path, Path]:
    """Return the fixed temporary paths for a new directory and the old one that it replaces."""
    return target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")


def _random_names_beside(target: Path) -> tuple[Path, Path]:
    return _random_name_beside(target), _random_name_beside(target)


def _move_to_target(new: Path, target: Path, old: Path) -> None:
    """Rename directory ``new`` to ``target``, and remove the old ``target`` only after that."""
    if not target.exists():
        new.rename(target)
        return
    if _exchange(new, target):  # the old directory is now at ``new``, to be removed by the caller
        return
    try:
        target.rename(old)
        new.rename(target)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(old, ignore_errors=True)


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two directories in one step and return True, or return False if unsupported.

    The C library, the kernel or the file system may not support it.
    """
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    paths = os.fsencode(first), os.fsencode(second)
    code: int = renameat2(_CURRENT_DIRECTORY, paths[0], _CURRENT_DIRECTORY, paths[1], _EXCHANGE)
    return code == 0


def _cannot_write(path: str | Path) -> str:
    return f"cannot write {path}"


@contextmanager
def _output_errors(path: str | Path, needed: int | None = None) -> Iterator[None]:
    """Turn an OSError of the block into an OutputError about ``path``."""
    try:
        yield
    except OSError as error:
        directory = Path(os.path.realpath(path)).parent
        too_long = error.errno == errno.ENAMETOOLONG
        remedy = f"choose {'a shorter name' if too_long else 'another directory'}"
        raise write_error(_cannot_write(path), error, directory, remedy, needed=needed) from error
