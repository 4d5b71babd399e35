"""Helpers that several tests share."""

from __future__ import annotations

import math
from pathlib import Path

import numba
import numpy as np

ROOT = Path(__file__).parent.parent
KJV = ROOT / "corpus" / "kjv.txt"

JIT = not numba.config.DISABLE_JIT
"""Whether the kernels are compiled; without it they run as plain Python and take much longer."""


NO_NUMBERS = [
    *("", " ", "ten", "None", "True", "nan", "inf", "-inf", "Infinity", "0x10", "1_000", "1,000"),
    *("5 ", " 5", "5\n", "5L", "½", "٣", "٣.٥", "1e", "e5", ".", "+", "--", "\0", "5\udcff"),
    *("1e400", "-1e400", "9" * 5_000, "9" * 5_000 + ".5"),
]
"""Texts that are not numbers on the command line, or that no option accepts."""


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """The standard deviations by which the chi-square statistic exceeds its mean."""
    statistic = float(((counts - expected) ** 2 / expected).sum())
    degrees = len(counts) - 1
    return (statistic - degrees) / math.sqrt(2 * degrees)
