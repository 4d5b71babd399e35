"""The page of a map: its data, and that no word can leave its place in it. See tests/browser."""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from support import JIT
from views.layouts import word_vectors
from w2v import map_page
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, OutputError
from w2v.events import LayingOut
from w2v.views import map as views_map
from w2v.views import projection
from w2v.views.map import MapPage, choose_colours, find_clusters, lay_out, page_data
from w2v.views.neighbours import Neighbours

SIZE = 120 if JIT else 40
LAYOUT = "tsne" if JIT else "pca"


def model_of(size=SIZE, **options):
    return Embeddings([f"w{i}" for i in range(size)], word_vectors(size), **options)


def data_of(page: MapPage) -> dict:
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.html, re.DOTALL
    )
    return json.loads(found[1])


def array(text, dtype):
    return np.frombuffer(base64.b64decode(text), dtype)


def test_the_data_are_those_of_the_model():
    model = model_of(counts=np.arange(SIZE, 0, -1))
    shown = SIZE - 10
    data = data_of(map_page(model, shown, LAYOUT, title="T"))
    assert data["title"] == "T"
    assert data["words"] == model.words[:shown]
    assert data["counts"] == list(range(SIZE, 10, -1))
    assert data["total"] == SIZE
    positions = array(data["positions"], "<u2").reshape(-1, 2)
    assert len(positions) == len(np.unique(positions, axis=0)) == shown
    assert positions.max() == 65535
    clusters = array(data["cluster"], "u1")
    assert clusters.max() + 1 == len(data["clusters"])
    names = [*data["words"], *data["others"]]
    for kind, restrict in (("near", None), ("here", shown)):
        ids = array(data[kind]["ids"], "<u2").reshape(shown, data[kind]["k"])
        cosines = array(data[kind]["cosines"], "<i2").reshape(ids.shape) / 32767
        for i in range(0, shown, 7):
            expected = model.most_similar(names[i], 10, restrict=restrict)
            assert [names[j] for j in ids[i]] == [word for word, _ in expected]
            np.testing.assert_allclose(cosines[i], [c for _, c in expected], atol=1e-4)
    outside = {word for word in model.words[shown:] if word in data["others"]}
    assert len(outside) == len(data["others"]) > 0


def test_the_list_of_the_map_is_left_out_if_all_words_are_on_it():
    data = data_of(map_page(model_of(20), layout="pca"))
    assert data["here"] is None
    assert data["others"] == []
    assert data["counts"] is None


def test_many_words_have_wide_ids(monkeypatch):
    monkeypatch.setattr(views_map, "_MAX_SHORT_ID", 19)
    model = model_of(21)
    found = lay_out(model, 21, "pca", 1)
    assert page_data(model, found, "", "")["wide"]
    assert len(array(page_data(model, found, "", "")["near"]["ids"], "<u4")) == 210


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 11])
def test_small_vocabularies_have_a_map(size):
    page = map_page(model_of(size))
    data = data_of(page)
    assert len(data["words"]) == page.words == page.total == size
    assert data["near"]["k"] == min(10, size - 1)
    assert ("PCA" in data["facts"]) == (size < 5)


class Parser(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.title = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] == "title":
            self.title += data


@pytest.mark.parametrize(
    "word",
    [
        "</script><script>alert(1)</script>",
        "<!--<script>",
        "{{data}}",
        "{{script}}{{title}}",
        "\u2028\u2029",
        "\ud800",
        "\udc00\ud800x",
        "\0\x1b\ufeff\uffff",
        '"\\u003c\\',
        "&lt;/script&gt;",
    ],
)
def test_no_word_or_title_leaves_its_place(word):
    plain = map_page(Embeddings(["a", "b"], np.eye(2, dtype=np.float32)), title="t")
    page = map_page(Embeddings([word, "b"], np.eye(2, dtype=np.float32)), title=word)
    page.html.encode()
    assert Parser(page.html).tags == Parser(plain.html).tags
    data = data_of(page)
    assert data["words"] == [word, "b"]
    assert data["title"] == word
    if word.isprintable():
        assert Parser(page.html).title.strip() == word


