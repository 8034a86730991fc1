"""The exploratory report against plain counting, and against what was not known yet."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagmark.domains.domain import Domain, LabelColumn, TimeColumn
from lagmark.errors import DataError
from lagmark.monitoring.explore import Exploration, explore
from lagmark.monitoring.findings import LEVELS
from lagmark.schema.events import EventBatch
from lagmark.schema.fields import Field, Kind
from lagmark.schema.time import DAY, HOUR, from_micros, to_micros

START = to_micros(datetime(2024, 3, 1, tzinfo=UTC))  # a Friday

DOMAIN = Domain(
    "shop",
    "A small shop <&>",
    (
        Field("customer", Kind.ENTITY, required=False),
        Field("type", Kind.CATEGORY, required=False),
        Field("amount", Kind.MONEY, decimals=2),
    ),
    TimeColumn("time"),
    {},
    "customer",
    "amount",
    label=LabelColumn("fraud", delay=7 * DAY),
    category="type",
)

Row = dict[str, Any]


def batch_of(rows: list[Row], labels: list[tuple[int, int, bool]]) -> EventBatch:
    events = pl.DataFrame(
        [{"event_id": index, **row} for index, row in enumerate(rows)],
        schema={
            "event_id": pl.Int64,
            "event_time": pl.Int64,
            "ingest_time": pl.Int64,
            "customer": pl.Int64,
            "type": pl.String,
            "amount": pl.Int64,
        },
    )
    known = pl.DataFrame(
        [(*label, "test") for label in sorted(labels, key=lambda label: label[1])],
        schema={"row": pl.Int64, "known_at": pl.Int64, "fraud": pl.Boolean, "source": pl.String},
        orient="row",
    )
    return EventBatch(events, known)


def event(hours: float, *, late: float = 0.0, **values: Any) -> Row:
    time = START + int(hours * HOUR)
    fields = {"customer": 1, "type": "card", "amount": 1_000, **values}
    return {"event_time": time, "ingest_time": time + int(late * HOUR), **fields}


@st.composite
def batches(draw: st.DrawFn) -> EventBatch:
    count = draw(st.integers(1, 25))
    rows = [
        event(
            draw(st.integers(0, 24 * 20)),
            late=draw(st.sampled_from([0, 0, 5, 60])),
            customer=draw(st.none() | st.integers(0, 4)),
            type=draw(st.sampled_from(["card", "wire", "<b>", None])),
            amount=draw(st.integers(0, 10**7)),
        )
        for _ in range(count)
    ]
    rows.sort(key=lambda row: row["ingest_time"])
    labels = [
        (index, rows[index]["ingest_time"] + draw(st.integers(0, 20)) * DAY, draw(st.booleans()))
        for index in draw(st.lists(st.integers(0, count - 1), max_size=30))
    ]
    return batch_of(rows, labels)


def oracle(batch: EventBatch, as_of: int) -> dict[str, Any]:
    """The report's counts, one event after the other."""
    verdicts: dict[int, bool] = {}
    for label in batch.labels.iter_rows(named=True):
        if label["known_at"] <= as_of:
            verdicts[label["row"]] = label["fraud"]
    groups: dict[tuple[str, Any], list[int]] = {}
    entities: dict[Any, int] = {}
    amounts: dict[str, list[int]] = {"all": [], "honest": [], "fraud": [], "unlabelled": []}
    for row, one in enumerate(batch.events.iter_rows(named=True)):
        if one["ingest_time"] > as_of:
            continue
        verdict = verdicts.get(row)
        time = from_micros(one["event_time"])
        kinds = {
            "total": 0,
            "day": time.date().isoformat(),
            "hour": f"{time.hour:02d}",
            "weekday": f"{time:%A}",
            "type": one["type"] or "(absent)",
        }
        for kind in kinds.items():
            counts = groups.setdefault(kind, [0, 0, 0])
            counts[0] += 1
            counts[1] += verdict is not None
            counts[2] += verdict is True
        if one["customer"] is not None:
            entities[one["customer"]] = entities.get(one["customer"], 0) + 1
        amounts["all"].append(one["amount"])
        amounts[{None: "unlabelled", True: "fraud", False: "honest"}[verdict]].append(one["amount"])
    return {"groups": groups, "entities": entities, "amounts": amounts}


