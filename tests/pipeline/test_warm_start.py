"""Training an existing model: more epochs on its own corpus, or a warm start on another one."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v
from commands import run
from support import (
    JIT,
    KJV,
    TINY,
    Killed,
    compiled_only,
    content,
    names,
    raise_on,
    random_text,
)
from w2v.config import Config
from w2v.corpus.distinct import DistinctWords
from w2v.corpus.vocabulary import UNKNOWN, extend_words
from w2v.errors import ConfigError, FormatError, InputError, VocabularyError, W2VError
from w2v.events import CorpusRead, EpochDone, Reading, Training, WarmStarted
from w2v.formats import native as model
from w2v.formats.registry import FORMATS
from w2v.pipeline import preflight
from w2v.pipeline import run as runs
from w2v.pipeline.checkpoint import Checkpoint
from w2v.pipeline.run import TrainingRun
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.tokenizer import Scanner
from w2v.training import plan, runner
from w2v.training.automatic import automatic_epochs
from w2v.training.model import new_matrices, rows_of
from w2v.training.state import TrainingState
from w2v.training.trainer import train_model

LINE_COUNT = 60 if JIT else 12
NO_CHANGE = {"lr": 1e-30, "epochs": 1}  # a learning rate too low to change any float32
MATRICES = ("embeddings.npy", "contexts.npy")


@pytest.fixture(autouse=True)
def corpora(tmp_path, monkeypatch) -> None:
    """Create two corpora in the current directory; train in spans of 50 words."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.001)
    Path("old.txt").write_text(random_text("abcdefghij", LINE_COUNT, seed=3))
    Path("new.txt").write_text(random_text("bcdefxyz", LINE_COUNT, seed=4))


@pytest.fixture
def old() -> w2v.Embeddings:
    """The model old.w2v, trained on old.txt."""
    return w2v.train("old.txt", output="old.w2v", **TINY)


def warm_start(output: str = "m.w2v", corpus="new.txt", **options) -> w2v.Embeddings:
    """Train on new.txt, starting from old.w2v, which determines `dim`."""
    defaults = {name: value for name, value in TINY.items() if name != "dim"}
    return w2v.train(corpus, output=output, **defaults | {"init": "old.w2v"} | options)


def contexts_of(directory: str) -> np.ndarray:
    return np.load(f"{directory}/contexts.npy", allow_pickle=False)


def change_meta(directory: str, **changes) -> None:
    path = Path(directory) / "meta.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


# When a training is interrupted: the error, the event and the epoch, counted from its start.
MOMENTS = {
    "reading": (Killed, Reading, None),
    "corpus read": (Killed, CorpusRead, None),
    "before the first checkpoint": (Killed, Training, 1),
    "first epoch": (KeyboardInterrupt, Training, 1),
    "second epoch": (KeyboardInterrupt, Training, 2),
    "after the first epoch": (Killed, EpochDone, 1),  # after a checkpoint was saved
}
BEFORE_A_CHECKPOINT = ["reading", "corpus read", "before the first checkpoint"]


def interrupt(training, moment: str, monkeypatch, epochs_before: int = 0) -> None:
    """Call a function that trains, and interrupt or kill it at a moment."""
    error, kind, epoch = MOMENTS[moment]
    epoch = None if epoch is None else epoch + epochs_before
    every = 1e-9 if kind is EpochDone else 60
    with monkeypatch.context() as patch:
        if error is Killed:
            patch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
        with pytest.raises(error):
            training(observer=raise_on(error, kind, epoch), checkpoint_every=every)


# Context vectors


def test_training_saves_the_context_vectors(monkeypatch):
    results = []

    def train_and_record(*arguments, **options):
        results.append(train_model(*arguments, **options))
        return results[-1]

    monkeypatch.setattr(runs, "train_model", train_and_record)
    model = w2v.train("old.txt", output="old.w2v", **TINY)
    contexts = contexts_of("old.w2v")
    assert contexts.shape == model.matrix.shape
    assert (contexts.dtype.str, contexts.flags.c_contiguous) == ("<f4", True)
    assert contexts.tobytes() == results[-1].contexts.tobytes()
    assert np.abs(contexts).max(axis=1).min() > 0


def test_unknown_words_get_the_last_context_vector():
    w2v.train("old.txt", output="old.w2v", **TINY | {"vocab_size": 4, "train_unk": True})
    assert contexts_of("old.w2v").shape == (5, 8)


def test_matrices_with_strided_rows_are_saved():
    words = [f"w{i}" for i in range(5000)]
    wide = np.arange(20_000, dtype=np.float32).reshape(5000, 4)
    embeddings = w2v.Embeddings(words, wide[:, :2])
    model.write(embeddings, "m", contexts=wide[:, 2:])
    assert contexts_of("m").tolist() == wide[:, 2:].tolist()
    assert model.read_contexts("m", w2v.load("m")).tolist() == wide[:, 2:].tolist()


def test_only_training_saves_context_vectors(old):
    w2v.load("old.w2v").save("copy")
    for name in FORMATS:
        if name in {"npy", "word2vec-bin", "projector"}:
            FORMATS[name].write(w2v.load("old.w2v"), name)
    assert [str(path) for path in Path().rglob("contexts.npy")] == ["old.w2v/contexts.npy"]
    assert "job" not in json.loads(Path("npy/meta.json").read_text())


