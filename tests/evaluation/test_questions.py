"""The parsing of evaluation files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples import ROYALS
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import FormatError, InputError
from w2v.evaluation.evaluate import Section, SimilarityResult, evaluate
from w2v.evaluation.questions import (
    Line,
    PairSet,
    Question,
    decode_lines,
    form_of,
    parse_analogies,
    parse_set,
    read_set,
    rows_by_lowercase,
)


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
        ("man woman\n", "line 1: expected two words and a score.*or four words"),
        ("man woman king queen far\n", "got only a header"),
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
    assert section.questions == [Question("café", "ça", "café", "izmir")]
    assert rows_by_lowercase(["CAFE\u0301", "café", "İzmir"]) == {"café": [0, 1], "izmir": [2]}


SIMLEX = (
    "word1\tword2\tPOS\tSimLex999\tconc(w1)\tconc(w2)\tconcQ\tAssoc(USF)\tSimAssoc333\tSD(SimLex)\n"
    "man\twoman\tN\t1.58\t2.72\t2.81\t2\t7.25\t1\t0.41\nking\tqueen\tN\t9.2\t1\t1\t1\t7\t1\t0\n"
)


@pytest.mark.parametrize(
    "text",
    [
        # SimLex-999: ten columns
        SIMLEX,
        # SimVerb-3500: no header, the score after the part of speech, a relation after it
        "man\twoman\tV\t1.58\tNONE\nking\tqueen\tV\t9.2\tSYNONYMS\n",
        # Rare words: the score, then those of the subjects
        "man\twoman\t1.58\t3\t0\nking\tqueen\t9.2\t10\t8\n",
        # the header names a column that is not the first of numbers
        "word1,word2,id,rating\nman,woman,7,1.58\nking,queen,3,9.2\n",
        # WordSim-353 with the scores of the subjects, whose numbers are in the header
        "Word 1,Word 2,Human (mean),1,2\nman,woman,1.58,3,1\nking,queen,9.2,9,8\n",
        # semicolons, with decimal points and commas
        "man;woman;1.58\nking;queen;9.2\n",
        "Wort 1; Wort 2; Wert\nman; woman; 1,58\nking; queen; 9,2\n",
        "man\twoman\t1,58\nking\tqueen\t9,2\n",
        # MEN: every word with its part of speech
        "man-n woman-n 1.58\nking-n queen-j 9.2\n",
    ],
)
def test_the_shapes_of_pairs(text, write_file):
    read = read_set(write_file(text))
    assert read.pairs == [("man", "woman", 1.58), ("king", "queen", 9.2)]


def test_a_hyphen_is_no_tag_unless_all_words_have_one(write_file):
    assert read_set(write_file("x-n woman 1\n")).pairs == [("x-n", "woman", 1)]


@pytest.mark.parametrize(
    "text",
    [
        "man woman king queen\nking queen man woman\n",
        "man\twoman\tking\tqueen\nking\tqueen\tman\twoman\n",
        "man,woman,king,queen\nking, queen, man, woman\n",
        "man;woman;king;queen\nking;queen;man;woman\n",
        "# no sections\nMan Woman King Queen\n\nking queen man woman\n",
    ],
)
def test_analogies_without_sections(text, write_file):
    read = read_set(write_file(text))
    assert [section.name for section in read.sections] == ["file"]
    assert read.sections[0].questions == [
        Question("man", "woman", "king", "queen"),
        Question("king", "queen", "man", "woman"),
    ]
    assert evaluate(ROYALS, write_file(text)).overall == Section("overall", 2, 2, 2)


def test_questions_may_have_numbers_as_words(write_file):
    text = "one two three four\nOne 1 two 2\ntwo 2 one 1\nking queen man woman\nten 10 two three\n"
    (section,) = read_set(write_file(text)).sections
    assert section.questions[1] == Question("one", "1", "two", "2")


def test_sections_may_follow_questions_without_one(write_file):
    read = read_set(write_file("man woman king queen\n: royal\nking queen man woman\n"))
    assert [(s.name, len(s.questions)) for s in read.sections] == [("file", 1), ("royal", 1)]


def test_a_header_of_four_names_is_not_a_question(write_file):
    read = read_set(write_file("word1 word2 pos score\nman woman n 3\n"))
    assert read.pairs == [("man", "woman", 3)]


def test_the_score_must_be_there_in_every_row(write_file):
    with pytest.raises(FormatError, match="line 2: expected a score in column 4, got 3 columns"):
        read_set(write_file("man woman n 3\nking queen 7\n"))


def test_a_directory_of_relations(tmp_path):
    (tmp_path / "BATS" / "1_x").mkdir(parents=True)
    (tmp_path / "BATS" / "1_x" / "I01 [royal].txt").write_text("man\tking\nWoman\tqueen/Lady\n")
    (tmp_path / "BATS" / "I02.txt").write_text("man woman/lady\n\nking queen\n")
    (tmp_path / "BATS" / "metadata.json").write_text("{}")
    read = read_set(tmp_path / "BATS")
    assert read.name == "BATS"
    royal, other = read.sections
    assert (royal.name, royal.questions) == (
        "I01 [royal]",
        [
            Question("man", "king", "woman", "queen", ("lady",)),
            Question("woman", "queen", "man", "king"),
        ],
    )
    assert other.questions[1] == Question("king", "queen", "man", "woman", ("lady",))
    # "lady" has no vector, so "woman" is the answer; any of the answers covers a question
    assert evaluate(ROYALS, tmp_path / "BATS").overall == Section("overall", 4, 4, 4)
    lady = Embeddings(["man", "lady", "king", "queen"], ROYALS.matrix[:4])
    assert evaluate(lady, tmp_path / "BATS").sections[1] == Section("I02", 1, 1, 2)


@pytest.mark.parametrize("text", ["man\n", "man\tking\tqueen\n", "man\t/\n", "man king queen\n"])
def test_malformed_relations_are_rejected(text, tmp_path):
    (tmp_path / "a.txt").write_text(f"man\tking\n{text}")
    with pytest.raises(
        FormatError, match=r"a\.txt, line 2: expected a word, a tab and its answers"
    ):
        read_set(tmp_path)


def test_a_directory_without_relations_is_rejected(tmp_path):
    (tmp_path / "a.txt").write_text("man\tking\n")  # one pair makes no question
    with pytest.raises(InputError, match=r"expected files \*\.txt with two or more lines"):
        read_set(tmp_path)


def test_case_is_ignored_unless_asked_for(write_file):
    embeddings = Embeddings(["Man", "man", "woman"], np.array([[0, 1.0], [1, 0], [1, 0.1]]))
    path = write_file("man woman 3\nMan woman 2\nWOMAN man 1\n")
    assert read_set(path, lower=False).pairs[2] == ("WOMAN", "man", 1)
    assert evaluate(embeddings, path).covered == 3
    exact = evaluate(embeddings, path, lower=False)
    assert (exact.covered, exact.rho) == (2, pytest.approx(1))
    questions = write_file(": s\nMan man woman woman\nmAn man woman woman\n")
    assert evaluate(embeddings, questions).covered == 2
    assert evaluate(embeddings, questions, lower=False).covered == 1


_FIELDS = st.lists(
    st.sampled_from(["man", "a-n", "1.5", "-", ":", "#", "", "score", "é", "1,5", "x/y", "nan"]),
    max_size=6,
)


@given(
    st.lists(
        st.tuples(_FIELDS, st.sampled_from(["\t", ";", ",", " ", ", "])).map(
            lambda line: line[1].join(line[0])
        ),
        max_size=6,
    ),
    st.text(max_size=20),
)
def test_any_text_is_read_or_refused(lines, rest):
    data = "\n".join([*lines, rest]).encode("utf-8", "surrogatepass")
    read, message = None, "f"
    try:
        read = parse_set(decode_lines(data, "f"), "f", "f", form_of(lower=True))
    except FormatError as error:
        message = str(error)
    assert message.startswith("f")
    assert "\n" not in message
    if isinstance(read, PairSet):
        assert all(pair.first and pair.second for pair in read.pairs)
        assert np.isfinite([pair.score for pair in read.pairs]).all()
    elif read is not None:
        assert all(all(q[:4]) for section in read.sections for q in section.questions)
