"""A disk that fills up: each write is refused in a line with figures, and nothing is lost by it.

The disk is a small one in memory, mounted for each test. Who may not mount runs these tests once
more as a process of its own that may.
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
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from click.testing import CliRunner, Result

import w2v
from support import JIT, KJV, ROOT
from w2v.cli import main as cli
from w2v.cli import progress
from w2v.compute.jit import kernel
from w2v.corpus import spool
from w2v.events import Event, Reading, Training
from w2v.formats.registry import FORMATS
from w2v.pipeline import checkpoint, checkpoint_files, preflight, warmup
from w2v.pipeline import encode_file as batch
from w2v.pipeline.read import read_vocabulary
from w2v.system import atomic as output
from w2v.training import plan, runner

compiled_only = pytest.mark.skipif(not JIT, reason="takes too long without the compiler")
WORDS = 4_000 if JIT else 300
DIM = 32 if JIT else 64
PAGE = 4096
MIB = 1 << 20
OPTIONS = ["--threads", "1", "--dim", DIM, "--epochs", 2, "--min-count", 1, "--sample", 0]
FILES = ["contexts.npy", "counts.npy", "embeddings.npy", "vocab.txt"]
SIZE = r"[\d,.]+ (?:bytes|MB|GB)"
FULL = {"before": "not enough disk space", "on the way": "the disk is full"}
FIGURES = (
    rf"{SIZE} (?:are needed|were written), but {SIZE} are free in (?P<place>\S+); "
    "free some space, or "
)


def mounted(place: Path, size: int, *more: str) -> bool:
    """Mount a disk of some bytes; returns whether that is allowed."""
    options = ",".join([f"size={size}", *more])
    command = ["mount", "-t", "tmpfs", "-o", options, "none", str(place)]
    return not subprocess.run(command, capture_output=True, check=False).returncode


@pytest.fixture(scope="session")
def mounting(tmp_path_factory) -> None:
    place = tmp_path_factory.mktemp("mount")
    if shutil.which("mount") is None or not mounted(place, PAGE):
        pytest.skip("may not mount a disk here; tried again in a process of its own")
    subprocess.run(["umount", place], check=True)


@pytest.fixture
def mount(mounting, tmp_path) -> Iterator[Callable[..., Path]]:
    """Mount small disks, of some bytes and with some options each."""
    places: list[Path] = []

    def mount(size: int = 64 * MIB, *more: str) -> Path:
        places.append(tmp_path / f"disk{len(places) or ''}")
        places[-1].mkdir()
        assert mounted(places[-1], size, *more)
        return places[-1]

    yield mount
    for place in places:
        subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture
def disk(mount) -> Path:
    return mount()


def free(place: Path) -> int:
    return shutil.disk_usage(place).free


def fill(place: Path, leave: int = 0) -> None:
    """Leave so many bytes of a disk free, others having taken the rest."""
    with (place / "filler").open("ab") as file:
        os.posix_fallocate(file.fileno(), file.tell(), free(place) - leave)
    assert free(place) == leave


def free_space(place: Path) -> None:
    (place / "filler").unlink(missing_ok=True)


def names(place: Path) -> list[str]:
    return sorted(path.name for path in place.iterdir() if path.name != "filler")


def content(folder: Path, files: list[str] | None = None) -> dict[str, bytes]:
    paths = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
    return {
        path.name: path.read_bytes()
        for path in paths
        if path.is_file() and (files is None or path.name in files)
    }


@pytest.fixture(scope="session")
def text(tmp_path_factory) -> Path:
    draw = random.Random(3)
    words = [f"w{draw.randrange(WORDS)}" for _ in range(WORDS)]
    lines = [" ".join(words[i : i + 10]) for i in range(0, WORDS, 10)]
    path = tmp_path_factory.mktemp("text") / "text.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(autouse=True)
def short_spans(monkeypatch):
    monkeypatch.setattr(plan, "MAX_SPAN_POSITIONS", WORDS // 8)
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.001)
    monkeypatch.setattr(checkpoint, "_MAX_SHARE", 1e9)  # keeping may take all of the time


@pytest.fixture(scope="session")
def whole(text, tmp_path_factory) -> Path:
    """The model of a training that was not disturbed."""
    place = tmp_path_factory.mktemp("whole") / "m.w2v"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "MAX_SPAN_POSITIONS", WORDS // 8)
        assert not run("train", text, "-o", place, *OPTIONS).exit_code
    return place


@pytest.fixture
def old(disk) -> Path:
    """A model that stands where the new one is to be."""
    place = disk / "m.w2v"
    w2v.Embeddings(["old"], [[1.0, 2.0]], [3]).save(place)
    return place


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli.main, list(map(str, arguments)))


@contextmanager
def at_reports(act: Callable[[Event], None]) -> Iterator[None]:
    """Act when the command line reports something, instead of showing it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress.Lines, "__call__", lambda _, event: act(event))
        yield


