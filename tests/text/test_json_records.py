"""JSON lines and arrays: the text of fields, compared with `json.loads`."""

from __future__ import annotations

import gzip
import io
import json
import random
import tracemalloc
from typing import Any

import pytest

from text.helpers import lines_of, notes_of, selected, write
from w2v.config import Config
from w2v.errors import InputError
from w2v.text import extraction, json_records
from w2v.text.sources import FileSource, SourceOptions, open_corpus

RECORDS: list[dict[str, Any]] = [
    {"id": 1, "text": "The first\nwith a line end", "review": {"body": "one", "stars": 3}},
    {"id": 2, "text": "Grüße 日本 😀 \u2028 \x07", "review": {"body": "two"}},
    {"id": 3, "text": "", "review": {"body": ["three", "four"], "x": {"y": "deep"}}},
    {"id": 4, "text": 'a "quoted" text', "review": {"body": "five"}, "review.body": "six"},
]


def lines(records: list[Any], **options: Any) -> bytes:
    """Return records as JSON lines."""
    return "".join(json.dumps(record, **options) + "\n" for record in records).encode()


def reference(data: bytes, field: str) -> list[str]:
    """Return the lines of a field, the slow and obvious way."""
    texts = [json.loads(line)[field] for line in data.decode().split("\n") if line.strip()]
    return [line for text in texts if text for line in text.split("\n")]


@pytest.mark.parametrize("escaped", [True, False])
@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\n\n \n"])
def test_a_field_is_read_as_the_reference_reads_it(ends, escaped, tmp_path):
    data = lines(RECORDS, ensure_ascii=escaped)
    path = write(tmp_path / "a.jsonl", data.replace(b"\n", ends))
    expected = reference(data, "text")
    assert len(expected) == 4
    assert selected(path, json_field="text") == expected
    path = write(tmp_path / "a.jsonl", gzip.compress(b"\xef\xbb\xbf" + data))
    assert selected(path, json_field="text") == expected
    path = write(tmp_path / "a.jsonl", data.decode().encode("utf-16"))
    assert selected(path, json_field="text") == expected
    options = SourceOptions.of(Config(json_field="text"))
    assert lines_of(open_corpus(io.BytesIO(data), options)) == expected


@pytest.mark.parametrize("indent", [None, 2])
def test_an_array_is_read_like_lines(indent, tmp_path):
    data = json.dumps(RECORDS, indent=indent).encode()
    source = FileSource(
        [write(tmp_path / "a.json", b" " + data + b"\n")],
        SourceOptions.of(Config(json_field="text")),
    )
    assert lines_of(source) == reference(lines(RECORDS), "text")
    assert source.done_bytes == source.total_bytes == len(data) + 2


@pytest.mark.parametrize("seed", range(30))
def test_random_records_are_read_as_the_reference_reads_them(seed, tmp_path, monkeypatch):
    draw = random.Random(seed)
    for module, name in ((extraction, "_CHUNK_BYTES"), (json_records, "_CHUNK_BYTES")):
        monkeypatch.setattr(module, name, draw.choice([1, 7, 64, 1 << 18]))
    monkeypatch.setattr(json_records, "PIECE_CHARACTERS", draw.choice([1, 50, 1 << 18]))
    parts = ["a", "bc", "日本", "ö", " ", '"', "\n", "\\", "]", "}", ",", "😀", "\x01", "\u2028"]
    records = [
        {
            "n": draw.choice([1, -2.5e300, True, None, [{}, []]]),
            "text": "".join(draw.choices(parts, k=draw.randint(0, 12))),
        }
        for _ in range(draw.randint(1, 60))
    ]
    data = lines(records, ensure_ascii=draw.random() < 0.5)
    path = write(tmp_path / "a", data)
    assert selected(path, json_field="text") == reference(data, "text")
    path = write(tmp_path / "a", json.dumps(records, indent=draw.choice([None, 1])).encode())
    assert selected(path, json_field="text") == reference(data, "text")


