"""Training in rounds on the machines of a Ray cluster: the same bits as on one machine.

Each machine has a worker: an actor with a copy of the matrices, which trains some of the shards on
the machine's cores. A round is:

1. Each worker applies the rows that the last round merged, trains its shards, and cuts their
   changes into one part of the vocabulary for each worker.
2. Each worker receives the changes in its part, from all workers, and merges them.
3. The merged rows go to all workers, and to this process, which has a copy too: checkpoints,
   validation and the result come from it.

If a worker is lost or slow, the others train the whole round again. All that a round computes is a
function of the matrices at its beginning, so it does not matter who trains which shard. A worker
that comes back or is new starts from the copy of this process.
"""

from __future__ import annotations

import functools
import itertools
import logging
import statistics
import time
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from w2v.corpus.distributed import RemoteText, TextOnWorkers
from w2v.corpus.encoded import EncodedText
from w2v.errors import ResourceError
from w2v.events import ClusterTimes, WorkerReport
from w2v.system.disk import format_bytes
from w2v.system.memory import available_memory
from w2v.system.ray_cluster import LOCAL
from w2v.system.ray_workers import (
    MARKS,
    Member,
    State,
    WorkerLostError,
    WorkerPool,
    fetch,
    shares_of,
)
from w2v.training.backends.exchange import Rows, apply_rows
from w2v.training.backends.merging import decay_rates
from w2v.training.backends.round_costs import Merged, Trained, costs_of_round
from w2v.training.backends.rounds import RoundsBackend
from w2v.training.backends.shards import span_of
from w2v.training.backends.worker import (
    NoModelError,
    ShardSpan,
    Worker,
    cut_words,
    describe_machine,
    part_of,
    take_snapshot,
)
from w2v.training.memory import worker_memory
from w2v.training.plan import EpochPlan
from w2v.training.sgns.kernel import LearningRates
from w2v.training.state import ClusterReport, EpochStats, TrainingSetup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from w2v.config import Config
    from w2v.training.backends.merging import DecayRates
    from w2v.training.backends.replicas import Changes
    from w2v.training.backends.worker import Snapshot

_log = logging.getLogger("w2v")

# A worker is slow if it takes this many times as long as a usual round, and at least so long.
_SLOW_FACTOR = 8.0
_SLOW_SECONDS = 30.0
# The first rounds may compile kernels.
_FIRST_SECONDS = 300.0
# How often a round may be lost in a row.
_MOST_LOSSES = 10
# Keys of the state of a worker and of its marks.
_TRAINING = "training"
_WORKER = "trainer"
_VERSION = "version of the model"
_SHARDS = "shards with text"


def start_workers(config: Config) -> WorkerPool:
    """Start the workers of a training; see `WorkerPool` for the errors."""
    address, mixed = config.ray or LOCAL, config.allow_mixed
    return WorkerPool(address, config.workers, describe_machine, allow_mixed=mixed)


# What workers do


def _load(
    state: State,
    training: str,
    version: int,
    snapshot: Snapshot,
    config: Config,
    counts: NDArray[np.int64],
    frozen: int,
    threads: int,
) -> None:
    """Take a copy of the model of a training; see `Worker` for the other arguments."""
    marks = state[MARKS]
    if marks.get(_TRAINING) != training:
        marks.update({_TRAINING: training, _SHARDS: set()})
        state[_WORKER] = Worker(config, counts, frozen, threads)
    state[_WORKER].load(version, snapshot)
    marks[_VERSION] = version


def _train(
    state: State,
    version: int,
    spans: Sequence[ShardSpan],
    rates: LearningRates,
    bounds: Sequence[int],
    texts: dict[int, Any] | TextOnWorkers,
    *merged: Rows,
) -> list[Any]:
    """Apply the rows of the round before, and train shards; see `Worker.train`."""
    worker = _loaded(state)
    text = None
    shards = [span.shard for span in spans]
    if isinstance(texts, TextOnWorkers):
        text = texts.open(state, worker.threads)
    else:
        missing = worker.missing_parts(shards)
        parts = [fetch(texts[shard]) for shard in missing]
        worker.add_parts(dict(zip(missing, parts, strict=True)))
    state[MARKS][_SHARDS].update(shards)
    worker.update(version, merged)
    state[MARKS][_VERSION] = version
    return worker.train(spans, rates, bounds, text)


def _merge(state: State, rates: DecayRates, *pieces: Changes) -> tuple[Merged, Rows]:
    """Merge the changes of a part of the vocabulary; see `Worker.merge`."""
    return _loaded(state).merge(rates, pieces)


def _loaded(state: State) -> Worker:
    worker: Worker | None = state.get(_WORKER)
    if worker is None:
        message = "the worker was started again and has no model"
        raise NoModelError(message)
    return worker


def _available_memory(state: State) -> int | None:
    del state
    return available_memory()


class _Work(NamedTuple):
    """What a worker has trained."""

    positions: int = 0
    seconds: float = 0.0

    def after(self, report: Trained) -> _Work:
        """Return the work with that of one more round."""
        positions = sum(stats.positions for stats in report.stats)
        return _Work(self.positions + positions, self.seconds + report.seconds)


