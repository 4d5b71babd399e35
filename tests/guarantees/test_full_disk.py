"""Training, export and encoding on a full disk: errors state the space, and no data is lost.

Each test mounts a small tmpfs. Without the permission to mount, the last test runs this module in a
user namespace that has it.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from click.testing import Result

import w2v
from commands import run
from support import JIT, KJV, ROOT, compiled_only, content, names
from w2v.cli import progress
from w2v.compute.jit import kernel
from w2v.corpus import spool
from w2v.events import Event, Reading, Training
from w2v.formats.registry import FORMATS
from w2v.pipeline import checkpoint, checkpoint_files, preflight, warmup
from w2v.pipeline import encode_file as batch
from w2v.pipeline.read import read_vocabulary
from w2v.pipeline.vectors_file import VectorsFile
from w2v.system import atomic as output
from w2v.training import plan, runner

WORDS = 4_000 if JIT else 300
DIM = 32 if JIT else 64
PAGE = 4096
MIB = 1 << 20
OPTIONS = ["--threads", "1", "--dim", DIM, "--epochs", 2, "--min-count", 1, "--sample", 0]
FILES = ["contexts.npy", "counts.npy", "embeddings.npy", "vocab.txt"]
SIZE = r"[\d,.]+ (?:bytes|MB|GB)"
FULL = {"before": "not enough disk space", "during": "the disk is full"}
FIGURES = (
    rf"{SIZE} (?:are needed|were written), but {SIZE} are free in (?P<directory>\S+); "
    "free some space, or "
)


def mount_tmpfs(directory: Path, size: int, *options: str) -> bool:
    """Mount a disk of some bytes; return whether this is permitted."""
    joined = ",".join([f"size={size}", *options])
    command = ["mount", "-t", "tmpfs", "-o", joined, "none", str(directory)]
    return not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.fixture(scope="session")
def require_mount(tmp_path_factory) -> None:
    directory = tmp_path_factory.mktemp("mount")
    if shutil.which("mount") is None or not mount_tmpfs(directory, PAGE):
        pytest.skip("disks cannot be mounted here; the last test tries a user namespace")
    subprocess.run(["umount", directory], check=True)


@pytest.fixture
def mount(require_mount, tmp_path) -> Iterator[Callable[..., Path]]:
    """A function that mounts a disk of some bytes and returns its path."""
    disks: list[Path] = []

    def mount(size: int = 64 * MIB, *options: str) -> Path:
        disks.append(tmp_path / f"disk{len(disks) or ''}")
        disks[-1].mkdir()
        assert mount_tmpfs(disks[-1], size, *options)
        return disks[-1]

    yield mount
    for disk in disks:
        subprocess.run(["umount", "--lazy", disk], check=True)


@pytest.fixture
def disk(mount) -> Path:
    return mount()


def free_bytes(disk: Path) -> int:
    return shutil.disk_usage(disk).free


def fill(disk: Path, leave: int = 0) -> None:
    """Allocate the free space of a disk, except some bytes."""
    with (disk / "filler").open("ab") as file:
        os.posix_fallocate(file.fileno(), file.tell(), free_bytes(disk) - leave)
    assert free_bytes(disk) == leave


def remove_filler(disk: Path) -> None:
    (disk / "filler").unlink(missing_ok=True)


def names_on(disk: Path) -> list[str]:
    """Return the sorted names of the files on a disk, without the filler."""
    return [name for name in names(disk) if name != "filler"]


def snapshot(path: Path) -> dict[Path, bytes]:
    """Return the bytes of a file, or of all files below a directory, by path."""
    paths = path.rglob("*") if path.is_dir() else [path]
    return {path: path.read_bytes() for path in paths if path.is_file()}


@pytest.fixture(scope="session")
def text(tmp_path_factory) -> Path:
    rng = random.Random(3)
    words = [f"w{rng.randrange(WORDS)}" for _ in range(WORDS)]
    lines = [" ".join(words[i : i + 10]) for i in range(0, WORDS, 10)]
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def short_spans(monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", WORDS // 8)
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.001)
    monkeypatch.setattr(checkpoint, "_MAX_SHARE", 1e9)  # checkpoints may take all of the time


@pytest.fixture(scope="session")
def uninterrupted(text, tmp_path_factory) -> Path:
    """The model of an uninterrupted run."""
    model = tmp_path_factory.mktemp("expected") / "m.w2v"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MAX_SPAN_POSITIONS", WORDS // 8)
        assert not run("train", text, "-o", model, *OPTIONS).exit_code
    return model


@pytest.fixture
def old(disk) -> Path:
    """A model at the output path of the new one."""
    model = disk / "m.w2v"
    w2v.Embeddings(["old"], [[1.0, 2.0]], [3]).save(model)
    return model


@contextmanager
def observing(observe: Callable[[Event], None]) -> Iterator[None]:
    """Pass the events of a command to a function instead of printing them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress.Lines, "__call__", lambda _, event: observe(event))
        yield


