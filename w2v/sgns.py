"""The compiled step of training: skip-gram with negative sampling, on arrays and scalars only.

For a center word w with contexts c_1 .. c_m the objective (Mikolov et al. 2013b, equation 4) is

    sum_j  log s(M[w] . C[c_j])  +  K sum_j  E_n  log s(-M[w] . C[n]),      s(x) = 1 / (1 + e^-x)

with n drawn from the noise distribution. M holds the word vectors that are the result, C the
context vectors. The scores' signs are turned for the true contexts, so that with x = -score for
them and x = score for noise the step is lr * weight * s(x) and the loss log(1 + e^x) for both; the
weight is 1 for a context and -m K / N for noise.

Blocking
--------
Shared noise: S consecutive centers share one set of N noise words, and each counts m K / N for a
center with m contexts. The objective's expectation stays as it is; a center has N scores with noise
instead of m K. The set's rows of C are copied into a block that stays in the first-level cache, and
no other thread's business, while S centers use it; what they changed is added to C afterwards.

Tiles: TILE centers are taken together. Their scores against the noise block, and the updates that
follow, are small matrix products that read each row once for all of them, with accumulators in
registers. All scores of a tile are taken at the vectors' values before it, then its updates are
added one after the other; none is lost, even where a word occurs twice.

Arithmetic
----------
A score is a dot product and two updates, 3 * dim multiply-adds. At dim 128, window 2, N = 16 a
center has 20 of them: 15 thousand floating-point operations, four fifths of them for noise. On a
core that does 99 GFLOP/s (AVX2, two multiply-adds of 8 lanes a cycle) they take 155 ns at least.
Measured there by leaving each part out, ns a center, all rows in the second-level cache, noise
changed in C itself; and what the operations would take:

    score noise      60 of 41        score contexts   31 of 10       sigmoids, losses  11
    apply noise     112 of 83        apply contexts   58 of 20       all else          32

Contexts lag behind since a center has four of them, too few for a product: their rows are stored
once for each center that they are near, one 32-byte store a cycle, and sums across lanes are due
for each.

Memory traffic
--------------
From beyond the second-level cache come a center's row of M and, as the window moves on, one new row
of C: 1 KB in and 1 KB back out, or 8 operations a byte. So a core is near the point where memory
and arithmetic cost the same: on text with 50,000 words, 51 MB of rows, the 305 ns become 385.

What was tried
--------------
Gains that stayed, each measured against the version without it:

- Centers where they lie. Tiles read the centers' rows in M itself: 1.4 times as fast as copying
  them into a block first. For noise it made no difference that could be told, at dim 128 or 300,
  with one thread or two; the copies keep threads off each other's rows.
- Odd spacing. Rows lie an odd number of cache lines apart (`spaced`). 512 bytes apart, they meet in
  few sets of the cache, and a load looks to the processor as if it read what was just stored to
  another row: a tile's updates of 24 rows took 755 ns in cache, and take 530.
- Asking ahead. Rows are prefetched _AHEAD words before their turn: 1.3 times as fast on real text.
  From 4 to 20 words made no difference, nor did asking for reading instead of writing.
- No branch on chance. `select_words` writes every word and moves on if it is kept: 5 ns a center,
  and 35 with a branch that nobody can predict.
- Sigmoids by polynomial, on whole vectors: all of a center's 20, with their losses, take 11 ns.

Left out, for they gained nothing that could be told from noise: three noise rows by four centers at
a time; the rows of M and C of a word side by side; contexts as a masked product of all rows around
a tile, whose empty pairs cost what its fewer stores gained.

Fewer noise words would be faster and were measured (100 MB of English Wikipedia, 5 epochs, means of
3 seeds: analogies among the 30,000 most frequent words, WordSim-353, SimLex-999):

    N = 16, S = 64   41.5  64.4  27.4        changed in C itself: 41.8  65.2  26.9
    N = 12, S = 48   40.5  65.0  26.8        likewise, as are those below
    N = 12, S = 36   40.6  64.5  26.6
    N =  8, S = 32   39.2  64.9  26.3
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
LINE = 16  # numbers in a cache line of 64 bytes
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


class Model(NamedTuple):
    """The two matrices, flat; row i begins at i * stride and is followed by zeros up to width.

    After the last word's comes a row of zeros for each thread.
    """

    vectors: NDArray[np.float32]
    contexts: NDArray[np.float32]
    stride: int
    width: int


class Sampling(NamedTuple):
    """Tables of `w2v.sampling`, and how windows and noise are drawn."""

    keep_thresholds: NDArray[np.uint32]  # (V + 1,) the last one is that of a line's end: CERTAIN
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

    spare: int  # the word of this thread's row of zeros, which also stands for a line's end
    kept: NDArray[np.int32]  # words of the span that were not thinned out, and some around it
    centers: NDArray[np.int64]  # (TILE,) where their rows begin
    context_ends: NDArray[np.int64]  # (TILE + 1,) the contexts of center t end at [t + 1]
    contexts: NDArray[np.int64]  # where the rows of all contexts of the tile begin
    context_steps: NDArray[np.float32]  # of each context: its score, then its step
    noise_rows: NDArray[np.int64]  # (shared_negatives,) where the noise words' rows begin
    next_noise: NDArray[np.int64]  # (shared_negatives,) where those of the next set begin
    noise: NDArray[np.float32]  # the block of noise rows, which this thread changes
    noise_before: NDArray[np.float32]  # as it was copied
    noise_steps: NDArray[np.float32]  # row by row, TILE of them for each: scores, then steps
    noise_weights: NDArray[np.float32]  # (WIDTH,) what noise counts, center by center
    changes: NDArray[np.float32]  # (TILE * stride,) what is to be added to the centers' rows


def padded(dim: int) -> int:
    """How many numbers of a row are computed with: ``dim`` rounded up to whole vectors."""
    return -(-dim // WIDTH) * WIDTH


def spaced(dim: int) -> int:
    """From one row to the next: whole cache lines, and an odd number of them.

    Were it a power of two of them, rows would meet in few sets of the first-level cache, and a
    load would look to the processor as if it read what was stored to another row just before.
    """
    return (-(-dim // LINE) | 1) * LINE


def aligned_zeros(size: int) -> NDArray[np.float32]:
    """A flat float32 array of zeros that begins at a cache line."""
    raw = np.zeros(4 * (size + LINE), np.uint8)
    start = -raw.ctypes.data % (4 * LINE)
    return raw[start : start + 4 * size].view(np.float32)


def make_workspace(span_words: int, spare: int, stride: int, sampling: Sampling) -> Workspace:
    """Allocate what a thread needs for spans of up to this many words.

    Args:
        span_words: most words of a span.
        spare: the number of the row of zeros that is this thread's.
        stride: the model's.
        sampling: how many contexts and noise words there are.
    """
    most_contexts = 2 * sampling.window * TILE
    noise_rows = -(-sampling.shared_negatives // NOISE_UNIT) * NOISE_UNIT
    return Workspace(
        spare=spare,
        kept=np.zeros(span_words + 2 * sampling.window + TILE + _AHEAD + 1, np.int32),
        centers=np.zeros(TILE, np.int64),
        context_ends=np.zeros(TILE + 1, np.int64),
        contexts=np.zeros(most_contexts, np.int64),
        context_steps=aligned_zeros(most_contexts + WIDTH),
        noise_rows=np.zeros(sampling.shared_negatives, np.int64),
        next_noise=np.zeros(sampling.shared_negatives, np.int64),
        noise=aligned_zeros(noise_rows * stride),
        noise_before=aligned_zeros(noise_rows * stride),
        noise_steps=aligned_zeros(noise_rows * TILE),
        noise_weights=aligned_zeros(WIDTH),
        changes=aligned_zeros(TILE * stride),
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
    sampling: Sampling,
    key: np.uint64,
    work: Workspace,
) -> tuple[int, int]:
    """Copy the words of a span that subsampling keeps, and the window's worth around it.

    Whether a word is kept depends on its place in the corpus alone, so a line that two spans share
    looks the same to both, and no pair is lost between them.

    Args:
        ids: (n,) the encoded text.
        begin: first place of the span.
        end: the place behind its last.
        end_of_line: what ends a line in ``ids``.
        sampling: how likely each word is kept, and the window, which is how many words to look
            beyond the span, within the line.
        key: key of the random numbers.
        work: its ``kept`` receives the words, ``spare`` between lines and around them.

    Returns:
        Where in ``kept`` the span's own words begin, and where they end.
    """
    kept = work.kept
    window = sampling.window
    thresholds = sampling.keep_thresholds
    kept[: window + 1] = work.spare
    found = 0
    place = begin - 1
    while place >= 0 and found < window and ids[place] != end_of_line:
        if passes(key, place, thresholds[ids[place]]):
            kept[window - found] = ids[place]
            found += 1
        place -= 1
    first = size = window + 1
    certain = len(thresholds) - 1
    for place in range(begin, end):
        # Without a branch, which nobody could predict: a word that is not kept is overwritten.
        word = int(ids[place])
        ends_line = word == end_of_line
        kept[size] = work.spare if ends_line else word
        size += 1 if passes(key, place, thresholds[certain if ends_line else word]) else 0
    last = size
    found = 0
    place = end
    while place < len(ids) and found < window and ids[place] != end_of_line:
        if passes(key, place, thresholds[ids[place]]):
            kept[size] = ids[place]
            size += 1
            found += 1
        place += 1
    kept[size : size + TILE + _AHEAD] = work.spare
    return first, last


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
) -> tuple[int, int, float, int, float]:
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
        The number of centers with contexts; the number of pairs and the sum of their contexts'
        losses; and the number of those pairs whose noise was new, and the sum of its losses. Noise
        that has served some centers has been pushed away by them, and its loss would flatter the
        model.
    """
    first, last = select_words(ids, begin, end, end_of_line, sampling, keys.subsampling, work)
    lr_slope = (lr_end - lr_begin) / max(last - first, 1)
    position = first
    drawn = 0
    left = 0  # centers that may still use the noise words
    centers = 0
    pairs = 0
    noise_pairs = 0
    context_loss = 0.0
    noise_loss = 0.0
    _draw_noise(model, sampling, keys.noise, drawn, work)
    while position < last:
        if left == 0:
            if drawn > 0:
                _return_noise(model, work)
            _fetch_noise(model, work)
            drawn += len(work.noise_rows)
            _draw_noise(model, sampling, keys.noise, drawn, work)
            left = sampling.negative_sharing
        lr = np.float32(lr_begin + lr_slope * (position - first))
        position, filled = _lay_out_tile(
            position, last, min(left, TILE), model, sampling, keys.windows, work
        )
        if filled == 0:
            break
        _score_contexts(model, filled, work)
        _score_noise(model, work)
        tile_pairs = work.context_ends[filled]
        if left == sampling.negative_sharing:
            noise_loss += _sum_noise_losses(work)
            noise_pairs += tile_pairs
        _turn_into_noise_steps(work, lr)
        context_loss += _turn_into_context_steps(work, tile_pairs, lr)
        _apply_noise_steps(model, work)
        _apply_context_steps(model, filled, work)
        centers += filled
        pairs += tile_pairs
        left -= filled
    if drawn > 0:
        _return_noise(model, work)
    return centers, pairs, context_loss, noise_pairs, noise_loss


