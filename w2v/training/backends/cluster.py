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

import contextlib
import importlib
import itertools
import logging
import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from w2v.corpus.encoded import EncodedText
from w2v.errors import ConfigError, ResourceError
from w2v.system.ray_cluster import (
    LOCAL,
    connect,
    cores_of_each,
    import_ray,
    nodes_of,
    reason_of,
)
from w2v.training.backends.exchange import Rows, apply_rows
from w2v.training.backends.merging import decay_rates
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
from w2v.training.plan import EpochPlan, round_count
from w2v.training.sgns.kernel import LearningRates
from w2v.training.state import EpochStats, TrainingSetup

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from w2v.config import Config
    from w2v.training.backends.merging import DecayRates
    from w2v.training.backends.replicas import Changes
    from w2v.training.backends.worker import Snapshot

_log = logging.getLogger("w2v")

# How long workers may take to start: an actor loads numba and compiles or loads the kernels.
_START_SECONDS = 120.0
# A worker is slow if it takes this many times as long as a usual round, and at least so long.
_SLOW_FACTOR = 8.0
_SLOW_SECONDS = 30.0
# The first rounds may compile kernels.
_FIRST_SECONDS = 300.0
# How often to look for new machines and for workers that have come back.
_LOOK_SECONDS = 5.0
# How often a round may be lost in a row.
_MOST_LOSSES = 10


class _RoundLostError(Exception):
    """A round has to be trained again, because a worker was lost or is slow."""


class _Actor:
    """A worker in a process of its own.

    Its constructor has no arguments, which Ray would have to find again to restart it.
    """

    def __init__(self) -> None:
        self._worker: Worker | None = None

    def introduce(self) -> tuple[int | None, dict[str, str]]:
        """Return the version of the copy, and what the bits of a training depend on.

        The version is None without a copy: after a start or a restart.
        """
        version = None if self._worker is None else self._worker.version
        return version, describe_machine()

    def load(
        self,
        version: int,
        snapshot: Snapshot,
        config: Config,
        counts: NDArray[np.int64],
        frozen: int,
        threads: int,
    ) -> None:
        """Take a copy of the model; see `Worker` for the arguments."""
        if self._worker is None:
            self._worker = Worker(config, counts, frozen, threads)
        self._worker.load(version, snapshot)

    def train(
        self,
        version: int,
        spans: Sequence[ShardSpan],
        rates: LearningRates,
        bounds: Sequence[int],
        parts: dict[int, Any],
        *merged: Rows,
    ) -> tuple[Any, ...]:
        """Apply the rows of the round before, and train shards; see `Worker.train`."""
        ray, worker = importlib.import_module("ray"), self._loaded()
        missing = worker.missing_parts([span.shard for span in spans])
        texts = ray.get([parts[shard] for shard in missing])
        worker.add_parts(dict(zip(missing, texts, strict=True)))
        worker.update(version, merged)
        return tuple(worker.train(spans, rates, bounds))

    def merge(self, rates: DecayRates, *pieces: Changes) -> Rows:
        """Merge the changes of a part of the vocabulary; see `Worker.merge`."""
        return self._loaded().merge(rates, pieces)

    def _loaded(self) -> Worker:
        if self._worker is None:
            message = "the worker was started again and has no model"
            raise NoModelError(message)
        return self._worker


@dataclass
class _Member:
    """A worker of the cluster, as this process knows it."""

    actor: Any
    name: str
    cores: int
    node: str = ""  # the machine that it belongs to, if each has one
    version: int | None = None
    shards: set[int] = field(default_factory=set)  # whose text it has
    answer: Any = None  # the reference of an answer that is awaited, while the worker is away


