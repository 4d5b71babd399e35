"""Train and print hashes of the results. The tests run this file in several environments.

    python reproduce.py CORPUS DIRECTORY

saves a model of each mode in DIRECTORY. Prints JSON: the hashes of the files of each model, of the
vocabulary and the encoded text, and of the initial vectors and the sampling tables.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

import w2v
from w2v.config import Config
from w2v.training import plan
from w2v.training.model import new_matrices
from w2v.training.sampling import NoiseDistribution, keep_thresholds

# Modes of training that give the same bytes for the same seed. A mode that is independent of the
# number of threads has an entry per number of threads; `SAME` lists these entries.
MODES: dict[str, dict[str, Any]] = {
    "one thread": {"threads": 1},
    "deterministic, one thread": {"deterministic": True, "shards": 3, "threads": 1},
    "deterministic, four threads": {"deterministic": True, "shards": 3, "threads": 4},
}
# Groups of modes whose models must be identical.
SAME = [("deterministic, one thread", "deterministic, four threads")]

OPTIONS = {
    "dim": 7,
    "shared_negatives": 4,
    "epochs": 2,
    "min_count": 2,
    "vocab_size": 40,
    "sample": 0.05,
    "window": 3,
    "shrink_windows": True,
    "train_unk": True,
    "validation": 0.1,
    "seed": 7,
}
SPAN_WORDS = 20
# Entries of meta.json that differ between runs: times, and the random key of the job.
VARIABLE = {"seconds", "timings", "words_per_second", "job"}


def without_times(entry: Any) -> Any:
    """Return the content of a meta.json without the entries that differ between runs."""
    if isinstance(entry, dict):
        return {name: without_times(part) for name, part in entry.items() if name not in VARIABLE}
    if isinstance(entry, list):
        return [without_times(part) for part in entry]
    return entry


def digest(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 hash of concatenated bytes."""
    value = hashlib.sha256()
    for part in parts:
        value.update(part)
    return value.hexdigest()


def file_hashes(model: Path) -> dict[str, str]:
    """Return the hash of every file of a model; that of meta.json ignores `VARIABLE` entries."""
    hashes = {}
    for path in sorted(model.rglob("*")):
        data = path.read_bytes()
        if path.name == "meta.json":
            data = json.dumps(without_times(json.loads(data)), sort_keys=True).encode()
        hashes[path.name] = digest([data])
    return hashes


def corpus_hashes(corpus: Any, **options: Any) -> dict[str, str]:
    """Return hashes of the vocabulary, the encoded and held-out text, and the report."""
    with w2v.read_corpus(corpus, **OPTIONS | options) as read:
        report = without_times(read.report.as_dict() | {"files": 0, "text_bytes": 0})
        return {
            "words": digest(word.encode() + b"\n" for word in read.vocabulary.words),
            "counts": digest([read.vocabulary.counts.tobytes()]),
            "ids": digest([read.text.ids.dtype.name.encode(), read.text.ids.tobytes()]),
            "held out": digest([read.held_out.ids.tobytes()]),
            "report": digest([json.dumps([report, read.unknown_count]).encode()]),
        }


def initial_hashes(corpus: Any) -> dict[str, str]:
    """Return hashes of the initial vectors, and of the tables of subsampling and noise."""
    config = Config(**OPTIONS, threads=1)
    with w2v.read_corpus(corpus, **OPTIONS, threads=1) as read:
        counts = np.append(read.vocabulary.counts, read.unknown_count)
    noise = NoiseDistribution.from_counts(counts, config.noise_exponent)
    return {
        "vectors": digest([new_matrices(len(counts), config).vectors.tobytes()]),
        "subsampling": digest([keep_thresholds(counts, config.sample).tobytes()]),
        "noise": digest([noise.thresholds.tobytes(), noise.aliases.tobytes()]),
    }


def main(corpus: Path, directory: Path) -> None:
    plan.MAX_SPAN_POSITIONS = SPAN_WORDS
    hashes = {"corpus": corpus_hashes(corpus), "initial": initial_hashes(corpus)}
    for name, mode in MODES.items():
        w2v.train(corpus, output=directory / name, **OPTIONS | mode)
        hashes[name] = file_hashes(directory / name)
    json.dump(hashes, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