def test_a_model_is_loaded_without_its_context_vectors(old):
    Path("old.w2v/contexts.npy").write_bytes(b"not even read")
    assert w2v.load("old.w2v").matrix.tobytes() == old.matrix.tobytes()


def damage_contexts(change: str) -> None:
    """Damage old.w2v/contexts.npy."""
    path = Path("old.w2v/contexts.npy")
    contexts = np.load(path)
    if change == "truncated":
        path.write_bytes(path.read_bytes()[:-1])
    elif change == "no array":
        path.write_text("hello")
    elif change == "fewer rows":
        np.save(path, contexts[1:])
    elif change == "other type":
        np.save(path, contexts.astype(np.float64))
    else:
        contexts[3, 3] = float(change)
        np.save(path, contexts)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("truncated", r"takes 320 bytes, but 319 follow; the file is damaged"),
        ("no array", r"expected a NumPy array file"),
        ("fewer rows", r"expected context vectors of shape \(10, 8\), .* got \(9, 8\); the files"),
        ("other type", r"expected an array of 2 axes of float32"),
        ("nan", r"the context vectors contain NaN or infinity"),
        ("inf", r"the context vectors contain NaN or infinity"),
    ],
)
def test_damaged_context_vectors_are_rejected_before_training(change, message, old, monkeypatch):
    damage_contexts(change)
    monkeypatch.setattr(runs, "TrainingRun", None)  # must not be called
    for call in (warm_start, lambda: w2v.resume("old.w2v", epochs=3)):
        with pytest.raises(FormatError, match=rf"contexts\.npy: .*{message}"):
            call()
    assert names() == ["new.txt", "old.txt", "old.w2v"]


# More epochs on the same corpus


class RestoreOnly:
    """A checkpointer that restores the given matrices and saves nothing."""

    def __init__(self, vectors: np.ndarray, contexts: np.ndarray, state: TrainingState) -> None:
        self.start = vectors, contexts, state

    def restore(self, model) -> TrainingState:
        vectors, contexts, state = self.start
        for flat, rows in ((model.vectors, vectors), (model.contexts, contexts)):
            rows_of(flat, model, *rows.shape)[:] = rows
        return state

    def should_save(self) -> bool:
        return False

    def save(self, *_) -> None:
        raise AssertionError


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sample": 1e-2, "seed": 7, "shrink_windows": True},
        {"vocab": ["zebra", "c", "a", "j"]},
        {"train_unk": True, "vocab_size": 5},
        {"validation": 0.2},
        {"deterministic": True, "threads": 2},
    ],
    ids=["plain", "random", "vocab", "unknown", "validation", "rounds"],
)
def test_more_epochs_equal_a_longer_training(options):
    options = TINY | options
    before = w2v.train("old.txt", output="old.w2v", **options)
    rows = before.matrix if before.unknown is None else np.vstack([before.matrix, before.unknown])
    checkpointer = RestoreOnly(
        rows,
        contexts_of("old.w2v"),
        TrainingState(
            reports=tuple(
                EpochDone(**{name: value for name, value in report.items() if name != "stage"})
                for report in before.meta["epochs"]
            )
        ),
    )
    with w2v.read_corpus("old.txt", **options) as corpus:
        counts = corpus.vocabulary.counts
        if corpus.unknown_count is not None:
            counts = np.append(counts, corpus.unknown_count)
        config = Config(**{n: v for n, v in options.items() if n != "vocab"} | {"epochs": 5})
        expected = train_model(
            corpus.text, corpus.held_out, counts, config, checkpointer=checkpointer
        )
    after = w2v.resume("old.w2v", epochs=5)
    assert after.matrix.tobytes() == expected.matrix[: len(after)].tobytes()
    assert contexts_of("old.w2v").tobytes() == expected.contexts.tobytes()
    if after.unknown is not None:
        assert after.unknown.tobytes() == expected.matrix[-1].tobytes()
    assert (after.words, after.counts.tolist()) == (before.words, before.counts.tolist())
    epochs = after.meta["epochs"]
    assert [epoch["epoch"] for epoch in epochs] == [1, 2, 3, 4, 5]
    assert epochs[:2] == before.meta["epochs"]
    assert epochs[2]["lr"] == pytest.approx(0.05 * (1 - 0.9999 * 3 / 5))
    assert epochs[4]["lr"] == pytest.approx(0.05e-4)
    rounds = 5 if "deterministic" in options else None  # the text is short: one an epoch
    assert after.meta["config"] == before.meta["config"] | {"epochs": 5, "rounds": rounds}
    same = ("training", "tokenizer")
    assert [after.meta[name] for name in same] == [before.meta[name] for name in same]
    assert names() == ["new.txt", "old.txt", "old.w2v"]


@pytest.mark.slow
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupted_training_for_more_epochs_resumes(moment, old, monkeypatch):
    before = content("old.w2v")
    w2v.train("old.txt", output="whole.w2v", **TINY)
    w2v.resume("whole.w2v", epochs=5)

    def training(**options):
        w2v.resume("old.w2v", epochs=5, **options)

    interrupt(training, moment, monkeypatch, epochs_before=2)
    assert content("old.w2v") == before
    has_state = Path("old.w2v.checkpoint/state").exists()
    assert has_state == (moment not in BEFORE_A_CHECKPOINT)
    result = w2v.resume("old.w2v")
    assert content("old.w2v", MATRICES) == content("whole.w2v", MATRICES)
    assert [epoch["epoch"] for epoch in result.meta["epochs"]] == [1, 2, 3, 4, 5]
    assert result.meta["job"]["config"]["epochs"] == 5
    assert names() == ["new.txt", "old.txt", "old.w2v", "whole.w2v"]


