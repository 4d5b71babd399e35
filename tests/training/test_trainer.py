"""Epochs, spans and threads: what is the same every time, what is reported, what is learnt."""

from __future__ import annotations

import dataclasses
import threading
import time
from itertools import pairwise

import numpy as np
import pytest

import reference_sgns as reference
from support import JIT
from w2v.compute.random import NOISE, SUBSAMPLING, VALIDATION, WINDOWS, make_key
from w2v.config import Config
from w2v.corpus.build import EncodedText
from w2v.errors import DivergenceError, VocabularyError
from w2v.events import EpochDone, Training
from w2v.training import trainer
from w2v.training.sgns.kernel import Keys
from w2v.training.trainer import new_model, train_model

END_OF_LINE = 0xFFFF
EMPTY = EncodedText(np.empty(0, np.uint16), 0, 0)


def text_of(lines):
    ids = np.array([value for line in lines for value in (*line, END_OF_LINE)], np.uint16)
    return EncodedText(ids, sum(map(len, lines)), len(lines))


def random_text(lines, vocabulary=30, seed=0):
    random = np.random.default_rng(seed)
    return text_of(
        [random.integers(0, vocabulary, random.integers(2, 12)).tolist() for _ in range(lines)]
    )


def counts_of(text, vocabulary=30):
    return np.bincount(text.ids[text.ids != END_OF_LINE], minlength=vocabulary)


def small(**changes):
    return Config(**({"dim": 8, "epochs": 2, "sample": 0, "threads": 1} | changes))


@pytest.fixture
def short_spans(monkeypatch):
    """Spans of 50 words, so that a small text has many."""
    monkeypatch.setattr(trainer, "_MOST_SPAN_WORDS", 50)


@pytest.mark.usefixtures("short_spans")
def test_one_thread_gives_the_same_bits_every_time():
    text = random_text(60)
    first, second = (train_model(text, EMPTY, counts_of(text), small(sample=0.1)) for _ in range(2))
    assert first.matrix.tobytes() == second.matrix.tobytes()
    assert [e.loss for e in first.epochs] == [e.loss for e in second.epochs]
    other = train_model(text, EMPTY, counts_of(text), small(sample=0.1, seed=2))
    assert first.matrix.tobytes() != other.matrix.tobytes()


@pytest.mark.usefixtures("short_spans")
def test_an_epoch_equals_the_reference_span_by_span():
    text = random_text(40)
    config = small(epochs=2, seed=9, lr=0.2, lr_min=0.2)
    counts = counts_of(text)
    got = train_model(text, EMPTY, counts, config)

    the_trainer = trainer._Trainer(counts, config, print)
    model = new_model(30, config)
    stride = model.stride
    vectors = model.vectors.reshape(-1, stride)[:30, :8].astype(np.float64)
    contexts = np.zeros_like(vectors)
    size = len(text.ids)
    starts = range(0, size, 50)
    for epoch in range(2):
        for span, begin in enumerate(starts):
            end = min(begin + 50, size)
            keys = Keys(
                make_key(9, SUBSAMPLING, epoch),
                make_key(9, WINDOWS, epoch, span),
                make_key(9, NOISE, epoch, span),
            )
            reference.train_span(
                text.ids,
                begin,
                end,
                END_OF_LINE,
                vectors,
                contexts,
                the_trainer.sampling,
                keys,
                0.2,
            )
    np.testing.assert_allclose(got.matrix, vectors, atol=1e-5)
    assert np.abs(got.matrix).max() > 0.05  # so that the tolerance means something


@pytest.mark.usefixtures("short_spans")
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_span_is_trained_once_in_each_epoch(monkeypatch, threads):
    seen = []
    lock = threading.Lock()

    def record(ids, begin, end, *_):
        with lock:
            seen.append((begin, end))
        return 1, 2, 1.0, 1, 0.5

    monkeypatch.setattr(trainer, "train_span", record)
    text = random_text(60)
    result = train_model(text, EMPTY, counts_of(text), small(threads=threads, epochs=3))
    size = len(text.ids)
    spans = [(begin, min(begin + 50, size)) for begin in range(0, size, 50)]
    assert sorted(seen) == sorted(3 * spans)
    # The tallies of all threads are merged: contexts 1 / 2 a pair, noise 0.5 a pair.
    done = [(epoch.loss, epoch.centers, epoch.pairs) for epoch in result.epochs]
    assert done == [(1.0, len(spans), 2 * len(spans))] * 3


