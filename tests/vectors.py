"""A small table of vectors that the tests of several formats share."""

from __future__ import annotations

import numpy as np
import pytest

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
