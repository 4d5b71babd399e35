"""The directory for model2vec and sentence-transformers, without these libraries.

tests/frameworks has the tests that use them.
"""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import ConfigError, FormatError, InputError, OutputError
from w2v.formats.layout import Layout
from w2v.formats.registry import FORMATS

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


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    FORMATS["hf"].write(EMBEDDINGS, tmp_path / "x")
    return tmp_path / "x"


def test_files_of_the_directory(directory):
    assert sorted(path.name for path in directory.iterdir()) == [
        "README.md",
        "config.json",
        "counts.npy",
        "meta.json",
        "model.safetensors",
        "modules.json",
        "tokenizer.json",
    ]
    config = json.loads((directory / "config.json").read_text())
    assert (config["normalize"], config["max_length"], config["hidden_dim"]) == (False, None, 3)
    assert json.loads((directory / "meta.json").read_text())["rows"] == ROWS.as_dict()


def test_permissions_follow_the_umask(directory):
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir()}
    umask = os.umask(0)
    os.umask(umask)
    assert set(modes.values()) == {0o666 & ~umask}


def test_counts_meta_and_vectors_survive_a_round_trip(directory):
    back = load(directory)
    assert back.words == EMBEDDINGS.words
    assert back.matrix.tolist() == MATRIX.tolist()
    assert back.counts is not None
    assert back.counts.tolist() == [5, 4, 3, 2]
    assert {name: back.meta[name] for name in META} == META
    assert (back.rows, back.unk) == ("pad+unk", "zeros")
    assert back.encode("The king's 日").tolist() == [2, 3, 4]


@pytest.mark.parametrize("unk", ["trained", "mean-rare"])
def test_the_unknown_vector_survives_a_round_trip(unk, tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    embeddings = Embeddings(["a"], [[1.0, 2.0]], meta=META, unknown=[3.0, 4.0])
    FORMATS["hf"].write(embeddings, tmp_path / "x", unk=unk)
    back = load(tmp_path / "x")
    assert back.unk == unk
    assert back.unknown is not None
    assert back.unknown.tolist() == ([3, 4] if unk == "trained" else [1, 2])


def test_the_model_card_describes_the_training(directory):
    card = (directory / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: model2vec\n")
    assert "4 words, each with a vector of 3 numbers" in card
    assert "pad+unk (0 padding, 1 unknown words, words from 2)" in card
    assert "Text is lowercased." in card
    assert '## Corpus\n\n```json\n{\n  "tokens": 40\n}\n```\n' in card
    assert '## Last epoch\n\n```json\n{\n  "loss": 1.25\n}\n```\n' in card
    assert "Evaluation" not in card
    assert "\n# x" not in card  # values from outside stay within the code block


@pytest.mark.parametrize("rows", ["none", "pad"])
def test_hf_needs_a_row_for_unknown_words(rows, tmp_path):
    with pytest.raises(
        ConfigError, match=f"rows must have a row for unknown words in the format hf, got '{rows}'"
    ):
        FORMATS["hf"].write(EMBEDDINGS, tmp_path / "x", rows=rows)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("definition", [None, {}, {"name": "tokens", "lowercase": False}])
def test_an_undefined_tokenizer_is_rejected(definition, tmp_path):
    pytest.importorskip("safetensors", reason="safetensors is not installed")
    embeddings = Embeddings(["a"], [[1.0]], meta={"tokenizer": definition})
    expected = r"the format hf needs the tokenizer.*; set embeddings.meta"
    with pytest.raises(ConfigError, match=expected):
        FORMATS["hf"].write(embeddings, tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_directories_of_other_programs_are_not_replaced(directory):
    (directory / "meta.json").unlink()
    with pytest.raises(
        OutputError, match=r"neither a directory of the same kind .*tokenizer\.json"
    ):
        FORMATS["hf"].write(EMBEDDINGS, directory, overwrite=True)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "meta.json"])
def test_truncated_files_are_rejected(name, directory):
    data = (directory / name).read_bytes()
    whole = len(data) - (name == "meta.json")  # the last line end is optional
    for end in {*range(0, whole, -(-whole // 300)), whole - 1}:
        (directory / name).write_bytes(data[:end])
        with pytest.raises(FormatError, match=name):
            load(directory)


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "meta.json"])
def test_flipped_bits_never_crash(name, directory):
    data = (directory / name).read_bytes()
    rejected = 0
    for position in range(0, len(data), -(-len(data) // 300)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position * 5 % 8)
        (directory / name).write_bytes(changed)
        try:
            load(directory)
        except (FormatError, InputError):
            rejected += 1
    assert rejected > 0


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
        (tensors({"embeddings": tensor([6, 3], 72)}, b"\1" * 72), "row 0 must be zero"),
        (tensors({"embeddings": tensor([6, 3], 72)}, bytes(68) + b"\xff" * 4), "contains NaN"),
        (b"", "expected a safetensors file"),
        (b"\xff" * 100, "expected a safetensors file"),
    ],
)
def test_wrong_tensors_are_rejected(data, finding, directory):
    (directory / "model.safetensors").write_bytes(data)
    with pytest.raises(FormatError, match=finding):
        load(directory)


def test_several_tensors_are_rejected(directory):
    both = {"embeddings": tensor([6, 3], 72), "weights": tensor([0], 0)}
    both["weights"]["data_offsets"] = [72, 72]
    (directory / "model.safetensors").write_bytes(tensors(both, bytes(72)))
    with pytest.raises(FormatError, match="expected one tensor, 'embeddings', got"):
        load(directory)


@pytest.mark.parametrize(
    ("content", "finding"),
    [
        ("[]", "expected a tokenizer in JSON, with a vocab in its model"),
        ("{", "expected a tokenizer in JSON"),
        ("[" * 100_000, "expected a tokenizer in JSON"),
        ('{"model": {"vocab": ["a"]}}', "expected a vocab that numbers the words from 0"),
        ('{"model": {"vocab": {"a": 1}}}', "expected a vocab that numbers the words from 0"),
        (
            '{"model": {"vocab": {"a": 0, "b": 0}}}',
            "expected a vocab that numbers the words from 0",
        ),
        (
            '{"model": {"vocab": {"a": 0, "b": true}}}',
            "expected a vocab that numbers the words from 0",
        ),
        (
            '{"model": {"vocab": {"a": 0, "b": 1e0}}}',
            "expected a vocab that numbers the words from 0",
        ),
    ],
)
def test_invalid_tokenizers_are_rejected(content, finding, directory):
    (directory / "tokenizer.json").write_text(content)
    with pytest.raises(FormatError, match=rf"tokenizer\.json: {finding}"):
        load(directory)


def test_the_error_names_an_unreadable_file(directory):
    (directory / "model.safetensors").unlink()
    (directory / "model.safetensors").mkdir()
    with pytest.raises(InputError, match=r"cannot read .*model\.safetensors: Is a directory"):
        load(directory)
