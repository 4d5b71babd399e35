"""The reports of a running job: plain records that are passed to an observer.

The library never prints. The command line shows events as progress bars, lines or JSON;
`LoggingObserver` sends them to the standard library's logging. ``str(event)`` is a description in
one or more lines.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Base class of all events; ``stage`` names the kind."""

    stage: ClassVar[str] = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the event as plain values, ``stage`` first."""
        return {"stage": self.stage, **dataclasses.asdict(self)}


@dataclass(frozen=True)
class Compiling(Event):
    """The kernels are being compiled, which takes some seconds, because they are not cached.

    Attributes:
        cache_dir: the directory where they are cached; None if no directory is writable, so that
            every run compiles them.

    """

    stage: ClassVar[str] = "compiling"
    cache_dir: str | None = None

    def __str__(self) -> str:
        """Describe the event."""
        if self.cache_dir is None:
            return (
                "compiling the kernels, as in every run, because no cache directory is writable; "
                "set NUMBA_CACHE_DIR to a writable directory"
            )
        return "compiling the kernels, which takes some seconds on the first run"


@dataclass(frozen=True)
class WarmStarted(Event):
    """Training starts from a model.

    Attributes:
        path: the model.
        epochs: the epochs of this training that the model has already; 0 for a new training.
        contexts: whether the model has context vectors. If not, they start at zero.
        frozen: whether the vectors of the model stay unchanged.

    """

    stage: ClassVar[str] = "origin"
    path: str
    epochs: int
    contexts: bool
    frozen: bool

    def __str__(self) -> str:
        """Describe the event."""
        if self.epochs:
            return f"continuing the training of {self.path} after epoch {self.epochs}"
        contexts = "" if self.contexts else "; it has no context vectors, so they start at zero"
        frozen = "; its vectors are frozen" if self.frozen else ""
        return f"starting from {self.path}{contexts}{frozen}"


@dataclass(frozen=True)
class Notice(Event):
    """A note about the data: a part of it was ignored, or the result is likely to be poor.

    A function without an observer logs it, and ``--quiet`` does not suppress it if it is a warning.

    Attributes:
        message: what was found and what to do about it, in one line. As in errors, options stand in
            backticks, spelled as in Python.
        warning: whether it needs attention; otherwise it is information only.

    """

    stage: ClassVar[str] = "notice"
    message: str
    warning: bool = True

    @property
    def level(self) -> int:
        """The level of the standard library's logging."""
        return logging.WARNING if self.warning else logging.INFO

    def __str__(self) -> str:
        """Describe the event."""
        return f"note: {self.message}"


@dataclass(frozen=True)
class Reading(Event):
    """Text is being read.

    Attributes:
        done_bytes: bytes of the files that have been read.
        total_bytes: bytes of all files, None for a stream.
        text_bytes: bytes of text, after decompression.
        tokens: words so far.
        seconds: the time since reading started.

    """

    stage: ClassVar[str] = "reading"
    done_bytes: int
    total_bytes: int | None
    text_bytes: int
    tokens: int
    seconds: float

    def __str__(self) -> str:
        """Describe the event."""
        total = f" of {self.total_bytes:,}" if self.total_bytes else ""
        rate = self.text_bytes / max(self.seconds, 1e-9) / 1e6
        return f"reading: {self.done_bytes:,}{total} bytes, {self.tokens:,} words, {rate:.0f} MB/s"


