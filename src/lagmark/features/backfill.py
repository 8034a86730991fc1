"""Features of all events of a batch, column-wise: the first of the two drivers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.features.encode import Encoder
from lagmark.features.kernel import batch_driver as driver
from lagmark.features.kernel import layout as at
from lagmark.features.kernel.index import grow_index, new_index
from lagmark.features.kernel.memory import new_memory
from lagmark.features.plan import Plan, compile_plan

if TYPE_CHECKING:
    import polars as pl

    from lagmark.features.feature_set import FeatureSet
    from lagmark.schema.contract import Contract
    from lagmark.schema.events import EventBatch

__all__ = ["Progress", "Vectors", "backfill", "label_changes"]

Progress = Callable[[int, int], None]
"""Told how many units of work are done, and how many there are."""

CHUNK = 250_000
"""Events between two reports of progress."""

BLOCK = 512
"""Events whose features without a key are computed together: few enough for the cache."""


@dataclass(frozen=True)
class Vectors:
    """Feature vectors of a batch.

    Parameters
    ----------
    contract
        Names and hash.
    matrix
        Shape (events, features), float64; row i belongs to row i of the batch.
    """

    contract: Contract
    matrix: Any

    @property
    def names(self) -> tuple[str, ...]:
        """Feature names, one per column."""
        return self.contract.names

    def frame(self, event_ids: pl.Series) -> pl.DataFrame:
        """Table with ``event_id`` first, then one column per feature."""
        import polars as pl

        columns = [pl.Series(name, self.matrix[:, i]) for i, name in enumerate(self.names)]
        return pl.DataFrame([event_ids.rename("event_id"), *columns])


def label_changes(batch: EventBatch) -> tuple[Any, Any, Any]:
    """Changes of verdict in the order in which events come to see them.

    Returns
    -------
    slots, targets, changes
        int64 arrays: the change ``changes[j]`` (+1 or -1) of event ``targets[j]`` is visible from
        event ``slots[j]`` on, that is from the first with ``ingest_time >= known_at``.
    """
    rows = batch.labels["row"].to_numpy()
    fraud = batch.labels["fraud"].to_numpy()
    # An event that nobody ever called fraud has no change.
    suspected = np.zeros(len(batch), dtype=bool)
    suspected[rows[fraud]] = True
    spoken = np.flatnonzero(suspected[rows])
    rows = rows[spoken]
    fraud = fraud[spoken].astype(np.int64)
    known = batch.labels["known_at"].to_numpy()[spoken]
    # The latest of several labels counts; of equally late ones, the last in the batch.
    by_event = np.lexsort((np.arange(rows.size), known, rows))
    before = np.zeros(rows.size, dtype=np.int64)
    if rows.size:
        same = rows[by_event][1:] == rows[by_event][:-1]
        before[1:][same] = fraud[by_event][:-1][same]
    change = np.empty(rows.size, dtype=np.int64)
    change[by_event] = fraud[by_event] - before
    kept = by_event[np.flatnonzero(change[by_event])]
    ingest = batch.events["ingest_time"].to_numpy()
    slots = np.maximum(np.searchsorted(ingest, known[kept], side="left"), rows[kept] + 1)
    order = np.argsort(slots, kind="stable")
    return slots[order], rows[kept][order], change[kept][order]


def backfill(
    feature_set: FeatureSet, batch: EventBatch, *, progress: Progress | None = None
) -> Vectors:
    """Features of every event of a batch, as known when it arrived.

    Parameters
    ----------
    feature_set
        What to compute.
    batch
        Events in arrival order, and their labels.
    progress
        Called with (done, total) now and then; the unit is one event of one key.

    Returns
    -------
    Vectors
        One row per event, in the batch's order.

    Raises
    ------
    DataError
        If the events lack a field that a feature reads.
    """
    plan = compile_plan(feature_set)
    encoder = Encoder(plan)
    x = np.empty((encoder.width, len(batch)), dtype=np.int64)
    encoder.rows(batch.events, 0, x.T)
    if plan.calendar:
        driver.calendars(x)
    labels = label_changes(batch) if plan.labelled else None
    out = np.empty((len(batch), plan.width))
    for k in range(plan.tables.shape[0]):
        _run_table(plan, k, x, labels, out, progress)
    if plan.plain.shape[0]:
        block = np.empty((BLOCK, encoder.width), dtype=np.int64)
        driver.finish_rows(plan.plain, plan.scales, plan.clauses, x, out, block)
    return Vectors(feature_set.contract, out[:, : plan.size])


def _run_table(
    plan: Plan,
    k: int,
    x: Any,
    labels: tuple[Any, Any, Any] | None,
    out: Any,
    progress: Progress | None,
) -> None:
    table = plan.tables[k]
    n = x.shape[1]
    codes = np.empty(n, dtype=np.int64)
    keys = _number_keys(table, x, codes)
    order, starts = _group(codes, keys)
    if order.size < n:
        driver.absent_keys(table, plan.reads, plan.params, codes, out)
    empty = np.empty(0, dtype=np.int64)
    slots, targets, changes = (empty, empty, empty)
    if labels is not None and table[at.T_FRAUD] >= 0:
        slots, targets, changes = labels
    label_order, label_starts = _group(codes[targets], keys)
    largest = int(np.diff(starts).max(initial=0))
    mem = new_memory(driver.cells_needed(table, largest))
    index = new_index(largest * int(table[at.T_COLUMNS_END] - table[at.T_COLUMNS] + 1))
    # Rows, a sentinel before and four after; columns an odd number of cache lines apart keep out
    # of each other's way in the cache.
    apart = plan.apart(k, (largest + 12) // 8 * 8 | 8)
    windows = int(table[at.T_WINDOWS_END] - table[at.T_WINDOWS])
    scratch: tuple[Any, ...] = (
        np.empty((largest, x.shape[0]), dtype=np.int64),
        out,
        np.empty((windows, largest), dtype=np.int64),
        np.empty((windows, largest), dtype=np.int64),
        np.empty(largest + 1, dtype=np.int64),
    )
    total = n * plan.tables.shape[0]
    first = 0
    while first < keys:
        last = int(np.searchsorted(starts, starts[first] + CHUNK, side="left"))
        last = min(max(last, first + 1), keys)
        driver.run_table(
            mem,
            index,
            table,
            plan.columns,
            plan.reads,
            *apart,
            plan.windows,
            plan.params,
            plan.clauses,
            plan.fields_of(k),
            x,
            order,
            starts,
            label_order,
            label_starts,
            slots,
            targets,
            changes,
            plan.fraud_delay(k),
            first,
            last,
            *scratch,
        )
        first = last
        if progress is not None:
            progress(k * n + int(starts[last]), total)


def _number_keys(table: Any, x: Any, codes: Any) -> int:
    """Number the key values of all events, and return how many numbers there are."""
    column = x[table[at.T_KEY0]]
    if table[at.T_KEYS] == 1 and codes.size:
        present = column if (lowest := int(column.min())) != at.NULL else column[column != at.NULL]
        lowest = int(present.min(initial=at.NEVER))
        span = int(present.max(initial=lowest)) - lowest + 1
        if span <= codes.size:
            driver.number_near(column, lowest, codes)
            return span
    mem = new_memory(0)
    index = new_index(1 << 10)  # small while it can be, so that it stays in the cache
    i = 0
    while (i := driver.number_keys(mem, index, table, x, i, codes)) < codes.size:
        larger = new_index(2 * index.shape[0])
        grow_index(mem, index, larger)
        index = larger
    return int(mem[at.INDEXED])


def _group(codes: Any, n: int) -> tuple[Any, Any]:
    starts = np.zeros(n + 1, dtype=np.int64)
    order = np.empty(int((codes >= 0).sum()), dtype=np.int64)
    driver.group(codes, n, starts, np.zeros(n + 1, dtype=np.int64), order)
    return order, starts
