"""The hyper-parameters: the default, the range and the meaning of each, defined once.

The options of the command line and the tables of the documentation are generated from `Config`,
and the Python functions check their arguments with it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from w2v.errors import ConfigError, short_repr
from w2v.options import AUTO as AUTO
from w2v.options import LARGEST, Option, plain
from w2v.system.cpu import available_cores
from w2v.system.encodings import encoding_name
from w2v.system.functions import function_name

if TYPE_CHECKING:
    from collections.abc import Mapping

# Defaults for shared negative samples; see `Config.sharing`.
_MOST_SHARING = 64
_SHARED_NOISE = 16
_MOST_NOISE = 1_000
_STABLE = 40.0
# The most pairs of a center, with negative samples, that are trained together at the learning rate.
_MOST_PAIRS = 100.0
_SHARDS = 4
# Default thresholds of phrases, by score.
_PHRASE_THRESHOLDS = {"npmi": 0.5, "word2vec": 100.0}
_CONNECTORS = "a,an,and,at,by,for,from,in,of,on,or,the,to,with,without"
MOST_CONNECTORS = 63
"""The maximum number of words that may stand inside phrases."""

_MOST_THREADS = 1_024
# Rows have 31-bit numbers: one for each word and for unknown words, and a few for each thread.
MOST_WORDS = 2**31 - 4 * _MOST_THREADS
# Compression shrinks English text to a third, tables of numbers to a tenth and logs of similar
# lines to a hundredth.
MAX_EXPANSION = 250

_NO_SEPARATORS = {'"', "\r", "\n"}


# Headings of the help, in its order.
MODEL = "Model"
CORPUS = "Corpus"
PHRASES = "Phrases"
TRAINING = "Training"
EXECUTION = "Execution"


def _option(default: Any, kind: type, group: str, meaning: str, **limits: Any) -> Any:
    return field(default=default, metadata={"option": Option(kind, meaning, group, **limits)})


def _connector_list(value: object) -> str | None:
    """Return words separated by commas, each once and without blanks; None if not allowed."""
    if not isinstance(value, str):
        return None
    words = list(dict.fromkeys(filter(None, map(str.strip, value.split(",")))))
    is_possible = len(words) <= MOST_CONNECTORS and all(len(word.split()) == 1 for word in words)
    return ",".join(words) if is_possible else None


def _field_name(value: object) -> str | None:
    """Return the name of a field, or None if the value cannot be one."""
    if not isinstance(value, str) or not value.strip(" ,"):
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # a command-line argument that is not UTF-8
        return None
    return value


def _column_name(value: object) -> str | None:
    """Return the name or number of a column as a string, or None if the value cannot be one."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if value > 0 else None
    name = _field_name(value)
    return None if name is None or re.fullmatch(r"0+", name) else name


def _separator_name(value: object) -> str | None:
    r"""Return a separator, "tab" if it is one, or None if the value cannot be one.

    Letters and digits are no separators: a shell turns an unquoted ``\t`` into ``t``.
    """
    if not isinstance(value, str):
        return None
    if value in {"\t", "\\t", "tab"}:
        return "tab"
    fit = len(value) == 1 and not value.isalnum() and value not in _NO_SEPARATORS
    return value if fit and value.isprintable() else None


def _cluster_address(value: object) -> str | None:
    """Return the address of a Ray cluster, or None if the value cannot be one."""
    if not isinstance(value, str) or not value.strip() or len(value.split()) != 1:
        return None
    return value.strip()


