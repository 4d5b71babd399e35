"""The available memory: of the machine, of control groups, of the process."""

from __future__ import annotations

import mmap
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from w2v.system import memory

MB = 1 << 20


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Simulate control groups and the free memory of the machine."""

    def pretend(free: int | None, groups: str, **files: str) -> None:
        (tmp_path / "cgroup").write_text(groups)
        for name, content in files.items():
            group, _, name = name.rpartition("__")
            path = tmp_path / "groups" / group.replace("__", "/") / f"memory.{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        monkeypatch.setattr(memory, "_PROCESS", tmp_path)
        monkeypatch.setattr(memory, "_CONTROL_GROUPS", tmp_path / "groups")
        monkeypatch.setattr(memory, "_system_memory", lambda: free)

    return pretend


VERSION_2 = "0::/\n"  # as seen within a container
VERSION_1 = "7:cpu,cpuacct:/jobs/9\n4:memory:/jobs/9\n0::/\n"


def test_this_machine_has_available_memory():
    available = memory.available_memory()
    assert available is None or 10**6 < available < 10**15


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_used_memory_counts_written_pages():
    before = memory.used_memory()
    # From the system: an allocator may reuse pages that were freed but not returned.
    array = np.frombuffer(mmap.mmap(-1, 50 * MB, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), np.uint8)
    array[:] = 1
    grown = memory.used_memory() - before
    assert 0.9 * len(array) < grown < 1.2 * len(array)


@pytest.mark.parametrize("free", [None, 3000])
def test_a_container_may_have_less_memory_than_the_machine(free, system):
    system(free, VERSION_2, max="1000\n", current="600\n", stat="anon 400\n")
    assert memory.available_memory() == 400


def test_a_container_may_have_more_memory_than_is_free_on_the_machine(system):
    system(100, VERSION_2, max="1000\n", current="600\n", stat="anon 400\n")
    assert memory.available_memory() == 100


def test_cached_files_count_as_free(system):
    stat = "inactive_file 300\nactive_file 50\nslab 7\n"
    system(None, VERSION_2, max="1000\n", current="990\n", stat=stat)
    assert memory.available_memory() == 360


def test_a_container_over_its_limit_has_no_memory(system):
    system(None, VERSION_2, max="1000\n", current="1200\n", stat="anon 1200\n")
    assert memory.available_memory() == 0


def test_a_container_without_limit_has_the_memory_of_the_machine(system):
    system(3000, VERSION_2, max="max\n", current="600\n", stat="anon 400\n")
    assert memory.available_memory() == 3000


@pytest.mark.parametrize(("own", "above"), [(700, 500), (500, 700)])
def test_the_lowest_limit_of_a_group_and_its_parents_applies(own, above, system):
    system(
        3000,
        "0::/slice/job\n",
        slice__job__max=f"{own}\n",
        slice__job__current="100\n",
        slice__max=f"{above}\n",
        slice__current="100\n",
    )
    assert memory.available_memory() == 400


def test_version_1_control_groups_limit_memory(system):
    system(
        3000,
        VERSION_1,
        memory__jobs__9__limit_in_bytes="1000\n",
        memory__jobs__9__usage_in_bytes="900\n",
        memory__jobs__9__stat="inactive_file 1\ntotal_inactive_file 250\n",
        memory__limit_in_bytes="9223372036854771712\n",
        memory__usage_in_bytes="5000\n",
    )
    assert memory.available_memory() == 350


def test_without_control_groups_there_is_no_limit(system):
    system(None, "")
    assert memory.available_memory() is None


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_the_address_space_limit_applies():
    statement = "from w2v.system.memory import available_memory; print(available_memory())"
    limit = 1 << 30
    done = subprocess.run(
        [sys.executable, "-c", statement],
        capture_output=True,
        text=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )
    assert limit / 2 < int(done.stdout) < limit


def test_without_proc_all_memory_counts_as_available(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "_text", lambda path: None)
    assert memory.used_memory() is None
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert memory.available_memory() == total


def test_available_memory_is_read_from_the_system(monkeypatch, tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 9 kB\nMemFree: 1 kB\nMemAvailable: 5 kB\n")
    text = memory._text
    monkeypatch.setattr(memory, "_text", lambda path: text(tmp_path / path.name))
    assert memory._system_memory() == 5 * 1024


def test_names_of_processes_and_groups_may_be_invalid_utf8(monkeypatch, tmp_path):
    (tmp_path / "status").write_bytes(b"Name:\tw\xf6rter\nRssAnon:\t 7 kB\n")
    (tmp_path / "cgroup").write_bytes(b"0::/gr\xfcn\n")
    group = tmp_path / "groups" / os.fsdecode(b"gr\xfcn")
    group.mkdir(parents=True)
    (group / "memory.max").write_text("1000\n")
    (group / "memory.current").write_text("600\n")
    monkeypatch.setattr(memory, "_PROCESS", tmp_path)
    monkeypatch.setattr(memory, "_CONTROL_GROUPS", tmp_path / "groups")
    monkeypatch.setattr(memory, "_system_memory", lambda: 3000)
    assert memory.used_memory() == 7 * 1024
    assert memory.available_memory() == 400
