"""t-SNE by the method of Barnes and Hut: a layout in which near words stay near.

Van der Maaten and Hinton 2008, "Visualizing data using t-SNE"; van der Maaten 2014, "Accelerating
t-SNE using tree-based algorithms". No random number is drawn, and each sum has a fixed order, so
the result does not depend on the number of threads.

The points are sorted along a Z-order curve, so a cell of the quadtree is a range of them. The tree
lists its cells in depth-first order; each cell knows the next one outside it, so that a walk needs
no stack.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.compute.jit import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from w2v.views.neighbours import Neighbours

PERPLEXITY = 15
NEIGHBOURS = 3 * PERPLEXITY
"""The number of neighbours of a word that attract it; see van der Maaten 2014, section 4.1."""

THETA = 0.8
EXAGGERATION = 12.0
EXAGGERATED_STEPS = 250
STEPS = 500
_START_DEVIATION = 1e-4
_MAX_STEP = 5.0
_LEVELS = 30  # of the quadtree: the bits of a coordinate in the Z-order
_SEARCH_STEPS = 60
_POINTS_PER_TASK = 512
_LEAF = -1.0


class Attraction(NamedTuple):
    """The symmetric similarities P of the words, as a sparse matrix by rows.

    Attributes:
        starts: (n + 1,) int64, where each row starts.
        columns: (m,) int64, the other word of each entry.
        values: (m,) float64, positive; their sum is 1.

    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    values: NDArray[np.float64]


class Tree(NamedTuple):
    """A quadtree of points, its cells in depth-first order.

    Attributes:
        cells: (c, 4) float64: the mean of the points (x, y), their number, and the squared distance
            from which the cell counts as one point, `_LEAF` if it always does.
        following: (c,) int64: the next cell that is not within this one.

    """

    cells: NDArray[np.float64]
    following: NDArray[np.int64]


def tsne(
    neighbours: Neighbours,
    start: NDArray[np.float64],
    *,
    threads: int,
    steps: tuple[int, int] = (EXAGGERATED_STEPS, STEPS),
    theta: float = THETA,
    on_step: Callable[[], object] = lambda: None,
) -> NDArray[np.float64]:
    """Return a position in the plane for each word, (n, 2) float64.

    Args:
        neighbours: the nearest words of each, (n, k), by their cosine; at best 45.
        start: (n, 2) float64, the positions to start from. Only their shape counts, not their size.
        threads: the number of threads.
        steps: the number of steps with exaggerated attraction, and of those without.
        theta: the size of a cell as a share of its distance up to which it counts as one point.
        on_step: called after each step.

    """
    attraction = attraction_of(neighbours)
    deviation = float(start[:, 0].std()) or 1.0
    # Rounded, so that the last bits of the start, which other threads may change, do not matter.
    positions: NDArray[np.float64] = np.round(start / deviation, 6) * _START_DEVIATION
    velocity = np.zeros_like(positions)
    gains = np.ones_like(positions)
    size = len(positions)
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="w2v-map") as pool:
        for exaggeration, momentum, count in (
            (EXAGGERATION, 0.5, steps[0]),
            (1.0, 0.8, steps[1]),
        ):
            rate = size / exaggeration
            for _ in range(count):
                slope = gradient(positions, attraction, exaggeration, theta, pool)
                move(positions, velocity, gains, slope, rate, momentum)
                on_step()
    return positions


def attraction_of(neighbours: Neighbours) -> Attraction:
    """Return the similarities of the words, from their distances to their neighbours."""
    ids, cosines = neighbours
    size, k = ids.shape
    conditional = np.empty((size, k))
    # Vectors of length 1 have the squared distance 2 - 2 cos.
    similarities(2 - 2 * cosines, min(PERPLEXITY, max(1.0, k / 3)), conditional)
    rows = np.repeat(np.arange(size), k)
    keys = np.concatenate([rows * size + ids.ravel(), ids.ravel() * size + rows])
    values = np.tile(conditional.ravel(), 2)
    order = np.argsort(keys, kind="stable")
    distinct, first = np.unique(keys[order], return_index=True)
    summed = np.add.reduceat(values[order], first)
    starts = np.searchsorted(distinct, np.arange(size + 1) * size)
    return Attraction(starts.astype(np.int64), distinct % size, summed / summed.sum())


