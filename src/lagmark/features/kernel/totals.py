"""Exact totals over a range of rows, and the one conversion of wide integers to float64."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.features.kernel._jit import inlined, jit

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Ints

__all__ = ["selected", "spread", "total"]


@inlined
def total(mem: Ints, start: int, width: int, lo: int, hi: int, column: int) -> int:
    """Difference of a running total over rows lo..hi-1.

    Before row 1 every total is zero, also where compaction dropped the rows in between.
    """
    upper = mem[start + (hi - 1) * width + column] if hi > 1 else 0
    lower = mem[start + (lo - 1) * width + column] if lo > 1 else 0
    return upper - lower


@inlined
def selected(mem: Ints, start: int, width: int, lo: int, hi: int, counter: int) -> int:
    """Number of selected entries: all rows, or what a column of ones counted."""
    if counter < 0:
        return hi - lo
    return total(mem, start, width, lo, hi, counter)


@jit
def _multiply(a: Any, b: Any) -> tuple[Any, Any]:
    """Product of two uint64 as (low, high)."""
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    a0 = a & mask
    a1 = a >> half
    b0 = b & mask
    b1 = b >> half
    p00 = a0 * b0
    p01 = a0 * b1
    p10 = a1 * b0
    middle = (p00 >> half) + (p01 & mask) + (p10 & mask)
    low = (p00 & mask) | (middle << half)
    high = a1 * b1 + (p01 >> half) + (p10 >> half) + (middle >> half)
    return low, high


@jit
def _to_float(low: Any, high: Any) -> float:
    """Float64 nearest to a 128-bit integer below 2**127, ties to even."""
    if high == 0:
        return _nearest(low)
    shift = np.uint64(0)
    one = np.uint64(1)
    while (high << shift) >> np.uint64(63) == 0:
        shift += one
    if shift != 0:
        top = (high << shift) | (low >> (np.uint64(64) - shift))
        rest = low << shift
    else:
        top = high
        rest = low
    # What is cut off only matters as "something": a sticky bit far below the rounding place.
    if rest != 0:
        top |= one
    value = _nearest(top)
    for _ in range(np.int64(64) - np.int64(shift)):
        value *= 2.0
    return value


@jit
def _nearest(n: Any) -> float:
    """Float64 nearest to a uint64, ties to even, from two exact halves."""
    one = np.uint64(1)
    if n >> np.uint64(63) == 0:
        return float(np.int64(n))
    halved = (n >> one) | (n & one)
    return float(np.int64(halved)) * 2.0


@jit
def spread(
    mem: Ints,
    start: int,
    width: int,
    lo: int,
    hi: int,
    n: int,
    sums: int,
    squares: int,
    upper: int,
) -> float:
    """``n * Q - S * S`` as float64: exact as an integer, rounded once."""
    q_low = np.uint64(mem[start + (hi - 1) * width + squares]) if hi > 1 else np.uint64(0)
    q_high = np.uint64(mem[start + (hi - 1) * width + upper]) if hi > 1 else np.uint64(0)
    if lo > 1:
        cell = start + (lo - 1) * width
        low = np.uint64(mem[cell + squares])
        borrow = np.uint64(1) if q_low < low else np.uint64(0)
        q_low = q_low - low
        q_high = q_high - np.uint64(mem[cell + upper]) - borrow
    s = total(mem, start, width, lo, hi, sums)
    nq_low, nq_high = _multiply(q_low, np.uint64(n))
    nq_high += q_high * np.uint64(n)
    s_low, s_high = _multiply(np.uint64(abs(s)), np.uint64(abs(s)))
    borrow = np.uint64(1) if nq_low < s_low else np.uint64(0)
    return _to_float(nq_low - s_low, nq_high - s_high - borrow)
