"""Blocks of text: bounded in size, without split words."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from text.helpers import blocks_of, expected, read, write
from w2v.text import blocks
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.sources import FileSource
from w2v.text.tokenizer import END_OF_LINE, Scanner

TEXT = "The quick brown fox\njumps over the lazy dög's 日本 bed\n".encode() * 40


@pytest.fixture
def small_blocks(monkeypatch):
    """Set the size of blocks."""
    return lambda size: monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", size)


HARD = (
    (
        "don't 'tis dogs' ''a'' l\u2019eau\r\nİzmir 日本カナ's\r\r\nna\u0308ive\ta\u3000b\0c "
        "x"
        * 3
        + "e\u0301\u00ada·b·1\ufe0f ___ か\u3099" * 3
        + "日本語テキスト" * 3
        + "a'b'c'd'e"
        + "𝔘𝔫\u200di"
        + "'" * 5
        + "z'"
    ).encode()
    + b"\xe6\x97 \xffab\xf0\x9d\n"
    + ("k" * 1200 + "'s end").encode()
)


@pytest.mark.parametrize("name", ["unicode", "whitespace"])
@pytest.mark.parametrize("size", [*range(1, 24), 64, 1000, 1 << 20])
def test_blocks_of_any_size_give_the_same_words(size, name, small_blocks, tmp_path):
    small_blocks(size)
    path = write(tmp_path / "f", HARD)
    assert read(FileSource([path]), name) == expected(HARD, name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from(list("aB'\u2019 \t\n\ré日カ𝔘\0.İ\u0301\u3099\u00ad\u200d·ʼ_1क\u094d")),
        max_size=40,
    ),
    dirt=st.sampled_from([b"", b"\xff", b"\xe6\x97", b"\x80"]),
    size=st.integers(1, 12),
    name=st.sampled_from(["unicode", "whitespace"]),
)
def test_blocks_of_any_text_give_the_same_words(pieces, dirt, size, name, small_blocks, tmp_path):
    text = dirt.join(piece.encode() for piece in pieces)
    small_blocks(size)
    stream = io.BytesIO(text)
    tables = character_tables(WordDefinition(name, True))
    scanner = Scanner(tables)
    words = []
    for block in blocks.split_blocks(stream, tables.last_boundary):
        ids = scanner.scan(block)
        words += [scanner.words.word(i).decode() for i in ids[ids != END_OF_LINE]]
    whole = expected(text, name)
    assert words == list(itertools.chain(*whole.lines))
    assert scanner.counts.invalid_bytes == whole.invalid_bytes


def test_a_block_is_bounded_and_ends_a_line(small_blocks, tmp_path):
    small_blocks(1000)
    path = write(tmp_path / "f", TEXT)
    found = blocks_of(FileSource([path]))
    assert b"".join(found) == TEXT
    assert all(block.endswith(b"\n") for block in found)
    assert max(map(len, found)) < 2 * 1000


def test_a_huge_line_is_split_at_white_space(small_blocks, tmp_path):
    small_blocks(1000)
    text = b"some words, in one line, without end " * 200
    found = blocks_of(FileSource([write(tmp_path / "f", text)]))
    assert b"".join(found) == text + b"\n"
    assert max(map(len, found)) < 2 * 1000
    assert all(block.endswith((b" ", b"\n")) for block in found)


def test_a_huge_line_without_white_space_is_split_between_words(small_blocks, tmp_path):
    small_blocks(1000)
    text = "数学是研究数量、结构以及空间等概念的一门学科".encode() * 300
    source = FileSource([write(tmp_path / "f", text)])
    found = blocks_of(source)
    assert b"".join(found) == text + b"\n"
    assert max(map(len, found)) < 2 * 1000
    assert read(FileSource([tmp_path / "f"])) == expected(text)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unicode", "whitespace"])
@pytest.mark.parametrize("letter", ["x", "é", "𝔘", "x'", "\u2019x", "x\u2019", "xéx𝔘", "x·"])
@pytest.mark.parametrize("after", ["", "y", "'s", " ", "' ", "日", "''y"])
def test_a_giant_token_is_dropped_whole_in_bounded_memory(
    name, letter, after, sized, small_blocks, monkeypatch, tmp_path
):
    small_blocks(sized(1 << 13))
    monkeypatch.setattr("w2v.text.blocks.STAND_IN_CHARACTERS", 1100)
    text = f"ab {letter * sized(1 << 14)}{after} cd'ef".encode()
    source = FileSource([write(tmp_path / "f", text)])
    assert read(source, name) == expected(text, name)
    found = blocks_of(FileSource([tmp_path / "f"]), name)
    assert max(map(len, found)) <= blocks.BLOCK_BYTES + 4 * blocks.STAND_IN_CHARACTERS + 8


def test_a_block_that_ends_between_two_apostrophes_ends_a_giant_token(small_blocks, tmp_path):
    small_blocks(1 << 13)
    text = b"x" * ((1 << 13) - 1) + b"''y z"
    found = read(FileSource([write(tmp_path / "f", text)]))
    assert found == ([["y", "z"]], 1, 0) == expected(text)


def test_a_giant_token_of_apostrophes_is_not_shortened_to_one(small_blocks, tmp_path):
    small_blocks(1 << 13)
    text = b"ab " + b"'" * (1 << 15) + b" cd"
    found = read(FileSource([write(tmp_path / "f", text)]), "whitespace")
    assert found == ([["ab", "cd"]], 1, 0)


@pytest.mark.parametrize("letters", ["", "a", "1", "é"])
def test_a_giant_run_of_connectors_is_a_word_only_with_a_letter(letters, small_blocks, tmp_path):
    small_blocks(1 << 13)
    text = f"ab {'_' * 5000}{letters}{'_' * (1 << 15)} cd".encode()
    found = read(FileSource([write(tmp_path / "f", text)]))
    assert found == expected(text) == ([["ab", "cd"]], int(bool(letters)), 0)


def test_invalid_bytes_split_a_giant_token(small_blocks, tmp_path):
    small_blocks(1 << 13)
    text = b"ab " + (b"x" * (1 << 14) + b"\xff") * 3 + b"cd"
    for name in ("unicode", "whitespace"):
        found = read(FileSource([write(tmp_path / "f", text)]), name)
        assert found == ([["ab", "cd"]], 3, 3)


@given(
    sizes=st.lists(st.one_of(st.integers(1, 30), st.integers(40, 200)), max_size=40),
    limit=st.integers(1, 100),
)
def test_small_blocks_are_put_together(sizes, limit):
    parts = [bytes(size) for size in sizes]
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(blocks, "BLOCK_BYTES", limit)
        found = list(blocks.batches(iter(parts)))
    assert list(itertools.chain(*found)) == parts
    assert all(found)
    assert all(2 * sum(map(len, batch)) > limit for batch in found[:-1])
    assert all(2 * sum(map(len, batch[:-1])) <= limit for batch in found)
