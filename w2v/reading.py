"""From files, folders, stdin or Python objects to blocks of UTF-8 bytes.

A block is about a megabyte and ends where a line ends, or, in a line longer than that, where no
word is cut; so memory stays bounded whatever the text looks like. What a file holds is told by
its content, not by its name: gzip, bzip2, xz and zstd are decoded, and what is not text in UTF-8
is refused by name.
"""

from __future__ import annotations

import bz2
import codecs
import contextlib
import gzip
import io
import itertools
import lzma
import os
import re
import stat
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, Any, Protocol, cast

from w2v.errors import InputError, MissingExtraError, shown

BLOCK_BYTES = 1 << 20
SNIFFED_BYTES = 1 << 16
TOKEN_SEPARATOR = "\x1f"
STDIN = "-"

# How much of a file's beginning may be neither UTF-8 nor printable before it is no text.
MAX_FOREIGN_SHARE = 0.3
# A run of more word characters than these is a token far too long to be kept. This much of it
# stands for all of it.
STAND_IN_CHARACTERS = 1 << 12

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
    (rb"\x28\xb5\x2f\xfd", "zstd"),
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


class FileSource:
    """The text of files, each the end of a line at least.

    Raises:
        InputError: a path does not exist, cannot be read or is not text.

    """

    tokenized = False

    def __init__(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        self.paths = find_files(paths)
        self.files = len(self.paths)
        self.done_bytes = 0
        sizes = [_size(path) for path in self.paths]
        self.total_bytes = None if None in sizes else sum(size or 0 for size in sizes)

    def blocks(self, last_break: LastBreak) -> Iterator[Block]:
        """Walk the files one after the other; see `TextSource.blocks`."""
        for path in self.paths:
            name = "stdin" if path == STDIN else path
            try:
                with _open(path) as raw:
                    yield from self._file_blocks(raw, name, last_break)
            except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
                if isinstance(error, OSError) and error.errno is not None:
                    message = f"cannot read {name}: {error.strerror}"
                    raise InputError(message) from error
                message = f"{name} is damaged or cut short: {error}"
                raise InputError(message) from error

    def _file_blocks(self, raw: IO[bytes], name: str, last_break: LastBreak) -> Iterator[Block]:
        before = self.done_bytes
        counted = _Counted(raw)
        with _decoded(counted, name) as stream:
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


def open_corpus(corpus: Any) -> TextSource:
    """Find out what was given as a corpus.

    A path or ``-`` is read as a file or folder. So is a list whose first item is a path object or
    a string that names an existing path; any other iterable is walked, once, for its strings or
    lists of tokens.

    Raises:
        InputError: it is none of these, or a path cannot be read.

    """
    if isinstance(corpus, (str, os.PathLike)):
        return FileSource([corpus])
    if isinstance(corpus, (bytes, bytearray)) or not is_in_order(corpus):
        message = (
            f"the corpus is a {type(corpus).__name__}: expected a path, a list of paths, or an"
            " iterable of strings or of lists of tokens"
        )
        raise InputError(message)
    if isinstance(corpus, (list, tuple)) and corpus and _names_path(corpus[0]):
        return FileSource(corpus)
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
        files += [Path(parent, name) for name in names if Path(parent, name).is_file()]
    if not files:
        message = f"the folder {folder} has no files in it"
        raise InputError(message)
    return [str(path) for path in sorted(files)]


def _size(path: str) -> int | None:
    """Bytes of a file, None if it is no regular file."""
    try:
        status = os.fstat(sys.stdin.fileno()) if path == STDIN else Path(path).stat()
    except OSError:  # stdin may be no real file
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


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


def _decoded(raw: _Counted, name: str) -> io.BufferedIOBase:
    """Return the text in a stream: decompressed if need be, checked, without byte-order mark."""
    head = raw.sniff()
    stream = io.BufferedReader(raw, SNIFFED_BYTES)
    compression = _first_match(_COMPRESSED, head)
    if compression is not None:
        inner = _Counted(_decompressed(stream, compression, name))
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


def _decompressed(stream: IO[bytes], compression: str, name: str) -> IO[bytes]:
    if compression == "gzip":
        return cast("IO[bytes]", gzip.open(stream))
    if compression == "bzip2":
        return bz2.open(stream)
    if compression == "xz":
        return lzma.open(stream)
    return io.BufferedReader(_ZstdReader(stream, name))


class _ZstdReader(io.RawIOBase):
    """Decompress zstd frames, one behind the other.

    The library's own reader takes a file that is cut short for one that ends; this one tells.
    """

    def __init__(self, stream: IO[bytes], name: str) -> None:
        try:
            import zstandard
        except ImportError:
            message = f"reading {name}, which is zstd-compressed,"
            raise MissingExtraError(message, "zst") from None
        self._stream = stream
        self._new_frame = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj
        self._error = zstandard.ZstdError
        self._frame = self._new_frame()
        self._text = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._text and self._decompress():
            pass
        part = self._text[: len(buffer)]
        self._text = self._text[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _decompress(self) -> bool:
        """Decompress a little more; False at the end of the file."""
        data = (self._frame.unused_data if self._frame.eof else b"") or self._stream.read(1 << 16)
        if not data:
            if self._frame.eof:
                return False
            message = "the last zstd frame is not complete"
            raise EOFError(message)
        if self._frame.eof:
            self._frame = self._new_frame()
        try:
            self._text = self._frame.decompress(data)
        except self._error as error:
            raise EOFError(str(error)) from error
        return True


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
