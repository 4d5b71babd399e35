"""Segmenters for tests, in a module that the processes of a segmenter can import."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

KILL = "W2V_TEST_KILL"
"""The environment variable with which `kills_parent` does so."""

PID_FILE = "W2V_TEST_PID_FILE"
"""The environment variable with the file that `waits` writes its process to."""


def twos(line: str) -> list[str]:
    """Split a line after every second character."""
    return [line[i : i + 2] for i in range(0, len(line), 2)]


def lazily(line: str):
    """Yield the same."""
    yield from twos(line)


def rest(line: str) -> list[str]:
    """Change the text: add line ends and blanks, and drop the first character."""
    return ["", "a\r\nb", line[1:], "c d"]


def prints(line: str) -> list[str]:
    """Use the streams that the process talks to its parent with."""
    sys.stdout.write("noise\n")
    os.write(1, b"more noise\n")
    assert sys.stdin.read() == ""
    return twos(line)


def fails(line: str) -> list[str]:
    """Raise an error at lines with an x."""
    if "x" in line:
        message = "no x,\nplease"
        raise LookupError(message)
    return [line]


def fails_late(line: str):
    """Raise an error in an iterator."""
    yield line
    message = "late"
    raise LookupError(message)


def returns_text(line: str) -> str:
    """Return no list."""
    return line


def returns_none(line: str) -> None:
    """Return nothing."""


def returns_bytes(line: str) -> list[bytes]:
    """Return a list of something else than strings."""
    return [line.encode()]


def dies(line: str) -> list[str]:
    """Kill the process at lines with an x, as a system does that lacks memory."""
    if "x" in line:
        os.kill(os.getpid(), signal.SIGKILL)
    return [line]


def exits(line: str) -> list[str]:
    """End the process."""
    os._exit(3)


def kills_parent(line: str) -> list[str]:
    """Kill the program that started the process, if the environment says so."""
    if KILL in os.environ:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    return twos(line)


def waits(line: str) -> list[str]:
    """Say which process this is, and never return."""
    Path(os.environ[PID_FILE]).write_text(str(os.getpid()))
    while True:
        time.sleep(0.01)


NO_FUNCTION = "text"
