"""The contract suite: tests that every format must pass, and the detection of formats."""

from __future__ import annotations

import contextlib
import sys
import tracemalloc
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from samples import SMALL, bits, installed
from w2v.cli.main import main
from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import ConfigError, FormatError, InputError, MissingExtraError, OutputError
from w2v.events import ignore
from w2v.formats import native
from w2v.formats.classic import glove, word2vec_text
from w2v.formats.reading import ReadOptions
from w2v.formats.registry import FORMATS, by_extension
from w2v.formats.table import VectorTable
from w2v.text.definition import WordDefinition
from w2v.text.reach import reach

pytestmark = pytest.mark.filterwarnings("ignore:__array:DeprecationWarning")  # from Keras


DEFINITION = {"name": "whitespace", "lowercase": False}


def write_hf(table: VectorTable, path: Path, **options: Any) -> None:
    """Write hf, which needs a tokenizer."""
    meta = {"tokenizer": DEFINITION}
    defined = VectorTable(table.words, table.matrix, meta=meta)
    FORMATS["hf"].write(defined, path, **options)


# Keras is optional.
INSTALLED = {
    name: entry for name, entry in FORMATS.items() if name != "keras" or find_spec("keras")
}
CODECS = {
    **{name: (entry.read, entry.write) for name, entry in INSTALLED.items()},
    "model": (native.read, native.write),
    "hf": (FORMATS["hf"].read, write_hf),
}


@pytest.fixture(params=CODECS)
def codec(request):
    return CODECS[installed(request.param)]


def float32_of(pattern: int) -> np.float32:
    return np.uint32(pattern).view(np.float32)


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9).filter(
    lambda word: word.split() == [word] and word.strip("\ufeff")
)
FLOATS = st.integers(0, 2**32 - 1).map(float32_of).filter(np.isfinite)


@st.composite
def vector_tables(draw: st.DrawFn) -> VectorTable:
    words = draw(st.lists(WORDS, min_size=1, max_size=6, unique=True))
    dim = draw(st.integers(1, 5))
    numbers = draw(st.lists(FLOATS, min_size=dim * len(words), max_size=dim * len(words)))
    return VectorTable(words, np.array(numbers, np.float32).reshape(len(words), dim))


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(table=vector_tables())
def test_words_and_bits_survive_a_round_trip(codec, tmp_path, table):
    read, write = codec
    if write is write_hf:  # which refuses words that its tokenizer never finds
        assume(reach(table.words, WordDefinition.from_meta(DEFINITION)).found)
    write(table, tmp_path / "file", overwrite=(tmp_path / "file").exists())
    back = read(tmp_path / "file")
    assert back.words == table.words
    assert bits(back) == bits(table)
    assert back.matrix.flags.writeable
    assert back.meta.keys() <= {"rows", "tokenizer"}


