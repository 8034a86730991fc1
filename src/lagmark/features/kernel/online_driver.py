"""Driver over events in arrival order, all keys of an event at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.kernel._jit import inlined, jit, prefetch
from lagmark.features.kernel.index import find, prefetch_slot, put
from lagmark.features.kernel.layout import (
    BUMP,
    C_FIELD,
    C_KIND,
    C_OFFSET,
    H_BASE,
    H_BLOCK,
    H_LAST,
    H_UID,
    INDEXED,
    MAX_ROWS,
    NULL,
    SAME,
    T_COLUMNS,
    T_COLUMNS_END,
    T_FRAUD,
    T_HEAD,
    T_WIDTH,
    T_WINDOWS,
    T_WINDOWS_END,
    W_OFFSET,
    X_SEQ,
    X_TIME,
)
from lagmark.features.kernel.log import origin, same_tag
from lagmark.features.kernel.memory import block_class, copy, new_head, reserve, start_log
from lagmark.features.kernel.plain import calendar, finish
from lagmark.features.kernel.step import absent, apply_label, key_of, step

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["FULL_INDEX", "FULL_LOG", "FULL_MEMORY", "OK", "label_event", "look", "run"]

OK = 0
FULL_MEMORY = 1
FULL_INDEX = 2
FULL_LOG = 3

LINE = 8
"""Cells of a line of the cache."""

AHEAD = 16
"""Events that are looked up together."""


@inlined
def _prefetch_cells(mem: Ints, first: int, end: int) -> None:
    """Prefetch cells first..end-1."""
    for cell in range(first, end, LINE):
        prefetch(mem, cell)
    prefetch(mem, end - 1)


@jit
def _look_up(
    mem: Ints, index: Ints, tables: Ints, columns: Ints, windows: Ints, x: Ints, heads: Ints
) -> None:
    """Find the key values of the next events, 0 where new, and prefetch what their steps read.

    A step would wait for each of its cache misses in turn, and the rows that leave a long window
    were last touched long ago; here the misses overlap.
    """
    for i in range(x.shape[0]):
        calendar(x[i])
        for k in range(tables.shape[0]):
            a, b, c = key_of(tables[k], x[i])
            heads[i, k] = 0 if a == NULL else find(index, k + 1, a, b, c)
    for i in range(x.shape[0]):
        for k in range(tables.shape[0]):
            head = heads[i, k]
            if head != 0:
                _prefetch_cells(mem, head, head + tables[k, T_HEAD])
    for i in range(x.shape[0]):
        for k in range(tables.shape[0]):
            head = heads[i, k]
            if head != 0:
                width = tables[k, T_WIDTH]
                start = origin(mem, head, width)
                last = start + mem[head + H_LAST] * width
                _prefetch_cells(mem, last, last + 2 * width)
                for c in range(tables[k, T_COLUMNS], tables[k, T_COLUMNS_END]):
                    if columns[c, C_KIND] == SAME:
                        tag = same_tag(tables[k, T_COLUMNS_END], columns[c, C_OFFSET])
                        prefetch_slot(index, tag, mem[head + H_UID], x[i, columns[c, C_FIELD]], 0)
                for w in range(tables[k, T_WINDOWS], tables[k, T_WINDOWS_END]):
                    cursor = head + windows[w, W_OFFSET]
                    for cell in range(cursor, cursor + 2):
                        row = start + mem[cell] * width
                        _prefetch_cells(mem, row - width, row + width)


@jit
def _prepare(mem: Ints, index: Ints, tables: Ints, columns: Ints, x: Ints, heads: Ints) -> int:
    """Find or make the key values of an event and room in their logs, before anything changes."""
    if (mem[INDEXED] + tables.shape[0] + columns.shape[0]) * 2 > index.shape[0]:
        return FULL_INDEX
    for k in range(tables.shape[0]):
        table = tables[k]
        a, b, c = key_of(table, x)
        if a == NULL:
            heads[k] = 0
            continue
        head = heads[k] if heads[k] != 0 else find(index, k + 1, a, b, c)
        if head == 0:
            head = new_head(mem, table, 1)
            if head < 0:
                return FULL_MEMORY
            put(mem, index, k + 1, a, b, c, head)
        heads[k] = head
        if mem[head + H_LAST] - mem[head + H_BASE] >= MAX_ROWS - 1:
            return FULL_LOG
        if not reserve(mem, table, head):
            return FULL_MEMORY
    return OK


@jit
def label_event(mem: Ints, index: Ints, tables: Ints, x: Ints, change: int) -> None:
    """Tell the logs of an event that its verdict changed."""
    for k in range(tables.shape[0]):
        table = tables[k]
        if table[T_FRAUD] >= 0:
            a, b, c = key_of(table, x)
            if a != NULL:
                head = find(index, k + 1, a, b, c)
                apply_label(mem, table, head, x[X_TIME], x[X_SEQ], change)


@jit
def run(
    mem: Ints,
    index: Ints,
    tables: Ints,
    columns: Ints,
    windows: Ints,
    reads: Ints,
    params: Floats,
    clauses: Ints,
    plain: Ints,
    scales: Floats,
    x: Ints,
    begin: int,
    end: int,
    slots: Ints,
    targets: Ints,
    frauds: Ints,
    op: int,
    verdicts: Ints,
    journal: Ints,
    out: Floats,
    heads: Ints,
    work: Ints,
) -> tuple[int, int, int]:
    """Process events ``x[begin:end]`` into ``out[begin:end]``.

    Before event i all labels with ``slots <= i`` are applied: label j says whether
    ``journal[targets[j]]`` is fraud. Returns the next event, the next label and why it stopped;
    nothing of the next event has happened then, so the caller makes room and calls again.
    """
    for i in range(begin, end):
        ahead = (i - begin) % AHEAD
        if ahead == 0:
            _look_up(mem, index, tables, columns, windows, x[i : min(end, i + AHEAD)], heads)
        while op < slots.size and slots[op] <= i:
            target = targets[op]
            change = frauds[op] - verdicts[target]
            if change != 0:
                verdicts[target] = frauds[op]
                label_event(mem, index, tables, journal[target], change)
            op += 1
        status = _prepare(mem, index, tables, columns, x[i], heads[ahead])
        if status != OK:
            return i, op, status
        for k in range(tables.shape[0]):
            if heads[ahead, k] == 0:
                absent(tables[k], reads, params, out[i])
            else:
                step(
                    mem,
                    index,
                    tables[k],
                    columns,
                    windows,
                    reads,
                    params,
                    clauses,
                    heads[ahead, k],
                    x[i],
                    out[i],
                    work,
                    True,
                )
        finish(plain, scales, clauses, x[i], out[i])
    return end, op, OK


@jit
def look(
    mem: Ints,
    index: Ints,
    tables: Ints,
    columns: Ints,
    windows: Ints,
    reads: Ints,
    params: Floats,
    clauses: Ints,
    plain: Ints,
    scales: Floats,
    x: Ints,
    out: Floats,
    work: Ints,
) -> int:
    """Features that an event would get, from copies of its logs beyond the end of memory."""
    end = mem[BUMP]
    calendar(x)
    for k in range(tables.shape[0]):
        table = tables[k]
        a, b, c = key_of(table, x)
        if a == NULL:
            absent(table, reads, params, out)
            continue
        head = find(index, k + 1, a, b, c)
        rows = 0 if head == 0 else mem[head + H_LAST] - mem[head + H_BASE]
        width = table[T_WIDTH]
        if end + table[T_HEAD] + (1 << block_class((max(rows, 3) + 2) * width)) > mem.size:
            return FULL_MEMORY
        double = start_log(mem, table, end, end + table[T_HEAD])
        if head != 0:
            block = mem[head + H_BLOCK]
            used = (rows + 1) * width
            copy(mem, head, double, table[T_HEAD])
            mem[double + H_BLOCK] = end + table[T_HEAD]
            copy(mem, block, end + table[T_HEAD], used)
        step(
            mem,
            index,
            table,
            columns,
            windows,
            reads,
            params,
            clauses,
            double,
            x,
            out,
            work,
            False,
        )
    finish(plain, scales, clauses, x, out)
    return OK
