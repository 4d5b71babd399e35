"""The directory of the Embedding Projector of TensorBoard."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner

from w2v.cli.main import main
from w2v.embeddings.load import load
from w2v.errors import FormatError, InputError
from w2v.formats import native
from w2v.formats.classic import lines, projector
from w2v.formats.table import VectorTable

TWO = VectorTable(["a", "é"], [[1.0, 0.1], [3.0, -4.5]])


def test_words_without_counts_have_no_header(tmp_path):
    projector.write(TWO, tmp_path / "p")
    assert (tmp_path / "p" / "tensors.tsv").read_text() == "1\t0.100000001\n3\t-4.5\n"
    assert (tmp_path / "p" / "metadata.tsv").read_text("utf-8") == "a\né\n"
    assert projector.read(tmp_path / "p").counts is None


def test_words_with_counts_have_a_header(tmp_path):
    projector.write(VectorTable(["word", "b c"], np.eye(2), [2**62, 0]), tmp_path / "p")
    expected = f"word\tcount\nword\t{2**62}\nb c\t0\n"
    assert (tmp_path / "p" / "metadata.tsv").read_text("utf-8") == expected
    back = load(tmp_path / "p")
    assert back.words == ["word", "b c"]
    assert back.counts.tolist() == [2**62, 0]


@pytest.mark.parametrize("word", ["a\tb", "a\n", "\rb", " ", "\xa0", "\ufeff", "\u2028"])
def test_words_that_the_projector_would_not_show_are_rejected(word, tmp_path):
    with pytest.raises(
        FormatError, match="contains a tab or a line break, or only white space"
    ) as got:
        projector.write(VectorTable(["a", word], np.eye(2)), tmp_path / "p")
    assert repr(word) in str(got.value)
    assert list(tmp_path.iterdir()) == []


def test_directories_of_other_formats_are_not_replaced(tmp_path):
    native.write(TWO, tmp_path / "m")
    done = CliRunner().invoke(
        main, ["convert", *map(str, (tmp_path / "m", tmp_path / "m")), "-f", "projector"]
    )
    assert "exists already" in done.stderr
    done = CliRunner().invoke(
        main,
        ["convert", *map(str, (tmp_path / "m", tmp_path / "m")), "-f", "projector", "--overwrite"],
    )
    assert "with tensors.tsv and metadata.tsv" in done.stderr
    assert load(tmp_path / "m").words == TWO.words


@pytest.mark.parametrize(
    ("metadata", "tensors", "finding"),
    [
        ("a\nb\n", "1\t2\n", "p: metadata.tsv has 2 words, tensors.tsv 1 rows; the files do not"),
        ("a\n", "1\t2\n3\t4\n", "p: metadata.tsv has 1 words, tensors.tsv 2 rows"),
        ("a\nb\n", "1\t2\n3\n", "tensors.tsv, line 2: expected 2 numbers, got 1"),
        ("a\n", "", "tensors.tsv: expected a row of numbers for each word, got none"),
        ("a\n", "1 2\n", "tensors.tsv, line 1: expected 1 numbers: not a number: '1 2'"),
        ("a\nb\n", "1\t2\n3", "tensors.tsv, line 2: expected 2 numbers, got 1"),
        ("a\n", "1\t1_0\n", "tensors.tsv, line 1: expected 2 numbers: not a number: '1_0'"),
        ("a\n", "1\t2\r\t3\n", r"line 1: expected 3 numbers: not a number: '2\\r'"),
        ("a\n", "1\t\n", "tensors.tsv, line 1: expected 2 numbers: not a number: ''"),
        ("a\n", "1\tinf\n", "tensors.tsv, line 1: expected 2 numbers: NaN or infinity"),
        ("a\n", "1\t1e39\n", "tensors.tsv, line 1: expected 2 numbers: NaN or infinity"),
        ("a\nb\na\n", "1\n1\n1\n", "metadata.tsv, line 3: 'a' is also word 0"),
        ("word\tcount\na\t1\na\t2\n", "1\n1\n", "metadata.tsv, line 3: 'a' is also word 0"),
        ("", "1\n", "p: word 0 must be a non-empty string"),
        ("name\tcount\na\t1\n", "1\n", "metadata.tsv, line 1: expected one word per line, or"),
        ("word\tcount\tx\na\t1\t2\n", "1\n", "line 1: .* below the line .*, got 'word.tcount.tx'"),
        ("word\tcount\na\n", "1\n", "metadata.tsv, line 2: expected one word .* got 'a'"),
        ("word\tcount\na\t-1\n", "1\n", "metadata.tsv, line 2: expected one word per line"),
        ("word\tcount\na\t" + "9" * 19 + "\n", "1\n", "p: the counts must be 1 integers"),
        ("a\nb\tc\n", "1\n1\n", "metadata.tsv, line 2: expected one word per line"),
        ("word\tcount\na\tb\t1\n", "1\n", "metadata.tsv, line 2: expected one word per line"),
    ],
)
def test_malformed_files_are_rejected(metadata, tensors, finding, tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "metadata.tsv").write_text(metadata)
    (tmp_path / "p" / "tensors.tsv").write_text(tensors)
    with pytest.raises(FormatError, match=finding):
        load(tmp_path / "p")


def test_crlf_is_accepted(tmp_path):
    (tmp_path / "metadata.tsv").write_bytes(b"word\tcount\r\nb\t2\r\n")
    (tmp_path / "tensors.tsv").write_bytes(b"1\t2\r\n")
    back = load(tmp_path)
    assert (back.words, back.matrix.tolist(), back.counts.tolist()) == (["b"], [[1, 2]], [2])


def test_the_number_of_dimensions_is_limited(tmp_path, monkeypatch):
    projector.write(TWO, tmp_path / "p")
    monkeypatch.setattr(lines, "MAX_DIM", 1)
    with pytest.raises(FormatError, match=r"tensors\.tsv, line 1: expected at most 1 numbers, got"):
        projector.read(tmp_path / "p")


def test_the_error_names_a_missing_file(tmp_path):
    projector.write(TWO, tmp_path / "p")
    (tmp_path / "p" / "tensors.tsv").unlink()
    with pytest.raises(InputError, match=r"cannot read .*tensors\.tsv: No such file"):
        projector.read(tmp_path / "p")
