"""Reading a corpus with any number of threads, compared with the reference."""

from __future__ import annotations

import contextlib
import dataclasses
import gzip
import io
import itertools
import lzma
import os
import tempfile
import threading
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference
from w2v.config import MOST_WORDS, Config
from w2v.corpus import build as corpus_module
from w2v.corpus import spool as spool_module
from w2v.corpus.build import Corpus, build_corpus, count_words
from w2v.corpus.distinct import DistinctWords
from w2v.corpus.encoded import EncodedText
from w2v.errors import DiskFullError, InputError, OutputError, VocabularyError
from w2v.events import CorpusRead, Notice, Reading
from w2v.text import sources as reading
from w2v.text import tokenizer as tokenizer_module
from w2v.text.sources import FileSource, IterableSource
from w2v.text.tokenizer import Scanner
from w2v.text.wordtable import WordTable

ALL = {"min_count": 1, "vocab_size": MOST_WORDS}
FOX = "The quick brown fox\n\njumps over the lazy dog\nthe end\n"


def random_text(lines: int, words: int = 300, seed: int = 1) -> str:
    """Return lines of words with a decreasing distribution; some lines are empty."""
    generator = np.random.default_rng(seed)
    ids = (words * generator.random((lines, 12)) ** 3).astype(int).tolist()
    return "\n".join(
        " ".join(f"w{i}" for i in line[: length - 3])
        for line, length in zip(ids, generator.integers(3, 15, lines).tolist(), strict=True)
    )


def encode(text: str, work_dir: Path | None = None, **options) -> Corpus:
    config = Config(**{"threads": 1, **options})
    return build_corpus(IterableSource([text]), config, work_dir=work_dir and str(work_dir))


def lines_of(text: EncodedText) -> list[list[int]]:
    lines = [line.tolist() for line in text.sentences()]
    assert (len(lines), sum(map(len, lines))) == (text.lines, text.words)
    assert len(text.ids) == text.words + text.lines
    return lines


def dropped_words(report: CorpusRead) -> int:
    """Return the number of words that the report counts as dropped."""
    return (
        report.dropped_rare
        + report.dropped_beyond_size
        + report.dropped_unlisted
        + report.dropped_too_long
    )


def comparable(report: CorpusRead) -> dict[str, object]:
    return {**report.as_dict(), "seconds": None}


@pytest.fixture
def work_dir(tmp_path):
    """A directory that must be empty after the test."""
    directory = tmp_path / "work"
    directory.mkdir()
    yield directory
    assert list(directory.iterdir()) == []


@pytest.fixture
def small_blocks(monkeypatch):
    """Set the size of blocks."""
    return lambda size: monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", size)


def test_by_hand(work_dir):
    with encode(FOX, work_dir, min_count=1, vocab_size=3) as corpus:
        assert corpus.vocabulary.words == ["the", "brown", "dog"]
        assert corpus.vocabulary.counts.tolist() == [3, 1, 1]
        assert lines_of(corpus.text) == [[0, 1], [0, 2], [0]]
        assert corpus.text.ids.tolist() == [0, 1, 65535, 0, 2, 65535, 0, 65535]
        assert corpus.text.end_of_line == 65535
        assert lines_of(corpus.held_out) == []
        report = corpus.report
        assert (report.lines, report.tokens, report.types, report.vocabulary) == (3, 11, 9, 3)
        assert (report.kept_tokens, report.coverage) == (5, 5 / 11)
        assert (report.dropped_rare, report.dropped_beyond_size) == (0, 6)
        assert corpus.definition.name == "unicode"
        assert corpus.definition.lowercase is True


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from(["a", "b", "C", "c'd", "é", "日", " ", " ", "\n", "\r\n", "x" * 1001]),
        max_size=60,
    ),
    vocab_size=st.integers(1, 8),
    min_count=st.integers(1, 3),
    block=st.integers(1, 30),
    threads=st.integers(1, 3),
)
def test_any_text_is_encoded_as_the_reference(
    pieces, vocab_size, min_count, block, threads, small_blocks
):
    small_blocks(block)
    text = "".join(pieces)
    read = reference.read(text.encode())
    wanted = reference.vocabulary(read.lines, vocab_size=vocab_size, min_count=min_count)
    options = {"vocab_size": vocab_size, "min_count": min_count, "threads": threads}
    if not wanted:
        with pytest.raises(VocabularyError):
            encode(text, **options)
        return
    with encode(text, **options) as corpus:
        assert (
            dict(zip(corpus.vocabulary.words, corpus.vocabulary.counts.tolist(), strict=True))
            == wanted
        )
        assert lines_of(corpus.text) == reference.encode(read.lines, list(wanted))
        report = corpus.report
    assert report.lines == sum(bool(line) for line in read.lines)
    assert report.tokens == sum(map(len, read.lines)) + read.too_long
    assert report.kept_tokens == sum(wanted.values())
    assert report.kept_tokens + dropped_words(report) == report.tokens
    assert report.dropped_too_long == read.too_long
    assert report.types == len(set(itertools.chain(*read.lines)))
    assert report.dropped_unlisted == report.unseen_words == 0


