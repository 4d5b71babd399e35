"""Content sniffing: the type of a file by its first bytes."""

from __future__ import annotations

import functools
import re

from w2v.system.encodings import (
    WIDE,
    byte_order_mark,
    describe_wide,
    guess_encoding,
    wide_encoding,
)

SNIFFED_BYTES = 1 << 16

# The share of bytes in UTF-8 text that may be neither valid nor printable.
_MAX_FOREIGN_SHARE = 0.3
# The share of control characters in text of any encoding; random bytes have 0.1.
_MAX_CONTROLS = 0.02

_CONTROLS = bytes((*range(9), *range(14, 27), 127))

COMPRESSED = (
    (rb"\x1f\x8b", "gzip"),
    (rb"BZh[1-9](1AY&SY|\x17\x72\x45\x38\x50\x90)", "bzip2"),
    (rb"\xfd7zXZ\x00|\x5d\x00\x00", "xz"),
    (rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18", "zstd"),  # a frame, or a skippable frame
)

_OTHER_TYPES = (
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
    (rb"GIF8[79]a.{1,3}[\x00-\x08]", "a GIF picture"),
    (rb"RIFF.{4}WEBP", "a WebP picture"),
    (rb"(II\*\x00|MM\x00\*)", "a TIFF picture"),
    (rb"OggS\x00|ID3[\x02-\x04]|fLaC\x00|RIFF.{4}WAVE|\x00{3}.ftyp", "an audio or video file"),
    (rb"\x80[\x02-\x05]", "a Python pickle"),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "a Microsoft Office document"),
    (rb"\x00\x00\x00\x01Bud1", "a .DS_Store file"),
)


def first_match(patterns: tuple[tuple[bytes, str], ...], head: bytes) -> str | None:
    """Return the name of the first pattern that the first bytes of a file match, or None."""
    if not _any_of(patterns).match(head):  # which is so for most files, and corpora have thousands
        return None
    return next((kind for magic, kind in patterns if re.match(magic, head, re.DOTALL)), None)


@functools.cache
def _any_of(patterns: tuple[tuple[bytes, str], ...]) -> re.Pattern[bytes]:
    return re.compile(b"|".join(b"(?:%b)" % magic for magic, _ in patterns), re.DOTALL)


def sniff_non_text(head: bytes) -> str | None:
    """Return the type of a file by its first bytes, or None for UTF-8 text."""
    binary = sniff_binary(head)
    if binary is not None:
        return binary
    encoding = byte_order_mark(head)[1]
    if encoding in WIDE:
        return f"text in {describe_wide(encoding)}"
    encoding = wide_encoding(head)
    if encoding is not None:
        return f"text in {describe_wide(encoding)}, without a byte-order mark"
    if count_invalid(head) + count_controls(head) <= _MAX_FOREIGN_SHARE * len(head):
        return None
    encoding = guess_encoding(head)
    return "text in an unknown encoding" if encoding is None else f"text in {encoding}"


def sniff_binary(head: bytes, *, wide: bool = False) -> str | None:
    """Return the type of a file by its first bytes, or None for text in any encoding.

    Args:
        head: the first bytes.
        wide: whether the file is known to be UTF-16 or UTF-32 if it is text.

    """
    kind = first_match(_OTHER_TYPES, head)
    if kind is not None:
        return kind
    kind = first_match(COMPRESSED, head)
    if kind is not None:
        return f"{kind}-compressed"
    controls = count_controls(head)
    if wide or controls <= _MAX_CONTROLS * len(head):
        return None
    if byte_order_mark(head)[1] in WIDE or wide_encoding(head) is not None:
        return None
    non_ascii = len(head) - len(head.decode("ascii", "ignore"))
    mostly_invalid = 2 * count_invalid(head) > non_ascii > 0
    if controls > _MAX_FOREIGN_SHARE * len(head) or mostly_invalid:
        return "binary data"
    return None


def count_invalid(data: bytes | bytearray) -> int:
    """Return the number of bytes that are not part of a valid UTF-8 sequence."""
    return len(data) - len(data.decode("utf-8", "ignore").encode())


def count_controls(data: bytes) -> int:
    """Return the number of control characters of ASCII, except those of white space and escape."""
    return len(data) - len(data.translate(None, _CONTROLS))