# Fields


def test_fields_may_be_nested_and_several(tmp_path):
    path = write(tmp_path / "a.jsonl", lines(RECORDS))
    assert selected(path, json_field="review.body") == ["one", "two", "three", "four", "six"]
    assert selected(path, json_field="review.x.y") == ["deep"]
    assert selected(path, json_field="review.x.y, review.body") == [
        *("one", "two", "deep", "three", "four", "six")
    ]
    path = write(tmp_path / "a.jsonl", lines([{"a,b": "1", "a": "2", "b": "3"}, {"b": "4"}]))
    assert selected(path, json_field="a,b") == ["1", "4"]


def test_missing_fields_and_other_types_are_counted(tmp_path):
    records = [{"text": "a"}, {"text": None}, {"x": 1}, {"text": 5}, {"text": {"x": "y"}}]
    records += [{"text": ["b", None, 3]}, {"text": [None]}, {"text": True}, {"text": [["c"]]}]
    path = write(tmp_path / "a.jsonl", lines(records))
    assert selected(path, json_field="text") == ["a", "b"]
    missing, other = notes_of(path, json_field="text")
    assert missing == f"skipped: 2 records without a value in the field (2 in {path})"
    assert other == (
        f"skipped: 5 records in which the field has no text (5 in {path}, such as a number in "
        "record 4)"
    )


def test_lists_of_words_are_noted(tmp_path):
    path = write(tmp_path / "a.jsonl", lines([{"items": ["a1", "b2", "c3"]}] * 10))
    (note,) = notes_of(path, json_field="items")
    assert note == (
        f"the lists in the field seem to hold words ({path}), but each string is a line, so that "
        "words have no context; join the strings of a list with spaces first, or pass the lists "
        "from Python"
    )
    for items in (["A sentence.", "Another one."], ["a1"], [], ["one", "or a sentence"]):
        path = write(tmp_path / "a.jsonl", lines([{"items": items}] * 10))
        assert notes_of(path, json_field="items") == []


def test_records_become_one_line_each_if_asked_for(tmp_path):
    records = [{"text": "a\nb"}, {"text": ["c", "d"]}, {}, {"text": ""}, {"text": "e"}]
    path = write(tmp_path / "a.jsonl", lines(records))
    source = FileSource([path], SourceOptions.of(Config(json_field="text"), one_line=True))
    assert lines_of(source) == ["a b", "c d", "", "", "e"]
    source._unchecked.clear()
    (notice,) = source.finish()
    assert notice.message == f"as empty lines: 1 record without a value in the field (1 in {path})"


@pytest.mark.parametrize(
    ("records", "field", "message"),
    [
        (
            RECORDS, "txt",
            r"no field 'txt' in its first 4 records; the fields are 'id', 'text', 'review\.body', ",
        ),
        ([{"a": "b"}], "x", r"has no field 'x' in its first record; the fields are 'a'$"),
        (RECORDS, "id", r"has no text in the field 'id': it is a number in record 1; expected "),
        (RECORDS, "review", r"in the field 'review': it is an object in record 1; .* are 'id'"),
        (
            [{"a": {"b": [{"text": "c"}]}}], "a.b",
            r"has objects in a list in the field .a\.b.: .*; convert .* jq -c \.a\.b\[\]$",
        ),
        ([{"a": [1]}], "a", r"a number in record 1; expected a string or a list of strings; "),
    ],
)  # fmt: skip
def test_a_field_that_no_record_has_is_an_error(records, field, message, tmp_path):
    path = write(tmp_path / "a.jsonl", lines(records))
    with pytest.raises(InputError, match=message):
        selected(path, json_field=field)
    path = write(tmp_path / "a.json", json.dumps(records).encode())
    with pytest.raises(InputError, match=message):
        selected(path, json_field=field)


