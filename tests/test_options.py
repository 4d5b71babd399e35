"""Parsing and checking of option values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import NO_NUMBERS
from w2v.options import Option


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("-0", 0), ("+7", 7), ("007", 7), ("1" + "0" * 40, 10**40)],
)
def test_integers_are_digits(text, number):
    assert Option(int, "").parse(text) == number


@pytest.mark.parametrize("text", [*NO_NUMBERS, "5.0", "1e3", "1e400", ".5", "5."])
def test_other_texts_are_not_integers(text):
    assert Option(int, "").parse(text) is None


@pytest.mark.parametrize(
    "text", ["5", "-0", "+7.5", ".5", "5.", "1e3", "1E-3", "1.5e+3", "5e-324", "1e-400", "1e400"]
)
def test_numbers_are_spelled_as_in_python(text):
    assert Option(float, "").parse(text) == float(text)


@pytest.mark.parametrize(
    "text", [word for word in NO_NUMBERS if not re.fullmatch(r"-?1e400|9+(\.5)?", word)]
)
def test_other_texts_are_not_numbers(text):
    assert Option(float, "").parse(text) is None


@given(number=st.floats(allow_nan=False, allow_infinity=False))
def test_printed_numbers_are_parsed_exactly(number):
    assert repr(Option(float, "").parse(repr(number))) == repr(number)
