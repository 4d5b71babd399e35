"""Every format: what is written comes back, and what is not the format is refused."""

from __future__ import annotations

import contextlib
import json
import os
import re
import tracemalloc
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from w2v.cli.main import main
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError, InputError, OutputError
from w2v.formats import native as model
from w2v.formats.classic import word2vec_bin, word2vec_text
from w2v.formats.registry import FORMATS, by_extension, load

pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # Keras's own

DEFINITION = {"name": "whitespace", "lowercase": False}


def write_hf(embeddings: Embeddings, path: Path, **options: Any) -> None:
    """Write hf, which records how a text is cut into words."""
    meta = {"tokenizer": DEFINITION}
    defined = Embeddings(embeddings.words, embeddings.matrix, meta=meta)
    FORMATS["hf"].write(defined, path, **options)


# Keras takes part where it is installed, which is where the frameworks are.
HERE = {name: entry for name, entry in FORMATS.items() if name != "keras" or find_spec("keras")}
CODECS = {
    **{name: (entry.read, entry.write) for name, entry in HERE.items()},
    "model": (model.read, model.write),
    "hf": (FORMATS["hf"].read, write_hf),
}
NEEDS = {"safetensors": "safetensors", "hf": "safetensors"}
WHITE_SPACE_ENDS_A_WORD = {
    "word2vec-text": "word2vec-text",
    "word2vec-bin": "word2vec-bin",
    "glove": "glove",
    "spacy": "word2vec-text",
}
WORD2VEC = ["word2vec-text", "word2vec-bin"]
SMALL = Embeddings(
    ["the", "Zoë's", "日本", "<unk>", "0.5"],
    np.array([[1, -0.0], [0.1, 1e-45], [-3.4028235e38, 1 / 3], [7e-10, 2], [0, 0]], np.float32),
)


def installed(name: str) -> str:
    """Skip the test if the format needs a package that is not installed."""
    if name in NEEDS:
        pytest.importorskip(NEEDS[name], reason=f"{NEEDS[name]} is not installed")
    return name


@pytest.fixture(params=CODECS)
def codec(request):
    return CODECS[installed(request.param)]


def bits(embeddings: Embeddings) -> list[list[int]]:
    return embeddings.matrix.view(np.uint32).tolist()


def float32_of(pattern: int) -> np.float32:
    return np.uint32(pattern).view(np.float32)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9).filter(
    lambda word: word.split() == [word] and word.strip("\ufeff")
)
FLOATS = st.integers(0, 2**32 - 1).map(float32_of).filter(np.isfinite)


@st.composite
def many_embeddings(draw: st.DrawFn) -> Embeddings:
    words = draw(st.lists(WORDS, min_size=1, max_size=6, unique=True))
    dim = draw(st.integers(1, 5))
    numbers = draw(st.lists(FLOATS, min_size=dim * len(words), max_size=dim * len(words)))
    return Embeddings(words, np.array(numbers, np.float32).reshape(len(words), dim))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(embeddings=many_embeddings())
def test_words_and_bits_come_back(codec, tmp_path, embeddings):
    read, write = codec
    write(embeddings, tmp_path / "file", overwrite=(tmp_path / "file").exists())
    back = read(tmp_path / "file")
    assert back.words == embeddings.words
    assert bits(back) == bits(embeddings)
    assert back.matrix.flags.writeable
    assert back.meta.keys() <= {"rows", "tokenizer"}


