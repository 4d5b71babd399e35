"""The nearest rows of a matrix: one pass over it, without a copy, on all cores.

Memory limits the speed, so the rows are compared in float32 as they come, in blocks that the
processor's cache holds, and each block leaves its best rows only, with those that rounding may have
put behind them. Their cosines are then computed in float64, which decides the order. (A compiled
kernel of our own takes the same time, and loading the compiler takes longer than the search.)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from w2v.compute.parallel import ordered_map
from w2v.formats.norms import norms_of
from w2v.system.cpu import available_cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NUMBERS_PER_BLOCK = 1 << 19  # 2 MiB
_LEAST_NUMBERS_PER_THREAD = 1 << 22
# An upper bound of the rounding error of a cosine in float32, which decides how many candidates are
# computed again.
_ROUNDING = 2e-6
_MOST_DOUBTFUL = 1 << 12
_STALE = 1e-5


def nearest_rows(
    matrix: NDArray[np.float32],
    norms: NDArray[np.float64],
    vector: NDArray[np.floating],
    count: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Find the rows with the highest cosines.

    Args:
        matrix: (V, D), C order.
        norms: (V,), the lengths of its rows.
        vector: (D,), all finite.
        count: how many rows to find.

    Returns:
        (n,) rows and (n,) cosines from -1 to 1, by decreasing cosine, ties by row; n is ``count``,
        or V if that is less. A zero vector has cosine 0 with all others.

    """
    count = min(count, len(matrix))
    direction = _scaled(vector.astype(np.float64))
    rows = _candidates(matrix, norms, direction.astype(np.float32), max(count, 1))
    cosines = _cosines(matrix[rows], direction)
    order = np.lexsort((rows, -cosines))[:count]
    return rows[order], cosines[order]


def are_stale(
    matrix: NDArray[np.float32], norms: NDArray[np.float64], rows: NDArray[np.intp]
) -> bool:
    """Return whether the lengths of some rows are not ``norms``, as the matrix was changed."""
    return not np.allclose(norms_of(matrix[rows]), norms[rows], rtol=_STALE, atol=0)


def _scaled(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a vector scaled to length 1, or zero; its numbers may be as large as floats can be."""
    largest = np.abs(vector).max()
    if largest == 0:
        return vector
    vector = vector / largest
    scaled: NDArray[np.float64] = vector / np.linalg.norm(vector)
    return scaled


def _candidates(
    matrix: NDArray[np.float32],
    norms: NDArray[np.float64],
    direction: NDArray[np.float32],
    count: int,
) -> NDArray[np.intp]:
    """Return at least ``count`` rows, among them those with the highest cosines."""
    size = max(1, _NUMBERS_PER_BLOCK // matrix.shape[1])
    starts = range(0, len(matrix), size)

    def best_of_block(start: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        block, lengths = matrix[start : start + size], norms[start : start + size]
        # Not a product of matrices: that would start threads of its own, and round a row according
        # to its place in the block.
        products = np.einsum("ij,j->i", block, direction)
        cosines = np.divide(products, lengths, out=np.zeros(len(block)), where=lengths > 0)
        best = _best(cosines, count)
        return best + start, cosines[best]

    threads = min(available_cores(), max(1, matrix.size // _LEAST_NUMBERS_PER_THREAD))
    if threads == 1:
        blocks = list(map(best_of_block, starts))
    else:
        blocks = list(ordered_map(best_of_block, starts, threads))
    rows = np.concatenate([found for found, _ in blocks])
    return rows[_best(np.concatenate([cosines for _, cosines in blocks]), count)]


def _best(values: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Return the places of the ``count`` highest values, and of what may be as high, ascending."""
    if count >= len(values):
        return np.arange(len(values))
    least = np.partition(values, len(values) - count)[len(values) - count]
    places = np.flatnonzero(values >= least - _ROUNDING)
    if len(places) <= count + _MOST_DOUBTFUL:
        return places
    order = np.argsort(-values[places], kind="stable")[: count + _MOST_DOUBTFUL]
    return np.sort(places[order])


def _cosines(vectors: NDArray[np.float32], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    exact = vectors.astype(np.float64)
    lengths = norms_of(exact)
    products = np.einsum("ij,j->i", exact, direction)
    cosines = np.divide(products, lengths, out=np.zeros(len(exact)), where=lengths > 0)
    clipped: NDArray[np.float64] = np.clip(cosines, -1, 1)
    return clipped
