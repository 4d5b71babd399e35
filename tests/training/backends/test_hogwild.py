"""The Hogwild backend against the slow reference of its spans."""

from __future__ import annotations

import threading
from itertools import pairwise

import numpy as np
import pytest

import reference_sgns as reference
from training.helpers import (
    EMPTY,
    END_OF_LINE,
    constant_rates,
    counts_of,
    make_trainer,
    random_text,
    small,
    text_of,
)
from w2v.compute.random import NOISE, SUBSAMPLING, VALIDATION, WINDOWS, make_key
from w2v.training import plan
from w2v.training.backends import hogwild
from w2v.training.model import rows_of
from w2v.training.plan import EpochPlan
from w2v.training.sampling import Keys
from w2v.training.sgns.kernel import SpanStats, TextSpan
from w2v.training.state import TrainingSetup, TrainingState
from w2v.training.trainer import train_model


@pytest.fixture
def short_spans(monkeypatch):
    """Spans of 50 words, so that a small text has many."""
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)


@pytest.mark.usefixtures("short_spans")
def test_an_epoch_equals_the_reference_span_by_span():
    text = random_text(40)
    config = small(epochs=2, seed=9, lr=0.05, lr_min=0.05)
    counts = counts_of(text)
    got = train_model(text, EMPTY, counts, config)

    setup = TrainingSetup.of(counts, config)
    vectors = rows_of(setup.matrices.vectors, setup.matrices, 30, 8).astype(np.float64)
    contexts = np.zeros_like(vectors)
    size = len(text.ids)
    starts = range(0, size, 50)
    for epoch in range(2):
        for number, begin in enumerate(starts):
            end = min(begin + 50, size)
            keys = Keys(
                make_key(9, SUBSAMPLING, epoch),
                make_key(9, WINDOWS, epoch, number),
                make_key(9, NOISE, epoch, number),
            )
            span = TextSpan(text.ids, begin, end, END_OF_LINE)
            rates = EpochPlan.of_training(text, config, epoch).rates(begin / size, end / size)
            scales = setup.matrices.step_scales
            reference.train_span(
                span, vectors, contexts, setup.sampling, keys, rates, scales=scales
            )
    np.testing.assert_allclose(got.matrix, vectors, atol=1e-5)
    assert np.abs(got.matrix).max() > 0.05  # so that the bound means something


@pytest.mark.usefixtures("short_spans")
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_span_is_trained_once_in_each_epoch(monkeypatch, threads):
    seen, measured = [], []  # measuring a loss has the learning rate 0
    lock = threading.Lock()

    def record(span, _matrices, _sampling, _keys, rates, _work):
        with lock:
            (seen if rates.begin else measured).append((span.begin, span.end))
        return SpanStats(1, 2, 1.0, 1, 0.5)

    monkeypatch.setattr(hogwild, "train_span", record)
    text = random_text(60)
    result = train_model(text, EMPTY, counts_of(text), small(threads=threads, epochs=3))
    size = len(text.ids)
    spans = [(begin, min(begin + 50, size)) for begin in range(0, size, 50)]
    assert sorted(seen) == sorted(measured) == sorted(3 * spans)
    # The stats of all threads are summed. The losses of a pair are 1 / 2 and 0.5 / 1.
    done = [(epoch.loss, epoch.centers, epoch.pairs) for epoch in result.epochs]
    assert done == [(1.0, len(spans), 2 * len(spans))] * 3


def test_the_learning_rate_falls_linearly(monkeypatch):
    rates = []
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 100)

    def record(span, matrices, sampling, keys, of_span, work):
        rates.append(of_span)
        return SpanStats(1, 1, 0.0, 1, 0.0)

    monkeypatch.setattr(hogwild, "train_span", record)
    text = text_of([[0] * 99] * 4)
    train_model(text, EMPTY, counts_of(text), small(lr=1.0, lr_min=0.2, epochs=2))
    steps = np.linspace(1.0, 0.2, 9)
    training = [of_span for of_span in rates if of_span.begin]  # not those of the loss
    np.testing.assert_allclose(training, list(pairwise(steps)))


def test_the_measured_losses_are_those_of_the_reference():
    text, held_out = random_text(40), random_text(10, seed=1)
    config = small(epochs=1, negative_sharing=4, lr=0.2)
    counts = counts_of(text)
    result = train_model(text, held_out, counts, config)
    the_trainer = make_trainer(counts, config)
    the_trainer.run_epoch(text, EMPTY, TrainingState())
    matrices = the_trainer.setup.matrices
    vectors, contexts = (
        rows_of(flat, matrices, 30, 8).astype(np.float64)
        for flat in (matrices.vectors, matrices.contexts)
    )
    keys = Keys(
        make_key(1, SUBSAMPLING, 0, VALIDATION),
        make_key(1, WINDOWS, 0, 0, VALIDATION),
        make_key(1, NOISE, 0, 0, VALIDATION),
    )
    sampling = the_trainer.setup.sampling
    expected = []
    for measured in (text, held_out):
        span = TextSpan(measured.ids, 0, len(measured.ids), END_OF_LINE)
        trained = reference.train_span(span, vectors, contexts, sampling, keys, constant_rates(0.0))
        expected.append(trained.loss)
    report = result.epochs[0]
    assert [report.loss, report.validation_loss] == pytest.approx(expected, rel=1e-4)
    assert expected[0] != pytest.approx(expected[1], rel=5e-4)
    assert train_model(text, EMPTY, counts, config).epochs[0].validation_loss is None
