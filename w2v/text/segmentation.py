"""Segmenting the blocks of a text, with as many processes as there are threads.

Segmenters are Python, or hold its lock while they work, so threads would wait for each other. Each
of them therefore has a process of its own, `w2v.text.segment_worker`, which it sends blocks to. The
processes start as a new Python that imports the segmenter by its name. They do not import the main
module of the user, as those of `multiprocessing` would, and are not copies of this process, whose
threads and locks a copy could not use.

A message is `HEADER`, with the kind and the length of the content, and the content: a block in one
direction; in the other the segmented block, or an error as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import suppress
from queue import LifoQueue
from typing import IO, TYPE_CHECKING, Any, Protocol

from w2v import errors
from w2v.compute.parallel import ordered_map
from w2v.errors import ResourceError
from w2v.events import Notice, Observer, ignore
from w2v.system import functions
from w2v.text import segmenters
from w2v.text.segment_worker import ERROR, HEADER, TEXT

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from w2v.text.blocks import Block
    from w2v.text.segmenters import Segmenter

_START = (
    "import sys; sys.path[:] = sys.argv[2:]; from w2v.text.segment_worker import main; "
    "main(sys.argv[1])"
)
# A function of this process segments about this many bytes in half a minute.
_LARGE = 10_000_000


# What a process may take to end after it has closed its streams.
_SECONDS_TO_END = 5.0


class Segmentation(Protocol):
    """Segments blocks of text. It is a context, at whose end its processes have ended.

    Attributes:
        on_calling_thread: whether only the thread that reads the corpus may call it. Otherwise as
            many threads may as there are processes.

    """

    on_calling_thread: bool

    def segment(self, block: Block) -> Block:
        """Return a block with a separator between the segments of each line.

        Raises:
            InputError, ConfigError: see `Segmenter.segment`.
            ResourceError: a process ended.

        """
        ...

    def stop(self) -> None:
        """End all processes; threads that wait for them get an error."""
        ...

    def __enter__(self) -> Segmentation: ...

    def __exit__(self, *exception: object) -> None: ...


def start_segmentation(
    name: str | None, threads: int, observer: Observer = ignore
) -> Segmentation | None:
    """Return what segments text by a segmenter, or None without one.

    Args:
        name: of the segmenter.
        threads: that call it at once, at most.
        observer: receives a `Notice` if much text is segmented by this process alone.

    Raises:
        ConfigError: see `segmenters.load`.
        MissingExtraError: its package is not installed.

    """
    if name is None:
        return None
    segmenter = segmenters.load(name)  # also to report what is wrong before a process starts
    importable = functions.can_be_imported(name) and not segmenters.is_in_standard_library(name)
    if importable and sys.executable:  # which a program with Python in it may lack
        return _Processes(name, threads)
    return _ThisProcess(segmenter, observer)


def segment_blocks(
    blocks: Iterable[Block], segmentation: Segmentation | None, threads: int
) -> Generator[tuple[Block, Block], None, None]:
    """Yield each block as it is, and segmented."""
    if segmentation is None:
        yield from ((block, block) for block in blocks)
        return
    segment = segmentation.segment
    if segmentation.on_calling_thread:
        yield from ((block, segment(block)) for block in blocks)
        return

    def with_segmented(block: Block) -> tuple[Block, Block]:
        return block, segment(block)

    yield from ordered_map(with_segmented, blocks, threads, segmentation.stop)


class _ThisProcess:
    """Segments text with a function that no other process can import."""

    on_calling_thread = True

    def __init__(self, segmenter: Segmenter, observer: Observer) -> None:
        self._segmenter = segmenter
        self._observer = observer
        self._size = 0

    def segment(self, block: Block) -> Block:
        """Segment a block; see `Segmentation.segment`."""
        noted = self._size > _LARGE
        self._size += len(block)
        if self._size > _LARGE and not noted:
            message = (
                f"the segmenter {self._segmenter.name!r} runs on one core, because other processes "
                "cannot import it; put the function into a module, and pass its name: "
                "`segmenter='module:function'`"
            )
            self._observer(Notice(message, warning=False))
        return self._segmenter.segment_bytes(block)

    def stop(self) -> None:
        """Do nothing: there is no other process."""

    def __enter__(self) -> _ThisProcess:
        return self

    def __exit__(self, *exception: object) -> None:
        """Do nothing."""


class _Processes:
    """Segments text with processes, which start when they are needed.

    Args:
        name: of the segmenter.
        count: the most processes.

    """

    on_calling_thread = False

    def __init__(self, name: str, count: int) -> None:
        self._name = name
        self._processes: list[subprocess.Popen[bytes]] = []
        # The last one to be given back is taken first, so a short text starts only one.
        self._idle: LifoQueue[subprocess.Popen[bytes] | None] = LifoQueue()
        for _ in range(count):
            self._idle.put(None)
        self._stopped = False

    def segment(self, block: Block) -> Block:
        """Segment a block; see `Segmentation.segment`."""
        process = self._idle.get()
        try:
            if process is None:
                process = self._start()
            return self._ask(process, block)
        finally:
            self._idle.put(process)

    def stop(self) -> None:
        """Kill all processes, which have nothing to save."""
        self._stopped = True
        for process in list(self._processes):
            process.kill()

    def __enter__(self) -> _Processes:
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        for process in self._processes:
            for stream in _streams(process):
                with suppress(OSError):
                    stream.close()
            process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        paths = [os.fspath(path) for path in sys.path]
        command = [sys.executable, "-c", _START, self._name, *paths]
        try:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            message = (
                f"cannot start a process for the segmenter {self._name!r}: {error}; use fewer "
                "`threads`"
            )
            raise ResourceError(message) from error
        self._processes.append(process)
        if self._stopped:
            process.kill()
        return process

    def _ask(self, process: subprocess.Popen[bytes], block: Block) -> Block:
        requests, answers = _streams(process)
        try:
            _write(requests, HEADER.pack(TEXT, len(block)))
            _write(requests, block)
            kind, size = HEADER.unpack(_read(answers, HEADER.size))
            answer = _read(answers, size)
        except (BrokenPipeError, EOFError) as error:
            raise self._ended(process) from error
        if kind == ERROR:
            raise _as_error(json.loads(answer))
        return answer

    def _ended(self, process: subprocess.Popen[bytes]) -> ResourceError:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_SECONDS_TO_END)
        process.kill()
        code = process.wait()
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        return ResourceError(
            f"a process of the segmenter {self._name!r} {how} in the middle of the text; it may "
            "lack memory: use fewer `threads`, or start again"
        )


def _streams(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


def _write(stream: IO[bytes], data: Block) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[stream.write(rest) :]


def _read(stream: IO[bytes], size: int) -> bytearray:
    """Read a number of bytes.

    Raises:
        EOFError: there are not as many.

    """
    data = bytearray(size)
    rest = memoryview(data)
    while rest:
        count = stream.readinto(rest)  # type: ignore[attr-defined]
        if not count:
            raise EOFError
        rest = rest[count:]
    return data


def _as_error(recorded: Any) -> errors.W2VError:
    name, arguments = recorded
    kind: type[errors.W2VError] = getattr(errors, name)
    return kind(*arguments)
