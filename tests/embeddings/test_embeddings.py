"""Embeddings: look-up, nearest words and analogies."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, UnknownWordError
from w2v.text.definition import WordDefinition

ROYALS = Embeddings(
    ["man", "woman", "king", "queen", "apple", "zero"],
    np.array([[3, 0, 0], [0, 2, 0], [1, 0, 1], [0, 5, 5], [-1, -1, 0], [0, 0, 0]], np.float32),
    [60, 50, 40, 30, 20, 10],
)
LOWERS = {"tokenizer": {"lowercase": True}}


def test_lookup_returns_the_row():
    assert ROYALS["king"].tolist() == [1, 0, 1]
    assert ROYALS.id_of("king") == 2
    assert "king" in ROYALS
    assert "pawn" not in ROYALS
    assert 2 not in ROYALS
    assert (len(ROYALS), ROYALS.dim) == (6, 3)
    assert list(ROYALS) == ROYALS.words
    assert repr(ROYALS) == "Embeddings(6 words, dim 3)"


def test_a_vector_is_a_copy():
    """A read-only view makes PyTorch warn of undefined behavior."""
    vector = ROYALS["king"]
    before = vector.tolist()
    assert vector.flags.writeable
    vector[0] = 7
    assert ROYALS["king"].tolist() == before
    assert ROYALS.matrix[ROYALS.id_of("king")].tolist() == before


def test_most_similar_ranks_by_cosine_without_the_word_itself():
    # queen (0,5,5): king (1,0,1) 1/2, woman 1/sqrt 2, man 0, zero 0, apple -1/2
    expected = [("woman", 0.5**0.5), ("king", 0.5), ("man", 0), ("zero", 0), ("apple", -0.5)]
    answer = ROYALS.most_similar("queen")
    assert [word for word, _ in answer] == [word for word, _ in expected]
    assert [cosine for _, cosine in answer] == pytest.approx([c for _, c in expected])
    assert all(type(cosine) is float for _, cosine in answer)
    assert ROYALS.most_similar("queen", topn=2) == answer[:2]
    assert ROYALS.most_similar("queen", topn=0) == []


def test_most_similar_of_a_vector_excludes_no_word():
    (best, cosine), *rest = ROYALS.most_similar(ROYALS["queen"] * 9, topn=100)
    assert (best, cosine) == ("queen", pytest.approx(1))
    assert len(rest) == 5


def test_a_zero_vector_has_cosine_0():
    assert {cosine for _, cosine in ROYALS.most_similar("zero")} == {0}
    assert {cosine for _, cosine in ROYALS.most_similar(np.zeros(3))} == {0}


@pytest.mark.parametrize("scale", [1e-38, 1e-20, 1e19, 1e37])
def test_cosines_do_not_depend_on_the_length_of_vectors(scale):
    scaled = Embeddings(ROYALS.words, ROYALS.matrix * np.float32(scale))
    for (word, cosine), (expected, value) in zip(
        scaled.most_similar("queen"), ROYALS.most_similar("queen"), strict=True
    ):
        assert word == expected
        assert cosine == pytest.approx(value, abs=1e-6)


@pytest.mark.parametrize("query", [np.ones(2), np.ones((1, 3)), np.array([1, np.nan, 0])])
def test_invalid_query_vectors_are_rejected(query):
    with pytest.raises(ConfigError, match="a word or 3 finite numbers, got an array of shape"):
        ROYALS.most_similar(query)


def test_analogy():
    ((word, cosine),) = ROYALS.analogy("man", "king", "woman")
    # unit rows: (1,0,1)/sqrt 2 - (1,0,0) + (0,1,0); queen is (0,1,1)/sqrt 2
    target = np.array([0.5**0.5 - 1, 1, 0.5**0.5])
    expected = (target[1] + target[2]) / 2**0.5 / np.linalg.norm(target)
    assert (word, cosine) == ("queen", pytest.approx(expected))


def test_analogy_excludes_its_words():
    answer = ROYALS.analogy("man", "king", "woman", topn=100)
    assert sorted(word for word, _ in answer) == ["apple", "queen", "zero"]


def test_queries_do_not_change_the_model():
    embeddings = Embeddings(ROYALS.words, ROYALS.matrix.copy())
    before = embeddings.matrix.tobytes()
    embeddings.most_similar("king")
    embeddings.most_similar(embeddings.matrix[0])
    embeddings.analogy("man", "king", "woman")
    assert embeddings.matrix.tobytes() == before
    with pytest.raises(ValueError, match="read-only"):
        embeddings.unit[0] = 0


def test_errors_suggest_near_spellings():
    with pytest.raises(UnknownWordError, match=r"^'kign' is not among the 6 words .* 'king'[?]$"):
        ROYALS["kign"]
    with pytest.raises(UnknownWordError, match=r"words of this model$"):
        ROYALS.most_similar("xyzzyxyzzy")
    with pytest.raises(UnknownWordError, match="'pawn'"):
        ROYALS.analogy("man", "king", "pawn")


@pytest.mark.parametrize("word", ["KING", "King", "king"])
def test_lookup_lowercases_if_the_model_is_lowercased(word):
    embeddings = Embeddings(ROYALS.words, ROYALS.matrix, meta=LOWERS)
    assert word in embeddings
    assert embeddings.id_of(word) == 2
    assert embeddings[word].tolist() == [1, 0, 1]
    assert embeddings.most_similar(word) == ROYALS.most_similar("king")
    assert embeddings.analogy("Man", word, "Woman") == ROYALS.analogy("man", "king", "woman")
    with pytest.raises(UnknownWordError, match=r"'KIGN' .* 'king'"):
        embeddings.id_of("KIGN")


def test_lookup_prefers_the_word_as_written():
    embeddings = Embeddings(["us", "US"], np.eye(2), meta=LOWERS)
    assert (embeddings.id_of("US"), embeddings.id_of("Us")) == (1, 0)


@pytest.mark.parametrize("meta", [None, {"tokenizer": {"lowercase": False}}, {"tokenizer": "x"}])
def test_lookup_is_case_sensitive_otherwise(meta):
    embeddings = Embeddings(ROYALS.words, ROYALS.matrix, meta=meta)
    assert "King" not in embeddings
    with pytest.raises(UnknownWordError, match="'King'"):
        embeddings["King"]


NFC = ["café", "ça", "ǰ", "가", "が", "\u0915\u093c"]


@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize(
    "tokenizer",
    [
        None,
        WordDefinition("unicode", True).as_dict(),
        WordDefinition("unicode", True, edition=1).as_dict(),
        WordDefinition("whitespace", False).as_dict(),
        {"name": "tokens", "lowercase": False},
    ],
)
def test_lookup_finds_equivalent_words(form, tokenizer):
    words = [unicodedata.normalize(form, word) for word in NFC]
    meta = {} if tokenizer is None else {"tokenizer": tokenizer}
    embeddings = Embeddings(words, np.eye(len(NFC)), meta=meta)
    for query_form in ("NFC", "NFD"):
        for row, word in enumerate(NFC):
            query = unicodedata.normalize(query_form, word)
            assert query in embeddings
            assert embeddings.id_of(query) == row
            assert embeddings[query].tolist() == embeddings.matrix[row].tolist()
            assert embeddings.most_similar(query) == embeddings.most_similar(words[row])
    query = unicodedata.normalize("NFD", "café")
    assert embeddings.analogy(query, "ça", "ǰ") == embeddings.analogy("café", "ça", "ǰ")


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("DON\u2019T", "don't"),
        ("п\u02bcять", "п'ять"),
        ("co\u00adop", "coop"),
        ("İzmir", "izmir"),
        ("I\u0307zmir", "izmir"),
        ("izmir", "izmir"),
    ],
)
def test_lookup_writes_a_word_as_the_tokenizer_does(query, word):
    meta = {"tokenizer": WordDefinition("unicode", True).as_dict()}
    embeddings = Embeddings(["other", word], np.eye(2), meta=meta)
    assert embeddings.id_of(query) == 1


def test_lookup_prefers_a_word_as_written_to_an_equivalent_one():
    words = ["cafe\u0301", "café"]
    embeddings = Embeddings(words, np.eye(2))
    assert [embeddings.id_of(word) for word in words] == [0, 1]


@pytest.mark.parametrize("word", [3, None, ["a", "b"]])
def test_words_must_be_strings(word):
    embeddings = Embeddings(["a", "b"], [[1.0], [2.0]])
    with pytest.raises(ConfigError, match="a word must be a single string, got "):
        embeddings[word]


@pytest.mark.parametrize("query", [[["a"], ["a", "b"]], 3, [1.0, 2.0]])
def test_invalid_queries_are_rejected(query):
    embeddings = Embeddings(["a", "b"], [[1.0], [2.0]])
    with pytest.raises(ConfigError, match="a query must be a word or 1 finite numbers, got "):
        embeddings.most_similar(query)


def test_neighbours_of_many_words_are_those_of_each():
    rng = np.random.default_rng(9)
    embeddings = Embeddings([f"w{i}" for i in range(40)], rng.normal(size=(40, 6)))
    asked = ["w7", "w39", "w0", "w7"]
    for topn in (0, 3, 10, 99):
        found = embeddings.neighbours(asked, topn)
        for word, neighbours in zip(asked, found, strict=True):
            expected = embeddings.most_similar(word, topn)
            assert [name for name, _ in neighbours] == [name for name, _ in expected]
            cosines = [cosine for _, cosine in neighbours]
            assert cosines == pytest.approx([cosine for _, cosine in expected], abs=1e-6)
    whole = embeddings.neighbours(topn=2)
    assert whole == embeddings.neighbours(embeddings.words, 2)
    assert embeddings.neighbours([]) == []


@pytest.mark.parametrize(
    ("words", "topn", "error", "message"),
    [
        ("w1", 3, ConfigError, "words must be a sequence of words, got 'w1'"),
        ({"w1"}, 3, ConfigError, "words must be a sequence of words"),
        (7, 3, ConfigError, "words must be a sequence of words, got 7"),
        ([7], 3, ConfigError, "a word must be a single string, got 7"),
        (["w1", "nobody"], 3, UnknownWordError, "'nobody' is not among"),
        (["w1"], -1, ConfigError, "topn must be an integer of at least 0"),
    ],
)
def test_neighbours_of_what_is_no_word(words, topn, error, message):
    embeddings = Embeddings(["w0", "w1"], np.eye(2))
    with pytest.raises(error, match=message):
        embeddings.neighbours(words, topn)
