"""Compilation of kernel functions, cached on disk and discarded when any kernel source changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from llvmlite import ir
from numba import extending
from numba.core import cgutils

__all__ = ["inlined", "jit", "part", "prefetch"]

Function = TypeVar("Function", bound=Callable[..., Any])


@cache
def _sources_digest() -> str:
    features = Path(__file__).resolve().parents[1]
    trees = features.parent / "serving" / "trees"
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted([*features.rglob("*.py"), *trees.rglob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


# numba's stubs do not know the option that leaves reference counts out, nor these helpers.
_njit: Any = numba.njit
_intrinsic: Any = extending.intrinsic
_cgutils: Any = cgutils

_OPTIONS = {"error_model": "numpy", "_nrt": False}
"""IEEE division, and no reference counting: the kernel allocates nothing, and counting every
array that is passed on or sliced costs more than the arithmetic."""


def jit(function: Function) -> Function:
    """Compiled form of a kernel function, without fast-math, so that NaN and rounding are IEEE.

    numba's own cache looks only at the file of the function itself; a change of a function that
    it calls would go unnoticed. The stamp is therefore one digest over all sources with kernels.
    """
    dispatcher = _njit(cache=True, nogil=True, **_OPTIONS)(function)
    dispatcher._cache._cache_file._source_stamp = _sources_digest()  # noqa: SLF001 - no public way
    return cast("Function", dispatcher)


def inlined(function: Function) -> Function:
    """Compiled form of a small kernel function that is copied into its callers.

    A call passes every array as seven or nine words; for a function of a few instructions that
    costs more than its work.
    """
    return cast("Function", _njit(inline="always", **_OPTIONS)(function))


def part(function: Function, *, inside: bool = False) -> Function:
    """Compiled form of a kernel function that is kept with its callers and not on its own.

    For functions made in a factory, which numba cannot tell apart in its cache.
    """
    return cast("Function", _njit(nogil=True, forceinline=inside, **_OPTIONS)(function))


def _prefetch(_: Any, cells: Any, i: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> None:
        array = context.make_array(cells)(context, builder, arguments[0])
        place = context.cast(builder, arguments[1], i, numba.intp)
        cell = _cgutils.get_item_pointer(context, builder, cells, array, [place])
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cell.type, number, number, number])
        function = builder.module.declare_intrinsic("llvm.prefetch", [cell.type], kind)
        # For reading, into all levels of the cache, data and not instructions.
        builder.call(function, [cell, number(0), number(3), number(1)])

    return numba.void(cells, i), generate


prefetch: Callable[[Any, int], None] = _intrinsic(_prefetch)
"""Ask for the cache line of ``cells[i]`` without waiting for it; the cell need not exist."""