@settings(deadline=None, max_examples=60)
@given(batches(), st.integers(0, 40))
def test_report_equals_plain_counting(batch: EventBatch, days: int) -> None:
    as_of = START + days * DAY
    expected = oracle(batch, as_of)
    if not expected["groups"]:
        with pytest.raises(DataError, match="no event was seen"):
            explore(batch, DOMAIN, as_of=from_micros(as_of))
        return
    found = explore(batch, DOMAIN, as_of=from_micros(as_of))
    assert [found.events, found.labelled, found.frauds] == expected["groups"][("total", 0)]
    for kind, slices in {
        "day": found.by_day,
        "hour": found.by_hour,
        "weekday": found.by_weekday,
        "type": found.by_category,
    }.items():
        counted = {s.name: [s.events, s.labelled, s.frauds] for s in slices if s.events}
        assert counted == {
            name: counts for (what, name), counts in expected["groups"].items() if what == kind
        }
    for part in found.amounts:
        ordered = sorted(expected["amounts"][part.name])
        assert part.events == len(ordered)
        assert part.total == sum(ordered) / 100
        assert part.quantiles == tuple(
            ordered[max(1, math.ceil(level * len(ordered))) - 1] / 100
            for level in (LEVELS if ordered else ())
        )
    (customers,) = found.entities
    counts = sorted(expected["entities"].values())
    assert customers.distinct == len(counts)
    assert customers.quantiles[:1] + customers.quantiles[-1:] == tuple(counts[:1] + counts[-1:])
    if found.bins is not None:
        assert sum(found.bins.honest) == len(expected["amounts"]["honest"])
        assert sum(found.bins.fraud) == len(expected["amounts"]["fraud"])
    json.dumps(found.as_dict(), allow_nan=False)


@settings(deadline=None, max_examples=40)
@given(batches(), st.integers(0, 40))
def test_nothing_after_as_of_shows(batch: EventBatch, days: int) -> None:
    as_of = START + days * DAY
    later_event = pl.col("ingest_time") > as_of
    later_label = pl.col("known_at") > as_of
    scrambled = EventBatch(
        batch.events.with_columns(
            amount=pl.when(later_event).then(99).otherwise("amount"),
            type=pl.when(later_event).then(pl.lit("other")).otherwise("type"),
        ),
        batch.labels.with_columns(fraud=pl.col("fraud") ^ later_label),
    )
    if batch.events.filter(~later_event).is_empty():
        return
    instant = from_micros(as_of)
    expected = explore(batch, DOMAIN, as_of=instant)
    assert explore(scrambled, DOMAIN, as_of=instant) == expected
    without = EventBatch(scrambled.events, scrambled.labels.filter(~later_label))
    assert explore(without, DOMAIN, as_of=instant) == expected


def daily(days: int, delay_days: int = 7) -> EventBatch:
    rows = [event(24 * day + 12, customer=day % 3) for day in range(days)]
    labels = [
        (row, one["event_time"] + delay_days * DAY, row % 4 == 0) for row, one in enumerate(rows)
    ]
    return batch_of(rows, labels)


def test_young_days_are_those_whose_labels_are_under_way() -> None:
    batch = daily(30)
    found = explore(batch, DOMAIN, as_of=from_micros(START + 30 * DAY))
    assert found.young_days == tuple(f"2024-03-{day:02d}" for day in range(24, 31))
    assert found.unlabelled_share == pytest.approx(7 / 30)
    assert found.maturity == found.delay_median == 7 * DAY
    text = "\n".join(found.lines())
    assert "as known at 2024-03-31 00:00:00 UTC" in text
    assert "23.33 % of the events had no label yet" in text
    assert "7 days from 2024-03-24 to 2024-03-30" in text


def test_default_instant_is_the_last_arrival_and_leaves_no_day_young() -> None:
    found = explore(daily(10), DOMAIN)
    assert found.as_of == START + 9 * DAY + 12 * HOUR + 7 * DAY
    assert found.young_days == ()
    assert "Every event had a label." in "\n".join(found.lines())


