"""How much memory this process holds, and how much more it may take.

What there is, is the least of what the machine has free, what control groups leave to this process
(containers, services and batch systems limit memory by them) and its own limit (``ulimit -v``).
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
# What tells of a group's memory: its limit, its use, and of these the files that the system keeps
# but would give up; in the second version of control groups, and in the first.
_FILES = (
    ("memory.max", "memory.current", ("active_file", "inactive_file")),
    (
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        ("total_active_file", "total_inactive_file"),
    ),
)


def held_memory() -> int | None:
    """Bytes that this process holds and no file backs, None where nobody can tell."""
    return _entry(_PROCESS / "status", "RssAnon:")


def available_memory() -> int | None:
    """Bytes of memory that this process may still take, None where nobody can tell."""
    limits = [_system_memory(), *map(_left_in, _control_groups()), _left_to_process()]
    known = [limit for limit in limits if limit is not None]
    return min(known) if known else None


def _system_memory() -> int | None:
    available = _entry(Path("/proc/meminfo"), "MemAvailable:")
    if available is None and "SC_PHYS_PAGES" in os.sysconf_names:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return available


def _entry(path: Path, name: str) -> int | None:
    """Bytes that a file of the system gives under a name, in kilobytes."""
    for line in (_text(path) or "").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None


def _control_groups() -> Iterator[Path]:
    """The folders of the groups that may limit this process: its own, and all above them."""
    for line in (_text(_PROCESS / "cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in {"", "memory"}:
            top = _CONTROL_GROUPS / controllers
            # In a container its own group is at the top, whatever it is called outside.
            own = top / path.lstrip("/")
            yield from (group for group in (own, *own.parents) if group.is_relative_to(top))


def _left_in(group: Path) -> int | None:
    """Bytes that a group leaves; files that the system keeps in memory count as free."""
    for limit_name, used_name, cached_names in _FILES:
        limit, used = (_text(group / name) for name in (limit_name, used_name))
        if limit is None or used is None or limit.strip() == "max":
            continue
        lines = (_text(group / "memory.stat") or "").splitlines()
        sizes = dict(line.split(maxsplit=1) for line in lines)
        cached = sum(int(sizes.get(name, 0)) for name in cached_names)
        return max(0, int(limit) - int(used) + cached)
    return None


def _left_to_process() -> int | None:
    """Bytes of addresses that the process has left, if these are limited."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    taken = _entry(_PROCESS / "status", "VmSize:")
    if limit == resource.RLIM_INFINITY or taken is None:
        return None
    return max(0, limit - taken)


def _text(path: Path) -> str | None:
    """What stands in a file of the system, None if there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")  # names are any bytes
    except OSError:
        return None
