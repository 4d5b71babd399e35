"""Files that change while they are read, and what is no file: read as they were, or refused."""

from __future__ import annotations

import gzip
import itertools
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

import w2v
from w2v.cli.main import main
from w2v.errors import InputError
from w2v.events import EpochDone, Reading
from w2v.pipeline import train as job
from w2v.pipeline.checkpoint import Checkpoint
from w2v.text import sources as reading
from w2v.text.sources import FileSource, open_corpus

LINES = [f"line {i} of a text that changes\n" for i in range(100)]
TEXT = "".join(LINES)
TINY = {"min_count": 1, "sample": 0, "dim": 2, "epochs": 1, "threads": 1}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_BYTES", 256)
    monkeypatch.setattr(reading, "SNIFFED_BYTES", 64)


@pytest.fixture
def path(tmp_path):
    """A text that was written long ago."""
    path = tmp_path / "x.txt"
    path.write_text(TEXT)
    os.utime(path, ns=(10**18, 10**18))
    return path


def blocks(source):
    return source.blocks(lambda block: len(block))


def grow(path: Path) -> None:
    with path.open("a") as file:
        file.write("more\n")


def shrink(path: Path) -> None:
    os.truncate(path, len(TEXT) // 2)


def rewrite(path: Path) -> None:
    path.write_text(TEXT.upper())


def touch(path: Path) -> None:
    os.utime(path, ns=(10**18, 10**18 + 10**6))


CHANGES = {
    "grows": (grow, "it had 3,090 bytes and now has 3,095; it was last written"),
    "shrinks": (shrink, "it had 3,090 bytes and now has 1,545; it was last written"),
    "is rewritten": (
        rewrite,
        r"it had 3,090 bytes and now has 3,090; it was last written at 20\d\d-",
    ),
    "is touched": (touch, r"last written at 2001-.*:40.001, before that at 2001-.*:40.000"),
}
CHANGING = pytest.mark.parametrize(("change", "finding"), CHANGES.values(), ids=CHANGES)


@CHANGING
def test_a_file_that_changes_while_it_is_read_is_refused(change, finding, path):
    walk = blocks(FileSource([path]))
    next(walk)
    change(path)
    expected = rf"^{path} changed while it was read: .*{finding}.*; train on a copy of it, or on"
    with pytest.raises(InputError, match=expected):
        list(walk)


@CHANGING
def test_a_file_that_changes_before_it_is_read_is_refused_before_a_word_of_it_is(
    change, finding, path, tmp_path
):
    (tmp_path / "first.txt").write_text("first\n")
    walk = blocks(FileSource([tmp_path / "first.txt", path]))
    assert next(walk) == b"first\n"
    change(path)
    with pytest.raises(InputError, match=f"{path} changed while it was read: .*{finding}"):
        next(walk)


def test_a_file_that_changes_at_its_very_end_is_refused(path):
    walk = blocks(FileSource([path]))
    size = 0
    while size < len(TEXT):
        size += len(next(walk))
    touch(path)
    with pytest.raises(InputError, match=f"{path} changed while it was read"):
        next(walk)


def test_a_file_that_grows_without_end_is_refused_at_its_next_block(path):
    walk = blocks(FileSource([path]))
    got = [next(walk)]
    with pytest.raises(InputError, match="changed while it was read"):  # noqa: PT012
        for block in itertools.islice(walk, 50):
            got.append(block)
            grow(path)
    assert len(got) < 4


def test_a_packed_file_that_is_cut_while_it_is_read_changed_and_is_not_damaged(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(os.urandom(20_000).hex(" ").encode()))
    walk = blocks(FileSource([path]))
    next(walk)
    os.truncate(path, path.stat().st_size - 5000)
    with pytest.raises(InputError, match=r"x\.gz changed while it was read: it had"):
        list(walk)


@pytest.mark.parametrize("data", [gzip.compress(TEXT.encode())[:-9], bytes(999)])
def test_a_file_that_changes_and_cannot_be_read_any_more_changed(data, path, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK_BYTES", 1 << 20)
    source = FileSource([path])
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{path} changed while it was read: it had 3,090 bytes"):
        list(blocks(source))


def test_a_file_that_is_replaced_while_it_is_read_is_read_as_it_was(path, tmp_path):
    walk = blocks(FileSource([path]))
    read = bytes(next(walk))
    (tmp_path / "new").write_text("another text\n")
    (tmp_path / "new").rename(path)
    assert read + b"".join(walk) == TEXT.encode()


def test_a_file_that_is_replaced_before_it_is_read_is_refused(path, tmp_path):
    source = FileSource([path])
    (tmp_path / "new").write_text("another text\n")
    (tmp_path / "new").rename(path)
    with pytest.raises(InputError, match="it had 3,090 bytes and now has 13; it was last written"):
        list(blocks(source))


def test_a_file_that_is_removed_while_it_is_read_is_read_to_its_end(path):
    walk = blocks(FileSource([path]))
    read = bytes(next(walk))
    path.unlink()
    assert read + b"".join(walk) == TEXT.encode()


def test_a_file_of_a_folder_that_is_removed_before_it_is_read_is_named(path, tmp_path):
    (tmp_path / "a.txt").write_text("first\n")
    walk = blocks(FileSource([tmp_path]))
    next(walk)
    path.unlink()
    with pytest.raises(InputError, match=f"cannot read {path}: No such file"):
        next(walk)


def test_stdin_from_a_file_may_not_change_either(path, monkeypatch):
    with path.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        walk = blocks(FileSource(["-"]))
        next(walk)
        grow(path)
        with pytest.raises(InputError, match=r"^stdin changed while it was read"):
            list(walk)


def test_a_walk_that_is_given_up_asks_for_nothing(path):
    walk = blocks(FileSource([path]))
    next(walk)
    grow(path)
    walk.close()


@CHANGING
def test_training_stops_at_a_file_that_changes(change, finding, path, tmp_path):
    seen = []

    def observe(event):
        if isinstance(event, Reading) and not seen:
            seen.append(event)
            change(path)

    expected = f"{path} changed while it was read: .*{finding}"
    with pytest.raises(InputError, match=expected):
        w2v.train(path, output=tmp_path / "m", observer=observe, **TINY)
    assert seen
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.txt"]


def test_a_corpus_that_changes_while_read_for_more_epochs_is_rejected(path, tmp_path, monkeypatch):
    w2v.train(path, output=tmp_path / "m", **TINY)
    create = Checkpoint.create

    def change(*arguments):
        touch(path)
        return create(*arguments)

    monkeypatch.setattr(Checkpoint, "create", change)
    with pytest.raises(InputError, match=f"{path} changed while it was read"):
        w2v.resume(tmp_path / "m", epochs=2)
    assert w2v.load(tmp_path / "m").meta["epochs"][-1]["epoch"] == 1


def test_a_corpus_that_changes_before_more_epochs_is_rejected(
    path, tmp_path, monkeypatch
):
    w2v.train(path, output=tmp_path / "m", **TINY)
    reopen_corpus = job._reopen_corpus

    def change(again):
        touch(path)
        return reopen_corpus(again)

    monkeypatch.setattr(job, "_reopen_corpus", change)
    with pytest.raises(InputError, match=f"{path} has changed since training began"):
        w2v.resume(tmp_path / "m", epochs=2)


def test_resume_rejects_a_corpus_that_changed_after_reading(path, tmp_path):
    def stop(event):
        if isinstance(event, EpochDone):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        w2v.train(path, output=tmp_path / "m", observer=stop, **TINY | {"epochs": 2})
    touch(path)
    expected = (
        f"^{path} has changed since training began: it had 3,090 bytes and now has 3,090; it was "
        ".*; restore it, or start over with `overwrite=True`"
    )
    with pytest.raises(InputError, match=expected):
        w2v.resume(tmp_path / "m")
    os.utime(path, ns=(10**18, 10**18))
    assert len(w2v.resume(tmp_path / "m").meta["epochs"]) == 2


# What is no file


def test_a_link_to_itself_is_named_and_in_a_folder_it_is_no_file(tmp_path):
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    with pytest.raises(InputError, match=r"cannot read .*loop: Too many levels of symbolic links"):
        FileSource([tmp_path / "loop"])
    with pytest.raises(InputError, match="contains no files"):
        FileSource([tmp_path])
    (tmp_path / "a.txt").write_text("a\n")
    assert FileSource([tmp_path]).paths == [str(tmp_path / "a.txt")]


def test_a_folder_is_not_searched_for_pipes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.txt").write_text("a\n")
    assert FileSource([tmp_path]).paths == [str(tmp_path / "a.txt")]


def test_a_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    write = f"open({str(tmp_path / 'pipe')!r}, 'w').write({TEXT!r})"
    with subprocess.Popen([sys.executable, "-c", write]) as writer:
        source = FileSource([tmp_path / "pipe"])
        assert source.fingerprints == [None]
        assert b"".join(blocks(source)) == TEXT.encode()
    assert writer.returncode == 0


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
@pytest.mark.parametrize("command", ["train", "vocab"])
def test_a_device_without_end_is_no_text(device, command, tmp_path):
    target = ["-o", str(tmp_path / "m")] if command == "train" else []
    done = CliRunner().invoke(main, [command, device, *target])
    assert done.exit_code == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"Error: {device} is binary data, or text in a legacy encoding")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "encode"])
