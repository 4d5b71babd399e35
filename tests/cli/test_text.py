"""`w2v vocab` and `w2v pairs`."""

from __future__ import annotations

from pathlib import Path

from commands import ALL_WORDS, COVERAGE, TEXT, ok, report_lines, run
from support import WORDS, names


def test_vocab_lists_ids_words_and_counts():
    result = run("vocab", "text.txt", "--min-count", "11")
    assert result.stdout == "0\tthe\t30\n1\tdog\t20\n"
    assert report_lines(result.stderr) == [
        COVERAGE[0],
        "vocabulary: 2 words, 41.67 % of the corpus",
        "dropped: 70 too rare",
    ]
    assert names() == ["text.txt", "tmp"]


def test_vocab_of_a_given_vocabulary():
    Path("words").write_text("fox\nunicorn\nthe\n")
    result = run("vocab", "text.txt", "--vocab", "words")
    assert result.stdout == "0\tfox\t10\n1\tunicorn\t0\n2\tthe\t30\n"
    assert "dropped: 80 not in the given vocabulary" in result.stderr


def test_vocab_reads_stdin_and_reports_dropped_words():
    text = b"\xff" + TEXT.encode() + b"x" * 2000
    result = run("vocab", "-", *ALL_WORDS, stdin=text)
    assert [line.split("\t")[1] for line in result.stdout.splitlines()] == WORDS
    assert "dropped: 1 too long" in result.stderr
    assert "note: 1 byte of invalid UTF-8" in result.stderr


def test_pairs_are_listed_in_order():
    Path("fox.txt").write_text("the quick brown fox\njumps over\n")
    result = run("pairs", "fox.txt", *ALL_WORDS)
    assert result.stdout.replace("\t", " ").splitlines() == [
        *("the quick", "the brown"),
        *("quick the", "quick brown", "quick fox"),
        *("brown the", "brown quick", "brown fox"),
        *("fox quick", "fox brown"),
        *("jumps over", "over jumps"),
    ]
    assert report_lines(result.stderr)[0].startswith("corpus: 6 words in 2 lines")
    narrow = ok("pairs", "fox.txt", *ALL_WORDS, "--window", "1")
    assert narrow.splitlines()[:3] == ["the\tquick", "quick\tthe", "quick\tbrown"]


def test_pairs_list_the_ids_of_vocab():
    ranks = {word: i for i, word in enumerate(WORDS)}
    words = [line.split("\t") for line in ok("pairs", "text.txt", *ALL_WORDS).splitlines()]
    ids = [line.split("\t") for line in ok("pairs", "text.txt", "--ids", *ALL_WORDS).splitlines()]
    assert ids == [[str(ranks[word]) for word in pair] for pair in words]
    assert len(ids) == 10 * (9 * 4 - 6 + 3 * 2)
