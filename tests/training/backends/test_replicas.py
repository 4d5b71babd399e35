"""The replicas of shards: local ids, copies, and what training on them leaves alone."""

from __future__ import annotations

import itertools

import pytest

from training.helpers import (
    END_OF_LINE,
    as_float64,
    encoded,
    make_keys,
    make_sampling,
    random_matrices,
)
from w2v.training.backends.replicas import make_replicas, max_replica_rows, train_shard
from w2v.training.sgns.kernel import LearningRates, TextSpan

VOCABULARY = 12
RATES = LearningRates(0.1, 0.1)


def spans_of(ids, count, seed):
    """A text cut into spans, each with keys."""
    bounds = [len(ids) * s // count for s in range(count + 1)]
    return [
        (TextSpan(ids, *ends, END_OF_LINE), make_keys(seed + s))
        for s, ends in enumerate(itertools.pairwise(bounds))
    ]


def train(matrices, shards, spans, sampling, rates):
    """Train each shard on its span; return their stats."""
    return [
        train_shard(span, matrices, shard, sampling, keys, rates)
        for shard, (span, keys) in zip(shards, spans, strict=True)
    ]


IDS = encoded([[0, 1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 0, 3, 3], [1, 1, 5, 2, 9, 4], [6, 0]] * 3)


@pytest.mark.parametrize("frozen", [0, 5])
def test_a_shard_depends_on_the_matrices_and_its_span_alone(frozen):
    sampling = make_sampling(VOCABULARY)
    matrices, vectors, contexts = random_matrices(VOCABULARY, 9, frozen=frozen)
    _, (used,) = make_replicas(1, VOCABULARY, len(IDS), matrices, sampling)
    _, (fresh,) = make_replicas(1, VOCABULARY, len(IDS), matrices, sampling)
    spans = spans_of(IDS, 3, 5)
    for span, keys in spans:
        train_shard(span, matrices, used, sampling, keys, RATES)
    train_shard(span, matrices, fresh, sampling, keys, RATES)
    got_vectors, got_contexts = as_float64(matrices, 9)
    assert (got_vectors == vectors).all()
    assert (got_contexts == contexts).all()
    vector_rows, context_rows = int(fresh.vector_rows[0]), int(fresh.context_rows[0])
    assert 0 < vector_rows <= context_rows
    assert (used.vector_rows, used.context_rows) == (vector_rows, context_rows)
    assert (used.words[:context_rows] == fresh.words[:context_rows]).all()
    assert (used.work.local_ids == fresh.work.local_ids).all()
    for name, number in (("vectors", vector_rows), ("contexts", context_rows)):
        size = number * matrices.stride
        of_used, of_fresh = (getattr(shard.matrices, name)[:size] for shard in (used, fresh))
        assert of_used.tobytes() == of_fresh.tobytes()


def test_a_replica_has_room_for_any_span():
    sampling = make_sampling(10**6, shared_negatives=4, negative_sharing=8)
    assert max_replica_rows(50, 1000, sampling) == 50
    assert max_replica_rows(10**6, 1000, sampling) == 1000 + 4 + (125 + 1) * 4
    ids = encoded([list(range(40)), list(range(40, 80))])
    matrices, _, _ = random_matrices(400, 2)
    sampling = make_sampling(400, shared_negatives=1, negative_sharing=80)
    _, (shard,) = make_replicas(1, 400, 20, matrices, sampling)
    assert len(shard.words) == 20 + 4 + 2
    span = TextSpan(ids, 41, 61, END_OF_LINE)
    train_shard(span, matrices, shard, sampling, make_keys(1), RATES)
    assert 22 <= shard.context_rows[0] <= len(shard.words)
