"""Backends: how the steps of an epoch are distributed.

- `hogwild`: threads that share the matrices without locks
- `rounds`: shards that train on replicas, which are merged; the same bits on any number of threads
- `cluster`: the rounds on many machines, through Ray; the same bits on any number of machines
"""

from __future__ import annotations

from w2v.training.backends.hogwild import HogwildBackend
from w2v.training.backends.rounds import RoundsBackend
from w2v.training.state import Backend, TrainingSetup


def make_backend(setup: TrainingSetup) -> Backend:
    """Return the backend that the options of a training ask for.

    Raises:
        MissingExtraError: it needs Ray, which is not installed.
        ResourceError: the cluster has no workers.
        ConfigError: there is no cluster at the address, or its machines differ.

    """
    if setup.config.ray is not None:
        from w2v.training.backends.cluster import ClusterBackend

        return ClusterBackend(setup)
    return (RoundsBackend if setup.config.deterministic else HogwildBackend)(setup)
