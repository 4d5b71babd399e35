"""The scripts of letters, compared with the property of Unicode."""

from __future__ import annotations

import sys
import unicodedata

import regex

from w2v.text.scripts import OTHER, count_scripts, has_no_blanks, script_of

SCRIPTS = [
    *("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Devanagari"),
    *("Bengali", "Gurmukhi", "Gujarati", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala"),
    *("Thai", "Lao", "Tibetan", "Myanmar", "Khmer", "Mongolian", "Ethiopic", "Hangul", "Hiragana"),
    *("Katakana", "Han", "Bopomofo", "Syriac", "Thaana", "Cherokee", "Oriya"),
]


def test_scripts_are_those_of_unicode():
    """All letters; a few that are shared or rare belong to no script by their names."""
    letters = [chr(c) for c in range(sys.maxunicode + 1) if unicodedata.category(chr(c))[0] == "L"]
    text = "".join(letters)
    of_unicode = {
        letter: name for name in SCRIPTS for letter in regex.findall(rf"\p{{Script={name}}}", text)
    }
    wrong = {}
    for letter in letters:
        found, expected = script_of(letter), of_unicode.get(letter, OTHER)
        if found != expected:
            wrong[letter] = (found, expected)
    # No letter of a common text is among them.
    assert len(wrong) < 0.01 * len(letters)
    unusual = [letter for letter in wrong if letter < "\u02b0"]
    assert unusual == ["ª", "º"]
    surely_wrong = {pair for pair in wrong.values() if OTHER not in pair}
    assert surely_wrong <= {("Arabic", "Thaana")}


def test_letters_are_added_up_by_script():
    letters = [("a", 3), ("б", 5), ("B", 4), ("日", 1), ("本", 1), ("ｱ", 1), ("ﾡ", 2), ("Ａ", 1)]
    assert count_scripts(letters) == {
        "Latin": 8,
        "Cyrillic": 5,
        "Han": 2,
        "Hangul": 2,
        "Katakana": 1,
    }
    assert list(count_scripts(letters))[:2] == ["Latin", "Cyrillic"]


def test_scripts_without_blanks():
    assert has_no_blanks("Khmer")
    assert not has_no_blanks("Latin")
