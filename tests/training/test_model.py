"""The layout of the matrices and their initial values."""

from __future__ import annotations

import numpy as np
import pytest

from training.helpers import small
from w2v.compute.simd import WIDTH
from w2v.training.model import LINE, aligned_zeros, new_matrices, padded_width, row_stride, rows_of


@pytest.mark.parametrize("dim", [1, 7, 8, 16, 17, 100, 128, 300, 512])
def test_rows_lie_an_odd_number_of_cache_lines_apart(dim):
    assert row_stride(dim) % LINE == 0
    assert row_stride(dim) // LINE % 2 == 1
    assert padded_width(dim) % WIDTH == 0
    assert dim <= padded_width(dim) < dim + WIDTH
    assert padded_width(dim) <= row_stride(dim) < dim + 2 * LINE


def test_initial_vectors_are_uniform_and_depend_on_the_seed():
    config = small(dim=100)
    matrices = new_matrices(500, config)
    rows = rows_of(matrices.vectors, matrices, 500, 100)
    assert 0.0199 < np.abs(rows).max() < 0.02
    assert np.abs(rows.mean()) < 1e-3
    assert rows.std() == pytest.approx(0.02 / np.sqrt(3), rel=0.02)
    assert not matrices.contexts.any()
    assert (new_matrices(500, small(dim=100, seed=5)).vectors != matrices.vectors).any()


def test_arrays_start_at_cache_lines():
    for size in (1, 16, 1000):
        zeros = aligned_zeros(size)
        assert zeros.shape == (size,)
        assert zeros.ctypes.data % (4 * LINE) == 0
        assert not zeros.any()
