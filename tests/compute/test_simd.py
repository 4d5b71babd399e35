"""SIMD vectors give the results of NumPy, compiled and as plain Python."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.compute import simd
from w2v.compute.jit import kernel
from w2v.compute.simd import BYTES, WIDTH

SIZE = 2 * WIDTH + 5


def numbers(seed):
    return np.random.default_rng(seed).normal(size=SIZE).astype(np.float32)


@kernel
def apply_all(a, b, out):
    """Call every function once; write the results one after the other and return two sums."""
    x = simd.load(a, 1)
    y = simd.load(b, 3)
    simd.prefetch(a, 0)
    simd.store(out, 0, x)
    simd.store(out, WIDTH, simd.splat(np.float32(2.5)))
    simd.store(out, 2 * WIDTH, simd.splat_from(b, 4))
    simd.store(out, 3 * WIDTH, simd.fma(x, y, simd.splat(np.float32(1.0))))
    simd.store(out, 4 * WIDTH, simd.add(x, y))
    simd.store(out, 5 * WIDTH, simd.multiply(x, y))
    simd.store(out, 6 * WIDTH, simd.divide(x, y))
    simd.store(out, 7 * WIDTH, simd.minimum(x, y))
    simd.store(out, 8 * WIDTH, simd.maximum(x, y))
    simd.store_reduce_add_4(out, 9 * WIDTH, x, y, simd.add(x, y), simd.multiply(x, y))
    return simd.reduce_add(x), simd.reduce_add(y)


def test_every_function():
    a, b = numbers(1), numbers(2)
    out = np.zeros(10 * WIDTH, np.float32)
    totals = apply_all(a, b, out)
    x, y = a[1 : 1 + WIDTH], b[3 : 3 + WIDTH]
    expected = [x, np.full(WIDTH, 2.5), np.full(WIDTH, b[4]), x * y + 1, x + y, x * y, x / y]
    expected += [np.minimum(x, y), np.maximum(x, y)]
    np.testing.assert_allclose(out[: 9 * WIDTH].reshape(9, WIDTH), expected, rtol=1e-5, atol=1e-6)
    sums = [x.sum(), y.sum(), (x + y).sum(), (x * y).sum()]
    np.testing.assert_allclose(out[9 * WIDTH : 9 * WIDTH + 4], sums, rtol=1e-4, atol=1e-5)
    assert totals == pytest.approx(sums[:2], rel=1e-4, abs=1e-5)
    assert not out[9 * WIDTH + 4 :].any()


def test_minimum_and_maximum_propagate_nan_of_the_first_argument():
    a, b = numbers(1), numbers(2)
    a[1] = np.nan
    out = np.zeros(10 * WIDTH, np.float32)
    apply_all(a, b, out)
    assert np.isnan(out[7 * WIDTH])
    assert np.isnan(out[8 * WIDTH])


@kernel
def apply_bytes(array, firsts, found):
    """Test bytes at some positions for some ranges, then lowercase letters."""
    for i in range(len(found)):
        found[i] = simd.bytes_between(array, i, firsts[i], firsts[i] + np.uint8(20))
    simd.ascii_lowercase(array, 3)


def test_byte_ranges_and_lowercase():
    array = np.random.default_rng(1).permutation(np.arange(256).astype(np.uint8))
    firsts = np.array([0, 1, 60, 120, 128, 200, 235], np.uint8)
    before = array.copy()
    found = np.zeros(len(firsts), np.uint64)
    apply_bytes(array, firsts, found)
    for i, first in enumerate(firsts.tolist()):
        wanted = [first <= byte <= first + 20 for byte in before[i : i + BYTES].tolist()]
        assert [bool(int(found[i]) >> k & 1) for k in range(BYTES)] == wanted
    lower = before[3 : 3 + BYTES].tobytes().lower()
    assert array.tobytes() == before[:3].tobytes() + lower + before[3 + BYTES :].tobytes()


@kernel
def apply_zeros(number):
    return simd.trailing_zeros(number)


def test_trailing_zeros():
    assert apply_zeros(np.uint64(0)) == 64
    for zeros in range(64):
        for number in (1 << zeros, (1 << 64) - (1 << zeros), (1 << zeros) | (1 << 63)):
            assert apply_zeros(np.uint64(number)) == zeros
