"""`w2v train`: the model, the remaining files, and resuming."""

from __future__ import annotations

import bz2
import gzip
import json
import shlex
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

import w2v
from commands import (
    ALL_WORDS,
    COVERAGE,
    TEXT,
    TINY,
    corpus_for_processes,
    error,
    interrupted,
    ok,
    process,
    report_lines,
    run,
)
from support import KJV, LINES, WORDS, content, names, overflowing
from w2v.pipeline import preflight, warmup
from w2v.pipeline import run as runs
from w2v.pipeline.checkpoint import Checkpoint
from w2v.training import trainer


def test_train_writes_a_model_and_reports_on_stderr():
    result = run("train", "text.txt", "-o", "m", *TINY)
    assert (result.exit_code, result.stdout) == (0, "")
    assert names() == ["m", "text.txt", "tmp"]
    assert names("m") == ["contexts.npy", "counts.npy", "embeddings.npy", "meta.json", "vocab.txt"]
    lines = report_lines(result.stderr)
    assert lines[:2] == COVERAGE
    starts = ["training", "epoch 1/2", "epoch 2/2", "usage", "saved m", "time"]
    assert [line.partition(":")[0] for line in lines[2:]] == starts
    assert lines[-2] == "saved m: 9 words, 8 dimensions"


def test_the_files_of_a_model():
    ok("train", "text.txt", "-o", "m", *TINY)
    matrix = np.load("m/embeddings.npy")
    assert (matrix.shape, matrix.dtype.str, matrix.flags.c_contiguous) == ((9, 8), "<f4", True)
    assert Path("m/vocab.txt").read_bytes() == "".join(f"{word}\n" for word in WORDS).encode()
    assert np.load("m/counts.npy").tolist() == [30, 20, *[10] * 7]
    assert np.load("m/counts.npy").dtype.str == "<i8"
    assert json.loads(Path("m/meta.json").read_text())["corpus"]["tokens"] == 120


@pytest.mark.parametrize(
    ("corpus", "output"),
    [
        ("text.txt", "text.w2v"),
        ("./text.txt", "text.w2v"),
        ("bare", "bare.w2v"),
        ("text.txt.gz", "text.w2v"),
        ("TEXT.TXT.GZ", "TEXT.w2v"),
        ("text.bz2", "text.w2v"),
        ("v1.2.txt", "v1.2.w2v"),
        ("texts", "texts.w2v"),
        ("texts/", "texts.w2v"),
        ("texts/../text.txt", "text.w2v"),
        ("texts/inner.txt", "inner.w2v"),
        ("link.txt", "link.w2v"),
        ("-", "stdin.w2v"),
    ],
)
def test_the_model_is_named_after_the_corpus(corpus, output):
    Path("texts").mkdir()
    Path("link.txt").symlink_to("text.txt")
    for path in ("bare", "v1.2.txt", "texts/inner.txt"):
        Path(path).write_text(TEXT)
    for path in ("text.txt.gz", "TEXT.TXT.GZ"):
        Path(path).write_bytes(gzip.compress(TEXT.encode()))
    Path("text.bz2").write_bytes(bz2.compress(TEXT.encode()))
    before = names()
    ok("train", corpus, *TINY, stdin=TEXT)
    assert set(names()) - set(before) == {output}
    assert w2v.load(output).words == WORDS


@pytest.mark.parametrize("corpus", [".", "..", "../here"])
def test_the_name_of_a_relative_directory_is_resolved(corpus, directory, monkeypatch):
    Path("here/below").mkdir(parents=True)
    Path("here/a.txt").write_text(TEXT)
    parent = "here/below" if corpus == ".." else "here"
    monkeypatch.chdir(parent)
    ok("train", corpus, *TINY)
    assert (directory / parent / "here.w2v").is_dir()


def test_several_files_make_one_model_named_after_the_first():
    Path("more.txt").write_text("more words\n" * 10)
    ok("train", "more.txt", "text.txt", "-", *TINY, stdin="words from stdin\n" * 10)
    found = dict(zip(w2v.load("more.w2v").words, w2v.load("more.w2v").counts, strict=True))
    assert (found["words"], found["the"], found["stdin"]) == (20, 30, 10)


