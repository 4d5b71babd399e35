"""The epoch loop: training, reports, validation, checkpoints, and detection of divergence.

A backend cuts each epoch into steps and runs them on threads (`w2v.training.backends`). All random
numbers depend on the seed, the epoch and the span alone. So one thread gives the same bits every
time, and a training that was stopped between two steps resumes as if it had not been stopped.
"""

from __future__ import annotations

import dataclasses
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from w2v.config import DEFAULTS, Config
from w2v.corpus.encoded import EncodedText
from w2v.errors import DivergenceError, FormatError, VocabularyError
from w2v.events import (
    ClusterTimes,
    ClusterWorkers,
    EpochDone,
    Observer,
    Resumed,
    TextUsed,
    Training,
    TrainingPlanned,
    ignore,
)
from w2v.training.automatic import resolve
from w2v.training.backends import make_backend
from w2v.training.backends.round_costs import moving_note
from w2v.training.model import rows_of
from w2v.training.plan import EpochPlan, with_rounds
from w2v.training.report import (
    plan_notes,
    result_notes,
    round_notes,
    sample_text,
    untrained_loss,
    usage_of,
)
from w2v.training.runner import EpochRunner
from w2v.training.sampling import kept_share
from w2v.training.state import (
    Backend,
    Checkpointer,
    EpochStats,
    NoCheckpointer,
    TrainingSetup,
    TrainingState,
)

if TYPE_CHECKING:
    from w2v.system.ray_workers import WorkerPool

# Between two reports only the vectors of this many words are checked for NaN. They are the most
# frequent words, whose vectors diverge first.
_WATCHED_ROWS = 1000
# Training has failed if the loss exceeds that of an untrained model this many times.
_MAX_RELATIVE_LOSS = 2.0
# A subsampling threshold above that of natural text, at which a dominating word is nearly dropped.
_HIGH_SAMPLE = 1e-3


@dataclass(frozen=True)
class Result:
    """A trained model.

    Attributes:
        matrix: (V, dim) float32, the word vectors.
        contexts: (V, dim) float32, the context vectors; the rows are not contiguous.
        epochs: the report of each epoch.
        seconds: of training, without validation.
        words_per_second: words of the text times epochs per second of training.
        usage: how much of the text was used.
        config: the hyper-parameters, with the epochs, threshold and rounds that were chosen.
        cluster: where the time of this process went, if a cluster has trained.

    """

    matrix: NDArray[np.float32]
    contexts: NDArray[np.float32]
    epochs: list[EpochDone]
    seconds: float
    words_per_second: float
    usage: TextUsed
    config: Config
    cluster: ClusterTimes | None = None


def train_model(
    text: EncodedText,
    held_out: EncodedText,
    counts: NDArray[np.int64],
    config: Config,
    observer: Observer = ignore,
    checkpointer: Checkpointer | None = None,
    frozen: int = 0,
    pool: WorkerPool | None = None,
) -> Result:
    """Train word vectors on an encoded text.

    Args:
        text: the text to train on.
        held_out: the text of the validation loss; may be empty.
        counts: (V,) occurrences of each word in the corpus.
        config: the hyper-parameters.
        observer: called with events.
        checkpointer: restores the state to start from, and saves the state regularly and when
            training is interrupted (KeyboardInterrupt, SystemExit).
        frozen: the number of words, from the first on, whose vectors do not change.
        pool: the workers of a cluster, if they run already.

    Raises:
        VocabularyError: the text has no pair of words to train on.
        DivergenceError: the vectors hold NaN or infinity, or the loss is far too high.
        FormatError: the saved state belongs to another division of the text into steps.
        ConfigError: the text is too short for the number of rounds.

    """
    checkpointer = checkpointer or NoCheckpointer()
    given = resolve(config, counts, text.words)
    config = with_rounds(given, text.size)
    epochs = config.chosen_epochs
    setup = TrainingSetup.of(counts, config, frozen)
    state = checkpointer.restore(setup.matrices)
    kept = kept_share(counts, config.chosen_sample)
    rounds, shards = (
        (int(config.rounds), config.shard_count) if config.deterministic else (None, None)
    )
    observer(TrainingPlanned(text.words, epochs, config.chosen_sample, kept, rounds, shards))
    if text.words * epochs * kept >= 1.0:  # else the error below says it
        for note in (
            *plan_notes(kept, config.chosen_sample),
            *round_notes(given, config, text.size),
        ):
            observer(note)
    with closing(make_backend(setup, pool)) as backend:
        trainer = Trainer(setup, backend, observer, checkpointer)
        trainer.report_workers()
        while len(state.reports) < epochs:
            state = trainer.run_epoch(text, held_out, state)
            trainer.report_epoch(state)
        report = backend.report()
    if not any(report.pairs for report in state.reports):
        raise _no_pairs(text, held_out, config)
    usage = usage_of(text, counts, kept, setup, state.reports)
    observer(usage)
    for note in result_notes(usage, state.reports[-1].loss, config.negatives, epochs):
        observer(note)
    matrix, contexts = (
        rows_of(flat, setup.matrices, setup.words, config.dim)
        for flat in (setup.matrices.vectors, setup.matrices.contexts)
    )
    return Result(
        np.ascontiguousarray(matrix),
        contexts,
        list(state.reports),
        state.total_seconds,
        words_per_second=text.words * epochs / max(state.total_seconds, 1e-9),
        usage=usage,
        config=config,
        cluster=None if report is None else report.times,
    )