def test_a_file_where_the_output_should_be_is_left_alone(command, path, tmp_path):
    w2v.Embeddings(["a"], [[1.0]]).save(tmp_path / "m")
    (tmp_path / "out").write_text("mine")
    text = [str(path)] if command == "train" else [str(tmp_path / "m"), str(path)]
    done = CliRunner().invoke(main, [command, *text, "-o", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert "out exists already" in done.stderr.splitlines()[-1]
    assert (tmp_path / "out").read_text() == "mine"


def test_a_corpus_that_is_the_output_is_left_alone(path):
    done = CliRunner().invoke(main, ["train", str(path), "-o", str(path), "--overwrite"])
    assert done.exit_code == 1
    assert path.read_text() == TEXT


# What may not be read: root may read everything, so a child gives up its rights first.

AS_NOBODY = """
import os, sys
import w2v
from w2v.evaluation import evaluate as evaluation
from w2v.formats import registry as formats
from w2v.corpus import vocabulary
from w2v.text import sources as reading
from w2v.errors import W2VError
from w2v.formats.classic import glove
from w2v.formats import native as model
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    {call}
except W2VError as error:
    print(error)
"""


def write_error(call: str, folder: Path) -> str:
    """What a process without rights is told by a call, with a folder as its current one."""
    code = textwrap.dedent(AS_NOBODY).replace("{call}", call)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.fixture
def forbidden(tmp_path):
    """A folder with things in it that may not be read."""
    (tmp_path / "closed.txt").write_text(TEXT)
    for name in ("unlisted", "unentered"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(TEXT)
    tmp_path.chmod(0o755)
    modes = {"closed.txt": 0, "unlisted": 0o311, "unentered": 0o644}
    for name, mode in modes.items():
        (tmp_path / name).chmod(mode)
    yield tmp_path
    for name in modes:
        (tmp_path / name).chmod(0o755)


@pytest.mark.parametrize(
    ("call", "finding"),
    [
        ("list(reading.FileSource(['closed.txt']).blocks(len))", "cannot read closed.txt"),
        ("reading.FileSource(['unlisted'])", "cannot read unlisted"),
        ("reading.FileSource(['.'])", "cannot read ./un"),
        ("reading.FileSource(['unentered'])", "cannot read unentered/a.txt"),
        ("reading.FileSource(['unentered/a.txt'])", "cannot read unentered/a.txt"),
        ("vocabulary.read_word_list('closed.txt')", "cannot read the vocabulary closed.txt"),
        ("evaluation.evaluate(w2v.Embeddings(['a'], [[1.0]]), 'closed.txt')", "cannot read closed"),
        ("w2v.load('closed.txt')", "cannot read closed.txt"),
        ("w2v.load('unentered')", "cannot read unentered"),
        ("w2v.load('unentered/a.txt')", "cannot read unentered/a.txt"),
    ],
)
def test_what_may_not_be_read_is_one_clear_line(call, finding, forbidden):
    said = write_error(call, forbidden)
    assert said.startswith(finding)
    assert said.endswith(": Permission denied")
    assert "\n" not in said


def test_a_list_of_texts_is_none_of_paths_where_nothing_may_be_looked_at(forbidden):
    assert write_error(
        "print(type(reading.open_corpus(['unentered/a.txt'])).__name__)", forbidden
    ) in {
        "IterableSource",
        "FileSource",
    }


def test_a_signal_ends_waiting_for_a_pipe_that_nobody_writes(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "w2v", "train", tmp_path / "pipe", "-o", tmp_path / "m"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]


def test_a_path_that_is_given_twice_is_read_twice(path):
    assert b"".join(blocks(open_corpus([path, path]))) == 2 * TEXT.encode()
