"""Labelled texts: reading, sampling, and the results of classifiers."""

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

NETWORKS = {  # (pretrained, trainable)
    "pretrained, frozen": (True, False),
    "pretrained, fine-tuned": (True, True),
    "random, frozen": (False, False),
    "random, fine-tuned": (False, True),
}
AVERAGED = "averaged vectors + logistic regression"
TF_IDF = "TF-IDF + logistic regression"
VALIDATED_BY = 5  # one labelled text in five is held out for validation
_LINE_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)
_COLUMNS = 2


@dataclass(frozen=True)
class Labelled:
    """Texts and their labels.

    Attributes:
        texts: N texts.
        labels: (N,) int64, indices into ``names``.
        names: the names of the labels.
    """

    texts: list[str]
    labels: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """The result of a classifier.

    Attributes:
        variant, size, seed: identify the training; the size includes the validation texts.
        accuracy: on the test file.
        validation: accuracy on the held-out texts.
        epochs: the number of epochs, or None for a classifier without epochs.
        seconds: of training and of model selection.
    """

    variant: str
    size: int
    seed: int
    accuracy: float
    validation: float
    epochs: int | None
    seconds: float


def lines_of(path: str | Path) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a file, plain or compressed, without HTML line breaks.

    Raises:
        InputError: the file cannot be read, or is not text.
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
        path: a file, plain or compressed.
        names: the allowed labels; None for all labels of the file, sorted.

    Raises:
        InputError: the file cannot be read, or is not text.
        click.ClickException: a line is invalid, a label is unknown, or there is only one label.
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
            message += f"training file, got {label!r}"
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
    """Check that balanced samples of these sizes can be drawn.

    Raises:
        click.ClickException: there are too few texts of a label, or too few to hold out.
    """
    kinds = len(data.names)
    most = kinds * int(np.bincount(data.labels, minlength=kinds).min())
    for size in sizes:
        if not kinds * VALIDATED_BY <= size <= most:
            message = f"cannot draw a balanced sample of {size:,} texts of {kinds} labels: "
            message += f"expected from {kinds * VALIDATED_BY:,} to {most:,} (--size)"
            raise click.ClickException(message)


def draw(labels: NDArray[np.int64], size: int, seed: int) -> NDArray[np.int64]:
    """Draw a balanced sample of texts. Labels alternate, so every prefix is balanced too.

    Args:
        labels: (N,), with enough texts of each label.
        size: the size of the sample.
        seed: the seed of the sample.

    Returns:
        (size,) distinct indices of texts.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    turns = -(-size // len(np.unique(labels)))
    columns = [
        random.permutation(np.flatnonzero(labels == label))[:turns] for label in np.unique(labels)
    ]
    return np.stack(columns, axis=1).ravel()[:size]


def held_out(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split a sample into training and validation texts."""
    count = len(rows) // VALIDATED_BY
    return rows[count:], rows[:count]


def spread(values: Sequence[float]) -> float | None:
    """Return the standard deviation of a sample, or None for a single value."""
    return stdev(values) if len(values) > 1 else None


def by_variant(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[int, list[Result]]]:
    """Group results by variant, then by size, in order of first appearance."""
    groups: dict[str, dict[int, list[Result]]] = {}
    for row in results:
        result = Result(**row)
        groups.setdefault(result.variant, {}).setdefault(result.size, []).append(result)
    return groups


def table(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of accuracies in percent, mean and standard deviation over seeds."""
    groups = by_variant(results)
    sizes = sorted({size for of_variant in groups.values() for size in of_variant})
    heads = [
        "accuracy in %, by labelled texts",
        *(f"{size:,}" for size in sizes),
        f"seconds, {sizes[-1]:,}",
    ]
    rows = []
    for variant, of_variant in groups.items():
        cells = [_percent([r.accuracy for r in of_variant[size]]) for size in sizes]
        rows.append([variant, *cells, number(fmean(r.seconds for r in of_variant[sizes[-1]]), 1)])
    return markdown(heads, rows)


def _percent(shares: Sequence[float]) -> str:
    """Format percentages for a table, with the standard deviation if there is one.

    >>> _percent([0.5, 0.52]), _percent([0.5])
    ('51.0 ± 1.4', '50.0')
    """
    deviation = spread(shares)
    tail = "" if deviation is None else f" ± {100 * deviation:.1f}"
    return f"{100 * fmean(shares):.1f}{tail}"


def report(figures: Mapping[str, Any]) -> str:
    """Return the table and its setting as Markdown.

    Args:
        figures: the output of `classify_reviews.py`.
    """
    vectors = figures["vectors"]
    seconds = [row["seconds"] for row in vectors]
    data = figures["data"]
    setting = (
        f"{data['train']}: {data['train_texts']:,} texts; {data['test']}: {data['test_texts']:,} to"
        f" test on; labels {', '.join(data['labels'])}; {len(vectors)} seeds. Vectors: "
        f"{vectors[0]['words']:,} words, trained in {number(fmean(seconds), 1)} s each on "
        f"{data['unlabelled_texts']:,} texts without labels. Network: {figures['network']}."
    )
    return "\n\n".join([machine_line(figures["machine"]), setting, table(figures["results"])])
