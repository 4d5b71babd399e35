"""What a word is, as tables over all of Unicode and one compiled pass over the bytes.

A word is a maximal run of characters of the categories L*, M*, N* and Pc or of join controls,
in which one apostrophe (' or U+2019, written as ') between two such characters stays inside;
letters are made small one by one; a Han, Hiragana or Katakana character is a word of its own.
So ``The King's 日本`` has the words ``the``, ``king's``, ``日`` and ``本``.

The text is UTF-8. A byte that is not part of a valid sequence separates words and is counted.
"""

from __future__ import annotations

import codecs
import functools
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.compiled import inlined, kernel
from w2v.wordtable import NO_WORD, SLACK, WordTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_WORD_BYTES = 1000
END_OF_LINE = NO_WORD  # stands between the provisional ids of two lines

# Classes of characters.
SEPARATOR = 0
WORD = 1
SINGLE = 2  # a word of its own
APOSTROPHE = 3
NEWLINE = 4

# Entries of a scanner's tallies.
TOKENS = 0
TOO_LONG = 1  # tokens dropped because they exceed MAX_WORD_BYTES
INVALID = 2  # bytes that are not UTF-8
TALLIES = 3

# The one character whose small form is two: capital I with a dot above, "i" and a combining dot.
DOTTED_I = 0x130
COMBINING_DOT = 0x307

CODE_POINTS = 0x110000
# Planes without any assigned letter, mark or number are not looked at, for the time it takes;
# a test looks at all of them.
_PLANES_IN_USE = (range(0x40000), range(0xE0000, 0xE1000))
# Not in valid UTF-8; in `last_break` they stand for bytes that are not UTF-8.
_SURROGATES = slice(0xD800, 0xE000)

# Code points of the scripts Han, Hiragana and Katakana (Unicode 17, Scripts.txt), first and last.
_SINGLE_SCRIPTS = (
    (0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007),
    (0x3021, 0x3029), (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFA6D),
    (0xFA70, 0xFAD9), (0x16FE2, 0x16FE3), (0x16FF0, 0x16FF6), (0x20000, 0x2A6DF),
    (0x2A700, 0x2B81D), (0x2B820, 0x2CEAD), (0x2CEB0, 0x2EBE0), (0x2EBF0, 0x2EE5D),
    (0x2F800, 0x2FA1D), (0x30000, 0x3134A), (0x31350, 0x33479),
    (0x3041, 0x3096), (0x309D, 0x309F), (0x1B001, 0x1B11F), (0x1B132, 0x1B132),
    (0x1B150, 0x1B152), (0x1F200, 0x1F200),
    (0x30A1, 0x30FA), (0x30FD, 0x30FF), (0x31F0, 0x31FF), (0x32D0, 0x32FE), (0x3300, 0x3357),
    (0xFF66, 0xFF6F), (0xFF71, 0xFF9D), (0x1AFF0, 0x1AFF3), (0x1AFF5, 0x1AFFB),
    (0x1AFFD, 0x1AFFE), (0x1B000, 0x1B000), (0x1B120, 0x1B122), (0x1B155, 0x1B155),
    (0x1B164, 0x1B167),
)  # fmt: skip


@dataclass(frozen=True)
class CharacterTables:
    """How every code point is treated.

    Attributes:
        classes: (0x110000,) uint8, SEPARATOR, WORD, SINGLE, APOSTROPHE or NEWLINE.
        written: (0x110000,) int32, the code point that stands for it in a word.
        ascii_words: (256,) uint8, what is written for an ASCII character of class WORD, else 0.

    """

    classes: NDArray[np.uint8]
    written: NDArray[np.int32]
    ascii_words: NDArray[np.uint8]


