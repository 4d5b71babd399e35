"""The class of each Unicode character, and the form in which it is written in a word.

The rules of the ``unicode`` tokenizer follow Unicode Standard Annex 29, section 4, where scripts
separate words. A word is a sequence of units with at least one letter or number among them. A unit
is a base, which is a letter, a number or a connector such as ``_``, and the marks after it.

- Between two units may stand one apostrophe, which is written as ``'``; between two letters with
  their marks also one middle dot, or one Hebrew gershayim.
- A Han, Hiragana or Katakana character is a word of its own, with its marks. If a segmenter splits
  the text, they are letters: each segment is split by these rules as if it stood alone.
- Ignored characters, such as soft hyphens, marks of direction and variation selectors, are dropped.
  The joiners U+200C and U+200D are part of a word between characters of the scripts that use them.
- Marks without a base are dropped.
- Words are written in normalization form C. Letters are lowercased by the simple mapping of
  Unicode, each on its own.

So ``The King's 日本`` has the words ``the``, ``king's``, ``日`` and ``本``.

Models of earlier versions have the first edition of these rules: a word is a run of letters, marks,
numbers, connectors and joiners, with one apostrophe between two of them, and is not normalized.
"""

from __future__ import annotations

import codecs
import functools
import unicodedata
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.text.normal import (
    APOSTROPHES,
    IGNORED_CHARACTERS,
    JOINERS,
    JOINING_BLOCKS,
    MIDDLE_DOTS,
    MODIFIERS,
    SINGLE_COMMON,
    SINGLE_SCRIPTS,
    TOKEN_SEPARATOR,
    VIRAMA_ORDER,
    VISIBLE_FORMATS,
    ZERO_WIDTH_JOINER,
    ZERO_WIDTH_NON_JOINER,
)

if TYPE_CHECKING:
    from w2v.text.blocks import Block
    from w2v.text.definition import WordDefinition

# Classes of characters, in an order that lets one comparison tell the groups apart.
SEPARATOR = 0
NEWLINE = 1
SINGLE = 2  # a word of its own
VARIANT = 3  # a SINGLE that is written as another character
# Those from IGNORED on do not end a word.
IGNORED = 4
JOINER = 5
MARK = 6
# Part of a word between two suitable bases.
APOSTROPHE = 7
MIDDLE_DOT = 8
# Bases. Only the last two make a word.
MODIFIER = 9  # a modifier letter that is an apostrophe within words
CONNECTOR = 10
NUMBER = 11
LETTER = 12

# Traits of characters, as bits.
CHANGES = 1  # has another normal form, of several characters
SECOND = 2  # may compose with a character before it
FIRST = 4  # may compose with a character after it
JOINS = 8  # of a script in which joiners distinguish words
VIRAMA = 16

CODE_POINTS = 0x110000

# The only character whose full lowercase form has two characters: capital I with a dot above.
DOTTED_I = 0x130

# Those of the first edition of the rules.
_FIRST_APOSTROPHES = dict.fromkeys((0x27, 0x2019), ord("'"))
# Letters that look like spaces.
_BLANK_FILLERS = (0x3164, 0xFFA0)
# The halfwidth voiced and semi-voiced sound marks of Katakana, which are letters in Unicode.
_HALFWIDTH_MARKS = (0xFF9E, 0xFF9F)
# Other planes have no letters, marks or numbers; skipping them saves time. A test checks all.
_PLANES_IN_USE = (range(0x40000), range(0xE0000, 0xE1000))
# Not in valid UTF-8; `CharacterTables.last_boundary` uses them for bytes that are not UTF-8.
_SURROGATES = slice(0xD800, 0xE000)
_HIGHEST_LOWERCASED = 0x20000
_HIGHEST_WHITE_SPACE = 0x3000
# Hangul syllables are composed of these by arithmetic: leading consonants, vowels, and trailing
# consonants, which follow a syllable without one.
_LEADING, _VOWELS, _TRAILING = range(0x1100, 0x1113), range(0x1161, 0x1176), range(0x11A8, 0x11C3)
_SYLLABLES_WITHOUT_TRAILING = range(0xAC00, 0xD7A4, 28)


