"""The files of a corpus: in directories, by pattern, and those that are skipped."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from text.helpers import text_of, write
from w2v.errors import ConfigError, InputError
from w2v.events import Notice
from w2v.text.folders import Skipped, find_files, is_clutter
from w2v.text.sources import FileSource, SourceOptions

PNG = b"\x89PNG\r\n\x1a\n" + bytes(50)


def put(root: Path, *names: str, data: bytes = b"some words\n") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        write(root / name, data)


def found(root: Path, **options) -> list[str]:
    source = FileSource([root], SourceOptions(**options))
    return [str(Path(path).relative_to(root)) for path in source.paths]


def test_the_files_of_a_directory_are_sorted(tmp_path):
    put(tmp_path, "b/2.txt", "b/1.txt", "a.txt", "c", "b/d/x")
    (tmp_path / "empty").mkdir()
    assert found(tmp_path) == ["a.txt", "b/1.txt", "b/2.txt", "b/d/x", "c"]
    files, in_directories, _ = find_files([tmp_path / "c", tmp_path / "b"])
    assert [Path(path).name for path in files] == ["c", "1.txt", "2.txt", "x"]
    assert in_directories == files[1:]


@pytest.mark.parametrize(
    "name",
    [
        *(".DS_Store", ".git/config", ".ipynb_checkpoints/a.txt", "x~", "sub/x.txt~", ".x.swp"),
        *("x.swp", "#x#", "x.bak", "x.ORIG", "x.tmp", "__pycache__/x.pyc", "__MACOSX/a.txt"),
        *("Thumbs.db", "desktop.ini"),
    ],
)
def test_hidden_and_backup_files_are_skipped(name, tmp_path):
    put(tmp_path, "a.txt", name)
    assert found(tmp_path) == ["a.txt"]
    assert found(tmp_path, strict=True) == ["a.txt"]
    (notice,) = FileSource([tmp_path]).finish()
    clutter = next(part for part in Path(name).parts if is_clutter(part))
    assert notice == Notice(f"skipped 1 hidden or backup file ({clutter})", warning=False)


@pytest.mark.parametrize(
    "name", ["a.txt", "README", "x.swap", "bak", "tmp/x", "a~b", "#hash", "orig.txt", "Thumbs"]
)
def test_similar_names_are_read(name, tmp_path):
    put(tmp_path, name)
    assert found(tmp_path) == [name]


def test_files_and_directories_given_by_name_are_always_read(tmp_path):
    put(tmp_path, ".hidden/x~", ".hidden/a.txt")
    assert found(tmp_path / ".hidden") == ["a.txt"]
    assert FileSource([tmp_path / ".hidden" / "x~"]).files == 1


def test_files_that_are_not_text_are_skipped_with_a_note(tmp_path):
    put(tmp_path, "a.txt", "empty.txt")
    write(tmp_path / "empty.txt", b"")
    put(tmp_path, "logo.png", "sub/b.jpg", data=PNG)
    put(tmp_path, "d.tar.gz", data=gzip.compress(b"x" * 257 + b"ustar"))
    put(tmp_path, ".DS_Store", data=bytes(9))
    source = FileSource([tmp_path])
    assert [Path(path).name for path in source.paths] == ["a.txt", "empty.txt"]
    assert source.total_bytes == len(b"some words\n")
    assert text_of(tmp_path) == b"some words\n"
    (notice,) = source.finish()
    assert notice == Notice(
        f"skipped 3 files that are not text ({tmp_path}/d.tar.gz: a tar archive, "
        f"{tmp_path}/logo.png: a PNG picture, {tmp_path}/sub/b.jpg: a PNG picture) and 1 hidden or "
        "backup file (.DS_Store); to refuse such files, pass `strict=True`"
    )


def test_a_strict_source_refuses_files_that_are_not_text(tmp_path):
    put(tmp_path, "a.txt")
    put(tmp_path, "logo.png", data=PNG)
    message = rf"^{tmp_path}/logo.png is a PNG picture: expected text; remove it, or omit `strict`$"
    with pytest.raises(InputError, match=message):
        found(tmp_path, strict=True)
    (tmp_path / "logo.png").unlink()
    (tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(InputError, match="link is a broken link: expected text"):
        found(tmp_path, strict=True)


def test_a_file_that_is_not_text_is_refused_if_it_is_given_by_name(tmp_path):
    put(tmp_path, "logo.png", data=PNG)
    with pytest.raises(InputError, match=r"logo.png is a PNG picture: expected UTF-8 text"):
        text_of(tmp_path / "logo.png")


def test_text_in_another_encoding_and_damaged_files_are_not_skipped(tmp_path):
    put(tmp_path, "a.txt")
    put(tmp_path, "b.txt", data="hello big world\n".encode("utf-16-le"))
    with pytest.raises(InputError, match=r"b.txt is text in UTF-16 \(little-endian\), without"):
        text_of(tmp_path)
    put(tmp_path, "b.txt", data=gzip.compress(os.urandom(999))[:500])
    with pytest.raises(InputError, match=r"b.txt is damaged or truncated"):
        text_of(tmp_path)


def test_links_and_pipes_that_cannot_be_read_are_noted(tmp_path):
    put(tmp_path, "a.txt")
    (tmp_path / "broken").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    (notice,) = FileSource([tmp_path]).finish()
    assert notice.message.startswith(
        f"skipped 2 files that are not text ({tmp_path}/pipe: a pipe or a device, "
        f"{tmp_path}/broken: a broken link)"
    )


def test_a_long_list_of_skipped_files_is_shortened():
    skipped = Skipped([".git", "x~", ".git", "y~", "z~"], [("a", "b")])
    assert str(skipped) == (
        "1 file that is not text (a: b) and 5 hidden or backup files (.git, x~, y~ ...)"
    )
    assert str(Skipped()) == ""


# Patterns


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        (("*.txt",), ["a.txt", "sub/b.txt", "sub/deep/c.txt"]),
        (("*.txt", "*.md"), ["a.txt", "d.md", "sub/b.txt", "sub/deep/c.txt"]),
        (("sub/*.txt",), ["sub/b.txt", "sub/deep/c.txt"]),
        (("[ab].*",), ["a.txt", "sub/b.txt"]),
        (("?",), ["e"]),
    ],
)
def test_patterns_select_files(patterns, expected, tmp_path):
    put(tmp_path, "a.txt", "d.md", "e", "sub/b.txt", "sub/deep/c.txt", "A.TXT", ".f.txt")
    put(tmp_path, "logo.png", data=PNG)
    assert found(tmp_path, include=patterns) == expected
    assert found(tmp_path, include=patterns, strict=True) == expected


def test_patterns_apply_to_directories_only(tmp_path):
    put(tmp_path, "in/a.txt", "in/b.md", "c.md")
    paths = [tmp_path / "c.md", tmp_path / "in"]
    assert len(FileSource(paths, SourceOptions(include=("*.txt",))).paths) == 2
    message = r"^include selects files of directories, but the corpus has none; omit '\*.txt'$"
    with pytest.raises(ConfigError, match=message):
        FileSource([tmp_path / "c.md"], SourceOptions(include=("*.txt",)))


# Nothing to read


@pytest.mark.parametrize(
    ("names", "include", "message"),
    [
        ([], (), "no files$"),
        (
            ["a.txt", "b.md"],
            ("*.csv",),
            r"no files that match '\*.csv'; it contains 2 other files$",
        ),
        (["a.md"], ("*.csv", "*.x"), r"that match '\*.csv' or '\*.x'; it contains 1 other file$"),
        ([".git/x", "x~"], (), r"no files; it contains 2 hidden or backup files \(.git, x~\)$"),
    ],
)
def test_a_directory_without_files_is_one_clear_error(names, include, message, tmp_path):
    (tmp_path / "sub").mkdir()
    put(tmp_path, *names)
    with pytest.raises(InputError, match=rf"^the directory {tmp_path} contains .*{message}"):
        found(tmp_path, include=include)


def test_a_directory_without_text_is_one_clear_error(tmp_path):
    put(tmp_path, "a.png", data=PNG)
    message = (
        r"^the corpus has no text; skipped 1 file that is not text \(.*a.png: a PNG picture\)$"
    )
    with pytest.raises(InputError, match=message):
        found(tmp_path)


def test_an_unreadable_directory_is_named(monkeypatch, tmp_path):
    def scandir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    with pytest.raises(InputError, match=f"cannot read {tmp_path}: Permission denied"):
        FileSource([tmp_path])


# Links


def test_links_are_followed_but_no_directory_is_read_twice(tmp_path):
    put(tmp_path, "corpus/a.txt", "corpus/inner/b.txt", "elsewhere/c.txt")
    (tmp_path / "corpus" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "corpus" / "again").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "corpus" / "inner" / "up").symlink_to(tmp_path / "corpus")
    (tmp_path / "corpus" / "0").symlink_to(tmp_path / "corpus" / "inner")
    names = found(tmp_path / "corpus")
    assert sorted(Path(name).name for name in names) == ["a.txt", "b.txt", "c.txt"]
    assert names == sorted(names)
    assert "inner/b.txt" in names


def test_deep_directories_are_read(tmp_path):
    deep = tmp_path
    for _ in range(150):
        deep = deep / "d"
    put(deep, "a.txt")
    assert len(found(tmp_path)) == 1


# Paths


def test_stdin_can_be_read_only_once():
    with pytest.raises(InputError, match=r"stdin \(-\) is given twice"):
        FileSource(["-", "-"])


@pytest.mark.parametrize(("path", "shown"), [("", "an empty path"), (5, "5"), (b"a", "b'a'")])
def test_other_objects_are_no_paths(path, shown):
    with pytest.raises(InputError, match=rf"^got {shown}: expected a file, a directory or -$"):
        find_files([path])


def test_a_closed_stdin_is_rejected(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(InputError, match="cannot read stdin: it is closed"):
        find_files(["-"])


def test_a_text_given_as_a_path_is_not_echoed_whole():
    with pytest.raises(InputError, match=r"cannot read xxx.*: File name too long") as caught:
        find_files([Path("x" * 5000)])
    assert len(str(caught.value)) < 400
