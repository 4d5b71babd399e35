"""Progress in Python: who sees bars, and what services find in the log."""

from __future__ import annotations

import io
import logging
import re
import subprocess
import sys
import time
import types

import numpy as np
import pytest

import w2v
from sample_events import ALL, CORPUS, EPOCH, READING, TRAINING
from support import LINES, TINY
from w2v import progress
from w2v.errors import ConfigError
from w2v.events import Compiling, Encoding, EpochDone, Event, LoggingObserver, Reading, ignore
from w2v.pipeline.encode_file import encode_file
from w2v.progress import reporting

META = {"tokenizer": {"name": "unicode", "lowercase": True}}


class Terminal(io.StringIO):
    """A stream that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch) -> Terminal:
    """Standard error as a terminal, on which bars appear at once."""
    stream = Terminal()
    replace_stderr(monkeypatch, stream)
    return stream


def replace_stderr(monkeypatch, stream) -> None:
    """Replace standard error of the module; that of `sys` belongs to pytest."""
    monkeypatch.setattr(progress, "_DELAY_SECONDS", 0.0)
    ours = types.SimpleNamespace(stderr=stream, stdout=stream, modules=sys.modules)
    monkeypatch.setattr(progress, "sys", ours)


@pytest.fixture
def model() -> w2v.Embeddings:
    return w2v.Embeddings(["the", "dog"], np.eye(2, dtype=np.float32), meta=META)


def train(model, path, **arguments):
    w2v.train(LINES, **TINY, **arguments)


def resume(model, path, **arguments):
    (path / "text.txt").write_text("\n".join(LINES))
    w2v.train(path / "text.txt", output=path / "m", **TINY, progress=False)
    w2v.resume(path / "m", epochs=3, **arguments)


def read_corpus(model, path, **arguments):
    w2v.read_corpus(LINES, min_count=1, **arguments).close()


def inspect(model, path, **arguments):
    w2v.inspect(LINES, min_count=1, **arguments)


def encode_a_file(model, path, **arguments):
    (path / "texts").write_text("\n".join(LINES))
    encode_file(model, path / "texts", path / "ids.npy", **arguments)


REPORTING = [train, resume, read_corpus, inspect, encode_a_file]
"""The functions that have both arguments, `observer` and `progress`."""


@pytest.mark.parametrize("call", REPORTING)
def test_a_terminal_shows_bars_by_default(call, model, terminal, tmp_path):
    call(model, tmp_path)
    assert "reading: " in terminal.getvalue() or "training: " in terminal.getvalue()


@pytest.mark.parametrize("call", REPORTING)
def test_an_observer_takes_the_place_of_the_bars(call, model, terminal, tmp_path):
    events: list[Event] = []
    call(model, tmp_path, observer=events.append)
    assert terminal.getvalue() == ""
    assert events


@pytest.mark.parametrize("call", REPORTING)
def test_an_observer_and_bars_may_be_combined(call, model, terminal, tmp_path):
    events: list[Event] = []
    call(model, tmp_path, observer=events.append, progress=True)
    assert terminal.getvalue() != ""
    assert events


@pytest.mark.parametrize("call", REPORTING)
def test_bars_can_be_turned_off(call, model, terminal, tmp_path):
    call(model, tmp_path, progress=False)
    assert terminal.getvalue() == ""


@pytest.mark.parametrize("call", REPORTING)
def test_services_see_no_bars(call, model, tmp_path, monkeypatch):
    stream = io.StringIO()
    replace_stderr(monkeypatch, stream)
    call(model, tmp_path)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("call", REPORTING)
def test_events_are_logged(call, model, tmp_path, caplog):
    with caplog.at_level(logging.DEBUG, logger="w2v"):
        call(model, tmp_path)
    assert {record.name for record in caplog.records} == {"w2v"}
    assert all(isinstance(record.event, Event) for record in caplog.records)
    assert caplog.records


@pytest.mark.parametrize("call", REPORTING)
@pytest.mark.parametrize("wrong", ["yes", 1, 0.0])
def test_progress_is_checked(call, wrong, model, tmp_path):
    with pytest.raises(ConfigError, match="progress must be True or False, got"):
        call(model, tmp_path, progress=wrong)


def test_stages_and_epochs_are_logged_as_information(caplog):
    with caplog.at_level(logging.INFO, logger="w2v"):
        w2v.train(LINES, **TINY)
    stages = [record.event.stage for record in caplog.records]
    assert stages == ["corpus", "plan", "epoch", "epoch", "usage"]
    assert {record.levelno for record in caplog.records} == {logging.INFO}


def test_notes_about_the_data_are_warnings(caplog):
    with caplog.at_level(logging.WARNING, logger="w2v"):
        w2v.train(LINES, vocab=["dog", "the", "unicorn"], **TINY)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "lacks 1 word of the given vocabulary" in record.getMessage()


def test_warnings_reach_a_program_that_does_not_configure_logging():
    program = (
        "import w2v; w2v.train(['the dog'] * 9, vocab=['the', 'dog', 'unicorn'], dim=2, epochs=1,"
        " min_count=1, sample=0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120
    )
    assert "unicorn" not in done.stdout
    assert done.stderr.count("lacks 1 word of the given vocabulary") == 1


def test_a_logging_observer_does_not_log_twice(caplog):
    with caplog.at_level(logging.INFO, logger="w2v"), reporting(LoggingObserver()) as observer:
        observer(EPOCH)
    assert [record.event for record in caplog.records] == [EPOCH]


def test_a_logging_observer_of_another_logger_replaces_ours(caplog):
    observer = LoggingObserver(logging.getLogger("service"))
    with caplog.at_level(logging.INFO), reporting(observer) as observe:
        observe(EPOCH)
    assert [record.name for record in caplog.records] == ["service"]


def test_a_notebook_shows_bars(monkeypatch):
    shell = types.SimpleNamespace(config={"IPKernelApp": {}})
    python = types.SimpleNamespace(get_ipython=lambda: shell)
    replace_stderr(monkeypatch, io.StringIO())
    assert not progress.is_watched()
    monkeypatch.setitem(sys.modules, "IPython", python)
    assert progress.is_watched()
    shell.config = {"TerminalIPythonApp": {}}
    assert not progress.is_watched()


@pytest.mark.parametrize("stream", [None, "closed"])
def test_progress_needs_no_stderr(stream, monkeypatch):
    closed = io.StringIO()
    closed.close()
    replace_stderr(monkeypatch, None if stream is None else closed)
    assert not progress.is_watched()
    with reporting(progress=True) as observer:
        for event in ALL:
            observer(event)


def test_a_stream_that_breaks_ends_the_bars_and_not_the_job(terminal, monkeypatch):
    shown = []

    def fail(text: str) -> int:
        shown.append(text)
        raise BrokenPipeError

    monkeypatch.setattr(terminal, "write", fail)
    with reporting(progress=True) as observer:
        for event in [READING, TRAINING, EPOCH] * 3:
            observer(event)
    assert len(shown) == 1


def test_short_jobs_show_nothing(terminal, monkeypatch):
    monkeypatch.setattr(progress, "_DELAY_SECONDS", 60.0)
    w2v.train(LINES, **TINY)
    assert terminal.getvalue() == ""


def test_bars_remain_and_other_events_are_not_shown(terminal):
    with reporting() as observer:
        for event in (READING, CORPUS, TRAINING, EPOCH):
            observer(event)
    screen = re.sub(r"[^\n]*\r", "", terminal.getvalue()).splitlines()
    assert [line.partition(":")[0].strip() for line in screen if line.strip()] == [
        "reading",
        "training",
    ]


def test_log_records_on_the_same_terminal_begin_on_a_line_of_their_own(terminal):
    handler = logging.StreamHandler(terminal)
    logger = logging.getLogger("w2v")
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        with reporting() as observer:
            for event in (READING, CORPUS, TRAINING, EPOCH, TRAINING):
                observer(event)
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    lines = screen(terminal)
    assert [line for line in lines if line.startswith("epoch 2/5")] == [str(EPOCH)]
    assert len([line for line in lines if line.startswith("corpus: ")]) == 1
    assert sum(line.startswith("training: ") for line in lines) == 1


def screen(terminal: Terminal) -> list[str]:
    """Return the lines that a terminal shows; a carriage return overwrites a line."""
    lines = []
    for line in terminal.getvalue().split("\n"):
        shown = ""
        for part in line.split("\r"):
            shown = part + shown[len(part) :]
        lines.append(shown.rstrip())
    return lines


def test_compilation_is_explained(terminal):
    with reporting() as observer:
        observer(Compiling("cache"))
    assert terminal.getvalue() == f"{Compiling('cache')}\n"


@pytest.mark.parametrize("method", ["encode", "tokenize"])
def test_the_compilation_for_texts_is_reported(method, model, monkeypatch, caplog):
    monkeypatch.setattr("w2v.text.compiling._REPORT_SECONDS", 0.0)
    monkeypatch.setattr("w2v.compute.compiler_thread.run", run_slowly)
    with caplog.at_level(logging.INFO, logger="w2v"):
        getattr(model, method)("the dog")
        getattr(model, method)("the dog")
    assert [record.event.stage for record in caplog.records] == ["compiling"]


def run_slowly(work, *, delay, on_delay):
    on_delay()
    work()


def test_encoding_many_texts_is_reported(model, monkeypatch, caplog):
    monkeypatch.setattr("w2v.embeddings.encoder._REPORT_SECONDS", 0.0)
    with caplog.at_level(logging.DEBUG, logger="w2v"):
        model.encode(["the dog", ["dog"], "a dog barks"])
        model.encode(text for text in ["the dog"])
    events = [record.event for record in caplog.records]
    assert [(e.done_texts, e.total_texts, e.words) for e in events] == [
        (1, 3, 2),
        (2, 3, 3),
        (3, 3, 6),
        (1, None, 2),
    ]
    assert all(isinstance(event, Encoding) for event in events)


def test_the_report_of_encoding_is_complete_at_the_end(model, monkeypatch, caplog):
    times = iter([0.0, 0.05, 0.15, 0.2, 0.25])  # the start, three texts, the end
    clock = types.SimpleNamespace(perf_counter=lambda: next(times))
    monkeypatch.setattr("w2v.embeddings.encoder.time", clock)
    with caplog.at_level(logging.DEBUG, logger="w2v"):
        model.encode([["the"]] * 3)
    assert [record.event.done_texts for record in caplog.records] == [2, 3]
    times = iter([0.0, 0.01, 0.02])
    with caplog.at_level(logging.DEBUG, logger="w2v"):
        model.encode([["the"]] * 2)
    assert len(caplog.records) == 2


def test_encoding_many_texts_shows_a_bar(model, terminal, monkeypatch):
    monkeypatch.setattr("w2v.embeddings.encoder._REPORT_SECONDS", 0.0)
    model.encode(["the dog"] * 5)
    assert "encoding: " in terminal.getvalue()
    shown = len(terminal.getvalue())
    model.encode(["the dog"] * 5, progress=False)
    assert len(terminal.getvalue()) == shown


def test_the_progress_of_encode_is_checked(model):
    with pytest.raises(ConfigError, match="progress must be True or False, got 'no'"):
        model.encode("the dog", progress="no")


def test_encoding_a_file_reports_bytes_and_words(model, tmp_path):
    events: list[Event] = []
    (tmp_path / "texts").write_text("the dog\nthe cat\n")
    encode_file(model, tmp_path / "texts", tmp_path / "ids.npy", observer=events.append)
    (event,) = (e for e in events if isinstance(e, Reading))
    assert (event.done_bytes, event.total_bytes, event.text_bytes, event.tokens) == (16, 16, 16, 4)


def test_an_observer_that_fails_ends_the_job():
    def fail(event: Event) -> None:
        if isinstance(event, EpochDone):
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        w2v.train(LINES, observer=fail, **TINY)


def test_without_listeners_reports_cost_little():
    with reporting(ignore, progress=False) as observer:
        started = time.perf_counter()
        for _ in range(1_000):
            observer(TRAINING)
        assert time.perf_counter() - started < 0.5  # half a millisecond each
