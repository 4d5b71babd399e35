"""The compiled step of training: skip-gram with negative sampling, on arrays and scalars only.

For a center word w with contexts c_1 .. c_m the objective (Mikolov et al. 2013b, equation 4) is

    sum_j  log s(M[w] . C[c_j])  +  K sum_j  E_n  log s(-M[w] . C[n]),      s(x) = 1 / (1 + e^-x)

with n drawn from the noise distribution. M holds the word vectors that are the result, C the
context vectors. The scores' signs are turned for the true contexts, so that with x = -score for
them and x = score for noise the step is lr * weight * s(x) and the loss log(1 + e^x) for both; the
weight is 1 for a context and -m K / N for noise.

Blocking
--------
- Shared negatives: S consecutive centers share one set of N negative samples, and for a center with
  m contexts each sample counts m K / N. The expectation of the objective does not change, and the
  set's rows stay in the first-level cache.
- Tiles: TILE centers are processed together. Their scores and updates are small matrix products
  that read each row once for all of them. All scores of a tile use the vectors from before it; then
  the updates are applied one after the other: of the negative samples, of the surrounding words
  from left to right, of the centers.
- Bands: with the default window, TILE adjacent words have a code path of their own, which combines
  each row only with the one, two or three centers whose window it is in.

docs/design/kernel.md has the arithmetic, the memory traffic, and the variants that were measured.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.random import draw, passes, random_below
from w2v.compute.simd import (
    WIDTH,
    Vector,
    add,
    divide,
    fma,
    load,
    maximum,
    minimum,
    multiply,
    prefetch,
    reduce_add,
    splat,
    splat_from,
    store,
    store_reduce_add_4,
)
from w2v.corpus.pairs import context_range
from w2v.training.sampling import draw_noise

TILE = 4
# The window for which TILE words side by side have a path of their own, and what they have.
BAND = 2
BAND_PAIRS = 2 * BAND * TILE
BAND_ROWS = 2 * BAND + TILE
LINE = 16  # numbers in a cache line of 64 bytes
# A set of noise words is filled up to this many rows, so that its scores fill whole vectors.
NOISE_UNIT = 4
# Rows of the model that belong to a thread.
SCRATCH_ROWS = 2
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

# A score so high that the model is sure: s(MAX_SCORE) differs from 1 by 2e-9. None counts for more.
MAX_SCORE = 20.0


Four = tuple[Vector, Vector, Vector, Vector]  # one value for each center of a tile


class Matrices(NamedTuple):
    """The two matrices, flat; row i begins at i * stride and is followed by zeros up to width.

    After the last word's come SCRATCH_ROWS rows for each thread: one of zeros, and one for what the
    vectors of words are due that are to stay as they are, the first ``frozen`` ones.
    """

    vectors: NDArray[np.float32]
    contexts: NDArray[np.float32]
    stride: int
    width: int
    frozen: int = 0


class Sampling(NamedTuple):
    """Tables of `w2v.training.sampling`, and how windows and noise are drawn."""

    keep_thresholds: NDArray[np.uint32]  # (V + 1,) the last one is that of a line's end: ALWAYS
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
    numbers: NDArray[
        np.int32
    ]  # of words in a copy of their rows, see `w2v.training.backends.rounds`; else (0,)
    kept: NDArray[np.int32]  # words of the span that were not thinned out, and some around it
    centers: NDArray[np.int64]  # (TILE,) where the rows of the tile's centers begin
    targets: NDArray[np.int64]  # (TILE,) where the rows begin that get what the centers are due
    places: NDArray[np.int64]  # (TILE, 3) flat: a center's place in ``kept``, its window's bounds
    context_rows: NDArray[np.int64]  # where the rows of the words around the tile begin
    context_steps: NDArray[np.float32]  # of each possible pair: its score, then its step
    context_weights: NDArray[np.float32]  # 1 where there is that pair, else 0
    noise_rows: NDArray[np.int64]  # where the noise words' rows begin, then the row of zeros
    next_noise: NDArray[np.int64]  # (shared_negatives,) where those of the next set begin
    noise_steps: NDArray[np.float32]  # row by row, TILE of them for each: scores, then steps
    noise_weights: NDArray[np.float32]  # (WIDTH,) what noise counts, center by center
    ahead: NDArray[np.int64]  # (TILE,) where rows begin that will be needed soon


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


def make_workspace(
    span_words: int, spare: int, stride: int, sampling: Sampling, numbered: int = 0
) -> Workspace:
    """Allocate what a thread needs for spans of up to this many words.

    Args:
        span_words: most words of a span.
        spare: the number of the first row that is this thread's.
        stride: the model's.
        sampling: how many contexts and noise words there are.
        numbered: V where the rows trained on are a copy of some words' rows, else 0.
    """
    most_rows = TILE * (2 * sampling.window + 1) + 1
    noise_rows = -(-sampling.shared_negatives // NOISE_UNIT) * NOISE_UNIT
    return Workspace(
        spare=spare,
        numbers=np.full(numbered, -1, np.int32),
        kept=np.zeros(span_words + 2 * sampling.window + TILE + _AHEAD + 1, np.int32),
        centers=np.zeros(TILE, np.int64),
        targets=np.zeros(TILE, np.int64),
        places=np.zeros(3 * TILE, np.int64),
        context_rows=np.zeros(most_rows, np.int64),
        context_steps=aligned_zeros(most_rows * TILE + WIDTH),
        context_weights=aligned_zeros(most_rows * TILE + WIDTH),
        noise_rows=np.full(noise_rows, spare * stride, np.int64),
        next_noise=np.zeros(sampling.shared_negatives, np.int64),
        noise_steps=aligned_zeros(noise_rows * TILE),
        noise_weights=aligned_zeros(WIDTH),
        ahead=np.zeros(TILE, np.int64),
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


@kernel
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


def train_span(
    ids: NDArray[Any],
    begin: int,
    end: int,
    end_of_line: int,
    model: Matrices,
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
        See `train_words`.
    """
    first, last = select_words(ids, begin, end, end_of_line, sampling, keys.subsampling, work)
    return train_words(first, last, model, sampling, keys, lr_begin, lr_end, work)


