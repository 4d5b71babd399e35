"""Arguments and options: their types, their definitions, and their spelling in messages."""

from __future__ import annotations

import ast
import os
import pathlib
import re
import shlex
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
import cloup

from w2v import config
from w2v.errors import short_repr
from w2v.options import AUTO, SECONDS, Option
from w2v.text.definition import TOKENIZER_HINT
from w2v.text.remote import Address, is_url

Command = TypeVar("Command", bound=Callable[..., Any])
Decorator = Callable[[Command], Command]


# Types. The base classes stay unsubscripted: versions of click before 8.2 have no generic types.


class Number(click.ParamType):  # type: ignore[type-arg]
    """A number in the range of an option."""

    def __init__(self, option: Option) -> None:
        self.name = "integer" if option.kind is int else "float"
        self._option = option

    def convert(self, value: Any, param: Any, ctx: Any) -> int | float | str:
        """Return the number, or "auto" where it is accepted; defaults are such values already."""
        if value == AUTO and self._option.auto:
            return AUTO
        number = self._option.parse(value) if isinstance(value, str) else value
        if number is None or not self._option.accepts(number):
            self.fail(f"{short_repr(value)} is not {self._option.expected}.", param, ctx)
        return number


class Name(click.ParamType):  # type: ignore[type-arg]
    """A name that an option allows."""

    name = "name"

    def __init__(self, option: Option) -> None:
        self._option = option

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the name as it is recorded."""
        if not self._option.accepts(value):
            self.fail(f"{short_repr(value)} is not {self._option.expected}.", param, ctx)
        return str(self._option.recorded(value))


class Path(click.ParamType):  # type: ignore[type-arg]
    """A path. An empty one is rejected because it would mean the current directory."""

    name = "path"

    def convert(self, value: Any, param: Any, ctx: Any) -> str:
        """Return the path."""
        if not value:
            self.fail("the path is empty.", param, ctx)
        return str(value)

    def shell_complete(self, ctx: Any, param: Any, incomplete: str) -> list[Any]:  # noqa: ARG002
        """Let the shell complete the names of files and directories."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(incomplete, type="file")]


