"""The search for the nearest rows, against all cosines in float64."""

from __future__ import annotations

import os

import numpy as np
import pytest

import w2v
from w2v.embeddings import search
from w2v.formats import norms


def slow_nearest(matrix, vector, count):
    """Sort all rows by their cosine."""
    exact, direction = matrix.astype(np.float64), np.asarray(vector, np.float64)
    direction = direction / (np.abs(direction).max() or 1)
    cosines = []
    for row in exact:
        lengths = np.linalg.norm(row) * np.linalg.norm(direction)
        cosines.append(float(row @ direction / lengths) if lengths else 0.0)
    order = sorted(range(len(matrix)), key=lambda row: (-round(cosines[row], 12), row))[:count]
    return order, [cosines[row] for row in order]


def check(matrix, vector, count):
    vector = np.asarray(vector)
    rows, cosines = search.nearest_rows(matrix, norms.norms_of(matrix), vector, count)
    expected = slow_nearest(matrix, vector, count)
    assert rows.tolist() == expected[0]
    np.testing.assert_allclose(cosines, expected[1], atol=1e-12)


@pytest.fixture(params=[1, 3])
def blocks(request, monkeypatch):
    """Search in many small blocks, on one thread and on several."""
    monkeypatch.setattr(search, "_NUMBERS_PER_BLOCK", 300)
    monkeypatch.setattr(search, "_LEAST_NUMBERS_PER_THREAD", 1 if request.param > 1 else 1 << 30)
    monkeypatch.setattr(search, "available_cores", lambda: request.param)


@pytest.mark.usefixtures("blocks")
@pytest.mark.parametrize("count", [0, 1, 7, 999, 1000, 2000])
def test_random_rows(count):
    draw = np.random.default_rng(2)
    check(draw.normal(size=(1000, 9)).astype(np.float32), draw.normal(size=9), count)


@pytest.mark.usefixtures("blocks")
def test_rows_that_float32_cannot_tell_apart():
    draw = np.random.default_rng(3)
    matrix = np.float32(1) + draw.normal(size=(500, 40), scale=1e-3).astype(np.float32)
    check(matrix, np.ones(40), 5)


@pytest.mark.usefixtures("blocks")
def test_equal_and_zero_rows_are_in_order():
    matrix = np.tile(np.eye(4, dtype=np.float32), (200, 1))
    matrix[::3] = 0
    check(matrix, [0.0, 1.0, 0.0, 0.0], 150)
    check(matrix, [0.0, -1.0, 0.0, 0.0], 700)
    check(matrix, np.zeros(4), 10)
    check(np.zeros((9000, 2), np.float32), np.ones(2), 3)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_vectors_of_any_length(scale):
    matrix = np.random.default_rng(4).normal(size=(50, 3)).astype(np.float32)
    check(matrix, np.array([1.0, 2.0, 3.0]) * scale, 5)


@pytest.fixture
def model(tmp_path, monkeypatch):
    """A model whose words are not decoded before they are needed."""
    monkeypatch.setattr(norms, "LEAST_BYTES", 1)
    words = [f"w{i}" for i in range(300)] + ["Paris", "zoë", "e\u0301"]
    matrix = np.random.default_rng(6).normal(size=(303, 5)).astype(np.float32)
    meta = {"tokenizer": {"name": "unicode", "lowercase": True}}
    w2v.Embeddings(words, matrix, meta=meta).save(tmp_path / "m.w2v")
    return tmp_path / "m.w2v"


@pytest.mark.parametrize("word", ["w7", "W7", "zoë", "ZOE\u0308", "\u00e9", "Paris", "none", "a b"])
def test_queries_are_those_of_words_in_memory(model, word):
    lazy = w2v.load(model)
    plain = w2v.Embeddings(lazy.words, lazy.matrix, meta=lazy.meta)
    lazy = w2v.load(model)
    assert (word in lazy) == (word in plain)
    if word in plain:
        assert lazy.most_similar(word, 4) == plain.most_similar(word, 4)
        assert lazy.most_similar(word, 4, restrict=50) == plain.most_similar(word, 4, restrict=50)
    else:
        with pytest.raises(w2v.W2VError) as expected:
            plain.most_similar(word)
        with pytest.raises(w2v.W2VError) as error:
            lazy.most_similar(word)
        assert str(error.value) == str(expected.value)


def test_a_query_decodes_the_words_of_the_result_only(model):
    lazy = w2v.load(model)
    assert len(lazy.most_similar("w7")) == 10
    assert not {"words", "_row_of"} & vars(lazy).keys()


def test_a_changed_matrix_is_noticed(model):
    changed = w2v.load(model)
    changed.matrix[:] -= changed.matrix.mean(axis=0) + 1
    plain = w2v.Embeddings(changed.words, changed.matrix)
    assert changed.most_similar("w7", 20) == plain.most_similar("w7", 20)


def test_wrong_lengths_in_the_file_are_noticed(model):
    expected = w2v.load(model).most_similar("w7")
    table = w2v.load(model)
    changed = (model / "embeddings.npy").stat().st_mtime_ns
    words = (model / "vocab.txt").read_bytes()
    wrong = norms.norms_of(table.matrix)
    wrong[5:50] /= 100
    norms.write(model, table.matrix, changed, words, wrong)
    os.utime(model / norms.NAME, ns=(changed, changed))
    assert w2v.load(model).most_similar("w7") == expected


def test_copies_have_their_words(model):
    import copy
    import pickle

    for copied in (pickle.loads(pickle.dumps(w2v.load(model))), copy.deepcopy(w2v.load(model))):
        assert copied.words[7] == "w7"
        assert copied.most_similar("w7") == w2v.load(model).most_similar("w7")
    normalized = w2v.load(model).normalized()
    assert [word for word, _ in normalized.most_similar("w7")] == [
        word for word, _ in w2v.load(model).most_similar("w7")
    ]
