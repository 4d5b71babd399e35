"""Text in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.text.display import columns, shorten, visible, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text", "plain text"),
        ("zero\u200bwidth", "zero[U+200B]width"),
        ("a\tb\x1fc", "a b c"),
        ("\0\x85\u2028", "[U+0000][U+0085][U+2028]"),
        ("a\u3000b\xa0c", "a b c"),
        ("\ufffd\ue000\u0378", "[U+FFFD][U+E000][U+0378]"),
        ("日本 é", "日本 é"),
    ],
)
def test_invisible_characters_are_shown(text, shown):
    assert visible(text) == shown


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("日本", 4), ("e\u0301", 1), ("Ａ", 2)])
def test_wide_characters_take_two_columns(text, width):
    assert columns(text) == width


@given(text=st.text(), width=st.integers(3, 40))
def test_a_shortened_text_fits(text, width):
    shown = shorten(text, width)
    assert columns(shown) <= width
    assert shown == text or (shown.endswith("...") and text.startswith(shown[:-3]))


def test_wide_characters_are_shortened_by_columns():
    assert shorten("日本語テキスト", 14) == "日本語テキスト"
    assert shorten("日本語テキスト", 13) == "日本語テキ..."


@given(parts=st.lists(st.text("ab日", min_size=1, max_size=9), max_size=20))
def test_wrapped_lines_fit_and_lose_nothing(parts):
    lines = list(wrap(parts, 12, " · "))
    assert all(columns(line) <= 12 or " · " not in line for line in lines)
    assert [part for line in lines for part in line.split(" · ")] == parts
