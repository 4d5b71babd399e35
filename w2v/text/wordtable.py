"""Distinct words with their counts and provisional ids: an open-addressing hash table.

The words lie one after the other in a pool of bytes: word ``i`` is ``pool[ends[i] : ends[i + 1]]``.
A slot of the table is a pair of numbers. The first is the word itself if it has at most eight
bytes, otherwise its offset in the pool. The second holds 20 bits of the word's hash, 12 bits of
its length, and its id plus one; zero marks an empty slot. So most words, which are short, are found
with one access to memory. Collisions are resolved by linear probing, and the table is at most half
full.

On English text it takes 13 ns to look up and count a word, or 23 ns without prefetching. The search
stands in the kernel itself: as an inlined function with several return statements it took 50 ns,
because the references to its arrays were counted at each call.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import inlined, kernel
from w2v.compute.simd import eight_bytes, prefetch
from w2v.errors import VocabularyError

if TYPE_CHECKING:
    from collections.abc import Sequence

Number = TypeVar("Number", bound=np.generic)

NO_WORD = 0xFFFF_FFFF
"""The id of an empty word, which marks the end of a line."""

SLACK = 8
"""Unused bytes at the end of each array of words, which are read eight bytes at a time."""

MAX_LENGTH = (1 << 12) - 1
"""The highest length of a word in bytes; a slot has 12 bits for it."""

# The highest number of distinct words: at the next size of the table, ids would exceed 32 bits.
_MAX_WORDS = 1 << 31

# Words between the prefetch of a slot and its use; and of the count and bytes that it leads to.
_PREFETCH_SLOT = 16
_PREFETCH_WORD = 8

_SHORT = 8  # bytes of a word that fits into a slot
_ID_BITS = np.uint64(32)
_ID_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_TAG_SHIFT = np.uint64(44)
_LENGTH_BITS = np.uint64(12)
_LENGTH_MASK = np.uint64(MAX_LENGTH)
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
_HASH_START = np.uint64(0xCBF29CE484222325)
_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: Knuth's multiplier


class Words(NamedTuple):
    """A batch of words.

    Attributes:
        data: uint8, their bytes, and SLACK.
        starts: (n,) int64, the offset of each word in ``data``.
        lengths: (n,) int32, in bytes, from 0 to MAX_LENGTH.
        hashes: (n,) uint64, the `hash_word` of each; ignored for empty words.

    """

    data: NDArray[np.uint8]
    starts: NDArray[np.int64]
    lengths: NDArray[np.int32]
    hashes: NDArray[np.uint64]

    def head(self, size: int) -> Words:
        """Return the first ``size`` words."""
        return Words(self.data, self.starts[:size], self.lengths[:size], self.hashes[:size])


class TableArrays(NamedTuple):
    """The memory of a table.

    Attributes:
        slots: (2 k,) uint64, pairs of numbers; k is a power of two.
        pool: uint8, the bytes of all words, and SLACK.
        ends: (capacity + 1,) int64, the end of each word in the pool.
        counts: (capacity,) int64, the occurrences of each word.

    """

    slots: NDArray[np.uint64]
    pool: NDArray[np.uint8]
    ends: NDArray[np.int64]
    counts: NDArray[np.int64]


class Added(NamedTuple):
    """The progress of adding a batch of words.

    Attributes:
        done: words of the batch that were added.
        words: words in the table.
        pool_bytes: bytes in the pool.

    """

    done: int
    words: int
    pool_bytes: int


@inlined
def _first_eight(data: NDArray[np.uint8], start: int, length: int) -> np.uint64:
    """Return the first eight bytes of a word as a number; a shorter word is padded with zeros."""
    value = eight_bytes(data, start)
    if length < 8:
        value &= _ALL_BITS >> np.uint64(64 - 8 * length)
    return value


@inlined
def _mix(value: np.uint64, eight: np.uint64) -> np.uint64:
    """Add eight bytes to a hash."""
    value = (value ^ eight) * _HASH_FACTOR
    return value ^ (value >> _HALF)


@inlined
def hash_word(data: NDArray[np.uint8], start: int, length: int) -> np.uint64:
    """Hash a word of at least one byte, eight bytes at a time: exclusive or, multiply, fold."""
    value = _HASH_START ^ np.uint64(length)
    for i in range(0, length, 8):
        value = _mix(value, _first_eight(data, start + i, length - i))
    return value


@inlined
def _tag(hash_value: np.uint64, length: int) -> np.uint64:
    """Return the bits of a slot above the id."""
    return ((hash_value >> _TAG_SHIFT) << _LENGTH_BITS) | np.uint64(length)


@kernel
def _add(
    words: Words, table: TableArrays, progress: Added, times: int, ids: NDArray[np.uint32]
) -> Added:
    """Look up a batch of words, add new ones, and count all.

    Args:
        words: the batch.
        table: updated.
        progress: the state to continue from.
        times: the number to add to the count of each word.
        ids: (n,) receives the id of each word, NO_WORD for empty ones.

    Returns:
        The progress; if ``done`` is less than n, the table must grow first.

    """
    data, starts, lengths, hashes = words
    slots, pool, ends, counts = table
    size = progress.words
    pool_bytes = progress.pool_bytes
    n = len(starts)
    last_slot = np.uint64(len(slots) - 2)
    for i in range(progress.done, n):
        if i + _PREFETCH_SLOT < n:
            prefetch(slots, int((hashes[i + _PREFETCH_SLOT] << np.uint64(1)) & last_slot))
        if i + _PREFETCH_WORD < n:
            ahead = (hashes[i + _PREFETCH_WORD] << np.uint64(1)) & last_slot
            prefetch(counts, int(slots[ahead + np.uint64(1)] & _ID_MASK) - 1)
            prefetch(pool, int(slots[ahead]) if lengths[i + _PREFETCH_WORD] > _SHORT else 0)
        length = int(lengths[i])
        if length == 0:
            ids[i] = NO_WORD
            continue
        start = starts[i]
        word = _first_eight(data, start, length)
        tag = _tag(hashes[i], length)
        slot = (hashes[i] << np.uint64(1)) & last_slot
        while True:
            entry = slots[slot + np.uint64(1)]
            if entry >> _ID_BITS == tag:
                same = slots[slot] == word
                if length > _SHORT:
                    offset = int(slots[slot])
                    same = True
                    for k in range(0, length, 8):
                        mine = _first_eight(data, start + k, length - k)
                        same &= _first_eight(pool, offset + k, length - k) == mine
                if same:
                    break
            elif entry == np.uint64(0):
                if 4 * (size + 1) > len(slots) or pool_bytes + length + SLACK > len(pool):
                    return Added(i, size, pool_bytes)
                for k in range(length):
                    pool[pool_bytes + k] = data[start + k]
                entry = (tag << _ID_BITS) | np.uint64(size + 1)
                slots[slot] = word if length <= _SHORT else np.uint64(pool_bytes)
                slots[slot + np.uint64(1)] = entry
                size += 1
                pool_bytes += length
                ends[size] = pool_bytes
                break
            slot = (slot + np.uint64(2)) & last_slot
        found = np.int64(entry & _ID_MASK) - 1
        counts[found] += times
        ids[i] = found
    return Added(n, size, pool_bytes)


@kernel
def _hash_words(words: Words) -> None:
    """Fill in the hashes of a batch."""
    for i in range(len(words.hashes)):
        words.hashes[i] = hash_word(words.data, words.starts[i], words.lengths[i])


def as_batch(words: Sequence[bytes]) -> Words:
    """Return words, empty ones included, as a batch with hashes."""
    data = np.frombuffer(b"".join(words), np.uint8)
    return packed_batch(data, np.fromiter(map(len, words), np.int32, len(words)))


def packed_batch(data: NDArray[np.uint8], lengths: NDArray[np.int32]) -> Words:
    """Return words as a batch with hashes, given all their bytes and the length of each."""
    lengths = np.array(lengths)  # kernels are compiled for arrays that can be written
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    batch = Words(
        np.append(data, np.zeros(SLACK, np.uint8)),
        starts,
        lengths,
        np.empty(len(lengths), np.uint64),
    )
    _hash_words(batch)
    return batch


@inlined
def _hash_entry(first: np.uint64, entry: np.uint64, pool: NDArray[np.uint8]) -> np.uint64:
    """Return the `hash_word` of the word of a slot, given the two numbers of the slot."""
    length = int((entry >> _ID_BITS) & _LENGTH_MASK)
    if length <= _SHORT:
        value = _mix(_HASH_START ^ np.uint64(length), first)
    else:
        value = hash_word(pool, int(first), length)
    return value


@kernel
def _find(
    part: NDArray[np.uint64],
    pool: NDArray[np.uint8],
    table: TableArrays,
    base: int,
    found: NDArray[np.int64],
) -> None:
    """Look up the words of some slots of one table in another.

    In the order of the slots, those that are looked up are in order too, as in `_rehash`.

    Args:
        part: the slots, pairs of numbers.
        pool: the bytes of their words.
        table: where to look.
        base: added to the ids of that table.
        found: for each word of the first table, its id in the second plus ``base``; not changed
            for words that are not found, and not looked up for those that have a number already.

    """
    slots = table.slots
    last_slot = np.uint64(len(slots) - 2)
    for i in range(0, len(part), 2):
        if i + 2 * _PREFETCH_SLOT < len(part):
            ahead = part[i + 2 * _PREFETCH_SLOT + 1]
            if ahead != np.uint64(0):
                prefetch(found, int(ahead & _ID_MASK) - 1)
                long = (ahead >> _ID_BITS) & _LENGTH_MASK > np.uint64(_SHORT)
                prefetch(pool, int(part[i + 2 * _PREFETCH_SLOT]) if long else 0)
        mine = part[i + 1]
        if mine == np.uint64(0):
            continue
        word = np.int64(mine & _ID_MASK) - 1
        if found[word] >= 0:
            continue
        first = part[i]
        tag = mine >> _ID_BITS
        length = int(tag & _LENGTH_MASK)
        slot = (_hash_entry(first, mine, pool) << np.uint64(1)) & last_slot
        while True:
            entry = slots[slot + np.uint64(1)]
            if entry == np.uint64(0):
                break
            if entry >> _ID_BITS == tag:
                same = slots[slot] == first
                if length > _SHORT:
                    same = True
                    start, offset = int(first), int(slots[slot])
                    for k in range(0, length, 8):
                        eight = _first_eight(pool, start + k, length - k)
                        same &= _first_eight(table.pool, offset + k, length - k) == eight
                if same:
                    found[word] = base + np.int64(entry & _ID_MASK) - 1
                    break
            slot = (slot + np.uint64(2)) & last_slot


@kernel
def _rehash(old: NDArray[np.uint64], pool: NDArray[np.uint8], slots: NDArray[np.uint64]) -> None:
    """Insert all words of a table into empty, larger slots.

    In the order of the old slots, the new slots are in order too, in as many runs as the table has
    grown by. In the order of the words, each access would miss the cache.
    """
    last_slot = np.uint64(len(slots) - 2)
    for i in range(0, len(old), 2):
        if old[i + 1] != np.uint64(0):
            slot = (_hash_entry(old[i], old[i + 1], pool) << np.uint64(1)) & last_slot
            while slots[slot + np.uint64(1)] != np.uint64(0):
                slot = (slot + np.uint64(2)) & last_slot
            slots[slot] = old[i]
            slots[slot + np.uint64(1)] = old[i + 1]


@kernel
def _copy_words(
    pool: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    data: NDArray[np.uint8],
    positions: NDArray[np.int64],
) -> None:
    """Copy the words at ``starts`` to ``positions``."""
    for i in range(len(starts)):
        shift = starts[i] - positions[i]
        for k in range(positions[i], positions[i] + lengths[i]):
            data[k] = pool[k + shift]


class WordTable:
    """The distinct words of a text, in order of first occurrence.

    Attributes:
        arrays: the memory.
        pool_bytes: bytes of the pool in use.

    """

    def __init__(self, capacity: int = 1 << 14) -> None:
        capacity = 1 << max(capacity - 1, 1).bit_length()
        self.arrays = TableArrays(
            slots=np.zeros(4 * capacity, np.uint64),
            pool=np.zeros(16 * capacity + SLACK, np.uint8),
            ends=np.zeros(capacity + 1, np.int64),
            counts=np.zeros(capacity, np.int64),
        )
        self.pool_bytes = 0
        self._size = 0

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled table, whose arrays may lie in shared memory and be read-only."""
        arrays = TableArrays(*map(np.array, state["arrays"]))
        vars(self).update(state | {"arrays": arrays})

    def __len__(self) -> int:
        return self._size

    @property
    def counts(self) -> NDArray[np.int64]:
        """The occurrences of each word, (len(self),)."""
        return self.arrays.counts[: len(self)]

    def grow(self) -> None:
        """Double the slots or the pool, whichever is full.

        Raises:
            VocabularyError: there are more words than ids.

        """
        slots, pool, ends, counts = self.arrays
        if 4 * (len(self) + 1) <= len(slots):
            self.arrays = self.arrays._replace(pool=_extend(pool, 2 * len(pool)))
            return
        if len(self) >= _MAX_WORDS:
            message = (
                f"the corpus has more than {_MAX_WORDS:,} distinct words, which is the limit; "
                "clean it, or train on a part of it"
            )
            raise VocabularyError(message)
        capacity = len(slots) // 2
        larger = np.zeros(2 * len(slots), np.uint64)
        _rehash(slots, pool, larger)
        self.arrays = TableArrays(
            larger, pool, _extend(ends, capacity + 1), _extend(counts, capacity)
        )

    def word(self, index: int) -> bytes:
        """Return the bytes of a word."""
        ends = self.arrays.ends
        return self.arrays.pool[ends[index] : ends[index + 1]].tobytes()

    def words(self, ids: NDArray[np.int64]) -> list[bytes]:
        """Return the bytes of several words."""
        ends = np.cumsum(self.lengths(ids))
        data = np.empty(ends[-1] if len(ends) else 0, np.uint8)
        self.copy_words(ids, data, ends - self.lengths(ids))
        text = data.tobytes()
        return [text[start:end] for start, end in pairwise([0, *ends.tolist()])]

    def lengths(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the lengths of words in bytes."""
        ends = self.arrays.ends
        return ends[ids + 1] - ends[ids]

    def copy_words(
        self, ids: NDArray[np.int64], data: NDArray[np.uint8], positions: NDArray[np.int64]
    ) -> None:
        """Copy words into an array, each to its position."""
        pool, ends = self.arrays.pool, self.arrays.ends
        _copy_words(pool, ends[ids], self.lengths(ids), data, positions)

    def prefixes(self, ids: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the first eight bytes of words, padded with zeros, as numbers that sort alike."""
        pool, ends = self.arrays.pool, self.arrays.ends
        starts = ends[ids]
        lengths = np.minimum(ends[ids + 1] - starts, 8)
        eights = np.ndarray(len(pool) - 7, ">u8", pool, strides=(1,))
        unused = (64 - 8 * lengths).astype(np.uint64)
        prefixes: NDArray[np.uint64] = eights[starts].astype(np.uint64) >> unused << unused
        return prefixes

    def add(self, words: Words, *, times: int = 1) -> NDArray[np.uint32]:
        """Count a batch of words, each ``times`` times.

        Returns:
            (n,) uint32, the id of each word, NO_WORD for empty ones.

        """
        ids: NDArray[np.uint32] = np.empty(len(words.starts), np.uint32)
        done = 0
        while True:
            progress = Added(done, self._size, self.pool_bytes)
            done, self._size, self.pool_bytes = map(
                int, _add(words, self.arrays, progress, times, ids)
            )
            if done == len(ids):
                return ids
            self.grow()

    def add_words(self, words: Sequence[bytes]) -> NDArray[np.uint32]:
        """Count words of 1 to MAX_LENGTH bytes; return the id of each, (n,) uint32."""
        return self.add(as_batch(words))

    def find(
        self, other: WordTable, found: NDArray[np.int64], *, base: int, part: int, parts: int
    ) -> None:
        """Look up words of another table.

        Args:
            other: the other table.
            found: (len(other),) receives the id of each word in this table, plus ``base``. Words
                whose number is not negative are not looked up; those not found are left unchanged.
            base: see ``found``.
            part: the part of the other table to look up, from 0. Threads may look up several parts
                at once.
            parts: the number of parts.

        """
        slots = other.arrays.slots
        half = len(slots) // 2
        some = slots[2 * (half * part // parts) : 2 * (half * (part + 1) // parts)]
        _find(some, other.arrays.pool, self.arrays, base, found)


def warm_up_table() -> None:
    """Compile the kernels of a table by using each, including those for growing and finding."""
    table = WordTable(1)
    table.words(table.add_words([b"a", b"b", b"c"]).astype(np.int64))
    table.find(table, np.full(len(table), -1, np.int64), base=0, part=0, parts=1)


def _extend(array: NDArray[Number], size: int) -> NDArray[Number]:
    """Return a copy of ``size`` numbers, the new ones zero."""
    extended = np.zeros(size, array.dtype)
    extended[: len(array)] = array
    return extended
