"""Counter-based random numbers: the algorithm, keys and distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import chi_square
from w2v.compute.jit import kernel
from w2v.compute.random import (
    ALWAYS,
    bernoulli,
    make_key,
    mix,
    random_below,
    random_bits,
    to_threshold,
)

KEY = make_key(1, 99)
# The output of Vigna's splitmix64.c for these seeds.
SPLITMIX64 = {
    0: [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F],
    1234567: [6457827717110365317, 3203168211198807973, 9817491932198370423],
}


@pytest.mark.parametrize("seed", SPLITMIX64)
def test_random_bits_are_splitmix64(seed):
    assert [int(random_bits(np.uint64(seed), i)) for i in range(3)] == SPLITMIX64[seed]


@given(value=st.integers(0, 2**64 - 1))
def test_keys_are_mixed_like_numbers(value):
    mask = 2**64 - 1
    first = int(mix(np.uint64((value + 0x9E3779B97F4A7C15) & mask)))
    assert int(make_key(value, 3)) == int(mix(np.uint64(int(mix(np.uint64(first))) ^ third())))


def third() -> int:
    """The part of the purpose 3 in a key."""
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
def _count_true(key, number, threshold):
    true = 0
    for position in range(number):
        if bernoulli(key, position, threshold):
            true += 1
    return true


@pytest.mark.parametrize("bound", [2, 10, 1000])
def test_integers_are_uniform(bound, sized):
    number = sized(1_000_000)
    counts = np.zeros(bound, np.int64)
    _count_draws(KEY, number, counts)
    assert counts.sum() == number
    assert abs(chi_square(counts, np.full(bound, number / bound))) < 5


def test_integers_are_below_their_bound():
    for bound in (1, 3, 2**32 - 1):
        assert all(0 <= random_below(KEY, i, bound) < bound for i in range(200))


@pytest.mark.parametrize("probability", [0.001, 0.25, 0.9])
def test_bernoulli_is_true_with_its_probability(probability, sized):
    number = sized(1_000_000)
    true = _count_true(KEY, number, to_threshold(probability))
    spread = math.sqrt(number * probability * (1 - probability))
    assert abs(true - number * probability) < 5 * spread + 1


def test_the_limits_of_thresholds():
    assert to_threshold(1.0) == ALWAYS
    assert to_threshold(0.5) == 2**31 - 1
    assert to_threshold(2**-32) == 0
    assert _count_true(KEY, 1000, ALWAYS) == 1000
    assert _count_true(KEY, 1000, 0) == 0
