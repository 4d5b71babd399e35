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


class Replica(NamedTuple):
    """The rows of one shard; row i is that of word ``words[i]``."""

    matrices: Matrices
    words: NDArray[np.int32]
    uses: NDArray[np.float32]  # how often each row occurs as a word of the text
    draws: NDArray[np.float32]  # how often each row was drawn as a negative sample
    vector_rows: NDArray[np.int64]  # (1,) the number of rows with vectors
    context_rows: NDArray[np.int64]  # (1,) the number of rows


class Changes(NamedTuple):
    """The rows that S shards have trained, for merging.

    Row i of shard s belongs to word ``words[first_entries[s] + i]``. Its context vector is row
    ``first_contexts[s] + i`` of ``contexts``, and its word vector, if i is less than
    ``vector_rows[s]``, row ``first_vectors[s] + i`` of ``vectors``.
    """

    words: NDArray[np.int32]
    uses: NDArray[np.float32]
    draws: NDArray[np.float32]
    vectors: NDArray[np.float32]  # flat
    contexts: NDArray[np.float32]  # flat
    stride: int  # the distance of two rows of these
    first_entries: NDArray[np.int64]  # (S,)
    first_vectors: NDArray[np.int64]  # (S,)
    first_contexts: NDArray[np.int64]  # (S,)
    vector_rows: NDArray[np.int64]  # (S,)
    context_rows: NDArray[np.int64]  # (S,)


def make_replicas(shards: int, rows: int, matrices: Matrices) -> tuple[Changes, list[Replica]]:
    """Allocate the replicas of shards. Pages that no span touches take no memory.

    Args:
        shards: S.
        rows: the most rows that a span needs, see `max_replica_rows`.
        matrices: whose rows are copied.

    Returns:
        All replicas as the changes to merge after training, and each of them.

    """
    size = (rows + SCRATCH_ROWS) * matrices.stride
    first_rows = np.arange(shards) * (rows + SCRATCH_ROWS)
    changes = Changes(
        words=np.zeros(shards * rows, np.int32),
        uses=np.zeros(shards * rows, np.float32),
        draws=np.zeros(shards * rows, np.float32),
        vectors=aligned_zeros(shards * size),
        contexts=aligned_zeros(shards * size),
        stride=matrices.stride,
        first_entries=np.arange(shards) * rows,
        first_vectors=first_rows,
        first_contexts=first_rows,
        vector_rows=np.zeros(shards, np.int64),
        context_rows=np.zeros(shards, np.int64),
    )
    return changes, [
        Replica(
            Matrices(
                changes.vectors[s * size : (s + 1) * size],
                changes.contexts[s * size : (s + 1) * size],
                matrices.stride,
                matrices.width,
                np.ones(rows + SCRATCH_ROWS),
            ),
            changes.words[s * rows : (s + 1) * rows],
            changes.uses[s * rows : (s + 1) * rows],
            changes.draws[s * rows : (s + 1) * rows],
            changes.vector_rows[s : s + 1],
            changes.context_rows[s : s + 1],
        )
        for s in range(shards)
    ]


def make_replica_workspace(
    words: int, rows: int, span_positions: int, matrices: Matrices, sampling: Sampling
) -> Workspace:
    """Allocate the buffers of a thread that trains replicas.

    Args:
        words: V.
        rows: of a replica.
        span_positions: the largest number of positions in a span.
        matrices: whose rows are copied.
        sampling: for the numbers of contexts and negative samples.

    """
    local_ids = np.full(words, _ABSENT, np.int32)
    return make_workspace(span_positions, rows, matrices.stride, sampling, local_ids)


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
    replica: Replica,
    work: Workspace,
    sampling: Sampling,
    keys: Keys,
    rates: LearningRates,
) -> SpanStats:
    """Train on a span in a replica. The matrices do not change.

    Args:
        span: the text.
        matrices: the model.
        replica: receives the rows. The result does not depend on its previous contents.
        work: of `make_replica_workspace`, for the thread.
        sampling: how words, windows and noise are drawn.
        keys: of the random numbers.
        rates: the learning rates.

    """
    # Line ends need an id that is no word, and the blank row of the replica has that of a word.
    selecting = work._replace(blank=len(work.local_ids))
    selection = select_words(span, sampling, keys.subsampling, selecting)
    ids = assign_local_ids(
        selection, matrices.frozen, sampling, keys.noise, selecting, replica, work.blank
    )
    replica.vector_rows[0] = ids.vectors
    replica.context_rows[0] = ids.rows
    try:
        copy_rows(matrices, replica)
        rows = replica.matrices._replace(frozen=int(ids.frozen))
        return train_words(selection, rows, sampling, keys, rates, work)
    finally:
        work.local_ids[replica.words[: int(ids.rows)]] = _ABSENT


@kernel
def assign_local_ids(
    selection: Selection,
    frozen: int,
    sampling: Sampling,
    key: np.uint64,
    selecting: Workspace,
    replica: Replica,
    blank: int,
) -> LocalIds:
    """Assign local ids to the words of a span and its negative samples, and replace ids by them.

    Args:
        selection: the words of the span.
        frozen: the number of words, from the first on, whose vectors do not change.
        sampling: how negative samples are drawn.
        key: of their random numbers.
        selecting: the workspace of the thread, with the id V for blanks. Its ``local_ids``, all of
            them absent, receive the new ones.
        replica: receives the words, uses and draws of its rows.
        blank: the local id of blanks.

    """
    local_ids = selecting.local_ids
    words = replica.words
    selected = selecting.selected
    end = selection.end
    while selected[end] != selecting.blank:
        end += 1
    for position in range(end):
        if selected[position] != selecting.blank:
            local_ids[selected[position]] = _PENDING
    frozen_rows = _number_pending(0, frozen, 0, local_ids, words)
    vector_rows = _number_pending(frozen, len(local_ids), frozen_rows, local_ids, words)
    draws = _noise_draws(selection.end - selection.begin, sampling)
    for i in range(draws):
        word = draw_noise(key, i, sampling.noise_thresholds, sampling.noise_aliases)
        if local_ids[word] == _ABSENT:
            local_ids[word] = _PENDING
    rows = _number_pending(0, len(local_ids), vector_rows, local_ids, words)
    replica.uses[:rows] = np.float32(0.0)
    replica.draws[:rows] = np.float32(0.0)
    for position in range(end):
        if selected[position] != selecting.blank:
            selected[position] = local_ids[selected[position]]
            replica.uses[selected[position]] += np.float32(1.0)
        else:
            selected[position] = blank
    while end < len(selected) and selected[end] == selecting.blank:
        selected[end] = blank
        end += 1
    for i in range(draws):
        word = draw_noise(key, i, sampling.noise_thresholds, sampling.noise_aliases)
        replica.draws[local_ids[word]] += np.float32(1.0)
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
def copy_rows(matrices: Matrices, replica: Replica) -> None:
    """Copy the rows and the step scales of all words with local ids."""
    vector_rows = replica.vector_rows[0]
    for i in range(replica.context_rows[0]):
        word = int(replica.words[i])
        replica.matrices.step_scales[i] = matrices.step_scales[word]
        source = word * matrices.stride
        target = i * matrices.stride
        for d in range(0, matrices.width, WIDTH):
            store(replica.matrices.contexts, target + d, load(matrices.contexts, source + d))
            if i < vector_rows:
                store(replica.matrices.vectors, target + d, load(matrices.vectors, source + d))