@pytest.mark.parametrize("validation", [0, 0.3])
def test_any_number_of_threads_gives_the_same_bytes(validation, sized, small_blocks, work_dir):
    small_blocks(1000)
    text = random_text(sized(20_000))
    results = []
    for threads in (1, 2, 3):
        with encode(text, work_dir, threads=threads, validation=validation) as corpus:
            results.append(
                (
                    corpus.vocabulary.words,
                    corpus.vocabulary.counts.tobytes(),
                    corpus.text.ids.tobytes(),
                    corpus.held_out.ids.tobytes(),
                    comparable(corpus.report),
                    corpus.definition,
                )
            )
    assert results[0] == results[1] == results[2]
    assert len(results[0][2]) > sized(100_000)


READERS = {"text": bytes, "gz": gzip.compress, "xz": lzma.compress, "pipe": bytes}


@pytest.mark.parametrize("kind", READERS)
def test_files_are_encoded_as_the_reference_on_any_number_of_threads(
    kind, small_blocks, sized, work_dir, tmp_path
):
    """Workers read regular files; the calling thread reads a pipe."""
    small_blocks(300)
    texts = [random_text(sized(2000), seed=seed).encode() for seed in (1, 2)]
    read = reference.read(b"\n".join(texts))
    wanted = reference.vocabulary(read.lines, vocab_size=200, min_count=2)
    paths = [tmp_path / "a", tmp_path / "b"]
    for threads in (1, 2, 4):
        with contextlib.ExitStack() as stack:
            for path, text in zip(paths, texts, strict=True):
                path.unlink(missing_ok=True)
                if kind == "pipe":
                    os.mkfifo(path)
                    writer = threading.Thread(target=path.write_bytes, args=(text,))
                    writer.start()
                    stack.callback(writer.join)
                else:
                    path.write_bytes(READERS[kind](text))
            config = Config(threads=threads, vocab_size=200, min_count=2)
            corpus = stack.enter_context(
                build_corpus(FileSource(paths), config, work_dir=str(work_dir))
            )
            assert corpus.vocabulary.words == list(wanted)
            assert corpus.vocabulary.counts.tolist() == list(wanted.values())
            assert lines_of(corpus.text) == reference.encode(read.lines, list(wanted))
            assert corpus.report.lines == sum(bool(line) for line in read.lines)
            assert corpus.report.types == len(set(itertools.chain(*read.lines)))


def threads_that_read(source, monkeypatch) -> set[str]:
    """Read a source; return the names of the threads that did so."""
    names = set()
    blocks = type(source).blocks

    def watched(self, last_boundary):
        for block in blocks(self, last_boundary):
            names.add(threading.current_thread().name)
            yield block

    monkeypatch.setattr(type(source), "blocks", watched)
    with build_corpus(source, Config(threads=2, **ALL)):
        return names


