"""Numbers of other types than float32, read and written."""

from __future__ import annotations

import json

import numpy as np
import pytest

import w2v
from commands import run
from w2v.errors import ConfigError, FormatError
from w2v.formats.registry import FORMATS

MATRIX = np.random.default_rng(8).normal(size=(5, 4)).astype(np.float32)
META = {"tokenizer": {"name": "whitespace", "lowercase": False, "edition": 2}}
MODEL = w2v.Embeddings(["the", "b", "c", "d", "e"], MATRIX, meta=META)
WITH_HALF = ["npy", "safetensors", "hf"]


@pytest.mark.parametrize("name", WITH_HALF)
def test_float16_is_written_and_read(name, tmp_path):
    pytest.importorskip("safetensors")
    extension = ".safetensors" if name == "safetensors" else ""
    MODEL.export(tmp_path / f"half{extension}", name, dtype="float16")
    MODEL.export(tmp_path / f"full{extension}", name)
    back = w2v.load(tmp_path / f"half{extension}")
    assert back.matrix.dtype == np.float32
    assert (back.matrix == MATRIX.astype(np.float16)).all()
    assert (w2v.load(tmp_path / f"full{extension}").matrix == MATRIX).all()
    assert back.words == MODEL.words


def test_the_files_hold_float16(tmp_path):
    safetensors = pytest.importorskip("safetensors.numpy")
    MODEL.export(tmp_path / "m.safetensors", dtype="float16")
    loaded = safetensors.load_file(tmp_path / "m.safetensors")["embeddings"]
    assert loaded.dtype == np.float16
    assert (loaded[2:] == MATRIX.astype(np.float16)).all()
    MODEL.export(tmp_path / "m", "npy", dtype="float16", rows="pad")
    assert np.load(tmp_path / "m" / "embeddings.npy").dtype == np.float16
    MODEL.export(tmp_path / "h", "hf", dtype="float16")
    config = json.loads((tmp_path / "h" / "config.json").read_bytes())
    assert config["embedding_dtype"] == "float16"


def test_a_model_with_a_matrix_of_float16_is_read(tmp_path):
    MODEL.save(tmp_path / "m.w2v")
    np.save(tmp_path / "m.w2v" / "embeddings.npy", MATRIX.astype(np.float16))
    assert (w2v.load(tmp_path / "m.w2v").matrix == MATRIX.astype(np.float16)).all()
    np.save(tmp_path / "m.w2v" / "embeddings.npy", MATRIX.astype(np.float64))
    with pytest.raises(FormatError, match=r"axes of float32 or float16 in C order, got .* float64"):
        w2v.load(tmp_path / "m.w2v")


def test_bf16_is_read(tmp_path):
    pytest.importorskip("safetensors")
    MODEL.export(tmp_path / "m.safetensors", rows="none")
    data = (tmp_path / "m.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    header["embeddings"] |= {"dtype": "BF16", "data_offsets": [0, MATRIX.size * 2]}
    upper = (MATRIX.view(np.uint32) >> 16).astype("<u2")
    text = json.dumps(header).encode()
    (tmp_path / "m.safetensors").write_bytes(
        len(text).to_bytes(8, "little") + text + upper.tobytes()
    )
    expected = (upper.astype(np.uint32) << 16).view(np.float32)
    assert (w2v.load(tmp_path / "m.safetensors").matrix == expected).all()


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in WITH_HALF])
def test_other_formats_refuse(name, tmp_path):
    message = f"dtype must not be float16 in the format {name}, .* write npy or safetensors or hf"
    with pytest.raises(ConfigError, match=message):
        MODEL.export(tmp_path / "m", name, dtype="float16")
    assert list(tmp_path.iterdir()) == []


def test_other_types_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="dtype must be one of float32, float16, got 'int8'"):
        MODEL.export(tmp_path / "m.safetensors", dtype="int8")


@pytest.mark.parametrize("name", ["npy", "safetensors"])
def test_numbers_that_are_too_large_are_refused(name, tmp_path):
    pytest.importorskip("safetensors")
    large = w2v.Embeddings(["a", "b"], [[1.0], [-70_000.0]])
    with pytest.raises(FormatError, match=r"up to 65,504, but the vectors have one of 70,000; use"):
        large.export(tmp_path / "m", name, dtype="float16")
    assert list(tmp_path.iterdir()) == []


def test_small_numbers_are_noted(tmp_path, caplog):
    w2v.Embeddings(["a"], [[1e-5]]).export(tmp_path / "m", "npy", dtype="float16")
    assert "the numbers are at most 1e-05, and float16 keeps few of their digits" in caplog.text
    caplog.clear()
    MODEL.export(tmp_path / "n", "npy", dtype="float16")
    assert caplog.text == ""


def test_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    MODEL.save("m.w2v")
    assert run("export", "m.w2v", "-f", "npy", "-o", "half", "--dtype", "float16").exit_code == 0
    assert np.load("half/embeddings.npy").dtype == np.float16
    done = run("convert", "m.w2v", "m.bin", "--dtype", "float16")
    assert done.exit_code == 2
    assert "--dtype must not be float16 in the format word2vec-bin" in done.stderr
