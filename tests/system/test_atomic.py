"""Atomic output: a complete result or none, and the previous result survives a failure."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import sys
import threading
from pathlib import Path

import pytest

from w2v.errors import DiskFullError, FormatError, OutputError
from w2v.system import atomic as output


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "old.w2v"
    directory.mkdir()
    for name in (*output.MODEL_SIGNATURE, "vocab.txt"):
        (directory / name).write_text("old")
    return directory


FULL = (
    r"^cannot write .*: the disk is full, or had no space for another file: 4 bytes are needed, "
    r"and now [\d.,]+ [MG]B are free in .*; free some space, or choose another directory$"
)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def fail_within_file(path: Path, error: type[BaseException]) -> None:
    with output.new_file(path, needed=4, overwrite=True) as file:
        file.write(b"half")
        raise error


def fail_within_directory(path: Path, error: type[BaseException]) -> None:
    with output.new_directory(path, needed=4, overwrite=True) as directory:
        (directory / "part").write_text("half")
        raise error


@pytest.mark.parametrize("check", [output.check_file, output.check_directory])
def test_a_new_path_passes_and_the_check_leaves_nothing(check, tmp_path):
    check(tmp_path / "new", overwrite=False)
    check(str(tmp_path / "new"), overwrite=True)
    assert names(tmp_path) == []


@pytest.mark.parametrize("check", [output.check_file, output.check_directory])
def test_a_missing_parent_is_an_error(check, tmp_path):
    with pytest.raises(OutputError, match=r"there is no directory .*missing; create it first"):
        check(tmp_path / "missing" / "new", overwrite=False)


@pytest.mark.parametrize("check", [output.check_file, output.check_directory])
def test_a_parent_that_is_a_file_is_an_error(check, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="there is no directory"):
        check(tmp_path / "file" / "new", overwrite=True)


@pytest.mark.parametrize("check", [output.check_file, output.check_directory])
def test_a_directory_without_permission_is_rejected(check, tmp_path, monkeypatch):
    def deny(**_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(output.tempfile, "TemporaryFile", deny)
    with pytest.raises(OutputError, match=r"cannot write .*new: Permission denied"):
        check(tmp_path / "new", overwrite=False)


@pytest.mark.parametrize("check", [output.check_file, output.check_directory])
def test_a_name_that_is_too_long_is_rejected(check, tmp_path):
    with pytest.raises(OutputError, match=r"cannot write .*: File name too long"):
        check(tmp_path / ("x" * 300), overwrite=False)


def test_an_existing_path_needs_overwrite(model, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match=r"file exists already; .*`overwrite=True`"):
        output.check_file(tmp_path / "file", overwrite=False)
    with pytest.raises(OutputError, match=r"old\.w2v exists already; .*`overwrite=True`"):
        output.check_directory(model, overwrite=False)
    output.check_file(tmp_path / "file", overwrite=True)
    output.check_directory(model, overwrite=True)


def test_a_file_never_replaces_a_directory(tmp_path):
    with pytest.raises(OutputError, match="is not a regular file"):
        output.check_file(tmp_path, overwrite=True)


def test_a_device_is_never_replaced():
    with pytest.raises(OutputError, match="is not a regular file"):
        output.check_file("/dev/null", overwrite=True)


def test_only_a_model_or_an_empty_directory_is_replaced(model, tmp_path):
    (model / "meta.json").unlink()
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for path in (model, tmp_path / "file", tmp_path):
        with pytest.raises(
            OutputError, match=r"neither a model directory .* nor an empty directory"
        ):
            output.check_directory(path, overwrite=True)
    output.check_directory(tmp_path / "empty", overwrite=True)


@pytest.mark.parametrize(
    "foreign", ["notes.txt", "README.md", "config.json", ".hidden", "directory"]
)
def test_a_directory_with_foreign_files_is_not_replaced(foreign, model):
    if foreign == "directory":
        (model / foreign).mkdir()
    else:
        (model / foreign).write_text("mine")
    expected = rf"old\.w2v contains {re.escape(foreign)}, which replacing it would delete; move it"
    with pytest.raises(OutputError, match=expected):
        output.check_directory(model, overwrite=True)
    with (
        pytest.raises(OutputError, match=expected),
        output.new_directory(model, needed=0, overwrite=True),
    ):
        pytest.fail("it is written all the same")
    assert (model / foreign).exists()


def test_system_files_do_not_prevent_replacement(model):
    (model / ".DS_Store").write_text("x")
    output.check_directory(model, overwrite=True)


def test_new_file_appears_when_the_block_ends(tmp_path):
    target = tmp_path / "out.bin"
    with output.new_file(target, needed=4, overwrite=False) as file:
        file.write(b"whole")
        assert not target.exists()
        (temporary,) = tmp_path.iterdir()
        assert temporary.name.startswith(".out.bin.")
    assert target.read_bytes() == b"whole"
    assert names(tmp_path) == ["out.bin"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, FormatError])
def test_new_file_leaves_nothing_when_the_block_fails(error, tmp_path):
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    with pytest.raises(error):
        fail_within_file(target, error)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["out.bin"]


def test_new_file_replaces_only_with_overwrite(tmp_path):
    target = tmp_path / "out.bin"
    target.write_bytes(b"old")
    with (
        pytest.raises(OutputError, match="exists already"),
        output.new_file(target, needed=4, overwrite=False),
    ):
        pytest.fail("the block must not run")
    with output.new_file(target, needed=4, overwrite=True) as file:
        file.write(b"new")
    assert target.read_bytes() == b"new"


def test_a_target_that_appears_during_the_block_is_not_replaced(tmp_path):
    target = tmp_path / "out.bin"
    with (
        pytest.raises(OutputError, match="exists already"),
        output.new_file(target, needed=4, overwrite=False),
    ):
        target.write_bytes(b"theirs")
    assert target.read_bytes() == b"theirs"
    with (
        pytest.raises(OutputError, match="exists already"),
        output.new_directory(tmp_path / "m", needed=4, overwrite=False),
    ):
        (tmp_path / "m").mkdir()
    assert names(tmp_path) == ["m", "out.bin"]


def test_writing_through_a_link_replaces_its_target(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    with output.new_file(tmp_path / "link", needed=4, overwrite=True) as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_bytes() == b"new"


def test_a_full_disk_is_reported_for_a_file(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with (
        pytest.raises(DiskFullError, match=FULL),
        output.new_file(tmp_path / "out", needed=4, overwrite=False) as file,
    ):
        file.write(b"x")
    assert names(tmp_path) == []


def test_a_full_disk_is_reported_for_a_directory(model):
    with (
        pytest.raises(DiskFullError, match=FULL),
        output.new_directory(model, needed=4, overwrite=True),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert (model / "vocab.txt").read_text() == "old"
    assert names(model.parent) == ["old.w2v"]


def test_files_are_synced_before_they_are_renamed(tmp_path, monkeypatch):
    synced = []
    real_sync = os.fsync

    def sync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, os.fstat(descriptor).st_size))
        real_sync(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    with output.new_file(tmp_path / "out", needed=4, overwrite=False) as file:
        file.write(b"12345")
    assert synced[0] == ((tmp_path / "out").stat().st_ino, 5)
    synced.clear()
    with output.new_directory(tmp_path / "m", needed=4, overwrite=False) as directory:
        (directory / "part").write_bytes(b"123456")
    assert ((tmp_path / "m" / "part").stat().st_ino, 6) in synced


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        with output.new_file(tmp_path / "out", needed=4, overwrite=False):
            pass
        with output.new_directory(tmp_path / "m", needed=4, overwrite=False):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "m").stat().st_mode & 0o777 == 0o750


def test_new_directory_appears_when_the_block_ends(tmp_path):
    with output.new_directory(tmp_path / "m", needed=4, overwrite=False) as directory:
        assert directory.parent == tmp_path
        assert directory.name.startswith(".m.")
        (directory / "part").write_text("x")
        assert not (tmp_path / "m").exists()
    assert names(tmp_path) == ["m"]
    assert names(tmp_path / "m") == ["part"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_new_directory_leaves_nothing_when_the_block_fails(error, model):
    with pytest.raises(error):
        fail_within_directory(model, error)
    assert names(model.parent) == ["old.w2v"]
    assert (model / "vocab.txt").read_text() == "old"


def test_new_directory_replaces_a_model(model):
    with output.new_directory(model, needed=4, overwrite=True) as directory:
        (directory / "part").write_text("new")
    assert names(model.parent) == ["old.w2v"]
    assert names(model) == ["part"]


def test_new_directory_replaces_an_empty_directory(tmp_path):
    (tmp_path / "m").mkdir()
    with output.new_directory(tmp_path / "m", needed=4, overwrite=True) as directory:
        (directory / "part").write_text("new")
    assert names(tmp_path) == ["m"]
    assert names(tmp_path / "m") == ["part"]


@pytest.mark.parametrize(
    "failure", [OSError(errno.EIO, "Input/output error"), KeyboardInterrupt()], ids=["EIO", "^C"]
)
def test_the_old_model_is_restored_if_the_new_one_cannot_be_renamed(failure, model, monkeypatch):
    monkeypatch.setattr(output, "_exchange", lambda *_: False)
    real_rename = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if (self / "part").exists():
            raise failure
        return real_rename(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with (
        pytest.raises((OutputError, KeyboardInterrupt)),
        output.new_directory(model, needed=4, overwrite=True) as directory,
    ):
        (directory / "part").write_text("new")
    assert names(model.parent) == ["old.w2v"]
    assert (model / "vocab.txt").read_text() == "old"


@pytest.fixture(params=["exchange", "renames"])
def method(request, monkeypatch) -> str:
    """The method of replacing a directory: one exchange, or separate renames."""
    if request.param == "renames":
        monkeypatch.setattr(output, "_exchange", lambda *_: False)
    return request.param


def test_a_replaced_model_has_no_old_files(method, model):
    before = model.stat().st_ino
    with output.new_directory(model, needed=4, overwrite=True) as directory:
        (directory / "part").write_text("new")
        new = directory.stat().st_ino
    assert names(model.parent) == ["old.w2v"]
    assert names(model) == ["part"]
    assert model.stat().st_ino == new != before


@pytest.mark.skipif(sys.platform != "linux", reason="needs renameat2 of Linux")
def test_models_are_exchanged_in_one_step(model, monkeypatch):
    """Both directories are exchanged by one system call, without `Path.rename`."""
    monkeypatch.setattr(Path, "rename", None)
    with output.new_directory(model, needed=4, overwrite=True, recoverable=True) as directory:
        (directory / "part").write_text("new")
    assert names(model.parent) == ["old.w2v"]
    assert names(model) == ["part"]


def test_a_failed_exchange_changes_nothing(model, tmp_path, monkeypatch):
    assert not output._exchange(tmp_path / "missing", model)

    class OldLibrary:
        """A C library without renameat2."""

    monkeypatch.setattr(output.ctypes, "CDLL", lambda _: OldLibrary)
    assert not output._exchange(tmp_path, model)
    with output.new_directory(model, needed=4, overwrite=True) as directory:
        (directory / "part").write_text("new")
    assert names(model.parent) == ["old.w2v"]
    assert names(model) == ["part"]


class Killed(BaseException):
    """Simulates the end of the process: no clean-up takes effect afterwards."""


@pytest.mark.parametrize("step", range(4))
def test_a_killed_replacement_leaves_one_of_the_two_models(step, method, model, monkeypatch):
    """Simulate the end of the process after each step on the disk."""
    calls = []

    def kill_at_step(work):
        def wrapper(*arguments, **options):
            if len(calls) > step:
                return None  # the process has ended
            calls.append(work)
            if len(calls) > step:
                raise Killed
            return work(*arguments, **options)

        return wrapper

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", kill_at_step(Path.rename))
        patch.setattr(output.shutil, "rmtree", kill_at_step(shutil.rmtree))
        if method == "exchange":
            patch.setattr(output, "_exchange", kill_at_step(output._exchange))
        with (
            contextlib.suppress(Killed),
            output.new_directory(model, needed=4, overwrite=True, recoverable=True) as directory,
        ):
            for name in (*output.MODEL_SIGNATURE, "vocab.txt"):
                (directory / name).write_text("new")
    if method == "exchange":
        assert model.exists()
    output.recover(model)
    assert names(model.parent) == ["old.w2v"]
    found = {path.read_text() for path in model.iterdir()}
    assert found in ({"old"}, {"new"})
    assert found == {"new"} or step < 2


def test_recover_waits_for_a_writing_process(tmp_path):
    target = tmp_path / "m"
    waiting = threading.Thread(target=output.recover, args=[target])
    with output.new_directory(target, needed=4, overwrite=True, recoverable=True) as directory:
        (directory / "one").touch()
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
        (directory / "two").touch()
    waiting.join()
    assert sorted(path.name for path in target.iterdir()) == ["one", "two"]
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_files_of_another_process_are_not_removed(tmp_path):
    target = tmp_path / "m"
    with output.new_directory(target, needed=4, overwrite=True, recoverable=True) as directory:
        (directory / "one").touch()
        with (
            pytest.raises(OutputError, match=r"cannot write .*: File exists"),
            output.new_directory(target, needed=4, overwrite=True, recoverable=True),
        ):
            pass
    assert [path.name for path in target.iterdir()] == ["one"]
