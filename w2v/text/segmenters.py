"""Segmenters: functions that split a line into words, for languages written without blanks.

A segmenter takes a line, without its end, and returns its words in order as strings. The tokenizer
then splits each of these as if it stood alone, so it drops punctuation and writes words in their
usual form. A name stands for a segmenter, in the options of a training and in what a model records:

- a built-in name, such as ``jieba``, whose package an extra installs
- the name of an entry point of the group `GROUP`, with which other packages add segmenters
- ``package.module:function``
- the name that `w2v.system.functions` gives to a function which was passed itself

The processes that segment text import this module, so it loads nothing else of weight.
"""

from __future__ import annotations

import difflib
import importlib.util
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import metadata
from typing import Any, NamedTuple

from w2v.errors import ConfigError, InputError, MissingExtraError, W2VError, short_repr
from w2v.system import functions
from w2v.text.normal import TOKEN_SEPARATOR

GROUP = "w2v.segmenters"
"""The group of entry points."""

Segment = Callable[[str], Iterable[str]]

_BUILT_IN_MODULE = "w2v.text.built_in_segmenters"
_LINE_ENDS = re.compile(r"[\r\n]+")
# Lone surrogates, which also stand for the bytes that are not UTF-8. They separate words.
_NOT_UNICODE = re.compile("[\ud800-\udfff]+")


class BuiltIn(NamedTuple):
    """A segmenter with a name of its own, which is also that of its extra.

    Attributes:
        language: that it is for.
        modules: that must be installed.
        package: whose version is recorded.

    """

    language: str
    modules: tuple[str, ...]
    package: str


BUILT_IN = {
    "jieba": BuiltIn("Chinese", ("jieba",), "jieba"),
    "rjieba": BuiltIn("Chinese", ("rjieba",), "rjieba"),
    "sudachi": BuiltIn("Japanese", ("sudachipy", "sudachidict_core"), "sudachipy"),
    "fugashi": BuiltIn("Japanese", ("fugashi", "unidic_lite"), "fugashi"),
    "pythainlp": BuiltIn("Thai", ("pythainlp",), "pythainlp"),
    "kiwi": BuiltIn("Korean", ("kiwipiepy",), "kiwipiepy"),
}


@dataclass(frozen=True)
class Segmenter:
    """A segmenter that is ready for use.

    Attributes:
        name: of the segmenter.
        function: the function.
        skips_ascii: whether lines of ASCII only are left to the tokenizer. Those that know other
            scripts have nothing to add there, and would take most of the time for English text.

    """

    name: str
    function: Segment
    skips_ascii: bool

    def segment_bytes(self, block: bytes | bytearray) -> bytes:
        """Segment the lines of a text in UTF-8; bytes that are not UTF-8 become spaces."""
        if self.skips_ascii and block.isascii():
            return bytes(block)
        text = self.segment(block.decode("utf-8", "surrogateescape"))
        return text.encode("utf-8", "surrogatepass")

    def segment(self, text: str) -> str:
        """Return a text with a separator between the segments of each line.

        Raises:
            InputError: the segmenter raises an error.
            ConfigError: it returns something else than strings.

        """
        if self.skips_ascii and text.isascii():
            return text
        text = _NOT_UNICODE.sub(" ", text)
        parts = []
        start = 0
        for end in _LINE_ENDS.finditer(text):
            parts += [self._segment_line(text[start : end.start()]), end[0]]
            start = end.end()
        parts.append(self._segment_line(text[start:]))
        return "".join(parts)

    def _segment_line(self, line: str) -> str:
        if not line or (self.skips_ascii and line.isascii()):
            return line
        try:
            found: Any = self.function(line)
            # An iterator may raise as well.
            segments = found if isinstance(found, (str, bytes)) else _as_list(found)
        except W2VError:
            raise
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            message = (
                f"the segmenter {self.name!r} failed with {reason}; the line is {short_repr(line)}"
            )
            raise InputError(message) from error
        if not isinstance(segments, list):
            raise self._wrong_result(found, line)
        try:
            segmented = TOKEN_SEPARATOR.join(segments)
        except TypeError:
            wrong = next(segment for segment in segments if not isinstance(segment, str))
            raise self._wrong_result(wrong, line, "a list with ") from None
        return _LINE_ENDS.sub(TOKEN_SEPARATOR, segmented)

    def _wrong_result(self, found: object, line: str, prefix: str = "") -> ConfigError:
        remedy = "; return text.split(), not the text" if isinstance(found, str) else ""
        return ConfigError(
            f"the segmenter {self.name!r} must return the words of a line as a list of strings, "
            f"got {prefix}{short_repr(found)} for the line {short_repr(line)}{remedy}"
        )


