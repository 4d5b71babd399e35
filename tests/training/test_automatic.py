"""The number of epochs and the subsampling threshold that are chosen for a text."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import w2v
from support import JIT, TINY, compiled_only, raise_on, random_text
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
    ("words", "kept", "expected"),
    [
        (0, 1.0, 100),
        (1_000, 1.0, 62),
        (1_000, 1 / 3, 100),
        (100_000, 1 / 3, 37),
        (1_000_000, 1 / 3, 16),
        (1_000_000, 0.6, 9),
        (3_300_000, 0.6, 8),
        (16_000_000, 0.6, 6),
        (100_000_000, 0.6, 5),
        (10**9, 0.6, 3),
        (10**12, 1.0, 3),
    ],
)
def test_short_texts_and_those_of_which_little_is_kept_have_more_epochs(words, kept, expected):
    assert automatic_epochs(words, kept) == expected


@given(words=st.integers(0, 10**12), more=st.integers(0, 10**12), kept=st.floats(1e-6, 1))
def test_a_longer_text_never_has_more_epochs(words, more, kept):
    assert 3 <= automatic_epochs(words + more, kept) <= automatic_epochs(words, kept) <= 100
    assert automatic_epochs(words, kept / 2) >= automatic_epochs(words, kept)


@given(words=st.integers(20_000, 50_000_000), kept=st.floats(0.3, 0.6))
def test_the_rule_between_the_bounds(words, kept):
    exact = 5.5 / (words / 1e6) ** (0.35 if words < 1e6 else 0.15) / kept
    assert abs(automatic_epochs(words, kept) - min(max(exact, 3), 100)) <= 0.5 + 1e-9


# Subsampling


LARGE = 3_000_000


@pytest.mark.parametrize("words", [5_000, 50_000, 500_000])
def test_much_natural_text_has_the_usual_threshold(words):
    counts = zipf_counts(words, 40 * words)
    assert automatic_sample(counts, LARGE) == automatic_sample(counts, 10**9) == 1e-4


@given(words=st.integers(1, 10**8), more=st.integers(0, 10**8))
def test_less_natural_text_has_a_lower_threshold(words, more):
    counts = zipf_counts(500_000, 10**9)
    sample = automatic_sample(counts, words)
    assert sample <= automatic_sample(counts, words + more) <= 1e-4
    if words <= 1_800_000:
        assert kept_share(counts, sample) >= 0.99 / 3
        assert sample == 1e-5 or kept_share(counts, sample / 2) < 1 / 3


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
    sample = automatic_sample(counts, LARGE)
    assert 1e-4 <= sample <= 1
    assert slow_kept_share(counts, sample) >= 0.99 / 3  # the threshold has two digits
    # No higher than necessary: a threshold that is half of it keeps less.
    assert sample == 1e-4 or slow_kept_share(counts, sample / 2) < 1 / 3


@pytest.mark.parametrize("counts", DOMINATED.values(), ids=DOMINATED)
def test_dominating_words_are_dropped_rather_than_kept(counts):
    sample = automatic_sample(counts, LARGE)
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
        assert kept_share(array, automatic_sample(array, LARGE)) >= 0.99 / 3


@given(counts=st.lists(st.integers(1, 10**6), min_size=1, max_size=60), factor=st.integers(1, 1000))
def test_the_threshold_depends_on_frequencies_alone(counts, factor):
    array = np.array(counts)
    assert automatic_sample(array, LARGE) == automatic_sample(array * factor, LARGE)


# Configurations


def test_only_automatic_values_are_replaced():
    counts = np.full(20, 500)
    sample = automatic_sample(counts, 10_000)
    epochs = automatic_epochs(10_000, kept_share(counts, sample))
    assert resolve(Config(), counts, 10_000) == Config(epochs=epochs, sample=sample)
    for given_values in ({"epochs": 7}, {"sample": 0.0}, {"sample": 1e-5}, {"epochs": 1}):
        resolved = resolve(Config(**given_values, dim=9), counts, 10_000)
        assert given_values.items() <= resolved.as_dict().items()
        assert resolved.dim == 9
        assert AUTO not in (resolved.epochs, resolved.sample)
        assert resolve(resolved, counts, 7) == resolved
    every_word = resolve(Config(sample=0), counts, 10_000)
    assert every_word.chosen_epochs == automatic_epochs(10_000, 1.0) == 28


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
    text = encoded_text(400 if JIT else 20)
    counts = counts_of(text)
    events = []
    sample = automatic_sample(counts, text.words)
    kept = kept_share(counts, sample)
    chosen = small(epochs=automatic_epochs(text.words, kept), sample=sample, dim=4)
    config = dataclasses.replace(chosen, epochs=AUTO, sample=AUTO)
    result = train_model(text, EMPTY, counts, config, events.append)
    same = train_model(text, EMPTY, counts, chosen)
    assert result.matrix.tobytes() == same.matrix.tobytes()
    assert len(result.epochs) == result.epochs[0].epochs == chosen.epochs
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
    expected = automatic_epochs(plans[0].words, plans[0].kept_words)
    assert plans[0].epochs == expected == len(resumed.meta["epochs"])
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
