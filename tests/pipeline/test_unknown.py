"""Out-of-vocabulary words, trained as one word."""

from __future__ import annotations

import numpy as np
import pytest

import w2v
from support import TINY, compiled_only
from w2v.errors import FormatError, VocabularyError

LINES = ["a b rare c a", "b a odd", "odd c", "a c b a b seldom"] * 4 + ["once a b"]
OPTIONS = TINY | {"dim": 5, "min_count": 9}


def mark_unknown(line: str) -> list[str]:
    """Split a line and replace its out-of-vocabulary words."""
    return [word if word in {"a", "b", "c"} else "UNKNOWN" for word in line.split()]


def test_unknown_words_share_an_id_in_the_encoded_text():
    with w2v.read_corpus(LINES, min_count=9, train_unk=True) as corpus:
        words = [*corpus.vocabulary.words, "UNKNOWN"]
        assert words == ["a", "b", "c", "UNKNOWN"]
        lines = [[words[i] for i in line] for line in corpus.text.sentences()]
        assert lines == [mark_unknown(line) for line in LINES]
        assert corpus.unknown_count == sum(line.count("UNKNOWN") for line in lines) == 17
        assert corpus.text.words == sum(map(len, lines))


def test_unknown_words_are_dropped_by_default():
    with w2v.read_corpus(LINES, min_count=9) as corpus:
        assert corpus.unknown_count is None
        assert all(ids.max() < 3 for ids in corpus.text.sentences())


def test_unknown_words_are_trained_like_a_word_of_the_vocabulary():
    model = w2v.train(LINES, train_unk=True, **OPTIONS)
    same = w2v.train(
        [mark_unknown(line) for line in LINES], vocab=["a", "b", "c", "UNKNOWN"], **OPTIONS
    )
    assert model.words == ["a", "b", "c"]
    assert model.matrix.tolist() == same.matrix[:3].tolist()
    assert model.unknown.tolist() == same["UNKNOWN"].tolist()
    assert np.abs(model.unknown).sum() > 0
    assert model.counts.tolist() == same.counts[:3].tolist()


def test_the_unknown_vector_is_saved_and_exported(tmp_path):
    model = w2v.train(LINES, train_unk=True, output=tmp_path / "model", **OPTIONS)
    back = w2v.load(tmp_path / "model")
    assert back.unknown.tolist() == model.unknown.tolist()
    assert back.matrix.tolist() == model.matrix.tolist()
    assert back.matrix_for()[1].tolist() == model.unknown.tolist()
    assert back.encode("a seldom b").tolist() == [2, 1, 3]


@compiled_only
def test_65535_words_and_the_unknown_word_require_wider_ids():
    words = [f"w{i}" for i in range(65_535)]
    lines = [words, ["other", "w0"]]
    with w2v.read_corpus(lines, vocab=words, threads=1) as corpus:
        assert corpus.text.ids.dtype == np.uint16
    with w2v.read_corpus(lines, vocab=words, threads=1, train_unk=True) as corpus:
        assert corpus.text.ids.dtype == np.uint32
        assert corpus.text.ids[-3:].tolist() == [65_535, 0, corpus.text.end_of_line]


@pytest.mark.parametrize(
    ("vocab", "remedy"),
    [(None, "raise `min_count` or lower `vocab_size`"), (["b", "a"], "list fewer words")],
)
def test_a_text_without_unknown_words_is_rejected(vocab, remedy):
    with pytest.raises(VocabularyError) as raised:
        w2v.train(["a b"] * 3, vocab=vocab, min_count=1, train_unk=True)
    assert str(raised.value) == (
        "there are no out-of-vocabulary words to train on: all 2 distinct words of the corpus are "
        f"in the vocabulary; {remedy}, or omit `train_unk`"
    )


def test_a_damaged_unknown_vector_is_rejected(tmp_path):
    w2v.train(LINES, train_unk=True, output=tmp_path / "model", **OPTIONS)
    path = tmp_path / "model" / "unknown.npy"
    np.save(path, np.zeros((1, 4), np.float32))
    with pytest.raises(FormatError, match=r"model: the vector of unknown words must be 5 floats"):
        w2v.load(tmp_path / "model")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(FormatError, match=r"unknown\.npy: an array of shape \(1, 4\)"):
        w2v.load(tmp_path / "model")
