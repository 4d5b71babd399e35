"""From files, folders, stdin or Python objects to blocks of UTF-8 bytes.

A block is about a megabyte and ends where a line ends, or, in a line longer than that, where no
word is cut; so memory stays bounded whatever the text looks like. What a file holds is told by
its content, not by its name: gzip, bzip2, xz and zstd are decoded, and what is not text in UTF-8
is refused by name.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import itertools
import lzma
import os
import re
import stat
import sys
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol, cast

from w2v.config import MAX_EXPANSION
from w2v.errors import InputError, shown
from w2v.text.decompress import Bounded, unpacked

BLOCK_BYTES = 1 << 20
SNIFFED_BYTES = 1 << 16
TOKEN_SEPARATOR = "\x1f"
STDIN = "-"

# How much of a file's beginning may be neither UTF-8 nor printable before it is no text.
MAX_FOREIGN_SHARE = 0.3
# A run of more word characters than these is a token far too long to be kept. This much of it
# stands for all of it.
STAND_IN_CHARACTERS = 1 << 12

_EXPANSION_ADVICE = "if it is to be so, raise the limit by --max-expansion, of which 0 is none"

_WITHOUT_MARK = {
    f"utf-{bits}-{order[0]}e": f"text in UTF-{bits} ({order}-endian, without a byte-order mark)"
    for bits in (32, 16)
    for order in ("little", "big")
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMPRESSED = (
    (rb"\x1f\x8b", "gzip"),
    (rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)", "bzip2"),
    (rb"\xfd7zXZ\x00|\x5d\x00\x00", "xz"),
    (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", "zstd"),  # a frame, or one to be skipped
)
_REFUSED = (
    (rb"PK\x03\x04", "a zip archive"),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (rb"Rar!\x1a\x07", "a rar archive"),
    (rb".{257}ustar", "a tar archive"),
    (rb"\x04\x22\x4d\x18", "lz4-compressed"),
    (rb"\x1f\x9d", "compressed by compress"),
    (rb"%PDF-", "a PDF document"),
    (rb"\x7fELF", "an executable"),
    (rb"\x89PNG\r\n", "a PNG picture"),
    (rb"\xff\xd8\xff", "a JPEG picture"),
    (rb"\x89HDF\r\n", "an HDF5 file"),
    (rb"\x93NUMPY", "a NumPy array"),
    (rb"PAR1\x15", "a Parquet file"),
    (rb"SQLite format 3\x00", "a SQLite database"),
    (rb"\xff\xfe\x00\x00", "text in UTF-32 (little-endian)"),
    (rb"\x00\x00\xfe\xff", "text in UTF-32 (big-endian)"),
    (rb"\xff\xfe", "text in UTF-16 (little-endian)"),
    (rb"\xfe\xff", "text in UTF-16 (big-endian)"),
)

Block = bytes | bytearray
LastBreak = Callable[[Block], int]


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

    def blocks(self, last_break: LastBreak) -> Iterator[Block]:
        """Walk the text.

        Args:
            last_break: gives the last place in a block where no word is cut, 0 if there is none.

        """
        ...


class Fingerprint(NamedTuple):
    """What tells whether a file is still the same.

    Attributes:
        path: absolute.
        size: in bytes.
        changed: when it was written last, in nanoseconds.

    """

    path: str
    size: int
    changed: int

    @classmethod
    def of(cls, path: str, status: os.stat_result | None = None) -> Fingerprint:
        """Take that of a file as it is now, or of its status."""
        status = Path(path).stat() if status is None else status
        return cls(str(Path(path).absolute()), status.st_size, status.st_mtime_ns)

    def difference(self, status: os.stat_result) -> str | None:
        """Say how a file differs from what it was, None if it does not."""
        if (status.st_size, status.st_mtime_ns) == (self.size, self.changed):
            return None
        return (
            f"it had {self.size:,} bytes and has {status.st_size:,}, last written at "
            f"{_clock(status.st_mtime_ns)} and before at {_clock(self.changed)}"
        )


class FileSource:
    """The text of files, each the end of a line at least.

    A file must stay as it is from the moment that this is made until it is read to its end.

    Args:
        paths: of files and folders; ``-`` for stdin.
        max_expansion: how many times its size a packed file may unpack to, beyond what is always
            allowed (see `w2v.text.decompress.Bounded`); 0 for no limit.

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

    def blocks(self, last_break: LastBreak) -> Iterator[Block]:
        """Walk the files one after the other; see `TextSource.blocks`."""
        for path, fingerprint in zip(self.paths, self.fingerprints, strict=True):
            name = "stdin" if path == STDIN else path
            try:
                with _open(path) as raw, _unchanged(raw, name, fingerprint) as check:
                    for block in self._file_blocks(raw, name, last_break):
                        check()
                        yield block
            except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    message = f"cannot read {name}: {error.strerror}"
                    raise InputError(message) from error
                message = f"{name} is damaged or cut short: {error}"
                raise InputError(message) from error

    def _file_blocks(self, raw: IO[bytes], name: str, last_break: LastBreak) -> Iterator[Block]:
        before = self.done_bytes
        counted = _Counted(raw)
        with _decoded(counted, name, self._max_expansion) as stream:
            for block in cut_blocks(stream, last_break):
                self.done_bytes = before + counted.count
                yield block
        self.done_bytes = before + counted.count


