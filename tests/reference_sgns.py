"""Skip-gram with negative sampling as its definition reads, in Python and float64.

Nothing here is shared with the kernels but the random numbers, which are functions of a key and a
position, and so the same for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from w2v.compute.random import passes, random_below
from w2v.training.sampling import draw_noise
from w2v.training.sgns.kernel import MAX_SCORE, TILE


@dataclass
class Span:
    """What training on a span did."""

    centers: int
    pairs: list[tuple[int, int]]
    loss: float  # the mean over pairs, with the noise of the first centers of each shared set


def held(score):
    """A score counts up to MAX_SCORE, beyond which it makes no difference that a float32 shows."""
    return np.clip(score, -MAX_SCORE, MAX_SCORE)


def sigmoid(score):
    return 1 / (1 + np.exp(-held(score)))


def softplus(score):
    return np.log1p(np.exp(held(score)))


def kept_lines(ids, end_of_line, sampling, key):
    """The words that subsampling keeps, line by line, each as (place in the text, word)."""
    lines = [[]]
    for place, word in enumerate(ids.tolist()):
        if word == end_of_line:
            lines.append([])
        elif passes(key, place, sampling.keep_thresholds[word]):
            lines[-1].append((place, word))
    return lines


def centers_of(ids, begin, end, end_of_line, sampling, keys):
    """The centers in ids[begin:end] that have contexts: [(word, [(place, context), ...]), ...]."""
    found = []
    order = sampling.window + 1  # how the kernel counts the span's words, for windows' radii
    for line in kept_lines(ids, end_of_line, sampling, keys.subsampling):
        inside = [i for i, (place, _) in enumerate(line) if begin <= place < end]
        for i in inside:
            radius = sampling.window
            if sampling.shrink_windows:
                before = sum(
                    1 for value in ids[begin : line[i][0]].tolist() if value == end_of_line
                )
                kept_before = sum(
                    1
                    for other in kept_lines(ids, end_of_line, sampling, keys.subsampling)
                    for place, _ in other
                    if begin <= place < line[i][0]
                )
                radius -= random_below(keys.windows, order + before + kept_before, sampling.window)
            contexts = line[max(0, i - radius) : i] + line[i + 1 : i + radius + 1]
            if contexts:
                found.append((line[i][1], contexts))
    return found


def train_span(ids, begin, end, end_of_line, vectors, contexts, sampling, keys, lr, frozen=0):
    """What `w2v.training.sgns.kernel.train_span` does, on (V, D) float64 matrices, with one learning rate."""
    centers = centers_of(ids, begin, end, end_of_line, sampling, keys)
    pairs = [(word, context) for word, around in centers for _, context in around]
    context_loss = noise_loss = 0.0
    noise_pairs = 0
    for set_number, first in enumerate(range(0, len(centers), sampling.negative_sharing)):
        sharing = centers[first : first + sampling.negative_sharing]
        noise_ids = [
            draw_noise(
                keys.noise,
                set_number * sampling.shared_negatives + n,
                sampling.noise_thresholds,
                sampling.noise_aliases,
            )
            for n in range(sampling.shared_negatives)
        ]
        for tile_start in range(0, len(sharing), TILE):
            tile = sharing[tile_start : tile_start + TILE]
            steps_at = {}  # of each place around the tile, left to right: what its word is due
            for t, (word, around) in enumerate(tile):
                for place, context in around:
                    score = vectors[word] @ contexts[context]
                    context_loss += softplus(-score)
                    steps_at.setdefault((place, context), []).append((t, lr * sigmoid(-score)))
            noise_scores = [contexts[noise_ids] @ vectors[word] for word, _ in tile]
            noise_steps = []
            for (_, around), scores in zip(tile, noise_scores, strict=True):
                weight = len(around) * sampling.negatives / sampling.shared_negatives
                noise_steps.append(-lr * weight * sigmoid(scores))
                if tile_start == 0:
                    noise_loss += weight * softplus(scores).sum()
                    noise_pairs += len(around)
            updates = [
                (word, [(t, steps[n]) for t, steps in enumerate(noise_steps)])
                for n, word in enumerate(noise_ids)
            ]
            updates += [(word, steps) for (_, word), steps in sorted(steps_at.items())]
            values = [vectors[word].copy() for word, _ in tile]
            changes = [np.zeros_like(value) for value in values]
            # Where a word comes twice, the second time meets what the first one left.
            for word, steps in updates:
                row = contexts[word].copy()
                for t, step in steps:
                    changes[t] += step * row
                    contexts[word] += step * values[t]
            for (word, _), change in zip(tile, changes, strict=True):
                if word >= frozen:
                    vectors[word] += change
    loss = context_loss / max(len(pairs), 1) + noise_loss / max(noise_pairs, 1)
    return Span(len(centers), pairs, loss)


def objective(centers, vectors, contexts, negatives, distribution):
    """The objective itself, negated: Mikolov et al. 2013b, equation 4, summed over all pairs."""
    loss = 0.0
    for word, around in centers:
        expected_noise = distribution @ softplus(contexts @ vectors[word])
        for _, context in around:
            loss += softplus(-vectors[word] @ contexts[context])
            loss += negatives * expected_noise
    return loss
