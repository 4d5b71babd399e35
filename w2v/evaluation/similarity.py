"""Word similarity: the rank correlation of cosines with human scores."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from w2v.evaluation.questions import rows_by_lowercase

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
    embeddings: Embeddings, name: str, pairs: Sequence[ScoredPair]
) -> SimilarityResult:
    """Correlate cosines with scores, over the whole vocabulary.

    Args:
        embeddings: the embeddings to evaluate.
        name: the name of the file.
        pairs: the pairs in it.

    """
    rows = rows_by_lowercase(embeddings.words)
    covered = [
        (rows[pair.first][0], rows[pair.second][0], pair.score)
        for pair in pairs
        if pair.first in rows and pair.second in rows
    ]
    first, second, scores = zip(*covered, strict=True) if covered else ((), (), ())
    matrix = embeddings.matrix
    cosines = _cosines(matrix[np.array(first, np.intp)], matrix[np.array(second, np.intp)])
    rho = spearman(cosines, np.array(scores, np.float64))
    return SimilarityResult(name, rho, len(covered), len(pairs))


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
