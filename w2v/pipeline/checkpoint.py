"""What an unfinished job keeps on the disk, so that it can be killed at any moment and go on.

Beside the model, in MODEL.checkpoint, stand

- ``job.json``: what is to be done: the corpus, the hyper-parameters, the model to begin with
- ``lock``: is held by the process at work
- ``encoded/``: the encoded text while it is written, and then as it is trained on
- ``corpus.json``: the rest of what was read, once all of it is
- ``state``: the position, both matrices, and a checksum over everything, replaced as a whole

A file is written under another name, brought to the disk and renamed, so each is whole or not
there. Without ``corpus.json`` the text is read again, without ``state`` training starts again. All
of it is held to checksums, the encoded text to that in ``corpus.json``, which is written before the
encoded text is sure to have reached the disk.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import secrets
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from w2v.config import Config
from w2v.corpus.build import Corpus
from w2v.corpus.encoded import EncodedText
from w2v.corpus.stages import StageTimes
from w2v.corpus.vocabulary import Vocabulary, check_word_list
from w2v.errors import (
    ConfigError,
    DivergenceError,
    FormatError,
    InputError,
    OutputError,
    VocabularyError,
)
from w2v.events import CorpusRead, EpochDone
from w2v.system.atomic import iter_row_chunks, replace_file, sync_tree
from w2v.system.disk import TEMPORARY_PREFIX, require_free_space, writing
from w2v.system.files import Fingerprint, read_error
from w2v.system.lock import lock_file
from w2v.text.definition import WordDefinition
from w2v.training.model import rows_of
from w2v.training.state import EpochStats, TrainingState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from w2v.training.model import Matrices

VERSION = 2
SUFFIX = ".checkpoint"
_MAGIC = b"w2v state\n"
_DIGEST_BYTES = 16
_PLACE_BYTES = 4
_AROUND = 1 << 10
_IDS_AT_ONCE = 1 << 20
# Keeping a training takes at most this share of its time, whatever was asked for.
_SHARE = 0.02
# What is kept of a training in a second, until it is known.
_BYTES_A_SECOND = 200e6
_NAMES = {"job.json", "lock", "encoded", "corpus.json", "state"}
_WRONG_CHECKSUM = "its checksum is wrong"
# Of the temporary folders that a process killed while compiling leaves among these.
# Options that change how a job is done, not what comes out.
FREE_OPTIONS = {"threads", "max_expansion"}
_REMEDY = "choose another directory with `work_dir`"


Files = list[Fingerprint]


@dataclass(frozen=True)
class InitialModel:
    """The model that a training begins with.

    Attributes:
        path: its folder or file.
        files: its files, which must be as they are until the first state is kept.
        counts: of its words, None if they are not known.
        contexts: whether it has context vectors; else these are zero at first.
        epochs: what was reported after each epoch of the same training; none if the text is
            another one.
        history: what ``meta.json`` is to tell of it and of the models that it began with itself.

    """

    path: str
    files: Files
    counts: list[int] | None
    contexts: bool
    epochs: list[dict[str, Any]]
    history: list[dict[str, Any]]

    def refuse_changes(self) -> None:
        """Refuse a model that is not as it was.

        Raises:
            InputError: the first file that has changed or is gone.

        """
        for file in self.files:
            if not Path(file.path).exists():
                message = (
                    f"{file.path} is gone, with which the training begins; put it back, or start "
                    "anew with --overwrite"
                )
                raise InputError(message)
            _refuse_change(file, "start anew with --overwrite")


@dataclass(frozen=True)
class TrainingJob:
    """What is to be done.

    Attributes:
        files: every file of the corpus; None if it can be read only once.
        vocab: a ready vocabulary, or None.
        config: the hyper-parameters.
        overwrite: whether a model that stands there may be replaced.
        extend: whether other words of the corpus come behind those of ``vocab``.
        freeze_old: whether the vectors of the words of ``vocab`` stay as they are.
        origin: the model that it begins with, if any.
        key: no other job has it.

    """

    files: Files | None
    vocab: list[str] | None
    config: Config
    overwrite: bool
    extend: bool = False
    freeze_old: bool = False
    origin: InitialModel | None = None
    key: str = dataclasses.field(default_factory=lambda: secrets.token_hex(16))

    @classmethod
    def of(cls, entry: dict[str, Any], vocab: list[str] | None) -> TrainingJob:
        """Make a job of what `record` gives and of the ready vocabulary.

        Raises:
            LookupError, TypeError, ValueError: it is no such thing.

        """
        files, origin = entry["files"], entry.get("origin")
        return cls(
            None if files is None else _files(files),
            vocab,
            Config.of(entry["config"]),
            bool(entry["overwrite"]),
            bool(entry.get("extend", False)),
            bool(entry.get("freeze_old", False)),
            None if origin is None else InitialModel(**origin | {"files": _files(origin["files"])}),
            str(entry["key"]),
        )

    def record(self) -> dict[str, Any]:
        """What the model's ``meta.json`` tells of it, whose words need not be told again."""
        entry = dataclasses.asdict(dataclasses.replace(self, vocab=None, origin=None))
        del entry["origin"]
        return entry | {"vocab": None if self.vocab is None else len(self.vocab)}

    def refuse_others(self, given: dict[str, Any]) -> None:
        """Refuse options that differ from those of the job.

        Raises:
            ConfigError: the first one that does.

        """
        ours = self.config.as_dict()
        for name, value in given.items():
            if name not in FREE_OPTIONS and ours.get(name) != value:
                message = (
                    f"cannot change when training resumes: it started with "
                    f"`{name}={ours.get(name)!r}`, got `{name}={value!r}`; omit it, or start over "
                    "with `overwrite=True`"
                )
                raise ConfigError(message, option=name)

    def refuse_changes(self, advice: str = "start anew with --overwrite") -> None:
        """Refuse a corpus that has changed since; a file that is gone is not missed.

        Args:
            advice: what else can be done.

        Raises:
            InputError: the first file that has.

        """
        for file in self.files or []:
            _refuse_change(file, advice)


