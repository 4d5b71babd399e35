"""`w2v vocab`, `w2v phrases` and `w2v pairs`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from commands import ALL_WORDS, COVERAGE, TEXT, error, ok, report_lines, run
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
    assert (
        "note: 1 byte is not valid in the encoding of the text, and treated as spaces: 1 in std"
        in (result.stderr)
    )


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


def test_the_output_of_vocab_is_a_vocabulary():
    Path("words").write_text(ok("vocab", "text.txt", "--min-count", "11"))
    assert ok("vocab", "text.txt", "--vocab", "words") == "0\tthe\t30\n1\tdog\t20\n"


# Encodings

GERMAN = "Größe München schön\n"


@pytest.mark.parametrize("command", ["vocab", "pairs", "train"])
def test_text_in_another_encoding_is_refused(command):
    Path("a.txt").write_text(GERMAN, encoding="latin-1")
    message = error(command, "a.txt", *ALL_WORDS, "-q")
    assert message == (
        "a.txt is not UTF-8: 4 of 4 non-ASCII bytes are invalid; it is probably in windows-1252 "
        "('Größe München schön'); pass --encoding windows-1252, or --encoding utf-8 to split words "
        "at these bytes"
    )
    assert names() == ["a.txt", "text.txt", "tmp"]


@pytest.mark.parametrize("encoding", ["latin-1", "windows-1252", "utf-16", "utf-8"])
def test_the_encoding_can_be_given(encoding):
    Path("a.txt").write_text(GERMAN, encoding=encoding)
    found = ok("vocab", "a.txt", *ALL_WORDS, "-q", "--encoding", encoding)
    assert found == "0\tgröße\t1\n1\tmünchen\t1\n2\tschön\t1\n"
    assert ok("pairs", "a.txt", *ALL_WORDS, "--encoding", encoding).startswith("größe\tmünchen\n")


def test_stdin_is_decoded():
    found = ok("vocab", "-", *ALL_WORDS, "--encoding", "koi8-r", stdin="Привет".encode("koi8-r"))
    assert found == "0\tпривет\t1\n"


def test_damaged_bytes_are_reported_even_if_quiet():
    Path("a.txt").write_bytes((GERMAN * 20).encode() + b"x\xffy \xfe\n")
    result = run("vocab", "a.txt", *ALL_WORDS, "-q")
    assert result.exit_code == 0
    assert result.stderr == (
        "note: 2 bytes are not valid in the encoding of the text, and treated as spaces: 2 in "
        "a.txt\n"
    )


def test_a_column_or_field_can_be_read():
    plain = ok("vocab", "text.txt", *ALL_WORDS, "-q")
    lines = Path("text.txt").read_text().splitlines()
    Path("a.csv").write_text("n;text\n" + "".join(f"{i};{x}\n" for i, x in enumerate(lines)))
    Path("a.jsonl").write_text("".join(json.dumps({"a": {"b": x}}) + "\n" for x in lines))
    assert ok("vocab", "a.csv", *ALL_WORDS, "-q", "--column", "text") == plain
    assert ok("vocab", "a.csv", *ALL_WORDS, "-q", "--column", "text", "--sep", ";") == plain
    assert ok("vocab", "a.jsonl", *ALL_WORDS, "-q", "--json-field", "a.b") == plain
    table = Path("a.csv").read_bytes()
    assert ok("vocab", "-", *ALL_WORDS, "--column", "text", stdin=table) == plain
    assert ok("pairs", "a.csv", "--column", "text") == ok("pairs", "text.txt")
    assert error("pairs", "a.jsonl") == (
        "a.jsonl is JSON lines: pass the field to read as --json-field, which is one of 'a.b'"
    )


def test_notes_about_columns_name_flags():
    Path("a.csv").write_text("id,text\n1,some words\n2,more words\n")
    result = run("vocab", "a.csv", "-q", *ALL_WORDS)
    assert result.stderr == (
        "note: all columns of a.csv are read as text; to read some of them, pass one as --column: "
        "'id', 'text'\n"
    )
    result = run("vocab", "a.csv", "-q", *ALL_WORDS, "--column", "2")
    assert result.stderr == (
        "note: the first row of a.csv looks like the names of the columns, but is read as text, as "
        "--column 2 is a number; to leave it out, pass --column text\n"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--sep", ";"],
            "--sep requires --column, got --sep ';' without it; name the column",
        ),
        (
            ["--column", "a", "--json-field", "b"],
            "--json-field cannot be combined with --col",
        ),
        (
            ["--column", "a", "--sep", "t"],
            "Invalid value for '--sep': 't' is not one charact",
        ),
        (
            ["--column", "0"],
            "Invalid value for '--column': '0' is not the name of a column o",
        ),
        (
            ["--json-field", ""],
            "Invalid value for '--json-field': '' is not the name of a fi",
        ),
    ],
)
def test_contradictory_columns_are_wrong_options(arguments, message):
    for command in ("vocab", "pairs", "train"):
        assert error(command, "text.txt", *arguments, code=2).startswith(message)


def test_an_unknown_encoding_is_a_wrong_option():
    message = error("vocab", "text.txt", "--encoding", "klingon", code=2)
    assert message == (
        "Invalid value for '--encoding': 'klingon' is not an encoding that Python knows, such as "
        "windows-1252, utf-16 or gb18030."
    )


# Directories


@pytest.fixture
def texts() -> None:
    Path("texts/.git").mkdir(parents=True)
    Path("texts/.git/config").write_text("hidden words")
    Path("texts/a.txt").write_text("a b\n")
    Path("texts/a.txt~").write_text("a b c\n")
    Path("texts/b.md").write_text("b\n")
    Path("texts/logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")


@pytest.mark.usefixtures("texts")
def test_directories_are_read_without_hidden_backup_and_other_files():
    result = run("vocab", "texts", *ALL_WORDS, "-q")
    assert result.stdout == "0\tb\t2\n1\ta\t1\n"
    assert result.stderr == (
        "note: skipped 1 file that is not text (texts/logo.png: a PNG picture) and 2 hidden or "
        "backup files (.git, a.txt~); to refuse such files, pass --strict\n"
    )
    assert ok("vocab", "texts", *ALL_WORDS, "--include", "*.txt") == "0\ta\t1\n1\tb\t1\n"
    both = ["--include", "*.txt", "--include", "*.md"]
    quiet = run("vocab", "texts", *ALL_WORDS, *both, "-q")
    assert (quiet.stdout, quiet.stderr) == ("0\tb\t2\n1\ta\t1\n", "")
    assert "note: skipped 2 hidden" in run("vocab", "texts", *ALL_WORDS, *both).stderr


@pytest.mark.usefixtures("texts")
def test_strict_refuses_other_files():
    message = error("pairs", "texts", *ALL_WORDS, "--strict")
    assert message == (
        "texts/logo.png is a PNG picture: expected text; remove it, or omit --strict"
    )


def test_include_needs_a_directory():
    message = error("vocab", "text.txt", "--include", "*.txt", code=2)
    assert (
        message == "--include selects files of directories, but the corpus has none; omit '*.txt'"
    )


def test_phrases_are_listed_by_pass_and_score():
    Path("cities.txt").write_text("in new york city\nin old york\nin new york city\n" * 5)
    result = run("phrases", "cities.txt", "--phrase-threshold", "0.5", "--phrases", "2")
    assert result.stdout.splitlines() == [
        "new_york\t10\t0.7622\t1",
        "york_city\t10\t0.7622\t1",
        "old_york\t5\t0.5418\t1",
        "new_york_city\t10\t1\t2",
    ]
    assert report_lines(result.stderr)[0].startswith("phrases, pass 1: 3 phrases in ")
    assert set(names()) == {"cities.txt", "text.txt", "tmp"}


def test_phrases_have_one_pass_by_default():
    Path("cities.txt").write_text("in new york\n" * 9)
    assert ok("phrases", "cities.txt", "--phrase-threshold", "-1") == "new_york\t9\t1\t1\n"


def test_words_and_pairs_have_phrases():
    Path("cities.txt").write_text("see new york\n" * 9)
    options = ["--phrases", "1", "--phrase-threshold", "0.9", "--connectors", "see"]
    assert ok("vocab", "cities.txt", *options) == "0\tnew_york\t9\n1\tsee\t9\n"
    assert ok("pairs", "cities.txt", *options).splitlines()[0] == "see\tnew_york"
