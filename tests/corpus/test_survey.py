"""The survey of a corpus, compared with the reference."""

from __future__ import annotations

import bz2
import gzip
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference_survey
from support import JIT, KJV
from w2v.config import Config
from w2v.corpus.survey import Place, StoredAs, survey_corpus
from w2v.errors import InputError, VocabularyError
from w2v.events import Reading, ignore
from w2v.text.objects import IterableSource
from w2v.text.sources import FileSource, SourceOptions

TEXT = (
    "The quick brown fox\njumps\n\n  \t\nover the lazy dög's 日本 bed\r\n"
    "the quick brown fox of a long line which is the longest one by far\n"
    "e\u0301a nfd line\nthe quick brown fox\n...\n\rlast, without an end"
).encode()


PIECES = ["a", "b", "c", "é", "e\u0301", "日", ",", ".", "\t"]


def survey(source, threads=1, observer=ignore, **options):
    return survey_corpus(source, Config(min_count=1, threads=threads, **options), observer)


def of_file(tmp_path, text, **options):
    (tmp_path / "f").write_bytes(text)
    return survey(FileSource([tmp_path / "f"]), **options)


def check(found, text, tokenizer="unicode", file=None):
    """Compare what does not depend on the division into blocks."""
    expected = reference_survey.survey(text)
    words = reference_survey.words_of_lines(text, tokenizer)
    lengths = [len(line) for line in words]
    codes = np.flatnonzero(found.codes)
    counted = Counter(dict(zip(codes.tolist(), found.codes[codes].tolist(), strict=True)))
    added = Counter() if text[-1:] == b"\n" or not text else Counter([10])
    assert counted == expected.codes + added
    assert (found.lines, found.blank) == (expected.lines, expected.blank)
    assert (found.invalid, found.not_normal) == (expected.invalid, len(expected.not_normal))
    assert found.lengths == Counter(length for length in lengths if length)
    if any(lengths):
        longest = lengths.index(max(lengths))
        assert (found.longest.words, found.longest.place) == (
            max(lengths),
            Place(file, longest + 1),
        )
        line = reference_survey.split_lines(text)[longest]
        assert found.longest.text
        assert found.longest.text in line
    return expected


@pytest.mark.parametrize("threads", [1, 3])
def test_a_text_is_surveyed_as_by_the_reference(tmp_path, threads):
    found = of_file(tmp_path, TEXT, threads=threads)
    expected = check(found, TEXT, file=str(tmp_path / "f"))
    assert found.repeated.repeats == expected.repeats == 0
    assert found.first_not_normal == Place(str(tmp_path / "f"), 7)
    assert found.first_lines[1:] == [b"jumps", "over the lazy dög's 日本 bed".encode()]
    assert found.refusal is None


@pytest.mark.parametrize("tokenizer", ["unicode", "whitespace"])
@pytest.mark.parametrize("size", [*range(1, 24), 64, 100, 1000])
def test_blocks_of_any_size_give_the_same_facts(tmp_path, monkeypatch, tokenizer, size):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", size)
    text = TEXT.replace(b"\n\r", b"\n")  # a line end of one character is not split
    found = of_file(tmp_path, text, tokenizer=tokenizer, threads=2)
    check(found, text, tokenizer, str(tmp_path / "f"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    lines=st.lists(
        st.lists(st.sampled_from(PIECES), max_size=6).map(" ".join),
        max_size=12,
    ),
    size=st.integers(1, 40),
)
def test_any_lines_are_surveyed_as_by_the_reference(tmp_path, monkeypatch, lines, size):
    text = "\n".join(lines).encode()
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", size)
    check(of_file(tmp_path, text), text, file=str(tmp_path / "f"))
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 1 << 20)
    found = of_file(tmp_path, text)
    expected = check(found, text, file=str(tmp_path / "f"))
    assert found.repeated.repeats == expected.repeats
    repeated = {line: count for line, count in expected.counts.items() if count > 1}
    assert dict(found.repeated.most_frequent(99)) == repeated