@dataclass(frozen=True)
class Config:
    """The hyper-parameters of a model, validated at construction.

    Raises:
        ConfigError: a value has the wrong type, is out of range or contradicts another one.

    """

    dim: int = _option(128, int, MODEL, "Vector size.", low=1, high=1_000_000)
    window: int = _option(
        2, int, MODEL, "Context words on each side of the center word.", low=1, high=1_000
    )
    shrink_windows: bool = _option(
        False,
        bool,
        MODEL,
        "Draw the window of each center word from 1 to `window`, as word2vec.c does.",
    )
    train_unk: bool = _option(
        False, bool, MODEL, "Train one vector for all out-of-vocabulary words."
    )

    vocab_size: int = _option(
        50_000,
        int,
        CORPUS,
        "Maximum vocabulary size; the most frequent words are used.",
        low=1,
        high=MOST_WORDS,
    )
    min_count: int = _option(
        5, int, CORPUS, "Ignore words that occur fewer times than this.", low=1, high=LARGEST
    )
    tokenizer: str = _option(
        "auto",
        str,
        CORPUS,
        "A word is a run of letters, marks and digits (unicode), or of any characters but white"
        " space (whitespace). auto chooses whitespace for Chinese and Japanese text with blanks"
        " between its words, else unicode.",
        choices=("auto", "unicode", "whitespace"),
    )
    lowercase: bool | None = _option(
        None, bool, CORPUS, "Lowercase the text.  [default: with the unicode tokenizer only]"
    )
    segmenter: str | None = _option(
        None,
        str,
        CORPUS,
        "Split each line into words first, for languages that are written without blanks: jieba or"
        " rjieba (Chinese), sudachi or fugashi (Japanese), pythainlp (Thai), kiwi (Korean), or"
        " a function named package.module:function.",
        canonical=function_name,
        allowed="a name such as jieba, package.module:function, or a function that returns the"
        " words of a line",
    )
    encoding: str | None = _option(
        None,
        str,
        CORPUS,
        "Encoding of the text, such as windows-1252 or gb18030; bytes that do not decode separate"
        " words.  [default: UTF-8, or what a byte-order mark says]",
        canonical=encoding_name,
        allowed="an encoding that Python knows, such as windows-1252, utf-16 or gb18030",
    )
    column: str | None = _option(
        None,
        str,
        CORPUS,
        "Read the text from this column of CSV, TSV or Parquet files: its name in the first row, or"
        " its number from 1; several with commas between them.",
        canonical=_column_name,
        allowed="the name of a column or its number from 1, or several with commas between them",
    )
    sep: str | None = _option(
        None,
        str,
        CORPUS,
        "Separator of the columns: one character, or tab.  [default: found in the first rows]",
        canonical=_separator_name,
        allowed="one character that is no letter, digit, quotation mark or line end; or tab",
        metavar="CHAR",
    )
    json_field: str | None = _option(
        None,
        str,
        CORPUS,
        "Read the text from this field of JSON lines, such as text or review.body; several with"
        " commas between them.",
        canonical=_field_name,
        allowed="the name of a field, or several with commas between them",
    )
    max_expansion: int = _option(
        MAX_EXPANSION,
        int,
        CORPUS,
        "Reject compressed input that expands more than this many times (beyond 64 MiB); 0"
        " disables the limit.",
        low=0,
        high=LARGEST,
    )

    phrases: int = _option(
        0,
        int,
        PHRASES,
        "Passes that join words which often stand together, such as new_york; a second pass joins"
        " longer phrases.",
        low=0,
        high=10,
    )
    phrase_score: str = _option(
        "npmi",
        str,
        PHRASES,
        "Score of a phrase: normalized pointwise mutual information (npmi), or that of word2phrase"
        " (word2vec).",
        choices=tuple(_PHRASE_THRESHOLDS),
    )
    phrase_threshold: float | None = _option(
        None,
        float,
        PHRASES,
        "Lowest score of a phrase.  [default: 0.5 for npmi, 100 for word2vec]",
        low=-1,
    )
    phrase_min_count: int = _option(
        5,
        int,
        PHRASES,
        "Ignore phrases that occur fewer times than this, or than `min_count`.",
        low=1,
        high=LARGEST,
    )
    connectors: str = _option(
        _CONNECTORS,
        str,
        PHRASES,
        "Words that may stand inside a phrase, as in bread_and_butter, separated by commas; '' for"
        " none.",
        canonical=_connector_list,
        allowed="up to 63 words separated by commas, such as 'of,the'",
    )

    epochs: int | str = _option(
        AUTO,
        int,
        TRAINING,
        "Passes over the corpus; auto: 17 for a million words, more for fewer, from 3 to 100.",
        low=1,
        high=1_000_000,
        auto=True,
    )
    lr: float = _option(0.05, float, TRAINING, "Initial learning rate.", low=0, low_open=True)
    lr_min: float | None = _option(
        None,
        float,
        TRAINING,
        "Final learning rate, reached by linear decay.  [default: 1e-4 of `lr`]",
        low=0,
    )
    negatives: int = _option(
        5, int, TRAINING, "Negative samples per pair of words.", low=1, high=1_000
    )
    sample: float | str = _option(
        AUTO,
        float,
        TRAINING,
        "Subsampling threshold for frequent words, a fraction of the corpus; 0 disables"
        " subsampling; auto: 1e-4, lower for small texts, higher for small vocabularies.",
        low=0,
        high=1,
        auto=True,
    )
    noise_exponent: float = _option(
        0.75,
        float,
        TRAINING,
        "Draw negative samples in proportion to word counts raised to this power.",
        low=-10,
        high=10,
    )
    negative_sharing: int | None = _option(
        None,
        int,
        TRAINING,
        "Consecutive center words that share a set of negative samples."
        "  [default: 64, fewer for wide windows or many negative samples]",
        low=1,
        high=1_000_000,
    )
    shared_negatives: int | None = _option(
        None,
        int,
        TRAINING,
        "Size of a shared set; its samples are weighted to count as `negatives` per pair."
        "  [default: 16]",
        low=1,
        high=_MOST_NOISE,
    )
    validation: float = _option(
        0.0,
        float,
        TRAINING,
        "Fraction of the lines, at most 0.5, to hold out for a validation loss.",
        low=0,
        high=0.5,
    )

    threads: int | None = _option(
        None,
        int,
        EXECUTION,
        "Number of threads.  [default: all cores]",
        low=1,
        high=_MOST_THREADS,
    )
    seed: int = _option(1, int, EXECUTION, "Seed of all random numbers.", low=0, high=LARGEST)
    deterministic: bool = _option(
        False,
        bool,
        EXECUTION,
        "Compute the same vectors with any number of threads; this is slower.",
    )
    shards: int | None = _option(
        None,
        int,
        EXECUTION,
        "Parts of the corpus that `deterministic` training runs in parallel; more threads than"
        " this gain nothing.  [default: 4]",
        low=1,
        high=1_024,
    )
    rounds: int | str = _option(
        AUTO,
        int,
        EXECUTION,
        "Rounds of the whole `deterministic` training, each of which ends with a merge of the"
        " shards; they are divided evenly among the epochs. auto: 320, fewer for short texts, more"
        " for long ones.",
        low=1,
        high=1_000_000_000,
        auto=True,
    )

    ray: str | None = _option(
        None,
        str,
        EXECUTION,
        "Train on a Ray cluster: its address, auto for the one of this machine, or local to start"
        " one here; implies `deterministic`.",
        canonical=_cluster_address,
        allowed="auto, local or the address of a cluster such as host:6379",
        metavar="ADDRESS",
    )
    workers: int | None = _option(
        None,
        int,
        EXECUTION,
        "Number of workers on the Ray cluster.  [default: one for each machine]",
        low=1,
        high=100_000,
    )
    allow_mixed: bool = _option(
        False,
        bool,
        EXECUTION,
        "Train on machines of a Ray cluster with other versions or another kind of processor, too:"
        " the vectors then depend on which machine trains what.",
    )

    def __post_init__(self) -> None:
        check_options(vars(self))
        for name, option in options().items():
            object.__setattr__(self, name, option.recorded(getattr(self, name)))
        if self.lr_min is not None and self.lr_min > self.lr:
            message = (
                f"must not exceed the learning rate: got `lr_min={self.lr_min}` and `lr={self.lr}`"
            )
            raise ConfigError(message, option="lr_min")
        if self.column is not None and self.json_field is not None:
            message = (
                "cannot be combined with `column`: one is for JSON lines, the other for tables"
            )
            raise ConfigError(message, option="json_field")
        if self.sep is not None and self.column is None:
            message = (
                f"requires `column`, got `sep={self.sep!r}` without it; name the column with the"
                " text, or omit `sep`"
            )
            raise ConfigError(message, option="sep")
        if self.workers is not None and self.ray is None:
            message = (
                f"requires `ray`, got `workers={self.workers}` without it; add it, or omit "
                "`workers`"
            )
            raise ConfigError(message, option="workers")
        if self.ray is not None:
            object.__setattr__(self, "deterministic", True)
        if self.allow_mixed and not self.deterministic:  # without a cluster, after a resume
            message = "requires `ray`, got `allow_mixed=True` without it; add it, or omit this"
            raise ConfigError(message, option="allow_mixed")
        if self.shards is not None and not self.deterministic:
            message = (
                f"requires `deterministic=True`, got `shards={self.shards}` without it; add it, or "
                "omit `shards`"
            )
            raise ConfigError(message, option="shards")
        if self.rounds != AUTO and not self.deterministic:
            message = (
                f"requires `deterministic=True`, got `rounds={self.rounds}` without it; add it, or "
                "omit `rounds`"
            )
            raise ConfigError(message, option="rounds")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Config:
        """Return a config from keyword arguments; reject unknown names and list the known ones."""
        return cls(**check_options(values))

    @property
    def chosen_epochs(self) -> int:
        """The number of epochs, after it was chosen for the text."""
        return int(self._chosen("epochs"))

    @property
    def chosen_sample(self) -> float:
        """The subsampling threshold, after it was chosen for the text."""
        return float(self._chosen("sample"))

    def _chosen(self, name: str) -> Any:
        value = getattr(self, name)
        if value == AUTO:
            message = f"{name} is {AUTO!r} and depends on the text; see w2v.training.automatic"
            raise ValueError(message)
        return value

    @property
    def phrase_limit(self) -> float:
        """The lowest score of a phrase."""
        if self.phrase_threshold is not None:
            return self.phrase_threshold
        return _PHRASE_THRESHOLDS[self.phrase_score]

    @property
    def connector_words(self) -> list[str]:
        """The words that may stand inside a phrase."""
        return self.connectors.split(",") if self.connectors else []

    @property
    def final_lr(self) -> float:
        """The learning rate at the end of training."""
        return self.lr * 1e-4 if self.lr_min is None else self.lr_min

    @property
    def thread_count(self) -> int:
        """The number of threads; by default, the number of cores this process may use."""
        return self.threads if self.threads is not None else available_cores()

    @property
    def shard_count(self) -> int:
        """The number of shards in deterministic training."""
        return _SHARDS if self.shards is None else self.shards

    @property
    def damping(self) -> float:
        """The factor of the learning rate that keeps wide windows and many negatives stable.

        A center is updated by all its pairs at once, up to 2 window (1 + K). The step that a row
        can take without overshooting shrinks in proportion beyond about 120 pairs.
        """
        return self._damping(2 * self.window)

    def damping_in(self, longest_line: int) -> float:
        """The damping in a text whose longest line has this many words.

        In lines shorter than the window, a center has fewer pairs. So a window that covers whole
        lines does not make the steps smaller than they have to be.
        """
        return self._damping(min(2 * self.window, max(longest_line - 1, 1)))

    def _damping(self, contexts: int) -> float:
        return min(1.0, _MOST_PAIRS / (contexts * (1 + self.negatives)))

    @property
    def noise_words(self) -> int:
        """The size N of a shared set of negative samples; see `w2v.training.sgns.kernel`."""
        if self.shared_negatives is not None:
            return self.shared_negatives
        return _SHARED_NOISE

    @property
    def sharing(self) -> int:
        """The number S of consecutive centers that share a set of negative samples.

        The set and the centers push each other away. The step grows with the negative pairs of a
        center, 2 window K, times `damping`, and with the square root of S / N. Where the product
        exceeds about 50, training diverges at the default learning rate. The default of S keeps it
        at 40 or less.
        """
        if self.negative_sharing is not None:
            return self.negative_sharing
        repulsion = 2 * self.window * self.negatives * self.damping
        bearable = (_STABLE / repulsion) ** 2
        return max(1, min(_MOST_SHARING, int(self.noise_words * bearable)))

    def lowercases(self, tokenizer: str) -> bool:
        """Return whether text is lowercased; by default, only with the unicode tokenizer."""
        return tokenizer == "unicode" if self.lowercase is None else self.lowercase

    def as_dict(self) -> dict[str, Any]:
        """Return the options as plain values, as ``meta.json`` records them."""
        return dataclasses.asdict(self)


