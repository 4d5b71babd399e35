"""Leak test: train many times in one process and check that no resource accumulates.

    python -m scripts.soak --calls 1000

Jobs of all kinds alternate: successful trainings, trainings that fail on purpose (invalid input,
divergence, an observer that raises, an interrupt), resumed trainings, and all operations on a
model. At regular intervals, and at the end, a row reports the resources of the process. The exit
code is 1 if the number of threads, open files or temporary files grows, or if memory grows by more
than a bound per call.

Memory is anonymous memory (RssAnon). Its growth per call is the median of the slopes between all
pairs of rows after the warm-up, which is the first fifth of the calls (the estimator of Sen 1968,
which is robust to outliers). It counts as a leak if three slopes in four exceed the bound: a leak
in every call shows in nearly all slopes, fluctuations do not.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import itertools
import os
import shutil
import statistics
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import w2v
from scripts.bench.measuring import anonymous_mb, markdown, number
from w2v.errors import DivergenceError, InputError, MissingExtraError, VocabularyError
from w2v.events import CorpusRead, EpochDone, Event, Training
from w2v.formats.registry import FORMATS, Format
from w2v.pipeline.encode_file import encode_file

LINES = ["the quick brown fox jumps over the lazy dog", "the dog sleeps", "a fox, a dog"]
OPTIONS: Mapping[str, Any] = {"dim": 8, "epochs": 2, "min_count": 1, "sample": 0, "threads": 1}

BYTES_PER_CALL = 2_048
_WARM_UP = 5  # the warm-up is the first fifth of the calls
_MIN_ROWS = 4  # after the warm-up, to distinguish growth from noise

Job = Callable[[Path], None]


class _BrokenError(Exception):
    """Raised by a faulty observer."""


@dataclass(frozen=True)
class Resources:
    """The resources of the process after a number of calls.

    Attributes:
        calls: the number of calls so far.
        memory_mb: anonymous memory.
        threads: live threads.
        open_files: file descriptors.
        files: files in the directory of the jobs and in the temporary directory.
    """

    calls: int
    memory_mb: float
    threads: int
    open_files: int
    files: int


def in_memory(_directory: Path) -> None:
    """Train on strings."""
    w2v.train(LINES, **OPTIONS)


def on_threads(_directory: Path) -> None:
    """Train on three threads, with out-of-vocabulary words and held-out lines."""
    w2v.train(
        LINES * 4, **OPTIONS | {"threads": 3, "vocab_size": 5}, train_unk=True, validation=0.1
    )


def saved(directory: Path) -> None:
    """Train on a file, replace a model, and load it."""
    w2v.train(_text(directory), output=directory / "m.w2v", overwrite=True, **OPTIONS)
    w2v.load(directory / "m.w2v").most_similar("dog")


def checkpointed(directory: Path) -> None:
    """Train with as many checkpoints as possible."""
    options = OPTIONS | {"epochs": 5}
    w2v.train(
        _text(directory),
        output=directory / "m.w2v",
        overwrite=True,
        checkpoint_every=1e-9,
        **options,
    )


def used(directory: Path) -> None:
    """Call all methods of a model, and write and read it in every format."""
    model = w2v.train(LINES, **OPTIONS)
    model.most_similar("fox")
    model.analogy("fox", "dog", "the")
    model.encode(["the fox sleeps", "an owl"], length=5)
    model.matrix_for("pad+unk", "mean-rare")
    for entry in FORMATS.values():
        if entry.name != "keras":  # Keras itself keeps global state
            _exported(model, entry, directory / f"exported{''.join(entry.extensions[:1])}")
    encode_file(model, _text(directory), directory / "ids.npy", overwrite=True)


def _exported(model: w2v.Embeddings, entry: Format, path: Path) -> None:
    """Write a format, read it, and delete it."""
    with contextlib.suppress(MissingExtraError):
        entry.write(model, path, overwrite=True)
        entry.read(path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read(directory: Path) -> None:
    """Read a corpus without training."""
    with w2v.read_corpus(_text(directory), min_count=1, threads=2) as corpus:
        for _ in w2v.skipgram_pair_blocks(corpus.text, block_size=8):
            pass
        next(iter(w2v.skipgram_pairs(corpus.text)))


def no_text(directory: Path) -> None:
    """Fail on a missing, an invalid, an empty and a truncated corpus."""
    damaged = directory / "damaged.gz"
    damaged.write_bytes(bytes.fromhex("1f8b08000000000000ff") + b"nonsense")
    missing = directory / "missing"
    for corpus in (missing, 7, damaged):
        with _expected(InputError):
            w2v.train(corpus, output=directory / "never.w2v", **OPTIONS)
    with _expected(VocabularyError):
        w2v.train(["..."], output=directory / "never.w2v", **OPTIONS)


def diverging(directory: Path) -> None:
    """Fail on a learning rate that diverges."""
    with _expected(DivergenceError):
        w2v.train(_text(directory), output=directory / "never.w2v", **OPTIONS | {"lr": 1e30})


def broken(directory: Path) -> None:
    """Fail on an observer that raises, while reading and while training."""
    for kind in (CorpusRead, Training, EpochDone):
        with _expected(_BrokenError):
            w2v.train(
                _text(directory),
                output=directory / "never.w2v",
                observer=_raising(_BrokenError, kind),
                **OPTIONS | {"threads": 2},
            )


def interrupted(directory: Path) -> None:
    """Interrupt a training twice, and resume it."""
    output = directory / "interrupted.w2v"
    with _expected(KeyboardInterrupt):
        w2v.train(
            _text(directory),
            output=output,
            overwrite=True,
            observer=_raising(KeyboardInterrupt, CorpusRead),
            **OPTIONS,
        )
    with _expected(KeyboardInterrupt):
        w2v.resume(output, observer=_raising(KeyboardInterrupt, EpochDone))
    w2v.resume(output)


def dropped(directory: Path) -> None:
    """Interrupt a training, and start over instead of resuming."""
    options = {"output": directory / "dropped.w2v", "overwrite": True, **OPTIONS}
    with _expected(KeyboardInterrupt):
        w2v.train(_text(directory), observer=_raising(KeyboardInterrupt, Training), **options)
    w2v.train(_text(directory), **options)


JOBS: Sequence[Job] = (
    in_memory,
    on_threads,
    saved,
    checkpointed,
    used,
    read,
    no_text,
    diverging,
    broken,
    interrupted,
    dropped,
)


def _text(directory: Path) -> Path:
    path = directory / "text.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


@contextlib.contextmanager
def _expected(error: type[BaseException]) -> Iterator[None]:
    """Require that the block raises an error of this type."""
    try:
        yield
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


def _raising(error: type[BaseException], kind: type[Event]) -> Callable[[Event], None]:
    """Return an observer that raises at the first event of a type."""

    def observe(event: Event) -> None:
        if isinstance(event, kind):
            raise error

    return observe


def soak(
    calls: int, every: int, jobs: Sequence[Job], watch: Callable[[Resources], None]
) -> list[Resources]:
    """Run the jobs in rotation.

    Args:
        calls: the number of calls.
        every: the number of calls between two measurements.
        jobs: functions of a directory, which is empty at first and shared by all calls.
        watch: a function that is called with each measurement.

    Returns:
        The measurements. The first one follows the first run of every job.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name, _temporary_files_in(Path(name)):
        directory = Path(name, "jobs")
        directory.mkdir()
        for call, job in enumerate(itertools.islice(itertools.cycle(jobs), calls), 1):
            job(directory)
            if call == len(jobs) or (call > len(jobs) and call % every == 0) or call == calls:
                rows.append(measure(call, Path(name)))
                watch(rows[-1])
    return rows


