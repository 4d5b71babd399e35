"""Ray without processes: actors run each call at once, in this process.

It has what `w2v.system.ray_workers` uses, and tests can let actors fail, keep silent or differ.
"""

from __future__ import annotations

import copy
import types
from typing import Any


class RayError(Exception):
    pass


class GetTimeoutError(RayError, TimeoutError):
    pass


class ActorUnavailableError(RayError):
    """A worker does not answer for now."""


class ActorDiedError(RayError):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: BaseException) -> None:
        super().__init__(str(cause))
        self.cause = cause


class Ref:
    """The result of a call: a value, an error, or neither if there is no answer yet."""

    def __init__(self, *, value: Any = None, error: Exception | None = None, done=True) -> None:
        self.value, self.error, self.done = value, error, done


class Method:
    def __init__(self, actor: Actor, name: str, results: int = 1) -> None:
        self.actor, self.name, self.results = actor, name, results

    def options(self, num_returns: int) -> Method:
        return Method(self.actor, self.name, num_returns)

    def remote(self, *arguments: Any) -> Any:
        result = self.actor.run(self.name, arguments)
        if self.results == 1:
            return self.actor.keep(result)
        if result.error is not None or not result.done:
            return [result] * self.results
        assert len(result.value) == self.results
        return [self.actor.keep(Ref(value=value)) for value in result.value]


class Actor:
    """A worker.

    Attributes:
        failures: how many of the next calls fail, after which it starts again, empty.
        silent: whether it never answers.
        change: what its introduction says otherwise.
        calls: the names of the functions that it was asked to call.

    """

    def __init__(self, ray: FakeRay, kind: type, options: dict[str, Any]) -> None:
        self.options = options
        self.failures, self.silent, self.killed = 0, False, False
        self.change: dict[str, Any] = {}
        self.calls: list[str] = []
        self._kind, self._ray = kind, ray
        self._kept: list[Ref] = []
        self._start()

    def keep(self, result: Ref) -> Ref:
        """Note a result, which is lost with this worker."""
        self._kept.append(result)
        return result

    def _start(self) -> None:
        for result in self._kept:
            result.error = ActorDiedError("the owner of a result died")
        self._kept = []
        self._object = self._kind()

    @property
    def introduce(self) -> Method:
        return Method(self, "introduce")

    @property
    def call(self) -> Method:
        return Method(self, "call")

    def run(self, name: str, arguments: tuple[Any, ...]) -> Ref:
        if self.silent:
            return Ref(done=False)
        if name == "call":
            self.calls.append(arguments[0].__name__)
        if self.failures:
            self.failures -= 1
            self._start()
            return Ref(error=ActorDiedError("The actor died unexpectedly\nmore lines"))
        for argument in arguments:
            if isinstance(argument, Ref) and argument.error is not None:
                cause = argument.error
                return Ref(error=cause if isinstance(cause, RayTaskError) else RayTaskError(cause))
        values = [a.value if isinstance(a, Ref) else a for a in arguments]
        try:
            result = getattr(self._object, name)(*values)
        except Exception as error:  # noqa: BLE001 - as Ray does
            return Ref(error=RayTaskError(error))
        if name == "introduce":
            result = copy.deepcopy(result._replace(**self.change))
        return Ref(value=result)


class FakeRay:
    """The package.

    Attributes:
        actors: all that were started.
        machines: the nodes of the cluster.
        on_start: called with each actor when it starts.

    """

    exceptions = types.SimpleNamespace(
        ActorUnavailableError=ActorUnavailableError,
        RayError=RayError,
        GetTimeoutError=GetTimeoutError,
        RayTaskError=RayTaskError,
    )

    def __init__(self, machines: int = 2, cores: int = 1) -> None:
        self.actors: list[Actor] = []
        self.machines: list[dict[str, Any]] = []
        self.on_start = lambda actor: None
        self.shut_down = 0
        for _ in range(machines):
            self.add_machine(cores)

    def add_machine(self, cores: int = 1) -> None:
        number = len(self.machines) + 1
        self.machines.append(
            {
                "NodeID": f"id{number}",
                "Alive": True,
                "Resources": {"CPU": float(cores)},
                "NodeManagerHostname": f"node{number}",
            }
        )

    def nodes(self) -> list[dict[str, Any]]:
        return list(self.machines)

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": sum(machine["Resources"]["CPU"] for machine in self.machines)}

    def available_resources(self) -> dict[str, float]:
        return {}

    def remote(self, **options: Any) -> Any:
        def decorate(kind: type) -> Any:
            def start() -> Actor:
                actor = Actor(self, kind, options)
                host = options["scheduling_strategy"]
                if host != "SPREAD":
                    actor.change["host"] = host
                self.actors.append(actor)
                self.on_start(actor)
                return actor

            return types.SimpleNamespace(remote=start)

        return decorate

    def put(self, value: object) -> Ref:
        return Ref(value=value)

    def get(self, refs: Any, timeout: float | None = None) -> Any:
        if isinstance(refs, list):
            return [self.get(ref, timeout) for ref in refs]
        if refs.error is not None:
            raise refs.error
        if not refs.done:
            raise GetTimeoutError
        return refs.value

    def wait(self, refs: list[Ref], num_returns: int, timeout: float) -> Any:
        assert len(set(refs)) == len(refs) >= num_returns
        return [ref for ref in refs if ref.done], [ref for ref in refs if not ref.done]

    def kill(self, actor: Actor, no_restart: bool) -> None:
        actor.killed, actor.silent = no_restart, False
        actor._start()

    def shutdown(self) -> None:
        self.shut_down += 1


def install(monkeypatch: Any, ray: FakeRay, *, owned: bool = True) -> None:
    """Let the pool of workers use it, with waiting times of tests."""
    from w2v.system import ray_workers
    from w2v.training.backends import cluster

    hosts = {machine["NodeID"]: machine["NodeManagerHostname"] for machine in ray.machines}
    monkeypatch.setattr(ray_workers, "import_ray", lambda: ray)
    monkeypatch.setattr(ray_workers, "connect", lambda *_: owned)
    monkeypatch.setattr(
        ray_workers, "on_node", lambda node: hosts.get(node, node.replace("id", "node"))
    )
    monkeypatch.setattr(ray_workers, "_START_SECONDS", 0.05)
    monkeypatch.setattr(cluster, "fetch", ray.get)
    monkeypatch.setattr(ray_workers, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(ray_workers, "_LOOK_SECONDS", 0.0)
