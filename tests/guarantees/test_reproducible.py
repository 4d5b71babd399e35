"""The same seed, the same bytes: over processes, runs, forms of the text, and interruptions."""

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
from guarantees.reproduce import MODES, OPTIONS, SAME, files_of, reading_of, without_times
from support import JIT
from w2v.events import CorpusRead, EpochDone, Event, Training
from w2v.training import plan, runner
from w2v.training.backends import hogwild, rounds

FILES = {
    "embeddings.npy",
    "contexts.npy",
    "vocab.txt",
    "counts.npy",
    "unknown.npy",
    "meta.json",
}
compiled_only = pytest.mark.skipif(not JIT, reason="compares with what is compiled")
LINES = 40 if JIT else 15


@pytest.fixture(scope="module")
def lines():
    """Lines of words of several scripts, some of them rare, some of them empty."""
    draw = random.Random(5)
    words = [f"{letter}{i}" for letter in "aßéжא語" for i in range(12)]
    weights = [1 / (rank + 1) for rank in range(len(words))]
    found = [" ".join(draw.choices(words, weights, k=draw.randint(0, 9))) for _ in range(LINES)]
    tied = " ".join(f"beginning-alike{ending}" for ending in "bdaec")
    return [*found, "İstanbul Σίσυφος don’t naïve naïve", *[tied.replace("-", "_")] * 3]


@pytest.fixture(scope="module")
def corpus(lines, tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "täxt.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def small_spans(monkeypatch):
    """Many spans, and a look at each."""
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", reproduce.SPAN_WORDS)
    monkeypatch.setattr(runner, "REPORT_SECONDS", 1e-6)


def trained(corpus, output, mode, **options) -> dict[str, str]:
    """The hashes of the files of a model."""
    w2v.train(corpus, output=output, **OPTIONS | mode | options)
    return files_of(output)


def without_meta(hashes):
    """But for meta.json, which records what the text was read from, and options."""
    return {name: value for name, value in hashes.items() if name != "meta.json"}


def surroundings(**changes) -> dict[str, str]:
    """The environment of a process, without what may say how it hashes or writes."""
    ruling = ("PYTHONHASHSEED", "PYTHONUTF8", "PYTHONIOENCODING", "LANG", "LANGUAGE", "TZ")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ruling and not name.startswith("LC_")
    }
    root = Path(w2v.__file__).parent.parent
    return kept | {"PYTHONPATH": os.pathsep.join([str(root), kept.get("PYTHONPATH", "")])} | changes


SURROUNDINGS = {
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
def elsewhere(corpus, tmp_path_factory):
    """A function that gives the folder of another process, and what `reproduce` found in it."""
    folder = tmp_path_factory.mktemp("elsewhere")
    # Side by side, for most of their time is that of starting.
    running = {}
    for name, environment in SURROUNDINGS.items():
        (folder / name).mkdir()
        running[name] = subprocess.Popen(
            [sys.executable, reproduce.__file__, corpus.name, str(folder / name)],
            stdout=subprocess.PIPE,
            cwd=corpus.parent,
            env=surroundings(**environment),
        )
    found = {}

    def result(name) -> tuple[Path, dict[str, dict[str, str]]]:
        if name not in found:
            output, _ = running[name].communicate(timeout=120)
            assert running[name].returncode == 0
            found[name] = json.loads(output)
        return folder / name, found[name]

    yield result
    for process in running.values():
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def here(corpus, tmp_path_factory):
    """What `reproduce` finds in this process, by mode and for what was read."""
    folder = tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MAX_SPAN_POSITIONS", reproduce.SPAN_WORDS)
        found = {
            "reading": reading_of(corpus),
            "beginning": reproduce.beginning_of(corpus),
        }
        for name, mode in MODES.items():
            found[name] = trained(corpus, folder / name, mode)
    return found


def test_the_hashes_are_of_every_file(here):
    for name in MODES:
        assert set(here[name]) == FILES
    for names in SAME:
        assert len({here[name]["embeddings.npy"] for name in names}) == 1


def test_nothing_of_a_model_but_times_is_left_out(corpus, tmp_path):
    trained(corpus, tmp_path / "m", {"threads": 1})
    meta = json.loads((tmp_path / "m" / "meta.json").read_text("utf-8"))
    assert meta.keys() - without_times(meta).keys() == {"timings", "words_per_second", "job"}
    assert meta["epochs"][0].keys() - without_times(meta)["epochs"][0].keys() == {"seconds"}
    assert meta["corpus"].keys() - without_times(meta)["corpus"].keys() == {"seconds"}


@pytest.mark.parametrize("name", ["C locale", "UTF-8 locale"])
def test_every_process_writes_the_same_bytes(name, elsewhere, here):
    assert elsewhere(name)[1] == here


@compiled_only
def test_without_the_compiler_all_is_the_same_but_the_last_bits_of_vectors(corpus, here, elsewhere):
    """Its sums are rounded after each product and added in another order."""
    folder, plain = elsewhere("no compiler")
    assert plain["reading"] == here["reading"]
    assert plain["beginning"] == here["beginning"]
    for name, mode in MODES.items():
        for file in ("vocab.txt", "counts.npy"):
            assert plain[name][file] == here[name][file]
        ours = w2v.train(corpus, **OPTIONS | mode)
        theirs = w2v.load(folder / name)
        for epoch, other in zip(ours.meta["epochs"], theirs.meta["epochs"], strict=True):
            assert (epoch["pairs"], epoch["centers"]) == (other["pairs"], other["centers"])
            for loss in ("loss", "validation_loss"):
                assert epoch[loss] == pytest.approx(other[loss], rel=1e-5)
        assert np.abs(ours.matrix - theirs.matrix).max() < 1e-5
        assert np.abs(ours.matrix - np.load(folder / name / "embeddings.npy")).max() > 0


@pytest.mark.parametrize("name", MODES)
def test_every_run_in_a_process_writes_the_same_bytes(name, corpus, here, tmp_path):
    assert trained(corpus, tmp_path / "again", MODES[name]) == here[name]


@pytest.mark.parametrize("name", MODES)
def test_another_seed_gives_other_vectors_of_the_same_words(name, corpus, here, tmp_path):
    one, other = here[name], trained(corpus, tmp_path / "other", MODES[name], seed=8)
    assert {name for name in FILES if one[name] != other[name]} == {
        "embeddings.npy",
        "contexts.npy",
        "unknown.npy",
        "meta.json",
    }


# Interruptions


class Stopper:
    """Interrupts at the n-th report of a kind."""

    def __init__(self, kind: type[Event], number: int) -> None:
        self.kind = kind
        self.left = number

    def __call__(self, event: Event) -> None:
        self.left -= isinstance(event, self.kind)
        if not self.left:
            raise KeyboardInterrupt


def slow_down(module, name: str, monkeypatch) -> None:
    """Let a step take a while, so that reports come in between."""
    step = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *them: (time.sleep(0.001), step(*them))[1])


