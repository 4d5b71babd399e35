"""The kernel against its slow reference, against the objective, and against the window rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_sgns as reference
from w2v.compute.random import ALWAYS, make_key
from w2v.compute.simd import WIDTH
from w2v.corpus.pairs import skipgram_pairs
from w2v.training.sampling import NoiseDistribution, keep_thresholds
from w2v.training.sgns.kernel import (
    _AHEAD,
    LINE,
    SCRATCH_ROWS,
    TILE,
    Keys,
    Matrices,
    Sampling,
    _lay_out_tile,
    _list_band,
    _list_rows,
    aligned_zeros,
    make_workspace,
    padded,
    select_words,
    spaced,
    train_span,
)

END_OF_LINE = 0xFFFF


def make_sampling(vocabulary, *, counts=None, sample=0.0, **changes):
    """Tables for `vocabulary` words, and modest settings unless told otherwise."""
    counts = np.arange(vocabulary, 0, -1) * 3 if counts is None else np.asarray(counts)
    noise = NoiseDistribution.from_counts(counts, 0.75)
    settings = {
        "window": 2,
        "shrink_windows": False,
        "negatives": 5,
        "shared_negatives": 4,
        "negative_sharing": 8,
    } | changes
    thresholds = np.append(keep_thresholds(counts, sample), np.uint32(ALWAYS))
    return Sampling(thresholds, noise.thresholds, noise.aliases, *settings.values())


def make_keys(seed):
    return Keys(make_key(seed, 1), make_key(seed, 2), make_key(seed, 3))


def make_model(vocabulary, dim, seed=0, scale=1.0, frozen=0):
    """A model with random rows, and the same as two plain float64 matrices."""
    stride = spaced(dim)
    random = np.random.default_rng(seed)
    size = (vocabulary + SCRATCH_ROWS) * stride
    model = Matrices(aligned_zeros(size), aligned_zeros(size), stride, padded(dim), frozen)
    for flat in (model.vectors, model.contexts):
        rows(flat, stride)[:, :dim] = scale * random.normal(size=(vocabulary, dim))
    return model, *matrices(model, dim)


def words_of(model):
    return len(model.vectors) // model.stride - SCRATCH_ROWS


def rows(flat, stride):
    return flat[: -SCRATCH_ROWS * stride].reshape(-1, stride)


def matrices(model, dim):
    return (
        rows(model.vectors, model.stride)[:, :dim].astype(np.float64),
        rows(model.contexts, model.stride)[:, :dim].astype(np.float64),
    )


def run(model, ids, sampling, keys, lr, begin=0, end=None, lr_end=None):
    """Train on a span; returns centers, pairs and the mean loss, None if there was no pair."""
    end = len(ids) if end is None else end
    work = make_workspace(max(end - begin, 1), words_of(model), model.stride, sampling)
    centers, pairs, context_loss, noise_pairs, noise_loss = train_span(
        ids,
        begin,
        end,
        END_OF_LINE,
        model,
        sampling,
        keys,
        lr,
        lr if lr_end is None else lr_end,
        work,
    )
    if pairs == 0:
        assert centers == noise_pairs == 0
        return 0, 0, None
    return centers, pairs, context_loss / pairs + noise_loss / noise_pairs


def texts(vocabulary, max_size=40):
    """Encoded texts, every line ended."""
    words = st.integers(0, vocabulary - 1)
    lines = st.lists(st.lists(words, min_size=1, max_size=12), min_size=1, max_size=max_size // 6)
    return lines.map(encoded)


def encoded(lines):
    """Lines of words, each line ended."""
    return np.array([value for line in lines for value in (*line, END_OF_LINE)], np.uint16)


def lay_out(ids, sampling, keys, begin, end):
    """Lay out the tiles of a span: (centers, pairs, whether it is a band, workspace) for each."""
    model, _, _ = make_model(len(sampling.keep_thresholds) - 1, 1)
    work = make_workspace(max(end - begin, 1), words_of(model), model.stride, sampling)
    position, last = select_words(ids, begin, end, END_OF_LINE, sampling, keys.subsampling, work)
    work.places[:] = position + TILE - 1  # a span before this one may have left anything
    while position < last:
        position, filled, pairs, banded = _lay_out_tile(
            position, last, TILE, model, sampling, keys.windows, work
        )
        if filled:
            yield filled, pairs, bool(banded), work


def tiles(ids, sampling, keys):
    """Of each tile of a text whether it is a band, and the words that it asks for."""
    stride = spaced(1)
    return [
        (banded, (work.ahead // stride).tolist())
        for _, _, banded, work in lay_out(ids, sampling, keys, 0, len(ids))
    ]


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
    model, vectors, contexts = make_model(12, dim, seed % 1000, scale=0.5, frozen=frozen)
    begin, end = len(ids) // 5, len(ids) - len(ids) // 6
    # Steps so large that the last bit of a float32 grows to something would say nothing.
    lr = min(0.1, 0.3 * shared / (2 * window * negatives))
    expected = reference.train_span(
        ids, begin, end, END_OF_LINE, vectors, contexts, sampling, keys, lr, frozen
    )
    centers, pairs, loss = run(model, ids, sampling, keys, lr, begin, end)
    got_vectors, got_contexts = matrices(model, dim)
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
def test_words_side_by_side_are_trained_as_the_reference_does(lines, shrink):
    """Steps so large that an update that is lost, or made twice or from other values, shows."""
    ids = encoded(lines)
    sampling = make_sampling(10, shrink_windows=shrink)
    assert any(banded for banded, _ in tiles(ids, sampling, make_keys(1)))
    model, vectors, contexts = make_model(10, 21, seed=4, scale=0.3)
    expected = reference.train_span(
        ids, 0, len(ids), END_OF_LINE, vectors, contexts, sampling, make_keys(1), 0.2
    )
    centers, pairs, loss = run(model, ids, sampling, make_keys(1), 0.2)
    assert (centers, pairs) == (expected.centers, len(expected.pairs))
    assert loss == pytest.approx(expected.loss, rel=1e-5)
    got_vectors, got_contexts = matrices(model, 21)
    np.testing.assert_allclose(got_vectors, vectors, atol=2e-5)
    np.testing.assert_allclose(got_contexts, contexts, atol=2e-5)


@pytest.mark.parametrize(
    ("lines", "window", "expected"),
    [
        ([[0, 1, 2, 3]], 2, [True]),
        ([[0, 1, 2, 3, 4, 5, 6, 7, 8]], 2, [True, True, False]),
        ([[0, 1, 2, 3, 4, 5], [6, 7]], 2, [True, False]),
        ([[0, 1, 2], [3], [4, 5, 6, 7, 8]], 2, [False, True]),
        ([[0, 1, 2]], 2, [False]),
        ([[0, 1, 2, 3]], 1, [False]),
        ([[0, 1, 2, 3]], 3, [False]),
    ],
)
def test_a_band_is_a_whole_tile_of_words_side_by_side(lines, window, expected):
    found = tiles(encoded(lines), make_sampling(10, window=window), make_keys(1))
    assert [banded for banded, _ in found] == expected


def test_the_words_of_a_tile_have_those_asked_for_that_stand_as_far_ahead():
    ids = encoded([list(range(30))])
    found = tiles(ids, make_sampling(30), make_keys(1))
    assert found[0][1] == [_AHEAD, _AHEAD + 1, _AHEAD + 2, _AHEAD + 3]
    assert found[-1][1] == [30] * TILE  # nothing: the row of zeros
    assert found[-2][1] == [30] * TILE


@pytest.mark.parametrize("dim", [1, 7, 8, 16, 17, 100, 128, 300, 512])
def test_rows_lie_an_odd_number_of_cache_lines_apart(dim):
    assert spaced(dim) % LINE == 0
    assert spaced(dim) // LINE % 2 == 1
    assert padded(dim) % WIDTH == 0
    assert dim <= padded(dim) < dim + WIDTH
    assert padded(dim) <= spaced(dim) < dim + 2 * LINE


@given(ids=texts(10), dim=st.sampled_from([1, 5, 16, 31]), noise=st.integers(1, 6))
def test_padding_stays_zero(ids, dim, noise):
    model, _, _ = make_model(10, dim)
    run(model, ids, make_sampling(10, shared_negatives=noise), make_keys(3), 0.3)
    for flat in (model.vectors, model.contexts):
        assert not rows(flat, model.stride)[:, dim:].any()
        assert not flat[-SCRATCH_ROWS * model.stride :].any()


def test_frozen_vectors_stay_and_all_else_moves():
    ids = encoded([[0, 1, 2, 3, 4, 5, 6, 7, 0, 5], [3, 4]])
    model, vectors, contexts = make_model(8, 5, frozen=4)
    before = model.vectors.copy()
    run(model, ids, make_sampling(8), make_keys(1), 0.1)
    four = 4 * model.stride
    assert model.vectors[:four].tobytes() == before[:four].tobytes()
    got_vectors, got_contexts = matrices(model, 5)
    assert (got_vectors[4:] != vectors[4:]).any(axis=1).all()
    assert (got_contexts != contexts).any(axis=1).all()


def pairs_of_tile(filled, banded, stride, work):
    """The pairs of words that a tile has, in order, as its slots and weights say."""
    words = work.centers // stride
    if banded:
        _list_band(stride, work)
        slots = [(t, t + r, 4 * t + j) for t in range(4) for j, r in enumerate((0, 1, 3, 4))]
    else:
        rows = _list_rows(filled, stride, work)
        windows = [range(*work.places[3 * t + 1 : 3 * t + 3]) for t in range(filled)]
        around = [int(work.kept[place]) for place in sorted(set().union(*windows))]
        padding = [work.spare] * (len(around) % 2)
        assert (work.context_rows[:rows] // stride).tolist() == around + padding
        slots = [(t, r, r * TILE + t) for t in range(TILE) for r in range(rows)]
    weights = {slot: work.context_weights[slot] for _, _, slot in slots}
    assert set(weights.values()) <= {0.0, 1.0}
    return [
        (int(words[t]), int(work.context_rows[r]) // stride)
        for t, r, slot in slots
        if weights[slot]
    ]


def kernel_pairs(ids, sampling, keys, begin, end):
    """The pairs that the kernel's tiles hold for a span, in order."""
    found = []
    for filled, pairs, banded, work in lay_out(ids, sampling, keys, begin, end):
        of_tile = pairs_of_tile(filled, banded, spaced(1), work)
        assert len(of_tile) == pairs
        found += of_tile
    return found


