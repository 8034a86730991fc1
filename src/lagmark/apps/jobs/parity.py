"""Job: two computations of the same features held against each other, bit by bit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lagmark.clock import stopwatch
from lagmark.errors import ParityError
from lagmark.schema.events import Event, EventBatch, Label
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lagmark.apps.jobs.reporter import Reporter
    from lagmark.features import FeatureSet
    from lagmark.features.backfill import Vectors

__all__ = ["Difference", "Differences", "Parity", "check_parity", "compare"]

_CHUNK = 200_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One cell that differs.

    Parameters
    ----------
    row
        Row of the matrices.
    event_id
        Event of that row.
    feature
        Name of the feature.
    one, other
        The two values; ``repr`` shows every digit.
    """

    row: int
    event_id: int | str
    feature: str
    one: float
    other: float

    def text(self, one: str, other: str) -> str:
        """The difference in words, with names for the two computations."""
        return (
            f"event {self.event_id}, feature {self.feature}: "
            f"{one} {self.one!r}, {other} {self.other!r}"
        )

    def as_dict(self, one: str, other: str) -> dict[str, Any]:
        """The difference in values JSON has; the numbers as text, so that NaN can be told."""
        values = asdict(self)
        return {
            "row": values["row"],
            "event_id": values["event_id"],
            "feature": values["feature"],
            one: repr(values["one"]),
            other: repr(values["other"]),
        }


@dataclass(frozen=True, slots=True)
class Differences:
    """Number of cells that differ, and the first of them in the order of rows."""

    differences: int = 0
    first: Difference | None = None

    def then(self, later: Differences) -> Differences:
        """Both comparisons as one, where ``later`` is of later rows."""
        return Differences(self.differences + later.differences, self.first or later.first)

    def text(self, one: str, other: str) -> str:
        """The differences in words, with names for the two computations."""
        if self.first is None:
            return "no value differs"
        values = (
            "1 value differs" if self.differences == 1 else f"{self.differences:,} values differ"
        )
        return f"{values}, first {self.first.text(one, other)}"


def compare(
    one: Any, other: Any, names: Sequence[str], event_ids: Any, *, start: int = 0
) -> Differences:
    """Cells of two matrices that are not the same 64 bits.

    Parameters
    ----------
    one, other
        Shape (rows, features), float64.
    names
        What the columns are.
    event_ids
        What the rows are: a list or series.
    start
        Number of the first row.

    Examples
    --------
    >>> import numpy as np
    >>> compare(np.array([[0.0]]), np.array([[-0.0]]), ["amount"], [7]).differences
    1
    """
    import numpy as np

    left = np.ascontiguousarray(one)
    right = np.ascontiguousarray(other)
    differs = left.view(np.int64) != right.view(np.int64)
    count = int(np.count_nonzero(differs))
    if not count:
        return Differences()
    row, column = (int(part) for part in np.unravel_index(np.argmax(differs), differs.shape))
    cells = float(left[row, column]), float(right[row, column])
    return Differences(count, Difference(start + row, event_ids[row], names[column], *cells))


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
    import numpy as np

    from lagmark.features import OnlineEngine

    engine = OnlineEngine(feature_set, recall=0)
    ingest = batch.events["ingest_time"].to_numpy()
    midnight = int(ingest[-1]) // DAY * DAY
    begin = int(np.searchsorted(ingest, midnight, side="left"))
    found = Differences()
    ids = batch.events["event_id"]
    label_rows = batch.labels["row"].to_numpy()
    with reporter.progress(f"Recompute online ({feature_set.name})") as tell:
        for low in range(0, begin, _CHUNK):
            high = min(low + _CHUNK, begin)
            part = EventBatch(batch.events[low:high], _labels_of(batch, label_rows, low, high))
            online = engine.process_batch(part)
            backfilled = vectors.matrix[low:high]
            found = found.then(compare(online, backfilled, vectors.names, ids[low:high], start=low))
            tell(high, len(batch))
        last = _Singles(batch, label_rows, begin)
        start = stopwatch()
        out = np.empty((len(last.events), len(vectors.names)))
        for i, event in enumerate(last.events):
            out[i] = engine.process(event)
            for label in last.labels.get(i, ()):
                engine.label(label)
        seconds = stopwatch() - start
        found = found.then(
            compare(out, vectors.matrix[begin:], vectors.names, ids[begin:], start=begin)
        )
        tell(len(batch), len(batch))
    return Parity(
        feature_set=feature_set.name,
        day=from_micros(midnight).date().isoformat(),
        replayed=len(last.events),
        compared=len(batch),
        values=len(batch) * len(vectors.names),
        differences=found.differences,
        first=None if found.first is None else found.first.text("online", "backfill"),
        seconds=seconds,
    )


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
