"""The log of a training that TensorBoard shows: scalars while it runs, and the vectors at the end.

The directory is one run of TensorBoard:

- ``events.out.tfevents.*``: scalars, a file for each process that trained
- ``projector/``: the words and vectors, see `w2v.formats.classic.projector`
- ``projector_config.pbtxt``: tells the projector of TensorBoard where they are

The step of every scalar is the number of words trained on, in all epochs. So the points within
epochs and those of whole epochs share an axis, and a training that is resumed continues it. Points
that came after the checkpoint from which it resumes are withdrawn, as TensorBoard provides for: the
second event with the status START, and each later one, makes it drop the points before it whose
steps are not below its own.
"""

from __future__ import annotations

import contextlib
import errno
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from w2v.errors import FormatError, MissingExtraError, OutputError, W2VError
from w2v.events import EpochDone, Event, Notice, Observer, Resumed, Training, TrainingPlanned
from w2v.formats.classic import projector
from w2v.formats.table import VectorTable
from w2v.system import atomic
from w2v.system.disk import writing

if TYPE_CHECKING:
    import os
    import threading

Table = TypeVar("Table", bound=VectorTable)

EVENT_FILES = "events.out.tfevents.*"
PROJECTOR = "projector"
MAX_WORDS = 10_000
"""The projector computes in the browser, which more words would slow down."""

_SECONDS = 1.0  # between two points within an epoch
# The library writes in a thread, which prints a traceback when the disk is full, and then blocks
# others. So the thread leaves it to us to flush the file, and we learn of an error first.
_WAITING_EVENTS = 30_000
_SELDOM = 1e6  # seconds; the system rejects a longer wait
_FLUSHED_EVENTS = 20  # which the buffer of the file has room for


