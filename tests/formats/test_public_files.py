"""What is read from each file in ``files``, which have the shapes of public vectors."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import w2v
from w2v.errors import FormatError
from w2v.formats import registry
from w2v.formats.reading import ReadOptions
from w2v.formats.streams import open_stream

FILES = Path(__file__).parent / "files"


@dataclass(frozen=True)
class Expected:
    """What is to be read from a file.

    Attributes:
        format: the format that is detected.
        words: the words that are read.
        error: the error, unless rows may be skipped.
        notes: what is reported when rows may be skipped.
        skipped: the reasons for which rows are skipped.
        dim: D.

    """

    format: str
    words: list[str]
    error: str = ""
    notes: tuple[str, ...] = ()
    skipped: dict[str, int] = field(default_factory=dict)
    dim: int = 6


NO_LINE_END = "the last line has all its numbers but no line end; the file may be truncated"
GENSIM = ["the", "New_York", "日本", "\xa0"]
READ = {
    "glove.6B.50d.txt": Expected(
        "glove", ["the", ",", ".", "of", "unk", "0.5"], notes=(NO_LINE_END,)
    ),
    "glove.42B.300d.zip": Expected("glove", ["the", "and", "'s", "http://www.example.com"]),
    "glove.840B.300d.txt": Expected(
        "glove",
        [",", "the", ". . .", "at name@domain.com", ". . . . .", "to name@domain.com", "\xa0x"],
    ),
    "glove.twitter.27B.25d.txt": Expected(
        "glove",
        ["<user>", ".", "rt", "\x85", "<hashtag>"],
        "line 3: empty word: there are 6 numbers only; repair it, or skip such rows",
        ("1 row was skipped: 1 x empty word (first in line 3)",),
        {"empty word": 1},
    ),
    "GoogleNews-vectors-negative300.bin.gz": Expected(
        "word2vec-bin", ["</s>", "in", "New_York", "##/##", "Zoë"]
    ),
    "text8-vector.bin": Expected("word2vec-bin", ["</s>", "the", "caf\ufffd", "one"]),
    "crawl-300d-2M.vec": Expected("word2vec-text", [",", "the", "\xa0", "n\xa0t", "</s>"]),
    "wiki.en.vec": Expected("word2vec-text", ["the", "</s>", "日本", "of"]),
    "cc.en.300.bin": Expected(
        "fasttext-bin",
        ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "</s>"],
        dim=8,
    ),
    "numberbatch-en-19.08.txt.gz": Expected(
        "word2vec-text", ["/c/en/new_york", "/c/en/#", "##", "new_york"]
    ),
    "Tencent_AILab_ChineseEmbedding.txt": Expected(
        "word2vec-text",
        ["，", "的", "of the", "route 66"],
        "line 6: repeated word: 'of the' is also word 2",
        (
            "the header announces 6 rows, but there are 5",
            "1 row was skipped: 1 x repeated word (first in line 6)",
        ),
        {"repeated word": 1},
    ),
    "sgns.weibo.word.bz2": Expected("word2vec-text", ["，", "的", "\u3000", "、"]),
    "enwiki_20180420_100d.txt.bz2": Expected(
        "word2vec-text", ["the", "ENTITY/New_York", "ENTITY/United_States_(1776)", "of"]
    ),
    "vectors-for-spacy.txt.xz": Expected("word2vec-text", ["the", "of", "n't"]),
    "gensim.txt": Expected("word2vec-text", GENSIM),
    "gensim.bin": Expected("word2vec-bin", GENSIM),
    "gensim-no-header.txt": Expected("glove", GENSIM),
    "tensorboardX": Expected("projector", ["the", "of", "New York"]),
    "windows.txt": Expected("glove", ["the", "of", "and"]),
    "tabs.tsv": Expected("glove", ["the", "of", "and"]),
}
REFUSED = {
    "gensim.kv": r"a Python pickle, which w2v cannot read: .*KeyedVectors\.load\(",
    "utf-16.txt": r"text in UTF-16 \(little-endian\): expected UTF-8; convert it first",
    "cc.en.300.npy": r"a NumPy array, which w2v cannot read: it has no words",
}


def test_the_tables_are_complete():
    names = {path.name for path in FILES.iterdir()} - {"README.md"}
    assert names == READ.keys() | REFUSED.keys()
    listed = (FILES / "README.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in listed for name in names)


@pytest.mark.parametrize("name", READ)
def test_a_file_is_read(name):
    expected, path, notes = READ[name], FILES / name, []
    options = ReadOptions("skip", observer=lambda event: notes.append(event.message))
    table = registry.read(path, options)
    assert registry.detect(path).name == expected.format
    assert (table.words, table.dim) == (expected.words, expected.dim)
    assert table.meta.get("skipped_rows", {}) == expected.skipped
    assert notes == [f"{path}: {note}" for note in expected.notes]


@pytest.mark.parametrize("name", READ)
def test_odd_rows_are_refused_by_default(name):
    expected, path = READ[name], FILES / name
    if expected.error:
        with pytest.raises(FormatError, match=re.escape(expected.error)):
            registry.read(path, ReadOptions(observer=lambda _: None))
    else:
        assert registry.read(path, ReadOptions(observer=lambda _: None)).words == expected.words


@pytest.mark.parametrize(
    "name", [name for name in READ if READ[name].format in {"glove", "word2vec-text"}]
)
def test_numbers_are_those_at_the_end_of_a_line(name):
    with open_stream(FILES / name) as (stream, _):
        text = stream.read().removeprefix(b"\xef\xbb\xbf")
    lines = [line.split() for line in text.split(b"\n")]
    table = registry.read(FILES / name, ReadOptions("skip", observer=lambda _: None))
    for word, row in zip(table.words, table.matrix, strict=True):
        first = word.encode().split()[:1]
        found = [line[-table.dim :] for line in lines if first in (line[:1], [])]
        assert row.tolist() in [np.array(numbers, float).astype("f4").tolist() for numbers in found]


@pytest.mark.parametrize("name", REFUSED)
def test_other_kinds_are_refused(name):
    with pytest.raises(FormatError, match=REFUSED[name]):
        w2v.load(FILES / name)


def test_the_vectors_are_those_of_fasttext():
    model = w2v.load(FILES / "cc.en.300.bin")
    expected = np.load(FILES / "cc.en.300.npy")
    given = [*model.words, "foxes"]
    np.testing.assert_allclose(model.matrix_for(words=given), expected, atol=1e-6)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # from gensim
@pytest.mark.parametrize("name", ["gensim.txt", "gensim.bin", "gensim-no-header.txt"])
def test_the_vectors_are_those_of_gensim(name):
    keyedvectors = pytest.importorskip("gensim.models.keyedvectors")
    options = {"binary": name.endswith(".bin"), "no_header": "header" in name}
    theirs = keyedvectors.KeyedVectors.load_word2vec_format(FILES / name, **options)
    ours = w2v.load(FILES / name)
    assert ours.words == theirs.index_to_key
    assert ours.matrix.tolist() == theirs.vectors.tolist()
