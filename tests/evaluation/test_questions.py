"""The parsing of evaluation files."""

from __future__ import annotations

import pytest

from samples import ROYALS
from w2v.errors import FormatError, InputError
from w2v.evaluation.evaluate import SimilarityResult, evaluate
from w2v.evaluation.questions import Line, parse_analogies, rows_by_lowercase


@pytest.mark.parametrize(
    "text",
    [
        "man woman 1\nking queen 9\n",
        "man,woman,1\nking,queen,9\n",
        "man, woman, 1\nking , queen , 9",
        "man\twoman\t1\r\nking\tqueen\t9\r\n",
        "\ufeffword1,word2,score\nman,woman,1\nking,queen,9\n",
        "word1 word2 score\n\n# more\nman   woman  +1.0e0\n#\nking queen 9\n",
        "\ufeffman woman -.5\nking queen 9\n",
    ],
)
def test_separators_headers_and_comments(text, write_file):
    assert evaluate(ROYALS, write_file(text)) == SimilarityResult(
        "file.txt", pytest.approx(1), 2, 2
    )


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (": x\nman woman king queen\nman woman king\n", "line 3: expected four words, got 3"),
        (": x\n\nman woman king queen far\n", "line 3: expected four words, got 5"),
        (": x\n: y\n", "expected lines of four words below the section names, got none"),
        ("man woman king queen\n", "line 1: expected two words and a score.*': section'"),
        ("man woman 1\nking queen\n", "line 2: expected two words and a score"),
        ("man\twoman\t1\nking\t\t2\n", "line 2: expected two words and a score"),
        ("man woman 1\nking queen high\n", "line 2: expected a number as score, got 'high'"),
        ("man woman 1_0\n", "line 1: expected a number as score, got '1_0'"),
        ("man woman 1\nking queen ٢\n", "line 2: expected a number as score, got '٢'"),
        ("man woman 1x\n", "line 1: expected a number as score, got '1x'"),
        ("man woman 1\nking queen nan\n", "line 2: expected a number as score, got 'nan'"),
        ("man woman 1\n: x\nman woman king queen\n", "line 2: expected two words and a score"),
        ("word1 word2 score\n", "got only a header"),
        ("# nothing\n\n", "got an empty file"),
        ("", "got an empty file"),
    ],
)
def test_malformed_lines_are_rejected(text, finding, write_file):
    with pytest.raises(FormatError, match=rf"file\.txt(, |: ).*{finding}|{finding}") as got:
        evaluate(ROYALS, write_file(text))
    assert "file.txt" in str(got.value)


def test_unreadable_files_are_rejected(tmp_path):
    (tmp_path / "file").write_bytes(b"man woman 1\n\xff\xfe 1\n")
    with pytest.raises(FormatError, match="file, line 2: expected UTF-8"):
        evaluate(ROYALS, tmp_path / "file")
    with pytest.raises(InputError, match=r"cannot read .*nowhere"):
        evaluate(ROYALS, tmp_path / "nowhere")
    with pytest.raises(InputError, match="cannot read"):
        evaluate(ROYALS, tmp_path)


def test_equivalent_words_are_compared_as_equal():
    decomposed = "Cafe\u0301 Ça Café I\u0307zmir"
    (section,) = parse_analogies([Line(1, ": s"), Line(2, decomposed)], "f")
    assert section.questions == [("café", "ça", "café", "izmir")]
    assert rows_by_lowercase(["CAFE\u0301", "café", "İzmir"]) == {"café": [0, 1], "izmir": [2]}