@inlined
def _draw_noise(
    model: Model, sampling: Sampling, key: np.uint64, drawn: int, work: Workspace
) -> None:
    """Draw the next set of noise words, and have their rows moved nearer."""
    for n in range(len(work.next_noise)):
        word = int(draw_noise(key, drawn + n, sampling.noise_thresholds, sampling.noise_aliases))
        row = word * model.stride
        work.next_noise[n] = row
        for d in range(0, model.width, LINE):
            prefetch(model.contexts, row + d)


@inlined
def _fetch_noise(model: Model, work: Workspace) -> None:
    """Copy the rows of the set that was drawn, twice."""
    stride = model.stride
    for n in range(len(work.noise_rows)):
        row = work.next_noise[n]
        work.noise_rows[n] = row
        for d in range(0, model.width, WIDTH):
            value = load(model.contexts, row + d)
            store(work.noise, n * stride + d, value)
            store(work.noise_before, n * stride + d, value)


@inlined
def _return_noise(model: Model, work: Workspace) -> None:
    """Add to the context matrix what has changed in the noise block."""
    stride = model.stride
    minus_one = splat(np.float32(-1.0))
    for n in range(len(work.noise_rows)):
        row = work.noise_rows[n]
        for d in range(0, model.width, WIDTH):
            value = load(work.noise, n * stride + d)
            change = multiply_add(load(work.noise_before, n * stride + d), minus_one, value)
            store(model.contexts, row + d, add(load(model.contexts, row + d), change))


