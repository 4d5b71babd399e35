"""Texts with labels: reading them, drawing some of them, and what classifiers made of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from scripts.bench.measuring import machine_line, markdown, number
from w2v.text.sources import FileSource

NETWORKS = {  # whether the vectors are pretrained, whether training the network changes them
    "pretrained, frozen": (True, False),
    "pretrained, fine-tuned": (True, True),
    "random, frozen": (False, False),
    "random, fine-tuned": (False, True),
}
AVERAGED = "averaged vectors + logistic regression"
TF_IDF = "TF-IDF + logistic regression"
VALIDATED_BY = 5  # one labelled text in so many is not trained on but decides when to stop
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_COLUMNS = 2


@dataclass(frozen=True)
class Labelled:
    """Texts and their labels.

    Attributes:
        texts: N of them.
        labels: (N,) int64, numbers of names.
        names: what the labels are called.
    """

    texts: list[str]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """A classifier that was trained on some labelled texts.

    Attributes:
        variant, size, seed: what was trained on how many texts, those of validation included.
        accuracy: share of the test file's texts that it is right about.
        validation: the same of the texts that were held out of the labelled ones.
        epochs: how many it was trained for, None if it does not train in epochs.
        seconds: of training, and of choosing by validation.
    """

    variant: str
    size: int
    seed: int
    accuracy: float
    validation: float
    epochs: int | None
    seconds: float


def lines_of(path: str | Path) -> Iterator[tuple[int, str]]:
    """Number the lines of a file, plain or packed, from 1, and rid them of HTML's line breaks.

    Raises:
        InputError: the file cannot be read, or is no text.
        click.ClickException: a line is not UTF-8.
    """
    content = b"".join(FileSource([path]).blocks(len))
    for row, line in enumerate(content.removesuffix(b"\n").split(b"\n"), 1):
        try:
            yield row, _LINE_BREAK.sub(" ", line.decode())
        except UnicodeDecodeError as error:
            message = f"{path}, line {row}: expected text in UTF-8, but {error}"
            raise click.ClickException(message) from error


def read_labelled(path: str | Path, names: Sequence[str] | None = None) -> Labelled:
    """Read lines of a label, a tab and a text.

    Args:
        path: a file, plain or packed as a corpus of w2v may be.
        names: the labels there may be; None for all that there are, sorted.

    Raises:
        InputError: the file cannot be read, or is no text.
        click.ClickException: a line is something else, a label is unknown, or all are the same.
    """
    rows = [(row, *_label_and_text(path, row, line)) for row, line in lines_of(path)]
    if names is None:
        names = sorted({label for _, label, _ in rows})
    if len(names) < _COLUMNS:
        message = f"{path}: expected texts of at least two labels, got {names[0]!r} only"
        raise click.ClickException(message)
    numbers = {name: number for number, name in enumerate(names)}
    for row, label, _ in rows:
        if label not in numbers:
            message = f"{path}, line {row}: expected one of the labels {', '.join(names)} of the "
            message += f"texts to train on, got {label!r}"
            raise click.ClickException(message)
    labels = np.array([numbers[label] for _, label, _ in rows], np.int64)
    return Labelled([text for _, _, text in rows], labels, tuple(names))


def _label_and_text(path: str | Path, row: int, line: str) -> tuple[str, str]:
    columns = [column.strip() for column in line.split("\t")]
    if len(columns) != _COLUMNS or not all(columns):
        message = f"{path}, line {row}: expected a label, a tab and a text, got {line!r:.60}"
        raise click.ClickException(message)
    return columns[0], columns[1]


def check_sizes(data: Labelled, sizes: Sequence[int]) -> None:
    """Refuse numbers of texts of which as many of each label cannot be drawn.

    Raises:
        click.ClickException: there are too few texts of a label, or of which to validate by.
    """
    kinds = len(data.names)
    most = kinds * int(np.bincount(data.labels, minlength=kinds).min())
    for size in sizes:
        if not kinds * VALIDATED_BY <= size <= most:
            message = f"cannot draw {size:,} texts with as many of each of the {kinds} labels: "
            message += f"expected from {kinds * VALIDATED_BY:,} to {most:,} (--size)"
            raise click.ClickException(message)


def draw(labels: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """Draw texts, as many of each label; labels take turns, so any beginning is balanced too.

    Args:
        labels: (N,), every one of them at least as often as it is drawn.
        size: how many.
        seed: what decides which.

    Returns:
        (size,) numbers of texts, all different.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    turns = -(-size // len(np.unique(labels)))
    columns = [
        random.permutation(np.flatnonzero(labels == label))[:turns] for label in np.unique(labels)
    ]
    return np.stack(columns, axis=1).ravel()[:size]


def held_out(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Part drawn texts into those to train on and those to validate by."""
    count = len(rows) // VALIDATED_BY
    return rows[count:], rows[:count]


def spread(values: Sequence[float]) -> float | None:
    """Standard deviation of a sample, None of one value."""
    return stdev(values) if len(values) > 1 else None


def by_variant(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, list[Result]]]:
    """Results by variant, then by size, in the order in which they first came."""
    groups: dict[str, dict[int, list[Result]]] = {}
    for row in results:
        result = Result(**row)
        groups.setdefault(result.variant, {}).setdefault(result.size, []).append(result)
    return groups


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Accuracies in per cent, mean and standard deviation over seeds; seconds at the most texts."""
    groups = by_variant(results)
    sizes = sorted({size for of_variant in groups.values() for size in of_variant})
    heads = [
        "right, %, by labelled texts",
        *(f"{size:,}" for size in sizes),
        f"seconds, {sizes[-1]:,}",
    ]
    rows = []
    for variant, of_variant in groups.items():
        cells = [_percent([r.accuracy for r in of_variant[size]]) for size in sizes]
        rows.append([variant, *cells, number(fmean(r.seconds for r in of_variant[sizes[-1]]), 1)])
    return markdown(heads, rows)


def _percent(shares: Sequence[float]) -> str:
    """Per cent for a table, with the standard deviation where there is one.

    >>> _percent([0.5, 0.52]), _percent([0.5])
    ('51.0 ± 1.4', '50.0')
    """
    deviation = spread(shares)
    tail = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{100 * fmean(shares):.1f}{tail}"


def report(figures: Mapping[str, Any]) -> str:
    """The table, with what it was made of, as Markdown.

    Args:
        figures: as `classify_reviews.py` writes them.
    """
    vectors = figures["vectors"]
    seconds = [row["seconds"] for row in vectors]
    data = figures["data"]
    told = (
        f"{data['train']}: {data['train_texts']:,} texts; {data['test']}: {data['test_texts']:,} to"
        f" test on; labels {', '.join(data['labels'])}; {len(vectors)} seeds. Vectors: "
        f"{vectors[0]['words']:,} words, trained in {number(fmean(seconds), 1)} s each on "
        f"{data['unlabelled_texts']:,} texts without their labels. Network: {figures['network']}."
    )
    return "\n\n".join([machine_line(figures["machine"]), told, table(figures["results"])])
