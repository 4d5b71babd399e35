"""The merge of replicas against its slow reference, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference_rounds as reference
from support import compiled_only
from training.backends.test_replicas import IDS, VOCABULARY, replicas_of, spans_of, train
from training.helpers import (
    EMPTY,
    as_float64,
    constant_rates,
    counts_of,
    make_sampling,
    random_matrices,
    rows,
    small,
    text_of,
    texts,
)
from w2v.training.backends import merging
from w2v.training.backends.merging import (
    MOST_SHARDS_BY_DECAY,
    DecayRates,
    decay_rates,
    merge_changes,
    order_changes,
)
from w2v.training.report import untrained_loss
from w2v.training.step_sizes import BOOST
from w2v.training.trainer import train_model

MANY = MOST_SHARDS_BY_DECAY + 1  # shards whose changes are weighted by their agreement


def merge(matrices, changes, rates, parts=1):
    order = order_changes(changes, VOCABULARY)
    for part in range(parts):
        merge_changes(matrices, changes, order, rates, part, parts)


@given(
    ids=texts(VOCABULARY, max_size=80),
    shards=st.integers(1, 4),
    dim=st.sampled_from([1, 3, 16, 17]),
    window=st.integers(1, 4),
    shared=st.integers(1, 6),
    sharing=st.integers(1, 9),
    sample=st.sampled_from([0.0, 0.05]),
    frozen=st.sampled_from([0, 0, 5, VOCABULARY]),
    seed=st.integers(0, 2**40),
)
@example(
    ids=IDS, shards=MANY - 1, dim=3, window=2, shared=4, sharing=8, sample=0.0, frozen=0, seed=1
)
@example(ids=IDS, shards=MANY, dim=3, window=2, shared=4, sharing=8, sample=0.0, frozen=5, seed=1)
def test_a_round_equals_the_reference(
    ids, shards, dim, window, shared, sharing, sample, frozen, seed
):
    sampling = make_sampling(
        VOCABULARY,
        sample=sample,
        window=window,
        shared_negatives=shared,
        negative_sharing=sharing,
    )
    matrices, vectors, contexts = random_matrices(VOCABULARY, dim, seed % 1000, 0.5, frozen)
    spans = spans_of(ids, shards, seed)
    rates = constant_rates(min(0.1, 0.3 * shared / (10 * window)) / BOOST)
    expected_vectors, expected_contexts, expected = reference.train_round(
        spans, vectors, contexts, sampling, rates, frozen, matrices.step_scales[:VOCABULARY]
    )
    changes, made, work = replicas_of(shards, VOCABULARY, len(ids), matrices, sampling)
    stats = train(matrices, made, work, spans, sampling, rates)
    merge(matrices, changes, decay_rates(sampling, rates.begin))
    got_vectors, got_contexts = as_float64(matrices, dim)
    assert [(s.centers, s.pairs) for s in stats] == [(e.centers, len(e.pairs)) for e in expected]
    np.testing.assert_allclose(got_vectors, expected_vectors, rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(got_contexts, expected_contexts, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("shards", [3, 70])
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_a_merge_in_parts_equals_a_whole_one(parts, shards, monkeypatch):
    monkeypatch.setattr(merging, "_WORDS_PER_PART", 2)  # where it is not compiled
    sampling = make_sampling(VOCABULARY)
    results = []
    for count in (1, parts):
        matrices, _, _ = random_matrices(VOCABULARY, 9)
        changes, made, work = replicas_of(shards, VOCABULARY, len(IDS), matrices, sampling)
        train(matrices, made, work, spans_of(IDS, shards, 5), sampling, constant_rates(0.1))
        merge(matrices, changes, decay_rates(sampling, 0.1), count)
        results.append(matrices.vectors.tobytes() + matrices.contexts.tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("decay", "factor"),
    [(1e-9, 1.0), (0.1, (1 - np.exp(-0.2)) / (2 - 2 * np.exp(-0.1))), (50.0, 0.5)],
)
def test_small_changes_are_added_and_large_ones_are_averaged(decay, factor):
    """Two shards changed row 0 by 1 and by 3."""
    sampling = make_sampling(VOCABULARY)
    matrices, _, _ = random_matrices(VOCABULARY, 1, scale=0.0)
    matrices.step_scales[0] = 1.0
    changes, replicas, _ = replicas_of(2, VOCABULARY, len(IDS), matrices, sampling)
    for replica, change in zip(replicas, (1.0, 3.0), strict=True):
        replica.vector_rows[0] = replica.context_rows[0] = 1
        replica.words[0] = 0
        replica.uses[0] = 1.0
        replica.matrices.vectors[0] = change
        replica.matrices.contexts[0] = 0.0
    merge(matrices, changes, DecayRates(decay, 1.0, 1.0))
    assert matrices.vectors[0] == pytest.approx(4 * factor)
    assert matrices.contexts[0] == 0.0


def test_decay_rates_grow_with_the_pairs_of_a_use():
    rates = decay_rates(make_sampling(VOCABULARY), 0.1)
    wider = decay_rates(make_sampling(VOCABULARY, window=4), 0.1)
    assert np.allclose(np.array(wider) / np.array(rates), [2, 2, 2])
    shared = decay_rates(make_sampling(VOCABULARY, negative_sharing=32), 0.1)
    assert np.allclose(np.array(shared) / np.array(rates), [1, 1, 4])


# Many shards

DIM = 20


def merge_many(changes, dim=DIM, scale=1.0):
    """Merge (n, dim) changes of row 0 of both matrices, of as many shards, the first of MANY.

    Returns the row before and after, of the word vectors and of the context vectors.
    """
    sampling = make_sampling(VOCABULARY)
    matrices, vectors, contexts = random_matrices(VOCABULARY, dim, scale=scale)
    gathered, replicas, _ = replicas_of(MANY, VOCABULARY, 9, matrices, sampling)
    for replica, change in zip(replicas, changes, strict=False):
        replica.vector_rows[0] = replica.context_rows[0] = 1
        replica.words[0] = 0
        for name, before in (("vectors", vectors), ("contexts", contexts)):
            copy = rows(getattr(replica.matrices, name), matrices.stride)
            copy[0] = 0.0
            copy[0, :dim] = before[0] + change
    merge(matrices, gathered, decay_rates(sampling, 0.1))
    got = as_float64(matrices, dim)
    for after, before in zip(got, (vectors, contexts), strict=True):
        assert (after[1:] == before[1:]).all()
    return [(before[0], after[0]) for after, before in zip(got, (vectors, contexts), strict=True)]


@given(
    dim=st.sampled_from([1, 3, 16, 17, 128]),
    count=st.integers(2, MANY),
    common=st.sampled_from([0.0, 0.1, 1.0, 10.0]),
    size=st.sampled_from([1e-3, 1.0, 1e3]),
    seed=st.integers(0, 2**32),
)
def test_the_changes_of_many_shards_are_weighted_as_in_the_reference(
    dim, count, common, size, seed
):
    random = np.random.default_rng(seed)
    changes = size * (random.normal(size=(count, dim)) + common * random.normal(size=dim))
    changes[random.random(count) < 0.2] = 0.0
    for before, after in merge_many(changes, dim):
        copies = [(before + change).astype(np.float32)[None] for change in changes]
        copies += [before.astype(np.float32)[None]] * (MANY - count)
        expected = reference.merge(before[None], [c.astype(np.float64) for c in copies], None)
        scale = max(1.0, np.abs(changes).max()) * np.sqrt(count)
        np.testing.assert_allclose(after, expected[0], rtol=1e-4, atol=3e-5 * scale)


def test_equal_changes_of_many_shards_are_averaged():
    change = np.linspace(-1, 1, DIM)
    for before, after in merge_many([change] * MANY):
        np.testing.assert_allclose(after - before, change, atol=1e-5)


def test_orthogonal_changes_of_many_shards_are_added():
    for before, after in merge_many(np.eye(DIM)):
        np.testing.assert_allclose(after - before, np.ones(DIM), atol=1e-5)


def test_opposite_changes_of_many_shards_cancel_out():
    change = np.linspace(1, 2, DIM)
    for before, after in merge_many([change, -change, change, -change], scale=0.0):
        assert (after == before).all()


def test_the_only_changed_copy_of_many_is_taken_bit_by_bit():
    change = np.linspace(1e-8, 1, DIM)
    changes = [np.zeros(DIM), change, np.zeros(DIM)]
    for before, after in merge_many(changes):
        assert (after == (before + change).astype(np.float32)).all()


@compiled_only
def test_256_shards_do_not_diverge():
    """Merged by decay, they do: with few rounds, a row has many changes in each."""
    random = np.random.default_rng(3)
    groups = random.integers(0, 10, 4000)
    text = text_of([(20 * g + random.permutation(20)[:8]).tolist() for g in groups])
    config = small(deterministic=True, shards=256, rounds=24, epochs=6)
    result = train_model(text, EMPTY, counts_of(text, 200), config)
    losses = [report.loss for report in result.epochs]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] < untrained_loss(config.negatives)
    assert losses[-1] < 0.6 * untrained_loss(config.negatives)
