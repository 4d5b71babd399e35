"""The table of what post-processing does."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

import w2v
from scripts.bench.postprocessing import STEPS, cells, main
from support import LINES, TINY
from w2v.evaluation.report import Outcomes


def test_the_table_has_the_sets_and_the_steps(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    w2v.train(LINES, output="m.w2v", **TINY)
    (tmp_path / "pairs").write_text("the dog 1\nbrown fox 2\nlazy dog 3\nquick fox 1\n")
    result = CliRunner().invoke(main, ["m.w2v", "--file", "pairs"])
    assert result.exit_code == 0, result.output
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in result.output.splitlines()]
    assert rows[0] == ["model", "set", "plain", *STEPS]
    assert rows[2][:3] == ["m.w2v", "Google analogies", "-"]
    assert rows[-1][1] == "pairs"
    assert all(len(row) == len(rows[0]) for row in rows)


def test_a_difference_beyond_chance_has_a_star():
    resampled = np.array([[0.1, 0.2], [0.2, 0.3], [0.0, 0.4]])
    outcome = Outcomes(
        "set",
        "accuracy",
        np.ones((3, 4), bool),
        lambda _: [0.1, 0.2, 0.15],
        lambda _: resampled,
        "",
    )
    assert cells(outcome) == ["10.0", "+10.0*", "+5.0"]
    undefined = outcome._replace(score=lambda _: [None] * 3)
    assert cells(undefined) == ["-"] * 3


@pytest.mark.parametrize("arguments", [[], ["nowhere.w2v"]])
def test_models_must_exist(arguments):
    assert CliRunner().invoke(main, arguments).exit_code != 0
