"""Writing results so that nothing is half-written and nothing is lost.

A result is written beside its target under a hidden temporary name, brought to the disk and
then renamed, so the target holds the old result or the whole new one, never a part. A folder
changes places with the one that it replaces, in one step where the system can do that. Symbolic
links are followed: what a link points at is replaced, the link stays.
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
from w2v.system.disk import check_room, write_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

MODEL_MARKS = ("meta.json", "embeddings.npy")
"""The files by which a folder is known to be a model that may be replaced by another one."""

# What else is written into folders, and what a system puts into any.
_PARTS = {"meta.json", "vocab.txt", "counts.npy", "unknown.npy", "contexts.npy", ".DS_Store"}
_HUB_PARTS = {"config.json", "modules.json", "README.md"}  # where there is the second one
_HUB_MARK = "modules.json"

_NUMBERS_AT_ONCE = 1 << 20
# Of renameat2 on Linux: paths are relative to the current folder; both names stay, and swap.
_CURRENT_FOLDER = -100
_EXCHANGE = 2


def check_file(path: str | Path, *, overwrite: bool) -> None:
    """Find out, before the long work, whether a file can be written at ``path``.

    Raises:
        OutputError: something is there (with ``overwrite``: something else than a plain file),
            the folder around it does not exist, or nothing can be created in that folder.

    """
    with _explained(path):
        _try_writing(_file_target(path, overwrite=overwrite))


def check_folder(
    path: str | Path, *, overwrite: bool, marks: tuple[str, ...] = MODEL_MARKS
) -> None:
    """Find out, before the long work, whether a folder can be written at ``path``.

    Args:
        path: where.
        overwrite: whether a folder that holds the files ``marks`` may be replaced.
        marks: by which a folder is known to be of the same kind.

    Raises:
        OutputError: something is there (with ``overwrite``: something else than an empty folder,
            or one of that kind with nothing else in it, whose files may be removed), the folder
            around it does not exist, or nothing can be created in that folder.

    """
    with _explained(path):
        target = _folder_target(path, overwrite=overwrite, marks=marks)
        _try_writing(target)
        if target.exists() and not os.access(target, os.W_OK | os.X_OK):
            message = f"the files of {path} may not be removed, so it is not replaced"
            raise OutputError(f"{message}; choose another name")


@contextmanager
def new_file(path: str | Path, *, needed: int, overwrite: bool) -> Iterator[BinaryIO]:
    """Yield a binary file that becomes ``path`` when the block ends well.

    Otherwise, also on an interrupt, nothing is left of it and ``path`` stays as it was. The
    permissions are those of the umask.

    Args:
        path: where.
        needed: bytes that it will take, for which room is looked for before it is begun.
        overwrite: whether a file that stands there is replaced.

    Raises:
        OutputError: as for ``check_file``, or the system refused to write.
        DiskFullError: which it is if there is no room.

    """
    with _explained(path, needed):
        target = _file_target(path, overwrite=overwrite)
        check_room(target.parent, needed)
        temporary = _name_beside(target)
        try:
            with temporary.open("xb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            _file_target(path, overwrite=overwrite)  # it may have appeared in the meantime
            temporary.replace(target)
            sync_folder(target.parent)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(
    path: str | Path,
    *,
    needed: int,
    overwrite: bool,
    marks: tuple[str, ...] = MODEL_MARKS,
    recoverable: bool = False,
) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``path`` when the block ends well.

    A folder of the same kind at ``path`` changes places with it, and is removed at the end. Where
    the system cannot do that in one step, it is moved aside first, and put back if the new one
    cannot take its place. When the block fails, also on an interrupt, nothing is left of the new
    folder and ``path`` stays as it was. The permissions are those of the umask.

    Args:
        path: where.
        needed: bytes that it will take, for which room is looked for before it is begun.
        overwrite: whether a folder of the same kind that stands there is replaced.
        marks: see ``check_folder``.
        recoverable: whether the temporary names are always the same, so that `recover` can find
            what a killed process left, and waits for one that is alive.

    Raises:
        OutputError: as for ``check_folder``, or the system refused to write.
        DiskFullError: which it is if there is no room.

    """
    with _explained(path, needed):
        target = _folder_target(path, overwrite=overwrite, marks=marks)
        check_room(target.parent, needed)
        temporary, old = _names_beside(target) if recoverable else _random_names_beside(target)
        temporary.mkdir()  # or it is another process's to remove
        try:
            with _held(temporary) if recoverable else contextlib.nullcontext():
                yield temporary
                sync_tree(temporary)
                # It may have appeared in the meantime.
                _folder_target(path, overwrite=overwrite, marks=marks)
                _move_in_place(temporary, target, old)
                sync_folder(target.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def iter_row_chunks(array: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Give an array's rows a few at a time, as views, so that no copy of all of them is needed."""
    at_once = max(1, _NUMBERS_AT_ONCE * len(array) // max(array.size, 1))
    for start in range(0, len(array), at_once):
        yield array[start : start + at_once]


def _file_target(path: str | Path, *, overwrite: bool) -> Path:
    """Return the real place of ``path`` if a file may be put there."""
    target = _real_place(path)
    if target.exists():
        _refuse_without(path, overwrite=overwrite)
        if not target.is_file():
            message = f"{path} is not a plain file, so it is not replaced; choose another name"
            raise OutputError(message)
    return target


def _folder_target(path: str | Path, *, overwrite: bool, marks: tuple[str, ...]) -> Path:
    """Return the real place of ``path`` if a folder may be put there."""
    target = _real_place(path)
    if target.exists():
        _refuse_current(path, target)
        _refuse_without(path, overwrite=overwrite)
        if not _may_be_replaced(target, marks):
            kind = "a model folder" if marks == MODEL_MARKS else "a folder of the same kind"
            message = (
                f"{path} is neither {kind} (one that holds {' and '.join(marks)}) "
                "nor an empty folder, so it is not replaced; choose another name"
            )
            raise OutputError(message)
        _refuse_foreign(path, target, marks)
    return target


def _refuse_foreign(path: str | Path, target: Path, marks: tuple[str, ...]) -> None:
    """Refuse to replace a folder with something in it that was not written with the rest."""
    names = {entry.name for entry in target.iterdir()}
    foreign = names - set(marks) - _PARTS - (_HUB_PARTS if _HUB_MARK in names else set())
    if foreign:
        message = (
            f"{path} has {min(foreign)} in it, which would be lost with what is replaced; move "
            "that elsewhere, or choose another name"
        )
        raise OutputError(message)


def _refuse_current(path: str | Path, target: Path) -> None:
    """Refuse to replace the folder that this process, or whoever called it, stands in."""
    try:
        current = Path.cwd()
    except FileNotFoundError:  # it is gone
        return
    if target == current or target in current.parents:
        message = f"{path} is the current folder, or one around it, and cannot be replaced"
        raise OutputError(f"{message}; choose another name")


def _real_place(path: str | Path) -> Path:
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        message = f"{path} is a symbolic link that leads back to itself; choose another name"
        raise OutputError(message)
    if not target.parent.is_dir():
        message = (
            f"cannot write {path}: there is no folder {target.parent}; "
            "create it first or choose another place"
        )
        raise OutputError(message)
    return target


def _refuse_without(path: str | Path, *, overwrite: bool) -> None:
    if not overwrite:
        message = f"{path} exists already; choose another name, or overwrite it (--overwrite)"
        raise OutputError(message)


def _may_be_replaced(folder: Path, marks: tuple[str, ...]) -> bool:
    if not folder.is_dir():
        return False
    names = {entry.name for entry in folder.iterdir()}
    return not names or names.issuperset(marks)


def _try_writing(target: Path) -> None:
    """Create and remove a file beside ``target``: the only sure test of a right to write."""
    with contextlib.suppress(FileNotFoundError):
        os.lstat(_name_beside(target))  # refuses a name that is too long with what is added to it
    # It has no name where the system can do that, so nothing is left of it in any case.
    with tempfile.TemporaryFile(dir=target.parent):
        pass


def _name_beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{secrets.token_hex(8)}")


def _names_beside(target: Path) -> tuple[Path, Path]:
    """Where a new folder is written, and where an old one is moved, until it is replaced."""
    return target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")


def _random_names_beside(target: Path) -> tuple[Path, Path]:
    return _name_beside(target), _name_beside(target)


def recover(path: str | Path) -> None:
    """Put things right where a process was killed while it replaced a folder.

    A process that is alive and at it is waited for. An old folder that had been moved aside goes
    back to its place if that is empty; what is left over beside it is removed.

    Raises:
        OutputError: the system refused.

    """
    with _explained(path):
        target = Path(os.path.realpath(path))
        new, old = _names_beside(target)
        with contextlib.suppress(FileNotFoundError), _held(new):
            pass  # whoever wrote it is done or dead
        if old.exists() and not target.exists():
            old.rename(target)
        for rest in (new, old):
            if rest.exists():
                shutil.rmtree(rest)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Wait until no other process holds a folder, and hold it, where the system can do that."""
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _move_in_place(new: Path, target: Path, old: Path) -> None:
    """Rename folder ``new`` to ``target``; a folder that is there is lost only if that worked."""
    if not target.exists():
        new.rename(target)
        return
    if _exchanged(new, target):  # the old one is now at ``new``, to be removed
        return
    try:
        target.rename(old)
        new.rename(target)
    finally:
        if old.exists() and not target.exists():
            old.rename(target)
        shutil.rmtree(old, ignore_errors=True)


def _exchanged(first: Path, second: Path) -> bool:
    """Swap two folders in one step, so that no moment is without either; tells if that worked.

    The C library may not know of it, nor the kernel, nor the file system.
    """
    try:
        renameat2 = ctypes.CDLL(None).renameat2
    except (AttributeError, OSError):
        return False
    paths = os.fsencode(first), os.fsencode(second)
    code: int = renameat2(_CURRENT_FOLDER, paths[0], _CURRENT_FOLDER, paths[1], _EXCHANGE)
    return code == 0


def sync_tree(folder: Path) -> None:
    """Bring every file under ``folder`` to the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Bring the names in ``folder`` to the disk, where the file system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _explained(path: str | Path, needed: int | None = None) -> Iterator[None]:
    """Turn an error of the system into one clear line; by then what was written is removed."""
    try:
        yield
    except OSError as error:
        folder = Path(os.path.realpath(path)).parent
        too_long = error.errno == errno.ENAMETOOLONG
        remedy = f"choose {'a shorter name' if too_long else 'another place'}"
        raise write_error(f"cannot write {path}", error, folder, remedy, needed=needed) from error
