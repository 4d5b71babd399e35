"""Train, and print hashes of what came out; run as a program by the tests, in other surroundings.

    python reproduce.py CORPUS FOLDER

writes a model for each mode into FOLDER and prints, as JSON, the hashes of its files by mode, of
what was read, and of what training begins with.
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

# Ways of training that promise the same bytes for the same seed. One that does so at any number
# of threads stands here once for each number, and all its entries must agree in `SAME`.
MODES: dict[str, dict[str, Any]] = {
    "one thread": {"threads": 1},
    "deterministic, one thread": {"deterministic": True, "shards": 3, "threads": 1},
    "deterministic, four threads": {"deterministic": True, "shards": 3, "threads": 4},
}
# Names of modes whose models must be the same, whatever their threads.
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
# Of meta.json: how long things took, and the name of the job, which no other has.
TIMES = {"seconds", "timings", "words_per_second", "job"}


def without_times(entry: Any) -> Any:
    """What was read of a meta.json but for what is another at every run."""
    if isinstance(entry, dict):
        return {name: without_times(part) for name, part in entry.items() if name not in TIMES}
    if isinstance(entry, list):
        return [without_times(part) for part in entry]
    return entry


def digest(parts: Iterable[bytes]) -> str:
    """Hash some bytes."""
    value = hashlib.sha256()
    for part in parts:
        value.update(part)
    return value.hexdigest()


def files_of(model: Path) -> dict[str, str]:
    """The hash of every file of a model folder; of meta.json, of what is the same every time."""
    hashes = {}
    for path in sorted(model.rglob("*")):
        data = path.read_bytes()
        if path.name == "meta.json":
            data = json.dumps(without_times(json.loads(data)), sort_keys=True).encode()
        hashes[path.name] = digest([data])
    return hashes


def reading_of(corpus: Any, **options: Any) -> dict[str, str]:
    """Hashes of what reading a text gives: words, counts, ids, what is held out, the report."""
    with w2v.read_corpus(corpus, **OPTIONS | options) as read:
        report = without_times(read.report.as_dict() | {"files": 0, "text_bytes": 0})
        return {
            "words": digest(word.encode() + b"\n" for word in read.vocabulary.words),
            "counts": digest([read.vocabulary.counts.tobytes()]),
            "ids": digest([read.text.ids.dtype.name.encode(), read.text.ids.tobytes()]),
            "held out": digest([read.held_out.ids.tobytes()]),
            "report": digest([json.dumps([report, read.unknown_count]).encode()]),
        }


def beginning_of(corpus: Any) -> dict[str, str]:
    """Hashes of what training begins with: vectors, and the tables that words are drawn by."""
    config = Config(**OPTIONS, threads=1)
    with w2v.read_corpus(corpus, **OPTIONS, threads=1) as read:
        counts = np.append(read.vocabulary.counts, read.unknown_count)
    noise = NoiseDistribution.from_counts(counts, config.noise_exponent)
    return {
        "vectors": digest([new_matrices(len(counts), config).vectors.tobytes()]),
        "kept": digest([keep_thresholds(counts, config.sample).tobytes()]),
        "noise": digest([noise.thresholds.tobytes(), noise.aliases.tobytes()]),
    }


def main(corpus: Path, folder: Path) -> None:
    plan.MAX_SPAN_POSITIONS = SPAN_WORDS
    found = {"reading": reading_of(corpus), "beginning": beginning_of(corpus)}
    for name, mode in MODES.items():
        w2v.train(corpus, output=folder / name, **OPTIONS | mode)
        found[name] = files_of(folder / name)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
