"""The epoch loop: results, reports, validation, divergence and interrupts."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from support import JIT
from training.helpers import (
    EMPTY,
    Memory,
    counts_of,
    random_text,
    small,
    text_of,
    without_seconds,
)
from w2v.errors import ConfigError, DivergenceError, FormatError, VocabularyError
from w2v.events import EpochDone, Notice, Resumed, Training, TrainingPlanned
from w2v.training import plan, trainer
from w2v.training.backends import hogwild
from w2v.training.model import new_matrices, rows_of
from w2v.training.sgns.kernel import SpanStats
from w2v.training.state import EpochStats, TrainingState
from w2v.training.trainer import train_model


@pytest.fixture
def short_spans(monkeypatch):
    """Spans of 50 words, so that a small text has many."""
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)


def test_matrix_and_reports_have_their_shapes():
    text = random_text(50)
    events = []
    result = train_model(text, EMPTY, counts_of(text), small(dim=5), events.append)
    assert result.matrix.shape == (30, 5)
    assert result.matrix.dtype == np.float32
    assert result.matrix.flags.c_contiguous
    assert events[0] == TrainingPlanned(text.words, epochs=2, sample=0.0, kept_words=1.0)
    assert [e for e in events if isinstance(e, EpochDone)] == result.epochs
    assert [e.epoch for e in result.epochs] == [1, 2]
    after = events[events.index(result.epochs[-1]) + 1 :]
    assert after[0] == result.usage
    assert all(isinstance(event, Notice) for event in after[1:])
    training = [e for e in events if isinstance(e, Training)]
    assert training[-1].done_words == training[-1].total_words == 2 * text.words
    assert result.words_per_second == pytest.approx(2 * text.words / result.seconds)


@pytest.mark.parametrize(("rounds", "expected"), [("auto", 2), (7, 8), (400, 400)])
def test_a_deterministic_training_reports_its_rounds(rounds, expected):
    text = random_text(200)
    events = []
    config = small(deterministic=True, shards=3, rounds=rounds)
    result = train_model(text, EMPTY, counts_of(text), config, events.append)
    assert (events[0].rounds, events[0].shards) == (expected, 3)
    assert str(events[0]).endswith(f"no subsampling; {expected} rounds of 3 shards")
    assert result.config.rounds == expected
    notes = [event.message for event in events[1:3] if isinstance(event, Notice)]
    assert notes[0].startswith(
        f"{expected} rounds are few" if expected < 256 else "a shard has only"
    )


@pytest.mark.usefixtures("short_spans")
def test_rounds_make_a_difference_to_training_but_not_to_its_measures():
    text, held_out = random_text(90), random_text(40, seed=1)
    measured, vectors = [], set()
    for rounds in (12, 20, 40):
        config = small(deterministic=True, rounds=rounds, lr=1e-30, lr_min=1e-30)
        result = train_model(text, held_out, counts_of(text), config)
        measured.append([(e.loss, e.validation_loss) for e in result.epochs])
        config = small(deterministic=True, rounds=rounds)
        vectors.add(train_model(text, held_out, counts_of(text), config).matrix.tobytes())
    assert measured[0] == measured[1] == measured[2]
    assert len(vectors) == 3


def test_more_rounds_than_words_are_rejected_before_training():
    text = random_text(5)
    events = []
    with pytest.raises(ConfigError, match=r"^rounds must be at most [0-9]+ for this text, got 999"):
        train_model(
            text, EMPTY, counts_of(text), small(deterministic=True, rounds=999), events.append
        )
    assert events == []


def test_held_out_lines_are_not_trained_on():
    text, held_out = random_text(40), random_text(40, seed=1)
    with_validation, without = (
        train_model(text, other, counts_of(text), small(epochs=3)) for other in (held_out, EMPTY)
    )
    np.testing.assert_array_equal(with_validation.matrix, without.matrix)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_divergence_names_epoch_rate_and_remedy():
    text = random_text(200)
    message = r"NaN or infinity in epoch \d at learning rate .*lower"
    with pytest.raises(DivergenceError, match=message):
        train_model(text, EMPTY, counts_of(text), small(lr=1e30, epochs=5))


@pytest.mark.parametrize("matrix", ["vectors", "contexts"])
def test_divergence_of_a_rare_word_is_found_at_the_end_of_the_epoch(matrix, monkeypatch):
    def spoil(span, matrices, *_):
        getattr(matrices, matrix)[1999 * matrices.stride] = np.nan
        return SpanStats(1, 1, 0.0, 1, 0.0)

    monkeypatch.setattr(hogwild, "train_span", spoil)
    text = random_text(20, vocabulary=2000)
    with pytest.raises(DivergenceError, match="in epoch 1 "):
        train_model(text, EMPTY, np.ones(2000, np.int64), small(epochs=3))


@pytest.mark.parametrize("loss", [100.0, np.nan])
def test_a_loss_far_above_that_of_an_untrained_model_is_divergence(monkeypatch, loss):
    monkeypatch.setattr(hogwild, "train_span", lambda *_: SpanStats(1, 1, loss, 1, 0.0))
    text = random_text(20)
    message = r"the loss is .*, and 4\.159 before .* epoch 1 .*`negative_sharing=64`"
    with pytest.raises(DivergenceError, match=message):
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


def test_a_text_without_pairs_is_rejected():
    text = text_of([[0], [1], [2]])
    with pytest.raises(
        VocabularyError, match=r"no pair to train on: the text has 3 words .* 3 lines"
    ):
        train_model(text, EMPTY, counts_of(text, 3), small())


def test_an_interrupt_without_a_checkpointer_stops_the_threads(short_spans):
    def interrupt(event):
        raise KeyboardInterrupt

    text = random_text(60)
    with pytest.raises(KeyboardInterrupt):
        train_model(text, EMPTY, counts_of(text), small(threads=2), interrupt)
    assert not [t for t in threading.enumerate() if t.name.startswith("w2v-train")]


@pytest.mark.parametrize("measured", ["text", "held_out"])
def test_an_interrupt_while_a_loss_is_measured_saves_the_epoch(measured, short_spans, monkeypatch):
    texts = {"text": random_text(60), "held_out": random_text(10, seed=1)}
    text, held_out = texts.values()
    measure = trainer.Trainer._measure_loss

    def interrupt(self, text):
        if text is texts[measured]:
            raise KeyboardInterrupt
        return measure(self, text)

    memory = Memory(always=False)
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_measure_loss", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train_model(text, held_out, counts_of(text), small(), checkpointer=memory)
    (saved,) = memory.all_saved
    assert (len(saved[2].reports), saved[2].step) == (0, saved[2].steps)
    again = train_model(text, held_out, counts_of(text), small(), checkpointer=Memory(saved))
    whole = train_model(text, held_out, counts_of(text), small())
    assert without_seconds(again) == without_seconds(whole)


def test_a_finished_training_is_not_continued():
    text = random_text(20)
    done = train_model(text, EMPTY, counts_of(text), small(epochs=1))
    start = new_matrices(30, small())
    state = (start.vectors, start.contexts, TrainingState(reports=tuple(done.epochs)))
    again = train_model(text, EMPTY, counts_of(text), small(epochs=1), checkpointer=Memory(state))
    rows = rows_of(start.vectors, start, 30, 8)
    assert again.matrix.tolist() == rows.tolist()


def test_a_resumed_epoch_is_reported(short_spans):
    text = random_text(60)
    heard = []
    start = new_matrices(30, small())
    steps = -(-len(text.ids) // 50)
    state = TrainingState(2, steps, EpochStats(positions=100), 1.0)
    saved = Memory((start.vectors, start.contexts, state), always=False)
    train_model(text, EMPTY, counts_of(text), small(), heard.append, saved)
    assert [type(event) for event in heard[:2]] == [TrainingPlanned, Resumed]
    assert heard[1] == Resumed(epoch=1, epochs=2, share=2 / steps)


def test_a_state_of_another_number_of_steps_is_rejected(short_spans):
    text = random_text(60)
    start = new_matrices(30, small())
    saved = Memory((start.vectors, start.contexts, TrainingState(2, 3)))
    message = r"saved at step 2 of 3 in its epoch, .* divides the epoch into \d+ steps"
    with pytest.raises(FormatError, match=message):
        train_model(text, EMPTY, counts_of(text), small(), checkpointer=saved)
