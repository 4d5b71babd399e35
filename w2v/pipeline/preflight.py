"""Checks of a run against memory and disk, so that it fails early rather than after hours.

Each check is made twice. Before the corpus is read, its vocabulary is unknown, so the first check
uses upper bounds of what the file sizes allow. Compressed files and streams may hold more.
The second check, after reading, uses the real vocabulary.
"""

from __future__ import annotations

import dataclasses
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2v.compute.jit import is_cached
from w2v.config import AUTO
from w2v.corpus.scanning import may_be_read_by_workers
from w2v.errors import ResourceError
from w2v.pipeline.checkpoint import checkpoint_size
from w2v.system.disk import format_bytes, require_free_space, writing
from w2v.system.memory import available_memory, used_memory
from w2v.text.sources import FileSource
from w2v.training.memory import training_memory
from w2v.training.sgns.kernel import train_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.config import Config
    from w2v.pipeline.arguments import Directories
    from w2v.pipeline.spec import TrainingJob
    from w2v.text.sources import TextSource

# Measured sizes in bytes.
_BASE_MEMORY = 90_000_000  # the interpreter, its packages and the compiled kernels
_READING_MEMORY = 10_000_000  # per thread: blocks of text and of ids in flight
_READING_SHARE = 2.5  # per byte of a text that is smaller than these blocks
_TYPES_MEMORY = 3_000  # for the distinct words, times the square root of the text (Heaps 1978)
_PHRASE_MEMORY = 450_000_000  # for the pairs of words, at most
_PHRASE_SHARE = 2.0  # the same, per byte of text
_COMPILING_MEMORY = 130_000_000  # the compiler, if the kernels are not cached
_WORD_MEMORY = 100  # per word of the vocabulary, in training and saving
_BYTES_PER_WORD = 6  # of text
_UNKNOWN_TEXT_BYTES = 1 << 40
_WORD_FILE_BYTES = 12  # per word in the saved vocabulary
_WORD_CHECKPOINT_BYTES = 40  # per word in corpus.json: text and count
_POSITIONS_PER_BYTE = 0.22  # words and line ends per byte of text; 0.2 in English
_OVERHEAD = 128 << 10  # metadata, and the last partial page of each file


@dataclass(frozen=True)
class Preflight:
    """The checks of one run.

    Attributes:
        job: the job of the run.
        directories: where it writes.
        checkpoints: whether it saves checkpoints.

    """

    job: TrainingJob
    directories: Directories
    checkpoints: bool

    def before_reading(self, source: TextSource) -> None:
        """Check the upper bounds of memory and disk space.

        An existing checkpoint is replaced, so its size does not count.

        Raises:
            ResourceError: there is too little memory or disk space.

        """
        words = max_words(self.job, source.total_bytes)
        check_memory(words, self.job.config, text_bytes=source.total_bytes)
        checkpoint = self.directories.checkpoint
        check_disk(
            self.job.config,
            self.directories,
            words=words,
            text_bytes=0 if reads_on_workers(self.job, source) else source.total_bytes,
            checkpoints=self.checkpoints,
            replaced=0 if checkpoint is None else checkpoint_size(checkpoint),
        )

    def after_reading(self, words: int, counts: NDArray[np.int64], state_bytes: int | None) -> None:
        """Check what the vocabulary needs, now that it is known.

        Args:
            words: the size of the vocabulary.
            counts: of the rows: the words and, if they are trained, the unknown words.
            state_bytes: the size of a saved state, which the next one replaces; None without a
                checkpoint, when nothing more is written.

        Raises:
            ResourceError: there is too little memory or disk space.

        """
        check_memory(words, self.job.config, counts=counts)
        if state_bytes is not None:
            check_disk(
                self.job.config,
                self.directories,
                words=len(counts),
                text_bytes=None,
                checkpoints=self.checkpoints,
                replaced=state_bytes,
            )