def test_stdin_gives_the_same_model_as_a_file():
    ok("train", "text.txt", *TINY)
    ok("train", "-", *TINY, stdin=gzip.compress(TEXT.encode()))
    for name in ("embeddings.npy", "vocab.txt", "counts.npy"):
        assert content("text.w2v")[name] == content("stdin.w2v")[name]


def test_the_command_line_and_the_library_make_the_same_model():
    ok("train", "text.txt", "-o", "m", *TINY, "--lr", "0.1", "--window", "3", "--shrink-windows")
    model = w2v.train(
        LINES,
        min_count=1,
        sample=0,
        dim=8,
        epochs=2,
        threads=1,
        lr=0.1,
        window=3,
        shrink_windows=True,
    )
    assert w2v.load("m").matrix.tobytes() == model.matrix.tobytes()
    assert w2v.load("m").meta["config"] == model.meta["config"]


def test_corpus_options():
    ok("train", "text.txt", "-o", "m", *TINY, "--vocab-size", "3", "--min-count", "5")
    assert w2v.load("m").words == ["the", "dog", "brown"]
    Path("mixed.txt").write_text("A-b a A-b\n" * 10)
    ok("train", "mixed.txt", "-o", "m", "--overwrite", *TINY, "--tokenizer", "whitespace")
    assert w2v.load("m").words == ["A-b", "a"]
    ok("train", "mixed.txt", "-o", "m", "--overwrite", *TINY, "--no-lowercase")
    assert w2v.load("m").words == ["A", "b", "a"]
    ok(
        *("train", "mixed.txt", "-o", "m", "--overwrite", *TINY),
        *("--tokenizer", "whitespace", "--lowercase"),
    )
    assert w2v.load("m").words == ["a-b", "a"]


def test_train_on_a_given_vocabulary():
    Path("words").write_text("fox\nunicorn\nthe\n")
    result = run("train", "text.txt", "-o", "m", *TINY, "--vocab", "words")
    assert result.exit_code == 0
    assert "note: the corpus lacks 1 word of the given vocabulary; " in result.stderr
    assert w2v.load("m").words == ["fox", "unicorn", "the"]
    assert w2v.load("m").counts.tolist() == [10, 0, 30]


@pytest.mark.parametrize("quiet", [[], ["-q"]], ids=["shown", "quiet"])
def test_a_share_that_cannot_be_held_out_is_noted(quiet):
    Path("short.txt").write_text("the fox\nthe dog\nthe end\n")
    result = run("train", "short.txt", "-o", "m", *TINY, "--validation", "0.01", *quiet)
    assert result.exit_code == 0
    notes = [line for line in result.stderr.splitlines() if "held out" in line]
    assert notes == [
        (
            "note: 1 of 3 lines held out for validation, a share of 0.33 instead of "
            "--validation 0.01; a text of more lines gives a closer share"
        )
    ]


