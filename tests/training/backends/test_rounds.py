"""The backend of rounds against its slow reference, and the bits at any number of threads."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

import reference_rounds as reference
from training.helpers import (
    EMPTY,
    END_OF_LINE,
    counts_of,
    random_text,
    small,
    without_seconds,
)
from w2v.compute.random import NOISE, SUBSAMPLING, WINDOWS, make_key
from w2v.training import plan
from w2v.training.backends import shards as shards_module
from w2v.training.backends.merging import decay_rates
from w2v.training.backends.rounds import RoundsBackend
from w2v.training.model import rows_of
from w2v.training.plan import EpochPlan
from w2v.training.sampling import Keys
from w2v.training.sgns.kernel import LearningRates, SpanStats, TextSpan
from w2v.training.state import TrainingSetup
from w2v.training.trainer import train_model


@pytest.fixture
def short_spans(monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(plan, "MIN_ROUND_POSITIONS", 10)


def deterministic(**changes):
    return small(deterministic=True, **changes)


@pytest.mark.usefixtures("short_spans")
def test_a_span_that_is_too_long_is_rejected():
    text = random_text(40)
    config = deterministic()
    setup = TrainingSetup.of(counts_of(text), config)
    epoch = EpochPlan.of_training(text, config, 0)
    trainer = shards_module.ShardTrainer(setup, 1, 1)
    job = shards_module.SpanJob(epoch.span(0, setup.span_positions + 1), epoch.keys(0))
    with pytest.raises(ValueError, match=r"a span has [\d,]+ positions, at most"):
        trainer.train([job], epoch.rates(0.0, 1.0))


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
    first, *others = map(without_seconds, results)
    assert others == [first, first]


@pytest.mark.usefixtures("short_spans")
@pytest.mark.parametrize(("rounds", "expected"), [("auto", 11), (4, 2)])
def test_an_epoch_equals_the_reference_round_by_round(rounds, expected):
    text = random_text(40)
    size = len(text.ids)
    config = deterministic(epochs=2, seed=9, lr=0.05, lr_min=0.05, shards=3, rounds=rounds)
    counts = counts_of(text)
    got = train_model(text, EMPTY, counts, config).matrix

    setup = TrainingSetup.of(counts, config)
    vectors = rows_of(setup.matrices.vectors, setup.matrices, 30, 8).astype(np.float64)
    contexts = np.zeros_like(vectors)
    rounds_of_epoch = RoundsBackend(setup).step_count(EpochPlan.of_training(text, config, 0))
    assert rounds_of_epoch == expected
    assert (size > 3 * 50 * expected) == (rounds != "auto")
    bounds = [size * i // (3 * rounds_of_epoch) for i in range(3 * rounds_of_epoch + 1)]
    for epoch, step in itertools.product(range(2), range(rounds_of_epoch)):
        spans = []
        for number in (shard * rounds_of_epoch + step for shard in range(3)):
            keys = Keys(
                make_key(9, SUBSAMPLING, epoch),
                make_key(9, WINDOWS, epoch, number),
                make_key(9, NOISE, epoch, number),
            )
            span = TextSpan(text.ids, bounds[number], bounds[number + 1], END_OF_LINE)
            spans.append((span, keys))
        epoch_plan = EpochPlan.of_training(text, config, epoch)
        rates = epoch_plan.rates(step / rounds_of_epoch, (step + 1) / rounds_of_epoch)
        vectors, contexts, _ = reference.train_round(
            spans, vectors, contexts, setup.sampling, rates, 0, setup.matrices.step_scales[:30]
        )
    np.testing.assert_allclose(got, vectors, atol=1e-5)
    assert np.abs(got).max() > 0.05  # so that the bound means something


@pytest.mark.usefixtures("short_spans")
def test_the_learning_rate_of_a_merge_is_that_at_the_beginning_of_the_round(monkeypatch):
    seen = []
    monkeypatch.setattr(
        shards_module, "merge_changes", lambda _m, _c, _o, rates, *_: seen.append(rates)
    )
    text = random_text(40)
    config = deterministic(lr=0.1, lr_min=0.02)
    train_model(text, EMPTY, counts_of(text), config)
    of_text = [rates for rates in seen if rates.center]  # those of the validation are zero
    falling = 0.1 - 0.08 * np.arange(len(of_text)) / len(of_text)
    sampling = TrainingSetup.of(counts_of(text), config).sampling
    np.testing.assert_allclose(of_text, [decay_rates(sampling, lr) for lr in falling])


@pytest.mark.usefixtures("short_spans")
def test_shards_and_seed_make_a_difference():
    text = random_text(60)
    configs = [deterministic(), deterministic(shards=2), deterministic(seed=2), small()]
    results = {train_model(text, EMPTY, counts_of(text), c).matrix.tobytes() for c in configs}
    assert len(results) == len(configs)


def test_one_shard_gives_the_bits_of_one_thread():
    text = random_text(60)
    configs = small(sample=0.1), deterministic(shards=1, threads=2, sample=0.1)
    one_thread, one_shard = (train_model(text, EMPTY, counts_of(text), c) for c in configs)
    assert without_seconds(one_thread) == without_seconds(one_shard)


@pytest.mark.parametrize("shards", [1, 3, 64])
@pytest.mark.parametrize("lines", [1, 7, 90])
def test_every_position_is_trained_once_in_each_epoch(shards, lines, monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(plan, "MIN_ROUND_POSITIONS", 10)
    seen, measured = [], []  # measuring the loss has the learning rate 0

    def record(span, *arguments):
        (rates,) = (a for a in arguments if isinstance(a, LearningRates))
        (seen if rates.begin else measured).append((span.begin, span.end))
        return SpanStats(1, 1, 1.0, 1, 0.0)

    monkeypatch.setattr(shards_module, "train_shard", record)
    text = random_text(lines)
    train_model(text, EMPTY, counts_of(text), deterministic(shards=shards, epochs=1))
    positions = [position for begin, end in seen for position in range(begin, end)]
    assert sorted(positions) == list(range(len(text.ids)))
    assert all(end - begin <= 50 for begin, end in seen)
    assert measured == seen
