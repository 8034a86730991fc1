"""Searches over the rows of a window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import NULL

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Ints

__all__ = ["extreme", "latest", "latest_pair", "smallest", "streak_start"]


@jit
def extreme(mem: Ints, start: int, width: int, lo: int, hi: int, raw: int, link: int) -> int:
    """Greatest value of rows lo..hi-1, following links to ever greater earlier values."""
    row = hi - 1
    while mem[start + row * width + link] >= lo:
        row = mem[start + row * width + link]
    return mem[start + row * width + raw]


@jit
def latest(mem: Ints, start: int, width: int, lo: int, hi: int, raw: int) -> int:
    """Latest row of lo..hi-1 that has a value, lo - 1 if none."""
    row = hi - 1
    while row >= lo and mem[start + row * width + raw] == NULL:
        row -= 1
    return row


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
