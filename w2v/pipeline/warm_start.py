"""What a training begins with that does not begin anew: the words and matrices of a model.

There are two such trainings: more epochs on a model's own text, and an old model's words and others
on another text. In both, the vectors and contexts of the old words are put in their rows before the
first step; all else is as in any training.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.config import Config
from w2v.errors import ConfigError, InputError
from w2v.events import EpochDone, WarmStarted
from w2v.formats import native, registry
from w2v.formats.words import encode_vocabulary
from w2v.options import check_path
from w2v.pipeline.checkpoint import Checkpoint, InitialModel, TrainingJob, with_free_options
from w2v.system.files import Fingerprint
from w2v.text.definition import WordDefinition
from w2v.training.model import rows_of
from w2v.training.state import TrainingState

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.corpus.build import Corpus
    from w2v.formats.table import VectorTable
    from w2v.training.model import Matrices


def load_initial_model(
    init: str | os.PathLike[str], options: dict[str, Any], *, freeze_old: bool
) -> tuple[Config, list[str], InitialModel]:
    """Look at the model that a training on another text is to begin with.

    Args:
        init: a model folder, or vectors in any format that can be read.
        options: the hyper-parameters given; the old model decides dim and, if it tells, what a
            word is.
        freeze_old: whether its vectors are to stay as they are.

    Returns:
        The hyper-parameters, the old words, and what else must be known of the old model.

    Raises:
        ConfigError: an option contradicts the old model.
        InputError: it cannot be read.
        FormatError: it is damaged, or has a word that cannot be written.

    """
    if not isinstance(init, (str, os.PathLike)):
        message = (
            f"init is a {type(init).__name__}: expected the path of a model; save it first, "
            "for a training that is stopped has to find it again"
        )
        raise InputError(message)
    check_path("init", init)
    path = Path(init)
    old = registry.read(path)
    encode_vocabulary(old.words)  # fails now rather than at the end
    contexts = native.has_contexts(path)
    if contexts:
        native.read_contexts(path, old)
    origin = InitialModel(
        str(path.absolute()),
        [Fingerprint.of(file) for file in _files_of(path)],
        None if old.counts is None else old.counts.tolist(),
        contexts,
        epochs=[],
        history=[*_list(old.meta, "origins"), _summary(old, path, contexts, freeze_old)],
    )
    return _config(old, path, options), old.words, origin


def _files_of(path: Path) -> list[str]:
    if path.is_dir():
        return [str(file) for file in sorted(path.iterdir()) if file.is_file()]
    return [str(path)]


def _summary(old: VectorTable, path: Path, contexts: bool, freeze_old: bool) -> dict[str, Any]:
    """What a model's ``meta.json`` tells of the one it began with."""
    return {
        "path": str(path.absolute()),
        "words": len(old),
        "contexts": contexts,
        "frozen": freeze_old,
        "training": old.meta.get("training"),
        "epochs": len(_list(old.meta, "epochs")),
    }


def _list(meta: dict[str, Any], name: str) -> list[Any]:
    """An entry that others may have written, too: it is a list, or left out."""
    entry = meta.get(name)
    return entry if isinstance(entry, list) else []


def _config(old: VectorTable, path: Path, options: dict[str, Any]) -> Config:
    """The hyper-parameters given, and those of the old model that must stay."""
    taken: dict[str, Any] = {"dim": old.dim}
    with contextlib.suppress(ConfigError):  # foreign vectors do not tell how text becomes words
        words = WordDefinition.from_meta(old.meta.get("tokenizer"))
        taken |= {"tokenizer": words.name, "lowercase": words.lowercase}
    for name, value in taken.items():
        given = options.get(name)
        if given is not None and given != value:
            message = (
                f"contradicts the initial model: {path} has `{name}={value!r}`, got "
                f"`{name}={given!r}`; omit it, or train without `init`"
            )
            raise ConfigError(message, option=name)
    if taken.get("lowercase") == (taken.get("tokenizer") == "unicode"):
        del taken["lowercase"]  # the default, which leaves lists of tokens as they are
    return Config.of(taken | {n: value for n, value in options.items() if value is not None})


def more_epochs(output: Path, options: dict[str, Any]) -> TrainingJob:
    """Make the job of training a finished model on its own text for more epochs.

    Args:
        output: the model's folder.
        options: the hyper-parameters given: ``epochs``, all those from the first one on, and
            ``threads`` and ``max_expansion``; others must be what they were.

    Raises:
        InputError: it is not said for how many epochs, or the text or the contexts are missing.
        ConfigError: another option differs.
        FormatError: the model is damaged.

    """
    old = native.read(output)
    done, job = _finished(old, output)
    epochs = options.get("epochs", 0)
    if epochs <= len(done):
        message = (
            f"there is no unfinished training of {output}: the model is there, and finished after "
            f"epoch {len(done)}; to train it further ask for more of them in all, such as --epochs "
            f"{2 * len(done)}, or go on with another text by --init {output}"
        )
        raise InputError(message)
    config = dataclasses.replace(job.config, epochs=epochs)
    job = dataclasses.replace(job, config=config)
    job.refuse_others(options)
    _refuse_what_is_missing(job, output)
    job.refuse_changes(f"train on what it is now by --init {output}")
    native.read_contexts(output, old)
    origin = InitialModel(
        str(output.absolute()),
        [Fingerprint.of(file) for file in _files_of(output)],
        None if old.counts is None else old.counts.tolist(),
        contexts=True,
        epochs=[dataclasses.asdict(report) for report in done],
        history=_list(old.meta, "origins"),
    )
    config = with_free_options(config, options)
    return TrainingJob(job.files, job.vocab, config, True, job.extend, job.freeze_old, origin)


