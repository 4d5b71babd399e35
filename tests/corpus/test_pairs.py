"""The window rule: by hand, compared with the reference, and in blocks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import reference
from w2v.corpus import pairs as pairs_module
from w2v.corpus.encoded import EncodedText
from w2v.corpus.pairs import (
    context_range,
    count_pairs,
    fill_pairs,
    skipgram_pair_blocks,
    skipgram_pairs,
)
from w2v.errors import ConfigError

FOX = ["the", "quick", "brown", "fox", "jumps"]
BY_HAND = {
    1: [
        ("the", "quick"),
        ("quick", "the"), ("quick", "brown"),
        ("brown", "quick"), ("brown", "fox"),
        ("fox", "brown"), ("fox", "jumps"),
        ("jumps", "fox"),
    ],
    2: [
        ("the", "quick"), ("the", "brown"),
        ("quick", "the"), ("quick", "brown"), ("quick", "fox"),
        ("brown", "the"), ("brown", "quick"), ("brown", "fox"), ("brown", "jumps"),
        ("fox", "quick"), ("fox", "brown"), ("fox", "jumps"),
        ("jumps", "brown"), ("jumps", "fox"),
    ],
}  # fmt: skip
SENTENCES = st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=6)
WINDOWS = st.integers(1, 15)


def encoded(sentences: list[list[int]], dtype: type = np.uint16) -> EncodedText:
    """Return the non-empty sentences as an encoded text."""
    sentences = [sentence for sentence in sentences if sentence]
    end = np.iinfo(dtype).max
    ids = np.array([i for sentence in sentences for i in [*sentence, end]], dtype)
    return EncodedText(ids, sum(map(len, sentences)), len(sentences))


def rows(blocks) -> list[tuple[int, int]]:
    return [tuple(pair) for block in blocks for pair in block.tolist()]


@pytest.mark.parametrize("window", BY_HAND)
def test_pairs_by_hand(window):
    assert list(skipgram_pairs(FOX, window)) == BY_HAND[window]
    assert reference.pairs([FOX], window) == BY_HAND[window]
    ids = [(FOX.index(center), FOX.index(context)) for center, context in BY_HAND[window]]
    assert rows(skipgram_pair_blocks(range(5), window)) == ids


def test_the_default_window_is_two_words_on_either_side():
    assert list(skipgram_pairs(FOX)) == BY_HAND[2]
    assert len(rows(skipgram_pair_blocks(range(5)))) == len(BY_HAND[2])


def test_a_window_wider_than_the_sentence_covers_it():
    all_pairs = [(a, b) for a in FOX for b in FOX if a != b]
    assert list(skipgram_pairs(FOX, 4)) == list(skipgram_pairs(FOX, 900)) == all_pairs


def test_a_position_is_not_its_own_context():
    assert list(skipgram_pairs(["a", "a"], 2)) == [("a", "a"), ("a", "a")]


@pytest.mark.parametrize("sentences", [[], [[]], [["a"], ["b"]], ["a"], np.zeros(0, int), iter([])])
def test_a_single_word_has_no_pairs(sentences):
    assert list(skipgram_pairs(sentences, 2)) == []


@given(sentences=SENTENCES, window=WINDOWS, block_size=st.integers(1, 50))
def test_pairs_match_the_reference_in_every_form(sentences, window, block_size):
    expected = reference.pairs(sentences, window)
    forms = [
        sentences,
        tuple(map(tuple, sentences)),
        (np.array(sentence, int) for sentence in sentences),
        encoded(sentences),
        encoded(sentences, np.uint32),
    ]
    for form in forms:
        assert list(skipgram_pairs(form, window)) == expected
    blocks = list(skipgram_pair_blocks(encoded(sentences), window, block_size))
    assert rows(blocks) == expected
    assert all((block.shape[1], block.dtype) == (2, np.int32) for block in blocks)
    assert [len(block) for block in blocks[:-1]] == [block_size] * (len(blocks) - 1)
    assert all(0 < len(block) <= block_size for block in blocks[-1:])


@given(SENTENCES, WINDOWS, st.booleans())
@example([], 1, False)
@example([[], [], [1]], 3, True)
@example([[1] * 12], 15, False)
def test_counted_pairs_match_the_reference(sentences, window, last_line_ends):
    """Also with empty lines, and with or without an end of the last line."""
    ids = np.array([i for sentence in sentences for i in [*sentence, 0xFFFF]], np.uint16)
    ids = ids if last_line_ends else ids[:-1]
    assert count_pairs(ids, 0xFFFF, window) == len(reference.pairs(sentences, window))
    assert count_pairs(ids, 0xFFFF, window) == sum(1 for _ in skipgram_pairs(sentences, window))


def test_a_long_sentence_is_processed_in_parts(monkeypatch):
    sentence = list(range(100))
    expected = reference.pairs([sentence], 3)
    monkeypatch.setattr(pairs_module, "_PAIRS_PER_STEP", 10)
    assert list(skipgram_pairs(sentence, 3)) == expected
    assert rows(skipgram_pair_blocks(sentence, 3, 7)) == expected


def test_the_rows_of_an_array_are_sentences():
    assert list(skipgram_pairs(np.array([[1, 2], [3, 4]]), 2)) == [(1, 2), (2, 1), (3, 4), (4, 3)]


def test_numbers_are_returned_as_int():
    center, context = next(skipgram_pairs(np.array([1, 2], np.uint16), 1))
    assert (type(center), type(context)) == (int, int)


@given(sentences=SENTENCES, window=WINDOWS)
@example(sentences=[[1, 2, 3]], window=1)
def test_windows_end_at_line_ends(sentences, window):
    text = encoded(sentences)
    line = np.cumsum(text.ids == text.end_of_line)
    for center in np.flatnonzero(text.ids != text.end_of_line).tolist():
        first, end = context_range(text.ids, center, window, text.end_of_line)
        near = [
            other
            for other in range(len(text.ids))
            if abs(other - center) <= window
            and text.ids[other] != text.end_of_line
            and line[other] == line[center]
        ]
        assert list(range(first, end)) == near


def test_a_center_without_space_for_its_pairs_is_not_processed():
    ids = np.array([1, 2, 3])
    buffer = np.full((3, 2), -7)
    assert fill_pairs(ids, 0, 1, -1, buffer) == (2, 3)
    assert buffer.tolist() == [[0, 1], [1, 0], [1, 2]]
    assert fill_pairs(ids, 2, 1, -1, buffer) == (3, 1)
    assert buffer[0].tolist() == [2, 1]


@pytest.mark.parametrize("window", [0, -1, 1.5, "2", None, True])
@pytest.mark.parametrize("function", [skipgram_pairs, skipgram_pair_blocks])
def test_an_invalid_window_is_rejected_immediately(function, window):
    message = f"window must be an integer of at least 1, got {window!r}"
    with pytest.raises(ConfigError, match=message):
        function(FOX, window)


@pytest.mark.parametrize("size", [0, -1, 1.5, True])
def test_an_invalid_block_size_is_rejected_immediately(size):
    message = f"block_size must be an integer of at least 1, got {size!r}"
    with pytest.raises(ConfigError, match=message):
        skipgram_pair_blocks([1, 2], 2, size)


def test_a_mixture_of_words_and_sentences_is_rejected():
    with pytest.raises(ConfigError, match=r"^ids must be one sentence or an .* got both: 'a' is"):
        list(skipgram_pairs(["a", ["b", "c"]], 2))
