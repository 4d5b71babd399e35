"""How the time of `w2v train` scales: with text size, options, threads, and on unusual texts.

    python -m scripts.bench.scaling corpus.txt --json scaling.json
    python -m scripts.bench.plot scaling.json --output plots

Every point is a separate process that trains for one epoch, with all options at their defaults
except the one under study. A round measures every point once, so that a temporary slowdown of the
machine affects all of them.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

from scripts.bench import generated_text
from scripts.bench.measuring import (
    json_option,
    machine,
    machine_line,
    markdown,
    median,
    number,
    repeats_option,
    train,
    write_json,
)
from w2v.system.cpu import available_cores

CLIFFS = "text"
ORDINARY = "ordinary"
# Experiments by name, with the labels of their axes.
EXPERIMENTS = {
    "size": "text, MB",
    "dim": "dim",
    "window": "window",
    "negatives": "negatives",
    "vocabulary": "words in the vocabulary",
    "threads": "threads",
    CLIFFS: "text",
}
_MILLION = 1_000_000


@dataclass(frozen=True)
class Extent:
    """The points of each experiment: sizes in MB, values of options, vocabulary sizes."""

    base_mb: float
    size: Sequence[float]
    dim: Sequence[int]
    window: Sequence[int]
    negatives: Sequence[int]
    vocabulary: Sequence[int]
    distinct_words: int


FULL = Extent(
    base_mb=100,
    size=(10, 30, 100, 300, 1000),
    dim=(50, 100, 150, 200, 300, 400, 600),
    window=(1, 2, 3, 5, 7, 10),
    negatives=(2, 3, 5, 10, 15, 20),
    vocabulary=(1_000, 10_000, 100_000, _MILLION),
    distinct_words=5 * _MILLION,
)
QUICK = Extent(
    base_mb=2,
    size=(1, 4),
    dim=(50, 100),
    window=(1, 2),
    negatives=(5,),
    vocabulary=(10_000,),
    distinct_words=100_000,
)


@dataclass(frozen=True)
class Point:
    """One point: the files to train on, created on demand, and the options."""

    experiment: str
    x: float | str
    files: Callable[[], list[Path]]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Sample:
    """One training of one epoch.

    Attributes:
        experiment, x, round: identify the sample.
        text_mb: megabytes of text.
        words: in-vocabulary words, before subsampling.
        pairs: (center, context) pairs, after subsampling.
        reading_seconds, training_seconds: from meta.json.
        seconds: wall time of the process.
        memory_mb: peak memory, or None if it is not reported.
    """

    experiment: str
    x: float | str
    round: int
    text_mb: float
    words: int
    pairs: int
    reading_seconds: float
    training_seconds: float
    seconds: float
    memory_mb: float | None

    @property
    def reading_ns_per_byte(self) -> float:
        """Nanoseconds of reading and encoding per byte."""
        return self.reading_seconds / self.text_mb * 1e3

    @property
    def training_ns_per_word(self) -> float:
        """Nanoseconds of training per word."""
        return self.training_seconds / self.words * 1e9

    @property
    def training_ns_per_pair(self) -> float:
        """Nanoseconds of training per pair, independent of subsampling."""
        return self.training_seconds / self.pairs * 1e9


class Texts:
    """The texts to train on: a file, prefixes of it, and variants."""

    def __init__(self, base: Path, folder: Path) -> None:
        self.base = base
        self.folder = folder

    def of_size(self, megabytes: float) -> list[Path]:
        """Return files of a total size: the file, repeated, and a prefix of it."""
        times, rest = divmod(round(megabytes * 1e6), self.base.stat().st_size)
        return [self.base] * times + self._head(rest)

    def one_line(self, megabytes: float) -> list[Path]:
        """Return the same words on a single line."""
        return self._made("one-line", lambda: self._lines(megabytes), end=" ")

    def word_lines(self, megabytes: float) -> list[Path]:
        """Return one word per line, except for one line in a hundred, which has pairs."""

        def lines() -> Iterator[str]:
            for i, line in enumerate(self._lines(megabytes)):
                yield line if i % 100 == 0 else "\n".join(line.split())

        return self._made("word-lines", lines)

    def one_word(self, megabytes: float) -> list[Path]:
        """Return lines in which nine words in ten are identical.

        A text of a single word cannot be trained on, since all negative samples are that word.
        """

        def lines() -> Iterator[str]:
            for line in self._lines(megabytes / 10):
                yield " ".join(f"{word}{' word' * 9}" for word in line.split())

        return self._made("one-word", lines)

    def of_words(self, megabytes: float, vocabulary: int) -> list[Path]:
        """Return a generated text with a number of distinct words and at least this size."""
        path = self.folder / f"words-{vocabulary}.txt"
        if not path.exists():
            generated_text.write_text(path, megabytes, vocabulary=vocabulary, complete=True)
        return [path]

    def _head(self, size: int) -> list[Path]:
        """Return a prefix of the file up to a line end, or no file for size 0."""
        path = self.folder / f"head-{size}.txt"
        if size and not path.exists():
            with self.base.open("rb") as file:
                path.write_bytes(file.read(size) + file.readline())
        return [path] if size else []

    def _lines(self, megabytes: float) -> Iterator[str]:
        for path in self.of_size(megabytes):
            with path.open(encoding="utf-8", errors="replace") as file:
                yield from map(str.rstrip, file)

    def _made(self, name: str, lines: Callable[[], Iterable[str]], end: str = "\n") -> list[Path]:
        path = self.folder / f"{name}.txt"
        if not path.exists():
            with path.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(line + end for line in lines())
        return [path]


def points(texts: Texts, extent: Extent, threads: int) -> list[Point]:
    """Return all points to measure; ``threads`` applies where threads are not the variable."""

    def base() -> list[Path]:
        return texts.of_size(extent.base_mb)

    def of_size(size: float) -> Point:
        return Point("size", size, lambda: texts.of_size(size), {"threads": threads})

    def of_words(words: int) -> Point:
        options = {"min_count": 1, "vocab_size": words, "threads": threads}
        return Point("vocabulary", words, lambda: texts.of_words(extent.base_mb, words), options)

    found = [of_size(size) for size in extent.size]
    for name in ("dim", "window", "negatives"):
        values = getattr(extent, name)
        found += [Point(name, x, base, {name: x, "threads": threads}) for x in values]
    found += [of_words(words) for words in extent.vocabulary]
    found += [Point("threads", count, base, {"threads": count}) for count in doublings(threads)]
    return found + cliffs(texts, extent, threads)


def cliffs(texts: Texts, extent: Extent, threads: int) -> list[Point]:
    """Return points for unusual texts, and for an ordinary one to compare with."""
    size = extent.base_mb
    distinct = f"{extent.distinct_words:,} different words"
    made: dict[str, Callable[[], list[Path]]] = {
        ORDINARY: lambda: texts.of_size(size),
        "one line": lambda: texts.one_line(size),
        "lines of one word": lambda: texts.word_lines(size),
        "one word, nine times in ten": lambda: texts.one_word(size),
        distinct: lambda: texts.of_words(size, extent.distinct_words),
    }
    options = {"threads": threads}
    few = {**options, "min_count": 1}
    return [
        Point(CLIFFS, name, files, few if name == distinct else options)
        for name, files in made.items()
    ]


def doublings(most: int) -> list[int]:
    """Return powers of two below the maximum, and the maximum.

    >>> doublings(6)
    [1, 2, 4, 6]
    """
    below = itertools.takewhile(lambda count: count < most, (1 << k for k in itertools.count()))
    return [*below, most]


def measure(point: Point, turn: int, model: Path) -> Sample:
    """Train at a point."""
    training = train(point.files(), model, {"epochs": 1, **point.options})
    return Sample(
        point.experiment,
        point.x,
        turn,
        training.text_mb,
        training.words,
        training.pairs,
        training.reading_seconds,
        training.seconds,
        training.usage.seconds,
        training.usage.memory_mb,
    )


@click.command()
@click.argument("corpus", required=False, type=click.Path(exists=True, dir_okay=False))
@click.option("--quick", is_flag=True, help="Few points on a tiny text, as a smoke test.")
@repeats_option
@click.option(
    "--threads", type=click.IntRange(1), help="Maximum number of threads.  [default: all cores]"
)
@click.option(
    "--only",
    "wanted",
    multiple=True,
    type=click.Choice(list(EXPERIMENTS)),
    help="Experiments to run. May be repeated.  [default: all]",
)
@json_option
def main(
    corpus: str | None,
    quick: bool,
    repeats: int,
    threads: int | None,
    wanted: tuple[str, ...],
    json_path: str | None,
) -> None:
    """Measure how the time of training scales on CORPUS, by default a generated text."""
    extent = QUICK if quick else FULL
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = folder / "generated.txt" if corpus is None else Path(corpus)
        if corpus is None:
            generated_text.write_text(base, extent.base_mb)
        texts = Texts(base, folder)
        chosen = [
            point
            for point in points(texts, extent, threads or available_cores())
            if not wanted or point.experiment in wanted
        ]
        compile_kernels(folder)
        figures: dict[str, Any] = {"machine": machine(), "corpus": base.name, "samples": []}
        for turn in range(1, repeats + 1):
            for point in chosen:
                sample = measure(point, turn, folder / "model.w2v")
                figures["samples"].append(asdict(sample))
                speed = f"{number(sample.training_ns_per_word, 0)} ns/word"
                click.echo(f"round {turn}: {point.experiment} {point.x}: {speed}", err=True)
            if json_path is not None:
                write_json(json_path, figures)
    click.echo(report(figures))


def compile_kernels(folder: Path) -> None:
    """Compile all kernels on a tiny text that needs 32-bit ids."""
    path = folder / "tiny.txt"
    words = 1 << 17
    generated_text.write_text(path, 0.1, vocabulary=words, complete=True)
    options = {"epochs": 1, "dim": 1, "min_count": 1, "vocab_size": words}
    train([path], folder / "model.w2v", options)


def by_experiment(samples: Iterable[Mapping[str, Any]]) -> dict[str, dict[Any, list[Sample]]]:
    """Group samples by experiment, then by x, in order of first appearance."""
    groups: dict[str, dict[Any, list[Sample]]] = {}
    for row in samples:
        sample = Sample(**row)
        groups.setdefault(sample.experiment, {}).setdefault(sample.x, []).append(sample)
    return groups


def exponent(xs: Sequence[float], ys: Sequence[float]) -> float | None:
    """Return the exponent of a power law, by least squares on logarithms; None for one point.

    >>> round(exponent([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    if len(set(xs)) < 2:
        return None
    return float(np.polyfit(np.log(xs), np.log(ys), 1)[0])


def report(figures: Mapping[str, Any]) -> str:
    """Return all medians as Markdown.

    Args:
        figures: ``machine``, ``corpus`` and ``samples``, the output of this script.
    """
    parts = [machine_line(figures["machine"]), f"Text: {figures['corpus']}; one epoch."]
    for name, groups in by_experiment(figures["samples"]).items():
        parts.append(table(name, groups))
    return "\n\n".join(parts)


def table(name: str, groups: Mapping[Any, Sequence[Sample]]) -> str:
    """Return the medians of an experiment as a table."""
    heads = [EXPERIMENTS[name], "million words", "reading, MB/s", "reading, s", "training, s"]
    heads += ["training, ns/word", "ns a pair", "million words/s", "memory, MB"]
    rows = [
        [
            x if isinstance(x, str) else f"{x:,}",
            number(median(s.words / _MILLION for s in group)),
            number(median(s.text_mb / s.reading_seconds for s in group), 0),
            number(median(s.reading_seconds for s in group)),
            number(median(s.training_seconds for s in group)),
            number(median(s.training_ns_per_word for s in group), 0),
            number(median(s.training_ns_per_pair for s in group), 0),
            number(median(s.words / s.training_seconds / _MILLION for s in group)),
            number(median(s.memory_mb for s in group), 0),
        ]
        for x, group in groups.items()
    ]
    return markdown(heads, rows)


if __name__ == "__main__":
    main()
