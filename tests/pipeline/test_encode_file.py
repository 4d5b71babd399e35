"""Encoding a file with one text per line."""

from __future__ import annotations

import numpy as np
import pytest

from support import names
from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, InputError, OutputError, ResourceError, UnknownWordError
from w2v.events import Notice
from w2v.pipeline.encode_file import encode_file

WORDS = ["the", "king's", "日", "of", "judah"]
MATRIX = np.arange(1, 16, dtype=np.float32).reshape(5, 3)
UNICODE = {"tokenizer": {"name": "unicode", "lowercase": True}}
EMBEDDINGS = Embeddings(WORDS, MATRIX, meta=UNICODE)
# Rows of the layout pad+unk.
PAD, UNK, THE, KINGS, DAY, OF, JUDAH = range(7)

TEXT = "The king of Judah\n\nof the of 日本\r\nthe\n"
ROWS = [[THE, UNK, OF, JUDAH, PAD], [PAD] * 5, [OF, THE, OF, DAY, UNK], [THE, PAD, PAD, PAD, PAD]]


@pytest.fixture
def text_file(tmp_path):
    path = tmp_path / "texts.txt"
    path.write_text(TEXT, newline="")
    return path


def test_each_line_becomes_a_row(text_file, tmp_path):
    report = encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy")
    ids = np.load(tmp_path / "ids.npy", allow_pickle=False)
    assert ids.tolist() == ROWS
    assert ids.dtype == np.dtype("<i4")
    assert str(report) == (
        "4 texts x 5 ids, 20.00 % of 10 words unknown; "
        "rows pad+unk (0 padding, 1 unknown words, words from 2)"
    )
    assert names(tmp_path) == ["ids.npy", "texts.txt"]


def test_long_lines_are_truncated(text_file, tmp_path):
    report = encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", length=2)
    assert np.load(tmp_path / "ids.npy").tolist() == [row[:2] for row in ROWS]
    assert str(report).startswith("4 texts x 2 ids, 2 of them cut, ")


def test_small_blocks_give_the_same_ids(text_file, tmp_path, monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 16)
    monkeypatch.setattr("w2v.pipeline.encode_file._IDS_AT_ONCE", 7)
    encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy")
    assert np.load(tmp_path / "ids.npy").tolist() == ROWS


@pytest.mark.parametrize("length", [None, 2, 7])
def test_ids_are_padded_and_typed_as_encode_does(text_file, tmp_path, length):
    encode_file(
        EMBEDDINGS, text_file, tmp_path / "ids.npy", length=length, padding="pre", dtype="int64"
    )
    found = np.load(tmp_path / "ids.npy")
    lines = text_file.read_bytes().decode().split("\n")[:-1]
    expected = EMBEDDINGS.encode(lines, length, padding="pre", dtype="int64")
    assert found.dtype == expected.dtype == np.int64
    assert found.tolist() == expected.tolist()


def test_a_line_longer_than_a_block_is_a_single_text(tmp_path, monkeypatch):
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 16)
    (tmp_path / "texts").write_text("the of judah " * 20 + "\nof")
    encode_file(EMBEDDINGS, tmp_path / "texts", tmp_path / "ids.npy")
    ids = np.load(tmp_path / "ids.npy")
    assert ids.tolist() == [[THE, OF, JUDAH] * 20, [OF] + [PAD] * 59]


def test_invalid_utf_8_separates_words(tmp_path):
    (tmp_path / "texts").write_bytes(b"the caf\xe9 of\n" + b"the " * 100 + b"\n")
    encode_file(EMBEDDINGS, tmp_path / "texts", tmp_path / "ids.npy", length=3)
    assert np.load(tmp_path / "ids.npy").tolist() == [[THE, UNK, OF], [THE] * 3]


def test_errors_leave_no_file(text_file, tmp_path):
    for rows, error, expected in (
        ("pad", UnknownWordError, "'king' is not among the 5 words"),
        ("none", UnknownWordError, "'king' is not among"),
    ):
        with pytest.raises(error, match=expected):
            encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", rows=rows)
    text_file.write_text("the\nthe of\n")
    with pytest.raises(ConfigError, match="rows has no padding row in the layout 'none'"):
        encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", rows="none")
    text_file.write_text("")
    with pytest.raises(InputError, match=r"texts\.txt has no line: expected one text per line"):
        encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy")
    assert names(tmp_path) == ["texts.txt"]


