"""Analogies, compared with results computed by hand and with gensim."""

from __future__ import annotations

import numpy as np
import pytest

from samples import ROYALS, random_model
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError
from w2v.evaluation import analogies
from w2v.evaluation.analogies import answer
from w2v.evaluation.evaluate import AnalogyResult, Section, evaluate
from w2v.evaluation.questions import Question


def test_sections_of_analogies(write_file):
    path = write_file(
        ": family\nman woman king queen\nMan Woman King Queen\nking queen man far\n"
        "man woman king unknown\n: gram1-x\nman king woman queen\n\n: gram2-empty\n"
    )
    result = evaluate(ROYALS, path)
    assert result == AnalogyResult(
        "file.txt",
        (
            Section("family", correct=2, covered=3, total=4),
            Section("gram1-x", correct=1, covered=1, total=1),
            Section("gram2-empty", correct=0, covered=0, total=0),
        ),
    )
    assert result.semantic == Section("semantic", 2, 3, 4)
    assert result.syntactic == Section("syntactic", 1, 1, 1)
    assert (result.correct, result.covered, result.total) == (3, 4, 5)
    assert result.accuracy == 3 / 4
    assert result.sections[0].accuracy == 2 / 3
    assert result.sections[2].accuracy is None


def test_top_limits_the_words_of_questions(write_file):
    path = write_file(": x\nman woman king queen\nman woman king far\n")
    assert evaluate(ROYALS, path, top=4).overall == Section("overall", 1, 1, 2)
    assert evaluate(ROYALS, path, top=3).overall == Section("overall", 0, 0, 2)
    assert evaluate(ROYALS, path, top=3).accuracy is None
    with pytest.raises(ConfigError, match="top must be an integer of at least 1, got 0"):
        evaluate(ROYALS, path, top=0)


def test_top_limits_the_answers(write_file):
    # "late" is the exact answer, "far" only the next best, but within the top.
    words = ["a", "b", "c", "far", "late"]
    matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 1, 0.5], [-1, 1, 1]]
    path = write_file(": x\na b c far\n")
    embeddings = Embeddings(words, np.array(matrix, float))
    assert evaluate(embeddings, path, top=4).correct == 1
    assert evaluate(embeddings, path, top=5).correct == 0


def test_words_of_the_question_are_not_answers(write_file):
    # b - a + c is nearest to b itself; without b, only d remains.
    embeddings = Embeddings(["a", "b", "c", "d"], np.array([[1, 0], [0, 1], [1, 0.1], [-1, 0.1]]))
    path = write_file(": x\na b c d\na b c b\na b c c\na b c a\n")
    assert evaluate(embeddings, path).overall == Section("overall", 1, 4, 4)
    # If no other word is left, no answer is correct.
    assert evaluate(embeddings, write_file(": x\na b c a\n"), top=3).correct == 0


def test_other_forms_of_the_words_of_the_question_are_not_answers(write_file):
    embeddings = Embeddings(
        ["a", "b", "c", "B", "d"], np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1], [-1, 0.1]])
    )
    assert evaluate(embeddings, write_file(": x\nA b C d\n")).correct == 1


def test_the_batch_size_does_not_change_the_result(write_file, monkeypatch):
    rng = np.random.default_rng(3)
    embeddings = Embeddings([f"w{i}" for i in range(50)], rng.standard_normal((50, 4)))
    questions = [" ".join(f"w{i}" for i in rng.choice(50, 4, replace=False)) for _ in range(300)]
    path = write_file("\n".join([": x", *questions]))
    whole = evaluate(embeddings, path)
    assert 0 < whole.correct < 300
    for name, value in (("_BATCH", 7), ("_MAX_BLOCK_COSINES", 1), ("_BLOCK", 8)):
        with monkeypatch.context() as patch:
            patch.setattr(analogies, name, value)
            assert evaluate(embeddings, path) == whole


def reference_answer(embeddings, question, top, method):
    """Answer one question as the formulas say, in float64."""
    words = [word.lower() for word in embeddings.words[:top]]
    unit = embeddings.matrix[:top].astype(float)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    a, b, c = (unit @ unit[words.index(word)] for word in question[:3])
    product = (b + 1) / 2 * (c + 1) / 2 / ((a + 1) / 2 + 0.001)
    scores = b - a + c if method == "add" else product
    scores[[word in question[:3] for word in words]] = -np.inf
    return words[int(scores.argmax())]


@pytest.mark.parametrize("mixed_case", [False, True])
@pytest.mark.parametrize("method", ["add", "mul"])
def test_answers_are_those_of_the_formulas(method, mixed_case, write_file):
    rng = np.random.default_rng(13)
    embeddings = random_model(rng, mixed_case=mixed_case)
    drawn = rng.integers(0, 20, (150, 4)).tolist()
    questions = [
        Question(f"w{i}x{k}", f"w{i}x{m}", f"w{j}x{k}", f"w{j}x{m}") for i, j, k, m in drawn
    ]
    covered, correct = answer(embeddings, questions, 300, method=method, lower=True)
    known = {word.lower() for word in embeddings.words[:300]}
    for i, question in enumerate(questions):
        assert covered[i] == (set(question[:4]) <= known)
        if covered[i]:
            found = reference_answer(embeddings, question, 300, method)
            assert correct[i] == (found == question.d and found not in question[:3])
    assert 0 < correct.sum() < covered.sum() < len(questions)


def test_of_equal_candidates_the_more_frequent_is_the_answer(monkeypatch):
    monkeypatch.setattr(analogies, "_BLOCK", 2)
    words = ["a", "b", "c", "x", "y", "z"]
    embeddings = Embeddings(words, np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], *[[-1, 1, 1.0]] * 3]))
    asked = [Question("a", "b", "c", word) for word in "xyz"]
    correct = answer(embeddings, asked, 10, method="add", lower=True).correct
    assert correct.tolist() == [True, False, False]


def test_any_of_several_answers_is_right():
    other = Question("man", "woman", "king", "nobody", ("late", "queen"))
    asked = [other, other._replace(others=()), other._replace(others=("far",))]
    covered, correct = answer(ROYALS, asked, 10, method="add", lower=True)
    assert covered.tolist() == [True, False, True]
    assert correct.tolist() == [True, False, False]


@pytest.mark.slow
@pytest.mark.parametrize("mixed_case", [False, True])
@pytest.mark.parametrize("top", [150, 30_000])
def test_analogies_equal_gensim(mixed_case, top, write_file, gensim_vectors):
    rng = np.random.default_rng(7)
    embeddings = random_model(rng, mixed_case=mixed_case)
    lines = []
    for number in range(600):
        if number % 200 == 0:
            lines.append(f": {'gram' if number else ''}{number}")
        i, j, k, m = rng.integers(0, 21, 4)  # 20 is unknown
        lines.append(f"W{i}X{k} w{i}x{m} w{j}X{k} w{j}x{m}")
    path = write_file("\n".join(lines))
    ours = evaluate(embeddings, path, top=top)
    score, sections = gensim_vectors(embeddings).evaluate_word_analogies(path, restrict_vocab=top)
    assert 0 < ours.correct < ours.covered < ours.total
    assert ours.accuracy == score
    for mine, theirs in zip(ours.sections, sections[:-1], strict=True):
        assert (mine.name, mine.correct) == (theirs["section"], len(theirs["correct"]))
        assert mine.covered == len(theirs["correct"]) + len(theirs["incorrect"])
