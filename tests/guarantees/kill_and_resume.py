"""Kill trainings at random moments and resume them. The tests run this file as a program.

    python kill_and_resume.py CORPUS DIRECTORY RUNS SEED

Each training runs in a process forked from this one, which has loaded and compiled everything, so
that none of its time is spent on imports. Prints JSON: the failures, the number of runs killed in
each stage, and the seconds that an uninterrupted training takes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from w2v.errors import InputError
from w2v.formats import registry
from w2v.pipeline import checkpoint
from w2v.pipeline import train as job
from w2v.training import plan, runner

OPTIONS = {"dim": 16, "epochs": 3, "min_count": 2, "window": 3}
# Modes of training that are reproducible bit for bit.
ONE_THREAD = {"threads": 1}
MODES = {
    "one thread": ONE_THREAD,
    "rounds": {"threads": 2, "deterministic": True},
    "warm start": ONE_THREAD,
    "more epochs": ONE_THREAD,  # of a finished model
    "file": ONE_THREAD,  # of vectors, beside the model
}
FILES = ("embeddings.npy", "contexts.npy", "vocab.txt", "counts.npy")


def output_in(directory: Path, mode: str) -> Path:
    """Return the output of a training, which is the model or a file beside it."""
    return directory / ("m.bin" if mode == "file" else "m.w2v")


def digest(model: Path) -> str:
    return hashlib.sha256(b"".join((model / name).read_bytes() for name in FILES)).hexdigest()


def vectors(path: Path) -> tuple[list[str], bytes] | None:
    """Return the words and the matrix of a model or file; None if there is none."""
    if not path.exists():
        return None
    table = registry.read(path)
    return table.words, table.matrix.tobytes()


def fork(function: Callable[[], object]) -> int:
    """Call a function in a forked process; return the process ID."""
    child = os.fork()
    if child:
        return child
    code = 1
    with contextlib.suppress(BaseException):
        function()
        code = 0
    os._exit(code)


def prepare(corpus: Path, output: Path, mode: str) -> None:
    """Save the model that the training replaces."""
    if mode == "more epochs":
        job.train([corpus], output=output, **OPTIONS | MODES[mode])
    else:
        job.train([["old", "model"]] * 9, output=output, dim=2, epochs=1, sample=0)


def train(corpus: Path, output: Path, mode: str) -> None:
    if mode == "more epochs":
        job.resume(output, epochs=6, checkpoint_every=0.01)
        return
    options = OPTIONS | MODES[mode]
    if mode == "warm start":
        options |= {"init": corpus.with_name("initial.w2v"), "freeze_old": True}
    job.train([corpus], output=output, overwrite=True, checkpoint_every=0.01, **options)


def stage(checkpoint: Path) -> str:
    """Return the stage in which a training was killed, judging by the files it left."""
    if not (checkpoint / "job.json").exists():
        return "before the checkpoint was created, or after it was removed"
    if not (checkpoint / "corpus.json").exists():
        return "reading"
    if any((checkpoint.parent / name).exists() for name in (".m.w2v.new", ".m.w2v.old")):
        return "saving the model"
    if (checkpoint.parent / ".m.bin.new").exists():
        return "saving the file"
    if (checkpoint / "state.new").exists():
        return "saving a checkpoint"
    return "training" if (checkpoint / "state").exists() else "before the first checkpoint"


def resume(output: Path, corpus: Path, mode: str, old: str) -> None:
    """Resume a training, or start it again if it was killed before it could be resumed."""
    try:
        job.resume(output, checkpoint_every=0.01)
    except InputError as error:
        if "there is no unfinished training" not in str(error):
            raise
        model = output.with_suffix(".w2v")
        if not (model / "meta.json").exists() or digest(model) == old:
            train(corpus, output, mode)


def kill_and_resume(
    corpus: Path, directory: Path, mode: str, expected: str, seconds: float, failures: list[str]
) -> str:
    """Kill a training after some seconds, resume it, and check the model and the files left.

    Returns:
        The stage in which the training was killed.

    """
    directory.mkdir()
    output, model, file = output_in(directory, mode), directory / "m.w2v", directory / "m.bin"
    prepare(corpus, output, mode)
    old = digest(model)
    old_vectors = vectors(file)
    child = fork(lambda: train(corpus, output, mode))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    reached = stage(directory / "m.w2v.checkpoint")
    description = f"{mode}, killed after {seconds:.3f} s ({reached})"
    existing = model if model.exists() else directory / ".m.w2v.old"
    if vectors(file) not in (old_vectors, vectors(existing)):
        failures.append(f"{description}: the file is neither the old nor the new one")
    if digest(existing) not in (old, expected):
        failures.append(f"{description}: the model is neither the old nor the new one")
    _, status = os.waitpid(fork(lambda: resume(output, corpus, mode, old)), 0)
    if status:
        failures.append(f"{description}: resuming failed")
    elif digest(model) != expected:
        failures.append(f"{description}: the resumed model differs")
    elif mode == "file" and vectors(file) != vectors(model):
        failures.append(f"{description}: the file does not have the vectors of the model")
    files = sorted(path.name for path in directory.iterdir())
    if files != sorted({model.name, output.name}):
        failures.append(f"{description}: the files left are {files}")
    shutil.rmtree(directory)
    return reached


def main(corpus: Path, directory: Path, runs: int, seed: int) -> None:
    # Short spans and frequent reports take a small training through all stages of a long one.
    plan.MAX_SPAN_POSITIONS = 2_000
    runner.REPORT_SECONDS = 0.002
    checkpoint._MAX_SHARE = 0.9
    plan.MIN_ROUND_POSITIONS = 500
    initial = OPTIONS | ONE_THREAD | {"min_count": 5, "seed": 5}
    job.train([corpus], output=corpus.with_name("initial.w2v"), **initial)
    expected, duration = {}, {}
    for mode in MODES:
        for _ in range(2):  # the first run compiles, the second one is timed
            whole = directory / "whole"
            whole.mkdir()
            prepare(corpus, output_in(whole, mode), mode)
            started = time.perf_counter()
            train(corpus, output_in(whole, mode), mode)
            duration[mode] = time.perf_counter() - started
            expected[mode] = digest(whole / "m.w2v")
            shutil.rmtree(whole)
    draw = random.Random(seed)
    failures: list[str] = []
    reached: Counter[str] = Counter()
    for i in range(runs):
        mode = list(MODES)[i % len(MODES)]
        seconds = draw.random() * duration[mode] * 1.1
        run = directory / f"run{i}"
        reached[kill_and_resume(corpus, run, mode, expected[mode], seconds, failures)] += 1
    json.dump({"failures": failures, "reached": reached, "seconds": duration}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
