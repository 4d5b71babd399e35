"""Words as they come, each with a count and a provisional id: an open-addressing hash table.

The words lie one behind the other in a pool of bytes: word ``i`` is
``pool[ends[i] : ends[i + 1]]``. A slot of the table holds 32 bits of the word's hash and its
id plus one, so most probes are settled without touching the pool; zero means empty. Slots are
probed one after the other, and the table is kept at most half full.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from w2v.compiled import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

FULL = np.int64(-1)  # what `intern` returns when the table must grow first

# Entries of `WordTable.used`.
WORDS = 0
POOL_BYTES = 1

_TAG_SHIFT = np.uint64(32)
_ID_MASK = np.uint64(0xFFFFFFFF)
_HASH_START = np.uint64(0xCBF29CE484222325)  # offset basis and prime of 64-bit FNV-1a
_HASH_PRIME = np.uint64(0x100000001B3)
_SCATTER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: Knuth's multiplier


@kernel
def hash_word(word: NDArray[np.uint8], length: int) -> np.uint64:
    """Hash the first ``length`` bytes of ``word`` (FNV-1a, then one multiplication to spread)."""
    value = _HASH_START
    for i in range(length):
        value = (value ^ np.uint64(word[i])) * _HASH_PRIME
    value *= _SCATTER
    return value ^ (value >> _TAG_SHIFT)


@kernel
def intern(
    word: NDArray[np.uint8],
    length: int,
    hash_value: np.uint64,
    slots: NDArray[np.uint64],
    pool: NDArray[np.uint8],
    ends: NDArray[np.int64],
    used: NDArray[np.int64],
) -> np.int64:
    """Return the id of a word, giving it the next one if it is new; ``FULL`` if there is no room.

    Args:
        word: the word's bytes, at least ``length`` of them.
        length: bytes in the word.
        hash_value: its hash.
        slots: the table; its length is a power of two.
        pool: bytes of all words.
        ends: (capacity + 1,) where each word ends in the pool.
        used: number of words and of pool bytes so far, updated.

    """
    mask = np.uint64(len(slots) - 1)
    position = hash_value & mask
    tag = hash_value >> _TAG_SHIFT
    while slots[position] != np.uint64(0):
        slot = slots[position]
        if slot >> _TAG_SHIFT == tag:
            candidate = np.int64(slot & _ID_MASK) - 1
            start = ends[candidate]
            if ends[candidate + 1] - start == length:
                same = True
                for i in range(length):
                    if pool[start + i] != word[i]:
                        same = False
                        break
                if same:
                    return candidate
        position = (position + np.uint64(1)) & mask
    new: np.int64 = used[WORDS]
    start = used[POOL_BYTES]
    if 2 * (new + 1) > len(slots) or start + length > len(pool):
        return FULL
    for i in range(length):
        pool[start + i] = word[i]
    ends[new + 1] = start + length
    slots[position] = (tag << _TAG_SHIFT) | np.uint64(new + 1)
    used[WORDS] = new + 1
    used[POOL_BYTES] = start + length
    return new


@kernel
def _refill(
    pool: NDArray[np.uint8], ends: NDArray[np.int64], words: int, slots: NDArray[np.uint64]
) -> None:
    """Put all words into an empty table of slots."""
    mask = np.uint64(len(slots) - 1)
    for i in range(words):
        value = hash_word(pool[ends[i] : ends[i + 1]], ends[i + 1] - ends[i])
        position = value & mask
        while slots[position] != np.uint64(0):
            position = (position + np.uint64(1)) & mask
        slots[position] = ((value >> _TAG_SHIFT) << _TAG_SHIFT) | np.uint64(i + 1)


@kernel
def _absorb(
    other_pool: NDArray[np.uint8],
    other_ends: NDArray[np.int64],
    other_counts: NDArray[np.int64],
    first: int,
    words: int,
    slots: NDArray[np.uint64],
    pool: NDArray[np.uint8],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
    used: NDArray[np.int64],
    ids: NDArray[np.uint32],
) -> int:
    """Intern another table's words from ``first`` on, adding their counts and noting their ids.

    Returns how far it got: ``words``, or less if this table must grow first.
    """
    for i in range(first, words):
        start = other_ends[i]
        length = other_ends[i + 1] - start
        word = other_pool[start : start + length]
        new = intern(word, length, hash_word(word, length), slots, pool, ends, used)
        if new == FULL:
            return i
        counts[new] += other_counts[i]
        ids[i] = new
    return words


class WordTable:
    """The distinct words seen so far, in order of first occurrence.

    Attributes:
        slots: uint64, a power of two of them.
        pool: uint8, the words' bytes.
        ends: (capacity + 1,) int64, word i is ``pool[ends[i]:ends[i + 1]]``.
        counts: (capacity,) int64, occurrences.
        used: int64, words and pool bytes in use.

    """

    def __init__(self, capacity: int = 1 << 14) -> None:
        capacity = 1 << max(capacity - 1, 1).bit_length()
        self.slots: NDArray[np.uint64] = np.zeros(2 * capacity, np.uint64)
        self.pool: NDArray[np.uint8] = np.zeros(16 * capacity, np.uint8)
        self.ends: NDArray[np.int64] = np.zeros(capacity + 1, np.int64)
        self.counts: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self.used: NDArray[np.int64] = np.zeros(2, np.int64)

    def __len__(self) -> int:
        return int(self.used[WORDS])

    def grow(self) -> None:
        """Double whatever is full, the table or the pool."""
        words = len(self)
        if 2 * (words + 1) > len(self.slots):
            self.ends = _enlarged(self.ends, len(self.slots) + 1)
            self.counts = _enlarged(self.counts, len(self.slots))
            self.slots = np.zeros(2 * len(self.slots), np.uint64)
            _refill(self.pool, self.ends, words, self.slots)
        else:
            self.pool = _enlarged(self.pool, 2 * len(self.pool))

    def word(self, index: int) -> bytes:
        """Return the bytes of a word."""
        return self.pool[self.ends[index] : self.ends[index + 1]].tobytes()

    def absorb(self, other: WordTable) -> NDArray[np.uint32]:
        """Add another table's words and counts to this one.

        Returns:
            (len(other),) uint32, the id in this table of each word of the other.

        """
        ids: NDArray[np.uint32] = np.zeros(len(other), np.uint32)
        done = 0
        while True:
            done = _absorb(
                other.pool,
                other.ends,
                other.counts,
                done,
                len(other),
                self.slots,
                self.pool,
                self.ends,
                self.counts,
                self.used,
                ids,
            )
            if done == len(other):
                return ids
            self.grow()


def _enlarged(array: NDArray[Number], size: int) -> NDArray[Number]:
    """Return a copy with room for ``size`` numbers, the new ones zero."""
    larger = np.zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger
