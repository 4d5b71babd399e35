"""Word counts of parts of a text: plain arrays that can be moved between machines and added up.

The words of a part are divided by their hashes, so that different machines add up different words,
and none needs room for all of them. What remains of each division are the words that may have a
place in the vocabulary, and the totals of the others. So the vocabulary is that of the whole text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.corpus.distinct import OtherWords
from w2v.text.wordtable import WordTable, as_batch, packed_batch

# Tables find words by the low bits of their hashes.
_HIGH_BITS = np.uint64(40)


class WordCounts(NamedTuple):
    """Distinct words and their counts.

    Attributes:
        data: uint8, the bytes of all words, one after the other.
        lengths: (n,) int32, in bytes.
        counts: (n,) int64.

    """

    data: NDArray[np.uint8]
    lengths: NDArray[np.int32]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, table: WordTable) -> WordCounts:
        """Return the words of a table."""
        ends = table.arrays.ends[: len(table) + 1]
        data = table.arrays.pool[: table.pool_bytes]
        return cls(data.copy(), np.diff(ends).astype(np.int32), table.counts.copy())

    @classmethod
    def empty(cls) -> WordCounts:
        """Return no words."""
        return cls(np.empty(0, np.uint8), np.empty(0, np.int32), np.empty(0, np.int64))

    def table(self) -> WordTable:
        """Return a table of the words, in their order."""
        return _sum([self])

    def divide(self, divisions: int) -> list[WordCounts]:
        """Return the words in divisions, which are the same for the same word everywhere."""
        if divisions == 1:
            return [self]
        hashes = packed_batch(self.data, self.lengths).hashes >> _HIGH_BITS
        numbers = hashes % np.uint64(divisions)
        table = self.table()
        return [_select(table, np.flatnonzero(numbers == i)) for i in range(divisions)]


class Candidates(NamedTuple):
    """The words of a division that may have a place in the vocabulary, and the others."""

    words: WordCounts
    others: OtherWords


def add_counts(parts: Sequence[WordCounts]) -> WordCounts:
    """Return the words of several parts of a text with the sums of their counts."""
    return WordCounts.of(_sum(parts))


def find_candidates(
    counts: WordCounts, *, vocab_size: int, min_count: int, given: Sequence[bytes] | None
) -> Candidates:
    """Return the words that may have a place in the vocabulary.

    Args:
        counts: of a whole text, or of a division of it.
        vocab_size: how many words are chosen by their counts, at most. Words with the same count as
            the last of them are candidates too.
        min_count: how often these have to occur.
        given: words that are candidates in any case.

    """
    frequent = np.flatnonzero(counts.counts >= min_count)
    chosen = frequent
    if vocab_size < len(chosen):
        lowest = np.partition(counts.counts[chosen], -vocab_size)[-vocab_size] if vocab_size else 0
        chosen = chosen[counts.counts[chosen] >= lowest] if vocab_size else chosen[:0]
    table = counts.table()
    if given:
        known = WordTable(len(given))
        known.add(as_batch(given))
        found = np.full(len(table), -1, np.int64)
        known.find(table, found, base=0, part=0, parts=1)
        chosen = np.union1d(chosen, np.flatnonzero(found >= 0))
    rest = np.ones(len(table), np.bool)
    rest[chosen] = False
    others = counts.counts[rest]
    rare = others[others < min_count]
    return Candidates(
        _select(table, chosen),
        OtherWords(
            types=len(others),
            words=int(others.sum()),
            frequent=len(others) - len(rare),
            rare_words=int(rare.sum()),
            highest=int(others.max(initial=0)),
        ),
    )


def join_candidates(divisions: Sequence[Candidates]) -> Candidates:
    """Return the candidates of all divisions, and the totals of the other words."""
    others = np.array([division.others for division in divisions], np.int64)
    types, words, frequent, rare_words, _ = others.sum(axis=0).tolist()
    return Candidates(
        add_counts([division.words for division in divisions]),
        OtherWords(types, words, frequent, rare_words, int(others[:, -1].max())),
    )


def _sum(parts: Sequence[WordCounts]) -> WordTable:
    table = WordTable(max(max(len(part.counts) for part in parts), 1))
    for part in parts:
        ids = table.add(packed_batch(part.data, part.lengths), times=0)
        table.counts[ids] += part.counts  # no word is twice in a part
    return table


def _select(table: WordTable, ids: NDArray[np.int64]) -> WordCounts:
    lengths = table.lengths(ids)
    ends = np.cumsum(lengths)
    data = np.empty(ends[-1] if len(ends) else 0, np.uint8)
    table.copy_words(ids, data, ends - lengths)
    return WordCounts(data, lengths.astype(np.int32), table.counts[ids])
