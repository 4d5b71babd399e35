"""Decompression within bounds: files that expand or allocate too much are rejected."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
import zstandard
from click.testing import CliRunner

import w2v
from w2v.cli.main import main
from w2v.embeddings.embeddings import Embeddings
from w2v.embeddings.load import load
from w2v.errors import InputError
from w2v.pipeline import encode_file as batch
from w2v.text import blocks, decode, decompress
from w2v.text.files import STDIN
from w2v.text.sources import FileSource, SourceOptions

COMPRESS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
}
COMPRESSIONS = pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS)
LINE = b"the quick brown fox\n"
TINY = {"min_count": 1, "sample": 0, "dim": 2, "epochs": 1, "threads": 1}
MEBIBYTE = 1 << 20


def text_of(path: Path | str, max_expansion: float = 250) -> bytes:
    source = FileSource([path], SourceOptions(max_expansion=max_expansion))
    return b"".join(source.blocks(lambda block: len(block)))


@pytest.fixture
def small_free_amount(monkeypatch):
    """Apply the limit from a kilobyte on, so that small files can exceed it."""
    monkeypatch.setattr(decompress, "FREE_BYTES", 1000)
    monkeypatch.setattr(decode, "SNIFFED_BYTES", 256)
    monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", 4096)


def bomb(compress, lines: int = 100_000) -> bytes:
    data = compress(LINE * lines)
    assert len(data) < 20 * lines / 100
    return data


# The size after decompression


@COMPRESSIONS
def test_a_small_file_that_expands_too_much_is_rejected_while_it_is_read(
    compress, small_free_amount, tmp_path
):
    path = tmp_path / "bomb.txt"
    path.write_bytes(bomb(compress))
    source = FileSource([path], SourceOptions(max_expansion=10))
    sizes: list[int] = []
    expected = (
        rf"^{path} expands to over 10 times its size: to [\d,]+ bytes so far, from [\d,]+; if "
        r"this is intended, raise the limit with `max_expansion` \(0: no limit\)$"
    )
    with pytest.raises(InputError, match=expected):
        sizes.extend(len(block) for block in source.blocks(lambda block: len(block)))
    assert sum(sizes) <= 10 * path.stat().st_size + 2 * blocks.BLOCK_BYTES


@COMPRESSIONS
@pytest.mark.parametrize("limit", [0, 1_000_000])
def test_the_limit_can_be_raised_and_disabled(compress, limit, small_free_amount, tmp_path):
    path = tmp_path / "bomb.txt"
    path.write_bytes(bomb(compress))
    assert text_of(path, limit) == LINE * 100_000


@COMPRESSIONS
def test_stdin_has_the_same_limit(compress, small_free_amount, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(bomb(compress))))
    with pytest.raises(InputError, match=r"^stdin expands to over 10 times its size"):
        text_of(STDIN, 10)


@COMPRESSIONS
def test_small_output_is_never_rejected(compress, tmp_path):
    path = tmp_path / "small.txt"
    path.write_bytes(compress(b"a\n" * 400_000))
    assert len(text_of(path, 1)) == 800_000 > 100 * path.stat().st_size


@COMPRESSIONS
def test_the_limit_applies_to_all_members_together(compress, small_free_amount, tmp_path):
    path = tmp_path / "many.txt"
    part = compress(LINE * 200)
    path.write_bytes(part * 500)
    assert text_of(path, 250) == LINE * 100_000
    with pytest.raises(InputError, match="over 5 times its size"):
        text_of(path, 5)


def test_natural_text_is_far_below_the_limit(small_free_amount, tmp_path):
    words = np.random.default_rng(1).integers(0, 5000, 50_000).tolist()
    path = tmp_path / "text.xz"
    path.write_bytes(lzma.compress(" ".join(f"w{word}" for word in words).encode()))
    assert len(text_of(path, 10)) > 100_000


@pytest.mark.slow
@COMPRESSIONS
def test_a_decompression_bomb_needs_little_memory(compress, monkeypatch, tmp_path):
    path = tmp_path / "bomb.txt"
    path.write_bytes(bomb(compress, 1_000_000))
    monkeypatch.setattr(decompress, "FREE_BYTES", 8 * MEBIBYTE)
    source = FileSource([path], SourceOptions(max_expansion=1))
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match="expands to over 1 times its size"):
            list(map(len, source.blocks(lambda block: len(block))))
        assert tracemalloc.get_traced_memory()[1] < 16 * MEBIBYTE
    finally:
        tracemalloc.stop()


@pytest.fixture
def bomb_file(small_free_amount, sized, tmp_path):
    path = tmp_path / "bomb.txt"
    path.write_bytes(bomb(gzip.compress, sized(100_000)))
    return path


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "{}", "-o", "{}.w2v"],
        ["vocab", "{}"],
        ["pairs", "{}"],
        ["encode", "{}.model", "{}", "-o", "{}.npy"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_every_command_that_reads_text_has_the_option(arguments, bomb_file):
    model = Embeddings(["the"], [[1.0]], meta={"tokenizer": {"name": "unicode", "lowercase": True}})
    model.save(f"{bomb_file}.model")
    arguments = [argument.format(bomb_file) for argument in arguments]
    done = CliRunner().invoke(main, [*arguments, "--max-expansion", "50"])
    assert done.exit_code == 1
    assert "bomb.txt expands to over 50 times its size" in done.stderr.splitlines()[-1]
    done = CliRunner().invoke(main, [*arguments, "--max-expansion", "-1"])
    assert done.exit_code == 2
    assert not Path(f"{bomb_file}.w2v").exists()
    assert not Path(f"{bomb_file}.npy").exists()


def test_the_library_has_the_option(bomb_file, tmp_path):
    with pytest.raises(InputError, match="over 50 times its size"):
        w2v.train(bomb_file, max_expansion=50, **TINY)
    with pytest.raises(InputError, match="over 50 times its size"), \
            w2v.read_corpus([bomb_file], max_expansion=50, **TINY):  # fmt: skip
        pass
    model = Embeddings(["the"], [[1.0]], meta={"tokenizer": {"name": "unicode", "lowercase": True}})
    with pytest.raises(InputError, match="over 50 times its size"):
        batch.encode_file(model, bomb_file, tmp_path / "ids.npy", max_expansion=50)
    assert len(w2v.train(bomb_file, max_expansion=0, **TINY)) == 4


def test_resume_accepts_another_limit(small_free_amount, tmp_path):
    path = tmp_path / "bomb.txt"
    path.write_bytes(bomb(gzip.compress, 1_000))

    def stop(event):
        if type(event).__name__ == "EpochDone":
            raise KeyboardInterrupt

    options = TINY | {"max_expansion": 0, "epochs": 2}
    whole = w2v.train(path, **options)
    with pytest.raises(KeyboardInterrupt):
        w2v.train(path, output=tmp_path / "m", observer=stop, **options)
    model = w2v.resume(tmp_path / "m", max_expansion=5)
    assert model.matrix.tobytes() == whole.matrix.tobytes()
    assert model.meta["config"]["max_expansion"] == 5
    with pytest.raises(InputError, match="expands to over 5 times its size"):
        w2v.resume(tmp_path / "m", epochs=3)
    more = w2v.resume(tmp_path / "m", epochs=3, max_expansion=0)
    assert len(more.meta["epochs"]) == 3


@pytest.mark.parametrize("head", [b"100000 1\n", b""], ids=["word2vec", "glove"])
def test_compressed_vectors_have_the_same_limit(head, monkeypatch, tmp_path):
    monkeypatch.setattr(decompress, "FREE_BYTES", 1 << 16)
    rows = b"".join(b"%d %s\n" % (i, b"0" * 9990) for i in range(100_000, 100_100))
    path = tmp_path / "x.txt.gz"
    path.write_bytes(gzip.compress(head + rows, 9))
    expected = (
        rf"^{path} expands to over 250 times its size: .*; if that is intended, decompress it first"
    )
    with pytest.raises(InputError, match=expected):
        load(path)


# Memory for decompression


def xz_with_dictionary(code: int, text: bytes = LINE) -> bytes:
    """Compress a text, and declare another dictionary size in the header."""
    data = bytearray(lzma.compress(text))
    end = 12 + 4 * (data[12] + 1)
    position = data.index(b"\x21\x01", 12, end) + 2
    data[position] = code
    data[end - 4 : end] = zlib.crc32(bytes(data[12 : end - 4])).to_bytes(4, "little")
    return bytes(data)


def lzma_with_dictionary(size: int, text: bytes = LINE) -> bytes:
    data = lzma.compress(text, lzma.FORMAT_ALONE)
    return data[:1] + size.to_bytes(4, "little") + data[5:]


def zstd_with_window(log: int, text: bytes = LINE) -> bytes:
    """Return a frame with one raw block that declares a window of 2**log bytes."""
    block = (len(text) << 3 | 1).to_bytes(3, "little")
    return b"\x28\xb5\x2f\xfd" + bytes([0, log - 10 << 3]) + block + text


LARGE_WINDOWS = {
    "xz": (xz_with_dictionary(40), "a window of 4,294,967,295 bytes", "xz -dc"),
    "xz, slightly too large": (xz_with_dictionary(33), "a window of 402,653,184 bytes", "xz -dc"),
    "lzma": (lzma_with_dictionary(1 << 31), "a window of 2,147,483,648 bytes", "xz -dc"),
    "zstd": (zstd_with_window(31), "a window of 2,147,483,648 bytes", "zstd -dc --long=31"),
    "zstd, beyond the format": (zstd_with_window(41), "a (larger )?window", "zstd -dc --long=31"),
}


@pytest.mark.parametrize(("data", "window", "command"), LARGE_WINDOWS.values(), ids=LARGE_WINDOWS)
def test_a_header_with_a_large_window_is_rejected(data, window, command, tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes(data)
    expected = (
        f"^decompressing {path} needs {window}.*, but the limit is 268,435,456 bytes; decompress "
        f"it first: {command} {path}"
    )
    with pytest.raises(InputError, match=expected):
        text_of(path)


def test_a_large_window_in_a_later_stream_is_rejected(tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes(lzma.compress(LINE) + xz_with_dictionary(40))
    with pytest.raises(InputError, match=r"needs a window of 4,294,967,295 bytes"):
        text_of(path)


ALLOWED_WINDOWS = {
    "xz": xz_with_dictionary(32),
    "lzma": lzma_with_dictionary(1 << 28),
    "zstd": zstd_with_window(28),
}


@pytest.mark.parametrize("data", ALLOWED_WINDOWS.values(), ids=ALLOWED_WINDOWS)
def test_the_largest_window_is_read(data, tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes(data)
    assert text_of(path) == LINE


PEAK = """
import sys
from pathlib import Path
from w2v.errors import InputError
from w2v.text.sources import FileSource
import zstandard
def peak():  # unlike ru_maxrss, not inherited from the parent process
    return int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
