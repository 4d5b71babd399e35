"""An estimate of the memory that training needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from w2v.compute.random import ALWAYS
from w2v.training.automatic import resolve
from w2v.training.model import SCRATCH_ROWS, row_stride
from w2v.training.plan import MAX_SPAN_POSITIONS, round_count, span_capacity
from w2v.training.sampling import keep_thresholds, noise_probabilities

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.config import Config

_NUMBER_BYTES = 4
_WORKER_BYTES = 64_000_000  # of the kernels and of Ray in a worker, once it trains; measured
# Float32 numbers in a page of memory, of the size used for large arrays.
_PAGE_NUMBERS = (1 << 21) // _NUMBER_BYTES


def training_memory(counts: NDArray[np.int64], config: Config) -> int:
    """Estimate the peak memory in bytes: both matrices, the replicas of shards, and the result.

    Args:
        counts: (V,) occurrences of each word.
        config: the hyper-parameters.

    """
    words = len(counts)
    config = resolve(config, counts, int(counts.sum()))
    stride = row_stride(config.dim)
    rows = words + SCRATCH_ROWS * config.thread_count
    numbers = 2 * (stride + 1) * rows + words * config.dim  # with the step scale of each row
    if config.deterministic:
        numbers += config.shard_count * _replica_numbers(counts, config)
        numbers += _round_numbers(words, config.shard_count, config.thread_count)
        numbers += min(config.thread_count, config.shard_count) * _long_span(counts, config)
    return _NUMBER_BYTES * numbers


def worker_memory(counts: NDArray[np.int64], config: Config, *, shards: int, threads: int) -> int:
    """Estimate the memory in bytes that a worker of a cluster needs to train some of the shards.

    Its part of Ray's object store is included, except for text: the model as the worker receives
    it, the changes that it sends and receives, and the merged rows.

    Args:
        counts: (V,) occurrences of each word.
        config: the hyper-parameters.
        shards: the number of shards that the worker trains.
        threads: the number of its threads.

    """
    words = len(counts)
    config = resolve(config, counts, int(counts.sum()))
    stride = row_stride(config.dim)
    replicas = shards * stride * _replicated_rows(counts, config)
    # The process: the matrices, the changes of its shards, and those of all shards in its part.
    numbers = 2 * (stride + 1) * (words + SCRATCH_ROWS * threads)
    numbers += shards * _replica_numbers(counts, config) + replicas
    numbers += _round_numbers(words, shards, threads)
    numbers += min(threads, shards) * _long_span(counts, config)
    # The store: the model as it is received; the changes that are sent and received, and the merged
    # rows, of this round and the last one.
    numbers += 2 * words * config.dim + 2 * (2 * replicas + 2 * words * stride)
    return _WORKER_BYTES + _NUMBER_BYTES * numbers


def _round_numbers(words: int, shards: int, threads: int) -> int:
    """Return the numbers that a round needs besides the matrices and the rows of replicas."""
    # The local id of each word on each thread, and the order of merging.
    return (min(threads, shards) + 4) * words


def _replica_numbers(counts: NDArray[np.int64], config: Config) -> int:
    """Estimate the numbers of a replica that take memory.

    Those are the rows that are copied, in each of two arrays up to the end of a page; but no more
    than the room that the longest span may need.
    """
    stride = row_stride(config.dim)
    positions = span_capacity(int(counts.sum()), config)
    noise = (positions // config.sharing + 2) * config.noise_words
    room = min(len(counts), positions + 2 * config.window + noise) + SCRATCH_ROWS
    copied = stride * _replicated_rows(counts, config) + 2 * _PAGE_NUMBERS
    return min(copied, 2 * stride * room)


def _long_span(counts: NDArray[np.int64], config: Config) -> int:
    """Return by how many words a span is longer than usual; a thread copies those it selects."""
    spans = config.shard_count * max(round_count(int(counts.sum()), config), 1)
    return max(int(counts.sum()) // spans - MAX_SPAN_POSITIONS, 0)


def _replicated_rows(counts: NDArray[np.int64], config: Config) -> int:
    """Estimate the rows of both matrices that a shard copies for a span.

    These are the vectors of the words that subsampling keeps, and the context vectors of those and
    of the negative samples.
    """
    spans = config.shard_count * round_count(int(counts.sum()), config)
    kept = counts / spans
    kept *= keep_thresholds(counts, config.chosen_sample) / ALWAYS
    sets = kept.sum() / config.sharing
    drawn = sets * config.noise_words * noise_probabilities(counts, config.noise_exponent)
    return int(-np.expm1(-kept).sum() - np.expm1(-kept - drawn).sum())
