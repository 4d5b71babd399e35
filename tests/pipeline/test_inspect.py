"""The inspection of a corpus: facts, findings with remedies, and the report."""

from __future__ import annotations

import dataclasses
import gzip
import io
import itertools
import json
import random
import statistics
import unicodedata
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
import w2v
from segmenter_functions import twos
from support import KJV, compiled_only
from w2v.config import Config
from w2v.corpus.pairs import count_pairs
from w2v.errors import ConfigError, InputError
from w2v.events import EpochDone, Reading, TrainingPlanned
from w2v.pipeline.expectation import expected_pairs
from w2v.pipeline.inspect import _decoded, _median
from w2v.pipeline.read import read_vocabulary
from w2v.text.display import columns

RANDOM = random.Random(0)
WORDS = [f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(300)]
SENTENCES = [" ".join(RANDOM.choices(WORDS, k=12)) for _ in range(9_000)]
"""Plain text of 108,000 words, in which nothing is unusual."""


def findings(corpus, **options):
    return [finding.message for finding in w2v.inspect(corpus, **options).findings]


def in_file(tmp_path, text, name="f.txt"):
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / name).write_bytes(data)
    return tmp_path / name


# Facts


@pytest.mark.slow
@compiled_only
def test_the_facts_of_a_real_text_are_those_of_plain_python(tmp_path):
    path = tmp_path / "kjv.txt"
    path.write_bytes(b"".join(KJV.read_bytes().splitlines(keepends=True)[:8_000]))
    found = w2v.inspect(path)
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    words = reference.tokenize(text.encode())[: len(lines)]
    lengths = [len(line) for line in words]
    counts = Counter(itertools.chain.from_iterable(words))
    assert dataclasses.asdict(found.files) == {
        "files": 1,
        "stored_bytes": path.stat().st_size,
        "text_bytes": len(text.encode()),
        "empty": 0,
        "kinds": (
            {
                "files": 1,
                "text_bytes": len(text),
                "compression": None,
                "encoding": "ascii",
                "byte_order_mark": False,
            },
        ),
        "skipped": (),
        "invalid_bytes": 0,
        "first_invalid": None,
    }
    facts = found.lines
    assert (facts.lines, facts.blank, facts.with_words) == (len(lines), 0, len(lines))
    assert facts.with_one_word == lengths.count(1)
    assert facts.median_words == statistics.median(lengths)
    assert facts.longest_words == max(lengths)
    longest = lengths.index(max(lengths))
    assert facts.longest_place == f"line {longest + 1:,}"
    assert lines[longest].startswith(facts.longest_text.removesuffix("..."))
    repeated = Counter(lines)
    assert facts.repeats == len(lines) - len(repeated)
    assert facts.repeated_bytes == sum(len(line) * (n - 1) for line, n in repeated.items())
    top = [(line.text, line.count) for line in facts.most_repeated]
    assert [count for _, count in top] == [count for _, count in repeated.most_common(3)]
    assert all(repeated[line] == count for line, count in top)
    assert found.characters.characters == len(text) - len(lines)
    assert found.characters.scripts == {"Latin": sum(map(str.isalpha, text))}
    assert found.characters.odd == ()
    vocabulary = reference.vocabulary(words)
    facts = found.words
    assert (facts.words, facts.distinct) == (counts.total(), len(counts))
    assert facts.most_frequent == dict(counts.most_common(10))
    assert facts.once == list(counts.values()).count(1)
    assert (facts.vocabulary, facts.covered) == (len(vocabulary), sum(vocabulary.values()))
    rare = [count for count in counts.values() if count < 5]
    assert (facts.rare, facts.rare_occurrences) == (len(rare), sum(rare))
    assert (facts.beyond_size, facts.beyond_size_occurrences) == (0, 0)
    assert found.examples[0].words == tuple(words[0])
    assert found.findings == ()
    assert "findings         nothing unusual found" in str(found)


