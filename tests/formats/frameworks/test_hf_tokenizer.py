"""The file tokenizer.json, without the tokenizers library."""

from __future__ import annotations

import json

import pytest

from w2v.formats.frameworks import hf_tokenizer
from w2v.formats.layout import Layout
from w2v.text.definition import FIRST_EDITION, WordDefinition

ROWS = Layout("pad+unk", "zeros")
UNICODE = WordDefinition("unicode", lowercase=True)
WHITESPACE = WordDefinition("whitespace", lowercase=False)


def tokenizer(words: list[str], definition: WordDefinition = UNICODE) -> dict:
    return json.loads(hf_tokenizer.encode(words, ROWS, definition))


def test_the_layout_determines_the_ids():
    content = tokenizer(["b", "a"])
    assert content["model"] == {
        "type": "WordLevel",
        "vocab": {"[PAD]": 0, "[UNK]": 1, "b": 2, "a": 3},
        "unk_token": "[UNK]",
    }
    assert (content["padding"]["pad_id"], content["padding"]["pad_token"]) == (0, "[PAD]")
    assert content["added_tokens"] == []


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        (["<unk>", "pad"], "unicode", ("[PAD]", "[UNK]")),
        (["[UNK]"], "unicode", ("[PAD ]", "[UNK ]")),
        (["[PAD]", "[UNK ]"], "unicode", ("[PAD  ]", "[UNK  ]")),
        (["<unk>"], "whitespace", ("[PAD ]", "[UNK ]")),
        (["[PAD ]"], "whitespace", ("[PAD  ]", "[UNK  ]")),
    ],
)
def test_special_names_differ_from_words(words, name, expected):
    assert hf_tokenizer.special_names(words, name) == expected
    vocab = tokenizer(words, WordDefinition(name, lowercase=False))["model"]["vocab"]
    assert list(vocab) == [*expected, *words]


def test_the_normalizer_without_lowercasing():
    assert tokenizer(["a"], WHITESPACE)["normalizer"] is None
    cased = WordDefinition("unicode", lowercase=False, edition=FIRST_EDITION)
    (only,) = tokenizer(["a"], cased)["normalizer"]["normalizers"]
    assert (only["pattern"], only["content"]) == ({"String": "\u2019"}, "'")