@given(ids=texts(12), window=st.integers(1, 6))
def test_the_kernels_pairs_are_those_of_the_generator(ids, window):
    sampling = make_sampling(12, window=window)
    lines = [line.tolist() for line in np.split(ids, np.flatnonzero(ids == END_OF_LINE) + 1)]
    sentences = [[word for word in line if word != END_OF_LINE] for line in lines]
    expected = list(skipgram_pairs([s for s in sentences if s], window))
    assert kernel_pairs(ids, sampling, make_keys(1), 0, len(ids)) == expected


@pytest.mark.parametrize("seed", range(20))
def test_the_kernels_pairs_in_shrunk_windows_are_those_of_the_reference(seed):
    lines = np.random.default_rng(seed).integers(0, 12, (3, 9)).tolist()
    sampling = make_sampling(12, window=5, shrink_windows=True)
    ids = encoded(lines)
    centers = reference.centers_of(ids, 0, len(ids), END_OF_LINE, sampling, make_keys(seed))
    expected = [(word, context) for word, around in centers for _, context in around]
    assert kernel_pairs(ids, sampling, make_keys(seed), 0, len(ids)) == expected


@given(
    ids=texts(12, max_size=80),
    window=st.integers(1, 6),
    span=st.integers(1, 20),
    sample=st.sampled_from([0.0, 0.03]),
    seed=st.integers(0, 1000),
)
def test_no_pair_is_lost_or_added_between_spans(ids, window, span, sample, seed):
    sampling = make_sampling(12, window=window, sample=sample)
    keys = make_keys(seed)
    whole = kernel_pairs(ids, sampling, keys, 0, len(ids))
    pieces = [
        pair
        for begin in range(0, len(ids), span)
        for pair in kernel_pairs(ids, sampling, keys, begin, min(begin + span, len(ids)))
    ]
    assert pieces == whole


