"""The command line: parses, calls one library function, renders. The only place that prints.

Heavy modules are imported by the commands that need them, so that help is instant.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import os
import re
import shlex
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from w2v import __version__
from w2v.cli.options import with_flags
from w2v.config import DEFAULTS, Config, options
from w2v.errors import (
    ConfigError,
    LockedError,
    OutputError,
    ResourceError,
    W2VError,
    short_repr,
)
from w2v.formats.layout import ROWS_OPTION, UNK_OPTION, Layout
from w2v.options import LENGTH, NUMBER, SECONDS, TOP, Option

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from w2v.embeddings.embeddings import Embeddings
    from w2v.evaluation.evaluate import AnalogyResult, Section, SimilarityResult
    from w2v.events import Event, Observer
    from w2v.formats.table import VectorTable

Command = TypeVar("Command", bound=Callable[..., Any])

INTERRUPTED = 130
# What ends a process from outside, as its exit code and in words. Windows knows fewer signals.
ENDINGS = {128 + signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):
    ENDINGS[128 + signal.SIGHUP] = "hung up"
# Options of train that say what there is to do, which a training that goes on knows.
_BEGINNING = ("output", "vocab", "init", "freeze_old")
_PACKED_SUFFIXES = {".gz", ".bz2", ".xz", ".zst"}


class _Terminated(SystemExit):
    """The system or a user asked this process to end, or the terminal is gone."""

    code: int


class _WithUsage(click.Command):
    """What says how it is used, whatever is wrong with its command line."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse it; click does not say it of an option without its value, for one."""
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if error.ctx is not None:
                raise
            raise click.UsageError(error.format_message(), ctx) from error


class _Command(_WithUsage):
    """A command, which says of wrong options what its command line would have to be."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except ConfigError as error:
            subject = " and ".join(f"`{name}`" for name in error.options)
            message = f"{subject} {error.args[0]}" if subject else error.args[0]
            raise click.UsageError(_in_one_line(with_flags(message, ctx)), ctx) from error


class _Program(_WithUsage, click.Group):
    """The group of commands, and the one place that turns errors into exit codes."""

    command_class = _Command

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the program; help and version are written here, outside of any command."""
        try:
            return super().main(*arguments, **options)
        except OSError as error:
            click.echo(f"Error: {_explanation(error)}", err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except W2VError as error:
            _fail(with_flags(str(error), ctx), error.exit_code)
        except MemoryError:
            _fail("out of memory; lower --dim or --vocab-size")
        except OSError as error:
            if error.errno == errno.EPIPE:  # whoever read the output has seen enough
                raise
            _fail(_explanation(error))
        except KeyboardInterrupt:
            _stop(INTERRUPTED, "interrupted")
        except _Terminated as error:
            _stop(error.code, ENDINGS[error.code])


def _fail(message: str, code: int = 1) -> NoReturn:
    """End with an error in one line on stderr."""
    click.echo(f"Error: {_in_one_line(message)}", err=True)
    raise click.exceptions.Exit(code)


def _in_one_line(message: str) -> str:
    return " ".join(message.split())


def _explanation(error: OSError) -> str:
    """Say what the system refused; where it names no file, it is the standard output."""
    from w2v.system.disk import write_error

    if error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    if error.errno == errno.ENOENT:
        return "the current folder is gone; change to one that is there"
    if error.errno is None:  # of a package, in its own words
        return str(error)
    output = Path(os.path.realpath("/proc/self/fd/1"))  # where it goes, if the system can tell
    folder = output.parent if output.parent.is_dir() else Path.cwd()
    written = None
    with contextlib.suppress(AttributeError, OSError):  # there may be none
        written = os.fstat(sys.stdout.fileno()).st_size
        _drop(sys.stdout)
    doing, remedy = "cannot write the output", "send it elsewhere"
    return str(write_error(doing, error, folder, remedy, written=written))


def _drop(stream: IO[str]) -> None:
    """Have what could not be written go nowhere, for Python tries it once more at the end."""
    with contextlib.suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), stream.fileno())


