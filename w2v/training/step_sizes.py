"""The step sizes of word vectors: larger for words with few uses, as AdaGrad would choose them.

AdaGrad (Duchi et al. 2011) divides the step of a parameter by the square root of the sum of its
squared gradients: rare features take large steps and frequent ones small steps. With one sum for
each row, and gradients of about the same size in each use of a row, the sum is proportional to the
number of uses. How often a word will be a center is known before training, from its count and the
subsampling threshold. So each row has a step size of

    lr * max(BOOST / sqrt(1 + n / DECAY), 1)

where n is the expected number of uses in the whole training and lr the learning rate, which
decreases linearly. It is not less than lr, because frequent words would learn less. There is no
state: nothing to store in a checkpoint, to merge between replicas or to update in the kernel.
Measured against accumulators, it gives the same quality (docs/design/optimizer.md).

The context vectors have the step size lr. Each negative sample is an update of a context vector, so
even rare words have many, and per-row rates for them gained nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from w2v.compute.random import ALWAYS

if TYPE_CHECKING:
    from w2v.config import Config

# The step size of a row that is never used, relative to the learning rate.
BOOST = 3.0
# The number of uses after which the square of the step size has halved.
DECAY = 50.0
# The step size of the rows of an initial model. They are trained already, so a larger one would
# push them away from where they are.
TRAINED = 1.0


def expected_uses(
    counts: NDArray[np.int64], keep_thresholds: NDArray[np.uint32], config: Config
) -> NDArray[np.float32]:
    """Return how often each word is expected to be a center in the whole training.

    Args:
        counts: (V,) occurrences in the corpus.
        keep_thresholds: (V,) the probability that subsampling keeps each word, as thresholds.
        config: the hyper-parameters.

    Returns:
        (V,) float32.

    """
    return (counts * (keep_thresholds / ALWAYS) * config.chosen_epochs).astype(np.float32)


def step_scales(uses: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the step sizes of rows relative to the learning rate.

    Args:
        uses: (V,) expected uses in the whole training.

    Returns:
        (V,) float64.

    """
    return np.maximum(BOOST / np.sqrt(1.0 + uses.astype(np.float64) / DECAY), 1.0)
