"""The text formats beyond what all formats promise: gzip, GloVe, and the projector's folder."""

from __future__ import annotations

import gzip
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from w2v.cli.main import main
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import FormatError, InputError
from w2v.formats.classic import glove, projector, word2vec_bin, word2vec_text
from w2v.formats.classic import lines as textfile
from w2v.formats.registry import load

TWO = Embeddings(["a", "é"], [[1.0, 0.1], [3.0, -4.5]])
ROWS = "a 1 0.100000001\né 3 -4.5\n"


def packed(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data, mtime=0))
    return path


# gzip


@pytest.mark.parametrize(
    ("codec", "text"), [(word2vec_text, "2 2\n" + ROWS), (glove, ROWS)], ids=["word2vec", "glove"]
)
def test_the_name_tells_the_writer_to_pack(codec, text, tmp_path):
    for name in ("plain.txt", "one.txt.gz", "two.vec.GZ"):
        codec.write(TWO, tmp_path / name)
    assert (tmp_path / "plain.txt").read_text("utf-8") == text
    assert gzip.decompress((tmp_path / "one.txt.gz").read_bytes()).decode() == text
    assert (tmp_path / "one.txt.gz").read_bytes() == (tmp_path / "two.vec.GZ").read_bytes()
    assert (tmp_path / "one.txt.gz").read_bytes()[4:8] == bytes(4)  # of the time


@pytest.mark.parametrize(("codec", "head"), [(word2vec_text, b"1 1\n"), (glove, b"")])
def test_the_content_tells_the_reader_to_unpack(codec, head, tmp_path):
    path = packed(tmp_path / "file", head + b"a 1\n")
    assert codec.read(path).matrix.tolist() == [[1]]


def test_a_packed_file_in_parts_is_read(tmp_path):
    parts = gzip.compress(b"2 1\na 1\n") + gzip.compress(b"b 2\n")
    (tmp_path / "x.txt.gz").write_bytes(parts)
    assert load(tmp_path / "x.txt.gz").words == ["a", "b"]


@pytest.mark.parametrize("name", ["x.txt.gz", "x.vec.gz", "x.glove.gz"])
def test_a_packed_file_that_is_damaged_is_refused(name, tmp_path):
    data = gzip.compress(b"2 1\na 1\nb 2\n" if name != "x.glove.gz" else b"a 1\nb 2\n")
    no_block = data[:10] + b"\xff" + data[11:]
    other_sum = data[:-5] + b"x" + data[-4:]
    for damaged in (data[:-9], data[:-1], data[:11], no_block, other_sum, data + b"x"):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(FormatError, match=f"{name}: a gzip file that is damaged or cut short"):
            load(tmp_path / name)


BOMBS = {
    "a header that lies": (b"%d 2\na 1 2\n" % 2**60, "take at least"),
    "more rows than are packed": (b"100 2\na 1 2\n", "line 3: expected a whole line"),
    "a line without end": (b"1 1\na" + bytes(1 << 25), "no line of a text of vectors takes over"),
    "numbers without end": (b"1 2\na" + b" 0" * 65_000 + b"\n", "expected 2 numbers, got 65000"),
    "one word again and again": (b"8000000 1\n" + b"a 0\n" * (1 << 23), "'a' is word 0 already"),
    "empty lines without end": (b"1 1\na 1\n" + b"\n" * (1 << 25), "there is text after the 1"),
    "too many dimensions": (b"1 1000001\na" + b" 0" * 1_000_001 + b"\n", "at most 1000000 dim"),
}


@pytest.mark.parametrize(("text", "finding"), BOMBS.values(), ids=BOMBS)
def test_a_small_file_that_unpacks_to_much_is_refused_in_little_memory(
    text, finding, tmp_path, monkeypatch
):
    monkeypatch.setattr(textfile, "LONGEST_LINE", 1 << 17)
    path = packed(tmp_path / "x.vec", text)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=finding):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_the_longest_row_fits_into_the_longest_line():
    row = next(textfile.rows_of_text(np.full((1, 1000), -1.17549435e-38, np.float32), " "))
    assert len(row) * textfile.MOST_DIMENSIONS / 1000 < textfile.LONGEST_LINE / 2


# GloVe


def test_glove_is_read_and_written_without_a_header(tmp_path):
    glove.write(TWO, tmp_path / "x.glove")
    assert (tmp_path / "x.glove").read_text("utf-8") == ROWS
    assert load(tmp_path / "x.glove").words == ["a", "é"]


def test_a_text_file_is_told_by_its_first_line(tmp_path):
    (tmp_path / "x.txt").write_text("the 0.5\n5 0.25\n")
    assert load(tmp_path / "x.txt").words == ["the", "5"]
    (tmp_path / "x.txt").write_text("1 1\nthe 0.5\n")
    assert load(tmp_path / "x.txt").words == ["the"]
    # A number of one dimension that is whole cannot be told from a header: name the format.
    assert glove.read(packed(tmp_path / "x.txt", b"1 1\nthe 0.5\n")).words == ["1", "the"]


