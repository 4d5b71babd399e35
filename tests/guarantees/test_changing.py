"""Files that change while they are read, pipes, devices and unreadable files."""

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
from support import TINY, names, raise_on
from w2v.cli.main import main
from w2v.errors import InputError
from w2v.events import EpochDone, Reading
from w2v.pipeline import train as job
from w2v.pipeline.checkpoint import Checkpoint
from w2v.text import blocks, decode, segmented
from w2v.text.sources import FileSource, open_corpus

TEXT = "".join(f"line {i} of a text that changes\n" for i in range(100))
OPTIONS = TINY | {"dim": 2, "epochs": 1}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 256)
    monkeypatch.setattr(decode, "SNIFFED_BYTES", 64)
    monkeypatch.setattr(segmented, "SAMPLE_BYTES", 64)


@pytest.fixture
def path(tmp_path):
    """A text file with an old modification time."""
    path = tmp_path / "x.txt"
    path.write_text(TEXT)
    os.utime(path, ns=(10**18, 10**18))
    return path


def read_blocks(source):
    return source.blocks(len)


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
    "grown": (grow, "it had 3,090 bytes and now has 3,095; it was last written"),
    "shrunk": (shrink, "it had 3,090 bytes and now has 1,545; it was last written"),
    "rewritten": (
        rewrite,
        r"it had 3,090 bytes and now has 3,090; it was last written at 20\d\d-",
    ),
    "touched": (touch, r"last written at 2001-.*:40.001, before that at 2001-.*:40.000"),
}
CHANGING = pytest.mark.parametrize(("change", "difference"), CHANGES.values(), ids=CHANGES)


@CHANGING
def test_a_file_that_changes_during_reading_is_rejected(change, difference, path):
    iterator = read_blocks(FileSource([path]))
    next(iterator)
    change(path)
    expected = (
        rf"^{path} changed while it was read: .*{difference}.*; start again, or use a copy of it$"
    )
    with pytest.raises(InputError, match=expected):
        list(iterator)


@CHANGING
def test_a_file_that_changes_before_reading_is_rejected_at_once(change, difference, path, tmp_path):
    (tmp_path / "first.txt").write_text("first\n")
    iterator = read_blocks(FileSource([tmp_path / "first.txt", path]))
    assert next(iterator) == b"first\n"
    change(path)
    with pytest.raises(InputError, match=f"{path} changed while it was read: .*{difference}"):
        next(iterator)


def test_a_file_that_changes_after_its_last_block_is_rejected(path):
    iterator = read_blocks(FileSource([path]))
    size = 0
    while size < len(TEXT):
        size += len(next(iterator))
    touch(path)
    with pytest.raises(InputError, match=f"{path} changed while it was read"):
        next(iterator)


def test_a_file_that_grows_endlessly_is_rejected_at_the_next_block(path):
    iterator = read_blocks(FileSource([path]))
    received = [next(iterator)]
    with pytest.raises(InputError, match="changed while it was read"):  # noqa: PT012
        for block in itertools.islice(iterator, 50):
            received.append(block)
            grow(path)
    assert len(received) < 4


def test_a_compressed_file_truncated_during_reading_is_reported_as_changed(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(os.urandom(20_000).hex(" ").encode()))
    iterator = read_blocks(FileSource([path]))
    next(iterator)
    os.truncate(path, path.stat().st_size - 5000)
    with pytest.raises(InputError, match=r"x\.gz changed while it was read: it had"):
        list(iterator)


@pytest.mark.parametrize("data", [gzip.compress(TEXT.encode(), mtime=0)[:-9], bytes(999)])
def test_a_file_that_becomes_unreadable_is_reported_as_changed(data, path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 1 << 20)
    source = FileSource([path])
    path.write_bytes(data)
    with pytest.raises(InputError, match=f"{path} changed while it was read: it had 3,090 bytes"):
        list(read_blocks(source))


def test_a_file_replaced_during_reading_is_read_in_its_old_version(path, tmp_path):
    iterator = read_blocks(FileSource([path]))
    read = bytes(next(iterator))
    (tmp_path / "new").write_text("another text\n")
    (tmp_path / "new").rename(path)
    assert read + b"".join(iterator) == TEXT.encode()


def test_a_file_replaced_before_reading_is_rejected(path, tmp_path):
    source = FileSource([path])
    (tmp_path / "new").write_text("another text\n")
    (tmp_path / "new").rename(path)
    with pytest.raises(InputError, match="it had 3,090 bytes and now has 13; it was last written"):
        list(read_blocks(source))


