"""Rounds on a cluster, on workers in this process: the bits of one machine, and what may fail."""

from __future__ import annotations

import dataclasses
from contextlib import closing

import numpy as np
import pytest

from fake_ray import FakeRay, install
from training.backends.test_worker import short_rounds as short_rounds  # a fixture
from training.helpers import EMPTY, counts_of, random_text, small
from w2v.errors import ResourceError
from w2v.events import ClusterWorkers, Notice, Training
from w2v.system import ray_workers
from w2v.system.disk import format_bytes
from w2v.system.memory import available_memory
from w2v.training import trainer
from w2v.training.backends import cluster, make_backend
from w2v.training.backends.rounds import RoundsBackend
from w2v.training.backends.worker import describe_machine
from w2v.training.memory import training_memory, worker_memory
from w2v.training.plan import EpochPlan
from w2v.training.state import TrainingSetup
from w2v.training.trainer import train_model

SHARDS = 4
pytestmark = pytest.mark.usefixtures("short_rounds")


@pytest.fixture(scope="module", autouse=True)
def described() -> None:
    """Cache the description, which trains on longer spans than those of the tests."""
    describe_machine()


@pytest.fixture
def ray(monkeypatch) -> FakeRay:
    made = FakeRay()
    install(monkeypatch, made)
    return made


TEXT = random_text(30)


def setup_of(**options) -> TrainingSetup:
    config = small(deterministic=True, shards=SHARDS, sample=0.1, **options)
    return TrainingSetup.of(counts_of(TEXT), config)


def run(backend, setup, before_step=lambda _: None) -> None:
    """Run two epochs."""
    for epoch in range(2):
        plan = EpochPlan.of_training(TEXT, setup.config, epoch)
        for step in range(backend.step_count(plan)):
            before_step((epoch, step))
            backend.run_step(plan, step, 0)


@pytest.fixture
def expected() -> TrainingSetup:
    setup = setup_of()
    run(RoundsBackend(setup), setup)
    return setup


def require_same(setup, expected) -> None:
    assert np.array_equal(setup.matrices.vectors, expected.matrices.vectors)
    assert np.array_equal(setup.matrices.contexts, expected.matrices.contexts)


@pytest.mark.parametrize("machines", [1, 2, 3, 6])
def test_the_bits_of_one_machine(machines, monkeypatch, expected):
    ray = FakeRay(machines)
    install(monkeypatch, ray)
    setup = setup_of(ray="auto")
    with closing(make_backend(setup)) as backend:
        run(backend, setup)
        times = backend.report().times
    require_same(setup, expected)
    assert [actor.calls.count("_load") for actor in ray.actors] == [1] * machines
    assert times.lost_rounds == 0
    assert (times.starting > 0, times.training > 0, times.moved_bytes > 0) == (True, True, True)


@pytest.mark.parametrize("call", range(1, 7))
def test_a_worker_is_lost_at_any_call(call, ray, expected, caplog):
    """Its calls are: load, train and merge in the first round, and train and merge in others."""
    setup = setup_of(ray="auto")

    def lose(actor) -> None:
        run_call = actor.run

        def count(name, arguments):
            if name == "call" and len(actor.calls) == call:
                actor.failures, actor.run = 1, run_call
            return run_call(name, arguments)

        actor.run = count

    with closing(make_backend(setup)) as backend:
        lose(ray.actors[0])
        run(backend, setup)
        report = backend.report()
    require_same(setup, expected)
    assert report.times.lost_rounds == 1
    assert report.times.lost > 0
    assert caplog.text.count("its round is trained again") == 1
    assert len(report.workers) == 2


def test_workers_that_come_later(ray, expected):
    setup = setup_of(ray="auto")

    def add(place) -> None:
        if place == (0, 1) or place == (1, 0):
            ray.add_machine(cores=3)

    with closing(make_backend(setup)) as backend:
        run(backend, setup, add)
        workers = backend.report().workers
    require_same(setup, expected)
    assert [(worker.cores, worker.host) for worker in workers] == [
        (1, "node1"),
        (1, "node2"),
        (3, "node3"),
        (3, "node4"),
    ]
    assert sum(worker.shards for worker in workers) == SHARDS


def test_ten_rounds_lost_in_a_row(ray):
    setup = setup_of(ray="auto")
    with closing(make_backend(setup)) as backend:
        plan = EpochPlan.of_training(TEXT, setup.config, 0)
        backend.run_step(plan, 0, 0)
        before = setup.matrices.vectors.copy()
        ray.actors[1].failures = 10**6
        introduce = ray_workers.WorkerPool._ask

        def ask(pool, seconds) -> None:
            ray.actors[1].failures = 0
            introduce(pool, seconds)
            ray.actors[1].failures = 10**6

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ray_workers.WorkerPool, "_ask", ask)
            with pytest.raises(
                ResourceError,
                match=r"^a round was lost 10 times, the last time because a worker was lost",
            ):
                backend.run_step(plan, 1, 0)
        assert np.array_equal(setup.matrices.vectors, before)
        assert backend.report().times.lost_rounds == 10


