"""Dataclasses from JSON, with a check of every type."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from w2v.config import Config
from w2v.system.records import RecordError, decode


class Point(NamedTuple):
    x: int
    label: str


@dataclass(frozen=True)
class Inner:
    seconds: float
    count: int = 3


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner
    points: list[Point]
    sizes: tuple[tuple[int, int], ...]
    done: tuple[Inner, ...] = ()
    more: dict[str, Any] = dataclasses.field(default_factory=dict)
    words: list[str] | None = None
    flag: bool = False
    anything: Any = None


FULL = Outer(
    name="a",
    inner=Inner(0.5, 4),
    points=[Point(1, "one"), Point(2, "two")],
    sizes=((1, 2), (3, 4)),
    done=(Inner(1.0),),
    more={"k": [1]},
    words=["x", "y"],
    flag=True,
    anything=[{}],
)
LEAST = {"name": "a", "inner": {"seconds": 1}, "points": [], "sizes": []}


def test_a_record_survives_json():
    assert decode(Outer, json.loads(json.dumps(dataclasses.asdict(FULL)))) == FULL


def test_missing_fields_take_their_defaults():
    record = decode(Outer, LEAST)
    assert record == Outer("a", Inner(1.0), [], ())
    assert type(record.inner.seconds) is float


class Place(NamedTuple):
    x: int
    y: int
    name: str = "here"


def test_the_last_items_of_a_tuple_take_their_defaults():
    assert decode(Place, [1, 2]) == Place(1, 2) == decode(Place, [1, 2, "here"])
    for value in ([1], [1, 2, "there", 4], [1, 2, 3]):
        with pytest.raises(RecordError):
            decode(Place, value)


def test_a_config_survives_json():
    config = Config(dim=7, lr=1, lowercase=False)
    assert decode(Config, json.loads(json.dumps(config.as_dict()))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": 1}, r"^name: expected str, got 1$"),
        ({"name": None}, r"^name: expected str, got None$"),
        ({"inner": []}, r"^inner: expected Inner, got \[\]$"),
        ({"inner": {}}, r"^inner: .*missing 1 required positional argument: 'seconds'$"),
        ({"inner": {"seconds": "1"}}, r"^inner\.seconds: expected float, got '1'$"),
        ({"inner": {"seconds": True}}, r"^inner\.seconds: expected float, got True$"),
        ({"inner": {"seconds": 1, "count": 1.0}}, r"^inner\.count: expected int, got 1\.0$"),
        ({"inner": {"seconds": 1, "count": True}}, r"^inner\.count: expected int, got True$"),
        ({"inner": {"seconds": 1, "other": 2}}, r"^inner\.other: unknown field of Inner$"),
        ({"points": {}}, r"^points: expected a list, got \{\}$"),
        ({"points": [[1]]}, r"^points\[0\]: expected Point, got \[1\]$"),
        ({"points": [[1, "a"], [2, 3]]}, r"^points\[1\]\[1\]: expected str, got 3$"),
        ({"points": ["ab"]}, r"^points\[0\]: expected Point, got 'ab'$"),
        ({"sizes": [[1, 2, 3]]}, r"^sizes\[0\]: expected tuple, got \[1, 2, 3\]$"),
        ({"sizes": [[1, "2"]]}, r"^sizes\[0\]\[1\]: expected int, got '2'$"),
        ({"done": [7]}, r"^done\[0\]: expected Inner, got 7$"),
        ({"more": []}, r"^more: expected dict, got \[\]$"),
        ({"words": ["a", 1]}, r"^words\[1\]: expected str, got 1$"),
        ({"words": "ab"}, r"^words: expected a list, got 'ab'$"),
        ({"flag": 1}, r"^flag: expected bool, got 1$"),
        ({"unknown": 1}, r"^unknown: unknown field of Outer$"),
    ],
)
def test_a_wrong_type_is_rejected_by_name(change, message):
    with pytest.raises(RecordError, match=message):
        decode(Outer, LEAST | change)


@pytest.mark.parametrize("value", [None, 7, "x", [], [LEAST]])
def test_other_values_are_rejected(value):
    with pytest.raises(RecordError, match=r"^value: expected Outer, got "):
        decode(Outer, value)


def test_a_value_that_the_dataclass_rejects_is_reported():
    with pytest.raises(RecordError, match=r"^config: dim must be an integer from 1"):
        decode(Config, {"dim": 0}, name="config")


def test_unknown_fields_can_be_ignored():
    value = LEAST | {"unknown": 1, "done": [{"seconds": 1, "stage": "x"}]}
    assert decode(Outer, value, ignore_unknown=True) == Outer(
        "a", Inner(1.0), [], (), (Inner(1.0),)
    )
