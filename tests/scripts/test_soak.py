"""The soak finds what a process keeps, and training again and again keeps nothing."""

from __future__ import annotations

import mmap
import tempfile
import threading

import pytest
from click.testing import CliRunner

from scripts import soak
from scripts.soak import Held, bytes_a_call, findings
from w2v.errors import ConfigError

NO_BOUND = float("inf")


def looks_of(calls, every, *jobs):
    heard = []
    looks = soak.soak(calls, every, jobs, heard.append)
    assert heard == looks
    return looks


def steady(folder):
    """Take a megabyte and a file, and give them back."""
    (folder / "file").write_bytes(b"x" * (1 << 20))
    (folder / "file").unlink()


@pytest.fixture
def kept():
    """Where jobs keep what they should not; it is given back at the end."""
    things = []
    yield things
    for thing in things:
        if hasattr(thing, "set"):
            thing.set()
        elif hasattr(thing, "close"):
            thing.close()


def leak_memory(folder, kept):
    # Not from the heap, which may have room left.
    memory = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(b"x" * (1 << 20))
    kept.append(memory)


def leak_thread(folder, kept):
    ended = threading.Event()
    threading.Thread(target=ended.wait).start()
    kept.append(ended)


def leak_open_file(folder, kept):
    kept.append((folder / "same").open("w"))


def leak_temporary_file(folder, kept):
    with tempfile.NamedTemporaryFile(delete=False):
        pass


@pytest.mark.parametrize(
    ("leak", "calls", "expected"),
    [
        (leak_memory, 12, "memory grew by "),
        (leak_thread, 3, "threads grew from "),
        (leak_open_file, 3, "open files grew from "),
        (leak_temporary_file, 3, "files grew from "),
    ],
)
def test_a_job_that_leaks_is_caught(leak, calls, expected, kept):
    looks = looks_of(calls, 3, lambda folder: leak(folder, kept))
    (found,) = findings(looks, 200_000)
    assert found.startswith(expected)


def test_a_job_that_leaks_nothing_is_let_go():
    assert findings(looks_of(12, 3, steady, steady), 200_000) == []


def test_files_are_counted_when_every_job_was_done_once(kept):
    looks = looks_of(4, 1, steady, lambda folder: (folder / "same").write_text("always there"))
    assert [look.calls for look in looks] == [2, 3, 4]
    assert findings(looks, NO_BOUND) == []


def test_rows_that_stand_out_are_no_growth_and_the_first_ones_are_warm_up():
    memory = [9.0, 30.0, 50.0, *[80.0] * 5, 95.0, *[80.0] * 5, *[81.0] * 2]
    looks = [Held(10 * i, mb, 1, 5, 7) for i, mb in enumerate(memory, 1)]
    assert bytes_a_call(looks) == 0
    assert bytes_a_call(looks[:3]) is None
    slow = [Held(10 * i, 80 + i / 100, 1, 5, 7) for i in range(1, 20)]
    assert findings(slow, 1_000) == []
    assert findings(slow, 999) == ["memory grew by 1,000 bytes a call, and 999 are the bound"]


def test_memory_that_comes_and_goes_is_no_growth_and_a_leak_beneath_it_is():
    # As it was seen: megabytes up and down, whose median slope may be thousands of bytes.
    memory = [
        98.3,
        100.4,
        99.3,
        96.5,
        97.9,
        95.3,
        96.9,
        97.9,
        101.1,
        101.1,
        98.5,
        99.8,
        98.1,
        102.4,
    ]
    looks = [Held(50 * i, mb, 1, 5, 7) for i, mb in enumerate(memory, 5)]
    assert bytes_a_call(looks) > 2_048
    assert findings(looks, 2_048) == []
    leaking = [Held(look.calls, look.memory_mb + look.calls / 50, 1, 5, 7) for look in looks]
    (found,) = findings(leaking, 2_048)
    assert found.startswith("memory grew by ")


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_every_job_leaves_things_as_it_found_them():
    jobs = soak.JOBS
    looks = looks_of(2 * len(jobs), len(jobs), *jobs)
    assert findings(looks, NO_BOUND) == []
    assert looks[0].files > 10


def test_a_job_that_does_not_fail_as_it_should_ends_the_soak(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "OPTIONS", {**soak.OPTIONS, "epochs": 0})
    with pytest.raises(ConfigError, match="epochs"):
        soak.diverging(tmp_path)
    monkeypatch.setattr(soak.w2v, "train", lambda *_, **_options: None)
    with pytest.raises(AssertionError, match="expected DivergenceError"):
        soak.diverging(tmp_path)


def test_the_table_is_printed_and_the_exit_code_tells(monkeypatch, kept):
    monkeypatch.setattr(soak, "JOBS", [steady])
    result = CliRunner().invoke(soak.main, ["--calls", "8", "--every", "2", "--bound", "200000"])
    assert result.exit_code == 0
    assert result.stdout.startswith("| calls | memory, MB | threads | open files | files |\n")
    assert "\nMemory grew by " in result.stdout
    assert [line.split()[0] for line in result.stderr.splitlines()] == list("12468")
    monkeypatch.setattr(soak, "JOBS", [lambda folder: leak_memory(folder, kept)])
    result = CliRunner().invoke(soak.main, ["--calls", "8", "--every", "2"])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: memory grew by 1,0")
    result = CliRunner().invoke(soak.main, ["--calls", "1"])
    assert "Too few rows to tell whether memory grows." in result.stdout
