"""Finding and joining the phrases of a text, on its spooled provisional ids.

The text is read once. Then each pass counts the pairs of words that stand beside each other, keeps
those that occur much more often together than their words' counts suggest, and joins them. Scores
are those of word2phrase (Mikolov et al. 2013b, equation 6) and normalized pointwise mutual
information (Bouma 2009).
"""

from __future__ import annotations

import itertools
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from w2v.compute.jit import kernel
from w2v.compute.parallel import ordered_map
from w2v.config import MOST_CONNECTORS
from w2v.corpus.pair_counts import (
    BREAK,
    MOST_WORDS,
    RARE,
    PairCounter,
    Position,
    after_connector,
    find_slot,
    make_table,
    pair_key,
    pair_keys,
)
from w2v.corpus.vocabulary import UNKNOWN, rank_ids
from w2v.events import Notice, Observer, PhrasesFound
from w2v.text.phrases import BLANK, Phrases, joined
from w2v.text.tokenizer import END_OF_LINE
from w2v.text.wordtable import MAX_LENGTH, WordTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from w2v.config import Config
    from w2v.corpus.distinct import DistinctWords
    from w2v.corpus.spool import Spool, SpooledBlock

Item = TypeVar("Item")

# The blocks whose pairs are in memory at once.
_BLOCKS_AT_ONCE = 16
_MOST_PARTS = 4  # of a phrase in one pass: two words, and two connector words between them
_NONE = -1


@dataclass(frozen=True)
class ScoredPhrase:
    """A phrase of a text.

    Attributes:
        phrase: with blanks between its parts.
        score: by the method that was chosen.
        count: how often its parts stand beside each other. Where two phrases overlap, both count.

    """

    phrase: str
    score: float
    count: int


@dataclass(frozen=True)
class _Pass:
    """What joins the phrases of one pass.

    Attributes:
        phrases: with blanks between their parts.
        parts: (n, 4) int64, the numbers of their parts, and _NONE behind these.
        results: (n,) int64, the numbers of the joined phrases.

    """

    phrases: list[str]
    parts: NDArray[np.int64]
    results: NDArray[np.int64]

    def only(self, chosen: NDArray[np.bool]) -> _Pass:
        """Return the pass with some of its phrases."""
        phrases = list(itertools.compress(self.phrases, chosen.tolist()))
        return _Pass(phrases, self.parts[chosen], self.results[chosen])

    def tables(self, size: int) -> _Tables:
        """Return the arrays for `_join`, for words whose numbers are less than ``size``."""
        codes = np.full(size, RARE, np.uint32)
        last = np.count_nonzero(self.parts != _NONE, axis=1) - 1
        rows = np.arange(len(self.parts))
        ends = np.stack([self.parts[:, 0], self.parts[rows, last]], axis=1)
        middle = self.parts[:, 1:].copy()
        middle[rows, last - 1] = _NONE
        connectors = np.unique(middle[middle != _NONE])
        words = np.unique(ends)
        codes[connectors] = 1 + np.arange(len(connectors), dtype=np.uint32)
        codes[words] = MOST_CONNECTORS + 1 + np.arange(len(words), dtype=np.uint32)
        between = np.where(middle[:, :2] == _NONE, RARE, codes[middle[:, :2]]).astype(np.int64)
        first, final = (codes[column].astype(np.int64) for column in ends.T)
        keys = pair_keys(first, between, final)
        return _Tables(codes, *make_table(keys, self.results.astype(np.uint32)))


class _Tables(NamedTuple):
    """The arrays for `_join`: codes by number, and a table of pairs of codes and their results."""

    codes: NDArray[np.uint32]
    slots: NDArray[np.uint64]
    results: NDArray[np.uint32]


