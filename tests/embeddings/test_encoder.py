"""Texts as ids: the same words as in training, the rows of the layout, one length."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
import w2v
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, InputError, OutputError, ResourceError, UnknownWordError
from w2v.pipeline import encode_file as batch
from w2v.text import tokenizer

UNICODE = {"tokenizer": {"name": "unicode", "lowercase": True}}
WHITESPACE = {"tokenizer": {"name": "whitespace", "lowercase": False}}
WORDS = ["the", "king's", "日", "of", "judah"]
MATRIX = np.arange(1, 16, dtype=np.float32).reshape(5, 3)
EMBEDDINGS = Embeddings(WORDS, MATRIX, meta=UNICODE)
# Rows of the layout pad+unk.
PAD, UNK, THE, KINGS, DAY, OF, JUDAH = range(7)


def test_a_text_becomes_ids():
    ids = EMBEDDINGS.encode("The KING\u2019S 日本, of Judah!")
    assert ids.tolist() == [THE, KINGS, DAY, UNK, OF, JUDAH]
    assert ids.dtype == np.int32


def test_texts_become_one_table():
    ids = EMBEDDINGS.encode(["the king of", "", "judah"])
    assert ids.tolist() == [[THE, UNK, OF], [PAD, PAD, PAD], [JUDAH, PAD, PAD]]
    assert ids.dtype == np.int32
    assert ids.flags.c_contiguous


def test_texts_are_cut_and_filled_up():
    assert EMBEDDINGS.encode(["the of judah", "the"], 2).tolist() == [[THE, OF], [THE, PAD]]
    assert EMBEDDINGS.encode("the of judah", length=4).tolist() == [THE, OF, JUDAH, PAD]
    assert EMBEDDINGS.encode("the of judah", length=np.int64(1)).tolist() == [THE]


def test_words_may_be_cut_already():
    assert EMBEDDINGS.encode([["the", "Judah", "king"], ["of"]]).tolist() == [
        [THE, JUDAH, UNK],
        [OF, PAD, PAD],
    ]
    assert EMBEDDINGS.encode((("the",), np.array(["of"]))).tolist() == [[THE], [OF]]


def test_ids_are_checked_and_filled_up():
    assert EMBEDDINGS.encode([[4], [2, 6]]).tolist() == [[4, 0], [2, 6]]
    assert EMBEDDINGS.encode(np.array([[4], [6]], np.uint8)).dtype == np.int32


@pytest.mark.parametrize(
    ("rows", "bad"), [("pad+unk", 7), ("pad+unk", -1), ("pad", 6), ("none", 5), ("none", -1)]
)
def test_an_id_of_no_row_is_refused(rows, bad):
    highest = {"pad+unk": 6, "pad": 5, "none": 4}[rows]
    expected = f"id {bad} belongs to no row: with rows '.*' they go from 0 to {highest}"
    with pytest.raises(ConfigError, match=expected):
        EMBEDDINGS.encode([[0, bad]], rows=rows)
    assert EMBEDDINGS.encode([[0, highest]], rows=rows).tolist() == [[0, highest]]


def test_a_lookup_is_the_product_with_one_hot_vectors():
    matrix = EMBEDDINGS.matrix_for()
    ids = EMBEDDINGS.encode([[4], [6]])
    one_hot = np.eye(len(matrix), dtype=np.float32)[ids]
    assert matrix[ids].shape == (2, 1, 3)
    assert (one_hot @ matrix).tolist() == matrix[ids].tolist()


def test_each_word_finds_its_vector():
    matrix = EMBEDDINGS.matrix_for("pad+unk", unk="mean-rare")
    for word, id_ in zip(WORDS, EMBEDDINGS.encode([WORDS])[0].tolist(), strict=True):
        assert matrix[id_].tolist() == EMBEDDINGS[word].tolist()


def test_no_texts_and_empty_texts():
    assert EMBEDDINGS.encode([]).shape == (0, 0)
    assert EMBEDDINGS.encode([], 3).shape == (0, 3)
    assert EMBEDDINGS.encode("").shape == (0,)
    assert EMBEDDINGS.encode([[]], 2).tolist() == [[PAD, PAD]]


@pytest.mark.parametrize("length", [0, -1, 2.0, "3", True, 2**63])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(ConfigError, match=r"^length must be a whole number at least 1 and at "):
        EMBEDDINGS.encode("the", length)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (3, r"3; a text of ids goes into a list of its own, as in \[\[4, 20\]\]"),
        (None, "None"),
        (float("nan"), "nan"),
        (["the", 3], r"\['the', 3\]"),
        ([[1]], r"\[\[1\]\]"),
        ([[1], [1, 2]], r"\[\[1\], \[1, 2\]\]"),
        (np.zeros((2, 2)), r"array\(\[\[0\..*"),
        ({"the"}, r"\{'the'\}"),
    ],
)
def test_what_is_no_text_is_refused(text, shown):
    expected = "text 1: a text must be a string, a list of words or a list of ids, got "
    with pytest.raises(ConfigError, match=f"^{expected}{shown}$"):
        EMBEDDINGS.encode(["the", text])


class Table:
    columns = ("text",)

    def __iter__(self):
        return iter(self.columns)


@pytest.mark.parametrize(
    "texts", [None, 3, {"the of", "of"}, {"the": "of"}, np.array("the"), Table()]
)
def test_what_has_no_texts_in_an_order_is_refused(texts):
    expected = f"expected a text or a sequence of texts, got a {type(texts).__name__}; give a list"
    with pytest.raises(ConfigError, match=expected):
        EMBEDDINGS.encode(texts)


@pytest.mark.parametrize(
    "texts",
    [
        ("the of", "the"),
        (text for text in ["the of", "the"]),
        np.array(["the of", "the"]),
        np.array(["the of", "the"], object),
        [b"the of", b"the"],
        [("the", "of"), np.array(["the"])],
    ],
)
def test_texts_come_in_many_ways(texts):
    assert EMBEDDINGS.encode(texts).tolist() == [[THE, OF], [THE, PAD]]


@pytest.mark.parametrize("length", [10**15, 2**63 - 1])
def test_a_length_beyond_memory_is_refused(length):
    with pytest.raises(ResourceError, match=f"there is no memory for 1 x {length} ids; give a sma"):
        EMBEDDINGS.encode("the", length)


def test_bytes_are_a_text():
    assert EMBEDDINGS.encode("日 of".encode()).tolist() == [DAY, OF]


def test_an_error_tells_which_text_it_is_about():
    with pytest.raises(ConfigError, match=r"^text 1: id 7 belongs to no row"):
        EMBEDDINGS.encode([[0], [7]])
    with pytest.raises(UnknownWordError, match=r"^text 2: 'zion' is not among the 5 words"):
        EMBEDDINGS.encode(["the", "of", "Zion"], rows="none", length=1)


def test_an_unknown_word_needs_a_row():
    expected = "'zion' is not among the 5 words, and rows 'pad' have none for unknown words; take"
    for text in ("the Zion of", ["the", "zion"]):
        with pytest.raises(UnknownWordError, match=expected):
            EMBEDDINGS.encode([text], rows="pad")
    assert EMBEDDINGS.encode(["the of"], rows="pad").tolist() == [[1, 4]]


def test_a_short_text_needs_padding():
    expected = "rows='none' has no padding, so a text of 1 words cannot be filled up to 2; take"
    with pytest.raises(ConfigError, match=expected):
        EMBEDDINGS.encode(["the of", "the"], rows="none")
    assert EMBEDDINGS.encode(["the of", "the"], 1, rows="none").tolist() == [[0], [0]]


def test_how_text_was_cut_must_be_known():
    for meta, reason in (
        ({}, "do not say how text was cut into words"),
        ({"tokenizer": {"name": "magic", "lowercase": True}}, "do not say how text was cut"),
        ({"tokenizer": {"name": "unicode", "lowercase": None}}, "do not say how text was cut"),
        ({"tokenizer": {"name": "tokens", "lowercase": False}}, "on words that were cut already"),
    ):
        embeddings = Embeddings(WORDS, MATRIX, meta=meta)
        with pytest.raises(
            ConfigError,
            match=f"{reason}.*give lists of words, or say how it is cut: w2v convert --tok",
        ):
            embeddings.encode("the")
        assert embeddings.encode([["the"]]).tolist() == [[THE]]


def test_how_text_is_cut_may_be_said_later_and_again():
    embeddings = Embeddings(["The", "the"], MATRIX[:2], meta={})
    with pytest.raises(ConfigError, match="do not say how text was cut"):
        embeddings.encode("The the")
    embeddings.meta["tokenizer"] = {"name": "whitespace", "lowercase": False}
    assert embeddings.encode("The the").tolist() == [2, 3]
    assert embeddings.encoder is embeddings.encoder
    embeddings.meta["tokenizer"]["lowercase"] = True
    assert embeddings.encode("The the").tolist() == [3, 3]


def test_words_are_cut_as_they_were_in_training():
    kept = Embeddings(["The", "king,"], MATRIX[:2], meta=WHITESPACE)
    assert kept.tokenize("The king, the\tking") == ["The", "king,", "the", "king"]
    assert kept.encode("The king, the\tking").tolist() == [2, 3, 1, 1]


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("aB'\u2019 \n\r日\u0301İß_\udcff\0é")))
def test_words_are_those_of_the_definition(text):
    expected = [
        word
        for line in reference.read(text.encode("utf-8", "surrogatepass")).lines
        for word in line
    ]
    assert EMBEDDINGS.tokenize(text) == expected


def test_a_trained_model_encodes_the_text_it_was_trained_on(tmp_path):
    lines = ["a b c a", "b a d"] * 3
    model = w2v.train(lines, min_count=4, dim=4, epochs=1, threads=1, sample=0)
    assert model.words == ["a", "b"]
    model.save(tmp_path / "m")
    for embeddings in (model, w2v.load(tmp_path / "m")):
        assert embeddings.encode("A b c a").tolist() == [2, 3, 1, 2]


def test_words_are_forgotten_in_time(monkeypatch):
    monkeypatch.setattr(tokenizer, "_MOST_REMEMBERED", 3)
    tokens = tokenizer.Tokenizer("unicode", True, {"a": 5, "b": 6}.__getitem__)
    for text, tags in (("a b", [5, 6]), ("b a", [6, 5]), ("a a", [5, 5])):
        assert tokens.tags(text).tolist() == tags
    embeddings = Embeddings(WORDS, MATRIX, meta=UNICODE)
    for i in range(10):
        assert embeddings.encode(f"the w{i} of x{i}").tolist() == [THE, UNK, OF, UNK]
    assert len(embeddings.encoder.tokenizer._scanner.words) < 10


def test_threads_may_share_embeddings():
    embeddings = Embeddings(WORDS, MATRIX, meta=UNICODE)
    found = []

    def work(thread: int) -> None:
        texts = (f"the w{thread}_{i} of" for i in range(100))
        found.extend([embeddings.encode(text).tolist() for text in texts])

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[THE, UNK, OF]] * 400


TEXT = "The king of Judah\n\nof the of 日本\r\nthe\n"
ROWS = [[THE, UNK, OF, JUDAH, PAD], [PAD] * 5, [OF, THE, OF, DAY, UNK], [THE, PAD, PAD, PAD, PAD]]


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text(TEXT, newline="")
    return path


def test_a_file_becomes_a_row_a_line(text_file, tmp_path):
    report = batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy")
    ids = np.load(tmp_path / "ids.npy", allow_pickle=False)
    assert ids.tolist() == ROWS
    assert ids.dtype == np.dtype("<i4")
    assert str(report) == (
        "4 texts x 5 ids, 20.00 % of 10 words unknown; "
        "rows pad+unk (0 padding, 1 unknown words, words from 2)"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ids.npy", "texts.txt"]


def test_a_file_may_be_cut_short(text_file, tmp_path):
    report = batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", length=2)
    assert np.load(tmp_path / "ids.npy").tolist() == [row[:2] for row in ROWS]
    assert str(report).startswith("4 texts x 2 ids, 2 of them cut, ")


def test_a_file_in_pieces_is_the_same(text_file, tmp_path, monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 16)
    monkeypatch.setattr("w2v.pipeline.encode_file._IDS_AT_ONCE", 7)
    batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy")
    assert np.load(tmp_path / "ids.npy").tolist() == ROWS


def test_a_line_longer_than_a_block_stays_one_text(tmp_path, monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 16)
    (tmp_path / "texts").write_text("the of judah " * 20 + "\nof")
    batch.encode_file(EMBEDDINGS, tmp_path / "texts", tmp_path / "ids.npy")
    ids = np.load(tmp_path / "ids.npy")
    assert ids.tolist() == [[THE, OF, JUDAH] * 20, [OF] + [PAD] * 59]


def test_bytes_that_are_not_utf_8_separate_words(tmp_path):
    (tmp_path / "texts").write_bytes(b"the caf\xe9 of\n" + b"the " * 100 + b"\n")
    batch.encode_file(EMBEDDINGS, tmp_path / "texts", tmp_path / "ids.npy", length=3)
    assert np.load(tmp_path / "ids.npy").tolist() == [[THE, UNK, OF], [THE] * 3]


def test_what_cannot_be_a_row_leaves_nothing(text_file, tmp_path):
    for rows, error, expected in (
        ("pad", UnknownWordError, "'king' is not among the 5 words"),
        ("none", UnknownWordError, "'king' is not among"),
    ):
        with pytest.raises(error, match=expected):
            batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", rows=rows)
    text_file.write_text("the\nthe of\n")
    with pytest.raises(ConfigError, match="rows='none' has no padding"):
        batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", rows="none")
    text_file.write_text("")
    with pytest.raises(InputError, match=r"texts\.txt has no line: expected one text a line"):
        batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy")
    assert [path.name for path in tmp_path.iterdir()] == ["texts.txt"]


def test_a_file_that_is_there_is_not_replaced_unasked(text_file, tmp_path):
    (tmp_path / "ids.npy").write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy")
    assert (tmp_path / "ids.npy").read_text() == "old"
    batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", overwrite=True)
    assert np.load(tmp_path / "ids.npy").tolist() == ROWS


def test_a_table_larger_than_the_disk_is_refused(text_file, tmp_path):
    with pytest.raises(ResourceError, match=r"no room for the ids in .* are needed, but"):
        batch.encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", length=1 << 55)
    assert [path.name for path in tmp_path.iterdir()] == ["texts.txt"]
