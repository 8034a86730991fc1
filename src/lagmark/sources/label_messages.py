"""Raw rows as label messages: every row is a message, or stands in the dead letters."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from lagmark.domains.domain import TimeColumn
from lagmark.errors import ConfigError, DataError
from lagmark.labels.messages import COLUMNS
from lagmark.ports.source import SourceTable
from lagmark.schema.fields import Field, Kind
from lagmark.schema.raw import LATEST, Fault, reason
from lagmark.schema.time import to_micros
from lagmark.sources.columns import Column, flag, identifier, mark
from lagmark.sources.dead_letters import dead_frame
from lagmark.sources.instants import instant
from lagmark.sources.label_report import LabelReport
from lagmark.sources.numbers import floats
from lagmark.sources.report import Example

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

__all__ = ["LabelReading", "read_messages", "records_table"]

_EXAMPLES = 5
_CONFIDENCE = Field("confidence", Kind.QUANTITY, minimum=0.0, maximum=1.0)
_MICROS = to_micros(datetime(1980, 1, 1, tzinfo=UTC))
"""Smallest whole number read as microseconds: seconds and milliseconds of our days are below."""


@dataclass(frozen=True, slots=True)
class LabelReading:
    """Messages of a source, and its other rows.

    Parameters
    ----------
    messages
        As :func:`lagmark.labels.check_messages` wants them, in the order of the source.
    table
        The source.
    dead
        Rows that are no message, see :func:`lagmark.sources.dead_letters.dead_frame`.
    pending
        Messages of events that are not among those given; ``None`` if none were given.
    """

    messages: pl.DataFrame
    table: SourceTable
    dead: pl.DataFrame
    pending: int | None

    def report(self, stored: int) -> LabelReport:
        """Account of the rows once ``stored`` of the messages turned out to be new."""
        found = self.messages
        counts = Counter(text for texts in self.dead["reasons"].to_list() for text in texts)
        by_source = found["source"].value_counts().sort("count", "source", descending=[True, False])
        return LabelReport(
            self.table.name,
            self.table.frame.height,
            stored,
            found.height - stored,
            self.dead.height,
            int(found["fraud"].sum()),
            int(found["reversal"].sum()),
            self.pending,
            found["known_at"].min() if found.height else None,  # type: ignore[arg-type]
            found["known_at"].max() if found.height else None,  # type: ignore[arg-type]
            {str(name): int(count) for name, count in by_source.rows()},
            dict(counts.most_common()),
            tuple(
                Example(row, tuple(reasons))
                for row, reasons in self.dead.head(_EXAMPLES).select("row", "reasons").rows()
            ),
        )


def read_messages(
    table: SourceTable,
    *,
    integer_ids: bool,
    zone: str = "UTC",
    source: str | None = None,
    events: pl.DataFrame | None = None,
) -> LabelReading:
    """Label messages of raw rows.

    Required columns are ``event_id``, ``known_at``, ``fraud`` and ``source`` (or its stand-in);
    ``said_at`` is ``known_at``, ``confidence`` 1 and ``reversal`` false where the column or the
    value is absent. Instants are timestamps, ISO 8601 text or whole microseconds since 1970; one
    without a zone is in ``zone``. Other columns are ignored.

    Parameters
    ----------
    table
        Raw rows.
    integer_ids
        Whether ids are whole numbers or text.
    zone
        IANA name.
    source
        Who says it where the source has no column ``source``.
    events
        Validated events, to refuse labels that are known before their event and to count those of
        unknown events, which are kept.

    Raises
    ------
    DataError
        If required columns are missing.
    ConfigError
        If there is no such zone.
    """
    import numpy as np
    import polars as pl

    frame = table.frame
    if source is not None and "source" not in frame.columns:
        frame = frame.with_columns(source=pl.lit(source, pl.String))
    _require(frame.columns, table.name)
    _zone(zone)
    columns: dict[str, Column] = {
        "event_id": identifier(frame["event_id"], integer=integer_ids, required=True)
    }
    columns["known_at"] = _instant(frame["known_at"], zone, required=True)
    columns["fraud"] = flag(frame["fraud"], required=True)
    columns["source"] = identifier(frame["source"], integer=False, required=True)
    given = {name: frame[name] for name in COLUMNS if name in frame.columns}
    absent = pl.Series([None], dtype=pl.Null).new_from_index(0, frame.height)
    columns["said_at"] = _instant(given.get("said_at", absent), zone, required=False)
    columns["confidence"] = _confidence(given.get("confidence", absent))
    columns["reversal"] = flag(given.get("reversal", absent), required=False)
    extra = [*_later_than(columns)]
    if events is not None:
        extra.append(_before_event(columns, events))
    faults = {name: column.faults for name, column in columns.items()}
    lines = np.zeros(frame.height, np.bool_)
    lines[list(table.broken)] = True
    reasons = _reasons(faults, extra, lines)
    bad = np.zeros(frame.height, np.bool_)
    bad[list(reasons)] = True
    messages = _messages(columns).filter(pl.Series(~bad))
    unseen = None
    if events is not None:
        unseen = messages.join(events, on="event_id", how="anti").height
    return LabelReading(messages, table, dead_frame(table, reasons), unseen)


def records_table(records: Sequence[Mapping[str, Any]], name: str) -> SourceTable:
    """Records of JSON values as raw rows, only the columns of a message.

    Parameters
    ----------
    records
        One mapping per message.
    name
        What reports call them.

    Raises
    ------
    DataError
        If there are none.
    """
    import polars as pl

    if not records:
        raise DataError("there are no labels", where=name, hint="send at least one")
    wanted = [name for name in COLUMNS if any(name in record for record in records)]
    plain: Mapping[type, Any] = {bool: pl.Boolean, int: pl.Int64, float: pl.Float64}
    columns = []
    for column in wanted:
        values = [record.get(column) for record in records]
        kinds = {type(value) for value in values if value is not None}
        dtype = plain.get(next(iter(kinds)), pl.String) if len(kinds) == 1 else pl.String
        if dtype == pl.Int64 and not all(v is None or -(2**63) <= v < 2**63 for v in values):
            dtype = pl.String
        if dtype == pl.String:
            values = [v if v is None or isinstance(v, str) else json.dumps(v) for v in values]
        columns.append(pl.Series(column, values, dtype))
    return SourceTable(name, pl.DataFrame(columns, height=len(records)))


def _require(columns: Sequence[str], where: str) -> None:
    missing = [name for name in ("event_id", "known_at", "fraud", "source") if name not in columns]
    if missing:
        hint = f"the source has {', '.join(columns)}"
        if missing == ["source"]:
            hint = "say who speaks with --source, or add the column"
        raise DataError(
            f"missing {'column' if len(missing) == 1 else 'columns'} {', '.join(missing)}",
            where=where,
            hint=hint,
        )


def _zone(name: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ConfigError(
            f"there is no zone {name!r}", where="--zone", hint="give an IANA name: Europe/Berlin"
        ) from None


def _instant(series: pl.Series, zone: str, *, required: bool) -> Column:
    """Instants as text, timestamps, or whole microseconds as the store has them."""
    import numpy as np
    import polars as pl

    if series.dtype == pl.Null:
        series = series.cast(pl.String)
    if not series.dtype.is_integer():
        return instant(series, TimeColumn(series.name, zone), required=required)
    faults = np.zeros(len(series), np.uint8)
    absent = series.is_null().to_numpy()
    if required:
        mark(faults, absent, Fault.ABSENT)
    micros = series.cast(pl.Int64, strict=False)
    outside = ~micros.is_between(_MICROS, LATEST - 1).fill_null(value=False).to_numpy()
    mark(faults, outside & ~absent, Fault.OUT_OF_RANGE)
    return Column(micros.set(pl.Series(faults != 0), None), faults)


def _confidence(series: pl.Series) -> Column:
    import numpy as np
    import polars as pl

    if series.dtype == pl.Null:
        series = series.cast(pl.Float64)
    values, faults = floats(series, required=False)
    with np.errstate(invalid="ignore"):
        mark(faults, (values < 0) | (values > 1), Fault.OUT_OF_RANGE)
    values = np.where(np.isnan(values), 1.0, values)
    return Column(pl.Series(values), faults)


def _later_than(columns: dict[str, Column]) -> list[tuple[str, NDArray[np.bool_]]]:
    said, known = columns["said_at"].values, columns["known_at"].values
    late = (said > known).fill_null(value=False).to_numpy()
    return [("known_at: before said_at", late)]


def _before_event(
    columns: dict[str, Column], events: pl.DataFrame
) -> tuple[str, NDArray[np.bool_]]:
    import polars as pl

    pairs = pl.DataFrame(
        {"event_id": columns["event_id"].values, "known_at": columns["known_at"].values}
    )
    if pairs.schema["event_id"] != events.schema["event_id"]:
        raise DataError(
            f"ids of events are {events.schema['event_id']}, those of the labels "
            f"{pairs.schema['event_id']}",
            where="event_id",
            hint="import the labels with the domain of the events",
        )
    times = pairs.join(
        events.select("event_id", "event_time"), on="event_id", how="left", maintain_order="left"
    )
    early = (times["known_at"] < times["event_time"]).fill_null(value=False).to_numpy()
    return reason("known_at", Fault.BEFORE_EVENT), early


def _reasons(
    faults: dict[str, NDArray[np.uint8]],
    extra: list[tuple[str, NDArray[np.bool_]]],
    broken: NDArray[np.bool_],
) -> dict[int, list[str]]:
    """Reasons by row, ascending."""
    import numpy as np

    found: dict[int, list[str]] = {}
    for row in np.flatnonzero(broken):
        found[int(row)] = [reason("line", Fault.UNREADABLE)]
    for name in COLUMNS:
        field_of = _CONFIDENCE if name == "confidence" else None
        for row in np.flatnonzero((faults[name] != 0) & ~broken):
            text = reason(name, Fault(int(faults[name][row])), field_of)
            found.setdefault(int(row), []).append(text)
    for text, rows in extra:
        for row in np.flatnonzero(rows & ~broken):
            found.setdefault(int(row), []).append(text)
    return dict(sorted(found.items()))


def _messages(columns: dict[str, Column]) -> pl.DataFrame:
    import polars as pl

    values = {name: columns[name].values for name in COLUMNS}
    values["said_at"] = values["said_at"].fill_null(values["known_at"])
    values["reversal"] = values["reversal"].fill_null(value=False)
    types = {"source": pl.String, "confidence": pl.Float64}
    return pl.DataFrame(values).with_columns(pl.col(n).cast(t) for n, t in types.items())
