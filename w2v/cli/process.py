"""The process: exit codes, signals and the standard streams. No other module knows of them."""

from __future__ import annotations

import contextlib
import errno
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

import click
import cloup

from w2v.cli.dashes import check_dashes
from w2v.cli.options import with_flags
from w2v.compute.compiler_thread import is_compiling
from w2v.errors import ConfigError, OutputError, W2VError

INTERRUPTED = 130
_MEMORY_FLAGS = {"dim": "--dim", "vocab_size": "--vocab-size", "length": "--length"}
# Exit codes of the signals that end a process, and the messages. Not every system has SIGHUP.
SIGNAL_MESSAGES = {128 + signal.SIGTERM: "terminated"}
if hasattr(signal, "SIGHUP"):
    SIGNAL_MESSAGES[128 + signal.SIGHUP] = "hung up"


class Terminated(SystemExit):
    """A signal asks this process to end."""

    code: int


class Command(cloup.Command):
    """A command that reports a wrong option as click does: with its usage, and exit code 2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the command line."""
        check_dashes(ctx, args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        named = ctx.params.get("segmenter") is not None
        try:
            with _importing_from_here() if named else contextlib.nullcontext():
                return super().invoke(ctx)
        except ConfigError as error:
            subject = " and ".join(f"`{name}`" for name in error.options)
            message = f"{subject} {error.args[0]}".lstrip()
            raise click.UsageError(_in_one_line(with_flags(message, ctx)), ctx) from error


class Program(cloup.Group):
    """The group of all commands, which turns errors and signals into exit codes."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse what precedes the name of the command."""
        check_dashes(ctx, args)
        return super().parse_args(ctx, args)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the program."""
        try:
            return super().main(*arguments, **options)
        except OSError as error:  # from writing the help or the version
            click.echo(f"Error: {_describe(error)}", err=True)
            sys.exit(1)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        _handle_signals()
        _prepare_stdout()
        try:
            with _showing_log(ctx):
                return super().invoke(ctx)
        except W2VError as error:
            fail(with_flags(str(error), ctx), error.exit_code)
        except MemoryError:
            fail(f"out of memory; {_memory_remedy(ctx)}")
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader of the output has seen enough
                raise
            fail(_describe(error))
        except KeyboardInterrupt:
            _stop(INTERRUPTED, "interrupted")
        except Terminated as error:
            _stop(error.code, SIGNAL_MESSAGES[error.code])


class _LogOnStderr(logging.Handler):
    """Shows what the library logs as a warning, unless it belongs to an event, which is shown."""

    def __init__(self, ctx: click.Context) -> None:
        super().__init__(logging.WARNING)
        self._ctx = ctx

    def emit(self, record: logging.LogRecord) -> None:
        """Show a record in one line."""
        if not hasattr(record, "event"):
            message = record.getMessage().removeprefix("note: ")
            echo_err(f"note: {_in_one_line(with_flags(message, self._ctx))}")


@contextlib.contextmanager
def _showing_log(ctx: click.Context) -> Iterator[None]:
    handler = _LogOnStderr(ctx)
    logger = logging.getLogger("w2v")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


@contextlib.contextmanager
def _importing_from_here() -> Iterator[None]:
    """Let the user name a function of a module in the current directory.

    The directory comes last, so that no file in it takes the place of a module of a package. Where
    a model names the function, as in `w2v encode`, the directory is not searched: model and module
    may have come together from anywhere.
    """
    before = list(sys.path)
    try:
        here = str(Path.cwd())
    except FileNotFoundError:  # it does not exist any more
        here = ""
    if not {here, ""} & set(before):
        sys.path.append(here)
    try:
        yield
    finally:
        sys.path[:] = before


def _memory_remedy(ctx: click.Context) -> str:
    """Return what to do if memory is short, with the options that the command has."""
    command = ctx.command
    if isinstance(command, click.Group) and ctx.invoked_subcommand is not None:
        command = command.commands[ctx.invoked_subcommand]
    names = {parameter.name for parameter in command.params}
    flags = [flag for name, flag in _MEMORY_FLAGS.items() if name in names]
    lower = f"lower {' or '.join(flags)}, or " if flags else ""
    if "limit" in names:
        lower = "read fewer words with --limit, or "
    return f"{lower}free some memory, or use a machine with more"


def fail(message: str, code: int = 1) -> NoReturn:
    """End with an error in one line."""
    click.echo(f"Error: {_in_one_line(message)}", err=True)
    raise click.exceptions.Exit(code)


def _in_one_line(message: str) -> str:
    return " ".join(message.split())


def _describe(error: OSError) -> str:
    """Describe an error of the system; one that names no file comes from standard output."""
    if error.filename is not None:
        return f"{error.filename}: {error.strerror or error}"
    if error.errno is None:  # raised by a package, with its own message
        return str(error)
    if error.errno == errno.ENOENT:
        return "the current directory does not exist any more"
    redirect_to_devnull(sys.stdout)
    return f"cannot write the output: {error.strerror}"


def _handle_signals() -> None:
    """Raise `Terminated` on signals that end a process, unless it ignores them (nohup)."""
    if threading.current_thread() is threading.main_thread():
        for code in SIGNAL_MESSAGES:
            if signal.getsignal(code - 128) is not signal.SIG_IGN:
                signal.signal(code - 128, _terminate)


def _terminate(number: int, _frame: object) -> NoReturn:
    raise Terminated(128 + number)


def _stop(code: int, message: str) -> NoReturn:
    """End after a signal; at once if the compiler, which cannot be interrupted, is running."""
    echo_err(message)
    for stream in (sys.stdout, sys.stderr):
        _flush_or_discard(stream)
    if is_compiling():
        os._exit(code)
    raise click.exceptions.Exit(code)


# Streams. Each may be None if the process was started with it closed.


def _prepare_stdout() -> None:
    """Write UTF-8 whatever the locale, and through a buffer.

    Without a buffer (PYTHONUNBUFFERED) Python ignores that a full disk takes a part of the output.
    """
    stream = sys.stdout
    if not isinstance(stream, io.TextIOWrapper):
        return
    raw = stream.buffer
    if isinstance(raw, io.RawIOBase):
        stream.detach()
        sys.stdout = stream = io.TextIOWrapper(io.BufferedWriter(raw))
    stream.reconfigure(encoding="utf-8")


def require_stdout() -> None:
    """Check, before a command does its work, that it can write a result."""
    if sys.stdout is None:
        message = "cannot write the output: standard output is closed"
        raise OutputError(message)


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output."""
    sys.stdout.writelines(lines)
    sys.stdout.flush()


def echo_err(message: str) -> None:
    """Write a line to standard error, unless the terminal is gone."""
    with contextlib.suppress(OSError):
        click.echo(message, err=True)


def until_broken_pipe(show: Callable[..., None]) -> Callable[..., None]:
    """Return a function that shows reports until that fails: a job must not end for them."""
    broken = False

    def try_to_show(*event: Any) -> None:
        nonlocal broken
        if not broken:
            try:
                show(*event)
            except OSError:
                broken = True
                redirect_to_devnull(sys.stderr)

    return try_to_show


def _flush_or_discard(stream: IO[str] | None) -> None:
    """Write what is in a buffer; without this, Python ends with 120 if the terminal is gone."""
    if stream is not None:
        try:
            stream.flush()
        except OSError:
            redirect_to_devnull(stream)


def redirect_to_devnull(stream: IO[str] | None) -> None:
    """Discard what a stream could not write; Python tries to write it once more at exit."""
    with contextlib.suppress(AttributeError, OSError), Path(os.devnull).open("wb") as devnull:
        os.dup2(devnull.fileno(), stream.fileno())  # type: ignore[union-attr]
