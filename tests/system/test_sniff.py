"""Detection of files that are not text."""

from __future__ import annotations

import re

import pytest

from not_text import CHINESE, NOT_TEXT, PROSE
from w2v.system.sniff import COMPRESSED, first_match, sniff_non_text


@pytest.mark.parametrize(("data", "kind"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_other_files_are_detected(data, kind):
    assert re.match(kind, sniff_non_text(data[: 1 << 16]) or "")


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