class ClusterBackend:
    """The backend of deterministic training on a Ray cluster."""

    workers = 1  # `run_step` has the workers of the cluster

    def __init__(self, setup: TrainingSetup) -> None:
        self._setup = setup
        self._shards = setup.config.shard_count
        self._here = RoundsBackend(setup)
        self._version = 0
        self._pending: list[Any] = []  # the merged rows of the last round
        self._snapshot: Any = None  # the model at the beginning of the round, if it was sent
        self._counts: Any = None
        self._bounds: list[int] = []  # of the parts of the vocabulary
        self._seconds: deque[float] = deque(maxlen=9)  # of the last rounds
        self._parts: dict[int, Any] = {}
        self._text: EncodedText | None = None
        self._members: list[_Member] = []
        self._away: list[_Member] = []
        self._refused: set[str] = set()
        self._looked = time.monotonic()
        self._ray = import_ray()
        self._owns_ray = connect(self._ray, setup.config.ray or LOCAL, setup.config.workers)
        try:
            self._start_workers()
        except BaseException:
            self.close()
            raise

    def step_count(self, plan: EpochPlan) -> int:
        """Return the number of rounds."""
        return round_count(plan.size, self._setup.config)

    def run_step(self, plan: EpochPlan, step: int, worker: int) -> EpochStats:
        """Train for one round; measure the loss here."""
        if plan.purpose:
            return self._here.run_step(plan, step, worker)
        self._distribute(plan)
        reason = ""
        for _ in range(_MOST_LOSSES):
            self._look_for_workers()
            try:
                return self._run_round(plan, step)
            except _RoundLostError as error:
                reason = str(error)
                _log.warning("note: %s; its round is trained again", reason)
                # What the lost worker has merged may be lost too. All workers start from here.
                self._pending = []
                self._regroup()
        message = (
            f"a round was lost {_MOST_LOSSES} times, the last time because {reason}; check the "
            "state of the Ray cluster and the memory of its machines, and resume"
        )
        raise ResourceError(message)

    def sync(self) -> None:
        """Do nothing: the matrices of this process are current after every round."""

    def close(self) -> None:
        """End all workers, and the cluster if it was started here."""
        for member in (*self._members, *self._away):
            with contextlib.suppress(Exception):  # it may have ended
                self._ray.kill(member.actor, no_restart=True)
        self._members, self._away = [], []
        self._pending, self._parts, self._snapshot, self._counts = [], {}, None, None
        if self._owns_ray:
            self._owns_ray = False
            self._ray.shutdown()

    # Rounds

    def _run_round(self, plan: EpochPlan, step: int) -> EpochStats:
        started = time.perf_counter()
        members = self._members
        rounds = self.step_count(plan)
        rates = plan.rates(step / rounds, (step + 1) / rounds)
        decays = decay_rates(self._setup.sampling, rates.begin)
        if len(self._bounds) != 1 + len(members):
            self._bounds = cut_words(self._setup, self._shards, len(members))
        trained = []
        loading: dict[Any, _Member] = {}
        is_fresh = False  # whether a worker receives text or compiles kernels
        for member, shards in zip(members, self._shares(), strict=True):
            spans = []
            for shard in shards:
                number, begin, end = span_of(plan, rounds, self._shards, step, shard)
                spans.append(ShardSpan(shard, begin, end, plan.keys(number)))
            pending = self._bring_up_to_date(member, loading)
            parts = {shard: self._parts[shard] for shard in shards}
            is_fresh = is_fresh or not member.shards.issuperset(shards)
            member.shards.update(shards)
            train = member.actor.train.options(num_returns=1 + len(members))
            refs = train.remote(self._version, spans, rates, self._bounds, parts, *pending)
            trained.append(refs)
        merged = [
            member.actor.merge.remote(decays, *[refs[1 + part] for refs in trained])
            for part, member in enumerate(members)
        ]
        limit = self._limit(is_fresh=is_fresh or bool(loading))
        self._wait_for(loading, limit)
        done = self._wait_for({refs[0]: m for refs, m in zip(trained, members, strict=True)}, limit)
        for rows in self._wait_for(dict(zip(merged, members, strict=True)), limit):
            apply_rows(self._setup.matrices, rows)
        self._version += 1
        self._pending, self._snapshot = merged, None
        self._seconds.append(time.perf_counter() - started)
        return sum(itertools.chain.from_iterable(done), EpochStats())

    def _shares(self) -> list[range]:
        """Return the shards of each worker, in proportion to its cores."""
        total = sum(member.cores for member in self._members)
        bounds, cores = [0], 0
        for member in self._members:
            cores += member.cores
            bounds.append(round(self._shards * cores / total))
        return [range(*ends) for ends in itertools.pairwise(bounds)]

    def _bring_up_to_date(self, member: _Member, loading: dict[Any, _Member]) -> list[Any]:
        """Return the rows that a worker has to apply.

        If it needs the whole model, send that, and add the reference of its answer to ``loading``.
        """
        before, member.version = member.version, self._version
        if before == self._version:
            return []
        if self._pending and before == self._version - 1:
            return self._pending
        setup, put = self._setup, self._ray.put
        if self._counts is None:
            self._counts = put(setup.counts)
        if self._snapshot is None:
            self._snapshot = put(take_snapshot(setup))
        answer = member.actor.load.remote(
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

    def _wait_for(self, awaited: dict[Any, _Member], limit: float) -> list[Any]:
        """Return the results of workers.

        Args:
            awaited: the workers by the references of their results.
            limit: how many seconds they may take.

        Raises:
            _RoundLostError: a worker was lost or is slow.

        """
        ray, errors, refs = self._ray, self._ray.exceptions, list(awaited)
        try:
            return list(ray.get(refs, timeout=limit))
        except errors.GetTimeoutError:
            _, late = ray.wait(refs, num_returns=len(refs), timeout=0)
            for ref in late:
                ray.kill(awaited[ref].actor, no_restart=False)
            message = f"a worker took more than {limit:.0f} s for a round and is started again"
            raise _RoundLostError(message) from None
        except errors.RayTaskError as error:
            if isinstance(error.cause, (errors.RayError, NoModelError)):
                message = f"a worker was lost ({reason_of(error.cause)})"
                raise _RoundLostError(message) from error
            raise
        except errors.RayError as error:  # the worker, its machine or what it has sent is lost
            message = f"a worker was lost ({reason_of(error)})"
            raise _RoundLostError(message) from error

    # Text

    def _distribute(self, plan: EpochPlan) -> None:
        """Put the text of each shard into the store of the cluster, once."""
        text, rounds = plan.text, self.step_count(plan)
        if self._text is text:
            return
        sampling = self._setup.sampling
        thresholds, window = sampling.keep_thresholds, sampling.window
        for shard in range(self._shards):
            _, begin, _ = span_of(plan, rounds, self._shards, 0, shard)
            _, _, end = span_of(plan, rounds, self._shards, rounds - 1, shard)
            self._parts[shard] = self._ray.put(part_of(text, begin, end, thresholds, window))
        self._text = text

    # Workers

    def _start_workers(self) -> None:
        config = self._setup.config
        if config.workers is None:
            for node in nodes_of(self._ray):
                self._members.append(self._start_on(node))
            if not self._members:
                message = "the Ray cluster has no machine with a free CPU; add one"
                raise ResourceError(message)
        else:
            cores = cores_of_each(nodes_of(self._ray), config.workers)
            for number in range(config.workers):
                options = {"num_cpus": cores, "scheduling_strategy": "SPREAD"}
                self._members.append(self._start(f"worker {number + 1}", cores, options))
        self._await_start()

    def _start_on(self, node: dict[str, Any]) -> _Member:
        """Start a worker with all cores of a machine."""
        strategies = importlib.import_module("ray.util.scheduling_strategies")
        cores = int(node["Resources"]["CPU"])
        here = strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        options = {"num_cpus": cores, "scheduling_strategy": here}
        member = self._start(f"the worker on {node['NodeManagerHostname']}", cores, options)
        member.node = node["NodeID"]
        return member

    def _start(self, name: str, cores: int, options: dict[str, Any]) -> _Member:
        actor_class = self._ray.remote(max_restarts=-1, max_task_retries=0, **options)(_Actor)
        return _Member(actor_class.remote(), name, cores)

    def _await_start(self) -> None:
        """Wait until all workers have started, and compare their machines with this one."""
        ray = self._ray
        refs = [member.actor.introduce.remote() for member in self._members]
        ready, waiting = ray.wait(refs, num_returns=len(refs), timeout=_START_SECONDS)
        if waiting:
            cores = int(ray.cluster_resources().get("CPU", 0))
            message = (
                f"{len(ready)} of {len(refs)} workers have started after {_START_SECONDS:.0f} s; "
                f"the Ray cluster has {cores} CPUs. Add machines, or use fewer `workers`"
            )
            raise ResourceError(message)
        for member, ref in zip(self._members, refs, strict=True):
            try:
                _, there = ray.get(ref)
            except ray.exceptions.RayError as error:
                message = (
                    f"{member.name} did not start: {reason_of(error)}; install the same versions "
                    "of Python, w2v and its packages on all machines"
                )
                raise ResourceError(message) from error
            difference = _difference(there)
            if difference is not None:
                message = (
                    f"cannot give the same bits on {member.name}: {difference}; use the same "
                    "versions and the same kind of processor on all machines"
                )
                raise ConfigError(message, option="ray")

    def _regroup(self) -> None:
        """Find out which workers are left after a round was lost; wait until there is one."""
        self._away += self._members
        self._members = []
        timeout = 2 * (self._seconds[-1] if self._seconds else 0.0) + _LOOK_SECONDS
        deadline = time.monotonic() + _START_SECONDS
        while not self._members:
            self._ask(timeout)
            if not self._members and time.monotonic() > deadline:
                message = (
                    f"no worker of the Ray cluster has answered for {_START_SECONDS:.0f} s; check "
                    "`ray status`, and resume"
                )
                raise ResourceError(message)

    def _look_for_workers(self) -> None:
        """Now and then, take in workers that have come back, and machines that are new."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if self._setup.config.workers is None:
            nodes = {node["NodeID"]: node for node in nodes_of(self._ray)}
            self._away = [member for member in self._away if member.node in nodes]
            known = {member.node for member in (*self._members, *self._away)} | self._refused
            self._away += [self._start_on(nodes[node]) for node in nodes.keys() - known]
        self._ask(0.0)

    def _ask(self, timeout: float) -> None:
        """Take in the workers away that answer within a time."""
        if not self._away:
            return
        ray = self._ray
        for member in self._away:
            if member.answer is None:
                member.answer = member.actor.introduce.remote()
        refs = [member.answer for member in self._away]
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=timeout)
        away = []
        for member in self._away:
            if member.answer not in ready:
                away.append(member)
                continue
            answer, member.answer = member.answer, None
            try:
                member.version, there = ray.get(answer)
            except ray.exceptions.RayError:  # it has ended, and Ray starts it again
                away.append(member)
                continue
            difference = _difference(there)
            if difference is None:
                self._members.append(member)
            else:
                self._refused.add(member.node)
                ray.kill(member.actor, no_restart=True)
                _log.warning(
                    "note: %s is not used, since the bits would differ: %s", member.name, difference
                )
        self._away = away


def _difference(there: dict[str, str]) -> str | None:
    """Return how a machine differs from this one, so that the bits would, or None."""
    for name, value in describe_machine().items():
        if there.get(name) != value:
            return f"{name} is {there.get(name)} there and {value} here"
    return None
