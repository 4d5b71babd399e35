"""The judgement of whether a text is UTF-8, over the whole of each file."""

from __future__ import annotations

import io

import numpy as np
import pytest

from not_text import CHINESE, PROSE
from w2v.errors import InputError
from w2v.system.sniff import count_invalid
from w2v.text.decode import CountingReader, open_text
from w2v.text.validity import ByteCounts, Validity, count_bytes

ASCII = b"the quick brown fox jumps over the lazy dog\n"
GERMAN = "Größe München schön\n"


def validity(encoding: str | None = None, data: bytes = b"a") -> Validity:
    return Validity("f", open_text(CountingReader(io.BytesIO(data)), "f", encoding), encoding)


def judge(text: bytes, encoding: str | None = None, block: int = 1 << 20) -> Validity:
    """Judge a text as the reader does, block by block."""
    result = validity(encoding)
    for start in range(0, len(text), block):
        part = text[start : start + block]
        result.add(count_bytes(part, count_invalid(part)))
    result.finish()
    return result


def refusal(text: bytes, encoding: str | None = None, block: int = 1 << 20) -> str:
    with pytest.raises(InputError) as caught:
        judge(text, encoding, block)
    return str(caught.value)


def test_eight_bit_text_is_refused_with_its_encoding():
    assert refusal(GERMAN.encode("latin-1")) == (
        "f is not UTF-8: 4 of 4 non-ASCII bytes are invalid; it is probably in windows-1252 "
        "('Größe München schön'); pass `encoding='windows-1252'`, or `encoding='utf-8'` to split "
        "words at these bytes"
    )
    assert "probably in gb18030 ('维基百科，自由的百科全书。 数学 是研究'); pass" in refusal(
        CHINESE.encode("gbk")
    )


@pytest.mark.parametrize("before", [0, 70_000, 3_000_000])
@pytest.mark.parametrize("block", [1 << 16, 1 << 20])
def test_the_place_of_the_accents_does_not_matter(before, block):
    text = ASCII * (before // len(ASCII)) + GERMAN.encode("latin-1")
    assert "4 of 4 non-ASCII bytes are invalid" in refusal(text, block=block)
    assert "4 of 4 non-ASCII bytes are invalid" in refusal(text[::-1], block=block)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.095, 0.105, 0.3, 0.9])
