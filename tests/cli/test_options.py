"""Types and values of options on the command line."""

from __future__ import annotations

import math
import re

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands import error, flag_of, ok
from support import names
from w2v.cli import main as cli
from w2v.cli.options import with_flags
from w2v.config import DEFAULTS, options
from w2v.options import LARGEST
from w2v.pipeline import train as job


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--lr-min", "1"],
            "--lr-min must not exceed the learning rate: got --lr-min 1.0 and --lr 0.05",
        ),
        (
            ["--lr", "0.1", "--lr-min", "0.2"],
            "--lr-min must not exceed the learning rate: got --lr-min 0.2 and --lr 0.1",
        ),
        (["--shards", "2"], "--shards requires --deterministic, got --shards 2 without it; add it"),
        (["--rounds", "2"], "--rounds requires --deterministic, got --rounds 2 without it; add it"),
        (["--rounds", "0"], "Invalid value for '--rounds': '0' is not an integer from 1 to"),
        (["--lr", "nan"], "Invalid value for '--lr': 'nan' is not a finite number above 0."),
        (
            ["--lr-min", "nan"],
            "Invalid value for '--lr-min': 'nan' is not a finite number of at least 0.",
        ),
        (
            ["--sample", "nan"],
            "Invalid value for '--sample': 'nan' is not a number from 0 to 1, or auto.",
        ),
        (["--lr", "inf"], "Invalid value for '--lr': 'inf' is not a finite number above 0."),
        (["--dim", "ten"], "Invalid value for '--dim': 'ten' is not"),
        (["--dim", "1.5"], "Invalid value for '--dim': '1.5' is not"),
        (["--tokenizer", "space"], "Invalid value for '--tokenizer': 'space' is not one of"),
        (["--overwright"], "No such option"),
    ],
)
def test_wrong_options_exit_with_2(arguments, message):
    assert error("train", "text.txt", *arguments, code=2).startswith(message)
    assert names() == ["text.txt", "tmp"]


NUMERIC = sorted(name for name, option in options().items() if option.kind in (int, float))


def out_of_range(name: str) -> st.SearchStrategy[int | float]:
    """Return values outside the range of an option, including the nearest ones."""
    option = options()[name]
    numbers = st.integers if option.kind is int else st.floats
    wide = {"allow_nan": False, "allow_infinity": False} if option.kind is float else {}
    strategies = []
    if option.low is not None:
        if option.kind is int:
            last = option.low - 1
        else:
            last = option.low if option.low_open else math.nextafter(option.low, -math.inf)
        strategies += [st.just(last), numbers(max_value=last, **wide)]
    if option.high is not None:
        first = option.high + 1 if option.kind is int else math.nextafter(option.high, math.inf)
        strategies += [st.just(first), numbers(min_value=first, **wide)]
    return st.one_of(strategies)


@given(data=st.data(), name=st.sampled_from(NUMERIC))
def test_values_out_of_range_are_rejected_with_the_range(data, name):
    value = options()[name].kind(data.draw(out_of_range(name)))
    flag = flag_of(name)
    option = options()[name]
    message = error("train", "missing.txt", flag, value, code=2)
    assert message == f"Invalid value for '{flag}': '{value}' is not {option.expected}."
    for bound in (option.low, option.high):
        assert bound in (None, LARGEST) or str(bound) in option.expected


def test_every_number_has_a_lower_bound():
    """The previous test draws values below it."""
    assert {"dim", "lr", "seed", "sample", "min_count", "threads"} <= set(NUMERIC)
    assert all(options()[name].low is not None for name in NUMERIC)


@pytest.mark.parametrize("name", sorted(options()))
def test_every_hyperparameter_is_an_option_of_train(name):
    (found,) = (p for p in cli.main.commands["train"].params if p.name == name)
    assert found.default == DEFAULTS[name]
    assert found.help == re.sub(r"`(\w+)`", lambda match: flag_of(match[1]), options()[name].help)
    assert flag_of(name) in ok("train", "--help")


@pytest.mark.parametrize("time_", ["soon", "-1", "5d", "", "1.s"])
def test_invalid_times_are_rejected(time_):
    message = error("train", "text.txt", "--checkpoint-every", time_, code=2)
    assert message.startswith("Invalid value for '--checkpoint-every': ")
    assert message.endswith(f"{time_!r} is not a time such as 90, 90s, 10m or 2h.")


@pytest.mark.parametrize(
    ("time_", "seconds"), [("0", 0), ("90", 90), ("1.5s", 1.5), ("10m", 600), ("2h", 7200)]
)
def test_times_have_units(time_, seconds, monkeypatch):
    passed = {}
    monkeypatch.setattr(job, "train", lambda *_, **options: passed.update(options))
    ok("train", "text.txt", "--checkpoint-every", time_)
    assert passed["checkpoint_every"] == seconds


def test_an_empty_path_is_rejected():
    message = error("vocab", "", code=2)
    assert message == "Invalid value for 'CORPUS...': the path is empty."


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("lr_min", "--lr-min"),
        ("number", "--number"),
        ("nothing", "nothing"),
        ("nothing=5", "nothing=5"),
        ("dim=9", "--dim 9"),
        ("lr_min=None", "the default of --lr-min"),
        ("deterministic=True", "--deterministic"),
        ("deterministic=False", "no --deterministic"),
        ("lowercase=True", "--lowercase"),
        ("lowercase=False", "--no-lowercase"),
        ("lowercase=None", "the default of --lowercase"),
        ("init='my model'", "--init 'my model'"),
        ("init='a...", "--init 'a..."),  # a shortened value
        ("unk='zeros'", "--unk zeros"),  # an option of another command
    ],
)
def test_the_command_line_spells_options_as_flags(option, expected):
    program = click.Context(cli.main)
    context = click.Context(cli.main.commands["train"], parent=program)
    message = with_flags(f"a `{option}` b", context)
    assert message == f"a {expected} b"
