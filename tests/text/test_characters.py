"""The classes and lowercase forms of all characters, compared with Python's."""

from __future__ import annotations

import numpy as np
import pytest

import reference
from w2v.text.characters import (
    APOSTROPHE,
    CODE_POINTS,
    COMBINING_DOT,
    DOTTED_I,
    NEWLINE,
    SEPARATOR,
    SINGLE,
    WORD,
    character_tables,
    runs,
)
from w2v.text.definition import WordDefinition

SURROGATES = range(0xD800, 0xE000)
UNICODE = character_tables(WordDefinition("unicode", True))
WHITESPACE = character_tables(WordDefinition("whitespace", False))


def class_of(character: str) -> int:
    if character in "\r\n":
        return NEWLINE
    if character in reference.APOSTROPHES:
        return APOSTROPHE
    if reference.is_single(character):
        return SINGLE
    return WORD if reference.is_word_character(character) else SEPARATOR


@pytest.mark.slow
def test_the_class_of_every_character_matches_the_definition():
    classes = np.array([class_of(chr(code)) for code in range(CODE_POINTS)], np.uint8)
    assert np.flatnonzero(UNICODE.classes != classes).tolist() == []


def test_white_space_matches_python():
    classes = [
        NEWLINE if c in "\r\n" else SEPARATOR if c.isspace() or c == "\0" else WORD
        for c in map(chr, range(CODE_POINTS))
    ]
    classes[SURROGATES.start : SURROGATES.stop] = [SEPARATOR] * len(SURROGATES)
    assert np.flatnonzero(WHITESPACE.classes != classes).tolist() == []


def test_only_line_ends_and_the_token_separator_split_lists_of_tokens():
    classes = character_tables(WordDefinition("tokens", False)).classes
    ends = np.flatnonzero(classes != WORD).tolist()
    assert ends == [ord("\n"), 0x1F, *SURROGATES]
    assert classes[ord("\n")] == NEWLINE
    assert classes[0x1F] == SEPARATOR


def test_lowercase_matches_python():
    lowercase = UNICODE.written.copy()
    assert lowercase[0x2019] == ord("'")
    lowercase[0x2019] = 0x2019
    lowered = [chr(code).lower() for code in range(CODE_POINTS)]
    assert [code for code in range(CODE_POINTS) if len(lowered[code]) > 1] == [DOTTED_I]
    assert lowered[DOTTED_I] == "i" + chr(COMBINING_DOT)
    firsts = [ord(characters[0]) for characters in lowered]
    assert np.flatnonzero(lowercase != firsts).tolist() == []


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
        ("日本", "日本"),
        ("日本a", "日本"),
        ("'a", "'"),
    ],
)
def test_last_boundary_by_hand(text, cut):
    assert UNICODE.last_boundary(text.encode()) == len(cut.encode())


def test_last_boundary_splits_no_character():
    assert UNICODE.last_boundary("a 日".encode()[:-1]) == 2
    assert UNICODE.last_boundary("日".encode()[:-1]) == 0
    assert WHITESPACE.last_boundary(b"ab\xffcd") == 3
