"""Quality of word vectors trained on the King James Version, by w2v and by gensim.

    python -m scripts.quality

trains both with many seeds, on the same tokens and with the same options, and writes the scores and
their spread to corpus/evaluation/scores.json. tests/guarantees/test_quality.py derives its limits
from that file. Run the script again when the options, the evaluation data or gensim's version
change.
"""

from __future__ import annotations

import csv
import hashlib
import itertools
import json
import math
import platform
import re
import statistics
import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

import w2v
from w2v.evaluation.evaluate import SimilarityResult, evaluate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "corpus" / "kjv.txt"
SIMILARITY = ROOT / "corpus" / "evaluation" / "similarity.tsv"
ODD_ONE_OUT = ROOT / "corpus" / "evaluation" / "odd_one_out.tsv"
RECORD = ROOT / "corpus" / "evaluation" / "scores.json"

# The defaults of w2v, except for a smaller dim and more epochs, since the corpus is small. With
# fewer epochs, gensim and the two modes of w2v have not converged to the same scores.
OPTIONS: dict[str, Any] = {
    "dim": 64,
    "window": 2,
    "shrink_windows": False,
    "negatives": 5,
    "noise_exponent": 0.75,
    "sample": 1e-4,
    "epochs": 10,
    "lr": 0.05,
    "lr_min": 0.05e-4,
    "min_count": 5,
    "threads": 2,
}
MODES = {"hogwild": {"deterministic": False}, "deterministic": {"deterministic": True}}

# A limit is this many standard errors away from the mean.
STANDARD_ERRORS = 4.0


@dataclass(frozen=True)
class Run:
    """The scores of one training run.

    Attributes:
        rho: Spearman's correlation with the scores of similarity.tsv.
        accuracy: share of the questions in odd_one_out.tsv that are answered correctly.
        cosines: (P,) of the pairs that `compared_pairs` returns.

    """

    rho: float
    accuracy: float
    cosines: NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of a score over runs with different seeds."""

    mean: float
    std: float
    runs: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least two values."""
        return cls(statistics.fmean(values), statistics.stdev(values), len(values))


@dataclass(frozen=True)
class Record:
    """The recorded scores of gensim and of each mode of w2v.

    Attributes:
        options: those that all runs were trained with.
        files: SHA-256 of the corpus and the evaluation data by name.
        scores: by trainer ("gensim" or a mode of w2v), then by score ("rho", "accuracy",
            "distance").
        cosines: (P,) means over gensim's runs, of the pairs that `compared_pairs` returns.

    """

    options: dict[str, Any]
    files: dict[str, str]
    scores: dict[str, dict[str, Spread]]
    cosines: NDArray[np.float64]

    @classmethod
    def read(cls, path: Path = RECORD) -> Record:
        """Read a record that `write_record` wrote."""
        values = json.loads(path.read_text())
        scores = {
            trainer: {name: Spread(**spread) for name, spread in spreads.items()}
            for trainer, spreads in values["scores"].items()
        }
        return cls(values["options"], values["files"], scores, np.array(values["cosines"]))

    def distance(self, run: Run) -> float:
        """Return the root mean square difference between cosines and gensim's mean cosines."""
        return root_mean_square(run.cosines - self.cosines)


def read_tokens() -> list[list[str]]:
    """Return the verses of the corpus as lists of lowercase words."""
    return [re.findall("[a-z]+", line.lower()) for line in CORPUS.read_text().splitlines()]


def read_rows(path: Path) -> list[list[str]]:
    """Return the fields of a file of evaluation data, without its header and comments."""
    with path.open(newline="") as file:
        _, *rows = (row for row in csv.reader(file, delimiter="\t") if not row[0].startswith("#"))
    return rows


def compared_pairs() -> list[tuple[str, str]]:
    """Return all pairs of words that are scored or stand in one question, each once."""
    rows = [row[:2] for row in read_rows(SIMILARITY)] + read_rows(ODD_ONE_OUT)
    pairs = (pair for row in rows for pair in itertools.combinations(row, 2))
    return list(dict.fromkeys((min(pair), max(pair)) for pair in pairs))


def train_w2v(tokens: list[list[str]], seed: int, **options: Any) -> w2v.Embeddings:
    """Train w2v with OPTIONS, changed by ``options``."""
    return w2v.train(tokens, seed=seed, **(OPTIONS | options))


