"""Encoding texts as ids: tokenization, layouts, truncation and padding."""

from __future__ import annotations

import logging
import threading
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
import w2v
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, ResourceError, UnknownWordError
from w2v.formats.layout import Layout
from w2v.text import tokenizer
from w2v.text.definition import WordDefinition

UNICODE = {"tokenizer": {"name": "unicode", "lowercase": True, "edition": 2}}
WHITESPACE = {"tokenizer": {"name": "whitespace", "lowercase": False}}
WORDS = ["the", "king's", "日", "of", "judah"]
MATRIX = np.arange(1, 16, dtype=np.float32).reshape(5, 3)
EMBEDDINGS = Embeddings(WORDS, MATRIX, meta=UNICODE)


PAD, UNK, THE, KINGS, DAY, OF, JUDAH = range(7)


def test_a_string_becomes_ids():
    ids = EMBEDDINGS.encode("The KING\u2019S 日本, of Judah!")
    assert ids.tolist() == [THE, KINGS, DAY, UNK, OF, JUDAH]
    assert ids.dtype == np.int32


def test_texts_become_one_array():
    ids = EMBEDDINGS.encode(["the king of", "", "judah"])
    assert ids.tolist() == [[THE, UNK, OF], [PAD, PAD, PAD], [JUDAH, PAD, PAD]]
    assert ids.dtype == np.int32
    assert ids.flags.c_contiguous


def test_texts_are_truncated_and_padded():
    assert EMBEDDINGS.encode(["the of judah", "the"], 2).tolist() == [[THE, OF], [THE, PAD]]
    assert EMBEDDINGS.encode("the of judah", length=4).tolist() == [THE, OF, JUDAH, PAD]
    assert EMBEDDINGS.encode("the of judah", length=np.int64(1)).tolist() == [THE]


def test_texts_may_be_lists_of_words():
    assert EMBEDDINGS.encode([["the", "Judah", "king"], ["of"]]).tolist() == [
        [THE, JUDAH, UNK],
        [OF, PAD, PAD],
    ]
    assert EMBEDDINGS.encode((("the",), np.array(["of"]))).tolist() == [[THE], [OF]]


def test_texts_may_be_lists_of_ids():
    assert EMBEDDINGS.encode([[4], [2, 6]]).tolist() == [[4, 0], [2, 6]]
    assert EMBEDDINGS.encode(np.array([[4], [6]], np.uint8)).dtype == np.int32


@pytest.mark.parametrize(
    ("rows", "bad"), [("pad+unk", 7), ("pad+unk", -1), ("pad", 6), ("none", 5), ("none", -1)]
)
def test_ids_out_of_range_are_rejected(rows, bad):
    highest = {"pad+unk": 6, "pad": 5, "none": 4}[rows]
    expected = f"id {bad} is out of range: the layout '.*' has rows 0 to {highest}"
    with pytest.raises(ConfigError, match=expected):
        EMBEDDINGS.encode([[0, bad]], rows=rows)
    assert EMBEDDINGS.encode([[0, highest]], rows=rows).tolist() == [[0, highest]]


def test_lookup_equals_the_product_with_one_hot_vectors():
    matrix = EMBEDDINGS.matrix_for()
    ids = EMBEDDINGS.encode([[4], [6]])
    one_hot = np.eye(len(matrix), dtype=np.float32)[ids]
    assert matrix[ids].shape == (2, 1, 3)
    assert (one_hot @ matrix).tolist() == matrix[ids].tolist()


def test_ids_are_the_rows_of_the_words():
    matrix = EMBEDDINGS.matrix_for("pad+unk", unk="mean-rare")
    for word, id_ in zip(WORDS, EMBEDDINGS.encode([WORDS])[0].tolist(), strict=True):
        assert matrix[id_].tolist() == EMBEDDINGS[word].tolist()


def test_no_texts_and_empty_texts():
    assert EMBEDDINGS.encode([]).shape == (0, 0)
    assert EMBEDDINGS.encode([], 3).shape == (0, 3)
    assert EMBEDDINGS.encode("").shape == (0,)
    assert EMBEDDINGS.encode([[]], 2).tolist() == [[PAD, PAD]]


