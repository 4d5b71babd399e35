"""The map: one HTML page with the most frequent words in the plane, which needs no network.

The page holds everything: the program, the style and the data. Its content security policy lets the
browser run this program only, and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from w2v.errors import ConfigError, short_repr
from w2v.events import Notice, Observer, ignore
from w2v.formats.norms import norms_of, unit_rows
from w2v.options import LAYOUT, MAP_WORDS, THREADS
from w2v.progress import check_reporting, reporting
from w2v.system import atomic
from w2v.system.cpu import available_cores
from w2v.text.compiling import compile_kernels
from w2v.views import clusters, projection, tsne
from w2v.views.neighbours import Neighbours, nearest_words

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from w2v.formats.table import VectorTable

DEFAULT_WORDS = 5000
LINKS = 10
"""The number of nearest words that the page lists for each word."""

_TITLES = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}
_MARK = re.compile(r"\{\{(\w+)\}\}")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
_COLOURS = 12  # in map.js
_MAX_SHORT_ID = 0xFFFF
_COSINE_UNIT = 32_767
_FRAME_HEIGHT = 640


@dataclass(frozen=True)
class MapPage:
    """A map of words as an HTML page.

    Attributes:
        html: the page.
        words: the number of words on it.
        total: the number of words of the model.
        clusters: the number of clusters.

    """

    html: str
    words: int
    total: int
    clusters: int

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the page to a file.

        Raises:
            OutputError: it cannot be written, or exists and ``overwrite`` is not set.

        """
        content = self.html.encode()
        with atomic.new_file(path, needed=len(content), overwrite=overwrite) as file:
            file.write(content)

    def _repr_html_(self) -> str:
        """Return the page in a frame that can reach nothing outside it, for a notebook."""
        return (
            f'<iframe srcdoc="{html.escape(self.html)}" sandbox="allow-scripts" width="100%" '
            f'height="{_FRAME_HEIGHT}" style="border: 1px solid #8884; border-radius: 8px" '
            'title="Map of words"></iframe>'
        )

    def describe(self) -> str:
        """Return the numbers of words and clusters, in words."""
        total = f"{self.total:,} word{'' if self.total == 1 else 's'}"
        shown = total if self.words == self.total else f"{self.words:,} of {total}"
        return f"{shown} in {self.clusters} cluster{'' if self.clusters == 1 else 's'}"

    def __repr__(self) -> str:
        """Return what `describe` returns, not the page."""
        return f"MapPage({self.describe()})"


@dataclass(frozen=True)
class Layout:
    """What the page shows of n words.

    Attributes:
        positions: (n, 2) uint16, no two alike.
        near: the nearest words of each among all words of the model.
        here: the nearest words of each among these.
        labels: (n,) int64, the cluster of each, by decreasing size.
        names: the words that name each cluster.
        colours: (c,) int64, the number of the colour of each cluster.

    """

    positions: NDArray[np.uint16]
    near: Neighbours
    here: Neighbours
    labels: NDArray[np.int64]
    names: list[list[int]]
    colours: NDArray[np.int64]


def map_page(
    table: VectorTable,
    words: int = DEFAULT_WORDS,
    layout: str = "tsne",
    *,
    title: str | None = None,
    threads: int | None = None,
    observer: Observer = ignore,
    progress: bool | None = None,
) -> MapPage:
    """Draw the most frequent words of a model as a map, one HTML page that needs no network.

    The page shows words near each other whose vectors are near, in named clusters; a click on a
    word lists its nearest words by the cosine. The same model gives the same page.

    Args:
        table: the model.
        words: the number of words on the map, from the first one; all if there are fewer.
        layout: ``"tsne"``; ``"umap"``, with the extra ``umap``; or ``"pca"``, as always for a few
            words.
        title: the title of the page.
        threads: the number of threads; None for all cores. The result does not depend on it.
        observer: a function that receives events, see `w2v.events`.
        progress: whether to show a progress bar if this takes long, see `w2v.train`.

    Raises:
        ConfigError: an argument is invalid.
        MissingExtraError: the layout needs a package that is not installed.

    """
    words = MAP_WORDS.check("words", words)
    LAYOUT.check("layout", layout)
    if title is None:
        title = "Map of words"
    if not isinstance(title, str):
        message = f"must be a string, got {short_repr(title)}"
        raise ConfigError(message, option="title")
    threads = available_cores() if threads is None else THREADS.check("threads", threads)
    check_reporting(observer, progress)
    shown = min(words, len(table))
    layout = projection.layout_for(layout, shown)
    with reporting(observer, progress) as observer:
        if words > shown and words != DEFAULT_WORDS:
            observer(Notice(f"the model has {shown:,} words, not {words:,}; all are on the map"))
        compile_kernels(observer, use_kernels)
        found = lay_out(table, shown, layout, threads, observer)
    facts = f"{_of_all(shown, len(table))} · {table.dim} dimensions · {_TITLES[layout]}"
    page = fill_page(page_data(table, found, title, facts), title)
    return MapPage(page, shown, len(table), len(found.names))


def use_kernels() -> None:
    """Use the kernels on three words, so that they are compiled or loaded."""
    matrix = np.eye(3, dtype=np.float32)
    here = nearest_words(matrix, norms_of(matrix), 3, 2)
    find_clusters(here, matrix)
    tsne.tsne(here, matrix[:, :2].astype(np.float64), threads=1, steps=(1, 0))


