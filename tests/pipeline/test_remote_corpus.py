"""Runs on corpora behind addresses: the result, what is recorded, resuming, and the commands."""

from __future__ import annotations

import gzip
import json
import logging

import numpy as np
import pytest

import w2v
from commands import ALL_WORDS, error, ok
from remote_files import page
from support import TINY, Killed, raise_on, random_text
from w2v.errors import ConfigError, InputError
from w2v.events import Event, Reading, Training
from w2v.pipeline.checkpoint import Checkpoint
from w2v.text import remote

pytest.importorskip("fsspec", reason="needs fsspec")
TEXT = random_text("abcdefghij", 30, seed=3)


@pytest.fixture
def texts(memory, tmp_path):
    """Two files on this machine, and the same ones behind an address."""
    (tmp_path / "texts").mkdir()
    halves = TEXT.encode()[:300], TEXT.encode()[300:]
    for name, data in (("a.txt", halves[0]), ("b.txt.gz", gzip.compress(halves[1], mtime=0))):
        (tmp_path / "texts" / name).write_bytes(data)
        memory.pipe_file(f"/texts/{name}", data)
    return tmp_path / "texts"


def interrupt(kind: type[Event], corpus: str, output, error=KeyboardInterrupt) -> None:
    with pytest.raises(error):
        w2v.train(corpus, output=output, observer=raise_on(error, kind), **TINY)


@pytest.mark.parametrize("corpus", ["memory://texts", "memory://texts/*.txt*"])
def test_a_remote_corpus_gives_the_model_of_a_local_one(corpus, texts, tmp_path):
    local = w2v.train(texts, **TINY)
    found = w2v.train(corpus, output=tmp_path / "m.w2v", **TINY)
    assert found.words == local.words
    assert found.matrix.tobytes() == local.matrix.tobytes()
    recorded = json.loads((tmp_path / "m.w2v" / "meta.json").read_text())["job"]["files"]
    assert [file[0] for file in recorded] == ["memory://texts/a.txt", "memory://texts/b.txt.gz"]
    assert [file[1] for file in recorded] == [len(data) for data in sizes(texts)]


def sizes(texts) -> list[bytes]:
    return [path.read_bytes() for path in sorted(texts.iterdir())]


def test_progress_has_the_size_of_a_remote_corpus(texts):
    events: list[Event] = []
    w2v.train("memory://texts", observer=events.append, **TINY)
    total = sum(map(len, sizes(texts)))
    reading = [event for event in events if isinstance(event, Reading)]
    assert {event.total_bytes for event in reading} == {total}
    assert reading[-1].done_bytes == total


def test_a_remote_corpus_is_read_again_when_reading_was_interrupted(texts, tmp_path, monkeypatch):
    whole = w2v.train("memory://texts", **TINY)
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    interrupt(Reading, "memory://texts", tmp_path / "m.w2v", Killed)
    assert w2v.resume(tmp_path / "m.w2v").matrix.tobytes() == whole.matrix.tobytes()


@pytest.mark.parametrize("kind", [Reading, Training])
def test_a_changed_remote_corpus_is_not_resumed(kind, texts, memory, tmp_path, monkeypatch):
    whole = w2v.train("memory://texts", **TINY)
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    interrupt(kind, "memory://texts", tmp_path / "m.w2v", Killed)
    memory.pipe_file("/texts/a.txt", b"another text")
    with pytest.raises(InputError, match=r"^memory://texts/a.txt has changed since training began"):
        w2v.resume(tmp_path / "m.w2v")
    if kind is Training:  # the text is encoded: a store that is gone does not matter
        memory.rm("/texts", recursive=True)
        assert w2v.resume(tmp_path / "m.w2v").matrix.tobytes() == whole.matrix.tobytes()


def test_a_finished_model_trains_further_on_its_remote_corpus(texts, memory, tmp_path):
    local = w2v.train(texts, output=tmp_path / "n.w2v", **TINY)
    w2v.train("memory://texts", output=tmp_path / "m.w2v", **TINY)
    found = w2v.resume(tmp_path / "m.w2v", epochs=3)
    local = w2v.resume(tmp_path / "n.w2v", epochs=3)
    assert found.matrix.tobytes() == local.matrix.tobytes()
    memory.pipe_file("/texts/a.txt", b"another text")
    with pytest.raises(InputError, match="has changed since training began"):
        w2v.resume(tmp_path / "m.w2v", epochs=4)


def test_passwords_are_neither_recorded_nor_reported(web, tmp_path, monkeypatch, caplog):
    caplog.set_level(logging.DEBUG, "w2v")
    web.files["/d/"] = page("a.txt", "p.png")
    web.files["/d/a.txt"] = TEXT.encode()
    web.files["/d/p.png"] = b"\x89PNG\r\n\x1a\n" + bytes(50)
    web.password = "me:hush-hush"
    events: list[Event] = []
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    output = tmp_path / "m.w2v"
    w2v.train(web.url("/d/", "me:hush-hush@"), output=output, observer=events.append, **TINY)
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 4
    shown = b"".join(written).decode("utf-8", "replace") + repr(events)
    assert web.url("/d/a.txt", "***@") in shown
    assert "hush" not in shown
    assert not [record for record in caplog.records if "hush" in record.getMessage()]
    with pytest.raises(InputError, match="is not recorded; start over with `overwrite=True`"):
        w2v.resume(output, epochs=3)


def test_an_output_is_not_the_corpus_behind_a_file_address(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text(TEXT)
    with pytest.raises(ConfigError, match="which training reads"):
        w2v.train(f"file://{path}", output=path, overwrite=True, **TINY)
    assert path.read_text() == TEXT


def test_commands_read_addresses(texts, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ok("train", "memory://texts/*", *ALL_WORDS, "--dim", "4", "--epochs", "1", "-q")
    assert (tmp_path / "texts.w2v" / "meta.json").exists()
    for command in (["vocab"], ["phrases", "--min-count", "1"], ["pairs"]):
        options = [] if command[0] == "phrases" else ALL_WORDS
        names = [command[0], *options, "-q"]
        assert ok(*names, "memory://texts") == ok(*names, str(texts)), command
    assert "files            2 files" in ok("inspect", *ALL_WORDS, "-q", "memory://texts")
    encoded = []
    for place in ("memory://texts", str(texts)):
        ok("encode", "texts.w2v", f"{place}/a.txt", "-o", "ids.npy", "--overwrite")
        encoded.append(np.load("ids.npy").tolist())
    assert encoded[0] == encoded[1]
    assert ok("vocab", "memory://texts", str(texts / "a.txt"), *ALL_WORDS, "-q")


def test_commands_report_addresses_that_cannot_be_read(memory):
    assert error("vocab", "memory://missing") == (
        "cannot read memory://missing: no such file or directory; check the address"
    )
    assert "the scheme 'foo' is unknown" in error("inspect", "foo://a/b")


def test_a_break_in_mid_training_is_one_line(web, monkeypatch):
    monkeypatch.setattr(remote, "_BLOCK_BYTES", 1 << 16)
    web.files["/a.txt"] = TEXT.encode() * 600
    web.cut = 100_000
    web.ranges = False
    assert "a.txt" in error("vocab", web.url("/a.txt"), *ALL_WORDS, "-q")
