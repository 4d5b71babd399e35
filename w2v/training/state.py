"""The progress of a training, and the interfaces of backends and checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

from w2v.training.model import Matrices, new_matrices
from w2v.training.plan import EpochPlan, span_capacity
from w2v.training.sampling import Sampling, make_sampling
from w2v.training.step_sizes import expected_uses, step_scales

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from w2v.config import Config
    from w2v.events import ClusterTimes, EpochDone, WorkerReport
    from w2v.training.sgns.kernel import SpanStats


@dataclass(frozen=True)
class EpochStats:
    """What was done in an epoch so far, by one thread or by all of them.

    Attributes:
        positions: words and line ends of the text.
        centers: words with at least one context.
        pairs: of a center and a context.
        context_loss: the sum over all pairs.
        noise_pairs: pairs whose negative samples were new, see `SpanStats`.
        noise_loss: the sum over these.

    """

    positions: int = 0
    centers: int = 0
    pairs: int = 0
    context_loss: float = 0.0
    noise_pairs: int = 0
    noise_loss: float = 0.0

    @classmethod
    def of_span(cls, positions: int, stats: SpanStats) -> EpochStats:
        """Return the stats of one span, as Python numbers."""
        centers, pairs, context_loss, noise_pairs, noise_loss = stats
        return cls(
            positions,
            int(centers),
            int(pairs),
            float(context_loss),
            int(noise_pairs),
            float(noise_loss),
        )

    def __add__(self, other: EpochStats) -> EpochStats:
        return EpochStats(
            self.positions + other.positions,
            self.centers + other.centers,
            self.pairs + other.pairs,
            self.context_loss + other.context_loss,
            self.noise_pairs + other.noise_pairs,
            self.noise_loss + other.noise_loss,
        )

    @property
    def loss(self) -> float | None:
        """The mean loss per pair, None without pairs."""
        if not self.pairs:
            return None
        return self.context_loss / self.pairs + self.noise_loss / self.noise_pairs


@dataclass(frozen=True)
class TrainingState:
    """The progress of a training. All steps before ``step`` are done, no later one is begun.

    Attributes:
        step: the next step of the current epoch.
        steps: the number of steps of the current epoch; 0 before it begins.
        stats: of the current epoch so far.
        seconds: that the current epoch has taken so far.
        reports: one for each finished epoch.

    """

    step: int = 0
    steps: int = 0
    stats: EpochStats = EpochStats()
    seconds: float = 0.0
    reports: tuple[EpochDone, ...] = ()

    @property
    def total_seconds(self) -> float:
        """Seconds of training in all epochs."""
        return sum((report.seconds for report in self.reports), self.seconds)


@dataclass(frozen=True)
class TrainingSetup:
    """What a backend works with.

    Attributes:
        config: the hyper-parameters.
        counts: (V,) occurrences of each word.
        matrices: the master copy, from which checkpoints and the result are made.
        sampling: how words, windows and noise are drawn.
        words: V, the number of rows without scratch rows.
        span_positions: a number of positions that no span exceeds.

    """

    config: Config
    counts: NDArray[np.int64]
    matrices: Matrices
    sampling: Sampling
    words: int
    span_positions: int

    @classmethod
    def of(cls, counts: NDArray[np.int64], config: Config, frozen: int = 0) -> TrainingSetup:
        """Allocate the matrices and build the tables of a training.

        Args:
            counts: (V,) occurrences of each word.
            config: the hyper-parameters.
            frozen: the number of words, from the first on, whose vectors do not change.

        """
        words = len(counts)
        matrices = new_matrices(words, config, frozen)
        sampling = make_sampling(counts, config)
        uses = expected_uses(counts, sampling.keep_thresholds[:-1], config)
        matrices.step_scales[:words] = step_scales(uses)
        capacity = span_capacity(int(counts.sum()), config)
        return cls(config, counts, matrices, sampling, words, capacity)


class ClusterReport(NamedTuple):
    """What the machines of a cluster do."""

    times: ClusterTimes
    workers: tuple[WorkerReport, ...]


class Backend(Protocol):
    """A way to distribute the steps of an epoch.

    A backend is made after the matrices of its `TrainingSetup` have their first values, of a new
    training or of a checkpoint.
    """

    workers: int
    """The number of threads that call `run_step`, each for one step at a time."""

    def step_count(self, plan: EpochPlan, /) -> int:
        """Return the number of steps of an epoch. The steps cover its text exactly once."""

    def run_step(self, plan: EpochPlan, step: int, worker: int, /) -> EpochStats:
        """Train on one step."""

    def sync(self) -> None:
        """Make the matrices of the setup current. No step runs meanwhile."""

    def report(self) -> ClusterReport | None:
        """Return what the machines of a cluster have done so far; None on one machine."""

    def close(self) -> None:
        """Stop what the backend has started. No step runs after it."""


class Checkpointer(Protocol):
    """Saves the state of a training, so that it can be resumed."""

    def restore(self, matrices: Matrices, /) -> TrainingState:
        """Fill the matrices with the saved ones and return the saved state.

        If nothing was saved, leave the matrices alone and return the initial state.
        """

    def should_save(self) -> bool:
        """Return whether it is time to save. The trainer asks several times a second."""

    def save(self, matrices: Matrices, state: TrainingState, /) -> None:
        """Save the matrices and the state. No step runs meanwhile."""


class NoCheckpointer:
    """A checkpointer that saves nothing."""

    def restore(self, _matrices: Matrices) -> TrainingState:
        """Return the initial state."""
        return TrainingState()

    def should_save(self) -> bool:
        """Return False."""
        return False

    def save(self, _matrices: Matrices, _state: TrainingState) -> None:
        """Do nothing."""