def lay_out(
    table: VectorTable, shown: int, layout: str, threads: int, observer: Observer = ignore
) -> Layout:
    """Find the places, the neighbours and the clusters of the first words of a model."""
    matrix = table.matrix[:shown]
    norms = norms_of(table.matrix)
    vectors = unit_rows(matrix, norms[:shown], np.float32)
    here = nearest_words(matrix, norms[:shown], shown, tsne.NEIGHBOURS)
    everywhere = here if shown == len(table) else nearest_words(table.matrix, norms, shown, LINKS)
    positions = projection.project(vectors, here, layout, threads, observer)
    labels = find_clusters(here, vectors)
    names = clusters.name_words(labels, vectors, table.words[:shown], _counts_of(table, shown))
    return Layout(
        projection.to_grid(positions),
        everywhere.first(LINKS),
        here.first(LINKS),
        labels,
        names,
        choose_colours(positions, labels),
    )


def find_clusters(here: Neighbours, vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return the cluster of each word, (n,) int64, the largest first."""
    size = len(vectors)
    if size == 1:
        return np.zeros(1, np.int64)
    graph = clusters.graph_of(here.first(clusters.GRAPH_NEIGHBOURS).ids)
    # More words have finer clusters: resolution 1 up to 5,000 words, 2 from 50,000.
    resolution = float(np.clip(1 + np.log10(size / 5000), 1, 2))
    least = max(3, min(100, size // 250))
    return clusters.merge_small(clusters.louvain(graph, resolution), vectors, least)


def choose_colours(positions: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return a colour for each cluster: one whose clusters so far are as far away as possible."""
    size = int(labels.max()) + 1
    middles = np.array([np.median(positions[labels == label], axis=0) for label in range(size)])
    colours = np.zeros(size, np.int64)
    for label in range(size):
        far = np.full(_COLOURS, np.inf)
        distances = np.hypot(*(middles[:label] - middles[label]).T)
        np.minimum.at(far, colours[:label], distances)
        colours[label] = int(far.argmax())
    return colours


def page_data(table: VectorTable, found: Layout, title: str, facts: str) -> dict[str, Any]:
    """Return what the program of the page reads, as JSON values."""
    shown = len(found.labels)
    outside = np.unique(found.near.ids[found.near.ids >= shown])
    # Words that are not on the map are numbered after those that are.
    near_ids = np.where(
        found.near.ids < shown, found.near.ids, shown + np.searchsorted(outside, found.near.ids)
    )
    is_wide = shown + len(outside) > _MAX_SHORT_ID
    is_whole = shown == len(table)
    return {
        "title": title,
        "facts": facts,
        "total": len(table),
        "words": table.words[:shown],
        "others": [table.words[row] for row in outside.tolist()],
        "counts": None if table.counts is None else table.counts[:shown].tolist(),
        "positions": _packed(found.positions, "<u2"),
        "cluster": _packed(found.labels, "u1"),
        "wide": is_wide,
        "near": _packed_neighbours(near_ids, found.near.cosines, is_wide),
        "here": None
        if is_whole
        else _packed_neighbours(found.here.ids, found.here.cosines, is_wide),
        "clusters": [
            {"words": name, "colour": colour}
            for name, colour in zip(found.names, found.colours.tolist(), strict=True)
        ],
    }


def fill_page(data: dict[str, Any], title: str) -> str:
    """Return the page with its data, safe whatever the words are."""
    style, script = _part("map.css"), _part("map.js")
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src '{_source_hash(style)}'; script-src '{_source_hash(script)}'"
    )
    values = {
        "policy": policy,
        "title": html.escape(_HALF_PAIR.sub("\ufffd", title)),
        "style": style,
        "script": script,
        "data": as_json(data),
    }
    # What is filled in is not searched for marks, so no word can stand for one.
    parts = _MARK.split(_part("template.html"))
    parts[1::2] = [values[name] for name in parts[1::2]]
    return "".join(parts)


def as_json(data: dict[str, Any]) -> str:
    """Return JSON that can stand within a script element and be encoded in UTF-8."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    text = _HALF_PAIR.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return text.replace("<", "\\u003c")


def _part(name: str) -> str:
    return (resources.files("w2v.views") / "page" / name).read_text(encoding="utf-8")


def _source_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _packed(array: NDArray[Any], dtype: str) -> str:
    """Return an array as Base64 of its numbers, the least significant byte first."""
    return base64.b64encode(np.ascontiguousarray(array, dtype).tobytes()).decode()


def _packed_neighbours(
    ids: NDArray[np.int64], cosines: NDArray[np.float64], is_wide: bool
) -> dict[str, Any]:
    return {
        "k": ids.shape[1],
        "ids": _packed(ids, "<u4" if is_wide else "<u2"),
        "cosines": _packed(np.rint(cosines * _COSINE_UNIT), "<i2"),
    }


def _counts_of(table: VectorTable, shown: int) -> NDArray[np.int64]:
    """Return the counts of the first words; by Zipf's law if they are not known."""
    if table.counts is not None:
        return table.counts[:shown]
    return np.maximum(1, len(table) * 10 // np.arange(1, shown + 1))


def _of_all(shown: int, total: int) -> str:
    words = f"{total:,} word{'' if total == 1 else 's'}"
    return words if shown == total else f"the {shown:,} most frequent of {words}"
