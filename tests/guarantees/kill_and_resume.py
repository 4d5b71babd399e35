"""Kill a training at random moments and go on, again and again; run as a program by the tests.

Children are forked from a process that has loaded everything, so that a moment of their short
lives is a moment of the job. Prints what was found wrong, one finding a line, and at the end how
many moments fell into which stage.
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
from w2v.pipeline import checkpoint
from w2v.pipeline import train as job
from w2v.training import plan, runner

OPTIONS = {"dim": 16, "epochs": 3, "min_count": 2, "window": 3}
# Ways to train that give the same bits every time.
ONE_THREAD = {"threads": 1}
WAYS = {
    "one thread": ONE_THREAD,
    "rounds": {"threads": 2, "deterministic": True},
    "another model": ONE_THREAD,  # to begin with
    "more epochs": ONE_THREAD,  # of a finished model
}
FILES = ("embeddings.npy", "contexts.npy", "vocab.txt", "counts.npy")


def digest(model: Path) -> str:
    return hashlib.sha256(b"".join((model / name).read_bytes() for name in FILES)).hexdigest()


def in_child(work: Callable[[], object]) -> int:
    """Run in a forked process; returns its number."""
    child = os.fork()
    if child:
        return child
    code = 1
    with contextlib.suppress(BaseException):
        work()
        code = 0
    os._exit(code)


def prepare(corpus: Path, output: Path, way: str) -> None:
    """Put the model there that stands there before."""
    if way == "more epochs":
        job.train([corpus], output=output, **OPTIONS | WAYS[way])
    else:
        job.train([["old", "model"]] * 9, output=output, dim=2, epochs=1, sample=0)


def train(corpus: Path, output: Path, way: str) -> None:
    if way == "more epochs":
        job.resume(output, epochs=6, checkpoint_every=0.01)
        return
    options = OPTIONS | WAYS[way]
    if way == "another model":
        options |= {"init": corpus.with_name("another.w2v"), "freeze_old": True}
    job.train([corpus], output=output, overwrite=True, checkpoint_every=0.01, **options)


def stage(folder: Path) -> str:
    """How far a job was when it was killed, by what it left."""
    if not (folder / "job.json").exists():
        return "before the job was noted, or after its end"
    if not (folder / "corpus.json").exists():
        return "reading"
    if (folder.parent / ".m.new").exists() or (folder.parent / ".m.old").exists():
        return "writing the model"
    if (folder / "state.new").exists():
        return "keeping a state"
    return "training" if (folder / "state").exists() else "before the first state"


def go_on(output: Path, corpus: Path, way: str, old: str) -> None:
    try:
        job.resume(output, checkpoint_every=0.01)
    except InputError as error:
        if "there is no unfinished training" not in str(error):
            raise
        if not (output / "meta.json").exists() or digest(output) == old:
            train(corpus, output, way)


def attack(
    corpus: Path, place: Path, way: str, expected: str, seconds: float, wrong: list[str]
) -> str:
    """Kill one training after some seconds, go on, and look at everything."""
    place.mkdir()
    output = place / "m"
    prepare(corpus, output, way)
    old = digest(output)
    child = in_child(lambda: train(corpus, output, way))
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    reached = stage(place / "m.checkpoint")
    aside = place / ".m.old"
    there = output if output.exists() else aside
    if digest(there) not in (old, expected):
        wrong.append(f"{way}: after {seconds:.3f} s the model is neither the old nor the new one")
    _, status = os.waitpid(in_child(lambda: go_on(output, corpus, way, old)), 0)
    if status:
        wrong.append(f"{way}: after {seconds:.3f} s ({reached}) it could not go on")
    elif digest(output) != expected:
        wrong.append(f"{way}: after {seconds:.3f} s ({reached}) the model is another one")
    left = sorted(path.name for path in place.iterdir())
    if left != ["m"]:
        wrong.append(f"{way}: after {seconds:.3f} s ({reached}) there are {left}")
    shutil.rmtree(place)
    return reached


def main(corpus: Path, folder: Path, moments: int, seed: int) -> None:
    # Many spans, many looks at the clock: a tiny job with all that a long one has.
    plan.MAX_SPAN_POSITIONS = 2_000
    runner.REPORT_SECONDS = 0.002
    checkpoint._MAX_SHARE = 0.9
    plan.MIN_ROUND_POSITIONS = 500
    another = OPTIONS | ONE_THREAD | {"min_count": 5, "seed": 5}
    job.train([corpus], output=corpus.with_name("another.w2v"), **another)
    expected, whole = {}, {}
    for way in WAYS:
        for _ in range(2):  # the second one has nothing to compile
            prepare(corpus, folder / "whole", way)
            started = time.perf_counter()
            train(corpus, folder / "whole", way)
            whole[way] = time.perf_counter() - started
            expected[way] = digest(folder / "whole")
            shutil.rmtree(folder / "whole")
    draw = random.Random(seed)
    wrong: list[str] = []
    reached: Counter[str] = Counter()
    for i in range(moments):
        way = list(WAYS)[i % len(WAYS)]
        seconds = draw.random() * whole[way] * 1.1
        place = folder / f"place{i}"
        reached[attack(corpus, place, way, expected[way], seconds, wrong)] += 1
    json.dump({"wrong": wrong, "reached": reached, "seconds": whole}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
