"""A machine that trains shards of a model and merges a part of the vocabulary.

It has a copy of the matrices. All its work is a function of the copy and the arguments, so a round
that was lost can be trained again anywhere, with the same result.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.compute.simd import WIDTH
from w2v.config import Config
from w2v.corpus.encoded import EncodedText
from w2v.system.ray_workers import StateLostError
from w2v.training.backends.exchange import (
    Rows,
    apply_rows,
    extract,
    join,
    merge_part,
)
from w2v.training.backends.merging import DecayRates, decay_rates
from w2v.training.backends.round_costs import Merged, Trained, size_of
from w2v.training.backends.shards import ShardTrainer, SpanJob, merge_on_threads
from w2v.training.model import rows_of
from w2v.training.plan import EpochPlan
from w2v.training.sampling import Keys
from w2v.training.sgns.kernel import LearningRates, TextSpan
from w2v.training.state import TrainingSetup

if TYPE_CHECKING:
    from w2v.training.backends.replicas import Changes

# Windows reach over the words that subsampling drops, until they have enough words or the line
# ends. A part of the text has so many words around it that two windows and this many are expected
# to be kept.
_EXPECTED_MARGIN = 400


class NoModelError(StateLostError):
    """A worker does not have the model that a call is about, since it was started again."""


class TextPart(NamedTuple):
    """A part of an encoded text, with the words around it that windows reach."""

    ids: NDArray[Any]
    first: int  # the position of the first id in the text
    end_of_line: int  # the id that ends a line


class Snapshot(NamedTuple):
    """The numbers of a model."""

    vectors: NDArray[np.float32]  # (V, dim)
    contexts: NDArray[np.float32]  # (V, dim)
    step_scales: NDArray[np.float64]  # (V,)


class ShardSpan(NamedTuple):
    """What a shard trains on in a round."""

    shard: int
    begin: int
    end: int
    keys: Keys


def part_of(
    text: EncodedText, begin: int, end: int, keep_thresholds: NDArray[np.uint32], window: int
) -> TextPart:
    """Return the part of a text between two positions, with all that windows may reach.

    The words around it end with their line. In long lines, there are so many that the windows of
    any subsampling fit: the probability that they do not is below 1e-60.

    Args:
        text: the text.
        begin: the first position.
        end: the position after the last one.
        keep_thresholds: (V + 1,) the probabilities to keep words, see `Sampling`.
        window: the context words on each side.

    """
    expected = _EXPECTED_MARGIN + 2 * window
    low, _ = text.line_bounds(begin)
    _, high = text.line_bounds(max(end - 1, begin))
    step = 4 * expected
    before = (
        ids[::-1]
        for last in range(begin, low, -step)
        for ids in text.read([(max(low, last - step), last)])
    )
    after = (
        ids
        for first in range(end, high, step)
        for ids in text.read([(first, min(first + step, high))])
    )
    margins = [
        _margin(pieces, text.end_of_line, keep_thresholds, expected) for pieces in (before, after)
    ]
    first = begin - margins[0]
    (part,) = text.read([(first, end + margins[1])])
    ids = np.array(part)
    ids.flags.writeable = False  # like the ids of a file: kernels are compiled for read-only arrays
    return TextPart(ids, first, text.end_of_line)


def _margin(
    pieces: Iterable[NDArray[Any]],
    end_of_line: int,
    keep_thresholds: NDArray[np.uint32],
    expected: int,
) -> int:
    """Return how many ids, from the first on, windows may reach."""
    size, kept = 0, 0.0
    for piece in pieces:
        ends = np.flatnonzero(piece == end_of_line)
        if len(ends):
            return size + int(ends[0])
        kept += float(keep_thresholds[piece].sum(dtype=np.float64)) / 2**32
        size += len(piece)
        if kept > expected:
            break
    return size


class Worker:
    """A copy of a model, and the threads that train it.

    Args:
        config: the hyper-parameters.
        counts: (V,) occurrences of each word.
        frozen: the number of words, from the first on, whose vectors do not change.
        threads: the number of threads. No result depends on it.

    Attributes:
        version: the number of rounds that the copy has seen; None before it is loaded.
        threads: the same.

    """

    def __init__(
        self, config: Config, counts: NDArray[np.int64], frozen: int, threads: int
    ) -> None:
        config = dataclasses.replace(config, threads=threads, ray=None, workers=None)
        self.version: int | None = None
        self._setup = TrainingSetup.of(counts, config, frozen)
        self.threads = threads
        self._parts: dict[int, TextPart] = {}
        self._trainer: ShardTrainer | None = None
        self._capacity = 0

    def load(self, version: int, snapshot: Snapshot) -> None:
        """Replace the copy by that of a version."""
        restore_snapshot(self._setup, snapshot)
        self.version = version

    def missing_parts(self, shards: Sequence[int]) -> list[int]:
        """Return the shards whose text is not here."""
        return [shard for shard in shards if shard not in self._parts]

    def add_parts(self, parts: Mapping[int, TextPart]) -> None:
        """Take the text of shards."""
        self._parts.update(parts)

    def update(self, version: int, merged: Sequence[Rows]) -> None:
        """Apply the rows that the round before a version has merged, unless this was done."""
        if self.version == version:
            return
        if self.version != version - 1:
            message = f"the worker has version {self.version} of the model, not {version - 1}"
            raise NoModelError(message)
        for rows in merged:
            apply_rows(self._setup.matrices, rows)
        self.version = version

    def train(
        self,
        spans: Sequence[ShardSpan],
        rates: LearningRates,
        bounds: Sequence[int],
        text: EncodedText | None = None,
    ) -> list[Any]:
        """Train shards on their spans.

        Args:
            spans: of the shards.
            rates: the learning rates.
            bounds: the words at which the parts of the vocabulary begin, and V.
            text: that the shards are parts of; by default, `add_parts` has provided theirs.

        Returns:
            A report, and the changes in each part.

        """
        jobs = []
        for span in spans:
            if text is None:
                ids, first, end_of_line = self._parts[span.shard]
            else:
                sampling = self._setup.sampling
                thresholds, window = sampling.keep_thresholds, sampling.window
                ids, first, end_of_line = part_of(text, span.begin, span.end, thresholds, window)
            text_span = TextSpan(ids, span.begin, span.end, end_of_line, first)
            jobs.append(SpanJob(text_span, span.keys))
        trainer = self._trainer_of(len(jobs))
        started = time.perf_counter()
        stats = trainer.train(jobs, rates)
        seconds = time.perf_counter() - started
        changes = trainer.changes(len(jobs))
        width = self._setup.matrices.width
        pieces = [extract(changes, begin, end, width) for begin, end in itertools.pairwise(bounds)]
        return [Trained(stats, seconds, [size_of(piece) for piece in pieces]), *pieces]

    def merge(self, rates: DecayRates, pieces: Sequence[Changes]) -> tuple[Merged, Rows]:
        """Merge the changes of all shards in a part; return a report and the merged rows."""
        changes = join(pieces)
        started = time.perf_counter()
        rows = merge_part(self._setup.matrices, changes, rates, self.threads)
        return Merged(time.perf_counter() - started, size_of(rows)), rows

    def _trainer_of(self, shards: int) -> ShardTrainer:
        """Return a trainer with room for so many shards."""
        if self._trainer is None or self._capacity < shards:
            self._trainer = ShardTrainer(self._setup, shards, self.threads)
            self._capacity = shards
        return self._trainer


def take_snapshot(setup: TrainingSetup) -> Snapshot:
    """Return a copy of the numbers of a model."""
    matrices = setup.matrices
    vectors, contexts = (
        rows_of(flat, matrices, setup.words, setup.config.dim).copy()
        for flat in (matrices.vectors, matrices.contexts)
    )
    return Snapshot(vectors, contexts, matrices.step_scales[: setup.words].copy())


def restore_snapshot(setup: TrainingSetup, snapshot: Snapshot) -> None:
    """Replace the numbers of a model."""
    matrices, dim = setup.matrices, setup.config.dim
    rows_of(matrices.vectors, matrices, setup.words, dim)[:] = snapshot.vectors
    rows_of(matrices.contexts, matrices, setup.words, dim)[:] = snapshot.contexts
    matrices.step_scales[: setup.words] = snapshot.step_scales


def describe_machine() -> dict[str, str]:
    """Return what the bits of a training depend on, besides its text, its options and its seed."""
    import numba

    from w2v._version import __version__

    return {
        "w2v": __version__,
        "numba": numba.__version__,
        "vectors of the processor": f"{32 * WIDTH} bits",
        "result of a test": _digest_of_a_training(),
    }


@cache
def _digest_of_a_training() -> str:
    """Return a digest of the vectors that a round of two shards makes."""
    config = Config(
        dim=20, min_count=1, sample=0, epochs=1, deterministic=True, shards=2, threads=1
    )
    ids = (np.arange(600) * 7919 % 89).astype(np.uint16)
    ids[::40] = np.iinfo(np.uint16).max
    ids.flags.writeable = False
    text = EncodedText(ids, 585, 15)
    setup = TrainingSetup.of(np.bincount(ids[ids < 89], minlength=89), config)
    plan = EpochPlan.of_training(text, config, 0)
    trainer = ShardTrainer(setup, 2, 1)
    rates = plan.rates(0.0, 1.0)
    jobs = [SpanJob(plan.span(300 * i, 300 * i + 300), plan.keys(i)) for i in range(2)]
    trainer.train(jobs, rates)
    merge_on_threads(
        setup.matrices, setup.words, trainer.changes(2), decay_rates(setup.sampling, 0.05), 1
    )
    return hashlib.sha256(setup.matrices.vectors.tobytes()).hexdigest()[:16]


def cut_words(setup: TrainingSetup, shards: int, parts: int) -> list[int]:
    """Return bounds of parts of the vocabulary with about as many changed rows each.

    Frequent words are changed by all shards, rare ones by few.
    """
    kept = setup.counts * (setup.sampling.keep_thresholds[:-1] / 2**32)
    expected_words = setup.span_positions * kept / max(kept.sum(), 1.0)
    rows = np.cumsum(-np.expm1(-expected_words) * shards + 1e-9)
    cuts = np.searchsorted(rows, rows[-1] * np.arange(1, parts) / parts)
    return [0, *cuts.tolist(), setup.words]
