"""Long options with a single dash, which click takes for short options.

Of ``-output v.bin`` click makes ``-o utput``, and v.bin one more file to train on. The value of a
short option may be attached to it, as in ``-n5``, unless the two look like a long option.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

_SIMILAR = 0.8  # the least ratio of difflib for a misspelled option
# Typographic dashes that editors and web pages substitute for --.
_OTHER_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"

Flags = dict[str, click.Option]


def flags_of(ctx: click.Context) -> Flags:
    """Return the options of a command by their spellings."""
    return {
        flag: parameter
        for parameter in ctx.command.get_params(ctx)
        if isinstance(parameter, click.Option)
        for flag in (*parameter.opts, *parameter.secondary_opts)
    }


def check_dashes(ctx: click.Context, arguments: Iterable[str]) -> None:
    """Check that every long option in a command line begins with two dashes.

    Raises:
        click.UsageError: one does not; the message has the right spelling.

    """
    flags = flags_of(ctx)
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            return  # only operands follow
        problem = _problem(argument, flags)
        if problem is not None:
            raise click.UsageError(f"No such option: {argument}. {problem}", ctx)
        if not argument.startswith("-") and not ctx.allow_interspersed_args:
            return  # a subcommand, which checks what follows
        if _takes_next(argument, flags):
            next(rest, None)


def _problem(argument: str, flags: Flags) -> str | None:
    """Return the right spelling of a long option that lacks a dash, in a sentence, or None."""
    dashes = len(argument) - len(argument.lstrip(f"-{_OTHER_DASHES}"))
    name, equals, value = argument[dashes:].partition("=")
    if dashes == 0 or not name or argument.startswith("--"):
        return None
    short = flags.get(f"-{name}") if argument.startswith("-") else None
    if short is not None:  # one letter
        takes_equals = equals and not short.is_flag
        return f"Write -{name} {value}, with a space." if takes_equals else None
    near = _nearest(name, flags)
    if near is None:
        return None
    hint = f"Did you mean {near}?"
    letter = flags.get(argument[:2])
    if letter is not None and not letter.is_flag:
        hint += f" For {argument[:2]} with a value, write {argument[:2]} {argument[2:]}."
    return hint


def _nearest(name: str, flags: Flags) -> str | None:
    """Return the long option that a name without dashes stands for, if any."""
    known = {flag[2:]: flag for flag in flags if flag.startswith("--")}
    written = name.replace("_", "-")
    if written in known:
        return known[written]
    begun = [long for long in known if len(written) > 1 and long.startswith(written)]
    import difflib  # only after a mistake

    similar = difflib.get_close_matches(written, known, n=1, cutoff=_SIMILAR)
    return next((known[long] for long in (*begun, *similar)), None)


def _takes_next(argument: str, flags: Flags) -> bool:
    """Return whether the value of an option is the next argument."""
    names = [argument] if argument.startswith("--") else [f"-{letter}" for letter in argument[1:]]
    if not argument.startswith("-"):
        return False
    for position, name in enumerate(names, 1):
        option = flags.get(name)
        if option is not None and not option.is_flag:
            return position == len(names)  # else the value is attached
    return False
