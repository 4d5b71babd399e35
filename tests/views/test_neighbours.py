"""The nearest words, against all cosines computed one by one."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.formats.norms import norms_of
from w2v.views import neighbours
from w2v.views.neighbours import nearest_words


def reference(matrix, queries, k):
    """All cosines in float64, sorted; ties by rank."""
    found = []
    for i in range(queries):
        cosines = []
        for j in range(len(matrix)):
            a, b = matrix[i].astype(float), matrix[j].astype(float)
            lengths = np.linalg.norm(a) * np.linalg.norm(b)
            cosines.append(float(a @ b / lengths) if lengths else 0.0)
        others = [j for j in range(len(matrix)) if j != i]
        others.sort(key=lambda j: (-round(cosines[j], 15), j))
        found.append([(j, cosines[j]) for j in others[:k]])
    return found


def check(matrix, queries, k):
    ids, cosines = nearest_words(matrix, norms_of(matrix), queries, k)
    expected = reference(matrix, queries, k)
    assert ids.tolist() == [[j for j, _ in row] for row in expected]
    np.testing.assert_allclose(cosines, [[c for _, c in row] for row in expected], atol=1e-12)


def vectors(size, dim, seed=1):
    return np.random.default_rng(seed).normal(size=(size, dim)).astype(np.float32)


@pytest.mark.parametrize(
    ("size", "queries", "k"), [(60, 60, 10), (60, 7, 3), (5, 5, 10), (2, 1, 9)]
)
def test_the_nearest_words_are_those_of_the_reference(size, queries, k):
    check(vectors(size, 8), queries, k)


def test_blocks_do_not_change_the_result(monkeypatch):
    monkeypatch.setattr(neighbours, "_QUERIES", 7)
    monkeypatch.setattr(neighbours, "_COLUMNS", 11)
    check(vectors(60, 5), 40, 10)


def test_the_words_may_be_any():
    matrix = vectors(30, 5)
    rows = np.array([29, 3, 3, 17])
    found, whole = (nearest_words(matrix, norms_of(matrix), which, 6) for which in (rows, 30))
    assert found.ids.tolist() == whole.ids[rows].tolist()
    assert found.cosines.tolist() == whole.cosines[rows].tolist()


def test_equal_vectors_are_ordered_by_rank_across_blocks(monkeypatch):
    monkeypatch.setattr(neighbours, "_COLUMNS", 4)
    matrix = np.repeat(vectors(3, 5), 20, axis=0)
    check(matrix, 60, 10)


def test_cosines_that_float32_cannot_tell_apart_are_ordered():
    angles = 1e-4 * 1.03 ** np.random.default_rng(1).permutation(60)
    check(np.stack([np.ones(60), angles], axis=1).astype(np.float32), 60, 10)


def test_zero_vectors_have_cosine_0_with_all_others():
    matrix = vectors(9, 4)
    matrix[[2, 5]] = 0
    check(matrix, 9, 8)


def test_large_and_small_numbers_neither_overflow_nor_vanish():
    matrix = vectors(20, 6)
    matrix[::2] *= 1e37
    matrix[1::2] *= 1e-18
    check(matrix, 20, 6)


def test_one_word_has_no_neighbours():
    ids, cosines = nearest_words(np.ones((1, 3), np.float32), np.ones(1), 1, 10)
    assert ids.shape == cosines.shape == (1, 0)


def test_they_are_those_that_similar_prints():
    matrix = vectors(80, 10)
    embeddings = Embeddings([f"w{i}" for i in range(80)], matrix)
    ids, cosines = nearest_words(matrix, norms_of(matrix), 20, 10)
    for i in range(20):
        expected = embeddings.most_similar(f"w{i}", 10)
        assert [f"w{j}" for j in ids[i]] == [word for word, _ in expected]
        np.testing.assert_allclose(cosines[i], [cosine for _, cosine in expected], atol=1e-6)