@contextlib.contextmanager
def _temporary_files_in(directory: Path) -> Iterator[None]:
    """Create temporary files in a directory that nothing else uses."""
    before = tempfile.tempdir
    tempfile.tempdir = str(directory)
    try:
        yield
    finally:
        tempfile.tempdir = before


def measure(calls: int, directory: Path) -> Resources:
    """Measure the resources of this process, and count the files in a directory."""
    gc.collect()
    _trim_heap()
    memory = anonymous_mb(os.getpid())
    if memory is None:
        raise click.ClickException("this system does not report the resources of a process (/proc)")
    return Resources(
        calls,
        memory,
        threading.active_count(),
        len(list(Path("/proc/self/fd").iterdir())),
        sum(1 for _ in directory.rglob("*")),
    )


def _trim_heap() -> None:
    """Return freed heap memory to the system, where the C library supports it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def bytes_per_call(rows: Sequence[Resources]) -> float | None:
    """Return the growth of memory per call, or None if there are too few rows.

    >>> [bytes_per_call([Resources(n, n / 1e3, 1, 1, 0) for n in range(9)]), bytes_per_call([])]
    [1000.0, None]
    """
    slopes = _slopes(rows)
    return round(statistics.median(slopes), 6) if slopes else None


def _slopes(rows: Sequence[Resources]) -> list[float]:
    """Return the slopes, in bytes per call, between all pairs of rows after the warm-up."""
    steady = [row for row in rows if row.calls * _WARM_UP >= rows[-1].calls]
    if len(steady) < _MIN_ROWS:
        return []
    return [
        1e6 * (late.memory_mb - early.memory_mb) / (late.calls - early.calls)
        for early, late in itertools.combinations(steady, 2)
    ]


def findings(rows: Sequence[Resources], bound: float) -> list[str]:
    """Return the resources that grew.

    Args:
        rows: the result of `soak`.
        bound: the largest growth of memory, in bytes per call, that is not a leak.
    """
    found = []
    for name in ("threads", "open_files", "files"):
        first, last = getattr(rows[0], name), getattr(rows[-1], name)
        if last > first:
            found.append(f"{name.replace('_', ' ')} grew from {first} to {last}")
    growth = bytes_per_call(rows)
    if growth is not None and _first_quartile(rows) > bound:
        found.append(
            f"memory grew by {growth:,.0f} bytes per call, more than the bound of {bound:,.0f}"
        )
    return found


def _first_quartile(rows: Sequence[Resources]) -> float:
    """Return the growth in bytes per call that three slopes in four reach or exceed."""
    return statistics.quantiles(_slopes(rows), n=4)[0]


HEADS = ("calls", "memory, MB", "threads", "open files", "files")


def _cells(row: Resources) -> list[str]:
    return [
        f"{row.calls:,}",
        number(row.memory_mb),
        str(row.threads),
        str(row.open_files),
        str(row.files),
    ]


@click.command()
@click.option(
    "--calls", type=click.IntRange(1), default=1_000, show_default=True, help="Number of calls."
)
@click.option(
    "--every", type=click.IntRange(1), default=50, show_default=True, help="Calls per row."
)
@click.option(
    "--bound",
    type=click.FloatRange(0),
    default=BYTES_PER_CALL,
    show_default=True,
    help="Growth of memory in bytes per call that is not a leak.",
)
def main(calls: int, every: int, bound: float) -> None:
    """Train many times in one process and check that no resource accumulates."""
    rows = soak(calls, every, JOBS, lambda row: click.echo("  ".join(_cells(row)), err=True))
    click.echo(markdown(HEADS, map(_cells, rows)))
    growth = bytes_per_call(rows)
    click.echo(
        "\nToo few rows to estimate the growth of memory."
        if growth is None
        else f"\nMemory grew by {growth:,.0f} bytes per call."
    )
    found = findings(rows, bound)
    if found:
        raise click.ClickException("; ".join(found))


if __name__ == "__main__":
    main()
