"""A small plot of words at their first two principal components, with labels beside the points."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from w2v.views.figures import COLORS, GREY
from w2v.views.projection import principal_components

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.transforms import Bbox
    from numpy.typing import NDArray

# Where a label may stand beside its point: direction, horizontal and vertical alignment.
_PLACES = (
    (1, 0, "left", "center"),
    (-1, 0, "right", "center"),
    (0, 1, "center", "bottom"),
    (0, -1, "center", "top"),
    (1, 1, "left", "bottom"),
    (-1, 1, "right", "bottom"),
    (1, -1, "left", "top"),
    (-1, -1, "right", "top"),
)
_POINTS = 5  # between a point and its label
_MARGIN = 0.15


def draw_words(words: Sequence[str], unit: NDArray[np.floating[Any]], axes: Axes) -> None:
    """Draw words on axes. A label overlaps no other one if one of eight places is free.

    Args:
        words: n words.
        unit: (n, D), their vectors, scaled to length 1.
        axes: where to draw.

    """
    positions = principal_components(unit)
    axes.scatter(positions[:, 0], positions[:, 1], s=14, color=COLORS[0])
    axes.set_aspect("equal", adjustable="datalim")
    axes.margins(_MARGIN)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_color(GREY)
    axes.apply_aspect()
    # The renderer knows sizes in pixels; the points are obstacles too.
    pixels = axes.transData.transform(positions)
    taken: list[Bbox] = [_around(x, y) for x, y in pixels.tolist()]
    for row, (word, (x, y)) in enumerate(zip(words, positions.tolist(), strict=True)):
        taken.append(_place_label(axes, word, (x, y), taken, own=row))


def _place_label(
    axes: Axes, word: str, position: tuple[float, float], taken: Sequence[Bbox], own: int
) -> Bbox:
    """Put a label where it covers the least; return the box that it takes."""
    label = axes.annotate(
        word, position, xytext=(0, 0), textcoords="offset points", parse_math=False, fontsize=9
    )
    others = [box for place, box in enumerate(taken) if place != own]
    best: tuple[float, int] = (float("inf"), 0)
    for place in range(len(_PLACES)):
        box = _move(label, place)
        covered = sum(_overlap(box, other) for other in others)
        best = min(best, (covered, place))
        if not covered:
            break
    return _move(label, best[1])


def _move(label: Any, place: int) -> Bbox:
    """Move a label to one of the places beside its point; return its box in pixels."""
    right, up, horizontal, vertical = _PLACES[place]
    label.set_position((right * _POINTS, up * _POINTS))
    label.set_horizontalalignment(horizontal)
    label.set_verticalalignment(vertical)
    box: Bbox = label.get_window_extent()
    return box


def _around(x: float, y: float, radius: float = 3) -> Bbox:
    from matplotlib.transforms import Bbox

    return Bbox.from_extents(x - radius, y - radius, x + radius, y + radius)


def _overlap(first: Bbox, second: Bbox) -> float:
    """Return the area that two boxes share, in square pixels."""
    width: float = min(first.x1, second.x1) - max(first.x0, second.x0)
    height: float = min(first.y1, second.y1) - max(first.y0, second.y0)
    return max(width, 0.0) * max(height, 0.0)
