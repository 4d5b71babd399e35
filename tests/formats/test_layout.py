"""Layouts: their rows, and how files record them."""

from __future__ import annotations

import pytest

from w2v.errors import ConfigError, FormatError
from w2v.formats.layout import LAYOUTS, UNKNOWN_VECTORS, Layout


def test_padding_is_row_0_and_unknown_words_are_row_1():
    assert [Layout(rows, "zeros" if "unk" in rows else None).padding for rows in LAYOUTS] == [
        None,
        0,
        0,
    ]
    assert [Layout(rows, "zeros" if "unk" in rows else None).unknown for rows in LAYOUTS] == [
        None,
        None,
        1,
    ]


@pytest.mark.parametrize(
    ("rows", "unk", "message"),
    [
        ("padding", None, "rows must be one of none, pad, pad\\+unk, got 'padding'"),
        (
            "pad",
            "zeros",
            "unk requires a row for unknown words: got `unk='zeros'` and `rows='pad'`",
        ),
        ("none", "trained", "unk requires a row for unknown words: got `unk='trained'`"),
        ("pad+unk", None, "unk must be one of zeros, mean-rare, trained, got None"),
        ("pad+unk", "random", "unk must be one of zeros, mean-rare, trained, got 'random'"),
    ],
)
def test_invalid_layouts_are_rejected(rows, unk, message):
    with pytest.raises(ConfigError, match=message):
        Layout(rows, unk)


@pytest.mark.parametrize(
    "layout",
    [Layout("none"), Layout("pad"), *(Layout("pad+unk", kind) for kind in UNKNOWN_VECTORS)],
)
def test_from_dict_is_the_inverse_of_as_dict(layout):
    assert Layout.from_dict(layout.as_dict()) == layout


@pytest.mark.parametrize(
    "recorded",
    [None, "pad", {}, {"layout": "pad"}, {"layout": 3, "unknown_vector": None}, [1]],
)
def test_invalid_records_are_rejected(recorded):
    with pytest.raises(FormatError, match="expected a layout of rows as w2v records it, got"):
        Layout.from_dict(recorded)


def test_contradictory_records_are_rejected():
    recorded = Layout("pad").as_dict() | {"first_word": 2}
    with pytest.raises(
        FormatError, match=r"the rows of the layout 'pad' are .*'first_word': 1.*got"
    ):
        Layout.from_dict(recorded)


def test_str():
    assert str(Layout("pad+unk", "zeros")) == "pad+unk (0 padding, 1 unknown words, words from 2)"
    assert str(Layout("none")) == "none (words from 0)"
