"""Packed streams, unpacked within bounds.

A few bytes can unpack to any number, and a header can ask for gigabytes to unpack with. So what
comes out is held against what went in, and a window or dictionary has a largest size.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from typing import IO, Any, Protocol, cast

from w2v.config import MAX_EXPANSION
from w2v.errors import InputError, MissingExtraError

FREE_BYTES = 64 << 20
"""Of unpacked text that are always allowed: small files of one line again and again pack well."""

LARGEST_WINDOW = 256 << 20
"""Bytes of text that a decompressor may look back on; xz -9 has 64 MiB, zstd --ultra 128 MiB."""

_XZ_BESIDES = 1 << 20  # bytes for all that is no dictionary
_PIECE = 1 << 16
# Of zstd, which unpacks all that it is given at once: 4 bytes may be 128 KiB of text.
_ZSTD_PIECE = 1 << 9
_ZSTD_TOO_LARGE = "too much memory"
_XZ_TOO_LARGE = "Memory usage limit exceeded"
_XZ_MAGIC = b"\xfd7zXZ\x00"
_XZ_HEADER = 12  # bytes of a stream's header; that of its first block follows
_XZ_LARGEST = 40  # the code of 4 GiB less 1
_LZMA2 = b"\x21\x01"  # the filter's number, and how many bytes of properties follow


class ExpansionGuard(io.RawIOBase):
    """An unpacked stream that is refused where it grows too long for what it was packed in.

    Args:
        stream: the unpacked bytes.
        packed: tells how many packed bytes they came from so far.
        name: of the file.
        limit: so many times the packed bytes are allowed, and FREE_BYTES always; 0 for no limit.
        advice: what to do if it is to be so.

    Raises:
        InputError: by `readinto`, where there is more.

    """

    def __init__(
        self,
        stream: IO[bytes],
        packed: Callable[[], int],
        name: object,
        limit: float = MAX_EXPANSION,
        advice: str = "",
    ) -> None:
        self._stream = cast("io.BufferedReader", stream)
        self._packed = packed
        self._name = name
        self._limit = limit
        self._advice = advice
        self._count = 0

    def readable(self) -> bool:
        """Whether it can be read: it can."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as much as comes at once; 0 bytes at the end."""
        size = self._stream.readinto(buffer) or 0
        self._count += size
        packed = self._packed()
        if self._limit and self._count > max(FREE_BYTES, self._limit * packed):
            message = (
                f"{self._name} unpacks to over {self._limit:,} times its size: to {self._count:,} "
                f"bytes so far, from {packed:,}; {self._advice}"
            )
            raise InputError(message)
        return size


def unpacked(stream: IO[bytes], packing: str, name: str) -> IO[bytes]:
    """Unpack a stream.

    Args:
        stream: the packed bytes.
        packing: gzip, bzip2, xz or zstd.
        name: of the file, for errors.

    Returns:
        What raises EOFError, OSError, lzma.LZMAError or zlib.error where the stream is damaged,
        and InputError where it asks for too much memory.

    Raises:
        MissingExtraError: a package is missing that zstd needs.

    """
    if packing == "gzip":
        return cast("IO[bytes]", gzip.open(stream))
    members = {"bzip2": _MultiStreamReader, "xz": _XzMembers, "zstd": _ZstdMembers}
    return cast("IO[bytes]", members[packing](stream, name))


