"""Parse evaluation files: analogy questions, or word pairs with similarity scores.

The shapes in use are found from the content: analogies with or without section names, pairs with a
score among two or more columns, and directories of pairs of words, as in BATS.
"""

from __future__ import annotations

import codecs
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from w2v.errors import FormatError, InputError
from w2v.options import Option
from w2v.system.files import is_directory, read_text_file
from w2v.text.normal import comparable_form, normal_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Form = Callable[[str], str]

_SCORE = Option(float, "Similarity of a pair of words.")
_MAX_SHOWN = 80
_PAIR_FIELDS = 3  # at least: two words and a score
_ANALOGY_WORDS = 4
_DECISIVE_LINES = 50
_SEPARATORS = ("\t", ";", ",", None)
_SCORE_COLUMNS = {"simlex999", "score", "similarity", "sim", "relatedness", "rating", "mean"}
_SCORE_COLUMNS |= {"human (mean)", "average_score", "average score"}
# The part of speech that MEN appends to each word: noun, verb, adjective or adverb.
_TAGGED = re.compile(r".+-[nvjar]")


class Line(NamedTuple):
    """A line of a file, and its number, from 1."""

    number: int
    text: str


class Question(NamedTuple):
    """An analogy: a is to b as c is to d, or to one of the other answers."""

    a: str
    b: str
    c: str
    d: str
    others: tuple[str, ...] = ()

    @property
    def answers(self) -> tuple[str, ...]:
        """The right answers."""
        return (self.d, *self.others)


class QuestionSection(NamedTuple):
    """The analogy questions of one kind, in the form in which words are compared."""

    name: str
    questions: list[Question]


class ScoredPair(NamedTuple):
    """Two words in the form in which words are compared, and a human similarity score."""

    first: str
    second: str
    score: float


class AnalogySet(NamedTuple):
    """Analogy questions in sections."""

    name: str
    sections: list[QuestionSection]


class PairSet(NamedTuple):
    """Word pairs with scores."""

    name: str
    pairs: list[ScoredPair]


def form_of(*, lower: bool) -> Form:
    """Return the function that brings words into the form in which they are compared.

    Args:
        lower: whether case is ignored.

    """
    return comparable_form if lower else _as_written


def _as_written(word: str) -> str:
    return normal_form(word, lowercase=False)


def read_set(path: str | Path, *, lower: bool = True) -> AnalogySet | PairSet:
    """Read an evaluation file, or a directory of files as in BATS.

    Args:
        path: the file or directory.
        lower: whether case is ignored.

    Raises:
        InputError: it cannot be read.
        FormatError: a line is malformed.

    """
    if is_directory(path):
        return AnalogySet(Path(path).name, _read_directory(Path(path), form_of(lower=lower)))
    lines = read_lines(path)
    return parse_set(lines, Path(path).name, path, form_of(lower=lower))


def parse_set(
    lines: Sequence[Line], name: str, path: str | Path, form: Form
) -> AnalogySet | PairSet:
    """Parse the lines of a file, as analogies or as pairs. Raise as the two parsers."""
    if are_analogies(lines):
        return AnalogySet(name, parse_analogies(lines, path, form))
    return PairSet(name, parse_pairs(lines, path, form))


def read_lines(path: str | Path) -> list[Line]:
    """Return the lines of a file that are neither empty nor comments.

    Raises:
        InputError: the file cannot be read.
        FormatError: it is not UTF-8, or there are no such lines.

    """
    return decode_lines(read_text_file(path, str(path)), path)


def decode_lines(data: bytes, path: str | Path) -> list[Line]:
    """Return the lines of a file as `read_lines`, from its bytes.

    Raises:
        FormatError: they are not UTF-8, or there are no such lines.

    """
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
    """Return whether the lines are analogies: a section name comes first, or four words.

    Most of the first lines decide: the first one may be the header of a table of pairs, and a
    question may have numbers as words.
    """
    if lines[0].text.startswith(":"):
        return True
    first = lines[:_DECISIVE_LINES]
    return 2 * sum(_is_question(line.text) for line in first) > len(first)


def _is_question(text: str) -> bool:
    """Return whether a line has four words and no score."""
    words = _four_fields(text)
    return words is not None and all(_SCORE.parse(word) is None for word in words[2:])


def _four_fields(text: str) -> list[str] | None:
    for separator in _SEPARATORS:
        words = [word.strip() for word in text.split(separator)]
        if len(words) == _ANALOGY_WORDS and all(words):
            return words
    return None


def parse_analogies(
    lines: Sequence[Line], path: str | Path, form: Form = comparable_form
) -> list[QuestionSection]:
    """Parse sections and their questions. Without section names, there is one section.

    Raises:
        FormatError: a line does not have four words, or there are no questions.

    """
    sections: list[QuestionSection] = []
    if not lines[0].text.startswith(":"):
        sections.append(QuestionSection(Path(path).stem, []))
    for number, text in lines:
        if text.startswith(":"):
            sections.append(QuestionSection(text[1:].strip(), []))
            continue
        words = _split_question(text, f"{path}, line {number}")
        a, b, c, d = map(form, words)
        sections[-1].questions.append(Question(a, b, c, d))
    if not any(section.questions for section in sections):
        message = f"{path}: expected lines of four words below the section names, got none"
        raise FormatError(message)
    return sections


