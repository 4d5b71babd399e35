"""Results on a terminal: aligned tables with bars and colors."""

from __future__ import annotations

import locale
import os
import shutil
import sys
import unicodedata
from typing import TYPE_CHECKING

import click

from w2v.text.display import columns, shorten, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

_BAR_COLUMNS = 20
_EIGHTHS = " ▏▎▍▌▋▊▉"
_FULL = "█"
_LEAST_WORD_COLUMNS = 12
_RIGHT_TO_LEFT = {"R", "AL"}
# Around a word written from right to left, so that it does not reorder what stands beside it.
_ISOLATE, _END_ISOLATE = "\u2068", "\u2069"


def is_terminal() -> bool:
    """Return whether standard output is a terminal, not a pipe or a file."""
    return sys.stdout is not None and sys.stdout.isatty()


def has_colors() -> bool:
    """Return whether standard output shows colors: a terminal, and NO_COLOR is not set."""
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def shows_unicode() -> bool:
    """Return whether the locale is one of UTF-8, so that block characters can be shown.

    The encoding of standard output does not tell, since commands write UTF-8 in any locale.
    """
    return locale.getencoding().lower().replace("-", "").replace("_", "") == "utf8"


def echo(text: str) -> None:
    """Print a line, with colors only where they are shown."""
    click.echo(text, color=has_colors())


def bar(value: float) -> str:
    """Return a bar for a value from 0 to 1, in steps of an eighth of a column."""
    value = min(max(value, 0.0), 1.0)
    if not shows_unicode():
        return "#" * round(value * _BAR_COLUMNS)
    full, eighths = divmod(round(value * _BAR_COLUMNS * 8), 8)
    return (_FULL * full + _EIGHTHS[eighths]).rstrip()


def isolated(word: str) -> str:
    """Return a word as it can be shown in a line of any direction."""
    shown = visible(word)
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in shown):
        return f"{_ISOLATE}{shown}{_END_ISOLATE}"
    return shown


def cosine_table(rows: Sequence[tuple[str, float]], marked: str | None = None) -> list[str]:
    """Return lines of words and cosines with bars, aligned; one word may be marked."""
    free = shutil.get_terminal_size().columns - len("  ") - len("  -0.1234  ") - _BAR_COLUMNS - 1
    width = max([columns(visible(word)) for word, _ in rows], default=0)
    width = min(width, max(free, _LEAST_WORD_COLUMNS))
    lines = []
    for word, cosine in rows:
        shown = isolated(shorten(visible(word), width))
        blanks = " " * (width - columns(shown.strip(_ISOLATE + _END_ISOLATE)))
        name = click.style(shown, fg="yellow", bold=True) if word == marked else shown
        filled = bar(cosine) and click.style(bar(cosine), fg="cyan")
        lines.append(f"  {name}{blanks}  {cosine:7.4f}" + (f"  {filled}" if filled else ""))
    return lines


def heading(text: str) -> str:
    """Return the heading of a table."""
    return click.style(isolated(text), bold=True)
