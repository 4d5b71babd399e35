"""From files and Python objects to blocks: nothing lost, nothing cut, nothing read as garbage."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import lzma
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import reference
from w2v.errors import InputError, MissingExtraError
from w2v.system.sniff import sniff_non_text
from w2v.text import blocks
from w2v.text import sources as reading
from w2v.text.characters import character_tables
from w2v.text.definition import WordDefinition
from w2v.text.sources import STDIN, FileSource, IterableSource, find_files, open_corpus
from w2v.text.tokenizer import (
    END_OF_LINE,
    Scanner,
)

TEXT = "The quick brown fox\njumps over the lazy dög's 日本 bed\n".encode() * 40
COMPRESS = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "zst": lambda data: zstandard.ZstdCompressor(write_checksum=True).compress(data),
}
COMPRESSIONS = pytest.mark.parametrize("compress", COMPRESS.values(), ids=COMPRESS)
# All but the old lzma format, which has neither members nor a checksum.
WITH_MEMBERS = pytest.mark.parametrize(
    "compress", [COMPRESS[x] for x in ("gz", "bz2", "xz", "zst")]
)


def blocks_of(source, name="unicode"):
    tables = character_tables(WordDefinition(name, True))
    return list(source.blocks(tables.last_boundary))


def text_of(*paths: Path | str) -> bytes:
    return b"".join(blocks_of(FileSource(paths)))


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def read(source, name="unicode", *, lowercase=True) -> reference.Read:
    """All words of a source, block by block."""
    scanner = Scanner(character_tables(WordDefinition(name, lowercase)))
    lines: list[list[str]] = [[]]
    for block in blocks_of(source, name):
        for i in scanner.scan(block).tolist():
            if i == END_OF_LINE:
                lines.append([])
            else:
                lines[-1].append(scanner.words.word(i).decode())
    kept = [line for line in lines if line]
    return reference.Read(kept, scanner.counts.too_long, scanner.counts.invalid_bytes)


def expected(text: bytes, name="unicode", *, lowercase=True) -> reference.Read:
    result = reference.read(text, name, lowercase=lowercase)
    return result._replace(lines=[line for line in result.lines if line])


@pytest.fixture
def stdin(monkeypatch):
    """Put bytes on stdin."""

    def put(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


# Which files


def test_files_are_read_in_the_order_given_and_each_ends_a_line(tmp_path):
    first = write(tmp_path / "z.txt", b"one two")
    second = write(tmp_path / "a.txt", b"three\n")
    source = FileSource([first, str(second)])
    assert (source.files, source.total_bytes, source.done_bytes) == (2, 13, 0)
    assert read(source).lines == [["one", "two"], ["three"]]
    assert source.done_bytes == 13


def test_a_folder_is_all_files_below_it_sorted(tmp_path):
    for name in ("b/2.txt", "b/1.txt", "a.txt", "c", "b/.d/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, name.encode())
    (tmp_path / "empty").mkdir()
    found = find_files([tmp_path])
    assert [str(Path(path).relative_to(tmp_path)) for path in found] == [
        "a.txt", "b/.d/x", "b/1.txt", "b/2.txt", "c"
    ]  # fmt: skip
    assert find_files([tmp_path / "c", tmp_path / "b"]) == [found[4], *found[1:4]]


def test_stdin_is_a_dash(stdin, tmp_path):
    stdin(b"from stdin")
    source = FileSource([write(tmp_path / "f", b"from file"), STDIN])
    assert (source.files, source.total_bytes) == (2, None)
    assert read(source).lines == [["from", "file"], ["from", "stdin"]]
    assert source.done_bytes == 19


@COMPRESSIONS
def test_stdin_may_be_compressed(stdin, compress):
    stdin(compress(TEXT))
    assert text_of(STDIN) == TEXT


def test_the_length_of_stdin_is_known_if_it_is_a_file(monkeypatch, tmp_path):
    with write(tmp_path / "f", b"0123456789").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert FileSource([STDIN]).total_bytes == 10


def test_stdin_can_be_read_only_once():
    with pytest.raises(InputError, match=r"stdin \(-\) is given twice"):
        FileSource([STDIN, STDIN])


@pytest.mark.parametrize("path", ["missing.txt", "nul\0byte", "x" * 5000])
def test_a_missing_file_is_named(path, tmp_path):
    reasons = r"No such file|null (byte|character)|too long"
    with pytest.raises(InputError, match=rf"^cannot read .*({reasons})"):
        FileSource([tmp_path / path])


def test_an_empty_folder_is_named(tmp_path):
    (tmp_path / "sub").mkdir()
    with pytest.raises(InputError, match=f"the folder {tmp_path} has no files in it"):
        FileSource([tmp_path])


def test_a_folder_that_cannot_be_listed_is_named(monkeypatch, tmp_path):
    def scandir(path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match=f"cannot read {tmp_path}: Permission denied"):
        FileSource([tmp_path])


def test_a_file_that_vanishes_is_named(tmp_path):
    path = write(tmp_path / "f", b"x")
    source = FileSource([path])
    path.unlink()
    with pytest.raises(InputError, match=f"cannot read {path}: No such file"):
        blocks_of(source)


def test_a_pipe_has_no_length(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert FileSource([tmp_path / "pipe"]).total_bytes is None


# What is in them


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
        (b"a \xef\xbb\xbf b", [["a", "b"]]),  # U+FEFF is no word character
        (b"na\xefve as in Latin-1 text", [["na", "ve", "as", "in", "latin", "1", "text"]]),
    ],
)
def test_texts_by_hand(data, lines, tmp_path):
    assert read(FileSource([write(tmp_path / "f", data)])).lines == lines
    compressed = FileSource([write(tmp_path / "f", gzip.compress(data))])
    assert read(compressed).lines == lines


def test_a_byte_order_mark_is_no_part_of_a_whitespace_token(tmp_path):
    path = write(tmp_path / "f", b"\xef\xbb\xbfa b")
    assert read(FileSource([path]), "whitespace").lines == [["a", "b"]]


@COMPRESSIONS
@pytest.mark.parametrize("name", ["f", "f.txt", "f.gz", "f.xz"])
def test_compression_is_told_by_content_not_by_name(compress, name, tmp_path):
    path = write(tmp_path / name, compress(TEXT))
    source = FileSource([path])
    assert b"".join(blocks_of(source)) == TEXT
    assert source.done_bytes == source.total_bytes == path.stat().st_size


@WITH_MEMBERS
def test_concatenated_members_are_read_to_the_end(compress, tmp_path):
    path = write(tmp_path / "f", compress(TEXT) + compress(b"") + compress(b"second") * 300)
    assert text_of(path) == TEXT + b"second" * 300 + b"\n"


def test_zstd_frames_are_not_gathered_while_they_wait(monkeypatch, tmp_path):
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
def test_a_file_cut_short_is_an_error(compress, tmp_path):
    data = compress(np.random.default_rng(1).bytes(3000).hex().encode())
    for length in (len(data) // 2, len(data) - 3):
        path = write(tmp_path / "f", data[:length])
        with pytest.raises(InputError, match=f"{path} is damaged or cut short: "):
            text_of(path)


@WITH_MEMBERS
def test_a_damaged_file_is_an_error(compress, tmp_path):
    data = bytearray(compress(np.random.default_rng(1).bytes(3000).hex().encode()))
    data[len(data) // 2 : len(data) // 2 + 50] = bytes(50)
    path = write(tmp_path / "f", bytes(data))
    with pytest.raises(InputError, match=f"{path} is damaged or cut short: "):
        text_of(path)


def test_zstd_without_its_package_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "zstandard", None)
    path = write(tmp_path / "f", zstandard.compress(TEXT))
    message = rf"reading {path}, which is zstd-compressed, needs .*pip install 'w2v\[zst\]'"
    with pytest.raises(MissingExtraError, match=message):
        text_of(path)


def zipped() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", TEXT)
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        member = tarfile.TarInfo("a.txt")
        member.size = len(TEXT)
        archive.addfile(member, io.BytesIO(TEXT))
    return file.getvalue()


def npy() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(100))
    return file.getvalue()


PROSE = "Words, some of them Ünicode, and 日本語 too.\n" * 30
CHINESE = "维基百科，自由的百科全书。 数学\n是研究数量、结构以及空间等概念的一门学科。\n" * 30
REFUSED = {
    "zip": (zipped(), "a zip archive"),
    "tar": (tarred(), "a tar archive"),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(40), "a 7z archive"),
    "rar": (b"Rar!\x1a\x07\x01\0" + bytes(40), "a rar archive"),
    "lz4": (b"\x04\x22\x4d\x18dG", "lz4-compressed"),
    "Z": (b"\x1f\x9d\x90aaa", "compressed by compress"),
    "pdf": (b"%PDF-1.7\n%text", "a PDF document"),
    "elf": (b"\x7fELF\2\1\1", "an executable"),
    "png": (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    "jpeg": (b"\xff\xd8\xff\xe0", "a JPEG picture"),
    "hdf5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    "npy": (npy(), "a NumPy array"),
    "parquet": (b"PAR1\x15\x04", "a Parquet file"),
    "sqlite": (b"SQLite format 3\0" + bytes(40), "a SQLite database"),
    "utf-16": (PROSE.encode("utf-16"), r"text in UTF-16 \(little-endian\)"),
    "utf-16-be": (b"\xfe\xff" + PROSE.encode("utf-16-be"), r"text in UTF-16 \(big-endian\)"),
    "utf-32": (PROSE.encode("utf-32"), r"text in UTF-32 \(little-endian\)"),
    "utf-32-be": (b"\0\0\xfe\xff" + PROSE.encode("utf-32-be"), r"text in UTF-32 \(big-endian\)"),
    "utf-16-le bare": (
        PROSE.encode("utf-16-le"),
        r"text in UTF-16 \(little-endian, without a byte-order",
    ),
    "utf-16-be bare": (
        PROSE.encode("utf-16-be"),
        r"text in UTF-16 \(big-endian, without a byte-order",
    ),
    "utf-32-le bare": (
        PROSE.encode("utf-32-le"),
        r"text in UTF-32 \(little-endian, without a byte-order",
    ),
    "utf-32-be bare": (
        PROSE.encode("utf-32-be"),
        r"text in UTF-32 \(big-endian, without a byte-order",
    ),
    "chinese le": (
        CHINESE.encode("utf-16-le"),
        r"text in UTF-16 \(little-endian, without a byte-order",
    ),
    "chinese be": (
        CHINESE.encode("utf-16-be"),
        r"text in UTF-16 \(big-endian, without a byte-order",
    ),
    "gbk": (CHINESE.encode("gbk"), "binary data, or text in a legacy encoding"),
    "binary": (bytes(range(256)) * 20, "binary data, or text in a legacy encoding"),
    "zeros": (bytes(5000), "binary data, or text in a legacy encoding"),
    "random": (np.random.default_rng(1).bytes(70_000), "binary data, or text in a legacy"),
}


@pytest.mark.parametrize(("data", "kind"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_text_is_refused_by_name(data, kind, tmp_path):
    path = write(tmp_path / "f.txt", data)
    with pytest.raises(InputError, match=f"f.txt is {kind}.*: expected UTF-8 text; convert"):
        text_of(path)
    path = write(tmp_path / "f.txt", gzip.compress(data))
    with pytest.raises(InputError, match=rf"f.txt \(decompressed\) is {kind}"):
        text_of(path)


@COMPRESSIONS
def test_what_is_compressed_twice_is_refused(compress, tmp_path):
    path = write(tmp_path / "f", gzip.compress(compress(TEXT)))
    with pytest.raises(InputError, match=r"f \(decompressed\) is \w+-compressed: expected"):
        text_of(path)


@pytest.mark.parametrize(
    "text",
    [
        PROSE,
        CHINESE,
        "",
        "a",
        "日",
        "words\0words\0",
        "[x] ]]",
        "Привет, мир! ελληνικά",
        "\x1b[1m a",
    ],
)
def test_text_in_utf8_is_taken(text):
    assert sniff_non_text(text.encode()) is None


def test_a_character_cut_by_the_end_of_what_is_looked_at_is_no_matter():
    assert sniff_non_text("日".encode()[:-1] + b" words") is None


# Blocks


@pytest.fixture
def small_blocks(monkeypatch):
    """Set the size of blocks."""
    return lambda size: monkeypatch.setattr("w2v.text.blocks.BLOCK_BYTES", size)


HARD = (
    (
        "don't 'tis dogs' ''a'' l\u2019eau\r\nİzmir 日本カナ's\r\r\nna\u0308ive\ta\u3000b\0c "
        "x" * 3 + "日本語テキスト" * 3 + "a'b'c'd'e" + "𝔘𝔫\u200di" + "'" * 5 + "z'"
    ).encode()
    + b"\xe6\x97 \xffab\xf0\x9d\n"
    + ("k" * 1200 + "'s end").encode()
)


@pytest.mark.parametrize("name", ["unicode", "whitespace"])
@pytest.mark.parametrize("size", [*range(1, 24), 64, 1000, 1 << 20])
def test_blocks_of_any_size_give_the_same_words(size, name, small_blocks, tmp_path):
    small_blocks(size)
    path = write(tmp_path / "f", HARD)
    assert read(FileSource([path]), name) == expected(HARD, name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pieces=st.lists(
        st.sampled_from(
            ["a", "B", "'", "\u2019", " ", "\t", "\n", "\r", "é", "日", "カ", "𝔘", "\0", ".", "İ"]
        ),
        max_size=40,
    ),
    dirt=st.sampled_from([b"", b"\xff", b"\xe6\x97", b"\x80"]),
    size=st.integers(1, 12),
    name=st.sampled_from(["unicode", "whitespace"]),
)
def test_blocks_of_any_text_give_the_same_words(pieces, dirt, size, name, small_blocks, tmp_path):
    text = dirt.join(piece.encode() for piece in pieces)
    small_blocks(size)
    stream = io.BytesIO(text)
    tables = character_tables(WordDefinition(name, True))
    scanner = Scanner(tables)
    words = []
    for block in reading.split_blocks(stream, tables.last_boundary):
        ids = scanner.scan(block)
        words += [scanner.words.word(i).decode() for i in ids[ids != END_OF_LINE]]
    whole = expected(text, name)
    assert words == list(itertools.chain(*whole.lines))
    assert scanner.counts.invalid_bytes == whole.invalid_bytes


def test_what_was_sniffed_is_read_first_in_parts_of_any_size():
    raw = reading._CountingReader(io.BytesIO(b"abcde"))
    assert raw.sniff() == b"abcde"
    part = bytearray(2)
    assert [(raw.readinto(part), bytes(part)) for _ in range(3)] == [
        (2, b"ab"),
        (2, b"cd"),
        (1, b"ed"),
    ]
    assert (raw.readinto(part), raw.count) == (0, 5)


def test_a_block_is_bounded_and_ends_a_line(small_blocks, tmp_path):
    small_blocks(1000)
    path = write(tmp_path / "f", TEXT)
    found = blocks_of(FileSource([path]))
    assert b"".join(found) == TEXT
    assert all(block.endswith(b"\n") for block in found)
    assert max(map(len, found)) < 2 * 1000


def test_one_huge_line_is_cut_at_white_space(small_blocks, tmp_path):
    small_blocks(1000)
    text = b"some words, in one line, without end " * 200
    found = blocks_of(FileSource([write(tmp_path / "f", text)]))
    assert b"".join(found) == text + b"\n"
    assert max(map(len, found)) < 2 * 1000
    assert all(block.endswith((b" ", b"\n")) for block in found)


def test_one_huge_line_without_white_space_is_cut_between_words(small_blocks, tmp_path):
    small_blocks(1000)
    text = "数学是研究数量、结构以及空间等概念的一门学科".encode() * 300
    source = FileSource([write(tmp_path / "f", text)])
    found = blocks_of(source)
    assert b"".join(found) == text + b"\n"
    assert max(map(len, found)) < 2 * 1000
    assert read(FileSource([tmp_path / "f"])) == expected(text)


@pytest.mark.parametrize("name", ["unicode", "whitespace"])
@pytest.mark.parametrize("letter", ["x", "é", "𝔘", "x'", "\u2019x", "x\u2019", "xéx𝔘"])
@pytest.mark.parametrize("behind", ["", "y", "'s", " ", "' ", "日", "''y"])
def test_a_giant_token_is_dropped_whole_in_bounded_memory(
    name, letter, behind, sized, small_blocks, monkeypatch, tmp_path
):
    small_blocks(sized(1 << 15))
    monkeypatch.setattr("w2v.text.blocks.STAND_IN_CHARACTERS", 1100)
    text = f"ab {letter * sized(1 << 16)}{behind} cd'ef".encode()
    source = FileSource([write(tmp_path / "f", text)])
    assert read(source, name) == expected(text, name)
    found = blocks_of(FileSource([tmp_path / "f"]), name)
    assert max(map(len, found)) <= blocks.BLOCK_BYTES + 4 * blocks.STAND_IN_CHARACTERS + 8


def test_a_block_that_ends_between_two_apostrophes_ends_a_giant_token(small_blocks, tmp_path):
    small_blocks(1 << 13)
    text = b"x" * ((1 << 13) - 1) + b"''y z"
    found = read(FileSource([write(tmp_path / "f", text)]))
    assert found == ([["y", "z"]], 1, 0) == expected(text)


def test_a_giant_token_of_apostrophes_is_not_shortened_to_one(small_blocks, tmp_path):
    small_blocks(1 << 13)
    text = b"ab " + b"'" * (1 << 15) + b" cd"
    found = read(FileSource([write(tmp_path / "f", text)]), "whitespace")
    assert found == ([["ab", "cd"]], 1, 0)


def test_a_giant_token_with_bytes_that_are_not_utf8_is_cut_there(small_blocks, tmp_path):
    small_blocks(1 << 13)
    text = b"ab " + (b"x" * (1 << 14) + b"\xff") * 3 + b"cd"
    for name in ("unicode", "whitespace"):
        found = read(FileSource([write(tmp_path / "f", text)]), name)
        assert found == ([["ab", "cd"]], 3, 3)


# Python objects


@pytest.mark.parametrize(
    "lines",
    [["Ab c\nd", "", "e\r\nf'"], ("Ab c", "d\ne", "f"), iter(["Ab c", "d", "e", "f"])],
    ids=["list", "tuple", "iterator"],
)
def test_strings_are_lines(lines):
    source = open_corpus(lines)
    assert isinstance(source, IterableSource)
    assert (source.tokenized, source.files, source.total_bytes) == (False, 0, None)
    assert read(source).lines == [["ab", "c"], ["d"], ["e"], ["f"]]
    assert source.done_bytes > 0


def test_lists_of_tokens_are_taken_as_they_are():
    lines = [["New York", "a\rb", "c\0"], ("É", "'"), [], (token for token in ["x"])]
    source = IterableSource(iter(lines))
    assert source.tokenized
    found = read(source, "tokens", lowercase=False)
    assert found.lines == [["New York", "a\rb", "c\0"], ["É", "'"], ["x"]]


@pytest.mark.parametrize("tokens", [False, True])
def test_many_lines_come_in_blocks(tokens, small_blocks):
    small_blocks(100)
    line = "some words in a line"
    source = IterableSource(line.split() if tokens else line for _ in range(50))
    found = blocks_of(source)
    assert len(found) > 5
    assert max(map(len, found)) < 200
    name = "tokens" if tokens else "unicode"
    again = IterableSource(line.split() if tokens else line for _ in range(50))
    assert read(again, name).lines == [line.split()] * 50


@pytest.mark.parametrize("corpus", [[], iter([]), [""], [[]], [[], []]])
def test_nothing_has_no_words(corpus):
    source = IterableSource(corpus)
    assert read(source, "tokens" if source.tokenized else "unicode") == ([], 0, 0)


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (["a", ["b"]], "item 1 of the corpus is a list, but the first one was not: give strings"),
        ([["b"], "a"], "item 1 of the corpus is a str, but the first one was not: give strings"),
        ([["a", 1]], "item 0 of the corpus has 1 in it: expected a string, or a list of strings"),
        ([1, 2], "item 0 of the corpus has 1 in it"),
        ([None], "item 0 of the corpus has None in it"),
        ([b"bytes"], "item 0 of the corpus has 98 in it"),
        ([["a"], ["b\nc"]], r"token 'b\\nc' in item 1 of the corpus has a line end or U\+001F"),
        ([["b\x1fc"]], r"token 'b\\x1fc' in item 0 of the corpus has a line end or U\+001F"),
        (["a", "b\ud800"], "item 1 of the corpus is not valid Unicode: .*surrogates not allowed"),
        ([["b\udc80"]], "item 0 of the corpus is not valid Unicode"),
    ],
)
def test_what_is_no_line_is_named(corpus, message):
    with pytest.raises(InputError, match=message):
        blocks_of(IterableSource(corpus))


# What is meant by a corpus


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_and_paths_are_files(kind, tmp_path):
    path = kind(write(tmp_path / "f", b"x"))
    for corpus in (path, [path], (path, path)):
        source = open_corpus(corpus)
        assert isinstance(source, FileSource)
        assert source.files == (2 if isinstance(corpus, tuple) else 1)


def test_a_dash_is_stdin(stdin):
    stdin(b"a b")
    assert read(open_corpus("-")).lines == [["a", "b"]]
    stdin(b"a b")
    assert isinstance(open_corpus(["-"]), FileSource)


@pytest.mark.parametrize("first", ["no such file", "", "x" * 5000, "nul\0", " "])
def test_a_list_of_lines_is_no_list_of_paths(first):
    assert isinstance(open_corpus([first, "second line"]), IterableSource)


def test_a_missing_path_in_a_list_of_paths_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*missing: No such file"):
        open_corpus([write(tmp_path / "f", b"x"), tmp_path / "missing"])


@pytest.mark.parametrize("corpus", [5, None, b"bytes", bytearray(b"bytes")])
def test_what_is_no_corpus_is_named(corpus):
    message = f"the corpus is a {type(corpus).__name__}: expected a path, a list of paths, or an"
    with pytest.raises(InputError, match=message):
        open_corpus(corpus)


def test_linked_folders_are_read_and_links_upwards_are_not_followed(tmp_path):
    (tmp_path / "corpus" / "inner").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text("a")
    (tmp_path / "elsewhere" / "b.txt").write_text("b")
    (tmp_path / "corpus" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "corpus" / "inner" / "up").symlink_to(tmp_path / "corpus")
    found = find_files([tmp_path / "corpus"])
    assert [Path(path).name for path in found] == ["a.txt", "b.txt"]


def test_an_empty_path_is_not_the_current_folder():
    with pytest.raises(InputError, match="an empty path was given"):
        find_files([""])


def test_a_closed_stdin(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="cannot read stdin: it is closed"):
        find_files(["-"])
