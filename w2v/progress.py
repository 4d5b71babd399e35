"""Progress of Python calls: bars for those who wait, log records for services.

Functions that may take long have the arguments ``observer`` and ``progress``, and do their work
within `reporting`. Bars are drawn by ``tqdm.auto``, so they are widgets in a notebook.
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from typing import IO, TYPE_CHECKING, Any

from w2v.errors import ConfigError, short_repr
from w2v.events import (
    FREQUENT,
    ClusterWorkers,
    Compiling,
    Encoding,
    EpochDone,
    Event,
    LayingOut,
    LoggingObserver,
    Observer,
    Reading,
    Training,
    combine,
    ignore,
)
from w2v.options import SWITCH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tqdm import tqdm

# A Python program may make many short calls, which need no bar.
_DELAY_SECONDS = 0.5


@contextlib.contextmanager
def reporting(observer: Observer = ignore, progress: bool | None = None) -> Iterator[Observer]:
    """Return an observer for the duration of a call.

    It sends events to the logger ``w2v``, to a progress bar and to the given observer.

    Args:
        observer: that of the caller. If it is a `LoggingObserver`, it replaces that of ``w2v``.
        progress: whether to show bars on standard error. None shows them to someone who waits: in
            a terminal or a notebook, unless there is an ``observer``.

    """
    observers: list[Observer] = []
    if not isinstance(observer, LoggingObserver):
        observers.append(LoggingObserver())
    if observer is not ignore:
        observers.append(observer)
    shown = is_watched() and observer is ignore if progress is None else progress
    with contextlib.ExitStack() as stack:
        if shown and sys.stderr is not None:
            bars = _BarsOnStderr()
            stack.callback(bars.close)
            # Others may write to the same terminal when they receive an event.
            observers = [bars.make_room, *observers, bars.show]
        yield combine(*observers) if len(observers) > 1 else observers[0]


def check_reporting(observer: object = ignore, progress: object = None) -> None:
    """Check the arguments of `reporting`.

    Raises:
        ConfigError: ``observer`` cannot be called, or ``progress`` is neither a bool nor None.

    """
    if progress is not None:
        SWITCH.check("progress", progress)
    if not callable(observer):
        message = f"must be a function of one event, got {short_repr(observer)}"
        raise ConfigError(message, option="observer")


def is_watched() -> bool:
    """Return whether someone sees standard error: it is a terminal, or a notebook shows it."""
    try:
        return _in_notebook() or sys.stderr.isatty()
    except (AttributeError, ValueError):  # there is none, or it is closed
        return False


def _in_notebook() -> bool:
    """Return whether this is a kernel of Jupyter."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return "IPKernelApp" in getattr(shell, "config", ())


def _tqdm() -> type[tqdm[Any]]:
    """Return the class of bars that suits the terminal or notebook.

    In a notebook without the package ipywidgets it draws the bars as text, which needs no warning.
    """
    from tqdm import TqdmWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TqdmWarning)
        from tqdm.auto import tqdm
    return tqdm


class _BarsOnStderr:
    """Bars on standard error until that fails: a failing progress bar must not end the job."""

    def __init__(self) -> None:
        tqdm = _tqdm()
        stream = sys.stdout if _in_notebook() else sys.stderr  # a notebook shows the latter in red
        options = {"delay": _DELAY_SECONDS, "leave": True}
        self._bars: ProgressBars | None = ProgressBars(stream, tqdm, _explain_delay, **options)

    def make_room(self, event: Event) -> None:
        """Clear the line of the bar, before others report an event that is not frequent."""
        if not isinstance(event, FREQUENT):
            self._try(ProgressBars.clear)

    def show(self, event: Event) -> None:
        """Show an event."""
        self._try(lambda bars: bars(event))

    def close(self) -> None:
        """Finish the bar that is shown, if any."""
        self._try(ProgressBars.close)

    def _try(self, action: Callable[[ProgressBars], None]) -> None:
        try:
            if self._bars is not None:
                action(self._bars)
        except (OSError, ValueError):  # ValueError: the stream is closed
            self._bars = None


def _explain_delay(event: Event) -> str:
    """Describe an event that takes long and has no bar; the others are in the log."""
    return str(event) if isinstance(event, Compiling) else ""


class ProgressBars:
    """Progress bars, and lines above them.

    Args:
        stream: where to show them.
        bar: the class ``tqdm`` or one like it.
        describe: returns the lines that show an event without a bar.
        options: further arguments of ``bar``.

    """

    def __init__(
        self,
        stream: IO[str],
        bar: type[tqdm[Any]],
        describe: Callable[[Event], str] = str,
        **options: Any,
    ) -> None:
        self._stream = stream
        self._class = bar
        self._describe = describe
        self._options = options
        self._bar: tqdm[Any] | None = None
        self._stage = ""

    def __call__(self, event: Event) -> None:
        """Show an event."""
        if isinstance(event, Reading):
            self._show(event, event.done_bytes, event.total_bytes, "B")
        elif isinstance(event, Encoding):
            self._show(event, event.done_texts, event.total_texts, " texts")
        elif isinstance(event, LayingOut):
            self._show(event, event.done_steps, event.total_steps, " steps")
        elif isinstance(event, Training):
            loss = "-" if event.loss is None else f"{event.loss:.4f}"
            details = f"epoch {event.epoch}/{event.epochs}, loss {loss}, lr {event.lr:.4f}"
            self._show(event, event.done_words, event.total_words, " words", details)
        else:
            if not isinstance(event, (ClusterWorkers, EpochDone)):
                self.close()
            for line in self._describe(event).splitlines():
                self._class.write(line, file=self._stream)

    def clear(self) -> None:
        """Clear the line of the bar, which the next event draws again."""
        bar = self._bar
        if bar is not None and bar.last_print_t >= bar.start_t + (bar.delay or 0):  # drawn
            bar.clear()

    def close(self) -> None:
        """Finish the bar that is shown, if any."""
        if self._bar is not None:
            self._bar.close()
        self._bar = None
        self._stage = ""

    def _show(
        self, event: Event, done: int, total: int | None, unit: str, details: str = ""
    ) -> None:
        """Update the bar of a stage, which takes the place of that of another stage."""
        if self._bar is None or self._stage != event.stage:
            self.close()
            self._stage = event.stage
            self._bar = self._class(
                desc=event.stage,
                total=total,
                unit=unit,
                unit_scale=True,
                file=self._stream,
                dynamic_ncols=True,
                **self._options,
            )
        if details:
            self._bar.set_postfix_str(details, refresh=False)
        self._bar.update(done - self._bar.n)
