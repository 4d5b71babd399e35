"""Spans, rounds and learning rates."""

from __future__ import annotations

import numpy as np
import pytest

from support import compiled_only
from training.helpers import EMPTY, counts_of, random_text, small, text_of
from w2v.compute.random import NOISE, SUBSAMPLING, VALIDATION, WINDOWS, make_key
from w2v.errors import ConfigError
from w2v.training import plan
from w2v.training.plan import (
    EpochPlan,
    Schedule,
    automatic_round_count,
    max_span_positions,
    round_count,
    span_capacity,
    with_rounds,
)
from w2v.training.trainer import train_model


def deterministic(**changes):
    return small(deterministic=True, **changes)


@pytest.mark.parametrize(
    ("positions", "expected"),
    [
        (0, 0),
        (1, 1),
        (4 * (1 << 10), 1),
        (4 * (1 << 10) * 3, 3),
        (4 * (1 << 16), 64),
        (4 * (1 << 16) * 20 + 1, 160),
        (4 * (1 << 16) * 200 + 1, 160),  # the spans are longer
        (4 * (1 << 22) * 160 + 1, 161),  # up to 64 times 65,536 positions
    ],
)
def test_the_number_of_rounds(positions, expected):
    assert round_count(positions, deterministic()) == expected


@pytest.mark.parametrize(
    ("epochs", "expected"), [(1, 320), (2, 160), (3, 107), (60, 6), (64, 5), (100, 4), (400, 1)]
)
def test_a_training_has_at_least_320_rounds_in_all(epochs, expected):
    config = deterministic(epochs=epochs)
    assert round_count(4 * (1 << 10) * 320, config) == expected
    assert round_count(4 * (1 << 10) * 2, config) == (2 if epochs < 320 else 1)
    assert round_count(4 * (1 << 16) * 400, config) == max(expected, 7)
    assert round_count(4 * (1 << 22) * 400, config) == 400


@pytest.mark.parametrize(
    ("positions", "rounds", "epochs", "expected"),
    [
        (4000, 1, 5, 1),  # at least one in each epoch
        (4000, 5, 5, 1),
        (4000, 6, 5, 2),  # the next multiple of the epochs
        (4000, 5000, 5, 1000),  # a span has at least one word
        (4 * (1 << 16) * 7 + 1, 1, 5, 1),  # and as many as it takes
        (4 * (1 << 16) * 7 + 1, 400, 5, 80),
    ],
)
def test_chosen_rounds_are_divided_among_the_epochs(positions, rounds, epochs, expected):
    config = deterministic(epochs=epochs, rounds=rounds)
    assert round_count(positions, config) == expected
    assert with_rounds(config, positions).rounds == epochs * expected
    assert automatic_round_count(positions, config) == round_count(
        positions, deterministic(epochs=epochs)
    )


@pytest.mark.parametrize("positions", [0, 1, 3, 4000, 123_456, 1_000_000])
@pytest.mark.parametrize("epochs", [1, 7, 400])
@pytest.mark.parametrize("shards", [1, 4, 1024])
def test_the_default_rounds_stay_the_same_when_they_are_recorded(positions, epochs, shards):
    config = deterministic(epochs=epochs, shards=shards)
    recorded = with_rounds(config, positions)
    assert with_rounds(recorded, positions) == recorded
    if positions:
        assert round_count(positions, recorded) == round_count(positions, config)
    assert with_rounds(small(epochs=epochs), positions) == small(epochs=epochs)


