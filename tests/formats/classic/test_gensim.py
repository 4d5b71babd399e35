"""Text and binary files in gensim: both programs read the same words and numbers."""

from __future__ import annotations

import gzip
import warnings

import numpy as np
import pytest

from w2v.formats.reading import ReadOptions
from w2v.formats.registry import FORMATS
from w2v.formats.table import VectorTable

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # from gensim
    keyedvectors = pytest.importorskip(
        "gensim.models.keyedvectors", reason="gensim is not installed"
    )

pytestmark = pytest.mark.filterwarnings("ignore:::gensim", "ignore:::smart_open")

OPTIONS = {
    "word2vec-text": {"binary": False},
    "word2vec-bin": {"binary": True},
    "glove": {"binary": False, "no_header": True},
}

# Characters that Python takes for white space or line ends, or does not show.
UNUSUAL = [
    *("\xa0", "a\xa0b", "\x85", "x\x85y", "\u2028", "a\u2028b", "\u2029z", "\u3000", "\u200b"),
    *("a\u200bb", "\u200d", "\ufeffx", "\ufeff", "\u202eabc", "\x1c", "\x1fa", "\x0bb", "b\x0c"),
    *("😀", "👩‍👩‍👧", "e\u0301", "é", "日本", "66", "1e5", "nan", "-", "</s>", "a\tb", "\r"),
]


def theirs(path, name):
    return keyedvectors.KeyedVectors.load_word2vec_format(str(path), **OPTIONS[name])


def same(table, vectors) -> bool:
    assert vectors.index_to_key == table.words
    assert vectors.vectors.astype(np.float32).tobytes() == table.matrix.tobytes()
    return True


def table_of(words: list[str], dim: int = 3) -> VectorTable:
    matrix = np.random.default_rng(7).standard_normal((len(words), dim), np.float32)
    matrix[0] = np.finfo(np.float32).max
    matrix[-1] = 1e-45
    return VectorTable(words, matrix)


@pytest.mark.parametrize("name", OPTIONS)
def test_gensim_reads_unusual_words_that_were_written_here(name, tmp_path):
    storable = [word for word in UNUSUAL if not FORMATS[name]._module.WORD_END.search(word)]
    assert len(storable) >= len(UNUSUAL) - 2
    table = table_of(["first", *storable])
    FORMATS[name].write(table, tmp_path / "file")
    assert same(FORMATS[name].read(tmp_path / "file"), theirs(tmp_path / "file", name))
    assert same(table, theirs(tmp_path / "file", name))


@pytest.mark.parametrize("name", OPTIONS)
def test_gensim_reads_words_with_underscores_in_place_of_blanks(name, tmp_path):
    table = table_of(["first", "New York", "a b c", " x", "line\nend", "New_York", *UNUSUAL])
    notices = []
    FORMATS[name].write(table, tmp_path / "file", on_bad_word="replace", observer=notices.append)
    back = FORMATS[name].read(tmp_path / "file")
    assert back.words[:5] == ["first", "a_b_c", "_x", "line_end", "New_York"]
    assert same(back, theirs(tmp_path / "file", name))
    assert "1 was skipped and" in notices[0].message


@pytest.mark.parametrize("name", OPTIONS)
def test_files_of_gensim_are_read(name, tmp_path):
    words = [word for word in UNUSUAL if "\t" not in word and "\r" not in word]
    table = table_of(["first", *words])
    model = keyedvectors.KeyedVectors(3)
    model.add_vectors(table.words, table.matrix)
    written = {"binary": OPTIONS[name]["binary"], "write_header": name != "glove"}
    model.save_word2vec_format(str(tmp_path / "file"), **written)
    back = FORMATS[name].read(tmp_path / "file")
    assert back.words == model.index_to_key
    if name == "word2vec-bin":
        assert same(back, theirs(tmp_path / "file", name))
    else:
        assert back.matrix.tolist() == theirs(tmp_path / "file", name).vectors.tolist()


FILES = {
    "word2vec-text": b"4 2\na 0.1 1e-3\n\xc2\xa0 -.5 +2 \nb 3. 4\nc 1 1\n",
    "glove": b"a 0.1 1e-3\n\xc2\x85 -.5 +2 \nb 3. 4\n",
    "word2vec-bin": b"2 1\na \x00\x00\x80?b \xcd\xcc\xcc=",
}


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("name", OPTIONS)
def test_files_of_other_programs_are_read_alike(name, end, tmp_path):
    path = tmp_path / f"file{end}"
    path.write_bytes(gzip.compress(FILES[name]) if end else FILES[name])
    assert same(FORMATS[name].read(path), theirs(path, name))


def test_of_repeated_words_both_keep_the_first_row(tmp_path):
    (tmp_path / "file").write_bytes(b"3 2\na 1 2\nb 3 4\na 5 6\n")
    skipping = ReadOptions("skip", observer=[].append)
    back = FORMATS["word2vec-text"].read(tmp_path / "file", skipping)
    vectors = theirs(tmp_path / "file", "word2vec-text")
    assert vectors.index_to_key == [*back.words, None]
    assert vectors.vectors[:2].tolist() == back.matrix.tolist()
    assert back.meta["skipped_rows"] == {"repeated word": 1}


@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-bin"])
def test_a_limit_gives_the_same_first_words(name, tmp_path):
    FORMATS[name].write(table_of(["a", "b", "c", "d"]), tmp_path / "file")
    few = keyedvectors.KeyedVectors.load_word2vec_format(
        str(tmp_path / "file"), **OPTIONS[name], limit=2
    )
    assert same(FORMATS[name].read(tmp_path / "file", ReadOptions(limit=2)), few)