def test_existing_files_are_replaced_only_with_overwrite(codec, tmp_path):
    read, write = codec
    write(SMALL, tmp_path / "file")
    other = VectorTable(["other"], [[1.0]])
    with pytest.raises(OutputError, match="exists already"):
        write(other, tmp_path / "file")
    assert read(tmp_path / "file").words == SMALL.words
    write(other, tmp_path / "file", overwrite=True)
    assert read(str(tmp_path / "file")).words == ["other"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_matrix_can_be_changed_but_not_the_file(codec, tmp_path):
    read, write = codec
    write(SMALL, tmp_path / "file")
    changed = read(tmp_path / "file")
    assert changed.matrix.flags.writeable
    changed.matrix[:] = 7
    assert bits(read(tmp_path / "file")) == bits(SMALL)


def test_the_error_names_a_missing_file(codec, tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*nowhere"):
        codec[0](tmp_path / "nowhere")


def test_words_that_are_not_unicode_are_rejected(codec, tmp_path):
    with pytest.raises(FormatError, match=r"'b\\udcff' cannot be written as UTF-8"):
        codec[1](VectorTable(["a", "b\udcff"], np.eye(2)), tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


# Words that a format cannot hold

CANNOT_HOLD = {
    "npy": "\n",
    "word2vec-text": " \t\r\n",
    "word2vec-bin": " \n",
    "glove": " \t\r\n",
    "spacy": " \t\r\n",
    "projector": "\t\r\n",
    "safetensors": "",
    "hf": "",
    "keras": "\n",
}
ODD_WORDS = [
    *(
        "the",
        "New York",
        "New_York",
        "a\tb",
        "line\nend",
        "x\ry",
        " y",
        "\xa0z",
        "\u2028",
        "\ufeff",
    ),
    *("a\u200bb", "q\x0b", "😀", "lone\udcff", "lone_"),
]


def odd_table() -> VectorTable:
    rows = np.arange(2 * len(ODD_WORDS), dtype=np.float32).reshape(-1, 2)
    return VectorTable(ODD_WORDS, rows, meta={"tokenizer": DEFINITION})


def is_storable(word: str, name: str) -> bool:
    if name == "projector" and not word.strip("\ufeff\u2028"):
        return False
    return "\udcff" not in word and not set(CANNOT_HOLD[name]) & set(word)


@pytest.mark.parametrize("name", INSTALLED)
def test_words_that_cannot_be_held_are_errors(name, tmp_path):
    installed(name)
    bad = [word for word in ODD_WORDS if not is_storable(word, name)]
    for word in bad:
        table = VectorTable(["a", word], np.eye(2), meta={"tokenizer": DEFINITION})
        with pytest.raises(FormatError, match=r"cannot (hold|be written as UTF-8)") as got:
            FORMATS[name].write(table, tmp_path / "file")
        assert repr(word) in str(got.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", INSTALLED)
def test_words_that_cannot_be_held_are_skipped(name, tmp_path):
    installed(name)
    notices = []
    FORMATS[name].write(odd_table(), tmp_path / "file", on_bad_word="skip", observer=notices.append)
    back = FORMATS[name].read(tmp_path / "file")
    kept = [row for row, word in enumerate(ODD_WORDS) if is_storable(word, name)]
    assert back.words == [ODD_WORDS[row] for row in kept]
    assert back.matrix.tolist() == odd_table().matrix[kept].tolist()
    bad = len(ODD_WORDS) - len(kept)
    done = f"characters that {name} cannot hold: "
    done += "it was skipped" if bad == 1 else f"{bad:,} were skipped"
    assert notices[0].message.endswith(done)
    assert notices[0].message.startswith("the word 'l" if bad == 1 else f"{bad:,} words, such as '")
    assert len(notices) == 1


@pytest.mark.parametrize("name", INSTALLED)
def test_words_that_cannot_be_held_have_underscores(name, tmp_path):
    installed(name)
    notices = []
    FORMATS[name].write(
        odd_table(), tmp_path / "file", on_bad_word="replace", observer=notices.append
    )
    back = FORMATS[name].read(tmp_path / "file")
    words, rows = [], []
    for row, word in enumerate(ODD_WORDS):
        new = "".join("_" if c in CANNOT_HOLD[name] or c == "\udcff" else c for c in word)
        new = "_" if name == "projector" and not is_storable(new, name) else new
        if is_storable(word, name) or new not in (*ODD_WORDS, *words):
            words.append(new)
            rows.append(row)
    assert back.words == words
    assert back.matrix.tolist() == odd_table().matrix[rows].tolist()
    changed = sum(new != ODD_WORDS[row] for new, row in zip(words, rows, strict=True))
    bad = changed + len(ODD_WORDS) - len(rows)
    expected = f"{bad - changed} w"  # "lone_" is there already
    if changed:
        expected = f" and {changed} ha{'s' if changed == 1 else 've'} underscores instead"
    assert (expected if bad > 1 else "it was skipped") in notices[0].message
    assert len(notices) == 1


@pytest.mark.parametrize("name", INSTALLED)
@pytest.mark.parametrize("on_bad_word", ["skip", "replace"])
def test_good_words_are_left_alone(name, on_bad_word, tmp_path):
    installed(name)
    notices = []
    table = VectorTable(SMALL.words, SMALL.matrix, [5, 4, 3, 2, 1], {"tokenizer": DEFINITION})
    FORMATS[name].write(table, tmp_path / "file", on_bad_word=on_bad_word, observer=notices.append)
    assert (FORMATS[name].read(tmp_path / "file").words, notices) == (SMALL.words, [])


@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-bin", "glove", "projector"])
def test_no_file_is_written_without_words(name, tmp_path):
    with pytest.raises(FormatError, match=f"{name} can hold none of the 2 words"):
        FORMATS[name].write(
            VectorTable(["a\nb", "c\n"], np.eye(2)), tmp_path / "file", on_bad_word="skip"
        )
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_treatment_of_words_is_rejected(tmp_path):
    with pytest.raises(ConfigError, match=r"on_bad_word must be .*, got 'drop'"):
        FORMATS["glove"].write(SMALL, tmp_path / "file", on_bad_word="drop")


# Compression

MAGIC = {".gz": b"\x1f\x8b", ".bz2": b"BZh", ".xz": b"\xfd7zXZ", ".zst": b"\x28\xb5\x2f\xfd"}
PACKABLE = [entry for entry in FORMATS.values() if entry.has_rows and not entry.is_directory]
FILE_FORMATS = [entry for entry in FORMATS.values() if not entry.is_directory]


@pytest.mark.parametrize("suffix", MAGIC)
@pytest.mark.parametrize("entry", PACKABLE, ids=lambda entry: entry.name)
def test_the_name_compresses_a_file(entry, suffix, tmp_path):
    if suffix == ".zst":
        pytest.importorskip("zstandard", reason="zstandard is not installed")
    many = VectorTable([f"w{i}" for i in range(500)], np.ones((500, 20), np.float32))
    end = entry.extensions[0].removesuffix(".gz")
    names = [f"a{end}{suffix}", f"Ä{end}{suffix.upper()}", f"plain{end}", f"other{suffix}"]
    for name in names:
        entry.write(many, tmp_path / name)
        assert bits(entry.read(tmp_path / name)) == bits(many)
        assert bits(load(tmp_path / name)) == bits(many)
    packed, upper, plain, other = ((tmp_path / name).read_bytes() for name in names)
    assert packed.startswith(MAGIC[suffix])
    assert packed == upper == other
    assert len(packed) < len(plain) / 4
    entry.write(many, tmp_path / names[0], overwrite=True)
    assert (tmp_path / names[0]).read_bytes() == packed


@pytest.mark.parametrize("entry", PACKABLE, ids=lambda entry: entry.name)
def test_zstd_needs_a_package(entry, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtraError, match=r"v\.zst, compressed by zstd.*zst"):
        entry.write(SMALL, tmp_path / "v.zst")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".zip", ".7z", ".rar", ".tar", ".tgz", ".lz4", ".lzma", ".ZIP"])
@pytest.mark.parametrize("entry", FILE_FORMATS, ids=lambda entry: entry.name)
def test_names_of_archives_are_refused(entry, suffix, tmp_path):
    remedy = "use .gz .bz2 .xz .zst" if entry.has_rows else "omit it"
    finding = (
        rf"v{suffix} ends in {suffix.lower()}, but {entry.name} cannot be written so; {remedy}"
    )
    with pytest.raises(ConfigError, match=finding):
        entry.write(SMALL, tmp_path / f"v{suffix}")
    with pytest.raises(ConfigError, match=finding):
        entry.check_output(tmp_path / f"v{suffix}", overwrite=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", MAGIC)
@pytest.mark.parametrize("entry", FILE_FORMATS, ids=lambda entry: entry.name)
def test_compression_that_is_not_done_is_refused(entry, suffix, tmp_path):
    if not entry.has_rows:
        with pytest.raises(ConfigError, match=rf"ends in \{suffix}, but {entry.name} cannot"):
            entry.write(SMALL, tmp_path / f"v.safetensors{suffix}")
    with pytest.raises(ConfigError):
        entry.write(SMALL, tmp_path / f"v.tar{suffix}")
    assert list(tmp_path.iterdir()) == []


# Detection of formats

EXTENSIONS = [(entry, end) for entry in FORMATS.values() for end in entry.extensions]


@pytest.mark.parametrize(("entry", "end"), EXTENSIONS, ids=[f"{e.name}{x}" for e, x in EXTENSIONS])
def test_the_extension_determines_the_format_of_a_file(entry, end, tmp_path):
    installed(entry.name)
    entry.write(SMALL, tmp_path / f"X{end.upper()}")
    assert bits(load(tmp_path / f"X{end.upper()}")) == bits(SMALL)
    assert load(str(tmp_path / f"X{end.upper()}")).words == SMALL.words


@pytest.mark.parametrize(
    "entry", [e for e in INSTALLED.values() if e.is_directory], ids=lambda e: e.name
)
def test_signature_files_determine_the_format_of_a_directory(entry, tmp_path):
    CODECS[installed(entry.name)][1](SMALL, tmp_path / "x")
    assert {path.name for path in (tmp_path / "x").iterdir()} >= set(entry.signature_files)
    assert bits(load(tmp_path / "x")) == bits(SMALL)
    entry.check_output(tmp_path / "x", overwrite=True)
    with pytest.raises(OutputError, match="exists already"):
        entry.check_output(tmp_path / "x", overwrite=False)


def test_extensions_for_writing():
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
    signatures = [entry.signature_files for entry in FORMATS.values() if entry.is_directory]
    assert not any(set(a) <= set(b) for a in signatures for b in signatures if a is not b)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("", "expected a word and its numbers, got ''"),
        ("no numbers\n", "expected a word and its numbers, got 'no numbers'"),
        ("2 2", "announces 2 words of 2 dimensions, which take at least 10 bytes, but the file"),
        ("2 2\na 1 2\n", "announces 2 rows, but there are 1; the file is truncated"),
        ("two 2\na 1 2\n", "line 2: wrong number of values: expected 1, got 2"),
    ],
)
def test_text_files_of_no_format_are_rejected(text, finding, tmp_path):
    (tmp_path / "x.txt").write_text(text)
    with pytest.raises(FormatError, match=finding):
        load(tmp_path / "x.txt")


def test_the_first_line_determines_the_format_of_a_text_file(tmp_path):
    (tmp_path / "x.txt").write_text("the 0.5\n5 0.25\n")
    assert load(tmp_path / "x.txt").words == ["the", "5"]
    (tmp_path / "x.txt").write_text("1 1\nthe 0.5\n")
    assert load(tmp_path / "x.txt").words == ["the"]
    # One integer per word looks like a header, so the format must be given.
    assert glove.read(tmp_path / "x.txt").words == ["1", "the"]


def test_unknown_extensions_and_missing_paths_are_rejected(tmp_path):
    (tmp_path / "x.doc").write_text("x")
    with pytest.raises(
        FormatError, match=r"x\.doc is neither a model directory nor a file of vectors"
    ):
        load(tmp_path / "x.doc")
    with pytest.raises(InputError, match="no such model directory"):
        load(tmp_path / "missing")
    for extension in ("bin", "txt", "txt.gz", "vec"):
        with pytest.raises(InputError, match=rf"x\.{extension}: No such file or directory"):
            load(tmp_path / f"x.{extension}")


# Damage


def files_of(path: Path) -> list[Path]:
    return sorted(path.iterdir()) if path.is_dir() else [path]


FILES = {
    **{name: name for name in CODECS},
    "word2vec-text, compressed": "word2vec-text",
    "glove, compressed": "glove",
}


@pytest.fixture(params=FILES)
def written(request, tmp_path):
    """A reader, which takes an observer, and a path that it can read."""
    name = FILES[request.param]
    read, write = CODECS[installed(name)]
    if name in FORMATS and FORMATS[name].has_rows:

        def observed(path, observer=ignore):
            return read(path, ReadOptions(observer=observer))

    else:

        def observed(path, observer=ignore):
            return read(path)

    path = tmp_path / ("file.gz" if "compressed" in request.param else "file")
    write(VectorTable(SMALL.words, SMALL.matrix, [5, 4, 3, 2, 1]), path)
    return observed, path


@st.composite
def damages(draw: st.DrawFn, data: bytes) -> bytes:
    """Truncate data, flip bits, or remove, repeat or insert bytes."""
    kind = draw(st.sampled_from(["truncate", "flip", "flip", "remove", "repeat", "insert"]))
    start, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
    if kind == "truncate":
        return data[:end]
    if kind == "remove":
        return data[:start] + data[end:]
    if kind == "repeat":
        return data[:end] + data[start:]
    if kind == "insert":
        return data[:start] + draw(st.binary(max_size=20)) + data[start:]
    flipped = bytearray(data)
    for bit in draw(st.lists(st.integers(0, 8 * len(data) - 1), min_size=1, max_size=3)):
        flipped[bit // 8] ^= 1 << bit % 8
    return bytes(flipped)


MAX_MEMORY = 1 << 20
"""Bytes for reading a file of a few hundred bytes, mostly buffers."""


@pytest.mark.slow
@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_files_take_little_memory(written, data):
    read, path = written
    file = data.draw(st.sampled_from(files_of(path)))
    whole = file.read_bytes()
    read(path)  # imports modules
    file.write_bytes(data.draw(damages(whole)))
    tracemalloc.start()
    try:
        back, message = read(path), None
    except (FormatError, InputError) as error:
        back, message = SMALL, str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        file.write_bytes(whole)
    assert message is None or str(path) in message
    assert np.isfinite(back.matrix).all()
    assert len(set(back.words)) == len(back.matrix) == len(back)
    assert peak < MAX_MEMORY


@pytest.mark.slow
def test_files_truncated_at_any_byte(written):
    read, path = written
    read(path)
    for file in files_of(path):
        whole = file.read_bytes()
        for end in range(len(whole)):
            file.write_bytes(whole[:end])
            notices = []
            with contextlib.suppress(FormatError):
                back = read(path, notices.append)
                whole_rows = len(back) - bool(notices)  # the last line may be incomplete
                assert back.words[:whole_rows] == SMALL.words[:whole_rows]
                assert bits(back)[:whole_rows] == bits(SMALL)[:whole_rows]
                assert all("no line end" in notice.message for notice in notices)
        file.write_bytes(whole)


# Conversion and layouts


@pytest.mark.parametrize("target", INSTALLED)
@pytest.mark.parametrize("source", INSTALLED)
def test_convert_between_any_two_formats(source, target, tmp_path):
    installed(source)
    installed(target)
    CODECS[source][1](SMALL, tmp_path / "in")
    arguments = ["convert", tmp_path / "in", tmp_path / "out", "--from", source, "-f", target]
    arguments += ["--tokenizer", "whitespace"]
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert (done.exit_code, done.stdout) == (0, "")
    found = f"{tmp_path / 'in'}: 5 words x 2, read as {source}\n"
    assert done.stderr == ("" if source == "npy" else found)
    back = FORMATS[target].read(tmp_path / "out")
    assert back.words == SMALL.words
    assert bits(back) == bits(SMALL)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (name, rows)
        for name, entry in INSTALLED.items()
        for rows in ("none", "pad", "pad+unk")
        if entry.default_layout and (name != "hf" or rows == "pad+unk")  # it rejects the others
    ],
)
def test_layouts_survive_a_round_trip(name, rows, tmp_path):
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
def test_only_a_trained_unknown_vector_is_saved_in_a_model(unk, tmp_path):
    FORMATS["npy"].write(SMALL, tmp_path / "rows", unk=unk)
    load(tmp_path / "rows").save(tmp_path / "model")
    assert not (tmp_path / "model" / "unknown.npy").exists()
    back = load(tmp_path / "model")
    assert back.unk is None
    assert back.matrix_for(unk=unk).tobytes() == SMALL.matrix_for(unk=unk).tobytes()


