"""Reports as bars, as lines and as JSON."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import time

import pytest

from w2v.cli import progress
from w2v.cli.progress import Bars, JsonLines, Lines, describe, every
from w2v.events import (
    Compiling,
    CorpusRead,
    EpochDone,
    Event,
    Reading,
    Resumed,
    Saved,
    Training,
    WarmStarted,
    ignore,
)

READING = Reading(
    done_bytes=5_000_000, total_bytes=10_000_000, text_bytes=20_000_000, tokens=4321, seconds=0.5
)
CORPUS = CorpusRead(
    files=1,
    text_bytes=10_000,
    lines=31_102,
    tokens=789_684,
    types=12_762,
    vocabulary=5_323,
    kept_tokens=776_586,
    coverage=0.98341,
    dropped_rare=0,
    dropped_beyond_size=0,
    dropped_unlisted=0,
    dropped_too_long=0,
    invalid_bytes=0,
    unseen_words=0,
    seconds=0.1,
)
TRAINING = Training(
    epoch=2,
    epochs=5,
    done_words=1_500_000,
    total_words=5_000_000,
    words_per_second=2_500_000.0,
    loss=2.34567,
    lr=0.0351,
    seconds=0.6,
    seconds_left=1.4,
)
EPOCH = EpochDone(
    epoch=2,
    epochs=5,
    loss=2.5,
    validation_loss=None,
    centers=250_000,
    pairs=946_942,
    words=1_000_000,
    lr=0.03,
    seconds=0.25,
)
TIMINGS = {
    "compiling": 0.26,
    "reading": 0.6,
    "training": 12.34,
    "stages": {"input": 0.05, "tokenizing": 0.45, "hashing": 0.4, "ranking": 0.1},
    "writing": 0.12,
}
SAVED = Saved(
    path="kjv.w2v",
    words=5323,
    dim=128,
    words_per_second=5_740_000.0,
    seconds=1.54,
    timings=TIMINGS,
)
GOES_ON = Resumed(epoch=4, epochs=5, share=0.375)
BEGINS_WITH = WarmStarted(path="old.w2v", epochs=0, contexts=True, frozen=False)
ALL = [Compiling(), BEGINS_WITH, READING, CORPUS, GOES_ON, TRAINING, EPOCH, SAVED]

CORPUS_LINE = (
    "789,684 words in 31,102 lines, 12,762 different ones; "
    "5,323 kept, which cover 98.34 % of the text"
)


def test_shares_are_of_all_that_threads_did_in_reading():
    timings = {**TIMINGS, "stages": {"input": 1.0, "hashing": 3.0}}
    *_, line = describe(dataclasses.replace(SAVED, timings=timings))
    assert "reading 0.6 s (input 25 %, hashing 75 %)" in line


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and what was left on the screen in the end."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """Lines as a terminal shows them: a carriage return begins the line anew."""
        lines = []
        for line in self.getvalue().split("\n"):
            shown = ""
            for part in line.split("\r"):
                shown = part + shown[len(part) :]
            if shown.strip():
                lines.append(shown.rstrip())
        return lines


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def no_wait(monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_JSON_SECONDS", 0.0)


@pytest.fixture
def long_wait(monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 1e9)
    monkeypatch.setattr(progress, "_JSON_SECONDS", 1e9)


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (Compiling(), ["compiling the kernels; this takes some seconds, the first time only"]),
        (READING, ["reading: 5,000,000 of 10,000,000 bytes, 4,321 words, 40 MB/s"]),
        (
            dataclasses.replace(READING, total_bytes=None),
            ["reading: 5,000,000 bytes, 4,321 words, 40 MB/s"],
        ),
        (CORPUS, [CORPUS_LINE]),
        (
            dataclasses.replace(CORPUS, dropped_rare=13_098, dropped_too_long=2),
            [CORPUS_LINE, "dropped: 13,098 too rare, 2 too long"],
        ),
        (
            dataclasses.replace(CORPUS, dropped_beyond_size=1, dropped_unlisted=2),
            [
                CORPUS_LINE,
                "dropped: 1 beyond the vocabulary's size, 2 not in the given vocabulary",
            ],
        ),
        (
            dataclasses.replace(CORPUS, unseen_words=1234, invalid_bytes=5678),
            [
                CORPUS_LINE,
                "note: 1,234 words of the given vocabulary do not occur; their vectors stay random",
                "note: 5,678 bytes are not UTF-8; they were taken as separators",
            ],
        ),
        (
            TRAINING,
            ["training: 30 %, epoch 2/5, 2.50 million words/s, loss 2.3457, lr 0.0351, 1 s left"],
        ),
        (
            dataclasses.replace(TRAINING, done_words=0, loss=None, seconds_left=None),
            ["training: 0 %, epoch 2/5, 2.50 million words/s, loss -, lr 0.0351"],
        ),
        (EPOCH, ["epoch 2/5: loss 2.5000, 946,942 pairs, 4.00 million words/s, 0.2 s"]),
        (
            dataclasses.replace(EPOCH, loss=None, validation_loss=2.71828),
            ["epoch 2/5: loss -, held out 2.7183, 946,942 pairs, 4.00 million words/s, 0.2 s"],
        ),
        (
            SAVED,
            [
                "kjv.w2v: 5,323 words x 128, 5.74 million words/s, 1.5 s in all",
                (
                    "where the time went: compiling 0.3 s, reading 0.6 s (input 5 %, tokenizing"
                    " 45 %, hashing 40 %, ranking 10 %), training 12.3 s, writing 0.1 s"
                ),
            ],
        ),
        (GOES_ON, ["going on in epoch 4/5, 38 % of which was done"]),
        (BEGINS_WITH, ["beginning with old.w2v"]),
        (
            dataclasses.replace(BEGINS_WITH, contexts=False, frozen=True),
            [
                (
                    "beginning with old.w2v; it has no context vectors, so these begin at zero; "
                    "its vectors stay as they are"
                )
            ],
        ),
        (
            dataclasses.replace(BEGINS_WITH, epochs=3, frozen=True),
            ["going on with old.w2v after epoch 3"],
        ),
        (
            dataclasses.replace(CORPUS, old_words=5_000, left_out_words=12, unseen_words=1_000),
            [
                CORPUS_LINE,
                (
                    "of 5,000 old words 4,000 occur; the vectors of the others stay as they are; "
                    "323 new words come behind them"
                ),
                (
                    "note: 12 new words were left out, for there are 5,323 already; "
                    "a greater --vocab-size would take more"
                ),
            ],
        ),
        (Event(), []),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_a_report_in_words(event, lines):
    assert describe(event) == lines


def test_every_kind_of_report_has_words_and_a_stage_of_its_own():
    kinds = Event.__subclasses__()
    assert {type(event) for event in ALL} == set(kinds)
    assert len({kind.stage for kind in kinds}) == len(kinds)
    assert all(describe(event) for event in ALL)


@pytest.mark.parametrize(
    "event",
    [
        dataclasses.replace(READING, total_bytes=0, done_bytes=0, seconds=0.0),
        dataclasses.replace(TRAINING, total_words=0, done_words=0, words_per_second=0.0),
        dataclasses.replace(EPOCH, words=0, pairs=0, seconds=0.0),
    ],
)
def test_nothing_is_divided_by_zero(event, terminal):
    assert len(describe(event)) == 1
    bars = Bars(terminal)
    bars(event)
    bars.close()


def test_bars_say_how_far_reading_is(terminal):
    bars = Bars(terminal)
    bars(dataclasses.replace(READING, done_bytes=0))
    time.sleep(0.11)  # tqdm draws ten times a second
    bars(READING)
    assert re.search(r"reading: +50%.*5\.00M/10\.0M", terminal.screen()[-1])
    bars.close()


def test_bars_do_not_need_to_know_the_length(terminal):
    bars = Bars(terminal)
    bars(dataclasses.replace(READING, total_bytes=None, done_bytes=0))
    time.sleep(0.11)
    bars(dataclasses.replace(READING, total_bytes=None))
    assert re.search(r"reading: 5\.00MB \[", terminal.screen()[-1])
    bars.close()


def test_bars_say_how_training_goes(terminal):
    bars = Bars(terminal)
    bars(dataclasses.replace(TRAINING, done_words=0))
    time.sleep(0.11)
    bars(TRAINING)
    shown = terminal.screen()[-1]
    assert re.search(r"training: +30%.*1\.50M/5\.00M.* words/s", shown)
    assert "epoch 2/5, loss 2.3457, lr 0.0351" in shown
    bars.close()


def test_bars_go_and_lines_stay(terminal):
    bars = Bars(terminal)
    for event in ALL:
        bars(event)
    bars.close()
    expected = [
        line for event in ALL if event not in (READING, TRAINING) for line in describe(event)
    ]
    assert terminal.screen() == expected


def test_the_end_of_an_epoch_leaves_the_bar(terminal):
    bars = Bars(terminal)
    bars(TRAINING)
    bars(EPOCH)
    assert describe(EPOCH)[0] in terminal.screen()
    assert terminal.screen()[-1].startswith("training: ")
    bars.close()
    assert terminal.screen() == describe(EPOCH)


def test_one_bar_follows_another(terminal):
    bars = Bars(terminal)
    bars(READING)
    bars(TRAINING)
    assert [line.partition(":")[0] for line in terminal.screen()] == ["training"]
    bars.close()
    assert terminal.screen() == []


def test_bars_close_twice_and_without_a_bar(terminal):
    bars = Bars(terminal)
    bars.close()
    bars.close()
    assert terminal.getvalue() == ""


def test_lines_hold_back_what_comes_often(long_wait):
    stream = io.StringIO()
    lines = Lines(stream)
    for event in ALL:
        lines(event)
    lines.close()
    expected = [
        line for event in ALL if event not in (READING, TRAINING) for line in describe(event)
    ]
    assert stream.getvalue().splitlines() == expected


def test_lines_show_everything_in_time(no_wait):
    stream = io.StringIO()
    lines = Lines(stream)
    for event in ALL:
        lines(event)
    assert stream.getvalue().splitlines() == [line for event in ALL for line in describe(event)]


def test_lines_come_now_and_then(monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.05)
    stream = io.StringIO()
    lines = Lines(stream)
    lines(TRAINING)
    time.sleep(0.06)
    lines(TRAINING)
    lines(TRAINING)
    assert stream.getvalue().splitlines() == describe(TRAINING)


def test_json_lines_hold_every_field(no_wait):
    stream = io.StringIO()
    json_lines = JsonLines(stream)
    for event in ALL:
        json_lines(event)
    objects = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [entry["stage"] for entry in objects] == [event.stage for event in ALL]
    for event, entry in zip(ALL, objects, strict=True):
        assert abs(entry.pop("time") - time.time()) < 60
        assert entry == {"stage": event.stage, **dataclasses.asdict(event)}


def test_json_lines_show_the_first_of_what_comes_often(long_wait):
    stream = io.StringIO()
    json_lines = JsonLines(stream)
    for event in [READING, READING, TRAINING, TRAINING, EPOCH, EPOCH]:
        json_lines(event)
    stages = [json.loads(line)["stage"] for line in stream.getvalue().splitlines()]
    assert stages == ["reading", "training", "epoch", "epoch"]


def test_json_lines_are_whole_at_once(no_wait, tmp_path):
    with (tmp_path / "log").open("w") as stream:
        JsonLines(stream)(SAVED)
        assert json.loads((tmp_path / "log").read_text())["path"] == "kjv.w2v"


def test_every_observer_hears_of_everything():
    first: list[Event] = []
    second: list[Event] = []
    observe = every([first.append, second.append, ignore])
    for event in ALL:
        observe(event)
    assert first == second == ALL
