"""`w2v info`."""

from __future__ import annotations

import json

import numpy as np
import pytest

import w2v
from commands import TINY, ok


def test_info_summarizes_a_model():
    ok("train", "text.txt", "-o", "m", *TINY, "--validation", "0.3")
    shown = ok("info", "m").splitlines()
    facts = dict(line.split(maxsplit=1) for line in shown if line[0] not in "e ")
    assert facts["words"] == "9, from 'the' to 'sleeps'"
    assert facts["dimensions"] == "8"
    assert facts["corpus"] == "120 words in 20 lines, 100.00 % in the vocabulary"
    assert facts["tokenizer"] == "unicode, lowercased"
    assert "dim=8" in facts["options"]
    assert facts["speed"].endswith(" million words/s")
    assert facts["version"] == f"w2v {w2v.__version__}"
    epochs = [line for line in ok("info", "m").splitlines() if line[0] == "e"]
    assert [line.split()[:3] for line in epochs] == [["epoch", "1", "loss"], ["epoch", "2", "loss"]]
    assert "validation loss" in epochs[0]
    assert json.loads(ok("info", "m", "--json")) == w2v.load("m").meta


@pytest.mark.parametrize(
    "meta",
    [
        {},
        {"corpus": "my own"},
        {"corpus": {"tokens": "many"}},
        {"tokenizer": "mine", "epochs": 5},
        {"epochs": [{"loss": 1}]},
        {"config": 7},
        {"words_per_second": None},
    ],
)
def test_info_shows_foreign_metadata(meta):
    w2v.Embeddings(["α"], np.ones((1, 2), np.float32), meta=meta).save("m")
    lines = ok("info", "m").splitlines()
    assert lines[:2] == ["words        1, from 'α' to 'α'", "dimensions   2"]
    assert [line.split()[0] for line in lines[2:]] == list(meta)
