"""Options: the type, range and meaning of an argument, for the command line and for Python."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from w2v.errors import ConfigError, short_repr

# The bound of integers that need no other one: the largest that fits in 64 bits with a sign.
LARGEST = 2**63 - 1

# The value of an option that is chosen for the text.
AUTO = "auto"

_INTEGER = re.compile(r"[+-]?\d+", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Option:
    """The type, the range and the meaning of an option, without its name and default.

    Attributes:
        kind: the type of a value other than ``None``, which may be the default.
        help: the meaning, in a line. Other options stand in backticks.
        group: the heading under which the help lists it.
        low: the lowest value, None if unbounded.
        high: the highest value, None if unbounded.
        low_open: whether ``low`` itself is excluded.
        choices: the possible values of a string.
        canonical: for a string without choices, returns the name under which a value is recorded,
            or None if it is not allowed.
        allowed: the allowed values of such a string, in words.
        metavar: what stands for the value in the help of the command line; by default its type.
        auto: whether ``"auto"`` is accepted, for a value that is chosen for the text.

    """

    kind: type
    help: str
    group: str = ""
    low: int | float | None = None
    high: int | float | None = None
    low_open: bool = False
    choices: tuple[str, ...] = ()
    canonical: Callable[[object], str | None] | None = None
    allowed: str = ""
    metavar: str = ""
    auto: bool = False

    @property
    def expected(self) -> str:
        """The allowed values, in words."""
        return f"{self._expected}, or auto" if self.auto else self._expected

    @property
    def _expected(self) -> str:
        if self.choices:
            return "one of " + ", ".join(self.choices)
        if self.allowed:
            return self.allowed
        if self.kind is bool:
            return "True or False"
        low = None if self.low is None else str(self.low)
        high = (
            "2**63 - 1" if self.high == LARGEST else None if self.high is None else str(self.high)
        )
        number = "an integer" if self.kind is int else "a number"
        if self.kind is float and (low is None or high is None):
            number = "a finite number"
        if low is not None and high is not None and not self.low_open:
            return f"{number} from {low} to {high}"
        bounds = []
        if low is not None:
            bounds.append(f"above {low}" if self.low_open else f"of at least {low}")
        if high is not None:
            bounds.append(f"of at most {high}")
        return f"{number} {' and '.join(bounds)}".strip()

    def accepts(self, value: object) -> bool:
        """Return whether a value has the right type and lies in the range, also one of NumPy."""
        value = plain(value)
        if self.auto and isinstance(value, str) and value == AUTO:
            return True
        if self.choices:
            return isinstance(value, str) and value in self.choices
        if self.canonical is not None:
            return self.canonical(value) is not None
        if self.kind is bool or isinstance(value, bool):
            return self.kind is bool and isinstance(value, bool)
        if not isinstance(value, int if self.kind is int else (int, float)):
            return False
        if self.kind is float and not abs(value) <= sys.float_info.max:  # infinity, NaN or 10**999
            return False
        above = self.low is None or value > self.low or (value == self.low and not self.low_open)
        return above and (self.high is None or value <= self.high)

    def recorded(self, value: object) -> object:
        """Return an allowed value in the form in which it is recorded and compared."""
        value = plain(value)
        return value if self.canonical is None or value is None else self.canonical(value)

    def parse(self, text: str) -> int | float | None:
        """Return the number that a text spells in ASCII without spaces, or None.

        Other spellings that Python accepts, such as 1_000, nan or the digits of other scripts,
        are not numbers here.
        """
        if self.kind is float:
            return float(text) if _DECIMAL.fullmatch(text) else None
        try:
            return int(text) if _INTEGER.fullmatch(text) else None
        except ValueError:  # more digits than Python converts, and than any option needs
            return None

    def check(self, name: str, value: object) -> Any:
        """Check a value and return it as a plain one of Python.

        Raises:
            ConfigError: it has the wrong type or is out of range; the message names the option.

        """
        if not self.accepts(value):
            message = f"must be {self.expected}, got {short_repr(value)}"
            raise ConfigError(message, option=name)
        return plain(value)


def plain(value: object) -> object:
    """Return a scalar of NumPy as a bool, int, float or str, and any other value unchanged.

    JSON cannot hold NumPy's scalars, the small integers among them overflow, and those of float32
    would make a computation less precise. Durations, which NumPy counts as integers, are unchanged.
    """
    numpy = sys.modules.get("numpy")  # whoever has such a scalar has loaded it
    if numpy is None or not isinstance(value, numpy.generic):
        return value
    if isinstance(value, numpy.bool_):
        return bool(value)
    if isinstance(value, numpy.integer) and not isinstance(value, numpy.timedelta64):
        return int(value)
    if isinstance(value, numpy.floating):
        return float(value)
    return str(value) if isinstance(value, numpy.str_) else value


# Arguments other than hyper-parameters that the command line and functions share.
NUMBER = Option(int, "Number of words to list.", low=1)
TOP = Option(int, "Use only this many of the most frequent words in analogies.", low=1)
METHOD = Option(
    str,
    "Answer analogies by the largest cosine with b - a + c (add, 3CosAdd), or by the largest"
    " product of the cosines (mul, 3CosMul).",
    choices=("add", "mul"),
)
WORDS = Option(
    int, "Compare neighbours and vectors of this many of the most frequent common words.", low=2
)
MOVED = Option(int, "List this many of the words whose vectors differ most.", low=0)
CENTER = Option(bool, "Subtract the mean of all vectors.")
REMOVE = Option(
    int, "Remove this many components, the directions in which the vectors vary most.", low=0
)
CONTEXTS = Option(
    float, "Add the context vectors times this weight, before the other steps.", low=0, high=100
)
PADDING = Option(
    str, "Where to pad texts that are shorter than the length.", choices=("post", "pre")
)
ID_TYPE = Option(
    str, "Type of the ids; some layers of PyTorch need int64.", choices=("int32", "int64")
)
LENGTH = Option(
    int,
    "Ids per text; longer texts are truncated, shorter ones padded.  [default: the longest text]",
    low=1,
    high=LARGEST,
)
MAP_WORDS = Option(int, "Number of words on the map, the most frequent ones.", low=1)
LAYOUT = Option(
    str,
    "How words get their places: t-SNE and UMAP (extra w2v[umap]) keep near words near, PCA is "
    "quick but keeps little.",
    choices=("tsne", "umap", "pca"),
)
THREADS = Option(int, "Number of threads.  [default: all cores]", low=1)
SECONDS = Option(float, "Interval between checkpoints; 0 disables them.", low=0)
SWITCH = Option(bool, "True or False.")


def check_path(name: str, value: object) -> None:
    """Check that a value can be a path.

    Raises:
        ConfigError: it is neither a string nor a path object, is empty, or has characters that no
            path can have; the message names the option.

    """
    if not _is_path(value):
        message = f"must be the path of a file or directory, got {short_repr(value)}"
        raise ConfigError(message, option=name)


def _is_path(value: object) -> bool:
    """Return whether the system can take a value as a path. Paths as bytes are rejected."""
    try:
        path = os.fspath(value) if isinstance(value, (str, os.PathLike)) else None
        return isinstance(path, str) and path != "" and "\0" not in path and bool(os.fsencode(path))
    except (TypeError, UnicodeEncodeError):  # TypeError: a broken __fspath__
        return False


def is_ordered_iterable(items: object) -> bool:
    """Return whether items can be iterated in an order of their own.

    Sets have no order, and iterating over mappings and data frames gives their keys.
    """
    unfit = isinstance(items, (Mapping, set, frozenset)) or hasattr(items, "columns")
    return isinstance(items, Iterable) and not unfit and getattr(items, "shape", None) != ()
