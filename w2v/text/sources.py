"""From files, folders, stdin or Python objects to blocks of UTF-8 bytes.

A block is about a megabyte and ends where a line ends, or, in a line longer than that, where no
word is cut; so memory stays bounded whatever the text looks like. What a file holds is told by
its content, not by its name: gzip, bzip2, xz and zstd are decoded, and what is not text in UTF-8
is refused by name.
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
from w2v.system.files import Fingerprint, read_error
from w2v.system.sniff import COMPRESSED, SNIFFED_BYTES, first_match, sniff_non_text
from w2v.text import blocks
from w2v.text.blocks import Block, LastBoundary, split_blocks
from w2v.text.characters import TOKEN_SEPARATOR
from w2v.text.decompress import ExpansionGuard, unpacked

STDIN = "-"


_EXPANSION_ADVICE = "if it is to be so, raise the limit by --max-expansion, of which 0 is none"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class TextSource(Protocol):
    """A text that can be walked once, in blocks.

    Attributes:
        tokenized: whether tokens are split already, by TOKEN_SEPARATOR.
        files: number of files, 0 if there are none.
        total_bytes: bytes to be read, None if nobody can tell.
        done_bytes: bytes read so far, compressed where the files are.

    """

    tokenized: bool
    files: int
    total_bytes: int | None
    done_bytes: int

    def blocks(self, last_boundary: LastBoundary) -> Iterator[Block]:
        """Walk the text.

        Args:
            last_boundary: gives the last place in a block where no word is cut, 0 if there is none.

        """
        ...


class FileSource:
    """The text of files, each the end of a line at least.

    A file must stay as it is from the moment that this is made until it is read to its end.

    Args:
        paths: of files and folders; ``-`` for stdin.
        max_expansion: how many times its size a packed file may unpack to, beyond what is always
            allowed (see `w2v.text.decompress.ExpansionGuard`); 0 for no limit.

    Attributes:
        fingerprints: of each file, None for what is no regular file, such as a pipe.

    Raises:
        InputError: a path does not exist, cannot be read or is not text; or a file changed, or
            unpacks to too much.

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
        """Walk the files one after the other; see `TextSource.blocks`."""
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
                message = f"{name} is damaged or cut short: {error}"
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
    """The text of Python objects: strings, or lists of tokens that are split already.

    A string is one line, or several where it has line ends; a list of tokens is one line.

    Raises:
        InputError: an item is neither, or a token has a line end in it.

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
        """Walk the lines; see `TextSource.blocks`."""
        gathered = bytearray()
        for number, line in enumerate(self._lines):
            try:
                gathered += self._text(line, number).encode()
            except UnicodeEncodeError as error:
                message = f"item {number} of the corpus is not valid Unicode: {error}"
                raise InputError(message) from error
            gathered += b"\n"
            if len(gathered) >= blocks.BLOCK_BYTES:
                yield from self._cut(bytes(gathered), last_boundary)
                gathered.clear()
        yield from self._cut(bytes(gathered), last_boundary)

    def _cut(self, text: bytes, last_boundary: LastBoundary) -> Iterator[Block]:
        self.done_bytes += len(text)
        if self.tokenized:
            yield text
        else:
            yield from split_blocks(io.BytesIO(text), last_boundary)

    def _text(self, line: object, number: int) -> str:
        if self.tokenized != (not isinstance(line, str)):
            message = (
                f"item {number} of the corpus is a {type(line).__name__}, but the first one was"
                " not: give strings only, or lists of tokens only"
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
                    f"item {number} of the corpus has {short_repr(token)} in it: expected a string, or"
                    " a list of strings"
                )
                raise InputError(message)
            if "\n" in token or TOKEN_SEPARATOR in token:
                message = (
                    f"token {token!r} in item {number} of the corpus has a line end or U+001F in it"
                )
                raise InputError(message)
        return TOKEN_SEPARATOR.join(tokens)


def open_corpus(corpus: Any, max_expansion: float = MAX_EXPANSION) -> TextSource:
    """Find out what was given as a corpus.

    A path or ``-`` is read as a file or folder. So is a list whose first item is a path object or
    a string that names an existing path; any other iterable is walked, once, for its strings or
    lists of tokens. Of packed files, `FileSource` tells what ``max_expansion`` is.

    Raises:
        InputError: it is none of these, or a path cannot be read.

    """
    if isinstance(corpus, (str, os.PathLike)):
        return FileSource([corpus], max_expansion)
    if isinstance(corpus, (bytes, bytearray)) or not is_ordered_iterable(corpus):
        message = (
            f"the corpus is a {type(corpus).__name__}: expected a path, a list of paths, or an"
            " iterable of strings or of lists of tokens"
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
        return item == STDIN or (item != "" and Path(item).exists())  # Path("") is the folder "."
    except (OSError, ValueError):  # too long for a path, or a NUL in it
        return False


def find_files(paths: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Every file that is meant: files as given, folders as all files below them, sorted.

    Raises:
        InputError: a path does not exist, a folder is empty, or stdin is named twice.

    """
    found: list[str] = []
    for given in paths:
        path = os.fspath(given) if isinstance(given, (str, os.PathLike)) else None
        if not isinstance(path, str) or not path:
            what = short_repr(given) if path != "" else "an empty path"
            message = f"{what} was given: expected a file, a folder or -"
            raise InputError(message)
        if path == STDIN and sys.stdin is None:
            message = "cannot read stdin: it is closed"
            raise InputError(message)
        if path == STDIN and STDIN in found:
            message = "stdin (-) is given twice, but it can be read only once"
            raise InputError(message)
        found.extend(_files_below(path) if path != STDIN and _is_folder(path) else [path])
    return found


