"""How good embeddings are: analogies and word similarity, as the literature measures them."""

from __future__ import annotations

import codecs
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import FormatError
from w2v.options import TOP, check_path
from w2v.system.files import read_text_file
from w2v.text.definition import lowercase_word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

_BATCH = 512
_BATCH_SCORES = 1 << 24  # 64 MiB of float32, for vocabularies above 32,768 words

Line = tuple[int, str]
Question = tuple[str, str, str, str]
Pair = tuple[str, str, float]


@dataclass(frozen=True)
class SimilarityResult:
    """How well cosines order word pairs as people do.

    Attributes:
        name: of the file.
        rho: Spearman's rank correlation with the scores, -1 to 1; None if fewer than 2 pairs
            are covered or if all cosines or all scores are equal.
        covered: pairs of which both words have a vector.
        total: pairs in the file.

    """

    name: str
    rho: float | None
    covered: int
    total: int


@dataclass(frozen=True)
class Section:
    """The analogies of one kind: how many there are, are covered, are answered correctly."""

    name: str
    correct: int
    covered: int
    total: int

    @property
    def accuracy(self) -> float | None:
        """Correct over covered, 0 to 1; None if none is covered."""
        return self.correct / self.covered if self.covered else None


@dataclass(frozen=True)
class AnalogyResult:
    """How many questions "a is to b as c is to ?" are answered correctly, by section."""

    name: str
    sections: tuple[Section, ...]

    @property
    def overall(self) -> Section:
        """All sections together."""
        return _sum("overall", self.sections)

    @property
    def semantic(self) -> Section:
        """The sections whose name does not start with "gram"."""
        return _sum("semantic", (s for s in self.sections if not s.name.startswith("gram")))

    @property
    def syntactic(self) -> Section:
        """The sections whose name starts with "gram"."""
        return _sum("syntactic", (s for s in self.sections if s.name.startswith("gram")))

    @property
    def correct(self) -> int:
        """Questions answered correctly."""
        return self.overall.correct

    @property
    def covered(self) -> int:
        """Questions of which all four words are known."""
        return self.overall.covered

    @property
    def total(self) -> int:
        """Questions in the file."""
        return self.overall.total

    @property
    def accuracy(self) -> float | None:
        """Correct over covered, 0 to 1; None if none is covered."""
        return self.overall.accuracy


def evaluate(
    embeddings: Embeddings, path: str | Path, *, top: int = 30_000
) -> SimilarityResult | AnalogyResult:
    """Measure embeddings, which stay as they are, by a file of analogies or of similarities.

    A file whose first line (after empty lines and ``#`` comments) starts with a colon holds
    analogies: ``: section`` lines and lines of four words. Any other file must hold two words
    and a score a line, separated by tabs, commas or white space, perhaps below a header.

    Analogies are done as gensim's ``evaluate_word_analogies(restrict_vocab=top)`` does them:
    3CosAdd among the ``top`` most frequent words; questions with another word are not covered;
    words are compared without regard to case, the more frequent form standing for all; the
    three words asked with are no answers. Similarities are taken over the whole vocabulary.

    Raises:
        InputError: the file cannot be read.
        FormatError: a line is malformed; the file, the line and the finding are named.
        ConfigError: ``top`` is no whole number at least 1, or ``path`` no path.

    """
    check_path("path", path)
    TOP.check("top", top)
    lines = _read_lines(path)
    if lines[0][1].startswith(":"):
        return _evaluate_analogies(embeddings, Path(path).name, _analogies(lines, path), top)
    return _evaluate_similarity(embeddings, Path(path).name, _pairs(lines, path))


def spearman(x: NDArray[np.float64], y: NDArray[np.float64]) -> float | None:
    """Return Spearman's rho of two arrays (N,): Pearson's correlation of their ranks.

    Ties share the average of their ranks. None if N < 2 or one array is constant.
    """
    if np.unique(x).size < 2 or np.unique(y).size < 2:
        return None
    ranks_x, ranks_y = _centered_ranks(x), _centered_ranks(y)
    covariance = ranks_x @ ranks_y
    return float(covariance / math.sqrt((ranks_x @ ranks_x) * (ranks_y @ ranks_y)))


def _centered_ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return (N,) average ranks less their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return ranks - (len(values) + 1) / 2


def _read_lines(path: str | Path) -> list[Line]:
    """Return the lines that say something, numbered from 1, at least one."""
    data = read_text_file(path, str(path))
    lines = []
    for number, raw in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        try:
            line = raw.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            message = f"{path}, line {number}: expected UTF-8, got {error.reason}"
            raise FormatError(message) from error
        if line and not line.startswith("#"):
            lines.append((number, line))
    if not lines:
        message = f"{path}: expected analogies or word pairs with scores, got an empty file"
        raise FormatError(message)
    return lines


