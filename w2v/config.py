"""Every hyper-parameter, once: its default, its range and its one-line meaning.

The command line is generated from this dataclass, the Python API checks its arguments by it,
and the README's table of options is held to it.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from w2v.errors import ConfigError, short_repr
from w2v.options import LARGEST, Option, plain_integer
from w2v.system.cpu import available_cores

if TYPE_CHECKING:
    from collections.abc import Mapping

# How noise is shared unless told otherwise; see `Config.sharing`.
_MOST_SHARING = 64
_LEAST_NOISE = 16
_MOST_NOISE = 1_000
_STABLE = 40.0
_SHARDS = 4

_MOST_THREADS = 1_024
# Rows are numbered with 31 bits: those of words, one for unknown words, a few for each thread.
MOST_WORDS = 2**31 - 4 * _MOST_THREADS
# English text packs to a third, tables of numbers to a tenth, logs of one kind of line to a
# hundredth.
MAX_EXPANSION = 250


def _text(default: Any, kind: type, meaning: str, **limits: Any) -> Any:
    return field(default=default, metadata={"option": Option(kind, meaning, "text", **limits)})


def _training(default: Any, kind: type, meaning: str, **limits: Any) -> Any:
    return field(default=default, metadata={"option": Option(kind, meaning, "training", **limits)})


@dataclass(frozen=True)
class Config:
    """The hyper-parameters of a model, checked when made.

    Raises:
        ConfigError: a value has the wrong type, is out of range or contradicts another one.

    """

    tokenizer: str = _text(
        "unicode",
        str,
        "What a word is: a run of letters, marks, digits (unicode), or whatever stands between"
        " white space (whitespace).",
        choices=("unicode", "whitespace"),
    )
    lowercase: bool | None = _text(
        None, bool, "Make letters small.  [default: with the unicode tokenizer only]"
    )
    vocab_size: int = _text(
        50_000, int, "Keep this many words, the most frequent ones.", low=1, high=MOST_WORDS
    )
    min_count: int = _text(
        5, int, "Drop words that occur less often than this.", low=1, high=LARGEST
    )
    max_expansion: int = _text(
        MAX_EXPANSION,
        int,
        "Refuse packed text that unpacks to over 64 MiB and this many times its size; 0 for no"
        " limit.",
        low=0,
        high=LARGEST,
    )

    dim: int = _training(128, int, "Numbers in a word's vector.", low=1, high=1_000_000)
    window: int = _training(
        2, int, "Context words on either side of the center.", low=1, high=1_000
    )
    negatives: int = _training(
        5, int, "Noise words a pair counts, K in the literature.", low=1, high=1_000
    )
    epochs: int = _training(5, int, "Passes over the text.", low=1, high=1_000_000)
    lr: float = _training(0.05, float, "Learning rate at the start.", low=0, low_open=True)
    lr_min: float | None = _training(
        None, float, "Learning rate at the end; it falls linearly.  [default: 1e-4 of --lr]", low=0
    )
    sample: float = _training(
        1e-4, float, "Frequency above which words are thinned out; 0 keeps all.", low=0, high=1
    )
    noise_exponent: float = _training(
        0.75, float, "Noise words are drawn by count to this power.", low=-10, high=10
    )
    shrink_windows: bool = _training(
        False, bool, "Draw each center's window from 1..WINDOW, as word2vec.c does."
    )
    negative_sharing: int | None = _training(
        None,
        int,
        "Consecutive centers that share one set of noise words."
        "  [default: 64, less for wide windows and many negatives]",
        low=1,
        high=1_000_000,
    )
    shared_negatives: int | None = _training(
        None,
        int,
        "Noise words in a shared set; they are weighted so that a pair still counts NEGATIVES."
        "  [default: 16, more for wide windows and many negatives]",
        low=1,
        high=_MOST_NOISE,
    )
    train_unk: bool = _training(
        False, bool, "Train the words that are dropped as one word, for the row of unknown words."
    )
    validation: float = _training(
        0.0, float, "Share of the lines held out to report a loss on.", low=0, high=0.5
    )
    seed: int = _training(1, int, "Seed of every random number.", low=0, high=LARGEST)
    deterministic: bool = _training(
        False, bool, "Give the same vectors at any number of threads, which takes more time."
    )
    shards: int | None = _training(
        None,
        int,
        "Parts of the text that --deterministic trains on side by side; more threads gain nothing."
        "  [default: 4]",
        low=1,
        high=1_024,
    )
    threads: int | None = _training(
        None, int, "Threads to work on.  [default: all cores]", low=1, high=_MOST_THREADS
    )

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            object.__setattr__(self, name, plain_integer(value))
        check_options(vars(self))
        if self.lr_min is not None and self.lr_min > self.lr:
            message = (
                f"must not exceed the learning rate: got `lr_min={self.lr_min}` and `lr={self.lr}`"
            )
            raise ConfigError(message, option="lr_min")
        if self.shards is not None and not self.deterministic:
            message = (
                f"requires `deterministic=True`, got `shards={self.shards}` without it; add it, or "
                "omit `shards`"
            )
            raise ConfigError(message, option="shards")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """Make a config of keyword arguments, refusing unknown names with the known ones."""
        check_options(values)
        return cls(**values)

    @property
    def final_lr(self) -> float:
        """The learning rate at the end of training."""
        return self.lr * 1e-4 if self.lr_min is None else self.lr_min

    @property
    def thread_count(self) -> int:
        """The number of threads, by default one for each core this process may use."""
        return self.threads if self.threads is not None else available_cores()

    @property
    def shard_count(self) -> int:
        """How many parts of the text are trained on side by side, if it is deterministic."""
        return _SHARDS if self.shards is None else self.shards

    @property
    def noise_words(self) -> int:
        """How many noise words a shared set has: N in the kernel's description."""
        if self.shared_negatives is not None:
            return self.shared_negatives
        needed = (2 * self.window * self.negatives / _STABLE) ** 2
        return min(max(_LEAST_NOISE, 4 * math.ceil(needed / 4)), _MOST_NOISE)

    @property
    def sharing(self) -> int:
        """How many consecutive centers share a set of noise words: S in the kernel's description.

        Such a set and the centers push each other away, by a step that grows with the pairs of a
        center, 2 window K, and with the square root of S / N. Where the product exceeds 50 or so,
        training diverges at the default learning rate; so S and N are chosen to keep it at 40,
        as it is with the default options.
        """
        if self.negative_sharing is not None:
            return self.negative_sharing
        bearable = (_STABLE / (2 * self.window * self.negatives)) ** 2
        return max(1, min(_MOST_SHARING, int(self.noise_words * bearable)))

    def lowercases(self, tokenizer: str) -> bool:
        """Whether letters are made small: if nothing is said, by the unicode tokenizer only."""
        return tokenizer == "unicode" if self.lowercase is None else self.lowercase

    def as_dict(self) -> dict[str, Any]:
        """Return the options as plain values, as ``meta.json`` records them."""
        return dataclasses.asdict(self)


def options() -> dict[str, Option]:
    """Every hyper-parameter by name, in the order of the help text."""
    return {f.name: f.metadata["option"] for f in dataclasses.fields(Config)}


DEFAULTS: dict[str, Any] = {f.name: f.default for f in dataclasses.fields(Config)}


def check_options(values: Mapping[str, Any]) -> None:
    """Refuse hyper-parameters that are none or, each by itself, have a wrong value.

    Raises:
        ConfigError: the first one, in the order of the help text; unknown ones before.

    """
    unknown = [name for name in values if name not in DEFAULTS]
    if unknown:
        known = ", ".join(sorted(DEFAULTS))
        message = f"unknown option {short_repr(unknown[0])}; the options are {known}"
        raise ConfigError(message)
    for name, option in options().items():
        if name in values and not (values[name] is None and DEFAULTS[name] is None):
            option.check(name, values[name])
