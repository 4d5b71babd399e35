"""A model as the README's snippets expect it, and the snippets themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import w2v
from support import ROOT

os.environ.setdefault("KERAS_BACKEND", "torch")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["HF_HUB_OFFLINE"] = "1"

README = (ROOT / "README.md").read_text(encoding="utf-8")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Take no notice of the frameworks' warnings, which are about themselves."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Work in a folder with ``kjv.w2v`` in it."""
    folder = tmp_path_factory.mktemp("readme")
    w2v.train(
        ROOT / "corpus" / "kjv.txt", dim=24, epochs=1, output=folder / "kjv.w2v", train_unk=True
    )
    before = Path.cwd()
    os.chdir(folder)
    yield folder
    os.chdir(before)


@pytest.fixture
def model(place: Path) -> w2v.Embeddings:
    return w2v.load(place / "kjv.w2v")


class Snippets:
    """The README's blocks of code, by the comment above each."""

    def __init__(self) -> None:
        found = re.findall(r"<!-- ([\w-]+) -->\n```(\w+)\n(.*?)```", README, re.DOTALL)
        self.code = {name: code for name, _, code in found}

    def run(self, *names: str) -> dict[str, Any]:
        """Run blocks one after the other, as they stand; returns their variables."""
        variables: dict[str, Any] = {}
        for name in names:
            exec(compile(self.code[name], f"README.md, {name}", "exec"), variables)
        return variables


@pytest.fixture(scope="session")
def snippets() -> Snippets:
    return Snippets()


class Batch:
    """A batch with a hundred words, an unknown one and padding, and the rows it must become."""

    def __init__(self, model: w2v.Embeddings) -> None:
        words = [*model.words[::53][:99], "king's"]
        assert len(words) == 100
        texts = [words[:50], [*words[50:98], "zzzz"], words[98:]]
        self.ids = model.encode(texts)
        self.rows = np.zeros((3, 50, model.dim), np.float32)
        self.mask = np.zeros((3, 50), bool)
        for sample, text in enumerate(texts):
            self.mask[sample, : len(text)] = True
            for place, word in enumerate(text):
                self.rows[sample, place] = model.unknown if word == "zzzz" else model[word]
        assert self.ids.shape == self.mask.shape == (3, 50)
        assert self.rows.shape == (3, 50, model.dim)
        assert "zzzz" not in model

    def check(self, vectors: Any) -> None:
        """Hold what a layer gave to the rows, bit for bit."""
        found = np.asarray(vectors)
        assert found.dtype == np.float32
        assert found.shape == self.rows.shape
        assert found.view(np.uint32).tolist() == self.rows.view(np.uint32).tolist()
        assert not found[~self.mask].any()


@pytest.fixture
def batch(model: w2v.Embeddings) -> Batch:
    return Batch(model)
