"""The rule by which the replicas of a row are merged.

Shards that start from the same row mostly change it in the same direction. If every step moves a
row by a share c of its distance to some point, then k steps in one shard move it by 1 - q of the
distance, q = (1 - c)^k, and n k steps in sequence would move it by 1 - q^n. The sum of the shards'
changes is n (1 - q): right if steps are few, but far beyond the point if they are many, so that
training diverges. So a row that several shards s have changed, each with its q_s, becomes

    row += (change_1 + change_2 + ...) (1 - q_1 q_2 ...) / ((1 - q_1) + (1 - q_2) + ...)

This is the sum of the changes if steps are few, and their mean if they are many. The shares c are
estimates. Of many shards, whose changes are added where c is too small, training may diverge. So
the changes of more than 64 shards are weighted by how far they agree:

    row += (change_1 + change_2 + ...) min(1, (|change_1|^2 + ...) / |change_1 + change_2 + ...|^2)

This is the sum of changes that are orthogonal to each other, and the mean of equal ones. A row that
only one shard has changed is copied bit by bit, so one shard gives the same result as one thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.simd import WIDTH, add, fma, load, multiply, reduce_add, splat, store
from w2v.training.backends.replicas import Changes
from w2v.training.model import Matrices
from w2v.training.sampling import Sampling

# The share of its distance that a row moves for each pair, at learning rate 1, and for each pair
# with a negative sample, which mostly leaves the row where it is. A half or a quarter of both gave
# the same quality with 4 shards, but diverged with 8 and 16.
_PAIR_DECAY = 0.25
_NOISE_DECAY = 0.0125
# The changes of more shards than this are weighted by their agreement. See docs/design/rounds.md.
MOST_SHARDS_BY_DECAY = 64
# Words that a thread merges before it skips those of the other threads.
_WORDS_PER_PART = 16


class DecayRates(NamedTuple):
    """How fast a row approaches its point: -log(1 - c) for each use."""

    center: float  # of a word vector with the step scale 1, when its word is a center
    context: float  # of a context vector, when its word is in windows
    noise: float  # of a context vector, when its word is in a set of negative samples


def decay_rates(sampling: Sampling, lr: float) -> DecayRates:
    """Return the decay rates at a learning rate.

    They grow with the pairs of a use: of a center with its contexts and their negative samples, of
    a context with its centers, and of a negative sample with the centers that share it, by weight.
    """
    pairs = 2 * sampling.window
    noise = sampling.negatives / sampling.shared_negatives * sampling.negative_sharing
    return DecayRates(
        lr * _PAIR_DECAY * pairs * (1 + sampling.negatives),
        lr * _PAIR_DECAY * pairs,
        lr * _NOISE_DECAY * pairs * noise,
    )


class Order(NamedTuple):
    """The rows of all shards by word: those of word w from ``starts[w]`` to ``starts[w + 1]``."""

    starts: NDArray[np.int64]  # (V + 1,)
    shards: NDArray[np.int32]  # (n,) the shard of each row, ascending for each word
    rows: NDArray[np.int32]  # (n,) its number in the shard


class _Side(NamedTuple):
    """One of the two matrices and its changed rows."""

    rows: NDArray[np.float32]
    copies: NDArray[np.float32]
    first_copies: NDArray[np.int64]  # (S,) the number of the first copy of each shard
    counts: NDArray[np.int64]  # (S,) the number of copies of each shard
    use_rate: float
    draw_rate: float


class _Merged(NamedTuple):
    """The changed copies of a row."""

    copies: int  # how many copies have changed
    factor: float  # of the sum of their changes, by their decay


@kernel
def order_changes(changes: Changes, words: int) -> Order:
    """Sort the rows of all shards by word, and for each word by shard (a counting sort).

    Args:
        changes: of all shards.
        words: V; their words are below it.

    """
    starts = np.zeros(words + 1, np.int64)
    shards = len(changes.context_rows)
    for s in range(shards):
        first = changes.first_entries[s]
        for entry in range(first, first + changes.context_rows[s]):
            starts[changes.words[entry] + 1] += 1
    for word in range(words):
        starts[word + 1] += starts[word]
    order = Order(
        starts.copy(), np.empty(starts[words], np.int32), np.empty(starts[words], np.int32)
    )
    for s in range(shards):
        first = changes.first_entries[s]
        for row in range(changes.context_rows[s]):
            word = changes.words[first + row]
            order.shards[starts[word]] = s
            order.rows[starts[word]] = row
            starts[word] += 1
    return order


@kernel
def merge_changes(
    matrices: Matrices, changes: Changes, order: Order, rates: DecayRates, part: int, parts: int
) -> None:
    """Merge the changes of all shards, in one of several parts of the words.

    Args:
        matrices: the rows to change.
        changes: of all shards, which started from these rows.
        order: of the changes.
        rates: the decay rates.
        part: the number of the part.
        parts: the number of parts.

    """
    words = len(order.starts) - 1
    by_decay = len(changes.context_rows) <= MOST_SHARDS_BY_DECAY
    copies = np.zeros(len(changes.context_rows), np.int64)
    vectors = _Side(
        matrices.vectors,
        changes.vectors,
        changes.first_vectors,
        changes.vector_rows,
        rates.center,
        0.0,
    )
    contexts = _Side(
        matrices.contexts,
        changes.contexts,
        changes.first_contexts,
        changes.context_rows,
        rates.context,
        rates.noise,
    )
    for first in range(part * _WORDS_PER_PART, words, parts * _WORDS_PER_PART):
        for word in range(first, min(first + _WORDS_PER_PART, words)):
            row = word * matrices.stride
            if word >= matrices.frozen:
                scale = matrices.step_scales[word]
                merged = _find_changes(vectors, scale, word, row, changes, order, copies)
                _merge_row(vectors, row, copies, merged, matrices.width, by_decay)
            merged = _find_changes(contexts, 1.0, word, row, changes, order, copies)
            _merge_row(contexts, row, copies, merged, matrices.width, by_decay)


@inlined
def _find_changes(
    side: _Side,
    scale: float,
    word: int,
    row: int,
    changes: Changes,
    order: Order,
    copies: NDArray[np.int64],
) -> _Merged:
    """Find the copies of a row that differ from it; ``copies`` receives their indices.

    The uses of the row decay with the rate of the side times ``scale``.
    """
    stride = changes.stride
    count = 0
    total_decay = 0.0
    progress = 0.0  # the sum of 1 - q
    for i in range(order.starts[word], order.starts[word + 1]):
        s = order.shards[i]
        local = order.rows[i]
        if local < side.counts[s]:
            start = (side.first_copies[s] + local) * stride
            d = 0
            while d < stride and side.copies[start + d] == side.rows[row + d]:
                d += 1
            if d < stride:
                copies[count] = start
                count += 1
                entry = changes.first_entries[s] + local
                uses, draws = changes.uses[entry], changes.draws[entry]
                decay = side.use_rate * scale * uses + side.draw_rate * draws
                total_decay += decay
                progress -= np.expm1(-decay)
    return _Merged(count, -np.expm1(-total_decay) / progress if progress > 0.0 else 1.0)


@inlined
def _agreement(side: _Side, row: int, copies: NDArray[np.int64], count: int, width: int) -> float:
    """Return the weight of the sum of changes: min(1, the sum of their squares / its square).

    The squares of all copies are added as float32 for each lane, and the lanes as float64, in one
    order.
    """
    minus_one = splat(np.float32(-1.0))
    of_changes, of_sum = 0.0, 0.0
    for d in range(0, width, WIDTH):
        old = load(side.rows, row + d)
        total = splat(np.float32(0.0))
        squares = splat(np.float32(0.0))
        for i in range(count):
            change = fma(minus_one, old, load(side.copies, copies[i] + d))
            total = add(total, change)
            squares = fma(change, change, squares)
        of_changes += float(reduce_add(squares))
        of_sum += float(reduce_add(multiply(total, total)))
    return of_changes / of_sum if of_changes < of_sum else 1.0


@inlined
def _merge_row(
    side: _Side,
    row: int,
    copies: NDArray[np.int64],
    merged: _Merged,
    width: int,
    by_decay: bool,
) -> None:
    """Replace a row by its only changed copy, or add the weighted changes of several."""
    if merged.copies == 1:
        for d in range(0, width, WIDTH):
            store(side.rows, row + d, load(side.copies, copies[0] + d))
    elif merged.copies > 1:
        minus_one = splat(np.float32(-1.0))
        weight = merged.factor
        if not by_decay:
            weight = _agreement(side, row, copies, merged.copies, width)
        factor = splat(np.float32(weight))
        for d in range(0, width, WIDTH):
            old = load(side.rows, row + d)
            change = splat(np.float32(0.0))
            for i in range(merged.copies):
                change = add(change, fma(minus_one, old, load(side.copies, copies[i] + d)))
            store(side.rows, row + d, fma(factor, change, old))