@kernel
def train_words(
    first: int,
    last: int,
    model: Matrices,
    sampling: Sampling,
    keys: Keys,
    lr_begin: float,
    lr_end: float,
    work: Workspace,
) -> tuple[int, int, float, int, float]:
    """Train on words that were selected.

    Args:
        first: the place of the first center in ``work.kept``.
        last: the place behind the last one.
        model: this and the others are those of `train_span`.
        sampling: see there.
        keys: see there.
        lr_begin: see there.
        lr_end: see there.
        work: see there.

    Returns:
        The number of centers with contexts; the number of pairs and the sum of their contexts'
        losses; and the number of those pairs whose noise was new, and the sum of its losses. Noise
        that has served some centers has been pushed away by them, and its loss would flatter the
        model.
    """
    discarded = (work.spare + 1) * model.stride
    model.vectors[discarded : discarded + model.stride] = np.float32(0.0)
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
            _take_noise(work)
            drawn += len(work.next_noise)
            _draw_noise(model, sampling, keys.noise, drawn, work)
            left = sampling.negative_sharing
        lr = np.float32(lr_begin + lr_slope * (position - first))
        position, filled, tile_pairs, banded = _lay_out_tile(
            position, last, min(left, TILE), model, sampling, keys.windows, work
        )
        if filled == 0:
            break
        if banded:
            rows = BAND_ROWS
            slots = BAND_PAIRS
            _list_band(model.stride, work)
            _score_band(model, work)
        else:
            rows = _list_rows(filled, model.stride, work)
            slots = rows * TILE
            _score_rows(model, work, work.context_rows, rows, work.context_steps)
        _score_noise(model, work)
        if left == sampling.negative_sharing:
            noise_loss += _sum_noise_losses(work)
            noise_pairs += tile_pairs
        _turn_into_noise_steps(work, lr)
        context_loss += _turn_into_context_steps(work, slots, lr)
        if banded:
            _apply_band(model, work)
        else:
            _apply_rows(model, rows, work)
        centers += filled
        pairs += tile_pairs
        left -= filled
    return centers, pairs, context_loss, noise_pairs, noise_loss


