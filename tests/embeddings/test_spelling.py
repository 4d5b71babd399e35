"""Suggestions for words that are not in the vocabulary."""

from __future__ import annotations

import time

import numpy as np

from w2v.embeddings.spelling import near_spellings


def test_suggestions_prefer_frequent_words_at_equal_ratio():
    assert near_spellings("bat", ["bats", "cat", "batz"]) == ["bats", "batz", "cat"]
    assert near_spellings("bat", ["batz", "cat", "bats"]) == ["batz", "bats", "cat"]
    assert near_spellings("b", ["a", "ab", "b"]) == ["b", "ab"]
    assert near_spellings("", ["a"]) == []


def test_suggestions_are_fast():
    rng = np.random.default_rng(1)
    letters = rng.integers(97, 123, (50_000, 8)).astype(np.uint8)
    words = [bytes(row[: 4 + i % 5]).decode() for i, row in enumerate(letters)]
    words[49_000] = "misspelling"
    start = time.process_time()
    assert near_spellings("mispeling", words)[0] == "misspelling"
    assert time.process_time() - start < 1  # a tenth of this on an idle machine
