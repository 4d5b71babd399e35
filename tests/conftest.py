"""Settings and fixtures of all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import settings

from remote_files import web_server
from support import JIT
from w2v.config import Config
from w2v.events import ignore
from w2v.pipeline import warmup

TESTS = Path(__file__).parent

settings.register_profile("compiled", deadline=None, max_examples=50)
settings.register_profile("exhaustive", deadline=None, max_examples=500)
settings.register_profile("plain", deadline=None, max_examples=15)
settings.load_profile("compiled" if JIT else "plain")


def pytest_configure(config: pytest.Config) -> None:
    """Ignore overflows of 64-bit integers without the compiler; compiled code ignores them too."""
    if not JIT:
        config.addinivalue_line(
            "filterwarnings", r"ignore:overflow encountered in scalar:RuntimeWarning:w2v\."
        )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make test-quick` leaves out: two directories, and exhaustive tests."""
    for item in items:
        slow = {"guarantees", "scripts"} & {*item.path.relative_to(TESTS).parts[:-1]}
        if slow or item.get_closest_marker("exhaustive"):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def sized() -> Callable[[int], int]:
    """Return a function that reduces a data size to a fiftieth if kernels run as plain Python."""
    return lambda size: size if JIT else max(1, size // 50)


@pytest.fixture(scope="session", autouse=True)
def compiled() -> None:
    """Compile the kernels before the first test, so that no test receives `Compiling` events."""
    stages = (
        warmup.read_text,
        warmup.encode_text,
        warmup.survey_text,
        warmup.training(np.uint16, Config()),
    )
    warmup.compile_kernels(ignore, *stages)


@pytest.fixture
def memory() -> Iterator[Any]:
    """Return the memory of fsspec, which is empty."""
    store = pytest.importorskip("fsspec", reason="needs fsspec").filesystem("memory")
    store.store.clear()
    store.pseudo_dirs[:] = [""]
    yield store
    store.store.clear()


@pytest.fixture
def web() -> Iterator[Any]:
    """Return a web server on this machine, see `remote_files.WebServer`."""
    pytest.importorskip("fsspec", reason="needs fsspec")
    pytest.importorskip("aiohttp", reason="needs aiohttp")
    with web_server() as server:
        yield server
