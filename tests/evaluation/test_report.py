"""The table of scores on several sets."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from samples import ROYALS, random_model
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError, InputError
from w2v.evaluation.evaluate import evaluate as evaluate_file
from w2v.evaluation.report import evaluate, table
from w2v.events import Notice

QUESTIONS = ": family\nman woman king queen\nking queen man woman\n: gram1-x\nman king woman far\n"


def test_scores_equal_those_of_single_files(tmp_path):
    rng = np.random.default_rng(1)
    model = random_model(rng, mixed_case=True)
    (tmp_path / "q").write_text(
        "".join(
            f"{head}w{i}x{k} w{i}x{m} w{j}x{k} w{j}x{m}\n"
            for head in (": a\n", ": gram1\n", ": b\n")
            for i, j, k, m in rng.integers(0, 21, (40, 4))
        )
    )
    (tmp_path / "p").write_text(
        "".join(f"w{i}x{j} w{k}x{m} {i}\n" for i, j, k, m in rng.integers(0, 21, (60, 4)))
    )
    found = evaluate(model, [tmp_path / "q", tmp_path / "p"], top=300)
    names = [(score.name, score.part_of) for score in found.scores]
    assert names == [("q", ""), ("semantic", "q"), ("syntactic", "q"), ("p", "")]
    analogies, pairs = (evaluate_file(model, tmp_path / name, top=300) for name in "qp")
    parts = (analogies.overall, analogies.semantic, analogies.syntactic)
    for score, part in zip(found.scores, parts, strict=False):
        assert (score.score, score.covered, score.total) == (
            pytest.approx(part.accuracy),
            part.covered,
            part.total,
        )
        assert score.low <= score.score <= score.high
    assert 0 < found["q"].score < 1
    assert (found["p"].score, found["p"].covered) == (pytest.approx(pairs.rho), pairs.covered)
    assert found["p"].measure == "spearman"
    assert found.scores == evaluate(model, [tmp_path / "q", tmp_path / "p"], top=300).scores


def test_the_table(write_file):
    assert str(evaluate(ROYALS, write_file(QUESTIONS))).splitlines() == [
        "set          score   95 % interval  covered  total",
        "file.txt      66.7    0.0 to 100.0        3      3",
        "  semantic   100.0  100.0 to 100.0        2      2",
        "  syntactic    0.0      0.0 to 0.0        1      1",
    ]
    assert table(["a", "b"], [("x", "10"), ("xyz", "-")]) == "a     b\nx    10\nxyz   -"


def test_the_sets_in_the_package_are_the_default():
    # Every word of WordSim-353 is covered but few of the analogies.
    pairs = ["tiger", "cat", "king", "queen", "man", "woman", "money", "cash", "football", "soccer"]
    model = Embeddings(pairs, np.random.default_rng(2).standard_normal((10, 4)))
    found = evaluate(model)
    assert [score.name for score in found.scores] == [
        *("Google analogies", "semantic", "syntactic", "WordSim-353", "similarity", "relatedness"),
    ]
    assert [score.total for score in found.scores] == [19_544, 8_869, 10_675, 353, 203, 252]
    assert found["Google analogies"].covered == 2  # man woman king queen, and the reverse
    assert found["WordSim-353"].covered == found["similarity"].covered + 1 == 7
    assert found["WordSim-353"].measure == "spearman"
    with pytest.raises(KeyError):
        found["nothing"]


def test_low_coverage_is_noted(write_file, caplog):
    path = write_file("man woman 1\nking queen 2\nnobody queen 3\nnobody man 3\nnobody king 1\n")
    received = []
    with caplog.at_level(logging.WARNING, "w2v"):
        found = evaluate(ROYALS, path, observer=received.append)
    assert received == [Notice(found.notes[0])]
    assert "covers only 40 % of file.txt" in caplog.text
    assert evaluate(ROYALS, write_file("man woman 1\nking queen 2\nnobody queen 3\n")).notes == ()


def test_an_undefined_score_is_none(write_file):
    score = evaluate(ROYALS, write_file("man nobody 1\n"))["file.txt"]
    assert (score.score, score.low, score.high, score.covered, score.total) == (
        *(None, None, None),
        *(0, 1),
    )
    assert "file.txt      -              -        0      1" in str(
        evaluate(ROYALS, write_file("man nobody 1\n"))
    )


def test_the_result_is_plain_values(write_file):
    found = evaluate(ROYALS, [write_file(QUESTIONS)], method="mul", top=5).as_dict()
    assert (found["method"], found["top"], found["notes"]) == ("mul", 5, ())
    assert found["scores"][0]["name"] == "file.txt"
    assert set(found["scores"][0]) == {
        *("name", "measure", "score", "low", "high", "covered", "total", "part_of"),
    }


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"files": []}, ConfigError, "files must be one or more paths, or None"),
        ({"files": 7}, ConfigError, "files must be the path of a file or directory, got 7"),
        ({"files": ["x", None]}, ConfigError, "files must be the path .* got None"),
        ({"files": "nowhere.txt"}, InputError, r"cannot read nowhere\.txt"),
        (
            {"model": "m.w2v"},
            ConfigError,
            "model must be embeddings, got 'm.w2v'; load models with",
        ),
        ({"method": "sub"}, ConfigError, "method must be one of add, mul, got 'sub'"),
        ({"top": 0}, ConfigError, "top must be an integer of at least 1"),
        ({"lower": 1}, ConfigError, "lower must be True or False, got 1"),
        ({"observer": 3}, ConfigError, "observer must be a function"),
    ],
)
def test_bad_arguments_are_rejected(arguments, error, message):
    with pytest.raises(error, match=message):
        evaluate(**{"model": ROYALS} | arguments)
    if "method" in arguments or "lower" in arguments:
        with pytest.raises(error, match=message):
            evaluate_file(ROYALS, "file", **arguments)


def test_a_malformed_file_is_named(write_file):
    with pytest.raises(FormatError, match=r"file\.txt, line 2"):
        evaluate(ROYALS, write_file("a b 1\na b\n"))
