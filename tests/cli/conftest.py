"""Fixtures of the command-line tests."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import w2v
from commands import TEXT
from support import JIT, names


@pytest.fixture(autouse=True)
def directory(tmp_path, monkeypatch) -> Iterator[Path]:
    """Run in a directory that contains text.txt; temporary files go to tmp/ in it."""
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    if not JIT:  # 64-bit integers overflow with a warning
        monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    handler = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, handler)
    assert names(tmp_path / "tmp") == [], "temporary files are left"


@pytest.fixture
def model() -> str:
    """A model whose results can be computed by hand."""
    words = ["king", "queen", "man", "woman", "apple"]
    matrix = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1], [-1, 0, 0]], np.float32)
    meta = {"tokenizer": {"name": "unicode", "lowercase": True}}
    w2v.Embeddings(words, matrix, np.array([9, 8, 7, 6, 5]), meta).save("hand.w2v")
    return "hand.w2v"
