"""Short vectors do what their plain versions say, whether compiled or not."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.compute import simd as lanes
from w2v.compute.jit import kernel
from w2v.compute.simd import BYTES, WIDTH

SIZE = 2 * WIDTH + 5


def numbers(seed):
    return np.random.default_rng(seed).normal(size=SIZE).astype(np.float32)


@kernel
def apply_all(a, b, out):
    """Every function once, the results one vector behind the other; two sums are returned."""
    x = lanes.load(a, 1)
    y = lanes.load(b, 3)
    lanes.prefetch(a, 0)
    lanes.store(out, 0, x)
    lanes.store(out, WIDTH, lanes.splat(np.float32(2.5)))
    lanes.store(out, 2 * WIDTH, lanes.splat_from(b, 4))
    lanes.store(out, 3 * WIDTH, lanes.fma(x, y, lanes.splat(np.float32(1.0))))
    lanes.store(out, 4 * WIDTH, lanes.add(x, y))
    lanes.store(out, 5 * WIDTH, lanes.multiply(x, y))
    lanes.store(out, 6 * WIDTH, lanes.divide(x, y))
    lanes.store(out, 7 * WIDTH, lanes.minimum(x, y))
    lanes.store(out, 8 * WIDTH, lanes.maximum(x, y))
    lanes.store_reduce_add_4(out, 9 * WIDTH, x, y, lanes.add(x, y), lanes.multiply(x, y))
    return lanes.reduce_add(x), lanes.reduce_add(y)


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


def test_nan_of_the_first_argument_comes_through():
    a, b = numbers(1), numbers(2)
    a[1] = np.nan
    out = np.zeros(10 * WIDTH, np.float32)
    apply_all(a, b, out)
    assert np.isnan(out[7 * WIDTH])
    assert np.isnan(out[8 * WIDTH])


@kernel
def apply_bytes(array, firsts, found):
    """Which bytes are in a range, for some places and ranges; then make letters small."""
    for i in range(len(found)):
        found[i] = lanes.bytes_between(array, i, firsts[i], firsts[i] + np.uint8(20))
    lanes.ascii_lowercase(array, 3)


def test_bytes_in_ranges_and_small_letters():
    array = np.random.default_rng(1).permutation(np.arange(256).astype(np.uint8))
    firsts = np.array([0, 1, 60, 120, 128, 200, 235], np.uint8)
    before = array.copy()
    found = np.zeros(len(firsts), np.uint64)
    apply_bytes(array, firsts, found)
    for i, first in enumerate(firsts.tolist()):
        wanted = [first <= byte <= first + 20 for byte in before[i : i + BYTES].tolist()]
        assert [bool(int(found[i]) >> k & 1) for k in range(BYTES)] == wanted
    small = before[3 : 3 + BYTES].tobytes().lower()
    assert array.tobytes() == before[:3].tobytes() + small + before[3 + BYTES :].tobytes()


@kernel
def apply_zeros(number):
    return lanes.trailing_zeros(number)


def test_trailing_zeros():
    assert apply_zeros(np.uint64(0)) == 64
    for zeros in range(64):
        for number in (1 << zeros, (1 << 64) - (1 << zeros), (1 << zeros) | (1 << 63)):
            assert apply_zeros(np.uint64(number)) == zeros
