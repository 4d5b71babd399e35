"""Extreme inputs: large counts, large offsets, unusual texts, options at their bounds.

Each one either trains correctly or raises an error with a message of one line.
"""

from __future__ import annotations

import dataclasses
import io
import json
import math

import numpy as np
import pytest
from click.testing import CliRunner

import w2v
from support import JIT
from w2v.cli.main import main
from w2v.cli.progress import Bars, JsonLines
from w2v.compute.random import _STEP, ALWAYS, make_key
from w2v.config import MOST_WORDS, Config
from w2v.corpus import encoded as encoded_module
from w2v.corpus import scanning
from w2v.corpus.distinct import DistinctWords
from w2v.corpus.encoded import EncodedText
from w2v.corpus.vocabulary import UNKNOWN, rank_words
from w2v.errors import ConfigError, DivergenceError, VocabularyError
from w2v.events import EpochDone, Reading, Training
from w2v.pipeline import checkpoint
from w2v.text import wordtable
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.tokenizer import Scanner, TokenCounts
from w2v.training import plan, sampling
from w2v.training import report as report_module
from w2v.training import state as training_state
from w2v.training.backends import make_backend
from w2v.training.model import (
    SCRATCH_ROWS,
    Matrices,
    aligned_zeros,
    new_matrices,
    padded_width,
    row_stride,
    rows_of,
)
from w2v.training.plan import EpochPlan
from w2v.training.report import sample_text
from w2v.training.sampling import Keys, NoiseDistribution, Sampling, keep_thresholds
from w2v.training.sgns.kernel import LearningRates, TextSpan, train_span
from w2v.training.sgns.workspace import make_workspace
from w2v.training.state import EpochStats, NoCheckpointer, TrainingSetup, TrainingState
from w2v.training.step_sizes import expected_uses
from w2v.training.trainer import Trainer

compiled_only = pytest.mark.skipif(not JIT, reason="takes too long without the compiler")
overflowing = pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")

LINES = ["the quick brown fox jumps over the lazy dog", "the dog sleeps"] * 3
TINY = {"min_count": 1, "sample": 0, "dim": 8, "epochs": 2, "threads": 1}
UNTRAINED_LOSS = 6 * math.log(2)  # with 5 negatives
EMPTY = EncodedText(np.empty(0, np.uint16), 0, 0)

# Large counts


def table_of(counts):
    """Return a word table of w0, w1, ... with the given counts."""
    scanner = Scanner(character_tables(WordDefinition("whitespace", False)))
    scanner.scan(" ".join(f"w{i}" for i in range(len(counts))).encode())
    scanner.words.counts[:] = counts
    return scanner.words


def distinct(counts):
    return DistinctWords([table_of(counts)])


@pytest.mark.parametrize(
    "counts",
    [
        [2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1, 5, 2**31],
        [2**62, 2**61, 2**61 + 1, 2**60, 2**53 + 1, 2**53],
    ],
    ids=["around 32 bits", "around 63 bits"],
)
def test_large_counts_are_ranked(counts):
    vocabulary, ranks = rank_words(distinct(counts), vocab_size=5, min_count=6)
    expected = sorted(range(len(counts)), key=lambda i: (-counts[i], f"w{i}"))[:5]
    assert vocabulary.words == [f"w{i}" for i in expected]
    assert vocabulary.counts.tolist() == [counts[i] for i in expected]
    of_word = {word: rank for rank, word in enumerate(expected)}
    assert ranks.tolist() == [of_word.get(i, UNKNOWN) for i in range(len(counts))]


def test_a_minimum_count_may_exceed_32_bits():
    with pytest.raises(VocabularyError, match=r"occurs 4,294,967,296 times"):
        rank_words(distinct([2**32, 3]), vocab_size=5, min_count=2**32 + 1)
    assert len(rank_words(distinct([2**32, 3]), vocab_size=5, min_count=2**32)[0]) == 1


