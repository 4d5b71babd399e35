"""Progress as bars, as lines and as JSON."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import sys
import time
import types
from pathlib import Path

import click
import pytest

from sample_events import ALL, CORPUS, EPOCH, NOTICE, READING, SAVED, TRAINING, WORKERS
from w2v.cli import main as cli
from w2v.cli import progress
from w2v.cli.progress import Bars, JsonLines, Lines, Warnings, observing
from w2v.events import (
    FREQUENT,
    Compiling,
    Event,
    Notice,
)


def describe(event: Event) -> list[str]:
    return str(event).splitlines()


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True

    def screen(self) -> list[str]:
        """Return the lines that a terminal would show; a carriage return overwrites a line."""
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
def no_interval(monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.0)
    monkeypatch.setattr(progress, "_JSON_SECONDS", 0.0)


@pytest.fixture
def long_interval(monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 1e9)
    monkeypatch.setattr(progress, "_JSON_SECONDS", 1e9)


@pytest.mark.parametrize(
    "event",
    [
        dataclasses.replace(READING, total_bytes=0, done_bytes=0, seconds=0.0),
        dataclasses.replace(TRAINING, total_words=0, done_words=0, words_per_second=0.0),
        dataclasses.replace(EPOCH, words=0, pairs=0, seconds=0.0),
    ],
)
def test_bars_never_divide_by_zero(event, terminal):
    bars = Bars(terminal)
    bars(event)
    bars.close()


def test_bars_show_reading(terminal):
    bars = Bars(terminal)
    bars(dataclasses.replace(READING, done_bytes=0))
    time.sleep(0.11)  # tqdm draws ten times a second
    bars(READING)
    assert re.search(r"reading: +50%.*5\.00M/10\.0M", terminal.screen()[-1])
    bars.close()


def test_bars_work_without_a_total(terminal):
    bars = Bars(terminal)
    bars(dataclasses.replace(READING, total_bytes=None, done_bytes=0))
    time.sleep(0.11)
    bars(dataclasses.replace(READING, total_bytes=None))
    assert re.search(r"reading: 5\.00MB \[", terminal.screen()[-1])
    bars.close()


def test_bars_show_training(terminal):
    bars = Bars(terminal)
    bars(dataclasses.replace(TRAINING, done_words=0))
    time.sleep(0.11)
    bars(TRAINING)
    shown = terminal.screen()[-1]
    assert re.search(r"training: +30%.*1\.50M/5\.00M.* words/s", shown)
    assert "epoch 2/5, loss 2.3457, lr 0.0351" in shown
    bars.close()


def test_bars_disappear_and_lines_remain(terminal):
    bars = Bars(terminal)
    for event in ALL:
        bars(event)
    bars.close()
    expected = [
        line for event in ALL if not isinstance(event, FREQUENT) for line in describe(event)
    ]
    assert terminal.screen() == expected


def test_the_bar_is_drawn_again_after_an_epoch(terminal):
    bars = Bars(terminal)
    bars(TRAINING)
    bars(EPOCH)
    assert describe(EPOCH)[0] in terminal.screen()
    assert terminal.screen()[-1].startswith("training: ")
    bars.close()
    assert terminal.screen() == describe(EPOCH)


def test_one_bar_replaces_another(terminal):
    bars = Bars(terminal)
    bars(READING)
    bars(TRAINING)
    assert [line.partition(":")[0] for line in terminal.screen()] == ["training"]
    bars.close()
    assert terminal.screen() == []


def test_bars_can_be_closed_twice_without_a_bar(terminal):
    bars = Bars(terminal)
    bars.close()
    bars.close()
    assert terminal.getvalue() == ""


def test_lines_limit_frequent_events(long_interval):
    stream = io.StringIO()
    lines = Lines(stream)
    for event in ALL:
        lines(event)
    lines.close()
    expected = [
        line for event in ALL if not isinstance(event, FREQUENT) for line in describe(event)
    ]
    assert stream.getvalue().splitlines() == expected


def test_lines_show_all_events_without_a_limit(no_interval):
    stream = io.StringIO()
    lines = Lines(stream)
    for event in ALL:
        lines(event)
    assert stream.getvalue().splitlines() == [line for event in ALL for line in describe(event)]


def test_lines_show_frequent_events_at_intervals(monkeypatch):
    monkeypatch.setattr(progress, "_LINE_SECONDS", 0.05)
    stream = io.StringIO()
    lines = Lines(stream)
    lines(TRAINING)
    time.sleep(0.06)
    lines(TRAINING)
    lines(TRAINING)
    assert stream.getvalue().splitlines() == describe(TRAINING)


def write_json(path: Path, *events: Event) -> list[dict[str, object]]:
    with JsonLines(str(path)) as json_lines:
        for event in events:
            json_lines(event)
    return [json.loads(line) for line in path.read_text().splitlines()]


def plain(values):
    """The values as JSON has them, with lists for tuples."""
    return json.loads(json.dumps(values))


def test_json_lines_contain_every_field(no_interval, tmp_path):
    objects = write_json(tmp_path / "log", *ALL)
    assert [entry["stage"] for entry in objects] == [event.stage for event in ALL]
    for event, entry in zip(ALL, objects, strict=True):
        assert abs(entry.pop("time") - time.time()) < 60
        assert entry == plain({"stage": event.stage, **dataclasses.asdict(event)})


def test_details_are_shown_on_request(no_interval, monkeypatch, tmp_path):
    lines = str(WORKERS).splitlines()
    for options, expected in (({}, []), ({"verbose": True}, lines), ({"quiet": True}, [])):
        stream = io.StringIO()
        monkeypatch.setattr(progress, "sys", types.SimpleNamespace(stderr=stream))
        log = tmp_path / "log"
        with progress.observing(**{"quiet": False, **options}, log_json=str(log)) as observer:
            observer(WORKERS)
        assert stream.getvalue().splitlines() == expected
        (entry,) = map(json.loads, log.read_text().splitlines())
        assert entry["workers"][0]["words_per_second"] == 50_250_000.0


def test_workers_are_shown_above_the_bar(terminal):
    bars = Bars(terminal)
    bars(TRAINING)
    bar = bars._bar
    bars(WORKERS)
    assert bars._bar is bar
    assert str(WORKERS).splitlines()[0] in terminal.screen()


def test_json_lines_limit_frequent_events(long_interval, tmp_path):
    objects = write_json(tmp_path / "log", READING, READING, TRAINING, TRAINING, EPOCH, EPOCH)
    assert [entry["stage"] for entry in objects] == ["reading", "training", "epoch", "epoch"]


def test_json_lines_are_flushed(tmp_path):
    with JsonLines(str(tmp_path / "log")) as json_lines:
        json_lines(SAVED)
        assert json.loads((tmp_path / "log").read_text())["path"] == "kjv.w2v"


def test_json_lines_replace_a_file_at_the_first_event(tmp_path):
    path = tmp_path / "log"
    path.write_text("earlier\n")
    with JsonLines(str(path)) as json_lines:
        assert path.read_text() == "earlier\n"
        json_lines(SAVED)
        json_lines(SAVED)
    assert path.read_text().count("\n") == 2


def test_quiet_shows_notes_and_nothing_else():
    stream = io.StringIO()
    notes = Warnings(stream)
    for event in [*ALL, dataclasses.replace(CORPUS, unseen_words=3)]:
        notes(event)
    notes.close()
    assert stream.getvalue().splitlines() == [
        "note: a.txt is odd; omit `vocab_size=5`",
        "note: the corpus lacks 3 words of the given vocabulary; their vectors stay random",
    ]


def test_a_terminal_shows_bars(monkeypatch):
    streams = []
    monkeypatch.setattr("w2v.cli.progress.Bars", lambda stream: streams.append(stream) or Silent())
    monkeypatch.setattr("w2v.cli.progress.Lines", lambda stream: pytest.fail("lines on a terminal"))
    with observing(quiet=True):
        assert streams == []
    monkeypatch.setattr(sys, "stderr", Terminal())
    with observing(quiet=False):
        assert streams == [sys.stderr]


class Silent:
    def __call__(self, event: object) -> None:
        del event

    def close(self) -> None:
        pass


def test_progress_needs_no_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with observing(quiet=False) as observer:
        observer(Compiling())


def test_quiet_shows_only_notices_that_are_warnings(monkeypatch):
    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    with observing(quiet=True) as observer:
        for event in [*ALL, Notice("for information", warning=False)]:
            observer(event)
    assert stderr.getvalue().splitlines() == describe(NOTICE)


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("terminal", [False, True])
def test_notices_spell_options_as_flags(terminal, quiet, monkeypatch):
    stderr = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stderr)
    program = cli.main
    with (
        click.Context(program) as parent,
        click.Context(program.commands["train"], parent=parent),
        observing(quiet=quiet) as observer,
    ):
        observer(NOTICE)
    assert stderr.getvalue() == "note: a.txt is odd; omit --vocab-size 5\n"
