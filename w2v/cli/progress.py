"""How the command line shows the reports of a job: bars, lines now and then, or JSON."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import IO, Any

from tqdm import tqdm

from w2v.events import (
    Compiling,
    CorpusRead,
    EpochDone,
    Event,
    Observer,
    Reading,
    Resumed,
    Saved,
    Training,
    WarmStarted,
)
from w2v.system.disk import writing

_LINE_SECONDS = 10.0
_JSON_SECONDS = 1.0


class Bars:
    """Progress bars for a terminal, and what is to stay on it in lines between them."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._bar: tqdm[Any] | None = None
        self._stage = ""

    def __call__(self, event: Event) -> None:
        """Show a report."""
        if isinstance(event, Reading):
            bar = self._switch("reading", event.total_bytes, "B")
            bar.update(event.done_bytes - bar.n)
        elif isinstance(event, Training):
            bar = self._switch("training", event.total_words, "words")
            bar.set_postfix_str(
                f"epoch {event.epoch}/{event.epochs}, loss {_number(event.loss)}, "
                f"lr {event.lr:.4f}",
                refresh=False,
            )
            bar.update(event.done_words - bar.n)
        else:
            if not isinstance(event, EpochDone):
                self.close()
            for line in describe(event):
                tqdm.write(line, file=self._stream)

    def close(self) -> None:
        """Finish the bar that is shown, if any."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None
        self._stage = ""

    def _switch(self, stage: str, total: int | None, unit: str) -> tqdm[Any]:
        if self._bar is None or self._stage != stage:
            self.close()
            self._stage = stage
            self._bar = tqdm(
                desc=stage,
                total=total,
                unit=unit if unit == "B" else f" {unit}",
                unit_scale=True,
                file=self._stream,
                dynamic_ncols=True,
                leave=False,
            )
        return self._bar


class Lines:
    """A line now and then, for logs and pipes."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._last = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Show a report, if it is time."""
        frequent = isinstance(event, (Reading, Training))
        if frequent and time.monotonic() - self._last < _LINE_SECONDS:
            return
        self._last = time.monotonic()
        for line in describe(event):
            print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


class JsonLines:
    """One JSON object a report, for programs; reading and training once a second at most."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._last: dict[str, float] = {}

    def __call__(self, event: Event) -> None:
        """Write a report, if it is time."""
        now = time.time()
        if isinstance(event, (Reading, Training)):
            if now - self._last.get(event.stage, 0.0) < _JSON_SECONDS:
                return
            self._last[event.stage] = now
        name = getattr(self._stream, "name", "the log")
        directory = Path(name).absolute().parent
        remedy = "choose another directory with `log_json`"
        with writing(f"cannot write {name}", directory, remedy, written=self._size):
            self._stream.write(json.dumps({"time": round(now, 3), **event.as_dict()}) + "\n")
            self._stream.flush()

    def _size(self) -> int:
        return os.fstat(self._stream.fileno()).st_size


def every(observers: list[Observer]) -> Observer:
    """One observer that hands each report to several."""

    def observe(event: Event) -> None:
        for observer in observers:
            observer(event)

    return observe


def describe(event: Event) -> list[str]:
    """Put a report in words: some lines, or none."""
    if isinstance(event, Compiling):
        return ["compiling the kernels; this takes some seconds, the first time only"]
    if isinstance(event, WarmStarted):
        return [_describe_beginning(event)]
    if isinstance(event, Reading):
        of = f" of {event.total_bytes:,}" if event.total_bytes else ""
        rate = event.text_bytes / max(event.seconds, 1e-9) / 1e6
        return [f"reading: {event.done_bytes:,}{of} bytes, {event.tokens:,} words, {rate:.0f} MB/s"]
    if isinstance(event, CorpusRead):
        return _describe_corpus(event)
    if isinstance(event, Resumed):
        share = f"{100 * event.share:.0f} %"
        return [f"going on in epoch {event.epoch}/{event.epochs}, {share} of which was done"]
    if isinstance(event, Training):
        left = "" if event.seconds_left is None else f", {event.seconds_left:.0f} s left"
        return [
            (
                f"training: {100 * event.done_words / max(event.total_words, 1):.0f} %, epoch "
                f"{event.epoch}/{event.epochs}, {event.words_per_second / 1e6:.2f} million words/s"
                f", loss {_number(event.loss)}, lr {event.lr:.4f}{left}"
            )
        ]
    if isinstance(event, EpochDone):
        held_out = (
            "" if event.validation_loss is None else f", held out {event.validation_loss:.4f}"
        )
        return [
            (
                f"epoch {event.epoch}/{event.epochs}: loss {_number(event.loss)}{held_out}, "
                f"{event.pairs:,} pairs, {event.words / max(event.seconds, 1e-9) / 1e6:.2f} "
                f"million words/s, {event.seconds:.1f} s"
            )
        ]
    if isinstance(event, Saved):
        return [
            (
                f"{event.path}: {event.words:,} words x {event.dim}, "
                f"{event.words_per_second / 1e6:.2f} million words/s, {event.seconds:.1f} s in all"
            ),
            _describe_timings(event.timings),
        ]
    return []


def _describe_beginning(event: WarmStarted) -> str:
    if event.epochs:
        return f"going on with {event.path} after epoch {event.epochs}"
    contexts = "" if event.contexts else "; it has no context vectors, so these begin at zero"
    frozen = "; its vectors stay as they are" if event.frozen else ""
    return f"beginning with {event.path}{contexts}{frozen}"


def _describe_timings(timings: dict[str, Any]) -> str:
    """Say where the time went; the stages of reading as shares of what all threads did for it."""
    stages = timings["stages"]
    work = max(sum(stages.values()), 1e-9)
    shares = ", ".join(f"{name} {100 * part / work:.0f} %" for name, part in stages.items())
    parts = [
        f"{name} {timings[name]:.1f} s" + (f" ({shares})" if name == "reading" else "")
        for name in ("compiling", "reading", "training", "writing")
    ]
    return f"where the time went: {', '.join(parts)}"


def _describe_corpus(event: CorpusRead) -> list[str]:
    lines = [
        (
            f"{event.tokens:,} words in {event.lines:,} lines, {event.types:,} different ones; "
            f"{event.vocabulary:,} kept, which cover {100 * event.coverage:.2f} % of the text"
        )
    ]
    dropped = [
        f"{count:,} {reason}"
        for count, reason in (
            (event.dropped_rare, "too rare"),
            (event.dropped_beyond_size, "beyond the vocabulary's size"),
            (event.dropped_unlisted, "not in the given vocabulary"),
            (event.dropped_too_long, "too long"),
        )
        if count
    ]
    if dropped:
        lines.append(f"dropped: {', '.join(dropped)}")
    if event.old_words:
        lines.extend(_describe_growth(event))
    elif event.unseen_words:
        lines.append(
            f"note: {event.unseen_words:,} words of the given vocabulary do not occur; "
            "their vectors stay random"
        )
    if event.invalid_bytes:
        lines.append(
            f"note: {event.invalid_bytes:,} bytes are not UTF-8; they were taken as separators"
        )
    return lines


def _describe_growth(event: CorpusRead) -> list[str]:
    occur = event.old_words - event.unseen_words
    lines = [
        (
            f"of {event.old_words:,} old words {occur:,} occur; the vectors of the others stay as "
            f"they are; {event.vocabulary - event.old_words:,} new words come behind them"
        )
    ]
    if event.left_out_words:
        lines.append(
            f"note: {event.left_out_words:,} new words were left out, for there are "
            f"{event.vocabulary:,} already; a greater --vocab-size would take more"
        )
    return lines


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
