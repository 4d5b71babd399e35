"""The compiled step of training: skip-gram with negative sampling, on arrays and scalars only.

For a center word w with contexts c_1 .. c_m the objective (Mikolov et al. 2013b, equation 4) is

    sum_j  log s(M[w] . C[c_j])  +  K sum_j  E_n  log s(-M[w] . C[n]),      s(x) = 1 / (1 + e^-x)

with n drawn from the noise distribution. M holds the word vectors that are the result, C the
context vectors. Two things make it cheap, and leave its expectation as it is:

Shared noise. S consecutive centers share one set of N noise words, and each counts m K / N for a
center with m contexts. The set's rows of C are copied into a block that stays in the first-level
cache while S centers use it; what they changed is added back to C afterwards.

Tiles. TILE centers are taken together. Their scores against the noise block, and the updates that
follow, are small matrix products that read each row once for all of them. All scores of a tile are
taken at the vectors' values before it, then its updates are added one after the other; none is
lost, even where a word occurs twice.

The scores' signs are turned for the true contexts, so that with x = -score for them and x = score
for noise the step is lr * weight * s(x) and the loss log(1 + e^x) for both; the weight is 1 for a
context and -m K / N for noise.

What it costs at dim 128, window 2, N = 16, S = 64: a center has 20 scores, each of them a dot
product and two updates, 3 * 128 multiply-adds; that is 15 thousand floating-point operations, of
which four fifths are the noise block's and find it in the first-level cache. From memory come the
center's row and that of one new context, 1 KB, asked for _AHEAD words before they are needed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compiled import inlined, kernel
from w2v.lanes import (
    WIDTH,
    add,
    divide,
    larger,
    load,
    multiply,
    multiply_add,
    prefetch,
    smaller,
    splat,
    splat_from,
    store,
    store_totals,
    total,
)
from w2v.pairs import context_range
from w2v.sampling import draw, draw_below, draw_noise, passes

TILE = 4
# Rows are padded to this many numbers, 64 bytes: a cache line, and a multiple of WIDTH.
ROW_UNIT = 16
# The noise block is padded to this many rows, so that its scores fill whole vectors.
NOISE_UNIT = 4
# Words by which the rows of centers and contexts are asked for before they are needed.
_AHEAD = 12

# -log(1 - y) / y on [0, 1/2], by least squares at Chebyshev nodes; the error is below 1e-6.
LOG_1 = 1.00000098
LOG_2 = 0.49981507
LOG_3 = 0.33894989
LOG_4 = 0.18720224
LOG_5 = 0.52401351
LOG_6 = -0.64016863
LOG_7 = 0.99207566

# A score so high that the model is sure: s(SURE) differs from 1 by 2e-9. None counts for more.
SURE = 20.0

END = -1  # between the kept words of two lines


class Model(NamedTuple):
    """The two matrices, flat; row i begins at i * stride, and one row of zeros follows the last."""

    vectors: NDArray[np.float32]
    contexts: NDArray[np.float32]
    stride: int


class Sampling(NamedTuple):
    """Tables of `w2v.sampling`, and how windows and noise are drawn."""

    keep_thresholds: NDArray[np.uint32]
    noise_thresholds: NDArray[np.uint32]
    noise_aliases: NDArray[np.int32]
    window: int
    shrink_windows: bool
    negatives: int
    shared_negatives: int
    negative_sharing: int


class Keys(NamedTuple):
    """Keys of the random numbers of one span in one epoch."""

    subsampling: np.uint64
    windows: np.uint64
    noise: np.uint64


class Workspace(NamedTuple):
    """What one thread needs to work on a span; its contents mean nothing between spans."""

    kept: NDArray[np.int32]  # words of the span that were not thinned out, and some around it
    centers: NDArray[np.int64]  # (TILE,) where their rows begin
    context_ends: NDArray[np.int64]  # (TILE + 1,) the contexts of center t end at [t + 1]
    contexts: NDArray[np.int64]  # where the rows of all contexts of the tile begin
    context_scores: NDArray[np.float32]
    changes: NDArray[np.float32]  # (TILE * stride,) what is to be added to the centers' rows
    noise_ids: NDArray[np.int64]  # (shared_negatives,)
    noise: NDArray[np.float32]  # the block of noise rows
    noise_before: NDArray[np.float32]  # as it was drawn
    noise_scores: NDArray[np.float32]  # noise row by noise row, TILE of them for each
    noise_weights: NDArray[np.float32]  # (WIDTH,) what a score counts, center by center


def padded(dim: int) -> int:
    """The length of a row in memory: ``dim`` rounded up to whole cache lines."""
    return -(-dim // ROW_UNIT) * ROW_UNIT


def aligned_zeros(size: int) -> NDArray[np.float32]:
    """A flat float32 array of zeros that begins at a cache line."""
    line = 4 * ROW_UNIT
    raw = np.zeros(4 * size + line, np.uint8)
    start = -raw.ctypes.data % line
    return raw[start : start + 4 * size].view(np.float32)


def make_workspace(span_words: int, stride: int, sampling: Sampling) -> Workspace:
    """Allocate what a thread needs for spans of up to this many words."""
    most_contexts = 2 * sampling.window * TILE
    noise_rows = -(-sampling.shared_negatives // NOISE_UNIT) * NOISE_UNIT
    return Workspace(
        kept=np.zeros(span_words + 2 * sampling.window + 2, np.int32),
        centers=np.zeros(TILE, np.int64),
        context_ends=np.zeros(TILE + 1, np.int64),
        contexts=np.zeros(most_contexts, np.int64),
        context_scores=aligned_zeros(most_contexts + WIDTH),
        changes=aligned_zeros(TILE * stride),
        noise_ids=np.zeros(sampling.shared_negatives, np.int64),
        noise=aligned_zeros(noise_rows * stride),
        noise_before=aligned_zeros(noise_rows * stride),
        noise_scores=aligned_zeros(noise_rows * TILE),
        noise_weights=aligned_zeros(WIDTH),
    )


@kernel
def fill_uniform(
    vectors: NDArray[np.float32], rows: int, dim: int, stride: int, key: np.uint64
) -> None:
    """Fill the first ``dim`` numbers of each row with random ones in (-0.5 / dim, 0.5 / dim).

    Args:
        vectors: flat, row i begins at i * stride.
        rows: how many to fill.
        dim: numbers in a row.
        stride: from one row to the next.
        key: of the random numbers; a row's depend on it and on the row's place alone.
    """
    for row in range(rows):
        for d in range(dim):
            bits = draw(key, row * dim + d) >> np.uint64(41)  # 23 of them
            share = (np.float32(bits) + np.float32(0.5)) / np.float32(1 << 23)
            vectors[row * stride + d] = (share - np.float32(0.5)) / np.float32(dim)


@inlined
def select_words(
    ids: NDArray[Any],
    begin: int,
    end: int,
    end_of_line: int,
    window: int,
    thresholds: NDArray[np.uint32],
    key: np.uint64,
    kept: NDArray[np.int32],
) -> tuple[int, int, int]:
    """Copy the words of a span that subsampling keeps, and the window's worth around it.

    Whether a word is kept depends on its place in the corpus alone, so a line that two spans share
    looks the same to both, and no pair is lost between them.

    Args:
        ids: (n,) the encoded text.
        begin: first place of the span.
        end: the place behind its last.
        end_of_line: what ends a line in ``ids``.
        window: how many words to look beyond the span, within the line.
        thresholds: (V,) how likely each word is kept.
        key: key of the random numbers.
        kept: receives the words, END between lines and at both ends.

    Returns:
        Where in ``kept`` the span's own words begin, where they end, and the length used.
    """
    kept[: window + 1] = END
    found = 0
    place = begin - 1
    while place >= 0 and found < window and ids[place] != end_of_line:
        if passes(key, place, thresholds[ids[place]]):
            kept[window - found] = ids[place]
            found += 1
        place -= 1
    size = window + 1
    for place in range(begin, end):
        if ids[place] == end_of_line:
            kept[size] = END
            size += 1
        elif passes(key, place, thresholds[ids[place]]):
            kept[size] = ids[place]
            size += 1
    last = size
    found = 0
    place = end
    while place < len(ids) and found < window and ids[place] != end_of_line:
        if passes(key, place, thresholds[ids[place]]):
            kept[size] = ids[place]
            size += 1
            found += 1
        place += 1
    kept[size] = END
    return window + 1, last, size + 1


@kernel
def train_span(
    ids: NDArray[Any],
    begin: int,
    end: int,
    end_of_line: int,
    model: Model,
    sampling: Sampling,
    keys: Keys,
    lr_begin: float,
    lr_end: float,
    work: Workspace,
) -> tuple[int, float, int, float]:
    """Train on the centers of a span of the text, changing the model in place.

    Args:
        ids: (n,) the encoded text.
        begin: first place of the span.
        end: the place behind its last.
        end_of_line: what ends a line.
        model: the two matrices.
        sampling: how words, windows and noise are drawn.
        keys: of the random numbers.
        lr_begin: learning rate at the span's begin; 0 at both ends changes nothing and gives the
            loss.
        lr_end: learning rate at its end, linear between.
        work: of this thread.

    Returns:
        The number of pairs and the sum of their contexts' losses; and the number of those pairs
        whose noise was new, and the sum of its losses. Noise that has served some centers has been
        pushed away by them, and its loss would flatter the model.
    """
    first, last, size = select_words(
        ids,
        begin,
        end,
        end_of_line,
        sampling.window,
        sampling.keep_thresholds,
        keys.subsampling,
        work.kept,
    )
    kept = work.kept[:size]
    lr_slope = (lr_end - lr_begin) / max(last - first, 1)
    position = first
    drawn = 0
    left = 0  # centers that may still use the noise block
    pairs = 0
    noise_pairs = 0
    context_loss = 0.0
    noise_loss = 0.0
    one = splat(np.float32(1.0))
    minus_one = splat(np.float32(-1.0))
    while position < last:
        if left == 0:
            if drawn > 0:
                _return_noise(model, work)
            _draw_noise(model, sampling, keys.noise, drawn, work)
            drawn += len(work.noise_ids)
            left = sampling.negative_sharing
        lr = np.float32(lr_begin + lr_slope * (position - first))
        position, filled = _fill_tile(
            kept, position, last, min(left, TILE), model, sampling, keys.windows, work
        )
        if filled == 0:
            break
        _score_contexts(model, filled, work)
        _score_noise(model, work)
        weights = load(work.noise_weights, 0)
        tile_pairs = work.context_ends[filled]
        context_loss += _sum_losses(work.context_scores, tile_pairs, minus_one, one)
        if left == sampling.negative_sharing:
            noise_loss -= _sum_losses(work.noise_scores, len(work.noise_scores), one, weights)
            noise_pairs += tile_pairs
        pairs += tile_pairs
        left -= filled
        _turn_into_steps(work.context_scores, tile_pairs, minus_one, one, lr)
        _turn_into_steps(work.noise_scores, len(work.noise_scores), one, weights, lr)
        _apply_noise_steps(model, work)
        _apply_context_steps(model, filled, work)
    if drawn > 0:
        _return_noise(model, work)
    return pairs, context_loss, noise_pairs, noise_loss


@inlined
def _draw_noise(
    model: Model, sampling: Sampling, key: np.uint64, drawn: int, work: Workspace
) -> None:
    """Draw the noise words of the next centers and copy their rows, twice."""
    stride = model.stride
    for n in range(len(work.noise_ids)):
        word = int(draw_noise(key, drawn + n, sampling.noise_thresholds, sampling.noise_aliases))
        work.noise_ids[n] = word
        for d in range(0, stride, WIDTH):
            value = load(model.contexts, word * stride + d)
            store(work.noise, n * stride + d, value)
            store(work.noise_before, n * stride + d, value)


@inlined
def _return_noise(model: Model, work: Workspace) -> None:
    """Add to the context matrix what has changed in the noise block."""
    stride = model.stride
    minus_one = splat(np.float32(-1.0))
    for n in range(len(work.noise_ids)):
        row = work.noise_ids[n] * stride
        for d in range(0, stride, WIDTH):
            value = load(work.noise, n * stride + d)
            change = multiply_add(load(work.noise_before, n * stride + d), minus_one, value)
            store(model.contexts, row + d, add(load(model.contexts, row + d), change))


@inlined
def _fill_tile(
    kept: NDArray[np.int32],
    position: int,
    last: int,
    most: int,
    model: Model,
    sampling: Sampling,
    key: np.uint64,
    work: Workspace,
) -> tuple[int, int]:
    """Take the next centers that have contexts: their vectors, contexts and weights.

    Returns the position to go on with and how many centers were found. The rest of the tile is
    zero and weighs nothing.
    """
    stride = model.stride
    weight = np.float32(sampling.negatives) / np.float32(sampling.shared_negatives)
    filled = 0
    pairs = 0
    while filled < most and position < last:
        word = int(kept[position])
        if word != END:
            radius = sampling.window
            if sampling.shrink_windows:
                radius -= int(draw_below(key, position, sampling.window))
            begin, end = context_range(kept, position, radius, END)
            if end - begin > 1:
                work.centers[filled] = word * stride
                for context in range(begin, end):
                    if context != position:
                        work.contexts[pairs] = int(kept[context]) * stride
                        pairs += 1
                work.noise_weights[filled] = -weight * np.float32(end - begin - 1)
                filled += 1
                work.context_ends[filled] = pairs
            _ask_for_rows(kept, position + _AHEAD, model)
        position += 1
    for t in range(filled, TILE):
        work.centers[t] = len(model.vectors) - stride
        work.noise_weights[t] = np.float32(0.0)
    for lane in range(TILE, WIDTH):
        work.noise_weights[lane] = work.noise_weights[lane - TILE]
    store(work.context_scores, pairs, splat(np.float32(SURE)))
    return position, filled


@inlined
def _ask_for_rows(kept: NDArray[np.int32], position: int, model: Model) -> None:
    """Have the rows of a word that comes later moved to the cache."""
    if position < len(kept) and kept[position] != END:
        row = int(kept[position]) * model.stride
        for d in range(0, model.stride, ROW_UNIT):
            prefetch(model.vectors, row + d)
            prefetch(model.contexts, row + d)


@inlined
def _score_contexts(model: Model, filled: int, work: Workspace) -> None:
    """The dot product of each center with each of its contexts."""
    stride = model.stride
    vectors = model.vectors
    contexts = model.contexts
    zero = splat(np.float32(0.0))
    for t in range(filled):
        center = work.centers[t]
        k = work.context_ends[t]
        end = work.context_ends[t + 1]
        while k + 4 <= end:
            row0 = work.contexts[k]
            row1 = work.contexts[k + 1]
            row2 = work.contexts[k + 2]
            row3 = work.contexts[k + 3]
            sum0 = sum1 = sum2 = sum3 = zero
            for d in range(0, stride, WIDTH):
                value = load(vectors, center + d)
                sum0 = multiply_add(value, load(contexts, row0 + d), sum0)
                sum1 = multiply_add(value, load(contexts, row1 + d), sum1)
                sum2 = multiply_add(value, load(contexts, row2 + d), sum2)
                sum3 = multiply_add(value, load(contexts, row3 + d), sum3)
            store_totals(work.context_scores, k, sum0, sum1, sum2, sum3)
            k += 4
        while k < end:
            row0 = work.contexts[k]
            sum0 = zero
            for d in range(0, stride, WIDTH):
                sum0 = multiply_add(load(vectors, center + d), load(contexts, row0 + d), sum0)
            work.context_scores[k] = total(sum0)
            k += 1


@inlined
def _score_noise(model: Model, work: Workspace) -> None:
    """The dot product of each noise row with each center: two rows by TILE centers at a time."""
    stride = model.stride
    vectors = model.vectors
    center0 = work.centers[0]
    center1 = work.centers[1]
    center2 = work.centers[2]
    center3 = work.centers[3]
    noise = work.noise
    scores = work.noise_scores
    zero = splat(np.float32(0.0))
    for n in range(0, len(scores) // TILE, 2):
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for d in range(0, stride, WIDTH):
            row_a = load(noise, n * stride + d)
            row_b = load(noise, (n + 1) * stride + d)
            value0 = load(vectors, center0 + d)
            value1 = load(vectors, center1 + d)
            value2 = load(vectors, center2 + d)
            value3 = load(vectors, center3 + d)
            a0 = multiply_add(row_a, value0, a0)
            a1 = multiply_add(row_a, value1, a1)
            a2 = multiply_add(row_a, value2, a2)
            a3 = multiply_add(row_a, value3, a3)
            b0 = multiply_add(row_b, value0, b0)
            b1 = multiply_add(row_b, value1, b1)
            b2 = multiply_add(row_b, value2, b2)
            b3 = multiply_add(row_b, value3, b3)
        store_totals(scores, n * TILE, a0, a1, a2, a3)
        store_totals(scores, (n + 1) * TILE, b0, b1, b2, b3)
    for k in range(len(work.noise_ids) * TILE, len(scores)):
        scores[k] = np.float32(-SURE)  # rows that only fill up the block


@inlined
def _exp_of_minus(x: Any) -> Any:
    """e^-x of lanes between -SURE and SURE, to about 1e-6: a polynomial of x / 16, to the 16th."""
    z = multiply(x, splat(np.float32(-1.0 / 16.0)))
    power = splat(np.float32(1.0 / 720.0))
    power = multiply_add(power, z, splat(np.float32(1.0 / 120.0)))
    power = multiply_add(power, z, splat(np.float32(1.0 / 24.0)))
    power = multiply_add(power, z, splat(np.float32(1.0 / 6.0)))
    power = multiply_add(power, z, splat(np.float32(0.5)))
    power = multiply_add(power, z, splat(np.float32(1.0)))
    power = multiply_add(power, z, splat(np.float32(1.0)))
    power = multiply(power, power)
    power = multiply(power, power)
    power = multiply(power, power)
    return multiply(power, power)


@inlined
def _held(scores: NDArray[np.float32], k: int, sign: Any) -> Any:
    """X = sign * score of some lanes, held to where its size matters."""
    limit = splat(np.float32(SURE))
    minus_limit = splat(np.float32(-SURE))
    return larger(smaller(multiply(sign, load(scores, k)), limit), minus_limit)


@inlined
def _sum_losses(scores: NDArray[np.float32], count: int, sign: Any, weight: Any) -> float:
    """The sum of weight * log(1 + e^x), x = sign * score.

    With y = min(s(x), s(-x)) <= 1/2 the logarithm is max(x, 0) - log(1 - y), the latter a
    polynomial of y.

    Args:
        scores: whole vectors of them; those behind ``count`` are such that they come to nothing.
        count: how many there are.
        sign: lanes of -1 for contexts or 1 for noise.
        weight: lanes, the weight of each score; repeats from vector to vector.
    """
    one = splat(np.float32(1.0))
    losses = zero = splat(np.float32(0.0))
    for k in range(0, count, WIDTH):
        x = _held(scores, k, sign)
        power = _exp_of_minus(x)
        sigmoid = divide(one, add(one, power))
        y = smaller(sigmoid, multiply(power, sigmoid))
        log = splat(np.float32(LOG_7))
        log = multiply_add(log, y, splat(np.float32(LOG_6)))
        log = multiply_add(log, y, splat(np.float32(LOG_5)))
        log = multiply_add(log, y, splat(np.float32(LOG_4)))
        log = multiply_add(log, y, splat(np.float32(LOG_3)))
        log = multiply_add(log, y, splat(np.float32(LOG_2)))
        log = multiply_add(log, y, splat(np.float32(LOG_1)))
        losses = add(multiply_add(log, y, larger(x, zero)), losses)
    return total(multiply(weight, losses))


@inlined
def _turn_into_steps(
    scores: NDArray[np.float32], count: int, sign: Any, weight: Any, lr: np.float32
) -> None:
    """Replace each score by lr * weight * s(x), x = sign * score; arguments as `_sum_losses`."""
    one = splat(np.float32(1.0))
    rate = multiply(weight, splat(np.float32(lr)))
    for k in range(0, count, WIDTH):
        power = _exp_of_minus(_held(scores, k, sign))
        store(scores, k, divide(rate, add(one, power)))


@inlined
def _apply_noise_steps(model: Model, work: Workspace) -> None:
    """Update the noise block, and gather what it changes in the centers."""
    stride = model.stride
    vectors = model.vectors
    center0 = work.centers[0]
    center1 = work.centers[1]
    center2 = work.centers[2]
    center3 = work.centers[3]
    changes = work.changes
    noise = work.noise
    steps = work.noise_scores
    zero = splat(np.float32(0.0))
    for d in range(0, stride, WIDTH):
        value0 = load(vectors, center0 + d)
        value1 = load(vectors, center1 + d)
        value2 = load(vectors, center2 + d)
        value3 = load(vectors, center3 + d)
        change0 = change1 = change2 = change3 = zero
        for n in range(len(work.noise_ids)):
            row = load(noise, n * stride + d)
            step0 = splat_from(steps, n * TILE)
            step1 = splat_from(steps, n * TILE + 1)
            step2 = splat_from(steps, n * TILE + 2)
            step3 = splat_from(steps, n * TILE + 3)
            change0 = multiply_add(step0, row, change0)
            change1 = multiply_add(step1, row, change1)
            change2 = multiply_add(step2, row, change2)
            change3 = multiply_add(step3, row, change3)
            row = multiply_add(step0, value0, row)
            row = multiply_add(step1, value1, row)
            row = multiply_add(step2, value2, row)
            row = multiply_add(step3, value3, row)
            store(noise, n * stride + d, row)
        store(changes, d, change0)
        store(changes, stride + d, change1)
        store(changes, 2 * stride + d, change2)
        store(changes, 3 * stride + d, change3)


@inlined
def _apply_context_steps(model: Model, filled: int, work: Workspace) -> None:
    """Update the contexts' rows and, with all that was gathered, the centers' rows."""
    stride = model.stride
    contexts = model.contexts
    vectors = model.vectors
    steps = work.context_scores
    for t in range(filled):
        center = work.centers[t]
        k = work.context_ends[t]
        end = work.context_ends[t + 1]
        while k + 4 <= end:
            row0 = work.contexts[k]
            row1 = work.contexts[k + 1]
            row2 = work.contexts[k + 2]
            row3 = work.contexts[k + 3]
            step0 = splat_from(steps, k)
            step1 = splat_from(steps, k + 1)
            step2 = splat_from(steps, k + 2)
            step3 = splat_from(steps, k + 3)
            for d in range(0, stride, WIDTH):
                value = load(vectors, center + d)
                change = load(work.changes, t * stride + d)
                # One after the other, for two of them may be the same row.
                context = load(contexts, row0 + d)
                change = multiply_add(step0, context, change)
                store(contexts, row0 + d, multiply_add(step0, value, context))
                context = load(contexts, row1 + d)
                change = multiply_add(step1, context, change)
                store(contexts, row1 + d, multiply_add(step1, value, context))
                context = load(contexts, row2 + d)
                change = multiply_add(step2, context, change)
                store(contexts, row2 + d, multiply_add(step2, value, context))
                context = load(contexts, row3 + d)
                change = multiply_add(step3, context, change)
                store(contexts, row3 + d, multiply_add(step3, value, context))
                store(work.changes, t * stride + d, change)
            k += 4
        while k < end:
            row0 = work.contexts[k]
            step0 = splat_from(steps, k)
            for d in range(0, stride, WIDTH):
                context = load(contexts, row0 + d)
                change = multiply_add(step0, context, load(work.changes, t * stride + d))
                store(work.changes, t * stride + d, change)
                value = load(vectors, center + d)
                store(contexts, row0 + d, multiply_add(step0, value, context))
            k += 1
        for d in range(0, stride, WIDTH):
            change = load(work.changes, t * stride + d)
            store(vectors, center + d, add(load(vectors, center + d), change))
