"""The main command: help, version, and error messages."""

from __future__ import annotations

import gzip
import os
import re
import sys
from pathlib import Path

import click
import numpy as np
import pytest

import w2v
from commands import TEXT, TINY, error, ok, process, run
from support import names, overflowing
from w2v.cli import main as cli


def test_help_shows_every_command_in_one_line():
    text = ok("--help")
    for name, command in cli.main.commands.items():
        assert f"  {name} " in text
        assert command.get_short_help_str() in text
    assert ".." not in text.partition("Training:")[2].replace("as C is to ...", "")
    assert ok("-h") == text


@pytest.mark.parametrize("command", sorted(cli.main.commands))
def test_every_command_has_help(command):
    assert ok(command, "--help").startswith(f"Usage: main {command} ")


def test_version():
    assert ok("--version") == f"w2v, version {w2v.__version__}\n"


def test_unknown_commands_are_rejected():
    assert "No such command 'tarin'" in error("tarin", code=2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["vocab"],
        ["pairs"],
        ["similar", "m"],
        ["analogy", "m", "a", "b"],
        ["odd", "m"],
        ["export", "m", "-f", "word2vec-text"],
        ["export", "m", "-f", "npy"],
        ["convert", "m"],
        ["encode", "m", "f"],
        ["info"],
    ],
)
def test_the_error_names_a_missing_argument(arguments):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "\nError: Missing " in result.stderr


def test_the_package_runs_as_a_module():
    done = process("--version")
    assert (done.returncode, done.stdout) == (0, f"w2v, version {w2v.__version__}\n")


def damaged_model() -> None:
    w2v.Embeddings(["a"], np.ones((1, 2), np.float32)).save("bad.w2v")
    Path("bad.w2v/vocab.txt").write_text("a\nb\n")


@overflowing
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "missing.txt"], "cannot read missing.txt: No such file or directory"),
        (["train", "utf16.txt"], "utf16.txt is text in UTF-16 .*; pass --encoding utf-16-le, or"),
        (["vocab", "utf16.txt"], "utf16.txt is text in UTF-16"),
        (["pairs", "cut.gz"], "cut.gz is damaged or truncated"),
        (["train", "texts"], "the directory texts contains no files"),
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
        (
            ["similar", "missing.w2v", "a"],
            "cannot read missing.w2v: there is no such model dir",
        ),
        (["similar", "text.txt", "a"], "text.txt, line 1: expected a word and its numbers"),
        (["analogy", "bad.w2v", "a", "b", "c"], "bad.w2v: vocab.txt has 2 words, embeddings.npy 1"),
        (["eval", "bad.w2v", "x"], "bad.w2v: vocab.txt has 2 words"),
        (["info", "texts"], "texts is not a model directory: it has no meta.json"),
        (
            ["export", "missing", "-f", "word2vec-bin", "-o", "x"],
            "cannot read missing: there is no",
        ),
    ],
)
def test_errors_are_reported_in_one_line(arguments, message):
    Path("utf16.txt").write_text(TEXT, encoding="utf-16-le")
    Path("cut.gz").write_bytes(gzip.compress(os.urandom(5000).hex().encode())[:3000])
    Path("texts").mkdir()
    Path("empty.txt").touch()
    Path("one.txt").write_text("lonely")
    damaged_model()
    before = names()
    found = error(*arguments)
    assert click.unstyle(found) == found
    assert re.match(message, found), found
    assert names() == before


def test_the_error_names_a_missing_package(monkeypatch):
    Path("text.zst").write_bytes(b"\x28\xb5\x2f\xfd rest")
    monkeypatch.setitem(sys.modules, "zstandard", None)
    message = error("train", "text.zst", *TINY)
    assert message.endswith("needs an optional package: pip install 'w2v[zst]'")
