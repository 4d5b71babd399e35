"""Post-processing of vectors, compared with the formulas."""

from __future__ import annotations

import numpy as np
import pytest

import w2v
from support import LINES, TINY
from w2v.embeddings import postprocess as module
from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.postprocess import postprocess
from w2v.errors import ConfigError, InputError
from w2v.formats import native
from w2v.system import atomic

RNG = np.random.default_rng(4)
WORDS = [f"w{i}" for i in range(40)]
MATRIX = RNG.normal(size=(40, 5)) * [9, 4, 1, 1, 1] + [1, 2, 3, 4, 5]
MODEL = Embeddings(WORDS, MATRIX, range(40, 0, -1), {"tokenizer": {"name": "unicode"}})


def reference(matrix, center, remove):
    """Mu and Viswanath 2018, algorithm 1, by a singular value decomposition."""
    centered = matrix - matrix.mean(axis=0) if center else matrix
    directions = np.linalg.svd(centered)[2][:remove]
    for direction in directions:
        centered = centered - np.outer(centered @ direction, direction)
    return centered


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("remove", [0, 1, 2, 4])
def test_vectors_are_those_of_the_formulas(center, remove, monkeypatch):
    if not center and not remove:
        return
    monkeypatch.setattr(atomic, "_NUMBERS_PER_CHUNK", 35)  # 7 rows at a time
    found = postprocess(MODEL, center=center, remove=remove)
    np.testing.assert_allclose(found.matrix, reference(MATRIX, center, remove), atol=1e-4)
    assert (found.words, found.counts.tolist()) == (WORDS, list(range(40, 0, -1)))


def test_the_model_is_not_changed():
    before = MODEL.matrix.copy()
    found = postprocess(MODEL)
    assert (MODEL.matrix == before).all()
    assert MODEL.meta == {"tokenizer": {"name": "unicode"}}
    assert found.meta["tokenizer"] is not MODEL.meta["tokenizer"]


def test_the_steps_are_recorded_and_the_job_is_not():
    model = Embeddings(WORDS, MATRIX, None, {"job": {"key": 1}, "epochs": [1]})
    once = postprocess(model, remove=1)
    twice = postprocess(once, center=False, remove=2)
    step = {"center": True, "remove": 1, "contexts": 0.0}
    assert once.meta == {"epochs": [1], "postprocessed": [step]}
    assert twice.meta["postprocessed"] == [step, {"center": False, "remove": 2, "contexts": 0.0}]
    assert model.meta["job"] == {"key": 1}


def test_the_vector_of_unknown_words_is_changed_as_the_others(tmp_path):
    model = w2v.train(LINES, output=tmp_path / "m", train_unk=True, **TINY | {"min_count": 11})
    contexts = native.read_contexts(tmp_path / "m", model)
    found = postprocess(tmp_path / "m", remove=1, contexts=0.5)
    both = np.vstack([model.matrix, model.unknown[np.newaxis]]) + 0.5 * contexts
    words = both[:-1].astype(float)
    mean = words.mean(axis=0)
    directions = np.linalg.svd(words - mean)[2][:1]
    expected = both - mean - (both - mean) @ directions.T @ directions
    np.testing.assert_allclose(found.matrix, expected[:-1], atol=1e-5)
    np.testing.assert_allclose(found.unknown, expected[-1], atol=1e-5)
    assert (found.unk, found.rows) == ("trained", model.rows)
    found.save(tmp_path / "out")
    again = w2v.load(tmp_path / "out")
    assert (again.matrix == found.matrix).all()
    assert again.meta["postprocessed"] == [{"center": True, "remove": 1, "contexts": 0.5}]
    assert not native.has_contexts(tmp_path / "out")


def test_an_unknown_vector_of_zeros_stays_zero():
    model = Embeddings(WORDS, MATRIX, unknown=np.zeros(5))
    assert not postprocess(model).unknown.any()


def test_context_vectors_alone_are_added(tmp_path):
    model = w2v.train(LINES, output=tmp_path / "m", **TINY)
    contexts = native.read_contexts(tmp_path / "m", model)
    found = postprocess(tmp_path / "m", center=False, contexts=1)
    np.testing.assert_allclose(found.matrix, model.matrix + contexts, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"center": False}, "nothing is to be done; set `center`, `remove` or `contexts`"),
        ({"center": 1}, "center must be True or False, got 1"),
        ({"remove": -1}, "remove must be an integer of at least 0, got -1"),
        ({"remove": 5}, "remove must be less than the vector size, 5, got 5"),
        ({"contexts": -0.5}, "contexts must be a number from 0 to 100, got -0.5"),
        ({"contexts": 1}, "contexts needs the directory of the model"),
    ],
)
def test_bad_arguments_are_rejected(arguments, message):
    with pytest.raises(ConfigError, match=message):
        postprocess(MODEL, **arguments)


def test_a_model_without_contexts_is_rejected(tmp_path):
    MODEL.save(tmp_path / "m")
    assert postprocess(tmp_path / "m").meta["postprocessed"]
    with pytest.raises(ConfigError, match=r"contexts needs context vectors, which .*m does not"):
        postprocess(tmp_path / "m", contexts=1)
    with pytest.raises(InputError, match="nowhere"):
        postprocess(tmp_path / "nowhere", contexts=1)
    with pytest.raises(ConfigError, match="model must be the path"):
        module.postprocess(7)
