"""`w2v similar`, `w2v analogy` and `w2v odd`."""

from __future__ import annotations

import re

import numpy as np
import pytest

import w2v
from commands import error, ok
from w2v.cli import terminal


@pytest.fixture
def on_a_terminal(monkeypatch):
    """Let the commands find a terminal of UTF-8, 60 columns wide."""
    monkeypatch.setattr(terminal, "is_terminal", lambda: True)
    monkeypatch.setattr(terminal, "shows_unicode", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("NO_COLOR", "1")


def test_similar_lists_neighbors_and_cosines(model):
    assert ok("similar", model, "king", "-n", "2") == ("king\tman\t0.7071\nking\tqueen\t0.5000\n")
    both = ok("similar", model, "king", "Apple", "-n", "1")
    assert both == "king\tman\t0.7071\nApple\tman\t0.0000\n"
    assert len(ok("similar", model, "king").splitlines()) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["king", "+woman", "-man"],
        ["king", "-man", "+woman"],
        ["king", "-man", "woman"],
        ["king", "-", "man", "+", "woman"],
        ["+king", "+woman", "-man"],
        ["-man", "king", "+woman"],
        ["--negative", "man", "--positive", "king", "--positive", "woman"],
        ["--negative=man", "king", "woman"],
        ["king", "--negative", "man", "--", "woman"],
    ],
    ids=" ".join,
)
def test_words_with_signs_are_one_query(arguments, model):
    expected = w2v.load(model).most_similar(positive=["king", "woman"], negative=["man"], topn=2)
    for options in (["-n", "2"], ["-n2"], ["--number=2"]):
        separator = arguments.index("--") if "--" in arguments else len(arguments)
        found = ok("similar", model, *arguments[:separator], *options, *arguments[separator:])
        rows = [line.split("\t") for line in found.splitlines()]
        assert [(word, cosine) for _, word, cosine in rows] == [
            (word, f"{cosine:.4f}") for word, cosine in expected
        ]
        assert rows[0][0].endswith(" - man")
        assert rows[0][0].startswith(("king", "woman"))


def test_only_words_to_subtract(model):
    found = ok("similar", model, "-king", "-n1")
    assert found.startswith("-king\tapple\t")


def test_a_word_that_begins_with_a_sign_follows_two_dashes(tmp_path):
    words = ["-man", "+man", "--man", "man"]
    w2v.Embeddings(words, np.eye(4, dtype=np.float32)).save("signs.w2v")
    assert ok("similar", "signs.w2v", "-n1", "--", "-man").startswith("-man\t")
    assert ok("similar", "signs.w2v", "-n1", "--", "+man", "--man").startswith("+man\t")
    assert ok("similar", "signs.w2v", "-n1", "--positive=--man").startswith("--man\t")
    assert ok("similar", "signs.w2v", "-n1", "--positive", "-man", "man").startswith("man + -man\t")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing argument 'WORD...'."),
        (["king", "-"], "expected a word after -, got nothing"),
        (
            ["king", "-number"],
            "No such option: -number. Did you mean --number? To subtract the word, write --negativ",
        ),
        (["king", "--nonsense"], "No such option"),
        (["king", "-n"], "Option '-n' requires an argument."),
    ],
    ids=str,
)
def test_words_that_cannot_be_asked_for(arguments, message, model):
    assert error("similar", model, *arguments, code=2).startswith(message)


def test_words_with_signs_follow_the_model(model):
    assert "No such option" in error("similar", "-n1", "-man", model, "king", code=2)
    assert ok("similar", "-n1", model, "king", "-man").startswith("king - man\t")


def test_a_word_to_subtract_may_begin_like_an_option(model):
    assert error("similar", model, "king", "-nx").startswith("'nx' is not among")


def test_analogy_lists_answers(model):
    assert ok("analogy", model, "man", "king", "woman", "-n", "1").startswith("queen\t")
    assert len(ok("analogy", model, "man", "king", "woman").splitlines()) == 2


