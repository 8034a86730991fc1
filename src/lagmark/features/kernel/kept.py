"""Answers over a range of rows that a head keeps while both ends of the range move."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import NULL, R_A, R_B, R_SECOND, R_STATE, T_READS, T_READS_END

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Ints

__all__ = ["count_distinct", "greatest", "keep"]

# State of a count of different values: the rows it counted over, lo..hi-1, and the count.
LOW = 0
HIGH = 1
COUNT = 2

# State of a greatest value: a row that has it, or 0, the end of the rows, and the value.
ROW = 0
VALUE = 2


@jit
def count_distinct(
    mem: Ints,
    state: int,
    start: int,
    width: int,
    lo: int,
    hi: int,
    raw: int,
    before: int,
    after: int,
) -> int:
    """Number of different values in rows lo..hi-1, moving on from the rows counted before.

    An entry is counted where its value has no earlier entry in the window; the neighbours of
    equal value say so in one step for each row that enters or leaves.
    """
    low = mem[state + LOW]
    high = mem[state + HIGH]
    count = mem[state + COUNT]
    if low < 1:
        low = high = lo
        count = 0
    if lo >= high or hi <= low:
        low = high = lo
        count = 0
    while high < hi:
        cell = start + high * width
        if mem[cell + raw] != NULL and mem[cell + before] < low:
            count += 1
        high += 1
    while low > lo:
        low -= 1
        cell = start + low * width
        following = mem[cell + after]
        if mem[cell + raw] != NULL and (following == 0 or following >= high):
            count += 1
    while high > hi:
        high -= 1
        cell = start + high * width
        if mem[cell + raw] != NULL and mem[cell + before] < low:
            count -= 1
    while low < lo:
        cell = start + low * width
        following = mem[cell + after]
        if mem[cell + raw] != NULL and (following == 0 or following >= high):
            count -= 1
        low += 1
    mem[state + LOW] = low
    mem[state + HIGH] = high
    mem[state + COUNT] = count
    return count


@jit
def greatest(
    mem: Ints, state: int, start: int, width: int, lo: int, hi: int, raw: int, link: int
) -> int:
    """Greatest value of rows lo..hi-1, of which there is at least one.

    Links to ever greater earlier values lead through all rows only where the kept one has left,
    else through those that entered: a long window rarely loses its greatest value.
    """
    kept = mem[state + ROW]
    low = lo if kept < lo else mem[state + HIGH]
    if low < hi:
        row = hi - 1
        while mem[start + row * width + link] >= low:
            row = mem[start + row * width + link]
        value = mem[start + row * width + raw]
        if kept < lo or value >= mem[state + VALUE]:
            mem[state + ROW] = row
            mem[state + VALUE] = value
    mem[state + HIGH] = hi
    return mem[state + VALUE]


@jit
def keep(mem: Ints, table: Ints, reads: Ints, head: int, start: int, width: int, row: int) -> None:
    """Adjust what is kept to a row that was inserted before later ones."""
    for r in range(table[T_READS], table[T_READS_END]):
        offset = reads[r, R_STATE]
        if offset < 0:
            continue
        state = head + offset
        # A greatest value, whose links have no second cell, is searched for anew.
        if reads[r, R_SECOND] < 0:
            mem[state + ROW] = 0
            continue
        low = mem[state + LOW]
        high = mem[state + HIGH]
        if row >= high or low < 1:
            continue
        if row < low:
            mem[state + LOW] += 1
        else:
            cell = start + row * width
            following = mem[cell + reads[r, R_SECOND]]
            if (
                mem[cell + reads[r, R_A]] != NULL
                and mem[cell + reads[r, R_B]] < low
                and (following == 0 or following > high)
            ):
                mem[state + COUNT] += 1
        mem[state + HIGH] += 1
