"""The record of a training in ``meta.json``."""

from __future__ import annotations

import json

import pytest

import w2v
from support import TINY
from w2v.pipeline.record import TrainingRecord, known_origins

OPTIONS = TINY | {"dim": 4, "epochs": 1}


@pytest.fixture(scope="module")
def meta(tmp_path_factory):
    path = tmp_path_factory.mktemp("record") / "m"
    w2v.train(["a b c"] * 9, output=path, **OPTIONS)
    w2v.train(["b c d"] * 9, init=path, output=path.with_name("n"), **OPTIONS)
    return json.loads((path.with_name("n") / "meta.json").read_text())


def test_a_record_survives_a_round_trip_through_metadata(meta):
    record = TrainingRecord.from_meta(meta)
    assert record.as_meta() == {
        name: value for name, value in meta.items() if name not in {"job", "format_version"}
    }
    assert [origin.words for origin in known_origins(record)] == [3]


@pytest.mark.parametrize(
    "change", [{"epochs": 7}, {"corpus": None}, {"timings": {}}, {"words_per_second": "x"}]
)
def test_invalid_metadata_gives_no_record(change, meta):
    assert TrainingRecord.from_meta({}) is None
    assert TrainingRecord.from_meta(meta | change) is None


def test_unknown_origins_are_skipped(meta):
    record = TrainingRecord.from_meta(meta | {"origins": [7, *meta["origins"]]})
    assert [origin.words for origin in known_origins(record)] == [3]
