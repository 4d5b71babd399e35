"""Exact nearest words by the cosine: products in blocks, and a compiled selection of the largest.

The products run in float32 and only choose candidates; the cosines of these are then computed again
in float64, one by one, so that they do not depend on the blocks or on the number of threads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.compute.jit import kernel
from w2v.formats.norms import unit_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

_QUERIES = 512
_COLUMNS = 8192
_EXTRA = 4  # candidates beyond those asked for, whose order float32 may get wrong
_ROUNDING = 2e-6  # a bound of the rounding of a cosine in float32
_MOST_DOUBTFUL = 1000  # words that are compared with all others again


class Neighbours(NamedTuple):
    """The nearest words of some words, the nearest first; ties by rank.

    Attributes:
        ids: (n, k) int64, rows of the matrix.
        cosines: (n, k) float64, from -1 to 1; 0 if a vector is zero.

    """

    ids: NDArray[np.int64]
    cosines: NDArray[np.float64]

    def first(self, k: int) -> Neighbours:
        """Return the k nearest of each word."""
        return Neighbours(self.ids[:, :k], self.cosines[:, :k])


def nearest_words(
    matrix: NDArray[np.float32],
    norms: NDArray[np.float64],
    queries: int | NDArray[np.int64],
    k: int,
) -> Neighbours:
    """Return the nearest words of each of some words, among all words, without itself.

    Args:
        matrix: (V, D) float32, the vectors.
        norms: (V,) float64, their lengths.
        queries: (n,) rows of the words whose neighbours are wanted; or n for the first words.
        k: the number of neighbours; V - 1 at most are returned.

    """
    own = np.arange(queries) if isinstance(queries, int) else queries
    k = min(k, len(matrix) - 1)
    ids = _candidates(matrix, norms, own, min(k + _EXTRA, len(matrix) - 1))
    cosines = np.zeros(ids.shape)
    rescore(matrix, norms, own, ids, cosines)
    order = np.lexsort((ids, -cosines), axis=1)
    found = Neighbours(
        np.take_along_axis(ids, order, axis=1), np.take_along_axis(cosines, order, axis=1)
    )
    if 0 < k < ids.shape[1] < len(matrix) - 1:
        _settle_doubts(matrix, norms, own, found, k)
    return found.first(k)


def _settle_doubts(
    matrix: NDArray[np.float32],
    norms: NDArray[np.float64],
    own: NDArray[np.int64],
    found: Neighbours,
    k: int,
) -> None:
    """Compare all words in float64 where rounding may have left out candidates.

    That is, where the last candidate is as near as the k-th, as among many equal vectors.
    """
    doubtful = np.flatnonzero(found.cosines[:, k - 1] - found.cosines[:, -1] < _ROUNDING)
    everything = np.arange(len(matrix))[np.newaxis]
    for row in doubtful[:_MOST_DOUBTFUL]:
        cosines = np.zeros(everything.shape)
        rescore(matrix, norms, own[row : row + 1], everything, cosines)
        cosines[0, own[row]] = -np.inf
        order = np.argsort(-cosines[0], kind="stable")[: found.ids.shape[1]]
        found.ids[row], found.cosines[row] = order, cosines[0, order]


def _candidates(
    matrix: NDArray[np.float32], norms: NDArray[np.float64], own: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """Return the k words with the largest products in float32 for the words ``own``, (n, k)."""
    best = np.full((len(own), k), -np.inf, np.float32)
    ids = np.zeros((len(own), k), np.int64)
    for first in range(0, len(matrix), _COLUMNS):
        block = slice(first, first + _COLUMNS)
        columns = unit_rows(matrix[block], norms[block], np.float32).T
        for start in range(0, len(own), _QUERIES):
            part = slice(start, start + _QUERIES)
            rows = own[part]
            products = unit_rows(matrix[rows], norms[rows], np.float32) @ columns
            keep_largest(products, rows, first, best[part], ids[part])
    return ids


@kernel
def keep_largest(
    products: NDArray[np.float32],
    own: NDArray[np.int64],
    first_column: int,
    best: NDArray[np.float32],
    ids: NDArray[np.int64],
) -> None:
    """Merge a block of products into the k largest of each row so far.

    Of equal products, the one with the smaller column comes first; blocks come from left to right.

    Args:
        products: (n, m) float32.
        own: (n,) int64, the word of each row, which is left out.
        first_column: the word of column 0.
        best: (n, k) float32, the largest products in decreasing order, changed.
        ids: (n, k) int64, their words, changed.

    """
    k = best.shape[1]
    if k == 0:
        return
    for row in range(products.shape[0]):
        least = best[row, k - 1]
        left_out = own[row] - first_column
        for column in range(products.shape[1]):
            value = products[row, column]
            if value > least and column != left_out:
                place = k - 1
                while place > 0 and best[row, place - 1] < value:
                    best[row, place] = best[row, place - 1]
                    ids[row, place] = ids[row, place - 1]
                    place -= 1
                best[row, place] = value
                ids[row, place] = first_column + column
                least = best[row, k - 1]


@kernel
def rescore(
    matrix: NDArray[np.float32],
    norms: NDArray[np.float64],
    own: NDArray[np.int64],
    ids: NDArray[np.int64],
    cosines: NDArray[np.float64],
) -> None:
    """Compute the cosines of n words with their candidates, (n, k), in float64.

    Those of zero vectors are left as they are.
    """
    for row in range(ids.shape[0]):
        word = own[row]
        for place in range(ids.shape[1]):
            other = ids[row, place]
            total = 0.0
            for i in range(matrix.shape[1]):
                total += np.float64(matrix[word, i]) * np.float64(matrix[other, i])
            lengths = norms[word] * norms[other]
            if lengths > 0.0:
                cosines[row, place] = min(1.0, max(-1.0, total / lengths))
