"""The scores and updates of a tile, as matrix products of registers.

Each row is read once for all centers of the tile, and the sums stay in registers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined
from w2v.compute.simd import (
    WIDTH,
    Vector,
    fma,
    load,
    prefetch,
    splat,
    splat_from,
    store,
    store_reduce_add_4,
)
from w2v.training.model import LINE, Matrices
from w2v.training.sgns.logistic import MAX_SCORE
from w2v.training.sgns.workspace import TILE, Workspace

Four = tuple[Vector, Vector, Vector, Vector]  # one value for each center of a tile


@inlined
def score_band(matrices: Matrices, work: Workspace) -> None:
    """Compute the scores of a band: of two centers with the six words around them at a time."""
    vectors = matrices.vectors
    contexts = matrices.contexts
    zero = splat(np.float32(0.0))
    for t in range(0, TILE, 2):
        center_a = work.centers[t]
        center_b = work.centers[t + 1]
        row0 = work.context_rows[t]
        row1 = work.context_rows[t + 1]
        row2 = work.context_rows[t + 2]
        row3 = work.context_rows[t + 3]
        row4 = work.context_rows[t + 4]
        row5 = work.context_rows[t + 5]
        a0 = a1 = a3 = a4 = b1 = b2 = b4 = b5 = zero
        for d in range(0, matrices.width, WIDTH):
            a = load(vectors, center_a + d)
            b = load(vectors, center_b + d)
            a0 = fma(a, load(contexts, row0 + d), a0)
            near_both = load(contexts, row1 + d)
            a1 = fma(a, near_both, a1)
            b1 = fma(b, near_both, b1)
            b2 = fma(b, load(contexts, row2 + d), b2)
            a3 = fma(a, load(contexts, row3 + d), a3)
            near_both = load(contexts, row4 + d)
            a4 = fma(a, near_both, a4)
            b4 = fma(b, near_both, b4)
            b5 = fma(b, load(contexts, row5 + d), b5)
        store_reduce_add_4(work.context_gradients, 4 * t, a0, a1, a3, a4)
        store_reduce_add_4(work.context_gradients, 4 * t + 4, b1, b2, b4, b5)


@inlined
def score_noise(matrices: Matrices, work: Workspace) -> None:
    """Compute the score of each negative sample with each center."""
    rows = work.noise_rows
    score_rows(matrices, work, rows, len(rows), work.noise_gradients)
    for k in range(len(work.next_noise) * TILE, len(work.noise_gradients)):
        work.noise_gradients[k] = np.float32(-MAX_SCORE)  # padding


@inlined
def score_rows(
    matrices: Matrices,
    work: Workspace,
    rows: NDArray[np.int64],
    count: int,
    scores: NDArray[np.float32],
) -> None:
    """Compute the score of each row with each center, of two rows with TILE centers at a time."""
    vectors = matrices.vectors
    contexts = matrices.contexts
    center0 = work.centers[0]
    center1 = work.centers[1]
    center2 = work.centers[2]
    center3 = work.centers[3]
    zero = splat(np.float32(0.0))
    for r in range(0, count, 2):
        row_a = rows[r]
        row_b = rows[r + 1]
        a0 = a1 = a2 = a3 = b0 = b1 = b2 = b3 = zero
        for d in range(0, matrices.width, WIDTH):
            a = load(contexts, row_a + d)
            b = load(contexts, row_b + d)
            value0 = load(vectors, center0 + d)
            value1 = load(vectors, center1 + d)
            value2 = load(vectors, center2 + d)
            value3 = load(vectors, center3 + d)
            a0 = fma(a, value0, a0)
            a1 = fma(a, value1, a1)
            a2 = fma(a, value2, a2)
            a3 = fma(a, value3, a3)
            b0 = fma(b, value0, b0)
            b1 = fma(b, value1, b1)
            b2 = fma(b, value2, b2)
            b3 = fma(b, value3, b3)
        store_reduce_add_4(scores, r * TILE, a0, a1, a2, a3)
        store_reduce_add_4(scores, (r + 1) * TILE, b0, b1, b2, b3)


@inlined
def apply_rows(matrices: Matrices, count: int, work: Workspace) -> None:
    """Update the rows of the negative samples, of the words around the tile, and of the centers."""
    vectors = matrices.vectors
    contexts = matrices.contexts
    gradients = work.context_gradients
    for d in range(0, matrices.width, WIDTH):
        values, updates = _apply_noise(matrices, d, work)
        for r in range(count):
            index = work.context_rows[r] + d
            updates = _update_4(contexts, index, gradients, r * TILE, values, updates)
        _add_to_centers(vectors, d, updates, work)


@inlined
def apply_band(matrices: Matrices, work: Workspace) -> None:
    """Do the same as `apply_rows` for a band, each row only with centers that are near."""
    vectors = matrices.vectors
    contexts = matrices.contexts
    gradients = work.context_gradients
    rows = work.context_rows
    for d in range(0, matrices.width, WIDTH):
        (v0, v1, v2, v3), (c0, c1, c2, c3) = _apply_noise(matrices, d, work)
        c0 = _update_1(contexts, rows[0] + d, gradients, 0, v0, c0)
        c0, c1 = _update_2(contexts, rows[1] + d, gradients, (1, 4), (v0, v1), (c0, c1))
        c1, c2 = _update_2(contexts, rows[2] + d, gradients, (5, 8), (v1, v2), (c1, c2))
        c0, c2, c3 = _update_3(
            contexts, rows[3] + d, gradients, (2, 9, 12), (v0, v2, v3), (c0, c2, c3)
        )
        c0, c1, c3 = _update_3(
            contexts, rows[4] + d, gradients, (3, 6, 13), (v0, v1, v3), (c0, c1, c3)
        )
        c1, c2 = _update_2(contexts, rows[5] + d, gradients, (7, 10), (v1, v2), (c1, c2))
        c2, c3 = _update_2(contexts, rows[6] + d, gradients, (11, 14), (v2, v3), (c2, c3))
        c3 = _update_1(contexts, rows[7] + d, gradients, 15, v3, c3)
        _add_to_centers(vectors, d, (c0, c1, c2, c3), work)


@inlined
def _apply_noise(matrices: Matrices, d: int, work: Workspace) -> tuple[Four, Four]:
    """Update WIDTH numbers of each noise row.

    Returns:
        The same numbers of the centers, and their accumulated updates.

    """
    zero = splat(np.float32(0.0))
    values = (
        load(matrices.vectors, work.centers[0] + d),
        load(matrices.vectors, work.centers[1] + d),
        load(matrices.vectors, work.centers[2] + d),
        load(matrices.vectors, work.centers[3] + d),
    )
    updates = zero, zero, zero, zero
    if d % LINE == 0:
        for t in range(TILE):
            prefetch(matrices.vectors, work.prefetched[t] + d)
            prefetch(matrices.contexts, work.prefetched[t] + d)
    for n in range(len(work.next_noise)):
        index = work.noise_rows[n] + d
        updates = _update_4(
            matrices.contexts, index, work.noise_gradients, n * TILE, values, updates
        )
    return values, updates


@inlined
def _add_to_centers(vectors: NDArray[np.float32], d: int, updates: Four, work: Workspace) -> None:
    """Add the updates of the centers, each with the step size of its row.

    They are added one after the other, because two centers may share a row.
    """
    scales = work.center_scales
    index = work.targets[0] + d
    store(vectors, index, fma(splat_from(scales, 0), updates[0], load(vectors, index)))
    index = work.targets[1] + d
    store(vectors, index, fma(splat_from(scales, 1), updates[1], load(vectors, index)))
    index = work.targets[2] + d
    store(vectors, index, fma(splat_from(scales, 2), updates[2], load(vectors, index)))
    index = work.targets[3] + d
    store(vectors, index, fma(splat_from(scales, 3), updates[3], load(vectors, index)))


@inlined
def _update_1(
    contexts: NDArray[np.float32],
    index: int,
    gradients: NDArray[np.float32],
    k: int,
    value: Vector,
    update: Vector,
) -> Vector:
    """Update a row by its gradient with one center; return the accumulated update of the center."""
    row = load(contexts, index)
    gradient = splat_from(gradients, k)
    store(contexts, index, fma(gradient, value, row))
    return fma(gradient, row, update)


@inlined
def _update_2(
    contexts: NDArray[np.float32],
    index: int,
    gradients: NDArray[np.float32],
    k: tuple[int, int],
    values: tuple[Vector, Vector],
    updates: tuple[Vector, Vector],
) -> tuple[Vector, Vector]:
    """Update a row by its gradients with two centers; return their accumulated updates."""
    row = load(contexts, index)
    gradient0 = splat_from(gradients, k[0])
    gradient1 = splat_from(gradients, k[1])
    update0 = fma(gradient0, row, updates[0])
    update1 = fma(gradient1, row, updates[1])
    row = fma(gradient0, values[0], row)
    row = fma(gradient1, values[1], row)
    store(contexts, index, row)
    return update0, update1


@inlined
def _update_3(
    contexts: NDArray[np.float32],
    index: int,
    gradients: NDArray[np.float32],
    k: tuple[int, int, int],
    values: tuple[Vector, Vector, Vector],
    updates: tuple[Vector, Vector, Vector],
) -> tuple[Vector, Vector, Vector]:
    """Update a row by its gradients with three centers; return their accumulated updates."""
    row = load(contexts, index)
    gradient0 = splat_from(gradients, k[0])
    gradient1 = splat_from(gradients, k[1])
    gradient2 = splat_from(gradients, k[2])
    update0 = fma(gradient0, row, updates[0])
    update1 = fma(gradient1, row, updates[1])
    update2 = fma(gradient2, row, updates[2])
    row = fma(gradient0, values[0], row)
    row = fma(gradient1, values[1], row)
    row = fma(gradient2, values[2], row)
    store(contexts, index, row)
    return update0, update1, update2


@inlined
def _update_4(
    contexts: NDArray[np.float32],
    index: int,
    gradients: NDArray[np.float32],
    k: int,
    values: Four,
    updates: Four,
) -> Four:
    """Update a row by its gradients with all centers; return their accumulated updates."""
    row = load(contexts, index)
    gradient0 = splat_from(gradients, k)
    gradient1 = splat_from(gradients, k + 1)
    gradient2 = splat_from(gradients, k + 2)
    gradient3 = splat_from(gradients, k + 3)
    update0 = fma(gradient0, row, updates[0])
    update1 = fma(gradient1, row, updates[1])
    update2 = fma(gradient2, row, updates[2])
    update3 = fma(gradient3, row, updates[3])
    row = fma(gradient0, values[0], row)
    row = fma(gradient1, values[1], row)
    row = fma(gradient2, values[2], row)
    row = fma(gradient3, values[3], row)
    store(contexts, index, row)
    return update0, update1, update2, update3
