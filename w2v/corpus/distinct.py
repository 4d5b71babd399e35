"""The distinct words of a text that several threads counted, each in a word table of its own.

Words are not copied into a common table, which one thread at a time would have to do. Instead, the
words of each table are looked up in the tables before it, which all threads can do at once: nothing
is written but the result. A word that is found counts for the earliest table that has it.
"""

from __future__ import annotations

import copy
import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.compute.parallel import ordered_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from w2v.text.wordtable import WordTable

# Each table is looked up in this many parts, so that two tables keep a few threads busy.
_PARTS = 4


class OtherWords(NamedTuple):
    """Words of a text that are counted, but have no place in a vocabulary.

    Attributes:
        types: distinct words.
        words: their occurrences.
        frequent: distinct words that are frequent enough, but exceed the size of the vocabulary.
        rare_words: occurrences of words that are not frequent enough.
        highest: the occurrences of the most frequent of them.

    """

    types: int = 0
    words: int = 0
    frequent: int = 0
    rare_words: int = 0
    highest: int = 0


_NONE = OtherWords()


class DistinctWords:
    """The distinct words of some tables.

    The entries of the tables are numbered: first those of the first table, then those of the next.
    The number of a word is that of its first entry.

    Args:
        tables: at least one.
        threads: for the work.
        others: words of the text that are in none of the tables.

    Attributes:
        threads: the same.
        others: the same.
        tables: the tables.
        numbers: (n,) int64, the number of the word of each of the n entries.
        counts: (n,) int64, by number, the occurrences of a word in all tables. It is 0 for entries
            whose word has another number.

    """

    def __init__(
        self, tables: Sequence[WordTable], threads: int = 1, others: OtherWords = _NONE
    ) -> None:
        self.threads = threads
        self.others = others
        self.tables: list[WordTable] = []
        self.numbers = np.empty(0, np.int64)
        self.counts = np.empty(0, np.int64)
        self._size = 0
        self._add(tables)

    def _add(self, tables: Sequence[WordTable]) -> None:
        """Add the words of some tables, which must not change any more."""
        known = len(self.tables)
        self.tables = [*self.tables, *tables]
        self._starts = np.cumsum([0, *map(len, self.tables)])
        self.numbers = np.append(self.numbers, self._number(known))
        self.counts = np.concatenate([self.counts, *(table.counts for table in tables)])
        for entries in self.entries()[known:]:
            numbers = self.numbers[entries]
            again = np.flatnonzero(numbers < entries.start)
            # No word is twice in one table, so no number is twice in this sum.
            self.counts[numbers[again]] += self.counts[entries][again]
            self.counts[entries][again] = 0
            self._size += len(numbers) - len(again)

    def with_table(self, table: WordTable) -> DistinctWords:
        """Return the words of all tables and of a further one."""
        extended = copy.copy(self)
        extended._add([table])
        return extended

    def __len__(self) -> int:
        """Return the number of distinct words of the text."""
        return self._size + self.others.types

    @property
    def occurrences(self) -> int:
        """The number of words of the text."""
        return int(self.counts.sum()) + self.others.words

    def entries(self) -> list[slice]:
        """Return, for each table, the numbers of its entries."""
        return [slice(*map(int, pair)) for pair in itertools.pairwise(self._starts)]

    def ids(self) -> NDArray[np.int64]:
        """Return the numbers of all words, in ascending order."""
        return np.flatnonzero(self.numbers == np.arange(len(self.numbers)))

    def words(self, ids: NDArray[np.int64]) -> list[str]:
        """Return several words by their numbers."""
        lengths = self.lengths(ids)
        ends = np.cumsum(lengths + 1)
        # Line ends, which no word has, between the words: so they can be decoded all at once.
        data = np.full(ends[-1] if len(ends) else 0, ord("\n"), np.uint8)
        for table, where, of_table in self._by_table(ids):
            table.copy_words(of_table, data, (ends - 1 - lengths)[where])
        return data.tobytes().decode().split("\n")[:-1]

    def lengths(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the lengths of words in bytes."""
        lengths = np.empty(len(ids), np.int64)
        for table, where, of_table in self._by_table(ids):
            lengths[where] = table.lengths(of_table)
        return lengths

    def prefixes(self, ids: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return the first eight bytes of words, padded with zeros, as numbers that sort alike."""
        prefixes = np.empty(len(ids), np.uint64)
        for table, where, of_table in self._by_table(ids):
            prefixes[where] = table.prefixes(of_table)
        return prefixes

    def _by_table(
        self, ids: NDArray[np.int64]
    ) -> Iterator[tuple[WordTable, NDArray[np.int64], NDArray[np.int64]]]:
        """Yield each table, which of ``ids`` are from it, and their ids in it."""
        for table, entries in zip(self.tables, self.entries(), strict=True):
            where = np.flatnonzero((ids >= entries.start) & (ids < entries.stop))
            yield table, where, ids[where] - entries.start

    def find(self, table: WordTable) -> NDArray[np.int64]:
        """Return, for each entry, the id of its word in a table, or -1: (n,) int64."""
        found = np.full(len(self.numbers), -1, np.int64)

        def find(place: _Place) -> None:
            self._find_part(place, table, 0, found)

        _run(find, self._places(0), self.threads)
        return found

    def _number(self, first: int) -> NDArray[np.int64]:
        """Return the number of the word of each entry of the tables from number ``first`` on."""
        entries = self.entries()
        numbers = np.full(int(self._starts[-1]), -1, np.int64)

        def find(place: _Place) -> None:
            for earlier in range(place.table):
                self._find_part(place, self.tables[earlier], entries[earlier].start, numbers)

        _run(find, self._places(max(first, 1)), self.threads)
        new = np.flatnonzero(numbers < 0)
        numbers[new] = new
        return numbers[self._starts[first] :]

    def _places(self, first: int) -> Iterator[_Place]:
        """Yield the parts of the tables from number ``first`` on."""
        return itertools.starmap(
            _Place, itertools.product(range(first, len(self.tables)), range(_PARTS))
        )

    def _find_part(
        self, place: _Place, table: WordTable, base: int, found: NDArray[np.int64]
    ) -> None:
        """Look up the words of a part; see `WordTable.find`."""
        entries = self.entries()[place.table]
        table.find(
            self.tables[place.table], found[entries], base=base, part=place.part, parts=_PARTS
        )


class _Place(NamedTuple):
    """A part of a table."""

    table: int
    part: int


def _run(work: Callable[[_Place], None], places: Iterable[_Place], threads: int) -> None:
    """Do something for some parts of tables, on several threads."""
    for _ in ordered_map(work, places, threads):
        pass
