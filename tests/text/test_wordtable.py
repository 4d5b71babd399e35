"""The word table, compared with a dictionary."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.text.wordtable import MAX_LENGTH, NO_WORD, SLACK, Words, WordTable, hash_word

WORDS_OF_ALL_LENGTHS = st.one_of(
    st.binary(min_size=1, max_size=3),
    st.text("ab", min_size=7, max_size=18).map(str.encode),
)
LISTS_OF_WORDS = st.lists(WORDS_OF_ALL_LENGTHS, max_size=60)


def bytes_of(word: bytes) -> np.ndarray:
    """Return the bytes of a word, followed by padding."""
    return np.frombuffer(word + b"~" * SLACK, np.uint8).copy()


def add(table: WordTable, words: list[bytes], hash_value: int | None = None) -> list[int]:
    """Count words, with their own hashes or all with the same one."""
    data = bytes_of(b"".join(words))
    lengths = np.array([len(word) for word in words], np.int32)
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    hashes = [
        hash_word(data, start, length) if hash_value is None else hash_value
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)
    ]
    return table.add(Words(data, starts, lengths, np.array(hashes, np.uint64))).tolist()


def table_of(words: list[bytes], capacity: int = 1) -> WordTable:
    table = WordTable(capacity)
    add(table, words)
    return table


def counts(table: WordTable) -> dict[bytes, int]:
    return {table.word(i): int(table.counts[i]) for i in range(len(table))}


@given(words=st.lists(st.one_of(WORDS_OF_ALL_LENGTHS, st.just(b"")), max_size=80))
def test_ids_follow_the_first_occurrence_and_counts_add_up(words):
    table = WordTable(1)
    order = {word: i for i, word in enumerate(dict.fromkeys(filter(None, words)))}
    assert add(table, words) == [order[word] if word else NO_WORD for word in words]
    assert list(counts(table).items()) == [(word, words.count(word)) for word in order]


@given(words=LISTS_OF_WORDS)
def test_single_and_joint_additions_are_equivalent(words):
    table, together = WordTable(1), WordTable(1)
    assert [add(table, [word])[0] for word in words] == add(together, words)
    assert counts(table) == counts(together)


@given(
    words=LISTS_OF_WORDS,
    others=LISTS_OF_WORDS,
    capacity=st.sampled_from([1, 64]),
    parts=st.integers(1, 5),
)
def test_words_of_another_table_are_found(words, others, capacity, parts):
    table, other = table_of(words, capacity), table_of(others)
    before = [bytes(array) for array in (*table.arrays, *other.arrays)]
    ids = {table.word(i): i for i in range(len(table))}
    found = np.full(len(other), -1)
    for part in range(parts):
        table.find(other, found, base=1000, part=part, parts=parts)
    words_of_other = [other.word(i) for i in range(len(other))]
    assert found.tolist() == [1000 + ids[w] if w in ids else -1 for w in words_of_other]
    assert [bytes(array) for array in (*table.arrays, *other.arrays)] == before


def test_words_with_a_number_are_not_looked_up():
    table = table_of([b"a", b"b"])
    found = np.array([-1, 7])
    table.find(table_of([b"b", b"a"]), found, base=10, part=0, parts=1)
    assert found.tolist() == [11, 7]


def test_found_words_agree_in_every_byte():
    """Two words with the same slot, the same tag and the same first eight bytes."""
    table = WordTable(1)
    slots = len(table.arrays.slots) // 2
    seen = {}
    generator = np.random.default_rng(1)
    for _ in range(1 << 15):
        word = b"the same" + generator.bytes(8)
        value = int(hash_word(bytes_of(word), 0, len(word)))
        other = seen.setdefault((value >> 44, value % slots), word)
        if other != word:
            break
    else:
        pytest.fail("no two words have the same hash")
    add(table, [word])
    found = np.full(2, -1)
    table.find(table_of([other, word]), found, base=0, part=0, parts=1)
    assert found.tolist() == [-1, 0]


@given(words=LISTS_OF_WORDS)
def test_words_with_the_same_hash_are_distinguished(words):
    table = WordTable(64)
    order = list(dict.fromkeys(words))
    assert add(table, words, hash_value=7) == [order.index(word) for word in words]


@pytest.mark.parametrize("size", [7, 8, 9, 16, 17, 255, 256, 257, 1000, MAX_LENGTH])
def test_words_that_differ_in_a_byte_or_in_length_are_distinguished(size):
    word = bytes(size)
    others = [word[:i] + b"\x01" + word[i + 1 :] for i in {0, size // 2, size - 1}]
    others.append(word[:-1])  # equal if missing bytes count as zeros
    table = WordTable(8)
    assert add(table, [word, *others], hash_value=7) == list(range(len(others) + 1))
    assert add(table, [word, *others], hash_value=7) == list(range(len(others) + 1))


def test_probing_wraps_around():
    table = WordTable(2)
    assert add(table, [b"a", b"b", b"a", b"b"], hash_value=len(table.arrays.slots) // 2 - 1) == [
        0,
        1,
        0,
        1,
    ]


def test_full_arrays_are_doubled():
    table = table_of([b"a", b"b"], capacity=2)
    sizes = [(8, 40, 3, 2), (16, 40, 5, 4), (32, 80, 9, 8)]
    assert tuple(map(len, table.arrays)) == sizes[0]
    assert add(table, [b"a", b"c"]) == [0, 2]
    assert tuple(map(len, table.arrays)) == sizes[1]
    assert add(table, [b"x" * (40 - 3 - SLACK), b"y"]) == [3, 4]
    assert tuple(map(len, table.arrays)) == sizes[2]
    assert len(table) == 5
    assert table.pool_bytes == table.arrays.ends[5] == 40 - SLACK + 1
    assert list(counts(table).values()) == [2, 1, 1, 1, 1]


def test_a_table_is_at_most_half_full(sized):
    table = table_of([str(i).encode() for i in range(sized(5000))])
    assert np.count_nonzero(table.arrays.slots[1::2]) == len(table) <= len(table.arrays.slots) / 4


@pytest.mark.parametrize(("capacity", "slots"), [(1, 4), (2, 4), (3, 8), (1000, 2048)])
def test_the_number_of_slots_is_a_power_of_two(capacity, slots):
    assert len(WordTable(capacity).arrays.slots) == 2 * slots


def test_the_hash_depends_on_the_given_length_only():
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


def test_hashes_are_spread_evenly(sized):
    number = sized(50_000)
    words = [f"w{i}".encode() for i in range(number)]
    hashes = np.array([hash_word(bytes_of(word), 0, len(word)) for word in words], np.uint64)
    assert len(np.unique(hashes)) == number
    for shift in (0, 32):
        buckets = np.bincount(
            ((hashes >> np.uint64(shift)) & np.uint64(15)).astype(int), minlength=16
        )
        assert abs(buckets - number / 16).max() < 6 * (number / 16) ** 0.5


@given(words=LISTS_OF_WORDS)
def test_words_and_prefixes_in_any_order(words):
    table = table_of(words)
    ids = np.arange(len(table))[::-1]
    found = table.words(ids)
    assert found == list(dict.fromkeys(words))[::-1]
    prefixes = table.prefixes(ids).tolist()
    assert prefixes == [int.from_bytes(word[:8].ljust(8, b"\0"), "big") for word in found]
