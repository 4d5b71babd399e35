"""The layout of tiles: their pairs against the window rule, bands, and what they prefetch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_sgns as reference
from training.helpers import (
    END_OF_LINE,
    encoded,
    make_keys,
    make_sampling,
    random_matrices,
    texts,
    whole,
    words_in,
)
from w2v.corpus.pairs import skipgram_pairs
from w2v.training.model import row_stride
from w2v.training.sgns.kernel import TextSpan, select_words
from w2v.training.sgns.tiles import lay_out_tile, list_band, list_rows
from w2v.training.sgns.workspace import PREFETCH_DISTANCE, TILE, make_workspace


def lay_out(span, sampling, keys):
    """Lay out the tiles of a span: (tile, workspace) for each."""
    matrices, _, _ = random_matrices(len(sampling.keep_thresholds) - 1, 1)
    work = make_workspace(
        max(span.end - span.begin, 1), words_in(matrices), matrices.stride, sampling
    )
    position, end = select_words(span, sampling, keys.subsampling, work)
    # A span before this one may have left anything.
    for positions in (work.center_positions, work.window_begins, work.window_ends):
        positions[:] = position + TILE - 1
    while position < end:
        tile = lay_out_tile(position, end, TILE, matrices, sampling, keys.windows, work)
        position = tile.end
        if tile.filled:
            yield tile, work


def pairs_of_tile(tile, stride, work):
    """The pairs of words that a tile has, in order, as its slots and weights say."""
    words = work.centers // stride
    if tile.is_band:
        list_band(stride, work)
        slots = [(t, t + r, 4 * t + j) for t in range(4) for j, r in enumerate((0, 1, 3, 4))]
    else:
        rows = list_rows(tile.filled, stride, work)
        windows = [range(work.window_begins[t], work.window_ends[t]) for t in range(tile.filled)]
        around = [int(work.selected[position]) for position in sorted(set().union(*windows))]
        padding = [work.blank] * (len(around) % 2)
        assert (work.context_rows[:rows] // stride).tolist() == around + padding
        slots = [(t, r, r * TILE + t) for t in range(TILE) for r in range(rows)]
    weights = {slot: work.context_weights[slot] for _, _, slot in slots}
    assert set(weights.values()) <= {0.0, 1.0}
    return [
        (int(words[t]), int(work.context_rows[r]) // stride)
        for t, r, slot in slots
        if weights[slot]
    ]


def kernel_pairs(span, sampling, keys):
    """The pairs in all tiles of a span, in order."""
    found = []
    for tile, work in lay_out(span, sampling, keys):
        of_tile = pairs_of_tile(tile, row_stride(1), work)
        assert len(of_tile) == tile.pairs
        found += of_tile
    return found


@pytest.mark.parametrize(
    ("lines", "window", "expected"),
    [
        ([[0, 1, 2, 3]], 2, [True]),
        ([[0, 1, 2, 3, 4, 5, 6, 7, 8]], 2, [True, True, False]),
        ([[0, 1, 2, 3, 4, 5], [6, 7]], 2, [True, False]),
        ([[0, 1, 2], [3], [4, 5, 6, 7, 8]], 2, [False, True]),
        ([[0, 1, 2]], 2, [False]),
        ([[0, 1, 2, 3]], 1, [False]),
        ([[0, 1, 2, 3]], 3, [False]),
    ],
)
def test_a_band_is_a_full_tile_of_adjacent_words(lines, window, expected):
    found = lay_out(whole(encoded(lines)), make_sampling(10, window=window), make_keys(1))
    assert [bool(tile.is_band) for tile, _ in found] == expected


def test_rows_are_prefetched_at_a_distance():
    ids = encoded([list(range(30))])
    found = [
        (work.prefetched // row_stride(1)).tolist()
        for _, work in lay_out(whole(ids), make_sampling(30), make_keys(1))
    ]
    assert found[0] == [PREFETCH_DISTANCE + t for t in range(TILE)]
    assert found[-2:] == [[30] * TILE] * 2  # the row of zeros


@pytest.mark.slow
@given(ids=texts(12), window=st.integers(1, 6))
def test_pairs_are_those_of_the_generator(ids, window):
    sampling = make_sampling(12, window=window)
    lines = [line.tolist() for line in np.split(ids, np.flatnonzero(ids == END_OF_LINE) + 1)]
    sentences = [[word for word in line if word != END_OF_LINE] for line in lines]
    expected = list(skipgram_pairs([s for s in sentences if s], window))
    assert kernel_pairs(whole(ids), sampling, make_keys(1)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_pairs_in_shrunk_windows_are_those_of_the_reference(seed):
    lines = np.random.default_rng(seed).integers(0, 12, (3, 9)).tolist()
    sampling = make_sampling(12, window=5, shrink_windows=True)
    ids = encoded(lines)
    centers = reference.centers_of(whole(ids), sampling, make_keys(seed))
    expected = [(word, context) for _, word, around in centers for _, context in around]
    assert kernel_pairs(whole(ids), sampling, make_keys(seed)) == expected


@given(
    ids=texts(12, max_size=80),
    window=st.integers(1, 6),
    span=st.integers(1, 20),
    sample=st.sampled_from([0.0, 0.03]),
    seed=st.integers(0, 1000),
)
def test_no_pair_is_lost_or_added_between_spans(ids, window, span, sample, seed):
    sampling = make_sampling(12, window=window, sample=sample)
    keys = make_keys(seed)
    expected = kernel_pairs(whole(ids), sampling, keys)
    pieces = [
        pair
        for begin in range(0, len(ids), span)
        for pair in kernel_pairs(
            TextSpan(ids, begin, min(begin + span, len(ids)), END_OF_LINE), sampling, keys
        )
    ]
    assert pieces == expected
