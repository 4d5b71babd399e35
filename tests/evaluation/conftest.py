"""Fixtures for evaluation files and gensim vectors."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from w2v.embeddings.embeddings import Embeddings


@pytest.fixture
def write_file(tmp_path: Path):
    def write(text: str) -> Path:
        (tmp_path / "file.txt").write_text(text, encoding="utf-8")
        return tmp_path / "file.txt"

    return write


@pytest.fixture(scope="module")
def gensim_vectors():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from gensim
        models = pytest.importorskip("gensim.models", reason="gensim is not installed")

    def make(embeddings: Embeddings):
        vectors = models.KeyedVectors(embeddings.dim)
        vectors.add_vectors(embeddings.words, embeddings.matrix)
        return vectors

    return make
