"""One record and a file's row: the same event, or the same reasons."""

# Times without a zone are what these tests are about.
# ruff: noqa: DTZ001

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import DataError
from lagmark.ports.source import SourceTable
from lagmark.schema.raw import round_decimal
from lagmark.sources.events import read_events
from lagmark.sources.numbers import fixed_point

from .oracle import RejectedRecordError, parse_event
from .shop import ROW, SHOP

NUMBERS = st.one_of(
    st.sampled_from(["", " 1", "+2", "3.", ".5", "1e3", "1E-2", "x", "1_0", "inf", "-NaN", "1,5"]),
    st.sampled_from(["13", "12.345", "0.125", "12.340000000000002", "1e400", "1e307", "\u0663"]),
    st.floats(allow_nan=True, width=64).map(repr),
    st.integers(-(10**15), 10**15).map(lambda n: f"{n / 1000}"),
    st.none(),
)
WHOLE = st.one_of(
    st.sampled_from(["7", "007", "+7", "-0", "7.0", "7.", "7.5", "x", "9223372036854775807"]),
    st.sampled_from(["9223372036854775808", "-9223372036854775808", "1e3", "\u0663"]),
    st.none(),
)
INSTANTS = st.one_of(
    st.datetimes(datetime(1890, 1, 1), datetime(2210, 1, 1)).map(str),
    st.datetimes(datetime(2024, 3, 31), datetime(2024, 4, 1)).map(str),
    st.datetimes(datetime(2024, 10, 27), datetime(2024, 10, 28)).map(str),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.sampled_from(["2024-02-30", "2024-01-01", "2024-01-01T24:00", "2024-01-01 10:60:00"]),
    st.sampled_from(["0000-01-01", "2024-01-01 1:00", "2024-01-01T10Z", "2024-01-01T10:00 +0130"]),
    st.sampled_from(["2024-01-01T10:00:00.1234567Z", "2024-01-01T10:00:00,5-03", "12:00", "1"]),
    st.none(),
)
WORDS = st.sampled_from(["web", " app\t", "fax", "", "WEB", None, "1", "0", "TRUE", "false", "1.0"])
RECORDS = st.fixed_dictionaries(
    {
        "order": st.sampled_from(["A", " B ", "", None]),
        "placed": INSTANTS,
        "seen": INSTANTS,
        "account": WHOLE,
        "device": st.one_of(WORDS, st.text(max_size=3)),
        "channel": WORDS,
        "total": NUMBERS,
        "weight": NUMBERS,
        "gift": WORDS,
    }
)


class _Rows:
    """A source of given rows."""

    name = "rows"

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame

    def read(self) -> SourceTable:
        return SourceTable(self.name, self.frame)


def by_column(record: dict[str, Any], schema: dict[str, Any] | None = None) -> Any:
    """Event or reasons of a record read as a row below a good one."""
    frame = pl.DataFrame([ROW | {"order": "good"}, ROW | record], schema=schema, strict=False)
    result = read_events(_Rows(frame.drop("fraud", "fraud_at")), SHOP, require_labels=False)
    if result.dead.height:
        assert result.dead["row"].to_list() == [1]
        return tuple(result.dead["reasons"].to_list()[0])
    return result.batch.events.filter(pl.col("event_id") != "good").row(0, named=True)


def by_record(record: dict[str, Any]) -> Any:
    try:
        event = parse_event(SHOP, record)
    except RejectedRecordError as rejected:
        return rejected.reasons
    own = {"event_id": event.event_id, "event_time": event.event_time}
    return own | {"ingest_time": event.ingest_time, **event.values}


@given(RECORDS)
def test_record_and_row_agree(record: dict[str, Any]) -> None:
    assert by_record(record) == by_column(record, dict.fromkeys(ROW, pl.String))


@pytest.mark.parametrize(
    ("column", "dtype", "values"),
    [
        ("account", pl.Int64, [7, -1, None]),
        ("account", pl.Float64, [7.0, 7.5, float("nan"), float("inf"), 2.0**60]),
        ("account", pl.Boolean, [True]),
        ("device", pl.Int64, [7]),
        ("device", pl.Float64, [7.0, 7.5, float("nan")]),
        ("device", pl.Boolean, [True]),
        ("device", pl.Date, [date(2024, 1, 1)]),
        ("total", pl.Int64, [12, 13, -1, 2**62]),
        ("total", pl.Float64, [12.345, -0.0, float("nan"), None]),
        ("total", pl.Boolean, [True]),
        ("total", pl.Decimal(12, 3), [Decimal("12.345")]),
        ("gift", pl.Int64, [0, 1, 2]),
        ("gift", pl.Float64, [0.0, 1.0, 0.5, float("nan")]),
        ("gift", pl.Boolean, [True, False]),
        ("placed", pl.Datetime("us"), [datetime(2024, 3, 1, 9), datetime(2024, 3, 31, 2, 30)]),
        ("placed", pl.Datetime("us", "UTC"), [datetime(2024, 3, 1, 9, tzinfo=UTC)]),
        ("placed", pl.Date, [date(2024, 3, 1)]),
        ("placed", pl.Int64, [1_700_000_000]),
    ],
)
def test_typed_values_agree(column: str, dtype: Any, values: list[Any]) -> None:
    for value in values:
        frame = pl.DataFrame([ROW | {"order": "x"}]).with_columns(pl.Series(column, [value], dtype))
        frame = frame.drop("fraud", "fraud_at")
        expected = by_record(frame.row(0, named=True))
        if isinstance(expected, dict):
            result = read_events(_Rows(frame), SHOP, require_labels=False)
            assert result.batch.events.row(0, named=True) == expected
            continue
        with pytest.raises(DataError) as caught:
            read_events(_Rows(frame), SHOP, require_labels=False)
        assert all(text in caught.value.what for text in expected)


@given(st.floats(-1e9, 1e9), st.integers(0, 3))
def test_rounding_agrees_on_any_float(value: float, decimals: int) -> None:
    whole, rounded = fixed_point(np.array([value]), decimals)
    assert (int(whole[0]), bool(rounded[0])) == round_decimal(value, decimals)


@given(st.integers(-(10**11), 10**11), st.integers(0, 3))
def test_rounding_agrees_on_short_decimals(units: int, decimals: int) -> None:
    value = float(f"{units}e-3")
    whole, rounded = fixed_point(np.array([value]), decimals)
    assert (int(whole[0]), bool(rounded[0])) == round_decimal(value, decimals)
    exact = Decimal(units).scaleb(decimals - 3)
    assert int(whole[0]) == round(exact)
    assert bool(rounded[0]) == (exact != round(exact))


def test_arguments_of_the_caller() -> None:
    event = parse_event(SHOP, ROW, ingest_time=5)
    assert event.ingest_time == 5
    with pytest.raises(DataError, match="missing column total"):
        parse_event(SHOP, {k: v for k, v in ROW.items() if k != "total"})


@pytest.mark.parametrize("text", ["1e307", "-1.797693134862316e+305"])
def test_a_number_that_overflows_when_scaled_is_beyond_the_limit(text: str) -> None:
    record = {**ROW, "weight": text}
    reasons = by_record(record)
    assert [reason for reason in reasons if "weight" in reason]
    assert by_column(record, dict.fromkeys(ROW, pl.String)) == reasons
