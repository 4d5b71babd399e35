"""SIMD vectors, for kernels whose speed must not depend on how a compiler vectorizes a loop.

A vector is WIDTH float32 numbers in one register: 16 if the processor has AVX-512, else 8. Each
function is defined twice: in NumPy, which specifies the result and runs without the compiler
(``NUMBA_DISABLE_JIT=1``), and as the LLVM instructions that replace it in compiled code.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, cast

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic, models, register_model
from numpy.typing import NDArray

WIDTH = 16 if llvmlite.binding.get_host_cpu_features().get("avx512f") else 8

Vector = NDArray[np.float32]
Plain = TypeVar("Plain", bound=Callable[..., Any])

BYTES = 64  # bytes that are examined together; their results are the bits of one integer

_VECTOR = ir.VectorType(ir.FloatType(), WIDTH)
_BYTE_VECTOR = ir.VectorType(ir.IntType(8), BYTES)
_INT = ir.IntType(32)
_FLOAT_BYTES = 4


class _VectorType(types.Type):  # type: ignore[misc, unused-ignore]
    """The numba type of a vector."""

    def __init__(self) -> None:
        super().__init__(name=f"vector{WIDTH}")


_VECTOR_TYPE = _VectorType()


@register_model(_VectorType)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    """A vector is a value of the LLVM vector type."""

    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTOR)


Generate = Callable[[Any, list[Any], Any], Any]


def _compiled_to(generate: Generate, result: Any, *arguments: Any) -> Callable[[Plain], Plain]:
    """Replace a NumPy function in compiled code by the instructions that ``generate`` emits.

    Args:
        generate: called with the LLVM builder, the values of the arguments, and a function that
            returns the address of an element: the first argument is the array and the second one
            the index.
        result: the numba type of the result.
        arguments: the numba types of the arguments; a NumPy type stands for a flat array of it.

    """

    def decorate(plain: Plain) -> Plain:
        if numba.config.DISABLE_JIT:
            return plain

        def typed(typing_context: Any, *kinds: Any) -> Any:
            del typing_context
            pairs = list(zip(arguments, kinds, strict=True))
            if any(
                isinstance(wanted, type) and not _is_flat(kind, wanted) for wanted, kind in pairs
            ):
                return None

            def code(context: Any, builder: Any, signature: Any, values: list[Any]) -> Any:
                def address(kind: Any) -> Any:
                    array = context.make_array(signature.args[0])(context, builder, values[0])
                    # Without numba's handling of negative indices.
                    return builder.bitcast(builder.gep(array.data, [values[1]]), kind.as_pointer())

                value = generate(builder, values, address)
                return context.get_dummy_value() if result is types.none else value

            taken = [kind if isinstance(wanted, type) else wanted for wanted, kind in pairs]
            return result(*taken), code

        typed.__name__ = plain.__name__
        parameters = inspect.signature(plain).parameters.values()
        context = inspect.Parameter("typing_context", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        typed.__signature__ = inspect.Signature([context, *parameters])  # type: ignore[attr-defined]
        return cast("Plain", intrinsic(typed))

    return decorate


def _is_flat(kind: Any, dtype: type) -> bool:
    return (
        isinstance(kind, types.Array)
        and (dtype is np.generic or kind.dtype == numba.from_dtype(np.dtype(dtype)))
        and kind.layout == "C"
        and kind.ndim == 1
    )


def _load(builder: Any, values: list[Any], address: Any) -> Any:
    vector = builder.load(address(_VECTOR))
    vector.align = _FLOAT_BYTES
    return vector


def _store(builder: Any, values: list[Any], address: Any) -> None:
    builder.store(values[2], address(_VECTOR)).align = _FLOAT_BYTES


def _splat(builder: Any, values: list[Any], address: Any) -> Any:
    return _repeat(builder, values[0])


def _splat_from(builder: Any, values: list[Any], address: Any) -> Any:
    return _repeat(builder, builder.load(address(ir.FloatType())))


def _repeat(builder: Any, number: Any) -> Any:
    vector = builder.insert_element(_VECTOR(ir.Undefined), number, _INT(0))
    return builder.shuffle_vector(vector, vector, _mask([0] * WIDTH))


def _mask(lanes: list[int]) -> Any:
    return ir.VectorType(_INT, len(lanes))(lanes)


def _fma(builder: Any, values: list[Any], address: Any) -> Any:
    kind = ir.FunctionType(_VECTOR, [_VECTOR] * 3)
    function = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{WIDTH}f32")
    return builder.call(function, values)


def _minimum(builder: Any, values: list[Any], address: Any) -> Any:
    return builder.select(builder.fcmp_unordered("<", *values), *values)


def _maximum(builder: Any, values: list[Any], address: Any) -> Any:
    return builder.select(builder.fcmp_unordered(">", *values), *values)


def _reduce_add(builder: Any, values: list[Any], address: Any) -> Any:
    vector = values[0]
    while vector.type.count > 1:
        vector = _add_halves(builder, vector, vector, [0], vector.type.count)
    return builder.extract_element(vector, _INT(0))


def _store_reduce_add_4(builder: Any, values: list[Any], address: Any) -> None:
    a, b, c, d = values[2:]
    half = [0, WIDTH]
    quarters = [0, WIDTH // 2, WIDTH, WIDTH + WIDTH // 2]
    ab = _add_halves(builder, a, b, half, WIDTH)
    cd = _add_halves(builder, c, d, half, WIDTH)
    vector = _add_halves(builder, ab, cd, quarters, WIDTH // 2)
    while vector.type.count > 4:  # partial sums of a, then of b, c and d
        length = vector.type.count // 4
        vector = _add_halves(builder, vector, vector, [k * length for k in range(4)], length)
    builder.store(vector, address(vector.type)).align = _FLOAT_BYTES


def _add_halves(builder: Any, a: Any, b: Any, starts: list[int], length: int) -> Any:
    """Add the first and the second half of each run of ``length`` lanes of a, then of b."""
    low = [start + i for start in starts for i in range(length // 2)]
    high = [i + length // 2 for i in low]
    return builder.fadd(
        builder.shuffle_vector(a, b, _mask(low)), builder.shuffle_vector(a, b, _mask(high))
    )


def _eight_bytes(builder: Any, values: list[Any], address: Any) -> Any:
    number = builder.load(address(ir.IntType(64)))
    number.align = 1
    return number


def _load_bytes(builder: Any, address: Any) -> Any:
    vector = builder.load(address(_BYTE_VECTOR))
    vector.align = 1
    return vector


def _byte_lanes(number: int) -> Any:
    return _BYTE_VECTOR([number] * BYTES)


def _lanes_between(builder: Any, vector: Any, first: Any, last: Any) -> Any:
    return builder.icmp_unsigned("<=", builder.sub(vector, first), builder.sub(last, first))


def _bytes_between(builder: Any, values: list[Any], address: Any) -> Any:
    first, last = (_repeat_byte(builder, value) for value in values[2:])
    found = _lanes_between(builder, _load_bytes(builder, address), first, last)
    return builder.bitcast(found, ir.IntType(BYTES))


def _repeat_byte(builder: Any, number: Any) -> Any:
    vector = builder.insert_element(_BYTE_VECTOR(ir.Undefined), number, _INT(0))
    return builder.shuffle_vector(vector, vector, _mask([0] * BYTES))


def _ascii_lowercase(builder: Any, values: list[Any], address: Any) -> None:
    vector = _load_bytes(builder, address)
    capital = _lanes_between(builder, vector, _byte_lanes(ord("A")), _byte_lanes(ord("Z")))
    lower = builder.add(vector, _byte_lanes(ord("a") - ord("A")))
    builder.store(builder.select(capital, lower, vector), address(_BYTE_VECTOR)).align = 1


def _trailing_zeros(builder: Any, values: list[Any], address: Any) -> Any:
    return builder.cttz(values[0], ir.IntType(1)(0))


def _prefetch(builder: Any, values: list[Any], address: Any) -> None:
    pointer = address(ir.IntType(8))
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, _INT, _INT, _INT])
    function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
    to_write, keep, data = _INT(1), _INT(3), _INT(1)
    builder.call(function, [pointer, to_write, keep, data])


_ARRAY = np.float32


@_compiled_to(_load, _VECTOR_TYPE, _ARRAY, types.intp)
def load(array: NDArray[np.float32], index: int) -> Vector:
    """Return WIDTH numbers of a flat array from ``index`` on."""
    return array[index : index + WIDTH].copy()


@_compiled_to(_store, types.none, _ARRAY, types.intp, _VECTOR_TYPE)
def store(array: NDArray[np.float32], index: int, value: Vector) -> None:
    """Write WIDTH numbers into a flat array from ``index`` on."""
    array[index : index + WIDTH] = value


@_compiled_to(_splat, _VECTOR_TYPE, types.float32)
def splat(number: Any) -> Vector:
    """Return WIDTH copies of a number."""
    return np.full(WIDTH, number, np.float32)


@_compiled_to(_splat_from, _VECTOR_TYPE, _ARRAY, types.intp)
def splat_from(array: NDArray[np.float32], index: int) -> Vector:
    """Return WIDTH copies of the number at ``index`` of a flat array."""
    return np.full(WIDTH, array[index], np.float32)


@_compiled_to(_fma, _VECTOR_TYPE, _VECTOR_TYPE, _VECTOR_TYPE, _VECTOR_TYPE)
def fma(a: Vector, b: Vector, c: Vector) -> Vector:
    """Return a * b + c, which compiled code rounds only once."""
    return a * b + c


@_compiled_to(
    lambda builder, values, address: builder.fadd(*values), _VECTOR_TYPE, _VECTOR_TYPE, _VECTOR_TYPE
)
def add(a: Vector, b: Vector) -> Vector:
    """Return a + b."""
    return a + b


@_compiled_to(
    lambda builder, values, address: builder.fmul(*values), _VECTOR_TYPE, _VECTOR_TYPE, _VECTOR_TYPE
)
def multiply(a: Vector, b: Vector) -> Vector:
    """Return a * b."""
    return a * b


@_compiled_to(
    lambda builder, values, address: builder.fdiv(*values), _VECTOR_TYPE, _VECTOR_TYPE, _VECTOR_TYPE
)
def divide(a: Vector, b: Vector) -> Vector:
    """Return a / b."""
    return a / b


@_compiled_to(_minimum, _VECTOR_TYPE, _VECTOR_TYPE, _VECTOR_TYPE)
def minimum(a: Vector, b: Vector) -> Vector:
    """Return the minimum of a and b in each lane, NaN where a is NaN."""
    return np.where(a >= b, b, a)


@_compiled_to(_maximum, _VECTOR_TYPE, _VECTOR_TYPE, _VECTOR_TYPE)
def maximum(a: Vector, b: Vector) -> Vector:
    """Return the maximum of a and b in each lane, NaN where a is NaN."""
    return np.where(a <= b, b, a)


@_compiled_to(_reduce_add, types.float32, _VECTOR_TYPE)
def reduce_add(value: Vector) -> float:
    """Return the sum of the lanes."""
    return value.sum()  # type: ignore[no-any-return]


@_compiled_to(
    _store_reduce_add_4,
    types.none,
    _ARRAY,
    types.intp,
    _VECTOR_TYPE,
    _VECTOR_TYPE,
    _VECTOR_TYPE,
    _VECTOR_TYPE,
)
def store_reduce_add_4(
    array: NDArray[np.float32], index: int, a: Vector, b: Vector, c: Vector, d: Vector
) -> None:
    """Write the sums of the lanes of four vectors to adjacent elements of a flat array.

    The four are added up together, which takes half the instructions of four separate sums.
    """
    array[index : index + 4] = [a.sum(), b.sum(), c.sum(), d.sum()]


@_compiled_to(_prefetch, types.none, np.generic, types.intp)
def prefetch(array: NDArray[Any], index: int) -> None:
    """Prefetch the cache line of an element for reading and writing."""
    del array, index


@_compiled_to(_eight_bytes, types.uint64, np.uint8, types.intp)
def eight_bytes(array: NDArray[np.uint8], index: int) -> np.uint64:
    """Return eight bytes of a flat array as one integer, the first byte lowest."""
    return array[index : index + 8].view(np.uint64)[0]  # type: ignore[no-any-return]


@_compiled_to(_bytes_between, types.uint64, np.uint8, types.intp, types.uint8, types.uint8)
def bytes_between(array: NDArray[np.uint8], index: int, first: Any, last: Any) -> np.uint64:
    """Return a bit for each of BYTES bytes, the first one lowest: whether it is in a range."""
    part = array[index : index + BYTES]
    found = np.packbits((part >= first) & (part <= last), bitorder="little")
    return found.view(np.uint64)[0]  # type: ignore[no-any-return]


@_compiled_to(_ascii_lowercase, types.none, np.uint8, types.intp)
def ascii_lowercase(array: NDArray[np.uint8], index: int) -> None:
    """Lowercase the ASCII letters among the BYTES bytes from ``index`` on, in place."""
    part = array[index : index + BYTES]
    part[(part >= ord("A")) & (part <= ord("Z"))] += ord("a") - ord("A")


@_compiled_to(_trailing_zeros, types.int64, types.uint64)
def trailing_zeros(bits: np.uint64) -> int:
    """Return the number of zeros below the lowest one bit; 64 if all bits are zero."""
    number = int(bits)
    return (number & -number).bit_length() - 1 if number else 64
