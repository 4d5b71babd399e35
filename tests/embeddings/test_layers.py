"""Embedding layers, with stand-ins for Keras and PyTorch.

tests/frameworks has the tests with the frameworks themselves.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, MissingExtraError

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


@pytest.mark.parametrize("name", ["keras", "torch"])
def test_the_error_names_the_missing_package(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=rf"layer needs .*pip install 'w2v\[{name}\]'"):
        getattr(EMBEDDINGS, f"{name}_layer")()
