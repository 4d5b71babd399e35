"""Compilation of the kernels before a run needs them."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from w2v.config import Config
from w2v.corpus.build import build_corpus
from w2v.corpus.encoded import EncodedText
from w2v.events import Compiling, Observer
from w2v.system.disk import temporary_directory
from w2v.text.sources import IterableSource
from w2v.text.wordtable import warm_up_table
from w2v.training.trainer import train_model

if TYPE_CHECKING:
    from collections.abc import Callable

_COMPILING_SECONDS = 2.0  # longer than loading compiled kernels takes
_WAKE_SECONDS = 0.1


def compile_kernels(work_dir: str, observer: Observer, *, deterministic: bool = False) -> float:
    """Have every kernel compiled, or loaded from the cache; returns the seconds it took.

    Those of deterministic training are needed only there.

    It runs on a thread of its own, for the compiler cannot be interrupted and this can. So the
    temporary files of the thread's tiny job are this function's to remove.
    """
    lines = IterableSource(["a b a b"] * 2)
    config = Config(min_count=1, sample=0, dim=1, epochs=1, threads=1, deterministic=deterministic)

    def tiny_job() -> None:
        warm_up_table()
        with build_corpus(lines, config, work_dir=folder) as read:
            train_model(read.text, read.held_out, read.vocabulary.counts, config)

    with temporary_directory(work_dir) as folder:
        return _compile(tiny_job, observer)


def compile_wide_ids(text: EncodedText, observer: Observer) -> float:
    """Compile for a text of 32-bit ids, which few are."""
    if text.ids.dtype == np.uint16:
        return 0.0
    config = Config(min_count=1, sample=0, dim=1, epochs=1, threads=1)
    wide = EncodedText(np.array([0, 0, np.iinfo(np.uint32).max], np.uint32), 2, 1)
    wide.ids.flags.writeable = False
    empty = EncodedText(wide.ids[:0], 0, 0)
    return _compile(lambda: train_model(wide, empty, np.array([2]), config), observer)


def _compile(work: Callable[[], object], observer: Observer) -> float:
    started = time.perf_counter()
    failures: list[BaseException] = []

    def guarded() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            failures.append(error)

    thread = threading.Thread(target=guarded, name="w2v-compile", daemon=True)
    thread.start()
    thread.join(_COMPILING_SECONDS)
    if thread.is_alive():
        observer(Compiling())
    while thread.is_alive():
        thread.join(_WAKE_SECONDS)
    if failures:
        raise failures[0]
    return time.perf_counter() - started
