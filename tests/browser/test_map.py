"""The map in a real browser, headless and without a network."""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import re
from collections import Counter
from urllib.parse import unquote

import numpy as np
import pytest

from browser.chromium import Browser, find_chromium
from support import KJV
from views.layouts import word_vectors
from w2v.embeddings.embeddings import Embeddings
from w2v.views import map as views_map
from w2v.views.map import map_page
from w2v.views.neighbours import Neighbours
from w2v.views.projection import to_grid

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
]

WORDS, ON_MAP = 1_500, 1_200

HOSTILE = [
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=2</script>",
    "<img src=x onerror=window.hacked=3>",
    "<svg/onload=window.hacked=4>",
    '"><script>window.hacked=5</script>',
    "'><b>bold</b>",
    "javascript:window.hacked=6",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<style>*{display:none}</style>",
    "<iframe srcdoc='<script>top.hacked=7</script>'>",
    "<a href=javascript:window.hacked=8>x</a>",
    "&lt;b&gt;",
    "&amp;",
    "&#60;",
    "\\u003cscript>",
    "\\",
    "\\\\",
    '"',
    "'",
    "`",
    "${window.hacked=9}",
    "{{data}}",
    "{{script}}",
    "{{title}}",
    "%%",
    "%s",
    "%00",
    "%E0%A4%A",
    "#",
    "#top",
    "?q=1",
    "/",
    "//",
    "..",
    "__proto__",
    "constructor",
    "toString",
    "hasOwnProperty",
    "null",
    "undefined",
    "NaN",
    "true",
    "0",
    "-1",
    "1e400",
    "שלום",
    "مرحبا",
    "a שלום b",
    "می\u200cشود",
    "e\u0301",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a",
    "\u0301x",
    "👩‍👩‍👧‍👦",
    "🇪🇺",
    "漢字かな",
    "ｗｉｄｅ",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "a" * 200,
    "長" * 200,
    "a b  c",
    "İstanbul",
]
"""64 words whose characters can all be seen."""

INVISIBLE = {
    "\u202egnirts": "[U+202E]gnirts",
    "a\u200bb": "a[U+200B]b",
    "\ufeff": "[U+FEFF]",
    "x\u2069\u2066y": "x[U+2069][U+2066]y",
    "\u00a0": "[U+00A0]",
    "\u3000": "[U+3000]",
    " ": "[U+0020]",
    "line\nbreak": "line[U+000A]break",
    "\r": "[U+000D]",
    "\t": "[U+0009]",
    "\0": "[U+0000]",
    "\x7f": "[U+007F]",
    "\u2028": "[U+2028]",
    "\u2029": "[U+2029]",
    "\u00ad": "[U+00AD]",
    "a\u200cb": "a[U+200C]b",
    "\u200d": "[U+200D]",
    "\ufffd": "[U+FFFD]",
    "\ue000": "[U+E000]",
    "\U000e0041": "[U+E0041]",
    "\ud800": "[U+D800]",  # noqa: F601 - not U+FFFD
    "\u3164": "[U+3164]",
}
"""Words with characters that cannot be seen, and how they are shown."""


