"""The definition of a word, and its record in meta.json."""

from __future__ import annotations

import unicodedata

import pytest
import regex
from hypothesis import assume, given
from hypothesis import strategies as st

import reference
from w2v.config import Config
from w2v.errors import ConfigError
from w2v.system.records import decode
from w2v.text.definition import WordDefinition
from w2v.text.normal import lowercase_word

WORD_LIKE = st.text(
    st.sampled_from("aéeIiİJǰ\u030c\u0301\u0307'\u2019ʼ·\u00ad\u200c\u200d\u200fمیक्ष9_՞")
    | st.characters(categories=["L", "M"]),
    min_size=1,
    max_size=12,
)
LOOSE = regex.compile(r"['\u2019·](?![\p{L}\p{N}_])")  # not within a word


def test_the_record_for_meta_json():
    assert WordDefinition("unicode", True).as_dict() == {
        "name": "unicode",
        "lowercase": True,
        "max_word_bytes": 1000,
        "unicode": unicodedata.unidata_version,
        "edition": 2,
    }
    segmented = WordDefinition("unicode", True, segmenter="jieba", segmenter_version="1.0")
    assert segmented.as_dict().items() - WordDefinition("unicode", True).as_dict().items() == {
        ("segmenter", "jieba"),
        ("segmenter_version", "1.0"),
    }


@pytest.mark.parametrize(
    "definition", [WordDefinition("unicode", False), WordDefinition("whitespace", True)]
)
def test_a_definition_survives_a_round_trip(definition):
    assert WordDefinition.from_meta(definition.as_dict()) == definition


def test_a_model_saved_before_there_were_editions_keeps_the_first_one():
    recorded = {"name": "unicode", "lowercase": True, "max_word_bytes": 1000, "unicode": "14.0.0"}
    definition = WordDefinition.from_meta(recorded)
    assert definition == WordDefinition("unicode", True, edition=1)
    assert definition != WordDefinition("unicode", True)
    assert decode(WordDefinition, recorded) == definition
    assert decode(WordDefinition, WordDefinition("unicode", True).as_dict()).edition == 2


def test_an_edition_of_a_newer_version_is_refused():
    recorded = WordDefinition("unicode", True).as_dict() | {"edition": 3}
    with pytest.raises(ConfigError, match=r"edition 3 .* knows editions 1 to 2; use a newer w2v"):
        WordDefinition.from_meta(recorded)


FORMS = [
    (WordDefinition("unicode", True), "Cafe\u0301", "café"),
    (WordDefinition("unicode", False), "Cafe\u0301", "Café"),
    (WordDefinition("unicode", True), "İZMİR", "izmir"),
    (WordDefinition("unicode", True), "I\u0307zmir", "izmir"),
    (WordDefinition("unicode", True), "don\u2019t", "don't"),
    (WordDefinition("unicode", True), "п\u02bcять", "п'ять"),
    (WordDefinition("unicode", True), "co\u00adop\u200e", "coop"),
    (WordDefinition("unicode", True, edition=1), "İe\u0301", "i\u0307e\u0301"),
    (WordDefinition("whitespace", True), "İe\u0301", "ie\u0301"),
    (WordDefinition("whitespace", False), "İe\u0301", "İe\u0301"),
]


@pytest.mark.parametrize(("definition", "word", "form"), FORMS)
def test_the_form_of_a_word_by_hand(definition, word, form):
    assert definition.form(word) == form


@given(text=WORD_LIKE, lowercase=st.booleans())
def test_the_form_of_a_text_that_is_one_word_is_that_word(text, lowercase):
    assume(text[0].isalnum() and not LOOSE.search(text))
    (words,) = reference.tokenize(text.encode(), lowercase=lowercase)
    if len(words) == 1:
        assert WordDefinition("unicode", lowercase).form(text) == words[0]


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
        ({"name": "unicode", "lowercase": True, "edition": "2"}, "do not record a tokenizer"),
        ("unicode", "do not record a tokenizer"),
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
