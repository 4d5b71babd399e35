"""The survey of characters and lines, compared with the reference."""

from __future__ import annotations

import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference_survey
from support import JIT, KJV
from w2v.text.characters import CODE_POINTS
from w2v.text.survey import CHARACTERS, KINDS, Surveyor, character_traits, kind_of

PIECES = [
    *("a", "Z", "w", "7", " ", "\t", "\n", "\r", "\r\n", "\x0b", "\x0c", "\0", "\x1f", "\x7f"),
    *("&", "&amp;", "&#12;", "&#x1F;", "&x", ";", "#", "<", ">", "/", "<br>", "</p>", "<a b='c'>"),
    *("<!--", "://", "http", "www.", "WwW.", "@", ".", "-", "_", "me@a.bc", "é", "e\u0301"),
    *("\u0301", "\u1100\u1161\u11a8", "가", "क\u093c", "\u0958", "\u2126", "Ã", "©", "â", "€", "™"),
    *("Â", "\u0081", "\u0085", "\u200b", "\u200d", "\u200e", "\u00ad", "\ufffd", "\ue000"),
    *("\u2028", "\ufeff", "\u0378", "\U000e0fff", "\U0010ffff", "日", "\U0001d518", "\xa0"),
]
TEXTS = st.lists(
    st.one_of(
        st.sampled_from([piece.encode() for piece in PIECES]),
        st.sampled_from([b"\xff", b"\xe2\x80", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]),
        st.characters(exclude_categories=["Cs"]).map(str.encode),
    ),
    max_size=60,
).map(b"".join)


def counts_of(surveyor: Surveyor) -> tuple[Counter[int], Counter[str]]:
    codes, kinds, _ = surveyor.tally
    found = np.flatnonzero(codes)
    return (
        Counter(dict(zip(found.tolist(), codes[found].tolist(), strict=True))),
        +Counter(dict(zip(KINDS, kinds.tolist(), strict=True))),
    )


def check(text: bytes) -> None:
    surveyor = Surveyor(tokenized=False)
    found, expected = surveyor.survey(text), reference_survey.survey(text)
    lines = reference_survey.split_lines(text)
    assert counts_of(surveyor) == (expected.codes, expected.kinds)
    assert (found.invalid, found.size) == (expected.invalid, len(text))
    assert found.ascii == sum(byte < 0x80 for byte in text)
    assert found.ended == (not text or text[-1:] in {b"\n", b"\r"})
    spans = zip(found.lines.starts.tolist(), found.lines.sizes.tolist(), strict=True)
    assert [text[start : start + size] for start, size in spans] == lines
    assert found.not_normal.tolist() == expected.not_normal
    ended = lines if found.ended else lines[:-1]
    hashes = found.lines.hashes.tolist()[: len(ended)]
    assert [value == 0 for value in hashes] == list(map(reference_survey.is_blank, ended))
    filled = [line for line in ended if not reference_survey.is_blank(line)]
    assert len({*hashes} - {0}) == len(set(filled))
    dirty = [i for i, line in enumerate(lines) if not is_utf8(line)]
    assert found.invalid_line == (dirty[0] if dirty else -1)


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(text=TEXTS)
@example(text=b"")
@example(text=b"\r")
@example(text=b"\n\r\n\r\r\n")
@example(text=b"me@a.b.cd, @a.bc a@.bc a@b. a@b-c.de@f.gh\n")
@example(text=b"<a><a1/></a><1><a\n><abcdefghijklmnop><abcdefghijklmnopq><a <b>>\n")
@example(text=b"&a;&ab;&#;&#1;&#12345678;&#x;&#xfF;&#xg;&abcdefghijklmnopqrstuvwxyzabcdefg;\n")
@example(text=b"http://a ://b a:// a:/ www.a xwww.a /www.a www. www..a WWW.1 h://\xc3\xa9\n")
@example(text="e\u0301 \u200b\nx \u200b e\u0301\n".encode())
@example(text="Ã© Â£ â€™ â€ œ â‡’ Ð´ É» Ã\u0081 Ã é".encode())
def test_any_text_is_surveyed_as_by_the_reference(text):
    check(text)


