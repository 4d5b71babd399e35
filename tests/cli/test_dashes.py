"""Long options with one dash are refused, and short options work with attached values."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from commands import TINY, error, ok
from support import names
from w2v.cli import main as cli

OPTIONS = [
    (command, flag)
    for command in sorted(cli.main.commands)
    for parameter in cli.main.commands[command].get_params(click.Context(cli.main))
    if isinstance(parameter, click.Option)
    for flag in (*parameter.opts, *parameter.secondary_opts)
    if flag.startswith("--")
]


def test_there_are_options_of_every_command():
    assert {command for command, _ in OPTIONS} == set(cli.main.commands)
    assert ("train", "--no-lowercase") in OPTIONS
    assert ("train", "--help") in OPTIONS


@pytest.mark.parametrize(("command", "flag"), OPTIONS)
def test_every_long_option_with_one_dash_is_refused(command, flag):
    name = flag[2:]
    for wrong in (f"-{name}", f"-{name}=5", f"\N{EM DASH}{name}", f"-{name.replace('-', '_')}"):
        message = error(command, wrong, "v.bin", code=2)
        assert message.startswith(f"No such option: {wrong}. Did you mean {flag}?")
    assert names() == ["text.txt", "tmp"]


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_the_options_of_the_program_need_two_dashes(flag):
    message = error(flag[1:], code=2)
    assert message == f"No such option: {flag[1:]}. Did you mean {flag}?"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("-out", "--output"),
        ("-ouput", "--output"),
        ("-epoch", "--epochs"),
        ("-negative", "--negatives"),
        ("-minn-count", "--min-count"),
        ("-over", "--overwrite"),
        ("-thread", "--threads"),
        ("-nolowercase", "--no-lowercase"),
        ("\N{EN DASH}dim", "--dim"),
        ("\N{MINUS SIGN}\N{MINUS SIGN}dim", "--dim"),
        ("-\N{EN DASH}dim", "--dim"),
    ],
)
def test_parts_and_misspellings_are_recognized(wrong, right):
    message = error("train", "text.txt", wrong, "5", code=2)
    assert message.startswith(f"No such option: {wrong}. Did you mean {right}?")


def test_the_message_shows_how_to_attach_a_value():
    message = error("train", "text.txt", "-out", "x", code=2)
    assert message == (
        "No such option: -out. Did you mean --output? For -o with a value, write -o ut."
    )


def test_an_equals_sign_does_not_become_part_of_a_value():
    message = error("train", "text.txt", "-o=m.w2v", code=2)
    assert message == "No such option: -o=m.w2v. Write -o m.w2v, with a space."
    assert names() == ["text.txt", "tmp"]


@pytest.mark.parametrize("options", [["-om"], ["-o", "m"], ["-qom"], ["-qo", "m"], ["--output=m"]])
def test_short_options_may_be_joined(options):
    ok("train", "text.txt", *TINY, *options)
    assert "m" in names()


@pytest.mark.parametrize("options", [["-n2"], ["-n", "2"], ["--number=2"]])
def test_numbers_may_be_attached(options, model):
    assert len(ok("similar", model, "king", *options).splitlines()) == 2


def test_formats_may_be_attached(model):
    ok("export", model, "-fglove", "-ov.dat")
    assert Path("v.dat").read_text().startswith("king ")


@pytest.mark.parametrize("value", ["-output", "-dim"])
def test_values_and_operands_are_not_options(value, model):
    ok("export", model, "-f", "glove", "-o", value)
    ok("export", model, "-f", "glove", "--output", f"{value}2")
    assert error("similar", model, "--", value) == (
        f"'{value}' is not among the 5 words of this model"
    )
    assert {value, f"{value}2"} <= {*names()}


def test_unknown_short_options_are_reported_as_before():
    assert re.match("No such option.*-x", error("train", "text.txt", "-xyz", code=2))
