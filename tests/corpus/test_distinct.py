"""The distinct words of several tables, compared with a counter."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from w2v.corpus import distinct as distinct_module
from w2v.corpus.distinct import DistinctWords
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.tokenizer import Scanner
from w2v.text.wordtable import WordTable

WORDS = st.one_of(
    st.sampled_from(["a", "b", "é", "日本", "New York", "", "𝔘"]),
    st.text("ab", min_size=7, max_size=18),
)


def table_of(words: list[str]) -> WordTable:
    scanner = Scanner(character_tables(WordDefinition("tokens", False)))
    scanner.scan("\x1f".join(words).encode())
    return scanner.words


@given(texts=st.lists(st.lists(WORDS, max_size=40), min_size=1, max_size=4))
@example(texts=[[], ["a"], [], ["b", "a"]])
@example(texts=[[], []])
def test_words_are_counted_over_all_tables(texts):
    tables = [table_of(words) for words in texts]
    expected = Counter(word for words in texts for word in words if word)
    for threads in (1, 3):
        distinct = DistinctWords(tables, threads)
        ids = distinct.ids()
        words = distinct.words(ids)
        assert len(words) == len(distinct) == len(expected)
        assert dict(zip(words, distinct.counts[ids].tolist(), strict=True)) == expected
        assert distinct.counts.sum() == sum(expected.values())
        for table, entries in zip(tables, distinct.entries(), strict=True):
            own = [table.word(i).decode() for i in range(len(table))]
            assert distinct.words(distinct.numbers[entries]) == own
        first = {}
        for entries in distinct.entries():
            for number in range(entries.start, entries.stop):
                first.setdefault(distinct.words(np.array([number]))[0], number)
        assert ids.tolist() == sorted(first.values())


@given(texts=st.lists(st.lists(WORDS, min_size=1, max_size=20), min_size=1, max_size=3))
def test_prefixes_sort_as_words_do(texts):
    distinct = DistinctWords([table_of(words) for words in texts])
    ids = distinct.ids()[::-1]
    eights = [word.encode()[:8].ljust(8, b"\0") for word in distinct.words(ids)]
    assert distinct.prefixes(ids).tolist() == [int.from_bytes(eight, "big") for eight in eights]


@given(
    texts=st.lists(st.lists(WORDS, max_size=40), min_size=1, max_size=3),
    others=st.lists(WORDS.filter(bool), unique=True),
    threads=st.integers(1, 3),
)
def test_words_are_found_in_another_table(texts, others, threads):
    tables = [table_of(words) for words in texts]
    distinct = DistinctWords(tables, threads)
    other = WordTable(1)
    assert other.add_words([word.encode() for word in others]).tolist() == list(range(len(others)))
    ids = {word: i for i, word in enumerate(others)}
    own = [table.word(i).decode() for table in tables for i in range(len(table))]
    assert distinct.find(other).tolist() == [ids.get(word, -1) for word in own]


def test_by_hand():
    distinct = DistinctWords([table_of(["a", "b", "a"]), table_of(["c", "b"]), table_of(["c"])])
    assert distinct.numbers.tolist() == [0, 1, 2, 1, 2]
    assert distinct.counts.tolist() == [2, 2, 2, 0, 0]
    assert distinct.ids().tolist() == [0, 1, 2]
    assert distinct.words(np.array([2, 0])) == ["c", "a"]
    assert len(distinct) == 3


@pytest.mark.parametrize("parts", [1, 7])
def test_the_number_of_parts_does_not_matter(parts, monkeypatch, sized):
    tables = [table_of([f"w{i}" for i in range(start, start + sized(3000))]) for start in (0, 999)]
    before = DistinctWords(tables).numbers
    monkeypatch.setattr(distinct_module, "_PARTS", parts)
    assert (DistinctWords(tables, 2).numbers == before).all()
