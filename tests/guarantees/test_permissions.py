"""No right to write, and odd places: refused in a line, and before the long work if that can be.

To the superuser everything is permitted; so commands run in a child that gives up its rights.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner

import support
import w2v
from support import hand_over
from w2v.cli import main as cli
from w2v.cli import progress
from w2v.events import Event, Training
from w2v.pipeline import checkpoint, warmup
from w2v.pipeline import train as job
from w2v.training import plan, runner

OPTIONS = ["--threads", "1", "--dim", "8", "--epochs", "2", "--min-count", "1", "--sample", "0"]
TINY = [*OPTIONS, "--quiet"]
TEXT = "some words and other words\n" * 9


@dataclass
class Done:
    """What a command printed and how it ended."""

    code: int
    stdout: str
    stderr: str


def run(*arguments: object) -> Done:
    result = CliRunner().invoke(cli.main, list(map(str, arguments)))
    trouble = result.exception
    shown = "" if isinstance(trouble, SystemExit | None) else f"{trouble!r}\n"
    return Done(result.exit_code, result.stdout, shown + result.stderr)


def unprivileged(work: Callable[[], Done]) -> Done:
    """Do some work without the rights of the superuser."""
    return Done(**support.unprivileged(lambda: vars(work())))


@pytest.fixture
def place(monkeypatch) -> Iterator[Path]:
    """The current folder, which has a text, a model and an output in it."""
    folder = Path(tempfile.mkdtemp())
    (folder / "text.txt").write_text(TEXT)
    (folder / "file").write_text("mine")
    (folder / "loop").symlink_to("loop")
    for name in ("locked", "shut", "open"):
        (folder / name).mkdir()
    w2v.Embeddings(["some", "words"], [[1.0, 2.0], [3.0, 4.0]]).save(folder / "old")
    hand_over(folder)
    (folder / "locked").chmod(0o555)
    (folder / "shut").chmod(0o666)
    monkeypatch.chdir(folder)
    yield folder
    for path in (folder, *folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    monkeypatch.undo()
    shutil.rmtree(folder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory) -> None:
    """Load all that commands load when they need it, which a child without rights may not."""
    folder = tmp_path_factory.mktemp("loaded")
    (folder / "text.txt").write_text(TEXT)
    model = folder / "m"
    assert run("train", folder / "text.txt", "-o", model, *TINY).code == 0
    assert run("export", model, "-o", folder / "m.bin").code == 0
    assert run("convert", folder / "m.bin", folder / "m.txt").code == 0
    assert run("encode", model, folder / "text.txt", "-o", folder / "ids.npy").code == 0


def refused(*arguments: object) -> str:
    """The line by which a command is refused that leaves nothing."""
    before = sorted(os.walk("."))
    done = unprivileged(lambda: run(*arguments))
    assert (done.code, done.stdout) == (1, ""), done
    assert sorted(os.walk(".")) == before
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("Error: ")[:-1]


LOOP = "{} is a symbolic link to itself; choose another name"
NO_FOLDER = (
    "cannot write {}: there is no directory {}/{}; create it first or choose another directory"
)
DENIED = "cannot write {}: Permission denied; choose another directory"
TOO_LONG = "cannot write {}: File name too long; choose a shorter name"
PLACES = {
    "locked/m": DENIED,
    "shut/m": DENIED,
    "loop": LOOP,
    "loop/m": NO_FOLDER.format("{0}", "{1}", "loop"),
    "file/m": NO_FOLDER.format("{0}", "{1}", "file"),
    "missing/m": NO_FOLDER.format("{0}", "{1}", "missing"),
    "leads/nowhere": NO_FOLDER.format("{0}", "{1}", "leads"),
    "x" * 238: TOO_LONG,
    "x" * 256: TOO_LONG,
}
COMMANDS = {
    "train": ["train", "text.txt", *TINY],
    "train anew": ["train", "text.txt", "--overwrite", *TINY],
    "export to a folder": ["export", "old", "-f", "npy"],
    "export to a file": ["export", "old", "-f", "word2vec-bin", "--overwrite"],
    "encode": ["encode", "old", "text.txt"],
}


@pytest.mark.parametrize("path", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_unwritable_path_is_rejected_before_the_work(command, path, place, monkeypatch):
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    monkeypatch.setattr("w2v.embeddings.load.load", None)
    message = refused(*COMMANDS[command], "-o", path)
    assert message == PLACES[path].format(path, place)


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize(
    ("command", "path", "reason"),
    [
        (["train", "text.txt", *TINY], "file", "is neither a model directory"),
        (["export", "old", "-f", "npy"], "file", "is neither a model directory"),
        (["export", "old", "-f", "glove"], "open", "is not a regular file"),
        (["encode", "old", "text.txt"], "open", "is not a regular file"),
    ],
)
def test_other_files_are_not_replaced(command, path, reason, overwrite, place):
    message = refused(*command, "-o", path, *overwrite)
    assert message.startswith(f"{path} {reason if overwrite else 'exists already'}")


@pytest.mark.parametrize("inside", ["locked", "shut"])
def test_a_model_that_cannot_be_removed_is_rejected_before_the_work(inside, place, monkeypatch):
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    (place / "old").chmod((place / inside).stat().st_mode)
    message = refused("train", "text.txt", "-o", "old", "--overwrite", *TINY)
    assert message in (
        "no permission to remove the files of old; choose another name",
        DENIED.format("old"),  # or even looked at
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("locked", "cannot create {}/m.{}.checkpoint: Permission denied; "),
        ("shut", "cannot create {}/m.{}.checkpoint: Permission denied; "),
        ("shut/x", None),
        ("file", None),
        ("file/x", None),
        ("loop", None),
        ("missing", None),
        ("x" * 256, None),
    ],
)
def test_an_unusable_work_dir_is_rejected_before_the_work(path, reason, place, monkeypatch):
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    none = (
        "cannot store the encoded text in {}: the directory does not exist or cannot be entered; "
    )
    message = refused("train", "text.txt", "-o", "m", "--work-dir", path, *TINY)
    mark = checkpoint.checkpoint_dir(Path("m"), "open").name.split(".")[1]
    assert message.startswith((reason or none).format(path, mark))
    message = refused("train", "--resume", "m", "--work-dir", path)
    assert message.startswith("there is no unfinished training" if reason else none.format(path))
    message = refused("pairs", "text.txt", "--work-dir", path, "-q") if not reason else ""
    assert not message or message.startswith(none.format(path))


def test_reading_without_training_needs_a_temporary_directory(place, monkeypatch):
    message = refused("pairs", "text.txt", "--work-dir", "locked", "-q")
    assert message.startswith("cannot create a temporary directory in locked: Permission denied; ")

    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    assert refused("pairs", "text.txt", "-q") == (
        "cannot store the encoded text: No usable temporary directory found in ['/tmp']; choose a "
        "directory with --work-dir"
    )


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("locked/log", "Permission denied"),
        ("shut/log", "Permission denied"),
        ("loop", "Too many levels of symbolic links"),
        ("file/log", "Not a directory"),
        ("open", "Is a directory"),
        ("missing/log", "No such file or directory"),
        ("x" * 256, "File name too long"),
    ],
)
def test_an_unwritable_log_is_rejected_before_the_work(path, reason, place, monkeypatch):
    monkeypatch.setattr(job, "train", None)  # must not be called
    message = refused("train", "text.txt", "--log-json", path, *TINY)
    assert message == f"cannot write {path}: {reason}; choose another file with --log-json"


def test_names_up_to_the_limit_are_accepted(place):
    longest = "x" * 237
    done = unprivileged(lambda: run("train", "text.txt", "-o", longest, *TINY))
    assert (done.code, done.stderr) == (0, "")
    done = unprivileged(lambda: run("train", "text.txt", "-o", longest, "--overwrite", *TINY))
    assert (done.code, done.stderr) == (0, "")
    done = unprivileged(lambda: run("export", longest, "-o", "y" * 233 + ".bin"))
    assert (done.code, done.stderr) == (0, "")
    command = ["train", "text.txt", "-o", longest, "--overwrite", "--work-dir", "open"]
    message = refused(*command, *TINY)
    assert message.startswith("cannot create open/xxx")
    assert message.endswith("File name too long; choose another directory with --work-dir")


def test_a_dangling_link_is_followed(place):
    (place / "link").symlink_to("open/real")
    (place / "link.npy").symlink_to("open/real.npy")
    done = unprivileged(lambda: run("train", "text.txt", "-o", "link", *TINY))
    assert (done.code, done.stderr) == (0, "")
    assert unprivileged(lambda: run("encode", "link", "text.txt", "-o", "link.npy")).code == 0
    assert names(place / "open") == ["real", "real.npy"]
    assert (place / "link").is_symlink()
    (place / "link").unlink()
    (place / "link").symlink_to("gone/real")
    message = refused("train", "text.txt", "-o", "link", *TINY)
    assert message == NO_FOLDER.format("link", place, "gone")


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555])
def test_a_checkpoint_without_permission_is_not_changed(mode, place):
    folder = place / "m.checkpoint"
    folder.mkdir()
    (folder / "job.json").write_text("{}")
    hand_over(folder)
    folder.chmod(mode)
    for command in (["text.txt", "-o", "m", "--overwrite", *TINY], ["--resume", "m"]):
        message = unprivileged(lambda command=command: run("train", *command)).stderr
        assert message.count("Error: ") == 1
        assert f"cannot use {folder}: Permission denied; " in message.replace(" m.", f" {place}/m.")
    folder.chmod(0o700)
    assert names(folder) == ["job.json"]


@pytest.mark.parametrize("path", ["shut/m", "file/m", "x" * 256])
def test_resume_without_permission_is_an_error(path, place):
    message = refused("train", "--resume", path)
    assert message.startswith((f"cannot write {path}: ", "there is no unfinished training"))


# A place that goes away


def train_until(act: Callable[[], object], *arguments: object) -> Done:
    """Train, and act at the first report of training."""
    acted = []

    def report(_: object, event: Event) -> None:
        if isinstance(event, Training) and not acted:
            acted.append(act())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress.Lines, "__call__", report)
        patch.setattr(runner, "REPORT_SECONDS", 0.001)
        patch.setattr(plan, "MAX_SPAN_POSITIONS", 10)
        done = run("train", "text.txt", *OPTIONS, *arguments)
    assert acted
    return done


@pytest.mark.parametrize("every", ["60s", "0.0001s", "0"])
def test_a_checkpoint_removed_during_training(every, place):
    away = place / "away"
    away.mkdir()
    done = train_until(lambda: shutil.rmtree(away), "-o", "away/m", "--checkpoint-every", every)
    assert (done.code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("Error: cannot ")
    assert not away.exists()


def test_a_removed_directory_can_be_created_again(place):
    away = place / "away"
    away.mkdir()
    done = train_until(away.rmdir, "-o", "away/m", "--work-dir", "open")
    assert done.code == 1
    told, error = done.stderr.splitlines()
    assert told == "resume with: w2v train --resume away/m --work-dir open"
    assert error == f"Error: {NO_FOLDER.format('away/m', place, 'away')}"
    away.mkdir()
    assert run("train", "--resume", "away/m", "--work-dir", "open").code == 0
    assert (names(away), names(place / "open")) == (["m"], [])


def test_training_can_be_resumed_after_permissions_are_restored(place):
    """The model cannot be put there; the checkpoint lies elsewhere."""
    (place / "away").mkdir()
    hand_over(place / "away")
    arguments = ["-o", "away/m", "--work-dir", "open"]
    done = unprivileged(lambda: train_until(lambda: Path("away").chmod(0o555), *arguments))
    assert done.code == 1
    told, error = done.stderr.splitlines()
    assert told == "resume with: w2v train --resume away/m --work-dir open"
    assert error == f"Error: {DENIED.format('away/m')}"
    (place / "away").chmod(0o755)
    resume = ["train", "--resume", "away/m", "--work-dir", "open", "-q"]
    assert unprivileged(lambda: run(*resume)).code == 0
    assert (names(place / "away"), names(place / "open")) == (["m"], [])