def test_resuming_after_more_epochs_were_saved_only_removes_the_checkpoint(old, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", Checkpoint.close)
        after = w2v.resume("old.w2v", epochs=3)
    monkeypatch.setattr(runs, "train_model", None)  # must not be called
    assert w2v.resume("old.w2v").matrix.tobytes() == after.matrix.tobytes()
    assert names() == ["new.txt", "old.txt", "old.w2v"]


def test_more_epochs_resume_while_the_old_model_is_renamed(old, monkeypatch):
    def training(**options):
        w2v.resume("old.w2v", epochs=3, **options)

    interrupt(training, "corpus read", monkeypatch, epochs_before=2)
    Path("old.w2v").rename(".old.w2v.old")
    result = w2v.resume("old.w2v")
    assert len(result.meta["epochs"]) == 3
    assert names() == ["new.txt", "old.txt", "old.w2v"]


def test_epochs_can_be_added_repeatedly_and_with_other_threads(old):
    assert w2v.resume("old.w2v", epochs=3, threads=2).meta["config"]["threads"] == 2
    w2v.resume("old.w2v", epochs=4, dim=8, lr=0.05)
    result = w2v.resume("old.w2v", epochs=6)
    assert [epoch["epoch"] for epoch in result.meta["epochs"]] == [1, 2, 3, 4, 5, 6]
    assert len({epoch["pairs"] for epoch in result.meta["epochs"]}) == 1
    assert result.counts.tolist() == old.counts.tolist()


def test_resume_finds_a_finished_model_under_its_temporary_name(old):
    Path("old.w2v").rename(".old.w2v.old")  # and the checkpoint was removed by hand
    assert len(w2v.resume("old.w2v", epochs=3).meta["epochs"]) == 3
    assert names() == ["new.txt", "old.txt", "old.w2v"]


@pytest.mark.parametrize("epochs", [{}, {"epochs": 1}, {"epochs": 2}])
def test_resuming_a_finished_model_requires_more_epochs(epochs, old):
    expected = (
        r"there is no unfinished training of old\.w2v: the model was finished after epoch 2; to "
        r"train it further, pass a higher total, such as `epochs=4`; to start from its vectors on "
        r"any corpus, use `init='old\.w2v'`$"
    )
    with pytest.raises(InputError, match=expected):
        w2v.resume("old.w2v", **epochs)


def test_more_epochs_reject_other_options(old):
    with pytest.raises(ConfigError, match="started with `dim=8`, got `dim=9`; omit"):
        w2v.resume("old.w2v", epochs=4, dim=9)
    with pytest.raises(ConfigError, match=r"started with `lr=0\.05`, got `lr=0\.1`; omit"):
        w2v.resume("old.w2v", epochs=4, lr=0.1)


def test_more_epochs_reject_a_changed_corpus(old):
    with Path("old.txt").open("a") as file:
        file.write("more\n")
    expected = r"old\.txt has changed since .*; restore it, or train on the new content with `init="
    with pytest.raises(InputError, match=expected):
        w2v.resume("old.w2v", epochs=4)
    Path("old.txt").unlink()
    with pytest.raises(InputError, match=r"cannot read .*old\.txt: No such file or directory"):
        w2v.resume("old.w2v", epochs=4)
    assert names() == ["new.txt", "old.w2v"]


def test_more_epochs_require_a_corpus_of_files():
    w2v.train(iter(["a b c", "b c a"] * 9), output="old.w2v", **TINY)
    expected = r"the corpus of old\.w2v was not read from files, .* use `init=.old\.w2v.`$"
    with pytest.raises(InputError, match=expected):
        w2v.resume("old.w2v", epochs=4)


def test_more_epochs_require_context_vectors(old):
    Path("old.w2v/contexts.npy").unlink()
    with pytest.raises(InputError, match=r"old\.w2v has no contexts\.npy, which .* use `init=.old"):
        w2v.resume("old.w2v", epochs=4)


@pytest.mark.parametrize(
    "changes",
    [
        {"job": None},
        {"job": "0123456789abcdef"},
        {"job": {"files": None}},
        {"epochs": 7},
        {"epochs": [{"epoch": 1}]},
        {"epochs": [{"seconds": "many"}]},
    ],
)
def test_more_epochs_require_a_recorded_training(changes, old):
    change_meta("old.w2v", **changes)
    expected = (
        r"old\.w2v: the model is finished, and does not record how it was trained; to start from "
        r"its vectors on any corpus, use `init='old\.w2v'`$"
    )
    with pytest.raises(InputError, match=expected):
        w2v.resume("old.w2v", epochs=4)


@pytest.mark.parametrize("size", [0, 11, "all"])
def test_more_epochs_reject_a_wrong_vocabulary_size(size, old):
    change_meta("old.w2v", job=old.meta["job"] | {"vocab": size})
    with pytest.raises(InputError, match="does not record how it was trained"):
        w2v.resume("old.w2v", epochs=4)


@pytest.mark.parametrize("difference", ["words", "counts"])
def test_more_epochs_reject_a_corpus_of_other_words(difference, old):
    if difference == "words":
        lines = Path("old.w2v/vocab.txt").read_text().splitlines()
        Path("old.w2v/vocab.txt").write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")
    else:
        np.save("old.w2v/counts.npy", old.counts + 1)
    before = content("old.w2v")
    with pytest.raises(
        InputError, match=r"the words of .*old\.w2v differ from those of its corpus"
    ):
        w2v.resume("old.w2v", epochs=4)
    assert content("old.w2v") == before
    assert names() == ["new.txt", "old.txt", "old.w2v"]


# Warm start: the vocabulary and the initial vectors


def extended(
    old: list[str], tokens: list[str], size: int, min_count: int
) -> tuple[list[str], list[int]]:
    """Return the extended vocabulary of a warm start, and the counts of its words in the corpus."""
    counts = Counter(tokens)
    others = [word for word in counts if word not in old and counts[word] >= min_count]
    others.sort(key=lambda word: (-counts[word], [ord(letter) for letter in word]))
    words = old + others[: max(0, size - len(old))]
    return words, [counts[word] for word in words]


LETTERS = st.sampled_from(["a", "b", "B", "é", "\uffff", "𝔘", "ab", "abcdefghi", "abcdefghj"])


@given(
    old=st.lists(LETTERS, min_size=1, unique=True),
    new=st.lists(LETTERS, min_size=1, max_size=40),
    size=st.integers(1, 12),
    min_count=st.integers(1, 3),
)
def test_new_words_are_appended_by_count(old, new, size, min_count):
    scanner = Scanner(character_tables(WordDefinition("tokens", False)))
    scanner.scan("\x1f".join(new).encode())
    distinct = DistinctWords([scanner.words])
    if not set(old) & set(new):
        with pytest.raises(VocabularyError, match=f"none of the {len(old)} given words occurs"):
            extend_words(distinct, old, vocab_size=size, min_count=min_count)
        return
    words, counts = extended(old, new, size, min_count)
    vocabulary, ranks = extend_words(distinct, old, vocab_size=size, min_count=min_count)
    assert (vocabulary.words, vocabulary.counts.tolist()) == (words, counts)
    assert (vocabulary.counts.dtype, ranks.dtype) == (np.int64, np.uint32)
    rows = {word: row for row, word in enumerate(words)}
    found = distinct.words(distinct.ids())
    assert ranks.tolist() == [rows.get(word, UNKNOWN) for word in found]


def test_old_words_retain_their_rows_and_counts_are_summed(old):
    model = warm_start()
    tokens = Path("new.txt").read_text().split()
    words, counts = extended(old.words, tokens, 50_000, 1)
    assert model.words == words
    assert set(words) - set(old.words) == set("xyz")
    before = [*old.counts.tolist(), 0, 0, 0]
    assert model.counts.tolist() == [a + b for a, b in zip(before, counts, strict=True)]
    back = w2v.load("m.w2v")
    assert (back.words, back.counts.tolist()) == (model.words, model.counts.tolist())


def test_a_warm_start_begins_with_the_old_matrices(old):
    model = warm_start(**NO_CHANGE)
    fresh = new_matrices(13, Config(**TINY))
    assert model.matrix[:10].tobytes() == old.matrix.tobytes()
    expected = rows_of(fresh.vectors, fresh, 13, 8)[10:]
    assert model.matrix[10:].tobytes() == expected.tobytes()
    contexts = contexts_of("m.w2v")
    assert contexts[:10].tobytes() == contexts_of("old.w2v").tobytes()
    assert np.abs(contexts[10:]).max() < 1e-25


def test_a_warm_start_only_changes_words_that_occur(old):
    model = warm_start()
    occurs = [word in "bcdef" for word in old.words]
    changed = (model.matrix[:10] != old.matrix).any(axis=1)
    assert changed.tolist() == occurs
    # Words that do not occur in the new corpus are not drawn as negative samples either.
    changed = (contexts_of("m.w2v")[:10] != contexts_of("old.w2v")).any(axis=1)
    assert changed.tolist() == occurs


@pytest.mark.parametrize("options", [{}, {"deterministic": True}])
def test_frozen_vectors_stay_bit_identical_and_the_others_are_trained(options, old):
    model = warm_start(freeze_old=True, **options)
    assert model.matrix[:10].tobytes() == old.matrix.tobytes()
    fresh = new_matrices(13, Config(**TINY))
    start = rows_of(fresh.vectors, fresh, 13, 8)[10:]
    assert (np.abs(model.matrix[10:] - start).max(axis=1) > 1e-3).all()
    occurs = [word in "bcdef" for word in old.words]
    contexts = contexts_of("m.w2v")
    assert (contexts[:10] != contexts_of("old.w2v")).any(axis=1).tolist() == occurs
    assert np.abs(contexts[10:]).max(axis=1).min() > 1e-3
    assert model.meta["job"]["freeze_old"] is True


def test_frozen_vectors_stay_frozen_in_more_epochs(old):
    frozen = warm_start(freeze_old=True)
    after = w2v.resume("m.w2v", epochs=4)
    assert after.matrix[:10].tobytes() == old.matrix.tobytes()
    assert (after.matrix[10:] != frozen.matrix[10:]).any(axis=1).all()
    assert (after.words, after.counts.tolist()) == (frozen.words, frozen.counts.tolist())
    assert after.meta["origins"] == frozen.meta["origins"]
    assert [epoch["epoch"] for epoch in after.meta["epochs"]] == [1, 2, 3, 4]


def test_the_unknown_vector_is_trained_further():
    options = TINY | {"vocab_size": 4, "train_unk": True}
    old = w2v.train("old.txt", output="old.w2v", **options)
    model = warm_start(train_unk=True, vocab_size=6, **NO_CHANGE)
    assert model.unknown.tobytes() == old.unknown.tobytes()
    assert contexts_of("m.w2v")[-1].tobytes() == contexts_of("old.w2v")[-1].tobytes()
    assert contexts_of("m.w2v")[:4].tobytes() == contexts_of("old.w2v")[:4].tobytes()
    without = warm_start("without.w2v", vocab_size=6, **NO_CHANGE)
    assert without.unknown is None
    assert contexts_of("without.w2v").shape == (6, 8)


def test_a_model_without_context_vectors_is_accepted(old):
    Path("old.w2v/contexts.npy").unlink()
    events = []
    model = warm_start(observer=events.append, **NO_CHANGE)
    assert model.matrix[:10].tobytes() == old.matrix.tobytes()
    assert np.abs(contexts_of("m.w2v")).max() < 1e-25
    assert model.meta["origins"][0]["contexts"] is False
    (event,) = (event for event in events if isinstance(event, WarmStarted))
    assert str(event) == (
        f"starting from {Path.cwd()}/old.w2v; it has no context vectors, so they start at zero"
    )


@pytest.mark.parametrize("name", ["old.bin", "old.vec", "old.txt.gz", "old.glove", "directory"])
def test_models_of_any_format_are_accepted(name, old):
    bare = w2v.Embeddings(old.words, old.matrix)
    kind = next((f for f in FORMATS.values() if name.endswith(f.extensions)), FORMATS["npy"])
    (FORMATS["projector"] if name == "directory" else kind).write(bare, name)
    model = warm_start(init=name, freeze_old=True)
    assert model.words[:10] == old.words
    assert model.matrix[:10].tobytes() == old.matrix.tobytes()
    new = Counter(Path("new.txt").read_text().split())
    assert model.counts.tolist() == [new[word] for word in model.words]
    assert model.meta["tokenizer"]["name"] == "unicode"


# A file that begins like one of word2vec: its first word is a number.
AMBIGUOUS = "2 1\nb 0.5\nc 0.25\n"


def test_the_format_of_the_initial_model_can_be_given(monkeypatch):
    Path("old.glove").write_text(AMBIGUOUS)
    assert warm_start("detected.w2v", init="old.glove").words[:2] == ["b", "c"]
    given = {"init": "old.glove", "init_format": "glove", "freeze_old": True}
    model = warm_start("given.w2v", **given)
    assert model.words[:3] == ["2", "b", "c"]
    assert model.matrix[:3].tolist() == [[1.0], [0.5], [0.25]]
    interrupt(lambda **options: warm_start(**given | options), "reading", monkeypatch)
    assert w2v.resume("m.w2v").matrix[:3].tolist() == [[1.0], [0.5], [0.25]]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"init": None, "init_format": "glove"}, "init_format requires `init`, the model whose"),
        ({"init_format": "word"}, "init_format must be one of npy, .*, got 'word'"),
        ({"init_format": "npy", "init": "new.txt"}, "there is no such model directory"),
    ],
)
def test_wrong_formats_of_the_initial_model_are_refused(options, message):
    with pytest.raises(w2v.W2VError, match=message):
        warm_start(**options)


