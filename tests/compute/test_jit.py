"""Kernels and the cache of their machine code."""

from __future__ import annotations

import os
import subprocess
import sys

import numba
import pytest

from w2v.compute.jit import is_cached, kernel

KERNEL = """
from w2v.compute.jit import kernel

@kernel
def added(x: int) -> int:
    return x + {}
"""
CALL = """
import errno, os, sys
from numba.core import caching
import own

def refuse(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

if sys.argv[1:]:
    caching.IndexDataCacheFile._save_data = refuse
print(own.added(1))
"""


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is kept without the compiler")
def test_machine_code_for_which_there_is_no_room_leaves_no_older_one_behind(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}

    def result(number: int, *full: str) -> str:
        (tmp_path / "own.py").write_text(KERNEL.format(number))
        done = subprocess.run(
            [sys.executable, "-c", CALL, *full],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.stderr == ""
        return done.stdout.strip()

    assert result(1) == "2"
    assert result(1000, "full") == "1001"
    assert result(1000) == "1001"


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is kept without the compiler")
def test_it_is_known_whether_machine_code_is_there(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    def add_one(number: int) -> int:
        return number + 1

    function = kernel(add_one)
    assert not is_cached(function)
    function(1)
    assert is_cached(function)
    assert is_cached(add_one)  # plain Python needs none
    assert not is_cached(numba.njit(add_one))  # it is compiled every time
