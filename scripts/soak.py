"""Whether a process that trains again and again keeps anything of what it has done.

    python -m scripts.soak --calls 1000

Jobs of every kind take turns: trainings that work, trainings that fail on purpose (a text that is
none, divergence, an observer that raises, an interrupt), what was interrupted and went on, and
everything that is done with a model. Now and then, and at the end, a row is printed of what the
process holds. Exits with 1 if threads, open files or temporary files grow at all, or memory grows
by more than the bound for a call.

The memory is what no file backs (RssAnon). Its growth for a call is the median of the slopes
between all pairs of rows after the warm-up, the first fifth of the calls (Sen 1968); a few rows
that stand out do not change it. It counts as growth if three slopes in four are over the bound:
what is kept of every call shows in nearly all of them, memory that comes and goes does not.
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

BYTES_A_CALL = 2_048
_WARM_UP = 5  # the first such part of the calls
_LEAST_ROWS = 4  # after the warm-up, to tell growth from chance

Job = Callable[[Path], None]


class _BrokenError(Exception):
    """Raised by an observer, as by a mistake in it."""


@dataclass(frozen=True)
class Held:
    """What the process holds after some calls.

    Attributes:
        calls: done so far.
        memory_mb: that no file backs.
        threads: alive.
        open_files: file descriptors.
        files: in the folder of the jobs and in that for temporary files.
    """

    calls: int
    memory_mb: float
    threads: int
    open_files: int
    files: int


def in_memory(_folder: Path) -> None:
    """Train on strings."""
    w2v.train(LINES, **OPTIONS)


def on_threads(_folder: Path) -> None:
    """Train on three threads, with unknown words and lines held out."""
    w2v.train(
        LINES * 4, **OPTIONS | {"threads": 3, "vocab_size": 5}, train_unk=True, validation=0.1
    )


def saved(folder: Path) -> None:
    """Train on a file, replace a model, and load it."""
    w2v.train(_text(folder), output=folder / "m.w2v", overwrite=True, **OPTIONS)
    w2v.load(folder / "m.w2v").most_similar("dog")


def kept(folder: Path) -> None:
    """Train with a checkpoint as often as may be."""
    options = OPTIONS | {"epochs": 5}
    w2v.train(
        _text(folder), output=folder / "m.w2v", overwrite=True, checkpoint_every=1e-9, **options
    )


def used(folder: Path) -> None:
    """Ask a model everything, and write and read it in every format."""
    model = w2v.train(LINES, **OPTIONS)
    model.most_similar("fox")
    model.analogy("fox", "dog", "the")
    model.encode(["the fox sleeps", "an owl"], length=5)
    model.matrix_for("pad+unk", "mean-rare")
    for entry in FORMATS.values():
        if entry.name != "keras":  # whose package keeps what it likes
            _exported(model, entry, folder / f"exported{''.join(entry.extensions[:1])}")
    encode_file(model, _text(folder), folder / "ids.npy", overwrite=True)


def _exported(model: w2v.Embeddings, entry: Format, path: Path) -> None:
    """Write a format, read it, and remove it."""
    with contextlib.suppress(MissingExtraError):
        entry.write(model, path, overwrite=True)
        entry.read(path)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read(folder: Path) -> None:
    """Read a text for its vocabulary and its pairs only."""
    with w2v.read_corpus(_text(folder), min_count=1, threads=2) as corpus:
        for _ in w2v.skipgram_pair_blocks(corpus.text, block_size=8):
            pass
        next(iter(w2v.skipgram_pairs(corpus.text)))


def no_text(folder: Path) -> None:
    """Fail for a corpus that is not there, none, without words, and cut short."""
    damaged = folder / "damaged.gz"
    damaged.write_bytes(bytes.fromhex("1f8b08000000000000ff") + b"nonsense")
    missing = folder / "missing"
    for corpus in (missing, 7, damaged):
        with _expected(InputError):
            w2v.train(corpus, output=folder / "never.w2v", **OPTIONS)
    with _expected(VocabularyError):
        w2v.train(["..."], output=folder / "never.w2v", **OPTIONS)


def diverging(folder: Path) -> None:
    """Fail for a learning rate that no vectors survive."""
    with _expected(DivergenceError):
        w2v.train(_text(folder), output=folder / "never.w2v", **OPTIONS | {"lr": 1e30})


def broken(folder: Path) -> None:
    """Fail for an observer that raises, while reading and while training."""
    for kind in (CorpusRead, Training, EpochDone):
        with _expected(_BrokenError):
            w2v.train(
                _text(folder),
                output=folder / "never.w2v",
                observer=_raising(_BrokenError, kind),
                **OPTIONS | {"threads": 2},
            )


def interrupted(folder: Path) -> None:
    """Be interrupted twice, and go on."""
    output = folder / "interrupted.w2v"
    with _expected(KeyboardInterrupt):
        w2v.train(
            _text(folder),
            output=output,
            overwrite=True,
            observer=_raising(KeyboardInterrupt, CorpusRead),
            **OPTIONS,
        )
    with _expected(KeyboardInterrupt):
        w2v.resume(output, observer=_raising(KeyboardInterrupt, EpochDone))
    w2v.resume(output)


def dropped(folder: Path) -> None:
    """Be interrupted, and start anew instead of going on."""
    options = {"output": folder / "dropped.w2v", "overwrite": True, **OPTIONS}
    with _expected(KeyboardInterrupt):
        w2v.train(_text(folder), observer=_raising(KeyboardInterrupt, Training), **options)
    w2v.train(_text(folder), **options)


JOBS: Sequence[Job] = (
    in_memory,
    on_threads,
    saved,
    kept,
    used,
    read,
    no_text,
    diverging,
    broken,
    interrupted,
    dropped,
)


def _text(folder: Path) -> Path:
    path = folder / "text.txt"
    path.write_text("\n".join(LINES) + "\n", encoding="utf-8")
    return path


@contextlib.contextmanager
def _expected(error: type[BaseException]) -> Iterator[None]:
    """Let an error pass, and nothing else; none at all is a mistake, too."""
    try:
        yield
    except error:
        return
    raise AssertionError(f"expected {error.__name__}")


def _raising(error: type[BaseException], kind: type[Event]) -> Callable[[Event], None]:
    """An observer that raises at the first report of a kind."""

    def observe(event: Event) -> None:
        if isinstance(event, kind):
            raise error

    return observe


def soak(calls: int, every: int, jobs: Sequence[Job], watch: Callable[[Held], None]) -> list[Held]:
    """Do jobs in turn.

    Args:
        calls: how many to do.
        every: calls between two looks at what is held.
        jobs: are given an empty folder at first, and find there what they left.
        watch: is told of each look.

    Returns:
        What was held at each look; the first one comes when every job was done once.
    """
    looks = []
    with tempfile.TemporaryDirectory(prefix="soak-") as name, _temporary_files_in(Path(name)):
        folder = Path(name, "jobs")
        folder.mkdir()
        for call, job in enumerate(itertools.islice(itertools.cycle(jobs), calls), 1):
            job(folder)
            if call == len(jobs) or (call > len(jobs) and call % every == 0) or call == calls:
                looks.append(held(call, Path(name)))
                watch(looks[-1])
    return looks


@contextlib.contextmanager
def _temporary_files_in(folder: Path) -> Iterator[None]:
    """Have temporary files made in a folder, where nobody else makes any."""
    before = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


def held(calls: int, folder: Path) -> Held:
    """Look at what this process holds, and at the files in a folder."""
    gc.collect()
    _trim_heap()
    memory = anonymous_mb(os.getpid())
    if memory is None:
        raise click.ClickException("this system does not tell what a process holds (/proc)")
    return Held(
        calls,
        memory,
        threading.active_count(),
        len(list(Path("/proc/self/fd").iterdir())),
        sum(1 for _ in folder.rglob("*")),
    )


def _trim_heap() -> None:
    """Give back to the system what the heap holds of freed memory, where that can be done."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def bytes_a_call(looks: Sequence[Held]) -> float | None:
    """By how much memory grows for a call, None if there are too few looks to tell.

    >>> [bytes_a_call([Held(n, n / 1e3, 1, 1, 0) for n in range(9)]), bytes_a_call([])]
    [1000.0, None]
    """
    slopes = _slopes(looks)
    return round(statistics.median(slopes), 6) if slopes else None