def test_what_the_options_drop_is_counted():
    lines = ["a a a a b b b c c d"]
    facts = w2v.inspect(lines, min_count=2, vocab_size=2).words
    assert (facts.vocabulary, facts.covered) == (2, 7)
    assert (facts.rare, facts.rare_occurrences) == (1, 1)
    assert (facts.beyond_size, facts.beyond_size_occurrences) == (1, 2)


@given(lengths=st.lists(st.integers(1, 9), max_size=30))
def test_the_median_is_that_of_the_standard_library(lengths):
    assert _median(Counter(lengths)) == (statistics.median(lengths) if lengths else 0)


@pytest.mark.parametrize("cut", range(9))
def test_an_excerpt_that_cuts_a_character_is_shown(cut):
    data = "日本€".encode()
    assert _decoded(data[cut:]) in "日本€"
    assert _decoded(data[:cut]) in "日本€"


def test_an_excerpt_shows_invalid_bytes():
    assert _decoded(b"a\xff b\xfc") in {"a\\xff b", "a\\xff b\\xfc"}


def test_a_corpus_may_be_anything_that_train_reads(tmp_path):
    text = "The dog sleeps.\nDogs sleep.\n"
    path = in_file(tmp_path, text)
    found = [
        w2v.inspect(corpus, min_count=1)
        for corpus in (path, [path], io.BytesIO(text.encode()), text.splitlines())
    ]
    for one in found:
        assert (one.lines.lines, one.words.words, one.words.distinct) == (2, 5, 5)
        assert one.refusal is None
    assert [one.files.files for one in found] == [1, 1, 0, 0]
    tokens = w2v.inspect([["The", "dog"], ["New York"]], min_count=1)
    assert tokens.words.tokenizer.startswith("tokens")
    assert [example.words for example in tokens.examples] == [("The", "dog"), ("New York",)]


def test_options_of_reading_apply(tmp_path):
    path = in_file(tmp_path, "Größe, Größe!".encode("cp1252"))
    found = w2v.inspect(path, encoding="windows-1252", tokenizer="whitespace", min_count=1)
    assert found.words.most_frequent == {"Größe!": 1, "Größe,": 1}
    assert found.words.reason == "as asked for"
    folder = tmp_path / "folder"
    folder.mkdir()
    in_file(folder, "a b", "a.txt")
    in_file(folder, "c d", "b.md")
    assert w2v.inspect(folder, include="*.md", min_count=1).words.distinct == 2


def test_the_words_of_a_segmenter_are_counted(tmp_path):
    text = "我喜欢数学\none two three\n\n在北京\n" * 9
    path = in_file(tmp_path, text)
    found = w2v.inspect(path, segmenter=twos, min_count=1, threads=2)
    vocabulary, report = read_vocabulary(path, segmenter=twos, min_count=1)
    assert found.words.words == report.tokens
    assert found.words.most_frequent == dict(
        zip(vocabulary.words[:10], vocabulary.counts[:10].tolist(), strict=True)
    )
    assert (found.lines.lines, found.lines.blank) == (36, 9)
    assert found.lines.with_words == report.lines == 27
    assert "segmented by segmenter_functions:twos" in found.words.tokenizer
    assert found.examples[0].words == ("我喜", "欢数", "学")


@pytest.mark.parametrize(
    ("name", "text", "options"),
    [
        ("a.csv", 'id,text\n1,"one, two"\n2,three\n', {"column": "text"}),
        ("a.tsv", "text\tid\none, two\t1\nthree\t2\n", {"column": 1}),
        ("a.jsonl", '{"t": "one, two"}\n{"t": "three"}\n', {"json_field": "t"}),
    ],
)
def test_only_the_selected_column_is_inspected(tmp_path, name, text, options):
    found = w2v.inspect(in_file(tmp_path, text, name), min_count=1, **options)
    assert set(found.words.most_frequent) >= {"one", "two", "three"}
    assert found.words.words == 3 + (name == "a.tsv")  # whose header is a row
    assert [example.text for example in found.examples][-2:] == ["one, two", "three"]
    assert [kind.encoding for kind in found.files.kinds] == ["ascii"]


