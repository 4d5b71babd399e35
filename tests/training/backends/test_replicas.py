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
from w2v.training.backends.replicas import (
    make_replica_workspace,
    make_replicas,
    max_replica_rows,
    train_shard,
)
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


def replicas_of(shards, words, positions, matrices, sampling):
    """Replicas for spans of some positions: their changes, each replica, and a workspace."""
    rows = max_replica_rows(words, positions, sampling)
    work = make_replica_workspace(words, rows, positions, matrices, sampling)
    return *make_replicas(shards, rows, matrices), work


def train(matrices, replicas, work, spans, sampling, rates):
    """Train each replica on its span; return their stats."""
    return [
        train_shard(span, matrices, replica, work, sampling, keys, rates)
        for replica, (span, keys) in zip(replicas, spans, strict=True)
    ]


IDS = encoded([[0, 1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 0, 3, 3], [1, 1, 5, 2, 9, 4], [6, 0]] * 3)


@pytest.mark.parametrize("frozen", [0, 5])
def test_a_shard_depends_on_the_matrices_and_its_span_alone(frozen):
    sampling = make_sampling(VOCABULARY)
    matrices, vectors, contexts = random_matrices(VOCABULARY, 9, frozen=frozen)
    _, (used,), work = replicas_of(1, VOCABULARY, len(IDS), matrices, sampling)
    _, (fresh,), unused = replicas_of(1, VOCABULARY, len(IDS), matrices, sampling)
    spans = spans_of(IDS, 3, 5)
    for span, keys in spans:
        train_shard(span, matrices, used, work, sampling, keys, RATES)
    train_shard(span, matrices, fresh, unused, sampling, keys, RATES)
    got_vectors, got_contexts = as_float64(matrices, 9)
    assert (got_vectors == vectors).all()
    assert (got_contexts == contexts).all()
    vector_rows, context_rows = int(fresh.vector_rows[0]), int(fresh.context_rows[0])
    assert 0 < vector_rows <= context_rows
    assert (used.vector_rows, used.context_rows) == (vector_rows, context_rows)
    assert (used.words[:context_rows] == fresh.words[:context_rows]).all()
    assert (work.local_ids == -1).all()
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
    _, (replica,), work = replicas_of(1, 400, 20, matrices, sampling)
    assert len(replica.words) == 20 + 4 + 2
    span = TextSpan(ids, 41, 61, END_OF_LINE)
    train_shard(span, matrices, replica, work, sampling, make_keys(1), RATES)
    assert 22 <= replica.context_rows[0] <= len(replica.words)


@pytest.mark.parametrize("begin", range(0, len(IDS), 3))
def test_a_part_of_the_text_is_trained_as_in_the_whole(begin):
    """With its line, a span is all that training reads."""
    sampling = make_sampling(VOCABULARY, sample=0.3)
    matrices, _, _ = random_matrices(VOCABULARY, 9)
    end = min(begin + 7, len(IDS))
    left, right = begin, end
    while left > 0 and IDS[left - 1] != END_OF_LINE:
        left -= 1
    while right < len(IDS) and IDS[right - 1] != END_OF_LINE:
        right += 1
    results = []
    for span in (
        TextSpan(IDS, begin, end, END_OF_LINE),
        TextSpan(IDS[left:right].copy(), begin, end, END_OF_LINE, left),
    ):
        _, (replica,), work = replicas_of(1, VOCABULARY, len(IDS), matrices, sampling)
        stats = train_shard(span, matrices, replica, work, sampling, make_keys(3), RATES)
        results.append((stats, replica.words.tobytes(), replica.matrices.vectors.tobytes()))
    assert results[0] == results[1]
