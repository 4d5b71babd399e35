"""Parquet: the text of columns, compared with `to_pylist` of pyarrow."""

from __future__ import annotations

import gzip
import io
import random
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from text.helpers import lines_of, notes_of, selected, write
from w2v.config import Config
from w2v.errors import InputError, MissingExtraError
from w2v.text.sources import FileSource, SourceOptions, open_corpus

pa = pytest.importorskip("pyarrow", reason="pyarrow is in the extra parquet")
parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is in the extra parquet")

TEXTS = ["The first\nwith a line end", "Grüße 日本", "", None, "the last"]


def save(path: Path, columns: dict[str, Any], **options: Any) -> Path:
    """Write columns of Python lists or arrays as a Parquet file."""
    parquet.write_table(pa.table(columns), path, **options)
    return path


def reference(path: Path, column: str) -> list[str]:
    """Return the lines of a column, the slow and obvious way."""
    lines = []
    for value in parquet.read_table(path).column(column).to_pylist():
        for text in value if isinstance(value, list) else [value]:
            lines += text.split("\n") if text else []
    return lines


@pytest.mark.parametrize("compression", ["none", "snappy", "gzip", "zstd", "brotli"])
def test_a_column_is_read_as_the_reference_reads_it(compression, tmp_path, monkeypatch):
    path = save(tmp_path / "a.parquet", {"id": [*range(5)], "text": TEXTS}, compression=compression)
    expected = reference(path, "text")
    assert len(expected) == 4
    source = FileSource([path], SourceOptions.of(Config(column="text")))
    assert lines_of(source) == expected
    assert source.done_bytes == source.total_bytes == path.stat().st_size
    assert selected(path, column="2") == expected
    assert selected(tmp_path, column="text") == expected
    with path.open("rb") as file:
        stream = open_corpus(file, SourceOptions.of(Config(column="text")))
        assert lines_of(stream) == expected
    with path.open("rb") as file:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(file))
        assert selected("-", column="text") == expected


@pytest.mark.parametrize("seed", range(5))
def test_random_columns_are_read_as_the_reference_reads_them(seed, tmp_path):
    draw = random.Random(seed)
    parts = ["a", "bc", "日本", "ö", " ", "\n", "😀"]
    texts = [
        None if draw.random() < 0.1 else "".join(draw.choices(parts, k=draw.randint(0, 9)))
        for _ in range(draw.randint(1, 5_000))
    ]
    path = save(
        tmp_path / "a.parquet",
        {"x": texts[::-1], "text": texts},
        row_group_size=draw.choice([10, 1_000, 10_000]),
    )
    assert selected(path, column="text") == reference(path, "text")
    missing = texts.count(None)
    noun = "record" if missing == 1 else "records"
    notes = [f"skipped: {missing:,} {noun} without a value in the column ({missing:,} in {path})"]
    assert notes_of(path, column="text") == notes * (missing > 0)


TYPES = {
    "string": lambda: pa.array(TEXTS),
    "large_string": lambda: pa.array(TEXTS, pa.large_string()),
    "dictionary": lambda: pa.array(TEXTS).dictionary_encode(),
    "list": lambda: pa.array([["a", "b c"], [], None, [None, "d"]]),
    "large_list": lambda: pa.array([["a", "b c"], []], pa.large_list(pa.string())),
}


@pytest.mark.parametrize("kind", TYPES)
def test_strings_of_any_type_and_lists_of_them_are_read(kind, tmp_path):
    path = save(tmp_path / "a.parquet", {"text": TYPES[kind]()})
    assert selected(path, column="text") == reference(path, "text") != []


@pytest.mark.parametrize(
    ("values", "kind"),
    [([1], "int64"), ([1.5], "double"), ([b"a"], "binary"), ([{"a": "b"}], r"struct<a: string>"),
     ([[1]], r"list<element: int64>"), ([True], "bool"), ([None], "null")],
)  # fmt: skip
def test_other_types_are_refused_by_name(values, kind, tmp_path):
    path = save(tmp_path / "a.parquet", {"x": values})
    message = rf"the column 'x' of .*a\.parquet has values of the type {kind}: expected strings, or"
    with pytest.raises(InputError, match=message):
        selected(path, column="x")


def test_several_columns_and_one_line_per_record(tmp_path):
    path = save(
        tmp_path / "a.parquet",
        {"title": ["a", None, None], "text": ["b\nc", "", None], "tags": [["d", "e"], [], None]},
    )
    assert selected(path, column="title,tags,text") == ["a", "d", "e", "b", "c"]
    source = FileSource([path], SourceOptions.of(Config(column="title,tags,text"), one_line=True))
    assert lines_of(source) == ["a d e b c", "", ""]
    source._unchecked.clear()
    (notice,) = source.finish()
    assert notice.message.startswith("as empty lines: 1 record without a value in the column")


def test_lists_of_words_are_noted(tmp_path):
    path = save(tmp_path / "a.parquet", {"items": [["a1", "b2", "c3"], ["a1", "c3"]]})
    (note,) = notes_of(path, column="items")
    assert note.startswith(f"the lists in the column seem to hold words ({path}), but each string")
    path = save(tmp_path / "a.parquet", {"items": [["Some sentence.", "Another one."], []]})
    assert notes_of(path, column="items") == []


