"""Raw rows as validated events: whatever comes in comes out, or stands in the dead letters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lagmark.errors import DataError, StateError
from lagmark.schema.events import EventBatch
from lagmark.schema.raw import Fault, reason
from lagmark.schema.time import from_micros
from lagmark.sources.dead_letters import dead_frame, write_dead_letters
from lagmark.sources.files import FileSource, read_slices, same_columns
from lagmark.sources.findings import describe
from lagmark.sources.table import Reading, read_columns

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.domains.domain import Domain
    from lagmark.ports.source import Source
    from lagmark.sources.report import ValidationReport

__all__ = ["Progress", "ReadResult", "read_event_columns", "read_events"]

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, the rows done with it, and the rows in all."""


@dataclass(frozen=True, slots=True)
class ReadResult:
    """Events of a source, and the account of its other rows.

    Parameters
    ----------
    batch
        Events in arrival order with their labels.
    report
        Counts, reasons, findings.
    dead
        Rows that could not become events, see :func:`lagmark.sources.dead_letters.dead_frame`.
    """

    batch: EventBatch
    report: ValidationReport
    dead: pl.DataFrame


def read_events(
    source: Path | str | Source,
    domain: Domain,
    *,
    dead_letters: Path | None = None,
    as_of: int | None = None,
    require_labels: bool = True,
    progress: Progress | None = None,
) -> ReadResult:
    """Validated events of a source.

    Every row becomes an event, or goes to the dead letters with all that is wrong with it, or
    arrived after ``as_of``. Of rows with one id the first to arrive is the event. Rules of
    values, shared with :class:`lagmark.serving.intake.Intake`: blanks around text are taken
    off, empty text is absent; numbers follow :mod:`lagmark.sources.numbers`; a time without zone
    is in the domain's zone.

    Parameters
    ----------
    source
        A file, a folder of files, or any :class:`lagmark.ports.source.Source`.
    domain
        What the rows are.
    dead_letters
        JSON lines file to write dead rows to, replaced as a whole, also when there are none.
    as_of
        Microseconds UTC: only events that arrived and labels that were known by then.
    require_labels
        Whether the label's column must be there; events to be scored have none yet.
    progress
        Told about each step.

    Raises
    ------
    DataError
        If the source cannot be read, lacks columns, or holds no usable row.
    """
    origin = FileSource(Path(source)) if isinstance(source, str | Path) else source
    tell = progress or (lambda _step, _done, _total: None)
    table = origin.read()
    size = table.frame.height
    tell("read", size, size)
    reading = read_columns(table, domain, require_labels=require_labels)
    tell("check", size, size)
    later = reading.later(as_of)
    rows = _arrivals(reading, later)
    reasons = _reasons(reading, later)
    dead = dead_frame(table, reasons)
    if dead_letters is not None:
        write_dead_letters(dead_letters, table, dead)
    tell("account", size, size)
    if len(rows) == 0:
        counts = Counter(text for texts in reasons.values() for text in texts)
        raise _nothing(table.name, domain, as_of, counts, dead_letters)
    batch = _batch(reading, rows, as_of)
    if len(batch) + dead.height + int(later.sum()) != size:
        raise StateError(
            f"{size} rows became {len(batch)} events and {dead.height} dead letters",
            where=table.name,
            hint="this is a defect of Lagmark: please report it with the file",
        )
    report = describe(reading, batch, rows, reasons, later=later, as_of=as_of)
    tell("order", size, size)
    return ReadResult(batch, report, dead)


