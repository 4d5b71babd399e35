"""What a notebook shows for embeddings."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import w2v
from support import LINES, TINY
from w2v.views.summary import example_rows


class Cells(HTMLParser):
    """The text of the cells of a table, and the tags in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in {"th", "td"}:
            self.rows[-1].append("")

    def handle_data(self, data):
        self.rows[-1][-1] += data


def test_it_has_size_corpus_options_and_neighbours():
    model = w2v.train(LINES, **TINY)
    rows = dict(Cells(model._repr_html_()).rows)
    assert (rows["words"], rows["dimensions"]) == ("9", "8")
    assert rows["corpus"] == "120 words in 20 lines"
    assert "dim=8" in rows["options"]
    assert "window" not in rows["options"]  # the default
    nearest = [word for word, _ in model.most_similar("the", 6)]
    assert rows["near the"] == ", ".join(nearest)


HOSTILE = ["<script>alert(1)</script>", '"><img src=x>', "&amp;", "a\u202eb", "אב", "x" * 500]


def test_words_and_metadata_are_text():
    meta = {"config": {"<b>": "<i>"}, "corpus": {"tokens": "<u>", "lines": 3}}
    matrix = np.random.default_rng(1).standard_normal((len(HOSTILE), 3))
    html = w2v.Embeddings(HOSTILE, matrix, meta=meta)._repr_html_()
    found = Cells(html)
    assert found.tags == {"table", "tr", "th", "td", "bdi"}
    text = str(found.rows)
    assert "near <script>alert(1)</script>" in text
    assert "<b>=<i>" in text
    assert "\u202e" not in html
    assert "[U+202E]" in html
    assert "x" * 300 not in html


def test_it_names_no_color_so_that_it_suits_dark_pages():
    html = w2v.Embeddings(["a"], np.ones((1, 2)))._repr_html_()
    assert set(re.findall(r"(?<![\w-])color:(\w+)", html)) == {"inherit"}
    assert set(re.findall(r"background:(\w+)", html)) == {"none"}


@pytest.mark.parametrize("meta", [{"config": 7, "corpus": []}, {"corpus": {"tokens": None}}, {}])
def test_metadata_from_elsewhere_is_left_out(meta):
    rows = dict(Cells(w2v.Embeddings(["a"], [[1.0]], meta=meta)._repr_html_()).rows)
    assert rows == {"words": "1", "dimensions": "1", "near a": ""}


@pytest.mark.parametrize("size", [1, 2, 5, 6, 9, 999, 1000, 10_000])
def test_examples_are_few_and_frequent(size):
    rows = example_rows(size)
    assert rows == sorted(set(rows))
    assert len(rows) == min(size, 5)
    assert rows[-1] <= max(size / 2, 4)
    if size >= 1000:
        assert rows == [100, 150, 200, 250, 300]
