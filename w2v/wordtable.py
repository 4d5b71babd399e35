"""Words as they come, each with a count and a provisional id: an open-addressing hash table.

The words lie one behind the other in a pool of bytes: word ``i`` is
``pool[ends[i] : ends[i + 1]]``. A slot of the table holds 32 bits of the word's hash and its
id plus one, so most probes are settled without touching the pool; zero means empty. Slots are
probed one after the other, and the table is kept at most half full.

On English text a look-up takes 40 ns, half of it waiting for memory; without looking ahead it
took 100.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np

from w2v.compiled import inlined, kernel
from w2v.lanes import eight_bytes, prefetch

if TYPE_CHECKING:
    from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

FULL = np.int64(-1)  # what `intern` returns when the table must grow first

# Entries of `WordTable.used`.
WORDS = 0
POOL_BYTES = 1

NO_WORD = 0xFFFF_FFFF  # the id of an empty word, which stands for the end of a line

# Bytes are read eight at a time: arrays that hold words have this many more at their end.
SLACK = 8

# Words by which their places in the table are asked for before they are needed.
_AHEAD = 16

_TAG_SHIFT = np.uint64(32)
_ID_MASK = np.uint64(0xFFFFFFFF)
_ALL_BITS = np.uint64(0xFFFFFFFFFFFFFFFF)
_HASH_START = np.uint64(0xCBF29CE484222325)
_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd: Knuth's multiplier


@inlined
def _chunk(letters: NDArray[np.uint8], start: int, length: int) -> np.uint64:
    """The first eight bytes of a word as a number, or all of them and zeros."""
    chunk = eight_bytes(letters, start)
    if length < 8:
        chunk &= _ALL_BITS >> np.uint64(64 - 8 * length)
    return chunk


@inlined
def hash_word(letters: NDArray[np.uint8], start: int, length: int) -> np.uint64:
    """Hash a word of at least one byte, eight at a time: exclusive or, multiply, fold."""
    value = _HASH_START ^ np.uint64(length)
    for i in range(0, length, 8):
        value = (value ^ _chunk(letters, start + i, length - i)) * _HASH_FACTOR
        value ^= value >> _TAG_SHIFT
    return value


@inlined
def intern(
    letters: NDArray[np.uint8],
    start: int,
    length: int,
    hash_value: np.uint64,
    slots: NDArray[np.uint64],
    pool: NDArray[np.uint8],
    ends: NDArray[np.int64],
    used: NDArray[np.int64],
) -> np.int64:
    """Return the id of a word, giving it the next one if it is new; ``FULL`` if there is no room.

    Args:
        letters: bytes, with SLACK behind the word's.
        start: where the word's begin.
        length: how many there are, at least one.
        hash_value: the word's hash.
        slots: the table; its length is a power of two.
        pool: bytes of all words, and SLACK.
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
            there = ends[candidate]
            if ends[candidate + 1] - there == length:
                same = True
                for i in range(0, length, 8):
                    mine = _chunk(letters, start + i, length - i)
                    if _chunk(pool, there + i, length - i) != mine:
                        same = False
                        break
                if same:
                    return candidate
        position = (position + np.uint64(1)) & mask
    new: np.int64 = used[WORDS]
    there = used[POOL_BYTES]
    if 2 * (new + 1) > len(slots) or there + length + SLACK > len(pool):
        return FULL
    for i in range(length):
        pool[there + i] = letters[start + i]
    ends[new + 1] = there + length
    slots[position] = (tag << _TAG_SHIFT) | np.uint64(new + 1)
    used[WORDS] = new + 1
    used[POOL_BYTES] = there + length
    return new


@inlined
def _home(
    letters: NDArray[np.uint8], letter_ends: NDArray[np.int64], i: int, slots: NDArray[np.uint64]
) -> int:
    """Return the slot where the search for word i begins."""
    start = letter_ends[i]
    value = hash_word(letters, start, letter_ends[i + 1] - start)
    return int(value & np.uint64(len(slots) - 1))


