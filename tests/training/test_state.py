"""The arithmetic of stats and states."""

from __future__ import annotations

import numpy as np
import pytest

from training.helpers import counts_of, random_text, small
from w2v.events import EpochDone
from w2v.training.sgns.kernel import SpanStats
from w2v.training.state import EpochStats, NoCheckpointer, TrainingSetup, TrainingState


def test_stats_are_added_field_by_field():
    total = EpochStats(1, 2, 3, 4.0, 5, 6.0) + EpochStats(10, 20, 30, 40.0, 50, 60.0)
    assert total == EpochStats(11, 22, 33, 44.0, 55, 66.0)


def test_the_loss_is_a_mean_of_pairs():
    stats = EpochStats(pairs=4, context_loss=2.0, noise_pairs=2, noise_loss=3.0)
    assert stats.loss == 0.5 + 1.5
    assert EpochStats().loss is None


def test_the_stats_of_a_span_are_python_numbers():
    stats = EpochStats.of_span(9, SpanStats(np.int64(1), np.int64(2), np.float32(3), 4, 5.0))
    assert stats == EpochStats(9, 1, 2, 3.0, 4, 5.0)
    assert {type(value) for value in vars(stats).values()} == {int, float}


def test_the_seconds_of_a_training_are_those_of_all_epochs():
    report = EpochDone(1, 3, 1.0, None, 1, 1, 1, 0.1, seconds=2.5)
    state = TrainingState(1, 2, EpochStats(), 0.25, (report, report))
    assert state.total_seconds == pytest.approx(5.25)


def test_a_setup_has_a_row_for_each_word():
    text = random_text(9)
    setup = TrainingSetup.of(counts_of(text), small(), frozen=3)
    assert setup.words == len(setup.sampling.noise_thresholds) == 30
    assert setup.matrices.frozen == 3
    assert len(setup.matrices.vectors) > 30 * setup.matrices.stride


def test_no_checkpointer_restores_and_saves_nothing():
    nothing = NoCheckpointer()
    assert nothing.restore(None) == TrainingState()
    assert not nothing.should_save()
    nothing.save(None, TrainingState())
