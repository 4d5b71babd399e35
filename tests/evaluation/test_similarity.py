"""Word similarity, compared with results computed by hand, gensim and SciPy."""

from __future__ import annotations

import numpy as np
import pytest

from samples import ROYALS, random_model
from w2v.embeddings.embeddings import Embeddings
from w2v.evaluation.evaluate import SimilarityResult, evaluate
from w2v.evaluation.similarity import spearman


def test_rank_correlation_of_similarities(write_file):
    # cosines: man-woman 0, man-king 1/sqrt 5, king-queen 4/5, man-late -1/sqrt 2
    path = write_file(
        "# human scores\nWord 1\tWord 2\tHuman (mean)\nman\twoman\t1\nMan\tking\t2.5\n"
        "king\tqueen\t9\nman\tlate\t1.5\nman\tunknown\t3\n"
    )
    # ranks by cosine 2 3 4 1, by score 1 3 4 2: rho = 1 - 6 * 2 / (4 * 15)
    assert evaluate(ROYALS, path) == SimilarityResult("file.txt", pytest.approx(0.8), 4, 5)


def test_top_does_not_limit_similarity(write_file):
    path = write_file("man woman 1\nking late -9\n")
    assert evaluate(ROYALS, path, top=1).covered == 2


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("man woman 1\nman unknown 2\n", 1),
        ("nobody unknown 2\n", 0),
        ("man woman 1\nking queen 1\n", 2),
        ("man woman 1\nwoman man 2\n", 2),
    ],
)
def test_an_undefined_correlation_is_none(text, covered, write_file):
    result = evaluate(ROYALS, write_file(text))
    assert (result.rho, result.covered) == (None, covered)


def test_a_zero_vector_has_cosine_0(write_file):
    embeddings = Embeddings(["a", "b", "c"], np.array([[1.0, 0], [0, 0], [1, 0.1]]))
    path = write_file("a b 1\na c 2\nb c 1\n")
    assert evaluate(embeddings, path).rho == pytest.approx(1)
    assert evaluate(embeddings, write_file(": x\nb a b c\n")).covered == 1


def test_spearman_equals_scipy():
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    rng = np.random.default_rng(11)
    for size in (2, 3, 10, 200):
        for values in (3, 5, 10**6):  # few values: many ties
            x, y = rng.integers(0, values, (2, size)).astype(float)
            x[:2] = y[:2] = 0, 1  # never constant
            assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


@pytest.mark.parametrize("mixed_case", [False, True])
def test_similarities_equal_gensim(mixed_case, write_file, gensim_vectors):
    rng = np.random.default_rng(9)
    embeddings = random_model(rng, mixed_case=mixed_case)
    pairs = rng.integers(0, 21, (300, 4))
    scores = rng.integers(0, 40, 300) / 4
    path = write_file(
        "".join(f"w{i}x{j}\tW{k}x{m}\t{s}\n" for (i, j, k, m), s in zip(pairs, scores, strict=True))
    )
    ours = evaluate(embeddings, path)
    _, theirs, unknown = gensim_vectors(embeddings).evaluate_word_pairs(path)
    assert ours.rho == pytest.approx(theirs.statistic, abs=1e-4)  # theirs are float32 cosines
    assert 100 * (1 - ours.covered / ours.total) == pytest.approx(unknown)
