"""The description of a training job, as checkpoints and ``meta.json`` record it."""

from __future__ import annotations

import dataclasses
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from w2v.config import Config
from w2v.config import options as config_options
from w2v.errors import ConfigError, InputError
from w2v.events import EpochDone
from w2v.system.files import Fingerprint
from w2v.system.records import decode
from w2v.text.definition import WordDefinition
from w2v.text.files import present_fingerprints
from w2v.text.phrases import Phrases
from w2v.training.automatic import resolve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FREE_OPTIONS = {"threads", "max_expansion", "ray", "workers", "allow_mixed"}
"""Options that do not change the result, so they may differ when training resumes."""

START_OVER = "start over with `overwrite=True`"


@dataclass(frozen=True)
class InitialModel:
    """A model whose words and matrices initialize the training.

    Attributes:
        path: its directory or file.
        files: its files, which must not change before the first state is saved.
        counts: of its words, or None if unknown.
        contexts: whether it has context vectors. Without them, training starts with zeros.
        epochs: the reports of the epochs that it was already trained for on the same corpus; empty
            if it was trained on another corpus.
        history: what ``meta.json`` records about it and about its own initial models.
        definition: of a word, if it records one that applies to text.
        phrases: that it joins.
        format: the name of its format, if it is not to be detected.

    """

    path: str
    files: list[Fingerprint]
    counts: list[int] | None
    contexts: bool
    epochs: list[EpochDone]
    history: list[Any]
    definition: WordDefinition | None = None
    phrases: Phrases = ()
    format: str | None = None

    def require_unchanged(self) -> None:
        """Check that the files have not changed.

        Raises:
            InputError: a file has changed or does not exist.

        """
        for file in self.files:
            if not Path(file.path).exists():
                message = (
                    f"{file.path} is missing, but training has to read its initial model from it; "
                    f"restore the file, or {START_OVER}"
                )
                raise InputError(message)
            _require_unchanged(file, Fingerprint.of(file.path), START_OVER)


@dataclass(frozen=True)
class TrainingJob:
    """What to train on, with which options.

    Attributes:
        files: the files of the corpus, or None if it can be read only once.
        vocab: the given vocabulary, if any.
        config: the hyper-parameters.
        overwrite: whether to replace an existing model.
        extend: whether to add other words of the corpus to ``vocab``.
        freeze_old: whether the vectors of the words in ``vocab`` do not change.
        origin: the initial model, if any.
        key: a random identifier of this job.
        file: the name of the file of vectors to write beside the model, if any.

    """

    files: list[Fingerprint] | None
    vocab: list[str] | None
    config: Config
    overwrite: bool
    extend: bool = False
    freeze_old: bool = False
    origin: InitialModel | None = None
    key: str = dataclasses.field(default_factory=lambda: secrets.token_hex(16))
    file: str | None = None

    def as_meta(self) -> dict[str, Any]:
        """Return the job as ``meta.json`` records it: with the size of ``vocab``, not its words."""
        entry = dataclasses.asdict(dataclasses.replace(self, vocab=None, origin=None))
        del entry["origin"]
        return entry | {"vocab": None if self.vocab is None else len(self.vocab)}

    @classmethod
    def from_meta(cls, recorded: Any, words: list[str]) -> TrainingJob:
        """Return the job that `as_meta` recorded in a model with these words.

        Raises:
            LookupError, TypeError, ValueError: no job was recorded.

        """
        size = recorded["vocab"]
        if size is not None and not 0 < size <= len(words):
            message = f"a vocabulary of {size} words in a model of {len(words)}"
            raise ValueError(message)
        return decode(cls, recorded | {"vocab": None if size is None else words[:size]})

    @property
    def frozen_rows(self) -> int:
        """The number of rows, from the first one, that training does not change."""
        return len(self.vocab or []) if self.freeze_old else 0

    def resolved(self, counts: NDArray[np.int64], words: int) -> Config:
        """Return the hyper-parameters with numbers in place of ``"auto"``.

        The epochs are those for the words of all corpora, that of the initial model included: it is
        trained already, and many epochs of a small corpus would undo that.

        Args:
            counts: (V,) occurrences of each word in the last corpus.
            words: the words of the last corpus to train on.

        """
        before = [] if self.origin is None or self.origin.counts is None else self.origin.counts
        return resolve(self.config, counts, words + sum(before))

    def with_free_options(self, options: Mapping[str, Any]) -> TrainingJob:
        """Return the job with those of the given options that do not change the result."""
        free = {name: options[name] for name in FREE_OPTIONS & options.keys()}
        if free.get("ray") is not None and not self.config.deterministic:
            message = (
                "requires a training that began with `deterministic=True` or `ray`; omit it, or "
                f"{START_OVER}"
            )
            raise ConfigError(message, option="ray")
        # Without these options, the rest of the training runs here.
        free = {"ray": None, "workers": None, **free}
        return dataclasses.replace(self, config=dataclasses.replace(self.config, **free))

    def require_same_options(self, options: Mapping[str, Any]) -> None:
        """Check that given options are those of the job, except the free ones.

        Raises:
            ConfigError: an option differs.

        """
        ours, known = self.config.as_dict(), config_options()
        for name, value in options.items():
            if name not in FREE_OPTIONS and ours.get(name) != known[name].recorded(value):
                message = (
                    f"cannot change when training resumes: it started with "
                    f"`{name}={ours.get(name)!r}`, got `{name}={value!r}`; omit it, or {START_OVER}"
                )
                raise ConfigError(message, option=name)

    def require_unchanged_corpus(self, remedy: str = START_OVER) -> None:
        """Check that no file of the corpus has changed.

        Files that are missing or cannot be reached are ignored.

        Args:
            remedy: an alternative to restoring the file.

        Raises:
            InputError: a file has changed.

        """
        files = self.files or []
        present = present_fingerprints([file.path for file in files])
        for file, now in zip(files, present, strict=True):
            if now is not None:
                _require_unchanged(file, now, remedy)


def _require_unchanged(file: Fingerprint, now: Fingerprint, remedy: str) -> None:
    difference = file.difference(now)
    if difference is not None:
        message = (
            f"{file.path} has changed since training began: {difference}; restore it, or {remedy}"
        )
        raise InputError(message)
