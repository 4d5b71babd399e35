"""The soak finds what a process keeps, and training again and again keeps nothing."""

from __future__ import annotations

import mmap
import tempfile
import threading

import pytest
from click.testing import CliRunner

from scripts import soak
from scripts.soak import Resources, bytes_per_call, findings
from w2v.errors import ConfigError

NO_BOUND = float("inf")


def rows_of(calls, every, *jobs):
    heard = []
    rows = soak.soak(calls, every, jobs, heard.append)
    assert heard == rows
    return rows


def steady(directory):
    """Take a megabyte and a file, and give them back."""
    (directory / "file").write_bytes(b"x" * (1 << 20))
    (directory / "file").unlink()


@pytest.fixture
def leaked():
    """Where jobs keep what they should not; it is given back at the end."""
    things = []
    yield things
    for thing in things:
        if hasattr(thing, "set"):
            thing.set()
        elif hasattr(thing, "close"):
            thing.close()


def leak_memory(directory, leaked):
    # Not from the heap, which may have room left.
    memory = mmap.mmap(-1, 1 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.write(b"x" * (1 << 20))
    leaked.append(memory)


def leak_thread(directory, leaked):
    ended = threading.Event()
    threading.Thread(target=ended.wait).start()
    leaked.append(ended)


def leak_open_file(directory, leaked):
    leaked.append((directory / "same").open("w"))


def leak_temporary_file(directory, leaked):
    with tempfile.NamedTemporaryFile(delete=False):
        pass


@pytest.mark.parametrize(
    ("leak", "calls", "expected"),
    [
        pytest.param(leak_memory, 12, "memory grew by ", marks=pytest.mark.exhaustive),
        (leak_thread, 3, "threads grew from "),
        (leak_open_file, 3, "open files grew from "),
        (leak_temporary_file, 3, "files grew from "),
    ],
)
def test_a_job_that_leaks_is_caught(leak, calls, expected, leaked):
    rows = rows_of(calls, 3, lambda directory: leak(directory, leaked))
    (found,) = findings(rows, 200_000)
    assert found.startswith(expected)


def test_a_job_that_leaks_nothing_is_let_go():
    assert findings(rows_of(12, 3, steady, steady), 200_000) == []


def test_files_are_counted_after_the_first_run_of_every_job(leaked):
    rows = rows_of(4, 1, steady, lambda directory: (directory / "same").write_text("always there"))
    assert [row.calls for row in rows] == [2, 3, 4]
    assert findings(rows, NO_BOUND) == []


def test_outliers_and_the_warm_up_do_not_count_as_growth():
    memory = [9.0, 30.0, 50.0, *[80.0] * 5, 95.0, *[80.0] * 5, *[81.0] * 2]
    rows = [Resources(10 * i, mb, 1, 5, 7) for i, mb in enumerate(memory, 1)]
    assert bytes_per_call(rows) == 0
    assert bytes_per_call(rows[:3]) is None
    slow = [Resources(10 * i, 80 + i / 100, 1, 5, 7) for i in range(1, 20)]
    assert findings(slow, 1_000) == []
    assert findings(slow, 999) == [
        "memory grew by 1,000 bytes per call, more than the bound of 999"
    ]


def test_fluctuations_are_no_leak_but_a_leak_beneath_them_is_found():
    # Measured: fluctuations of megabytes, whose median slope may be thousands of bytes.
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
    rows = [Resources(50 * i, mb, 1, 5, 7) for i, mb in enumerate(memory, 5)]
    assert bytes_per_call(rows) > 2_048
    assert findings(rows, 2_048) == []
    leaking = [Resources(row.calls, row.memory_mb + row.calls / 50, 1, 5, 7) for row in rows]
    (found,) = findings(leaking, 2_048)
    assert found.startswith("memory grew by ")


@pytest.mark.exhaustive
@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
def test_no_job_leaks():
    jobs = soak.JOBS
    rows = rows_of(2 * len(jobs), len(jobs), *jobs)
    assert findings(rows, NO_BOUND) == []
    assert rows[0].files > 10


def test_a_missing_error_stops_the_script(tmp_path, monkeypatch):
    monkeypatch.setattr(soak, "OPTIONS", {**soak.OPTIONS, "epochs": 0})
    with pytest.raises(ConfigError, match="epochs"):
        soak.diverging(tmp_path)
    monkeypatch.setattr(soak.w2v, "train", lambda *_, **_options: None)
    with pytest.raises(AssertionError, match="expected DivergenceError"):
        soak.diverging(tmp_path)


def test_the_table_is_printed_and_a_leak_sets_the_exit_code(monkeypatch, leaked):
    monkeypatch.setattr(soak, "JOBS", [steady])
    result = CliRunner().invoke(soak.main, ["--calls", "8", "--every", "2", "--bound", "200000"])
    assert result.exit_code == 0
    assert result.stdout.startswith("| calls | memory, MB | threads | open files | files |\n")
    assert "\nMemory grew by " in result.stdout
    assert [line.split()[0] for line in result.stderr.splitlines()] == list("12468")
    monkeypatch.setattr(soak, "JOBS", [lambda directory: leak_memory(directory, leaked)])
    result = CliRunner().invoke(soak.main, ["--calls", "8", "--every", "2"])
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].startswith("Error: memory grew by 1,0")
    result = CliRunner().invoke(soak.main, ["--calls", "1"])
    assert "Too few rows to estimate the growth of memory." in result.stdout
