"""The oracle of reading: one record as an event, value by value, slow and obvious."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lagmark.errors import DataError
from lagmark.schema.events import Event, Value
from lagmark.schema.fields import LIMIT, Field, Kind
from lagmark.schema.raw import (
    BLANKS,
    EARLIEST,
    FLAGS,
    INSTANT,
    INTEGER,
    LATEST,
    NON_FINITE,
    NUMBER,
    PATTERNS,
    WHOLE,
    Fault,
    local_to_utc,
    reason,
    round_decimal,
)
from lagmark.schema.time import DAY, HOUR, MINUTE, SECOND, from_micros, to_micros
from lagmark.sources.instants import origin
from lagmark.sources.mapping import map_columns

if TYPE_CHECKING:
    import polars as pl

    from lagmark.domains.domain import Domain, TimeColumn

__all__ = ["RejectedRecordError", "parse_event"]

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_Parsed = tuple[Value, Fault]


class RejectedRecordError(DataError):
    """A record that is no event of its domain.

    Parameters
    ----------
    domain
        The domain's name.
    reasons
        Everything that is wrong with it, as in the dead letters of a file.
    """

    def __init__(self, domain: str, reasons: tuple[str, ...]) -> None:
        super().__init__("; ".join(reasons), where=f"record of domain {domain!r}")
        self.reasons = reasons


def parse_event(
    domain: Domain,
    record: Mapping[str, Any],
    *,
    ingest_time: int | None = None,
    event_id: int | str | None = None,
) -> Event:
    """Event of one record, by the rules of :func:`lagmark.sources.events.read_events`.

    Parameters
    ----------
    domain
        What the record is.
    record
        Values by source column; others are ignored.
    ingest_time
        Microseconds UTC at which it arrived. ``None`` reads it as a file's row would: from the
        domain's own column, else the event time.
    event_id
        Id of an event whose domain or record has none.

    Raises
    ------
    RejectedRecordError
        If anything is wrong with a value.
    DataError
        If a required column or the id is not there.
    """
    mapping = map_columns(domain, record, where="record", labels=False)
    reasons: list[str] = []

    def keep(name: str, parsed: _Parsed, field: Field | None = None) -> Value:
        if parsed[1]:
            reasons.append(reason(name, parsed[1], field))
            return None
        return parsed[0]

    if mapping.event_id is not None:
        found = _identifier(record[mapping.event_id], integer=domain.integer_id)
        event_id = keep("event_id", _required(found, required=True))
    elif event_id is None:
        raise DataError("the record has no id", where="record", hint="pass event_id")
    happened = keep("event_time", _required(_instant(record, domain.event_time), required=True))
    arrived: Value = ingest_time
    if ingest_time is None:
        arrived = happened
        if domain.ingest_time is not None:
            seen = keep("ingest_time", _instant(record, domain.ingest_time))
            arrived = happened if seen is None else seen
    values: dict[str, Value] = {}
    for field in domain.fields:
        column = mapping.fields[field.name]
        raw = None if column is None else record[column]
        values[field.name] = keep(field.name, _field(raw, field), field)
    reasons += _failed_checks(domain, record, values)
    if reasons or not isinstance(happened, int) or not isinstance(arrived, int) or event_id is None:
        raise RejectedRecordError(domain.name, tuple(reasons))
    return Event(event_id, happened, arrived, values)


def _required(parsed: _Parsed, *, required: bool) -> _Parsed:
    if required and parsed == (None, Fault.NONE):
        return None, Fault.ABSENT
    return parsed


def _field(raw: Any, field: Field) -> _Parsed:
    if field.kind in (Kind.MONEY, Kind.QUANTITY):
        parsed = _fixed(raw, field)
    elif field.kind is Kind.ENTITY:
        parsed = _identifier(raw, integer=field.integer)
    elif field.kind is Kind.CATEGORY:
        parsed = _category(raw, field)
    else:
        parsed = _flag(raw)
    return _required(parsed, required=field.required)


def _text_of(raw: Any) -> Any:
    """Value with the blanks of text taken off, ``None`` where nothing is left."""
    return (raw.strip(BLANKS) or None) if isinstance(raw, str) else raw


def _number(raw: Any) -> tuple[float | None, Fault]:
    raw = _text_of(raw)
    if raw is None:
        return None, Fault.NONE
    if isinstance(raw, str):
        if PATTERNS[NON_FINITE].fullmatch(raw):
            return None, Fault.NOT_FINITE
        if not PATTERNS[NUMBER].fullmatch(raw):
            return None, Fault.NOT_A_NUMBER
    elif isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        return None, Fault.NOT_A_NUMBER
    try:
        value = float(raw)
    except OverflowError:
        return None, Fault.NOT_FINITE
    return (value, Fault.NONE) if math.isfinite(value) else (None, Fault.NOT_FINITE)


def _fixed(raw: Any, field: Field) -> _Parsed:
    value, fault = _number(raw)
    if value is None:
        return None, fault
    low, high = field.minimum, field.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        return None, Fault.OUT_OF_RANGE
    if abs(value) * field.scale >= 2 * LIMIT:
        return None, Fault.BEYOND_LIMIT
    whole, _ = round_decimal(value, field.decimals)
    return (None, Fault.BEYOND_LIMIT) if abs(whole) > LIMIT else (whole, Fault.NONE)


def _whole(raw: float) -> int | None:
    return int(raw) if math.isfinite(raw) and raw == int(raw) and abs(raw) <= WHOLE else None


def _identifier(raw: Any, *, integer: bool) -> _Parsed:
    value: int | str | None = None
    raw = _text_of(raw)
    if raw is None:
        return None, Fault.NONE
    if isinstance(raw, str):
        value = raw
        if integer:
            match = PATTERNS[INTEGER].fullmatch(raw)
            value = int(match[1]) if match else None
    elif isinstance(raw, float):
        value = _whole(raw)
    elif isinstance(raw, int) and not isinstance(raw, bool):
        value = raw
    if integer:
        fits = isinstance(value, int) and -(2**63) <= value < 2**63
        return (value, Fault.NONE) if fits else (None, Fault.NOT_AN_INTEGER)
    return (None, Fault.NOT_TEXT) if value is None else (str(value), Fault.NONE)


def _category(raw: Any, field: Field) -> _Parsed:
    value, fault = _identifier(raw, integer=False)
    if value is not None and field.vocabulary and value not in field.vocabulary:
        return None, Fault.NOT_IN_VOCABULARY
    return value, fault


def _flag(raw: Any) -> _Parsed:
    raw = _text_of(raw)
    if raw is None or isinstance(raw, bool):
        return raw, Fault.NONE
    if isinstance(raw, str):
        known = FLAGS.get(raw.lower())
        return known, Fault.NOT_A_FLAG if known is None else Fault.NONE
    if isinstance(raw, int | float | Decimal) and raw in (0, 1):
        return raw == 1, Fault.NONE
    return None, Fault.NOT_A_FLAG


def _instant(record: Mapping[str, Any], column: TimeColumn) -> _Parsed:
    raw = _text_of(record[column.source])
    if column.unit is not None:
        return _counted(raw, column)
    if raw is None:
        return None, Fault.NONE
    if isinstance(raw, str):
        return _written(raw, column.zone)
    if not isinstance(raw, date):
        return None, Fault.NOT_A_TIME
    moment = raw if isinstance(raw, datetime) else datetime.combine(raw, time())
    if moment.tzinfo is not None:
        return _bounded(to_micros(moment))
    return _local(moment, column.zone)


def _counted(raw: Any, column: TimeColumn) -> _Parsed:
    start, unit = origin(column)
    value, fault = _number(raw)
    if value is None:
        return None, fault
    if value < column.first or value >= WHOLE:
        return None, Fault.OUT_OF_RANGE
    return _bounded(round((value - column.first) * unit) + start)


def _written(text: str, zone: str) -> _Parsed:
    match = PATTERNS[INSTANT].fullmatch(text)
    if match is None:
        return None, Fault.NOT_A_TIME
    hour, minute, second = (int(match[group] or 0) for group in (2, 3, 4))
    tail = (match[6] or "").replace(":", "")[1:]
    ahead, minutes = int(tail[:2] or 0), int(tail[2:] or 0)
    try:
        day = date.fromisoformat(match[1]).toordinal() - _EPOCH_DAY
    except ValueError:
        return None, Fault.NOT_A_TIME
    if hour > 23 or minute > 59 or second > 59 or ahead > 23 or minutes > 59:
        return None, Fault.NOT_A_TIME
    fraction = int((match[5] or "")[:6].ljust(6, "0"))
    micros = day * DAY + hour * HOUR + minute * MINUTE + second * SECOND + fraction
    if match[6]:
        sign = -1 if match[6].startswith("-") else 1
        return _bounded(micros - sign * (ahead * HOUR + minutes * MINUTE))
    return _bounded(micros) if zone == "UTC" else _local(from_micros(micros), zone)


def _local(wall: datetime, zone: str) -> _Parsed:
    try:
        micros, fault = local_to_utc(wall.replace(tzinfo=None), zone)
    except OverflowError:
        return None, Fault.OUT_OF_RANGE
    return (None, fault) if fault else _bounded(micros)


def _bounded(micros: int) -> _Parsed:
    return (micros, Fault.NONE) if EARLIEST <= micros < LATEST else (None, Fault.OUT_OF_RANGE)


def _failed_checks(
    domain: Domain, record: Mapping[str, Any], values: Mapping[str, Value]
) -> list[str]:
    """Reasons of the fatal checks that a record breaks; only these need a frame."""
    checks = [check for check in domain.checks if check.fatal]
    if not checks:
        return []
    import polars as pl

    from lagmark.sources.table import failed

    columns: dict[str, pl.Series] = {}
    for field in domain.fields:
        value, dtype = values[field.name], _dtype(field)
        if dtype == pl.Float64 and value is not None:
            value = _number(record[_present(record, field)])[0]  # type: ignore[assignment]
        columns[field.column] = pl.Series([value], dtype=dtype)
    for clock in (domain.event_time, domain.ingest_time):
        if clock is not None and clock.unit is not None:
            columns[clock.source] = pl.Series([_number(record[clock.source])[0]], dtype=pl.Float64)
    if domain.label is not None:
        columns[domain.label.source] = pl.Series([None], dtype=pl.Boolean)
    if domain.event_id is not None and domain.event_id in record:
        kind = pl.Int64 if domain.integer_id else pl.String
        found = _identifier(record[domain.event_id], integer=domain.integer_id)[0]
        columns[domain.event_id] = pl.Series([found], dtype=kind)
    frame = pl.DataFrame(columns)
    broken = [check for check in checks if failed(check, frame, domain)[0]]
    return [reason(check.name, Fault.CHECK) for check in broken]


def _present(record: Mapping[str, Any], field: Field) -> str:
    return next(name for name in (field.column, *field.aliases) if name in record)


def _dtype(field: Field) -> type[pl.DataType]:
    import polars as pl

    if field.kind in (Kind.MONEY, Kind.QUANTITY):
        return pl.Float64
    if field.kind is Kind.FLAG:
        return pl.Boolean
    return pl.Int64 if field.integer and field.kind is Kind.ENTITY else pl.String
