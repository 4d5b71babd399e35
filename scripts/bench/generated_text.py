"""A reproducible synthetic text of any size: words by Zipf's law, and topics.

Half of the words are drawn by frequency alone. The other half, except the most frequent words,
belong to the topic of their line, so that there is structure to learn. The same arguments produce
the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VOCABULARY = 200_000
_TOPICS = 64
_TOPICLESS = 128  # the most frequent words, a multiple of _TOPICS
_LINES_AT_ONCE = 10_000
_MEAN_WORDS = 20  # per line
_LETTERS = "etaoinshrdlcumwfgypbvkjxqz"


def write_text(
    path: Path,
    megabytes: float,
    *,
    vocabulary: int = VOCABULARY,
    complete: bool = False,
    seed: int = 1,
) -> int:
    """Write a text.

    Args:
        path: the file to write.
        megabytes: the size, exceeded by less than one block of lines (about a megabyte).
        vocabulary: the number of distinct words to draw from.
        complete: whether every word occurs. The text then starts with each word once, whatever
            the requested size.
        seed: the seed of the random numbers.

    Returns:
        The number of words written.
    """
    words = np.array([spell(rank) for rank in range(vocabulary)], dtype=object)
    random = np.random.Generator(np.random.PCG64(seed))
    written = 0
    with path.open("w", encoding="ascii", newline="\n") as file:
        for ids, lengths in _blocks(random, vocabulary, complete):
            file.write(_join(words[ids].tolist(), lengths.tolist()))
            written += len(ids)
            if file.tell() >= megabytes * 1e6:
                return written
    raise AssertionError("blocks are endless")


def spell(rank: int) -> str:
    """Return the word of a rank; frequent words are short, as in a language.

    >>> [spell(rank) for rank in (0, 1, 25, 26, 27)]
    ['e', 't', 'z', 'ee', 'te']
    """
    letters = ""
    rank += 1
    while rank:
        rank, letter = divmod(rank - 1, len(_LETTERS))
        letters += _LETTERS[letter]
    return letters


def _blocks(
    random: np.random.Generator, vocabulary: int, complete: bool
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield endless blocks: the ranks of words, and the lengths of the lines that they fill."""
    if complete:
        yield np.argsort(random.random(vocabulary), kind="stable"), _full_lines(vocabulary)
    cumulated = np.cumsum(1 / (np.arange(vocabulary) + 2.7))  # Zipf-Mandelbrot law
    cumulated /= cumulated[-1]
    while True:
        lengths = (1 + random.random(_LINES_AT_ONCE) * (2 * _MEAN_WORDS - 1)).astype(np.int64)
        words = int(lengths.sum())
        ranks = np.searchsorted(cumulated, random.random(words))
        topics = (random.random(_LINES_AT_ONCE) * _TOPICS).astype(np.int64)
        topical = (ranks >= _TOPICLESS) & (random.random(words) < 0.5)
        of_topic = ranks - ranks % _TOPICS + np.repeat(topics, lengths)
        yield np.where(topical & (of_topic < vocabulary), of_topic, ranks), lengths


def _full_lines(words: int) -> NDArray[np.int64]:
    """Return the lengths of full lines that hold a number of words."""
    return np.diff(np.append(np.arange(0, words, _MEAN_WORDS), words))


def _join(words: list[str], lengths: list[int]) -> str:
    lines = []
    start = 0
    for length in lengths:
        lines.append(" ".join(words[start : start + length]))
        start += length
    return "\n".join(lines) + "\n"