@inlined
def _draw_noise(
    model: Matrices, sampling: Sampling, key: np.uint64, drawn: int, work: Workspace
) -> None:
    """Draw the next set of noise words, and have their rows moved nearer."""
    for n in range(len(work.next_noise)):
        word = int(draw_noise(key, drawn + n, sampling.noise_thresholds, sampling.noise_aliases))
        if len(work.numbers) > 0:
            word = int(work.numbers[word])
        row = word * model.stride
        work.next_noise[n] = row
        for d in range(0, model.width, LINE):
            prefetch(model.contexts, row + d)


@inlined
def _take_noise(work: Workspace) -> None:
    """Go over to the set that was drawn."""
    for n in range(len(work.next_noise)):
        work.noise_rows[n] = work.next_noise[n]


@inlined
def _lay_out_tile(
    position: int,
    last: int,
    most: int,
    model: Matrices,
    sampling: Sampling,
    key: np.uint64,
    work: Workspace,
) -> tuple[int, int, int, bool]:
    """Find the next words that have contexts, up to ``most`` of them, and their windows.

    Returns the position to go on with, how many were found, how many contexts they have, and
    whether they are a band. The rest of the tile is zero and weighs nothing.
    """
    kept = work.kept
    spare = work.spare
    places = work.places
    window = sampling.window
    weight = np.float32(sampling.negatives) / np.float32(sampling.shared_negatives)
    filled = 0
    pairs = 0
    center = position
    line_begin, _ = context_range(kept, center, window, spare)
    line_end = center  # from ``center`` to here the line goes on; found word by word
    while filled < most and center < last:
        word = int(kept[center])
        ahead = int(kept[center + _AHEAD]) * model.stride
        begin = end = center
        if word == spare:
            line_begin = line_end = center + 1
        else:
            while line_end <= center + window and kept[line_end] != spare:
                line_end += 1
            radius = window
            if sampling.shrink_windows:
                radius -= int(random_below(key, center, window))
            begin = max(line_begin, center - radius)
            end = min(line_end, center + radius + 1)
        if end - begin > 1:
            work.centers[filled] = word * model.stride
            target = word if word >= model.frozen else spare + 1
            work.targets[filled] = target * model.stride
            work.ahead[filled] = ahead
            places[3 * filled] = center
            places[3 * filled + 1] = begin
            places[3 * filled + 2] = end
            work.noise_weights[filled] = -weight * np.float32(end - begin - 1)
            filled += 1
            pairs += end - begin - 1
        else:
            _prefetch_rows(model, ahead)
        center += 1
    for t in range(filled, TILE):
        work.centers[t] = spare * model.stride
        work.targets[t] = spare * model.stride
        work.ahead[t] = spare * model.stride
        work.noise_weights[t] = np.float32(0.0)
    for lane in range(TILE, WIDTH):
        work.noise_weights[lane] = work.noise_weights[lane - TILE]
    side_by_side = places[3 * (TILE - 1)] - places[0] == TILE - 1
    banded = (filled == TILE) & (window == BAND) & side_by_side
    return center, filled, pairs, banded


@inlined
def _prefetch_rows(model: Matrices, row: int) -> None:
    """Have both rows of a word moved nearer."""
    for d in range(0, model.width, LINE):
        prefetch(model.vectors, row + d)
        prefetch(model.contexts, row + d)


