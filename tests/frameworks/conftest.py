"""The examples in docs/embedding-layers.md, and a model for them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import w2v
from snippets import DOCS, snippets
from support import ROOT

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["HF_HUB_OFFLINE"] = "1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ignore warnings of the frameworks about themselves."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The current directory, which contains ``kjv.w2v``."""
    path = tmp_path_factory.mktemp("examples")
    w2v.train(
        ROOT / "corpus" / "kjv.txt", dim=24, epochs=1, output=path / "kjv.w2v", train_unk=True
    )
    previous = Path.cwd()
    os.chdir(path)
    yield path
    os.chdir(previous)


@pytest.fixture
def model(directory: Path) -> w2v.Embeddings:
    return w2v.load(directory / "kjv.w2v")


class Examples:
    """The code blocks of the documentation, by name."""

    def __init__(self) -> None:
        self._found = {example.name: example for example in snippets(DOCS / "embedding-layers.md")}

    def code(self, name: str) -> str:
        return self._found[name].code

    def run(self, *names: str) -> dict[str, Any]:
        """Run blocks one after the other and return their variables."""
        variables: dict[str, Any] = {}
        for name in names:
            self._found[name].run(variables)
        return variables


@pytest.fixture(scope="session")
def examples() -> Examples:
    return Examples()


class Batch:
    """A batch with 100 words, an out-of-vocabulary word and padding, and the expected rows."""

    def __init__(self, model: w2v.Embeddings) -> None:
        words = [*model.words[::53][:99], "king's"]
        assert len(words) == 100
        texts = [words[:50], [*words[50:98], "zzzz"], words[98:]]
        self.ids = model.encode(texts)
        self.rows = np.zeros((3, 50, model.dim), np.float32)
        self.mask = np.zeros((3, 50), bool)
        for sample, text in enumerate(texts):
            self.mask[sample, : len(text)] = True
            for position, word in enumerate(text):
                self.rows[sample, position] = model.unknown if word == "zzzz" else model[word]
        assert self.ids.shape == self.mask.shape == (3, 50)
        assert self.rows.shape == (3, 50, model.dim)
        assert "zzzz" not in model

    def check(self, vectors: Any) -> None:
        """Check that the output of a layer has the bits of the rows."""
        found = np.asarray(vectors)
        assert found.dtype == np.float32
        assert found.shape == self.rows.shape
        assert found.view(np.uint32).tolist() == self.rows.view(np.uint32).tolist()
        assert not found[~self.mask].any()


@pytest.fixture
def batch(model: w2v.Embeddings) -> Batch:
    return Batch(model)
