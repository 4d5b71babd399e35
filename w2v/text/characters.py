"""The class of each Unicode character, and the form in which it is written in a word.

A word is a maximal run of characters of the categories L*, M*, N* and Pc or of join controls, in
which one apostrophe (' or U+2019, written as ') between two such characters stays inside. Each
character is lowercased on its own. A Han, Hiragana or Katakana character is a word of its own. So
``The King's 日本`` has the words ``the``, ``king's``, ``日`` and ``本``.
"""

from __future__ import annotations

import codecs
import functools
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from w2v.text.blocks import Block
    from w2v.text.definition import WordDefinition

# Classes of characters.
SEPARATOR = 0
WORD = 1
SINGLE = 2  # a word of its own
APOSTROPHE = 3
NEWLINE = 4

TOKEN_SEPARATOR = "\x1f"
"""The character that joins lists of tokens. It is a SEPARATOR by every definition of a word."""

CODE_POINTS = 0x110000

# The only character whose lowercase form has two characters: capital I with a dot above.
DOTTED_I = 0x130
COMBINING_DOT = 0x307

_RIGHT_QUOTE = 0x2019
_JOIN_CONTROLS = (0x200C, 0x200D)
# Other planes have no letters, marks or numbers; skipping them saves time. A test checks all.
_PLANES_IN_USE = (range(0x40000), range(0xE0000, 0xE1000))
# Not in valid UTF-8; `CharacterTables.last_boundary` uses them for bytes that are not UTF-8.
_SURROGATES = slice(0xD800, 0xE000)
_HIGHEST_LOWERCASED = 0x20000
_HIGHEST_WHITE_SPACE = 0x3000

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


class CharacterTables(NamedTuple):
    """The treatment of every code point.

    Attributes:
        classes: (0x110000,) uint8, SEPARATOR, WORD, SINGLE, APOSTROPHE or NEWLINE.
        written: (0x110000,) int32, the code point that replaces it in a word.
        plain: (k, 2) uint8, the first and last character of each range of ASCII of class WORD.
        special: (k, 2) uint8, ranges of the bytes that need a closer look: line ends,
            apostrophes, and parts of characters beyond ASCII. All other bytes are SEPARATOR.
        lowercase: whether words are lowercased.

    """

    classes: NDArray[np.uint8]
    written: NDArray[np.int32]
    plain: NDArray[np.uint8]
    special: NDArray[np.uint8]
    lowercase: bool

    def last_boundary(self, block: Block) -> int:
        """Return the last offset at which ``block`` can be split without splitting a word.

        Returns:
            The offset in bytes, or 0 if the whole block may be part of one word.

        """
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        text = decoder.decode(block)
        codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)
        classes = self.classes[codes]
        apostrophes = classes == APOSTROPHE
        lone = apostrophes & ~np.concatenate([[True], apostrophes[:-1]])
        boundaries = np.flatnonzero((classes != WORD) & ~lone)
        if not len(boundaries):
            return 0
        return len(text[: boundaries[-1] + 1].encode("utf-8", "surrogateescape"))


@functools.lru_cache(maxsize=4)
def character_tables(definition: WordDefinition) -> CharacterTables:
    """Return the tables for a definition of a word."""
    unicode, tokens = definition.name == "unicode", definition.name == "tokens"
    if unicode:
        classes = _unicode_classes()
    else:
        separators = TOKEN_SEPARATOR if tokens else "\0" + _white_space()
        classes = np.full(CODE_POINTS, WORD, np.uint8)
        classes[[ord(character) for character in separators]] = SEPARATOR
    classes[_SURROGATES] = SEPARATOR
    classes[ord("\n")] = NEWLINE
    if not tokens:
        classes[ord("\r")] = NEWLINE
    written = _lowercase() if definition.lowercase else np.arange(CODE_POINTS, dtype=np.int32)
    if unicode:
        written[_RIGHT_QUOTE] = ord("'")
    of_bytes = classes[:256].copy()
    of_bytes[128:] = APOSTROPHE  # any class that is special
    return CharacterTables(
        classes,
        written,
        plain=_byte_ranges(of_bytes == WORD),
        special=_byte_ranges((of_bytes == NEWLINE) | (of_bytes == APOSTROPHE)),
        lowercase=definition.lowercase,
    )


def runs(members: NDArray[np.bool]) -> NDArray[np.int64]:
    """Return (k, 2): the first and last index of each run of true values."""
    steps = np.diff(members.astype(np.int8), prepend=0, append=0)
    return np.stack([np.flatnonzero(steps > 0), np.flatnonzero(steps < 0) - 1], 1)


def _byte_ranges(members: NDArray[np.bool]) -> NDArray[np.uint8]:
    return runs(members).astype(np.uint8)


def _unicode_classes() -> NDArray[np.uint8]:
    classes = np.zeros(CODE_POINTS, np.uint8)
    for plane in _PLANES_IN_USE:
        categories = map(unicodedata.category, map(chr, plane))
        classes[plane.start : plane.stop] = [c[0] in "LMN" or c == "Pc" for c in categories]
    classes[list(_JOIN_CONTROLS)] = WORD
    for first, last in _SINGLE_SCRIPTS:
        script = classes[first : last + 1]
        script[script == WORD] = SINGLE
    classes[[ord("'"), _RIGHT_QUOTE]] = APOSTROPHE
    return classes


def _white_space() -> str:
    return "".join(filter(str.isspace, map(chr, range(_HIGHEST_WHITE_SPACE + 1))))


def _lowercase() -> NDArray[np.int32]:
    """Return the first code point of the lowercase form of each character."""
    lowercase = np.arange(CODE_POINTS, dtype=np.int32)
    lowercase[:_HIGHEST_LOWERCASED] = [ord(chr(c).lower()[0]) for c in range(_HIGHEST_LOWERCASED)]
    return lowercase
