"""Words of a vocabulary that a tokenizer finds."""

from __future__ import annotations

import pytest

from w2v.errors import ConfigError
from w2v.text.definition import WordDefinition
from w2v.text.reach import reach, require_reach

LOWERCASE, CASED = WordDefinition("unicode", True), WordDefinition("unicode", False)
BLANKS = WordDefinition("whitespace", False)


@pytest.mark.parametrize(
    ("words", "definition", "found"),
    [
        (["the", "dog"], LOWERCASE, 2),
        (["the", "Dog", "USA"], LOWERCASE, 1),
        (["the", "Dog", "USA"], CASED, 3),
        (["</s>", "the", "new_york"], LOWERCASE, 2),
        (["</s>", "the", "a-b"], BLANKS, 3),
        (["日本"], LOWERCASE, 0),
    ],
)
def test_words_are_found_if_they_become_themselves(words, definition, found):
    reached = reach(words, definition)
    assert (reached.words, reached.found) == (len(words), found)
    assert (reached.missed == "") == (found == len(words))


def test_the_description_has_an_example():
    reached = reach(["the", "U.S.A", "</s>"], LOWERCASE)
    assert reached.is_low
    assert str(reached) == (
        "the tokenizer finds 1 of the first 3 words; 'U.S.A', for example, becomes u s a"
    )


def test_a_few_odd_names_are_not_low():
    assert not reach(["</s>", *[f"w{i}" for i in range(99)]], LOWERCASE).is_low


def test_only_the_first_words_are_tried():
    assert reach(["a"] * 3_000, LOWERCASE).words == 1_000


def test_a_tokenizer_that_finds_nothing_is_refused():
    with pytest.raises(ConfigError, match=r"^the tokenizer finds 0 of the first 1 words; 'USA'"):
        require_reach(["USA"], LOWERCASE)
    assert require_reach(["USA", "dog"], LOWERCASE).found == 1
