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
from w2v.compute.random import ALWAYS, HALF, LOW_HALF, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray


@inlined
def draw_noise(
    key: np.uint64, position: int, thresholds: NDArray[np.uint32], aliases: NDArray[np.int32]
) -> np.int64:
    """Return a random word of the noise distribution, by Walker's alias method (Vose 1991)."""
    bits = draw(key, position)
    column = np.int64(((bits >> HALF) * np.uint64(len(thresholds))) >> HALF)
    if (bits & LOW_HALF) < np.uint64(thresholds[column]):
        return column
    return np.int64(aliases[column])


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
        return np.full(len(counts), ALWAYS, np.uint32)
    total = max(float(counts.sum(dtype=np.float64)), 1.0)  # as integers they might overflow
    ratio = sample * total / np.maximum(counts, 1)
    probability = np.minimum(np.sqrt(ratio) + ratio, 1.0)
    return (np.maximum(np.rint(probability * 2.0**32), 1) - 1).clip(0, ALWAYS).astype(np.uint32)


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
        thresholds, aliases = _alias_table(noise_probabilities(counts, exponent) * len(counts))
        return cls(thresholds, aliases)


def noise_probabilities(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
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
