"""Instants as microseconds UTC, from timestamps, ISO 8601 text or counted units."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from lagmark.errors import DefinitionError
from lagmark.schema.raw import EARLIEST, INSTANT, LATEST, UNITS, Fault, fullmatch, origin_of
from lagmark.schema.time import DAY, HOUR, MINUTE, SECOND
from lagmark.sources.columns import Column, mark, stripped
from lagmark.sources.numbers import floats

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from lagmark.domains.domain import TimeColumn

__all__ = ["instant", "origin"]


@cache
def origin(column: TimeColumn) -> tuple[int, int]:
    """Instant that counted values start from, and the length of their unit, microseconds.

    Raises
    ------
    DefinitionError
        If the unit, the origin or the zone is none.
    """
    try:
        return origin_of(column.origin, column.zone), UNITS[column.unit or "s"]
    except (ValueError, KeyError) as problem:
        raise DefinitionError(
            f"time column cannot be used: {problem}",
            where=column.source,
            hint=f"units are {', '.join(UNITS)}; the origin is an ISO date, the zone an IANA name",
        ) from None


def instant(series: pl.Series, column: TimeColumn, *, required: bool) -> Column:
    """Instants as Int64 microseconds UTC."""
    import numpy as np
    import polars as pl

    if column.unit is not None:
        return _counted(series, column, required=required)
    faults = np.zeros(len(series), np.uint8)
    if series.dtype == pl.String:
        series = stripped(series)
        wall, offset, readable = _parts(series)
    elif isinstance(series.dtype, pl.Datetime | pl.Date):
        aware = isinstance(series.dtype, pl.Datetime) and series.dtype.time_zone is not None
        wall = series.cast(pl.Datetime("us", "UTC" if aware else None)).to_physical()
        offset = pl.Series([0 if aware else None], dtype=pl.Int64).new_from_index(0, len(series))
        readable = np.ones(len(series), np.bool_)
    else:
        wall = offset = pl.Series([None], dtype=pl.Int64).new_from_index(0, len(series))
        readable = np.zeros(len(series), np.bool_)
    absent = series.is_null().to_numpy()
    if required:
        mark(faults, absent, Fault.ABSENT)
    mark(faults, ~readable & ~absent, Fault.NOT_A_TIME)
    micros = _in_utc(wall, offset, column.zone, faults)
    outside = ((micros < EARLIEST) | (micros >= LATEST)).fill_null(value=False)
    mark(faults, outside.to_numpy(), Fault.OUT_OF_RANGE)
    return Column(micros.set(pl.Series(faults != 0), None), faults)


def _in_utc(wall: pl.Series, offset: pl.Series, zone: str, faults: NDArray[np.uint8]) -> pl.Series:
    """Wall-clock microseconds in UTC by their own offset, or else the column's zone."""
    import polars as pl

    micros = wall - offset
    naive = offset.is_null() & wall.is_not_null()
    if zone == "UTC" or not naive.any():
        return micros.zip_with(~naive, wall)
    local = wall.set(~naive, None).cast(pl.Datetime("us"))
    either = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    sure = local.dt.replace_time_zone(zone, ambiguous="null", non_existent="null")
    mark(faults, (either.is_null() & naive).to_numpy(), Fault.SKIPPED_TIME)
    mark(faults, (sure.is_null() & naive).to_numpy(), Fault.AMBIGUOUS_TIME)
    return micros.zip_with(~naive, sure.dt.convert_time_zone("UTC").to_physical())


def _parts(text: pl.Series) -> tuple[pl.Series, pl.Series, NDArray[np.bool_]]:
    """Wall-clock microseconds, offset microseconds (null if none), and which rows are readable."""
    import polars as pl

    names = ["day", "hour", "minute", "second", "fraction", "zone"]
    groups = text.str.extract_groups(fullmatch(INSTANT)).struct.rename_fields(names).struct.unnest()
    digits = [pl.col(n).cast(pl.Int64).fill_null(0) for n in ("hour", "minute", "second")]
    zone = pl.col("zone")
    tail = zone.str.slice(1).str.replace(":", "", literal=True)
    ahead = tail.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = tail.str.slice(2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(zone.str.starts_with("-")).then(-1).otherwise(1)
    table = groups.select(
        day=pl.col("day").str.to_date("%Y-%m-%d", strict=False).cast(pl.Int64) * DAY,
        clock=digits[0] * HOUR + digits[1] * MINUTE + digits[2] * SECOND,
        fraction=pl.col("fraction").str.slice(0, 6).str.pad_end(6, "0").cast(pl.Int64).fill_null(0),
        offset=pl.when(zone.is_not_null()).then(sign * (ahead * HOUR + minutes * MINUTE)),
        sound=~pl.col("day").str.starts_with("0000")
        & (digits[0] < 24)
        & (digits[1] < 60)
        & (digits[2] < 60)
        & (ahead < 24)
        & (minutes < 60),
    )
    readable = table["day"].is_not_null() & table["sound"]
    wall = (table["day"] + table["clock"] + table["fraction"]).set(~readable, None)
    return wall, table["offset"], readable.to_numpy()


def _counted(series: pl.Series, column: TimeColumn, *, required: bool) -> Column:
    """Instants counted in whole or broken units from an origin."""
    import numpy as np
    import polars as pl

    start, unit = origin(column)
    values, faults = floats(series, required=required)
    present = ~np.isnan(values)
    with np.errstate(invalid="ignore", over="ignore"):
        micros = np.rint((values - column.first) * unit) + start
        outside = (values < column.first) | (micros < EARLIEST) | (micros >= LATEST)
    mark(faults, outside, Fault.OUT_OF_RANGE)
    good = pl.Series(present & (faults == 0))
    instants = pl.Series(np.where(good, micros, 0).astype(np.int64)).set(~good, None)
    return Column(instants, faults, plain=pl.Series(values).set(~good, None))
