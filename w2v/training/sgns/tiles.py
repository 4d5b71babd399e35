"""The layout of a tile: its centers, their windows, and the rows and slots of its pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from w2v.compute.jit import inlined
from w2v.compute.random import random_below
from w2v.compute.simd import WIDTH, prefetch, splat, store
from w2v.corpus.pairs import context_range
from w2v.training.model import LINE, Matrices
from w2v.training.sampling import Sampling
from w2v.training.sgns.workspace import BAND, BAND_ROWS, PREFETCH_DISTANCE, TILE, Workspace


class Tile(NamedTuple):
    """The next centers that are trained together."""

    end: int  # the position in ``selected`` after the tile
    filled: int  # the number of centers
    pairs: int  # of a center and a context
    is_band: bool


@inlined
def lay_out_tile(
    position: int,
    end: int,
    size: int,
    matrices: Matrices,
    sampling: Sampling,
    key: np.uint64,
    work: Workspace,
) -> Tile:
    """Find the next words with contexts, and their windows.

    Args:
        position: the position in ``work.selected`` to start at.
        end: the position after the last center of the span.
        size: the largest number of centers.
        matrices: for their layout and the step scales of rows.
        sampling: of windows and noise.
        key: of the random window sizes.
        work: receives the centers; unused ones are rows of zeros, whose weight is zero.

    """
    selected = work.selected
    blank = work.blank
    stride = matrices.stride
    window = sampling.window
    weight = np.float32(sampling.negatives) / np.float32(sampling.shared_negatives)
    filled = 0
    pairs = 0
    center = position
    line_begin, _ = context_range(selected, center, window, blank)
    line_end = center  # there is no line end from ``center`` to here; extended word by word
    while filled < size and center < end:
        word = int(selected[center])
        upcoming = int(selected[center + PREFETCH_DISTANCE]) * stride
        window_begin = window_end = center
        if word == blank:
            line_begin = line_end = center + 1
        else:
            while line_end <= center + window and selected[line_end] != blank:
                line_end += 1
            radius = window
            if sampling.shrink_windows:
                radius -= int(random_below(key, center, window))
            window_begin = max(line_begin, center - radius)
            window_end = min(line_end, center + radius + 1)
        if window_end - window_begin > 1:
            work.centers[filled] = word * stride
            target = word if word >= matrices.frozen else blank + 1
            work.targets[filled] = target * stride
            work.center_scales[filled] = matrices.step_scales[word]
            work.prefetched[filled] = upcoming
            work.center_positions[filled] = center
            work.window_begins[filled] = window_begin
            work.window_ends[filled] = window_end
            work.noise_weights[filled] = -weight * np.float32(window_end - window_begin - 1)
            filled += 1
            pairs += window_end - window_begin - 1
        else:
            _prefetch_rows(matrices, upcoming)
        center += 1
    for t in range(filled, TILE):
        work.centers[t] = blank * stride
        work.targets[t] = blank * stride
        work.prefetched[t] = blank * stride
        work.noise_weights[t] = np.float32(0.0)
    for lane in range(TILE, WIDTH):
        work.noise_weights[lane] = work.noise_weights[lane - TILE]
    is_adjacent = work.center_positions[TILE - 1] - work.center_positions[0] == TILE - 1
    is_band = (filled == TILE) & (window == BAND) & is_adjacent
    return Tile(center, filled, pairs, is_band)


@inlined
def _prefetch_rows(matrices: Matrices, row: int) -> None:
    """Prefetch both rows of a word."""
    for d in range(0, matrices.width, LINE):
        prefetch(matrices.vectors, row + d)
        prefetch(matrices.contexts, row + d)


@inlined
def list_band(stride: int, work: Workspace) -> None:
    """List the rows around a band, and its pairs.

    Center t has the slots 4 t to 4 t + 3, for the words at offsets -2, -1, 1 and 2. A word outside
    the window, because a line ends or the window shrank, has a row like the others and weight zero.
    """
    first = work.center_positions[0] - BAND
    for r in range(BAND_ROWS):
        work.context_rows[r] = int(work.selected[first + r]) * stride
    slot = 0
    for t in range(TILE):
        begin = work.window_begins[t]
        end = work.window_ends[t]
        for offset in (-2, -1, 1, 2):
            position = work.center_positions[t] + offset
            present = (begin <= position) & (position < end)
            work.context_weights[slot] = np.float32(1.0) if present else np.float32(0.0)
            slot += 1


@inlined
def list_rows(filled: int, stride: int, work: Workspace) -> int:
    """List the rows around any tile, and its pairs; return the number of rows.

    Rows stand in the order of the text. Row r and center t have the slot r * TILE + t.
    """
    count = 0
    listed = 0  # words before this position are listed, or in no window
    for t in range(filled):
        begin = _first_position(t, filled, work)
        count = _list_words(max(begin, listed), work.window_ends[t], count, stride, work)
        listed = max(listed, work.window_ends[t])
        _mark_pairs(t, count - listed, work)
    # The number of rows must be even; the first word of ``selected`` is blank.
    return _list_words(0, count % 2, count, stride, work)


@inlined
def _first_position(t: int, filled: int, work: Workspace) -> int:
    """Return the first position in the windows of center t and of those after it."""
    first = int(work.window_begins[t])
    for later in range(t + 1, filled):
        first = min(first, int(work.window_begins[later]))
    return first


@inlined
def _list_words(begin: int, end: int, count: int, stride: int, work: Workspace) -> int:
    """Append the rows of the words between two positions, without pairs."""
    zero = splat(np.float32(0.0))
    for position in range(begin, end):
        work.context_rows[count] = int(work.selected[position]) * stride
        store(work.context_weights, count * TILE, zero)
        count += 1
    return count


@inlined
def _mark_pairs(t: int, row_of_position_0: int, work: Workspace) -> None:
    """Set the weights of a center's pairs. The words of its window have adjacent rows."""
    center = work.center_positions[t]
    for position in range(work.window_begins[t], work.window_ends[t]):
        present = np.float32(1.0) if position != center else np.float32(0.0)
        work.context_weights[(row_of_position_0 + position) * TILE + t] = present
