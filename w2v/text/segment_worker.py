"""A process that segments text: it reads blocks from stdin and writes each, segmented, to stdout.

`w2v.text.segmentation` starts it, and describes the messages. The process ends as soon as its stdin
is closed, in the middle of a block as well, so it does not outlive the process that started it.
Signals that a terminal or a system sends to all processes of a job are left to that one.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
import threading
from queue import SimpleQueue
from typing import IO

from w2v.errors import W2VError
from w2v.text import segmenters

HEADER = struct.Struct("<cQ")
"""The kind of a message, and the length of what follows."""

TEXT, ERROR = b"T", b"E"


def main(name: str) -> None:
    """Segment blocks until stdin is closed.

    Args:
        name: of the segmenter.

    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    requests, answers = _take_streams()
    blocks: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_read, args=(requests, blocks), daemon=True).start()
    segmenter = None
    while True:
        block = blocks.get()
        try:
            if segmenter is None:
                segmenter = segmenters.load(name)
            kind, answer = TEXT, segmenter.segment_bytes(block)
        except W2VError as error:
            kind = ERROR
            answer = json.dumps([type(error).__name__, list(error.args)]).encode()
        try:
            answers.write(HEADER.pack(kind, len(answer)))
            answers.write(answer)
            answers.flush()
        except BrokenPipeError:
            os._exit(0)


def _take_streams() -> tuple[IO[bytes], IO[bytes]]:
    """Return stdin and stdout; what else reads or prints there gets nothing, or goes to stderr."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - shorter
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return requests, answers


def _read(requests: IO[bytes], blocks: SimpleQueue[bytes]) -> None:
    while header := requests.read(HEADER.size):
        _, size = HEADER.unpack(header)
        blocks.put(requests.read(size))
    sys.stderr.flush()
    os._exit(0)