def test_workers_read_files_and_the_calling_thread_reads_the_rest(
    small_blocks, monkeypatch, tmp_path
):
    small_blocks(100)
    monkeypatch.setattr("w2v.text.segmented.SAMPLE_BYTES", 0)  # the calling thread reads it
    (tmp_path / "file").write_text(random_text(200))
    names = threads_that_read(FileSource([tmp_path / "file"]), monkeypatch)
    assert names
    assert all(name.startswith("w2v-read") for name in names)
    here = threading.current_thread().name
    assert threads_that_read(IterableSource([random_text(200)]), monkeypatch) == {here}
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=(tmp_path / "pipe").write_text, args=(random_text(200),))
    writer.start()
    assert threads_that_read(FileSource([tmp_path / "pipe"]), monkeypatch) == {here}
    writer.join()


def test_files_and_lines_give_the_same_corpus(tmp_path):
    (tmp_path / "1").write_text("the end")
    (tmp_path / "2").write_text("the end of it\n")
    config = Config(threads=2, **ALL)
    with (
        build_corpus(FileSource([tmp_path / "1", tmp_path / "2"]), config) as files,
        build_corpus(IterableSource(["the end", "the end of it"]), config) as lines,
    ):
        assert (files.text.ids == lines.text.ids).all()
        assert files.report.files == 2
        assert files.report.lines == lines.report.lines == 2


def test_lists_of_tokens_are_encoded_unchanged():
    with build_corpus(IterableSource([["New York", "a"], ["A", "a"]]), Config(**ALL)) as corpus:
        assert corpus.vocabulary.words == ["a", "A", "New York"]
        assert lines_of(corpus.text) == [[2, 0], [1, 0]]
        assert (corpus.definition.name, corpus.definition.lowercase) == ("tokens", False)


def test_given_words_determine_the_rows():
    source = IterableSource([FOX])
    with build_corpus(source, Config(threads=1), words=["dog", "cat", "the"]) as corpus:
        assert corpus.vocabulary.words == ["dog", "cat", "the"]
        assert corpus.vocabulary.counts.tolist() == [1, 0, 3]
        assert lines_of(corpus.text) == [[2], [2, 0], [2]]
        report = corpus.report
        assert (report.dropped_unlisted, report.dropped_rare, report.unseen_words) == (7, 0, 1)
        assert report.kept_tokens + dropped_words(report) == report.tokens == 11


def test_the_report_counts_every_dropped_word():
    text = b"a a a b b b c d \xff" + b"x" * 1001 + b" a\n"
    config = Config(vocab_size=1, min_count=2, threads=1)
    with encode_bytes(text, config) as corpus:
        report = corpus.report
    assert report.tokens == 10
    assert report.kept_tokens == 4
    assert report.dropped_rare == 2
    assert report.dropped_beyond_size == 3
    assert report.dropped_too_long == 1
    assert report.invalid_bytes == 1
    assert report.kept_tokens + dropped_words(report) == report.tokens


class BytesSource:
    """A source that reads given bytes."""

    tokenized = False
    files = 0
    total_bytes = None
    done_bytes = 0

    def __init__(self, text: bytes) -> None:
        self._text = text

    def blocks(self, last_boundary):
        return reading.split_blocks(io.BytesIO(self._text), last_boundary)

    def check(self, counts):
        assert counts.size <= len(self._text) + 1

    def finish(self):
        return []


def encode_bytes(text: bytes, config: Config) -> Corpus:
    return build_corpus(BytesSource(text), config)


@pytest.mark.parametrize("size", range(1, 9))
def test_the_number_of_lines_does_not_depend_on_blocks(size, small_blocks):
    small_blocks(size)
    with encode("\na b\nrare\n\n..\nb a\r\n\n", vocab_size=9, min_count=2) as corpus:
        assert corpus.report.lines == 3
        assert lines_of(corpus.text) == [[0, 1], [1, 0]]


def test_words_can_be_counted_without_encoding():
    config = Config(threads=1, **ALL)
    vocabulary, report = count_words(IterableSource([FOX]), config)
    with encode(FOX, **ALL) as corpus:
        assert vocabulary.words == corpus.vocabulary.words
        assert (vocabulary.counts == corpus.vocabulary.counts).all()
        assert comparable(report) == comparable(corpus.report)
    vocabulary, report = count_words(IterableSource([FOX]), config, words=["dog"])
    assert (vocabulary.counts.tolist(), report.dropped_unlisted) == ([1], 10)