def _stop(code: int, message: str) -> NoReturn:
    """End with a message; at once if the compiler, which cannot be interrupted, is at work."""
    _say(message)
    if any(thread.name == "w2v-compile" for thread in threading.enumerate()):
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # as where it was closed before
                with contextlib.suppress(OSError):
                    stream.flush()
        os._exit(code)
    raise click.exceptions.Exit(code)


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="w2v")
def main() -> None:
    """Word vectors from a text, fast, ready for an Embedding layer."""
    if threading.current_thread() is threading.main_thread():
        for code in ENDINGS:
            if signal.getsignal(code - 128) is not signal.SIG_IGN:  # as nohup has it
                signal.signal(code - 128, _terminate)
    if isinstance(sys.stdout, io.TextIOWrapper):  # words are UTF-8, whatever the locale says
        sys.stdout = _buffered(sys.stdout)
        sys.stdout.reconfigure(encoding="utf-8")


def _buffered(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """Give a stream a buffer that has none, as PYTHONUNBUFFERED wants it.

    Of what is written to it a disk may take a part, and then the rest would be lost unnoticed.
    """
    raw = stream.buffer
    if not isinstance(raw, io.RawIOBase):
        return stream
    stream.detach()
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8")


def _terminate(number: int, _frame: object) -> NoReturn:
    raise _Terminated(128 + number)


def _say(message: str) -> None:
    """Write a line on stderr, if it is still there: the terminal may be gone."""
    with contextlib.suppress(OSError):
        click.echo(message, err=True)


class _Number(click.FloatRange):
    """A number that an option accepts; the help shows its range."""

    def __init__(self, option: Option) -> None:
        super().__init__(option.low, option.high, min_open=option.low_open)
        self._option = option

    def convert(self, value: Any, param: Any, ctx: Any) -> int | float:
        """Turn it into the number, or refuse it; defaults are numbers already."""
        number = self._option.read(value) if isinstance(value, str) else value
        if not self._option.accepts(number):
            self.fail(f"{short_repr(value)} is not {self._option.expected}.", param, ctx)
        assert number is not None  # which no number accepts
        return number


# Older versions of click have no ParamType[...].
class _Path(click.ParamType):  # type: ignore[type-arg]
    """A path, which an empty one is not: it would mean the current folder."""

    name = "path"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Refuse an empty one."""
        if not value:
            self.fail("an empty path was given.", param, ctx)
        return str(value)


def _click_type(option: Option) -> click.ParamType[Any]:
    return click.Choice(option.choices) if option.choices else _Number(option)


def _number_option(
    *names: str, option: Option, default: int | None
) -> Callable[[Command], Command]:
    return click.option(
        *names,
        type=_Number(option),
        default=default,
        show_default=default is not None,
        help=option.help,
        metavar=option.kind.__name__.upper(),
    )


def _click_option(name: str, option: Option) -> Callable[[Command], Command]:
    flag = "--" + name.replace("_", "-")
    default = DEFAULTS[name]
    if option.kind is bool:
        spelling = f"{flag}/--no-{flag[2:]}" if default is None else flag
        return click.option(spelling, name, is_flag=True, default=default, help=option.help)
    return click.option(
        flag,
        name,
        type=_click_type(option),
        default=default,
        show_default=default is not None,
        help=option.help,
        metavar=None if option.choices else option.kind.__name__.upper(),
    )


def _config_options(*names: str) -> Callable[[Command], Command]:
    """Options generated from the hyper-parameters of these names."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            command = _click_option(name, options()[name])(command)
        return command

    return decorate


_TEXT = [name for name, option in options().items() if option.group == "text"]
_TRAINING = [name for name, option in options().items() if option.group == "training"]

_corpus = click.argument("corpus", nargs=-1, required=True, type=_Path())
_model = click.argument("model", type=_Path())
_vocab = click.option(
    "--vocab",
    metavar="FILE",
    type=_Path(),
    help="Use this vocabulary: one word a line, in this order.",
)
_quiet = click.option("-q", "--quiet", is_flag=True, help="Report nothing but errors.")

_number = _number_option("-n", "--number", option=NUMBER, default=10)


def _work_dir(default: str) -> Callable[[Command], Command]:
    text = f"Where to keep the encoded text meanwhile.  [default: {default}]"
    return click.option("--work-dir", metavar="DIR", type=_Path(), help=text)


@contextlib.contextmanager
def _observer(quiet: bool, log_json: str | None = None) -> Iterator[Observer]:
    """Show reports on stderr, as bars if it is a terminal, and write them to a file."""
    from w2v.cli.progress import Bars, Lines, every

    with contextlib.ExitStack() as stack:
        observers: list[Observer] = []
        if not quiet and sys.stderr is not None:
            shown = Bars(sys.stderr) if sys.stderr.isatty() else Lines(sys.stderr)
            stack.callback(_while_there(shown.close))
            observers.append(_while_there(shown))
        if log_json is not None:
            observers.append(stack.enter_context(_log(Path(log_json))))
        yield every(observers)


def _while_there(show: Callable[..., None]) -> Callable[..., None]:
    """Let reports be shown until they cannot be, as where a terminal is gone: the job goes on."""
    gone = False

    def try_showing(*event: Event) -> None:
        nonlocal gone
        if not gone:
            try:
                show(*event)
            except OSError:
                gone = True
                _drop(sys.stderr)

    return try_showing


@contextlib.contextmanager
def _log(path: Path) -> Iterator[Observer]:
    """Write reports to a file, which stays as it was, or absent, until there is one."""
    from w2v.cli.progress import JsonLines
    from w2v.system.disk import writing

    begun = False
    remedy = "choose another directory with `log_json`"
    with writing(f"cannot write {path}", path.absolute().parent, remedy):
        there = path.exists()
        stream = path.open("a", encoding="utf-8")
    write = JsonLines(stream)

    def observe(event: Event) -> None:
        nonlocal begun
        if not begun and path.is_file():
            stream.truncate(0)
        begun = True
        write(event)

    try:
        yield observe
    except W2VError:
        if not there and not begun:
            path.unlink(missing_ok=True)
        raise
    finally:
        with contextlib.suppress(OSError):  # of a line that was refused, which was told then
            stream.close()


class _Duration(click.ParamType):  # type: ignore[type-arg]
    """A time in seconds, or with a unit: 90, 90s, 10m, 2h."""

    name = "duration"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Turn it into seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value), re.ASCII)
        if match is None:
            self.fail(f"{short_repr(value)} is not a time such as 90, 90s, 10m or 2h.", param, ctx)
        seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
        if not SECONDS.accepts(seconds):
            self.fail(f"{short_repr(value)} is longer than any time.", param, ctx)
        return seconds


