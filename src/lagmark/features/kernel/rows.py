"""Searches over the rows of a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import NULL
from lagmark.features.kernel.totals import total

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Ints

__all__ = ["first_at_least", "latest", "latest_pair", "smallest", "streak_start"]


@jit
def latest(mem: Ints, start: int, width: int, lo: int, hi: int, counter: int) -> int:
    """Latest row of lo..hi-1 that a running count counted, lo - 1 if none.

    The count grows at that row and not after it, so it is the first row with the last count. A
    negative column counts all rows.
    """
    if counter < 0 or lo >= hi:
        return hi - 1
    if total(mem, start, width, lo, hi, counter) == 0:
        return lo - 1
    count = mem[start + (hi - 1) * width + counter]
    low = lo
    high = hi - 1
    while low < high:
        middle = (low + high) // 2
        if mem[start + middle * width + counter] < count:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def latest_pair(mem: Ints, start: int, width: int, lo: int, hi: int, a: int, b: int) -> int:
    """Latest row of lo..hi-1 that has both values, lo - 1 if none."""
    row = hi - 1
    while row >= lo and (
        mem[start + row * width + a] == NULL or mem[start + row * width + b] == NULL
    ):
        row -= 1
    return row


@jit
def streak_start(mem: Ints, start: int, width: int, lo: int, hi: int, frauds: int) -> int:
    """First row of the known frauds without a break that end at hi-1; hi if there are none."""
    row = hi
    while row > lo and mem[start + (row - 1) * width + frauds] != (
        mem[start + (row - 2) * width + frauds] if row > 2 else 0
    ):
        row -= 1
    return row


@jit
def first_at_least(values: Ints, n: int, value: int) -> int:
    """Position of the first of ascending values[:n] that is not below a value, n if none."""
    low = 0
    high = n
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low


@jit
def smallest(values: Ints, n: int, k: int) -> int:
    """Value of rank k (from 0) among values[:n], which are reordered (Hoare's selection)."""
    left = 0
    right = n - 1
    while left < right:
        pivot = values[(left + right) // 2]
        i = left
        j = right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if k <= j:
            right = j
        elif k >= i:
            left = i
        else:
            return values[k]
    return values[k]