class Trainer:
    """Runs the epochs of a training.

    Args:
        setup: the model.
        backend: trains it.
        observer: called with events.
        checkpointer: saves it.

    """

    def __init__(
        self,
        setup: TrainingSetup,
        backend: Backend,
        observer: Observer,
        checkpointer: Checkpointer,
    ) -> None:
        self.setup = setup
        self.backend = backend
        self.observer = observer
        self.checkpointer = checkpointer
        self._sampled: tuple[EncodedText, EncodedText] | None = None
        self._noted = False  # that moving takes long

    def run_epoch(
        self, text: EncodedText, held_out: EncodedText, state: TrainingState
    ) -> TrainingState:
        """Run the rest of an epoch and compute the validation loss; return the next state."""
        config = self.setup.config
        epoch = len(state.reports)
        seconds_before = state.total_seconds - state.seconds
        started = time.perf_counter() - state.seconds
        plan = EpochPlan.of_training(text, config, epoch)
        runner = EpochRunner(self.backend, plan, state.step, state.stats)

        def current_state() -> TrainingState:
            return dataclasses.replace(
                state,
                step=runner.step,
                steps=runner.steps,
                stats=runner.stats,
                seconds=time.perf_counter() - started,
            )

        if state.steps:
            self._report_resume(state, runner.steps)
        try:
            with closing(runner.run()) as all_stats:
                for stats in all_stats:
                    seconds = seconds_before + time.perf_counter() - started
                    self._report_progress(plan, stats, seconds)
                    if self.checkpointer.should_save():
                        with runner.paused():
                            self._save(current_state())
            state = current_state()
            self.backend.sync()
            self._check_model(plan, state.stats.loss)
            loss = self._measure_loss(self._sample_of(text))
            validation_loss = self._measure_loss(held_out)
        except (KeyboardInterrupt, SystemExit):
            with runner.paused():  # a second interrupt may have come before the workers ended
                self._save(current_state())
            raise
        report = EpochDone(
            epoch=epoch + 1,
            epochs=config.chosen_epochs,
            loss=loss,
            validation_loss=validation_loss,
            centers=state.stats.centers,
            pairs=state.stats.pairs,
            words=text.words,
            lr=plan.rate(1.0),
            seconds=state.seconds,
        )
        return TrainingState(reports=(*state.reports, report))

    def report_epoch(self, state: TrainingState) -> None:
        """Report the epoch that was finished last."""
        try:
            self.observer(state.reports[-1])
            self.report_workers()
        except (KeyboardInterrupt, SystemExit):
            self._save(state)
            raise

    def report_workers(self) -> None:
        """Report what the machines of a cluster have done, if there is one."""
        report = self.backend.report()
        if report is None:
            return
        self.observer(ClusterWorkers(report.workers))
        note = None if self._noted else moving_note(report.times)
        if note is not None:
            self._noted = True
            self.observer(note)

    def _sample_of(self, text: EncodedText) -> EncodedText:
        """Return the sample on which the loss is measured, which may come from other machines."""
        if self._sampled is None or self._sampled[0] is not text:
            self._sampled = text, sample_text(text)
        return self._sampled[1]

    def _save(self, state: TrainingState) -> None:
        self.backend.sync()
        self.checkpointer.save(self.setup.matrices, state)

    def _measure_loss(self, text: EncodedText) -> float | None:
        """Return the mean loss on a text without training on it, None if it has no pairs."""
        plan = EpochPlan.of_validation(text, self.setup.config)
        with closing(EpochRunner(self.backend, plan).run()) as all_stats:
            *_, stats = all_stats
        return stats.loss

    def _report_resume(self, state: TrainingState, steps: int) -> None:
        """Report a resumed epoch; reject a state of an epoch with another number of steps."""
        if state.steps != steps:
            message = (
                f"training was saved at step {state.step:,} of {state.steps:,} in its epoch, and "
                f"this version of w2v divides the epoch into {steps:,} steps; resume with the "
                "version that saved it, or start over with `overwrite=True`"
            )
            raise FormatError(message)
        epoch = len(state.reports) + 1
        self.observer(Resumed(epoch, self.setup.config.chosen_epochs, state.step / steps))

    def _report_progress(self, plan: EpochPlan, stats: EpochStats, seconds: float) -> None:
        matrices, config = self.setup.matrices, self.setup.config
        share = stats.positions / max(plan.size, 1)
        lr = plan.rate(share)
        self._require_finite(matrices.vectors[: _WATCHED_ROWS * matrices.stride], plan.epoch, lr)
        epochs = config.chosen_epochs
        total = plan.text.words * epochs
        words = round(plan.text.words * (plan.epoch + share))
        words_per_second = words / max(seconds, 1e-9)
        report = self.backend.report()
        self.observer(
            Training(
                epoch=plan.epoch + 1,
                epochs=epochs,
                done_words=words,
                total_words=total,
                words_per_second=words_per_second,
                loss=stats.loss,
                lr=lr,
                seconds=seconds,
                seconds_left=(total - words) / words_per_second if words else None,
                cluster=None if report is None else report.times,
            )
        )

    def _check_model(self, plan: EpochPlan, loss: float | None) -> None:
        """Reject vectors that are not finite, and a model far worse than an untrained one."""
        lr = plan.rate(1.0)
        self._require_finite(self.setup.matrices.vectors, plan.epoch, lr)
        self._require_finite(self.setup.matrices.contexts, plan.epoch, lr)
        untrained = untrained_loss(self.setup.config.negatives)
        if loss is not None and not loss < _MAX_RELATIVE_LOSS * untrained:
            problem = f"the loss is {loss:.4g}, and {untrained:.4g} before training"
            raise self._divergence(problem, plan.epoch, lr)

    def _require_finite(self, numbers: NDArray[np.float32], epoch: int, lr: float) -> None:
        if not np.isfinite(numbers).all():
            raise self._divergence("the vectors hold NaN or infinity", epoch, lr)

    def _divergence(self, problem: str, epoch: int, lr: float) -> DivergenceError:
        config = self.setup.config
        lower = min(config.lr / 4, DEFAULTS["lr"])
        remedy = f"use a lower learning rate than `lr={config.lr:g}`, for example `lr={lower:g}`"
        if config.sharing > 1:
            remedy += f", or a lower value than `negative_sharing={config.sharing}`"
        if config.chosen_sample > _HIGH_SAMPLE or not config.chosen_sample:
            remedy += f", or drop frequent words, for example with `sample={_HIGH_SAMPLE:g}`"
        return DivergenceError(
            f"training diverged: {problem} in epoch {epoch + 1} at learning rate {lr:.4g}; {remedy}"
        )


def _no_pairs(text: EncodedText, held_out: EncodedText, config: Config) -> VocabularyError:
    """Return an error that describes the text and how to get two words into a line."""
    lines = f"{text.lines:,} lines"
    remedies = ["use more text"]
    if held_out.lines:
        lines += f" that are not held out (`validation={config.validation:g}`)"
    if config.chosen_sample:
        lines += (
            f", and subsampling (`sample={config.chosen_sample:g}`) left no line with two of them"
        )
        remedies.append("keep all words with `sample=0`")
    else:
        lines += ", and no line has two of them"
    return VocabularyError(
        f"there is no pair to train on: the text has {text.words:,} words of the vocabulary in "
        f"{lines}; {' or '.join(remedies)}"
    )
