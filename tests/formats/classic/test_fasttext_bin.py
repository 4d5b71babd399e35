"""Binary models of fastText, written by hand and by fastText itself."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v
from w2v.errors import FormatError
from w2v.formats.classic import fasttext_bin
from w2v.formats.classic.fasttext_bin import NGrams, Subwords
from w2v.formats.reading import ReadOptions

WORDS = [("</s>", 90), ("the", 50), ("straße", 7), ("中国", 7), ("a", 3)]
MAGIC = 793_712_314


def slow_hash(ngram: bytes) -> int:
    value = 2_166_136_261
    for byte in ngram:
        signed = byte - 256 if byte >= 128 else byte
        value = ((value ^ (signed & 0xFFFFFFFF)) * 16_777_619) % 2**32
    return value


def slow_rows(word: str, row: int | None, shortest: int, longest: int, buckets: int, first: int):
    """Return the rows of a word and its n-grams, character by character."""
    rows = [] if row is None else [row]
    marked = f"<{word}>"
    if word == "</s>" or not longest:
        return rows
    for start in range(len(marked)):
        for length in range(1, longest + 1):
            ngram = marked[start : start + length]
            if len(ngram) < length or length < shortest:
                continue
            if length == 1 and ngram in "<>" and start in (0, len(marked) - 1):
                continue
            rows.append(first + slow_hash(ngram.encode()) % buckets)
    return rows


def model(
    words=WORDS, *, dim=3, shortest=2, longest=4, buckets=50, labels=0, version=12, quantized=0,
    kind=2, seed=0,
):  # fmt: skip
    """Return the bytes of a model, and its matrix."""
    matrix = np.random.default_rng(seed).normal(size=(len(words) + buckets, dim))
    matrix = matrix.astype("<f4")
    data = struct.pack("<ii", MAGIC, version)
    data += struct.pack("<12id", dim, 5, 1, 1, 5, 1, 2, kind, buckets, shortest, longest, 100, 1e-4)
    data += struct.pack("<iiiqq", len(words) + labels, len(words), labels, 999, -1)
    for word, count in words:
        data += word.encode() + b"\0" + struct.pack("<qb", count, 0)
    for label in range(labels):
        data += f"__label__{label}".encode() + b"\0" + struct.pack("<qb", 1, 1)
    data += struct.pack("<?qq", quantized, *matrix.shape) + matrix.tobytes()
    return data + struct.pack("<?qq", 0, 1, dim) + bytes(4 * dim), matrix


def expected_vectors(words, matrix, shortest=2, longest=4, buckets=50):
    first = len(WORDS)
    row_of = {word: row for row, (word, _) in enumerate(WORDS)}
    vectors = []
    for word in words:
        rows = slow_rows(word, row_of.get(word), shortest, longest, buckets, first)
        vectors.append(matrix[rows].mean(axis=0) if rows else np.zeros(matrix.shape[1]))
    return np.array(vectors)


@pytest.mark.parametrize("sizes", [(2, 4), (1, 1), (3, 6), (1, 2)])
def test_words_have_the_mean_of_their_own_row_and_their_ngrams(tmp_path, sizes):
    data, matrix = model(shortest=sizes[0], longest=sizes[1], labels=2)
    (tmp_path / "m.bin").write_bytes(data)
    found = w2v.load(tmp_path / "m.bin")
    assert found.words == [word for word, _ in WORDS]
    assert found.counts.tolist() == [count for _, count in WORDS]
    np.testing.assert_allclose(
        found.matrix, expected_vectors(found.words, matrix, *sizes), atol=1e-6
    )


def test_models_without_ngrams(tmp_path):
    data, matrix = model(longest=0, buckets=0)
    (tmp_path / "m.bin").write_bytes(data)
    found = w2v.load(tmp_path / "m.bin")
    assert found.matrix.tolist() == matrix.tolist()
    assert not found.subwords.vectors([b"other"], [-1]).any()


@given(words=st.lists(st.text(max_size=8), max_size=5))
def test_other_words_have_the_mean_of_their_ngrams(words):
    _, matrix = model()
    words = [word for word in words if _is_unicode(word) and word not in dict(WORDS)]
    subwords = Subwords(matrix, NGrams(2, 4, 50, len(WORDS)))
    found = subwords.vectors([word.encode() for word in words], [-1] * len(words))
    expected = expected_vectors(words, matrix).reshape(-1, matrix.shape[1])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def _is_unicode(word):
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in word


def test_matrices_for_given_words_use_ngrams(tmp_path):
    data, matrix = model()
    (tmp_path / "m.bin").write_bytes(data)
    found = w2v.load(tmp_path / "m.bin").matrix_for(words=["<pad>", "thee", "the"])
    assert not found[0].any()
    np.testing.assert_allclose(found[1:], expected_vectors(["thee", "the"], matrix), atol=1e-6)


def test_a_limit_and_repeated_words(tmp_path):
    data, _ = model([*WORDS, ("the", 1)])
    (tmp_path / "m.bin").write_bytes(data)
    assert w2v.load(tmp_path / "m.bin", limit=2).words == ["</s>", "the"]
    with pytest.raises(FormatError, match=r"word 5: repeated word: 'the'; repair it"):
        w2v.load(tmp_path / "m.bin")
    found = w2v.load(tmp_path / "m.bin", on_bad_row="skip")
    assert len(found) == 5
    assert found.meta["skipped_rows"] == {"repeated word": 1}


GOOD, _ = model()
DAMAGED = {
    "another magic number": (b"\0" + GOOD[1:], "expected|no known|first numbers|text"),
    "a quantized model": (model(quantized=1)[0], "quantized model of fastText, which w2v cannot"),
    "an unknown version": (model(version=13)[0], "of version 11 or 12: its first numbers are"),
    "a truncated header": (GOOD[:20], "header is incomplete"),
    "a truncated dictionary": (GOOD[:110], "dictionary is incomplete"),
    "a truncated matrix": (GOOD[:300], "matrix of 55 x 3 is incomplete"),
    "no dimensions": (model(dim=0)[0], "0 dimensions"),
}


@pytest.mark.parametrize(("data", "message"), DAMAGED.values(), ids=DAMAGED)
def test_other_files_are_rejected(data, message, tmp_path):
    (tmp_path / "m.bin").write_bytes(data)
    with pytest.raises(FormatError, match=message):
        w2v.load(tmp_path / "m.bin", format="fasttext-bin")


def test_old_supervised_models_have_no_ngrams(tmp_path):
    data, matrix = model(version=11, kind=3)
    (tmp_path / "m.bin").write_bytes(data)
    assert fasttext_bin.read(tmp_path / "m.bin", ReadOptions()).matrix.tolist() == (
        matrix[: len(WORDS)].tolist()
    )


def test_the_format_is_known_by_its_content(tmp_path):
    (tmp_path / "model").write_bytes(GOOD)
    assert w2v.load(tmp_path / "model").words[1] == "the"


def train_with_luck(fasttext, text):
    """Train a model. Some builds of fastText read memory that is not set, and often meet NaN."""
    for _ in range(10):
        try:
            return fasttext.train_unsupervised(
                str(text), dim=8, epoch=1, lr=0.001, minCount=1, minn=2, maxn=4, bucket=200_000,
                thread=1, verbose=0,
            )  # fmt: skip
        except RuntimeError as error:
            if "NaN" not in str(error):
                raise
    return pytest.skip("this build of fastText cannot train: it meets NaN each time")


def test_vectors_equal_those_of_fasttext(tmp_path):
    fasttext = pytest.importorskip("fasttext", reason="fasttext is not installed")
    text = tmp_path / "text.txt"
    text.write_text("the straße in 中国 is naïve and the dog is old\n" * 200)
    trained = train_with_luck(fasttext, text)
    trained.save_model(str(tmp_path / "m.bin"))
    found = w2v.load(tmp_path / "m.bin")
    assert found.words == trained.get_words()
    others = ["unseen", "Zürich", "中", "x", "🙂"]
    composed = found.subwords.vectors([word.encode() for word in others], [-1] * len(others))
    for words, vectors in ((found.words, found.matrix), (others, composed)):
        expected = [trained.get_word_vector(word) for word in words]
        # Some builds of fastText leave very large numbers in vectors, so the error is relative too.
        np.testing.assert_allclose(vectors, expected, rtol=1e-6, atol=1e-6)
