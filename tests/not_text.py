"""Samples of files that are not text, or not UTF-8, with what is reported for each."""

from __future__ import annotations

import io
import tarfile
import zipfile

import numpy as np

TEXT = b"some words\n" * 40


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", TEXT)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = len(TEXT)
        archive.addfile(member, io.BytesIO(TEXT))
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(100))
    return file.getvalue()


PROSE = "Words, some of them Ünicode, and 日本語 too.\n" * 30
CHINESE = "维基百科，自由的百科全书。 数学\n是研究数量、结构以及空间等概念的一门学科。\n" * 30
NOT_TEXT = {
    "zip": (zipped(), "a zip archive"),
    "tar": (tarred(), "a tar archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(40), "a 7z archive"),
    "rar": (b"Rar!\x1a\x07\x01\0" + bytes(40), "a rar archive"),
    "lz4": (b"\x04\x22\x4d\x18dG", "lz4-compressed"),
    "Z": (b"\x1f\x9d\x90aaa", "compressed by compress"),
    "pdf": (b"%PDF-1.7\n%text", "a PDF document"),
    "elf": (b"\x7fELF\2\1\1", "an executable"),
    "png": (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    "jpeg": (b"\xff\xd8\xff\xe0", "a JPEG picture"),
    "hdf5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    "npy": (npy(), "a NumPy array"),
    "parquet": (b"PAR1\x15\x04", "a Parquet file"),
    "gif": (b"GIF89a\x40\x01\xc8\0" + bytes(40), "a GIF picture"),
    "webp": (b"RIFF\x24\0\0\0WEBPVP8 ", "a WebP picture"),
    "tiff": (b"II*\0\x08\0\0\0", "a TIFF picture"),
    "mp3": (b"ID3\x04\0\0\0\0", "an audio or video file"),
    "mp4": (b"\0\0\0\x20ftypisom", "an audio or video file"),
    "pickle": (b"\x80\x04\x95\x10\0", "a Python pickle"),
    "office": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40), "a Microsoft Office document"),
    "DS_Store": (b"\0\0\0\x01Bud1" + bytes(40), "a .DS_Store file"),
    "sqlite": (b"SQLite format 3\0" + bytes(40), "a SQLite database"),
    "binary": (bytes(range(256)) * 20, "binary data"),
    "zeros": (bytes(5000), "binary data"),
    "random": (np.random.default_rng(1).bytes(70_000), "binary data"),
}


def _wide(bits: int, order: str) -> str:
    return rf"text in UTF-{bits} \({order}-endian\)"


MARKED = {
    "utf-16": (PROSE.encode("utf-16"), _wide(16, "little")),
    "utf-16-be": (b"\xfe\xff" + PROSE.encode("utf-16-be"), _wide(16, "big")),
    "utf-32": (PROSE.encode("utf-32"), _wide(32, "little")),
    "utf-32-be": (b"\0\0\xfe\xff" + PROSE.encode("utf-32-be"), _wide(32, "big")),
}
"""Text with a byte-order mark."""

UNMARKED = {
    f"{language} {encoding}": (
        text.encode(encoding),
        _wide(int(encoding[4:6]), "little" if encoding.endswith("le") else "big")
        + ", without a byte-order mark",
    )
    for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    for language, text in (("prose", PROSE), ("chinese", CHINESE))
}
"""Text in UTF-16 or UTF-32 without a byte-order mark."""

LEGACY = {"gbk": (CHINESE.encode("gbk"), "text in gb18030")}
"""Text in encodings without zero bytes."""
