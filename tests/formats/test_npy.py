"""NumPy array files with wrong headers."""

from __future__ import annotations

import errno
from pathlib import Path

import numpy as np
import pytest

import w2v
from samples import SMALL
from w2v.embeddings.load import load
from w2v.errors import FormatError, ResourceError
from w2v.formats import native


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    native.write(SMALL, tmp_path / "m.w2v")
    return tmp_path / "m.w2v"


def npy_bytes(header: str, body: bytes = b"") -> bytes:
    text = header.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + body


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (
            npy_bytes(f"{{'descr':'<f4','fortran_order':False,'shape':({2**60},2)}}"),
            "in its header",
        ),
        (npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(-5,-2)}", b"x" * 40), "shape"),
        (npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(0,2)}"), "shape"),
        (npy_bytes("{'descr':'<f4','fortran_order':True,'shape':(5,2)}", b"x" * 40), "Fortran"),
        (
            npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(5,2)}", b"x" * 41),
            "in its header",
        ),
        (npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(10,)}", b"x" * 40), "2 axes"),
        (npy_bytes("{'descr':'>f4','fortran_order':False,'shape':(5,2)}", b"x" * 40), "float32"),
        (npy_bytes("{'descr':'<f8','fortran_order':False,'shape':(5,2)}", b"x" * 80), "float32"),
        (npy_bytes("{'descr':'|O','fortran_order':False,'shape':(5,2)}", b"x" * 40), "float32"),
        (npy_bytes("{'descr':"), "expected a NumPy array file"),
        (npy_bytes("("), "expected a NumPy array file"),
        (b"rubbish", "expected a NumPy array file"),
    ],
)
def test_wrong_headers_are_rejected(data, finding, directory):
    (directory / "embeddings.npy").write_bytes(data)
    with pytest.raises(FormatError, match=rf"embeddings\.npy: .*{finding}"):
        load(directory)


@pytest.mark.filterwarnings("ignore")  # a user may ignore warnings
def test_headers_that_numpy_would_repair_are_rejected(directory):
    data = npy_bytes("{'descr':'<f4','fortran_order':False,'shape':(5L,2)}", bytes(40))
    (directory / "embeddings.npy").write_bytes(data)
    with pytest.raises(FormatError, match=r"embeddings\.npy: expected a NumPy .* Python 2"):
        load(directory)


@pytest.mark.parametrize("name", ["m.w2v", "m.safetensors"])
def test_too_little_address_space_is_said(name, tmp_path, monkeypatch):
    pytest.importorskip("safetensors")
    w2v.Embeddings(["a"], [[1.0, 2.0]]).save(tmp_path / name)

    def refuse(*_arguments):
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    monkeypatch.setattr(np, "memmap", refuse)
    with pytest.raises(ResourceError, match=r"it takes \d+ bytes of address space, .*ulimit"):
        w2v.load(tmp_path / name)
