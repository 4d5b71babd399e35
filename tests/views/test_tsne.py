"""The t-SNE kernels, against plain sums over all pairs, and against openTSNE."""

from __future__ import annotations

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from support import JIT, compiled_only
from views.layouts import kept_neighbours, word_vectors
from w2v.formats.norms import norms_of
from w2v.views import tsne
from w2v.views.neighbours import Neighbours, nearest_words
from w2v.views.projection import principal_components

SIZE = 300 if JIT else 60


@pytest.fixture
def pool():
    with ThreadPoolExecutor(2) as threads:
        yield threads


def neighbours_of(size=SIZE, k=20, seed=1):
    matrix = np.random.default_rng(seed).normal(size=(size, 5)).astype(np.float32)
    return nearest_words(matrix, norms_of(matrix), size, k)


def positions_of(size=SIZE, seed=2):
    return np.random.default_rng(seed).normal(size=(size, 2)) * 5


def exact_gradient(positions, attraction, exaggeration):
    """Eq. 5 of van der Maaten and Hinton 2008 over all pairs, without its factor of 4."""
    size = len(positions)
    p = np.zeros((size, size))
    for i in range(size):
        entries = slice(attraction.starts[i], attraction.starts[i + 1])
        p[i, attraction.columns[entries]] = attraction.values[entries]
    differences = positions[:, None] - positions[None]
    q = 1 / (1 + (differences**2).sum(axis=2))
    np.fill_diagonal(q, 0)
    return (((exaggeration * p - q / q.sum()) * q)[:, :, None] * differences).sum(axis=1)


@pytest.mark.parametrize("exaggeration", [1.0, 12.0])
def test_with_theta_0_the_gradient_is_exact(pool, exaggeration):
    attraction = tsne.attraction_of(neighbours_of())
    positions = positions_of()
    found = tsne.gradient(positions, attraction, exaggeration, 0.0, pool)
    np.testing.assert_allclose(
        found, exact_gradient(positions, attraction, exaggeration), rtol=1e-9, atol=1e-15
    )


@pytest.mark.parametrize(("theta", "most"), [(tsne.THETA, 0.1), (0.2, 0.005)])
def test_cells_change_the_gradient_little(pool, theta, most):
    attraction = tsne.attraction_of(neighbours_of())
    positions = positions_of()
    exact = exact_gradient(positions, attraction, 1.0)
    error = tsne.gradient(positions, attraction, 1.0, theta, pool) - exact
    share = np.linalg.norm(error) / np.linalg.norm(exact)
    assert 0 < share < most


def test_points_at_one_place_repel_others_as_many(pool):
    attraction = tsne.attraction_of(neighbours_of(12, 5))
    positions = positions_of(12)
    positions[3:8] = positions[3]
    found = tsne.gradient(positions, attraction, 1.0, 0.0, pool)
    np.testing.assert_allclose(found, exact_gradient(positions, attraction, 1.0), atol=1e-12)


@pytest.mark.parametrize("place", [0.0, 1e300, -1e-300])
def test_points_that_are_all_at_one_place_stay_finite(pool, place):
    attraction = tsne.attraction_of(neighbours_of(12, 5))
    assert np.isfinite(tsne.gradient(np.full((12, 2), place), attraction, 1.0, 0.8, pool)).all()


def test_the_cells_of_the_tree_are_nested():
    positions = positions_of(50)
    order, tree = tsne.build_tree(positions, 1.0)
    sizes = tree.cells[:, 2].astype(int)
    assert sorted(order.tolist()) == list(range(50))
    assert len(sizes) <= 2 * 50 - 1
    assert sizes[0] == 50
    np.testing.assert_allclose(tree.cells[0, :2], positions.mean(axis=0))
    for cell, end in enumerate(tree.following):
        parts, part = [], cell + 1
        while part < end:
            parts.append(part)
            part = tree.following[part]
        # A cell is a leaf of one point, or the sum of its parts.
        assert sizes[cell] == (sum(sizes[parts]) if parts else 1)
        if parts:
            mean = np.average(tree.cells[parts, :2], axis=0, weights=sizes[parts])
            np.testing.assert_allclose(tree.cells[cell, :2], mean)
            assert (tree.cells[parts, 3] < tree.cells[cell, 3]).all()


def test_similarities_have_the_perplexity():
    distances = np.random.default_rng(1).uniform(0, 2, (30, 45))
    conditional = np.empty((30, 45))
    tsne.similarities(distances, 15, conditional)
    np.testing.assert_allclose(conditional.sum(axis=1), 1)
    entropy = -(conditional * np.log(conditional)).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), 15, rtol=1e-5)
    assert (np.argsort(distances) == np.argsort(-conditional)).all()


def test_equal_distances_have_equal_similarities():
    conditional = np.empty((2, 4))
    tsne.similarities(np.zeros((2, 4)), 2, conditional)
    np.testing.assert_allclose(conditional, 0.25)


def test_attraction_is_symmetric_and_sums_to_1():
    attraction = tsne.attraction_of(neighbours_of(40, 6))
    p = np.zeros((40, 40))
    rows = np.repeat(np.arange(40), np.diff(attraction.starts))
    p[rows, attraction.columns] = attraction.values
    np.testing.assert_allclose(p, p.T)
    assert p.sum() == pytest.approx(1)
    assert (attraction.values > 0).all()


def test_the_layout_is_the_same_with_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(tsne, "_POINTS_PER_TASK", 7)
    near, start = neighbours_of(), positions_of()
    layouts = [tsne.tsne(near, start, threads=threads, steps=(6, 6)) for threads in (1, 2, 5)]
    assert layouts[0].std() > 0
    for layout in layouts[1:]:
        assert layout.tobytes() == layouts[0].tobytes()


def test_two_groups_are_told_apart():
    ids = np.array([[j for j in range(i // 6 * 6, i // 6 * 6 + 6) if j != i] for i in range(12)])
    start = positions_of(12)
    layout = tsne.tsne(Neighbours(ids, np.full(ids.shape, 0.9)), start, threads=1, steps=(50, 100))
    middles = layout[:6].mean(axis=0), layout[6:].mean(axis=0)
    spread = max(layout[:6].std(), layout[6:].std())
    assert np.linalg.norm(middles[0] - middles[1]) > 2 * spread


@pytest.mark.slow
@compiled_only
def test_the_layout_is_as_good_as_that_of_opentsne():
    opentsne = pytest.importorskip("openTSNE")
    vectors = word_vectors(600)
    near = nearest_words(vectors, norms_of(vectors), len(vectors), tsne.NEIGHBOURS)
    ours = tsne.tsne(near, principal_components(vectors), threads=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = opentsne.TSNE(
            perplexity=tsne.PERPLEXITY, metric="cosine", n_jobs=1, random_state=1, n_iter=250
        ).fit(vectors)
    quality = kept_neighbours(ours, near.ids)
    assert quality > kept_neighbours(np.asarray(theirs), near.ids) - 0.03
    assert quality > 2 * kept_neighbours(principal_components(vectors), near.ids)
