"""The rule by which the replicas of a row are merged.

Shards that start from the same row mostly change it in the same direction. If every step moves a
row by a share c of its distance to some point, then k steps in one shard move it by 1 - q of the
distance, q = (1 - c)^k, and n k steps in sequence would move it by 1 - q^n. The sum of the shards'
changes is n (1 - q): right if steps are few, but far beyond the point if they are many, so that
training diverges. So a row that several shards s have changed, each with its q_s, becomes

    row += (change_1 + change_2 + ...) (1 - q_1 q_2 ...) / ((1 - q_1) + (1 - q_2) + ...)

This is the sum of the changes if steps are few, and their mean if they are many. A row that only
one shard has changed is copied bit by bit, so one shard gives the same result as one thread.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.simd import WIDTH, add, fma, load, splat, store
from w2v.training.backends.replicas import Replicas
from w2v.training.model import Matrices
from w2v.training.sampling import Sampling

# The share of its distance that a row moves for each pair, at learning rate 1, and for each pair
# with a negative sample, which mostly leaves the row where it is. A half or a quarter of both gave
# the same quality with 4 shards, but diverged with 8 and 16.
_PAIR_DECAY = 0.25
_NOISE_DECAY = 0.0125
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


class _Side(NamedTuple):
    """One of the two matrices and its replicas."""

    rows: NDArray[np.float32]
    copies: NDArray[np.float32]
    counts: NDArray[np.int64]  # (S,) the number of copied rows in each shard
    use_rate: float
    draw_rate: float


class _Changes(NamedTuple):
    """The changed copies of a row."""

    copies: int  # how many copies have changed
    factor: float  # of the sum of their changes


@kernel
def merge_replicas(
    matrices: Matrices, replicas: Replicas, rates: DecayRates, part: int, parts: int
) -> None:
    """Merge the changes of all shards, in one of several parts of the words.

    Args:
        matrices: the rows to change.
        replicas: of all shards.
        rates: the decay rates.
        part: the number of the part.
        parts: the number of parts.

    """
    shards, words = replicas.local_ids.shape
    starts = np.zeros(shards, np.int64)
    vectors = _Side(matrices.vectors, replicas.vectors, replicas.vector_rows, rates.center, 0.0)
    contexts = _Side(
        matrices.contexts, replicas.contexts, replicas.context_rows, rates.context, rates.noise
    )
    for first in range(part * _WORDS_PER_PART, words, parts * _WORDS_PER_PART):
        for word in range(first, min(first + _WORDS_PER_PART, words)):
            if word >= matrices.frozen:
                scale = matrices.step_scales[word]
                changes = _find_changes(vectors, scale, word, matrices.stride, replicas, starts)
                _merge_row(vectors, word * matrices.stride, starts, changes, matrices.width)
            changes = _find_changes(contexts, 1.0, word, matrices.stride, replicas, starts)
            _merge_row(contexts, word * matrices.stride, starts, changes, matrices.width)


@inlined
def _find_changes(
    side: _Side,
    scale: float,
    word: int,
    stride: int,
    replicas: Replicas,
    starts: NDArray[np.int64],
) -> _Changes:
    """Find the copies of a row that differ from it; ``starts`` receives their indices.

    Its uses decay with the rate of the side times ``scale``.
    """
    row = word * stride
    count = 0
    total_decay = 0.0
    progress = 0.0  # the sum of 1 - q
    for s in range(len(starts)):
        local_id = replicas.local_ids[s, word]
        if 0 <= local_id < side.counts[s]:
            start = s * replicas.size + local_id * stride
            d = 0
            while d < stride and side.copies[start + d] == side.rows[row + d]:
                d += 1
            if d < stride:
                starts[count] = start
                count += 1
                uses, draws = replicas.uses[s, local_id], replicas.draws[s, local_id]
                decay = side.use_rate * scale * uses + side.draw_rate * draws
                total_decay += decay
                progress -= np.expm1(-decay)
    return _Changes(count, -np.expm1(-total_decay) / progress if progress > 0.0 else 1.0)


@inlined
def _merge_row(
    side: _Side, row: int, starts: NDArray[np.int64], changes: _Changes, width: int
) -> None:
    """Replace a row by its only changed copy, or add the weighted changes of several."""
    if changes.copies == 1:
        for d in range(0, width, WIDTH):
            store(side.rows, row + d, load(side.copies, starts[0] + d))
    elif changes.copies > 1:
        minus_one = splat(np.float32(-1.0))
        factor = splat(np.float32(changes.factor))
        for d in range(0, width, WIDTH):
            old = load(side.rows, row + d)
            change = splat(np.float32(0.0))
            for i in range(changes.copies):
                change = add(change, fma(minus_one, old, load(side.copies, starts[i] + d)))
            store(side.rows, row + d, fma(factor, change, old))