def quiet() -> Any:
    return observing(lambda _: None)


@contextmanager
def hook(
    module: Any, name: str, action: Callable[[], object], *, call: int = 1, before: bool = False
) -> Iterator[None]:
    """Run an action before or after the n-th call of a function; fail if there is no such call."""
    function = getattr(module, name)
    calls: list[str] = []

    def hooked(*arguments: Any, **options: Any) -> Any:
        calls.append(name)
        if before and len(calls) == call:
            action()
        result = function(*arguments, **options)
        if not before and len(calls) == call:
            action()
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, hooked)
        yield
    assert len(calls) >= call


def error_of(result: Result, directory: Path, *, resumable: bool = False) -> str:
    """Check that a command failed with one line that states the space; return the message."""
    *more, line = result.stderr.splitlines()
    assert result.exit_code == 1, result.stderr
    assert result.stdout == ""
    assert line.startswith("Error: ")
    assert len(more) == resumable, result.stderr
    assert all(hint.startswith("resume with: w2v train --resume ") for hint in more)
    found = re.search(FIGURES, line)
    assert found, line
    assert Path(found["directory"]).is_relative_to(directory), line
    return line.removeprefix("Error: ")


# Training


def train(text: Path, model: Path, *more: object) -> Result:
    return run("train", text, "-o", model, *OPTIONS, *more)


def check_resume(disk: Path, uninterrupted: Path) -> None:
    """Check that training resumes with the same result once space is available."""
    remove_filler(disk)
    with quiet():
        result = run("train", "--resume", disk / "m.w2v")
    assert (result.exit_code, result.stderr) == (0, "")
    assert content(disk / "m.w2v", FILES) == content(uninterrupted, FILES)
    assert names_on(disk) == ["m.w2v"]


