"""The step sizes at the beginning of a training that starts from an existing model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import w2v
from support import TINY, raise_on, random_text
from w2v.events import EpochDone
from w2v.training import state as training_state
from w2v.training import trainer
from w2v.training.backends import make_backend
from w2v.training.step_sizes import BOOST

OPTIONS = {name: value for name, value in TINY.items() if name != "dim"}


@pytest.fixture(autouse=True)
def corpora(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("old.txt").write_text(random_text("abcdefghij", 60, seed=3))
    Path("new.txt").write_text(random_text("bcdefxyz", 60, seed=4))


@pytest.fixture
def scales(monkeypatch):
    """The step sizes of all rows in each training, relative to the learning rate.

    Words are not expected to be used, so that new ones have the largest step size.
    """
    seen = []

    def make(setup, _pool):
        if setup.words > 1:  # not the one that compiles the kernels
            seen.append(setup.matrices.step_scales[: setup.words].tolist())
        return make_backend(setup)

    def no_uses(counts, *_):
        return np.zeros(len(counts), np.float32)

    monkeypatch.setattr(training_state, "expected_uses", no_uses)

    monkeypatch.setattr(trainer, "make_backend", make)
    return seen


def warm_start(output="m", **options):
    return w2v.train("new.txt", output=output, **OPTIONS | {"init": "old"} | options)


def stop_after_first_epoch(function, **options):
    with pytest.raises(KeyboardInterrupt):
        function(observer=raise_on(KeyboardInterrupt, EpochDone, epoch=1), **options)


@pytest.mark.parametrize("freeze_old", [False, True])
def test_rows_of_the_initial_model_start_at_the_learning_rate(scales, freeze_old):
    w2v.train("old.txt", output="old", **TINY)
    warm_start(freeze_old=freeze_old)
    old, new = scales
    assert old == 10 * [BOOST]
    assert new == pytest.approx([1.0] * 10 + [BOOST] * 3)


def test_they_do_so_also_after_resuming_from_a_checkpoint(scales):
    w2v.train("old.txt", output="old", **TINY)
    whole = warm_start("whole")
    stop_after_first_epoch(warm_start)
    resumed = w2v.resume("m")
    assert scales[1] == scales[2] == scales[3] == pytest.approx([1.0] * 10 + [BOOST] * 3)
    assert resumed.matrix.tobytes() == whole.matrix.tobytes()


def test_more_epochs_of_a_new_model_begin_as_it_did(scales):
    w2v.train("old.txt", output="old", **TINY)
    w2v.resume("old", epochs=4)
    assert scales == [10 * [BOOST]] * 2


def test_more_epochs_of_a_warm_start_begin_as_it_did(scales):
    w2v.train("old.txt", output="old", **TINY)
    warm_start()
    w2v.resume("m", epochs=4)
    assert scales[2] == scales[1]


@pytest.mark.parametrize("trained_before", [False, True])
@pytest.mark.parametrize("interrupted", [False, True])
def test_the_row_of_unknown_words_is_a_trained_one_if_the_model_has_it(
    scales, trained_before, interrupted
):
    unknown = {"train_unk": True, "vocab_size": 4}
    w2v.train("old.txt", output="old", **TINY | (unknown if trained_before else {"vocab_size": 4}))
    options = unknown | {"vocab_size": 6}
    if interrupted:
        stop_after_first_epoch(warm_start, **options)
        w2v.resume("m")
    else:
        warm_start(**options)
    w2v.resume("m", epochs=4)
    expected = [1.0] * 4 + [BOOST] * 2 + [1.0 if trained_before else BOOST]
    assert scales[1:] == [pytest.approx(expected)] * (3 if interrupted else 2)