def gradient(
    positions: NDArray[np.float64],
    attraction: Attraction,
    exaggeration: float,
    theta: float,
    pool: ThreadPoolExecutor,
) -> NDArray[np.float64]:
    """Return a quarter of the gradient of the divergence between P and Q, (n, 2).

    The factor of 4 in the papers is left to the learning rate.
    """
    size = len(positions)
    order, tree = build_tree(positions, theta)
    forces = np.empty((size, 2))
    sums = np.empty(size)
    pulls = np.empty((size, 2))

    def work(begin: int) -> None:
        end = min(begin + _POINTS_PER_TASK, size)
        repel(positions, order, tree.cells, tree.following, begin, end, forces, sums)
        attract(positions, *attraction, begin, end, pulls)

    list(pool.map(work, range(0, size, _POINTS_PER_TASK)))
    total = max(float(sums.sum()), np.finfo(np.float64).tiny)
    return exaggeration * pulls - forces / total


def build_tree(positions: NDArray[np.float64], theta: float) -> tuple[NDArray[np.int64], Tree]:
    """Return the order of the points along a Z-order curve, and their quadtree."""
    low = positions.min(axis=0)
    width = float((positions.max(axis=0) - low).max()) or 1.0
    codes = np.empty(len(positions), np.int64)
    z_order(positions, low, (1 << _LEVELS) / width * (1 - 1e-9), codes)
    order = np.argsort(codes, kind="stable")
    cells = np.empty((2 * len(positions), 4))  # all but the leaves have two parts or more
    following = np.empty(len(cells), np.int64)
    limit = np.inf if theta == 0 else (width / theta) ** 2
    count = fill_tree(codes[order], positions, order, limit, cells, following)
    return order, Tree(cells[:count], following[:count])


def move(
    positions: NDArray[np.float64],
    velocity: NDArray[np.float64],
    gains: NDArray[np.float64],
    slope: NDArray[np.float64],
    rate: float,
    momentum: float,
) -> None:
    """Move the points down the gradient, with momentum and a gain for each coordinate.

    Jacobs 1988, "Increased rates of convergence through learning rate adaptation", as in the
    program of van der Maaten.
    """
    agree = np.sign(slope) == np.sign(velocity)
    np.multiply(gains, 0.8, out=gains, where=agree)
    np.add(gains, 0.2, out=gains, where=~agree)
    np.maximum(gains, 0.01, out=gains)
    velocity *= momentum
    velocity -= rate * gains * slope
    length = np.hypot(velocity[:, 0], velocity[:, 1])[:, np.newaxis]
    velocity *= _MAX_STEP / np.maximum(length, _MAX_STEP)
    positions += velocity
    positions -= positions.mean(axis=0)


@kernel
def similarities(
    distances: NDArray[np.float64], perplexity: float, conditional: NDArray[np.float64]
) -> None:
    """Compute p(j | i) from squared distances, (n, k), with the bandwidth that fits a perplexity.

    The bandwidth is found by bisection of its inverse, the precision.
    """
    size, k = distances.shape
    wanted = np.log(perplexity)
    for i in range(size):
        nearest = distances[i].min()
        low, high, precision = 0.0, np.inf, 1.0
        for _ in range(_SEARCH_STEPS):
            total = weighted = 0.0
            for j in range(k):
                weight = np.exp(-precision * (distances[i, j] - nearest))
                conditional[i, j] = weight
                total += weight
                weighted += weight * (distances[i, j] - nearest)
            entropy = np.log(total) + precision * weighted / total
            if abs(entropy - wanted) < 1e-8:
                break
            if entropy > wanted:
                low = precision
                precision = 2 * precision if high == np.inf else (low + high) / 2
            else:
                high = precision
                precision = (low + high) / 2
        for j in range(k):
            conditional[i, j] /= total


@kernel
def z_order(
    positions: NDArray[np.float64],
    low: NDArray[np.float64],
    scale: float,
    codes: NDArray[np.int64],
) -> None:
    """Compute the place of each point on a Z-order curve: the bits of x and y by turns."""
    for i in range(positions.shape[0]):
        x = np.int64((positions[i, 0] - low[0]) * scale)
        y = np.int64((positions[i, 1] - low[1]) * scale)
        code = np.int64(0)
        for bit in range(_LEVELS):
            code |= ((x >> bit) & 1) << (2 * bit)
            code |= ((y >> bit) & 1) << (2 * bit + 1)
        codes[i] = code


