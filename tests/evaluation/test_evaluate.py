"""Evaluation: by hand on tiny files, and held to gensim and scipy on random ones."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError, InputError
from w2v.evaluation import evaluate as evaluation
from w2v.evaluation.evaluate import AnalogyResult, Section, SimilarityResult, evaluate, spearman

if TYPE_CHECKING:
    from pathlib import Path

# Two sexes and two ranks: king - man + woman = queen. "far" is near nothing.
ROYALS = Embeddings(
    ["man", "woman", "king", "queen", "far", "late"],
    np.array([[1, 0, 0], [0, 1, 0], [1, 0, 2], [0, 1, 2], [-1, -1, -1], [-1, -1, 0]], np.float32),
)


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        (tmp_path / "file.txt").write_text(text, encoding="utf-8")
        return tmp_path / "file.txt"

    return write


@pytest.fixture(scope="module")
def gensim_vectors():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of gensim's own imports
        models = pytest.importorskip("gensim.models", reason="gensim is not installed")

    def make(embeddings: Embeddings):
        vectors = models.KeyedVectors(embeddings.dim)
        vectors.add_vectors(embeddings.words, embeddings.matrix)
        return vectors

    return make


def test_analogies_by_hand(written):
    path = written(
        ": family\nman woman king queen\nMan Woman King Queen\nking queen man far\n"
        "man woman king unknown\n: gram1-x\nman king woman queen\n\n: gram2-empty\n"
    )
    result = evaluate(ROYALS, path)
    assert result == AnalogyResult(
        "file.txt",
        (
            Section("family", correct=2, covered=3, total=4),
            Section("gram1-x", correct=1, covered=1, total=1),
            Section("gram2-empty", correct=0, covered=0, total=0),
        ),
    )
    assert result.semantic == Section("semantic", 2, 3, 4)
    assert result.syntactic == Section("syntactic", 1, 1, 1)
    assert (result.correct, result.covered, result.total) == (3, 4, 5)
    assert result.accuracy == 3 / 4
    assert result.sections[0].accuracy == 2 / 3
    assert result.sections[2].accuracy is None


def test_only_the_most_frequent_words_count(written):
    path = written(": x\nman woman king queen\nman woman king far\n")
    assert evaluate(ROYALS, path, top=4).overall == Section("overall", 1, 1, 2)
    assert evaluate(ROYALS, path, top=3).overall == Section("overall", 0, 0, 2)
    assert evaluate(ROYALS, path, top=3).accuracy is None
    with pytest.raises(ConfigError, match="top must be a whole number at least 1, got 0"):
        evaluate(ROYALS, path, top=0)


def test_candidates_beyond_the_most_frequent_do_not_answer(written):
    # "late" is the exact answer, "far" only the next best, but within the top.
    words = ["a", "b", "c", "far", "late"]
    matrix = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 1, 0.5], [-1, 1, 1]]
    path = written(": x\na b c far\n")
    embeddings = Embeddings(words, np.array(matrix, float))
    assert evaluate(embeddings, path, top=4).correct == 1
    assert evaluate(embeddings, path, top=5).correct == 0


def test_words_asked_with_are_no_answers(written):
    # b - a + c is nearest to b itself; with b left out only d remains.
    embeddings = Embeddings(["a", "b", "c", "d"], np.array([[1, 0], [0, 1], [1, 0.1], [-1, 0.1]]))
    path = written(": x\na b c d\na b c b\na b c c\na b c a\n")
    assert evaluate(embeddings, path).overall == Section("overall", 1, 4, 4)
    # With no other word left there is no right answer.
    assert evaluate(embeddings, written(": x\na b c a\n"), top=3).correct == 0


def test_other_forms_of_the_words_asked_with_are_no_answers(written):
    embeddings = Embeddings(
        ["a", "b", "c", "B", "d"], np.array([[1, 0], [0, 1], [1, 0.1], [0.1, 1], [-1, 0.1]])
    )
    assert evaluate(embeddings, written(": x\nA b C d\n")).correct == 1


def test_batches_do_not_matter(written, monkeypatch):
    rng = np.random.default_rng(3)
    embeddings = Embeddings([f"w{i}" for i in range(50)], rng.standard_normal((50, 4)))
    questions = [" ".join(f"w{i}" for i in rng.choice(50, 4, replace=False)) for _ in range(300)]
    path = written("\n".join([": x", *questions]))
    whole = evaluate(embeddings, path)
    assert 0 < whole.correct < 300
    for name, value in (("_BATCH", 7), ("_BATCH_SCORES", 1)):
        with monkeypatch.context() as patch:
            patch.setattr(evaluation, name, value)
            assert evaluate(embeddings, path) == whole


def test_similarity_by_hand(written):
    # cosines: man-woman 0, man-king 1/sqrt 5, king-queen 4/5, man-late -1/sqrt 2
    path = written(
        "# people's scores\nWord 1\tWord 2\tHuman (mean)\nman\twoman\t1\nMan\tking\t2.5\n"
        "king\tqueen\t9\nman\tlate\t1.5\nman\tunknown\t3\n"
    )
    # ranks by cosine 2 3 4 1, by score 1 3 4 2: rho = 1 - 6 * 2 / (4 * 15)
    assert evaluate(ROYALS, path) == SimilarityResult("file.txt", pytest.approx(0.8), 4, 5)


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
def test_separators_headers_and_comments(text, written):
    assert evaluate(ROYALS, written(text)) == SimilarityResult("file.txt", pytest.approx(1), 2, 2)


def test_similarity_is_taken_over_all_words(written):
    path = written("man woman 1\nking late -9\n")
    assert evaluate(ROYALS, path, top=1).covered == 2


@pytest.mark.parametrize(
    ("text", "covered"),
    [
        ("man woman 1\nman unknown 2\n", 1),
        ("nobody unknown 2\n", 0),
        ("man woman 1\nking queen 1\n", 2),
        ("man woman 1\nwoman man 2\n", 2),
    ],
)
def test_no_correlation_is_none(text, covered, written):
    result = evaluate(ROYALS, written(text))
    assert (result.rho, result.covered) == (None, covered)


def test_a_zero_vector_has_cosine_zero(written):
    embeddings = Embeddings(["a", "b", "c"], np.array([[1.0, 0], [0, 0], [1, 0.1]]))
    path = written("a b 1\na c 2\nb c 1\n")
    assert evaluate(embeddings, path).rho == pytest.approx(1)
    assert evaluate(embeddings, written(": x\nb a b c\n")).covered == 1


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
        ("man woman 1x\n", "line 1: expected a number as score, got '1x'"),
        ("man woman 1\nking queen nan\n", "line 2: expected a number as score, got 'nan'"),
        ("man woman 1\n: x\nman woman king queen\n", "line 2: expected two words and a score"),
        ("word1 word2 score\n", "got only a header"),
        ("# nothing\n\n", "got an empty file"),
        ("", "got an empty file"),
    ],
)
def test_malformed_files_are_refused_by_line(text, finding, written):
    with pytest.raises(FormatError, match=rf"file\.txt(, |: ).*{finding}|{finding}") as got:
        evaluate(ROYALS, written(text))
    assert "file.txt" in str(got.value)


def test_what_is_not_text_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"man woman 1\n\xff\xfe 1\n")
    with pytest.raises(FormatError, match="file, line 2: expected UTF-8"):
        evaluate(ROYALS, tmp_path / "file")
    with pytest.raises(InputError, match=r"cannot read .*nowhere"):
        evaluate(ROYALS, tmp_path / "nowhere")
    with pytest.raises(InputError, match="cannot read"):
        evaluate(ROYALS, tmp_path)


def test_evaluation_does_not_change_the_model(written):
    embeddings = Embeddings(ROYALS.words, ROYALS.matrix.copy())
    before = embeddings.matrix.tobytes()
    evaluate(embeddings, written(": x\nman woman king queen\n"))
    evaluate(embeddings, written("man woman 1\nking queen 9\n"))
    assert embeddings.matrix.tobytes() == before


def test_spearman_is_scipys():
    stats = pytest.importorskip("scipy.stats", reason="scipy is not installed")
    rng = np.random.default_rng(11)
    for size in (2, 3, 10, 200):
        for values in (3, 5, 10**6):  # few values: many ties
            x, y = rng.integers(0, values, (2, size)).astype(float)
            x[:2] = y[:2] = 0, 1  # never constant
            assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic)


def random_model(rng: np.random.Generator, *, mixed_case: bool) -> Embeddings:
    """Make a model in which analogies hold more often than by chance."""
    parts = rng.standard_normal((2, 20, 8))
    matrix = (parts[0][:, None] + parts[1][None, :]).reshape(400, 8)
    matrix += 0.5 * rng.standard_normal((400, 8))
    words = [f"w{i // 20}x{i % 20}" for i in range(400)]
    if mixed_case:  # every third word is also there in capitals
        words = [w.upper() if i % 3 else w for i, w in enumerate(words)]
        words = [*words[:200], *(w.swapcase() for w in words[:200:3]), *words[200:-67]]
    return Embeddings(words, matrix)


@pytest.mark.parametrize("mixed_case", [False, True])
@pytest.mark.parametrize("top", [150, 30_000])
def test_analogies_are_gensims(mixed_case, top, written, gensim_vectors):
    rng = np.random.default_rng(7)
    embeddings = random_model(rng, mixed_case=mixed_case)
    lines = []
    for number in range(600):
        if number % 200 == 0:
            lines.append(f": {'gram' if number else ''}{number}")
        i, j, k, m = rng.integers(0, 21, 4)  # 20 is unknown
        lines.append(f"W{i}X{k} w{i}x{m} w{j}X{k} w{j}x{m}")
    path = written("\n".join(lines))
    ours = evaluate(embeddings, path, top=top)
    score, sections = gensim_vectors(embeddings).evaluate_word_analogies(path, restrict_vocab=top)
    assert 0 < ours.correct < ours.covered < ours.total
    assert ours.accuracy == score
    for mine, theirs in zip(ours.sections, sections[:-1], strict=True):
        assert (mine.name, mine.correct) == (theirs["section"], len(theirs["correct"]))
        assert mine.covered == len(theirs["correct"]) + len(theirs["incorrect"])


@pytest.mark.parametrize("mixed_case", [False, True])
def test_similarities_are_gensims(mixed_case, written, gensim_vectors):
    rng = np.random.default_rng(9)
    embeddings = random_model(rng, mixed_case=mixed_case)
    pairs = rng.integers(0, 21, (300, 4))
    scores = rng.integers(0, 40, 300) / 4
    path = written(
        "".join(f"w{i}x{j}\tW{k}x{m}\t{s}\n" for (i, j, k, m), s in zip(pairs, scores, strict=True))
    )
    ours = evaluate(embeddings, path)
    _, theirs, unknown = gensim_vectors(embeddings).evaluate_word_pairs(path)
    assert ours.rho == pytest.approx(theirs.statistic, abs=1e-4)  # theirs are float32 cosines
    assert 100 * (1 - ours.covered / ours.total) == pytest.approx(unknown)
