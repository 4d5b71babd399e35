"""The compiled step of training: skip-gram with negative sampling, on arrays and scalars only.

For a center word w with contexts c_1 .. c_m the objective (Mikolov et al. 2013b, equation 4) is

    sum_j  log s(M[w] . C[c_j])  +  K sum_j  E_n  log s(-M[w] . C[n]),      s(x) = 1 / (1 + e^-x)

with n drawn from the noise distribution. M holds the word vectors, which are the result, and C the
context vectors. With x = -score for true contexts and x = score for negative samples, the gradient
is weight * s(x) and the loss log(1 + e^x) for both. The weight is 1 for a context and -m K / N for
a negative sample.

Blocking
--------
Shared noise: S consecutive centers share one set of N negative samples, each of which has the
weight m K / N for a center with m contexts. The expectation of the objective stays the same.

Tiles: TILE centers are trained together. Their scores with the negative samples and the words
around them, and the updates that follow, are small matrix products that read each row once for all
of them. All scores of a tile are computed from the vectors before it. The updates are then added
one after the other: those of the negative samples, those of the words around from left to right,
those of the centers. So a word that occurs twice receives both updates.

Bands: a tile of TILE adjacent words has a path of its own, in which each row around the tile meets
only the one, two or three centers that have it in their windows.

The arithmetic, the memory traffic and the alternatives that were measured are in
docs/design/kernel.md.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.random import bernoulli
from w2v.compute.simd import prefetch
from w2v.training.model import LINE, Matrices
from w2v.training.sampling import Keys, Sampling, draw_noise
from w2v.training.sgns.logistic import context_gradients, noise_gradients, noise_loss
from w2v.training.sgns.products import (
    apply_band,
    apply_rows,
    score_band,
    score_noise,
    score_rows,
)
from w2v.training.sgns.tiles import lay_out_tile, list_band, list_rows
from w2v.training.sgns.workspace import BAND_PAIRS, BAND_ROWS, PREFETCH_DISTANCE, TILE, Workspace


class TextSpan(NamedTuple):
    """A span of an encoded text. Positions are counted from the beginning of the text."""

    ids: NDArray[Any]  # (n,) the text, or the span and what windows reach on either side of it
    begin: int
    end: int
    end_of_line: int  # the id that ends a line
    first: int = 0  # the position of the first id


class LearningRates(NamedTuple):
    """The learning rates at the ends of a span; they are linear between.

    The step size of a word vector is the learning rate times the step scale of its row.
    """

    begin: float
    end: float


class Selection(NamedTuple):
    """The positions in ``selected`` between which the words of the span stand."""

    begin: int
    end: int


class SpanStats(NamedTuple):
    """What was done in a span.

    Negative samples that served some centers have been pushed away by them, and their loss would
    flatter the model. So the loss of noise is summed only for tiles where a set of them is new.
    """

    centers: int  # words with at least one context
    pairs: int  # of a center and a context
    context_loss: float  # the sum over all pairs
    noise_pairs: int  # those in tiles with new negative samples
    noise_loss: float  # the sum over these


def train_span(
    span: TextSpan,
    matrices: Matrices,
    sampling: Sampling,
    keys: Keys,
    rates: LearningRates,
    work: Workspace,
) -> SpanStats:
    """Train on the centers of a span, changing the matrices in place.

    Args:
        span: the text.
        matrices: the model.
        sampling: how words, windows and noise are drawn.
        keys: of the random numbers.
        rates: the learning rates; with zeros, only the loss is computed.
        work: the buffers of this thread.

    """
    selection = select_words(span, sampling, keys.subsampling, work)
    return train_words(selection, matrices, sampling, keys, rates, work)


@kernel
def select_words(span: TextSpan, sampling: Sampling, key: np.uint64, work: Workspace) -> Selection:
    """Copy the words of a span that subsampling keeps, and a window's worth on either side.

    Whether a word is kept depends on the key and its position in the text alone. So a line that
    extends over two spans is the same in both, and no pair is lost between them.

    Args:
        span: the text.
        sampling: the probabilities to keep words, and the window.
        key: of the random numbers.
        work: its ``selected`` receives the words, with blanks between lines and around them.

    """
    ids = span.ids
    first = span.first
    selected = work.selected
    window = sampling.window
    thresholds = sampling.keep_thresholds
    selected[: window + 1] = work.blank
    found = 0
    i = span.begin - first - 1
    while i >= 0 and found < window and ids[i] != span.end_of_line:
        if bernoulli(key, first + i, thresholds[ids[i]]):
            selected[window - found] = ids[i]
            found += 1
        i -= 1
    begin = size = window + 1
    line_end = len(thresholds) - 1
    for i in range(span.begin - first, span.end - first):
        # Without an unpredictable branch: a dropped word is overwritten by the next one.
        word = int(ids[i])
        ends_line = word == span.end_of_line
        selected[size] = work.blank if ends_line else word
        kept = bernoulli(key, first + i, thresholds[line_end if ends_line else word])
        size += 1 if kept else 0
    end = size
    found = 0
    i = span.end - first
    while i < len(ids) and found < window and ids[i] != span.end_of_line:
        if bernoulli(key, first + i, thresholds[ids[i]]):
            selected[size] = ids[i]
            size += 1
            found += 1
        i += 1
    selected[size : size + TILE + PREFETCH_DISTANCE] = work.blank
    return Selection(begin, end)


@kernel
def train_words(
    selection: Selection,
    matrices: Matrices,
    sampling: Sampling,
    keys: Keys,
    rates: LearningRates,
    work: Workspace,
) -> SpanStats:
    """Train on the words of `select_words`; other arguments are those of `train_span`."""
    discarded = (work.blank + 1) * matrices.stride
    matrices.vectors[discarded : discarded + matrices.stride] = np.float32(0.0)
    lr_slope = (rates.end - rates.begin) / max(selection.end - selection.begin, 1)
    position = selection.begin
    drawn = 0
    remaining = 0  # centers that may still use the negative samples
    centers = 0
    pairs = 0
    noise_pairs = 0
    sum_context_loss = 0.0
    sum_noise_loss = 0.0
    _draw_noise(matrices, sampling, keys.noise, drawn, work)
    while position < selection.end:
        if remaining == 0:
            _use_next_noise(work)
            drawn += len(work.next_noise)
            _draw_noise(matrices, sampling, keys.noise, drawn, work)
            remaining = sampling.negative_sharing
        lr = np.float32(rates.begin + lr_slope * (position - selection.begin))
        tile = lay_out_tile(
            position, selection.end, min(remaining, TILE), matrices, sampling, keys.windows, work
        )
        position = tile.end
        if tile.filled == 0:
            break
        if tile.is_band:
            rows = BAND_ROWS
            slots = BAND_PAIRS
            list_band(matrices.stride, work)
            score_band(matrices, work)
        else:
            rows = list_rows(tile.filled, matrices.stride, work)
            slots = rows * TILE
            score_rows(matrices, work, work.context_rows, rows, work.context_gradients)
        score_noise(matrices, work)
        if remaining == sampling.negative_sharing:
            sum_noise_loss += noise_loss(work)
            noise_pairs += tile.pairs
        noise_gradients(work, lr)
        sum_context_loss += context_gradients(work, slots, lr)
        if tile.is_band:
            apply_band(matrices, work)
        else:
            apply_rows(matrices, rows, work)
        centers += tile.filled
        pairs += tile.pairs
        remaining -= tile.filled
    return SpanStats(centers, pairs, sum_context_loss, noise_pairs, sum_noise_loss)


@inlined
def _draw_noise(
    matrices: Matrices, sampling: Sampling, key: np.uint64, drawn: int, work: Workspace
) -> None:
    """Draw the next set of negative samples, and prefetch their rows."""
    for n in range(len(work.next_noise)):
        word = int(draw_noise(key, drawn + n, sampling.noise_thresholds, sampling.noise_aliases))
        if len(work.local_ids) > 0:
            word = int(work.local_ids[word])
        row = word * matrices.stride
        work.next_noise[n] = row
        for d in range(0, matrices.width, LINE):
            prefetch(matrices.contexts, row + d)


@inlined
def _use_next_noise(work: Workspace) -> None:
    """Replace the negative samples by the next set."""
    for n in range(len(work.next_noise)):
        work.noise_rows[n] = work.next_noise[n]
