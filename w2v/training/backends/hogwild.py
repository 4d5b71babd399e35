"""Threads that share the matrices without locks (Recht et al. 2011, "Hogwild!").

Each step is a span of the text. Two threads that update the same row at the same time may lose one
update, which is rare. The result depends on the timing of the threads, unless there is only one.
"""

from __future__ import annotations

from w2v.training.model import SCRATCH_ROWS
from w2v.training.plan import EpochPlan
from w2v.training.sgns.kernel import train_span
from w2v.training.sgns.workspace import make_workspace
from w2v.training.state import EpochStats, TrainingSetup


class HogwildBackend:
    """The backend of ordinary training."""

    def __init__(self, setup: TrainingSetup) -> None:
        self.workers = setup.config.thread_count
        self._setup = setup
        self._workspaces = [
            make_workspace(
                setup.span_positions,
                setup.words + SCRATCH_ROWS * worker,
                setup.matrices.stride,
                setup.sampling,
            )
            for worker in range(self.workers)
        ]

    def step_count(self, plan: EpochPlan) -> int:
        """Return the number of spans."""
        return -(-plan.size // self._setup.span_positions)

    def run_step(self, plan: EpochPlan, step: int, worker: int) -> EpochStats:
        """Train on one span."""
        setup = self._setup
        begin = step * setup.span_positions
        end = min(begin + setup.span_positions, plan.size)
        stats = train_span(
            plan.span(begin, end),
            setup.matrices,
            setup.sampling,
            plan.keys(step),
            plan.rates(begin / plan.size, end / plan.size),
            self._workspaces[worker],
        )
        return EpochStats.of_span(end - begin, stats)

    def sync(self) -> None:
        """Do nothing: workers train on the matrices of the setup."""

    def report(self) -> None:
        """Return None: this is one machine."""

    def close(self) -> None:
        """Do nothing: workers are threads of the trainer."""
