"""Sources of text: files, directories, stdin and Python objects, as blocks of UTF-8 bytes.

A block is about a megabyte long and ends at the end of a line or, in longer lines, of a word. So
memory is bounded for any text. The content of a file determines its type, not its name: gzip,
bzip2, xz and zstd are decompressed, and files that are not UTF-8 text are rejected with the type
that was detected.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import lzma
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, Protocol, cast

from w2v.config import MAX_EXPANSION
from w2v.errors import InputError, short_repr
from w2v.options import is_ordered_iterable
from w2v.system.files import Fingerprint, not_text_error, read_error
from w2v.system.sniff import COMPRESSED, SNIFFED_BYTES, first_match, sniff_non_text
from w2v.text import blocks
from w2v.text.blocks import Block, LastBoundary, split_blocks
from w2v.text.characters import TOKEN_SEPARATOR
from w2v.text.decompress import ExpansionGuard, decompress

STDIN = "-"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TextSource(Protocol):
    """A text that can be read once, in blocks.

    Attributes:
        tokenized: whether the text is already split into tokens, by TOKEN_SEPARATOR.
        files: the number of files, 0 for Python objects.
        total_bytes: bytes to read, or None if unknown.
        done_bytes: bytes read so far; of compressed files, compressed bytes.

    """

    tokenized: bool
    files: int
    total_bytes: int | None
    done_bytes: int

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Yield the text in blocks that split no word."""
        ...


class FileSource:
    """The text of files. The end of a file ends a line.

    A file must not change from the construction of the source until the end of the file is read.

    Args:
        paths: files and directories; ``-`` for stdin.
        max_expansion: see `w2v.text.decompress.ExpansionGuard`.

    Attributes:
        fingerprints: of each file; None for a pipe or other special file.

    Raises:
        InputError: a path does not exist, cannot be read or is not text; or a file changes, or
            expands too much.

    """

    tokenized = False

    def __init__(
        self, paths: Iterable[str | os.PathLike[str]], max_expansion: float = MAX_EXPANSION
    ) -> None:
        self.paths = find_files(paths)
        self.files = len(self.paths)
        self.done_bytes = 0
        self.fingerprints = [_fingerprint(path) for path in self.paths]
        known = [entry.size for entry in self.fingerprints if entry is not None]
        self.total_bytes = sum(known) if len(known) == self.files else None
        self._max_expansion = max_expansion

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Yield the text of one file after the other; see `TextSource.blocks`."""
        for path, fingerprint in zip(self.paths, self.fingerprints, strict=True):
            name = "stdin" if path == STDIN else path
            try:
                with _open(path) as raw, _unchanged(raw, name, fingerprint) as check:
                    for block in self._file_blocks(raw, name, last_boundary):
                        check()
                        yield block
            except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise read_error(name, error) from error
                message = f"{name} is damaged or truncated: {error}"
                raise InputError(message) from error

    def _file_blocks(
        self, raw: IO[bytes], name: str, last_boundary: LastBoundary
    ) -> Iterator[Block]:
        before = self.done_bytes
        counted = _CountingReader(raw)
        with _decoded(counted, name, self._max_expansion) as stream:
            for block in split_blocks(stream, last_boundary):
                self.done_bytes = before + counted.count
                yield block
        self.done_bytes = before + counted.count


class IterableSource:
    """The text of Python objects: strings, or lists of tokens.

    A string is one or several lines; a list of tokens is one line.

    Raises:
        InputError: an item is neither, or a token contains a line end.

    """

    files = 0
    total_bytes: int | None = None

    def __init__(self, lines: Iterable[Any]) -> None:
        iterator = iter(lines)
        first = next(iterator, "")
        self.tokenized = not isinstance(first, str)
        self.done_bytes = 0
        self._lines = itertools.chain([first], iterator)

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Yield the text of the objects; see `TextSource.blocks`."""
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

    def _split(self, text: bytes, last_boundary: LastBoundary) -> Iterator[Block]:
        self.done_bytes += len(text)
        if self.tokenized:
            yield text
        else:
            yield from split_blocks(io.BytesIO(text), last_boundary)

    def _text(self, line: object, number: int) -> str:
        if self.tokenized != (not isinstance(line, str)):
            message = (
                f"item {number} of the corpus is a {type(line).__name__}, but the first one is "
                "not: pass strings only, or lists of tokens only"
            )
            raise InputError(message)
        if isinstance(line, str):
            return line
        tokens: list[Any] = (
            list(cast("Iterable[Any]", line)) if is_ordered_iterable(line) else [line]
        )
        for token in tokens:
            if not isinstance(token, str):
                message = (
                    f"item {number} of the corpus contains {short_repr(token)}: expected a string, "
                    "or a list of strings"
                )
                raise InputError(message)
            if "\n" in token or TOKEN_SEPARATOR in token:
                message = (
                    f"token {token!r} in item {number} of the corpus contains a line end or U+001F"
                )
                raise InputError(message)
        return TOKEN_SEPARATOR.join(tokens)


