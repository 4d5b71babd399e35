"""The sample on which the loss is measured, the usage of a text, and notes about poor results."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_sgns as reference
import w2v
from support import KJV, TINY, compiled_only, raise_on
from training.helpers import (
    EMPTY,
    Memory,
    counts_of,
    random_text,
    small,
    text_of,
    topics,
)
from w2v.corpus.encoded import EncodedText
from w2v.corpus.pairs import skipgram_pairs
from w2v.events import EpochDone, Notice, TextUsed, Training
from w2v.training import plan, report
from w2v.training.plan import MIN_ROUND_POSITIONS, EpochPlan, with_rounds
from w2v.training.report import (
    plan_notes,
    result_notes,
    round_notes,
    sample_text,
    untrained_loss,
)
from w2v.training.state import TrainingSetup
from w2v.training.trainer import train_model

# The sample of the text


def numbered_text(size, seed):
    """A text in which each word is the number of its position, and some positions are line ends."""
    ids = np.arange(size, dtype=np.uint32)
    ends = np.random.default_rng(seed).random(size) < 0.1
    ends[-1:] = True
    ids[ends] = np.iinfo(np.uint32).max
    return EncodedText(ids, int((~ends).sum()), int(ends.sum()))


@pytest.mark.parametrize("size", [0, 1, 2000, 8 * 2048 - 1, 8 * 2048])
def test_short_texts_are_sampled_whole(size):
    text = numbered_text(size, seed=size)
    assert sample_text(text) is text


@pytest.mark.parametrize(
    ("size", "pieces"),
    [
        (8 * 2048 + 1, 8),
        (32 * 8 * 2048, 8),
        (32 * 9 * 2048, 9),
        (32 * 64 * 2048, 64),
        (32 * 100 * 2048, 64),
    ],
)
def test_the_sample_of_a_long_text_is_bounded(size, pieces):
    ids = np.broadcast_to(np.uint16(7), size)
    sample = sample_text(EncodedText(ids, size, 0))
    assert sample.words == pieces * 2048
    assert sample.lines == pieces
    assert len(sample.ids) == pieces * 2048 + pieces - 1
    assert sample.ids.dtype == np.uint16


@given(size=st.integers(65, 25_000), seed=st.integers(0, 99))
def test_pieces_are_evenly_spaced_parts_of_the_text(size, seed):
    text = numbered_text(size, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "_PIECE_POSITIONS", 8)
        sample = sample_text(text)
    end = sample.end_of_line
    assert sample.words == np.count_nonzero(sample.ids != end)
    pieces = (len(sample.ids) + 1) // 9
    assert pieces == min(max(size // 32 // 8, 8), 64)
    assert (sample.ids[8::9] == end).all()
    parts = np.append(sample.ids, end).reshape(pieces, 9)[:, :8]
    # Every position of a piece is a position of the text; the words tell which.
    starts = []
    for part in parts:
        inside = np.flatnonzero(part != end)
        if len(inside):
            start = int(part[inside[0]]) - int(inside[0])
            assert part.tolist() == text.ids[start : start + 8].tolist()
            starts.append(start)
        else:
            starts.append(None)
    known = [(i, start) for i, start in enumerate(starts) if start is not None]
    for i, start in known:
        assert abs(start - i * (size - 8) / (pieces - 1)) <= 1


@given(size=st.integers(65, 3000), seed=st.integers(0, 99), window=st.integers(1, 9))
def test_no_pair_crosses_the_border_of_two_pieces(size, seed, window):
    text = numbered_text(size, seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "_PIECE_POSITIONS", 8)
        sample = sample_text(text)
    ends = np.append(sample.ids, sample.end_of_line)  # the last piece has no line end of its own
    sampled = EncodedText(ends, sample.words, sample.lines)
    assert set(skipgram_pairs(sampled, window)) <= set(skipgram_pairs(text, window))


# The measured loss


@pytest.fixture(scope="module")
def verses(tmp_path_factory):
    """The events of a training on 3,000 lines of the Bible."""
    path = tmp_path_factory.mktemp("verses") / "verses.txt"
    with KJV.open() as lines:
        path.write_text("".join(line for line, _ in zip(lines, range(3000), strict=False)))
    events = []
    options = {"epochs": 10, "dim": 32, "threads": 1}
    w2v.train(path, output=path.with_name("m"), observer=events.append, **options)
    return events


@compiled_only
def test_the_measured_loss_falls_with_every_epoch(verses):
    losses = [event.loss for event in verses if isinstance(event, EpochDone)]
    assert len(losses) == 10
    assert losses == sorted(losses, reverse=True)
    assert losses[0] < untrained_loss(5)
    assert losses[0] - losses[-1] > 0.1
    # It is not the running loss, which is that of the model before each step.
    last = {event.epoch: event.loss for event in verses if isinstance(event, Training)}
    assert all(abs(last[i + 1] - loss) > 1e-3 for i, loss in enumerate(losses))


@pytest.mark.parametrize("sampled", [False, True])
def test_the_measured_loss_does_not_depend_on_the_threads(sampled, monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(plan, "MIN_ROUND_POSITIONS", 10)
    text = random_text(60)
    if sampled:
        monkeypatch.setattr(report, "_PIECE_POSITIONS", 20)
        assert len(sample_text(text).ids) < len(text.ids)
    measured = []
    for threads in (1, 2, 5):
        config = small(deterministic=True, threads=threads, sample=0.1, epochs=3)
        result = train_model(text, EMPTY, counts_of(text), config)
        measured.append([epoch.loss for epoch in result.epochs])
    assert measured[0] == measured[1] == measured[2]
    assert len(set(measured[0])) == 3


def test_measuring_the_loss_does_not_change_the_model(monkeypatch):
    text = random_text(60)
    results = [train_model(text, EMPTY, counts_of(text), small())]
    monkeypatch.setattr(report, "_PIECE_POSITIONS", 10)
    results.append(train_model(text, EMPTY, counts_of(text), small()))
    assert results[0].matrix.tobytes() == results[1].matrix.tobytes()
    assert results[0].epochs[0].loss != results[1].epochs[0].loss


def test_the_untrained_loss_is_that_of_zeros():
    text = random_text(20)
    result = train_model(text, EMPTY, counts_of(text), small(lr=1e-30, negatives=3))
    assert result.epochs[-1].loss == pytest.approx(untrained_loss(3), rel=1e-5)


# TextUsed


def slow_usage(text, counts, config):
    """What a training uses, from the subsampled lines of each epoch."""
    setup = TrainingSetup.of(counts, config)
    trained, pairs = set(), 0
    for epoch in range(config.epochs):
        epoch_plan = EpochPlan.of_training(text, config, epoch)
        span = epoch_plan.span(0, len(text.ids))
        centers = reference.centers_of(span, setup.sampling, epoch_plan.keys(0))
        trained |= {center for _, center, _ in centers}
        pairs += sum(len(contexts) for *_, contexts in centers)
    return trained, pairs / config.epochs


@pytest.mark.parametrize("changes", [{}, {"sample": 0.05}, {"sample": 0.02, "window": 5}])
def test_the_usage_of_a_text(changes):
    text = random_text(60)
    counts = counts_of(text)
    config = small(epochs=3, **changes)
    usage = train_model(text, EMPTY, counts, config).usage
    trained, pairs = slow_usage(text, counts, config)
    probability = np.ones(30)
    if config.sample:
        ratio = config.sample * counts.sum() / counts
        probability = np.minimum(1, np.sqrt(ratio) + ratio)
    assert usage.kept_words == pytest.approx((counts * probability).sum() / counts.sum(), rel=1e-6)
    possible = sum(1 for _ in skipgram_pairs(text, config.window))
    assert usage.kept_pairs == pytest.approx(pairs / possible)
    assert usage.median_uses == pytest.approx(np.median(3 * counts * probability), rel=1e-5)
    assert usage.words_without_pairs == 30 - len(trained)


def test_smaller_windows_are_not_taken_for_dropped_pairs():
    text = random_text(400)
    config = small(shrink_windows=True, window=6)
    usage = train_model(text, EMPTY, counts_of(text), config).usage
    assert usage.kept_pairs == pytest.approx(1.0, abs=0.03)


LONELY = [[0, 1, 2], [2, 1, 4]] * 20 + [[3], [5], [5]]
"""Lines without contexts for the words 3 and 5."""


@pytest.mark.parametrize("deterministic", [False, True])
def test_words_without_pairs_are_counted(deterministic):
    text = text_of(LONELY)
    counts = counts_of(text, 8)  # and the words 6 and 7 do not occur at all
    config = small(deterministic=deterministic)
    assert train_model(text, EMPTY, counts, config).usage.words_without_pairs == 4


@compiled_only
@pytest.mark.parametrize("size", [4095, 4096, 4097, 9000])
def test_words_without_pairs_are_counted_in_all_rows(size):
    text = text_of([[0, 1, size - 1]] * 30)
    counts = np.ones(size, np.int64)
    config = small(dim=3)
    text = EncodedText(text.ids.astype(np.uint16), text.words, text.lines)
    assert train_model(text, EMPTY, counts, config).usage.words_without_pairs == size - 3


def test_the_usage_of_a_resumed_training_is_that_of_the_whole(monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    text = text_of(LONELY)
    counts = counts_of(text, 8)
    config = small(epochs=3, sample=0.2)
    memory = Memory()
    whole = train_model(text, EMPTY, counts, config, checkpointer=memory)
    assert whole.usage.words_without_pairs == 4
    for saved in (memory.all_saved[0], memory.all_saved[-1]):
        again = train_model(text, EMPTY, counts, config, checkpointer=Memory(saved))
        assert again.usage == whole.usage


@pytest.mark.parametrize("freeze_old", [False, True])
@pytest.mark.parametrize("interrupted", [False, True])
def test_rows_of_an_initial_model_are_not_counted(tmp_path, monkeypatch, freeze_old, interrupted):
    """Two new words have no contexts. Two old words do not occur, but they were trained before."""
    monkeypatch.chdir(tmp_path)
    options = {name: value for name, value in TINY.items() if name != "dim"}
    w2v.train(["a b c d"] * 9, output="old", dim=8, **options)
    Path("new.txt").write_text("a b x\n" * 9 + "y\nz\n")
    options |= {"init": "old", "freeze_old": freeze_old, "output": "m"}
    if interrupted:
        with pytest.raises(KeyboardInterrupt):
            w2v.train(
                "new.txt", observer=raise_on(KeyboardInterrupt, EpochDone, epoch=1), **options
            )
        model = w2v.resume("m")
    else:
        model = w2v.train("new.txt", **options)
    assert len(model) == 7
    assert model.meta["usage"]["words_without_pairs"] == 2
    more = w2v.resume("m", epochs=5)
    assert more.meta["usage"]["words_without_pairs"] == 2


# Notes

GOOD = TextUsed(kept_words=0.5, kept_pairs=0.3, median_uses=80.0, words_without_pairs=0)
TRAINED = 0.8 * untrained_loss(5)


def notes_of(usage=GOOD, loss=TRAINED, negatives=5, epochs=4, **changes):
    usage = dataclasses.replace(usage, **changes)
    return [note.message for note in result_notes(usage, loss, negatives, epochs)]


def test_a_good_result_has_no_notes():
    assert notes_of() == []
    assert list(plan_notes(0.5, 1e-4)) == []


@pytest.mark.parametrize(("negatives", "before"), [(5, "4.159"), (1, "1.386")])
def test_a_note_tells_that_nothing_was_learned(negatives, before):
    limit = 0.97 * (1 + negatives) * math.log(2)
    assert notes_of(loss=limit - 1e-3, negatives=negatives) == []
    (note,) = notes_of(loss=limit + 1e-3, negatives=negatives)
    assert "hardly learned anything" in note
    assert f"its loss is {limit + 1e-3:.3f}, and {before} before training" in note
    assert note.endswith("use more text, or more epochs than `epochs=4`")
    # It includes that words had few uses.
    (same,) = notes_of(loss=limit + 1e-3, negatives=negatives, median_uses=1.0)
    assert same == note


def test_a_note_tells_that_words_had_few_uses():
    assert notes_of(median_uses=10.0) == []
    (note,) = notes_of(median_uses=9.9)
    assert note.startswith("half of the words were trained on fewer than 10 times")
    assert "more epochs than `epochs=4`" in note
    assert note.endswith("a higher `min_count`")
    assert notes_of(median_uses=9.9, loss=None) == [note]


def test_a_note_tells_that_few_pairs_are_left():
    assert notes_of(kept_pairs=0.1) == []
    (note,) = notes_of(kept_pairs=0.04)
    assert note.startswith("subsampling left 4 % of the pairs")
    assert note.endswith("keep more with a higher `sample`")
    assert notes_of(kept_pairs=0.04, kept_words=0.05) == []  # said before training


def test_a_note_before_training_tells_that_few_words_are_kept():
    assert list(plan_notes(0.1, 1e-4)) == []
    (note,) = plan_notes(0.07, 1e-6)
    assert note.warning
    assert note.message.startswith("subsampling drops 93 % of the words")
    assert "`sample=1e-06`" in note.message
    assert note.message.endswith("or all with `sample=0`")


def notes_of_rounds(positions, **changes):
    """The notes before a deterministic training, and its rounds."""
    given = small(deterministic=True, **changes)
    config = with_rounds(given, positions)
    notes = list(round_notes(given, config, positions))
    assert all(note.warning for note in notes)
    return [note.message for note in notes], config.rounds


@pytest.mark.parametrize(
    "changes", [{}, {"shards": 25}, {"rounds": 256}, {"shards": 1, "rounds": 200}]
)
def test_enough_rounds_have_no_notes(changes):
    assert notes_of_rounds(1 << 21, epochs=4, **changes)[0] == []
    assert list(round_notes(small(epochs=4), small(epochs=4), 1 << 21)) == []


@pytest.mark.parametrize("shards", [2, 64, 1024])
@pytest.mark.parametrize("epochs", [1, 5, 83])
@pytest.mark.parametrize("positions", [1000, 100_000, 2_000_000])
def test_a_note_tells_that_a_text_is_too_short_for_its_shards(positions, epochs, shards):
    notes, rounds = notes_of_rounds(positions, epochs=epochs, shards=shards)
    assert len(notes) == (rounds < 256)
    for note in notes:
        assert note.startswith(f"{rounds} rounds are few for `shards={shards}`")
        *_, remedy = note.split("; ")
        fewer = int(remedy.removeprefix("use `shards=").removesuffix("`"))
        assert 1 <= fewer < shards
        assert notes_of_rounds(positions, epochs=epochs, shards=fewer)[0] == []


def test_a_note_tells_that_fewer_rounds_were_chosen_than_are_good():
    (note,), rounds = notes_of_rounds(1 << 21, epochs=5, rounds=251)
    assert rounds == 255
    assert note.startswith("255 rounds are few for `shards=4`")
    assert note.endswith("; use `rounds=256` or more")


def test_chosen_rounds_may_have_long_spans():
    assert notes_of_rounds(4 * 65536 * 900, epochs=1) == ([], 320)
    assert notes_of_rounds(4 * 65536 * 900, epochs=1, rounds=300) == ([], 300)


def test_a_note_tells_that_spans_are_very_short():
    size = 4 * 1000 * MIN_ROUND_POSITIONS
    assert notes_of_rounds(size, epochs=5, rounds=5000)[0] == []
    (note,), _ = notes_of_rounds(size, epochs=5, rounds=50_000)
    assert note.startswith("a shard has only 102 words in a round")
    assert note.endswith("fewer shards than `shards=4`, or fewer rounds than `rounds=50000`")


def notes_of_training(text, vocabulary=30, **changes):
    heard = []
    train_model(text, EMPTY, counts_of(text, vocabulary), small(**changes), heard.append)
    return [event.message for event in heard if isinstance(event, Notice)]


@compiled_only
def test_trainings_give_the_notes_that_apply():
    learnable = topics(600)
    assert notes_of_training(learnable, 10, epochs=6) == []
    (nothing,) = notes_of_training(learnable, 10, epochs=6, lr=1e-9)
    assert "hardly learned anything" in nothing
    (words,) = notes_of_training(learnable, 10, epochs=40, sample=5e-5)
    assert words.startswith("subsampling drops")
    pairs = text_of([[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]] * 800)
    (few,) = notes_of_training(pairs, 10, epochs=20, sample=2e-3)
    assert few.startswith("subsampling left 3 % of the pairs")
    rare = [[10 + i, i % 8] for i in range(30)]
    lines = [line.tolist() for line in learnable.sentences()] + rare
    (uses,) = notes_of_training(text_of(lines), 40, epochs=6)
    assert "fewer than 10 times" in uses


def test_notes_before_training_come_before_it_and_others_after_it():
    heard = []
    text = random_text(400)
    train_model(text, EMPTY, counts_of(text), small(sample=1e-5), heard.append)
    kinds = [type(event) for event in heard if not isinstance(event, Training)]
    assert kinds[0].__name__ == "TrainingPlanned"
    assert kinds[1:4] == [Notice, EpochDone, EpochDone]
    assert kinds[4] is TextUsed
    assert set(kinds[5:]) == {Notice}


def test_the_sample_is_read_only_as_the_ids_of_a_file():
    """Otherwise the kernels would be compiled a second time, during training."""
    long = text_of([[1, 2, 3, 4, 5, 6, 7]] * 20_000)
    sample = sample_text(long)
    assert len(sample.ids) < len(long.ids)
    assert not sample.ids.flags.writeable
