"""Joining the phrases of texts."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from w2v.errors import ConfigError
from w2v.text.phrases import PhraseJoiner, joined, recorded_phrases

FIRST = ("new york", "bread and butter", "lord of the rings", "the cat")
SECOND = ("new_york city", "old new_york")


def joiner(*passes, words=None):
    return PhraseJoiner(passes, lambda word: words is None or word in words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("new", "new"),
        ("new york", "new_york"),
        ("in new york city now", "in new_york city now"),
        ("new new york york", "new new_york york"),
        ("lord of the rings of the lord", "lord_of_the_rings of the lord"),
        ("lord of rings", "lord of rings"),
        ("bread and butter and bread", "bread_and_butter and bread"),
        ("the cat", "the_cat"),
    ],
)
def test_phrases_are_joined_from_the_left(text, expected):
    assert joiner(FIRST).join(text.split()) == expected.split()


def test_a_later_pass_joins_what_an_earlier_one_joined():
    both = joiner(FIRST, SECOND)
    assert both.join(["old", "new", "york", "city"]) == ["old_new_york", "city"]
    assert both.join(["a", "new", "york", "city"]) == ["a", "new_york_city"]


def test_phrases_outside_the_vocabulary_are_split_into_parts_inside_it():
    words = {"new_york", "city", "old"}
    assert joiner(FIRST, SECOND, words=words).join(["new", "york", "city"]) == ["new_york", "city"]
    assert joiner(FIRST, SECOND, words={"new"}).join(["new", "york", "city"]) == [
        "new",
        "york",
        "city",
    ]


def test_tokens_with_blanks_are_in_no_phrase():
    three = joiner(["x a b"])
    assert three.join(["x", "a", "b"]) == ["x_a_b"]
    assert three.join(["x", "a b"]) == ["x", "a b"]
    assert three.join(["x a", "b"]) == ["x a", "b"]


def slow_join(words, phrases):
    """Join the phrases of one pass, by comparing each with the text at each position."""
    words, result = list(words), []
    while words:
        match = next((p for p in phrases if words[: len(p.split())] == p.split()), None)
        size = 1 if match is None else len(match.split())
        result.append("_".join(words[:size]))
        words = words[size:]
    return result


LETTERS = st.sampled_from("abcd")


@given(
    words=st.lists(LETTERS, max_size=30),
    phrases=st.sets(st.tuples(LETTERS, LETTERS).map(" ".join), max_size=8),
)
def test_the_joiner_equals_the_reference(words, phrases):
    assert joiner(phrases).join(words) == slow_join(words, phrases)


def test_a_joiner_can_be_pickled():
    copy = pickle.loads(pickle.dumps(PhraseJoiner([FIRST], set().__contains__)))
    assert copy.join(["new", "york"]) == ["new", "york"]


def test_recorded_phrases_are_tuples():
    assert recorded_phrases({"phrases": [["new york"], []]}) == (("new york",), ())
    assert recorded_phrases({"name": "unicode"}) == recorded_phrases(None) == ()


@pytest.mark.parametrize("recorded", [3, "new york", ["new york"], [[1]], [None], {"a": []}])
def test_other_records_are_rejected(recorded):
    with pytest.raises(ConfigError, match=r"^the phrases that these embeddings record must be"):
        recorded_phrases({"phrases": recorded})


def test_a_joined_phrase_is_one_word():
    assert joined("lord of the rings") == "lord_of_the_rings"
