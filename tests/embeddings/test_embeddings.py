"""The result as an object: checks, lookup, neighbours, analogies."""

from __future__ import annotations

import time

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings, near_spellings
from w2v.errors import ConfigError, FormatError, UnknownWordError
from w2v.text.definition import lowercase_word

# king - man + woman = queen, exactly.
ROYALS = Embeddings(
    ["man", "woman", "king", "queen", "apple", "zero"],
    np.array([[3, 0, 0], [0, 2, 0], [1, 0, 1], [0, 5, 5], [-1, -1, 0], [0, 0, 0]], np.float32),
    [60, 50, 40, 30, 20, 10],
)
LOWERS = {"tokenizer": {"lowercase": True}}


def test_lookup_is_the_row():
    assert ROYALS["king"].tolist() == [1, 0, 1]
    assert ROYALS.id_of("king") == 2
    assert "king" in ROYALS
    assert "pawn" not in ROYALS
    assert 2 not in ROYALS
    assert (len(ROYALS), ROYALS.dim) == (6, 3)
    assert list(ROYALS) == ROYALS.words
    assert repr(ROYALS) == "Embeddings(6 words, dim 3)"


def test_a_vector_is_a_read_only_view():
    vector = ROYALS["king"]
    assert np.shares_memory(vector, ROYALS.matrix)
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 7


def test_counts_and_meta_are_kept():
    assert ROYALS.counts is not None
    assert ROYALS.counts.dtype == np.int64
    assert ROYALS.counts.tolist() == [60, 50, 40, 30, 20, 10]
    assert ROYALS.meta == {}
    assert Embeddings(["a"], [[1.0]], meta={"x": 1}).meta == {"x": 1}
    assert Embeddings(["a"], [[1.0]]).counts is None


def test_a_float32_matrix_is_taken_as_it_is():
    matrix = np.ones((2, 3), np.float32)
    assert Embeddings(["a", "b"], matrix).matrix is matrix


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_other_floats_become_c_contiguous_float32(dtype):
    matrix = np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype))
    converted = Embeddings(["a", "b"], matrix).matrix
    assert converted.dtype == np.float32
    assert converted.flags.c_contiguous
    assert converted.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("words", "matrix", "finding"),
    [
        (["a"], np.ones((1, 2), np.int64), r"table of floats.*got shape \(1, 2\) of int64"),
        (["a"], np.ones(3), r"table of floats.*got shape \(3,\)"),
        (["a"], np.ones((2, 2)), "a row for each word .* got 2 rows and 2 columns for 1 words"),
        ([], np.ones((0, 2)), "at least one row"),
        (["a"], np.ones((1, 0)), "got 1 rows and 0 columns"),
        (["a", "b"], [[1.0], [np.nan]], "word 1, 'b', holds NaN or infinity"),
        (["a", "b"], [[1.0], [-np.inf]], "word 1, 'b', holds NaN or infinity"),
        (["a", "b"], [[1.0], [1e300]], "word 1, 'b', holds NaN or infinity"),
        (["a", "b", "a", "b"], np.ones((4, 1)), "'a' is both word 0 and word 2"),
        (["a", ""], np.ones((2, 1)), "word 1 is ''; every word must be a string"),
        (["a", 7], np.ones((2, 1)), "word 1 is 7; every word must be a string"),
    ],
)
def test_what_does_not_fit_is_refused(words, matrix, finding):
    with pytest.raises(FormatError, match=finding):
        Embeddings(words, matrix)


@pytest.mark.parametrize(
    ("counts", "finding"),
    [
        ([1], r"2 integers, one a word, got shape \(1,\)"),
        ([1.0, 2.0], "got shape .* of float64"),
        ([True, False], "of bool"),
        (np.array([1, 2], np.uint64), "of uint64"),
        ([3, -1], "count of word 1 is -1"),
    ],
)
def test_counts_that_do_not_fit_are_refused(counts, finding):
    with pytest.raises(FormatError, match=finding):
        Embeddings(["a", "b"], np.ones((2, 1)), counts)


def test_the_source_is_named():
    with pytest.raises(FormatError, match=r"^some\.file: 'a' is both"):
        Embeddings(["a", "a"], np.ones((2, 1)), source="some.file")


def test_most_similar_ranks_by_cosine_without_the_word_itself():
    # queen (0,5,5): king (1,0,1) 1/2, woman 1/sqrt 2, man 0, zero 0, apple -1/2
    expected = [("woman", 0.5**0.5), ("king", 0.5), ("man", 0), ("zero", 0), ("apple", -0.5)]
    answer = ROYALS.most_similar("queen")
    assert [word for word, _ in answer] == [word for word, _ in expected]
    assert [cosine for _, cosine in answer] == pytest.approx([c for _, c in expected])
    assert all(type(cosine) is float for _, cosine in answer)
    assert ROYALS.most_similar("queen", topn=2) == answer[:2]
    assert ROYALS.most_similar("queen", topn=0) == []


def test_most_similar_of_a_vector_leaves_nothing_out():
    (best, cosine), *rest = ROYALS.most_similar(ROYALS["queen"] * 9, topn=100)
    assert (best, cosine) == ("queen", pytest.approx(1))
    assert len(rest) == 5


def test_a_zero_vector_is_like_nothing():
    assert {cosine for _, cosine in ROYALS.most_similar("zero")} == {0}
    assert {cosine for _, cosine in ROYALS.most_similar(np.zeros(3))} == {0}


