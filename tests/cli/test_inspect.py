"""`w2v inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import w2v
from commands import ALL_WORDS, error, ok, process, report_lines, run
from support import KJV, compiled_only


def test_the_report_goes_to_stdout():
    result = run("inspect", "text.txt", *ALL_WORDS)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "files            1 file, 590 bytes"
    assert "words            120; 9 distinct" in lines
    assert (
        "                 => the · quick · brown · fox · jumps · over · the · lazy · dog" in lines
    )
    assert all(line.startswith("reading: ") for line in report_lines(result.stderr))
    assert report_lines(run("inspect", "text.txt", *ALL_WORDS, "-q").stderr) == []


def test_options_are_spelled_as_flags():
    shown = ok("inspect", "text.txt", "--min-count", "11")
    assert "dropped          --min-count 11: 7 words, 70 occurrences (58 % of the text)" in shown
    assert "                 --vocab-size 50000: none" in shown
    assert "`" not in shown


def test_the_text_itself_is_not_changed():
    Path("a.txt").write_text("set `min_count=5` here\n" * 9)
    assert "set `min_count=5` here" in ok("inspect", "a.txt")


def test_json_has_all_facts():
    found = json.loads(ok("inspect", "text.txt", *ALL_WORDS, "--json"))
    expected = w2v.inspect("text.txt", min_count=1).as_dict()
    for facts in (found, expected):
        del facts["seconds"]
    assert found == json.loads(json.dumps(expected))
    assert found["words"]["distinct"] == 9


def test_stdin_is_inspected():
    shown = ok("inspect", "-", *ALL_WORDS, stdin=b"a b\nc\n")
    assert "lines            2" in shown


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_refused_text_is_described_and_has_the_exit_code_of_training(form):
    Path("a.txt").write_bytes("Größe München schön\n".encode("latin-1"))
    result = run("inspect", "a.txt", "-q", *form)
    message = error("train", "a.txt", "-q")
    assert "pass --encoding windows-1252" in message
    assert (result.exit_code, result.stderr) == (1, f"Error: {message}\n")
    if form:
        assert "`encoding='windows-1252'`" in json.loads(result.stdout)["refusal"]
    else:
        assert "1. training refuses this text: a.txt is not UTF-8" in result.stdout
    assert "invalid bytes    4; the first one in line 1" in ok(
        "inspect", "a.txt", *ALL_WORDS, "--encoding", "utf-8"
    )
    assert "encoding         cp1252" in ok(
        "inspect", "a.txt", *ALL_WORDS, "--encoding", "windows-1252"
    )


def test_a_missing_file_is_an_error_without_a_report():
    assert "nowhere.txt: No such file" in error("inspect", "nowhere.txt")
    assert "--window" in error("inspect", "text.txt", "--window", "0", code=2)


def test_folders_are_inspected_with_their_options():
    Path("folder").mkdir()
    Path("folder/a.txt").write_text("a b\n")
    Path("folder/b.bin").write_bytes(bytes(200))
    shown = ok("inspect", "folder", *ALL_WORDS)
    assert "skipped          1 not text: binary data: folder/b.bin" in shown
    assert "pass --strict" in shown
    assert "is binary data" in error("inspect", "folder", "--strict")
    assert "skipped" not in ok("inspect", "folder", *ALL_WORDS, "--include", "*.txt")


@pytest.mark.slow
@compiled_only
def test_the_report_of_a_real_text():
    done = process("inspect", KJV, "-q")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("findings         nothing unusual found\n")
    assert "                   72 x And the LORD spake unto Moses, saying," not in done.stdout
    assert "72 x And the LORD spake unto Moses, saying," in done.stdout