class CharacterTables(NamedTuple):
    """The treatment of every code point.

    Attributes:
        classes: (0x110000,) uint8, SEPARATOR to LETTER.
        written: (0x110000,) int32, the code point that replaces it in a word.
        traits: (0x110000,) uint8, a sum of CHANGES, SECOND, FIRST, JOINS and VIRAMA, by the code
            point that is written. All zero if words are not normalized.
        order: (0x110000,) uint8, the canonical combining class, also by the one that is written.
        plain: (k, 2) uint8, the first and last character of each range of ASCII that is a base.
        special: (k, 2) uint8, ranges of the bytes that need a closer look: line ends,
            apostrophes, and parts of characters beyond ASCII. All other bytes are SEPARATOR.
        lowercase: whether words are lowercased.
        dotted: whether the lowercase form of DOTTED_I has two characters.

    """

    classes: NDArray[np.uint8]
    written: NDArray[np.int32]
    traits: NDArray[np.uint8]
    order: NDArray[np.uint8]
    plain: NDArray[np.uint8]
    special: NDArray[np.uint8]
    lowercase: bool
    dotted: bool

    def last_boundary(self, block: Block) -> int:
        """Return the last offset at which ``block`` can be split without splitting a word.

        Returns:
            The offset in bytes, or 0 if the whole block may be part of one word.

        """
        # An incomplete character at the end is left out. Bytes that are not UTF-8 are separators.
        text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(block)
        classes = self.classes[code_points(text)]
        boundaries = np.flatnonzero(_ends_word(classes))
        if not len(boundaries):
            return 0
        return len(text[: boundaries[-1] + 1].encode("utf-8", "surrogateescape"))


def _ends_word(classes: NDArray[np.uint8]) -> NDArray[np.bool]:
    """Return, for each character of a text, whether a word cannot continue after it."""
    visible = (classes < IGNORED) | (classes > MARK)
    positions = np.arange(len(classes))
    owner = np.maximum.accumulate(np.where(visible, positions, -1))
    owned = np.where(owner >= 0, classes[owner], SEPARATOR)
    ends = owned <= NEWLINE  # also marks without a base
    ends[:-1] |= (classes[1:] == SINGLE) | (classes[1:] == VARIANT)

    shown = np.flatnonzero(visible)
    of_shown = classes[shown]
    before = np.concatenate([[SEPARATOR], of_shown[:-1]])
    after = np.concatenate([of_shown[1:], [LETTER]])  # as anything may follow the text
    apostrophe = (of_shown == APOSTROPHE) & ((before < MODIFIER) | (after < MODIFIER))
    dot = (of_shown == MIDDLE_DOT) & ((before != LETTER) | (after != LETTER))
    ends[shown[apostrophe | dot]] = True
    return ends


@functools.lru_cache(maxsize=4)
def character_tables(definition: WordDefinition) -> CharacterTables:
    """Return the tables for a definition of a word."""
    unicode, tokens = definition.name == "unicode", definition.name == "tokens"
    written = np.arange(CODE_POINTS, dtype=np.int32)
    traits, order = np.zeros((2, CODE_POINTS), np.uint8)
    apostrophes: dict[int, int] = {}
    if definition.normalizes:
        classes = _unicode_classes(singles=definition.splits_han)
        decomposable = _decomposable(classes)
        _normalize(decomposable, classes, written)
        apostrophes = APOSTROPHES | MIDDLE_DOTS
    elif unicode:
        classes = _first_unicode_classes(singles=definition.splits_han)
        apostrophes = _FIRST_APOSTROPHES
    else:
        separators = TOKEN_SEPARATOR if tokens else "\0" + _white_space()
        classes = np.full(CODE_POINTS, LETTER, np.uint8)
        classes[[ord(character) for character in separators]] = SEPARATOR
    classes[_SURROGATES] = SEPARATOR
    classes[ord("\n")] = NEWLINE
    if not tokens:
        classes[ord("\r")] = NEWLINE
    if definition.lowercase:
        written = _lowercase()[written]
    if definition.normalizes:
        _set_traits(decomposable, classes, traits, order)
    for code, replacement in apostrophes.items():
        written[code] = replacement
    of_bytes = classes[:256].copy()
    of_bytes[128:] = APOSTROPHE  # any class that is special
    return CharacterTables(
        classes,
        written,
        traits,
        order,
        plain=_byte_ranges(of_bytes >= MODIFIER),
        special=_byte_ranges((of_bytes == NEWLINE) | (of_bytes == APOSTROPHE)),
        lowercase=definition.lowercase,
        dotted=definition.dotted,
    )


