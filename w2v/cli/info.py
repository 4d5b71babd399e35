"""`w2v info`: a summary of a model."""

from __future__ import annotations

import contextlib
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from w2v.cli import options
from w2v.cli.curve import curve, levels_of_terminal
from w2v.cli.loading import from_format, read_model
from w2v.cli.process import Command
from w2v.errors import ConfigError, FormatError
from w2v.formats.layout import Layout
from w2v.text.definition import WordDefinition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from w2v.embeddings.embeddings import Embeddings
    from w2v.pipeline.record import Origin, TrainingRecord


@cloup.command(cls=Command, short_help="Show how a model was trained.")
@options.model
@cloup.option("--json", "as_json", is_flag=True, help="Print all metadata as JSON.")
@from_format
def info(model: str, as_json: bool, from_format: str | None) -> None:
    """Show the size of MODEL and how it was trained."""
    embeddings = read_model(model, from_format)
    if as_json:
        click.echo(json.dumps(embeddings.meta, indent=2, ensure_ascii=False))
        return
    for name, value in _facts(embeddings, model, from_format):
        click.echo(textwrap.fill(f"{name:<13}{value}", 100, subsequent_indent=" " * 13))


def _facts(embeddings: Embeddings, path: str, from_format: str | None) -> Iterator[tuple[str, str]]:
    from w2v.formats.native import has_contexts
    from w2v.formats.registry import detect
    from w2v.pipeline.record import TrainingRecord

    words = embeddings.words
    yield "words", f"{len(words):,}, from {words[0]!r} to {words[-1]!r}"
    yield "dimensions", f"{embeddings.dim}"
    name = from_format or detect(Path(path)).name
    if name != "npy":
        yield "format", name
    if has_contexts(path):
        yield "contexts", "saved, so the model can be trained further"
    record = TrainingRecord.from_meta(embeddings.meta)
    if record is not None:
        yield from _history(record, embeddings.meta)
        if "postprocessed" in embeddings.meta:
            yield "processed", _describe("postprocessed", embeddings.meta["postprocessed"])
        return
    for name, value in embeddings.meta.items():  # an export, or a model from elsewhere
        yield f"{name:<12} ", _describe(name, value)


def _describe(name: str, value: Any) -> str:
    """Describe a value of metadata without a record of training; unknown values as JSON."""
    with contextlib.suppress(ConfigError, FormatError):
        if name == "rows":
            return str(Layout.from_dict(value))
        if name == "tokenizer":
            return str(WordDefinition.from_meta(value))
    return json.dumps(value, ensure_ascii=False)


def _history(record: TrainingRecord, meta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Describe the record of a training."""
    from w2v.pipeline.record import known_origins

    corpus = record.corpus
    size = f"{corpus.tokens:,} words in {corpus.lines:,} lines"
    yield "corpus", f"{size}, {100 * corpus.coverage:.2f} % in the vocabulary"
    if "rows" in meta:
        yield "rows", str(Layout.from_dict(meta["rows"]))
    for origin in known_origins(record):
        yield "started from", _describe_origin(origin)
    yield "tokenizer", str(record.tokenizer)
    yield "options", ", ".join(f"{name}={value}" for name, value in record.config.items())
    losses = [epoch.loss for epoch in record.epochs if epoch.loss is not None]
    if len(losses) > 1:
        drawn = curve(losses, levels_of_terminal())
        yield "loss", f"{losses[0]:.4f} {drawn} {losses[-1]:.4f}"
    for epoch in record.epochs:
        loss = "-" if epoch.loss is None else f"{epoch.loss:.4f}"
        validation = ""
        if epoch.validation_loss is not None:
            validation = f", validation loss {epoch.validation_loss:.4f}"
        yield f"epoch {epoch.epoch}", f"loss {loss}{validation}, {epoch.seconds:.1f} s"
    if record.usage is not None:
        yield "usage", str(record.usage).removeprefix("usage: ")
    yield "speed", f"{record.words_per_second / 1e6:.2f} million words/s"
    yield "version", f"w2v {record.w2v_version}"


def _describe_origin(origin: Origin) -> str:
    text = f"{origin.path}: {origin.words:,} words"
    if origin.training is not None:
        text += f", trained on {origin.training.words:,} words for {origin.epochs} epochs"
    return f"{text}; its vectors were frozen" if origin.frozen else text
