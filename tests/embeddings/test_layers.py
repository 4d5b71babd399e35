"""Embedding layers, with stand-ins for Keras and PyTorch.

tests/frameworks has the tests with the frameworks themselves.
"""

from __future__ import annotations

import logging
import re
import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError, MissingExtraError

MATRIX = np.arange(1, 7, dtype=np.float32).reshape(2, 3)
EMBEDDINGS = Embeddings(["a", "b"], MATRIX)


@pytest.fixture
def keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for Keras; its layers record their arguments."""

    def embedding(*shape: int, **options: Any) -> dict[str, Any]:
        return {"shape": shape, **options}

    module = SimpleNamespace(layers=SimpleNamespace(Embedding=embedding))
    monkeypatch.setitem(sys.modules, "keras", module)


@pytest.fixture
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for PyTorch; its layers record their arguments."""

    def from_pretrained(matrix: Any, **options: Any) -> dict[str, Any]:
        return {"matrix": matrix, **options}

    embedding = SimpleNamespace(from_pretrained=from_pretrained)
    module = SimpleNamespace(nn=SimpleNamespace(Embedding=embedding), from_numpy=np.asarray)
    monkeypatch.setitem(sys.modules, "torch", module)


@pytest.mark.usefixtures("keras")
def test_keras_layers_have_the_matrix_and_mask_padding():
    layer = EMBEDDINGS.keras_layer()
    assert (layer["shape"], layer["trainable"], layer["mask_zero"]) == ((4, 3), False, True)
    assert layer["weights"][0].tolist() == EMBEDDINGS.matrix_for().tolist()
    assert EMBEDDINGS.keras_layer(rows="none")["mask_zero"] is False


@pytest.mark.usefixtures("keras")
def test_keras_layers_accept_further_options():
    layer = EMBEDDINGS.keras_layer(trainable=True, rows="pad", mask_zero=False, name="words")
    assert (layer["shape"], layer["trainable"]) == ((3, 3), True)
    assert (layer["mask_zero"], layer["name"]) == (False, "words")


@pytest.mark.usefixtures("torch")
def test_torch_layers_have_the_matrix_and_a_padding_index():
    layer = EMBEDDINGS.torch_layer()
    assert (layer["freeze"], layer["padding_idx"]) == (True, 0)
    assert layer["matrix"].tolist() == EMBEDDINGS.matrix_for().tolist()
    assert EMBEDDINGS.torch_layer(rows="none")["padding_idx"] is None
    assert EMBEDDINGS.torch_layer(trainable=True)["freeze"] is False


@pytest.mark.usefixtures("keras", "torch")
def test_invalid_layouts_are_rejected():
    for make in (EMBEDDINGS.keras_layer, EMBEDDINGS.torch_layer):
        with pytest.raises(ConfigError, match="rows must be one of none, pad, pad"):
            make(rows="padding")
        with pytest.raises(ConfigError, match="no trained vector for unknown words"):
            make(unk="trained")


@pytest.mark.usefixtures("keras", "torch")
@pytest.mark.parametrize("unused", ["no", 1, None, []])
def test_trainable_is_a_switch(unused):
    for make in (EMBEDDINGS.keras_layer, EMBEDDINGS.torch_layer):
        with pytest.raises(ConfigError, match="trainable must be True or False, got"):
            make(trainable=unused)
        make(trainable=np.bool_(True))


@pytest.mark.usefixtures("keras")
def test_masking_a_word_is_rejected():
    for masks in (True, np.bool_(True), 1):
        with pytest.raises(ConfigError, match="mask_zero would mask row 0, which is a word in"):
            EMBEDDINGS.keras_layer(rows="none", mask_zero=masks)
        assert EMBEDDINGS.keras_layer(rows="pad", mask_zero=masks)["mask_zero"] == masks
    assert EMBEDDINGS.keras_layer(rows="none", mask_zero=False)["mask_zero"] is False


@pytest.mark.usefixtures("torch")
@pytest.mark.parametrize("rows", ["none", "pad", "pad+unk"])
@pytest.mark.parametrize("index", [*range(-6, 6), np.int64(0), np.int8(1), True, "0", 0.0])
def test_only_the_padding_row_is_a_padding_index(rows, index):
    size = {"none": 2, "pad": 3, "pad+unk": 4}[rows]
    row = index + size if type(index) is int and index < 0 else index
    if rows != "none" and type(row) in {int, np.int64} and row == 0:
        assert EMBEDDINGS.torch_layer(rows=rows, padding_idx=index)["padding_idx"] == index
    else:
        has = "no padding row" if rows == "none" else "padding in row 0"
        expected = f"padding_idx is a row that is never trained, and the layout '{re.escape(rows)}'"
        with pytest.raises(ConfigError, match=f"{expected} has {has}, got "):
            EMBEDDINGS.torch_layer(rows=rows, padding_idx=index)


@pytest.mark.usefixtures("torch")
def test_the_padding_row_may_be_trained_on_demand():
    layer = EMBEDDINGS.torch_layer(trainable=True, padding_idx=None)
    assert layer["padding_idx"] is None


@pytest.mark.usefixtures("torch")
def test_frozen_vectors_are_not_rescaled():
    with pytest.raises(ConfigError, match="max_norm scales the vectors in place, although"):
        EMBEDDINGS.torch_layer(max_norm=1.0)
    assert EMBEDDINGS.torch_layer(trainable=True, max_norm=1.0)["max_norm"] == 1.0