class _Member(Protocol):
    """One of the packed streams that stand one behind the other in a file."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _MultiStreamReader(io.RawIOBase):
    """Unpack bzip2 streams, one behind the other; anything else behind them is damage.

    Attributes:
        head: what the stream began with that is unpacked now.

    """

    piece = _PIECE

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.name = name
        self.head = b""
        self._stream = stream
        self._member: _Member | None = None
        self._text = memoryview(b"")  # of which parts are taken without copying the rest

    def new_member(self) -> _Member:
        return bz2.BZ2Decompressor()

    def without_padding(self, data: bytes) -> bytes:
        """Return what follows a stream without what may stand there and means nothing."""
        return data

    def decompress(self, member: _Member, data: bytes, size: int) -> bytes:
        return member.decompress(data, size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._text and self._unpack(len(buffer)):
            pass
        part = self._text[: len(buffer)]
        self._text = self._text[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _unpack(self, size: int) -> bool:
        """Unpack a little more; False at the end of the file."""
        member = self._member
        if member is None or member.eof:
            data = self._next_head()
            if not data:
                return False
            self._member = member = self.new_member()
            self.head = data
        else:
            data = self._stream.read(self.piece) if member.needs_input else b""
            if not data and member.needs_input:
                message = "the file ends before what is packed in it does"
                raise EOFError(message)
        self._text = memoryview(self.decompress(member, data, size))
        return True

    def _next_head(self) -> bytes:
        """Return the beginning of the next stream, nothing at the end of the file."""
        data = b"" if self._member is None else self.without_padding(self._member.unused_data)
        while not data:
            read = self._stream.read(self.piece)
            if not read:
                break
            data = self.without_padding(read)
        return data


class _XzMembers(_MultiStreamReader):
    """Unpack xz streams, between which there may be zeros, or an old lzma stream."""

    def new_member(self) -> _Member:
        return lzma.LZMADecompressor(memlimit=LARGEST_WINDOW + _XZ_BESIDES)

    def without_padding(self, data: bytes) -> bytes:
        return data.lstrip(b"\0")

    def decompress(self, member: _Member, data: bytes, size: int) -> bytes:
        try:
            return member.decompress(data, size)
        except lzma.LZMAError as error:
            if str(error) != _XZ_TOO_LARGE:
                raise
            raise _too_large(self.name, _dictionary(self.head), "xz -dc") from error


class _ZstdMembers(_MultiStreamReader):
    """Unpack zstd frames.

    The library's own reader takes a file that is cut short for one that ends; this one tells.
    """

    piece = _ZSTD_PIECE

    def __init__(self, stream: IO[bytes], name: str) -> None:
        try:
            import zstandard
        except ImportError:
            message = f"reading {name}, which is zstd-compressed,"
            raise MissingExtraError(message, "zst") from None
        super().__init__(stream, name)
        self._library = zstandard
        self._frames = zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW)

    def new_member(self) -> _Member:
        return _ZstdFrame(self._frames.decompressobj())

    def decompress(self, member: _Member, data: bytes, size: int) -> bytes:
        try:
            return member.decompress(data, size)
        except self._library.ZstdError as error:
            if _ZSTD_TOO_LARGE not in str(error):
                raise EOFError(str(error)) from error
            raise _too_large(self.name, self._window(), "zstd -dc --long=31") from error

    def _window(self) -> int | None:
        try:
            return self._library.get_frame_parameters(self.head).window_size
        except self._library.ZstdError:  # not all of the header is in it
            return None


class _ZstdFrame:
    """A zstd frame that is unpacked as the other kinds of streams are, but for the size."""

    needs_input = True

    def __init__(self, frame: Any) -> None:
        self._frame = frame

    @property
    def eof(self) -> bool:
        return bool(self._frame.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._frame.unused_data)

    def decompress(self, data: bytes, max_length: int) -> bytes:  # noqa: ARG002
        return bytes(self._frame.decompress(data))


def _too_large(name: str, window: int | None, command: str) -> InputError:
    asked = "a larger window" if window is None else f"a window of {window:,} bytes"
    return InputError(
        f"{name} asks for {asked} to be unpacked with, and at most {LARGEST_WINDOW:,} bytes are "
        f"given; unpack it first and pipe it in, as in {command} {name} | w2v train -"
    )


def _dictionary(head: bytes) -> int | None:
    """Bytes of dictionary that an xz or lzma stream asks for, None where that cannot be told.

    The property of LZMA2 codes them (the .xz file format, 5.3.1); it is the last filter, behind
    which the header of a block has padding and its checksum only.
    """
    if not head.startswith(_XZ_MAGIC):
        return int.from_bytes(head[1:5], "little")
    end = _XZ_HEADER + 4 * (head[_XZ_HEADER] + 1) - 4 if len(head) > _XZ_HEADER else 0
    place = head.rfind(_LZMA2, _XZ_HEADER, end)
    if place < 0 or place + len(_LZMA2) >= end:
        return None
    bits = head[place + len(_LZMA2)]
    return (2 | bits & 1) << (bits // 2 + 11) if bits < _XZ_LARGEST else 2**32 - 1