def test_nothing_is_replaced_unasked(codec, tmp_path):
    read, write = codec
    write(SMALL, tmp_path / "file")
    other = Embeddings(["other"], [[1.0]])
    with pytest.raises(OutputError, match="exists already"):
        write(other, tmp_path / "file")
    assert read(tmp_path / "file").words == SMALL.words
    write(other, tmp_path / "file", overwrite=True)
    assert read(str(tmp_path / "file")).words == ["other"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_missing_file_is_named(codec, tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*nowhere"):
        codec[0](tmp_path / "nowhere")


@pytest.mark.parametrize("name", WHITE_SPACE_ENDS_A_WORD)
@pytest.mark.parametrize("word", ["New York", "a\tb", "line\n", "\xa0x", "a\u2028b", " "])
def test_a_word_with_white_space_is_refused_and_nothing_is_left(name, word, tmp_path):
    finding = f"contains white space, which {WHITE_SPACE_ENDS_A_WORD[name]} cannot hold"
    with pytest.raises(FormatError, match=finding) as got:
        CODECS[name][1](Embeddings(["a", word], np.eye(2)), tmp_path / "file")
    assert repr(word) in str(got.value)
    assert list(tmp_path.iterdir()) == []


def test_a_word_that_is_not_unicode_is_refused_and_nothing_is_left(codec, tmp_path):
    with pytest.raises(FormatError, match=r"'b\\udcff' cannot be written as UTF-8"):
        codec[1](Embeddings(["a", "b\udcff"], np.eye(2)), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WORD2VEC)
def test_gensim_reads_the_same_words_and_bits(name, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of gensim's own imports
        models = pytest.importorskip("gensim.models", reason="gensim is not installed")
    rng = np.random.default_rng(5)
    words = [*SMALL.words, *(f"w{i}" for i in range(200))]
    matrix = np.concatenate([SMALL.matrix, rng.standard_normal((200, 2), np.float32)])
    CODECS[name][1](Embeddings(words, matrix), tmp_path / "file")
    theirs = models.KeyedVectors.load_word2vec_format(
        tmp_path / "file", binary=name == "word2vec-bin"
    )
    assert theirs.index_to_key == words
    assert theirs.vectors.view(np.uint32).tolist() == matrix.view(np.uint32).tolist()


@pytest.mark.parametrize("name", WORD2VEC)
def test_a_file_cut_short_anywhere_is_refused(name, tmp_path):
    read, write = CODECS[name]
    write(SMALL, tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    ends = range(len(data) - (name == "word2vec-bin"))  # there the last line end is optional
    for end in ends:
        (tmp_path / "cut").write_bytes(data[:end])
        with pytest.raises(FormatError, match="cut"):
            read(tmp_path / "cut")


@pytest.mark.parametrize("name", WORD2VEC)
def test_a_file_with_too_much_is_refused(name, tmp_path):
    read, write = CODECS[name]
    write(SMALL, tmp_path / "file")
    with (tmp_path / "file").open("ab") as file:
        file.write(b"more 1 2\n")
    with pytest.raises(FormatError, match="the header promises"):
        read(tmp_path / "file")


@pytest.mark.parametrize("name", WORD2VEC)
@pytest.mark.parametrize(
    ("header", "finding"),
    [
        (f"{2**60} 2", "take at least"),
        (f"2 {2**60}", "take at least"),
        (f"{2**60} {2**60}", "take at least"),
        ("1000000 1000", "take at least"),
        ("9" * 5000 + " 2", "two numbers"),
        ("0 2", "at least one word and one dimension, got 0 and 2"),
        ("2 0", "at least one word and one dimension, got 2 and 0"),
        ("-2 2", "two numbers"),
        ("2 -2", "two numbers"),
        ("2.0 2", "two numbers"),
        ("nan 2", "two numbers"),
        ("2", "two numbers"),
        ("2 2 2", "two numbers"),
        ("", "two numbers"),
        ("\x1f\x8b\x08 gz", "two numbers"),
    ],
)
def test_a_header_that_lies_is_refused_before_it_is_believed(name, header, finding, tmp_path):
    rows = b"a 0.25 0.5\nb 0.25 0.5\n"
    (tmp_path / "file").write_bytes(header.encode() + b"\n" + rows)
    with pytest.raises(FormatError, match=finding) as got:
        CODECS[name][0](tmp_path / "file")
    assert str(tmp_path / "file") in str(got.value)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("2 2\na 1 2\nbbbb 1\n", "line 3: expected 2 numbers, got 1"),
        ("2 2\na 1 2 3\nb 1 2\n", "line 2: expected 2 numbers, got 3"),
        ("1 2\na 1 x2\n", "line 2: .*could not convert string to float: b?'x2'"),
        ("1 2\na 1  2\n", "line 2: expected 2 numbers, got 3"),
        ("2 1\na 1\nb nan\n", "file: the vector of word 1, 'b', holds NaN or infinity"),
        ("2 1\na 1\nb 1e39\n", "file: the vector of word 1, 'b', holds NaN or infinity"),
        ("2 1\na 1\na 2\n", "file, line 3: 'a' is word 0 already; words must differ"),
        ("2 1\na 1\n 2\n\n\n", "file: word 1 is ''"),
        ("2 1\na 1\n\nb 2\n", "line 3: expected 1 numbers, got 0"),
        ("2 1\na 1\nbbbb 2", "line 3: expected a whole line"),
    ],
)
def test_a_malformed_text_file_is_refused_by_line(text, finding, tmp_path):
    (tmp_path / "file").write_text(text)
    with pytest.raises(FormatError, match=finding):
        word2vec_text.read(tmp_path / "file")


def test_text_of_other_programs_is_read(tmp_path):
    (tmp_path / "file").write_bytes("2 2 \r\nn\xa0bsp 1 -2.5e0 \r\nb +3 .5\t\n\n".encode())
    back = word2vec_text.read(tmp_path / "file")
    assert back.words == ["n\xa0bsp", "b"]
    assert back.matrix.tolist() == [[1, -2.5], [3, 0.5]]


def binary(*rows: tuple[bytes, list[float]], end: bytes = b"\n") -> bytes:
    """Write word2vec's binary format as its definition says."""
    head = b"%d %d\n" % (len(rows), len(rows[0][1]))
    return head + b"".join(w + b" " + np.array(x, "<f4").tobytes() + end for w, x in rows)


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_both_kinds_of_binary_are_read(end, tmp_path):
    # Numbers whose bytes look like the line ends and spaces between the rows.
    tricky = np.frombuffer(b"\n\n  \n a  ab\n", "<f4").tolist()
    rows = [(b"one", tricky), (b"two", tricky[::-1]), ("três".encode(), [1.0, 2.0, 3.0])]
    (tmp_path / "file").write_bytes(binary(*rows, end=end))
    back = word2vec_bin.read(tmp_path / "file")
    assert back.words == ["one", "two", "três"]
    assert back.matrix.tolist() == [row for _, row in rows]


def test_the_writer_writes_as_word2vec_does(tmp_path):
    word2vec_bin.write(Embeddings(["a", "é"], [[1.0, 2.0], [3.0, 4.0]]), tmp_path / "bin")
    word2vec_text.write(Embeddings(["a", "é"], [[1.0, 0.1], [3.0, -4.5]]), tmp_path / "text")
    expected = binary((b"a", [1.0, 2.0]), ("é".encode(), [3.0, 4.0]))
    assert (tmp_path / "bin").read_bytes() == expected
    assert (tmp_path / "text").read_text("utf-8") == "2 2\na 1 0.100000001\né 3 -4.5\n"


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (binary((b"a", [1]), (b"a", [2])), "file: 'a' is both word 0 and word 1"),
        (binary((b"aa", [1]), (b"", [2])), "file: word 1 is ''"),
        (binary((b"a", [1]), (b"b", [np.inf])), "file: the vector of word 1, 'b', holds NaN"),
        (b"1 1\naaaaaaaa", "row 0: expected a word and a space"),
        (binary((b"a", [1])) + b"\n", "2 bytes follow the 1 rows"),
        (binary((b"a", [1]), end=b"x"), "1 bytes follow the 1 rows"),
    ],
)
def test_a_malformed_binary_file_is_refused(data, finding, tmp_path):
    (tmp_path / "file").write_bytes(data)
    with pytest.raises(FormatError, match=finding):
        word2vec_bin.read(tmp_path / "file")


