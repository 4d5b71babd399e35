"""Vectors that several tests share."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.formats.table import VectorTable

NEEDS = {"safetensors": "safetensors", "hf": "safetensors"}
SMALL = VectorTable(
    ["the", "Zoë's", "日本", "<unk>", "0.5"],
    np.array([[1, -0.0], [0.1, 1e-45], [-3.4028235e38, 1 / 3], [7e-10, 2], [0, 0]], np.float32),
)


def installed(name: str) -> str:
    """Skip the test if the format needs a package that is not installed."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{NEEDS[name]} is not installed")
    return name


def bits(embeddings: VectorTable) -> list[list[int]]:
    return embeddings.matrix.view(np.uint32).tolist()


# king - man + woman = queen; "far" is far from everything.
ROYALS = Embeddings(
    ["man", "woman", "king", "queen", "far", "late"],
    np.array([[1, 0, 0], [0, 1, 0], [1, 0, 2], [0, 1, 2], [-1, -1, -1], [-1, -1, 0]], np.float32),
)


def random_model(rng: np.random.Generator, *, mixed_case: bool) -> Embeddings:
    """Make a model in which analogies hold more often than by chance."""
    parts = rng.standard_normal((2, 20, 8))
    matrix = (parts[0][:, None] + parts[1][None, :]).reshape(400, 8)
    matrix += 0.5 * rng.standard_normal((400, 8))
    words = [f"w{i // 20}x{i % 20}" for i in range(400)]
    if mixed_case:  # every third word is also there in capitals
        words = [w.upper() if i % 3 else w for i, w in enumerate(words)]
        words = [*words[:200], *(w.swapcase() for w in words[:200:3]), *words[200:-67]]
    return Embeddings(words, matrix)