@dataclass(frozen=True)
class CorpusRead(Event):
    """The corpus has been read.

    Attributes:
        files: the number of files.
        text_bytes: bytes of text, after decompression.
        lines: the number of lines.
        tokens: the number of words.
        types: the number of distinct words.
        vocabulary: the size of the vocabulary.
        kept_tokens: occurrences of words in the vocabulary.
        coverage: their fraction of all words.
        dropped_rare: occurrences of words below the minimum count.
        dropped_beyond_size: occurrences of words that exceed the vocabulary size.
        dropped_unlisted: occurrences of words that are not in the given vocabulary.
        dropped_too_long: occurrences of words that are too long.
        invalid_bytes: bytes that are not UTF-8.
        unseen_words: words of the vocabulary that do not occur.
        seconds: the time for reading and encoding.
        old_words: the words of the initial model, if there is one.
        left_out_words: new words that exceed the vocabulary size, if there is an initial model.

    """

    stage: ClassVar[str] = "corpus"
    files: int
    text_bytes: int
    lines: int
    tokens: int
    types: int
    vocabulary: int
    kept_tokens: int
    coverage: float
    dropped_rare: int
    dropped_beyond_size: int
    dropped_unlisted: int
    dropped_too_long: int
    invalid_bytes: int
    unseen_words: int
    seconds: float
    old_words: int = 0
    left_out_words: int = 0

    def __str__(self) -> str:
        """Describe the event."""
        size = f"{_count(self.tokens, 'word')} in {_count(self.lines, 'line')}"
        share = f"{100 * self.coverage:.2f} % of the corpus"
        lines = [
            f"corpus: {size}, {_count(self.types, 'distinct word')}",
            f"vocabulary: {_count(self.vocabulary, 'word')}, {share}",
        ]
        dropped = {
            "too rare": self.dropped_rare,
            "beyond the vocabulary size": self.dropped_beyond_size,
            "not in the given vocabulary": self.dropped_unlisted,
            "too long": self.dropped_too_long,
        }
        if any(dropped.values()):
            reasons = [f"{count:,} {reason}" for reason, count in dropped.items() if count]
            lines.append(f"dropped: {', '.join(reasons)}")
        if self.old_words:
            lines.append(
                f"initial model: {self.old_words - self.unseen_words:,} of its {self.old_words:,} "
                f"words occur, {self.vocabulary - self.old_words:,} new words added"
            )
        elif self.unseen_words:
            lines.append(
                f"note: the corpus lacks {_count(self.unseen_words, 'word')} of the given "
                "vocabulary; their vectors stay random"
            )
        if self.left_out_words:
            lines.append(
                f"note: no room for {_count(self.left_out_words, 'new word')} in the vocabulary; "
                "raise the vocabulary size to add them"
            )
        if self.invalid_bytes:
            lines.append(
                f"note: {_count(self.invalid_bytes, 'byte')} of invalid UTF-8, treated as spaces"
            )
        return "\n".join(lines)


@dataclass(frozen=True)
class Resumed(Event):
    """Training resumes from a checkpoint within an epoch.

    Attributes:
        epoch: the current epoch, from 1.
        epochs: the number of epochs.
        share: the completed fraction of the current epoch.

    """

    stage: ClassVar[str] = "resumed"
    epoch: int
    epochs: int
    share: float

    def __str__(self) -> str:
        """Describe the event."""
        return f"resuming in epoch {self.epoch}/{self.epochs}, {100 * self.share:.0f} % done"


@dataclass(frozen=True)
class Training(Event):
    """Training is in progress.

    Attributes:
        epoch: the current epoch, from 1.
        epochs: the number of epochs.
        done_words: the words trained on, in all epochs.
        total_words: the words to train on, in all epochs.
        words_per_second: the speed.
        loss: the mean loss per pair in the current epoch, None before the first pair.
        lr: the learning rate.
        seconds: the time since training started.
        seconds_left: the estimated time left, None if unknown.

    """

    stage: ClassVar[str] = "training"
    epoch: int
    epochs: int
    done_words: int
    total_words: int
    words_per_second: float
    loss: float | None
    lr: float
    seconds: float
    seconds_left: float | None

    def __str__(self) -> str:
        """Describe the event."""
        left = "" if self.seconds_left is None else f", {self.seconds_left:.0f} s left"
        return (
            f"training: {100 * self.done_words / max(self.total_words, 1):.0f} %, "
            f"epoch {self.epoch}/{self.epochs}, {self.words_per_second / 1e6:.2f} million words/s, "
            f"loss {_format_loss(self.loss)}, lr {self.lr:.4f}{left}"
        )