def test_words_that_are_not_utf8_are_replaced_and_counted(tmp_path):
    (tmp_path / "bin").write_bytes(binary((b"caf\xc3", [1]), ("é".encode(), [2])))
    (tmp_path / "text").write_bytes(b"2 1\ncaf\xc3 1\n\xc3\xa9 2\n")
    for back in (word2vec_bin.read(tmp_path / "bin"), word2vec_text.read(tmp_path / "text")):
        assert back.words == ["caf�", "é"]
        assert back.meta == {"replaced_words": 1}


def test_replaced_words_stay_different(tmp_path):
    words = [b"x\xff", b"x\xfe", "y�".encode(), b"y\xfe"]
    (tmp_path / "file").write_bytes(binary(*((word, [1.0]) for word in words)))
    back = word2vec_bin.read(tmp_path / "file")
    assert back.words == ["x�", r"x\xfe", "y�", r"y\xfe"]
    assert back.meta == {"replaced_words": 3}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    counted = Embeddings(SMALL.words, SMALL.matrix, [5, 4, 3, 2, 1], {"note": "é"})
    counted.save(tmp_path / "m.w2v")
    return tmp_path / "m.w2v"


def test_the_model_folder_is_as_promised(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "counts.npy",
        "embeddings.npy",
        "meta.json",
        "vocab.txt",
    ]
    matrix = np.load(folder / "embeddings.npy", allow_pickle=False)
    counts = np.load(folder / "counts.npy", allow_pickle=False)
    assert (matrix.dtype.str, matrix.flags.c_contiguous) == ("<f4", True)
    assert matrix.tobytes() == SMALL.matrix.tobytes()
    assert (counts.dtype.str, counts.tolist()) == ("<i8", [5, 4, 3, 2, 1])
    assert (folder / "vocab.txt").read_bytes() == "the\nZoë's\n日本\n<unk>\n0.5\n".encode()
    assert (folder / "meta.json").read_bytes() == (
        '{\n  "note": "é",\n  "format_version": 1\n}\n'.encode()
    )


