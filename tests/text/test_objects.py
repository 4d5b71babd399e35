"""Corpora of Python objects: paths, strings and lists of tokens, and what is taken for what."""

from __future__ import annotations

import collections
import gzip
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from text.helpers import blocks_of, read, write
from w2v.errors import ConfigError, InputError, VocabularyError
from w2v.text.extraction import Selection
from w2v.text.objects import IterableSource
from w2v.text.sources import FileSource, SourceOptions, StreamSource, open_corpus


@pytest.fixture
def small_blocks(monkeypatch):
    """Set the size of blocks."""
    return lambda size: monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", size)


@pytest.fixture
def reviews(tmp_path, monkeypatch) -> list[str]:
    """Write three files, and return their relative paths."""
    (tmp_path / "reviews").mkdir()
    monkeypatch.chdir(tmp_path)
    paths = [f"reviews/{name}" for name in ("1.txt", "2.txt", "my 3.txt")]
    for path in paths:
        write(Path(path), b"some words\n")
    return paths


# Text


@pytest.mark.parametrize(
    "lines",
    [["Ab c\nd", "", "e\r\nf'"], ("Ab c", "d\ne", "f"), iter(["Ab c", "d", "e", "f"])],
    ids=["list", "tuple", "iterator"],
)
def test_strings_are_lines(lines):
    source = open_corpus(lines)
    assert isinstance(source, IterableSource)
    assert (source.tokenized, source.files, source.total_bytes) == (False, 0, None)
    assert read(source).lines == [["ab", "c"], ["d"], ["e"], ["f"]]
    assert source.done_bytes > 0
    assert source.finish() == []


@pytest.mark.parametrize(
    "first", ["no such file", "", "x" * 5000, "nul\0", " ", "hello", "and so on.", "a 3.14", "7.5"]
)
def test_a_list_of_lines_is_not_a_list_of_paths(first):
    for lines in ([first, "second line"], iter([first, "second line"]), [first]):
        assert isinstance(open_corpus(lines), IterableSource)


def test_text_may_mention_files_that_exist(reviews):
    lines = ["see", reviews[0], "for more"]
    assert read(open_corpus(lines)).lines == [["see"], ["reviews", "1", "txt"], ["for", "more"]]


def test_a_text_file_is_read_by_lines(tmp_path):
    with write(tmp_path / "f", b"a b\nc\n").open(encoding="utf-8") as file:
        assert read(open_corpus(file)).lines == [["a", "b"], ["c"]]


def test_lists_of_tokens_are_not_changed():
    lines = [["New York", "a\rb", "c\0"], ("É", "'"), [], (token for token in ["x"])]
    source = open_corpus(iter(lines))
    assert source.tokenized
    found = read(source, "tokens", lowercase=False)
    assert found.lines == [["New York", "a\rb", "c\0"], ["É", "'"], ["x"]]


@pytest.mark.parametrize("tokens", [False, True])
def test_many_lines_are_split_into_blocks(tokens, small_blocks):
    small_blocks(100)
    line = "some words in a line"
    source = IterableSource(line.split() if tokens else line for _ in range(50))
    found = blocks_of(source)
    assert len(found) > 5
    assert max(map(len, found)) < 200
    name = "tokens" if tokens else "unicode"
    again = IterableSource(line.split() if tokens else line for _ in range(50))
    assert read(again, name).lines == [line.split()] * 50


@pytest.mark.parametrize("corpus", [[""], [[]], [[], []], iter(["", ""])])
def test_an_empty_corpus_has_no_words(corpus):
    source = open_corpus(corpus)
    assert read(source, "tokens" if source.tokenized else "unicode") == ([], 0, 0)