@pytest.mark.parametrize(
    "command", [["similar", "quean"], ["analogy", "man", "king", "quean"], ["odd", "man", "quean"]]
)
def test_similar_spellings_are_suggested_for_unknown_words(command, model):
    message = error(command[0], model, *command[1:])
    assert message == "'quean' is not among the 5 words of this model; did you mean 'queen'?"


def test_one_unknown_word_is_an_error(model):
    assert "'xyzzy' is not among" in error("similar", model, "king", "xyzzy")


def test_the_odd_word_comes_first(model):
    lines = ok("odd", model, "king", "apple", "queen").splitlines()
    assert lines[0].partition("\t")[0] == "apple"
    assert lines == [f"{word}\t{fit:.4f}" for word, fit in reference_fits(model)]
    assert error("odd", model, "king", code=2).startswith("expected at least 2 words")


def reference_fits(model: str) -> list[tuple[str, float]]:
    vectors = w2v.load(model)
    words = ["king", "apple", "queen"]
    unit = [vectors[word] / np.linalg.norm(vectors[word]) for word in words]
    mean = sum(unit) / np.linalg.norm(sum(unit))
    fits = [(word, float(u @ mean)) for word, u in zip(words, unit, strict=True)]
    return sorted(fits, key=lambda pair: pair[1])


# On a terminal


def test_neighbors_on_a_terminal_are_aligned_with_bars(model, on_a_terminal):
    assert ok("similar", model, "king", "apple", "-n", "2").splitlines() == [
        "king",
        f"  man     0.7071  {'█' * 14}▏",
        f"  queen   0.5000  {'█' * 10}",
        "",
        "apple",
        "  man     0.0000",
        "  woman   0.0000",
    ]
    assert ok("similar", model, "king", "-man", "-n", "1").startswith("king - man\n  queen ")
    assert ok("analogy", model, "man", "king", "woman", "-n1").startswith("  queen  ")
    assert ok("odd", model, "man", "queen", "king").startswith("  queen  ")


def test_wide_and_right_to_left_words_are_aligned(on_a_terminal):
    words = ["a", "数学数学", "שלום", "e\u0301", "x\u200by", "long" * 30]
    w2v.Embeddings(words, np.ones((6, 2), np.float32)).save("wide.w2v")
    lines = ok("similar", "wide.w2v", "a").splitlines()
    assert lines[1].startswith("  数学数学")
    assert lines[2].startswith("  \u2068שלום\u2069 ")
    assert lines[4].startswith("  x[U+200B]y ")
    assert re.match("  (long)+[a-z]*[.]{3} ", lines[5])
    ends = []
    for line in lines[1:]:
        before = line[: line.index("1.0000")]
        isolates = sum(before.count(mark) for mark in "\u2068\u2069")
        ends.append(terminal.columns(before) - isolates)
        assert ends[-1] + len("1.0000  ") + 20 <= 60
    assert len(set(ends)) == 1


def test_colors_only_where_they_are_shown(model, on_a_terminal, monkeypatch):
    assert "\x1b[" not in ok("similar", model, "king")
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[" not in ok("similar", model, "king")
    monkeypatch.setenv("TERM", "xterm")
    colored = ok("similar", model, "king", "-n1")
    assert re.sub(r"\x1b\[\d+m", "", colored) == f"king\n  man   0.7071  {'█' * 14}▏\n"
    assert colored.startswith("\x1b[1mking\x1b[0m")
    odd, *others = ok("odd", model, "king", "apple", "queen").splitlines()
    assert "\x1b[33m" in odd
    assert not any("\x1b[33m" in line for line in others)


def test_bars():
    assert [terminal.bar(value) for value in (-1, 0, 0.001, 1, 2)] == [
        "",
        "",
        "",
        "█" * 20,
        "█" * 20,
    ]
    assert terminal.bar(0.5 + 1 / 160) == "█" * 10 + "▏"


def test_a_locale_without_unicode_has_plain_bars(model, on_a_terminal, monkeypatch):
    monkeypatch.setattr(terminal, "shows_unicode", lambda: False)
    assert ok("similar", model, "king", "-n1") == f"king\n  man   0.7071  {'#' * 14}\n"
