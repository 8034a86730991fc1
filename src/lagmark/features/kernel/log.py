"""Insertion of an event into a log, at its event_time, with all that hangs on its position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.features.kernel._jit import inlined, jit
from lagmark.features.kernel.decay import decayed, tick
from lagmark.features.kernel.index import find, put
from lagmark.features.kernel.layout import (
    C_CLAUSES,
    C_CLAUSES_END,
    C_FIELD,
    C_HALF_LIFE,
    C_KIND,
    C_OFFSET,
    C_RAW,
    C_SECOND,
    C_SIGN,
    DECAY,
    GREATER,
    H_BASE,
    H_BLOCK,
    H_FIRST,
    H_LAST,
    H_UID,
    NULL,
    RAW,
    ROW_SEQ,
    ROW_TIME,
    SAME,
    SQUARES,
    SUM,
    T_COLUMNS,
    T_COLUMNS_END,
    T_DERIVED,
    T_WIDTH,
    X_SEQ,
)
from lagmark.features.kernel.predicate import as_float, holds

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = [
    "add_squares",
    "decay_from",
    "fill_derived",
    "insert",
    "link_greater",
    "link_same",
    "origin",
    "same_tag",
    "seek",
    "set_float",
    "value_of",
]


@inlined
def origin(mem: Ints, head: int, width: int) -> int:
    """Cell where row 0 of a log would start, so that row i starts at origin + i * width."""
    return mem[head + H_BLOCK] - mem[head + H_BASE] * width


@inlined
def seek(mem: Ints, start: int, width: int, first: int, last: int, hint: int, bound: int) -> int:
    """First row of first..last+1 whose event_time is after a bound, walking from a hint.

    The hint only saves steps: time that moves on costs one step per event that leaves.
    """
    i = min(max(hint, first), last + 1)
    while i <= last and mem[start + i * width + ROW_TIME] <= bound:
        i += 1
    while i > first and mem[start + (i - 1) * width + ROW_TIME] > bound:
        i -= 1
    return i


@jit
def set_float(cells: Ints, i: int, value: float) -> None:
    """Store the bits of a float64 in an int64 cell."""
    cells[i : i + 1].view(np.float64)[0] = value


@jit
def same_tag(table_end: int, offset: int) -> int:
    """Index tag of the latest rows by value of one column (tags below are for key values)."""
    return 1024 + table_end * 1024 + offset


@jit
def add_squares(mem: Ints, lower: int, upper: int, value: int) -> None:
    """Add value**2 to a 128-bit total in two cells."""
    v = np.uint64(abs(value))
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    low_part = v & mask
    high_part = v >> half
    cross = low_part * high_part
    low = low_part * low_part
    # |value| <= 2**40, so high_part < 2**9 and cross < 2**41: cross * 2 cannot overflow.
    middle = cross + cross
    add = middle << half
    total = low + add
    carry = np.uint64(1) if total < low else np.uint64(0)
    high = high_part * high_part + (middle >> half) + carry
    before = np.uint64(mem[lower])
    after = before + total
    mem[lower] = np.int64(after)
    mem[upper] += np.int64(high) + (1 if after < before else 0)


@jit
def value_of(columns: Ints, c: int, clauses: Ints, x: Ints, out: Floats) -> int:
    """Value that an event brings to a column, NULL if it is left out."""
    start = columns[c, C_CLAUSES]
    end = columns[c, C_CLAUSES_END]
    if start != end and not holds(clauses, start, end, x, out):
        return NULL
    if columns[c, C_FIELD] < 0:
        return 1
    value = x[columns[c, C_FIELD]]
    return value if value == NULL else value * columns[c, C_SIGN]


@jit
def _accumulate(
    mem: Ints, start: int, width: int, row: int, last: int, columns: Ints, c: int, v: int
) -> None:
    """Add an event's value to the running totals of its row and all later ones."""
    offset = columns[c, C_OFFSET]
    if columns[c, C_KIND] == SUM:
        for j in range(row, last + 1):
            mem[start + j * width + offset] += v
    else:
        second = columns[c, C_SECOND]
        for j in range(row, last + 1):
            add_squares(mem, start + j * width + offset, start + j * width + second, v)


@jit
def link_greater(
    mem: Ints, start: int, width: int, first: int, row: int, columns: Ints, c: int
) -> None:
    """Link a row to the latest earlier one with a greater raw value."""
    raw = columns[c, C_RAW]
    offset = columns[c, C_OFFSET]
    value = mem[start + row * width + raw]
    i = row - 1
    while i >= first and mem[start + i * width + raw] <= value:
        i = mem[start + i * width + offset]
    mem[start + row * width + offset] = max(i, first - 1)