@pytest.mark.parametrize("rows", ["none", "pad"])
@pytest.mark.parametrize(
    "name", [name for name, entry in INSTALLED.items() if entry.default_layout]
)
def test_the_layout_that_was_read_is_the_default_for_writing(name, rows, tmp_path):
    entry = FORMATS[installed(name)]
    FORMATS["npy"].write(SMALL, tmp_path / "in", rows=rows)
    given = load(tmp_path / "in")
    given.meta["tokenizer"] = DEFINITION
    if name == "hf":
        with pytest.raises(
            ConfigError, match=f"in the format hf, got '{rows}'; use `rows='pad\\+unk'`"
        ):
            entry.write(given, tmp_path / "out")
        return
    entry.write(given, tmp_path / "out")
    back = Embeddings.from_table(entry.read(tmp_path / "out"))
    assert back.rows == rows
    first = [SMALL.words[:1]]
    assert back.encode(first).tolist() == given.encode(first).tolist()


@pytest.mark.parametrize(
    "name", [name for name, entry in INSTALLED.items() if entry.default_layout]
)
def test_the_unknown_vector_survives_a_round_trip(name, tmp_path):
    entry = FORMATS[installed(name)]
    meta = {"tokenizer": DEFINITION}
    trained = VectorTable(SMALL.words, SMALL.matrix, meta=meta, unknown=np.float32([3, 4]))
    entry.write(trained, tmp_path / "rows")
    back = entry.read(tmp_path / "rows")
    assert back.unk == "trained"
    assert back.unknown.tolist() == [3, 4]


@pytest.mark.parametrize(
    "entry", [e for e in FORMATS.values() if not e.default_layout], ids=lambda e: e.name
)
def test_layouts_are_rejected_by_formats_for_words_only(entry, tmp_path):
    with pytest.raises(
        ConfigError, match=f"cannot apply to {entry.name}, which has rows for words only"
    ):
        entry.write(SMALL, tmp_path / "file", rows="pad")
