"""Text in the columns of a terminal: invisible characters are shown, and wide ones count twice."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

from w2v.text.normal import TOKEN_SEPARATOR

_INVISIBLE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
_NO_WIDTH = {"Mn", "Me"}
_MORE = "..."


def visible(text: str) -> str:
    """Return a text in one line, with invisible characters as code points: ``[U+200B]``."""
    return "".join(map(_shown, text))


def _shown(character: str) -> str:
    if character == TOKEN_SEPARATOR or character.isspace():
        is_plain = character in "\t\n\r " + TOKEN_SEPARATOR
        return " " if is_plain or unicodedata.category(character) == "Zs" else notation(character)
    if unicodedata.category(character) in _INVISIBLE or character == "\ufffd":
        return notation(character)
    return character


def notation(character: str) -> str:
    """Return the code point of a character in brackets."""
    return f"[U+{ord(character):04X}]"


def columns(text: str) -> int:
    """Return the columns that a text takes."""
    return sum(map(_columns, text))


def _columns(character: str) -> int:
    if character < "\u0300":
        return 1
    if unicodedata.category(character) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def shorten(text: str, width: int) -> str:
    """Cut a text to a width, with three dots for the rest."""
    if columns(text) <= width:
        return text
    used = len(_MORE)
    kept = []
    for character in text:
        used += _columns(character)
        if used > width:
            break
        kept.append(character)
    return "".join(kept).rstrip() + _MORE


def wrap(parts: Iterable[str], width: int, separator: str = " ") -> Iterator[str]:
    """Yield lines of parts that are not broken, unless one is wider than a line."""
    line = ""
    for part in parts:
        joined = f"{line}{separator}{part}" if line else part
        if line and columns(joined) > width:
            yield line.rstrip()
            joined = part
        line = joined
    if line:
        yield line
