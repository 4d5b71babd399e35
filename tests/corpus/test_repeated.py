"""Repeated lines, compared with a counter."""

from __future__ import annotations

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.corpus import repeated
from w2v.corpus.repeated import RepeatedLines


def add(lines: RepeatedLines, numbers: list[int]) -> None:
    """Add lines that consist of a number; 0 is blank."""
    hashes = np.array(numbers, np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    sizes = np.array([len(str(number)) for number in numbers], np.int64)
    lines.add(hashes, sizes, lambda i: str(numbers[i]).encode())


@given(blocks=st.lists(st.lists(st.integers(0, 12), max_size=30), max_size=5))
def test_repeats_are_those_of_a_counter(blocks):
    lines = RepeatedLines()
    for block in blocks:
        add(lines, block)
    counts = Counter(number for block in blocks for number in block if number)
    assert lines.repeats == counts.total() - len(counts)
    assert lines.repeated_bytes == sum(len(str(n)) * (c - 1) for n, c in counts.items())
    assert lines.left_out == 0
    found = {int(text): count for text, count in lines.most_frequent(100)}
    assert found == {number: count for number, count in counts.items() if count > 1}
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_the_table_grows(sized):
    numbers = list(range(1, sized(100_000))) * 2
    lines = RepeatedLines()
    add(lines, numbers)
    assert lines.repeats == len(numbers) // 2


def test_beyond_the_limit_further_lines_are_not_compared():
    lines = RepeatedLines(most=3)
    add(lines, [1, 2, 3, 4, 4, 5, 1, 2, 4])
    assert (lines.repeats, lines.left_out) == (2, 4)
    assert sorted(lines.most_frequent(9)) == [(b"1", 2), (b"2", 2)]


def test_the_most_frequent_lines_survive_when_others_are_forgotten(monkeypatch):
    monkeypatch.setattr(repeated, "_MOST_TEXTS", 8)
    monkeypatch.setattr(repeated, "_KEPT_TEXTS", 4)
    shuffled = random.Random(1)
    lines = RepeatedLines()
    expected: Counter[int] = Counter()
    for _ in range(60):
        block = [7] * 5 + [9] * 3 + shuffled.choices(range(10, 500), k=40)
        shuffled.shuffle(block)
        expected.update(block)
        add(lines, block)
        assert len(lines._texts) <= 8
    assert lines.most_frequent(2) == [(b"7", expected[7]), (b"9", expected[9])]


def test_the_limit_is_what_the_documentation_says():
    slots = 2 * repeated.MOST_LINES
    assert slots * (8 + 4) == pytest.approx(48e6, rel=0.05)
    assert f"{repeated.MOST_LINES:,}" == "2,097,152"
