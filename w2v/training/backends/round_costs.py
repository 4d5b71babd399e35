"""What rounds on several machines cost: seconds and bytes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Any, NamedTuple

from w2v.events import ClusterTimes, Notice
from w2v.training.state import EpochStats

# Rounds from which the shares of a training can be judged, and the share of moving to tell.
_ENOUGH_ROUNDS = 8
_MUCH_MOVING = 0.25


class Trained(NamedTuple):
    """How a worker has trained its shards in a round.

    Attributes:
        stats: of each shard.
        seconds: of training, without cutting the changes into parts.
        sizes: the bytes of the changes in each part of the vocabulary.

    """

    stats: list[EpochStats]
    seconds: float
    sizes: list[int]


class Merged(NamedTuple):
    """How a worker has merged its part of the vocabulary in a round.

    Attributes:
        seconds: of merging, without bringing the changes together.
        size: the bytes of the merged rows.

    """

    seconds: float
    size: int


def costs_of_round(
    seconds: float, trained: Sequence[Trained], merged: Sequence[Merged], *, starting: bool
) -> ClusterTimes:
    """Return what a round has cost. All merging begins after the last shard was trained.

    Args:
        seconds: of the round.
        trained: of each worker.
        merged: of each worker, which merged the part of the vocabulary with its number.
        starting: whether workers have received text or the model, or compiled.

    """
    sizes = [report.sizes for report in trained]
    moved = bytes_moved(sizes, [report.size for report in merged])
    if starting:
        return ClusterTimes(rounds=1, starting=seconds, moved_bytes=moved)
    phases = [[report.seconds for report in reports] for reports in (trained, merged)]
    training, merging = map(fmean, phases)
    slowest = sum(map(max, phases))
    return ClusterTimes(
        rounds=1,
        training=training,
        merging=merging,
        waiting=slowest - training - merging,
        moving=max(seconds - slowest, 0.0),
        moved_bytes=moved,
    )


def bytes_moved(changes: Sequence[Sequence[int]], merged: Sequence[int]) -> int:
    """Return the bytes that a round moves from one machine to another.

    Args:
        changes: (workers, workers) the bytes of the changes that a worker has made in the part of
            another. Those in its own part stay where they are.
        merged: (workers,) the bytes of the rows that a worker has merged. They go to all other
            workers, and to the process that runs the training.

    """
    sent = sum(
        size
        for worker, sizes in enumerate(changes)
        for part, size in enumerate(sizes)
        if part != worker
    )
    return sent + len(merged) * sum(merged)


def size_of(arrays: tuple[Any, ...]) -> int:
    """Return the bytes of the arrays in a tuple."""
    return sum(getattr(array, "nbytes", 0) for array in arrays)


def moving_note(times: ClusterTimes) -> Notice | None:
    """Return a note if rounds spend much of their time with moving rows between machines."""
    share = times.shares["moving"]
    if times.rounds < _ENOUGH_ROUNDS or share <= _MUCH_MOVING:
        return None
    megabytes = times.moved_bytes / times.rounds / 1e6
    return Notice(
        f"moving rows between workers takes {100 * share:.0f} % of the time of a round, "
        f"{megabytes:,.1f} MB each; a faster network, fewer `workers`, fewer `rounds` or more text "
        "lower this share, and `deterministic=True` without `ray` avoids it"
    )
