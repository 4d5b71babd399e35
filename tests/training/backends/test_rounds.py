"""Rounds against their slow reference, and what they promise: the same bits at any thread count."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_rounds as reference
from training.sgns.test_kernel import (
    END_OF_LINE,
    encoded,
    make_keys,
    make_model,
    make_sampling,
    matrices,
    texts,
)
from training.test_trainer import EMPTY, counts_of, random_text, small, text_of
from w2v.compute.random import NOISE, SUBSAMPLING, WINDOWS, make_key
from w2v.training import trainer
from w2v.training.backends import rounds
from w2v.training.backends.rounds import (
    decay_rates,
    make_shards,
    merge_copies,
    most_rows,
    train_shard,
)
from w2v.training.sgns.kernel import Keys
from w2v.training.trainer import rows_of, train_model

VOCABULARY = 12


def spans_of(ids, shards, seed):
    """As many spans of a text, side by side, with keys."""
    bounds = [len(ids) * s // shards for s in range(shards + 1)]
    return [(*ends, make_keys(seed + s)) for s, ends in enumerate(itertools.pairwise(bounds))]


def shards_for(model, sampling, shards, ids):
    return make_shards(shards, VOCABULARY, len(ids), model, sampling)


def train(model, shards, ids, spans, sampling, lr):
    """Train each shard on its span; returns what they tell."""
    return [
        train_shard(ids, begin, end, END_OF_LINE, model, shard, sampling, keys, lr, lr)
        for shard, (begin, end, keys) in zip(shards, spans, strict=True)
    ]


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
    model, vectors, contexts = make_model(VOCABULARY, dim, seed % 1000, 0.5, frozen)
    spans = spans_of(ids, shards, seed)
    lr = min(0.1, 0.3 * shared / (10 * window))
    expected_vectors, expected_contexts, expected = reference.train_round(
        ids, spans, END_OF_LINE, vectors, contexts, sampling, lr, frozen
    )
    copies, made = shards_for(model, sampling, shards, ids)
    told = train(model, made, ids, spans, sampling, lr)
    merge_copies(model, copies, decay_rates(sampling, lr), 0, 1)
    got_vectors, got_contexts = matrices(model, dim)
    assert [(t[0], t[1]) for t in told] == [(e.centers, len(e.pairs)) for e in expected]
    np.testing.assert_allclose(got_vectors, expected_vectors, rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(got_contexts, expected_contexts, rtol=1e-3, atol=2e-5)


IDS = encoded([[0, 1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 0, 3, 3], [1, 1, 5, 2, 9, 4], [6, 0]] * 3)


def test_a_shard_leaves_the_model_alone_and_does_not_depend_on_what_it_held():
    sampling = make_sampling(VOCABULARY)
    model, vectors, contexts = make_model(VOCABULARY, 9)
    _, (shard,) = shards_for(model, sampling, 1, IDS)
    _, (other,) = shards_for(model, sampling, 1, IDS)
    spans = spans_of(IDS, 3, 5)
    for begin, end, keys in spans:
        train_shard(IDS, begin, end, END_OF_LINE, model, shard, sampling, keys, 0.1, 0.1)
    begin, end, keys = spans[-1]
    train_shard(IDS, begin, end, END_OF_LINE, model, other, sampling, keys, 0.1, 0.1)
    got_vectors, got_contexts = matrices(model, 9)
    assert (got_vectors == vectors).all()
    assert (got_contexts == contexts).all()
    assert (shard.told == other.told).all()
    kept, count = shard.told[rounds.KEPT], shard.told[rounds.ROWS]
    assert (shard.words[:count] == other.words[:count]).all()
    assert (shard.work.numbers == other.work.numbers).all()
    for name, number in (("vectors", kept), ("contexts", count)):
        size = int(number) * model.stride
        held, fresh = getattr(shard.model, name)[:size], getattr(other.model, name)[:size]
        assert held.tobytes() == fresh.tobytes()


@pytest.mark.parametrize("parts", [1, 2, 7])
def test_the_parts_of_a_merge_are_the_whole(parts, monkeypatch):
    monkeypatch.setattr(rounds, "_MERGED_AT_ONCE", 2)  # where it is not compiled
    sampling = make_sampling(VOCABULARY)
    results = []
    for count in (1, parts):
        model, _, _ = make_model(VOCABULARY, 9)
        copies, shards = shards_for(model, sampling, 3, IDS)
        train(model, shards, IDS, spans_of(IDS, 3, 5), sampling, 0.1)
        for part in range(count):
            merge_copies(model, copies, decay_rates(sampling, 0.1), part, count)
        results.append(model.vectors.tobytes() + model.contexts.tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("pull", "share"),
    [(1e-9, 1.0), (0.1, (1 - np.exp(-0.2)) / (2 - 2 * np.exp(-0.1))), (50.0, 0.5)],
)
def test_few_steps_are_added_and_many_are_averaged(pull, share):
    """Two shards changed row 0 by 1 and by 3."""
    sampling = make_sampling(VOCABULARY)
    model, _, _ = make_model(VOCABULARY, 1, scale=0.0)
    copies, shards = shards_for(model, sampling, 2, IDS)
    for shard, change in zip(shards, (1.0, 3.0), strict=True):
        shard.told[:] = 1
        shard.work.numbers[0] = 0
        shard.uses[0] = 1.0
        shard.model.vectors[0] = change
        shard.model.contexts[0] = 0.0
    model = model._replace(frozen=0)
    merge_copies(model, copies, rounds.DecayRates(pull, 1.0, 1.0), 0, 1)
    assert model.vectors[0] == pytest.approx(4 * share)
    assert model.contexts[0] == 0.0


def test_a_pull_grows_with_the_pairs_of_a_use():
    pulls = decay_rates(make_sampling(VOCABULARY), 0.1)
    wider = decay_rates(make_sampling(VOCABULARY, window=4), 0.1)
    assert np.allclose(np.array(wider) / np.array(pulls), 2)
    shared = decay_rates(make_sampling(VOCABULARY, negative_sharing=32), 0.1)
    assert np.allclose(np.array(shared) / np.array(pulls), [1, 1, 4])


def test_a_shard_has_room_for_any_span():
    sampling = make_sampling(10**6, shared_negatives=4, negative_sharing=8)
    assert most_rows(50, 1000, sampling) == 50
    assert most_rows(10**6, 1000, sampling) == 1000 + 4 + (125 + 1) * 4
    ids = encoded([list(range(40)), list(range(40, 80))])
    model, _, _ = make_model(400, 2)
    sampling = make_sampling(400, shared_negatives=1, negative_sharing=80)
    _, (shard,) = make_shards(1, 400, 20, model, sampling)
    assert len(shard.words) == 20 + 4 + 2
    train_shard(ids, 41, 61, END_OF_LINE, model, shard, sampling, make_keys(1), 0.1, 0.1)
    assert 22 <= shard.told[rounds.ROWS] <= len(shard.words)


# In a whole training.


@pytest.fixture
def short_spans(monkeypatch):
    monkeypatch.setattr(trainer, "_MOST_SPAN_WORDS", 50)
    monkeypatch.setattr(trainer, "_LEAST_ROUND_WORDS", 10)


def deterministic(**changes):
    return small(deterministic=True, **changes)


@pytest.mark.usefixtures("short_spans")
@pytest.mark.parametrize("shards", [None, 2, 5])
def test_the_bits_are_the_same_at_any_number_of_threads(shards):
    text, held_out = random_text(60), random_text(9, seed=1)
    results = [
        train_model(
            text,
            held_out,
            counts_of(text),
            deterministic(sample=0.1, shards=shards, threads=threads),
        )
        for threads in (1, 2, 5)
    ]
    assert len({result.matrix.tobytes() for result in results}) == 1
    losses = {tuple((e.loss, e.validation_loss) for e in result.epochs) for result in results}
    assert len(losses) == 1


@pytest.mark.usefixtures("short_spans")
def test_an_epoch_equals_the_reference_round_by_round():
    text = random_text(40)
    size = len(text.ids)
    config = deterministic(epochs=2, seed=9, lr=0.2, lr_min=0.2, shards=3)
    counts = counts_of(text)
    got = train_model(text, EMPTY, counts, config).matrix

    the_trainer = trainer._Trainer(counts, config)
    vectors = rows_of(the_trainer.model.vectors, the_trainer.model, 30, 8).astype(np.float64)
    contexts = np.zeros_like(vectors)
    rounds_of_epoch = the_trainer.steps.count(trainer._EpochPlan(text, None, None))
    assert rounds_of_epoch > 3
    bounds = [size * i // (3 * rounds_of_epoch) for i in range(3 * rounds_of_epoch + 1)]
    for epoch, step in itertools.product(range(2), range(rounds_of_epoch)):
        spans = []
        for number in (shard * rounds_of_epoch + step for shard in range(3)):
            keys = Keys(
                make_key(9, SUBSAMPLING, epoch),
                make_key(9, WINDOWS, epoch, number),
                make_key(9, NOISE, epoch, number),
            )
            spans.append((bounds[number], bounds[number + 1], keys))
        vectors, contexts, _ = reference.train_round(
            text.ids, spans, END_OF_LINE, vectors, contexts, the_trainer.sampling, 0.2
        )
    np.testing.assert_allclose(got, vectors, atol=1e-5)
    assert np.abs(got).max() > 0.05  # so that the tolerance means something


@pytest.mark.usefixtures("short_spans")
def test_changes_are_merged_by_the_learning_rate_at_the_beginning_of_the_round(monkeypatch):
    seen = []
    monkeypatch.setattr(trainer, "merge_copies", lambda _m, _c, pulls, *_: seen.append(pulls))
    text = random_text(40)
    config = deterministic(lr=0.1, lr_min=0.02)
    train_model(text, EMPTY, counts_of(text), config)
    of_text = [pulls for pulls in seen if pulls.center]  # those of the validation are zero
    falling = 0.1 - 0.08 * np.arange(len(of_text)) / len(of_text)
    sampling = trainer._Trainer(counts_of(text), config).sampling
    np.testing.assert_allclose(of_text, [decay_rates(sampling, lr) for lr in falling])


@pytest.mark.usefixtures("short_spans")
def test_shards_and_seed_make_a_difference():
    text = random_text(60)
    configs = [deterministic(), deterministic(shards=2), deterministic(seed=2), small()]
    results = {train_model(text, EMPTY, counts_of(text), c).matrix.tobytes() for c in configs}
    assert len(results) == len(configs)


def test_one_shard_gives_what_one_thread_does():
    text = random_text(60)
    one_thread = train_model(text, EMPTY, counts_of(text), small(sample=0.1))
    one_shard = train_model(
        text, EMPTY, counts_of(text), deterministic(shards=1, threads=2, sample=0.1)
    )
    assert one_thread.matrix.tobytes() == one_shard.matrix.tobytes()
    assert [e.loss for e in one_thread.epochs] == [e.loss for e in one_shard.epochs]


@pytest.mark.parametrize("shards", [1, 3, 64])
@pytest.mark.parametrize("lines", [1, 7, 90])
def test_every_place_is_trained_once_in_each_epoch(shards, lines, monkeypatch):
    monkeypatch.setattr(trainer, "_MOST_SPAN_WORDS", 50)
    monkeypatch.setattr(trainer, "_LEAST_ROUND_WORDS", 10)
    seen = []

    def record(ids, begin, end, *_):
        seen.append((begin, end))
        return 1, 1, 1.0, 1, 0.0

    monkeypatch.setattr(trainer, "train_shard", record)
    text = random_text(lines)
    train_model(text, EMPTY, counts_of(text), deterministic(shards=shards, epochs=1))
    places = [place for begin, end in seen for place in range(begin, end)]
    assert sorted(places) == list(range(len(text.ids)))
    assert all(end - begin <= 50 for begin, end in seen)


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        (1, 1),
        (4 * (1 << 10), 1),
        (4 * (1 << 10) * 3, 3),
        (4 * (1 << 16), 16),
        (4 * (1 << 16) * 20 + 1, 21),
    ],
)
def test_an_epoch_has_rounds_enough(places, expected):
    steps = trainer._Trainer(np.ones(3, np.int64), deterministic()).steps
    text = trainer.EncodedText(np.zeros(places, np.uint16), places, 1)
    assert steps.count(trainer._EpochPlan(text, None, None)) == expected


@pytest.mark.parametrize(("window", "most"), [(1, 1 << 16), (2, 1 << 16), (8, 1 << 14)])
def test_spans_are_shorter_where_windows_are_wider(window, most):
    steps = trainer._Trainer(np.ones(3, np.int64), deterministic(window=window)).steps
    size = 4 * most * 20
    text = trainer.EncodedText(np.zeros(size, np.uint16), size, 1)
    assert steps.count(trainer._EpochPlan(text, None, None)) == 20


def test_words_that_stand_together_get_near_in_rounds_too():
    random = np.random.default_rng(3)
    lines = [random.permutation(np.arange(5) + 5 * (i % 2)).tolist() for i in range(400)]
    text = text_of(lines)
    config = deterministic(epochs=4, lr=0.1, shards=4)
    matrix = train_model(text, EMPTY, counts_of(text, 10), config).matrix
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    cosines = unit @ unit.T
    inside = np.add.outer(np.arange(10) // 5, -(np.arange(10) // 5)) == 0
    assert cosines[inside].mean() > cosines[~inside].mean() + 0.5
