"""`w2v info`: a summary of a model."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Any

import click
import cloup

from w2v.cli import options
from w2v.cli.process import Command
from w2v.formats.layout import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from w2v.embeddings.embeddings import Embeddings


@cloup.command(cls=Command, short_help="Show how a model was trained.")
@options.model
@cloup.option("--json", "as_json", is_flag=True, help="Print all metadata as JSON.")
def info(model: str, as_json: bool) -> None:
    """Show the size of MODEL and how it was trained."""
    from w2v.embeddings.load import load

    embeddings = load(model)
    if as_json:
        click.echo(json.dumps(embeddings.meta, indent=2, ensure_ascii=False))
        return
    for name, value in _facts(embeddings, model):
        click.echo(textwrap.fill(f"{name:<13}{value}", 100, subsequent_indent=" " * 13))


def _facts(embeddings: Embeddings, path: str) -> Iterator[tuple[str, str]]:
    from w2v.formats.native import has_contexts

    words = embeddings.words
    yield "words", f"{len(words):,}, from {words[0]!r} to {words[-1]!r}"
    yield "dimensions", f"{embeddings.dim}"
    if has_contexts(path):
        yield "contexts", "saved, so the model can be trained further"
    try:
        yield from list(_history(embeddings.meta))
    except (AttributeError, LookupError, TypeError, ValueError):  # not written by w2v
        for name, value in embeddings.meta.items():
            yield f"{name:<12} ", json.dumps(value, ensure_ascii=False)


def _history(meta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Describe the metadata of training."""
    if "corpus" in meta:
        corpus = meta["corpus"]
        size = f"{corpus['tokens']:,} words in {corpus['lines']:,} lines"
        yield "corpus", f"{size}, {100 * corpus['coverage']:.2f} % in the vocabulary"
    if "rows" in meta:
        yield "rows", str(Layout.from_dict(meta["rows"]))
    for origin in meta.get("origins", []):
        yield "started from", _describe_origin(origin)
    if "tokenizer" in meta:
        from w2v.text.definition import WordDefinition

        definition = WordDefinition(meta["tokenizer"]["name"], meta["tokenizer"]["lowercase"])
        yield "tokenizer", str(definition)
    if "config" in meta:
        yield "options", ", ".join(f"{name}={value}" for name, value in meta["config"].items())
    for epoch in meta.get("epochs", []):
        loss = "-" if epoch["loss"] is None else f"{epoch['loss']:.4f}"
        validated = epoch["validation_loss"] is not None
        validation = f", validation loss {epoch['validation_loss']:.4f}" if validated else ""
        yield f"epoch {epoch['epoch']}", f"loss {loss}{validation}, {epoch['seconds']:.1f} s"
    if "words_per_second" in meta:
        yield "speed", f"{meta['words_per_second'] / 1e6:.2f} million words/s"
    if "w2v_version" in meta:
        yield "version", f"w2v {meta['w2v_version']}"


def _describe_origin(origin: dict[str, Any]) -> str:
    text = f"{origin['path']}: {origin['words']:,} words"
    if origin["training"] is not None:
        epochs = origin["epochs"]
        text += f", trained on {origin['training']['words']:,} words for {epochs} epochs"
    return f"{text}; its vectors were frozen" if origin["frozen"] else text
