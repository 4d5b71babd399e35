"""Helpers that run commands in this process or another one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from support import JIT, KJV, LINES
from w2v.cli import main as cli

TEXT = "\n".join(LINES) + "\n"

ALL_WORDS = ["--min-count", "1"]

TINY = [*ALL_WORDS, *["--sample", "0", "--dim", "8", "--epochs", "2", "--threads", "1"]]


START = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler);"
    "from w2v.cli.main import main; main(prog_name='w2v')"
)
"""Python code that runs a command. A shell may have it ignore SIGINT, as in the background."""

COVERAGE = [
    "corpus: 120 words in 20 lines, 9 distinct words",
    "vocabulary: 9 words, 100.00 % of the corpus",
]


def run(*arguments: object, stdin: str | bytes | None = None) -> Result:
    """Run a command in this process; any exception fails the test."""
    result = CliRunner().invoke(cli.main, list(map(str, arguments)), input=stdin)
    if not isinstance(result.exception, SystemExit | None):
        raise result.exception
    return result


def ok(*arguments: object, stdin: str | bytes | None = None) -> str:
    """Run a command that succeeds; return its stdout."""
    result = run(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def error(*arguments: object, code: int = 1, stdin: str | bytes | None = None) -> str:
    """Run a command that fails with one line on stderr; return the message."""
    result = run(*arguments, stdin=stdin)
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "Traceback" not in result.stderr
    if code == 1:
        assert result.stderr.count("Error: ") == 1
    return last.removeprefix("Error: ")


def report_lines(stderr: str) -> list[str]:
    """Return the lines on stderr, except messages about compilation, which depend on the cache."""
    return [line for line in stderr.splitlines() if not line.startswith("compiling ")]


def flag_of(name: str) -> str:
    """Return the flag of an option."""
    return "--" + name.replace("_", "-")


def process(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    """Run a command in another process."""
    command = [sys.executable, "-m", "w2v", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, **options
    )


def corpus_for_processes() -> Path:
    """Return the path of a real text, or of a short excerpt if kernels run as plain Python."""
    if JIT:
        return KJV
    lines = KJV.read_text(encoding="utf-8").splitlines(keepends=True)
    Path("excerpt.txt").write_text("".join(lines[:60]))
    return Path("excerpt.txt")


def interrupted(the_trainer, *_):
    """Replace a method of the trainer: interrupt the training, but not the warm-up of kernels."""
    if the_trainer.setup.config.dim == 8:
        raise KeyboardInterrupt
