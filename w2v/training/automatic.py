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

# How often the words that subsampling keeps are read in all, for a text of a million words. The
# exponents are those of shorter and longer texts: short ones need many epochs.
_KEPT_EPOCHS = 5.5
_SHORT_EXPONENT = 0.35
_LONG_EXPONENT = 0.15
_LEAST_EPOCHS = 3
_MOST_EPOCHS = 100

# The threshold of natural text. Its most frequent words are few and say little about their
# neighbors. The less text there is, the more it helps to drop them and to read the rest more often:
# windows reach over dropped words, so each epoch has other pairs. The lower threshold applies up to
# 1.8 million words, the higher one from 3 million.
_SHORT_SAMPLE, _SHORT_WORDS = 1e-5, 1.8e6
_LONG_SAMPLE, _LONG_WORDS = 1e-4, 3e6
# Where every word is frequent, as in a vocabulary of a hundred items, these would drop most of the
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
    sample = automatic_sample(counts, words) if config.sample == AUTO else config.sample
    epochs = config.epochs
    if epochs == AUTO:
        epochs = automatic_epochs(words, kept_share(counts, float(sample)))
    return dataclasses.replace(config, sample=sample, epochs=epochs)


def automatic_epochs(words: int, kept: float) -> int:
    """Return the number of epochs for a text, from 3 to 100.

    Times the share of the words that subsampling keeps, it is 5.5 / m^0.35 for m million words, or
    5.5 / m^0.15 if m is greater than 1.

    Args:
        words: the words to train on.
        kept: the share of them that subsampling keeps, above 0.

    """
    millions = max(words, 1) / 1e6
    exponent = _SHORT_EXPONENT if millions < 1 else _LONG_EXPONENT
    epochs = _KEPT_EPOCHS * math.pow(millions, -exponent) / max(kept, 1e-9)
    return min(max(round(epochs), _LEAST_EPOCHS), _MOST_EPOCHS)


def automatic_sample(counts: NDArray[np.int64], words: int) -> float:
    """Return the subsampling threshold for a text.

    It is 1e-5 up to 1.8 million words, 1e-4 from 3 million, and between them in between; but higher
    where it would keep less than a third of the words. For this, a word that dominates the text
    counts as if it were a fifth of it.

    Args:
        counts: (V,) occurrences of each word.
        words: the words to train on.

    """
    others = counts.sum(dtype=np.float64) - counts
    weights = np.minimum(counts, _MOST_WEIGHT * others) if len(counts) > 1 else counts
    position = math.log(max(words, 1) / _SHORT_WORDS) / math.log(_LONG_WORDS / _SHORT_WORDS)
    ratio = _LONG_SAMPLE / _SHORT_SAMPLE
    sample = _SHORT_SAMPLE * math.pow(ratio, min(max(position, 0.0), 1.0))
    while kept_share(counts, sample, weights) < _LEAST_SHARE:
        sample *= 1.25
    return float(f"{sample:.2g}")