@main.command(short_help="Train word vectors on a text.")
@click.argument("corpus", nargs=-1, type=_Path())
@click.option(
    "-o",
    "--output",
    metavar="MODEL",
    type=_Path(),
    help="Folder to write.  [default: CORPUS.w2v]",
)
@_config_options(*_TRAINING, *_TEXT)
@_vocab
@click.option(
    "--init",
    metavar="OLD",
    type=_Path(),
    help="Begin with the words and vectors of OLD, a model or a file that w2v convert reads.",
)
@click.option("--freeze-old", is_flag=True, help="Leave the vectors of --init OLD as they are.")
@_work_dir("beside MODEL")
@click.option("--overwrite", is_flag=True, help="Replace MODEL if there is one.")
@click.option(
    "--checkpoint-every",
    type=_Duration(),
    default="60s",
    show_default=True,
    help=SECONDS.help,
    metavar="TIME",
)
@click.option(
    "--resume",
    metavar="MODEL",
    type=_Path(),
    help="Go on with a training that was stopped, or with a finished one up to more --epochs.",
)
@click.option(
    "--log-json",
    metavar="FILE",
    type=_Path(),
    help="Write reports to FILE, a JSON object a line.",
)
@_quiet
def train(
    corpus: tuple[str, ...],
    output: str | None,
    vocab: str | None,
    init: str | None,
    freeze_old: bool,
    work_dir: str | None,
    overwrite: bool,
    checkpoint_every: float,
    resume: str | None,
    log_json: str | None,
    quiet: bool,
    **config: Any,
) -> None:
    """Train word vectors on CORPUS: files, folders, or - for stdin.

    A line of text is a sentence. Text is UTF-8, plain or packed by gzip, bzip2, xz or zstd.

    What was stopped goes on with --resume MODEL, without CORPUS, and so does a finished model if
    more --epochs are asked for than it had. With --init OLD the words of OLD keep their rows, and
    new words of CORPUS come behind them.
    """
    given = _given(config)
    if resume is not None:
        _refuse_beside_resume(corpus)
        from w2v.pipeline import train as job

        with _observer(quiet, log_json) as observer, _resumable(resume, work_dir):
            job.resume(
                resume,
                work_dir=work_dir,
                checkpoint_every=checkpoint_every,
                overwrite=overwrite,
                observer=observer,
                **given,
            )
        return
    if not corpus:
        raise click.UsageError("Missing argument 'CORPUS...'.")
    Config.of(given)  # before the compiler is loaded
    from w2v.pipeline import train as job

    target = output if output is not None else _default_output(corpus[0])
    with _observer(quiet, log_json) as observer, _resumable(target, work_dir):
        job.train(
            [Path(path) for path in corpus],
            vocab=vocab,
            init=init,
            freeze_old=freeze_old,
            output=target,
            overwrite=overwrite,
            work_dir=work_dir,
            checkpoint_every=checkpoint_every,
            observer=observer,
            **given,
        )