def _files(entries: Iterable[Any]) -> Files:
    return [Fingerprint(str(path), int(size), int(changed)) for path, size, changed in entries]


def with_free_options(config: Config, options: dict[str, Any]) -> Config:
    """Return the hyper-parameters with those of the options given that change no result."""
    free = {name: options[name] for name in FREE_OPTIONS & options.keys()}
    return dataclasses.replace(config, **free)


def _refuse_change(file: Fingerprint, advice: str) -> None:
    """Refuse a file that has changed; one that is gone is not missed."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        difference = file.difference(Path(file.path).stat())
        if difference is not None:
            message = (
                f"{file.path} has changed since the training began: {difference}; put it back, "
                f"or {advice}"
            )
            raise InputError(message)


def checkpoint_dir(output: Path, work_dir: str | os.PathLike[str] | None) -> Path:
    """Where a job that writes ``output`` keeps what it needs.

    Elsewhere than beside the model, its name tells models of the same name apart by their places.
    """
    beside = output.absolute().parent
    if work_dir is None or os.path.realpath(work_dir) == os.path.realpath(beside):
        return beside / f"{output.name}{SUFFIX}"
    place = os.fsencode(os.path.realpath(beside))
    mark = hashlib.blake2b(place, digest_size=_PLACE_BYTES).hexdigest()
    return Path(work_dir) / f"{output.name}.{mark}{SUFFIX}"


def bytes_in(folder: Path) -> int:
    """Bytes of what a checkpoint holds, which are free again when it is removed.

    It is 0 for none, and for one that may not be looked at, which is refused elsewhere.
    """
    with contextlib.suppress(OSError):
        return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return 0


def is_begun(folder: Path) -> bool:
    """Whether a job was begun there, as far as one may look."""
    return os.path.exists(folder / "job.json")  # noqa: PTH110 - Path.exists is refused sometimes


def state_size(words: int, dim: int) -> int:
    """Bytes that a state of two matrices takes, with what stands around them."""
    return 2 * words * dim * np.dtype(np.float32).itemsize + _AROUND


class Checkpoint:
    """The folder of a job; the process that holds it is the only one at work on the job.

    Raises:
        OutputError: another process holds it, or it cannot be used.
        FormatError: what is in it is not what this version writes.

    """

    def __init__(self, folder: Path, every: float | None) -> None:
        """Take hold of an existing folder.

        Args:
            folder: where.
            every: seconds between two times that the training is kept, None for never.

        """
        self.folder = folder
        self._every = every
        self._kept = time.monotonic()
        self._pause = 0.0
        self._words = 0
        self._dim = 0
        self._lock = _locked(folder)

    @classmethod
    def create(cls, folder: Path, job: TrainingJob, every: float | None) -> Checkpoint:
        """Begin a job, replacing one that stands there only if it may be."""
        if os.path.lexists(folder):
            if not _is_checkpoint(folder):
                message = f"{folder} is in the way and no checkpoint of w2v; move it elsewhere"
                raise OutputError(message)
            if is_begun(folder) and not job.overwrite:
                message = (
                    f"{folder} has an unfinished training in it; go on with it by --resume, "
                    "or drop it with --overwrite"
                )
                raise OutputError(message)
            cls(folder, None).remove()
        _explained_mkdir(folder)
        try:
            checkpoint = cls(folder, every)
        except OutputError:
            with contextlib.suppress(OSError):
                folder.rmdir()
            raise
        try:
            _write_json(folder / "job.json", dataclasses.asdict(job))
        except BaseException:
            checkpoint.remove()
            raise
        return checkpoint

    @property
    def job(self) -> TrainingJob:
        """What is to be done."""
        path = self.folder / "job.json"
        entry = _json(path)
        try:
            vocab = entry["vocab"]
            return TrainingJob.of(entry, None if vocab is None else [str(word) for word in vocab])
        except (LookupError, TypeError, ValueError) as error:
            raise _damaged(path, error) from error

    @property
    def encoded(self) -> Path:
        """An empty folder for the encoded text, which is not complete if it is there already."""
        path = self.folder / "encoded"
        shutil.rmtree(path, ignore_errors=True)
        _explained_mkdir(path)
        return path

    def save_corpus(self, corpus: Corpus) -> None:
        """Keep what was read; its encoded text lies in this folder."""
        entry = {
            "dtype": corpus.text.ids.dtype.name,
            "texts": [[text.words, text.lines] for text in (corpus.text, corpus.held_out)],
            "checksums": [_checksum(text) for text in (corpus.text, corpus.held_out)],
            "words": corpus.vocabulary.words,
            "counts": corpus.vocabulary.counts.tolist(),
            "unknown_count": corpus.unknown_count,
            "report": dataclasses.asdict(corpus.report),
            "tokenizer": corpus.definition.as_dict(),
            "stages": dataclasses.asdict(corpus.times),
        }
        _write_json(self.folder / "corpus.json", entry)

    def corpus(self) -> Corpus | None:
        """What was read, if all of it was."""
        path = self.folder / "corpus.json"
        if not path.exists():
            return None
        entry = _json(path)
        try:
            dtypes: dict[str, type[np.unsignedinteger[Any]]] = {
                "uint16": np.uint16,
                "uint32": np.uint32,
            }
            dtype = dtypes[entry["dtype"]]
            words = check_word_list(entry["words"], "kept", blank=True)
            counts = np.array(entry["counts"], np.int64).reshape(len(words))
            unknown = entry["unknown_count"]
            texts = [
                self._opened_text(name, dtype, *numbers)
                for name, numbers in zip(("text", "held-out"), entry["texts"], strict=True)
            ]
            corpus = Corpus(
                Vocabulary(words, counts),
                None if unknown is None else int(unknown),
                texts[0],
                texts[1],
                CorpusRead(**entry["report"]),
                WordDefinition(**entry["tokenizer"]),
                StageTimes(**entry["stages"]),
            )
        except FormatError:  # of the encoded text
            raise
        except (LookupError, TypeError, ValueError, InputError) as error:
            raise _damaged(path, error) from error
        if [_checksum(text) for text in texts] != entry.get("checksums"):
            raise _damaged(self.folder / "encoded", _WRONG_CHECKSUM)
        rows = len(words) + (corpus.unknown_count is not None)
        if any(_highest(text) >= rows for text in texts):
            raise _damaged(self.folder / "encoded", f"an id above {rows - 1}")
        return corpus

    def _opened_text(
        self, name: str, dtype: type[np.unsignedinteger[Any]], words: int, lines: int
    ) -> EncodedText:
        path = self.folder / "encoded" / name
        try:
            return EncodedText.open(path, dtype, words, lines)
        except (OSError, ValueError) as error:  # ValueError: half an id
            raise _damaged(path, getattr(error, "strerror", None) or "it is cut short") from error

    def prepare(self, words: int, dim: int) -> None:
        """Say how large the matrices are whose training is kept."""
        self._words = words
        self._dim = dim
        self._kept = time.monotonic()
        self._pause = state_size(words, dim) / _BYTES_A_SECOND / _SHARE

    def should_save(self) -> bool:
        """Return whether it is time to save."""
        return self._every is not None and time.monotonic() - self._kept >= max(
            self._every, self._pause
        )

    def save(self, model: Matrices, state: TrainingState) -> None:
        """Save the matrices and the state."""
        if self._every is None:
            return
        started = time.monotonic()
        needed = state_size(self._words, self._dim)
        doing = f"cannot save the checkpoint {self.folder}"
        remedy = "disable checkpoints with `checkpoint_every=0`"
        with writing(doing, self.folder, remedy, needed=needed):
            require_free_space(self.folder, needed, doing, remedy)
            if not self.has_state:
                sync_tree(self.folder / "encoded")
            _write(self.folder / "state", self._state(model, state))
        self._kept = time.monotonic()
        self._pause = (self._kept - started) / _SHARE

    def restore(self, model: Matrices) -> TrainingState:
        """Fill the matrices with what was kept and say how far it is; at first, do neither."""
        path = self.folder / "state"
        if not path.exists():
            return TrainingState()
        try:
            with path.open("rb") as file:
                return self._restore(file, model)
        except (EOFError, LookupError, OSError, TypeError, ValueError) as error:
            raise _damaged(path, error) from error

    @property
    def has_state(self) -> bool:
        """Whether a training was kept, which goes on there."""
        return (self.folder / "state").exists()

    @property
    def keeps(self) -> bool:
        """Whether the training is kept again and again."""
        return self._every is not None

    @property
    def bytes_on_disk(self) -> int:
        """Bytes of the state, which is replaced."""
        return (self.folder / "state").stat().st_size if self.has_state else 0

    @property
    def has_corpus(self) -> bool:
        """Whether the text need not be read again."""
        return (self.folder / "corpus.json").exists()

    def is_resumable_after(self, error: BaseException) -> bool:
        """Whether a job that ended with an error can go on, once its cause is gone."""
        if self.has_state:
            return not isinstance(error, (DivergenceError, VocabularyError))
        stopped = isinstance(error, (KeyboardInterrupt, SystemExit, OutputError))
        return stopped and self._every is not None and self.has_corpus

    def remove(self) -> None:
        """Remove the folder, the job being done or given up."""
        # The job last: as long as it is there, one can tell whether it is done, and redo it.
        for name in ("corpus.json", "state"):
            (self.folder / name).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "encoded", ignore_errors=True)
        (self.folder / "job.json").unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.close()

    @classmethod
    def sweep(cls, folder: Path) -> None:
        """Remove what a process left that was killed before the job was noted, or after its end."""
        if os.path.lexists(folder) and _is_checkpoint(folder):
            cls(folder, None).remove()

    def close(self) -> None:
        """Let go of the folder, which stays."""
        self._lock.close()

    def _state(self, model: Matrices, state: TrainingState) -> Iterator[bytes]:
        """The parts of the file that keeps a training."""
        header = {
            "format_version": VERSION,
            "words": self._words,
            "dim": self._dim,
            "position": _state_entry(state),
        }
        digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
        for part in self._parts(json.dumps(header).encode(), model):
            digest.update(part)
            yield part
        yield digest.digest()

    def _parts(self, header: bytes, model: Matrices) -> Iterator[bytes]:
        yield _MAGIC + len(header).to_bytes(8, "little") + header
        for flat in (model.vectors, model.contexts):
            for part in iter_row_chunks(rows_of(flat, model, self._words, self._dim)):
                yield part.astype("<f4").tobytes()

    def _restore(self, file: IO[bytes], model: Matrices) -> TrainingState:
        digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)

        def read(size: int) -> bytes:
            part = file.read(size)
            if len(part) != size:
                message = "it is cut short"
                raise EOFError(message)
            digest.update(part)
            return part

        if read(len(_MAGIC)) != _MAGIC:
            message = "it does not begin as a state does"
            raise ValueError(message)
        size = int.from_bytes(read(8), "little")
        if size > os.fstat(file.fileno()).st_size:
            message = f"a header of {size} bytes, more than there are"
            raise ValueError(message)
        header = json.loads(read(size))
        found = (header["format_version"], header["words"], header["dim"])
        if found != (VERSION, self._words, self._dim):
            message = f"version, words and dim {found}, not {(VERSION, self._words, self._dim)}"
            raise ValueError(message)
        for flat in (model.vectors, model.contexts):
            for part in iter_row_chunks(rows_of(flat, model, self._words, self._dim)):
                part[:] = np.frombuffer(read(4 * part.size), "<f4").reshape(part.shape)
        expected = digest.digest()
        if file.read(len(expected) + 1) != expected:
            raise ValueError(_WRONG_CHECKSUM)
        return _state_of(header["position"])


def _state_entry(state: TrainingState) -> dict[str, Any]:
    """Return the JSON object of a training state, whose keys differ from its fields."""
    entry = dataclasses.asdict(state)
    stats = entry["stats"]
    return {
        "span": entry["step"],
        "spans": entry["steps"],
        "tally": {"places": stats.pop("positions"), **stats},
        "seconds": entry["seconds"],
        "done": entry["reports"],
    }


def _state_of(entry: dict[str, Any]) -> TrainingState:
    """Return the training state of `_state_entry`."""
    stats = dict(entry["tally"])
    return TrainingState(
        int(entry["span"]),
        int(entry["spans"]),
        EpochStats(positions=stats.pop("places"), **stats),
        float(entry["seconds"]),
        tuple(EpochDone(**report) for report in entry["done"]),
    )


def _locked(folder: Path) -> IO[bytes]:
    with writing(f"cannot use {folder}", folder, _REMEDY):
        return lock_file(folder / "lock")


def _is_checkpoint(folder: Path) -> bool:
    if not folder.is_dir() or folder.is_symlink():
        return False
    with writing(f"cannot use {folder}", folder, _REMEDY):
        names = {entry.name.removesuffix(".new") for entry in folder.iterdir()}
    return {name for name in names if not name.startswith(TEMPORARY_PREFIX)} <= _NAMES


def _explained_mkdir(folder: Path) -> None:
    with writing(f"cannot create {folder}", folder.parent, _REMEDY):
        folder.mkdir()


def _write(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file, whole or not at all."""
    with replace_file(path, path.with_name(path.name + ".new")) as file:
        file.writelines(parts)