@pytest.mark.parametrize("corpus", [[], iter([]), (), Path("missing").glob("*")])
def test_a_corpus_without_items_is_rejected(corpus):
    message = r"^the corpus has no words: it has no items; if they come from a pattern or a dir"
    with pytest.raises(VocabularyError, match=message):
        blocks_of(open_corpus(corpus))


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (["a", ["b"]], "item 1 of the corpus is a list, but the first one is not: pass strings"),
        ([["b"], "a"], "item 1 of the corpus is a str, but the first one is not: pass strings"),
        ([["a", 1]], "item 0 of the corpus contains 1: expected a string, or a list of strings"),
        ([1, 2], "item 0 of the corpus is 1: expected a string, or a list of tokens$"),
        ([None], "item 0 of the corpus is None: expected .*; leave out missing values"),
        (["a", None], "item 1 of the corpus is None: .*; leave out missing values"),
        (["a", float("nan")], "item 1 of the corpus is nan: .*; leave out missing values"),
        ([b"bytes"], r"item 0 of the corpus is bytes: .*; decode it, .* line.decode\('utf-8'\)"),
        (["a", b"bytes"], "item 1 of the corpus is bytes: expected a string"),
        ([["a", b"b"]], "item 0 of the corpus contains b'b': expected a string"),
        (
            [{"id": "x1", "text": "a b c", "n": 1}],
            r"a dict with the keys 'id', 'text', 'n': .*: \[row\['text'\] for row in corpus\]$",
        ),
        ([{"id": 1}], "is a dict with the keys 'id': expected .*; pass one of its values$"),
        ([io.StringIO("a")], "item 0 of the corpus is a file: .*; pass the paths of files instead"),
        ([["a"], ["b\nc"]], r"token 'b\\nc' in item 1 of the corpus contains a line end or U"),
        ([["b\x1fc"]], r"token 'b\\x1fc' in item 0 of the corpus contains a line end or U\+001F"),
        (["a", "b\ud800"], "item 1 of the corpus is not valid Unicode: .*surrogates not allowed"),
        ([["b\udc80"]], "item 0 of the corpus is not valid Unicode"),
        (
            [[["a", "b"], ["c"]]],
            r"contains the list \['a', 'b'\]: expected strings; for documents of sentences, pass",
        ),
    ],
)
def test_other_items_are_rejected(corpus, message):
    with pytest.raises(InputError, match=message):
        blocks_of(open_corpus(corpus))


# Sentences in place of tokens


@pytest.mark.parametrize(
    "corpus",
    [
        [["a sentence"], ["another one"]],
        [["a sentence"], ["another"]] * 500,
        (["some text of one row"] for _ in range(9)),
        np.array([["the quick brown fox"], ["jumps"]], object),
        [["一个没有空格的句子" * 5]],
    ],
)
def test_lists_of_one_string_are_rejected(corpus):
    message = (
        r"^each item of the corpus is a list of one string, such as .*: a list is taken for the "
        r"tokens of a line; pass the strings themselves: \[item\[0\] for item in corpus\]$"
    )
    with pytest.raises(InputError, match=message):
        open_corpus(corpus)


@pytest.mark.parametrize(
    "corpus",
    [
        [["The cat sat on the mat.", "The dog barked."], ["It rained all day."]],
        [["the cat sat", "the dog ran"], ["a b c"]] * 10,
        iter([("one two three", "word"), ("four five six", "seven eight nine")]),
    ],
)
def test_lists_of_sentences_are_rejected(corpus):
    message = (
        r"^the lists of the corpus hold sentences, such as .*: a list is taken for the tokens of a "
        r"line; for documents of sentences, pass the sentences: \[sentence for document in corpus "
        r"for sentence in document\]; in names, replace spaces by _$"
    )
    with pytest.raises(InputError, match=message):
        open_corpus(corpus)


@pytest.mark.parametrize(
    "corpus",
    [
        [["New York", "Los Angeles"], ["Rio"]],
        [["word"], ["another"]],
        [["a", "b c d e f"], ["g", "h"]],
        iter([["blue jeans", "red shirt"]] * 300),
    ],
)
def test_tokens_may_have_spaces(corpus):
    copies = list(corpus)
    found = read(open_corpus(iter(copies)), "tokens", lowercase=False)
    assert found.lines == copies


