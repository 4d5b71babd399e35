"""`w2v completion`, in the shells themselves where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from commands import error, run

STARTUP = {"bash": ".bashrc", "zsh": ".zshrc"}
SCRIPTS = {
    "bash": ".local/share/w2v/completion.bash",
    "zsh": ".local/share/w2v/completion.zsh",
    "fish": ".config/fish/completions/w2v.fish",
}
# What the shell has read at its start must define the completion of w2v.
ASK = {
    "bash": "complete -p w2v; "
    "COMP_WORDS=(w2v {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
    'COMP_LINE="w2v {words}"; _w2v_completion w2v; printf "%s\\n" "${{COMPREPLY[@]}}"',
    "zsh": "print -r -- $_comps[w2v]",
    "fish": 'complete -C "w2v {words}"',
}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home directory, and a command `w2v` on the PATH."""
    directory = tmp_path / "a home"
    (directory / "bin").mkdir(parents=True)
    command = directory / "bin" / "w2v"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m w2v "$@"\n')
    command.chmod(0o755)
    monkeypatch.setenv("HOME", str(directory))
    monkeypatch.setenv("PATH", f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}")
    for variable in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "ZDOTDIR", "SHELL"):
        monkeypatch.delenv(variable, raising=False)
    return directory


def contents(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.mark.parametrize("shell", SCRIPTS)
def test_installing_twice_changes_nothing(shell, home):
    first = run("completion", shell, "--install")
    assert (first.exit_code, first.stdout) == (0, "")
    files = [home / SCRIPTS[shell], *([home / STARTUP[shell]] if shell in STARTUP else [])]
    assert first.stderr.splitlines() == [
        *(f"wrote {file}" for file in files),
        f"open a new {shell} to complete w2v with Tab",
    ]
    before = contents(home)
    assert run("completion", shell, "--install").stderr == "installed already; no change\n"
    assert contents(home) == before
    assert "_W2V_COMPLETE" in (home / SCRIPTS[shell]).read_text()


@pytest.mark.parametrize("shell", ASK)
def test_a_new_shell_completes(shell, home):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    run("completion", shell, "--install")
    (home / "corpus.txt").touch()
    asked = ASK[shell].format(words="compl")
    done = subprocess.run(
        [shell, "-i", "-c", asked],
        capture_output=True,
        text=True,
        cwd=home,
        check=False,
        timeout=60,
    )
    assert "_w2v_completion" in done.stdout or shell == "fish", done
    if shell != "zsh":
        assert "completion" in done.stdout.split(), done


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["w2v", "tra"], "plain,train"),
        (["w2v", "train", "--tok"], "plain,--tokenizer"),
        (["w2v", "completion", "z"], "plain,zsh"),
        (["w2v", "info", "kj"], "file,kj"),
        (["w2v", "train", "-o", "kj"], "file,kj"),
    ],
)
def test_commands_options_and_files_are_completed(words, found, home):
    asked = {
        "_W2V_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    done = subprocess.run(
        ["w2v"], env=os.environ | asked, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines() == [found]


def test_the_lines_of_the_user_stay(home):
    startup = home / ".bashrc"
    startup.write_bytes(b"alias l=ls\n\xff no UTF-8")
    startup.chmod(0o640)
    run("completion", "bash", "--install")
    text = startup.read_bytes()
    assert text.startswith(b"alias l=ls\n\xff no UTF-8\n# >>> w2v")
    startup.write_bytes(text.replace(b"completion.bash", b"moved.bash") + b"last\n")
    run("completion", "bash", "--install")
    assert startup.read_bytes() == text + b"last\n"
    assert startup.stat().st_mode & 0o777 == 0o640


def test_a_link_to_the_startup_file_stays_a_link(home):
    (home / "dotfiles").mkdir()
    (home / ".bashrc").symlink_to("dotfiles/bashrc")
    run("completion", "bash", "--install")
    assert (home / ".bashrc").is_symlink()
    assert "w2v completion" in (home / "dotfiles" / "bashrc").read_text()


def test_the_directories_of_the_environment_are_used(home, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(home / "data"))
    monkeypatch.setenv("ZDOTDIR", str(home / "z"))
    run("completion", "zsh", "--install")
    assert (home / "data" / "w2v" / "completion.zsh").exists()
    assert str(home / "data") in (home / "z" / ".zshrc").read_text()


def test_the_default_is_the_login_shell(home, monkeypatch):
    monkeypatch.setenv("SHELL", "/usr/local/bin/fish")
    assert run("completion").stdout == run("completion", "fish").stdout
    assert "complete --no-files --command w2v" in run("completion", "fish").stdout
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    message = error("completion", "--install", code=2)
    assert message == ("your login shell is tcsh; name the shell: w2v completion bash|zsh|fish")
    monkeypatch.delenv("SHELL")
    assert error("completion", code=2).startswith("the variable SHELL is not set; name the shell")


def test_a_file_that_cannot_be_written_is_one_line(home):
    Path(home / ".local").touch()
    message = error("completion", "bash", "--install")
    assert message == (
        f"cannot write {home}/.local/share/w2v/completion.bash: Not a directory; print the script "
        "with `w2v completion SHELL`, and save it where your shell loads it"
    )
