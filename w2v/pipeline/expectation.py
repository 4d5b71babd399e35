"""What training would do with a text whose lines and words are counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from w2v.events import TextUsed
from w2v.pipeline.inspection import Finding, TrainingFacts, WordFacts
from w2v.pipeline.preflight import memory_of_process
from w2v.training.automatic import resolve
from w2v.training.report import plan_notes, result_notes
from w2v.training.sampling import keep_thresholds, kept_share
from w2v.training.step_sizes import expected_uses

if TYPE_CHECKING:
    from collections.abc import Iterator

    from w2v.config import Config
    from w2v.corpus.vocabulary import Vocabulary

# Lines that are looked at together, which bounds memory for wide windows.
_LINES_AT_ONCE = 1 << 12


def of_training(
    lengths: Counter[int],
    words: WordFacts,
    vocabulary: Vocabulary,
    text_bytes: int,
    config: Config,
) -> TrainingFacts:
    """Return what to expect of a training.

    Args:
        lengths: how many lines have each number of words.
        words: the words of the text.
        vocabulary: that training would use.
        text_bytes: the size of the text.
        config: the hyper-parameters.

    """
    counts = vocabulary.counts
    config = resolve(config, counts, words.covered)
    kept = kept_share(counts, config.chosen_sample)
    uses = expected_uses(counts, keep_thresholds(counts, config.chosen_sample), config)
    share = kept * words.covered / words.words
    return TrainingFacts(
        words.covered,
        config.chosen_epochs,
        config.chosen_sample,
        kept,
        round(expected_pairs(lengths, share, config.window, shrink=config.shrink_windows)),
        float(np.median(uses)),
        memory_of_process(text_bytes, counts, config),
    )


def notes_on_training(
    lengths: Counter[int], words: WordFacts, training: TrainingFacts, config: Config
) -> Iterator[Finding]:
    """Yield the notes that training would give, as far as they can be foreseen."""
    possible = expected_pairs(
        lengths, words.covered / words.words, config.window, shrink=config.shrink_windows
    )
    usage = TextUsed(
        kept_words=training.kept_words,
        kept_pairs=training.pairs / possible if possible >= 1 else 1.0,
        median_uses=training.median_uses,
        words_without_pairs=0,
    )
    for notice in (
        *plan_notes(training.kept_words, training.sample),
        *result_notes(usage, None, config.negatives, training.epochs),
    ):
        yield Finding(notice.message)


def expected_pairs(
    lengths: Counter[int], share: float, window: int, *, shrink: bool = False
) -> float:
    """Return the expected number of pairs if each word of each line survives subsampling at random.

    Of X words, each has another one at distance d on both sides in max(X - d, 0) cases, so a line
    has 2 E[max(X - d, 0)] pairs at this distance. X has the binomial distribution.

    Args:
        lengths: how many lines have each number of words.
        share: the probability that a word survives subsampling.
        window: the highest distance.
        shrink: whether the highest distance is drawn from 1 to ``window`` for each center.

    """
    sizes = np.array(sorted(lengths), np.int64)
    numbers = np.array([lengths[size] for size in sizes.tolist()], np.float64)
    distances = np.arange(1, window + 1)
    weights = (window + 1 - distances) / window if shrink else np.ones(window)
    total = 0.0
    for first in range(0, len(sizes), _LINES_AT_ONCE):
        part = sizes[first : first + _LINES_AT_ONCE]
        # E[max(X - d, 0)] = E[X] - d + the sum of (d - k) P(X = k) for k < d.
        missing = _binomial(part, share, window).cumsum(axis=1).cumsum(axis=1)
        pairs = 2 * (part[:, None] * share - distances + missing)
        total += float(numbers[first : first + _LINES_AT_ONCE] @ (pairs @ weights))
    return total


def _binomial(sizes: NDArray[np.int64], share: float, number: int) -> NDArray[np.float64]:
    """Return the probabilities of 0 to ``number`` - 1 successes: (sizes, number)."""
    share = min(max(share, 1e-12), 1 - 1e-12)
    k = np.arange(number)
    ratios = np.maximum(sizes[:, None] - k[:-1], 0) / (k[:-1] + 1) * (share / (1 - share))
    with np.errstate(divide="ignore"):  # of no successes beyond the size of a line
        steps = np.concatenate([sizes[:, None] * np.log1p(-share), np.log(ratios)], axis=1)
    probabilities: NDArray[np.float64] = np.exp(steps.cumsum(axis=1))
    return probabilities
