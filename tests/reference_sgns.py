"""Skip-gram with negative sampling as its definition reads, in Python and float64.

Nothing here is shared with the kernels but the random numbers, which are functions of a key and a
position, and so the same for both.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from w2v.sampling import draw_below, draw_noise, passes
from w2v.sgns import SURE, TILE


@dataclass
class Span:
    """What training on a span did."""

    pairs: list[tuple[int, int]]
    loss: float  # the mean over pairs, with the noise of the first centers of each shared set


def held(score):
    """A score counts up to SURE, beyond which it makes no difference that a float32 shows."""
    return np.clip(score, -SURE, SURE)


def sigmoid(score):
    return 1 / (1 + np.exp(-held(score)))


def softplus(score):
    return np.log1p(np.exp(held(score)))


def kept_places(ids, end_of_line, sampling, key):
    """What subsampling keeps, each as (place in the text, word); None for a line's end."""
    kept = []
    for place, word in enumerate(ids.tolist()):
        if word == end_of_line:
            kept.append((place, None))
        elif passes(key, place, sampling.keep_thresholds[word]):
            kept.append((place, word))
    return kept


def places_of(ids, begin, end, end_of_line, sampling, keys):
    """What is kept of ids[begin:end]: (word, [context, ...]), None at line ends."""
    found = []
    kept = kept_places(ids, end_of_line, sampling, keys.subsampling)
    words = [word for _, word in kept]
    first = sampling.window + 1  # how the kernel counts the span's words, for windows' radii
    for i, (place, word) in enumerate(kept):
        if begin <= place < end:
            radius = sampling.window
            if sampling.shrink_windows:
                radius -= draw_below(keys.windows, first + len(found), sampling.window)
            around = same_line(words[:i][::-1])[:radius][::-1] + same_line(words[i + 1 :])[:radius]
            found.append(None if word is None else (word, around))
    return found


def same_line(words):
    """The words before the first line end."""
    return words[: words.index(None)] if None in words else words


def centers_of(ids, begin, end, end_of_line, sampling, keys):
    """The centers in ids[begin:end] that have contexts: [(word, [context, ...]), ...]."""
    places = places_of(ids, begin, end, end_of_line, sampling, keys)
    return [place for place in places if place is not None and place[1]]


def train_span(ids, begin, end, end_of_line, vectors, contexts, sampling, keys, lr):
    """What `w2v.sgns.train_span` does, on (V, D) float64 matrices, with one learning rate."""
    places = places_of(ids, begin, end, end_of_line, sampling, keys)
    pairs = []
    context_loss = noise_loss = 0.0
    noise_pairs = drawn = left = first = 0
    while first < len(places):
        if left == 0:
            noise = [
                draw_noise(keys.noise, drawn + n, sampling.noise_thresholds, sampling.noise_aliases)
                for n in range(sampling.shared_negatives)
            ]
            drawn += len(noise)
            left = sampling.negative_sharing
        size = min(left, TILE)
        tile = [place for place in places[first : first + size] if place is not None and place[1]]
        first += size
        context_scores = [
            [vectors[word] @ contexts[context] for context in around] for word, around in tile
        ]
        noise_scores = [contexts[noise] @ vectors[word] for word, _ in tile]
        values = [vectors[word].copy() for word, _ in tile]
        changes = [np.zeros_like(value) for value in values]
        steps = []
        for t, (_, around) in enumerate(tile):
            weight = len(around) * sampling.negatives / sampling.shared_negatives
            if left == sampling.negative_sharing:
                noise_loss += weight * softplus(noise_scores[t]).sum()
                noise_pairs += len(around)
            steps.append(-lr * weight * sigmoid(noise_scores[t]))
        for n, word in enumerate(noise):  # which may have the same word twice
            row = contexts[word].copy()
            for t in range(len(tile)):
                changes[t] += steps[t][n] * row
                contexts[word] += steps[t][n] * values[t]
        for t, (word, around) in enumerate(tile):
            for context, score in zip(around, context_scores[t], strict=True):
                pairs.append((word, context))
                context_loss += softplus(-score)
                step = lr * sigmoid(-score)
                changes[t] += step * contexts[context]
                # The center's row as it is now: an earlier center of the tile may be the same.
                contexts[context] += step * vectors[word]
            vectors[word] += changes[t]
        left -= len(tile)
    loss = context_loss / max(len(pairs), 1) + noise_loss / max(noise_pairs, 1)
    return Span(pairs, loss)


def objective(centers, vectors, contexts, negatives, distribution):
    """The objective itself, negated: Mikolov et al. 2013b, equation 4, summed over all pairs."""
    loss = 0.0
    for word, around in centers:
        expected_noise = distribution @ softplus(contexts @ vectors[word])
        for context in around:
            loss += softplus(-vectors[word] @ contexts[context])
            loss += negatives * expected_noise
    return loss
