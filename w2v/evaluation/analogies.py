"""Analogies: the accuracy of 3CosAdd or 3CosMul on questions "a is to b as c is to ?"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.evaluation.questions import form_of, rows_by_form
from w2v.formats.norms import norms_of, unit_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from w2v.embeddings.embeddings import Embeddings
    from w2v.evaluation.questions import Question, QuestionSection

# Questions and candidates are taken in blocks whose scores stay in the cache.
_BATCH = 512
_BLOCK = 2048
_MAX_BLOCK_COSINES = 1 << 24  # 64 MiB of float32; reached above 8,192 distinct words
_EPSILON = np.float32(0.001)  # of Levy and Goldberg 2014


@dataclass(frozen=True)
class Section:
    """The number of questions of one kind: answered correctly, covered, and in all."""

    name: str
    correct: int
    covered: int
    total: int

    @property
    def accuracy(self) -> float | None:
        """Correct over covered, 0 to 1; None if no question is covered."""
        return self.correct / self.covered if self.covered else None


@dataclass(frozen=True)
class AnalogyResult:
    """The number of questions answered correctly, by section.

    Attributes:
        name: the name of the file.
        sections: the sections in the order of the file.

    """

    name: str
    sections: tuple[Section, ...]

    @property
    def overall(self) -> Section:
        """The sum of all sections."""
        return _sum("overall", self.sections)

    @property
    def semantic(self) -> Section:
        """The sum of the sections whose name does not start with "gram"."""
        return _sum("semantic", (s for s in self.sections if not is_syntactic(s.name)))

    @property
    def syntactic(self) -> Section:
        """The sum of the sections whose name starts with "gram"."""
        return _sum("syntactic", (s for s in self.sections if is_syntactic(s.name)))

    @property
    def correct(self) -> int:
        """The number of questions answered correctly."""
        return self.overall.correct

    @property
    def covered(self) -> int:
        """The number of questions whose words are in the vocabulary."""
        return self.overall.covered

    @property
    def total(self) -> int:
        """The number of questions in the file."""
        return self.overall.total

    @property
    def accuracy(self) -> float | None:
        """Correct over covered, 0 to 1; None if no question is covered."""
        return self.overall.accuracy


def is_syntactic(section: str) -> bool:
    """Return whether the name of a section of Google's analogies is that of a syntactic one."""
    return section.startswith("gram")


def _sum(name: str, sections: Iterable[Section]) -> Section:
    parts = list(sections)
    return Section(
        name,
        sum(part.correct for part in parts),
        sum(part.covered for part in parts),
        sum(part.total for part in parts),
    )


def evaluate_analogies(
    embeddings: Embeddings,
    name: str,
    sections: Sequence[QuestionSection],
    top: int,
    *,
    method: str = "add",
    lower: bool = True,
) -> AnalogyResult:
    """Answer questions among the ``top`` most frequent words.

    Args:
        embeddings: the embeddings to evaluate.
        name: the name of the file.
        sections: the questions in it.
        top: the number of words. Questions with other words are not covered.
        method: ``"add"`` for 3CosAdd, or ``"mul"`` for 3CosMul.
        lower: whether case is ignored; the questions are in that form already.

    """
    questions = [question for section in sections for question in section.questions]
    outcome = answer(embeddings, questions, top, method=method, lower=lower)
    results, start = [], 0
    for section in sections:
        part = slice(start, start := start + len(section.questions))
        correct, covered = int(outcome.correct[part].sum()), int(outcome.covered[part].sum())
        results.append(Section(section.name, correct, covered, len(section.questions)))
    return AnalogyResult(name, tuple(results))


class Outcome(NamedTuple):
    """What became of Q questions.

    Attributes:
        covered: (Q,) bool, whether the words of the question are in the vocabulary, and with them
            at least one right answer.
        correct: (Q,) bool, whether it was answered correctly.

    """

    covered: NDArray[np.bool_]
    correct: NDArray[np.bool_]


def answer(
    embeddings: Embeddings, questions: Sequence[Question], top: int, *, method: str, lower: bool
) -> Outcome:
    """Answer questions as `evaluate_analogies`; return which are covered and correct."""
    form = form_of(lower=lower)
    words = [form(word) for word in embeddings.words[:top]]
    rows = rows_by_form(words)
    covered = np.array([_is_covered(question, rows) for question in questions], bool)
    correct = np.zeros(len(questions), bool)
    asked = np.flatnonzero(covered).tolist()
    candidates = embeddings.matrix[:top]  # the lengths of the other vectors are not needed
    unit = unit_rows(candidates, norms_of(candidates), np.float32)
    found = _answers(unit, rows, [questions[i] for i in asked], method)
    for i, row in zip(asked, found.tolist(), strict=True):
        question, word = questions[i], words[row]
        # If every word is in the question, the answer is one of them, which is never correct.
        correct[i] = word in question.answers and word not in question[:3]
    return Outcome(covered, correct)


