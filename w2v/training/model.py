"""The two matrices: their layout in memory, initial values and rows.

Rows of float32 numbers are padded to whole SIMD vectors, so that kernels need no code for the rest
of a row, and start at cache lines. Their distance is an odd number of cache lines, see
`row_stride`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import kernel
from w2v.compute.random import INITIAL_VECTORS, make_key, random_bits
from w2v.compute.simd import WIDTH

if TYPE_CHECKING:
    from w2v.config import Config

LINE = 16  # float32 numbers in a cache line of 64 bytes
# Rows at the end of the matrices that belong to a thread: one of zeros, which stands for a line
# end, and one that receives the updates of frozen vectors, which are discarded.
SCRATCH_ROWS = 2
# Initial vectors are uniform in (-b, b), b = INITIAL_BOUND / sqrt(dim), so that their norm is about
# 0.1 at any dimension. The context vectors start at zero, and their first updates are proportional
# to the vectors: with word2vec's bound of 1 / (2 dim), small corpora end before learning has begun.
INITIAL_BOUND = 0.2


class Matrices(NamedTuple):
    """The word vectors and context vectors, as flat arrays.

    Row i starts at ``i * stride``. The rows of the V words come first, then SCRATCH_ROWS rows for
    each thread.
    """

    vectors: NDArray[np.float32]
    contexts: NDArray[np.float32]
    stride: int  # the distance of two rows
    width: int  # the numbers of a row that kernels read: ``dim``, padded with zeros
    step_scales: NDArray[np.float64]  # (rows,) step sizes of the word vectors, relative to lr
    frozen: int = 0  # the vectors of the first ``frozen`` words do not change


def padded_width(dim: int) -> int:
    """Round a dimension up to whole SIMD vectors."""
    return -(-dim // WIDTH) * WIDTH


def row_stride(dim: int) -> int:
    """Return the distance of two rows: whole cache lines, and an odd number of them.

    With a power of two, rows would compete for few sets of the first-level cache, and the processor
    would take loads for reads of what was just stored to another row.
    """
    return (-(-dim // LINE) | 1) * LINE


def aligned_zeros(size: int) -> NDArray[np.float32]:
    """Return a flat float32 array of zeros that starts at a cache line."""
    raw = np.zeros(4 * (size + LINE), np.uint8)
    start = -raw.ctypes.data % (4 * LINE)
    return raw[start : start + 4 * size].view(np.float32)


def new_matrices(words: int, config: Config, frozen: int = 0) -> Matrices:
    """Allocate the matrices with their initial values.

    Word vectors are uniform (see `fill_uniform`), context vectors are zero, step scales 1.

    Args:
        words: V.
        config: the hyper-parameters.
        frozen: the number of words, from the first on, whose vectors do not change.

    """
    stride = row_stride(config.dim)
    rows = words + SCRATCH_ROWS * config.thread_count
    matrices = Matrices(
        aligned_zeros(rows * stride),
        aligned_zeros(rows * stride),
        stride,
        padded_width(config.dim),
        np.ones(rows),
        frozen,
    )
    key = make_key(config.seed, INITIAL_VECTORS)
    fill_uniform(matrices.vectors, 0, words, config.dim, stride, key)
    return matrices


def initial_vectors(first: int, rows: int, config: Config) -> NDArray[np.float32]:
    """Return the (rows, dim) initial word vectors from the row ``first`` on."""
    vectors = np.empty(rows * config.dim, np.float32)
    key = make_key(config.seed, INITIAL_VECTORS)
    fill_uniform(vectors, first, rows, config.dim, config.dim, key)
    return vectors.reshape(rows, config.dim)


def rows_of(
    flat: NDArray[np.float32], matrices: Matrices, words: int, dim: int
) -> NDArray[np.float32]:
    """Return a (words, dim) view of one of the flat arrays of the matrices."""
    return flat.reshape(-1, matrices.stride)[:words, :dim]


@kernel
def fill_uniform(
    vectors: NDArray[np.float32], first: int, rows: int, dim: int, stride: int, key: np.uint64
) -> None:
    """Fill rows with random numbers in (-b, b), b = INITIAL_BOUND / sqrt(dim).

    Args:
        vectors: flat; row ``first + i`` starts at ``i * stride``.
        first: the number of the first row to fill.
        rows: the number of rows to fill.
        dim: the numbers of a row to fill.
        stride: the distance of two rows.
        key: of the random numbers; those of a row depend on the key and the row alone.

    """
    bound = np.float32(INITIAL_BOUND) / np.sqrt(np.float32(dim))
    for row in range(rows):
        for d in range(dim):
            bits = random_bits(key, (first + row) * dim + d) >> np.uint64(41)  # 23 bits remain
            share = (np.float32(bits) + np.float32(0.5)) / np.float32(1 << 23)
            vectors[row * stride + d] = (np.float32(2.0) * share - np.float32(1.0)) * bound