def code_points(text: str) -> NDArray[np.uint32]:
    """Return (n,) uint32, the code points of a text, surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32)


def runs(members: NDArray[np.bool]) -> NDArray[np.int64]:
    """Return (k, 2): the first and last index of each run of true values."""
    steps = np.diff(members.astype(np.int8), prepend=0, append=0)
    return np.stack([np.flatnonzero(steps > 0), np.flatnonzero(steps < 0) - 1], 1)


def _byte_ranges(members: NDArray[np.bool]) -> NDArray[np.uint8]:
    return runs(members).astype(np.uint8)


def _first_unicode_classes(*, singles: bool) -> NDArray[np.uint8]:
    """Return the classes of the first edition of the rules."""
    classes = _classes_by_category(dict.fromkeys(("L", "M", "N", "Pc"), LETTER))
    classes[[ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER]] = LETTER
    if singles:
        _set_singles(classes)
    classes[list(_FIRST_APOSTROPHES)] = APOSTROPHE
    return classes


def _unicode_classes(*, singles: bool) -> NDArray[np.uint8]:
    """Return the classes; Han and Kana are letters if they are no ``singles``."""
    classes = _classes_by_category(
        {"L": LETTER, "M": MARK, "N": NUMBER, "Pc": CONNECTOR, "Cf": IGNORED}
    )
    if singles:
        _set_singles(classes)
        classes[list(SINGLE_COMMON)] = SINGLE
    for codes, character_class in (
        (VISIBLE_FORMATS, SEPARATOR),
        (_BLANK_FILLERS, SEPARATOR),
        (IGNORED_CHARACTERS, IGNORED),
        (_HALFWIDTH_MARKS, MARK),
        (JOINERS, JOINER),
        (APOSTROPHES, APOSTROPHE),
        (MIDDLE_DOTS, MIDDLE_DOT),
        (MODIFIERS, MODIFIER),
    ):
        classes[list(codes)] = character_class
    return classes


def _classes_by_category(of_category: dict[str, int]) -> NDArray[np.uint8]:
    """Return the class of each character by its general category, or the first letter of that."""
    classes = np.zeros(CODE_POINTS, np.uint8)
    for plane in _PLANES_IN_USE:
        categories = map(unicodedata.category, map(chr, plane))
        classes[plane.start : plane.stop] = [
            of_category.get(c) or of_category.get(c[0], SEPARATOR) for c in categories
        ]
    return classes


def _set_singles(classes: NDArray[np.uint8]) -> None:
    for first, last in SINGLE_SCRIPTS:
        script = classes[first : last + 1]
        script[(script == LETTER) | (script == NUMBER)] = SINGLE


def _decomposable(classes: NDArray[np.uint8]) -> list[int]:
    """Return the characters of words, without large blocks of which none decomposes.

    Hangul syllables do, but their composition is known.
    """
    of_word = classes != SEPARATOR
    for first, last in ((0x3400, 0x9FFF), (0xAC00, 0xD7A3), (0x20000, 0x2F7FF), (0x30000, 0x3FFFF)):
        of_word[first : last + 1] = False
    return np.flatnonzero(of_word).tolist()


def _normalize(
    decomposable: list[int], classes: NDArray[np.uint8], written: NDArray[np.int32]
) -> None:
    """Write each character of a word that has a normal form of one character in that form."""
    for code in decomposable:
        normal = unicodedata.normalize("NFC", chr(code))
        if len(normal) == 1 and ord(normal) != code:
            written[code] = ord(normal)
    changed = written != np.arange(CODE_POINTS)
    classes[changed & (classes == SINGLE)] = VARIANT


def _set_traits(
    decomposable: list[int],
    classes: NDArray[np.uint8],
    traits: NDArray[np.uint8],
    order: NDArray[np.uint8],
) -> None:
    """Set what decides, without normalization, whether a word is in normalization form C.

    It is the quick check of Unicode Standard Annex 15, with a closer look at characters that may
    compose with the one before: few of those before compose with anything.
    """
    for code in decomposable:
        character = chr(code)
        order[code] = unicodedata.combining(character)
        decomposed = unicodedata.normalize("NFD", character)
        if unicodedata.combining(decomposed[-1]) == VIRAMA_ORDER:
            traits[code] |= VIRAMA
        if decomposed == character:
            continue
        if len(unicodedata.normalize("NFC", character)) > 1:
            traits[code] |= CHANGES
        parts = unicodedata.decomposition(character).split()
        if len(parts) == 2 and unicodedata.is_normalized("NFC", character):
            first, second = (int(part, 16) for part in parts)
            traits[first] |= FIRST
            traits[second] |= SECOND
        # What it is composed of may compose with another mark that belongs before the first one.
        traits[code] |= FIRST
    for syllable_parts in (_LEADING, _SYLLABLES_WITHOUT_TRAILING):
        traits[list(syllable_parts)] |= FIRST
    for syllable_parts in (_VOWELS, _TRAILING):
        traits[list(syllable_parts)] |= SECOND
    for first, last in JOINING_BLOCKS:
        block = classes[first : last + 1]
        traits[first : last + 1][(block >= NUMBER) | (block == MARK)] |= JOINS


def _white_space() -> str:
    return "".join(filter(str.isspace, map(chr, range(_HIGHEST_WHITE_SPACE + 1))))


def _lowercase() -> NDArray[np.int32]:
    """Return the first code point of the lowercase form of each character."""
    lowercase = np.arange(CODE_POINTS, dtype=np.int32)
    lowercase[:_HIGHEST_LOWERCASED] = [ord(chr(c).lower()[0]) for c in range(_HIGHEST_LOWERCASED)]
    return lowercase
