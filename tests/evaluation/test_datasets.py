"""The evaluation sets in the package: they are what was published, and their origin is stated."""

from __future__ import annotations

import hashlib
import lzma
from pathlib import Path

import pytest

import w2v.evaluation
from w2v.errors import FormatError
from w2v.evaluation.datasets import BUNDLED
from w2v.evaluation.questions import AnalogySet, PairSet

SETS = Path(w2v.evaluation.__file__).parent / "sets"
BY_FILE = {data.file: data for data in BUNDLED}


def test_the_files_are_the_published_ones():
    assert {path.name for path in SETS.glob("*.xz")} == {f"{name}.xz" for name in BY_FILE}
    # The checksums that other projects, too, record for these files.
    published = {
        "google-analogies.txt": "fa92df4bbe788f2d51827c762c63bd8e470edf31",
        "wordsim-353-similarity.txt": "4845df518a83c8f7c527439590ed7e4c71916a99",
        "wordsim-353-relatedness.txt": "c36c5dc5ebea9964f4f43e2c294cd620471ab1b8",
    }
    for name, data in BY_FILE.items():
        content = lzma.decompress((SETS / f"{name}.xz").read_bytes())
        assert hashlib.sha256(content).hexdigest() == data.sha256
        if name in published:
            assert hashlib.sha1(content, usedforsecurity=False).hexdigest() == published[name]


def test_the_readme_states_the_origin_of_each_file():
    readme = (SETS / "README.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in readme.splitlines()
        if line.startswith("| ") and ".txt" in line
    ]
    assert rows == [[d.file, d.source, d.citation, d.licence, d.sha256] for d in BUNDLED]
    assert {data.licence for data in BUNDLED} == {"Apache-2.0", "CC-BY-4.0"}
    assert "Version 2.0, January 2004" in (SETS / "LICENSE-Apache-2.0.txt").read_text()


def test_the_sets_have_their_sizes():
    google, wordsim, *halves = [data.read() for data in BUNDLED]
    assert isinstance(google, AnalogySet)
    assert len(google.sections) == 14
    assert sum(len(section.questions) for section in google.sections) == 19_544
    assert all(isinstance(each, PairSet) for each in (wordsim, *halves))
    assert [len(each.pairs) for each in (wordsim, *halves)] == [353, 203, 252]
    parts = {pair for half in halves for pair in half.pairs}
    # One of the two rows of money and cash is in neither half.
    assert set(wordsim.pairs) - parts == {("money", "cash", 9.08)}
    assert parts < set(wordsim.pairs)


@pytest.mark.parametrize("content", [b"", b"\xfd7zXZ\0 but no more", lzma.compress(b"a b 1\n")])
def test_a_damaged_set_is_found(content, tmp_path, monkeypatch):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "wordsim-353.txt.xz").write_bytes(content)
    monkeypatch.setattr("w2v.evaluation.datasets.resources.files", lambda _: tmp_path)
    with pytest.raises(FormatError, match=r"wordsim-353\.txt is damaged; install w2v again"):
        BY_FILE["wordsim-353.txt"].read()


def test_case_is_kept_if_asked_for():
    words = {
        word for pair in BY_FILE["wordsim-353.txt"].read(lower=False).pairs for word in pair[:2]
    }
    assert {"Jerusalem", "FBI"} <= words
