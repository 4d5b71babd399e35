"""What a job needs of memory and disk, held against what there is, before the long work begins."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2v.errors import ResourceError
from w2v.memory import available_memory, held_memory
from w2v.trainer import training_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.config import Config

# Bytes, as they were measured.
_BASE_MEMORY = 90_000_000  # the interpreter, its packages and the compiled kernels
_READING_MEMORY = 10_000_000  # of each thread: blocks of text and of ids on their way
_READING_SHARE = 2.5  # of each byte of text, if it has fewer blocks
_READ_WORD_MEMORY = 150  # of each word, where it was read
_WORD_MEMORY = 100  # of each word, where it is trained and written
_BYTES_A_WORD = 6  # of text
_LONG_TEXT = 1 << 40  # bytes
_WORD_TEXT = 12  # bytes of a word in the written vocabulary
_ENCODED_SHARE = 1.3  # provisional and final ids on disk, for each byte of text: 1.2 in English

_GIGABYTE = 1e9


def check_memory(
    words: int,
    config: Config,
    *,
    text_bytes: int | None = None,
    counts: NDArray[np.int64] | None = None,
) -> None:
    """Refuse a model that does not fit into memory.

    Args:
        words: of the vocabulary, or as many as it may have.
        config: the hyper-parameters.
        text_bytes: of the corpus, None if unknown.
        counts: of the words, when the text was read.

    Raises:
        ResourceError: with the memory needed and the memory available.

    """
    held = held_memory() or 0
    needed = memory_needed(words, config, text_bytes=text_bytes, counts=counts)
    available = available_memory()
    if available is not None and needed - held > available:
        number = f"{words:,} words" if counts is not None else f"up to {words:,} words"
        message = (
            f"training {number} at dim {config.dim:,} needs {_readable(needed)} of memory, but "
            f"{_readable(available + held)} are available; lower --dim or --vocab-size"
        )
        raise ResourceError(message)


def memory_needed(
    words: int,
    config: Config,
    *,
    text_bytes: int | None = None,
    counts: NDArray[np.int64] | None = None,
) -> int:
    """Bytes of memory that this process will hold at the peak of training.

    Before the text is read, nobody knows how many words it has besides those of the vocabulary, so
    what reading leaves behind is a rough figure; afterwards it is there to be seen.

    Args:
        words: of the vocabulary, or as many as it may have.
        config: the hyper-parameters.
        text_bytes: of the corpus, None if unknown.
        counts: of the words, and last of unknown words if they are trained as one; None before the
            text is read.

    """
    held = held_memory() or 0
    if counts is None:
        text_bytes = _LONG_TEXT if text_bytes is None else text_bytes
        blocks = min(_READING_MEMORY * config.thread_count, round(_READING_SHARE * text_bytes))
        held = max(held, _BASE_MEMORY) + blocks + _READ_WORD_MEMORY * words
        counts = _likely_counts(words, text_bytes // _BYTES_A_WORD)
    return held + _WORD_MEMORY * words + training_memory(counts, config)


def _likely_counts(words: int, total: int) -> NDArray[np.int64]:
    """Return counts as words of a language have them (Mandelbrot 1953), each at least 1."""
    shares = 1 / (np.arange(words) + 2.7)
    counts: NDArray[np.int64] = np.ceil(total / shares.sum() * shares).astype(np.int64) + 1
    return counts


def check_disk(
    config: Config,
    *,
    words: int,
    output: str | os.PathLike[str] | None,
    work_dir: str | os.PathLike[str],
    text_bytes: int | None,
) -> None:
    """Refuse a job whose files do not fit on the disk.

    Args:
        config: whose dim counts.
        words: of the vocabulary, or as many as it may have.
        output: where the model goes, None for nowhere.
        work_dir: where the encoded corpus goes.
        text_bytes: of the corpus, None if unknown. Of compressed files, what they take as they
            are: how much text they hold is not known before they are read.

    Raises:
        ResourceError: with the space needed and the space there is.

    """
    model = (2 * 4 * config.dim + 8 + _WORD_TEXT) * words if output is not None else 0
    encoded = round(_ENCODED_SHARE * (text_bytes or 0))
    parent = Path(output).absolute().parent if output is not None else Path(work_dir)
    if parent.stat().st_dev == Path(work_dir).stat().st_dev:
        check_space(parent, model + encoded, "the model and the encoded corpus")
    else:
        check_space(parent, model, "the model")
        check_space(Path(work_dir), encoded, "the encoded corpus")


def check_space(
    folder: Path, needed: int, purpose: str, options: str = "--output or --work-dir"
) -> None:
    """Refuse to write ``needed`` bytes where there is no room for them; ``options`` may help.

    Raises:
        ResourceError: with the space needed and the space there is.

    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        message = (
            f"there is no room for {purpose} in {folder}: up to {_readable(needed)} are needed, "
            f"but {_readable(free)} are free; make room, or choose another place with {options}"
        )
        raise ResourceError(message)


def _readable(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size < _GIGABYTE / 10 else f"{size / _GIGABYTE:,.2f} GB"
