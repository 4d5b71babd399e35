"""Arguments of queries to embeddings, and their arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, short_repr
from w2v.options import is_ordered_iterable

if TYPE_CHECKING:
    from numpy.typing import NDArray


def cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Return the cosine of two vectors, 0 if one is zero."""
    first, second = a.astype(np.float64), b.astype(np.float64)
    norms = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(np.clip(first @ second / norms, -1, 1)) if norms else 0.0


def unit_of(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a vector scaled to length 1, or zero if it is zero."""
    norm = float(np.linalg.norm(vector.astype(np.float64)))
    return (vector / (norm or 1.0)).astype(np.float32)


def as_words(query: Any) -> list[str]:
    """Return the words of a query, none if it is a vector or None.

    Raises:
        ConfigError: it has words and other things.

    """
    if query is None or isinstance(query, np.ndarray):
        return []
    if isinstance(query, str):
        return [query]
    items = list(query) if is_ordered_iterable(query) else []
    words = [item for item in items if isinstance(item, str)]
    if words and len(words) < len(items):
        wrong = next(item for item in items if not isinstance(item, str))
        message = f"a query must be words or numbers, got both: {short_repr(wrong)}"
        raise ConfigError(message)
    return words


def as_vector(query: Any, dim: int) -> NDArray[np.float64] | None:
    """Return the vector of a query, None if it has words or is None.

    Raises:
        ConfigError: it is neither words nor D finite numbers.

    """
    if query is None or isinstance(query, str) or as_words(query):
        return None
    try:
        vector = np.asarray(query, dtype=np.float64)
    except (OverflowError, TypeError, ValueError):
        vector = np.asarray(query, dtype=object)
    if vector.dtype == object or vector.shape != (dim,) or not np.isfinite(vector).all():
        message = (
            f"a query must be a word or {dim} finite numbers, got an array of shape {vector.shape}"
        )
        raise ConfigError(message)
    return vector
