"""A round of shards and its merging as their definition reads, in Python and float64."""

from __future__ import annotations

import numpy as np

import reference_sgns
from w2v.compute.random import passes
from w2v.training.backends.rounds import _NOISE_PULL, _PULL
from w2v.training.sampling import draw_noise


def words_in_reach(ids, begin, end, end_of_line, sampling, key):
    """The words of a span that subsampling keeps, and as many around it as a window reaches."""
    line = np.cumsum(ids == end_of_line)
    kept = [
        (place, word)
        for place, word in enumerate(ids.tolist())
        if word != end_of_line and passes(key, place, sampling.keep_thresholds[word])
    ]
    line_before = int(np.count_nonzero(ids[:begin] == end_of_line))
    line_behind = int(np.count_nonzero(ids[:end] == end_of_line))
    before = [word for place, word in kept if place < begin and line[place] == line_before]
    inside = [word for place, word in kept if begin <= place < end]
    behind = [word for place, word in kept if place >= end and line[place] == line_behind]
    return before[-sampling.window :] + inside + behind[: sampling.window], inside


def counts_in(words, size):
    return np.bincount(np.array(words, np.int64), minlength=size)


def merged(old, news, pulls):
    """Merge matrices that began as the same one; ``pulls`` are (V,) for each."""
    result = old.copy()
    for word in range(len(old)):
        changed = [s for s, new in enumerate(news) if (new[word] != old[word]).any()]
        if len(changed) == 1:
            result[word] = news[changed[0]][word]
        elif changed:
            left = [np.exp(-pulls[s][word]) for s in changed]
            share = (1 - np.prod(left)) / sum(1 - q for q in left)
            result[word] += share * sum(news[s][word] - old[word] for s in changed)
    return result


def train_round(ids, spans, end_of_line, vectors, contexts, sampling, lr, frozen=0):
    """What a round does to (V, D) float64 matrices; ``spans`` are (begin, end, keys).

    Returns the matrices after it, and what each span did.
    """
    results, told = [], []
    pairs = 2 * sampling.window
    for begin, end, keys in spans:
        own = vectors.copy(), contexts.copy()
        told.append(
            reference_sgns.train_span(
                ids, begin, end, end_of_line, *own, sampling, keys, lr, frozen
            )
        )
        reach, inside = words_in_reach(ids, begin, end, end_of_line, sampling, keys.subsampling)
        line_ends = int(np.count_nonzero(ids[begin:end] == end_of_line))
        sets = -(-(len(inside) + line_ends) // sampling.negative_sharing) + 1
        noise = [
            draw_noise(keys.noise, i, sampling.noise_thresholds, sampling.noise_aliases)
            for i in range(sets * sampling.shared_negatives)
        ]
        uses, draws = counts_in(reach, len(vectors)), counts_in(noise, len(vectors))
        each = sampling.negatives / sampling.shared_negatives * sampling.negative_sharing
        center_pull = lr * _PULL * pairs * (1 + sampling.negatives) * uses
        context_pull = lr * pairs * (_PULL * uses + _NOISE_PULL * each * draws)
        results.append((*own, center_pull, context_pull))
    new_vectors, new_contexts, center_pulls, context_pulls = zip(*results, strict=True)
    return (
        merged(vectors, new_vectors, center_pulls),
        merged(contexts, new_contexts, context_pulls),
        told,
    )
