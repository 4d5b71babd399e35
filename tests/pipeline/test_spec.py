"""The options of a job that may differ when it is resumed."""

from __future__ import annotations

import pytest

from w2v.config import Config
from w2v.errors import ConfigError
from w2v.pipeline.spec import TrainingJob


def resumed(config: Config, **options) -> Config:
    return TrainingJob(None, None, config, False).with_free_options(options).config


def test_the_rest_of_a_training_runs_here_unless_a_cluster_is_given():
    began = Config(ray="10.0.0.1:6379", workers=8, threads=3)
    assert resumed(began) == Config(deterministic=True, threads=3)
    assert resumed(began, ray="auto", threads=2) == Config(ray="auto", threads=2)
    assert resumed(Config(deterministic=True), ray="auto") == Config(ray="auto")


def test_a_training_that_was_mixed_stays_so():
    """Its vectors are those of no single machine, and its record says so."""
    began = Config(ray="auto", allow_mixed=True)
    assert resumed(began) == Config(deterministic=True, allow_mixed=True)
    assert resumed(began, ray="auto").allow_mixed
    assert not resumed(began, ray="auto", allow_mixed=False).allow_mixed
    assert resumed(Config(ray="auto"), ray="auto", allow_mixed=True).allow_mixed


def test_other_trainings_cannot_go_on_a_cluster():
    with pytest.raises(
        ConfigError, match=r"^ray requires a training that began with `deterministic=True` or `ray`"
    ):
        resumed(Config(), ray="auto")
