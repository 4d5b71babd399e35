"""Directories and files of compiled kernels, with kernels of a few bytes."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import pytest

from compute.helpers import DAMAGES
from w2v.compute import kernel_files
from w2v.compute.kernel_files import (
    DIGEST_SIZE,
    Directories,
    directory_name,
    find_directories,
    read,
    write,
)

STAMP = bytes(range(DIGEST_SIZE))
PAYLOAD = b"machine code" * 100
OWNERS = frozenset({os.geteuid()})


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "cache" / "module.function.kernel"
    write(path, STAMP, PAYLOAD)
    return path


def test_written_payload_is_read(file):
    payload = read(file, STAMP, OWNERS)
    assert payload is not None
    assert bytes(payload) == PAYLOAD


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file_counts_as_missing_and_is_replaced(damage, file):
    DAMAGES[damage](file)
    assert read(file, STAMP, OWNERS) is None
    write(file, STAMP, PAYLOAD)
    assert read(file, STAMP, OWNERS) == PAYLOAD
    assert not list(file.parent.glob("*.tmp"))


def test_file_with_another_stamp_counts_as_missing(file):
    assert read(file, STAMP[::-1], OWNERS) is None
    assert kernel_files.has_stamp(file, STAMP)
    assert not kernel_files.has_stamp(file, STAMP[::-1])
    assert not kernel_files.has_stamp(file.parent, STAMP)


def test_file_under_another_name_counts_as_missing(file):
    other = file.rename(file.with_name("module.other.kernel"))
    assert read(other, STAMP, OWNERS) is None


def test_file_of_another_user_counts_as_missing(file):
    assert read(file, STAMP, frozenset({os.geteuid() + 1})) is None


@pytest.mark.parametrize("mode", [0o664, 0o646])
def test_file_that_others_can_write_counts_as_missing(mode, file):
    file.chmod(mode)
    assert read(file, STAMP, OWNERS) is None


def test_file_is_readable_for_others_and_writable_for_its_owner_alone(file):
    before = os.umask(0)
    try:
        write(file, STAMP, PAYLOAD)
    finally:
        os.umask(before)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


def test_interrupted_write_leaves_the_old_file(file, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write(file, STAMP, b"new")
    assert list(file.parent.iterdir()) == [file]
    assert read(file, STAMP, OWNERS) == PAYLOAD


# Directories


@dataclass
class Place:
    """The directories that are searched, in order; all can be created."""

    package: Path
    configured: Path
    in_package: Path
    in_home: Path
    in_tmpdir: Path
    in_tmp: Path

    def find(self) -> Directories:
        return find_directories(self.package, str(self.configured))


@pytest.fixture
def place(tmp_path, monkeypatch) -> Place:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmpdir"))
    monkeypatch.setattr(kernel_files, "_TEMPORARY", str(tmp_path / "tmp"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(kernel_files.sys, "platform", "linux")
    for name in ("package", "home", "tmpdir", "tmp"):
        (tmp_path / name).mkdir()
    package = tmp_path / "package"
    private = f"w2v-numba-{os.geteuid()}"
    return Place(
        package,
        tmp_path / "configured",
        package / "__pycache__",
        tmp_path / "home" / ".cache" / "w2v" / directory_name(package),
        tmp_path / "tmpdir" / private / directory_name(package),
        tmp_path / "tmp" / private / directory_name(package),
    )


def block(path: Path) -> None:
    """Let no directory be created at a path: a file stops the superuser too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file")


def test_configured_directory_is_the_only_one(place):
    directory = place.configured / directory_name(place.package)
    assert place.find() == Directories((directory,), directory)
    assert not place.in_home.exists()
    assert not place.in_package.exists()


def test_directory_of_the_package_is_used_if_none_is_configured(place):
    directories = find_directories(place.package, "")
    assert directories == Directories((place.in_package,), place.in_package)


def test_first_writable_directory_is_used_and_those_before_it_are_searched(place):
    block(place.configured)
    configured = place.configured / directory_name(place.package)
    assert place.find() == Directories((configured, place.in_package), place.in_package)


def test_home_is_used_if_the_package_is_not_writable(place, monkeypatch):
    block(place.in_package)
    directories = find_directories(place.package, "")
    assert directories == Directories((place.in_package, place.in_home), place.in_home)
    other = place.in_home.parents[2] / "elsewhere" / "w2v" / directory_name(place.package)
    monkeypatch.setenv("XDG_CACHE_HOME", str(other.parents[1]))
    assert find_directories(place.package, "").writable == other
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert find_directories(place.package, "").writable == place.in_home
    monkeypatch.setattr(kernel_files.sys, "platform", "darwin")
    caches = place.in_home.parents[2] / "Library" / "Caches"
    writable = find_directories(place.package, "").writable
    assert writable == caches / "w2v" / directory_name(place.package)


def test_private_temporary_directory_is_the_last_resort(place):
    block(place.in_package)
    block(place.in_home)
    shared = (place.in_package, place.in_home)
    assert find_directories(place.package, "") == Directories(
        (*shared, place.in_tmpdir), place.in_tmpdir
    )
    assert stat.S_IMODE(place.in_tmpdir.parent.stat().st_mode) == 0o700


def test_second_temporary_directory_is_used_if_the_first_is_not_writable(place):
    for path in (place.in_package, place.in_home, place.in_tmpdir):
        block(path)
    assert find_directories(place.package, "").writable == place.in_tmp


def test_user_without_a_home_uses_a_temporary_directory(place, monkeypatch):
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    block(place.in_package)
    monkeypatch.setattr(Path, "home", fail)
    directories = find_directories(place.package, "")
    assert directories == Directories((place.in_package, place.in_tmpdir), place.in_tmpdir)


def open_to_others(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def open_to_the_group(path: Path) -> None:
    path.mkdir()
    path.chmod(0o770)


def linked(path: Path) -> None:
    (path.parent / "trap").mkdir(mode=0o700)
    path.symlink_to("trap")


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


@pytest.mark.parametrize("prepare", [open_to_others, open_to_the_group, linked, dangling, block])
def test_temporary_directory_that_is_not_private_is_not_used(prepare, place):
    for path in (place.in_package, place.in_home, place.in_tmp.parent):
        block(path)
    prepare(place.in_tmpdir.parent)
    directories = find_directories(place.package, "")
    assert directories == Directories((place.in_package, place.in_home), None)


def test_temporary_directory_of_another_user_is_not_used(place, monkeypatch):
    for path in (place.in_package, place.in_home, place.in_tmp.parent):
        block(path)
    place.in_tmpdir.parent.mkdir(mode=0o700)
    assert kernel_files._is_private(place.in_tmpdir.parent, os.geteuid())
    assert not kernel_files._is_private(place.in_tmpdir.parent, os.geteuid() + 1)


@pytest.mark.parametrize("change", ["owner", "mode"])
def test_file_system_without_owners_or_modes_is_not_used(change, place, monkeypatch):
    """Files on some network file systems belong to another user or are open to all."""
    real = os.fstat

    def changed(descriptor: int) -> os.stat_result:
        values = list(real(descriptor))
        if change == "owner":
            values[stat.ST_UID] += 1
        else:
            values[stat.ST_MODE] |= 0o022
        return os.stat_result(values)

    with monkeypatch.context() as patch:
        patch.setattr(kernel_files.os, "fstat", changed)
        assert find_directories(place.package, "").writable is None
