"""A thread for the compiler, which cannot be interrupted, so that the caller can be.

An interrupt leaves the thread running. The interpreter cannot exit in an orderly way then, so a
program that is to end must ask `is_compiling` and call ``os._exit``.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

_WAKE_SECONDS = 0.1  # between two moments at which the caller can be interrupted


class _CompilerThread(threading.Thread):
    """Does some work, and stores the error that it ends with."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(name="w2v-compiler", daemon=True)
        self.error: BaseException | None = None
        self._work = work

    def run(self) -> None:
        """Do the work."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            self.error = error


def run(work: Callable[[], object], *, delay: float, on_delay: Callable[[], object]) -> None:
    """Do some work on a thread of its own and wait for it.

    Args:
        work: what to do. Whatever it raises is raised here.
        delay: seconds.
        on_delay: called once if the work takes longer than ``delay``.

    """
    thread = _CompilerThread(work)
    thread.start()
    thread.join(delay)
    if thread.is_alive():
        on_delay()
    while thread.is_alive():
        thread.join(_WAKE_SECONDS)
    if thread.error is not None:
        raise thread.error


def is_compiling() -> bool:
    """Whether such a thread is running, perhaps because its caller was interrupted."""
    return any(isinstance(thread, _CompilerThread) for thread in threading.enumerate())