def test_the_initial_model_determines_dim_and_the_tokenizer():
    Path("old.txt").write_text("A-b c-D A-b\n" * 9)
    Path("new.txt").write_text("A-b a-b c-D New-one\n" * 9)
    options = TINY | {"tokenizer": "whitespace"}
    w2v.train("old.txt", output="old.w2v", **options)
    model = warm_start()
    assert model.words == ["A-b", "c-D", "New-one", "a-b"]
    assert (model.dim, model.meta["tokenizer"]["name"]) == (8, "whitespace")
    assert (
        warm_start("same.w2v", dim=8, tokenizer="whitespace", lowercase=False).words == model.words
    )
    small = w2v.train("old.txt", output="small.w2v", **options | {"lowercase": True})
    assert small.words == ["a-b", "c-d"]
    assert warm_start("more.w2v", init="small.w2v").words == ["a-b", "c-d", "new-one"]


def test_lists_of_tokens_are_not_tokenized(old):
    model = warm_start(corpus=[["a", "B", "New York"]] * 9)
    assert model.words == [*old.words, "B", "New York"]


def test_old_words_that_no_tokenizer_produces_are_preserved(old, monkeypatch):
    w2v.Embeddings([*old.words, "New York", "\x85"], np.eye(12)).save("odd")

    def training(**options):
        warm_start(init="odd", freeze_old=True, **options)

    interrupt(training, "first epoch", monkeypatch)
    model = w2v.resume("m.w2v")
    assert model.words == [*old.words, "New York", "\x85", *model.words[12:]]
    assert model.matrix[:12].tolist() == np.eye(12).tolist()


