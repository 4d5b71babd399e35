"""How this package compiles its kernels: one decorator, typed, with the options in one place.

Kernels release the GIL, keep their machine code in a cache on disk, and divide and index as C
does. With ``NUMBA_DISABLE_JIT=1`` they run as plain Python.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., object])

# What the compiler may do to sums of floats: reorder them, fuse multiply and add, and ignore
# the sign of zero. It may not assume that there is no NaN or infinity: both must survive to be
# found.
RELAXED_SUMS = frozenset({"reassoc", "contract", "nsz", "arcp"})


def kernel(function: Kernel) -> Kernel:
    """Compile a function of arrays and scalars."""
    compiled = numba.njit(nogil=True, cache=True, error_model="numpy")(function)
    return cast("Kernel", compiled)


def float_kernel(function: Kernel) -> Kernel:
    """Compile a function of arrays and scalars whose float sums may be reordered."""
    compiled = numba.njit(nogil=True, cache=True, error_model="numpy", fastmath=set(RELAXED_SUMS))(
        function
    )
    return cast("Kernel", compiled)
