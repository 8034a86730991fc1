"""Events in Parquet files on disk, one folder per day: ``root/day=YYYY-MM-DD/part-0.parquet``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.atomic import replacing
from lagmark.backends.parquet_file import read_parquet, system_reason
from lagmark.errors import DataError, StateError
from lagmark.schema.events import EventBatch
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    import polars as pl

__all__ = ["DailyParquet"]

_PART = "part-0.parquet"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).date()
_SEQ = "_seq"
_LABELS = "_labels"


@dataclass(frozen=True, slots=True)
class DailyParquet:
    """Offline store of daily Parquet files, see :class:`lagmark.ports.offline_store.OfflineStore`.

    An event's labels lie in its own row (column ``_labels``), so that one rename replaces events
    and labels of a day together; ``_seq`` is the event's position in the batch it came with.

    Parameters
    ----------
    root
        Folder of the days, created by the first write.
    """

    root: Path

    def write(self, batch: EventBatch) -> tuple[date, ...]:
        """Replace every day that the batch has events of; the days, ascending.

        Raises
        ------
        StateError
            If a day cannot be written: the disk is full, say.
        """
        rows = _rows(batch)
        parts = rows.partition_by("_day", as_dict=True, include_key=False, maintain_order=True)
        days = sorted(int(key[0]) for key in parts)
        for day in days:
            self._replace(_date(day), parts[(day,)])
        return tuple(_date(day) for day in days)

    def ingest_day(self, batch: EventBatch, day: date) -> int:
        """Replace one day by the batch's events of it, leaving all others; number of events.

        Raises
        ------
        DataError
            If the batch has no event of that day.
        StateError
            If it cannot be written.
        """
        import polars as pl

        rows = _rows(batch).filter(pl.col("_day") == (day - _EPOCH).days).drop("_day")
        if rows.height == 0:
            raise DataError(
                f"the batch has no event of {day.isoformat()}",
                where=str(self.root),
                hint="days are those of the event time in UTC",
            )
        self._replace(day, rows)
        return rows.height

    def days(self) -> tuple[date, ...]:
        """Days that were written, ascending."""
        return tuple(
            sorted(
                date.fromisoformat(path.parent.name.removeprefix("day="))
                for path in self.root.glob(f"day=????-??-??/{_PART}")
            )
        )

    def read(self, first: date | None = None, last: date | None = None) -> EventBatch:
        """Events of the days from ``first`` to ``last``, both included; all when ``None``.

        Raises
        ------
        DataError
            If the store has no day in the range.
        StateError
            If a partition cannot be read.
        """
        import polars as pl

        days = [
            day
            for day in self.days()
            if (first is None or day >= first) and (last is None or day <= last)
        ]
        if not days:
            raise DataError(
                f"no events from {first or 'the start'} to {last or 'the end'}",
                where=str(self.root),
                hint="write the days first, or ask for days that were written",
            )
        parts = [self._load(day) for day in days]
        for day, part in zip(days, parts, strict=True):
            if part.schema != parts[0].schema:
                raise StateError(
                    f"its columns differ from those of {days[0]}",
                    where=str(self._path(day)),
                    hint="write all days with one definition of the domain",
                )
        rows = pl.concat(parts).sort("ingest_time", _SEQ, maintain_order=True)
        return EventBatch(rows.drop(_SEQ, _LABELS), _unpack(rows))

    def _path(self, day: date) -> Path:
        return self.root / f"day={day.isoformat()}" / _PART

    def _replace(self, day: date, rows: pl.DataFrame) -> None:
        import polars as pl

        path = self._path(day)
        try:
            with replacing(path) as draft:
                rows.write_parquet(draft)
        except (pl.exceptions.PolarsError, OSError) as problem:
            raise StateError(
                f"the day cannot be written: {system_reason(problem)}",
                where=str(path),
                hint="it is as it was, days before it are new; make room and write again",
            ) from None

    def _load(self, day: date) -> pl.DataFrame:
        return read_parquet(
            self._path(day), what="the partition", hint="write that day again from its source"
        )


def _date(day: int) -> date:
    return _EPOCH + timedelta(days=day)


def _rows(batch: EventBatch) -> pl.DataFrame:
    """Events with position, day since 1970 and packed labels."""
    import polars as pl

    label = pl.struct("known_at", "fraud", "source")
    packed = (
        batch.labels.sort("row", "known_at", maintain_order=True)
        .group_by("row", maintain_order=True)
        .agg(label.alias(_LABELS))
    )
    rows = batch.events.with_columns(
        pl.int_range(pl.len(), dtype=pl.Int64).alias(_SEQ),
        (pl.col("event_time") // DAY).alias("_day"),
    )
    return rows.join(packed, left_on=_SEQ, right_on="row", how="left", maintain_order="left")


def _unpack(rows: pl.DataFrame) -> pl.DataFrame:
    """Labels of events, ordered by (known_at, event)."""
    import polars as pl

    return (
        rows.select(pl.int_range(pl.len(), dtype=pl.Int64).alias("row"), _LABELS)
        .filter(pl.col(_LABELS).is_not_null())
        .explode(_LABELS)
        .unnest(_LABELS)
        .sort("known_at", maintain_order=True)
    )
