"""Checkpoints: saving, resuming, rejected files and cleaning up."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import w2v
from support import (
    JIT,
    KJV,
    ROOT,
    TINY,
    Killed,
    compiled_only,
    names,
    overflowing,
    raise_on,
    random_text,
)
from w2v import config
from w2v.config import Config
from w2v.corpus.encoded import EncodedText
from w2v.errors import (
    ConfigError,
    DiskFullError,
    DivergenceError,
    FormatError,
    InputError,
    OutputError,
    W2VError,
)
from w2v.events import EpochDone, Reading, Resumed, Training
from w2v.pipeline import checkpoint_files, run
from w2v.pipeline.checkpoint import Checkpoint, TrainingJob, _checksum, checkpoint_dir
from w2v.pipeline.run import TrainingRun
from w2v.system import lock
from w2v.training import plan, runner
from w2v.training.backends import hogwild
from w2v.training.model import new_matrices
from w2v.training.state import TrainingState

LINE_COUNT = 100 if JIT else 30
OPTIONS = TINY | {"epochs": 3}


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(random_text("abcdefghij", LINE_COUNT, seed=3))
    return path


@pytest.fixture(autouse=True)
def short_spans(monkeypatch):
    """Train in spans of 50 words and report progress after nearly every one."""
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(plan, "MIN_ROUND_POSITIONS", 10)
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.001)


@pytest.fixture
def whole(text, tmp_path):
    """The model of an uninterrupted training."""
    return w2v.train(text, output=tmp_path / "whole.w2v", **OPTIONS)


def interrupt(corpus, output, error=KeyboardInterrupt, *, epoch=2, kind=Training, **options):
    """Start a training and raise an error at the first event of a kind and epoch."""
    with pytest.raises(error):
        w2v.train(corpus, output=output, observer=raise_on(error, kind, epoch), **OPTIONS | options)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_resumed_training_equals_an_uninterrupted_one(error, text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output, error)
    assert names(tmp_path) == ["m.w2v.checkpoint", "text.txt", "whole.w2v"]
    assert names(tmp_path / "m.w2v.checkpoint") == [
        "corpus.json",
        "encoded",
        "job.json",
        "lock",
        "state",
    ]
    result = w2v.resume(output)
    assert result.matrix.tobytes() == whole.matrix.tobytes()
    assert w2v.load(output).matrix.tobytes() == whole.matrix.tobytes()
    assert (result.words, result.counts.tolist()) == (whole.words, whole.counts.tolist())
    same = ("config", "tokenizer", "training")
    assert [result.meta[name] for name in same] == [whole.meta[name] for name in same]
    losses = [[epoch["loss"] for epoch in model.meta["epochs"]] for model in (result, whole)]
    assert losses[0] == losses[1]
    assert names(tmp_path) == ["m.w2v", "text.txt", "whole.w2v"]


@pytest.mark.parametrize("lines", [1, 2])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_part_that_was_held_out_stays_so(lines, seed, tmp_path):
    text, output = tmp_path / "text.txt", tmp_path / "m.w2v"
    text.write_text("\n".join(["a b c d e a c e b d"] * lines))
    options = {"validation": 0.4, "seed": seed}
    whole = w2v.train(text, **OPTIONS | options)
    interrupt(text, output, **options)
    result = w2v.resume(output)
    assert result.matrix.tobytes() == whole.matrix.tobytes()
    assert result.meta["training"] == whole.meta["training"]
    assert result.meta["training"]["held_out_words"] == (4 if lines == 1 else 10)
    losses = [
        [epoch["validation_loss"] for epoch in model.meta["epochs"]] for model in (result, whole)
    ]
    assert losses[0] == losses[1]
    assert None not in losses[0]


@pytest.mark.parametrize("epoch", [1, 3])
def test_an_interrupt_between_epochs_saves_a_state(epoch, text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output, epoch=epoch, kind=EpochDone)
    checkpoint = Checkpoint(checkpoint_dir(output, None), None)
    checkpoint.prepare(len(whole), 8)
    state = checkpoint.restore(new_matrices(len(whole), Config(**OPTIONS)))
    checkpoint.close()
    assert (len(state.reports), state.step) == (epoch, 0)
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


@pytest.mark.parametrize("stage", [Training, EpochDone])
def test_resuming_within_an_epoch_is_reported(stage, text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output, kind=stage)
    events = []
    w2v.resume(output, observer=events.append)
    resumed = [event for event in events if isinstance(event, Resumed)]
    if stage is EpochDone:  # between epochs
        assert resumed == []
        return
    (event,) = resumed
    assert (event.epoch, event.epochs) == (2, 3)
    first = next(event for event in events if isinstance(event, Training))
    assert 0 <= event.share <= 1
    assert first.done_words >= first.total_words * (1 + event.share) / 3 - 1
    assert event is next(e for e in events if isinstance(e, (Resumed, Training)))


@pytest.mark.slow
@pytest.mark.parametrize("epoch", [1, 3])
def test_deterministic_training_resumes_with_any_number_of_threads(epoch, text, tmp_path):
    options = OPTIONS | {"deterministic": True}
    whole = w2v.train(text, output=tmp_path / "whole.w2v", **options)
    interrupt(text, tmp_path / "m.w2v", epoch=epoch, deterministic=True, threads=2)
    result = w2v.resume(tmp_path / "m.w2v", threads=3)
    assert result.matrix.tobytes() == whole.matrix.tobytes()


def test_a_training_can_be_interrupted_repeatedly(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output, epoch=1)
    for epoch in (1, 2, 3):
        with pytest.raises(KeyboardInterrupt):
            w2v.resume(output, observer=raise_on(KeyboardInterrupt, Training, epoch))
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_a_second_interrupt_does_not_save_an_unfinished_span(text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    train_span, shutdown = hogwild.train_span, ThreadPoolExecutor.shutdown
    seen = []

    def slow_train_span(*arguments):
        if seen:
            time.sleep(0.1)
        return train_span(*arguments)

    def interrupted_shutdown(pool, *arguments, **options):
        if seen[1:] == ["first"]:
            seen.append("second")
            raise KeyboardInterrupt
        shutdown(pool, *arguments, **options)

    def stop(event):
        if isinstance(event, EpochDone):
            seen.append("epoch")
        elif isinstance(event, Training) and seen:
            seen.append("first")
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hogwild, "train_span", slow_train_span)
        patch.setattr(ThreadPoolExecutor, "shutdown", interrupted_shutdown)
        with pytest.raises(KeyboardInterrupt):
            w2v.train(text, output=output, observer=stop, **OPTIONS)
    result = w2v.resume(output)
    assert seen == ["epoch", "first", "second"]
    assert result.matrix.tobytes() == whole.matrix.tobytes()
    assert [epoch["pairs"] for epoch in result.meta["epochs"]] == [
        epoch["pairs"] for epoch in whole.meta["epochs"]
    ]


def test_a_killed_training_resumes_from_the_last_checkpoint(text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    interrupt(text, output, Killed, kind=EpochDone, checkpoint_every=1e-9)
    monkeypatch.undo()
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    assert (tmp_path / "m.w2v.checkpoint" / "state").exists()
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_an_incompletely_read_corpus_is_read_again(text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    interrupt(text, output, Killed, kind=Reading)
    assert names(tmp_path / "m.w2v.checkpoint") == ["encoded", "job.json", "lock"]
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt", "whole.w2v"]


def test_a_training_on_an_iterator_resumes_after_reading(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(iter(text.read_text().splitlines()), output)
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_a_training_on_an_iterator_cannot_resume_while_reading(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    interrupt(iter(text.read_text().splitlines()), output, Killed, kind=Reading)
    with pytest.raises(InputError, match="cannot be read again; start over with `overwrite=True`"):
        w2v.resume(output)
    w2v.train(text, output=output, overwrite=True, **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_corpus_is_saved_before_training_begins(error, text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"

    def stop(*_):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(TrainingRun, "train", stop)
        with pytest.raises(error):
            w2v.train(iter(text.read_text().splitlines()), output=output, **OPTIONS)
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_a_training_resumes_after_saving_the_model_failed(text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"

    def full(*_, **__):
        raise OutputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(run.TrainingRun, "save", full)
        with pytest.raises(OutputError, match="the disk is full"):
            w2v.train(text, output=output, **OPTIONS)
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_an_interrupt_while_reading_leaves_no_checkpoint(text, tmp_path):
    interrupt(text, tmp_path / "m.w2v", kind=Reading)
    assert names(tmp_path) == ["text.txt"]


def test_checkpoints_can_be_disabled(text, tmp_path):
    interrupt(text, tmp_path / "m.w2v", checkpoint_every=0)
    assert names(tmp_path) == ["text.txt"]


@overflowing
def test_a_diverged_training_leaves_no_checkpoint(text, tmp_path):
    with pytest.raises(DivergenceError):
        w2v.train(text, output=tmp_path / "m.w2v", checkpoint_every=1e-9, **OPTIONS | {"lr": 1e9})
    assert names(tmp_path) == ["text.txt"]


def test_resuming_accepts_another_number_of_threads(text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output, threads=2)
    result = w2v.resume(output, threads=3)
    assert result.meta["config"]["threads"] == 3
    pairs = {report["pairs"] for report in result.meta["epochs"]}
    assert len(pairs) == 1  # without subsampling, every epoch has each pair once


def test_the_given_vocabulary_is_saved(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    options = OPTIONS | {"vocab": ["j", "a", "zebra"], "train_unk": True, "lr": 0.01}
    interrupt(text, output, Killed, kind=Reading, **options)
    result = w2v.resume(output)
    assert result.words == ["j", "a", "zebra"]
    same = w2v.train(text, **options)
    assert result.matrix.tobytes() == same.matrix.tobytes()
    assert result.unknown.tobytes() == same.unknown.tobytes()


def test_the_old_model_remains_until_the_new_one_is_complete(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    w2v.train(text, output=output, **OPTIONS | {"seed": 5})
    before = (output / "embeddings.npy").read_bytes()
    interrupt(text, output, overwrite=True)
    assert (output / "embeddings.npy").read_bytes() == before
    w2v.resume(output)
    assert w2v.load(output).matrix.tobytes() == whole.matrix.tobytes()


def test_a_model_created_meanwhile_is_not_replaced(text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    w2v.Embeddings(["other"], [[1.0]]).save(output)
    with pytest.raises(OutputError, match="exists already"):
        w2v.resume(output)
    assert w2v.load(output).words == ["other"]


def test_resuming_after_the_model_was_saved_only_removes_the_checkpoint(
    text, tmp_path, monkeypatch
):
    output = tmp_path / "m.w2v"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", Checkpoint.close)
        model = w2v.train(text, output=output, **OPTIONS)
    monkeypatch.setattr(run, "train_model", None)  # must not be called
    assert w2v.resume(output).matrix.tobytes() == model.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt"]


def test_a_finished_training_does_not_require_its_corpus(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", Checkpoint.close)
        w2v.train(text, output=output, **OPTIONS)
    text.write_text("something else\n")
    w2v.resume(output)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


@pytest.mark.parametrize("call", range(4))
@pytest.mark.parametrize("finished", [True, False])
def test_a_killed_removal_is_recovered(call, finished, text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    with monkeypatch.context() as patch:
        if finished:
            patch.setattr(Checkpoint, "remove", Checkpoint.close)
            w2v.train(text, output=output, **OPTIONS)
        else:
            interrupt(text, output)
    checkpoint = Checkpoint(checkpoint_dir(output, None), None)
    calls = []

    def kill_after(remove):
        def remove_or_raise(*arguments, **options):
            calls.append(remove)
            if len(calls) > call:
                raise Killed
            remove(*arguments, **options)

        return remove_or_raise

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", kill_after(Path.unlink))
        patch.setattr(shutil, "rmtree", kill_after(shutil.rmtree))
        with pytest.raises(Killed):
            checkpoint.remove()
    checkpoint.close()
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt", "whole.w2v"]


def test_a_checkpoint_without_a_job_is_removed(tmp_path):
    directory = tmp_path / "m.w2v.checkpoint"
    directory.mkdir()
    (directory / "lock").touch()
    with pytest.raises(InputError, match="there is no unfinished training"):
        w2v.resume(tmp_path / "m.w2v")
    assert names(tmp_path) == []


def test_resume_leaves_foreign_directories_alone(tmp_path):
    directory = tmp_path / "m.w2v.checkpoint"
    directory.mkdir()
    (directory / "thesis.txt").touch()
    with pytest.raises(InputError, match="there is no unfinished training"):
        w2v.resume(tmp_path / "m.w2v")
    assert names(directory) == ["thesis.txt"]


def test_train_finds_a_model_left_under_its_temporary_name(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    w2v.train(text, output=output, **OPTIONS)
    output.rename(tmp_path / ".m.w2v.old")  # and the checkpoint was removed by hand
    monkeypatch.setattr(run, "train_model", None)  # must not be called
    with pytest.raises(OutputError, match="exists already"):
        w2v.train(text, output=output, **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


@pytest.mark.parametrize(
    "leftovers", [[".m.w2v.old"], [".m.w2v.old", ".m.w2v.new"], [".m.w2v.new"]]
)
def test_a_killed_replacement_is_recovered(leftovers, text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    w2v.train(text, output=output, **OPTIONS | {"seed": 5})
    interrupt(text, output, overwrite=True)
    if ".m.w2v.old" in leftovers:
        output.rename(tmp_path / ".m.w2v.old")
    if ".m.w2v.new" in leftovers:
        (tmp_path / ".m.w2v.new").mkdir()
        (tmp_path / ".m.w2v.new" / "embeddings.npy").write_bytes(b"half")
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt", "whole.w2v"]


# Invalid requests


def test_resume_requires_a_training(tmp_path):
    with pytest.raises(
        InputError, match=r"no unfinished training of .*m\.w2v: .*m\.w2v\.checkpoint does not exist"
    ):
        w2v.resume(tmp_path / "m.w2v")


def test_resume_reports_a_finished_model(text, tmp_path):
    output = tmp_path / "m.w2v"
    w2v.train(text, output=output, **OPTIONS)
    with pytest.raises(InputError, match=r"of .*m\.w2v: the model was finished after epoch 3"):
        w2v.resume(output)


def test_resume_rejects_other_options(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    with pytest.raises(ConfigError, match="started with `dim=8`, got `dim=9`; omit"):
        w2v.resume(output, dim=9)
    with pytest.raises(ConfigError, match="unknown option 'dims'"):
        w2v.resume(output, dims=9)
    assert w2v.resume(output, dim=8, lr=0.05).matrix.tobytes() == whole.matrix.tobytes()


def test_resume_rejects_a_changed_corpus(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    before = text.stat()
    with text.open("a") as file:
        file.write("more\n")
    expected = rf"text\.txt has changed .* had {before.st_size:,} bytes and now has "
    with pytest.raises(InputError, match=expected):
        w2v.resume(output)
    text.unlink()
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_an_unfinished_training_is_discarded_only_with_overwrite(text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    with pytest.raises(
        OutputError, match=r"holds an unfinished training; continue it with `resume`, or discard it"
    ):
        w2v.train(text, output=output, **OPTIONS)
    w2v.train(text, output=output, overwrite=True, **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


def test_checkpoint_with_a_temporary_directory_is_replaced(text, tmp_path):
    """Earlier versions left one there when they were killed while compiling."""
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    (tmp_path / "m.w2v.checkpoint" / "w2v-temporary").mkdir()
    w2v.train(text, output=output, overwrite=True, **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


def test_train_leaves_foreign_directories_alone(text, tmp_path):
    for make in (Path.mkdir, Path.write_text):
        directory = tmp_path / "m.w2v.checkpoint"
        make(directory, *([] if make is Path.mkdir else ["mine"]))
        if directory.is_dir():
            (directory / "thesis.txt").write_text("mine")
        with pytest.raises(OutputError, match="exists and is not a checkpoint of w2v; move it"):
            w2v.train(text, output=tmp_path / "m.w2v", overwrite=True, **OPTIONS)
        if directory.is_dir():
            assert (directory / "thesis.txt").read_text() == "mine"
            (directory / "thesis.txt").unlink()
            directory.rmdir()


def test_two_processes_cannot_train_the_same_model(text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    locked = Checkpoint(checkpoint_dir(output, None), None)
    for call in (
        lambda: w2v.resume(output),
        lambda: w2v.train(text, output=output, overwrite=True, **OPTIONS),
    ):
        with pytest.raises(OutputError, match=r"uses .*m\.w2v\.checkpoint; wait until"):
            call()
    locked.close()
    w2v.resume(output)


def test_a_removed_lock_file_is_not_a_lock(text, tmp_path, monkeypatch):
    directory = tmp_path / "m.w2v.checkpoint"
    directory.mkdir()
    flock = lock.fcntl.flock

    def unlink_and_lock(file, operation):
        (directory / "lock").unlink()  # as a process does that held the lock and has finished
        flock(file, operation)

    monkeypatch.setattr(lock.fcntl, "flock", unlink_and_lock)
    with pytest.raises(OutputError, match="another process uses"):
        Checkpoint(directory, None)


def test_file_systems_without_locks_are_supported(text, tmp_path, monkeypatch):
    def unsupported(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", unsupported)
    w2v.train(text, output=tmp_path / "m.w2v", **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


def test_models_of_the_same_name_can_share_a_work_dir(text, whole, tmp_path):
    for name in ("en", "de", "work"):
        (tmp_path / name).mkdir()
    work_dir = tmp_path / "work"
    interrupt(text, tmp_path / "en" / "m", work_dir=work_dir)
    with pytest.raises(InputError, match="there is no unfinished training"):
        w2v.resume(tmp_path / "de" / "m", work_dir=work_dir)
    w2v.train([["x", "y"]] * 9, output=tmp_path / "de" / "m", work_dir=work_dir, **OPTIONS)
    result = w2v.resume(tmp_path / "en" / "m", work_dir=work_dir)
    assert result.matrix.tobytes() == whole.matrix.tobytes()
    assert names(work_dir) == []


def test_checkpoints_are_saved_beside_the_model_by_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = tmp_path / "m.checkpoint"
    assert checkpoint_dir(Path("m"), ".") == checkpoint_dir(Path("m"), None) == expected


def test_a_directory_that_cannot_be_created_is_reported(text, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", lambda *_: (_ for _ in ()).throw(OSError(13, "denied")))
    with pytest.raises(OutputError, match=r"cannot create .*m\.w2v\.checkpoint: denied"):
        Checkpoint.create(
            tmp_path / "m.w2v.checkpoint", TrainingJob(None, None, Config(), False), None
        )


@pytest.mark.parametrize("name", ["job.json", "corpus.json"])
def test_a_failure_to_write_the_job_is_reported(name, text, tmp_path, monkeypatch):
    replace = checkpoint_files._replace

    def full(path, parts):
        if path.name == name:
            raise OSError(28, "No space left on device")
        replace(path, parts)

    monkeypatch.setattr(checkpoint_files, "_replace", full)
    expected = rf"cannot write .*{name}: the disk is full.*: [\d,]+ bytes are needed.*; free some"
    with pytest.raises(OutputError, match=expected):
        w2v.train(text, output=tmp_path / "m.w2v", **OPTIONS)
    assert names(tmp_path) == ["text.txt"]


def test_a_failure_to_write_the_state_is_reported(text, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_files, "_replace", full)
    checkpoint = object.__new__(Checkpoint)
    checkpoint.directory, checkpoint._every = tmp_path, 1.0
    checkpoint._words, checkpoint._dim = 10**6, 10
    (tmp_path / "state").touch()
    with pytest.raises(
        DiskFullError,
        match=r"cannot save the checkpoint .*: the disk is full, .*: 80\.0 MB are needed",
    ):
        checkpoint.save(None, TrainingState())


# Damaged checkpoints


def load_error(directory) -> W2VError | None:
    """Load a whole checkpoint; return the error that this raises, if any."""
    checkpoint = Checkpoint(directory, None)
    try:
        assert checkpoint.load_job().config.dim >= 1
        corpus = checkpoint.load_corpus()
        checkpoint.prepare(len(corpus.vocabulary), 8)
        checkpoint.restore(new_matrices(len(corpus.vocabulary), Config(**OPTIONS)))
    except W2VError as error:
        return error
    finally:
        checkpoint.close()
    return None


@pytest.mark.parametrize("name", ["job.json", "corpus.json", "state", "encoded/text"])
def test_damage_is_detected(name, text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    path = tmp_path / "m.w2v.checkpoint" / name
    intact = path.read_bytes()
    draw = random.Random(7)
    for i in range(150):
        data = bytearray(intact)
        if i % 3 == 0:
            del data[draw.randrange(len(data)) :]
        else:
            data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
        path.write_bytes(data)
        error = load_error(tmp_path / "m.w2v.checkpoint")
        if error is None:  # the same JSON value can be written in several ways
            assert json.loads(data) == json.loads(intact)
        else:
            assert isinstance(error, (FormatError, ConfigError, InputError))
            assert "\n" not in str(error)
    path.write_bytes(intact)
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"key": None, "files": [["a"]]},
            r"job\.json is damaged \(files\[0\]: expected Fingerprint, got \[.a.\]\)",
        ),
        ({"config": {"dim": 0}}, "dim must be"),
    ],
)
def test_an_invalid_job_is_rejected(change, message, text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    change_json(tmp_path / "m.w2v.checkpoint" / "job.json", change)
    with pytest.raises((FormatError, ConfigError), match=message):
        w2v.resume(output)
    assert (tmp_path / "m.w2v.checkpoint" / "state").exists()


def change_json(path, change):
    """Change a JSON file and update its checksum."""
    entry = checkpoint_files._read_json(path) | change
    del entry["format_version"], entry["checksum"]
    checkpoint_files.write_sealed(path, entry, "")


@pytest.mark.parametrize("name", ["job.json", "corpus.json"])
def test_files_of_another_version_are_rejected(name, text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    path = tmp_path / "m.w2v.checkpoint" / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with pytest.raises(FormatError, match=f"{name} was written by another version of w2v"):
        w2v.resume(output)
    assert (tmp_path / "m.w2v.checkpoint" / "state").exists()


@pytest.mark.parametrize(
    ("deterministic", "constant"), [(False, "MAX_SPAN_POSITIONS"), (True, "_SHARDS")]
)
def test_a_state_with_another_number_of_steps_is_rejected(
    deterministic, constant, text, tmp_path, monkeypatch
):
    output = tmp_path / "m.w2v"
    interrupt(text, output, deterministic=deterministic)
    module = config if constant == "_SHARDS" else plan
    monkeypatch.setattr(module, constant, 37)
    with pytest.raises(
        FormatError, match=r"saved at step .* this version of w2v divides the epoch into"
    ):
        w2v.resume(output)
    assert (tmp_path / "m.w2v.checkpoint" / "state").exists()


def test_ids_outside_the_vocabulary_are_rejected(text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    path = tmp_path / "m.w2v.checkpoint" / "encoded" / "text"
    ids = np.fromfile(path, np.uint16)
    ids[5] = 10
    ids.tofile(path)
    with pytest.raises(FormatError, match=r"encoded is damaged \(wrong checksum\)"):
        w2v.resume(output)
    texts = [path, path.with_name("held-out")]
    checksums = [_checksum(EncodedText.open(name, np.uint16, 1, 1)) for name in texts]
    change_json(tmp_path / "m.w2v.checkpoint" / "corpus.json", {"checksums": checksums})
    with pytest.raises(FormatError, match=r"encoded is damaged \(an id above 9\)"):
        w2v.resume(output)


@pytest.mark.parametrize("name", ["job.json", "corpus.json", "state"])
def test_endless_files_are_rejected(name, text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    path = tmp_path / "m.w2v.checkpoint" / name
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(FormatError, match=f"{name} is damaged"):
        w2v.resume(output)


def test_a_state_with_trailing_bytes_is_rejected(text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    with (tmp_path / "m.w2v.checkpoint" / "state").open("ab") as file:
        file.write(b"more")
    with pytest.raises(FormatError, match=r"state is damaged \(wrong checksum\)"):
        w2v.resume(output)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "truncated"),
        (lambda path: path.unlink(), "No such file or directory"),
    ],
)
def test_encoded_text_that_cannot_be_opened_is_reported(change, reason, text, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    path = tmp_path / "m.w2v.checkpoint" / "encoded" / "text"
    change(path)
    with pytest.raises(FormatError) as raised:
        w2v.resume(output)
    assert str(raised.value) == f"{path} is damaged ({reason}); start over with `overwrite=True`"


def test_a_model_created_meanwhile_is_replaced_with_overwrite(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    interrupt(text, output)
    shutil.copytree(tmp_path / "whole.w2v", output)
    (output / "vocab.txt").write_text("another\n")
    with pytest.raises(OutputError, match="exists already; choose another name, or replace it"):
        w2v.resume(output)
    result = w2v.resume(output, overwrite=True)
    assert result.matrix.tobytes() == w2v.load(output).matrix.tobytes() == whole.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt", "whole.w2v"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_resumed_training_can_be_resumed_again(error, text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    with monkeypatch.context() as patch:  # killed while reading the corpus
        patch.setattr(Checkpoint, "remove", lambda self: self.close())
        with pytest.raises(Killed):
            w2v.train(text, output=output, observer=raise_on(Killed, Reading), **OPTIONS)
    with pytest.raises(error):
        w2v.resume(output, observer=raise_on(error, Reading))
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_saved_files_and_their_names_are_synced(text, tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def record_fsync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    output = tmp_path / "m.w2v"
    monkeypatch.setattr(os, "fsync", record_fsync)
    interrupt(text, output)
    directory = tmp_path / "m.w2v.checkpoint"
    inodes = {path.name: path.stat().st_ino for path in [*directory.rglob("*"), directory]}
    del inodes["lock"]
    assert set(inodes.values()) <= set(synced)
    state = synced.index(inodes["state"])
    assert inodes[directory.name] in synced[state + 1 :]
    for name in ("text", "held-out", "encoded", "corpus.json"):
        assert inodes[name] in synced[:state]


# Overhead


def test_saving_takes_at_most_two_percent_of_the_time(monkeypatch, tmp_path):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def take_ten_seconds(*_):
        now[0] += 10

    monkeypatch.setattr(checkpoint_files, "_replace", take_ten_seconds)
    checkpoint = Checkpoint(tmp_path, 60.0)
    (tmp_path / "state").touch()
    checkpoint.prepare(1, 1)
    now[0] += 59
    assert not checkpoint.should_save()
    now[0] += 1
    assert checkpoint.should_save()
    checkpoint.save(None, TrainingState())
    now[0] += 499
    assert not checkpoint.should_save()
    now[0] += 2
    assert checkpoint.should_save()
    checkpoint.close()


def test_the_first_save_of_a_large_model_is_delayed(monkeypatch, tmp_path):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path, 60.0)
    checkpoint.prepare(1_000_000, 300)  # saving 2.4 GB takes twelve seconds
    now[0] += 599
    assert not checkpoint.should_save()
    now[0] += 2
    assert checkpoint.should_save()
    checkpoint.close()


@pytest.mark.slow
@compiled_only
@pytest.mark.parametrize("kills", [12, pytest.param(50, marks=pytest.mark.exhaustive)])
def test_trainings_killed_at_random_moments_can_be_resumed(kills, tmp_path):
    corpus = tmp_path / "text.txt"
    corpus.write_text("".join(KJV.read_text().splitlines(keepends=True)[:8000]))
    (tmp_path / "runs").mkdir()
    seed = time.time_ns() % 1_000_000
    command = [sys.executable, ROOT / "tests" / "guarantees" / "kill_and_resume.py", corpus]
    command += [tmp_path / "runs", str(kills), str(seed)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert result.returncode == 0, result.stderr
    report = json.loads(result.stdout)
    assert report["failures"] == [], f"seed {seed}"
    assert sum(report["reached"].values()) == kills
    assert report["reached"]["reading"] + report["reached"]["training"] >= kills // 10, report
