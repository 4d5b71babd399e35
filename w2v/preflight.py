"""What a job needs of memory and disk, held against what there is, before the long work begins."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2v.disk import check_space, readable, refusal
from w2v.errors import ResourceError
from w2v.sgns import spaced

if TYPE_CHECKING:
    from w2v.config import Config

# Rough figures, on the safe side of what was measured.
_BASE_MEMORY = 200 << 20  # the interpreter, numba and the blocks of text on their way
_WORD_MEMORY = 200  # of each word of the vocabulary: text, count, tables
_WORD_TEXT = 12  # bytes of a word in the written vocabulary
_WORD_KEPT = 40  # in what a checkpoint tells of it: text, count
_PLACES = 0.22  # words and line ends for each byte of text: 0.2 in English
_AROUND = 128 << 10  # what is noted beside words and numbers, and the rest of each file's last page

_CONTROL_GROUP = Path("/sys/fs/cgroup")


def check_memory(words: int, config: Config) -> None:
    """Refuse a model that does not fit into memory.

    Args:
        words: of the vocabulary, or as many as it may have.
        config: whose dim counts.

    Raises:
        ResourceError: with the memory needed and the memory available.

    """
    needed = memory_needed(words, config)
    available = available_memory()
    if available is not None and needed > available:
        message = (
            f"training {words:,} words at dim {config.dim:,} needs {readable(needed)} of memory, "
            f"but {readable(available)} are available; lower --dim or --vocab-size"
        )
        raise ResourceError(message)


def memory_needed(words: int, config: Config) -> int:
    """Bytes of memory that training takes at its peak: two matrices, and the result's copy."""
    numbers = words * (2 * spaced(config.dim) + config.dim)
    return _BASE_MEMORY + 4 * numbers + _WORD_MEMORY * words


def available_memory() -> int | None:
    """Bytes of memory that this process may still take, None where nobody can tell."""
    limits = [_system_memory(), _control_group_memory()]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _system_memory() -> int | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        if "SC_PHYS_PAGES" in os.sysconf_names:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _control_group_memory() -> int | None:
    """Find what a container is limited to; files that the system caches count as free."""
    try:
        limit, used, details = (
            (_CONTROL_GROUP / name).read_text(encoding="ascii").strip()
            for name in ("memory.max", "memory.current", "memory.stat")
        )
    except OSError:
        return None
    if limit == "max":
        return None
    sizes = dict(line.split(maxsplit=1) for line in details.splitlines())
    cached = sum(int(sizes.get(name, 0)) for name in ("active_file", "inactive_file"))
    return max(0, int(limit) - int(used) + cached)


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
        NoRoomError: with the space needed and the space there is.
        OutputError: one of the folders is gone.

    """
    place = Path(work_dir)
    if output is None:
        check_space(place, _reading(words, text_bytes), "the encoded text", _remedy("--work-dir"))
        return
    parent = Path(os.path.realpath(output)).parent
    model, state = _model(words, config), _matrices(words, config) if checkpoints else 0
    text = _encoded(words, text_bytes) + _WORD_KEPT * words + _AROUND
    what = "the checkpoint and the encoded text" if checkpoints else "the encoded text"
    options = ["--output", "--work-dir"]
    if _on_one_disk(parent, place):
        # A new state is written beside the last one, which is there while the model is written.
        work = max(_reading(words, text_bytes), text + state + max(state, model))
        what = f"the model, {what}" if checkpoints else f"the model and {what}"
    else:
        work = max(_reading(words, text_bytes), text + 2 * state)
        check_space(parent, model, "the model", _remedy(options.pop(0)))
    check_space(place, work - there, what, _remedy(*options, checkpoints=checkpoints))


def _on_one_disk(*folders: Path) -> bool:
    try:
        return len({folder.stat().st_dev for folder in folders}) == 1
    except OSError as error:  # one has gone meanwhile
        raise refusal(f"cannot write to {error.filename}", error, folders[0]) from error


def _remedy(*options: str, checkpoints: bool = False) -> str:
    without = ", or go without checkpoints by --checkpoint-every 0" if checkpoints else ""
    return f"choose another place with {' or '.join(options)}{without}"


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
