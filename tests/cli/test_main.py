"""The command line: what it prints and where, what it leaves on disk, how it ends."""

from __future__ import annotations

import bz2
import fcntl
import gzip
import json
import math
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import w2v
from support import JIT, KJV
from w2v.cli import main as cli
from w2v.cli import process as cli_process
from w2v.cli.progress import observing
from w2v.config import DEFAULTS, options
from w2v.events import Compiling
from w2v.options import LARGEST
from w2v.pipeline import preflight, warmup
from w2v.pipeline import run as runs
from w2v.pipeline import train as job
from w2v.pipeline.checkpoint import Checkpoint
from w2v.training import trainer

compiled_only = pytest.mark.skipif(not JIT, reason="takes too long without the compiler")
overflowing = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")

LINES = ["the quick brown fox jumps over the lazy dog", "the dog sleeps"] * 10
TEXT = "\n".join(LINES) + "\n"
RANKED = ["the", "dog", "brown", "fox", "jumps", "lazy", "over", "quick", "sleeps"]
ALL_WORDS = ["--min-count", "1"]
TINY = [*ALL_WORDS, *["--sample", "0", "--dim", "8", "--epochs", "2", "--threads", "1"]]
COVERAGE = [
    "corpus: 120 words in 20 lines, 9 distinct words",
    "vocabulary: 9 words, 100.00 % of the corpus",
]


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch) -> Iterator[Path]:
    """Run in a folder with text.txt in it; temporary files go to tmp/ there."""
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "tmp").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    if not JIT:  # 64-bit numbers overflow, as they should, but with a warning
        monkeypatch.setenv("PYTHONWARNINGS", "ignore")
    handler = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, handler)
    assert names(tmp_path / "tmp") == [], "temporary files are left"


def names(folder: str | Path = ".") -> list[str]:
    return sorted(path.name for path in Path(folder).iterdir())


def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
    """Run a command in this process; anything but an exit is an error of the test."""
    result = CliRunner().invoke(cli.main, list(map(str, arguments)), input=stdin)
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    return result


