"""Draw what the scripts that measure have written, without running anything again.

    python -m scripts.bench.plot benchmark.json scaling.json reviews.json --output plots

writes speed.png, scaling.png, odd-texts.png and reviews.png there, and each as .svg.
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

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Three of Okabe and Ito's colours, which everybody can tell apart, and a grey for all else.
BLUE = "#0072B2"
ORANGE = "#D55E00"
GREEN = "#009E73"
GREY = "#8A8A8A"
_STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "legend.frameon": False,
    "svg.hashsalt": "w2v",  # so that the same figures give the same file
    "svg.fonttype": "path",
}
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
    help="The folder to draw into.",
)
def main(figures: tuple[str, ...], output: str) -> None:
    """Draw FIGURES, the JSON files of benchmark.py, scaling.py and classify_reviews.py."""
    use_style()
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    for path in figures:
        for name, figure in draw(json.loads(Path(path).read_text(encoding="utf-8"))).items():
            for suffix in (".png", ".svg"):
                save(figure, folder / (name + suffix))
            click.echo(folder / f"{name}.png")


def use_style() -> None:
    """Have all pictures look alike.

    Raises:
        click.ClickException: matplotlib is not installed.
    """
    try:
        from matplotlib import style
    except ImportError as error:
        hint = "matplotlib is not installed; install it with: pip install --group bench"
        raise click.ClickException(hint) from error
    style.use(_STYLE)


def save(figure: Figure, path: Path) -> None:
    """Write a picture, the same bytes for the same figures."""
    facts = {"Date": None} if path.suffix == ".svg" else {}
    figure.savefig(path, dpi=160, metadata=facts)


def draw(figures: Mapping[str, Any]) -> dict[str, Figure]:
    """The pictures that can be made of some figures, by name."""
    if "results" in figures:
        return {"reviews": draw_reviews(figures)}
    if "samples" not in figures:
        return {"speed": draw_speeds(figures)}
    groups = by_experiment(figures["samples"])
    pictures = {}
    if CLIFFS in groups:
        pictures["odd-texts"] = draw_cliffs(groups.pop(CLIFFS))
    if groups:
        pictures["scaling"] = draw_scaling(groups)
    return pictures


def draw_speeds(figures: Mapping[str, Any]) -> Figure:
    """Bars: every trainer's speed, at the most threads, setting by setting."""
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
        "million words of text trained on per second"
        + f"\nwindows of {' and '.join(shrinking)} always shrink" * bool(shrinking)
    )
    return figure


def speeds_of(runs: Sequence[Mapping[str, Any]], setting: str) -> dict[str, tuple[float, str]]:
    """Each trainer's speed in million words/s, and how many times gensim's, fastest first."""
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
    """A bar for each trainer, ours in colour, with its value."""
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
    """Small multiples, an experiment each."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    roomy = ConstrainedLayoutEngine(w_pad=0.08, h_pad=0.08)
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    figure = Figure(figsize=(3.4 * columns, 2.9 * rows), layout=roomy)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel, (name, of_experiment) in zip(panels, groups.items(), strict=False):
        _PANELS.get(name, draw_cost)(panel, name, of_experiment)
    figure.suptitle("How the time of training grows", x=0.01, ha="left", weight="bold")
    for panel in panels[len(groups) :]:
        panel.set_visible(False)
    return figure


def draw_sizes(panel: Axes, name: str, groups: Groups) -> None:
    """Seconds against megabytes: straight at slope 1 if time is proportional."""
    xs = list(groups)
    lines = {}
    for label, (colour, marker, seconds) in _SECONDS.items():
        lines[label] = draw_line(panel, groups, seconds, colour, marker, label)
    draw_slope(panel, xs, lines["reading"])
    draw_slope(panel, xs, lines["training"], "proportional")
    _logarithmic(
        panel, xs, [*lines["reading"], *lines["training"]], EXPERIMENTS[name], "seconds an epoch"
    )
    panel.set_title(f"Training time {_power('size', exponent(xs, lines['training']))}")
    panel.legend()


def draw_cost(panel: Axes, name: str, groups: Groups) -> None:
    """Nanoseconds of training against an option."""
    xs = list(groups)
    # The more words there are, the fewer of them does subsampling take away: they cost by the pair.
    unit, cost = _PAIR if name == "vocabulary" else _WORD
    ys = draw_line(panel, groups, cost, BLUE, "o", "training")
    draw_slope(panel, xs, ys)
    _logarithmic(panel, xs, ys, EXPERIMENTS[name], f"training, ns a {unit}")
    panel.set_title(f"Time a {unit} {_power(name, exponent(xs, ys))}")


def draw_threads(panel: Axes, name: str, groups: Groups) -> None:
    """Speed against threads: straight at slope 1 if no thread is in another's way."""
    xs = list(groups)
    speed = lambda s: s.words / s.training_seconds / 1e6  # noqa: E731
    ys = draw_line(panel, groups, speed, BLUE, "o", "training")
    draw_slope(panel, xs, ys)
    _logarithmic(panel, xs, ys, EXPERIMENTS[name], "training, million words/s")
    panel.set_title(f"{xs[-1]} threads are {ys[-1] / ys[0]:.2f} times as fast as {xs[0]}")


