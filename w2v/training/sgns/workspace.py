"""The arrays that a thread works in, and the sizes of a tile.

TILE consecutive centers are trained together. A tile of TILE adjacent words, with a window of BAND,
is a band: its contexts are the BAND_ROWS words from BAND before the tile to BAND after it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.simd import WIDTH
from w2v.training.model import aligned_zeros
from w2v.training.sampling import Sampling

TILE = 4
BAND = 2
BAND_PAIRS = 2 * BAND * TILE
BAND_ROWS = 2 * BAND + TILE
# A set of negative samples is padded to this many rows, so that its scores fill whole vectors.
_NOISE_UNIT = 4
# Rows are prefetched this many words before their turn.
PREFETCH_DISTANCE = 12


class Workspace(NamedTuple):
    """The buffers of one thread. Their contents mean nothing between spans.

    "Row" stands for the index in the flat matrices at which a row starts. A pair of a row around
    the tile and a center has a slot, which is the same in ``context_gradients`` and
    ``context_weights``. Gradients hold scores at first and are replaced in place.
    """

    blank: int  # the id of this thread's row of zeros, which stands for line ends and padding
    local_ids: NDArray[np.int32]  # (V,) in a replica, the row number of each word; else (0,)
    selected: NDArray[np.int32]  # ids of the span's words after subsampling, and some around it
    centers: NDArray[np.int64]  # (TILE,) rows of the centers
    targets: NDArray[np.int64]  # (TILE,) rows that receive the updates of the centers
    center_scales: NDArray[np.float32]  # (TILE,) step scales of the centers
    center_positions: NDArray[np.int64]  # (TILE,) positions of the centers in ``selected``
    window_begins: NDArray[np.int64]  # (TILE,) first positions of their windows
    window_ends: NDArray[np.int64]  # (TILE,) positions after the last ones
    context_rows: NDArray[np.int64]  # rows of the words around the tile
    context_gradients: NDArray[np.float32]  # of each slot
    context_weights: NDArray[np.float32]  # of each slot: 1 if its words are a pair, else 0
    noise_rows: NDArray[np.int64]  # rows of the negative samples, padded with the row of zeros
    next_noise: NDArray[np.int64]  # (shared_negatives,) rows of the next set
    noise_gradients: NDArray[np.float32]  # TILE for each noise row
    noise_weights: NDArray[
        np.float32
    ]  # (WIDTH,) minus the weight of noise for each center, repeated
    prefetched: NDArray[np.int64]  # (TILE,) rows that will be needed soon


def make_workspace(
    span_positions: int,
    blank: int,
    stride: int,
    sampling: Sampling,
    local_ids: NDArray[np.int32] | None = None,
) -> Workspace:
    """Allocate the buffers of a thread.

    Args:
        span_positions: the largest number of positions in a span.
        blank: the first of the thread's scratch rows.
        stride: of the matrices.
        sampling: for the numbers of contexts and negative samples.
        local_ids: the row number of each word, if the matrices are a replica of some rows.

    """
    max_rows = TILE * (2 * sampling.window + 1) + 1
    noise_rows = -(-sampling.shared_negatives // _NOISE_UNIT) * _NOISE_UNIT
    return Workspace(
        blank=blank,
        local_ids=np.zeros(0, np.int32) if local_ids is None else local_ids,
        selected=np.zeros(
            span_positions + 2 * sampling.window + TILE + PREFETCH_DISTANCE + 1, np.int32
        ),
        centers=np.zeros(TILE, np.int64),
        targets=np.zeros(TILE, np.int64),
        center_scales=aligned_zeros(TILE),
        center_positions=np.zeros(TILE, np.int64),
        window_begins=np.zeros(TILE, np.int64),
        window_ends=np.zeros(TILE, np.int64),
        context_rows=np.zeros(max_rows, np.int64),
        context_gradients=aligned_zeros(max_rows * TILE + WIDTH),
        context_weights=aligned_zeros(max_rows * TILE + WIDTH),
        noise_rows=np.full(noise_rows, blank * stride, np.int64),
        next_noise=np.zeros(sampling.shared_negatives, np.int64),
        noise_gradients=aligned_zeros(noise_rows * TILE),
        noise_weights=aligned_zeros(WIDTH),
        prefetched=np.zeros(TILE, np.int64),
    )
