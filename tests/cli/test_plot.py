"""`w2v plot`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import w2v
from commands import TINY, error, ok, run


@pytest.fixture
def models():
    ok("train", "text.txt", "-o", "a.w2v", *TINY, "-q", "--validation", "0.3")
    ok("train", "text.txt", "-o", "b.w2v", *TINY, "-q", "--validation", "0.3", "--epochs", "3")
    return ["a.w2v", "b.w2v"]


def test_it_writes_the_kind_of_picture_of_the_extension(models):
    assert run("plot", *models, "-o", "t.svg").stderr == "saved t.svg\n"
    assert "<svg" in Path("t.svg").read_text()
    ok("plot", models[0], "-o", "t.png")
    assert Path("t.png").read_bytes().startswith(b"\x89PNG")


def test_it_replaces_a_picture_only_on_request(models):
    Path("t.svg").write_text("mine")
    message = error("plot", *models, "-o", "t.svg")
    assert message == "t.svg exists already; choose another name, or replace it with --overwrite"
    assert Path("t.svg").read_text() == "mine"
    ok("plot", *models, "-o", "t.svg", "--overwrite")
    assert "<svg" in Path("t.svg").read_text()


def test_models_of_earlier_versions_without_newer_facts_are_plotted(models):
    path = Path("a.w2v/meta.json")
    meta = json.loads(path.read_text())
    del meta["usage"]
    path.write_text(json.dumps(meta))
    ok("plot", *models, "-o", "t.svg")


@pytest.mark.parametrize("name", ["other.w2v", "other.txt"])
def test_vectors_from_elsewhere_have_no_training(name, models):
    w2v.Embeddings(["a"], np.ones((1, 2), np.float32)).save(name)
    message = error("plot", "a.w2v", name, "-o", "t.svg")
    assert message == (
        f"{name} does not record how it was trained, so there is nothing to plot; expected a model "
        "directory that w2v train wrote"
    )
    assert not Path("t.svg").exists()


def test_a_record_without_epochs_is_rejected(models):
    path = Path("a.w2v/meta.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"epochs": []}))
    assert error("plot", *models, "-o", "t.svg").startswith("a.w2v does not record how it was")


def test_a_wrong_name_is_one_line(models):
    assert error("plot", "no.w2v", "-o", "t.svg").startswith("cannot read no.w2v: there is no such")
    expected = "--output must be a file name that ends in .png or .svg, got t.jpg"
    assert error("plot", *models, "-o", "t.jpg", code=2) == expected
    assert error("plot", *models, "-o", "no/t.svg").startswith("cannot write no/t.svg")


def test_losses_that_are_not_comparable_are_noted(models):
    options = ["-q", "--negatives", "2", "--window", "1"]
    ok("train", "text.txt", "-o", "c.w2v", *TINY, *options)
    ok("train", "text.txt", "-o", "d.w2v", *TINY, "-q", "--vocab-size", "5")
    begin = "note: the losses are not comparable, because the models differ in"
    stderr = run("plot", *models, "c.w2v", "-o", "t.svg").stderr
    assert f"{begin} --window, --negatives; w2v eval compares them\n" in stderr
    stderr = run("plot", "a.w2v", "d.w2v", "-o", "u.svg").stderr
    assert f"{begin} their texts or vocabularies; w2v eval" in stderr
    assert "comparable" not in run("plot", *models, "-o", "v.svg").stderr


def test_without_matplotlib_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "from w2v.cli.main import main; main(['plot', 'a.w2v', '-o', 't.svg'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    expected = "Error: w2v plot needs an optional package: pip install 'w2v[plot]'\n"
    assert done.stderr == expected


def test_the_user_style_does_not_change_the_bytes(models):
    matplotlib = pytest.importorskip("matplotlib")
    ok("plot", *models, "-o", "t.svg")
    with matplotlib.rc_context({"lines.linewidth": 9, "svg.hashsalt": "x", "font.size": 30}):
        ok("plot", *models, "-o", "u.svg")
    assert Path("t.svg").read_bytes() == Path("u.svg").read_bytes()


def test_scores_of_models_are_plotted_and_low_coverage_is_noted():
    words = [
        "king",
        "queen",
        "man",
        "woman",
        "tiger",
        "cat",
        "plane",
        "car",
        "the",
        "book",
        "paper",
    ]
    for name in ("a.w2v", "b.txt"):
        w2v.Embeddings(words, np.random.default_rng(3).standard_normal((11, 5))).save(name)
    done = run("plot", "--eval", "a.w2v", "b.txt", "-o", "s.svg")
    assert done.exit_code == 0, done.output
    assert "<svg" in Path("s.svg").read_text()
    assert done.stderr.count("note: the vocabulary covers only") == 1  # both have the same words


def test_models_without_a_word_of_the_sets_have_no_scores():
    w2v.Embeddings(["日本"], np.ones((1, 2), np.float32)).save("m")
    message = error("plot", "--eval", "m", "-o", "s.svg")
    assert message.startswith("no model has the words of the sets, which are English")
    assert not Path("s.svg").exists()