def test_a_file_removed_during_reading_is_read_to_its_end(path):
    iterator = read_blocks(FileSource([path]))
    read = bytes(next(iterator))
    path.unlink()
    assert read + b"".join(iterator) == TEXT.encode()


def test_a_file_of_a_directory_removed_before_reading_is_reported(path, tmp_path):
    (tmp_path / "a.txt").write_text("first\n")
    iterator = read_blocks(FileSource([tmp_path]))
    next(iterator)
    path.unlink()
    with pytest.raises(InputError, match=f"cannot read {path}: No such file"):
        next(iterator)


def test_a_file_on_stdin_that_changes_is_rejected(path, monkeypatch):
    with path.open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        iterator = read_blocks(FileSource(["-"]))
        next(iterator)
        grow(path)
        with pytest.raises(InputError, match=r"^stdin changed while it was read"):
            list(iterator)


def test_closing_an_unfinished_iterator_checks_nothing(path):
    iterator = read_blocks(FileSource([path]))
    next(iterator)
    grow(path)
    iterator.close()


@CHANGING
def test_training_rejects_a_file_that_changes_during_reading(
    change, difference, path, tmp_path, monkeypatch
):
    # So that the first report comes well before the end, although threads read ahead.
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 32)
    events = []

    def observe(event):
        if isinstance(event, Reading) and not events:
            events.append(event)
            change(path)

    del difference  # a thread may see the file while it is being written
    expected = f"{path} changed while it was read: "
    with pytest.raises(InputError, match=expected):
        w2v.train(path, output=tmp_path / "m", observer=observe, **OPTIONS)
    assert events
    assert names(tmp_path) == ["x.txt"]


def test_a_corpus_that_changes_while_read_for_more_epochs_is_rejected(path, tmp_path, monkeypatch):
    w2v.train(path, output=tmp_path / "m", **OPTIONS)
    create = Checkpoint.create

    def change(*arguments):
        touch(path)
        return create(*arguments)

    monkeypatch.setattr(Checkpoint, "create", change)
    with pytest.raises(InputError, match=f"{path} changed while it was read"):
        w2v.resume(tmp_path / "m", epochs=2)
    assert w2v.load(tmp_path / "m").meta["epochs"][-1]["epoch"] == 1


def test_a_corpus_that_changes_before_more_epochs_is_rejected(path, tmp_path, monkeypatch):
    w2v.train(path, output=tmp_path / "m", **OPTIONS)
    reopen_corpus = job._reopen_corpus

    def change(job):
        touch(path)
        return reopen_corpus(job)

    monkeypatch.setattr(job, "_reopen_corpus", change)
    with pytest.raises(InputError, match=f"{path} has changed since training began"):
        w2v.resume(tmp_path / "m", epochs=2)


def test_resume_rejects_a_corpus_that_changed_after_reading(path, tmp_path):
    stop = raise_on(KeyboardInterrupt, EpochDone)
    with pytest.raises(KeyboardInterrupt):
        w2v.train(path, output=tmp_path / "m", observer=stop, **OPTIONS | {"epochs": 2})
    touch(path)
    expected = (
        f"^{path} has changed since training began: it had 3,090 bytes and now has 3,090; it was "
        ".*; restore it, or start over with `overwrite=True`"
    )
    with pytest.raises(InputError, match=expected):
        w2v.resume(tmp_path / "m")
    os.utime(path, ns=(10**18, 10**18))
    assert len(w2v.resume(tmp_path / "m").meta["epochs"]) == 2


# Links, pipes and devices


def test_a_circular_link_is_rejected_and_ignored_in_directories(tmp_path):
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    with pytest.raises(InputError, match=r"cannot read .*loop: Too many levels of symbolic links"):
        FileSource([tmp_path / "loop"])
    with pytest.raises(InputError, match="contains no files"):
        FileSource([tmp_path])
    (tmp_path / "a.txt").write_text("a\n")
    assert FileSource([tmp_path]).paths == [str(tmp_path / "a.txt")]


