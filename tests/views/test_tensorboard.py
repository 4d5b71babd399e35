"""The log for TensorBoard. tests/frameworks/test_tensorboard.py shows it in TensorBoard itself."""

from __future__ import annotations

import dataclasses
import errno
import gc
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from tensorboardX import event_file_writer, writer
from tensorboardX.proto.event_pb2 import Event, SessionLog

import w2v
from sample_events import EPOCH, PLANNED, TRAINING
from support import LINES, TINY, names, raise_on
from w2v.errors import DiskFullError, FormatError, OutputError
from w2v.events import EpochDone, Resumed, ignore
from w2v.formats.classic import projector
from w2v.formats.table import VectorTable
from w2v.views import tensorboard
from w2v.views.tensorboard import EVENT_FILES, open_log

TABLE = VectorTable(["a", "b", "c"], np.arange(6, dtype=np.float32).reshape(3, 2), [3, 2, 1])


def records(directory):
    """The events of all files of a log, in the order in which TensorBoard reads them."""
    for path in sorted(directory.glob(EVENT_FILES)):
        data = path.read_bytes()
        while data:
            (size,) = struct.unpack("<Q", data[:8])
            yield Event.FromString(data[12 : 12 + size])
            data = data[16 + size :]


def scalars(directory):
    """The scalars of a log: (step, {tag: value})."""
    return [
        (event.step, {value.tag: value.simple_value for value in event.summary.value})
        for event in records(directory)
        if event.HasField("summary")
    ]


def starts(directory):
    return [e.step for e in records(directory) if e.session_log.status == SessionLog.START]


def log_events(directory, *events, observer=ignore, **options):
    with open_log(directory, observer, **options) as log:
        for event in (PLANNED, *events):
            log(event)


def at(seconds, words, epoch=2):
    return dataclasses.replace(TRAINING, seconds=seconds, done_words=words, epoch=epoch)


def test_epochs_have_the_numbers_of_their_reports(tmp_path):
    report = dataclasses.replace(EPOCH, validation_loss=2.75)
    log_events(tmp_path, report, dataclasses.replace(EPOCH, epoch=3, seconds=0.0, loss=None))
    first, second = scalars(tmp_path)
    assert first == (
        2_000_000,
        {
            "epoch/loss": 2.5,
            "epoch/validation_loss": 2.75,
            "epoch/words_per_second": 4_000_000,
            "epoch/learning_rate": pytest.approx(0.03),
        },
    )
    assert second == (3_000_000, {"epoch/learning_rate": pytest.approx(0.03)})


def test_progress_has_a_point_a_second_with_the_speed_since_the_last(tmp_path):
    log_events(tmp_path, at(0.1, 10), at(0.9, 20), at(1.1, 510), at(2.0, 600), at(3.1, 2510))
    steps, values = zip(*scalars(tmp_path), strict=True)
    assert steps == (10, 510, 2510)
    speeds = [value.get("progress/words_per_second") for value in values]
    assert speeds == [None, pytest.approx(500), pytest.approx(1000)]
    for value in values:
        assert value["progress/loss"] == pytest.approx(2.34567)
        assert value["progress/learning_rate"] == pytest.approx(0.0351)


@pytest.mark.parametrize(
    ("events", "start"),
    [
        ([Resumed(4, 5, 0.5), at(9.0, 2_900_000, 4)], round(3.5 * PLANNED.words) + 1),
        ([at(9.0, 3_000_000, 4)], 3 * PLANNED.words + 1),
        ([Resumed(4, 5, 0.5), at(9.0, 2_600_000, 4)], 2_600_000),  # no point may come twice
        ([dataclasses.replace(EPOCH, epoch=4)], 3 * PLANNED.words + 1),
    ],
)
def test_a_resumed_training_withdraws_what_it_does_again(events, start, tmp_path):
    log_events(tmp_path, at(1.0, 10), EPOCH)
    log_events(tmp_path, *events, resumed=True)
    assert starts(tmp_path) == [0, start]
    assert len(names(tmp_path)) == 2


def test_a_log_of_another_training_is_replaced_only_on_request(tmp_path):
    log_events(tmp_path, EPOCH)
    (tmp_path / "mine").touch()
    before = names(tmp_path)
    with pytest.raises(OutputError, match="replace it with `overwrite=True`"):
        log_events(tmp_path, EPOCH)
    with open_log(tmp_path, ignore, overwrite=True):
        assert names(tmp_path) == before  # nothing has been trained yet
    assert names(tmp_path) == before
    log_events(tmp_path, at(1.0, 10), overwrite=True)
    assert [step for step, _ in scalars(tmp_path)] == [10]
    assert "mine" in names(tmp_path)


def test_the_vectors_are_at_the_end_and_the_config_points_to_them(tmp_path):
    with open_log(tmp_path, ignore) as log:
        assert log.finish(TABLE) is TABLE
    back = projector.read(tmp_path / "projector")
    assert back.words == TABLE.words
    assert back.matrix.tolist() == TABLE.matrix.tolist()
    config = (tmp_path / projector.CONFIG).read_text()
    assert 'tensor_path: "projector/tensors.tsv"' in config
    assert 'metadata_path: "projector/metadata.tsv"' in config


