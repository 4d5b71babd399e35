"""The bootstrap, compared with drawing the items one by one."""

from __future__ import annotations

import numpy as np
import pytest

from w2v.evaluation import bootstrap
from w2v.evaluation.questions import Question
from w2v.evaluation.similarity import spearman


def drawn_weights(items: int, resamples: int) -> np.ndarray:
    (weights,) = bootstrap._weights(items, resamples, 1)
    return weights.astype(int)


def test_weights_count_what_is_drawn():
    weights = drawn_weights(5, 4_000)
    assert (weights.sum(axis=1) == 5).all()
    assert weights.mean(axis=0) == pytest.approx(np.ones(5), abs=0.06)
    assert weights.var(axis=0) == pytest.approx(np.full(5, 0.8), abs=0.08)  # n p (1 - p)
    assert (drawn_weights(5, 9) == drawn_weights(5, 9)).all()


def test_correlations_are_those_of_the_drawn_items():
    rng = np.random.default_rng(5)
    scores = rng.integers(0, 6, 12).astype(float)  # with ties
    cosines = rng.standard_normal((2, 12)).round(1)
    found = bootstrap.correlations(cosines, scores, 40)
    for resample, weights in enumerate(drawn_weights(12, 40)):
        items = np.repeat(np.arange(12), weights)
        for model in range(2):
            expected = spearman(cosines[model][items], scores[items])
            assert found[model, resample] == pytest.approx(expected)


def test_accuracies_are_those_of_the_drawn_pairs():
    pairs = ["ab", "cd", "ef", "gh"]
    questions = [Question(*p, *q) for p in pairs for q in pairs if p != q]
    correct = np.random.default_rng(6).random((3, len(questions))) < 0.5
    found = bootstrap.accuracies(correct, questions, 40)
    # The pairs are numbered in the order of their first question.
    for resample, weights in enumerate(drawn_weights(4, 40)):
        drawn = dict(zip(pairs, weights, strict=True))
        items = [
            i for i, q in enumerate(questions) for _ in range(drawn[q.a + q.b] * drawn[q.c + q.d])
        ]
        expected = correct[:, items].mean(axis=1) if items else np.full(3, np.nan)
        assert found[:, resample] == pytest.approx(expected, nan_ok=True)


def test_the_size_of_the_parts_does_not_change_the_result(monkeypatch):
    rng = np.random.default_rng(7)
    cosines, scores = rng.standard_normal((1, 20)), rng.standard_normal(20)
    whole = bootstrap.correlations(cosines, scores, 30)
    monkeypatch.setattr(bootstrap, "_MAX_WEIGHTS", 100)
    # The generator draws the same numbers, however many at once.
    assert bootstrap.correlations(cosines, scores, 30) == pytest.approx(whole)


def test_intervals_cover_the_true_value():
    # 95 % intervals of the mean of 60 fair coins, each in a question of its own.
    rng = np.random.default_rng(8)
    questions = [Question(f"a{i}", "b", f"c{i}", "d") for i in range(60)]
    inside = 0
    for _ in range(60):
        correct = rng.random((1, 60)) < 0.5
        low, high = bootstrap.interval(bootstrap.accuracies(correct, questions, 200)[0])
        inside += low <= 0.5 <= high
    assert 50 <= inside <= 60


def test_nothing_to_draw_gives_no_interval():
    assert bootstrap.interval(bootstrap.correlations(np.zeros((1, 0)), np.zeros(0), 5)[0]) is None
    assert bootstrap.interval(bootstrap.correlations(np.ones((1, 1)), np.ones(1), 5)[0]) is None
    constant = bootstrap.correlations(np.ones((1, 9)), np.arange(9.0), 5)
    assert bootstrap.interval(constant[0]) is None
    assert bootstrap.interval(bootstrap.accuracies(np.zeros((1, 0), bool), [], 5)[0]) is None
    alone = [Question("a", "b", "a", "b")]
    assert bootstrap.interval(bootstrap.accuracies(np.ones((1, 1), bool), alone, 5)[0]) is None
    assert bootstrap.p_value(np.full(5, np.nan)) is None


def test_intervals_and_p_values_by_hand():
    assert bootstrap.interval(np.array([*range(1001), np.nan])) == (25, 975)
    assert bootstrap.p_value(np.arange(1, 1000.0)) == 2 / 1000  # none below zero
    assert bootstrap.p_value(-np.arange(1, 1000.0)) == 2 / 1000
    assert bootstrap.p_value(np.array([-1.0, *range(1, 1000)])) == pytest.approx(4 / 1001)
    assert bootstrap.p_value(np.zeros(9)) == 1
    assert bootstrap.p_value(np.array([-1.0, 1.0])) == 1
