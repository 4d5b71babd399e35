"""`w2v train`: train and resume."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from w2v import config
from w2v.cli import options
from w2v.cli.process import Command, echo_err
from w2v.config import Config
from w2v.errors import ConfigError, LockedError, OutputError, ResourceError
from w2v.formats.reading import compression_suffix
from w2v.formats.registry import READABLE
from w2v.options import SECONDS
from w2v.text.remote import file_name, is_url

if TYPE_CHECKING:
    from collections.abc import Iterator

# Options that a resumed run takes from its checkpoint.
_START_OPTIONS = ("output", "vocab", "init", "init_format", "freeze_old", "include", "strict")
# Options that it does not take from there.
_AGAIN = ("work_dir", "tensorboard")


@cloup.command(cls=Command, short_help="Train word vectors on a corpus.")
@click.argument("corpus", nargs=-1, type=options.Path())
@cloup.option_group(
    "Output",
    cloup.option(
        "-o",
        "--output",
        metavar="MODEL",
        type=options.Path(),
        help="Model directory to write; a name such as v.txt or v.bin writes that file of vectors,"
        " and the model to v.w2v beside it.  [default: CORPUS.w2v]",
    ),
    cloup.option("--overwrite", is_flag=True, help="Replace an existing output."),
)
@cloup.option_group(config.MODEL, *options.hyperparameters(config.MODEL))
@cloup.option_group(config.TRAINING, *options.hyperparameters(config.TRAINING))
@cloup.option_group(
    config.CORPUS,
    *options.hyperparameters(config.CORPUS),
    options.vocabulary,
    options.include,
    options.strict,
)
@cloup.option_group(config.PHRASES, *options.hyperparameters(config.PHRASES))
@cloup.option_group(
    config.EXECUTION, *options.hyperparameters(config.EXECUTION), options.work_dir("beside MODEL")
)
@cloup.option_group(
    "Resuming and starting from a model",
    cloup.option(
        "--resume",
        metavar="MODEL",
        type=options.Path(),
        help="Resume an interrupted run, or train a finished model for more --epochs.",
    ),
    cloup.option(
        "--checkpoint-every",
        type=options.Duration(),
        default="60s",
        show_default=True,
        help=SECONDS.help,
        metavar="TIME",
    ),
    cloup.option(
        "--init",
        metavar="OLD",
        type=options.Path(),
        help="Start from the words and vectors of OLD: a model or any readable file of vectors.",
    ),
    cloup.option(
        "--from",
        "init_format",
        type=click.Choice(list(READABLE)),
        metavar="FORMAT",
        help="Format of --init OLD, as `w2v formats` lists them.  [default: detected]",
    ),
    cloup.option("--freeze-old", is_flag=True, help="Leave the vectors of --init OLD unchanged."),
)
@cloup.option_group(
    "Progress",
    options.quiet,
    cloup.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Print a line for each worker of a cluster, before training and after each epoch.",
    ),
    cloup.option(
        "--log-json",
        metavar="FILE",
        type=options.Path(),
        help="Write progress to FILE, one JSON object per line.",
    ),
    cloup.option(
        "--tensorboard",
        metavar="DIR",
        type=options.Path(),
        help="Write a log for TensorBoard to DIR: scalars while training runs, then the vectors. "
        "--resume continues it.",
    ),
)
def train(
    corpus: tuple[str, ...],
    resume: str | None,
    quiet: bool,
    verbose: bool,
    log_json: str | None,
    **arguments: Any,
) -> None:
    """Train word vectors on CORPUS: files, directories, addresses, or - for stdin.

    Each line of text is a sentence. Text is UTF-8 or has the given --encoding, and is plain or
    compressed with gzip, bzip2, xz or zstd. --column reads a column of CSV, TSV or Parquet
    files, and --json-field a field of JSON lines. Of a directory, all text files below it are read,
    except hidden and backup files. An address is that of a file, a directory or a pattern, such as
    's3://bucket/*.txt'.

    An interrupted run continues with `w2v train --resume MODEL`, without CORPUS. A finished model
    trains further if --epochs is higher than before. With --init OLD, the words of OLD keep their
    rows and new words of CORPUS follow.
    """
    if quiet and verbose:
        raise ConfigError("cannot be combined with `verbose`; omit one of them", option="quiet")
    given = {name: value for name, value in arguments.items() if options.is_given(name)}
    if resume is not None:
        _reject_start_options(corpus, given)
    elif not corpus:
        raise click.UsageError("Missing argument 'CORPUS...'.")
    else:  # check before the imports, which take longer
        Config.of({name: given[name] for name in config.DEFAULTS if name in given})
    from w2v.cli.progress import observing
    from w2v.pipeline import train as pipeline

    target = resume or given.pop("output", None) or _default_output(corpus[0])
    with (
        observing(quiet=quiet, verbose=verbose, log_json=log_json) as observer,
        _hint_how_to_resume(target, given),
    ):
        if resume is not None:
            pipeline.resume(target, observer=observer, **given)
        else:
            paths = options.corpus_paths(corpus)
            pipeline.train(paths, output=target, observer=observer, **given)


def _reject_start_options(corpus: tuple[str, ...], given: dict[str, Any]) -> None:
    """Reject arguments that make no sense with --resume."""
    rejected = ["CORPUS"] if corpus else []
    rejected += [f"`{name}`" for name in _START_OPTIONS if name in given]
    if rejected:
        message = f"continues a previous run and cannot be combined with {' or '.join(rejected)}"
        raise ConfigError(message, option="resume")


@contextlib.contextmanager
def _hint_how_to_resume(output: str, given: dict[str, Any]) -> Iterator[None]:
    """Print the command that resumes a run which is interrupted or runs out of space."""
    from w2v.pipeline.train import can_be_resumed

    try:
        yield
    except (KeyboardInterrupt, SystemExit, OutputError, ResourceError) as error:
        if not isinstance(error, LockedError) and can_be_resumed(output, given.get("work_dir")):
            arguments = [output]
            for name in filter(given.get, _AGAIN):
                arguments += [f"--{name.replace('_', '-')}", given[name]]
            echo_err(f"resume with: w2v train --resume {shlex.join(arguments)}")
        raise


def _default_output(corpus: str) -> str:
    """Return the name of a corpus with the extension .w2v instead of its own."""
    path = Path("stdin" if corpus == "-" else file_name(corpus) if is_url(corpus) else corpus)
    if path.name in {"", ".."}:
        path = path.resolve()
    if compression_suffix(path):
        path = path.with_suffix("")
    return f"{path.stem}.w2v"
