"""A matrix for the vocabulary of another program: rows in the order of its words."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, InputError, short_repr
from w2v.formats.reading import MISSING
from w2v.formats.special_rows import PADDING_NAMES, UNKNOWN_NAMES, find_special
from w2v.system.files import read_text_file

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from w2v.embeddings.embeddings import Embeddings

_PADDING = frozenset(("", *PADDING_NAMES))  # their row is zero unless there is such a word

GivenWords = Sequence[str] | Mapping[str, int]
"""Words in the order of their rows, or the row of each word."""


@dataclass(frozen=True)
class FoundWords:
    """How many of the given words have a vector.

    Attributes:
        words: the given words, without padding.
        found: those that have a vector, in any spelling.
        lowercased: those among them that were found in lowercase only.
        composed: further ones, whose vectors are those of their n-grams.

    """

    words: int
    found: int
    lowercased: int
    composed: int = 0

    @property
    def is_poor(self) -> bool:
        """Whether less than half of the words have a vector."""
        return 2 * (self.found + self.composed) < self.words

    def __str__(self) -> str:
        """Describe it in one line."""
        share = 100 * self.found / max(self.words, 1)
        text = f"{self.found:,} of {self.words:,} words found ({share:.1f} %)"
        if self.lowercased:
            text += f", {self.lowercased:,} of them in lowercase"
        return f"{text}, {self.composed:,} more by their n-grams" if self.composed else text


def matrix_of_words(
    embeddings: Embeddings,
    words: GivenWords,
    missing: str,
    *,
    lowercase: bool,
    seed: int,
    special_rows: bool = False,
) -> tuple[NDArray[np.float32], FoundWords]:
    """Return the vectors of words, in the order of their rows.

    Args:
        embeddings: the vectors.
        words: the words in the order of their rows, or the row of each word. A name of padding has
            a row of zeros.
        missing: the rows of words that have no vector, see `MISSING`.
        lowercase: whether to look up words in lowercase that are not found otherwise.
        seed: of random numbers.
        special_rows: whether a name of padding or of unknown words may have the row of another such
            name.

    Returns:
        (n, D) float32, C order, where n is the number of words, or the highest row plus 1; and how
        many words were found.

    Raises:
        ConfigError: ``words`` are no such words, or none of them has a vector; or there are no
            special rows.

    """
    MISSING.check("missing", missing)
    row_of = dict(_names_and_rows(words))
    known: dict[str, int] = {}
    special = _special_rows(embeddings) if special_rows else {}
    lowercased = 0
    for name in row_of:
        row = embeddings._find(name)
        if row is None:
            row = special.get(name)
        if row is None and lowercase:
            row = embeddings._find(name.lower())
            lowercased += row is not None
        if row is not None:
            known[name] = row
    others = [name for name in row_of if name not in known and name not in _PADDING]
    matrix = np.zeros((max(row_of.values()) + 1, embeddings.dim), np.float32)
    matrix[[row_of[name] for name in known]] = embeddings.matrix[list(known.values())]
    composed: list[str] = []
    if embeddings.subwords is not None:
        vectors = embeddings.subwords.vectors(list(map(str.encode, others)), [-1] * len(others))
        matrix[[row_of[name] for name in others]] = vectors
        composed = [name for name, row in zip(others, vectors, strict=True) if row.any()]
        others = [name for name, row in zip(others, vectors, strict=True) if not row.any()]
    total = len(known) + len(composed) + len(others)
    report = FoundWords(total, len(known), lowercased, len(composed))
    if len(others) == total:
        message = (
            f"none of the {len(row_of):,} words has a vector, such as "
            f"{short_repr(list(row_of)[:3])}; check the spelling, or use `lowercase=True`"
        )
        raise ConfigError(message, option="words")
    if missing != "zeros":
        absent = [row_of[name] for name in others]
        matrix[absent] = _vectors_for(len(absent), embeddings.matrix, missing, seed)
    return matrix, report


def _special_rows(embeddings: Embeddings) -> dict[str, int]:
    """Return the row of every name of padding and of unknown words, as far as there is one."""
    padding, unknown = find_special(embeddings)
    rows = dict.fromkeys(_PADDING, padding) | dict.fromkeys(UNKNOWN_NAMES, unknown)
    return {name: row for name, row in rows.items() if row is not None}


def _vectors_for(
    count: int, known: NDArray[np.float32], missing: str, seed: int
) -> NDArray[np.float64]:
    mean = known.mean(axis=0, dtype=np.float64)
    if missing == "mean":
        return np.tile(mean, (count, 1))
    spread = known.std(axis=0, dtype=np.float64)
    return np.random.default_rng(seed).normal(mean, spread, (count, known.shape[1]))


def _names_and_rows(words: Any) -> Iterator[tuple[str, int]]:
    """Return the names and rows of given words.

    Raises:
        ConfigError: they are neither strings nor a mapping of strings to rows.

    """
    if isinstance(words, Mapping):
        names, rows = list(words), list(words.values())
        if not all(isinstance(row, (int, np.integer)) and row >= 0 for row in rows):
            wrong = next(row for row in rows if not isinstance(row, (int, np.integer)) or row < 0)
            message = f"must map words to rows of at least 0, got {short_repr(wrong)}"
            raise ConfigError(message, option="words")
        rows = list(map(int, rows))
        if len(set(rows)) < len(rows):
            message = "must map each word to a row of its own, but a row has two words"
            raise ConfigError(message, option="words")
    elif isinstance(words, str) or not isinstance(words, (Sequence, np.ndarray)):
        message = f"must be a list of words, or a dict from words to rows, got {short_repr(words)}"
        raise ConfigError(message, option="words")
    else:
        names, rows = list(words), list(range(len(words)))
    if not names or not all(isinstance(name, str) for name in names):
        wrong_name = next((name for name in names if not isinstance(name, str)), names)
        message = f"must be strings, and at least one, got {short_repr(wrong_name)}"
        raise ConfigError(message, option="words")
    if len(set(names)) < len(names):
        repeated = next(name for name, count in Counter(names).items() if count > 1)
        message = f"must be distinct, but {short_repr(repeated)} is repeated"
        raise ConfigError(message, option="words")
    return zip(map(str, names), rows, strict=True)


def read_given_words(path: str | os.PathLike[str]) -> GivenWords:
    """Read words and their rows from a file.

    Args:
        path: a file of one word per line; a JSON list of words, or object of words and rows, such
            as ``word_index`` of Keras; or a ``tokenizer.json`` of the library tokenizers.

    Raises:
        InputError: the file cannot be read, or is none of these.

    """
    data = read_text_file(path, str(path))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8: {error}"
        raise InputError(message) from error
    if Path(path).suffix.lower() != ".json":
        lines = text.removesuffix("\n").split("\n")
        return [line.removesuffix("\r") for line in lines]
    try:
        words = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"{path} is not JSON: {error}"
        raise InputError(message) from error
    if isinstance(words, dict) and isinstance(words.get("model"), dict):
        words = words["model"].get("vocab")
    if not isinstance(words, (dict, list)):
        message = (
            f"{path}: expected a list of words, an object of words and their rows, or a "
            f"tokenizer.json with a vocabulary, got {short_repr(words)}"
        )
        raise InputError(message)
    if isinstance(words, list) and words and isinstance(words[0], list):  # of a Unigram model
        words = [entry[0] for entry in words]
    result: GivenWords = words
    return result
