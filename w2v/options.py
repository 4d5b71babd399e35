"""Options: the type, range and meaning of an argument, for the command line and for Python."""

from __future__ import annotations

import numbers
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from w2v.errors import ConfigError, short_repr

# Numbers that need no other bound have one all the same, which NumPy can hold.
LARGEST = 2**63 - 1


_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)


_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Option:
    """What is known of a hyper-parameter, or of another option, besides its name and default.

    Bounds are inclusive, ``low`` exclusive if ``low_open``; ``None`` means unbounded. ``kind``
    is the type of a value that is given, whether or not ``None`` is the default.
    """

    kind: type
    help: str
    group: Literal["text", "training", "other"] = "other"
    low: int | float | None = None
    high: int | float | None = None
    low_open: bool = False
    choices: tuple[str, ...] = ()

    @property
    def expected(self) -> str:
        """The values that are allowed, in words."""
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.kind is bool:
            return "True or False"
        kind = "a whole number" if self.kind is int else "a number"
        if self.kind is float and (self.low is None or self.high is None):
            kind = "a finite number"
        bounds = []
        if self.low is not None:
            bounds.append(f"{'above' if self.low_open else 'at least'} {self.low}")
        if self.high is not None:
            bounds.append(f"at most {self.high}")
        return f"{kind} {' and '.join(bounds)}".strip()

    def accepts(self, value: object) -> bool:
        """Whether ``value`` has the right type and lies in the range."""
        if self.choices:
            return isinstance(value, str) and value in self.choices
        if self.kind is bool or isinstance(value, bool):
            return self.kind is bool and isinstance(value, bool)
        if not isinstance(value, int if self.kind is int else (int, float)):
            return False
        if self.kind is float and not abs(value) <= sys.float_info.max:  # infinity, NaN or 10**999
            return False
        above = self.low is None or value > self.low or (value == self.low and not self.low_open)
        return above and (self.high is None or value <= self.high)

    def read(self, text: str) -> int | float | None:
        """Return the number that a text is, in ASCII without spaces, None if it is none.

        What Python takes besides, such as 1_000, other scripts' digits, nan and inf, is none.
        """
        if self.kind is float:
            return float(text) if _DECIMAL.fullmatch(text) else None
        try:
            return int(text) if _WHOLE.fullmatch(text) else None
        except ValueError:  # more digits than Python reads; no option takes so many
            return None

    def check(self, name: str, value: object) -> None:
        """Refuse a value.

        Raises:
            ConfigError: it has the wrong type or is out of range; the message names the option.

        """
        if not self.accepts(plain_integer(value) if self.kind is int else value):
            message = f"must be {self.expected}, got {short_repr(value)}"
            raise ConfigError(message, option=name)


def plain_integer(value: object) -> object:
    """Return a whole number as Python's own, for NumPy's are not JSON's; all else as it is."""
    if isinstance(value, numbers.Integral) and not isinstance(value, int):
        return int(value)
    return value


# Options that are no hyper-parameters, of the command line and of functions.
NUMBER = Option(int, "Words to list.", low=1)


TOP = Option(int, "Ask and answer analogies among this many of the most frequent words.", low=1)


LENGTH = Option(
    int,
    "Ids of each text; longer ones are cut, shorter ones padded.  [default: the longest]",
    low=1,
    high=LARGEST,
)


SECONDS = Option(float, "Keep the training beside MODEL this often; 0 for never.", low=0)


SWITCH = Option(bool, "Whether or not.")


def check_path(name: str, value: object) -> None:
    """Refuse what can be no path.

    Raises:
        ConfigError: it is neither a string nor a path object, is empty, or has characters in it
            that no path has; the message names the option.

    """
    if not _is_path(value):
        message = f"must be the path of a file or directory, got {short_repr(value)}"
        raise ConfigError(message, option=name)


def _is_path(value: object) -> bool:
    """Whether a system could take a value for a path; bytes are none."""
    try:
        path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
        return isinstance(path, str) and path != "" and "\0" not in path and bool(os.fsencode(path))
    except (TypeError, UnicodeEncodeError):  # TypeError: what calls itself a path gives none
        return False


def is_ordered_iterable(items: object) -> bool:
    """Whether items can be walked, and in an order.

    Sets have none, and of mappings and tables Python would go through the names.
    """
    unfit = isinstance(items, (Mapping, set, frozenset)) or hasattr(items, "columns")
    return isinstance(items, Iterable) and not unfit and getattr(items, "shape", None) != ()