# Paths


def as_generator(items):
    yield from items


ITERABLES = pytest.mark.parametrize(
    "kind", [list, tuple, iter, as_generator, collections.deque, lambda x: map(str, x)]
)


@ITERABLES
def test_existing_strings_are_paths(kind, reviews):
    source = open_corpus(kind(reviews))
    assert isinstance(source, FileSource)
    assert source.paths == reviews
    assert read(source).lines == [["some", "words"]] * 3


@ITERABLES
def test_path_objects_are_paths(kind, reviews):
    source = open_corpus(kind([Path(path) for path in reviews]))
    assert isinstance(source, FileSource)
    assert len(source.paths) == 3


def test_globs_are_paths(reviews):
    assert open_corpus(Path("reviews").glob("*.txt")).files == 3
    assert open_corpus(Path("reviews").rglob("*")).files == 3
    assert open_corpus(Path("reviews").iterdir()).files == 3
    assert open_corpus([reviews[0], Path(reviews[1])]).files == 2


def test_a_missing_path_object_is_named(reviews):
    with pytest.raises(InputError, match=r"^cannot read missing: No such file or directory$"):
        open_corpus(iter([Path(reviews[0]), Path("missing")]))


@ITERABLES
@pytest.mark.parametrize(
    ("items", "message"),
    [
        (
            ["missing.txt", "reviews/1.txt", "reviews/2.txt"],
            r"^'reviews/1.txt' of the corpus is a file or directory, but 'missing.txt' does not",
        ),
        (["reviews/1.txt", "missing.txt"], "but 'missing.txt' does not exist; pass only paths"),
        (["reviews/1.txt", "a line of text"], "but 'a line of text' does not exist"),
        (["a/1.txt", "a/2.txt"], r"^the strings of the corpus look like paths, but 'a/1.txt' does"),
        (["missing.txt"], "look like paths, but 'missing.txt' does not exist; check the directory"),
        (["my reviews 1.csv", "my reviews 2.csv"], "look like paths, but 'my reviews 1.csv'"),
        (["/data/corpus", "/data/other"], "look like paths, but '/data/corpus' does not exist"),
        (["a.jsonl.gz"] * 2000, "look like paths, but 'a.jsonl.gz' does not exist"),
        (["https://example.com/a.txt", "a/1.txt"], "look like paths, but 'a/1.txt' does not exist"),
    ],
)
def test_missing_paths_are_not_taken_for_text(kind, items, message, reviews):
    with pytest.raises(InputError, match=message) as caught:
        open_corpus(kind(items))
    assert str(caught.value).endswith("pass lists of tokens: [line.split() for line in lines]")


def test_the_remedy_for_text_that_looks_like_paths_works(reviews):
    lines = ["a/1.txt", "b/2.txt a"]
    assert read(open_corpus([line.split() for line in lines]), "tokens").lines == [
        ["a/1.txt"],
        ["b/2.txt", "a"],
    ]


def test_a_text_given_as_a_string_is_rejected_without_echoing_it():
    text = "a line of text\n" * 1000
    message = (
        r"^the corpus is a string of 15,000 characters, 'a line of text.*\.\.\.: a string is the "
        r"path of a file or directory; pass a text as a list of its lines: text.splitlines\(\)$"
    )
    for given in (text, "x" * 15_000):
        with pytest.raises(InputError, match=message.replace("a line of text", ".")) as caught:
            open_corpus(given)
        assert len(str(caught.value)) < 250


def test_a_short_text_given_as_a_string_is_explained(tmp_path):
    message = (
        r"^cannot read the quick fox: No such file or directory; a string is the path of a file or "
        r"directory, so if it is a text, pass a list of its lines$"
    )
    with pytest.raises(InputError, match=message):
        open_corpus("the quick fox")
    assert open_corpus(str(write(tmp_path / "a b c.txt", b"d"))).files == 1