def test_a_wrong_field_is_found_before_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "_SEARCHED", 3)
    path = write(tmp_path / "a.jsonl", lines([{"a": "b"}] * 3) + b"no json\n")
    with pytest.raises(InputError, match="has no field 'x' in its first 3 records"):
        selected(path, json_field="x")
    with pytest.raises(InputError, match="line 4, is not a JSON object"):
        selected(path, json_field="a")


def test_only_missing_values_are_no_error(tmp_path):
    path = write(tmp_path / "a.jsonl", lines([{"a": None}] * 3))
    assert selected(path, json_field="a") == []
    assert selected(write(tmp_path / "a.jsonl", b""), json_field="a") == []
    assert selected(write(tmp_path / "a.jsonl", b" \n\n"), json_field="a") == []
    assert selected(write(tmp_path / "a.json", b"[]\n"), json_field="a") == []


# Malformed files


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "b"', "Expecting ',' delimiter at character 13; .*, convert .* jq -c ."),
        ("{", "Expecting property name .*; if objects span lines, convert the file with jq -c .$"),
        ("plain text", "Expecting value at character 1; expected one object per line; for CSV "),
        ('"text"', "it is a string; expected one object per line; for CSV"),
        ("5", "it is a number; "),
        ("null", "it is null; "),
        ("true", "it is true or false; "),
        ('["a"]', "it is a list; expected one object per line; if objects"),
        ('{"text": "b"} {}', "Extra data at character 15; "),
        ('{"text": "\\ud8"}', "Invalid .u.* escape"),
        ('{"a": ' * 100_000, "it is nested too deeply; "),
    ],
)  # fmt: skip
def test_a_line_that_is_no_object_is_an_error(line, message, tmp_path):
    data = b'{"text": "a"}\n\n' + line.encode() + b"\n" + b'{"text": "c"}\n'
    path = write(tmp_path / "a.jsonl", data)
    with pytest.raises(InputError, match=f"line 3, is not a JSON object: {message}") as caught:
        selected(path, json_field="text")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_last_line_that_is_cut_is_noted(tmp_path):
    whole = lines([{"text": "a"}, {"text": "b c"}])
    for end in range(len(whole) - 12, len(whole) - 2):
        path = write(tmp_path / "a.jsonl", whole[:end])
        assert selected(path, json_field="text") == ["a"]
        note = f"the last line of {path} is incomplete, and skipped"
        assert notes_of(path, json_field="text") == [note]
    for data in (whole[:-2] + b"\n", whole[:4], whole + b"x"):
        with pytest.raises(InputError, match="is not a JSON object"):
            selected(write(tmp_path / "a.jsonl", data), json_field="text")


def test_an_array_that_is_cut_is_noted(tmp_path):
    whole = json.dumps([{"text": "a"}, {"text": "b c"}]).encode()
    for end in range(len(whole) - 14, len(whole)):
        path = write(tmp_path / "a.json", whole[:end])
        complete = end >= len(whole) - 1
        assert selected(path, json_field="text") == ["a", "b c"][: 1 + complete]
        (note,) = notes_of(path, json_field="text")
        assert note == f"the array in {path} is incomplete; it is read up to item {1 + complete}"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'[{"text": "a"}, {"text" "b"}, {"text": "c"}, {"x": "d"}]', "item 2 of the array, is n"),
        (b"[1, 2]", "item 1 of the array, is not a JSON object"),
        (b'[{"text": "a"}, "b"]', "item 2 of the array, is not a JSON object"),
        (b'[{"text": "a', "item 1 of the array, is not valid JSON: Unterminated string"),
        (b'[{"text": "a"}] [{"text": "b"}]', "has more text after the end of the array"),
        (b"[" + b'{"a": ' * 100_000, "item 1 of the array, is nested too deeply"),
        (b"[" * 100_000, "item 1 of the array, is nested too deeply"),
    ],
)  # fmt: skip
def test_a_malformed_array_is_an_error(data, message, tmp_path):
    path = write(tmp_path / "a.json", data)
    with pytest.raises(InputError, match=message):
        selected(path, json_field="text")


