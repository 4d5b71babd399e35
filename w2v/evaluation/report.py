"""A table of scores on several evaluation sets, with intervals and coverage."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from w2v.errors import ConfigError, short_repr
from w2v.evaluation import analogies, bootstrap, similarity
from w2v.evaluation.analogies import is_syntactic
from w2v.evaluation.datasets import BUNDLED
from w2v.evaluation.questions import AnalogySet, PairSet, read_set
from w2v.events import Notice, Observer, ignore
from w2v.formats.table import VectorTable
from w2v.options import METHOD, SWITCH, TOP, check_path, is_ordered_iterable
from w2v.progress import check_reporting, reporting
from w2v.text.display import columns, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from w2v.embeddings.embeddings import Embeddings

_LOW_COVERAGE = 0.5
_COLUMNS = ("set", "score", "95 % interval", "covered", "total")


@dataclass(frozen=True)
class Score:
    """The score on a set, or on a part of it.

    Attributes:
        name: the name of the set or file, or of the part.
        measure: ``"accuracy"`` of analogies, or ``"spearman"``, the rank correlation of word pairs.
        score: accuracy from 0 to 1, correlation from -1 to 1; None if it is not defined, because no
            question or fewer than two pairs are covered.
        low: the lower end of the 95 % interval, None if it is not defined.
        high: the upper end.
        covered: the number of questions or pairs whose words are in the vocabulary.
        total: the number of questions or pairs.
        part_of: the set that this is a part of, or "".

    """

    name: str
    measure: str
    score: float | None
    low: float | None
    high: float | None
    covered: int
    total: int
    part_of: str = ""


@dataclass(frozen=True)
class Evaluation:
    """The scores of embeddings on several sets. ``str()`` is the table, in percent.

    Attributes:
        scores: one for each set, each followed by its parts.
        top: the number of words that were candidates of analogies.
        method: ``"add"`` or ``"mul"``, see `evaluate`.
        notes: what makes a score less meaningful, in a line each.

    """

    scores: tuple[Score, ...]
    top: int
    method: str
    notes: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> Score:
        """Return the score of a set or part by its name; that of a set if both have it.

        Raises:
            KeyError: there is none.

        """
        for score in sorted(self.scores, key=lambda score: score.part_of != ""):
            if score.name == name:
                return score
        raise KeyError(name)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        """Return the table."""
        rows = [
            (
                f"  {score.name}" if score.part_of else score.name,
                percent(score.score),
                f"{percent(score.low)} to {percent(score.high)}" if score.low is not None else "-",
                f"{score.covered:,}",
                f"{score.total:,}",
            )
            for score in self.scores
        ]
        return table(_COLUMNS, rows)


def percent(value: float | None) -> str:
    """Return a score times 100 with one decimal, or a dash."""
    return "-" if value is None else f"{100 * value:.1f}"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Return lines of aligned columns.

    Args:
        header: the names of the columns.
        rows: the cells of each line.
        left: the columns that are aligned at their left edge; the others at the right one.

    """
    shown = [[visible(cell) for cell in row] for row in (header, *rows)]
    widths = [max(map(columns, column)) for column in zip(*shown, strict=True)]

    def line(row: Sequence[str]) -> str:
        blanks = [" " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)]
        cells = [
            cell + blank if number in left else blank + cell
            for number, (cell, blank) in enumerate(zip(row, blanks, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(map(line, shown))


def evaluate(
    model: Embeddings,
    files: str | Path | Iterable[str | Path] | None = None,
    *,
    top: int = 30_000,
    method: str = "add",
    lower: bool = True,
    observer: Observer = ignore,
) -> Evaluation:
    """Evaluate embeddings on the sets in the package, or on files.

    The sets in the package are English: Google's analogies with their semantic and syntactic part,
    and WordSim-353 with its similarity and relatedness half.

    Args:
        model: the embeddings.
        files: files or directories, or one, of the shapes that `w2v.evaluation.evaluate` reads;
            None for the sets in the package.
        top: answer analogies among this many of the most frequent words; questions with other words
            are not covered. Similarities use the whole vocabulary.
        method: how to answer analogies: ``"add"`` for 3CosAdd, or ``"mul"`` for 3CosMul (Levy and
            Goldberg 2014).
        lower: whether case is ignored; otherwise, words are looked up as the set writes them.
        observer: receives a `w2v.events.Notice` for a set of which less than half is covered. By
            default it is logged.

    Returns:
        The scores, with 95 % intervals from 1,000 bootstrap resamples, the same in each call.

    Raises:
        InputError: a file cannot be read.
        FormatError: a line is malformed.
        ConfigError: an argument is invalid.

    """
    check_embeddings("model", model)
    settings = Settings.of(top, method, lower)
    check_reporting(observer)
    scores = [
        score
        for items in read_items(files, lower=lower)
        for score in _scores(items, model, settings)
    ]
    note = coverage_note(
        (score.name, score.covered, score.total) for score in scores if not score.part_of
    )
    with reporting(observer, progress=False) as observe:
        if note is not None:
            observe(Notice(note))
    return Evaluation(tuple(scores), settings.top, settings.method, () if note is None else (note,))


def check_embeddings(name: str, model: object) -> None:
    """Check that an argument is a model.

    Raises:
        ConfigError: it is not.

    """
    if not isinstance(model, VectorTable):
        message = f"must be embeddings, got {short_repr(model)}; load models with `w2v.load`"
        raise ConfigError(message, option=name)


class Settings(NamedTuple):
    """How to answer questions: the arguments of `evaluate`."""

    top: int
    method: str
    lower: bool

    @classmethod
    def of(cls, top: object, method: object, lower: object) -> Settings:
        """Check the arguments.

        Raises:
            ConfigError: one is invalid.

        """
        return cls(
            TOP.check("top", top), METHOD.check("method", method), SWITCH.check("lower", lower)
        )


class Items(NamedTuple):
    """A set, and the items of its parts.

    Attributes:
        content: the questions or pairs.
        part_of: the set that it is a part of, or "".
        parts: the names of its parts, each with a function that tells whether a section belongs to
            it.

    """

    content: AnalogySet | PairSet
    part_of: str
    parts: tuple[tuple[str, Callable[[str], bool]], ...] = ()


def read_items(files: str | Path | Iterable[str | Path] | None, *, lower: bool) -> list[Items]:
    """Read files, or the sets in the package, for `evaluate`; raise its errors."""
    if files is None:
        contents = [(data.read(lower=lower), data.part_of) for data in BUNDLED]
    else:
        contents = [(read_set(path, lower=lower), "") for path in _paths(files)]
    return [Items(content, part_of, _parts(content)) for content, part_of in contents]


def _paths(files: Any) -> list[Any]:
    given = [files] if not is_ordered_iterable(files) or isinstance(files, str) else list(files)
    for path in given:
        check_path("files", path)
    if not given:
        message = "must be one or more paths, or None for the sets in the package, got none"
        raise ConfigError(message, option="files")
    return given


def _parts(content: AnalogySet | PairSet) -> tuple[tuple[str, Callable[[str], bool]], ...]:
    """Return the parts of analogies whose sections are named as Google's are."""
    if isinstance(content, PairSet):
        return ()
    syntactic = [is_syntactic(section.name) for section in content.sections]
    if all(syntactic) or not any(syntactic):
        return ()
    return (("semantic", lambda name: not is_syntactic(name)), ("syntactic", is_syntactic))


class Outcomes(NamedTuple):
    """How models did on the items of a set or part, for scores and intervals.

    Attributes:
        name: of the set or part.
        measure: ``"accuracy"`` or ``"spearman"``.
        covered: (K, N) bool, for each model and item.
        score: returns the (K,) scores on items, from a mask (N,); None where it is not defined.
        resampled: returns the (K, R) resampled scores on items, from a mask (N,).
        part_of: the set that it is a part of, or "".

    """

    name: str
    measure: str
    covered: NDArray[np.bool_]
    score: Callable[[NDArray[np.bool_]], list[float | None]]
    resampled: Callable[[NDArray[np.bool_]], NDArray[np.float64]]
    part_of: str


def outcomes(items: Items, models: Sequence[Embeddings], settings: Settings) -> list[Outcomes]:
    """Return how models did on a set, and on its parts."""
    if isinstance(items.content, PairSet):
        return [_on_pairs(items.content, items.part_of, models, settings)]
    return _on_analogies(items, models, settings)


def _on_pairs(
    content: PairSet, part_of: str, models: Sequence[Embeddings], settings: Settings
) -> Outcomes:
    cosines = np.stack(
        [similarity.cosines_of(model, content.pairs, lower=settings.lower) for model in models]
    )
    scores = np.array([pair.score for pair in content.pairs])
    return Outcomes(
        content.name,
        "spearman",
        np.isfinite(cosines),
        lambda mask: [similarity.spearman(values[mask], scores[mask]) for values in cosines],
        lambda mask: bootstrap.correlations(cosines[:, mask], scores[mask]),
        part_of,
    )


def _on_analogies(items: Items, models: Sequence[Embeddings], settings: Settings) -> list[Outcomes]:
    assert isinstance(items.content, AnalogySet)
    sections = items.content.sections
    questions = [question for section in sections for question in section.questions]
    names = [section.name for section in sections for _ in section.questions]
    answered = [
        analogies.answer(
            model, questions, settings.top, method=settings.method, lower=settings.lower
        )
        for model in models
    ]
    covered = np.stack([outcome.covered for outcome in answered])
    correct = np.stack([outcome.correct for outcome in answered])

    def on(name: str, kept: NDArray[np.bool_], part_of: str) -> Outcomes:
        part = np.flatnonzero(kept)
        return Outcomes(
            name,
            "accuracy",
            covered[:, part],
            lambda mask: [
                float(values[part[mask]].mean()) if mask.any() else None for values in correct
            ],
            lambda mask: bootstrap.accuracies(
                correct[:, part[mask]], [questions[i] for i in part[mask]]
            ),
            part_of,
        )

    whole = on(items.content.name, np.ones(len(questions), bool), items.part_of)
    parts = [
        on(name, np.array([belongs(each) for each in names], bool), items.content.name)
        for name, belongs in items.parts
    ]
    return [whole, *parts]


def _scores(items: Items, model: Embeddings, settings: Settings) -> list[Score]:
    scores = []
    for outcome in outcomes(items, [model], settings):
        covered = outcome.covered[0]
        (value,) = outcome.score(covered)
        bounds = None if value is None else bootstrap.interval(outcome.resampled(covered)[0])
        low, high = (None, None) if bounds is None else bounds
        number, total = int(covered.sum()), len(covered)
        scores.append(
            Score(outcome.name, outcome.measure, value, low, high, number, total, outcome.part_of)
        )
    return scores


def coverage_note(sets: Iterable[tuple[str, int, int]]) -> str | None:
    """Return a note about the sets of which less than half is covered, if there are any.

    Args:
        sets: the name of each set, the number of covered items, and of all.

    """
    low = [
        f"{100 * covered / total:.0f} % of {name}"
        for name, covered, total in sets
        if covered < _LOW_COVERAGE * total
    ]
    if not low:
        return None
    return (
        f"the vocabulary covers only {' and '.join(low)}, and the score is for that part; vectors "
        "of more text, or of text in the language of the set, cover more, and `top` limits the "
        "words of analogies"
    )
