"""Digests of everything that a compiled kernel depends on."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher
from numba.core.registry import CPUDispatcher

import w2v
from support import JIT
from w2v.compute import fingerprint
from w2v.compute.fingerprint import describe_types, environment, kernel_digest, kernel_sources

NUMBER = 1
NUMBERS = (1, (2.0, None))
TABLE = np.arange(3)
MODULE = ModuleType("module")


class Point(NamedTuple):
    """A named tuple that a kernel takes."""

    x: int
    y: int


def compiled(function: Any) -> Any:
    """Make a function a kernel, even where those of the package run as plain Python."""
    return CPUDispatcher(function, targetoptions={"nopython": True})


@compiled
def helper() -> int:
    return NUMBER


@compiled
def calls_itself(number: int) -> int:
    return calls_itself(number - 1) if number else 0


@compiled
def target() -> Any:
    def inner() -> int:
        return helper()

    numbers = [TABLE[i] for i in range(3)]
    point = Point(x=0, y=0)
    return inner() + NUMBERS[0] + numbers[0] + MODULE.number + point.x + calls_itself(2)


MODULE.number = 1


def other_helper() -> int:
    return 0


class OtherPoint(NamedTuple):
    """The same with other fields."""

    y: int
    x: int


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NUMBER", 2),
        ("NUMBER", 1.0),
        ("NUMBER", np.int64(1)),
        ("NUMBERS", (1, (2.5, None))),
        ("TABLE", np.arange(3)[::-1]),
        ("TABLE", np.arange(3, dtype=np.uint64)),
        ("Point", OtherPoint),
        ("helper", compiled(other_helper)),
        ("helper", CPUDispatcher(helper.py_func, targetoptions={"boundscheck": True})),
    ],
)
def test_digest_depends_on_the_values_of_names(name, value, monkeypatch):
    before = kernel_digest(target)
    monkeypatch.setitem(globals(), name, value)
    assert kernel_digest(target) != before
    monkeypatch.undo()
    assert kernel_digest(target) == before


def test_digest_depends_on_attributes_of_modules(monkeypatch):
    before = kernel_digest(target)
    monkeypatch.setattr(MODULE, "number", 2)
    assert kernel_digest(target) != before


def test_digest_depends_on_closures():
    def define(number: int) -> Dispatcher:
        @compiled
        def closure() -> int:
            return number

        return closure

    assert kernel_digest(define(1)) == kernel_digest(define(1))
    assert kernel_digest(define(1)) != kernel_digest(define(2))


@pytest.mark.parametrize(
    ("name", "value"), [("BOUNDSCHECK", 1), ("OPT", 0), ("CPU_NAME", "generic"), ("UNKNOWN", 1)]
)
def test_environment_has_the_settings_that_change_machine_code(name, value, monkeypatch):
    before = environment()
    monkeypatch.setattr(numba.config, name, value, raising=False)
    assert environment() != before


@pytest.mark.parametrize("name", ["NUMBA_NUM_THREADS", "CACHE_DIR", "COLOR_SCHEME"])
def test_environment_has_no_other_settings(name, monkeypatch):
    before = environment()
    monkeypatch.setattr(numba.config, name, "changed")
    assert environment() == before


def test_environment_has_the_processor_whatever_numba_compiles_for(monkeypatch):
    before = environment()
    monkeypatch.setattr(fingerprint, "_processor", lambda: ("another", "+avx512f"))
    assert environment() != before


def test_types_are_described_with_the_fields_of_named_tuples():
    point, other = (numba.typeof(kind(1, 2)) for kind in (Point, OtherPoint))
    assert describe_types((point,)) != describe_types((other,))
    nested = [numba.types.Tuple((kind, numba.int64)) for kind in (point, other)]
    assert describe_types(nested[:1]) != describe_types(nested[1:])
    assert describe_types((numba.int64[:],)) != describe_types((numba.int64[::1],))


@pytest.mark.skipif(not JIT, reason="the package has no kernels without the compiler")
def test_every_module_with_kernels_is_a_source():
    names = {name.removesuffix(".py").replace("/", ".") for name, _ in kernel_sources()}
    found = set()
    for module in pkgutil.walk_packages(w2v.__path__, "w2v."):
        if module.name != "w2v.__main__":
            for value in vars(importlib.import_module(module.name)).values():
                if isinstance(value, Dispatcher) and value.__module__.startswith("w2v."):
                    found.add(value.__module__.removeprefix("w2v."))
    assert "training.sgns.kernel" in found
    assert found <= names
    assert "compute.simd" in names
