"""Random numbers, subsampling and the noise distribution against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.compute.jit import kernel
from w2v.compute.random import ALWAYS, draw, make_key, mix, passes, random_below, to_threshold
from w2v.training.sampling import NoiseDistribution, draw_noise, keep_thresholds

KEY = make_key(1, 99)
# What Vigna's splitmix64.c gives for these seeds.
SPLITMIX64 = {
    0: [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F],
    1234567: [6457827717110365317, 3203168211198807973, 9817491932198370423],
}


@pytest.mark.parametrize("seed", SPLITMIX64)
def test_draws_are_splitmix64(seed):
    assert [int(draw(np.uint64(seed), i)) for i in range(3)] == SPLITMIX64[seed]


@given(value=st.integers(0, 2**64 - 1))
def test_keys_are_mixed_as_numbers_are(value):
    mask = 2**64 - 1
    first = int(mix(np.uint64((value + 0x9E3779B97F4A7C15) & mask)))
    assert int(make_key(value, 3)) == int(mix(np.uint64(int(mix(np.uint64(first))) ^ third())))


def third() -> int:
    """What the purpose 3 puts into a key."""
    return int(mix(np.uint64((3 + 0x9E3779B97F4A7C15) & (2**64 - 1))))


def test_no_two_purposes_epochs_or_spans_share_a_key():
    keys = {
        int(make_key(*parts))
        for parts in [(seed, a, b) for seed in range(20) for a in range(20) for b in range(20)]
        + [(seed, a) for seed in range(20) for a in range(20)]
    }
    assert len(keys) == 20**3 + 20**2
    assert make_key(1, 2) == make_key(1, 2)
    assert make_key(2**63 - 1, 2) != make_key(2**62 - 1, 2)


@kernel
def _count_draws(key, number, counts):
    for position in range(number):
        counts[random_below(key, position, len(counts))] += 1


@kernel
def _count_passes(key, number, threshold):
    passed = 0
    for position in range(number):
        if passes(key, position, threshold):
            passed += 1
    return passed


@kernel
def _count_noise(key, number, thresholds, aliases, counts):
    for position in range(number):
        counts[draw_noise(key, position, thresholds, aliases)] += 1


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """Standard deviations by which the statistic exceeds its mean."""
    statistic = float(((counts - expected) ** 2 / expected).sum())
    degrees = len(counts) - 1
    return (statistic - degrees) / math.sqrt(2 * degrees)


@pytest.mark.parametrize("bound", [2, 10, 1000])
def test_draws_are_uniform(bound, sized):
    number = sized(1_000_000)
    counts = np.zeros(bound, np.int64)
    _count_draws(KEY, number, counts)
    assert counts.sum() == number
    assert abs(chi_square(counts, np.full(bound, number / bound))) < 5


def test_draws_stay_below_their_bound():
    for bound in (1, 3, 2**32 - 1):
        assert all(0 <= random_below(KEY, i, bound) < bound for i in range(200))


@pytest.mark.parametrize("probability", [0.001, 0.25, 0.9])
def test_a_threshold_is_passed_with_its_probability(probability, sized):
    number = sized(1_000_000)
    passed = _count_passes(KEY, number, to_threshold(probability))
    spread = math.sqrt(number * probability * (1 - probability))
    assert abs(passed - number * probability) < 5 * spread + 1


def test_the_ends_of_the_thresholds():
    assert to_threshold(1.0) == ALWAYS
    assert to_threshold(0.5) == 2**31 - 1
    assert to_threshold(2**-32) == 0
    assert _count_passes(KEY, 1000, ALWAYS) == 1000
    assert _count_passes(KEY, 1000, 0) == 0


def test_words_are_kept_by_the_formula():
    counts = np.array([600_000, 300_000, 99_000, 900, 100, 0])
    thresholds = keep_thresholds(counts, 1e-3)
    assert thresholds.dtype == np.uint32
    for count, threshold in zip(counts[:-1].tolist(), thresholds.tolist(), strict=False):
        frequency = count / 1_000_000
        probability = min(1.0, math.sqrt(1e-3 / frequency) + 1e-3 / frequency)
        assert (threshold + 1) / 2**32 == pytest.approx(probability, abs=2**-31)
    assert (thresholds[3:] == ALWAYS).all()
    assert (keep_thresholds(counts, 0) == ALWAYS).all()
    assert (keep_thresholds(counts, 1) == ALWAYS).all()


def test_a_word_is_kept_now_and_then_however_small_the_sample():
    assert keep_thresholds(np.array([10**15, 1]), 1e-300).tolist() == [0, 0]


def shares(noise: NoiseDistribution) -> np.ndarray:
    """The exact probability of each word, read off the alias table."""
    size = len(noise.thresholds)
    own = noise.thresholds / 2**32
    result = own.copy()
    np.add.at(result, noise.aliases, 1 - own)
    return result / size


@given(
    counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any),
    exponent=st.sampled_from([0.75, 1.0, 0.0, -0.5, 10.0, -10.0]),
)
def test_the_alias_table_has_exactly_the_distribution(counts, exponent):
    counts = np.array(counts)
    noise = NoiseDistribution.from_counts(counts, exponent)
    assert (noise.thresholds.dtype, noise.aliases.dtype) == (np.uint32, np.int32)
    seen = counts > 0
    weights = np.zeros(len(counts))
    weights[seen] = (counts[seen] / counts.max()) ** exponent
    assert np.abs(shares(noise) - weights / weights.sum()).max() < 2**-30
    assert (shares(noise)[~seen] == 0).all()


def test_a_large_alias_table(sized):
    counts = np.maximum(1e9 / np.arange(1, sized(50_000) + 1), 5).astype(np.int64)
    noise = NoiseDistribution.from_counts(counts, 0.75)
    expected = counts**0.75 / (counts**0.75).sum()
    assert np.abs(shares(noise) / expected - 1).max() < 1e-4


def test_noise_is_drawn_as_the_table_says(sized):
    number = sized(1_000_000)
    counts = np.array([1000, 500, 100, 30, 10, 5, 5, 0])
    noise = NoiseDistribution.from_counts(counts, 0.75)
    drawn = np.zeros(len(counts), np.int64)
    _count_noise(KEY, number, noise.thresholds, noise.aliases, drawn)
    assert drawn[-1] == 0
    assert abs(chi_square(drawn[:-1], number * shares(noise)[:-1])) < 5


def test_one_word_is_all_the_noise_there_is():
    noise = NoiseDistribution.from_counts(np.array([7]), 0.75)
    assert {draw_noise(KEY, i, noise.thresholds, noise.aliases) for i in range(50)} == {0}
