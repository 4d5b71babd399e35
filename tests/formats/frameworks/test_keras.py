"""The directory for Keras, without Keras, and the common features of the formats keras and hf.

tests/frameworks has the tests that use Keras.
"""

from __future__ import annotations

import io
import json
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import FormatError, InputError, MissingExtraError
from w2v.formats.frameworks import keras
from w2v.formats.layout import Layout
from w2v.formats.registry import FORMATS

ROWS = Layout("pad+unk", "zeros")
MATRIX = np.arange(1, 13, dtype=np.float32).reshape(4, 3)
UNICODE = {"name": "unicode", "lowercase": True}
META = {
    "tokenizer": UNICODE,
    "corpus": {"tokens": 40},
    "config": {"window": 2, "odd": "``` \n# x"},
    "epochs": [{"loss": 2.0}, {"loss": 1.25}],
}
EMBEDDINGS = Embeddings(["the", "king's", "日", "<unk>"], MATRIX, [5, 4, 3, 2], META)


@pytest.mark.parametrize(("name", "missing"), [("hf", "safetensors"), ("keras", "keras")])
def test_the_error_names_the_missing_package(name, missing, tmp_path, monkeypatch):
    for module in [missing, *(name for name in sys.modules if name.startswith(f"{missing}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"format {name} .*pip install 'w2v\[{missing}\]'"):
        FORMATS[name].write(EMBEDDINGS, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def minimal_directory(name: str, path: Path) -> Path:
    """Create a directory with the files of a format, all empty except meta.json."""
    path.mkdir()
    for file in FORMATS[name].signature_files:
        (path / file).touch()
    (path / "meta.json").write_text(json.dumps({"rows": ROWS.as_dict()}))
    return path


def test_reading_keras_needs_h5py(tmp_path, monkeypatch):
    directory = minimal_directory("keras", tmp_path / "x")
    (directory / "vocab.txt").write_text("a\n")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"format keras .*pip install 'w2v\[keras\]'"):
        load(directory)


@pytest.mark.parametrize("name", ["hf", "keras"])
def test_other_directories_are_rejected(name, tmp_path):
    read = FORMATS[name].read
    with pytest.raises(InputError, match="nowhere: there is no such directory; check the path"):
        read(tmp_path / "nowhere")
    directory = minimal_directory(name, tmp_path / "x")
    (directory / "meta.json").write_text("{}")
    with pytest.raises(FormatError, match=r"meta\.json: expected a layout under 'rows', got n"):
        read(directory)
    for mark in FORMATS[name].signature_files:
        (directory / mark).unlink()
        with pytest.raises(FormatError, match=f"not a {name} directory: it has no {mark}"):
            read(directory)
        (directory / mark).touch()


def test_words_with_a_carriage_return_are_rejected(tmp_path):
    with pytest.raises(
        FormatError, match=r"'a\\rb' contains a carriage return, which Keras removes"
    ):
        FORMATS["keras"].write(Embeddings(["a\rb"], [[1.0]]), tmp_path / "x")


def template(path: Path, dim: int, attributes: dict[str, str]) -> None:
    """Write a file like one that Keras saves, of a model of one row."""
    h5py = pytest.importorskip("h5py")
    config = {"name": "embedding", "input_dim": 1, "output_dim": dim}
    layer = {"class_name": "Embedding", "config": config}
    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_dataset("layers/embedding/vars/0", data=np.zeros((1, dim), np.float32))
        file["layers/embedding"].attrs.update(attributes)
        file.create_group("optimizer")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", b"{}")
        layers = [{"class_name": "InputLayer"}, layer]
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
        archive.writestr("model.weights.h5", weights.getvalue())


@pytest.mark.parametrize(("words", "dim"), [(1, 1), (3, 2), (5000, 40)])
def test_rows_are_written_into_the_model_of_one_row(words, dim, tmp_path):
    h5py = pytest.importorskip("h5py")
    matrix = np.random.default_rng(4).normal(size=(words, dim)).astype(np.float32)
    table = Embeddings([f"w{i}" for i in range(words)], matrix, unknown=matrix[0])
    layout = table.layout("pad+unk")
    template(tmp_path / "template.keras", dim, {"note": "é"})
    for name in ("one.keras", "other.keras"):
        keras._write_with_rows(tmp_path / "template.keras", tmp_path / name, table, layout)
    assert (tmp_path / "one.keras").read_bytes() == (tmp_path / "other.keras").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.keras") as archive:
        assert archive.testzip() is None
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            stored = file["layers/embedding/vars/0"]
            assert (stored.dtype, stored.chunks) == (np.float32, None)
            assert (stored[()] == table.matrix_for("pad+unk")).all()
            assert file["layers/embedding"].attrs["note"] == "é"
            assert "optimizer" in file
    read = keras._read_matrix(tmp_path / "one.keras", words + 2)
    assert (read == table.matrix_for("pad+unk")).all()
    assert read.flags.writeable


def test_a_damaged_byte_of_the_rows_is_found(tmp_path):
    pytest.importorskip("h5py")
    table = Embeddings(["a", "b"], np.full((2, 3), 7.0))
    template(tmp_path / "template.keras", 3, {})
    path = tmp_path / "one.keras"
    keras._write_with_rows(tmp_path / "template.keras", path, table, table.layout("none"))
    data = bytearray(path.read_bytes())
    data[data.index(np.float32(7).tobytes())] ^= 1
    path.write_bytes(data)
    with pytest.raises(FormatError, match=r"one\.keras: expected a \.keras file, got BadZipFile"):
        keras._read_matrix(path, 2)