@pytest.mark.parametrize("lines", [0, 30, 400])
@pytest.mark.parametrize("rounds", ["auto", 1, 7, 40, 1200])
@pytest.mark.parametrize("shards", [1, 3, 5])
def test_no_span_exceeds_the_capacity(lines, rounds, shards, monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(plan, "MIN_ROUND_POSITIONS", 10)
    words = 400
    config = deterministic(epochs=3, rounds=rounds, shards=shards)
    positions = words + lines
    number = round_count(positions, config)
    capacity = span_capacity(words, config)
    spans = number * shards
    ends = [i * positions // spans for i in range(spans + 1)]
    assert max(np.diff(ends)) <= capacity
    if rounds == 1:
        assert capacity > 50
    assert span_capacity(words, small()) == 50


def test_more_rounds_than_words_of_a_shard_are_rejected():
    most = 5 * 1000
    with_rounds(deterministic(epochs=5, rounds=most), 4000)
    with pytest.raises(ConfigError) as error:
        with_rounds(deterministic(epochs=5, rounds=most + 1), 4000)
    assert str(error.value) == (
        "rounds must be at most 5,000 for this text, got 5,001: it has 4,000 words and line ends, "
        "which 4 shards and 5 epochs divide; use fewer rounds or fewer `shards`"
    )


@pytest.mark.parametrize(("window", "expected"), [(1, 320), (2, 320), (3, 480), (8, 1280)])
def test_wide_windows_have_more_rounds(window, expected):
    config = deterministic(window=window, epochs=1)
    assert round_count(4 * (1 << 16) * 1000, config) == expected


def test_spans_are_shorter_for_large_vectors():
    config = small(dim=100_000, window=10)
    products = config.dim * (2 * 10 + config.noise_words)
    assert (max_span_positions(config) + 1) * products > 1 << 33
    assert max_span_positions(config) * products <= 1 << 33
    assert max_span_positions(small(dim=1_000_000, window=1_000)) >= 1


def test_the_learning_rate_decreases_linearly_over_all_epochs():
    schedule = Schedule(initial=1.0, final=0.2, epochs=2)
    rates = [schedule.rate(epochs) for epochs in (0, 0.5, 1, 1.5, 2)]
    assert rates == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2])
    epoch = EpochPlan.of_training(random_text(3), small(lr=1.0, lr_min=0.2), epoch=1)
    assert epoch.rate(0.5) == pytest.approx(0.4)
    assert epoch.rates(0.0, 1.0) == pytest.approx((0.6, 0.2))


@pytest.mark.parametrize(
    ("length", "changes", "expected"),
    [
        (30, {}, 1.0),
        (30, {"window": 10}, 100 / (20 * 6)),
        (30, {"window": 1000}, 100 / (29 * 6)),
        (17, {"window": 1000}, 1.0),
        (1, {"window": 1000, "negatives": 149}, 100 / 150),
        (30, {"window": 2, "negatives": 49}, 100 / (4 * 50)),
    ],
)
def test_wide_windows_are_damped_up_to_the_longest_line(length, changes, expected):
    text = text_of([[0, 1], list(range(length)), [3]])
    epoch = EpochPlan.of_training(text, small(lr=1.0, lr_min=1.0, **changes), 0)
    assert epoch.rates(0.0, 1.0)[:2] == pytest.approx((min(expected, 1.0),) * 2)


@compiled_only
def test_a_window_that_covers_whole_lines_learns_as_well_as_one_that_just_does():
    random = np.random.default_rng(3)
    groups = random.integers(0, 10, 1500)
    text = text_of([(20 * g + random.permutation(20)[:8]).tolist() for g in groups])
    losses = [
        train_model(text, EMPTY, counts_of(text, 200), small(window=window, epochs=8))
        .epochs[-1]
        .loss
        for window in (7, 1000)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=0.05)
    assert losses[0] < 0.6 * 6 * np.log(2)


def test_the_keys_of_a_span():
    text = random_text(3)
    training = EpochPlan.of_training(text, small(seed=9), epoch=4)
    assert training.keys(7) == (
        make_key(9, SUBSAMPLING, 4),
        make_key(9, WINDOWS, 4, 7),
        make_key(9, NOISE, 4, 7),
    )
    validation = EpochPlan.of_validation(text, small(seed=9))
    assert validation.keys(7) == (
        make_key(9, SUBSAMPLING, 0, VALIDATION),
        make_key(9, WINDOWS, 0, 7, VALIDATION),
        make_key(9, NOISE, 0, 7, VALIDATION),
    )
    assert validation.rates(0.0, 1.0) == (0.0, 0.0)