def test_counts_and_meta_come_back(folder):
    back = load(folder)
    assert back.counts is not None
    assert back.counts.tolist() == [5, 4, 3, 2, 1]
    assert back.meta == {"note": "é"}


def test_a_model_may_hold_words_with_spaces_and_odd_line_ends(tmp_path):
    words = ["New York", "a\r", "b\u2028c", "d\x0be", "\x85"]
    Embeddings(words, np.eye(5)).save(tmp_path / "m")
    assert load(tmp_path / "m").words == words


def test_a_model_cannot_hold_a_word_with_a_line_end(tmp_path):
    with pytest.raises(FormatError, match=r"'b\\nc' contains a line end"):
        Embeddings(["a", "b\nc"], np.eye(2)).save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_meta_takes_what_training_puts_there(tmp_path):
    meta = {
        "loss": np.float32(0.5),
        "words": np.int64(2**40),
        "history": np.arange(2),
        "corpus": Path("a/b"),
        "name": os.fsdecode(b"caf\xe9"),
    }
    Embeddings(["a"], [[1.0]], meta=meta).save(tmp_path / "m")
    assert load(tmp_path / "m").meta == {
        "loss": 0.5,
        "words": 2**40,
        "history": [0, 1],
        "corpus": "a/b",
        "name": "caf\udce9",
    }
    with pytest.raises(FormatError, match=r"meta must be plain JSON values: .* is a set"):
        Embeddings(["a"], [[1.0]], meta={"x": {1}}).save(tmp_path / "n")
    assert [path.name for path in tmp_path.iterdir()] == ["m"]


@pytest.mark.parametrize("name", ["embeddings.npy", "vocab.txt", "counts.npy", "meta.json"])
def test_a_model_file_cut_short_anywhere_is_refused(name, folder):
    data = (folder / name).read_bytes()
    for end in range(len(data) - (name == "meta.json")):  # there the last line end is optional
        (folder / name).write_bytes(data[:end])
        with pytest.raises(FormatError, match=re.escape(name)):
            load(folder)


@pytest.mark.parametrize("name", ["embeddings.npy", "vocab.txt", "meta.json"])
def test_a_missing_model_file_is_named(name, folder):
    (folder / name).unlink()
    with pytest.raises(FormatError, match=f"m.w2v is not a model folder: it has no {name}"):
        load(folder)


def npy_bytes(header: str, body: bytes = b"") -> bytes:
    text = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + body


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (npy_bytes(f"{{'descr':'<f4','fortran_order':False,'shape':({2**60},2)}}"), "promises"),
        (npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(-5,-2)}", b"x" * 40), "shape"),
        (npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(0,2)}"), "shape"),
        (npy_bytes("{'descr':'<f4','fortran_order':True,'shape':(5,2)}", b"x" * 40), "Fortran"),
        (npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(5,2)}", b"x" * 41), "promises"),
        (npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(10,)}", b"x" * 40), "2 axes"),
        (npy_bytes("{'descr':'>f4','fortran_order':False,'shape':(5,2)}", b"x" * 40), "float32"),
        (npy_bytes("{'descr':'<f8','fortran_order':False,'shape':(5,2)}", b"x" * 80), "float32"),
        (npy_bytes("{'descr':'|O','fortran_order':False,'shape':(5,2)}", b"x" * 40), "float32"),
        (npy_bytes("{'descr':"), "expected a NumPy array file"),
        (npy_bytes("("), "expected a NumPy array file"),
        (b"rubbish", "expected a NumPy array file"),
    ],
)
def test_a_matrix_file_that_lies_is_refused(data, finding, folder):
    (folder / "embeddings.npy").write_bytes(data)
    with pytest.raises(FormatError, match=rf"embeddings\.npy: .*{finding}"):
        load(folder)


