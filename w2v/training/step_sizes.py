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

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined
from w2v.compute.random import ALWAYS

if TYPE_CHECKING:
    from w2v.config import Config

# The step size of a row that was never used, relative to the learning rate.
BOOST = 3.0
# The number of uses after which the square of the step size has halved.
DECAY = 50.0
# The uses that give a row the learning rate itself. The rows of an initial model begin here, so
# that training does not push them away from where they are.
USES_OF_TRAINED_ROW = (BOOST**2 - 1) * DECAY


class Uses(NamedTuple):
    """How often the word of each row is a center.

    Both arrays are (rows,) float32. Row i belongs to row i of the matrices.
    """

    before: NDArray[np.float32]  # before this training
    expected: NDArray[np.float32]  # in the whole of this training


def no_uses(rows: int) -> Uses:
    """Return zeros for a number of rows."""
    return Uses(np.zeros(rows, np.float32), np.zeros(rows, np.float32))


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


@inlined
def step_scale(uses: Uses, row: int) -> float:
    """Return the step size of a row relative to the learning rate.

    Args:
        uses: of all rows.
        row: the number of the row.

    """
    n = uses.before[row] + uses.expected[row]
    return max(BOOST / math.sqrt(1.0 + n / DECAY), 1.0)