@inlined
def _lay_out_tile(
    position: int,
    last: int,
    most: int,
    model: Model,
    sampling: Sampling,
    key: np.uint64,
    work: Workspace,
) -> tuple[int, int]:
    """Find rows and weights for the next words that have contexts, up to ``most`` of them.

    Returns the position to go on with and how many were found. The rest of the tile is zero and
    weighs nothing.
    """
    stride = model.stride
    kept = work.kept
    spare = work.spare
    window = sampling.window
    weight = np.float32(sampling.negatives) / np.float32(sampling.shared_negatives)
    filled = 0
    pairs = 0
    center = position
    while filled < most and center < last:
        word = int(kept[center])
        if word != spare:
            radius = window
            if sampling.shrink_windows:
                radius -= int(draw_below(key, center, window))
            begin, end = context_range(kept, center, radius, spare)
            if end - begin > 1:
                work.centers[filled] = word * stride
                for context in range(begin, center):
                    work.contexts[pairs] = int(kept[context]) * stride
                    pairs += 1
                for context in range(center + 1, end):
                    work.contexts[pairs] = int(kept[context]) * stride
                    pairs += 1
                work.noise_weights[filled] = -weight * np.float32(end - begin - 1)
                filled += 1
                work.context_ends[filled] = pairs
        ahead = int(kept[center + _AHEAD]) * stride
        for d in range(0, model.width, LINE):
            prefetch(model.vectors, ahead + d)
            prefetch(model.contexts, ahead + d)
        center += 1
    for t in range(filled, TILE):
        work.centers[t] = spare * stride
        work.noise_weights[t] = np.float32(0.0)
    for lane in range(TILE, WIDTH):
        work.noise_weights[lane] = work.noise_weights[lane - TILE]
    store(work.context_steps, pairs, splat(np.float32(SURE)))
    return center, filled