@functools.lru_cache(maxsize=4)
def character_tables(tokenizer: str, *, lowercase: bool) -> CharacterTables:
    """Return the tables of a definition of a word.

    Args:
        tokenizer: ``unicode``, ``whitespace``, or ``tokens`` for text that was split already
            and is joined by U+001F.
        lowercase: whether letters are made small.

    """
    if tokenizer == "unicode":
        classes = _unicode_classes()
    else:
        separators = "\x1f" if tokenizer == "tokens" else "\0" + _white_space()
        classes = np.full(CODE_POINTS, WORD, np.uint8)
        classes[[ord(character) for character in separators]] = SEPARATOR
    classes[_SURROGATES] = SEPARATOR
    classes[ord("\n")] = NEWLINE
    if tokenizer != "tokens":
        classes[ord("\r")] = NEWLINE
    written = _small_forms() if lowercase else np.arange(CODE_POINTS, dtype=np.int32)
    if tokenizer == "unicode":
        written[0x2019] = ord("'")
    ascii_words = np.zeros(256, np.uint8)
    ascii_words[:128] = np.where(classes[:128] == WORD, written[:128], 0)
    return CharacterTables(classes, written, ascii_words)


def _unicode_classes() -> NDArray[np.uint8]:
    classes = np.zeros(CODE_POINTS, np.uint8)
    for plane in _PLANES_IN_USE:
        categories = map(unicodedata.category, map(chr, plane))
        classes[plane.start : plane.stop] = [c[0] in "LMN" or c == "Pc" for c in categories]
    classes[[0x200C, 0x200D]] = WORD  # zero width non-joiner and joiner
    for first, last in _SINGLE_SCRIPTS:
        script = classes[first : last + 1]
        script[script == WORD] = SINGLE
    classes[[ord("'"), 0x2019]] = APOSTROPHE
    return classes


def _white_space() -> str:
    return "".join(filter(str.isspace, map(chr, range(0x3001))))


def _small_forms() -> NDArray[np.int32]:
    small = np.arange(CODE_POINTS, dtype=np.int32)
    letters = range(0x20000)
    small[: letters.stop] = [ord(chr(c).lower()[0]) for c in letters]
    return small


@inlined
def _decode(text: NDArray[np.uint8], i: int, end: int) -> tuple[np.int64, int]:
    """Decode the character that starts at ``text[i]``, a byte above 127.

    Returns the code point and its length in bytes; the length is 0 if the byte starts no valid
    sequence (truncated, overlong, a surrogate, or beyond U+10FFFF).
    """
    lead = np.int64(text[i])
    if lead < 0xC2 or lead > 0xF4:
        return np.int64(0), 0
    length = 2 if lead < 0xE0 else (3 if lead < 0xF0 else 4)
    if i + length > end:
        return np.int64(0), 0
    code = lead & (0x7F >> length)
    for k in range(1, length):
        byte = np.int64(text[i + k])
        if byte & 0xC0 != 0x80:
            return np.int64(0), 0
        code = (code << 6) | (byte & 0x3F)
    if length == 3 and (code < 0x800 or 0xD800 <= code <= 0xDFFF):
        return np.int64(0), 0
    if length == 4 and (code < 0x10000 or code > 0x10FFFF):
        return np.int64(0), 0
    return code, length


@inlined
def _append(letters: NDArray[np.uint8], end: int, code: Any) -> int:
    """Write a code point at ``end``; return where the next one goes."""
    size = 1 if code < 0x80 else (2 if code < 0x800 else (3 if code < 0x10000 else 4))
    if size == 1:
        letters[end] = code
    else:
        for k in range(size - 1, 0, -1):
            letters[end + k] = 0x80 | (code & 0x3F)
            code >>= 6
        letters[end] = (0xF00 >> size) & 0xFF | code
    return end + size


