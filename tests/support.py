"""Helpers that several tests share."""

from __future__ import annotations

import json
import math
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np

ROOT = Path(__file__).parent.parent
KJV = ROOT / "corpus" / "kjv.txt"

JIT = not numba.config.DISABLE_JIT
"""Whether the kernels are compiled; without it they run as plain Python and take much longer."""

NOBODY = 65534
"""The id of a user without rights."""


def unprivileged(work: Callable[[], Any]) -> Any:
    """Do some work without the rights of the superuser; return its result, as JSON has it."""
    if os.geteuid():
        return json.loads(json.dumps(work()))
    reading, writing = os.pipe()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        child = os.fork()  # other threads sleep
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writing, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return json.loads(result)


def hand_over(directory: Path) -> None:
    """Give a directory and its files to the user that `unprivileged` becomes."""
    if not os.geteuid():
        for path in (directory, *directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """The standard deviations by which the chi-square statistic exceeds its mean."""
    statistic = float(((counts - expected) ** 2 / expected).sum())
    degrees = len(counts) - 1
    return (statistic - degrees) / math.sqrt(2 * degrees)
