"""Exceptions and their messages."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from w2v.config import Config
from w2v.errors import ConfigError, short_repr


def test_options_are_the_subject_of_a_config_error():
    assert str(ConfigError("must be positive", option="lr")) == "lr must be positive"
    assert str(ConfigError("differ", option=("lr_min", "lr"))) == "lr_min and lr differ"
    assert ConfigError("differ", option=("lr_min", "lr")).options == ("lr_min", "lr")
    assert str(ConfigError("{plain} text")) == "{plain} text"
    assert ConfigError("text").options == ()


@pytest.mark.parametrize("copied", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_a_config_error_can_be_copied_and_pickled(copied):
    with pytest.raises(ConfigError) as caught:
        Config(lr_min=1)
    found = copied(caught.value)
    assert (str(found), found.options) == (str(caught.value), ("lr_min",))


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\nb", r"'a\nb'"),
        (np.zeros((2, 2)), "array([[0., 0.], [0., 0.]])"),
        (10**5000, "an integer of thousands of digits"),
        (list(range(10**6)), "[0, 1, 2, 3, 4, 5, ...]"),
    ],
    ids=["lines", "rows", "digits", "items"],
)
def test_a_value_is_shown_in_one_line(value, expected):
    assert short_repr(value) == expected


@pytest.mark.parametrize(
    "value", ["x" * 10**6, {"x" * 99: ["y" * 99] * 9}, Unprintable()], ids=type
)
def test_a_long_value_is_abbreviated(value):
    assert 0 < len(short_repr(value)) <= 100
