"""Vectors like those of words, and the quality of their layouts, for tests."""

from __future__ import annotations

import numpy as np

NEAREST = 10


def word_vectors(size, dim=24, groups=20, seed=1):
    """Return unit vectors, (size, dim) float32, in groups of different width."""
    draw = np.random.default_rng(seed)
    middles = draw.normal(size=(groups, dim))
    group = draw.integers(groups, size=size)
    found = middles[group] + draw.normal(size=(size, dim)) * draw.uniform(0.6, 1.5, size=(size, 1))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def kept_neighbours(positions, ids):
    """Return the share of the ten nearest of each word that are among its ten nearest in a plane.

    Args:
        positions: (n, 2).
        ids: (n, k), the nearest words of each, the nearest first.

    """
    kept = 0
    for row, (place, near) in enumerate(zip(positions, ids, strict=True)):
        distances = ((positions - place) ** 2).sum(axis=1)
        distances[row] = np.inf
        nearest = np.argpartition(distances, NEAREST)[:NEAREST]
        kept += len(np.intersect1d(nearest, near[:NEAREST]))
    return kept / (NEAREST * len(positions))
