"""Counts of pairs of words that stand beside each other, in bounded memory.

A pair is a number of 64 bits: the codes of its two words, and of up to two connector words between
them. The pairs are divided by their hashes into parts, each with a hash table of its own, so that
several threads count at once without waiting for each other.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.parallel import ordered_map
from w2v.compute.random import mix
from w2v.config import MOST_CONNECTORS
from w2v.text.phrases import MAX_CONNECTORS

if TYPE_CHECKING:
    from collections.abc import Sequence

RARE = 0
"""The code of words that are in no pair. The codes of connector words follow, up to
MOST_CONNECTORS, then those of other words."""

MOST_WORDS = (1 << 26) - MOST_CONNECTORS - 1
"""The maximum number of other words with a code."""

BREAK = 0xFFFF_FFFF
"""Stands between lines in place of a code."""

Code = int | np.int64

_CONNECTOR_BITS = 6
_WORD_BITS = 26
_PARTS = 16
_PART_SHIFT = np.uint64(60)
# The tables of all parts hold 2^25 slots of 12 bytes at most, 400 MB. A table is full at 7 / 10.
_MAX_SLOTS = 1 << 21
_MIN_SLOTS = 1 << 12


class Pairs(NamedTuple):
    """Distinct pairs.

    Attributes:
        first: (n,) the code of the first word of each.
        last: (n,) the code of the last word.
        connectors: (n, 2) the codes of the connector words between them, or RARE.
        counts: (n,) how often each occurs.

    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    connectors: NDArray[np.int64]
    counts: NDArray[np.int64]


class Position(NamedTuple):
    """A position in a line of codes.

    Attributes:
        first: the code of the last word that can begin a pair, or RARE.
        between: the codes of the connector words behind it, packed.
        connectors: their number.

    """

    first: Code
    between: Code
    connectors: int


@inlined
def pair_key(first: Code, between: Code, last: Code) -> np.uint64:
    """Return the number of a pair."""
    shift = 2 * _CONNECTOR_BITS
    return np.uint64((first << (_WORD_BITS + shift)) | (last << shift) | between)


