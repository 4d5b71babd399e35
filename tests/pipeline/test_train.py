"""The whole job in one call, as the Python API gives it."""

from __future__ import annotations

import dataclasses
import json
import platform
import tempfile
from pathlib import Path

import numba
import numpy as np
import pytest

import w2v
from support import JIT, KJV
from w2v.compute.jit import cache_directory
from w2v.config import Config
from w2v.corpus.stages import StageTimes
from w2v.errors import (
    ConfigError,
    DivergenceError,
    InputError,
    OutputError,
    ResourceError,
    VocabularyError,
)
from w2v.events import Compiling, CorpusRead, EpochDone, Event, Reading, Saved, Training
from w2v.pipeline import preflight, warmup
from w2v.pipeline.read import read_vocabulary
from w2v.training.model import new_matrices

compiled_only = pytest.mark.skipif(not JIT, reason="takes too long without the compiler")
overflowing = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")

LINES = ["the quick brown fox jumps over the lazy dog", "the dog sleeps"] * 10
TOKENS = [line.split() for line in LINES]
WORDS = ["the", "dog", "brown", "fox", "jumps", "lazy", "over", "quick", "sleeps"]
TINY = {"min_count": 1, "sample": 0, "dim": 8, "epochs": 2, "threads": 1}


@pytest.fixture
def text(tmp_path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def model() -> w2v.Embeddings:
    return w2v.train(LINES, **TINY)


def same(one: w2v.Embeddings, other: w2v.Embeddings) -> bool:
    return (
        one.words == other.words
        and one.counts.tolist() == other.counts.tolist()
        and one.matrix.tobytes() == other.matrix.tobytes()
    )


def reports(*kinds: type[Event]):
    """An observer, and the list of what it hears."""
    heard: list[Event] = []

    def observe(event: Event) -> None:
        if not kinds or isinstance(event, kinds):
            heard.append(event)

    return observe, heard


# What a corpus may be


def test_words_and_counts_are_those_of_the_text(model):
    assert model.words == WORDS
    assert model.counts.tolist() == [30, 20, *[10] * 7]
    assert model.matrix.shape == (9, 8)
    assert model.matrix.dtype == np.float32
    assert model.matrix.flags.c_contiguous


def test_training_moves_every_vector(model):
    start = new_matrices(9, Config(**TINY))
    before = start.vectors.reshape(-1, start.stride)[:9, :8]
    assert (np.abs(model.matrix - before).max(axis=1) > 1e-3).all()


@pytest.mark.parametrize(
    "corpus",
    [
        TOKENS,
        [tuple(line) for line in TOKENS],
        tuple(LINES),
        ["\n".join(LINES)],
        (line for line in LINES),
        (iter(tokens) for tokens in TOKENS),
        iter(LINES),
        dict.fromkeys([f"{line} " + " " * i for i, line in enumerate(LINES)]).keys(),
        np.array(LINES),
    ],
    ids=[
        "lists",
        "tuples",
        "tuple",
        "one-string",
        "generator",
        "iterators",
        "iterator",
        "keys",
        "array",
    ],
)
def test_the_same_text_in_any_form_gives_the_same_model(corpus, model):
    assert same(w2v.train(corpus, **TINY), model)


@pytest.mark.parametrize(
    "form", [str, Path, lambda path: [str(path)], lambda path: [path], lambda path: path.parent]
)
def test_paths_in_any_form_give_the_same_model(form, text, model):
    assert same(w2v.train(form(text), **TINY), model)


def test_several_paths_are_read_in_order(tmp_path, model):
    for i, line in enumerate(LINES):
        (tmp_path / f"{i:02}.txt").write_text(line)
    paths = [tmp_path / f"{i:02}.txt" for i in range(len(LINES))]
    assert same(w2v.train(paths, **TINY), model)
    assert same(w2v.train([str(path) for path in paths], **TINY), model)


def test_tokens_are_taken_as_they_are():
    model = w2v.train([["New York", "is", "Big!"]] * 20, **TINY)
    assert sorted(model.words) == ["Big!", "New York", "is"]
    assert model.meta["tokenizer"]["name"] == "tokens"
    assert not model.meta["tokenizer"]["lowercase"]


@pytest.mark.parametrize("corpus", [[], (), iter([]), [""], [[]], [[], []], ["", " .,"]])
def test_no_words_at_all(corpus):
    with pytest.raises(VocabularyError, match=r"^the corpus has no words: "):
        w2v.train(corpus, **TINY)


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (None, r"the corpus is a NoneType: expected a path, a list of paths, or an iterable"),
        (7, r"the corpus is a int: expected a path"),
        (b"text", r"the corpus is a bytes: expected a path"),
        ([1, 2], r"item 0 of the corpus contains 1: expected a string, or a list of strings"),
        ([["a", 1]], r"item 0 of the corpus contains 1"),
        (["a", ["b"]], r"item 1 of the corpus is a list, but the first one is not"),
        ([["b"], "a"], r"item 1 of the corpus is a str, but the first one is not"),
        ([["a\nb"]], r"token 'a\\nb' in item 0 of the corpus contains a line end"),
        ("no such file", r"cannot read no such file: No such file or directory"),
        (["\ud800"], r"item 0 of the corpus is not valid Unicode"),
    ],
)
def test_an_invalid_corpus_is_rejected(corpus, message):
    with pytest.raises(InputError, match=message):
        w2v.train(corpus, **TINY)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimension": 5}, "^unknown option 'dimension'; the options are deterministic, dim, "),
        ({"dim": "5"}, "^dim must be an integer from 1 to 1000000, got '5'$"),
        (
            {"lr": 0.1, "lr_min": 0.2},
            "lr_min must not exceed the learning rate: got `lr_min=0.2` and `lr=0.1`",
        ),
    ],
)
def test_options_are_checked_before_anything_else(options, message):
    with pytest.raises(ConfigError, match=message):
        w2v.train("no such file", **options)


