"""Clusters of words by the method of Louvain, and their names.

Blondel, Guillaume, Lambiotte and Lefebvre 2008, "Fast unfolding of communities in large networks";
the resolution is that of Reichardt and Bornholdt 2006. The words are visited in their order, so the
result is always the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from w2v.compute.jit import kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MAX_CLUSTERS = 255
GRAPH_NEIGHBOURS = 15
_ROUNDS = 100
_NAME_WORDS = 3
_SAME_LETTERS = 4
_FEW, _MANY = 30, 150  # words of a cluster that may name it


class Graph(NamedTuple):
    """A weighted undirected graph, each edge in both of its rows.

    Attributes:
        starts: (n + 1,) int64, where each row starts.
        columns: (m,) int64, the other end of each edge. A loop is an edge of a node to itself.
        weights: (m,) float64, positive. A loop has twice its weight, as both of its ends count.

    """

    starts: NDArray[np.int64]
    columns: NDArray[np.int64]
    weights: NDArray[np.float64]


def graph_of(ids: NDArray[np.int64]) -> Graph:
    """Return the graph of the nearest words, (n, k) ids: weight 2 if two words are so mutually."""
    size, k = ids.shape
    rows = np.repeat(np.arange(size), k)
    ends = ids.ravel()
    return _from_edges(
        np.concatenate([rows, ends]), np.concatenate([ends, rows]), np.ones(2 * len(rows)), size
    )


def _from_edges(
    rows: NDArray[np.int64], columns: NDArray[np.int64], weights: NDArray[np.float64], size: int
) -> Graph:
    """Return a graph, with the weights of equal edges added up."""
    keys, inverse = np.unique(rows * size + columns, return_inverse=True)
    starts = np.searchsorted(keys, np.arange(size + 1) * size)
    summed = np.bincount(inverse, weights, len(keys)).astype(np.float64)
    return Graph(starts.astype(np.int64), keys % size, summed)


def louvain(graph: Graph, resolution: float) -> NDArray[np.int64]:
    """Return the cluster of each node, (n,) int64: a partition of high modularity.

    The clusters are numbered by their first nodes.
    """
    labels = np.arange(len(graph.starts) - 1)
    while True:
        communities = np.arange(len(graph.starts) - 1)
        move_nodes(*graph, resolution, communities)
        distinct, communities = np.unique(communities, return_inverse=True)
        labels = communities[labels]
        if len(distinct) == len(graph.starts) - 1:
            return _renumber(labels)
        rows = np.repeat(communities, np.diff(graph.starts))
        graph = _from_edges(rows, communities[graph.columns], graph.weights, len(distinct))


@kernel
def move_nodes(
    starts: NDArray[np.int64],
    columns: NDArray[np.int64],
    weights: NDArray[np.float64],
    resolution: float,
    communities: NDArray[np.int64],
) -> None:
    """Move nodes to the neighbouring communities that raise the modularity most, until none does.

    Args:
        starts: (n + 1,) int64, of a `Graph`, as the next two.
        columns: (m,) int64.
        weights: (m,) float64.
        resolution: more than 1 for smaller communities.
        communities: (n,) int64, changed; each node is in one of its own at first.

    """
    size = communities.shape[0]
    degrees = np.zeros(size)
    for node in range(size):
        for edge in range(starts[node], starts[node + 1]):
            degrees[node] += weights[edge]
    total = degrees.sum()
    if total == 0.0:
        return
    volumes = degrees.copy()  # of the communities
    links = np.zeros(size)  # from a node to each community
    touched = np.empty(size, np.int64)
    for _ in range(_ROUNDS):
        moved = 0
        for node in range(size):
            count = 0
            for edge in range(starts[node], starts[node + 1]):
                if columns[edge] != node:
                    community = communities[columns[edge]]
                    if links[community] == 0.0:
                        touched[count] = community
                        count += 1
                    links[community] += weights[edge]
            own = communities[node]
            volumes[own] -= degrees[node]
            share = resolution * degrees[node] / total
            best, best_gain = own, links[own] - share * volumes[own]
            for place in range(count):
                community = touched[place]
                gain = links[community] - share * volumes[community]
                if gain > best_gain + 1e-9:
                    best, best_gain = community, gain
                links[community] = 0.0
            volumes[best] += degrees[node]
            if best != own:
                communities[node] = best
                moved += 1
        if moved == 0:
            return


def merge_small(
    labels: NDArray[np.int64], vectors: NDArray[np.float32], least: int
) -> NDArray[np.int64]:
    """Move the words of small clusters to the large ones with the nearest centroids.

    Args:
        labels: (n,) int64, from 0.
        vectors: (n, D) float32 of length 1.
        least: the size from which a cluster stays. The largest one always does, and at most
            `MAX_CLUSTERS` do.

    Returns:
        (n,) int64: the clusters by decreasing size.

    """
    sizes = np.bincount(labels)
    by_size = np.argsort(-sizes, kind="stable")
    kept = by_size[: max(1, min(MAX_CLUSTERS, int((sizes >= least).sum())))]
    centroids = centroids_of(labels, vectors)[kept]
    place = np.full(len(sizes), -1)
    place[kept] = np.arange(len(kept))
    result = place[labels]
    unassigned = np.flatnonzero(result < 0)
    result[unassigned] = (vectors[unassigned] @ centroids.T).argmax(axis=1)
    order = np.argsort(-np.bincount(result, minlength=len(kept)), kind="stable")
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    by_rank: NDArray[np.int64] = ranks[result].astype(np.int64)
    return by_rank


def centroids_of(labels: NDArray[np.int64], vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the directions of the means of clusters, (c, D) float32 of length 1, or zero."""
    sums = np.zeros((int(labels.max()) + 1, vectors.shape[1]))
    np.add.at(sums, labels, vectors)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    directions: NDArray[np.float32] = (sums / lengths).astype(np.float32)
    return directions


def name_words(
    labels: NDArray[np.int64],
    vectors: NDArray[np.float32],
    words: Sequence[str],
    counts: NDArray[np.int64],
) -> list[list[int]]:
    """Return for each cluster the words that name it: frequent ones near its centroid.

    Args:
        labels: (n,) int64.
        vectors: (n, D) float32 of length 1.
        words: the n words, the most frequent first.
        counts: (n,) int64, their frequencies.

    """
    centroids = centroids_of(labels, vectors)
    weights = np.sqrt(np.log1p(counts))
    names = []
    for cluster, centroid in enumerate(centroids):
        members = np.flatnonzero(labels == cluster)
        frequent = members[: int(max(_FEW, min(len(members) / 3, _MANY)))]
        scores = (vectors[frequent] @ centroid) * weights[frequent]
        names.append(_distinct(frequent[np.argsort(-scores, kind="stable")].tolist(), words))
    return names


def _distinct(candidates: list[int], words: Sequence[str]) -> list[int]:
    """Return the first candidates that do not begin with the same letters."""
    chosen: dict[str, int] = {}
    for word in candidates:
        chosen.setdefault(words[word][:_SAME_LETTERS].casefold(), word)
        if len(chosen) == _NAME_WORDS:
            break
    return list(chosen.values())


def _renumber(labels: NDArray[np.int64]) -> NDArray[np.int64]:
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    ranks = np.empty_like(first)
    ranks[np.argsort(first)] = np.arange(len(first))
    return ranks[inverse].astype(np.int64)
