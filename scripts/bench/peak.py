"""The share of peak arithmetic that a training uses: useful operations and peak operations.

The score of a center with a context or a negative sample takes a dot product and two vector
updates, each of ``dim`` multiplications and additions: 3 * 2 * dim operations. Everything else
(sigmoids, random numbers, subsampling, copying rows) is not counted, nor are scores of padding in a
tile.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np

from w2v.compute.simd import WIDTH, add, fma, reduce_add, splat

# Independent chains: enough to fill two units with a latency of six cycles.
CHAINS = 12
_ROUNDS = 4_000_000
_OPERATIONS_PER_SCORE = 3 * 2


@numba.njit(nogil=True, cache=True)  # type: ignore[misc, untyped-decorator, unused-ignore]
def chained_multiply_adds(rounds: int, start: float) -> float:
    """Run CHAINS fused multiply-adds of WIDTH float32 in registers, ``rounds`` times.

    Each chain is x = x * 0.999 + 0.001, which tends to 1 and never to slow denormal numbers.
    """
    factor = splat(np.float32(0.999))
    term = splat(np.float32(0.001))
    a = splat(np.float32(start))
    b = add(a, term)
    c = add(b, term)
    d = add(c, term)
    e = add(d, term)
    f = add(e, term)
    g = add(f, term)
    h = add(g, term)
    i = add(h, term)
    j = add(i, term)
    k = add(j, term)
    m = add(k, term)
    for _ in range(rounds):
        a = fma(a, factor, term)
        b = fma(b, factor, term)
        c = fma(c, factor, term)
        d = fma(d, factor, term)
        e = fma(e, factor, term)
        f = fma(f, factor, term)
        g = fma(g, factor, term)
        h = fma(h, factor, term)
        i = fma(i, factor, term)
        j = fma(j, factor, term)
        k = fma(k, factor, term)
        m = fma(m, factor, term)
    first = add(add(add(a, b), add(c, d)), add(e, f))
    return reduce_add(add(first, add(add(add(g, h), add(i, j)), add(k, m))))


def peak_gflops(threads: int, *, repeats: int = 3, rounds: int = _ROUNDS) -> float:
    """Measure the peak of float32 operations per second, in GFLOP/s.

    Args:
        threads: the number of threads that run at the same time.
        repeats: the number of measurements, of which the median is returned.
        rounds: the length of a measurement. A multiply-add counts as two operations.
    """
    chained_multiply_adds(1, 0.5)  # compiles it
    with ThreadPoolExecutor(threads) as pool:
        return statistics.median(_gflops(pool, threads, rounds) for _ in range(repeats))


def _gflops(pool: ThreadPoolExecutor, threads: int, rounds: int) -> float:
    started = time.perf_counter()
    list(pool.map(chained_multiply_adds, [rounds] * threads, [0.5] * threads))
    seconds = time.perf_counter() - started
    return threads * rounds * CHAINS * WIDTH * 2 / seconds / 1e9


def useful_operations(meta: Mapping[str, Any]) -> float:
    """Count the useful floating-point operations of a training.

    Args:
        meta: the meta.json of the model. Each center with contexts is scored against every
            negative sample of its shared set.
    """
    config, epochs = meta["config"], meta["epochs"]
    pairs = sum(epoch["pairs"] for epoch in epochs)
    centers = sum(epoch["centers"] for epoch in epochs)
    scores = pairs + centers * config["shared_negatives"]
    return float(scores * _OPERATIONS_PER_SCORE * config["dim"])
