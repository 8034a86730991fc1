"""Job: the features of a whole history again, event by event, compared bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.clock import stopwatch
from lagmark.errors import ParityError
from lagmark.schema.events import Event, EventBatch, Label
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.features import FeatureSet
    from lagmark.features.backfill import Vectors

__all__ = ["Parity", "check_parity"]

_CHUNK = 200_000


@dataclass(frozen=True, slots=True)
class Parity:
    """How online and backfilled features compare.

    Parameters
    ----------
    feature_set
        Name of the feature set.
    day
        The day that was replayed one event at a time, ISO date.
    replayed
        Events of that day.
    compared
        All events that were recomputed online: those before the day in batches.
    values
        Values compared.
    differences
        Values whose 64 bits differ.
    first
        The first difference, ``None`` if there is none.
    seconds
        Time of the single events alone.
    """

    feature_set: str
    day: str
    replayed: int
    compared: int
    values: int
    differences: int
    first: str | None
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "feature_set": self.feature_set,
            "day": self.day,
            "events_one_by_one": self.replayed,
            "events_compared": self.compared,
            "values_compared": self.values,
            "parity_differences": self.differences,
            "first_difference": self.first,
            "events_per_second": round(self.replayed / self.seconds) if self.seconds else None,
        }

    def require(self) -> None:
        """Nothing, if there is no difference.

        Raises
        ------
        ParityError
            If there is one.
        """
        if self.differences:
            raise ParityError(
                f"{self.differences} values differ between online and backfill",
                where=self.first or self.feature_set,
                hint="do not serve this feature set; report it with the data if you can",
            )


def check_parity(
    feature_set: FeatureSet, batch: EventBatch, vectors: Vectors, *, reporter: Reporter
) -> Parity:
    """Online features of a batch against its backfill, the last day one event at a time.

    Parameters
    ----------
    feature_set
        What was computed.
    batch, vectors
        Events with labels, and their backfilled features.
    reporter
        Told about progress.
    """
    from lagmark.features import OnlineEngine

    engine = OnlineEngine(feature_set, recall=0)
    ingest = batch.events["ingest_time"].to_numpy()
    midnight = int(ingest[-1]) // DAY * DAY
    begin = int(np.searchsorted(ingest, midnight, side="left"))
    counter = _Differences(batch, vectors)
    label_rows = batch.labels["row"].to_numpy()
    with reporter.progress(f"Recompute online ({feature_set.name})") as tell:
        for low in range(0, begin, _CHUNK):
            high = min(low + _CHUNK, begin)
            part = EventBatch(batch.events[low:high], _labels_of(batch, label_rows, low, high))
            counter.compare(engine.process_batch(part), low)
            tell(high, len(batch))
        last = _Singles(batch, label_rows, begin)
        start = stopwatch()
        out = np.empty((len(last.events), len(vectors.names)))
        for i, event in enumerate(last.events):
            out[i] = engine.process(event)
            for label in last.labels.get(i, ()):
                engine.label(label)
        seconds = stopwatch() - start
        counter.compare(out, begin)
        tell(len(batch), len(batch))
    return Parity(
        feature_set=feature_set.name,
        day=from_micros(midnight).date().isoformat(),
        replayed=len(last.events),
        compared=len(batch),
        values=len(batch) * len(vectors.names),
        differences=counter.count,
        first=counter.first,
        seconds=seconds,
    )


class _Differences:
    """Count of unequal bits, and the first place."""

    def __init__(self, batch: EventBatch, vectors: Vectors) -> None:
        self._batch, self._vectors = batch, vectors
        self.count = 0
        self.first: str | None = None

    def compare(self, online: Any, row: int) -> None:
        mine = np.ascontiguousarray(online).view(np.int64)
        backfilled = np.ascontiguousarray(self._vectors.matrix[row : row + mine.shape[0]])
        unequal = mine != backfilled.view(np.int64)
        found = int(np.count_nonzero(unequal))
        if found and self.first is None:
            i, j = (int(k[0]) for k in np.nonzero(unequal))
            event_id = self._batch.events["event_id"][row + i]
            self.first = (
                f"event {event_id}, feature {self._vectors.names[j]}: online {online[i, j]!r}, "
                f"backfill {backfilled[i, j]!r}"
            )
        self.count += found


class _Singles:
    """Events from a row on as single records, with the labels of each."""

    def __init__(self, batch: EventBatch, label_rows: Any, begin: int) -> None:
        rows = batch.events[begin:].iter_rows(named=True)
        self.events = [
            Event(row.pop("event_id"), row.pop("event_time"), row.pop("ingest_time"), row)
            for row in rows
        ]
        self.labels: dict[int, list[Label]] = {}
        chosen = batch.labels.filter(label_rows >= begin)
        for one in chosen.iter_rows(named=True):
            i = one["row"] - begin
            label = Label(self.events[i].event_id, one["known_at"], one["fraud"], one["source"])
            self.labels.setdefault(i, []).append(label)


def _labels_of(batch: EventBatch, label_rows: Any, low: int, high: int) -> Any:
    import polars as pl

    inside = (label_rows >= low) & (label_rows < high)
    return batch.labels.filter(inside).with_columns(pl.col("row") - low)
