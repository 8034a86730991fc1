"""Dropping of rows that no later event can read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import (
    H_BASE,
    H_BLOCK,
    H_LAST,
    I_TAG,
    I_VALUE,
    NEVER,
    NULL,
    R_STATE,
    ROW_TIME,
    T_HORIZON,
    T_READS,
    T_READS_END,
    T_WIDTH,
)

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Ints

__all__ = ["compact_logs"]


@jit
def compact_logs(mem: Ints, index: Ints, tables: Ints, reads: Ints, before: int) -> int:
    """Drop rows that no event at or after an instant can read, and return how many.

    The last dropped row becomes the sentinel, whose totals go on standing for all before it. A row
    is dropped only if its successor is old enough too, so that the latest one always stays.
    """
    dropped = 0
    for i in range(index.shape[0]):
        k = index[i, I_TAG] - 1
        if k < 0 or k >= tables.shape[0]:
            continue
        horizon = tables[k, T_HORIZON]
        if horizon == NEVER:
            continue
        width = tables[k, T_WIDTH]
        head = index[i, I_VALUE]
        block = mem[head + H_BLOCK]
        rows = mem[head + H_LAST] - mem[head + H_BASE]
        n = 0
        while n + 2 <= rows and mem[block + (n + 2) * width + ROW_TIME] <= before - horizon:
            n += 1
        if n == 0:
            continue
        for cell in range(block, block + (rows - n + 1) * width):
            mem[cell] = mem[cell + n * width]
        mem[block + ROW_TIME] = NULL
        mem[head + H_BASE] += n
        # What a head keeps of rows that are gone cannot be moved on from: it begins anew.
        for r in range(tables[k, T_READS], tables[k, T_READS_END]):
            if reads[r, R_STATE] >= 0 and mem[head + reads[r, R_STATE]] <= mem[head + H_BASE]:
                mem[head + reads[r, R_STATE]] = 0
        dropped += n
    return dropped