def quiet() -> Any:
    return at_reports(lambda _: None)


@contextmanager
def around(
    module: Any, name: str, act: Callable[[], object], *, call: int = 1, before: bool = False
) -> Iterator[None]:
    """Act before or after the n-th call of a function."""
    function = getattr(module, name)
    calls: list[str] = []

    def acting(*arguments: Any, **options: Any) -> Any:
        calls.append(name)
        if before and len(calls) == call:
            act()
        result = function(*arguments, **options)
        if not before and len(calls) == call:
            act()
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, name, acting)
        yield
    assert len(calls) >= call


def error_of(result: Result, place: Path, *, resumable: bool = False) -> str:
    """The one line that says what went wrong, after it was looked at."""
    *more, line = result.stderr.splitlines()
    assert result.exit_code == 1, result.stderr
    assert result.stdout == ""
    assert line.startswith("Error: ")
    assert len(more) == resumable, result.stderr
    assert all(told.startswith("resume with: w2v train --resume ") for told in more)
    found = re.search(FIGURES, line)
    assert found, line
    assert Path(found["place"]).is_relative_to(place), line
    return line.removeprefix("Error: ")


# Training


def train(text: Path, model: Path, *more: object) -> Result:
    return run("train", text, "-o", model, *OPTIONS, *more)


def resumes(disk: Path, whole: Path) -> None:
    """Check that training resumes when there is space, with the same result."""
    free_space(disk)
    with quiet():
        result = run("train", "--resume", disk / "m.w2v")
    assert (result.exit_code, result.stderr) == (0, "")
    assert content(disk / "m.w2v", FILES) == content(whole, FILES)
    assert names(disk) == ["m.w2v"]