class ClusterBackend:
    """The backend of deterministic training on a Ray cluster.

    Args:
        setup: the model and its options.
        pool: the workers, which the caller closes. With None, the backend starts and closes them.

    """

    workers = 1  # `run_step` has the workers of the cluster

    def __init__(self, setup: TrainingSetup, pool: WorkerPool | None = None) -> None:
        self._setup = setup
        self._shards = setup.config.shard_count
        self._here = RoundsBackend(setup)
        self._training = uuid.uuid4().hex  # the pool may have served another training
        self._version = 0
        self._pending: list[Any] = []  # the merged rows of the last round
        self._snapshot: Any = None  # the model at the beginning of the round, if it was sent
        self._counts: Any = None
        self._bounds: list[int] = []  # of the parts of the vocabulary
        self._seconds: deque[float] = deque(maxlen=9)  # of the last rounds
        self._parts: dict[int, Any] = {}
        self._text: EncodedText | None = None
        self._times = ClusterTimes()
        self._epoch = -1
        self._work: dict[Member, _Work] = {}  # in this epoch
        self._words_per_position = 1.0
        self._owns_pool = pool is None
        self._pool = start_workers(setup.config) if pool is None else pool
        self._pool.find_fault = self._lack_of_memory
        self._memory_needed = functools.cache(
            lambda shards, threads: worker_memory(
                setup.counts, setup.config, shards=shards, threads=threads
            )
        )
        try:
            self._require_memory()
        except BaseException:
            self.close()
            raise

    def step_count(self, plan: EpochPlan) -> int:
        """Return the number of rounds."""
        return self._here.step_count(plan)

    def run_step(self, plan: EpochPlan, step: int, worker: int) -> EpochStats:
        """Train for one round; measure the loss here."""
        if plan.purpose:
            return self._here.run_step(plan, step, worker)
        self._distribute(plan)
        if plan.epoch != self._epoch:
            self._epoch, self._work = plan.epoch, {}
        self._words_per_position = plan.text.words / max(plan.size, 1)
        reason = ""
        for _ in range(_MOST_LOSSES):
            started = time.perf_counter()
            self._pool.look_for_workers()
            try:
                return self._run_round(plan, step)
            except WorkerLostError as error:
                reason = str(error)
                _log.warning("note: %s; its round is trained again", reason)
                # What the lost worker has merged may be lost too. All workers start from here.
                self._pending = []
                self._pool.regroup(2 * (self._seconds[-1] if self._seconds else 0.0))
                self._times += ClusterTimes(lost=time.perf_counter() - started, lost_rounds=1)
        message = (
            f"a round was lost {_MOST_LOSSES} times, the last time because {reason}; check the "
            "state of the Ray cluster and the memory of its machines, and resume"
        )
        raise ResourceError(message)

    def sync(self) -> None:
        """Do nothing: the matrices of this process are current after every round."""

    def report(self) -> ClusterReport:
        """Return what the workers have done so far."""
        members = list(self._pool.members)  # another thread may run a round, which changes it
        workers = [
            WorkerReport(
                member.name, member.host, member.cores, len(shards), self._speed_of(member)
            )
            for member, shards in zip(members, shares_of(self._shards, members), strict=True)
        ]
        return ClusterReport(self._times, tuple(workers))

    def _speed_of(self, member: Member) -> float | None:
        """Return the words per second of a worker in its training of this epoch."""
        work = self._work.get(member)
        if work is None or not work.seconds:
            return None
        return work.positions * self._words_per_position / work.seconds

    def close(self) -> None:
        """End the workers, unless they belong to the caller."""
        self._pending, self._parts, self._snapshot, self._counts = [], {}, None, None
        self._pool.find_fault = lambda _: None
        if self._owns_pool:
            self._pool.close()

    # Memory

    def _require_memory(self) -> None:
        """Check that the model fits into the memory of each worker, before any is sent.

        Raises:
            ResourceError: a machine has too little.

        """
        pool, config = self._pool, self._setup.config
        refs = {pool.call(member, _available_memory): member for member in pool.members}
        try:
            found = pool.results(refs, _FIRST_SECONDS)
        except WorkerLostError:
            pool.regroup()  # asks for the memory, too
        else:
            for member, available in zip(refs.values(), found, strict=True):
                member.memory = available
        for member in pool.members:
            lack = self._lack_of_memory(member)
            if lack is not None:
                message = (
                    f"{lack}, for {self._setup.words:,} words at dim {config.dim:,}; lower `dim` "
                    "or `vocab_size`, or use more machines, or some with more memory"
                )
                raise ResourceError(message)

    def _lack_of_memory(self, member: Member) -> str | None:
        """Return how much memory a worker without the model lacks, or None."""
        if member.memory is None:
            return None
        members = self._pool.known
        shares = dict(zip(members, shares_of(self._shards, members), strict=True))
        # Workers on one machine share its memory.
        new = [m for m in members if m.host == member.host and not self._has_model(m)]
        needed = sum(self._memory_needed(len(shares[m]), m.cores) for m in new)
        if needed <= member.memory:
            return None
        many = len(new) > 1
        who = f"{len(new)} workers on {member.host} need" if many else f"{member.title} needs"
        available = format_bytes(member.memory)
        return f"{who} {format_bytes(needed)} of memory, but {available} are available there"

    def _has_model(self, member: Member) -> bool:
        return member.marks.get(_TRAINING) == self._training

    # Rounds

    def _run_round(self, plan: EpochPlan, step: int) -> EpochStats:
        started = time.perf_counter()
        members, pool = self._pool.members, self._pool
        rounds = self.step_count(plan)
        rates = plan.rates(step / rounds, (step + 1) / rounds)
        decays = decay_rates(self._setup.sampling, rates.begin)
        if len(self._bounds) != 1 + len(members):
            self._bounds = cut_words(self._setup, self._shards, len(members))
        trained = []
        loading: dict[Any, Member] = {}
        is_fresh = False  # whether a worker receives text or compiles kernels
        for member, shards in zip(members, shares_of(self._shards, members), strict=True):
            spans = []
            for shard in shards:
                number, begin, end = span_of(plan, rounds, self._shards, step, shard)
                spans.append(ShardSpan(shard, begin, end, plan.keys(number)))
            pending = self._bring_up_to_date(member, loading)
            texts: dict[int, Any] | TextOnWorkers
            if isinstance(plan.text, RemoteText):
                texts = plan.text.on_workers
            else:
                texts = {shard: self._parts[shard] for shard in shards}
            is_fresh = is_fresh or not member.marks[_SHARDS].issuperset(shards)
            member.marks[_SHARDS].update(shards)
            arguments = self._version, spans, rates, self._bounds, texts, *pending
            trained.append(pool.call(member, _train, *arguments, results=1 + len(members)))
        merged = [
            pool.call(member, _merge, decays, *[refs[1 + part] for refs in trained], results=2)
            for part, member in enumerate(members)
        ]
        starting = is_fresh or bool(loading)
        limit = self._limit(is_fresh=starting)

        def results_of(refs: Iterable[Any]) -> list[Any]:
            return pool.results(dict(zip(refs, members, strict=True)), limit)

        pool.results(loading, limit)
        training = results_of(report for report, *_ in trained)
        merging = results_of(report for report, _ in merged)
        for rows in results_of(rows for _, rows in merged):
            apply_rows(self._setup.matrices, rows)
        self._version += 1
        self._pending, self._snapshot = [rows for _, rows in merged], None
        seconds = time.perf_counter() - started
        self._seconds.append(seconds)
        self._times += costs_of_round(seconds, training, merging, starting=starting)
        for member, report in zip(members, training, strict=True):
            self._work[member] = self._work.get(member, _Work()).after(report)
        return sum(itertools.chain.from_iterable(r.stats for r in training), EpochStats())

    def _bring_up_to_date(self, member: Member, loading: dict[Any, Member]) -> list[Any]:
        """Return the rows that a worker has to apply.

        If it needs the whole model, send that, and add the reference of its answer to ``loading``.
        """
        marks = member.marks
        if marks.get(_TRAINING) != self._training:
            marks.update({_TRAINING: self._training, _VERSION: None, _SHARDS: set()})
        before, marks[_VERSION] = marks[_VERSION], self._version
        if before == self._version:
            return []
        if self._pending and before == self._version - 1:
            return self._pending
        setup, put = self._setup, self._pool.put
        if self._counts is None:
            self._counts = put(setup.counts)
        if self._snapshot is None:
            self._snapshot = put(take_snapshot(setup))
        answer = self._pool.call(
            member,
            _load,
            self._training,
            self._version,
            self._snapshot,
            setup.config,
            self._counts,
            setup.matrices.frozen,
            member.cores,
        )
        loading[answer] = member
        return []

    def _limit(self, *, is_fresh: bool) -> float:
        """Return how many seconds a worker may take for its part of a round."""
        usual = statistics.median(self._seconds) if self._seconds else 0.0
        limit = max(_SLOW_FACTOR * usual, _SLOW_SECONDS)
        return max(limit, _FIRST_SECONDS) if is_fresh or not usual else limit

    # Text

    def _distribute(self, plan: EpochPlan) -> None:
        """Put the text of each shard into the store of the cluster, once, unless it is there."""
        text, rounds = plan.text, self.step_count(plan)
        if self._text is text or isinstance(text, RemoteText):
            return
        sampling = self._setup.sampling
        thresholds, window = sampling.keep_thresholds, sampling.window
        for shard in range(self._shards):
            _, begin, _ = span_of(plan, rounds, self._shards, 0, shard)
            _, _, end = span_of(plan, rounds, self._shards, rounds - 1, shard)
            self._parts[shard] = self._pool.put(part_of(text, begin, end, thresholds, window))
        self._text = text
