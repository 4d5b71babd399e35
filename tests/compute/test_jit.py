"""Compiled kernels and the cache of their machine code."""

from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numba
import pytest

from compute.helpers import DAMAGES, compiles, new_kernel
from support import ROOT
from w2v.compute import jit, kernel_files
from w2v.compute.jit import KernelCache, cache_directory, inlined, is_cached


@pytest.fixture(autouse=True)
def compiler(monkeypatch) -> None:
    """Compile kernels even where those of the package run as plain Python."""
    monkeypatch.setattr(numba.config, "DISABLE_JIT", 0)


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    """An empty directory that is configured as the cache."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def files_in(directory: Path) -> list[Path]:
    return sorted(path for path in directory.rglob("*") if path.is_file())


@pytest.fixture
def file(cache) -> Path:
    """The file of a kernel that was compiled."""
    assert compiles(new_kernel())
    assert not compiles(new_kernel())
    return files_in(cache)[0]


def test_numba_uses_the_cache_of_this_package(file):
    """If this fails, numba has changed what `KernelCache` relies on."""
    assert KernelCache.of(new_kernel()) is not None
    assert file.suffix == kernel_files.SUFFIX
    assert new_kernel().stats.cache_path == str(file.parent)


def test_inlined_functions_have_no_files(cache):
    assert compiles(new_kernel())
    assert len(files_in(cache)) == 1
    assert KernelCache.of(inlined(lambda x: x)) is None


@pytest.mark.parametrize(
    "damage", ["empty", "cut in half", "zeros", "random bytes", "bit of the payload", "directory"]
)
def test_damaged_file_is_replaced(damage, file):
    DAMAGES[damage](file)
    assert compiles(new_kernel())
    assert not compiles(new_kernel())
    assert file.is_file()
    assert not list(file.parent.glob("*.tmp"))


class Gone:
    """A class that is missing when a file is loaded."""


@pytest.mark.parametrize("content", [Gone(), (), (1, 2, 3), None])
def test_file_with_unexpected_content_is_replaced(content, cache, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(jit, "dumps", lambda _: pickle.dumps(content))
        assert compiles(new_kernel())
    monkeypatch.delattr(sys.modules[__name__], "Gone")
    assert compiles(new_kernel())
    assert not compiles(new_kernel())


def test_file_of_another_user_is_not_loaded(file, monkeypatch):
    monkeypatch.setattr(KernelCache, "_owners", lambda _: frozenset({os.geteuid() + 1}))
    assert compiles(new_kernel())


def test_owners_are_the_user_the_superuser_and_the_owner_of_the_source():
    cache = KernelCache.of(new_kernel())
    assert cache._owners() == {0, os.geteuid(), Path(__file__).stat().st_uid}


def test_kernel_without_a_writable_directory_is_compiled_each_time(tmp_path, monkeypatch):
    nowhere = kernel_files.Directories((tmp_path / "nowhere",), None)
    monkeypatch.setattr(kernel_files, "find_directories", lambda *_: nowhere)
    assert compiles(new_kernel())
    assert compiles(new_kernel())
    assert cache_directory() is None
    assert not is_cached(new_kernel())


def test_kernel_in_a_read_only_directory_is_loaded(file, tmp_path, monkeypatch):
    directories = kernel_files.Directories((file.parent, tmp_path / "other"), tmp_path / "other")
    monkeypatch.setattr(kernel_files, "find_directories", lambda *_: directories)
    assert not compiles(new_kernel())
    file.unlink()
    assert compiles(new_kernel())
    assert [path.parent.name for path in files_in(tmp_path)] == ["other"]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), PermissionError()])
def test_kernel_that_cannot_be_saved_is_used(error, cache, monkeypatch):
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(kernel_files.os, "open", fail)
        assert compiles(new_kernel())
    assert files_in(cache) == []


def test_missing_sources_disable_the_cache(cache, monkeypatch):
    def fail() -> bytes:
        raise FileNotFoundError

    monkeypatch.setattr(jit.fingerprint, "_package_digest", fail)
    assert compiles(new_kernel())
    assert compiles(new_kernel())
    assert not is_cached(new_kernel())
    assert files_in(cache) == []


def test_is_cached(file):
    assert is_cached(new_kernel())
    assert is_cached(lambda: None)  # plain Python needs no machine code
    assert not is_cached(inlined(lambda x: x))
    file.write_bytes(file.read_bytes()[::-1])
    assert not is_cached(new_kernel())
    file.unlink()
    assert not is_cached(new_kernel())


def test_cache_directory_is_that_of_the_package(cache):
    package = ROOT / "w2v"
    assert cache_directory() == cache / kernel_files.directory_name(package)


# Changes of sources, in a copy of the package

KERNEL = """
from w2v.compute.jit import kernel
from w2v import helper
from w2v.constant import NUMBER

@kernel
def result(x: int) -> int:
    return helper.helped(x) + NUMBER
"""
HELPER = """
from numba import types
from numba.extending import intrinsic
from w2v.compute.jit import inlined

@intrinsic
def times_ten(context, x):
    def code(context, builder, signature, values):
        return builder.mul(values[0], values[0].type(10))
    return types.int64(types.int64), code

@inlined
def helped(x: int) -> int:
    return times_ten(x) + 2
"""
RUN = """
from w2v.caller import result
print(result(1), sum(result.stats.cache_misses.values()))
"""


@pytest.fixture
def package(tmp_path) -> Path:
    """A copy of the package, with a kernel that uses a helper, an intrinsic and a constant."""
    package = tmp_path / "w2v"
    shutil.copytree(ROOT / "w2v", package, ignore=shutil.ignore_patterns("__pycache__"))
    (package / "caller.py").write_text(KERNEL)
    (package / "helper.py").write_text(HELPER)
    (package / "constant.py").write_text("NUMBER = 4\n")
    return package


def run(package: Path) -> tuple[int, int]:
    """Call the kernel in a new process; return its result and how often it was compiled."""
    environment = {
        **os.environ,
        "NUMBA_CACHE_DIR": str(package.parent / "cache"),
        "NUMBA_DISABLE_JIT": "0",
        "PYTHONPATH": str(package.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=package.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""
    value, misses = map(int, done.stdout.split())
    return value, misses


def edit(path: Path, old: str, new: str) -> None:
    """Change the content of a file but neither its size nor its dates."""
    before = path.stat()
    text = path.read_text()
    assert text.count(old) == 1
    assert len(old) == len(new)
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.slow
def test_kernel_is_compiled_again_when_anything_it_uses_has_changed(package):
    assert run(package) == (16, 1)
    edit(package / "helper.py", "times_ten(x) + 2", "times_ten(x) + 3")
    assert run(package) == (17, 1)
    edit(package / "helper.py", "type(10)", "type(20)")
    assert run(package) == (27, 1)
    edit(package / "constant.py", "NUMBER = 4", "NUMBER = 5")
    assert run(package) == (28, 1)
    edit(package / "caller.py", "+ NUMBER", "- NUMBER")
    assert run(package) == (18, 1)


@pytest.mark.slow
def test_kernel_is_not_compiled_again_for_other_changes(package):
    assert run(package) == (16, 1)
    (package / "events.py").write_text("# Nothing that a kernel uses.")
    for path in package.rglob("*.py"):
        os.utime(path, (0, 0))
    assert run(package) == (16, 0)


@pytest.mark.slow
def test_processes_may_compile_at_the_same_time(package, tmp_path):
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(run, [package] * 2))
    assert [value for value, _ in done] == [16, 16]
    assert [path.suffix for path in files_in(tmp_path / "cache")] == [kernel_files.SUFFIX]
