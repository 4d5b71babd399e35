"""What rounds cost: sums that can be checked by hand, and bytes against those of the arrays."""

from __future__ import annotations

import dataclasses
import itertools
import pickle

import pytest

from training.backends.test_worker import SHARDS, setup_of
from training.helpers import random_text
from w2v.events import ClusterTimes
from w2v.training.backends.merging import decay_rates
from w2v.training.backends.round_costs import (
    Merged,
    Trained,
    bytes_moved,
    costs_of_round,
    moving_note,
)
from w2v.training.backends.worker import ShardSpan, Worker, part_of, take_snapshot
from w2v.training.plan import EpochPlan

TRAINED = [Trained([], 2.0, [10, 20]), Trained([], 4.0, [30, 40])]
MERGED = [Merged(1.0, 100), Merged(2.0, 200)]


def test_the_times_of_a_round_add_up():
    costs = costs_of_round(10.0, TRAINED, MERGED, starting=False)
    # The slowest worker trains for 4 s, and the slowest merge takes 2 s; the rest is moving.
    assert costs == ClusterTimes(
        rounds=1, training=3.0, merging=1.5, waiting=1.5, moving=4.0, moved_bytes=650
    )
    assert sum(dataclasses.astuple(costs)[1:6]) == 10.0


def test_a_round_in_which_workers_start_counts_apart():
    costs = costs_of_round(10.0, TRAINED, MERGED, starting=True)
    assert costs == ClusterTimes(rounds=1, starting=10.0, moved_bytes=650)
    assert set(costs.shares.values()) == {0.0}


def test_changes_in_the_own_part_stay():
    # 20 and 30 go to the other worker; 100 and 200 to the other worker and to this process.
    assert bytes_moved([[10, 20], [30, 40]], [100, 200]) == 20 + 30 + 2 * (100 + 200)
    assert bytes_moved([[10]], [100]) == 100


def test_the_bytes_are_those_of_the_arrays():
    """What is pickled for other processes has the same size, but for names and shapes."""
    text = random_text(400)
    setup = setup_of(text)
    epoch = EpochPlan.of_training(text, setup.config, 0)
    worker = Worker(setup.config, setup.counts, 0, threads=1)
    worker.load(0, take_snapshot(setup))
    cuts = [epoch.size * shard // SHARDS for shard in range(SHARDS + 1)]
    spans = []
    for shard, (begin, end) in enumerate(itertools.pairwise(cuts)):
        part = part_of(text, begin, end, setup.sampling.keep_thresholds, 2)
        worker.add_parts({shard: part})
        spans.append(ShardSpan(shard, begin, begin + 60, epoch.keys(shard)))
    report, *pieces = worker.train(spans, epoch.rates(0.0, 1.0), [0, 5, setup.words])
    for piece, size in zip(pieces, report.sizes, strict=True):
        assert size <= len(pickle.dumps(piece)) < size + 3_000
    merged, rows = worker.merge(decay_rates(setup.sampling, 0.05), pieces[:1])
    assert merged.size <= len(pickle.dumps(rows)) < merged.size + 3_000
    assert merged.size == sum(array.nbytes for array in rows)


@pytest.mark.parametrize(
    ("change", "noted"),
    [
        ({}, True),
        ({"rounds": 7}, False),
        ({"moving": 2.1}, False),  # 24 %
        ({"moving": 2.2}, True),
        ({"training": 0.0, "moving": 0.0}, False),
    ],
)
def test_a_note_tells_that_moving_takes_long(change, noted):
    times = ClusterTimes(rounds=40, training=5.0, merging=1.0, waiting=0.5, moving=3.5)
    times = dataclasses.replace(times, moved_bytes=40 * 12_300_000, starting=9.0, **change)
    note = moving_note(times)
    assert (note is not None) is noted
    if not change:
        assert str(note) == (
            "note: moving rows between workers takes 35 % of the time of a round, 12.3 MB each; "
            "a faster network, fewer `workers`, fewer `rounds` or more text lower this share, and "
            "`deterministic=True` without `ray` avoids it"
        )