def test_a_column_that_does_not_exist_is_an_error(tmp_path):
    path = save(tmp_path / "a.parquet", {"id": [1], "a.b": ["x"]})
    with pytest.raises(InputError, match=r"has no column 'text': its columns are 'id', 'a\.b'$"):
        selected(path, column="text")
    assert selected(path, column="a.b") == ["x"]
    with pytest.raises(InputError, match=r"has no column 3: it has 2, 'id', 'a\.b'$"):
        selected(path, column="3")
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["x", "x"])
    parquet.write_table(table, path)
    with pytest.raises(InputError, match="has 2 columns named 'x', with the numbers 1 and 2"):
        selected(path, column="x")
    assert selected(path, column="2") == ["b"]


def test_a_file_without_a_column_is_refused_with_its_columns(tmp_path):
    path = save(tmp_path / "a.parquet", {"id": [1], "text": ["x"]})
    message = r"is a Parquet file: pass the column to read as `column`{}, which is one of 'id', 'te"
    with pytest.raises(InputError, match=message.format("")):
        selected(path)
    with pytest.raises(InputError, match=message.format(", not as `json_field`")):
        selected(path, json_field="text")
    write(tmp_path / "b.txt", b"some words\n")
    with pytest.raises(InputError, match=r"; to read only some files of a directory, pass `inclu"):
        selected(tmp_path)


def test_without_its_package_the_extra_is_named(monkeypatch, tmp_path):
    path = save(tmp_path / "a.parquet", {"text": ["x"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = r"reading .*a\.parquet, which is a Parquet file, needs .*pip install 'w2v\[parquet\]'"
    with pytest.raises(MissingExtraError, match=message):
        selected(path, column="text")
    message = r"is a Parquet file: pass the column to read as `column`; this needs an optional pack"
    with pytest.raises(InputError, match=message):
        selected(path)


def test_an_encoding_does_not_apply(tmp_path):
    path = save(tmp_path / "a.parquet", {"text": ["ö"]})
    message = r"whose text is UTF-8, but `encoding='cp1252'` is given; omit it$"
    with pytest.raises(InputError, match=message):
        selected(path, column="text", encoding="cp1252")
    assert selected(path, column="text", encoding="utf8") == ["ö"]


def test_a_pipe_and_a_compressed_file_cannot_be_read(tmp_path):
    path = save(tmp_path / "a.parquet", {"text": ["x"]})

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    stream = open_corpus(Pipe(path.read_bytes()), SourceOptions.of(Config(column="text")))
    with pytest.raises(
        InputError, match=r"is a Parquet file, .* from a pipe .*: pass the path of a file"
    ):
        lines_of(stream)
    path = write(tmp_path / "a.gz", gzip.compress(path.read_bytes()))
    with pytest.raises(
        InputError, match=r"\(decompressed\) is a Parquet file: .* extract it first"
    ):
        selected(path, column="text")


@pytest.mark.parametrize("column", [None, "text"])
def test_a_damaged_file_is_an_error(column, tmp_path):
    path = save(tmp_path / "a.parquet", {"text": ["some words " * 9] * 3_000}, compression="none")
    whole = path.read_bytes()
    damaged = bytearray(whole)
    damaged[40:3_000] = bytes(2_960)
    for data in (whole[:-9], whole[: len(whole) // 2], whole[:5], bytes(damaged)):
        write(path, data)
        message = "is a Parquet file that is damaged or truncated: |is a Parquet file: pass the col"
        with pytest.raises(InputError, match=message) as caught:
            selected(path, column=column)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("column", [None, "text", "1"])
def test_names_that_are_not_utf8_are_damage(column, tmp_path):
    path = save(tmp_path / "a.parquet", {"text": ["x"]})
    path.write_bytes(path.read_bytes().replace(b"\x04text", b"\x04\xb1ext"))
    with pytest.raises(
        InputError, match=r"a Parquet file that is damaged or truncated: 'utf-8' cod"
    ):
        selected(path, column=column)


def test_strings_that_are_not_utf8_remain(tmp_path):
    ends = pa.array([0, 3, 4], pa.int32()).buffers()[1]
    invalid = pa.Array.from_buffers(pa.string(), 2, [None, ends, pa.py_buffer(b"a\xffbc")])
    path = save(tmp_path / "a.parquet", {"text": invalid})
    assert selected(path, column="text") == ["a\udcffb", "c"]
    path = save(tmp_path / "a.parquet", {"text": pa.ListArray.from_arrays([0, 2], invalid)})
    assert selected(path, column="text") == ["a\udcffb", "c"]
    path = save(tmp_path / "a.parquet", {"text": invalid.dictionary_encode()})
    assert selected(path, column="text") == ["a\udcffb", "c"]


def test_a_file_must_not_expand_too_much(tmp_path, monkeypatch):
    path = save(tmp_path / "a.parquet", {"text": ["some words " * 1_000] * 20_000})
    with pytest.raises(InputError, match=r"a\.parquet expands to over 9 times its size"):
        selected(path, column="text", max_expansion=9)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    texts = [f"some words {i}" for i in range(1_000_000)]
    path = save(tmp_path / "a.parquet", {"text": texts})
    del texts
    source = FileSource([path], SourceOptions.of(Config(column="text")))
    before = pa.default_memory_pool().max_memory()
    tracemalloc.start()
    assert sum(block.count(b"\n") for block in source.blocks(len)) == 1_000_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
    assert pa.default_memory_pool().max_memory() == before
