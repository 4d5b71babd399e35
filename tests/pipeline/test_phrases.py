"""Models with phrases: training, resuming, encoding and exporting them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

import w2v
from support import TINY, raise_on
from w2v.errors import ConfigError
from w2v.events import CorpusRead, EpochDone
from w2v.formats.registry import FORMATS
from w2v.pipeline.encode_file import encode_file

LINES = [
    f"{name} lives in {city} and likes bread and butter"
    for city in ("new york city", "san francisco", "new york city", "bern")
    for name in ("ann", "bob", "eve", "old tom", "tim")
] * 6
OPTIONS = {n: v for n, v in TINY.items() if n != "epochs"} | {
    "dim": 5,
    "min_count": 5,
    "phrases": 2,
    "phrase_threshold": 0.9,
}
PHRASES = {"new_york_city", "san_francisco", "old_tom", "likes_bread_and_butter"}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES) + "\n")
    return path


@pytest.fixture
def model(text, tmp_path):
    return w2v.train(text, output=tmp_path / "model", epochs=2, **OPTIONS)


def joined_phrases(model):
    return {word for word in model.words if "_" in word}


def test_phrases_are_words_of_the_model(model, tmp_path):
    assert joined_phrases(model) == PHRASES
    assert joined_phrases(w2v.load(tmp_path / "model")) == PHRASES
    assert model.meta["corpus"]["phrases"] == 4


def test_texts_are_encoded_as_they_were_for_training(model, text, tmp_path):
    with w2v.read_corpus(text, **OPTIONS) as corpus:
        expected = [sentence.tolist() for sentence in corpus.text.sentences()]
    assert [model.encode(line, rows="none").tolist() for line in LINES] == expected
    as_lists = model.encode([line.split() for line in LINES], rows="pad+unk").tolist()
    assert [[i - 2 for i in row if i] for row in as_lists] == expected
    whole = model.encode("\n".join(LINES), rows="none").tolist()
    assert whole == [i for line in expected for i in line]
    encode_file(model, text, tmp_path / "ids.npy", rows="pad+unk")
    rows = np.load(tmp_path / "ids.npy")
    assert [[i - 2 for i in row if i] for row in rows.tolist()] == expected


def test_lists_of_words_are_joined_as_well(model):
    assert model.encode([["new", "york", "city"]]).tolist() == [[model.id_of("new_york_city") + 2]]


def test_no_phrase_is_joined_over_the_end_of_a_line(model):
    assert len(model.encode("san\nfrancisco")) == 2
    assert len(model.encode(b"san\nfrancisco")) == 2


def test_a_phrase_can_be_looked_up_as_it_is_written(model):
    assert model.id_of("San Francisco") == model.id_of("san_francisco")
    assert "new york city" in model
    assert "new york town" not in model


@pytest.mark.parametrize("event", [CorpusRead, EpochDone])
def test_an_interrupted_training_resumes_with_the_same_bits(text, model, tmp_path, event):
    output = tmp_path / "again"
    with pytest.raises(KeyboardInterrupt):
        w2v.train(
            text,
            output=output,
            observer=raise_on(KeyboardInterrupt, event),
            checkpoint_every=1e-9,
            epochs=2,
            **OPTIONS,
        )
    resumed = w2v.resume(output)
    assert resumed.words == model.words
    assert resumed.matrix.tobytes() == model.matrix.tobytes()
    assert resumed.meta["tokenizer"] == model.meta["tokenizer"]


def test_more_epochs_join_the_same_phrases(text, model, tmp_path):
    longer = w2v.resume(tmp_path / "model", epochs=4)
    assert longer.words == model.words
    assert longer.meta["tokenizer"] == model.meta["tokenizer"]
    assert longer.meta["training"] == model.meta["training"]


@pytest.mark.parametrize("as_lists", [False, True])
def test_an_initial_model_determines_the_phrases(model, tmp_path, as_lists):
    lines = ["zoe lives in san francisco and has lived in new delhi"] * 9
    corpus = [line.split() for line in lines] if as_lists else lines
    options = {name: value for name, value in OPTIONS.items() if not name.startswith("phrase")}
    further = w2v.train(corpus, init=tmp_path / "model", epochs=1, **options)
    assert joined_phrases(further) == PHRASES
    assert {"zoe", "new", "delhi"} <= set(further.words)
    assert not {"san", "francisco"} & set(further.words)


def test_other_phrases_than_those_of_the_initial_model_are_refused(text, model, tmp_path):
    with pytest.raises(ConfigError, match=r"^phrases contradicts the initial model: .* 6 of them"):
        w2v.train(text, init=tmp_path / "model", phrases=1)


def test_an_initial_model_without_phrases_may_get_some(text, tmp_path):
    options = {name: value for name, value in OPTIONS.items() if not name.startswith("phrase")}
    old = w2v.train(text, output=tmp_path / "old", epochs=1, **options)
    new = w2v.train(text, init=tmp_path / "old", epochs=1, **OPTIONS)
    assert new.words[: len(old)] == old.words
    assert joined_phrases(new) == PHRASES


def test_phrases_of_lists_of_tokens_are_recorded(tmp_path):
    lines = [line.split() for line in LINES]
    model = w2v.train(lines, output=tmp_path / "tokens", epochs=1, **OPTIONS)
    assert joined_phrases(model) == PHRASES
    loaded = w2v.load(tmp_path / "tokens")
    assert loaded.encode([["old", "tom"]]).tolist() == [[loaded.id_of("old_tom") + 2]]
    further = w2v.train([["old", "tom", "sings"]] * 9, init=tmp_path / "tokens", dim=5, epochs=1)
    assert "tom" not in further.words


def test_hf_is_refused_because_its_tokenizer_cannot_join_phrases(model, tmp_path):
    with pytest.raises(ConfigError, match=r"cannot join phrases.*such as [a-z_]+; use another"):
        FORMATS["hf"].write(model, tmp_path / "hf")
    assert not (tmp_path / "hf").exists()


def test_damaged_phrases_in_a_model_are_one_clear_error(model, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(tmp_path / "model", damaged)
    loaded = w2v.load(damaged)
    loaded.meta["tokenizer"]["phrases"] = "new york"
    with pytest.raises(ConfigError, match="the phrases that these embeddings record"):
        loaded.encode("new york")


def test_find_phrases_has_one_pass_by_default(text):
    found = w2v.find_phrases(text, phrase_threshold=0.9)
    assert len(found) == 1
    assert {"san francisco", "old tom"} <= {entry.phrase for entry in found[0]}
    assert [entry.score for entry in found[0]] == sorted(
        (entry.score for entry in found[0]), reverse=True
    )
