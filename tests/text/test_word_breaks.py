"""The words of Unicode Standard Annex 29, where the definition agrees with it, and where not.

The samples are of the kinds of Unicode's WordBreakTest: each pair of word-break properties, also
with an extending and with a format character between, and sequences around the rules WB4 to WB13.
"""

from __future__ import annotations

import itertools

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

import reference
from w2v.text.definition import WordDefinition
from w2v.text.tokenizer import Tokenizer

TOKENIZER = Tokenizer(WordDefinition("unicode", True), len)

SAMPLES = {
    "CR": "\r",
    "LF": "\n",
    "Newline": "\u2028",
    "Space": " ",
    "Other": "!",
    "Symbol": "\u2764",
    "ALetter": "A",
    "ALetter 2": "б",
    "Hebrew_Letter": "א",
    "Numeric": "1",
    "Numeric 2": "٣",
    "ExtendNumLet": "_",
    "Single_Quote": "'",
    "MidNumLet": "\u2019",
    "MidLetter": "\u00b7",
    "Extend": "\u0308",
    "Spacing mark": "\u0903",
    "Format": "\u00ad",
    "Format 2": "\u2060",
    "ZWNJ": "\u200c",
}
INSERTED = ["", "\u0308", "\u00ad", "\u0308\u00ad", "\u2060\u0308"]


def by_the_annex(text: str) -> list[str]:
    """Return the words by the rules of the annex, as the package regex has them.

    They are those with a letter or number, in the form in which our tokenizer writes them.
    """
    parts = regex.split(r"\b", text, flags=regex.WORD | regex.V1)
    words = [part for part in parts if regex.search(r"[\p{L}\p{N}]", part)]
    return [form for part in words for form in reference.tokenize(part.encode())[0]]


def agrees(text: str) -> bool:
    """Return whether our definition is meant to agree with the annex on a text.

    The annex wants letters, or numbers, on both sides of an apostrophe; we accept any base.
    """
    shown = regex.sub(r"[\p{M}\u00ad\u2060\u200c]", "", text)
    pairs = [
        a + b
        for a, quote, b in zip(shown, shown[1:], shown[2:], strict=False)
        if quote in "'\u2019"
    ]
    between = [pair for pair in pairs if regex.fullmatch(r"[\p{L}\p{N}_]{2}", pair)]
    return all(regex.fullmatch(r"\p{L}{2}|\p{N}{2}", pair) for pair in between)


@pytest.mark.parametrize("inserted", INSERTED)
@pytest.mark.parametrize("first", SAMPLES)
def test_pairs_have_the_words_of_the_annex(first, inserted):
    for second in SAMPLES.values():
        text = f"a {SAMPLES[first]}{inserted}{second} b"
        if agrees(text):
            assert TOKENIZER.words(text) == by_the_annex(text), ascii(text)


@pytest.mark.parametrize(
    "middle", ["'", "\u2019", "\u00b7", "_", "\u0308", "\u00ad", ":\u00b7", "''"]
)
def test_triples_have_the_words_of_the_annex(middle):
    bases = ["A", "б", "א", "1", "_", "!"]
    for first, second, mark in itertools.product(bases, bases, ["", "\u0308", "\u2060"]):
        text = f"{first}{mark}{middle}{mark}{second}"
        if agrees(text):
            assert TOKENIZER.words(text) == by_the_annex(text), ascii(text)


@given(text=st.text(st.sampled_from("".join(SAMPLES.values()) + "bc2é"), max_size=12))
def test_any_text_of_the_samples_has_the_words_of_the_annex(text):
    assume(agrees(text))
    assert TOKENIZER.words(text) == by_the_annex(text)


@pytest.mark.parametrize(
    ("text", "ours", "annex"),
    [
        ("3.14", ["3", "14"], ["3.14"]),
        ("a.b", ["a", "b"], ["a.b"]),
        ("a:b", ["a", "b"], ["a:b"]),
        ("1,000", ["1", "000"], ["1,000"]),
        ("a'1", ["a'1"], ["a", "1"]),
        ("カタ", ["カ", "タ"], ["カタ"]),
        ('צה"ל', ["צה", "ל"], ['צה"ל']),
    ],
)
def test_the_documented_differences(text, ours, annex):
    assert TOKENIZER.words(text) == ours
    parts = regex.split(r"\b", text, flags=regex.WORD | regex.V1)
    assert [part for part in parts if regex.search(r"[\p{L}\p{N}]", part)] == annex
