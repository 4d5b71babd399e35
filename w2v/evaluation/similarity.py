"""Word similarity: the rank correlation of cosines with human scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from w2v.evaluation.questions import form_of, rows_by_form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from w2v.embeddings.embeddings import Embeddings
    from w2v.evaluation.questions import ScoredPair


@dataclass(frozen=True)
class SimilarityResult:
    """The agreement of cosines with human similarity scores.

    Attributes:
        name: the name of the file.
        rho: Spearman's rank correlation, -1 to 1; None if fewer than 2 pairs are covered, or if
            all cosines or all scores are equal.
        covered: the number of pairs whose words both have a vector.
        total: the number of pairs in the file.

    """

    name: str
    rho: float | None
    covered: int
    total: int


def evaluate_similarity(
    embeddings: Embeddings, name: str, pairs: Sequence[ScoredPair], *, lower: bool = True
) -> SimilarityResult:
    """Correlate cosines with scores, over the whole vocabulary.

    Args:
        embeddings: the embeddings to evaluate.
        name: the name of the file.
        pairs: the pairs in it.
        lower: whether case is ignored; the pairs are in that form already.

    """
    cosines = cosines_of(embeddings, pairs, lower=lower)
    covered = np.isfinite(cosines)
    rho = spearman(cosines[covered], np.array([pair.score for pair in pairs])[covered])
    return SimilarityResult(name, rho, int(covered.sum()), len(pairs))


def cosines_of(
    embeddings: Embeddings, pairs: Sequence[ScoredPair], *, lower: bool
) -> NDArray[np.float64]:
    """Return the cosine of each pair, (N,); NaN if a word has no vector."""
    form = form_of(lower=lower)
    rows = rows_by_form(map(form, embeddings.words))
    covered = np.array([pair.first in rows and pair.second in rows for pair in pairs], bool)
    found = [
        (rows[pair.first][0], rows[pair.second][0])
        for pair, is_covered in zip(pairs, covered, strict=True)
        if is_covered
    ]
    first, second = np.array(found, np.intp).reshape(-1, 2).T
    cosines = np.full(len(pairs), np.nan)
    cosines[covered] = _cosines(embeddings.matrix[first], embeddings.matrix[second])
    return cosines


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Return Spearman's rho of two arrays (N,): Pearson's correlation of their ranks.

    Ties share the mean of their ranks. None if N < 2 or one array is constant.
    """
    if np.unique(x).size < 2 or np.unique(y).size < 2:
        return None
    ranks_x, ranks_y = _centered_ranks(x), _centered_ranks(y)
    covariance = ranks_x @ ranks_y
    return float(covariance / math.sqrt((ranks_x @ ranks_x) * (ranks_y @ ranks_y)))


def _centered_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N,) ranks minus their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks - (len(values) + 1) / 2


def _cosines(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (N,) cosines of the rows of two (N, D) arrays; 0 where a row is zero."""
    x64, y64 = x.astype(np.float64), y.astype(np.float64)
    dots: NDArray[np.float64] = np.einsum("ij,ij->i", x64, y64)
    norms = np.linalg.norm(x64, axis=1) * np.linalg.norm(y64, axis=1)
    norms[norms == 0] = 1
    cosines: NDArray[np.float64] = dots / norms
    return cosines