@kernel
def _join(
    numbers: NDArray[np.uint32],
    codes: NDArray[np.uint32],
    slots: NDArray[np.uint64],
    results: NDArray[np.uint32],
) -> int:
    """Join the phrases of one pass, from left to right, in place.

    Args:
        numbers: (n,) of the words, END_OF_LINE between lines.
        codes: the code of each number.
        slots: the table of phrases, see `find_slot`.
        results: the number of the joined phrase in each slot.

    Returns:
        How many numbers remain.

    """
    size = 0
    start = 0  # where the word stands that `position` tells
    position = Position(RARE, 0, 0)
    for i in range(len(numbers)):
        number = numbers[i]
        code = np.int64(RARE)
        if number != END_OF_LINE:
            code = np.int64(codes[number])
        if code > MOST_CONNECTORS and position.first != RARE:
            slot = find_slot(slots, pair_key(position.first, position.between, code))
            if slots[slot] != 0:
                numbers[start] = results[slot]
                size = start + 1
                position = Position(RARE, 0, 0)
                continue
        if code > MOST_CONNECTORS:
            position = Position(code, 0, 0)
            start = size
        elif code != RARE:
            position = after_connector(position, code)
        else:
            position = Position(RARE, 0, 0)
        numbers[size] = number
        size += 1
    return size


@kernel
def _number(
    ids: NDArray[np.uint32], number_of: NDArray[np.uint32], out: NDArray[np.uint32]
) -> None:
    """Write the numbers of provisional ids, END_OF_LINE in place of itself."""
    for i in range(len(ids)):
        out[i] = ids[i]
        if ids[i] != END_OF_LINE:
            out[i] = number_of[ids[i]]


@kernel
def _encode(
    numbers: NDArray[np.uint32], codes: NDArray[np.uint32], out: NDArray[np.uint32]
) -> None:
    """Write the codes of numbers, BREAK in place of END_OF_LINE."""
    for i in range(len(numbers)):
        out[i] = BREAK
        if numbers[i] != END_OF_LINE:
            out[i] = codes[numbers[i]]


@kernel
def _tally(numbers: NDArray[np.uint32], counts: NDArray[np.int64]) -> None:
    """Count each number."""
    for i in range(len(numbers)):
        if numbers[i] != END_OF_LINE:
            counts[numbers[i]] += 1


@kernel
def _split(
    numbers: NDArray[np.uint32],
    ends: NDArray[np.int64],
    parts: NDArray[np.uint32],
    out: NDArray[np.uint32],
) -> int:
    """Replace joined phrases by their parts.

    Args:
        numbers: (n,) END_OF_LINE between lines.
        ends: (size + 1,) where the parts of each number begin and end; a word has none.
        parts: of all phrases.
        out: receives the numbers.

    Returns:
        How many were written.

    """
    size = 0
    for i in range(len(numbers)):
        number = numbers[i]
        start = end = np.int64(0)
        if number != END_OF_LINE:
            start, end = ends[number], ends[number + 1]
        if start == end:
            out[size] = number
            size += 1
        for place in range(start, end):
            out[size] = parts[place]
            size += 1
    return size


