"""Locks between processes."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from w2v.errors import LockedError
from w2v.system import lock
from w2v.system.lock import directory_lock, lock_file

LOCK_IN_A_PROCESS = """
import sys
from pathlib import Path
from w2v.system.lock import lock_file
file = lock_file(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_second_lock_is_rejected_until_the_first_is_closed(tmp_path):
    with (
        lock_file(tmp_path / "lock"),
        pytest.raises(LockedError, match=f"another process uses {tmp_path}; wait until it ends"),
    ):
        lock_file(tmp_path / "lock")
    lock_file(tmp_path / "lock").close()


def test_a_lock_ends_with_its_process(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", LOCK_IN_A_PROCESS, tmp_path / "lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout.readline() == b"locked\n"
        with pytest.raises(LockedError):
            lock_file(tmp_path / "lock")
    finally:
        process.kill()
        process.communicate()
    lock_file(tmp_path / "lock").close()


def test_a_lock_on_a_removed_file_is_rejected(tmp_path, monkeypatch):
    flock = fcntl.flock

    def remove_first(file, operation):
        (tmp_path / "lock").unlink()  # by a process that has just ended
        flock(file, operation)

    monkeypatch.setattr(lock.fcntl, "flock", remove_first)
    with pytest.raises(LockedError):
        lock_file(tmp_path / "lock")


def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    lock_file(tmp_path / "lock").close()
    with directory_lock(tmp_path):
        pass


def test_a_directory_lock_waits(tmp_path):
    order = []

    def second():
        with directory_lock(tmp_path):
            order.append("second")

    with directory_lock(tmp_path):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.2)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_no_descriptor_is_left_open(tmp_path):
    descriptors = Path("/proc/self/fd")
    if not descriptors.is_dir():
        pytest.skip("open files are not listed here")
    before = len(list(descriptors.iterdir()))
    with directory_lock(tmp_path), pytest.raises(FileNotFoundError):
        lock_file(tmp_path / "missing" / "lock")
    with lock_file(tmp_path / "lock"), pytest.raises(LockedError):
        lock_file(tmp_path / "lock")
    assert len(list(descriptors.iterdir())) == before
