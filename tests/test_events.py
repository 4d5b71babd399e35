"""Events: their descriptions, and their way into logging."""

from __future__ import annotations

import dataclasses
import logging

import pytest

from sample_events import (
    ALL,
    CLUSTER_TIMES,
    CORPUS,
    ENCODING,
    EPOCH,
    EXPORTED,
    LAYING_OUT,
    NOTICE,
    READING,
    RESUMED,
    SAVED,
    TRAINING,
    WARM_STARTED,
    WORKERS,
)
from w2v.events import (
    FREQUENT,
    ClusterTimes,
    Compiling,
    Event,
    LoggingObserver,
    Notice,
    combine,
    ignore,
)

CORPUS_LINES = [
    "corpus: 789,684 words in 31,102 lines, 12,762 distinct words",
    "vocabulary: 5,323 words, 98.34 % of the corpus",
]


@pytest.mark.parametrize(
    ("event", "lines"),
    [
        (
            Compiling("cache"),
            ["compiling the kernels, which takes some seconds on the first run"],
        ),
        (
            Compiling(None),
            [
                (
                    "compiling the kernels, as in every run, because no cache directory is "
                    "writable; set NUMBA_CACHE_DIR to a writable directory"
                )
            ],
        ),
        (
            WORKERS,
            [
                "worker 1 on node1: 16 cores, 32 shards, 50.25 million words/s",
                "worker 2 on node2: 1 core, 1 shard",
            ],
        ),
        (READING, ["reading: 5,000,000 of 10,000,000 bytes, 4,321 words, 40 MB/s"]),
        (
            dataclasses.replace(READING, total_bytes=None),
            ["reading: 5,000,000 bytes, 4,321 words, 40 MB/s"],
        ),
        (CORPUS, CORPUS_LINES),
        (
            dataclasses.replace(CORPUS, dropped_rare=13_098, dropped_too_long=2),
            [*CORPUS_LINES, "dropped: 13,098 too rare, 2 too long"],
        ),
        (
            dataclasses.replace(CORPUS, dropped_beyond_size=1, dropped_unlisted=2),
            [
                *CORPUS_LINES,
                "dropped: 1 beyond the vocabulary size, 2 not in the given vocabulary",
            ],
        ),
        (
            dataclasses.replace(CORPUS, unseen_words=1234, left_out_words=5678),
            [
                *CORPUS_LINES,
                (
                    "note: the corpus lacks 1,234 words of the given vocabulary; "
                    "their vectors stay random"
                ),
                (
                    "note: no room for 5,678 new words in the vocabulary; raise the vocabulary "
                    "size to add them"
                ),
            ],
        ),
        (
            dataclasses.replace(CORPUS, old_words=5_000, left_out_words=12, unseen_words=1_000),
            [
                *CORPUS_LINES,
                "initial model: 4,000 of its 5,000 words occur, 323 new words added",
                (
                    "note: no room for 12 new words in the vocabulary; "
                    "raise the vocabulary size to add them"
                ),
            ],
        ),
        (
            TRAINING,
            ["training: 30 %, epoch 2/5, 2.50 million words/s, loss 2.3457, lr 0.0351, 1 s left"],
        ),
        (
            dataclasses.replace(TRAINING, done_words=0, loss=None, seconds_left=None),
            ["training: 0 %, epoch 2/5, 2.50 million words/s, loss -, lr 0.0351"],
        ),
        (EPOCH, ["epoch 2/5: loss 2.5000, 946,942 pairs, 4.00 million words/s, 0.2 s"]),
        (
            dataclasses.replace(EPOCH, loss=None, validation_loss=2.71828),
            [
                (
                    "epoch 2/5: loss -, validation loss 2.7183, 946,942 pairs, "
                    "4.00 million words/s, 0.2 s"
                )
            ],
        ),
        (
            SAVED,
            [
                "saved kjv.w2v: 5,323 words, 128 dimensions",
                (
                    "time: 1.5 s; compiling 0.3 s, reading 0.6 s (input 5 %, tokenizing 45 %, "
                    "hashing 40 %, ranking 10 %), training 12.3 s, writing 0.1 s"
                ),
            ],
        ),
        (EXPORTED, ["saved kjv.txt: the vectors, format word2vec-text"]),
        (RESUMED, ["resuming in epoch 4/5, 38 % done"]),
        (LAYING_OUT, ["layout of 5,000 words: 300 of 750 steps"]),
        (ENCODING, ["encoding: 2,000 of 10,000 texts, 30,000 words"]),
        (
            dataclasses.replace(ENCODING, total_texts=None),
            ["encoding: 2,000 texts, 30,000 words"],
        ),
        (NOTICE, ["note: a.txt is odd; omit `vocab_size=5`"]),
        (WARM_STARTED, ["starting from old.w2v"]),
        (
            dataclasses.replace(WARM_STARTED, contexts=False, frozen=True),
            [
                (
                    "starting from old.w2v; it has no context vectors, so they start at zero; "
                    "its vectors are frozen"
                )
            ],
        ),
        (
            dataclasses.replace(WARM_STARTED, epochs=3, frozen=True),
            ["continuing the training of old.w2v after epoch 3"],
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_events_describe_themselves(event, lines):
    assert str(event).splitlines() == lines


def test_one_is_singular():
    corpus = dataclasses.replace(CORPUS, tokens=1, lines=1, types=1, unseen_words=1)
    first, _, last = str(corpus).splitlines()
    assert first == "corpus: 1 word in 1 line, 1 distinct word"
    assert last == (
        "note: the corpus lacks 1 word of the given vocabulary; their vectors stay random"
    )


def test_every_event_has_a_description_and_a_stage_of_its_own():
    kinds = Event.__subclasses__()
    assert {type(event) for event in ALL} == set(kinds)
    assert len({kind.stage for kind in kinds}) == len(kinds)
    assert all("__str__" in vars(kind) for kind in kinds)


@pytest.mark.parametrize(
    "event",
    [
        dataclasses.replace(READING, total_bytes=0, done_bytes=0, seconds=0.0),
        dataclasses.replace(TRAINING, total_words=0, done_words=0, words_per_second=0.0),
        dataclasses.replace(EPOCH, words=0, pairs=0, seconds=0.0),
    ],
)
def test_descriptions_never_divide_by_zero(event):
    assert len(str(event).splitlines()) == 1


def test_shares_of_reading_are_of_the_work_of_all_threads():
    timings = {**SAVED.timings, "stages": {"input": 1.0, "hashing": 3.0}}
    shown = str(dataclasses.replace(SAVED, timings=timings))
    assert "reading 0.6 s (input 25 %, hashing 75 %)" in shown


def test_plain_values_start_with_the_stage():
    assert list(RESUMED.as_dict().items()) == [
        ("stage", "resumed"),
        ("epoch", 4),
        ("epochs", 5),
        ("share", 0.375),
    ]


def test_the_logging_observer_logs_one_record_per_event(caplog):
    observer = LoggingObserver()
    with caplog.at_level(logging.DEBUG, logger="w2v"):
        for event in ALL:
            observer(event)
    assert [record.event for record in caplog.records] == ALL
    assert {record.name for record in caplog.records} == {"w2v"}
    levels = {Notice: logging.WARNING} | dict.fromkeys(FREQUENT, logging.DEBUG)
    expected = [levels.get(type(event), logging.INFO) for event in ALL]
    assert [record.levelno for record in caplog.records] == expected
    assert caplog.records[3].getMessage() == "; ".join(CORPUS_LINES)


def test_the_logging_observer_uses_the_given_logger(caplog):
    with caplog.at_level(logging.INFO):
        LoggingObserver(logging.getLogger("my.service"))(RESUMED)
    (record,) = caplog.records
    assert (record.name, record.getMessage()) == ("my.service", "resuming in epoch 4/5, 38 % done")


def test_notes_are_logged_as_warnings(caplog):
    event = dataclasses.replace(CORPUS, unseen_words=2, left_out_words=1)
    with caplog.at_level(logging.INFO, logger="w2v"):
        LoggingObserver()(event)
    (described, *warned) = caplog.records
    assert "note" not in described.getMessage()
    assert described.getMessage().startswith("corpus: ")
    assert [record.getMessage() for record in warned] == [f"note: {n}" for n in event.notes]
    assert len(event.notes) == 2
    assert {record.levelno for record in warned} == {logging.WARNING}
    assert {record.event for record in caplog.records} == {event}


def test_notes_end_the_description():
    event = dataclasses.replace(CORPUS, left_out_words=2, unseen_words=1)
    lines = str(event).splitlines()
    assert lines[-2:] == [f"note: {note}" for note in event.notes]


def test_a_combined_observer_passes_events_to_all():
    first: list[Event] = []
    second: list[Event] = []
    observe = combine(first.append, second.append, ignore)
    for event in ALL:
        observe(event)
    assert first == second == ALL


@pytest.mark.parametrize("observer", [ignore, LoggingObserver()], ids=["ignore", "logging"])
def test_notices_are_logged_with_and_without_an_observer(observer, caplog):
    with caplog.at_level(logging.INFO):
        observer(NOTICE)
        observer(dataclasses.replace(CORPUS, unseen_words=1))
    warned = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [(record.name, record.getMessage()) for record in warned] == [
        ("w2v", "note: a.txt is odd; omit `vocab_size=5`"),
        (
            "w2v",
            "note: the corpus lacks 1 word of the given vocabulary; their vectors stay random",
        ),
    ]
    assert warned[0].event == NOTICE


def test_a_notice_for_information_is_no_warning(caplog):
    with caplog.at_level(logging.INFO):
        LoggingObserver()(Notice("two files", warning=False))
    assert caplog.record_tuples == [("w2v", logging.INFO, "note: two files")]


def test_other_events_are_ignored_by_default(caplog):
    with caplog.at_level(logging.DEBUG):
        for event in ALL:
            if event != NOTICE:
                ignore(event)
    assert not caplog.records


def test_times_of_a_cluster_are_added():
    double = CLUSTER_TIMES + CLUSTER_TIMES
    assert (double.rounds, double.moving, double.moved_bytes) == (80, 7.0, 800_000_000)
    assert double.shares == CLUSTER_TIMES.shares
    assert CLUSTER_TIMES.shares == {
        "training": 0.5,
        "merging": 0.1,
        "waiting": 0.05,
        "moving": 0.35,
    }
    assert set(ClusterTimes().shares.values()) == {0.0}


def test_a_saved_model_tells_where_the_time_of_a_cluster_went():
    timings = {**SAVED.timings, "cluster": dataclasses.asdict(CLUSTER_TIMES)}
    shown = str(dataclasses.replace(SAVED, timings=timings))
    shares = "(rounds: training 50 %, merging 10 %, waiting 5 %, moving 35 %)"
    assert f"training 12.3 s {shares}, writing" in shown
