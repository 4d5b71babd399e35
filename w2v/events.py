"""What a job says of itself while it runs: plain records, handed to whoever asked for them.

The library never prints. The command line draws progress bars and log lines from these.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Event:
    """Base of all reports; ``stage`` names the kind."""

    stage: ClassVar[str] = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain values, ``stage`` first."""
        return {"stage": self.stage, **dataclasses.asdict(self)}


@dataclass(frozen=True)
class Compiling(Event):
    """The kernels are not in the cache and are being compiled; this takes some seconds, once."""

    stage: ClassVar[str] = "compiling"


@dataclass(frozen=True)
class WarmStarted(Event):
    """The training begins with a model, after as many ``epochs`` of the same training.

    ``contexts`` says whether its context vectors are there, which are zero at first otherwise;
    ``frozen``, whether its vectors stay as they are.
    """

    stage: ClassVar[str] = "origin"
    path: str
    epochs: int
    contexts: bool
    frozen: bool


@dataclass(frozen=True)
class Reading(Event):
    """Text is being read. ``total_bytes`` is None for a stream of unknown length."""

    stage: ClassVar[str] = "reading"
    done_bytes: int
    total_bytes: int | None
    text_bytes: int
    tokens: int
    seconds: float


@dataclass(frozen=True)
class CorpusRead(Event):
    """The corpus is read. ``coverage`` is a fraction; ``seconds`` is for reading and encoding.

    Where the vocabulary begins with that of another model, ``old_words`` is how many words that
    had, and ``left_out_words`` how many new ones would have been added but for its size.
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


@dataclass(frozen=True)
class Resumed(Event):
    """A training that was kept within an epoch goes on there; ``share`` of the epoch is done."""

    stage: ClassVar[str] = "resumed"
    epoch: int
    epochs: int
    share: float


@dataclass(frozen=True)
class Training(Event):
    """Training goes on. ``loss`` is the mean over the pairs of this epoch so far."""

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


@dataclass(frozen=True)
class EpochDone(Event):
    """An epoch is over. Losses are means per pair; ``centers`` counts words with contexts.

    ``seconds`` is what training took, validation left out.
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


@dataclass(frozen=True)
class Saved(Event):
    """The model is written.

    ``timings`` are seconds of wall time for compiling, reading (and encoding), training and
    writing; its ``stages`` are those of reading, each added up over the threads that share in it.
    """

    stage: ClassVar[str] = "saved"
    path: str
    words: int
    dim: int
    words_per_second: float
    seconds: float
    timings: dict[str, Any]


# Earlier names.
BeginsWith = WarmStarted
GoesOn = Resumed

Observer = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Observe nothing."""
    del event
