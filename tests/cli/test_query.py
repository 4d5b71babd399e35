"""`w2v eval`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import error, ok, run


def test_eval_evaluates_analogies_and_pairs(model):
    Path("analogies").write_text(
        ": family\nman king woman queen\nking man queen woman\nman king woman nobody\n"
        ": gram1-fruit\nman king woman apple\n"
    )
    Path("pairs").write_text("king,man,9\nking,queen,5\nking,apple,1\nking,nobody,3\n")
    assert ok("eval", model, "analogies", "pairs").splitlines() == [
        "analogies:",
        "  family       100.00 %       2 correct of      2 covered,      3 in total",
        "  gram1-fruit   0.00 %       0 correct of      1 covered,      1 in total",
        "  semantic     100.00 %       2 correct of      2 covered,      3 in total",
        "  syntactic     0.00 %       0 correct of      1 covered,      1 in total",
        "  overall      66.67 %       2 correct of      3 covered,      4 in total",
        "pairs: Spearman's rho 100.00, 3 of 4 pairs covered",
    ]
    assert "0 correct of      0 covered" in ok("eval", model, "analogies", "--top", "1")


def test_eval_shows_a_dash_if_nothing_is_covered(model):
    Path("analogies").write_text(": s\na b c d\n")
    Path("pairs").write_text("a b 1\n")
    lines = ok("eval", model, "analogies", "pairs").splitlines()
    assert " ".join(lines[1].split()) == "s - % 0 correct of 0 covered, 1 in total"
    assert lines[-1] == "pairs: Spearman's rho -, 0 of 1 pairs covered"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "file: expected analogies or word pairs with scores, got an empty file"),
        (": s\na b c\n", "file, line 2: expected four words, got 3"),
        ("a b\n", "file, line 1: expected two words and a score"),
    ],
)
def test_eval_errors_name_the_line(text, message, model):
    Path("file").write_text(text)
    assert error("eval", model, "file").startswith(message)


def test_eval_without_files_uses_the_sets_in_the_package(model):
    result = run("eval", model)
    assert result.exit_code == 0
    header, *rows = result.stdout.splitlines()
    assert header.split() == ["set", "score", "95", "%", "interval", "covered", "total"]
    assert [row.split()[0] for row in rows] == [
        *("Google", "semantic", "syntactic", "WordSim-353", "similarity", "relatedness"),
    ]
    assert rows[0].split() == [
        "Google",
        "analogies",
        "100.0",
        "100.0",
        "to",
        "100.0",
        "2",
        "19,544",
    ]
    assert result.stderr.startswith("note: the vocabulary covers only 0 % of Google analogies and")
    assert "and --top limits" in result.stderr


def test_eval_prints_json(model):
    Path("pairs").write_text("king,man,9\nking,queen,5\nking,apple,1\n")
    found = json.loads(ok("eval", model, "pairs", "--json", "--method", "mul", "--top", "4"))
    assert (found["model"], found["method"], found["top"], found["notes"]) == (model, "mul", 4, [])
    assert found["scores"][0]["score"] == pytest.approx(1)
    assert json.loads(ok("eval", model, "--json"))["scores"][0]["total"] == 19_544


def test_eval_looks_up_words_as_written_if_asked_to(model):
    Path("pairs").write_text("King,man,9\nking,queen,5\nking,apple,1\n")
    assert "3 of 3 pairs" in ok("eval", model, "pairs")
    assert "2 of 3 pairs" in ok("eval", model, "pairs", "--no-lower")


def test_eval_notes_low_coverage_of_a_file(model):
    Path("pairs").write_text("a,b,9\nking,queen,5\nking,apple,1\nc,d,2\ne,f,4\n")
    result = run("eval", model, "pairs")
    assert result.stdout == "pairs: Spearman's rho 100.00, 2 of 5 pairs covered\n"
    assert result.stderr.startswith("note: the vocabulary covers only 40 % of pairs, and the score")


def test_eval_answers_by_products(model):
    Path("analogies").write_text(": s\nman king woman queen\n")
    assert "100.00 %" in ok("eval", model, "analogies", "--method", "mul")
    assert "Invalid value for '--method'" in run("eval", model, "--method", "sub").stderr


def test_eval_shows_parts_only_if_the_sections_are_named_so(model):
    Path("msr").write_text("man king woman queen\nking man queen woman\n")
    assert ok("eval", model, "msr").splitlines() == [
        "msr:",
        "  msr      100.00 %       2 correct of      2 covered,      2 in total",
        "  overall  100.00 %       2 correct of      2 covered,      2 in total",
    ]
    Path("bats").mkdir()
    Path("bats/I01.txt").write_text("man\tking\nwoman\tqueen/apple\n")
    lines = ok("eval", model, "bats").splitlines()
    assert [line.split()[0] for line in lines] == ["bats:", "I01", "overall"]
