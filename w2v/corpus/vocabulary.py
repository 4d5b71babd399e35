"""Which words have a row in the matrix, and which row.

Ranks go by falling count, ties by code point order, which for UTF-8 is the order of the bytes.
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

UNKNOWN = 0xFFFF_FFFE  # in place of a rank: the word has no row


@dataclass(frozen=True)
class Vocabulary:
    """The words that have a row.

    Attributes:
        words: word i is the word of row i.
        counts: (V,) int64, how often each occurs in the corpus.

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
        table: every word of the corpus with its count.
        vocab_size: how many words to keep at most.
        min_count: how often a word must occur.

    Returns:
        The vocabulary, and (len(table),) uint32: the rank of each word of the table, UNKNOWN for
        those without one.

    Raises:
        VocabularyError: no word is left.

    """
    counts = table.counts[: len(table)]
    candidates = np.flatnonzero(counts >= min_count)
    if not len(candidates):
        message = (
            f"no word occurs {min_count} times: the corpus has {counts.sum():,} words, "
            f"{len(table):,} different ones, and the most frequent one occurs "
            f"{counts.max(initial=0):,} times; lower the minimum count (--min-count) or give more"
            " text"
        )
        raise VocabularyError(message)
    ranked = _most_frequent(table, candidates, vocab_size)
    ranks = np.full(len(table), UNKNOWN, np.uint32)
    ranks[ranked] = np.arange(len(ranked), dtype=np.uint32)
    words = [word.decode() for word in table.words(ranked)]
    return Vocabulary(words, counts[ranked]), ranks


def _most_frequent(table: WordTable, ids: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Choose the ``size`` most frequent of some words, or all if there are fewer, in order."""
    if 0 < size < len(ids):
        counts = table.counts[ids]
        ids = ids[counts >= np.partition(counts, -size)[-size]]
    return _in_order(table, ids)[:size]


def _in_order(table: WordTable, ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort words by falling count, then by their bytes.

    The first eight bytes are compared as one number; only words that have these and the count in
    common, which are few, are compared as strings, for that takes ten times as long.
    """
    counts = table.counts[ids]
    heads = table.heads(ids)
    order = np.lexsort((heads, -counts))
    ids, counts, heads = ids[order], counts[order], heads[order]
    same = (counts[1:] == counts[:-1]) & (heads[1:] == heads[:-1])
    group = np.cumsum(np.append(True, ~same))
    tied = np.flatnonzero(np.append(False, same) | np.append(same, False))
    keys = list(zip(group[tied].tolist(), table.words(ids[tied]), strict=True))
    ids[tied] = ids[tied[sorted(range(len(keys)), key=keys.__getitem__)]]
    return ids


def match_words(table: WordTable, words: Sequence[str]) -> tuple[Vocabulary, NDArray[np.uint32]]:
    """Give the words of a ready vocabulary their counts.

    Args:
        table: every word of the corpus with its count.
        words: the vocabulary, in the order of its rows.

    Returns:
        The vocabulary, and (len(table),) uint32: the row of each word of the table or UNKNOWN.

    Raises:
        VocabularyError: none of the words occurs in the corpus.

    """
    rows = {word.encode(): i for i, word in enumerate(words)}
    ranks = np.full(len(table), UNKNOWN, np.uint32)
    counts = np.zeros(len(words), np.int64)
    for i, word in enumerate(table.words(np.arange(len(table)))):
        row = rows.get(word)
        if row is not None:
            ranks[i] = row
            counts[row] = table.counts[i]
    if not counts.any():
        message = (
            f"none of the {len(words):,} given words occurs in the corpus, which has "
            f"{table.counts.sum():,} words, {len(table):,} different ones; are they written in the"
            " same way, small letters for instance?"
        )
        raise VocabularyError(message)
    return Vocabulary(list(words), counts), ranks


def extend_words(
    table: WordTable, words: Sequence[str], *, vocab_size: int, min_count: int
) -> tuple[Vocabulary, NDArray[np.uint32]]:
    """Put the most frequent other words of the corpus behind a ready vocabulary.

    Args:
        table: every word of the corpus with its count.
        words: the ready vocabulary, all of which stays, in the order of its rows.
        vocab_size: how many words there are to be at most, unless more are ready.
        min_count: how often a word must occur to be put behind them.

    Returns:
        As ``match_words`` does; the words that were added are ranked as by ``rank_words``.

    Raises:
        VocabularyError: none of the ready words occurs in the corpus.

    """
    ready, ranks = match_words(table, words)
    counts = table.counts[: len(table)]
    others = np.flatnonzero((ranks == UNKNOWN) & (counts >= min_count))
    added = _most_frequent(table, others, max(0, vocab_size - len(ready)))
    ranks[added] = np.arange(len(ready), len(ready) + len(added), dtype=np.uint32)
    names = [word.decode() for word in table.words(added)]
    return Vocabulary(ready.words + names, np.append(ready.counts, counts[added])), ranks


def read_word_list(path: str | os.PathLike[str]) -> list[str]:
    """Read a vocabulary file: UTF-8, one word a line, in the order of the rows.

    Raises:
        InputError: the file cannot be read, is not UTF-8, is empty, or has an empty or repeated
            line; the line is named.

    """
    try:
        text = read_text_file(path, f"the vocabulary {path}").decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the vocabulary {path} is not UTF-8: {error}"
        raise InputError(message) from error
    lines = text.removesuffix("\n").split("\n") if text else []
    return check_word_list([line.removesuffix("\r") for line in lines], str(path))


def check_word_list(words: Sequence[str], name: str, *, blank: bool = False) -> list[str]:
    """Check that words can be a vocabulary: there are some, none is empty, none comes twice.

    Args:
        words: in the order of their rows.
        name: what an error calls them.
        blank: whether a word may be of white space, which text is never cut into, but of which
            foreign models have some.

    Raises:
        InputError: the first line that is wrong.

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
                f"the vocabulary {name} has {word!r:.200} in it, which no line of text can hold"
            )
            raise InputError(message)
        if word in first_line:
            message = (
                f"the vocabulary {name} has the word {word!r:.200} in line {first_line[word]} and"
                f" again in line {number}"
            )
            raise InputError(message)
        first_line[word] = number
    return list(words)


def _is_unicode(word: str) -> bool:
    """Whether a word has no lone surrogates, which cannot be written."""
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
