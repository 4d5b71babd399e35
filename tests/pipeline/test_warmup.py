"""Compilation before a run: of the kernels that the run uses, and no others."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from support import JIT

pytestmark = pytest.mark.skipif(not JIT, reason="nothing is compiled")

# Records where each kernel is compiled or loaded: by `warmup` or, too late, when it is needed.
SCRIPT = """
import json, sys
import numpy as np
import w2v
from w2v.compute import compiler_thread
from w2v.compute.jit import KernelCache
from w2v.corpus.pairs import skipgram_pairs
from w2v.events import ignore
from w2v.pipeline import encode_file, warmup
from w2v.pipeline.read import read_corpus, read_vocabulary

loads = {True: [], False: []}
original = KernelCache.load_overload

def load_overload(cache, signature, context):
    loads[compiler_thread.is_compiling()].append(cache._name.removeprefix("w2v."))
    return original(cache, signature, context)

KernelCache.load_overload = load_overload
RUN
json.dump([sorted(loads[True]), sorted(loads[False])], sys.stdout)
"""
TEXT = "The quick brown fox\njumps over the lazy dog; it's said.\n" * 50

VOCABULARY = """
read_vocabulary("text.txt")
read_vocabulary("text.txt", tokenizer="whitespace", lowercase=True, threads=2, vocab=["the"])
read_vocabulary([[f"word{i}" for i in range(20_000)]], min_count=1)
"""
CORPUS = """
read_corpus("text.txt").close()
read_corpus("text.txt", validation=0.5, threads=2).close()
read_corpus([["a", "b"]] * 9 + [["c"]], train_unk=True).close()
"""
PAIRS = """
with read_corpus("text.txt") as corpus:
    warmup.compile_kernels(ignore, warmup.list_pairs)
    list(skipgram_pairs(corpus.text, 2))
"""
TRAIN = """
TINY = {"dim": 5, "epochs": 2, "vocab_size": 9, "sample": 0}
w2v.train("text.txt", output="m", threads=2, validation=0.5, train_unk=True, **TINY)
w2v.train("text.txt", negative_sharing=1, shrink_windows=True, **TINY)
w2v.train("text.txt", init="m", freeze_old=True, epochs=1, sample=0)
"""
ROUNDS = """
w2v.train("text.txt", deterministic=True, sample=0, dim=5, epochs=2, threads=2, validation=0.5)
"""
WIDE = """
import logging
logging.disable()  # the text is too small to learn from
lines = [[f"word{i}", f"word{i + 1}"] for i in range(66_000)]
options = {"min_count": 1, "vocab_size": 70_000, "sample": 0, "dim": 2, "epochs": 1}
w2v.train(lines, deterministic=DETERMINISTIC, **options)
"""
ENCODE = """
model = w2v.Embeddings(["the", "fox"], np.eye(2))
model.meta["tokenizer"] = {"name": "unicode", "lowercase": True}
encode_file.encode_file(model, "text.txt", "ids.npy")
"""

READING = {"text.tokenizer", "text.wordtable"}
CORPUS_MODULES = READING | {"corpus.spool"}


def kernels(run: str, folder) -> tuple[list[str], list[str]]:
    """Kernels that a run compiles or loads, one for each signature: beforehand, and later."""
    (folder / "text.txt").write_text(TEXT)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("RUN", run)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.stderr == ""
    before, later = json.loads(done.stdout)
    return before, later


def modules(names: list[str]) -> set[str]:
    return {name.rpartition(".")[0] for name in names}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("run", "expected"),
    [
        pytest.param(VOCABULARY, READING, marks=pytest.mark.exhaustive),
        (ENCODE, READING),
        pytest.param(CORPUS, CORPUS_MODULES, marks=pytest.mark.exhaustive),
        (PAIRS, CORPUS_MODULES | {"corpus.pairs"}),
    ],
    ids=["vocabulary", "encode", "corpus", "pairs"],
)
def test_reading_compiles_what_it_uses(run, expected, tmp_path):
    before, later = kernels(run, tmp_path)
    assert later == []
    assert modules(before) == expected
    assert len(set(before)) == len(before)  # one signature each


@pytest.mark.slow
@pytest.mark.parametrize("run", [TRAIN, ROUNDS], ids=["hogwild", "rounds"])
def test_training_compiles_what_it_uses(run, tmp_path):
    before, later = kernels(run, tmp_path)
    assert later == []
    assert modules(before) > CORPUS_MODULES
    replicas = any(name.startswith("training.backends.") for name in before)
    assert replicas == (run == ROUNDS)
    assert len(set(before)) == len(before)


@pytest.mark.slow
@pytest.mark.parametrize("deterministic", [False, pytest.param(True, marks=pytest.mark.exhaustive)])
def test_training_on_wide_ids_compiles_what_it_uses(deterministic, tmp_path):
    before, later = kernels(WIDE.replace("DETERMINISTIC", str(deterministic)), tmp_path)
    assert modules(later) == {"corpus.spool"}  # which takes less than a second
    assert len(later) == 1
    assert modules(before) > CORPUS_MODULES