def _as_list(found: object) -> object:
    return list(found) if isinstance(found, Iterable) else found


def load(name: str) -> Segmenter:
    """Return the segmenter of a name, from this process or imported.

    Raises:
        ConfigError: there is none of the name, or it is not a function.
        MissingExtraError: its package is not installed.

    """
    function: Any = functions.find_passed(name)
    skips_ascii = False
    if function is not None:
        pass
    elif functions.is_lost(name):
        raise _lost(name)
    elif functions.SEPARATOR in name:
        function = _import(name)
    elif name in BUILT_IN:
        if not is_installed(name):
            raise MissingExtraError(f"the segmenter {name!r}", name)
        function = getattr(importlib.import_module(_BUILT_IN_MODULE), name)
        skips_ascii = True
    else:
        function = _import(_entry_point(name).value)
    if not callable(function) or isinstance(function, type):
        message = (
            f"the segmenter {name!r} is {short_repr(function)}: expected a function that takes a "
            "line and returns its words"
        )
        raise ConfigError(message)
    return Segmenter(name, function, skips_ascii)


def is_installed(name: str) -> bool:
    """Return whether the package of a built-in segmenter is installed."""
    return all(importlib.util.find_spec(module) is not None for module in BUILT_IN[name].modules)


def version(name: str) -> str | None:
    """Return the version of the package of a segmenter, if it has one."""
    if name in BUILT_IN:
        package: str | None = BUILT_IN[name].package
    elif functions.SEPARATOR in name:
        package = name.partition(functions.SEPARATOR)[0].partition(".")[0]
    else:
        found = _entry_points().get(name)
        package = None if found is None or found.dist is None else found.dist.name
    try:
        return None if package is None else metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def recommend(*names: str) -> str:
    """Return an option with one of some built-in segmenters, and how to install its package.

    The first one that is installed is chosen, else the first one.
    """
    name = next(filter(is_installed, names), None)
    if name is not None:
        return f"`segmenter={name!r}`"
    return f"`segmenter={names[0]!r}` (pip install 'w2v[{names[0]}]')"


def _entry_points() -> dict[str, metadata.EntryPoint]:
    return {entry.name: entry for entry in metadata.entry_points(group=GROUP)}


def _entry_point(name: str) -> metadata.EntryPoint:
    known = _entry_points()
    if name in known:
        return known[name]
    names = sorted({*BUILT_IN, *known})
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]!r}? The known ones are" if near else "expected one of"
    message = (
        f"there is no segmenter {name!r}: {hint} {', '.join(names)}; or name a function of your "
        "own, as in `segmenter='package.module:function'`"
    )
    raise ConfigError(message)


def is_in_standard_library(name: str) -> bool:
    """Return whether ``module:function`` names a function of Python itself."""
    module = name.partition(functions.SEPARATOR)[0].partition(".")[0]
    return module in sys.stdlib_module_names and module != "__main__"


def _import(name: str) -> Any:
    if is_in_standard_library(name):
        # A model may come from anywhere. It must not choose what, say, os:system makes of a text.
        message = (
            f"the segmenter {name!r} is in the standard library, which has none; name a function "
            "of your own, as in `segmenter='package.module:function'`"
        )
        raise ConfigError(message)
    try:
        return functions.import_function(name)
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        message = (
            f"the segmenter {name!r} cannot be imported: {reason}; check the name, and that its "
            "module is installed or in a directory of PYTHONPATH"
        )
        raise ConfigError(message) from error


def _lost(name: str) -> ConfigError:
    return ConfigError(
        f"the segmenter {name!r} was a function of the process that trained the model, and cannot "
        "be found by its name; pass lists of words, or put the function into a module and record "
        "it: embeddings.meta['tokenizer']['segmenter'] = 'module:function'"
    )
