"""The definition of a word, and its record in meta.json."""

from __future__ import annotations

import unicodedata

import pytest

from w2v.config import Config
from w2v.errors import ConfigError
from w2v.text.definition import WordDefinition, lowercase_word


def test_the_record_for_meta_json():
    assert WordDefinition("unicode", True).as_dict() == {
        "name": "unicode",
        "lowercase": True,
        "max_word_bytes": 1000,
        "unicode": unicodedata.unidata_version,
    }


@pytest.mark.parametrize(
    "definition", [WordDefinition("unicode", False), WordDefinition("whitespace", True)]
)
def test_a_definition_survives_a_round_trip(definition):
    assert WordDefinition.from_meta(definition.as_dict()) == definition
    assert (
        WordDefinition.from_meta({"name": definition.name, "lowercase": definition.lowercase})
        == definition
    )


def test_the_unicode_version_does_not_affect_equality():
    old = WordDefinition("unicode", True, unicode="9.0.0")
    assert old == WordDefinition("unicode", True)
    assert hash(old) == hash(WordDefinition("unicode", True))
    assert old.as_dict()["unicode"] == "9.0.0"


@pytest.mark.parametrize(
    ("recorded", "reason"),
    [
        (None, "do not record a tokenizer"),
        ({}, "do not record a tokenizer"),
        ([], "do not record a tokenizer"),
        ({"name": "magic", "lowercase": True}, "do not record a tokenizer"),
        ({"name": ["unicode"], "lowercase": True}, "do not record a tokenizer"),
        ({"name": "unicode", "lowercase": None}, "do not record a tokenizer"),
        ({"name": "tokens", "lowercase": False}, "were trained on lists of tokens"),
    ],
)
def test_from_meta_rejects_records_that_do_not_apply_to_text(recorded, reason):
    with pytest.raises(ConfigError, match=f"^these embeddings {reason}, so they cannot split"):
        WordDefinition.from_meta(recorded)


def test_lists_of_tokens_ignore_the_tokenizer_option():
    config = Config(tokenizer="whitespace")
    assert WordDefinition.from_config(config, tokenized=False) == WordDefinition(
        "whitespace", False
    )
    assert WordDefinition.from_config(config, tokenized=True) == WordDefinition("tokens", False)
    assert WordDefinition.from_config(Config(), tokenized=False) == WordDefinition("unicode", True)


def test_str_of_a_definition():
    assert str(WordDefinition("unicode", True)) == "unicode, lowercased"
    assert str(WordDefinition("whitespace", False)) == "whitespace, case-sensitive"


def test_each_character_is_lowercased_separately():
    assert (
        lowercase_word("\u038c\u0394\u039f\u03a3") == "\u03cc\u03b4\u03bf\u03c3"
    )  # no final sigma
