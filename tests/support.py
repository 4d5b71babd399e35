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


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """The standard deviations by which the chi-square statistic exceeds its mean."""
    statistic = float(((counts - expected) ** 2 / expected).sum())
    degrees = len(counts) - 1
    return (statistic - degrees) / math.sqrt(2 * degrees)