def test_old_words_are_preserved_beyond_vocab_size(old):
    events = []
    model = warm_start(vocab_size=5, observer=events.append)
    assert model.words == old.words
    (report,) = (event for event in events if isinstance(event, CorpusRead))
    assert (report.old_words, report.left_out_words, report.unseen_words) == (10, 3, 5)
    lines = str(report).splitlines()
    assert "initial model: 5 of its 10 words occur, 0 new words added" in lines
    assert lines[-1].startswith("note: no room for 3 new words in the vocabulary; ")


def test_the_most_frequent_new_words_fill_the_vocabulary(old):
    events = []
    tokens = Path("new.txt").read_text().split()
    model = warm_start(vocab_size=12, observer=events.append)
    assert model.words == extended(old.words, tokens, 12, 1)[0]
    (report,) = (event for event in events if isinstance(event, CorpusRead))
    assert (report.vocabulary, report.old_words, report.left_out_words) == (12, 10, 1)
    dropped = len(tokens) - sum(tokens.count(word) for word in model.words)
    assert (report.dropped_beyond_size, report.dropped_rare, report.dropped_unlisted) == (
        dropped,
        0,
        0,
    )


def test_min_count_drops_rare_new_words_but_no_old_ones(old):
    events = []
    lines = ["a b c"] * 3 + ["j x x y"]
    model = warm_start(corpus=lines, min_count=2, observer=events.append)
    assert model.words == [*old.words, "x"]
    (report,) = (event for event in events if isinstance(event, CorpusRead))
    assert (report.dropped_rare, report.left_out_words) == (1, 0)
    assert model.counts[model.words.index("j")] == old.counts[old.words.index("j")] + 1


