"""Words drawn as labelled points."""

from __future__ import annotations

import itertools
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import w2v
from w2v.errors import ConfigError, UnknownWordError

WORDS = ["king", "queen", "$x$", "_a", "man"]


@pytest.fixture
def model():
    return w2v.Embeddings(WORDS, np.random.default_rng(2).standard_normal((5, 8)))


def axes():
    return Figure(figsize=(6, 5)).subplots()


def test_each_word_is_at_its_principal_components(model):
    drawn = model.plot([*WORDS, "king"], axes())
    (points,) = drawn.collections
    unit = model.matrix / np.linalg.norm(model.matrix, axis=1, keepdims=True)
    unit -= unit.mean(axis=0)
    expected = np.linalg.svd(unit, full_matrices=False)
    found = np.asarray(points.get_offsets())
    assert np.abs(found) == pytest.approx(np.abs(expected[0][:, :2] * expected[1][:2]), abs=1e-5)
    assert [label.get_text() for label in drawn.texts] == WORDS
    assert [label.xy for label in drawn.texts] == [pytest.approx(xy) for xy in found.tolist()]
    assert not any(label.get_parse_math() for label in drawn.texts)


def test_labels_do_not_overlap_where_there_is_room():
    # Pairs of near words, whose labels overlap on the same side.
    matrix = np.repeat(np.random.default_rng(1).standard_normal((6, 2)), 2, axis=0)
    matrix[1::2] += 0.02
    words = [f"word number {row}" for row in range(12)]
    drawn = w2v.Embeddings(words, matrix).plot(words, axes())
    boxes = [label.get_window_extent() for label in drawn.texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert len({label.get_horizontalalignment() for label in drawn.texts}) > 1


@pytest.mark.parametrize("words", [["king"], ["king", "man"]])
def test_one_or_two_words_can_be_drawn(model, words):
    assert [label.get_text() for label in model.plot(words, axes()).texts] == words


def test_without_axes_there_is_a_new_figure(model):
    plt = pytest.importorskip("matplotlib.pyplot")
    drawn = model.plot(WORDS)
    assert drawn.figure.number in plt.get_fignums()
    plt.close(drawn.figure)


@pytest.mark.parametrize("words", ["king", [], None, 3, {"king"}])
def test_only_a_sequence_of_words_can_be_drawn(model, words):
    with pytest.raises(ConfigError, match="words must be a sequence of words, got "):
        model.plot(words)


def test_unknown_words_are_rejected(model):
    with pytest.raises(UnknownWordError, match=r"'kong' is not among .* did you mean 'king'"):
        model.plot(["king", "kong"])


def test_without_matplotlib_the_error_names_the_extra():
    code = (
        "import sys; sys.modules['matplotlib'] = None; import w2v\n"
        "try: w2v.Embeddings(['a'], [[1.0]]).plot(['a'])\n"
        "except w2v.W2VError as error: print(error)"
    )
    shown = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert shown == "Embeddings.plot needs an optional package: pip install 'w2v[plot]'\n"