def _write_json(path: Path, entry: dict[str, Any]) -> None:
    sealed = {"format_version": VERSION, "checksum": _digest(json.dumps(entry).encode()), **entry}
    data = json.dumps(sealed).encode()
    doing = f"cannot write {path}"
    with writing(doing, path.parent, _REMEDY, needed=len(data)):
        require_free_space(path.parent, len(data), doing, _REMEDY)
        _write(path, [data])


def _json(path: Path) -> dict[str, Any]:
    try:
        if not path.is_file():  # but a device, say, without an end
            raise _damaged(path, "it is no file")
        entry = json.loads(path.read_bytes())
    except OSError as error:
        raise read_error(path, error) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not isinstance(entry, dict):
        raise _damaged(path, "no JSON object")
    if entry.pop("format_version", None) != VERSION:
        message = f"{path} was written by another version of w2v; go on with that one"
        raise FormatError(message)
    if entry.pop("checksum", None) != _digest(json.dumps(entry).encode()):
        raise _damaged(path, _WRONG_CHECKSUM)
    return entry


def _damaged(path: Path, reason: object) -> FormatError:
    return FormatError(f"{path} is damaged ({reason}); start anew with --overwrite")


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def _checksum(text: EncodedText) -> str:
    """The checksum of a text's ids, of which it need not have all in memory."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    for start in range(0, len(text.ids), _IDS_AT_ONCE):
        digest.update(text.ids[start : start + _IDS_AT_ONCE].data)
    return digest.hexdigest()


def _highest(text: EncodedText) -> int:
    """The highest id of a text, whose line ends are higher still."""
    highest = -1
    for start in range(0, len(text.ids), _IDS_AT_ONCE):
        part = text.ids[start : start + _IDS_AT_ONCE]
        words = part[part != text.end_of_line]
        highest = max(highest, int(words.max(initial=0)))
    return highest
