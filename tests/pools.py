"""A pool of workers in this process, with the interface of `w2v.system.ray_workers.WorkerPool`."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Mapping
from typing import Any

from w2v.system.ray_workers import MARKS, Member, StateLostError, WorkerLostError


class Reference:
    """A value in the store, pickled as Ray does it: arrays are read-only when they come out."""

    def __init__(self, value: object) -> None:
        self.buffers: list[bytes] = []
        self.pickled = pickle.dumps(
            value,
            protocol=5,
            buffer_callback=lambda buffer: self.buffers.append(bytes(buffer.raw())),
        )

    def value(self) -> Any:
        return pickle.loads(self.pickled, buffers=self.buffers)


class LocalPool:
    """Workers that compute when their results are awaited.

    Args:
        workers: the number of workers.
        cores: of each.
        lose: called with the number of each call and its function; whether the worker is lost then.

    """

    def __init__(
        self, workers: int, cores: int = 1, lose: Callable[[int, str], bool] = lambda *_: False
    ) -> None:
        self.members = [Member({MARKS: {}}, f"worker {i}", cores) for i in range(workers)]
        self.calls: list[str] = []
        self._lose = lose
        self._lost: set[int] = set()

    def put(self, value: object) -> Reference:
        return Reference(value)

    def call(self, member, function, *arguments, results=1):
        self.calls.append(function.__name__)
        if self._lose(len(self.calls), function.__name__):
            self._lost.add(id(member))
            member.actor.clear()
            member.actor[MARKS] = {}
        references = [_Pending(member, function, arguments) for _ in range(results)]
        if results > 1:
            for i, reference in enumerate(references):
                reference.first, reference.index = references[0], i
        return references if results > 1 else references[0]

    def results(self, awaited: Mapping[Any, Member], seconds: float) -> list[Any]:
        del seconds
        if any(id(member) in self._lost for member in awaited.values()):
            message = "a worker was lost (by the test)"
            raise WorkerLostError(message)
        try:
            return [reference.get() for reference in awaited]
        except StateLostError as error:
            raise WorkerLostError(str(error)) from error

    def first_results(self, awaited, seconds):
        reference, member = next(iter(awaited.items()))
        (value,) = self.results({reference: member}, seconds)
        return [(reference, member, value)]

    def regroup(self, seconds: float = 0.0) -> None:
        del seconds
        self._lost.clear()
        for member in self.members:
            member.marks = copy.deepcopy(member.actor[MARKS])

    def look_for_workers(self) -> None:
        """No worker comes back by itself."""


class _Pending:
    def __init__(self, member, function, arguments) -> None:
        self.member, self.function, self.arguments = member, function, arguments
        self.first, self.index = None, 0
        self.done: list[Any] = []

    def get(self) -> Any:
        if self.first is not None and self.first is not self:
            return self.first._compute()[self.index]
        value = self._compute()
        return value[0] if self.first is self else value

    def _compute(self) -> Any:
        if not self.done:
            arguments = [
                Reference(argument.get()).value() if isinstance(argument, _Pending)
                else argument.value() if isinstance(argument, Reference)
                else argument
                for argument in self.arguments
            ]  # fmt: skip
            self.done.append(self.function(self.member.actor, *arguments))
        return self.done[0]
