"""The reports of a running job: plain records that are passed to an observer.

Functions that may take long report to the logger ``w2v`` of the standard library, and to the
``observer`` that they are called with. ``progress`` shows bars (see `w2v.progress`), and the
command line shows bars, lines or JSON. ``str(event)`` is a description in one or more lines.
``event.notes`` tells what was ignored, or makes a poor result likely, each with a remedy.
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

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings about the input or the result, in a line each; mostly none."""
        return ()

    def as_dict(self) -> dict[str, Any]:
        """Return the event as plain values, ``stage`` first."""
        return {"stage": self.stage, **dataclasses.asdict(self)}

    def _describe(self, *lines: str) -> str:
        """Join the lines of a description and the notes."""
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])


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
    def notes(self) -> tuple[str, ...]:
        """The message, if it is a warning."""
        return (self.message,) if self.warning else ()

    def __str__(self) -> str:
        """Describe the event."""
        return f"note: {self.message}"


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
        phrases: words of the vocabulary that are joined phrases.
        joined_tokens: by how much joining phrases has reduced the number of words. Coverage is a
            fraction of the words after joining.

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
    phrases: int = 0
    joined_tokens: int = 0

    def __str__(self) -> str:
        """Describe the event."""
        size = f"{_count(self.tokens, 'word')} in {_count(self.lines, 'line')}"
        share = f"{100 * self.coverage:.2f} % of the corpus"
        lines = [
            f"corpus: {size}, {_count(self.types, 'distinct word')}",
            f"vocabulary: {_count(self.vocabulary, 'word')}, {share}",
        ]
        if self.joined_tokens:
            lines.append(
                f"phrases: {self.phrases:,} of the words, which join {self.joined_tokens:,} words "
                "with the one before"
            )
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
        return self._describe(*lines)

    @property
    def notes(self) -> tuple[str, ...]:
        """Words and bytes of the input that have no effect."""
        notes = []
        if self.unseen_words and not self.old_words:
            notes.append(
                f"the corpus lacks {_count(self.unseen_words, 'word')} of the given vocabulary; "
                "their vectors stay random"
            )
        if self.left_out_words:
            notes.append(
                f"no room for {_count(self.left_out_words, 'new word')} in the vocabulary; "
                "raise the vocabulary size to add them"
            )
        return tuple(notes)


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
class ClusterTimes:
    """Where the time of rounds on a cluster went, and what they moved. Not an event of its own.

    All numbers are totals since this process began to train, also after ``--resume``. The first
    four times add up to the seconds that the usual rounds took.

    Attributes:
        rounds: the number of complete rounds.
        training: the seconds in which workers trained shards, a mean over the workers. One machine
            needs them too.
        merging: the seconds in which workers merged changes, a mean over the workers. One machine
            needs them too.
        waiting: the seconds by which the slowest worker exceeded these means: the others waited.
        moving: all other seconds: changed rows are cut out, sent and received, merged rows are sent
            and written into the copies of the model, and Ray passes on the calls.
        starting: the seconds of the rounds in which a worker received the model or text, or
            compiled kernels. They count in none of the times above.
        lost: the seconds of rounds that were lost with a worker, until others could train them.
        lost_rounds: their number.
        moved_bytes: the bytes of the rows that complete rounds have moved from one machine to
            another, if each worker and this process has one of its own.

    """

    rounds: int = 0
    training: float = 0.0
    merging: float = 0.0
    waiting: float = 0.0
    moving: float = 0.0
    starting: float = 0.0
    lost: float = 0.0
    lost_rounds: int = 0
    moved_bytes: int = 0

    def __add__(self, other: ClusterTimes) -> ClusterTimes:
        """Return the sums."""
        pairs = zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)
        return ClusterTimes(*(ours + theirs for ours, theirs in pairs))

    @property
    def shares(self) -> dict[str, float]:
        """The shares of training, merging, waiting and moving in the usual rounds, from 0 to 1."""
        names = ("training", "merging", "waiting", "moving")
        total = max(sum(getattr(self, name) for name in names), 1e-9)
        return {name: getattr(self, name) / total for name in names}


@dataclass(frozen=True)
class WorkerReport:
    """A worker of a cluster. Not an event of its own.

    Attributes:
        name: of the worker.
        host: the name of its machine.
        cores: the number of its cores.
        shards: the number of shards that it trains in a round.
        words_per_second: the speed at which it has trained in the last epoch, without the time for
            merging, moving and waiting; None before the first round.

    """

    name: str
    host: str
    cores: int
    shards: int
    words_per_second: float | None

    def __str__(self) -> str:
        """Describe the worker."""
        speed = ""
        if self.words_per_second is not None:
            speed = f", {self.words_per_second / 1e6:.2f} million words/s"
        sizes = f"{_count(self.cores, 'core')}, {_count(self.shards, 'shard')}"
        return f"{self.name} on {self.host}: {sizes}{speed}"


