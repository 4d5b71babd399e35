"""What machines that train shards of one model exchange: changes, and merged rows.

The vocabulary is cut into parts. For each part, a machine receives the changes of all shards and
merges them; all machines receive the merged rows. Everything here is a function of plain arrays:

    changes of some shards --extract--> one part of them --join--> all shards --merge_part--> rows
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.training.backends.merging import DecayRates
from w2v.training.backends.replicas import Changes
from w2v.training.backends.shards import merge_on_threads
from w2v.training.model import Matrices


class Rows(NamedTuple):
    """Rows with their new values."""

    vector_words: NDArray[np.int32]  # (m,) the words whose vectors these are
    vectors: NDArray[np.float32]  # (m, width)
    context_words: NDArray[np.int32]  # (n,)
    contexts: NDArray[np.float32]  # (n, width)


def extract(changes: Changes, begin: int, end: int, width: int) -> Changes:
    """Return the changes of the words from ``begin`` to ``end``, without gaps between rows.

    Args:
        changes: of some shards.
        begin: the first word.
        end: the word after the last one.
        width: the numbers of a row that are copied.

    """
    vectors = changes.vectors.reshape(-1, changes.stride)[:, :width]
    contexts = changes.contexts.reshape(-1, changes.stride)[:, :width]
    entries, vector_rows, context_rows = [], [], []
    for s, rows in enumerate(changes.context_rows.tolist()):
        first = int(changes.first_entries[s])
        words = changes.words[first : first + rows]
        # Local ids ascend: words with vectors come first.
        local = np.flatnonzero((words >= begin) & (words < end))
        with_vectors = int(np.searchsorted(local, changes.vector_rows[s]))
        entries.append(first + local)
        vector_rows.append(changes.first_vectors[s] + local[:with_vectors])
        context_rows.append(changes.first_contexts[s] + local)
    chosen = _concatenated(entries)
    return _packed(
        words=changes.words[chosen],
        uses=changes.uses[chosen],
        draws=changes.draws[chosen],
        vectors=vectors[_concatenated(vector_rows)].reshape(-1),
        contexts=contexts[_concatenated(context_rows)].reshape(-1),
        width=width,
        vector_rows=np.array([len(rows) for rows in vector_rows], np.int64),
        context_rows=np.array([len(rows) for rows in context_rows], np.int64),
    )


def join(pieces: Sequence[Changes]) -> Changes:
    """Return the changes of all shards, in the order of the pieces, as new arrays."""
    return _packed(
        words=np.concatenate([piece.words for piece in pieces]),
        uses=np.concatenate([piece.uses for piece in pieces]),
        draws=np.concatenate([piece.draws for piece in pieces]),
        vectors=np.concatenate([piece.vectors for piece in pieces]),
        contexts=np.concatenate([piece.contexts for piece in pieces]),
        width=pieces[0].stride,
        vector_rows=np.concatenate([piece.vector_rows for piece in pieces]),
        context_rows=np.concatenate([piece.context_rows for piece in pieces]),
    )


def merge_part(matrices: Matrices, changes: Changes, rates: DecayRates, threads: int) -> Rows:
    """Merge the changes of all shards in a part of the vocabulary.

    Args:
        matrices: from which training started. They do not change.
        changes: of all shards, without gaps between rows.
        rates: the decay rates.
        threads: the number of threads. The result does not depend on it.

    Returns:
        The rows of all words that have changes.

    """
    width = changes.stride
    # Words with vectors come first, so that their rows need not be chosen afterwards.
    is_changed = np.zeros(1 + int(changes.words.max(initial=-1)), bool)
    has_vector = is_changed.copy()
    is_changed[changes.words] = True
    for first, rows in zip(changes.first_entries, changes.vector_rows, strict=True):
        has_vector[changes.words[first : first + rows]] = True
    vector_words = np.flatnonzero(has_vector).astype(np.int32)
    others = np.flatnonzero(is_changed & ~has_vector).astype(np.int32)
    words = np.concatenate([vector_words, others])
    local_ids = np.empty(len(is_changed), np.int32)
    local_ids[words] = np.arange(len(words), dtype=np.int32)
    old = Matrices(
        vectors=_rows(matrices.vectors, matrices, vector_words, width),
        contexts=_rows(matrices.contexts, matrices, words, width),
        stride=width,
        width=width,
        step_scales=matrices.step_scales[words],
    )
    local_changes = changes._replace(words=local_ids[changes.words])
    merge_on_threads(old, len(words), local_changes, rates, threads)
    vectors, contexts = (rows.reshape(-1, width) for rows in (old.vectors, old.contexts))
    return Rows(vector_words, vectors, words, contexts)


def apply_rows(matrices: Matrices, rows: Rows) -> None:
    """Write rows into the matrices."""
    width = matrices.width
    matrices.vectors.reshape(-1, matrices.stride)[rows.vector_words, :width] = rows.vectors
    matrices.contexts.reshape(-1, matrices.stride)[rows.context_words, :width] = rows.contexts


def _packed(
    *,
    words: NDArray[np.int32],
    uses: NDArray[np.float32],
    draws: NDArray[np.float32],
    vectors: NDArray[np.float32],
    contexts: NDArray[np.float32],
    width: int,
    vector_rows: NDArray[np.int64],
    context_rows: NDArray[np.int64],
) -> Changes:
    first_entries = np.cumsum(context_rows) - context_rows
    return Changes(
        words=words,
        uses=uses,
        draws=draws,
        vectors=vectors,
        contexts=contexts,
        stride=width,
        first_entries=first_entries,
        first_vectors=np.cumsum(vector_rows) - vector_rows,
        first_contexts=first_entries,
        vector_rows=vector_rows,
        context_rows=context_rows,
    )


def _concatenated(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)


def _rows(
    flat: NDArray[np.float32], matrices: Matrices, words: NDArray[np.int32], width: int
) -> NDArray[np.float32]:
    return flat.reshape(-1, matrices.stride)[words, :width].reshape(-1)
