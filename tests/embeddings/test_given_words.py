"""Matrices for the vocabulary of another program."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.given_words import matrix_of_words, read_given_words
from w2v.errors import ConfigError, InputError

MATRIX = np.array([[1, 2], [3, 4], [5, 9]], np.float32)
MODEL = Embeddings(["the", "dog", "cat"], MATRIX)


def test_rows_have_the_order_of_the_words():
    assert MODEL.matrix_for(words=["cat", "the"]).tolist() == [[5, 9], [1, 2]]


def test_words_may_have_rows_of_their_own():
    found = MODEL.matrix_for(words={"dog": 3, "the": 1})
    assert found.tolist() == [[0, 0], [1, 2], [0, 0], [3, 4]]


def test_the_vocabulary_of_keras_has_rows_for_padding_and_unknown_words():
    found = MODEL.matrix_for(words=["", "[UNK]", "the"], missing="mean")
    assert found.tolist() == [[0, 0], [3, 5], [1, 2]]


@pytest.mark.parametrize("name", ["", "<pad>", "[PAD]"])
def test_padding_is_zero_unless_there_is_such_a_word(name):
    assert not MODEL.matrix_for(words=[name, "the"], missing="mean")[0].any()
    if name:
        own = Embeddings([name, "the"], MATRIX[:2])
        assert own.matrix_for(words=[name, "the"]).tolist() == MATRIX[:2].tolist()


def test_missing_words():
    words = ["the", *[f"x{i}" for i in range(2_000)]]
    assert not MODEL.matrix_for(words=words)[1:].any()
    random = MODEL.matrix_for(words=words, missing="normal")[1:]
    np.testing.assert_allclose(random.mean(axis=0), MATRIX.mean(axis=0), atol=0.3)
    np.testing.assert_allclose(random.std(axis=0), MATRIX.std(axis=0), atol=0.3)
    again = MODEL.matrix_for(words=words, missing="normal")[1:]
    assert again.tobytes() == random.tobytes()
    other = MODEL.matrix_for(words=words, missing="normal", seed=2)[1:]
    assert other.tobytes() != random.tobytes()


def test_lowercase_is_looked_up_if_asked_for():
    words = ["The", "DOG", "cat", "x"]
    _, found = matrix_of_words(MODEL, words, "zeros", lowercase=False, seed=1)
    assert (found.words, found.found, found.lowercased) == (4, 1, 0)
    matrix, found = matrix_of_words(
        MODEL, ["The", "DOG", "cat", "x"], "zeros", lowercase=True, seed=1
    )
    assert str(found) == "3 of 4 words found (75.0 %), 2 of them in lowercase"
    assert matrix.tolist() == [[1, 2], [3, 4], [5, 9], [0, 0]]


def test_a_warning_tells_that_few_words_were_found(caplog):
    with caplog.at_level(logging.INFO, logger="w2v"):
        MODEL.matrix_for(words=["the", "x", "y"])
        MODEL.matrix_for(words=["the", "dog", "y"])
    assert [(r.levelname, r.getMessage()) for r in caplog.records if "found" in r.getMessage()] == [
        ("WARNING", "note: 1 of 3 words found (33.3 %)"),
        ("INFO", "note: 2 of 3 words found (66.7 %)"),
    ]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "must be strings, and at least one"),
        ("the", "must be a list of words"),
        (["the", 3], "must be strings.*got 3"),
        (["the", "the"], "must be distinct, but 'the' is repeated"),
        ({"the": -1}, "must map words to rows of at least 0, got -1"),
        ({"the": 1.5}, "must map words to rows of at least 0, got 1.5"),
        ({"the": 1, "dog": 1}, "must map each word to a row of its own"),
        (["x", "y"], "none of the 2 words has a vector"),
    ],
)
def test_other_words_are_rejected(words, message):
    with pytest.raises(ConfigError, match=f"^(words )?{message}"):
        MODEL.matrix_for(words=words)


def test_words_and_a_layout_exclude_each_other():
    with pytest.raises(ConfigError, match=r"^words determines the rows"):
        MODEL.matrix_for("pad", words=["the"])
    with pytest.raises(ConfigError, match=r"^missing must be one of zeros, normal, mean"):
        MODEL.matrix_for(words=["the"], missing="no")


def test_files_of_words(tmp_path):
    (tmp_path / "lines.txt").write_text("the\n\ndog\r\n")
    assert read_given_words(tmp_path / "lines.txt") == ["the", "", "dog"]
    for name, content, expected in [
        ("list.json", ["the", "dog"], ["the", "dog"]),
        ("index.json", {"the": 1}, {"the": 1}),
        ("tokenizer.json", {"model": {"vocab": {"the": 0}}}, {"the": 0}),
        ("unigram.json", {"model": {"vocab": [["the", -1.5]]}}, ["the"]),
    ]:
        (tmp_path / name).write_text(json.dumps(content))
        assert read_given_words(tmp_path / name) == expected


@pytest.mark.parametrize("content", ["{", "3", '"the"'])
def test_other_json_is_rejected(content, tmp_path):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=r"x\.json(:| is not JSON)"):
        read_given_words(tmp_path / "x.json")