_PANELS: dict[str, Callable[[Axes, str, Groups], None]] = {
    "size": draw_sizes,
    "threads": draw_threads,
}


def draw_line(
    panel: Axes,
    groups: Groups,
    value: Callable[[Sample], float],
    colour: str,
    marker: str,
    label: str,
) -> list[float]:
    """Medians, joined by a line; returns them."""
    ys = [_middle(group, value) for group in groups.values()]
    panel.plot(list(groups), ys, color=colour, marker=marker, markersize=4, label=label)
    return ys


def draw_slope(
    panel: Axes, xs: Sequence[float], ys: Sequence[float], label: str | None = None
) -> None:
    """A thin line of slope 1 through the first point: what is proportional lies on it."""
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
    """Logarithmic axes with plain numbers, those that were measured along the bottom."""
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
    """A number in few characters."""
    for unit, sign in ((1e6, "M"), (1e3, "k")):
        if x >= unit:
            return f"{x / unit:g}{sign}"
    return f"{x:g}"


def draw_cliffs(groups: Groups) -> Figure:
    """Odd texts beside an ordinary one: reading a byte, training a word."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.5, 1.1 + 0.36 * len(groups)), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    costs: dict[str, Callable[[Sample], float]] = {
        "Reading, ns a byte": lambda s: s.reading_ns_per_byte,
        "Training, ns a word": lambda s: s.training_ns_per_word,
    }
    for panel, (title, cost) in zip(panels, costs.items(), strict=True):
        values = [_middle(group, cost) for group in groups.values()]
        colours = [BLUE if name == ORDINARY else GREY for name in groups]
        panel.barh(list(groups), values, height=0.7, color=colours)
        for row, value in enumerate(values):
            panel.text(value, row, f"  {value:.3g}", va="center")
        panel.set_title(title)
        panel.set_xlim(0, max(values) * 1.15)
        panel.spines["left"].set_visible(False)
        panel.tick_params(axis="y", length=0)
    panels[0].invert_yaxis()
    figure.suptitle("What odd texts cost, beside an ordinary one", x=0.01, ha="left", weight="bold")
    return figure


def draw_reviews(figures: Mapping[str, Any]) -> Figure:
    """Lines: the accuracy of every classifier by the number of labelled texts it learnt from."""
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
    panel.set_ylabel("right on the test, %")
    panel.grid(axis="y", color=GREY, alpha=0.25, linewidth=0.6)
    figure.legend(loc="outside lower center", ncols=3)
    seeds = len({row["seed"] for row in figures["results"]})
    bars = f"; bars: standard deviation of {seeds} seeds" if seeds > 1 else ""
    figure.suptitle("Is a pretrained Embedding layer worth it?", x=0.01, ha="left", weight="bold")
    panel.set_title(f"{figures['data']['test_texts']:,} texts of {figures['data']['test']}{bars}")
    return figure


def draw_accuracies(
    panel: Axes, variant: str, groups: Mapping[int, Sequence[Result]], aside: float
) -> None:
    """A classifier's means, joined by a line, with bars, a little beside those of the others."""
    colour, trained = look_of(variant)
    shares = [[100 * result.accuracy for result in group] for group in groups.values()]
    panel.errorbar(
        [size * aside for size in groups],
        [fmean(of_size) for of_size in shares],
        yerr=[spread(of_size) or 0 for of_size in shares],
        color=colour,
        linestyle="-" if trained else "--",
        linewidth=1.3,
        marker="o" if variant in NETWORKS else "s",
        markersize=5,
        markerfacecolor=colour if trained else "white",
        capsize=2.5,
        label=variant,
    )


def look_of(variant: str) -> tuple[str, bool]:
    """The colour of a classifier, by its vectors, and whether its line and marks are full ones.

    They are where all of it is trained on the labelled texts.
    """
    if variant in NETWORKS:
        pretrained, trained = NETWORKS[variant]
        return BLUE if pretrained else ORANGE, trained
    return (GREEN, False) if variant == AVERAGED else (GREY, True)


if __name__ == "__main__":
    main()
