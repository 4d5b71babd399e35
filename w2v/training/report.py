"""What a training did with its text: the share that was used, and whether anything was learned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from w2v.config import AUTO
from w2v.corpus.encoded import EncodedText
from w2v.events import Notice, TextUsed
from w2v.training.model import initial_vectors, rows_of
from w2v.training.plan import MIN_ROUND_POSITIONS
from w2v.training.step_sizes import expected_uses

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from w2v.config import Config
    from w2v.events import EpochDone
    from w2v.training.state import TrainingSetup

# A loss above this share of that of an untrained model means that little was learned.
_UNTRAINED_SHARE = 0.97
# With fewer uses than this, a vector is mostly noise.
_FEW_USES = 10
# Where subsampling keeps less than this share, a note says so.
_SMALL_SHARE = 0.1
# With fewer rounds than this in all, several shards give worse vectors than one.
_FEW_ROUNDS = 256
# The loss is measured on a sample of the text: pieces of this many positions, at most so many of
# them, and this share of a long text, so that it takes little time beside an epoch.
_PIECE_POSITIONS = 1 << 11
_MOST_PIECES = 64
_SAMPLED_SHARE = 1 / 32
_LEAST_PIECES = 8
_ROWS_PER_COMPARISON = 4096


def sample_text(text: EncodedText) -> EncodedText:
    """Return pieces of a text, evenly spaced, on which to measure the loss; short texts whole."""
    size = text.size
    pieces = int(size * _SAMPLED_SHARE) // _PIECE_POSITIONS
    pieces = min(max(pieces, _LEAST_PIECES), _MOST_PIECES)
    if size <= pieces * _PIECE_POSITIONS:
        return text
    starts = np.linspace(0, size - _PIECE_POSITIONS, pieces).astype(np.int64)
    ranges = [(at, at + _PIECE_POSITIONS) for at in starts.tolist()]
    ids = np.concatenate(text.read(ranges))
    ids = np.insert(ids, range(_PIECE_POSITIONS, len(ids), _PIECE_POSITIONS), text.end_of_line)
    ids.flags.writeable = False  # like the ids of a file: kernels are compiled for read-only arrays
    line_ends = int(np.count_nonzero(ids == text.end_of_line))
    return EncodedText(ids, len(ids) - line_ends, line_ends + 1)


def untrained_loss(negatives: int) -> float:
    """Return the loss of a model whose scores are all zero: (1 + K) log 2."""
    return (1 + negatives) * math.log(2)


def usage_of(
    text: EncodedText,
    counts: NDArray[np.int64],
    kept_words: float,
    setup: TrainingSetup,
    reports: Sequence[EpochDone],
) -> TextUsed:
    """Return how much of a text a finished training used.

    Args:
        text: the text that was trained on.
        counts: (V,) occurrences of each word in the corpus.
        kept_words: the share of the words that subsampling is expected to keep.
        setup: the trained model.
        reports: of all epochs.

    """
    config = setup.config
    radii = [config.window]
    if config.shrink_windows:  # the expectation over the drawn windows
        radii = list(range(1, config.window + 1))
    possible = sum(text.count_pairs(radius) for radius in radii) / len(radii)
    pairs = np.mean([report.pairs for report in reports])
    uses = expected_uses(counts, setup.sampling.keep_thresholds[:-1], config)
    return TextUsed(
        kept_words=kept_words,
        kept_pairs=float(pairs / max(possible, 1.0)),
        median_uses=float(np.median(uses)),
        words_without_pairs=_unchanged_rows(setup),
    )


def _unchanged_rows(setup: TrainingSetup) -> int:
    """Count the rows of new words that still have their initial values."""
    dim = setup.config.dim
    vectors = rows_of(setup.matrices.vectors, setup.matrices, setup.words, dim)
    unchanged = 0
    for first in range(0, setup.words, _ROWS_PER_COMPARISON):
        rows = vectors[first : first + _ROWS_PER_COMPARISON]
        initial = initial_vectors(first, len(rows), setup.config)
        unchanged += int((rows == initial).all(axis=1).sum())
    return unchanged


def plan_notes(kept_words: float, sample: float) -> Iterator[Notice]:
    """Yield what to say before training."""
    if kept_words < _SMALL_SHARE:
        yield Notice(
            f"subsampling drops {100 * (1 - kept_words):.0f} % of the words; keep more with a "
            f"higher threshold than `sample={sample:g}`, or all with `sample=0`"
        )


def round_notes(given: Config, config: Config, positions: int) -> Iterator[Notice]:
    """Yield what to say before training about its rounds, if it is deterministic.

    Args:
        given: the hyper-parameters, with the rounds that were asked for.
        config: the same with the rounds that training has.
        positions: the words and line ends of the text.

    """
    if not config.deterministic:
        return
    rounds, shards, epochs = int(config.rounds), config.shard_count, config.chosen_epochs
    if shards == 1:
        return
    words = positions * epochs / (rounds * shards)  # of a shard in a round, about
    was_asked_for = given.shards is not None or given.rounds != AUTO
    if rounds < _FEW_ROUNDS and was_asked_for:
        if given.rounds == AUTO:
            most = positions // (-(-_FEW_ROUNDS // epochs) * MIN_ROUND_POSITIONS)
            remedy = f"use `shards={max(1, most)}`"
        else:
            remedy = f"use `rounds={_FEW_ROUNDS}` or more"
        yield Notice(
            f"{rounds:,} rounds are few for `shards={shards}`, which see the updates of each other "
            f"only after a round, so the vectors may be worse; {remedy}"
        )
    elif given.rounds != AUTO and words < MIN_ROUND_POSITIONS:
        yield Notice(
            f"a shard has only {words:,.0f} words in a round, so copying and merging rows takes "
            f"much of the time; use fewer shards than `shards={shards}`, or fewer rounds than "
            f"`rounds={rounds}`"
        )


def result_notes(
    usage: TextUsed, loss: float | None, negatives: int, epochs: int
) -> Iterator[Notice]:
    """Yield what to say about a result that is likely to be poor."""
    more = f"use more text, or more epochs than `epochs={epochs}`"
    untrained = untrained_loss(negatives)
    if loss is not None and loss > _UNTRAINED_SHARE * untrained:
        yield Notice(
            f"the model has hardly learned anything: its loss is {loss:.3f}, and "
            f"{untrained:.3f} before training; {more}"
        )
    elif usage.median_uses < _FEW_USES:
        yield Notice(
            f"half of the words were trained on fewer than {_FEW_USES} times, so their vectors are "
            f"mostly noise; {more}, or drop rare words with a higher `min_count`"
        )
    if usage.kept_pairs < _SMALL_SHARE <= usage.kept_words:
        yield Notice(
            f"subsampling left {100 * usage.kept_pairs:.0f} % of the pairs, because lines are "
            "short; keep more with a higher `sample`"
        )
