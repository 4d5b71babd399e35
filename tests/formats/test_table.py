"""The table of words and vectors: its checks, and the matrices of its layouts."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.errors import ConfigError, FormatError
from w2v.formats.layout import UNKNOWN_VECTORS, Layout
from w2v.formats.table import VectorTable

WORDS = ["the", "king", "of", "judah"]
MATRIX = np.arange(1, 13, dtype=np.float32).reshape(4, 3)
TRAINED = np.array([-1, -2, -3], np.float32)


def test_counts_and_meta():
    table = VectorTable(WORDS, MATRIX, [40, 30, 20, 10])
    assert table.counts is not None
    assert table.counts.dtype == np.int64
    assert table.counts.tolist() == [40, 30, 20, 10]
    assert table.meta == {}
    assert VectorTable(["a"], [[1.0]], meta={"x": 1}).meta == {"x": 1}
    assert VectorTable(["a"], [[1.0]]).counts is None


def test_a_float32_matrix_is_not_copied():
    matrix = np.ones((2, 3), np.float32)
    assert VectorTable(["a", "b"], matrix).matrix is matrix


@pytest.mark.parametrize("dtype", [np.float16, np.float64, ">f4"])
def test_other_floats_become_c_contiguous_float32(dtype):
    matrix = np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype))
    converted = VectorTable(["a", "b"], matrix).matrix
    assert converted.dtype == np.float32
    assert converted.flags.c_contiguous
    assert converted.tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize(
    ("words", "matrix", "finding"),
    [
        (["a"], np.ones((1, 2), np.int64), r"table of floats.*got shape \(1, 2\) of int64"),
        (["a"], np.ones(3), r"table of floats.*got shape \(3,\)"),
        (["a"], np.ones((2, 2)), "a row for each word .* got 2 rows and 2 columns for 1 words"),
        ([], np.ones((0, 2)), "at least one row"),
        (["a"], np.ones((1, 0)), "got 1 rows and 0 columns"),
        (["a", "b"], [[1.0], [np.nan]], "word 1, 'b', contains NaN or infinity"),
        (["a", "b"], [[1.0], [-np.inf]], "word 1, 'b', contains NaN or infinity"),
        (["a", "b"], [[1.0], [1e300]], "word 1, 'b', contains NaN or infinity"),
        (
            ["a", "b", "a", "b"],
            np.ones((4, 1)),
            "words must be distinct, but words 0 and 2 are 'a'",
        ),
        (["a", ""], np.ones((2, 1)), "word 1 must be a non-empty string, got ''"),
        (["a", 7], np.ones((2, 1)), "word 1 must be a non-empty string, got 7"),
    ],
)
def test_invalid_words_and_matrices_are_rejected(words, matrix, finding):
    with pytest.raises(FormatError, match=finding):
        VectorTable(words, matrix)


@pytest.mark.parametrize(
    ("counts", "finding"),
    [
        ([1], r"2 integers, one per word, got shape \(1,\)"),
        ([1.0, 2.0], "got shape .* of float64"),
        ([True, False], "of bool"),
        (np.array([1, 2], np.uint64), "of uint64"),
        ([3, -1], "count of word 1 is -1"),
    ],
)
def test_invalid_counts_are_rejected(counts, finding):
    with pytest.raises(FormatError, match=finding):
        VectorTable(["a", "b"], np.ones((2, 1)), counts)


def test_errors_name_the_source():
    with pytest.raises(FormatError, match=r"^some\.file: words must be distinct"):
        VectorTable(["a", "a"], np.ones((2, 1)), source="some.file")


@pytest.mark.parametrize(
    ("unknown", "message"),
    [
        ([1.0, 2.0], "must be 3 floats, got shape \\(2,\\) of float64"),
        ([1, 2, 3], "must be 3 floats, got shape \\(3,\\) of int64"),
        ([1.0, np.nan, 2.0], "unknown words contains NaN or infinity"),
        ([1.0, 1e300, 2.0], "unknown words contains NaN or infinity"),
    ],
)
def test_invalid_unknown_vectors_are_rejected(unknown, message):
    with pytest.raises(FormatError, match=message):
        VectorTable(WORDS, MATRIX, unknown=unknown)


# Layouts


def test_the_matrix_of_each_layout():
    embeddings = VectorTable(WORDS, MATRIX)
    for rows, extra in (("none", 0), ("pad", 1), ("pad+unk", 2)):
        layout = Layout(rows, "zeros" if rows == "pad+unk" else None)
        matrix = embeddings.matrix_for(rows)
        assert (layout.first_word, matrix.shape) == (extra, (4 + extra, 3))
        assert matrix.dtype == np.dtype("<f4")
        assert matrix.flags.c_contiguous
        assert matrix[:extra].tolist() == [[0, 0, 0]] * extra
        assert matrix[extra:].tolist() == MATRIX.tolist()


def test_matrix_for_returns_a_copy():
    embeddings = VectorTable(WORDS, MATRIX.copy())
    embeddings.matrix_for("none")[0] = 7
    assert embeddings.matrix.tolist() == MATRIX.tolist()


def test_mean_rare_is_the_mean_of_the_rarest_tenth():
    matrix = np.random.default_rng(1).standard_normal((25, 3), np.float32)
    embeddings = VectorTable([f"w{i}" for i in range(25)], matrix)
    row = embeddings.matrix_for("pad+unk", unk="mean-rare")[1]
    assert row.tolist() == matrix[[22, 23, 24]].mean(axis=0, dtype=np.float64).astype("f4").tolist()


def test_mean_rare_is_limited_to_a_thousand_words():
    matrix = np.zeros((20_000, 1), np.float32)
    matrix[-1000:] = 1
    words = [f"w{i}" for i in range(20_000)]
    assert VectorTable(words, matrix).matrix_for(unk="mean-rare")[1].tolist() == [1]


def test_the_trained_unknown_vector_is_the_default():
    embeddings = VectorTable(WORDS, MATRIX, unknown=TRAINED)
    assert embeddings.matrix_for()[1].tolist() == TRAINED.tolist()
    assert embeddings.matrix_for(unk="trained")[1].tolist() == TRAINED.tolist()
    assert embeddings.matrix_for(unk="zeros")[1].tolist() == [0, 0, 0]
    assert embeddings.matrix_for(unk="mean-rare")[1].tolist() == MATRIX[3].tolist()


def test_a_missing_trained_vector_is_an_error():
    with pytest.raises(
        ConfigError,
        match="no trained vector for unknown words; train with",
    ):
        VectorTable(WORDS, MATRIX).matrix_for(unk="trained")
    read = VectorTable.from_rows(
        Layout("pad+unk", "mean-rare"), WORDS, np.vstack([0 * TRAINED, TRAINED, MATRIX])
    )
    with pytest.raises(ConfigError, match="no trained vector for unknown words"):
        read.matrix_for(unk="trained")


@pytest.mark.parametrize("kind", UNKNOWN_VECTORS)
def test_from_rows_is_the_inverse_of_matrix_for(kind):
    layout = Layout("pad+unk", kind)
    rows = np.vstack([0 * TRAINED, TRAINED, MATRIX])
    embeddings = VectorTable.from_rows(layout, WORDS, rows)
    assert embeddings.matrix.tolist() == MATRIX.tolist()
    assert embeddings.layout() == layout
    assert embeddings.matrix_for().tolist() == rows.tolist()


def test_a_padding_row_that_is_not_zero_is_rejected():
    with pytest.raises(
        FormatError,
        match="x: row 0 must be zero, because it is the padding row of the layout 'pad'",
    ):
        VectorTable.from_rows(Layout("pad"), WORDS[:3], MATRIX, source="x")


@pytest.mark.parametrize("rows", [MATRIX[:2] * 0, MATRIX[:1] * 0, MATRIX[:0]])
def test_from_rows_rejects_too_few_rows(rows):
    with pytest.raises(FormatError, match="x: the matrix must have a row for each word"):
        VectorTable.from_rows(Layout("pad+unk", "zeros"), ["a"], rows, source="x")
