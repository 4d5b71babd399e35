"""Trainings on a Ray cluster whose workers are killed at random moments.

    python -m scripts.kill_workers --kills 50

starts a cluster of three nodes on this machine and trains on the King James Version again and
again. In each training, something happens at a random moment: a worker is killed or stopped, all
workers are killed, or a node is. The vectors must have the bytes of a training on one machine, and
nothing may be left behind: no process, no file. The exit code is 1 if something is wrong.

It needs the extra ray, and Linux, whose /proc tells which processes belong to the cluster.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import random
import signal
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

import w2v
from scripts.bench.measuring import markdown, require_parent_directory, write_json
from w2v.errors import W2VError
from w2v.training.backends import cluster as cluster_backend

CORPUS = Path(__file__).parent.parent / "corpus" / "kjv.txt"
OPTIONS: dict[str, Any] = {"dim": 64, "epochs": 8, "shards": 6, "seed": 1}
NODES = 3
KILL, STOP, KILL_ALL, NODE = "kill a worker", "stop a worker", "kill all workers", "kill a node"
KINDS = (KILL, STOP, KILL_ALL, NODE)
# Half of what happens is the death of one worker.
_WEIGHTS = (5, 2, 1, 2)
_TITLE = b"ray::_Actor"  # of the process of a worker
_MARK = "W2V_KILL_WORKERS"  # an environment variable that all processes of the cluster inherit
_END_SECONDS = 30.0


@dataclass
class Outcome:
    """What happened in a training.

    Attributes:
        kind: what was done to its workers; empty for nothing.
        moment: when, in seconds after the first worker was there.
        start: the seconds until then.
        victims: how many processes or nodes it was done to; 0 if training had ended before.
        seconds: that the training took.
        repeated: how many rounds were trained again.
        wrong: what is wrong with the result, or what was left behind.

    """

    kind: str
    moment: float
    start: float = 0.0
    victims: int = 0
    seconds: float = 0.0
    repeated: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def working_seconds(self) -> float:
        """The seconds from the first worker to the end."""
        return self.seconds - self.start


class Processes:
    """The processes of a cluster, found by a mark in their environment."""

    def __init__(self) -> None:
        self._value = uuid.uuid4().hex
        os.environ[_MARK] = self._value  # this process has it too late: /proc shows the first ones

    def all(self) -> dict[int, bytes]:
        """Return the command lines of all living processes by their ids."""
        mark = f"{_MARK}={self._value}".encode()
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has ended, or belongs to somebody else
                if mark in (path / "environ").read_bytes().split(b"\0"):
                    command = (path / "cmdline").read_bytes()
                    if command:  # else it has ended, and nobody has asked for its exit code
                        found[int(path.name)] = command
        return found

    def workers(self) -> list[int]:
        """Return the ids of the workers."""
        return sorted(pid for pid, command in self.all().items() if command.startswith(_TITLE))


class Nodes:
    """A cluster of a head without CPUs and some nodes of one CPU."""

    def __init__(self) -> None:
        cluster_utils = importlib.import_module("ray.cluster_utils")
        self._cluster = cluster_utils.Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False}
        )
        self._nodes: list[Any] = []
        self.fill_up()

    @property
    def address(self) -> str:
        """The address of the cluster."""
        return str(self._cluster.address)

    def fill_up(self) -> None:
        """Add nodes for those that were killed."""
        while len(self._nodes) < NODES:
            self._nodes.append(self._cluster.add_node(num_cpus=1))
        self._cluster.wait_for_nodes()

    def kill_one(self, random_numbers: random.Random) -> None:
        """Kill a node."""
        node = self._nodes.pop(random_numbers.randrange(len(self._nodes)))
        self._cluster.remove_node(node, allow_graceful=False)

    def close(self) -> None:
        """End the cluster."""
        self._cluster.shutdown()


class Repetitions(logging.Handler):
    """Counts the rounds that are trained again."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Look at a message."""
        self.count += "is trained again" in record.getMessage()


def strike(
    outcome: Outcome,
    nodes: Nodes,
    processes: Processes,
    numbers: random.Random,
    ended: threading.Event,
) -> None:
    """Wait for the moment, and do what was drawn."""
    started = time.perf_counter()
    while not processes.workers():
        if ended.wait(0.02):
            return
    outcome.start = time.perf_counter() - started
    if ended.wait(outcome.moment) or not outcome.kind:
        return
    if outcome.kind == NODE:
        outcome.victims = 1
        nodes.kill_one(numbers)
        return
    workers = processes.workers()
    victims = workers if outcome.kind == KILL_ALL else numbers.sample(workers, min(1, len(workers)))
    for victim in victims:
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.kill(victim, signal.SIGSTOP if outcome.kind == STOP else signal.SIGKILL)
            outcome.victims += 1


def train(
    corpus: Path,
    outcome: Outcome,
    expected: bytes,
    nodes: Nodes,
    processes: Processes,
    numbers: random.Random,
    directory: Path,
) -> None:
    """Train once while something happens to the workers, and check everything afterwards."""
    ended = threading.Event()
    striking = threading.Thread(target=strike, args=(outcome, nodes, processes, numbers, ended))
    repetitions = Repetitions()
    logger = logging.getLogger("w2v")
    logger.addHandler(repetitions)
    started = time.perf_counter()
    striking.start()
    try:
        model = w2v.train(
            corpus, output=directory / "model", overwrite=True, ray=nodes.address, **OPTIONS
        )
        if model.matrix.tobytes() != expected:
            outcome.wrong.append("the vectors differ")
    except W2VError as error:
        outcome.wrong.append(f"{type(error).__name__}: {error}")
    finally:
        outcome.seconds = time.perf_counter() - started
        outcome.repeated = repetitions.count
        ended.set()
        logger.removeHandler(repetitions)
        striking.join()
    outcome.wrong += left_behind(processes, directory)


