"""Exit codes, signals and streams."""

from __future__ import annotations

import fcntl
import logging
import os
import pty
import shlex
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
import pytest

import w2v
from commands import ALL_WORDS, START, TINY, error, ok, report_lines, run
from support import KJV, WORDS, compiled_only, content, names
from w2v.cli import process as cli_process
from w2v.events import Notice, Observer
from w2v.pipeline import train as job
from w2v.pipeline import warmup
from w2v.progress import reporting


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        (["train", "text.txt"], "lower --dim or --vocab-size, or "),
        (["vocab", "text.txt"], "lower --vocab-size, or "),
        (["encode", "hand.w2v", "text.txt", "-o", "ids.npy"], "lower --length, or "),
        (["similar", "hand.w2v", "king"], ""),
        (["export", "hand.w2v", "-o", "v.txt"], "read fewer words with --limit, or "),
        (["info", "hand.w2v"], ""),
    ],
)
def test_memory_errors_suggest_options_of_the_command(arguments, options, model, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(job, "train", fail)
    monkeypatch.setattr("w2v.pipeline.read.read_vocabulary", fail)
    monkeypatch.setattr("w2v.formats.registry.read", fail)
    remedy = "free some memory, or use a machine with more"
    assert error(*arguments) == f"out of memory; {options}{remedy}"


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        (KeyboardInterrupt, 130, "interrupted"),
        (cli_process.Terminated(143), 143, "terminated"),
        (cli_process.Terminated(129), 129, "hung up"),
    ],
)
def test_interrupts_have_their_own_exit_codes(kind, code, message, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise kind

    monkeypatch.setattr(job, "train", interrupt)
    result = run("train", "text.txt")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"{message}\n")


@pytest.mark.parametrize("options", [[], ["--quiet"]])
def test_warnings_of_the_library_are_shown_once(options, monkeypatch):
    logger = logging.getLogger("w2v")

    def warn(*_: object, observer: Observer, **__: object) -> None:
        logger.warning("a file was\nskipped; see `min_count=1`")
        logger.info("a detail")
        with reporting(observer) as report:
            report(Notice("look at the input"))

    monkeypatch.setattr(job, "train", warn)
    result = run("train", "text.txt", *options)
    assert result.stderr.splitlines() == [
        "note: a file was skipped; see --min-count 1",
        "note: look at the input",
    ]
    assert logger.handlers == []


@pytest.mark.slow
def test_a_closed_pipe_ends_a_command_quietly():
    text = " ".join(f"w{i}" for i in range(20_000))  # exceeds the buffer of a pipe
    Path("many.txt").write_text(text)
    command = f"{sys.executable} -m w2v vocab many.txt --min-count 1 --vocab-size 20000 | head -1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "0\tw0\t1\n"
    assert report_lines(done.stderr)[-2].startswith("corpus: 20,000 words in 1 line,")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["vocab", "similar"])
def test_an_output_that_cannot_be_written_is_an_error(command, model):
    arguments = {"vocab": ["text.txt", "-q", *ALL_WORDS], "similar": [model, "king"]}[command]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "w2v", command, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_is_utf8_whatever_the_locale(encoding):
    w2v.Embeddings(["λόγος", "naïve"], np.ones((2, 2), np.float32)).save("m")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "w2v", "similar", "m", "λόγος"]
    done = subprocess.run(command, capture_output=True, check=True, env=environment, timeout=60)
    assert done.stdout.decode() == "λόγος\tnaïve\t1.0000\n"


STAGES = {
    "reading": [str(KJV)] * 80,
    "training": [str(KJV), "--epochs", "1000"],
    "compiling": [str(KJV)],
    "waiting": ["-"],
}


def stage_check(stage: str) -> Callable[[], bool]:
    """Return a function that returns whether a run with a log has reached a stage."""
    if stage == "waiting":  # no event reports waiting for stdin; compilation takes less time
        return lambda: Path("log").exists() and not time.sleep(2.5)
    return lambda: Path("log").exists() and f'"stage": "{stage}"' in Path("log").read_text()