def test_skipped_files_are_listed_with_their_reasons(tmp_path):
    in_file(tmp_path, "a b c", "a.txt")
    in_file(tmp_path, "x", ".hidden")
    in_file(tmp_path, b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "p.png")
    in_file(tmp_path, "", "empty")
    found = w2v.inspect(tmp_path, min_count=1)
    assert [(file.name, file.reason) for file in found.files.skipped] == [
        (".hidden", "hidden or backup"),
        (str(tmp_path / "p.png"), "not text: a PNG picture"),
    ]
    assert (found.files.files, found.files.empty) == (2, 1)
    assert any("skipped 1 file that is not text" in finding.message for finding in found.findings)
    with pytest.raises(InputError, match="is a PNG picture"):
        w2v.inspect(tmp_path, strict=True)


def test_wrong_arguments_are_errors(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        w2v.inspect(tmp_path / "missing")
    with pytest.raises(ConfigError, match="unknown option"):
        w2v.inspect(["a"], nonsense=1)
    with pytest.raises(ConfigError, match="omit it"):
        w2v.inspect(["a b"], include="*.txt")


def test_reading_is_reported_and_notices_are_part_of_the_result(tmp_path):
    events = []
    path = in_file(tmp_path, b"a \xff b \xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9 c\n" * 9)
    found = w2v.inspect(path, min_count=1, observer=events.append)
    assert {type(event) for event in events} == {Reading}
    assert found.findings[0].message.startswith("9 bytes are not valid in the encoding")
    assert (found.files.invalid_bytes, found.files.first_invalid) == (9, "line 1")


# Refusals


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schöne größere Bäume\n".encode("latin-1"), "is not UTF-8: 4 of 4 non-ASCII bytes"),
        ("no mark".encode("utf-16-le"), "is text in UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is a PNG picture"),
        (b"", "the corpus has no words: 0 bytes"),
        (b" ...\n", "the corpus has no words: 6 bytes"),
        (b"a b c\n", "no word occurs 5 times"),
        (gzip.compress(b"a b " * 99, mtime=0)[:-9], "is damaged or truncated"),
    ],
)
def test_a_text_that_training_refuses_has_the_same_error(tmp_path, text, message):
    path = in_file(tmp_path, text)
    found = w2v.inspect(path)
    with pytest.raises(w2v.W2VError) as caught:
        w2v.train(path)
    assert found.refusal == str(caught.value)
    assert found.exit_code == caught.value.exit_code
    assert found.findings[0].message == f"training refuses this text: {found.refusal}"
    assert found.training is None
    assert str(found).startswith("refused ")


def test_what_was_read_in_a_wrong_encoding_is_not_described(tmp_path):
    path = in_file(tmp_path, "schöne größere Bäume\n".encode("latin-1"))
    found = w2v.inspect(path)
    assert (found.words, found.examples) == (None, ())
    assert len(found.findings) == 1
    assert found.files.kinds[0].encoding == "unknown"


# Findings

TEXT = "\n".join(SENTENCES)


@compiled_only
def test_nothing_is_found_in_plain_text(tmp_path):
    assert findings(in_file(tmp_path, TEXT)) == []


