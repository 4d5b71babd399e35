"""Words as they come, each with a count and a provisional id: an open-addressing hash table.

The words lie one behind the other in a pool of bytes: word ``i`` is
``pool[ends[i] : ends[i + 1]]``. A slot of the table is two numbers side by side. The first is the
word itself if it has at most eight letters, else where it lies in the pool; the second has 20
bits of its hash, 12 of its length, and its id plus one, so zero means empty. So a short word,
which most are, is found with one look at memory. Slots are probed one after the other, and the
table is kept at most half full.

On English text a look-up and a count take 13 ns, and would take 23 without asking for the slots of
words ahead. The search stands in the kernel itself: as an inlined function that returns from
several places it took 50, for its arrays' references were counted at each call.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from w2v.compute.jit import inlined, kernel
from w2v.compute.simd import eight_bytes, prefetch
from w2v.errors import VocabularyError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.generic)

# Entries of `WordTable.used`.
WORDS = 0
POOL_BYTES = 1

NO_WORD = 0xFFFF_FFFF  # the id of an empty word, which stands for the end of a line

# Bytes are read eight at a time: arrays that hold words have this many more at their end.
SLACK = 8

MAX_LENGTH = (1 << 12) - 1  # bytes of a word, for a slot has 12 bits to say how many

# Different words that a table takes: as it doubles, the next size is beyond ids of 32 bits.
_MOST_WORDS = 1 << 31

# Words by which their places in the table are asked for before they are needed; and, when these
# are there, what they lead to.
_AHEAD = 16
_NEXT = 8

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


@inlined
def _chunk(letters: NDArray[np.uint8], start: int, length: int) -> np.uint64:
    """The first eight bytes of a word as a number, or all of them and zeros."""
    chunk = eight_bytes(letters, start)
    if length < 8:
        chunk &= _ALL_BITS >> np.uint64(64 - 8 * length)
    return chunk


@inlined
def _folded(value: np.uint64, chunk: np.uint64) -> np.uint64:
    """Take eight bytes more into a hash."""
    value = (value ^ chunk) * _HASH_FACTOR
    return value ^ (value >> _HALF)


@inlined
def hash_word(letters: NDArray[np.uint8], start: int, length: int) -> np.uint64:
    """Hash a word of at least one byte, eight at a time: exclusive or, multiply, fold."""
    value = _HASH_START ^ np.uint64(length)
    for i in range(0, length, 8):
        value = _folded(value, _chunk(letters, start + i, length - i))
    return value


@inlined
def _label(hash_value: np.uint64, length: int) -> np.uint64:
    """What a slot has of a word above its id."""
    return ((hash_value >> _TAG_SHIFT) << _LENGTH_BITS) | np.uint64(length)


@kernel
def _intern_all(
    letters: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int32],
    hashes: NDArray[np.uint64],
    first: int,
    last: int,
    times: int,
    slots: NDArray[np.uint64],
    pool: NDArray[np.uint8],
    ends: NDArray[np.int64],
    counts: NDArray[np.int64],
    used: NDArray[np.int64],
    ids: NDArray[np.uint32],
) -> int:
    """Look up the words from ``first`` to ``last``, adding new ones, and count them.

    Args:
        letters: bytes of the words, and SLACK.
        starts: (n,) where each word begins.
        lengths: (n,) bytes of each, from 0 to MAX_LENGTH.
        hashes: (n,) hash of each; that of an empty word is not looked at.
        first: the first word to look up.
        last: the word behind the last one.
        times: how often each is counted.
        slots: (2 k,) the table; k is a power of two.
        pool: bytes of all words, and SLACK.
        ends: (capacity + 1,) where each word ends in the pool.
        counts: (capacity,) occurrences, updated.
        used: number of words and of pool bytes so far, updated.
        ids: (n,) receives their ids, NO_WORD for empty ones.

    Returns:
        How far it got: ``last``, or less if the table must grow first.

    """
    last_slot = np.uint64(len(slots) - 2)
    for i in range(first, last):
        if i + _AHEAD < last:
            prefetch(slots, int((hashes[i + _AHEAD] << np.uint64(1)) & last_slot))
        if i + _NEXT < last:
            place = (hashes[i + _NEXT] << np.uint64(1)) & last_slot
            prefetch(counts, int(slots[place + np.uint64(1)] & _ID_MASK) - 1)
            prefetch(pool, int(slots[place]) if lengths[i + _NEXT] > _SHORT else 0)
        length = int(lengths[i])
        if length == 0:
            ids[i] = NO_WORD
            continue
        start = starts[i]
        word = _chunk(letters, start, length)
        label = _label(hashes[i], length)
        place = (hashes[i] << np.uint64(1)) & last_slot
        while True:
            slot = slots[place + np.uint64(1)]
            if slot >> _ID_BITS == label:
                same = slots[place] == word
                if length > _SHORT:
                    there = int(slots[place])
                    same = True
                    for k in range(0, length, 8):
                        mine = _chunk(letters, start + k, length - k)
                        same &= _chunk(pool, there + k, length - k) == mine
                if same:
                    break
            elif slot == np.uint64(0):
                new = used[WORDS]
                there = int(used[POOL_BYTES])
                if 4 * (new + 1) > len(slots) or there + length + SLACK > len(pool):
                    return i
                for k in range(length):
                    pool[there + k] = letters[start + k]
                ends[new + 1] = there + length
                slot = (label << _ID_BITS) | np.uint64(new + 1)
                slots[place] = word if length <= _SHORT else np.uint64(there)
                slots[place + np.uint64(1)] = slot
                used[WORDS] = new + 1
                used[POOL_BYTES] = there + length
                break
            place = (place + np.uint64(2)) & last_slot
        found = np.int64(slot & _ID_MASK) - 1
        counts[found] += times
        ids[i] = found
    return last


@kernel
def _hash_all(
    letters: NDArray[np.uint8],
    starts: NDArray[np.int64],
    lengths: NDArray[np.int32],
    hashes: NDArray[np.uint64],
) -> None:
    """Hash words that are given as for `_intern_all`."""
    for i in range(len(hashes)):
        hashes[i] = hash_word(letters, starts[i], lengths[i])


@kernel
def _refill(old: NDArray[np.uint64], pool: NDArray[np.uint8], slots: NDArray[np.uint64]) -> None:
    """Put all words of a table of slots into a maximum one, which is empty.

    From slot to slot the new places lie one behind the other too, in as many stretches as the table
    grows by; in the order of the words each would be a miss of the cache.
    """
    last = np.uint64(len(slots) - 2)
    for i in range(0, len(old), 2):
        if old[i + 1] != np.uint64(0):
            length = int((old[i + 1] >> _ID_BITS) & _LENGTH_MASK)
            if length <= _SHORT:
                value = _folded(_HASH_START ^ np.uint64(length), old[i])
            else:
                value = hash_word(pool, int(old[i]), length)
            place = (value << np.uint64(1)) & last
            while slots[place + np.uint64(1)] != np.uint64(0):
                place = (place + np.uint64(2)) & last
            slots[place] = old[i]
            slots[place + np.uint64(1)] = old[i + 1]


@kernel
def _copy_words(
    pool: NDArray[np.uint8],
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    letters: NDArray[np.uint8],
) -> None:
    """Copy words that begin at ``starts`` one behind the other, to end at ``ends``."""
    place = 0
    for i in range(len(starts)):
        shift = starts[i] - place
        while place < ends[i]:
            letters[place] = pool[place + shift]
            place += 1


class WordTable:
    """The distinct words seen so far, in order of first occurrence.

    Attributes:
        slots: uint64, two numbers each, a power of two of them.
        pool: uint8, the words' bytes.
        ends: (capacity + 1,) int64, word i is ``pool[ends[i]:ends[i + 1]]``.
        counts: (capacity,) int64, occurrences.
        used: int64, words and pool bytes in use.

    """

    def __init__(self, capacity: int = 1 << 14) -> None:
        capacity = 1 << max(capacity - 1, 1).bit_length()
        self.slots: NDArray[np.uint64] = np.zeros(4 * capacity, np.uint64)
        self.pool: NDArray[np.uint8] = np.zeros(16 * capacity + SLACK, np.uint8)
        self.ends: NDArray[np.int64] = np.zeros(capacity + 1, np.int64)
        self.counts: NDArray[np.int64] = np.zeros(capacity, np.int64)
        self.used: NDArray[np.int64] = np.zeros(2, np.int64)

    def __len__(self) -> int:
        return int(self.used[WORDS])

    def grow(self) -> None:
        """Double whatever is full, the table or the pool.

        Raises:
            VocabularyError: there are more words than ids.

        """
        if 4 * (len(self) + 1) > len(self.slots):
            if len(self) >= _MOST_WORDS:
                message = (
                    f"the corpus has more than {_MOST_WORDS:,} different words, which is the most "
                    "that can be told apart; clean it, or train on a part of it"
                )
                raise VocabularyError(message)
            self.ends = _enlarged(self.ends, len(self.slots) // 2 + 1)
            self.counts = _enlarged(self.counts, len(self.slots) // 2)
            old = self.slots
            self.slots = np.zeros(2 * len(old), np.uint64)
            _refill(old, self.pool, self.slots)
        else:
            self.pool = _enlarged(self.pool, 2 * len(self.pool))

    def word(self, index: int) -> bytes:
        """Return the bytes of a word."""
        return self.pool[self.ends[index] : self.ends[index + 1]].tobytes()

    def words(self, ids: NDArray[np.int64]) -> list[bytes]:
        """Return the bytes of several words."""
        starts = self.ends[ids]
        ends = np.cumsum(self.ends[ids + 1] - starts)
        letters = np.empty(ends[-1] if len(ends) else 0, np.uint8)
        _copy_words(self.pool, starts, ends, letters)
        text = letters.tobytes()
        return [text[start:end] for start, end in pairwise([0, *ends.tolist()])]

    def heads(self, ids: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the first eight bytes of words, or all and zeros, as numbers in their order."""
        starts = self.ends[ids]
        lengths = np.minimum(self.ends[ids + 1] - starts, 8)
        eights = np.ndarray(len(self.pool) - 7, ">u8", self.pool, strides=(1,))
        beyond = (64 - 8 * lengths).astype(np.uint64)
        heads: NDArray[np.uint64] = eights[starts].astype(np.uint64) >> beyond << beyond
        return heads

    def add(
        self,
        letters: NDArray[np.uint8],
        starts: NDArray[np.int64],
        lengths: NDArray[np.int32],
        hashes: NDArray[np.uint64],
        *,
        times: int = 1,
    ) -> NDArray[np.uint32]:
        """Count the words of a text.

        Args:
            letters: their bytes, and SLACK.
            starts: (n,) where each word begins.
            lengths: (n,) bytes of each, 0 for empty words.
            hashes: (n,) each word's `hash_word`.
            times: how often each is counted.

        Returns:
            (n,) uint32, the id of each, NO_WORD for empty ones.

        """
        ids: NDArray[np.uint32] = np.empty(len(starts), np.uint32)
        done = 0
        while True:
            done = _intern_all(
                letters,
                starts,
                lengths,
                hashes,
                done,
                len(starts),
                times,
                self.slots,
                self.pool,
                self.ends,
                self.counts,
                self.used,
                ids,
            )
            if done == len(starts):
                return ids
            self.grow()

    def merge(self, other: WordTable) -> NDArray[np.uint32]:
        """Add another table's words and counts to this one.

        Returns:
            (len(other),) uint32, the id in this table of each word of the other.

        """
        words = len(other)
        starts = other.ends[:words]
        lengths = np.diff(other.ends[: words + 1]).astype(np.int32)
        hashes = np.empty(words, np.uint64)
        _hash_all(other.pool, starts, lengths, hashes)
        ids = self.add(other.pool, starts, lengths, hashes, times=0)
        self.counts[ids] += other.counts[:words]
        return ids


def warm_up_table() -> None:
    """Use everything that a table is made of, so that it is compiled: growing and merging too."""
    letters = np.frombuffer(b"abc" + bytes(SLACK), np.uint8)
    starts = np.arange(3)
    hashes = np.empty(3, np.uint64)
    lengths = np.ones(3, np.int32)
    _hash_all(letters, starts, lengths, hashes)
    table = WordTable(1)
    table.add(letters, starts, lengths, hashes)
    WordTable(1).merge(table)


def _enlarged(array: NDArray[Number], size: int) -> NDArray[Number]:
    """Return a copy with room for ``size`` numbers, the new ones zero."""
    maximum = np.zeros(size, array.dtype)
    maximum[: len(array)] = array
    return maximum
