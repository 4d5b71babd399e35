"""Epochs, spans and threads: the way from an encoded corpus to a trained matrix.

The text is cut into spans. Threads take one after the other until the epoch is over and train on
the same two matrices without locks (Recht et al. 2011, "Hogwild!"). What is random in a span
depends on the seed, the epoch and the span alone, so one thread gives the same bits every time.
"""

from __future__ import annotations

import dataclasses
import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from w2v.config import Config
from w2v.corpus import EncodedText
from w2v.errors import DivergenceError, VocabularyError
from w2v.events import EpochDone, Observer, Training, ignore
from w2v.sampling import (
    CERTAIN,
    INITIAL_VECTORS,
    NOISE,
    SUBSAMPLING,
    VALIDATION,
    WINDOWS,
    NoiseDistribution,
    keep_thresholds,
    make_key,
)
from w2v.sgns import (
    Keys,
    Model,
    Sampling,
    aligned_zeros,
    fill_uniform,
    make_workspace,
    padded,
    spaced,
    train_span,
)

_REPORT_SECONDS = 0.1
# Spans are small beside an epoch, so that no thread waits long for the last one, and short enough
# to stop between two of them; the second bound is on their arithmetic, in numbers multiplied.
_MOST_SPAN_WORDS = 1 << 16
_MOST_SPAN_PRODUCTS = 1 << 33
# Rows of the most frequent words, which go first when training diverges, looked at in between.
_WATCHED_ROWS = 1000
# Times the loss of an untrained model beyond which training has failed.
_ASTRAY = 2.0


@dataclass(frozen=True)
class Result:
    """A trained model.

    Attributes:
        matrix: (V, dim) float32, the word vectors.
        epochs: what was reported after each epoch.
        seconds: of training, validation left out.
        words_per_second: words of the text, times epochs, over those seconds.
    """

    matrix: NDArray[np.float32]
    epochs: list[EpochDone]
    seconds: float
    words_per_second: float


@dataclass(frozen=True)
class _Pass:
    """One walk over a text: the random numbers of a span, the learning rate at a share of it."""

    text: EncodedText
    keys: Callable[[int], Keys]
    lr: Callable[[float], float]


@dataclass(frozen=True)
class _Tally:
    """What one thread has done in a pass."""

    places: int = 0
    centers: int = 0
    pairs: int = 0
    context_loss: float = 0.0
    noise_pairs: int = 0
    noise_loss: float = 0.0

    @property
    def loss(self) -> float | None:
        """The mean loss of a pair, None if there was none."""
        if not self.pairs:
            return None
        return self.context_loss / self.pairs + self.noise_loss / self.noise_pairs


def train_model(
    text: EncodedText,
    held_out: EncodedText,
    counts: NDArray[np.int64],
    config: Config,
    observer: Observer = ignore,
) -> Result:
    """Train word vectors on an encoded text.

    Args:
        text: the ids to train on.
        held_out: the ids on which a loss is reported after each epoch; may be empty.
        counts: (V,) occurrences of each word in the corpus.
        config: the hyper-parameters.
        observer: is told how the training goes.

    Raises:
        VocabularyError: there was not one pair of words to train on.
        DivergenceError: the vectors hold NaN or infinity.
    """
    trainer = _Trainer(counts, config, observer)
    done: list[EpochDone] = []
    seconds = 0.0
    for epoch in range(config.epochs):
        report = trainer.run_epoch(text, held_out, epoch, seconds)
        done.append(report)
        seconds += report.seconds
        observer(report)
    if not any(report.pairs for report in done):
        raise VocabularyError(
            f"there was no pair to train on: {text.words:,} words of the vocabulary stand in "
            f"{text.lines:,} lines, and no line kept two of them after subsampling "
            f"(--sample {config.sample:g}); give more text, or keep all words with --sample 0"
        )
    matrix = trainer.model.vectors.reshape(-1, trainer.model.stride)[: len(counts), : config.dim]
    rate = text.words * config.epochs / max(seconds, 1e-9)
    return Result(np.ascontiguousarray(matrix), done, seconds, rate)


