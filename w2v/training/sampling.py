"""Subsampling of frequent words and the noise distribution, as tables that kernels draw from.

Random numbers are functions of a key and a position (`w2v.compute.random`): the number for a word
depends on the seed, the epoch and the position of the word in the corpus, on any thread and in any
order.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.random import ALWAYS, HALF, LOW_HALF, random_bits

if TYPE_CHECKING:
    from w2v.config import Config


class Sampling(NamedTuple):
    """How words, windows and noise are drawn."""

    keep_thresholds: NDArray[
        np.uint32
    ]  # (V + 1,) for `bernoulli`; the last one, of line ends, is 1
    noise_thresholds: NDArray[np.uint32]  # (V,) of `NoiseDistribution`
    noise_aliases: NDArray[np.int32]  # (V,) of `NoiseDistribution`
    window: int
    shrink_windows: bool
    negatives: int
    shared_negatives: int
    negative_sharing: int


class Keys(NamedTuple):
    """The keys of the random numbers of a span."""

    subsampling: np.uint64
    windows: np.uint64
    noise: np.uint64


def make_sampling(counts: NDArray[np.int64], config: Config) -> Sampling:
    """Build the tables of a training.

    Args:
        counts: (V,) occurrences of each word.
        config: the hyper-parameters.

    """
    noise = NoiseDistribution.from_counts(counts, config.noise_exponent)
    return Sampling(
        np.append(keep_thresholds(counts, config.chosen_sample), np.uint32(ALWAYS)),
        noise.thresholds,
        noise.aliases,
        config.window,
        config.shrink_windows,
        config.negatives,
        config.noise_words,
        config.sharing,
    )


@inlined
def draw_noise(
    key: np.uint64, position: int, thresholds: NDArray[np.uint32], aliases: NDArray[np.int32]
) -> np.int64:
    """Draw a word of the noise distribution, by Walker's alias method (Vose 1991)."""
    bits = random_bits(key, position)
    column = np.int64(((bits >> HALF) * np.uint64(len(thresholds))) >> HALF)
    if (bits & LOW_HALF) < np.uint64(thresholds[column]):
        return column
    return np.int64(aliases[column])


def keep_thresholds(counts: NDArray[np.int64], sample: float) -> NDArray[np.uint32]:
    """Return the probability that subsampling keeps each word, as thresholds for `bernoulli`.

    A word of relative frequency f is kept with probability min(1, sqrt(t / f) + t / f), where t is
    ``sample``: word2vec.c's variant of Mikolov et al. 2013b, equation 5.

    Args:
        counts: (V,) occurrences.
        sample: the relative frequency above which words are dropped at random; 0 keeps all words.

    Returns:
        (V,) uint32.

    """
    if sample == 0:
        return np.full(len(counts), ALWAYS, np.uint32)
    total = max(float(counts.sum(dtype=np.float64)), 1.0)  # the sum of integers might overflow
    ratio = sample * total / np.maximum(counts, 1)
    probability = np.minimum(np.sqrt(ratio) + ratio, 1.0)
    return (np.maximum(np.rint(probability * 2.0**32), 1) - 1).clip(0, ALWAYS).astype(np.uint32)


def kept_share(
    counts: NDArray[np.int64],
    sample: float,
    weights: NDArray[np.int64] | NDArray[np.float64] | None = None,
) -> float:
    """Return the share of all occurrences that subsampling is expected to keep.

    Args:
        counts: (V,) occurrences.
        sample: see `keep_thresholds`.
        weights: (V,) how much each word counts in the share; by default, as often as it occurs.

    """
    weights = counts if weights is None else weights
    kept = weights * (keep_thresholds(counts, sample) / ALWAYS)
    return float(kept.sum() / max(weights.sum(dtype=np.float64), 1.0))


@dataclass(frozen=True)
class NoiseDistribution:
    """The distribution count**exponent as an alias table, which is drawn from in constant time.

    Column i of the table stands for word i if 32 random bits are below thresholds[i], else for
    word aliases[i].

    Attributes:
        thresholds: (V,) uint32.
        aliases: (V,) int32.

    """

    thresholds: NDArray[np.uint32]
    aliases: NDArray[np.int32]

    @classmethod
    def from_counts(cls, counts: NDArray[np.int64], exponent: float) -> NoiseDistribution:
        """Build the alias table. Words of count 0 are never drawn.

        Args:
            counts: (V,) occurrences, some of them above 0.
            exponent: 0.75 in word2vec, 1 for the distribution of the corpus, 0 for a uniform one.

        """
        thresholds, aliases = _alias_table(noise_probabilities(counts, exponent) * len(counts))
        return cls(thresholds, aliases)


def noise_probabilities(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Return the (V,) probabilities of the noise distribution; see `NoiseDistribution`."""
    weights = np.zeros(len(counts))
    seen = counts > 0
    # Relative to the largest count, so that no exponent overflows.
    weights[seen] = (counts[seen] / counts.max()) ** exponent
    weights /= weights.sum()
    return weights


@kernel
def _alias_table(heights: NDArray[np.float64]) -> tuple[NDArray[np.uint32], NDArray[np.int32]]:
    """Fill up each column below height 1 with the excess of one column above it.

    Args:
        heights: (V,) float64 of mean 1; they are changed.

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
