"""Driver over whole columns: one table after another, one key value after another.

The events of one key value are taken in arrival order through the same step as online, in
memory that is reused for the next key value and so stays in the processor's cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lagmark.features.kernel._jit import jit
from lagmark.features.kernel.index import find, put
from lagmark.features.kernel.layout import (
    BUMP,
    C_KIND,
    FREE,
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

__all__ = ["calendars", "cells_needed", "finish_rows", "group", "number_keys", "run_table"]


@jit
def calendars(x: Any) -> None:
    """Fill in the virtual fields of all events."""
    for i in range(x.shape[0]):
        calendar(x[i])


@jit
def number_keys(mem: Any, index: Any, table: Any, x: Any, codes: Any) -> int:
    """Number the key values of all events from 0; -1 where the key is absent."""
    n = 0
    for i in range(x.shape[0]):
        a, b, c = key_of(table, x[i])
        if a == NULL:
            codes[i] = -1
            continue
        code = find(index, 1, a, b, c)
        if code == 0:
            n += 1
            code = n
            put(mem, index, 1, a, b, c, code)
        codes[i] = code - 1
    return n


@jit
def group(codes: Any, n: int, starts: Any, place: Any, order: Any) -> None:
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
def cells_needed(table: Any, rows: int) -> int:
    """Memory for the largest key value of a table."""
    return RESERVED + table[T_HEAD] + (1 << block_class((rows + 5) * table[T_WIDTH]))


@jit
def run_table(
    mem: Any, index: Any, table: Any, columns: Any, windows: Any, reads: Any, params: Any,
    clauses: Any, x: Any, order: Any, starts: Any, label_order: Any, label_starts: Any,
    slots: Any, targets: Any, changes: Any, first: int, last: int, xs: Any, outs: Any,
    out: Any, work: Any,
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
                mem, seen, table, columns, windows, reads, params, clauses, head, xs[j], outs[j],
                work, True,
            )
        for j in range(rows):
            for r in range(table[T_READS], table[T_READS_END]):
                out[members[j], reads[r, R_OUT]] = outs[j, reads[r, R_OUT]]


@jit
def finish_rows(
    tables: Any, reads: Any, params: Any, plain: Any, scales: Any, clauses: Any, x: Any, out: Any
) -> None:
    """Write defaults where a key is absent, and the features that need no log."""
    for i in range(x.shape[0]):
        for k in range(tables.shape[0]):
            if key_of(tables[k], x[i])[0] == NULL:
                absent(tables[k], reads, params, out[i])
        finish(plain, scales, clauses, x[i], out[i])
