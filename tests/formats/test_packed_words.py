"""Words in the bytes of their file, against a list and a dict of them."""

from __future__ import annotations

import pytest

from w2v.formats.packed_words import PackedWords

WORDS = ["b", "a", "ab", "日本", "New York", "a\r", "é", "e\u0301", "b\x85", "abc"]
OTHERS = ["", "c", "bc", "b\na", "\n", "日", "本", "\ud800", "York"]
PACKED = PackedWords("".join(f"{word}\n" for word in WORDS).encode())


@pytest.mark.parametrize("word", [*WORDS, *OTHERS])
def test_find_and_get(word):
    expected = {word: row for row, word in enumerate(WORDS)}.get(word)
    assert PACKED.find(word) == expected
    if expected is not None:
        assert PACKED[expected] == word


def test_all_words():
    assert PACKED.to_list() == WORDS
    assert len(PACKED) == len(WORDS)


def test_normal_form():
    assert not PACKED.are_normal
    assert PackedWords(b"a\nb\n").are_normal
    assert PackedWords("é\n日本\n".encode()).are_normal


def test_many_searches_wear_it():
    packed = PackedWords(b"a\nb\n")
    for _ in range(40):
        packed.find("b")
    assert packed.should_use_dict