@pytest.mark.slow
def test_a_real_text_is_surveyed_as_by_the_reference():
    data = KJV.read_bytes()
    check(data[: 1_000_000 if JIT else 20_000])


@given(texts=st.lists(TEXTS, max_size=4))
def test_counts_continue_from_block_to_block(texts):
    surveyor = Surveyor(tokenized=False)
    for text in texts:
        surveyor.survey(text)
    expected = [reference_survey.survey(text) for text in texts]
    codes = sum((one.codes for one in expected), Counter())
    kinds = sum((one.kinds for one in expected), Counter())
    assert counts_of(surveyor) == (codes, kinds)


@pytest.mark.slow
def test_every_character_has_its_kind():
    characters = character_traits(tokenized=False)
    for code in [*range(0xD800), *range(0xE000, CODE_POINTS, 1 if JIT else 7)]:
        kind = kind_of(code, characters)
        assert reference_survey.kind_of(chr(code)) == (None if kind < 0 else KINDS[kind]), hex(code)


def test_every_line_that_normalization_changes_is_found():
    """Each character alone, decomposed, and after and before one that it composes with."""
    lines = {}
    for code in [*range(0x34F, 0x3400), *range(0xA000, 0xD800), *range(0xF900, 0x30000)]:
        decomposed = unicodedata.normalize("NFD", chr(code))
        if decomposed != chr(code):
            lines |= dict.fromkeys((chr(code), decomposed, f"a{decomposed[-1]}", decomposed[::-1]))
        elif unicodedata.combining(chr(code)):
            lines |= dict.fromkeys((chr(code), f"{chr(code)}\u0301", f"\u0327\u0301{chr(code)}"))
    text = "\n".join(lines)
    found = Surveyor(tokenized=False).survey(text.encode())
    expected = [i for i, line in enumerate(lines) if not unicodedata.is_normalized("NFC", line)]
    assert len(expected) > 10_000
    assert found.not_normal.tolist() == expected


@pytest.mark.parametrize(
    ("text", "kind", "line", "itself"),
    [
        ("a\nb zero\u200bwidth", "zero-width characters", 1, "\u200b"),
        ("x &amp; y &lt;", "HTML entities", 0, "&amp;"),
        ("a\r\nb\rsome <br /> more", "HTML tags", 2, "<br />"),
        ("see https://a.org/x?y=1 there", "URLs", 0, "https://a.org/x?y=1"),
        ("see www.a.org.", "URLs", 0, "www.a.org."),
        ("to first.last+tag@mail.example.org, now", "e-mail addresses", 0, None),
        ("\n\nÃ©t", "mojibake", 2, "Ã©"),
        ("\ttab\n\x08", "control characters", 1, "\b"),
    ],
)
def test_the_first_one_of_each_kind_is_shown(text, kind, line, itself):
    found = Surveyor(tokenized=False).survey(text.encode())
    number, (before, middle, after) = found.examples[KINDS.index(kind)]
    if itself is None:
        itself = "first.last+tag@mail.example.org"
    assert (number, middle.decode()) == (line, itself)
    assert before + middle + after in text.encode()


def test_excerpts_stay_within_the_line():
    found = Surveyor(tokenized=False).survey("one\nab\u200bcd\nthree".encode())
    assert found.examples[KINDS.index("zero-width characters")] == (
        1,
        (b"ab", "\u200b".encode(), b"cd"),
    )


def test_tokens_may_contain_carriage_returns():
    surveyor = Surveyor(tokenized=True)
    found = surveyor.survey(b"a\rb\x1fc\n")
    assert found.lines.sizes.tolist() == [5]
    assert counts_of(surveyor)[1] == Counter()


def test_kinds_of_single_characters_come_first():
    assert [KINDS[i] for i in CHARACTERS][-1] == "line separators"
