"""Clusters, against the modularity computed from its definition; and their names."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.views import clusters
from w2v.views.clusters import Graph, graph_of, louvain, merge_small, move_nodes, name_words


def matrix_of(graph: Graph) -> np.ndarray:
    size = len(graph.starts) - 1
    matrix = np.zeros((size, size))
    rows = np.repeat(np.arange(size), np.diff(graph.starts))
    np.add.at(matrix, (rows, graph.columns), graph.weights)
    return matrix


def modularity(matrix, labels, resolution=1.0):
    """Reichardt and Bornholdt 2006, from the definition."""
    degrees, total = matrix.sum(axis=1), matrix.sum()
    quality = 0.0
    for i in range(len(matrix)):
        for j in range(len(matrix)):
            if labels[i] == labels[j]:
                quality += matrix[i, j] - resolution * degrees[i] * degrees[j] / total
    return quality / total


def groups(sizes, seed=1):
    """The six nearest of words in groups, five of them in the group of the word."""
    draw = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(sizes)), sizes)
    ids = []
    for i, label in enumerate(labels):
        own = np.flatnonzero((labels == label) & (np.arange(len(labels)) != i))
        others = np.flatnonzero(labels != label)
        ids.append([*draw.choice(own, 5, replace=False), draw.choice(others)])
    return labels, np.array(ids)


def test_the_graph_counts_mutual_neighbours_twice():
    graph = graph_of(np.array([[1], [0], [1]]))
    assert matrix_of(graph).tolist() == [[0, 2, 0], [2, 0, 1], [0, 1, 0]]


def test_planted_groups_are_found():
    labels, ids = groups([12, 9, 15, 8])
    assert (louvain(graph_of(ids), 1.0) == labels).all()


@pytest.mark.parametrize("resolution", [0.5, 1.0, 2.0])
def test_no_move_of_one_node_raises_the_modularity(resolution):
    ids = np.random.default_rng(3).integers(0, 30, (30, 4))
    graph = graph_of(ids)
    labels = np.arange(30)
    move_nodes(*graph, resolution, labels)
    matrix = matrix_of(graph)
    best = modularity(matrix, labels, resolution)
    assert best > modularity(matrix, np.arange(30), resolution)
    for node in range(30):
        for label in set(labels.tolist()):
            moved = labels.copy()
            moved[node] = label
            assert modularity(matrix, moved, resolution) <= best + 1e-9


def test_each_round_raises_the_modularity():
    ids = np.random.default_rng(4).integers(0, 60, (60, 3))
    graph = graph_of(ids)
    first = np.arange(60)
    move_nodes(*graph, 1.0, first)
    matrix = matrix_of(graph)
    assert modularity(matrix, louvain(graph, 1.0)) > modularity(matrix, first) + 0.01


def test_a_higher_resolution_finds_more_clusters():
    ids = np.random.default_rng(4).integers(0, 60, (60, 3))
    counts = [louvain(graph_of(ids), resolution).max() for resolution in (0.5, 1.0, 4.0)]
    assert counts == sorted(set(counts))


def test_a_graph_without_edges_has_a_cluster_for_each_node():
    graph = Graph(np.zeros(4, np.int64), np.zeros(0, np.int64), np.zeros(0))
    assert louvain(graph, 1.0).tolist() == [0, 1, 2]


def test_small_clusters_join_the_nearest_large_one():
    vectors = np.array([[1, 0], [1, 0.1], [0, 1], [0, 1], [0.1, 1], [1, 0.2]], np.float32)
    labels = np.array([1, 1, 0, 0, 0, 2])
    assert merge_small(labels, vectors, 2).tolist() == [1, 1, 0, 0, 0, 1]


def test_the_largest_cluster_stays_even_if_it_is_small():
    labels = merge_small(np.array([0, 1, 1, 2]), np.eye(4, dtype=np.float32), 100)
    assert labels.tolist() == [0, 0, 0, 0]


def test_clusters_are_numbered_by_size_and_fit_in_a_byte(monkeypatch):
    monkeypatch.setattr(clusters, "MAX_CLUSTERS", 3)
    draw = np.random.default_rng(1)
    labels = merge_small(draw.integers(0, 9, 90), draw.normal(size=(90, 4)).astype(np.float32), 1)
    sizes = np.bincount(labels).tolist()
    assert len(sizes) == 3
    assert sizes == sorted(sizes, reverse=True)


def test_names_are_frequent_words_near_the_middle():
    words = ["far", "near", "nearly", "nearby", "rare", "mid", "other"]
    vectors = np.array(
        [[-1, 0], [1, 0], [1, 0.01], [1, 0.02], [1, 0], [0.8, 0.6], [0, 1]], np.float32
    )
    counts = np.array([900, 800, 700, 600, 0, 500, 400])
    labels = np.array([0, 0, 0, 0, 0, 0, 1])
    names = [[words[i] for i in name] for name in name_words(labels, vectors, words, counts)]
    # "nearly" and "nearby" begin as "near" does; "rare" has no weight.
    assert names == [["near", "mid", "rare"], ["other"]]


def test_only_the_most_frequent_words_of_a_cluster_name_it():
    size = 200
    vectors = np.tile(np.array([[0.9, 0.436], [0.9, -0.436]], np.float32), (size // 2, 1))
    vectors[[20, 70]] = [1, 0]  # in the middle; one of them is beyond the first third
    words = [f"{i:04}" for i in range(size)]
    names = name_words(np.zeros(size, np.int64), vectors, words, np.full(size, 9))
    assert names[0][0] == 20
    assert 70 not in names[0]
