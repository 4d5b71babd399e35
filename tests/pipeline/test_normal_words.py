"""Words in normalization form C, through all of a run: training, vocabularies and continuing."""

from __future__ import annotations

import json
import unicodedata

import numpy as np
import pytest

import w2v
from w2v.text.definition import WordDefinition

OPTIONS = {"min_count": 1, "dim": 4, "epochs": 1, "threads": 1, "sample": 0}
TEXT = "Café naïve İzmir ❤\ufe0f __ co\u00adop\n" * 3
WORDS = ["café", "coop", "izmir", "naïve"]


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


@pytest.mark.parametrize("threads", [1, 3])
def test_equivalent_texts_give_the_same_words_and_counts(threads):
    lines = [TEXT, decomposed(TEXT)] * 3
    model = w2v.train(lines, **OPTIONS | {"threads": threads})
    assert model.words == WORDS
    assert model.counts.tolist() == [18] * 4
    assert model.meta["corpus"]["types"] == 4
    assert model.meta["tokenizer"]["edition"] == 2
    assert model.encode(decomposed("Café NAÏVE"), rows="none").tolist() == [0, 3]


def test_a_decomposed_text_trains_the_same_vectors():
    matrices = [w2v.train([text], **OPTIONS).matrix for text in (TEXT, decomposed(TEXT))]
    assert np.array_equal(*matrices)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_given_words_are_normalized(form, tmp_path):
    given = [unicodedata.normalize(form, word) for word in ("naïve", "café", "ǰ")]
    (tmp_path / "words").write_text("\n".join(given), encoding="utf-8")
    for vocab in (given, tmp_path / "words"):
        model = w2v.train([TEXT], vocab=vocab, **OPTIONS)
        assert model.words == ["naïve", "café", "ǰ"]
        assert model.counts.tolist() == [3, 3, 0]


def test_given_words_must_differ_in_normal_form():
    message = "vocabulary in normalization form C repeats the word 'café' of line 1 in line 2"
    with pytest.raises(w2v.W2VError, match=message):
        w2v.train([TEXT], vocab=["café", decomposed("café")], **OPTIONS)
    # The other tokenizer distinguishes them.
    options = OPTIONS | {"tokenizer": "whitespace"}
    model = w2v.train(["Café Café"], vocab=["Café", decomposed("Café")], **options)
    assert model.words == ["Café", decomposed("Café")]


def to_first_edition(path) -> None:
    """Make a saved model one of the first edition, which recorded none."""
    meta = json.loads((path / "meta.json").read_text(encoding="utf-8"))
    del meta["tokenizer"]["edition"]
    (path / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


def test_a_model_of_the_first_edition_keeps_it(tmp_path, monkeypatch):
    path, text = tmp_path / "m", tmp_path / "text"
    text.write_text(decomposed(TEXT), encoding="utf-8")
    first = WordDefinition("unicode", True, edition=1)
    with monkeypatch.context() as context:
        context.setattr(WordDefinition, "from_config", lambda *_, **__: first)
        model = w2v.train(text, output=path, **OPTIONS)
    to_first_edition(path)
    assert decomposed("café") in model.words
    assert {"__", "\ufe0f", "co", "op"} <= set(model.words)
    old = w2v.load(path)
    assert old.tokenize("co\u00adop __") == ["co", "op", "__"]
    assert old.id_of("café") == old.id_of(decomposed("café"))
    # More epochs on the same text, and another text.
    more = w2v.resume(path, epochs=2)
    assert more.words == model.words
    assert more.meta["tokenizer"]["edition"] == 1
    other = w2v.train(["co\u00adop ___"], init=path, **OPTIONS)
    assert other.words == [*model.words, "___"]
    assert other.meta["tokenizer"]["edition"] == 1


def test_equivalent_words_of_an_initial_model_are_found(tmp_path):
    vectors = w2v.Embeddings([decomposed("café"), "x"], np.eye(2, 4, dtype=np.float32))
    vectors.save(path := tmp_path / "old")
    model = w2v.train(["café naïve"] * 2, init=path, **OPTIONS)
    assert model.words == [decomposed("café"), "x", "naïve"]
    assert model.counts.tolist() == [2, 0, 2]
