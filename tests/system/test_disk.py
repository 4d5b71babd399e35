"""The check of the free space before writing, and the messages about full disks."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import w2v
from w2v.config import Config
from w2v.errors import DiskFullError, OutputError, ResourceError
from w2v.formats import native as model
from w2v.formats.registry import FORMATS
from w2v.pipeline import checkpoint_files
from w2v.pipeline.checkpoint import Checkpoint, TrainingJob
from w2v.system import atomic as output
from w2v.system import disk
from w2v.training.state import TrainingState


@pytest.fixture
def free(monkeypatch):
    """Set the free space of every disk."""

    def pretend(space: int) -> None:
        monkeypatch.setattr(
            disk.shutil, "disk_usage", lambda _: SimpleNamespace(free=space, total=1 << 40)
        )

    return pretend


BUT = "but 1.0 MB are free in {}; free some space, or R"
NOW = "and now 1.0 MB are free in {}; free some space, or R"


def system_error(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (4096, "4,096 bytes"),
        (99_999, "99,999 bytes"),
        (100_000, "0.1 MB"),
        (99_949_999, "99.9 MB"),
        (100_000_000, "0.10 GB"),
        (1_234_567_890_123, "1,234.57 GB"),
    ],
)
def test_format_bytes(size, text):
    assert disk.format_bytes(size) == text


def test_files_take_whole_pages():
    assert disk.size_on_disk() == disk.size_on_disk(0) == 0
    assert disk.size_on_disk(1, 4096, 4097) == 4096 + 4096 + 8192


def test_required_space_is_compared_with_free_space(free, tmp_path):
    free(1_000_000)
    disk.require_free_space(tmp_path, 900_000, "cannot store the ids")
    expected = (
        r"^cannot store the ids: not enough disk space: 1\.1 MB are needed, but 1\.0 MB are free "
        rf"in {tmp_path}; free some space, or choose another directory$"
    )
    with pytest.raises(DiskFullError, match=expected):
        disk.require_free_space(tmp_path, 1_100_000, "cannot store the ids")


def test_required_space_is_rounded_up_to_pages(free, tmp_path):
    free(8192)
    disk.require_free_space(tmp_path, 8192, "cannot do it")
    for needed in (8193, 1 << 60):
        with pytest.raises(DiskFullError, match="cannot do it: not enough disk space"):
            disk.require_free_space(tmp_path, needed, "cannot do it")


def test_disk_full_is_an_output_error_and_a_resource_error():
    assert issubclass(DiskFullError, OutputError)
    assert issubclass(DiskFullError, ResourceError)


@pytest.mark.parametrize(
    ("number", "sizes", "message"),
    [
        (
            errno.ENOSPC,
            {"needed": 5_000_000, "written": 7},
            f"the disk is full: 5.0 MB are needed, {BUT}",
        ),
        (
            errno.ENOSPC,
            {"written": 5_000_000},
            f"the disk is full: 5.0 MB were written, {BUT}",
        ),
        (
            errno.ENOSPC,
            {"needed": 1_000},
            f"the disk is full, or had no space for another file: 1,000 bytes are needed, {NOW}",
        ),
        (errno.ENOSPC, {}, "the disk is full: 1.0 MB are free in {}; free some space, or R"),
        (
            errno.EDQUOT,
            {"needed": 5_000_000},
            f"the disk quota is used up: 5.0 MB are needed, {BUT}",
        ),
    ],
)
def test_write_error_names_the_needed_and_the_free_bytes(number, sizes, message, free, tmp_path):
    free(1_000_000)
    found = disk.write_error("cannot do it", system_error(number), tmp_path, "R", **sizes)
    assert isinstance(found, DiskFullError)
    assert str(found) == f"cannot do it: {message.format(tmp_path)}"


def test_a_disk_without_free_inodes_is_reported(free, tmp_path, monkeypatch):
    free(1_000_000)
    messages = []
    for files in (1_000, 0):
        counts = SimpleNamespace(f_files=files, f_favail=0)
        monkeypatch.setattr(os, "statvfs", lambda _, counts=counts: counts)
        messages.append(str(disk.write_error("cannot do it", system_error(errno.ENOSPC), tmp_path)))
    assert messages[0].startswith(
        "cannot do it: the disk has no free inodes, so it cannot hold another file"
    )
    assert messages[1].startswith("cannot do it: the disk is full: ")


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (5_000, "the file exceeds the size limit of 5,000 bytes (ulimit -f)"),
        (resource.RLIM_INFINITY, "the file exceeds the size limit of the file system"),
    ],
)
def test_a_file_size_limit_is_reported(limit, message, tmp_path, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda _: (limit, limit))
    found = disk.write_error("cannot do it", system_error(errno.EFBIG), tmp_path, "R", needed=9_000)
    assert isinstance(found, DiskFullError)
    assert str(found) == f"cannot do it: {message}: 9,000 bytes are needed; raise that limit, or R"
    found = disk.write_error("cannot do it", system_error(errno.EFBIG), tmp_path, "R")
    assert str(found) == f"cannot do it: {message}; raise that limit, or R"


@pytest.mark.parametrize("error", [system_error(errno.EACCES), OSError("Permission denied")])
def test_other_errors_have_the_message_of_the_operating_system(error, tmp_path):
    found = disk.write_error("cannot do it", error, tmp_path, "R", needed=9_000)
    assert type(found) is OutputError
    assert str(found) == "cannot do it: Permission denied; R"


# Before a file is written


@pytest.mark.parametrize("new", [output.new_file, output.new_directory])
def test_nothing_is_written_without_enough_space(new, tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", None)  # must not be called
    monkeypatch.setattr(Path, "mkdir", None)
    expected = (
        rf"cannot write {tmp_path}/out: not enough disk space: 1,000,000\.00 GB are needed, but "
    )
    with (
        pytest.raises(DiskFullError, match=expected),
        new(tmp_path / "out", needed=10**15, overwrite=False),
    ):
        pytest.fail("the block must not run")


def test_no_checkpoint_is_saved_without_enough_space(free, tmp_path, monkeypatch):
    checkpoint = Checkpoint.create(
        tmp_path / "m.checkpoint", TrainingJob(None, None, Config(), False), 60.0
    )
    (tmp_path / "m.checkpoint" / "encoded").mkdir()
    monkeypatch.setattr(checkpoint_files, "_replace", None)  # must not be called
    checkpoint.prepare(1_000, 1_000)
    free(8_000_000)
    expected = r"^cannot save the checkpoint .*: 8\.0 MB are needed, but 8\.0 MB are free in "
    with pytest.raises(DiskFullError, match=expected):
        checkpoint.save(None, TrainingState())
    checkpoint.close()


def test_no_checkpoint_is_created_without_enough_space(free, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_files, "_replace", None)  # must not be called
    free(0)
    job = TrainingJob(None, None, Config(), False)
    expected = r"cannot write .*job\.json: not enough disk space: [\d,]+ bytes are needed, but 0"
    with pytest.raises(DiskFullError, match=expected):
        Checkpoint.create(tmp_path / "m.checkpoint", job, None)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("rows", [1, 63, 64, 65, 5_000])
def test_the_size_of_a_text_file_is_estimated(suffix, rows, tmp_path):
    matrix = np.random.default_rng(3).normal(size=(rows, 50)).astype(np.float32)
    words = [f"word{i}" for i in range(rows)]
    path = tmp_path / f"out.vec{suffix}"
    required = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            output, "require_free_space", lambda _, needed, *more: required.append(needed)
        )
        FORMATS["word2vec-text"].write(w2v.Embeddings(words, matrix), path)
    assert required == [pytest.approx(path.stat().st_size, rel=0.03, abs=50)]


def test_the_size_of_a_model_is_exact(tmp_path):
    matrix = np.ones((5_000, 30), np.float32)
    words = [f"word{i}" for i in range(len(matrix))]
    vectors = w2v.Embeddings(words, matrix, [5] * len(words))
    required = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            output, "require_free_space", lambda _, needed, *more: required.append(needed)
        )
        model.write(vectors, tmp_path / "m", contexts=matrix)
    sizes = [path.stat().st_size for path in (tmp_path / "m").iterdir()]
    assert required == [disk.size_on_disk(*sizes)]


def test_a_file_system_without_statistics_counts_as_free(monkeypatch, tmp_path):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: SimpleNamespace(free=0, total=0))
    disk.require_free_space(tmp_path, 10**12, "no")
    full = system_error(errno.ENOSPC)
    messages = [
        str(disk.write_error("no", full, tmp_path, "R", **figures))
        for figures in ({}, {"needed": 10**6}, {"written": 10**6})
    ]
    assert messages == [
        "no: the disk is full; free some space, or R",
        "no: the disk is full: 1.0 MB are needed; free some space, or R",
        "no: the disk is full: 1.0 MB were written; free some space, or R",
    ]


def test_a_full_disk_may_have_free_space_again(free, tmp_path):
    free(3 * 10**6)
    message = disk.write_error("no", system_error(errno.ENOSPC), tmp_path, "R", written=2 * 10**6)
    assert str(message) == (
        "no: the disk is full: 2.0 MB were written, and now 3.0 MB are free in "
        f"{tmp_path}; free some space, or R"
    )
