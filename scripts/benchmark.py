"""How fast `w2v train` is on a text, and how much memory it takes: a table of medians.

    python scripts/benchmark.py corpus.txt --threads 1 --threads 2 --repeats 3

Each run is a process of its own. Speeds are those that the model's meta.json records; memory is
the largest RssAnon of the process, read from /proc twenty times a second.
"""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from w2v.config import available_cores


@dataclass(frozen=True)
class Run:
    """What one training run showed: seconds, MB/s, million words/s, MB."""

    wall: float
    reading: float
    training: float
    memory: float | None


@click.command()
@click.argument("corpus", type=click.Path(exists=True))
@click.option("--threads", type=int, multiple=True, help="May be given several times.")
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True)
@click.option("--epochs", type=click.IntRange(1), default=5, show_default=True)
@click.option("--dim", type=click.IntRange(1), default=128, show_default=True)
@click.option("--eval", "judged_by", multiple=True, help="Judge the last model by this file.")
@click.option("--json", "json_path", type=click.Path(), help="Write all figures there.")
def main(
    corpus: str,
    threads: tuple[int, ...],
    repeats: int,
    epochs: int,
    dim: int,
    judged_by: tuple[str, ...],
    json_path: str | None,
) -> None:
    """Train on CORPUS with each number of threads in turn, several times over."""
    threads = threads or (1, available_cores())
    options = ["--epochs", str(epochs), "--dim", str(dim)]
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder, "model.w2v")
        train(corpus, model, [*options, "--epochs", "1"])  # so that all kernels are compiled
        runs: dict[int, list[Run]] = {count: [] for count in threads}
        for _ in range(repeats):
            for count in threads:
                runs[count].append(train(corpus, model, [*options, "--threads", str(count)]))
        click.echo(table(runs))
        for path in judged_by:
            click.echo(output_of("eval", str(model), path), nl=False)
    if json_path is not None:
        figures = {count: [vars(run) for run in of_count] for count, of_count in runs.items()}
        text = json.dumps({"machine": machine(), "runs": figures}, indent=2)
        Path(json_path).write_text(text + "\n", encoding="utf-8")


def train(corpus: str, model: Path, options: list[str]) -> Run:
    """Train once, in a process of its own."""
    command = [sys.executable, "-m", "w2v", "train", corpus, "-o", str(model)]
    started = time.perf_counter()
    process = subprocess.Popen([*command, "--quiet", "--overwrite", *options])
    memory = None
    while process.poll() is None:
        anonymous = anonymous_memory(process.pid)
        if anonymous is not None:
            memory = max(memory or 0.0, anonymous)
        time.sleep(0.05)
    wall = time.perf_counter() - started
    if process.returncode:
        sys.exit(process.returncode)
    meta = json.loads(Path(model, "meta.json").read_text(encoding="utf-8"))
    return Run(
        wall=wall,
        reading=meta["corpus"]["text_bytes"] / meta["timings"]["reading"] / 1e6,
        training=meta["words_per_second"] / 1e6,
        memory=memory,
    )


def anonymous_memory(process: int) -> float | None:
    """Megabytes of a process's memory that no file backs, None where nobody can tell."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return None
    for line in status.splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) / 1000
    return None


def output_of(*arguments: str) -> str:
    """What `w2v` prints."""
    command = [sys.executable, "-m", "w2v", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def table(runs: dict[int, list[Run]]) -> str:
    """The medians as a Markdown table."""
    lines = [
        machine(),
        "",
        "| threads | reading, MB/s | training, million words/s | whole run, s | RssAnon, MB |",
        "|---|---|---|---|---|",
    ]
    for count, of_count in runs.items():
        memories = [run.memory for run in of_count if run.memory is not None]
        memory = f"{max(memories):.0f}" if memories else "-"
        lines.append(
            f"| {count} | {median(run.reading for run in of_count)} "
            f"| {median(run.training for run in of_count)} "
            f"| {median(run.wall for run in of_count)} | {memory} |"
        )
    return "\n".join(lines)


def median(values: object) -> str:
    """The median of some figures, to two places."""
    return f"{statistics.median(values):.2f}"  # type: ignore[type-var]


def machine() -> str:
    """The machine in a line."""
    return f"{platform.machine()}, {available_cores()} cores, Python {platform.python_version()}"


if __name__ == "__main__":
    main()