class TrainOptions(TypedDict, total=False):
    """The fields of `Config` as optional keyword arguments, for type checkers and editors."""

    dim: int
    window: int
    shrink_windows: bool
    train_unk: bool
    vocab_size: int
    min_count: int
    tokenizer: str
    lowercase: bool | None
    segmenter: str | Callable[[str], Iterable[str]] | None
    encoding: str | None
    column: str | None
    sep: str | None
    json_field: str | None
    max_expansion: int
    phrases: int
    phrase_score: str
    phrase_threshold: float | None
    phrase_min_count: int
    connectors: str
    epochs: int | str
    lr: float
    lr_min: float | None
    negatives: int
    sample: float | str
    noise_exponent: float
    negative_sharing: int | None
    shared_negatives: int | None
    validation: float
    threads: int | None
    seed: int
    deterministic: bool
    shards: int | None
    rounds: int | str
    ray: str | None
    workers: int | None
    allow_mixed: bool


def options() -> dict[str, Option]:
    """Return every hyper-parameter by name, in the order of the help."""
    return {f.name: f.metadata["option"] for f in dataclasses.fields(Config)}


DEFAULTS: dict[str, Any] = {f.name: f.default for f in dataclasses.fields(Config)}


def check_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Check the names of hyper-parameters and each value by itself.

    Returns:
        The values, with those of NumPy as plain ones of Python.

    Raises:
        ConfigError: for an unknown name, else for the first wrong value in the order of the help.

    """
    unknown = [name for name in values if name not in DEFAULTS]
    if unknown:
        known = ", ".join(sorted(DEFAULTS))
        message = f"unknown option {short_repr(unknown[0])}; the options are {known}"
        raise ConfigError(message)
    for name, option in options().items():
        if name in values and not (values[name] is None and DEFAULTS[name] is None):
            option.check(name, values[name])
    return {name: plain(value) for name, value in values.items()}