def _slopes(looks: Sequence[Held]) -> list[float]:
    """Bytes of memory for a call between all pairs of rows after the warm-up, none if few."""
    steady = [look for look in looks if look.calls * _WARM_UP >= looks[-1].calls]
    if len(steady) < _LEAST_ROWS:
        return []
    return [
        1e6 * (late.memory_mb - early.memory_mb) / (late.calls - early.calls)
        for early, late in itertools.combinations(steady, 2)
    ]


def findings(looks: Sequence[Held], bound: float) -> list[str]:
    """What grew.

    Args:
        looks: as `soak` returns them.
        bound: bytes of memory for a call that are no leak.
    """
    found = []
    for name in ("threads", "open_files", "files"):
        first, last = getattr(looks[0], name), getattr(looks[-1], name)
        if last > first:
            found.append(f"{name.replace('_', ' ')} grew from {first} to {last}")
    growth = bytes_a_call(looks)
    if growth is not None and _surely(looks) > bound:
        found.append(f"memory grew by {growth:,.0f} bytes a call, and {bound:,.0f} are the bound")
    return found


def _surely(looks: Sequence[Held]) -> float:
    """Bytes of memory for a call that three pairs of rows in four show, or more."""
    return statistics.quantiles(_slopes(looks), n=4)[0]


HEADS = ("calls", "memory, MB", "threads", "open files", "files")


def _cells(look: Held) -> list[str]:
    return [
        f"{look.calls:,}",
        number(look.memory_mb),
        str(look.threads),
        str(look.open_files),
        str(look.files),
    ]


@click.command()
@click.option("--calls", type=click.IntRange(1), default=1_000, show_default=True, help="Jobs.")
@click.option("--every", type=click.IntRange(1), default=50, show_default=True, help="A row after.")
@click.option(
    "--bound",
    type=click.FloatRange(0),
    default=BYTES_A_CALL,
    show_default=True,
    help="Bytes of memory for a call that are no leak.",
)
def main(calls: int, every: int, bound: float) -> None:
    """Train again and again in one process, and see whether it keeps anything."""
    looks = soak(calls, every, JOBS, lambda look: click.echo("  ".join(_cells(look)), err=True))
    click.echo(markdown(HEADS, map(_cells, looks)))
    growth = bytes_a_call(looks)
    click.echo(
        "\nToo few rows to tell whether memory grows."
        if growth is None
        else f"\nMemory grew by {growth:,.0f} bytes a call."
    )
    found = findings(looks, bound)
    if found:
        raise click.ClickException("; ".join(found))


if __name__ == "__main__":
    main()
