"""`w2v shell`: one query after another to a model that is loaded once."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import tempfile
import webbrowser
from bisect import bisect_left
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from w2v.cli import options, terminal
from w2v.cli.loading import from_format, read_model
from w2v.cli.process import Command, echo_err
from w2v.cli.similar import expression, number, show_neighbors, show_scores
from w2v.errors import ConfigError, W2VError
from w2v.options import NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from w2v.embeddings.embeddings import Embeddings

_PROMPT = "> "
_MOST_COMPLETIONS = 100
_MOST_LINES_OF_HISTORY = 1_000
_SIGNS = ("+", "-")
_HELP = """\
king                  the words nearest to a word
king - man + woman    the words nearest to a sum of vectors, each scaled to length 1
:odd bread wine car   the word that does not fit to the others, first
:cos king queen       the cosine of two words
:n 20                 list 20 words
:map                  draw the words as a map and open it; `:map FILE.html` saves it
:help, :q             show this help, quit"""


@cloup.command(cls=Command, short_help="Ask a model one query after another.")
@options.model
@number
@from_format
def shell(model: str, number: int, from_format: str | None) -> None:
    """Answer queries until the end of the input: a word, or words with + and -.

    On a terminal, Tab completes words and the arrow keys bring back earlier lines. In a pipe, each
    line of the input gives one line of output, the words and cosines separated by tabs. A query
    without an answer gives an empty line, and the reason on stderr.
    """
    embeddings = read_model(model, from_format)
    session = Session(embeddings, number)
    if _is_interactive():
        click.echo(f"{len(embeddings):,} words, {embeddings.dim} dimensions; :help for help")
        _answer_typed_lines(session, embeddings)
    else:
        _answer_piped_lines(session)


def _is_interactive() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and terminal.is_terminal()


def _has_windows() -> bool:
    """Return whether a browser would open in a window, not in this terminal."""
    named = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    return bool(named) or sys.platform != "linux"


class Session:
    """A model, and the settings that commands change."""

    def __init__(self, embeddings: Embeddings, number: int) -> None:
        self._embeddings = embeddings
        self._number = number

    def answer(self, line: str) -> bool:
        """Answer one line, and return whether more lines may follow."""
        is_piped = not terminal.is_terminal()
        if line in (":q", ":quit", ":exit"):
            return False
        try:
            if line.startswith(":") and line not in self._embeddings:
                self._run(*line[1:].split())
            elif line or is_piped:
                self._show_nearest(line)
        except W2VError as error:
            if is_piped:
                click.echo("")
            echo_err(f"Error: {' '.join(str(error).split())}")
        sys.stdout.flush()
        return True

    def _run(self, command: str = "", *arguments: str) -> None:
        """Run a command that begins with a colon."""
        if command == "odd":
            fits = self._embeddings.odd_one_out(arguments)
            self._show(fits, marked=fits[0][0])
        elif command == "cos" and len(arguments) == len(("a", "b")):
            click.echo(f"{self._embeddings.similarity(*arguments):.4f}")
        elif command == "n" and len(arguments) == 1:
            parsed = NUMBER.parse(arguments[0])
            if parsed is None or not NUMBER.accepts(parsed):
                message = f"{arguments[0]!r} is not {NUMBER.expected}"
                raise ConfigError(message)
            self._number = int(parsed)
            self._acknowledge()
        elif command == "map" and len(arguments) <= 1:
            self._draw_map(*arguments)
        elif command in ("help", "h", "?"):
            click.echo(_HELP, err=not terminal.is_terminal())
            self._acknowledge()
        else:
            given = " ".join((f":{command}", *arguments))
            message = f"{given!r} is not a command; expected :odd, :cos, :n, :map, :help or :q"
            raise ConfigError(message)

    def _draw_map(self, name: str | None = None) -> None:
        """Save a map of the words, and open it in a browser if the user named no file."""
        path = Path(name or Path(tempfile.mkdtemp(prefix="w2v-")) / "map.html")
        self._embeddings.map().save(path)
        click.echo(str(path))
        if name is None and terminal.is_terminal() and _has_windows():
            webbrowser.open(path.resolve().as_uri())

    def _acknowledge(self) -> None:
        """Print the line that a program on the other end of a pipe waits for."""
        if not terminal.is_terminal():
            click.echo("")

    def _show_nearest(self, line: str) -> None:
        positive, negative = parse(line, self._embeddings)
        if not positive and not negative:
            message = "expected a word, got an empty line"
            raise ConfigError(message)
        found = self._embeddings.most_similar(
            positive=positive, negative=negative, topn=self._number
        )
        if terminal.is_terminal():
            show_neighbors([(expression(positive, negative), found)])
        else:
            self._show(found)

    def _show(self, rows: Sequence[tuple[str, float]], marked: str | None = None) -> None:
        if terminal.is_terminal():
            show_scores(rows, marked)
        else:
            click.echo("\t".join(f"{word}\t{cosine:.4f}" for word, cosine in rows))


def parse(line: str, embeddings: Embeddings) -> tuple[list[str], list[str]]:
    """Return the words to add and to subtract.

    A sign stands alone or before a word. What is a word of the vocabulary is never taken apart.
    """
    if line in embeddings:
        return [line], []
    positive: list[str] = []
    negative: list[str] = []
    sign = "+"
    for token in line.split():
        if token in _SIGNS:
            sign = token
            continue
        has_sign = token.startswith(_SIGNS) and token not in embeddings
        (negative if (token[0] if has_sign else sign) == "-" else positive).append(
            token[1:] if has_sign else token
        )
        sign = "+"
    if line.split()[-1:] in (["+"], ["-"]):
        message = f"expected a word after {line.split()[-1]}, got nothing"
        raise ConfigError(message)
    return positive, negative


def _answer_piped_lines(session: Session) -> None:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    for line in sys.stdin or ():
        if not session.answer(line.strip()):
            return


def _answer_typed_lines(session: Session, embeddings: Embeddings) -> None:
    """Answer what a user types, with completion and history where readline exists."""
    with _line_editing(embeddings):
        expects_more = True
        while expects_more:
            try:
                expects_more = session.answer(input(_PROMPT).strip())
            except EOFError:
                click.echo("")
                return
            except KeyboardInterrupt:  # drops the line or the answer, as in other shells
                with contextlib.suppress(KeyboardInterrupt):
                    click.echo("")


@contextlib.contextmanager
def _line_editing(embeddings: Embeddings) -> Iterator[None]:
    try:
        readline: Any = importlib.import_module("readline")
    except ImportError:  # Python was built without it
        yield
        return
    readline.set_completer(Completer(embeddings.words).complete)
    readline.set_completer_delims(" \t\n")
    is_libedit = "libedit" in (readline.__doc__ or "")
    readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")
    readline.set_history_length(_MOST_LINES_OF_HISTORY)
    try:
        history = history_file()
    except RuntimeError:  # there is no home directory
        yield
        return
    with contextlib.suppress(OSError):  # there is no history yet, or it cannot be read
        readline.read_history_file(history)
    try:
        yield
    finally:
        try:
            history.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(history)
        except OSError as error:
            echo_err(f"note: the history is not saved: {error.strerror}: {history}")


def history_file() -> Path:
    """Return where the lines of earlier runs are stored."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "w2v" / "history"


class Completer:
    """Completes the beginning of a word; the most frequent words come first.

    Args:
        words: the words by rank, each of them once.

    """

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self._found: list[str] = []

    @cached_property
    def _ranks(self) -> dict[str, int]:
        return {word: rank for rank, word in enumerate(self._words)}

    @cached_property
    def _sorted(self) -> list[str]:  # which takes a second for a million words
        return sorted(self._words)

    def complete(self, text: str, state: int) -> str | None:
        """Return completion number ``state`` of a text, None after the last (readline's rule)."""
        if state == 0:
            self._found = self.completions(text)
        return self._found[state] if state < len(self._found) else None

    def completions(self, text: str) -> list[str]:
        """Return the words that begin with a text, which may have a sign."""
        sign = text[0] if text.startswith(_SIGNS) and text not in self._ranks else ""
        begun = text.removeprefix(sign)
        found = []
        for word in self._sorted[bisect_left(self._sorted, begun) :]:
            if not word.startswith(begun):
                break
            found.append(word)
        found.sort(key=self._ranks.__getitem__)
        return [sign + word for word in found[:_MOST_COMPLETIONS]]
