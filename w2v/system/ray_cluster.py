"""The connection to a Ray cluster, and its machines."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from w2v.errors import ConfigError, MissingExtraError, ResourceError

LOCAL = "local"
"""The address of a cluster to start on this machine."""

_CONNECT_SECONDS = 10.0
_MOST_SHOWN = 200  # characters of an error of Ray
_CAUSE = re.compile(r"[\w.]+(Error|Exception): ")  # the last line of a traceback

_log = logging.getLogger("w2v")


def import_ray() -> Any:
    """Return the package.

    Raises:
        MissingExtraError: it is not installed.

    """
    # Ray would send usage statistics, warn about unused GPUs, and print tracebacks of others.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # of lost workers, which are noted
    try:
        ray = importlib.import_module("ray")
    except ImportError as error:
        message = "training on a cluster"
        raise MissingExtraError(message, "ray") from error
    importlib.import_module("ray.exceptions")
    return ray


def connect(ray: Any, address: str, workers: int | None) -> bool:
    """Connect to a cluster, or start one.

    Args:
        ray: the package.
        address: of the cluster, ``"auto"``, or `LOCAL`.
        workers: that a cluster on this machine needs.

    Returns:
        Whether the caller has to end the connection, with ``ray.shutdown``.

    Raises:
        ConfigError: there is no cluster at the address.
        ResourceError: a cluster on this machine does not start.

    """
    if ray.is_initialized():
        if address not in (LOCAL, "auto"):
            _log.warning("note: this process is connected to a Ray cluster already, which is used")
        return False
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    with _same_signal_handlers():
        try:
            if address == LOCAL:
                cores = max(os.cpu_count() or 1, workers or 1)
                ray.init(address=LOCAL, num_cpus=cores, include_dashboard=False, **quiet)
            else:
                _require_answer(address)
                ray.init(address=address, **quiet)
        except Exception as error:  # Ray raises many kinds, also the base class
            reason = " ".join(str(error).split())[:_MOST_SHOWN]
            if address == LOCAL:
                message = (
                    f"a Ray cluster does not start on this machine: {reason}; look for the cause "
                    "in Ray's logs, below /tmp/ray by default, or train without `ray`"
                )
                raise ResourceError(message) from error
            message = (
                f"no Ray cluster was found at {address}: {reason}; start a "
                "cluster with Ray's own command, or use `ray='local'`"
            )
            raise ConfigError(message, option="ray") from error
    return True


def _require_answer(address: str) -> None:
    """Try to connect to a host and port, since Ray tries for minutes.

    Raises:
        OSError: nobody answers.

    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if colon and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()


@contextlib.contextmanager
def _same_signal_handlers() -> Iterator[None]:
    """Restore the handlers of signals that Ray replaces."""
    numbers = [signal.SIGTERM, signal.SIGINT]
    before = [signal.getsignal(number) for number in numbers]
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):  # not in the main thread, where Ray sets none
            for number, handler in zip(numbers, before, strict=True):
                signal.signal(number, handler)


def reason_of(error: BaseException) -> str:
    """Return the kind of an error of Ray and the first line of its message.

    If the message has a traceback, return its last line, which names the cause: a worker that lacks
    a package ends in ``ModuleNotFoundError: No module named 'w2v'``.
    """
    lines = str(error).strip().splitlines() or [""]
    if len(lines) > 1 and _CAUSE.match(lines[-1]):
        return lines[-1][:_MOST_SHOWN]
    return f"{type(error).__name__}: {lines[0][:_MOST_SHOWN]}".rstrip(": ")


def nodes_of(ray: Any) -> list[dict[str, Any]]:
    """Return the machines of the cluster that are alive and have CPUs."""
    return [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]


def on_node(node: str) -> Any:
    """Return the strategy that starts an actor on the machine with an id."""
    strategies = importlib.import_module("ray.util.scheduling_strategies")
    return strategies.NodeAffinitySchedulingStrategy(node, soft=False)


def cores_of_each(nodes: Sequence[dict[str, Any]], workers: int) -> int:
    """Return the most cores that each of so many workers can have; 1 if there are too many."""
    cores = [int(node["Resources"]["CPU"]) for node in nodes]
    possible = (
        c for c in range(max(cores, default=1), 0, -1) if sum(n // c for n in cores) >= workers
    )
    return next(possible, 1)
