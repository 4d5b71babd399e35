"""Detection of files that are not text."""

from __future__ import annotations

import re

import pytest

from not_text import CHINESE, LEGACY, MARKED, NOT_TEXT, PROSE, UNMARKED
from w2v.system.sniff import (
    COMPRESSED,
    count_controls,
    count_invalid,
    first_match,
    sniff_binary,
    sniff_non_text,
)

OTHER_TEXT = MARKED | UNMARKED | LEGACY


@pytest.mark.parametrize(
    ("data", "kind"), (NOT_TEXT | OTHER_TEXT).values(), ids=NOT_TEXT | OTHER_TEXT
)
def test_other_files_are_detected(data, kind):
    assert re.fullmatch(kind, sniff_non_text(data[: 1 << 16]) or "")


@pytest.mark.parametrize(("data", "kind"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_binary_files_are_detected(data, kind):
    assert sniff_binary(data[: 1 << 16]) == kind


@pytest.mark.parametrize("data", [data for data, _ in OTHER_TEXT.values()], ids=OTHER_TEXT)
def test_text_in_another_encoding_is_not_binary(data):
    assert sniff_binary(data[: 1 << 16]) is None


@pytest.mark.parametrize(
    "head", [b"GIF89a is a format", b"ID3 tags", b"RIFF", b"OggS files", b"MM* and II*"]
)
def test_text_about_files_is_text(head):
    assert sniff_binary(head) is None


def test_bytes_are_counted():
    data = "ab\t\r\n\x1b日\xe9\x00\x07\x7f".encode() + b"\xff\xe6\x97\xed\xa0\x80"
    assert count_controls(data) == 3
    assert count_invalid(data) == count_invalid(bytearray(data)) == 6


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x1f\x8b\x08", "gzip"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\x52\x2a\x4d\x18", "zstd"),
        (b"BZhang was here", None),
    ],
)
def test_compression_is_detected(head, kind):
    assert first_match(COMPRESSED, head) == kind
    assert sniff_non_text(head) == (kind and f"{kind}-compressed")


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        CHINESE,
        "",
        "a",
        "日",
        "words\0words\0",
        "[x] ]]",
        "Привет, мир! ελληνικά",
        "\x1b[1m a",
    ],
)
def test_utf8_text_is_accepted(text):
    assert sniff_non_text(text.encode()) is None


def test_a_character_may_be_incomplete_at_the_end():
    assert sniff_non_text("日".encode()[:-1] + b" words") is None