def _refuse_beside_resume(corpus: tuple[str, ...]) -> None:
    """Refuse what would say once more what there is to do."""
    given = ["CORPUS"] if corpus else []
    given += [f"`{name}`" for name in _BEGINNING if _is_given(name)]
    if given:
        message = f"continues a previous run and cannot be combined with {' or '.join(given)}"
        raise ConfigError(message, option="resume")


def _given(config: dict[str, Any]) -> dict[str, Any]:
    """The options that stand on the command line."""
    return {name: value for name, value in config.items() if _is_given(name)}


def _is_given(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


@contextlib.contextmanager
def _resumable(output: str, work_dir: str | None) -> Iterator[None]:
    """Say how to go on with what was interrupted."""
    from w2v.pipeline.checkpoint import checkpoint_dir, is_begun

    try:
        yield
    except (KeyboardInterrupt, SystemExit, OutputError, ResourceError) as error:
        if not isinstance(error, LockedError) and is_begun(checkpoint_dir(Path(output), work_dir)):
            arguments = [output] if work_dir is None else [output, "--work-dir", work_dir]
            _say(f"go on with: w2v train --resume {shlex.join(arguments)}")
        raise


def _default_output(corpus: str) -> str:
    """Name the model after the corpus: its stem, without what says how it is packed, and .w2v."""
    path = Path("stdin" if corpus == "-" else corpus)
    if path.name in {"", ".."}:  # as for "."
        path = path.resolve()
    if path.suffix.lower() in _PACKED_SUFFIXES:
        path = path.with_suffix("")
    return f"{path.stem}.w2v"


@main.command(short_help="List the ranked vocabulary of a text.")
@_corpus
@_config_options(*_TEXT, "threads")
@_vocab
@_quiet
def vocab(corpus: tuple[str, ...], vocab: str | None, quiet: bool, **config: Any) -> None:
    """List the ranked vocabulary of CORPUS: id, word and count; what it covers on stderr."""
    _check_stdout()
    from w2v.pipeline import train as job

    with _observer(quiet) as observer:
        vocabulary, _ = job.read_vocabulary(
            [Path(path) for path in corpus], vocab=vocab, observer=observer, **config
        )
    rows = zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)
    _write_lines(f"{i}\t{word}\t{count}\n" for i, (word, count) in enumerate(rows))


