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
    with pytest.raises(FormatError, match=r"'\. \. \.' contains a blank, a tab or a line break"):
        glove.write(back, tmp_path / "y")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "line 1: expected a word and its numbers, got ''"),
        ("\n", "line 1: expected a word and its numbers, got ''"),
        ("the\n", "line 1: expected a word and its numbers, got 'the'"),
        ("a 1 x\n", "line 1: expected a word and its numbers, got 'a 1 x'"),
        ("a 1 nan\n", "line 1: NaN or infinity"),
        (f"a {'x' * 99}\n", f"got 'a {'x' * 62}'"),
        ("a 1 2\nb 1\n", "line 2: wrong number of values: expected 2, got 1"),
        ("a 1 2\nb 1 2 3\n", "line 2: wrong number of values: expected 2, got 3"),
        ("a 1 2\nWindows 95 1 2\n", "expected 2, got 3, or .* ends in a number: 'Windows 95'"),
        ("400000 2\na 1 2\n", "line 2: wrong number of values: expected 1, got 2"),
        ("a 1 2\n\nb 1 2\n", "line 2: blank line"),
        ("a 1 2\nb 1 x\n", "line 2: not a number: 'x'"),
        ("a 1 2\nb 1", "line 2: incomplete line: the file is truncated"),
        ("a 1\nb 2\na 3\n", "line 3: repeated word: 'a' is also word 0"),
        ("a 1\nb nan\n", "line 2: NaN or infinity"),
        ("a 1e39\n", "line 1: NaN or infinity"),
        (" 1\n", "line 1: expected a word and its numbers, got '1'"),
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
    (tmp_path / "x").write_text("a 1 2 3 4\n")
    with pytest.raises(FormatError, match="expected at most 3 numbers in a line, got 4 or more"):
        glove.read(tmp_path / "x")
    (tmp_path / "x").write_text("1 4\na 1 2 3 4\n")
    with pytest.raises(FormatError, match="x: expected at most 3 dimensions, got 4"):
        word2vec_text.read(tmp_path / "x")
