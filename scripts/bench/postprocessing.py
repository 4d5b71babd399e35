"""What post-processing does to the scores of models: the table in docs/evaluation.md.

    python -m scripts.bench.postprocessing SMALL.w2v LARGE.w2v --file EN-SIMLEX-999.txt

Each difference from the unchanged vectors is printed with a star if its paired 95 % bootstrap
interval does not contain zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from scripts.docs.generate import table
from w2v.embeddings.load import load
from w2v.embeddings.postprocess import postprocess
from w2v.evaluation import bootstrap
from w2v.evaluation.report import Outcomes, Settings, outcomes, read_items

STEPS: dict[str, dict[str, Any]] = {
    "mean": {},
    "mean, 1 component": {"remove": 1},
    "mean, 2 components": {"remove": 2},
    "mean, 3 components": {"remove": 3},
    "contexts x 0.5": {"center": False, "contexts": 0.5},
    "contexts x 1": {"center": False, "contexts": 1.0},
    "contexts x 0.5, mean": {"contexts": 0.5},
}


def measured(model: str, files: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """Yield each set with the score of a model, and the differences that the steps make."""
    plain = load(model)
    models = [plain, *(postprocess(model, **step) for step in STEPS.values())]
    settings = Settings.of(30_000, "add", lower=True)
    for items in [*read_items(None, lower=True), *(read_items(files, lower=True) if files else [])]:
        for outcome in outcomes(items, models, settings):
            yield outcome.name, cells(outcome)


def cells(outcome: Outcomes) -> list[str]:
    """Return the score of the first model, and the differences of the others from it."""
    covered = outcome.covered.all(axis=0)
    scores = outcome.score(covered)
    resampled = outcome.resampled(covered)
    if scores[0] is None:
        return ["-"] * len(scores)
    found = [f"{100 * scores[0]:.1f}"]
    for score, values in zip(scores[1:], resampled[1:], strict=True):
        assert score is not None
        bounds = bootstrap.interval(values - resampled[0])
        is_clear = bounds is not None and not bounds.low <= 0 <= bounds.high
        found.append(f"{100 * (score - scores[0]):+.1f}{'*' if is_clear else ''}")
    return found


@click.command()
@click.argument("models", nargs=-1, required=True)
@click.option("--file", "files", multiple=True, help="A further evaluation file; repeatable.")
def main(models: tuple[str, ...], files: tuple[str, ...]) -> None:
    """Print a Markdown table of the scores of MODELS and of what post-processing changes."""
    rows = [[model, name, *found] for model in models for name, found in measured(model, files)]
    click.echo(table(["model", "set", "plain", *STEPS], rows), nl=False)


if __name__ == "__main__":
    main()