@pytest.mark.slow
def test_a_real_text_is_surveyed_as_by_the_reference(tmp_path, monkeypatch):
    text = KJV.read_bytes()[: 400_000 if JIT else 20_000]
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 1 << 13)
    found = of_file(tmp_path, text, threads=2)
    expected = check(found, text, file=str(tmp_path / "f"))
    assert found.repeated.repeats == expected.repeats
    assert expected.repeats or not JIT
    most = [count for _, count in found.repeated.most_frequent(5)]
    assert most == [count for _, count in expected.counts.most_common(5) if count > 1]


def test_lines_are_numbered_in_each_file(tmp_path):
    (tmp_path / "a").write_bytes(b"one\ntwo\n\n")
    (tmp_path / "b").write_bytes(b"three\nfour five\nsi\xff x\n")
    (tmp_path / "c").write_bytes("z\ne\u0301".encode())
    paths = [str(tmp_path / name) for name in "abc"]
    found = survey(FileSource(paths, SourceOptions(encoding="utf-8")), encoding="utf-8")
    assert found.longest.place == Place(paths[1], 2)
    assert found.first_invalid == Place(paths[1], 3)
    assert found.first_not_normal == Place(paths[2], 2)
    assert found.lines == 8


def test_files_are_counted_by_compression_and_encoding(tmp_path):
    text = "größer\n"
    (tmp_path / "a").write_bytes(text.encode())
    (tmp_path / "b").write_bytes(b"plain\n")
    (tmp_path / "c").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "d").write_bytes(bz2.compress(text.encode("utf-16")))
    (tmp_path / "e").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "f").write_bytes(b"more\n")
    (tmp_path / "g").write_bytes(b"")
    found = survey(FileSource([tmp_path]))
    assert {kind: (t.files, t.text_bytes) for kind, t in found.files.items()} == {
        StoredAs(None, "utf-8", False): (1, 9),
        StoredAs(None, "ascii", False): (2, 11),
        StoredAs("gzip", "utf-8", False): (1, 9),
        StoredAs("bzip2", "utf-16-le", True): (1, 9),
        StoredAs(None, "utf-8", True): (1, 9),
    }


def test_a_given_encoding_is_reported(tmp_path):
    (tmp_path / "a").write_bytes("größer\n".encode("cp1252"))
    source = FileSource([tmp_path / "a"], SourceOptions(encoding="cp1252"))
    assert list(survey(source).files) == [StoredAs(None, "cp1252", False)]


def test_a_refusal_is_part_of_the_survey(tmp_path):
    text = "schöne größere Bäume\n".encode("latin-1")
    found = of_file(tmp_path, text)
    assert isinstance(found.refusal, InputError)
    assert "is not UTF-8: 4 of 4" in str(found.refusal)
    assert [kind.encoding for kind in found.files] == ["unknown"]
    assert (found.lines, found.invalid) == (1, 4)


def test_a_text_without_words_is_refused(tmp_path):
    found = of_file(tmp_path, b" .\n")
    assert isinstance(found.refusal, VocabularyError)
    assert "3 bytes of text were read" in str(found.refusal)
    assert found.lines == 1


def test_lists_of_tokens_have_lines_without_a_file():
    source = IterableSource([["New York", "is"], [], ["a", "b", "c\r"], ["a"]])
    found = survey(source)
    assert (found.lines, found.blank) == (4, 1)
    assert found.lengths == Counter([2, 3, 1])
    assert found.longest.place == Place(None, 3)
    assert found.files == {}


def test_a_line_of_many_blocks_counts_once(tmp_path, monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 64)
    text = unicodedata.normalize("NFD", "a\nété un deux " + "trois été " * 100 + "\nb\n").encode()
    found = of_file(tmp_path, text)
    assert (found.lines, found.not_normal) == (3, 1)
    assert found.longest.words == 203
    assert found.longest.place == Place(str(tmp_path / "f"), 2)


def test_reading_is_reported(tmp_path):
    events = []
    of_file(tmp_path, TEXT, observer=events.append)
    assert [type(event) for event in events] == [Reading]
    assert events[0].text_bytes == len(TEXT) + 1


def test_the_longest_line_is_found_behind_blank_ones(tmp_path):
    text = b"\n\r\na\n\n...\nb c d\n\ne\nf\n"
    found = of_file(tmp_path, text)
    check(found, text, file=str(tmp_path / "f"))
    assert (found.longest.text, found.longest.place.line) == (b"b c d", 6)