def reads_on_workers(job: TrainingJob, source: TextSource) -> bool:
    """Return whether the workers of a cluster read a corpus, whose ids then lie on their disks."""
    config = job.config
    phrases = config.phrases or (job.origin is not None and job.origin.phrases)
    return (
        config.ray is not None
        and isinstance(source, FileSource)
        and may_be_read_by_workers(source)
        and not phrases
        and config.segmenter is None
    )


def max_words(job: TrainingJob, text_bytes: int | None) -> int:
    """Return an upper bound of the vocabulary before the corpus is read.

    An occurrence of a word takes at least two bytes of text, with its separator. Compressed files
    may hold more text than their size, and the size of a stream is unknown; the check after reading
    covers these.
    """
    given = len(job.vocab or [])
    if job.vocab is not None and not job.extend:
        return given
    if text_bytes is None:
        return max(given, 1)
    in_text = text_bytes // (2 * job.config.min_count) + 1
    return max(given, min(job.config.vocab_size, given + in_text))


def check_memory(
    words: int,
    config: Config,
    *,
    text_bytes: int | None = None,
    counts: NDArray[np.int64] | None = None,
) -> None:
    """Check that training fits into memory; the arguments are those of `memory_needed`.

    Raises:
        ResourceError: with the memory needed and available.

    """
    held = used_memory() or 0
    needed = memory_needed(words, config, text_bytes=text_bytes, counts=counts)
    available = available_memory()
    if available is not None and needed - held > available:
        number, remedy = f"{words:,} words", "lower `dim` or `vocab_size`"
        if counts is None:
            number = f"up to {number}"
            remedy += ", which may be more than the corpus has"
        message = (
            f"training {number} at dim {config.dim:,} needs {format_bytes(needed)} of memory, but "
            f"{format_bytes(available + held)} are available; {remedy}"
        )
        raise ResourceError(message)