def test_small_files_are_scanned_together(monkeypatch, tmp_path):
    """What is done once for each block would take most of the time."""
    for i in range(300):
        (tmp_path / f"{i:03}").write_text(f"w{i} a\nb c w{i}")
    scanned = []
    scan = Scanner.scan
    monkeypatch.setattr(
        Scanner, "scan", lambda self, block: scanned.append(len(block)) or scan(self, block)
    )
    with build_corpus(FileSource([tmp_path]), Config(threads=2, **ALL)) as corpus:
        assert corpus.report.lines == 600
        assert corpus.text.lines == 600
        assert corpus.report.files == 300
    assert len(scanned) == 1


@pytest.mark.parametrize("threads", [1, 2])
def test_invalid_bytes_of_small_files_are_counted_for_each(threads, tmp_path):
    for i in range(9):
        dirt = b" \xff" * (i % 3 == 1) + b" \xe6\x97" * (i == 4)
        (tmp_path / str(i)).write_bytes("é è à ü ö ".encode() * 30 + dirt)
    notices = []
    with build_corpus(
        FileSource([tmp_path]),
        Config(threads=threads, **ALL),
        observer=lambda event: notices.append(event) if isinstance(event, Notice) else None,
    ) as corpus:
        assert corpus.report.invalid_bytes == 5
    counts = [f"{count} in {tmp_path}/{i}" for i, count in ((1, 1), (4, 3), (7, 1))]
    assert ", ".join(counts) in notices[0].message


class LateSource:
    """A source whose end takes a while, and has no text."""

    tokenized = False
    files = 1
    total_bytes = 9
    done_bytes = 0

    def blocks(self, last_boundary):
        self.done_bytes = 5
        yield b"a b a\n"
        time.sleep(0.2)
        self.done_bytes = 9

    def check(self, counts):
        assert counts.size == 6

    def finish(self):
        return []


@pytest.mark.parametrize("threads", [1, 2])
def test_the_last_report_is_that_of_the_end(threads):
    events = []
    with build_corpus(LateSource(), Config(threads=threads, **ALL), observer=events.append):
        assert (events[-1].done_bytes, events[-1].text_bytes, events[-1].tokens) == (9, 6, 3)


def test_the_observer_receives_reports(small_blocks, tmp_path):
    small_blocks(100)
    (tmp_path / "f").write_text(random_text(100))
    events = []
    source = FileSource([tmp_path / "f"])
    with build_corpus(source, Config(threads=2, **ALL), observer=events.append) as corpus:
        assert all(type(event) is Reading for event in events)
        assert len(events) > 10
        for field in ("done_bytes", "text_bytes", "tokens", "seconds"):
            values = [getattr(event, field) for event in events]
            assert values == sorted(values), field
        assert events[-1].done_bytes == events[-1].total_bytes == (tmp_path / "f").stat().st_size
        assert events[-1].tokens == corpus.report.tokens
        assert events[-1].as_dict()["stage"] == "reading"
        assert corpus.report.text_bytes == events[-1].text_bytes


@pytest.mark.parametrize(
    ("owner", "name", "stage"),
    [
        (IterableSource, "_text", "input"),
        (tokenizer_module, "_split", "tokenizing"),
        (WordTable, "add", "hashing"),
        (DistinctWords, "_number", "ranking"),
        (corpus_module, "rank_words", "ranking"),
        (spool_module, "_rename", "renaming"),
        (spool_module, "write_at", "spooling"),
        (spool_module, "append", "renaming"),
    ],
)
def test_each_stage_is_timed(owner, name, stage, monkeypatch):
    work = getattr(owner, name)

    def slow(*arguments, **options):
        time.sleep(0.2)
        return work(*arguments, **options)

    monkeypatch.setattr(owner, name, slow)
    with encode(FOX, **ALL) as corpus:
        seconds = dataclasses.asdict(corpus.times)
    assert seconds[stage] >= 0.2
    assert all(value < 0.2 for other, value in seconds.items() if other != stage)


# Lines held out


