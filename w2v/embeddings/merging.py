"""Several embeddings as one: averaged after alignment, or concatenated."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError
from w2v.formats.norms import norms_of, unit_rows
from w2v.formats.reading import HOW

if TYPE_CHECKING:
    from collections.abc import Sequence

    from w2v.formats.table import VectorTable

_LEAST_MODELS = 2


def merge(models: Sequence[VectorTable], how: str = "average") -> Embeddings:
    """Merge embeddings.

    Vectors are scaled to length 1 first. To average them, each model is rotated onto the first one
    by the orthogonal matrix that brings the vectors of their common words closest (orthogonal
    Procrustes problem, Schoenemann 1966; for embeddings, Hamilton et al. 2016 and Conneau et al.
    2018). A word that some models lack has the mean of the others.

    Args:
        models: at least two. Their words are compared as written.
        how: ``"average"`` for the words of any model, or ``"concatenate"`` for those of all.

    Returns:
        Embeddings. The words have the order of their total counts, if all models have counts;
        otherwise that of the first model, then those of the next. The tokenizer is recorded if the
        models agree on it.

    Raises:
        ConfigError: there are fewer than two models, they have no words in common, or their vectors
            have different sizes and are to be averaged.

    """
    HOW.check("how", how)
    if len(models) < _LEAST_MODELS:
        message = f"expected at least {_LEAST_MODELS} models to merge, got {len(models)}"
        raise ConfigError(message)
    parts = [_Part.of(model) for model in models]
    common = [word for word in models[0].words if all(word in part.row_of for part in parts)]
    if not common:
        message = "the models have no word in common; check that both are lowercased, or neither"
        raise ConfigError(message)
    counts = _total_counts(parts)
    words = common
    if how == "average":
        words = list(dict.fromkeys(word for part in parts for word in part.row_of))
    if counts is not None:
        words = sorted(words, key=lambda word: -counts[word])
    matrix = _average(parts, words) if how == "average" else _concatenation(parts, words)
    tokenizers = [model.meta.get("tokenizer") for model in models]
    same = tokenizers[0] is not None and all(each == tokenizers[0] for each in tokenizers)
    meta = {"tokenizer": tokenizers[0]} if same else {}
    meta["merged"] = {"how": how, "words": [len(model) for model in models]}
    return Embeddings(
        words,
        matrix.astype(np.float32),
        None if counts is None else [counts[word] for word in words],
        meta,
    )


class _Part(NamedTuple):
    """A model to merge: the row of each word, unit vectors, and counts."""

    row_of: dict[str, int]
    unit: NDArray[np.float64]
    counts: NDArray[np.int64] | None

    @classmethod
    def of(cls, table: VectorTable) -> _Part:
        row_of = {word: row for row, word in enumerate(table.words)}
        unit = unit_rows(table.matrix, norms_of(table.matrix), np.float64)
        return cls(row_of, unit, table.counts)

    def vectors(self, words: list[str]) -> NDArray[np.float64]:
        """Return the unit vectors of words that it has."""
        return self.unit[[self.row_of[word] for word in words]]


def rotation(source: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the orthogonal (D, D) matrix R that minimizes the distance of source @ R to target.

    Args:
        source: (n, D).
        target: (n, D).

    """
    left, _, right = np.linalg.svd(source.T @ target)
    product: NDArray[np.float64] = left @ right
    return product


def _concatenation(parts: list[_Part], words: list[str]) -> NDArray[np.float64]:
    return np.concatenate([part.vectors(words) for part in parts], axis=1)


def _average(parts: list[_Part], words: list[str]) -> NDArray[np.float64]:
    dims = sorted({part.unit.shape[1] for part in parts})
    if len(dims) > 1:
        message = (
            f"only vectors of one size can be averaged, got {' and '.join(map(str, dims))}; use "
            "`how='concatenate'`"
        )
        raise ConfigError(message)
    first = parts[0]
    row_of = {word: row for row, word in enumerate(words)}
    total = np.zeros((len(words), dims[0]))
    present = np.zeros(len(words), np.int64)
    for number, part in enumerate(parts):
        vectors = part.unit
        if number:
            shared = [word for word in first.row_of if word in part.row_of]
            vectors = vectors @ rotation(part.vectors(shared), first.vectors(shared))
        rows = [row_of[word] for word in part.row_of]
        total[rows] += vectors
        present[rows] += 1
    return total / present[:, np.newaxis]


def _total_counts(parts: list[_Part]) -> dict[str, int] | None:
    """Return the total count of each word, or None if a model has no counts."""
    totals: dict[str, int] = {}
    for part in parts:
        if part.counts is None:
            return None
        for word, count in zip(part.row_of, part.counts.tolist(), strict=True):
            totals[word] = totals.get(word, 0) + count
    return totals