class RunLog:
    """Passes the events of a training on to an observer; the base class of logs.

    Args:
        observer: receives all events.

    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def __call__(self, event: Event) -> None:
        """Receive an event."""
        self._observer(event)

    def finish(self, table: Table) -> Table:
        """Receive the vectors when training is complete, and return them."""
        return table


@contextlib.contextmanager
def open_log(
    directory: str | os.PathLike[str] | None,
    observer: Observer,
    *,
    resumed: bool = False,
    overwrite: bool = False,
) -> Iterator[RunLog]:
    """Return the log of a training for the duration of a call.

    Args:
        directory: the directory of the log, which is created; None for no log.
        observer: receives all events.
        resumed: whether the training continues the one in the log.
        overwrite: whether to replace the log of another training.

    Raises:
        MissingExtraError: tensorboardX is not installed.
        OutputError: the directory cannot be written, or has a log and may not be replaced.

    """
    if directory is None:
        yield RunLog(observer)
        return
    with TensorBoardLog(Path(directory), observer, resumed=resumed, overwrite=overwrite) as log:
        yield log


class TensorBoardLog(RunLog):
    """Writes scalars of a training, and its vectors at the end; arguments as in `open_log`."""

    def __init__(
        self, directory: Path, observer: Observer, *, resumed: bool, overwrite: bool
    ) -> None:
        super().__init__(observer)
        self.directory = directory
        self._resumed = resumed
        self._overwrite = overwrite
        self._writer: Any = None
        self._created: list[Path] = []
        self._words = 0  # in an epoch
        self._start = 0  # the step at which this process began
        self._last: Training | None = None  # the last point
        self._flushed_at = 0.0
        self._unflushed = 0

    def __enter__(self) -> Self:
        try:
            import tensorboardX  # noqa: F401
        except ModuleNotFoundError as error:
            message = "the log for TensorBoard"
            raise MissingExtraError(message, "tensorboard") from error
        with self._writing():
            self._create()
            atomic.check_file(self.directory / projector.CONFIG, overwrite=True)
        logs = list(self.directory.glob(EVENT_FILES))
        if logs and not (self._resumed or self._overwrite):
            message = (
                f"{self.directory} holds the log of another training; choose another directory "
                "with `tensorboard`, or replace it with `overwrite=True`"
            )
            raise OutputError(message)
        atomic.check_directory(
            self.directory / PROJECTOR, overwrite=True, signature=projector.SIGNATURE_FILES
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            writer, self._writer = self._writer, None
            with contextlib.suppress(OSError) if kind else self._writing():
                _close(writer)
        elif kind is not None and issubclass(kind, W2VError):
            for directory in reversed(self._created):  # nothing was logged
                with contextlib.suppress(OSError):
                    directory.rmdir()

    def __call__(self, event: Event) -> None:
        """Write the scalars of an event, and pass it on.

        They are written first: the observer may interrupt the training, which has counted an epoch
        as done when it reports it.
        """
        if isinstance(event, TrainingPlanned):
            self._words = event.words
        elif isinstance(event, Resumed):
            self._start = round(self._words * (event.epoch - 1 + event.share))
        elif isinstance(event, Training):
            self._log_progress(event)
        elif isinstance(event, EpochDone):
            self._log_epoch(event)
        self._observer(event)

    def finish(self, table: Table) -> Table:
        """Write the vectors of the most frequent words for the projector."""
        shown = VectorTable(
            table.words[:MAX_WORDS],
            table.matrix[:MAX_WORDS],
            None if table.counts is None else table.counts[:MAX_WORDS],
        )
        try:
            projector.write(shown, self.directory / PROJECTOR, overwrite=True)
        except FormatError as error:
            self._observer(Notice(f"{self.directory} has no vectors for the projector: {error}"))
            return table
        config = projector.config(PROJECTOR).encode()
        with atomic.new_file(
            self.directory / projector.CONFIG, needed=len(config), overwrite=True
        ) as file:
            file.write(config)
        if len(table.words) > MAX_WORDS:
            message = (
                f"the projector in {self.directory} shows the {MAX_WORDS:,} most frequent of "
                f"{len(table.words):,} words; export the model in the format projector for all"
            )
            self._observer(Notice(message, warning=False))
        return table

    def _log_progress(self, event: Training) -> None:
        """Write a point within an epoch, at most one a second; the speed is that since the last."""
        last = self._last
        if last is not None and event.seconds - last.seconds < _SECONDS:
            return
        self._last = event
        self._open(event.epoch, event.done_words)
        scalars = {"loss": event.loss, "learning_rate": event.lr}
        if last is not None and event.done_words > last.done_words:
            seconds = event.seconds - last.seconds
            scalars["words_per_second"] = (event.done_words - last.done_words) / seconds
        self._write("progress", event.done_words, scalars)

    def _log_epoch(self, event: EpochDone) -> None:
        """Write the point of an epoch."""
        step = event.words * event.epoch
        self._open(event.epoch, step)
        scalars = {
            "loss": event.loss,
            "validation_loss": event.validation_loss,
            "words_per_second": event.words / event.seconds if event.seconds > 0 else None,
            "learning_rate": event.lr,
        }
        self._write("epoch", step, scalars)

    def _open(self, epoch: int, step: int) -> None:
        """Create the file of this process before its first point.

        Args:
            epoch: the epoch of the point, from 1.
            step: its step. No point from it on can be from this training before it was resumed.

        """
        if self._writer is not None:
            return
        from tensorboardX import writer  # W&B replaces the class in this module, to follow the log
        from tensorboardX.proto.event_pb2 import SessionLog

        with self._writing():
            if not self._resumed:
                for path in self.directory.glob(EVENT_FILES):
                    path.unlink()
            self._writer = writer.EventFileWriter(
                str(self.directory.absolute()),  # "gs:/x" would be a place on the network
                _WAITING_EVENTS,
                _SELDOM,
                # The name has the second and the host only; TensorBoard reads files by name.
                f".{time.time_ns()}",
            )
            self._writer.flush()
        start = min(max(self._start, self._words * (epoch - 1)) + 1, step) if self._resumed else 0
        self._add(start, session_log=SessionLog(status=SessionLog.START))

    def _write(self, group: str, step: int, scalars: dict[str, float | None]) -> None:
        from tensorboardX.proto.summary_pb2 import Summary

        values = [
            Summary.Value(tag=f"{group}/{name}", simple_value=number)
            for name, number in scalars.items()
            if number is not None
        ]
        self._add(step, summary=Summary(value=values))

    def _add(self, step: int, **content: Any) -> None:
        """Write an event, and flush the file at times."""
        from tensorboardX.proto.event_pb2 import Event as Record

        with self._writing():
            self._writer.add_event(Record(wall_time=time.time(), step=step, **content))
            if not _is_alive(self._writer):
                raise OSError(errno.EIO, "the thread that writes it has failed")
            self._unflushed += 1
            now = time.monotonic()
            if now - self._flushed_at >= _SECONDS or self._unflushed >= _FLUSHED_EVENTS:
                self._flushed_at, self._unflushed = now, 0
                self._writer.flush()

    def _create(self) -> None:
        """Create the directory, and remember what has to be removed if nothing follows."""
        missing = [path for path in (self.directory, *self.directory.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            self._created.append(path)
        if not self.directory.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "Not a directory")

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        parent = self.directory.absolute()
        while not parent.is_dir():
            parent = parent.parent
        doing, remedy = f"cannot write {self.directory}", "choose another directory with"
        return writing(doing, parent, f"{remedy} `tensorboard`")


def _worker(writer: Any) -> threading.Thread | None:
    """Return the thread that writes a file of events, if this version of the library has one."""
    return getattr(writer, "_worker", None)


def _is_alive(writer: Any) -> bool:
    worker = _worker(writer)
    return worker is None or worker.is_alive()


def _close(writer: Any) -> None:
    """Close a file of events; if that fails, end the thread, which the library leaves behind."""
    worker: Any = _worker(writer)
    try:
        writer.close()
    except OSError:
        if worker is not None:
            worker.stop()
        raise
