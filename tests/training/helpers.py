"""Texts, matrices and settings that the tests of training share."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import strategies as st

from w2v.compute.random import ALWAYS, make_key
from w2v.config import Config
from w2v.corpus.encoded import EncodedText
from w2v.training.backends import make_backend
from w2v.training.model import (
    SCRATCH_ROWS,
    Matrices,
    aligned_zeros,
    padded_width,
    row_stride,
)
from w2v.training.sampling import Keys, NoiseDistribution, Sampling, keep_thresholds
from w2v.training.sgns.kernel import LearningRates, TextSpan
from w2v.training.state import NoCheckpointer, TrainingSetup, TrainingState
from w2v.training.trainer import Trainer

END_OF_LINE = 0xFFFF
EMPTY = EncodedText(np.empty(0, np.uint16), 0, 0)

# Texts


def encoded(lines):
    """The ids of lines of words, each line ended."""
    return np.array([value for line in lines for value in (*line, END_OF_LINE)], np.uint16)


def whole(ids):
    """The span of a whole text."""
    return TextSpan(ids, 0, len(ids), END_OF_LINE)


def texts(vocabulary, max_size=40):
    """A strategy for the ids of texts."""
    words = st.integers(0, vocabulary - 1)
    lines = st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=max_size // 6)
    return lines.map(encoded)


def text_of(lines):
    return EncodedText(encoded(lines), sum(map(len, lines)), len(lines))


def random_text(lines, vocabulary=30, seed=0):
    random = np.random.default_rng(seed)
    return text_of(
        [random.integers(0, vocabulary, random.integers(2, 12)).tolist() for _ in range(lines)]
    )


def topics(lines):
    """Lines about one of two topics, of four words each, and two words that all lines have."""
    random = np.random.default_rng(7)
    return text_of(
        [
            [*random.choice([[0, 1, 2, 3], [4, 5, 6, 7]][line % 2], 8).tolist(), 8, 9]
            for line in range(lines)
        ]
    )


def counts_of(text, vocabulary=30):
    return np.bincount(text.ids[text.ids != END_OF_LINE], minlength=vocabulary)


# Kernels


def make_sampling(vocabulary, *, counts=None, sample=0.0, **changes):
    """Tables for a vocabulary, with small settings by default."""
    counts = np.arange(vocabulary, 0, -1) * 3 if counts is None else np.asarray(counts)
    noise = NoiseDistribution.from_counts(counts, 0.75)
    settings = {
        "window": 2,
        "shrink_windows": False,
        "negatives": 5,
        "shared_negatives": 4,
        "negative_sharing": 8,
    } | changes
    thresholds = np.append(keep_thresholds(counts, sample), np.uint32(ALWAYS))
    return Sampling(thresholds, noise.thresholds, noise.aliases, *settings.values())


def make_keys(seed):
    return Keys(make_key(seed, 1), make_key(seed, 2), make_key(seed, 3))


def constant_rates(lr):
    """A learning rate that does not change within a span."""
    return LearningRates(lr, lr)


def random_matrices(vocabulary, dim, seed=0, scale=1.0, frozen=0):
    """Matrices with random rows, and the same as two plain float64 arrays."""
    stride = row_stride(dim)
    random = np.random.default_rng(seed)
    size = (vocabulary + SCRATCH_ROWS) * stride
    scales = np.append(1 + 2 * random.random(vocabulary), np.ones(SCRATCH_ROWS))
    matrices = Matrices(
        aligned_zeros(size), aligned_zeros(size), stride, padded_width(dim), scales, frozen
    )
    for flat in (matrices.vectors, matrices.contexts):
        rows(flat, stride)[:, :dim] = scale * random.normal(size=(vocabulary, dim))
    return matrices, *as_float64(matrices, dim)


def words_in(matrices):
    return len(matrices.vectors) // matrices.stride - SCRATCH_ROWS


def rows(flat, stride):
    """The rows of all words."""
    return flat[: -SCRATCH_ROWS * stride].reshape(-1, stride)


def as_float64(matrices, dim):
    return (
        rows(matrices.vectors, matrices.stride)[:, :dim].astype(np.float64),
        rows(matrices.contexts, matrices.stride)[:, :dim].astype(np.float64),
    )


# Whole trainings


def small(**changes):
    return Config(**({"dim": 8, "epochs": 2, "sample": 0, "threads": 1} | changes))


def make_trainer(counts, config, observer=lambda event: None):
    setup = TrainingSetup.of(counts, config)
    return Trainer(setup, make_backend(setup), observer, NoCheckpointer())


class Memory:
    """A checkpointer that collects every state, and restores a given one."""

    def __init__(self, saved=None, *, always=True):
        self.saved = saved
        self.always = always
        self.all_saved = []

    def restore(self, matrices):
        if self.saved is None:
            return TrainingState()
        matrices.vectors[:], matrices.contexts[:], state = self.saved
        return state

    def should_save(self):
        return self.always

    def save(self, matrices, state):
        self.all_saved.append((matrices.vectors.copy(), matrices.contexts.copy(), state))


def without_seconds(result):
    reports = [dataclasses.replace(report, seconds=0.0) for report in result.epochs]
    return result.matrix.tobytes(), result.contexts.tobytes(), reports
