"""Memory: the use of this process, and what is available to it.

The available memory is the minimum of the free memory of the machine, the limits of control groups
(which containers, services and batch systems use), and the limit of the process (``ulimit -v``).
"""

from __future__ import annotations

import os
import resource
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROCESS = Path("/proc/self")
_CONTROL_GROUPS = Path("/sys/fs/cgroup")
# Files of a control group: the limit, the use, and entries of memory.stat for cached files, which
# the system can evict. First of version 2, then of version 1.
_FILES = (
    ("memory.max", "memory.current", ("active_file", "inactive_file")),
    (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_active_file", "total_inactive_file"),
    ),
)


def used_memory() -> int | None:
    """Return the bytes of anonymous memory that this process uses, or None if unknown."""
    return _entry(_PROCESS / "status", "RssAnon:")


def available_memory() -> int | None:
    """Return the bytes of memory that this process can still allocate, or None if unknown."""
    limits = [_system_memory(), *map(_free_in_group, _control_groups()), _free_address_space()]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _system_memory() -> int | None:
    available = _entry(Path("/proc/meminfo"), "MemAvailable:")
    if available is None and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return available


def _entry(path: Path, name: str) -> int | None:
    """Return an entry in kilobytes of a system file, in bytes."""
    for line in (_text(path) or "").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None


def _control_groups() -> Iterator[Path]:
    """Yield the directories of the control groups of this process, and of their parents."""
    for line in (_text(_PROCESS / "cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in {"", "memory"}:
            top = _CONTROL_GROUPS / controllers
            # In a container, the group of the container is at the top, under any name.
            own = top / path.lstrip("/")
            yield from (group for group in (own, *own.parents) if group.is_relative_to(top))


def _free_in_group(group: Path) -> int | None:
    """Return the free bytes of a group; cached files count as free."""
    for limit_name, used_name, cached_names in _FILES:
        limit, used = (_text(group / name) for name in (limit_name, used_name))
        if limit is None or used is None or limit.strip() == "max":
            continue
        lines = (_text(group / "memory.stat") or "").splitlines()
        sizes = dict(line.split(maxsplit=1) for line in lines)
        cached = sum(int(sizes.get(name, 0)) for name in cached_names)
        return max(0, int(limit) - int(used) + cached)
    return None


def _free_address_space() -> int | None:
    """Return the free bytes of the address space, if it is limited."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = _entry(_PROCESS / "status", "VmSize:")
    if limit == resource.RLIM_INFINITY or taken is None:
        return None
    return max(0, limit - taken)


def _text(path: Path) -> str | None:
    """Return the text of a system file, or None if it does not exist."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")  # names are any bytes
    except OSError:
        return None