def open_corpus(corpus: Any, max_expansion: float = MAX_EXPANSION) -> TextSource:
    """Return the source for a corpus as users pass it.

    Args:
        corpus: a path or ``-``; a list of paths, whose first item is a path object or an existing
            path; or any other iterable of strings or lists of tokens, which is read once.
        max_expansion: see `w2v.text.decompress.ExpansionGuard`.

    Raises:
        InputError: the corpus is none of these, or a path cannot be read.

    """
    if isinstance(corpus, (str, os.PathLike)):
        return FileSource([corpus], max_expansion)
    if isinstance(corpus, (bytes, bytearray)) or not is_ordered_iterable(corpus):
        message = (
            f"the corpus is a {type(corpus).__name__}: expected a path, a list of paths, or an "
            "iterable of strings or lists of tokens"
        )
        raise InputError(message)
    if isinstance(corpus, (list, tuple)) and corpus and _names_path(corpus[0]):
        return FileSource(corpus, max_expansion)
    return IterableSource(corpus)


def _names_path(item: object) -> bool:
    if isinstance(item, os.PathLike):
        return True
    if not isinstance(item, str):
        return False
    try:
        return item == STDIN or (
            item != "" and Path(item).exists()
        )  # Path("") is the current directory
    except (OSError, ValueError):  # too long, or with a NUL character
        return False


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return the files of a corpus: files as given, and directories as all files below, sorted.

    Raises:
        InputError: a path does not exist, a directory is empty, or stdin is given twice.

    """
    found: list[str] = []
    for given in paths:
        path = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
        if not isinstance(path, str) or not path:
            what = short_repr(given) if path != "" else "an empty path"
            message = f"got {what}: expected a file, a directory or -"
            raise InputError(message)
        if path == STDIN and sys.stdin is None:
            message = "cannot read stdin: it is closed"
            raise InputError(message)
        if path == STDIN and STDIN in found:
            message = "stdin (-) is given twice, but it can be read only once"
            raise InputError(message)
        found.extend(_files_below(path) if path != STDIN and _is_directory(path) else [path])
    return found


def _is_directory(path: str) -> bool:
    """Return whether a path, which must exist, is a directory."""
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (OSError, ValueError) as error:
        raise read_error(path, error) from error


def _files_below(directory: str) -> list[str]:
    def fail(error: OSError) -> None:
        raise read_error(error.filename, error) from error

    files = []
    visited = set()
    for parent, directories, names in os.walk(directory, onerror=fail, followlinks=True):
        visited.add(os.path.realpath(parent))
        # Following a link to a parent would not end.
        directories[:] = [
            name for name in directories if os.path.realpath(Path(parent, name)) not in visited
        ]
        try:
            files += [Path(parent, name) for name in names if Path(parent, name).is_file()]
        except OSError as error:  # the directory may be listed, but not entered
            fail(error)
    if not files:
        message = f"the directory {directory} contains no files"
        raise InputError(message)
    return [str(path) for path in sorted(files)]


def _fingerprint(path: str) -> Fingerprint | None:
    """Return the fingerprint of a regular file, or None for any other."""
    try:
        status = os.fstat(sys.stdin.fileno()) if path == STDIN else Path(path).stat()
    except OSError:  # stdin has no file descriptor
        return None
    return Fingerprint.of(path, status) if stat.S_ISREG(status.st_mode) else None


@contextlib.contextmanager
def _unchanged(
    file: IO[bytes], name: str, fingerprint: Fingerprint | None
) -> Iterator[Callable[[], None]]:
    """Reject a file that changes before or while it is read; yield a function that checks it.

    A change takes precedence over any other error, which it may have caused.
    """

    def check() -> None:
        if fingerprint is None:
            return
        difference = fingerprint.difference(os.fstat(file.fileno()))
        if difference is not None:
            message = (
                f"{name} changed while it was read: {difference}; start again, or use a copy of it"
            )
            raise InputError(message)

    try:
        yield check
    except Exception:
        check()
        raise
    check()


def _open(path: str) -> AbstractContextManager[IO[bytes]]:
    if path == STDIN:
        return contextlib.nullcontext(sys.stdin.buffer)
    return Path(path).open("rb", buffering=0)


class _CountingReader(io.RawIOBase):
    """A raw stream that counts the bytes read, and can look at its beginning before."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = cast("io.BufferedReader", raw)
        self._head = b""
        self.count = 0

    def readable(self) -> bool:
        return True

    def sniff(self) -> bytes:
        """Return the first SNIFFED_BYTES bytes, or all if there are fewer."""
        while len(self._head) < SNIFFED_BYTES:
            more = self._raw.read(SNIFFED_BYTES - len(self._head))
            if not more:
                break
            self._head += more
        return self._head

    def readinto(self, buffer: Any) -> int:
        if self._head:
            size = min(len(buffer), len(self._head))
            buffer[:size] = self._head[:size]
            self._head = self._head[size:]
        else:
            size = self._raw.readinto(buffer) or 0
        self.count += size
        return size


def _decoded(raw: _CountingReader, name: str, max_expansion: float) -> io.BufferedIOBase:
    """Return the text of a stream: decompressed, checked, and without byte-order mark."""
    head = raw.sniff()
    stream = io.BufferedReader(raw, SNIFFED_BYTES)
    compression = first_match(COMPRESSED, head)
    if compression is not None:
        text = decompress(stream, compression, name)
        guard = ExpansionGuard(text, lambda: raw.count, name, max_expansion)
        inner = _CountingReader(cast("IO[bytes]", guard))
        head = inner.sniff()
        stream = io.BufferedReader(inner, SNIFFED_BYTES)
        name = f"{name} (decompressed)"
    finding = sniff_non_text(head)
    if finding is not None:
        raise not_text_error(name, finding)
    if head.startswith(_BYTE_ORDER_MARK):
        stream.read(len(_BYTE_ORDER_MARK))
    return stream
