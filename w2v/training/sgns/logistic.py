"""Sigmoids, losses and gradients of scores, on SIMD vectors.

A pair of score z has the loss log(1 + e^x) and a gradient proportional to s(x) = 1 / (1 + e^-x),
with x = -z for a true context and x = z for a negative sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined
from w2v.compute.simd import (
    WIDTH,
    add,
    divide,
    fma,
    load,
    maximum,
    minimum,
    multiply,
    reduce_add,
    splat,
    store,
)
from w2v.training.sgns.workspace import Workspace

# Scores are clamped to this absolute value: s(MAX_SCORE) differs from 1 by 2e-9.
MAX_SCORE = 20.0

# The coefficients of -log(1 - y) / y on [0, 1/2], by least squares at Chebyshev nodes. The error is
# below 1e-6.
LOG_1 = 1.00000098
LOG_2 = 0.49981507
LOG_3 = 0.33894989
LOG_4 = 0.18720224
LOG_5 = 0.52401351
LOG_6 = -0.64016863
LOG_7 = 0.99207566


@inlined
def noise_loss(work: Workspace) -> float:
    """Return the sum of weight * log(1 + e^score) over all noise scores."""
    one = splat(np.float32(1.0))
    losses = splat(np.float32(0.0))
    for k in range(0, len(work.noise_gradients), WIDTH):
        x = clamped(work.noise_gradients, k, one)
        exp = exp_of_minus(x)
        losses = add(softplus(x, exp, divide(one, add(one, exp))), losses)
    return -reduce_add(multiply(load(work.noise_weights, 0), losses))


@inlined
def noise_gradients(work: Workspace, lr: np.float32) -> None:
    """Replace each noise score x by -lr * weight * s(x)."""
    one = splat(np.float32(1.0))
    rate = multiply(load(work.noise_weights, 0), splat(lr))
    for k in range(0, len(work.noise_gradients), WIDTH):
        exp = exp_of_minus(clamped(work.noise_gradients, k, one))
        store(work.noise_gradients, k, divide(rate, add(one, exp)))


@inlined
def context_gradients(work: Workspace, slots: int, lr: np.float32) -> float:
    """Replace the score z of each slot by lr * weight * s(-z); return the loss of all pairs."""
    one = splat(np.float32(1.0))
    minus_one = splat(np.float32(-1.0))
    rate = splat(lr)
    losses = splat(np.float32(0.0))
    for k in range(0, slots, WIDTH):
        x = clamped(work.context_gradients, k, minus_one)
        exp = exp_of_minus(x)
        sigmoid = divide(one, add(one, exp))
        weight = load(work.context_weights, k)
        losses = fma(weight, softplus(x, exp, sigmoid), losses)
        store(work.context_gradients, k, multiply(multiply(weight, rate), sigmoid))
    return reduce_add(losses)


@inlined
def clamped(scores: NDArray[np.float32], k: int, sign: Any) -> Any:
    """Return sign * score of some lanes, between -MAX_SCORE and MAX_SCORE."""
    limit = splat(np.float32(MAX_SCORE))
    minus_limit = splat(np.float32(-MAX_SCORE))
    return maximum(minimum(multiply(sign, load(scores, k)), limit), minus_limit)


@inlined
def exp_of_minus(x: Any) -> Any:
    """Return e^-x for clamped x, to about 1e-6: a polynomial of x / 16, to the power of 16."""
    z = multiply(x, splat(np.float32(-1.0 / 16.0)))
    power = splat(np.float32(1.0 / 720.0))
    power = fma(power, z, splat(np.float32(1.0 / 120.0)))
    power = fma(power, z, splat(np.float32(1.0 / 24.0)))
    power = fma(power, z, splat(np.float32(1.0 / 6.0)))
    power = fma(power, z, splat(np.float32(0.5)))
    power = fma(power, z, splat(np.float32(1.0)))
    power = fma(power, z, splat(np.float32(1.0)))
    power = multiply(power, power)
    power = multiply(power, power)
    power = multiply(power, power)
    return multiply(power, power)


@inlined
def softplus(x: Any, exp: Any, sigmoid: Any) -> Any:
    """Return log(1 + e^x), given e^-x and s(x).

    With y = min(s(x), s(-x)) <= 1/2 it is max(x, 0) - log(1 - y), the latter a polynomial of y.
    """
    y = minimum(sigmoid, multiply(exp, sigmoid))
    log = splat(np.float32(LOG_7))
    log = fma(log, y, splat(np.float32(LOG_6)))
    log = fma(log, y, splat(np.float32(LOG_5)))
    log = fma(log, y, splat(np.float32(LOG_4)))
    log = fma(log, y, splat(np.float32(LOG_3)))
    log = fma(log, y, splat(np.float32(LOG_2)))
    log = fma(log, y, splat(np.float32(LOG_1)))
    return fma(log, y, maximum(x, splat(np.float32(0.0))))