@pytest.mark.slow
@compiled_only
@pytest.mark.parametrize(
    ("stage", "sent", "code", "message"),
    [
        ("reading", signal.SIGINT, 130, "interrupted"),
        ("training", signal.SIGINT, 130, "interrupted"),
        ("compiling", signal.SIGINT, 130, "interrupted"),
        ("waiting", signal.SIGINT, 130, "interrupted"),
        ("training", signal.SIGTERM, 143, "terminated"),
        pytest.param("compiling", signal.SIGTERM, 143, "terminated", marks=pytest.mark.exhaustive),
        ("training", signal.SIGHUP, 129, "hung up"),
    ],
)
def test_signals_end_a_run_and_leave_only_the_checkpoint(stage, sent, code, message, directory):
    for name in ("work", "cache"):
        Path(name).mkdir()
    ok("train", "text.txt", "-o", "m", *TINY)
    before = content("m")
    environment = dict(os.environ)
    if stage == "compiling":
        environment["NUMBA_CACHE_DIR"] = str(directory / "cache")
    work_dir = [] if stage == "training" else ["--work-dir", "work"]
    command = [sys.executable, "-c", START, "train", *STAGES[stage], "-o", "m", "--overwrite"]
    command += [*work_dir, "--log-json", "log"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            is_reached = stage_check(stage)
            deadline = time.monotonic() + 30
            while not is_reached():
                assert running.poll() is None, running.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            running.send_signal(sent)
            assert running.wait(timeout=10) == code  # long before compiling or training would end
            lines = running.stderr.read().splitlines()
        finally:
            running.kill()
    assert lines[-1] == message
    assert "Traceback" not in "".join(lines)
    assert content("m") == before
    saved = []
    if stage == "training":
        assert lines[-2] == "resume with: w2v train --resume m"
        saved = ["m.checkpoint"]
    assert names() == sorted(["cache", "log", "m", *saved, "text.txt", "tmp", "work"])
    assert names("work") == []


@pytest.mark.slow
@compiled_only
@pytest.mark.parametrize("ignored", [False, True])
def test_a_closed_terminal_ends_a_run_unless_sighup_is_ignored(ignored, directory):
    keyboard, terminal = pty.openpty()

    def set_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        if ignored:  # as nohup does
            signal.signal(signal.SIGHUP, signal.SIG_IGN)

    command = [sys.executable, "-c", START, "train", *STAGES["training"], "-o", "m"]
    command += ["--log-json", "log"]
    running = subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.DEVNULL if ignored else terminal,
        start_new_session=True,
        preexec_fn=set_terminal,
    )
    try:
        os.close(terminal)
        is_reached = stage_check("training")
        deadline = time.monotonic() + 30
        while not is_reached():
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.close(keyboard)
        if ignored:
            with pytest.raises(subprocess.TimeoutExpired):
                running.wait(timeout=0.5)
        else:
            assert running.wait(timeout=10) == 129
            assert Path("m.checkpoint/state").exists()
    finally:
        running.kill()
        running.wait()


@pytest.mark.parametrize("code", [130, 143])
def test_a_signal_during_compilation_needs_no_streams(code, monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(cli_process, "is_compiling", lambda: True)
    with pytest.raises(click.exceptions.Exit):
        cli_process._stop(code, "stopped")
    assert ended == [code]


@pytest.mark.parametrize("command", ["vocab", "pairs"])
def test_a_closed_stdout_is_an_error_before_reading(command, monkeypatch):
    monkeypatch.setattr(warmup, "compile_kernels", lambda *_: pytest.fail("compiled first"))
    done = subprocess.run(
        ["sh", "-c", f"exec {shlex.quote(sys.executable)} -m w2v {command} text.txt >&-"],
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write the output: standard output is closed\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_that_cannot_be_written_is_an_error(option):
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "w2v", option]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write the output: No space left on device\n"


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (FileNotFoundError(2, "No such file"), "the current directory does not exist any more"),
        (OSError("no such library"), "no such library"),
        (PermissionError(13, "Permission denied", "x/y"), "x/y: Permission denied"),
    ],
)
def test_system_errors_name_the_file(raised, message, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(job, "train", fail)
    assert error("train", "text.txt").startswith(message)


@pytest.mark.slow
def test_a_closed_stderr_does_not_end_training():
    command = f"{shlex.quote(sys.executable)} -m w2v train text.txt -o m {' '.join(TINY)} 2>&1"
    done = subprocess.run(
        ["bash", "-c", f"({command}; echo $? > code) | head -c 1 > /dev/null"], timeout=60
    )
    assert done.returncode == 0
    assert Path("code").read_text() == "0\n"
    assert len(w2v.load("m")) == len(WORDS)