def train_gensim(tokens: list[list[str]], seed: int) -> w2v.Embeddings:
    """Train gensim with OPTIONS.

    Raises:
        ImportError: gensim is not installed.

    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # raised by gensim's own imports
        from gensim.models import Word2Vec

    model = Word2Vec(
        tokens,
        sg=1,
        vector_size=OPTIONS["dim"],
        window=OPTIONS["window"],
        shrink_windows=OPTIONS["shrink_windows"],
        negative=OPTIONS["negatives"],
        ns_exponent=OPTIONS["noise_exponent"],
        sample=OPTIONS["sample"],
        epochs=OPTIONS["epochs"],
        alpha=OPTIONS["lr"],
        min_alpha=OPTIONS["lr_min"],
        min_count=OPTIONS["min_count"],
        workers=OPTIONS["threads"],
        seed=seed,
    )
    return w2v.Embeddings(model.wv.index_to_key, model.wv.vectors)


def score(embeddings: w2v.Embeddings) -> Run:
    """Return the scores of word vectors."""
    similarity = evaluate(embeddings, SIMILARITY)
    assert isinstance(similarity, SimilarityResult)
    assert similarity.rho is not None
    assert similarity.covered == similarity.total
    questions = read_rows(ODD_ONE_OUT)
    correct = sum(find_odd_word(embeddings, question) == question[-1] for question in questions)
    first, second = (_unit_rows(embeddings, words) for words in zip(*compared_pairs(), strict=True))
    cosines = np.einsum("pd,pd->p", first, second)
    return Run(similarity.rho, correct / len(questions), cosines)


def find_odd_word(embeddings: w2v.Embeddings, words: Sequence[str]) -> str:
    """Return the word with the lowest mean cosine to the others."""
    unit = _unit_rows(embeddings, words)
    return words[int(np.argmin((unit @ unit.T).sum(axis=1)))]


def _unit_rows(embeddings: w2v.Embeddings, words: Sequence[str]) -> NDArray[np.float64]:
    return embeddings.unit[[embeddings.id_of(word) for word in words]].astype(np.float64)


def find_regressions(record: Record, mode: str, runs: Sequence[Run]) -> list[str]:
    """Compare runs of one mode of w2v with the record.

    The mean scores may be lower than gensim's, and the mean distance from gensim's cosines may be
    larger than recorded for this mode, by at most STANDARD_ERRORS standard errors.

    Returns:
        A message for each limit that the runs exceed.

    """
    gensim, recorded = record.scores["gensim"], record.scores[mode]
    regressions = []
    for name in ("rho", "accuracy"):
        mean = statistics.fmean(getattr(run, name) for run in runs)
        variance = gensim[name].std ** 2 / gensim[name].runs + recorded[name].std ** 2 / len(runs)
        limit = gensim[name].mean - STANDARD_ERRORS * math.sqrt(variance)
        if mean < limit:
            regressions.append(
                f"{name} is {mean:.4f}, below {limit:.4f}; gensim's is {gensim[name].mean:.4f}"
            )
    distance = statistics.fmean(record.distance(run) for run in runs)
    limit = upper_limit(recorded["distance"], len(runs))
    if distance > limit:
        regressions.append(
            f"the distance from gensim's cosines is {distance:.4f}, above {limit:.4f}; recorded is "
            f"{recorded['distance'].mean:.4f}"
        )
    return regressions


def upper_limit(spread: Spread, runs: int) -> float:
    """Return the largest mean of so many new runs that agrees with a recorded spread."""
    return spread.mean + STANDARD_ERRORS * spread.std * math.sqrt(1 / runs + 1 / spread.runs)


def root_mean_square(values: NDArray[np.float64]) -> float:
    """Return the square root of the mean of the squares."""
    return math.sqrt(np.mean(np.square(values)))


def file_digests() -> dict[str, str]:
    """Return the SHA-256 of the corpus and the evaluation data by name."""
    paths = (CORPUS, SIMILARITY, ODD_ONE_OUT)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def write_record(path: Path, runs: dict[str, list[Run]], earlier: Record | None = None) -> Record:
    """Write the scores of runs to a file.

    Args:
        path: the file.
        runs: by trainer: "gensim" and the modes of w2v.
        earlier: the record to take gensim's scores from, if ``runs`` has none of it.

    """
    mean = (
        np.mean([run.cosines for run in runs["gensim"]], axis=0)
        if earlier is None
        else earlier.cosines
    )
    distances = {
        trainer: [root_mean_square(run.cosines - mean) for run in runs[trainer]] for trainer in runs
    }
    if earlier is None:  # each of gensim's runs is compared with the mean of the others
        share = len(runs["gensim"]) / (len(runs["gensim"]) - 1)
        distances["gensim"] = [share * distance for distance in distances["gensim"]]
    scores = {} if earlier is None else {"gensim": earlier.scores["gensim"]}
    scores |= {
        trainer: {
            "rho": Spread.of([run.rho for run in runs[trainer]]),
            "accuracy": Spread.of([run.accuracy for run in runs[trainer]]),
            "distance": Spread.of(distances[trainer]),
        }
        for trainer in runs
    }
    values = {
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("w2v", "gensim", "numba", "numpy")},
        },
        "options": OPTIONS,
        "files": file_digests(),
        "scores": {
            trainer: {
                name: {
                    "mean": round(spread.mean, 5),
                    "std": round(spread.std, 5),
                    "runs": spread.runs,
                }
                for name, spread in spreads.items()
            }
            for trainer, spreads in scores.items()
        },
    }
    cosines = [f"{cosine:.3f}" for cosine in mean]
    lines = [", ".join(cosines[i : i + 14]) for i in range(0, len(cosines), 14)]
    text = json.dumps(values, indent=1).removesuffix("\n}")
    path.write_text(f'{text},\n "cosines": [\n  ' + ",\n  ".join(lines) + "\n ]\n}\n")
    return Record.read(path)


@click.command(context_settings={"show_default": True})
@click.option(
    "--gensim-runs",
    default=20,
    help="Seeds that gensim is trained with; 0 takes its scores from the earlier record.",
)
@click.option("--runs", default=40, help="Seeds that each mode of w2v is trained with.")
@click.option("--output", default=RECORD, type=click.Path(path_type=Path), help="File to write.")
def main(gensim_runs: int, runs: int, output: Path) -> None:
    """Train w2v and gensim with many seeds and record their scores."""
    tokens = read_tokens()
    results: dict[str, list[Run]] = {mode: [] for mode in MODES}
    if gensim_runs:
        seeds = range(1, gensim_runs + 1)
        results = {"gensim": [score(train_gensim(tokens, seed)) for seed in seeds], **results}
    for mode, options in MODES.items():
        for seed in range(1, runs + 1):
            results[mode].append(score(train_w2v(tokens, seed, **options)))
    record = write_record(output, results, None if gensim_runs else Record.read(RECORD))
    for trainer, spreads in record.scores.items():
        for name, spread in spreads.items():
            click.echo(f"{trainer:14}{name:9} {spread.mean:.4f} ± {spread.std:.4f}")


if __name__ == "__main__":
    main()
