"""The threads that run the steps of one epoch."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager

from w2v.training.plan import EpochPlan
from w2v.training.state import Backend, EpochStats

REPORT_SECONDS = 0.1


class EpochRunner:
    """Runs the steps of an epoch on the workers of a backend.

    Args:
        backend: runs a step.
        plan: the epoch.
        step: the first step to run.
        stats: of the steps before it.

    Attributes:
        step: the next step, which no worker has taken.
        steps: the number of steps in the epoch.

    """

    def __init__(
        self, backend: Backend, plan: EpochPlan, step: int = 0, stats: EpochStats | None = None
    ) -> None:
        self.step = step
        self.steps = backend.step_count(plan)
        self._backend = backend
        self._plan = plan
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._may_continue = threading.Event()
        self._may_continue.set()
        workers = backend.workers
        self._busy = [threading.Lock() for _ in range(workers)]  # held during a step
        self._stats = [stats or EpochStats(), *(EpochStats() for _ in range(workers - 1))]

    @property
    def stats(self) -> EpochStats:
        """The stats of all finished steps."""
        return sum(self._stats, EpochStats())

    def run(self) -> Generator[EpochStats, None, None]:
        """Run all steps; yield the stats now and then, and once at the end.

        Closing the generator stops the workers after their current steps.
        """
        workers = range(len(self._busy))
        pool = ThreadPoolExecutor(len(workers), thread_name_prefix="w2v-train")
        try:
            running = {pool.submit(self._work, worker) for worker in workers}
            while running:
                ended, running = wait(running, REPORT_SECONDS, FIRST_EXCEPTION)
                for future in ended:
                    future.result()
                yield self.stats
        finally:
            self._stopped.set()
            self._may_continue.set()
            pool.shutdown()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Wait until no worker runs a step, and let none begin one inside the block."""
        with ExitStack() as exit_stack:
            # Without this event, a worker would take its own lock again before this thread could.
            exit_stack.callback(self._may_continue.set)
            self._may_continue.clear()
            for lock in self._busy:
                exit_stack.enter_context(lock)
            yield

    def _work(self, worker: int) -> None:
        more = True
        while more and not self._stopped.is_set():
            self._may_continue.wait()
            with self._busy[worker]:
                more = self._run_next(worker)

    def _run_next(self, worker: int) -> bool:
        """Run the next step; return whether there was one."""
        with self._lock:
            step = self.step
            if step >= self.steps:
                return False
            self.step += 1
        stats = self._backend.run_step(self._plan, step, worker)
        # Replaced as a whole, because the reporting thread reads it at any time.
        self._stats[worker] += stats
        return True
