"""Everything that can go wrong, as one small tree.

Each message says what was received, what was expected and what to do about it. The command
line turns any of them into one line on stderr and the exit code given here.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from dataclasses import dataclass

_MOST_SHOWN = 100
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = _MOST_SHOWN


@dataclass(frozen=True)
class Named:
    """An option, as an error names it: ``dim`` in Python, ``--dim`` on the command line."""

    option: str

    def __str__(self) -> str:
        """Name it as Python does."""
        return self.option


@dataclass(frozen=True)
class Given(Named):
    """An option with its value: ``dim=9`` in Python, ``--dim 9`` on the command line."""

    value: object

    def __str__(self) -> str:
        """Write it as Python does."""
        return f"{self.option}={shown(self.value)}"


def shown(value: object) -> str:
    """Return a value as errors show it: in one line, and in part if it is long."""
    try:
        text = " ".join(_SHORT.repr(value).split())
    except ValueError:  # more digits than Python writes
        return "a whole number of thousands of digits"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


class W2VError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 1


class ConfigError(W2VError, ValueError):
    """An option is out of range, of the wrong type, or contradicts another one.

    Args:
        text: what is wrong. If there are fields, they stand in it as ``str.format`` has it.
        fields: options that are `Named` or `Given`, and other values.

    """

    exit_code = 2

    def __init__(self, text: str, **fields: object) -> None:
        self._text = text
        self._fields = fields
        super().__init__(self.spelled(str))

    @property
    def options(self) -> tuple[str, ...]:
        """The options it is about, as Python names them."""
        named = (value.option for value in self._fields.values() if isinstance(value, Named))
        return tuple(dict.fromkeys(named))

    def spelled(self, spell: Callable[[Named], str]) -> str:
        """Return the message with its options in another spelling."""
        if not self._fields:
            return self._text
        fields = {
            name: spell(value) if isinstance(value, Named) else value
            for name, value in self._fields.items()
        }
        return self._text.format(**fields)


class InputError(W2VError):
    """The text cannot be read: missing, not text, damaged or in an encoding other than UTF-8."""


class VocabularyError(W2VError):
    """The text was read, but no usable vocabulary came of it."""


class FormatError(W2VError, ValueError):
    """A file is not what its format says it should be."""


class OutputError(W2VError):
    """The result cannot be put where it was asked for."""


class BusyError(OutputError):
    """Another process is at work on the same result."""


class ResourceError(W2VError):
    """The job needs more memory or disk than there is."""


class NoRoomError(OutputError, ResourceError):
    """The disk, the quota on it or the limit on a file's size has no room for what is written."""


class DivergenceError(W2VError):
    """Training produced infinity or NaN."""


class UnknownWordError(W2VError, KeyError):
    """A word is not in the vocabulary."""

    def __str__(self) -> str:  # KeyError would show the repr of the message
        return str(self.args[0])


class MissingExtraError(W2VError, ImportError):
    """A feature needs an optional package that is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs an optional package: pip install 'w2v[{extra}]'")