def _finished(old: VectorTable, output: Path) -> tuple[list[EpochDone], TrainingJob]:
    """What a model was trained by, as its ``meta.json`` tells."""
    try:
        record = old.meta["job"]
        size = record["vocab"]
        if size is not None and not 0 < size <= len(old):
            message = f"{size} words of {len(old)} were given"
            raise ValueError(message)
        job = TrainingJob.of(record, None if size is None else old.words[:size])
        done = _reports(old.meta["epochs"])
    except (LookupError, TypeError, ValueError) as error:
        message = (
            f"there is no unfinished training of {output}: the model is there, and finished, but "
            f"does not tell how it was trained; go on with a text by --init {output}"
        )
        raise InputError(message) from error
    return done, job


def _reports(epochs: list[dict[str, Any]]) -> list[EpochDone]:
    known = {field.name for field in dataclasses.fields(EpochDone)}
    return [
        EpochDone(
            **{name: value for name, value in report.items() if name in known}
            | {"seconds": float(report["seconds"])}
        )
        for report in epochs
    ]


def _refuse_what_is_missing(job: TrainingJob, output: Path) -> None:
    if job.files is None:
        message = (
            f"the text of {output} could be read only once, so it cannot be trained on again; "
            f"give it anew, and go on with it by --init {output}"
        )
        raise InputError(message)
    if not native.has_contexts(output):
        message = (
            f"{output} has no contexts.npy, without which its training cannot go on; a new one "
            f"may begin with its vectors by --init {output}"
        )
        raise InputError(message)


def announcement(job: TrainingJob, origin: InitialModel) -> WarmStarted:
    """Say what a training begins with."""
    return WarmStarted(
        path=origin.path, epochs=len(origin.epochs), contexts=origin.contexts, frozen=job.freeze_old
    )


def counts_of(job: TrainingJob, read: Corpus) -> NDArray[np.int64]:
    """How often each word occurred in all the texts that its model was trained on.

    Args:
        job: what was done.
        read: the last text.

    Returns:
        (V,) int64; those in the last text, if the model it began with does not know its counts.

    """
    counts = read.vocabulary.counts.copy()
    if job.origin is None or job.origin.counts is None:
        return counts
    before = np.array(job.origin.counts, np.int64)
    if job.origin.epochs:  # the same text, which is counted already
        return before
    counts[: len(before)] += before
    return counts


class WarmStart:
    """Has a training begin with a model, and keeps it as a checkpoint does, if there is one.

    Args:
        job: what is to be done.
        origin: the model.
        read: the text.
        checkpoint: where the training is kept; it goes on there if it was kept before.

    """

    def __init__(
        self, job: TrainingJob, origin: InitialModel, read: Corpus, checkpoint: Checkpoint | None
    ) -> None:
        self._job = job
        self._origin = origin
        self._read = read
        self._checkpoint = checkpoint

    def restore(self, model: Matrices) -> TrainingState:
        """Fill the matrices, and say how far the training is."""
        if self._checkpoint is not None and self._checkpoint.has_state:
            return self._checkpoint.restore(model)
        self._origin.refuse_changes()
        self._fill(model)
        return TrainingState(reports=tuple(_reports(self._origin.epochs)))

    def should_save(self) -> bool:
        """Return whether it is time to save."""
        return self._checkpoint is not None and self._checkpoint.should_save()

    def save(self, matrices: Matrices, state: TrainingState) -> None:
        """Save the matrices and the state."""
        if self._checkpoint is not None:
            self._checkpoint.save(matrices, state)

    def _fill(self, matrices: Matrices) -> None:
        """Put the rows of the old words, and that of unknown words, where they belong."""
        old = registry.read(self._origin.path)
        self._check(old)
        size = len(self._read.vocabulary)
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

    def _check(self, old: VectorTable) -> None:
        """Refuse a model and a text that do not belong together.

        Raises:
            InputError: the words are others, or those of the same text occur more or less often.

        """
        found = self._read.vocabulary
        same_text = bool(self._origin.epochs)
        fits = old.words == (found.words if same_text else found.words[: len(old)])
        if fits and same_text and old.counts is not None:
            before = old.counts - found.counts  # how often words occurred in texts before this one
            first_new = len(self._job.vocab or []) if self._job.extend else 0
            fits = not before[first_new:].any() and before.min() >= 0
        if not fits:
            message = (
                f"the words of {self._origin.path} are not those that its text has now; was it "
                "changed, or made by another version of w2v? Go on with the text by --init instead"
            )
            raise InputError(message)