class LineSource:
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

    def blocks(self, last_break: LastBreak) -> Iterator[Block]:
        """Walk the lines; see `TextSource.blocks`."""
        gathered = bytearray()
        for number, line in enumerate(self._lines):
            try:
                gathered += self._text(line, number).encode()
            except UnicodeEncodeError as error:
                message = f"item {number} of the corpus is not valid Unicode: {error}"
                raise InputError(message) from error
            gathered += b"\n"
            if len(gathered) >= BLOCK_BYTES:
                yield from self._cut(bytes(gathered), last_break)
                gathered.clear()
        yield from self._cut(bytes(gathered), last_break)

    def _cut(self, text: bytes, last_break: LastBreak) -> Iterator[Block]:
        self.done_bytes += len(text)
        if self.tokenized:
            yield text
        else:
            yield from cut_blocks(io.BytesIO(text), last_break)

    def _text(self, line: object, number: int) -> str:
        if self.tokenized != (not isinstance(line, str)):
            message = (
                f"item {number} of the corpus is a {type(line).__name__}, but the first one was"
                " not: give strings only, or lists of tokens only"
            )
            raise InputError(message)
        if isinstance(line, str):
            return line
        tokens: list[Any] = list(cast("Iterable[Any]", line)) if is_in_order(line) else [line]
        for token in tokens:
            if not isinstance(token, str):
                message = (
                    f"item {number} of the corpus has {shown(token)} in it: expected a string, or"
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
    if isinstance(corpus, (bytes, bytearray)) or not is_in_order(corpus):
        message = (
            f"the corpus is a {type(corpus).__name__}: expected a path, a list of paths, or an"
            " iterable of strings or of lists of tokens"
        )
        raise InputError(message)
    if isinstance(corpus, (list, tuple)) and corpus and _names_path(corpus[0]):
        return FileSource(corpus, max_expansion)
    return LineSource(corpus)


def is_in_order(items: object) -> bool:
    """Whether items can be walked, and in an order.

    Sets have none, and of mappings and tables Python would go through the names.
    """
    unfit = isinstance(items, (Mapping, set, frozenset)) or hasattr(items, "columns")
    return isinstance(items, Iterable) and not unfit and getattr(items, "shape", None) != ()


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
            what = shown(given) if path != "" else "an empty path"
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
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        reason = getattr(error, "strerror", None) or error
        message = f"cannot read {path}: {reason}"
        raise InputError(message) from error


def status_of(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Look at a file or folder; None if there is none.

    Raises:
        InputError: nobody may look there.

    """
    try:
        return Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:  # ValueError: a NUL in it
        message = f"cannot read {path}: {getattr(error, 'strerror', None) or error}"
        raise InputError(message) from error


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Whether there is a folder; errors are those of `status_of`."""
    status = status_of(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def refuse_streams(path: str | os.PathLike[str]) -> None:
    """Refuse what is read once, may have no end, or keep one waiting: a pipe or a device.

    Raises:
        InputError: it is one, or nobody may look.

    """
    status = status_of(path)
    if status is not None and not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        message = (
            f"cannot read {path}: it is a pipe, a device or a socket; copy what it gives into a "
            "file first"
        )
        raise InputError(message)


def _files_below(folder: str) -> list[str]:
    def refuse(error: OSError) -> None:
        message = f"cannot read {error.filename}: {error.strerror}"
        raise InputError(message) from error

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


def _clock(nanoseconds: int) -> str:
    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
    except (OSError, OverflowError, ValueError):  # no time that there is
        return f"{nanoseconds} ns"
    return f"{clock}.{rest // 10**6:03}"


def _open(path: str) -> AbstractContextManager[IO[bytes]]:
    if path == STDIN:
        return contextlib.nullcontext(sys.stdin.buffer)
    return Path(path).open("rb", buffering=0)


class _Counted(io.RawIOBase):
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


def _decoded(raw: _Counted, name: str, max_expansion: float) -> io.BufferedIOBase:
    """Return the text in a stream: decompressed if need be, checked, without byte-order mark."""
    head = raw.sniff()
    stream = io.BufferedReader(raw, SNIFFED_BYTES)
    packing = _first_match(_COMPRESSED, head)
    if packing is not None:
        text = unpacked(stream, packing, name)
        bounded = Bounded(text, lambda: raw.count, name, max_expansion, _EXPANSION_ADVICE)
        inner = _Counted(cast("IO[bytes]", bounded))
        head = inner.sniff()
        stream = io.BufferedReader(inner, SNIFFED_BYTES)
        name = f"{name} (decompressed)"
    finding = foreign_content(head)
    if finding is not None:
        message = f"{name} is {finding}: expected text in UTF-8; convert or extract it first"
        raise InputError(message)
    if head.startswith(_BYTE_ORDER_MARK):
        stream.read(len(_BYTE_ORDER_MARK))
    return stream


def _first_match(patterns: tuple[tuple[bytes, str], ...], head: bytes) -> str | None:
    return next((kind for magic, kind in patterns if re.match(magic, head, re.DOTALL)), None)


def foreign_content(head: bytes) -> str | None:
    """Tell what the beginning of a file says it is, if that is not text in UTF-8; else None."""
    kind = _first_match(_REFUSED, head)
    if kind is not None:
        return kind
    kind = _first_match(_COMPRESSED, head)
    if kind is not None:
        return f"{kind}-compressed once more"
    zeros = head.count(0)
    odd_zeros = head[1::2].count(0)
    if zeros > 0.2 * len(head) and not 0.05 < odd_zeros / zeros < 0.95:
        return _WITHOUT_MARK["utf-16-le" if odd_zeros else "utf-16-be"]
    invalid = len(head) - len(head.decode("utf-8", "ignore").encode())
    controls = sum(map(head.count, (*range(9), *range(14, 27), 127)))
    if invalid + controls <= MAX_FOREIGN_SHARE * len(head):
        return None
    for encoding, kind in _WITHOUT_MARK.items():
        if _reads_well(head.decode(encoding, "replace")):
            return kind
    return "binary data, or text in a legacy encoding"


def _reads_well(text: str) -> bool:
    """Whether some of the characters are white space and nearly all can be printed."""
    spaces = sum(map(text.count, " \n\t"))
    printable = sum(map(str.isprintable, text)) + text.count("\n") + text.count("\r")
    return spaces > 0.01 * len(text) and printable > 0.95 * len(text)


def read_small(path: str | os.PathLike[str], name: str) -> bytes:
    """Return all bytes of a file of text, once its beginning was seen to be some.

    Raises:
        InputError: it cannot be read, or is no text, as a device that never ends.

    """
    try:
        with Path(path).open("rb") as file:
            head = file.read(SNIFFED_BYTES)
            finding = foreign_content(head)
            if finding is not None:
                kind = finding.removesuffix(" once more")  # which is of what was unpacked before
                message = f"{name} is {kind}: expected text in UTF-8; convert or extract it first"
                raise InputError(message)
            return head + file.read()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        message = f"cannot read {name}: {getattr(error, 'strerror', None) or error}"
        raise InputError(message) from error


def cut_blocks(stream: io.BufferedIOBase, last_break: LastBreak) -> Iterator[Block]:
    """Cut a stream into blocks at line ends, else at white space, else where no word is cut.

    The last block ends with a line end, which is added if need be.
    """
    rest: Block = b""
    last: Block = b"\n"
    while True:
        block = bytearray(len(rest) + BLOCK_BYTES)  # to read into: a join would copy it all
        block[: len(rest)] = rest
        with memoryview(block) as room:
            size = stream.readinto(room[len(rest) :])
        if not size:
            break
        del block[len(rest) + size :]
        last = block[-1:]
        cut = block.rfind(b"\n") + 1
        if not cut:
            cut = max(block.rfind(b" "), block.rfind(b"\t")) + 1
        if not cut:
            cut = last_break(block)
        if cut:
            rest = bytes(block[cut:])
            del block[cut:]
            yield block
        else:
            rest = _stand_in(block)
    if last != b"\n":
        yield rest + b"\n"


def _stand_in(block: Block) -> Block:
    """Return a token as it is, or a shorter one if it is far too long to be kept.

    What follows is still part of it: its last character is kept, for it may be an apostrophe, and
    so is an unfinished one.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    text = decoder.decode(block)
    unfinished, _ = decoder.getstate()
    if len(text) <= STAND_IN_CHARACTERS:
        return block
    head = text[:STAND_IN_CHARACTERS].removesuffix("'").removesuffix("\u2019")
    return (head + text[-1]).encode() + unfinished