def test_the_learning_rate_falls_linearly(monkeypatch):
    rates = []
    monkeypatch.setattr(trainer, "_MOST_SPAN_WORDS", 100)

    def record(ids, begin, end, end_of_line, model, sampling, keys, lr_begin, lr_end, work):
        rates.append((lr_begin, lr_end))
        return 1, 1, 0.0, 1, 0.0

    monkeypatch.setattr(trainer, "train_span", record)
    text = text_of([[0] * 99] * 4)
    train_model(text, EMPTY, counts_of(text), small(lr=1.0, lr_min=0.2, epochs=2))
    steps = np.linspace(1.0, 0.2, 9)
    np.testing.assert_allclose(rates, list(pairwise(steps)))


def test_the_validation_loss_is_that_of_the_reference():
    text, held_out = random_text(40), random_text(10, seed=1)
    config = small(epochs=1, negative_sharing=4)
    counts = counts_of(text)
    result = train_model(text, held_out, counts, config)
    the_trainer = trainer._Trainer(counts, config, print)
    job = trainer._EpochPlan(text, the_trainer._keys(0), lambda s: 0.05 * (1 - s))
    list(trainer._EpochRunner(the_trainer, job).run())
    stride = the_trainer.model.stride
    vectors, contexts = (
        flat[:-stride].reshape(-1, stride)[:, :8].astype(np.float64)
        for flat in (the_trainer.model.vectors, the_trainer.model.contexts)
    )
    keys = Keys(
        make_key(1, SUBSAMPLING, 0, VALIDATION),
        make_key(1, WINDOWS, 0, 0, VALIDATION),
        make_key(1, NOISE, 0, 0, VALIDATION),
    )
    expected = reference.train_span(
        held_out.ids,
        0,
        len(held_out.ids),
        END_OF_LINE,
        vectors,
        contexts,
        the_trainer.sampling,
        keys,
        0.0,
    )
    assert result.epochs[0].validation_loss == pytest.approx(expected.loss, rel=1e-3)
    assert train_model(text, EMPTY, counts, config).epochs[0].validation_loss is None


def test_what_is_held_out_is_not_trained_on():
    text, held_out = random_text(40), random_text(40, seed=1)
    with_it, without = (
        train_model(text, other, counts_of(text), small(epochs=3)) for other in (held_out, EMPTY)
    )
    np.testing.assert_array_equal(with_it.matrix, without.matrix)


def topics(lines):
    """Lines about one of two things, and words that go with both."""
    random = np.random.default_rng(7)
    return text_of(
        [
            [*random.choice([[0, 1, 2, 3], [4, 5, 6, 7]][line % 2], 8).tolist(), 8, 9]
            for line in range(lines)
        ]
    )


@pytest.mark.skipif(not JIT, reason="learning takes minutes without the compiler")
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    "changes", [{}, {"negative_sharing": 1, "shared_negatives": 5}, {"shrink_windows": True}]
)
def test_words_of_one_topic_come_to_be_neighbours(threads, changes):
    text = topics(20_000)
    config = small(threads=threads, window=4, epochs=3, **changes)
    result = train_model(text, EMPTY, counts_of(text, 10), config)
    # What all words have in common says nothing about topics.
    rows = result.matrix[:8] - result.matrix[:8].mean(axis=0)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert min(cosines[:4, :4].min(), cosines[4:, 4:].min()) > 0.5
    assert cosines[:4, 4:].max() < -0.5
    assert result.epochs[-1].loss < result.epochs[0].loss


def test_matrix_and_reports_have_their_shapes():
    text = random_text(50)
    events = []
    result = train_model(text, EMPTY, counts_of(text), small(dim=5), events.append)
    assert result.matrix.shape == (30, 5)
    assert result.matrix.dtype == np.float32
    assert result.matrix.flags.c_contiguous
    assert [e.epoch for e in events if isinstance(e, EpochDone)] == [1, 2]
    assert events[-1] is result.epochs[-1]
    training = [e for e in events if isinstance(e, Training)]
    assert training[-1].done_words == training[-1].total_words == 2 * text.words
    assert result.words_per_second == pytest.approx(2 * text.words / result.seconds)