@main.command(short_help="List the (center, context) pairs of a text.")
@_corpus
@click.option("--ids", is_flag=True, help="Print ids instead of words.")
@_config_options("window", *_TEXT, "threads")
@_vocab
@_work_dir("the system's folder for temporary files")
@_quiet
def pairs(
    corpus: tuple[str, ...],
    ids: bool,
    window: int,
    vocab: str | None,
    work_dir: str | None,
    quiet: bool,
    **config: Any,
) -> None:
    """List the (center, context) pairs of CORPUS in order, full windows, nothing subsampled."""
    _check_stdout()
    from w2v.corpus.pairs import skipgram_pairs
    from w2v.pipeline import train as job

    with (
        _observer(quiet) as observer,
        job.read_corpus(
            [Path(path) for path in corpus],
            vocab=vocab,
            work_dir=work_dir,
            observer=observer,
            **config,
        ) as read,
    ):
        names = [str(i) for i in range(len(read.vocabulary))] if ids else read.vocabulary.words
        found: Iterator[tuple[int, int]] = skipgram_pairs(read.text, window)
        _write_lines(f"{names[center]}\t{names[context]}\n" for center, context in found)


def _check_stdout() -> None:
    """Refuse to do the long work for an output that is closed."""
    if sys.stdout is None:
        message = "cannot write the output: it is closed; send it somewhere"
        raise OutputError(message)


def _write_lines(lines: Iterable[str]) -> None:
    sys.stdout.writelines(lines)
    sys.stdout.flush()


def _load(model: str) -> Embeddings:
    from w2v.embeddings.load import load

    return load(model)


@main.command(short_help="List the nearest words of a word.")
@_model
@click.argument("words", nargs=-1, required=True, metavar="WORD...")
@_number
def similar(model: str, words: tuple[str, ...], number: int) -> None:
    """List the nearest words of each WORD by cosine: word, neighbour, cosine."""
    embeddings = _load(model)
    found = [(word, embeddings.most_similar(word, number)) for word in words]
    for word, neighbours in found:
        for neighbour, cosine in neighbours:
            click.echo(f"{word}\t{neighbour}\t{cosine:.4f}")


@main.command(short_help="A is to B as C is to what?")
@_model
@click.argument("a")
@click.argument("b")
@click.argument("c")
@_number
def analogy(model: str, a: str, b: str, c: str, number: int) -> None:
    """List the best answers to "A is to B as C is to what?", and their cosines."""
    for word, cosine in _load(model).analogy(a, b, c, number):
        click.echo(f"{word}\t{cosine:.4f}")


@main.command("eval", short_help="Judge a model by analogies or word pairs.")
@_model
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=_Path())
@_number_option("--top", option=TOP, default=30_000)
def evaluate(model: str, files: tuple[str, ...], top: int) -> None:
    """Judge MODEL by FILEs of analogies (": section" lines, four words) or word pairs with scores.

    Prints accuracy in percent, section by section, or Spearman's rho times 100, and how many
    items the vocabulary covers.
    """
    from w2v.evaluation.evaluate import SimilarityResult
    from w2v.evaluation.evaluate import evaluate as evaluate_file

    embeddings = _load(model)
    for path in files:
        result = evaluate_file(embeddings, path, top=top)
        if isinstance(result, SimilarityResult):
            _show_similarity(result)
        else:
            _show_analogies(result)


def _show_similarity(result: SimilarityResult) -> None:
    rho = "-" if result.rho is None else f"{100 * result.rho:.2f}"
    click.echo(
        f"{result.name}: Spearman's rho {rho}, {result.covered:,} of {result.total:,} pairs covered"
    )


def _show_analogies(result: AnalogyResult) -> None:
    click.echo(f"{result.name}:")
    summary = [
        section for section in (result.semantic, result.syntactic, result.overall) if section.total
    ]
    width = max(len(section.name) for section in (*result.sections, *summary))
    for section in (*result.sections, *summary):
        click.echo(f"  {section.name:<{width}}  {_accuracy(section)}")


def _accuracy(section: Section) -> str:
    percent = "    -" if section.accuracy is None else f"{100 * section.accuracy:5.2f}"
    return (
        f"{percent} %  {section.correct:>6,} right of {section.covered:>6,} covered, "
        f"{section.total:>6,} in all"
    )