@pytest.mark.usefixtures("keras", "torch")
@pytest.mark.parametrize(
    ("make", "name"),
    [
        *((EMBEDDINGS.keras_layer, n) for n in ("input_dim", "output_dim", "weights")),
        (EMBEDDINGS.keras_layer, "embeddings_initializer"),
        *((EMBEDDINGS.torch_layer, n) for n in ("num_embeddings", "embedding_dim", "freeze")),
    ],
)
def test_arguments_that_the_matrix_determines_are_rejected(make, name):
    with pytest.raises(ConfigError, match=f"^{name} cannot be chosen: .*; (use `tr|omit it)"):
        make(**{name: 5})


class Weight:
    """A stand-in for a parameter of PyTorch."""

    def __init__(self, matrix: np.ndarray) -> None:
        self.matrix = matrix

    def detach(self) -> Weight:
        return self

    def to(self, device: str) -> Weight:
        assert device == "cpu"
        return self

    def float(self) -> Weight:
        return Weight(self.matrix.astype(np.float32))

    def numpy(self) -> np.ndarray:
        return self.matrix


def layer_of(matrix: object, dtype: type = np.float32) -> SimpleNamespace:
    return SimpleNamespace(weight=Weight(np.array(matrix, dtype)))


ROWS = {"none": [[1, 2], [3, 4]], "pad": [[0, 0], [1, 2], [3, 4]]}
ROWS["pad+unk"] = [[0, 0], [5, 6], [1, 2], [3, 4]]


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_layer_comes_back(rows, dtype):
    layer = layer_of(ROWS[rows], dtype)
    model = Embeddings.from_layer(layer, ["a", "b"], rows)
    assert (model.words, model.rows) == (["a", "b"], rows)
    assert model.matrix.tolist() == [[1, 2], [3, 4]]
    assert model.matrix_for().tolist() == ROWS[rows]
    assert (model.unknown is not None, model.unk) == (
        (True, "trained") if rows == "pad+unk" else (False, None)
    )
    layer.weight.matrix[:] = 9
    assert model.matrix.tolist() == [[1, 2], [3, 4]]


def test_the_layout_of_a_layer_is_that_of_the_embeddings_or_the_default():
    assert Embeddings.from_layer(layer_of(ROWS["pad+unk"]), ("a", "b")).rows == "pad+unk"
    known = Embeddings(["a", "b"], MATRIX, [7, 3], {"tokenizer": {"name": "whitespace"}})
    known.rows = "pad"
    model = Embeddings.from_layer(layer_of(ROWS["pad"]), known)
    assert (model.words, model.counts.tolist(), model.rows) == (known.words, [7, 3], "pad")
    assert model.meta == known.meta
    model.meta["tokenizer"]["name"] = "unicode"
    assert known.meta["tokenizer"]["name"] == "whitespace"


def test_a_padding_row_that_was_trained_is_a_note(caplog):
    moved = [[0.5, 0], *ROWS["pad"][1:]]
    with caplog.at_level(logging.WARNING, logger="w2v"):
        model = Embeddings.from_layer(layer_of(moved), ["a", "b"], "pad")
    assert model.matrix_for().tolist() == ROWS["pad"]
    (record,) = caplog.records
    assert "training has moved the padding row of the layer" in record.getMessage()
    caplog.clear()
    Embeddings.from_layer(layer_of(ROWS["pad"]), ["a", "b"], "pad")
    assert not caplog.records


@pytest.mark.parametrize(
    ("size", "rows", "remedy"),
    [
        (2, "pad", "; use `rows='none'`"),
        (3, "pad+unk", "; use `rows='pad'`"),
        (4, "none", r"; use `rows='pad\+unk'`"),
        (5, "pad", ""),
        (1, "none", ""),
    ],
)
def test_a_layer_of_another_size_is_rejected(size, rows, remedy):
    layer = layer_of(np.zeros((size, 2)))
    expected = f"the layer has {size} rows, but 2 words in the layout '{re.escape(rows)}' take "
    with pytest.raises(FormatError, match=f"{expected}\\d{remedy}$"):
        Embeddings.from_layer(layer, ["a", "b"], rows)


@pytest.mark.parametrize("layer", [None, MATRIX, SimpleNamespace(weight=MATRIX), "layer"])
def test_other_objects_are_no_layers(layer):
    with pytest.raises(ConfigError, match="expected an Embedding layer of Keras or PyTorch, got a"):
        Embeddings.from_layer(layer, ["a", "b"], "none")


def test_wrong_parts_of_a_layer_are_rejected():
    with pytest.raises(ConfigError, match="rows must be one of"):
        Embeddings.from_layer(layer_of(ROWS["pad"]), ["a", "b"], "padding")
    with pytest.raises(FormatError, match="words must be distinct"):
        Embeddings.from_layer(layer_of(ROWS["none"]), ["a", "a"], "none")
    with pytest.raises(FormatError, match="NaN or infinity"):
        Embeddings.from_layer(layer_of([[1, 2], [np.nan, 1]]), ["a", "b"], "none")


@pytest.mark.parametrize("name", ["keras", "torch"])
def test_the_error_names_the_missing_package(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"layer needs .*pip install 'w2v\[{name}\]'"):
        getattr(EMBEDDINGS, f"{name}_layer")()
