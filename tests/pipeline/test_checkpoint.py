"""Checkpoints: what they save, what `resume` accepts, and what is left afterwards."""

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
from support import JIT, KJV, ROOT
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
from w2v.pipeline import checkpoint, checkpoint_files, run
from w2v.pipeline.checkpoint import Checkpoint, TrainingJob, checkpoint_dir
from w2v.pipeline.run import TrainingRun
from w2v.system import lock
from w2v.training import plan, runner
from w2v.training.backends import hogwild
from w2v.training.model import new_matrices
from w2v.training.state import TrainingState

compiled_only = pytest.mark.skipif(not JIT, reason="takes too long without the compiler")
LINES = 100 if JIT else 30
OPTIONS = {"dim": 8, "epochs": 3, "threads": 1, "min_count": 1, "sample": 0}


class Stop(BaseException):
    """Simulates a kill: the training does not save a state because of it."""


@pytest.fixture
def text(tmp_path):
    draw = random.Random(3)
    lines = (" ".join(draw.choices("abcdefghij", k=draw.randint(2, 9))) for _ in range(LINES))
    path = tmp_path / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def short_spans(monkeypatch):
    """Spans of 50 words, and a look at the clock after nearly each."""
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    monkeypatch.setattr(plan, "MIN_ROUND_POSITIONS", 10)
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.001)


@pytest.fixture
def whole(text, tmp_path):
    """What a training gives that is not stopped."""
    return w2v.train(text, output=tmp_path / "whole.w2v", **OPTIONS)


def stopped(corpus, output, error=KeyboardInterrupt, *, epoch=2, stage=Training, **options):
    """Train, and stop at the first report of an epoch."""

    def stop(event):
        if isinstance(event, stage) and getattr(event, "epoch", epoch) == epoch:
            raise error

    with pytest.raises(error):
        w2v.train(corpus, output=output, observer=stop, **(OPTIONS | options))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_resumed_training_equals_an_uninterrupted_one(error, text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output, error)
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


@pytest.mark.parametrize("epoch", [1, 3])
def test_an_interrupt_between_epochs_saves_a_state(epoch, text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output, epoch=epoch, stage=EpochDone)
    kept = Checkpoint(checkpoint_dir(output, None), None)
    kept.prepare(len(whole), 8)
    state = kept.restore(new_matrices(len(whole), Config(**OPTIONS)))
    kept.close()
    assert (len(state.reports), state.step) == (epoch, 0)
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


@pytest.mark.parametrize("stage", [Training, EpochDone])
def test_resuming_within_an_epoch_is_reported(stage, text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output, stage=stage)
    told = []
    w2v.resume(output, observer=told.append)
    resumed = [event for event in told if isinstance(event, Resumed)]
    if stage is EpochDone:  # between epochs
        assert resumed == []
        return
    (event,) = resumed
    assert (event.epoch, event.epochs) == (2, 3)
    first = next(event for event in told if isinstance(event, Training))
    assert 0 <= event.share <= 1
    assert first.done_words >= first.total_words * (1 + event.share) / 3 - 1
    places = [i for i, event in enumerate(told) if isinstance(event, (Resumed, Training))]
    assert told[places[0]] is event


@pytest.mark.parametrize("epoch", [1, 3])
def test_deterministic_training_resumes_with_any_number_of_threads(epoch, text, tmp_path):
    options = OPTIONS | {"deterministic": True}
    whole = w2v.train(text, output=tmp_path / "whole.w2v", **options)
    stopped(text, tmp_path / "m.w2v", epoch=epoch, deterministic=True, threads=2)
    result = w2v.resume(tmp_path / "m.w2v", threads=3)
    assert result.matrix.tobytes() == whole.matrix.tobytes()