def test_words_of_glove_may_have_spaces(tmp_path):
    # As in glove.840B.300d.txt.
    (tmp_path / "x").write_text(". . . 0.5 -1\nat name@domain.com 1e-5 +2 \r\n95 3 .5\n\xa0 1 2\n")
    back = glove.read(tmp_path / "x")
    assert back.words == [". . .", "at name@domain.com", "95", "\xa0"]
    assert back.matrix.tolist() == np.float32([[0.5, -1], [1e-5, 2], [3, 0.5], [1, 2]]).tolist()
    with pytest.raises(FormatError, match=r"'\. \. \.' contains white space, which glove cannot"):
        glove.write(back, tmp_path / "y")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "line 0: expected a first line of a word and its numbers, got ''"),
        ("\n", "line 1: expected a first line of a word and its numbers, got ''"),
        ("the\n", "line 1: expected a first line of a word and its numbers, got 'the'"),
        ("a 1 x\n", "line 1: expected a first line of a word and its numbers, got 'a 1 x'"),
        ("a 1 nan\n", "line 1: expected a first line of a word and its numbers, got 'a 1 nan'"),
        (f"a {'x' * 99}\n", f"got 'a {'x' * 62}'"),
        ("a 1 2\nb 1\n", "line 2: expected 2 numbers, got 1"),
        ("a 1 2\nb 1 2 3\n", "line 2: expected 2 numbers, got 3"),
        ("a 1 2\nWindows 95 1 2\n", "line 2: expected 2 numbers, got 3"),
        ("400000 2\na 1 2\n", "line 2: expected 1 numbers, got 2"),
        ("a 1 2\n\n", "line 2: expected 2 numbers, got 0"),
        ("a 1 2\nb 1 x\n", "line 2: expected 2 numbers: could not convert string to float"),
        ("a 1 2\nb 1 2", "line 2: expected a whole line"),
        ("a 1\nb 2\na 3\n", "line 3: 'a' is word 0 already; words must differ"),
        ("a 1\nb nan\n", "x: the vector of word 1, 'b', holds NaN or infinity"),
        ("a 1e39\n", "x: the vector of word 0, 'a', holds NaN or infinity"),
        (" 1\n", "x: word 0 is ''"),
    ],
)
def test_a_malformed_glove_file_is_refused(text, finding, tmp_path):
    (tmp_path / "x").write_text(text)
    with pytest.raises(FormatError, match=finding):
        glove.read(tmp_path / "x")


def test_no_more_dimensions_are_read_than_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(textfile, "MOST_DIMENSIONS", 3)
    (tmp_path / "x").write_text("a 1 2 3\n")
    assert glove.read(tmp_path / "x").dim == 3
    (tmp_path / "x").write_text("a 1 2 3 4 5\n")
    with pytest.raises(FormatError, match="line 1: expected at most 3 numbers, got 4"):
        glove.read(tmp_path / "x")
    (tmp_path / "x").write_text("1 4\na 1 2 3 4\n")
    with pytest.raises(FormatError, match="x: expected at most 3 dimensions, got 4"):
        word2vec_text.read(tmp_path / "x")