@inlined
def _list_band(stride: int, work: Workspace) -> None:
    """List the rows from BAND words before the tile to BAND behind it, and which pairs there are.

    The slots of center t are 4 t to 4 t + 3, for the words two and one before it, one and two
    behind. A word that is not in the window, as a line ends or the window is minimum, has a row
    like the others, and a pair that weighs nothing.
    """
    first = work.places[0] - BAND
    for r in range(BAND_ROWS):
        work.context_rows[r] = int(work.kept[first + r]) * stride
    slot = 0
    for t in range(TILE):
        begin = work.places[3 * t + 1]
        end = work.places[3 * t + 2]
        for offset in (-2, -1, 1, 2):
            place = work.places[3 * t] + offset
            present = (begin <= place) & (place < end)
            work.context_weights[slot] = np.float32(1.0) if present else np.float32(0.0)
            slot += 1


@inlined
def _list_rows(filled: int, stride: int, work: Workspace) -> int:
    """List the rows of all words around the tile, and which pairs there are; returns their number.

    The pair of row r and center t has the slot r * TILE + t. Rows stand in the order of the text.
    """
    count = 0
    listed = 0  # the words before this place are listed, or nobody's context
    for t in range(filled):
        begin = _first_place(t, filled, work.places)
        count = _list_words(max(begin, listed), work.places[3 * t + 2], count, stride, work)
        listed = max(listed, work.places[3 * t + 2])
        _mark_pairs(t, count - listed, work)
    # The first of ``kept`` is spare: it makes the number of rows even.
    return _list_words(0, count % 2, count, stride, work)


@inlined
def _first_place(t: int, filled: int, places: NDArray[np.int64]) -> int:
    """Where the windows of a center and of those behind it begin."""
    first = int(places[3 * t + 1])
    for later in range(t + 1, filled):
        first = min(first, int(places[3 * later + 1]))
    return first


@inlined
def _list_words(begin: int, end: int, count: int, stride: int, work: Workspace) -> int:
    """Append the rows of the words between two places, without pairs, to those listed."""
    zero = splat(np.float32(0.0))
    for place in range(begin, end):
        work.context_rows[count] = int(work.kept[place]) * stride
        store(work.context_weights, count * TILE, zero)
        count += 1
    return count


@inlined
def _mark_pairs(t: int, row_of_place_0: int, work: Workspace) -> None:
    """Give a center's pairs their weight. The words of its window were listed side by side."""
    center = work.places[3 * t]
    for place in range(work.places[3 * t + 1], work.places[3 * t + 2]):
        present = np.float32(1.0) if place != center else np.float32(0.0)
        work.context_weights[(row_of_place_0 + place) * TILE + t] = present


@inlined
def _score_band(model: Matrices, work: Workspace) -> None:
    """The dot products of the band: two centers by their six neighbours at a time."""
    vectors = model.vectors
    contexts = model.contexts
    zero = splat(np.float32(0.0))
    for t in range(0, TILE, 2):
        center_a = work.centers[t]
        center_b = work.centers[t + 1]
        row0 = work.context_rows[t]
        row1 = work.context_rows[t + 1]
        row2 = work.context_rows[t + 2]
        row3 = work.context_rows[t + 3]
        row4 = work.context_rows[t + 4]
        row5 = work.context_rows[t + 5]
        a0 = a1 = a3 = a4 = b1 = b2 = b4 = b5 = zero
        for d in range(0, model.width, WIDTH):
            a = load(vectors, center_a + d)
            b = load(vectors, center_b + d)
            a0 = fma(a, load(contexts, row0 + d), a0)
            near_both = load(contexts, row1 + d)
            a1 = fma(a, near_both, a1)
            b1 = fma(b, near_both, b1)
            b2 = fma(b, load(contexts, row2 + d), b2)
            a3 = fma(a, load(contexts, row3 + d), a3)
            near_both = load(contexts, row4 + d)
            a4 = fma(a, near_both, a4)
            b4 = fma(b, near_both, b4)
            b5 = fma(b, load(contexts, row5 + d), b5)
        store_reduce_add_4(work.context_steps, 4 * t, a0, a1, a3, a4)
        store_reduce_add_4(work.context_steps, 4 * t + 4, b1, b2, b4, b5)


