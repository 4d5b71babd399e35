"""Workers in this process: rounds of a cluster against the rounds of one machine."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from training.helpers import counts_of, random_text, small
from w2v.training import plan
from w2v.training.backends.exchange import apply_rows
from w2v.training.backends.merging import decay_rates
from w2v.training.backends.rounds import RoundsBackend
from w2v.training.backends.shards import span_of
from w2v.training.backends.worker import (
    NoModelError,
    ShardSpan,
    Worker,
    cut_words,
    describe_machine,
    part_of,
    take_snapshot,
)
from w2v.training.plan import EpochPlan
from w2v.training.state import EpochStats, TrainingSetup

SHARDS = 3


@pytest.fixture
def short_rounds(monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(plan, "MIN_ROUND_POSITIONS", 10)


def setup_of(text):
    config = small(deterministic=True, shards=SHARDS, sample=0.1)
    return TrainingSetup.of(counts_of(text), config, frozen=2)


@pytest.mark.usefixtures("short_rounds")
@pytest.mark.parametrize("shares", [[[0, 1, 2]], [[0], [1, 2]], [[], [0, 1], [2]]], ids=str)
def test_workers_give_the_bits_of_one_machine(shares):
    text = random_text(40)
    expected, setup = setup_of(text), setup_of(text)
    epoch = EpochPlan.of_training(text, setup.config, 0)
    backend = RoundsBackend(expected)
    rounds = backend.step_count(epoch)
    workers = [Worker(setup.config, setup.counts, 2, threads=1 + i) for i in range(len(shares))]
    for worker, shards in zip(workers, shares, strict=True):
        worker.load(0, take_snapshot(setup))
        assert worker.missing_parts(shards) == shards
        for shard in shards:
            _, begin, _ = span_of(epoch, rounds, SHARDS, 0, shard)
            _, _, end = span_of(epoch, rounds, SHARDS, rounds - 1, shard)
            part = part_of(text, begin, end, setup.sampling.keep_thresholds, 2)
            worker.add_parts({shard: part})
        assert worker.missing_parts(shards) == []
    bounds = cut_words(setup, SHARDS, len(workers))
    assert (bounds[0], bounds[-1], bounds) == (0, setup.words, sorted(bounds))
    merged = []
    for step in range(rounds):
        rates = epoch.rates(step / rounds, (step + 1) / rounds)
        results = []
        for worker, shards in zip(workers, shares, strict=True):
            if step:
                worker.update(step, merged)
                worker.update(step, merged)  # again, as after a round that was lost
            spans = []
            for shard in shards:
                number, begin, end = span_of(epoch, rounds, SHARDS, step, shard)
                spans.append(ShardSpan(shard, begin, end, epoch.keys(number)))
            results.append(worker.train(spans, rates, bounds))
        decays = decay_rates(setup.sampling, rates.begin)
        pieces = zip(*(changes for _, *changes in results), strict=True)
        merged = [
            worker.merge(decays, of_part)[1]
            for worker, of_part in zip(workers, pieces, strict=True)
        ]
        for rows in merged:
            apply_rows(setup.matrices, rows)
        stats = sum((stats for report, *_ in results for stats in report.stats), EpochStats())
        assert stats == backend.run_step(epoch, step, 0)
    for ours, theirs in itertools.islice(zip(setup.matrices, expected.matrices, strict=True), 2):
        assert np.array_equal(ours, theirs)


def test_a_worker_refuses_rows_of_another_round():
    setup = setup_of(random_text(9))
    worker = Worker(setup.config, setup.counts, 0, threads=1)
    with pytest.raises(NoModelError, match="the worker has version None of the model, not 0"):
        worker.update(1, [])
    worker.load(5, take_snapshot(setup))
    worker.update(5, [])
    with pytest.raises(NoModelError, match="the worker has version 5 of the model, not 7"):
        worker.update(8, [])


def test_a_machine_describes_what_its_bits_depend_on():
    described = describe_machine()
    assert described == describe_machine()
    assert set(described) == {"w2v", "numba", "vectors of the processor", "result of a test"}
