"""Two models side by side: on evaluation sets, by the neighbours of words, and word by word."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.embeddings.merging import rotation
from w2v.errors import ConfigError
from w2v.evaluation import bootstrap
from w2v.evaluation.report import (
    Settings,
    check_embeddings,
    coverage_note,
    outcomes,
    percent,
    read_items,
    table,
)
from w2v.events import Notice, Observer, ignore
from w2v.formats.norms import norms_of, unit_rows
from w2v.options import MOVED, WORDS
from w2v.progress import check_reporting, reporting
from w2v.views.neighbours import nearest_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from w2v.embeddings.embeddings import Embeddings
    from w2v.evaluation.report import Outcomes

NEIGHBOURS = 10
"""The number of nearest words of which the overlap is counted."""

_SHOWN_NEIGHBOURS = 3
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Difference:
    """The scores of two models on the items of a set, or of a part of it, that both cover.

    Attributes:
        name: the name of the set or file, or of the part.
        measure: ``"accuracy"`` of analogies, or ``"spearman"``, the rank correlation of word pairs.
        first: the score of the first model; None if it is not defined.
        second: that of the second one.
        difference: second minus first.
        low: the lower end of the 95 % interval of the difference, by a paired bootstrap.
        high: the upper end.
        p: its two-sided p-value: how often chance alone makes such a difference.
        covered: the number of items that both models cover.
        total: the number of items.
        part_of: the set that this is a part of, or "".

    """

    name: str
    measure: str
    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    covered: int
    total: int
    part_of: str = ""

    @property
    def is_clear(self) -> bool:
        """Whether the difference is more than chance, at the level of 5 %."""
        return self.p is not None and self.p < _SIGNIFICANT


@dataclass(frozen=True)
class Moved:
    """A word whose vectors differ after the models are aligned.

    Attributes:
        word: the word.
        cosine: of its two vectors after alignment.
        first: its nearest words in the first model, among the compared words.
        second: its nearest words in the second one.

    """

    word: str
    cosine: float
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Two models side by side. ``str()`` is a table.

    Attributes:
        names: what the models are called.
        sets: the scores, one for each set, each followed by its parts.
        common: the number of words that both models have.
        words: the number of them that were compared, the most frequent ones.
        overlap: how many of the 10 nearest words are the same in both models, as a mean over the
            compared words and a share from 0 to 1.
        cosine: the median cosine of the two vectors of a word after alignment, None if the vectors
            have different sizes.
        moved: the words with the lowest such cosines, the lowest first.
        notes: what makes a result less meaningful, in a line each.

    """

    names: tuple[str, str]
    sets: tuple[Difference, ...]
    common: int
    words: int
    overlap: float
    cosine: float | None
    moved: tuple[Moved, ...]
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """Return the tables."""
        parts = [
            f"A: {self.names[0]}",
            f"B: {self.names[1]}",
            "",
            table(_COLUMNS, [_row(difference) for difference in self.sets]),
            "",
            self._neighbours(),
        ]
        if self.cosine is not None:
            parts.append(f"aligned: median cosine {self.cosine:.3f} of a word with itself")
        if self.moved:
            parts += ["", _moved_table(self.moved)]
        return "\n".join(parts)

    def _neighbours(self) -> str:
        return (
            f"neighbours: {100 * self.overlap:.1f} % of the {NEIGHBOURS} nearest words are the "
            f"same, for {self.words:,} of {self.common:,} common words"
        )


_COLUMNS = ("set", "A", "B", "B - A", "95 % interval", "p", "", "covered", "total")


def _row(difference: Difference) -> tuple[str, ...]:
    bounds = "-"
    if difference.low is not None and difference.high is not None:
        bounds = f"{_signed(difference.low)} to {_signed(difference.high)}"
    return (
        f"  {difference.name}" if difference.part_of else difference.name,
        percent(difference.first),
        percent(difference.second),
        _signed(difference.difference),
        bounds,
        "-" if difference.p is None else f"{difference.p:.3f}",
        "*" if difference.is_clear else "",
        f"{difference.covered:,}",
        f"{difference.total:,}",
    )


def _signed(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:+.1f}"


def _moved_table(moved: Sequence[Moved]) -> str:
    rows = [
        (each.word, f"{each.cosine:.3f}", ", ".join(each.first), ", ".join(each.second))
        for each in moved
    ]
    return table(("moved most", "cosine", "nearest in A", "nearest in B"), rows, left=(0, 2, 3))


