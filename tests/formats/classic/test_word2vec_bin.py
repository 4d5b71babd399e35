"""The binary format of word2vec."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.embeddings.load import load
from w2v.errors import FormatError
from w2v.formats.classic import lines, word2vec_bin, word2vec_text
from w2v.formats.table import VectorTable

TWO = VectorTable(["a", "é"], [[1.0, 0.1], [3.0, -4.5]])


def word2vec_binary(*rows: tuple[bytes, list[float]], end: bytes = b"\n") -> bytes:
    """Return the bytes of a file in the binary format of word2vec."""
    head = b"%d %d\n" % (len(rows), len(rows[0][1]))
    return head + b"".join(w + b" " + np.array(x, "<f4").tobytes() + end for w, x in rows)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_both_variants_are_read(end, tmp_path):
    # Numbers whose bytes look like the line ends and spaces between the rows.
    tricky = np.frombuffer(b"\n\n  \n a  ab\n", "<f4").tolist()
    rows = [(b"one", tricky), (b"two", tricky[::-1]), ("três".encode(), [1.0, 2.0, 3.0])]
    (tmp_path / "file").write_bytes(word2vec_binary(*rows, end=end))
    back = word2vec_bin.read(tmp_path / "file")
    assert back.words == ["one", "two", "três"]
    assert back.matrix.tolist() == [row for _, row in rows]


def test_files_are_written_as_word2vec_writes_them(tmp_path):
    word2vec_bin.write(VectorTable(["a", "é"], [[1.0, 2.0], [3.0, 4.0]]), tmp_path / "bin")
    word2vec_text.write(VectorTable(["a", "é"], [[1.0, 0.1], [3.0, -4.5]]), tmp_path / "text")
    expected = word2vec_binary((b"a", [1.0, 2.0]), ("é".encode(), [3.0, 4.0]))
    assert (tmp_path / "bin").read_bytes() == expected
    assert (tmp_path / "text").read_text("utf-8") == "2 2\na 1 0.100000001\né 3 -4.5\n"


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (
            word2vec_binary((b"a", [1]), (b"a", [2])),
            "file, row 1: repeated word: 'a' is also word 0",
        ),
        (word2vec_binary((b"aa", [1]), (b"", [2])), "file, row 1: empty word"),
        (
            word2vec_binary((b"a", [1]), (b"b", [np.inf])),
            "file, row 1: NaN or infinity",
        ),
        (b"1 1\naaaaaaaa", "row 0: expected a word and a space"),
        (word2vec_binary((b"a", [1])) + b"\n", "2 bytes follow the 1 row of 1 number"),
        (word2vec_binary((b"a", [1]), end=b"x"), "1 byte follows the 1 row of 1 number"),
    ],
)
def test_malformed_files_are_rejected(data, finding, tmp_path):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(FormatError, match=finding):
        word2vec_bin.read(tmp_path / "file")


def test_the_number_of_dimensions_is_limited(tmp_path, monkeypatch):
    word2vec_bin.write(TWO, tmp_path / "x.bin")
    monkeypatch.setattr(lines, "MAX_DIM", 1)
    with pytest.raises(FormatError, match="expected at most 1 dimensions, got 2"):
        load(tmp_path / "x.bin")