@pytest.mark.filterwarnings("ignore")  # as a user may have it
def test_a_matrix_file_that_numpy_guesses_at_is_refused(folder):
    data = npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(5L,2)}", bytes(40))
    (folder / "embeddings.npy").write_bytes(data)
    with pytest.raises(FormatError, match=r"embeddings\.npy: expected a NumPy .* Python 2"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "data", "finding"),
    [
        (
            "vocab.txt",
            b"a\nb\n",
            "vocab.txt has 2 words, embeddings.npy 5 rows, counts.npy 5 counts",
        ),
        ("vocab.txt", b"a\nb\nc\nd\na\n", "m.w2v: 'a' is both word 0 and word 4"),
        ("vocab.txt", b"a\nb\n\nd\ne\n", "m.w2v: word 2 is ''"),
        ("vocab.txt", b"a\nb\n\xff\nd\ne\n", "vocab.txt, line 3: expected UTF-8"),
        ("meta.json", b"[]", "meta.json: expected a JSON object, got a list"),
        ("meta.json", b'{"a": "\xff"}', "meta.json: expected JSON in UTF-8"),
        ("meta.json", b"[" * 100_000, "meta.json: expected JSON in UTF-8"),
        ("meta.json", b'{"format_version": 2}', "version 1, got version 2; use a newer w2v"),
    ],
)
def test_model_files_that_do_not_fit_are_refused(name, data, finding, folder):
    (folder / name).write_bytes(data)
    with pytest.raises(FormatError, match=finding):
        load(folder)


def test_counts_that_do_not_fit_the_model_are_refused(folder):
    np.save(folder / "counts.npy", np.arange(4))
    with pytest.raises(FormatError, match=r"embeddings\.npy 5 rows, counts\.npy 4 counts"):
        load(folder)
    np.save(folder / "counts.npy", np.arange(5.0))
    with pytest.raises(FormatError, match=r"counts\.npy: expected an array of 1 axes of int64"):
        load(folder)


def test_numbers_that_are_not_finite_are_refused(folder):
    np.save(folder / "embeddings.npy", np.full((5, 2), np.nan, np.float32))
    with pytest.raises(FormatError, match=r"m\.w2v: the vector of word 0, 'the', holds NaN"):
        load(folder)


def test_meta_of_a_folder_without_version_is_taken(folder):
    (folder / "meta.json").write_text(json.dumps({"x": 1}))
    assert load(folder).meta == {"x": 1}


EXTENSIONS = [(entry, end) for entry in FORMATS.values() for end in entry.extensions]


@pytest.mark.parametrize(("entry", "end"), EXTENSIONS, ids=[f"{e.name}{x}" for e, x in EXTENSIONS])
def test_load_knows_a_file_by_its_extension(entry, end, tmp_path):
    installed(entry.name)
    entry.write(SMALL, tmp_path / f"X{end.upper()}")
    assert bits(load(tmp_path / f"X{end.upper()}")) == bits(SMALL)
    assert load(str(tmp_path / f"X{end.upper()}")).words == SMALL.words


@pytest.mark.parametrize("entry", [e for e in HERE.values() if e.is_folder], ids=lambda e: e.name)
def test_load_knows_a_folder_by_what_is_in_it(entry, tmp_path):
    CODECS[installed(entry.name)][1](SMALL, tmp_path / "x")
    assert {path.name for path in (tmp_path / "x").iterdir()} >= set(entry.marks)
    assert bits(load(tmp_path / "x")) == bits(SMALL)
    entry.check_output(tmp_path / "x", overwrite=True)
    with pytest.raises(OutputError, match="exists already"):
        entry.check_output(tmp_path / "x", overwrite=False)