def test_a_table_counts_beyond_32_bits():
    table, other = table_of([0, 0]), table_of([2**40, 2**31])
    data = np.frombuffer(b"w1" + bytes(wordtable.SLACK), np.uint8).copy()
    starts, lengths = np.zeros(3, np.int64), np.full(3, 2, np.int32)
    hashes = np.full(3, wordtable.hash_word(data, 0, 2), np.uint64)
    table.add(wordtable.Words(data, starts, lengths, hashes), times=2**31)
    assert table.counts.tolist() == [0, 3 * 2**31]
    assert DistinctWords([table, other]).counts.tolist() == [2**40, 2**33, 0, 0]


def test_more_words_than_ids_are_rejected(monkeypatch):
    monkeypatch.setattr(wordtable, "_MAX_WORDS", 4)
    monkeypatch.setattr("w2v.text.tokenizer.WordTable", lambda: wordtable.WordTable(1))
    assert len(w2v.train(["a b c d"], **TINY)) == 4
    with pytest.raises(VocabularyError, match=r"^the corpus has more than 4 distinct words, .*"):
        w2v.train(["a b c d e"], **TINY)


def test_row_numbers_fit_31_bits():
    # The row for out-of-vocabulary words, and the scratch rows of each thread.
    assert np.iinfo(np.int32).max >= MOST_WORDS + 1 + SCRATCH_ROWS * 1_024
    Config(vocab_size=MOST_WORDS)
    with pytest.raises(ConfigError, match="vocab_size must be an integer"):
        Config(vocab_size=MOST_WORDS + 1)


@pytest.mark.parametrize("power", [31, 32, 60])
def test_subsampling_and_noise_depend_on_shares_only(power):
    counts = np.array([5, 2, 1, 1, 0])
    many = counts << power
    thresholds = [keep_thresholds(some[:4], 1e-2).tolist() for some in (many, counts)]
    assert thresholds[0] == thresholds[1]
    assert max(thresholds[0]) < ALWAYS
    for exponent in (0.75, 1.0, -10.0, 10.0):
        ours, theirs = (NoiseDistribution.from_counts(n, exponent) for n in (many, counts))
        np.testing.assert_array_equal(ours.thresholds, theirs.thresholds)
        np.testing.assert_array_equal(ours.aliases, theirs.aliases)


def test_the_largest_and_smallest_counts_in_one_vocabulary():
    counts = np.array([2**63 - 1, 2**32, 1])
    assert keep_thresholds(counts, 1e-3).tolist()[1:] == [ALWAYS, ALWAYS]
    for exponent, word in ((10, 0), (-10, 2)):
        noise = NoiseDistribution.from_counts(counts, exponent)
        assert {sampling.draw_noise(np.uint64(1), i, noise.thresholds, noise.aliases)
                for i in range(50)} == {word}  # fmt: skip


@pytest.fixture(params=[2**28, 2**32, 2**55], ids="times {}".format)
def multiplied(request, monkeypatch):
    """Multiply the counts of words, lines and bytes by a large factor."""
    times = request.param
    scan = scanning.scan_blocks

    def read(source, text, scanners, *arguments, **options):
        end = scan(source, text, scanners, *arguments, **options)
        for scanner in scanners.scanners:
            scanner.words.counts[:] *= times
            scanner.counts = TokenCounts(*(times * count for count in scanner.counts))
        return dataclasses.replace(end, bytes=end.bytes * times, lines=end.lines * times)

    def true_uses(counts, *arguments):
        """The uses in the text itself. With all of them, the steps would be tiny."""
        uses = expected_uses(counts, *arguments)
        assert (uses > 0).all()
        assert np.isfinite(uses).all()
        return uses / np.float32(times)

    whole = w2v.train(LINES, vocab=None, **LARGE)  # with the true counts
    monkeypatch.setattr(scanning, "scan_blocks", read)
    monkeypatch.setattr(training_state, "expected_uses", true_uses)
    return times, whole


LARGE = TINY | {"sample": 0.05, "vocab_size": 7, "train_unk": True, "epochs": 1, "threads": 2}


