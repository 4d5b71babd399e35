"""A cache of kernels that is damaged, or cannot be written, costs time and nothing else."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import w2v
from compute.helpers import DAMAGES, compiles, new_kernel
from support import JIT, change_owner, unprivileged
from w2v.compute import jit, kernel_files
from w2v.compute.jit import cache_directory, is_cached

pytestmark = pytest.mark.skipif(not JIT, reason="nothing is cached without the compiler")

TEXT = "some words and other words\n" * 9
COMMANDS = {
    "vocab": ["vocab", "text.txt", "--min-count", "1"],
    "encode": ["encode", "model", "text.txt", "-o", "ids.npy", "--overwrite"],
    "train": [
        *["train", "text.txt", "-o", "trained", "--overwrite", "--quiet", "--threads", "1"],
        *["--dim", "8", "--epochs", "1", "--min-count", "1", "--sample", "0"],
    ],
}


@pytest.fixture
def cache(tmp_path) -> Path:
    """A copy of the cache, in which all kernels are."""
    original = cache_directory()
    assert original is not None
    cache = tmp_path / "cache" / kernel_files.directory_name(Path(w2v.__file__).parent)
    shutil.copytree(
        original, cache, ignore=lambda _, names: [n for n in names if "kernel" not in n]
    )
    return cache


def run(command: str, folder: Path) -> list[object]:
    """Run a command in a process; return its output and the array that it writes."""
    done = subprocess.run(
        [sys.executable, "-m", "w2v", *COMMANDS[command]],
        cwd=folder,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder / "cache")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    arrays = [path.read_bytes() for path in (folder / "ids.npy", folder / "trained" / "matrix.npy")
              if path.exists()]  # fmt: skip
    return [done.stdout, *arrays]


def times(cache: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in cache.iterdir()}


@pytest.mark.parametrize(
    ("command", "damages"),
    [
        ("vocab", list(DAMAGES.values())),
        pytest.param("vocab", list(DAMAGES.values())[::-1], marks=pytest.mark.exhaustive),
        pytest.param("train", list(DAMAGES.values())[::-1], marks=pytest.mark.exhaustive),
        pytest.param("encode", [DAMAGES["middle zeroed"]], marks=pytest.mark.exhaustive),
    ],
    ids=["quick kernels", "vocab", "train", "encode with broken machine code"],
)
def test_damaged_cache_is_replaced(command, damages, cache, tmp_path, request):
    slow = ["train_words"]  # which takes ten seconds to compile
    slow += ["tokenizer._split"] if "quick kernels" in request.node.name else []
    (tmp_path / "text.txt").write_text(TEXT)
    model = w2v.Embeddings(["some", "words"], np.eye(2, dtype=np.float32))
    model.meta["tokenizer"] = {"name": "unicode", "lowercase": True}
    model.save(tmp_path / "model")
    before = times(cache)
    expected = run(command, tmp_path)
    assert times(cache) == before
    for path, damage in zip(sorted(cache.iterdir()), cycle(damages), strict=False):
        if not any(name in path.name for name in slow):
            damage(path)
    assert run(command, tmp_path) == expected
    after = times(cache)
    assert after != before
    assert run(command, tmp_path) == expected
    assert times(cache) == after


# Directories that cannot be written, for a user without rights


@pytest.fixture
def place(monkeypatch) -> Iterator[Path]:
    """A directory with a package and a home that are read-only."""
    place = Path(tempfile.mkdtemp())
    for name in ("package", "home", "tmp", "locked"):
        (place / name).mkdir()
    change_owner(place)
    for name in ("package", "home", "locked"):
        (place / name).chmod(0o555)
    monkeypatch.setattr(jit, "_package_directory", lambda _: place / "package")
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(kernel_files, "_TEMPORARY", str(place / "locked"))
    monkeypatch.setenv("HOME", str(place / "home"))
    monkeypatch.setenv("TMPDIR", str(place / "tmp"))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    yield place
    for name in ("package", "home", "locked"):
        (place / name).chmod(0o755)
    shutil.rmtree(place)


def compile_twice() -> dict[str, Any]:
    """Compile a kernel as two processes do, and describe what happened."""
    return {
        "compiles": [compiles(new_kernel()) for _ in range(2)],
        "is_cached": is_cached(new_kernel()),
        "directory": str(cache_directory()),
    }


def test_read_only_package_and_home_use_a_private_temporary_directory(place):
    done = unprivileged(compile_twice)
    assert done["compiles"] == [True, False]
    assert done["is_cached"]
    (private,) = (place / "tmp").iterdir()
    assert private.name.startswith("w2v-numba-")
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert Path(done["directory"]).parent == private


def test_without_any_writable_directory_each_run_compiles(place):
    (place / "tmp").chmod(0o555)
    done = unprivileged(compile_twice)
    assert done == {"compiles": [True, True], "is_cached": False, "directory": "None"}
    (place / "tmp").chmod(0o755)


def test_configured_directory_is_used_where_no_other_is_writable(place, monkeypatch):
    (place / "tmp").chmod(0o555)
    (place / "configured").mkdir()
    change_owner(place / "configured")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(place / "configured"))
    done = unprivileged(compile_twice)
    assert done["compiles"] == [True, False]
    assert Path(done["directory"]).parent == place / "configured"
    (place / "tmp").chmod(0o755)


def test_read_only_cache_of_the_superuser_is_used(place):
    """As in an image whose kernels are compiled when it is built."""
    assert compiles(new_kernel())  # in the package, as this user may write there
    assert unprivileged(compile_twice)["compiles"] == [False, False]


def test_unreadable_file_is_replaced(place):
    def compile_again() -> list[bool]:
        first = compiles(new_kernel())
        for path in place.rglob("*.kernel"):
            path.chmod(0)
        return [first, compiles(new_kernel()), compiles(new_kernel())]

    assert unprivileged(compile_again) == [True, True, False]
