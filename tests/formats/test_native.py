"""The model directory: its files, and the rejection of damaged ones."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from samples import SMALL
from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import FormatError
from w2v.formats import native


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    counted = Embeddings(SMALL.words, SMALL.matrix, [5, 4, 3, 2, 1], {"note": "é"})
    counted.save(tmp_path / "m.w2v")
    return tmp_path / "m.w2v"


def test_files_of_a_model(directory):
    assert sorted(path.name for path in directory.iterdir()) == [
        "counts.npy",
        "embeddings.npy",
        "meta.json",
        "vocab.txt",
    ]
    matrix = np.load(directory / "embeddings.npy", allow_pickle=False)
    counts = np.load(directory / "counts.npy", allow_pickle=False)
    assert (matrix.dtype.str, matrix.flags.c_contiguous) == ("<f4", True)
    assert matrix.tobytes() == SMALL.matrix.tobytes()
    assert (counts.dtype.str, counts.tolist()) == ("<i8", [5, 4, 3, 2, 1])
    assert (directory / "vocab.txt").read_bytes() == "the\nZoë's\n日本\n<unk>\n0.5\n".encode()
    assert (directory / "meta.json").read_bytes() == (
        '{\n  "note": "é",\n  "format_version": 1\n}\n'.encode()
    )


def test_counts_and_meta_survive_a_round_trip(directory):
    back = load(directory)
    assert back.counts is not None
    assert back.counts.tolist() == [5, 4, 3, 2, 1]
    assert back.meta == {"note": "é"}


def test_words_may_contain_spaces_and_unusual_line_breaks(tmp_path):
    words = ["New York", "a\r", "b\u2028c", "d\x0be", "\x85"]
    Embeddings(words, np.eye(5)).save(tmp_path / "m")
    assert load(tmp_path / "m").words == words


def test_words_with_a_line_feed_are_rejected(tmp_path):
    with pytest.raises(FormatError, match=r"'b\\nc' contains a line break"):
        Embeddings(["a", "b\nc"], np.eye(2)).save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["embeddings.npy", "vocab.txt", "counts.npy", "meta.json"])
def test_truncated_files_are_rejected(name, directory):
    data = (directory / name).read_bytes()
    for end in range(len(data) - (name == "meta.json")):  # the last line end is optional
        (directory / name).write_bytes(data[:end])
        with pytest.raises(FormatError, match=re.escape(name)):
            load(directory)


@pytest.mark.parametrize("name", ["embeddings.npy", "vocab.txt", "meta.json"])
def test_the_error_names_a_missing_file(name, directory):
    (directory / name).unlink()
    with pytest.raises(FormatError, match=f"m.w2v is not a model directory: it has no {name}"):
        load(directory)


@pytest.mark.parametrize(
    ("name", "data", "finding"),
    [
        (
            "vocab.txt",
            b"a\nb\n",
            "vocab.txt has 2 words, embeddings.npy 5 rows, counts.npy 5 counts",
        ),
        (
            "vocab.txt",
            b"a\nb\nc\nd\na\n",
            "m.w2v: words must be distinct, but words 0 and 4 are 'a'",
        ),
        ("vocab.txt", b"a\nb\n\nd\ne\n", "m.w2v: word 2 must be a non-empty string"),
        ("vocab.txt", b"a\nb\n\xff\nd\ne\n", "vocab.txt, line 3: expected UTF-8"),
        ("meta.json", b"[]", "meta.json: expected a JSON object, got a list"),
        ("meta.json", b'{"a": "\xff"}', "meta.json: expected JSON in UTF-8"),
        ("meta.json", b"[" * 100_000, "meta.json: expected JSON in UTF-8"),
        (
            "meta.json",
            b'{"format_version": 2}',
            "version 1 of the format, got version 2; use a newer w2v",
        ),
    ],
)
def test_inconsistent_files_are_rejected(name, data, finding, directory):
    (directory / name).write_bytes(data)
    with pytest.raises(FormatError, match=finding):
        load(directory)


def test_inconsistent_counts_are_rejected(directory):
    np.save(directory / "counts.npy", np.arange(4))
    with pytest.raises(FormatError, match=r"embeddings\.npy 5 rows, counts\.npy 4 counts"):
        load(directory)
    np.save(directory / "counts.npy", np.arange(5.0))
    with pytest.raises(FormatError, match=r"counts\.npy: expected an array of 1 axes of int64"):
        load(directory)


def test_nan_is_rejected(directory):
    np.save(directory / "embeddings.npy", np.full((5, 2), np.nan, np.float32))
    with pytest.raises(
        FormatError, match=r"m\.w2v: vectors must be finite.* of word 0, 'the', contains NaN"
    ):
        load(directory)


def test_meta_may_change_after_the_other_files_are_written(tmp_path):
    embeddings = Embeddings(["a"], [[1.0]], [3], meta={"x": 1})
    with native.new_model(embeddings, tmp_path / "m"):
        (directory,) = tmp_path.iterdir()
        written = sorted(path.name for path in directory.iterdir())
        embeddings.meta["x"] = 2
    assert written == ["counts.npy", "embeddings.npy", "vocab.txt"]
    assert native.read(tmp_path / "m").meta == {"x": 2}


def test_the_other_files_are_on_disk_before_meta_is_written(monkeypatch, tmp_path):
    synced = set()
    fsync = os.fsync

    def record(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    with native.new_model(Embeddings(["a"], [[1.0]], [3]), tmp_path / "m"):
        (directory,) = tmp_path.iterdir()
        assert {path.stat().st_ino for path in directory.iterdir()} <= synced


def test_no_file_remains_after_an_error_in_the_block(tmp_path):
    with pytest.raises(RuntimeError), native.new_model(Embeddings(["a"], [[1.0]]), tmp_path / "m"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
