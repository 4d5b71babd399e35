"""Common features of the text formats: gzip, long lines, and files that expand too much."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from w2v.cli.main import main
from w2v.embeddings.load import load
from w2v.errors import FormatError
from w2v.formats.classic import glove, lines, word2vec_text
from w2v.formats.registry import FORMATS
from w2v.formats.table import VectorTable

TWO = VectorTable(["a", "é"], [[1.0, 0.1], [3.0, -4.5]])
ROWS = "a 1 0.100000001\né 3 -4.5\n"


def compressed(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data, mtime=0))
    return path


@pytest.mark.parametrize(
    ("codec", "text"), [(word2vec_text, "2 2\n" + ROWS), (glove, ROWS)], ids=["word2vec", "glove"]
)
def test_the_name_determines_whether_a_file_is_compressed(codec, text, tmp_path):
    for name in ("plain.txt", "one.txt.gz", "two.vec.GZ"):
        codec.write(TWO, tmp_path / name)
    assert (tmp_path / "plain.txt").read_text("utf-8") == text
    assert gzip.decompress((tmp_path / "one.txt.gz").read_bytes()).decode() == text
    assert (tmp_path / "one.txt.gz").read_bytes() == (tmp_path / "two.vec.GZ").read_bytes()
    assert (tmp_path / "one.txt.gz").read_bytes()[4:8] == bytes(4)  # the modification time


@pytest.mark.parametrize(("codec", "head"), [(word2vec_text, b"1 1\n"), (glove, b"")])
def test_the_content_determines_whether_a_file_is_decompressed(codec, head, tmp_path):
    path = compressed(tmp_path / "file", head + b"a 1\n")
    assert codec.read(path).matrix.tolist() == [[1]]


def test_gzip_files_of_several_members_are_read(tmp_path):
    parts = gzip.compress(b"2 1\na 1\n") + gzip.compress(b"b 2\n")
    (tmp_path / "x.txt.gz").write_bytes(parts)
    assert load(tmp_path / "x.txt.gz").words == ["a", "b"]


@pytest.mark.parametrize("name", ["x.txt.gz", "x.vec.gz", "x.glove.gz"])
def test_damaged_gzip_files_are_rejected(name, tmp_path):
    data = gzip.compress(b"2 1\na 1\nb 2\n" if name != "x.glove.gz" else b"a 1\nb 2\n")
    no_block = data[:10] + b"\xff" + data[11:]
    other_sum = data[:-5] + b"x" + data[-4:]
    for damaged in (data[:-9], data[:-1], data[:11], no_block, other_sum, data + b"x"):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(FormatError, match=f"{name}: the gzip file is damaged or truncated"):
            load(tmp_path / name)


BOMBS = {
    "a wrong header": (b"%d 2\na 1 2\n" % 2**60, "announces 1,152,921,504,606,846,976 rows"),
    "more rows than are there": (b"100 2\na 1 2\n", "announces 100 rows, but there are 1;"),
    "an endless line": (b"1 1\na" + bytes(1 << 25), "the line is longer than"),
    "endless numbers": (b"1 2\na" + b" 0" * 65_000 + b"\n", "expected 2, got 1002 or more"),
    "one word repeated": (b"8000000 1\n" + b"a 0\n" * (1 << 23), "'a' is also word 0"),
    "endless empty lines": (b"1 1\na 1\n" + b"\n" * (1 << 25), "there is text after the 1"),
    "too many dimensions": (b"1 1000001\na" + b" 0" * 1_000_001 + b"\n", "at most 1000000 dim"),
}


@pytest.mark.parametrize(("text", "finding"), BOMBS.values(), ids=BOMBS)
def test_files_that_expand_too_much_are_rejected_in_little_memory(
    text, finding, tmp_path, monkeypatch
):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1 << 17)
    path = compressed(tmp_path / "x.vec", text)
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match=finding):
            load(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_the_longest_row_fits_into_a_line():
    row = next(lines.format_rows(np.full((1, 1000), -1.17549435e-38, np.float32), " "))
    assert len(row) * lines.MAX_DIM / 1000 < lines.MAX_LINE_BYTES / 2


@pytest.mark.parametrize("name", ["x.bin", "x.txt", "x.glove", "x.glove.gz"])
def test_convert_counts_words_that_are_not_utf8(name, tmp_path):
    row = b"caf\xc3 " + np.float32(1).tobytes()
    data = {"x.bin": b"1 1\n" + row, "x.txt": b"1 1\ncaf\xc3 1\n"}.get(name, b"caf\xc3 1\n")
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    arguments = ["convert", str(tmp_path / name), str(tmp_path / "y.glove")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0
    assert f"1 words of {arguments[1]} are not UTF-8" in done.stderr
    assert (tmp_path / "y.glove").read_text("utf-8") == "caf� 1\n"


@pytest.mark.parametrize("number", ["1_0", "1_0.5", "1e1_0", "_1", "1_"])
@pytest.mark.parametrize(
    ("name", "head"), [("v.txt", "2 2\na 1 2\n"), ("v.glove", "a 1 2\n")], ids=["word2vec", "glove"]
)
@pytest.mark.parametrize("position", [0, 1])
def test_numbers_have_no_underscores(position, name, head, number, tmp_path):
    """Python's float reads 1_0 as 10."""
    fields = ["3", "4"]
    fields[position] = number
    (tmp_path / name).write_text(f"{head}b {' '.join(fields)}\n")
    with pytest.raises(FormatError, match=rf"{name}, line 2|3: not a number: '{number}'"):
        load(tmp_path / name)


def test_the_first_line_of_a_headerless_file_has_no_underscores(tmp_path):
    (tmp_path / "v.glove").write_text("a 1_0 2\n")
    with pytest.raises(FormatError, match=r"v\.glove, line 1: not a number: '1_0'"):
        load(tmp_path / "v.glove")


def test_words_may_have_underscores(tmp_path):
    (tmp_path / "v.txt").write_text("1 2\nnew_york 1 2\n")
    (tmp_path / "v.glove").write_text("1_0 1 2\n")
    assert load(tmp_path / "v.txt").words == ["new_york"]
    assert load(tmp_path / "v.glove").words == ["1_0"]


@pytest.mark.parametrize("name", ["glove", "projector", "word2vec-text", "word2vec-bin"])
def test_a_first_word_that_begins_with_a_byte_order_mark_survives(name, tmp_path):
    """The reader ignores one byte-order mark at the beginning of a file."""
    table = VectorTable(["\ufeffthe", "the"], np.eye(2))
    FORMATS[name].write(table, tmp_path / "file")
    assert FORMATS[name].read(tmp_path / "file").words == table.words


def test_the_sample_of_a_headerless_file_takes_little_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE_BYTES", 1 << 20)
    long = b"%d" + b"x" * (1 << 19) + b" 1\n"
    path = compressed(tmp_path / "x.glove", b"a 1\na 1\n" + b"".join(long % i for i in range(60)))
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="line 2: repeated word: 'a' is also word 0"):
            glove.read(path)
        assert tracemalloc.get_traced_memory()[1] < 1 << 22
    finally:
        tracemalloc.stop()