class Duration(click.ParamType):  # type: ignore[type-arg]
    """A time in seconds, or with a unit: 90, 90s, 10m, 2h."""

    name = "time"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return the seconds."""
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value), re.ASCII)
        if match is None:
            self.fail(f"{short_repr(value)} is not a time such as 90, 90s, 10m or 2h.", param, ctx)
        seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]]
        if not SECONDS.accepts(seconds):
            self.fail(f"{short_repr(value)} is too long.", param, ctx)
        return seconds


# Definitions


def defined(*names: str, option: Option, default: Any = None) -> Decorator[Any]:
    """Return a command-line option with the type and meaning of an `Option`."""
    choices = option.choices
    is_name = option.canonical is not None
    named: Any = Name(option) if is_name else Number(option)
    kind = "NAME" if is_name else option.kind.__name__.upper()
    return cloup.option(
        *names,
        type=click.Choice(choices) if choices else named,
        default=default,
        show_default=default is not None,
        help=_in_flags(option.help),
        metavar=None if choices else option.metavar or kind,
    )


def hyperparameter(name: str) -> Decorator[Any]:
    """Return the command-line option of a hyper-parameter."""
    option, default = config.options()[name], config.DEFAULTS[name]
    if option.kind is not bool:
        return defined(_flag(name), name, option=option, default=default)
    flag = f"{_flag(name)}/--no-{_flag(name)[2:]}" if default is None else _flag(name)
    return cloup.option(flag, name, is_flag=True, default=default, help=_in_flags(option.help))


def hyperparameters(group: str) -> list[Decorator[Any]]:
    """Return the command-line options of all hyper-parameters of a group."""
    return [
        hyperparameter(name) for name, option in config.options().items() if option.group == group
    ]


def apply(*decorators: Decorator[Any]) -> Decorator[Any]:
    """Return one decorator that adds options in the given order."""

    def decorate(command: Command) -> Command:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def corpus_paths(corpus: Iterable[str]) -> list[os.PathLike[str]]:
    """Return the arguments of a command as path objects, which are never taken for text."""
    return [Address(path) if is_url(path) else pathlib.Path(path) for path in corpus]


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def _in_flags(text: str) -> str:
    """Spell the options in backticks of a help text as flags."""
    return re.sub(r"`([a-z_]+)`", lambda match: _flag(match[1]), text)


corpus = cloup.argument("corpus", nargs=-1, required=True, type=Path())
model = cloup.argument("model", type=Path())
vocabulary = cloup.option(
    "--vocab",
    metavar="FILE",
    type=Path(),
    help="Use the vocabulary in FILE, one word per line or the output of `w2v vocab`; row i "
    "belongs to line i.",
)
include = cloup.option(
    "--include",
    multiple=True,
    metavar="PATTERN",
    help="Read only the files of directories whose names match, such as '*.txt'; repeatable.",
)
strict = cloup.option(
    "--strict",
    is_flag=True,
    help="Reject a directory with a file that is not text, instead of skipping the file.",
)


def required_output(text: str) -> Decorator[Any]:
    """Return the option for the path to write, with its help text."""
    return cloup.option("-o", "--output", required=True, metavar="PATH", type=Path(), help=text)


quiet = cloup.option(
    "-q", "--quiet", is_flag=True, help="Print only errors, and warnings about the data."
)
overwrite = cloup.option("--overwrite", is_flag=True, help="Replace an existing file or directory.")


def work_dir(default: str) -> Decorator[Any]:
    """Return the option for the directory of temporary files."""
    text = f"Directory for temporary files.  [default: {default}]"
    return cloup.option("--work-dir", metavar="DIR", type=Path(), help=text)


def is_given(name: str) -> bool:
    """Return whether the current command line sets an option."""
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


# Messages

# What the command line does in another way than Python.
_HINTS = {TOKENIZER_HINT: "run w2v convert with `tokenizer='unicode'` (or 'whitespace')"}
_OPTION_IN_MESSAGE = re.compile(r"`([a-z_]+)(?:=([^`]*))?`")


def with_flags(message: str, ctx: click.Context) -> str:
    """Return an error message with its options spelled as flags.

    Messages name options in backticks, as Python spells them: `rows='pad'` becomes --rows pad.

    Args:
        message: the message of an error.
        ctx: the context of the command that failed, or of the program that invoked it. The options
            of that command take precedence over those of other commands.

    """
    program = ctx.find_root().command
    commands = list(program.commands.values()) if isinstance(program, click.Group) else []
    invoked = ctx.invoked_subcommand
    commands.sort(key=lambda command: command is not ctx.command and command.name != invoked)

    for in_python, in_commands in _HINTS.items():
        message = message.replace(in_python, in_commands)

    def spell(match: re.Match[str]) -> str:
        name, value = match.groups()
        flag = _find_flag(name, commands)
        if flag is None:
            return name if value is None else f"{name}={value}"
        return _spell_flag(flag, value)

    return _OPTION_IN_MESSAGE.sub(spell, message)


def _spell_flag(flag: click.Option, value: str | None) -> str:
    """Return a flag with the repr of a value, as one would type it."""
    name = flag.opts[-1]
    if value in (None, "True"):
        return name
    if value == "None":
        return f"the default of {name}"
    if value == "False":
        return flag.secondary_opts[-1] if flag.secondary_opts else f"no {name}"
    try:
        value = str(ast.literal_eval(value))
    except (SyntaxError, ValueError):  # a shortened repr
        return f"{name} {value}"
    return shlex.join([name, value])


def _find_flag(name: str, commands: list[click.Command]) -> click.Option | None:
    """Return the option of a name, of the first command that has one."""
    for command in commands:
        for parameter in command.params:
            if isinstance(parameter, click.Option) and parameter.name == name:
                return parameter
    return None
