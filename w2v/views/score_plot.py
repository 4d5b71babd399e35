"""A plot of the scores of models on evaluation sets, with their intervals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from w2v.views.figures import COLORS, GREY, MARKERS, legible, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LEGEND_COLUMNS = 3
_BAND = 0.6  # of the height of a row, which the models share
_PERCENT = 100


class SetScore(NamedTuple):
    """A score and its interval, as fractions; None if it is not defined."""

    name: str
    score: float | None
    low: float | None
    high: float | None


def draw_scores(names: Sequence[str], scores: Sequence[Sequence[SetScore]]) -> Figure:
    """Return a plot with a row for each set, and in it a point with an interval for each model.

    Args:
        names: the names of the models.
        scores: of each model, on the same sets in the same order.

    """
    from matplotlib.figure import Figure

    sets = [score.name for score in scores[0]]
    legend_rows = math.ceil(len(names) / _LEGEND_COLUMNS)
    height = 0.9 + len(sets) * max(0.4, 0.14 * len(names)) + 0.2 * legend_rows
    with style():
        figure = Figure(figsize=(7, height), layout="constrained")
        panel = figure.subplots()
        step = _BAND / max(len(names), 1)
        handles = [
            _draw_model(panel, of_model, (place - (len(names) - 1) / 2) * step, place)
            for place, of_model in enumerate(scores)
        ]
        panel.set_yticks(range(len(sets)), sets)
        panel.set_ylim(len(sets) - 0.5, -0.5)
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="x", color=GREY, alpha=0.25, linewidth=0.6)
        panel.set_xlabel("accuracy in %, or Spearman's rho times 100; 95 % interval")
        legend = figure.legend(
            handles,
            list(map(legible, names)),
            loc="outside lower center",
            ncols=min(len(names), _LEGEND_COLUMNS),
        )
        for text in (*legend.get_texts(), *panel.get_yticklabels()):
            text.set_parse_math(False)
    return figure


def _draw_model(panel: Axes, scores: Sequence[SetScore], offset: float, place: int) -> Artist:
    """Draw the points of a model, and lines for those intervals that are defined."""
    color, marker = COLORS[place % len(COLORS)], MARKERS[place // len(COLORS) % len(MARKERS)]
    for row, (_, _, low, high) in enumerate(scores):
        if low is not None and high is not None:
            ends = [_PERCENT * low, _PERCENT * high]
            panel.plot(ends, [row + offset] * 2, color=color, linewidth=1.3)
    points = [
        (_PERCENT * score.score, row + offset)
        for row, score in enumerate(scores)
        if score.score is not None
    ]
    across, up = zip(*points, strict=True) if points else ((), ())
    return panel.scatter(across, up, color=color, marker=marker, s=20, zorder=3)