# Vocabularies that are given


def test_a_given_vocabulary_rules_rows_and_order(tmp_path):
    words = ["fox", "unicorn", "the", "dog"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    model = w2v.train(LINES, vocab=words, **TINY)
    assert model.words == words
    assert model.counts.tolist() == [10, 0, 30, 20]
    assert model.meta["corpus"]["unseen_words"] == 1
    assert model.meta["corpus"]["dropped_unlisted"] == 60
    for given in (tmp_path / "vocab.txt", str(tmp_path / "vocab.txt"), tuple(words), iter(words)):
        assert same(w2v.train(LINES, vocab=given, **TINY), model)


@pytest.mark.parametrize(
    ("vocab", "error", "message"),
    [
        ([], InputError, "the vocabulary given is empty"),
        (["a", "b", "a"], InputError, "repeats the word 'a' of line 1 in line 3"),
        (["a", 1], InputError, "the given vocabulary contains 1: expected strings"),
        (b"abc", InputError, "the given vocabulary contains 97:"),
        ("no such file", InputError, "cannot read the vocabulary no such file"),
        (["unicorn"], VocabularyError, "none of the 1 given words occurs in the corpus"),
    ],
)
def test_an_unusable_vocabulary_is_rejected(vocab, error, message):
    for call in (w2v.train, w2v.read_corpus, read_vocabulary):
        with pytest.raises(error, match=message):
            call(LINES, vocab=vocab, **TINY)


# Reading without training


def test_a_corpus_is_read_for_other_uses(tmp_path):
    with w2v.read_corpus(LINES, work_dir=tmp_path, min_count=1) as corpus:
        assert corpus.vocabulary.words == WORDS
        assert corpus.text.words == 120
        assert corpus.text.lines == 20
        first = next(corpus.text.sentences())
        assert [WORDS[i] for i in first] == TOKENS[0]
        assert len(list(tmp_path.iterdir())) == 1
    assert list(tmp_path.iterdir()) == []


def test_pairs_of_a_corpus_are_those_of_its_lines():
    with w2v.read_corpus(LINES[:2], min_count=1) as corpus:
        found = [
            (corpus.vocabulary.words[a], corpus.vocabulary.words[b])
            for a, b in w2v.skipgram_pairs(corpus.text)
        ]
    assert found == list(w2v.skipgram_pairs(TOKENS[:2]))


def test_a_vocabulary_is_read_alone():
    observe, heard = reports(CorpusRead)
    vocabulary, report = read_vocabulary(LINES, min_count=20, observer=observe)
    assert vocabulary.words == ["the", "dog"]
    assert heard == [report]
    assert (report.tokens, report.kept_tokens, report.dropped_rare) == (120, 50, 70)


def test_nothing_is_left_of_a_reading_that_fails(tmp_path):
    with pytest.raises(VocabularyError, match="no word occurs 1000 times"):
        w2v.read_corpus(LINES, work_dir=tmp_path, min_count=1000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("call", [w2v.train, w2v.read_corpus])
def test_a_missing_work_folder_is_named(call, tmp_path):
    with pytest.raises(
        OutputError, match=r"store the encoded text in .*none: the directory does not exist"
    ):
        call(LINES, work_dir=tmp_path / "none", **TINY)


def test_a_work_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", refuse)
    with pytest.raises(
        OutputError, match=f"a temporary directory in {tmp_path}: Permission denied; c"
    ):
        w2v.train(LINES, work_dir=tmp_path, **TINY)


# The model on disk


def test_the_model_is_saved_and_loaded(tmp_path):
    observe, heard = reports(Saved)
    model = w2v.train(LINES, output=tmp_path / "m.w2v", observer=observe, **TINY)
    loaded = w2v.load(tmp_path / "m.w2v")
    assert same(loaded, model)
    assert loaded.meta == model.meta
    assert [path.name for path in tmp_path.iterdir()] == ["m.w2v"]
    (saved,) = heard
    assert (saved.path, saved.words, saved.dim) == (str(tmp_path / "m.w2v"), 9, 8)


def test_a_model_is_replaced_only_with_overwrite(tmp_path):
    w2v.train(LINES, output=tmp_path / "m", **TINY)
    with pytest.raises(OutputError, match=r"m exists already; choose another name, or replace"):
        w2v.train(LINES[:2], output=tmp_path / "m", **TINY)
    assert w2v.load(tmp_path / "m").counts[0] == 30
    w2v.train(LINES[:2], output=str(tmp_path / "m"), overwrite=True, **TINY)
    assert w2v.load(tmp_path / "m").counts[0] == 3


def test_the_output_is_checked_before_the_text(tmp_path):
    (tmp_path / "m").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        w2v.train("no such file", output=tmp_path / "m", **TINY)
    with pytest.raises(OutputError, match="there is no directory"):
        w2v.train("no such file", output=tmp_path / "no" / "m", **TINY)


def test_a_failing_run_leaves_the_old_model_as_it_was(tmp_path):
    w2v.train(LINES, output=tmp_path / "m", **TINY)
    before = {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()}

    def fail(event: Event) -> None:
        if isinstance(event, EpochDone):
            raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        w2v.train(LINES, output=tmp_path / "m", overwrite=True, observer=fail, **TINY)
    assert {path.name: path.read_bytes() for path in (tmp_path / "m").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


def test_meta_records_the_training(tmp_path):
    model = w2v.train(LINES, output=tmp_path / "m", validation=0.3, **TINY)
    meta = json.loads((tmp_path / "m" / "meta.json").read_text())
    assert meta.pop("format_version") == 1
    assert meta == model.meta
    json.dumps(meta, allow_nan=False)
    assert meta["w2v_version"] == w2v.__version__
    config = Config(validation=0.3, **TINY)
    assert meta["config"] == config.as_dict() | {
        "lr_min": 5e-6,
        "negative_sharing": 64,
        "shared_negatives": 16,
    }
    assert meta["tokenizer"] == {
        "name": "unicode",
        "lowercase": True,
        "max_word_bytes": 1000,
        "unicode": meta["tokenizer"]["unicode"],
    }
    corpus = meta["corpus"]
    assert (corpus["stage"], corpus["tokens"], corpus["lines"]) == ("corpus", 120, 20)
    assert (corpus["types"], corpus["vocabulary"], corpus["coverage"]) == (9, 9, 1.0)
    training = meta["training"]
    assert training["held_out_lines"] > 0
    assert training["lines"] + training["held_out_lines"] == 20
    assert training["words"] + training["held_out_words"] == 120
    assert [epoch["epoch"] for epoch in meta["epochs"]] == [1, 2]
    for epoch in meta["epochs"]:
        assert epoch["pairs"] > 0
        assert 0 < epoch["loss"] < 6 * np.log(2) + 0.1  # what a new model scores is 6 log 2
        assert 0 < epoch["validation_loss"] < 6 * np.log(2) + 0.1
    timings = {**meta["timings"]}
    stages = timings.pop("stages")
    assert stages.keys() == {field.name for field in dataclasses.fields(StageTimes)}
    assert timings.keys() == {"compiling", "reading", "training", "writing"}
    assert all(seconds > 0 for seconds in [*timings.values(), *stages.values()])
    expected = training["words"] * 2 / meta["timings"]["training"]
    assert meta["words_per_second"] == pytest.approx(expected)
    assert meta["made_with"] == {
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
    }


def test_meta_records_the_values_of_defaults():
    options = {name: value for name, value in TINY.items() if name != "threads"}
    meta = w2v.train(LINES, **options).meta
    assert meta["config"]["threads"] == Config().thread_count
    assert meta["config"]["lr_min"] == pytest.approx(0.05e-4)


# Reports


def test_reports_come_in_order(tmp_path):
    observe, heard = reports()
    w2v.train(LINES, output=tmp_path / "m", observer=observe, **TINY)
    stages = [event.stage for event in heard if not isinstance(event, Compiling)]
    runs = [stage for i, stage in enumerate(stages) if stages[i - 1 : i] != [stage]]
    assert runs == ["reading", "corpus", "training", "epoch", "training", "epoch", "saved"]


def test_reports_agree_with_each_other():
    observe, heard = reports(Reading, CorpusRead, Training, EpochDone)
    w2v.train(LINES, observer=observe, **TINY)
    reading = [event for event in heard if isinstance(event, Reading)]
    (corpus,) = (event for event in heard if isinstance(event, CorpusRead))
    training = [event for event in heard if isinstance(event, Training)]
    epochs = [event for event in heard if isinstance(event, EpochDone)]
    assert reading[-1].tokens == corpus.tokens == 120
    done = [event.done_words for event in training]
    assert done == sorted(done)
    assert done[-1] == training[-1].total_words == 240
    assert training[-1].seconds_left == 0
    assert training[-1].loss == epochs[-1].loss
    assert training[-1].lr == epochs[-1].lr == pytest.approx(5e-6)
    assert epochs[0].lr == pytest.approx((0.05 + 5e-6) / 2)


def test_reports_are_plain_values():
    observe, heard = reports()
    w2v.train(LINES, observer=observe, validation=0.3, **TINY)
    for event in heard:
        for name, value in event.as_dict().items():
            assert type(value) in {str, int, float, type(None)}, (event.stage, name, value)


# What can go wrong in training


@overflowing
def test_divergence_is_reported(tmp_path):
    expected = (
        r"^training diverged: the vectors hold NaN or infinity in epoch \d+ at learning rate "
        r"\S+; use a lower learning rate than `lr=1e\+30`, for example `lr=0\.05`, "
        r"or a lower value than `negative_sharing=64`$"
    )
    with pytest.raises(DivergenceError, match=expected):
        w2v.train(LINES, output=tmp_path / "m", **{**TINY, "lr": 1e30})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("corpus", [["a"], ["a", "b", "a"], [["a"], ["b"]]])
def test_no_pair_to_train_on(corpus):
    with pytest.raises(VocabularyError, match=r"^there is no pair to train on: the text has . words of"):
        w2v.train(corpus, **TINY)


def test_subsampling_may_leave_no_pair():
    with pytest.raises(VocabularyError, match=r"subsampling \(`sample=1e-09`\) left no line"):
        w2v.train(LINES[:2], **{**TINY, "sample": 1e-9})


def test_memory_is_checked_before_the_text_is_read(monkeypatch):
    def lines():
        yield LINES[0]
        pytest.fail("the second line is read")

    monkeypatch.setattr(preflight, "available_memory", lambda: 1000)
    with pytest.raises(ResourceError, match="training up to 1 words at dim 8 needs"):
        w2v.train(lines(), vocab_size=3, **TINY)


@pytest.mark.parametrize("seed", range(8))
def test_validation_of_tiny_texts(seed):
    """Whatever side the few lines fall on, there is a model or a clear error."""
    options = {**TINY, "validation": 0.5, "seed": seed}
    with w2v.read_corpus(LINES[:2], **options) as corpus:
        lines = corpus.text.lines
    if not lines:
        with pytest.raises(VocabularyError, match="there is no pair to train on"):
            w2v.train(LINES[:2], **options)
        return
    model = w2v.train(LINES[:2], **options)
    training = model.meta["training"]
    assert (training["lines"], training["held_out_lines"]) == (lines, 2 - lines)
    for epoch in model.meta["epochs"]:
        assert (epoch["validation_loss"] is None) == (training["held_out_lines"] == 0)


def test_tiny_texts_fall_on_either_side():
    """So the test above sees every case."""
    sides = set()
    for seed in range(8):
        with w2v.read_corpus(LINES[:2], min_count=1, validation=0.5, seed=seed) as corpus:
            sides.add(corpus.text.lines)
    assert sides == {0, 1, 2}


@compiled_only
def test_the_validation_loss_falls():
    model = w2v.train(KJV, dim=16, epochs=3, threads=1, validation=0.05, sample=1e-2)
    losses = [epoch["validation_loss"] for epoch in model.meta["epochs"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.97 * losses[0]


@compiled_only
def test_more_words_than_16_bits_can_number():
    words = [f"w{i}" for i in range(70_000)]
    lines = [words[i : i + 10] for i in range(0, len(words), 10)]
    with w2v.read_corpus(lines, min_count=1, vocab_size=100_000) as corpus:
        assert corpus.text.ids.dtype == np.uint32
    model = w2v.train(
        lines, vocab_size=100_000, min_count=1, sample=0, dim=2, epochs=1, threads=1, window=1
    )
    assert model.words == sorted(words)
    assert np.isfinite(model.matrix).all()
    assert model.meta["epochs"][0]["pairs"] == 2 * 9 * 7_000


# The compiler


def test_compiling_is_reported(monkeypatch):
    monkeypatch.setattr(warmup, "_REPORT_SECONDS", 0.0)
    observe, heard = reports(Compiling)
    w2v.train(LINES, observer=observe, **TINY)
    assert heard == [Compiling(str(cache_directory()))]


def test_a_small_text_is_not_refused_for_the_words_it_cannot_have(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: 10**9)
    text = tmp_path / "text.txt"
    text.write_text("a b c\n" * 20)
    assert len(w2v.train(text, vocab_size=10**7, dim=200, sample=0, epochs=1)) == 3


def test_memory_is_checked_again_for_the_words_there_are(monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: 10**9)
    monkeypatch.setattr(preflight, "used_memory", lambda: 0)
    monkeypatch.setattr(preflight, "max_words", lambda *_: 1)
    lines = [[f"word{i}"] for i in range(2000)]
    with pytest.raises(ResourceError, match=r"training 2,000 words at dim 50,000 needs 1\.20 GB"):
        w2v.train(lines, min_count=1, dim=50_000)
