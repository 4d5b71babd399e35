"""Decoding of other encodings while reading."""

from __future__ import annotations

import gzip
import io

import numpy as np
import pytest

from not_text import CHINESE, MARKED, PROSE, UNMARKED
from text.helpers import blocks_of, read, write
from w2v.errors import InputError
from w2v.system.encodings import codec_name
from w2v.text import decode
from w2v.text.decode import CountingReader, Transcoder, open_text
from w2v.text.sources import FileSource, SourceOptions

RUSSIAN = "Все люди рождаются свободными и равными.\nПравах\n"
JAPANESE = "すべての人間は、生まれながらにして\n自由であり\n"
GERMAN = "Größe München schön\nStraße\n"
ENCODED = [
    ("latin-1", GERMAN),
    ("cp1252", GERMAN + "„it’s“\n"),
    ("cp1251", RUSSIAN),
    ("koi8-r", RUSSIAN),
    ("gb18030", CHINESE),
    ("gbk", CHINESE),
    ("big5", "人人生而自由，在尊嚴和權利上一律平等。\n"),
    ("shift_jis", JAPANESE),
    ("euc-jp", JAPANESE),
    ("iso2022_jp", JAPANESE),
    ("euc-kr", "모든 인간은 태어날\n"),
    ("utf-16", GERMAN),
    ("utf-16-le", PROSE),
    ("utf-16-be", PROSE),
    ("utf-32", PROSE),
    ("utf-7", GERMAN),
    ("utf-8", PROSE),
    ("utf-8-sig", PROSE),
]


def decoded(data: bytes, encoding: str | None) -> bytes:
    return open_text(CountingReader(io.BytesIO(data)), "f", encoding).read()


def reference(data: bytes, encoding: str) -> bytes:
    """Decode as a whole; U+FFFD for each invalid byte becomes 0xFF."""
    text = data.decode(codec_name(encoding), "w2v.mark_invalid")
    return b"".join(b"\xff" if c == "\udcff" else c.encode() for c in text)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 17])
@pytest.mark.parametrize(("encoding", "text"), ENCODED, ids=[name for name, _ in ENCODED])
def test_text_is_decoded_while_it_is_read(encoding, text, size, monkeypatch):
    monkeypatch.setattr(decode, "_DECODED_BYTES", size)
    assert decoded(text.encode(encoding), encoding).decode() == text
    assert decoded(gzip.compress(text.encode(encoding)), encoding).decode() == text


@pytest.mark.parametrize(("encoding", "text"), ENCODED, ids=[name for name, _ in ENCODED])
def test_files_are_decoded(encoding, text, tmp_path):
    path = write(tmp_path / "f", text.encode(encoding))
    source = FileSource([path], SourceOptions(encoding=encoding))
    assert b"".join(blocks_of(source)).decode() == text
    assert source.done_bytes == source.total_bytes == path.stat().st_size


@pytest.mark.parametrize("encoding", ["cp1252", "gb18030", "shift_jis", "big5", "euc-kr", "ascii"])
@pytest.mark.parametrize("seed", range(3))
def test_bytes_that_do_not_decode_are_marked_one_by_one(encoding, seed, monkeypatch):
    monkeypatch.setattr(decode, "_DECODED_BYTES", 5)
    drawn = np.random.default_rng(seed).bytes(400)
    transcoder = Transcoder(io.BytesIO(drawn), encoding)
    assert transcoder.read() == reference(drawn, encoding)
    assert transcoder.undecodable
    assert Transcoder(io.BytesIO(b"abc"), encoding).undecodable == b""