@compiled_only
@pytest.mark.parametrize(
    ("text", "message", "command"),
    [
        (TEXT + "\nschÃ¶n fÃ¼r Ã¤hnlich", "3 places such as Ã¶ (line 9,001)", "ftfy"),
        (TEXT + "\nlost \ufffd here", "1 replacement character U+FFFD (line 9,001", ""),
        (TEXT.replace("\n", " "), "the whole text is one line of 108,000 words", ""),
        (TEXT.replace(" ", "\n"), "108,000 of 108,000 lines have one word", "paste"),
        (TEXT + "\n" + TEXT[:200_000], "repeats earlier lines", "awk"),
        (TEXT + " unk" * 30_000, "'unk' is 22 % of all words", ""),
        (
            TEXT + "\n" + "<br>x&amp; " * 500,
            "500 HTML tags (<br>) and 500 HTML entities",
            "python3",
        ),
        (TEXT + "\n" + "see http://a.org/b " * 300, "300 URLs, whose parts are read", "sed"),
        (TEXT + "\n" + "write me@a.org " * 300, "300 e-mail addresses, whose parts", "sed"),
        (TEXT + "\nbell\a", "1 control character (first U+0007, line 9,001)", "tr -d"),
        (TEXT + "\n" + "\ue000" * 50, "50 private-use characters (U+E000)", ""),
        (TEXT + "\n" + "\u0378" * 50, "50 unassigned characters (U+0378)", ""),
        (TEXT + "\n" + ("x" * 50 + " ") * 200, "200 words have 40 or more characters", ""),
        (TEXT + "\n" + "y" * 1200, "dropped 1 word of more than 1,000 bytes", ""),
        (
            TEXT + "\n" + " ".join(f"r{i}" for i in range(20_000)),
            "16 % of the words are too rare",
            "",
        ),
        ("\n".join(SENTENCES[:500]), "the text is small: from 6,000 words", ""),
        ("\n".join(["ភាសាខ្មែរមិនមានចន្លោះរវាងពាក្យទេ"] * 9), "Khmer has no blanks between words", ""),
        ("\n".join(["ภาษาไทยไม่มีช่องว่างระหว่างคำเลย"] * 9), "the Thai text has no blanks between", ""),
        ("\n".join(["我喜欢在北京学习中文"] * 9), "makes each Chinese or Japanese character", ""),
    ],
)
def test_each_oddity_is_found_with_a_remedy(tmp_path, text, message, command):
    found = w2v.inspect(in_file(tmp_path, text), min_count=2)
    (finding,) = [finding for finding in found.findings if message in finding.message]
    assert finding.command.startswith(command)
    assert bool(finding.command) == bool(command)
    shown = " ".join(str(found).split())
    assert " ".join(finding.message.split()) in shown


@compiled_only
@pytest.mark.parametrize(
    ("text", "message"),
    [
        (TEXT + "\n" + "soft\u00adhyphen " * 60, "60 soft hyphens are parts of words"),
        (TEXT + "\n" + "zero\u200bwidth " * 60, "60 zero-width characters are parts of words"),
        (unicodedata.normalize("NFD", TEXT + "\ncafé"), "1 line not in normalization form C"),
        (TEXT.replace(" ", ", "), "words have punctuation at their ends, such as"),
        (TEXT + "\n" + TEXT.upper(), "600 of the 600 words of the vocabulary differ"),
    ],
)
def test_what_only_the_whitespace_tokenizer_keeps_is_found_there(tmp_path, text, message):
    path = in_file(tmp_path, text)
    assert any(message in one for one in findings(path, tokenizer="whitespace"))
    assert not any(message in one for one in findings(path))


@compiled_only
def test_a_vocabulary_that_is_too_small_is_found(tmp_path):
    path = in_file(tmp_path, TEXT)
    (finding,) = findings(path, vocab_size=150)
    assert "raise `vocab_size=150`: 300 words occur at least 5 times" in finding


def test_warnings_come_before_information(tmp_path):
    found = w2v.inspect(in_file(tmp_path, "我喜欢在北京学习中文\n" * 9))
    order = [finding.warning for finding in found.findings]
    assert order == sorted(order, reverse=True)
    assert len({*order}) == 2


@compiled_only
def test_python_objects_get_no_commands_for_files():
    found = w2v.inspect(SENTENCES + SENTENCES)
    assert [finding.command for finding in found.findings] == [""]


# What training would do


