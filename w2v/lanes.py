"""Short vectors of float32, for kernels that must not depend on what a compiler makes of a loop.

A value of this type is WIDTH numbers in one register: 16 where the processor has AVX-512, else 8.
The functions are compiled to the instruction they name. With ``NUMBA_DISABLE_JIT=1`` a value is a
NumPy array of WIDTH numbers and the same functions compute on it.
"""

# numba calls the inner functions of an intrinsic with arguments it needs and they do not.
# ruff: noqa: ARG001

from __future__ import annotations

from typing import Any

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model

WIDTH = 16 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 8

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, WIDTH)
_INDEX = ir.IntType(32)
_FLOAT_BYTES = 4


class _LanesType(types.Type):
    """numba's type of a short vector."""

    def __init__(self) -> None:
        super().__init__(name=f"lanes{WIDTH}")


_LANES = _LanesType()


@register_model(_LanesType)
class _LanesModel(models.PrimitiveModel):
    """A short vector is one value of the machine's vector type."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """The address of an array's element, without the check for indices from the end."""
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def _splat(builder: Any, value: Any) -> Any:
    vector = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), value, _INDEX(0))
    mask = ir.Constant(ir.VectorType(_INDEX, WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(vector, vector, mask)


def _is_float_array(kind: Any) -> bool:
    return isinstance(kind, types.Array) and kind.dtype == types.float32 and kind.layout == "C"


@intrinsic
def load(typing_context, array, index):  # type: ignore[no-untyped-def]
    """WIDTH numbers of a flat float32 array from ``index`` on."""
    if not _is_float_array(array):
        return None

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address = _address(context, builder, array, *arguments)
        vector = builder.load(builder.bitcast(address, _VECTOR.as_pointer()))
        vector.align = _FLOAT_BYTES
        return vector

    return _LANES(array, types.intp), generate


@intrinsic
def store(typing_context, array, index, value):  # type: ignore[no-untyped-def]
    """Write WIDTH numbers into a flat float32 array from ``index`` on."""
    if not _is_float_array(array):
        return None

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address = _address(context, builder, array, *arguments[:2])
        written = builder.store(arguments[2], builder.bitcast(address, _VECTOR.as_pointer()))
        written.align = _FLOAT_BYTES
        return context.get_dummy_value()

    return types.none(array, types.intp, _LANES), generate


@intrinsic
def splat(typing_context, value):  # type: ignore[no-untyped-def]
    """WIDTH times the same number."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return _splat(builder, arguments[0])

    return _LANES(types.float32), generate


@intrinsic
def splat_from(typing_context, array, index):  # type: ignore[no-untyped-def]
    """WIDTH times the number at ``index`` of a flat float32 array."""
    if not _is_float_array(array):
        return None

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return _splat(builder, builder.load(_address(context, builder, array, *arguments)))

    return _LANES(array, types.intp), generate


@intrinsic
def multiply_add(typing_context, a, b, c):  # type: ignore[no-untyped-def]
    """a * b + c, rounded once."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        function_type = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
        function = cgutils.get_or_insert_function(
            builder.module, function_type, f"llvm.fma.v{WIDTH}f32"
        )
        return builder.call(function, arguments)

    return _LANES(_LANES, _LANES, _LANES), generate


def _of_two(name: str, operation: str, documentation: str) -> Any:
    def typed(typing_context, a, b):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return getattr(builder, operation)(*arguments)

        return _LANES(_LANES, _LANES), generate

    typed.__name__ = typed.__qualname__ = name
    typed.__doc__ = documentation
    return intrinsic(typed)


add = _of_two("add", "fadd", "a + b")
multiply = _of_two("multiply", "fmul", "a * b")
divide = _of_two("divide", "fdiv", "a / b")


def _extreme(name: str, comparison: str, documentation: str) -> Any:
    def typed(typing_context, a, b):  # type: ignore[no-untyped-def]
        def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            first, second = arguments
            # Unordered, so that a NaN in the first argument comes through.
            chosen = builder.fcmp_unordered(comparison, first, second)
            return builder.select(chosen, first, second)

        return _LANES(_LANES, _LANES), generate

    typed.__name__ = typed.__qualname__ = name
    typed.__doc__ = documentation
    return intrinsic(typed)


smaller = _extreme("smaller", "<", "The smaller of a and b in each lane; NaN if a is NaN.")
larger = _extreme("larger", ">", "The larger of a and b in each lane; NaN if a is NaN.")


@intrinsic
def total(typing_context, value):  # type: ignore[no-untyped-def]
    """The sum of the lanes, added in pairs."""

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        vector = arguments[0]
        width = WIDTH
        while width > 1:
            width //= 2
            half = ir.VectorType(_INDEX, width)
            low = builder.shuffle_vector(vector, vector, half(list(range(width))))
            high = builder.shuffle_vector(vector, vector, half(list(range(width, 2 * width))))
            vector = builder.fadd(low, high)
        return builder.extract_element(vector, _INDEX(0))

    return types.float32(_LANES), generate


@intrinsic
def store_totals(typing_context, array, index, a, b, c, d):  # type: ignore[no-untyped-def]
    """Write the sums of the lanes of four values, side by side, into a flat float32 array.

    The four are folded together, so it takes half the steps of four `total`.
    """
    if not _is_float_array(array):
        return None

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        first, second, third, fourth = arguments[2:]
        vector = _fold(
            builder, _fold(builder, first, second, 1), _fold(builder, third, fourth, 1), 2
        )
        while vector.type.count > 4:  # four partial sums of each value, then two, then one
            length = vector.type.count // 4
            vector = _add_halves(builder, vector, vector, [k * length for k in range(4)], length)
        address = _address(context, builder, array, *arguments[:2])
        written = builder.store(vector, builder.bitcast(address, vector.type.as_pointer()))
        written.align = _FLOAT_BYTES
        return context.get_dummy_value()

    return types.none(array, types.intp, _LANES, _LANES, _LANES, _LANES), generate


def _fold(builder: Any, a: Any, b: Any, parts: int) -> Any:
    """Halve the partial sums of the values in ``a`` and of those in ``b``; a's come first."""
    length = a.type.count // parts
    return _add_halves(builder, a, b, [k * length for k in range(2 * parts)], length)


def _add_halves(builder: Any, a: Any, b: Any, starts: list[int], length: int) -> Any:
    """Add the first and the second half of the stretches that begin at ``starts`` in a and b."""
    half = length // 2
    low = [start + i for start in starts for i in range(half)]
    mask = ir.VectorType(_INDEX, len(low))
    high = [i + half for i in low]
    return builder.fadd(
        builder.shuffle_vector(a, b, mask(low)), builder.shuffle_vector(a, b, mask(high))
    )


@intrinsic
def prefetch(typing_context, array, index):  # type: ignore[no-untyped-def]
    """Ask for the cache line of an element, which will be read and written soon."""
    if not _is_float_array(array):
        return None

    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        address = _address(context, builder, array, *arguments)
        pointer = builder.bitcast(address, cgutils.voidptr_t)
        function_type = ir.FunctionType(ir.VoidType(), [pointer.type, _INDEX, _INDEX, _INDEX])
        function = cgutils.get_or_insert_function(
            builder.module, function_type, "llvm.prefetch.p0"
        )
        builder.call(function, [pointer, _INDEX(1), _INDEX(3), _INDEX(1)])
        return context.get_dummy_value()

    return types.none(array, types.intp), generate


if numba.config.DISABLE_JIT:

    def load(array, index):  # type: ignore[no-untyped-def]  # noqa: F811
        return array[index : index + WIDTH].copy()
