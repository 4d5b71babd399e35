"""`w2v compare`."""

from __future__ import annotations

import json
from pathlib import Path

from commands import error, ok, run


def test_compare_shows_scores_neighbours_and_words(model):
    ok("post", model, "-o", "centered.w2v")
    Path("pairs").write_text("king,man,9\nking,queen,5\nking,apple,1\n")
    lines = ok("compare", model, "centered.w2v", "pairs", "--moved", "2").splitlines()
    assert lines[:2] == ["A: hand.w2v", "B: centered.w2v"]
    assert lines[4].split()[:2] == ["pairs", "100.0"]
    assert lines[6].startswith(
        "neighbours: 100.0 % of the 10 nearest words are the same, for 5 of 5"
    )
    assert lines[9].startswith("moved most")
    assert len(lines) == 12


def test_compare_prints_json(model):
    result = run("compare", model, model, "--json", "--words", "3")
    found = json.loads(result.stdout)
    assert (found["names"], found["words"], found["common"]) == ([model, model], 3, 5)
    assert [each["total"] for each in found["sets"]][:1] == [19_544]
    assert "note: the models both cover only 0 % of Google analogies" in result.stderr


def test_compare_needs_common_words(model):
    Path("other.txt").write_text("x 1 2 3\ny 3 4 5\n")
    message = "the models have 0 words in common, expected 2 or more"
    assert message in error("compare", model, "other.txt", code=2)