@kernel
def _intern_all(
    letters: NDArray[np.uint8],
    letter_ends: NDArray[np.int64],
    first: int,
    last: int,
    slots: NDArray[np.uint64],
    pool: NDArray[np.uint8],
    ends: NDArray[np.int64],
    used: NDArray[np.int64],
    ids: NDArray[np.uint32],
) -> int:
    """Write the ids of the words from ``first`` to ``last``, NO_WORD for empty ones.

    Word i is ``letters[letter_ends[i] : letter_ends[i + 1]]``. Returns how far it got: ``last``, or
    less if the table must grow first.
    """
    for i in range(first, last):
        # A look-up waits for three places in memory, one after the other: the slot, the word's end
        # and its letters. Each is asked for some words ahead, when the one before has come.
        if i + _AHEAD < last:
            prefetch(slots, _home(letters, letter_ends, i + _AHEAD, slots))
        if i + _AHEAD // 2 < last:
            slot = slots[_home(letters, letter_ends, i + _AHEAD // 2, slots)]
            if slot != np.uint64(0):
                prefetch(ends, int(slot & _ID_MASK) - 1)
        if i + _AHEAD // 4 < last:
            slot = slots[_home(letters, letter_ends, i + _AHEAD // 4, slots)]
            if slot != np.uint64(0):
                prefetch(pool, int(ends[int(slot & _ID_MASK) - 1]))
        start = letter_ends[i]
        length = letter_ends[i + 1] - start
        if length == 0:
            ids[i] = NO_WORD
            continue
        hash_value = hash_word(letters, start, length)
        found = intern(letters, start, length, hash_value, slots, pool, ends, used)
        if found == FULL:
            return i
        ids[i] = found
    return last


@kernel
def _count(ids: NDArray[np.uint32], counts: NDArray[np.int64]) -> None:
    """Count each id once more; NO_WORD counts for nothing."""
    for word in ids:
        if word != NO_WORD:
            counts[word] += 1


@kernel
def _refill(
    pool: NDArray[np.uint8], ends: NDArray[np.int64], words: int, slots: NDArray[np.uint64]
) -> None:
    """Put all words into an empty table of slots."""
    mask = np.uint64(len(slots) - 1)
    for i in range(words):
        value = hash_word(pool, ends[i], ends[i + 1] - ends[i])
        position = value & mask
        while slots[position] != np.uint64(0):
            position = (position + np.uint64(1)) & mask
        slots[position] = ((value >> _TAG_SHIFT) << _TAG_SHIFT) | np.uint64(i + 1)


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
        self.pool: NDArray[np.uint8] = np.zeros(16 * capacity + SLACK, np.uint8)
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

    def add(
        self, letters: NDArray[np.uint8], letter_ends: NDArray[np.int64], words: int
    ) -> NDArray[np.uint32]:
        """Count the words of a text.

        Args:
            letters: their bytes, and SLACK.
            letter_ends: word i is ``letters[letter_ends[i]:letter_ends[i + 1]]``; it may be empty.
            words: how many there are.

        Returns:
            (words,) uint32, the id of each, NO_WORD for empty ones.

        """
        ids = self._ids_of(letters, letter_ends, words)
        _count(ids, self.counts)
        return ids

    def absorb(self, other: WordTable) -> NDArray[np.uint32]:
        """Add another table's words and counts to this one.

        Returns:
            (len(other),) uint32, the id in this table of each word of the other.

        """
        ids = self._ids_of(other.pool, other.ends, len(other))
        self.counts[ids] += other.counts[: len(other)]
        return ids

    def _ids_of(
        self, letters: NDArray[np.uint8], letter_ends: NDArray[np.int64], words: int
    ) -> NDArray[np.uint32]:
        ids: NDArray[np.uint32] = np.empty(words, np.uint32)
        done = 0
        while True:
            done = _intern_all(
                letters,
                letter_ends,
                done,
                words,
                self.slots,
                self.pool,
                self.ends,
                self.used,
                ids,
            )
            if done == words:
                return ids
            self.grow()


def _enlarged(array: NDArray[Number], size: int) -> NDArray[Number]:
    """Return a copy with room for ``size`` numbers, the new ones zero."""
    larger = np.zeros(size, array.dtype)
    larger[: len(array)] = array
    return larger
