"""Content sniffing: the type of a file by its first bytes."""

from __future__ import annotations

import re

SNIFFED_BYTES = 1 << 16

# The share of bytes in text that may be neither UTF-8 nor printable.
_MAX_FOREIGN_SHARE = 0.3

_WITHOUT_MARK = {
    f"utf-{bits}-{order[0]}e": f"text in UTF-{bits} ({order}-endian, without a byte-order mark)"
    for bits in (32, 16)
    for order in ("little", "big")
}

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
    (rb"\xff\xfe\x00\x00", "text in UTF-32 (little-endian)"),
    (rb"\x00\x00\xfe\xff", "text in UTF-32 (big-endian)"),
    (rb"\xff\xfe", "text in UTF-16 (little-endian)"),
    (rb"\xfe\xff", "text in UTF-16 (big-endian)"),
)


def first_match(patterns: tuple[tuple[bytes, str], ...], head: bytes) -> str | None:
    """Return the name of the first pattern that the first bytes of a file match, or None."""
    return next((kind for magic, kind in patterns if re.match(magic, head, re.DOTALL)), None)


def sniff_non_text(head: bytes) -> str | None:
    """Return the type of a file by its first bytes, or None for UTF-8 text."""
    kind = first_match(_OTHER_TYPES, head)
    if kind is not None:
        return kind
    kind = first_match(COMPRESSED, head)
    if kind is not None:
        return f"{kind}-compressed"
    zeros = head.count(0)
    odd_zeros = head[1::2].count(0)
    if zeros > 0.2 * len(head) and not 0.05 < odd_zeros / zeros < 0.95:
        return _WITHOUT_MARK["utf-16-le" if odd_zeros else "utf-16-be"]
    invalid = len(head) - len(head.decode("utf-8", "ignore").encode())
    controls = sum(map(head.count, (*range(9), *range(14, 27), 127)))
    if invalid + controls <= _MAX_FOREIGN_SHARE * len(head):
        return None
    for encoding, kind in _WITHOUT_MARK.items():
        if _reads_well(head.decode(encoding, "replace")):
            return kind
    return "binary data, or text in a legacy encoding"


def _reads_well(text: str) -> bool:
    """Return whether some characters are white space and nearly all are printable."""
    spaces = sum(map(text.count, " \n\t"))
    printable = sum(map(str.isprintable, text)) + text.count("\n") + text.count("\r")
    return spaces > 0.01 * len(text) and printable > 0.95 * len(text)