def test_meta_records_the_initial_models(old):
    warm_start("second.w2v", freeze_old=True, epochs=3)
    model = warm_start("third.w2v", corpus="old.txt", init="second.w2v")
    first, second = model.meta["origins"]
    assert first == {
        "path": str(Path("old.w2v").absolute()),
        "words": 10,
        "contexts": True,
        "frozen": True,
        "unknown": False,
        "training": old.meta["training"],
        "epochs": 2,
    }
    assert (second["words"], second["epochs"], second["frozen"]) == (13, 3, False)
    shown = " ".join(run("info", "third.w2v").output.split())
    words = old.meta["training"]["words"]
    line = f"{Path.cwd()}/old.w2v: 10 words, trained on {words} words for 2 epochs"
    assert f"started from {line}; its vectors were frozen" in shown
    assert "contexts saved, so the model can be trained further" in shown


@pytest.mark.parametrize(
    "meta", [{"origins": 7}, {"origins": [7]}, {"epochs": "x"}, {"training": "x"}]
)
def test_an_initial_model_with_invalid_metadata_is_accepted(meta, old):
    change_meta("old.w2v", **meta)
    warm_start()
    assert run("info", "m.w2v").exit_code == 0


def test_a_model_can_replace_its_initial_model(old, monkeypatch):
    def training(**options):
        warm_start("old.w2v", overwrite=True, **options)

    with pytest.raises(W2VError, match=r"old\.w2v exists already"):
        warm_start("old.w2v")
    whole = warm_start()
    before = content("old.w2v")
    interrupt(training, "corpus read", monkeypatch)
    assert content("old.w2v") == before
    assert w2v.resume("old.w2v").matrix.tobytes() == whole.matrix.tobytes()
    assert content("old.w2v", MATRICES) == content("m.w2v", MATRICES)


def test_training_without_an_output_gives_the_same_model(old):
    model = warm_start()
    alone = w2v.train("new.txt", init="old.w2v", epochs=2, min_count=1, sample=0, threads=1)
    assert alone.matrix.tobytes() == model.matrix.tobytes()
    assert (alone.words, alone.counts.tolist()) == (model.words, model.counts.tolist())


@pytest.mark.parametrize(
    ("corpus", "options", "max_words"),
    [
        (["a b c"] * 9, {}, 10),
        ("new.txt", {"vocab_size": 5}, 10),
        ("new.txt", {"vocab_size": 12}, 12),
        ("new.txt", {"min_count": 10**9}, 11),
        ("new.txt", {"vocab": ["a"], "init": None}, 1),
    ],
)
def test_memory_is_checked_for_the_largest_possible_vocabulary(
    corpus, options, max_words, old, monkeypatch
):
    checked = []

    def record(words, _config, **_):
        checked.append(words)
        raise KeyboardInterrupt

    monkeypatch.setattr(preflight, "check_memory", record)
    with pytest.raises(KeyboardInterrupt):
        warm_start(corpus=corpus, **options)
    assert checked == [max_words]


# Warm start: invalid requests


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"dim": 9},
            ConfigError,
            r"^dim contradicts .*: old\.w2v has `dim=8`, got `dim=9`; omit",
        ),
        (
            {"tokenizer": "whitespace"},
            ConfigError,
            r"has `tokenizer='unicode'`, got .*='whitespace'`; ",
        ),
        (
            {"lowercase": False},
            ConfigError,
            r"has `lowercase=True`, got `lowercase=False`; omit",
        ),
        ({"dims": 9}, ConfigError, "unknown option 'dims'"),
        (
            {"vocab": ["a"]},
            ConfigError,
            "^init and vocab both define the vocabulary; pass only one",
        ),
        (
            {"init": None, "freeze_old": True},
            ConfigError,
            "^freeze_old requires `init`, the model whose",
        ),
        (
            {"init": "none.w2v"},
            InputError,
            "cannot read none.w2v: there is no such model directory",
        ),
        ({"init": "new.doc"}, InputError, "cannot read new.doc: there is no such model"),
        (
            {"init": ["a"]},
            InputError,
            "init is a list: expected the path of a model; save the model first",
        ),
        (
            {"corpus": ["q r"] * 9},
            VocabularyError,
            "none of the 10 given words occurs in the corpus",
        ),
    ],
)
def test_an_unsuitable_initial_model_is_rejected(options, error, message, old):
    with pytest.raises(error, match=message):
        warm_start(**options)
    assert names() == ["new.txt", "old.txt", "old.w2v"]