@dataclass(frozen=True)
class EpochDone(Event):
    """An epoch is complete.

    Attributes:
        epoch: the epoch, from 1.
        epochs: the number of epochs.
        loss: the mean loss per pair, None without pairs.
        validation_loss: the mean loss per pair of the held-out lines, if there are any.
        centers: the center words that had a context.
        pairs: the pairs trained on.
        words: the words trained on.
        lr: the learning rate.
        seconds: the time for training, without validation.

    """

    stage: ClassVar[str] = "epoch"
    epoch: int
    epochs: int
    loss: float | None
    validation_loss: float | None
    centers: int
    pairs: int
    words: int
    lr: float
    seconds: float

    def __str__(self) -> str:
        """Describe the event."""
        validated = self.validation_loss is not None
        validation = f", validation loss {_format_loss(self.validation_loss)}" if validated else ""
        speed = self.words / max(self.seconds, 1e-9) / 1e6
        return (
            f"epoch {self.epoch}/{self.epochs}: loss {_format_loss(self.loss)}{validation}, "
            f"{self.pairs:,} pairs, {speed:.2f} million words/s, {self.seconds:.1f} s"
        )


@dataclass(frozen=True)
class Saved(Event):
    """The model has been saved.

    Attributes:
        path: the model.
        words: the size of the vocabulary.
        dim: the vector size.
        words_per_second: the speed of training.
        seconds: the time for the whole job.
        timings: the seconds for ``compiling``, ``reading``, ``training`` and ``writing``; and
            ``stages``, the seconds of each stage of reading, summed over threads.

    """

    stage: ClassVar[str] = "saved"
    path: str
    words: int
    dim: int
    words_per_second: float
    seconds: float
    timings: dict[str, Any]

    def __str__(self) -> str:
        """Describe the event; the stages of reading are shares of the work of all threads."""
        stages = self.timings["stages"]
        work = max(sum(stages.values()), 1e-9)
        shares = ", ".join(f"{name} {100 * part / work:.0f} %" for name, part in stages.items())
        times = {
            name: f"{name} {self.timings[name]:.1f} s"
            for name in ("compiling", "reading", "training", "writing")
        }
        times["reading"] += f" ({shares})"
        return (
            f"saved {self.path}: {self.words:,} words, {self.dim} dimensions\n"
            f"time: {self.seconds:.1f} s; {', '.join(times.values())}"
        )


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _format_loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4f}"


# Earlier names.
BeginsWith = WarmStarted
GoesOn = Resumed

Observer = Callable[[Event], None]


_LOGGER = logging.getLogger("w2v")


def ignore(event: Event) -> None:
    """Ignore all events except notices, which are logged: silence would hide a poor result."""
    if isinstance(event, Notice):
        _log(_LOGGER, event.level, event)


def _log(logger: logging.Logger, level: int, event: Event) -> None:
    logger.log(level, "%s", "; ".join(str(event).splitlines()), extra={"event": event})


class LoggingObserver:
    """An observer that sends events to a logger of the standard library.

    The events `Reading` and `Training`, which come several times a second, have the level DEBUG,
    a `Notice` that is a warning has the level WARNING, and all others INFO. The event itself is the
    attribute ``event`` of the log record.

        logging.basicConfig(level=logging.INFO)
        w2v.train("corpus.txt", observer=LoggingObserver())

    Args:
        logger: the logger, by default that of the name ``w2v``.

    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self._logger = _LOGGER if logger is None else logger

    def __call__(self, event: Event) -> None:
        """Log an event as one record."""
        level = logging.DEBUG if isinstance(event, (Reading, Training)) else logging.INFO
        _log(self._logger, event.level if isinstance(event, Notice) else level, event)
