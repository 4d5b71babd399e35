"""Analogies: the accuracy of 3CosAdd on questions "a is to b as c is to ?"."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from w2v.evaluation.questions import rows_by_lowercase
from w2v.text.normal import comparable_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from w2v.embeddings.embeddings import Embeddings
    from w2v.evaluation.questions import Question, QuestionSection

_BATCH = 512
_MAX_BATCH_SCORES = 1 << 24  # 64 MiB of float32; reached above 32,768 words


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
        return _sum("semantic", (s for s in self.sections if not s.name.startswith("gram")))

    @property
    def syntactic(self) -> Section:
        """The sum of the sections whose name starts with "gram"."""
        return _sum("syntactic", (s for s in self.sections if s.name.startswith("gram")))

    @property
    def correct(self) -> int:
        """The number of questions answered correctly."""
        return self.overall.correct

    @property
    def covered(self) -> int:
        """The number of questions whose four words are in the vocabulary."""
        return self.overall.covered

    @property
    def total(self) -> int:
        """The number of questions in the file."""
        return self.overall.total

    @property
    def accuracy(self) -> float | None:
        """Correct over covered, 0 to 1; None if no question is covered."""
        return self.overall.accuracy


def _sum(name: str, sections: Iterable[Section]) -> Section:
    parts = list(sections)
    return Section(
        name,
        sum(part.correct for part in parts),
        sum(part.covered for part in parts),
        sum(part.total for part in parts),
    )


def evaluate_analogies(
    embeddings: Embeddings, name: str, sections: Sequence[QuestionSection], top: int
) -> AnalogyResult:
    """Answer questions among the ``top`` most frequent words.

    Args:
        embeddings: the embeddings to evaluate.
        name: the name of the file.
        sections: the questions in it.
        top: the number of words. Questions with other words are not covered.

    """
    words = [comparable_form(word) for word in embeddings.words[:top]]
    rows = rows_by_lowercase(words)
    covered = [
        [question for question in section.questions if all(word in rows for word in question)]
        for section in sections
    ]
    unit = embeddings.unit[:top]
    answers = iter(_answer(unit, rows, [q for questions in covered for q in questions]))
    results = []
    for section, questions in zip(sections, covered, strict=True):
        # If every word is in the question, the answer is one of them, which is never correct.
        correct = sum(words[next(answers)] == q[3] and q[3] not in q[:3] for q in questions)
        results.append(Section(section.name, correct, len(questions), len(section.questions)))
    return AnalogyResult(name, tuple(results))


def _answer(
    unit: NDArray[np.float32], rows: dict[str, list[int]], questions: Sequence[Question]
) -> list[int]:
    """Answer questions by 3CosAdd, in batches that limit the memory.

    Args:
        unit: (V, D) float32, the candidates, as rows of length 1.
        rows: the rows of each lowercased word.
        questions: Q questions, whose words are all keys of ``rows``.

    Returns:
        Q rows of ``unit``.

    """
    size = max(1, min(_BATCH, _MAX_BATCH_SCORES // len(unit)))
    answers: list[int] = []
    for start in range(0, len(questions), size):
        batch = questions[start : start + size]
        a, b, c = (unit[[rows[question[i]][0] for question in batch]] for i in range(3))
        scores = (b - a + c) @ unit.T
        for i, question in enumerate(batch):
            scores[i, [row for word in question[:3] for row in rows[word]]] = -np.inf
        answers.extend(scores.argmax(axis=1).tolist())
    return answers