def test_an_extension_means_one_format_when_writing():
    meant = {end: by_extension(f"a.b{end}").name for _, end in EXTENSIONS}
    assert meant == {
        ".txt": "word2vec-text",
        ".vec": "word2vec-text",
        ".txt.gz": "word2vec-text",
        ".vec.gz": "word2vec-text",
        ".bin": "word2vec-bin",
        ".glove": "glove",
        ".glove.gz": "glove",
        ".safetensors": "safetensors",
    }
    assert by_extension("a.gz") is None
    assert all(name == entry.name for name, entry in FORMATS.items())
    marks = [entry.marks for entry in FORMATS.values() if entry.is_folder]
    assert not any(set(a) <= set(b) for a in marks for b in marks if a is not b)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "expected a first line with two numbers"),
        ("no numbers\n", "expected a first line with two numbers"),
        ("2 2", "line 1: expected a whole line"),
        ("2 2\na 1 2\n", "take at least 12 bytes"),
        ("two 2\na 1 2\n", "line 2: expected 1 numbers, got 2"),
    ],
)
def test_a_text_file_that_is_of_no_format_is_refused(text, finding, tmp_path):
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(FormatError, match=finding):
        load(tmp_path / "x.txt")


def test_load_refuses_what_it_does_not_know(tmp_path):
    (tmp_path / "x.doc").write_text("x")
    with pytest.raises(
        FormatError,
        match=r"the known extensions are .*\.txt \.vec .*\.bin \(word2vec-bin\), \.glove",
    ):
        load(tmp_path / "x.doc")
    with pytest.raises(InputError, match="no such model folder"):
        load(tmp_path / "nothing")
    for extension in ("bin", "txt", "txt.gz", "vec"):
        with pytest.raises(InputError, match=rf"x\.{extension}: No such file or directory"):
            load(tmp_path / f"x.{extension}")


def test_meta_may_be_changed_when_all_else_is_written(tmp_path):
    embeddings = Embeddings(["a"], [[1.0]], [3], meta={"x": 1})
    seen = []

    def change():
        (folder,) = tmp_path.iterdir()
        seen.extend(sorted(path.name for path in folder.iterdir()))
        embeddings.meta["x"] = 2

    model.write(embeddings, tmp_path / "m", before_meta=change)
    assert seen == ["counts.npy", "embeddings.npy", "vocab.txt"]
    assert model.read(tmp_path / "m").meta == {"x": 2}


def test_files_are_on_the_disk_before_the_time_is_noted(monkeypatch, tmp_path):
    done = []
    fsync = os.fsync

    def record(descriptor):
        done.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    def change():
        (folder,) = tmp_path.iterdir()
        assert {path.stat().st_ino for path in folder.iterdir()} <= set(done)

    monkeypatch.setattr(os, "fsync", record)
    model.write(Embeddings(["a"], [[1.0]], [3]), tmp_path / "m", before_meta=change)
    assert done


# Every format against damage, and against every other


def files_of(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]


FILES = {
    **{name: name for name in CODECS},
    "word2vec-text, packed": "word2vec-text",
    "glove, packed": "glove",
}


@pytest.fixture(params=FILES)
def written(request, tmp_path):
    """A reader, and what it reads."""
    read, write = CODECS[installed(FILES[request.param])]
    path = tmp_path / ("file.gz" if "packed" in request.param else "file")
    write(Embeddings(SMALL.words, SMALL.matrix, [5, 4, 3, 2, 1]), path)
    return read, path


@st.composite
def damages(draw: st.DrawFn, data: bytes) -> bytes:
    """Cut, flip, leave out, repeat or put in."""
    kind = draw(st.sampled_from(["cut", "flip", "flip", "leave out", "repeat", "put in"]))
    start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    if kind == "cut":
        return data[:end]
    if kind == "leave out":
        return data[:start] + data[end:]
    if kind == "repeat":
        return data[:end] + data[start:]
    if kind == "put in":
        return data[:start] + draw(st.binary(max_size=20)) + data[start:]
    flipped = bytearray(data)
    for bit in draw(st.lists(st.integers(0, 8 * len(data) - 1), min_size=1, max_size=3)):
        flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


MOST_MEMORY = 1 << 20
"""Bytes for reading a file of a few hundred; most of it is buffers."""


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_is_read_or_refused_in_little_memory(written, data):
    read, path = written
    file = data.draw(st.sampled_from(files_of(path)))
    whole = file.read_bytes()
    read(path)  # which imports what it needs
    file.write_bytes(data.draw(damages(whole)))
    tracemalloc.start()
    try:
        back, refusal = read(path), None
    except (FormatError, InputError) as error:
        back, refusal = SMALL, str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        file.write_bytes(whole)
    assert refusal is None or str(path) in refusal
    assert np.isfinite(back.matrix).all()
    assert len(set(back.words)) == len(back.matrix) == len(back)
    assert peak < MOST_MEMORY


