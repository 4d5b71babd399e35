"""The form of a single word: what the tokenizer does to its characters, in Python.

`w2v.text.characters` states the rules. The compiled pass follows them character by character, and
leaves only the words that may not be in normalization form C to `normal_form`, once for each
distinct word. A look-up needs the form of one word, and should not load the compiler for it.
"""

from __future__ import annotations

import unicodedata

TOKEN_SEPARATOR = "\x1f"
"""The character between tokens, and between segments. It separates words by every definition."""

ZERO_WIDTH_SPACE, ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER = 0x200B, 0x200C, 0x200D
_MONGOLIAN_VOWEL_SEPARATOR = 0x180E
JOINERS = (ZERO_WIDTH_NON_JOINER, ZERO_WIDTH_JOINER, _MONGOLIAN_VOWEL_SEPARATOR)
# By character, the one that is written within a word: the apostrophe, the quotation marks that
# stand for it, the Hebrew geresh, and the Armenian and the fullwidth apostrophe.
APOSTROPHES = dict.fromkeys((0x27, 0x2018, 0x2019, 0x55A, 0x5F3, 0xFF07), ord("'"))
# The Catalan middle dot with its Greek equivalent, the hyphenation point, the Hebrew gershayim.
MIDDLE_DOTS = {0xB7: 0xB7, 0x387: 0xB7, 0x2027: 0xB7, 0x5F4: 0x5F4}
# Letters that are apostrophes within words, as in Ukrainian and Uzbek, and letters elsewhere.
MODIFIERS = (0x2BB, 0x2BC)
# Format characters that are visible or separate words.
VISIBLE_FORMATS = {
    ZERO_WIDTH_SPACE, *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0xFFF9, 0xFFFA,
    0xFFFB, 0x110BD, 0x110CD,
}  # fmt: skip
# Invisible letters and marks (those with the property Default_Ignorable_Code_Point), and the
# Armenian marks of emphasis, exclamation and question, which stand over a letter of the word.
IGNORED_CHARACTERS = {
    0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F,
    *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0), 0x55B, 0x55C, 0x55E,
}  # fmt: skip
# Scripts whose letters have joined forms: from Arabic to Sinhala, Myanmar, Khmer and Mongolian, the
# other scripts of India and Southeast Asia, Arabic forms, and the same in the next plane.
JOINING_BLOCKS = (
    (0x0600, 0x0DFF), (0x1000, 0x109F), (0x1700, 0x18AF), (0x1900, 0x1C4F), (0x1CD0, 0x1CFF),
    (0xA800, 0xA8FF), (0xA930, 0xAAFF), (0xABC0, 0xABFF), (0xFB50, 0xFDFF), (0xFE70, 0xFEFE),
    (0x10A00, 0x11FFF), (0x1E900, 0x1E95F),
)  # fmt: skip
# Han, Hiragana and Katakana.
SINGLE_SCRIPTS = (
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
# Common to the scripts of Japanese: the prolonged sound marks, repeat marks and abbreviations.
SINGLE_COMMON = (
    0x3006, 0x3031, 0x3032, 0x3033, 0x3034, 0x3035, 0x303C, 0x30FC, 0xFF70,
)  # fmt: skip
_KANA = (("\u3041", "\u3096"), ("\u30a1", "\u30fa"), ("\uff66", "\uff9d"))
COMBINING_DOT = 0x307
VIRAMA_ORDER = 9  # the combining class of viramas
ABOVE = 230  # the combining class of marks above


def in_joining_block(code: int) -> bool:
    """Return whether a code point lies in a block of a script that uses joiners."""
    return any(first <= code <= last for first, last in JOINING_BLOCKS)


def is_han_or_kana(character: str) -> bool:
    """Return whether a character belongs to the scripts whose characters may be words."""
    code = ord(character)
    if code < SINGLE_SCRIPTS[0][0]:
        return False
    inside = any(first <= code <= last for first, last in SINGLE_SCRIPTS)
    return inside or code in SINGLE_COMMON


def is_kana(character: str) -> bool:
    """Return whether a character is one of the Hiragana and Katakana in general use."""
    return any(first <= character <= last for first, last in _KANA)


def is_virama(character: str) -> bool:
    """Return whether a character is a virama, or is equivalent to others with a virama last."""
    last = unicodedata.normalize("NFD", character)[-1]
    return unicodedata.combining(last) == VIRAMA_ORDER


def lowercase_word(word: str) -> str:
    """Lowercase each character on its own, by the simple mapping of Unicode.

    So a sigma at the end of a word has its usual form, and U+0130, a capital I with a dot above, is
    a plain i.
    """
    if word.isascii():
        return word.lower()
    return "".join(character.lower()[0] for character in word)


def is_normal(word: str) -> bool:
    """Return whether a word is in normalization form C."""
    return word.isascii() or unicodedata.is_normalized("NFC", word)


def normal_form(word: str, *, lowercase: bool) -> str:
    """Return a word in normalization form C.

    Args:
        word: in lower case already if ``lowercase``.
        lowercase: whether to drop a dot above an i as well. It is what a decomposed U+0130 leaves,
            whose lowercase form is a plain i.

    """
    if word.isascii():
        return word
    normal = unicodedata.normalize("NFC", word)
    if lowercase and chr(COMBINING_DOT) in normal:
        normal = unicodedata.normalize("NFC", _without_dots(unicodedata.normalize("NFD", normal)))
    return normal


def comparable_form(word: str) -> str:
    """Return the form in which words are compared without regard to case."""
    return normal_form(lowercase_word(word), lowercase=True)


def _without_dots(decomposed: str) -> str:
    """Drop each dot above that follows an i without another mark above between them."""
    kept = []
    after_i = False
    for character in decomposed:
        if character == chr(COMBINING_DOT) and after_i:
            continue
        order = unicodedata.combining(character)
        after_i = character == "i" or (after_i and order not in (0, ABOVE))
        kept.append(character)
    return "".join(kept)


def word_form(word: str, *, lowercase: bool) -> str:
    """Return the form in which the ``unicode`` tokenizer writes a text that is a single word.

    Other texts are changed by the same rules, but not split.
    """
    if lowercase:
        word = lowercase_word(word)
    if word.isascii():
        return word
    return normal_form(_with_apostrophes(_without_ignored(word)), lowercase=lowercase)


def _without_ignored(word: str) -> str:
    """Drop ignored characters, and joiners where they do not distinguish words."""
    shown = [c for c in word if not _is_ignored(c)]
    kept: list[str] = []
    for character, following in zip(shown, [*shown[1:], " "], strict=True):
        if ord(character) in JOINERS:
            before = kept[-1] if kept else " "
            if not _joins(before):
                continue
            at_end = ord(character) == ZERO_WIDTH_JOINER and is_virama(before)
            if not at_end and ord(following) not in JOINERS and not _is_in_word(following):
                continue
        kept.append(character)
    return "".join(kept)


def _is_ignored(character: str) -> bool:
    code = ord(character)
    if code in IGNORED_CHARACTERS:
        return True
    is_format = unicodedata.category(character) == "Cf"
    return is_format and code not in VISIBLE_FORMATS and code not in JOINERS


def _joins(character: str) -> bool:
    return in_joining_block(ord(character)) and unicodedata.category(character)[0] in "LMN"


def _is_in_word(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LMN" or category == "Pc"


def _with_apostrophes(word: str) -> str:
    """Write apostrophes and middle dots between other characters in one form."""
    last = len(word) - 1
    written = list(word)
    for i, character in enumerate(word):
        code = ord(character)
        if code in APOSTROPHES:
            written[i] = chr(APOSTROPHES[code])
        elif code in MIDDLE_DOTS:
            written[i] = chr(MIDDLE_DOTS[code])
        elif (
            code in MODIFIERS
            and 0 < i < last
            and _is_unmodified(word[i - 1])
            and _is_unmodified(word[i + 1])
            and unicodedata.category(word[i + 1])[0] != "M"
        ):
            written[i] = "'"
    return "".join(written)


def _is_unmodified(character: str) -> bool:
    return _is_in_word(character) and ord(character) not in MODIFIERS
