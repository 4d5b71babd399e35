"""Starting from an existing model.

There are two cases: more epochs on the corpus of the model itself, and training on another corpus
with the words and vectors of the model. In both, the rows of the old words are copied into the
matrices before the first step. Everything else is as in any other training.
"""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.config import AUTO, Config, TrainOptions
from w2v.config import options as config_options
from w2v.errors import ConfigError, InputError, short_repr
from w2v.events import EpochDone, WarmStarted
from w2v.formats import native, norms, registry
from w2v.formats.words import encode_vocabulary
from w2v.options import check_path
from w2v.pipeline.spec import InitialModel, TrainingJob
from w2v.system.files import Fingerprint
from w2v.system.records import decode
from w2v.text.definition import WordDefinition
from w2v.text.phrases import recorded_phrases
from w2v.training.model import rows_of
from w2v.training.state import TrainingState
from w2v.training.step_sizes import TRAINED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.corpus.build import Corpus
    from w2v.formats.table import VectorTable
    from w2v.pipeline.checkpoint import Checkpoint
    from w2v.training.model import Matrices


def load_initial_model(
    init: str | os.PathLike[str],
    options: TrainOptions,
    *,
    format: str | None,  # noqa: A002 - as in `w2v.load`
    freeze_old: bool,
) -> tuple[Config, list[str], InitialModel]:
    """Read the model from which to start a training on another corpus.

    Args:
        init: a model directory, or vectors in any readable format.
        options: the given hyper-parameters. The model determines ``dim`` and, if it records them,
            ``tokenizer``, ``lowercase`` and ``segmenter``.
        format: the name of its format; by default, it is detected.
        freeze_old: whether its vectors do not change.

    Returns:
        The hyper-parameters, the words of the model, and its description.

    Raises:
        ConfigError: an option contradicts the model.
        InputError: the model cannot be read.
        FormatError: it is damaged, or has a word that cannot be written.

    """
    if not isinstance(init, (str, os.PathLike)):
        message = (
            f"init is a {type(init).__name__}: expected the path of a model; save the model first, "
            "because an interrupted training has to read it again"
        )
        raise InputError(message)
    check_path("init", init)
    path = Path(init)
    if format is not None and format not in registry.READABLE:
        message = f"must be one of {', '.join(registry.READABLE)}, got {short_repr(format)}"
        raise ConfigError(message, option="init_format")
    old = registry.read(path, format=format)
    encode_vocabulary(old.words)  # rejects words that could not be saved after training
    contexts = native.has_contexts(path)
    if contexts:
        native.read_contexts(path, old)
    summary = {
        "path": str(path.absolute()),
        "words": len(old),
        "contexts": contexts,
        "frozen": freeze_old,
        "unknown": old.unk == "trained",
        "training": old.meta.get("training"),
        "epochs": len(_recorded_list(old.meta, "epochs")),
    }
    history = [*_recorded_list(old.meta, "origins"), summary]
    origin = _describe(path, old, contexts, history=history, format=format)
    return _config(old, path, options), old.words, origin


def job_for_more_epochs(output: Path, options: TrainOptions) -> TrainingJob:
    """Return the job of training a finished model on its own corpus for more epochs.

    Args:
        output: the directory of the model.
        options: the given hyper-parameters: ``epochs``, the number in total, and those that do not
            change the result. Others must not have changed.

    Raises:
        InputError: ``epochs`` is missing or too low, or so is the corpus or the context vectors.
        ConfigError: another option has changed.
        FormatError: the model is damaged.

    """
    old = native.read(output)
    reports, job = _recorded_training(old, output)
    epochs = options.get("epochs", AUTO)
    if isinstance(epochs, str) or epochs <= len(reports):
        message = (
            f"there is no unfinished training of {output}: the model was finished after epoch "
            f"{len(reports)}; to train it further, pass a higher total, such as "
            f"`epochs={2 * len(reports)}`; {_train_on_another_corpus(output)}"
        )
        raise InputError(message)
    job = dataclasses.replace(job, config=dataclasses.replace(job.config, epochs=epochs))
    job.require_same_options(options)
    _require_corpus_and_contexts(job, output)
    job.require_unchanged_corpus(f"train on the new content with `init={str(output)!r}`")
    native.read_contexts(output, old)
    origin = _describe(
        output, old, True, history=_recorded_list(old.meta, "origins"), epochs=reports
    )
    config = job.with_free_options(options).config
    return TrainingJob(
        job.files, job.vocab, config, True, job.extend, job.freeze_old, origin, file=job.file
    )