@inlined
def _score_noise(model: Matrices, work: Workspace) -> None:
    """The dot product of each noise row with each center."""
    rows = work.noise_rows
    _score_rows(model, work, rows, len(rows), work.noise_steps)
    for k in range(len(work.next_noise) * TILE, len(work.noise_steps)):
        work.noise_steps[k] = np.float32(-MAX_SCORE)  # rows that only fill up the set


@inlined
def _score_rows(
    model: Matrices,
    work: Workspace,
    rows: NDArray[np.int64],
    count: int,
    scores: NDArray[np.float32],
) -> None:
    """The dot product of each row with each center: two rows by TILE centers at a time."""
    vectors = model.vectors
    contexts = model.contexts
    center0 = work.centers[0]
    center1 = work.centers[1]
    center2 = work.centers[2]
    center3 = work.centers[3]
    zero = splat(np.float32(0.0))
    for r in range(0, count, 2):
        row_a = rows[r]
        row_b = rows[r + 1]
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for d in range(0, model.width, WIDTH):
            a = load(contexts, row_a + d)
            b = load(contexts, row_b + d)
            value0 = load(vectors, center0 + d)
            value1 = load(vectors, center1 + d)
            value2 = load(vectors, center2 + d)
            value3 = load(vectors, center3 + d)
            a0 = fma(a, value0, a0)
            a1 = fma(a, value1, a1)
            a2 = fma(a, value2, a2)
            a3 = fma(a, value3, a3)
            b0 = fma(b, value0, b0)
            b1 = fma(b, value1, b1)
            b2 = fma(b, value2, b2)
            b3 = fma(b, value3, b3)
        store_reduce_add_4(scores, r * TILE, a0, a1, a2, a3)
        store_reduce_add_4(scores, (r + 1) * TILE, b0, b1, b2, b3)


@inlined
def _exp_of_minus(x: Any) -> Any:
    """e^-x of lanes between -MAX_SCORE and MAX_SCORE, to about 1e-6: a polynomial of x / 16, to the 16th."""
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
def _held(scores: NDArray[np.float32], k: int, sign: Any) -> Any:
    """X = sign * score of some lanes, held to where its size matters."""
    limit = splat(np.float32(MAX_SCORE))
    minus_limit = splat(np.float32(-MAX_SCORE))
    return maximum(minimum(multiply(sign, load(scores, k)), limit), minus_limit)


@inlined
def _log_of_sum(x: Any, power: Any, sigmoid: Any) -> Any:
    """Log(1 + e^x), given e^-x and s(x).

    With y = min(s(x), s(-x)) <= 1/2 it is max(x, 0) - log(1 - y), the latter a polynomial of y.
    """
    y = minimum(sigmoid, multiply(power, sigmoid))
    log = splat(np.float32(LOG_7))
    log = fma(log, y, splat(np.float32(LOG_6)))
    log = fma(log, y, splat(np.float32(LOG_5)))
    log = fma(log, y, splat(np.float32(LOG_4)))
    log = fma(log, y, splat(np.float32(LOG_3)))
    log = fma(log, y, splat(np.float32(LOG_2)))
    log = fma(log, y, splat(np.float32(LOG_1)))
    return fma(log, y, maximum(x, splat(np.float32(0.0))))


@inlined
def _sum_noise_losses(work: Workspace) -> float:
    """The sum of m K / N * log(1 + e^score) of all noise scores."""
    one = splat(np.float32(1.0))
    losses = splat(np.float32(0.0))
    for k in range(0, len(work.noise_steps), WIDTH):
        x = _held(work.noise_steps, k, one)
        power = _exp_of_minus(x)
        losses = add(_log_of_sum(x, power, divide(one, add(one, power))), losses)
    return -reduce_add(multiply(load(work.noise_weights, 0), losses))


