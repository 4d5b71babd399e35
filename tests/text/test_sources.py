"""Sources of text: files, stdin and Python objects; other data is rejected."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import zstandard

from not_text import NOT_TEXT
from text.helpers import blocks_of, read, text_of, write
from w2v.errors import InputError, MissingExtraError
from w2v.text.files import STDIN
from w2v.text.sources import FileSource, open_corpus

TEXT = "The quick brown fox\njumps over the lazy dög's 日本 bed\n".encode() * 40
COMPRESS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
}
COMPRESSIONS = pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS)
# The old lzma format has neither members nor a checksum.
WITH_MEMBERS = pytest.mark.parametrize(
    "compress", [COMPRESS[x] for x in ("gz", "bz2", "xz", "zst")]
)


@pytest.fixture
def stdin(monkeypatch):
    """Put bytes on stdin."""

    def put(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


# Files


def test_files_are_read_in_the_given_order_and_each_ends_a_line(tmp_path):
    first = write(tmp_path / "z.txt", b"one two")
    second = write(tmp_path / "a.txt", b"three\n")
    source = FileSource([first, str(second)])
    assert (source.files, source.total_bytes, source.done_bytes) == (2, 13, 0)
    assert read(source).lines == [["one", "two"], ["three"]]
    assert source.done_bytes == 13


def test_a_dash_reads_stdin(stdin, tmp_path):
    stdin(b"from stdin")
    source = FileSource([write(tmp_path / "f", b"from file"), STDIN])
    assert (source.files, source.total_bytes) == (2, None)
    assert read(source).lines == [["from", "file"], ["from", "stdin"]]
    assert source.done_bytes == 19


@COMPRESSIONS
def test_stdin_may_be_compressed(stdin, compress):
    stdin(compress(TEXT))
    assert text_of(STDIN) == TEXT


def test_the_length_of_stdin_is_known_for_a_file(monkeypatch, tmp_path):
    with write(tmp_path / "f", b"0123456789").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert FileSource([STDIN]).total_bytes == 10


@pytest.mark.parametrize("path", ["missing.txt", "nul\0byte", "x" * 5000])
def test_the_error_names_a_missing_file(path, tmp_path):
    reasons = r"No such file|null (byte|character)|too long"
    with pytest.raises(InputError, match=rf"^cannot read .*({reasons})"):
        FileSource([tmp_path / path])


def test_the_error_names_a_file_that_was_removed(tmp_path):
    path = write(tmp_path / "f", b"x")
    source = FileSource([path])
    path.unlink()
    with pytest.raises(InputError, match=f"cannot read {path}: No such file"):
        blocks_of(source)


def test_a_pipe_has_no_length(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert FileSource([tmp_path / "pipe"]).total_bytes is None


# Contents


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n\n", []),
        (b"a", [["a"]]),
        (b"a\r\nb\r\n", [["a"], ["b"]]),
        (b"a\rb\r", [["a"], ["b"]]),
        (b"a\0b\nc", [["a", "b"], ["c"]]),
        (b"\xef\xbb\xbfa b", [["a", "b"]]),
        (b"\xef\xbb\xbf", []),
        (b"a \xef\xbb\xbf b", [["a", "b"]]),  # U+FEFF is not a word character
        (b"na\xefve as in Latin-1 text", [["na", "ve", "as", "in", "latin", "1", "text"]]),
    ],
)
def test_texts_by_hand(data, lines, tmp_path):
    assert read(FileSource([write(tmp_path / "f", data)])).lines == lines
    compressed = FileSource([write(tmp_path / "f", gzip.compress(data))])
    assert read(compressed).lines == lines


def test_whitespace_tokens_exclude_a_byte_order_mark(tmp_path):
    path = write(tmp_path / "f", b"\xef\xbb\xbfa b")
    assert read(FileSource([path]), "whitespace").lines == [["a", "b"]]


@COMPRESSIONS
@pytest.mark.parametrize("name", ["f", "f.txt", "f.gz", "f.xz"])
def test_content_determines_the_compression(compress, name, tmp_path):
    path = write(tmp_path / name, compress(TEXT))
    source = FileSource([path])
    assert b"".join(blocks_of(source)) == TEXT
    assert source.done_bytes == source.total_bytes == path.stat().st_size


@WITH_MEMBERS
def test_concatenated_members_are_read_to_the_end(compress, tmp_path):
    path = write(tmp_path / "f", compress(TEXT) + compress(b"") + compress(b"second") * 300)
    assert text_of(path) == TEXT + b"second" * 300 + b"\n"


def test_zstd_frames_are_decompressed_one_at_a_time(monkeypatch, tmp_path):
    frames = 50
    frame = zstandard.compress(np.random.default_rng(1).bytes(20_000).hex(" ").encode())
    path = write(tmp_path / "f", frame * frames)
    copied = []

    class Frame:
        def __init__(self, inner):
            self._inner = inner

        def __getattr__(self, name):
            return getattr(self._inner, name)

        def decompress(self, data):
            copied.append(len(data))
            return self._inner.decompress(data)

    plain = zstandard.ZstdDecompressor

    class Decompressor:
        def __init__(self, **options):
            self._inner = plain(**options)

        def decompressobj(self):
            return Frame(self._inner.decompressobj())

    monkeypatch.setattr(zstandard, "ZstdDecompressor", Decompressor)
    assert len(text_of(path)) == 59_999 * frames + 1
    assert max(copied) <= 1 << 16


def test_zstd_with_a_long_window_is_read(tmp_path):
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    path = write(tmp_path / "f", compressor.compress(TEXT) + compressor.flush())
    assert text_of(path) == TEXT


@COMPRESSIONS
def test_a_truncated_file_is_an_error(compress, tmp_path):
    data = compress(np.random.default_rng(1).bytes(3000).hex().encode())
    for length in (len(data) // 2, len(data) - 3):
        path = write(tmp_path / "f", data[:length])
        with pytest.raises(InputError, match=f"{path} is damaged or truncated: "):
            text_of(path)


@WITH_MEMBERS
def test_a_damaged_file_is_an_error(compress, tmp_path):
    data = bytearray(compress(np.random.default_rng(1).bytes(3000).hex().encode()))
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    path = write(tmp_path / "f", bytes(data))
    with pytest.raises(InputError, match=f"{path} is damaged or truncated: "):
        text_of(path)


def test_zstd_without_its_package_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    path = write(tmp_path / "f", zstandard.compress(TEXT))
    message = rf"reading {path}, which is zstd-compressed, needs .*pip install 'w2v\[zst\]'"
    with pytest.raises(MissingExtraError, match=message):
        text_of(path)


@pytest.mark.parametrize(("data", "kind"), NOT_TEXT.values(), ids=NOT_TEXT)
def test_other_files_are_rejected_with_their_type(data, kind, tmp_path):
    path = write(tmp_path / "f.txt", data)
    if kind != "a Parquet file":  # which can be read, see test_parquet.py
        with pytest.raises(InputError, match=f"f.txt is {kind}.*: expected UTF-8 text; convert"):
            text_of(path)
    path = write(tmp_path / "f.txt", gzip.compress(data))
    with pytest.raises(InputError, match=rf"f.txt \(decompressed\) is {kind}"):
        text_of(path)


@COMPRESSIONS
def test_doubly_compressed_text_is_rejected(compress, tmp_path):
    path = write(tmp_path / "f", gzip.compress(compress(TEXT)))
    with pytest.raises(InputError, match=r"f \(decompressed\) is \w+-compressed: expected"):
        text_of(path)


# Kinds of corpus arguments


@pytest.mark.parametrize("kind", [str, Path])
def test_paths_are_read_as_files(kind, tmp_path):
    path = kind(write(tmp_path / "f", b"x"))
    for corpus in (path, [path], (path, path)):
        source = open_corpus(corpus)
        assert isinstance(source, FileSource)
        assert source.files == (2 if isinstance(corpus, tuple) else 1)


def test_open_corpus_reads_stdin_for_a_dash(stdin):
    stdin(b"a b")
    assert read(open_corpus("-")).lines == [["a", "b"]]
    stdin(b"a b")
    assert isinstance(open_corpus(["-"]), FileSource)


def test_the_error_names_a_missing_path_in_a_list(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*missing: No such file"):
        open_corpus([write(tmp_path / "f", b"x"), tmp_path / "missing"])