class PhraseText:
    """A spooled text whose phrases are found and joined.

    The words of a text have the numbers of `DistinctWords`, to which joined phrases are added.

    Args:
        spool: the provisional ids.
        distinct: the words of the text.
        threads: for the work.

    Attributes:
        distinct: the words and the joined phrases. Their counts are those after joining.

    """

    def __init__(self, spool: Spool, distinct: DistinctWords, threads: int) -> None:
        self.distinct = distinct
        self._spool = spool
        self._threads = threads
        # By scanner, the number of each provisional id.
        self._numbers = [
            distinct.numbers[entries].astype(np.uint32) for entries in distinct.entries()
        ]
        self._passes: list[_Pass] = []
        self._tables: list[_Tables] = []
        self._split_ends: NDArray[np.int64] | None = None
        self._split_parts = np.empty(0, np.uint32)

    @property
    def phrases(self) -> Phrases:
        """The phrases that are joined in each pass."""
        return tuple(tuple(one.phrases) for one in self._passes)

    def find(self, config: Config, observer: Observer) -> list[list[ScoredPhrase]]:
        """Find the phrases, and join them in further calls.

        Args:
            config: the options about phrases.
            observer: receives a report of each pass.

        Returns:
            The phrases of each pass. A pass without any is the last one.

        """
        found = []
        for number in range(config.phrases):
            started = time.perf_counter()
            phrases, pruned = self._find_in_pass(config)
            if pruned:
                message = (
                    f"there are too many pairs of words to count them all: {pruned:,} rare ones "
                    "were dropped, so some phrases may be missing; raise `phrase_min_count`"
                )
                observer(Notice(message))
            if phrases:
                found.append(phrases)
                self.join([phrase.phrase for phrase in phrases])
            observer(PhrasesFound(number + 1, len(phrases), time.perf_counter() - started))
            if not phrases:
                break
        return found

    def _find_in_pass(self, config: Config) -> tuple[list[ScoredPhrase], int]:
        """Return the phrases of the next pass, and the number of pairs that were dropped."""
        counts = self.distinct.counts
        least = max(config.phrase_min_count, config.min_count)
        candidates = np.flatnonzero(counts >= least)
        while len(candidates) > MOST_WORDS:
            least *= 2
            candidates = np.flatnonzero(counts >= least)
        connectors = self._numbers_of(config.connector_words)
        connectors = connectors[connectors != _NONE]
        candidates = np.setdiff1d(candidates, connectors, assume_unique=True)
        # Ranked, so that codes and with them the pairs that are dropped depend on the text alone.
        candidates = rank_ids(self.distinct, candidates)
        codes = np.full(len(counts), RARE, np.uint32)
        codes[connectors] = 1 + np.arange(len(connectors), dtype=np.uint32)
        codes[candidates] = MOST_CONNECTORS + 1 + np.arange(len(candidates), dtype=np.uint32)
        numbers = np.full(MOST_CONNECTORS + 1 + len(candidates), _NONE, np.int64)
        numbers[1 : 1 + len(connectors)] = connectors
        numbers[MOST_CONNECTORS + 1 :] = candidates
        counter = PairCounter()

        def divide(block: SpooledBlock) -> list[NDArray[np.uint64]]:
            text = self._joined_block(block)
            encoded = np.empty_like(text)
            _encode(text, codes, encoded)
            return counter.divide(encoded)

        for batch in _batches(self._map(divide)):
            counter.add(batch, self._threads)
        pairs = counter.pairs(least)
        scores = score_pairs(
            pairs.counts,
            counts[numbers[pairs.first]],
            counts[numbers[pairs.last]],
            total=int(counts.sum()),
            min_count=least,
            method=config.phrase_score,
        )
        chosen = np.flatnonzero(scores >= config.phrase_limit)
        columns = [pairs.first[chosen], *pairs.connectors[chosen].T, pairs.last[chosen]]
        phrases = self._spell(numbers[np.stack(columns, axis=1)])
        rows = zip(phrases, scores[chosen].tolist(), pairs.counts[chosen].tolist(), strict=True)
        found = [ScoredPhrase(*row) for row in rows if row[0]]
        return sorted(found, key=_by_score), counter.pruned

    def _spell(self, parts: NDArray[np.int64]) -> list[str]:
        """Return phrases with blanks between their parts, or "" for those that cannot be words."""
        used = np.unique(parts)
        words = [""] * int(np.count_nonzero(used == _NONE))
        words += self.distinct.words(used[used != _NONE])
        rows = np.searchsorted(used, parts).tolist()
        return [_spelled([words[place] for place in row if words[place]]) for row in rows]

    def join(self, phrases: Sequence[str]) -> None:
        """Join phrases in further calls, as a further pass.

        Args:
            phrases: with blanks between their parts. Those whose parts do not occur are ignored.

        """
        parts = [phrase.split(BLANK) for phrase in phrases]
        words = sorted(set(itertools.chain.from_iterable(parts)))
        number_of = dict(zip(words, self._numbers_of(words).tolist(), strict=True))
        rows = np.array(
            [
                [number_of[part] for part in row] + [_NONE] * (_MOST_PARTS - len(row))
                for row in parts
            ],
            np.int64,
        ).reshape(-1, _MOST_PARTS)
        sizes = np.array([len(row) for row in parts], np.int64)
        occurring = np.count_nonzero(rows != _NONE, axis=1) == sizes
        chosen = list(itertools.compress(phrases, occurring.tolist()))
        table = WordTable(max(len(chosen), 1))
        ids = table.add_words([joined(phrase).encode() for phrase in chosen])
        table.counts[:] = 0
        first = len(self.distinct.numbers)
        self.distinct = self.distinct.with_table(table)
        results = self.distinct.numbers[first + ids.astype(np.int64)]
        self._set_passes([*self._passes, _Pass(chosen, rows[occurring], results)])

    def _numbers_of(self, words: Sequence[str]) -> NDArray[np.int64]:
        """Return the number of each word, _NONE if it does not occur."""
        possible = [word for word in words if 0 < len(word.encode()) <= MAX_LENGTH]
        table = WordTable(max(len(possible), 1))
        ids = table.add_words([word.encode() for word in possible])
        found = self.distinct.find(table)
        entries = np.flatnonzero((found >= 0) & (self.distinct.counts > 0))
        numbers = np.full(len(table), _NONE, np.int64)
        numbers[found[entries]] = entries
        number_of = dict(zip(possible, numbers[ids].tolist(), strict=True))
        return np.array([number_of.get(word, _NONE) for word in words], np.int64)

    def keep_ranked(self, ranks: NDArray[np.uint32]) -> None:
        """Join only phrases that have a rank, and those that are parts of them.

        Other phrases would take occurrences from their words without being words themselves.

        Args:
            ranks: by number, UNKNOWN if there is none.

        """
        needed = ranks != UNKNOWN
        reduced = []
        for one in reversed(self._passes):
            kept = one.only(needed[one.results])
            needed[kept.parts[kept.parts != _NONE]] = True
            reduced.append(kept)
        self._set_passes(reduced[::-1])

    def split_unranked(self, rank: Callable[[], NDArray[np.uint32]]) -> None:
        """Split joined phrases without a rank into their parts in further calls.

        Args:
            rank: returns the ranks by the counts, which change if phrases are split.

        """
        is_phrase = np.zeros(len(self.distinct.counts), bool)
        split = np.zeros(len(self.distinct.counts), bool)
        for one in self._passes:
            is_phrase[one.results] = True
        while True:
            unranked = is_phrase & ~split & (rank() == UNKNOWN) & (self.distinct.counts > 0)
            if not unranked.any():
                break
            split |= unranked
            for one in reversed(self._passes):
                self._give_counts_to_parts(one, split)
        self._prepare_splitting(split)

    def _give_counts_to_parts(self, one: _Pass, split: NDArray[np.bool]) -> None:
        counts = self.distinct.counts
        # Several phrases may be spelled alike when joined; one of them stands for all.
        results, places = np.unique(one.results, return_index=True)
        chosen = split[results] & (counts[results] > 0)
        results, parts = results[chosen], one.parts[places[chosen]]
        for column in parts.T:
            present = column != _NONE
            np.add.at(counts, column[present], counts[results[present]])
        counts[results] = 0

    def _prepare_splitting(self, split: NDArray[np.bool]) -> None:
        """Make the arrays for `_split`."""
        parts_of: dict[int, list[int]] = {}
        for one in self._passes:
            for result, row in zip(one.results.tolist(), one.parts.tolist(), strict=True):
                if split[result] and result not in parts_of:
                    parts_of[result] = [
                        smaller
                        for part in row
                        if part != _NONE
                        for smaller in parts_of.get(part, [part])
                    ]
        lengths = np.zeros(len(split), np.int64)
        lengths[list(parts_of)] = list(map(len, parts_of.values()))
        self._split_ends = np.concatenate([[0], np.cumsum(lengths)])
        flat = itertools.chain.from_iterable(parts_of[result] for result in sorted(parts_of))
        self._split_parts = np.fromiter(flat, np.uint32)

    def count_ranked(self, ranks: NDArray[np.uint32]) -> int:
        """Return the number of joined phrases that have a rank."""
        if not self._passes:
            return 0
        results = np.unique(np.concatenate([one.results for one in self._passes]))
        return int(np.count_nonzero(ranks[results] != UNKNOWN))

    def joined_ids(self, ids: NDArray[np.uint32], scanner: int) -> NDArray[np.uint32]:
        """Return the numbers of a block, with its phrases joined.

        Args:
            ids: (n,) the provisional ids of a scanner, END_OF_LINE between lines.
            scanner: its index.

        """
        numbers = np.empty_like(ids)
        _number(ids, self._numbers[scanner], numbers)
        for tables in self._tables:
            numbers = numbers[: _join(numbers, *tables)]
        if self._split_ends is not None and len(self._split_parts):
            out = np.empty(len(ids), np.uint32)
            numbers = out[: _split(numbers, self._split_ends, self._split_parts, out)]
        return numbers

    def _joined_block(self, block: SpooledBlock) -> NDArray[np.uint32]:
        return self.joined_ids(self._spool.read(block), block.origin.scanner)

    def _map(self, function: Callable[[SpooledBlock], Item]) -> Iterator[Item]:
        with closing(ordered_map(function, self._spool.blocks, self._threads)) as results:
            yield from results

    def _set_passes(self, passes: list[_Pass]) -> None:
        """Join the phrases of these passes in further calls, and count all words again."""
        self._passes = passes
        self._tables = [one.tables(len(self.distinct.counts)) for one in passes]
        self._recount()

    def _recount(self) -> None:
        blocks = self._spool.blocks
        size = -(-len(blocks) // self._threads) or 1
        groups = [blocks[i : i + size] for i in range(0, len(blocks), size)]

        def count(group: list[SpooledBlock]) -> NDArray[np.int64]:
            counts = np.zeros(len(self.distinct.counts), np.int64)
            for block in group:
                _tally(self._joined_block(block), counts)
            return counts

        total = np.zeros(len(self.distinct.counts), np.int64)
        with closing(ordered_map(count, groups, self._threads)) as results:
            for counts in results:
                total += counts
        self.distinct.counts[:] = total


def score_pairs(
    counts: NDArray[np.int64],
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    *,
    total: int,
    min_count: int,
    method: str,
) -> NDArray[np.float64]:
    """Return how much more often pairs occur than their words' counts suggest.

    Args:
        counts: (n,) of the pairs.
        first: (n,) the counts of their first words.
        last: (n,) the counts of their last words.
        total: the number of words in the text.
        min_count: the discount of ``word2vec``.
        method: ``npmi``, log(p(ab) / (p(a) p(b))) / -log p(ab), from -1 to 1; or ``word2vec``,
            (count(ab) - min_count) / (count(a) count(b)) * total, of at least 0.

    """
    expected = first.astype(np.float64) * last / total
    if method == "word2vec":
        return (counts - min_count) / expected
    return np.log(counts / expected) / -np.log(counts / total)


def _by_score(phrase: ScoredPhrase) -> tuple[float, int, str]:
    return -phrase.score, -phrase.count, phrase.phrase


def _spelled(parts: list[str]) -> str:
    """Return a phrase with blanks between its parts, or "" if it cannot be a word."""
    phrase = BLANK.join(parts)
    # The tokens of lists may have blanks themselves.
    is_possible = phrase.count(BLANK) == len(parts) - 1 and len(phrase.encode()) <= MAX_LENGTH
    return phrase if is_possible else ""


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    while batch := list(itertools.islice(items, _BLOCKS_AT_ONCE)):
        yield batch
