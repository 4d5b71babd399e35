"""Python objects as a corpus: paths, strings or lists of tokens, detected from the first items."""

from __future__ import annotations

import io
import itertools
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from w2v.errors import InputError, VocabularyError, short_repr
from w2v.events import Notice
from w2v.options import is_ordered_iterable
from w2v.text import blocks
from w2v.text.blocks import Block, LastBoundary, split_blocks
from w2v.text.files import STDIN
from w2v.text.normal import TOKEN_SEPARATOR
from w2v.text.remote import is_url
from w2v.text.validity import ByteCounts

_PEEKED = 1000  # strings that are looked at, at most, to tell paths from text
_PEEKED_LISTS = 100
_LONGEST_PATH = 4096  # characters

_SUFFIX = re.compile(r"\.(?=\w*[a-z])\w{1,8}", re.ASCII | re.IGNORECASE)
_TEXT_SUFFIXES = {
    *(".txt", ".text", ".csv", ".tsv", ".json", ".jsonl", ".md", ".log", ".xml", ".html", ".htm"),
    *(".gz", ".bz2", ".xz", ".zst", ".lzma", ".parquet", ".conllu", ".dat"),
}
_TOKENS_REMEDY = "if it is text, pass lists of tokens: [line.split() for line in lines]"

# Tokens like these are sentences: most have spaces, and this many words on average.
_SENTENCE_WORDS = 3
_LONGEST_WORD = 40