def test_subsampling_keeps_words_as_often_as_it_should():
    ids = np.zeros(20_000, np.uint16)
    sampling = make_sampling(2, counts=[1_000_000, 1_000_000], sample=0.02)
    work = make_workspace(len(ids), 2, spaced(1), sampling)
    first, last = select_words(ids, 0, len(ids), END_OF_LINE, sampling, make_key(1, 1), work)
    probability = np.sqrt(0.02 / 0.5) + 0.02 / 0.5
    assert (last - first) / len(ids) == pytest.approx(probability, abs=0.015)


def test_the_expected_step_is_the_gradient_of_the_objective(sized):
    """Over many draws of noise, the mean change is -lr times the objective's gradient."""
    vocabulary, dim, lr, draws = 6, 3, 1e-4, max(sized(4000), 1500)
    counts = np.array([50, 40, 30, 20, 10, 5])
    ids = np.array([0, 3, 1, END_OF_LINE, 5, 2, END_OF_LINE], np.uint16)
    sampling = make_sampling(vocabulary, counts=counts, negatives=3, shared_negatives=2)
    start, vectors, contexts = make_model(vocabulary, dim, seed=5)
    weights = counts**0.75
    distribution = weights / weights.sum()
    centers = reference.centers_of(ids, 0, len(ids), END_OF_LINE, sampling, make_keys(0))
    gradient = numerical_gradient(
        lambda a, b: reference.objective(centers, a, b, 3, distribution), vectors, contexts
    )
    changes = np.empty((draws, 2, vocabulary, dim))
    for draw in range(draws):
        model = start._replace(vectors=start.vectors.copy(), contexts=start.contexts.copy())
        run(model, ids, sampling, make_keys(draw), lr)
        changes[draw] = (
            rows(model.vectors - start.vectors, start.stride)[:, :dim],
            rows(model.contexts - start.contexts, start.stride)[:, :dim],
        )
    mean = changes.mean(axis=0) / -lr
    error = changes.std(axis=0) / lr / np.sqrt(draws)
    assert (np.abs(mean - gradient) < 5 * error + 0.01).all()
    assert np.abs(gradient).max() > 5 * error.max()  # so that the line above means something


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
    """With the noise that was drawn, one small step goes down the loss that is reported."""
    vocabulary, dim, lr = 8, 5, 1e-3
    ids = np.array([0, 1, 2, 3, END_OF_LINE], np.uint16)
    sampling = make_sampling(vocabulary, negatives=4, shared_negatives=3, negative_sharing=4)
    keys = make_keys(11)
    model, vectors, contexts = make_model(vocabulary, dim, seed=2)
    pairs = len(list(skipgram_pairs([0, 1, 2, 3], 2)))

    def loss(a, b):
        with_step_zero = reference.train_span(
            ids, 0, len(ids), END_OF_LINE, a.copy(), b.copy(), sampling, keys, 0.0
        )
        return with_step_zero.loss * pairs

    gradient = numerical_gradient(loss, vectors, contexts)
    run(model, ids, sampling, keys, lr)
    after_vectors, after_contexts = matrices(model, dim)
    np.testing.assert_allclose((vectors - after_vectors) / lr, gradient[0], rtol=0.02, atol=0.02)
    np.testing.assert_allclose((contexts - after_contexts) / lr, gradient[1], rtol=0.02, atol=0.02)