def read_event_columns(
    path: Path,
    domain: Domain,
    columns: Sequence[str],
    *,
    as_of: int | None = None,
    progress: Progress | None = None,
) -> pl.DataFrame:
    """Some columns of the events that :func:`read_events` gives, in memory for these alone.

    Every row is validated whole, one file (or one stretch of a Parquet file) at a time; a rule of
    the domain sees the rows that are read together. Bad rows and labels are left out.

    Parameters
    ----------
    path
        A file or a folder of files.
    domain, as_of
        As for :func:`read_events`.
    columns
        What to keep beside ``event_id``, ``event_time`` and ``ingest_time``: fields of the domain.
    progress
        Told about each file: its name, and how many are done of how many.

    Returns
    -------
    polars.DataFrame
        Columns of :class:`lagmark.schema.events.EventBatch.events`, in its order.

    Raises
    ------
    DataError
        As :func:`read_events`.
    """
    import polars as pl

    keep = list(dict.fromkeys(("event_id", "event_time", "ingest_time", *columns)))
    parts: list[pl.DataFrame] = []
    reasons: Counter[str] = Counter()
    files = FileSource(path).files()
    first: list[str] = []
    size = 0
    for done, file in enumerate(files, 1):
        for table in read_slices(file):
            first = first or table.frame.columns
            same_columns(table.frame.columns, first, where=table.name, like=files[0].name)
            reading = read_columns(table, domain, require_labels=False)
            if reading.mapping.event_id is None:
                reading.event_id = reading.event_id + size
            size += reading.size
            later = reading.later(as_of)
            rows = _arrivals(reading, later)
            reasons.update(t for texts in _reasons(reading, later).values() for t in texts)
            parts.append(_events(reading, rows, keep))
        if progress is not None:
            progress(file.name, done, len(files))
    events = pl.concat(parts, rechunk=True)
    del parts
    if events.height == 0:
        raise _nothing(str(path), domain, as_of, reasons, None)
    # Order and repetition across files. Both are rare, and a look costs less memory than the cure.
    if not events["ingest_time"].is_sorted():
        events = events.sort("ingest_time", maintain_order=True)
    if events["event_id"].n_unique() < events.height:
        events = events.filter(pl.col("event_id").is_first_distinct())
    return events


def _arrivals(reading: Reading, later: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows that are events, in arrival order; repeated ids are marked as faults on the way."""
    import numpy as np

    rows = np.flatnonzero(~reading.bad() & ~later)
    arrived = reading.ingest_time.gather(rows).to_numpy()
    rows = rows[np.argsort(arrived, kind="stable")]
    repeated = ~reading.event_id.gather(rows).is_first_distinct().to_numpy()
    if repeated.any():
        faults = np.zeros(reading.size, np.uint8)
        faults[rows[repeated]] = Fault.DUPLICATE
        reading.faults.append(("event_id", None, faults))
        rows = rows[~repeated]
    return np.asarray(rows, np.int64)


def _reasons(reading: Reading, later: NDArray[np.bool_]) -> dict[int, list[str]]:
    import numpy as np

    found: dict[int, list[str]] = {int(row): [] for row in np.flatnonzero(reading.bad() & ~later)}
    for name, field, faults in reading.faults:
        texts = {int(code): reason(name, Fault(code), field) for code in np.unique(faults) if code}
        for row in np.flatnonzero((faults != 0) & ~later):
            found[int(row)].append(texts[int(faults[row])])
    return found


def _events(reading: Reading, rows: NDArray[np.int64], columns: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    values = {
        "event_id": reading.event_id,
        "event_time": reading.event_time,
        "ingest_time": reading.ingest_time,
        **{name: column.values for name, column in reading.fields.items()},
    }
    return pl.DataFrame({name: values[name].gather(rows) for name in columns})


def _batch(reading: Reading, rows: NDArray[np.int64], as_of: int | None) -> EventBatch:
    import numpy as np
    import polars as pl

    events = _events(reading, rows, ("event_id", "event_time", "ingest_time", *reading.fields))
    labels = pl.DataFrame(
        {
            "row": pl.Series(np.arange(len(rows), dtype=np.int64)),
            "known_at": reading.known_at.gather(rows),
            "fraud": reading.label.gather(rows),
        }
    ).filter(pl.col("fraud").is_not_null())
    if as_of is not None:
        labels = labels.filter(pl.col("known_at") <= as_of)
    labels = labels.with_columns(source=pl.lit("dataset", pl.String))
    return EventBatch(events, labels.sort("known_at", maintain_order=True))


def _nothing(
    name: str,
    domain: Domain,
    as_of: int | None,
    reasons: Counter[str],
    dead_letters: Path | None,
) -> DataError:
    if not reasons and as_of is not None:
        return DataError(
            f"nothing had arrived by {from_micros(as_of).isoformat()}",
            where=name,
            hint="ask from a later instant",
        )
    found = ", ".join(f"{text} ({count} rows)" for text, count in reasons.most_common(3))
    see = f"see {dead_letters}" if dead_letters else "write the dead letters to a file to see all"
    return DataError(
        f"no usable row for domain {domain.name!r}: {found}",
        where=name,
        hint=f"check that the file is of this domain; {see}",
    )