@inlined
def _score_contexts(model: Model, filled: int, work: Workspace) -> None:
    """The dot product of each center with each of its contexts."""
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
            for d in range(0, model.width, WIDTH):
                value = load(vectors, center + d)
                sum0 = multiply_add(value, load(contexts, row0 + d), sum0)
                sum1 = multiply_add(value, load(contexts, row1 + d), sum1)
                sum2 = multiply_add(value, load(contexts, row2 + d), sum2)
                sum3 = multiply_add(value, load(contexts, row3 + d), sum3)
            store_totals(work.context_steps, k, sum0, sum1, sum2, sum3)
            k += 4
        while k < end:
            row0 = work.contexts[k]
            sum0 = zero
            for d in range(0, model.width, WIDTH):
                sum0 = multiply_add(load(vectors, center + d), load(contexts, row0 + d), sum0)
            work.context_steps[k] = total(sum0)
            k += 1


@inlined
def _score_noise(model: Model, work: Workspace) -> None:
    """The dot product of each noise row with each center: two rows by TILE centers at a time."""
    vectors = model.vectors
    center0 = work.centers[0]
    center1 = work.centers[1]
    center2 = work.centers[2]
    center3 = work.centers[3]
    noise = work.noise
    scores = work.noise_steps
    zero = splat(np.float32(0.0))
    for n in range(0, len(scores) // TILE, 2):
        row_a = n * model.stride
        row_b = row_a + model.stride
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for d in range(0, model.width, WIDTH):
            a = load(noise, row_a + d)
            b = load(noise, row_b + d)
            value0 = load(vectors, center0 + d)
            value1 = load(vectors, center1 + d)
            value2 = load(vectors, center2 + d)
            value3 = load(vectors, center3 + d)
            a0 = multiply_add(a, value0, a0)
            a1 = multiply_add(a, value1, a1)
            a2 = multiply_add(a, value2, a2)
            a3 = multiply_add(a, value3, a3)
            b0 = multiply_add(b, value0, b0)
            b1 = multiply_add(b, value1, b1)
            b2 = multiply_add(b, value2, b2)
            b3 = multiply_add(b, value3, b3)
        store_totals(scores, n * TILE, a0, a1, a2, a3)
        store_totals(scores, (n + 1) * TILE, b0, b1, b2, b3)
    for k in range(len(work.noise_rows) * TILE, len(scores)):
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
def _log_of_sum(x: Any, power: Any, sigmoid: Any) -> Any:
    """Log(1 + e^x), given e^-x and s(x).

    With y = min(s(x), s(-x)) <= 1/2 it is max(x, 0) - log(1 - y), the latter a polynomial of y.
    """
    y = smaller(sigmoid, multiply(power, sigmoid))
    log = splat(np.float32(LOG_7))
    log = multiply_add(log, y, splat(np.float32(LOG_6)))
    log = multiply_add(log, y, splat(np.float32(LOG_5)))
    log = multiply_add(log, y, splat(np.float32(LOG_4)))
    log = multiply_add(log, y, splat(np.float32(LOG_3)))
    log = multiply_add(log, y, splat(np.float32(LOG_2)))
    log = multiply_add(log, y, splat(np.float32(LOG_1)))
    return multiply_add(log, y, larger(x, splat(np.float32(0.0))))


@inlined
def _sum_noise_losses(work: Workspace) -> float:
    """The sum of m K / N * log(1 + e^score) of all noise scores."""
    one = splat(np.float32(1.0))
    losses = splat(np.float32(0.0))
    for k in range(0, len(work.noise_steps), WIDTH):
        x = _held(work.noise_steps, k, one)
        power = _exp_of_minus(x)
        losses = add(_log_of_sum(x, power, divide(one, add(one, power))), losses)
    return -total(multiply(load(work.noise_weights, 0), losses))


@inlined
def _turn_into_noise_steps(work: Workspace, lr: np.float32) -> None:
    """Replace each noise score x by lr * weight * s(x)."""
    one = splat(np.float32(1.0))
    rate = multiply(load(work.noise_weights, 0), splat(lr))
    for k in range(0, len(work.noise_steps), WIDTH):
        power = _exp_of_minus(_held(work.noise_steps, k, one))
        store(work.noise_steps, k, divide(rate, add(one, power)))


@inlined
def _turn_into_context_steps(work: Workspace, count: int, lr: np.float32) -> float:
    """Replace each context's score by lr * s(x), x = -score; returns the sum of log(1 + e^x)."""
    one = splat(np.float32(1.0))
    minus_one = splat(np.float32(-1.0))
    rate = splat(lr)
    losses = splat(np.float32(0.0))
    for k in range(0, count, WIDTH):
        x = _held(work.context_steps, k, minus_one)
        power = _exp_of_minus(x)
        sigmoid = divide(one, add(one, power))
        losses = add(_log_of_sum(x, power, sigmoid), losses)
        store(work.context_steps, k, multiply(rate, sigmoid))
    return total(losses)


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
    steps = work.noise_steps
    zero = splat(np.float32(0.0))
    for d in range(0, model.width, WIDTH):
        value0 = load(vectors, center0 + d)
        value1 = load(vectors, center1 + d)
        value2 = load(vectors, center2 + d)
        value3 = load(vectors, center3 + d)
        change0 = change1 = change2 = change3 = zero
        for n in range(len(work.noise_rows)):
            place = n * stride + d
            row = load(noise, place)
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
            store(noise, place, row)
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
    steps = work.context_steps
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
            for d in range(0, model.width, WIDTH):
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
            for d in range(0, model.width, WIDTH):
                context = load(contexts, row0 + d)
                change = multiply_add(step0, context, load(work.changes, t * stride + d))
                store(work.changes, t * stride + d, change)
                value = load(vectors, center + d)
                store(contexts, row0 + d, multiply_add(step0, value, context))
            k += 1
        for d in range(0, model.width, WIDTH):
            change = load(work.changes, t * stride + d)
            store(vectors, center + d, add(load(vectors, center + d), change))