def test_a_file_cut_short_at_any_byte_is_read_or_refused(written):
    read, path = written
    read(path)
    for file in files_of(path):
        whole = file.read_bytes()
        for end in range(len(whole)):
            file.write_bytes(whole[:end])
            with contextlib.suppress(FormatError):
                back = read(path)
                assert back.words == SMALL.words[: len(back)]
                assert bits(back) == bits(SMALL)[: len(back)]
        file.write_bytes(whole)


@pytest.mark.parametrize("target", HERE)
@pytest.mark.parametrize("source", HERE)
def test_any_format_is_converted_to_any_other(source, target, tmp_path):
    installed(source)
    installed(target)
    CODECS[source][1](SMALL, tmp_path / "in")
    arguments = ["convert", tmp_path / "in", tmp_path / "out", "--from", source, "-f", target]
    arguments += ["--tokenizer", "whitespace"]
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert (done.exit_code, done.output) == (0, "")
    back = FORMATS[target].read(tmp_path / "out")
    assert back.words == SMALL.words
    assert bits(back) == bits(SMALL)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (name, rows)
        for name, entry in HERE.items()
        for rows in ("none", "pad", "pad+unk")
        if entry.rows and (name != "hf" or rows == "pad+unk")  # the others it refuses
    ],
)
def test_rows_that_are_not_words_come_and_go(name, rows, tmp_path):
    entry = FORMATS[installed(name)]
    word2vec_text.write(SMALL, tmp_path / "words.txt")
    CODECS[name][1](load(tmp_path / "words.txt"), tmp_path / "rows", rows=rows)
    back = entry.read(tmp_path / "rows")
    assert back.rows == rows
    assert back.meta["rows"]["layout"] == rows
    assert back.matrix_for().tobytes() == SMALL.matrix_for(rows).tobytes()
    word2vec_text.write(back, tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_bytes() == (tmp_path / "words.txt").read_bytes()


@pytest.mark.parametrize("unk", ["zeros", "mean-rare"])
def test_only_what_was_trained_is_saved_as_trained(unk, tmp_path):
    FORMATS["npy"].write(SMALL, tmp_path / "rows", unk=unk)
    load(tmp_path / "rows").save(tmp_path / "model")
    assert not (tmp_path / "model" / "unknown.npy").exists()
    back = load(tmp_path / "model")
    assert back.unk is None
    assert back.matrix_for(unk=unk).tobytes() == SMALL.matrix_for(unk=unk).tobytes()


@pytest.mark.parametrize("rows", ["none", "pad"])
@pytest.mark.parametrize("name", [name for name, entry in HERE.items() if entry.rows])
def test_what_was_read_is_written_with_the_rows_that_it_is_encoded_for(name, rows, tmp_path):
    entry = FORMATS[installed(name)]
    FORMATS["npy"].write(SMALL, tmp_path / "in", rows=rows)
    given = load(tmp_path / "in")
    given.meta["tokenizer"] = DEFINITION
    if name == "hf":
        with pytest.raises(ConfigError, match=f"got rows='{rows}'; take rows='pad\\+unk'"):
            entry.write(given, tmp_path / "out")
        return
    entry.write(given, tmp_path / "out")
    back = entry.read(tmp_path / "out")
    assert back.rows == rows
    first = [SMALL.words[:1]]
    assert back.encode(first).tolist() == given.encode(first).tolist()


@pytest.mark.parametrize("name", [name for name, entry in HERE.items() if entry.rows])
def test_the_vector_of_unknown_words_comes_back(name, tmp_path):
    entry = FORMATS[installed(name)]
    meta = {"tokenizer": DEFINITION}
    trained = Embeddings(SMALL.words, SMALL.matrix, meta=meta, unknown=np.float32([3, 4]))
    entry.write(trained, tmp_path / "rows")
    back = entry.read(tmp_path / "rows")
    assert back.unk == "trained"
    assert back.unknown.tolist() == [3, 4]


@pytest.mark.parametrize("entry", [e for e in FORMATS.values() if not e.rows], ids=lambda e: e.name)
def test_rows_have_no_place_among_words(entry, tmp_path):
    with pytest.raises(ConfigError, match=f"{entry.name} holds words only"):
        entry.write(SMALL, tmp_path / "file", rows="pad")
