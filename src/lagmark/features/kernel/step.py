"""One event meets one key value: insert, move the windows, read the features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.kernel._jit import inlined, jit
from lagmark.features.kernel.kept import keep
from lagmark.features.kernel.layout import (
    H_BASE,
    H_LAST,
    NEVER,
    NULL,
    P_DEFAULT,
    R_OUT,
    R_SKIP,
    R_WINDOW,
    ROW_SEQ,
    ROW_TIME,
    T_COLUMNS_END,
    T_DERIVED,
    T_FRAUD,
    T_KEY0,
    T_KEYS,
    T_READS,
    T_READS_DERIVED,
    T_READS_END,
    T_RESOLUTION,
    T_WIDTH,
    T_WINDOWS,
    T_WINDOWS_END,
    W_DELAY,
    W_OFFSET,
    W_WIDTH,
    X_TIME,
)
from lagmark.features.kernel.log import fill_derived, insert, origin, seek
from lagmark.features.registry import read

if TYPE_CHECKING:
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["absent", "apply_label", "key_of", "step"]


@jit
def key_of(table: Ints, x: Ints) -> tuple[int, int, int]:
    """Key value of an event in a table; the first part is NULL if any field is absent."""
    n = table[T_KEYS]
    a = x[table[T_KEY0]]
    b = x[table[T_KEY0 + 1]] if n > 1 else 0
    c = x[table[T_KEY0 + 2]] if n > 2 else 0
    return (NULL if NULL in (b, c) else a), b, c


@jit
def absent(table: Ints, reads: Ints, params: Floats, out: Floats) -> None:
    """Features of an event without the key: their defaults."""
    for r in range(table[T_READS], table[T_READS_END]):
        out[reads[r, R_OUT]] = params[r, P_DEFAULT]


@inlined
def _read_range(
    mem: Ints,
    windows: Ints,
    reads: Ints,
    params: Floats,
    first: int,
    last: int,
    head: int,
    start: int,
    width: int,
    end: int,
    t: int,
    x: Ints,
    out: Floats,
    work: Ints,
) -> None:
    for r in range(first, last):
        w = reads[r, R_WINDOW]
        cursor = head + windows[w, W_OFFSET]
        hi = mem[cursor + 1]
        if reads[r, R_SKIP] == 1 and windows[w, W_DELAY] == 0:
            hi -= 1
        out[reads[r, R_OUT]] = read(
            mem, head, start, width, mem[cursor], hi, t, x, reads, params, r, work
        )


@jit
def step(
    mem: Ints,
    index: Ints,
    table: Ints,
    columns: Ints,
    windows: Ints,
    reads: Ints,
    params: Floats,
    clauses: Ints,
    head: int,
    x: Ints,
    out: Floats,
    work: Ints,
    commit: bool,
) -> None:
    """Take an event into the log of a key value that has room, and write its features.

    All that is read is a function of the log and the event alone: cursors and counts in the
    head only save work. ``commit`` is false for a look at a copy.
    """
    t = x[X_TIME]
    if table[T_RESOLUTION] > 1:
        t = t // table[T_RESOLUTION] * table[T_RESOLUTION]
    row = insert(mem, index, table, columns, clauses, head, t, x, out, commit)
    width = table[T_WIDTH]
    start = origin(mem, head, width)
    first = mem[head + H_BASE] + 1
    last = mem[head + H_LAST]
    if row < last:
        keep(mem, table, reads, head, start, width, row)
    for w in range(table[T_WINDOWS], table[T_WINDOWS_END]):
        cursor = head + windows[w, W_OFFSET]
        delay = windows[w, W_DELAY]
        span = windows[w, W_WIDTH]
        if delay == 0:
            mem[cursor + 1] = row + 1
        else:
            mem[cursor + 1] = seek(mem, start, width, first, last, mem[cursor + 1], t - delay)
        if span == NEVER:
            mem[cursor] = 1
        else:
            mem[cursor] = seek(mem, start, width, first, last, mem[cursor], t - delay - span)
    _read_range(
        mem,
        windows,
        reads,
        params,
        table[T_READS],
        table[T_READS_DERIVED],
        head,
        start,
        width,
        row,
        t,
        x,
        out,
        work,
    )
    if table[T_DERIVED] < table[T_COLUMNS_END]:
        fill_derived(mem, table, columns, clauses, head, row, x, out)
        _read_range(
            mem,
            windows,
            reads,
            params,
            table[T_READS_DERIVED],
            table[T_READS_END],
            head,
            start,
            width,
            row,
            t,
            x,
            out,
            work,
        )


@jit
def apply_label(mem: Ints, table: Ints, head: int, time: int, seq: int, change: int) -> None:
    """Add a change of verdict (+1 fraud, -1 no longer) to the known frauds of a log."""
    width = table[T_WIDTH]
    start = origin(mem, head, width)
    first = mem[head + H_BASE] + 1
    last = mem[head + H_LAST]
    if table[T_RESOLUTION] > 1:
        time = time // table[T_RESOLUTION] * table[T_RESOLUTION]
    low = first
    high = last + 1
    while low < high:
        middle = (low + high) // 2
        if mem[start + middle * width + ROW_TIME] < time:
            low = middle + 1
        else:
            high = middle
    row = low
    while row <= last and mem[start + row * width + ROW_SEQ] != seq:
        row += 1
    # An event that was compacted away still counts in the totals of its key.
    if row > last:
        row = first - 1
    for j in range(row, last + 1):
        mem[start + j * width + table[T_FRAUD]] += change
