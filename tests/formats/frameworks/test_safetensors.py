"""The safetensors file: its content, and the rejection of other files."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from w2v.embeddings.load import load
from w2v.errors import FormatError, InputError, MissingExtraError
from w2v.formats.frameworks import safetensors as safetensors_file
from w2v.formats.layout import Layout
from w2v.formats.registry import FORMATS
from w2v.formats.table import VectorTable

library = pytest.importorskip("safetensors", reason="safetensors is not installed")


numpy_library = pytest.importorskip("safetensors.numpy")


TOKENIZER = {"name": "unicode", "lowercase": True}
TWO = VectorTable(["New York", "é\n"], [[1.0, 0.1], [3.0, -4.5]], meta={"tokenizer": TOKENIZER})
FORMAT = FORMATS["safetensors"]


def record(**changes: object) -> dict[str, str]:
    content = {
        "version": 1,
        "rows": Layout("pad").as_dict(),
        "words": ["a", "b"],
    }
    return {"w2v": json.dumps(content | changes)}


MATRIX = np.array([[0, 0], [1, 2], [3, 4]], np.float32)


def test_content_of_a_file(tmp_path):
    FORMAT.write(TWO, tmp_path / "x.safetensors")
    with library.safe_open(tmp_path / "x.safetensors", framework="numpy") as file:
        matrix = file.get_tensor("embeddings")
        (entry,) = file.metadata().items()
    assert matrix.dtype == np.float32
    assert matrix.tobytes() == TWO.matrix_for("pad+unk").tobytes()
    assert entry[0] == "w2v"
    assert json.loads(entry[1]) == {
        "version": 1,
        "rows": Layout("pad+unk", "zeros").as_dict(),
        "tokenizer": TOKENIZER,
        "words": ["New York", "é\n"],
    }
    back = load(tmp_path / "x.safetensors")
    assert back.words == TWO.words
    assert back.meta == {"rows": Layout("pad+unk", "zeros").as_dict(), "tokenizer": TOKENIZER}


def test_the_same_model_gives_the_same_bytes(tmp_path):
    for name in ("x", "y"):
        FORMAT.write(TWO, tmp_path / name)
    assert (tmp_path / "x").read_bytes() == (tmp_path / "y").read_bytes()


def test_words_that_exceed_the_header_are_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr(safetensors_file, "MAX_HEADER_BYTES", 1_215)
    with pytest.raises(FormatError, match="the 2 words take 1216 bytes in the header of a safet"):
        FORMAT.write(TWO, tmp_path / "x")
    monkeypatch.setattr(safetensors_file, "MAX_HEADER_BYTES", 1_216)
    FORMAT.write(TWO, tmp_path / "x")
    header = int.from_bytes((tmp_path / "x").read_bytes()[:8], "little")
    assert 216 < header < 1_216


def test_the_estimate_of_the_header_is_an_upper_bound(tmp_path):
    limit = safetensors_file.MAX_HEADER_BYTES
    with pytest.raises(library.SafetensorError, match="header too large"):
        numpy_library.save({"embeddings": MATRIX}, {"w2v": "x" * limit})
    longest = limit - 1_000  # the maximum that passes the check
    assert len(numpy_library.save({"embeddings": MATRIX}, {"w2v": "x" * longest})) > longest


@pytest.mark.parametrize(
    ("tensors", "metadata", "finding"),
    [
        (
            {"embeddings": MATRIX},
            None,
            "a safetensors file of another program: its metadata have no",
        ),
        (
            {"embeddings": MATRIX},
            {"format": "pt"},
            "of another program: its metadata have no entry 'w2v'",
        ),
        ({"embeddings": MATRIX}, {"w2v": "{"}, "expected JSON in the entry 'w2v'"),
        ({"embeddings": MATRIX}, {"w2v": "[" * 100_000}, "expected JSON in the entry"),
        ({"embeddings": MATRIX}, {"w2v": "[]"}, "of version 1, got version None; use a newer w2v"),
        ({"embeddings": MATRIX}, record(version=2), "version 1, got version 2; use a newer w2v"),
        ({"embeddings": MATRIX}, record(words="ab"), "expected a list of words, got 'ab'"),
        ({"embeddings": MATRIX}, record(words=["a", 1]), r"expected a list of words, got \['a', 1"),
        ({"embeddings": MATRIX}, record(words=["a", "\ud800"]), r"'\\ud800' cannot be written as"),
        (
            {"embeddings": MATRIX},
            record(words=["a", "a"]),
            "words must be distinct, but words 0 and 1 are 'a'",
        ),
        ({"embeddings": MATRIX}, record(words=["a", ""]), "word 1 must be a non-empty string"),
        ({"embeddings": MATRIX}, record(words=["a"]), "got 2 rows and 2 columns for 1 words"),
        ({"embeddings": MATRIX}, record(rows=None), "expected a layout of rows as w2v records it"),
        (
            {"embeddings": MATRIX + 1},
            record(),
            "row 0 must be zero, because it is the padding row of the layout 'pad'",
        ),
        ({"embeddings": MATRIX * np.nan}, record(), "row 0 must be zero"),
        (
            {"embeddings": MATRIX.astype("f8")},
            record(),
            r"axes of F32, got shape \(3, 2\) of F64",
        ),
        ({"embeddings": MATRIX[0]}, record(), r"tensor of 2 axes of F32, got shape \(2,\) of F32"),
        ({"embeddings": MATRIX[:, :0]}, record(), r"2 axes of F32, got shape \(3, 0\) of F32"),
        ({"weight": MATRIX}, record(), r"expected one tensor, 'embeddings', got \['weight'\]"),
        ({"embeddings": MATRIX, "x": MATRIX}, record(), "expected one tensor, 'embeddings', got"),
    ],
)
def test_files_of_other_programs_are_rejected(tensors, metadata, finding, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(numpy_library.save(tensors, metadata))
    with pytest.raises(FormatError, match=f"x.safetensors: .*{finding}"):
        load(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"rubbish",
        (2**60).to_bytes(8, "little") + b"{}",
        (2**20).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (79).to_bytes(8, "little")
        + b'{"embeddings":{"dtype":"F32","shape":[1073741824,2],"data_offsets":[0,8]}}'.ljust(79),
    ],
)
def test_wrong_headers_are_rejected(data, tmp_path):
    (tmp_path / "x").write_bytes(data)
    with pytest.raises(FormatError, match=r"x: expected a safetensors .* damaged or truncated"):
        FORMAT.read(tmp_path / "x")


def test_directories_are_rejected(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*: Is a directory"):
        FORMAT.read(tmp_path)


def test_the_error_names_the_missing_package(tmp_path, monkeypatch):
    FORMAT.write(TWO, tmp_path / "x")
    for module in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, module, None)
    for call in (lambda: FORMAT.read(tmp_path / "x"), lambda: FORMAT.write(TWO, tmp_path / "y")):
        with pytest.raises(MissingExtraError, match=r"the format safetensors needs .*\[safetens"):
            call()
