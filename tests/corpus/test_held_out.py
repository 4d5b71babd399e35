"""The part that is held out of texts with few lines, compared with the rule in plain Python."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from w2v.compute.random import HELD_OUT_LINES, bernoulli, make_key, to_threshold
from w2v.config import MOST_WORDS, Config
from w2v.corpus import encoded as encoded_module
from w2v.corpus import held_out as held_out_module
from w2v.corpus.build import build_corpus
from w2v.corpus.encoded import EncodedText
from w2v.corpus.held_out import hold_out_some
from w2v.events import Notice
from w2v.text.sources import IterableSource

ALL = {"min_count": 1, "vocab_size": MOST_WORDS}
Lines = list[list[int]]


def divided(lines: Lines, share: float, seed: int, long_line: int) -> tuple[Lines, Lines]:
    """Divide lines that are all on one side, by the rule in plain Python."""
    words = sum(map(len, lines))
    wanted = max(2, round(share * words))
    chosen = int(make_key(seed, HELD_OUT_LINES, len(lines))) % len(lines)
    line = lines[chosen]
    if len(lines) == 1:
        if len(line) < 4:
            return lines, []
        wanted = min(wanted, len(line) - 2)
    elif len(line) <= max(long_line, 2 * wanted):
        return lines[:chosen] + lines[chosen + 1 :], [line]
    return [*lines[:chosen], line[:-wanted], *lines[chosen + 1 :]], [line[-wanted:]]


def written(path: Path, lines: Lines, dtype: type) -> EncodedText:
    end = np.iinfo(dtype).max
    np.array([i for line in lines for i in (*line, end)], dtype).tofile(path)
    return EncodedText.open(path, dtype, sum(map(len, lines)), len(lines))


def lines_of(text: EncodedText) -> Lines:
    lines = [line.tolist() for line in text.sentences()]
    assert (len(lines), sum(map(len, lines))) == (text.lines, text.words)
    assert len(text.ids) == text.words + text.lines
    return lines


@given(
    lines=st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=12), min_size=1, max_size=6),
    share=st.sampled_from([1e-9, 0.01, 0.2, 0.5]),
    seed=st.integers(0, 5),
    long_line=st.integers(1, 12),
    dtype=st.sampled_from([np.uint16, np.uint32]),
    step=st.integers(1, 20),
    all_held_out=st.booleans(),
)
@example([[1, 2, 3]], 0.5, 0, 1, np.uint16, 1, True)
@example([[1, 2, 3, 4]], 0.5, 0, 1, np.uint16, 1, False)
@example([[1, 2, 3, 4, 5, 6, 7]], 0.01, 0, 1, np.uint16, 1, False)
@example([[1, 2, 3, 4, 5, 6, 7], [8] * 9], 0.01, 1, 1, np.uint16, 2, True)
def test_the_rule(lines, share, seed, long_line, dtype, step, all_held_out):
    sides = ([], lines) if all_held_out else (lines, [])
    with (
        tempfile.TemporaryDirectory() as name,
        pytest.MonkeyPatch.context() as monkeypatch,
    ):
        monkeypatch.setattr(held_out_module, "_LONG_LINE", long_line)
        monkeypatch.setattr(held_out_module, "_IDS_PER_STEP", step)
        monkeypatch.setattr(encoded_module, "_IDS_PER_STEP", step)
        texts = [
            written(Path(name, file), side, dtype)
            for file, side in zip(("text", "held-out"), sides, strict=True)
        ]
        text, held_out, _ = hold_out_some(Path(name), *texts, share=share, seed=seed)
        found = lines_of(text), lines_of(held_out)
        assert found == divided(lines, share, seed, long_line)
        assert sorted(path.name for path in Path(name).iterdir()) == ["held-out", "text"]
        for file, side in (("text", text), ("held-out", held_out)):
            assert np.fromfile(Path(name, file), dtype).tolist() == side.ids.tolist()
    assert found[0]
    assert found[1] or lines == [lines[0]]
    words = [word for line in lines for word in line]
    assert sorted(word for side in found for line in side for word in line) == sorted(words)


def read(lines: list[str], **options) -> tuple[Lines, Lines, list[Notice]]:
    """Read lines; return the lines of both sides, and the notices."""
    notices = []

    def observe(event):
        if isinstance(event, Notice):
            notices.append(event)

    config = Config(**{"threads": 1, **ALL, **options})
    with build_corpus(IterableSource(lines), config, observer=observe) as corpus:
        return lines_of(corpus.text), lines_of(corpus.held_out), notices


@pytest.mark.parametrize("number", [1, 2, 3, 5, 9])
@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("seed", range(6))
def test_few_lines_are_never_all_on_one_side(number, share, seed, monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 20)
    lines = [f"w{i} x y z v{i} u" for i in range(number)]
    results = [read(lines, validation=share, seed=seed, threads=threads) for threads in (1, 3)]
    assert results[0] == results[1]
    text, held_out, _ = results[0]
    assert text
    assert held_out
    assert sum(map(len, text + held_out)) == 6 * number
    assert len(text) + len(held_out) == max(number, 2)


@pytest.mark.parametrize(("number", "share"), [(300, 0.1), (40, 0.5), (2000, 0.01)])
def test_many_lines_are_held_out_by_draws_alone(number, share):
    lines = [f"w{i} x" for i in range(number)]
    everything, none, _ = read(lines)
    text, held_out, notices = read(lines, validation=share, seed=3)
    key, threshold = make_key(3, HELD_OUT_LINES), to_threshold(share)
    drawn = [bool(bernoulli(key, i, threshold)) for i in range(number)]
    assert held_out == [line for line, out in zip(everything, drawn, strict=True) if out]
    assert text == [line for line, out in zip(everything, drawn, strict=True) if not out]
    assert not none
    assert not notices


def test_lines_of_dropped_words_do_not_count():
    """All lines that are drawn may consist of out-of-vocabulary words."""
    lines = ["a b a b", "c", "d", "e"]
    for seed in range(8):
        text, held_out, _ = read(lines, validation=0.5, seed=seed, min_count=2)
        assert len(text) == len(held_out) == 1
        assert sum(map(len, text + held_out)) == 4


def test_the_end_of_a_long_line_is_held_out():
    words = [f"w{i % 700:03}" for i in range(50_000)]
    everything, _, _ = read([" ".join(words)])
    for seed in range(3):
        text, held_out, notices = read([" ".join(words)], validation=0.01, seed=seed)
        assert text == [everything[0][:49_500]]
        assert held_out == [everything[0][49_500:]]
        assert [(notice.message, notice.warning) for notice in notices] == [
            (
                (
                    "the text has one line, so its last 500 words are held out for validation, a "
                    "share of 0.01 (`validation=0.01`); split the text into lines to hold out "
                    "whole ones"
                ),
                False,
            )
        ]


@pytest.mark.parametrize(
    ("lines", "options", "message"),
    [
        (
            ["a b c"],
            {"validation": 0.5},
            (
                "nothing is held out for validation, because the text is one line of 3 words; "
                "use more text, or omit `validation`"
            ),
        ),
        (
            ["a b c d e f"],
            {"validation": 0.01},
            (
                "the text has one line, so its last 2 words are held out for validation, a share "
                "of 0.33 (`validation=0.01`); split the text into lines to hold out whole ones"
            ),
        ),
        (
            ["a b", "c d", "e f"],
            {"validation": 0.01},
            (
                "1 of 3 lines held out for validation, a share of 0.33 instead of "
                "`validation=0.01`; a text of more lines gives a closer share"
            ),
        ),
        (
            ["a b", "c " * 5000, "d " * 5000],
            {"validation": 0.01, "seed": 1},
            (
                "the text has only 3 lines, so the last 100 words of one are held out for "
                "validation, a share of 0.01 (`validation=0.01`); split the text into lines to "
                "hold out whole ones"
            ),
        ),
    ],
)
def test_a_share_that_cannot_be_had_is_noted(lines, options, message, caplog):
    _, _, notices = read(lines, **options)
    assert [notice.message for notice in notices] == [message]
    assert notices[0].warning == ("a share of 0.01 " not in message)
    with (
        caplog.at_level(logging.WARNING, "w2v"),
        build_corpus(IterableSource(lines), Config(**ALL, **options)),
    ):
        logged = [record.getMessage() for record in caplog.records]
        assert logged == [f"note: {message}"] * notices[0].warning


def test_a_draw_that_misses_the_share_is_noted():
    lines = [f"w{i} x" for i in range(20)]
    shares = {}
    for seed in range(40):
        _, held_out, notices = read(lines, validation=0.1, seed=seed)
        shares.setdefault(len(held_out), set()).add(bool(notices))
    assert shares[2] == shares[1] == shares[4] == {False}
    assert {number for number, noted in shares.items() if True in noted} == set(shares) - {
        1,
        2,
        3,
        4,
    }
    assert max(shares) > 4


def test_a_share_that_is_had_by_one_line_is_not_noted():
    for seed in range(8):
        text, held_out, notices = read(["a b", "c d"], validation=0.5, seed=seed)
        assert (len(text), len(held_out), notices) == (1, 1, [])


@pytest.mark.parametrize("validation", [0, 0.5])
def test_nothing_is_changed_without_need(validation, monkeypatch):
    monkeypatch.setattr(held_out_module, "_divide", lambda *arguments: pytest.fail("divided"))
    lines = [f"w{i} x" for i in range(100)]
    assert bool(read(lines, validation=validation)[1]) == bool(validation)


def test_a_line_that_does_not_exist_is_an_error(tmp_path):
    text = written(tmp_path / "text", [[1], [2, 3]], np.uint16)
    assert held_out_module._find_line(text, 1) == (2, 4)
    with pytest.raises(IndexError, match="the text has 2 lines, and no line 2"):
        held_out_module._find_line(text, 2)
