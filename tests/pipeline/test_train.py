"""Training in one call of the Python API."""

from __future__ import annotations

import dataclasses
import glob
import json
import logging
import os
import platform
import tempfile
import time
from pathlib import Path

import numba
import numpy as np
import pytest

import w2v
from support import (
    KJV,
    LINES,
    TINY,
    WORDS,
    Killed,
    compiled_only,
    content,
    names,
    overflowing,
    raise_on,
)
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
from w2v.events import Compiling, CorpusRead, EpochDone, Event, Notice, Reading, Saved, Training
from w2v.pipeline import preflight, warmup
from w2v.pipeline.checkpoint import Checkpoint
from w2v.pipeline.read import read_vocabulary
from w2v.text import compiling
from w2v.training.model import new_matrices

TOKENS = [line.split() for line in LINES]


@pytest.fixture
def text(tmp_path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def model() -> w2v.Embeddings:
    return w2v.train(LINES, **TINY)


def equal(one: w2v.Embeddings, other: w2v.Embeddings) -> bool:
    return (
        one.words == other.words
        and one.counts.tolist() == other.counts.tolist()
        and one.matrix.tobytes() == other.matrix.tobytes()
    )


def recorder(*kinds: type[Event]):
    """Return an observer, and the list to which it appends the events of some kinds, or all."""
    events: list[Event] = []

    def observe(event: Event) -> None:
        if not kinds or isinstance(event, kinds):
            events.append(event)

    return observe, events


# Forms of a corpus


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
    assert equal(w2v.train(corpus, **TINY), model)


@pytest.mark.parametrize(
    "form", [str, Path, lambda path: [str(path)], lambda path: [path], lambda path: path.parent]
)
def test_paths_in_any_form_give_the_same_model(form, text, model):
    assert equal(w2v.train(form(text), **TINY), model)


def test_several_paths_are_read_in_order(tmp_path, model):
    for i, line in enumerate(LINES):
        (tmp_path / f"{i:02}.txt").write_text(line)
    paths = [tmp_path / f"{i:02}.txt" for i in range(len(LINES))]
    assert equal(w2v.train(paths, **TINY), model)
    assert equal(w2v.train([str(path) for path in paths], **TINY), model)


def test_lists_of_tokens_are_not_tokenized():
    model = w2v.train([["New York", "is", "Big!"]] * 20, **TINY)
    assert sorted(model.words) == ["Big!", "New York", "is"]
    assert model.meta["tokenizer"]["name"] == "tokens"
    assert not model.meta["tokenizer"]["lowercase"]


@pytest.mark.parametrize("corpus", [[], (), iter([]), [""], [[]], [[], []], ["", " .,"]])
def test_a_corpus_without_words_is_rejected(corpus):
    with pytest.raises(VocabularyError, match=r"^the corpus has no words: "):
        w2v.train(corpus, **TINY)


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (None, r"the corpus is a NoneType: expected a path, a list of paths, or an iterable"),
        (7, r"the corpus is a int: expected a path"),
        (b"text", r"the corpus is a bytes: expected a path"),
        ([1, 2], r"item 0 of the corpus is 1: expected a string, or a list of tokens"),
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
        ({"dimension": 5}, "^unknown option 'dimension'; the options are allow_mixed, column"),
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


# A given vocabulary


def test_a_given_vocabulary_determines_rows_and_order(tmp_path):
    words = ["fox", "unicorn", "the", "dog"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    model = w2v.train(LINES, vocab=words, **TINY)
    assert model.words == words
    assert model.counts.tolist() == [10, 0, 30, 20]
    assert model.meta["corpus"]["unseen_words"] == 1
    assert model.meta["corpus"]["dropped_unlisted"] == 60
    for given in (tmp_path / "vocab.txt", str(tmp_path / "vocab.txt"), tuple(words), iter(words)):
        assert equal(w2v.train(LINES, vocab=given, **TINY), model)


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


def test_read_corpus_gives_the_vocabulary_and_the_encoded_text(tmp_path):
    with w2v.read_corpus(LINES, work_dir=tmp_path, min_count=1) as corpus:
        assert corpus.vocabulary.words == WORDS
        assert corpus.text.words == 120
        assert corpus.text.lines == 20
        first = next(corpus.text.sentences())
        assert [WORDS[i] for i in first] == TOKENS[0]
        assert len(names(tmp_path)) == 1
    assert names(tmp_path) == []


def test_the_pairs_of_a_corpus_are_those_of_its_lines():
    with w2v.read_corpus(LINES[:2], min_count=1) as corpus:
        pairs = [
            (corpus.vocabulary.words[a], corpus.vocabulary.words[b])
            for a, b in w2v.skipgram_pairs(corpus.text)
        ]
    assert pairs == list(w2v.skipgram_pairs(TOKENS[:2]))


def test_read_vocabulary_gives_the_vocabulary_and_a_report():
    observe, events = recorder(CorpusRead)
    vocabulary, report = read_vocabulary(LINES, min_count=20, observer=observe)
    assert vocabulary.words == ["the", "dog"]
    assert events == [report]
    assert (report.tokens, report.kept_tokens, report.dropped_rare) == (120, 50, 70)


def test_a_failed_reading_leaves_no_files(tmp_path):
    with pytest.raises(VocabularyError, match="no word occurs 1000 times"):
        w2v.read_corpus(LINES, work_dir=tmp_path, min_count=1000)
    assert names(tmp_path) == []


@pytest.mark.parametrize("call", [w2v.train, w2v.read_corpus])
def test_a_missing_work_dir_is_reported(call, tmp_path):
    with pytest.raises(
        OutputError, match=r"store the encoded text in .*none: the directory does not exist"
    ):
        call(LINES, work_dir=tmp_path / "none", **TINY)


def test_an_unwritable_work_dir_is_reported(tmp_path, monkeypatch):
    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", deny)
    with pytest.raises(
        OutputError, match=f"a temporary directory in {tmp_path}: Permission denied; c"
    ):
        w2v.train(LINES, work_dir=tmp_path, **TINY)


# The saved model


def test_the_model_is_saved_and_loaded(tmp_path):
    observe, events = recorder(Saved)
    model = w2v.train(LINES, output=tmp_path / "m.w2v", observer=observe, **TINY)
    loaded = w2v.load(tmp_path / "m.w2v")
    assert equal(loaded, model)
    assert loaded.meta == model.meta
    assert names(tmp_path) == ["m.w2v"]
    (saved,) = events
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


def test_a_failed_run_does_not_change_the_old_model(tmp_path):
    w2v.train(LINES, output=tmp_path / "m", **TINY)
    before = content(tmp_path / "m")

    def fail(event: Event) -> None:
        if isinstance(event, EpochDone):
            raise RuntimeError("stop here")

    with pytest.raises(RuntimeError, match="stop here"):
        w2v.train(LINES, output=tmp_path / "m", overwrite=True, observer=fail, **TINY)
    assert content(tmp_path / "m") == before
    assert names(tmp_path) == ["m"]


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
        "rounds": None,
    }
    assert meta["tokenizer"] == {
        "name": "unicode",
        "lowercase": True,
        "max_word_bytes": 1000,
        "unicode": meta["tokenizer"]["unicode"],
        "edition": 2,
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
        assert 0 < epoch["loss"] < 6 * np.log(2) + 0.1  # a new model has a loss of 6 log 2
        assert 0 < epoch["validation_loss"] < 6 * np.log(2) + 0.1
    timings = {**meta["timings"]}
    stages = timings.pop("stages")
    assert stages.keys() == {field.name for field in dataclasses.fields(StageTimes)}
    assert timings.keys() == {"compiling", "reading", "training", "writing"}
    assert stages.pop("phrases") == 0
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


# Events


def test_events_are_sent_in_order(tmp_path):
    observe, events = recorder()
    w2v.train(LINES, output=tmp_path / "m", observer=observe, **TINY)
    stages = [event.stage for event in events if not isinstance(event, Compiling)]
    runs = [stage for i, stage in enumerate(stages) if stages[i - 1 : i] != [stage]]
    assert runs == [
        "reading",
        "corpus",
        "plan",
        "training",
        "epoch",
        "training",
        "epoch",
        "usage",
        "saved",
    ]


def test_events_are_consistent():
    observe, events = recorder(Reading, CorpusRead, Training, EpochDone)
    w2v.train(LINES, observer=observe, **TINY)
    reading = [event for event in events if isinstance(event, Reading)]
    (corpus,) = (event for event in events if isinstance(event, CorpusRead))
    training = [event for event in events if isinstance(event, Training)]
    epochs = [event for event in events if isinstance(event, EpochDone)]
    assert reading[-1].tokens == corpus.tokens == 120
    done = [event.done_words for event in training]
    assert done == sorted(done)
    assert done[-1] == training[-1].total_words == 240
    assert training[-1].seconds_left == 0
    assert training[-1].lr == epochs[-1].lr == pytest.approx(5e-6)
    assert epochs[0].lr == pytest.approx((0.05 + 5e-6) / 2)


def test_events_have_plain_values():
    observe, events = recorder()
    w2v.train(LINES, observer=observe, validation=0.3, **TINY)
    for event in events:
        for name, value in event.as_dict().items():
            assert type(value) in {str, int, float, type(None)}, (event.stage, name, value)


# Errors in training


@overflowing
def test_divergence_is_reported(tmp_path):
    expected = (
        r"^training diverged: the vectors hold NaN or infinity in epoch \d+ at learning rate "
        r"\S+; use a lower learning rate than `lr=1e\+30`, for example `lr=0\.05`, "
        r"or a lower value than `negative_sharing=64`, or drop frequent words, for example with "
        r"`sample=0\.001`$"
    )
    with pytest.raises(DivergenceError, match=expected):
        w2v.train(LINES, output=tmp_path / "m", **{**TINY, "lr": 1e30})
    assert names(tmp_path) == []


@pytest.mark.parametrize("corpus", [["a"], ["a", "b", "a"], [["a"], ["b"]]])
def test_a_corpus_without_pairs_is_rejected(corpus):
    with pytest.raises(
        VocabularyError, match=r"^there is no pair to train on: the text has . words of"
    ):
        w2v.train(corpus, **TINY)


def test_subsampling_that_leaves_no_pair_is_rejected():
    with pytest.raises(VocabularyError, match=r"subsampling \(`sample=1e-09`\) left no line"):
        w2v.train(LINES[:2], **{**TINY, "sample": 1e-9})


def test_memory_is_checked_before_the_text_is_read(monkeypatch):
    def lines():
        yield LINES[0]
        pytest.fail("the second line was read")

    monkeypatch.setattr(preflight, "available_memory", lambda: 1000)
    with pytest.raises(ResourceError, match="training up to 1 words at dim 8 needs"):
        w2v.train(lines(), vocab_size=3, **TINY)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("lines", [LINES[:2], [" ".join(LINES)]], ids=["two lines", "one line"])
def test_validation_of_tiny_texts(lines, seed):
    """Whatever the seed draws, something is trained on, and something is held out."""
    model = w2v.train(lines, **{**TINY, "validation": 0.5, "seed": seed})
    training = model.meta["training"]
    assert (training["lines"], training["held_out_lines"]) == (1, 1)
    assert all(epoch["validation_loss"] > 0 for epoch in model.meta["epochs"])


@compiled_only
def test_the_validation_loss_decreases():
    model = w2v.train(KJV, dim=16, epochs=3, threads=1, validation=0.05, sample=1e-2)
    losses = [epoch["validation_loss"] for epoch in model.meta["epochs"]]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.97 * losses[0]


@compiled_only
def test_a_vocabulary_beyond_16_bit_ids():
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


# Compilation and memory


def test_slow_compilation_is_reported(monkeypatch):
    observe, events = recorder(Compiling)

    def wait_for_report() -> None:
        deadline = time.monotonic() + 60
        while not events and time.monotonic() < deadline:
            time.sleep(0.01)

    monkeypatch.setattr(compiling, "_REPORT_SECONDS", 0.0)
    monkeypatch.setattr(warmup, "read_text", wait_for_report)
    w2v.train(LINES, observer=observe, **TINY)
    assert events == [Compiling(str(cache_directory()))]


def test_vocab_size_does_not_reject_a_small_text(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: 10**9)
    text = tmp_path / "text.txt"
    text.write_text("a b c\n" * 20)
    assert len(w2v.train(text, vocab_size=10**7, dim=200, sample=0, epochs=1)) == 3


def test_memory_is_checked_again_for_the_actual_vocabulary(monkeypatch):
    monkeypatch.setattr(preflight, "available_memory", lambda: 10**9)
    monkeypatch.setattr(preflight, "used_memory", lambda: 0)
    monkeypatch.setattr(preflight, "max_words", lambda *_: 1)
    lines = [[f"word{i}"] for i in range(2000)]
    with pytest.raises(ResourceError, match=r"training 2,000 words at dim 50,000 needs 1\.20 GB"):
        w2v.train(lines, min_count=1, dim=50_000)


# Encodings and directories


def test_the_encoding_is_applied_and_recorded(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(("Größe München schön\n" * 9).encode("latin-1"))
    with pytest.raises(InputError, match=r"a\.txt is not UTF-8: 36 of 36 non-ASCII bytes are inv"):
        w2v.train(path, **TINY)
    model = w2v.train(path, encoding="latin1", output=tmp_path / "m", **TINY)
    assert sorted(model.words) == ["größe", "münchen", "schön"]
    recorded = w2v.load(tmp_path / "m").meta
    assert recorded["config"]["encoding"] == recorded["job"]["config"]["encoding"] == "iso8859-1"
    assert w2v.train(LINES, **TINY).meta["config"]["encoding"] is None


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("names", [("a", "b", "x"), ("a", "x", "b"), ("x", "a", "b")])
def test_each_file_is_judged_on_its_own(names, threads, tmp_path):
    for number, name in enumerate(names):
        encoding = "latin-1" if name == "x" else "utf-8"
        lines = "Größe München\n" * (2 if name == "x" else 5_000)
        (tmp_path / f"{number}{name}").write_text(lines, encoding)
    with pytest.raises(InputError, match=rf"{tmp_path}/.x is not UTF-8: 6 of 6 non-ASCII bytes"):
        w2v.train(tmp_path, **TINY | {"threads": threads})
    for path in tmp_path.iterdir():
        if "x" not in path.name:
            path.write_text(path.read_text() + "\udcff", errors="surrogateescape")
        else:
            path.unlink()
    events = []
    read_vocabulary(tmp_path, observer=events.append, threads=threads)
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.message.startswith("2 bytes are not valid in the encoding of the text, and treat")
    assert notice.message.count("1 in ") == 2


def kill_while_reading(monkeypatch, corpus, **options) -> None:
    """Train, and die while the corpus is read: nothing is cleaned up."""
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", lambda self: self.close())
        with pytest.raises(Killed):
            w2v.train(corpus, observer=raise_on(Killed, Reading), **options)


def test_a_resumed_run_has_the_same_encoding(monkeypatch, tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(("Größe München schön\n" * 9).encode("latin-1"))
    options = {**TINY, "encoding": "latin-1"}
    kill_while_reading(monkeypatch, path, output=tmp_path / "m", **options)
    message = (
        r"^encoding cannot change when training resumes: it started with `encoding='iso8859-1'`, "
        r"got `encoding='cp1251'`"
    )
    with pytest.raises(ConfigError, match=message):
        w2v.resume(tmp_path / "m", encoding="cp1251")
    model = w2v.resume(tmp_path / "m", encoding="latin1")
    assert sorted(model.words) == ["größe", "münchen", "schön"]
    assert len(w2v.resume(tmp_path / "m", epochs=5).meta["epochs"]) == 5


TABLE = "id,text\n" + "".join(f'{i},"{line}"\n' for i, line in enumerate(LINES))
RECORDS = "".join(json.dumps({"id": i, "text": line}) + "\n" for i, line in enumerate(LINES))


@pytest.mark.parametrize(
    ("content", "options"),
    [(TABLE, {"column": "text", "sep": ","}), (RECORDS, {"json_field": "text"})],
)
def test_a_column_or_field_gives_the_model_of_its_text(content, options, text, tmp_path):
    path = tmp_path / "a.dat"
    path.write_text(content)
    expected = w2v.train(text, **TINY)
    model = w2v.train(path, output=tmp_path / "m", **options, **TINY)
    assert model.words == expected.words
    assert (model.matrix == expected.matrix).all()
    for config in (model.meta["config"], w2v.load(tmp_path / "m").meta["job"]["config"]):
        assert {name: config[name] for name in options} == options
    more = w2v.resume(tmp_path / "m", epochs=3)
    assert len(more.meta["epochs"]) == 3
    (name,) = options.keys() - {"sep"}
    with pytest.raises(ConfigError, match=f"^{name} cannot change when training resumes: it star"):
        w2v.resume(tmp_path / "m", epochs=4, **{name: "id"})
    with w2v.read_corpus(path, min_count=1, **options) as corpus:
        assert sorted(corpus.vocabulary.words) == sorted(expected.words)


def test_a_run_that_is_killed_while_reading_resumes_with_the_same_column(monkeypatch, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(TABLE)
    options = {**TINY, "column": "text"}
    expected = w2v.train(path, **options)
    kill_while_reading(monkeypatch, path, output=tmp_path / "m", **options)
    with pytest.raises(ConfigError, match=r"^column cannot change when training resumes"):
        w2v.resume(tmp_path / "m", column="id")
    model = w2v.resume(tmp_path / "m")
    assert (model.words, model.matrix.tolist()) == (expected.words, expected.matrix.tolist())


def test_notes_about_the_data_are_logged(tmp_path, caplog):
    (tmp_path / "a.txt").write_bytes("schön größer\n".encode() * 50 + b"\xff\n")
    (tmp_path / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    w2v.train(tmp_path, **TINY)
    warnings = [
        record.getMessage() for record in caplog.records if record.levelno == logging.WARNING
    ]
    damaged, skipped = warnings
    assert damaged == (
        "note: 1 byte is not valid in the encoding of the text, and treated as spaces: 1 in "
        f"{tmp_path}/a.txt"
    )
    assert skipped == (
        f"note: skipped 1 file that is not text ({tmp_path}/b.png: a PNG picture); to refuse such "
        "files, pass `strict=True`"
    )


def test_directories_are_read_by_pattern(tmp_path):
    (tmp_path / "a.txt").write_text("a b\n")
    (tmp_path / "b.md").write_text("c d\n")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    for include in ("*.txt", ["*.txt"], iter(("*.txt", "*.csv"))):
        model = w2v.train(tmp_path, include=include, strict=True, **TINY)
        assert sorted(model.words) == ["a", "b"]
    with w2v.read_corpus(tmp_path, include="*.md", min_count=1) as corpus:
        assert corpus.vocabulary.words == ["c", "d"]
    with pytest.raises(InputError, match=r"logo\.png is a PNG picture: expected text; remove it"):
        w2v.train(tmp_path, strict=True, **TINY)


def test_a_resumed_run_reads_the_same_files(monkeypatch, tmp_path):
    texts = tmp_path / "texts"
    texts.mkdir()
    (texts / "a.txt").write_text("a b\n")
    (texts / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    kill_while_reading(monkeypatch, texts, output=tmp_path / "m", **TINY)
    (texts / "new.txt").write_text("c d\n")
    assert sorted(w2v.resume(tmp_path / "m").words) == ["a", "b"]


@pytest.mark.parametrize("include", [5, [5], None, "", ["*.txt", ""]])
def test_wrong_patterns_are_rejected(include, tmp_path):
    with pytest.raises(ConfigError, match=r"^include must be patterns such as '\*\.txt', got "):
        w2v.train(tmp_path, include=include)
    with pytest.raises(ConfigError, match=r"^strict must be True or False, got 1"):
        w2v.train(tmp_path, strict=1)


def test_file_names_are_not_trained_on_as_text(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reviews").mkdir()
    for name in ("1.txt", "2.txt"):
        (tmp_path / "reviews" / name).write_text("the dog sleeps\n")
    for corpus in (
        glob.iglob("reviews/*.txt"),  # noqa: PTH207 - users do this
        Path("reviews").glob("*.txt"),
        map(os.path.join, ["reviews"] * 2, ["1.txt", "2.txt"]),
    ):
        assert sorted(w2v.train(corpus, **TINY).words) == ["dog", "sleeps", "the"]
    with pytest.raises(InputError, match=r"but 'missing\.txt' does not exist; pass only paths"):
        w2v.train(["missing.txt", *map(str, Path("reviews").iterdir())], **TINY)
