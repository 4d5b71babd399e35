"""The text format of word2vec, and the header of both word2vec formats."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from samples import SMALL
from w2v.errors import FormatError
from w2v.formats.classic import word2vec_text
from w2v.formats.registry import FORMATS
from w2v.formats.table import VectorTable

WORD2VEC = ["word2vec-text", "word2vec-bin"]


@pytest.mark.parametrize("name", WORD2VEC)
def test_gensim_reads_the_same_words_and_bits(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # from gensim
        models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    rng = np.random.default_rng(5)
    words = [*SMALL.words, *(f"w{i}" for i in range(200))]
    matrix = np.concatenate([SMALL.matrix, rng.standard_normal((200, 2), np.float32)])
    FORMATS[name].write(VectorTable(words, matrix), tmp_path / "file")
    theirs = models.KeyedVectors.load_word2vec_format(
        tmp_path / "file", binary=name == "word2vec-bin"
    )
    assert theirs.index_to_key == words
    assert theirs.vectors.view(np.uint32).tolist() == matrix.view(np.uint32).tolist()


@pytest.mark.parametrize("name", WORD2VEC)
def test_truncated_files_are_rejected(name, tmp_path):
    read, write = FORMATS[name].read, FORMATS[name].write
    write(SMALL, tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    for end in range(len(data) - 1):  # the last LF is optional
        (tmp_path / "part").write_bytes(data[:end])
        finding = "truncated" if end >= len(b"5 2") else "expected a first line with two numbers"
        with pytest.raises(FormatError, match=finding):
            read(tmp_path / "part")


@pytest.mark.parametrize("name", WORD2VEC)
def test_trailing_rows_are_rejected(name, tmp_path):
    read, write = FORMATS[name].read, FORMATS[name].write
    write(SMALL, tmp_path / "file")
    with (tmp_path / "file").open("ab") as file:
        file.write(b"more 1 2\n")
    with pytest.raises(FormatError, match="the header announces"):
        read(tmp_path / "file")


@pytest.mark.parametrize("name", WORD2VEC)
@pytest.mark.parametrize(
    ("header", "finding"),
    [
        (f"{2**60} 2", "take at least"),
        (f"2 {2**60}", "at most 1000000 dimensions"),
        (f"{2**60} {2**60}", "at most 1000000 dimensions"),
        ("1000000 1000", "take at least"),
        ("9" * 5000 + " 2", "two numbers"),
        ("0 2", "at least one word and one dimension, got 0 and 2"),
        ("2 0", "at least one word and one dimension, got 2 and 0"),
        ("-2 2", "two numbers"),
        ("2 -2", "two numbers"),
        ("2.0 2", "two numbers"),
        ("nan 2", "two numbers"),
        ("2", "two numbers"),
        ("2 2 2", "two numbers"),
        ("", "two numbers"),
        ("\x1f\x8b\x08 gz", "two numbers"),
    ],
)
def test_wrong_headers_are_rejected(name, header, finding, tmp_path):
    rows = b"a 0.25 0.5\nb 0.25 0.5\n"
    (tmp_path / "file").write_bytes(header.encode() + b"\n" + rows)
    with pytest.raises(FormatError, match=finding) as got:
        FORMATS[name].read(tmp_path / "file")
    assert str(tmp_path / "file") in str(got.value)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("2 2\na 1 2\nbbbb 1\n", "line 3: wrong number of values: expected 2, got 1"),
        ("2 2\na 1 2 3\nb 1 2\n", "line 2: wrong number of values: expected 2, got 3"),
        ("1 2\na 1 x2\n", "line 2: not a number: 'x2'"),
        ("2 1\na 1\nb nan\n", "file, line 3: NaN or infinity"),
        ("2 1\na 1\nb 1e39\n", "file, line 3: NaN or infinity"),
        ("2 1\na 1\na 2\n", "file, line 3: repeated word: 'a' is also word 0"),
        ("2 1\na 1\n 2\n\n\n", "file, line 3: empty word"),
        ("2 1\na 1\n\nb 2\n", "line 3: blank line"),
        ("2 2\na 1 2\nbbbb 2", "line 3: incomplete line: the file is truncated"),
        ("3 1\na 1\nbbbb 2", "line 3: the line is incomplete; the file is truncated"),
    ],
)
def test_malformed_lines_are_rejected(text, finding, tmp_path):
    (tmp_path / "file").write_text(text)
    with pytest.raises(FormatError, match=finding):
        word2vec_text.read(tmp_path / "file")


def test_text_of_other_programs_is_read(tmp_path):
    (tmp_path / "file").write_bytes("2 2 \r\nn\xa0bsp 1 -2.5e0 \r\nb +3 .5\t\n\n".encode())
    back = word2vec_text.read(tmp_path / "file")
    assert back.words == ["n\xa0bsp", "b"]
    assert back.matrix.tolist() == [[1, -2.5], [3, 0.5]]
