"""Decoding of streams of bytes: text in any encoding, plain or compressed, as UTF-8.

A byte that does not decode becomes 0xFF, which is not valid UTF-8 either. So the tokenizer treats
invalid bytes of all encodings alike: they separate words and are counted.
"""

from __future__ import annotations

import codecs
import io
import re
from typing import IO, Any, cast

from w2v.config import MAX_EXPANSION
from w2v.errors import InputError
from w2v.system.encodings import (
    WIDE,
    byte_order_mark,
    codec_name,
    describe_wide,
    wide_encoding,
)
from w2v.system.files import not_text_error
from w2v.system.sniff import COMPRESSED, SNIFFED_BYTES, first_match, sniff_binary
from w2v.text.decompress import ExpansionGuard, decompress

_DECODED_BYTES = 1 << 17
_JAPANESE_ESCAPE = re.compile(rb"\x1b\$[@B]")  # of ISO-2022-JP: from here on, two bytes a character
# Valid continuation bytes that no text in another encoding has.
_SURELY_UTF8 = 8


def _mark_invalid(error: UnicodeError) -> tuple[str, int]:
    """Replace each byte that does not decode by the surrogate which is encoded as 0xFF."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return "\udcff" * (error.end - error.start), error.end


_MARK_INVALID = "w2v.mark_invalid"
codecs.register_error(_MARK_INVALID, _mark_invalid)


class CountingReader(io.RawIOBase):
    """A raw stream that counts the bytes read, and can look at its beginning before."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = cast("io.BufferedReader", raw)
        self._head = b""
        self.count = 0

    def readable(self) -> bool:
        """Return True."""
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
        """Read into a buffer and return the number of bytes, 0 at the end."""
        if self._head:
            size = min(len(buffer), len(self._head))
            buffer[:size] = self._head[:size]
            self._head = self._head[size:]
        else:
            size = self._raw.readinto(buffer) or 0
        self.count += size
        return size


