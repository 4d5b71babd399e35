"""Helpers that several tests share."""

from __future__ import annotations

import json
import math
import os
import random
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from w2v.events import Event

ROOT = Path(__file__).parent.parent
KJV = ROOT / "corpus" / "kjv.txt"

JIT = not numba.config.DISABLE_JIT
"""Whether the kernels are compiled; without it they run as plain Python and take much longer."""

compiled_only = pytest.mark.skipif(not JIT, reason="takes too long without the compiler")

overflowing = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")
"""Ignore the warnings that diverging kernels cause if they run as plain Python."""

LINES = ["the quick brown fox jumps over the lazy dog", "the dog sleeps"] * 10
"""A small corpus of 120 words."""

WORDS = ["the", "dog", "brown", "fox", "jumps", "lazy", "over", "quick", "sleeps"]
"""The vocabulary of `LINES`, in order."""

TINY: dict[str, Any] = {"min_count": 1, "sample": 0, "dim": 8, "epochs": 2, "threads": 1}
"""Options of `w2v.train` that suit a small corpus."""

NO_NUMBERS = [
    *("", " ", "ten", "None", "True", "nan", "inf", "-inf", "Infinity", "0x10", "1_000", "1,000"),
    *("5 ", " 5", "5\n", "5L", "½", "٣", "٣.٥", "1e", "e5", ".", "+", "--", "\0", "5\udcff"),
    *("1e400", "-1e400", "9" * 5_000, "9" * 5_000 + ".5"),
]
"""Texts that are not numbers on the command line, or that no option accepts."""

NOBODY = 65534
"""The id of a user without privileges."""


def unprivileged(function: Callable[[], Any]) -> Any:
    """Call a function without the privileges of the superuser; return its result through JSON."""
    if os.geteuid():
        return json.loads(json.dumps(function()))
    reading, writing = os.pipe()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        child = os.fork()  # no other thread is active
    if not child:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            os.write(writing, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        result = pipe.read()
    os.waitpid(child, 0)
    return json.loads(result)


def change_owner(directory: Path) -> None:
    """Give a directory and its files to the user that `unprivileged` becomes."""
    if not os.geteuid():
        for path in (directory, *directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def chi_square(counts: np.ndarray, expected: np.ndarray) -> float:
    """The standard deviations by which the chi-square statistic exceeds its mean."""
    statistic = float(((counts - expected) ** 2 / expected).sum())
    degrees = len(counts) - 1
    return (statistic - degrees) / math.sqrt(2 * degrees)


class Killed(BaseException):
    """Simulate SIGKILL: training does not save a checkpoint on this exception."""


def random_text(letters: str, lines: int, seed: int) -> str:
    """Return lines of 2 to 9 random letters, each a word of its own."""
    draw = random.Random(seed)
    drawn = (" ".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(lines))
    return "\n".join(drawn) + "\n"


def raise_on(
    error: type[BaseException], kind: type[Event], epoch: int | None = None
) -> Callable[[Event], None]:
    """Return an observer that raises at the first event of a kind, optionally of one epoch.

    Events without an epoch match any epoch.
    """

    def observe(event: Event) -> None:
        if isinstance(event, kind) and (epoch is None or getattr(event, "epoch", epoch) == epoch):
            raise error

    return observe


def names(directory: str | Path = ".") -> list[str]:
    """Return the sorted names of the files in a directory."""
    return sorted(path.name for path in Path(directory).iterdir())


def content(directory: str | Path, files: Iterable[str] | None = None) -> dict[str, bytes]:
    """Return the bytes of the given files of a directory, or of all its files, by name."""
    selected = names(directory) if files is None else files
    return {name: (Path(directory) / name).read_bytes() for name in selected}
