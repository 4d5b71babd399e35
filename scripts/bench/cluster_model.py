"""A model of the time of training on a cluster: rounds, rows, bytes and seconds.

The number of rounds, the spans, the subsampling and the negative samples follow the rules of w2v;
`scripts.bench.cluster_traffic` compares the bytes with those of real rounds. How fast machines
compute and move data are assumptions, see `Speeds`.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from w2v.config import Config
from w2v.training import automatic
from w2v.training.model import padded_width
from w2v.training.plan import round_count
from w2v.training.sampling import keep_thresholds, noise_probabilities

# A law of Zipf in two parts: beyond the 8,000 words of general use, counts fall faster. With these
# numbers, the rows of spans are within 4 % of those with the counts of English Wikipedia.
_EXPONENT = 0.9
_GENERAL_WORDS = 8_000
# English Wikipedia has a word of the vocabulary for each 6.2 bytes, and a line for each 35 words.
BYTES_PER_WORD = 6.2
_WORDS_PER_LINE = 35
# A word that occurs in a document mostly occurs in it again. So a span has fewer different words
# than if each word were drawn by itself: as many as a span of this many of its words would have.
# Measured on English Wikipedia and the King James Version: 0.6 to 0.7.
CLUSTERING = 0.66
# The numbers of a changed row beside its vectors: the word, its uses and its draws.
_ENTRY_BYTES = 12
_WORD_BYTES = 4
# The most that `Config.shards` allows.
MOST_SHARDS = 1_024


@dataclass(frozen=True)
class Text:
    """What the model knows of a text.

    Attributes:
        counts: (V,) occurrences of each word.
        lines: the number of lines.
        clustering: see `CLUSTERING`; 1 if each word is drawn by itself.

    """

    counts: NDArray[np.int64]
    lines: int
    clustering: float = CLUSTERING

    @classmethod
    def of_size(cls, gigabytes: float, words: int) -> Text:
        """Return a text of a size whose words follow Zipf's law.

        Args:
            gigabytes: the size, in 1e9 bytes.
            words: V.

        """
        size = gigabytes * 1e9 / BYTES_PER_WORD
        return cls(zipf_counts(words, size), round(size / _WORDS_PER_LINE))

    @property
    def words(self) -> int:
        """The number of words."""
        return int(self.counts.sum())

    @property
    def positions(self) -> int:
        """The number of words and line ends."""
        return self.words + self.lines


def zipf_counts(words: int, total: float) -> NDArray[np.int64]:
    """Return (V,) counts by Zipf's law, each at least 1.

    Args:
        words: V.
        total: the sum of the counts, about.

    """
    ranks = np.arange(1, words + 1)
    shares = ((ranks + 1) * (1 + ranks / _GENERAL_WORDS)) ** -_EXPONENT
    return np.maximum(np.rint(total * shares / shares.sum()), 1).astype(np.int64)


class RowCounts(NamedTuple):
    """Expected numbers of rows that training changes."""

    vectors: float
    contexts: float

    def change_bytes(self, dim: int) -> float:
        """Return the bytes of these rows as a worker sends them to be merged."""
        row = 4 * padded_width(dim)
        return row * (self.vectors + self.contexts) + _ENTRY_BYTES * self.contexts

    def merged_bytes(self, dim: int) -> float:
        """Return the bytes of these rows after merging, as all workers receive them."""
        return (4 * padded_width(dim) + _WORD_BYTES) * (self.vectors + self.contexts)


def expected_rows(text: Text, config: Config, positions: float, shards: int = 1) -> RowCounts:
    """Return how many rows spans change together.

    Args:
        text: the text.
        config: the hyper-parameters, with numbers in place of ``"auto"``.
        positions: words and line ends of a span.
        shards: the number of spans, far from each other.

    """
    keep = keep_thresholds(text.counts, config.chosen_sample) / 2**32
    uses = text.counts * keep * (positions / text.positions)
    centers = uses.sum() + text.lines * (positions / text.positions)
    draws = (math.ceil(centers / config.sharing) + 1) * config.noise_words
    noise = draws * noise_probabilities(text.counts, config.noise_exponent)
    uses *= text.clustering
    return RowCounts(
        float(-np.expm1(-shards * uses).sum()), float(-np.expm1(-shards * (uses + noise)).sum())
    )


@dataclass(frozen=True)
class Speeds:
    """How fast machines are.

    Attributes:
        words: per second that a core trains in one process without `deterministic`, at dim 128.
        deterministic: how much longer a core takes in a shard: for copying rows and cold caches.
        cut: bytes of changed rows per second that a worker cuts into parts.
        merge: bytes of changed rows per second and core that a worker joins and merges.
        apply: bytes of merged rows per second that a worker applies.
        network: the share of the nominal speed of the network that data moves at.
        call: seconds that the process which runs the command takes for each call of a worker.
        object: seconds that it takes for each object that workers exchange.

    """

    words: float = 4e6
    deterministic: float = 1.5
    cut: float = 3e9
    merge: float = 1e9
    apply: float = 4e9
    network: float = 0.8
    call: float = 0.7e-3
    object: float = 0.16e-3

    def words_of(self, dim: int) -> float:
        """Return the words per second and core without `deterministic`: in proportion to dim."""
        return self.words * 128 / dim


@dataclass(frozen=True)
class Machines:
    """A cluster of equal machines, with a worker on each.

    Attributes:
        workers: their number.
        cores: of each.
        gbits: the speed of each machine's network in Gbit/s, in each direction.

    """

    workers: int
    cores: int
    gbits: float

    @property
    def shards(self) -> int:
        """The number of shards that keeps all cores busy, or the most that there may be."""
        return min(self.workers * self.cores, MOST_SHARDS)


@dataclass(frozen=True)
class Estimate:
    """The time of a round, in seconds, and its bytes.

    Attributes:
        rounds: of an epoch.
        positions: words and line ends that a shard trains on in a round.
        shard_bytes: the changed rows of a shard.
        merged_bytes: the merged rows of all shards.
        received_bytes: what a worker receives over the network, on average; it sends as much.
        train: the shards of a worker on its cores.
        handle: cutting, joining, merging and applying rows.
        move: over the network.
        coordinate: the calls of workers and the objects that they exchange.

    """

    rounds: int
    positions: float
    shard_bytes: float
    merged_bytes: float
    received_bytes: float
    train: float
    handle: float
    move: float
    coordinate: float

    @property
    def seconds(self) -> float:
        """The seconds of a round."""
        return self.train + self.handle + self.move + self.coordinate

    @property
    def epoch_seconds(self) -> float:
        """The seconds of an epoch."""
        return self.rounds * self.seconds

    @property
    def moving_share(self) -> float:
        """The share of the time in which rows move over the network."""
        return self.move / self.seconds

    @property
    def overhead_share(self) -> float:
        """The share of the time in which workers do not train."""
        return 1 - self.train / self.seconds


def resolved(text: Text, config: Config, shards: int) -> Config:
    """Return the hyper-parameters of a training of a text in shards."""
    config = dataclasses.replace(config, deterministic=True, shards=shards)
    return automatic.resolve(config, text.counts, text.words)


def estimate(
    text: Text,
    config: Config,
    machines: Machines,
    speeds: Speeds | None = None,
) -> Estimate:
    """Estimate the time of a round.

    Args:
        text: the text.
        config: the hyper-parameters. The shards are those of the machines.
        machines: the cluster.
        speeds: of the machines.

    """
    speeds = Speeds() if speeds is None else speeds
    shards, workers = machines.shards, machines.workers
    config = resolved(text, config, shards)
    rounds = round_count(text.positions, config)
    positions = text.positions / (rounds * shards)
    shard_bytes = expected_rows(text, config, positions).change_bytes(config.dim)
    merged_bytes = expected_rows(text, config, positions, shards).merged_bytes(config.dim)
    # Each worker sends the changes of its shards and receives a part of all changes, and sends the
    # rows of its part and receives all others. Before these, the process that runs the command
    # receives and applies them, and the workers wait.
    changes = shards * shard_bytes / workers
    received = (changes + merged_bytes) * (workers - 1) / workers
    busiest = -(-shards // workers)  # the shards of the worker that has most
    turns = -(-busiest // machines.cores)
    words = positions * text.words / text.positions
    return Estimate(
        rounds=rounds,
        positions=positions,
        shard_bytes=shard_bytes,
        merged_bytes=merged_bytes,
        received_bytes=received,
        train=turns * words * speeds.deterministic / speeds.words_of(config.dim),
        handle=busiest * shard_bytes / speeds.cut
        + changes / (speeds.merge * machines.cores)
        + 2 * merged_bytes / speeds.apply,
        move=(received + merged_bytes) / (machines.gbits * 1e9 / 8 * speeds.network),
        coordinate=2 * workers * speeds.call + workers * (workers + 2) * speeds.object,
    )


def one_machine_seconds(text: Text, dim: int, cores: int, speeds: Speeds | None = None) -> float:
    """Return the seconds of an epoch on one machine without `deterministic`."""
    speeds = Speeds() if speeds is None else speeds
    return text.words / (speeds.words_of(dim) * cores)