def model_of(words, vectors=None, counts=None):
    vectors = word_vectors(len(words)) if vectors is None else vectors
    return Embeddings(list(words), vectors, counts)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(CHROMIUM, tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def model():
    """Real words with vectors in groups."""
    found = Counter(re.findall(r"[a-z]+", KJV.read_text(encoding="utf-8").lower()))
    words, counts = zip(*found.most_common(WORDS), strict=True)
    return model_of(words, counts=np.array(counts))


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "map.html"
    map_page(model, ON_MAP, title="A map").save(path)
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "hostile.html"
    map_page(model_of([*HOSTILE, *INVISIBLE]), title=HOSTILE[1]).save(path)
    return path


@pytest.fixture
def opened(browser, path):
    """Open a map; nothing may complain until the end of the test."""
    pages = []
    with contextlib.ExitStack() as stack:

        def open_page(file=path, **options):
            page = stack.enter_context(browser.page(file, **options))
            pages.append(page)
            page.settle()
            return page

        yield open_page
        for page in pages:
            assert page.complaints() == []


def view(page):
    return page.run("w2vMap.view()")


def card(page):
    """Return the word, the facts and the entries of the two lists of the card, None if closed."""
    return page.run("""(() => {
        const card = document.getElementById("card");
        if (card.hidden) return null;
        const entries = (id) => [...card.querySelectorAll(`#${id} li`)].map((item) => ({
            word: item.querySelector("bdi").textContent,
            cosine: +item.querySelector(".number").textContent, off: item.className === "off" }));
        return { word: card.querySelector("h2").textContent,
                 facts: card.querySelector(".facts").textContent,
                 nearest: entries("nearest"), further: entries("further") };
    })()""")


def labels(page):
    return page.run("w2vMap.labels()")


def overlap(a, b):
    return (
        min(a["x"] + a["w"], b["x"] + b["w"]) - max(a["x"], b["x"]) > 1e-6
        and min(a["y"] + a["h"], b["y"] + b["h"]) - max(a["y"], b["y"]) > 1e-6
    )


def are_apart(boxes):
    return not any(overlap(a, b) for a, b in itertools.combinations(boxes, 2))


def centre(page, selector):
    box = page.run(f"""(() => {{
        const box = document.querySelector({selector!r}).getBoundingClientRect();
        return [box.x + box.width / 2, box.y + box.height / 2]; }})()""")
    return tuple(box)


def free_label(page):
    """Return the label of a word that no panel covers."""
    for box in labels(page):
        x, y = box["x"] + box["w"] / 2, box["y"] + box["h"] / 2
        if box["word"] and page.run(f"document.elementFromPoint({x}, {y})?.id") == "map":
            return box["word"], x, y
    raise AssertionError("no label is free")


# What it shows


def test_the_page_opens_from_disk_with_all_words(opened, model):
    page = opened()
    assert page.run("document.title") == "A map"
    assert page.run("document.getElementById('title').textContent") == "A map"
    facts = page.run("document.getElementById('facts').textContent")
    assert facts == "the 1,200 most frequent of 1,500 words · 24 dimensions · t-SNE"
    assert len(page.run("w2vMap.shows()")) == ON_MAP
    assert len({box["word"] for box in labels(page)} & set(model.words[:ON_MAP])) > 20
    assert page.run("document.documentElement.scrollWidth <= innerWidth")


def test_neighbours_are_those_of_similar_in_the_same_order(opened, model):
    page = opened()
    for word in model.words[:ON_MAP:60]:
        page.run(f"w2vMap.select({word!r})")
        shown = card(page)
        expected = model.most_similar(word, 10)
        assert [entry["word"] for entry in shown["nearest"]] == [name for name, _ in expected]
        for entry, (_, cosine) in zip(shown["nearest"], expected, strict=True):
            assert entry["cosine"] == pytest.approx(cosine, abs=1e-4)
            assert entry["off"] == (model.id_of(entry["word"]) >= ON_MAP)
        listed = {name for name, _ in expected}
        here = model.most_similar(word, 10, restrict=ON_MAP)
        further = [name for name, _ in here if name not in listed]
        assert [entry["word"] for entry in shown["further"]] == further
        assert [link["word"] for link in page.run("w2vMap.links()")] == [name for name, _ in here]
        assert shown["facts"].endswith(f"rank {model.id_of(word) + 1:,}")


def test_wide_ids_are_read(opened, model, tmp_path, monkeypatch):
    monkeypatch.setattr(views_map, "_MAX_SHORT_ID", 10)
    map_page(model, 300, "pca").save(tmp_path / "wide.html")
    page = opened(tmp_path / "wide.html")
    page.run(f"w2vMap.select({model.words[7]!r})")
    expected = [word for word, _ in model.most_similar(model.words[7], 10)]
    assert [entry["word"] for entry in card(page)["nearest"]] == expected


# Search and the card


def test_a_word_is_found_by_typing(opened, model):
    page = opened()
    page.key("/", "/")
    assert page.run("document.activeElement.id") == "search"
    word = model.words[40]
    page.type(word[:-1])
    page.type(word[-1])
    assert page.run("document.querySelector('#found li').textContent").startswith(word)
    page.key("Enter")
    page.settle()
    assert card(page)["word"] == word
    assert page.run("document.getElementById('found').hidden")
    place = page.run(f"w2vMap.position({word!r})")
    assert 264 < place["x"] < 1280 - 320
    assert 0 < place["y"] < 800
    assert len(page.run("w2vMap.links()")) == 10
    shown = [box["word"] for box in labels(page) if box.get("forced")]
    assert shown[0] == word
    assert len(shown) >= 5


def test_escape_closes_what_is_open(opened, model):
    page = opened()
    page.run(f"w2vMap.select({model.words[3]!r})")
    page.key("/", "/")
    page.type("a")
    page.key("Escape")
    assert page.run("document.getElementById('search').value") == ""
    assert card(page) is not None
    page.key("Escape")
    page.key("Escape")
    assert card(page) is None
    assert view(page)["selected"] is None
    page.key("?", "?")
    assert not page.run("document.getElementById('help').hidden")
    page.key("Escape")
    assert page.run("document.getElementById('help').hidden")


def test_arrows_choose_among_the_words_found(opened):
    page = opened()
    page.key("/", "/")
    page.type("the")
    found = page.run("[...document.querySelectorAll('#found bdi')].map((item) => item.textContent)")
    assert found[0] == "the"
    page.key("ArrowDown")
    page.key("ArrowDown")
    page.key("ArrowUp")
    page.key("Enter")
    assert card(page)["word"] == found[1]


def test_a_word_that_is_not_there_is_said_so(opened):
    page = opened()
    page.key("/", "/")
    page.type("<b>zzz")
    found = page.run("document.getElementById('found').textContent")
    assert found == "<b>zzz is not among the 1,200 words on this map"
    page.key("Enter")
    assert card(page) is None


def test_capitals_and_accents_do_not_matter(opened):
    page = opened()
    page.key("/", "/")
    page.type("ISRAËL")
    page.key("Enter")
    assert card(page)["word"] == "israel"


def test_a_click_on_a_word_opens_its_card_and_beside_it_closes(opened):
    page = opened()
    word, x, y = free_label(page)
    page.click(x, y)
    assert card(page)["word"] == word
    first = card(page)["nearest"]
    here = next(entry["word"] for entry in first if not entry["off"])
    page.click(*centre(page, "#nearest button"))
    assert card(page)["word"] == here
    page.click(*centre(page, "#card .close"))
    assert card(page) is None


def test_hovering_names_the_word(opened):
    page = opened()
    word, _, _ = free_label(page)
    place = page.run(f"w2vMap.position({word!r})")
    page.mouse("mouseMoved", place["x"], place["y"])
    page.settle()
    assert page.run("document.querySelector('#tip bdi').textContent") == word
    assert page.run("document.getElementById('map').className") == "word"
    page.mouse("mouseMoved", 700, 790)
    page.run("document.getElementById('map').dispatchEvent(new PointerEvent('pointerleave'))")
    assert page.run("document.getElementById('tip').hidden")


def test_the_address_holds_the_word(opened, path, model):
    first, second = model.words[5], model.words[50]
    page = opened(fragment=first)
    assert card(page)["word"] == first
    page.run(f"w2vMap.select({second!r})")
    assert page.run("location.hash") == f"#{second}"
    page.run("history.back()")
    page.wait(f"w2vMap.view().selected === {first!r}")
    assert card(page)["word"] == first
    for fragment in ("nonsense", "%E0%A4%A", "%3Cscript%3E"):
        assert card(opened(fragment=fragment)) is None


# Zoom and pan


def test_the_wheel_keeps_the_place_under_the_pointer(opened):
    page = opened()
    x, y = 700, 333
    before = view(page)
    place = (x - before["left"]) / before["scale"], (y - before["top"]) / before["scale"]
    for turns, delta in ((6, -120), (3, 100), (4, -30)):
        for _ in range(turns):
            page.mouse("mouseWheel", x, y, deltaX=0, deltaY=delta)
        page.settle()
        now = view(page)
        assert now["scale"] != before["scale"]
        assert place[0] * now["scale"] + now["left"] == pytest.approx(x, abs=1e-6)
        assert place[1] * now["scale"] + now["top"] == pytest.approx(y, abs=1e-6)


@pytest.mark.parametrize("size", [(1280, 800, 1), (390, 844, 3), (1920, 1080, 2)])
def test_labels_at_every_zoom_and_none_overlap(opened, size):
    width, height, ratio = size
    page = opened(width=width, height=height, ratio=ratio)
    for zoom in (1, 1.5, 2, 4, 8, 16, 32):
        page.run(f"w2vMap.zoomTo({zoom})")
        shown = labels(page)
        assert any(box["word"] for box in shown)
        assert are_apart(shown)


def test_labels_are_as_wide_as_their_text(opened, hostile):
    script = """(() => {
        const context = document.createElement("canvas").getContext("2d");
        const family = getComputedStyle(document.body).fontFamily;
        const fonts = { 20: "600 16px", 18: "500 14px", 16: "12.5px" };
        return w2vMap.labels().filter((box) => box.text).map((box) => {
            context.font = `${fonts[box.h]} ${family}`;
            return [box.word, box.w - context.measureText(box.text).width]; }); })()"""
    for page in (opened(), opened(hostile)):
        page.run("w2vMap.zoomTo(2)")
        found = page.run(script)
        assert len(found) > 10
        assert [word for word, rest in found if not 5 < rest < 12] == []


def test_labels_of_links_do_not_overlap_others(opened, model):
    page = opened()
    for word in model.words[:400:37]:
        page.run(f"w2vMap.select({word!r})")
        page.settle()
        shown = labels(page)
        assert [box["word"] for box in shown if box.get("forced")]
        assert are_apart(shown)


def test_every_word_has_a_label_at_some_zoom(opened, model):
    page = opened()
    most = view(page)["most"]
    shows = page.run("w2vMap.shows()")
    assert max(shows) < most
    missing = page.run(_SWEEP % (model.words[:ON_MAP], 12))
    assert missing == []


_SWEEP = """(() => {
    const words = %s, missing = [], shows = w2vMap.shows(), fit = w2vMap.view().fit;
    for (let i = 0; i < words.length; i += %d) {
        w2vMap.zoomTo(Math.max(1, shows[i] * 1.001 / fit));
        const place = w2vMap.position(words[i]);
        w2vMap.moveBy(640 - place.x, 400 - place.y);
        if (!w2vMap.labels().some((box) => box.word === words[i])) missing.push(words[i]);
    }
    return missing;
})()"""


def test_no_label_is_lost_while_moving(opened):
    page = opened()
    page.run("w2vMap.zoomTo(3)")
    before = labels(page)
    for step in range(30):
        dx, dy = 90 * math.cos(step * 1.7), 70 * math.sin(step * 1.1)
        page.run(f"w2vMap.moveBy({dx}, {dy})")
        now = labels(page)
        kept = {(box["word"], box.get("title")) for box in now}
        for box in before:
            x, y = box["x"] + dx, box["y"] + dy
            if x > 1 and y > 1 and x + box["w"] < 1279 and y + box["h"] < 799:
                assert (box["word"], box.get("title")) in kept
        before = now


def test_labels_never_vanish_when_the_map_grows(opened):
    page = opened()
    shown = set()
    for step in range(20):
        page.run(f"w2vMap.zoomTo({1.12**step}, 640, 400)")
        inside = {
            box["word"]
            for box in labels(page)
            if box["word"] and box["x"] > 300 and box["x"] + box["w"] < 980
        }
        everywhere = {box["word"] for box in labels(page)}
        scale = view(page)["scale"]
        for word in shown - everywhere:
            place = page.run(f"w2vMap.position({word!r})")
            assert not (0 < place["x"] < 1280 and 30 < place["y"] < 800), (word, scale)
        shown = inside


def test_keys_zoom_and_move(opened):
    page = opened()
    first = view(page)
    page.key("+", "+")
    assert view(page)["scale"] == pytest.approx(1.6 * first["scale"])
    page.key("-", "-")
    assert view(page)["scale"] == pytest.approx(first["scale"])
    page.key("ArrowRight")
    assert view(page)["left"] == pytest.approx(first["left"] - 120)
    page.key("ArrowUp")
    assert view(page)["top"] == pytest.approx(first["top"] + 120)
    page.key("0", "0")
    now = view(page)
    assert [now[name] for name in ("scale", "left", "top")] == pytest.approx(
        [first[name] for name in ("scale", "left", "top")]
    )


def test_dragging_moves_the_map_and_opens_nothing(opened):
    page = opened()
    _, x, y = free_label(page)
    first = view(page)
    page.mouse("mousePressed", x, y, button="left", clickCount=1)
    page.mouse("mouseMoved", x + 30, y + 20, button="left", buttons=1)
    page.mouse("mouseMoved", x + 50, y - 40, button="left", buttons=1)
    page.mouse("mouseReleased", x + 50, y - 40, button="left", clickCount=1)
    page.settle()
    now = view(page)
    assert (now["left"] - first["left"], now["top"] - first["top"]) == pytest.approx((50, -40))
    assert card(page) is None


def test_zooming_is_animated_unless_less_motion_is_preferred(opened):
    page = opened(still=False)
    fit = view(page)["scale"]
    page.key("+", "+")
    assert view(page)["moving"]
    page.wait("!w2vMap.view().moving")
    assert view(page)["scale"] == pytest.approx(1.6 * fit)


# Clusters and colours


def test_the_clusters_are_listed_and_a_click_zooms_to_one(opened):
    page = opened()
    names = page.run("[...document.querySelectorAll('#names button')].map((b) => b.textContent)")
    assert len(names) > 5
    assert sum(int(re.search(r"\d+$", name)[0]) for name in names) == ON_MAP
    before = view(page)["scale"]
    page.click(*centre(page, "#names button"))
    assert view(page)["scale"] > 1.3 * before
    assert any(box["word"] for box in labels(page))


def test_the_system_or_the_reader_choose_the_colours(opened, path):
    page = opened(dark=True)
    assert view(page)["theme"] == "dark"
    page.prefer(dark=False)
    page.wait("w2vMap.view().theme === 'light'")
    page.click(*centre(page, "#theme"))
    assert view(page)["theme"] == "dark"
    page.send("Page.reload")
    page.wait("document.readyState === 'complete' && window.w2vMap !== undefined")
    assert view(page)["theme"] == "dark"
    ground = page.run("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(17, 20, 26)"


def luminance(colour):
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_labels_can_be_read_on_the_ground(opened):
    colours = opened().run("w2vMap.colours()")
    for theme in ("light", "dark"):
        ground = luminance(colours["ground"][theme])
        for least, kind in ((4.5, "inks"), (2, "dots")):
            assert len(colours[kind][theme]) == views_map._COLOURS
            for colour in colours[kind][theme]:
                pair = sorted([ground, luminance(colour)])
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= least, (theme, kind, colour)


# Hostile words


def test_hostile_words_are_shown_exactly_and_never_executed(opened, hostile):
    assert len(HOSTILE) == 64
    page = opened(hostile)
    script = """WORDS.map((word) => {
        w2vMap.select(word);
        return [document.querySelector("#card h2 bdi").textContent, location.hash]; })"""
    shown = page.run(script.replace("WORDS", _js(HOSTILE)))
    assert [text for text, _ in shown] == HOSTILE
    assert [unquote(address[1:]) for _, address in shown] == HOSTILE
    for word in HOSTILE:
        page.run("document.getElementById('search').focus()")
        page.type(word)
        page.run("document.getElementById('search').dispatchEvent(new Event('input'))")
        found = page.run("document.querySelector('#found bdi').textContent")
        assert found == word
        page.key("Escape")
    page.key("Escape")
    page.run("w2vMap.select('')")
    assert page.run("window.hacked === undefined")
    assert page.run("document.title") == HOSTILE[1]
    assert page.run("document.getElementById('title').textContent") == HOSTILE[1]


def test_names_of_clusters_are_shown_exactly(opened, hostile):
    page = opened(hostile)
    names = page.run("""[...document.querySelectorAll("#names button")].map((button) =>
        [...button.querySelectorAll("bdi")].map((part) => part.textContent))""")
    allowed = {*HOSTILE, *INVISIBLE.values()}
    assert len(names) > 1
    assert all(part in allowed for name in names for part in name)
    assert page.run("document.querySelectorAll('#names script, #names img, #names b').length") == 0


def test_invisible_characters_are_shown_as_code_points(opened, hostile):
    page = opened(hostile)
    for word, expected in INVISIBLE.items():
        page.run(f"w2vMap.select({_js(word)})")
        assert card(page)["word"] == expected
    page.settle()


def test_directions_of_writing_are_isolated(opened, hostile):
    page = opened(hostile)
    page.run(f"w2vMap.select({_js('שלום')})")
    assert page.run(
        "[...document.querySelectorAll('#card li')].every((i) => i.querySelector('bdi'))"
    )


def test_long_words_stay_within_the_window(opened, hostile):
    page = opened(hostile)
    page.run(f"w2vMap.select({_js('a' * 200)})")
    page.settle()
    assert all(box["w"] < 420 for box in labels(page))
    for selector in ("#card", "#panel"):
        assert page.run(
            f"(() => {{ const e = document.querySelector('{selector}');"
            "const b = e.getBoundingClientRect();"
            "return e.scrollWidth <= e.clientWidth && b.right <= innerWidth && b.left >= 0; })()"
        )


def test_the_policy_blocks_other_scripts_and_requests(browser, path):
    with browser.page(path) as page:
        page.run("""document.body.append(Object.assign(document.createElement("script"),
            { textContent: "window.hacked = 1" }))""")
        page.run("""document.body.append(Object.assign(document.createElement("img"),
            { src: "https://example.com/x.png" }))""")
        assert page.run("window.hacked") is None
        assert (
            page.run("fetch('https://example.com').then(() => 'sent', () => 'blocked')")
            == "blocked"
        )


# Sizes


@pytest.mark.parametrize("size", [1, 2, 3, 11])
def test_small_vocabularies(opened, tmp_path, size):
    words = [f"word{i}" for i in range(size)]
    map_page(model_of(words)).save(tmp_path / "small.html")
    page = opened(tmp_path / "small.html")
    assert {box["word"] for box in labels(page)} <= {*words, None}
    for word in words:
        page.run(f"w2vMap.select({word!r})")
        page.settle()
        shown = card(page)
        assert shown["word"] == word
        assert {entry["word"] for entry in shown["nearest"]} == set(words) - {word}
        assert word in [box["word"] for box in labels(page)]
        assert are_apart(labels(page))


def test_fifty_thousand_words(opened, tmp_path):
    size, draw = 50_000, np.random.default_rng(1)
    near = Neighbours(draw.integers(size, size=(size, 10)), draw.uniform(size=(size, 10)))
    found = views_map.Layout(
        positions=to_grid(draw.normal(size=(size, 2))),
        near=near,
        here=near,
        labels=draw.integers(30, size=size),
        names=[[i, i + 1, i + 2] for i in range(30)],
        colours=np.arange(30) % 12,
    )
    table = Embeddings([f"word{i}" for i in range(size)], np.ones((size, 1), np.float32))
    page_text = views_map.fill_page(views_map.page_data(table, found, "many", ""), "many")
    (tmp_path / "many.html").write_text(page_text, encoding="utf-8")
    page = opened(tmp_path / "many.html")
    assert max(page.run("w2vMap.shows()")) < view(page)["most"]
    for zoom in (1, 4, 16):
        frames = page.run("w2vMap.frames()")
        page.run(f"w2vMap.zoomTo({zoom})")
        assert page.run("w2vMap.frames()") > frames
        assert sum(box["word"] is not None for box in labels(page)) > 30
        assert are_apart(labels(page))


def test_equal_vectors_can_be_told_apart(opened, tmp_path):
    words = [f"word{i}" for i in range(30)]
    map_page(model_of(words, np.ones((30, 4), np.float32))).save(tmp_path / "equal.html")
    page = opened(tmp_path / "equal.html")
    assert page.run(_SWEEP % (words, 1)) == []


def test_a_phone(opened, model):
    page = opened(width=390, height=844, ratio=3, phone=True)
    assert page.run("document.documentElement.scrollWidth") <= 390
    _, x, y = free_label(page)
    page.touch("touchStart", (x, y))
    page.touch("touchEnd")
    page.settle()
    page.wait("!document.getElementById('card').hidden")
    assert card(page)["word"] in model.words
    place = page.run(f"w2vMap.position({card(page)['word']!r})")
    top = page.run("document.getElementById('card').getBoundingClientRect().top")
    assert 0 < place["x"] < 390
    assert 110 < place["y"] < top
    page.click(*centre(page, "#card .close"))
    before = view(page)
    # Two fingers move apart around the middle between them, which keeps its place.
    page.touch("touchStart", (150, 400), (250, 400))
    for step in range(1, 6):
        page.touch("touchMove", (150 - 10 * step, 400), (250 + 10 * step, 400))
    page.touch("touchEnd")
    page.settle()
    now = view(page)
    assert now["scale"] == pytest.approx(2 * before["scale"], rel=0.02)
    for then, axis, at in (("left", 0, 200), ("top", 1, 400)):
        place = (at - before[then]) / before["scale"]
        assert place * now["scale"] + now[then] == pytest.approx(at, abs=3), axis


def test_a_window_that_changes_its_size(opened):
    page = opened()
    page.run("w2vMap.zoomTo(2)")
    page.resize(700, 500, 2)
    page.wait("w2vMap.view().width === 700")
    page.settle()
    assert page.run("document.getElementById('map').width") == 1400
    assert are_apart(labels(page))


# Elsewhere


def test_a_notebook_shows_it_in_a_sandbox(opened, model, tmp_path):
    html = map_page(model, 200, "pca")._repr_html_()
    (tmp_path / "cell.html").write_text(
        f"<!DOCTYPE html><meta charset=utf-8>{html}", encoding="utf-8"
    )
    page = opened(tmp_path / "cell.html")
    # A sandboxed frame is a target of its own, or a context of the page.
    frame = page.frame("about:srcdoc")
    frame.wait("window.w2vMap !== undefined")
    assert len(frame.run("w2vMap.shows()")) == 200
    frame.run(f"w2vMap.select({model.words[0]!r})")
    assert card(frame)["word"] == model.words[0]
    assert frame.run("(() => { try { localStorage; return 1 } catch { return 0 } })()") == 0


def test_it_can_be_printed(opened):
    page = opened(dark=True)
    assert len(page.send("Page.printToPDF")["data"]) > 10_000
    page.wait("w2vMap.view().theme === 'dark'")


def test_the_same_model_gives_the_same_page(model):
    pages = [map_page(model, 400, threads=threads) for threads in (1, 2, 3)]
    assert pages[0].html == pages[1].html == pages[2].html


def _js(value):
    """Return a value as JavaScript, half surrogate pairs included."""
    return json.dumps(value)
