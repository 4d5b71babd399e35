"""Workers on the machines of a Ray cluster: processes that call functions and keep a state.

A pool starts them, compares their machines with this one, and finds out which of them are left
when one is lost. It does not know what they compute: a caller sends them importable functions,
whose first argument is the state of the worker, and gets references of the results.

    pool = WorkerPool("auto", None, describe)
    answers = {pool.call(member, function, argument): member for member in pool.members}
    results = pool.results(answers, seconds=60)
    pool.close()

Only one thread may use a pool at a time.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from w2v.errors import ConfigError, ResourceError, W2VError
from w2v.system.memory import available_memory
from w2v.system.ray_cluster import (
    connect,
    cores_of_each,
    import_ray,
    nodes_of,
    on_node,
    reason_of,
)

State = dict[str, Any]
"""What a worker keeps between calls. It is empty after the worker was started or started again."""

MARKS = "marks"
"""The key of the state for small values that the pool has to know: a dict, see `Member.marks`."""

_log = logging.getLogger("w2v")

# How long workers may take to start: an actor loads numba and compiles or loads the kernels.
_START_SECONDS = 120.0
# How often to look whether there is a machine.
_POLL_SECONDS = 0.5
# How often to look for new machines and for workers that have come back.
_LOOK_SECONDS = 5.0
# How long to wait before a worker whose process ended while it started is asked again.
_ASK_SECONDS = 0.2
_MOST_NAMES = 3  # in a message
_MIXED_NOTE = "note: the bits of %s may differ: %s; the vectors depend on which machine trains what"


class WorkerLostError(Exception):
    """A worker, or a result that it kept, is lost; or the worker takes too long."""


class StateLostError(Exception):
    """A worker does not have the state that a call is about, since it was started again."""


class Introduction(NamedTuple):
    """What a worker tells about itself."""

    host: str
    machine: dict[str, str]  # what all machines must have in common
    marks: dict[str, Any]
    memory: int | None  # bytes that are available to the process, None if unknown


def fetch(reference: Any) -> Any:
    """Return the value of a reference inside an argument, on a worker."""
    return import_ray().get(reference)


class _Actor:
    """A worker in a process of its own.

    Its constructor has no arguments, which Ray would have to find again to restart it.
    """

    def __init__(self) -> None:
        self._state: State = {MARKS: {}}

    def introduce(self, describe: Callable[[], dict[str, str]]) -> Introduction:
        """Tell who this is."""
        memory = available_memory()
        return Introduction(socket.gethostname(), describe(), self._state[MARKS], memory)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function with the state and some arguments.

        Raises:
            W2VError: what the function has raised, with the name of this machine in the message.

        """
        try:
            return function(self._state, *arguments)
        except W2VError as error:
            message, *others = error.args  # a missing extra has the name of the extra, too
            error.args = (f"{message} (on the machine {socket.gethostname()})", *others)
            raise


@dataclass(eq=False)
class Member:
    """A worker, as the pool knows it.

    Attributes:
        actor: the handle of its process.
        name: a number, for messages.
        cores: the number of its cores.
        host: the name of its machine.
        node: the id of the machine that it belongs to; empty if Ray chooses one.
        marks: what functions have put into ``state[MARKS]`` of the worker, as it was when the pool
            asked last. The caller may keep it up to date. It is empty after a start.
        machine: what all machines must have in common.
        memory: the bytes that were available to it at that time, None if unknown.

    """

    actor: Any
    name: str
    cores: int
    host: str = ""
    node: str = ""
    marks: dict[str, Any] = field(default_factory=dict)
    machine: dict[str, str] = field(default_factory=dict)
    memory: int | None = None
    answer: Any = None  # the reference of an answer that is awaited, while the worker is away

    @property
    def title(self) -> str:
        """Its name and that of its machine."""
        return f"{self.name} on {self.host}" if self.host else self.name

    def meet(self, introduction: Introduction) -> None:
        """Take over what the worker tells about itself."""
        self.host, self.machine, self.marks, self.memory = introduction


