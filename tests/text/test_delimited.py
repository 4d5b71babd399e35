"""CSV and TSV: the text of columns, compared with `csv.DictReader`."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import random
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from text.helpers import blocks_of, lines_of, notes_of, selected, write
from w2v.config import Config
from w2v.errors import InputError
from w2v.text import delimited, extraction
from w2v.text.delimited import find_separator
from w2v.text.sources import FileSource, SourceOptions, open_corpus
from w2v.text.validity import count_bytes

ROWS = [
    {"id": "1", "title": "One, or two", "text": "The first text;\nit has a line end, and commas"},
    {"id": "2", "title": "", "text": 'He said "no"'},
    {"id": "3", "title": "Drei", "text": "Schöne Grüße 日本"},
    {"id": "4", "title": "four", "text": ""},
    {"id": "5", "title": "five", "text": "the last\ttext | really"},
]


def table(rows: list[dict[str, str]] = ROWS, separator: str = ",", ends: str = "\r\n") -> str:
    """Return rows as CSV."""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), delimiter=separator, lineterminator=ends)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def reference(text: str, column: str, separator: str = ",") -> list[str]:
    """Return the lines of a column, the slow and obvious way."""
    rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator))
    return [line for row in rows if row[column] for line in row[column].split("\n")]


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("column", ["text", "title"])
def test_a_column_is_read_as_the_reference_reads_it(separator, ends, column, tmp_path):
    text = table(ROWS, separator, ends)
    path = write(tmp_path / "a.csv", text.encode())
    expected = reference(text, column, separator)
    assert len(expected) > 3
    assert selected(path, column=column) == expected
    assert selected(path, column=column, sep=separator) == expected


@pytest.mark.parametrize("seed", range(30))
def test_random_tables_are_read_as_the_reference_reads_them(seed, tmp_path, monkeypatch):
    draw = random.Random(seed)
    monkeypatch.setattr(extraction, "_CHUNK_BYTES", draw.choice([1, 7, 64, 1 << 18]))
    monkeypatch.setattr(delimited, "PIECE_CHARACTERS", draw.choice([1, 50, 1 << 18]))
    separator = draw.choice(",;\t|")
    parts = [*("a", "bc", "日本", "ö", " ", '"', '""', "x, y", "\0", "\u2028"), separator]
    parts += ["\n", "\r\n", "\r"]
    names = ["id", "text", "more"]
    rows = [
        {name: "".join(draw.choices(parts, k=draw.randint(0, 8))) for name in names}
        for _ in range(draw.randint(1, 60))
    ]
    text = table(rows, separator, draw.choice(["\n", "\r\n", "\r"]))
    path = write(tmp_path / "a.csv", text.encode())
    for name in names:
        assert selected(path, column=name, sep=separator) == reference(text, name, separator)


@pytest.mark.parametrize(
    "pack",
    [
        bytes, gzip.compress, bz2.compress, lzma.compress, zstandard.compress,
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: gzip.compress(b"\xef\xbb\xbf" + data),
    ],
    ids=["plain", "gzip", "bzip2", "xz", "zstd", "mark", "mark in gzip"],
)  # fmt: skip
def test_tables_may_be_compressed_and_have_a_byte_order_mark(pack, tmp_path, monkeypatch):
    data = pack(table().encode())
    path = write(tmp_path / "a", data)
    source = FileSource([path], SourceOptions.of(Config(column="id")))
    assert lines_of(source) == ["1", "2", "3", "4", "5"]
    assert source.done_bytes == source.total_bytes == len(data)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert selected("-", column="text") == reference(table(), "text")
    stream = open_corpus(io.BytesIO(data), SourceOptions.of(Config(column="text")))
    assert lines_of(stream) == reference(table(), "text")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "windows-1252"])
def test_tables_may_have_another_encoding(encoding, tmp_path):
    rows = [row | {"text": row["text"].replace("日本", "ß")} for row in ROWS]
    path = write(tmp_path / "a.csv", table(rows, ";").encode(encoding))
    assert selected(path, column="text", encoding=encoding) == reference(table(rows), "text")


def test_text_in_utf16_among_other_text_is_placed_in_the_selected_text(tmp_path):
    cell = ("Ein Satz in anderer Kodierung. " * 40).encode("utf-16-le")
    rows = b"1,some words\n" * 9_000 + b"2," + cell + b"\n"
    source = FileSource(
        [write(tmp_path / "a.csv", b"id,text\n" + rows)], SourceOptions.of(Config(column="text"))
    )
    message = r"contains text in UTF-16 among other text, at byte 99,\d+ of the selected text: "
    blocks = blocks_of(source)
    with pytest.raises(InputError, match=message):
        source.check(count_bytes(blocks[0], 0))


def test_an_encoding_is_suggested_if_a_name_is_not_utf8(tmp_path):
    path = write(tmp_path / "a.csv", "Größe,Länge\nein Wort,b\n".encode("latin-1"))
    message = r"a\.csv has no column 'Größe': .*; if it is not UTF-8, pass its `encoding`$"
    with pytest.raises(InputError, match=message):
        selected(path, column="Größe")
    assert selected(path, column="Größe", encoding="latin-1") == ["ein Wort"]


def test_tables_of_a_directory_are_read_in_order(tmp_path):
    write(tmp_path / "b.csv", b"text,id\nsecond,2\n")
    write(tmp_path / "a.tsv", b"id\ttext\n1\tfirst, really\n")
    write(tmp_path / "c.md", b"# Not a table\n")
    source = FileSource([tmp_path], SourceOptions.of(Config(column="text"), ("*.?sv",)))
    assert lines_of(source) == ["first, really", "second"]
    message = (
        r"c\.md has no column 'text': its columns are '# Not a table'; to read only some files of a"
        r" directory, pass `include`$"
    )
    with pytest.raises(InputError, match=message):
        selected(tmp_path, column="text")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_lines_are_bounded_whatever_ends_them(end, tmp_path, monkeypatch):
    monkeypatch.setattr(extraction, "_CHUNK_BYTES", 64)
    monkeypatch.setattr(extraction, "LONGEST_LINE", 200)
    path = write(tmp_path / "a.csv", end.join([b"id,text", *[b"1,some words"] * 90]))
    assert selected(path, column="text") == ["some words"] * 90
    path = write(tmp_path / "a.csv", end.join([b"id,text", b"1," + b"some words" * 90]))
    with pytest.raises(InputError, match=r"a\.csv has a line of more than 200 bytes: expected a l"):
        selected(path, column="text")


# Columns


def test_a_column_is_given_by_its_number_or_several_with_commas(tmp_path):
    path = write(tmp_path / "a.csv", b"id,title,text\n1,T,one\n2,,two\n")
    assert selected(path, column="3") == ["text", "one", "two"]
    assert selected(path, column=3) == ["text", "one", "two"]
    assert selected(path, column="title,text") == ["T", "one", "two"]
    assert selected(path, column=" text , 1") == ["one", "1", "two", "2"]
    assert selected(path, column="3,1") == ["text", "id", "one", "1", "two", "2"]
    path = write(tmp_path / "a.csv", b'"a,b",a,b\n1,2,3\n')
    assert selected(path, column="a,b") == ["1"]
    assert selected(path, column="b,a") == ["3", "2"]
    path = write(tmp_path / "a.csv", b" id , text \n1,2\n")
    assert selected(path, column="text") == ["2"]


@pytest.mark.parametrize(
    ("data", "column", "message"),
    [
        (b"id,text\n1,a\n", "txt", r"has no column 'txt': its columns are 'id', 'text'$"),
        (b"id,text\n1,a\n", "text,no", r"has no column 'no': its columns are 'id', 'text'$"),
        (b"id,text\n1,a\n", "3", r"has no column 3: it has 2, 'id', 'text'$"),
        (b"id,text\n1,a\n", "9" * 99, r"has no column 9+: it has 2, 'id', 'text'$"),
        (b"2020,2021\na,b\n", "2021", r"'2020', '2021'; the column named 2021 is number 2$"),
        (
            b"text,id,text\na,1,b\n", "text",
            r"has 2 columns named 'text', with the numbers 1 and 3: pass one of these as `column`$",
        ),
        (b"{}\n", "x", r"has no column 'x': its columns are '{}'$"),
        (b",".join(b"c%d" % i for i in range(90)), "x", r"'c19' \.\.\. \(90 in all\)$"),
        (b",".join(b"c%098d" % i for i in range(9)), "x", r" \.\.\. \(9 in all\)$"),
    ],
)  # fmt: skip
def test_a_column_that_does_not_exist_is_an_error_with_those_that_do(
    data, column, message, tmp_path
):
    path = write(tmp_path / "a.csv", data)
    with pytest.raises(InputError, match=message) as caught:
        selected(path, column=column)
    assert len(str(caught.value)) < 1_500


def test_other_columns_of_the_same_name_do_not_matter(tmp_path):
    path = write(tmp_path / "a.csv", b"x,text,x\n1,a,2\n")
    assert selected(path, column="text") == ["a"]
    assert selected(path, column="3")[1:] == ["2"]


@pytest.mark.parametrize(
    ("data", "column", "noted"),
    [
        (b"id,text\n1,some words\n2,more words\n", "2", "text"),
        (b"name,text\na,a text that is much longer than four letters\n", "2", "text"),
        (b"id,title,text\n1,a,some words\n2,b,more words\n", "3,2", "text,title"),
        (b"1,some words\n2,more words\n", "2", None),
        (b"red,words\nblue,green\n", "2", None),
        (b"a text, with words\nanother text, with words\n", "1", None),
        (b"id,id\n1,2\n", "2", None),
        (b"id,text\n", "2", None),
        (b"id,text\n1,some words\n2,more words\n", "text", None),
    ],
)
def test_a_first_row_that_looks_like_names_is_noted_if_it_is_read(data, column, noted, tmp_path):
    path = write(tmp_path / "a.csv", data)
    note = (
        f"the first row of {path} looks like the names of the columns, but is read as text, as "
        f"`column='{column}'` is a number; to leave it out, pass `column='{noted}'`"
    )
    assert notes_of(path, column=column) == ([note] if noted else [])


# Separators


def test_the_separator_is_found_in_the_first_rows(tmp_path):
    assert find_separator("a;b\n1,5;2,5\n", "x") == ";"
    assert find_separator("a;b,c\n1;2,5\n", "x", "c") == ","
    assert find_separator("a;b,c\n1;2,5\n", "x", "b,c") == ";"
    assert find_separator("a,b,c\n1;2,5\n", "x.tsv") == "\t"
    assert find_separator("a,b,c\n1;2,5\n", "x.TAB.gz") == "\t"
    assert find_separator("one column\nof words, really\n", "x") == ";"
    assert find_separator("", "x") == ","
    assert find_separator("1|a, b\n2|c\n", "x", "2") == "|"
    path = write(tmp_path / "a.csv", b"text\none; two, three\nfour | five\n")
    assert selected(path, column="text") == ["one; two, three", "four | five"]
    path = write(tmp_path / "a.tsv", b"a;text\n1;two\n")
    assert selected(path, column="text", sep=";") == ["two"]
    path = write(tmp_path / "a.csv", b"a:text\n1:two\n")
    assert selected(path, column="text", sep=":") == ["two"]
    path = write(tmp_path / "a.csv", b"a\ttext\n1\ttwo\n")
    assert selected(path, column="text", sep="\\t") == selected(path, column="text", sep="tab")


def test_a_semicolon_table_with_a_mark_and_line_ends_of_windows(tmp_path):
    data = "\ufeffName;Text;Preis\r\nä;Hallo, Welt;1,5\r\nö;Zwei;2,5\r\n".encode()
    path = write(tmp_path / "a.csv", data)
    assert selected(path, column="Text") == ["Hallo, Welt", "Zwei"]
    assert selected(path, column="Name") == ["ä", "ö"]
    assert notes_of(path, column="Text") == []


# Odd rows


def test_rows_with_too_few_or_too_many_columns_are_counted(tmp_path):
    path = write(tmp_path / "a.csv", b"id,text,n\n1\n2\n3,c,1,x\n\n4,d\n5,e,1\n")
    assert selected(path, column="text") == ["c", "d", "e"]
    uneven = (
        "{} with more or fewer columns than the first one ({}), whose text may be cut; put cells "
        "with a separator or a line end in quotation marks, or check `sep`"
    )
    assert notes_of(path, column="text") == [
        f"skipped: 2 rows with too few columns (2 in {path})",
        uneven.format("2 rows", f"2 in {path}"),
    ]
    other = write(tmp_path / "b.csv", b"id,text,n\n1\n")
    source = FileSource([path, other], SourceOptions.of(Config(column="text")))
    lines_of(source)
    source._unchecked.clear()
    assert [notice.message for notice in source.finish()] == [
        f"skipped: 3 rows with too few columns (2 in {path}, 1 in {other})",
        uneven.format("2 rows", f"2 in {path}"),
    ]


def test_records_become_one_line_each_if_asked_for(tmp_path):
    path = write(tmp_path / "a.csv", b'id,text\n1,"a\nb"\n2,\n3\n4,d\n')
    source = FileSource([path], SourceOptions.of(Config(column="text"), one_line=True))
    assert lines_of(source) == ["a b", "", "", "d"]
    source._unchecked.clear()
    (notice,) = source.finish()
    assert notice.message == f"as empty lines: 1 row with too few columns (1 in {path})"
    source = FileSource([path], SourceOptions.of(Config(column="text,id"), one_line=True))
    assert lines_of(source) == ["a b 1", "2", "", "d 4"]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_an_empty_table_has_no_lines(data, tmp_path):
    assert selected(write(tmp_path / "a.csv", data), column="text") == []
    assert selected(write(tmp_path / "a.csv", data), column="1") == []


def test_a_table_of_names_only_has_no_lines(tmp_path):
    for data in (b"id,text", b"id,text\r\n"):
        assert selected(write(tmp_path / "a.csv", data), column="text") == []


def test_a_quotation_mark_that_is_never_closed_is_an_error(tmp_path):
    path = write(tmp_path / "a.csv", b'id,text\n1,a\n2,"b\n3,c\n4,d\n')
    message = (
        r"a\.csv, line 3: a quotation mark is never closed, so that the rest, 3 lines, would be "
        r"one cell; remove it, or double it if it is text$"
    )
    with pytest.raises(InputError, match=message):
        selected(path, column="text")
    path = write(tmp_path / "a.csv", b'"id,text\n1,a\n')
    with pytest.raises(InputError, match=r"line 1: a quotation mark is never closed"):
        selected(path, column="text")


@pytest.mark.parametrize("data", [b'id,text\n1,a\n2,"b', b'id,text\n1,a\n2,"b\n'])
def test_a_last_row_that_is_cut_is_noted(data, tmp_path):
    path = write(tmp_path / "a.csv", data)
    assert selected(path, column="text") == ["a"]
    note = f"the last row of {path} is cut within quotation marks, and skipped"
    assert notes_of(path, column="text") == [note]
    path = write(tmp_path / "a.csv", b'"id')
    assert selected(path, column="text") == []
    assert notes_of(path, column="text") == [note]


@pytest.mark.parametrize("name", ["a.tsv", "a.csv"])
def test_rows_within_a_cell_are_noted(name, tmp_path):
    separator = "\t" if name == "a.tsv" else ","
    rows = [
        "id text n",
        '1 "opens 5',
        *(f"{i} words 7" for i in range(2, 9)),
        '9 closes" 3',
        "10 x 4",
    ]
    path = write(tmp_path / name, "\n".join(rows).replace(" ", separator).encode())
    notes = notes_of(path, column="text")
    assert notes[-1] == (
        f"1 row whose cell seems to hold other rows (1 in {path}), as after a quotation mark that "
        "is text; double such quotation marks, or remove them"
    )
    rows = ["id text", '1 "a\n\nb, c\n\nd-e"', '2 "some\nlines\nof\na\ntext"', ""]
    data = "\n".join(row.replace(" ", separator, 1) for row in rows)
    path = write(tmp_path / name, data.encode())
    assert notes_of(path, column="text") == []
    assert len(selected(path, column="text")) == 10


def test_odd_quotation_marks_are_text(tmp_path):
    rows = b'1,a 5" pipe\n2,"x" y\n' + b"4,some words\n" * 100 + b"3,\0 z\n"
    path = write(tmp_path / "a.csv", b"id,text\n" + rows)
    expected = ['a 5" pipe', "x y", *["some words"] * 100, "\0 z"]
    assert selected(path, column="text") == expected


def test_bytes_that_are_not_utf8_remain(tmp_path):
    path = write(tmp_path / "a.csv", b"id,text\n1,gr\xf6\xdfer\n")
    assert selected(path, column="text") == ["gr\udcf6\udcdfer"]


def test_cells_may_be_long_but_not_without_bound(tmp_path, monkeypatch):
    before = csv.field_size_limit()
    path = write(tmp_path / "a.csv", b'id,text\n1,"' + b"word " * 400_000 + b'"\n2,b\n')
    assert selected(path, column="text") == ["word " * 400_000, "b"]
    assert csv.field_size_limit() == before
    monkeypatch.setattr(delimited, "LONGEST_CELL", 1_000)
    message = (
        r"a\.csv, line 2: a cell has more than 1,000 characters; maybe a quotation mark there is "
        r"not closed$"
    )
    with pytest.raises(InputError, match=message):
        selected(path, column="text")
    assert csv.field_size_limit() == before


def test_the_limit_of_the_csv_module_is_restored_after_all_threads():
    before = csv.field_size_limit()
    inner, outer = threading.Event(), threading.Event()

    def hold() -> None:
        with delimited._long_cells():
            inner.set()
            outer.wait(10)

    thread = threading.Thread(target=hold)
    with delimited._long_cells():
        thread.start()
        inner.wait(10)
    assert csv.field_size_limit() == delimited.LONGEST_CELL
    outer.set()
    thread.join()
    assert csv.field_size_limit() == before


@pytest.mark.slow
@pytest.mark.parametrize("data", [b'id,text\n1,"', b"id,text\n1,", b'"'], ids=["cell", "line", "0"])
def test_a_huge_cell_is_refused_in_bounded_memory(data, tmp_path):
    path = write(tmp_path / "a.csv", data + b"x" * 100_000_000)
    tracemalloc.start()
    with pytest.raises(InputError, match=r"a cell has more than|has a line of more than 67,108"):
        selected(path, column="text")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 700 << 20


@pytest.mark.slow
def test_memory_does_not_grow_with_the_table(tmp_path):
    path = write(tmp_path / "a.csv", b"id,text\n" + b'1,"%s\nwords"\n' % (b"some " * 40) * 150_000)
    source = FileSource([path], SourceOptions.of(Config(column="text")))
    tracemalloc.start()
    assert sum(block.count(b"\n") for block in source.blocks(len)) == 300_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


# Without a column


@pytest.mark.parametrize("name", ["a.csv", "a.TSV", "a.csv.gz"])
def test_a_table_without_a_column_is_noted(name, tmp_path):
    text = table(ROWS, "\t" if "TSV" in name else ",").encode()
    path = write(tmp_path / name, gzip.compress(text) if name.endswith("gz") else text)
    assert len(selected(path)) == 7
    (note,) = notes_of(path)
    assert note == (
        f"all columns of {path} are read as text; to read some of them, pass one as `column`: "
        "'id', 'title', 'text'"
    )


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", b"id,text\n1,a\n2,b\n"),
        ("a.csv", b"words, and words\nand words\nor, others, too, and more\n"),
        ("a.csv", b"text\nwords\n"),
        ("a.csv", b""),
    ],
)
def test_other_text_is_not_noted(name, data, tmp_path):
    assert notes_of(write(tmp_path / name, data)) == []


def test_the_name_of_a_path_may_have_a_dot_only(tmp_path):
    path = write(tmp_path / ".gz", b"a b\n")
    assert notes_of(Path(path)) == []
