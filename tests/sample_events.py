"""One event of each kind, for the tests of their output."""

from __future__ import annotations

from w2v.events import (
    ClusterTimes,
    ClusterWorkers,
    Compiling,
    CorpusRead,
    Encoding,
    EpochDone,
    Exported,
    LayingOut,
    Notice,
    PhrasesFound,
    Reading,
    Resumed,
    Saved,
    TextUsed,
    Training,
    TrainingPlanned,
    WarmStarted,
    WorkerReport,
)

READING = Reading(
    done_bytes=5_000_000, total_bytes=10_000_000, text_bytes=20_000_000, tokens=4321, seconds=0.5
)
CORPUS = CorpusRead(
    files=1,
    text_bytes=10_000,
    lines=31_102,
    tokens=789_684,
    types=12_762,
    vocabulary=5_323,
    kept_tokens=776_586,
    coverage=0.98341,
    dropped_rare=0,
    dropped_beyond_size=0,
    dropped_unlisted=0,
    dropped_too_long=0,
    invalid_bytes=0,
    unseen_words=0,
    seconds=0.1,
)
PHRASES = PhrasesFound(pass_number=1, phrases=1_089, seconds=0.41)
PLANNED = TrainingPlanned(words=776_586, epochs=13, sample=1e-4, kept_words=0.364)
USED = TextUsed(kept_words=0.364, kept_pairs=0.321, median_uses=152.4, words_without_pairs=2)
TRAINING = Training(
    epoch=2,
    epochs=5,
    done_words=1_500_000,
    total_words=5_000_000,
    words_per_second=2_500_000.0,
    loss=2.34567,
    lr=0.0351,
    seconds=0.6,
    seconds_left=1.4,
)
CLUSTER_TIMES = ClusterTimes(
    rounds=40,
    training=5.0,
    merging=1.0,
    waiting=0.5,
    moving=3.5,
    starting=2.0,
    lost=1.5,
    lost_rounds=1,
    moved_bytes=400_000_000,
)
WORKERS = ClusterWorkers(
    (
        WorkerReport("worker 1", "node1", 16, 32, 50_250_000.0),
        WorkerReport("worker 2", "node2", 1, 1, None),
    )
)
EPOCH = EpochDone(
    epoch=2,
    epochs=5,
    loss=2.5,
    validation_loss=None,
    centers=250_000,
    pairs=946_942,
    words=1_000_000,
    lr=0.03,
    seconds=0.25,
)
SAVED = Saved(
    path="kjv.w2v",
    words=5323,
    dim=128,
    words_per_second=5_740_000.0,
    seconds=1.54,
    timings={
        "compiling": 0.26,
        "reading": 0.6,
        "training": 12.34,
        "stages": {"input": 0.05, "tokenizing": 0.45, "hashing": 0.4, "ranking": 0.1},
        "writing": 0.12,
    },
)
RESUMED = Resumed(epoch=4, epochs=5, share=0.375)
WARM_STARTED = WarmStarted(path="old.w2v", epochs=0, contexts=True, frozen=False)
ENCODING = Encoding(done_texts=2_000, total_texts=10_000, words=30_000, seconds=0.3)
LAYING_OUT = LayingOut(done_steps=300, total_steps=750, words=5_000, seconds=2.5)
NOTICE = Notice("a.txt is odd; omit `vocab_size=5`")
EXPORTED = Exported(path="kjv.txt", format="word2vec-text", words=5323, dim=128)
ALL = [
    Compiling(),
    WARM_STARTED,
    READING,
    CORPUS,
    RESUMED,
    PHRASES,
    PLANNED,
    TRAINING,
    WORKERS,
    EPOCH,
    USED,
    SAVED,
]
ALL += [NOTICE, ENCODING, LAYING_OUT, EXPORTED]
