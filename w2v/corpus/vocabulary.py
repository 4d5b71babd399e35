"""The vocabulary: the words that have a row in the matrix.

Words are ranked by descending count; ties by code point order, which in UTF-8 is byte order.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from w2v.compute.parallel import ordered_map
from w2v.errors import InputError, VocabularyError, short_repr
from w2v.system.files import read_text_file
from w2v.text.normal import is_normal, normal_form
from w2v.text.wordtable import MAX_LENGTH, WordTable

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from w2v.corpus.distinct import DistinctWords

UNKNOWN = 0xFFFF_FFFE
"""The rank of words that are not in the vocabulary."""


@dataclass(frozen=True)
class Vocabulary:
    """Words with their counts.

    Attributes:
        words: word i belongs to row i.
        counts: (V,) int64, the occurrences of each in the corpus.

    """

    words: list[str]
    counts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)

    @functools.cached_property
    def ids(self) -> dict[str, int]:
        """The row of each word."""
        return {word: i for i, word in enumerate(self.words)}


# Fewer words are sorted by fewer threads, and the ranges of prefixes are chosen by a sample.
_WORDS_PER_THREAD = 1 << 16
_SAMPLE = 1 << 10


def rank_words(
    distinct: DistinctWords, *, vocab_size: int, min_count: int
) -> tuple[Vocabulary, NDArray[np.uint32]]:
    """Choose the most frequent words.

    Args:
        distinct: all words of the corpus.
        vocab_size: the maximum number of words.
        min_count: the minimum number of occurrences.

    Returns:
        The vocabulary, and (n,) uint32: the rank of each word by its number, or UNKNOWN.

    Raises:
        VocabularyError: there is no such word.

    """
    counts = distinct.counts
    candidates = np.flatnonzero(counts >= min_count)
    if not len(candidates):
        message = (
            f"no word occurs {min_count} times: the corpus has {distinct.occurrences:,} words, "
            f"{len(distinct):,} of them distinct, and the most frequent one occurs "
            f"{max(counts.max(initial=0), distinct.others.highest):,} times; lower `min_count`, or "
            "use a larger corpus"
        )
        raise VocabularyError(message)
    ranked = _most_frequent(distinct, candidates, vocab_size)
    ranks = np.full(len(counts), UNKNOWN, np.uint32)
    ranks[ranked] = np.arange(len(ranked), dtype=np.uint32)
    return Vocabulary(distinct.words(ranked), counts[ranked]), ranks


def _most_frequent(distinct: DistinctWords, ids: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the ``size`` most frequent of some words, or all if there are fewer, ranked."""
    if 0 < size < len(ids):
        counts = distinct.counts[ids]
        ids = ids[counts >= np.partition(counts, -size)[-size]]
    return rank_ids(distinct, ids)[:size]


