"""Slow, simple implementations of the compiled stages, written from their definitions."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

import regex

MAX_WORD_BYTES = 1000
SINGLE_SCRIPTS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
INVALID_BYTES = range(0xDC80, 0xDD00)  # Python decodes invalid bytes to these
ZWNJ, ZWJ, VOWEL_SEPARATOR = "\u200c", "\u200d", "\u180e"
JOINERS = ZWNJ + ZWJ + VOWEL_SEPARATOR

# Classes of the unicode tokenizer that are not categories of Unicode.
APOSTROPHES = "'\u2018\u2019\u055a\u05f3\uff07"
MIDDLE_DOTS = "\u00b7\u0387\u2027\u05f4"
MODIFIERS = "\u02bb\u02bc"
ALSO_SINGLE = "\u3006\u3031\u3032\u3033\u3034\u3035\u303c\u30fc\uff70"
ALSO_MARKS = "\uff9e\uff9f"
BLANK = "\u3164\uffa0"
NOT_IGNORED = (
    "\u200b\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\ufff9\ufffa\ufffb"
    "\U000110bd\U000110cd"
)
ALSO_IGNORED = regex.compile(r"[\p{Default_Ignorable_Code_Point}--\p{Cn}--\u200b]", regex.V1)
ARMENIAN_MARKS = "\u055b\u055c\u055e"
JOINING = regex.compile(
    r"[\u0600-\u0dff\u1000-\u109f\u1700-\u18af\u1900-\u1c4f\u1cd0-\u1cff\ua800-\ua8ff\ua930-\uaaff"
    r"\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefe\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)


class Read(NamedTuple):
    """The words of a text, line by line, and the number of dropped tokens and invalid bytes."""

    lines: list[list[str]]
    too_long: int
    invalid_bytes: int


@functools.lru_cache(1 << 21)
def class_of(character: str, singles: bool = True) -> str:
    """Return the class of a character by the rules of the unicode tokenizer.

    One of L(etter), N(umber), P (connector), Q (modifier letter), M(ark), S(ingle), I(gnored),
    J(oiner), apostrophe, dot (middle dot), or the empty string for a separator. Without singles, as
    in segmented text, those are letters and numbers.
    """
    named = {
        JOINERS: "J",
        APOSTROPHES: "'",
        MIDDLE_DOTS: "\u00b7",
        MODIFIERS: "Q",
        ALSO_SINGLE: "S",
        ALSO_MARKS: "M",
        BLANK + NOT_IGNORED: "",
        ARMENIAN_MARKS: "I",
    }
    for characters, name in named.items():
        if character in characters and (singles or name != "S"):
            return name
    category = unicodedata.category(character)
    if category == "Cn":
        return ""
    if category == "Cf" or ALSO_IGNORED.match(character):
        return "I"
    if category == "Pc":
        return "P"
    if singles and category[0] in "LN" and SINGLE_SCRIPTS.match(character):
        return "S"
    return category[0] if category[0] in "LMN" else ""


def is_single(character: str) -> bool:
    """Return whether a character is a word of its own."""
    return class_of(character) == "S"


def has_virama(character: str) -> bool:
    """Return whether a character ends with a virama."""
    return unicodedata.combining(unicodedata.normalize("NFD", character)[-1]) == 9


def joins(character: str) -> bool:
    """Return whether a joiner after this character may distinguish words."""
    return class_of(character) in {"L", "N", "M"} and JOINING.match(character) is not None


@functools.lru_cache(1 << 16)
def is_white(character: str) -> bool:
    """Return whether a character separates words of the whitespace tokenizer."""
    return character.isspace() or character == "\0" or ord(character) in INVALID_BYTES


WORD = regex.compile(
    # Connectors, until the first letter or number.
    r"(?<!P)(?:PM*(?:'(?=[LNP]))?)*(?=[LN])"
    # Letters; an apostrophe may follow if any base does, a middle dot if a letter does.
    r"(?:LM*(?:'(?=[LNP])|\u00b7(?=L))?"
    # Other bases; an apostrophe may follow.
    r"|[NP]M*(?:'(?=[LNP]))?)+"
    r"|SM*"
)


def drop(characters: list[str], pattern: str, singles: bool) -> list[str]:
    """Return the characters whose classes do not match a pattern."""
    classes = shown_classes(characters, singles)
    dropped = {i for match in regex.finditer(pattern, classes) for i in range(*match.span())}
    return [c for i, c in enumerate(characters) if i not in dropped]


def shown_classes(characters: list[str], singles: bool) -> str:
    """Return the classes of characters as a string."""
    return "".join(shown_class(character, singles) for character in characters)


@functools.lru_cache(1 << 16)
def shown_class(character: str, singles: bool) -> str:
    """Return the class in one letter: lower case if joiners matter after it, v after a virama."""
    name = class_of(character, singles) or "x"
    if name == "J":
        return "Z" if character == ZWJ else "J"
    if joins(character):
        return ("v" if has_virama(character) else name.lower()) if name == "M" else name.lower()
    return name


def unicode_words(line: str, singles: bool = True) -> list[str]:
    """Return the words of a line by the unicode tokenizer, before normalization and lowercasing.

    One step for each rule, on strings with a letter for the class of each character.
    """
    characters = [c for c in line if class_of(c) != "I"]
    # Joiners stay after characters that join, and before others of the word, or after a virama.
    characters = drop(characters, "(?<![lnmv])[JZ]+", singles)
    characters = drop(characters, "J(?![LNPQMlnmv])|(?<!v)Z(?![LNPQMlnmv])", singles)
    # Marks belong to bases.
    characters = drop(characters, "(?<![LNPQSMlnmvJZ])[MmvJZ]+", singles)
    # A modifier letter between others is an apostrophe.
    classes = shown_classes(characters, singles)
    before = "(?<=[LNPln]|[LNPQln][JZMmv]*[Mmv])"
    for match in regex.finditer(f"{before}Q(?=[LNPln])", classes):
        characters[match.start()] = "'"
    simple = str.maketrans("QlnmvJZ", "PLNMMMM")
    classes = shown_classes(characters, singles).translate(simple)
    words = []
    for match in WORD.finditer(classes):
        found = characters[match.start() : match.end()]
        written = [
            "'" if name == "'" else "\u00b7" if c in "\u0387\u2027" else c
            for c, name in zip(found, match[0], strict=True)
        ]
        words.append("".join(written))
    return words


def normalized(word: str, *, lowercase: bool) -> str:
    """Return a word in normalization form C, and in lower case."""
    word = unicodedata.normalize("NFC", word)
    if not lowercase:
        return word
    word = unicodedata.normalize("NFD", "".join(c.lower()[0] for c in word))
    shorter = ""
    while word != shorter:  # a dot above i is dropped, if it is the first mark above
        shorter, word = word, regex.sub(r"(i[^\p{ccc=0}\p{ccc=230}]*)\u0307", r"\1", word)
    return unicodedata.normalize("NFC", word)


def as_scanned(word: str, *, lowercase: bool) -> str:
    """Return a word character by character: each in normal form, if that is one, and lowercased."""
    forms = [unicodedata.normalize("NFC", c) for c in word]
    scanned = [form if len(form) == 1 else c for form, c in zip(forms, word, strict=True)]
    return "".join(c.lower()[0] if lowercase else c for c in scanned)


def whitespace_words(line: str) -> list[str]:
    """Return the words of a line between white space, NUL and invalid bytes."""
    return "".join(" " if is_white(character) else character for character in line).split(" ")


def segments_of(line: str, segment: Callable[[str], Iterable[str]]) -> list[str]:
    """Return the segments of a line; a segment with line ends in it is several."""
    line = re.sub("[\ud800-\udfff]+", " ", line)
    return [part for found in segment(line) for part in re.split("[\r\n]", found)]


def read(
    text: bytes,
    tokenizer: str = "unicode",
    *,
    lowercase: bool = True,
    segment: Callable[[str], Iterable[str]] | None = None,
) -> Read:
    """Split a text into lines of words; count dropped tokens and invalid bytes."""
    characters = text.decode("utf-8", "surrogateescape")
    lines = []
    too_long = 0
    for line in re.split("\r\n|\n|\r", characters):
        parts = [line] if segment is None else segments_of(line, segment) if line else []
        if tokenizer == "unicode":
            words = [word for part in parts for word in unicode_words(part, segment is None)]
            forms = [normalized(word, lowercase=lowercase) for word in words]
            scanned = [as_scanned(word, lowercase=lowercase) for word in words]
        else:
            words = [word for part in parts for word in whitespace_words(part) if word]
            scanned = forms = [
                "".join(c.lower()[0] if lowercase else c for c in word) for word in words
            ]
        accepted = [
            form
            for form, raw in zip(forms, scanned, strict=True)
            if max(len(form.encode()), len(raw.encode())) <= MAX_WORD_BYTES
        ]
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
