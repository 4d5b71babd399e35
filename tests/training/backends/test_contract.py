"""What every backend promises.

A backend is one line in BACKENDS: its class, the options that select it, and the numbers of threads
at which it gives the same bits every time.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pytest

from fake_ray import FakeRay, install
from support import JIT
from training.helpers import (
    EMPTY,
    Memory,
    counts_of,
    random_text,
    small,
    text_of,
    topics,
    without_seconds,
)
from w2v.corpus.pairs import skipgram_pairs
from w2v.events import EpochDone, Training
from w2v.training import plan, runner, trainer
from w2v.training.backends import make_backend
from w2v.training.backends.cluster import ClusterBackend
from w2v.training.backends.hogwild import HogwildBackend
from w2v.training.backends.rounds import RoundsBackend
from w2v.training.backends.worker import describe_machine
from w2v.training.model import rows_of
from w2v.training.plan import EpochPlan
from w2v.training.report import untrained_loss
from w2v.training.state import EpochStats, TrainingSetup
from w2v.training.trainer import train_model


class Case(NamedTuple):
    backend: type
    options: dict[str, Any]
    reproducible_threads: tuple[int, ...]


BACKENDS = {
    "hogwild": Case(HogwildBackend, {}, (1,)),
    "rounds": Case(RoundsBackend, {"deterministic": True, "shards": 3}, (1, 2, 5)),
    "cluster": Case(ClusterBackend, {"ray": "auto", "shards": 3}, (1,)),  # without processes
}

every_backend = pytest.mark.parametrize("case", BACKENDS.values(), ids=BACKENDS)
reproducible = pytest.mark.parametrize(
    ("case", "threads"),
    [
        pytest.param(case, threads, id=f"{name}-{threads}")
        for name, case in BACKENDS.items()
        for threads in case.reproducible_threads
    ],
)
THREADS = pytest.mark.parametrize("threads", [1, 3])


@pytest.fixture(autouse=True)
def two_machines(monkeypatch):
    """A cluster in this process."""
    describe_machine()  # its result is cached; it trains on longer spans than the tests
    install(monkeypatch, FakeRay())


@pytest.fixture(autouse=True)
def short_steps(monkeypatch, two_machines):
    """Steps so short that small texts have many, of which each report sees a few."""
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(plan, "MIN_ROUND_POSITIONS", 10)
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.001)


class Watched:
    """Passes everything on to a backend, slowly, and notes which steps run."""

    def __init__(self, backend):
        self.workers = backend.workers
        self.step_count = backend.step_count
        self.backend = backend
        self.running = 0
        self.done = []
        self.syncs = []
        self.fail_at = None
        self._lock = threading.Lock()

    def run_step(self, plan, step, worker):
        with self._lock:
            self.running += 1
            if len(self.done) == self.fail_at:
                raise RuntimeError("broken")
        time.sleep(0.002)
        stats = self.backend.run_step(plan, step, worker)
        with self._lock:
            self.running -= 1
            self.done.append((plan, step, stats))
        return stats

    def sync(self):
        self.syncs.append(self.running)
        self.backend.sync()

    def report(self):
        return self.backend.report()

    def close(self):
        self.closed = True
        self.backend.close()


@pytest.fixture
def watched(monkeypatch):
    """All backends that the trainer makes, each in a `Watched`."""
    made = []

    def make(setup, _pool):
        made.append(Watched(make_backend(setup)))
        return made[-1]

    monkeypatch.setattr(trainer, "make_backend", make)
    return made


def config_of(case, **changes):
    return small(**case.options | changes)


def setup_of(case, text, **changes):
    setup = TrainingSetup.of(counts_of(text), config_of(case, **changes))
    backend = make_backend(setup)
    assert type(backend) is case.backend
    return setup, backend


def run_epoch(setup, backend, text, epoch=0):
    """Run all steps of an epoch in order, on one worker; return the stats of each."""
    epoch_plan = EpochPlan.of_training(text, setup.config, epoch)
    return [backend.run_step(epoch_plan, step, 0) for step in range(backend.step_count(epoch_plan))]


def worker_threads():
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith(("w2v-train", "w2v-round"))]


# Steps


@every_backend
@THREADS
@pytest.mark.parametrize("lines", [1, 7, 60])
def test_the_steps_cover_the_text_exactly_once(case, threads, lines):
    text = random_text(lines)
    setup, backend = setup_of(case, text, threads=threads)
    stats = sum(run_epoch(setup, backend, text), EpochStats())
    sentences = [line.tolist() for line in text.sentences()]
    pairs = sum(1 for line in sentences for _ in skipgram_pairs(line, setup.config.window))
    assert stats.positions == len(text.ids)
    assert stats.centers == sum(len(line) for line in sentences if len(line) > 1)
    assert stats.pairs == pairs
    assert 0 < stats.noise_pairs <= pairs


@every_backend
def test_every_word_is_a_center_once(case):
    """Each word occurs once, and only centers get other vectors."""
    text = text_of([list(range(start, start + 7)) for start in range(0, 210, 7)])
    setup = TrainingSetup.of(np.ones(210, np.int64), config_of(case))
    vectors = rows_of(setup.matrices.vectors, setup.matrices, 210, 8)
    rows_of(setup.matrices.contexts, setup.matrices, 210, 8)[:] = 1.0
    start = vectors.copy()
    stats = sum(run_epoch(setup, make_backend(setup), text), EpochStats())
    assert (vectors != start).any(axis=1).all()
    assert stats.centers == 210


@every_backend
def test_the_number_of_steps_depends_on_the_text_alone(case):
    text = random_text(60)
    counts = set()
    for threads in (1, 2, 5):
        setup, backend = setup_of(case, text, threads=threads)
        counts.add(backend.step_count(EpochPlan.of_training(text, setup.config, 0)))
    (count,) = counts
    assert count > 5
    assert backend.step_count(EpochPlan.of_validation(EMPTY, setup.config)) == 0


@every_backend
def test_a_validation_plan_measures_the_loss_and_changes_nothing(case):
    text = random_text(40)
    setup, backend = setup_of(case, text)
    run_epoch(setup, backend, text)
    before = [flat.copy() for flat in setup.matrices[:2]]
    validation = EpochPlan.of_validation(text, setup.config)
    steps = range(backend.step_count(validation))
    first, second = (
        sum((backend.run_step(validation, step, 0) for step in steps), EpochStats())
        for _ in range(2)
    )
    assert first == second
    assert 0 < first.loss < 6 * np.log(2)
    for flat, old in zip(setup.matrices[:2], before, strict=True):
        assert flat.tobytes() == old.tobytes()


@every_backend
@THREADS
def test_frozen_vectors_stay_and_all_others_move(case, threads):
    text = random_text(60)
    config = config_of(case, threads=threads)
    start = TrainingSetup.of(counts_of(text), config).matrices
    start = rows_of(start.vectors, start, 30, 8)
    result = train_model(text, EMPTY, counts_of(text), config, frozen=12)
    assert result.matrix[:12].tobytes() == start[:12].tobytes()
    assert (result.matrix[12:] != start[12:]).any(axis=1).all()
    assert result.contexts.any(axis=1).all()


# Whole trainings


@reproducible
def test_trainings_give_the_same_bits(case, threads):
    text, held_out = random_text(40), random_text(9, seed=1)
    results = [
        without_seconds(
            train_model(
                text,
                held_out,
                counts_of(text),
                config_of(case, sample=0.1, threads=threads, seed=seed),
            )
        )
        for seed in (1, 1, 2)
    ]
    assert results[0] == results[1]
    assert results[0][0] != results[2][0]


@every_backend
@THREADS
def test_reports_sum_up_the_stats_of_all_steps(case, threads, watched):
    text = random_text(40)
    heard = []
    result = train_model(
        text, EMPTY, counts_of(text), config_of(case, threads=threads), heard.append
    )
    (backend,) = watched
    trained = [(p, step, stats) for p, step, stats in backend.done if not p.purpose]
    for report in result.epochs:
        total = sum((s for p, _, s in trained if p.epoch == report.epoch - 1), EpochStats())
        assert (report.centers, report.pairs) == (total.centers, total.pairs)
        running = [e.loss for e in heard if isinstance(e, Training) and e.epoch == report.epoch]
        assert running[-1] == pytest.approx(total.loss)
    steps = Counter((p.epoch, step) for p, step, _ in trained)
    assert set(steps.values()) == {1}


@every_backend
@THREADS
def test_the_reported_loss_is_measured_after_the_epoch_without_training(case, threads, watched):
    text = random_text(40)
    result = train_model(text, EMPTY, counts_of(text), config_of(case, threads=threads))
    (backend,) = watched
    measured = [(p, step, stats) for p, step, stats in backend.done if p.purpose]
    assert all(p.text is text and not any(p.rates(0.0, 1.0)[:2]) for p, _, _ in measured)
    size = len(measured) // len(result.epochs)
    for report in result.epochs:
        part = measured[size * (report.epoch - 1) : size * report.epoch]
        assert sorted(step for _, step, _ in part) == list(range(size))
        total = sum((stats for _, _, stats in part), EpochStats())
        assert total.positions == len(text.ids)
        assert report.loss == pytest.approx(total.loss)
        # All of them ran between the last step of this epoch and the first of the next one.
        first, last = (backend.done.index(part[i]) for i in (0, -1))
        assert last - first == size - 1
        assert first == report.epoch * len(backend.done) // len(result.epochs) - size


@pytest.mark.slow
@pytest.mark.parametrize(
    ("case", "threads"),
    [
        pytest.param(BACKENDS["hogwild"], 1, id="hogwild-1"),
        pytest.param(BACKENDS["rounds"], 1, id="rounds-1", marks=pytest.mark.exhaustive),
        pytest.param(BACKENDS["rounds"], 2, id="rounds-2"),
        pytest.param(BACKENDS["rounds"], 5, id="rounds-5", marks=pytest.mark.exhaustive),
    ],
)
def test_a_training_resumes_from_any_step_with_the_same_result(case, threads, watched):
    text, held_out = random_text(30), random_text(5, seed=1)
    config = config_of(case, epochs=3, threads=threads)
    memory = Memory()
    whole = train_model(text, held_out, counts_of(text), config, checkpointer=memory)
    states = {(len(state.reports), state.step): saved for *saved, state in memory.all_saved}
    assert len(states) > 6
    assert {epoch for epoch, _ in states} == {0, 1, 2}
    for saved in memory.all_saved:
        again = train_model(text, held_out, counts_of(text), config, checkpointer=Memory(saved))
        assert without_seconds(again) == without_seconds(whole)
        assert again.seconds > saved[2].total_seconds


@every_backend
@THREADS
def test_a_saved_state_holds_the_finished_steps_and_no_others(case, threads, watched):
    text = random_text(60)

    class Check(Memory):
        def save(self, matrices, state):
            (backend,) = watched
            assert backend.running == 0
            assert backend.syncs[-1] == 0
            done = len(backend.done)
            time.sleep(0.005)
            assert len(backend.done) == done  # all workers are paused
            epoch = [
                (step, stats)
                for p, step, stats in backend.done
                if p.epoch == len(state.reports) and not p.purpose
            ]
            assert sorted(step for step, _ in epoch) == list(range(state.step))
            assert state.stats.positions == sum(stats.positions for _, stats in epoch)
            super().save(matrices, state)

    memory = Check()
    train_model(text, EMPTY, counts_of(text), config_of(case, threads=threads), checkpointer=memory)
    assert {len(state.reports) for _, _, state in memory.all_saved} == {0, 1}
    assert len(memory.all_saved) > 3


@every_backend
@THREADS
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_saves_the_state_and_stops_the_workers(case, threads, error, watched):
    def interrupt(event):
        if isinstance(event, Training) and event.epoch == 2:
            raise error

    text = random_text(60)
    config = config_of(case, epochs=3, threads=threads)
    memory = Memory(always=False)
    with pytest.raises(error):
        train_model(text, EMPTY, counts_of(text), config, interrupt, memory)
    assert worker_threads() == []
    (saved,) = memory.all_saved
    assert len(saved[2].reports) == 1
    again = train_model(text, EMPTY, counts_of(text), config, checkpointer=Memory(saved))
    assert [report.epoch for report in again.epochs] == [1, 2, 3]
    if threads in case.reproducible_threads:
        whole = train_model(text, EMPTY, counts_of(text), config)
        assert without_seconds(again) == without_seconds(whole)


@every_backend
def test_an_interrupt_between_epochs_saves_the_state(case, watched):
    def interrupt(event):
        if isinstance(event, EpochDone):
            raise KeyboardInterrupt

    text = random_text(20)
    memory = Memory(always=False)
    with pytest.raises(KeyboardInterrupt):
        train_model(text, EMPTY, counts_of(text), config_of(case), interrupt, memory)
    ((_, _, state),) = memory.all_saved
    assert (len(state.reports), state.step) == (1, 0)


@every_backend
@THREADS
def test_an_error_in_a_step_stops_the_workers(case, threads, monkeypatch):
    def make(setup, _pool):
        backend = Watched(make_backend(setup))
        backend.fail_at = 3
        return backend

    monkeypatch.setattr(trainer, "make_backend", make)
    text = random_text(60)
    memory = Memory(always=False)
    with pytest.raises(RuntimeError, match="broken"):
        train_model(
            text, EMPTY, counts_of(text), config_of(case, threads=threads), checkpointer=memory
        )
    assert worker_threads() == []
    assert memory.all_saved == []


@pytest.mark.slow
@pytest.mark.skipif(not JIT, reason="training takes minutes without the compiler")
@every_backend
@THREADS
@pytest.mark.parametrize(
    "changes", [{}, {"negative_sharing": 1, "shared_negatives": 5}, {"shrink_windows": True}]
)
def test_words_of_a_topic_become_neighbors(case, threads, changes, monkeypatch):
    monkeypatch.undo()  # steps of the usual length
    install(monkeypatch, FakeRay())
    text = topics(20_000)
    config = config_of(case, threads=threads, window=4, epochs=3, **changes)
    result = train_model(text, EMPTY, counts_of(text, 10), config)
    # What all words have in common says nothing about topics.
    rows = result.matrix[:8] - result.matrix[:8].mean(axis=0)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert min(cosines[:4, :4].min(), cosines[4:, 4:].min()) > 0.5
    assert cosines[:4, 4:].max() < -0.5
    assert result.epochs[-1].loss < 0.7 * untrained_loss(config.negatives)