@pytest.mark.parametrize(
    ("data", "encoding", "lines", "invalid"),
    [
        (b"a\x81b c", "cp1252", [["a", "b", "c"]], 1),
        ("日本".encode("shift_jis")[:-1] + b" x", "shift_jis", [["日", "x"]], 1),
        ("ab".encode("utf-16-le") + b"\x00\xd8" + "c".encode("utf-16-le"), "utf-16-le",
         [["ab", "c"]], 2),
        ("aé".encode("utf-16-be") + b"\x00", "utf-16-be", [["aé"]], 1),
        (b"na\xefve", "ascii", [["na", "ve"]], 1),
    ],
)  # fmt: skip
def test_invalid_bytes_of_any_encoding_separate_words(data, encoding, lines, invalid, tmp_path):
    path = write(tmp_path / "f", data)
    for name in ("unicode", "whitespace"):
        if name == "whitespace" and "日" in lines[0]:
            continue
        found = read(FileSource([path], SourceOptions(encoding=encoding)), name)
        assert (found.lines, found.invalid_bytes) == (lines, invalid)


@pytest.mark.parametrize("data", [data for data, _ in MARKED.values()], ids=MARKED)
def test_a_byte_order_mark_determines_the_encoding(data, tmp_path):
    assert decoded(data, None).decode() == PROSE
    assert decoded(gzip.compress(data), None).decode() == PROSE
    path = write(tmp_path / "f", data)
    assert read(FileSource([path]), "whitespace").lines[0][0] == "words,"


@pytest.mark.parametrize("name", UNMARKED)
def test_without_a_mark_the_encoding_must_be_given(name):
    data, kind = UNMARKED[name]
    language, encoding = name.split()
    message = rf"^f is {kind}: expected UTF-8; pass `encoding='{encoding}'`, or convert it$"
    with pytest.raises(InputError, match=message):
        decoded(data, None)
    text = PROSE if language == "prose" else CHINESE
    assert decoded(data, encoding).decode() == text
    assert decoded(data, encoding[:6]).decode() == text
    with pytest.raises(InputError, match="expected cp1252; pass `encoding="):
        decoded(data, "cp1252")
    swapped = encoding[:-2] + ("be" if encoding.endswith("le") else "le")
    with pytest.raises(InputError, match=f"expected {swapped}; pass `encoding='{encoding}'`"):
        decoded(data, swapped)


def test_text_in_seven_bits_is_recognized():
    data = JAPANESE.encode("iso2022_jp")
    assert data.isascii()
    with pytest.raises(InputError, match=r"^f is text in iso2022_jp: .* `encoding='iso2022_jp'`$"):
        decoded(data, None)
    assert decoded(b"\x1b[1m bold", None) == decoded(b"\x1b[1m bold", "utf-8")


def test_a_given_encoding_must_not_contradict_the_text():
    with pytest.raises(InputError, match=r"^f is UTF-8, but `encoding='cp1252'` is given; omit it"):
        decoded(GERMAN.encode() * 3, "cp1252")
    message = r"^f begins with the byte-order mark of utf-8, but `encoding='cp1252'` is given"
    with pytest.raises(InputError, match=message):
        decoded(b"\xef\xbb\xbfabc", "cp1252")
    with pytest.raises(InputError, match="begins with the byte-order mark of utf-16-le, but"):
        decoded("abc".encode("utf-16"), "utf-8")
    assert decoded(b"\xef\xbb\xbfabc", "utf-8") == b"abc"
    assert decoded("abc".encode("utf-16"), "utf-16-le") == b"abc"


def test_bytes_that_could_be_utf_8_are_decoded_as_given():
    assert decoded("Ã¼ as in Ã¼ber".encode("latin-1"), "latin-1").decode() == "Ã¼ as in Ã¼ber"
    assert decoded(b"only ASCII", "shift_jis") == b"only ASCII"


def test_a_character_cut_at_the_end_of_the_sniffed_bytes_is_no_contradiction(monkeypatch):
    monkeypatch.setattr(decode, "SNIFFED_BYTES", 31)
    with pytest.raises(InputError, match="f is UTF-8, but"):
        decoded("日本語".encode() * 20, "euc-jp")


def test_sniffed_bytes_are_read_first():
    raw = CountingReader(io.BytesIO(b"abcde"))
    assert raw.sniff() == b"abcde"
    part = bytearray(2)
    assert [(raw.readinto(part), bytes(part)) for _ in range(3)] == [
        (2, b"ab"),
        (2, b"cd"),
        (1, b"ed"),
    ]
    assert (raw.readinto(part), raw.count) == (0, 5)