def test_unwritable_words_are_rejected_before_training(old, monkeypatch):
    unwritable = w2v.Embeddings(["a", "b\nc"], np.eye(2))
    monkeypatch.setattr("w2v.formats.registry.read", lambda _, **_options: unwritable)
    monkeypatch.setattr(runs, "TrainingRun", None)  # must not be called
    with pytest.raises(FormatError, match=r"'b\\nc' contains a line break"):
        warm_start()


# Warm start: interrupted and resumed


@pytest.mark.slow
@pytest.mark.parametrize("freeze_old", [False, True])
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_interrupted_warm_start_gives_the_same_result(moment, freeze_old, old, monkeypatch):
    warm_start("whole.w2v", epochs=2, freeze_old=freeze_old)

    def training(**options):
        warm_start(epochs=2, freeze_old=freeze_old, **options)

    interrupt(training, moment, monkeypatch)
    model = w2v.resume("m.w2v")
    assert content("m.w2v", MATRICES) == content("whole.w2v", MATRICES)
    whole = w2v.load("whole.w2v")
    assert (model.words, model.counts.tolist()) == (whole.words, whole.counts.tolist())
    assert model.meta["origins"] == whole.meta["origins"]
    assert (model.matrix[:10].tobytes() == old.matrix.tobytes()) == freeze_old
    assert names() == ["m.w2v", "new.txt", "old.txt", "old.w2v", "whole.w2v"]


@pytest.mark.parametrize("moment", ["before the first checkpoint", "first epoch"])
def test_a_warm_start_on_an_iterator_resumes(moment, old, monkeypatch):
    whole = warm_start("whole.w2v")

    def training(**options):
        warm_start(corpus=iter(Path("new.txt").read_text().splitlines()), **options)

    interrupt(training, moment, monkeypatch)
    assert w2v.resume("m.w2v").matrix.tobytes() == whole.matrix.tobytes()


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["reading", "before the first checkpoint", "first epoch"])
@pytest.mark.parametrize("damage", ["changed", "removed", "replaced"])
def test_the_initial_model_is_required_until_a_checkpoint_is_saved(
    moment, damage, old, monkeypatch
):
    whole = warm_start("whole.w2v")
    interrupt(warm_start, moment, monkeypatch)
    if damage == "changed":
        os.utime("old.w2v/embeddings.npy", ns=(1, 1))
        expected = r"old\.w2v/embeddings\.npy has changed since training began: .* start over"
    else:
        for path in Path("old.w2v").iterdir():
            path.unlink()
        expected = r"old\.w2v/contexts\.npy is missing, .*; restore the file"
    if damage == "replaced":
        w2v.train("new.txt", output="old.w2v", overwrite=True, **TINY)
        expected = r"old\.w2v/contexts\.npy has changed since training began"
    if moment in BEFORE_A_CHECKPOINT:
        with pytest.raises(InputError, match=expected):
            w2v.resume("m.w2v")
        assert Path("m.w2v.checkpoint/job.json").exists()
    else:
        model = w2v.resume("m.w2v")
        assert content("m.w2v", MATRICES) == content("whole.w2v", MATRICES)
        assert model.counts.tolist() == whole.counts.tolist()


def test_an_initial_model_that_changes_during_reading_is_rejected(old):
    def change(event):
        if isinstance(event, CorpusRead):
            os.utime("old.w2v/vocab.txt", ns=(1, 1))

    with pytest.raises(InputError, match=r"vocab\.txt has changed since training began"):
        warm_start(observer=change)
    assert names() == ["new.txt", "old.txt", "old.w2v"]


# The command line


ARGUMENTS = ["--min-count", "1", "--epochs", "2", "--sample", "0", "--threads", "1"]


def test_the_command_line_trains_more_epochs(old):
    w2v.train("old.txt", output="same.w2v", **TINY)
    w2v.resume("same.w2v", epochs=4)
    assert run("train", "--resume", "old.w2v").exit_code == 1
    result = run("train", "--resume", "old.w2v", "--epochs", "4", "--dim", "8")
    assert result.exit_code == 0, result.stderr
    assert content("old.w2v", MATRICES) == content("same.w2v", MATRICES)
    assert f"continuing the training of {Path.cwd()}/old.w2v after epoch 2\n" in result.stderr
    assert "\nepoch 4/4: " in result.stderr
    result = run("train", "--resume", "old.w2v", "--epochs", "5", "--lr", "0.5")
    assert result.exit_code == 2
    assert "it started with --lr 0.05, got --lr 0.5" in result.stderr


def test_the_command_line_trains_on_another_corpus(old):
    same = warm_start(freeze_old=True)
    arguments = ["--init", "old.w2v", "--freeze-old", "-o", "cli.w2v", *ARGUMENTS]
    result = run("train", "-", *arguments, stdin=Path("new.txt").read_text())
    assert result.exit_code == 0, result.stderr
    assert content("cli.w2v", MATRICES) == content("m.w2v", MATRICES)
    assert w2v.load("cli.w2v").words == same.words
    expected = (
        f"starting from {Path.cwd()}/old.w2v; its vectors are frozen\n",
        "\ninitial model: 5 of its 10 words occur, 3 new words added\n",
    )
    assert all(line in result.stderr for line in expected)