@kernel
def fill_tree(
    codes: NDArray[np.int64],
    positions: NDArray[np.float64],
    order: NDArray[np.int64],
    limit: float,
    cells: NDArray[np.float64],
    following: NDArray[np.int64],
) -> int:
    """Fill a quadtree, see `Tree`, from sorted codes.

    Args:
        codes: (n,) int64, the codes in increasing order.
        positions: (n, 2) float64, in the order of the words.
        order: (n,) int64, the word of each code.
        limit: the squared distance from which the whole square counts as one point.
        cells: (2 n, 4) float64, written.
        following: (2 n,) int64, written.

    Returns:
        The number of cells, 2 n - 1 at most.

    """
    size = codes.shape[0]
    # Ranges of points that are cells to come. Each cell adds four at most and takes one.
    stack = np.empty((3 * _LEVELS + 4, 2), np.int64)
    stack[0, 0], stack[0, 1] = 0, size
    height = 1
    count = 0
    while height:
        height -= 1
        begin, end = stack[height, 0], stack[height, 1]
        x = y = 0.0
        for place in range(begin, end):
            x += positions[order[place], 0]
            y += positions[order[place], 1]
        points = end - begin
        cells[count, 0] = x / points
        cells[count, 1] = y / points
        cells[count, 2] = points
        following[count] = end  # a place for now
        # The smallest square of the grid that holds all points: the bits that their codes share.
        level = _LEVELS
        different = codes[begin] ^ codes[end - 1]
        while different:
            different >>= 2
            level -= 1
        cells[count, 3] = _LEAF if level == _LEVELS else limit / 4.0**level
        count += 1
        if level == _LEVELS:
            continue
        shift = 2 * (_LEVELS - 1 - level)
        right = end
        for part in range(3, -1, -1):  # so that the first part is taken from the stack first
            left, above = begin, right  # the first point of this part, by bisection
            while left < above:
                middle = (left + above) // 2
                if ((codes[middle] >> shift) & 3) < part:
                    left = middle + 1
                else:
                    above = middle
            if left < right:
                stack[height, 0], stack[height, 1] = left, right
                height += 1
            right = left
    # A cell is followed by the first later cell that begins where it ends.
    starting = np.full(size + 1, count, np.int64)
    for cell in range(count - 1, -1, -1):
        end = following[cell]
        following[cell] = starting[end]
        starting[end - np.int64(cells[cell, 2])] = cell
    return count


@kernel
def repel(
    positions: NDArray[np.float64],
    order: NDArray[np.int64],
    cells: NDArray[np.float64],
    following: NDArray[np.int64],
    begin: int,
    end: int,
    forces: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None:
    """Compute the repulsion of some points: sums over all others of q^2 (y_i - y_j), and of q.

    Here q = 1 / (1 + |y_i - y_j|^2). The points are those at ``order[begin:end]``, which are near
    each other, so that they visit the same cells.
    """
    count = cells.shape[0]
    for place in range(begin, end):
        i = order[place]
        x, y = positions[i, 0], positions[i, 1]
        force_x = force_y = 0.0
        total = -1.0  # the point itself is in a leaf, with q = 1
        cell = 0
        while cell < count:
            dx = x - cells[cell, 0]
            dy = y - cells[cell, 1]
            distance = dx * dx + dy * dy
            if distance > cells[cell, 3]:
                q = 1.0 / (1.0 + distance)
                mass = cells[cell, 2] * q
                total += mass
                mass *= q
                force_x += mass * dx
                force_y += mass * dy
                cell = following[cell]
            else:
                cell += 1
        forces[i, 0] = force_x
        forces[i, 1] = force_y
        sums[i] = total


@kernel
def attract(
    positions: NDArray[np.float64],
    starts: NDArray[np.int64],
    columns: NDArray[np.int64],
    values: NDArray[np.float64],
    begin: int,
    end: int,
    pulls: NDArray[np.float64],
) -> None:
    """Compute the attraction of the points begin to end: sums of p q (y_i - y_j)."""
    for i in range(begin, end):
        x, y = positions[i, 0], positions[i, 1]
        pull_x = pull_y = 0.0
        for entry in range(starts[i], starts[i + 1]):
            j = columns[entry]
            dx = x - positions[j, 0]
            dy = y - positions[j, 1]
            weight = values[entry] / (1.0 + dx * dx + dy * dy)
            pull_x += weight * dx
            pull_y += weight * dy
        pulls[i, 0] = pull_x
        pulls[i, 1] = pull_y
