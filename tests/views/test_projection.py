"""Layouts and the places on the grid."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from w2v.errors import MissingExtraError
from w2v.views import projection
from w2v.views.projection import layout_for, principal_components, to_grid


def test_principal_components_are_those_of_the_singular_value_decomposition():
    vectors = np.random.default_rng(1).normal(size=(30, 6)).astype(np.float32)
    found = principal_components(vectors)
    centered = vectors - vectors.mean(axis=0)
    u, s, _ = np.linalg.svd(centered, full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(u[:, :2] * s[:2]), atol=1e-4)
    assert (found[np.abs(found).argmax(axis=0), [0, 1]] > 0).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (4, 1), (2, 3)])
def test_any_vectors_have_two_components(shape):
    found = principal_components(np.ones(shape, np.float32))
    assert found.shape == (shape[0], 2)
    assert not found.any()


def are_apart(grid):
    """No two words are within a box whose labels would cover each other even when enlarged."""
    for row, (x, y) in enumerate(grid.tolist()):
        dx = np.abs(grid[:row, 0].astype(int) - x)
        dy = np.abs(grid[:row, 1].astype(int) - y)
        if ((dx < projection._WIDE) & (dy < projection._HIGH)).any():
            return False
    return True


def test_places_fill_the_grid_and_keep_their_aspect():
    grid = to_grid(np.array([[-1.0, 0], [3, 0], [1, 1], [1, -1]]))
    assert grid.dtype == np.uint16
    assert grid[:, 0].tolist() == [0, 65535, 32768, 32768]
    assert grid[2:, 1].tolist() == pytest.approx([49151, 16384], abs=1)


@pytest.mark.parametrize("size", [1, 2, 3, 11, 400])
def test_words_at_one_place_are_set_apart(size):
    grid = to_grid(np.zeros((size, 2)))
    assert are_apart(grid)
    assert np.ptp(grid.astype(int), axis=0).max(initial=0) < 64 * (1 + np.sqrt(size))


def test_words_near_each_other_and_at_the_edge_are_set_apart():
    draw = np.random.default_rng(1)
    positions = np.concatenate([draw.normal(size=(300, 2)) * 0.003, [[1, 1]] * 40, [[-1, -1]] * 40])
    assert are_apart(to_grid(positions))


def test_places_that_are_apart_do_not_change():
    positions = np.array([[x, y] for x in range(20) for y in range(20)], float)
    np.testing.assert_array_equal(to_grid(positions), np.rint(positions / 19 * 65535))


@pytest.mark.parametrize(
    ("layout", "size", "used"), [("tsne", 4, "pca"), ("tsne", 5, "tsne"), ("pca", 1, "pca")]
)
def test_few_words_are_laid_out_by_their_components(layout, size, used):
    assert layout_for(layout, size) == used


def test_umap_needs_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(MissingExtraError, match=r"layout 'umap' needs .*pip install 'w2v\[umap\]'"):
        layout_for("umap", 100)


def test_umap_is_given_the_words(monkeypatch):
    class Umap:
        def __init__(self, **options):
            assert options["random_state"] == 1
            assert options["metric"] == "cosine"

        def fit_transform(self, vectors):
            return vectors[:, :2]

    fake = type(sys)("umap")
    fake.UMAP = Umap
    monkeypatch.setitem(sys.modules, "umap", fake)
    vectors = np.eye(20, dtype=np.float32)
    assert layout_for("umap", 20) == "umap"
    assert layout_for("umap", 15) == "pca"
    found = projection.project(vectors, None, "umap", 1)
    np.testing.assert_array_equal(found, vectors[:, :2])
