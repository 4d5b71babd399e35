"""Phrases: several words that are joined into one, such as ``new_york``.

A phrase is two words, or two words with one or two connector words such as *of* between them. It is
written with blanks between its parts, and joined by underscores. In a second pass, a joined phrase
can be a part of a longer one: ``new_york`` and ``times``.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError, short_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

DELIMITER = "_"
"""Stands between the words of a joined phrase."""

BLANK = " "
"""Stands between the parts of a phrase that is not joined."""

MAX_CONNECTORS = 2
"""The maximum number of connector words between the two words of a phrase."""

Phrases = tuple[tuple[str, ...], ...]
"""The phrases of each pass, with blanks between their parts."""


def joined(phrase: str) -> str:
    """Return a phrase as one word."""
    return phrase.replace(BLANK, DELIMITER)


def recorded_phrases(definition: Any) -> Phrases:
    """Return the phrases in the definition of a word that embeddings record.

    Args:
        definition: ``meta["tokenizer"]``; one without phrases, or None, gives none.

    Raises:
        ConfigError: they are not lists of strings.

    """
    recorded = definition.get("phrases", ()) if isinstance(definition, dict) else ()
    if not isinstance(recorded, (list, tuple)) or not all(map(_are_strings, recorded)):
        message = (
            "the phrases that these embeddings record must be a list of strings for each pass, got "
            f"{short_repr(recorded)}"
        )
        raise ConfigError(message)
    return tuple(map(tuple, recorded))


def _are_strings(entries: object) -> bool:
    return isinstance(entries, (list, tuple)) and all(isinstance(entry, str) for entry in entries)


class PhraseJoiner:
    """Joins the phrases of texts, in the way that they were joined for training.

    In each pass, the first phrase from the left is joined, then the first one behind it. A joined
    phrase that is not in the vocabulary is split into its parts again.

    Args:
        phrases: of each pass.
        is_word: whether a word is in the vocabulary.

    """

    def __init__(self, phrases: Iterable[Iterable[str]], is_word: Callable[[str], bool]) -> None:
        self._passes = [frozenset(entries) for entries in phrases]
        self._first_words = [
            frozenset(phrase.partition(BLANK)[0] for phrase in entries) for entries in self._passes
        ]
        self._parts = {
            joined(phrase): phrase.split(BLANK)
            for phrase in itertools.chain.from_iterable(self._passes)
            if not is_word(joined(phrase))
        }

    def join(self, words: Sequence[str]) -> list[str]:
        """Return the words of a line, with its phrases joined."""
        result = list(words)
        for phrases, first_words in zip(self._passes, self._first_words, strict=True):
            if not first_words.isdisjoint(result):
                result = _join(result, phrases, first_words)
        if self._parts.keys().isdisjoint(result):
            return result
        return [part for word in result for part in self._split(word)]

    def _split(self, word: str) -> list[str]:
        """Return the parts of a phrase that is not in the vocabulary, or a word itself."""
        parts = self._parts.get(word)
        if parts is None:
            return [word]
        return [smaller for part in parts for smaller in self._split(part)]


def _join(words: list[str], phrases: frozenset[str], first_words: frozenset[str]) -> list[str]:
    """Join the phrases of one pass."""
    result = []
    start = 0
    while start < len(words):
        word = words[start]
        size = _phrase_size(words, start, phrases) if word in first_words else 1
        result.append(word if size == 1 else DELIMITER.join(words[start : start + size]))
        start += size
    return result


def _phrase_size(words: list[str], start: int, phrases: frozenset[str]) -> int:
    """Return the number of words of the phrase that begins at a position, or 1."""
    for size in range(2, min(2 + MAX_CONNECTORS, len(words) - start) + 1):
        phrase = BLANK.join(words[start : start + size])
        # Tokens of lists may have blanks. They are in no phrase.
        if phrase in phrases and phrase.count(BLANK) == size - 1:
            return size
    return 1