def compare(
    first: Embeddings,
    second: Embeddings,
    files: str | Path | Iterable[str | Path] | None = None,
    *,
    words: int = 10_000,
    moved: int = 20,
    top: int = 30_000,
    method: str = "add",
    lower: bool = True,
    names: tuple[str, str] = ("first", "second"),
    observer: Observer = ignore,
) -> Comparison:
    """Compare two models.

    - On evaluation sets: both are scored on the items that both cover, and a paired bootstrap tells
      whether the difference is more than chance.
    - By neighbours: the share of the 10 nearest words that are the same.
    - Word by word: the first model is rotated onto the second one (orthogonal Procrustes problem,
      as in `w2v.merge`), and the words with the lowest cosine to themselves have moved most
      (Hamilton, Leskovec and Jurafsky 2016). Compare texts of two times or domains that way.

    Neighbours and alignment use the most frequent words that both models have, spelled the same.

    Args:
        first: embeddings.
        second: embeddings. Their size may differ; then the models are not aligned.
        files: evaluation files or directories, or one; None for the sets in the package, see
            `w2v.evaluate`.
        words: the number of words to compare; they have the lowest sums of ranks.
        moved: the number of words to list that have moved most.
        top: see `w2v.evaluate`.
        method: see `w2v.evaluate`.
        lower: see `w2v.evaluate`.
        names: what the models are called in the result.
        observer: receives a `w2v.events.Notice` for each note. By default they are logged.

    Returns:
        A record whose ``str()`` is a table.

    Raises:
        ConfigError: an argument is invalid, or the models have fewer than two words in common.
        InputError: a file cannot be read.
        FormatError: a line is malformed.

    """
    check_embeddings("first", first)
    check_embeddings("second", second)
    words = WORDS.check("words", words)
    moved = MOVED.check("moved", moved)
    settings = Settings.of(top, method, lower)
    check_reporting(observer)
    common = _common_rows(first, second)
    sets = [
        _difference(outcome)
        for items in read_items(files, lower=settings.lower)
        for outcome in outcomes(items, [first, second], settings)
    ]
    compared = common[:words]
    sides = [_Side(model, rows) for model, rows in zip((first, second), compared.T, strict=True)]
    cosines = _aligned_cosines(sides)
    result = Comparison(
        names=(names[0], names[1]),
        sets=tuple(sets),
        common=len(common),
        words=len(compared),
        overlap=_overlap(*(side.neighbours for side in sides)),
        cosine=None if cosines is None else float(np.median(cosines)),
        moved=() if cosines is None else _moved_most(sides, cosines, moved),
        notes=tuple(_notes(first, second, sets, len(common))),
    )
    with reporting(observer, progress=False) as observe:
        for note in result.notes:
            observe(Notice(note))
    return result


def _common_rows(first: Embeddings, second: Embeddings) -> NDArray[np.int64]:
    """Return the rows of the words that both have, (n, 2), by the sum of their ranks.

    Raises:
        ConfigError: there are fewer than two.

    """
    row_of = {word: row for row, word in enumerate(second.words)}
    rows = np.array(
        [(row, row_of[word]) for row, word in enumerate(first.words) if word in row_of], np.int64
    ).reshape(-1, 2)
    if len(rows) < 2:
        message = (
            f"the models have {len(rows)} words in common, expected 2 or more; check that both are "
            "lowercased, or neither"
        )
        raise ConfigError(message)
    ordered: NDArray[np.int64] = rows[np.argsort(rows.sum(axis=1), kind="stable")]
    return ordered


def _difference(outcome: Outcomes) -> Difference:
    """Return the difference of two models on the items that both cover."""
    both: NDArray[np.bool_] = np.logical_and(*outcome.covered)
    first, second = outcome.score(both)
    difference = low = high = p = None
    if first is not None and second is not None:
        difference = second - first
        resampled = outcome.resampled(both)
        differences = resampled[1] - resampled[0]
        bounds = bootstrap.interval(differences)
        if bounds is not None:
            low, high = bounds
            p = bootstrap.p_value(differences)
    return Difference(
        outcome.name,
        outcome.measure,
        first,
        second,
        difference,
        low,
        high,
        p,
        int(both.sum()),
        len(both),
        outcome.part_of,
    )


class _Side:
    """One of the models, restricted to the compared words."""

    def __init__(self, model: Embeddings, rows: NDArray[np.int64]) -> None:
        self.words = [model.words[row] for row in rows]
        matrix = model.matrix[rows]
        norms = norms_of(matrix)
        self.unit = unit_rows(matrix, norms, np.float64)
        self.neighbours = nearest_words(matrix, norms, len(matrix), NEIGHBOURS).ids


def _overlap(first: NDArray[np.int64], second: NDArray[np.int64]) -> float:
    """Return the mean share of equal elements in the rows of two (n, k) arrays."""
    size = len(first)
    # Different rows get different numbers, so that all rows are compared at once.
    offsets = np.arange(len(first))[:, np.newaxis] * size
    same = np.intersect1d(first + offsets, second + offsets, assume_unique=True)
    return float(same.size / first.size)


def _aligned_cosines(sides: Sequence[_Side]) -> NDArray[np.float64] | None:
    """Return the cosine of each word with itself, (n,), or None if the sizes differ."""
    first, second = (side.unit for side in sides)
    if first.shape != second.shape:
        return None
    turned = first @ rotation(first, second)
    cosines: NDArray[np.float64] = np.einsum("ij,ij->i", turned, second)
    return np.clip(cosines, -1, 1)


def _moved_most(
    sides: Sequence[_Side], cosines: NDArray[np.float64], number: int
) -> tuple[Moved, ...]:
    words = sides[0].words

    def nearest(side: _Side, row: int) -> tuple[str, ...]:
        return tuple(words[other] for other in side.neighbours[row, :_SHOWN_NEIGHBOURS])

    return tuple(
        Moved(words[row], float(cosines[row]), *(nearest(side, row) for side in sides))
        for row in np.argsort(cosines, kind="stable")[:number].tolist()
    )


def _notes(
    first: Embeddings, second: Embeddings, sets: Sequence[Difference], common: int
) -> list[str]:
    notes = []
    coverage = coverage_note(
        (each.name, each.covered, each.total) for each in sets if not each.part_of
    )
    if coverage is not None:
        notes.append(coverage.replace("the vocabulary covers", "the models both cover", 1))
    smaller = min(len(first), len(second))
    if 2 * common < smaller:
        notes.append(
            f"the models have only {common:,} words in common, of {smaller:,} of the smaller "
            "one; neighbours and alignment say nothing of the others"
        )
    if first.dim != second.dim:
        notes.append(
            f"the models have vectors of {first.dim} and {second.dim} numbers, so they are not "
            "aligned; train both with the same `dim`"
        )
    return notes