def test_training_rejects_a_small_disk_before_reading(mount, text, monkeypatch):
    disk = mount(MIB // 4)
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    message = error_of(train(text, disk / "m.w2v"), disk)
    assert message.startswith("cannot store the model, the checkpoint and the encoded text")
    remedy = "--output or --work-dir, or disable checkpoints with --checkpoint-every 0"
    assert message.endswith(remedy)
    assert names_on(disk) == []


@pytest.mark.parametrize(
    ("module", "name", "expected"),
    [
        (preflight, "check_disk", "cannot write {}/m.w2v.checkpoint/job.json: "),
        (warmup, "compile_kernels", "cannot write the encoded text to {}/m.w2v.checkpoint/enc"),
    ],
    ids=["job.json", "reading"],
)
def test_a_disk_full_before_reading_leaves_no_files(module, name, expected, disk, old, text):
    before = snapshot(old)
    with quiet(), hook(module, name, lambda: fill(disk)):
        message = error_of(train(text, old, "--overwrite"), disk)
    assert message.startswith(expected.format(disk))
    assert names_on(disk) == ["m.w2v"]
    assert snapshot(old) == before


@pytest.mark.parametrize("phase", ["before", "during"])
@pytest.mark.parametrize(
    ("module", "call", "expected"),
    [
        (spool, 1, "cannot write the encoded text to {}/m.w2v.checkpoint/encoded: "),
        (checkpoint_files, 2, "cannot write {}/m.w2v.checkpoint/corpus.json: "),
    ],
    ids=["ranks", "corpus.json"],
)
def test_a_disk_full_during_reading_leaves_no_files(module, call, expected, phase, disk, text):
    # The first call of the checkpoint is for job.json.
    when = {"call": call, "before": phase == "before"}
    with quiet(), hook(module, "require_free_space", lambda: fill(disk), **when):
        message = error_of(train(text, disk / "m.w2v"), disk)
    assert message.startswith(expected.format(disk))
    assert names_on(disk) == []


def test_training_resumes_if_the_text_exceeds_the_estimate(disk, text, uninterrupted):
    with quiet(), hook(preflight, "check_disk", lambda: fill(disk), call=2, before=True):
        message = error_of(train(text, disk / "m.w2v"), disk, resumable=True)
    assert message.startswith("cannot store the model, the checkpoint and")
    assert names_on(disk) == ["m.w2v.checkpoint"]
    check_resume(disk, uninterrupted)


@pytest.mark.parametrize("leave", [0, 4 * PAGE])
def test_a_disk_full_at_the_file_of_vectors_keeps_the_model(leave, disk, text, uninterrupted):
    fill_disk = partial(fill, disk, leave)
    with quiet(), hook(VectorsFile, "_write", fill_disk, before=True):
        result = run("train", text, "-o", disk / "m.bin", *OPTIONS)
    message = error_of(result, disk, resumable=True)
    assert message.startswith(f"cannot write {disk}/m.bin: ")
    assert names_on(disk) == ["m.w2v", "m.w2v.checkpoint"]
    assert content(disk / "m.w2v", FILES) == content(uninterrupted, FILES)
    remove_filler(disk)
    with quiet():
        assert not run("train", "--resume", disk / "m.bin").exit_code
    assert names_on(disk) == ["m.bin", "m.w2v"]
    assert np.array_equal(w2v.load(disk / "m.bin").matrix, w2v.load(uninterrupted).matrix)


CHECKPOINT_FILES = ["corpus.json", "encoded", "job.json", "lock"]


@pytest.mark.parametrize("leave", [0, 2 * PAGE])
@pytest.mark.parametrize("phase", ["before", "during"])
def test_training_resumes_without_a_checkpoint_state(phase, leave, disk, old, text, uninterrupted):
    before = snapshot(old)
    when = {"call": 3, "before": phase == "before"}
    with quiet(), hook(checkpoint_files, "require_free_space", lambda: fill(disk, leave), **when):
        result = train(text, old, "--overwrite", "--checkpoint-every", 0.0001)
    message = error_of(result, disk, resumable=True)
    assert message.startswith(
        f"cannot save the checkpoint {disk}/m.w2v.checkpoint: {FULL[phase]}: "
    )
    assert message.endswith(", or disable checkpoints with --checkpoint-every 0")
    assert names(disk / "m.w2v.checkpoint") == CHECKPOINT_FILES
    assert names_on(disk) == ["m.w2v", "m.w2v.checkpoint"]
    assert snapshot(old) == before
    check_resume(disk, uninterrupted)


@pytest.mark.parametrize("leave", [0, 2 * PAGE])
@pytest.mark.parametrize("phase", ["before", "during"])
def test_a_failed_checkpoint_leaves_the_previous_one(phase, leave, disk, text, uninterrupted):
    state = disk / "m.w2v.checkpoint" / "state"
    first = []

    def record_and_fill() -> None:
        first.append(state.read_bytes())
        fill(disk, leave)

    when = {"call": 4, "before": phase == "before"}
    with quiet(), hook(checkpoint_files, "require_free_space", record_and_fill, **when):
        result = train(text, disk / "m.w2v", "--checkpoint-every", 0.0001)
    message = error_of(result, disk, resumable=True)
    assert message.startswith("cannot save the checkpoint")
    assert names(disk / "m.w2v.checkpoint") == [*CHECKPOINT_FILES, "state"]
    assert [state.read_bytes()] == first
    check_resume(disk, uninterrupted)


def test_an_interrupted_run_on_a_full_disk_resumes(disk, text, uninterrupted):
    def stop(event: Event) -> None:
        if isinstance(event, Training):
            fill(disk)
            raise KeyboardInterrupt

    with observing(stop):
        result = train(text, disk / "m.w2v")
    assert error_of(result, disk, resumable=True).startswith("cannot save the checkpoint")
    assert names(disk / "m.w2v.checkpoint") == CHECKPOINT_FILES
    check_resume(disk, uninterrupted)


@pytest.mark.parametrize("replacing", [True, False])
@pytest.mark.parametrize("whole_files", [None, 0, 1, 2, 3, 4])
def test_training_resumes_if_the_model_cannot_be_written(
    whole_files, replacing, disk, text, uninterrupted
):
    model, before = disk / "m.w2v", {}
    if replacing:
        w2v.Embeddings(["old"], [[1.0, 2.0]], [3]).save(model)
        before = snapshot(model)
    order = ["embeddings.npy", "contexts.npy", "vocab.txt", "counts.npy", "meta.json"]
    sizes = [(uninterrupted / name).stat().st_size for name in order[: whole_files or 0]]
    leave = sum(-(-size // PAGE) * PAGE for size in sizes)
    when = {"before": whole_files is None}
    with quiet(), hook(output, "require_free_space", lambda: fill(disk, leave), **when):
        result = train(text, model, *["--overwrite"] * replacing)
    message = error_of(result, disk, resumable=True)
    reason = FULL["before" if whole_files is None else "during"]
    assert message.startswith(f"cannot write {model}: {reason}: ")
    assert names_on(disk) == ["m.w2v"] * replacing + ["m.w2v.checkpoint"]
    if replacing:
        assert snapshot(model) == before
    check_resume(disk, uninterrupted)


def test_resume_on_a_full_disk_changes_nothing(disk, text, uninterrupted):
    """A failed attempt to resume leaves the checkpoint unchanged."""
    with quiet(), hook(output, "require_free_space", lambda: fill(disk)):
        error_of(train(text, disk / "m.w2v"), disk, resumable=True)
    before = snapshot(disk / "m.w2v.checkpoint")
    with quiet():
        result = run("train", "--resume", disk / "m.w2v")
    error_of(result, disk, resumable=True)
    assert snapshot(disk / "m.w2v.checkpoint") == before
    check_resume(disk, uninterrupted)


def test_a_full_disk_leaves_no_files_without_checkpoints(disk, text):
    with quiet(), hook(output, "require_free_space", lambda: fill(disk)):
        error_of(train(text, disk / "m.w2v", "--checkpoint-every", 0), disk)
    assert names_on(disk) == []


def test_work_dir_may_be_on_another_disk(mount, text, uninterrupted):
    """Errors name the disk that is full."""
    disk, work = mount(), mount()
    work_dir = ["--work-dir", work]
    with quiet(), hook(output, "require_free_space", lambda: fill(disk)):
        result = train(text, disk / "m.w2v", *work_dir)
    error_of(result, disk, resumable=True)
    assert f"--resume {disk}/m.w2v --work-dir {work}\n" in result.stderr
    assert len(names_on(work)) == 1
    assert names_on(disk) == []
    fill(work, 8 * PAGE)
    remove_filler(disk)
    with quiet():
        result = run("train", "--resume", disk / "m.w2v", *work_dir)
    assert error_of(result, work, resumable=True).startswith("cannot store the checkpoint")
    remove_filler(work)
    with quiet():
        assert not run("train", "--resume", disk / "m.w2v", *work_dir).exit_code
    assert content(disk / "m.w2v", FILES) == content(uninterrupted, FILES)
    assert (names_on(disk), names_on(work)) == (["m.w2v"], [])


def test_pairs_on_a_full_disk_leaves_no_files(disk, text):
    with quiet(), hook(warmup, "compile_kernels", lambda: fill(disk)):
        result = run("pairs", text, "--work-dir", disk)
    assert error_of(result, disk).startswith(f"cannot write the encoded text to {disk}/w2v-")
    assert names_on(disk) == []


def test_the_error_states_that_inodes_are_missing(mount, text):
    disk = mount(64 * MIB, "nr_inodes=20")

    def use_all_inodes() -> None:
        (disk / "filler").mkdir()
        with contextlib.suppress(OSError):
            for i in range(20):
                (disk / "filler" / str(i)).touch()

    with quiet(), hook(warmup, "compile_kernels", use_all_inodes):
        result = train(text, disk / "m.w2v")
    message = f"cannot create {disk}/m.w2v.checkpoint/encoded: the disk has no free inodes, so it "
    assert result.stderr.startswith(f"Error: {message}cannot hold another file: ")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert names_on(disk) == []


def record_required_bytes(required: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Append the space that each check of a job requires to a list."""
    check = preflight.require_free_space

    def record(directory: Path, needed: int, *more: str) -> None:
        required.append(needed)
        check(directory, needed, *more)

    monkeypatch.setattr(preflight, "require_free_space", record)


def interrupt_training(event: Event) -> None:
    if isinstance(event, Training):
        raise KeyboardInterrupt


def test_existing_checkpoint_files_reduce_the_required_space(
    disk, text, uninterrupted, monkeypatch
):
    """Both a resumed and a restarted run reuse the space of the existing checkpoint."""
    model = disk / "m.w2v"
    required: list[int] = []
    record_required_bytes(required, monkeypatch)
    restart = ["train", text, "-o", model, "--overwrite", *OPTIONS]
    for command, check in (restart, 0), (["train", "--resume", model], 1):
        required.clear()
        with observing(interrupt_training):
            assert train(text, model).exit_code == 130
        saved = (model.with_name("m.w2v.checkpoint") / "state").stat().st_size
        fill(disk, (required[check] - saved) // PAGE * PAGE + PAGE)
        with quiet():
            result = run(*command)
        assert (result.exit_code, result.stderr) == (0, "")
        assert content(model, FILES) == content(uninterrupted, FILES)
        remove_filler(disk)
        shutil.rmtree(model)


@pytest.mark.parametrize("files", [1, 2, 3, 5, 6, 7, 9])
def test_a_disk_without_inodes_is_not_reported_as_full(files, mount, text):
    disk = mount(64 * MIB, f"nr_inodes={files + 1}")
    with quiet():
        result = train(text, disk / "m.w2v", "--checkpoint-every", 0.0001)
    remaining = names_on(disk)
    message = result.stderr.splitlines()[-1]
    assert result.exit_code == 1
    assert re.search(rf"(cannot hold|had no space for) another file: .* in {disk}", message)
    assert remaining == (["m.w2v.checkpoint"] if "resume with" in result.stderr else [])


# Other files


@pytest.fixture(scope="session")
def vectors(tmp_path_factory) -> Path:
    """A model of 600 words and 64 dimensions."""
    matrix = np.random.default_rng(5).normal(size=(600, 64)).astype(np.float32)
    tokenizer = {"tokenizer": {"name": "unicode", "lowercase": True}}
    words = [f"word{i}" for i in range(len(matrix))]
    model = tmp_path_factory.mktemp("vectors") / "vectors.w2v"
    w2v.Embeddings(words, matrix, [5] * len(matrix), tokenizer).save(model)
    return model


EXPORTS = [
    ("npy", "out"),
    ("word2vec-text", "out.txt"),
    ("word2vec-text", "out.vec.gz"),
    ("word2vec-bin", "out.bin"),
    ("glove", "out.glove"),
    ("glove", "out.glove.gz"),
    ("spacy", "out.txt.gz"),
    ("safetensors", "out.safetensors"),
    ("projector", "out"),
    ("hf", "out"),
    ("keras", "out"),
]


def require_packages(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the test if a format needs a package that is not installed."""
    packages = {"safetensors": ["safetensors"], "hf": ["safetensors"], "keras": ["keras", "h5py"]}
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "numpy"))
    for package in packages.get(name, []):
        pytest.importorskip(package)


def test_every_format_is_tested():
    assert {name for name, _ in EXPORTS} == set(FORMATS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from Keras
@pytest.mark.parametrize("replacing", [True, False])
@pytest.mark.parametrize("share", [None, 0, 0.4, 0.9])
@pytest.mark.parametrize(("name", "file"), EXPORTS)
def test_export_to_a_full_disk_changes_nothing(
    name, file, share, replacing, disk, vectors, monkeypatch
):
    require_packages(name, monkeypatch)
    target = disk / file
    before = {}
    command = ["export", vectors, "-f", name, "-o", target]
    assert run(*command).exit_code == 0
    size = 64 * MIB - free_bytes(disk)
    if replacing:
        before = snapshot(target)
    else:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    leave = int((share or 0) * size) // PAGE * PAGE
    when = {"before": share is None}
    with hook(output, "require_free_space", lambda: fill(disk, leave), **when):
        result = run(*command, *["--overwrite"] * replacing)
    message = error_of(result, disk)
    reason = FULL["before" if share is None else "during"]
    assert message.startswith(f"cannot write {target}: {reason}: ")
    figure = re.search(r": ([\d.,]+) (bytes|MB) are needed", message)
    needed = float(figure[1].replace(",", "")) * {"bytes": 1, "MB": 10**6}[figure[2]]
    assert 0.85 * size - 50_000 <= needed <= 1.05 * size + 50_000
    assert names_on(disk) == [file] * replacing
    if replacing:
        assert snapshot(target) == before
    remove_filler(disk)
    assert run(*command, *["--overwrite"] * replacing).exit_code == 0
    assert w2v.load(target).words == w2v.load(vectors).words


@pytest.mark.parametrize("share", [None, 0, 0.5])
def test_convert_to_a_full_disk_leaves_no_files(share, disk, vectors):
    leave = int((share or 0) * 100_000) // PAGE * PAGE
    when = {"before": share is None}
    with hook(output, "require_free_space", lambda: fill(disk, leave), **when):
        result = run("convert", vectors, disk / "out.bin")
    reason = FULL["before" if share is None else "during"]
    assert error_of(result, disk).startswith(f"cannot write {disk}/out.bin: {reason}: ")
    assert names_on(disk) == []


@pytest.fixture
def texts(tmp_path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"word{i % 600} word1 word2 other\n" for i in range(5_000)))
    return path


@pytest.mark.parametrize("leave", [0, 2 * PAGE])
def test_encode_without_space_for_temporary_ids(leave, disk, vectors, texts):
    fill(disk, leave)
    (disk / "ids.npy").write_bytes(b"")
    result = run("encode", vectors, texts, "-o", disk / "ids.npy", "--overwrite")
    assert error_of(result, disk).startswith(f"cannot write temporary ids to {disk}: the disk is ")
    assert (disk / "ids.npy").read_bytes() == b""
    assert names_on(disk) == ["ids.npy"]


@pytest.mark.parametrize("phase", ["before", "before writing", "during"])
def test_encode_to_a_full_disk_leaves_the_old_file(phase, disk, vectors, texts):
    target = disk / "ids.npy"
    target.write_bytes(b"old")
    check = (batch, "require_free_space") if phase == "before" else (output, "require_free_space")
    when = {"before": phase != "during"}
    with hook(*check, lambda: fill(disk, 4 * PAGE), **when):
        result = run("encode", vectors, texts, "-o", target, "--overwrite")
    message = error_of(result, disk)
    reason = FULL["during" if phase == "during" else "before"]
    assert message.startswith(f"cannot write {target}: {reason}: ")
    if phase == "before":
        assert message.endswith("choose another directory with --output, or a smaller --length")
    assert target.read_bytes() == b"old"
    assert names_on(disk) == ["ids.npy"]


def test_ids_are_written_to_the_target_of_a_link(mount, vectors, texts):
    """The link and its target are on different disks."""
    disk, other = mount(), mount()
    (disk / "ids.npy").symlink_to(other / "real.npy")
    fill(disk)
    assert run("encode", vectors, texts, "-o", disk / "ids.npy").exit_code == 0
    assert names(other) == ["real.npy"]


@pytest.mark.parametrize("stage", [Reading, Training])
def test_a_log_on_a_full_disk_stops_the_run(stage, disk, text, tmp_path, monkeypatch):
    """The written part of the log remains, and training can be resumed without a log."""
    monkeypatch.setattr(progress, "_JSON_SECONDS", 0.0)
    log = disk / "log.jsonl"
    sizes: list[int] = []

    def fill_once(event: Event) -> None:
        if isinstance(event, stage) and not sizes:
            sizes.append(log.stat().st_size)
            fill(disk)

    model = tmp_path / "m.w2v"
    more = ["--log-json", log, "--epochs", 60 if JIT else 10, "--checkpoint-every", 0.0001]
    with observing(fill_once):
        result = train(text, model, *more)
    resumable = stage is Training
    message = error_of(result, disk, resumable=resumable)
    assert re.match(rf"cannot write {log}: the disk is full: [\d,]+ bytes were written, ", message)
    assert message.endswith("free some space, or choose another file with --log-json")
    assert not model.exists()
    lines = log.read_text().split("\n")[:-1]
    assert all(json.loads(line)["stage"] for line in lines)
    if resumable:
        with quiet():
            assert run("train", "--resume", model).exit_code == 0
    assert [path.name for path in tmp_path.iterdir() if "m.w2v" in path.name] == ["m.w2v"] * (
        stage is not Reading
    )


def test_stderr_on_a_full_disk_does_not_stop_training(disk, text, tmp_path):
    fill(disk)
    model = tmp_path / "m.w2v"
    with (disk / "reports.txt").open("wb") as reports:
        done = process("train", text, "-o", model, *OPTIONS, stderr=reports)
    assert (done.returncode, done.stdout) == (0, b"")
    assert len(w2v.load(model)) > 1
    assert not (tmp_path / "m.w2v.checkpoint").exists()


@compiled_only
def test_kernels_that_cannot_be_cached_are_used(disk, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(disk))

    def add_one(number: int) -> int:
        return number + 1

    fill(disk)
    assert kernel(add_one)(5) == 6
    assert not any(path.suffix == ".kernel" for path in disk.rglob("*"))
    remove_filler(disk)
    assert kernel(add_one)(5) == 6
    assert any(path.suffix == ".kernel" for path in disk.rglob("*"))  # in the same directory


COMMANDS = {
    "vocab": ["vocab", "{text}", "-q", "--min-count", "1"],
    "pairs": ["pairs", "{text}", "-q", "--min-count", "1"],
    "similar": ["similar", "{vectors}", "word1"],
    "help": ["train", "--help"],
}


@pytest.mark.parametrize(
    ("command", "leave", "unbuffered"),
    [
        ("vocab", PAGE, ""),
        ("pairs", PAGE, ""),
        ("similar", 0, ""),
        ("similar", PAGE, ""),
        ("help", PAGE, ""),
        ("help", PAGE, "1"),  # Python itself would report no error
    ],
)
def test_stdout_on_a_full_disk_is_an_error(
    command, leave, unbuffered, disk, text, vectors, monkeypatch
):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # the kernels warn without the compiler
    fill(disk, leave)
    arguments = [part.format(text=text, vectors=vectors) for part in COMMANDS[command]]
    with (disk / "out.txt").open("wb") as out:
        done = process(*arguments, stdout=out)
    complete = process(*arguments).stdout
    written = (disk / "out.txt").read_bytes()
    assert complete.startswith(written)
    if len(complete) <= leave:
        assert (done.returncode, done.stderr, written) == (0, b"", complete)
        return
    assert len(written) == leave
    message = b"Error: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, message)


@contextmanager
def size_limit(size: int) -> Iterator[None]:
    """Limit the size of the files that this process writes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


LIMIT = rf"the file exceeds the size limit of {SIZE} \(ulimit -f\)"


@pytest.mark.parametrize("file", ["out.bin", "out.txt", "out.txt.gz"])
def test_a_file_size_limit_is_not_reported_as_a_full_disk(file, vectors, tmp_path):
    (tmp_path / file).write_bytes(b"old")
    with size_limit(20_000):
        result = run("export", vectors, "-o", tmp_path / file, "--overwrite")
    expected = rf"Error: cannot write .*/{file}: {LIMIT}: {SIZE} are needed; raise that limit, or "
    assert re.fullmatch(f"{expected}choose another directory\n", result.stderr)
    assert result.exit_code == 1
    assert content(tmp_path) == {file: b"old"}


def test_training_stopped_by_a_file_size_limit_can_be_resumed(text, uninterrupted, tmp_path):
    model = tmp_path / "m.w2v"
    with quiet(), size_limit(60_000):
        result = train(text, model, "--checkpoint-every", 0.0001)
    *_, line = result.stderr.splitlines()
    assert result.exit_code == 1
    assert re.match(f"Error: cannot save the checkpoint .*: {LIMIT}: {SIZE} are needed; ", line)
    assert names(tmp_path / "m.w2v.checkpoint") == CHECKPOINT_FILES
    with quiet():
        assert run("train", "--resume", model).exit_code == 0
    assert content(model, FILES) == content(uninterrupted, FILES)


# The estimate of the required space


@contextmanager
def peak_usage(disk: Path) -> Iterator[list[int]]:
    """Yield a list of one number, the peak of the bytes used on a disk since the start."""
    before, peak = free_bytes(disk), [0]
    done = threading.Event()

    def measure() -> None:
        peak[0] = max(peak[0], before - free_bytes(disk))

    def watch() -> None:
        while not done.wait(0.0003):
            measure()

    fsync, unlink = os.fsync, Path.unlink
    watcher = threading.Thread(target=watch)
    watcher.start()
    with pytest.MonkeyPatch.context() as patch:
        # Usage peaks before a file is removed; the thread alone may measure too late.
        patch.setattr(os, "fsync", lambda file: (measure(), fsync(file)))
        patch.setattr(Path, "unlink", lambda path, **how: (measure(), unlink(path, **how))[1])
        try:
            yield peak
        finally:
            done.set()
            watcher.join()


SHARE = 1 if JIT else 100


@pytest.mark.parametrize(
    "options",
    [
        {"dim": 400},
        {"dim": 400, "checkpoint_every": 0},
        {"dim": 100, "old": True},
        {"dim": 4},
        {"dim": 4, "checkpoint_every": 0, "old": True},
        {"dim": 4, "train_unk": True, "validation": 0.2},
        pytest.param({"dim": 4, "wide": True}, marks=compiled_only),
    ],
    ids=str,
)
def test_the_required_space_is_close_to_the_peak_usage(options, disk, tmp_path, monkeypatch):
    """It is never lower; for English and a known vocabulary size it is at most 15 % higher."""
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.05)  # several checkpoints in a short epoch
    lines = KJV.read_text().splitlines(keepends=True)[::SHARE]
    options = {"checkpoint_every": 1e-9, "epochs": 1, "threads": 1, "min_count": 2} | options
    tolerance = 1.3 if "wide" in options else 1.15
    if options.pop("wide", False):  # more than 65,536 words, as frequent as in English
        lines = [f"{line[:-1]} r{2 * i:x} r{2 * i + 1:x}\n" for i, line in enumerate(lines)] * 2
    text = tmp_path / "text.txt"
    text.write_text("".join(lines))
    vocabulary, _ = read_vocabulary(text, min_count=2, vocab_size=10**6)
    options["vocab_size"] = len(vocabulary) - bool(options.get("train_unk"))
    if options.pop("old", False):
        w2v.Embeddings(["old"], np.ones((1, 10_000))).save(disk / "m")
    required: list[int] = []
    record_required_bytes(required, monkeypatch)
    with peak_usage(disk) as used:
        w2v.train(text, output=disk / "m", overwrite=True, **options)
    assert used[0] <= required[0] <= tolerance * used[0] + 400_000
    assert required[1] <= required[0]


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "w2v", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, check=False, timeout=100, **options)


# Read-only disks


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,bind,{mode}", disk], check=True)


READ_ONLY = ": Read-only file system; choose another "


@pytest.mark.parametrize(
    ("command", "path", "remedy"),
    [
        (["train", "{text}", "--overwrite", *OPTIONS], "m.w2v", "directory"),
        (["export", "{vectors}", "-f", "npy"], "out", "directory"),
        (["export", "{vectors}"], "out.txt", "directory"),
        (["encode", "{vectors}", "{text}"], "ids.npy", "directory"),
        (
            ["train", "{text}", "-o", "m", "-q", *OPTIONS, "--log-json"],
            "log",
            "file with --log-json",
        ),
    ],
    ids=["train", "export to a directory", "export to a file", "encode", "log"],
)
def test_a_read_only_disk_is_rejected_before_reading(
    command, path, remedy, disk, old, text, vectors, monkeypatch
):
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    monkeypatch.setattr("w2v.embeddings.load.load", None)
    remount(disk, "ro")
    arguments = [str(part).format(text=text, vectors=vectors) for part in command]
    option = [] if "--log-json" in command else ["-o"]
    result = run(*arguments, *option, disk / path)
    assert result.stderr == f"Error: cannot write {disk / path}{READ_ONLY}{remedy}\n"
    assert result.exit_code == 1
    assert names_on(disk) == ["m.w2v"]


def test_resume_after_a_disk_was_read_only(disk, text, uninterrupted):
    with observing(interrupt_training):
        assert train(text, disk / "m.w2v").exit_code == 130
    before = snapshot(disk)
    remount(disk, "ro")
    result = run("train", "--resume", disk / "m.w2v")
    hint, line = result.stderr.splitlines()
    assert hint.startswith("resume with: w2v train --resume ")
    assert line == f"Error: cannot use {disk}/m.w2v.checkpoint{READ_ONLY}directory with --work-dir"
    remount(disk, "rw")
    assert snapshot(disk) == before
    check_resume(disk, uninterrupted)


# Without the permission to mount


def test_this_module_in_a_user_namespace(tmp_path):
    directory = tmp_path / "disk"
    directory.mkdir()
    if shutil.which("mount") is not None and mount_tmpfs(directory, PAGE):
        subprocess.run(["umount", directory], check=True)
        pytest.skip("disks can be mounted here without a namespace")
    namespace = ["unshare", "--map-root-user", "--mount"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*namespace, "true"], check=False).returncode
    ):
        pytest.skip("disks cannot be mounted here, even in a user namespace")
    command = [*namespace, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'inner'}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=1000,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
    assert "cannot be mounted" not in done.stdout
