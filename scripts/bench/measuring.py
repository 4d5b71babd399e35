"""Shared by the benchmark and the scaling study: processes, `w2v train`, machine facts, tables."""

from __future__ import annotations

import importlib.metadata
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

import w2v
from w2v.system.cpu import available_cores

_WATCH_SECONDS = 0.05
_PACKAGES = ("numpy", "numba", "gensim", "fasttext-numpy2")


@dataclass(frozen=True)
class Usage:
    """The resources that a process used, and its output.

    Attributes:
        seconds: wall time.
        memory_mb: peak anonymous memory (RssAnon) of the process and its children together,
            sampled twenty times a second; None if the system does not report it.
        output: stdout.
    """

    seconds: float
    memory_mb: float | None
    output: str


def run_process(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Usage:
    """Run a program and record its memory.

    Args:
        command: the program and its arguments.
        environment: variables to add to the environment of this process.

    Raises:
        click.ClickException: it failed. The message quotes the end of its stderr.
    """
    memory: list[float] = []
    ended = threading.Event()
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    watcher = threading.Thread(target=_watch, args=(process.pid, ended, memory))
    watcher.start()
    try:
        output, errors = process.communicate()
    finally:
        process.kill()  # no effect on a process that has ended
        ended.set()
        watcher.join()
    seconds = time.perf_counter() - started
    if process.returncode:
        said = " ".join(errors.split("\n")[-4:]).strip()
        raise click.ClickException(f"{command[0]} ended with {process.returncode}: {said}")
    return Usage(seconds, max(memory, default=None), output)


def _watch(process: int, ended: threading.Event, seen: list[float]) -> None:
    """Sample the memory of a process until it ends."""
    while not ended.is_set():
        memory = [m for m in map(anonymous_mb, _family(process)) if m is not None]
        if memory:
            seen.append(sum(memory))
        ended.wait(_WATCH_SECONDS)


def _family(process: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [process]
    for member in found:  # grows during the loop
        found += itertools.chain.from_iterable(map(_children, _threads(member)))
    return found


def _threads(process: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{process}/task").iterdir())
    except OSError:  # the process is gone
        return []


def _children(thread: Path) -> list[int]:
    try:
        return [int(child) for child in (thread / "children").read_text("ascii").split()]
    except OSError:  # the thread is gone
        return []


def anonymous_mb(process: int) -> float | None:
    """Return the anonymous memory of a process in megabytes, or None if it is not reported."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024 / 1e6
    return None


@dataclass(frozen=True)
class Training:
    """A run of `w2v train`: its meta.json and its resource usage."""

    meta: dict[str, Any]
    usage: Usage

    @property
    def seconds(self) -> float:
        """Seconds of training alone."""
        return float(self.meta["timings"]["training"])

    @property
    def reading_seconds(self) -> float:
        """Seconds of reading and encoding the text."""
        return float(self.meta["timings"]["reading"])

    @property
    def text_mb(self) -> float:
        """Megabytes of text read."""
        return float(self.meta["corpus"]["text_bytes"]) / 1e6

    @property
    def words(self) -> int:
        """In-vocabulary words of the text, before subsampling."""
        return int(self.meta["training"]["words"])

    @property
    def pairs(self) -> int:
        """(center, context) pairs trained on, over all epochs."""
        return sum(epoch["pairs"] for epoch in self.meta["epochs"])

    @property
    def words_per_second(self) -> float:
        """In-vocabulary words times epochs, divided by the seconds of training."""
        return float(self.meta["words_per_second"])


def train(corpus: Iterable[str | Path], model: Path, options: Mapping[str, Any]) -> Training:
    """Run `w2v train` in a separate process.

    Args:
        corpus: the files to train on, in order.
        model: the directory to write. An existing model is replaced.
        options: values of command-line options by name, ``min_count`` for ``--min-count``; True
            sets a flag; False and None omit the option.
    """
    command = [sys.executable, "-m", "w2v", "train", *map(str, corpus), "--output", str(model)]
    usage = run_process([*command, "--overwrite", "--quiet", *command_line(options)])
    meta = json.loads(Path(model, "meta.json").read_text(encoding="utf-8"))
    return Training(meta, usage)


def command_line(options: Mapping[str, Any]) -> list[str]:
    """Return options as command-line arguments.

    >>> command_line({"min_count": 5, "shrink_windows": True, "lr_min": None})
    ['--min-count', '5', '--shrink-windows']
    """
    arguments: list[str] = []
    for name, value in options.items():
        if value is None or value is False:
            continue
        arguments.append("--" + name.replace("_", "-"))
        if value is not True:
            arguments.append(str(value))
    return arguments


def machine(packages: Iterable[str] = _PACKAGES) -> dict[str, str]:
    """Return facts about the machine: processor, memory, package versions, date."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{_processor()} ({platform.machine()})",
        "cores": str(available_cores()),
        "memory": f"{memory:.0f} GiB",
        "Python": platform.python_version(),
        "w2v": w2v.__version__,
        **{name: version for name in packages if (version := _version(name)) is not None},
        "date": time.strftime("%Y-%m-%d"),
    }


def _processor() -> str:
    try:
        facts = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in facts if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def machine_line(facts: Mapping[str, str]) -> str:
    """Return the machine facts as a paragraph."""
    return "Machine: " + ", ".join(f"{name} {value}" for name, value in facts.items()) + "."


def markdown(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table. All columns except the first are right-aligned.

    >>> print(markdown(["a", "b"], [["x", "1"]]))
    | a | b |
    |---|--:|
    | x | 1 |
    """
    rule = "|---|" + "--:|" * (len(heads) - 1)
    lines = ["| " + " | ".join(cells) + " |" for cells in (heads, *rows)]
    return "\n".join([lines[0], rule, *lines[1:]])


def median(values: Iterable[float | None]) -> float | None:
    """Return the median of the values that are not None, or None without any."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def number(value: float | None, digits: int = 2) -> str:
    """Format a number for a table; None becomes a dash."""
    return "-" if value is None else f"{value:,.{digits}f}"


def require_parent_directory(
    context: click.Context, option: click.Parameter, path: str | None
) -> str | None:
    """Reject an output path before the work starts if its directory does not exist."""
    if path is not None and not Path(path).absolute().parent.is_dir():
        raise click.BadParameter(f"the directory of {path} does not exist", context, option)
    return path


repeats_option = click.option(
    "--repeats", type=click.IntRange(1), default=3, show_default=True, help="Rounds."
)

json_option = click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False),
    callback=require_parent_directory,
    help="Write all figures to this file.",
)


def write_json(path: str | Path, figures: Mapping[str, Any]) -> None:
    """Write all figures as JSON, the input of `plot.py`."""
    Path(path).write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", "utf-8")