def test_the_share_of_invalid_non_ascii_bytes_decides(share):
    invalid = round(2000 * share)
    text = ASCII * 9000 + "é".encode() * ((2000 - invalid) // 2) + b" \xff" * invalid
    if share <= 0.1:
        assert judge(text).invalid == invalid
    else:
        assert f"{invalid:,} of " in refusal(text)


def test_a_few_damaged_bytes_in_utf_8_are_counted():
    data = bytearray(PROSE.encode() * 100)
    for place in np.random.default_rng(1).integers(0, len(data), 100):
        data[place] = 0xFF
    counted = judge(bytes(data))
    assert counted.invalid == count_invalid(data) > 80
    assert counted.suspicion == ""


def test_a_single_byte_is_counted_unless_it_is_much_of_the_text():
    counted = judge(ASCII * 10 + b"caf\xe9\n")
    assert counted.invalid == 1
    assert counted.suspicion == (
        "; if the text is in windows-1252 ('café'), pass `encoding='windows-1252'`"
    )
    assert "1 of 1 non-ASCII bytes" in refusal(b"a caf\xe9 au lait\n")


def test_a_foreign_block_is_refused_at_once():
    result = validity()
    result.add(count_bytes(PROSE.encode() * 1000, 0))
    block = GERMAN.encode("latin-1") * 100
    with pytest.raises(InputError, match="f is not UTF-8: 400 of "):
        result.add(count_bytes(block, count_invalid(block)))


def test_a_mixture_of_encodings_is_named():
    text = GERMAN * 30
    message = refusal(text.encode() + text.encode("latin-1"))
    assert (
        "120 of 360 non-ASCII bytes are invalid; a part of it is probably in windows-12" in message
    )
    assert "convert that part to UTF-8, or pass `encoding='utf-8'`" in message


def test_an_unknown_encoding_is_refused():
    data = np.random.default_rng(1).integers(0x80, 0x100, 500).astype(np.uint8).tobytes()
    message = refusal(ASCII + data)
    assert message.endswith(
        "; convert it to UTF-8, or pass its `encoding`, or `encoding='utf-8'` to split words at "
        "these bytes"
    )


@pytest.mark.parametrize(
    ("text", "encoding", "given"),
    [
        ("Все люди рождаются свободными", "windows-1251", "latin-1"),
        ("Все люди рождаются свободными", "koi8-r", "cp1251"),
        (CHINESE, "gb18030", "shift_jis"),
        (GERMAN, "windows-1252", "cp1251"),
    ],
)
def test_a_doubtful_given_encoding_is_noted(text, encoding, given):
    data = text.encode(encoding)
    for name, doubtful in ((given, True), (encoding, False)):
        stream = open_text(CountingReader(io.BytesIO(data)), "f", name)
        result = Validity("f", stream, name)
        assert stream.read()
        assert (result.finding() is not None) == doubtful
        assert (f"if that is right, pass `encoding='{encoding}'`" in result.doubt) == doubtful


def test_text_given_as_utf_8_is_never_refused():
    counted = judge(GERMAN.encode("latin-1") * 100, "utf-8")
    assert (counted.invalid, counted.suspicion) == (400, "")


def test_a_wrong_given_encoding_is_refused():
    data = CHINESE.encode("gbk")
    text = open_text(CountingReader(io.BytesIO(data)), "f", "ascii")
    result = Validity("f", text, "ascii")
    block = text.read()
    message = r"^f is not text in ascii: .* it is probably `encoding='gb18030'`$"
    with pytest.raises(InputError, match=message):
        result.add(count_bytes(block, count_invalid(block)))


# Wide characters among others


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("text", ["hello big world\n", "Все люди рождаются свободными и равными\n"])
def test_wide_text_behind_ascii_is_refused(encoding, shift, text):
    behind = ASCII * 3_000 + b"x" * shift
    message = refusal(behind + (text * 5).encode(encoding))
    assert message.startswith(f"f contains text in {encoding[:6].upper()} among other text, at ")
    assert "convert that part to UTF-8, or pass `encoding='utf-8'` to read it as it is" in message


def test_the_position_of_wide_text_counts_all_blocks():
    text = ASCII * 100 + "hello big world\n".encode("utf-16-le")
    assert f"at byte {len(ASCII) * 100 + 1:,}:" in refusal(text, block=1000)


def test_wide_text_is_only_noted_if_the_text_was_given_as_utf_8():
    text = ASCII * 10 + "hello big world\n".encode("utf-16-le")
    assert judge(text, "utf-8").wide == "UTF-16"


@pytest.mark.parametrize(
    "text", [b"words\0in\0records\0" * 100, b"a\0b\n" * 50, bytes(9999), ASCII + bytes(600) + ASCII]
)
def test_other_zeros_are_accepted(text):
    assert judge(text).wide is None


# Counts


@pytest.mark.parametrize("seed", range(4))
def test_counts_of_bytes_equal_the_reference(seed):
    draw = np.random.default_rng(seed)
    block = draw.integers(0, 256, int(draw.integers(0, 300_000))).astype(np.uint8).tobytes()
    invalid = count_invalid(block)
    counts = count_bytes(block, invalid)
    assert counts.size == len(block)
    assert counts.invalid == invalid
    if invalid:
        assert counts.non_ascii == sum(byte > 127 for byte in block)


def test_clean_blocks_are_counted_exactly_if_small_and_else_estimated():
    assert count_bytes("é".encode() * 100 + ASCII, 0) == ByteCounts(200 + len(ASCII), 200, 0)
    large = PROSE.encode() * 2_000
    estimate = count_bytes(large, 0).non_ascii
    assert estimate == pytest.approx(sum(byte > 127 for byte in large), rel=0.01)
    assert count_bytes(b"", 0) == ByteCounts(0, 0, 0)


def test_the_sample_has_lines_with_other_bytes():
    block = ASCII * 10 + GERMAN.encode("latin-1") + ASCII * 10
    assert count_bytes(block, count_invalid(block)).sample == GERMAN.encode("latin-1").rstrip()
    long = b"x " * 50_000 + GERMAN.encode("latin-1")
    sample = count_bytes(long, count_invalid(long)).sample
    assert GERMAN.encode("latin-1").rstrip() in sample
    assert len(sample) <= 1 << 14
