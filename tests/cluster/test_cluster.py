"""Training on a Ray cluster: the bytes of one machine, whatever happens to the workers.

The cluster is a head without CPUs and nodes of one CPU, all on this machine. `make test-cluster`
runs these tests.
"""

from __future__ import annotations

import dataclasses
import gzip
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest

import w2v
from commands import START
from support import KJV
from training.helpers import counts_of, random_text, small
from w2v.corpus import distributed
from w2v.events import ClusterTimes, ClusterWorkers, Notice, Reading, Training
from w2v.pipeline import run
from w2v.system.ray_workers import WorkerLostError, WorkerPool
from w2v.training.backends import start_workers
from w2v.training.backends.worker import describe_machine
from w2v.training.trainer import train_model

ray = pytest.importorskip("ray", reason="ray is in the extra ray")
from ray.cluster_utils import Cluster  # noqa: E402 - after the check

OPTIONS = {"dim": 32, "epochs": 2, "shards": 6, "sample": 1e-3, "min_count": 3}


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("".join(KJV.read_text().splitlines(keepends=True)[:12_000]))
    return path


@pytest.fixture(scope="module")
def expected(text, tmp_path_factory) -> bytes:
    """The vectors of one machine."""
    return bytes_of(w2v.train(text, deterministic=True, **OPTIONS))


@pytest.fixture(scope="module")
def nodes():
    """A cluster with three nodes that each test may use; those that tests add are removed."""
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(3):
        made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    made.shutdown()


def bytes_of(model) -> bytes:
    return model.matrix.tobytes()


def worker_pids(title: bytes = b"ray::_Actor") -> list[int]:
    """The processes of workers below this one, by the title that Ray gives them."""
    parents, found = {}, []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            pid = int(path.name)
            parents[pid] = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if (path / "cmdline").read_bytes().startswith(title):
                found.append(pid)
        except OSError:  # it has ended
            continue

    def is_ours(pid: int) -> bool:
        return pid == os.getpid() or (pid in parents and is_ours(parents[pid]))

    return sorted(filter(is_ours, found))


def require_no_workers() -> None:
    """Check that all workers end. Ray ends them in other processes, which takes a moment."""
    deadline = time.monotonic() + 20
    while worker_pids():
        assert time.monotonic() < deadline
        time.sleep(0.1)


class At:
    """An observer that calls a function once, when a share of the words is trained."""

    def __init__(self, share: float, call) -> None:
        self.share, self.call, self.called = share, call, False

    def __call__(self, event) -> None:
        if not isinstance(event, Training) or self.called:
            return
        if event.done_words >= self.share * event.total_words:
            self.called = True
            self.call()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_any_number_of_workers_gives_the_bytes_of_one_machine(workers, nodes, text, expected):
    model = w2v.train(text, ray=nodes.address, workers=workers, **OPTIONS)
    assert bytes_of(model) == expected
    assert model.meta["config"]["deterministic"] is True
    require_no_workers()
    assert not ray.is_initialized()


def test_the_corpus_is_read_on_the_workers(nodes, tmp_path, monkeypatch):
    """Several files, one of them compressed, with lines held out."""
    lines = KJV.read_text().splitlines(keepends=True)
    (tmp_path / "a.txt").write_text("".join(lines[:3000]))
    (tmp_path / "b.gz").write_bytes(gzip.compress("".join(lines[3000:6000]).encode()))
    options = {**OPTIONS, "epochs": 1, "validation": 0.05}
    one = w2v.train(tmp_path, deterministic=True, **options)
    monkeypatch.setattr(run, "build_corpus", None)
    other = w2v.train(tmp_path, ray=nodes.address, workers=2, **options)
    assert bytes_of(other) == bytes_of(one)
    assert other.words == one.words
    losses = [
        [(epoch["loss"], epoch["validation_loss"]) for epoch in model.meta["epochs"]]
        for model in (one, other)
    ]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("share", [0.2, 0.7], ids=["counts", "encodes"])
def test_a_worker_that_is_killed_while_it_reads(share, nodes, text, expected, monkeypatch):
    monkeypatch.setattr(distributed, "_LEAST_BYTES", 1 << 14)
    killed = []

    def watch(event):
        if killed or not isinstance(event, Reading):
            return
        if event.done_bytes > share * event.total_bytes:
            killed.append(worker_pids()[0])
            os.kill(killed[0], signal.SIGKILL)

    model = w2v.train(text, ray=nodes.address, workers=3, observer=watch, **OPTIONS)
    assert killed
    assert bytes_of(model) == expected
    require_no_workers()
    assert list(Path(tempfile.gettempdir()).glob("w2v-portion-*")) == []


def test_more_workers_than_shards(nodes, text):
    options = {**OPTIONS, "shards": 2, "epochs": 1}
    model = w2v.train(text, ray=nodes.address, workers=3, **options)
    assert bytes_of(model) == bytes_of(w2v.train(text, deterministic=True, **options))


