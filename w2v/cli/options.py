"""Options of the command line: their types, their definitions, and their flags in messages."""

from __future__ import annotations

import ast
import re
import shlex

import click

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