@dataclass(frozen=True)
class ClusterWorkers(Event):
    """The workers of a cluster, before training and after each epoch.

    The command line shows it with ``--verbose``.

    Attributes:
        workers: a report for each.

    """

    stage: ClassVar[str] = "workers"
    workers: tuple[WorkerReport, ...]

    def __str__(self) -> str:
        """Describe the workers in a line each."""
        return "\n".join(map(str, self.workers))


@dataclass(frozen=True)
class Training(Event):
    """Training is in progress.

    Attributes:
        epoch: the current epoch, from 1.
        epochs: the number of epochs.
        done_words: the words trained on, in all epochs.
        total_words: the words to train on, in all epochs.
        words_per_second: the speed.
        loss: the mean loss per pair in the current epoch, each before its update, None before the
            first pair.
        lr: the learning rate.
        seconds: the time since training started.
        seconds_left: the estimated time left, None if unknown.
        cluster: where the time went, if a cluster trains.

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
    cluster: ClusterTimes | None = None

    def __str__(self) -> str:
        """Describe the event."""
        left = "" if self.seconds_left is None else f", {self.seconds_left:.0f} s left"
        return (
            f"training: {100 * self.done_words / max(self.total_words, 1):.0f} %, "
            f"epoch {self.epoch}/{self.epochs}, {self.words_per_second / 1e6:.2f} million words/s, "
            f"loss {_format_loss(self.loss)}, lr {self.lr:.4f}{left}"
        )


@dataclass(frozen=True)
class PhrasesFound(Event):
    """A pass over the corpus has found phrases.

    Attributes:
        pass_number: from 1.
        phrases: the number of phrases that this pass joins.
        seconds: the time it took.

    """

    stage: ClassVar[str] = "phrases"
    pass_number: int
    phrases: int
    seconds: float

    def __str__(self) -> str:
        """Describe the event."""
        found = _count(self.phrases, "phrase")
        return f"phrases, pass {self.pass_number}: {found} in {self.seconds:.1f} s"


@dataclass(frozen=True)
class TrainingPlanned(Event):
    """Training is about to begin, with these values of the options that depend on the text.

    Attributes:
        words: the words to train on in each epoch.
        epochs: the number of epochs.
        sample: the subsampling threshold.
        kept_words: the share of the words that subsampling is expected to keep.
        rounds: the rounds of all epochs, if training is deterministic.
        shards: the shards that each round trains, if training is deterministic.

    """

    stage: ClassVar[str] = "plan"
    words: int
    epochs: int
    sample: float
    kept_words: float
    rounds: int | None = None
    shards: int | None = None

    def __str__(self) -> str:
        """Describe the event."""
        share = f"subsampling at {self.sample:g} keeps {100 * self.kept_words:.0f} % of the words"
        share = share if self.sample else "no subsampling"
        rounds = ""
        if self.rounds is not None and self.shards is not None:
            rounds = f"; {_count(self.rounds, 'round')} of {_count(self.shards, 'shard')}"
        size = f"{_count(self.words, 'word')}, {_count(self.epochs, 'epoch')}"
        return f"training: {size}; {share}{rounds}"


@dataclass(frozen=True)
class TextUsed(Event):
    """Training has ended; how much of its text it used.

    Attributes:
        kept_words: the expected share of the words that subsampling keeps, from 0 to 1.
        kept_pairs: the pairs of an epoch, as a share of those without subsampling.
        median_uses: how often the median word is expected to be a center, in all epochs.
        words_without_pairs: the words that never had a context. Their vectors are initial values.

    """

    stage: ClassVar[str] = "usage"
    kept_words: float
    kept_pairs: float
    median_uses: float
    words_without_pairs: int

    def __str__(self) -> str:
        """Describe the event."""
        shares = (
            f"usage: trained on {100 * self.kept_words:.0f} % of the words and "
            f"{100 * self.kept_pairs:.0f} % of the pairs in each epoch"
        )
        never = ""
        if self.words_without_pairs:
            never = f"; {_count(self.words_without_pairs, 'word')} never had a pair"
        return f"{shares}, half of the words {self.median_uses:,.0f} times or more in all{never}"


@dataclass(frozen=True)
class EpochDone(Event):
    """An epoch is complete.

    Attributes:
        epoch: the epoch, from 1.
        epochs: the number of epochs.
        loss: the mean loss per pair of a sample of the text, measured after the epoch without
            training on it, so that it does not depend on the size of the last steps; None without
            pairs.
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
class Encoding(Event):
    """Texts are being encoded as ids.

    Attributes:
        done_texts: the texts that have been encoded.
        total_texts: the number of texts, None if unknown.
        words: the words in them.
        seconds: the time since encoding started.

    """

    stage: ClassVar[str] = "encoding"
    done_texts: int
    total_texts: int | None
    words: int
    seconds: float

    def __str__(self) -> str:
        """Describe the event."""
        total = "" if self.total_texts is None else f" of {self.total_texts:,}"
        return f"encoding: {self.done_texts:,}{total} texts, {self.words:,} words"