def test_multiplied_counts_give_the_same_model(multiplied, tmp_path):
    times, whole = multiplied
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES))
    model = w2v.train(path, output=tmp_path / "m", **LARGE)
    assert model.words == whole.words
    assert model.counts.tolist() == [times * count for count in whole.counts.tolist()]
    assert model.matrix.tobytes() == whole.matrix.tobytes()
    assert model.unknown.tobytes() == whole.unknown.tobytes()
    assert np.load(tmp_path / "m" / "counts.npy").tolist() == model.counts.tolist()
    assert w2v.load(tmp_path / "m").counts.tolist() == model.counts.tolist()
    recorded = json.loads((tmp_path / "m" / "meta.json").read_text())["corpus"]
    before = whole.meta["corpus"]
    for name in ("text_bytes", "lines", "tokens", "kept_tokens", "dropped_beyond_size"):
        assert recorded[name] == times * before[name]
    assert recorded["coverage"] == before["coverage"]
    result = CliRunner().invoke(main, ["vocab", str(path), "--min-count", "1", "--threads", "2"])
    assert result.stdout.splitlines()[0] == f"0\tthe\t{times * 9}"
    assert f"{times * 36:,} words in {times * 6:,} lines" in result.stderr


def test_a_checkpoint_holds_large_counts(multiplied, tmp_path):
    times, whole = multiplied
    path = tmp_path / "text.txt"
    path.write_text("\n".join(LINES))

    def stop(event):
        if isinstance(event, EpochDone):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        w2v.train(path, output=tmp_path / "m", observer=stop, **LARGE)
    model = w2v.resume(tmp_path / "m")
    assert model.counts.tolist() == [times * count for count in whole.counts.tolist()]
    assert model.matrix.tobytes() == whole.matrix.tobytes()


# Large offsets

SPAN = 50
SPANS_BEFORE = 2**32 // SPAN + 7
OFFSET = SPAN * SPANS_BEFORE  # exceeds 32 bits, as a number of positions and of bytes
SHORT_LINES = [
    [0, 1, 2, 3, 4, 5, 6, 0, 1],
    [2],
    [7, 3, 1, 0],
    [5, 5, 5, 6, 7, 4, 4, 0, 2, 1, 1],
] * 4
COUNTS = np.bincount(np.concatenate(SHORT_LINES))


def encoded(lines, dtype=np.uint16):
    end = np.iinfo(dtype).max
    ids = np.array([value for line in lines for value in (*line, end)], dtype)
    ids.flags.writeable = False  # like a mapped file; kernels are compiled for that
    return ids


@pytest.fixture
def offset_text(tmp_path):
    """Return a factory of texts whose words start at a large offset in a sparse file."""

    def make(dtype=np.uint16):
        ids = encoded(SHORT_LINES, dtype)
        path = tmp_path / "far"
        with path.open("wb") as file:
            file.seek((OFFSET - 1) * ids.itemsize)
            # The position before the words is the end of another line.
            file.write(np.append(ids[-1:], ids).tobytes())
        return EncodedText.open(path, dtype, 2**32 + 100, 2**31 + 5)

    return make


def shifted(keys: Keys, positions: int) -> Keys:
    """Return keys whose subsampling decisions are shifted by a number of positions."""
    subsampling = (int(keys.subsampling) + positions * int(_STEP)) % 2**64
    return keys._replace(subsampling=np.uint64(subsampling))


def random_setup(counts, **options):
    """Return a setup with random matrices."""
    config = Config(**{"dim": 8, "epochs": 1, "threads": 1, "sample": 0.03} | options)
    setup = TrainingSetup.of(counts, config)
    random = np.random.default_rng(1)
    for flat in setup.matrices[:2]:
        rows = rows_of(flat, setup.matrices, len(counts), 8)
        rows[:] = random.normal(size=rows.shape)
    return setup


