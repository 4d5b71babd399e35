"""Plot the JSON output of the benchmark scripts.

    python -m scripts.bench.plot benchmark.json scaling.json reviews.json --output plots

writes speed.png, scaling.png, odd-texts.png and reviews.png, each also as .svg.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from scripts.bench.figures import DETERMINISTIC, OURS, Run, grouped, ratios
from scripts.bench.measuring import median
from scripts.bench.reviews import AVERAGED, NETWORKS, Result, by_variant, spread
from scripts.bench.scaling import CLIFFS, EXPERIMENTS, ORDINARY, Sample, by_experiment, exponent
from scripts.bench.trainers import GENSIM
from w2v.views.figures import COLORS, GREY, STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN = COLORS[:3]
_SECONDS = {
    "training": (BLUE, "o", lambda sample: sample.training_seconds),
    "reading": (ORANGE, "s", lambda sample: sample.reading_seconds),
}
_WORD = "word", lambda sample: sample.training_ns_per_word
_PAIR = "pair", lambda sample: sample.training_ns_per_pair
Groups = Mapping[Any, Sequence[Sample]]


@click.command()
@click.argument("figures", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--output",
    default=".",
    show_default=True,
    type=click.Path(file_okay=False),
    help="Output directory.",
)
def main(figures: tuple[str, ...], output: str) -> None:
    """Plot FIGURES, the JSON files of benchmark.py, scaling.py and classify_reviews.py."""
    use_style()
    directory = Path(output)
    directory.mkdir(parents=True, exist_ok=True)
    for path in figures:
        for name, figure in draw(json.loads(Path(path).read_text(encoding="utf-8"))).items():
            for suffix in (".png", ".svg"):
                save(figure, directory / (name + suffix))
            click.echo(directory / f"{name}.png")


def use_style() -> None:
    """Apply a common style to all plots.

    Raises:
        click.ClickException: matplotlib is not installed.
    """
    try:
        from matplotlib import style
    except ImportError as error:
        hint = "matplotlib is not installed; install it with: pip install --group bench"
        raise click.ClickException(hint) from error
    style.use(STYLE)


def save(figure: Figure, path: Path) -> None:
    """Write a plot reproducibly."""
    facts = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=160, metadata=facts)


def draw(figures: Mapping[str, Any]) -> dict[str, Figure]:
    """Return the plots of some figures, by name."""
    if "results" in figures:
        return {"reviews": draw_reviews(figures)}
    if "samples" not in figures:
        return {"speed": draw_speeds(figures)}
    groups = by_experiment(figures["samples"])
    plots = {}
    if CLIFFS in groups:
        plots["odd-texts"] = draw_cliffs(groups.pop(CLIFFS))
    if groups:
        plots["scaling"] = draw_scaling(groups)
    return plots


def draw_speeds(figures: Mapping[str, Any]) -> Figure:
    """Return bars of the speed of every trainer with the most threads, for each setting."""
    from matplotlib.figure import Figure

    settings = list(figures["settings"])
    speeds = {name: speeds_of(figures["runs"], name) for name in settings}
    lengths = [len(of_setting) for of_setting in speeds.values()]
    figure = Figure(figsize=(7, 1.2 + sum(0.34 * n + 0.55 for n in lengths)), layout="constrained")
    panels = figure.subplots(
        len(settings), 1, sharex=True, squeeze=False, height_ratios=[n + 0.6 for n in lengths]
    )[:, 0]
    for panel, name in zip(panels, settings, strict=True):
        draw_bars(panel, speeds[name])
        panel.set_title(_setting_title(name, figures["settings"][name], figures["runs"]))
    figure.suptitle(
        f"Training speed on {figures['corpus']['name']}", x=0.01, ha="left", weight="bold"
    )
    longest = max(speed for of_setting in speeds.values() for speed, _ in of_setting.values())
    panels[-1].set_xlim(0, longest * 1.4)
    others = {trainer for of_setting in speeds.values() for trainer in of_setting}
    shrinking = sorted(others - {OURS, DETERMINISTIC, GENSIM.name})
    panels[-1].set_xlabel(
        "million words trained on per second"
        + f"\nwindows of {' and '.join(shrinking)} always shrink" * bool(shrinking)
    )
    return figure


def speeds_of(runs: Sequence[Mapping[str, Any]], setting: str) -> dict[str, tuple[float, str]]:
    """Return the speed of each trainer in million words/s and its ratio to gensim."""
    of_setting = [Run(**row) for row in runs if row["setting"] == setting]
    most = max(run.threads for run in of_setting)
    found: dict[str, tuple[float, str]] = {}
    for (trainer, threads), group in grouped(of_setting).items():
        speed = median(run.words_per_second / 1e6 for run in group)
        if threads == most and speed is not None:
            times = median(ratios(of_setting, trainer, threads, GENSIM.name))
            known = times is not None and trainer != GENSIM.name
            found[trainer] = speed, f"{times:.1f} times gensim" if known else ""
    return dict(sorted(found.items(), key=lambda item: -item[1][0]))


def draw_bars(panel: Axes, speeds: Mapping[str, tuple[float, str]]) -> None:
    """Draw a bar with its value for each trainer, ours in color."""
    names = list(speeds)
    values = [speed for speed, _ in speeds.values()]
    panel.barh(names, values, height=0.7, color=[BLUE if n == OURS else GREY for n in names])
    for row, (speed, times) in enumerate(speeds.values()):
        text = f"  {speed:.2f}" + (f"   {times}" if times else "")
        panel.text(speed, row, text, va="center")
    panel.invert_yaxis()
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)


def _setting_title(name: str, facts: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> str:
    threads: int = max(row["threads"] for row in runs if row["setting"] == name)
    windows = "shrinking" if facts["shrink_windows"] else "full"
    return (
        f"Setting {name}: dim {facts['dim']}, window {facts['window']} ({windows}), "
        f"sample {facts['sample']:g}, {threads} thread" + "s" * (threads > 1)
    )


def draw_scaling(groups: Mapping[str, Groups]) -> Figure:
    """Return small multiples, one panel for each experiment."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    roomy = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.9 * rows), layout=roomy)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, (name, of_experiment) in zip(panels, groups.items(), strict=False):
        _PANELS.get(name, draw_cost)(panel, name, of_experiment)
    figure.suptitle("Scaling of the training time", x=0.01, ha="left", weight="bold")
    for panel in panels[len(groups) :]:
        panel.set_visible(False)
    return figure


