"""The values of the options that are chosen for the text: the epochs and the subsampling threshold.

Both are functions of the counts, so a resumed training chooses the same values. How they were
found, and what else was tried, is in docs/design/optimizer.md.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np

from w2v.config import AUTO
from w2v.training.sampling import kept_share

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.config import Config

# A text of a million words is read this many times. The exponents are those of shorter and longer
# texts: many epochs cost quality on short ones, and do not on long ones.
_EPOCHS = 12.0
_SHORT_EXPONENT = 0.35
_LONG_EXPONENT = 0.25
_LEAST_EPOCHS = 3
_MOST_EPOCHS = 100

# The threshold of natural text. Its most frequent words are few and say little about their
# neighbors. About half of all words remain.
_SAMPLE = 1e-4
# Where every word is frequent, as in a vocabulary of a hundred items, 1e-4 would drop most of the
# text. A higher threshold keeps this share of the words.
_LEAST_SHARE = 1 / 3
# A placeholder or a filler can be most of a text. It should be dropped, so it weighs at most this
# much of all other words together.
_MOST_WEIGHT = 1 / 4


def resolve(config: Config, counts: NDArray[np.int64], words: int) -> Config:
    """Return the hyper-parameters with numbers in place of ``"auto"``.

    Args:
        config: the hyper-parameters.
        counts: (V,) occurrences of each word.
        words: the words to train on.

    """
    sample = automatic_sample(counts) if config.sample == AUTO else config.sample
    epochs = automatic_epochs(words) if config.epochs == AUTO else config.epochs
    return dataclasses.replace(config, sample=sample, epochs=epochs)


def automatic_epochs(words: int) -> int:
    """Return the number of epochs for a text, from 3 to 100.

    12 / m^0.35 for m million words, or 12 / m^0.25 if m is greater than 1.
    """
    millions = max(words, 1) / 1e6
    exponent = _SHORT_EXPONENT if millions < 1 else _LONG_EXPONENT
    epochs = round(_EPOCHS * math.pow(millions, -exponent))
    return min(max(epochs, _LEAST_EPOCHS), _MOST_EPOCHS)


def automatic_sample(counts: NDArray[np.int64]) -> float:
    """Return the subsampling threshold: 1e-4, or a higher one that keeps a third of the words.

    A word that dominates the text counts as if it were a fifth of it.

    Args:
        counts: (V,) occurrences of each word.

    """
    others = counts.sum(dtype=np.float64) - counts
    weights = np.minimum(counts, _MOST_WEIGHT * others) if len(counts) > 1 else counts
    sample = _SAMPLE
    while kept_share(counts, sample, weights) < _LEAST_SHARE:
        sample *= 1.25
    return float(f"{sample:.2g}")
