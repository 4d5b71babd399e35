"""The trainers to compare: w2v, gensim, fastText and programs with the command line of word2vec.c.

All of them train on the same words: w2v tokenizes and lowercases the text and removes
out-of-vocabulary words once, which does not count in the time of the peers. Lines are split at
1,000 words, as word2vec.c does.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
import numpy as np

import w2v
from scripts.bench.measuring import Usage, run_process
from w2v.evaluation.evaluate import AnalogyResult, evaluate

_PROGRAMS = Path(__file__).parent / "peers"
_LONGEST_LINE = 1_000
_FIRST_WORDS = 30_000  # the most frequent words, to which analogies are restricted


@dataclass(frozen=True)
class Setting:
    """The hyper-parameters of a comparison, named like the options of `w2v train`."""

    name: str = "default"
    dim: int = 128
    window: int = 2
    shrink_windows: bool = False
    negatives: int = 5
    sample: float = 1e-4
    epochs: int = 5
    lr: float = 0.05
    min_count: int = 5
    vocab_size: int = 50_000

    def options(self) -> dict[str, Any]:
        """Return the options of `w2v train`."""
        return {name: value for name, value in asdict(self).items() if name != "name"}

    def __str__(self) -> str:
        """Describe the setting."""
        windows = "shrinking" if self.shrink_windows else "full"
        return (
            f"dim {self.dim}, window {self.window} ({windows}), {self.negatives} negatives, "
            f"sample {self.sample:g}, {self.epochs} epochs, learning rate {self.lr:g}, "
            f"at most {self.vocab_size:,} words, minimum count {self.min_count}"
        )


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(),
        Setting("dim300", dim=300),
        Setting("gensim", window=5, shrink_windows=True, sample=1e-3, lr=0.025),
    )
}


@dataclass(frozen=True)
class Text:
    """A text prepared for the peers.

    Attributes:
        raw: the original file.
        path: in-vocabulary words separated by spaces, one sentence per line.
        vocabulary: the words, most frequent first.
        words: the total number of words.
    """

    raw: Path
    path: Path
    vocabulary: list[str]
    words: int


def prepare(raw: Path, path: Path, setting: Setting) -> Text:
    """Write the text that the peers train on."""
    with (
        w2v.read_corpus(raw, min_count=setting.min_count, vocab_size=setting.vocab_size) as corpus,
        path.open("w", encoding="utf-8", newline="\n") as file,
    ):
        words = np.array(corpus.vocabulary.words, dtype=object)
        for sentence in corpus.text.sentences():
            for start in range(0, len(sentence), _LONGEST_LINE):
                file.write(" ".join(words[sentence[start : start + _LONGEST_LINE]]) + "\n")
        return Text(raw, path, corpus.vocabulary.words, corpus.text.words)


@dataclass(frozen=True)
class Peer:
    """A program with the command line of word2vec.c.

    Attributes:
        name: the name in the tables.
        command: the program, before its options.
        package: the package that it needs, or None.
        bare_epochs: the number of epochs of the run whose time is subtracted, or None if the
            program prints its seconds of training.
        full_windows: whether it supports full windows; the others always shrink them.
        environment: environment variables that it needs.
    """

    name: str
    command: tuple[str, ...]
    package: str | None = None
    bare_epochs: int | None = 1
    full_windows: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def installed(self) -> bool:
        """Whether the package that it needs is installed."""
        return self.package is None or importlib.util.find_spec(self.package) is not None

    def run(self, text: Text, setting: Setting, threads: int, seed: int, model: Path) -> PeerRun:
        """Train, and run once more with `bare_epochs` if the time of training is a difference."""

        def process(epochs: int) -> Usage:
            options = word2vec_options(setting, text.path, model, threads, seed)
            options |= {"iter": epochs, "min-count": 1}  # rare words are removed already
            return run_process([*self.command, *self._arguments(options)], self.environment)

        usage = process(setting.epochs)
        if self.bare_epochs is None:
            return PeerRun(usage, setting.epochs, reported_seconds(usage.output))
        if setting.epochs == self.bare_epochs:
            return PeerRun(usage, setting.epochs, usage.seconds)
        bare = process(self.bare_epochs)
        seconds = usage.seconds - bare.seconds
        if seconds <= 0:
            raise click.ClickException(
                f"{self.name} took no longer for {setting.epochs} epochs than for "
                f"{self.bare_epochs}: the text is too short to time it"
            )
        return PeerRun(usage, setting.epochs - self.bare_epochs, seconds)

    def _arguments(self, options: Mapping[str, Any]) -> Iterator[str]:
        """Yield the options as arguments of word2vec.c, without those that the program rejects."""
        for name, value in options.items():
            if self.full_windows or name != "full-windows":
                yield from (f"-{name}", str(value))


@dataclass(frozen=True)
class PeerRun:
    """One training of a peer: its resource usage, and the seconds of a number of epochs."""

    usage: Usage
    epochs: int
    seconds: float


def word2vec_options(
    setting: Setting, text: Path, model: Path, threads: int, seed: int
) -> dict[str, Any]:
    """Return a setting as options of word2vec.c."""
    return {
        "train": text,
        "output": model,
        "size": setting.dim,
        "window": setting.window,
        "sample": setting.sample,
        "negative": setting.negatives,
        "threads": threads,
        "iter": setting.epochs,
        "min-count": setting.min_count,
        "alpha": setting.lr,
        "binary": 1,
        "cbow": 0,
        "seed": seed,
        "full-windows": int(not setting.shrink_windows),
    }


def reported_seconds(output: str) -> float:
    """Parse the seconds of training that a program printed."""
    found = re.search(r"^training seconds: (\S+)$", output, re.MULTILINE)
    if found is None:
        raise ValueError(f"expected a line 'training seconds: ...', got {output[-200:]!r}")
    return float(found[1])


def _python(program: str) -> tuple[str, ...]:
    return sys.executable, str(_PROGRAMS / program)


GENSIM = Peer(
    "gensim",
    _python("gensim_fastest.py"),
    package="gensim",
    bare_epochs=None,
    full_windows=True,
)
FASTTEXT = Peer(
    "fastText",
    _python("fasttext_words.py"),
    package="fasttext",
    bare_epochs=0,
    # fastText initializes only part of its matrix. With this threshold, glibc hands out fresh,
    # zeroed memory instead of reused memory, which produced NaN in some vectors.
    environment={"MALLOC_MMAP_THRESHOLD_": str(1 << 17)},
)


def run_plain_gensim(text: Text, setting: Setting, threads: int, model: Path) -> Usage:
    """Run gensim on the raw text, the way its users call it."""
    options = word2vec_options(setting, text.raw, model, threads, seed=1)
    options["vocab-size"] = setting.vocab_size
    arguments = [argument for name in options for argument in (f"-{name}", str(options[name]))]
    return run_process([*_python("gensim_plain.py"), *arguments])


def load_vectors(path: Path, vocabulary: list[str]) -> w2v.Embeddings:
    """Read a model in any format of `w2v.load`, and reduce it to a common vocabulary.

    Args:
        path: the model.
        vocabulary: words, most frequent first. The result has the words that the model knows, in
            this order, and no others (word2vec.c and fastText have a word for the line end).
    """
    loaded = w2v.load(path)
    rows = {word: row for row, word in enumerate(loaded.words)}
    known = [word for word in vocabulary if word in rows]
    return w2v.Embeddings(known, loaded.matrix[[rows[word] for word in known]])


def score_vectors(embeddings: w2v.Embeddings, path: str) -> dict[str, float | int | str | None]:
    """Evaluate vectors on a file, as `w2v eval` does.

    Returns:
        The score (percent of analogies answered, or Spearman's rho times 100; None if the
        vocabulary covers no item), its measure, and the number of covered items.
    """
    result = evaluate(embeddings, path, top=_FIRST_WORDS)
    if isinstance(result, AnalogyResult):
        measure, score = "%", result.accuracy
    else:
        measure, score = "rho x 100", result.rho
    return {
        "measure": measure,
        "score": None if score is None else 100 * score,
        "covered": result.covered,
        "total": result.total,
    }
