"""Compilation of kernels: two decorators, with numba's options in one place.

Kernels release the GIL, and divide and index arrays as C does. Their machine code is cached on
disk, see `w2v.compute.kernel_files` for where. With ``NUMBA_DISABLE_JIT=1`` they run as plain
Python.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
import pickle
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import numba
from numba.core import sigutils
from numba.core.caching import NullCache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps

from w2v.compute import fingerprint, kernel_files

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Compile a function of arrays and scalars."""
    compiled = _compiled(function)
    if isinstance(compiled, Dispatcher):
        KernelCache.attach(compiled)
    return compiled


def inlined(function: Kernel) -> Kernel:
    """Compile a function as a part of the kernels that call it.

    A call that is not inlined passes each array as seven values and counts references to it with
    locked instructions, which took 30 to 60 ns where it was measured. Reference counting remains if
    a function of several arrays returns from several places; write such a function out instead.
    """
    return _compiled(function, forceinline=True)


def _compiled(function: Kernel, **options: bool) -> Kernel:
    return cast("Kernel", numba.njit(nogil=True, error_model="numpy", **options)(function))


def is_cached(function: Callable[..., object]) -> bool:
    """Whether machine code of a kernel is on disk, or none is needed."""
    if not isinstance(function, Dispatcher):  # it runs as plain Python
        return True
    cache = KernelCache.of(function)
    return cache is not None and cache.has_file()


def cache_directory() -> Path | None:
    """Return the directory that machine code of this package is saved in, None if there is none."""
    package = _package_directory(cache_directory)
    return kernel_files.find_directories(package, numba.config.CACHE_DIR).writable


class KernelCache(NullCache):  # type: ignore[misc, unused-ignore]
    """The machine code of one kernel on disk.

    It takes the place of numba's own cache, which notices changes of the file that a kernel is
    defined in but not of the files it takes functions and constants from, and which passes damaged
    files on to LLVM. A cache that fails must not stop a kernel, so errors count as a missing file.

    All that this package uses of numba's internals for caching is in this class.
    """

    @classmethod
    def attach(cls, dispatcher: Any) -> None:
        """Let a compiled function use such a cache."""
        dispatcher._cache = cls(dispatcher)

    @classmethod
    def of(cls, function: object) -> KernelCache | None:
        """Return the cache of a compiled function, if it has one."""
        cache = getattr(function, "_cache", None)
        return cache if isinstance(cache, cls) else None

    def __init__(self, dispatcher: Any) -> None:
        function = dispatcher.py_func
        self._dispatcher = dispatcher
        self._source = Path(function.__code__.co_filename)
        self._package = _package_directory(function)
        self._name = f"{function.__module__}.{function.__qualname__}"

    @property
    def cache_path(self) -> str | None:
        """The directory of new files, for numba's statistics."""
        directory = self._directories.writable
        return None if directory is None else str(directory)

    def load_overload(self, signature: Any, target_context: Any) -> CompileResult | None:
        """Load what was compiled for a signature; numba calls this before it compiles."""
        target_context.refresh()
        with contextlib.suppress(OSError):
            build = self._build()
            name = self._file_name(build, signature)
            for directory in self._directories.readable:
                payload = kernel_files.read(directory / name, build.stamp, self._owners())
                result = None if payload is None else _rebuild(payload, target_context)
                if result is not None:
                    return result
        return None

    def save_overload(self, signature: Any, result: CompileResult) -> None:
        """Save what was compiled for a signature; numba calls this after it compiled."""
        if result.lifted or result.library.has_dynamic_globals:
            return
        with contextlib.suppress(OSError):
            build = self._build()
            directory = self._directories.writable
            if directory is not None:
                path = directory / self._file_name(build, signature)
                kernel_files.write(path, build.stamp, dumps(result._reduce()))

    def has_file(self) -> bool:
        """Whether there is a file for any signature that is not outdated."""
        with contextlib.suppress(OSError):
            build = self._build()
            return any(
                kernel_files.has_stamp(path, build.stamp)
                for directory in self._directories.readable
                for path in directory.glob(f"{glob.escape(build.prefix)}*")
            )
        return False

    @property
    def _directories(self) -> kernel_files.Directories:
        return kernel_files.find_directories(self._package, numba.config.CACHE_DIR)

    def _owners(self) -> frozenset[int]:
        """Return the users whose files are trusted.

        The owner of the source is one, for what the kernel does is up to that user anyway.
        """
        owners = {0, os.geteuid()}
        with contextlib.suppress(OSError):  # in a zip file it has no owner
            owners.add(self._source.stat().st_uid)
        return frozenset(owners)

    def _build(self) -> _Build:
        target = self._dispatcher.targetctx.codegen().magic_tuple()
        environment = f"{self._name} {target} {fingerprint.environment()}".encode()
        stamp = fingerprint.kernel_digest(self._dispatcher) + environment
        prefix = f"{_plain(self._name)}-{_short_digest(environment)}-"
        return _Build(prefix, hashlib.sha256(stamp).digest())

    def _file_name(self, build: _Build, signature: Any) -> str:
        arguments, _ = sigutils.normalize_signature(signature)
        described = fingerprint.describe_types(arguments).encode()
        return f"{build.prefix}{_short_digest(described)}{kernel_files.SUFFIX}"


class _Build(NamedTuple):
    """How files of a kernel are recognized.

    Attributes:
        prefix: of their names; it differs between processors and versions, so that their files do
            not replace each other.
        stamp: of their content; it differs between sources too.

    """

    prefix: str
    stamp: bytes


def _rebuild(payload: memoryview, target_context: Any) -> CompileResult | None:
    try:
        return CompileResult._rebuild(target_context, *pickle.loads(payload))
    except Exception:  # noqa: BLE001 - unpickling may raise anything
        return None


def _package_directory(function: Any) -> Path:
    """Return the directory of the package, or of the file, that a function is defined in."""
    module = sys.modules.get(function.__module__.partition(".")[0])
    return Path(getattr(module, "__file__", None) or function.__code__.co_filename).parent


def _plain(name: str) -> str:
    """Shorten a name and leave out what a file name should not contain."""
    return re.sub(r"[^\w.]", "", name)[-100:]


def _short_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]