def memory_needed(
    words: int,
    config: Config,
    *,
    text_bytes: int | None = None,
    counts: NDArray[np.int64] | None = None,
) -> int:
    """Return the bytes of memory that this process holds at the peak of training.

    Before the corpus is read, the memory for distinct words outside the vocabulary is an estimate.
    Afterwards it is part of the memory that the process holds.

    Args:
        words: the size of the vocabulary, or an upper bound.
        config: the hyper-parameters.
        text_bytes: the size of the corpus, or None if unknown.
        counts: of the rows: the words and, if they are trained, the unknown words. None before the
            corpus is read.

    """
    if config.ray is not None:  # the workers have the replicas
        config = dataclasses.replace(
            config,
            deterministic=False,
            shards=None,
            rounds=AUTO,
            ray=None,
            workers=None,
            allow_mixed=False,
        )
    held = used_memory() or 0
    pairs = 0  # of words, in tables that are released before training
    if counts is None:
        held = max(held, _BASE_MEMORY) + _reading_memory(text_bytes, config)
        held += 0 if is_cached(train_words) else _COMPILING_MEMORY
        text_bytes = _UNKNOWN_TEXT_BYTES if text_bytes is None else text_bytes
        counts = _typical_counts(words, text_bytes // _BYTES_PER_WORD)
        if config.phrases:
            pairs = min(_PHRASE_MEMORY, round(_PHRASE_SHARE * text_bytes))
    return held + max(pairs, _WORD_MEMORY * words + training_memory(counts, config))


def memory_of_process(text_bytes: int, counts: NDArray[np.int64], config: Config) -> int:
    """Return the bytes of memory of a process that reads a text and trains, and holds no more.

    Args:
        text_bytes: the size of the text.
        counts: of the words of the vocabulary.
        config: the hyper-parameters.

    """
    held = _BASE_MEMORY + _reading_memory(text_bytes, config)
    return held + _WORD_MEMORY * len(counts) + training_memory(counts, config)


def _reading_memory(text_bytes: int | None, config: Config) -> int:
    """Return the bytes for blocks of text, and for distinct words if the size is known."""
    types = 0 if text_bytes is None else round(_TYPES_MEMORY * math.sqrt(text_bytes))
    text_bytes = _UNKNOWN_TEXT_BYTES if text_bytes is None else text_bytes
    return types + min(_READING_MEMORY * config.thread_count, round(_READING_SHARE * text_bytes))


def _typical_counts(words: int, total: int) -> NDArray[np.int64]:
    """Return counts that follow the law of Zipf and Mandelbrot (1953), each at least 1."""
    shares = 1 / (np.arange(words) + 2.7) ** 1.1
    counts: NDArray[np.int64] = np.ceil(total / shares.sum() * shares).astype(np.int64) + 1
    return counts


def check_disk(
    config: Config,
    directories: Directories,
    *,
    words: int,
    text_bytes: int | None,
    checkpoints: bool,
    replaced: int = 0,
) -> None:
    """Check that all files of a run fit on the disk.

    Args:
        config: the hyper-parameters.
        directories: where the run writes. Without an output, it writes the encoded corpus only.
        words: the number of rows, or an upper bound.
        text_bytes: the size of the corpus that is still to be read, or None if unknown. It is the
            compressed size of compressed files, for the other is unknown before they are read.
        checkpoints: whether the run saves checkpoints.
        replaced: bytes of existing files in the work directory that the run removes or replaces.

    Raises:
        DiskFullError: with the space needed and available.
        OutputError: a directory does not exist any more.

    """
    work = directories.work
    reading = _reading_bytes(words, text_bytes)
    if directories.output is None:
        _require_space(work, reading, "the encoded text", "work_dir")
        return
    parent = Path(os.path.realpath(directories.output)).parent
    model = _model_bytes(words, config)
    if directories.file is not None:
        model += directories.file.estimate_size(words, config.dim)
    state = _matrix_bytes(words, config) if checkpoints else 0
    corpus = _encoded_bytes(words, text_bytes) + _WORD_CHECKPOINT_BYTES * words + _OVERHEAD
    files = "the checkpoint and the encoded text" if checkpoints else "the encoded text"
    if _is_one_disk(parent, work):
        # A new state is written beside the last one, which still exists when the model is saved.
        needed = max(reading, corpus + state + max(state, model))
        files = f"the model, {files}" if checkpoints else f"the model and {files}"
        options = ["output", "work_dir"]
    else:
        needed = max(reading, corpus + 2 * state)
        _require_space(parent, model, "the model", "output")
        options = ["work_dir"]
    _require_space(work, needed - replaced, files, *options, checkpoints=checkpoints)


def _require_space(
    directory: Path, needed: int, files: str, *options: str, checkpoints: bool = False
) -> None:
    remedy = f"choose another directory with {' or '.join(f'`{name}`' for name in options)}"
    if checkpoints:
        remedy += ", or disable checkpoints with `checkpoint_every=0`"
    require_free_space(directory, needed, f"cannot store {files}", remedy)


def _is_one_disk(parent: Path, work: Path) -> bool:
    with writing(f"cannot write to {parent} and {work}", parent):  # one may be gone by now
        return parent.stat().st_dev == work.stat().st_dev


def _matrix_bytes(words: int, config: Config) -> int:
    return 2 * 4 * config.dim * words


def _model_bytes(words: int, config: Config) -> int:
    return _matrix_bytes(words, config) + (8 + _WORD_FILE_BYTES) * words + _OVERHEAD


def _encoded_bytes(words: int, text_bytes: int | None) -> int:
    narrow = words < np.iinfo(np.uint16).max
    return round((2 if narrow else 4) * _POSITIONS_PER_BYTE * (text_bytes or 0))


def _reading_bytes(words: int, text_bytes: int | None) -> int:
    """Return the bytes while reading: provisional 32-bit ids, and then the final ones beside."""
    provisional = round(4 * _POSITIONS_PER_BYTE * (text_bytes or 0))
    return provisional + _encoded_bytes(words, text_bytes) + _OVERHEAD
