"""The measurements of the benchmark, and their tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.bench.measuring import machine_line, markdown, median, number
from scripts.bench.trainers import GENSIM, Setting

OURS = "w2v"
DETERMINISTIC = "w2v --deterministic"
_NOTE = """\
Training speed: in-vocabulary words of the text before subsampling, times epochs, divided by the
seconds of training alone. Medians over rounds, with the extremes in parentheses. gensim is timed
around `train(corpus_file=...)`, after `build_vocab`. fastText is timed as a process, minus a run
with zero epochs. Other programs are timed as processes, minus a run with one epoch
if there are several. fastText and the other programs always shrink windows. Peers read text that
w2v has tokenized and reduced to the vocabulary, in lines of at most 1,000 words. Ratios are
computed within each round; the table shows their median. Memory is peak anonymous memory.

Useful operations are 6 x dim for each score of a context or a negative sample: one dot product and
two vector updates. The peak is measured with chains of fused multiply-adds in registers, before
and after each training.

Whole runs are complete processes: `w2v train` with compiled kernels in the cache, and gensim as its
users write it, with `simple_preprocess` line by line, which defines words differently."""


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes:
        setting, threads, trainer, round: identify the run.
        words_per_second: training speed.
        memory_mb: peak memory, or None if it is not reported.
        words: in-vocabulary words that have a vector.
        quality: the result of `score_vectors` for each evaluation file.
        reading_mb_per_second, useful_gflops, peak_gflops: for w2v only.
    """

    setting: str
    threads: int
    trainer: str
    round: int
    words_per_second: float
    memory_mb: float | None
    words: int
    quality: dict[str, dict[str, Any]] = field(default_factory=dict)
    reading_mb_per_second: float | None = None
    useful_gflops: float | None = None
    peak_gflops: float | None = None


@dataclass(frozen=True)
class WholeRun:
    """One run from raw text to a saved model."""

    setting: str
    threads: int
    trainer: str
    round: int
    seconds: float
    memory_mb: float | None


def ratios(runs: Iterable[Run], trainer: str, threads: int, base: str) -> list[float]:
    """Return the speed ratio of two trainers with the same number of threads, for each round."""
    speeds = {
        (run.trainer, run.round): run.words_per_second for run in runs if run.threads == threads
    }
    return [
        speed / speeds[base, turn]
        for (name, turn), speed in speeds.items()
        if name == trainer and (base, turn) in speeds
    ]


def grouped(runs: Iterable[Run]) -> dict[tuple[str, int], list[Run]]:
    """Group runs by trainer and threads, in order of first appearance."""
    groups: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.trainer, run.threads), []).append(run)
    return groups


def report(figures: Mapping[str, Any]) -> str:
    """Return all figures as Markdown.

    Args:
        figures: ``machine``, ``corpus``, ``settings`` by name, ``runs`` and ``whole``, as
            `benchmark.py` writes them.
    """
    corpus = figures["corpus"]
    parts = [
        machine_line(figures["machine"]),
        f"Text: {corpus['name']}, {corpus['bytes'] / 1e6:.1f} MB.",
    ]
    for name, facts in figures["settings"].items():
        runs = [Run(**row) for row in figures["runs"] if row["setting"] == name]
        wholes = [WholeRun(**row) for row in figures["whole"] if row["setting"] == name]
        parts.append(f"### Setting {name}\n\n{setting_line(name, facts)}")
        parts += [training_table(runs), machine_table(runs)]
        if any(run.trainer == DETERMINISTIC for run in runs):
            parts.append(price_table(runs))
        if wholes:
            parts.append(whole_table(wholes))
    return "\n\n".join([*parts, _NOTE])


def setting_line(name: str, facts: Mapping[str, Any]) -> str:
    """Describe a setting, and the size of the vocabulary and text that result from it."""
    options = {key: value for key, value in facts.items() if key not in {"words", "vocabulary"}}
    return (
        f"{Setting(name, **options)}: {facts['vocabulary']:,} words with "
        f"{facts['words']:,} occurrences."
    )


