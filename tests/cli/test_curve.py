"""Small curves in a line of text."""

from __future__ import annotations

import os

import pytest

from commands import TINY, ok, process
from w2v.cli.curve import ASCII, BLOCKS, curve


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([3.0], "▁"),
        ([2.0, 2.0], "▁▁"),
        ([0, 1], "▁█"),
        ([7, 6, 5, 4, 3, 2, 1, 0], "█▇▆▅▄▃▂▁"),
        ([0, 100, 49], "▁█▄"),
        ([-1e9, 1e9], "▁█"),
    ],
)
def test_the_lowest_number_is_the_lowest_character(values, drawn):
    assert curve(values) == drawn


def test_many_numbers_are_averaged():
    assert curve([0, 0, 7, 7, 3, 4], width=3) == "▁█▅"
    assert curve(range(1000), width=8) == BLOCKS
    assert len(curve(range(41))) == 40


def test_both_kinds_of_characters_have_the_same_heights():
    assert curve([0, 1, 2, 3, 4, 5, 6, 7], ASCII) == ASCII
    assert len(ASCII) == len(BLOCKS)
    assert ASCII.isascii()


def test_info_draws_the_loss_in_characters_of_the_terminal():
    ok("train", "text.txt", "-o", "m", *TINY, "-q")
    for name, levels in {"C.UTF-8": BLOCKS, "C": ASCII}.items():
        shown = process("info", "m", env=os.environ | {"LC_ALL": name})
        (line,) = [line for line in shown.stdout.splitlines() if line.startswith("loss ")]
        first, drawn, last = line.split()[1:]
        assert drawn == levels[-1] + levels[0], shown
        assert float(first) > float(last)


def test_info_draws_no_curve_of_one_epoch():
    ok("train", "text.txt", "-o", "m", *TINY, "-q", "--epochs", "1")
    lines = ok("info", "m").splitlines()
    assert not any(line.startswith("loss ") for line in lines)
    assert any(line.startswith("epoch 1") for line in lines)