def draw_sizes(panel: Axes, name: str, groups: Groups) -> None:
    """Plot seconds against megabytes; slope 1 means proportional time."""
    xs = list(groups)
    lines = {}
    for label, (color, marker, seconds) in _SECONDS.items():
        lines[label] = draw_line(panel, groups, seconds, color, marker, label)
    draw_slope(panel, xs, lines["reading"])
    draw_slope(panel, xs, lines["training"], "proportional")
    _logarithmic(
        panel, xs, [*lines["reading"], *lines["training"]], EXPERIMENTS[name], "seconds per epoch"
    )
    panel.set_title(f"Training time {_power('size', exponent(xs, lines['training']))}")
    panel.legend()


def draw_cost(panel: Axes, name: str, groups: Groups) -> None:
    """Plot nanoseconds of training against an option."""
    xs = list(groups)
    # A larger vocabulary leaves more words after subsampling, so compare the time per pair.
    unit, cost = _PAIR if name == "vocabulary" else _WORD
    ys = draw_line(panel, groups, cost, BLUE, "o", "training")
    draw_slope(panel, xs, ys)
    _logarithmic(panel, xs, ys, EXPERIMENTS[name], f"training, ns/{unit}")
    panel.set_title(f"Time per {unit} {_power(name, exponent(xs, ys))}")


def draw_threads(panel: Axes, name: str, groups: Groups) -> None:
    """Plot speed against threads; slope 1 means perfect scaling."""
    xs = list(groups)
    speed = lambda s: s.words / s.training_seconds / 1e6  # noqa: E731
    ys = draw_line(panel, groups, speed, BLUE, "o", "training")
    draw_slope(panel, xs, ys)
    _logarithmic(panel, xs, ys, EXPERIMENTS[name], "training, million words/s")
    panel.set_title(f"Speedup of {xs[-1]} threads over {xs[0]}: {ys[-1] / ys[0]:.2f}")


_PANELS: dict[str, Callable[[Axes, str, Groups], None]] = {
    "size": draw_sizes,
    "threads": draw_threads,
}


def draw_line(
    panel: Axes,
    groups: Groups,
    value: Callable[[Sample], float],
    color: str,
    marker: str,
    label: str,
) -> list[float]:
    """Draw a line through the medians, and return them."""
    ys = [_middle(group, value) for group in groups.values()]
    panel.plot(list(groups), ys, color=color, marker=marker, markersize=4, label=label)
    return ys


def draw_slope(
    panel: Axes, xs: Sequence[float], ys: Sequence[float], label: str | None = None
) -> None:
    """Draw a reference line of slope 1 through the first point."""
    ends = [xs[0], xs[-1]]
    panel.plot(
        ends, [ys[0] * x / xs[0] for x in ends], color=GREY, linewidth=0.7, zorder=0, label=label
    )


def _middle(group: Sequence[Sample], value: Callable[[Sample], float]) -> float:
    found = median(map(value, group))
    assert found is not None
    return found


def _power(name: str, growth: float | None) -> str:
    return "" if growth is None else rf"$\propto$ {name}$^{{{growth:.2f}}}$"