class _Trainer:
    """The model, and the threads' workspaces."""

    def __init__(self, counts: NDArray[np.int64], config: Config, observer: Observer) -> None:
        self.config = config
        self.observer = observer
        self.model = new_model(len(counts), config)
        noise = NoiseDistribution.from_counts(counts, config.noise_exponent)
        self.sampling = Sampling(
            np.append(keep_thresholds(counts, config.sample), np.uint32(CERTAIN)),
            noise.thresholds,
            noise.aliases,
            config.window,
            config.shrink_windows,
            config.negatives,
            config.noise_words,
            config.sharing,
        )
        products = config.dim * (2 * config.window + config.noise_words)
        self.span_words = max(1, min(_MOST_SPAN_WORDS, _MOST_SPAN_PRODUCTS // products))
        self.work = [
            make_workspace(self.span_words, len(counts) + thread, self.model.stride, self.sampling)
            for thread in range(config.thread_count)
        ]

    def run_epoch(
        self, text: EncodedText, held_out: EncodedText, epoch: int, seconds_before: float
    ) -> EpochDone:
        """Train on the whole text once, and find the loss on what is held out."""
        config = self.config

        def lr(share: float) -> float:
            progress = (epoch + share) / config.epochs
            return config.lr + (config.final_lr - config.lr) * progress

        started = time.perf_counter()
        tally = _Tally()
        for tally in self._run(_Pass(text, self._keys(epoch), lr)):
            self._report(tally, text, epoch, lr, seconds_before + time.perf_counter() - started)
        seconds = time.perf_counter() - started
        self._check(epoch, lr(1.0), self.model.vectors)
        self._check_loss(epoch, lr(1.0), tally.loss)
        return EpochDone(
            epoch=epoch + 1,
            epochs=config.epochs,
            loss=tally.loss,
            validation_loss=self._validate(held_out),
            centers=tally.centers,
            pairs=tally.pairs,
            words=text.words,
            lr=lr(1.0),
            seconds=seconds,
        )

    def _validate(self, held_out: EncodedText) -> float | None:
        """The mean loss on a text, with the same random numbers every time, None if it has no pair.

        It is the training pass with a learning rate of zero, which changes nothing.
        """
        job = _Pass(held_out, self._keys(0, VALIDATION), lambda _: 0.0)
        *_, tally = self._run(job)
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

    def _run(self, job: _Pass) -> Iterator[_Tally]:
        """Walk over a text on all threads; yields the tally again and again, last when done."""
        size = len(job.text.ids)
        spans = iter(range(-(-size // self.span_words)))
        lock = threading.Lock()
        stopped = threading.Event()
        tallies = [_Tally() for _ in self.work]

        def work(thread: int) -> None:
            while not stopped.is_set():
                with lock:
                    span = next(spans, None)
                if span is None:
                    return
                begin = span * self.span_words
                end = min(begin + self.span_words, size)
                centers, pairs, context_loss, noise_pairs, noise_loss = train_span(
                    job.text.ids,
                    begin,
                    end,
                    job.text.end_of_line,
                    self.model,
                    self.sampling,
                    job.keys(span),
                    job.lr(begin / size),
                    job.lr(end / size),
                    self.work[thread],
                )
                span_tally = _Tally(
                    end - begin,
                    int(centers),  # NumPy's numbers where nothing is compiled
                    int(pairs),
                    float(context_loss),
                    int(noise_pairs),
                    float(noise_loss),
                )
                # Replaced as a whole, for the thread that reports looks at it meanwhile.
                tallies[thread] = _sum([tallies[thread], span_tally])

        pool = ThreadPoolExecutor(len(self.work), thread_name_prefix="w2v-train")
        try:
            running = {pool.submit(work, thread) for thread in range(len(self.work))}
            while running:
                ended, running = wait(running, _REPORT_SECONDS, FIRST_EXCEPTION)
                for future in ended:
                    future.result()
                yield _sum(tallies)
        finally:
            stopped.set()
            pool.shutdown()

    def _report(
        self,
        tally: _Tally,
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
        return DivergenceError(
            f"training diverged: {finding} in epoch {epoch + 1} at learning rate {lr:.4g}; "
            f"start with a lower one than --lr {config.lr:g}, say {config.lr / 4:g}, or share "
            f"noise among fewer centers than --negative-sharing {config.sharing}"
        )


def new_model(words: int, config: Config) -> Model:
    """Make the matrices as they are before training.

    Word vectors are uniform in (-0.5 / dim, 0.5 / dim), context vectors zero.
    """
    stride = spaced(config.dim)
    size = (words + config.thread_count) * stride
    model = Model(aligned_zeros(size), aligned_zeros(size), stride, padded(config.dim))
    key = make_key(config.seed, INITIAL_VECTORS)
    fill_uniform(model.vectors, words, config.dim, stride, key)
    return model


def _sum(tallies: list[_Tally]) -> _Tally:
    rows = [dataclasses.astuple(tally) for tally in tallies]
    return _Tally(*map(sum, zip(*rows, strict=True)))
