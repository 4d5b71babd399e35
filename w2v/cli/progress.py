"""Progress on a terminal, in logs and as JSON."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import click
from tqdm import tqdm

from w2v.cli.options import with_flags
from w2v.cli.process import until_broken_pipe
from w2v.errors import W2VError
from w2v.events import EpochDone, Event, Notice, Observer, Reading, Training
from w2v.system.disk import writing

_LINE_SECONDS = 10.0
_JSON_SECONDS = 1.0


@contextlib.contextmanager
def observing(*, quiet: bool, log_json: str | None = None) -> Iterator[Observer]:
    """Return an observer that shows events on standard error and writes them to a file.

    Args:
        quiet: whether to show only notices that are warnings.
        log_json: the file, if any.

    """
    with contextlib.ExitStack() as stack:
        observers: list[Observer] = []
        if sys.stderr is not None:
            display = Warnings if quiet else Bars if sys.stderr.isatty() else Lines
            shown = display(sys.stderr)
            stack.callback(until_broken_pipe(shown.close))
            observers.append(until_broken_pipe(shown))
        if log_json is not None:
            observers.append(stack.enter_context(JsonLines(log_json)))
        yield combine(observers)


def combine(observers: list[Observer]) -> Observer:
    """Return one observer that passes each event to several."""

    def observe(event: Event) -> None:
        for observer in observers:
            observer(event)

    return observe


def describe(event: Event) -> str:
    """Return the description of an event, with options spelled as flags in notices."""
    context = click.get_current_context(silent=True)
    if context is None or not isinstance(event, Notice):
        return str(event)
    return with_flags(str(event), context)


class Bars:
    """Progress bars on a terminal, and lines above them."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._bar: tqdm[Any] | None = None
        self._stage = ""

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Reading):
            bar = self._switch("reading", event.total_bytes, "B")
            bar.update(event.done_bytes - bar.n)
        elif isinstance(event, Training):
            bar = self._switch("training", event.total_words, " words")
            loss = "-" if event.loss is None else f"{event.loss:.4f}"
            bar.set_postfix_str(
                f"epoch {event.epoch}/{event.epochs}, loss {loss}, lr {event.lr:.4f}", refresh=False
            )
            bar.update(event.done_words - bar.n)
        else:
            if not isinstance(event, EpochDone):
                self.close()
            for line in describe(event).splitlines():
                tqdm.write(line, file=self._stream)

    def close(self) -> None:
        """Remove the current bar, if any."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None
        self._stage = ""

    def _switch(self, stage: str, total: int | None, unit: str) -> tqdm[Any]:
        """Return the bar of a stage, in place of that of another one."""
        if self._bar is None or self._stage != stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(
                desc=stage,
                total=total,
                unit=unit,
                unit_scale=True,
                file=self._stream,
                dynamic_ncols=True,
                leave=False,
            )
        return self._bar


class Lines:
    """Lines for logs and pipes; events of reading and training appear every ten seconds."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Show an event."""
        frequent = isinstance(event, (Reading, Training))
        if frequent and time.monotonic() - self._last < _LINE_SECONDS:
            return
        self._last = time.monotonic()
        print(describe(event), file=self._stream, flush=True)

    def close(self) -> None:
        """Do nothing; `Bars` needs it."""


class Warnings:
    """Notices that are warnings, and nothing else."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Notice) and event.warning:
            print(describe(event), file=self._stream, flush=True)

    def close(self) -> None:
        """Do nothing; `Bars` needs it."""


class JsonLines:
    """A file with a JSON object per event; those of reading and training at most once a second.

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
        if isinstance(event, (Reading, Training)):
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
