"""`w2v completion`: completion of commands, options and files by the Tab key of a shell."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from w2v.cli.process import Command, echo_err
from w2v.errors import ConfigError, OutputError
from w2v.system.atomic import replace_file
from w2v.system.disk import writing

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGIN, _END = "# >>> w2v completion >>>", "# <<< w2v completion <<<"
_REMEDY = "print the script with `w2v completion SHELL`, and save it where your shell loads it"


@dataclass(frozen=True)
class Shell:
    """Where a shell finds completions.

    Attributes:
        script: the file of the script, below the directory of the user's data or configuration.
        startup: the file that the shell reads when it starts; None if it finds the script itself.
        load: the lines of that file, with ``{script}`` for the path of the script.

    """

    script: str
    startup: str | None = None
    load: str = ""


SHELLS = {
    "bash": Shell("w2v/completion.bash", ".bashrc", "if [ -r {script} ]; then . {script}; fi"),
    "zsh": Shell(
        "w2v/completion.zsh",
        ".zshrc",
        "(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit -i; }}\n"
        "if [ -r {script} ]; then . {script}; fi",
    ),
    "fish": Shell("fish/completions/w2v.fish"),
}


@cloup.command(cls=Command, short_help="Complete commands and options in your shell.")
@click.argument("shell", required=False, type=click.Choice(list(SHELLS)))
@cloup.option(
    "--install",
    is_flag=True,
    help="Install the script for your user, and say what was written.",
)
def completion(shell: str | None, install: bool) -> None:
    """Print the completion script of SHELL, by default that of your login shell.

    With --install, write it where the shell finds it. Running this again changes nothing, except
    that it updates the script.
    """
    name = shell or _login_shell()
    script = _script(name)
    if not install:
        click.echo(script, nl=False)
        return
    written = list(_install(name, script))
    for path in written:
        echo_err(f"wrote {path}")
    echo_err(
        f"open a new {name} to complete w2v with Tab" if written else "installed already; no change"
    )


def _login_shell() -> str:
    """Return the name of the user's shell.

    Raises:
        ConfigError: it is none that has completions.

    """
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        found = f"your login shell is {name}" if name else "the variable SHELL is not set"
        message = f"{found}; name the shell: w2v completion {'|'.join(SHELLS)}"
        raise ConfigError(message)
    return name


def _script(shell: str) -> str:
    """Return the script that asks this program what can be completed."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None  # `SHELLS` holds only those of click
    program = click.get_current_context().find_root().command
    return kind(program, {}, "w2v", "_W2V_COMPLETE").source().strip() + "\n"


def _install(name: str, script: str) -> Iterator[Path]:
    """Write the files of a shell; yield those that have changed."""
    shell, home = SHELLS[name], _home()
    if shell.startup is None:
        root = _directory("XDG_CONFIG_HOME", home / ".config")
    else:
        root = _directory("XDG_DATA_HOME", home / ".local" / "share")
    path = root / shell.script
    if _update(path, script):
        yield path
    if shell.startup is not None:
        startup = (_directory("ZDOTDIR", home) if name == "zsh" else home) / shell.startup
        block = f"{_BEGIN}\n{shell.load.format(script=shlex.quote(str(path)))}\n{_END}\n"
        if _update(startup, _with_block(_content(startup), block)):
            yield startup


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        message = f"cannot install the completion: there is no home directory; {_REMEDY}"
        raise OutputError(message) from error


def _directory(variable: str, default: Path) -> Path:
    """Return a directory that the environment may set, as an absolute path."""
    given = os.environ.get(variable, "")
    return Path(given) if os.path.isabs(given) else default  # noqa: PTH117 - the usual rule for XDG


def _with_block(text: str, block: str) -> str:
    """Return the content of a startup file with the block, in place of an earlier one."""
    before, begin, rest = text.partition(_BEGIN)
    _, end, after = rest.partition(f"{_END}\n")
    if begin and end:
        return before + block + after
    gap = "" if not text or text.endswith("\n") else "\n"
    return text + gap + block


def _content(path: Path) -> str:
    """Return the content of a file, or nothing if there is none. Invalid UTF-8 is preserved."""
    with writing(f"cannot read {path}", path.parent, _REMEDY):
        try:
            return path.read_bytes().decode("utf-8", "surrogateescape")
        except FileNotFoundError:
            return ""


def _update(path: Path, text: str) -> bool:
    """Write a file if its content differs; return whether it did.

    A symbolic link stays one: people keep such files in a repository and link to them.
    """
    with writing(f"cannot write {path}", path.parent, _REMEDY):
        path.parent.mkdir(parents=True, exist_ok=True)
        target = path.resolve()
        if target.exists() and _content(target) == text:
            return False
        mode = target.stat().st_mode if target.exists() else None
        with replace_file(target, target.with_name(f".{target.name}.w2v")) as file:
            if mode is not None:  # before others can read the content
                os.fchmod(file.fileno(), mode & 0o7777)
            file.write(text.encode("utf-8", "surrogateescape"))
        return True
