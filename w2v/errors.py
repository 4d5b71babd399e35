"""Exceptions.

    W2VError
    ├── ConfigError (ValueError)           an argument or option
    ├── InputError                         a corpus or file that cannot be read
    ├── VocabularyError                    a corpus without a usable vocabulary
    ├── FormatError (ValueError)           a file that does not match its format
    ├── OutputError                        a result that cannot be written
    │   ├── LockedError                    another process writes the same result
    │   └── DiskFullError                  also a ResourceError
    ├── ResourceError                      too little memory or disk
    │   └── DiskFullError
    ├── DivergenceError                    training produced NaN or infinity
    ├── UnknownWordError (KeyError)        a word that is not in the vocabulary
    └── MissingExtraError (ImportError)    an optional package that is not installed

Each message states what was received, what was expected and what to do. Options stand in it in
backticks, spelled as in Python: `overwrite=True`. The command line prints a message as one line on
stderr, with its options spelled as flags, and exits with ``exit_code``.
"""

from __future__ import annotations

import reprlib

_MAX_SHOWN = 100
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = _MAX_SHOWN


def short_repr(value: object) -> str:
    """Return the repr of a value for an error message: one line of at most 100 characters."""
    try:
        text = " ".join(_SHORT.repr(value).split())
    except ValueError:  # more digits than Python converts
        return "an integer of thousands of digits"
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


class W2VError(Exception):
    """Base class of all errors that this package raises on purpose."""

    exit_code = 1


class ConfigError(W2VError, ValueError):
    """An argument is out of range, has the wrong type, or contradicts another one.

    Args:
        message: the problem. If there is an option, it is the subject of the sentence, and the
            message continues it: ``ConfigError("must be positive", option="lr")``.
        option: the name of the option in Python, or the names of several.

    Attributes:
        options: the names of the options.

    """

    exit_code = 2

    def __init__(self, message: str, *, option: str | tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.options = (option,) if isinstance(option, str) else option

    def __str__(self) -> str:
        """Return the message with its subject, the options as Python spells them."""
        message: str = self.args[0]
        return f"{' and '.join(self.options)} {message}" if self.options else message


class InputError(W2VError):
    """The input cannot be read: it is missing, damaged, not text, or not in UTF-8."""


class VocabularyError(W2VError):
    """The corpus has no usable vocabulary."""


class FormatError(W2VError, ValueError):
    """A file does not match its format."""


class OutputError(W2VError):
    """The result cannot be written."""


class LockedError(OutputError):
    """Another process writes the same result."""


class ResourceError(W2VError):
    """The job needs more memory or disk space than is available."""


class DiskFullError(OutputError, ResourceError):
    """The disk is full, or a quota or the file size limit is reached."""


class DivergenceError(W2VError):
    """Training produced NaN or infinity."""


class UnknownWordError(W2VError, KeyError):
    """A word is not in the vocabulary."""

    def __str__(self) -> str:
        """Return the message; KeyError would return its repr."""
        return str(self.args[0])


class MissingExtraError(W2VError, ImportError):
    """A feature needs an optional package that is not installed.

    Args:
        feature: the feature that needs it.
        extra: the extra that installs it.
        packages: others that the extra does not install.

    """

    def __init__(self, feature: str, extra: str, *packages: str) -> None:
        super().__init__(feature, extra, *packages)
        self.extra = extra

    def __str__(self) -> str:
        """Return the message with the command that installs the package."""
        feature, extra, *packages = self.args
        named = " ".join([f"'w2v[{extra}]'", *packages])
        what = "optional packages" if packages else "an optional package"
        return f"{feature} needs {what}: pip install {named}"


# Earlier names.
NoRoomError = DiskFullError
BusyError = LockedError
