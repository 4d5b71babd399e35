"""The bytes that workers of a cluster exchange in real rounds, counted in this process.

The workers are those of `w2v train --ray`, without Ray: each trains its shards and cuts the changed
rows, each merges its part, and all apply the merged rows.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np

from w2v.training.backends.exchange import extract, join
from w2v.training.backends.merging import decay_rates
from w2v.training.backends.shards import span_of
from w2v.training.backends.worker import ShardSpan, Worker, cut_words, part_of, take_snapshot
from w2v.training.plan import EpochPlan, round_count
from w2v.training.state import TrainingSetup

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from w2v.config import Config
    from w2v.corpus.encoded import EncodedText
    from w2v.training.backends.replicas import Changes


@dataclass(frozen=True)
class Traffic:
    """Means of the rounds that were trained.

    Attributes:
        rounds: of an epoch, of which only some were trained.
        positions: words and line ends of a span.
        shard_bytes: the changed rows of a shard.
        merged_bytes: the merged rows of all shards.
        train: seconds to train all shards on one core.
        cut: seconds to cut the changed rows.
        merge: seconds to join and merge them.
        apply: seconds to apply the merged rows to one copy.

    """

    rounds: int
    positions: float
    shard_bytes: float
    merged_bytes: float
    train: float
    cut: float
    merge: float
    apply: float


def array_bytes(records: Iterable[Sequence[object]]) -> int:
    """Return the bytes of all arrays in named tuples."""
    return sum(item.nbytes for record in records for item in record if isinstance(item, np.ndarray))


def measure(
    text: EncodedText,
    counts: NDArray[np.int64],
    config: Config,
    workers: int,
    steps: int,
) -> Traffic:
    """Train some rounds at the beginning of a training, and count the bytes.

    Args:
        text: the text.
        counts: (V,) occurrences of each word.
        config: the hyper-parameters, with numbers in place of ``"auto"``.
        workers: the number of workers.
        steps: the rounds to train; the first one is not counted, since it compiles kernels.

    """
    shards = config.shard_count
    setup = TrainingSetup.of(counts, config)
    plan = EpochPlan.of_training(text, config, 0)
    rounds = round_count(plan.size, config)
    shares = np.array_split(np.arange(shards), workers)
    members = [Worker(config, counts, 0, threads=1) for _ in range(workers)]
    for worker, share in zip(members, shares, strict=True):
        worker.load(0, take_snapshot(setup))
        for shard in share.tolist():
            _, begin, _ = span_of(plan, rounds, shards, 0, shard)
            _, _, end = span_of(plan, rounds, shards, rounds - 1, shard)
            part = part_of(text, begin, end, setup.sampling.keep_thresholds, config.window)
            worker.add_parts({shard: part})
    found = []
    for step in range(min(steps, rounds)):
        spans = [
            ShardSpan(shard, begin, end, plan.keys(number))
            for shard in range(shards)
            for number, begin, end in [span_of(plan, rounds, shards, step, shard)]
        ]
        found.append(_run_round(members, shares, spans, plan, rounds, step, setup))
    counted = found[1:] or found
    return Traffic(rounds, plan.size / (rounds * shards), *map(fmean, zip(*counted, strict=True)))


def _run_round(
    members: Sequence[Worker],
    shares: Sequence[NDArray[np.int64]],
    spans: Sequence[ShardSpan],
    plan: EpochPlan,
    rounds: int,
    step: int,
    setup: TrainingSetup,
) -> list[float]:
    """Return the bytes and the seconds of `Traffic`, in its order."""
    rates = plan.rates(step / rounds, (step + 1) / rounds)
    bounds = cut_words(setup, len(spans), len(members))
    times = [time.perf_counter()]
    results = []
    for worker, share in zip(members, shares, strict=True):
        _, *pieces = worker.train([spans[shard] for shard in share], rates, bounds)
        results.append(pieces)
    times.append(time.perf_counter())
    cut = _seconds_to_cut(results, bounds)
    times.append(time.perf_counter())
    decays = decay_rates(setup.sampling, rates.begin)
    merged = [
        worker.merge(decays, pieces)[1]
        for worker, pieces in zip(members, zip(*results, strict=True), strict=True)
    ]
    times.append(time.perf_counter())
    for worker in members:
        worker.update(step + 1, merged)
    times.append(time.perf_counter())
    train, _, merge, apply = (after - before for before, after in itertools.pairwise(times))
    return [
        array_bytes(itertools.chain.from_iterable(results)) / len(spans),
        float(array_bytes(merged)),
        train - cut,
        cut,
        merge,
        apply / len(members),
    ]


def _seconds_to_cut(results: Sequence[Sequence[Changes]], bounds: Sequence[int]) -> float:
    """Cut the changes of all workers once more, and return the seconds that this takes."""
    joined = [join(pieces) for pieces in results]
    started = time.perf_counter()
    for changes in joined:
        for begin, end in itertools.pairwise(bounds):
            extract(changes, begin, end, changes.stride)
    return time.perf_counter() - started
