"""Wrong window bounds are caught: an oracle with a deliberate mistake must disagree."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lagmark.features as lf
from lagmark.schema.events import Event, Label
from lagmark.schema.time import DAY, HOUR, MINUTE, SECOND

from .catalogue import feature_set
from .compare import assert_same, differences, expected
from .streams import Stream, stream_of

WIDTHS = {"1s": SECOND, "1min": MINUTE, "1h": HOUR, "1d": DAY, "7d": 7 * DAY, "365d": 365 * DAY}
T = 1_600_000_000_000_000


def exact(width: int, delay: int) -> Stream:
    """Events a microsecond around both edges of the window of the last one."""
    offsets = {0}
    for edge in (delay, delay + width):
        offsets |= {edge - 1, edge, edge + 1}
    # Two entries on the newer edge and one on the older, so that no two mistakes cancel.
    twice = [delay] if delay else []
    times = [T - k for k in sorted([*(k for k in offsets if k >= 0), *twice], reverse=True)]
    rows = [
        (t, {"customer": 1, "terminal": 2, "amount": 3**k, "ingest": t})
        for k, t in enumerate(times)
    ]
    labels = [(k, t, True) for k, t in enumerate(times)]
    return stream_of(*rows, labels=labels)


def several(width: str, delay: str) -> list[Any]:
    where = lf.AtLeast("amount", 0.01)
    bounds: dict[str, Any] = {"window": width, "delay": delay}
    return [
        lf.Count("customer", **bounds, name="count"),
        lf.Sum("customer", "amount", **bounds, name="sum"),
        lf.Mean(("customer", "terminal"), "amount", **bounds, name="mean"),
        lf.Std("terminal", "amount", **bounds, name="std"),
        lf.Count("customer", **bounds, where=where, name="filtered"),
        lf.FraudCount("terminal", **bounds, name="frauds"),
        lf.FraudStreak("terminal", **bounds, name="streak"),
        lf.Min("customer", "amount", **bounds, name="min"),
        lf.Quantile("customer", "amount", q=0.01, **bounds, name="quantile"),
    ]


@pytest.mark.parametrize("delay", ["0s", "1d", "7d"])
@pytest.mark.parametrize("width", WIDTHS)
def test_bounds_are_open_left_and_closed_right(width: str, delay: str) -> None:
    stream = exact(WIDTHS[width], {"0s": 0, "1d": DAY, "7d": 7 * DAY}[delay])
    features = several(width, delay)
    got = lf.backfill(feature_set(features), stream.batch()).matrix
    assert_same(got, expected(features, stream.past()), features, stream)

    mistakes = [{"left_closed": True}]
    if delay != "0s":
        mistakes += [{"right_open": True}, {"left_closed": True, "right_open": True}]
    for mistake in mistakes:
        wrong = differences(got, expected(features, stream.past(**mistake)))
        seen = {features[j].name for _, j in wrong}
        assert {"count", "sum", "mean", "filtered", "frauds", "streak"} <= seen, mistake


def test_hand_counted_edges() -> None:
    day = lf.Count("customer", window="1d", name="day")
    old = lf.Count("customer", window="1d", delay="7d", name="old")
    stream = stream_of(
        (T, {"customer": 1}),
        (T + DAY - 1, {"customer": 1}),
        (T + DAY, {"customer": 1}),
        (T + 7 * DAY, {"customer": 1}),
        (T + 8 * DAY - 1, {"customer": 1}),
        (T + 8 * DAY, {"customer": 1}),
    )
    got = lf.backfill(feature_set([day, old]), stream.batch()).matrix
    assert got[:, 0].tolist() == [1, 2, 2, 1, 2, 2]
    assert got[:, 1].tolist() == [0, 0, 0, 1, 2, 2]


def test_idle_entities_read_as_quiet() -> None:
    features = [
        lf.Count("customer", window="1d", include_current=False, name="count"),
        lf.Mean("customer", "amount", window="1d", include_current=False, name="mean"),
        lf.FraudRate("customer", window="30d", name="risk"),
        lf.NewEntity("customer", window="30d", name="new"),
        lf.TimeSinceLast("customer", name="since"),
    ]
    stream = stream_of(
        (T, {"customer": 1}), (T + HOUR, {"customer": 1}), (T + 400 * DAY, {"customer": 1})
    )
    engine = lf.OnlineEngine(feature_set(features))
    engine.process(stream.events[0])
    engine.label(Label(0, T + 1, True))
    engine.process(stream.events[1])
    soon = T + DAY - 1
    assert engine.peek(Event(9, soon, soon, {"customer": 1, "amount": 100}))[2] == 0.5
    quiet = engine.peek(stream.events[2])
    assert quiet[[0, 2, 3]].tolist() == [0.0, 0.0, 1.0]
    assert np.isnan(quiet[1])
    assert quiet[4] == (400 * 24 - 1) * 3600.0


@pytest.mark.parametrize("half_lives", [0, 1, 63, 999, 1000, 1005, 1060, 1074, 1100, 5000])
def test_decay_over_many_half_lives(half_lives: int) -> None:
    features = [
        lf.DecayedSum("customer", "amount", half_life="1s", name="fast"),
        lf.DecayedSum("customer", "balance", half_life="1min", name="slow"),
    ]
    gap = half_lives * SECOND
    stream = stream_of(
        (T, {"customer": 1, "amount": 2**40, "balance": 2**40 - 1}),
        (T + gap, {"customer": 1, "amount": 0}),
        (T + 60 * gap + 7, {"customer": 1, "amount": 0}),
        (T + 61 * gap + 15_625, {"customer": 1, "amount": 3, "balance": -7}),
    )
    got = lf.backfill(feature_set(features), stream.batch()).matrix
    assert_same(got, expected(features, stream.past()), features, stream)