def ok(*arguments: object, stdin: str | bytes | None = None) -> str:
    """Run a command that works; returns its stdout."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def error(*arguments: object, code: int = 1, stdin: str | bytes | None = None) -> str:
    """Run a command that fails with one line on stderr; returns the message."""
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "Traceback" not in result.stderr
    if code == 1:
        assert result.stderr.count("Error: ") == 1
    return last.removeprefix("Error: ")


def short_repr(stderr: str) -> list[str]:
    """The lines on stderr, but for the one that comes only if kernels are not ready soon."""
    return [line for line in stderr.splitlines() if not line.startswith("compiling ")]


def content(folder: str | Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.fixture
def model() -> str:
    """A model with vectors that a reader can check by hand."""
    words = ["king", "queen", "man", "woman", "apple"]
    matrix = np.array([[1, 1, 0], [1, 0, 1], [0, 1, 0], [0, 0, 1], [-1, 0, 0]], np.float32)
    meta = {"tokenizer": {"name": "unicode", "lowercase": True}}
    w2v.Embeddings(words, matrix, np.array([9, 8, 7, 6, 5]), meta).save("hand.w2v")
    return "hand.w2v"


# The program itself


def test_help_fits_every_command_in_a_line():
    text = ok("--help")
    for name, command in cli.main.commands.items():
        assert f"  {name} " in text
        assert command.get_short_help_str() in text
    assert ".." not in text.partition("Training:")[2].replace("as C is to ...", "")
    assert ok("-h") == text


@pytest.mark.parametrize("command", sorted(cli.main.commands))
def test_every_command_has_help(command):
    assert ok(command, "--help").startswith(f"Usage: main {command} ")


def test_the_version():
    assert ok("--version") == f"w2v, version {w2v.__version__}\n"


def test_a_command_that_does_not_exist():
    assert "No such command 'tarin'" in error("tarin", code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["vocab"],
        ["pairs"],
        ["similar", "m"],
        ["analogy", "m", "a", "b"],
        ["eval", "m"],
        ["export", "m", "-f", "word2vec-text"],
        ["export", "m", "-f", "npy"],
        ["convert", "m"],
        ["encode", "m", "f"],
        ["info"],
    ],
)
def test_what_is_missing_is_named(arguments):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "\nError: Missing " in result.stderr


def test_the_module_runs():
    done = process("--version")
    assert (done.returncode, done.stdout) == (0, f"w2v, version {w2v.__version__}\n")


# train: what it writes


def test_train_writes_a_model_and_reports_on_stderr():
    result = run("train", "text.txt", "-o", "m", *TINY)
    assert (result.exit_code, result.stdout) == (0, "")
    assert names() == ["m", "text.txt", "tmp"]
    assert names("m") == ["contexts.npy", "counts.npy", "embeddings.npy", "meta.json", "vocab.txt"]
    lines = short_repr(result.stderr)
    assert lines[:2] == COVERAGE
    begins = ["epoch 1/2", "epoch 2/2", "saved m", "time"]
    assert [line.partition(":")[0] for line in lines[2:]] == begins
    assert lines[-2] == "saved m: 9 words, 8 dimensions"


def test_the_files_are_what_they_are_said_to_be():
    ok("train", "text.txt", "-o", "m", *TINY)
    matrix = np.load("m/embeddings.npy")
    assert (matrix.shape, matrix.dtype.str, matrix.flags.c_contiguous) == ((9, 8), "<f4", True)
    assert Path("m/vocab.txt").read_bytes() == "".join(f"{word}\n" for word in RANKED).encode()
    assert np.load("m/counts.npy").tolist() == [30, 20, *[10] * 7]
    assert np.load("m/counts.npy").dtype.str == "<i8"
    assert json.loads(Path("m/meta.json").read_text())["corpus"]["tokens"] == 120


@pytest.mark.parametrize(
    ("corpus", "output"),
    [
        ("text.txt", "text.w2v"),
        ("./text.txt", "text.w2v"),
        ("bare", "bare.w2v"),
        ("text.txt.gz", "text.w2v"),
        ("TEXT.TXT.GZ", "TEXT.w2v"),
        ("text.bz2", "text.w2v"),
        ("v1.2.txt", "v1.2.w2v"),
        ("folder", "folder.w2v"),
        ("folder/", "folder.w2v"),
        ("folder/../text.txt", "text.w2v"),
        ("folder/inner.txt", "inner.w2v"),
        ("link.txt", "link.w2v"),
        ("-", "stdin.w2v"),
    ],
)
def test_the_model_is_named_after_the_corpus(corpus, output):
    Path("folder").mkdir()
    Path("link.txt").symlink_to("text.txt")
    for path in ("bare", "v1.2.txt", "folder/inner.txt"):
        Path(path).write_text(TEXT)
    for path in ("text.txt.gz", "TEXT.TXT.GZ"):
        Path(path).write_bytes(gzip.compress(TEXT.encode()))
    Path("text.bz2").write_bytes(bz2.compress(TEXT.encode()))
    before = names()
    ok("train", corpus, *TINY, stdin=TEXT)
    assert set(names()) - set(before) == {output}
    assert w2v.load(output).words == RANKED


@pytest.mark.parametrize("corpus", [".", "..", "../here"])
def test_a_folder_without_a_name_of_its_own(corpus, place, monkeypatch):
    Path("here/below").mkdir(parents=True)
    Path("here/a.txt").write_text(TEXT)
    folder = "here/below" if corpus == ".." else "here"
    monkeypatch.chdir(folder)
    ok("train", corpus, *TINY)
    assert (place / folder / "here.w2v").is_dir()


def test_several_texts_make_one_model_named_after_the_first():
    Path("more.txt").write_text("more words\n" * 10)
    ok("train", "more.txt", "text.txt", "-", *TINY, stdin="words from stdin\n" * 10)
    found = dict(zip(w2v.load("more.w2v").words, w2v.load("more.w2v").counts, strict=True))
    assert (found["words"], found["the"], found["stdin"]) == (20, 30, 10)


def test_stdin_gives_the_same_model_as_a_file():
    ok("train", "text.txt", *TINY)
    ok("train", "-", *TINY, stdin=gzip.compress(TEXT.encode()))
    for name in ("embeddings.npy", "vocab.txt", "counts.npy"):
        assert content("text.w2v")[name] == content("stdin.w2v")[name]


def test_the_command_line_and_the_library_make_the_same_model():
    ok("train", "text.txt", "-o", "m", *TINY, "--lr", "0.1", "--window", "3", "--shrink-windows")
    model = w2v.train(
        LINES,
        min_count=1,
        sample=0,
        dim=8,
        epochs=2,
        threads=1,
        lr=0.1,
        window=3,
        shrink_windows=True,
    )
    assert w2v.load("m").matrix.tobytes() == model.matrix.tobytes()
    assert w2v.load("m").meta["config"] == model.meta["config"]


def test_options_of_text():
    ok("train", "text.txt", "-o", "m", *TINY, "--vocab-size", "3", "--min-count", "5")
    assert w2v.load("m").words == ["the", "dog", "brown"]
    Path("mixed.txt").write_text("A-b a A-b\n" * 10)
    ok("train", "mixed.txt", "-o", "m", "--overwrite", *TINY, "--tokenizer", "whitespace")
    assert w2v.load("m").words == ["A-b", "a"]
    ok("train", "mixed.txt", "-o", "m", "--overwrite", *TINY, "--no-lowercase")
    assert w2v.load("m").words == ["A", "b", "a"]
    ok(
        *("train", "mixed.txt", "-o", "m", "--overwrite", *TINY),
        *("--tokenizer", "whitespace", "--lowercase"),
    )
    assert w2v.load("m").words == ["a-b", "a"]


def test_train_on_a_given_vocabulary():
    Path("words").write_text("fox\nunicorn\nthe\n")
    result = run("train", "text.txt", "-o", "m", *TINY, "--vocab", "words")
    assert result.exit_code == 0
    assert "note: the corpus lacks 1 word of the given vocabulary; " in result.stderr
    assert w2v.load("m").words == ["fox", "unicorn", "the"]
    assert w2v.load("m").counts.tolist() == [10, 0, 30]


def test_quiet_is_silent():
    result = run("train", "text.txt", *TINY, "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert run("vocab", "text.txt", "-q", *ALL_WORDS).stderr == ""
    assert run("pairs", "text.txt", "-q", *ALL_WORDS).stderr == ""


def test_a_log_for_programs():
    before = time.time()
    ok("train", "text.txt", *TINY, "-q", "--validation", "0.3", "--log-json", "log")
    reports = [json.loads(line) for line in Path("log").read_text().splitlines()]
    stages = [report["stage"] for report in reports if report["stage"] != "compiling"]
    assert stages == ["reading", "corpus", "training", "epoch", "epoch", "saved"]
    assert all(before - 1 < report["time"] < time.time() + 1 for report in reports)
    epochs = [report for report in reports if report["stage"] == "epoch"]
    assert [report["epoch"] for report in epochs] == [1, 2]
    for report in epochs:
        assert 0 < report["loss"] < 6
        assert 0 < report["validation_loss"] < 6
    assert epochs == [
        {"time": report["time"], **epoch}
        for report, epoch in zip(epochs, w2v.load("text.w2v").meta["epochs"], strict=True)
    ]


def test_a_log_is_written_beside_what_people_see():
    result = run("train", "text.txt", *TINY, "--log-json", "log")
    assert "epoch 2/2" in result.stderr
    assert Path("log").read_text().count("\n") >= 6


def test_a_terminal_gets_bars(monkeypatch):
    streams = []
    monkeypatch.setattr("w2v.cli.progress.Bars", lambda stream: streams.append(stream) or Silent())
    monkeypatch.setattr("w2v.cli.progress.Lines", lambda stream: pytest.fail("lines on a terminal"))
    with observing(quiet=True):
        assert streams == []
    monkeypatch.setattr(sys, "stderr", Terminal())
    with observing(quiet=False):
        assert streams == [sys.stderr]


class Terminal:
    def isatty(self) -> bool:
        return True


class Silent:
    def __call__(self, event: object) -> None:
        del event

    def close(self) -> None:
        pass


# train: what it does not overwrite, and what it leaves when it fails


def test_a_model_is_not_replaced_unasked():
    ok("train", "text.txt", "-o", "m", *TINY)
    before = content("m")
    message = error("train", "text.txt", "-o", "m", *TINY, "--seed", "2")
    assert message == "m exists already; choose another name, or replace it with --overwrite"
    assert content("m") == before
    ok("train", "text.txt", "-o", "m", *TINY, "--seed", "2", "--overwrite")
    assert content("m")["embeddings.npy"] != before["embeddings.npy"]
    assert names() == ["m", "text.txt", "tmp"]


def test_nothing_but_a_model_is_ever_replaced():
    Path("folder").mkdir()
    Path("folder/thesis.tex").write_text("years of work")
    for output in ("folder", "text.txt"):
        message = error("train", "text.txt", "-o", output, *TINY, "--overwrite")
        assert message.startswith(f"{output} is neither a model directory ")
    assert Path("folder/thesis.tex").read_text() == "years of work"
    assert Path("text.txt").read_text() == TEXT


def test_an_empty_folder_may_be_filled():
    Path("m").mkdir()
    assert "exists already" in error("train", "text.txt", "-o", "m", *TINY)
    ok("train", "text.txt", "-o", "m", *TINY, "--overwrite")
    assert len(w2v.load("m")) == 9


@overflowing
@pytest.mark.parametrize(
    "wrong",
    [
        ["empty.txt"],
        ["text.txt", "missing.txt"],
        ["text.txt", "--lr", "1e30"],
        ["text.txt", "--min-count", "1000"],
        ["text.txt", "--vocab", "missing"],
        ["text.txt", "--work-dir", "missing"],
    ],
)
def test_a_failing_run_leaves_the_old_model_and_nothing_else(wrong):
    Path("empty.txt").touch()
    Path("work").mkdir()
    ok("train", "text.txt", "-o", "m", *TINY)
    before = content("m")
    error("train", "-o", "m", "--overwrite", *TINY, "--work-dir", "work", *wrong)
    assert content("m") == before
    assert names() == ["empty.txt", "m", "text.txt", "tmp", "work"]
    assert names("work") == []


def test_the_work_folder_is_used_and_emptied(monkeypatch):
    Path("work").mkdir()
    seen = []
    original = runs.train_model

    def look(*arguments: object, **options: object) -> object:
        seen.append((names(), names("work")))
        return original(*arguments, **options)

    monkeypatch.setattr(runs, "train_model", look)
    ok("train", "text.txt", "-o", "m", *TINY, "--work-dir", "work")
    beside, within = seen[-1]
    assert beside == ["text.txt", "tmp", "work"]
    assert len(within) == 1
    assert names("work") == []
    Path("out").mkdir()
    ok("train", "text.txt", "-o", "out/m", *TINY)
    assert seen[-1] == (["m", "out", "text.txt", "tmp", "work"], [])
    assert names("out") == ["m"]


# Errors


def damaged_model() -> None:
    w2v.Embeddings(["a"], np.ones((1, 2), np.float32)).save("bad.w2v")
    Path("bad.w2v/vocab.txt").write_text("a\nb\n")


@overflowing
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "missing.txt"], "cannot read missing.txt: No such file or directory"),
        (["train", "utf16.txt"], "utf16.txt is text in UTF-16 .*: expected UTF-8 text; convert"),
        (["vocab", "utf16.txt"], "utf16.txt is text in UTF-16"),
        (["pairs", "cut.gz"], "cut.gz is damaged or truncated"),
        (["train", "folder"], "the directory folder contains no files"),
        (["train", "empty.txt"], "the corpus has no words: "),
        (
            ["train", "text.txt", "--min-count", "99"],
            (
                r"no word occurs 99 times: the corpus has 120 words, 9 of them distinct, and "
                r"the most frequent one occurs 30 times; lower --min-count, or"
            ),
        ),
        (["train", "one.txt", *TINY], "there is no pair to train on"),
        (["train", "text.txt", "--vocab", "missing"], "cannot read the vocabulary missing: No su"),
        (["vocab", "text.txt", "--vocab", "one.txt"], "none of the 1 given words occurs"),
        (
            ["train", "text.txt", "-o", "no/m"],
            "cannot write no/m: there is no directory .*/no",
        ),
        (["train", "text.txt", "--work-dir", "no"], "cannot store the encoded text in no: the dir"),
        (["pairs", "text.txt", "--work-dir", "no"], "cannot store the encoded text in no: the dir"),
        (["train", "text.txt", "--log-json", "no/log"], "cannot write no/log: No such file or dir"),
        (["train", "text.txt", *TINY, "--lr", "1e30"], "training diverged: .* in epoch . at learn"),
        (["similar", "missing.w2v", "a"], "cannot read missing.w2v: there is no such model directory"),
        (["similar", "text.txt", "a"], "text.txt: expected a first line with two numbers"),
        (["analogy", "bad.w2v", "a", "b", "c"], "bad.w2v: vocab.txt has 2 words, embeddings.npy 1"),
        (["eval", "bad.w2v", "x"], "bad.w2v: vocab.txt has 2 words"),
        (["info", "folder"], "folder is not a model directory: it has no meta.json"),
        (
            ["export", "missing", "-f", "word2vec-bin", "-o", "x"],
            "cannot read missing: there is no",
        ),
    ],
)
def test_errors_take_one_line(arguments, message):
    Path("utf16.txt").write_text(TEXT, encoding="utf-16")
    Path("cut.gz").write_bytes(gzip.compress(os.urandom(5000).hex().encode())[:3000])
    Path("folder").mkdir()
    Path("empty.txt").touch()
    Path("one.txt").write_text("lonely")
    damaged_model()
    before = names()
    found = error(*arguments)
    assert click.unstyle(found) == found
    assert re.match(message, found), found
    assert names() == before


def test_a_missing_package_is_named(monkeypatch):
    Path("text.zst").write_bytes(b"\x28\xb5\x2f\xfd rest")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    message = error("train", "text.zst", *TINY)
    assert message.endswith("needs an optional package: pip install 'w2v[zst]'")


def test_too_large_a_model_is_refused_at_once_with_both_figures(monkeypatch):
    monkeypatch.setattr(preflight, "used_memory", lambda: 0)
    monkeypatch.setattr(preflight, "available_memory", lambda: 8 * 10**9)
    monkeypatch.setattr(warmup, "compile_kernels", lambda *_: pytest.fail("compiled first"))
    assert error("train", str(KJV), "--dim", "100000", "--threads", "2") == (
        "training up to 50,000 words at dim 100,000 needs 60.12 GB of memory, "
        "but 8.00 GB are available; lower --dim or --vocab-size, which may be more than the corpus "
        "has"
    )


def test_too_small_a_disk_is_refused_at_once_with_both_figures(monkeypatch):
    class Usage:
        free = 10**6
        total = 10**9

    monkeypatch.setattr(shutil, "disk_usage", lambda folder: Usage)
    monkeypatch.setattr(warmup, "compile_kernels", lambda *_: pytest.fail("compiled first"))
    message = error("train", str(KJV))
    # 50,000 rows of 1,044 bytes in a model and 1,024 in a state, 40 noted of each, and 1.8 MB of
    # ids.
    assert "0.11 GB are needed, but 1.0 MB are free in " in message


def test_memory_that_runs_out_all_the_same(monkeypatch):
    def run_out(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(job, "train", run_out)
    assert error("train", "text.txt") == "out of memory; lower --dim or --vocab-size"


@pytest.mark.parametrize(
    ("kind", "code", "message"),
    [
        (KeyboardInterrupt, 130, "interrupted"),
        (cli_process.Terminated(143), 143, "terminated"),
        (cli_process.Terminated(129), 129, "hung up"),
    ],
)
def test_interrupts_have_exit_codes_of_their_own(kind, code, message, monkeypatch):
    def interrupt(*_: object, **__: object) -> None:
        raise kind

    monkeypatch.setattr(job, "train", interrupt)
    result = run("train", "text.txt")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"{message}\n")


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
        (["--lr", "nan"], "Invalid value for '--lr': 'nan' is not a finite number above 0."),
        (
            ["--lr-min", "nan"],
            "Invalid value for '--lr-min': 'nan' is not a finite number of at least 0.",
        ),
        (
            ["--sample", "nan"],
            "Invalid value for '--sample': 'nan' is not a number from 0 to 1.",
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


def flag_of(name: str) -> str:
    return "--" + name.replace("_", "-")


NUMERIC = sorted(name for name, option in options().items() if option.kind in (int, float))


def beyond(name: str) -> st.SearchStrategy[int | float]:
    """Values out of the range of an option, the nearest ones among them."""
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
def test_a_value_out_of_range_exits_with_2_and_names_option_value_and_range(data, name):
    value = options()[name].kind(data.draw(beyond(name)))
    flag = flag_of(name)
    option = options()[name]
    message = error("train", "missing.txt", flag, value, code=2)
    assert message == f"Invalid value for '{flag}': '{value}' is not {option.expected}."
    for bound in (option.low, option.high):
        assert bound in (None, LARGEST) or str(bound) in option.expected


def test_every_number_has_a_limit():
    """So the test above sees every one."""
    assert {"dim", "lr", "seed", "sample", "min_count", "threads"} <= set(NUMERIC)
    assert all(options()[name].low is not None for name in NUMERIC)


@pytest.mark.parametrize("name", sorted(options()))
def test_every_hyper_parameter_is_an_option_of_train(name):
    (found,) = (p for p in cli.main.commands["train"].params if p.name == name)
    assert found.default == DEFAULTS[name]
    assert found.help == re.sub(r"`(\w+)`", lambda match: flag_of(match[1]), options()[name].help)
    assert flag_of(name) in ok("train", "--help")


# vocab and pairs


def test_vocab_lists_id_word_count():
    result = run("vocab", "text.txt", "--min-count", "11")
    assert result.stdout == "0\tthe\t30\n1\tdog\t20\n"
    assert short_repr(result.stderr) == [
        COVERAGE[0],
        "vocabulary: 2 words, 41.67 % of the corpus",
        "dropped: 70 too rare",
    ]
    assert names() == ["text.txt", "tmp"]


def test_vocab_of_a_given_vocabulary():
    Path("words").write_text("fox\nunicorn\nthe\n")
    result = run("vocab", "text.txt", "--vocab", "words")
    assert result.stdout == "0\tfox\t10\n1\tunicorn\t0\n2\tthe\t30\n"
    assert "dropped: 80 not in the given vocabulary" in result.stderr


def test_vocab_reads_stdin_and_reports_what_it_dropped():
    text = b"\xff" + TEXT.encode() + b"x" * 2000
    result = run("vocab", "-", *ALL_WORDS, stdin=text)
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == RANKED
    assert "dropped: 1 too long" in result.stderr
    assert "note: 1 byte of invalid UTF-8" in result.stderr


def test_pairs_are_listed_in_order():
    Path("fox.txt").write_text("the quick brown fox\njumps over\n")
    result = run("pairs", "fox.txt", *ALL_WORDS)
    assert result.stdout.replace("\t", " ").splitlines() == [
        *("the quick", "the brown"),
        *("quick the", "quick brown", "quick fox"),
        *("brown the", "brown quick", "brown fox"),
        *("fox quick", "fox brown"),
        *("jumps over", "over jumps"),
    ]
    assert short_repr(result.stderr)[0].startswith("corpus: 6 words in 2 lines")
    narrow = ok("pairs", "fox.txt", *ALL_WORDS, "--window", "1")
    assert narrow.splitlines()[:3] == ["the\tquick", "quick\tthe", "quick\tbrown"]


def test_pairs_as_ids_are_those_of_vocab():
    ranks = {word: i for i, word in enumerate(RANKED)}
    words = [line.split("\t") for line in ok("pairs", "text.txt", *ALL_WORDS).splitlines()]
    ids = [line.split("\t") for line in ok("pairs", "text.txt", "--ids", *ALL_WORDS).splitlines()]
    assert ids == [[str(ranks[word]) for word in pair] for pair in words]
    assert len(ids) == 10 * (9 * 4 - 6 + 3 * 2)


# similar, analogy, eval, info, export


def test_similar_lists_neighbours_and_cosines(model):
    assert ok("similar", model, "king", "-n", "2") == (
        "king\tman\t0.7071\n" + "king\tqueen\t0.5000\n"
    )
    both = ok("similar", model, "king", "Apple", "-n", "1")
    assert both == "king\tman\t0.7071\nApple\tman\t0.0000\n"
    assert len(ok("similar", model, "king").splitlines()) == 4


def test_analogy_lists_answers(model):
    assert ok("analogy", model, "man", "king", "woman", "-n", "1").startswith("queen\t")
    assert len(ok("analogy", model, "man", "king", "woman").splitlines()) == 2


@pytest.mark.parametrize("command", [["similar", "quean"], ["analogy", "man", "king", "quean"]])
def test_an_unknown_word_brings_near_spellings(command, model):
    message = error(command[0], model, *command[1:])
    assert message == "'quean' is not among the 5 words of this model; did you mean 'queen'?"


def test_nothing_is_listed_if_one_word_is_unknown(model):
    assert "'xyzzy' is not among" in error("similar", model, "king", "xyzzy")


def test_eval_measures_analogies_and_pairs(model):
    Path("analogies").write_text(
        ": family\nman king woman queen\nking man queen woman\nman king woman nobody\n"
        ": gram1-fruit\nman king woman apple\n"
    )
    Path("pairs").write_text("king,man,9\nking,queen,5\nking,apple,1\nking,nobody,3\n")
    assert ok("eval", model, "analogies", "pairs").splitlines() == [
        "analogies:",
        "  family       100.00 %       2 correct of      2 covered,      3 in total",
        "  gram1-fruit   0.00 %       0 correct of      1 covered,      1 in total",
        "  semantic     100.00 %       2 correct of      2 covered,      3 in total",
        "  syntactic     0.00 %       0 correct of      1 covered,      1 in total",
        "  overall      66.67 %       2 correct of      3 covered,      4 in total",
        "pairs: Spearman's rho 100.00, 3 of 4 pairs covered",
    ]
    assert "0 correct of      0 covered" in ok("eval", model, "analogies", "--top", "1")


def test_eval_without_cover_has_no_figure(model):
    Path("analogies").write_text(": s\na b c d\n")
    Path("pairs").write_text("a b 1\n")
    lines = ok("eval", model, "analogies", "pairs").splitlines()
    assert lines[1].split() == [
        "s",
        "-",
        "%",
        "0",
        "correct",
        "of",
        "0",
        "covered,",
        "1",
        "in",
        "total",
    ]
    assert lines[-1] == "pairs: Spearman's rho -, 0 of 1 pairs covered"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file: expected analogies or word pairs with scores, got an empty file"),
        (": s\na b c\n", "file, line 2: expected four words, got 3"),
        ("a b\n", "file, line 1: expected two words and a score"),
    ],
)
def test_eval_names_the_line(text, message, model):
    Path("file").write_text(text)
    assert error("eval", model, "file").startswith(message)


def test_info_says_what_a_model_is():
    ok("train", "text.txt", "-o", "m", *TINY, "--validation", "0.3")
    facts = dict(line.split(maxsplit=1) for line in ok("info", "m").splitlines() if line[0] != "e")
    assert facts["words"] == "9, from 'the' to 'sleeps'"
    assert facts["dimensions"] == "8"
    assert facts["corpus"] == "120 words in 20 lines, 100.00 % in the vocabulary"
    assert facts["tokenizer"] == "unicode, lowercased"
    assert "dim=8" in facts["options"]
    assert facts["speed"].endswith(" million words/s")
    assert facts["version"] == f"w2v {w2v.__version__}"
    epochs = [line for line in ok("info", "m").splitlines() if line[0] == "e"]
    assert [line.split()[:3] for line in epochs] == [["epoch", "1", "loss"], ["epoch", "2", "loss"]]
    assert "validation loss" in epochs[0]
    assert json.loads(ok("info", "m", "--json")) == w2v.load("m").meta


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"corpus": "my own"},
        {"corpus": {"tokens": "many"}},
        {"tokenizer": "mine", "epochs": 5},
        {"epochs": [{"loss": 1}]},
        {"config": 7},
        {"words_per_second": None},
    ],
)
def test_info_shows_what_others_wrote(meta):
    w2v.Embeddings(["α"], np.ones((1, 2), np.float32), meta=meta).save("m")
    lines = ok("info", "m").splitlines()
    assert lines[:2] == ["words        1, from 'α' to 'α'", "dimensions   2"]
    assert [line.split()[0] for line in lines[2:]] == list(meta)


@pytest.mark.parametrize(("name", "extension"), [("word2vec-text", "txt"), ("word2vec-bin", "bin")])
def test_export_writes_what_can_be_read_back(name, extension, model):
    path = f"out.{extension}"
    assert ok("export", model, "-f", name, "-o", path) == ""
    assert w2v.load(path).words == w2v.load(model).words
    assert w2v.load(path).matrix.tobytes() == w2v.load(model).matrix.tobytes()
    assert ok("similar", path, "king", "-n", "1") == "king\tman\t0.7071\n"


def test_export_replaces_a_file_only_if_asked(model):
    Path("out.txt").write_text("old")
    arguments = ["export", model, "-f", "word2vec-text", "-o", "out.txt"]
    assert "exists already" in error(*arguments)
    assert Path("out.txt").read_text() == "old"
    ok(*arguments, "--overwrite")
    assert Path("out.txt").read_text().startswith("5 3\nking 1 1 0\n")


def test_export_to_an_unknown_format(model):
    message = error("export", model, "-f", "magic", "-o", "x", code=2)
    assert message.startswith("Invalid value for '-f' / '--format': 'magic' is not one of")


def test_export_writes_the_rows_of_a_layout(model):
    assert ok("export", model, "-f", "npy", "-o", "out") == ""
    matrix = np.load("out/embeddings.npy", allow_pickle=False)
    assert matrix[:3].tolist() == [[0, 0, 0], [0, 0, 0], [1, 1, 0]]
    recorded = json.loads(Path("out/meta.json").read_text())["rows"]
    assert recorded == {
        "layout": "pad+unk",
        "padding": 0,
        "unknown": 1,
        "first_word": 2,
        "unknown_vector": "zeros",
    }
    assert "rows         pad+unk (0 padding, 1 unknown words, words from 2)" in ok("info", "out")
    assert Path("out/vocab.txt").read_text() == "king\nqueen\nman\nwoman\napple\n"
    for rows, length in (("none", 5), ("pad", 6)):
        ok("export", model, "-f", "npy", "-o", "out", "--rows", rows, "--overwrite")
        assert len(np.load("out/embeddings.npy")) == length
    ok("export", model, "-f", "npy", "-o", "out", "--unk", "mean-rare", "--overwrite")
    assert np.load("out/embeddings.npy")[1].tolist() == [-1, 0, 0]


def test_what_an_export_cannot_hold_is_refused_before_anything_is_read():
    message = error("export", "nowhere", "-f", "word2vec-bin", "-o", "x", "--rows", "pad", code=2)
    assert message == (
        "--rows cannot apply to word2vec-bin, which has rows for words only: omit --rows pad"
    )
    message = error("export", "nowhere", "-f", "word2vec-bin", "-o", "x", "--unk", "zeros", code=2)
    assert message.endswith(": omit --unk zeros")


def test_help_says_whose_rows_are_the_default():
    for command, whose in (("export", "MODEL"), ("convert", "IN"), ("encode", "MODEL")):
        text = " ".join(ok(command, "--help").split())
        assert f"[default: as {whose} was exported, else pad+unk" in text


def test_ids_belong_to_what_is_converted(model):
    ok("export", model, "-f", "npy", "-o", "in", "--rows", "pad")
    ok("convert", "in", "out", "-f", "npy")
    ok("encode", "in", "-", "-o", "ids.npy", stdin="king\n")
    matrix = np.load("out/embeddings.npy")
    assert matrix[np.load("ids.npy")].tolist() == [[w2v.load(model)["king"].tolist()]]


def test_rows_and_unknown_words_must_agree(model):
    arguments = ["export", model, "-f", "npy", "-o", "x"]
    message = error(*arguments, "--rows", "pad", "--unk", "zeros", code=2)
    assert message == (
        "--unk requires a row for unknown words: got --unk zeros and --rows pad; omit --unk, "
        "or use --rows pad+unk"
    )
    message = error(*arguments, "--unk", "trained", code=2)
    assert message == (
        "--unk must not be 'trained', because these embeddings have no trained vector for unknown "
        "words; train with --train-unk, or use --unk zeros or --unk mean-rare"
    )
    assert not Path("x").exists()


def test_the_name_of_a_file_tells_its_format(model):
    ok("export", model, "-o", "vectors.bin")
    ok("convert", "vectors.bin", "vectors.txt")
    assert Path("vectors.txt").read_text().startswith("5 3\nking 1 1 0\n")
    ok("convert", "vectors.txt", "again", "-f", "npy", "--rows", "none")
    assert np.load("again/embeddings.npy").tolist() == w2v.load(model).matrix.tolist()
    ok("convert", "vectors.txt", "vectors.bin", "--from", "word2vec-text", "--overwrite")
    message = error("convert", model, "vectors.what", code=2)
    assert message.startswith("no format has the extension of vectors.what; choose one with -f: ")
    assert "word2vec-text" in message


def recorded(path: str) -> object:
    return w2v.load(path).meta["tokenizer"]


def test_convert_is_told_how_text_becomes_words():
    Path("v.txt").write_text("2 1\nThe 1\nthe 2\n")
    message = error("encode", "v.txt", "-", "-o", "ids.npy", stdin="The\n", code=2)
    assert "run w2v convert with --tokenizer unicode" in message
    for said, expected in (
        (["unicode"], {"name": "unicode", "lowercase": True}),
        (["unicode", "--no-lowercase"], {"name": "unicode", "lowercase": False}),
        (["whitespace"], {"name": "whitespace", "lowercase": False}),
        (["whitespace", "--lowercase"], {"name": "whitespace", "lowercase": True}),
    ):
        ok("convert", "v.txt", "out", "-f", "npy", "--overwrite", "--tokenizer", *said)
        assert recorded("out") == expected
    message = error("convert", "v.txt", "v.bin", "--no-lowercase", code=2)
    assert message == "--lowercase requires --tokenizer"


def test_convert_is_told_it_of_a_model_of_token_lists():
    meta = {"tokenizer": {"name": "tokens", "lowercase": False}}
    w2v.Embeddings(["a"], np.ones((1, 2), np.float32), meta=meta).save("m")
    ok("convert", "m", "out", "-f", "npy", "--tokenizer", "whitespace")
    assert recorded("out") == {"name": "whitespace", "lowercase": False}


def test_convert_contradicts_no_model(model):
    message = error("convert", model, "out", "-f", "npy", "--tokenizer", "whitespace", code=2)
    assert message == (
        f"--tokenizer contradicts {model}, which records another one (unicode, lowercased); omit it"
    )
    ok("convert", model, "out", "-f", "npy", "--tokenizer", "unicode")
    assert recorded("out")["name"] == "unicode"


def test_convert_counts_words_that_it_could_not_read():
    Path("v.txt").write_bytes(b"2 1\ncaf\xe9 1\nb 2\n")
    result = run("convert", "v.txt", "v.bin")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "note: 1 words of v.txt are not UTF-8; U+FFFD replaces the bytes\n"
    assert w2v.load("v.bin").words == ["caf\ufffd", "b"]


def test_the_formats_are_listed():
    listed = [line.split()[0] for line in ok("formats").splitlines()]
    assert listed == list(w2v.formats.registry.FORMATS)


def test_texts_become_ids(model):
    Path("texts").write_text("The king\n\nqueen, Man woman\n")
    result = run("encode", model, "texts", "-o", "ids.npy", "--length", 2)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        "saved ids.npy: 3 texts x 2 ids, 1 of them cut, 20.00 % of 5 words unknown; "
        "rows pad+unk (0 padding, 1 unknown words, words from 2)\n"
    )
    assert np.load("ids.npy").tolist() == [[1, 2], [0, 0], [3, 4]]


def test_texts_are_read_from_stdin_too(model):
    ok("encode", model, "-", "-o", "ids.npy", "--rows", "pad", stdin="king queen\nman\n")
    assert np.load("ids.npy").tolist() == [[1, 2], [3, 0]]


def test_encode_tells_the_line_of_an_unknown_word(model):
    message = error("encode", model, "-", "-o", "x.npy", "--rows", "pad", stdin="king\n\nzion\n")
    assert message.startswith("stdin, line 3: 'zion' is not among the 5 words, and the layout 'pad'")
    assert not Path("x.npy").exists()
    message = error("encode", model, "-", "-o", "x.npy", stdin="")
    assert message == "stdin has no line: expected one text a line"


def test_encode_names_its_own_options_where_there_is_no_room(model):
    message = error("encode", model, "text.txt", "-o", "x.npy", "--length", 10**15)
    assert message.endswith("choose another directory with --output, or a smaller --length")


def test_encode_replaces_nothing_unasked(model):
    Path("ids.npy").write_text("old")
    assert "ids.npy exists already" in error("encode", model, "text.txt", "-o", "ids.npy")
    assert Path("ids.npy").read_text() == "old"
    ok("encode", model, "text.txt", "-o", "ids.npy", "--overwrite")
    assert np.load("ids.npy").dtype == np.dtype("<i4")


def test_unknown_words_are_trained_when_asked_for():
    ok("train", "text.txt", "-o", "m", "--train-unk", *TINY, "--min-count", 11)
    ok("export", "m", "-f", "npy", "-o", "rows")
    assert np.load("rows/embeddings.npy")[1].tolist() == np.load("m/unknown.npy")[0].tolist()


# Processes


def process(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "w2v", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, **options
    )


def corpus_for_processes() -> Path:
    """Real text; little of it where kernels run as plain Python."""
    if JIT:
        return KJV
    lines = KJV.read_text(encoding="utf-8").splitlines(keepends=True)
    Path("little.txt").write_text("".join(lines[:60]))
    return Path("little.txt")


def test_one_thread_gives_the_same_bits_in_every_process():
    for output in ("first", "second"):
        done = process(
            *("train", corpus_for_processes(), "-o", output, "-q", "--threads", 1),
            *("--dim", 16, "--epochs", 1, "--sample", 1e-2),
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, second = content("first"), content("second")
    assert len(first["embeddings.npy"]) > 1_000
    for name in ("embeddings.npy", "vocab.txt", "counts.npy"):
        assert first[name] == second[name]


def test_words_and_counts_do_not_depend_on_the_threads():
    for threads in (1, 3):
        ok(
            *("train", corpus_for_processes(), "-o", f"m{threads}", "--threads", threads),
            *("--dim", 4, "--epochs", 1, "--sample", 1e-2, "-q"),
        )
    one, three = content("m1"), content("m3")
    assert one["vocab.txt"] == three["vocab.txt"]
    assert one["counts.npy"] == three["counts.npy"]


def test_a_reader_that_has_seen_enough_ends_it_quietly():
    text = " ".join(f"w{i}" for i in range(20_000))  # more than a pipe holds
    Path("many.txt").write_text(text)
    command = f"{sys.executable} -m w2v vocab many.txt --min-count 1 --vocab-size 20000 | head -1"
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.stdout == "0\tw0\t1\n"
    assert short_repr(done.stderr)[-2].startswith("corpus: 20,000 words in 1 line,")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["vocab", "similar"])
def test_output_that_cannot_be_written_is_an_error(command, model):
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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_log_that_cannot_be_written_is_an_error():
    message = error("train", "text.txt", *TINY, "-q", "--log-json", "/dev/full")
    assert message.startswith("cannot write /dev/full: the disk is full: 0 bytes were written")
    assert message.endswith("; free some space, or choose another file with --log-json")
    assert names() == ["text.txt", "tmp"]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_output_is_utf8_whatever_the_locale(encoding):
    w2v.Embeddings(["λόγος", "naïve"], np.ones((2, 2), np.float32)).save("m")
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "w2v", "similar", "m", "λόγος"]
    done = subprocess.run(command, capture_output=True, check=True, env=environment, timeout=60)
    assert done.stdout.decode() == "λόγος\tnaïve\t1.0000\n"


# Signals, sent when the log tells what the process is at

START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"  # may be ignored
    "from w2v.cli.main import main; main(prog_name='w2v')"
)
STAGES = {
    "reading": [str(KJV)] * 80,
    "training": [str(KJV), "--epochs", "1000"],
    "compiling": [str(KJV)],
    "waiting": ["-"],
}


def reached(stage: str) -> Callable[[], bool]:
    if stage == "waiting":  # for text on stdin; nothing tells, but the compiling is over
        return lambda: Path("log").exists() and not time.sleep(2.5)
    return lambda: Path("log").exists() and f'"stage": "{stage}"' in Path("log").read_text()


@compiled_only
@pytest.mark.parametrize(
    ("stage", "sent", "code", "message"),
    [
        ("reading", signal.SIGINT, 130, "interrupted"),
        ("training", signal.SIGINT, 130, "interrupted"),
        ("compiling", signal.SIGINT, 130, "interrupted"),
        ("waiting", signal.SIGINT, 130, "interrupted"),
        ("training", signal.SIGTERM, 143, "terminated"),
        ("compiling", signal.SIGTERM, 143, "terminated"),
        ("training", signal.SIGHUP, 129, "hung up"),
    ],
)
def test_a_signal_ends_it_at_once_and_leaves_only_what_is_kept(stage, sent, code, message, place):
    for folder in ("work", "cache"):
        Path(folder).mkdir()
    ok("train", "text.txt", "-o", "m", *TINY)
    before = content("m")
    environment = dict(os.environ)
    if stage == "compiling":
        environment["NUMBA_CACHE_DIR"] = str(place / "cache")
    work_dir = [] if stage == "training" else ["--work-dir", "work"]
    command = [sys.executable, "-c", START, "train", *STAGES[stage], "-o", "m", "--overwrite"]
    command += [*work_dir, "--log-json", "log"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        try:
            there = reached(stage)
            deadline = time.monotonic() + 30
            while not there():
                assert running.poll() is None, running.stderr.read()
                assert time.monotonic() < deadline
                time.sleep(0.02)
            running.send_signal(sent)
            started = time.monotonic()
            assert running.wait(timeout=10) == code
            assert time.monotonic() - started < 2  # a second is promised, machines are busy
            lines = running.stderr.read().splitlines()
        finally:
            running.kill()
    assert lines[-1] == message
    assert "Traceback" not in "".join(lines)
    assert content("m") == before
    kept = []
    if stage == "training":
        assert lines[-2] == "resume with: w2v train --resume m"
        kept = ["m.checkpoint"]
    assert names() == sorted(["cache", "log", "m", *kept, "text.txt", "tmp", "work"])
    assert names("work") == []


@compiled_only
@pytest.mark.parametrize("ignored", [False, True])
def test_a_terminal_that_is_closed_ends_it_unless_it_was_told_not_to_care(ignored, place):
    keyboard, terminal = pty.openpty()

    def begin() -> None:
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
        preexec_fn=begin,
    )
    try:
        os.close(terminal)
        there = reached("training")
        deadline = time.monotonic() + 30
        while not there():
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


@pytest.mark.parametrize("place_of", [[], ["--work-dir", "work"]])
def test_what_was_stopped_goes_on(place_of, monkeypatch):
    Path("work").mkdir()
    ok("train", "text.txt", "-o", "whole", *TINY)
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_validate", interrupted)
        result = run("train", "text.txt", "-o", "m", *TINY, *place_of)
    assert result.exit_code == 130
    resume = ["--resume", "m", *place_of]
    assert f"resume with: w2v train {' '.join(resume)}\n" in result.stderr
    message = error("train", *resume, "--dim", "9", code=2)
    assert message == (
        "--dim cannot change when training resumes: it started with --dim 8, got --dim 9; omit it, "
        "or start over with --overwrite"
    )
    ok("train", *resume, "--dim", "8", "--threads", "2")
    assert names() == ["m", "text.txt", "tmp", "whole", "work"]
    assert names("work") == []
    found, whole = (w2v.load(name) for name in ("m", "whole"))
    assert found.words == whole.words


def test_how_to_go_on_can_be_pasted(monkeypatch):
    monkeypatch.setattr(trainer.Trainer, "_validate", interrupted)
    result = run("train", "text.txt", "-o", "my model", *TINY)
    assert "resume with: w2v train --resume 'my model'\n" in result.stderr


def test_there_is_nothing_to_go_on_with_in_a_folder_of_others():
    Path("m.checkpoint").mkdir()
    Path("m.checkpoint/thesis.txt").touch()
    result = run("train", "text.txt", "-o", "m", *TINY)
    assert "exists and is not a checkpoint of w2v" in result.stderr
    assert "go on with" not in result.stderr


def interrupted(the_trainer, *_):
    if the_trainer.setup.config.dim == 8:  # not the tiny job by which kernels are compiled
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["text.txt"], "CORPUS"),
        (["-o", "x"], "--output"),
        (["--vocab", "text.txt"], "--vocab"),
        (["--freeze-old"], "--freeze-old"),
        (["--overwrite", "--init", "x", "text.txt"], "CORPUS or --init"),
    ],
)
def test_what_goes_on_takes_no_other_task(arguments, named):
    message = error("train", "--resume", "m", *arguments, code=2)
    assert message == f"--resume continues a previous run and cannot be combined with {named}"


@pytest.mark.parametrize("time_", ["soon", "-1", "5d", "", "1.s"])
def test_what_is_no_time_is_refused(time_):
    message = error("train", "text.txt", "--checkpoint-every", time_, code=2)
    assert message.startswith("Invalid value for '--checkpoint-every': ")
    assert message.endswith(f"{time_!r} is not a time such as 90, 90s, 10m or 2h.")


@pytest.mark.parametrize(
    ("time_", "seconds"), [("0", 0), ("90", 90), ("1.5s", 1.5), ("10m", 600), ("2h", 7200)]
)
def test_times_have_units(time_, seconds, monkeypatch):
    given = {}
    monkeypatch.setattr(job, "train", lambda *_, **options: given.update(options))
    ok("train", "text.txt", "--checkpoint-every", time_)
    assert given["checkpoint_every"] == seconds


def test_an_empty_argument_is_not_the_current_folder():
    message = error("vocab", "", code=2)
    assert message == "Invalid value for 'CORPUS...': the path is empty."


# What is said where nothing can go on


def test_a_job_that_cannot_go_on_is_not_said_to(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_validate", interrupted)
        assert (
            "resume with: w2v train --resume m" in run("train", "text.txt", "-o", "m", *TINY).stderr
        )
    go_on = ("train", "--resume", "m")
    assert "resume with:" not in run(*go_on, "--dim", "9").stderr  # another option
    with Checkpoint(Path("m.checkpoint"), None)._lock:  # another process
        assert "another process uses " in error(*go_on)
    state = Path("m.checkpoint/state")
    data = bytearray(state.read_bytes())
    data[-1] ^= 1
    state.write_bytes(data)
    assert "wrong checksum" in error(*go_on)


def test_the_default_is_told_from_its_opposite(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_validate", interrupted)
        run("train", "text.txt", "-o", "m", *TINY)
    result = run("train", "--resume", "m", "--no-lowercase")
    assert result.exit_code == 2
    assert (
        "it started with the default of --lowercase, got --no-lowercase; omit it" in result.stderr
    )


def test_a_job_that_is_refused_leaves_no_log():
    assert error("train", "text.txt", "-o", "missing/m", "--log-json", "log", *TINY)
    assert not Path("log").exists()


@pytest.mark.parametrize("code", [130, 143])
def test_streams_may_be_closed_when_it_is_stopped_while_compiling(code, monkeypatch):
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    waiting = threading.Event()
    thread = threading.Thread(target=waiting.wait, name="w2v-compile", daemon=True)
    thread.start()
    try:
        with pytest.raises(click.exceptions.Exit):
            cli_process._stop(code, "stopped")
    finally:
        waiting.set()
        thread.join()
    assert ended == [code]


def test_reports_need_no_stderr(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    with observing(quiet=False) as observer:
        observer(Compiling())


# Streams that are closed, and folders that one stands in


@pytest.mark.parametrize("command", ["vocab", "pairs"])
def test_a_closed_output_is_found_before_the_work(command, monkeypatch):
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
def test_help_that_cannot_be_written_is_an_error_in_a_line(option):
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "w2v", option]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "Error: cannot write the output: No space left on device\n"


@pytest.mark.parametrize("path", [".", "..", "../here"])
def test_the_current_folder_is_never_replaced(path, place, monkeypatch):
    Path("here/below").mkdir(parents=True)
    ok("train", "text.txt", "-o", "here/m", *TINY)
    monkeypatch.chdir("here/m" if path == ".." else "here/below")
    target = {".": ".", "..": ".", "../here": "../../here/below"}[path]
    message = error("train", str(place / "text.txt"), "-o", target, "--overwrite", *TINY)
    assert message == (f"{target} is the current directory or a parent of it; choose another name")


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (FileNotFoundError(2, "No such file"), "the current directory does not exist any more"),
        (OSError("no such library"), "no such library"),
        (PermissionError(13, "Permission denied", "x/y"), "x/y: Permission denied"),
    ],
)
def test_what_else_the_system_refuses_is_not_called_the_output(raised, message, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise raised

    monkeypatch.setattr(job, "train", refuse)
    assert error("train", "text.txt").startswith(message)


def test_reports_that_nobody_reads_stop_no_training():
    command = f"{shlex.quote(sys.executable)} -m w2v train text.txt -o m {' '.join(TINY)} 2>&1"
    done = subprocess.run(
        ["bash", "-c", f"({command}; echo $? > code) | head -c 1 > /dev/null"], timeout=60
    )
    assert done.returncode == 0
    assert Path("code").read_text() == "0\n"
    assert len(w2v.load("m")) == len(RANKED)
