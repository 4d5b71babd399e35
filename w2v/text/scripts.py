"""The scripts of letters.

Python knows no scripts, but the name of each letter begins with that of its script, such as LATIN
SMALL LETTER A. So no table is needed, and the scripts are those of the Unicode version of Python.
A test compares them with the property Script of Unicode.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

OTHER = "other"
HAN = "Han"

_BY_FIRST_WORD = {
    name.upper(): name
    for name in (
        *("Latin", "Greek", "Cyrillic", "Armenian", "Georgian", "Hebrew", "Arabic", "Syriac"),
        *("Thaana", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu"),
        *("Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar", "Khmer"),
        *("Mongolian", "Ethiopic", "Cherokee", "Hangul", "Hiragana", "Katakana", "Bopomofo"),
    )
} | {"CJK": HAN}
_WIDTH = re.compile("(FULLWIDTH|HALFWIDTH|SMALL) (?=(LATIN|KATAKANA|HANGUL) )")
_WITHOUT_BLANKS = {"Lao", "Khmer", "Myanmar", "Tibetan"}


def script_of(letter: str) -> str:
    """Return the script of a letter, or OTHER for a rare one or one that several scripts share."""
    name = _WIDTH.sub("", unicodedata.name(letter, ""))
    return _BY_FIRST_WORD.get(name.partition(" ")[0], OTHER)


def count_scripts(letters: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Add up the occurrences of letters by script, the most frequent one first."""
    counts: Counter[str] = Counter()
    for letter, count in letters:
        counts[script_of(letter)] += count
    return dict(counts.most_common())


def has_no_blanks(script: str) -> bool:
    """Return whether a script has no blanks between words.

    Chinese, Japanese and Thai are left out: `w2v.text.segmented` looks closer at these.
    """
    return script in _WITHOUT_BLANKS
