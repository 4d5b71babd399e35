"""Backends: how the steps of an epoch are distributed.

- `hogwild`: threads that share the matrices without locks
- `rounds`: shards that train on replicas, which are merged; the same bits on any number of threads
- `cluster`: the rounds on many machines, through Ray; the same bits on any number of machines
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from w2v.training.backends.hogwild import HogwildBackend
from w2v.training.backends.rounds import RoundsBackend
from w2v.training.state import Backend, TrainingSetup

if TYPE_CHECKING:
    from w2v.config import Config
    from w2v.system.ray_workers import WorkerPool


def start_workers(config: Config) -> WorkerPool | None:
    """Start the workers that the options of a training ask for, which the caller has to close.

    Raises:
        MissingExtraError: they need Ray, which is not installed.
        ResourceError: the cluster has no workers.
        ConfigError: there is no cluster at the address, or its machines differ.

    """
    if config.ray is None:
        return None
    from w2v.training.backends import cluster

    return cluster.start_workers(config)


def make_backend(setup: TrainingSetup, pool: WorkerPool | None = None) -> Backend:
    """Return the backend that the options of a training ask for.

    Args:
        setup: the model and its options.
        pool: workers of a cluster, which the caller closes after the backend. With None, the
            backend starts those that it needs.

    Raises:
        MissingExtraError: it needs Ray, which is not installed.
        ResourceError: the cluster has no workers.
        ConfigError: there is no cluster at the address, or its machines differ.

    """
    if setup.config.ray is not None:
        from w2v.training.backends.cluster import ClusterBackend

        return ClusterBackend(setup, pool)
    return (RoundsBackend if setup.config.deterministic else HogwildBackend)(setup)
