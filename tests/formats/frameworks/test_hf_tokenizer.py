"""The file tokenizer.json, as far as it can be tested without the library."""

from __future__ import annotations

import json

import pytest

from w2v.errors import (
    ConfigError,
)
from w2v.formats.frameworks import hf_tokenizer
from w2v.formats.layout import Layout

ROWS = Layout("pad+unk", "zeros")


UNICODE = {"name": "unicode", "lowercase": True}


def tokenizer(words: list[str], definition: object = UNICODE) -> dict:
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
    vocab = tokenizer(words, {"name": name, "lowercase": False})["model"]["vocab"]
    assert list(vocab) == [*expected, *words]


@pytest.mark.parametrize("definition", [None, {}, {"name": "tokens", "lowercase": False}])
def test_an_undefined_tokenizer_is_rejected(definition, tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"the format hf needs the tokenizer.*; run w2v convert with `tok",
    ):
        tokenizer(["a"], definition)


def test_the_normalizer_without_lowercasing():
    assert tokenizer(["a"], {"name": "whitespace", "lowercase": False})["normalizer"] is None
    (only,) = tokenizer(["a"], UNICODE | {"lowercase": False})["normalizer"]["normalizers"]
    assert (only["pattern"], only["content"]) == ({"String": "\u2019"}, "'")
