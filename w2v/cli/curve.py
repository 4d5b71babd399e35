"""A small curve of numbers in one line of text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from w2v.cli.terminal import shows_unicode

BLOCKS = "▁▂▃▄▅▆▇█"
ASCII = "_.-=+*%#"
"""The same heights for terminals that cannot show `BLOCKS`."""

_WIDTH = 40


def curve(values: Sequence[float], levels: str = BLOCKS, width: int = _WIDTH) -> str:
    """Return a character for each number, higher ones for larger numbers.

    The lowest number has the lowest character and the highest one the highest. If there are more
    than ``width`` numbers, each character stands for the mean of several. Equal numbers are a line
    at the bottom.
    """
    count = min(len(values), width)
    cuts = [len(values) * place // max(count, 1) for place in range(count + 1)]
    means = [fmean(values[start:end]) for start, end in pairwise(cuts)]
    low, high = min(means, default=0.0), max(means, default=0.0)
    top = len(levels) - 1
    return "".join(
        levels[round(top * (value - low) / (high - low)) if high > low else 0] for value in means
    )


def levels_of_terminal() -> str:
    """Return `BLOCKS`, or `ASCII` if the locale says that the terminal shows no Unicode."""
    return BLOCKS if shows_unicode() else ASCII
