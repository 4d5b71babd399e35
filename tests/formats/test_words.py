"""Words as bytes: valid and invalid UTF-8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from w2v.errors import FormatError
from w2v.formats.classic import word2vec_bin, word2vec_text
from w2v.formats.words import decode_vocabulary, decode_words, encode_vocabulary, size_of_words


def test_invalid_utf8_is_replaced_and_counted(tmp_path):
    numbers = np.array([1, 2], "<f4")
    rows = b"caf\xc3 " + numbers[:1].tobytes() + b"\xc3\xa9 " + numbers[1:].tobytes()
    (tmp_path / "bin").write_bytes(b"2 1\n" + rows)
    (tmp_path / "text").write_bytes(b"2 1\ncaf\xc3 1\n\xc3\xa9 2\n")
    for back in (word2vec_bin.read(tmp_path / "bin"), word2vec_text.read(tmp_path / "text")):
        assert back.words == ["caf�", "é"]
        assert back.meta == {"replaced_words": 1}


def test_replaced_words_remain_distinct():
    words = [b"x\xff", b"x\xfe", "y�".encode(), b"y\xfe"]
    assert decode_words(words) == (["x�", r"x\xfe", "y�", r"y\xfe"], 3)


@pytest.mark.parametrize("words", [["a", "é", "日本"], ["a", "b\nc", ""], [""], []])
def test_valid_words_are_decoded(words):
    assert decode_words([word.encode() for word in words]) == (words, 0)
    assert decode_words({word.encode(): 0 for word in words}) == (words, 0)
    assert size_of_words(words) == sum(len(word.encode()) for word in words)


def test_the_words_are_not_kept_twice():
    for words in ([b"a"], [b"a\nb"], [b"\xff"], {b"a": 0}):
        decode_words(words)
        assert not words


def test_vocabularies_survive_a_round_trip():
    words = ["New York", "a\r", "日本"]
    data = encode_vocabulary(words)
    assert data == "New York\na\r\n日本\n".encode()
    assert decode_vocabulary(data, Path("vocab.txt")) == words


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"", "vocab.txt: expected a line break after the last word; the file is truncated"),
        (b"a\nb", "vocab.txt: expected a line break after the last word"),
        (b"a\n\xff\n", "vocab.txt, line 2: expected UTF-8"),
    ],
)
def test_malformed_vocabularies_are_rejected(data, finding):
    with pytest.raises(FormatError, match=finding):
        decode_vocabulary(data, Path("vocab.txt"))