def training_table(runs: Sequence[Run]) -> str:
    """Return the table of speed, quality and memory."""
    files = list(dict.fromkeys(file for run in runs for file in run.quality))
    heads = ["trainer", "threads", "training, million words/s", "times gensim"]
    heads += [f"{file}, {measure_of(runs, file)}" for file in files]
    rows = []
    for (trainer, threads), group in grouped(runs).items():
        quality = [median(run.quality[file]["score"] for run in group) for file in files]
        rows.append(
            [
                trainer,
                str(threads),
                spread(run.words_per_second / 1e6 for run in group),
                number(median(ratios(runs, trainer, threads, GENSIM.name))),
                *(number(score, 1) for score in quality),
                number(median(run.memory_mb for run in group), 0),
            ]
        )
    return markdown([*heads, "memory, MB"], rows)


def measure_of(runs: Iterable[Run], file: str) -> str:
    """Describe the measure of an evaluation file, and its coverage."""
    found = next(run.quality[file] for run in runs if file in run.quality)
    return f"{found['measure']} ({found['covered']:,} of {found['total']:,} covered)"


def spread(values: Iterable[float]) -> str:
    """Return the median of some values and, if there are several, their range."""
    known = sorted(values)
    middle = number(median(known))
    return middle if len(known) == 1 else f"{middle} ({number(known[0])} to {number(known[-1])})"


def machine_table(runs: Sequence[Run]) -> str:
    """Return the table of reading speed, scaling with threads, and share of peak arithmetic."""
    ours = [run for run in runs if run.trainer == OURS]
    groups = grouped(ours)
    fewest = min(threads for _, threads in groups)
    heads = ["w2v, threads", "reading, MB/s", "training, million words/s"]
    heads += [f"times {fewest} thread" + "s" * (fewest > 1), "useful GFLOP/s", "peak GFLOP/s"]
    rows = []
    for (_, threads), group in groups.items():
        share = median(of_peak(run) for run in group)
        rows.append(
            [
                str(threads),
                number(median(run.reading_mb_per_second for run in group), 0),
                number(median(run.words_per_second / 1e6 for run in group)),
                number(median(against_fewest(ours, threads, fewest))),
                number(median(run.useful_gflops for run in group), 1),
                number(median(run.peak_gflops for run in group), 1),
                number(share, 1) + " %",
            ]
        )
    return markdown([*heads, "share"], rows)


def price_table(runs: Sequence[Run]) -> str:
    """Return the table of the cost of deterministic training."""
    rows = [
        [str(threads), number(median(1 / ratio for ratio in slower))]
        for trainer, threads in grouped(runs)
        if trainer == DETERMINISTIC and (slower := ratios(runs, trainer, threads, OURS))
    ]
    return markdown([f"{DETERMINISTIC}, threads", "time, times w2v's"], rows)


def of_peak(run: Run) -> float | None:
    """Return the useful operations as a percentage of the peak."""
    if run.useful_gflops is None or run.peak_gflops is None:
        return None
    return 100 * run.useful_gflops / run.peak_gflops


def against_fewest(ours: Iterable[Run], threads: int, fewest: int) -> list[float]:
    """Return the speedup over the smallest number of threads, for each round."""
    speeds = {(run.threads, run.round): run.words_per_second for run in ours}
    return [
        speed / speeds[fewest, turn] for (count, turn), speed in speeds.items() if count == threads
    ]


def whole_table(wholes: Sequence[WholeRun]) -> str:
    """Return the table of whole runs."""
    rows = []
    for trainer in dict.fromkeys(run.trainer for run in wholes):
        group = [run for run in wholes if run.trainer == trainer]
        ours = {run.round: run.seconds for run in wholes if run.trainer == OURS}
        rows.append(
            [
                trainer,
                str(group[0].threads),
                number(median(run.seconds for run in group), 1),
                number(median(run.seconds / ours[run.round] for run in group)),
                number(median(run.memory_mb for run in group), 0),
            ]
        )
    heads = ["raw text to saved model", "threads", "seconds", "times w2v's", "memory, MB"]
    return markdown(heads, rows)
