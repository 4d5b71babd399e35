"""The type, range and default of every option, and contradictions between options."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import typing
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from w2v.config import (
    CORPUS,
    DEFAULTS,
    EXECUTION,
    MODEL,
    PHRASES,
    TRAINING,
    Config,
    TrainOptions,
    options,
)
from w2v.errors import ConfigError
from w2v.options import LARGEST, Option
from w2v.system.cpu import available_cores

OPTIONS = options()
NUMBERS = [name for name, option in OPTIONS.items() if option.kind in {int, float}]
NONE_IS_DEFAULT = {
    "column", "sep", "json_field",
    "lowercase", "segmenter", "encoding", "lr_min", "threads", "negative_sharing",
    "shared_negatives", "shards", "phrase_threshold", "ray", "workers",
}  # fmt: skip
# The distance of the tested values from a bound.
STEP = {int: 1, float: 1e-9}
# Options that must change with another option at its bound.
COMPANIONS = {
    "lr_min": {"lr": 1e300},
    "shards": {"deterministic": True},
    "rounds": {"deterministic": True},
    "workers": {"ray": "local"},
}


def make(name: str, value: object) -> Config:
    return Config(**{name: value, **COMPANIONS.get(name, {})})


def test_the_options_of_functions_are_the_fields_of_the_config():
    assert TrainOptions.__total__ is False
    assert list(TrainOptions.__annotations__) == list(OPTIONS)
    accepted, recorded = map(typing.get_type_hints, (TrainOptions, Config))
    assert accepted.pop("segmenter") == recorded.pop("segmenter") | Callable[[str], Iterable[str]]
    assert accepted == recorded


def test_defaults():
    documented = {
        "dim": 128, "window": 2, "negatives": 5, "vocab_size": 50_000, "min_count": 5,
        "epochs": "auto", "lr": 0.05, "sample": "auto", "seed": 1, "threads": None,
        "shrink_windows": False, "tokenizer": "auto", "noise_exponent": 0.75,
    }  # fmt: skip
    assert {name: DEFAULTS[name] for name in documented} == documented
    assert Config().as_dict() == DEFAULTS


def test_every_option_has_a_help_text_and_a_group():
    for name, option in OPTIONS.items():
        assert option.help.rstrip("]").endswith(
            (
                *(
                    ".",
                    "only",
                    "--lr",
                    "cores",
                    "machine",
                    "samples",
                    "4",
                    "16",
                    "`lr`",
                    "says",
                    "word2vec",
                ),
                "rows",
            )
        ), name
        assert option.group in {MODEL, TRAINING, CORPUS, PHRASES, EXECUTION}
        assert DEFAULTS[name] is None or option.accepts(DEFAULTS[name])
    assert {name for name in OPTIONS if DEFAULTS[name] is None} == NONE_IS_DEFAULT


@pytest.mark.parametrize("name", NUMBERS)
def test_every_range_includes_its_bounds(name):
    option = OPTIONS[name]
    step = STEP[option.kind]
    if option.low is not None:
        assert option.accepts(option.low) != option.low_open
        assert getattr(make(name, option.low + step), name) == option.low + step
        with pytest.raises(ConfigError, match=f"^{name} must be .*{option.low}"):
            make(name, option.low - step)
    if option.low_open:
        with pytest.raises(ConfigError, match=f"^{name} must be .*above {option.low}"):
            make(name, option.low)
    if option.high is not None:
        assert getattr(make(name, option.high), name) == option.high
        highest = "2**63 - 1" if option.high == LARGEST else str(option.high)
        with pytest.raises(
            ConfigError, match=f"^{name} must be .* {re.escape(highest)}(, or auto)?, got"
        ):
            make(name, option.high + step)


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize(
    "value", ["5", True, [5], 1j, float("nan"), float("inf"), -float("inf"), np.array([5])]
)
def test_a_number_must_be_a_finite_number(name, value):
    with pytest.raises(
        ConfigError, match=f"^{name} must be (an integer|a number|a finite number) .*, got "
    ):
        make(name, value)


@pytest.mark.parametrize("name", [name for name in NUMBERS if OPTIONS[name].kind is float])
def test_numbers_too_large_for_a_float_are_rejected(name):
    with pytest.raises(ConfigError, match=f"^{name} must be a (finite )?number .*, got 1000"):
        make(name, 10**999)


@pytest.mark.parametrize("name", [name for name in NUMBERS if OPTIONS[name].kind is int])
def test_integers_must_not_be_floats(name):
    with pytest.raises(ConfigError, match=rf"^{name} must be an integer .*, got 5\.0$"):
        make(name, 5.0)


@pytest.mark.parametrize("name", ["lowercase", "shrink_windows"])
@pytest.mark.parametrize("value", [0, 1, "yes", 1.0])
def test_flags_are_true_or_false(name, value):
    with pytest.raises(ConfigError, match=f"{name} must be True or False, got {value!r}"):
        Config(**{name: value})
    assert getattr(Config(**{name: True}), name) is True


@pytest.mark.parametrize("value", ["words", "", None, 5, ["unicode"]])
def test_unknown_tokenizers_are_rejected(value):
    with pytest.raises(
        ConfigError, match="tokenizer must be one of auto, unicode, whitespace, got"
    ):
        Config(tokenizer=value)


@pytest.mark.parametrize("name", OPTIONS)
def test_none_is_accepted_only_as_the_default(name):
    if name in NONE_IS_DEFAULT:
        assert getattr(Config(**{name: None}), name) is None
    else:
        with pytest.raises(ConfigError, match=f"^{name} must be .*, got None"):
            Config(**{name: None})


def test_lr_min_must_not_exceed_lr():
    assert Config(lr=0.1, lr_min=0.1).final_lr == 0.1
    with pytest.raises(
        ConfigError,
        match=r"^lr_min must not exceed the learning rate: got `lr_min=0\.2` and `lr=0\.1`$",
    ):
        Config(lr=0.1, lr_min=0.2)


def test_a_cluster_implies_deterministic_training():
    assert Config(ray="auto").deterministic
    assert Config(ray="host:6379", shards=9, workers=3).shard_count == 9
    with pytest.raises(ConfigError, match=r"^workers requires `ray`, got `workers=2` without it"):
        Config(workers=2)
    for wrong in ("", " ", "a b", 1, True):
        with pytest.raises(ConfigError, match=r"^ray must be auto, local or the address of a clus"):
            Config(ray=wrong)


def test_mixed_machines_require_a_cluster():
    assert Config(ray="auto", allow_mixed=True).allow_mixed
    # A training that began on a cluster, and is resumed on one machine.
    assert Config(deterministic=True, allow_mixed=True).allow_mixed
    with pytest.raises(ConfigError, match=r"^allow_mixed requires `ray`, got `allow_mixed=True` w"):
        Config(allow_mixed=True)


def test_shards_require_deterministic_training():
    assert Config(deterministic=True).shard_count == 4
    assert Config(deterministic=True, shards=9).shard_count == 9
    with pytest.raises(
        ConfigError, match=r"^shards requires `deterministic=True`, got `shards=2` without it; "
    ):
        Config(shards=2)


def test_rounds_require_deterministic_training():
    assert Config().rounds == Config(rounds="auto").rounds == "auto"
    assert Config(deterministic=True, rounds=9).rounds == Config(ray="auto", rounds=9).rounds == 9
    with pytest.raises(
        ConfigError, match=r"^rounds requires `deterministic=True`, got `rounds=2` without it; add"
    ):
        Config(rounds=2)
    for wrong in (0, -1, 1.5, True, None, "many", 10**10):
        with pytest.raises(ConfigError, match=r"^rounds must be an integer from 1 to 10+, or auto"):
            Config(deterministic=True, rounds=wrong)


def test_columns_are_names_or_numbers():
    assert Config(column="a b").column == "a b"
    assert Config(column=2).column == Config(column=np.int64(2)).column == "2"
    for wrong in ("", " ", ",", "0", "00", 0, -1, True, 1.5, ["a"], "\udcff", b"a"):
        with pytest.raises(ConfigError, match=r"^column must be the name of a column or its"):
            Config(column=wrong)
    for wrong in ("", ",", 1, ["a"], "\udcff"):
        with pytest.raises(
            ConfigError, match=r"^json_field must be the name of a field, or several"
        ):
            Config(json_field=wrong)


def test_separators_are_characters():
    assert {Config(column="a", sep=tab).sep for tab in ("\t", "\\t", "tab")} == {"tab"}
    for separator in (",", ";", "|", ":", " ", "\x20", "¦", "'"):
        assert Config(column="a", sep=separator).sep == separator
    for wrong in ("", "t", "9", "ö", '"', "\n", "\r", "\0", "||", "\udcff", 1, b",", [","]):
        with pytest.raises(
            ConfigError, match=r"^sep must be one character that is no letter, digit"
        ):
            Config(column="a", sep=wrong)


def test_columns_and_fields_exclude_each_other():
    message = "^json_field cannot be combined with `column`: one is for JSON lines, the other for t"
    with pytest.raises(ConfigError, match=message):
        Config(column="a", json_field="b")
    message = (
        "^sep requires `column`, got `sep='tab'` without it; name the column with the text, or"
    )
    for others in ({}, {"json_field": "a"}):
        with pytest.raises(ConfigError, match=message):
            Config(sep="\t", **others)


def test_the_default_of_the_final_learning_rate():
    assert Config(lr=0.5).final_lr == pytest.approx(5e-5)
    assert Config(lr_min=0).final_lr == 0


def test_zero_is_not_replaced_by_a_default():
    config = Config(sample=0, seed=0, validation=0, noise_exponent=0)
    assert (config.sample, config.seed, config.validation, config.noise_exponent) == (0, 0, 0, 0)


def test_the_error_for_an_unknown_option_lists_the_options():
    with pytest.raises(
        ConfigError, match="unknown option 'size'; the options are allow_mixed, column, "
    ):
        Config.of({"window": 3, "size": 100})
    assert Config.of({"window": 3}) == Config(window=3)


def test_only_the_unicode_tokenizer_lowercases_by_default():
    assert Config().lowercases("unicode")
    assert not Config().lowercases("whitespace")
    assert not Config().lowercases("tokens")
    assert Config(lowercase=True).lowercases("tokens")
    assert not Config(lowercase=False).lowercases("unicode")


def test_the_default_of_threads_is_the_number_of_cores(monkeypatch):
    assert Config(threads=3).thread_count == 3
    assert Config().thread_count == available_cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert available_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert available_cores() == 1


def test_a_config_is_immutable_and_has_plain_values():
    config = Config(dim=7)
    assert json.loads(json.dumps(config.as_dict())) == config.as_dict()
    assert Config.of(config.as_dict()) == config
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.dim = 8  # type: ignore[misc]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"kind": int}, "an integer"),
        ({"kind": int, "low": 1}, "an integer of at least 1"),
        ({"kind": int, "low": 1, "high": LARGEST}, "an integer from 1 to 2**63 - 1"),
        ({"kind": float, "high": 2}, "a finite number of at most 2"),
        ({"kind": float, "low": 0, "high": 2}, "a number from 0 to 2"),
        ({"kind": float, "low": 0, "low_open": True}, "a finite number above 0"),
        ({"kind": str, "choices": ("a", "b")}, "one of a, b"),
        ({"kind": bool}, "True or False"),
    ],
)
def test_expected_values_are_described(limits, expected):
    assert Option(help="", group="text", **limits).expected == expected


@pytest.mark.parametrize(
    ("window", "negatives", "noise_words", "sharing"),
    [(2, 5, 16, 64), (1, 1, 16, 64), (5, 5, 16, 10), (10, 5, 16, 3), (10, 10, 16, 3)],
)
def test_wide_windows_share_negative_samples_among_fewer_pairs(
    window, negatives, noise_words, sharing
):
    config = Config(window=window, negatives=negatives)
    assert (config.noise_words, config.sharing) == (noise_words, sharing)
    explicit = Config(window=window, negatives=negatives, shared_negatives=7, negative_sharing=9)
    assert (explicit.noise_words, explicit.sharing) == (7, 9)


@pytest.mark.parametrize("window", [1, 2, 5, 10, 1000])
@pytest.mark.parametrize("negatives", [1, 5, 20, 1000])
def test_the_pairs_of_a_center_and_the_repulsion_of_a_set_are_bounded(window, negatives):
    config = Config(window=window, negatives=negatives)
    pairs = 2 * window * (1 + negatives)
    assert config.damping == pytest.approx(min(1, 100 / pairs))
    repulsion = 2 * window * negatives * config.damping
    assert repulsion * (config.sharing / config.noise_words) ** 0.5 <= 40 + 1e-9
    assert config.sharing <= 64
    assert Config().damping == 1