@dataclass(frozen=True)
class LayingOut(Event):
    """Words are being laid out in the plane, for a map.

    Attributes:
        done_steps: the steps that have been done.
        total_steps: the number of steps.
        words: the words on the map.
        seconds: the time since the layout started.

    """

    stage: ClassVar[str] = "layout"
    done_steps: int
    total_steps: int
    words: int
    seconds: float

    def __str__(self) -> str:
        """Describe the event."""
        done = f"{self.done_steps:,} of {self.total_steps:,} steps"
        return f"layout of {_count(self.words, 'word')}: {done}"


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
            ``stages``, the seconds of each stage of reading, summed over threads. If a cluster has
            trained, ``cluster`` has the fields of `ClusterTimes`.

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
        if "cluster" in self.timings:
            parts = ClusterTimes(**self.timings["cluster"]).shares
            shares = ", ".join(f"{name} {100 * part:.0f} %" for name, part in parts.items())
            times["training"] += f" (rounds: {shares})"
        return (
            f"saved {self.path}: {self.words:,} words, {self.dim} dimensions\n"
            f"time: {self.seconds:.1f} s; {', '.join(times.values())}"
        )


@dataclass(frozen=True)
class Exported(Event):
    """The vectors have been written to a file beside the model.

    Attributes:
        path: the file.
        format: its format, see `w2v formats`.
        words: the size of the vocabulary.
        dim: the vector size.

    """

    stage: ClassVar[str] = "exported"
    path: str
    format: str
    words: int
    dim: int

    def __str__(self) -> str:
        """Describe the event."""
        return f"saved {self.path}: the vectors, format {self.format}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _format_loss(loss: float | None) -> str:
    return "-" if loss is None else f"{loss:.4f}"


# Earlier names.
BeginsWith = WarmStarted
GoesOn = Resumed

DETAILED = (ClusterWorkers,)
"""The events that the command line shows with ``--verbose`` only."""

FREQUENT = (Reading, Training, Encoding, LayingOut)
"""The events that come several times a second."""

Observer = Callable[[Event], None]


_LOGGER = logging.getLogger("w2v")


def ignore(event: Event) -> None:
    """Ignore all events except notes, which are logged: silence would hide a poor result."""
    _log_notes(_LOGGER, event)


def _log_notes(logger: logging.Logger, event: Event) -> None:
    for note in event.notes:
        logger.warning("note: %s", note, extra={"event": event})


def combine(*observers: Observer) -> Observer:
    """Return one observer that passes each event to several, in order."""

    def observe(event: Event) -> None:
        for observer in observers:
            observer(event)

    return observe


class LoggingObserver:
    """An observer that sends events to a logger of the standard library.

    Functions with the argument ``observer`` report to the logger ``w2v`` anyway. Pass this observer
    for another logger. `Reading`, `Training` and `Encoding`, which come several times a second,
    have the level DEBUG, all other events INFO, and each note of an event WARNING. The event itself
    is the attribute ``event`` of the log record.

        logging.basicConfig(level=logging.INFO)
        w2v.train("corpus.txt", observer=LoggingObserver(logging.getLogger("my.service")))

    Args:
        logger: the logger, by default that of the name ``w2v``.

    """

    def __init__(self, logger: logging.Logger | None = None) -> None:
        self.logger = _LOGGER if logger is None else logger

    def __call__(self, event: Event) -> None:
        """Log an event as one record, and each of its notes as another one."""
        level = logging.DEBUG if isinstance(event, FREQUENT) else logging.INFO
        if self.logger.isEnabledFor(level):
            lines = str(event).splitlines()
            description = lines[: len(lines) - len(event.notes)]
            if description:
                self.logger.log(level, "%s", "; ".join(description), extra={"event": event})
        _log_notes(self.logger, event)