class IterableSource:
    """The text of Python objects: strings, or lists of tokens.

    A string is one or several lines; a list of tokens is one line.

    Raises:
        InputError: an item is neither, or a token contains a line end.

    """

    files = 0
    total_bytes: int | None = None
    checked = None

    def __init__(self, lines: Iterable[Any]) -> None:
        iterator = iter(lines)
        first = list(itertools.islice(iterator, 1))
        self.tokenized = bool(first) and not isinstance(first[0], str)
        self.done_bytes = 0
        self._is_empty = not first
        self._lines = itertools.chain(first, iterator)

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Yield the text of the objects; see `TextSource.blocks`.

        Raises:
            VocabularyError: there are no objects, maybe because no file matches a pattern.

        """
        if self._is_empty:
            message = (
                "the corpus has no words: it has no items; if they come from a pattern or a "
                "directory, check that"
            )
            raise VocabularyError(message)
        pending = bytearray()
        for number, line in enumerate(self._lines):
            try:
                pending += self._text(line, number).encode()
            except UnicodeEncodeError as error:
                message = f"item {number} of the corpus is not valid Unicode: {error}"
                raise InputError(message) from error
            pending += b"\n"
            if len(pending) >= blocks.BLOCK_BYTES:
                yield from self._split(bytes(pending), last_boundary)
                pending.clear()
        yield from self._split(bytes(pending), last_boundary)

    def check(self, counts: ByteCounts) -> None:
        """Accept any block: strings are valid Unicode."""

    def finish(self) -> list[Notice]:
        """Return no notice."""
        return []

    def _split(self, text: bytes, last_boundary: LastBoundary) -> Iterator[Block]:
        self.done_bytes += len(text)
        if self.tokenized:
            yield text
        else:
            yield from split_blocks(io.BytesIO(text), last_boundary)

    def _text(self, line: object, number: int) -> str:
        if isinstance(line, str) and not self.tokenized:
            return line
        if not _is_list(line):
            raise InputError(f"item {number} of the corpus {self._mismatch(line)}")
        if not self.tokenized:
            message = (
                f"item {number} of the corpus is a {_kind(line)}, but the first one is not: pass "
                "strings only, or lists of tokens only"
            )
            raise InputError(message)
        tokens = list(cast("Iterable[Any]", line))
        for token in tokens:
            if not isinstance(token, str):
                message = f"item {number} of the corpus contains {_wrong_token(token)}"
                raise InputError(message)
            if "\n" in token or TOKEN_SEPARATOR in token:
                message = (
                    f"token {token!r} in item {number} of the corpus contains a line end or U+001F"
                )
                raise InputError(message)
        return TOKEN_SEPARATOR.join(tokens)

    def _mismatch(self, line: object) -> str:
        """Describe an item that is neither text nor a list of tokens, or not as the first one."""
        if isinstance(line, str):
            return "is a str, but the first one is not: pass strings only, or lists of tokens only"
        expected = "expected a string, or a list of tokens"
        if _is_bytes(line):
            return f"is bytes: {expected}; decode it, for example with line.decode('utf-8')"
        if isinstance(line, Mapping):
            keys = ", ".join(short_repr(key) for key in itertools.islice(line, 5))
            texts = [key for key, value in line.items() if isinstance(value, str)]
            longest = max(texts, key=lambda key: len(line[key]), default=None)
            which = f": [row[{short_repr(longest)}] for row in corpus]" * (longest is not None)
            return (
                f"is a {_kind(line)} with the keys {keys}: {expected}; pass one of its values"
                f"{which}"
            )
        if hasattr(line, "read"):
            return f"is a file: {expected}; pass the paths of files instead"
        missing = line is None or (isinstance(line, float) and math.isnan(line))
        remedy = "; leave out missing values" if missing else ""
        return f"is {short_repr(line)}: {expected}{remedy}"


def _wrong_token(token: object) -> str:
    if _is_list(token):
        return (
            f"the {_kind(token)} {short_repr(token)}: expected strings; for documents of "
            "sentences, pass the sentences: [sentence for document in corpus for sentence in "
            "document]"
        )
    return f"{short_repr(token)}: expected a string, or a list of strings"


def _kind(value: object) -> str:
    return type(value).__name__


def _is_list(value: object) -> bool:
    """Return whether a value may be a list of tokens."""
    other = isinstance(value, str) or _is_bytes(value) or hasattr(value, "read")
    return is_ordered_iterable(value) and not other


def _is_bytes(value: object) -> bool:
    return isinstance(value, (bytes, bytearray, memoryview))


def check_path_or_text(corpus: str) -> None:
    """Check that a string that is given as a corpus can be a path and not a text.

    Raises:
        InputError: it has line ends, or more characters than a path can have; or it has spaces and
            names no file.

    """
    if "\n" in corpus or len(corpus) >= _LONGEST_PATH:
        message = (
            f"the corpus is a string of {len(corpus):,} characters, {short_repr(corpus[:40])}...: "
            "a string is the path of a file or directory; pass a text as a list of its lines: "
            "text.splitlines()"
        )
        raise InputError(message)
    if " " in corpus and not is_url(corpus) and not _exists(corpus):
        message = (
            f"cannot read {corpus}: No such file or directory; a string is the path of a file or "
            "directory, so if it is a text, pass a list of its lines"
        )
        raise InputError(message)


def require_corpus_type(corpus: object) -> None:
    """Check that a corpus that is no path can be iterated.

    Raises:
        InputError: it cannot, or not in an order of its own; the message says what to pass.

    """
    if not _is_bytes(corpus) and is_ordered_iterable(corpus):
        return
    remedy = ""
    columns = getattr(corpus, "columns", None)
    if _is_bytes(corpus):
        remedy = "; decode it first"
    elif isinstance(corpus, Mapping):
        remedy = "; pass its values"
    elif isinstance(corpus, (set, frozenset)):
        remedy = "; a set has no order, so pass sorted(corpus)"
    elif columns is not None:
        names = ", ".join(short_repr(name) for name in itertools.islice(columns, 5))
        remedy = f"; pass one column, such as corpus[{names.partition(', ')[0]}], of {names}"
    message = (
        f"the corpus is a {_kind(corpus)}: expected a path, a list of paths, or an iterable of "
        f"strings or lists of tokens{remedy}"
    )
    raise InputError(message)


def tell_paths_from_text(corpus: Iterable[Any]) -> tuple[bool, Iterable[Any]]:
    """Return whether the items of a corpus are paths, and the items.

    Path objects are paths. Strings are paths if the first one exists, or all look like paths, and
    each exists or is an address; otherwise they are lines of text.

    Raises:
        InputError: strings that seem to be paths do not exist; or lists seem to hold sentences.

    """
    iterator = iter(corpus)
    peeked = list(itertools.islice(iterator, 1))
    items = itertools.chain(peeked, iterator)
    for first in peeked:
        if isinstance(first, os.PathLike):
            return True, items
        if isinstance(first, str):
            return _strings(items)
        if _is_list(first):
            return False, _lists(items)
    return False, items


def _strings(items: Iterator[Any]) -> tuple[bool, Iterable[Any]]:
    """Return whether strings are paths, and the items."""
    peeked: list[Any] = []
    existing: list[Any] = []
    missing: list[Any] = []
    for item in itertools.islice(items, _PEEKED):
        peeked.append(item)
        if not isinstance(item, (str, os.PathLike)):
            break
        name = os.fspath(item)
        if _exists(name):
            existing.append(name)
        elif not _is_address(item):
            missing.append(name)
            if isinstance(item, str) and not _looks_like_path(item):
                break
    else:
        if peeked and not missing:
            return True, itertools.chain(peeked, items)
        if peeked:
            raise InputError(_missing_paths(missing[0], existing))
    if existing[:1] == peeked[:1] and missing:
        raise InputError(_missing_paths(missing[0], existing))
    return False, itertools.chain(peeked, items)


def _missing_paths(missing: str, existing: list[str]) -> str:
    if existing:
        found = f"{short_repr(existing[0])} of the corpus is a file or directory"
        return (
            f"{found}, but {short_repr(missing)} does not exist; pass only paths that exist, or, "
            f"{_TOKENS_REMEDY}"
        )
    return (
        f"the strings of the corpus look like paths, but {short_repr(missing)} does not exist; "
        f"check the directory, or, {_TOKENS_REMEDY}"
    )


def _exists(item: str) -> bool:
    """Return whether a string names a file or directory, even if it cannot be read, or stdin."""
    try:
        # Path("") is the current directory.
        return item == STDIN or (item != "" and Path(item).exists())
    except PermissionError:
        return True
    except (OSError, ValueError):  # too long, or with a null character
        return False


def _is_address(item: str | os.PathLike[str]) -> bool:
    """Return whether a string is the address of a file, without spaces as in a text."""
    return isinstance(item, str) and is_url(item) and not re.search(r"\s", item)


def _looks_like_path(item: str) -> bool:
    """Return whether a string is more likely a path than a line of text."""
    if not item or len(item) >= _LONGEST_PATH or not item.isprintable() or item != item.strip():
        return False
    suffix = Path(item).suffix
    if " " in item:
        return suffix.lower() in _TEXT_SUFFIXES
    return (os.sep in item and item.strip(os.sep) != "") or _SUFFIX.fullmatch(suffix) is not None


def _may_be_sentence(token: str) -> bool:
    """Return whether a token may be a sentence; those of some scripts have no spaces."""
    return " " in token.strip() or len(token) > _LONGEST_WORD


def _lists(items: Iterator[Any]) -> Iterable[Any]:
    """Return lists of tokens, after checking that their tokens are no sentences."""
    peeked = list(itertools.islice(items, _PEEKED_LISTS))
    # An iterator can be read only once, so it is replaced by its items.
    peeked = [list(item) if _is_list(item) else item for item in peeked]
    lists = [item for item in peeked if isinstance(item, list) and item]
    tokens = [token for item in lists for token in item if isinstance(token, str)]
    spaced = [token for token in tokens if _may_be_sentence(token)]
    if spaced and all(len(item) == 1 for item in lists):
        message = (
            f"each item of the corpus is a list of one string, such as {short_repr(spaced[0])}: a "
            "list is taken for the tokens of a line; pass the strings themselves: "
            "[item[0] for item in corpus]"
        )
        raise InputError(message)
    words = sum(len(token.split()) for token in spaced)
    if len(spaced) > len(tokens) / 2 and words >= _SENTENCE_WORDS * len(spaced):
        message = (
            f"the lists of the corpus hold sentences, such as {short_repr(spaced[0])}: a list is "
            "taken for the tokens of a line; for documents of sentences, pass the sentences: "
            "[sentence for document in corpus for sentence in document]; in names, replace spaces "
            "by _"
        )
        raise InputError(message)
    return itertools.chain(peeked, items)
