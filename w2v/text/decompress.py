"""Decompression within bounds.

A few bytes can expand to any size, and a header can ask for gigabytes of memory. So the output is
limited in proportion to the input, and the window or dictionary of a decompressor is limited too.
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
"""Bytes of output that are always allowed, because small repetitive files compress well."""

MAX_WINDOW = 256 << 20
"""Bytes of text that a decompressor may look back on; xz -9 has 64 MiB, zstd --ultra 128 MiB."""

_ADVICE = "if this is intended, raise the limit with `max_expansion` (0: no limit)"

_XZ_OVERHEAD = 1 << 20  # bytes of memory besides the dictionary
_INPUT_BYTES = 1 << 16
# zstd decompresses all its input at once, and 4 bytes may expand to 128 KiB.
_ZSTD_INPUT_BYTES = 1 << 9
_ZSTD_TOO_LARGE = "too much memory"
_XZ_TOO_LARGE = "Memory usage limit exceeded"
_XZ_MAGIC = b"\xfd7zXZ\x00"
_XZ_HEADER = 12  # bytes of the header of a stream; that of its first block follows
_XZ_MAX_CODE = 40  # the code of 4 GiB less 1
_LZMA2 = b"\x21\x01"  # the id of the filter, and the size of its properties


class ExpansionGuard(io.RawIOBase):
    """A decompressed stream that must not be too long for its compressed size.

    Args:
        stream: the decompressed bytes.
        compressed: returns the compressed bytes read so far.
        name: of the file, for errors.
        limit: the ratio of decompressed to compressed bytes that is allowed beyond FREE_BYTES;
            0 for no limit.
        advice: the end of the message.

    Raises:
        InputError: by `readinto`, if the stream exceeds the limit.

    """

    def __init__(
        self,
        stream: IO[bytes],
        compressed: Callable[[], int],
        name: object,
        limit: float = MAX_EXPANSION,
        advice: str = _ADVICE,
    ) -> None:
        self._stream = cast("io.BufferedReader", stream)
        self._compressed = compressed
        self._name = name
        self._limit = limit
        self._advice = advice
        self._count = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer and return the number of bytes, 0 at the end."""
        size = self._stream.readinto(buffer) or 0
        self._count += size
        compressed = self._compressed()
        if self._limit and self._count > max(FREE_BYTES, self._limit * compressed):
            message = (
                f"{self._name} expands to over {self._limit:,} times its size: to {self._count:,} "
                f"bytes so far, from {compressed:,}; {self._advice}"
            )
            raise InputError(message)
        return size


def decompress(stream: IO[bytes], compression: str, name: str) -> IO[bytes]:
    """Return the decompressed bytes of a stream.

    Args:
        stream: the compressed bytes.
        compression: gzip, bzip2, xz or zstd.
        name: of the file, for errors.

    Returns:
        A stream. Reading raises EOFError, OSError, lzma.LZMAError or zlib.error if the input is
        damaged, and InputError if it asks for too much memory.

    Raises:
        MissingExtraError: the package for zstd is not installed.

    """
    if compression == "gzip":
        return cast("IO[bytes]", gzip.open(stream))
    readers = {"bzip2": _MultiStreamReader, "xz": _XzReader, "zstd": _ZstdReader}
    return cast("IO[bytes]", readers[compression](stream, name))


