"""Which row is whose: layouts, the matrices they give, and the ids that belong to them."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError
from w2v.formats.layout import ROWS, UNKNOWN_VECTORS, Layout

WORDS = ["the", "king", "of", "judah"]
MATRIX = np.arange(1, 13, dtype=np.float32).reshape(4, 3)
TRAINED = np.array([-1, -2, -3], np.float32)


def test_the_rows_of_each_layout():
    embeddings = Embeddings(WORDS, MATRIX)
    for rows, extra in (("none", 0), ("pad", 1), ("pad+unk", 2)):
        layout = Layout(rows, "zeros" if rows == "pad+unk" else None)
        matrix = embeddings.matrix_for(rows)
        assert (layout.first_word, matrix.shape) == (extra, (4 + extra, 3))
        assert matrix.dtype == np.dtype("<f4")
        assert matrix.flags.c_contiguous
        assert matrix[:extra].tolist() == [[0, 0, 0]] * extra
        assert matrix[extra:].tolist() == MATRIX.tolist()


def test_padding_is_row_0_and_unknown_words_are_row_1():
    assert [Layout(rows, "zeros" if "unk" in rows else None).padding for rows in ROWS] == [
        None,
        0,
        0,
    ]
    assert [Layout(rows, "zeros" if "unk" in rows else None).unknown for rows in ROWS] == [
        None,
        None,
        1,
    ]


def test_a_matrix_is_a_copy():
    embeddings = Embeddings(WORDS, MATRIX.copy())
    embeddings.matrix_for("none")[0] = 7
    assert embeddings.matrix.tolist() == MATRIX.tolist()


def test_the_mean_of_the_rarest_tenth():
    matrix = np.random.default_rng(1).standard_normal((25, 3), np.float32)
    embeddings = Embeddings([f"w{i}" for i in range(25)], matrix)
    row = embeddings.matrix_for("pad+unk", unk="mean-rare")[1]
    assert row.tolist() == matrix[[22, 23, 24]].mean(axis=0, dtype=np.float64).astype("f4").tolist()


def test_the_mean_is_of_a_thousand_at_most():
    matrix = np.zeros((20_000, 1), np.float32)
    matrix[-1000:] = 1
    words = [f"w{i}" for i in range(20_000)]
    assert Embeddings(words, matrix).matrix_for(unk="mean-rare")[1].tolist() == [1]


def test_a_trained_vector_is_taken_unless_another_is_asked_for():
    embeddings = Embeddings(WORDS, MATRIX, unknown=TRAINED)
    assert embeddings.matrix_for()[1].tolist() == TRAINED.tolist()
    assert embeddings.matrix_for(unk="trained")[1].tolist() == TRAINED.tolist()
    assert embeddings.matrix_for(unk="zeros")[1].tolist() == [0, 0, 0]
    assert embeddings.matrix_for(unk="mean-rare")[1].tolist() == MATRIX[3].tolist()


def test_what_was_not_trained_is_not_given():
    with pytest.raises(
        ConfigError,
        match="no trained vector for unknown words, which unk='trained' asks for; train with",
    ):
        Embeddings(WORDS, MATRIX).matrix_for(unk="trained")
    read = Embeddings.from_rows(
        Layout("pad+unk", "mean-rare"), WORDS, np.vstack([0 * TRAINED, TRAINED, MATRIX])
    )
    with pytest.raises(ConfigError, match="no trained vector for unknown words"):
        read.matrix_for(unk="trained")


@pytest.mark.parametrize("kind", UNKNOWN_VECTORS)
def test_rows_are_taken_back_as_they_were(kind):
    layout = Layout("pad+unk", kind)
    rows = np.vstack([0 * TRAINED, TRAINED, MATRIX])
    embeddings = Embeddings.from_rows(layout, WORDS, rows)
    assert embeddings.matrix.tolist() == MATRIX.tolist()
    assert embeddings.layout() == layout
    assert embeddings.matrix_for().tolist() == rows.tolist()


def test_what_was_read_decides_what_is_given():
    embeddings = Embeddings.from_rows(Layout("pad"), WORDS, np.vstack([0 * TRAINED, MATRIX]))
    assert embeddings.rows == "pad"
    assert embeddings.matrix_for().shape == (5, 3)
    assert embeddings.encode([["king"]]).tolist() == [[2]]
    assert embeddings.encode([["king"]], rows="none").tolist() == [[1]]


def test_padding_that_is_not_zero_is_refused():
    with pytest.raises(FormatError, match="x: row 0 is not zero, but with rows 'pad' it is padd"):
        Embeddings.from_rows(Layout("pad"), WORDS[:3], MATRIX, source="x")


@pytest.mark.parametrize("rows", [MATRIX[:2] * 0, MATRIX[:1] * 0, MATRIX[:0]])
def test_rows_without_words_are_refused(rows):
    with pytest.raises(FormatError, match="x: the matrix must have a row for each word"):
        Embeddings.from_rows(Layout("pad+unk", "zeros"), ["a"], rows, source="x")


@pytest.mark.parametrize(
    ("rows", "unk", "message"),
    [
        ("padding", None, "rows must be one of none, pad, pad\\+unk, got 'padding'"),
        ("pad", "zeros", "rows='pad' has no row for unknown words, so unk='zeros' has no place"),
        ("none", "trained", "rows='none' has no row for unknown words"),
        ("pad+unk", None, "unk must be one of zeros, mean-rare, trained, got None"),
        ("pad+unk", "random", "unk must be one of zeros, mean-rare, trained, got 'random'"),
    ],
)
def test_what_is_no_layout_is_refused(rows, unk, message):
    with pytest.raises(ConfigError, match=message):
        Layout(rows, unk)


@pytest.mark.parametrize(
    "layout",
    [Layout("none"), Layout("pad"), *(Layout("pad+unk", kind) for kind in UNKNOWN_VECTORS)],
)
def test_what_is_recorded_comes_back(layout):
    assert Layout.from_dict(layout.as_dict()) == layout


@pytest.mark.parametrize(
    "recorded",
    [None, "pad", {}, {"layout": "pad"}, {"layout": 3, "unknown_vector": None}, [1]],
)
def test_what_is_no_record_is_refused(recorded):
    with pytest.raises(FormatError, match="expected a layout of rows as w2v records it, got"):
        Layout.from_dict(recorded)


def test_a_record_that_contradicts_itself_is_refused():
    recorded = Layout("pad").as_dict() | {"first_word": 2}
    with pytest.raises(FormatError, match=r"the rows of layout 'pad' are .*'first_word': 1.*got"):
        Layout.from_dict(recorded)


def test_a_layout_says_what_it_is():
    assert str(Layout("pad+unk", "zeros")) == "pad+unk (0 padding, 1 unknown words, words from 2)"
    assert str(Layout("none")) == "none (words from 0)"


@pytest.mark.parametrize(
    ("unknown", "message"),
    [
        ([1.0, 2.0], "must be 3 floats, got shape \\(2,\\) of float64"),
        ([1, 2, 3], "must be 3 floats, got shape \\(3,\\) of int64"),
        ([1.0, np.nan, 2.0], "unknown words holds NaN or infinity"),
        ([1.0, 1e300, 2.0], "unknown words holds NaN or infinity"),
    ],
)
def test_a_vector_of_unknown_words_that_does_not_fit_is_refused(unknown, message):
    with pytest.raises(FormatError, match=message):
        Embeddings(WORDS, MATRIX, unknown=unknown)
