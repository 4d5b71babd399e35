"""The thread for work that cannot be interrupted."""

from __future__ import annotations

import threading

import pytest

from w2v.compute import compiler_thread
from w2v.compute.compiler_thread import is_compiling


def test_work_is_done_on_another_thread():
    threads = []
    compiler_thread.run(
        lambda: threads.append(threading.current_thread()), delay=60, on_delay=pytest.fail
    )
    assert threads != [threading.current_thread()]
    assert not is_compiling()


def test_error_is_raised_in_the_caller():
    def fail() -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        compiler_thread.run(fail, delay=60, on_delay=pytest.fail)


def test_delay_is_reported_once():
    delayed = threading.Event()
    calls = []

    def report() -> None:
        calls.append("delayed")
        delayed.set()

    compiler_thread.run(lambda: delayed.wait(60), delay=0, on_delay=report)
    assert calls == ["delayed"]


def test_thread_of_an_interrupted_caller_is_found():
    ended = threading.Event()

    def interrupt() -> None:
        assert is_compiling()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compiler_thread.run(ended.wait, delay=0, on_delay=interrupt)
    assert is_compiling()
    ended.set()
    for thread in threading.enumerate():
        if isinstance(thread, compiler_thread._CompilerThread):
            thread.join()
    assert not is_compiling()