def workspace_of(setup):
    return make_workspace(setup.span_positions, setup.words, setup.matrices.stride, setup.sampling)


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
@pytest.mark.parametrize("options", [{}, {"shrink_windows": True, "window": 3}], ids=str)
def test_training_a_span_does_not_depend_on_its_offset(dtype, options, offset_text):
    near = encoded(SHORT_LINES, dtype)
    far = offset_text(dtype).ids
    assert far.nbytes > len(far) > 2**32
    end_of_line = np.iinfo(dtype).max
    keys = Keys(*(make_key(3, purpose) for purpose in (1, 2, 3)))
    rates = LearningRates(0.1, 0.05)
    stats = []
    trained = []
    for ids, before, span_keys in ((near, 0, shifted(keys, OFFSET)), (far, OFFSET, keys)):
        setup = random_setup(COUNTS, **options)
        for begin, end in ((0, 61), (61, len(near))):
            span = TextSpan(ids, before + begin, before + end, end_of_line)
            work = workspace_of(setup)
            stats.append(train_span(span, setup.matrices, setup.sampling, span_keys, rates, work))
        trained.append(setup.matrices.vectors.tobytes() + setup.matrices.contexts.tobytes())
    assert stats[:2] == stats[2:]
    assert stats[0].pairs > 20
    assert trained[0] == trained[1]