@pytest.mark.parametrize("scale", [1e-38, 1e-20, 1e19, 1e37])
def test_the_length_of_the_vectors_does_not_matter(scale):
    scaled = Embeddings(ROYALS.words, ROYALS.matrix * np.float32(scale))
    for (word, cosine), (expected, value) in zip(
        scaled.most_similar("queen"), ROYALS.most_similar("queen"), strict=True
    ):
        assert word == expected
        assert cosine == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("query", [np.ones(2), np.ones((1, 3)), np.array([1, np.nan, 0])])
def test_a_query_must_be_a_vector_of_the_model(query):
    with pytest.raises(ConfigError, match="a word or 3 finite numbers, got an array of shape"):
        ROYALS.most_similar(query)


def test_analogy():
    ((word, cosine),) = ROYALS.analogy("man", "king", "woman")
    # unit rows: (1,0,1)/sqrt 2 - (1,0,0) + (0,1,0); queen is (0,1,1)/sqrt 2
    target = np.array([0.5**0.5 - 1, 1, 0.5**0.5])
    expected = (target[1] + target[2]) / 2**0.5 / np.linalg.norm(target)
    assert (word, cosine) == ("queen", pytest.approx(expected))


def test_analogy_leaves_its_words_out():
    answer = ROYALS.analogy("man", "king", "woman", topn=100)
    assert sorted(word for word, _ in answer) == ["apple", "queen", "zero"]


def test_asking_does_not_change_the_model():
    embeddings = Embeddings(ROYALS.words, ROYALS.matrix.copy())
    before = embeddings.matrix.tobytes()
    embeddings.most_similar("king")
    embeddings.most_similar(embeddings.matrix[0])
    embeddings.analogy("man", "king", "woman")
    assert embeddings.matrix.tobytes() == before
    with pytest.raises(ValueError, match="read-only"):
        embeddings.unit[0] = 0


def test_an_unknown_word_gets_suggestions():
    with pytest.raises(UnknownWordError, match=r"^'kign' is not among the 6 words .* 'king'[?]$"):
        ROYALS["kign"]
    with pytest.raises(UnknownWordError, match=r"words of this model$"):
        ROYALS.most_similar("xyzzyxyzzy")
    with pytest.raises(UnknownWordError, match="'pawn'"):
        ROYALS.analogy("man", "king", "pawn")


def test_suggestions_prefer_frequent_words_at_equal_ratio():
    assert near_spellings("bat", ["bats", "cat", "batz"]) == ["bats", "batz", "cat"]
    assert near_spellings("bat", ["batz", "cat", "bats"]) == ["batz", "bats", "cat"]
    assert near_spellings("b", ["a", "ab", "b"]) == ["b", "ab"]
    assert near_spellings("", ["a"]) == []


def test_suggestions_are_quick():
    rng = np.random.default_rng(1)
    letters = rng.integers(97, 123, (50_000, 8)).astype(np.uint8)
    words = [bytes(row[: 4 + i % 5]).decode() for i, row in enumerate(letters)]
    words[49_000] = "misspelling"
    start = time.process_time()
    assert near_spellings("mispeling", words)[0] == "misspelling"
    assert time.process_time() - start < 1  # a tenth of this on an idle machine


@pytest.mark.parametrize("word", ["KING", "King", "king"])
def test_a_model_of_lower_case_is_asked_in_lower_case(word):
    embeddings = Embeddings(ROYALS.words, ROYALS.matrix, meta=LOWERS)
    assert word in embeddings
    assert embeddings.id_of(word) == 2
    assert embeddings[word].tolist() == [1, 0, 1]
    assert embeddings.most_similar(word) == ROYALS.most_similar("king")
    assert embeddings.analogy("Man", word, "Woman") == ROYALS.analogy("man", "king", "woman")
    with pytest.raises(UnknownWordError, match=r"'KIGN' .* 'king'"):
        embeddings.id_of("KIGN")


def test_the_word_as_written_comes_first():
    embeddings = Embeddings(["us", "US"], np.eye(2), meta=LOWERS)
    assert (embeddings.id_of("US"), embeddings.id_of("Us")) == (1, 0)


@pytest.mark.parametrize("meta", [None, {"tokenizer": {"lowercase": False}}, {"tokenizer": "x"}])
def test_other_models_are_asked_as_written(meta):
    embeddings = Embeddings(ROYALS.words, ROYALS.matrix, meta=meta)
    assert "King" not in embeddings
    with pytest.raises(UnknownWordError, match="'King'"):
        embeddings["King"]


def test_lower_case_is_made_character_by_character():
    assert lowercase_word("\u0391\u03a3") == "\u03b1\u03c3"  # str.lower would write a final sigma
    assert lowercase_word("İ") == "i̇"


@pytest.mark.parametrize("word", [3, None, ["a", "b"]])
def test_what_is_no_word_has_no_vector(word):
    embeddings = Embeddings(["a", "b"], [[1.0], [2.0]])
    with pytest.raises(ConfigError, match="a word must be a string, one at a time, got "):
        embeddings[word]


@pytest.mark.parametrize("query", [["a"], [["a"], ["a", "b"]], None])
def test_what_is_no_query_is_refused(query):
    embeddings = Embeddings(["a", "b"], [[1.0], [2.0]])
    with pytest.raises(ConfigError, match="a query must be a word or 1 finite numbers, got "):
        embeddings.most_similar(query)
