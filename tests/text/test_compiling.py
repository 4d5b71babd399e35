"""Compilation of kernels: reports, errors."""

from __future__ import annotations

import threading

import pytest

from w2v.compute import jit
from w2v.events import Compiling, Event, ignore
from w2v.text import compiling
from w2v.text.compiling import compile_kernels


def test_error_of_a_stage_is_raised():
    def fail() -> None:
        raise ZeroDivisionError("in the thread")

    with pytest.raises(ZeroDivisionError, match="in the thread"):
        compile_kernels(ignore, fail)


@pytest.mark.parametrize("directory", [None, "somewhere"])
def test_compiling_is_reported_with_the_directory_of_the_cache(directory, monkeypatch, tmp_path):
    path = None if directory is None else tmp_path / directory
    monkeypatch.setattr(jit, "cache_directory", lambda: path)
    monkeypatch.setattr(compiling, "_REPORT_SECONDS", 0.0)
    events: list[Event] = []
    reported = threading.Event()

    def observe(event: Event) -> None:
        events.append(event)
        reported.set()

    assert compile_kernels(observe, lambda: reported.wait(60)) > 0
    assert events == [Compiling(None if path is None else str(path))]


def test_fast_loading_is_not_reported(monkeypatch):
    monkeypatch.setattr(compiling, "_REPORT_SECONDS", 60.0)
    compile_kernels(lambda _: pytest.fail("reported"), lambda: None)
