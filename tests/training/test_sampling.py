"""Subsampling and the noise distribution against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import chi_square
from training.helpers import small
from w2v.compute.jit import kernel
from w2v.compute.random import ALWAYS, make_key
from w2v.training.sampling import (
    NoiseDistribution,
    draw_noise,
    keep_thresholds,
    make_sampling,
    noise_probabilities,
)

KEY = make_key(1, 99)


@kernel
def _count_noise(key, number, thresholds, aliases, counts):
    for position in range(number):
        counts[draw_noise(key, position, thresholds, aliases)] += 1


def test_the_probability_to_keep_a_word_follows_the_formula():
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


def test_no_word_is_always_dropped():
    assert keep_thresholds(np.array([10**15, 1]), 1e-300).tolist() == [0, 0]


def probabilities(noise: NoiseDistribution) -> np.ndarray:
    """The exact probability of each word, computed from the alias table."""
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
    assert np.abs(probabilities(noise) - weights / weights.sum()).max() < 2**-30
    assert (probabilities(noise)[~seen] == 0).all()


def test_a_large_alias_table(sized):
    counts = np.maximum(1e9 / np.arange(1, sized(50_000) + 1), 5).astype(np.int64)
    noise = NoiseDistribution.from_counts(counts, 0.75)
    expected = counts**0.75 / (counts**0.75).sum()
    assert np.abs(probabilities(noise) / expected - 1).max() < 1e-4


def test_noise_is_drawn_from_the_table(sized):
    number = sized(1_000_000)
    counts = np.array([1000, 500, 100, 30, 10, 5, 5, 0])
    noise = NoiseDistribution.from_counts(counts, 0.75)
    drawn = np.zeros(len(counts), np.int64)
    _count_noise(KEY, number, noise.thresholds, noise.aliases, drawn)
    assert drawn[-1] == 0
    assert abs(chi_square(drawn[:-1], number * probabilities(noise)[:-1])) < 5


def test_the_noise_of_a_single_word():
    noise = NoiseDistribution.from_counts(np.array([7]), 0.75)
    assert {draw_noise(KEY, i, noise.thresholds, noise.aliases) for i in range(50)} == {0}


def test_the_sampling_of_a_training():
    counts = np.array([60, 30, 10])
    config = small(sample=0.1, noise_exponent=0.5, window=3, negatives=7, shrink_windows=True)
    sampling = make_sampling(counts, config)
    assert sampling.keep_thresholds.tolist() == [*keep_thresholds(counts, 0.1), ALWAYS]
    noise = NoiseDistribution(sampling.noise_thresholds, sampling.noise_aliases)
    expected = noise_probabilities(counts, 0.5)
    np.testing.assert_allclose(expected, counts**0.5 / (counts**0.5).sum())
    np.testing.assert_allclose(probabilities(noise), expected, atol=1e-9)
    assert sampling[3:] == (3, True, 7, config.noise_words, config.sharing)
