"""Blocks of ``mem``: powers of two, taken from the end or from a list of freed ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.layout import (
    BUMP,
    FREE,
    H_BASE,
    H_BLOCK,
    H_CLASS,
    H_FIRST,
    H_LAST,
    H_UID,
    NEVER,
    NULL,
    RESERVED,
    ROW_TIME,
    T_HEAD,
    T_WIDTH,
    UIDS,
)

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Ints

__all__ = ["block_class", "copy", "new_head", "new_memory", "reserve", "start_log"]

FIRST_ROWS = 4
"""Rows that a new log has room for, its sentinel included."""


def new_memory(cells: int) -> Any:
    """Empty memory, shape (cells,), int64; pages are touched only when used."""
    mem = np.empty(max(cells, 4096), dtype=np.int64)
    mem[:RESERVED] = 0
    mem[BUMP] = RESERVED
    return mem


@jit
def copy(mem: Ints, source: int, target: int, cells: int) -> None:
    """Copy cells to a place that does not overlap them."""
    for i in range(cells):
        mem[target + i] = mem[source + i]


@jit
def block_class(cells: int) -> int:
    """Logarithm of the smallest power of two that holds a number of cells."""
    c = 3
    while (1 << c) < cells:
        c += 1
    return c


@jit
def _take(mem: Ints, c: int) -> int:
    """Cell of a free block of class c, or -1 if memory has to grow first."""
    block = mem[FREE + c]
    if block != 0:
        mem[FREE + c] = mem[block]
        return block
    block = mem[BUMP]
    if block + (1 << c) > mem.size:
        return -1
    mem[BUMP] = block + (1 << c)
    return block


@jit
def start_log(mem: Ints, table: Ints, head: int, block: int) -> int:
    """Write an empty head and log at given cells, and return the head."""
    for i in range(head, head + table[T_HEAD]):
        mem[i] = 0
    mem[head + H_BLOCK] = block
    mem[head + H_FIRST] = NEVER
    for i in range(block, block + table[T_WIDTH]):
        mem[i] = 0
    mem[block + ROW_TIME] = NULL
    return head


@jit
def new_head(mem: Ints, table: Ints, rows: int) -> int:
    """Cell of a new, empty key value with room for some rows, or -1 if memory has to grow."""
    c = block_class((max(rows, FIRST_ROWS - 1) + 1) * table[T_WIDTH])
    if mem[BUMP] + table[T_HEAD] + (1 << c) > mem.size:
        return -1
    head = mem[BUMP]
    mem[BUMP] += table[T_HEAD]
    start_log(mem, table, head, _take(mem, c))
    mem[head + H_CLASS] = c
    mem[UIDS] += 1
    mem[head + H_UID] = mem[UIDS]
    return head


@jit
def reserve(mem: Ints, table: Ints, head: int) -> bool:
    """Make room for one more row in a log; false if memory has to grow first."""
    width = table[T_WIDTH]
    used = (mem[head + H_LAST] - mem[head + H_BASE] + 1) * width
    c = mem[head + H_CLASS]
    if used + width <= (1 << c):
        return True
    larger = _take(mem, c + 1)
    if larger < 0:
        return False
    block = mem[head + H_BLOCK]
    copy(mem, block, larger, used)
    mem[block] = mem[FREE + c]
    mem[FREE + c] = block
    mem[head + H_BLOCK] = larger
    mem[head + H_CLASS] = c + 1
    return True