def test_an_epoch_is_resumed_at_a_large_offset(offset_text, monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", SPAN)
    monkeypatch.setattr(report_module, "_MOST_PIECES", 1)  # for runs without the compiler
    near, text = encoded(SHORT_LINES), offset_text()
    events = []
    far, expected = random_setup(COUNTS), random_setup(COUNTS)
    trainer = Trainer(far, make_backend(far), events.append, NoCheckpointer())
    before = EpochStats(OFFSET, 2**32, 2**34, 2.0**34, 2**33, 3 * 2.0**33)
    state = trainer.run_epoch(text, EMPTY, TrainingState(SPANS_BEFORE, 0, before, 1.0))
    report = state.reports[0]

    pairs = 0
    epoch = EpochPlan.of_training(text, far.config, 0)
    for span, begin in enumerate(range(0, len(near), SPAN)):
        end = min(begin + SPAN, len(near))
        progress = [(OFFSET + position) / len(text.ids) for position in (begin, end)]
        rates = LearningRates(*(0.05 * (1 - 0.9999 * share) for share in progress))
        pairs += train_span(
            TextSpan(near, begin, end, 0xFFFF),
            expected.matrices,
            expected.sampling,
            shifted(epoch.keys(SPANS_BEFORE + span), OFFSET),
            rates,
            workspace_of(expected),
        ).pairs
    assert report.pairs == 2**34 + pairs > 2**34
    measured = EpochPlan.of_validation(sample_text(text), expected.config)
    backend = make_backend(expected)
    steps = [backend.run_step(measured, i, 0) for i in range(backend.step_count(measured))]
    assert report.loss == pytest.approx(sum(steps, EpochStats()).loss, rel=1e-5)
    np.testing.assert_allclose(far.matrices.vectors, expected.matrices.vectors, atol=1e-7)
    start = random_setup(COUNTS).matrices.vectors
    assert np.abs(far.matrices.vectors - start).max() > 1e-5  # the learning rate is 5e-6
    progress = [event for event in events if isinstance(event, Training)][-1]
    assert progress.done_words == progress.total_words == text.words
    assert progress.seconds_left == 0.0
    assert progress.loss == pytest.approx(4.0, rel=1e-6)


class Sparse:
    """Ids after a large gap, with support for slicing alone."""

    dtype = np.dtype(np.uint16)

    def __init__(self, before: int, ids: np.ndarray) -> None:
        self.before = before
        self.ids = ids

    def __len__(self) -> int:
        return self.before + len(self.ids)

    def __getitem__(self, part: slice) -> np.ndarray:
        start, stop = (max(position - self.before, 0) for position in (part.start, part.stop))
        return self.ids[start:stop]


def test_lines_and_pairs_do_not_depend_on_the_offset():
    near = EncodedText(encoded([[3], *SHORT_LINES]), 0, 0)
    first_end = 2**32 + encoded_module._IDS_PER_STEP  # the end of an empty line
    far = EncodedText(Sparse(first_end, encoded([[], *SHORT_LINES])), 0, 0)
    assert [line.tolist() for line in far.sentences()] == [[], *SHORT_LINES]
    assert list(w2v.skipgram_pairs(far)) == list(w2v.skipgram_pairs(near))
    blocks = [np.concatenate(list(w2v.skipgram_pair_blocks(text))) for text in (far, near)]
    assert blocks[0].tolist() == blocks[1].tolist()
    assert checkpoint._highest_id(far) == 7


@pytest.mark.parametrize(
    "ids",
    [[2**31, 1], np.array([2**31, 1], np.uint32), np.array([1, 2**40]), np.array([-(2**31) - 1])],
    ids=repr,
)
def test_ids_beyond_32_bits_are_rejected(ids):
    with pytest.raises(ConfigError, match=r"^ids must fit 32 bits, got -?\d+; number the w"):
        list(w2v.skipgram_pair_blocks([ids]))
    assert len(list(w2v.skipgram_pairs([[2**40, 1]]))) == 2


@pytest.mark.parametrize("ids", [[2, 1.7], ["a", "b"], [2**70, 1], [True]], ids=repr)
def test_items_that_are_not_ids_are_rejected(ids):
    with pytest.raises(ConfigError, match=r"^skipgram_pair_blocks needs integers as words, got \["):
        list(w2v.skipgram_pair_blocks([ids]))


def test_the_largest_ids_fit_a_block():
    ids = np.array([2**31 - 1, 0], np.uint32)
    assert np.concatenate(list(w2v.skipgram_pair_blocks(ids))).tolist() == [
        [2**31 - 1, 0],
        [0, 2**31 - 1],
    ]


@pytest.mark.parametrize(
    ("last", "dtype"), [(65_534, np.uint16), (65_535, np.uint32), (65_536, np.uint32)]
)
def test_training_does_not_depend_on_the_width_of_ids(last, dtype):
    lines = [[0, 1, 2], [2, 1, 0, 2, 2], [2]]
    trained = []
    for words, kind in ((3, np.uint16), (last + 1, dtype)):
        ids = encoded([[last - 2 + i if words > 3 else i for i in line] for line in lines], kind)
        stride = row_stride(8)
        flat = aligned_zeros((words + SCRATCH_ROWS) * stride)
        model = Matrices(
            flat, aligned_zeros(len(flat)), stride, padded_width(8), np.ones(words + SCRATCH_ROWS)
        )
        rows = rows_of(flat, model, words, 8)[-3:]
        rows[:] = np.arange(1, 25).reshape(3, 8) / 10
        # The negative samples are always the first of the three words.
        noise = np.full(words, words - 3, np.int32)
        thresholds = np.full(words + 1, ALWAYS, np.uint32)
        settings = Sampling(thresholds, np.zeros(words, np.uint32), noise, 2, False, 5, 4, 2)
        work = make_workspace(len(ids), words, stride, settings)
        keys = Keys(*(np.uint64(i) for i in range(3)))
        span = TextSpan(ids, 0, len(ids), np.iinfo(kind).max)
        stats = train_span(span, model, settings, keys, LearningRates(0.1, 0.1), work)
        trained.append((stats, rows.tobytes(), model.contexts[(words - 3) * stride :].tobytes()))
    assert trained[0] == trained[1]
    assert trained[0][0].pairs == 6 + 14


def test_progress_shows_numbers_beyond_32_bits(tmp_path):
    reading = Reading(2**40, 2**41, 2**42, 2**39, 1000.0)
    assert str(reading).startswith(
        "reading: 1,099,511,627,776 of 2,199,023,255,552 bytes, 549,755,813,888 words, 4398 MB/s"
    )
    training = Training(1, 2, 2**39, 2**40, 1e6, 4.0, 0.05, 5e5, 5e5)
    assert str(training).startswith("training: 50 %, epoch 1/2, 1.00 million words/s")
    with JsonLines(str(tmp_path / "log")) as json_lines:
        json_lines(training)
    assert json.loads((tmp_path / "log").read_text())["total_words"] == 2**40
    for event, shown in ((reading, "1.10T/2.20T"), (training, "550G/1.10T")):
        stream = io.StringIO()
        bars = Bars(stream)
        bars(event)
        bars._bar.refresh()
        assert "50%|" in stream.getvalue()
        assert shown in stream.getvalue()
        bars.close()


# Unusual texts


def check_model(model, words, dim=8):
    """Check the properties of every model, and return the loss after each epoch."""
    assert model.matrix.shape == (words, dim)
    assert model.matrix.dtype == np.float32
    assert np.isfinite(model.matrix).all()
    assert model.matrix.any(axis=1).all()
    for word in model.words[:3]:
        nearest = model.most_similar(word)
        cosines = [cosine for _, cosine in nearest]
        assert len(nearest) == min(words - 1, 10)
        assert sorted(cosines, reverse=True) == cosines
        assert all(-1 <= cosine <= 1 for cosine in cosines)
    losses = [epoch["loss"] for epoch in model.meta["epochs"]]
    assert all(0 < loss < 1.05 * (1 + model.meta["config"]["negatives"]) * math.log(2)
               for loss in losses)  # fmt: skip
    return losses


MOSTLY_ONE = [" ".join(["a"] * 666 + ["b", "c", "b"])] * 3


def test_a_text_dominated_by_one_word():
    model = w2v.train(MOSTLY_ONE, **TINY | {"sample": 1e-4, "epochs": 8})
    assert (model.counts / model.counts.sum())[0] > 0.995
    losses = check_model(model, 3)
    assert losses[-1] < UNTRAINED_LOSS


@compiled_only
def test_a_dominant_word_without_subsampling_needs_the_advised_options():
    corpus = [" ".join(["a"] * 999 + ["b"])] * 10
    with pytest.raises(DivergenceError, match=r"than `lr=0\.05`, for example `lr=0\.0125`, or a"):
        w2v.train(corpus, **TINY)
    losses = check_model(w2v.train(corpus, **TINY | {"lr": 0.0125}), 2)
    assert losses[-1] == pytest.approx(SELF_NOISE_LOSS, abs=0.01)
    losses = check_model(w2v.train(corpus, **TINY | {"negative_sharing": 1}), 2)
    assert losses[-1] == pytest.approx(SELF_NOISE_LOSS, abs=0.01)


# The minimum loss if a word is its own context and all five negatives: at s(score) = 1/6.
SELF_NOISE_LOSS = math.log(6) + 5 * math.log(6 / 5)


def test_a_text_of_two_words():
    model = w2v.train(["a b"], **TINY)
    assert model.words == ["a", "b"]
    check_model(model, 2)
    assert [word for word, _ in model.most_similar("a")] == ["b"]
    assert [epoch["pairs"] for epoch in model.meta["epochs"]] == [2, 2]


@pytest.mark.parametrize("options", [{}, {"train_unk": True}], ids=str)
def test_a_vocabulary_of_one_word(options, sized):
    lines = ["a a b a a"] * sized(1_000)
    model = w2v.train(lines, **TINY | {"vocab_size": 1}, **options)
    assert model.words == ["a"]
    losses = check_model(model, 1)
    assert losses[-1] < UNTRAINED_LOSS
    assert model.most_similar("a") == []
    if options:
        assert np.isfinite(model.unknown).all()
        assert model.unknown.any()
    elif JIT:
        assert losses[-1] == pytest.approx(SELF_NOISE_LOSS, abs=0.01)


@pytest.mark.parametrize("unk", [False, True])
def test_lines_of_one_word_have_no_pairs(unk):
    options = TINY | {"train_unk": unk, "vocab_size": 2 if unk else 9}
    message = (
        r"^there is no pair to train on: the text has 30 words of the vocabulary in 30 lines, and "
        "no line has two of them; use more text$"
    )
    with pytest.raises(VocabularyError, match=message):
        w2v.train(["a", "b", "c"] * 10, **options)


def test_out_of_vocabulary_words_have_pairs():
    with pytest.raises(VocabularyError, match="no pair"):
        w2v.train(["a b", "a c"], **TINY | {"vocab_size": 1})
    model = w2v.train(["a b", "a c"], **TINY | {"vocab_size": 1}, train_unk=True)
    assert model.meta["epochs"][0]["pairs"] == 4
    check_model(model, 1)


@pytest.mark.parametrize("seed", range(4))
def test_a_text_of_two_words_is_trained_on_whatever_is_to_be_held_out(seed, caplog):
    model = w2v.train(["a b"], **TINY, validation=0.5, seed=seed)
    assert model.meta["training"]["held_out_lines"] == 0
    assert model.meta["epochs"][0]["pairs"] == 2
    assert "nothing is held out for validation, because the text is one line" in caplog.text


@pytest.mark.parametrize("seed", range(4))
def test_a_text_without_training_pairs_is_an_error(seed):
    message = (
        r"^there is no pair to train on: the text has 1 words of the vocabulary in 1 lines that "
        r"are not held out \(`validation=0.5`\), and no line has two of them; use more text$"
    )
    with pytest.raises(VocabularyError, match=message):
        w2v.train(["a", "b"], **TINY, validation=0.5, seed=seed)


@compiled_only
@pytest.mark.parametrize("unk", [False, True])
def test_one_line_of_a_million_words(unk):
    line = " ".join(["a b c d"] * 250_000)
    options = TINY | {"epochs": 1, "vocab_size": 3 if unk else 4}
    model = w2v.train([line], **options, train_unk=unk)
    check_model(model, 3 if unk else 4)
    assert model.meta["corpus"]["lines"] == 1
    assert model.meta["epochs"][0]["pairs"] == 4 * 1_000_000 - 6


def test_a_million_empty_lines(sized):
    lines = sized(1_000_000)
    model = w2v.train(["\n" * lines + "a b a b" + "\n" * lines], **TINY)
    assert model.meta["corpus"]["lines"] == 1
    check_model(model, 2)
    with pytest.raises(VocabularyError, match=r"^the corpus has no words: [\d,]+ bytes of text"):
        w2v.train(["\n" * lines], **TINY)


def test_a_million_lines_with_two_words(sized):
    model = w2v.train([*[""] * sized(1_000_000), "a b", "b a"], **TINY)
    assert model.meta["corpus"]["lines"] == 2
    check_model(model, 2)


# Options at their bounds


@pytest.mark.parametrize("dim", [1, 7, 15, 16, 17, 129])
def test_dims_around_the_width_of_a_vector(dim):
    model = w2v.train(LINES, **TINY | {"dim": dim, "epochs": 4}, train_unk=True, vocab_size=8)
    losses = check_model(model, 8, dim)
    assert losses[-1] < losses[0]
    assert model.unknown.shape == (dim,)


@pytest.mark.parametrize(
    "options",
    [
        {"negatives": 30},
        {"shared_negatives": 50},
        {"shared_negatives": 50, "negative_sharing": 1_000_000},
        {"shared_negatives": 1, "negative_sharing": 1},
        {"noise_exponent": 10.0},
        {"noise_exponent": -10.0},
        {"noise_exponent": 0.0},
        {"window": 1_000, "shrink_windows": True, "shared_negatives": 8, "negative_sharing": 4},
        {"lr": 0.1, "lr_min": 0.1},
    ],
    ids=str,
)
def test_training_with_options_at_their_bounds(options):
    model = w2v.train(LINES[:4], **TINY | {"epochs": 4}, **options)
    losses = check_model(model, 9)
    assert losses[-1] < losses[0]


@overflowing
@compiled_only
def test_divergence_suggests_a_learning_rate():
    with pytest.raises(DivergenceError, match=r"than `lr=0\.05`, for example `lr=0\.0125`, or"):
        w2v.train(
            LINES * 5,
            **TINY | {"epochs": 200},
            negatives=1_000,
            shared_negatives=1,
            noise_exponent=-10,
            lr_min=0.05,
            window=1,
        )


@pytest.mark.parametrize("sample", [1e-300, 5e-324])
def test_subsampling_of_every_word_is_an_error(sample):
    message = (
        rf"subsampling \(`sample={sample:g}`\) left no line .* or keep all words with `sample=0`"
    )
    with pytest.raises(VocabularyError, match=message):
        w2v.train(LINES, **TINY | {"sample": sample})


@pytest.mark.parametrize("lr", [5e-324, 1e-45, 1e-30])
def test_a_tiny_learning_rate_leaves_the_initial_vectors(lr):
    model = w2v.train(LINES, **TINY | {"lr": lr})
    assert check_model(model, 9) == pytest.approx([UNTRAINED_LOSS] * 2, rel=1e-5)
    start = new_matrices(9, Config(**TINY))
    np.testing.assert_array_equal(model.matrix, rows_of(start.vectors, start, 9, 8))


@overflowing
@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("lr", [10.0, 1e30, 1e300, 1.7e308])
def test_a_learning_rate_that_is_too_large_is_reported(lr):
    with pytest.raises(
        DivergenceError, match=r"^training diverged: .* `lr=\S+`, or a lower value than"
    ):
        w2v.train(LINES, **TINY | {"lr": lr})


@pytest.mark.parametrize("unk", [False, True])
def test_a_window_wider_than_every_line_covers_whole_lines(unk, monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 10)  # so that lines cross the bounds of spans
    shared = TINY | {"negative_sharing": 4, "shared_negatives": 8, "train_unk": unk}
    widest, wide = (
        w2v.train(LINES, **shared, vocab_size=8, window=window) for window in (1_000, 8)
    )
    assert widest.matrix.tobytes() == wide.matrix.tobytes()
    lines = [line.split() for line in LINES]
    trained = [[word for word in line if unk or word in widest.words] for line in lines]
    pairs = sum(len(line) * (len(line) - 1) for line in trained)
    assert widest.meta["epochs"][0]["pairs"] == pairs


def test_many_epochs_of_a_tiny_text():
    losses = check_model(w2v.train(["a b"], **TINY | {"epochs": 200}), 2)
    assert len(losses) == 200
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("seed", [0, 2**63 - 1])
def test_the_first_and_the_last_seed(seed, tmp_path):
    model = w2v.train(LINES, output=tmp_path / "m", **TINY | {"seed": seed})
    check_model(model, 9)
    assert w2v.load(tmp_path / "m").meta["config"]["seed"] == seed
    other = w2v.train(LINES, **TINY | {"seed": abs(seed - 1)})
    assert not np.array_equal(model.matrix, other.matrix)


def test_more_threads_than_lines_and_spans_make_no_difference():
    alone, many = (w2v.train(LINES, **TINY | {"threads": threads}) for threads in (1, 40))
    assert many.words == alone.words
    assert many.matrix.tobytes() == alone.matrix.tobytes()  # one thread does all the work


# The command line


def run(*arguments):
    return CliRunner().invoke(main, ["train", *map(str, arguments), "--quiet", "--threads", "1"])


@pytest.mark.parametrize(
    ("text", "options", "finding"),
    [
        ("a\nb\n" * 9, ["--sample", 0], "there is no pair to train on: the text has 18"),
        ("a b\n" * 9, ["--sample", 1e-300], "there is no pair to train on: the text has 18"),
        ("\n" * 999, [], "the corpus has no words: 999 bytes"),
        (
            "a b\n" * 9,
            ["--vocab-size", 2, "--train-unk"],
            "there are no out-of-vocabulary words to train on",
        ),
    ],
    ids=["one word per line", "no word sampled", "empty lines", "no out-of-vocabulary word"],
)
def test_the_command_line_reports_errors_in_one_line(text, options, finding, tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(text)
    result = run(path, "-o", tmp_path / "m", "--min-count", 1, *options)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {finding}")
    assert result.stderr.count("\n") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["text.txt"]


def test_the_command_line_trains_one_word_with_the_last_seed(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("a a b a\n" * 9)
    bounds = ["--vocab-size", 1, "--min-count", 1, "--sample", 0, "--dim", 1, "--window", 1_000]
    bounds += ["--shared-negatives", 4]
    result = run(path, "-o", tmp_path / "m", *bounds, "--seed", 2**63 - 1)
    assert (result.exit_code, result.output) == (0, "")
    model = w2v.load(tmp_path / "m")
    assert (model.words, model.matrix.shape) == (["a"], (1, 1))
    assert run(path, "--seed", 2**63).exit_code == 2
    assert run(path, "--vocab-size", MOST_WORDS + 1).exit_code == 2