def test_labels_with_instants_of_their_own_wait_at_least_the_default() -> None:
    # The quick labels are known first: their delays alone would call every day mature.
    batch = daily(10, delay_days=1)
    assert DOMAIN.label is not None
    own = replace(DOMAIN, label=replace(DOMAIN.label, known_at=TimeColumn("known")))
    assert explore(batch, DOMAIN).maturity == DAY
    assert explore(batch, own).maturity == 7 * DAY


def test_latest_known_label_counts() -> None:
    batch = batch_of([event(0)], [(0, START + DAY, True), (0, START + 3 * DAY, False)])
    frauds = [
        explore(batch, DOMAIN, as_of=from_micros(START + days * DAY)).frauds for days in (0, 2, 4)
    ]
    assert frauds == [0, 1, 0]


def test_many_categories_are_added_up() -> None:
    batch = batch_of([event(hour, type=f"kind {hour:02d}") for hour in range(40)], [])
    found = explore(batch, DOMAIN)
    assert len(found.by_category) == 31
    assert (found.by_category[-1].name, found.by_category[-1].events) == ("(10 others)", 10)


def test_absent_values_are_counted_per_field() -> None:
    batch = batch_of([event(0, customer=None), event(1, type=None), event(2, customer=None)], [])
    found = explore(batch, DOMAIN)
    assert {part.field: part.events for part in found.missing} == {
        "customer": 2,
        "type": 1,
        "amount": 0,
    }
    assert found.entities[0].distinct == 1


def test_unlabelled_domain_without_category_still_makes_a_page(tmp_path: Path) -> None:
    bare = replace(DOMAIN, label=None, category=None)
    found = explore(batch_of([event(0, amount=0)], []), bare)
    assert found.fraud_share is None
    assert "No label was known" in "\n".join(found.lines())
    page = found.write_html(tmp_path / "bare.html").read_text(encoding="utf-8")
    assert "No label was known" in page
    assert "By type" not in page


def test_page_says_as_of_and_marks_young_days(tmp_path: Path) -> None:
    found = explore(daily(30), DOMAIN, as_of=from_micros(START + 30 * DAY))
    page = found.write_html(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "as known at 2024-03-31 00:00:00 UTC" in page
    assert "young: labels still under way" in page
    assert "A small shop &lt;&amp;&gt;" in page
    # In the list below the plot and among the figures behind it.
    assert page.count("(young)") == 14


def test_as_dict_is_json_with_instants_as_text() -> None:
    found = explore(daily(30), DOMAIN, as_of=from_micros(START + 30 * DAY))
    content = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert content["as_of"] == "2024-03-31T00:00:00+00:00"
    assert content["maturity_seconds"] == timedelta(days=7).total_seconds()
    assert content["by_weekday"][4]["name"] == "Friday"
    assert len(content["young_days"]) == 7


def test_refuses_an_instant_without_zone_and_an_empty_batch() -> None:
    with pytest.raises(DataError, match="no time zone"):
        explore(daily(2), DOMAIN, as_of=datetime(2024, 3, 2))  # noqa: DTZ001
    with pytest.raises(DataError, match="no event was seen"):
        explore(batch_of([], []), DOMAIN)


def test_records_are_frozen() -> None:
    found = explore(daily(2), DOMAIN)
    assert isinstance(found, Exploration)
    with pytest.raises(AttributeError):
        found.events = 1  # type: ignore[misc]


def test_a_day_that_ended_the_maturity_ago_is_mature_though_a_label_never_came() -> None:
    rows = [event(12), event(13), event(24 + 12)]
    labels = [(row, rows[row]["event_time"] + 2 * DAY, False) for row in (0, 2)]
    batch = batch_of(rows, labels)
    young = [
        explore(batch, DOMAIN, as_of=from_micros(START + 3 * DAY + shift)).young_days
        for shift in (-1, 0)
    ]
    assert young == [("2024-03-01", "2024-03-02"), ("2024-03-02",)]
