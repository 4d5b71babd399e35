"""A disk that fills up: each write is refused in a line with figures, and nothing is lost by it.

The disk is a small one in memory, mounted for each test. Who may not mount runs these tests once
more as a process of its own that may.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
import pytest
from click.testing import CliRunner, Result

import w2v
from w2v import checkpoint, cli, corpus, job, output, preflight, progress, trainer
from w2v.events import Event, Training

JIT = not numba.config.DISABLE_JIT
WORDS = 4_000 if JIT else 300
DIM = 32 if JIT else 64
PAGE = 4096
MIB = 1 << 20
OPTIONS = ["--threads", "1", "--dim", DIM, "--epochs", 2, "--min-count", 1, "--sample", 0]
FILES = ["contexts.npy", "counts.npy", "embeddings.npy", "vocab.txt"]
SIZE = r"[\d,.]+ (?:bytes|MB|GB)"
FIGURES = (
    rf"(?:in (?P<place>\S+): up to {SIZE} are needed, but {SIZE} are free"
    rf"|{SIZE} (?:are needed|were written), but {SIZE} are free in (?P<there>\S+)); make room, or "
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


def make_room(place: Path) -> None:
    (place / "filler").unlink()


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
    monkeypatch.setattr(trainer, "_MOST_SPAN_WORDS", WORDS // 8)
    monkeypatch.setattr(trainer, "_REPORT_SECONDS", 0.001)
    monkeypatch.setattr(checkpoint, "_SHARE", 1e9)  # keeping may take all of the time


@pytest.fixture(scope="session")
def whole(text, tmp_path_factory) -> Path:
    """The model of a training that was not disturbed."""
    place = tmp_path_factory.mktemp("whole") / "m.w2v"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trainer, "_MOST_SPAN_WORDS", WORDS // 8)
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
    assert all(told.startswith("go on with: w2v train --resume ") for told in more)
    found = re.search(FIGURES, line)
    assert found, line
    assert Path(found["place"] or found["there"]).is_relative_to(place), line
    return line.removeprefix("Error: ")


# Training


def train(text: Path, model: Path, *more: object) -> Result:
    return run("train", text, "-o", model, *OPTIONS, *more)


def goes_on(disk: Path, whole: Path) -> None:
    """See that a training goes on when there is room, as if it had not been stopped."""
    make_room(disk)
    with quiet():
        result = run("train", "--resume", disk / "m.w2v")
    assert (result.exit_code, result.stderr) == (0, "")
    assert content(disk / "m.w2v", FILES) == content(whole, FILES)
    assert names(disk) == ["m.w2v"]


def test_a_disk_that_is_too_small_is_refused_before_the_work(mount, text, monkeypatch):
    disk = mount(MIB // 4)
    monkeypatch.setattr(job, "compile_kernels", None)  # which is not called
    message = error_of(train(text, disk / "m.w2v"), disk)
    assert message.startswith("there is no room for the model, the checkpoint and the encoded text")
    remedy = "--output or --work-dir, or go without checkpoints by --checkpoint-every 0"
    assert message.endswith(remedy)
    assert names(disk) == []


@pytest.mark.parametrize(
    ("module", "name", "leave", "what"),
    [
        (preflight, "check_disk", 0, "cannot write {}/m.w2v.checkpoint/job.json: "),
        (preflight, "check_disk", PAGE, "cannot write the encoded text to {}/m.w2v.checkpoint/w2v"),
        (job, "compile_kernels", 0, "cannot write the encoded text to {}/m.w2v.checkpoint/enc"),
    ],
    ids=["job.json", "compiling", "reading"],
)
def test_until_the_text_is_read_nothing_is_left(module, name, leave, what, disk, old, text):
    before = content(old)
    with quiet(), around(module, name, lambda: fill(disk, leave)):
        message = error_of(train(text, old, "--overwrite"), disk)
    assert message.startswith(what.format(disk))
    assert names(disk) == ["m.w2v"]
    assert content(old) == before


@pytest.mark.parametrize("found", ["before", "on the way"])
@pytest.mark.parametrize(
    ("module", "call", "what"),
    [
        (corpus, 2, "cannot write the encoded text to {}/m.w2v.checkpoint/encoded: "),
        (checkpoint, 2, "cannot write {}/m.w2v.checkpoint/corpus.json: "),
    ],
    ids=["ranks", "corpus.json"],
)
def test_of_a_text_that_could_not_be_encoded_nothing_is_left(module, call, what, found, disk, text):
    # The first call is for the text by which everything is compiled, or for job.json.
    when = {"call": call, "before": found == "before"}
    with quiet(), around(module, "check_room", lambda: fill(disk), **when):
        message = error_of(train(text, disk / "m.w2v"), disk)
    assert message.startswith(what.format(disk))
    assert names(disk) == []


def test_a_text_that_is_larger_than_it_seemed_leaves_a_training_to_go_on_with(disk, text, whole):
    with quiet(), around(preflight, "check_disk", lambda: fill(disk), call=2, before=True):
        message = error_of(train(text, disk / "m.w2v"), disk, resumable=True)
    assert message.startswith("there is no room for the model, the checkpoint and")
    assert names(disk) == ["m.w2v.checkpoint"]
    goes_on(disk, whole)


KEPT = ["corpus.json", "encoded", "job.json", "lock"]


@pytest.mark.parametrize("leave", [0, 2 * PAGE])
@pytest.mark.parametrize("found", ["before", "on the way"])
def test_a_first_state_for_which_there_is_no_room(found, leave, disk, old, text, whole):
    before = content(old)
    when = {"call": 3, "before": found == "before"}
    with quiet(), around(checkpoint, "check_room", lambda: fill(disk, leave), **when):
        result = train(text, old, "--overwrite", "--checkpoint-every", 0.0001)
    message = error_of(result, disk, resumable=True)
    assert message.startswith(
        f"cannot keep the training in {disk}/m.w2v.checkpoint: the disk is full: "
    )
    assert message.endswith(", or go without by --checkpoint-every 0")
    assert names(disk / "m.w2v.checkpoint") == KEPT
    assert names(disk) == ["m.w2v", "m.w2v.checkpoint"]
    assert content(old) == before
    goes_on(disk, whole)


@pytest.mark.parametrize("leave", [0, 2 * PAGE])
@pytest.mark.parametrize("found", ["before", "on the way"])
def test_a_second_state_without_room_leaves_the_first(found, leave, disk, text, whole):
    state = disk / "m.w2v.checkpoint" / "state"
    first = []

    def act() -> None:
        first.append(state.read_bytes())
        fill(disk, leave)

    when = {"call": 4, "before": found == "before"}
    with quiet(), around(checkpoint, "check_room", act, **when):
        result = train(text, disk / "m.w2v", "--checkpoint-every", 0.0001)
    message = error_of(result, disk, resumable=True)
    assert message.startswith("cannot keep the training in")
    assert names(disk / "m.w2v.checkpoint") == [*KEPT, "state"]
    assert [state.read_bytes()] == first
    goes_on(disk, whole)


def test_an_interrupt_for_which_there_is_no_room(disk, text, whole):
    def stop(event: Event) -> None:
        if isinstance(event, Training):
            fill(disk)
            raise KeyboardInterrupt

    with at_reports(stop):
        result = train(text, disk / "m.w2v")
    assert error_of(result, disk, resumable=True).startswith("cannot keep the training in")
    assert names(disk / "m.w2v.checkpoint") == KEPT
    goes_on(disk, whole)


@pytest.mark.parametrize("replacing", [True, False])
@pytest.mark.parametrize("whole_files", [None, 0, 1, 2, 3, 4])
def test_a_model_for_which_there_is_no_room(whole_files, replacing, disk, text, whole):
    model, before = disk / "m.w2v", {}
    if replacing:
        w2v.Embeddings(["old"], [[1.0, 2.0]], [3]).save(model)
        before = content(model)
    order = ["embeddings.npy", "contexts.npy", "vocab.txt", "counts.npy", "meta.json"]
    sizes = [(whole / name).stat().st_size for name in order[: whole_files or 0]]
    leave = sum(-(-size // PAGE) * PAGE for size in sizes)
    when = {"before": whole_files is None}
    with quiet(), around(output, "check_room", lambda: fill(disk, leave), **when):
        result = train(text, model, *["--overwrite"] * replacing)
    message = error_of(result, disk, resumable=True)
    assert message.startswith(f"cannot write {model}: the disk is full: ")
    assert names(disk) == ["m.w2v"] * replacing + ["m.w2v.checkpoint"]
    if replacing:
        assert content(model) == before
    goes_on(disk, whole)


def test_a_text_that_was_read_again_in_vain_leaves_nothing_half_written(disk, text, whole):
    """A disk that is still full when the training goes on leaves what there was."""
    with quiet(), around(output, "check_room", lambda: fill(disk)):
        error_of(train(text, disk / "m.w2v"), disk, resumable=True)
    before = content(disk / "m.w2v.checkpoint")
    with quiet():
        result = run("train", "--resume", disk / "m.w2v")
    error_of(result, disk, resumable=True)
    assert content(disk / "m.w2v.checkpoint") == before
    goes_on(disk, whole)


def test_without_checkpoints_nothing_is_left_of_a_model_without_room(disk, text):
    with quiet(), around(output, "check_room", lambda: fill(disk)):
        error_of(train(text, disk / "m.w2v", "--checkpoint-every", 0), disk)
    assert names(disk) == []


def test_the_work_may_lie_on_another_disk(mount, text, whole):
    """Each of the two is told by its name."""
    disk, work = mount(), mount()
    where = ["--work-dir", work]
    with quiet(), around(output, "check_room", lambda: fill(disk)):
        result = train(text, disk / "m.w2v", *where)
    error_of(result, disk, resumable=True)
    assert f"--resume {disk}/m.w2v --work-dir {work}\n" in result.stderr
    assert len(names(work)) == 1
    assert names(disk) == []
    fill(work, 8 * PAGE)
    make_room(disk)
    with quiet():
        result = run("train", "--resume", disk / "m.w2v", *where)
    assert error_of(result, work, resumable=True).startswith("there is no room for the checkpoint")
    make_room(work)
    with quiet():
        assert not run("train", "--resume", disk / "m.w2v", *where).exit_code
    assert content(disk / "m.w2v", FILES) == content(whole, FILES)
    assert (names(disk), names(work)) == (["m.w2v"], [])


def test_text_that_is_only_read_leaves_nothing(disk, text):
    with quiet(), around(job, "compile_kernels", lambda: fill(disk)):
        result = run("pairs", text, "--work-dir", disk)
    assert error_of(result, disk).startswith(f"cannot write the encoded text to {disk}/w2v-")
    assert names(disk) == []


@pytest.mark.parametrize("files", [1, 2, 3, 5, 6, 7, 9])
def test_a_disk_that_takes_no_more_files_is_told_from_a_full_one(files, mount, text):
    disk = mount(64 * MIB, f"nr_inodes={files + 1}")
    with quiet():
        result = train(text, disk / "m.w2v", "--checkpoint-every", 0.0001)
    left = names(disk)
    message = result.stderr.splitlines()[-1]
    assert result.exit_code == 1
    assert re.search(
        rf"room for (another file, however small|no more files): .* in {disk}", message
    )
    assert left == (["m.w2v.checkpoint"] if "go on with" in result.stderr else [])
