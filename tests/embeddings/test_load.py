"""Loading embeddings from files."""

from __future__ import annotations

import numpy as np
import pytest

import w2v
from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import ConfigError
from w2v.formats.layout import Layout
from w2v.formats.registry import FORMATS
from w2v.formats.table import VectorTable

TABLE = VectorTable(["a", "b"], np.eye(2), [2, 1], {"x": 1}, unknown=[3.0, 4.0])


def test_from_table_shares_the_arrays():
    embeddings = Embeddings.from_table(TABLE)
    assert type(embeddings) is Embeddings
    assert embeddings.matrix is TABLE.matrix
    assert (embeddings.words, embeddings.counts.tolist()) == (["a", "b"], [2, 1])
    assert (embeddings.meta, embeddings.unk, embeddings.rows) == ({"x": 1}, "trained", "pad+unk")
    assert embeddings["b"].tolist() == [0, 1]
    assert embeddings.encode([["b", "c"]]).tolist() == [[3, 1]]


def test_from_table_adopts_the_layout():
    table = VectorTable.from_rows(Layout("pad"), ["a"], np.float32([[0], [1]]))
    assert Embeddings.from_table(table).encode([["a"]]).tolist() == [[1]]


@pytest.mark.parametrize("name", ["x.txt", "x.bin", "x"])
def test_load_returns_embeddings(name, tmp_path):
    entry = next(e for e in FORMATS.values() if name.endswith(e.extensions or ("x",)))
    entry.write(TABLE, tmp_path / name)
    back = load(tmp_path / name)
    assert isinstance(back, w2v.Embeddings)
    assert back.most_similar("a", 1) == [("b", 0)]


def test_load_rejects_invalid_paths():
    with pytest.raises(ConfigError, match="path must be the path of a file or directory, got 3"):
        load(3)
