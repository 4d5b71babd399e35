"""Bootstrap: how far a score would move if other items of the same kind had been drawn.

The items of a set are drawn again with replacement, as often as there are; a score is then computed
again with the number of times that each item was drawn as its weight. All models are scored with
the same weights, so that the difference of two models is paired.

The questions of analogies are not independent: a pair of words is in many of them. So pairs are
drawn, and a question has the product of the weights of its two pairs (the "pigeonhole bootstrap" of
Owen 2007). Drawing single questions would give intervals that are several times too narrow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from w2v.evaluation.questions import Question

RESAMPLES = 1000
_SEED = 1
_MAX_WEIGHTS = 1 << 21  # 16 MiB of float64
_TAIL = 2.5  # percent on each side of a 95 % interval


class Interval(NamedTuple):
    """A 95 % interval."""

    low: float
    high: float


def interval(values: NDArray[np.float64]) -> Interval | None:
    """Return the 95 % percentile interval of resampled scores, (R,); NaN are left out."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return None
    low, high = np.percentile(finite, [_TAIL, 100 - _TAIL])
    return Interval(float(low), float(high))


def p_value(differences: NDArray[np.float64]) -> float | None:
    """Return the two-sided p-value of a difference from its resampled values, (R,).

    It is twice the share of resamples on the other side of zero, at least 2 / (R + 1) and at most
    1 (Efron and Tibshirani 1993, chapter 15).
    """
    finite = differences[np.isfinite(differences)]
    if not finite.size:
        return None
    beyond = min(int((finite <= 0).sum()), int((finite >= 0).sum()))
    return min(1.0, 2 * (beyond + 1) / (finite.size + 1))


def accuracies(
    correct: NDArray[np.bool_], questions: Sequence[Question], resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """Return resampled accuracies of analogies.

    Args:
        correct: (K, Q), for each of K models whether it answered each question correctly.
        questions: the Q questions.
        resamples: R.

    Returns:
        (K, R), 0 to 1; NaN if all weights are 0, or if there are fewer than two pairs.

    """
    numbers: dict[tuple[str, str], int] = {}
    pairs = [
        [numbers.setdefault(pair, len(numbers)) for pair in ((q.a, q.b), (q.c, q.d))]
        for q in questions
    ]
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    results = np.full((len(correct), resamples), np.nan)
    if len(numbers) < 2:
        return results
    done = 0
    for drawn in _weights(len(numbers), resamples, per_resample=len(questions)):
        weights = drawn[:, first] * drawn[:, second]
        with np.errstate(invalid="ignore"):
            part = (correct.astype(np.float64) @ weights.T) / weights.sum(axis=1)
        results[:, done : done + len(drawn)] = part
        done += len(drawn)
    return results


def correlations(
    cosines: NDArray[np.float64], scores: NDArray[np.float64], resamples: int = RESAMPLES
) -> NDArray[np.float64]:
    """Return resampled rank correlations.

    Args:
        cosines: (K, N), of K models.
        scores: (N,).
        resamples: R.

    Returns:
        (K, R), Spearman's rho of each resample; NaN if it is not defined.

    """
    results = np.full((len(cosines), resamples), np.nan)
    if scores.size < 2:
        return results
    done = 0
    for weights in _weights(scores.size, resamples, per_resample=scores.size):
        part = slice(done, done + len(weights))
        ranks = _weighted_ranks(scores, weights)
        for model, values in enumerate(cosines):
            results[model, part] = _correlation(_weighted_ranks(values, weights), ranks, weights)
        done += len(weights)
    return results


def _weights(items: int, resamples: int, per_resample: int) -> Iterator[NDArray[np.float64]]:
    """Yield (r, items) numbers of times that each item is drawn, in parts of all resamples."""
    rng = np.random.default_rng(_SEED)
    size = max(1, _MAX_WEIGHTS // max(1, per_resample))
    for start in range(0, resamples, size):
        rows = min(size, resamples - start)
        yield rng.multinomial(items, np.full(items, 1 / items), rows).astype(np.float64)


def _weighted_ranks(
    values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the ranks of values that occur several times, (r, N).

    Ties, the occurrences of a value among them, share the mean of their ranks.
    """
    order = np.argsort(values, kind="stable")
    _, starts, group = np.unique(values[order], return_index=True, return_inverse=True)
    counts = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks = np.empty_like(weights)
    ranks[:, order] = (np.cumsum(counts, axis=1) - (counts - 1) / 2)[:, group.ravel()]
    return ranks


def _correlation(
    x: NDArray[np.float64], y: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the weighted correlation of the rows of (r, N) arrays; NaN if one is constant."""
    total = weights.sum(axis=1, keepdims=True)
    x = x - (weights * x).sum(axis=1, keepdims=True) / total
    y = y - (weights * y).sum(axis=1, keepdims=True) / total
    weighted = weights * x
    variances = (weighted * x).sum(axis=1) * (weights * y * y).sum(axis=1)
    result = np.full(len(weights), np.nan)
    defined = variances > 0
    result[defined] = (weighted * y).sum(axis=1)[defined] / np.sqrt(variances[defined])
    return result