@pytest.mark.slow
def test_whole_lines_are_held_out_in_order(small_blocks, sized):
    small_blocks(50)  # shorter than some lines
    text = random_text(sized(10_000))
    with encode(text, **ALL) as corpus, encode(text, validation=0.25, **ALL) as parted:
        all_lines, training, held = map(lines_of, (corpus.text, parted.text, parted.held_out))
        assert parted.vocabulary.words == corpus.vocabulary.words
        assert comparable(parted.report) == comparable(corpus.report)
    assert len(training) + len(held) == len(all_lines)
    share = len(held) / len(all_lines)
    assert abs(share - 0.25) < 5 * (0.25 * 0.75 / len(all_lines)) ** 0.5
    rest = iter(training), iter(held)
    fronts = [next(side, None) for side in rest]
    for line in all_lines:
        side = fronts.index(line)
        fronts[side] = next(rest[side], None)
    assert fronts == [None, None]


def test_other_seeds_hold_out_other_lines():
    text = random_text(200)
    held = []
    for seed in (1, 1, 2):
        with encode(text, validation=0.5, seed=seed, **ALL) as corpus:
            held.append(lines_of(corpus.held_out))
    assert held[0] == held[1] != held[2]


def test_block_size_does_not_change_held_out_lines(small_blocks):
    text = random_text(300).replace("\n", "\n\n")
    held = []
    for size in (1 << 20, 100, 13):
        small_blocks(size)
        with encode(text, validation=0.5, **ALL) as corpus:
            held.append(lines_of(corpus.held_out))
    assert held[0] == held[1] == held[2]