def _format_names() -> list[str]:
    from w2v.formats.registry import FORMATS

    return list(FORMATS)


_format = click.option(
    "-f",
    "--format",
    "format_name",
    type=click.Choice(_format_names()),
    help="What to write; w2v formats lists them.",
)


def _rows(default: str) -> Callable[[Command], Command]:
    help_text = f"{ROWS_OPTION.help}  [default: {default}]"
    return click.option("--rows", type=_click_type(ROWS_OPTION), help=help_text)


_unk = click.option("--unk", type=_click_type(UNK_OPTION), help=UNK_OPTION.help)
_overwrite = click.option("--overwrite", is_flag=True, help="Replace PATH if it is there.")


@main.command(short_help="Write a model in another format.")
@_model
@_format
@click.option("-o", "--output", required=True, metavar="PATH", type=_Path(), help="What to write.")
@_rows("those MODEL was exported with, else pad+unk; none for word lists")
@_unk
@_overwrite
def export(model: str, output: str, **target: Any) -> None:
    """Write MODEL in a format that other programs read; PATH's extension tells which, or -f."""
    _convert(model, output, **target)


@main.command(short_help="Turn vectors of one format into another.")
@click.argument("source", metavar="IN", type=_Path())
@click.argument("output", metavar="OUT", type=_Path())
@click.option(
    "--from",
    "from_format",
    type=click.Choice(_format_names()),
    help="The format of IN.  [default: by what it is]",
)
@_format
@_rows("those IN was exported with, else pad+unk; none for word lists")
@_unk
@click.option(
    "--tokenizer",
    type=click.Choice(["unicode", "whitespace"]),
    help="How text becomes words, where IN does not say.",
)
@_config_options("lowercase")
@_overwrite
def convert(
    source: str,
    output: str,
    from_format: str | None,
    tokenizer: str | None,
    lowercase: bool | None,
    **target: Any,
) -> None:
    """Read IN in any format and write OUT in another; OUT's extension tells which, or -f."""
    if tokenizer is None and lowercase is not None:
        raise click.UsageError("--lowercase and --no-lowercase need --tokenizer.")
    definition = None
    if tokenizer is not None:
        small = Config(lowercase=lowercase).lowercases(tokenizer)
        definition = {"name": tokenizer, "lowercase": small}
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
    definition: dict[str, Any] | None = None,
) -> None:
    from w2v.formats.registry import FORMATS, by_extension, read

    target = by_extension(output) if format_name is None else FORMATS[format_name]
    if target is None:
        raise click.UsageError(
            f"the name {output} does not tell a format; choose one with -f: {', '.join(FORMATS)}"
        )
    target.check_layout(rows, unk)
    target.check_output(output, overwrite=overwrite)
    table = read(source) if from_format is None else FORMATS[from_format].read(source)
    if definition is not None:
        _define_words(table, definition, source)
    target.write(table, output, rows=rows, unk=unk, overwrite=overwrite)
    replaced = table.meta.get("replaced_words")
    if replaced:
        click.echo(
            f"{replaced:,} words of {source} are not UTF-8; in their place stands U+FFFD",
            err=True,
        )


def _define_words(table: VectorTable, definition: dict[str, Any], source: str) -> None:
    """Note how text becomes words, unless it is known to become others."""
    from w2v.text.definition import WordDefinition

    try:
        known = WordDefinition.from_meta(table.meta.get("tokenizer"))
    except ConfigError:
        table.meta["tokenizer"] = definition
        return
    if known != WordDefinition.from_meta(definition):
        message = (
            f"{source} records another tokenizer ({known}), so other words would find no vectors; "
            "omit `tokenizer`"
        )
        raise ConfigError(message)


