"""The word table against a dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.wordtable import FULL, NO_WORD, POOL_BYTES, SLACK, WORDS, WordTable, hash_word, intern

WORDS_OF_ALL_LENGTHS = st.one_of(
    st.binary(min_size=1, max_size=3),
    st.text("ab", min_size=7, max_size=18).map(str.encode),
)
LISTS_OF_WORDS = st.lists(WORDS_OF_ALL_LENGTHS, max_size=60)


def bytes_of(word: bytes) -> np.ndarray:
    """A word's bytes, and some that do not belong to it."""
    return np.frombuffer(word + b"~" * SLACK, np.uint8).copy()


def try_intern(table: WordTable, word: bytes, hash_value: np.uint64 | None = None) -> int:
    if hash_value is None:
        hash_value = hash_word(bytes_of(word), 0, len(word))
    return intern(
        bytes_of(word),
        0,
        len(word),
        np.uint64(hash_value),
        table.slots,
        table.pool,
        table.ends,
        table.used,
    )


def add(table: WordTable, word: bytes) -> int:
    """Count a word as the scanner does, growing the table where needed."""
    while (found := try_intern(table, word)) == FULL:
        table.grow()
    table.counts[found] += 1
    return int(found)


def table_of(words: list[bytes], capacity: int = 1) -> WordTable:
    table = WordTable(capacity)
    for word in words:
        add(table, word)
    return table


def counts(table: WordTable) -> dict[bytes, int]:
    return {table.word(i): int(table.counts[i]) for i in range(len(table))}


@given(words=LISTS_OF_WORDS)
def test_ids_go_by_first_occurrence_and_counts_add_up(words):
    table = WordTable(1)
    order = {word: i for i, word in enumerate(dict.fromkeys(words))}
    assert [add(table, word) for word in words] == [order[word] for word in words]
    assert len(table) == len(order)
    assert list(counts(table).items()) == [(word, words.count(word)) for word in order]


@given(words=st.lists(st.one_of(WORDS_OF_ALL_LENGTHS, st.just(b"")), max_size=80))
def test_a_text_is_added_as_word_by_word(words):
    table = WordTable(1)
    letters = bytes_of(b"".join(words))
    ends = np.cumsum([0, *map(len, words)])
    ids = table.add(letters, ends, len(words))
    one_by_one = WordTable(1)
    assert ids.tolist() == [add(one_by_one, word) if word else NO_WORD for word in words]
    assert counts(table) == counts(one_by_one)


@given(words=LISTS_OF_WORDS, others=LISTS_OF_WORDS)
def test_a_table_absorbs_another(words, others):
    table, other = table_of(words), table_of(others)
    before = counts(other)
    ids = table.absorb(other)
    assert list(counts(table)) == list(dict.fromkeys(words + others))
    assert counts(table) == {word: (words + others).count(word) for word in words + others}
    assert [table.word(i) for i in ids] == [other.word(i) for i in range(len(other))]
    assert counts(other) == before


def test_words_with_the_same_hash_stay_apart():
    table = WordTable(8)
    words = [b"a", b"b", b"ab", b"ba", b"a"]
    assert [try_intern(table, word, np.uint64(7)) for word in words] == [0, 1, 2, 3, 0]


def test_probing_goes_on_at_the_beginning():
    table = WordTable(2)
    last = np.uint64(len(table.slots) - 1)
    assert [try_intern(table, word, last) for word in (b"a", b"b", b"a", b"b")] == [0, 1, 0, 1]


def test_a_full_table_and_a_full_pool_say_so_and_take_nothing():
    table = table_of([b"a", b"b"], capacity=2)
    state = table.used.copy()
    assert try_intern(table, b"c") == FULL
    assert try_intern(table, b"a") == 0
    pool = len(table.pool)
    table.grow()
    assert (len(table.slots), len(table.ends), len(table.counts)) == (8, 5, 4)
    assert len(table.pool) == pool
    assert try_intern(table, b"x" * pool) == FULL
    assert (table.used == state).all()
    table.grow()
    assert (len(table.slots), len(table.pool)) == (8, 2 * pool)
    assert try_intern(table, b"x" * (2 * pool - 2 - SLACK + 1)) == FULL
    assert try_intern(table, b"x" * (2 * pool - 2 - SLACK)) == 2
    assert table.used.tolist() == [3, 2 * pool - SLACK]
    assert table.used[WORDS] == len(table)
    assert table.used[POOL_BYTES] == table.ends[3]


def test_a_table_is_at_most_half_full(sized):
    table = table_of([str(i).encode() for i in range(sized(5000))])
    assert np.count_nonzero(table.slots) == len(table) <= len(table.slots) / 2


@pytest.mark.parametrize(("capacity", "slots"), [(1, 4), (2, 4), (3, 8), (1000, 2048)])
def test_the_number_of_slots_is_a_power_of_two(capacity, slots):
    assert len(WordTable(capacity).slots) == slots


def test_only_the_length_given_is_hashed():
    for size in range(1, 30):
        word = bytes(range(size))
        assert hash_word(bytes_of(word + b"c"), 0, size) == hash_word(
            bytes_of(word + b"d"), 0, size
        )
        assert hash_word(bytes_of(word), 0, size) == hash_word(bytes_of(b"ab" + word), 2, size)
        for i in range(size):
            other = bytearray(word)
            other[i] ^= 128
            assert hash_word(bytes_of(word), 0, size) != hash_word(bytes_of(other), 0, size)


def test_hashes_scatter(sized):
    number = sized(50_000)
    words = [f"w{i}".encode() for i in range(number)]
    hashes = np.array([hash_word(bytes_of(word), 0, len(word)) for word in words], np.uint64)
    assert len(np.unique(hashes)) == number
    for shift in (0, 32):
        buckets = np.bincount(
            ((hashes >> np.uint64(shift)) & np.uint64(15)).astype(int), minlength=16
        )
        assert abs(buckets - number / 16).max() < 6 * (number / 16) ** 0.5