def _analogies(lines: Sequence[Line], path: str | Path) -> list[tuple[str, list[Question]]]:
    """Parse sections and their questions, words lower-cased; the first line names a section."""
    sections: list[tuple[str, list[Question]]] = []
    for number, line in lines:
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
            continue
        words = tuple(lowercase_word(word) for word in line.split())
        if len(words) != 4:
            message = f"{path}, line {number}: expected four words, got {len(words)}: {line[:80]!r}"
            raise FormatError(message)
        sections[-1][1].append(words)
    if not any(questions for _, questions in sections):
        message = f"{path}: expected lines of four words below the section names, got none"
        raise FormatError(message)
    return sections


def _pairs(lines: Sequence[Line], path: str | Path) -> list[Pair]:
    """Parse word pairs, lower-cased, with their scores; the first line may be a header."""
    pairs = []
    for position, (number, line) in enumerate(lines):
        first, second, score = _three_fields(line, f"{path}, line {number}")
        if position == 0 and score[0] not in "+-.0123456789":
            continue
        value = _finite(score)
        if value is None:
            message = f"{path}, line {number}: expected a number as score, got {score[:80]!r}"
            raise FormatError(message)
        pairs.append((lowercase_word(first), lowercase_word(second), value))
    if not pairs:
        message = f"{path}: expected lines of two words and a score, got only a header"
        raise FormatError(message)
    return pairs


def _three_fields(line: str, where: str) -> list[str]:
    for separator in ("\t", ",", None):
        fields = [field.strip() for field in line.split(separator)]
        if len(fields) == 3 and all(fields):
            return fields
    message = (
        f"{where}: expected two words and a score, separated by tabs, commas or spaces "
        f"(a file of analogies starts with ': section'), got {line[:80]!r}"
    )
    raise FormatError(message)


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _rows_by_lower_case(words: Iterable[str]) -> dict[str, list[int]]:
    """Map each lower-cased word to the rows of its forms, the most frequent form first."""
    rows: dict[str, list[int]] = {}
    for row, word in enumerate(words):
        rows.setdefault(lowercase_word(word), []).append(row)
    return rows


def _evaluate_similarity(
    embeddings: Embeddings, name: str, pairs: Sequence[Pair]
) -> SimilarityResult:
    rows = _rows_by_lower_case(embeddings.words)
    covered = [(rows[a][0], rows[b][0], score) for a, b, score in pairs if a in rows and b in rows]
    first, second, scores = zip(*covered, strict=True) if covered else ((), (), ())
    matrix = embeddings.matrix
    cosines = _cosines(matrix[np.array(first, np.intp)], matrix[np.array(second, np.intp)])
    rho = spearman(cosines, np.array(scores, np.float64))
    return SimilarityResult(name, rho, len(covered), len(pairs))


def _cosines(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (N,) cosines of the rows of two (N, D) arrays, 0 where a row is zero."""
    x64, y64 = x.astype(np.float64), y.astype(np.float64)
    dots: NDArray[np.float64] = np.einsum("ij,ij->i", x64, y64)
    norms = np.linalg.norm(x64, axis=1) * np.linalg.norm(y64, axis=1)
    norms[norms == 0] = 1
    cosines: NDArray[np.float64] = dots / norms
    return cosines


def _evaluate_analogies(
    embeddings: Embeddings, name: str, sections: Sequence[tuple[str, list[Question]]], top: int
) -> AnalogyResult:
    words = [lowercase_word(word) for word in embeddings.words[:top]]
    rows = _rows_by_lower_case(words)
    covered = [
        [question for question in questions if all(word in rows for word in question)]
        for _, questions in sections
    ]
    answers = iter(_answers(embeddings.unit[:top], rows, [q for some in covered for q in some]))
    results = []
    for (section, questions), asked in zip(sections, covered, strict=True):
        # An answer that was asked with is no answer, even if no other word is left to give.
        correct = sum(words[next(answers)] == q[3] and q[3] not in q[:3] for q in asked)
        results.append(Section(section, correct, len(asked), len(questions)))
    return AnalogyResult(name, tuple(results))


def _answers(
    unit: NDArray[np.float32], rows: dict[str, list[int]], questions: Sequence[Question]
) -> list[int]:
    """Answer questions by 3CosAdd, in batches that bound the memory.

    Args:
        unit: (V, D) float32, rows of length 1, all of them candidates.
        rows: the rows of each lower-cased word.
        questions: Q of them, every word a key of ``rows``.

    Returns:
        Q rows of ``unit``.

    """
    size = max(1, min(_BATCH, _BATCH_SCORES // len(unit)))
    answers: list[int] = []
    for start in range(0, len(questions), size):
        batch = questions[start : start + size]
        a, b, c = (unit[[rows[question[i]][0] for question in batch]] for i in range(3))
        scores = (b - a + c) @ unit.T
        for i, question in enumerate(batch):
            scores[i, [row for word in question[:3] for row in rows[word]]] = -np.inf
        answers.extend(scores.argmax(axis=1).tolist())
    return answers


def _sum(name: str, sections: Iterable[Section]) -> Section:
    parts = list(sections)
    return Section(
        name,
        sum(part.correct for part in parts),
        sum(part.covered for part in parts),
        sum(part.total for part in parts),
    )
