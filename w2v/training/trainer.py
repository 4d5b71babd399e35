"""Epochs, spans and threads: the way from an encoded corpus to a trained matrix.

The text is cut into spans. Threads take one after the other until the epoch is over and train on
the same two matrices without locks (Recht et al. 2011, "Hogwild!"); or, to give the same bits at
any number of threads, in rounds on copies of them (`w2v.training.backends.rounds`). What is random in a span depends
on the seed, the epoch and the span alone, so one thread gives the same bits every time, and a
training that was stopped between spans or rounds goes on as if it had not been.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.compute.random import (
    ALWAYS,
    INITIAL_VECTORS,
    NOISE,
    SUBSAMPLING,
    VALIDATION,
    WINDOWS,
    make_key,
)
from w2v.config import DEFAULTS, Config
from w2v.corpus.build import EncodedText
from w2v.errors import DivergenceError, FormatError, VocabularyError
from w2v.events import EpochDone, Observer, Resumed, Training, ignore
from w2v.training.backends.rounds import decay_rates, make_shards, merge_copies, train_shard
from w2v.training.sampling import NoiseDistribution, keep_thresholds, noise_probabilities
from w2v.training.sgns.kernel import (
    SCRATCH_ROWS,
    Keys,
    Matrices,
    Sampling,
    aligned_zeros,
    fill_uniform,
    make_workspace,
    padded,
    spaced,
    train_span,
)

Done = TypeVar("Done")

_REPORT_SECONDS = 0.1
# Spans are small beside an epoch, so that no thread waits long for the last one, and short enough
# to stop between two of them; the second bound is on their arithmetic, in numbers multiplied.
_MOST_SPAN_WORDS = 1 << 16
_MOST_SPAN_PRODUCTS = 1 << 33
# How far apart shards get in a round: pairs of one, as if nothing were left out. And rounds of an
# epoch at least, unless its spans get too short.
_MOST_ROUND_PAIRS = 1 << 18
_LEAST_ROUNDS = 16
_LEAST_ROUND_WORDS = 1 << 10
# Numbers in a page of memory, as large arrays are given them.
_PAGE_NUMBERS = (1 << 21) // 4
# Rows of the most frequent words, which go first when training diverges, looked at in between.
_WATCHED_ROWS = 1000
# Times the loss of an untrained model beyond which training has failed.
_ASTRAY = 2.0


@dataclass(frozen=True)
class Result:
    """A trained model.

    Attributes:
        matrix: (V, dim) float32, the word vectors.
        contexts: (V, dim) float32, the context vectors, whose rows lie apart.
        epochs: what was reported after each epoch.
        seconds: of training, validation left out.
        words_per_second: words of the text, times epochs, over those seconds.
    """

    matrix: NDArray[np.float32]
    contexts: NDArray[np.float32]
    epochs: list[EpochDone]
    seconds: float
    words_per_second: float


@dataclass(frozen=True)
class EpochStats:
    """What was done in a pass so far, by one thread or by all.

    Attributes:
        places: of the text, words and line ends.
        centers: words that had contexts.
        pairs: of center and context.
        context_loss: the sum over pairs.
        noise_pairs: those with noise that was new.
        noise_loss: the sum over those.

    """

    places: int = 0
    centers: int = 0
    pairs: int = 0
    context_loss: float = 0.0
    noise_pairs: int = 0
    noise_loss: float = 0.0

    @classmethod
    def of(cls, places: int, told: tuple[int, int, float, int, float]) -> EpochStats:
        """What a kernel tells of its span."""
        centers, pairs, context_loss, noise_pairs, noise_loss = told
        # NumPy's numbers where nothing is compiled.
        return cls(
            places,
            int(centers),
            int(pairs),
            float(context_loss),
            int(noise_pairs),
            float(noise_loss),
        )

    @property
    def loss(self) -> float | None:
        """The mean loss of a pair, None if there was none."""
        if not self.pairs:
            return None
        return self.context_loss / self.pairs + self.noise_loss / self.noise_pairs


@dataclass(frozen=True)
class TrainingState:
    """How far a training is; all spans before it are trained, and none behind it.

    Attributes:
        span: the next one, or the next round, of the epoch that comes after those in ``done``.
        spans: that this epoch has in all, 0 if it was not begun.
        tally: of that epoch so far.
        seconds: that it took so far.
        done: what was reported after each epoch.

    """

    span: int = 0
    spans: int = 0
    tally: EpochStats = EpochStats()
    seconds: float = 0.0
    done: tuple[EpochDone, ...] = ()

    @property
    def all_seconds(self) -> float:
        """Seconds of training."""
        return sum((report.seconds for report in self.done), self.seconds)


class Checkpointer(Protocol):
    """Keeps a training, so that it can go on after it was stopped."""

    def restore(self, model: Matrices, /) -> TrainingState:
        """Fill the matrices with what was kept and say how far it is; at first, do neither."""

    def due(self) -> bool:
        """Whether it is time to keep it; asked often."""

    def keep(self, model: Matrices, position: TrainingState, /) -> None:
        """Keep it as it is now; nothing is trained meanwhile."""


class _NoCheckpointer:
    """Keeps nothing."""

    def restore(self, _model: Matrices) -> TrainingState:
        return TrainingState()

    def due(self) -> bool:
        return False

    def keep(self, _model: Matrices, _position: TrainingState) -> None:
        pass


@dataclass(frozen=True)
class _EpochPlan:
    """One walk over a text: the random numbers of a span, the learning rate at a share of it."""

    text: EncodedText
    keys: Callable[[int], Keys]
    lr: Callable[[float], float]


def train_model(
    text: EncodedText,
    held_out: EncodedText,
    counts: NDArray[np.int64],
    config: Config,
    observer: Observer = ignore,
    keeper: Checkpointer | None = None,
    frozen: int = 0,
) -> Result:
    """Train word vectors on an encoded text.

    Args:
        text: the ids to train on.
        held_out: the ids on which a loss is reported after each epoch; may be empty.
        counts: (V,) occurrences of each word in the corpus.
        config: the hyper-parameters.
        observer: is told how the training goes.
        keeper: is where the training begins, and is given it now and then and when it is
            interrupted (KeyboardInterrupt, SystemExit).
        frozen: how many of the first words' vectors stay as they are.

    Raises:
        VocabularyError: there was not one pair of words to train on.
        DivergenceError: the vectors hold NaN or infinity.
        FormatError: what was kept belongs to another cut of the text.
    """
    trainer = _Trainer(counts, config, observer, keeper, frozen)
    position = trainer.restore()
    while len(position.done) < config.epochs:
        position = trainer.run_epoch(text, held_out, position)
        trainer.tell(position)
    if not any(report.pairs for report in position.done):
        raise _no_pair(text, held_out, config)
    matrix, contexts = (
        rows_of(flat, trainer.model, len(counts), config.dim)
        for flat in (trainer.model.vectors, trainer.model.contexts)
    )
    return Result(
        np.ascontiguousarray(matrix),
        contexts,
        list(position.done),
        position.all_seconds,
        words_per_second=text.words * config.epochs / max(position.all_seconds, 1e-9),
    )


class Backend(Protocol):
    """How a pass is cut into steps, and how many workers take them, each one at a time."""

    workers: int

    def count(self, job: _EpochPlan, /) -> int:
        """How many steps a pass has."""

    def take(self, job: _EpochPlan, step: int, worker: int, /) -> EpochStats:
        """Take a step and say what was done."""


def _no_pair(text: EncodedText, held_out: EncodedText, config: Config) -> VocabularyError:
    """Say where the words are, and what would leave two of them in a line."""
    lines = f"{text.lines:,} lines"
    remedies = ["give more text"]
    if held_out.lines:
        lines += f" that are not held out (--validation {config.validation:g})"
    if config.sample:
        lines += f", and no line kept two of them after subsampling (--sample {config.sample:g})"
        remedies.append("keep all words with --sample 0")
    else:
        lines += ", and no line has two of them"
    return VocabularyError(
        f"there was no pair to train on: {text.words:,} words of the vocabulary stand in {lines}; "
        f"{', or '.join(remedies)}"
    )


def _other_spans(position: TrainingState, spans: int) -> FormatError:
    return FormatError(
        f"the training was kept at span {position.span:,} of the {position.spans:,} that an epoch "
        f"had, and this version of w2v cuts the text into {spans:,}; go on with the version that "
        "began it, or start anew with --overwrite"
    )


class _Trainer:
    """The model, and how it is trained."""

    def __init__(
        self,
        counts: NDArray[np.int64],
        config: Config,
        observer: Observer = ignore,
        keeper: Checkpointer | None = None,
        frozen: int = 0,
    ) -> None:
        self.config = config
        self.observer = observer
        self.keeper: Checkpointer = _NoCheckpointer() if keeper is None else keeper
        self.model = new_model(len(counts), config, frozen)
        noise = NoiseDistribution.from_counts(counts, config.noise_exponent)
        self.sampling = Sampling(
            np.append(keep_thresholds(counts, config.sample), np.uint32(ALWAYS)),
            noise.thresholds,
            noise.aliases,
            config.window,
            config.shrink_windows,
            config.negatives,
            config.noise_words,
            config.sharing,
        )
        self.span_words = most_span_words(config)
        self.steps: Backend = (_RoundsBackend if config.deterministic else _HogwildBackend)(
            self, len(counts)
        )

    def restore(self) -> TrainingState:
        """Begin where the training was kept."""
        return self.keeper.restore(self.model)

    def run_epoch(
        self, text: EncodedText, held_out: EncodedText, position: TrainingState
    ) -> TrainingState:
        """Train on the rest of the text once, and find the loss on what is held out."""
        config = self.config
        epoch = len(position.done)
        before = position.all_seconds - position.seconds
        started = time.perf_counter() - position.seconds

        def lr(share: float) -> float:
            progress = (epoch + share) / config.epochs
            return config.lr + (config.final_lr - config.lr) * progress

        def now() -> TrainingState:
            return dataclasses.replace(
                position,
                span=walk.span,
                spans=walk.spans,
                tally=walk.tally,
                seconds=time.perf_counter() - started,
            )

        walk = _EpochRunner(
            self, _EpochPlan(text, self._keys(epoch), lr), position.span, position.tally
        )
        if position.spans:
            self._take_up(position, walk.spans)
        try:
            with closing(walk.run()) as tallies:
                for tally in tallies:
                    self._report(tally, text, epoch, lr, before + time.perf_counter() - started)
                    if self.keeper.due():
                        with walk.still():
                            self.keeper.keep(self.model, now())
            position = now()
            self._check(epoch, lr(1.0), self.model.vectors)
            self._check(epoch, lr(1.0), self.model.contexts)
            self._check_loss(epoch, lr(1.0), position.tally.loss)
            validation_loss = self._validate(held_out)
        except (KeyboardInterrupt, SystemExit):
            with walk.still():  # a second interrupt may have come before the threads ended
                self.keeper.keep(self.model, now())
            raise
        report = EpochDone(
            epoch=epoch + 1,
            epochs=config.epochs,
            loss=position.tally.loss,
            validation_loss=validation_loss,
            centers=position.tally.centers,
            pairs=position.tally.pairs,
            words=text.words,
            lr=lr(1.0),
            seconds=position.seconds,
        )
        return TrainingState(done=(*position.done, report))

    def _take_up(self, position: TrainingState, spans: int) -> None:
        """Tell where an epoch is taken up, unless it has other spans than the one that was kept."""
        if position.spans != spans:
            raise _other_spans(position, spans)
        epoch = len(position.done) + 1
        self.observer(Resumed(epoch, self.config.epochs, position.span / spans))

    def tell(self, position: TrainingState) -> None:
        """Report the epoch that was done last."""
        try:
            self.observer(position.done[-1])
        except (KeyboardInterrupt, SystemExit):
            self.keeper.keep(self.model, position)
            raise

    def _validate(self, held_out: EncodedText) -> float | None:
        """The mean loss on a text, with the same random numbers every time, None if it has no pair.

        It is the training pass with a learning rate of zero, which changes nothing.
        """
        walk = _EpochRunner(self, _EpochPlan(held_out, self._keys(0, VALIDATION), lambda _: 0.0))
        with closing(walk.run()) as tallies:
            *_, tally = tallies
        return tally.loss

    def _keys(self, epoch: int, *purpose: int) -> Callable[[int], Keys]:
        seed = self.config.seed
        subsampling = make_key(seed, SUBSAMPLING, epoch, *purpose)

        def keys(span: int) -> Keys:
            return Keys(
                subsampling,
                make_key(seed, WINDOWS, epoch, span, *purpose),
                make_key(seed, NOISE, epoch, span, *purpose),
            )

        return keys

    def _report(
        self,
        tally: EpochStats,
        text: EncodedText,
        epoch: int,
        lr: Callable[[float], float],
        seconds: float,
    ) -> None:
        share = tally.places / max(len(text.ids), 1)
        total = text.words * self.config.epochs
        words = round(text.words * (epoch + share))
        rate = words / max(seconds, 1e-9)
        watched = self.model.vectors[: _WATCHED_ROWS * self.model.stride]
        self._check(epoch, lr(share), watched)
        self.observer(
            Training(
                epoch=epoch + 1,
                epochs=self.config.epochs,
                done_words=words,
                total_words=total,
                words_per_second=rate,
                loss=tally.loss,
                lr=lr(share),
                seconds=seconds,
                seconds_left=(total - words) / rate if words else None,
            )
        )

    def _check(self, epoch: int, lr: float, vectors: NDArray[np.float32]) -> None:
        if not np.isfinite(vectors).all():
            raise self._divergence("the vectors hold NaN or infinity", epoch, lr)

    def _check_loss(self, epoch: int, lr: float, loss: float | None) -> None:
        """Refuse a model that is far worse than one that knows nothing."""
        ignorant = (1 + self.config.negatives) * math.log(2)
        if loss is not None and not loss < _ASTRAY * ignorant:
            finding = f"the loss is {loss:.4g}, and {ignorant:.4g} before training"
            raise self._divergence(finding, epoch, lr)

    def _divergence(self, finding: str, epoch: int, lr: float) -> DivergenceError:
        config = self.config
        lower = min(config.lr / 4, DEFAULTS["lr"])
        remedy = f"start with a lower one than --lr {config.lr:g}, say {lower:g}"
        if config.sharing > 1:
            remedy += (
                f", or share noise among fewer centers than --negative-sharing {config.sharing}"
            )
        return DivergenceError(
            f"training diverged: {finding} in epoch {epoch + 1} at learning rate {lr:.4g}; {remedy}"
        )


class _HogwildBackend:
    """Threads that share the model: each trains on a span at a time, without locks."""

    def __init__(self, trainer: _Trainer, words: int) -> None:
        self.workers = trainer.config.thread_count
        self._trainer = trainer
        self._work = [
            make_workspace(
                trainer.span_words,
                words + SCRATCH_ROWS * thread,
                trainer.model.stride,
                trainer.sampling,
            )
            for thread in range(self.workers)
        ]

    def count(self, job: _EpochPlan) -> int:
        return -(-len(job.text.ids) // self._trainer.span_words)

    def take(self, job: _EpochPlan, step: int, worker: int) -> EpochStats:
        """Train on a span."""
        trainer = self._trainer
        size = len(job.text.ids)
        begin = step * trainer.span_words
        end = min(begin + trainer.span_words, size)
        told = train_span(
            job.text.ids,
            begin,
            end,
            job.text.end_of_line,
            trainer.model,
            trainer.sampling,
            job.keys(step),
            job.lr(begin / size),
            job.lr(end / size),
            self._work[worker],
        )
        return EpochStats.of(end - begin, told)


class _RoundsBackend:
    """Shards that train on copies, which are merged: see `w2v.training.backends.rounds`."""

    workers = 1  # which has others work for it

    def __init__(self, trainer: _Trainer, words: int) -> None:
        self._trainer = trainer
        self._threads = trainer.config.thread_count
        self._copies, self._shards = make_shards(
            trainer.config.shard_count,
            words,
            trainer.span_words,
            trainer.model,
            trainer.sampling,
        )

    def count(self, job: _EpochPlan) -> int:
        return _round_count(len(job.text.ids), self._trainer.config)

    def take(self, job: _EpochPlan, step: int, worker: int) -> EpochStats:
        """Train for a round."""
        del worker
        model = self._trainer.model
        pulls = decay_rates(self._trainer.sampling, job.lr(step / self.count(job)))

        def merge(part: int) -> None:
            merge_copies(model, self._copies, pulls, part, self._threads)

        tallies = self._side_by_side(partial(self._train, job, step), len(self._shards))
        self._side_by_side(merge, self._threads)
        return _sum(tallies)

    def _train(self, job: _EpochPlan, step: int, shard: int) -> EpochStats:
        """Train one shard on its span of a round."""
        trainer = self._trainer
        size = len(job.text.ids)
        rounds = self.count(job)
        spans = rounds * len(self._shards)
        span = shard * rounds + step
        begin, end = span * size // spans, (span + 1) * size // spans
        told = train_shard(
            job.text.ids,
            begin,
            end,
            job.text.end_of_line,
            trainer.model,
            self._shards[shard],
            trainer.sampling,
            job.keys(span),
            job.lr(step / rounds),
            job.lr((step + 1) / rounds),
        )
        return EpochStats.of(end - begin, told)

    def _side_by_side(self, work: Callable[[int], Done], count: int) -> list[Done]:
        """Do the work for 0 .. count - 1 on all threads; the results come in that order."""
        if self._threads == 1:
            return [work(i) for i in range(count)]
        with ThreadPoolExecutor(self._threads, thread_name_prefix="w2v-round") as pool:
            return list(pool.map(work, range(count)))


def _round_count(places: int, config: Config) -> int:
    """How many rounds an epoch has, in each of which every shard trains on a span."""
    shared = -(-places // config.shard_count)
    needed = -(-shared // most_span_words(config))
    return max(needed, min(_LEAST_ROUNDS, -(-shared // _LEAST_ROUND_WORDS)))


class _EpochRunner:
    """One walk over a text, from a step to the end."""

    def __init__(
        self, trainer: _Trainer, job: _EpochPlan, span: int = 0, tally: EpochStats | None = None
    ) -> None:
        self.span = span  # the next one that no thread has taken
        self._steps = trainer.steps
        self.spans = self._steps.count(job)
        self._job = job
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._may_go_on = threading.Event()
        self._may_go_on.set()
        workers = self._steps.workers
        self._busy = [threading.Lock() for _ in range(workers)]  # held while working on a span
        self._tallies = [tally or EpochStats(), *(EpochStats() for _ in range(workers - 1))]

    @property
    def tally(self) -> EpochStats:
        """What was done in the steps that are taken."""
        return _sum(self._tallies)

    def run(self) -> Generator[EpochStats, None, None]:
        """Walk; yields the tally again and again, last when done."""
        workers = range(len(self._busy))
        pool = ThreadPoolExecutor(len(workers), thread_name_prefix="w2v-train")
        try:
            running = {pool.submit(self._work, worker) for worker in workers}
            while running:
                ended, running = wait(running, _REPORT_SECONDS, FIRST_EXCEPTION)
                for future in ended:
                    future.result()
                yield self.tally
        finally:
            self._stopped.set()
            self._may_go_on.set()
            pool.shutdown()

    @contextmanager
    def still(self) -> Iterator[None]:
        """Let every thread finish its step, and no other begin one before the block ends."""
        with ExitStack() as held:
            # A thread that is let go on would take its lock again before anyone else had it.
            held.callback(self._may_go_on.set)
            self._may_go_on.clear()
            for lock in self._busy:
                held.enter_context(lock)
            yield

    def _work(self, worker: int) -> None:
        going_on = True
        while going_on and not self._stopped.is_set():
            self._may_go_on.wait()
            with self._busy[worker]:
                going_on = self._take_next(worker)

    def _take_next(self, worker: int) -> bool:
        """Take the next step; returns whether there was one."""
        with self._lock:
            step = self.span
            if step >= self.spans:
                return False
            self.span += 1
        tally = self._steps.take(self._job, step, worker)
        # Replaced as a whole, for the thread that reports looks at it meanwhile.
        self._tallies[worker] = _sum([self._tallies[worker], tally])
        return True


def most_span_words(config: Config) -> int:
    """How many words and line ends a span has at most."""
    products = config.dim * (2 * config.window + config.noise_words)
    bounds = [_MOST_SPAN_WORDS, _MOST_SPAN_PRODUCTS // products]
    if config.deterministic:
        bounds.append(_MOST_ROUND_PAIRS // (2 * config.window))
    return max(1, min(bounds))


def new_model(words: int, config: Config, frozen: int = 0) -> Matrices:
    """Make the matrices as they are before training.

    Word vectors are uniform in (-0.5 / dim, 0.5 / dim), context vectors zero. The first ``frozen``
    words' vectors will stay as they are.
    """
    stride = spaced(config.dim)
    size = (words + SCRATCH_ROWS * config.thread_count) * stride
    model = Matrices(aligned_zeros(size), aligned_zeros(size), stride, padded(config.dim), frozen)
    key = make_key(config.seed, INITIAL_VECTORS)
    fill_uniform(model.vectors, words, config.dim, stride, key)
    return model


def training_memory(counts: NDArray[np.int64], config: Config) -> int:
    """Bytes that training takes at its peak: two matrices, what shards copy of them, the result.

    Args:
        counts: (V,) occurrences of each word.
        config: the hyper-parameters.

    """
    words = len(counts)
    stride = spaced(config.dim)
    numbers = 2 * stride * (words + SCRATCH_ROWS * config.thread_count) + words * config.dim
    if config.deterministic:
        numbers += config.shard_count * (stride * _copied_rows(counts, config) + words)
        # A shard's part of the copies ends within a page.
        numbers += config.shard_count * 2 * _PAGE_NUMBERS
    return 4 * numbers


def _copied_rows(counts: NDArray[np.int64], config: Config) -> int:
    """How many rows of both matrices a shard copies for a span, about.

    Those are the vectors of the words that are left of it, and contexts of noise words, too.
    """
    spans = config.shard_count * _round_count(int(counts.sum()), config)
    kept = counts / spans
    kept *= keep_thresholds(counts, config.sample) / ALWAYS
    sets = kept.sum() / config.sharing
    drawn = sets * config.noise_words * noise_probabilities(counts, config.noise_exponent)
    return int(-np.expm1(-kept).sum() - np.expm1(-kept - drawn).sum())


def rows_of(
    flat: NDArray[np.float32], model: Matrices, words: int, dim: int
) -> NDArray[np.float32]:
    """Return (words, dim), the rows of one of the model's matrices as a view."""
    return flat.reshape(-1, model.stride)[:words, :dim]


def _sum(tallies: list[EpochStats]) -> EpochStats:
    rows = [dataclasses.astuple(tally) for tally in tallies]
    return EpochStats(*map(sum, zip(*rows, strict=True)))
