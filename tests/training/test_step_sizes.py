"""Step sizes against accumulators of AdaGrad, and expected uses against counted ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.helpers import counts_of, small, text_of
from w2v.training.plan import EpochPlan
from w2v.training.sgns.kernel import select_words
from w2v.training.sgns.workspace import make_workspace
from w2v.training.state import TrainingSetup
from w2v.training.step_sizes import BOOST, DECAY, TRAINED, expected_uses, step_scales


def scales_of(*uses):
    return step_scales(np.array(uses, np.float32)).tolist()


def adagrad_scale(number):
    """The step size after a number of uses with gradients of norm 1, by an accumulator."""
    accumulator = DECAY
    for _ in range(number):
        accumulator += 1.0
    return max(BOOST * math.sqrt(DECAY) / math.sqrt(accumulator), 1.0)


@given(uses=st.integers(0, 6000))
def test_the_step_size_is_that_of_an_accumulator(uses):
    assert scales_of(uses) == [pytest.approx(adagrad_scale(uses), rel=1e-6)]


def test_each_row_has_its_own_step_size():
    scales = scales_of(0, 50, 100, 2300)
    assert scales == pytest.approx([3, 3 / math.sqrt(2), 3 / math.sqrt(3), 1])


def test_trained_rows_start_at_the_learning_rate_and_new_ones_above_it():
    assert pytest.approx(1.0) == TRAINED
    assert scales_of(0) == [BOOST]
    assert BOOST > 1


@given(uses=st.lists(st.floats(0, 1e9), min_size=2))
def test_words_with_more_uses_have_smaller_steps_down_to_the_learning_rate(uses):
    scales = scales_of(*sorted(uses))
    assert scales == sorted(scales, reverse=True)
    assert BOOST >= scales[0] >= scales[-1] >= 1


def zipf_text(seed=5):
    """1,500 lines of 8 words, whose frequencies fall from 20 % to one occurrence."""
    random = np.random.default_rng(seed)
    words = np.minimum(random.zipf(1.3, 12_000) - 1, 199)
    return text_of(words.reshape(-1, 8).tolist())


@pytest.mark.parametrize("sample", [0, 1e-3, 5e-3])
@pytest.mark.parametrize("epochs", [1, 12])
def test_the_expected_uses_are_those_of_the_subsampled_text(sample, epochs):
    text = zipf_text()
    counts = counts_of(text, 200)
    config = small(sample=sample, epochs=epochs)
    setup = TrainingSetup.of(counts, config)
    work = make_workspace(len(text.ids), 200, setup.matrices.stride, setup.sampling)
    counted = np.zeros(200)
    for epoch in range(epochs):
        epoch_plan = EpochPlan.of_training(text, config, epoch)
        span = epoch_plan.span(0, len(text.ids))
        begin, end = select_words(span, setup.sampling, epoch_plan.keys(0).subsampling, work)
        kept = np.asarray(work.selected[begin:end]).astype(np.int64)
        counted += np.bincount(kept[kept < 200], minlength=200)
    expected = expected_uses(counts, setup.sampling.keep_thresholds[:-1], config)
    expected = expected.astype(np.float64)
    total = counts * epochs
    certain = expected >= total * (1 - 1e-6)
    np.testing.assert_allclose(counted[certain], expected[certain], rtol=1e-6)
    if sample == 0:
        assert certain.all()
        return
    drawn = ~certain
    assert drawn.sum() > 5
    variance = expected[drawn] * (1 - expected[drawn] / total[drawn])
    deviations = (counted[drawn] - expected[drawn]) / np.sqrt(variance)
    assert np.abs(deviations).max() < 4.5
    degrees = len(deviations)
    assert (deviations**2).sum() == pytest.approx(degrees, abs=4 * math.sqrt(2 * degrees))


def test_a_training_begins_with_the_step_sizes_of_the_expected_uses():
    counts = np.array([70, 20, 10, 0])
    config = small(sample=0, epochs=3, threads=2)
    setup = TrainingSetup.of(counts, config)
    uses = expected_uses(counts, setup.sampling.keep_thresholds[:-1], config)
    assert uses.dtype == np.float32
    assert uses.tolist() == [210, 60, 30, 0]
    scratch = [1.0] * 4  # two rows per thread
    assert setup.matrices.step_scales.tolist() == [*scales_of(210, 60, 30, 0), *scratch]


def test_expected_uses_of_large_corpora_do_not_overflow():
    counts = np.array([2**40, 1])
    thresholds = TrainingSetup.of(counts, small()).sampling.keep_thresholds[:-1]
    uses = expected_uses(counts, thresholds, small(epochs=1_000_000))
    assert uses.tolist() == pytest.approx([2**40 * 1e6, 1e6], rel=1e-6)
    assert step_scales(uses)[0] == 1
