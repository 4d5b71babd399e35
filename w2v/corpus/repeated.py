"""Lines that occur several times, found by their hashes in bounded memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.compute.jit import kernel
from w2v.compute.simd import prefetch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

MOST_LINES = 1 << 21
"""The distinct lines that are compared: the first ones. Their hashes take 48 MB."""

_FIRST_SLOTS = 1 << 12
_PREFETCH = 8
_MASK = 0xFFFF_FFFF  # more occurrences of a line than this are not expected
# The texts of repeated lines that are remembered, at most and after some were dropped.
_MOST_TEXTS = 1 << 12
_KEPT_TEXTS = 1 << 10


class _Progress(NamedTuple):
    """The progress of counting the lines of a block.

    Attributes:
        done: lines that were looked at.
        known: distinct lines in the table.
        repeats: lines that are equal to one before.
        repeated_bytes: of these.
        left_out: lines that had no room in the table.
        marked: lines of the block whose count has just doubled.

    """

    done: int
    known: int
    repeats: int
    repeated_bytes: int
    left_out: int
    marked: int


@kernel
def _count_lines(
    hashes: NDArray[np.uint64],
    sizes: NDArray[np.int64],
    keys: NDArray[np.uint64],
    counts: NDArray[np.uint32],
    most: int,
    progress: _Progress,
    marked: NDArray[np.int64],
) -> _Progress:
    """Count lines until the table must grow.

    Args:
        hashes: (n,) of the lines; those with 0 are left out.
        sizes: (n,) of the lines, in bytes.
        keys: (k,) the hashes in the table, 0 in empty slots; k is a power of two.
        counts: (k,) the occurrences of each.
        most: the highest number of distinct lines.
        progress: the state to continue from.
        marked: (n,) receives the numbers of lines that occur for the 2nd, 4th, 8th ... time.

    """
    done, known, repeats, repeated_bytes, left_out, found = progress
    last = np.uint64(len(keys) - 1)
    n = len(hashes)
    while done < n:
        if done + _PREFETCH < n:
            prefetch(keys, int(hashes[done + _PREFETCH] & last))
        key = hashes[done]
        if key == np.uint64(0):
            done += 1
            continue
        slot = key & last
        while keys[slot] != np.uint64(0) and keys[slot] != key:
            slot = (slot + np.uint64(1)) & last
        if keys[slot] == key:
            count = np.int64(counts[slot]) + 1
            counts[slot] = count & _MASK
            repeats += 1
            repeated_bytes += sizes[done]
            if count & (count - 1) == 0:
                marked[found] = done
                found += 1
        elif known >= most:
            left_out += 1
        elif 2 * (known + 1) > len(keys):
            break
        else:
            keys[slot] = key
            counts[slot] = 1
            known += 1
        done += 1
    return _Progress(done, known, repeats, repeated_bytes, left_out, found)


@kernel
def _move(
    old_keys: NDArray[np.uint64],
    old_counts: NDArray[np.uint32],
    keys: NDArray[np.uint64],
    counts: NDArray[np.uint32],
) -> None:
    """Move a table into a larger one, which is empty."""
    last = np.uint64(len(keys) - 1)
    for i in range(len(old_keys)):
        if old_keys[i] != np.uint64(0):
            slot = old_keys[i] & last
            while keys[slot] != np.uint64(0):
                slot = (slot + np.uint64(1)) & last
            keys[slot] = old_keys[i]
            counts[slot] = old_counts[i]


class RepeatedLines:
    """Counts equal lines.

    The texts of the most frequent ones are stored. A line shows itself when its count doubles; then
    its text is stored. If these are too many, those with the lowest counts are dropped.

    Args:
        most: the highest number of distinct lines; further ones are not compared.

    Attributes:
        repeats: lines that are equal to one before.
        repeated_bytes: of these.
        left_out: lines that were not compared.

    """

    def __init__(self, most: int = MOST_LINES) -> None:
        self.repeats = self.repeated_bytes = self.left_out = 0
        self._most = most
        self._known = 0
        self._keys: NDArray[np.uint64] = np.zeros(_FIRST_SLOTS, np.uint64)
        self._counts: NDArray[np.uint32] = np.zeros(_FIRST_SLOTS, np.uint32)
        self._texts: dict[int, bytes] = {}

    def add(
        self, hashes: NDArray[np.uint64], sizes: NDArray[np.int64], text: Callable[[int], bytes]
    ) -> None:
        """Count the lines of a block.

        Args:
            hashes: (n,) of the lines; those with 0 are left out.
            sizes: (n,) in bytes.
            text: returns the beginning of a line by its number.

        """
        marked: NDArray[np.int64] = np.empty(len(hashes), np.int64)
        state = _Progress(
            0, self._known, self.repeats, self.repeated_bytes, self.left_out, marked=0
        )
        while True:
            state = _Progress(
                *map(
                    int,
                    _count_lines(
                        hashes, sizes, self._keys, self._counts, self._most, state, marked
                    ),
                )
            )
            if state.done == len(hashes):
                break
            self._grow()
        _, self._known, self.repeats, self.repeated_bytes, self.left_out, found = state
        for number in marked[:found].tolist():
            self._texts[int(hashes[number])] = text(number)
        if len(self._texts) > _MOST_TEXTS:
            kept = sorted(self._texts, key=self._count_of, reverse=True)[:_KEPT_TEXTS]
            self._texts = {key: self._texts[key] for key in kept}

    def most_frequent(self, number: int) -> list[tuple[bytes, int]]:
        """Return the most frequent repeated lines, their beginnings with their counts."""
        ranked = sorted(self._texts, key=self._count_of, reverse=True)[:number]
        return [(self._texts[key], self._count_of(key)) for key in ranked]

    def _count_of(self, key: int) -> int:
        last = len(self._keys) - 1
        slot = key & last
        while int(self._keys[slot]) != key:
            slot = (slot + 1) & last
        return int(self._counts[slot])

    def _grow(self) -> None:
        keys: NDArray[np.uint64] = np.zeros(2 * len(self._keys), np.uint64)
        counts: NDArray[np.uint32] = np.zeros(2 * len(self._keys), np.uint32)
        _move(self._keys, self._counts, keys, counts)
        self._keys, self._counts = keys, counts
