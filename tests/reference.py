"""Slow, simple implementations of the compiled stages, written from their definitions."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from typing import NamedTuple

import regex

MAX_WORD_BYTES = 1000
APOSTROPHES = "'\u2019"
JOIN_CONTROLS = "\u200c\u200d"
SINGLE_SCRIPTS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
INVALID_BYTES = range(0xDC80, 0xDD00)  # Python decodes invalid bytes to these


class Read(NamedTuple):
    """The words of a text, line by line, and the number of dropped tokens and invalid bytes."""

    lines: list[list[str]]
    too_long: int
    invalid_bytes: int


@functools.lru_cache(1 << 16)
def is_word_character(character: str) -> bool:
    """Return whether a character is part of words: letter, mark, number, connector or joiner."""
    category = unicodedata.category(character)
    return category[0] in "LMN" or category == "Pc" or character in JOIN_CONTROLS


@functools.lru_cache(1 << 16)
def is_single(character: str) -> bool:
    """Return whether a character is a word of its own."""
    return is_word_character(character) and SINGLE_SCRIPTS.match(character) is not None


@functools.lru_cache(1 << 16)
def is_inner(character: str) -> bool:
    """Return whether a character can be part of a longer word."""
    return is_word_character(character) and not is_single(character)


@functools.lru_cache(1 << 16)
def is_white(character: str) -> bool:
    """Return whether a character separates words of the whitespace tokenizer."""
    return character.isspace() or character == "\0" or ord(character) in INVALID_BYTES


def unicode_words(line: str) -> list[str]:
    """Return the words of a line by the unicode tokenizer, before lowercasing."""
    words = []
    word = ""
    for i, character in enumerate(line):
        if is_inner(character):
            word += character
        elif (
            character in APOSTROPHES
            and word
            and is_inner(line[i - 1])
            and i + 1 < len(line)
            and is_inner(line[i + 1])
        ):
            word += "'"
        else:
            if word:
                words.append(word)
            word = ""
            if is_single(character):
                words.append(character)
    return [*words, word] if word else words


def whitespace_words(line: str) -> list[str]:
    """Return the words of a line between white space, NUL and invalid bytes."""
    return "".join(" " if is_white(character) else character for character in line).split(" ")


def read(text: bytes, tokenizer: str = "unicode", *, lowercase: bool = True) -> Read:
    """Split a text into lines of words; count dropped tokens and invalid bytes."""
    characters = text.decode("utf-8", "surrogateescape")
    words_of = unicode_words if tokenizer == "unicode" else whitespace_words
    lines = []
    too_long = 0
    for line in re.split("\r\n|\n|\r", characters):
        words = [word for word in words_of(line) if word]
        if lowercase:
            words = ["".join(map(str.lower, word)) for word in words]
        accepted = [word for word in words if len(word.encode()) <= MAX_WORD_BYTES]
        too_long += len(words) - len(accepted)
        lines.append(accepted)
    invalid = sum(ord(character) in INVALID_BYTES for character in characters)
    return Read(lines, too_long, invalid)


def tokenize(text: bytes, tokenizer: str = "unicode", *, lowercase: bool = True) -> list[list[str]]:
    """Return the words of each line."""
    return read(text, tokenizer, lowercase=lowercase).lines


def vocabulary(
    lines: list[list[str]], *, vocab_size: int = 50_000, min_count: int = 5
) -> dict[str, int]:
    """Return words with their counts, by descending count, then by code points."""
    counts = Counter(word for line in lines for word in line)
    ranked = sorted(counts, key=lambda word: (-counts[word], list(map(ord, word))))
    return {word: counts[word] for word in ranked[:vocab_size] if counts[word] >= min_count}


def encode(lines: list[list[str]], words: list[str]) -> list[list[int]]:
    """Return the rank of each word; drop unknown words, and lines without known words."""
    encoded = ([words.index(word) for word in line if word in words] for line in lines)
    return [line for line in encoded if line]


def pairs(lines: list[list[int]], window: int = 2) -> list[tuple[int, int]]:
    """Return every (center, context) pair, line by line and from left to right."""
    return [
        (center, context)
        for line in lines
        for i, center in enumerate(line)
        for j, context in enumerate(line)
        if i != j and abs(i - j) <= window
    ]