def test_odd_values_are_read(tmp_path):
    data = b"""{"text": "lone \\ud800 and \\udcff", "n": %s}
{"text": "pair \\ud83d\\ude00\ttab", "n": NaN}
{"text": "gr\xf6\xdfer"}
{"text": "first", "text": "second"}
""" % (b"9" * 10_000)
    path = write(tmp_path / "a.jsonl", data)
    lone, pair, invalid, second = selected(path, json_field="text")
    assert lone == "lone \udcff and \udcff"
    assert (pair, invalid, second) == ("pair 😀\ttab", "gr\udcf6\udcdfer", "second")


@pytest.mark.slow
def test_a_long_line_is_read_in_bounded_memory(tmp_path, monkeypatch):
    text = "some words " * 2_000_000
    path = write(tmp_path / "a.jsonl", lines([{"text": text}]))
    tracemalloc.start()
    (line,) = selected(path, json_field="text")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert line == text
    assert peak < 16 * len(text)
    path = write(tmp_path / "a.json", json.dumps([{"text": text}, {"text": "b"}]).encode())
    assert selected(path, json_field="text") == [text, "b"]
    monkeypatch.setattr(extraction, "LONGEST_LINE", 1_000_000)
    path = write(tmp_path / "a.jsonl", lines([{"text": text}]))
    with pytest.raises(InputError, match=r"has a line of more than 1,000,000 bytes: expected a"):
        selected(path, json_field="text")


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path):
    record = b'{"text": "' + b"some words " * 20 + b'"}'
    for data in ((record + b"\n") * 150_000, b"[" + (record + b",") * 150_000):
        path = write(tmp_path / "a", data)
        source = FileSource([path], SourceOptions.of(Config(json_field="text")))
        tracemalloc.start()
        assert sum(block.count(b"\n") for block in source.blocks(len)) == 150_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 16 << 20


# Without a field


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (lines(RECORDS), "JSON lines"),
        (lines(RECORDS[:1]), "JSON lines"),
        (lines(RECORDS[:1])[:-1], "JSON lines"),
        (b"\n " + lines(RECORDS), "JSON lines"),
        (json.dumps(RECORDS).encode(), "JSON"),
        (json.dumps(RECORDS, indent=2).encode(), "JSON"),
    ],
)
def test_json_is_refused_without_a_field(data, kind, tmp_path):
    path = write(tmp_path / "a.txt", data)
    fields = r", which is one of 'id', 'text', 'review\.body', 'review\.stars'"
    message = rf"a\.txt is {kind}: pass the field to read as `json_field`{fields}"
    with pytest.raises(InputError, match=message):
        selected(path)
    with pytest.raises(InputError, match=rf"{message[: -len(fields)]}, not as `column`{fields}"):
        selected(path, column="text")
    with pytest.raises(
        InputError, match=f"{message}.*; to read only some files of a directory, pa"
    ):
        selected(tmp_path)
    path = write(tmp_path / "a.gz", gzip.compress(data))
    with pytest.raises(InputError, match=f"is {kind}: pass the field"):
        selected(path)


def test_json_with_a_long_first_line_is_refused(tmp_path):
    for data in (b'{"text": "' + b"some words " * 20_000 + b'"}\n', b'{\n"a": ["b"\n'):
        path = write(tmp_path / "a.txt", data)
        with pytest.raises(InputError, match=r"is JSON: pass the field to read as `json_field`$"):
            selected(path)


@pytest.mark.parametrize(
    "text",
    ["{} is empty\n", "[1] A footnote\n", "{x: y}\n", '{"quoted"} words\n', '"a": b\n', "{\n", "["],
)
def test_text_with_brackets_is_read(text, tmp_path):
    path = write(tmp_path / "a.txt", text.encode())
    assert selected(path) == text.split("\n")[: text.count("\n") or 1]