def test_a_worker_is_started_on_every_machine(nodes, text, expected):
    counts = []
    model = w2v.train(
        text, ray=nodes.address, observer=At(0.3, lambda: counts.append(len(worker_pids()))),
        **OPTIONS,
    )  # fmt: skip
    assert bytes_of(model) == expected
    assert counts == [3]


def test_a_killed_worker_costs_a_round(nodes, text, expected, caplog):
    watch = At(0.3, lambda: os.kill(worker_pids()[0], signal.SIGKILL))
    model = w2v.train(text, ray=nodes.address, workers=3, observer=watch, **OPTIONS)
    assert watch.called
    assert bytes_of(model) == expected
    assert "its round is trained again" in caplog.text
    times = model.meta["timings"]["cluster"]
    assert times["lost_rounds"] == 1
    assert times["lost"] > 0


def test_all_workers_killed(nodes, text, expected):
    def kill_all() -> None:
        for pid in worker_pids():
            os.kill(pid, signal.SIGKILL)

    watch = At(0.5, kill_all)
    model = w2v.train(text, ray=nodes.address, workers=2, observer=watch, **OPTIONS)
    assert watch.called
    assert bytes_of(model) == expected


def test_a_worker_killed_while_it_starts(nodes, text, expected):
    killed = []

    def kill_first() -> None:
        deadline = time.monotonic() + 60
        while not killed and time.monotonic() < deadline:
            killed.extend(worker_pids(b"ray::_Actor.introduce")[:1])
        os.kill(killed[0], signal.SIGKILL)

    killing = threading.Thread(target=kill_first)
    killing.start()
    model = w2v.train(text, ray=nodes.address, workers=2, **OPTIONS)
    killing.join()
    assert killed
    assert bytes_of(model) == expected


def test_a_stopped_worker_is_replaced(nodes, text, expected, monkeypatch):
    """A process that is stopped never answers."""
    from w2v.training.backends import cluster

    monkeypatch.setattr(cluster, "_SLOW_SECONDS", 3.0)
    watch = At(0.3, lambda: os.kill(worker_pids()[0], signal.SIGSTOP))
    model = w2v.train(text, ray=nodes.address, workers=2, observer=watch, **OPTIONS)
    assert watch.called
    assert bytes_of(model) == expected


def test_nodes_may_come_and_go(nodes, text, expected, monkeypatch):
    from w2v.system import ray_workers

    monkeypatch.setattr(ray_workers, "_LOOK_SECONDS", 0.5)
    extra = []
    most = []

    def watch(event) -> None:
        if isinstance(event, Training):
            share = event.done_words / event.total_words
            if share > 0.1 and not extra:
                extra.append(nodes.add_node(num_cpus=1))
            most.append(len(worker_pids()))
            if share > 0.7 and extra and extra[0] is not None:
                nodes.remove_node(extra[0])
                extra[0] = None

    model = w2v.train(text, ray=nodes.address, observer=watch, **OPTIONS | {"epochs": 8})
    same = w2v.train(text, deterministic=True, **OPTIONS | {"epochs": 8})
    assert extra == [None]
    assert max(most) == 4
    assert bytes_of(model) == bytes_of(same)