@pytest.mark.parametrize("length", [0, -1, 2.0, "3", True, 2**63])
def test_invalid_lengths_are_rejected(length):
    with pytest.raises(ConfigError, match=r"^length must be an integer from 1 to "):
        EMBEDDINGS.encode("the", length)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (3, r"3; put the ids of each text in a list of their own: \[\[4, 20\]\]"),
        (None, "None"),
        (float("nan"), "nan"),
        (["the", 3], r"\['the', 3\]"),
        ([[1]], r"\[\[1\]\]"),
        ([[1], [1, 2]], r"\[\[1\], \[1, 2\]\]"),
        (np.zeros((2, 2)), r"array\(\[\[0\..*"),
        ({"the"}, r"\{'the'\}"),
    ],
)
def test_invalid_texts_are_rejected(text, shown):
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
def test_unordered_texts_are_rejected(texts):
    expected = f"expected a text or a sequence of texts, got a {type(texts).__name__}; pass a list"
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
def test_texts_may_have_any_sequence_type(texts):
    assert EMBEDDINGS.encode(texts).tolist() == [[THE, OF], [THE, PAD]]


@pytest.mark.parametrize("length", [10**15, 2**63 - 1])
def test_lengths_beyond_memory_are_rejected(length):
    with pytest.raises(ResourceError, match=f"too little memory for 1 x {length} ids; use a sma"):
        EMBEDDINGS.encode("the", length)


def test_utf8_bytes_are_a_text():
    assert EMBEDDINGS.encode("日 of".encode()).tolist() == [DAY, OF]


def test_errors_name_the_text():
    with pytest.raises(ConfigError, match=r"^text 1: id 7 is out of range"):
        EMBEDDINGS.encode([[0], [7]])
    with pytest.raises(UnknownWordError, match=r"^text 2: 'zion' is not among the 5 words"):
        EMBEDDINGS.encode(["the", "of", "Zion"], rows="none", length=1)


def test_unknown_words_need_a_row():
    expected = (
        "'zion' is not among the 5 words, and the layout 'pad' has no row for unknown words; use"
    )
    for text in ("the Zion of", ["the", "zion"]):
        with pytest.raises(UnknownWordError, match=expected):
            EMBEDDINGS.encode([text], rows="pad")
    assert EMBEDDINGS.encode(["the of"], rows="pad").tolist() == [[1, 4]]


def test_short_texts_need_a_padding_row():
    expected = "rows has no padding row in the layout 'none', so a text of 1 words cannot be"
    with pytest.raises(ConfigError, match=expected):
        EMBEDDINGS.encode(["the of", "the"], rows="none")
    assert EMBEDDINGS.encode(["the of", "the"], 1, rows="none").tolist() == [[0], [0]]


def test_strings_need_a_recorded_tokenizer():
    for meta, reason in (
        ({}, "do not record a tokenizer"),
        ({"tokenizer": {"name": "magic", "lowercase": True}}, "do not record a tokenizer"),
        ({"tokenizer": {"name": "unicode", "lowercase": None}}, "do not record a tokenizer"),
        ({"tokenizer": {"name": "tokens", "lowercase": False}}, "on lists of tokens"),
    ):
        embeddings = Embeddings(WORDS, MATRIX, meta=meta)
        with pytest.raises(
            ConfigError,
            match=f"{reason}.*pass lists of words, or set embeddings.meta",
        ):
            embeddings.encode("the")
        assert embeddings.encode([["the"]]).tolist() == [[THE]]


def test_a_changed_tokenizer_takes_effect():
    embeddings = Embeddings(["The", "the"], MATRIX[:2], meta={})
    with pytest.raises(ConfigError, match="do not record a tokenizer"):
        embeddings.encode("The the")
    embeddings.meta["tokenizer"] = {"name": "whitespace", "lowercase": False}
    assert embeddings.encode("The the").tolist() == [2, 3]
    assert embeddings.encoder is embeddings.encoder
    embeddings.meta["tokenizer"]["lowercase"] = True
    assert embeddings.encode("The the").tolist() == [3, 3]


def test_tokenize_follows_the_definition():
    embeddings = Embeddings(["The", "king,"], MATRIX[:2], meta=WHITESPACE)
    assert embeddings.tokenize("The king, the\tking") == ["The", "king,", "the", "king"]
    assert embeddings.encode("The king, the\tking").tolist() == [2, 3, 1, 1]


@settings(max_examples=100, deadline=None)
@given(st.text(st.sampled_from("aB'\u2019 \n\r日\u0301İß_\udcff\0é")))
def test_tokenize_matches_the_reference(text):
    expected = [
        word
        for line in reference.read(text.encode("utf-8", "surrogatepass")).lines
        for word in line
    ]
    assert EMBEDDINGS.tokenize(text) == expected


