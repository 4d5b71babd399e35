"""Everything that can go wrong, as one small tree.

Each message says what was received, what was expected and what to do about it. The command
line turns any of them into one line on stderr and the exit code given here.
"""

from __future__ import annotations


class W2VError(Exception):
    """Base of every error this package raises on purpose."""

    exit_code = 1


class ConfigError(W2VError, ValueError):
    """An option is out of range, of the wrong type, or contradicts another one."""

    exit_code = 2


class InputError(W2VError):
    """The text cannot be read: missing, not text, damaged or in an encoding other than UTF-8."""


class VocabularyError(W2VError):
    """The text was read, but no usable vocabulary came of it."""


class FormatError(W2VError, ValueError):
    """A file is not what its format says it should be."""


class OutputError(W2VError):
    """The result cannot be put where it was asked for."""


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
