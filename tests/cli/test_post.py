"""`w2v post`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import w2v
from commands import TINY, error, ok, run
from support import names


def test_post_writes_a_model_without_the_mean(model):
    result = run("post", model, "-o", "out.w2v")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "saved out.w2v: 5 words x 3\n"
    assert w2v.load("out.w2v").matrix.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-6)
    ok("post", model, "-o", "out.txt", "--no-center", "--remove", "2")
    assert len(w2v.load("out.txt")) == 5
    shown = ok("info", "out.w2v")
    assert '"remove": 0' in shown


def test_post_adds_contexts_of_a_trained_model():
    run("train", "text.txt", "-o", "m.w2v", *TINY)
    ok("post", "m.w2v", "-o", "out.w2v", "--contexts", "0.5")
    shown = ok("info", "out.w2v")
    assert "processed    [" in shown
    assert '"contexts": 0.5' in shown


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["--no-center"], "nothing is to be done; set --center, --remove or --contexts", 2),
        (["--remove", "3"], "--remove must be less than the vector size, 3, got 3", 2),
        (["--contexts", "1"], "--contexts needs context vectors, which hand.w2v does not have", 2),
    ],
)
def test_post_refuses_what_it_cannot_do(arguments, message, code, model):
    assert message in error("post", model, "-o", "out.w2v", *arguments, code=code)
    assert not Path("out.w2v").exists()


def test_the_output_is_checked_first(model):
    assert "exists" in error("post", "nowhere.w2v", "-o", model)
    Path("v.txt").touch()
    assert "exists" in error("post", "nowhere.w2v", "-o", "v.txt")


def test_post_does_not_replace_a_model(model):
    before = names(model)
    assert "exists" in error("post", model, "-o", model)
    assert names(model) == before
    ok("post", model, "-o", model, "--overwrite")