def test_a_held_out_line_may_end_with_rare_words(small_blocks):
    lines = [f"often more often rare{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(300)]
    text = "\n".join(lines)
    found = []
    for size in (1 << 20, 25, 20):
        small_blocks(size)
        with encode(text, validation=0.5, min_count=2) as corpus:
            found.append((lines_of(corpus.text), lines_of(corpus.held_out)))
            assert corpus.text.lines + corpus.held_out.lines == 300
    assert found[0] == found[1] == found[2]
    assert {len(line) for side in found[0] for line in side} == {3}


def test_no_line_is_held_out_by_default(monkeypatch):
    # Even if every random number is 0, which passes every threshold.
    monkeypatch.setattr(spool_module, "_rename", always_passing())
    with encode(random_text(200), **ALL) as corpus:
        assert corpus.held_out.lines == 0
    with encode(random_text(200), validation=1e-9, **ALL) as corpus:
        assert corpus.held_out.lines == 1  # because all were


def always_passing():
    """Return `_rename` as a Python function, with every draw below every threshold."""
    rename = getattr(spool_module._rename, "py_func", spool_module._rename)
    always = {"bernoulli": lambda *arguments: True}
    return type(rename)(rename.__code__, {**rename.__globals__, **always})


@pytest.mark.parametrize(
    ("words", "dtype"), [(65_534, np.uint16), (65_535, np.uint16), (65_536, np.uint32)]
)
def test_ids_have_16_bits_up_to_65535_words(words, dtype):
    text = " ".join(f"w{i:05}" for i in range(words))
    with encode(text, **ALL) as corpus:
        assert corpus.text.ids.dtype == dtype
        assert corpus.text.end_of_line == np.iinfo(dtype).max
        assert lines_of(corpus.text) == [list(range(words))]


def test_ids_are_mapped_from_disk(work_dir):
    with encode(FOX, work_dir, **ALL) as corpus:
        assert isinstance(corpus.text.ids, np.memmap)
        assert len(list(work_dir.iterdir())) == 1
        names = sorted(path.name for path in next(work_dir.iterdir()).iterdir())
        assert names == ["held-out", "text"]


# Errors


@pytest.mark.parametrize(
    ("text", "figures"),
    [
        (b"", "0 bytes of text were read; 0 of them are not UTF-8, and 0 tokens are too long"),
        (b"... !?\n", "7 bytes of text were read; 0 of them"),
        (b". \xff\xfe .", "7 bytes of text were read; 2 of them are not UTF-8"),
        (b"x" * 1001, "1,002 bytes of text were read; 0 .*, and 1 tokens are too long"),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_a_corpus_without_words_is_an_error(text, figures, threads):
    with pytest.raises(VocabularyError, match=f"the corpus has no words: {figures}"):
        encode_bytes(text, Config(threads=threads))


def test_a_corpus_without_frequent_words_is_an_error(work_dir):
    with pytest.raises(VocabularyError, match="no word occurs 5 times: the corpus has 11 words"):
        encode(FOX, work_dir)
    with pytest.raises(VocabularyError, match="none of the 1 given words occurs"):
        build_corpus(IterableSource([FOX]), Config(), words=["x"], work_dir=str(work_dir))


def failing_lines(error: BaseException):
    yield from ["some words"] * 500
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("x"), InputError("x")])
def test_no_file_remains_when_reading_ends_early(error, small_blocks, work_dir):
    small_blocks(100)
    threads = threading.active_count()
    with pytest.raises(type(error)):
        build_corpus(
            IterableSource(failing_lines(error)), Config(threads=2, **ALL), work_dir=str(work_dir)
        )
    assert threading.active_count() == threads


def test_no_file_remains_when_the_observer_raises(small_blocks, work_dir):
    small_blocks(100)

    def interrupt(event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_corpus(
            IterableSource(["some words"] * 500),
            Config(threads=2, **ALL),
            work_dir=str(work_dir),
            observer=interrupt,
        )


def test_no_file_remains_when_encoding_is_interrupted(monkeypatch, work_dir):
    def interrupt(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(spool_module, "_rename", interrupt)
    with pytest.raises(KeyboardInterrupt):
        encode(FOX, work_dir, **ALL)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_thread_that_fails_stops_the_others(threads, monkeypatch, small_blocks, work_dir):
    small_blocks(100)
    scan = Scanner.scan
    calls = itertools.count()

    def fail(self, block):
        if next(calls) in {2, 3, 4}:
            raise MemoryError
        return scan(self, block)

    monkeypatch.setattr(Scanner, "scan", fail)
    with pytest.raises(MemoryError):
        build_corpus(
            IterableSource(["some words"] * 500),
            Config(threads=threads, **ALL),
            work_dir=str(work_dir),
        )


def test_a_missing_work_dir_is_an_error(tmp_path):
    with pytest.raises(
        OutputError, match=r"cannot create a temporary directory in .*missing: No such file"
    ):
        encode(FOX, tmp_path / "missing", **ALL)


@pytest.mark.parametrize("name", ["provisional-0", "provisional-1", "text", "held-out"])
def test_a_full_disk_is_reported_with_the_free_bytes(name, monkeypatch, small_blocks, work_dir):
    make = tempfile.TemporaryDirectory

    def full(**options):
        directory = make(**options)
        Path(directory.name, name).symlink_to("/dev/full")
        return directory

    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    message = (
        f"^cannot write the encoded text to ({work_dir}/w2v-.*): the disk is full: 0 bytes were "
        r"written, but [\d,.]+ GB are free in \1; free some space, or choose another directory "
        r"with `work_dir`$"
    )
    small_blocks(1000)
    barrier = threading.Barrier(2)
    scan = Scanner.scan

    def scan_together(self, block):  # so that both threads get a block
        with contextlib.suppress(threading.BrokenBarrierError):
            barrier.wait(1)
        return scan(self, block)

    monkeypatch.setattr(Scanner, "scan", scan_together)
    with pytest.raises(DiskFullError, match=message):
        encode(random_text(200), work_dir, validation=0.5, threads=2, **ALL)


def test_memory_holds_the_distinct_words_only(sized, small_blocks):
    small_blocks(1 << 14)
    line = " ".join(f"w{i}" for i in range(100)) + "\n"
    peaks = []
    for repeats in (sized(2000), sized(10_000)):
        source = IterableSource(line for _ in range(repeats))
        tracemalloc.start()
        with build_corpus(source, Config(threads=1, **ALL)):
            peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 1_000_000


def test_a_report_has_serializable_values():
    with encode(FOX, **ALL) as corpus:
        values = corpus.report.as_dict()
    assert set(map(type, values.values())) == {str, int, float}
    assert values["stage"] == "corpus"
    assert set(values) == {"stage", *(field.name for field in dataclasses.fields(CorpusRead))}
