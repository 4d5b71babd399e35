"""Embeddings as objects of other libraries, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.formats.table import VectorTable


def to_gensim(table: VectorTable) -> Any:
    """Return ``gensim.models.KeyedVectors``; see `Embeddings.to_gensim`."""
    try:
        from gensim.models import KeyedVectors
    except ModuleNotFoundError as error:
        raise MissingExtraError("KeyedVectors of gensim", "gensim") from error
    vectors = KeyedVectors(table.dim)
    vectors.add_vectors(table.words, table.matrix)
    if table.counts is not None:
        for word, count in zip(table.words, table.counts.tolist(), strict=True):
            vectors.set_vecattr(word, "count", count)
    return vectors


def from_gensim(model: Any) -> tuple[list[str], NDArray[np.float32], list[int] | None]:
    """Return the words, vectors and counts of a model; see `Embeddings.from_gensim`.

    Raises:
        ConfigError: it is no model of gensim.

    """
    vectors = getattr(model, "wv", model)
    words, matrix = getattr(vectors, "index_to_key", None), getattr(vectors, "vectors", None)
    if words is None or matrix is None:
        message = f"expected a model of gensim or its KeyedVectors, got a {type(model).__name__}"
        raise ConfigError(message)
    counts = None
    if "count" in getattr(vectors, "expandos", {}):
        counts = [int(vectors.get_vecattr(word, "count")) for word in words]
    return list(map(str, words)), np.array(matrix, np.float32), counts


def to_pandas(table: VectorTable) -> Any:
    """Return a ``pandas.DataFrame``; see `Embeddings.to_pandas`."""
    try:
        import pandas as pd
    except ModuleNotFoundError as error:
        raise MissingExtraError("a pandas DataFrame", "pandas") from error
    return pd.DataFrame(table.matrix.copy(), index=pd.Index(table.words, name="word"))
