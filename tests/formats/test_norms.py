"""The file of lengths beside a large matrix: when it is written, and when it must be ignored."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

import w2v
from w2v.errors import FormatError
from w2v.formats import norms

WORDS = [f"w{i}" for i in range(600)] + ["Zoë", "日本"]
MATRIX = np.random.default_rng(5).normal(size=(602, 7)).astype(np.float32)


@pytest.fixture(autouse=True)
def every_model_is_large(monkeypatch):
    monkeypatch.setattr(norms, "LEAST_BYTES", 1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    w2v.Embeddings(WORDS, MATRIX, range(602, 0, -1), unknown=MATRIX[3]).save(tmp_path / "m.w2v")
    return tmp_path / "m.w2v"


def is_used(path):
    return w2v.load(path)._packed is not None


def test_lengths():
    expected = [sum(float(x) ** 2 for x in row) ** 0.5 for row in MATRIX]
    np.testing.assert_allclose(norms.norms_of(MATRIX), expected, rtol=1e-12)
    assert norms.norms_of(MATRIX[:0]).shape == (0,)


def test_unit_rows_leave_zeros():
    matrix = np.array([[3, 4], [0, 0]], np.float32)
    unit = norms.unit_rows(matrix, norms.norms_of(matrix), np.float64)
    assert unit.tolist() == [[0.6, 0.8], [0.0, 0.0]]


def test_a_saved_model_has_the_file_and_reads_as_before(model):
    assert (model / norms.NAME).exists()
    found = w2v.load(model)
    assert found._packed is not None
    assert found.row_of("w7") == 7
    assert "words" not in vars(found)
    assert (found.words, len(found), found.dim) == (WORDS, 602, 7)
    assert (found.matrix == MATRIX).all()
    assert found.counts is not None
    assert found.counts[0] == 602
    assert (found["日本"] == MATRIX[601]).all()
    assert found.layout().unknown_vector == "trained"


def test_small_models_and_other_layouts_have_none(tmp_path, monkeypatch):
    table = w2v.Embeddings(WORDS, MATRIX)
    table.export(tmp_path / "n", "npy", rows="pad")
    assert not is_used(tmp_path / "n")
    monkeypatch.setattr(norms, "LEAST_BYTES", MATRIX.nbytes + 1)
    table.save(tmp_path / "m.w2v")
    w2v.load(tmp_path / "m.w2v")
    assert not list(tmp_path.glob(f"*/{norms.NAME}"))


def test_the_first_reader_writes_it(model):
    (model / norms.NAME).unlink()
    assert not is_used(model)
    assert is_used(model)


def test_equal_models_have_equal_files(model, tmp_path):
    w2v.load(model).save(tmp_path / "other.w2v")
    assert (model / norms.NAME).read_bytes() == (tmp_path / "other.w2v" / norms.NAME).read_bytes()


def rewrite(path: Path, change) -> None:
    """Change a file, but not its time of change."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


def flip(place):
    def change(data):
        data[place] ^= 1

    return change


@pytest.mark.parametrize("place", [0, 12, 17, 24, 33, 36, 40, 44, -1])
def test_a_damaged_file_is_ignored_and_replaced(model, place):
    rewrite(model / norms.NAME, flip(place))
    assert not is_used(model)
    assert is_used(model)


@pytest.mark.parametrize("size", [0, 10, 44, 100])
def test_a_truncated_file_is_ignored(model, size):
    rewrite(model / norms.NAME, lambda data: data.__delitem__(slice(size, None)))
    assert not is_used(model)


def test_the_file_of_another_matrix_is_ignored(model):
    os.utime(model / "embeddings.npy")
    assert not is_used(model)
    rewrite(model / "embeddings.npy", flip(-1))  # with the same time of change
    assert not is_used(model)


def test_the_file_of_other_words_is_ignored(model):
    rewrite(model / "vocab.txt", lambda data: data.__setitem__(slice(0, 2), b"v0"))
    assert "v0" in w2v.load(model)
    rewrite(model / "vocab.txt", lambda data: data.__setitem__(slice(0, 2), b"w1"))
    with pytest.raises(FormatError, match="words must be distinct"):
        w2v.load(model)


def test_a_copy_without_times_is_computed_again(model, tmp_path):
    shutil.copytree(model, tmp_path / "copy.w2v", copy_function=shutil.copyfile)
    os.utime(tmp_path / "copy.w2v" / norms.NAME, ns=(0, 0))
    assert not is_used(tmp_path / "copy.w2v")
    shutil.copytree(model, tmp_path / "same.w2v")
    assert is_used(tmp_path / "same.w2v")


def test_a_directory_that_cannot_be_written_is_no_error(model, monkeypatch):
    (model / norms.NAME).unlink()

    def refuse(*_arguments, **_options):
        raise PermissionError

    monkeypatch.setattr(os, "utime", refuse)  # works for root, too
    assert not is_used(model)
    assert sorted(path.name for path in model.iterdir()) == [
        *("counts.npy", "embeddings.npy", "meta.json", "unknown.npy", "vocab.txt"),
    ]


def test_counts_are_still_checked(model):
    np.save(model / "counts.npy", np.full(602, -1))
    assert (model / norms.NAME).exists()
    with pytest.raises(FormatError, match=r"m\.w2v: counts must not be negative"):
        w2v.load(model)


def test_a_model_with_the_file_can_be_replaced(model):
    (model / f".{norms.NAME}.0123").touch()  # as a killed process leaves it
    w2v.Embeddings(["a"], [[1.0, 2.0]]).save(model, overwrite=True)
    assert w2v.load(model).words == ["a"]
