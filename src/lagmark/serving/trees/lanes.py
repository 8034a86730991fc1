"""Sixteen numbers as one value of compiled code.

Left to itself the compiler does not vectorise loops over arrays that might overlap, and what it
does changes from version to version. Here a vector is spelled out, so that every build does the
same arithmetic in the same order; the machine's own width (4, 8 or 16) changes no bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic, models, register_model

__all__ = [
    "LANES",
    "add",
    "chosen",
    "disjoint",
    "div",
    "fma",
    "get",
    "mul",
    "nonzero",
    "put",
    "same",
    "sub",
    "union",
]

LANES = 16
"""Numbers in a vector."""


class _Lanes(types.Type):
    def __init__(self, element: str) -> None:
        self.element = element
        super().__init__(name=f"Lanes({element})")


_ELEMENTS = {"float32": ir.FloatType(), "int32": ir.IntType(32), "uint8": ir.IntType(8)}
_VECTORS = {name: ir.VectorType(kind, LANES) for name, kind in _ELEMENTS.items()}
_VECTORS["bool"] = ir.VectorType(ir.IntType(1), LANES)
_LANES = {name: _Lanes(name) for name in _VECTORS}


@register_model(_Lanes)
class _Model(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, _VECTORS[kind.element])  # type: ignore[no-untyped-call]


def _intrinsic(function: Callable[..., Any]) -> Any:
    # numba's own types take the typing context for an argument of the call.
    return intrinsic(function)


def _place(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), _VECTORS[kind.dtype.name].as_pointer())


def _operation(name: str, text: str) -> Any:
    def function(_typing: Any, a: Any, b: Any) -> Any:
        def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
            return getattr(builder, name)(*values)

        return a(a, b), code

    function.__doc__ = text
    return _intrinsic(function)


add = _operation("fadd", "Sum.")
sub = _operation("fsub", "Difference.")
mul = _operation("fmul", "Product.")
div = _operation("fdiv", "Quotient.")
union = _operation("or_", "Bits that are set in either.")


@_intrinsic
def get(_typing: Any, array: Any, index: Any) -> Any:  # noqa: ARG001 - numba names arguments
    """The sixteen numbers of an array from a place on."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = signature.args[0]
        return builder.load(_place(context, builder, kind, *values), align=kind.dtype.bitwidth // 8)

    return _LANES[array.dtype.name](array, types.intp), code


@_intrinsic
def put(_typing: Any, array: Any, index: Any, lanes: Any) -> Any:  # noqa: ARG001 - likewise
    """Store of sixteen numbers into an array from a place on."""

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        kind = signature.args[0]
        place = _place(context, builder, kind, *values[:2])
        builder.store(values[2], place, align=kind.dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, lanes), code


@_intrinsic
def same(_typing: Any, number: Any) -> Any:
    """One float32 or int32 number sixteen times."""

    def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        whole = ir.Constant(_VECTORS[number.name], ir.Undefined)
        whole = builder.insert_element(whole, values[0], ir.IntType(32)(0))
        first = ir.Constant(_VECTORS["int32"], [0] * LANES)
        return builder.shuffle_vector(whole, whole, first)

    return _LANES[number.name](number), code


@_intrinsic
def fma(_typing: Any, a: Any, b: Any, c: Any) -> Any:
    """``a * b + c``, rounded once."""

    def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        name = f"llvm.fma.v{LANES}f32"
        known = builder.module.globals.get(name)
        kind = ir.FunctionType(_VECTORS["float32"], [_VECTORS["float32"]] * 3)
        return builder.call(known or ir.Function(builder.module, kind, name), values)

    return a(a, b, c), code


@_intrinsic
def nonzero(_typing: Any, a: Any) -> Any:
    """Where a number is not 0."""

    def code(_context: Any, builder: Any, signature: Any, values: Any) -> Any:
        zero = ir.Constant(_VECTORS[signature.args[0].element], None)
        return builder.icmp_unsigned("!=", values[0], zero)

    return _LANES["bool"](a), code


@_intrinsic
def disjoint(_typing: Any, a: Any, b: Any) -> Any:
    """Where no bit is set in both."""

    def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        zero = ir.Constant(_VECTORS["int32"], None)
        return builder.icmp_unsigned("==", builder.and_(*values), zero)

    return _LANES["bool"](a, b), code


@_intrinsic
def chosen(_typing: Any, where: Any, a: Any, b: Any) -> Any:
    """``a`` where something holds, else ``b``."""

    def code(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.select(*values)

    return a(where, a, b), code
