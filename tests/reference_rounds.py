"""Reference implementation of a round of shards and its merge, in Python and float64."""

from __future__ import annotations

import numpy as np

import reference_sgns
from w2v.compute.random import bernoulli
from w2v.training.backends.merging import _NOISE_DECAY, _PAIR_DECAY
from w2v.training.sampling import draw_noise


def subsampled_words(span, sampling, key):
    """Return the words that subsampling retains: of a span and its contexts, and of the span."""
    ids, end_of_line = span.ids, span.end_of_line
    line = np.cumsum(ids == end_of_line)
    retained = [
        (position, word)
        for position, word in enumerate(ids.tolist())
        if word != end_of_line and bernoulli(key, position, sampling.keep_thresholds[word])
    ]
    line_before = int(np.count_nonzero(ids[: span.begin] == end_of_line))
    line_after = int(np.count_nonzero(ids[: span.end] == end_of_line))
    before = [word for i, word in retained if i < span.begin and line[i] == line_before]
    inside = [word for i, word in retained if span.begin <= i < span.end]
    after = [word for i, word in retained if i >= span.end and line[i] == line_after]
    return before[-sampling.window :] + inside + after[: sampling.window], inside


def count(words, size):
    """Return the number of occurrences of each word."""
    return np.bincount(np.array(words, np.int64), minlength=size)


def merge(old, replicas, decays):
    """Merge replicas of a matrix.

    Args:
        old: the (V, D) matrix from which they started.
        replicas: the matrix of each shard.
        decays: the (V,) total decay rates of each. More than 64 shards do not need them.

    """
    result = old.copy()
    for word in range(len(old)):
        changed = [s for s, new in enumerate(replicas) if (new[word] != old[word]).any()]
        if len(changed) == 1:
            result[word] = replicas[changed[0]][word]
        elif changed:
            changes = [replicas[s][word] - old[word] for s in changed]
            if len(replicas) > 64:
                factor = agreement(changes)
            else:
                remaining = [np.exp(-decays[s][word]) for s in changed]
                factor = (1 - np.prod(remaining)) / sum(1 - q for q in remaining)
            result[word] += factor * sum(changes)
    return result


def agreement(changes):
    """Return the weight of the sum of changes: 1 if they are orthogonal, less if they agree."""
    square = np.square(sum(changes)).sum()
    return min(1.0, sum(np.square(change).sum() for change in changes) / square) if square else 1.0


def train_round(spans, vectors, contexts, sampling, rates, frozen, scales):
    """Train for one round on (V, D) float64 matrices.

    Args:
        spans: the (span, keys) of each shard.
        vectors: the word vectors.
        contexts: the context vectors.
        sampling: the sampling tables and options of the kernel.
        rates: the learning rates of each span.
        frozen: the number of leading words whose vectors do not change.
        scales: the (V,) step sizes of the word vectors relative to the learning rates.

    Returns:
        The matrices after the round, and the statistics of each span.

    """
    results, trained = [], []
    lr = rates.begin
    pairs = 2 * sampling.window
    for span, keys in spans:
        own = vectors.copy(), contexts.copy()
        trained.append(reference_sgns.train_span(span, *own, sampling, keys, rates, frozen, scales))
        words, inside = subsampled_words(span, sampling, keys.subsampling)
        line_ends = int(np.count_nonzero(span.ids[span.begin : span.end] == span.end_of_line))
        sets = -(-(len(inside) + line_ends) // sampling.negative_sharing) + 1
        noise = [
            draw_noise(keys.noise, i, sampling.noise_thresholds, sampling.noise_aliases)
            for i in range(sets * sampling.shared_negatives)
        ]
        occurrences, draws = count(words, len(vectors)), count(noise, len(vectors))
        weight = sampling.negatives / sampling.shared_negatives * sampling.negative_sharing
        center_decay = scales * lr * _PAIR_DECAY * pairs * (1 + sampling.negatives) * occurrences
        context_decay = lr * pairs * (_PAIR_DECAY * occurrences + _NOISE_DECAY * weight * draws)
        results.append((*own, center_decay, context_decay))
    new_vectors, new_contexts, center_decays, context_decays = zip(*results, strict=True)
    return (
        merge(vectors, new_vectors, center_decays),
        merge(contexts, new_contexts, context_decays),
        trained,
    )
