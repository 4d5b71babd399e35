"""Missing permissions and unusable paths: errors in one line, before any long work if possible.

The superuser may do everything, so commands run in a child process without its privileges.
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
from commands import TINY
from support import change_owner, names
from w2v.cli import main as cli
from w2v.cli import progress
from w2v.events import Event, Training
from w2v.pipeline import checkpoint, warmup
from w2v.pipeline import train as job
from w2v.training import plan, runner

QUIET = [*TINY, "--quiet"]
TEXT = "some words and other words\n" * 9


@dataclass
class Outcome:
    """The exit code and the output of a command."""

    code: int
    stdout: str
    stderr: str


def run(*arguments: object) -> Outcome:
    result = CliRunner().invoke(cli.main, list(map(str, arguments)))
    exception = result.exception
    unexpected = "" if isinstance(exception, SystemExit | None) else f"{exception!r}\n"
    return Outcome(result.exit_code, result.stdout, unexpected + result.stderr)


def unprivileged(function: Callable[[], Outcome]) -> Outcome:
    """Call a function without the privileges of the superuser."""
    return Outcome(**support.unprivileged(lambda: vars(function())))


@pytest.fixture
def directory(monkeypatch) -> Iterator[Path]:
    """The current directory, with a text, a model and paths that cannot be written."""
    directory = Path(tempfile.mkdtemp())
    (directory / "text.txt").write_text(TEXT)
    (directory / "file").write_text("other data")
    (directory / "loop").symlink_to("loop")
    for name in ("locked", "shut", "open"):
        (directory / name).mkdir()
    w2v.Embeddings(["some", "words"], [[1.0, 2.0], [3.0, 4.0]]).save(directory / "old")
    change_owner(directory)
    (directory / "locked").chmod(0o555)
    (directory / "shut").chmod(0o666)
    monkeypatch.chdir(directory)
    yield directory
    for path in (directory, *directory.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    monkeypatch.undo()
    shutil.rmtree(directory)


@pytest.fixture(scope="module", autouse=True)
def import_modules(tmp_path_factory) -> None:
    """Import the modules that commands import on first use: the child may lack the permission."""
    path = tmp_path_factory.mktemp("import")
    (path / "text.txt").write_text(TEXT)
    model = path / "m"
    assert run("train", path / "text.txt", "-o", model, *QUIET).code == 0
    assert run("export", model, "-o", path / "m.bin").code == 0
    assert run("convert", path / "m.bin", path / "m.txt").code == 0
    assert run("encode", model, path / "text.txt", "-o", path / "ids.npy").code == 0


def rejected(*arguments: object) -> str:
    """Run a command that fails with one line and changes no file; return the message."""
    before = sorted(os.walk("."))
    done = unprivileged(lambda: run(*arguments))
    assert (done.code, done.stdout) == (1, ""), done
    assert sorted(os.walk(".")) == before
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    return done.stderr.removeprefix("Error: ")[:-1]


LOOP = "{} is a symbolic link to itself; choose another name"
NO_DIRECTORY = (
    "cannot write {}: there is no directory {}/{}; create it first or choose another directory"
)
DENIED = "cannot write {}: Permission denied; choose another directory"
TOO_LONG = "cannot write {}: File name too long; choose a shorter name"
PATHS = {
    "locked/m": DENIED,
    "shut/m": DENIED,
    "loop": LOOP,
    "loop/m": NO_DIRECTORY.format("{0}", "{1}", "loop"),
    "file/m": NO_DIRECTORY.format("{0}", "{1}", "file"),
    "missing/m": NO_DIRECTORY.format("{0}", "{1}", "missing"),
    "leads/nowhere": NO_DIRECTORY.format("{0}", "{1}", "leads"),
    "x" * 238: TOO_LONG,
    "x" * 256: TOO_LONG,
}
COMMANDS = {
    "train": ["train", "text.txt", *QUIET],
    "train with overwrite": ["train", "text.txt", "--overwrite", *QUIET],
    "export to a directory": ["export", "old", "-f", "npy"],
    "export to a file": ["export", "old", "-f", "word2vec-bin", "--overwrite"],
    "encode": ["encode", "old", "text.txt"],
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("command", COMMANDS)
def test_an_unwritable_path_is_rejected_before_reading(command, path, directory, monkeypatch):
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    monkeypatch.setattr("w2v.embeddings.load.load", None)
    message = rejected(*COMMANDS[command], "-o", path)
    assert message == PATHS[path].format(path, directory)


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]])
@pytest.mark.parametrize(
    ("command", "path", "reason"),
    [
        (["train", "text.txt", *QUIET], "file", "is neither a model directory"),
        (["export", "old", "-f", "npy"], "file", "is neither a model directory"),
        (["export", "old", "-f", "glove"], "open", "is not a regular file"),
        (["encode", "old", "text.txt"], "open", "is not a regular file"),
    ],
)
def test_other_files_are_not_replaced(command, path, reason, overwrite, directory):
    message = rejected(*command, "-o", path, *overwrite)
    assert message.startswith(f"{path} {reason if overwrite else 'exists already'}")


@pytest.mark.parametrize("mode_of", ["locked", "shut"])
def test_a_model_that_cannot_be_removed_is_rejected_before_reading(mode_of, directory, monkeypatch):
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    (directory / "old").chmod((directory / mode_of).stat().st_mode)
    message = rejected("train", "text.txt", "-o", "old", "--overwrite", *QUIET)
    assert message in (
        "no permission to remove the files of old; choose another name",
        DENIED.format("old"),  # even its entries are unreadable
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
def test_an_unusable_work_dir_is_rejected_before_reading(path, reason, directory, monkeypatch):
    monkeypatch.setattr(warmup, "compile_kernels", None)  # must not be called
    missing = (
        "cannot store the encoded text in {}: the directory does not exist or cannot be entered; "
    )
    message = rejected("train", "text.txt", "-o", "m", "--work-dir", path, *QUIET)
    digest = checkpoint.checkpoint_dir(Path("m"), "open").name.split(".")[1]
    assert message.startswith((reason or missing).format(path, digest))
    message = rejected("train", "--resume", "m", "--work-dir", path)
    assert message.startswith("there is no unfinished training" if reason else missing.format(path))
    message = rejected("pairs", "text.txt", "--work-dir", path, "-q") if not reason else ""
    assert not message or message.startswith(missing.format(path))


def test_pairs_needs_a_temporary_directory(directory, monkeypatch):
    message = rejected("pairs", "text.txt", "--work-dir", "locked", "-q")
    assert message.startswith("cannot create a temporary directory in locked: Permission denied; ")

    def fail() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", fail)
    assert rejected("pairs", "text.txt", "-q") == (
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
def test_an_unwritable_log_is_rejected_before_reading(path, reason, directory, monkeypatch):
    monkeypatch.setattr(job, "train", None)  # must not be called
    message = rejected("train", "text.txt", "--log-json", path, *QUIET)
    assert message == f"cannot write {path}: {reason}; choose another file with --log-json"


def test_names_up_to_the_limit_are_accepted(directory):
    longest = "x" * 237
    done = unprivileged(lambda: run("train", "text.txt", "-o", longest, *QUIET))
    assert (done.code, done.stderr) == (0, "")
    done = unprivileged(lambda: run("train", "text.txt", "-o", longest, "--overwrite", *QUIET))
    assert (done.code, done.stderr) == (0, "")
    done = unprivileged(lambda: run("export", longest, "-o", "y" * 233 + ".bin"))
    assert (done.code, done.stderr) == (0, "")
    command = ["train", "text.txt", "-o", longest, "--overwrite", "--work-dir", "open"]
    message = rejected(*command, *QUIET)
    assert message.startswith("cannot create open/xxx")
    assert message.endswith("File name too long; choose another directory with --work-dir")


def test_a_dangling_link_is_followed(directory):
    (directory / "link").symlink_to("open/real")
    (directory / "link.npy").symlink_to("open/real.npy")
    done = unprivileged(lambda: run("train", "text.txt", "-o", "link", *QUIET))
    assert (done.code, done.stderr) == (0, "")
    assert unprivileged(lambda: run("encode", "link", "text.txt", "-o", "link.npy")).code == 0
    assert names(directory / "open") == ["real", "real.npy"]
    assert (directory / "link").is_symlink()
    (directory / "link").unlink()
    (directory / "link").symlink_to("gone/real")
    message = rejected("train", "text.txt", "-o", "link", *QUIET)
    assert message == NO_DIRECTORY.format("link", directory, "gone")


@pytest.mark.parametrize("mode", [0o000, 0o444, 0o555])
def test_a_checkpoint_without_permission_is_not_changed(mode, directory):
    saved = directory / "m.checkpoint"
    saved.mkdir()
    (saved / "job.json").write_text("{}")
    change_owner(saved)
    saved.chmod(mode)
    for command in (["text.txt", "-o", "m", "--overwrite", *QUIET], ["--resume", "m"]):
        message = unprivileged(lambda command=command: run("train", *command)).stderr
        assert message.count("Error: ") == 1
        assert f"cannot use {saved}: Permission denied; " in message.replace(
            " m.", f" {directory}/m."
        )
    saved.chmod(0o700)
    assert names(saved) == ["job.json"]


@pytest.mark.parametrize("path", ["shut/m", "file/m", "x" * 256])
def test_resume_without_permission_is_an_error(path, directory):
    message = rejected("train", "--resume", path)
    assert message.startswith((f"cannot write {path}: ", "there is no unfinished training"))


# Directories that change during training


def train_with(action: Callable[[], object], *arguments: object) -> Outcome:
    """Train, and run an action at the first training event."""
    results = []

    def observe(_: object, event: Event) -> None:
        if isinstance(event, Training) and not results:
            results.append(action())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress.Lines, "__call__", observe)
        patch.setattr(runner, "REPORT_SECONDS", 0.001)
        patch.setattr(plan, "MAX_SPAN_POSITIONS", 10)
        done = run("train", "text.txt", *TINY, *arguments)
    assert results
    return done


@pytest.mark.parametrize("every", ["60s", "0.0001s", "0"])
def test_the_output_directory_is_removed_during_training(every, directory):
    away = directory / "away"
    away.mkdir()
    done = train_with(lambda: shutil.rmtree(away), "-o", "away/m", "--checkpoint-every", every)
    assert (done.code, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("Error: cannot ")
    assert not away.exists()


def test_training_resumes_after_a_removed_directory_is_created_again(directory):
    away = directory / "away"
    away.mkdir()
    done = train_with(away.rmdir, "-o", "away/m", "--work-dir", "open")
    assert done.code == 1
    hint, error = done.stderr.splitlines()
    assert hint == "resume with: w2v train --resume away/m --work-dir open"
    assert error == f"Error: {NO_DIRECTORY.format('away/m', directory, 'away')}"
    away.mkdir()
    assert run("train", "--resume", "away/m", "--work-dir", "open").code == 0
    assert (names(away), names(directory / "open")) == (["m"], [])


def test_training_resumes_after_permissions_are_restored(directory):
    """The checkpoint is outside the directory of the model."""
    (directory / "away").mkdir()
    change_owner(directory / "away")
    arguments = ["-o", "away/m", "--work-dir", "open"]
    done = unprivileged(lambda: train_with(lambda: Path("away").chmod(0o555), *arguments))
    assert done.code == 1
    hint, error = done.stderr.splitlines()
    assert hint == "resume with: w2v train --resume away/m --work-dir open"
    assert error == f"Error: {DENIED.format('away/m')}"
    (directory / "away").chmod(0o755)
    resume = ["train", "--resume", "away/m", "--work-dir", "open", "-q"]
    assert unprivileged(lambda: run(*resume)).code == 0
    assert (names(directory / "away"), names(directory / "open")) == (["m"], [])
