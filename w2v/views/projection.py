"""Layouts: a position in the plane for each word."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import MissingExtraError
from w2v.events import LayingOut, Observer, ignore
from w2v.views.tsne import EXAGGERATED_STEPS, STEPS, tsne

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from w2v.views.neighbours import Neighbours

_UMAP_NEIGHBOURS = 15
_LEAST = {"tsne": 5, "umap": _UMAP_NEIGHBOURS + 1, "pca": 1}
_GRID = 65_535
_REPORT_SECONDS = 0.1
# Of two words, the places are this far apart at least, in one of the directions: invisible on the
# whole map, and enough for both labels, which are wider than high, when it is enlarged 200 times.
_WIDE, _HIGH = 64, 8


def project(
    vectors: NDArray[np.float32],
    neighbours: Neighbours,
    layout: str,
    threads: int,
    observer: Observer = ignore,
) -> NDArray[np.float64]:
    """Return a position in the plane for each word, (n, 2) float64.

    Args:
        vectors: (n, D) float32 of length 1.
        neighbours: the nearest words of each among these.
        layout: ``"tsne"``, ``"umap"`` or ``"pca"``, see `layout_for`.
        threads: the number of threads.
        observer: receives `LayingOut`.

    Raises:
        MissingExtraError: the layout needs a package that is not installed.

    """
    start = principal_components(vectors)
    if layout == "umap":
        return _umap(_import_umap(), vectors)
    if layout == "pca":
        return start
    return tsne(neighbours, start, threads=threads, on_step=_reporter(len(vectors), observer))


def _reporter(words: int, observer: Observer) -> Callable[[], None]:
    """Return a function that reports each step, but not too often."""
    started = last = time.monotonic()
    done, total = 0, EXAGGERATED_STEPS + STEPS

    def on_step() -> None:
        nonlocal done, last
        done += 1
        now = time.monotonic()
        if now - last >= _REPORT_SECONDS or done == total:
            last = now
            observer(LayingOut(done, total, words, now - started))

    return on_step


def layout_for(layout: str, size: int) -> str:
    """Return the layout that is possible for a number of words: few have no neighbourhoods.

    Raises:
        MissingExtraError: the layout needs a package that is not installed.

    """
    if layout == "umap":
        _import_umap()
    return layout if size >= _LEAST[layout] else "pca"


def principal_components(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the first two principal components, (n, 2) float64.

    Their signs are fixed: the coordinate with the largest absolute value is positive.
    """
    centered = vectors.astype(np.float64)
    centered -= centered.mean(axis=0)
    _, axes = np.linalg.eigh(centered.T @ centered)
    found = centered @ axes[:, ::-1][:, :2]
    found = np.pad(found, ((0, 0), (0, 2 - found.shape[1])))  # vectors of one dimension
    largest = found[np.abs(found).argmax(axis=0), [0, 1]]
    signed: NDArray[np.float64] = found * np.where(largest < 0, -1, 1)
    return signed


def to_grid(positions: NDArray[np.float64]) -> NDArray[np.uint16]:
    """Return positions as integers from 0 to 65,535, no two alike, with the same aspect.

    A word whose place is taken, or too near one, goes to a free place beside it, so that a close
    look tells any two words apart.
    """
    low, high = positions.min(axis=0), positions.max(axis=0)
    width = float((high - low).max()) or 1.0
    grid = np.rint((positions - (low + high) / 2) / width * _GRID + _GRID / 2).astype(np.int64)
    grid = grid.clip(0, _GRID)
    places = _Places()
    rows = [places.take(x, y) for x, y in grid.tolist()]
    return np.array(rows, np.uint16)


class _Places:
    """Places on the grid that are taken: none is near another, see `_WIDE` and `_HIGH`."""

    def __init__(self) -> None:
        self._by_box: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._rings: dict[tuple[int, int], int] = {}  # the first that may have room, by place

    def take(self, x: int, y: int) -> tuple[int, int]:
        """Take a place, or a free one on the rings around it."""
        ring = self._rings.get((x, y), 0)
        while (free := self._free_on_ring(x, y, ring)) is None:
            ring += 1
        self._rings[x, y] = ring
        self._by_box.setdefault((free[0] // _WIDE, free[1] // _HIGH), []).append(free)
        return free

    def _free_on_ring(self, x: int, y: int, ring: int) -> tuple[int, int] | None:
        steps = range(-ring, ring + 1)
        for dx in sorted(steps, key=abs):
            for dy in steps if abs(dx) == ring else (-ring, ring):
                place = (x + _WIDE * dx, y + _HIGH * dy)
                if min(place) >= 0 and max(place) <= _GRID and self._is_free(place):
                    return place
        return None

    def _is_free(self, place: tuple[int, int]) -> bool:
        x, y = place
        return not any(
            abs(x - other_x) < _WIDE and abs(y - other_y) < _HIGH
            for column in range(x // _WIDE - 1, x // _WIDE + 2)
            for row in range(y // _HIGH - 1, y // _HIGH + 2)
            for other_x, other_y in self._by_box.get((column, row), ())
        )


def _import_umap() -> Any:
    try:
        import umap
    except ImportError as error:
        raise MissingExtraError("the layout 'umap'", "umap") from error
    return umap


def _umap(umap: Any, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about its single thread, which the seed needs
        model = umap.UMAP(n_neighbors=_UMAP_NEIGHBOURS, metric="cosine", random_state=1)
        return np.asarray(model.fit_transform(vectors), np.float64)