def test_initial_vectors_are_uniform_and_depend_on_the_seed():
    config = small(dim=100)
    model = new_model(500, config)
    rows = model.vectors[: 500 * model.stride].reshape(500, -1)[:, :100]
    assert np.abs(rows).max() < 0.005
    assert np.abs(rows.mean()) < 1e-4
    assert rows.std() == pytest.approx(0.01 / np.sqrt(12), rel=0.02)
    assert not model.contexts.any()
    assert (new_model(500, small(dim=100, seed=5)).vectors != model.vectors).any()


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_names_epoch_rate_and_remedy():
    text = random_text(200)
    message = r"NaN or infinity in epoch \d at learning rate .*lower"
    with pytest.raises(DivergenceError, match=message):
        train_model(text, EMPTY, counts_of(text), small(lr=1e30, epochs=5))


@pytest.mark.parametrize("matrix", ["vectors", "contexts"])
def test_divergence_of_a_rare_word_is_found_at_the_end_of_the_epoch(matrix, monkeypatch):
    def spoil(ids, begin, end, end_of_line, model, *_):
        getattr(model, matrix)[1999 * model.stride] = np.nan
        return 1, 1, 0.0, 1, 0.0

    monkeypatch.setattr(trainer, "train_span", spoil)
    text = random_text(20, vocabulary=2000)
    with pytest.raises(DivergenceError, match="in epoch 1 "):
        train_model(text, EMPTY, np.ones(2000, np.int64), small(epochs=3))


def test_a_text_without_pairs_says_so():
    text = text_of([[0], [1], [2]])
    with pytest.raises(VocabularyError, match=r"no pair to train on: 3 words .* 3 lines"):
        train_model(text, EMPTY, counts_of(text, 3), small())


def test_an_error_in_a_thread_ends_the_others(monkeypatch, short_spans):
    def fail(ids, begin, *_):
        if begin == 100:
            raise RuntimeError("broken")
        return 1, 1, 0.0, 1, 0.0

    monkeypatch.setattr(trainer, "train_span", fail)
    text = random_text(60)
    with pytest.raises(RuntimeError, match="broken"):
        train_model(text, EMPTY, counts_of(text), small(threads=2))
    assert not [t for t in threading.enumerate() if t.name.startswith("w2v-train")]


def test_an_interrupt_ends_the_threads(short_spans):
    def interrupt(event):
        raise KeyboardInterrupt

    text = random_text(60)
    with pytest.raises(KeyboardInterrupt):
        train_model(text, EMPTY, counts_of(text), small(threads=2), interrupt)
    assert not [t for t in threading.enumerate() if t.name.startswith("w2v-train")]


class Memory:
    """Keeps every state it is shown, and begins where it is told."""

    def __init__(self, state=None, *, always=True):
        self.state = state
        self.always = always
        self.kept = []

    def restore(self, model):
        if self.state is None:
            return trainer.TrainingState()
        model.vectors[:], model.contexts[:], position = self.state
        return position

    def due(self):
        return self.always

    def keep(self, model, position):
        self.kept.append((model.vectors.copy(), model.contexts.copy(), position))


def without_seconds(result):
    reports = [dataclasses.replace(report, seconds=0.0) for report in result.epochs]
    return result.matrix.tolist(), reports


@pytest.fixture
def slow_spans(short_spans, monkeypatch):
    """Spans of which a report sees only a few at a time."""
    monkeypatch.setattr(trainer, "_REPORT_SECONDS", 0.001)
    work = trainer.train_span

    def slow(*arguments):
        time.sleep(0.002)
        return work(*arguments)

    monkeypatch.setattr(trainer, "train_span", slow)


def test_one_thread_goes_on_from_anywhere_as_if_it_had_not_stopped(slow_spans):
    text, held_out = random_text(30), random_text(5, seed=1)
    config = small(epochs=3)
    memory = Memory()
    whole = train_model(text, held_out, counts_of(text), config, keeper=memory)
    positions = [(len(position.done), position.span) for _, _, position in memory.kept]
    assert len(set(positions)) > 6
    assert {epoch for epoch, _ in positions} == {0, 1, 2}
    for state in memory.kept:
        again = train_model(text, held_out, counts_of(text), config, keeper=Memory(state))
        assert without_seconds(again) == without_seconds(whole)
        assert again.seconds > state[2].all_seconds