class Transcoder(io.RawIOBase):
    """A stream of text in any encoding, as UTF-8.

    Args:
        stream: the encoded bytes.
        encoding: see `w2v.system.encodings.encoding_name`.

    Attributes:
        encoding: the same.
        head: the first bytes.
        undecodable: a part of the bytes with some that do not decode, or b"" if there is none.

    """

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self.encoding = encoding
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(codec_name(encoding))(_MARK_INVALID)
        self._text = memoryview(b"")  # can be sliced without a copy
        self._ended = False
        self.head = b""
        self.undecodable = b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Decode into a buffer and return the number of bytes, 0 at the end."""
        while not self._text and not self._ended:
            self._text = memoryview(self._decode())
        part = self._text[: len(buffer)]
        self._text = self._text[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def _decode(self) -> bytes:
        data = self._stream.read(_DECODED_BYTES)
        self._ended = not data
        self.head = self.head or data
        text = self._decoder.decode(data, final=self._ended)
        try:
            return text.encode()
        except UnicodeEncodeError:  # there are marks of invalid bytes
            self.undecodable = self.undecodable or data
            # Lone surrogates that an encoding itself allows, as UTF-7 does, are invalid too.
            return text.encode("utf-8", "surrogatepass").replace(b"\xed\xb3\xbf", b"\xff")


class TextStream(io.BufferedReader):
    """The text of a stream as UTF-8.

    Attributes:
        transcoder: which decodes it, or None if it is UTF-8 already.
        compression: of the bytes, such as gzip; None without one.
        marked: whether a byte-order mark stood at the beginning.

    """

    def __init__(
        self, raw: io.RawIOBase, compression: str | None = None, *, marked: bool = False
    ) -> None:
        super().__init__(raw, SNIFFED_BYTES)
        self.transcoder = raw if isinstance(raw, Transcoder) else None
        self.compression = compression
        self.marked = marked


def open_text(
    raw: CountingReader,
    name: str,
    encoding: str | None = None,
    max_expansion: float = MAX_EXPANSION,
) -> TextStream:
    """Return the text of a stream: decompressed, checked, decoded, and without byte-order mark.

    Args:
        raw: the stream.
        name: of the file, for errors.
        encoding: of the text; None for UTF-8, and for UTF-16 or UTF-32 with a byte-order mark.
        max_expansion: see `w2v.text.decompress.ExpansionGuard`.

    Raises:
        InputError: it is not text, or contradicts ``encoding``; or none is given, and the text is
            UTF-16 or UTF-32 without a byte-order mark, or ISO-2022-JP.
        MissingExtraError: see `w2v.text.decompress.decompress`.

    """
    compression = _compression(raw)
    inner, name = _decompressed(raw, name, max_expansion)
    head = inner.sniff()
    finding = _sniff(head, encoding)
    if finding is not None:
        raise not_text_error(name, finding)
    mark, marked = byte_order_mark(head)
    found = _encoding_of(head, name, encoding, marked)
    stream = TextStream(inner, compression, marked=bool(mark))
    stream.read(len(mark))
    if found == "utf-8":
        return stream
    return TextStream(Transcoder(stream, found), compression, marked=bool(mark))


def find_non_text(
    raw: CountingReader,
    name: str,
    encoding: str | None = None,
    max_expansion: float = MAX_EXPANSION,
) -> str | None:
    """Return what a stream is, decompressed, if it is not text; arguments as for `open_text`."""
    inner, _ = _decompressed(raw, name, max_expansion)
    return _sniff(inner.sniff(), encoding)


def _decompressed(
    raw: CountingReader, name: str, max_expansion: float
) -> tuple[CountingReader, str]:
    """Return a stream without its compression, if it has one, and its name."""
    compression = _compression(raw)
    if compression is None:
        return raw, name
    text = decompress(io.BufferedReader(raw, SNIFFED_BYTES), compression, name)
    guard = ExpansionGuard(text, lambda: raw.count, name, max_expansion)
    return CountingReader(cast("IO[bytes]", guard)), f"{name} (decompressed)"


def _compression(raw: CountingReader) -> str | None:
    return first_match(COMPRESSED, raw.sniff())


def _sniff(head: bytes, encoding: str | None) -> str | None:
    return sniff_binary(head, wide=(encoding or "").startswith(("utf-16", "utf-32")))


def _encoding_of(head: bytes, name: str, encoding: str | None, marked: str | None) -> str:
    """Return the encoding of a text, after checking the given one against its beginning."""
    given = None if encoding is None else codec_name(encoding)
    if marked is not None:
        if given is not None and not marked.startswith(given):
            message = (
                f"{name} begins with the byte-order mark of {marked}, but `encoding={encoding!r}` "
                "is given; omit it"
            )
            raise InputError(message)
        return marked
    wide = wide_encoding(head)
    if wide is not None and given not in {wide, wide[:6]}:
        message = (
            f"{name} is text in {describe_wide(wide)}, without a byte-order mark: expected "
            f"{encoding or 'UTF-8'}; pass `encoding={wide!r}`, or convert it"
        )
        raise InputError(message)
    if given is None and _JAPANESE_ESCAPE.search(head):  # all its bytes are ASCII
        message = f"{name} is text in iso2022_jp: expected UTF-8; pass `encoding='iso2022_jp'`"
        raise InputError(message)
    if given is None or given == "utf-8":
        return "utf-8"
    if given in {"utf-16", "utf-32"}:
        return wide or f"{given}-le"
    if given not in WIDE and _is_surely_utf8(head):
        message = f"{name} is UTF-8, but `encoding={encoding!r}` is given; omit it"
        raise InputError(message)
    return given


def _is_surely_utf8(head: bytes) -> bool:
    """Return whether there are some multi-byte characters, and all are valid UTF-8."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return False
    return len(head) - len(text) >= _SURELY_UTF8
