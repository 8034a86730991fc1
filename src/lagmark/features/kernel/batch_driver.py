"""Driver over whole columns: one table after another, one key value after another.

The events of one key value are taken in arrival order through the same step as online, in
memory that is reused for the next key value and so stays in the processor's cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.index import find, put
from lagmark.features.kernel.layout import (
    BUMP,
    C_KIND,
    FREE,
    INDEXED,
    NULL,
    R_OUT,
    RESERVED,
    SAME,
    T_COLUMNS,
    T_COLUMNS_END,
    T_HEAD,
    T_READS,
    T_READS_END,
    T_WIDTH,
    UIDS,
    X_SEQ,
    X_TIME,
)
from lagmark.features.kernel.memory import block_class, new_head
from lagmark.features.kernel.plain import calendar, finish
from lagmark.features.kernel.step import absent, apply_label, key_of, step

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["calendars", "cells_needed", "finish_rows", "group", "number_keys", "run_table"]


@jit
def calendars(x: Ints) -> None:
    """Fill in the virtual fields of all events."""
    for i in range(x.shape[0]):
        calendar(x[i])


@jit
def number_keys(mem: Ints, index: Ints, table: Ints, x: Ints, first: int, codes: Ints) -> int:
    """Number the key values of events from ``first`` on, -1 where the key is absent.

    Returns the event before which the index has to grow, or the number of events.
    """
    for i in range(first, x.shape[0]):
        a, b, c = key_of(table, x[i])
        if a == NULL:
            codes[i] = -1
            continue
        code = find(index, 1, a, b, c)
        if code == 0:
            if 2 * mem[INDEXED] >= index.shape[0]:
                return i
            code = mem[INDEXED] + 1
            put(mem, index, 1, a, b, c, code)
        codes[i] = code - 1
    return x.shape[0]


@jit
def group(codes: Ints, n: int, starts: Ints, place: Ints, order: Ints) -> None:
    """Fill in positions sorted by code, in order within each, and where each code starts.

    ``starts`` and ``place`` are zeros of n + 1.
    """
    for i in range(codes.size):
        if codes[i] >= 0:
            starts[codes[i] + 1] += 1
    for g in range(n):
        starts[g + 1] += starts[g]
        place[g] = starts[g]
    for i in range(codes.size):
        if codes[i] >= 0:
            order[place[codes[i]]] = i
            place[codes[i]] += 1


@jit
def cells_needed(table: Ints, rows: int) -> int:
    """Memory for the largest key value of a table."""
    return RESERVED + table[T_HEAD] + (1 << block_class((rows + 5) * table[T_WIDTH]))


@jit
def run_table(
    mem: Ints,
    index: Ints,
    table: Ints,
    columns: Ints,
    windows: Ints,
    reads: Ints,
    params: Floats,
    clauses: Ints,
    x: Ints,
    order: Ints,
    starts: Ints,
    label_order: Ints,
    label_starts: Ints,
    slots: Ints,
    targets: Ints,
    changes: Ints,
    first: int,
    last: int,
    xs: Ints,
    outs: Floats,
    out: Floats,
    work: Ints,
) -> None:
    """Write the features of one table for key values first..last-1."""
    linked = False
    for c in range(table[T_COLUMNS], table[T_COLUMNS_END]):
        if columns[c, C_KIND] == SAME:
            linked = True
    for g in range(first, last):
        mem[BUMP] = RESERVED
        mem[FREE:UIDS] = 0
        rows = starts[g + 1] - starts[g]
        head = new_head(mem, table, rows)
        seen = index
        if linked:
            entries = 2 * rows * (table[T_COLUMNS_END] - table[T_COLUMNS])
            seen = index[: 1 << block_class(entries)]
            seen[:] = 0
        # The events of one key lie far apart: fetching them in one tight loop lets the processor
        # overlap the misses, and so does writing the results.
        members = order[starts[g] : starts[g + 1]]
        for j in range(rows):
            for f in range(x.shape[1]):
                xs[j, f] = x[members[j], f]
        op = label_starts[g]
        for j in range(rows):
            while op < label_starts[g + 1] and slots[label_order[op]] <= members[j]:
                label = label_order[op]
                event = x[targets[label]]
                apply_label(mem, table, head, event[X_TIME], event[X_SEQ], changes[label])
                op += 1
            step(
                mem,
                seen,
                table,
                columns,
                windows,
                reads,
                params,
                clauses,
                head,
                xs[j],
                outs[j],
                work,
                True,
            )
        for j in range(rows):
            for r in range(table[T_READS], table[T_READS_END]):
                out[members[j], reads[r, R_OUT]] = outs[j, reads[r, R_OUT]]


@jit
def finish_rows(
    tables: Ints,
    reads: Ints,
    params: Floats,
    plain: Ints,
    scales: Floats,
    clauses: Ints,
    x: Ints,
    out: Floats,
) -> None:
    """Write defaults where a key is absent, and the features that need no log."""
    for i in range(x.shape[0]):
        for k in range(tables.shape[0]):
            if key_of(tables[k], x[i])[0] == NULL:
                absent(tables[k], reads, params, out[i])
        finish(plain, scales, clauses, x[i], out[i])