def _is_covered(question: Question, rows: dict[str, list[int]]) -> bool:
    if not (question.a in rows and question.b in rows and question.c in rows):
        return False
    return question.d in rows or any(word in rows for word in question.others)


def _answers(
    unit: NDArray[np.float32],
    rows: dict[str, list[int]],
    questions: Sequence[Question],
    method: str,
) -> NDArray[np.int64]:
    """Answer questions among all rows but those of the words of the question.

    The cosines of all candidates with the distinct words of the questions are computed once, block
    by block, and combined for each question: b - a + c for 3CosAdd, b * c / (a + epsilon) for
    3CosMul, where cosines are shifted to 0..1 (Levy and Goldberg 2014, eq. 3 and 4). Questions are
    taken in the order of a and b, so that these are combined once for each pair.

    Args:
        unit: (V, D) float32, the candidates, as rows of length 1.
        rows: the rows of each form of a word.
        questions: Q questions, whose first three words are all keys of ``rows``.
        method: ``"add"`` or ``"mul"``.

    Returns:
        (Q,) rows of ``unit``. Of equal scores, the first row.

    """
    numbers: dict[str, int] = {}
    ids = [[numbers.setdefault(word, len(numbers)) for word in q[:3]] for q in questions]
    a, b, c = np.array(ids, np.int64).reshape(-1, 3).T
    first_rows = [rows[word][0] for word in numbers]
    order = np.lexsort((c, b, a))
    batches = [
        _Batch.of(order[start : start + _BATCH], a, b, c, questions, rows)
        for start in range(0, len(questions), _BATCH)
    ]
    best = np.full(len(questions), -np.inf, np.float32)
    found = np.zeros(len(questions), np.int64)
    size = max(1, min(_BLOCK, _MAX_BLOCK_COSINES // max(1, len(numbers))))
    for start in range(0, len(unit), size):
        cosines = unit[first_rows] @ unit[start : start + size].T
        for batch in batches:
            scores = batch.scores(cosines, method)
            batch.exclude(scores, start)
            columns = scores.argmax(axis=1)
            values = scores[np.arange(len(scores)), columns]
            better = values > best[batch.places]
            places = batch.places[better]
            best[places], found[places] = values[better], columns[better] + start
    return found


class _Batch(NamedTuple):
    """Some questions, and what is not an answer to them.

    Attributes:
        places: (n,) their places among all questions.
        pairs: (2, p) the distinct pairs of a and b.
        pair_of: (n,) the pair of each question.
        c: (n,) the word c.
        excluded: (2, m) question in this batch and row, which belongs to a word of the question;
            rows in increasing order.

    """

    places: NDArray[np.int64]
    pairs: NDArray[np.int64]
    pair_of: NDArray[np.int64]
    c: NDArray[np.int64]
    excluded: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        places: NDArray[np.int64],
        a: NDArray[np.int64],
        b: NDArray[np.int64],
        c: NDArray[np.int64],
        questions: Sequence[Question],
        rows: dict[str, list[int]],
    ) -> _Batch:
        pairs, pair_of = np.unique(np.stack([a[places], b[places]]), axis=1, return_inverse=True)
        excluded = [
            (row, number)
            for number, place in enumerate(places.tolist())
            for word in questions[place][:3]
            for row in rows[word]
        ]
        in_order = np.array(sorted(excluded), np.int64).reshape(-1, 2).T[::-1]
        return cls(places, pairs, pair_of.ravel(), c[places], in_order)

    def scores(self, cosines: NDArray[np.float32], method: str) -> NDArray[np.float32]:
        """Return the scores of candidates, (n, B), from the cosines of all words, (W, B)."""
        a, b = self.pairs
        if method == "add":
            scores: NDArray[np.float32] = (cosines[b] - cosines[a])[self.pair_of]
            scores += cosines[self.c]
            return scores
        half = np.float32(0.5)
        ratios = (cosines[b] + 1) * half / ((cosines[a] + 1) * half + _EPSILON)
        scores = ratios[self.pair_of]
        scores *= (cosines[self.c] + 1) * half
        return scores

    def exclude(self, scores: NDArray[np.float32], start: int) -> None:
        """Exclude the words of the questions from candidates that start at a row."""
        numbers, rows = self.excluded
        low, high = np.searchsorted(rows, [start, start + scores.shape[1]])
        scores[numbers[low:high], rows[low:high] - start] = -np.inf