def test_threads_keep_what_is_trained_and_nothing_else(slow_spans, monkeypatch):
    text = random_text(120)
    spans = []
    work = trainer.train_span

    def noted(ids, begin, end, *rest):
        result = work(ids, begin, end, *rest)
        spans.append((begin, end))
        return result

    monkeypatch.setattr(trainer, "train_span", noted)

    class Check(Memory):
        def keep(self, model, position):
            done = len(spans)
            time.sleep(0.01)
            assert len(spans) == done  # all threads stand still
            trained = sorted(spans[len(position.done) * all_spans :])
            assert trained == [(i * 50, min(i * 50 + 50, size)) for i in range(position.span)]
            assert position.tally.places == sum(end - begin for begin, end in trained)
            super().keep(model, position)

    size = len(text.ids)
    all_spans = -(-size // 50)
    memory = Check()
    train_model(text, EMPTY, counts_of(text), small(epochs=2, threads=3), keeper=memory)
    assert {len(position.done) for _, _, position in memory.kept} == {0, 1}
    assert len(memory.kept) > 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("threads", [1, 2])
def test_an_interrupted_training_is_kept(error, threads, slow_spans):
    def interrupt(event):
        if isinstance(event, Training) and event.epoch == 2:
            raise error

    text = random_text(60)
    config = small(epochs=3, threads=threads)
    memory = Memory(always=False)
    with pytest.raises(error):
        train_model(text, EMPTY, counts_of(text), config, interrupt, memory)
    ((_, _, position),) = memory.kept
    assert len(position.done) == 1
    assert 0 < position.tally.places <= len(text.ids)
    again = train_model(text, EMPTY, counts_of(text), config, keeper=Memory(memory.kept[0]))
    assert [report.epoch for report in again.epochs] == [1, 2, 3]
    if threads == 1:
        whole = train_model(text, EMPTY, counts_of(text), config)
        assert without_seconds(again) == without_seconds(whole)


def test_an_interrupted_validation_is_kept_too(slow_spans, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    text, held_out = random_text(60), random_text(10, seed=1)
    memory = Memory(always=False)
    monkeypatch.setattr(trainer._Trainer, "_validate", interrupt)
    with pytest.raises(KeyboardInterrupt):
        train_model(text, held_out, counts_of(text), small(), keeper=memory)
    monkeypatch.undo()
    monkeypatch.setattr(trainer, "_MOST_SPAN_WORDS", 50)
    again = train_model(text, held_out, counts_of(text), small(), keeper=Memory(memory.kept[0]))
    whole = train_model(text, held_out, counts_of(text), small())
    assert without_seconds(again) == without_seconds(whole)


def test_what_is_finished_is_not_trained_again():
    text = random_text(20)
    done = train_model(text, EMPTY, counts_of(text), small(epochs=1))
    model = trainer.new_model(len(counts_of(text)), small())
    state = (model.vectors, model.contexts, trainer.TrainingState(done=tuple(done.epochs)))
    again = train_model(text, EMPTY, counts_of(text), small(epochs=1), keeper=Memory(state))
    rows = trainer.rows_of(model.vectors, model, len(counts_of(text)), again.matrix.shape[1])
    assert again.matrix.tolist() == rows.tolist()


def test_large_rows_make_short_spans():
    wide = small(dim=100_000, window=10)
    the_trainer = trainer._Trainer(np.array([3, 2]), wide, print)
    assert the_trainer.span_words * wide.dim * (2 * 10 + 16) <= 1 << 33


@pytest.mark.parametrize("loss", [100.0, np.nan])
def test_a_loss_far_above_that_of_an_untrained_model_is_divergence(monkeypatch, loss):
    monkeypatch.setattr(trainer, "train_span", lambda *_: (1, 1, loss, 1, 0.0))
    text = random_text(20)
    with pytest.raises(
        DivergenceError, match=r"the loss is .*, and 4\.159 before .* epoch 1 .*--neg"
    ):
        train_model(text, EMPTY, counts_of(text), small())


@pytest.mark.skipif(not JIT, reason="learning takes minutes without the compiler")
@pytest.mark.parametrize(
    "changes", [{"window": 10, "negatives": 10}, {"window": 5, "negatives": 15}]
)
def test_wide_windows_and_many_negatives_do_not_diverge(changes):
    random = np.random.default_rng(3)
    words = (random.pareto(1.0, 60_000) * 3).astype(np.int64) % 1000
    text = text_of(words.reshape(-1, 30).tolist())
    result = train_model(text, EMPTY, counts_of(text, 1000), small(dim=64, **changes))
    assert result.epochs[-1].loss < (1 + changes["negatives"]) * np.log(2)
