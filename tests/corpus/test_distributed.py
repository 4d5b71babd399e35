"""Reading on several workers, compared with reading on one machine."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pools import LocalPool
from support import JIT, compiled_only
from w2v.config import Config
from w2v.corpus import distributed
from w2v.corpus.build import build_corpus
from w2v.corpus.distributed import read_on_workers
from w2v.corpus.encoded import EncodedText
from w2v.errors import InputError, ResourceError, VocabularyError
from w2v.events import Notice, Reading
from w2v.system.files import Fingerprint
from w2v.text import parts
from w2v.text.parts import FilePart
from w2v.text.sources import FileSource, SourceOptions
from w2v.text.tokenizer import Scanner
from w2v.text.wordtable import _add, _find, _hash_words


@pytest.fixture(autouse=True)
def small_portions(monkeypatch):
    monkeypatch.setattr(distributed, "_LEAST_BYTES", 100)
    monkeypatch.setattr(distributed, "fetch", lambda reference: reference.value())


def random_text(lines: int, words: int = 300, seed: int = 1) -> str:
    generator = np.random.default_rng(seed)
    ids = (words * generator.random((lines, 12)) ** 3).astype(int).tolist()
    return "".join(
        " ".join(f"w{i}" for i in line[: length - 3]) + "\n"
        for line, length in zip(ids, generator.integers(3, 15, lines).tolist(), strict=True)
    )


def read(paths, pool, directory, config, *, observer=lambda event: None, words=None, extend=False):
    """Read with a pool, or without one if it is None."""
    source = FileSource(paths, SourceOptions.of(config))
    arguments = {"words": words, "extend": extend, "directory": directory, "observer": observer}
    if pool is None:
        return build_corpus(source, config, **arguments)
    return read_on_workers(source, config, pool, definition=None, **arguments)


def read_both(paths, pool, tmp_path, *, words=None, extend=False, **options):
    """Read with a pool and without; return both corpora and their notices."""
    config = Config(**{"threads": 1, "min_count": 1, **options})
    corpora, notices = [], []
    for workers in (None, pool):
        events: list[object] = []
        directory = tmp_path / f"ids-{len(corpora)}"
        directory.mkdir(exist_ok=True)
        corpora.append(
            read(paths, workers, directory, config, observer=events.append, words=words,
                 extend=extend)
        )  # fmt: skip
        notices.append([event for event in events if isinstance(event, Notice)])
    return corpora, notices


def require_equal(one, other) -> None:
    """Compare all that training uses."""
    assert other.vocabulary.words == one.vocabulary.words
    assert other.vocabulary.counts.tolist() == one.vocabulary.counts.tolist()
    assert other.unknown_count == one.unknown_count
    assert {**other.report.as_dict(), "seconds": 0} == {**one.report.as_dict(), "seconds": 0}
    assert other.definition == one.definition
    assert (other.text.words, other.text.lines) == (one.text.words, one.text.lines)
    assert other.text.size == one.text.size
    assert other.text.end_of_line == one.text.end_of_line
    assert other.text.longest_line == one.text.longest_line
    assert [other.text.count_pairs(w) for w in (1, 2, 5)] == [
        one.text.count_pairs(w) for w in (1, 2, 5)
    ]
    size = one.text.size
    ranges = [
        (0, size),
        (size // 3, size // 2),
        (size, size),
        *[(i, i + 1) for i in range(0, size, 97)],
    ]
    for mine, theirs in zip(one.text.read(ranges), other.text.read(ranges), strict=True):
        assert theirs.dtype == mine.dtype
        assert theirs.tolist() == mine.tolist()
    assert other.held_out.ids.tolist() == one.held_out.ids.tolist()
    assert (other.held_out.words, other.held_out.lines) == (one.held_out.words, one.held_out.lines)


@pytest.fixture
def corpus(tmp_path) -> list[Path]:
    """Files of several kinds and sizes, one of them damaged."""
    paths = [tmp_path / name for name in ("a.txt", "b.txt.gz", "c.txt", "d.txt", "e.txt")]
    paths[0].write_text("﻿" + random_text(200 if JIT else 60), encoding="utf-8")
    paths[1].write_bytes(gzip.compress(random_text(100 if JIT else 30, seed=2).encode()))
    paths[2].write_bytes(random_text(30, seed=3).encode() + b"caf\xe9 na\xc3\xafve e\xcc\x81te\n")
    paths[3].write_text("")
    paths[4].write_text("no line end here", encoding="utf-8")
    return paths


@pytest.mark.parametrize("workers", [1, 2, 3, 7] if JIT else [2])
def test_the_corpus_is_that_of_one_machine(corpus, workers, tmp_path):
    (one, other), (notices, others) = read_both(corpus, LocalPool(workers), tmp_path)
    require_equal(one, other)
    assert others == notices
    assert any("not valid" in str(notice) for notice in notices)


@pytest.mark.parametrize(
    "options",
    [
        {"min_count": 5},
        {"vocab_size": 20},
        {"vocab_size": 20, "min_count": 3, "train_unk": True},
        {"validation": 0.1},
        {"validation": 0.3, "seed": 7, "vocab_size": 10},
        {"words": ["w1", "w2", "absent", "w250"]},
        {"words": ["w1", "absent"], "train_unk": True},
        {"words": ["w7", "w90"], "extend": True, "vocab_size": 30, "min_count": 2},
        {"words": ["w7", "w90"], "extend": True, "vocab_size": 1},
        {"tokenizer": "whitespace", "lowercase": False},
    ],
    ids=str,
)
def test_options_have_the_same_effect(corpus, options, tmp_path):
    (one, other), (notices, others) = read_both(corpus, LocalPool(3, cores=2), tmp_path, **options)
    require_equal(one, other)
    assert others == notices


def test_records_are_read_whole(tmp_path):
    paths = []
    for i in range(3):
        paths.append(tmp_path / f"{i}.jsonl")
        lines = random_text(80, seed=i).splitlines()
        paths[-1].write_text("".join(json.dumps({"t": line}) + "\n" for line in lines))
    (one, other), _ = read_both(paths, LocalPool(2), tmp_path, json_field="t")
    require_equal(one, other)


def test_a_large_compressed_file_is_noted(tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "_HUGE_BYTES", 10)
    paths = [tmp_path / "a.gz", tmp_path / "b.txt"]
    paths[0].write_bytes(gzip.compress(random_text(400).encode()))
    paths[1].write_text("w1 w2\n")
    (one, other), (_, notices) = read_both(paths, LocalPool(2), tmp_path)
    require_equal(one, other)
    assert "one worker reads it alone; decompress it" in str(notices[0])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.lists(
        st.text(alphabet="ab é\n\r\t'Ⅷ中", max_size=60), min_size=1, max_size=4
    ),
    size=st.integers(1, 40),
    workers=st.integers(1, 4),
)  # fmt: skip
def test_any_text_is_cut_without_a_difference(data, size, workers, tmp_path, monkeypatch):
    monkeypatch.setattr(distributed, "_LEAST_BYTES", size)
    monkeypatch.setattr(distributed, "_PORTIONS_PER_WORKER", 1000)
    paths = []
    for i, text in enumerate(data):
        paths.append(tmp_path / f"{i}.txt")
        paths[-1].write_bytes(text.encode())
    try:
        (one, other), (notices, others) = read_both(paths, LocalPool(workers), tmp_path)
    except VocabularyError:
        return
    require_equal(one, other)
    assert others == notices


def test_no_kernel_is_compiled_for_arrays_of_the_store(corpus, tmp_path):
    """They are read-only, which is another type for the compiler."""
    read(corpus, LocalPool(2), tmp_path, Config(threads=1, min_count=1))
    read(corpus, None, tmp_path, Config(threads=1, min_count=1))
    after = [len(getattr(kernel, "signatures", ())) for kernel in (_add, _find, _hash_words)]
    assert max(after) <= 1


def test_the_times_of_a_portion_are_its_own(corpus, tmp_path, monkeypatch):
    scan = Scanner.scan

    def take_a_second(scanner, block):
        ids = scan(scanner, block)
        scanner.tokenizing += 1.0
        return ids

    monkeypatch.setattr(Scanner, "scan", take_a_second)
    pool = LocalPool(1)
    found = read(corpus, pool, tmp_path, Config(threads=1, min_count=1))
    scanned = pool.calls.count("_count") + pool.calls.count("_encode")
    assert scanned > 10
    assert scanned - 10 < found.times.tokenizing < 2 * scanned


# A worker is lost at any of its calls, or several are


@compiled_only
def test_a_lost_worker_changes_nothing(corpus, tmp_path):
    whole = LocalPool(3)
    read_both(corpus, whole, tmp_path, validation=0.1)
    calls = len(whole.calls)
    assert {"_count", "_divide", "_find_candidates", "_encode"} <= set(whole.calls)
    for lost in range(1, calls + 1, 5):
        pool = LocalPool(3, lose=lambda number, _, lost=lost: number == lost)
        (one, other), _ = read_both(corpus, pool, tmp_path, validation=0.1)
        require_equal(one, other)
        assert len(pool.calls) > calls


def test_portions_are_encoded_again_for_a_worker_that_has_lost_them(corpus, tmp_path):
    pool = LocalPool(2)
    (one, other), _ = read_both(corpus, pool, tmp_path)
    for member in pool.members:
        member.actor.clear()
        member.actor["marks"] = {}
    require_equal(one, other)


def test_workers_that_are_lost_again_and_again_are_an_error(corpus, tmp_path):
    pool = LocalPool(2, lose=lambda *_: True)
    with pytest.raises(ResourceError, match="workers were lost 10 times while they read"):
        read(corpus, pool, tmp_path, Config(threads=1))


def test_a_worker_that_counted_too_much_counts_again(corpus, tmp_path, monkeypatch):
    """A worker was away, and what it had counted was counted by another one."""
    pool = LocalPool(2)
    divide = distributed._divide
    again = FilePart(str(corpus[0]), *3 * [0])._replace(size=corpus[0].stat().st_size)

    def divide_later(state, key, numbers, divisions):
        if "been" not in pool.calls:
            pool.calls.append("been")
            state["reading"].counter.count(999, [again._replace(end=again.size)])
        return divide(state, key, numbers, divisions)

    monkeypatch.setattr(distributed, "_divide", divide_later)
    (one, other), _ = read_both(corpus, pool, tmp_path)
    require_equal(one, other)


def test_a_portion_that_two_workers_have_counted_counts_once(corpus, tmp_path, monkeypatch):
    pool = LocalPool(2)
    add_up = distributed._Reader._add_up

    def add_up_later(reader, job, choice, counts):
        first, second = pool.members
        number = min(first.marks["counted portions"])
        second.actor["reading"].counter.count(number, reader._portions[number])
        second.actor["marks"]["counted portions"].add(number)
        pool.regroup()
        return add_up(reader, job, choice, counts)

    monkeypatch.setattr(distributed._Reader, "_add_up", add_up_later)
    (one, other), _ = read_both(corpus, pool, tmp_path)
    require_equal(one, other)


@pytest.mark.parametrize("vocab_size", [1, 7, 20, 50])
def test_words_with_equal_counts_compete_for_the_last_place(vocab_size, corpus, tmp_path):
    (one, other), _ = read_both(corpus, LocalPool(1), tmp_path, vocab_size=vocab_size)
    require_equal(one, other)


# Errors


def test_a_file_in_another_encoding_is_refused(tmp_path):
    path = tmp_path / "latin.txt"
    path.write_bytes("déjà vu à côté\n".encode("latin-1") * 50)
    expected = r"latin.txt is not UTF-8: 250 of.*pass `encoding='windows-1252'`"
    with pytest.raises(InputError, match=expected):
        read([path], LocalPool(1), tmp_path, Config(threads=1))


def test_a_file_is_judged_as_a_whole(tmp_path):
    """A part of it would be refused alone, or accepted."""
    path = tmp_path / "mixed.txt"
    for damaged in (20, 90):
        text = "é\n".encode() * 700 + b"\xe9\n" * damaged
        path.write_bytes(text)
        messages = []
        for pool in (None, LocalPool(2)):
            events = []
            config = Config(threads=1, min_count=1)
            try:
                read([path], pool, tmp_path, config, observer=events.append)
            except InputError as error:
                messages.append(str(error))
            else:
                messages.append([str(event) for event in events if isinstance(event, Notice)])
        assert messages[0] == messages[1]


@pytest.mark.parametrize("size", [None, 7])
def test_a_file_that_a_worker_does_not_see(size, corpus, tmp_path, monkeypatch):
    count = distributed._count

    def count_elsewhere(*arguments):
        found = None if size is None else Fingerprint("", size, 0)
        with monkeypatch.context() as patch:
            patch.setattr(parts, "fingerprint_of", lambda path: found)
            return count(*arguments)

    monkeypatch.setattr(distributed, "_count", count_elsewhere)
    what = "does not exist" if size is None else "has 7 bytes"
    expected = rf"a.txt {what} here: expected a file of [\d,]+ bytes; all machines"
    with pytest.raises(InputError, match=expected):
        read(corpus, LocalPool(2), tmp_path, Config(threads=1))


def test_a_file_that_changes_between_counting_and_encoding(tmp_path, monkeypatch):
    path = tmp_path / "a.txt"
    path.write_text("a b c\n" * 200)
    pool = LocalPool(1)
    corpus = read_both([path], pool, tmp_path)[0][1]
    pool.members[0].actor.clear()
    pool.members[0].actor["marks"] = {}
    path.write_text("b b c\n" * 200)
    with pytest.raises(InputError, match="has changed since it was read first"):
        corpus.text.read([(0, 10)])


def test_a_text_without_words(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("... !\n" * 100)
    for pool in (None, LocalPool(2)):
        with pytest.raises(VocabularyError, match="the corpus has no words: 600 bytes"):
            read([path], pool, tmp_path, Config(threads=1))


@pytest.mark.parametrize("words", [None, ["absent", "missing"]])
def test_errors_about_the_vocabulary_are_those_of_one_machine(words, corpus, tmp_path):
    config = Config(threads=1, min_count=10**6)
    messages = []
    for pool in (None, LocalPool(2)):
        with pytest.raises(VocabularyError) as caught:
            read(corpus, pool, tmp_path, config, words=words)
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_reading_is_reported(corpus, tmp_path):
    events = []
    read(corpus, LocalPool(2), tmp_path, Config(threads=1, min_count=1), observer=events.append)
    done = [event for event in events if isinstance(event, Reading)]
    assert [event.done_bytes for event in done] == sorted(event.done_bytes for event in done)
    assert done[-1].done_bytes == done[-1].total_bytes == 2 * sum(p.stat().st_size for p in corpus)


def test_the_text_is_an_encoded_text(corpus, tmp_path):
    (_, other), _ = read_both(corpus, LocalPool(2), tmp_path)
    assert isinstance(other.text, EncodedText)