def test_existing_files_are_replaced_only_with_overwrite(text_file, tmp_path):
    (tmp_path / "ids.npy").write_text("old")
    with pytest.raises(OutputError, match="exists already"):
        encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy")
    assert (tmp_path / "ids.npy").read_text() == "old"
    encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", overwrite=True)
    assert np.load(tmp_path / "ids.npy").tolist() == ROWS


def test_ids_larger_than_the_disk_are_rejected(text_file, tmp_path):
    with pytest.raises(ResourceError, match=r"cannot write .*ids\.npy: not enough disk space"):
        encode_file(EMBEDDINGS, text_file, tmp_path / "ids.npy", length=1 << 55)
    assert names(tmp_path) == ["texts.txt"]


# Encodings


def test_texts_in_another_encoding_are_refused_or_decoded(tmp_path):
    path = tmp_path / "texts"
    path.write_bytes("the king\u2019s 日\nof\n".encode("utf-16"))
    encode_file(EMBEDDINGS, path, tmp_path / "ids.npy")
    assert np.load(tmp_path / "ids.npy").tolist() == [[THE, KINGS, DAY], [OF, PAD, PAD]]
    path.write_bytes("the 日 of the 日\n".encode("gb18030"))
    with pytest.raises(InputError, match=r"texts is not UTF-8: .* non-ASCII bytes are invalid"):
        encode_file(EMBEDDINGS, path, tmp_path / "new.npy")
    assert names(tmp_path) == ["ids.npy", "texts"]
    encode_file(EMBEDDINGS, path, tmp_path / "new.npy", encoding="gb18030")
    assert np.load(tmp_path / "new.npy").tolist() == [[THE, DAY, OF, THE, DAY]]
    with pytest.raises(ConfigError, match="encoding must be an encoding that Python knows, such"):
        encode_file(EMBEDDINGS, path, tmp_path / "x.npy", encoding="klingon")


# Structured files


def test_each_record_becomes_a_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('id,text\n1,"The king\nof Judah"\n2,\n3\n4,of the of 日本\n')
    events = []
    encode_file(
        EMBEDDINGS, path, tmp_path / "a.npy", column="text", sep=",", observer=events.append
    )
    rows = [[THE, UNK, OF, JUDAH, PAD], [PAD] * 5, [PAD] * 5, [OF, THE, OF, DAY, UNK]]
    assert np.load(tmp_path / "a.npy").tolist() == rows
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.message == f"as empty lines: 1 row with too few columns (1 in {path})"
    path.write_text('{"text": "The king"}\n{"text": null}\n{"text": ["of", "judah"]}\n')
    with pytest.raises(InputError, match="is JSON lines: pass the field to read as `json_field`"):
        encode_file(EMBEDDINGS, path, tmp_path / "b.npy")
    encode_file(EMBEDDINGS, path, tmp_path / "b.npy", json_field="text")
    assert np.load(tmp_path / "b.npy").tolist() == [[THE, UNK], [PAD, PAD], [OF, JUDAH]]
    with pytest.raises(UnknownWordError, match=r"a\.csv, record 1: 'king' is not among"):
        encode_file(EMBEDDINGS, path, tmp_path / "c.npy", json_field="text", rows="pad")
    with pytest.raises(ConfigError, match=r"^sep requires `column`"):
        encode_file(EMBEDDINGS, path, tmp_path / "c.npy", sep="tab")


def test_damaged_bytes_are_reported(tmp_path):
    path = tmp_path / "texts"
    path.write_bytes("日 of judah\n".encode() * 20 + b"the\xffof\n")
    events = []
    encode_file(EMBEDDINGS, path, tmp_path / "ids.npy", observer=events.append)
    (notice,) = [event for event in events if isinstance(event, Notice)]
    assert notice.message == (
        f"1 byte is not valid in the encoding of the text, and treated as spaces: 1 in {path}"
    )
