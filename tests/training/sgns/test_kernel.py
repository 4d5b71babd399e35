"""The kernel against its slow reference, against the objective, and against the window rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_sgns as reference
from training.helpers import (
    END_OF_LINE,
    as_float64,
    constant_rates,
    encoded,
    make_keys,
    make_sampling,
    random_matrices,
    rows,
    texts,
    whole,
    words_in,
)
from training.sgns.test_tiles import lay_out
from w2v.compute.random import make_key
from w2v.corpus.pairs import skipgram_pairs
from w2v.training.model import SCRATCH_ROWS, row_stride
from w2v.training.sgns.kernel import LearningRates, TextSpan, select_words, train_span
from w2v.training.sgns.workspace import make_workspace
from w2v.training.step_sizes import BOOST


def run(matrices, span, sampling, keys, rates):
    """Train on a span; return centers, pairs and the mean loss, None without pairs."""
    work = make_workspace(
        max(span.end - span.begin, 1), words_in(matrices), matrices.stride, sampling
    )
    stats = train_span(span, matrices, sampling, keys, rates, work)
    if stats.pairs == 0:
        assert stats.centers == stats.noise_pairs == 0
        return 0, 0, None
    loss = stats.context_loss / stats.pairs + stats.noise_loss / stats.noise_pairs
    return stats.centers, stats.pairs, loss


@given(
    ids=texts(12),
    dim=st.sampled_from([1, 3, 15, 16, 17, 40]),
    window=st.integers(1, 7),
    shrink=st.booleans(),
    negatives=st.integers(1, 9),
    shared=st.integers(1, 9),
    sharing=st.integers(1, 11),
    sample=st.sampled_from([0.0, 0.05]),
    frozen=st.integers(0, 12),
    seed=st.integers(0, 2**63 - 1),
)
def test_a_span_equals_the_reference(
    ids, dim, window, shrink, negatives, shared, sharing, sample, frozen, seed
):
    sampling = make_sampling(
        12,
        sample=sample,
        window=window,
        shrink_windows=shrink,
        negatives=negatives,
        shared_negatives=shared,
        negative_sharing=sharing,
    )
    keys = make_keys(seed)
    matrices, vectors, contexts = random_matrices(12, dim, seed % 1000, scale=0.5, frozen=frozen)
    span = TextSpan(ids, len(ids) // 5, len(ids) - len(ids) // 6, END_OF_LINE)
    # With larger updates the last bit of a float32 would grow to a visible difference.
    lr = min(0.1, 0.3 * shared / (2 * window * negatives)) / BOOST
    rates = LearningRates(lr, lr / 2)
    expected = reference.train_span(
        span, vectors, contexts, sampling, keys, rates, frozen, matrices.step_scales
    )
    centers, pairs, loss = run(matrices, span, sampling, keys, rates)
    got_vectors, got_contexts = as_float64(matrices, dim)
    assert centers == expected.centers
    assert pairs == len(expected.pairs)
    if pairs:
        assert loss == pytest.approx(expected.loss, rel=2e-5, abs=2e-5)
    np.testing.assert_allclose(got_vectors, vectors, rtol=1e-3, atol=2e-5)
    np.testing.assert_allclose(got_contexts, contexts, rtol=1e-3, atol=2e-5)


LINES_OF_A_BAND = {
    "eight words": [[0, 1, 2, 3, 4, 5, 6, 7]],
    "one word": [[3] * 8],
    "two words in turn": [[0, 1] * 6],
    "a center beside itself": [[0, 1, 2, 2, 3, 4, 5, 6, 7]],
    "a center among its contexts": [[0, 1, 2, 1, 4, 1, 6, 7]],
    "the same word at both ends": [[7, 1, 2, 3, 4, 5, 6, 7]],
    "four words": [[0, 1, 2, 3]],
    "lines on both sides": [[9, 8, 9, 8], [0, 1, 2, 3], [8, 9, 9, 8]],
    "a long line": [[5, 0, 1, 5, 2, 3, 0, 4, 4, 6, 7, 8, 1, 9, 2, 2, 0, 3, 5, 1]],
}


@pytest.mark.parametrize("shrink", [False, True])
@pytest.mark.parametrize("lines", LINES_OF_A_BAND.values(), ids=LINES_OF_A_BAND)
def test_a_band_equals_the_reference(lines, shrink):
    """Updates so large that one that is lost, repeated or made from other values shows."""
    ids = encoded(lines)
    sampling = make_sampling(10, shrink_windows=shrink)
    assert any(tile.is_band for tile, _ in lay_out(whole(ids), sampling, make_keys(1)))
    matrices, vectors, contexts = random_matrices(10, 21, seed=4, scale=0.3)
    rates = LearningRates(0.2, 0.1)
    expected = reference.train_span(
        whole(ids), vectors, contexts, sampling, make_keys(1), rates, scales=matrices.step_scales
    )
    centers, pairs, loss = run(matrices, whole(ids), sampling, make_keys(1), rates)
    assert (centers, pairs) == (expected.centers, len(expected.pairs))
    assert loss == pytest.approx(expected.loss, rel=1e-5)
    got_vectors, got_contexts = as_float64(matrices, 21)
    np.testing.assert_allclose(got_vectors, vectors, atol=2e-5)
    np.testing.assert_allclose(got_contexts, contexts, atol=2e-5)


def unit_steps(vocabulary):
    """The step size of every word vector is the learning rate."""
    return np.ones(vocabulary + SCRATCH_ROWS)


@given(ids=texts(10), dim=st.sampled_from([1, 5, 16, 31]), noise=st.integers(1, 6))
def test_padding_stays_zero(ids, dim, noise):
    matrices, _, _ = random_matrices(10, dim)
    run(
        matrices,
        whole(ids),
        make_sampling(10, shared_negatives=noise),
        make_keys(3),
        constant_rates(0.3),
    )
    for flat in (matrices.vectors, matrices.contexts):
        assert not rows(flat, matrices.stride)[:, dim:].any()
        assert not flat[-SCRATCH_ROWS * matrices.stride :].any()


def test_frozen_vectors_stay_and_all_others_move():
    ids = encoded([[0, 1, 2, 3, 4, 5, 6, 7, 0, 5], [3, 4]])
    matrices, vectors, contexts = random_matrices(8, 5, frozen=4)
    before = matrices.vectors.copy()
    run(matrices, whole(ids), make_sampling(8), make_keys(1), constant_rates(0.1))
    four = 4 * matrices.stride
    assert matrices.vectors[:four].tobytes() == before[:four].tobytes()
    got_vectors, got_contexts = as_float64(matrices, 5)
    assert (got_vectors[4:] != vectors[4:]).any(axis=1).all()
    assert (got_contexts != contexts).any(axis=1).all()


def test_subsampling_keeps_words_with_their_probability():
    ids = np.zeros(20_000, np.uint16)
    sampling = make_sampling(2, counts=[1_000_000, 1_000_000], sample=0.02)
    work = make_workspace(len(ids), 2, row_stride(1), sampling)
    selection = select_words(whole(ids), sampling, make_key(1, 1), work)
    probability = np.sqrt(0.02 / 0.5) + 0.02 / 0.5
    assert (selection.end - selection.begin) / len(ids) == pytest.approx(probability, abs=0.015)


def test_the_expected_step_is_the_gradient_of_the_objective(sized):
    """Over many draws of noise, the mean change is -lr times the gradient of the objective."""
    vocabulary, dim, lr, draws = 6, 3, 1e-4, max(sized(4000), 1500)
    counts = np.array([50, 40, 30, 20, 10, 5])
    ids = np.array([0, 3, 1, END_OF_LINE, 5, 2, END_OF_LINE], np.uint16)
    sampling = make_sampling(vocabulary, counts=counts, negatives=3, shared_negatives=2)
    start, vectors, contexts = random_matrices(vocabulary, dim, seed=5)
    start = start._replace(step_scales=unit_steps(vocabulary))
    weights = counts**0.75
    distribution = weights / weights.sum()
    centers = reference.centers_of(whole(ids), sampling, make_keys(0))
    gradient = numerical_gradient(
        lambda a, b: reference.objective(centers, a, b, 3, distribution), vectors, contexts
    )
    changes = np.empty((draws, 2, vocabulary, dim))
    for draw in range(draws):
        matrices = start._replace(vectors=start.vectors.copy(), contexts=start.contexts.copy())
        run(matrices, whole(ids), sampling, make_keys(draw), constant_rates(lr))
        changes[draw] = (
            rows(matrices.vectors - start.vectors, start.stride)[:, :dim],
            rows(matrices.contexts - start.contexts, start.stride)[:, :dim],
        )
    mean = changes.mean(axis=0) / -lr
    error = changes.std(axis=0) / lr / np.sqrt(draws)
    assert (np.abs(mean - gradient) < 5 * error + 0.01).all()
    assert np.abs(gradient).max() > 5 * error.max()  # so that the bound means something


def numerical_gradient(loss, vectors, contexts):
    """Central differences with respect to every number of both matrices."""
    step = 1e-5
    gradient = np.zeros((2, *vectors.shape))
    for side, matrix in enumerate((vectors, contexts)):
        for index in np.ndindex(matrix.shape):
            original = matrix[index]
            matrix[index] = original + step
            above = loss(vectors, contexts)
            matrix[index] = original - step
            below = loss(vectors, contexts)
            matrix[index] = original
            gradient[(side, *index)] = (above - below) / (2 * step)
    return gradient


def test_one_step_follows_the_finite_differences_of_its_own_loss():
    """With the negative samples that were drawn, one small step follows the reported loss."""
    vocabulary, dim, lr = 8, 5, 1e-3
    ids = np.array([0, 1, 2, 3, END_OF_LINE], np.uint16)
    sampling = make_sampling(vocabulary, negatives=4, shared_negatives=3, negative_sharing=4)
    keys = make_keys(11)
    matrices, vectors, contexts = random_matrices(vocabulary, dim, seed=2)
    matrices = matrices._replace(step_scales=unit_steps(vocabulary))
    pairs = len(list(skipgram_pairs([0, 1, 2, 3], 2)))

    def loss(a, b):
        measured = reference.train_span(
            whole(ids), a.copy(), b.copy(), sampling, keys, constant_rates(0.0)
        )
        return measured.loss * pairs

    gradient = numerical_gradient(loss, vectors, contexts)
    run(matrices, whole(ids), sampling, keys, constant_rates(lr))
    after_vectors, after_contexts = as_float64(matrices, dim)
    np.testing.assert_allclose((vectors - after_vectors) / lr, gradient[0], rtol=0.02, atol=0.02)
    np.testing.assert_allclose((contexts - after_contexts) / lr, gradient[1], rtol=0.02, atol=0.02)


def test_a_learning_rate_of_zero_changes_nothing():
    ids = np.array([0, 1, 2, 3, END_OF_LINE] * 20, np.uint16)
    matrices, _, _ = random_matrices(4, 10)
    before = matrices.vectors.copy(), matrices.contexts.copy()
    first = run(matrices, whole(ids), make_sampling(4), make_keys(1), constant_rates(0.0))
    assert run(matrices, whole(ids), make_sampling(4), make_keys(1), constant_rates(0.0)) == first
    np.testing.assert_array_equal(matrices.vectors, before[0])
    np.testing.assert_array_equal(matrices.contexts, before[1])


def test_the_learning_rate_falls_within_a_span():
    """The update of the last line, of rows not updated before, shows the rate at the end."""
    ids = np.array([0, 1, END_OF_LINE] * 50 + [2, 3, END_OF_LINE], np.uint16)
    changes = []
    for lr_end in (0.1, 0.0):
        matrices, vectors, _ = random_matrices(4, 4, seed=3)
        sampling = make_sampling(4, shared_negatives=1)
        run(matrices, whole(ids), sampling, make_keys(1), LearningRates(0.1, lr_end))
        changes.append(np.abs(as_float64(matrices, 4)[0][2] - vectors[2]).max())
    assert 0 < changes[1] < 0.05 * changes[0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_not_hidden(value):
    ids = np.array([0, 1, 2, END_OF_LINE] * 10, np.uint16)
    matrices, _, _ = random_matrices(3, 4)
    matrices.vectors[0] = value
    run(matrices, whole(ids), make_sampling(3), make_keys(1), constant_rates(0.1))
    assert not np.isfinite(matrices.vectors).all()


@pytest.mark.parametrize("score", [-60.0, -20.0, -8.0, -1.0, 0.0, 0.3, 5.0, 19.0, 60.0])
def test_scores_are_clamped(score):
    """One pair with a given dot product: the loss is exact near zero and clamped to 20 far away."""
    ids = np.array([0, 1, END_OF_LINE], np.uint16)
    matrices, _, _ = random_matrices(3, 1)
    matrices.vectors[:] = 0
    matrices.contexts[:] = 0
    matrices.vectors[0] = matrices.vectors[matrices.stride] = 1.0
    matrices.contexts[0] = matrices.contexts[matrices.stride] = score
    sampling = make_sampling(3, counts=[0, 0, 10], negatives=1, shared_negatives=1)
    *_, loss = run(matrices, whole(ids), sampling, make_keys(1), constant_rates(0.0))
    clamped = np.clip(score, -20, 20)
    assert loss == pytest.approx(np.log1p(np.exp(-clamped)) + np.log(2), rel=1e-5, abs=1e-6)


def test_selected_words_stand_between_blanks():
    ids = np.array([0, 1, END_OF_LINE, 2, 3, 4, 5, END_OF_LINE], np.uint16)
    sampling = make_sampling(6)
    work = make_workspace(2, 6, row_stride(1), sampling)
    work.selected[:] = 99
    span = TextSpan(ids, 4, 6, END_OF_LINE)
    selection = select_words(span, sampling, make_key(1, 1), work)
    assert work.selected[:7].tolist() == [6, 6, 2, 3, 4, 5, 6]
    assert selection == (3, 5)
