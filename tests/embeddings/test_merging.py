"""Merging several embeddings into one."""

from __future__ import annotations

import numpy as np
import pytest

import w2v
from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.merging import merge, rotation
from w2v.errors import ConfigError

DRAW = np.random.default_rng(5)
WORDS = [f"w{i}" for i in range(30)]
MATRIX = DRAW.normal(size=(30, 4))
META = {"tokenizer": {"name": "unicode", "lowercase": True, "edition": 2}}


def random_rotation(seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(4, 4)))[0]


def unit(matrix):
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_a_rotation_is_found():
    turned = MATRIX @ random_rotation(1)
    np.testing.assert_allclose(turned @ rotation(turned, MATRIX), MATRIX, atol=1e-12)


def test_the_mean_of_rotated_models_is_the_first_one():
    models = [Embeddings(WORDS, MATRIX @ random_rotation(seed)) for seed in range(3)]
    merged = merge([Embeddings(WORDS, MATRIX), *models])
    assert merged.words == WORDS
    np.testing.assert_allclose(merged.matrix, unit(MATRIX), atol=1e-6)


def test_words_of_any_model_have_the_mean_of_those_that_have_it():
    turn = random_rotation(2)
    one = Embeddings(WORDS[:20], MATRIX[:20])
    other = Embeddings(WORDS[::-1][:25], (MATRIX @ turn)[::-1][:25])
    merged = merge([one, other])
    assert set(merged.words) == set(WORDS)
    for word, vector in zip(WORDS, unit(MATRIX), strict=True):
        np.testing.assert_allclose(merged[word], vector, atol=1e-6)


def test_concatenated_vectors_are_those_of_common_words():
    one = Embeddings(WORDS[:20], MATRIX[:20])
    other = Embeddings(WORDS[10:], DRAW.normal(size=(20, 3)))
    merged = merge([one, other], "concatenate")
    assert (merged.words, merged.dim) == (WORDS[10:20], 7)
    np.testing.assert_allclose(merged.matrix[:, :4], unit(MATRIX[10:20]), atol=1e-6)
    np.testing.assert_allclose(merged.matrix[:, 4:], other.unit[:10], atol=1e-6)


def test_counts_are_added_and_determine_the_order():
    one = Embeddings(["a", "b", "c"], MATRIX[:3], [9, 5, 1], META)
    other = Embeddings(["c", "b"], MATRIX[1:3], [70, 2], META)
    merged = merge([one, other])
    assert (merged.words, merged.counts.tolist()) == (["c", "a", "b"], [71, 9, 7])
    assert merged.meta["tokenizer"] == META["tokenizer"]
    assert merge([one, Embeddings(["a"], MATRIX[:1])]).counts is None


def test_the_tokenizer_is_recorded_only_if_all_agree():
    one = Embeddings(["a"], MATRIX[:1], None, META)
    other = Embeddings(["a"], MATRIX[:1], None, {"tokenizer": {"name": "whitespace"}})
    assert "tokenizer" not in merge([one, other]).meta
    assert merge([one, other]).meta["merged"] == {"how": "average", "words": [1, 1]}


def test_zero_vectors_stay_zero():
    zero = Embeddings(["a", "b"], [[0.0, 0.0], [1.0, 0.0]])
    assert merge([zero, zero])["a"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("models", "how", "message"),
    [
        ([["a"]], "average", "expected at least 2 models to merge, got 1"),
        ([["a"], ["b"]], "average", "the models have no word in common"),
        ([["a"], ["a"]], "sum", "how must be one of average, concatenate, got 'sum'"),
    ],
)
def test_other_arguments_are_rejected(models, how, message):
    with pytest.raises(ConfigError, match=message):
        w2v.merge([Embeddings(words, MATRIX[:1]) for words in models], how)


def test_vectors_of_other_sizes_cannot_be_averaged():
    with pytest.raises(ConfigError, match="only vectors of one size can be averaged, got 4 and 5"):
        merge([Embeddings(["a"], MATRIX[:1]), Embeddings(["a"], np.ones((1, 5)))])
