"""How this package compiles its kernels: two decorators, typed, with the options in one place.

Kernels release the GIL, keep their machine code in a cache on disk, and divide and index as C
does. With ``NUMBA_DISABLE_JIT=1`` they run as plain Python.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])


def kernel(function: Kernel) -> Kernel:
    """Compile a function of arrays and scalars."""
    return _compiled(function)


def inlined(function: Kernel) -> Kernel:
    """Compile a function that becomes part of the kernels that call it.

    A call that remains one passes every array in seven pieces and counts references to it with
    locked instructions, which took 30 to 60 ns where it was measured. The counting stays, too,
    if a function of several arrays returns from several places: one such is better written out.
    """
    return _compiled(function, forceinline=True)


def is_cached(function: Callable[..., object]) -> bool:
    """Whether there is machine code of a kernel on the disk, or none is needed."""
    if not hasattr(function, "_cache"):  # it is plain Python
        return True
    file = getattr(function._cache, "_cache_file", None)  # which there is not for want of a folder
    # Path.exists is refused where one may not look.
    return file is not None and os.path.exists(file._index_path)  # noqa: PTH110


def _compiled(function: Kernel, **options: bool) -> Kernel:
    try:
        compiled = numba.njit(nogil=True, cache=True, error_model="numpy", **options)(function)
        _do_without_a_full_cache(compiled)
    except RuntimeError:  # no folder for the cache can be written: compile every time
        compiled = numba.njit(nogil=True, error_model="numpy", **options)(function)
    return cast("Kernel", compiled)


def _do_without_a_full_cache(compiled: Any) -> None:
    """Let a kernel be used whose machine code cannot be kept, for want of room on the disk, say.

    numba writes what there is before it writes that, so the first would speak of machine code that
    is not there, or is that of the same kernel before it was changed.
    """
    if not hasattr(compiled, "_cache"):  # it is plain Python
        return
    cache = compiled._cache
    save = cache.save_overload

    def try_saving(*arguments: object) -> None:
        try:
            save(*arguments)
        except OSError:
            with contextlib.suppress(OSError):
                Path(cache._cache_file._index_path).unlink(missing_ok=True)

    cache.save_overload = try_saving