def warm_start_event(job: TrainingJob, origin: InitialModel) -> WarmStarted:
    """Return the event that reports the initial model."""
    return WarmStarted(
        path=origin.path, epochs=len(origin.epochs), contexts=origin.contexts, frozen=job.freeze_old
    )


def total_counts(job: TrainingJob, corpus: Corpus) -> NDArray[np.int64]:
    """Return the occurrences of each word in all corpora that its vector was trained on.

    Args:
        job: the job.
        corpus: its corpus, the last one.

    Returns:
        (V,) int64; those of the last corpus only, if the initial model has no counts.

    """
    counts = corpus.vocabulary.counts.copy()
    if job.origin is None or job.origin.counts is None:
        return counts
    before = np.array(job.origin.counts, np.int64)
    if job.origin.epochs:  # of the same corpus, so its words are counted already
        return before
    counts[: len(before)] += before
    return counts


class WarmStart:
    """A `Checkpointer` that restores an initial model if no state was saved yet.

    Args:
        job: the job.
        origin: its initial model.
        corpus: its corpus.
        checkpoint: saves and restores the states, if there is one.

    """

    def __init__(
        self, job: TrainingJob, origin: InitialModel, corpus: Corpus, checkpoint: Checkpoint | None
    ) -> None:
        self._job = job
        self._origin = origin
        self._corpus = corpus
        self._checkpoint = checkpoint

    def restore(self, matrices: Matrices) -> TrainingState:
        """Fill the matrices and return the progress."""
        self._set_step_scales(matrices)
        if self._checkpoint is not None and self._checkpoint.has_state:
            return self._checkpoint.restore(matrices)
        self._origin.require_unchanged()
        old = registry.read(self._origin.path, format=self._origin.format)
        self._require_same_words(old)
        self._fill(matrices, old)
        return TrainingState(reports=tuple(self._origin.epochs))

    def should_save(self) -> bool:
        """Return whether it is time to save a state."""
        return self._checkpoint is not None and self._checkpoint.should_save()

    def save(self, matrices: Matrices, state: TrainingState) -> None:
        """Save a state, if there is a checkpoint."""
        if self._checkpoint is not None:
            self._checkpoint.save(matrices, state)

    def _set_step_scales(self, matrices: Matrices) -> None:
        """Set the step sizes of the rows that come from a model of another corpus.

        More epochs on the same corpus continue one training, which may have begun with such a
        model itself.
        """
        if not self._origin.history:
            return
        matrices.step_scales[: len(self._job.vocab or [])] = TRAINED
        model = self._origin.history[-1]
        unknown = isinstance(model, dict) and model.get("unknown") is True
        if unknown and self._job.config.train_unk:
            matrices.step_scales[len(self._corpus.vocabulary)] = TRAINED

    def _fill(self, matrices: Matrices, old: VectorTable) -> None:
        """Copy the rows of the old words, and that of unknown words if both models train it."""
        size = len(self._corpus.vocabulary)
        unknown = old.unknown if old.unk == "trained" and self._job.config.train_unk else None
        vectors, contexts = (
            rows_of(flat, matrices, size + (unknown is not None), old.dim)
            for flat in (matrices.vectors, matrices.contexts)
        )
        vectors[: len(old)] = old.matrix
        if unknown is not None:
            vectors[size] = unknown
        if self._origin.contexts:
            trained = native.read_contexts(self._origin.path, old)
            contexts[: len(old)] = trained[: len(old)]
            if unknown is not None:
                contexts[size] = trained[len(old)]

    def _require_same_words(self, old: VectorTable) -> None:
        """Check that the model and the corpus belong together.

        Raises:
            InputError: the words differ or, of the same corpus, their counts.

        """
        found = self._corpus.vocabulary
        same_corpus = bool(self._origin.epochs)
        fits = old.words == (found.words if same_corpus else found.words[: len(old)])
        if fits and same_corpus and old.counts is not None:
            earlier = old.counts - found.counts  # occurrences in corpora before this one
            first_new = len(self._job.vocab or []) if self._job.extend else 0
            fits = not earlier[first_new:].any() and earlier.min() >= 0
        if not fits:
            message = (
                f"the words of {self._origin.path} differ from those of its corpus, which may have "
                "changed, or the model was made by another version of w2v; train on the corpus "
                "with `init` instead"
            )
            raise InputError(message)


