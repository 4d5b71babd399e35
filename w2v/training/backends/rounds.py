"""Training in rounds: the same bits on any number of threads.

The text is cut into S shards, whatever the number of threads. Each step is a round: every shard
trains on its next span, on a replica of the rows that the span needs, and then the replicas are
merged into the matrices. What a shard computes is a function of the matrices, its span and the
seed, and so is the round.

`replicas` has the copies of rows, `merging` the rule by which they are merged, and `shards` the
threads. The design and its measurements are in docs/design/rounds.md.
"""

from __future__ import annotations

from w2v.training.backends.merging import decay_rates
from w2v.training.backends.shards import ShardTrainer, SpanJob, merge_on_threads, span_of
from w2v.training.plan import EpochPlan, automatic_round_count, round_count
from w2v.training.state import EpochStats, TrainingSetup


class RoundsBackend:
    """The backend of deterministic training."""

    workers = 1  # `run_step` has threads of its own

    def __init__(self, setup: TrainingSetup) -> None:
        self._setup = setup
        self._shards = setup.config.shard_count
        self._trainer = ShardTrainer(setup, self._shards, setup.config.thread_count)

    def step_count(self, plan: EpochPlan) -> int:
        """Return the number of rounds. Measuring a loss needs no more than by default."""
        count = automatic_round_count if plan.purpose else round_count
        return count(plan.size, self._setup.config)

    def run_step(self, plan: EpochPlan, step: int, worker: int) -> EpochStats:
        """Train for one round."""
        del worker
        setup, rounds = self._setup, self.step_count(plan)
        rates = plan.rates(step / rounds, (step + 1) / rounds)
        spans = [span_of(plan, rounds, self._shards, step, s) for s in range(self._shards)]
        jobs = [SpanJob(plan.span(begin, end), plan.keys(span)) for span, begin, end in spans]
        stats = self._trainer.train(jobs, rates)
        decays = decay_rates(setup.sampling, rates.begin)
        changes = self._trainer.changes(self._shards)
        merge_on_threads(setup.matrices, setup.words, changes, decays, setup.config.thread_count)
        return sum(stats, EpochStats())

    def sync(self) -> None:
        """Do nothing: every round ends with the merge."""

    def report(self) -> None:
        """Return None: this is one machine."""

    def close(self) -> None:
        """Do nothing: threads end with each step."""
