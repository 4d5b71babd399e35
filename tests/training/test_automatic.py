"""The number of epochs and the subsampling threshold that are chosen for a text."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v
from support import TINY, compiled_only, raise_on, random_text
from training.helpers import EMPTY, counts_of, small
from training.helpers import random_text as encoded_text
from w2v.config import AUTO, Config
from w2v.errors import ConfigError
from w2v.events import EpochDone, TrainingPlanned
from w2v.pipeline.spec import TrainingJob
from w2v.system.records import RecordError
from w2v.training.automatic import automatic_epochs, automatic_sample, resolve
from w2v.training.sampling import kept_share
from w2v.training.trainer import train_model

AUTOMATIC = {name: value for name, value in TINY.items() if name not in {"epochs", "sample"}}


def zipf_counts(words, total, exponent=1.0):
    weights = np.arange(1.0, words + 1) ** -exponent
    return np.maximum(total * weights / weights.sum(), 1).astype(np.int64)


def slow_kept_share(counts, sample):
    """The share of the words that subsampling keeps, one word after the other."""
    total = sum(counts.tolist())
    kept = 0.0
    for count in counts.tolist():
        ratio = sample * total / count
        kept += count * min(1.0, ratio**0.5 + ratio)
    return kept / total


# Epochs


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (0, 100),
        (1, 100),
        (1_000, 100),
        (2_300, 100),
        (2_500, 98),
        (10_000, 60),
        (100_000, 27),
        (1_000_000, 12),
        (10_000_000, 7),
        (17_000_000, 6),
        (100_000_000, 4),
        (1_000_000_000, 3),
        (10**12, 3),
    ],
)
def test_short_texts_have_more_epochs(words, expected):
    assert automatic_epochs(words) == expected


@given(words=st.integers(0, 10**12), more=st.integers(0, 10**12))
def test_a_longer_text_never_has_more_epochs(words, more):
    assert 3 <= automatic_epochs(words + more) <= automatic_epochs(words) <= 100


@given(words=st.integers(2_500, 200_000_000))
def test_the_rule_between_the_bounds(words):
    exact = 12 / (words / 1e6) ** (0.35 if words < 1e6 else 0.25)
    assert abs(automatic_epochs(words) - exact) <= 0.5 + 1e-9


# Subsampling


@pytest.mark.parametrize("words", [5_000, 50_000, 500_000])
def test_natural_text_has_the_usual_threshold(words):
    counts = zipf_counts(words, 40 * words)
    assert automatic_sample(counts) == 1e-4


SMALL_VOCABULARIES = {
    **{f"uniform {words}": np.full(words, 500) for words in (1, 20, 100, 1_000)},
    **{f"Zipf {words}": zipf_counts(words, 1000 * words) for words in (20, 100, 1_000)},
}

DOMINATED = {
    "nine words in ten": np.append(900_000, zipf_counts(1_000, 100_000)),
    "two placeholders": np.append([400_000, 400_000], zipf_counts(1_000, 200_000)),
}


@pytest.mark.parametrize("counts", SMALL_VOCABULARIES.values(), ids=SMALL_VOCABULARIES)
def test_a_third_of_the_words_or_more_is_kept(counts):
    sample = automatic_sample(counts)
    assert 1e-4 <= sample <= 1
    assert slow_kept_share(counts, sample) >= 0.99 / 3  # the threshold has two digits
    # No higher than necessary: a threshold that is half of it keeps less.
    assert sample == 1e-4 or slow_kept_share(counts, sample / 2) < 1 / 3


@pytest.mark.parametrize("counts", DOMINATED.values(), ids=DOMINATED)
def test_dominating_words_are_dropped_rather_than_kept(counts):
    sample = automatic_sample(counts)
    rare = counts < 0.3 * counts.sum()
    kept_rare = kept_share(counts, sample, counts * rare) * counts[rare].sum()
    kept_frequent = kept_share(counts, sample, counts * ~rare) * counts[~rare].sum()
    assert kept_frequent < 2 * kept_rare
    assert kept_rare > counts[rare].sum() / 3


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@compiled_only
def test_a_text_dominated_by_one_word_trains(share):
    rng = np.random.default_rng(0)
    others = np.array([f"w{i}" for i in range(200)])[rng.integers(0, 200, 60_000)]
    words = np.where(rng.random(60_000) < share, "filler", others)
    model = w2v.train([line.tolist() for line in words.reshape(-1, 20)], min_count=1, seed=1)
    assert np.isfinite(model.matrix).all()


@given(counts=st.lists(st.integers(1, 10**9), min_size=1, max_size=60))
def test_the_kept_share_is_the_mean_over_the_words(counts):
    array = np.array(counts)
    for sample in (1e-5, 1e-2, 1.0):
        assert kept_share(array, sample) == pytest.approx(slow_kept_share(array, sample), rel=1e-6)
    assert kept_share(array, 0) == 1.0
    if array.max() <= array.sum() / 5:
        assert kept_share(array, automatic_sample(array)) >= 0.99 / 3


@given(counts=st.lists(st.integers(1, 10**6), min_size=1, max_size=60), factor=st.integers(1, 1000))
def test_the_threshold_depends_on_frequencies_alone(counts, factor):
    array = np.array(counts)
    assert automatic_sample(array) == automatic_sample(array * factor)


# Configurations


def test_only_automatic_values_are_replaced():
    counts = np.full(20, 500)
    assert resolve(Config(), counts, 10_000) == Config(epochs=60, sample=automatic_sample(counts))
    for given_values in ({"epochs": 7}, {"sample": 0.0}, {"sample": 1e-5}, {"epochs": 1}):
        resolved = resolve(Config(**given_values, dim=9), counts, 10_000)
        assert given_values.items() <= resolved.as_dict().items()
        assert resolved.dim == 9
        assert AUTO not in (resolved.epochs, resolved.sample)
        assert resolve(resolved, counts, 7) == resolved
    assert resolve(Config(), counts, 10_000).chosen_epochs == 60


@pytest.mark.parametrize("name", ["epochs", "sample"])
def test_values_cannot_be_read_before_they_are_chosen(name):
    assert getattr(Config(), name) == AUTO
    with pytest.raises(ValueError, match=f"{name} is 'auto' and depends on the text"):
        getattr(Config(), f"chosen_{name}")


@pytest.mark.parametrize("options", [{"epochs": "many"}, {"sample": "AUTO"}, {"dim": "auto"}])
def test_no_other_words_are_accepted(options):
    ((name, value),) = options.items()
    with pytest.raises(ConfigError, match=f"{name}.*{value}"):
        Config(**options)


# Trainings


def test_a_training_reports_the_values_and_uses_them():
    text = encoded_text(400)
    counts = counts_of(text)
    events = []
    chosen = small(epochs=automatic_epochs(text.words), sample=automatic_sample(counts), dim=4)
    config = dataclasses.replace(chosen, epochs=AUTO, sample=AUTO)
    result = train_model(text, EMPTY, counts, config, events.append)
    same = train_model(text, EMPTY, counts, chosen)
    assert result.matrix.tobytes() == same.matrix.tobytes()
    assert len(result.epochs) == result.epochs[0].epochs == chosen.epochs
    kept = kept_share(counts, chosen.sample)
    assert events[0] == TrainingPlanned(text.words, chosen.epochs, chosen.sample, kept)


@compiled_only
@pytest.mark.parametrize("epoch", [1, 40])
def test_resuming_chooses_the_same_values(tmp_path, monkeypatch, epoch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(random_text("abcdefghij", 300, seed=3))
    plans = []

    def hear(event):
        if isinstance(event, TrainingPlanned):
            plans.append(event)

    def hear_and_stop(event):
        hear(event)
        raise_on(KeyboardInterrupt, EpochDone, epoch)(event)

    whole = w2v.train("text.txt", output="whole", observer=hear, **AUTOMATIC)
    with pytest.raises(KeyboardInterrupt):
        w2v.train("text.txt", output="m", observer=hear_and_stop, **AUTOMATIC)
    resumed = w2v.resume("m", observer=hear)
    assert len(plans) == 3
    assert len(set(plans)) == 1
    assert plans[0].epochs == automatic_epochs(plans[0].words) == len(resumed.meta["epochs"])
    assert resumed.matrix.tobytes() == whole.matrix.tobytes()
    config = resumed.meta["config"]
    assert (config["epochs"], config["sample"]) == (plans[0].epochs, plans[0].sample)
    job = resumed.meta["job"]["config"]
    assert (job["epochs"], job["sample"]) == (AUTO, AUTO)


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 5, "sample": 1e-4},
        {"epochs": 5, "sample": 0},
        {"epochs": AUTO, "sample": AUTO},
        {"epochs": AUTO, "sample": 1},
    ],
)
def test_recorded_jobs_are_read_with_numbers_and_with_automatic_values(values):
    recorded = json.loads(json.dumps(TrainingJob([], None, Config(), True).as_meta()))
    recorded["config"] |= values
    job = TrainingJob.from_meta(recorded, ["a"])
    assert job.config == Config(**values)


@pytest.mark.parametrize("values", [{"epochs": 0}, {"epochs": 2.5}, {"sample": "all"}])
def test_recorded_jobs_with_other_values_are_rejected(values):
    recorded = json.loads(json.dumps(TrainingJob([], None, Config(), True).as_meta()))
    recorded["config"] |= values
    with pytest.raises(RecordError, match=next(iter(values))):
        TrainingJob.from_meta(recorded, ["a"])
