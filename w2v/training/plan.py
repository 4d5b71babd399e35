"""How an epoch is cut into spans and rounds, and its learning rates: pure arithmetic."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from w2v.compute.random import NOISE, SUBSAMPLING, VALIDATION, WINDOWS, make_key
from w2v.config import AUTO, Config
from w2v.corpus.encoded import EncodedText
from w2v.errors import ConfigError
from w2v.training.sampling import Keys
from w2v.training.sgns.kernel import LearningRates, TextSpan

# Spans are short against an epoch, so that no thread waits long for the last one and a training
# stops soon when asked to. The second limit is on their multiplications.
MAX_SPAN_POSITIONS = 1 << 16
_MAX_SPAN_PRODUCTS = 1 << 33
# Between two merges, shards do not see each other's updates. A training has so many rounds in all,
# whatever its text and the number of shards. The more pairs there are between two merges, the
# farther the replicas drift apart, so wider windows than this have more rounds in proportion.
_ROUNDS = 320
_ROUNDS_WINDOW = 2
# There are fewer rounds where spans would get too short: copying and merging rows would take longer
# than training on them. There are more where a span would be so many times as long as those without
# rounds: a training stops between two rounds only.
MIN_ROUND_POSITIONS = 1 << 10
_MAX_LENGTHENING = 64


@dataclass(frozen=True)
class Schedule:
    """A learning rate that decreases linearly over all epochs."""

    initial: float
    final: float
    epochs: int
    damping: float = 1.0  # a factor of the step sizes, see `Config.damping`

    @classmethod
    def of(cls, text: EncodedText, config: Config) -> Schedule:
        """Return the schedule of a training on a text."""
        damping = config.damping
        if damping < 1.0:
            damping = config.damping_in(text.longest_line)
        return cls(config.lr, config.final_lr, config.chosen_epochs, damping)

    def rate(self, epochs: float) -> float:
        """Return the learning rate after a number of epochs and fractions of an epoch."""
        return self.initial + (self.final - self.initial) * (epochs / self.epochs)


@dataclass(frozen=True)
class EpochPlan:
    """One pass over a text: the random numbers and learning rates of its spans.

    Attributes:
        text: the text.
        seed: the seed of all random numbers.
        schedule: of the learning rate.
        epoch: the number of the epoch, from 0.
        purpose: further parts of the keys, which tell validation from training.

    """

    text: EncodedText
    seed: int
    schedule: Schedule
    epoch: int = 0
    purpose: tuple[int, ...] = ()

    @classmethod
    def of_training(cls, text: EncodedText, config: Config, epoch: int) -> EpochPlan:
        """Plan an epoch of training."""
        return cls(text, config.seed, Schedule.of(text, config), epoch)

    @classmethod
    def of_validation(cls, held_out: EncodedText, config: Config) -> EpochPlan:
        """Plan a pass that measures the loss: the learning rate is 0, so that nothing changes.

        Its random numbers are the same after each epoch.
        """
        return cls(held_out, config.seed, Schedule(0.0, 0.0, 1), purpose=(VALIDATION,))

    @property
    def size(self) -> int:
        """The number of positions in the text: words and line ends."""
        return self.text.size

    def span(self, begin: int, end: int) -> TextSpan:
        """Return the span between two positions."""
        return TextSpan(self.text.ids, begin, end, self.text.end_of_line)

    def keys(self, span: int) -> Keys:
        """Return the keys of the random numbers of the span with this number.

        Spans share the key of subsampling, so that a word near the border of two spans is kept in
        both or in none.
        """
        return Keys(
            make_key(self.seed, SUBSAMPLING, self.epoch, *self.purpose),
            make_key(self.seed, WINDOWS, self.epoch, span, *self.purpose),
            make_key(self.seed, NOISE, self.epoch, span, *self.purpose),
        )

    def rate(self, share: float) -> float:
        """Return the learning rate when this share of the epoch is done."""
        return self.schedule.rate(self.epoch + share)

    def rates(self, begin: float, end: float) -> LearningRates:
        """Return the damped learning rates between two shares of the epoch."""
        damping = self.schedule.damping
        return LearningRates(damping * self.rate(begin), damping * self.rate(end))


def max_span_positions(config: Config) -> int:
    """Return the largest number of positions in a span of a training without rounds."""
    products = config.dim * (2 * config.window + config.noise_words)
    return max(1, min(MAX_SPAN_POSITIONS, _MAX_SPAN_PRODUCTS // products))


def round_count(positions: int, config: Config) -> int:
    """Return the number of rounds of an epoch, in each of which every shard trains on one span.

    Args:
        positions: the words and line ends of the text.
        config: the hyper-parameters, with a number of epochs.

    """
    if config.rounds == AUTO:
        return automatic_round_count(positions, config)
    per_shard = -(-positions // config.shard_count)
    return min(-(-int(config.rounds) // config.chosen_epochs), per_shard)


def automatic_round_count(positions: int, config: Config) -> int:
    """Return what `round_count` does if the number of rounds was not chosen.

    It keeps the lengths of spans within limits. In a chosen number of rounds, spans are as long as
    they have to be.
    """
    per_shard = -(-positions // config.shard_count)
    required = -(-per_shard // _max_round_positions(config))
    return max(required, min(_wanted_rounds(config), -(-per_shard // MIN_ROUND_POSITIONS)))


def _wanted_rounds(config: Config) -> int:
    """Return the number of rounds of an epoch that gives a good result."""
    rounds = -(-_ROUNDS * max(config.window, _ROUNDS_WINDOW) // _ROUNDS_WINDOW)
    return -(-rounds // config.chosen_epochs)


def _max_round_positions(config: Config) -> int:
    return _MAX_LENGTHENING * max_span_positions(config)


def span_capacity(words: int, config: Config) -> int:
    """Return a number of positions that no span of a training exceeds.

    Args:
        words: of the text, which has at most as many line ends.
        config: the hyper-parameters.

    """
    longest = max_span_positions(config)
    if not config.deterministic:
        return longest
    # Of the automatic rounds, by which the loss is measured in any case.
    of_text = -(-2 * words // (config.shard_count * _wanted_rounds(config)))
    longest = max(MIN_ROUND_POSITIONS, min(of_text, _max_round_positions(config)))
    if config.rounds != AUTO and words:
        spans = config.shard_count * round_count(2 * words, config)
        longest = max(longest, -(-2 * words // spans))
    return longest


def with_rounds(config: Config, positions: int) -> Config:
    """Return the hyper-parameters of a deterministic training with its number of rounds in all.

    Args:
        config: the hyper-parameters, with a number of epochs.
        positions: the words and line ends of the text.

    Raises:
        ConfigError: so many rounds were asked for that not every shard would have a word in each.

    """
    if not config.deterministic:
        return config
    epochs = config.chosen_epochs
    most = epochs * -(-positions // config.shard_count)
    if config.rounds != AUTO and positions and int(config.rounds) > most:
        message = (
            f"must be at most {most:,} for this text, got {int(config.rounds):,}: it has "
            f"{positions:,} words and line ends, which {config.shard_count} shards and {epochs} "
            "epochs divide; use fewer rounds or fewer `shards`"
        )
        raise ConfigError(message, option="rounds")
    return dataclasses.replace(config, rounds=max(1, epochs * round_count(positions, config)))