def pair_keys(
    first: NDArray[np.int64], connectors: NDArray[np.int64], last: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Return the numbers of pairs; the arguments are those of `Pairs`."""
    between = np.where(
        connectors[:, 1] == RARE,
        connectors[:, 0],
        (connectors[:, 0] << _CONNECTOR_BITS) | connectors[:, 1],
    )
    shift = 2 * _CONNECTOR_BITS
    return ((first << (_WORD_BITS + shift)) | (last << shift) | between).astype(np.uint64)


@kernel
def list_pairs(codes: NDArray[np.uint32], keys: NDArray[np.uint64]) -> int:
    """List the pairs of some lines.

    Args:
        codes: (n,) of the words, BREAK between lines.
        keys: (n,) receives the numbers of the pairs.

    Returns:
        How many there are.

    """
    found = 0
    position = Position(RARE, 0, 0)
    for i in range(len(codes)):
        code = np.int64(codes[i])
        if code in (BREAK, RARE):
            position = Position(RARE, 0, 0)
        elif code <= MOST_CONNECTORS:
            position = after_connector(position, code)
        else:
            if position.first != RARE:
                keys[found] = pair_key(position.first, position.between, code)
                found += 1
            position = Position(code, 0, 0)
    return found


@inlined
def after_connector(position: Position, code: Code) -> Position:
    """Return the position behind one more connector word."""
    if position.first == RARE or position.connectors == MAX_CONNECTORS:
        return Position(RARE, 0, 0)
    between = (position.between << _CONNECTOR_BITS) | code
    return Position(position.first, between, position.connectors + 1)


@kernel
def _divide(keys: NDArray[np.uint64], divided: NDArray[np.uint64], ends: NDArray[np.int64]) -> None:
    """Sort pairs by part; ``ends`` (_PARTS + 1,) receives where each part begins and ends."""
    ends[:] = 0
    for i in range(len(keys)):
        ends[np.int64(mix(keys[i]) >> _PART_SHIFT) + 1] += 1
    for i in range(_PARTS):
        ends[i + 1] += ends[i]
    next_place = ends[:_PARTS].copy()
    for i in range(len(keys)):
        part = np.int64(mix(keys[i]) >> _PART_SHIFT)
        divided[next_place[part]] = keys[i]
        next_place[part] += 1


@inlined
def find_slot(slots: NDArray[np.uint64], key: np.uint64) -> np.uint64:
    """Return the slot of a pair, or an empty one."""
    mask = np.uint64(len(slots) - 1)
    slot = mix(key) & mask
    while slots[slot] != key and slots[slot] != 0:
        slot = (slot + np.uint64(1)) & mask
    return slot


@kernel
def _count(
    keys: NDArray[np.uint64],
    slots: NDArray[np.uint64],
    counts: NDArray[np.uint32],
    used: int,
) -> tuple[int, int]:
    """Count pairs until the table is full.

    Args:
        keys: (n,) the pairs.
        slots: (2^k,) the pairs of the table, or 0.
        counts: (2^k,) their counts.
        used: the number of slots in use.

    Returns:
        The number of pairs that were counted, and of slots in use.

    """
    limit = 7 * len(slots) // 10
    for i in range(len(keys)):
        slot = find_slot(slots, keys[i])
        if slots[slot] == 0:
            if used >= limit:
                return i, used
            slots[slot] = keys[i]
            used += 1
        counts[slot] += np.uint32(1)
    return len(keys), used


@kernel
def _insert(
    keys: NDArray[np.uint64],
    values: NDArray[np.uint32],
    slots: NDArray[np.uint64],
    slot_values: NDArray[np.uint32],
) -> None:
    """Insert distinct pairs with their values into a table that has room for them."""
    for i in range(len(keys)):
        slot = find_slot(slots, keys[i])
        slots[slot] = keys[i]
        slot_values[slot] = values[i]


def make_table(
    keys: NDArray[np.uint64], values: NDArray[np.uint32]
) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    """Return the slots and values of a table of distinct pairs, for `find_slot`."""
    size = 1 << (2 * len(keys) + 1).bit_length()
    slots, slot_values = np.zeros(size, np.uint64), np.zeros(size, np.uint32)
    _insert(keys, values, slots, slot_values)
    return slots, slot_values


class PairCounter:
    """Counts pairs of words.

    Memory is bounded: a table that is full and cannot grow drops its rarest pairs, as word2phrase
    does (Mikolov et al. 2013b). The result does not depend on the number of threads.

    Args:
        max_slots: the maximum size of the table of each of the 16 parts, a power of 2.

    Attributes:
        pruned: the number of pairs that were dropped.

    """

    def __init__(self, max_slots: int = _MAX_SLOTS) -> None:
        self._parts = [_Part(max_slots) for _ in range(_PARTS)]

    @property
    def pruned(self) -> int:
        """The number of pairs that were dropped to bound memory, with repetitions."""
        return sum(part.pruned for part in self._parts)

    @staticmethod
    def divide(codes: NDArray[np.uint32]) -> list[NDArray[np.uint64]]:
        """Return the pairs of some lines of codes, divided into parts, for `add`."""
        keys = np.empty(len(codes), np.uint64)
        keys = keys[: list_pairs(codes, keys)]
        divided, ends = np.empty_like(keys), np.zeros(_PARTS + 1, np.int64)
        _divide(keys, divided, ends)
        return [divided[start:end] for start, end in itertools.pairwise(ends.tolist())]

    def add(self, divided: Sequence[list[NDArray[np.uint64]]], threads: int) -> None:
        """Count the pairs of some blocks.

        Args:
            divided: what `divide` returned for each, in the order of the text.
            threads: for the work.

        """

        def add(number: int) -> None:
            for block in divided:
                self._parts[number].add(block[number])

        for _ in ordered_map(add, range(_PARTS), threads):
            pass

    def pairs(self, min_count: int) -> Pairs:
        """Return the pairs that occur at least this often, in the order of their numbers."""
        found = [part.pairs(min_count) for part in self._parts]
        keys = np.concatenate([keys for keys, _ in found])
        order = np.argsort(keys)
        counts = np.concatenate([counts for _, counts in found])[order].astype(np.int64)
        # Signed once the first word, whose highest bit would be the sign, is shifted away.
        keys = keys[order]
        low = (1 << _CONNECTOR_BITS) - 1
        first = (keys >> np.uint64(_WORD_BITS + 2 * _CONNECTOR_BITS)).astype(np.int64)
        rest = (keys & np.uint64((1 << (_WORD_BITS + 2 * _CONNECTOR_BITS)) - 1)).astype(np.int64)
        last, before = rest >> 2 * _CONNECTOR_BITS, (rest >> _CONNECTOR_BITS) & low
        connectors = np.stack([before, rest & low], axis=1)
        single = before == RARE
        connectors[single] = connectors[single][:, ::-1]
        return Pairs(first, last, connectors, counts)


class _Part:
    """The hash table of one part of the pairs."""

    def __init__(self, max_slots: int) -> None:
        self.pruned = 0
        self._max_slots = max_slots
        self._least = 1  # pairs with a lower count were dropped
        self._used = 0
        self._resize(min(_MIN_SLOTS, max_slots))

    def _resize(self, size: int) -> None:
        self._slots, self._counts = np.zeros(size, np.uint64), np.zeros(size, np.uint32)

    def add(self, keys: NDArray[np.uint64]) -> None:
        while True:
            done, self._used = _count(keys, self._slots, self._counts, self._used)
            if done == len(keys):
                return
            keys = keys[done:]
            self._make_room()

    def _make_room(self) -> None:
        """Double the table, or drop the rarest pairs if it must not grow."""
        size = 2 * len(self._slots)
        if size > self._max_slots:
            size = len(self._slots)
            self._least += 1
        keys, counts = self.pairs(self._least)
        self.pruned += self._used - len(keys)
        self._used = len(keys)
        self._resize(size)
        _insert(keys, counts, self._slots, self._counts)

    def pairs(self, min_count: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        kept = np.flatnonzero(self._counts >= max(min_count, 1))
        return self._slots[kept], self._counts[kept]
