"""The status, fingerprint and contents of files."""

from __future__ import annotations

import os

import pytest

from w2v.errors import InputError
from w2v.system.files import (
    Fingerprint,
    is_directory,
    open_binary,
    read_error,
    read_text_file,
    require_regular_file,
    status_of,
)


def test_a_fingerprint_describes_a_change(tmp_path):
    path = tmp_path / "f"
    path.write_text("one")
    os.utime(path, ns=(10**18, 10**18))
    before = Fingerprint.of(str(path))
    assert before == (str(path), 3, 10**18, None)
    assert before.difference(Fingerprint.of(str(path))) is None
    path.write_text("three")
    os.utime(path, ns=(10**18, 10**18))
    assert before.difference(Fingerprint.of(str(path))).startswith(
        "it had 3 bytes and now has 5; it was last "
    )
    path.write_text("two")
    os.utime(path, ns=(10**18, 10**18 + 10**6))
    assert "it had 3 bytes and now has 3;" in before.difference(Fingerprint.of(str(path)))


def test_times_outside_of_the_calendar_are_described(tmp_path):
    found = Fingerprint.of(str(tmp_path))._replace(changed=10**40)
    assert found.difference(Fingerprint.of(str(tmp_path))).endswith(f"before that at {10**40} ns")


def test_a_relative_path_has_an_absolute_fingerprint(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "f").touch()
    assert Fingerprint.of("f").path == str(tmp_path / "f")


def test_a_missing_path_has_no_status(tmp_path):
    (tmp_path / "file").touch()
    assert status_of(tmp_path / "missing") is status_of(tmp_path / "file" / "below") is None
    assert not is_directory(tmp_path / "missing")
    assert not is_directory(tmp_path / "file")
    assert is_directory(tmp_path)


@pytest.mark.parametrize("path", ["nul\0", "x" * 5000])
def test_an_impossible_path_is_an_error(path):
    for function in (status_of, is_directory, require_regular_file):
        with pytest.raises(InputError, match=r"^cannot read .*(null byte|null character|too long)"):
            function(path)


def test_read_error_has_the_message_of_the_system():
    assert str(read_error("f", OSError(2, "No such file"))) == "cannot read f: No such file"
    assert (
        str(read_error("f", ValueError("embedded null byte")))
        == "cannot read f: embedded null byte"
    )


def test_a_pipe_is_not_a_regular_file(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", tmp_path / "missing"):
        require_regular_file(path)
    for path in (tmp_path / "pipe", "/dev/null"):
        with pytest.raises(InputError, match=f"cannot read {path}: it is a pipe, a device"):
            require_regular_file(path)


def test_a_text_file_is_read_whole(tmp_path):
    data = b"words\n" * 30_000
    (tmp_path / "f").write_bytes(data)
    assert read_text_file(tmp_path / "f", "the file") == data
    (tmp_path / "f").write_bytes(b"\x7fELF\2\1\1")
    with pytest.raises(InputError, match=r"^the file is an executable: expected UTF-8 text"):
        read_text_file(tmp_path / "f", "the file")
    with pytest.raises(InputError, match=r"^cannot read the file: No such"):
        read_text_file(tmp_path / "missing", "the file")


def test_open_binary_reports_files_that_cannot_be_read(tmp_path):
    (tmp_path / "x").write_bytes(b"abc")
    with open_binary(tmp_path / "x") as file:
        assert file.read() == b"abc"
    with pytest.raises(InputError, match=r"cannot read .*nothing: No such file"):
        open_binary(tmp_path / "nothing").__enter__()
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        open_binary(tmp_path).__enter__()
    with pytest.raises(InputError, match=r"cannot read .*x: it broke"), open_binary(tmp_path / "x"):
        raise OSError("it broke")
