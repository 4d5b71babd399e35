"""The folders hf and keras, as far as no framework is needed: what is refused, and what is in them.

tests/frameworks has what the frameworks make of them.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.errors import ConfigError, FormatError, InputError, MissingExtraError, OutputError
from w2v.formats.frameworks import hf_tokenizer
from w2v.formats.layout import Layout
from w2v.formats.registry import FORMATS, load

ROWS = Layout("pad+unk", "zeros")
MATRIX = np.arange(1, 13, dtype=np.float32).reshape(4, 3)
UNICODE = {"name": "unicode", "lowercase": True}
META = {
    "tokenizer": UNICODE,
    "corpus": {"tokens": 40},
    "config": {"window": 2, "odd": "``` \n# x"},
    "epochs": [{"loss": 2.0}, {"loss": 1.25}],
}
EMBEDDINGS = Embeddings(["the", "king's", "日", "<unk>"], MATRIX, [5, 4, 3, 2], META)


def tokenizer(words: list[str], definition: object = UNICODE) -> dict:
    return json.loads(hf_tokenizer.encode(words, ROWS, definition))


# tokenizer.json


def test_rows_are_numbered_by_the_layout():
    content = tokenizer(["b", "a"])
    assert content["model"] == {
        "type": "WordLevel",
        "vocab": {"[PAD]": 0, "[UNK]": 1, "b": 2, "a": 3},
        "unk_token": "[UNK]",
    }
    assert (content["padding"]["pad_id"], content["padding"]["pad_token"]) == (0, "[PAD]")
    assert content["added_tokens"] == []


@pytest.mark.parametrize(
    ("words", "name", "expected"),
    [
        (["<unk>", "pad"], "unicode", ("[PAD]", "[UNK]")),
        (["[UNK]"], "unicode", ("[PAD ]", "[UNK ]")),
        (["[PAD]", "[UNK ]"], "unicode", ("[PAD  ]", "[UNK  ]")),
        (["<unk>"], "whitespace", ("[PAD ]", "[UNK ]")),
        (["[PAD ]"], "whitespace", ("[PAD  ]", "[UNK  ]")),
    ],
)
def test_no_word_has_the_name_of_a_row_that_is_not_a_word(words, name, expected):
    assert hf_tokenizer.special_names(words, name) == expected
    vocab = tokenizer(words, {"name": name, "lowercase": False})["model"]["vocab"]
    assert list(vocab) == [*expected, *words]


@pytest.mark.parametrize("definition", [None, {}, {"name": "tokens", "lowercase": False}])
def test_texts_that_nobody_knows_how_to_cut_are_refused(definition, tmp_path):
    with pytest.raises(ConfigError, match=r"hf records .*; say how it is cut: w2v convert --tok"):
        tokenizer(["a"], definition)


def test_characters_stay_as_they_are_where_letters_do():
    assert tokenizer(["a"], {"name": "whitespace", "lowercase": False})["normalizer"] is None
    (only,) = tokenizer(["a"], UNICODE | {"lowercase": False})["normalizer"]["normalizers"]
    assert (only["pattern"], only["content"]) == ({"String": "\u2019"}, "'")


# Both folders


@pytest.mark.parametrize(("name", "missing"), [("hf", "safetensors"), ("keras", "keras")])
def test_a_package_that_is_not_installed_is_named(name, missing, tmp_path, monkeypatch):
    for module in [missing, *(name for name in sys.modules if name.startswith(f"{missing}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"format {name} .*pip install 'w2v\[{missing}\]'"):
        FORMATS[name].write(EMBEDDINGS, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def lone_folder(name: str, path: Path) -> Path:
    """A folder with the files of a format, all but meta.json and vocab.txt empty."""
    path.mkdir()
    for mark in FORMATS[name].marks:
        (path / mark).touch()
    (path / "meta.json").write_text(json.dumps({"rows": ROWS.as_dict()}))
    return path


def test_keras_is_read_by_h5py_which_is_named_if_it_is_not_installed(tmp_path, monkeypatch):
    folder = lone_folder("keras", tmp_path / "x")
    (folder / "vocab.txt").write_text("a\n")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtraError, match=r"format keras .*pip install 'w2v\[keras\]'"):
        load(folder)


@pytest.mark.parametrize("name", ["hf", "keras"])
def test_what_is_no_such_folder_is_refused(name, tmp_path):
    read = FORMATS[name].read
    with pytest.raises(InputError, match="nowhere: there is no such folder; write one with w2v"):
        read(tmp_path / "nowhere")
    folder = lone_folder(name, tmp_path / "x")
    (folder / "meta.json").write_text("{}")
    with pytest.raises(FormatError, match=r"meta\.json: expected the layout under 'rows', got n"):
        read(folder)
    for mark in FORMATS[name].marks:
        (folder / mark).unlink()
        with pytest.raises(FormatError, match=f"folder of the format {name}: it has no {mark}"):
            read(folder)
        (folder / mark).touch()


def test_keras_reads_no_word_with_a_carriage_return(tmp_path):
    with pytest.raises(FormatError, match=r"'a\\rb' contains a carriage return, which Keras drops"):
        FORMATS["keras"].write(Embeddings(["a\rb"], [[1.0]]), tmp_path / "x")


# hf


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    FORMATS["hf"].write(EMBEDDINGS, tmp_path / "x")
    return tmp_path / "x"


def test_the_hf_folder_is_as_promised(folder):
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "counts.npy",
        "meta.json",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
    ]
    config = json.loads((folder / "config.json").read_text())
    assert (config["normalize"], config["max_length"], config["hidden_dim"]) == (False, None, 3)
    assert json.loads((folder / "meta.json").read_text())["rows"] == ROWS.as_dict()


def test_the_permissions_are_those_of_the_umask(folder):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    umask = os.umask(0)
    os.umask(umask)
    assert set(modes.values()) == {0o666 & ~umask}


def test_counts_meta_and_vectors_come_back(folder):
    back = load(folder)
    assert back.words == EMBEDDINGS.words
    assert back.matrix.tolist() == MATRIX.tolist()
    assert back.counts is not None
    assert back.counts.tolist() == [5, 4, 3, 2]
    assert {name: back.meta[name] for name in META} == META
    assert (back.rows, back.unk) == ("pad+unk", "zeros")
    assert back.encode("The king's 日").tolist() == [2, 3, 4]


@pytest.mark.parametrize("unk", ["trained", "mean-rare"])
def test_the_vector_of_unknown_words_comes_back(unk, tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    embeddings = Embeddings(["a"], [[1.0, 2.0]], meta=META, unknown=[3.0, 4.0])
    FORMATS["hf"].write(embeddings, tmp_path / "x", unk=unk)
    back = load(tmp_path / "x")
    assert back.unk == unk
    assert back.unknown is not None
    assert back.unknown.tolist() == ([3, 4] if unk == "trained" else [1, 2])


def test_the_model_card_tells_what_training_wrote_down(folder):
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: model2vec\n")
    assert "4 words, each with a vector of 3 numbers" in card
    assert "pad+unk (0 padding, 1 unknown words, words from 2)" in card
    assert "Letters are made small." in card
    assert '## Corpus\n\n```json\n{\n  "tokens": 40\n}\n```\n' in card
    assert '## The last epoch\n\n```json\n{\n  "loss": 1.25\n}\n```\n' in card
    assert "Evaluation" not in card
    assert "\n# x" not in card  # what comes from outside does not get out of its block


@pytest.mark.parametrize("rows", ["none", "pad"])
def test_hf_needs_a_row_for_unknown_words(rows, tmp_path):
    with pytest.raises(ConfigError, match=f"hf needs a row for unknown words.*got rows='{rows}'"):
        FORMATS["hf"].write(EMBEDDINGS, tmp_path / "x", rows=rows)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_another_program_is_not_replaced(folder):
    (folder / "meta.json").unlink()
    with pytest.raises(OutputError, match=r"neither a folder of the same kind .*tokenizer\.json"):
        FORMATS["hf"].write(EMBEDDINGS, folder, overwrite=True)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "meta.json"])
def test_an_hf_file_cut_short_anywhere_is_refused(name, folder):
    data = (folder / name).read_bytes()
    whole = len(data) - (name == "meta.json")  # there the last line end is optional
    for end in {*range(0, whole, -(-whole // 300)), whole - 1}:
        (folder / name).write_bytes(data[:end])
        with pytest.raises(FormatError, match=name):
            load(folder)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "meta.json"])
def test_an_hf_file_with_a_wrong_bit_is_read_or_refused(name, folder):
    data = (folder / name).read_bytes()
    refused = 0
    for position in range(0, len(data), -(-len(data) // 300)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position * 5 % 8)
        (folder / name).write_bytes(changed)
        try:
            load(folder)
        except (FormatError, InputError):
            refused += 1
    assert refused > 0


def tensors(header: dict, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def tensor(shape: list[int], size: int, dtype: str = "F32") -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": [0, size]}


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (tensors({"embeddings": tensor([2**40, 3], 72)}, bytes(72)), "expected a safetensors file"),
        (tensors({"embeddings": tensor([2**40, 3], 3 * 2**42)}, bytes(72)), "expected a safetens"),
        (tensors({"other": tensor([6, 3], 72)}, bytes(72)), r"'embeddings', got \['other'\]"),
        (tensors({"embeddings": tensor([18], 72)}, bytes(72)), r"got shape \(18,\) of F32"),
        (tensors({"embeddings": tensor([6, 3], 36, "F16")}, bytes(36)), r"\(6, 3\) of F16"),
        (tensors({"embeddings": tensor([6, 0], 0)}, b""), r"got shape \(6, 0\) of F32"),
        (tensors({"embeddings": tensor([5, 3], 60)}, bytes(60)), "has 6 names, .* 5 rows"),
        (tensors({"embeddings": tensor([6, 3], 72)}, b"\1" * 72), "row 0 is not zero"),
        (tensors({"embeddings": tensor([6, 3], 72)}, bytes(68) + b"\xff" * 4), "holds NaN"),
        (b"", "expected a safetensors file"),
        (b"\xff" * 100, "expected a safetensors file"),
    ],
)
def test_a_tensor_file_that_lies_is_refused(data, finding, folder):
    (folder / "model.safetensors").write_bytes(data)
    with pytest.raises(FormatError, match=finding):
        load(folder)


def test_two_tensors_are_not_what_w2v_writes(folder):
    both = {"embeddings": tensor([6, 3], 72), "weights": tensor([0], 0)}
    both["weights"]["data_offsets"] = [72, 72]
    (folder / "model.safetensors").write_bytes(tensors(both, bytes(72)))
    with pytest.raises(FormatError, match="expected one tensor, 'embeddings', got"):
        load(folder)


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("[]", "expected a tokenizer in JSON, with a vocab in its model"),
        ("{", "expected a tokenizer in JSON"),
        ("[" * 100_000, "expected a tokenizer in JSON"),
        ('{"model": {"vocab": ["a"]}}', "expected a vocab that numbers words from 0 on"),
        ('{"model": {"vocab": {"a": 1}}}', "expected a vocab that numbers words from 0 on"),
        ('{"model": {"vocab": {"a": 0, "b": 0}}}', "expected a vocab that numbers words from 0 on"),
        (
            '{"model": {"vocab": {"a": 0, "b": true}}}',
            "expected a vocab that numbers words from 0 on",
        ),
        (
            '{"model": {"vocab": {"a": 0, "b": 1e0}}}',
            "expected a vocab that numbers words from 0 on",
        ),
    ],
)
def test_a_tokenizer_that_is_none_is_refused(content, finding, folder):
    (folder / "tokenizer.json").write_text(content)
    with pytest.raises(FormatError, match=rf"tokenizer\.json: {finding}"):
        load(folder)


def test_a_file_that_cannot_be_read_is_named(folder):
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()
    with pytest.raises(InputError, match=r"cannot read .*model\.safetensors: Is a directory"):
        load(folder)