def test_a_large_vocabulary_is_cut_with_a_note(tmp_path, monkeypatch):
    monkeypatch.setattr(tensorboard, "MAX_WORDS", 2)
    events = []
    with open_log(tmp_path, events.append) as log:
        log.finish(TABLE)
    back = projector.read(tmp_path / "projector")
    assert (back.words, back.counts.tolist()) == (["a", "b"], [3, 2])
    assert "2 most frequent of 3 words; export the model in the format" in str(events[-1])
    assert events[-1].notes == ()


def test_words_that_the_projector_cannot_hold_do_not_end_a_training(tmp_path):
    events = []
    with open_log(tmp_path, events.append) as log:
        log.finish(VectorTable(["a\tb"], np.ones((1, 2), np.float32)))
    (note,) = events[-1].notes
    assert "has no vectors for the projector: 'a\\tb' contains a tab" in note
    assert names(tmp_path) == []


def test_without_a_directory_there_is_no_log(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    events = []
    log_events(None, EPOCH, observer=events.append)
    assert events == [PLANNED, EPOCH]
    assert names(tmp_path) == []


def test_directories_are_created_and_removed_if_nothing_was_logged(tmp_path):
    def fail():
        with open_log(tmp_path / "a" / "b", ignore):
            assert names(tmp_path) == ["a"]
            raise FormatError

    with pytest.raises(FormatError):
        fail()
    assert names(tmp_path) == []


@pytest.mark.parametrize("path", ["file", "file/log", "log"])
def test_a_directory_that_cannot_be_written_is_found_before_the_work(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("log").mkdir()
    Path("log/projector").mkdir()
    Path("log/projector/mine").touch()
    with pytest.raises(OutputError, match=r"^cannot write file|^log/projector "):
        w2v.train(LINES, **TINY, tensorboard=path)
    assert names() == ["file", "log"]


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # the library leaves the file open
def test_a_full_disk_is_one_error(tmp_path, monkeypatch):
    def flush(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(writer.EventFileWriter, "flush", flush)
    with pytest.raises(DiskFullError, match="choose another directory with `tensorboard`"):
        log_events(tmp_path, EPOCH)
    threads = threading.enumerate()
    assert not any(isinstance(t, event_file_writer._EventLoggerThread) for t in threads)
    gc.collect()


def test_a_thread_that_has_failed_is_noticed(tmp_path, monkeypatch):
    monkeypatch.setattr(event_file_writer._EventLoggerThread, "run", lambda _: None)
    reports = (dataclasses.replace(EPOCH, epoch=epoch) for epoch in range(1, 500))
    with pytest.raises(OutputError, match="the thread that writes it has failed"):
        log_events(tmp_path, *reports)


def test_wandb_can_follow_the_log(tmp_path, monkeypatch):
    # W&B puts a subclass in the place of this class, which tells it the directory.
    followed = []

    class Followed(writer.EventFileWriter):
        def __init__(self, logdir, *arguments, **options):
            followed.append(logdir)
            super().__init__(logdir, *arguments, **options)

    monkeypatch.setattr(writer, "EventFileWriter", Followed)
    log_events(tmp_path, EPOCH)
    assert followed == [str(tmp_path)]
    assert len(scalars(tmp_path)) == 1


def test_the_name_of_a_directory_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log_events("gs://bucket", EPOCH)
    assert len(scalars(tmp_path / "gs:" / "bucket")) == 1


def test_training_and_resuming_write_one_log(tmp_path):
    text, output, log = tmp_path / "text", tmp_path / "m", tmp_path / "log"
    text.write_text("\n".join(LINES))
    stop = raise_on(KeyboardInterrupt, EpochDone, 1)
    with pytest.raises(KeyboardInterrupt):
        w2v.train(text, output=output, tensorboard=log, observer=stop, **TINY)
    model = w2v.resume(output, tensorboard=log)
    model = w2v.resume(output, tensorboard=log, epochs=4)  # the model is finished
    found = {step: tags for step, tags in scalars(log) if "epoch/loss" in tags}
    assert list(found) == [120, 240, 360, 480]
    losses = [report["loss"] for report in model.meta["epochs"]]
    assert [tags["epoch/loss"] for tags in found.values()] == pytest.approx(losses)
    assert projector.read(log / "projector").words == model.words


def test_without_the_library_the_error_names_the_extra(tmp_path):
    code = (
        "import sys; sys.modules['tensorboardX'] = None\n"
        "from w2v.cli.main import main; main(['train', 'text', '--tensorboard', 'log'])"
    )
    (tmp_path / "text").write_text("\n".join(LINES))
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    expected = "the log for TensorBoard needs an optional package: pip install 'w2v[tensorboard]'"
    assert (done.returncode, done.stderr) == (1, f"Error: {expected}\n")
    assert names(tmp_path) == ["text"]
