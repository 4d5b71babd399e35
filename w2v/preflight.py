"""What a job needs of memory and disk, held against what there is, before the long work begins."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from w2v.errors import ResourceError
from w2v.sgns import spaced

if TYPE_CHECKING:
    from w2v.config import Config

# Rough figures, on the safe side of what was measured.
_BASE_MEMORY = 200 << 20  # the interpreter, numba and the blocks of text on their way
_WORD_MEMORY = 200  # of each word of the vocabulary: text, count, tables
_WORD_TEXT = 12  # bytes of a word in the written vocabulary
_ENCODED_SHARE = 1.3  # provisional and final ids on disk, for each byte of text: 1.2 in English

_GIGABYTE = 1e9
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
            f"training {words:,} words at dim {config.dim:,} needs {_readable(needed)} of memory, "
            f"but {_readable(available)} are available; lower --dim or --vocab-size"
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
