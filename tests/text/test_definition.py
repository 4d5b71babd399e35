"""The definition of a word."""

from __future__ import annotations

from w2v.text.definition import lowercase_word


def test_words_are_lowercased_character_by_character():
    assert lowercase_word("\u0391\u03a3") == "\u03b1\u03c3"  # str.lower would write a final sigma
    assert lowercase_word("İ") == "i̇"
