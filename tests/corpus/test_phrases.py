"""Finding and joining phrases, compared with a slow implementation."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support import KJV, compiled_only
from w2v.compute.random import mix
from w2v.config import MOST_CONNECTORS, Config
from w2v.corpus import pair_counts
from w2v.corpus import phrases as phrases_module
from w2v.corpus.build import build_corpus, count_words, find_phrases
from w2v.corpus.pair_counts import BREAK, RARE, PairCounter
from w2v.corpus.phrases import score_pairs
from w2v.errors import ConfigError
from w2v.events import Notice, PhrasesFound
from w2v.text import blocks as blocks_module
from w2v.text.objects import IterableSource

ALL = {"min_count": 1, "phrase_min_count": 1, "threads": 1}


# The reference


def slow_pairs(lines, connectors):
    """Yield the phrases of two words of each line, with the connector words between them."""
    for line in lines:
        start, between = None, []
        for word in line:
            if word in connectors:
                between.append(word)
                if len(between) > 2:
                    start = None
            else:
                if start is not None:
                    yield " ".join([start, *between, word])
                start, between = word, []


def slow_score(count, first, last, total, min_count, method):
    if method == "word2vec":
        return (count - min_count) / (first * last / total)
    return math.log(count * total / (first * last)) / -math.log(count / total)


def slow_find(lines, config):
    """Return the phrases of one pass with their scores and counts, the highest score first."""
    least = max(config.phrase_min_count, config.min_count)
    words = Counter(word for line in lines for word in line)
    found = []
    for phrase, count in Counter(slow_pairs(lines, config.connector_words)).items():
        parts = phrase.split()
        if count >= least:
            score = slow_score(
                count, words[parts[0]], words[parts[-1]], words.total(), least, config.phrase_score
            )
            if score >= config.phrase_limit:
                found.append((-score, -count, phrase))
    return [(phrase, -score, -count) for score, count, phrase in sorted(found)]


def slow_join(lines, phrases):
    result = []
    for line in lines:
        rest, joined = list(line), []
        while rest:
            size = next((n for n in (2, 3, 4) if " ".join(rest[:n]) in phrases), 1)
            joined.append("_".join(rest[:size]))
            rest = rest[size:]
        result.append(joined)
    return result


def slow_vocabulary(counts, config):
    ranked = sorted((-count, word) for word, count in counts.items() if count >= config.min_count)
    return [word for _, word in ranked[: config.vocab_size]]


def slow_read(lines, config):
    """Return the vocabulary, and the lines with joined phrases, words without a rank dropped."""
    passes, text = [], lines
    for _ in range(config.phrases):
        phrases = [phrase for phrase, _, _ in slow_find(text, config)]
        passes.append(phrases)
        text = slow_join(text, phrases)
    # Only phrases in the vocabulary, and their parts.
    needed = set(slow_vocabulary(Counter(word for line in text for word in line), config))
    for number in reversed(range(len(passes))):
        passes[number] = [p for p in passes[number] if p.replace(" ", "_") in needed]
        needed |= {part for phrase in passes[number] for part in phrase.split()}
    text = lines
    for phrases in passes:
        text = slow_join(text, phrases)
    # Phrases without a rank are split.
    parts = {}
    for phrases in passes:
        for phrase in phrases:
            parts.setdefault(phrase.replace(" ", "_"), phrase.split())
    split = set()
    while True:
        counts = Counter(word for line in text for word in line)
        words = slow_vocabulary(counts, config)
        new = {word for word in counts if word in parts and word not in {*words, *split}}
        if not new:
            break
        split |= new
        for _ in passes:
            text = [
                [part for word in line for part in (parts[word] if word in split else [word])]
                for line in text
            ]
    kept = [[word for word in line if word in set(words)] for line in text]
    return words, [line for line in kept if line], passes


# Pairs


def slow_codes(codes):
    pairs, start, between = [], None, []
    for code in codes.tolist():
        if code in (RARE, BREAK):
            start = None
        elif code <= MOST_CONNECTORS:
            between.append(code)
            start = None if len(between) > 2 else start
        else:
            if start is not None:
                pairs.append((start, *between, code))
            start, between = code, []
    return Counter(pairs)


def counted(pairs):
    rows = zip(*(array.tolist() for array in pairs), strict=True)
    return {
        (first, *(code for code in connectors if code != RARE), last): count
        for first, last, connectors, count in rows
    }


CODES = st.lists(
    st.one_of(st.integers(0, 2), st.just(BREAK), st.integers(64, 66), st.just((1 << 26) - 1)),
    max_size=60,
)


@given(blocks=st.lists(CODES, max_size=4), threads=st.integers(1, 3))
def test_pairs_are_counted_as_in_the_reference(blocks, threads):
    arrays = [np.array(block, np.uint32) for block in blocks]
    counter = PairCounter()
    counter.add([counter.divide(block) for block in arrays], threads)
    assert counted(counter.pairs(1)) == sum(map(slow_codes, arrays), Counter())
    assert counter.pruned == 0


def test_tables_grow():
    draw = np.random.default_rng(0)
    codes = draw.integers(64, 2_000, 50_000).astype(np.uint32)
    counter = PairCounter()
    counter.add([counter.divide(codes)], 1)
    assert counted(counter.pairs(1)) == slow_codes(codes)


def test_a_full_table_drops_its_rarest_pairs():
    often = np.tile(np.array([64, 65, BREAK], np.uint32), 500)
    rare = np.arange(1_000, 40_000, dtype=np.uint32)
    counter = PairCounter(max_slots=64)
    for _ in range(3):
        counter.add([counter.divide(often), counter.divide(rare)], 1)
    assert counted(counter.pairs(1_000)) == {(64, 65): 1_500}
    assert counter.pruned > 10_000
    assert all(len(part._slots) == 64 for part in counter._parts)


def test_pairs_of_a_table_are_found():
    keys = np.unique(mix(np.arange(1, 500, dtype=np.uint64)))
    slots, values = pair_counts.make_table(keys, np.arange(len(keys), dtype=np.uint32))
    for number, key in enumerate(keys):
        slot = pair_counts.find_slot(slots, key)
        assert (slots[slot], values[slot]) == (key, number)
    assert slots[pair_counts.find_slot(slots, np.uint64(12_345))] == 0


@pytest.mark.parametrize("method", ["npmi", "word2vec"])
def test_scores(method):
    counts, first, last = (np.array(column) for column in ([5, 7, 20], [9, 7, 100], [8, 7, 90]))
    found = score_pairs(counts, first, last, total=1_000, min_count=5, method=method)
    expected = [slow_score(*row, 1_000, 5, method) for row in zip(counts, first, last, strict=True)]
    np.testing.assert_allclose(found, expected)
    if method == "npmi":
        assert found[1] == pytest.approx(1)  # they occur only together
    else:
        assert found[0] == 0


# Whole texts

WORDS = st.sampled_from(["a", "b", "c", "d", "of", "the", "e_f"])
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=12), min_size=1, max_size=12)


def read(lines, config):
    with build_corpus(IterableSource(map(" ".join, lines)), config) as corpus:
        words = corpus.vocabulary.words
        text = [[words[i] for i in sentence.tolist()] for sentence in corpus.text.sentences()]
        return words, text, corpus


@settings(max_examples=150, deadline=None)
@given(
    lines=LINES,
    passes=st.integers(1, 3),
    method=st.sampled_from(["npmi", "word2vec"]),
    threshold=st.sampled_from([0.0, 0.3, 0.8, 2.0]),
    min_count=st.integers(1, 3),
    vocab_size=st.sampled_from([2, 4, 100]),
    connectors=st.sampled_from(["", "of", "of,the"]),
)
def test_reading_equals_the_reference(
    lines, passes, method, threshold, min_count, vocab_size, connectors
):
    config = Config(
        phrases=passes,
        phrase_score=method,
        phrase_threshold=threshold,
        phrase_min_count=2,
        min_count=min_count,
        vocab_size=vocab_size,
        connectors=connectors,
        threads=1,
    )
    expected, expected_lines, _ = slow_read(lines, config)
    if not expected:
        return
    words, text, corpus = read(lines, config)
    assert (words, text) == (expected, expected_lines)
    counts = Counter(word for line in text for word in line)
    assert corpus.vocabulary.counts.tolist() == [counts[word] for word in words]
    assert corpus.report.kept_tokens == counts.total()
    assert corpus.report.tokens == sum(map(len, lines))


@given(lines=LINES, method=st.sampled_from(["npmi", "word2vec"]))
@settings(deadline=None)
def test_the_list_of_phrases_equals_the_reference(lines, method):
    config = Config(phrases=2, phrase_score=method, phrase_threshold=0.1, **ALL)
    found = find_phrases(IterableSource(map(" ".join, lines)), config)
    for phrases in found:
        expected = slow_find(lines, config)
        assert [(p.phrase, p.count) for p in phrases] == [(p, count) for p, _, count in expected]
        assert [p.score for p in phrases] == pytest.approx([score for _, score, _ in expected])
        lines = slow_join(lines, [p.phrase for p in phrases])
    if len(found) < 2:
        assert not slow_find(lines, config)


@compiled_only
def test_any_number_of_threads_and_blocks_gives_the_same(monkeypatch):
    monkeypatch.setattr(blocks_module, "BLOCK_BYTES", 20_000)
    monkeypatch.setattr(phrases_module, "_BLOCKS_AT_ONCE", 3)
    lines = KJV.read_text().splitlines()[:6_000]
    results = []
    for threads in (1, 2, 3):
        config = Config(phrases=2, threads=threads, vocab_size=1_500)
        with build_corpus(IterableSource(lines), config) as corpus:
            results.append(
                (
                    corpus.vocabulary.words,
                    corpus.vocabulary.counts.tolist(),
                    np.array(corpus.text.ids).tolist(),
                    corpus.definition,
                    corpus.report.phrases,
                )
            )
    assert results[0] == results[1] == results[2]
    assert results[0][4] > 50


@compiled_only
def test_which_pairs_are_dropped_does_not_depend_on_the_threads(monkeypatch):
    monkeypatch.setattr(blocks_module, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr(phrases_module, "PairCounter", lambda: PairCounter(max_slots=64))
    lines = KJV.read_text().splitlines()[:3_000]
    found = [
        find_phrases(IterableSource(lines), Config(phrases=1, threads=threads))[0]
        for threads in (1, 2, 3)
    ]
    assert found[0] == found[1] == found[2]
    assert found[0]


def test_no_phrase_extends_over_the_end_of_a_line():
    config = Config(phrases=1, **ALL)
    words, _, _ = read([["x"], ["y"]] * 20, config)
    assert words == ["x", "y"]


def test_held_out_lines_are_joined():
    config = Config(phrases=1, validation=0.5, min_count=1, threads=1)
    lines = [["new", "york", word] for word in "abcdefghij" * 9]
    with build_corpus(IterableSource(map(" ".join, lines)), config) as corpus:
        new_york = corpus.vocabulary.ids["new_york"]
        assert "new" not in corpus.vocabulary.ids
        for text in (corpus.text, corpus.held_out):
            assert text.lines > 0
            assert all(line[0] == new_york for line in text.sentences())


def test_a_given_vocabulary_decides_which_phrases_are_joined():
    lines = ["new york is not san francisco"] * 9
    config = Config(phrases=1, threads=1)
    given = ["is", "new_york", "san", "francisco"]
    with build_corpus(IterableSource(lines), config, words=given) as corpus:
        assert corpus.vocabulary.counts.tolist() == [9, 9, 9, 9]
        assert corpus.definition.phrases == (("new york",),)


def test_phrases_of_an_initial_model_are_joined_and_no_others():
    lines = ["new york is not san francisco"] * 9
    config = Config(phrases=1, threads=1)
    words = ["new_york", "is"]
    with build_corpus(
        IterableSource(lines), config, words=words, extend=True, phrases=(("new york", "a b"),)
    ) as corpus:
        assert corpus.vocabulary.words[:2] == words
        assert {"san", "francisco"} <= set(corpus.vocabulary.words)
        assert not {"new", "york", "san_francisco"} & set(corpus.vocabulary.words)


def test_lists_of_tokens_have_phrases():
    lines = [["new", "york", "a b", "c"]] * 9
    with build_corpus(IterableSource(lines), Config(phrases=1, threads=1)) as corpus:
        assert set(corpus.vocabulary.words) == {"new_york", "a b", "c"}


def test_the_report_counts_phrases():
    events = []
    lines = ["new york is big", "new york is old"] * 9
    config = Config(phrases=2, connectors="is", threads=1, phrase_threshold=0.99)
    with build_corpus(IterableSource(lines), config, observer=events.append) as corpus:
        report = corpus.report
    assert [event.phrases for event in events if isinstance(event, PhrasesFound)] == [1, 0]
    assert corpus.vocabulary.words == ["is", "new_york", "big", "old"]
    assert (report.tokens, report.joined_tokens, report.phrases) == (72, 18, 1)
    assert (report.kept_tokens, report.coverage) == (54, 1)
    assert "phrases: 1 of the words, which join 18 words with the one before" in str(report)


def test_a_note_tells_that_pairs_were_dropped(monkeypatch):
    monkeypatch.setattr(phrases_module, "PairCounter", lambda: PairCounter(max_slots=64))
    draw = np.random.default_rng(0)
    lines = [" ".join(f"w{i}" for i in draw.integers(0, 900, 40)) for _ in range(900)]
    events = []
    find_phrases(IterableSource(lines), Config(phrases=1, threads=1), observer=events.append)
    notices = [event.message for event in events if isinstance(event, Notice)]
    assert any("too many pairs of words to count them all" in message for message in notices)


def test_words_are_counted_after_joining():
    lines = ["new york new jersey"] * 9
    config = Config(phrases=1, phrase_threshold=0.4, threads=1)
    vocabulary, _ = count_words(IterableSource(lines), config)
    _, text, _ = read([line.split() for line in lines], config)
    counts = Counter(word for line in text for word in line)
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == counts


@pytest.mark.parametrize(
    ("given", "recorded"),
    [("", ""), (" of , the,of,", "of,the"), ("und", "und"), (",,", "")],
)
def test_connector_words_are_recorded_in_one_form(given, recorded):
    config = Config(connectors=given)
    assert config.connectors == recorded
    assert config.connector_words == [word for word in recorded.split(",") if word]


@pytest.mark.parametrize("connectors", ["of the", None, 3, ",".join(map(str, range(64)))])
def test_other_connector_words_are_rejected(connectors):
    with pytest.raises(ConfigError, match=r"^connectors must be up to 63 words"):
        Config(connectors=connectors)


def test_more_connector_words_than_a_phrase_can_have_end_it():
    lines = [["x", *["of"] * count, "y"] for count in range(5)] * 9
    config = Config(phrases=1, phrase_threshold=-1, connectors="of", **ALL)
    found = find_phrases(IterableSource(map(" ".join, lines)), config)[0]
    assert sorted(p.phrase for p in found) == ["x of of y", "x of y", "x y"]
