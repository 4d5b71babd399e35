"""Rows of padding and unknown words in a file, as those of a layout."""

from __future__ import annotations

import json

import numpy as np
import pytest

import w2v
from commands import run
from w2v.errors import ConfigError
from w2v.formats.special_rows import PADDING_NAMES, UNKNOWN_NAMES

GLOVE = "<pad> 0 0\nthe 1 2\n[UNK] 3 4\ncat 5 6\n"


@pytest.fixture
def glove(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "glove.txt").write_text(GLOVE)
    return tmp_path / "glove.txt"


def test_they_are_words_unless_asked(glove):
    assert w2v.load(glove).words == ["<pad>", "the", "[UNK]", "cat"]


def test_they_become_rows_of_the_layout(glove):
    model = w2v.load(glove, special_rows=True)
    assert model.words == ["the", "cat"]
    assert model.matrix_for().tolist() == [[0, 0], [3, 4], [1, 2], [5, 6]]
    assert model.matrix_for(unk="zeros").tolist() == [[0, 0], [0, 0], [1, 2], [5, 6]]
    assert model.encode([["the", "dog", "cat"]]).tolist() == [[2, 1, 3]]
    assert model.meta["special_rows"] == {"padding": "<pad>", "unknown": "[UNK]"}


def test_they_survive_in_a_model(glove, tmp_path):
    w2v.load(glove, special_rows=True).save(tmp_path / "m.w2v")
    back = w2v.load(tmp_path / "m.w2v")
    assert back.matrix_for().tolist() == [[0, 0], [3, 4], [1, 2], [5, 6]]
    assert back.meta["special_rows"] == {"padding": "<pad>", "unknown": "[UNK]"}


@pytest.mark.parametrize("name", [*PADDING_NAMES, *UNKNOWN_NAMES])
def test_every_name(name):
    model = w2v.Embeddings(["a", name, "b"], [[1.0], [9.0], [2.0]])
    unknown = 9 if name in UNKNOWN_NAMES else 0
    assert model.matrix_for(special_rows=True).tolist() == [[0], [unknown], [1], [2]]
    assert model.words == ["a", name, "b"]


@pytest.mark.parametrize("place", [0, 2])
def test_rows_at_an_end_are_left_out_without_a_copy(place):
    words = ["a", "b"]
    words.insert(place, "<unk>")
    model = w2v.Embeddings(words, np.eye(3, dtype=np.float32))
    assert np.shares_memory(model.with_words(words, without=[place]).matrix, model.matrix)


def test_dropping_a_vector_of_padding_is_said(caplog):
    model = w2v.Embeddings(["<pad>", "a"], [[7.0], [1.0]])
    assert model.matrix_for(special_rows=True).tolist() == [[0], [0], [1]]
    assert "the vector of <pad> is not zero, and was dropped" in caplog.text


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        (["a", "b"], "special_rows requires a row of padding .* none of the 2 words is <pad>, "),
        (["<pad>", "<unk>"], "requires words beside those of padding"),
    ],
)
def test_files_without_them_are_refused(words, finding):
    with pytest.raises(ConfigError, match=finding):
        w2v.Embeddings(words, np.eye(2)).matrix_for(special_rows=True)


def test_given_words_may_have_the_row_of_another_name(caplog):
    model = w2v.Embeddings(["the", "<unk>", "<pad>"], [[1.0], [9.0], [5.0]])
    given = ["", "[UNK]", "the", "dog"]
    assert model.matrix_for(words=given).tolist() == [[0], [0], [1], [0]]
    assert model.matrix_for(words=given, special_rows=True).tolist() == [[5], [9], [1], [0]]
    assert "1 of 3 words found" in caplog.text
    with pytest.raises(ConfigError, match="special_rows requires a row"):
        w2v.Embeddings(["the"], [[1.0]]).matrix_for(words=given, special_rows=True)


def test_on_the_command_line(glove):
    done = run("convert", "glove.txt", "m.safetensors", "--special-rows")
    assert done.exit_code == 0
    assert w2v.load("m.safetensors").matrix_for().tolist() == [[0, 0], [3, 4], [1, 2], [5, 6]]
    (glove.parent / "words.json").write_text(json.dumps(["", "<unk>", "cat"]))
    command = ["export", "glove.txt", "--words", "words.json", "-o", "w.npy"]
    assert run(*command, "--special-rows").exit_code == 0
    assert np.load("w.npy").tolist() == [[0, 0], [3, 4], [5, 6]]
    done = run("convert", "m.safetensors", "n.safetensors", "--special-rows")
    assert done.exit_code == 2
    assert "--special-rows requires a row of padding" in done.stderr