# Binary files


def test_an_open_binary_file_is_read(tmp_path):
    data = "Größe\nb c\n".encode()
    path = write(tmp_path / "f", data)
    zipped = io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("f", data)
    files = [
        path.open("rb"),
        path.open("rb", buffering=0),
        io.BytesIO(data),
        io.BytesIO(gzip.compress(data)),
        gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(data))),
        zipfile.Path(zipped, "f").open("rb"),
        OnlyRead(data),
    ]
    for file in files:
        source = open_corpus(file)
        assert isinstance(source, StreamSource)
        assert (source.files, source.total_bytes) == (0, None)
        assert read(source).lines == [["größe"], ["b", "c"]]
        assert source.done_bytes > 0
        if hasattr(file, "close"):
            file.close()
    assert read(open_corpus(io.BytesIO(data[2:]))).lines[1] == ["b", "c"]


class OnlyRead:
    """A file with no other method than ``read``."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)


def test_a_binary_file_is_decoded():
    file = io.BytesIO("Größe".encode("latin-1"))
    source = open_corpus(file, SourceOptions(encoding="iso8859-1"))
    assert read(source).lines == [["größe"]]


def test_errors_of_binary_files_are_reported(tmp_path):
    path = write(tmp_path / "f", gzip.compress(bytes(range(256)) * 99)[:99])
    with path.open("rb") as file, pytest.raises(InputError, match=f"^{path} is damaged or trunc"):
        blocks_of(open_corpus(file))
    with pytest.raises(InputError, match=r"^cannot read the corpus, a BufferedReader: .* closed"):
        open_corpus(file)
    with pytest.raises(InputError, match=r"^the corpus is a PNG picture"):
        blocks_of(open_corpus(io.BytesIO(b"\x89PNG\r\n\x1a\n")))


# Other objects


class Frame:
    """What a data frame looks like."""

    columns = ("text", "label")

    def __iter__(self):
        return iter(self.columns)


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (5, "the corpus is a int: expected a path, a list of paths, or an iterable of strings or"),
        (None, "the corpus is a NoneType: expected a path"),
        (b"bytes", "the corpus is a bytes: .*; decode it first"),
        (bytearray(b"bytes"), "the corpus is a bytearray: expected a path, a list of paths"),
        ({"a": "b"}, "the corpus is a dict: .*; pass its values$"),
        ({"a"}, r"the corpus is a set: .*; a set has no order, so pass sorted\(corpus\)$"),
        (
            Frame(),
            r"is a Frame: .*; pass one column, such as corpus\['text'\], of 'text', 'label'$",
        ),
    ],
)
def test_other_objects_are_rejected(corpus, message):
    with pytest.raises(InputError, match=message):
        open_corpus(corpus)


@pytest.mark.parametrize("corpus", [["a b"], [["a"]], iter(["a b"]), io.BytesIO(b"a")])
def test_options_of_files_are_rejected_for_objects(corpus):
    with pytest.raises(ConfigError, match=r"^include selects files of directories, but the corpus"):
        open_corpus(corpus, SourceOptions(include=("*.txt",)))
    if not isinstance(corpus, io.BytesIO):
        for name in ("column", "json_field"):
            message = (
                rf"^{name} applies to files, but the corpus is Python objects; omit it, and pass "
                r"the texts, of dicts for example \[row\['text'\] for row in rows\]$"
            )
            with pytest.raises(ConfigError, match=message):
                open_corpus(["a b"], SourceOptions(selection=Selection(**{name: "text"})))
            with pytest.raises(ConfigError, match=message):
                open_corpus([{"text": "a b"}], SourceOptions(selection=Selection(**{name: "x"})))
        message = "^encoding applies to files, but the corpus is strings or tokens"
        with pytest.raises(ConfigError, match=message):
            open_corpus(["a b"], SourceOptions(encoding="cp1252"))
