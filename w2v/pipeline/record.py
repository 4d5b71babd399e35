"""The record of a training in the ``meta.json`` of its model."""

from __future__ import annotations

import dataclasses
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v._version import __version__
from w2v.corpus.stages import StageTimes
from w2v.events import ClusterTimes, CorpusRead, EpochDone, TextUsed
from w2v.system.records import RecordError, decode
from w2v.text.definition import WordDefinition

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.corpus.build import Corpus
    from w2v.pipeline.spec import TrainingJob
    from w2v.training.trainer import Result


@dataclass(frozen=True)
class TextSizes:
    """The words and lines that were trained on and held out."""

    words: int
    lines: int
    held_out_words: int
    held_out_lines: int


@dataclass(frozen=True)
class Timings:
    """Seconds of wall time; ``stages`` are those of reading, summed over threads.

    ``cluster`` says where the time of training went, in the last process if it was resumed. It is
    None, and absent from ``meta.json``, if one machine has trained.
    """

    compiling: float
    reading: float
    training: float
    stages: StageTimes
    cluster: ClusterTimes | None = None
    writing: float | None = None


@dataclass(frozen=True)
class Versions:
    """The versions of the software that trained the model."""

    python: str
    numpy: str
    numba: str


@dataclass(frozen=True)
class Origin:
    """An initial model, as ``meta.json`` records it."""

    path: str
    words: int
    contexts: bool
    frozen: bool
    training: TextSizes | None
    epochs: int


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """What ``train`` records in ``meta.json``.

    Attributes:
        w2v_version: the version of this package.
        config: the hyper-parameters, with the values that were used for those left to default.
        origins: the initial models, the earliest first. They may have been recorded by other
            programs, so they are any JSON values.
        tokenizer: the definition of a word.
        corpus: the report of reading.
        training: the sizes of the text.
        epochs: the reports of all epochs.
        timings: the time that each part took.
        words_per_second: words of the text, times epochs, per second of training.
        usage: how much of the text was used; None in models of earlier versions.
        made_with: the versions of the software.

    """

    w2v_version: str
    config: dict[str, Any]
    origins: list[Any] = dataclasses.field(default_factory=list)
    tokenizer: WordDefinition
    corpus: CorpusRead
    training: TextSizes
    epochs: list[EpochDone]
    timings: Timings
    words_per_second: float
    made_with: Versions
    usage: TextUsed | None = None

    @classmethod
    def of(
        cls, job: TrainingJob, corpus: Corpus, result: Result, *, compiling: float
    ) -> TrainingRecord:
        """Return the record of a finished training.

        Args:
            job: what was trained.
            corpus: what it was trained on.
            result: what came out.
            compiling: seconds spent on the compilation of kernels.

        """
        text, held_out = corpus.text, corpus.held_out
        import numba  # here, because `w2v info` reads records without the compiler

        return cls(
            w2v_version=__version__,
            config=_used_config(result.config),
            tokenizer=corpus.definition,
            corpus=corpus.report,
            training=TextSizes(text.words, text.lines, held_out.words, held_out.lines),
            epochs=list(result.epochs),
            timings=Timings(
                compiling, corpus.report.seconds, result.seconds, corpus.times, result.cluster
            ),
            words_per_second=result.words_per_second,
            made_with=Versions(platform.python_version(), np.__version__, numba.__version__),
            usage=result.usage,
            origins=[] if job.origin is None else job.origin.history,
        )

    @classmethod
    def from_meta(cls, meta: dict[str, Any]) -> TrainingRecord | None:
        """Return the record in a ``meta.json``, or None if the model was not trained by ``train``.

        Fields that other versions add are ignored.
        """
        try:
            return decode(cls, meta, ignore_unknown=True)
        except RecordError:
            return None

    def as_meta(self) -> dict[str, Any]:
        """Return the content of ``meta.json``."""
        meta = dataclasses.asdict(self)
        if not self.origins:
            del meta["origins"]
        for name in ("cluster", "writing"):
            if meta["timings"][name] is None:
                del meta["timings"][name]
        return meta | {
            "tokenizer": self.tokenizer.as_dict(),
            "corpus": self.corpus.as_dict(),
            "epochs": [report.as_dict() for report in self.epochs],
        }


def known_origins(record: TrainingRecord) -> list[Origin]:
    """Return the initial models of a record, without those recorded in an unknown form."""
    origins = []
    for entry in record.origins:
        try:
            origins.append(decode(Origin, entry, ignore_unknown=True))
        except RecordError:
            continue
    return origins


def _used_config(config: Config) -> dict[str, Any]:
    return config.as_dict() | {
        "threads": config.thread_count,
        "lr_min": config.final_lr,
        "negative_sharing": config.sharing,
        "shared_negatives": config.noise_words,
        "shards": config.shard_count if config.deterministic else None,
        "rounds": config.rounds if config.deterministic else None,
    }
