"""`w2v shell`: queries in a pipe and on a terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shutil
import subprocess
import sys
import termios
import time
from pathlib import Path

import numpy as np
import pytest

import w2v
from commands import START, ok, run
from w2v.cli import shell, terminal


def test_each_line_of_a_pipe_has_one_answer(model):
    lines = ["king", "", "king - man + woman", "xyzzy", ":n 1", "queen", ":odd king queen apple",
             ":cos king man", ":nonsense", ":help", "  man  "]  # fmt: skip
    result = run("shell", model, "-n", "2", stdin="\n".join(lines))
    assert result.exit_code == 0
    answers = result.stdout.splitlines()
    assert len(answers) == len(lines)
    assert answers[0] == "man\t0.7071\tqueen\t0.5000"
    assert answers[2].startswith("queen\t")
    assert answers[5] == "woman\t0.7071"
    assert answers[6].startswith("apple\t")
    assert answers[7] == "0.7071"
    assert answers[10] == "king\t0.7071"
    assert [answers[i] for i in (1, 3, 4, 8, 9)] == [""] * 5
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 3
    assert errors[0] == "Error: expected a word, got an empty line"
    assert errors[1].startswith("Error: 'xyzzy' is not among the 5 words of this model")
    assert errors[2].startswith("Error: ':nonsense' is not a command")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (":n", "':n' is not a command"),
        (":n 0", "'0' is not "),
        (":n x", "'x' is not "),
        (":cos king", "':cos king' is not a command"),
        (":odd king", "expected at least 2 words"),
        (":odd", "expected at least 2 words"),
        (":", "':' is not a command"),
        ("king -", "expected a word after -, got nothing"),
        ("+", "expected a word after +, got nothing"),
        ("- -", "expected a word after -"),
    ],
)
def test_wrong_lines_are_errors_and_the_shell_continues(line, message, model):
    result = run("shell", model, stdin=f"{line}\nking\n")
    assert len(result.stdout.splitlines()) == 2
    assert result.stdout.splitlines()[1].startswith("man\t0.7071")
    assert (message is None) == ("Error: " not in result.stderr)
    assert f"Error: {message or ''}" in result.stderr or message is None


def test_a_map_is_saved(model, monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(shell.webbrowser, "open", opened.append)
    assert ok("shell", model, stdin=":map words.html\nking\n").startswith("words.html\nman\t")
    assert "<html" in Path("words.html").read_text()
    assert "words.html" in run("shell", model, stdin=":map words.html\n").stderr  # it exists
    assert run("shell", model, stdin=":map a b\n").stdout == "\n"
    monkeypatch.setenv("DISPLAY", ":0")
    path = Path(ok("shell", model, stdin=":map\n").strip())
    assert "<html" in path.read_text()
    assert opened == []
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    shown = Path(ok("shell", model, stdin=":map\n").strip())
    assert opened == [shown.as_uri()]
    for directory in (path.parent, shown.parent):
        shutil.rmtree(directory)


def test_the_shell_ends_at_quit_and_at_the_end_of_the_input(model):
    assert ok("shell", model, stdin=":q\nking\n") == ""
    assert ok("shell", model, stdin="") == ""


def test_invalid_bytes_are_an_unknown_word(model):
    result = run("shell", model, stdin=b"k\xff\nking\n")
    assert result.stdout.splitlines()[0] == ""
    assert result.stdout.splitlines()[1].startswith("man\t")


@pytest.mark.parametrize(
    ("line", "positive", "negative"),
    [
        ("a", ["a"], []),
        ("a b", ["a", "b"], []),
        ("a - b + c", ["a", "c"], ["b"]),
        ("a -b +c", ["a", "c"], ["b"]),
        ("-b a", ["a"], ["b"]),
        ("a - b c", ["a", "c"], ["b"]),
        ("a --b", ["a"], ["-b"]),
        ("a -x", ["a", "-x"], []),
        ("a - -x", ["a"], ["-x"]),
        ("a + -x", ["a", "-x"], []),
        ("two words", ["two words"], []),
        ("", [], []),
    ],
)
def test_lines_are_parsed_into_words(line, positive, negative):
    model = w2v.Embeddings(["a", "b", "c", "-x", "two words"], np.eye(5, dtype=np.float32))
    assert shell.parse(line, model) == (positive, negative)


def test_completions_begin_with_the_text_and_are_ranked():
    words = ["then", "the", "a", "there", "-the", "theé", "数学"]
    completer = shell.Completer(words)
    assert completer.completions("the") == ["then", "the", "there", "theé"]
    assert completer.completions("ther") == ["there"]
    assert completer.completions("-th") == ["-then", "-the", "-there", "-theé"]
    assert completer.completions("+the") == ["+then", "+the", "+there", "+theé"]
    assert completer.completions("数") == ["数学"]
    assert completer.completions("x") == []
    assert [completer.complete("ther", state) for state in range(2)] == ["there", None]
    reference = [word for word in words if word.startswith("t")]
    assert completer.completions("t") == reference


def test_the_history_is_stored_where_the_user_wants_it(monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert shell.history_file() == Path("/state/w2v/history")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/user")
    assert shell.history_file() == Path("/home/user/.local/state/w2v/history")


class Terminal:
    """A process on a pseudo terminal."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        self._keyboard, other = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-c", START, *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
            env={**os.environ, "TERM": "xterm", **environment},
        )
        os.close(other)
        self.shown = ""

    def type(self, text: str) -> None:
        os.write(self._keyboard, text.encode())

    def wait_for(self, text: str) -> None:
        """Read until a text is shown after what was waited for before."""
        deadline = time.monotonic() + 60
        while text not in self.shown:
            assert time.monotonic() < deadline, (text, self.shown)
            if select.select([self._keyboard], [], [], 0.1)[0]:
                self.shown += os.read(self._keyboard, 4096).decode()
        self.shown = self.shown.partition(text)[2]

    def close(self) -> int:
        try:
            return self.process.wait(timeout=30)
        finally:
            self.process.kill()
            self.process.wait()
            os.close(self._keyboard)


