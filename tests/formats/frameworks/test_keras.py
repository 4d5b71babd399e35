"""The directory for Keras, without Keras, and the common features of the formats keras and hf.

tests/frameworks has the tests that use Keras.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import FormatError, InputError, MissingExtraError
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