def test_a_training_can_be_interrupted_repeatedly(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output, epoch=1)
    for epoch in (1, 2, 3):

        def stop(event, epoch=epoch):
            if isinstance(event, Training) and event.epoch == epoch:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            w2v.resume(output, observer=stop)
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_a_second_interrupt_does_not_save_an_unfinished_span(text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    train_span, shutdown = hogwild.train_span, ThreadPoolExecutor.shutdown
    seen = []

    def slow(*arguments):
        if seen:
            time.sleep(0.1)
        return train_span(*arguments)

    def interrupted(pool, *arguments, **more):
        if seen[1:] == ["first"]:
            seen.append("second")
            raise KeyboardInterrupt
        shutdown(pool, *arguments, **more)

    def stop(event):
        if isinstance(event, EpochDone):
            seen.append("epoch")
        elif isinstance(event, Training) and seen:
            seen.append("first")
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(hogwild, "train_span", slow)
        patch.setattr(ThreadPoolExecutor, "shutdown", interrupted)
        with pytest.raises(KeyboardInterrupt):
            w2v.train(text, output=output, observer=stop, **OPTIONS)
    result = w2v.resume(output)
    assert seen == ["epoch", "first", "second"]
    assert result.matrix.tobytes() == whole.matrix.tobytes()
    assert [epoch["pairs"] for epoch in result.meta["epochs"]] == [
        epoch["pairs"] for epoch in whole.meta["epochs"]
    ]


def test_a_killed_training_resumes_from_the_last_state(text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    stopped(text, output, Stop, stage=EpochDone, checkpoint_every=1e-9)
    monkeypatch.undo()
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", 50)
    assert (tmp_path / "m.w2v.checkpoint" / "state").exists()
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_an_incompletely_read_corpus_is_read_again(text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    stopped(text, output, Stop, stage=Reading)
    assert names(tmp_path / "m.w2v.checkpoint") == ["encoded", "job.json", "lock"]
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt", "whole.w2v"]


def test_a_training_on_an_iterator_resumes_after_reading(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(iter(text.read_text().splitlines()), output)
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def test_a_training_on_an_iterator_cannot_resume_while_reading(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    stopped(iter(text.read_text().splitlines()), output, Stop, stage=Reading)
    with pytest.raises(InputError, match="cannot be read again; start over with `overwrite=True`"):
        w2v.resume(output)
    w2v.train(text, output=output, overwrite=True, **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_the_corpus_is_saved_before_training_begins(
    error, text, whole, tmp_path, monkeypatch
):
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
    stopped(text, tmp_path / "m.w2v", stage=Reading)
    assert names(tmp_path) == ["text.txt"]


def test_checkpoints_can_be_disabled(text, tmp_path):
    stopped(text, tmp_path / "m.w2v", checkpoint_every=0)
    assert names(tmp_path) == ["text.txt"]


@pytest.mark.filterwarnings("ignore:(overflow|invalid value):RuntimeWarning")  # no compiler
def test_a_diverged_training_leaves_no_checkpoint(text, tmp_path):
    with pytest.raises(DivergenceError):
        w2v.train(text, output=tmp_path / "m.w2v", checkpoint_every=1e-9, **OPTIONS | {"lr": 1e9})
    assert names(tmp_path) == ["text.txt"]


def test_resuming_accepts_another_number_of_threads(text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output, threads=2)
    result = w2v.resume(output, threads=3)
    assert result.meta["config"]["threads"] == 3
    pairs = {report["pairs"] for report in result.meta["epochs"]}
    assert len(pairs) == 1  # without subsampling every epoch has all pairs, each once


def test_the_given_vocabulary_is_saved(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    monkeypatch.setattr(Checkpoint, "is_resumable_after", lambda *_: True)
    options = OPTIONS | {"vocab": ["j", "a", "zebra"], "train_unk": True, "lr": 0.01}
    stopped(text, output, Stop, stage=Reading, **options)
    result = w2v.resume(output)
    assert result.words == ["j", "a", "zebra"]
    same = w2v.train(text, **options)
    assert result.matrix.tobytes() == same.matrix.tobytes()
    assert result.unknown.tobytes() == same.unknown.tobytes()


def test_an_old_model_stays_until_the_new_one_is_whole(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    w2v.train(text, output=output, **OPTIONS | {"seed": 5})
    before = (output / "embeddings.npy").read_bytes()
    stopped(text, output, overwrite=True)
    assert (output / "embeddings.npy").read_bytes() == before
    w2v.resume(output)
    assert w2v.load(output).matrix.tobytes() == whole.matrix.tobytes()


def test_a_model_that_appeared_meanwhile_is_not_replaced(text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
    w2v.Embeddings(["other"], [[1.0]]).save(output)
    with pytest.raises(OutputError, match="exists already"):
        w2v.resume(output)
    assert w2v.load(output).words == ["other"]


def test_a_job_whose_model_is_written_is_done(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", Checkpoint.close)
        model = w2v.train(text, output=output, **OPTIONS)
    monkeypatch.setattr(run, "train_model", None)  # which is not called
    assert w2v.resume(output).matrix.tobytes() == model.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt"]


def test_a_job_that_is_done_misses_no_corpus(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "remove", Checkpoint.close)
        w2v.train(text, output=output, **OPTIONS)
    text.write_text("something else\n")
    w2v.resume(output)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


@pytest.mark.parametrize("call", range(4))
@pytest.mark.parametrize("done", [True, False])
def test_a_killed_removal_is_recovered(call, done, text, whole, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    with monkeypatch.context() as patch:
        if done:
            patch.setattr(Checkpoint, "remove", Checkpoint.close)
            w2v.train(text, output=output, **OPTIONS)
        else:
            stopped(text, output)
    kept = Checkpoint(checkpoint_dir(output, None), None)
    calls = []

    def killing(work):
        def killed(*arguments, **options):
            calls.append(work)
            if len(calls) > call:
                raise Stop
            work(*arguments, **options)

        return killed

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killing(Path.unlink))
        patch.setattr(shutil, "rmtree", killing(shutil.rmtree))
        with pytest.raises(Stop):
            kept.remove()
    kept.close()
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt", "whole.w2v"]


def test_a_checkpoint_without_a_job_is_removed(tmp_path):
    place = tmp_path / "m.w2v.checkpoint"
    place.mkdir()
    (place / "lock").touch()
    with pytest.raises(InputError, match="there is no unfinished training"):
        w2v.resume(tmp_path / "m.w2v")
    assert names(tmp_path) == []


def test_resume_leaves_foreign_directories_alone(tmp_path):
    place = tmp_path / "m.w2v.checkpoint"
    place.mkdir()
    (place / "thesis.txt").touch()
    with pytest.raises(InputError, match="there is no unfinished training"):
        w2v.resume(tmp_path / "m.w2v")
    assert names(place) == ["thesis.txt"]


def test_an_old_model_that_a_kill_left_aside_is_found_before_the_work(text, tmp_path, monkeypatch):
    output = tmp_path / "m.w2v"
    w2v.train(text, output=output, **OPTIONS)
    output.rename(tmp_path / ".m.w2v.old")  # and somebody removed the checkpoint
    monkeypatch.setattr(run, "train_model", None)  # which is not called
    with pytest.raises(OutputError, match="exists already"):
        w2v.train(text, output=output, **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


@pytest.mark.parametrize("there", [[".m.w2v.old"], [".m.w2v.old", ".m.w2v.new"], [".m.w2v.new"]])
def test_a_killed_replacement_is_recovered(there, text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    w2v.train(text, output=output, **OPTIONS | {"seed": 5})
    stopped(text, output, overwrite=True)
    if ".m.w2v.old" in there:
        output.rename(tmp_path / ".m.w2v.old")
    if ".m.w2v.new" in there:
        (tmp_path / ".m.w2v.new").mkdir()
        (tmp_path / ".m.w2v.new" / "embeddings.npy").write_bytes(b"half")
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()
    assert names(tmp_path) == ["m.w2v", "text.txt", "whole.w2v"]


# What is refused.


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
    stopped(text, output)
    with pytest.raises(ConfigError, match="started with `dim=8`, got `dim=9`; omit"):
        w2v.resume(output, dim=9)
    with pytest.raises(ConfigError, match="unknown option 'dims'"):
        w2v.resume(output, dims=9)
    assert w2v.resume(output, dim=8, lr=0.05).matrix.tobytes() == whole.matrix.tobytes()


def test_resume_rejects_a_changed_corpus(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
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
    stopped(text, output)
    with pytest.raises(
        OutputError, match=r"holds an unfinished training; continue it with `resume`, or discard it"
    ):
        w2v.train(text, output=output, **OPTIONS)
    w2v.train(text, output=output, overwrite=True, **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


def test_checkpoint_with_a_temporary_directory_is_replaced(text, tmp_path):
    """Earlier versions left one there when they were killed while compiling."""
    output = tmp_path / "m.w2v"
    stopped(text, output)
    (tmp_path / "m.w2v.checkpoint" / "w2v-temporary").mkdir()
    w2v.train(text, output=output, overwrite=True, **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


def test_train_leaves_foreign_directories_alone(text, tmp_path):
    for make in (Path.mkdir, Path.write_text):
        place = tmp_path / "m.w2v.checkpoint"
        make(place, *([] if make is Path.mkdir else ["mine"]))
        if place.is_dir():
            (place / "thesis.txt").write_text("mine")
        with pytest.raises(OutputError, match="exists and is not a checkpoint of w2v; move it"):
            w2v.train(text, output=tmp_path / "m.w2v", overwrite=True, **OPTIONS)
        if place.is_dir():
            assert (place / "thesis.txt").read_text() == "mine"
            (place / "thesis.txt").unlink()
            place.rmdir()


def test_two_processes_do_not_work_on_one_model(text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
    held = Checkpoint(checkpoint_dir(output, None), None)
    for work in (
        lambda: w2v.resume(output),
        lambda: w2v.train(text, output=output, overwrite=True, **OPTIONS),
    ):
        with pytest.raises(OutputError, match=r"uses .*m\.w2v\.checkpoint; wait until"):
            work()
    held.close()
    w2v.resume(output)


def test_a_removed_lock_file_is_not_a_lock(text, tmp_path, monkeypatch):
    folder = tmp_path / "m.w2v.checkpoint"
    folder.mkdir()
    flock = lock.fcntl.flock

    def slow(file, operation):
        (folder / "lock").unlink()  # by a process that held it until now and was done
        flock(file, operation)

    monkeypatch.setattr(lock.fcntl, "flock", slow)
    with pytest.raises(OutputError, match="another process uses"):
        Checkpoint(folder, None)


def test_file_systems_without_locks_are_supported(text, tmp_path, monkeypatch):
    def unknown(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(lock.fcntl, "flock", unknown)
    w2v.train(text, output=tmp_path / "m.w2v", **OPTIONS)
    assert names(tmp_path) == ["m.w2v", "text.txt"]


def test_models_of_the_same_name_can_share_a_work_dir(text, whole, tmp_path):
    for name in ("en", "de", "work"):
        (tmp_path / name).mkdir()
    work_dir = tmp_path / "work"
    stopped(text, tmp_path / "en" / "m", work_dir=work_dir)
    with pytest.raises(InputError, match="there is no unfinished training"):
        w2v.resume(tmp_path / "de" / "m", work_dir=work_dir)
    w2v.train([["x", "y"]] * 9, output=tmp_path / "de" / "m", work_dir=work_dir, **OPTIONS)
    result = w2v.resume(tmp_path / "en" / "m", work_dir=work_dir)
    assert result.matrix.tobytes() == whole.matrix.tobytes()
    assert names(work_dir) == []


def test_a_work_dir_beside_the_model_is_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    expected = tmp_path / "m.checkpoint"
    assert checkpoint_dir(Path("m"), ".") == checkpoint_dir(Path("m"), None) == expected


def test_a_folder_that_cannot_be_made_is_named(text, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "mkdir", lambda *_: (_ for _ in ()).throw(OSError(13, "denied")))
    with pytest.raises(OutputError, match=r"cannot create .*m\.w2v\.checkpoint: denied"):
        Checkpoint.create(
            tmp_path / "m.w2v.checkpoint", TrainingJob(None, None, Config(), False), None
        )


@pytest.mark.parametrize("name", ["job.json", "corpus.json"])
def test_a_job_that_cannot_be_written_is_explained(name, text, tmp_path, monkeypatch):
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


def test_a_state_that_cannot_be_written_is_explained(text, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint_files, "_replace", full)
    kept = object.__new__(Checkpoint)
    kept.directory, kept._every, kept._words, kept._dim = tmp_path, 1.0, 10**6, 10
    (tmp_path / "state").touch()
    with pytest.raises(
        DiskFullError,
        match=r"cannot save the checkpoint .*: the disk is full, .*: 80\.0 MB are needed",
    ):
        kept.save(None, TrainingState())


def outcome(folder) -> W2VError | None:
    """Read all that is kept; returns what it is refused for."""
    kept = Checkpoint(folder, None)
    try:
        assert kept.load_job().config.dim >= 1
        read = kept.load_corpus()
        kept.prepare(len(read.vocabulary), 8)
        kept.restore(new_matrices(len(read.vocabulary), Config(**OPTIONS)))
    except W2VError as error:
        return error
    finally:
        kept.close()
    return None


@pytest.mark.parametrize("name", ["job.json", "corpus.json", "state", "encoded/text"])
def test_damage_is_detected(name, text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
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
        found = outcome(tmp_path / "m.w2v.checkpoint")
        if found is None:  # for there are two ways to write the same JSON
            assert json.loads(data) == json.loads(intact)
        else:
            assert isinstance(found, (FormatError, ConfigError, InputError))
            assert "\n" not in str(found)
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
    stopped(text, output)
    rewrite(tmp_path / "m.w2v.checkpoint" / "job.json", change)
    with pytest.raises((FormatError, ConfigError), match=message):
        w2v.resume(output)
    assert (tmp_path / "m.w2v.checkpoint" / "state").exists()


def rewrite(path, change):
    """Change a file of JSON, and its checksum with it."""
    entry = checkpoint_files._read_json(path) | change
    del entry["format_version"], entry["checksum"]
    checkpoint_files.write_sealed(path, entry, "")


@pytest.mark.parametrize("name", ["job.json", "corpus.json"])
def test_files_of_another_version_are_rejected(name, text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
    path = tmp_path / "m.w2v.checkpoint" / name
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format_version": 99}))
    with pytest.raises(FormatError, match=f"{name} was written by another version of w2v"):
        w2v.resume(output)
    assert (tmp_path / "m.w2v.checkpoint" / "state").exists()


@pytest.mark.parametrize(
    ("deterministic", "kind"), [(False, "MAX_SPAN_POSITIONS"), (True, "_SHARDS")]
)
def test_a_state_with_another_number_of_steps_is_rejected(
    deterministic, kind, text, tmp_path, monkeypatch
):
    output = tmp_path / "m.w2v"
    stopped(text, output, deterministic=deterministic)
    module = config if kind == "_SHARDS" else plan
    monkeypatch.setattr(module, kind, 37)
    with pytest.raises(
        FormatError, match=r"saved at step .* this version of w2v divides the epoch into"
    ):
        w2v.resume(output)
    assert (tmp_path / "m.w2v.checkpoint" / "state").exists()


def test_ids_beyond_the_vocabulary_never_reach_the_kernel(text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
    path = tmp_path / "m.w2v.checkpoint" / "encoded" / "text"
    ids = np.fromfile(path, np.uint16)
    ids[5] = 10
    ids.tofile(path)
    with pytest.raises(FormatError, match=r"encoded is damaged \(wrong checksum\)"):
        w2v.resume(output)
    texts = [path, path.with_name("held-out")]
    checksums = [checkpoint._checksum(EncodedText.open(name, np.uint16, 1, 1)) for name in texts]
    rewrite(tmp_path / "m.w2v.checkpoint" / "corpus.json", {"checksums": checksums})
    with pytest.raises(FormatError, match=r"encoded is damaged \(an id above 9\)"):
        w2v.resume(output)


# What it costs.


def test_saving_takes_at_most_two_percent_of_the_time(monkeypatch, tmp_path):
    now = [100.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])

    def slow(*_):
        now[0] += 10

    monkeypatch.setattr(checkpoint_files, "_replace", slow)
    kept = Checkpoint(tmp_path, 60.0)
    (tmp_path / "state").touch()
    kept.prepare(1, 1)
    now[0] += 59
    assert not kept.should_save()
    now[0] += 1
    assert kept.should_save()
    kept.save(None, TrainingState())
    now[0] += 499
    assert not kept.should_save()
    now[0] += 2
    assert kept.should_save()
    kept.close()


def test_the_first_save_of_a_large_model_is_delayed(monkeypatch, tmp_path):
    now = [100.0]
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])
    kept = Checkpoint(tmp_path, 60.0)
    kept.prepare(1_000_000, 300)  # 2.4 GB, which take twelve seconds
    now[0] += 599
    assert not kept.should_save()
    now[0] += 2
    assert kept.should_save()
    kept.close()


@compiled_only
def test_killed_at_random_moments(tmp_path):
    corpus = tmp_path / "text.txt"
    corpus.write_text("".join(KJV.read_text().splitlines(keepends=True)[:8000]))
    (tmp_path / "places").mkdir()
    seed = time.time_ns() % 1_000_000
    command = [sys.executable, ROOT / "tests" / "guarantees" / "kill_and_resume.py", corpus]
    command += [tmp_path / "places", "50", str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["wrong"] == [], f"seed {seed}"
    assert sum(report["reached"].values()) == 50
    assert report["reached"]["reading"] + report["reached"]["training"] >= 5, report


@pytest.mark.parametrize("name", ["job.json", "corpus.json", "state"])
def test_endless_files_are_rejected(name, text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
    path = tmp_path / "m.w2v.checkpoint" / name
    path.unlink()
    path.symlink_to("/dev/zero")
    with pytest.raises(FormatError, match=f"{name} is damaged"):
        w2v.resume(output)


def test_a_state_with_trailing_bytes_is_rejected(text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
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
def test_encoded_text_that_cannot_be_opened_is_named(change, reason, text, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
    path = tmp_path / "m.w2v.checkpoint" / "encoded" / "text"
    change(path)
    with pytest.raises(FormatError) as refused:
        w2v.resume(output)
    assert str(refused.value) == f"{path} is damaged ({reason}); start over with `overwrite=True`"


def test_a_model_that_appeared_meanwhile_is_replaced_if_asked(text, whole, tmp_path):
    output = tmp_path / "m.w2v"
    stopped(text, output)
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
    with monkeypatch.context() as patch:  # killed while it read its text
        patch.setattr(Checkpoint, "remove", lambda self: self.close())
        with pytest.raises(Stop):
            w2v.train(text, output=output, observer=raising(Stop, Reading), **OPTIONS)
    with pytest.raises(error):
        w2v.resume(output, observer=raising(error, Reading))
    assert w2v.resume(output).matrix.tobytes() == whole.matrix.tobytes()


def raising(error, kind):
    """An observer that raises at the first report of a kind."""

    def observe(event):
        if isinstance(event, kind):
            raise error

    return observe


def test_saved_files_and_their_names_are_synced(text, tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def sync(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    output = tmp_path / "m.w2v"
    monkeypatch.setattr(os, "fsync", sync)
    stopped(text, output)
    folder = tmp_path / "m.w2v.checkpoint"
    there = {path.name: path.stat().st_ino for path in [*folder.rglob("*"), folder]}
    del there["lock"]
    assert set(there.values()) <= set(synced)
    state = synced.index(there["state"])
    assert there[folder.name] in synced[state + 1 :]
    for name in ("text", "held-out", "encoded", "corpus.json"):
        assert there[name] in synced[:state]
