"""The merge of replicas against its slow reference, and its limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_rounds as reference
from training.backends.test_replicas import IDS, VOCABULARY, replicas_of, spans_of, train
from training.helpers import as_float64, constant_rates, make_sampling, random_matrices, texts
from w2v.training.backends import merging
from w2v.training.backends.merging import DecayRates, decay_rates, merge_changes, order_changes
from w2v.training.step_sizes import BOOST


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


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_a_merge_in_parts_equals_a_whole_one(parts, monkeypatch):
    monkeypatch.setattr(merging, "_WORDS_PER_PART", 2)  # where it is not compiled
    sampling = make_sampling(VOCABULARY)
    results = []
    for count in (1, parts):
        matrices, _, _ = random_matrices(VOCABULARY, 9)
        changes, made, work = replicas_of(3, VOCABULARY, len(IDS), matrices, sampling)
        train(matrices, made, work, spans_of(IDS, 3, 5), sampling, constant_rates(0.1))
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