@pytest.mark.slow
def test_a_terminal_has_completion_history_and_tables(model, tmp_path):
    pytest.importorskip("readline")
    state = {"XDG_STATE_HOME": str(tmp_path / "state"), "NO_COLOR": "1", "PYTHONUTF8": "1"}
    session = Terminal("shell", model, **state)
    session.wait_for("5 words, 3 dimensions; :help for help")
    session.wait_for("> ")
    session.type("qu\t\n")
    session.wait_for("  king ")
    session.wait_for("0.5000  ██████████")
    session.wait_for("> ")
    session.type("\x1b[A\n")  # the line before: arrow up
    session.wait_for("  king ")
    session.wait_for("> ")
    session.type("xyzzy\n")
    session.wait_for("Error: 'xyzzy' is not among")
    session.wait_for("> ")
    session.type("\x04")  # the end of the input
    assert session.close() == 0
    history = (tmp_path / "state" / "w2v" / "history").read_text().splitlines()
    assert [line.strip() for line in history] == ["queen", "queen", "xyzzy"][-len(history) :]
    assert "xyzzy" in history


def test_tables_on_a_terminal(model, monkeypatch):
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    shown = ok("shell", model, stdin="king - man\n\n:odd king queen apple\n")
    assert shown.startswith("king - man\n  ")
    assert "\n  apple " in shown


def test_an_interrupt_drops_the_line(model, monkeypatch, tmp_path):
    lines = iter([KeyboardInterrupt, "king", KeyboardInterrupt, ":q", "man"])

    def typed(prompt: str) -> str:
        line = next(lines)
        if line is KeyboardInterrupt:
            raise KeyboardInterrupt
        return line

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("builtins.input", typed)
    monkeypatch.setattr(shell, "_is_interactive", lambda: True)
    shown = ok("shell", model, "-n1")
    assert shown == "5 words, 3 dimensions; :help for help\n\nman\t0.7071\n\n"
    assert next(lines) == "man"