@pytest.mark.parametrize("again", [["--ray", "local", "--workers", "1"], []], ids=["ray", "alone"])
def test_a_killed_training_can_be_resumed(again, nodes, text, expected, tmp_path):
    options = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    command = [sys.executable, "-m", "w2v", "train", str(text), "-o", "m", *options]
    command += ["--ray", nodes.address, "--workers", "2", "--checkpoint-every", "0.2"]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE)
    state = tmp_path / "m.checkpoint" / "state"
    deadline = time.monotonic() + 60
    while not state.exists():
        assert time.monotonic() < deadline
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)
    running.kill()
    running.communicate()
    resume = [sys.executable, "-m", "w2v", "train", "--resume", "m", *again]
    done = subprocess.run(resume, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert bytes_of(w2v.load(tmp_path / "m")) == expected


def test_an_interrupt_saves_a_checkpoint_and_ends_the_workers(nodes, text, tmp_path):
    options = [f"--{name.replace('_', '-')}={value}" for name, value in OPTIONS.items()]
    command = [sys.executable, "-c", START, "train", str(text), "-o", "m", *options]
    command += ["--ray", nodes.address, "--workers", "2", "--epochs", "30", "--log-json", "log"]
    running = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "log"
    deadline = time.monotonic() + 60
    while not (log.exists() and '"stage": "training"' in log.read_text()):
        assert time.monotonic() < deadline
        assert running.poll() is None, running.stderr.read()
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130, stderr
    assert stderr.splitlines()[-2:] == ["resume with: w2v train --resume m", "interrupted"]
    assert (tmp_path / "m.checkpoint" / "state").exists()
    require_no_workers()


# Watching


def test_the_events_tell_where_the_time_went(nodes, text, tmp_path):
    events = []
    output = tmp_path / "m"
    w2v.train(text, ray=nodes.address, workers=2, output=output, observer=events.append, **OPTIONS)
    workers = [event.workers for event in events if isinstance(event, ClusterWorkers)]
    assert len(workers) == 1 + OPTIONS["epochs"]
    assert [(w.name, w.cores, w.shards) for w in workers[0]] == [
        ("worker 1", 1, 3),
        ("worker 2", 1, 3),
    ]
    assert {w.host for w in workers[-1]} == {socket.gethostname()}
    assert {w.words_per_second for w in workers[0]} == {None}
    assert all(w.words_per_second > 1000 for w in workers[-1])
    times = [event.cluster for event in events if isinstance(event, Training)]
    saved = ClusterTimes(**w2v.load(output).meta["timings"]["cluster"])
    assert [t.rounds for t in times] == sorted(t.rounds for t in times)
    assert times[-1] == saved
    seconds = dataclasses.asdict(saved)
    assert (seconds.pop("lost_rounds"), seconds.pop("lost")) == (0, 0.0)
    assert min(seconds.values()) > 0
    # Each number that a round changes moves at least once, from a worker to this process.
    assert saved.moved_bytes > saved.rounds * OPTIONS["dim"] * 4 * 100
    notes = [event.message for event in events if isinstance(event, Notice)]
    assert notes[0] == f"starting workers on the Ray cluster (`ray={nodes.address!r}`)"
    assert sum("moving rows between workers takes" in note for note in notes) == 1


# The pool of workers


def test_workers_keep_a_state_until_they_are_lost(nodes):
    with closing(WorkerPool(nodes.address, 2, describe_machine)) as pool:

        def ask(function, *arguments) -> list:
            calls = {pool.call(member, function, *arguments): member for member in pool.members}
            return sorted(pool.results(calls, 60), key=str)

        assert ask(dict.setdefault, "number", 7) == [7, 7]
        assert ask(dict.get, "number") == [7, 7]
        os.kill(worker_pids()[0], signal.SIGKILL)
        with pytest.raises(WorkerLostError, match="a worker was lost"):
            ask(dict.get, "number")
        pool.regroup()
        while len(pool.members) < 2:
            pool.regroup()
        assert ask(dict.get, "number") == [7, None]
        refs = {pool.call(member, dict.get, "number"): member for member in pool.members}
        found = []
        while refs:
            for ref, member, value in pool.first_results(refs, 60):
                assert refs.pop(ref) is member
                found.append(value)
        assert sorted(found, key=str) == [7, None]
    require_no_workers()


def test_a_training_on_workers_that_run_already(nodes):
    config = small(deterministic=True, shards=3)
    on_cluster = dataclasses.replace(config, ray=nodes.address, workers=2)
    with closing(start_workers(on_cluster)) as pool:
        for lines in (200, 150):
            text = random_text(lines)
            arguments = text, random_text(0), counts_of(text)
            result = train_model(*arguments, on_cluster, pool=pool)
            assert bytes_of(result) == bytes_of(train_model(*arguments, config))
        assert len(worker_pids()) == 2
    require_no_workers()


# Refusals


def test_too_many_workers(nodes, text, monkeypatch):
    from w2v.system import ray_workers

    monkeypatch.setattr(ray_workers, "_START_SECONDS", 6.0)
    with pytest.raises(w2v.errors.ResourceError, match=r"\d of 5 workers have started after 6 s"):
        w2v.train(text, ray=nodes.address, workers=5, **OPTIONS)
    assert not ray.is_initialized()


def test_there_is_no_cluster(text):
    with pytest.raises(
        w2v.errors.ConfigError,
        match=r"no Ray cluster was found at 127\.0\.0\.1:9: .*refused; start",
    ):
        w2v.train(text, ray="127.0.0.1:9", **OPTIONS)


def test_other_machines_are_refused_or_allowed(nodes, text, expected, monkeypatch, caplog):
    from w2v.system import ray_workers

    compare = ray_workers._difference
    monkeypatch.setattr(
        ray_workers,
        "_difference",
        lambda here, there: compare({**here, "numba": "0.1"}, there),
    )
    message = r"cannot give the same bits on worker 1 on .*: numba is [\d.]+ there and 0.1 here"
    with pytest.raises(w2v.errors.ConfigError, match=message):
        w2v.train(text, ray=nodes.address, workers=1, **OPTIONS)
    mixed = w2v.train(text, ray=nodes.address, workers=1, allow_mixed=True, **OPTIONS)
    assert bytes_of(mixed) == expected  # as the difference is none
    assert mixed.meta["config"]["allow_mixed"] is True
    assert caplog.text.count("the bits of worker 1 on ") == 1
