"""`w2v export`, `convert`, `merge`, `formats` and `encode`: files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from w2v.cli import loading, options
from w2v.cli.process import Command, echo_err
from w2v.config import Config
from w2v.errors import ConfigError
from w2v.formats import registry
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION
from w2v.formats.reading import DTYPE, HOW, MISSING, ON_BAD_WORD
from w2v.formats.registry import FORMATS, READ_ONLY
from w2v.options import ID_TYPE, LENGTH, PADDING
from w2v.text.definition import TEXT_TOKENIZERS, WordDefinition

if TYPE_CHECKING:
    from w2v.events import Observer
    from w2v.formats.table import VectorTable

_FORMAT = click.Choice(list(FORMATS))
_DEFAULT_ROWS = "as {} was exported, else pad+unk; none for formats without such rows"


def _rows(default: str) -> options.Decorator[Any]:
    help_text = f"{ROWS_OPTION.help}  [default: {default}]"
    return cloup.option("--rows", type=click.Choice(ROWS_OPTION.choices), help=help_text)


_format = cloup.option(
    "-f",
    "--format",
    "format",
    type=_FORMAT,
    metavar="FORMAT",
    help="Format to write; `w2v formats` lists them.  [default: from the extension]",
)
_unk = options.defined("--unk", option=UNK_OPTION)
_dtype = options.defined("--dtype", option=DTYPE, default="float32")
_on_bad_word = options.defined("--on-bad-word", option=ON_BAD_WORD, default="fail")


@cloup.command(cls=Command, short_help="Write a model in another format.")
@options.model
@options.required_output("File or directory to write.")
@_format
@loading.from_format
@_rows(_DEFAULT_ROWS.format("MODEL"))
@_unk
@cloup.option(
    "--words",
    metavar="FILE",
    type=options.Path(),
    help="Write a matrix for the words in FILE, as an .npy file: row i is that of line i. FILE may"
    " also be JSON: a list, an object of words and rows, or a tokenizer.json.",
)
@options.defined("--missing", option=MISSING, default="zeros")
@cloup.option(
    "--lowercase-words",
    is_flag=True,
    help="Look up the words of --words in lowercase if they are not found otherwise.",
)
@loading.limit
@loading.on_bad_row
@loading.special_rows
@_dtype
@_on_bad_word
@options.overwrite
def export(
    model: str,
    output: str,
    words: str | None,
    missing: str,
    lowercase_words: bool,
    **target: Any,
) -> None:
    """Write MODEL in a format that other programs read."""
    if words is not None:
        _export_words(model, output, words, missing, lowercase=lowercase_words, **target)
        return
    for name in ("missing", "lowercase_words"):
        if options.is_given(name):
            message = "requires `words`"
            raise ConfigError(message, option=name)
    _convert(model, output, **target)


def _export_words(
    model: str,
    output: str,
    words: str,
    missing: str,
    *,
    lowercase: bool,
    overwrite: bool,
    from_format: str | None,
    on_bad_row: str,
    limit: int | None,
    special_rows: bool,
    **target: Any,
) -> None:
    """Write the matrix for the words of a file."""
    import numpy as np

    from w2v.embeddings.given_words import matrix_of_words, read_given_words
    from w2v.system import atomic

    for name, value in target.items():
        if value is not None and options.is_given(name):
            message = "does not apply to the matrix of `words`; omit it"
            raise ConfigError(message, option=name)
    if not output.endswith(".npy"):
        message = f"must be the name of an .npy file with `words`, got {output}"
        raise ConfigError(message, option="output")
    atomic.check_file(output, overwrite=overwrite)
    given = read_given_words(words)
    embeddings = loading.read_model(model, from_format, on_bad_row=on_bad_row, limit=limit)
    matrix, found = matrix_of_words(
        embeddings, given, missing, lowercase=lowercase, seed=1, special_rows=special_rows
    )
    with atomic.new_file(output, needed=matrix.nbytes, overwrite=overwrite) as file:
        np.lib.format.write_array(file, matrix)
    echo_err(f"saved {output}: {matrix.shape[0]:,} rows x {matrix.shape[1]}; {found}")


@cloup.command(cls=Command, short_help="Convert vectors from one format to another.")
@click.argument("source", metavar="IN", type=options.Path())
@click.argument("output", metavar="OUT", type=options.Path())
@_format
@loading.from_format
@_rows(_DEFAULT_ROWS.format("IN"))
@_unk
@cloup.option(
    "--tokenizer",
    type=click.Choice(TEXT_TOKENIZERS),
    help="Tokenizer of the text that the vectors are for, if IN does not record it.",
)
@options.hyperparameter("lowercase")
@loading.limit
@loading.on_bad_row
@loading.special_rows
@_dtype
@_on_bad_word
@options.overwrite
def convert(
    source: str,
    output: str,
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
    _convert(source, output, definition=definition, **target)


def _convert(
    source: str,
    output: str,
    *,
    format: str | None,  # noqa: A002 - as in Python
    rows: str | None,
    unk: str | None,
    overwrite: bool,
    from_format: str | None,
    on_bad_row: str,
    on_bad_word: str,
    limit: int | None,
    special_rows: bool,
    dtype: str,
    definition: WordDefinition | None = None,
) -> None:
    from w2v.cli.progress import observing
    from w2v.formats.reading import ReadOptions

    target = registry.by_extension(output) if format is None else FORMATS[format]
    if target is None:
        message = f"no format has the extension of {output}; choose one with -f: "
        raise click.UsageError(message + ", ".join(FORMATS))
    target.check_layout(rows, unk)
    target.check_dtype(dtype)
    target.check_output(output, overwrite=overwrite)
    with observing(quiet=True) as observer:
        origin = from_format or registry.detect(Path(source)).name
        read_options = ReadOptions(on_bad_row, limit, observer, special_rows)
        table = registry.read(source, read_options, format=origin)
        if origin != "npy":
            words = "1 word" if len(table) == 1 else f"{len(table):,} words"
            echo_err(f"{source}: {words} x {table.dim}, read as {origin}")
        if definition is not None:
            _define_words(table, definition, source)
            _note_missed_words(table, definition, observer)
        target.write(
            table,
            output,
            rows=rows,
            unk=unk,
            dtype=dtype,
            overwrite=overwrite,
            on_bad_word=on_bad_word,
            observer=observer,
        )
    replaced = table.meta.get("replaced_words")
    if replaced:
        echo_err(f"note: {replaced:,} words of {source} are not UTF-8; U+FFFD replaces the bytes")


def _note_missed_words(table: VectorTable, definition: WordDefinition, observer: Observer) -> None:
    """Print a note if a tokenizer misses many words; raise ConfigError if it misses all."""
    from w2v.events import Notice
    from w2v.text.reach import require_reach

    reached = require_reach(table.words, definition)
    if reached.is_low:
        observer(Notice(f"{reached}; check `tokenizer` and `lowercase`"))


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
        for name, entry in (FORMATS | READ_ONLY).items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, extensions, description in rows:
        click.echo(f"{name:<{widths[0]}}  {extensions:<{widths[1]}}  {description}")


@cloup.command(cls=Command, short_help="Encode texts as ids for an Embedding layer.")
@options.model
@click.argument("file", type=options.Path())
@options.required_output("The .npy file to write.")
@options.defined("--length", option=LENGTH)
@options.defined("--padding", option=PADDING, default="post")
@options.defined("--dtype", option=ID_TYPE, default="int32")
@_rows("as MODEL was exported, else pad+unk")
@options.hyperparameter("encoding")
@options.hyperparameter("column")
@options.hyperparameter("sep")
@options.hyperparameter("json_field")
@options.hyperparameter("max_expansion")
@loading.from_format
@options.overwrite
def encode(
    model: str,
    file: str,
    output: str,
    overwrite: bool,
    from_format: str | None,
    **arguments: Any,
) -> None:
    """Encode FILE, one text per line, as ids of MODEL: an array (lines, length).

    Texts are tokenized as in training. The ids fit the matrix that `w2v export` writes with the
    same --rows. FILE may be compressed, or an address; - is stdin. An empty line becomes a row of
    padding. With --column or --json-field, each record of FILE is a text.
    """
    from w2v.cli.progress import observing
    from w2v.pipeline.encode_file import check_ids_name, encode_file
    from w2v.system.atomic import check_file

    check_ids_name(output)
    check_file(output, overwrite=overwrite)
    embeddings = loading.read_model(model, from_format)
    with observing(quiet=False) as observer:
        report = encode_file(
            embeddings, file, output, overwrite=overwrite, observer=observer, **arguments
        )
    echo_err(f"saved {output}: {report}")


@cloup.command(cls=Command, short_help="Merge models into one.")
@click.argument("models", nargs=-1, required=True, metavar="MODEL...", type=options.Path())
@options.required_output("Model to write.")
@options.defined("--how", option=HOW, default="average")
@options.overwrite
def merge(models: tuple[str, ...], output: str, how: str, overwrite: bool) -> None:
    """Merge several MODELs: their mean after alignment, or their vectors side by side."""
    from w2v.embeddings.merging import merge as merge_models

    merged = merge_models([loading.read_model(path, None) for path in models], how)
    merged.save(output, overwrite=overwrite)
    echo_err(f"saved {output}: {len(merged):,} words x {merged.dim}")
