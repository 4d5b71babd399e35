"""Corpora behind addresses: in the memory of fsspec, on a web server, and in archives."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import sys
import zipfile
from pathlib import Path

import pytest

from remote_files import page
from text.helpers import blocks_of, lines_of, read, text_of
from w2v.config import Config
from w2v.errors import ConfigError, InputError, MissingExtraError
from w2v.events import Notice
from w2v.system.sniff import count_invalid
from w2v.text import files, remote
from w2v.text.files import fingerprint_of, map_files, name_of, open_file, present_fingerprints
from w2v.text.folders import find_files
from w2v.text.parts import PartSource, cut_files
from w2v.text.remote import file_name, is_url, without_secrets
from w2v.text.sources import FileSource, SourceOptions, open_corpus
from w2v.text.validity import count_bytes

fsspec = pytest.importorskip("fsspec", reason="needs fsspec")
TEXT = "The quick brown fox\njumps over the lazy dög's 日本 bed\n".encode() * 40
PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)


def put(store, *names: str, data: bytes = b"some words\n") -> None:
    for name in names:
        store.pipe_file(name, data)


def listed(url: str, **options) -> list[str]:
    return FileSource([url], SourceOptions(**options)).paths


# Addresses


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("s3://bucket/a.txt", True),
        ("HTTPS://host/a.txt", True),
        ("zip://*.txt::file:///a.zip", True),
        ("simplecache::s3://bucket/a", True),
        ("a:b.txt", False),
        ("a::b.txt", False),
        ("c:/texts/a.txt", False),
        ("dir/s3://bucket", False),
        ("://a", False),
        ("1a://b", False),
        ("-", False),
    ],
)
def test_an_address_has_a_scheme(path, expected):
    assert is_url(path) is expected


def test_a_local_name_with_a_colon_stays_local(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a:b.txt").write_bytes(b"local")
    Path("a::b.txt").write_bytes(b"too")
    assert text_of("a:b.txt", "a::b.txt") == b"local\ntoo\n"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("s3://bucket/a.txt", "s3://bucket/a.txt"),
        ("https://me:secret@host/a", "https://***@host/a"),
        ("https://ghp_token@host/a", "https://***@host/a"),
        ("http://me:p@ss@host:80/a@b", "http://***@host:80/a@b"),
        ("https://host/@user/a", "https://host/@user/a"),
        ("sftp://me:secret@host/a", "sftp://me:***@host/a"),
        ("sftp://me@host/a", "sftp://me@host/a"),
        ("github://org:repo@main/a", "github://org:repo@main/a"),
        (
            "abfs://data@account.dfs.core.windows.net/a",
            "abfs://data@account.dfs.core.windows.net/a",
        ),
        ("zip://a::https://me:secret@host/b.zip", "zip://a::https://***@host/b.zip"),
        ("https://h/a?id=5&token=abc", "https://h/a?id=5&token=***"),
        ("https://h/a?X-Amz-Signature=abc&b=1#c", "https://h/a?X-Amz-Signature=***&b=1#c"),
        ("https://h/a?api_key=abc&keyword=b", "https://h/a?api_key=***&keyword=b"),
        ("https://h/a?sv=1&sig=a%2Fb", "https://h/a?sv=1&sig=***"),
    ],
)
def test_secrets_in_addresses_are_not_shown(url, expected):
    assert without_secrets(url) == name_of(url) == expected


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("s3://bucket/dir/a.txt.gz", "a.txt.gz"),
        ("s3://bucket/dir/*.txt.gz", "dir"),
        ("s3://bucket/dir/", "dir"),
        ("s3://bucket", "bucket"),
        ("https://me:secret@host/", "host"),
        ("https://host/my%20text.txt?token=secret", "my text.txt"),
        ("zip://a.txt::https://host/b.zip", "a.txt"),
        ("simplecache::s3://bucket/a.txt", "a.txt"),
        ("memory://*", "corpus"),
    ],
)
def test_names_of_files_in_addresses(url, name):
    assert file_name(url) == name


# Files, directories and patterns


def test_a_file_is_read_like_a_local_one(memory):
    put(memory, "/d/a.txt", data=TEXT)
    source = FileSource(["memory://d/a.txt"])
    assert (source.files, source.total_bytes) == (1, len(TEXT))
    assert b"".join(blocks_of(source)) == TEXT
    assert source.done_bytes == len(TEXT)


def test_files_of_all_places_can_be_mixed(memory, tmp_path):
    put(memory, "/a.txt", data=b"remote")
    local = tmp_path / "b.txt"
    local.write_bytes(b"local")
    source = FileSource([local, "memory://a.txt", f"file://{local}"])
    assert source.total_bytes == 16
    assert read(source).lines == [["local"], ["remote"], ["local"]]


def test_a_directory_is_listed_like_a_local_one(memory, tmp_path):
    names = ["b/2.txt", "b/1.txt", "b.txt", "c", "b/d/x", ".git/a", ".git/b", "x~", "b/.a"]
    for name in names:
        put(memory, f"/root/{name}")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"some words\n")
    put(memory, "/root/b/p.png", data=PNG)
    (tmp_path / "b/p.png").write_bytes(PNG)
    local, source = FileSource([tmp_path]), FileSource(["memory://root"])
    assert [path.removeprefix("memory://root/") for path in source.paths] == [
        str(Path(path).relative_to(tmp_path)) for path in local.paths
    ]
    assert source.total_bytes == local.total_bytes
    assert sorted(source.skipped.clutter) == sorted(local.skipped.clutter)
    ((path, finding),) = source.skipped.other
    assert (path, finding) == ("memory://root/b/p.png", local.skipped.other[0][1])


def test_include_selects_files_of_a_remote_directory(memory):
    put(memory, "/root/a.txt", "/root/b/c.txt", "/root/b/d.md", "/root/e.md")
    assert listed("memory://root", include=("*.txt",)) == [
        "memory://root/a.txt",
        "memory://root/b/c.txt",
    ]
    assert listed("memory://root/", include=("b/*",)) == [
        "memory://root/b/c.txt",
        "memory://root/b/d.md",
    ]
    message = r"^the directory memory://root contains no files that match '\*\.csv'; it contains 4"
    with pytest.raises(InputError, match=message):
        listed("memory://root", include=("*.csv",))
    with pytest.raises(ConfigError, match="selects files of directories"):
        listed("memory://root/a.txt", include=("*.txt",))


def test_strict_refuses_a_remote_file_that_is_not_text(memory):
    put(memory, "/root/a.txt")
    put(memory, "/root/p.png", data=PNG)
    with pytest.raises(InputError, match=r"^memory://root/p.png is a PNG picture: expected text"):
        listed("memory://root", strict=True)


def test_patterns_select_files_and_directories(memory):
    put(memory, "/root/b.txt", "/root/a.txt", "/root/c.md", "/root/.d.txt", "/root/sub.txt/e")
    assert listed("memory://root/*.txt") == [
        "memory://root/a.txt",
        "memory://root/b.txt",
        "memory://root/sub.txt/e",
    ]
    assert FileSource(["memory://root/*.txt"]).skipped.clutter == [".d.txt"]
    assert listed("memory://root/?.m[de]") == ["memory://root/c.md"]
    assert listed("memory://r*/**/e") == ["memory://root/sub.txt/e"]
    assert listed("memory://root/**") == [
        *("memory://root/a.txt", "memory://root/b.txt", "memory://root/c.md"),
        "memory://root/sub.txt/e",
    ]


def test_empty_directories_that_match_are_ignored(memory):
    put(memory, "/root/a.txt")
    memory.mkdir("/root/empty")
    assert listed("memory://root/*") == ["memory://root/a.txt"]
    with pytest.raises(InputError, match="the corpus has no text"):
        listed("memory://root/e*")


def test_a_pattern_skips_files_that_are_not_text(memory):
    put(memory, "/root/a.txt")
    put(memory, "/root/p.png", data=PNG)
    source = FileSource(["memory://root/*"])
    assert source.paths == ["memory://root/a.txt"]
    assert source.finish()[0].message.startswith("skipped 1 file that is not text (memory://root/p")


def test_a_pattern_without_matches_is_an_error(memory):
    put(memory, "/root/a.txt")
    with pytest.raises(InputError, match=r"^cannot read memory://root/\*\.md: no file matches"):
        FileSource(["memory://root/*.md"])


def test_a_name_with_brackets_is_read(memory):
    put(memory, "/root/a[1].txt")
    assert listed("memory://root/a[1].txt") == ["memory://root/a[1].txt"]


def test_a_missing_file_is_an_error(memory):
    with pytest.raises(InputError, match=r"^cannot read memory://d/a.txt: no such file or dir"):
        FileSource(["memory://d/a.txt"])


def test_files_of_an_archive_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("d/b.txt", "second")
        archive.writestr("d/a.txt", "first")
    source = FileSource([f"zip://d/*.txt::file://{tmp_path}/a.zip"])
    assert source.paths == [f"zip://d/{x}.txt::file://{tmp_path}/a.zip" for x in "ab"]
    assert read(source).lines == [["first"], ["second"]]


@pytest.mark.parametrize(
    ("url", "path", "found", "expected"),
    [
        ("s3://bucket/d", "bucket/d", "bucket/d/a", "s3://bucket/d/a"),
        ("s3://bucket/d/", "bucket/d", "bucket/d/a", "s3://bucket/d/a"),
        ("hdfs://host:9000/d", "/d", "/d/a", "hdfs://host:9000/d/a"),
        ("sftp://me@host/d/*", "/d/*", "/d/a", "sftp://me@host/d/a"),
        ("abfs://c@acc.net/d", "c/d", "c/d/a", "abfs://c@acc.net/d/a"),
        ("https://h/d/", "https://h/d/", "https://h/d/a", "https://h/d/a"),
        ("zip://d::s3://b/a.zip", "d", "d/a", "zip://d/a::s3://b/a.zip"),
        ("simplecache::s3://b/d", "b/d", "b/d/a", "simplecache::s3://b/d/a"),
    ],
)
def test_a_listing_keeps_the_server_in_addresses(url, path, found, expected):
    assert remote._addresses(None, url, path)(found) == expected


# Contents


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compressed_files_are_read(compress, memory, web):
    put(memory, "/a", data=compress(TEXT))
    web.files["/a"] = compress(TEXT)
    assert text_of("memory://a") == text_of(web.url("/a")) == TEXT


def test_columns_and_fields_are_read(memory):
    put(memory, "/a.csv", data=b"id,text\n1,one two\n2,three\n")
    put(memory, "/a.jsonl", data=json.dumps({"text": "four"}).encode() + b"\n")

    def select(url: str, **options: str) -> list[str]:
        return lines_of(FileSource([url], SourceOptions.of(Config(**options))))

    assert select("memory://a.csv", column="text") == ["one two", "three"]
    assert select("memory://a.jsonl", json_field="text") == ["four"]


@pytest.fixture
def parquet() -> bytes:
    pa = pytest.importorskip("pyarrow", reason="needs pyarrow")
    from pyarrow import parquet

    buffer = io.BytesIO()
    parquet.write_table(pa.table({"id": [1, 2], "text": ["one two", "three"]}), buffer)
    return buffer.getvalue()


def test_parquet_files_are_read(parquet, memory, web):
    put(memory, "/a.parquet", data=parquet)
    web.files["/a.parquet"] = parquet
    options = SourceOptions.of(Config(column="text"))
    for url in ("memory://a.parquet", web.url("/a.parquet")):
        source = FileSource([url], options)
        assert lines_of(source) == ["one two", "three"]
        assert source.done_bytes == source.total_bytes == len(parquet)


def test_parquet_needs_a_server_that_sends_parts(parquet, web):
    web.files["/a.parquet"] = parquet
    web.ranges = False
    options = SourceOptions.of(Config(column="text"))
    with pytest.raises(InputError, match=r"is a Parquet file, .* download it"):
        lines_of(FileSource([web.url("/a.parquet")], options))


# The web


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_is_read_with_parts_and_without(ranges, web, monkeypatch):
    monkeypatch.setattr(remote, "_BLOCK_BYTES", 1000)
    web.files["/a.txt"] = TEXT
    web.ranges = ranges
    with open_file(web.url("/a.txt")) as file:
        assert file.seekable() is ranges
    source = FileSource([web.url("/a.txt")])
    assert source.total_bytes == len(TEXT)
    assert b"".join(blocks_of(source)) == TEXT


def test_parts_of_files_can_be_read(web, memory):
    web.files["/a.txt"] = TEXT
    put(memory, "/a.txt", data=TEXT)
    for url in (web.url("/a.txt"), "memory://a.txt"):
        with open_file(url) as file:
            assert file.seek(-10, os.SEEK_END) == len(TEXT) - 10 == file.tell()
            assert (file.read(4), file.read()) == (TEXT[-10:-6], TEXT[-6:])
            assert file.seek(7) == 7
            assert (file.read(3), file.tell()) == (TEXT[7:10], 10)


def test_a_server_without_parts_cannot_seek(web):
    web.files["/a.txt"] = TEXT
    web.ranges = False
    with open_file(web.url("/a.txt")) as file, pytest.raises(io.UnsupportedOperation):
        file.seek(1)


def test_a_server_may_not_know_the_size(web):
    web.files["/a.txt"] = TEXT
    web.announces_size = web.ranges = False
    source = FileSource([web.url("/a.txt")])
    assert (source.total_bytes, source.fingerprints) == (None, [None])
    assert b"".join(blocks_of(source)) == TEXT


def test_an_empty_file_has_no_words(web):
    web.files["/a.txt"] = b""
    assert text_of(web.url("/a.txt")) == b""


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_links_of_a_page_are_a_directory(slash, web):
    web.files["/d/"] = page("?C=N;O=D", "b.txt", "a%20c.txt", "../", "sub/", ".hidden", "/d/e.txt")
    web.files["/d/sub/"] = page("f.md")
    for name in ("b.txt", "a%20c.txt", "e.txt", "sub/f.md"):
        web.files[f"/d/{name}"] = name.encode()
    url = web.url(f"/d{slash}")
    below = [name.partition("/d/")[2] for name in listed(url)]
    assert below == ["a%20c.txt", "b.txt", "e.txt", "sub/f.md"]
    assert listed(url, include=("a c.*",)) == [web.url("/d/a%20c.txt")]
    assert listed(web.url("/d/*.txt")) == [web.url(f"/d/{x}.txt") for x in ("a%20c", "b", "e")]


def test_parameters_are_no_wildcards(web):
    web.files["/a?id=5"] = b"five"
    assert text_of(web.url("/a?id=5")) == b"five\n"
    assert find_files([web.url("/a?id=5")])[:2] == ([web.url("/a?id=5")], [])


# Errors


@pytest.mark.parametrize("ranges", [True, False])
def test_a_connection_that_breaks_is_an_error(ranges, web):
    web.files["/a.txt"] = TEXT * 100
    web.ranges = ranges
    source = FileSource([web.url("/a.txt")])
    web.cut = 70_000
    with pytest.raises(
        InputError,
        match=r"^cannot read http.*a.txt( after .* bytes)?: .*Not enough.* \(Con.*Error\); check",
    ):
        blocks_of(source)


def test_a_file_that_ends_early_is_an_error(memory):
    put(memory, "/a.txt", data=TEXT)
    file = fsspec.filesystem("memory").open("/a.txt")
    opened = remote._RemoteFile(file, "memory://a.txt", memory, seekable=True)
    opened._size = len(TEXT) + 5
    with pytest.raises(InputError, match=rf"it ended after {len(TEXT):,} of {len(TEXT) + 5:,} byt"):
        opened.read()


def test_a_server_that_is_gone_is_an_error(web):
    url = web.url("/a.txt")
    web.shutdown()
    web.server_close()
    with pytest.raises(InputError, match=r"^cannot read http.*Conn.*\); check the address and"):
        FileSource([url])


def test_a_missing_page_is_an_error(web):
    with pytest.raises(InputError, match=r"^cannot read http.*/a.txt: no such file or directory"):
        FileSource([web.url("/a.txt")])


def test_a_password_is_used_and_not_shown(web):
    web.files["/a.txt"] = TEXT
    web.password = "me:secret"
    url = web.url("/a.txt", "me:secret@")
    source = FileSource([url])
    assert b"".join(blocks_of(source)) == TEXT
    assert source.checked is None or "secret" not in source.checked.name
    assert source.fingerprints[0].path == web.url("/a.txt", "***@")
    with pytest.raises(InputError, match=r"no permission \(HTTP 401\); check the cred") as caught:
        FileSource([web.url("/a.txt", "me:wrong-secret@")])
    assert "wrong-secret" not in str(caught.value)


def test_a_recorded_address_without_its_password_is_not_read(web):
    web.files["/a.txt"] = TEXT
    with pytest.raises(InputError, match=r"the password or token in its address is not recorded"):
        FileSource([web.url("/a.txt", "***@")])


def test_reasons_hide_secrets():
    error = ValueError("cannot open https://me:p%40ss@host/a?token=abc as me:p@ss")
    found = remote._read_error("https://me:p%40ss@host/a?token=abc", error)
    assert "ss@" not in str(found)
    assert "abc" not in str(found)


def test_a_denied_file_is_an_error(memory, monkeypatch):
    def deny(*arguments, **options):
        raise PermissionError

    put(memory, "/a.txt")
    monkeypatch.setattr(type(memory), "_open", deny)
    with pytest.raises(InputError, match=r"^cannot read memory://a.txt: no permission; check the"):
        text_of("memory://a.txt")


def test_an_unknown_scheme_is_an_error():
    with pytest.raises(InputError, match=r"^cannot read foo://b/a: the scheme 'foo' is unknown"):
        FileSource(["foo://b/a"])


def test_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(MissingExtraError, match=r"^reading s3://b/a needs an .*'w2v\[remote\]'$"):
        FileSource(["s3://b/a"])


@pytest.mark.parametrize(
    ("url", "package"), [("s3://b/a", "s3fs"), ("gs://b/a", "gcsfs"), ("sftp://h/a", "paramiko")]
)
def test_the_error_names_the_package_for_a_store(url, package, monkeypatch):
    from fsspec.registry import registry

    for name in ("s3fs", "gcsfs", "paramiko"):
        monkeypatch.setitem(sys.modules, name, None)
    for scheme in ("s3", "gs", "sftp"):
        assert scheme not in registry
    with pytest.raises(MissingExtraError) as caught:
        FileSource([url])
    message = f"reading {url} needs optional packages: pip install 'w2v[remote]' {package}"
    assert str(caught.value) == message


# Changes


def test_a_change_during_reading_is_an_error(memory, web):
    for url in ("memory://a.txt", web.url("/a.txt")):
        put(memory, "/a.txt", data=TEXT)
        web.files["/a.txt"] = TEXT
        source = FileSource([url])
        blocks = source.blocks(len)
        next(blocks)
        put(memory, "/a.txt", data=TEXT.upper())
        web.files["/a.txt"] = TEXT.upper()
        with pytest.raises(InputError, match=rf"^{url} changed while it was read: it had"):
            list(blocks)


def test_a_store_that_remembers_listings_is_asked_again(memory, monkeypatch):
    kind, known = type(memory), {}
    info = kind.info
    monkeypatch.setattr(
        kind, "info", lambda self, path, **_: known.setdefault(path, info(self, path))
    )
    monkeypatch.setattr(kind, "modified", lambda self, path: None)
    monkeypatch.setattr(kind, "invalidate_cache", lambda self, path=None: known.clear())
    put(memory, "/a.txt", data=TEXT)
    source = FileSource(["memory://a.txt"])
    blocks = source.blocks(len)
    next(blocks)
    put(memory, "/a.txt", data=TEXT + b"x")
    with pytest.raises(InputError, match="changed while it was read"):
        list(blocks)


def test_a_change_takes_precedence_over_other_errors(web):
    web.files["/a.gz"] = gzip.compress(TEXT)
    source = FileSource([web.url("/a.gz")])
    web.files["/a.gz"] = gzip.compress(TEXT)[:-8]
    with pytest.raises(InputError, match="changed while it was read"):
        blocks_of(source)


def test_fingerprints_have_the_version_or_the_time(memory, web, tmp_path):
    put(memory, "/a.txt", data=b"one")
    web.files["/a.txt"] = b"one"
    local = tmp_path / "a.txt"
    local.write_bytes(b"one")
    os.utime(local, ns=(10**18, 10**18))
    assert fingerprint_of(f"file://{local}") == (f"file://{local}", 3, 10**18, None)
    found = fingerprint_of("memory://a.txt")
    assert found[:2] == ("memory://a.txt", 3)
    assert found.changed > 10**18
    found = fingerprint_of(web.url("/a.txt"))
    assert found[:3] == (web.url("/a.txt"), 3, 0)
    assert found.version.startswith('"')


def test_missing_files_have_no_present_fingerprint(memory, tmp_path):
    put(memory, "/a.txt")
    paths = ["memory://a.txt", "memory://b.txt", str(tmp_path / "c"), "https://***@h/a", "foo://a"]
    found = present_fingerprints(paths)
    assert found[0].path == "memory://a.txt"
    assert found[1:] == [None] * 4


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ("2020-01-01T00:00:00Z", 1577836800),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 1577836800),
        (1.5, 1.5),
        (None, 0),
        ("yesterday", 0),
    ],
)
def test_times_of_stores(changed, expected):
    assert remote._nanoseconds(changed) == expected * 10**9


def test_results_for_files_are_in_order():
    paths = [f"memory://{i}" for i in range(50)]
    assert map_files(name_of, paths) == paths
    with pytest.raises(ZeroDivisionError):
        map_files(lambda path: 1 // 0, paths)


# Corpora of Python


def test_strings_that_are_addresses_are_paths(memory, tmp_path):
    put(memory, "/a.txt", "/b.txt")
    local = tmp_path / "a.txt"
    local.write_bytes(b"x")
    for corpus in (
        "memory://a.txt",
        ["memory://a.txt"],
        ["memory://a.txt", "memory://b.txt"],
        ["memory://a.txt", str(local)],
        [str(local), "memory://a.txt"],
        [local, "memory://a.txt"],
        iter(["memory://a.txt"]),
    ):
        assert isinstance(open_corpus(corpus), FileSource)
    assert open_corpus("memory://*.txt").files == 2


def test_lines_that_contain_addresses_are_text(memory):
    lines = ["memory://a.txt is an address", "memory://a.txt", "more text"]
    for corpus in (lines, lines[1:]):
        assert lines_of(open_corpus(corpus)) == corpus


def test_the_path_object_of_an_address_is_an_error():
    message = r"^cannot read s3:/b/a: No such file or directory; pass an address as a string"
    with pytest.raises(InputError, match=message):
        open_corpus(Path("s3://b/a"))


def test_find_files_returns_addresses(memory):
    put(memory, "/d/a.txt", "/b.txt")
    given, found, _ = find_files(["memory://b.txt", "memory://d"])
    assert (given, found) == (["memory://b.txt", "memory://d/a.txt"], ["memory://d/a.txt"])
    assert files.local_path("file:///a/b") == "/a/b"
    assert files.local_path("s3://a/b") == "s3://a/b"


def test_notices_hide_secrets(web):
    web.files["/d/"] = page("a.txt", "p.png")
    web.files["/d/a.txt"] = TEXT + b"damaged \xff\n"
    web.files["/d/p.png"] = PNG
    web.password = "me:secret"
    source = FileSource([web.url("/d/", "me:secret@")])
    for block in source.blocks(len):
        source.check(count_bytes(block, count_invalid(block)))
    notices = source.finish()
    assert len(notices) == 2
    assert all(isinstance(notice, Notice) for notice in notices)
    assert "secret" not in str(notices)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_file_is_cut_if_its_server_sends_parts(ranges, web):
    web.files["/a.txt"] = TEXT
    web.ranges = ranges
    source = FileSource([web.url("/a.txt")])
    portions = cut_files(source, len(TEXT) // 5)
    assert (len(portions) > 1) is ranges
    read = [b"".join(blocks_of(PartSource(parts, source.options))) for parts in portions]
    assert b"".join(read) == TEXT
