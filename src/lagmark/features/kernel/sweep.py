"""All events of one key value at once, where they came in order: one pass per column and read.

The log lies column by column: a row is one cell wide, and the offsets in ``columns`` and ``reads``
say how far apart the columns are. So the same code of each column and each aggregation
reads both kinds of logs, and what it computes is the same bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.kernel._jit import inlined, jit
from lagmark.features.kernel.layout import (
    C_KIND,
    C_OFFSET,
    C_SECOND,
    DECAY,
    GREATER,
    H_BASE,
    H_BLOCK,
    H_FIRST,
    H_LAST,
    H_UID,
    NEVER,
    NULL,
    R_SKIP,
    R_WINDOW,
    RAW,
    ROW_TIME,
    SAME,
    SQUARES,
    SUM,
    T_COLUMNS,
    T_COLUMNS_END,
    T_DERIVED,
    T_FRAUD,
    T_HEAD,
    T_READS,
    T_READS_DERIVED,
    T_READS_END,
    T_RESOLUTION,
    T_WIDTH,
    T_WINDOWS,
    T_WINDOWS_END,
    W_DELAY,
    W_WIDTH,
    X_TIME,
)
from lagmark.features.kernel.log import (
    add_squares,
    decay_from,
    link_greater,
    link_same,
    same_tag,
    value_of,
)
from lagmark.features.registry import read_rows

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["start_columns", "sweep"]


@jit
def start_columns(mem: Ints, table: Ints, columns: Ints, head: int, rows: int, xs: Ints) -> bool:
    """Write the head and the times of a log; false if its events did not come in order."""
    start = head + table[T_HEAD]
    for i in range(head, start):
        mem[i] = 0
    mem[head + H_BLOCK] = start
    mem[head + H_BASE] = 0
    mem[head + H_LAST] = rows
    mem[head + H_UID] = 1
    mem[start + ROW_TIME] = NULL
    tile = table[T_RESOLUTION]
    for j in range(rows):
        t = xs[j, X_TIME]
        if tile > 1:
            t = t // tile * tile
        mem[start + j + 1 + ROW_TIME] = t
        if t < mem[start + j + ROW_TIME]:
            return False
    for i in range(start + rows + 1, start + rows + 5):
        mem[i + ROW_TIME] = NEVER
    mem[head + H_FIRST] = mem[start + 1 + ROW_TIME]
    for c in range(table[T_COLUMNS], table[T_COLUMNS_END]):
        mem[start + columns[c, C_OFFSET]] = 0
        if columns[c, C_SECOND] >= 0:
            mem[start + columns[c, C_SECOND]] = 0
    if table[T_FRAUD] >= 0:
        for i in range(start + table[T_FRAUD], start + table[T_FRAUD] + rows + 1):
            mem[i] = 0
    return True


@inlined
def _first_after(mem: Ints, i: int, bound: int) -> int:
    """First cell from i on whose time is after an instant.

    Mostly few rows leave a window at once: four comparisons without a branch are cheaper than one
    that is guessed wrong. Past the last time stand NEVERs.
    """
    step = 4
    while step == 4:
        step = (
            int(mem[i] <= bound)
            + int(mem[i + 1] <= bound)
            + int(mem[i + 2] <= bound)
            + int(mem[i + 3] <= bound)
        )
        i += step
    return i


@jit
def _windows(
    mem: Ints, table: Ints, windows: Ints, start: int, rows: int, lows: Ints, highs: Ints
) -> None:
    """Rows lo..hi-1 in each window of each event."""
    first = table[T_WINDOWS]
    n = table[T_WINDOWS_END] - first
    times = start + ROW_TIME
    for w in range(n):
        lows[w, 0] = 1
        highs[w, 0] = 2 if windows[first + w, W_DELAY] == 0 else 1
    # Window by window within an event, so that the processor works on all of them at once.
    for j in range(1, rows):
        t = mem[times + j + 1]
        for w in range(n):
            delay = windows[first + w, W_DELAY]
            span = windows[first + w, W_WIDTH]
            if delay == 0:
                highs[w, j] = j + 2
            elif w > 0 and windows[first + w - 1, W_DELAY] == delay:
                highs[w, j] = highs[w - 1, j]
            else:
                highs[w, j] = _first_after(mem, times + highs[w, j - 1], t - delay) - times
            if span == NEVER:
                lows[w, j] = 1
            else:
                lows[w, j] = _first_after(mem, times + lows[w, j - 1], t - delay - span) - times


@jit
def _fill(
    mem: Ints,
    index: Ints,
    table: Ints,
    columns: Ints,
    clauses: Ints,
    start: int,
    rows: int,
    xs: Ints,
    out: Floats,
    members: Ints,
    c: int,
) -> None:
    """Fill one column for all rows."""
    kind = columns[c, C_KIND]
    column = start + columns[c, C_OFFSET]
    second = start + columns[c, C_SECOND]
    if kind == SUM:
        running = 0
        for j in range(rows):
            v = value_of(columns, c, clauses, xs[j], out[members[j]])
            if v != NULL:
                running += v
            mem[column + j + 1] = running
    elif kind == SQUARES:
        for j in range(rows):
            mem[column + j + 1] = mem[column + j]
            mem[second + j + 1] = mem[second + j]
            v = value_of(columns, c, clauses, xs[j], out[members[j]])
            if v != NULL:
                add_squares(mem, column + j + 1, second + j + 1, v)
    elif kind == RAW:
        for j in range(rows):
            mem[column + j + 1] = value_of(columns, c, clauses, xs[j], out[members[j]])
    elif kind == GREATER:
        for j in range(rows):
            link_greater(mem, start, 1, 1, j + 1, columns, c)
    elif kind == DECAY:
        for j in range(rows):
            decay_from(mem, start, 1, 1, j + 1, columns, c)
    elif kind == SAME:
        tag = same_tag(table[T_COLUMNS_END], columns[c, C_OFFSET])
        for j in range(rows):
            link_same(mem, index, tag, 1, start, 1, 1, j + 1, j + 1, columns, c, True)
    else:
        for j in range(rows):
            mem[column + j + 1] += mem[column + j]


@jit
def sweep(
    mem: Ints,
    index: Ints,
    table: Ints,
    columns: Ints,
    windows: Ints,
    reads: Ints,
    params: Floats,
    clauses: Ints,
    head: int,
    rows: int,
    xs: Ints,
    out: Floats,
    members: Ints,
    lows: Ints,
    highs: Ints,
    work: Ints,
) -> None:
    """Features of all events of a log that :func:`start_columns` began.

    Changes of verdict stand in the fraud column, each in the row of its event. They must be known
    by the first event that reads that row: the caller takes other logs event by event.
    """
    start = head + table[T_HEAD]
    _windows(mem, table, windows, start, rows, lows, highs)
    column = table[T_COLUMNS]
    read = table[T_READS]
    # Columns that depend on features of their event come after those features.
    for stage in range(2):
        columns_end = table[T_DERIVED] if stage == 0 else table[T_COLUMNS_END]
        reads_end = table[T_READS_DERIVED] if stage == 0 else table[T_READS_END]
        for c in range(column, columns_end):
            _fill(mem, index, table, columns, clauses, start, rows, xs, out, members, c)
        for r in range(read, reads_end):
            w = reads[r, R_WINDOW]
            skip = 1 if reads[r, R_SKIP] == 1 and windows[w, W_DELAY] == 0 else 0
            w -= table[T_WINDOWS]
            read_rows(
                mem,
                head,
                start,
                table[T_WIDTH],
                lows[w],
                highs[w],
                skip,
                xs,
                reads,
                params,
                r,
                out,
                members,
                work,
            )
        column = columns_end
        read = reads_end