def _describe(
    path: Path,
    old: VectorTable,
    contexts: bool,
    *,
    history: list[Any],
    epochs: list[EpochDone] | None = None,
    format: str | None = None,  # noqa: A002
) -> InitialModel:
    files = [path]
    if path.is_dir():  # without the cache, which any reader may write
        files = sorted(
            file for file in path.iterdir() if file.is_file() and file.name != norms.NAME
        )
    return InitialModel(
        str(path.absolute()),
        [Fingerprint.of(str(file)) for file in files],
        None if old.counts is None else old.counts.tolist(),
        contexts,
        epochs or [],
        history,
        WordDefinition.if_recorded(old.meta.get("tokenizer")),
        recorded_phrases(old.meta.get("tokenizer")),
        format,
    )


def _config(old: VectorTable, path: Path, options: TrainOptions) -> Config:
    """Return the hyper-parameters: those that the model determines, and the given ones."""
    fixed: dict[str, Any] = {"dim": old.dim}
    definition = WordDefinition.if_recorded(old.meta.get("tokenizer"))
    if definition is not None:
        fixed |= {
            "tokenizer": definition.name,
            "lowercase": definition.lowercase,
            "segmenter": definition.segmenter,
        }
    for name, value in fixed.items():
        given = config_options()[name].recorded(options.get(name))
        if given not in (None, value) and not (name == "tokenizer" and given == "auto"):
            message = (
                f"contradicts the initial model: {path} has `{name}={value!r}`, got "
                f"`{name}={given!r}`; omit it, or train without `init`"
            )
            raise ConfigError(message, option=name)
    phrases = sum(map(len, recorded_phrases(old.meta.get("tokenizer"))))
    if phrases and options.get("phrases"):
        message = (
            f"contradicts the initial model: {path} determines the phrases, {phrases:,} of them; "
            "omit it, or train without `init`"
        )
        raise ConfigError(message, option="phrases")
    if fixed.get("lowercase") == (fixed.get("tokenizer") == "unicode"):
        del fixed["lowercase"]  # the default, which does not lowercase lists of tokens
    given = {name: value for name, value in options.items() if value is not None}
    return Config.of(given | fixed)


def _recorded_training(old: VectorTable, output: Path) -> tuple[list[EpochDone], TrainingJob]:
    """Return the reports and the job that a model's ``meta.json`` records."""
    try:
        job = TrainingJob.from_meta(old.meta["job"], old.words)
        reports = decode(list[EpochDone], old.meta["epochs"], ignore_unknown=True)
    except (LookupError, TypeError, ValueError) as error:
        message = (
            f"there is no unfinished training of {output}: the model is finished, and does not "
            f"record how it was trained; {_train_on_another_corpus(output)}"
        )
        raise InputError(message) from error
    return reports, job


def _require_corpus_and_contexts(job: TrainingJob, output: Path) -> None:
    if job.files is None:
        message = (
            f"the corpus of {output} was not read from files, so it cannot be read again; "
            f"{_train_on_another_corpus(output)}"
        )
        raise InputError(message)
    if not native.has_contexts(output):
        message = (
            f"{output} has no contexts.npy, which training it further requires; "
            f"{_train_on_another_corpus(output)}"
        )
        raise InputError(message)


def _train_on_another_corpus(output: Path) -> str:
    return f"to start from its vectors on any corpus, use `init={str(output)!r}`"


def _recorded_list(meta: dict[str, Any], name: str) -> list[Any]:
    """Return a list from ``meta.json``, or an empty one if something else is recorded."""
    entry = meta.get(name)
    return entry if isinstance(entry, list) else []