def test_the_speed_of_workers_is_that_of_the_epoch(ray):
    setup = setup_of(ray="auto")
    with closing(make_backend(setup)) as backend:
        run(backend, setup)
        size = EpochPlan.of_training(TEXT, setup.config, 1).size
        assert sum(work.positions for work in backend._work.values()) == size


def test_a_note_comes_once(ray, monkeypatch):
    events, times = [], []

    def note(of_training) -> Notice:
        times.append(of_training)
        return Notice("moving takes long")

    monkeypatch.setattr(trainer, "moving_note", note)
    config = small(ray="auto", shards=SHARDS, epochs=3)
    train_model(TEXT, EMPTY, counts_of(TEXT), config, events.append)
    assert [str(e) for e in events].count("note: moving takes long") == len(times) == 1


def test_events_tell_what_workers_do(ray):
    events = []
    config = small(ray="auto", shards=SHARDS, sample=0.1, epochs=2)
    result = train_model(TEXT, EMPTY, counts_of(TEXT), config, events.append)
    reports = [event.workers for event in events if isinstance(event, ClusterWorkers)]
    assert [[w.words_per_second is None for w in workers] for workers in reports] == [
        [True, True],
        [False, False],
        [False, False],
    ]
    assert [w.shards for w in reports[0]] == [2, 2]
    assert [e for e in events if isinstance(e, Training)][-1].cluster == result.cluster
    assert result.cluster.rounds > 2


def test_one_machine_reports_no_cluster():
    events = []
    config = small(deterministic=True)
    result = train_model(TEXT, EMPTY, counts_of(TEXT), config, events.append)
    assert result.cluster is None
    assert {e.cluster for e in events if isinstance(e, Training)} == {None}
    assert not any(isinstance(event, ClusterWorkers) for event in events)


# Memory


def needed(setup, shards: int, cores: int) -> int:
    return worker_memory(setup.counts, setup.config, shards=shards, threads=cores)


def test_too_little_memory(ray, monkeypatch):
    setup = setup_of(ray="auto")
    need = needed(setup, 2, 1)
    monkeypatch.setattr(cluster, "available_memory", lambda: need)
    make_backend(setup).close()
    monkeypatch.setattr(cluster, "available_memory", lambda: need - 1)
    size = format_bytes(need)
    message = (
        f"^worker 1 on node1 needs {size} of memory, but .* are available there, for 30 words at "
        "dim 8; lower `dim` or `vocab_size`, or use more machines, or some with more memory$"
    )
    with pytest.raises(ResourceError, match=message):
        make_backend(setup)
    assert all(actor.killed for actor in ray.actors[2:])
    assert "_load" not in ray.actors[2].calls


def test_workers_share_the_memory_of_their_machine(ray, monkeypatch):
    setup = setup_of(ray="auto", workers=2)
    monkeypatch.setattr(cluster, "available_memory", lambda: needed(setup, 2, 1))
    with pytest.raises(ResourceError, match=r"^2 workers on \S+ need .* available there, for"):
        make_backend(setup)


def test_unknown_memory_is_enough(ray, monkeypatch):
    monkeypatch.setattr(cluster, "available_memory", lambda: None)
    make_backend(setup_of(ray="auto")).close()


def test_a_new_machine_with_too_little_memory_is_left_out(ray, expected, caplog):
    setup = setup_of(ray="auto")
    with closing(make_backend(setup)) as backend:
        ray.on_start = lambda actor: actor.change.update(memory=1000)

        def add(place) -> None:
            if place == (0, 1):
                ray.add_machine()

        run(backend, setup, add)
        assert len(backend.report().workers) == 2
    require_same(setup, expected)
    assert "worker 3 on node3 is not used, since worker 3 on node3 needs" in caplog.text


def test_a_worker_with_the_model_needs_no_more_memory(ray, expected):
    setup = setup_of(ray="auto")
    with closing(make_backend(setup)) as backend:
        for actor in ray.actors:
            actor.change["memory"] = 1000  # the model takes the rest

        def lose(place) -> None:
            if place == (1, 0):
                backend._pool.regroup()

        run(backend, setup, lose)
    require_same(setup, expected)


def test_the_memory_of_workers():
    """Less than one machine in the shares of shards, more in copies of them."""
    counts = np.full(50_000, 400)
    config = dataclasses.replace(small(deterministic=True, shards=64, dim=128), threads=4)
    alone = training_memory(counts, config)
    assert worker_memory(counts, config, shards=4, threads=4) < alone
    assert worker_memory(counts, config, shards=64, threads=4) > alone
    model = 2 * 4 * 128 * 50_000
    assert worker_memory(counts, config, shards=0, threads=1) > 3 * model


def test_this_machine_has_some():
    assert cluster._available_memory({}) == pytest.approx(available_memory(), rel=0.5)
    assert describe_machine().keys() >= {"w2v", "numba"}
