"""The checkpoint of a run, from which it can be resumed after a kill at any moment.

It is a directory beside the model, ``MODEL.checkpoint``, with these files:

- ``job.json``: the corpus, the hyper-parameters, the initial model
- ``lock``: locked by the process that runs the job
- ``encoded/``: the encoded corpus, while it is written and then while it is trained on
- ``corpus.json``: the vocabulary, and all else that reading the corpus found out
- ``state``: the progress, both matrices and a checksum

Every file is written under another name, synced to the disk and renamed, so it is complete if it
exists. Without ``corpus.json`` a resumed run reads the corpus again; without ``state`` it starts to
train from the beginning. All files have checksums. That of the encoded corpus is in
``corpus.json``, which is written before the encoded corpus is synced.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.corpus.build import Corpus
from w2v.corpus.encoded import EncodedText
from w2v.corpus.stages import StageTimes
from w2v.corpus.vocabulary import Vocabulary, check_word_list
from w2v.errors import (
    DivergenceError,
    FormatError,
    InputError,
    OutputError,
    VocabularyError,
)
from w2v.events import CorpusRead
from w2v.pipeline.checkpoint_files import (
    DIGEST_BYTES,
    WRONG_CHECKSUM,
    damaged,
    read_sealed,
    write_file,
    write_sealed,
)
from w2v.pipeline.spec import TrainingJob
from w2v.pipeline.state_file import read_state, state_chunks, state_size
from w2v.system.atomic import sync_tree
from w2v.system.disk import TEMPORARY_PREFIX, writing
from w2v.system.lock import lock_file
from w2v.text.definition import WordDefinition
from w2v.training.state import TrainingState

if TYPE_CHECKING:
    from w2v.training.model import Matrices

SUFFIX = ".checkpoint"
_NAMES = {"job.json", "lock", "encoded", "corpus.json", "state"}
_PATH_DIGEST_BYTES = 4
_IDS_PER_CHUNK = 1 << 20
# Saving states may take this share of the training time, whatever interval was asked for.
_MAX_SHARE = 0.02
# An estimate of the bytes saved per second, until the first state is saved.
_BYTES_PER_SECOND = 200e6
_ID_TYPES: dict[str, type[np.unsignedinteger[Any]]] = {"uint16": np.uint16, "uint32": np.uint32}
_REMEDY = "choose another directory with `work_dir`"


@dataclass(frozen=True)
class _CorpusRecord:
    """The content of ``corpus.json``.

    Attributes:
        dtype: of the ids, uint16 or uint32.
        texts: the numbers of words and lines, of the training text and the held-out text.
        checksums: of the ids of both texts.
        words: the vocabulary.
        counts: of the words.
        unknown_count: see `Corpus`.
        report: see `Corpus`.
        tokenizer: the definition of a word.
        stages: the time of each stage of reading.

    """

    dtype: str
    texts: list[tuple[int, int]]
    checksums: list[str]
    words: list[str]
    counts: list[int]
    unknown_count: int | None
    report: CorpusRead
    tokenizer: WordDefinition
    stages: StageTimes


def checkpoint_dir(output: Path, work_dir: str | os.PathLike[str] | None) -> Path:
    """Return the checkpoint directory of the model ``output``.

    In a work directory that is not beside the model, its name contains a hash of the model's
    directory, so that models of the same name do not share a checkpoint.
    """
    beside = output.absolute().parent
    if work_dir is None or os.path.realpath(work_dir) == os.path.realpath(beside):
        return beside / f"{output.name}{SUFFIX}"
    parent = os.fsencode(os.path.realpath(beside))
    digest = hashlib.blake2b(parent, digest_size=_PATH_DIGEST_BYTES).hexdigest()
    return Path(work_dir) / f"{output.name}.{digest}{SUFFIX}"


def checkpoint_size(directory: Path) -> int:
    """Return the bytes that removing a checkpoint would free.

    It is 0 if there is none, or if it cannot be read, which is reported elsewhere.
    """
    with contextlib.suppress(OSError):
        return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    return 0


def is_begun(directory: Path) -> bool:
    """Return whether a checkpoint with a job exists, as far as permissions tell."""
    return os.path.exists(directory / "job.json")  # noqa: PTH110 - Path.exists may raise


class Checkpoint:
    """The checkpoint directory of a job, locked by this process.

    It is the `Checkpointer` of a training.

    Args:
        directory: an existing one.
        every: seconds between two saved states, or None to save none.

    Raises:
        LockedError: another process holds the lock.
        OutputError: the directory cannot be used.

    """

    def __init__(self, directory: Path, every: float | None) -> None:
        self.directory = directory
        self._every = every
        self._saved_at = time.monotonic()
        self._min_pause = 0.0
        self._words = 0
        self._dim = 0
        with writing(f"cannot use {directory}", directory, _REMEDY):
            self._lock = lock_file(directory / "lock")

    @classmethod
    def create(cls, directory: Path, job: TrainingJob, every: float | None) -> Checkpoint:
        """Create a checkpoint with a job in it.

        Raises:
            OutputError: the directory exists and may not be replaced, or cannot be written.

        """
        if os.path.lexists(directory):
            if not _is_checkpoint(directory):
                message = f"{directory} exists and is not a checkpoint of w2v; move it elsewhere"
                raise OutputError(message)
            if is_begun(directory) and not job.overwrite:
                message = (
                    f"{directory} holds an unfinished training; continue it with `resume`, or "
                    "discard it with `overwrite=True`"
                )
                raise OutputError(message)
            cls(directory, None).remove()
        _make_directory(directory)
        try:
            checkpoint = cls(directory, every)
        except OutputError:
            with contextlib.suppress(OSError):
                directory.rmdir()
            raise
        try:
            write_sealed(directory / "job.json", dataclasses.asdict(job), _REMEDY)
        except BaseException:
            checkpoint.remove()
            raise
        return checkpoint

    def load_job(self) -> TrainingJob:
        """Read the job.

        Raises:
            InputError: the file cannot be read.
            FormatError: it is damaged, or was written by another version.

        """
        return read_sealed(TrainingJob, self.directory / "job.json")

    def make_encoded_dir(self) -> Path:
        """Return an empty directory for the encoded corpus. An incomplete one is removed."""
        path = self.directory / "encoded"
        shutil.rmtree(path, ignore_errors=True)
        _make_directory(path)
        return path

    def save_corpus(self, corpus: Corpus) -> None:
        """Save a corpus whose ids lie in `make_encoded_dir`."""
        texts = (corpus.text, corpus.held_out)
        record = _CorpusRecord(
            dtype=corpus.text.ids.dtype.name,
            texts=[(text.words, text.lines) for text in texts],
            checksums=[_checksum(text) for text in texts],
            words=corpus.vocabulary.words,
            counts=corpus.vocabulary.counts.tolist(),
            unknown_count=corpus.unknown_count,
            report=corpus.report,
            tokenizer=corpus.definition,
            stages=corpus.times,
        )
        entry = vars(record) | {  # not asdict, which would copy every word
            "report": dataclasses.asdict(record.report),
            "tokenizer": record.tokenizer.as_dict(),
            "stages": dataclasses.asdict(record.stages),
        }
        write_sealed(self.directory / "corpus.json", entry, _REMEDY)

    def load_corpus(self) -> Corpus | None:
        """Read the corpus, or return None if it was not saved.

        Raises:
            InputError: a file cannot be read.
            FormatError: it is damaged, or was written by another version.

        """
        path = self.directory / "corpus.json"
        if not path.exists():
            return None
        record = read_sealed(_CorpusRecord, path)
        try:
            dtype = _ID_TYPES[record.dtype]
            words = check_word_list(record.words, "saved", blank=True)
            counts = np.array(record.counts, np.int64).reshape(len(words))
            (text, held_out) = (
                self._open_text(name, dtype, *sizes)
                for name, sizes in zip(("text", "held-out"), record.texts, strict=True)
            )
        except FormatError:  # from _open_text
            raise
        except (LookupError, OverflowError, ValueError, InputError) as error:
            raise damaged(path, error) from error
        texts = (text, held_out)
        if [_checksum(text) for text in texts] != record.checksums:
            raise damaged(self.directory / "encoded", WRONG_CHECKSUM)
        rows = len(words) + (record.unknown_count is not None)
        if any(_highest_id(text) >= rows for text in texts):
            raise damaged(self.directory / "encoded", f"an id above {rows - 1}")
        return Corpus(
            Vocabulary(words, counts),
            record.unknown_count,
            text,
            held_out,
            record.report,
            record.tokenizer,
            record.stages,
        )

    def _open_text(
        self, name: str, dtype: type[np.unsignedinteger[Any]], words: int, lines: int
    ) -> EncodedText:
        path = self.directory / "encoded" / name
        try:
            return EncodedText.open(path, dtype, words, lines)
        except (OSError, ValueError) as error:  # ValueError: a part of an id
            raise damaged(path, getattr(error, "strerror", None) or "truncated") from error

    def prepare(self, words: int, dim: int) -> None:
        """Set the shape of the matrices, before a state is saved or restored."""
        self._words = words
        self._dim = dim
        self._saved_at = time.monotonic()
        self._min_pause = state_size(words, dim) / _BYTES_PER_SECOND / _MAX_SHARE

    def should_save(self) -> bool:
        """Return whether it is time to save a state."""
        if self._every is None:
            return False
        return time.monotonic() - self._saved_at >= max(self._every, self._min_pause)

    def save(self, matrices: Matrices, state: TrainingState) -> None:
        """Save a state, unless this checkpoint saves none.

        Raises:
            OutputError: it cannot be written.

        """
        if self._every is None:
            return
        started = time.monotonic()
        doing = f"cannot save the checkpoint {self.directory}"
        remedy = "disable checkpoints with `checkpoint_every=0`"
        if not self.has_state:
            with writing(doing, self.directory, remedy):
                sync_tree(self.directory / "encoded")
        write_file(
            self.directory / "state",
            state_chunks(matrices, self._words, self._dim, state),
            needed=state_size(self._words, self._dim),
            doing=doing,
            remedy=remedy,
        )
        self._saved_at = time.monotonic()
        self._min_pause = (self._saved_at - started) / _MAX_SHARE

    def restore(self, matrices: Matrices) -> TrainingState:
        """Fill the matrices with the saved state and return the progress.

        Without a saved state, leave the matrices alone and return the initial progress.

        Raises:
            FormatError: the state is damaged.

        """
        path = self.directory / "state"
        if not path.exists():
            return TrainingState()
        try:
            with path.open("rb") as file:
                return read_state(file, matrices, self._words, self._dim)
        except (EOFError, LookupError, OSError, TypeError, ValueError) as error:
            raise damaged(path, error) from error

    @property
    def has_state(self) -> bool:
        """Whether a state was saved."""
        return (self.directory / "state").exists()

    @property
    def has_corpus(self) -> bool:
        """Whether the corpus was saved."""
        return (self.directory / "corpus.json").exists()

    @property
    def state_bytes(self) -> int:
        """The size of the saved state, which the next one replaces."""
        return (self.directory / "state").stat().st_size if self.has_state else 0

    def is_resumable_after(self, error: BaseException) -> bool:
        """Return whether the job can be resumed once the cause of an error is gone."""
        if self.has_state:
            return not isinstance(error, (DivergenceError, VocabularyError))
        stopped = isinstance(error, (KeyboardInterrupt, SystemExit, OutputError))
        return stopped and self._every is not None and self.has_corpus

    def remove(self) -> None:
        """Remove the directory and release the lock."""
        # job.json goes last: as long as it exists, a resumed run can tell what is left to do.
        for name in ("corpus.json", "state"):
            (self.directory / name).unlink(missing_ok=True)
        shutil.rmtree(self.directory / "encoded", ignore_errors=True)
        (self.directory / "job.json").unlink(missing_ok=True)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.close()

    @classmethod
    def sweep(cls, directory: Path) -> None:
        """Remove a checkpoint without a job, left by a process killed at its begin or end."""
        if os.path.lexists(directory) and _is_checkpoint(directory):
            cls(directory, None).remove()

    def close(self) -> None:
        """Release the lock and leave the directory as it is."""
        self._lock.close()


def _is_checkpoint(directory: Path) -> bool:
    if not directory.is_dir() or directory.is_symlink():
        return False
    with writing(f"cannot use {directory}", directory, _REMEDY):
        names = {entry.name.removesuffix(".new") for entry in directory.iterdir()}
    # A process that was killed while it compiled leaves a temporary directory.
    return {name for name in names if not name.startswith(TEMPORARY_PREFIX)} <= _NAMES


def _make_directory(path: Path) -> None:
    with writing(f"cannot create {path}", path.parent, _REMEDY):
        path.mkdir()


def _checksum(text: EncodedText) -> str:
    """Return the checksum of the ids, reading them in chunks."""
    digest = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for start in range(0, len(text.ids), _IDS_PER_CHUNK):
        digest.update(text.ids[start : start + _IDS_PER_CHUNK].data)
    return digest.hexdigest()


def _highest_id(text: EncodedText) -> int:
    """Return the highest id of a word; line ends have a higher value."""
    highest = -1
    for start in range(0, len(text.ids), _IDS_PER_CHUNK):
        ids = text.ids[start : start + _IDS_PER_CHUNK]
        highest = max(highest, int(ids[ids != text.end_of_line].max(initial=0)))
    return highest
