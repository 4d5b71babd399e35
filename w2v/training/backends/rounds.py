"""Training in rounds: the same bits on any number of threads.

The text is cut into S shards, whatever the number of threads. Each step is a round: every shard
trains on its next span, on a replica of the rows that the span needs, and then the replicas are
merged into the matrices. What a shard computes is a function of the matrices, its span and the
seed, and so is the round.

`replicas` has the copies of rows, `merging` the rule by which they are merged. The design and its
measurements are in docs/design/rounds.md.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from w2v.training.backends.merging import decay_rates, merge_replicas
from w2v.training.backends.replicas import make_replicas, train_shard
from w2v.training.plan import EpochPlan, round_count
from w2v.training.state import EpochStats, TrainingSetup

Result = TypeVar("Result")


class RoundsBackend:
    """The backend of deterministic training."""

    workers = 1  # `run_step` has threads of its own

    def __init__(self, setup: TrainingSetup) -> None:
        self._setup = setup
        self._threads = setup.config.thread_count
        self._replicas, self._shards = make_replicas(
            setup.config.shard_count,
            setup.words,
            setup.span_positions,
            setup.matrices,
            setup.sampling,
        )

    def step_count(self, plan: EpochPlan) -> int:
        """Return the number of rounds."""
        return round_count(plan.size, self._setup.config)

    def run_step(self, plan: EpochPlan, step: int, worker: int) -> EpochStats:
        """Train for one round."""
        del worker
        setup = self._setup
        rates = plan.rates(step / self.step_count(plan), (step + 1) / self.step_count(plan))
        decays = decay_rates(setup.sampling, rates.begin)

        def merge(part: int) -> None:
            merge_replicas(setup.matrices, self._replicas, decays, part, self._threads)

        stats = self._map(partial(self._train_shard, plan, step), len(self._shards))
        self._map(merge, self._threads)
        return sum(stats, EpochStats())

    def sync(self) -> None:
        """Do nothing: every round ends with the merge."""

    def _train_shard(self, plan: EpochPlan, step: int, shard: int) -> EpochStats:
        """Train one shard on its span of a round."""
        setup = self._setup
        rounds = self.step_count(plan)
        spans = rounds * len(self._shards)
        span = shard * rounds + step
        begin, end = span * plan.size // spans, (span + 1) * plan.size // spans
        stats = train_shard(
            plan.span(begin, end),
            setup.matrices,
            self._shards[shard],
            setup.sampling,
            plan.keys(span),
            plan.rates(step / rounds, (step + 1) / rounds),
        )
        return EpochStats.of_span(end - begin, stats)

    def _map(self, function: Callable[[int], Result], count: int) -> list[Result]:
        """Call a function for 0 .. count - 1 on all threads; return the results in order."""
        if self._threads == 1:
            return [function(i) for i in range(count)]
        with ThreadPoolExecutor(self._threads, thread_name_prefix="w2v-round") as pool:
            return list(pool.map(function, range(count)))
