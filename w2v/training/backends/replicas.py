"""Replicas: the rows that a shard needs for a span, copied from the matrices.

A span of 65,536 positions has some 9,000 different words after subsampling, and 3,000 more among
its negative samples. Their rows are copied side by side in the order of the words, so that copying
and merging walk through memory in one direction, which the processor predicts. A word's row in the
replica is its local id; the kernel trains on local ids as it does on words.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.simd import WIDTH, load, store
from w2v.training.model import SCRATCH_ROWS, Matrices, aligned_zeros
from w2v.training.sampling import Keys, Sampling, draw_noise
from w2v.training.sgns.kernel import (
    LearningRates,
    Selection,
    SpanStats,
    TextSpan,
    select_words,
    train_words,
)
from w2v.training.sgns.workspace import Workspace, make_workspace

# In place of the local id of a word that has none, and of one that will get one.
_ABSENT = -1
_PENDING = -2


class LocalIds(NamedTuple):
    """How many words have local ids. Words that come earlier here have lower ids."""

    frozen: int  # words whose vectors are copied and do not change
    vectors: int  # words whose vectors are copied
    rows: int  # all words; the context vectors of all of them are copied


class Shard(NamedTuple):
    """The replica of one shard; row i is that of word ``words[i]``."""

    matrices: Matrices
    work: Workspace  # its ``local_ids`` are the rows of words
    words: NDArray[np.int32]
    uses: NDArray[np.float32]  # how often each row occurs as a word of the text
    draws: NDArray[np.float32]  # how often each row was drawn as a negative sample
    vector_rows: NDArray[np.int64]  # (1,) the number of rows with vectors
    context_rows: NDArray[np.int64]  # (1,) the number of rows


class Replicas(NamedTuple):
    """The replicas of all shards, for merging. Those of shard s are views of row s."""

    vectors: NDArray[np.float32]  # flat, one shard after the other
    contexts: NDArray[np.float32]  # flat
    size: int  # numbers of each shard in these two
    local_ids: NDArray[np.int32]  # (S, V)
    words: NDArray[np.int32]  # (S, rows)
    uses: NDArray[np.float32]  # (S, rows)
    draws: NDArray[np.float32]  # (S, rows)
    vector_rows: NDArray[np.int64]  # (S,)
    context_rows: NDArray[np.int64]  # (S,)


def make_replicas(
    shards: int, words: int, span_positions: int, matrices: Matrices, sampling: Sampling
) -> tuple[Replicas, list[Shard]]:
    """Allocate the replicas. Pages that no span touches take no memory.

    Args:
        shards: S.
        words: V.
        span_positions: the largest number of positions in a span.
        matrices: whose rows are copied.
        sampling: for the numbers of contexts and negative samples.

    """
    rows = max_replica_rows(words, span_positions, sampling)
    size = (rows + SCRATCH_ROWS) * matrices.stride
    replicas = Replicas(
        vectors=aligned_zeros(shards * size),
        contexts=aligned_zeros(shards * size),
        size=size,
        local_ids=np.full((shards, words), _ABSENT, np.int32),
        words=np.zeros((shards, rows), np.int32),
        uses=np.zeros((shards, rows), np.float32),
        draws=np.zeros((shards, rows), np.float32),
        vector_rows=np.zeros(shards, np.int64),
        context_rows=np.zeros(shards, np.int64),
    )
    return replicas, [
        Shard(
            Matrices(
                replicas.vectors[s * size : (s + 1) * size],
                replicas.contexts[s * size : (s + 1) * size],
                matrices.stride,
                matrices.width,
                np.ones(rows + SCRATCH_ROWS),
            ),
            make_workspace(span_positions, rows, matrices.stride, sampling, replicas.local_ids[s]),
            replicas.words[s],
            replicas.uses[s],
            replicas.draws[s],
            replicas.vector_rows[s : s + 1],
            replicas.context_rows[s : s + 1],
        )
        for s in range(shards)
    ]


def max_replica_rows(words: int, span_positions: int, sampling: Sampling) -> int:
    """Return the most rows that a span needs: its words, those around it, and negative samples."""
    around = span_positions + 2 * sampling.window
    return min(words, around + _noise_draws(span_positions, sampling))


@inlined
def _noise_draws(centers: int, sampling: Sampling) -> int:
    """Return how many negative samples are drawn for a number of centers, at most.

    They include a set that is not used, because the next set is always drawn in advance.
    """
    return (-(-centers // sampling.negative_sharing) + 1) * sampling.shared_negatives


def train_shard(
    span: TextSpan,
    matrices: Matrices,
    shard: Shard,
    sampling: Sampling,
    keys: Keys,
    rates: LearningRates,
) -> SpanStats:
    """Train on a span in the replica of a shard. The matrices do not change.

    Other arguments are those of `w2v.training.sgns.kernel.train_span`. The result does not depend
    on the previous contents of the replica.
    """
    # Line ends need an id that is no word, and the blank row of the replica has that of a word.
    selecting = shard.work._replace(blank=len(shard.work.local_ids))
    selection = select_words(span, sampling, keys.subsampling, selecting)
    ids = assign_local_ids(selection, matrices.frozen, sampling, keys.noise, selecting, shard)
    shard.vector_rows[0] = ids.vectors
    shard.context_rows[0] = ids.rows
    copy_rows(matrices, shard)
    replica = shard.matrices._replace(frozen=int(ids.frozen))
    return train_words(selection, replica, sampling, keys, rates, shard.work)


@kernel
def assign_local_ids(
    selection: Selection,
    frozen: int,
    sampling: Sampling,
    key: np.uint64,
    selecting: Workspace,
    shard: Shard,
) -> LocalIds:
    """Assign local ids to the words of a span and its negative samples, and replace ids by them.

    Args:
        selection: the words of the span.
        frozen: the number of words, from the first on, whose vectors do not change.
        sampling: how negative samples are drawn.
        key: of their random numbers.
        selecting: the workspace of the shard, with the id V for blanks.
        shard: loses its local ids and receives the new ones.

    """
    local_ids = selecting.local_ids
    words = shard.words
    selected = selecting.selected
    blank = selecting.blank
    for i in range(shard.context_rows[0]):
        local_ids[words[i]] = _ABSENT
    end = selection.end
    while selected[end] != blank:
        end += 1
    for position in range(end):
        if selected[position] != blank:
            local_ids[selected[position]] = _PENDING
    frozen_rows = _number_pending(0, frozen, 0, local_ids, words)
    vector_rows = _number_pending(frozen, len(local_ids), frozen_rows, local_ids, words)
    draws = _noise_draws(selection.end - selection.begin, sampling)
    for i in range(draws):
        word = draw_noise(key, i, sampling.noise_thresholds, sampling.noise_aliases)
        if local_ids[word] == _ABSENT:
            local_ids[word] = _PENDING
    rows = _number_pending(0, len(local_ids), vector_rows, local_ids, words)
    shard.uses[:rows] = np.float32(0.0)
    shard.draws[:rows] = np.float32(0.0)
    for position in range(end):
        if selected[position] != blank:
            selected[position] = local_ids[selected[position]]
            shard.uses[selected[position]] += np.float32(1.0)
        else:
            selected[position] = shard.work.blank
    while end < len(selected) and selected[end] == blank:
        selected[end] = shard.work.blank
        end += 1
    for i in range(draws):
        word = draw_noise(key, i, sampling.noise_thresholds, sampling.noise_aliases)
        shard.draws[local_ids[word]] += np.float32(1.0)
    return LocalIds(frozen_rows, vector_rows, rows)


@inlined
def _number_pending(
    begin: int, end: int, count: int, local_ids: NDArray[np.int32], words: NDArray[np.int32]
) -> int:
    """Give the pending words of a range the local ids from ``count`` on; return the next one."""
    for word in range(begin, end):
        if local_ids[word] == _PENDING:
            local_ids[word] = count
            words[count] = word
            count += 1
    return count


@kernel
def copy_rows(matrices: Matrices, shard: Shard) -> None:
    """Copy the rows and the step scales of all words with local ids."""
    vector_rows = shard.vector_rows[0]
    for i in range(shard.context_rows[0]):
        word = int(shard.words[i])
        shard.matrices.step_scales[i] = matrices.step_scales[word]
        source = word * matrices.stride
        target = i * matrices.stride
        for d in range(0, matrices.width, WIDTH):
            store(shard.matrices.contexts, target + d, load(matrices.contexts, source + d))
            if i < vector_rows:
                store(shard.matrices.vectors, target + d, load(matrices.vectors, source + d))