class _Decompressor(Protocol):
    """The decompressor of one of the streams of a file."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _MultiStreamReader(io.RawIOBase):
    """Decompress concatenated bzip2 streams; anything else behind them is an error.

    Attributes:
        name: of the file, for errors.
        head: the first bytes of the present stream.

    """

    input_bytes = _INPUT_BYTES

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self.name = name
        self.head = b""
        self._stream = stream
        self._decompressor: _Decompressor | None = None
        self._text = memoryview(b"")  # can be sliced without a copy

    def new_decompressor(self) -> _Decompressor:
        return bz2.BZ2Decompressor()

    def strip_padding(self, data: bytes) -> bytes:
        """Return the bytes behind a stream without padding."""
        return data

    def decompress(self, decompressor: _Decompressor, data: bytes, size: int) -> bytes:
        return decompressor.decompress(data, size)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._text and self._fill(len(buffer)):
            pass
        part = self._text[: len(buffer)]
        self._text = self._text[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _fill(self, size: int) -> bool:
        """Decompress a little more, or return False at the end of the file."""
        decompressor = self._decompressor
        if decompressor is None or decompressor.eof:
            data = self._next_head()
            if not data:
                return False
            self._decompressor = decompressor = self.new_decompressor()
            self.head = data
        else:
            data = self._stream.read(self.input_bytes) if decompressor.needs_input else b""
            if not data and decompressor.needs_input:
                message = "the compressed stream is incomplete"
                raise EOFError(message)
        self._text = memoryview(self.decompress(decompressor, data, size))
        return True

    def _next_head(self) -> bytes:
        """Return the first bytes of the next stream, or nothing at the end of the file."""
        data = (
            b""
            if self._decompressor is None
            else self.strip_padding(self._decompressor.unused_data)
        )
        while not data:
            read = self._stream.read(self.input_bytes)
            if not read:
                break
            data = self.strip_padding(read)
        return data


class _XzReader(_MultiStreamReader):
    """Decompress xz streams, which may have zeros between them, or an old lzma stream."""

    def new_decompressor(self) -> _Decompressor:
        return lzma.LZMADecompressor(memlimit=MAX_WINDOW + _XZ_OVERHEAD)

    def strip_padding(self, data: bytes) -> bytes:
        return data.lstrip(b"\0")

    def decompress(self, decompressor: _Decompressor, data: bytes, size: int) -> bytes:
        try:
            return decompressor.decompress(data, size)
        except lzma.LZMAError as error:
            if str(error) != _XZ_TOO_LARGE:
                raise
            raise _too_large(self.name, _dictionary_size(self.head), "xz -dc") from error


class _ZstdReader(_MultiStreamReader):
    """Decompress zstd frames.

    The reader of the library accepts a truncated file without an error.
    """

    input_bytes = _ZSTD_INPUT_BYTES

    def __init__(self, stream: IO[bytes], name: str) -> None:
        try:
            import zstandard
        except ImportError:
            message = f"reading {name}, which is zstd-compressed,"
            raise MissingExtraError(message, "zst") from None
        super().__init__(stream, name)
        self._library = zstandard
        self._frames = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)

    def new_decompressor(self) -> _Decompressor:
        return _ZstdFrame(self._frames.decompressobj())

    def decompress(self, decompressor: _Decompressor, data: bytes, size: int) -> bytes:
        try:
            return decompressor.decompress(data, size)
        except self._library.ZstdError as error:
            if _ZSTD_TOO_LARGE not in str(error):
                raise EOFError(str(error)) from error
            raise _too_large(self.name, self._window(), "zstd -dc --long=31") from error

    def _window(self) -> int | None:
        try:
            return self._library.get_frame_parameters(self.head).window_size
        except self._library.ZstdError:  # the header is incomplete
            return None


class _ZstdFrame:
    """A zstd decompressor with the interface of the others, except that it ignores the size."""

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
    needed = "a larger window" if window is None else f"a window of {window:,} bytes"
    return InputError(
        f"decompressing {name} needs {needed}, but the limit is {MAX_WINDOW:,} bytes; decompress "
        f"it first: {command} {name}"
    )


def _dictionary_size(head: bytes) -> int | None:
    """Return the size of the dictionary of an xz or lzma stream, or None if it is not found.

    The properties of LZMA2 encode it (the .xz file format, 5.3.1). LZMA2 is the last filter; only
    padding and the checksum follow it in the header of a block.
    """
    if not head.startswith(_XZ_MAGIC):
        return int.from_bytes(head[1:5], "little")
    end = _XZ_HEADER + 4 * (head[_XZ_HEADER] + 1) - 4 if len(head) > _XZ_HEADER else 0
    offset = head.rfind(_LZMA2, _XZ_HEADER, end)
    if offset < 0 or offset + len(_LZMA2) >= end:
        return None
    bits = head[offset + len(_LZMA2)]
    return (2 | bits & 1) << (bits // 2 + 11) if bits < _XZ_MAX_CODE else 2**32 - 1
