"""The directory and the files for the examples of the documentation."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from support import KJV

NAMES = ["David", "Solomon", "Abraham", "Jerusalem", "king", "In the beginning"]


@pytest.fixture(scope="session")
def example_text() -> str:
    """Lines of the sample text that contain the words of the examples."""
    lines = KJV.read_text(encoding="utf-8").splitlines()
    chosen = {line for name in NAMES for line in islice((x for x in lines if name in x), 300)}
    return "\n".join(sorted(chosen)) + "\n"


@pytest.fixture
def example_directory(example_text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to a directory with a sample text and small files of the other kinds."""
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "kjv.txt").write_text(example_text, encoding="utf-8")
    (tmp_path / "new.txt").write_text(example_text * 2, encoding="utf-8")
    (tmp_path / "verses.txt").write_text("In the beginning\nthe king said\n", encoding="utf-8")
    views = "".join(f"s{i // 4},item{i % 7}\n" for i in range(400))
    (tmp_path / "views.csv").write_text(f"session,item\n{views}", encoding="utf-8")
    (tmp_path / "questions-words.txt").write_text(": names\nking david king solomon\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path