@pytest.mark.parametrize("shrink", [False, True])
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    share=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    window=st.integers(1, 9),
)
def test_expected_pairs_are_those_of_all_outcomes(lengths, share, window, shrink):
    def pairs(words: int) -> float:
        radii = range(1, window + 1) if shrink else [window]
        counted = [sum(2 * max(words - d, 0) for d in range(1, r + 1)) for r in radii]
        return sum(counted) / len(counted)

    expected = sum(
        pairs(sum(kept)) * share ** sum(kept) * (1 - share) ** (size - sum(kept))
        for size in lengths
        for kept in itertools.product([0, 1], repeat=size)
    )
    found = expected_pairs(Counter(lengths), share, window, shrink=shrink)
    assert found == pytest.approx(expected, abs=1e-6)


def test_without_subsampling_the_pairs_are_counted_exactly():
    lengths = RANDOM.choices(range(1, 40), k=200)
    ids = np.array([i for size in lengths for i in [*[0] * size, 0xFFFF]], np.uint16)
    for window in (1, 2, 10, 50):
        expected = count_pairs(ids, 0xFFFF, window)
        assert expected_pairs(Counter(lengths), 1.0, window) == pytest.approx(expected, rel=1e-6)


@pytest.mark.slow
@compiled_only
def test_the_expectation_is_what_training_does():
    events = []
    w2v.train(KJV, dim=8, observer=events.append)
    (plan,) = [event for event in events if isinstance(event, TrainingPlanned)]
    pairs = [event.pairs for event in events if isinstance(event, EpochDone)]
    found = w2v.inspect(KJV).training
    assert (found.words, found.epochs, found.sample) == (plan.words, plan.epochs, plan.sample)
    assert found.kept_words == pytest.approx(plan.kept_words)
    assert found.pairs == pytest.approx(statistics.mean(pairs), rel=0.01)


@compiled_only
def test_notes_of_training_are_findings(tmp_path):
    path = in_file(tmp_path, TEXT)
    assert any("subsampling drops" in one for one in findings(path, sample=1e-6))
    assert any(
        "half of the words were trained" in one for one in findings(path, sample=1e-9, epochs=1)
    )


def test_a_text_without_pairs_has_nothing_to_learn():
    found = w2v.inspect(["a"] * 9)
    assert found.training.pairs == 0
    assert "no pairs of words, so nothing could be learned" in str(found)
    assert not any("subsampling left" in finding.message for finding in found.findings)


# The report


@compiled_only
def test_the_report_fits_and_is_aligned(tmp_path):
    wide = "\n".join(["全角文字の行です。" * 30, "short", "全角文字の行です。" * 30] * 3)
    text = TEXT + "\n" + wide + "\nzero\u200bwidth <br> &amp; " + "e\u0301" * 200
    found = w2v.inspect(in_file(tmp_path, text))
    for line in str(found).splitlines():
        assert columns(line) <= 100 or line.strip().startswith("$ "), line
        assert line.rstrip() == line
        assert line == "" or line[16] == " ", line


@compiled_only
def test_the_report_is_the_same_each_time(tmp_path):
    path = in_file(tmp_path, TEXT)
    one, other = w2v.inspect(path, threads=1), w2v.inspect(path, threads=3)
    assert dataclasses.replace(one, seconds=0, training=None) == dataclasses.replace(
        other, seconds=0, training=None
    )
    assert str(w2v.inspect(path, threads=1)) == str(one)


@compiled_only
def test_facts_are_plain_values(tmp_path):
    found = w2v.inspect(in_file(tmp_path, TEXT + "\nzero\u200bwidth"))
    values = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert list(values) == [field.name for field in dataclasses.fields(found)]
    assert values["characters"]["odd"] == [
        {
            "kind": "zero-width characters",
            "count": 1,
            "characters": {"U+200B": 1},
            "example": "zero[U+200B]width",
            "place": "line 9,001",
        }
    ]
    assert values["words"]["min_count"] == Config().min_count