def _split_question(text: str, where: str) -> list[str]:
    words = _four_fields(text)
    if words is not None:
        return words
    message = f"{where}: expected four words, got {len(text.split())}: {text[:_MAX_SHOWN]!r}"
    raise FormatError(message)


def _read_directory(directory: Path, form: Form) -> list[QuestionSection]:
    """Read a directory with a file of pairs per relation, as in BATS.

    A line has a word, and after a tab one word or several, separated by slashes, that are in the
    relation to it. Each pair of a file makes a question with each other one (Gladkova, Drozd and
    Matsuoka 2016). The first of several words stands for a pair in the question; all are right
    answers.
    """
    paths = sorted(path for path in directory.rglob("*.txt") if not path.name.startswith("."))
    sections = [_relation(path, form) for path in paths]
    if not any(section.questions for section in sections):
        message = (
            f"cannot read {directory}: expected files *.txt with two or more lines "
            "'word<tab>answer' each, as in BATS, got none"
        )
        raise InputError(message)
    return sections


def _relation(path: Path, form: Form) -> QuestionSection:
    pairs: list[tuple[str, list[str]]] = []
    for number, text in read_lines(path):
        word, *rest = text.split("\t") if "\t" in text else text.split()
        answers = [form(answer.strip()) for answer in "".join(rest).split("/") if answer.strip()]
        if len(rest) != 1 or not answers:
            message = (
                f"{path}, line {number}: expected a word, a tab and its answers, separated by "
                f"slashes, got {text[:_MAX_SHOWN]!r}"
            )
            raise FormatError(message)
        pairs.append((form(word.strip()), answers))
    questions = [
        Question(a, b[0], c, d[0], tuple(d[1:]))
        for i, (a, b) in enumerate(pairs)
        for j, (c, d) in enumerate(pairs)
        if i != j
    ]
    return QuestionSection(path.stem, questions)


def parse_pairs(
    lines: Sequence[Line], path: str | Path, form: Form = comparable_form
) -> list[ScoredPair]:
    """Parse word pairs with scores. The first line may be a header.

    The score is in the column that the header names so, else in the first column of numbers after
    the words. If every word ends in a part of speech, as ``sun-n`` in MEN, that is removed.

    Raises:
        FormatError: a line does not have two words and a number, or there is only a header.

    """
    column = 2
    pairs = []
    for position, (number, text) in enumerate(lines):
        where = f"{path}, line {number}"
        fields, separator = _split(text, where)
        if position == 0:
            column, is_header = _score_column(lines, where)
            if is_header:
                continue
        if len(fields) <= column:
            message = f"{where}: expected a score in column {column + 1}, got {len(fields)} columns"
            raise FormatError(message)
        score = fields[column]
        value = _parse_finite(score if separator == "," else score.replace(",", "."))
        if value is None:
            message = f"{where}: expected a number as score, got {score[:_MAX_SHOWN]!r}"
            raise FormatError(message)
        pairs.append(ScoredPair(fields[0], fields[1], value))
    if not pairs:
        message = f"{path}: expected lines of two words and a score, got only a header"
        raise FormatError(message)
    if all(_TAGGED.fullmatch(word) for pair in pairs for word in pair[:2]):
        pairs = [pair._replace(first=pair.first[:-2], second=pair.second[:-2]) for pair in pairs]
    return [pair._replace(first=form(pair.first), second=form(pair.second)) for pair in pairs]


def _score_column(lines: Sequence[Line], where: str) -> tuple[int, bool]:
    """Return the column of the scores, and whether the first line is a header."""
    fields = _split(lines[0].text, where)[0]
    for column, name in enumerate(fields[2:], start=2):
        if name.lower() in _SCORE_COLUMNS:
            return column, True
    number = _first_number(fields)
    if number is not None:
        return number, False
    following = _split(lines[1].text, where)[0] if len(lines) > 1 else fields
    return _first_number(following) or 2, True


def _first_number(fields: Sequence[str]) -> int | None:
    """Return the first column of a number after the words."""
    numbers = (column for column in range(2, len(fields)) if _looks_numeric(fields[column]))
    return next(numbers, None)


def _split(text: str, where: str) -> tuple[list[str], str | None]:
    """Split a line into two words and further columns; return the separator as well."""
    for separator in _SEPARATORS:
        fields = [field.strip() for field in text.split(separator)]
        if len(fields) >= _PAIR_FIELDS and all(fields[:_PAIR_FIELDS]):
            return fields, separator
    message = (
        f"{where}: expected two words and a score, separated by tabs, semicolons, commas or "
        f"spaces (or four words, for analogies), got {text[:_MAX_SHOWN]!r}"
    )
    raise FormatError(message)


def _looks_numeric(field: str) -> bool:
    return field[:1] in set("+-.0123456789")


def _parse_finite(text: str) -> float | None:
    value = _SCORE.parse(text)
    return value if value is not None and math.isfinite(value) else None


def rows_by_lowercase(words: Iterable[str]) -> dict[str, list[int]]:
    """Map each lowercased word to the rows of its forms, the most frequent form first."""
    return rows_by_form(map(comparable_form, words))


def rows_by_form(forms: Iterable[str]) -> dict[str, list[int]]:
    """Map the form of each word to the rows that have it, the most frequent first."""
    rows: dict[str, list[int]] = {}
    for row, form in enumerate(forms):
        rows.setdefault(form, []).append(row)
    return rows
