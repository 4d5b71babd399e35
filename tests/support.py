"""Helpers that several tests share."""

from __future__ import annotations

from pathlib import Path

import numba

ROOT = Path(__file__).parent.parent
KJV = ROOT / "corpus" / "kjv.txt"

JIT = not numba.config.DISABLE_JIT
"""Whether the kernels are compiled; without it they run as plain Python and take much longer."""
