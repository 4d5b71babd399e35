"""Queries by several words, and conversions to and from other libraries."""

from __future__ import annotations

import copy
import importlib.util

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, UnknownWordError
from w2v.formats.registry import FORMATS

DRAW = np.random.default_rng(3)
WORDS = [f"w{i}" for i in range(40)]
MODEL = Embeddings(WORDS, DRAW.normal(size=(40, 6)), list(range(100, 60, -1)))


def unit(word):
    vector = MODEL[word].astype(np.float64)
    return vector / np.linalg.norm(vector)


def slow_nearest(vector, topn, excluded, words=WORDS):
    cosines = {w: unit(w) @ vector / np.linalg.norm(vector) for w in words if w not in excluded}
    return sorted(cosines.items(), key=lambda entry: -entry[1])[:topn]


def check(found, expected):
    assert [word for word, _ in found] == [word for word, _ in expected]
    np.testing.assert_allclose([c for _, c in found], [c for _, c in expected], atol=1e-6)


def test_several_words_are_added_and_subtracted():
    expected = slow_nearest(unit("w1") + unit("w2") - unit("w3"), 5, {"w1", "w2", "w3"})
    check(MODEL.most_similar(["w1", "w2"], 5, negative="w3"), expected)
    check(MODEL.most_similar(positive=["w1", "w2"], negative=["w3"], topn=5), expected)
    check(MODEL.most_similar("w1", 5, positive=["w2"], negative=["w3"]), expected)
    check(MODEL.most_similar(negative="w3", topn=3), slow_nearest(-unit("w3"), 3, {"w3"}))


def test_the_search_can_be_restricted_to_frequent_words():
    expected = slow_nearest(unit("w1"), 5, {"w1"}, WORDS[:9])
    check(MODEL.most_similar("w1", 5, restrict=9), expected)
    assert len(MODEL.most_similar("w30", 50, restrict=9)) == 9
    with pytest.raises(ConfigError, match="restrict must be an integer of at least 1"):
        MODEL.most_similar("w1", restrict=0)


def test_vectors_can_be_lists():
    check(MODEL.most_similar(MODEL["w1"].tolist(), 3), slow_nearest(unit("w1"), 3, set()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "pass a word, several words or a vector"),
        ({"query": ["w1", 3]}, "words or numbers, got both: 3"),
        ({"query": MODEL["w1"], "negative": "w2"}, "a vector as the query cannot be combined"),
        ({"query": [1.0]}, "a query must be a word or 6 finite numbers"),
    ],
)
def test_other_queries_are_rejected(arguments, message):
    with pytest.raises(ConfigError, match=message):
        MODEL.most_similar(**arguments)


def test_similarity():
    assert MODEL.similarity("w1", "w2") == pytest.approx(unit("w1") @ unit("w2"))
    assert MODEL.similarity("w1", "w1") == 1
    zero = Embeddings(["a", "b"], [[0.0, 0.0], [1.0, 0.0]])
    assert zero.similarity("a", "b") == 0
    with pytest.raises(UnknownWordError, match="'x' is not among"):
        MODEL.similarity("w1", "x")


def test_the_word_that_does_not_match():
    model = Embeddings(["a", "b", "c", "d"], [[1.0, 0.1], [1.0, 0.2], [0.9, 0.1], [-1.0, 1.0]])
    assert model.doesnt_match(["a", "d", "b", "c"]) == "d"
    with pytest.raises(ConfigError, match="at least 2 words, got 'a'"):
        model.doesnt_match("a")


def test_get_has_a_default():
    assert MODEL.get("w1").tolist() == MODEL["w1"].tolist()
    assert MODEL.get("x") is None
    assert MODEL.get("x", 3) == 3
    with pytest.raises(ConfigError):
        MODEL.get(3)


def test_normalized_vectors_have_length_1():
    MODEL.most_similar("w1")
    normal = MODEL.normalized()
    np.testing.assert_allclose(np.linalg.norm(normal.matrix, axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(normal.matrix, MODEL.unit)
    assert (normal.words, normal.counts.tolist()) == (MODEL.words, MODEL.counts.tolist())
    assert normal.most_similar("w1", 3)[0][0] == MODEL.most_similar("w1", 3)[0][0]
    assert MODEL["w1"].tolist() != normal["w1"].tolist()


@pytest.mark.skipif(importlib.util.find_spec("gensim") is None, reason="gensim is not installed")
def test_gensim_and_back():
    vectors = MODEL.to_gensim()
    assert vectors.index_to_key == MODEL.words
    assert vectors.get_vecattr("w3", "count") == 97
    check(vectors.most_similar("w1", topn=3), MODEL.most_similar("w1", 3))
    expected = vectors.most_similar(positive=["w1", "w2"], negative=["w3"], topn=4)
    check(MODEL.most_similar(positive=["w1", "w2"], negative=["w3"], topn=4), expected)
    assert MODEL.doesnt_match(["w1", "w2", "w3"]) == vectors.doesnt_match(["w1", "w2", "w3"])
    back = Embeddings.from_gensim(vectors)
    assert back.words == MODEL.words
    assert back.matrix.tobytes() == MODEL.matrix.tobytes()
    assert back.counts.tolist() == MODEL.counts.tolist()


def test_only_models_of_gensim_are_converted():
    with pytest.raises(ConfigError, match="expected a model of gensim or its KeyedVectors, got"):
        Embeddings.from_gensim({})


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_pandas():
    frame = MODEL.to_pandas()
    assert frame.loc["w3"].tolist() == MODEL["w3"].tolist()
    assert frame.shape == (40, 6)


def test_export_takes_the_format_from_the_name_or_an_argument(tmp_path):
    MODEL.export(tmp_path / "v.txt.gz")
    MODEL.export(tmp_path / "v", "glove")
    for name, entry in (("v.txt.gz", "word2vec-text"), ("v", "glove")):
        assert FORMATS[entry].read(tmp_path / name).words == MODEL.words
    with pytest.raises(ConfigError, match=r"format must name a format, as .* has the ext"):
        MODEL.export(tmp_path / "v.xyz")
    with pytest.raises(ConfigError, match=r"format must be one of npy, .*got 'gensim'"):
        MODEL.export(tmp_path / "v", "gensim")


def test_export_replaces_words_that_the_format_cannot_hold(tmp_path, caplog):
    model = Embeddings(["new york", "b"], np.eye(2))
    model.export(tmp_path / "v.txt", on_bad_word="replace")
    assert FORMATS["word2vec-text"].read(tmp_path / "v.txt").words == ["new_york", "b"]
    assert "the word 'new york' has characters" in caplog.text


def test_copies_do_not_share_caches():
    used = copy.copy(MODEL)
    assert used.most_similar("w1", 1) == MODEL.most_similar("w1", 1)
