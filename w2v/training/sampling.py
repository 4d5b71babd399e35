"""Random numbers, subsampling of frequent words, and the noise distribution.

All random numbers are values of one function, SplitMix64 (Steele, Lea and Flood 2014: "Fast
splittable pseudorandom number generators"), at a key and a position. There is no state to keep:
the number for a word depends on the seed, the epoch and the word's place in the corpus, whatever
thread asks for it, in whatever order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from w2v.compute.jit import inlined, kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_LOW_HALF = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)

# What the numbers are drawn for, so that no two purposes share a key.
INITIAL_VECTORS = 1
HELD_OUT_LINES = 2
SUBSAMPLING = 3
WINDOWS = 4
NOISE = 5
VALIDATION = 6

CERTAIN = 0xFFFF_FFFF  # threshold that every draw passes


@inlined
def mix(value: np.uint64) -> np.uint64:
    """Scatter 64 bits: the finaliser of SplitMix64."""
    value = (value ^ (value >> np.uint64(30))) * _MIX_1
    value = (value ^ (value >> np.uint64(27))) * _MIX_2
    return value ^ (value >> np.uint64(31))


@inlined
def draw(key: np.uint64, position: int) -> np.uint64:
    """Return the random 64 bits of a key at a position: output ``position`` of SplitMix64."""
    return mix(key + (np.uint64(position) + np.uint64(1)) * _STEP)


@inlined
def draw_below(key: np.uint64, position: int, bound: int) -> np.int64:
    """Return a random whole number from 0 to ``bound - 1``; ``bound`` is below 2**32."""
    return np.int64(((draw(key, position) >> _HALF) * np.uint64(bound)) >> _HALF)


@inlined
def passes(key: np.uint64, position: int, threshold: int) -> np.bool:
    """Return True with probability (threshold + 1) / 2**32."""
    return (draw(key, position) >> _HALF) <= np.uint64(threshold)


@inlined
def draw_noise(
    key: np.uint64, position: int, thresholds: NDArray[np.uint32], aliases: NDArray[np.int32]
) -> np.int64:
    """Return a random word of the noise distribution, by Walker's alias method (Vose 1991)."""
    bits = draw(key, position)
    column = np.int64(((bits >> _HALF) * np.uint64(len(thresholds))) >> _HALF)
    if (bits & _LOW_HALF) < np.uint64(thresholds[column]):
        return column
    return np.int64(aliases[column])


def make_key(seed: int, purpose: int, *parts: int) -> np.uint64:
    """Return the key of a stream of random numbers: of seed, purpose, and epoch or span."""
    value = 0
    for part in (seed, purpose, *parts):
        value = _mix_int(value ^ _mix_int(part + 0x9E3779B97F4A7C15))
    return np.uint64(value)


def _mix_int(value: int) -> int:
    """`mix` for Python's integers."""
    value &= 0xFFFFFFFFFFFFFFFF
    value = ((value ^ (value >> 30)) * int(_MIX_1)) & 0xFFFFFFFFFFFFFFFF
    value = ((value ^ (value >> 27)) * int(_MIX_2)) & 0xFFFFFFFFFFFFFFFF
    return value ^ (value >> 31)


def threshold_of(probability: float) -> int:
    """Return the threshold with which `passes` is true with this probability, to 2**-32."""
    return max(0, min(CERTAIN, round(probability * 2**32) - 1))


def keep_thresholds(counts: NDArray[np.int64], sample: float) -> NDArray[np.uint32]:
    """How likely each word is kept, as thresholds for `passes`.

    A word whose share of the corpus is f is kept with probability sqrt(t / f) + t / f, t being
    ``sample``, at most 1: word2vec.c's variant of Mikolov et al. 2013b, equation 5.

    Args:
        counts: (V,) occurrences.
        sample: the share above which words are thinned out, 0 to keep all.

    Returns:
        (V,) uint32.

    """
    if sample == 0:
        return np.full(len(counts), CERTAIN, np.uint32)
    total = max(float(counts.sum(dtype=np.float64)), 1.0)  # as integers they might overflow
    ratio = sample * total / np.maximum(counts, 1)
    probability = np.minimum(np.sqrt(ratio) + ratio, 1.0)
    return (np.maximum(np.rint(probability * 2.0**32), 1) - 1).clip(0, CERTAIN).astype(np.uint32)


@dataclass(frozen=True)
class NoiseDistribution:
    """Words by count to a power, ready to draw from in constant time.

    Column i of the alias table stands for word i if a draw of 32 bits is below thresholds[i],
    else for word aliases[i].

    Attributes:
        thresholds: (V,) uint32.
        aliases: (V,) int32.

    """

    thresholds: NDArray[np.uint32]
    aliases: NDArray[np.int32]

    @classmethod
    def from_counts(cls, counts: NDArray[np.int64], exponent: float) -> NoiseDistribution:
        """Build the alias table of the distribution count**exponent; words never seen have none.

        Args:
            counts: (V,) occurrences, some above 0.
            exponent: 0.75 in word2vec, 1 for the corpus's own distribution, 0 for a uniform one.

        """
        thresholds, aliases = _alias_table(noise_shares(counts, exponent) * len(counts))
        return cls(thresholds, aliases)


def noise_shares(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Return (V,) how likely each word is drawn as noise; arguments are those of `from_counts`."""
    weights = np.zeros(len(counts))
    seen = counts > 0
    # Relative to the largest count, so that no exponent overflows.
    weights[seen] = (counts[seen] / counts.max()) ** exponent
    weights /= weights.sum()
    return weights


@kernel
def _alias_table(heights: NDArray[np.float64]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Level columns of mean height 1 by moving what stands out of the high ones to low ones.

    Args:
        heights: (V,) float64, changed.

    Returns:
        The thresholds and aliases of `NoiseDistribution`.

    """
    size = len(heights)
    thresholds = np.zeros(size, np.uint32)
    aliases = np.arange(size).astype(np.int32)
    low = np.empty(size, np.int64)
    high = np.empty(size, np.int64)
    lows = 0
    highs = 0
    for i in range(size):
        if heights[i] < 1.0:
            low[lows] = i
            lows += 1
        else:
            high[highs] = i
            highs += 1
    while lows > 0 and highs > 0:
        lows -= 1
        short = low[lows]
        tall = high[highs - 1]
        thresholds[short] = np.uint32(heights[short] * 4294967296.0)
        aliases[short] = tall
        heights[tall] -= 1.0 - heights[short]
        if heights[tall] < 1.0:
            highs -= 1
            low[lows] = tall
            lows += 1
    return thresholds, aliases
