"""Parallel maps that yield their results in the order of the items."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# The number of items per thread that are submitted and not yet yielded, at most. It bounds memory.
_PENDING_PER_THREAD = 4


def ordered_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int,
    stop: Callable[[], object] | None = None,
) -> Generator[Result, None, None]:
    """Call a function for each item on several threads; yield the results in order.

    The calling thread takes the items from the iterable, a few ahead of the results. At the end,
    also after an error or an interrupt, it calls ``stop``, which makes calls of the function return
    that may take long, and waits for them.
    """
    pending: deque[Future[Result]] = deque()
    pool = _pool(threads)
    try:
        for item in items:
            if len(pending) >= _PENDING_PER_THREAD * threads:
                yield pending.popleft().result()
            pending.append(pool.submit(function, item))
        while pending:
            yield pending.popleft().result()
    finally:
        if stop is not None:
            stop()
        pool.shutdown(cancel_futures=True)


def pulling_map(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    threads: int,
    stop: Callable[[], object] | None = None,
) -> Generator[Result, None, None]:
    """As `ordered_map`, but the threads take the items from the iterable themselves.

    They take turns, so the iterable need not be thread-safe, but it must not depend on the thread
    that it runs on, and should not wait: an interrupt has effect only when it returns. What a
    thread takes is still in its cache when it calls the function.
    """
    numbered = enumerate(items)
    turn = threading.Lock()

    def work() -> tuple[int, Result] | None:
        with turn:
            taken = next(numbered, None)
        if taken is None:
            return None
        number, item = taken
        return number, function(item)

    pending: deque[Future[tuple[int, Result] | None]] = deque()
    early: dict[int, Result] = {}  # results whose turn has not come; fewer than are pending
    yielded = 0
    ended = False
    pool = _pool(threads)
    try:
        while True:
            while not ended and len(pending) < _PENDING_PER_THREAD * threads:
                pending.append(pool.submit(work))
            if not pending:
                return
            done = pending.popleft().result()
            if done is None:
                ended = True
                continue
            number, early[number] = done
            while yielded in early:
                yield early.pop(yielded)
                yielded += 1
    finally:
        if stop is not None:
            stop()
        pool.shutdown(cancel_futures=True)


def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="w2v-read")