def test_the_policy_allows_what_is_in_the_page_only():
    page = map_page(model_of(3)).html
    policy = dict(
        part.strip().split(" ", 1)
        for part in re.search(r'Policy" content="([^"]*)"', page)[1].split(";")
    )
    assert policy["default-src"] == "'none'"
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)[1]
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)[1]
    for name, text in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert policy[name] == f"'sha256-{digest}'"
    assert set(re.findall(r"https?://[^\s\"')]+", page)) == set()


def test_the_program_is_small():
    page = map_page(model_of(2)).html
    assert len(page.encode()) < 64_000


def test_the_same_model_gives_the_same_bytes():
    pages = [map_page(model_of(), layout=LAYOUT, threads=threads).html for threads in (1, 2)]
    assert pages[0] == pages[1]


def test_a_model_draws_its_map_and_saves_it(tmp_path):
    page = model_of(12).map(6, "pca", title="small")
    assert repr(page) == "MapPage(6 of 12 words in 1 cluster)"
    page.save(tmp_path / "map.html")
    assert (tmp_path / "map.html").read_text(encoding="utf-8") == page.html
    with pytest.raises(OutputError, match="exists already"):
        page.save(tmp_path / "map.html")
    page.save(tmp_path / "map.html", overwrite=True)


def test_a_notebook_gets_a_frame_without_rights():
    page = model_of(3).map()
    tags = Parser(page._repr_html_()).tags
    assert [tag for tag, _ in tags] == ["iframe"]
    assert tags[0][1]["sandbox"] == "allow-scripts"
    assert tags[0][1]["srcdoc"] == page.html


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": 0}, "words must be an integer of at least 1, got 0"),
        ({"words": "9"}, "words must be an integer"),
        ({"layout": "mds"}, "layout must be one of tsne, umap, pca, got 'mds'"),
        ({"title": 3}, "title must be a string, got 3"),
        ({"threads": 0}, "threads must be an integer of at least 1"),
    ],
)
def test_arguments_are_checked(options, message):
    with pytest.raises(ConfigError, match=message):
        model_of(3).map(**options)


def test_more_words_than_there_are_is_noted(caplog):
    with caplog.at_level(logging.WARNING, "w2v"):
        map_page(model_of(3))
        assert caplog.messages == []
        map_page(model_of(3), 10)
    assert caplog.messages == ["note: the model has 3 words, not 10; all are on the map"]


def test_the_steps_of_a_layout_are_reported(monkeypatch):
    monkeypatch.setattr(projection, "_REPORT_SECONDS", 0)
    events = []
    map_page(model_of(8), observer=events.append)
    steps = [event for event in events if isinstance(event, LayingOut)]
    assert [event.done_steps for event in steps] == list(range(1, 751))
    assert {(event.total_steps, event.words) for event in steps} == {(750, 8)}
    assert 0 <= steps[0].seconds <= steps[-1].seconds


def test_neighbouring_clusters_have_different_colours():
    draw = np.random.default_rng(1)
    middles = draw.uniform(0, 100, (40, 2))
    labels = np.repeat(np.arange(40), 3)
    positions = middles[labels] + draw.normal(size=(120, 2))
    colours = choose_colours(positions, labels)
    assert set(colours.tolist()) == set(range(views_map._COLOURS))
    distances = np.hypot(*(middles[:, None] - middles[None]).T)
    np.fill_diagonal(distances, np.inf)
    same = colours[:, None] == colours[None]
    assert distances[same].min() > 2 * distances.min()


def test_more_words_have_finer_clusters(monkeypatch):
    given = []
    monkeypatch.setattr(
        views_map.clusters,
        "louvain",
        lambda graph, resolution: given.append(resolution) or np.zeros(len(graph.starts) - 1, int),
    )
    for size in (20, 5_000, 15_811, 50_000, 200_000):
        ids = np.arange(size)[:, np.newaxis] - 1
        find_clusters(Neighbours(ids % size, ids), np.ones((size, 1), np.float32))
    assert given == pytest.approx([1, 1, 1.5, 2, 2], abs=1e-4)
