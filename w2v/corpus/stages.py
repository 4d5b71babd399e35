"""The time that each stage of reading a corpus takes."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class StageTimes:
    """Seconds that each stage took, added up over threads.

    Threads work in parallel, so the sum can exceed the elapsed time. Time that a thread waits for a
    processor is included.

    Attributes:
        input: reading bytes, decompressing them, and splitting them into blocks.
        tokenizing: splitting blocks into words.
        hashing: looking up and counting words.
        spooling: writing provisional ids to the disk.
        phrases: finding and joining phrases, if this is asked for.
        ranking: finding the distinct words of the threads' tables and ranking the words.
        renaming: replacing provisional ids by ranks, and writing these.

    """

    input: float = 0.0
    tokenizing: float = 0.0
    hashing: float = 0.0
    spooling: float = 0.0
    phrases: float = 0.0
    ranking: float = 0.0
    renaming: float = 0.0

    @contextmanager
    def measure(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage. Not for several threads at once."""
        started = time.perf_counter()
        yield
        setattr(self, stage, getattr(self, stage) + time.perf_counter() - started)
