"""Parsing and checking of option values."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v
from support import LINES, NO_NUMBERS
from w2v.config import Config, options
from w2v.errors import ConfigError
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION
from w2v.options import LENGTH, NUMBER, SECONDS, SWITCH, TOP, Option


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


OPTIONS = {
    **options(),
    "number": NUMBER,
    "top": TOP,
    "length": LENGTH,
    "checkpoint_every": SECONDS,
    "overwrite": SWITCH,
    "rows": ROWS_OPTION,
    "unk": UNK_OPTION,
}
"""Every option of Python, by name."""

NUMPY_SCALARS = [
    kind
    for kind in {*np.sctypeDict.values()}
    if not issubclass(kind, (np.flexible, np.object_)) or issubclass(kind, np.str_)
]
"""All kinds of scalars that NumPy has, whatever the platform calls them."""

PLAIN = [True, False, 0, 1, 2, 5, 0.0, 0.5, 1.0, 2.5, "pad", "zeros", "unicode"]


@pytest.mark.parametrize("kind", NUMPY_SCALARS, ids=lambda kind: kind.__name__)
def test_numpy_scalars_are_taken_as_plain_values_are(kind):
    for value in [value for value in PLAIN if type(value) is python_type(kind)]:
        scalar = kind(value)
        for name, option in OPTIONS.items():
            assert option.accepts(scalar) == option.accepts(value), scalar
            if option.accepts(value):
                found = option.check(name, scalar)
                assert (found, type(found)) == (value, type(value))
            else:
                with pytest.raises(ConfigError, match=re.escape(f"{name} must be")):
                    option.check(name, scalar)


def python_type(kind: type) -> type:
    """Return the type of Python that a kind of scalar stands for; complex for none of them."""
    families = {np.bool_: bool, np.integer: int, np.floating: float, np.str_: str}
    if issubclass(kind, np.timedelta64):
        return complex
    return next((plain for family, plain in families.items() if issubclass(kind, family)), complex)


def test_there_are_scalars_of_every_family():
    assert {python_type(kind) for kind in NUMPY_SCALARS} == {bool, int, float, str, complex}
    assert {np.float16, np.float32, np.longdouble, np.int8, np.uint64} <= {*NUMPY_SCALARS}


@pytest.mark.parametrize(
    "value",
    [
        *(np.complex64(1), np.datetime64("2020-01-01"), np.timedelta64(5, "s")),
        *(
            np.void(b"5"),
            np.bytes_(b"5"),
            np.float32("nan"),
            np.float64("inf"),
            np.longdouble("inf"),
        ),
        *(np.array([5]), np.array("pad"), None),
    ],
    ids=repr,
)
@pytest.mark.parametrize("name", OPTIONS)
def test_other_scalars_and_arrays_are_refused(name, value):
    with pytest.raises(ConfigError, match=re.escape(f"{name} must be")):
        OPTIONS[name].check(name, value)


def test_a_config_of_numpy_scalars_is_plain_and_writes_json():
    config = Config(
        dim=np.int8(100),
        lr=np.float32(0.05),
        seed=np.uint64(2**63 - 1),
        deterministic=np.bool_(True),
    )
    assert config == Config(dim=100, lr=float(np.float32(0.05)), seed=2**63 - 1, deterministic=True)
    kinds = {type(value) for value in config.as_dict().values()}
    assert kinds == {int, float, bool, str, type(None)}
    assert json.loads(json.dumps(config.as_dict())) == config.as_dict()


def test_small_integers_do_not_overflow():
    window = np.int8(100)  # twice as much is no int8
    ids = [[0, 1, 2]]
    assert list(w2v.skipgram_pairs([0, 1, 2], window)) == list(w2v.skipgram_pairs([0, 1, 2], 100))
    blocks = w2v.skipgram_pair_blocks(ids[0], np.uint8(2), np.int16(4))
    assert sum(map(len, blocks)) == 6


def test_functions_take_numpy_scalars(tmp_path):
    numbers = {"min_count": np.int8(1), "sample": np.float16(0), "dim": np.uint8(8)}
    options = {**numbers, "epochs": np.int64(1), "threads": np.intc(1), "lr": np.float32(0.25)}
    model = w2v.train(
        LINES,
        output=tmp_path / "m",
        overwrite=np.bool_(False),
        checkpoint_every=np.float32(60),
        progress=np.bool_(False),
        **options,
    )
    assert model.meta["config"]["lr"] == 0.25
    assert model.most_similar("dog", np.uint8(2)) == model.most_similar("dog", 2)
    assert model.analogy("the", "dog", "fox", np.int16(1)) == model.analogy("the", "dog", "fox", 1)
    assert (
        model.encode("the dog", length=np.int8(3)).tolist() == model.encode("the dog", 3).tolist()
    )
    model.save(tmp_path / "m", overwrite=np.bool_(True))
    again = w2v.train(
        LINES, init=tmp_path / "m", freeze_old=np.bool_(True), output=tmp_path / "n", **options
    )
    assert again.meta["job"]["freeze_old"] is True