def shares_of(count: int, members: Sequence[Member]) -> list[range]:
    """Divide numbers from 0 to ``count`` - 1 among workers, in proportion to their cores."""
    total = sum(member.cores for member in members)
    bounds, cores = [0], 0
    for member in members:
        cores += member.cores
        bounds.append(round(count * cores / total))
    return list(itertools.starmap(range, itertools.pairwise(bounds)))


class WorkerPool:
    """Workers on the machines of a cluster.

    Args:
        address: of the cluster, see `connect`.
        workers: the number of workers, with as many cores each as possible. With None, each machine
            has one with all its cores, also a machine that is added later.
        describe: an importable function that returns what all machines must have in common.
        allow_mixed: whether machines may differ in this all the same.

    Attributes:
        members: the workers that can be called.
        find_fault: returns why a worker that joins cannot be used, or None. The caller may set it.

    Raises:
        MissingExtraError: Ray is not installed.
        ConfigError: there is no cluster at the address, or a machine differs from this one.
        ResourceError: the workers do not start.

    """

    def __init__(
        self,
        address: str,
        workers: int | None,
        describe: Callable[[], dict[str, str]],
        *,
        allow_mixed: bool = False,
    ) -> None:
        self.members: list[Member] = []
        self.find_fault: Callable[[Member], str | None] = lambda _: None
        self._workers = workers
        self._describe = describe
        self._allow_mixed = allow_mixed
        self._differences: set[tuple[str, str]] = set()  # that were noted, with their machines
        self._started = 0
        self._away: list[Member] = []
        self._refused: set[str] = set()
        self._looked = time.monotonic()
        self._ray = import_ray()
        self._owns_ray = connect(self._ray, address, workers)
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End all workers, and the cluster if it was started here. Results are lost."""
        for member in (*self.members, *self._away):
            with contextlib.suppress(Exception):  # it may have ended
                self._ray.kill(member.actor, no_restart=True)
        self.members, self._away = [], []
        if self._owns_ray:
            self._owns_ray = False
            self._ray.shutdown()

    @property
    def known(self) -> list[Member]:
        """The workers that can be called, and those that are lost or start."""
        return list(dict.fromkeys([*self.members, *self._away]))

    # Calls

    def put(self, value: object) -> Any:
        """Put a value into the store of the cluster, for several calls; return its reference."""
        return self._ray.put(value)

    def call(
        self, member: Member, function: Callable[..., Any], *arguments: Any, results: int = 1
    ) -> Any:
        """Call a function on a worker, after the calls before; return the reference of its result.

        Args:
            member: the worker.
            function: an importable function of the state of the worker and the arguments.
            arguments: references among them are replaced by what they refer to, which one worker
                receives from another. References inside of an argument are not.
            results: if not 1, the function returns a sequence of so many results, and this a list
                of their references.

        """
        return member.actor.call.options(num_returns=results).remote(function, *arguments)

    def results(self, awaited: Mapping[Any, Member], seconds: float) -> list[Any]:
        """Wait for results, and return them.

        Args:
            awaited: the workers by the references of their results.
            seconds: how long they may take. Those that take longer are started again.

        Raises:
            WorkerLostError: a worker was lost or is slow; `regroup` finds those that are left.
            W2VError: the function has raised it, as any other exception.

        """
        ray, errors, refs = self._ray, self._ray.exceptions, list(awaited)
        try:
            return list(ray.get(refs, timeout=seconds))
        except errors.GetTimeoutError:
            raise self._late(awaited, seconds) from None
        except errors.RayTaskError as error:
            if isinstance(error.cause, (errors.RayError, StateLostError)):
                message = f"a worker was lost ({reason_of(error.cause)})"
                raise WorkerLostError(message) from error
            if isinstance(error.cause, W2VError):
                raise error.cause from error
            raise
        except errors.RayError as error:  # the worker, its machine or what it has sent is lost
            message = f"a worker was lost ({reason_of(error)})"
            raise WorkerLostError(message) from error

    def first_results(
        self, awaited: Mapping[Any, Member], seconds: float
    ) -> list[tuple[Any, Member, Any]]:
        """Wait for at least one result; return the references, workers and values of all there are.

        The arguments and errors are those of `results`. The caller removes the references from
        those that it awaits.
        """
        refs = list(awaited)
        ready, _ = self._ray.wait(refs, num_returns=1, timeout=seconds)
        if ready:
            ready, _ = self._ray.wait(refs, num_returns=len(refs), timeout=0)
        if not ready:
            raise self._late(awaited, seconds)
        chosen = {ref: awaited[ref] for ref in ready}
        values = self.results(chosen, seconds)
        return [(ref, chosen[ref], value) for ref, value in zip(chosen, values, strict=True)]

    def _late(self, awaited: Mapping[Any, Member], seconds: float) -> WorkerLostError:
        """Start the workers again whose results are missing; return the error that tells it."""
        _, late = self._ray.wait(list(awaited), num_returns=len(awaited), timeout=0)
        for ref in late:
            self._ray.kill(awaited[ref].actor, no_restart=False)
        names = names_of([awaited[ref].title for ref in late])
        return WorkerLostError(f"{names} took more than {seconds:.0f} s and is started again")

    # Workers that come and go

    def regroup(self, seconds: float = 0.0) -> None:
        """Find out which workers are left after one was lost; wait until there is one.

        Args:
            seconds: how long a worker may be busy with the calls before.

        Raises:
            ResourceError: no worker answers.

        """
        self._away += self.members
        self.members = []
        deadline = time.monotonic() + _START_SECONDS
        while not self.members:
            self._ask(seconds + _LOOK_SECONDS)
            if not self.members and time.monotonic() > deadline:
                message = (
                    f"no worker of the Ray cluster has answered for {_START_SECONDS:.0f} s; check "
                    "`ray status`, and resume"
                )
                raise ResourceError(message)

    def look_for_workers(self) -> None:
        """Now and then, take in workers that have come back, and machines that are new."""
        if time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        if self._workers is None:
            nodes = {node["NodeID"]: node for node in nodes_of(self._ray)}
            self._away = [member for member in self._away if member.node in nodes]
            known = {member.node for member in (*self.members, *self._away)} | self._refused
            self._away += [self._start_on(nodes[node]) for node in nodes.keys() - known]
        self._ask(0.0)

    def _start_all(self) -> None:
        nodes = self._wait_for_nodes()
        if self._workers is None:
            self.members += [self._start_on(node) for node in nodes]
        else:
            cores = cores_of_each(nodes, self._workers)
            options = {"num_cpus": cores, "scheduling_strategy": "SPREAD"}
            self.members += [self._start(cores, options) for _ in range(self._workers)]
        self._await_start()
        self._compare()

    def _wait_for_nodes(self) -> list[dict[str, Any]]:
        """Return the machines of the cluster; wait until there is one."""
        deadline = time.monotonic() + _START_SECONDS
        waits = False
        while not (nodes := nodes_of(self._ray)):
            if time.monotonic() > deadline:
                message = (
                    f"the Ray cluster has no machine with a CPU after {_START_SECONDS:.0f} s; add "
                    "one, and check `ray status`"
                )
                raise ResourceError(message)
            if not waits:
                _log.warning("note: waiting for a machine of the Ray cluster that has a CPU")
                waits = True
            time.sleep(_POLL_SECONDS)
        return nodes

    def _start_on(self, node: dict[str, Any]) -> Member:
        """Start a worker with all cores of a machine."""
        cores = int(node["Resources"]["CPU"])
        options = {"num_cpus": cores, "scheduling_strategy": on_node(node["NodeID"])}
        member = self._start(cores, options)
        member.node, member.host = node["NodeID"], node["NodeManagerHostname"]
        return member

    def _start(self, cores: int, options: dict[str, Any]) -> Member:
        self._started += 1
        actor_class = self._ray.remote(max_restarts=-1, max_task_retries=0, **options)(_Actor)
        return Member(actor_class.remote(), f"worker {self._started}", cores)

    def _await_start(self) -> None:
        """Wait until all workers have started."""
        ray = self._ray
        refs = {member.actor.introduce.remote(self._describe): member for member in self.members}
        ready, waiting = ray.wait(list(refs), num_returns=len(refs), timeout=_START_SECONDS)
        if waiting:
            cores = int(ray.cluster_resources().get("CPU", 0))
            free = int(ray.available_resources().get("CPU", 0))
            missing = names_of([refs[ref].title for ref in waiting])
            message = (
                f"{len(ready)} of {len(refs)} workers have started after {_START_SECONDS:.0f} s, "
                f"without {missing}; the Ray cluster has {cores} CPUs, {free} of them free. Add "
                "machines, end other jobs on the cluster, or use fewer `workers`"
            )
            raise ResourceError(message)
        for ref, member in refs.items():
            try:
                member.meet(self._first_answer(member, ref))
            except ray.exceptions.RayError as error:
                message = (
                    f"{member.title} did not start: {reason_of(error)}; install the same versions "
                    "of Python, w2v and its packages on all machines"
                )
                raise ResourceError(message) from error

    def _first_answer(self, member: Member, ref: Any) -> Any:
        """Return the answer of a worker; ask again if its process ended while it started."""
        ray = self._ray
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return ray.get(ref, timeout=max(deadline - time.monotonic(), 0.0))
            except ray.exceptions.ActorUnavailableError:  # Ray starts it again
                if time.monotonic() > deadline:
                    raise
                time.sleep(_ASK_SECONDS)
                ref = member.actor.introduce.remote(self._describe)

    def _compare(self) -> None:
        """Compare the machines of the workers with this one.

        Raises:
            ConfigError: they differ, which is not allowed.

        """
        machines: dict[str, list[str]] = {}
        for member in self.members:
            difference = _difference(self._describe(), member.machine)
            if difference is not None:
                machines.setdefault(difference, []).append(member.title)
                self._differences.add((member.host, difference))
        for difference, titles in machines.items():
            if not self._allow_mixed:
                message = (
                    f"cannot give the same bits on {names_of(titles)}: {difference}; use the same "
                    "versions and the same kind of processor on all machines, or accept other bits "
                    "with `allow_mixed=True`"
                )
                raise ConfigError(message, option="ray")
            _log.warning(_MIXED_NOTE, names_of(titles), difference)

    def _ask(self, seconds: float) -> None:
        """Take in the workers away that answer within a time."""
        if not self._away:
            return
        ray = self._ray
        for member in self._away:
            if member.answer is None:
                member.answer = member.actor.introduce.remote(self._describe)
        refs = [member.answer for member in self._away]
        ready, _ = ray.wait(refs, num_returns=len(refs), timeout=seconds)
        away = []
        for member in self._away:
            if member.answer not in ready:
                away.append(member)
                continue
            answer, member.answer = member.answer, None
            try:
                member.meet(ray.get(answer))
            except ray.exceptions.RayError:  # it has ended, and Ray starts it again
                away.append(member)
                continue
            fault = self._fault_of(member)
            if fault is None:
                self.members.append(member)
            else:
                self._refused.add(member.node)
                ray.kill(member.actor, no_restart=True)
                _log.warning("note: %s is not used, since %s", member.title, fault)
        self._away = away

    def _fault_of(self, member: Member) -> str | None:
        """Return why a worker that joins cannot be used, or None."""
        difference = _difference(self._describe(), member.machine)
        if difference is not None and not self._allow_mixed:
            return f"the bits would differ: {difference}"
        if difference is not None and (member.host, difference) not in self._differences:
            self._differences.add((member.host, difference))
            _log.warning(_MIXED_NOTE, member.title, difference)
        return self.find_fault(member)


def names_of(titles: list[str]) -> str:
    """Return the first names of a list, and the number of the others."""
    others = len(titles) - _MOST_NAMES
    shown = ", ".join(titles[:_MOST_NAMES])
    return f"{shown} and {others} more" if others > 0 else shown


def _difference(here: Mapping[str, str], there: Mapping[str, str]) -> str | None:
    """Return how a machine differs from this one, or None."""
    for name, value in here.items():
        if there.get(name) != value:
            return f"{name} is {there.get(name)} there and {value} here"
    return None