def _is_folder(path: str) -> bool:
    try:
        return stat.S_ISDIR(Path(path).stat().st_mode)
    except (OSError, ValueError) as error:
        raise read_error(path, error) from error


def _files_below(folder: str) -> list[str]:
    def refuse(error: OSError) -> None:
        raise read_error(error.filename, error) from error

    files = []
    walked = set()
    for parent, folders, names in os.walk(folder, onerror=refuse, followlinks=True):
        walked.add(os.path.realpath(parent))
        # A link to a folder above would lead round in circles.
        folders[:] = [
            name for name in folders if os.path.realpath(Path(parent, name)) not in walked
        ]
        try:
            files += [Path(parent, name) for name in names if Path(parent, name).is_file()]
        except OSError as error:  # of a folder that may be listed, but not entered
            refuse(error)
    if not files:
        message = f"the folder {folder} has no files in it"
        raise InputError(message)
    return [str(path) for path in sorted(files)]


def _fingerprint(path: str) -> Fingerprint | None:
    """Take the fingerprint of a file, None if it is no regular file."""
    try:
        status = os.fstat(sys.stdin.fileno()) if path == STDIN else Path(path).stat()
    except OSError:  # stdin may be no real file
        return None
    return Fingerprint.of(path, status) if stat.S_ISREG(status.st_mode) else None


@contextlib.contextmanager
def _unchanged(
    file: IO[bytes], name: str, fingerprint: Fingerprint | None
) -> Iterator[Callable[[], None]]:
    """Refuse a file that changes before or while it is read; yields what looks again.

    What was read of such a file may be cut anywhere, so any other error is no matter then.
    """

    def check() -> None:
        if fingerprint is None:
            return
        difference = fingerprint.difference(os.fstat(file.fileno()))
        if difference is not None:
            message = (
                f"{name} changed while it was read: {difference}; train on a copy of it, or on "
                "what it is now"
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
    """A raw stream that counts what is read and can take back what was read to sniff it."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = cast("io.BufferedReader", raw)
        self._head = b""
        self.count = 0

    def readable(self) -> bool:
        return True

    def sniff(self) -> bytes:
        """Return the first bytes of the stream, SNIFFED_BYTES of them unless it ends before."""
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
    """Return the text in a stream: decompressed if need be, checked, without byte-order mark."""
    head = raw.sniff()
    stream = io.BufferedReader(raw, SNIFFED_BYTES)
    packing = first_match(COMPRESSED, head)
    if packing is not None:
        text = unpacked(stream, packing, name)
        bounded = ExpansionGuard(text, lambda: raw.count, name, max_expansion, _EXPANSION_ADVICE)
        inner = _CountingReader(cast("IO[bytes]", bounded))
        head = inner.sniff()
        stream = io.BufferedReader(inner, SNIFFED_BYTES)
        name = f"{name} (decompressed)"
    finding = sniff_non_text(head)
    if finding is not None:
        message = f"{name} is {finding}: expected UTF-8 text; convert or extract it first"
        raise InputError(message)
    if head.startswith(_BYTE_ORDER_MARK):
        stream.read(len(_BYTE_ORDER_MARK))
    return stream