@jit
def decay_from(
    mem: Ints, start: int, width: int, first: int, row: int, columns: Ints, c: int
) -> None:
    """Decayed total at a row, from the one at the row before."""
    cell = start + row * width
    raw = mem[cell + columns[c, C_RAW]]
    value = 0.0 if raw == NULL else float(raw)
    if row > first:
        before = cell - width
        steps = tick(mem[cell + ROW_TIME], columns[c, C_HALF_LIFE]) - tick(
            mem[before + ROW_TIME], columns[c, C_HALF_LIFE]
        )
        value = decayed(as_float(mem, before + columns[c, C_OFFSET]), steps) + value
    set_float(mem, cell + columns[c, C_OFFSET], value)


@jit
def link_same(
    mem: Ints,
    index: Ints,
    tag: int,
    uid: int,
    start: int,
    width: int,
    first: int,
    row: int,
    last: int,
    columns: Ints,
    c: int,
    commit: bool,
) -> None:
    """Link a new row to its neighbours of equal value; rows after it have moved up by one."""
    raw = columns[c, C_RAW]
    previous = columns[c, C_OFFSET]
    following = columns[c, C_SECOND]
    value = mem[start + row * width + raw]
    before = 0
    after = 0
    for j in range(row + 1, last + 1):
        cell = start + j * width
        other = mem[cell + raw]
        if other == NULL:
            continue
        if mem[cell + previous] >= row:
            mem[cell + previous] += 1
        if mem[cell + following] >= row:
            mem[cell + following] += 1
        elif commit:
            put(mem, index, tag, uid, other, 0, j)
        if mem[cell + previous] < row:
            if other == value and after == 0:
                after = j
                before = mem[cell + previous]
                mem[cell + previous] = row
            # A row that was compacted away has no cell, and is never followed forward again.
            if mem[cell + previous] >= first:
                mem[start + mem[cell + previous] * width + following] = j
    if value == NULL:
        return
    if after == 0:
        before = find(index, tag, uid, value, 0)
        if commit:
            put(mem, index, tag, uid, value, 0, row)
    cell = start + row * width
    mem[cell + previous] = before
    mem[cell + following] = after
    if before >= first:
        mem[start + before * width + following] = row


@jit
def insert(
    mem: Ints,
    index: Ints,
    table: Ints,
    columns: Ints,
    clauses: Ints,
    head: int,
    time: int,
    x: Ints,
    out: Floats,
    commit: bool,
) -> int:
    """Insert an event into the log of a key value that has room, and return its row.

    Columns that depend on features of the event itself stay as if it brought nothing to them;
    :func:`fill_derived` completes them.
    """
    width = table[T_WIDTH]
    start = origin(mem, head, width)
    first = mem[head + H_BASE] + 1
    last = mem[head + H_LAST] + 1
    row = last
    while row > first and mem[start + (row - 1) * width + ROW_TIME] > time:
        row -= 1
    cell = start + row * width
    if row < last:
        for i in range(start + (last + 1) * width - 1, cell + width - 1, -1):
            mem[i] = mem[i - width]
    # Totals start from the row before; everything else is set below.
    for i in range(width):
        mem[cell + i] = mem[cell - width + i]
    mem[cell + ROW_TIME] = time
    mem[cell + ROW_SEQ] = x[X_SEQ]
    mem[head + H_LAST] = last
    mem[head + H_FIRST] = min(mem[head + H_FIRST], time)
    for c in range(table[T_COLUMNS], table[T_COLUMNS_END]):
        kind = columns[c, C_KIND]
        if kind in (SUM, SQUARES):
            if c < table[T_DERIVED]:
                v = value_of(columns, c, clauses, x, out)
                if v != NULL:
                    _accumulate(mem, start, width, row, last, columns, c, v)
        elif kind == RAW:
            mem[cell + columns[c, C_OFFSET]] = (
                value_of(columns, c, clauses, x, out) if c < table[T_DERIVED] else NULL
            )
        elif kind == GREATER:
            for j in range(row, last + 1):
                link_greater(mem, start, width, first, j, columns, c)
        elif kind == DECAY:
            for j in range(row, last + 1):
                decay_from(mem, start, width, first, j, columns, c)
        elif kind == SAME:
            tag = same_tag(table[T_COLUMNS_END], columns[c, C_OFFSET])
            link_same(
                mem,
                index,
                tag,
                mem[head + H_UID],
                start,
                width,
                first,
                row,
                last,
                columns,
                c,
                commit,
            )
    return row


@jit
def fill_derived(
    mem: Ints, table: Ints, columns: Ints, clauses: Ints, head: int, row: int, x: Ints, out: Floats
) -> None:
    """Complete the columns of a row that depend on features of the event itself."""
    width = table[T_WIDTH]
    start = origin(mem, head, width)
    last = mem[head + H_LAST]
    for c in range(table[T_DERIVED], table[T_COLUMNS_END]):
        v = value_of(columns, c, clauses, x, out)
        if v == NULL:
            continue
        if columns[c, C_KIND] == RAW:
            mem[start + row * width + columns[c, C_OFFSET]] = v
        else:
            _accumulate(mem, start, width, row, last, columns, c, v)
