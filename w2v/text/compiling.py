"""Compilation of kernels on a thread of its own, with a report if it takes long."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from w2v.compute import compiler_thread, jit
from w2v.events import Compiling

if TYPE_CHECKING:
    from collections.abc import Callable

    from w2v.events import Observer

_REPORT_SECONDS = 2.0  # loading kernels from the cache takes less


def compile_kernels(observer: Observer, *stages: Callable[[], object]) -> float:
    """Compile the kernels of some stages, or load them from the cache.

    This runs on a thread of its own, because the compiler cannot be interrupted.

    Args:
        observer: receives `Compiling` if it takes long.
        stages: functions that use the kernels.

    Returns:
        The seconds it took.

    """
    started = time.perf_counter()

    def work() -> None:
        for stage in stages:
            stage()

    def report() -> None:
        directory = jit.cache_directory()
        observer(Compiling(None if directory is None else os.fspath(directory)))

    compiler_thread.run(work, delay=_REPORT_SECONDS, on_delay=report)
    return time.perf_counter() - started