def test_quiet_prints_nothing():
    result = run("train", "text.txt", *TINY, "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    assert run("vocab", "text.txt", "-q", *ALL_WORDS).stderr == ""
    assert run("pairs", "text.txt", "-q", *ALL_WORDS).stderr == ""


def test_quiet_and_verbose_exclude_each_other():
    message = error("train", "text.txt", "-q", "-v", code=2)
    assert message == "--quiet cannot be combined with --verbose; omit one of them"
    # One machine has no workers to tell about.
    assert "worker" not in run("train", "text.txt", *TINY, "-v").stderr


def test_the_json_log_has_every_stage():
    before = time.time()
    ok("train", "text.txt", *TINY, "-q", "--validation", "0.3", "--log-json", "log")
    reports = [json.loads(line) for line in Path("log").read_text().splitlines()]
    stages = [report["stage"] for report in reports if report["stage"] != "compiling"]
    assert stages == ["reading", "corpus", "plan", "training", "epoch", "epoch", "usage", "saved"]
    assert all(before - 1 < report["time"] < time.time() + 1 for report in reports)
    epochs = [report for report in reports if report["stage"] == "epoch"]
    assert [report["epoch"] for report in epochs] == [1, 2]
    for report in epochs:
        assert 0 < report["loss"] < 6
        assert 0 < report["validation_loss"] < 6
    assert epochs == [
        {"time": report["time"], **epoch}
        for report, epoch in zip(epochs, w2v.load("text.w2v").meta["epochs"], strict=True)
    ]


def test_the_json_log_does_not_replace_the_progress_lines():
    result = run("train", "text.txt", *TINY, "--log-json", "log")
    assert "epoch 2/2" in result.stderr
    assert Path("log").read_text().count("\n") >= 6


def test_a_model_is_replaced_only_with_overwrite():
    ok("train", "text.txt", "-o", "m", *TINY)
    before = content("m")
    message = error("train", "text.txt", "-o", "m", *TINY, "--seed", "2")
    assert message == "m exists already; choose another name, or replace it with --overwrite"
    assert content("m") == before
    ok("train", "text.txt", "-o", "m", *TINY, "--seed", "2", "--overwrite")
    assert content("m")["embeddings.npy"] != before["embeddings.npy"]
    assert names() == ["m", "text.txt", "tmp"]


def test_only_models_are_replaced():
    Path("texts").mkdir()
    Path("texts/thesis.tex").write_text("years of work")
    Path("text").write_text(TEXT)
    for output in ("texts", "text"):
        message = error("train", "text.txt", "-o", output, *TINY, "--overwrite")
        assert message.startswith(f"{output} is neither a model directory ")
    assert Path("texts/thesis.tex").read_text() == "years of work"
    assert Path("text").read_text() == TEXT


def test_an_empty_directory_is_replaced_with_overwrite():
    Path("m").mkdir()
    assert "exists already" in error("train", "text.txt", "-o", "m", *TINY)
    ok("train", "text.txt", "-o", "m", *TINY, "--overwrite")
    assert len(w2v.load("m")) == 9


@overflowing
@pytest.mark.parametrize(
    "arguments",
    [
        ["empty.txt"],
        ["text.txt", "missing.txt"],
        ["text.txt", "--lr", "1e30"],
        ["text.txt", "--min-count", "1000"],
        ["text.txt", "--vocab", "missing"],
        ["text.txt", "--work-dir", "missing"],
    ],
)
def test_a_failed_run_leaves_only_the_old_model(arguments):
    Path("empty.txt").touch()
    Path("work").mkdir()
    ok("train", "text.txt", "-o", "m", *TINY)
    before = content("m")
    error("train", "-o", "m", "--overwrite", *TINY, "--work-dir", "work", *arguments)
    assert content("m") == before
    assert names() == ["empty.txt", "m", "text.txt", "tmp", "work"]
    assert names("work") == []


def test_temporary_files_are_in_the_work_directory(monkeypatch):
    Path("work").mkdir()
    found = []
    original = runs.train_model

    def record(*arguments: object, **options: object) -> object:
        found.append((names(), names("work")))
        return original(*arguments, **options)

    monkeypatch.setattr(runs, "train_model", record)
    ok("train", "text.txt", "-o", "m", *TINY, "--work-dir", "work")
    current, work = found[-1]
    assert current == ["text.txt", "tmp", "work"]
    assert len(work) == 1
    assert names("work") == []
    Path("out").mkdir()
    ok("train", "text.txt", "-o", "out/m", *TINY)
    assert found[-1] == (["m", "out", "text.txt", "tmp", "work"], [])
    assert names("out") == ["m"]


def test_a_model_that_exceeds_memory_is_rejected_before_compilation(monkeypatch):
    monkeypatch.setattr(preflight, "used_memory", lambda: 0)
    monkeypatch.setattr(preflight, "available_memory", lambda: 8 * 10**9)
    monkeypatch.setattr(warmup, "compile_kernels", lambda *_: pytest.fail("compiled first"))
    assert error("train", str(KJV), "--dim", "100000", "--threads", "2") == (
        "training up to 50,000 words at dim 100,000 needs 60.12 GB of memory, "
        "but 8.00 GB are available; lower --dim or --vocab-size, which may be more than the corpus "
        "has"
    )


def test_a_model_that_exceeds_the_disk_is_rejected_before_compilation(monkeypatch):
    class Usage:
        free = 10**6
        total = 10**9

    monkeypatch.setattr(shutil, "disk_usage", lambda directory: Usage)
    monkeypatch.setattr(warmup, "compile_kernels", lambda *_: pytest.fail("compiled first"))
    message = error("train", str(KJV))
    # 50,000 rows: 1,044 bytes each in a model, 1,024 in a checkpoint and 40 of metadata; 1.8 MB of
    # ids.
    assert "0.11 GB are needed, but 1.0 MB are free in " in message


@pytest.mark.slow
def test_one_thread_gives_the_same_bits_in_every_process():
    for output in ("first", "second"):
        done = process(
            *("train", corpus_for_processes(), "-o", output, "-q", "--threads", 1),
            *("--dim", 16, "--epochs", 1, "--sample", 1e-2),
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    first, second = content("first"), content("second")
    assert len(first["embeddings.npy"]) > 1_000
    for name in ("embeddings.npy", "vocab.txt", "counts.npy"):
        assert first[name] == second[name]


def test_words_and_counts_do_not_depend_on_the_threads():
    for threads in (1, 3):
        ok(
            *("train", corpus_for_processes(), "-o", f"m{threads}", "--threads", threads),
            *("--dim", 4, "--epochs", 1, "--sample", 1e-2, "-q"),
        )
    one, three = content("m1"), content("m3")
    assert one["vocab.txt"] == three["vocab.txt"]
    assert one["counts.npy"] == three["counts.npy"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_json_log_that_cannot_be_written_is_an_error():
    message = error("train", "text.txt", *TINY, "-q", "--log-json", "/dev/full")
    assert message.startswith("cannot write /dev/full: the disk is full: 0 bytes were written")
    assert message.endswith("; free some space, or choose another file with --log-json")
    assert names() == ["text.txt", "tmp"]


@pytest.mark.parametrize("work_dir", [[], ["--work-dir", "work"]])
def test_an_interrupted_run_resumes(work_dir, monkeypatch):
    Path("work").mkdir()
    ok("train", "text.txt", "-o", "whole", *TINY)
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_measure_loss", interrupted)
        result = run("train", "text.txt", "-o", "m", *TINY, *work_dir)
    assert result.exit_code == 130
    resume = ["--resume", "m", *work_dir]
    assert f"resume with: w2v train {' '.join(resume)}\n" in result.stderr
    message = error("train", *resume, "--dim", "9", code=2)
    assert message == (
        "--dim cannot change when training resumes: it started with --dim 8, got --dim 9; omit it, "
        "or start over with --overwrite"
    )
    ok("train", *resume, "--dim", "8", "--threads", "2")
    assert names() == ["m", "text.txt", "tmp", "whole", "work"]
    assert names("work") == []
    found, whole = (w2v.load(name) for name in ("m", "whole"))
    assert found.words == whole.words


def test_the_resume_command_is_quoted(monkeypatch):
    monkeypatch.setattr(trainer.Trainer, "_measure_loss", interrupted)
    result = run("train", "text.txt", "-o", "my model", *TINY)
    assert "resume with: w2v train --resume 'my model'\n" in result.stderr


def test_an_output_named_like_a_file_writes_that_file():
    result = run("train", "text.txt", "-o", "v.bin", *TINY)
    assert result.exit_code == 0
    assert "saved v.w2v: 9 words, 8 dimensions" in result.stderr.splitlines()
    assert result.stderr.splitlines()[-1] == "saved v.bin: the vectors, format word2vec-bin"
    assert names() == ["text.txt", "tmp", "v.bin", "v.w2v"]
    assert np.array_equal(w2v.load("v.bin").matrix, w2v.load("v.w2v").matrix)


@pytest.mark.parametrize("resumed", ["v.txt", "v.w2v"])
def test_a_file_is_written_by_the_resumed_run(resumed, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_measure_loss", interrupted)
        result = run("train", "text.txt", "-o", "v.txt", *TINY)
    assert "resume with: w2v train --resume v.txt\n" in result.stderr
    ok("train", "--resume", resumed)
    assert names() == ["text.txt", "tmp", "v.txt", "v.w2v"]


@pytest.mark.parametrize(
    ("output", "code", "message"),
    [
        ("v.csv", 2, "--output has an extension that cannot be written here: got v.csv"),
        ("text.txt", 1, "text.txt exists already; choose another name, or replace it with --over"),
        (".txt", 2, "--output must have a name before the extension, got .txt"),
    ],
)
def test_outputs_that_cannot_be_written_are_rejected(output, code, message):
    assert error("train", "text.txt", "-o", output, *TINY, code=code).startswith(message)
    assert names() == ["text.txt", "tmp"]


def test_the_corpus_is_not_overwritten():
    message = error("train", "text.txt", "-o", "text.txt", "--overwrite", *TINY, code=2)
    assert message.startswith("--output must not be ")
    assert Path("text.txt").read_text() == TEXT


def test_no_resume_command_for_a_foreign_directory():
    Path("m.checkpoint").mkdir()
    Path("m.checkpoint/thesis.txt").touch()
    result = run("train", "text.txt", "-o", "m", *TINY)
    assert "exists and is not a checkpoint of w2v" in result.stderr
    assert "resume with" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["text.txt"], "CORPUS"),
        (["-o", "x"], "--output"),
        (["--vocab", "text.txt"], "--vocab"),
        (["--freeze-old"], "--freeze-old"),
        (["--overwrite", "--init", "x", "text.txt"], "CORPUS or --init"),
    ],
)
def test_resume_rejects_start_options(arguments, named):
    message = error("train", "--resume", "m", *arguments, code=2)
    assert message == f"--resume continues a previous run and cannot be combined with {named}"


def test_no_resume_command_if_resuming_would_fail(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_measure_loss", interrupted)
        assert (
            "resume with: w2v train --resume m" in run("train", "text.txt", "-o", "m", *TINY).stderr
        )
    resume = ("train", "--resume", "m")
    assert "resume with:" not in run(*resume, "--dim", "9").stderr  # another option
    with Checkpoint(Path("m.checkpoint"), None)._lock:  # another process
        assert "another process uses " in error(*resume)
    state = Path("m.checkpoint/state")
    data = bytearray(state.read_bytes())
    data[-1] ^= 1
    state.write_bytes(data)
    assert "wrong checksum" in error(*resume)


def test_the_default_of_a_flag_differs_from_its_opposite(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(trainer.Trainer, "_measure_loss", interrupted)
        run("train", "text.txt", "-o", "m", *TINY)
    result = run("train", "--resume", "m", "--no-lowercase")
    assert result.exit_code == 2
    assert (
        "it started with the default of --lowercase, got --no-lowercase; omit it" in result.stderr
    )


def test_a_rejected_job_leaves_no_log():
    assert error("train", "text.txt", "-o", "missing/m", "--log-json", "log", *TINY)
    assert not Path("log").exists()


@pytest.mark.parametrize("path", [".", "..", "../here"])
def test_the_current_directory_is_never_replaced(path, directory, monkeypatch):
    Path("here/below").mkdir(parents=True)
    ok("train", "text.txt", "-o", "here/m", *TINY)
    monkeypatch.chdir("here/m" if path == ".." else "here/below")
    target = {".": ".", "..": ".", "../here": "../../here/below"}[path]
    message = error("train", str(directory / "text.txt"), "-o", target, "--overwrite", *TINY)
    assert message == (f"{target} is the current directory or a parent of it; choose another name")


def test_the_log_for_tensorboard_is_continued_as_the_hint_says(monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(trainer.Trainer, "_measure_loss", interrupted)
        arguments = ["text.txt", "-o", "m", *TINY, "-q", "--tensorboard", "a log"]
        stderr = run("train", *arguments).stderr
    hint, _ = stderr.splitlines()
    assert hint == "resume with: w2v train --resume m --tensorboard 'a log'", stderr
    ok(*shlex.split(hint.removeprefix("resume with: w2v ")), "-q")
    assert "projector_config.pbtxt" in names("a log")
    message = error("train", "text.txt", "-o", "n", *TINY, "--tensorboard", "a log")
    assert message == (
        "a log holds the log of another training; choose another directory with --tensorboard, or "
        "replace it with --overwrite"
    )
