"""The classes and lowercase forms of all characters, compared with Python's."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

import reference
from w2v.text.characters import (
    APOSTROPHE,
    CODE_POINTS,
    CONNECTOR,
    DOTTED_I,
    IGNORED,
    JOINER,
    LETTER,
    MARK,
    MIDDLE_DOT,
    MODIFIER,
    NEWLINE,
    NUMBER,
    SEPARATOR,
    SINGLE,
    VARIANT,
    character_tables,
    runs,
)
from w2v.text.definition import WordDefinition
from w2v.text.normal import COMBINING_DOT

SURROGATES = range(0xD800, 0xE000)
UNICODE = character_tables(WordDefinition("unicode", True))
WHITESPACE = character_tables(WordDefinition("whitespace", False))


NAMES = {
    "": SEPARATOR, "S": SINGLE, "I": IGNORED, "J": JOINER, "M": MARK, "'": APOSTROPHE,
    "\u00b7": MIDDLE_DOT, "Q": MODIFIER, "P": CONNECTOR, "N": NUMBER, "L": LETTER,
}  # fmt: skip
FIRST_EDITION = character_tables(WordDefinition("unicode", True, edition=1))


def class_of(character: str) -> int:
    if character in "\r\n":
        return NEWLINE
    found = NAMES[reference.class_of(character)]
    normal = unicodedata.normalize("NFC", character)
    return VARIANT if found == SINGLE and normal != character else found


@pytest.mark.slow
def test_the_class_of_every_character_matches_the_definition():
    classes = np.array([class_of(chr(code)) for code in range(CODE_POINTS)], np.uint8)
    classes[SURROGATES.start : SURROGATES.stop] = SEPARATOR
    assert np.flatnonzero(UNICODE.classes != classes).tolist() == []


def first_class_of(character: str) -> int:
    """Return the class by the first edition of the rules."""
    category = unicodedata.category(character)
    if character in "\r\n":
        return NEWLINE
    if character in "'\u2019":
        return APOSTROPHE
    if not (category[0] in "LMN" or category == "Pc" or character in "\u200c\u200d"):
        return SEPARATOR
    return SINGLE if reference.SINGLE_SCRIPTS.match(character) else LETTER


@pytest.mark.slow
def test_the_class_of_every_character_matches_the_first_edition():
    classes = np.array([first_class_of(chr(code)) for code in range(CODE_POINTS)], np.uint8)
    assert np.flatnonzero(FIRST_EDITION.classes != classes).tolist() == []
    assert not FIRST_EDITION.traits.any()


def test_the_ignored_characters_are_all_invisible_or_stand_over_a_letter():
    invisible = regex.compile(r"[\p{Default_Ignorable_Code_Point}\p{Cf}]")
    ignored = np.flatnonzero(UNICODE.classes == IGNORED).tolist()
    others = [code for code in ignored if not invisible.match(chr(code))]
    assert others == [0x55B, 0x55C, 0x55E]


def test_white_space_matches_python():
    classes = [
        NEWLINE if c in "\r\n" else SEPARATOR if c.isspace() or c == "\0" else LETTER
        for c in map(chr, range(CODE_POINTS))
    ]
    classes[SURROGATES.start : SURROGATES.stop] = [SEPARATOR] * len(SURROGATES)
    assert np.flatnonzero(WHITESPACE.classes != classes).tolist() == []


def test_only_line_ends_and_the_token_separator_split_lists_of_tokens():
    classes = character_tables(WordDefinition("tokens", False)).classes
    ends = np.flatnonzero(classes != LETTER).tolist()
    assert ends == [ord("\n"), 0x1F, *SURROGATES]
    assert classes[ord("\n")] == NEWLINE
    assert classes[0x1F] == SEPARATOR


def test_lowercase_is_the_simple_mapping_of_unicode():
    lowercase = character_tables(WordDefinition("whitespace", True)).written
    lowered = [chr(code).lower() for code in range(CODE_POINTS)]
    # Python has the full mapping, which differs for one character.
    assert [code for code in range(CODE_POINTS) if len(lowered[code]) > 1] == [DOTTED_I]
    assert lowered[DOTTED_I] == "i" + chr(COMBINING_DOT)
    firsts = [ord(characters[0]) for characters in lowered]
    assert np.flatnonzero(lowercase != firsts).tolist() == []


def test_characters_of_words_are_written_in_normal_form_if_it_is_one_character():
    for lowercase in (True, False):
        tables = character_tables(WordDefinition("unicode", lowercase))
        for code in np.flatnonzero(tables.classes > NEWLINE).tolist():
            character = chr(code)
            if tables.classes[code] in (APOSTROPHE, MIDDLE_DOT):
                continue
            assert chr(tables.written[code]) == reference.as_scanned(character, lowercase=lowercase)
    quotes = [code for code in range(CODE_POINTS) if UNICODE.classes[code] == APOSTROPHE]
    assert {chr(UNICODE.written[code]) for code in quotes} == {"'"}


def test_lowercase_and_normal_form_commute_but_for_the_dot_above_i():
    for code in range(CODE_POINTS):
        character = chr(code)
        decomposed = unicodedata.normalize("NFD", character)
        if decomposed == character or code == DOTTED_I:
            continue
        lowered = "".join(c.lower() for c in decomposed)
        assert unicodedata.normalize("NFC", lowered) == unicodedata.normalize(
            "NFC", character.lower()
        )


def test_case_does_not_change_without_lowercase():
    written = character_tables(WordDefinition("whitespace", False)).written
    assert (written == np.arange(CODE_POINTS)).all()


def test_runs_are_the_first_and_last_index_of_true_values():
    assert runs(np.array([True, True, False, True, False])).tolist() == [[0, 1], [3, 3]]
    assert runs(np.array([False, True])).tolist() == [[1, 1]]
    assert runs(np.zeros(3, bool)).tolist() == []


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("abc", ""),
        ("a'", ""),
        ("a'b", ""),
        ("a''", "a''"),
        ("ab.c", "ab."),
        ("日本", "日"),
        ("日本a", "日"),
        ("日本 a", "日本 "),
        ("'a", "'"),
        ("日\u3099", ""),  # a mark may follow
        ("a\u00ad", ""),
        (" \u0301", " \u0301"),  # a mark without a base
        (". \ufe0fb", ". \ufe0f"),
        ("a'\u0301", ""),
        ("a\u00b7", ""),
        ("a\u00b7b", ""),
        ("a\u00b71", "a\u00b7"),
        ("1\u00b7a", "1\u00b7"),
        ("a\u00b7'b", "a\u00b7'"),
    ],
)
def test_last_boundary_by_hand(text, cut):
    assert UNICODE.last_boundary(text.encode()) == len(cut.encode())


def test_last_boundary_splits_no_character():
    assert UNICODE.last_boundary("a 日".encode()[:-1]) == 2
    assert UNICODE.last_boundary("日".encode()) == 0
    assert UNICODE.last_boundary("日".encode()[:-1]) == 0
    assert WHITESPACE.last_boundary(b"ab\xffcd") == 3


WORDS = st.text(
    st.sampled_from(
        "aeioIİıjǰʼ·\u0301\u0307\u0316\u0328\u030c\u0345ಾেকाक़ᄀ가각ᅡᆨ\u0f71\u0f72é\u1e69ſ"
    )
    | st.characters(categories=["L", "M", "N"]),
    min_size=1,
)


@given(word=WORDS)
def test_words_that_pass_the_quick_check_are_in_normal_form(word):
    tables = character_tables(WordDefinition("unicode", False))
    if passes_quick_check(word, tables):
        assert unicodedata.is_normalized("NFC", word)


def passes_quick_check(word, tables) -> bool:
    from w2v.text.characters import CHANGES, FIRST, SECOND

    starter = last = 0
    for code in map(ord, word):
        order, traits = int(tables.order[code]), int(tables.traits[code])
        if traits & CHANGES or tables.written[code] != code:
            return False
        if (traits & SECOND and int(tables.traits[starter]) & FIRST) or 0 < order < last:
            return False
        starter, last = (starter, order) if order else (code, 0)
    return True


@pytest.mark.parametrize(
    "text",
    [
        "Grüße aus München", "Đặng Thị Ngọc Thịnh", "대한민국의 수도", "আমার সোনার বাংলা", "हिन्दी क़लम",
        "ความสุขของ", "தமிழ்நாடு", "മലയാളം", "ಕನ್ನಡ", "සිංහල", "ქართული", "ສະບາຍດີ", "日本語のテキスト",
        "Ελληνική Δημοκρατία", "Їжак", "العربية", "می\u200cروم",
    ],
)  # fmt: skip
def test_normal_text_of_many_scripts_passes_the_quick_check(text):
    tables = character_tables(WordDefinition("unicode", False))
    normal = unicodedata.normalize("NFC", text)
    assert all(passes_quick_check(word, tables) for word in normal.split())
