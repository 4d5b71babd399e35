"""The vocabulary: the words that have a row in the matrix.

Words are ranked by descending count; ties by code point order, which in UTF-8 is byte order.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from w2v.errors import InputError, VocabularyError
from w2v.system.files import read_text_file

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from w2v.text.wordtable import WordTable

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


def rank_words(
    table: WordTable, *, vocab_size: int, min_count: int
) -> tuple[Vocabulary, NDArray[np.uint32]]:
    """Choose the most frequent words.

    Args:
        table: all words of the corpus.
        vocab_size: the maximum number of words.
        min_count: the minimum number of occurrences.

    Returns:
        The vocabulary, and (len(table),) uint32: the rank of each word of the table, or UNKNOWN.

    Raises:
        VocabularyError: there is no such word.

    """
    counts = table.counts
    candidates = np.flatnonzero(counts >= min_count)
    if not len(candidates):
        message = (
            f"no word occurs {min_count} times: the corpus has {counts.sum():,} words, "
            f"{len(table):,} of them distinct, and the most frequent one occurs "
            f"{counts.max(initial=0):,} times; lower `min_count`, or use a larger corpus"
        )
        raise VocabularyError(message)
    ranked = _most_frequent(table, candidates, vocab_size)
    ranks = np.full(len(table), UNKNOWN, np.uint32)
    ranks[ranked] = np.arange(len(ranked), dtype=np.uint32)
    words = [word.decode() for word in table.words(ranked)]
    return Vocabulary(words, counts[ranked]), ranks


def _most_frequent(table: WordTable, ids: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Return the ``size`` most frequent of some words, or all if there are fewer, ranked."""
    if 0 < size < len(ids):
        counts = table.counts[ids]
        ids = ids[counts >= np.partition(counts, -size)[-size]]
    return _rank(table, ids)[:size]


def _rank(table: WordTable, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort words by descending count, then by their bytes.

    The first eight bytes are compared as one number. Only the few words with equal count and equal
    first bytes are compared as strings, which takes ten times as long.
    """
    counts = table.counts[ids]
    prefixes = table.prefixes(ids)
    order = np.lexsort((prefixes, -counts))
    ids, counts, prefixes = ids[order], counts[order], prefixes[order]
    same = (counts[1:] == counts[:-1]) & (prefixes[1:] == prefixes[:-1])
    group = np.cumsum(np.append(True, ~same))
    tied = np.flatnonzero(np.append(False, same) | np.append(same, False))
    keys = list(zip(group[tied].tolist(), table.words(ids[tied]), strict=True))
    ids[tied] = ids[tied[sorted(range(len(keys)), key=keys.__getitem__)]]
    return ids


def match_words(table: WordTable, words: Sequence[str]) -> tuple[Vocabulary, NDArray[np.uint32]]:
    """Count the words of a given vocabulary.

    Args:
        table: all words of the corpus.
        words: the vocabulary, in the order of its rows.

    Returns:
        The vocabulary, and (len(table),) uint32: the row of each word of the table, or UNKNOWN.

    Raises:
        VocabularyError: none of the words occurs in the corpus.

    """
    rows = {word.encode(): i for i, word in enumerate(words)}
    ranks = np.full(len(table), UNKNOWN, np.uint32)
    counts = np.zeros(len(words), np.int64)
    table_counts = table.counts
    for i, word in enumerate(table.words(np.arange(len(table)))):
        row = rows.get(word)
        if row is not None:
            ranks[i] = row
            counts[row] = table_counts[i]
    if not counts.any():
        message = (
            f"none of the {len(words):,} given words occurs in the corpus, which has "
            f"{table_counts.sum():,} words, {len(table):,} of them distinct; check that their "
            "spelling matches, for instance that both are lowercase"
        )
        raise VocabularyError(message)
    return Vocabulary(list(words), counts), ranks


def extend_words(
    table: WordTable, words: Sequence[str], *, vocab_size: int, min_count: int
) -> tuple[Vocabulary, NDArray[np.uint32]]:
    """Append the most frequent other words of the corpus to a given vocabulary.

    Args:
        table: all words of the corpus.
        words: the given vocabulary, in the order of its rows; none is dropped.
        vocab_size: the maximum number of words, unless more are given.
        min_count: the minimum number of occurrences of other words.

    Returns:
        As `match_words`; the other words are ranked as by `rank_words`.

    Raises:
        VocabularyError: none of the given words occurs in the corpus.

    """
    given, ranks = match_words(table, words)
    counts = table.counts
    others = np.flatnonzero((ranks == UNKNOWN) & (counts >= min_count))
    added = _most_frequent(table, others, max(0, vocab_size - len(given)))
    ranks[added] = np.arange(len(given), len(given) + len(added), dtype=np.uint32)
    names = [word.decode() for word in table.words(added)]
    return Vocabulary(given.words + names, np.append(given.counts, counts[added])), ranks


def read_word_list(path: str | os.PathLike[str]) -> list[str]:
    """Read a vocabulary file: UTF-8, one word a line, in the order of the rows.

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
    return check_word_list([line.removesuffix("\r") for line in lines], str(path))


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
