"""`w2v export`, `convert`, `formats` and `encode`: models and texts as files for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import cloup

from w2v.cli import options
from w2v.cli.process import Command, echo_err
from w2v.config import Config
from w2v.errors import ConfigError
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION
from w2v.formats.registry import FORMATS
from w2v.options import LENGTH
from w2v.text.definition import TEXT_TOKENIZERS, WordDefinition

if TYPE_CHECKING:
    from w2v.formats.table import VectorTable

_FORMAT = click.Choice(list(FORMATS))
_DEFAULT_ROWS = "as {} was exported, else pad+unk; none for formats without such rows"


def _rows(default: str) -> options.Decorator[Any]:
    help_text = f"{ROWS_OPTION.help}  [default: {default}]"
    return cloup.option("--rows", type=click.Choice(ROWS_OPTION.choices), help=help_text)


_format = cloup.option(
    "-f",
    "--format",
    "format_name",
    type=_FORMAT,
    metavar="FORMAT",
    help="Format to write; `w2v formats` lists them.  [default: from the extension]",
)
_unk = options.defined("--unk", option=UNK_OPTION)


@cloup.command(cls=Command, short_help="Write a model in another format.")
@options.model
@cloup.option(
    "-o",
    "--output",
    required=True,
    metavar="PATH",
    type=options.Path(),
    help="File or directory to write.",
)
@_format
@_rows(_DEFAULT_ROWS.format("MODEL"))
@_unk
@options.overwrite
def export(model: str, output: str, **target: Any) -> None:
    """Write MODEL in a format that other programs read."""
    _convert(model, output, **target)


@cloup.command(cls=Command, short_help="Convert vectors from one format to another.")
@click.argument("source", metavar="IN", type=options.Path())
@click.argument("output", metavar="OUT", type=options.Path())
@_format
@cloup.option(
    "--from",
    "from_format",
    type=_FORMAT,
    metavar="FORMAT",
    help="Format of IN.  [default: detected]",
)
@_rows(_DEFAULT_ROWS.format("IN"))
@_unk
@cloup.option(
    "--tokenizer",
    type=click.Choice(TEXT_TOKENIZERS),
    help="Tokenizer of the text that the vectors are for, if IN does not record it.",
)
@options.hyperparameter("lowercase")
@options.overwrite
def convert(
    source: str,
    output: str,
    from_format: str | None,
    tokenizer: str | None,
    lowercase: bool | None,
    **target: Any,
) -> None:
    """Read the vectors in IN and write them to OUT in another format."""
    definition = None
    if tokenizer is not None:
        definition = WordDefinition(tokenizer, Config(lowercase=lowercase).lowercases(tokenizer))
    elif lowercase is not None:
        message = "requires `tokenizer`"
        raise ConfigError(message, option="lowercase")
    _convert(source, output, from_format=from_format, definition=definition, **target)


def _convert(
    source: str,
    output: str,
    *,
    format_name: str | None,
    rows: str | None,
    unk: str | None,
    overwrite: bool,
    from_format: str | None = None,
    definition: WordDefinition | None = None,
) -> None:
    from w2v.formats.registry import by_extension, read

    target = by_extension(output) if format_name is None else FORMATS[format_name]
    if target is None:
        message = f"no format has the extension of {output}; choose one with -f: "
        raise click.UsageError(message + ", ".join(FORMATS))
    target.check_layout(rows, unk)
    target.check_output(output, overwrite=overwrite)
    table = read(source) if from_format is None else FORMATS[from_format].read(source)
    if definition is not None:
        _define_words(table, definition, source)
    target.write(table, output, rows=rows, unk=unk, overwrite=overwrite)
    replaced = table.meta.get("replaced_words")
    if replaced:
        echo_err(f"note: {replaced:,} words of {source} are not UTF-8; U+FFFD replaces the bytes")


def _define_words(table: VectorTable, definition: WordDefinition, source: str) -> None:
    """Record the tokenizer, unless the table records another one."""
    try:
        known = definition.from_meta(table.meta.get("tokenizer"))
    except ConfigError:
        table.meta["tokenizer"] = {
            "name": definition.name,
            "lowercase": definition.lowercase,
            "edition": definition.edition,
        }
        return
    # An older model keeps the edition of the rules that it has.
    if (known.name, known.lowercase) != (definition.name, definition.lowercase):
        message = f"contradicts {source}, which records another one ({known}); omit it"
        raise ConfigError(message, option="tokenizer")


@cloup.command(cls=Command, short_help="List the file formats.")
def formats() -> None:
    """List the formats of vectors: name, extensions, description."""
    rows = [
        (name, " ".join(entry.extensions) or "directory", entry.description)
        for name, entry in FORMATS.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, extensions, description in rows:
        click.echo(f"{name:<{widths[0]}}  {extensions:<{widths[1]}}  {description}")


@cloup.command(cls=Command, short_help="Encode texts as ids for an Embedding layer.")
@options.model
@click.argument("file", type=options.Path())
@cloup.option(
    "-o",
    "--output",
    required=True,
    metavar="PATH",
    type=options.Path(),
    help="The .npy file to write.",
)
@options.defined("--length", option=LENGTH)
@_rows("as MODEL was exported, else pad+unk")
@options.hyperparameter("encoding")
@options.hyperparameter("column")
@options.hyperparameter("sep")
@options.hyperparameter("json_field")
@options.hyperparameter("max_expansion")
@options.overwrite
def encode(model: str, file: str, output: str, overwrite: bool, **arguments: Any) -> None:
    """Encode FILE, one text per line, as ids of MODEL: an int32 array (lines, length).

    Texts are tokenized as in training. The ids fit the matrix that `w2v export` writes with the
    same --rows. FILE may be compressed; - is stdin. An empty line becomes a row of padding. With
    --column or --json-field, each record of FILE is a text.
    """
    from w2v.cli.progress import observing
    from w2v.embeddings.load import load
    from w2v.pipeline.encode_file import check_ids_name, encode_file
    from w2v.system.atomic import check_file

    check_ids_name(output)
    check_file(output, overwrite=overwrite)
    embeddings = load(model)
    with observing(quiet=False) as observer:
        report = encode_file(
            embeddings, file, output, overwrite=overwrite, observer=observer, **arguments
        )
    echo_err(f"saved {output}: {report}")
