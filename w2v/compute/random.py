"""Counter-based random numbers.

Every random number is a value of one function, SplitMix64 (Steele, Lea and Flood 2014, "Fast
splittable pseudorandom number generators"), at a key and a position. There is no state to save: the
number for a word depends on the seed, the epoch and the position of the word in the corpus, on any
thread and in any order.
"""

from __future__ import annotations

import numpy as np

from w2v.compute.jit import inlined

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
LOW_HALF = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)

# The purposes of random numbers. No two of them share a key.
INITIAL_VECTORS = 1
HELD_OUT_LINES = 2
SUBSAMPLING = 3
WINDOWS = 4
NOISE = 5
VALIDATION = 6

ALWAYS = 0xFFFF_FFFF  # the threshold of probability 1


@inlined
def mix(value: np.uint64) -> np.uint64:
    """Mix 64 bits: the finalizer of SplitMix64."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@inlined
def random_bits(key: np.uint64, position: int) -> np.uint64:
    """Return the 64 random bits of a key at a position: output ``position`` of SplitMix64."""
    return mix(key + (np.uint64(position) + np.uint64(1)) * _STEP)


@inlined
def random_below(key: np.uint64, position: int, bound: int) -> np.int64:
    """Return a random integer from 0 to ``bound - 1``; ``bound`` is below 2**32."""
    return np.int64(((random_bits(key, position) >> HALF) * np.uint64(bound)) >> HALF)


@inlined
def bernoulli(key: np.uint64, position: int, threshold: int) -> np.bool:
    """Return True with probability (threshold + 1) / 2**32."""
    return (random_bits(key, position) >> HALF) <= np.uint64(threshold)


def make_key(seed: int, purpose: int, *parts: int) -> np.uint64:
    """Return the key of a stream of random numbers.

    Args:
        seed: the seed of all random numbers.
        purpose: one of the purposes of this module.
        parts: anything else that tells streams apart, such as an epoch and a span.

    """
    value = 0
    for part in (seed, purpose, *parts):
        value = _mix_int(value ^ _mix_int(part + 0x9E3779B97F4A7C15))
    return np.uint64(value)


def _mix_int(value: int) -> int:
    """Do the same as `mix` with Python integers."""
    value &= 0xFFFFFFFFFFFFFFFF
    value = ((value ^ (value >> 30)) * int(_MIX_1)) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ (value >> 27)) * int(_MIX_2)) & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 31)


def to_threshold(probability: float) -> int:
    """Return the threshold for which `bernoulli` has this probability, to 2**-32."""
    return max(0, min(ALWAYS, round(probability * 2**32) - 1))
