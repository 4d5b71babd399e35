"""A plot of trainings by epoch: loss, validation loss and speed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from w2v.views.figures import COLORS, GREY, MARKERS, legible, style

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from w2v.events import EpochDone

_LEGEND_COLUMNS = 3


@dataclass(frozen=True)
class TrainingCurve:
    """The epochs of one training, with a name for the legend."""

    name: str
    epochs: Sequence[EpochDone]


def draw_training(curves: Sequence[TrainingCurve]) -> Figure:
    """Return a plot with a panel for the loss and one for the speed, a line for each training."""
    from matplotlib.figure import Figure

    legend_rows = math.ceil(len(curves) / _LEGEND_COLUMNS) if len(curves) > 1 else 0
    with style():
        figure = Figure(figsize=(8, 3.2 + 0.2 * legend_rows), layout="constrained")
        losses, speeds = figure.subplots(1, 2)
        handles = [
            _draw_losses(losses, curve.epochs, *_look(place)) for place, curve in enumerate(curves)
        ]
        for place, curve in enumerate(curves):
            _draw_line(speeds, curve.epochs, _million_words_per_second, *_look(place))
        _finish_panel(losses, "Loss", "mean loss per pair")
        _finish_panel(speeds, "Speed", "million words/s")
        speeds.set_ylim(0, 1.05 * speeds.get_ylim()[1])
        if any(_validation_loss(epoch) is not None for curve in curves for epoch in curve.epochs):
            _explain_dashes(losses)
        if legend_rows:
            legend = figure.legend(
                handles,
                [legible(curve.name) for curve in curves],
                loc="outside lower center",
                ncols=min(len(curves), _LEGEND_COLUMNS),
            )
            for text in legend.get_texts():
                text.set_parse_math(False)
        else:
            title = figure.suptitle(curves[0].name, x=0.01, ha="left", weight="bold")
            title.set_parse_math(False)
    return figure


def _look(place: int) -> tuple[str, str]:
    """Return the color and the marker of the training at a place; each pair occurs once in 35."""
    return COLORS[place % len(COLORS)], MARKERS[place // len(COLORS) % len(MARKERS)]


def _draw_losses(panel: Axes, epochs: Sequence[EpochDone], color: str, marker: str) -> Any:
    """Draw the loss, and that of validation as a dashed line; return the former."""
    _draw_line(panel, epochs, _validation_loss, color, marker, dashed=True)
    return _draw_line(panel, epochs, lambda epoch: epoch.loss, color, marker)


def _draw_line(
    panel: Axes,
    epochs: Sequence[EpochDone],
    value: Callable[[EpochDone], float | None],
    color: str,
    marker: str,
    *,
    dashed: bool = False,
) -> Any:
    """Draw a value by epoch; epochs without it are gaps."""
    values = [value(epoch) for epoch in epochs]
    (line,) = panel.plot(
        [epoch.epoch for epoch in epochs],
        [math.nan if number is None else number for number in values],
        color=color,
        linestyle="--" if dashed else "-",
        linewidth=1.3,
        marker=marker,
        markersize=3.5,
        markerfacecolor="white" if dashed else color,
    )
    return line


def _validation_loss(epoch: EpochDone) -> float | None:
    return epoch.validation_loss


def _million_words_per_second(epoch: EpochDone) -> float | None:
    return epoch.words / epoch.seconds / 1e6 if epoch.seconds > 0 else None


def _finish_panel(panel: Axes, title: str, unit: str) -> None:
    from matplotlib.ticker import MaxNLocator

    panel.set_title(title)
    panel.set_xlabel("epoch")
    panel.set_ylabel(unit)
    panel.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panel.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)


def _explain_dashes(panel: Axes) -> None:
    """Tell which line is the loss of the held-out text."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=GREY), Line2D([], [], color=GREY, linestyle="--")]
    panel.legend(lines, ["training text", "held-out text"])
