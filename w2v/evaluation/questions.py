"""Parse evaluation files: analogy questions, or word pairs with similarity scores.

Questions and vocabularies are compared without regard to case.
"""

from __future__ import annotations

import codecs
import math
from typing import TYPE_CHECKING, NamedTuple

from w2v.errors import FormatError
from w2v.options import Option
from w2v.system.files import read_text_file
from w2v.text.normal import comparable_form

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_SCORE = Option(float, "Similarity of a pair of words.")
_MAX_SHOWN = 80
_FIELDS = 3

Question = tuple[str, str, str, str]
"""a, b, c, d: a is to b as c is to d."""


class Line(NamedTuple):
    """A line of a file, and its number, from 1."""

    number: int
    text: str


class QuestionSection(NamedTuple):
    """The analogy questions of one kind, their words lowercased."""

    name: str
    questions: list[Question]


class ScoredPair(NamedTuple):
    """Two words, lowercased, and a human similarity score."""

    first: str
    second: str
    score: float


def read_lines(path: str | Path) -> list[Line]:
    """Return the lines of a file that are neither empty nor comments.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is not UTF-8, or there are no such lines.

    """
    data = read_text_file(path, str(path))
    lines = []
    for number, raw in enumerate(data.removeprefix(codecs.BOM_UTF8).split(b"\n"), start=1):
        try:
            text = raw.decode("utf-8").strip()
        except UnicodeDecodeError as error:
            message = f"{path}, line {number}: expected UTF-8, got {error.reason}"
            raise FormatError(message) from error
        if text and not text.startswith("#"):
            lines.append(Line(number, text))
    if not lines:
        message = f"{path}: expected analogies or word pairs with scores, got an empty file"
        raise FormatError(message)
    return lines


def are_analogies(lines: Sequence[Line]) -> bool:
    """Return whether the lines are analogies, which start with a section name."""
    return lines[0].text.startswith(":")


def parse_analogies(lines: Sequence[Line], path: str | Path) -> list[QuestionSection]:
    """Parse sections and their questions. The first line must be a section name.

    Raises:
        FormatError: a line does not have four words, or there are no questions.

    """
    sections: list[QuestionSection] = []
    for number, text in lines:
        if text.startswith(":"):
            sections.append(QuestionSection(text[1:].strip(), []))
            continue
        words = tuple(comparable_form(word) for word in text.split())
        if len(words) != 4:
            message = (
                f"{path}, line {number}: expected four words, got {len(words)}: "
                f"{text[:_MAX_SHOWN]!r}"
            )
            raise FormatError(message)
        sections[-1].questions.append(words)
    if not any(section.questions for section in sections):
        message = f"{path}: expected lines of four words below the section names, got none"
        raise FormatError(message)
    return sections


def parse_pairs(lines: Sequence[Line], path: str | Path) -> list[ScoredPair]:
    """Parse word pairs with scores. The first line may be a header.

    Raises:
        FormatError: a line does not have two words and a number, or there is only a header.

    """
    pairs = []
    for position, (number, text) in enumerate(lines):
        first, second, score = _split(text, f"{path}, line {number}")
        if position == 0 and score[0] not in "+-.0123456789":
            continue
        value = _parse_finite(score)
        if value is None:
            message = (
                f"{path}, line {number}: expected a number as score, got {score[:_MAX_SHOWN]!r}"
            )
            raise FormatError(message)
        pairs.append(ScoredPair(comparable_form(first), comparable_form(second), value))
    if not pairs:
        message = f"{path}: expected lines of two words and a score, got only a header"
        raise FormatError(message)
    return pairs


def _split(text: str, where: str) -> list[str]:
    """Split a line into two words and a score."""
    for separator in ("\t", ",", None):
        fields = [field.strip() for field in text.split(separator)]
        if len(fields) == _FIELDS and all(fields):
            return fields
    message = (
        f"{where}: expected two words and a score, separated by tabs, commas or spaces "
        f"(a file of analogies starts with ': section'), got {text[:_MAX_SHOWN]!r}"
    )
    raise FormatError(message)


def _parse_finite(text: str) -> float | None:
    value = _SCORE.parse(text)
    return value if value is not None and math.isfinite(value) else None


def rows_by_lowercase(words: Iterable[str]) -> dict[str, list[int]]:
    """Map each lowercased word to the rows of its forms, the most frequent form first."""
    rows: dict[str, list[int]] = {}
    for row, word in enumerate(words):
        rows.setdefault(comparable_form(word), []).append(row)
    return rows
