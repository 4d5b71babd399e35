"""`w2v map`."""

from __future__ import annotations

from pathlib import Path

import pytest

from commands import error, ok, run


def test_map_writes_a_page(model):
    result = run("map", model, "-o", "map.html")
    assert result.exit_code == 0, result.output
    page = Path("map.html").read_text(encoding="utf-8")
    size = f"{len(page.encode()) / 1e6:.2f} MB"
    assert result.stderr.splitlines()[-1] == (
        f"saved map.html: 5 words in 1 cluster, {size}; open it in a browser"
    )
    assert "<title>hand</title>" in page
    assert "woman" in page


def test_options_choose_the_words_the_layout_and_the_title(model):
    ok("map", model, "-o", "map.htm", "--words", "3", "--layout", "pca", "--title", "a < b")
    page = Path("map.htm").read_text(encoding="utf-8")
    assert "the 3 most frequent of 5 words · 3 dimensions · PCA" in page
    assert "<title>a &lt; b</title>" in page
    assert '"words":["king","queen","man"]' in page


def test_more_words_than_the_model_has_are_noted(model):
    result = run("map", model, "-o", "map.html", "--words", "9")
    assert "note: the model has 5 words, not 9; all are on the map" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "map.png"], "--output must be the name of an .html file, got map.png"),
        (["-o", "map.html", "--words", "0"], "'0' is not an integer of at least 1"),
        (["-o", "map.html", "--layout", "mds"], "'mds' is not one of"),
        ([], "Missing option '-o'"),
    ],
)
def test_wrong_options_are_rejected(model, arguments, message):
    assert message in error("map", model, *arguments, code=2)


def test_a_file_is_replaced_only_on_demand(model):
    Path("map.html").write_text("mine")
    assert "map.html exists already" in error("map", model, "-o", "map.html")
    assert Path("map.html").read_text() == "mine"
    ok("map", model, "-o", "map.html", "--overwrite")
    assert Path("map.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
