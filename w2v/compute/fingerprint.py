"""Digests of everything that a compiled kernel depends on.

numba compiles a kernel together with the functions it calls, and copies the values of global names
into the machine code. So the code is outdated when any of these has changed, in whatever file it
is. A digest of the sources covers functions, intrinsics and types; a walk through the kernel covers
the code that is loaded and the constants that come from other modules.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core.dispatcher import Dispatcher

_PACKAGE = __name__.partition(".")[0]
# A line that begins like this makes a file a source of kernels.
_KERNEL_LINES = (b"@kernel", b"@inlined", b"import numba", b"from numba", b"from llvmlite")

# Settings of numba that do not change machine code; all others are assumed to.
_IRRELEVANT = ("CACHE_", "COLOR_", "CUDA_", "DEBUG_CACHE", "NUMBA_", "THREADING_")

_CONSTANTS = (bool, int, float, complex, str, bytes, type(None), np.generic, np.dtype)


def environment() -> str:
    """Describe what compiles a kernel, and for what processor."""
    settings = {
        name: repr(value)
        for name, value in sorted(vars(numba.config).items())
        if name.isupper() and not name.startswith(_IRRELEVANT) and isinstance(value, _CONSTANTS)
    }
    versions = (sys.version, numba.__version__, llvmlite.__version__, np.__version__)
    return repr((versions, _processor(), settings))


@lru_cache(maxsize=1)
def _processor() -> tuple[str, str]:
    """Identify the processor, whatever numba is set to compile for: vectors are of its width."""
    features = llvmlite.binding.get_host_cpu_features()
    return llvmlite.binding.get_host_cpu_name(), features.flatten()


def kernel_digest(kernel: Dispatcher) -> bytes:
    """Return a digest of the sources and values that a kernel is compiled from.

    Raises:
        OSError: a source file cannot be read.

    """
    digest = hashlib.sha256(_package_digest())
    if kernel.py_func.__module__.partition(".")[0] != _PACKAGE:
        digest.update(Path(kernel.py_func.__code__.co_filename).read_bytes())
    for part in _parts(kernel, set()):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.digest()


@lru_cache(maxsize=1)
def _package_digest() -> bytes:
    """Return a digest of the files of this package that have kernels or intrinsics in them.

    Their content counts and not their dates, which some installers set to a constant.
    """
    digest = hashlib.sha256()
    found = False
    for name, source in kernel_sources():
        found = True
        digest.update(f"{name}\0{len(source)}\0".encode() + source)
    if not found:
        message = f"the package {_PACKAGE} is installed without its sources"
        raise FileNotFoundError(message)
    return digest.digest()


def kernel_sources() -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each file of this package that has kernels or intrinsics."""
    for name, source in _sources(importlib.resources.files(_PACKAGE), ""):
        if any(b"\n" + line in source for line in _KERNEL_LINES):
            yield name, source


def _sources(directory: Any, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each Python file below a directory, in order."""
    for entry in sorted(directory.iterdir(), key=lambda entry: entry.name):
        name = f"{prefix}{entry.name}"
        if name.endswith(".py"):
            yield name, entry.read_bytes()
        elif entry.is_dir() and entry.name != "__pycache__":
            yield from _sources(entry, f"{name}/")


def _parts(value: Any, seen: set[int]) -> Iterator[str]:
    """Yield what a value contributes to the machine code of a kernel that uses it."""
    if isinstance(value, Dispatcher):
        if id(value) in seen:
            return
        seen.add(id(value))
        function = value.py_func
        yield f"{function.__module__}.{function.__qualname__} {sorted(value.targetoptions.items())}"
        yield repr(function.__defaults__)
        cells = [cell.cell_contents for cell in function.__closure__ or ()]
        names = function.__globals__ | dict(zip(function.__code__.co_freevars, cells, strict=True))
        yield from _code_parts(function.__code__, names, seen)
    elif isinstance(value, _CONSTANTS):
        yield f"{type(value).__name__} {value!r}"
    elif isinstance(value, np.ndarray):
        content = hashlib.sha256(value.tobytes()).hexdigest()
        yield f"array {value.dtype.descr} {value.shape} {content}"
    elif isinstance(value, (tuple, list)):
        yield f"{type(value).__name__} {len(value)}"
        for item in value:
            yield from _parts(item, seen)
    elif isinstance(value, type) and hasattr(value, "_fields"):
        yield f"{value.__qualname__} {value._fields}"


def _code_parts(code: CodeType, names: dict[str, Any], seen: set[int]) -> Iterator[str]:
    yield f"{code.co_code.hex()} {code.co_names} {code.co_varnames} {code.co_freevars}"
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _code_parts(constant, names, seen)
        else:
            yield repr(constant)
    for name in (*code.co_names, *code.co_freevars):
        value = names.get(name)
        yield name
        yield from _parts(value, seen)
        if isinstance(value, ModuleType):
            for attribute in code.co_names:
                yield from _parts(getattr(value, attribute, None), seen)


def describe_types(kinds: Any) -> str:
    """Describe numba's types of arguments, including the fields of named tuples."""
    return " ".join(
        f"{kind}{getattr(kind, 'fields', '')}({describe_types(getattr(kind, 'types', ()))})"
        for kind in kinds
    )
