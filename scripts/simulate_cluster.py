"""A model of the time of `w2v train --ray`: how much a cluster gains, and what it moves.

    python -m scripts.simulate_cluster --gigabytes 1000 --workers 16 --cores 16 --gbits 25
    python -m scripts.simulate_cluster --check corpus.txt
    python -m scripts.simulate_cluster --plot cluster.svg

The first prints the time of an epoch and its parts. The second trains some rounds of real texts in
this process and compares the bytes that workers would exchange with those of the model. The third
draws the time for 4 to 256 machines, networks of 10 to 100 Gbit/s and texts of 10 GB to 10 TB.
docs/cluster.md has the plot and the assumptions.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

import w2v
from scripts.bench.cluster_model import (
    Estimate,
    Machines,
    RowCounts,
    Speeds,
    Text,
    estimate,
    expected_rows,
    one_machine_seconds,
    resolved,
    zipf_counts,
)
from scripts.bench.cluster_traffic import Traffic, measure
from scripts.bench.measuring import markdown, require_parent_directory
from scripts.bench.plot import save, use_style
from w2v.config import AUTO, Config
from w2v.views.figures import COLORS, EXTENSIONS, GREY, MARKERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.figure import Figure

WORKERS = (4, 8, 16, 32, 64, 128, 256)
GBITS = (10.0, 25.0, 100.0)
GIGABYTES = (10.0, 100.0, 1_000.0, 10_000.0)
# The settings of the check: the most words of the vocabulary, dim, shards, workers.
CHECKS = (
    (50_000, 128, 4, 2),
    (50_000, 128, 16, 4),
    (50_000, 300, 8, 2),
    (10_000, 64, 64, 4),
    (2_000, 128, 4, 3),
)
_CHECKED_ROUNDS = 4
TOLERANCE = 0.25
"""How far the bytes of the model may be from those of real rounds, as a share of these."""


@click.command()
@click.option("--gigabytes", type=float, multiple=True, help="Size of the text, in 1e9 bytes.")
@click.option("--workers", type=click.IntRange(1), multiple=True, help="Number of machines.")
@click.option("--cores", type=click.IntRange(1), default=16, show_default=True, help="Of each.")
@click.option("--gbits", type=float, multiple=True, help="Network of each machine, Gbit/s.")
@click.option(
    "--words", type=click.IntRange(10), default=50_000, show_default=True, help="Vocabulary."
)
@click.option("--dim", type=click.IntRange(1), default=128, show_default=True, help="Vector size.")
@click.option(
    "--rounds",
    type=click.IntRange(0),
    default=320,
    show_default=True,
    help="Of the whole training; 0 for what w2v chooses.",
)
@click.option(
    "--speed", type=float, default=4.0, show_default=True, help="Million words/s and core, dim 128."
)
@click.option(
    "--check",
    type=click.Path(exists=True, dir_okay=False),
    multiple=True,
    help="Compare the bytes of the model with those of rounds on this text. May be repeated.",
)
@click.option(
    "--plot",
    type=click.Path(dir_okay=False),
    callback=require_parent_directory,
    help="Draw the times; the extension is .svg or .png.",
)
def main(
    gigabytes: tuple[float, ...],
    workers: tuple[int, ...],
    cores: int,
    gbits: tuple[float, ...],
    words: int,
    dim: int,
    rounds: int,
    speed: float,
    check: tuple[str, ...],
    plot: str | None,
) -> None:
    """Estimate the time of an epoch of training on a cluster."""
    if check:
        rows = [row for path in check for row in compare(path)]
        click.echo(check_table(rows))
        far = [row for row in rows if row.error > TOLERANCE]
        if far:
            message = f"{len(far)} of {len(rows)} estimates are off by more than {TOLERANCE:.0%}"
            raise click.ClickException(message)
        return
    config = Config(dim=dim, deterministic=True, rounds=rounds or AUTO)
    speeds = Speeds(words=speed * 1e6)
    if plot is not None:
        if Path(plot).suffix not in EXTENSIONS:
            raise click.BadParameter(f"{plot} must end in {' or '.join(EXTENSIONS)}")
        use_style()
        save(draw(config, words, cores, speeds), Path(plot))
        click.echo(plot)
        return
    for size in gigabytes or GIGABYTES:
        text = Text.of_size(size, words)
        alone = one_machine_seconds(text, dim, cores, speeds)
        click.echo(
            f"\nText of {bytes_name(size)}, {text.words:,} words, V {words:,}, dim {dim}; "
            f"one machine of {cores} cores without --deterministic: {duration(alone)} an epoch\n"
        )
        grid = [Machines(n, cores, g) for g in gbits or GBITS for n in workers or WORKERS]
        found = [estimate(text, config, machines, speeds) for machines in grid]
        click.echo(time_table(grid, found, alone))


def time_table(grid: Sequence[Machines], found: Sequence[Estimate], alone: float) -> str:
    """Return the estimates as a table.

    Args:
        grid: the clusters.
        found: the estimate for each.
        alone: the seconds of an epoch on one machine.

    """
    heads = ["Gbit/s", "workers", "shards", "rounds", "words a span", "MB a worker and round"]
    heads += [
        "train, s",
        "handle, s",
        "move, s",
        "coordinate, s",
        "epoch",
        "moving",
        "not training",
    ]
    heads += ["times one machine"]
    rows = [
        [
            f"{machines.gbits:g}",
            str(machines.workers),
            str(machines.shards),
            f"{one.rounds:,}",
            f"{one.positions:,.0f}",
            f"{one.received_bytes / 1e6:,.1f}",
            f"{one.train:.3f}",
            f"{one.handle:.3f}",
            f"{one.move:.3f}",
            f"{one.coordinate:.3f}",
            duration(one.epoch_seconds),
            f"{one.moving_share:.0%}",
            f"{one.overhead_share:.0%}",
            f"{alone / one.epoch_seconds:.1f}",
        ]
        for machines, one in zip(grid, found, strict=True)
    ]
    return markdown(heads, rows)


def duration(seconds: float) -> str:
    """Format a time briefly.

    >>> [duration(s) for s in (5, 300, 9_000)]
    ['5.0 s', '5.0 min', '2.5 h']
    """
    for unit, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def bytes_name(gigabytes: float) -> str:
    """Format a size briefly.

    >>> bytes_name(10), bytes_name(2_000)
    ('10 GB', '2 TB')
    """
    return f"{gigabytes / 1000:g} TB" if gigabytes >= 1000 else f"{gigabytes:g} GB"


# The check


@dataclass(frozen=True)
class Row:
    """A setting of the check: what was measured, and what the model says.

    Attributes:
        name: of the text.
        text: its counts.
        config: the hyper-parameters, with numbers in place of ``"auto"``.
        measured: the means of some rounds.

    """

    name: str
    text: Text
    config: Config
    measured: Traffic

    @property
    def shard_bytes(self) -> float:
        """The bytes of a shard by the model."""
        return self._rows(self.text).change_bytes(self.config.dim)

    @property
    def merged_bytes(self) -> float:
        """The bytes of the merged rows by the model."""
        return self._rows(self.text, self.config.shard_count).merged_bytes(self.config.dim)

    @property
    def generated_bytes(self) -> float:
        """The bytes of a shard in a text of the same size whose counts are those of the model."""
        counts = zipf_counts(len(self.text.counts), self.text.words)
        return self._rows(Text(counts, self.text.lines)).change_bytes(self.config.dim)

    @property
    def error(self) -> float:
        """The larger error of the two kinds of bytes, as a share of what was measured."""
        ratios = (
            self.shard_bytes / self.measured.shard_bytes,
            self.merged_bytes / self.measured.merged_bytes,
        )
        return max(abs(ratio - 1) for ratio in ratios)

    def _rows(self, text: Text, shards: int = 1) -> RowCounts:
        return expected_rows(text, self.config, self.measured.positions, shards)


def compare(path: str) -> Iterator[Row]:
    """Train some rounds on a text in each setting of the check."""
    for vocabulary, of_vocabulary in itertools.groupby(CHECKS, lambda check: check[0]):
        with w2v.read_corpus(path, vocab_size=vocabulary, progress=False) as corpus:
            counts = corpus.all_counts
            text = Text(counts, corpus.text.lines)
            for _, dim, shards, workers in of_vocabulary:
                config = resolved(text, Config(dim=dim, vocab_size=vocabulary), shards)
                measured = measure(corpus.text, counts, config, workers, _CHECKED_ROUNDS)
                yield Row(Path(path).name, text, config, measured)


def check_table(rows: Sequence[Row]) -> str:
    """Return the bytes, and the speeds on one core of this machine, as a table."""
    heads = ["text", "V", "dim", "shards", "words a span", "MB a shard", "model", "ratio"]
    heads += ["Zipf", "ratio", "merged, MB", "model", "ratio", "million words/s"]
    heads += ["cut, MB/s", "merge, MB/s", "apply, MB/s"]
    cells = []
    for row in rows:
        measured, shards = row.measured, row.config.shard_count
        changed = shards * measured.shard_bytes / 1e6
        cells.append(
            [
                row.name,
                f"{len(row.text.counts):,}",
                str(row.config.dim),
                str(shards),
                f"{measured.positions:,.0f}",
                f"{measured.shard_bytes / 1e6:.2f}",
                f"{row.shard_bytes / 1e6:.2f}",
                f"{row.shard_bytes / measured.shard_bytes:.2f}",
                f"{row.generated_bytes / 1e6:.2f}",
                f"{row.generated_bytes / measured.shard_bytes:.2f}",
                f"{measured.merged_bytes / 1e6:.2f}",
                f"{row.merged_bytes / 1e6:.2f}",
                f"{row.merged_bytes / measured.merged_bytes:.2f}",
                f"{shards * measured.positions / measured.train / 1e6:.2f}",
                f"{changed / measured.cut:,.0f}",
                f"{changed / measured.merge:,.0f}",
                f"{measured.merged_bytes / 1e6 / measured.apply:,.0f}",
            ]
        )
    return markdown(heads, cells)


# The plot


def draw(config: Config, words: int, cores: int, speeds: Speeds) -> Figure:
    """Return lines of the time of an epoch and of the share of moving, a column for each text."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullLocator, PercentFormatter

    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    panels = figure.subplots(2, len(GIGABYTES), sharex=True, sharey="row")
    for column, size in enumerate(GIGABYTES):
        text = Text.of_size(size, words)
        times, shares = panels[0][column], panels[1][column]
        alone = one_machine_seconds(text, config.dim, cores, speeds)
        times.axhline(alone, color=GREY, linewidth=0.9, linestyle="--", label="one machine")
        for gbits, color, marker in zip(GBITS, COLORS, MARKERS, strict=False):
            found = [estimate(text, config, Machines(n, cores, gbits), speeds) for n in WORKERS]
            look = {"color": color, "marker": marker, "markersize": 3.5, "linewidth": 1.2}
            times.plot(
                WORKERS, [one.epoch_seconds for one in found], label=f"{gbits:g} Gbit/s", **look
            )
            shares.plot(WORKERS, [one.overhead_share for one in found], **look)
        times.set_title(f"{bytes_name(size)}: {duration(alone)} alone")
        times.set_xscale("log", base=2)
        times.set_yscale("log")
        shares.set_xticks(WORKERS, [str(n) for n in WORKERS])
        shares.xaxis.set_minor_locator(NullLocator())
        shares.set_ylim(0, 1)
        shares.set_xlabel("machines")
    ticks = {10: "10 s", 60: "1 min", 600: "10 min", 3_600: "1 h", 36_000: "10 h"}
    panels[0][0].set_yticks(list(ticks), list(ticks.values()))
    panels[0][0].yaxis.set_minor_locator(NullLocator())
    panels[0][0].set_ylabel("time of an epoch")
    panels[1][0].set_ylabel("share not spent in training")
    panels[1][0].yaxis.set_major_formatter(PercentFormatter(1))
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    figure.suptitle(
        f"Model of training on machines of {cores} cores, {words:,} words, dim {config.dim}",
        x=0.01,
        ha="left",
        weight="bold",
    )
    return figure


if __name__ == "__main__":
    main()