def test_a_learning_rate_of_zero_measures_and_changes_nothing():
    ids = np.array([0, 1, 2, 3, END_OF_LINE] * 20, np.uint16)
    model, _, _ = make_model(4, 10)
    before = model.vectors.copy(), model.contexts.copy()
    first = run(model, ids, make_sampling(4), make_keys(1), 0.0)
    assert run(model, ids, make_sampling(4), make_keys(1), 0.0) == first
    np.testing.assert_array_equal(model.vectors, before[0])
    np.testing.assert_array_equal(model.contexts, before[1])


def test_the_learning_rate_falls_within_a_span():
    """The last line's step, from fresh rows, shows the rate at the span's end."""
    ids = np.array([0, 1, END_OF_LINE] * 50 + [2, 3, END_OF_LINE], np.uint16)
    changes = []
    for lr_begin, lr_end in ((0.1, 0.1), (0.1, 0.0)):
        model, vectors, _ = make_model(4, 4, seed=3)
        run(model, ids, make_sampling(4, shared_negatives=1), make_keys(1), lr_begin, lr_end=lr_end)
        changes.append(np.abs(matrices(model, 4)[0][2] - vectors[2]).max())
    assert 0 < changes[1] < 0.05 * changes[0]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_nan_and_infinity_are_not_hidden(value):
    ids = np.array([0, 1, 2, END_OF_LINE] * 10, np.uint16)
    model, _, _ = make_model(3, 4)
    model.vectors[0] = value
    run(model, ids, make_sampling(3), make_keys(1), 0.1)
    assert not np.isfinite(model.vectors).all()


@pytest.mark.parametrize("score", [-60.0, -20.0, -8.0, -1.0, 0.0, 0.3, 5.0, 19.0, 60.0])
def test_sure_scores_count_as_sure(score):
    """One pair with a given dot product: the loss is right near zero and held to 20 far away."""
    ids = np.array([0, 1, END_OF_LINE], np.uint16)
    model, _, _ = make_model(3, 1)
    model.vectors[:] = 0
    model.contexts[:] = 0
    model.vectors[0] = model.vectors[model.stride] = 1.0
    model.contexts[0] = model.contexts[model.stride] = score
    sampling = make_sampling(3, counts=[0, 0, 10], negatives=1, shared_negatives=1)
    *_, loss = run(model, ids, sampling, make_keys(1), 0.0)
    held = np.clip(score, -20, 20)
    assert loss == pytest.approx(np.log1p(np.exp(-held)) + np.log(2), rel=1e-5, abs=1e-6)


def test_the_kept_words_stand_between_marks():
    ids = np.array([0, 1, END_OF_LINE, 2, 3, 4, 5, END_OF_LINE], np.uint16)
    sampling = make_sampling(6)
    work = make_workspace(2, 6, spaced(1), sampling)
    work.kept[:] = 99
    first, last = select_words(ids, 4, 6, END_OF_LINE, sampling, make_key(1, 1), work)
    assert work.kept[:7].tolist() == [6, 6, 2, 3, 4, 5, 6]
    assert (first, last) == (3, 5)
