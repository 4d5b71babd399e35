"""Samples of files that are not UTF-8 text, with the type that is reported for each."""

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
    "sqlite": (b"SQLite format 3\0" + bytes(40), "a SQLite database"),
    "utf-16": (PROSE.encode("utf-16"), r"text in UTF-16 \(little-endian\)"),
    "utf-16-be": (b"\xfe\xff" + PROSE.encode("utf-16-be"), r"text in UTF-16 \(big-endian\)"),
    "utf-32": (PROSE.encode("utf-32"), r"text in UTF-32 \(little-endian\)"),
    "utf-32-be": (b"\0\0\xfe\xff" + PROSE.encode("utf-32-be"), r"text in UTF-32 \(big-endian\)"),
    "utf-16-le bare": (
        PROSE.encode("utf-16-le"),
        r"text in UTF-16 \(little-endian, without a byte-order",
    ),
    "utf-16-be bare": (
        PROSE.encode("utf-16-be"),
        r"text in UTF-16 \(big-endian, without a byte-order",
    ),
    "utf-32-le bare": (
        PROSE.encode("utf-32-le"),
        r"text in UTF-32 \(little-endian, without a byte-order",
    ),
    "utf-32-be bare": (
        PROSE.encode("utf-32-be"),
        r"text in UTF-32 \(big-endian, without a byte-order",
    ),
    "chinese le": (
        CHINESE.encode("utf-16-le"),
        r"text in UTF-16 \(little-endian, without a byte-order",
    ),
    "chinese be": (
        CHINESE.encode("utf-16-be"),
        r"text in UTF-16 \(big-endian, without a byte-order",
    ),
    "gbk": (CHINESE.encode("gbk"), "binary data, or text in a legacy encoding"),
    "binary": (bytes(range(256)) * 20, "binary data, or text in a legacy encoding"),
    "zeros": (bytes(5000), "binary data, or text in a legacy encoding"),
    "random": (np.random.default_rng(1).bytes(70_000), "binary data, or text in a legacy"),
}