@pytest.mark.parametrize("name", MODES)
@pytest.mark.parametrize(
    "stops",
    [
        [(CorpusRead, 1)],
        [(Training, 1)],
        [(Training, 2), (Training, 1)],
        [(EpochDone, 1)],
        [(EpochDone, 2)],
        [(CorpusRead, 1), (Training, 2), (EpochDone, 1), (EpochDone, 1)],
    ],
    ids=["read", "begun", "twice", "an epoch done", "all epochs done", "again and again"],
)
def test_a_resumed_training_gives_the_same_bytes(
    stops, name, here, corpus, tmp_path, monkeypatch
):
    output = tmp_path / "stopped"
    slow_down(hogwild, "train_span", monkeypatch)
    slow_down(rounds, "train_shard", monkeypatch)
    kind, number = stops[0]
    with pytest.raises(KeyboardInterrupt):
        w2v.train(corpus, output=output, observer=Stopper(kind, number), **OPTIONS | MODES[name])
    for kind, number in stops[1:]:
        with pytest.raises(KeyboardInterrupt):
            w2v.resume(output, observer=Stopper(kind, number))
    w2v.resume(output)
    assert files_of(output) == here[name]


@pytest.mark.parametrize("name", MODES)
def test_checkpoints_and_saving_do_not_change_the_result(name, corpus, here, tmp_path):
    mode = MODES[name]
    assert trained(corpus, tmp_path / "often", mode, checkpoint_every=1e-9) == here[name]
    assert trained(corpus, tmp_path / "never", mode, checkpoint_every=0) == here[name]
    w2v.train(corpus, **OPTIONS | mode).save(tmp_path / "saved")
    # What only a training that goes on needs is written by a training that is given an output.
    expected = {file: value for file, value in here[name].items() if file != "contexts.npy"}
    assert files_of(tmp_path / "saved") == expected


# Forms of the text


@pytest.mark.parametrize("name", MODES)
def test_a_text_in_any_form_gives_the_same_bytes(name, lines, corpus, here, tmp_path):
    expected = without_meta(here[name])
    parts = [tmp_path / f"{i}.txt" for i in range(4)]
    for i, part in enumerate(parts):
        quarter = lines[i * len(lines) // 4 : (i + 1) * len(lines) // 4]
        part.write_text("\n".join(quarter), encoding="utf-8")  # the last line has no end
    packed = tmp_path / "text.gz"
    packed.write_bytes(gzip.compress(corpus.read_bytes()))
    forms = {
        "lines": lines,
        "generator": (line for line in lines),
        "packed": packed,
        "parts": parts,
        "one string": ["\r\n".join(lines)],
    }
    for kind, form in forms.items():
        assert without_meta(trained(form, tmp_path / kind, MODES[name])) == expected, kind


@pytest.mark.parametrize("options", [{}, {"tokenizer": "whitespace", "vocab_size": 99}], ids=str)
def test_reading_gives_the_same_at_any_number_of_threads(options, lines, corpus, monkeypatch):
    whole = reading_of(corpus, threads=1, **options)
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 64)
    for threads in (1, 2, 3, 8):
        assert reading_of(corpus, threads=threads, **options) == whole, threads
        assert reading_of(lines, threads=threads, **options) == whole, threads


def test_a_text_with_another_word_is_told_apart(lines, corpus):
    hashes, others = reading_of(corpus), reading_of([*lines, "a0"])
    assert {name for name in hashes if hashes[name] != others[name]} >= {"counts", "report"}