ACCENTS = ["café", "naïve", "가", "が"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "tokenizer", [UNICODE["tokenizer"], {"name": "unicode", "lowercase": True}]
)
def test_a_text_of_decomposed_letters_has_the_same_ids(form, tokenizer):
    # Also with the first edition of the rules, whose words are not normalized, but looked up.
    words = [unicodedata.normalize(form, word) for word in ACCENTS[:3]]
    model = Embeddings(words, np.eye(3), meta={"tokenizer": tokenizer})
    for text in ("Café, naïve 가", unicodedata.normalize("NFD", "Café, naïve 가")):
        assert model.encode(text, rows="none").tolist() == [0, 1, 2]


def test_a_trained_model_encodes_its_corpus(tmp_path):
    lines = ["a b c a", "b a d"] * 3
    model = w2v.train(lines, min_count=4, dim=4, epochs=1, threads=1, sample=0)
    assert model.words == ["a", "b"]
    model.save(tmp_path / "m")
    for embeddings in (model, w2v.load(tmp_path / "m")):
        assert embeddings.encode("A b c a").tolist() == [2, 3, 1, 2]


def test_the_cache_of_words_is_limited(monkeypatch):
    monkeypatch.setattr(tokenizer, "_MAX_REMEMBERED", 3)
    tokens = tokenizer.Tokenizer(WordDefinition("unicode", True), {"a": 5, "b": 6}.__getitem__)
    for text, tags in (("a b", [5, 6]), ("b a", [6, 5]), ("a a", [5, 5])):
        assert tokens.numbers(text).tolist() == tags
    embeddings = Embeddings(WORDS, MATRIX, meta=UNICODE)
    for i in range(10):
        assert embeddings.encode(f"the w{i} of x{i}").tolist() == [THE, UNK, OF, UNK]
    assert len(embeddings.encoder.tokenizer._scanner.words) < 10


def test_threads_can_share_embeddings():
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


def test_the_recorded_layout_is_the_default():
    rows = np.vstack([np.zeros((1, 3), np.float32), MATRIX])
    embeddings = Embeddings.from_rows(Layout("pad"), WORDS, rows)
    assert embeddings.rows == "pad"
    assert embeddings.matrix_for().shape == (6, 3)
    assert embeddings.encode([["the"]]).tolist() == [[1]]
    assert embeddings.encode([["the"]], rows="none").tolist() == [[0]]


SENTENCE = "the king's of judah"


@pytest.mark.parametrize(
    ("texts", "noted"),
    [
        ([[SENTENCE]], 0),
        ([["the"], ["of", SENTENCE], [SENTENCE]], 1),
        (np.array([[SENTENCE]]), 0),
        ([SENTENCE, ["the", "unknown"], [4, 5], []], None),
    ],
)
def test_a_sentence_in_the_place_of_a_word_is_a_note(texts, noted, caplog):
    with caplog.at_level(logging.WARNING, logger="w2v"):
        EMBEDDINGS.encode(texts)
    messages = [record.getMessage() for record in caplog.records]
    if noted is None:
        assert messages == []
    else:
        (message,) = messages
        assert message.startswith(f"note: text {noted} is a list of words, and {SENTENCE!r} is unk")
        assert message.endswith("pass a text as a string, not in a list of its own")


def test_tokens_may_have_blanks(caplog):
    model = Embeddings(["new york"], [[1.0]], meta={"tokenizer": {"name": "tokens"}})
    with caplog.at_level(logging.WARNING, logger="w2v"):
        assert model.encode([["new york", "san francisco"]]).tolist() == [[2, 1]]
    assert not caplog.records


def test_ids_can_be_padded_in_front_and_have_64_bits():
    meta = {"tokenizer": {"name": "whitespace", "lowercase": False}}
    model = Embeddings(["a", "b"], np.eye(2), None, meta)
    texts = ["a", "a b a"]
    assert model.encode(texts, 2, padding="pre").tolist() == [[0, 2], [2, 3]]
    assert model.encode(texts, 4, padding="pre").tolist() == [[0, 0, 0, 2], [0, 2, 3, 2]]
    assert model.encode("a", 3, padding="pre").tolist() == [0, 0, 2]
    wide = model.encode(texts, dtype="int64")
    assert wide.dtype == np.int64
    assert wide.tolist() == model.encode(texts).tolist()
    for name, value in (("padding", "left"), ("dtype", "float32")):
        with pytest.raises(ConfigError, match=f"^{name} must be one of"):
            model.encode(texts, **{name: value})
