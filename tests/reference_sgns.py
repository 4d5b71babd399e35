"""Reference implementation of skip-gram with negative sampling, in Python and float64.

It shares only the random numbers with the kernels; they are functions of a key and a position.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from w2v.compute.random import bernoulli, random_below
from w2v.training.sampling import draw_noise
from w2v.training.sgns.logistic import MAX_SCORE
from w2v.training.sgns.workspace import TILE


@dataclass
class Trained:
    """The statistics of training on a span."""

    centers: int
    pairs: list[tuple[int, int]]
    loss: float  # mean over pairs; the noise part from the first tile of each shared set


def clamp(score):
    """Limit scores to MAX_SCORE, beyond which float32 results do not change."""
    return np.clip(score, -MAX_SCORE, MAX_SCORE)


def sigmoid(score):
    return 1 / (1 + np.exp(-clamp(score)))


def softplus(score):
    return np.log1p(np.exp(clamp(score)))


def subsampled_lines(span, sampling, key):
    """Return the lines after subsampling; each word is a pair (position in the text, word)."""
    lines = [[]]
    for position, word in enumerate(span.ids.tolist()):
        if word == span.end_of_line:
            lines.append([])
        elif bernoulli(key, position, sampling.keep_thresholds[word]):
            lines[-1].append((position, word))
    return lines


def centers_of(span, sampling, keys):
    """Return the centers that have contexts: (words before it, word, [(position, context), ...]).

    Words before it are those of the span that subsampling retains, and line ends.
    """
    centers = []
    lines = subsampled_lines(span, sampling, keys.subsampling)
    for line in lines:
        inside = [i for i, (position, _) in enumerate(line) if span.begin <= position < span.end]
        for i in inside:
            before = count_before(span, lines, line[i][0])
            radius = sampling.window
            if sampling.shrink_windows:
                number = sampling.window + 1 + before
                radius -= random_below(keys.windows, number, sampling.window)
            contexts = line[max(0, i - radius) : i] + line[i + 1 : i + radius + 1]
            if contexts:
                centers.append((before, line[i][1], contexts))
    return centers


def count_before(span, lines, position):
    """Count the retained words and line ends of a span before a position."""
    ends = np.count_nonzero(span.ids[span.begin : position] == span.end_of_line)
    return int(ends) + sum(span.begin <= other < position for line in lines for other, _ in line)


def train_span(span, vectors, contexts, sampling, keys, rates, frozen=0, scales=None):
    """Train like `w2v.training.sgns.kernel.train_span`.

    Updates ``vectors`` and ``contexts``, (V, D) float64 arrays, in place. ``scales``,
    (V,), are the step sizes of word vectors relative to the learning rates, by default 1.
    """
    centers = centers_of(span, sampling, keys)
    lines = subsampled_lines(span, sampling, keys.subsampling)
    size = max(count_before(span, lines, span.end), 1)
    done = 0
    pairs = [(word, context) for _, word, around in centers for _, context in around]
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
            lr = rates.begin + (rates.end - rates.begin) * done / size
            done = tile[-1][0] + 1
            gradients_at = {}  # by position and word of each context
            for t, (_, word, around) in enumerate(tile):
                for position, context in around:
                    score = vectors[word] @ contexts[context]
                    context_loss += softplus(-score)
                    gradient = t, lr * sigmoid(-score)
                    gradients_at.setdefault((position, context), []).append(gradient)
            noise_scores = [contexts[noise_ids] @ vectors[word] for _, word, _ in tile]
            noise_gradients = []
            for (_, _, around), scores in zip(tile, noise_scores, strict=True):
                weight = len(around) * sampling.negatives / sampling.shared_negatives
                noise_gradients.append(-lr * weight * sigmoid(scores))
                if tile_start == 0:
                    noise_loss += weight * softplus(scores).sum()
                    noise_pairs += len(around)
            updates = [
                (word, [(t, gradients[n]) for t, gradients in enumerate(noise_gradients)])
                for n, word in enumerate(noise_ids)
            ]
            updates += [(word, gradients) for (_, word), gradients in sorted(gradients_at.items())]
            values = [vectors[word].copy() for _, word, _ in tile]
            changes = [np.zeros_like(value) for value in values]
            # If a word occurs twice, its second update sees the first one.
            for word, gradients in updates:
                row = contexts[word].copy()
                for t, gradient in gradients:
                    changes[t] += gradient * row
                    contexts[word] += gradient * values[t]
            for (_, word, _), change in zip(tile, changes, strict=True):
                if word >= frozen:
                    vectors[word] += change * (1 if scales is None else scales[word])
    loss = context_loss / max(len(pairs), 1) + noise_loss / max(noise_pairs, 1)
    return Trained(len(centers), pairs, loss)


def objective(centers, vectors, contexts, negatives, distribution):
    """Return the negated objective (Mikolov et al. 2013b, equation 4), summed over all pairs."""
    loss = 0.0
    for _, word, around in centers:
        expected_noise = distribution @ softplus(contexts @ vectors[word])
        for _, context in around:
            loss += softplus(-vectors[word] @ contexts[context])
            loss += negatives * expected_noise
    return loss