def test_the_command_line_reports_how_to_resume(old, monkeypatch):
    whole = warm_start()

    def interrupt_before_training(*_):
        raise KeyboardInterrupt

    arguments = ["--init", "old.w2v", "-o", "cli.w2v", *ARGUMENTS]
    with monkeypatch.context() as patch:
        patch.setattr(TrainingRun, "train", interrupt_before_training)
        result = run("train", "-", *arguments, stdin=Path("new.txt").read_text())
    assert result.exit_code == 130
    assert "resume with: w2v train --resume cli.w2v\n" in result.stderr
    assert run("train", "--resume", "cli.w2v").exit_code == 0
    assert w2v.load("cli.w2v").matrix.tobytes() == whole.matrix.tobytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["new.txt", "--init", "old.w2v", "--vocab", "old.w2v/vocab.txt"],
            "--init and --vocab both",
        ),
        (
            ["new.txt", "--from", "glove"],
            "--from requires --init, the model whose format",
        ),
        (
            ["--resume", "old.w2v", "--from", "npy"],
            "--resume continues a previous run and cannot be combined with --from",
        ),
        (
            ["new.txt", "--freeze-old"],
            "--freeze-old requires --init, the model whose vectors",
        ),
        (
            ["--resume", "old.w2v", "--init", "old.w2v"],
            "--resume continues a previous run and cannot be combined with --init",
        ),
        (
            ["--resume", "old.w2v", "--freeze-old"],
            "--resume continues a previous run and cannot be combined with --freeze",
        ),
        (
            ["new.txt", "--init", "old.w2v", "--dim", "9"],
            "--dim contradicts the initial model: old.w2v has --dim 8, got",
        ),
    ],
)
def test_the_command_line_rejects_contradictory_options(arguments, message, old):
    result = run("train", *arguments)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")


def test_default_options_do_not_contradict_the_initial_model(old):
    assert run("train", "new.txt", "--init", "old.w2v", *ARGUMENTS).exit_code == 0
    assert w2v.load("new.w2v").dim == 8


# Real text


@pytest.fixture(scope="module")
def bible(tmp_path_factory) -> dict[str, w2v.Embeddings]:
    """Models of both testaments, of each one, and of warm starts from the Old on the New one."""
    lines = KJV.read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("The book of the generation"))
    matthew = lines[first : first + 2000]
    path = tmp_path_factory.mktemp("bible") / "old.w2v"
    options = {"threads": 1, "dim": 64}
    return {
        "old": w2v.train(iter(lines[:first]), output=path, **options),
        "all": w2v.train(iter(lines), **options),
        "continued": w2v.train(iter(lines[first:]), init=path, threads=1),
        "matthew": w2v.train(iter(matthew), init=path, threads=1),
        "frozen": w2v.train(iter(matthew), init=path, freeze_old=True, threads=1),
        "alone": w2v.train(iter(matthew), **options),
    }


def neighbor_overlap(one: w2v.Embeddings, other: w2v.Embeddings, words: list[str]) -> float:
    """Return the mean share of a word's ten nearest neighbors that two models have in common."""
    neighbors = [
        [{name for name, _ in model.most_similar(word, 10)} for word in words]
        for model in (one, other)
    ]
    return float(np.mean([len(a & b) / 10 for a, b in zip(*neighbors, strict=True)]))


@pytest.mark.slow
@compiled_only
def test_neighbors_of_old_words_are_preserved(bible):
    """Measured overlap: 0.26 and 0.99, and 0.08 for a model of the new text alone."""
    words = [word for word in bible["old"].words[:1000] if word in bible["alone"]][:300]
    assert neighbor_overlap(bible["old"], bible["matthew"], words) > 0.2
    assert neighbor_overlap(bible["old"], bible["frozen"], words) > 0.9
    assert neighbor_overlap(bible["old"], bible["alone"], words) < 0.12


@compiled_only
def test_the_epochs_are_those_for_the_words_of_both_corpora(bible):
    """As many epochs as the new text alone would get would undo what the model has learned."""
    chosen = {name: model.meta["config"]["epochs"] for name, model in bible.items()}
    trained = {name: model.meta["training"]["words"] for name, model in bible.items()}
    kept = {name: model.meta["usage"]["kept_words"] for name, model in bible.items()}
    both = trained["old"] + trained["matthew"]
    assert chosen["alone"] == automatic_epochs(trained["alone"], kept["alone"]) > 30
    assert chosen["matthew"] == automatic_epochs(both, kept["matthew"]) < 20
    assert len(bible["matthew"].meta["epochs"]) == chosen["matthew"]


@compiled_only
def test_new_words_get_the_neighbors_of_a_joint_training(bible):
    """Measured overlap: 0.13, and 0.002 for random neighbors."""
    size = len(bible["old"])
    new = [word for word in bible["continued"].words[size:] if word in bible["all"]][:100]
    assert new[:4] == ["jesus", "christ", "faith", "disciples"]
    assert neighbor_overlap(bible["all"], bible["continued"], new) > 0.07
    assert "baptism" in dict(bible["continued"].most_similar("baptized", 3))