@pytest.mark.parametrize("name", ["x.bin", "x.txt", "x.glove", "x.glove.gz"])
def test_convert_counts_words_that_are_not_utf8(name, tmp_path):
    row = b"caf\xc3 " + np.float32(1).tobytes()
    data = {"x.bin": b"1 1\n" + row, "x.txt": b"1 1\ncaf\xc3 1\n"}.get(name, b"caf\xc3 1\n")
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    arguments = ["convert", str(tmp_path / name), str(tmp_path / "y.glove")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0
    assert done.stderr == f"1 words of {arguments[1]} are not UTF-8; in their place stands U+FFFD\n"
    assert (tmp_path / "y.glove").read_text("utf-8") == "caf� 1\n"


def test_the_formats_are_listed():
    lines = CliRunner().invoke(main, ["formats"]).output.splitlines()
    assert [re.split(" {2,}", line)[:2] for line in lines][1:4] == [
        ["word2vec-text", ".txt .vec .txt.gz .vec.gz"],
        ["word2vec-bin", ".bin"],
        ["glove", ".glove .glove.gz .txt .txt.gz"],
    ]
    assert lines[0].startswith("npy            folder  ")


# The projector


def test_the_projector_gets_words_without_a_header(tmp_path):
    projector.write(TWO, tmp_path / "p")
    assert (tmp_path / "p" / "tensors.tsv").read_text() == "1\t0.100000001\n3\t-4.5\n"
    assert (tmp_path / "p" / "metadata.tsv").read_text("utf-8") == "a\né\n"
    assert projector.read(tmp_path / "p").counts is None


def test_the_projector_gets_counts_under_a_header(tmp_path):
    projector.write(Embeddings(["word", "b c"], np.eye(2), [2**62, 0]), tmp_path / "p")
    expected = f"word\tcount\nword\t{2**62}\nb c\t0\n"
    assert (tmp_path / "p" / "metadata.tsv").read_text("utf-8") == expected
    back = load(tmp_path / "p")
    assert back.words == ["word", "b c"]
    assert back.counts.tolist() == [2**62, 0]


@pytest.mark.parametrize("word", ["a\tb", "a\n", "\rb", " ", "\xa0", "\ufeff", "\u2028"])
def test_a_word_the_projector_would_not_show_is_refused(word, tmp_path):
    with pytest.raises(FormatError, match="contains a tab or a line end, or nothing but") as got:
        projector.write(Embeddings(["a", word], np.eye(2)), tmp_path / "p")
    assert repr(word) in str(got.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_kind_is_not_replaced_by_one_of_the_projector(tmp_path):
    TWO.save(tmp_path / "m")
    done = CliRunner().invoke(
        main, ["convert", *map(str, (tmp_path / "m", tmp_path / "m")), "-f", "projector"]
    )
    assert "exists already" in done.stderr
    done = CliRunner().invoke(
        main,
        ["convert", *map(str, (tmp_path / "m", tmp_path / "m")), "-f", "projector", "--overwrite"],
    )
    assert "holds tensors.tsv and metadata.tsv" in done.stderr
    assert load(tmp_path / "m").words == TWO.words


@pytest.mark.parametrize(
    ("metadata", "tensors", "finding"),
    [
        ("a\nb\n", "1\t2\n", "p: metadata.tsv has 2 words, tensors.tsv 1 rows; the files do not"),
        ("a\n", "1\t2\n3\t4\n", "p: metadata.tsv has 1 words, tensors.tsv 2 rows"),
        ("a\nb\n", "1\t2\n3\n", "tensors.tsv, line 2: expected 2 numbers, got 1"),
        ("a\n", "", "tensors.tsv: expected a row of numbers for each word, got none"),
        ("a\n", "1 2\n", "tensors.tsv, line 1: expected 1 numbers: could not convert"),
        ("a\n", "1\t2", "tensors.tsv, line 1: expected a whole line"),
        ("a\n", "1\tinf\n", "p: the vector of word 0, 'a', holds NaN"),
        ("a\nb\na\n", "1\n1\n1\n", "metadata.tsv, line 3: 'a' is word 0 already"),
        ("word\tcount\na\t1\na\t2\n", "1\n1\n", "metadata.tsv, line 3: 'a' is word 0 already"),
        ("", "1\n", "p: word 0 is ''"),
        ("name\tcount\na\t1\n", "1\n", "metadata.tsv, line 1: expected words, one a line, or"),
        ("word\tcount\tx\na\t1\t2\n", "1\n", "line 1: .* under the line .*; got 'word.tcount.tx'"),
        ("word\tcount\na\n", "1\n", "metadata.tsv, line 2: expected words, .* got 'a'"),
        ("word\tcount\na\t-1\n", "1\n", "metadata.tsv, line 2: expected words"),
        ("word\tcount\na\t" + "9" * 19 + "\n", "1\n", "p: the counts must be 1 integers"),
        ("a\nb\tc\n", "1\n1\n", "metadata.tsv, line 2: expected words, one a line"),
        ("word\tcount\na\tb\t1\n", "1\n", "metadata.tsv, line 2: expected words, one a line"),
    ],
)
def test_a_malformed_projector_folder_is_refused(metadata, tensors, finding, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "metadata.tsv").write_text(metadata)
    (tmp_path / "p" / "tensors.tsv").write_text(tensors)
    with pytest.raises(FormatError, match=finding):
        load(tmp_path / "p")


def test_line_ends_of_other_systems_are_taken(tmp_path):
    (tmp_path / "metadata.tsv").write_bytes(b"word\tcount\r\nb\t2\r\n")
    (tmp_path / "tensors.tsv").write_bytes(b"1\t2\r\n")
    back = load(tmp_path)
    assert (back.words, back.matrix.tolist(), back.counts.tolist()) == (["b"], [[1, 2]], [2])


def test_no_more_dimensions_are_projected_than_trained(tmp_path, monkeypatch):
    projector.write(TWO, tmp_path / "p")
    monkeypatch.setattr(textfile, "MOST_DIMENSIONS", 1)
    with pytest.raises(FormatError, match=r"tensors\.tsv, line 1: expected at most 1 numbers, got"):
        projector.read(tmp_path / "p")


def test_a_projector_file_that_is_missing_is_named(tmp_path):
    projector.write(TWO, tmp_path / "p")
    (tmp_path / "p" / "tensors.tsv").unlink()
    with pytest.raises(InputError, match=r"cannot read .*tensors\.tsv: No such file"):
        projector.read(tmp_path / "p")


def test_a_binary_file_has_no_more_dimensions_than_trained(tmp_path, monkeypatch):
    word2vec_bin.write(TWO, tmp_path / "x.bin")
    monkeypatch.setattr(textfile, "MOST_DIMENSIONS", 1)
    with pytest.raises(FormatError, match="expected at most 1 dimensions, got 2"):
        load(tmp_path / "x.bin")
