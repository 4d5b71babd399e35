"""A parallel map that yields its results in the order of the items."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


Done = TypeVar("Done")


# Blocks of text that are in the hands of the threads, for each thread.
_BLOCKS_AHEAD = 4


def ordered_map(
    work: Callable[[Item], Done], items: Iterable[Item], threads: int
) -> Generator[Done, None, None]:
    """Do some work on threads and give its results in the order of the items."""
    pending: deque[Future[Done]] = deque()
    pool = ThreadPoolExecutor(threads, thread_name_prefix="w2v-read")
    try:
        for item in items:
            if len(pending) >= _BLOCKS_AHEAD * threads:
                yield pending.popleft().result()
            pending.append(pool.submit(work, item))
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
