"""The tokenizer, compared with the reference."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from w2v.text import tokenizer
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.normal import normal_form
from w2v.text.tokenizer import END_OF_LINE, Scanner, TokenCounts
from w2v.text.wordtable import WordTable

UNICODE = character_tables(WordDefinition("unicode", True))
DEFINITIONS = pytest.mark.parametrize(
    ("name", "lowercase"),
    [("unicode", True), ("unicode", False), ("whitespace", False), ("whitespace", True)],
)


def scanned(scanner: Scanner, block: bytes) -> list[list[str]]:
    """Return the lines of a block that have words."""
    lines: list[list[str]] = [[]]
    for i in scanner.scan(block).tolist():
        if i == END_OF_LINE:
            lines.append([])
        else:
            lines[-1].append(scanner.words.word(i).decode())
    return [line for line in lines if line]


def read(block: bytes, name: str = "unicode", *, lowercase: bool = True) -> reference.Read:
    """Read a block with the compiled tokenizer."""
    scanner = Scanner(character_tables(WordDefinition(name, lowercase)))
    lines = scanned(scanner, block)
    counts = scanner.counts
    assert counts.tokens == sum(map(len, lines)) + counts.too_long
    return reference.Read(lines, counts.too_long, counts.invalid_bytes)


def expected(block: bytes, name: str = "unicode", *, lowercase: bool = True) -> reference.Read:
    """Read a block with the reference."""
    result = reference.read(block, name, lowercase=lowercase)
    return result._replace(lines=[line for line in result.lines if line])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The King's 日本", ["the", "king's", "日", "本"]),
        ("rock 'n' roll", ["rock", "n", "roll"]),
        ("don\u2019t DON'T don''t don'", ["don't", "don't", "don", "t", "don"]),
        ("'tis the dogs' day", ["tis", "the", "dogs", "day"]),
        ("l'un'd'eux a'-b 5'6", ["l'un'd'eux", "a", "b", "5'6"]),
        ("snake_case e-mail a.b 3.14", ["snake_case", "e", "mail", "a", "b", "3", "14"]),
        ("ΌΔΟΣ Σ", ["όδοσ", "σ"]),  # each letter separately: no final sigma
        ("İstanbul I\u0307stanbul", ["istanbul", "istanbul"]),
        ("naïve nai\u0308ve", ["naïve", "naïve"]),
        ("a日'b", ["a", "日", "b"]),
        ("a'日b", ["a", "日", "b"]),
        ("カタカナ ひらがな", list("カタカナひらがな")),
        ("क्\u200dष می\u200cروم", ["क्\u200dष", "می\u200cروم"]),
        ("½ ² ٣ Ⅷ", ["½", "²", "٣", "ⅷ"]),
        ("𝔘𝔫 𐐀 😀", ["𝔘𝔫", "𐐨"]),
        ("a\u2764\ufe0fb \u2764\ufe0f", ["a", "b"]),  # a heart with a variation selector
        ("\u200d \u200da\u200d \u3099 \u0301 x", ["a", "x"]),
        ("___ _ _._ __init__ _'_ _a", ["__init__", "_a"]),
        ("#\ufe0f\u20e3 1\ufe0f\u20e3", ["1\u20e3"]),  # keycaps
        ("👩\u200d👩\u200d👧 🏳\ufe0f\u200d🌈 👍\U0001f3fd", []),
        ("co\u00adop a\u200eb\u200f c\u2060d \ufeffe", ["coop", "ab", "cd", "e"]),
        ("a\u200bb", ["a", "b"]),  # zero width space separates words
        ("a\u034fe\u0301 \U000e0061", ["aé"]),
        ("пʼять п\u2019ять п'ять", ["п'ять"] * 3),
        ("o\u02bbzbek o\u2018zbek diʼ ʼn ʼ", ["o'zbek", "o'zbek", "diʼ", "ʼn"]),
        ("col·lega COL·LEGA col\u0387lega", ["col·lega"] * 3),
        ("a·1 1·a 1·2 ·a· b··c", ["a", "1", "1", "a", "1", "2", "a", "b", "c"]),
        ("צה״ל ג׳ירפה ר׳", ["צה״ל", "ג'ירפה", "ר"]),
        ("Ինչո՞ւ", ["ինչու"]),
        ("don\uff07t", ["don't"]),
        ("か\u3099が カ\u3099 ﾊﾟ", ["が", "が", "ガ", "ﾊﾟ"]),
        ("葛\U000e0100城 \u8c48豈", ["葛", "城", "豈", "豈"]),
        ("ラーメンbar", ["ラ", "ー", "メ", "ン", "bar"]),
        ("가 \u1100\u1161", ["가", "가"]),
        ("a\u200cb fi\u200cx", ["ab", "fix"]),  # joiners mean nothing in these scripts
        ("می\u200c\u200cروم ها\u200c.", ["می\u200cروم", "ها"]),
        ("ර\u200d් ശ്രീ അവന്\u200d.", ["ර\u200d්", "ശ്രീ", "അവന്\u200d"]),
        ("q\u0307\u0323 q\u0323\u0307", ["q\u0323\u0307"] * 2),
        ("Å \u212b A\u030a", ["å"] * 3),
        ("J\u030c", ["ǰ"]),  # only the small letter has a composed form
    ],
)
def test_words_by_hand(text, words):
    assert read(text.encode()).lines == ([words] if words else [])
    assert reference.tokenize(text.encode()) == [words]


def test_whitespace_tokens_are_not_changed():
    text = "It's  A-b\tc\u3000日本.\0x\u2028y\r\rz\x0bw".encode()
    lines = [["It's", "A-b", "c", "日本.", "x", "y"], ["z", "w"]]
    assert read(text, "whitespace", lowercase=False).lines == lines
    assert expected(text, "whitespace", lowercase=False).lines == lines


def test_line_ends_of_all_systems():
    assert read(b"a\nb\r\nc\rd\n\n\r\r\ne").lines == [["a"], ["b"], ["c"], ["d"], ["e"]]


def test_consecutive_line_ends_give_one_end_of_line():
    scanner = Scanner(UNICODE)
    assert scanner.scan(b"\n\na b\n \r\n.\nc\n\n").tolist() == [
        END_OF_LINE, 0, 1, END_OF_LINE, 2, END_OF_LINE
    ]  # fmt: skip


def test_the_first_edition_is_as_it_was():
    text = "cafe\u0301 İx a\u00adb ___ a❤\ufe0fb col·l \u3099か\u3099 ー\u200d"
    words = ["cafe\u0301", "i\u0307x", "a", "b", "___", "a", "\ufe0fb", "col", "l", "\u3099", "か"]
    scanner = Scanner(character_tables(WordDefinition("unicode", True, edition=1)))
    assert scanned(scanner, text.encode()) == [[*words, "\u3099", "ー\u200d"]]


CHARACTERS = st.one_of(
    st.sampled_from(list("aBz09_'\u2019 \t\r\n.-\0İßΣé日本かカー\u200d\u0301٣𝔘😀\u2028\xa0")),
    st.sampled_from(
        list("Iiı\u200c\u180e\u0307\u0316\u0328\u00ad\u200f\ufe0f\u3099\u20e3ʼʻ·\u0387\u05f4ש՞")
        + list(
            "\u094dकক\u09be\u09c7কیمǰ\u030cJ각\u1100\u1161\u11a8\uf900\u0344\u212b\u034f\u0ddc\u0dca"
        )
    ),
    st.characters(exclude_categories=["Cs"]),
)
TEXTS = st.text(CHARACTERS, max_size=60).map(str.encode)
DIRTY = st.lists(
    st.one_of(
        st.sampled_from(
            [
                b"a",
                b"'",
                b" ",
                b"\n",
                b"\xc3\xa9",
                b"\xe6\x97\xa5",
                b"\xf0\x9d\x94\x98",
                b"\xe2\x80\x99",
                b"\xc3",
                b"\xe6\x97",
                b"\xf0\x9d",
                b"\x80",
                b"\xed\xa0\x80",
            ]
        ),
        st.binary(max_size=3),
    ),
    max_size=30,
).map(b"".join)


@DEFINITIONS
@given(text=TEXTS)
@example(text=b"")
@example(text=b"'")
def test_any_text_matches_the_reference(name, lowercase, text):
    assert read(text, name, lowercase=lowercase) == expected(text, name, lowercase=lowercase)


@DEFINITIONS
@given(text=DIRTY)
def test_any_bytes_match_the_reference(name, lowercase, text):
    assert read(text, name, lowercase=lowercase) == expected(text, name, lowercase=lowercase)


@pytest.mark.parametrize(
    ("sequence", "invalid"),
    [
        (b"\x80", 1),  # a continuation without a start
        (b"\xbf\xbf", 2),
        (b"\xc0\xaf", 2),  # overlong
        (b"\xc1\x81", 2),
        (b"\xe0\x9f\xbf", 3),
        (b"\xf0\x8f\xbf\xbf", 4),
        (b"\xed\xa0\x80", 3),  # surrogates
        (b"\xed\xbf\xbf", 3),
        (b"\xf4\x90\x80\x80", 4),  # beyond the last code point
        (b"\xf5\x80\x80\x80", 4),
        (b"\xfe", 1),
        (b"\xff", 1),
        (b"\xc3", 1),  # truncated
        (b"\xe6\x97", 2),
        (b"\xf0\x9d\x94", 3),
        (b"\xe6\xc3\xa9", 1),  # truncated by a valid sequence
        (b"\xed\x9f\xbf", 0),  # the neighbors of the surrogates
        (b"\xee\x80\x80", 0),
        (b"\xf4\x8f\xbf\xbf", 0),  # the last code point
        (b"\xe0\xa0\x80", 0),  # the first code point of three bytes
        (b"\xf0\x90\x80\x80", 0),  # the first code point of four bytes
    ],
)
@pytest.mark.parametrize("name", ["unicode", "whitespace"])
def test_invalid_bytes_separate_words_and_are_counted(sequence, invalid, name):
    for text in (b"one" + sequence + b"two", b"one " + sequence, sequence + b"\n"):
        found = read(text, name)
        assert found.invalid_bytes == invalid
        assert found == expected(text, name)


@pytest.mark.parametrize(
    ("text", "too_long"),
    [
        (b"a" * 1000, 0),
        (b"a" * 1001, 1),
        (b"a" * 5000, 1),
        ("é".encode() * 500, 0),
        ("é".encode() * 501, 1),
        ("𝔘".encode() * 250, 0),
        (b"a" + "𝔘".encode() * 250, 1),
        ("İ".encode() * 1000, 0),  # 2 bytes each, but 1 as written
        ("İ".encode() * 1001, 1),
        ("e\u0301".encode() * 333, 0),
        ("e\u0301".encode() * 334, 1),  # 1,002 bytes as scanned, although 668 in normal form
        ("\u0958".encode() * 166, 0),  # 3 bytes each, but 6 in normal form
        ("\u0958".encode() * 167, 1),
        ("a\u00ad".encode() * 1000, 0),
        ("a\u00ad".encode() * 1001, 1),
        (b"_" * 999 + b"a", 0),
        (b"_" * 5000, 0),
        (b"_" * 5000 + b"a", 1),
        ("\u212a".encode() * 1000, 0),  # the kelvin sign: 3 bytes each, but 1 as written
        ("\u212a".encode() * 1001, 1),
        (b"a" * 500 + b"'" + b"b" * 499, 0),
        (b"a" * 500 + b"'" + b"b" * 500, 1),
        (b"a" * 1000 + b"'", 0),
        (b"a" * 999 + "\u2019s".encode(), 1),
        (b"a" * 998 + "\u2019s".encode(), 0),
        (b"a" * 1000 + "é".encode(), 1),
        (b"a" * 999 + "é".encode(), 1),
        (b"a" * 998 + "é".encode(), 0),
    ],
)
def test_a_word_over_1000_bytes_as_written_is_dropped(text, too_long):
    for block in (text, b"x " + text + b" y\n", "日".encode() + text + "本".encode()):
        found = read(block)
        assert found == expected(block)
        assert found.too_long == too_long


@given(texts=st.lists(TEXTS, max_size=4))
def test_ids_and_counts_continue_from_block_to_block(texts):
    scanner = Scanner(UNICODE)
    lines = [line for text in texts for line in scanned(scanner, text)]
    wanted = [expected(text) for text in texts]
    assert lines == [line for one in wanted for line in one.lines]
    invalid = sum(one.invalid_bytes for one in wanted)
    assert scanner.counts == TokenCounts(sum(map(len, lines)), 0, invalid)
    words = [word for line in lines for word in line]
    found = [scanner.words.word(i).decode() for i in range(len(scanner.words))]
    assert dict(zip(found, scanner.words.counts.tolist(), strict=True)) == Counter(words)
    assert len(found) == len(set(words))


@given(text=st.one_of(TEXTS, DIRTY))
def test_growth_of_the_table_changes_no_result(text):
    scanner = Scanner(UNICODE)
    scanner.words = WordTable(1)
    arrays = scanner.words.arrays
    scanner.words.arrays = arrays._replace(pool=arrays.pool[:1].copy())
    lines = scanned(scanner, text)
    wanted = expected(text)
    assert lines == wanted.lines
    assert scanner.counts == TokenCounts(sum(map(len, lines)), 0, wanted.invalid_bytes)


@given(text=TEXTS, form=st.sampled_from(["NFD", "NFC"]))
@example(text="é\u0328I\u0307\u0316x かが 각 क़".encode(), form="NFD")
def test_equivalent_texts_have_the_same_words(text, form):
    equivalent = unicodedata.normalize(form, text.decode()).encode()
    assert read(equivalent).lines == read(text).lines


@given(text=TEXTS, lowercase=st.booleans())
def test_a_word_by_itself_is_the_same_word(text, lowercase):
    for word in itertools.chain(*read(text, lowercase=lowercase).lines):
        assert unicodedata.is_normalized("NFC", word)
        assert read(word.encode(), lowercase=lowercase).lines == [[word]]


def test_words_are_normalized_once(monkeypatch):
    calls = []

    def counted(word, *, lowercase):
        calls.append(word)
        return normal_form(word, lowercase=lowercase)

    monkeypatch.setattr(tokenizer, "normal_form", counted)
    scanner = Scanner(UNICODE)
    text = "cafe\u0301 café the naïve cafe\u0301 Cafe\u0301\n".encode()
    for _ in range(3):
        scanner.scan(text)
    assert calls == ["cafe\u0301"]
    words = [scanner.words.word(i).decode() for i in range(len(scanner.words))]
    counts = dict(zip(words, scanner.words.counts.tolist(), strict=True))
    assert counts == {"café": 12, "the": 3, "naïve": 3}


def test_many_different_words(sized):
    words = [f"w{i}" for i in range(sized(200_000))]
    scanner = Scanner(UNICODE)
    text = " ".join(words).encode()
    assert scanner.scan(text).tolist() == list(range(len(words)))
    assert scanner.scan(text).tolist() == list(range(len(words)))
    assert (scanner.words.counts == 2).all()


@DEFINITIONS
@given(text=st.one_of(TEXTS, DIRTY))
@example(text=b"don'")
@example(text=b"a''")
@example(text=b"\xff'")
@example(text=b"ab\xff")
@example(text="日'".encode())
def test_a_text_split_at_the_last_boundary_has_the_same_words(name, lowercase, text):
    tables = character_tables(WordDefinition(name, lowercase))
    cut = tables.last_boundary(text)
    for after in (b"b", b"'b", "\u2019b".encode(), "é".encode(), b"\x97\xa5", b" ", b"\n"):
        scanner = Scanner(tables)
        lines = scanned(scanner, text[:cut]) + scanned(scanner, text[cut:] + after)
        whole = expected(text + after, name, lowercase=lowercase)
        assert list(itertools.chain(*lines)) == list(itertools.chain(*whole.lines))
        assert scanner.counts.invalid_bytes == whole.invalid_bytes


@pytest.mark.parametrize("gap", [1, 6, 7, 8, 55, 56, 57, 58, 63, 64, 65, 200])
@pytest.mark.parametrize("size", [1, 7, 8, 9, 56, 57, 58, 63, 64, 65, 114, 200])
def test_words_and_gaps_of_any_length_at_any_offset(gap, size):
    for after in (" ", "\n", "'", "'s", "é", "\u2019s", "日", ""):
        text = (" " * gap).join(["a" * size + after] * 3).encode()
        assert read(text) == expected(text), after


def test_a_full_scratch_buffer_loses_no_word(monkeypatch):
    monkeypatch.setattr(tokenizer, "_SCRATCH", 2 * tokenizer._MAX_WRITTEN)
    words = ["é" * 450, "x'y" * 300, "Ä" * 501, "z"] * 5
    text = " ".join(words).encode()
    assert read(text) == expected(text)


def test_a_word_that_is_too_long_affects_no_other_word():
    words = ["é", "a" * 1001, "aé", "x'y", "b" * 1001, "z'w", "é" * 501, "Ö"]
    text = " ".join(words).encode()
    assert read(text) == expected(text)


@DEFINITIONS
def test_no_byte_after_a_block_is_read(name, lowercase):
    tables = character_tables(WordDefinition(name, lowercase))
    for size in (1, 63, 64, 65, 128):
        scanner = Scanner(tables)
        scanner.scan(b"b\n" * size)
        for block in (b"a" * size, b" " * size):
            wanted = [] if block.isspace() else [1]
            assert scanner.scan(block).tolist() == wanted


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_batches_of_any_size_give_the_same_words(size, monkeypatch):
    monkeypatch.setattr(tokenizer, "_BATCH", size)
    text = "\n\na b\n \r\n.\nc'd é日本\n\n".encode()
    assert read(text) == expected(text)
    assert Scanner(UNICODE).scan(text).tolist() == [
        END_OF_LINE, 0, 1, END_OF_LINE, 2, 3, 4, 5, END_OF_LINE
    ]  # fmt: skip
