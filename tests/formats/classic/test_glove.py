"""The text format of GloVe."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.embeddings.load import load
from w2v.errors import FormatError
from w2v.formats.classic import glove, lines, word2vec_text
from w2v.formats.table import VectorTable

TWO = VectorTable(["a", "é"], [[1.0, 0.1], [3.0, -4.5]])
ROWS = "a 1 0.100000001\né 3 -4.5\n"


def test_files_have_no_header(tmp_path):
    glove.write(TWO, tmp_path / "x.glove")
    assert (tmp_path / "x.glove").read_text("utf-8") == ROWS
    assert load(tmp_path / "x.glove").words == ["a", "é"]


def test_words_may_contain_spaces_when_read(tmp_path):
    # As in glove.840B.300d.txt.
    (tmp_path / "x").write_text(". . . 0.5 -1\nat name@domain.com 1e-5 +2 \r\n95 3 .5\n\xa0 1 2\n")
    back = glove.read(tmp_path / "x")
    assert back.words == [". . .", "at name@domain.com", "95", "\xa0"]
    assert back.matrix.tolist() == np.float32([[0.5, -1], [1e-5, 2], [3, 0.5], [1, 2]]).tolist()
    with pytest.raises(FormatError, match=r"'\. \. \.' contains white space, which glove cannot"):
        glove.write(back, tmp_path / "y")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "line 0: expected a first line of a word and its numbers, got ''"),
        ("\n", "line 1: expected a first line of a word and its numbers, got ''"),
        ("the\n", "line 1: expected a first line of a word and its numbers, got 'the'"),
        ("a 1 x\n", "line 1: expected a first line of a word and its numbers, got 'a 1 x'"),
        ("a 1 nan\n", "line 1: expected a first line of a word and its numbers, got 'a 1 nan'"),
        (f"a {'x' * 99}\n", f"got 'a {'x' * 62}'"),
        ("a 1 2\nb 1\n", "line 2: expected 2 numbers, got 1"),
        ("a 1 2\nb 1 2 3\n", "line 2: expected 2 numbers, got 3"),
        ("a 1 2\nWindows 95 1 2\n", "line 2: expected 2 numbers, got 3"),
        ("400000 2\na 1 2\n", "line 2: expected 1 numbers, got 2"),
        ("a 1 2\n\n", "line 2: expected 2 numbers, got 0"),
        ("a 1 2\nb 1 x\n", "line 2: expected 2 numbers: could not convert string to float"),
        ("a 1 2\nb 1 2", "line 2: the line is incomplete"),
        ("a 1\nb 2\na 3\n", "line 3: 'a' is also word 0; words must be distinct"),
        ("a 1\nb nan\n", "x: vectors must be finite.* of word 1, 'b', contains NaN or infinity"),
        ("a 1e39\n", "x: vectors must be finite.* of word 0, 'a', contains NaN or infinity"),
        (" 1\n", "x: word 0 must be a non-empty string"),
    ],
)
def test_malformed_files_are_rejected(text, finding, tmp_path):
    (tmp_path / "x").write_text(text)
    with pytest.raises(FormatError, match=finding):
        glove.read(tmp_path / "x")


def test_the_number_of_dimensions_is_limited(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_DIM", 3)
    (tmp_path / "x").write_text("a 1 2 3\n")
    assert glove.read(tmp_path / "x").dim == 3
    (tmp_path / "x").write_text("a 1 2 3 4 5\n")
    with pytest.raises(FormatError, match="line 1: expected at most 3 numbers, got 4"):
        glove.read(tmp_path / "x")
    (tmp_path / "x").write_text("1 4\na 1 2 3 4\n")
    with pytest.raises(FormatError, match="x: expected at most 3 dimensions, got 4"):
        word2vec_text.read(tmp_path / "x")
