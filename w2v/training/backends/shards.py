"""The shards of a round on the threads of one machine: training and merging.

What a shard computes is a function of the matrices, its span and the seed. So it does not matter
which thread, process or machine trains it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import NamedTuple, TypeVar

from w2v.training.backends.merging import DecayRates, merge_changes, order_changes
from w2v.training.backends.replicas import (
    Changes,
    make_replica_workspace,
    make_replicas,
    max_replica_rows,
    train_shard,
)
from w2v.training.model import Matrices
from w2v.training.plan import EpochPlan
from w2v.training.sampling import Keys
from w2v.training.sgns.kernel import LearningRates, TextSpan
from w2v.training.sgns.workspace import Workspace
from w2v.training.state import EpochStats, TrainingSetup

Result = TypeVar("Result")


class SpanJob(NamedTuple):
    """What a shard trains on in a round."""

    span: TextSpan
    keys: Keys


def span_of(
    plan: EpochPlan, rounds: int, shards: int, step: int, shard: int
) -> tuple[int, int, int]:
    """Return the number of a shard's span in a round, and the positions where it begins and ends.

    Args:
        plan: the epoch.
        rounds: the number of rounds in it.
        shards: the number of shards.
        step: the number of the round.
        shard: the number of the shard.

    """
    number = shard * rounds + step
    spans = rounds * shards
    return number, number * plan.size // spans, (number + 1) * plan.size // spans


class ShardTrainer:
    """Trains shards on replicas, and merges them.

    Args:
        setup: the model and its options.
        shards: the most shards that are trained at once.
        threads: the number of threads. No result depends on it.

    """

    def __init__(self, setup: TrainingSetup, shards: int, threads: int) -> None:
        self._setup = setup
        self._threads = threads
        rows = max_replica_rows(setup.words, setup.span_positions, setup.sampling)
        self._changes, self._replicas = make_replicas(shards, rows, setup.matrices)
        self._workspaces: SimpleQueue[Workspace] = SimpleQueue()
        for _ in range(min(threads, shards)):
            self._workspaces.put(
                make_replica_workspace(
                    setup.words, rows, setup.span_positions, setup.matrices, setup.sampling
                )
            )

    def train(self, jobs: Sequence[SpanJob], rates: LearningRates) -> list[EpochStats]:
        """Train each shard on its span, starting from the matrices, which do not change."""
        longest = max((job.span.end - job.span.begin for job in jobs), default=0)
        if longest > self._setup.span_positions:  # the kernel would write beyond its buffers
            message = f"a span has {longest:,} positions, at most {self._setup.span_positions:,}"
            raise ValueError(message)

        def train(shard: int) -> EpochStats:
            span, keys = jobs[shard]
            work = self._workspaces.get()
            try:
                stats = train_shard(
                    span,
                    self._setup.matrices,
                    self._replicas[shard],
                    work,
                    self._setup.sampling,
                    keys,
                    rates,
                )
            finally:
                self._workspaces.put(work)
            return EpochStats.of_span(span.end - span.begin, stats)

        return _on_threads(train, len(jobs), self._threads)

    def changes(self, shards: int) -> Changes:
        """Return the rows of the first shards, as the last training left them."""
        changes = self._changes
        return changes._replace(
            first_entries=changes.first_entries[:shards],
            first_vectors=changes.first_vectors[:shards],
            first_contexts=changes.first_contexts[:shards],
            vector_rows=changes.vector_rows[:shards],
            context_rows=changes.context_rows[:shards],
        )


def merge_on_threads(
    matrices: Matrices, words: int, changes: Changes, rates: DecayRates, threads: int
) -> None:
    """Merge changes into the matrices from which training started.

    Args:
        matrices: the rows to change.
        words: V, the number of words.
        changes: of all shards.
        rates: the decay rates.
        threads: the number of threads. The result does not depend on it.

    """
    order = order_changes(changes, words)

    def merge(part: int) -> None:
        merge_changes(matrices, changes, order, rates, part, threads)

    _on_threads(merge, threads, threads)


def _on_threads(function: Callable[[int], Result], count: int, threads: int) -> list[Result]:
    """Call a function for 0 .. count - 1 on some threads; return the results in order."""
    if threads == 1:
        return [function(i) for i in range(count)]
    with ThreadPoolExecutor(threads, thread_name_prefix="w2v-round") as pool:
        return list(pool.map(function, range(count)))
