"""What a job needs of memory and disk, held against what there is, before the long work begins."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2v.compute.jit import is_cached
from w2v.errors import ResourceError
from w2v.system.disk import format_bytes, require_free_space, write_error
from w2v.system.memory import available_memory, used_memory
from w2v.training.memory import training_memory
from w2v.training.sgns.kernel import train_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.config import Config

# Bytes, as they were measured.
_BASE_MEMORY = 90_000_000  # the interpreter, its packages and the compiled kernels
_READING_MEMORY = 10_000_000  # of each thread: blocks of text and of ids on their way
_READING_SHARE = 2.5  # of each byte of text, if it has fewer blocks
_MET_WORDS_MEMORY = 3_000  # of the words met in a text, times the root of its bytes (Heaps 1978)
_COMPILING_MEMORY = 130_000_000  # of the compiler, if the kernels are not in its cache
_WORD_MEMORY = 100  # of each word, where it is trained and written
_BYTES_A_WORD = 6  # of text
_LONG_TEXT = 1 << 40  # bytes
_WORD_TEXT = 12  # bytes of a word in the written vocabulary
_WORD_KEPT = 40  # in what a checkpoint tells of it: text, count
_PLACES = 0.22  # words and line ends for each byte of text: 0.2 in English
_AROUND = 128 << 10  # what is noted beside words and numbers, and the rest of each file's last page


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
    held = used_memory() or 0
    needed = memory_needed(words, config, text_bytes=text_bytes, counts=counts)
    available = available_memory()
    if available is not None and needed - held > available:
        number, remedy = f"{words:,} words", "lower --dim or --vocab-size"
        if counts is None:
            number, remedy = f"up to {number}", f"{remedy}, which may be more than the text has"
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
    held = used_memory() or 0
    if counts is None:
        met = 0 if text_bytes is None else round(_MET_WORDS_MEMORY * math.sqrt(text_bytes))
        text_bytes = _LONG_TEXT if text_bytes is None else text_bytes
        blocks = min(_READING_MEMORY * config.thread_count, round(_READING_SHARE * text_bytes))
        compiling = 0 if is_cached(train_words) else _COMPILING_MEMORY
        held = max(held, _BASE_MEMORY) + blocks + met + compiling
        counts = _likely_counts(words, text_bytes // _BYTES_A_WORD)
    return held + _WORD_MEMORY * words + training_memory(counts, config)


def _likely_counts(words: int, total: int) -> NDArray[np.int64]:
    """Return counts as words of a language have them (Mandelbrot 1953), each at least 1."""
    shares = 1 / (np.arange(words) + 2.7) ** 1.1
    counts: NDArray[np.int64] = np.ceil(total / shares.sum() * shares).astype(np.int64) + 1
    return counts


def check_disk(
    config: Config,
    *,
    words: int,
    output: str | os.PathLike[str] | None,
    work_dir: str | os.PathLike[str],
    text_bytes: int | None,
    checkpoints: bool,
    there: int = 0,
) -> None:
    """Refuse a job whose files do not fit on the disk.

    Args:
        config: whose dim counts.
        words: of the vocabulary, or as many as it may have.
        output: where the model goes, None for nowhere.
        work_dir: where the encoded text goes, and with an output the checkpoint.
        text_bytes: of the corpus that is still to be read, None if unknown. Of compressed files,
            what they take as they are: how much text they hold is not known before they are read.
        checkpoints: whether the training is kept, if it has an output.
        there: bytes in the checkpoint's place already, which are replaced or removed.

    Raises:
        DiskFullError: with the space needed and the space there is.
        OutputError: one of the folders is gone.

    """
    place = Path(work_dir)
    if output is None:
        _require(place, _reading(words, text_bytes), "the encoded text", _remedy("work_dir"))
        return
    parent = Path(os.path.realpath(output)).parent
    model, state = _model(words, config), _matrices(words, config) if checkpoints else 0
    text = _encoded(words, text_bytes) + _WORD_KEPT * words + _AROUND
    what = "the checkpoint and the encoded text" if checkpoints else "the encoded text"
    options = ["output", "work_dir"]
    if _on_one_disk(parent, place):
        # A new state is written beside the last one, which is there while the model is written.
        work = max(_reading(words, text_bytes), text + state + max(state, model))
        what = f"the model, {what}" if checkpoints else f"the model and {what}"
    else:
        work = max(_reading(words, text_bytes), text + 2 * state)
        _require(parent, model, "the model", _remedy(options.pop(0)))
    _require(place, work - there, what, _remedy(*options, checkpoints=checkpoints))


def _require(directory: Path, needed: int, files: str, remedy: str) -> None:
    require_free_space(directory, needed, f"cannot store {files}", remedy)


def _on_one_disk(*directories: Path) -> bool:
    try:
        return len({directory.stat().st_dev for directory in directories}) == 1
    except OSError as error:  # one has been removed meanwhile
        raise write_error(f"cannot write to {error.filename}", error, directories[0]) from error


def _remedy(*options: str, checkpoints: bool = False) -> str:
    without = ", or disable checkpoints with `checkpoint_every=0`" if checkpoints else ""
    return f"choose another directory with {' or '.join(f'`{name}`' for name in options)}{without}"


def _matrices(words: int, config: Config) -> int:
    return 2 * 4 * config.dim * words


def _model(words: int, config: Config) -> int:
    """Bytes of a model's folder."""
    return _matrices(words, config) + (8 + _WORD_TEXT) * words + _AROUND


def _encoded(words: int, text_bytes: int | None) -> int:
    """Bytes of a text's ids."""
    narrow = words < np.iinfo(np.uint16).max
    return round((2 if narrow else 4) * _PLACES * (text_bytes or 0))


def _reading(words: int, text_bytes: int | None) -> int:
    """Bytes that reading takes: provisional ids of 32 bits, and then the final ones."""
    return round(4 * _PLACES * (text_bytes or 0)) + _encoded(words, text_bytes) + _AROUND
