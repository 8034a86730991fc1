"""Driver over whole columns: one table after another, one key value after another.

A key value whose events came in order, and whose labels came before they were read, is taken as a
whole; of any other the events are taken one by one through the same step as online. Either way in
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
    P_DEFAULT,
    R_OUT,
    RESERVED,
    ROW_TIME,
    SAME,
    T_COLUMNS,
    T_COLUMNS_END,
    T_FRAUD,
    T_HEAD,
    T_KEY0,
    T_KEYS,
    T_READS,
    T_READS_END,
    T_WIDTH,
    UIDS,
    X_HOUR,
    X_SEQ,
    X_TIME,
    X_WEEKDAY,
)
from lagmark.features.kernel.memory import block_class, new_head
from lagmark.features.kernel.plain import finish, hour_of, weekday_of
from lagmark.features.kernel.rows import first_at_least
from lagmark.features.kernel.step import apply_label, step
from lagmark.features.kernel.sweep import start_columns, sweep

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = [
    "absent_keys",
    "calendars",
    "cells_needed",
    "finish_rows",
    "group",
    "number_keys",
    "number_near",
    "run_table",
]


@jit
def calendars(x: Ints) -> None:
    """Fill in the virtual fields of all events."""
    for i in range(x.shape[1]):
        x[X_HOUR, i] = hour_of(x[X_TIME, i])
        x[X_WEEKDAY, i] = weekday_of(x[X_TIME, i])


@jit
def number_near(column: Ints, lowest: int, codes: Ints) -> None:
    """Number key values that lie close together by their distance from the lowest."""
    for i in range(codes.size):
        codes[i] = -1 if column[i] == NULL else column[i] - lowest


@jit
def number_keys(mem: Ints, index: Ints, table: Ints, x: Ints, first: int, codes: Ints) -> int:
    """Number the key values of events from ``first`` on, -1 where the key is absent.

    Returns the event before which the index has to grow, or the number of events.
    """
    n = table[T_KEYS]
    for i in range(first, codes.size):
        a = x[table[T_KEY0], i]
        b = x[table[T_KEY0 + 1], i] if n > 1 else 0
        c = x[table[T_KEY0 + 2], i] if n > 2 else 0
        if NULL in (a, b, c):
            codes[i] = -1
            continue
        code = find(index, 1, a, b, c)
        if code == 0:
            if 2 * mem[INDEXED] >= index.shape[0]:
                return i
            code = mem[INDEXED] + 1
            put(mem, index, 1, a, b, c, code)
        codes[i] = code - 1
    return codes.size


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
    return RESERVED + table[T_HEAD] + (1 << block_class((rows + 20) * table[T_WIDTH]))


@jit
def _place_labels(
    mem: Ints,
    table: Ints,
    head: int,
    members: Ints,
    first: int,
    last: int,
    label_order: Ints,
    slots: Ints,
    targets: Ints,
    changes: Ints,
    fraud_delay: int,
) -> bool:
    """Put changes of verdict into the rows of their events.

    False if an event reads a row before its label is known.
    """
    times = head + table[T_HEAD] + ROW_TIME
    for op in range(first, last):
        label = label_order[op]
        row = first_at_least(members, members.size, targets[label]) + 1
        # Row of the last event that does not know the label.
        ignorant = first_at_least(members, members.size, slots[label])
        if ignorant > 0 and mem[times + row] <= mem[times + ignorant] - fraud_delay:
            return False
        mem[times - ROW_TIME + table[T_FRAUD] + row] += changes[label]
    return True


@jit
def run_table(
    mem: Ints,
    index: Ints,
    table: Ints,
    columns: Ints,
    reads: Ints,
    apart: Ints,
    columns_apart: Ints,
    reads_apart: Ints,
    windows: Ints,
    params: Floats,
    clauses: Ints,
    fields: Ints,
    x: Ints,
    order: Ints,
    starts: Ints,
    label_order: Ints,
    label_starts: Ints,
    slots: Ints,
    targets: Ints,
    changes: Ints,
    fraud_delay: int,
    first: int,
    last: int,
    xs: Ints,
    out: Floats,
    lows: Ints,
    highs: Ints,
    work: Ints,
) -> None:
    """Write the features of one table for key values first..last-1.

    ``apart``, ``columns_apart`` and ``reads_apart`` are the table, its columns and its reads for a
    log that lies column by column; ``fields`` are those that the table needs.
    """
    linked = False
    for c in range(table[T_COLUMNS], table[T_COLUMNS_END]):
        if columns[c, C_KIND] == SAME:
            linked = True
    for g in range(first, last):
        rows = starts[g + 1] - starts[g]
        if rows == 0:
            continue
        members = order[starts[g] : starts[g + 1]]
        # The events of one key lie far apart: fetching them field by field in tight loops lets
        # the processor overlap the misses.
        for i in range(fields.size):
            field = fields[i]
            for j in range(rows):
                xs[j, field] = x[field, members[j]]
        seen = index
        if linked:
            entries = 2 * rows * (table[T_COLUMNS_END] - table[T_COLUMNS])
            seen = index[: 1 << block_class(entries)]
            seen[:] = 0
        mem[BUMP] = RESERVED
        mem[FREE:UIDS] = 0
        head = mem[BUMP]
        whole = start_columns(mem, apart, columns_apart, head, rows, xs) and _place_labels(
            mem,
            apart,
            head,
            members,
            label_starts[g],
            label_starts[g + 1],
            label_order,
            slots,
            targets,
            changes,
            fraud_delay,
        )
        if whole:
            sweep(
                mem,
                seen,
                apart,
                columns_apart,
                windows,
                reads_apart,
                params,
                clauses,
                head,
                rows,
                xs,
                out,
                members,
                lows,
                highs,
                work,
            )
        else:
            head = new_head(mem, table, rows)
            op = label_starts[g]
            for j in range(rows):
                xs[j, X_SEQ] = x[X_SEQ, members[j]]
                while op < label_starts[g + 1] and slots[label_order[op]] <= members[j]:
                    label = label_order[op]
                    event = targets[label]
                    apply_label(mem, table, head, x[X_TIME, event], x[X_SEQ, event], changes[label])
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
                    out[members[j]],
                    work,
                    True,
                )


@jit
def absent_keys(table: Ints, reads: Ints, params: Floats, codes: Ints, out: Floats) -> None:
    """Write the defaults of events without the key."""
    for i in range(codes.size):
        if codes[i] < 0:
            for r in range(table[T_READS], table[T_READS_END]):
                out[i, reads[r, R_OUT]] = params[r, P_DEFAULT]


@jit
def finish_rows(
    plain: Ints, scales: Floats, clauses: Ints, x: Ints, out: Floats, block: Ints
) -> None:
    """Write the features that need no log, as many events at a time as ``block`` has rows."""
    for begin in range(0, x.shape[1], block.shape[0]):
        n = min(block.shape[0], x.shape[1] - begin)
        for field in range(x.shape[0]):
            for j in range(n):
                block[j, field] = x[field, begin + j]
        for j in range(n):
            finish(plain, scales, clauses, block[j], out[begin + j])
