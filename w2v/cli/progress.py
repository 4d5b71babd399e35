"""Progress on a terminal, in logs and as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import click
from tqdm import tqdm

from w2v.cli.options import with_flags
from w2v.cli.process import until_broken_pipe
from w2v.errors import W2VError
from w2v.events import DETAILED, FREQUENT, Event, Notice, Observer, combine
from w2v.progress import ProgressBars
from w2v.system.disk import writing

_LINE_SECONDS = 10.0
_JSON_SECONDS = 1.0


@contextlib.contextmanager
def observing(
    *, quiet: bool, verbose: bool = False, log_json: str | None = None
) -> Iterator[Observer]:
    """Return an observer that shows events on standard error and writes them to a file.

    Args:
        quiet: whether to show only warnings.
        verbose: whether to show details, too.
        log_json: the file, if any.

    """
    with contextlib.ExitStack() as stack:
        observers: list[Observer] = []
        if sys.stderr is not None:
            display = _display(sys.stderr, quiet=quiet)
            stack.callback(until_broken_pipe(display.close))
            shown = until_broken_pipe(display)
            observers.append(shown if verbose else _without_details(shown))
        if log_json is not None:
            observers.append(stack.enter_context(JsonLines(log_json)))
        yield combine(*observers)


def _without_details(observer: Observer) -> Observer:
    def observe(event: Event) -> None:
        if not isinstance(event, DETAILED):
            observer(event)

    return observe


def _display(stream: IO[str], *, quiet: bool) -> Bars | Lines | Warnings:
    if quiet:
        return Warnings(stream)
    return Bars(stream) if stream.isatty() else Lines(stream)


def describe(event: Event) -> str:
    """Return the description of an event, with its options spelled as flags."""
    return in_flags(str(event)) if event.notes or isinstance(event, Notice) else str(event)


def in_flags(text: str) -> str:
    """Spell the options in a text as flags of the command that runs."""
    context = click.get_current_context(silent=True)
    return text if context is None else with_flags(text, context)


class Bars(ProgressBars):
    """Progress bars on a terminal, which disappear, and lines above them."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(stream, tqdm, describe, leave=False)


class Warnings:
    """Only the notes of events, which ``--quiet`` shows too: they are warnings about the data."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Show the notes of an event."""
        for note in event.notes:
            print(in_flags(f"note: {note}"), file=self._stream, flush=True)

    def close(self) -> None:
        """Do nothing; `Bars` needs it."""


class Lines:
    """Lines for logs and pipes; frequent events appear every ten seconds."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        frequent = isinstance(event, FREQUENT)
        if frequent and time.monotonic() - self._last < _LINE_SECONDS:
            return
        self._last = time.monotonic()
        print(describe(event), file=self._stream, flush=True)

    def close(self) -> None:
        """Do nothing; `Bars` needs it."""


class JsonLines:
    """A file with a JSON object per event; frequent events appear at most once a second.

    The file is opened before the work, so that an unusable path is found at once. It is emptied at
    the first event: a command that fails before that leaves it unchanged, or absent.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._file: IO[str] | None = None
        self._begun = False
        self._last: dict[str, float] = {}

    def __enter__(self) -> JsonLines:
        with self._writing():
            self._existed = self._path.exists()
            self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # reported when the line was written
                self._file.close()
        if kind is not None and issubclass(kind, W2VError) and not (self._existed or self._begun):
            self._path.unlink(missing_ok=True)

    def __call__(self, event: Event) -> None:
        """Write an event."""
        now = time.time()
        if isinstance(event, FREQUENT):
            if now - self._last.get(event.stage, 0.0) < _JSON_SECONDS:
                return
            self._last[event.stage] = now
        with self._writing():
            if self._file is None:
                self._file = self._path.open("a", encoding="utf-8")
            if not self._begun and self._path.is_file():
                self._file.truncate(0)
            self._begun = True
            self._file.write(json.dumps({"time": round(now, 3), **event.as_dict()}) + "\n")
            self._file.flush()

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        doing, remedy = f"cannot write {self._path}", "choose another file with `log_json`"
        return writing(doing, self._path.absolute().parent, remedy, written=self._size)

    def _size(self) -> int:
        return 0 if self._file is None else os.fstat(self._file.fileno()).st_size