before = peak()
try:
    list(FileSource([sys.argv[1]]).blocks(len))
except InputError:
    pass
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs VmHWM of Linux")
@pytest.mark.parametrize(
    "data",
    [*(large[0] for large in LARGE_WINDOWS.values()), *ALLOWED_WINDOWS.values()],
    ids=[*LARGE_WINDOWS, *(f"{name}, allowed" for name in ALLOWED_WINDOWS)],
)
def test_no_header_allocates_memory(data, tmp_path):
    path = tmp_path / "large.txt"
    path.write_bytes(data)
    done = subprocess.run(
        [sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True, timeout=60
    )
    assert int(done.stdout) < 24 << 10


# Data after a compressed stream


@pytest.mark.parametrize("name", ["bzip2", "xz", "zstd"])
@pytest.mark.parametrize("rest", [b"garbage", LINE * 3000], ids=["short", "long"])
def test_trailing_data_is_an_error(name, rest, tmp_path):
    path = tmp_path / "f.txt"
    path.write_bytes(COMPRESS[name](LINE) + rest)
    with pytest.raises(InputError, match=f"{path} is damaged or truncated: "):
        text_of(path)


def test_padding_of_xz_streams_is_ignored(tmp_path):
    path = tmp_path / "f.txt"
    part = lzma.compress(LINE)
    path.write_bytes(part + bytes(8) + part + bytes(200_000) + part + bytes(4))
    assert text_of(path) == LINE * 3


class Endless(io.RawIOBase):
    """An endless stream."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        return len(buffer)


def test_64_mebibytes_are_always_allowed():
    stream = decompress.ExpansionGuard(Endless(), lambda: 1, "x", 250, "advice")
    piece = bytearray(MEBIBYTE)
    for _ in range(64):
        assert stream.readinto(piece) == MEBIBYTE
    with pytest.raises(InputError, match="x expands to over 250 times its size"):
        stream.readinto(bytearray(1))


def test_zstd_may_begin_with_a_skippable_frame(tmp_path):
    path = tmp_path / "text.zst"
    skipped = b"\x5a\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"about"
    path.write_bytes(skipped + COMPRESS["zstd"](LINE))
    assert text_of(path) == LINE
