"""Merging in parts of the vocabulary against the merge of all words."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.backends.test_replicas import VOCABULARY, replicas_of, spans_of, train
from training.helpers import constant_rates, make_keys, make_sampling, random_matrices, texts
from w2v.corpus.encoded import EncodedText
from w2v.training.backends.exchange import apply_rows, extract, join, merge_part
from w2v.training.backends.merging import decay_rates
from w2v.training.backends.replicas import train_shard
from w2v.training.backends.shards import merge_on_threads
from w2v.training.backends.worker import part_of
from w2v.training.sgns.kernel import TextSpan

WORDS = st.integers(0, VOCABULARY)


@given(
    ids=texts(VOCABULARY, max_size=80),
    machines=st.lists(st.integers(0, 3) | st.just(40), min_size=1, max_size=3).filter(any),
    cuts=st.lists(WORDS, max_size=3),
    dim=st.sampled_from([1, 16, 17]),
    frozen=st.sampled_from([0, 0, 5, VOCABULARY]),
    seed=st.integers(0, 2**40),
)
def test_merging_in_parts_gives_the_bits_of_the_whole(ids, machines, cuts, dim, frozen, seed):
    """Each machine trains some of the shards, and each part of the words is merged by itself."""
    sampling = make_sampling(VOCABULARY, sample=0.1)
    matrices, _, _ = random_matrices(VOCABULARY, dim, seed % 1000, 0.5, frozen)
    rates = constant_rates(0.05)
    decays = decay_rates(sampling, rates.begin)
    spans = spans_of(ids, sum(machines), seed)
    bounds = [0, *sorted(cuts), VOCABULARY]
    pieces = []  # of each machine, for each part
    first = 0
    for shards in machines:
        changes, made, work = replicas_of(shards, VOCABULARY, len(ids), matrices, sampling)
        train(matrices, made, work, spans[first : first + shards], sampling, rates)
        pieces.append(
            [extract(changes, *part, matrices.width) for part in itertools.pairwise(bounds)]
        )
        first += shards
    merged = [
        merge_part(matrices, join(of_part), decays, threads)
        for of_part, threads in zip(zip(*pieces, strict=True), itertools.cycle([1, 2]))
    ]
    before = matrices.vectors.tobytes(), matrices.contexts.tobytes()
    changes, made, work = replicas_of(len(spans), VOCABULARY, len(ids), matrices, sampling)
    train(matrices, made, work, spans, sampling, rates)
    assert (matrices.vectors.tobytes(), matrices.contexts.tobytes()) == before
    applied = matrices._replace(vectors=matrices.vectors.copy(), contexts=matrices.contexts.copy())
    for rows in merged:
        apply_rows(applied, rows)
    merge_on_threads(matrices, VOCABULARY, changes, decays, 1)
    assert applied.vectors.tobytes() == matrices.vectors.tobytes()
    assert applied.contexts.tobytes() == matrices.contexts.tobytes()


@pytest.mark.parametrize("window", [1, 2, 300])
@pytest.mark.parametrize("sample", [0.0, 1e-3])
def test_a_part_of_a_text_without_line_ends_has_all_that_windows_reach(window, sample):
    ids = np.append(np.arange(9_000) * 7919 % VOCABULARY, 0xFFFF).astype(np.uint16)
    text = EncodedText(ids, 9_000, 1)
    sampling = make_sampling(VOCABULARY, sample=sample, window=window)
    matrices, _, _ = random_matrices(VOCABULARY, 16, scale=0.1)
    results, sizes = [], []
    part = part_of(text, 4_000, 4_050, sampling.keep_thresholds, window)
    for span in (
        TextSpan(ids, 4_000, 4_050, 0xFFFF),
        TextSpan(part.ids.copy(), 4_000, 4_050, part.end_of_line, part.first),
    ):
        changes, (replica,), work = replicas_of(1, VOCABULARY, 50, matrices, sampling)
        rates = constant_rates(0.01)
        stats = train_shard(span, matrices, replica, work, sampling, make_keys(1), rates)
        results.append((stats, changes.vectors.tobytes(), changes.contexts.tobytes()))
        sizes.append(len(span.ids))
    assert results[0] == results[1]
    assert sizes[1] < sizes[0]


def size_of(arrays) -> int:
    return sum(array.nbytes for array in arrays if isinstance(array, np.ndarray))


def test_only_rows_with_changes_are_exchanged():
    sampling = make_sampling(VOCABULARY)
    matrices, _, _ = random_matrices(VOCABULARY, 16, frozen=2)
    ids = np.array([0, 3, 3, 5, 0xFFFF], np.uint16)
    changes, made, work = replicas_of(1, VOCABULARY, len(ids), matrices, sampling)
    train(matrices, made, work, spans_of(ids, 1, 1), sampling, constant_rates(0.1))
    piece = extract(changes, 0, VOCABULARY, matrices.width)
    rows = merge_part(matrices, join([piece]), decay_rates(sampling, 0.1), 1)
    assert rows.vector_words.tolist() == [0, 3, 5]
    assert set(rows.vector_words) < set(rows.context_words) <= set(range(VOCABULARY))
    assert rows.vectors.shape == (3, 16)
    assert size_of(rows) == 68 * (3 + len(rows.context_words))
    assert size_of(piece) == 4 * 16 * (3 + len(piece.words)) + 12 * len(piece.words) + 40


@pytest.mark.parametrize("begin", [0, VOCABULARY])
def test_a_part_without_words(begin):
    sampling = make_sampling(VOCABULARY)
    matrices, _, _ = random_matrices(VOCABULARY, 16)
    changes, _, _ = replicas_of(2, VOCABULARY, 9, matrices, sampling)
    rows = merge_part(
        matrices, join([extract(changes, begin, begin, 16)]), decay_rates(sampling, 0.1), 2
    )
    assert size_of(rows) == 0
    apply_rows(matrices, rows)