@inlined
def _turn_into_noise_steps(work: Workspace, lr: np.float32) -> None:
    """Replace each noise score x by lr * weight * s(x)."""
    one = splat(np.float32(1.0))
    rate = multiply(load(work.noise_weights, 0), splat(lr))
    for k in range(0, len(work.noise_steps), WIDTH):
        power = _exp_of_minus(_held(work.noise_steps, k, one))
        store(work.noise_steps, k, divide(rate, add(one, power)))


@inlined
def _turn_into_context_steps(work: Workspace, slots: int, lr: np.float32) -> float:
    """Replace each pair's score by lr * s(x), x = -score; returns the sum of log(1 + e^x)."""
    one = splat(np.float32(1.0))
    minus_one = splat(np.float32(-1.0))
    rate = splat(lr)
    losses = splat(np.float32(0.0))
    for k in range(0, slots, WIDTH):
        x = _held(work.context_steps, k, minus_one)
        power = _exp_of_minus(x)
        sigmoid = divide(one, add(one, power))
        weight = load(work.context_weights, k)
        losses = fma(weight, _log_of_sum(x, power, sigmoid), losses)
        store(work.context_steps, k, multiply(multiply(weight, rate), sigmoid))
    return reduce_add(losses)


@inlined
def _apply_rows(model: Matrices, count: int, work: Workspace) -> None:
    """Update the noise rows, the rows around the tile, and the centers' rows."""
    vectors = model.vectors
    contexts = model.contexts
    steps = work.context_steps
    for d in range(0, model.width, WIDTH):
        values, changes = _apply_noise(model, d, work)
        for r in range(count):
            place = work.context_rows[r] + d
            changes = _apply_to_four(contexts, place, steps, r * TILE, values, changes)
        _add_to_centers(vectors, d, changes, work)


@inlined
def _apply_band(model: Matrices, work: Workspace) -> None:
    """`_apply_rows` for a band: each row with the centers that it is near, and no others."""
    vectors = model.vectors
    contexts = model.contexts
    steps = work.context_steps
    rows = work.context_rows
    for d in range(0, model.width, WIDTH):
        (v0, v1, v2, v3), (c0, c1, c2, c3) = _apply_noise(model, d, work)
        c0 = _apply_to_one(contexts, rows[0] + d, steps, 0, v0, c0)
        c0, c1 = _apply_to_two(contexts, rows[1] + d, steps, (1, 4), (v0, v1), (c0, c1))
        c1, c2 = _apply_to_two(contexts, rows[2] + d, steps, (5, 8), (v1, v2), (c1, c2))
        c0, c2, c3 = _apply_to_three(
            contexts, rows[3] + d, steps, (2, 9, 12), (v0, v2, v3), (c0, c2, c3)
        )
        c0, c1, c3 = _apply_to_three(
            contexts, rows[4] + d, steps, (3, 6, 13), (v0, v1, v3), (c0, c1, c3)
        )
        c1, c2 = _apply_to_two(contexts, rows[5] + d, steps, (7, 10), (v1, v2), (c1, c2))
        c2, c3 = _apply_to_two(contexts, rows[6] + d, steps, (11, 14), (v2, v3), (c2, c3))
        c3 = _apply_to_one(contexts, rows[7] + d, steps, 15, v3, c3)
        _add_to_centers(vectors, d, (c0, c1, c2, c3), work)