def _logarithmic(
    panel: Axes, xs: Sequence[float], ys: Sequence[float], across: str, up: str
) -> None:
    """Set logarithmic axes with plain numbers, and ticks at the measured points."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    panel.set_xscale("log")
    panel.set_yscale("log")
    panel.set_xticks(list(xs), [_short(x) for x in xs])
    ticks = round_numbers(min(ys), max(ys))
    panel.set_ylim(ticks[0], ticks[-1])
    panel.yaxis.set_major_locator(FixedLocator(ticks))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:g}"))
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_minor_locator(NullLocator())
    panel.set_xlabel(across)
    panel.set_ylabel(up)


def round_numbers(low: float, high: float) -> list[float]:
    """The numbers 1, 2 or 5 times a power of ten from below the low one to above the high one.

    >>> round_numbers(3, 40)
    [2.0, 5.0, 10.0, 20.0, 50.0]
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = [float(f"{digit}e{decade}") for decade in decades for digit in (1, 2, 5)]
    first = max(step for step in steps if step <= low)
    last = min(step for step in steps if step > high)
    return [step for step in steps if first <= step <= last]


def _short(x: float) -> str:
    """Format a number briefly."""
    for unit, sign in ((1e6, "M"), (1e3, "k")):
        if x >= unit:
            return f"{x / unit:g}{sign}"
    return f"{x:g}"


def draw_cliffs(groups: Groups) -> Figure:
    """Return bars of unusual texts beside an ordinary one: reading per byte, training per word."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 1.1 + 0.36 * len(groups)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    costs: dict[str, Callable[[Sample], float]] = {
        "Reading, ns/byte": lambda s: s.reading_ns_per_byte,
        "Training, ns/word": lambda s: s.training_ns_per_word,
    }
    for panel, (title, cost) in zip(panels, costs.items(), strict=True):
        values = [_middle(group, cost) for group in groups.values()]
        colors = [BLUE if name == ORDINARY else GREY for name in groups]
        panel.barh(list(groups), values, height=0.7, color=colors)
        for row, value in enumerate(values):
            panel.text(value, row, f"  {value:.3g}", va="center")
        panel.set_title(title)
        panel.set_xlim(0, max(values) * 1.15)
        panel.spines["left"].set_visible(False)
        panel.tick_params(axis="y", length=0)
    panels[0].invert_yaxis()
    figure.suptitle("Unusual texts compared with an ordinary one", x=0.01, ha="left", weight="bold")
    return figure


def draw_reviews(figures: Mapping[str, Any]) -> Figure:
    """Return lines of the accuracy of every classifier by the number of labelled texts."""
    from matplotlib.figure import Figure

    groups = by_variant(figures["results"])
    figure = Figure(figsize=(8, 5), layout="constrained")
    panel = figure.subplots()
    middle = (len(groups) - 1) / 2
    for place, (variant, of_variant) in enumerate(groups.items()):
        draw_accuracies(panel, variant, of_variant, aside=1.05 ** (place - middle))
    sizes = sorted({row["size"] for row in figures["results"]})
    panel.set_xscale("log")
    panel.set_xticks(sizes, [f"{size:,}" for size in sizes])
    panel.minorticks_off()
    panel.set_xlabel("labelled texts (a fifth of them for validation)")
    panel.set_ylabel("test accuracy, %")
    panel.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    figure.legend(loc="outside lower center", ncols=3)
    seeds = len({row["seed"] for row in figures["results"]})
    bars = f"; bars: standard deviation of {seeds} seeds" if seeds > 1 else ""
    figure.suptitle(
        "With and without a pretrained Embedding layer", x=0.01, ha="left", weight="bold"
    )
    panel.set_title(f"{figures['data']['test_texts']:,} texts of {figures['data']['test']}{bars}")
    return figure


def draw_accuracies(
    panel: Axes, variant: str, groups: Mapping[int, Sequence[Result]], aside: float
) -> None:
    """Draw the means of a classifier with error bars, slightly offset from the others."""
    color, trained = look_of(variant)
    shares = [[100 * result.accuracy for result in group] for group in groups.values()]
    panel.errorbar(
        [size * aside for size in groups],
        [fmean(of_size) for of_size in shares],
        yerr=[spread(of_size) or 0 for of_size in shares],
        color=color,
        linestyle="-" if trained else "--",
        linewidth=1.3,
        marker="o" if variant in NETWORKS else "s",
        markersize=5,
        markerfacecolor=color if trained else "white",
        capsize=2.5,
        label=variant,
    )


def look_of(variant: str) -> tuple[str, bool]:
    """The color of a classifier, by its vectors, and whether its line and marks are full ones.

    They are where all of it is trained on the labelled texts.
    """
    if variant in NETWORKS:
        pretrained, trained = NETWORKS[variant]
        return BLUE if pretrained else ORANGE, trained
    return (GREEN, False) if variant == AVERAGED else (GREY, True)


if __name__ == "__main__":
    main()