@main.command(short_help="List the file formats.")
def formats() -> None:
    """List the formats that vectors are written in and read from."""
    from w2v.formats.registry import FORMATS

    rows = [
        (name, " ".join(entry.extensions) or "folder", entry.description)
        for name, entry in FORMATS.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, extensions, description in rows:
        click.echo(f"{name:<{widths[0]}}  {extensions:<{widths[1]}}  {description}")


@main.command(short_help="Turn texts into ids for an Embedding layer.")
@_model
@click.argument("file", type=_Path())
@click.option(
    "-o", "--output", required=True, metavar="PATH", type=_Path(), help="The .npy file to write."
)
@_number_option("--length", option=LENGTH, default=None)
@_rows("those MODEL was exported with, else pad+unk")
@_config_options("max_expansion")
@_overwrite
def encode(
    model: str,
    file: str,
    output: str,
    length: int | None,
    rows: str | None,
    max_expansion: int,
    overwrite: bool,
) -> None:
    """Turn FILE, a text a line, into ids of MODEL's words: (lines, length) int32.

    Words are cut as in training, and numbered as `w2v export` with the same --rows does it. FILE
    is read as a corpus is; - is stdin. An empty line becomes a row of padding.
    """
    from w2v.pipeline import encode_file as batch
    from w2v.system.atomic import check_file

    check_file(output, overwrite=overwrite)
    embeddings = _load(model)
    report = batch.encode_file(
        embeddings,
        file,
        output,
        length=length,
        rows=rows,
        overwrite=overwrite,
        max_expansion=max_expansion,
    )
    click.echo(f"{output}: {report}", err=True)


@main.command(short_help="Say what a model is.")
@_model
@click.option("--json", "as_json", is_flag=True, help="Print everything, as JSON.")
def info(model: str, as_json: bool) -> None:
    """Say what MODEL is and how it was trained."""
    embeddings = _load(model)
    if as_json:
        click.echo(json.dumps(embeddings.meta, indent=2, ensure_ascii=False))
        return
    for name, value in _facts(embeddings, model):
        click.echo(f"{name:<12}{value}")


def _facts(embeddings: Embeddings, path: str) -> Iterator[tuple[str, str]]:
    from w2v.formats.native import has_contexts

    meta = embeddings.meta
    yield "words", f"{len(embeddings):,}, from {embeddings.words[0]!r} to {embeddings.words[-1]!r}"
    yield "dim", f"{embeddings.dim}"
    if has_contexts(path):
        yield "contexts", "in contexts.npy, so that training can go on"
    try:
        yield from list(_history(meta))
    except (AttributeError, LookupError, TypeError, ValueError):  # not written by train
        for name, value in meta.items():
            yield f"{name:<11} ", json.dumps(value, ensure_ascii=False)


def _describe_origin(origin: dict[str, Any]) -> str:
    text = f"{origin['path']}: {origin['words']:,} words"
    if origin["training"] is not None:
        text += f", trained on {origin['training']['words']:,} words, epochs: {origin['epochs']}"
    return text + ("; its vectors were frozen" if origin["frozen"] else "")


def _history(meta: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Say what training wrote down."""
    if "corpus" in meta:
        corpus = meta["corpus"]
        yield (
            "corpus",
            (
                f"{corpus['tokens']:,} words in {corpus['lines']:,} lines, "
                f"{100 * corpus['coverage']:.2f} % of them covered"
            ),
        )
    if "rows" in meta:
        yield "rows", str(Layout.from_dict(meta["rows"]))
    for origin in meta.get("origins", []):
        yield "began with", _describe_origin(origin)
    if "tokenizer" in meta:
        from w2v.text.definition import WordDefinition

        definition = WordDefinition(meta["tokenizer"]["name"], meta["tokenizer"]["lowercase"])
        yield "tokenizer", str(definition)
    if "config" in meta:
        yield "options", ", ".join(f"{name}={value}" for name, value in meta["config"].items())
    for epoch in meta.get("epochs", []):
        loss = "-" if epoch["loss"] is None else f"{epoch['loss']:.4f}"
        held_out = epoch["validation_loss"]
        note = "" if held_out is None else f", held out {held_out:.4f}"
        yield f"epoch {epoch['epoch']}", f"loss {loss}{note}, {epoch['seconds']:.1f} s"
    if "words_per_second" in meta:
        yield "speed", f"{meta['words_per_second'] / 1e6:.2f} million words/s"
    if "w2v_version" in meta:
        yield "made with", f"w2v {meta['w2v_version']}"