def rank_ids(distinct: DistinctWords, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort words by descending count, then by their bytes.

    Each thread sorts the words of one range of prefixes. The sorted ranges are then merged by
    count: a stable sort leaves words with equal count in the order of their prefixes.
    """
    prefixes = distinct.prefixes(ids)
    parts = min(distinct.threads, -(-len(ids) // _WORDS_PER_THREAD))
    if parts < 2:
        return _sort_part(distinct, ids, prefixes)
    sample = np.sort(prefixes[:: -(-len(ids) // _SAMPLE)])
    bounds = sample[np.arange(1, parts) * len(sample) // parts]
    part_of = np.searchsorted(bounds, prefixes, side="right")

    def sort(part: int) -> NDArray[np.int64]:
        members = np.flatnonzero(part_of == part)
        return _sort_part(distinct, ids[members], prefixes[members])

    ids = np.concatenate(list(ordered_map(sort, range(parts), parts)))
    return ids[np.argsort(-distinct.counts[ids], kind="stable")]


def _sort_part(
    distinct: DistinctWords, ids: NDArray[np.int64], prefixes: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """Sort words by descending count, then by their bytes.

    The first eight bytes are compared as one number. Only the few words with equal count and equal
    first bytes are compared as strings, which takes ten times as long.
    """
    counts = distinct.counts[ids]
    order = np.lexsort((prefixes, -counts))
    ids, counts, prefixes = ids[order], counts[order], prefixes[order]
    same = (counts[1:] == counts[:-1]) & (prefixes[1:] == prefixes[:-1])
    group = np.cumsum(np.append(True, ~same))
    tied = np.flatnonzero(np.append(False, same) | np.append(same, False))
    keys = list(zip(group[tied].tolist(), distinct.words(ids[tied]), strict=True))
    ids[tied] = ids[tied[sorted(range(len(keys)), key=keys.__getitem__)]]
    return ids


_SPELLING = "check that their spelling matches, for instance that both are lowercase"


def match_words(
    distinct: DistinctWords, words: Sequence[str], remedy: str = _SPELLING
) -> tuple[Vocabulary, NDArray[np.uint32]]:
    """Count the words of a given vocabulary.

    Args:
        distinct: all words of the corpus.
        words: the vocabulary, in the order of its rows.
        remedy: what to do if none of them occurs, for the error.

    Returns:
        The vocabulary, and (n,) uint32: the row of each word by its number, or UNKNOWN.

    Raises:
        VocabularyError: none of the words occurs in the corpus.

    """
    possible = rows_of_words(words)
    table = WordTable(len(possible))
    rows = np.empty(len(possible), np.int64)
    rows[table.add_words(list(possible))] = list(possible.values())
    ids = distinct.ids()
    found = distinct.find(table)[ids]
    ids, rows = ids[found >= 0], rows[found[found >= 0]]
    all_counts = distinct.counts
    ranks = np.full(len(all_counts), UNKNOWN, np.uint32)
    ranks[ids] = rows
    counts = np.zeros(len(words), np.int64)
    np.add.at(counts, rows, all_counts[ids])  # a row may have several spellings
    if not counts.any():
        message = (
            f"none of the {len(words):,} given words occurs in the corpus, which has "
            f"{distinct.occurrences:,} words, {len(distinct):,} of them distinct; {remedy}"
        )
        raise VocabularyError(message)
    return Vocabulary(list(words), counts), ranks


def rows_of_words(words: Sequence[str]) -> dict[bytes, int]:
    """Return the row of each spelling of given words that a text may have."""
    row_of = {word: i for i, word in enumerate(words)}
    for i, word in enumerate(words):
        if not is_normal(word):  # as in the vectors of some other programs
            row_of.setdefault(normal_form(word, lowercase=False), i)
    # No text has other words, but some models of other programs do.
    return {
        word: row
        for word, row in zip(map(str.encode, row_of), row_of.values(), strict=True)
        if 0 < len(word) <= MAX_LENGTH
    }


def extend_words(
    distinct: DistinctWords, words: Sequence[str], *, vocab_size: int, min_count: int
) -> tuple[Vocabulary, NDArray[np.uint32]]:
    """Append the most frequent other words of the corpus to a given vocabulary.

    Args:
        distinct: all words of the corpus.
        words: the given vocabulary, in the order of its rows; none is dropped.
        vocab_size: the maximum number of words, unless more are given.
        min_count: the minimum number of occurrences of other words.

    Returns:
        As `match_words`; the other words are ranked as by `rank_words`.

    Raises:
        VocabularyError: none of the given words occurs in the corpus.

    """
    given, ranks = match_words(distinct, words)
    counts = distinct.counts
    others = np.flatnonzero((ranks == UNKNOWN) & (counts >= min_count))
    added = _most_frequent(distinct, others, max(0, vocab_size - len(given)))
    ranks[added] = np.arange(len(given), len(given) + len(added), dtype=np.uint32)
    return Vocabulary(
        given.words + distinct.words(added), np.append(given.counts, counts[added])
    ), ranks


def normal_words(words: Sequence[str]) -> list[str]:
    """Return given words in normalization form C, in which the tokenizer writes words.

    Raises:
        InputError: two words are the same then.

    """
    normal = [normal_form(word, lowercase=False) for word in words]
    return check_word_list(normal, "in normalization form C")


def read_word_list(path: str | os.PathLike[str]) -> list[str]:
    """Read a vocabulary file: UTF-8, one word a line, in the order of the rows.

    The output of ``w2v vocab``, with lines of id, word and count, is read as well.

    Raises:
        InputError: the file cannot be read, is not UTF-8, is empty, or has an empty or repeated
            line.

    """
    try:
        text = read_text_file(path, f"the vocabulary {path}").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the vocabulary {path} is not UTF-8: {error}"
        raise InputError(message) from error
    lines = text.removesuffix("\n").split("\n") if text else []
    words = [line.removesuffix("\r") for line in lines]
    return check_word_list(_without_counts(words, str(path)), str(path))


def _without_counts(lines: list[str], name: str) -> list[str]:
    """Return the words of lines as ``w2v vocab`` writes them; other lines are words themselves.

    Raises:
        InputError: there are counts, but in another form.

    """
    rows = (line.split("\t") for line in lines)
    if all(
        len(row) == 3 and row[0] == str(number) and _is_count(row[2])
        for number, row in enumerate(rows)
    ):
        return [line.split("\t")[1] for line in lines]
    counted = (line.replace("\t", " ").rpartition(" ") for line in lines)
    if len(lines) > 1 and all(word.strip() and _is_count(count) for word, _, count in counted):
        message = (
            f"the vocabulary {name} has a number behind the word in every line, as in "
            f"{short_repr(lines[0])}: expected one word a line; remove the other columns"
        )
        raise InputError(message)
    return lines


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def check_word_list(words: Sequence[str], name: str, *, blank: bool = False) -> list[str]:
    """Check that there are words, and that none is empty, repeated or impossible in text.

    Args:
        words: in the order of their rows.
        name: of the list, for errors.
        blank: whether to accept words of white space. No text is split into such words, but some
            models of other programs have them.

    Raises:
        InputError: with the first line that is wrong.

    """
    if not words:
        message = f"the vocabulary {name} is empty: expected one word a line"
        raise InputError(message)
    first_line: dict[str, int] = {}
    for number, word in enumerate(words, 1):
        if not word or (word.isspace() and not blank):
            message = f"the vocabulary {name} has no word in line {number}"
            raise InputError(message)
        if "\n" in word or not _is_unicode(word):
            message = (
                f"the vocabulary {name} contains {word!r:.200}, which cannot be a line of UTF-8"
            )
            raise InputError(message)
        if word in first_line:
            message = (
                f"the vocabulary {name} repeats the word {word!r:.200} of line {first_line[word]} "
                f"in line {number}"
            )
            raise InputError(message)
        first_line[word] = number
    return list(words)


def _is_unicode(word: str) -> bool:
    """Return whether a word has no lone surrogates, which cannot be encoded."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
