"""The parts of the script that kills workers, on processes that are none.

The script itself needs Ray and minutes.
"""

from __future__ import annotations

import logging
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from scripts import kill_workers
from scripts.kill_workers import KILL, KILL_ALL, KINDS, NODE, STOP, Outcome, Processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


class FakeNodes:
    def __init__(self) -> None:
        self.killed = 0

    def kill_one(self, numbers) -> None:
        self.killed += 1


@pytest.fixture
def sleepers(monkeypatch):
    """Three processes that take the place of workers, and how to find them."""
    monkeypatch.setenv(kill_workers._MARK, "")  # restored at the end
    monkeypatch.setattr(kill_workers, "_TITLE", b"sleep")
    processes = Processes()
    started = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    yield processes, started
    for process in started:
        process.kill()
        process.wait()


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().split()[2]


def strike(kind: str, processes: Processes) -> tuple[Outcome, FakeNodes]:
    outcome, nodes = Outcome(kind, 0.0), FakeNodes()
    kill_workers.strike(outcome, nodes, processes, random.Random(1), threading.Event())
    return outcome, nodes


def test_a_process_is_found_by_its_environment(sleepers):
    processes, started = sleepers
    assert processes.workers() == sorted(process.pid for process in started)
    assert Processes().workers() == []


@pytest.mark.parametrize(("kind", "victims"), [(KILL, 1), (KILL_ALL, 3)])
def test_workers_are_killed(kind, victims, sleepers):
    processes, started = sleepers
    outcome, nodes = strike(kind, processes)
    assert (outcome.victims, nodes.killed) == (victims, 0)
    deadline = time.monotonic() + 10
    while len(codes := [p.poll() for p in started if p.poll() is not None]) < victims:
        assert time.monotonic() < deadline
    assert codes == [-signal.SIGKILL] * victims


def test_a_worker_is_stopped(sleepers):
    processes, started = sleepers
    outcome, _ = strike(STOP, processes)
    assert outcome.victims == 1
    assert len(processes.workers()) == 3
    deadline = time.monotonic() + 10
    while [state_of(process.pid) for process in started].count("T") != 1:
        assert time.monotonic() < deadline


def test_a_node_is_killed(sleepers):
    outcome, nodes = strike(NODE, sleepers[0])
    assert (outcome.victims, nodes.killed) == (1, 1)


def test_nothing_happens_after_the_end(sleepers):
    ended = threading.Event()
    ended.set()
    outcome = Outcome(KILL_ALL, 5.0)
    kill_workers.strike(outcome, FakeNodes(), sleepers[0], random.Random(1), ended)
    assert outcome.victims == 0
    assert len(sleepers[0].workers()) == 3


def test_workers_and_files_that_are_left_are_reported(sleepers, tmp_path, monkeypatch):
    processes, started = sleepers
    monkeypatch.setattr(kill_workers, "_END_SECONDS", 0.0)
    for name in ("model", "ray", "w2v-1.tmp"):
        (tmp_path / name).touch()
    found = list(kill_workers.left_behind(processes, tmp_path))
    assert found[-1] == "w2v-1.tmp was left"
    assert len(found) == 4
    for process in started:
        process.kill()
        process.wait()
    assert list(kill_workers.left_behind(processes, tmp_path)) == ["w2v-1.tmp was left"]


def test_every_kind_is_drawn():
    drawn = kill_workers.draw(10, random.Random(1), KINDS)
    assert len(drawn) == 10
    assert {outcome.kind for outcome in drawn} == set(KINDS)
    assert all(0 <= outcome.moment < 1 for outcome in drawn)
    few = kill_workers.draw(2, random.Random(1), [STOP])
    assert [outcome.kind for outcome in few] == [STOP, STOP]


def test_rounds_that_are_repeated_are_counted():
    handler = kill_workers.Repetitions()
    for message in ("note: a worker was lost; its round is trained again", "something else"):
        handler.emit(logging.makeLogRecord({"msg": message}))
    assert handler.count == 1


def test_the_table():
    outcomes = [
        Outcome(KILL, 1.0, victims=1, seconds=12.0, repeated=2),
        Outcome(KILL, 1.0, victims=0, seconds=10.0, wrong=["the vectors differ"]),
        Outcome(NODE, 1.0, victims=1, seconds=31.0, repeated=1),
    ]
    rows = kill_workers.table(outcomes, 10.0).splitlines()
    assert rows[2:] == [
        "| kill a worker | 2 | 1 | 1 | 2 | 1.0 | 2.0 |",
        "| kill a node | 1 | 1 | 1 | 1 | 21.0 | 21.0 |",
    ]
