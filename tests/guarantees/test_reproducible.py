"""The same seed gives the same bytes in any process, run and form of the corpus, and on resume."""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import w2v
from guarantees import reproduce
from guarantees.reproduce import (
    MODES,
    OPTIONS,
    SAME,
    corpus_hashes,
    file_hashes,
    without_times,
)
from support import JIT
from w2v.events import CorpusRead, EpochDone, Event, Training
from w2v.training import plan, runner
from w2v.training.backends import hogwild, shards

FILES = {
    "embeddings.npy",
    "contexts.npy",
    "vocab.txt",
    "counts.npy",
    "unknown.npy",
    "meta.json",
}
LINE_COUNT = 40 if JIT else 15


@pytest.fixture(scope="module")
def lines():
    """Lines of rare and frequent words of several scripts; some lines are empty."""
    draw = random.Random(5)
    words = [f"{letter}{i}" for letter in "aßéжא語" for i in range(12)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    random_lines = [
        " ".join(draw.choices(words, weights, k=draw.randint(0, 9))) for _ in range(LINE_COUNT)
    ]
    tied = " ".join(f"beginning-alike{ending}" for ending in "bdaec")
    return [*random_lines, "İstanbul Σίσυφος don’t naïve naïve", *[tied.replace("-", "_")] * 3]


@pytest.fixture(scope="module")
def corpus(lines, tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "täxt.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def small_spans(monkeypatch):
    """Train in small spans and report progress after each."""
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", reproduce.SPAN_WORDS)
    monkeypatch.setattr(runner, "REPORT_SECONDS", 1e-6)


def train(corpus, output, mode, **options) -> dict[str, str]:
    """Train a model and return the hashes of its files."""
    w2v.train(corpus, output=output, **OPTIONS | mode | options)
    return file_hashes(output)


def without_meta(files):
    """Remove meta.json, which records the form of the corpus and the options."""
    return {name: value for name, value in files.items() if name != "meta.json"}


def environment(**changes) -> dict[str, str]:
    """Return the variables of this process with changes, without those of hashes and locales."""
    removed = ("PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "LANG", "LANGUAGE", "TZ")
    base = {
        name: value
        for name, value in os.environ.items()
        if name not in removed and not name.startswith("LC_")
    }
    root = Path(w2v.__file__).parent.parent
    return base | {"PYTHONPATH": os.pathsep.join([str(root), base.get("PYTHONPATH", "")])} | changes


ENVIRONMENTS = {
    "C locale": {
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    },
    "UTF-8 locale": {"PYTHONHASHSEED": "4294967295", "LC_ALL": "C.UTF-8", "TZ": "Asia/Kathmandu"},
    "no compiler": {"NUMBA_DISABLE_JIT": "1"},
}


@pytest.fixture(scope="module")
def other_process(corpus, tmp_path_factory):
    """Return a function that gives the directory and the hashes of another process."""
    directory = tmp_path_factory.mktemp("processes")
    # Run in parallel, because most of the time is spent on imports.
    processes = {}
    for name, variables in ENVIRONMENTS.items():
        (directory / name).mkdir()
        processes[name] = subprocess.Popen(
            [sys.executable, reproduce.__file__, corpus.name, str(directory / name)],
            stdout=subprocess.PIPE,
            cwd=corpus.parent,
            env=environment(**variables),
        )
    results = {}

    def result(name) -> tuple[Path, dict[str, dict[str, str]]]:
        if name not in results:
            output, _ = processes[name].communicate(timeout=120)
            assert processes[name].returncode == 0
            results[name] = json.loads(output)
        return directory / name, results[name]

    yield result
    for process in processes.values():
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def hashes(corpus, tmp_path_factory):
    """The output of `reproduce`, computed in this process."""
    directory = tmp_path_factory.mktemp("hashes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MAX_SPAN_POSITIONS", reproduce.SPAN_WORDS)
        result = {
            "corpus": corpus_hashes(corpus),
            "initial": reproduce.initial_hashes(corpus),
        }
        for name, mode in MODES.items():
            result[name] = train(corpus, directory / name, mode)
    return result


def test_every_file_is_hashed(hashes):
    for name in MODES:
        assert set(hashes[name]) == FILES
    for names in SAME:
        assert len({hashes[name]["embeddings.npy"] for name in names}) == 1


def test_only_variable_entries_of_metadata_are_ignored(corpus, tmp_path):
    train(corpus, tmp_path / "m", {"threads": 1})
    meta = json.loads((tmp_path / "m" / "meta.json").read_text("utf-8"))
    assert meta.keys() - without_times(meta).keys() == {"timings", "words_per_second", "job"}
    assert meta["epochs"][0].keys() - without_times(meta)["epochs"][0].keys() == {"seconds"}
    assert meta["corpus"].keys() - without_times(meta)["corpus"].keys() == {"seconds"}


@pytest.mark.parametrize("name", ["C locale", "UTF-8 locale"])
def test_every_process_saves_the_same_bytes(name, other_process, hashes):
    assert other_process(name)[1] == hashes


@pytest.mark.skipif(not JIT, reason="compares with compiled kernels")
def test_results_without_the_compiler_differ_only_by_rounding(corpus, hashes, other_process):
    """Plain Python rounds after each product, and sums in another order."""
    directory, plain = other_process("no compiler")
    assert plain["corpus"] == hashes["corpus"]
    assert plain["initial"] == hashes["initial"]
    for name, mode in MODES.items():
        for file in ("vocab.txt", "counts.npy"):
            assert plain[name][file] == hashes[name][file]
        model = w2v.train(corpus, **OPTIONS | mode)
        plain_model = w2v.load(directory / name)
        for epoch, other in zip(model.meta["epochs"], plain_model.meta["epochs"], strict=True):
            assert (epoch["pairs"], epoch["centers"]) == (other["pairs"], other["centers"])
            for loss in ("loss", "validation_loss"):
                assert epoch[loss] == pytest.approx(other[loss], rel=1e-5)
        assert np.abs(model.matrix - plain_model.matrix).max() < 1e-5
        assert np.abs(model.matrix - np.load(directory / name / "embeddings.npy")).max() > 0


@pytest.mark.parametrize("name", MODES)
def test_every_run_in_a_process_saves_the_same_bytes(name, corpus, hashes, tmp_path):
    assert train(corpus, tmp_path / "again", MODES[name]) == hashes[name]


@pytest.mark.parametrize("name", MODES)
def test_another_seed_changes_the_vectors_but_not_the_words(name, corpus, hashes, tmp_path):
    one, other = hashes[name], train(corpus, tmp_path / "other", MODES[name], seed=8)
    assert {name for name in FILES if one[name] != other[name]} == {
        "embeddings.npy",
        "contexts.npy",
        "unknown.npy",
        "meta.json",
    }


# Interruptions


class InterruptAt:
    """An observer that interrupts at the n-th event of a kind."""

    def __init__(self, kind: type[Event], number: int) -> None:
        self.kind = kind
        self.remaining = number

    def __call__(self, event: Event) -> None:
        self.remaining -= isinstance(event, self.kind)
        if not self.remaining:
            raise KeyboardInterrupt


def slow_down(module, name: str, monkeypatch) -> None:
    """Delay a function, so that progress is reported between its calls."""
    function = getattr(module, name)

    def delayed(*arguments):
        time.sleep(0.001)
        return function(*arguments)

    monkeypatch.setattr(module, name, delayed)


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize(
    "interrupts",
    [
        [(CorpusRead, 1)],
        [(Training, 1)],
        [(Training, 2), (Training, 1)],
        [(EpochDone, 1)],
        [(EpochDone, 2)],
        [(CorpusRead, 1), (Training, 2), (EpochDone, 1), (EpochDone, 1)],
    ],
    ids=["read", "started", "twice", "after an epoch", "after all epochs", "repeatedly"],
)
def test_a_resumed_training_gives_the_same_bytes(
    interrupts, name, hashes, corpus, tmp_path, monkeypatch
):
    output = tmp_path / "interrupted"
    slow_down(hogwild, "train_span", monkeypatch)
    slow_down(shards, "train_shard", monkeypatch)
    kind, number = interrupts[0]
    with pytest.raises(KeyboardInterrupt):
        w2v.train(
            corpus, output=output, observer=InterruptAt(kind, number), **OPTIONS | MODES[name]
        )
    for kind, number in interrupts[1:]:
        with pytest.raises(KeyboardInterrupt):
            w2v.resume(output, observer=InterruptAt(kind, number))
    w2v.resume(output)
    assert file_hashes(output) == hashes[name]


@pytest.mark.parametrize("name", MODES)
def test_checkpoints_and_saving_do_not_change_the_result(name, corpus, hashes, tmp_path):
    mode = MODES[name]
    assert train(corpus, tmp_path / "often", mode, checkpoint_every=1e-9) == hashes[name]
    assert train(corpus, tmp_path / "never", mode, checkpoint_every=0) == hashes[name]
    w2v.train(corpus, **OPTIONS | mode).save(tmp_path / "saved")
    # Context vectors are only saved by training with an output.
    expected = {file: value for file, value in hashes[name].items() if file != "contexts.npy"}
    assert file_hashes(tmp_path / "saved") == expected


# Forms of the corpus


@pytest.mark.parametrize("name", MODES)
def test_a_corpus_in_any_form_gives_the_same_bytes(name, lines, corpus, hashes, tmp_path):
    expected = without_meta(hashes[name])
    parts = [tmp_path / f"{i}.txt" for i in range(4)]
    for i, part in enumerate(parts):
        quarter = lines[i * len(lines) // 4 : (i + 1) * len(lines) // 4]
        part.write_text("\n".join(quarter), encoding="utf-8")  # the last line has no line end
    compressed = tmp_path / "text.gz"
    compressed.write_bytes(gzip.compress(corpus.read_bytes()))
    forms = {
        "lines": lines,
        "generator": (line for line in lines),
        "compressed": compressed,
        "parts": parts,
        "one string": ["\r\n".join(lines)],
    }
    for kind, form in forms.items():
        assert without_meta(train(form, tmp_path / kind, MODES[name])) == expected, kind


@pytest.mark.parametrize("options", [{}, {"tokenizer": "whitespace", "vocab_size": 99}], ids=str)
def test_reading_is_independent_of_the_number_of_threads(options, lines, corpus, monkeypatch):
    whole = corpus_hashes(corpus, threads=1, **options)
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 64)
    for threads in (1, 2, 3, 8):
        assert corpus_hashes(corpus, threads=threads, **options) == whole, threads
        assert corpus_hashes(lines, threads=threads, **options) == whole, threads


def test_a_corpus_with_another_word_has_other_hashes(lines, corpus):
    one, other = corpus_hashes(corpus), corpus_hashes([*lines, "a0"])
    assert {name for name in one if one[name] != other[name]} >= {"counts", "report"}