@inlined
def _apply_noise(model: Matrices, d: int, work: Workspace) -> tuple[Four, Four]:
    """Update some numbers of each noise row; returns the centers' own, and what they are due."""
    zero = splat(np.float32(0.0))
    values = (
        load(model.vectors, work.centers[0] + d),
        load(model.vectors, work.centers[1] + d),
        load(model.vectors, work.centers[2] + d),
        load(model.vectors, work.centers[3] + d),
    )
    changes = zero, zero, zero, zero
    if d % LINE == 0:
        for t in range(TILE):
            prefetch(model.vectors, work.ahead[t] + d)
            prefetch(model.contexts, work.ahead[t] + d)
    for n in range(len(work.next_noise)):
        place = work.noise_rows[n] + d
        changes = _apply_to_four(model.contexts, place, work.noise_steps, n * TILE, values, changes)
    return values, changes


@inlined
def _add_to_centers(vectors: NDArray[np.float32], d: int, changes: Four, work: Workspace) -> None:
    """Add what the centers are due, one after the other, for two of them may be the same row."""
    place = work.targets[0] + d
    store(vectors, place, add(load(vectors, place), changes[0]))
    place = work.targets[1] + d
    store(vectors, place, add(load(vectors, place), changes[1]))
    place = work.targets[2] + d
    store(vectors, place, add(load(vectors, place), changes[2]))
    place = work.targets[3] + d
    store(vectors, place, add(load(vectors, place), changes[3]))


@inlined
def _apply_to_one(
    contexts: NDArray[np.float32],
    place: int,
    steps: NDArray[np.float32],
    k: int,
    value: Vector,
    change: Vector,
) -> Vector:
    """Update a row by its step with one center; returns what that center is due."""
    row = load(contexts, place)
    step = splat_from(steps, k)
    store(contexts, place, fma(step, value, row))
    return fma(step, row, change)


@inlined
def _apply_to_two(
    contexts: NDArray[np.float32],
    place: int,
    steps: NDArray[np.float32],
    k: tuple[int, int],
    values: tuple[Vector, Vector],
    changes: tuple[Vector, Vector],
) -> tuple[Vector, Vector]:
    """Update a row by its steps with two centers; returns what they are due."""
    row = load(contexts, place)
    step0 = splat_from(steps, k[0])
    step1 = splat_from(steps, k[1])
    change0 = fma(step0, row, changes[0])
    change1 = fma(step1, row, changes[1])
    row = fma(step0, values[0], row)
    row = fma(step1, values[1], row)
    store(contexts, place, row)
    return change0, change1


@inlined
def _apply_to_three(
    contexts: NDArray[np.float32],
    place: int,
    steps: NDArray[np.float32],
    k: tuple[int, int, int],
    values: tuple[Vector, Vector, Vector],
    changes: tuple[Vector, Vector, Vector],
) -> tuple[Vector, Vector, Vector]:
    """Update a row by its steps with three centers; returns what they are due."""
    row = load(contexts, place)
    step0 = splat_from(steps, k[0])
    step1 = splat_from(steps, k[1])
    step2 = splat_from(steps, k[2])
    change0 = fma(step0, row, changes[0])
    change1 = fma(step1, row, changes[1])
    change2 = fma(step2, row, changes[2])
    row = fma(step0, values[0], row)
    row = fma(step1, values[1], row)
    row = fma(step2, values[2], row)
    store(contexts, place, row)
    return change0, change1, change2


@inlined
def _apply_to_four(
    contexts: NDArray[np.float32],
    place: int,
    steps: NDArray[np.float32],
    k: int,
    values: Four,
    changes: Four,
) -> Four:
    """Update a row by its steps with all centers, from the k-th on; returns what they are due."""
    row = load(contexts, place)
    step0 = splat_from(steps, k)
    step1 = splat_from(steps, k + 1)
    step2 = splat_from(steps, k + 2)
    step3 = splat_from(steps, k + 3)
    change0 = fma(step0, row, changes[0])
    change1 = fma(step1, row, changes[1])
    change2 = fma(step2, row, changes[2])
    change3 = fma(step3, row, changes[3])
    row = fma(step0, values[0], row)
    row = fma(step1, values[1], row)
    row = fma(step2, values[2], row)
    row = fma(step3, values[3], row)
    store(contexts, place, row)
    return change0, change1, change2, change3
