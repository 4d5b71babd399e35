"""The file meta.json of the directory formats."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import FormatError


def test_meta_accepts_numpy_values_and_paths(tmp_path):
    meta = {
        "loss": np.float32(0.5),
        "words": np.int64(2**40),
        "history": np.arange(2),
        "corpus": Path("a/b"),
        "name": os.fsdecode(b"caf\xe9"),
    }
    Embeddings(["a"], [[1.0]], meta=meta).save(tmp_path / "m")
    assert load(tmp_path / "m").meta == {
        "loss": 0.5,
        "words": 2**40,
        "history": [0, 1],
        "corpus": "a/b",
        "name": "caf\udce9",
    }
    with pytest.raises(FormatError, match=r"meta must be plain JSON values: .* is a set"):
        Embeddings(["a"], [[1.0]], meta={"x": {1}}).save(tmp_path / "n")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_the_version_is_optional(tmp_path):
    directory = tmp_path / "m"
    Embeddings(["a"], [[1.0]]).save(directory)
    (directory / "meta.json").write_text(json.dumps({"x": 1}))
    assert load(directory).meta == {"x": 1}