def left_behind(processes: Processes, directory: Path) -> Iterator[str]:
    """Yield what a training has left: workers, and files beside the model."""
    deadline = time.monotonic() + _END_SECONDS
    while processes.workers() and time.monotonic() < deadline:
        time.sleep(0.1)
    for pid in processes.workers():
        yield f"the worker {pid} has not ended"
    for path in sorted(directory.iterdir()):
        if path.name not in {"model", "ray"}:  # Ray has its files until the cluster ends
            yield f"{path.name} was left"


def draw(kills: int, numbers: random.Random, kinds: Sequence[str]) -> list[Outcome]:
    """Return what is to happen in each training: every kind at least once, if there are enough.

    The moments are shares of the time of a training.

    Args:
        kills: the number of trainings.
        numbers: random numbers.
        kinds: what may happen.

    """
    weights = [weight for kind, weight in zip(KINDS, _WEIGHTS, strict=True) if kind in kinds]
    drawn = [*kinds, *numbers.choices(kinds, weights, k=max(0, kills - len(kinds)))][:kills]
    numbers.shuffle(drawn)
    return [Outcome(kind, numbers.random()) for kind in drawn]


def table(outcomes: Sequence[Outcome], undisturbed: float) -> str:
    """Return the outcomes by kind.

    Args:
        outcomes: of all trainings.
        undisturbed: the seconds of a training to which nothing happens.

    """
    heads = ["what happens", "trainings", "during training", "equal bytes, nothing left"]
    heads += ["rounds trained again", "seconds more, median", "most"]
    rows = []
    for kind in KINDS:
        found = [outcome for outcome in outcomes if outcome.kind == kind]
        if found:
            more = [outcome.seconds - undisturbed for outcome in found]
            rows.append(
                [
                    kind,
                    str(len(found)),
                    str(sum(outcome.victims > 0 for outcome in found)),
                    str(sum(not outcome.wrong for outcome in found)),
                    str(sum(outcome.repeated for outcome in found)),
                    f"{statistics.median(more):.1f}",
                    f"{max(more):.1f}",
                ]
            )
    return markdown(heads, rows)


@click.command()
@click.option("--kills", type=click.IntRange(1), default=50, show_default=True, help="Trainings.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of what is drawn.")
@click.option(
    "--only",
    "kinds",
    multiple=True,
    type=click.Choice(KINDS),
    help="What may happen.  [default: all]",
)
@click.option(
    "--patience",
    type=float,
    default=3.0,
    show_default=True,
    help="Seconds before a worker counts as slow, in place of those of w2v.",
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(dir_okay=False),
    callback=require_parent_directory,
    help="Write all outcomes to this file.",
)
def main(
    kills: int, seed: int, kinds: tuple[str, ...], patience: float, json_path: str | None
) -> None:
    """Kill workers of a Ray cluster in the middle of trainings, and check that nothing is lost."""
    logging.getLogger("w2v").addHandler(logging.NullHandler())
    cluster_backend._SLOW_SECONDS = patience
    numbers = random.Random(seed)
    expected = w2v.train(CORPUS, deterministic=True, progress=False, **OPTIONS).matrix.tobytes()
    processes = Processes()
    outcomes: list[Outcome] = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        tempfile.tempdir = name
        os.environ["TMPDIR"] = name
        nodes = Nodes()
        try:
            plain = [Outcome("", 0.0) for _ in range(2)]  # the first loads and compiles
            for outcome in plain:
                train(CORPUS, outcome, expected, nodes, processes, numbers, directory)
                report(outcome, 0)
            for outcome in draw(kills, numbers, kinds or KINDS):
                # Other programs may slow down a few trainings.
                complete = [one for one in (*plain, *outcomes) if not one.wrong] or plain
                outcome.moment *= min(one.working_seconds for one in complete[-3:])
                train(CORPUS, outcome, expected, nodes, processes, numbers, directory)
                outcomes.append(outcome)
                report(outcome, len(outcomes))
                nodes.fill_up()
        finally:
            nodes.close()
            tempfile.tempdir = None
    wrong = [text for outcome in (*plain, *outcomes) for text in outcome.wrong]
    deadline = time.monotonic() + _END_SECONDS
    while processes.all() and time.monotonic() < deadline:
        time.sleep(0.2)
    wrong += [f"left: {command[:80]!r}" for command in processes.all().values()]
    click.echo(table(outcomes, plain[-1].seconds))
    click.echo(f"\nWithout a loss, a training takes {plain[-1].seconds:.1f} s.")
    if json_path is not None:
        write_json(json_path, {"outcomes": [vars(outcome) for outcome in outcomes], "wrong": wrong})
    if wrong:
        raise click.ClickException("; ".join(wrong))


def report(outcome: Outcome, number: int) -> None:
    """Print a line about a training."""
    done = f"{outcome.kind} after {outcome.moment:.1f} s" if outcome.kind else "nothing happens"
    result = "; ".join(outcome.wrong) or "equal bytes"
    again = f"{outcome.repeated} rounds again, " if outcome.repeated else ""
    click.echo(f"{number}: {done}: {again}{outcome.seconds:.1f} s, {result}", err=True)


if __name__ == "__main__":
    main()
