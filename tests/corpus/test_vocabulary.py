"""The vocabulary: the choice of words, and their ranks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from w2v.corpus import vocabulary as vocabulary_module
from w2v.corpus.distinct import DistinctWords
from w2v.corpus.vocabulary import (
    UNKNOWN,
    Vocabulary,
    check_word_list,
    match_words,
    rank_words,
    read_word_list,
)
from w2v.errors import InputError, VocabularyError
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.tokenizer import Scanner
from w2v.text.wordtable import WordTable


def word_table(words: list[str]) -> WordTable:
    scanner = Scanner(character_tables(WordDefinition("tokens", False)))
    scanner.scan("\x1f".join(words).encode())
    return scanner.words


def table_of(words: list[str], threads: int = 1) -> DistinctWords:
    return DistinctWords([word_table(words)], threads)


def words_of(table: DistinctWords) -> list[str]:
    return table.words(table.ids())


LETTERS = st.sampled_from(["a", "b", "B", "é", "ß", "\uffff", "𝔘", "ab", "a\u0301", "日"])


@given(
    words=st.lists(LETTERS, min_size=1, max_size=60),
    vocab_size=st.integers(1, 12),
    min_count=st.integers(1, 4),
)
@example(words=["\uffff", "𝔘"], vocab_size=1, min_count=1)  # UTF-16 has the reverse order
@example(words=["abcdefghz", "z", "abcdefgha", "abcdefgh", "a"], vocab_size=5, min_count=1)
@example(words=["abcdefghz", "abcdefgha", "abcdefghz", "abcdefghb"], vocab_size=2, min_count=1)
def test_words_are_ranked_as_the_reference(words, vocab_size, min_count):
    table = table_of(words)
    expected = reference.vocabulary([words], vocab_size=vocab_size, min_count=min_count)
    if not expected:
        with pytest.raises(VocabularyError):
            rank_words(table, vocab_size=vocab_size, min_count=min_count)
        return
    vocabulary, ranks = rank_words(table, vocab_size=vocab_size, min_count=min_count)
    assert vocabulary.words == list(expected)
    assert vocabulary.counts.tolist() == list(expected.values())
    assert (vocabulary.counts.dtype, ranks.dtype) == (np.int64, np.uint32)
    rank_of = {word: i for i, word in enumerate(expected)}
    assert ranks.tolist() == [rank_of.get(word, UNKNOWN) for word in words_of(table)]


@given(
    words=st.lists(st.text("ab", min_size=6, max_size=11), min_size=1, max_size=80),
    vocab_size=st.integers(1, 90),
    threads=st.integers(2, 5),
    at_least=st.integers(1, 9),
    sample=st.integers(1, 50),
)
def test_threads_rank_words_as_the_reference(words, vocab_size, threads, at_least, sample):
    expected = reference.vocabulary([words], vocab_size=vocab_size, min_count=1)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(vocabulary_module, "_WORDS_PER_THREAD", at_least)
        monkeypatch.setattr(vocabulary_module, "_SAMPLE", sample)
        vocabulary, _ = rank_words(table_of(words, threads), vocab_size=vocab_size, min_count=1)
    assert vocabulary.words == list(expected)
    assert vocabulary.counts.tolist() == list(expected.values())


def test_by_hand():
    table = table_of(["c", "b", "a", "b", "c", "d", "c"])
    vocabulary, ranks = rank_words(table, vocab_size=3, min_count=1)
    assert vocabulary.words == ["c", "b", "a"]
    assert vocabulary.ids == {"c": 0, "b": 1, "a": 2}
    assert vocabulary.counts.tolist() == [3, 2, 1]
    assert len(vocabulary) == 3
    assert ranks.tolist() == [0, 1, 2, UNKNOWN]


def test_ties_do_not_exceed_the_vocabulary_size():
    table = table_of([f"w{i}" for i in range(100)])
    assert len(rank_words(table, vocab_size=37, min_count=1)[0]) == 37
    assert len(rank_words(table, vocab_size=100, min_count=1)[0]) == 100


def test_no_frequent_word_is_an_error():
    message = (
        "no word occurs 5 times: the corpus has 6 words, 3 of them distinct, and the most frequent "
        r"one occurs 3 times; lower `min_count`, or use a larger corpus"
    )
    with pytest.raises(VocabularyError, match=message):
        rank_words(table_of(["a", "a", "a", "b", "b", "c"]), vocab_size=10, min_count=5)


def test_given_words_stay_in_their_order():
    vocabulary, ranks = match_words(
        table_of(["c", "b", "a", "b", "x", "c"]), ("a", "new", "c", "b")
    )
    assert vocabulary.words == ["a", "new", "c", "b"]
    assert vocabulary.counts.tolist() == [1, 0, 2, 2]
    assert vocabulary.counts.dtype == np.int64
    assert ranks.tolist() == [2, 3, 0, UNKNOWN]
    assert ranks.dtype == np.uint32


@given(
    words=st.lists(LETTERS, min_size=1, max_size=40),
    given=st.lists(
        st.one_of(LETTERS, st.sampled_from(["", " ", "x" * 5000, "no"])), min_size=1, unique=True
    ),
    threads=st.integers(1, 3),
)
def test_given_words_are_counted_as_by_a_counter(words, given, threads):
    distinct = DistinctWords([word_table(words[i::2]) for i in range(2)], threads)
    expected = [words.count(word) for word in given]
    if not any(expected):
        with pytest.raises(VocabularyError, match="none of the"):
            match_words(distinct, given)
        return
    vocabulary, ranks = match_words(distinct, given)
    assert (vocabulary.words, vocabulary.counts.tolist()) == (given, expected)
    rows = {word: row for row, word in enumerate(given)}
    ids = distinct.ids()
    assert ranks[ids].tolist() == [rows.get(word, UNKNOWN) for word in distinct.words(ids)]
    assert (np.delete(ranks, ids) == UNKNOWN).all()


def test_given_words_that_do_not_occur_are_an_error():
    message = (
        "none of the 2 given words occurs in the corpus, which has 3 words, 2 of them distinct; "
        "check that their spelling matches, for instance that both are lowercase"
    )
    with pytest.raises(VocabularyError, match=message):
        match_words(table_of(["a", "b", "a"]), ["A", "B"])


@pytest.mark.parametrize(
    "data",
    [
        b"the\nnew york\n\xc3\xa9\n",
        b"the\nnew york\n\xc3\xa9",
        b"\xef\xbb\xbfthe\r\nnew york\r\n\xc3\xa9\r\n",
    ],
)
def test_a_list_of_words_is_read(data, tmp_path):
    (tmp_path / "words.txt").write_bytes(data)
    for path in (tmp_path / "words.txt", str(tmp_path / "words.txt")):
        assert read_word_list(path) == ["the", "new york", "é"]


def test_only_a_line_feed_ends_a_word(tmp_path):
    (tmp_path / "words.txt").write_bytes("a\rb\nc\u2028d\n".encode())
    assert read_word_list(tmp_path / "words.txt") == ["a\rb", "c\u2028d"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the vocabulary .*words.txt is empty: expected one word a line"),
        (b"a\n\nb\n", "the vocabulary .*words.txt has no word in line 2"),
        (b"a\n \xe3\x80\x80\n", "the vocabulary .*words.txt has no word in line 2"),
        (b"\n", "has no word in line 1"),
        (b"a\nb\na\n", "words.txt repeats the word 'a' of line 1 in line 3"),
        (b"\x1f\x8b\x08\x00", "words.txt is gzip-compressed: expected UTF-8 text; convert or"),
        (
            "a\n".encode("utf-16"),
            r"the vocabulary .*words.txt is text in UTF-16 \(little-endian\):",
        ),
        (b"a\n\xff\n", "the vocabulary .*words.txt is not UTF-8: .*0xff"),
    ],
)
def test_an_invalid_word_list_is_rejected(data, message, tmp_path):
    (tmp_path / "words.txt").write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_word_list(tmp_path / "words.txt")


def test_a_missing_word_list_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the vocabulary .*missing: No such file"):
        read_word_list(tmp_path / "missing")


def test_check_word_list_names_its_source():
    assert check_word_list(("b", "a"), "of the list") == ["b", "a"]
    with pytest.raises(InputError, match="the vocabulary given repeats the word 'b' of line 1 in"):
        check_word_list(["b", "b"], "given")


def test_a_vocabulary_knows_its_length():
    assert len(Vocabulary([], np.zeros(0, np.int64))) == 0


@pytest.mark.parametrize("word", ["a\nb", "\ud800"])
def test_a_word_that_cannot_be_a_line_is_rejected(word):
    with pytest.raises(InputError, match="which cannot be a line of UTF-8"):
        check_word_list(["fine", word], "given")


def test_the_output_of_w2v_vocab_is_a_word_list(tmp_path):
    path = tmp_path / "vocab"
    path.write_text("0\tthe\t30\n1\t7\t20\r\n2\tNew York\t1\n")
    assert read_word_list(path) == ["the", "7", "New York"]


@pytest.mark.parametrize(
    "data", ["0\tthe\t30\n2\tdog\t20\n", "0\tthe\nfox\n", "1\n2\n", "the 30\n", "a 1\nb\n"]
)
def test_other_lines_are_words(data, tmp_path):
    path = tmp_path / "vocab"
    path.write_text(data)
    if data.startswith("0\tthe\t30"):  # the ids have a gap, but every line has a count
        with pytest.raises(InputError, match="has a number behind the word in every line"):
            read_word_list(path)
    else:
        assert read_word_list(path) == data.splitlines()


@pytest.mark.parametrize("separator", ["\t", " "])
def test_words_with_counts_are_rejected(separator, tmp_path):
    path = tmp_path / "vocab"
    path.write_text(f"the{separator}30\ndog{separator}20\n")
    message = (
        rf"^the vocabulary {path} has a number behind the word in every line, as in 'the.*30': "
        r"expected one word a line; remove the other columns$"
    )
    with pytest.raises(InputError, match=message):
        read_word_list(path)
