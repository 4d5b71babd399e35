"""A short description of embeddings as HTML, which a notebook shows in the cell."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from w2v.config import DEFAULTS
from w2v.text.display import shorten, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_EXAMPLES = 5
_FIRST_RANK = 100  # the most frequent words of a language are those of its grammar
_RANK_STEP = 50
_LARGE = 1_000  # words
_SHOWN_COLUMNS = 200
_CELL = "text-align:left;vertical-align:top;color:inherit;background:none"


def example_rows(size: int) -> list[int]:
    """Return the rows of a few frequent words, which small vocabularies have among the first."""
    first, step = (_FIRST_RANK, _RANK_STEP) if size >= _LARGE else (0, max(size // 10, 1))
    return [row for row in range(first, first + _EXAMPLES * step, step) if row < size]


def summary_html(
    size: int,
    dim: int,
    meta: Mapping[str, Any],
    neighbours: Sequence[tuple[str, Sequence[tuple[str, float]]]],
) -> str:
    """Return HTML that takes its colors from the page, so that it suits light and dark ones.

    Args:
        size: the number of words.
        dim: the size of a vector.
        meta: how the vectors were made. It may come from elsewhere, so nothing in it is relied on.
        neighbours: example words, each with its nearest words and their cosines.

    """
    facts = [("words", f"{size:,}"), ("dimensions", f"{dim:,}"), *_facts(meta)]
    rows = [_row(name, escape(_short(value))) for name, value in facts]
    for word, nearest in neighbours:
        listed = ", ".join(
            f'<bdi title="{cosine:.4f}">{escape(_short(neighbour))}</bdi>'
            for neighbour, cosine in nearest
        )
        rows.append(_row(f"near <bdi>{escape(_short(word))}</bdi>", listed, is_html=True))
    return f'<table style="color:inherit;background:none">{"".join(rows)}</table>'


def _facts(meta: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    corpus, config = meta.get("corpus"), meta.get("config")
    if isinstance(corpus, dict):
        tokens, lines = corpus.get("tokens"), corpus.get("lines")
        if isinstance(tokens, int) and isinstance(lines, int):
            yield "corpus", f"{tokens:,} words in {lines:,} lines"
    if isinstance(config, dict) and config:
        others = [
            f"{name}={value}"
            for name, value in config.items()
            if value is not None and (name not in DEFAULTS or value != DEFAULTS[name])
        ]
        yield "options", ", ".join(others) or "the defaults"


def _row(name: str, value: str, *, is_html: bool = False) -> str:
    header = name if is_html else escape(name)
    return f'<tr><th style="{_CELL}">{header}</th><td style="{_CELL}">{value}</td></tr>'


def _short(text: str) -> str:
    """Return a text in one line that is not too long, its invisible characters as code points."""
    return shorten(visible(text), _SHOWN_COLUMNS)