def test_a_disk_that_is_too_small_is_rejected_before_the_work(mount, text, monkeypatch):
    disk = mount(MIB // 4)
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    message = error_of(train(text, disk / "m.w2v"), disk)
    assert message.startswith("cannot store the model, the checkpoint and the encoded text")
    remedy = "--output or --work-dir, or disable checkpoints with --checkpoint-every 0"
    assert message.endswith(remedy)
    assert names(disk) == []


@pytest.mark.parametrize(
    ("module", "name", "what"),
    [
        (preflight, "check_disk", "cannot write {}/m.w2v.checkpoint/job.json: "),
        (warmup, "compile_kernels", "cannot write the encoded text to {}/m.w2v.checkpoint/enc"),
    ],
    ids=["job.json", "reading"],
)
def test_a_disk_that_fills_before_the_text_is_read_leaves_nothing(
    module, name, what, disk, old, text
):
    before = content(old)
    with quiet(), around(module, name, lambda: fill(disk)):
        message = error_of(train(text, old, "--overwrite"), disk)
    assert message.startswith(what.format(disk))
    assert names(disk) == ["m.w2v"]
    assert content(old) == before


@pytest.mark.parametrize("found", ["before", "on the way"])
@pytest.mark.parametrize(
    ("module", "call", "what"),
    [
        (spool, 1, "cannot write the encoded text to {}/m.w2v.checkpoint/encoded: "),
        (checkpoint_files, 2, "cannot write {}/m.w2v.checkpoint/corpus.json: "),
    ],
    ids=["ranks", "corpus.json"],
)
def test_a_text_that_cannot_be_encoded_leaves_nothing(module, call, what, found, disk, text):
    # The first call of the checkpoint is for job.json.
    when = {"call": call, "before": found == "before"}
    with quiet(), around(module, "require_free_space", lambda: fill(disk), **when):
        message = error_of(train(text, disk / "m.w2v"), disk)
    assert message.startswith(what.format(disk))
    assert names(disk) == []


def test_a_text_larger_than_estimated_can_be_resumed(disk, text, whole):
    with quiet(), around(preflight, "check_disk", lambda: fill(disk), call=2, before=True):
        message = error_of(train(text, disk / "m.w2v"), disk, resumable=True)
    assert message.startswith("cannot store the model, the checkpoint and")
    assert names(disk) == ["m.w2v.checkpoint"]
    resumes(disk, whole)


KEPT = ["corpus.json", "encoded", "job.json", "lock"]


@pytest.mark.parametrize("leave", [0, 2 * PAGE])
@pytest.mark.parametrize("found", ["before", "on the way"])
def test_a_first_checkpoint_without_space_can_be_resumed(found, leave, disk, old, text, whole):
    before = content(old)
    when = {"call": 3, "before": found == "before"}
    with quiet(), around(checkpoint_files, "require_free_space", lambda: fill(disk, leave), **when):
        result = train(text, old, "--overwrite", "--checkpoint-every", 0.0001)
    message = error_of(result, disk, resumable=True)
    assert message.startswith(
        f"cannot save the checkpoint {disk}/m.w2v.checkpoint: {FULL[found]}: "
    )
    assert message.endswith(", or disable checkpoints with --checkpoint-every 0")
    assert names(disk / "m.w2v.checkpoint") == KEPT
    assert names(disk) == ["m.w2v", "m.w2v.checkpoint"]
    assert content(old) == before
    resumes(disk, whole)


@pytest.mark.parametrize("leave", [0, 2 * PAGE])
@pytest.mark.parametrize("found", ["before", "on the way"])
def test_a_second_checkpoint_without_space_leaves_the_first(found, leave, disk, text, whole):
    state = disk / "m.w2v.checkpoint" / "state"
    first = []

    def act() -> None:
        first.append(state.read_bytes())
        fill(disk, leave)

    when = {"call": 4, "before": found == "before"}
    with quiet(), around(checkpoint_files, "require_free_space", act, **when):
        result = train(text, disk / "m.w2v", "--checkpoint-every", 0.0001)
    message = error_of(result, disk, resumable=True)
    assert message.startswith("cannot save the checkpoint")
    assert names(disk / "m.w2v.checkpoint") == [*KEPT, "state"]
    assert [state.read_bytes()] == first
    resumes(disk, whole)


def test_an_interrupt_without_space_can_be_resumed(disk, text, whole):
    def stop(event: Event) -> None:
        if isinstance(event, Training):
            fill(disk)
            raise KeyboardInterrupt

    with at_reports(stop):
        result = train(text, disk / "m.w2v")
    assert error_of(result, disk, resumable=True).startswith("cannot save the checkpoint")
    assert names(disk / "m.w2v.checkpoint") == KEPT
    resumes(disk, whole)


@pytest.mark.parametrize("replacing", [True, False])
@pytest.mark.parametrize("whole_files", [None, 0, 1, 2, 3, 4])
def test_a_model_without_space_can_be_resumed(whole_files, replacing, disk, text, whole):
    model, before = disk / "m.w2v", {}
    if replacing:
        w2v.Embeddings(["old"], [[1.0, 2.0]], [3]).save(model)
        before = content(model)
    order = ["embeddings.npy", "contexts.npy", "vocab.txt", "counts.npy", "meta.json"]
    sizes = [(whole / name).stat().st_size for name in order[: whole_files or 0]]
    leave = sum(-(-size // PAGE) * PAGE for size in sizes)
    when = {"before": whole_files is None}
    with quiet(), around(output, "require_free_space", lambda: fill(disk, leave), **when):
        result = train(text, model, *["--overwrite"] * replacing)
    message = error_of(result, disk, resumable=True)
    reason = FULL["before" if whole_files is None else "on the way"]
    assert message.startswith(f"cannot write {model}: {reason}: ")
    assert names(disk) == ["m.w2v"] * replacing + ["m.w2v.checkpoint"]
    if replacing:
        assert content(model) == before
    resumes(disk, whole)


def test_a_resume_without_space_changes_nothing(disk, text, whole):
    """A disk that is still full when the training goes on leaves what there was."""
    with quiet(), around(output, "require_free_space", lambda: fill(disk)):
        error_of(train(text, disk / "m.w2v"), disk, resumable=True)
    before = content(disk / "m.w2v.checkpoint")
    with quiet():
        result = run("train", "--resume", disk / "m.w2v")
    error_of(result, disk, resumable=True)
    assert content(disk / "m.w2v.checkpoint") == before
    resumes(disk, whole)


def test_without_checkpoints_a_full_disk_leaves_nothing(disk, text):
    with quiet(), around(output, "require_free_space", lambda: fill(disk)):
        error_of(train(text, disk / "m.w2v", "--checkpoint-every", 0), disk)
    assert names(disk) == []


def test_work_dir_may_be_on_another_disk(mount, text, whole):
    """Each of the two is told by its name."""
    disk, work = mount(), mount()
    where = ["--work-dir", work]
    with quiet(), around(output, "require_free_space", lambda: fill(disk)):
        result = train(text, disk / "m.w2v", *where)
    error_of(result, disk, resumable=True)
    assert f"--resume {disk}/m.w2v --work-dir {work}\n" in result.stderr
    assert len(names(work)) == 1
    assert names(disk) == []
    fill(work, 8 * PAGE)
    free_space(disk)
    with quiet():
        result = run("train", "--resume", disk / "m.w2v", *where)
    assert error_of(result, work, resumable=True).startswith("cannot store the checkpoint")
    free_space(work)
    with quiet():
        assert not run("train", "--resume", disk / "m.w2v", *where).exit_code
    assert content(disk / "m.w2v", FILES) == content(whole, FILES)
    assert (names(disk), names(work)) == (["m.w2v"], [])


def test_reading_without_training_leaves_nothing(disk, text):
    with quiet(), around(warmup, "compile_kernels", lambda: fill(disk)):
        result = run("pairs", text, "--work-dir", disk)
    assert error_of(result, disk).startswith(f"cannot write the encoded text to {disk}/w2v-")
    assert names(disk) == []


def test_a_directory_without_inodes(mount, text):
    disk = mount(64 * MIB, "nr_inodes=20")

    def take_all() -> None:
        (disk / "filler").mkdir()
        with contextlib.suppress(OSError):
            for i in range(20):
                (disk / "filler" / str(i)).touch()

    with quiet(), around(warmup, "compile_kernels", take_all):
        result = train(text, disk / "m.w2v")
    message = f"cannot create {disk}/m.w2v.checkpoint/encoded: the disk has no free inodes, so it "
    assert result.stderr.startswith(f"Error: {message}cannot hold another file: ")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert names(disk) == []


def note_what_is_asked(asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have each number of bytes for which a job looks for room written down."""
    check = preflight.require_free_space

    def note(folder: Path, needed: int, *more: str) -> None:
        asked.append(needed)
        check(folder, needed, *more)

    monkeypatch.setattr(preflight, "require_free_space", note)


def stop_in_training(event: Event) -> None:
    if isinstance(event, Training):
        raise KeyboardInterrupt


def test_saved_files_need_no_more_space(disk, text, whole, monkeypatch):
    """A training that goes on, or is dropped for another one, needs what it has kept no more."""
    model = disk / "m.w2v"
    asked: list[int] = []
    note_what_is_asked(asked, monkeypatch)
    anew = ["train", text, "-o", model, "--overwrite", *OPTIONS]
    for again, check in (anew, 0), (["train", "--resume", model], 1):
        asked.clear()
        with at_reports(stop_in_training):
            assert train(text, model).exit_code == 130
        kept = (model.with_name("m.w2v.checkpoint") / "state").stat().st_size
        fill(disk, (asked[check] - kept) // PAGE * PAGE + PAGE)
        with quiet():
            result = run(*again)
        assert (result.exit_code, result.stderr) == (0, "")
        assert content(model, FILES) == content(whole, FILES)
        free_space(disk)
        shutil.rmtree(model)


@pytest.mark.parametrize("files", [1, 2, 3, 5, 6, 7, 9])
def test_a_disk_without_inodes_is_not_reported_as_full(files, mount, text):
    disk = mount(64 * MIB, f"nr_inodes={files + 1}")
    with quiet():
        result = train(text, disk / "m.w2v", "--checkpoint-every", 0.0001)
    left = names(disk)
    message = result.stderr.splitlines()[-1]
    assert result.exit_code == 1
    assert re.search(rf"(cannot hold|had no space for) another file: .* in {disk}", message)
    assert left == (["m.w2v.checkpoint"] if "resume with" in result.stderr else [])


# Other files


@pytest.fixture(scope="session")
def vectors(tmp_path_factory) -> Path:
    """A model of 600 words x 64 to be written in other formats."""
    matrix = np.random.default_rng(5).normal(size=(600, 64)).astype(np.float32)
    tokenizer = {"tokenizer": {"name": "unicode", "lowercase": True}}
    words = [f"word{i}" for i in range(len(matrix))]
    place = tmp_path_factory.mktemp("vectors") / "vectors.w2v"
    w2v.Embeddings(words, matrix, [5] * len(matrix), tokenizer).save(place)
    return place


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


def needs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip a format whose package is not installed."""
    packages = {"safetensors": ["safetensors"], "hf": ["safetensors"], "keras": ["keras", "h5py"]}
    monkeypatch.setenv("KERAS_BACKEND", os.environ.get("KERAS_BACKEND", "numpy"))
    for package in packages.get(name, []):
        pytest.importorskip(package)


def test_every_format_is_tested():
    assert {name for name, _ in EXPORTS} == set(FORMATS)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Keras
@pytest.mark.parametrize("replacing", [True, False])
@pytest.mark.parametrize("share", [None, 0, 0.4, 0.9])
@pytest.mark.parametrize(("name", "file"), EXPORTS)
def test_vectors_without_space(name, file, share, replacing, disk, vectors, monkeypatch):
    needs(name, monkeypatch)
    target = disk / file
    before = {}
    command = ["export", vectors, "-f", name, "-o", target]
    assert run(*command).exit_code == 0
    size = 64 * MIB - free(disk)
    if replacing:
        before = content(target)
    else:
        shutil.rmtree(target) if target.is_dir() else target.unlink()
    leave = int((share or 0) * size) // PAGE * PAGE
    when = {"before": share is None}
    with around(output, "require_free_space", lambda: fill(disk, leave), **when):
        result = run(*command, *["--overwrite"] * replacing)
    message = error_of(result, disk)
    reason = FULL["before" if share is None else "on the way"]
    assert message.startswith(f"cannot write {target}: {reason}: ")
    told = re.search(r": ([\d.,]+) (bytes|MB) are needed", message)
    needed = float(told[1].replace(",", "")) * {"bytes": 1, "MB": 10**6}[told[2]]
    assert 0.85 * size - 50_000 <= needed <= 1.05 * size + 50_000
    assert names(disk) == [file] * replacing
    if replacing:
        assert content(target) == before
    free_space(disk)
    assert run(*command, *["--overwrite"] * replacing).exit_code == 0
    assert w2v.load(target).words == w2v.load(vectors).words


@pytest.mark.parametrize("share", [None, 0, 0.5])
def test_convert_without_space(share, disk, vectors):
    leave = int((share or 0) * 100_000) // PAGE * PAGE
    when = {"before": share is None}
    with around(output, "require_free_space", lambda: fill(disk, leave), **when):
        result = run("convert", vectors, disk / "out.bin")
    reason = FULL["before" if share is None else "on the way"]
    assert error_of(result, disk).startswith(f"cannot write {disk}/out.bin: {reason}: ")
    assert names(disk) == []


@pytest.fixture
def texts(tmp_path) -> Path:
    path = tmp_path / "texts.txt"
    path.write_text("".join(f"word{i % 600} word1 word2 other\n" for i in range(5_000)))
    return path


@pytest.mark.parametrize("leave", [0, 2 * PAGE])
def test_temporary_ids_without_space(leave, disk, vectors, texts):
    fill(disk, leave)
    (disk / "ids.npy").write_bytes(b"")
    result = run("encode", vectors, texts, "-o", disk / "ids.npy", "--overwrite")
    assert error_of(result, disk).startswith(f"cannot write temporary ids to {disk}: the disk is ")
    assert content(disk / "ids.npy") == {"ids.npy": b""}
    assert names(disk) == ["ids.npy"]


@pytest.mark.parametrize("found", ["before", "before writing", "on the way"])
def test_ids_without_space(found, disk, vectors, texts):
    target = disk / "ids.npy"
    target.write_bytes(b"old")
    where = (batch, "require_free_space") if found == "before" else (output, "require_free_space")
    when = {"before": found != "on the way"}
    with around(*where, lambda: fill(disk, 4 * PAGE), **when):
        result = run("encode", vectors, texts, "-o", target, "--overwrite")
    message = error_of(result, disk)
    reason = FULL["on the way" if found == "on the way" else "before"]
    assert message.startswith(f"cannot write {target}: {reason}: ")
    if found == "before":
        assert message.endswith("choose another directory with --output, or a smaller --length")
    assert content(target) == {"ids.npy": b"old"}
    assert names(disk) == ["ids.npy"]


def test_ids_are_written_to_the_target_of_a_link(mount, vectors, texts):
    """What a link leads to is on another disk than the link."""
    disk, other = mount(), mount()
    (disk / "ids.npy").symlink_to(other / "real.npy")
    fill(disk)
    assert run("encode", vectors, texts, "-o", disk / "ids.npy").exit_code == 0
    assert names(other) == ["real.npy"]


@pytest.mark.parametrize("stage", [Reading, Training])
def test_a_log_without_space(stage, disk, text, tmp_path, monkeypatch):
    """What was written of it stays; a training goes on without it."""
    monkeypatch.setattr(progress, "_JSON_SECONDS", 0.0)
    log = disk / "log.jsonl"
    written: list[int] = []

    def act(event: Event) -> None:
        if isinstance(event, stage) and not written:
            written.append(log.stat().st_size)
            fill(disk)

    model = tmp_path / "m.w2v"
    more = ["--log-json", log, "--epochs", 60 if JIT else 10, "--checkpoint-every", 0.0001]
    with at_reports(act):
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


def test_reports_without_space_do_not_stop_training(disk, text, tmp_path):
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
    free_space(disk)
    assert kernel(add_one)(5) == 6
    assert any(path.suffix == ".kernel" for path in disk.rglob("*"))  # where it was tried before


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
        ("help", PAGE, "1"),  # with which Python itself would say nothing
    ],
)
def test_output_without_space(command, leave, unbuffered, disk, text, vectors, monkeypatch):
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # which there are without the compiler
    fill(disk, leave)
    arguments = [part.format(text=text, vectors=vectors) for part in COMMANDS[command]]
    with (disk / "out.txt").open("wb") as out:
        done = process(*arguments, stdout=out)
    whole = process(*arguments).stdout
    written = (disk / "out.txt").read_bytes()
    assert whole.startswith(written)
    if len(whole) <= leave:
        assert (done.returncode, done.stderr, written) == (0, b"", whole)
        return
    assert len(written) == leave
    message = b"Error: cannot write the output: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, message)


@contextmanager
def size_limit(size: int) -> Iterator[None]:
    """Let no file grow beyond some bytes."""
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


def test_training_stopped_by_a_file_size_limit_can_be_resumed(text, whole, tmp_path):
    place = tmp_path / "m.w2v"
    with quiet(), size_limit(60_000):
        result = train(text, place, "--checkpoint-every", 0.0001)
    *_, line = result.stderr.splitlines()
    assert result.exit_code == 1
    assert re.match(f"Error: cannot save the checkpoint .*: {LIMIT}: {SIZE} are needed; ", line)
    assert names(tmp_path / "m.w2v.checkpoint") == KEPT
    with quiet():
        assert run("train", "--resume", place).exit_code == 0
    assert content(place, FILES) == content(whole, FILES)


# The estimate before the start


@contextmanager
def watched(place: Path) -> Iterator[list[int]]:
    """Yield a list that will hold the most bytes that were taken of a disk meanwhile."""
    before, most = free(place), [0]
    done = threading.Event()

    def look() -> None:
        most[0] = max(most[0], before - free(place))

    def watch() -> None:
        while not done.wait(0.0003):
            look()

    real, unlink = os.fsync, Path.unlink
    watcher = threading.Thread(target=watch)
    watcher.start()
    with pytest.MonkeyPatch.context() as patch:
        # There is most before something goes, and the watcher may have to wait for its turn.
        patch.setattr(os, "fsync", lambda file: (look(), real(file)))
        patch.setattr(Path, "unlink", lambda path, **how: (look(), unlink(path, **how))[1])
        try:
            yield most
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
def test_the_required_space_is_used(options, disk, tmp_path, monkeypatch):
    """Never less, and for English a seventh more at most if the size of the vocabulary is known."""
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.2)
    lines = KJV.read_text().splitlines(keepends=True)[::SHARE]
    options = {"checkpoint_every": 1e-9, "epochs": 1, "threads": 1, "min_count": 2} | options
    most = 1.3 if "wide" in options else 1.15
    if options.pop("wide", False):  # more words than 16 bits number, as frequent as in English
        lines = [f"{line[:-1]} r{2 * i:x} r{2 * i + 1:x}\n" for i, line in enumerate(lines)] * 2
    text = tmp_path / "text.txt"
    text.write_text("".join(lines))
    vocabulary, _ = read_vocabulary(text, min_count=2, vocab_size=10**6)
    options["vocab_size"] = len(vocabulary) - bool(options.get("train_unk"))
    if options.pop("old", False):
        w2v.Embeddings(["old"], np.ones((1, 10_000))).save(disk / "m")
    asked: list[int] = []
    note_what_is_asked(asked, monkeypatch)
    with watched(disk) as taken:
        w2v.train(text, output=disk / "m", overwrite=True, **options)
    assert taken[0] <= asked[0] <= most * taken[0] + 400_000
    assert asked[1] <= asked[0]


def process(*arguments: object, **options: Any) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "w2v", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(command, check=False, timeout=100, **options)


# A disk that may only be read


def remount(disk: Path, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,bind,{how}", disk], check=True)


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
    ids=["train", "export to a folder", "export to a file", "encode", "log"],
)
def test_a_read_only_disk_is_rejected_before_the_work(
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
    assert names(disk) == ["m.w2v"]


def test_resume_after_a_disk_was_read_only(disk, text, whole):
    with at_reports(stop_in_training):
        assert train(text, disk / "m.w2v").exit_code == 130
    before = content(disk)
    remount(disk, "ro")
    result = run("train", "--resume", disk / "m.w2v")
    go_on, line = result.stderr.splitlines()
    assert go_on.startswith("resume with: w2v train --resume ")
    assert line == f"Error: cannot use {disk}/m.w2v.checkpoint{READ_ONLY} with --work-dir"
    remount(disk, "rw")
    assert content(disk) == before
    resumes(disk, whole)


# Who may not mount


def test_mounting_in_a_user_namespace(tmp_path):
    place = tmp_path / "place"
    place.mkdir()
    if shutil.which("mount") is not None and mounted(place, PAGE):
        subprocess.run(["umount", place], check=True)
        pytest.skip("disks may be mounted here, so these tests have run already")
    own = ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*own, "true"], check=False).returncode:
        pytest.skip("disks may not be mounted here, and there are no namespaces for it")
    command = [*own, sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'own'}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=1000,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout
    assert "may not be mounted" not in done.stdout