@kernel
def _cut_words(
    text: NDArray[np.uint8],
    ascii_words: NDArray[np.uint8],
    classes: NDArray[np.uint8],
    written: NDArray[np.int32],
    letters: NDArray[np.uint8],
    ends: NDArray[np.int64],
    tallies: NDArray[np.int64],
) -> int:
    """Cut a block of text into words and write them one behind the other.

    Args:
        text: (n,) the bytes; neither end cuts a word or a character.
        ascii_words: (256,) what is written for an ASCII character of class WORD, else 0.
        classes: (0x110000,) class of each code point.
        written: (0x110000,) what stands for each code point in a word.
        letters: receives the words' bytes; `room_for` says how many there may be.
        ends: (n + 3,) receives where each word ends, after a 0; an empty word stands once for the
            line ends between two words.
        tallies: tokens, those dropped, and bytes that are not UTF-8, updated.

    Returns:
        The number of words, empty ones included.

    """
    size = len(text)
    words = 0
    ends[0] = 0
    start = 0  # of the word that is being written
    end = 0
    apostrophe = False  # seen behind it, waiting for what follows
    i = 0
    while i <= size:
        width = 1
        kind = SEPARATOR
        code = np.int64(0)
        if i < size:
            code = np.int64(text[i])
            if code < 0x80:
                kind = classes[code]
            else:
                code, width = _decode(text, i, size)
                if width == 0:
                    width = 1
                    tallies[INVALID] += 1
                else:
                    kind = classes[code]
        if kind == WORD:
            if apostrophe:
                end = _append(letters, end, ord("'"))
                apostrophe = False
            letter = ascii_words[code] if code < 0x80 else np.uint8(0)
            if letter != 0:  # most text: a run of ASCII letters, in one go
                while letter != 0:
                    letters[end] = letter
                    end += 1
                    i += 1
                    letter = ascii_words[text[i]] if i < size else np.uint8(0)
                continue
            end = _append(letters, end, written[code])
            if code == DOTTED_I and written[code] != code:
                end = _append(letters, end, COMBINING_DOT)
        elif kind == APOSTROPHE and end > start and not apostrophe:
            apostrophe = True
        else:
            apostrophe = False
            single = kind == SINGLE
            while end > start or single:  # the word before, then the character that is one
                if end == start:
                    end = _append(letters, end, code)
                    single = False
                tallies[TOKENS] += 1
                if end - start > MAX_WORD_BYTES:
                    tallies[TOO_LONG] += 1
                    end = start
                else:
                    words += 1
                    ends[words] = end
                    start = end
            if kind == NEWLINE and (words == 0 or ends[words] != ends[words - 1]):
                words += 1
                ends[words] = end
        i += width
    return words


def room_for(size: int) -> int:
    """The bytes that the words of ``size`` bytes of text may take: a small form may be longer.

    No character grows by more than half; a test looks at all of them.
    """
    return size + size // 2 + SLACK


class Scanner:
    """Turns blocks of text into provisional ids of its own word table, keeping tallies.

    One thread uses it at a time; several scanners work side by side and are merged at the end.
    """

    def __init__(self, tables: CharacterTables) -> None:
        self.tables = tables
        self.words = WordTable()
        self.tallies: NDArray[np.int64] = np.zeros(TALLIES, np.int64)
        self._letters: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._ends: NDArray[np.int64] = np.empty(0, np.int64)

    def scan(self, block: bytes) -> NDArray[np.uint32]:
        """Return the provisional ids of a block that cuts no word, END_OF_LINE between lines."""
        text = np.frombuffer(block, np.uint8)
        if len(self._letters) < room_for(len(text)):
            self._letters = np.zeros(room_for(len(text)), np.uint8)
            self._ends = np.zeros(len(text) + 3, np.int64)
        words = _cut_words(
            text,
            self.tables.ascii_words,
            self.tables.classes,
            self.tables.written,
            self._letters,
            self._ends,
            self.tallies,
        )
        return self.words.add(self._letters, self._ends, words)


def last_break(block: bytes, tables: CharacterTables) -> int:
    """Return the last place where ``block`` can be cut without cutting a word or a character.

    Returns:
        An offset in bytes; 0 if the whole block may be part of one word.

    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    text = decoder.decode(block)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = tables.classes[codes]
    apostrophes = kinds == APOSTROPHE
    lone = apostrophes & ~np.concatenate([[True], apostrophes[:-1]])
    breaks = np.flatnonzero((kinds != WORD) & ~lone)
    if not len(breaks):
        return 0
    return len(text[: breaks[-1] + 1].encode("utf-8", "surrogateescape"))