def test_pipes_in_directories_are_ignored(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a.txt").write_text("a\n")
    assert FileSource([tmp_path]).paths == [str(tmp_path / "a.txt")]


def test_a_pipe_is_read_to_its_end(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    code = f"open({str(tmp_path / 'pipe')!r}, 'w').write({TEXT!r})"
    with subprocess.Popen([sys.executable, "-c", code]) as writer:
        source = FileSource([tmp_path / "pipe"])
        assert source.fingerprints == [None]
        assert b"".join(read_blocks(source)) == TEXT.encode()
    assert writer.returncode == 0


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="this system has no /dev/zero")
@pytest.mark.parametrize("device", ["/dev/zero", "/dev/urandom"])
@pytest.mark.parametrize("command", ["train", "vocab"])
def test_an_endless_device_is_rejected(device, command, tmp_path):
    output = ["-o", str(tmp_path / "m")] if command == "train" else []
    result = CliRunner().invoke(main, [command, device, *output])
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    # Random bytes may lack the zero byte that tells binary data.
    assert last.startswith((f"Error: {device} is binary data", f"Error: {device} is not UTF-8"))
    assert names(tmp_path) == []


@pytest.mark.parametrize("command", ["train", "encode"])
def test_a_file_at_the_output_path_is_not_replaced(command, path, tmp_path):
    w2v.Embeddings(["a"], [[1.0]]).save(tmp_path / "m")
    (tmp_path / "out").write_text("mine")
    text = [str(path)] if command == "train" else [str(tmp_path / "m"), str(path)]
    result = CliRunner().invoke(main, [command, *text, "-o", str(tmp_path / "out")])
    assert result.exit_code == 1
    assert "out exists already" in result.stderr.splitlines()[-1]
    assert (tmp_path / "out").read_text() == "mine"


def test_a_corpus_at_the_output_path_is_not_replaced(path):
    result = CliRunner().invoke(main, ["train", str(path), "-o", str(path), "--overwrite"])
    assert result.exit_code == 2
    assert path.read_text() == TEXT


# Missing permissions. Root can read everything, so a child process switches to another user first.

AS_NOBODY = """
import os, sys
import w2v.embeddings.load
from w2v.corpus import vocabulary
from w2v.errors import W2VError
from w2v.evaluation import evaluate as evaluation
from w2v.formats import native, registry
from w2v.formats.classic import glove
from w2v.text import sources
# All modules are imported before the process loses its permissions.
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    {call}
except W2VError as error:
    print(error)
"""


def error_as_nobody(call: str, directory: Path) -> str:
    """Evaluate a call in a directory as an unprivileged user; return its output or its error."""
    code = textwrap.dedent(AS_NOBODY).replace("{call}", call)
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=directory, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout.strip()


@pytest.fixture
def forbidden(tmp_path):
    """A directory with files and directories that cannot be read."""
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
    ("call", "message"),
    [
        ("list(sources.FileSource(['closed.txt']).blocks(len))", "cannot read closed.txt"),
        ("sources.FileSource(['unlisted'])", "cannot read unlisted"),
        ("sources.FileSource(['.'])", "cannot read un"),
        ("sources.FileSource(['unentered'])", "cannot read unentered/a.txt"),
        ("sources.FileSource(['unentered/a.txt'])", "cannot read unentered/a.txt"),
        ("vocabulary.read_word_list('closed.txt')", "cannot read the vocabulary closed.txt"),
        ("evaluation.evaluate(w2v.Embeddings(['a'], [[1.0]]), 'closed.txt')", "cannot read closed"),
        ("w2v.load('closed.txt')", "cannot read closed.txt"),
        ("w2v.load('unentered')", "cannot read unentered"),
        ("w2v.load('unentered/a.txt')", "cannot read unentered/a.txt"),
    ],
)
def test_unreadable_files_are_reported_in_one_line(call, message, forbidden):
    error = error_as_nobody(call, forbidden)
    assert error.startswith(message)
    assert error.endswith(": Permission denied")
    assert "\n" not in error


def test_a_list_of_unreadable_paths_is_no_text(forbidden):
    kind = "print(type(sources.open_corpus(['unentered/a.txt'])).__name__)"
    assert "cannot read unentered/a.txt: Permission denied" in error_as_nobody(kind, forbidden)


def test_a_signal_ends_waiting_for_a_pipe_without_a_writer(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    command = [sys.executable, "-m", "w2v", "train", tmp_path / "pipe", "-o", tmp_path / "m"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(4)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 143
    assert names(tmp_path) == ["pipe"]


def test_a_repeated_path_is_read_repeatedly(path):
    assert b"".join(read_blocks(open_corpus([path, path]))) == 2 * TEXT.encode()
