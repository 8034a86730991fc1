"""The oracle itself, against figures worked out by hand."""

from __future__ import annotations

import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import pytest

from .oracle import TABLE, evaluate
from .past import Past, micros
from .streams import stream_of

S, H, D = 1_000_000, 3_600_000_000, 86_400_000_000


def definition(name: str, **parameters: Any) -> Any:
    """Object of a class with the right name: all that the oracle looks at."""
    base: dict[str, Any] = {
        "key": "customer",
        "window": None,
        "delay": "0s",
        "include_current": None,
        "where": None,
        "default": None,
    }
    return type(name, (SimpleNamespace,), {})(**(base | parameters))


def predicate(name: str, **parameters: Any) -> Any:
    return type(name, (SimpleNamespace,), {})(**parameters)


def every(feature: Any, past: Past) -> list[float]:
    return [evaluate(feature, past, i) for i in range(len(past.events))]


FOUR = stream_of(
    (0, {"customer": 1, "amount": 100}),
    (D, {"customer": 1, "amount": 300}),
    (D, {"customer": 1, "amount": 500}),
    (2 * D, {"customer": 1, "amount": 700}),
)


def test_window_is_open_on_the_left_and_ties_count_only_earlier_arrivals() -> None:
    day = definition("Count", window="1d")
    assert every(day, FOUR.past()) == [1.0, 1.0, 2.0, 1.0]
    assert every(day, FOUR.past(left_closed=True)) == [1.0, 2.0, 3.0, 3.0]
    assert every(definition("Count", window="1d", include_current=False), FOUR.past()) == [
        0,
        0,
        1,
        0,
    ]


def test_delay_closes_the_window_on_the_right() -> None:
    delayed = definition("Count", window="1d", delay="1d")
    assert every(delayed, FOUR.past()) == [0.0, 1.0, 1.0, 2.0]
    assert every(delayed, FOUR.past(right_open=True)) == [0.0, 0.0, 0.0, 0.0]
    assert every(delayed, FOUR.past(left_closed=True)) == [0.0, 1.0, 1.0, 3.0]


def test_moments() -> None:
    past = FOUR.past()
    assert every(definition("Sum", field="amount"), past) == [1.0, 4.0, 9.0, 16.0]
    assert every(definition("Mean", field="amount"), past) == [1.0, 2.0, 3.0, 4.0]
    assert evaluate(definition("Std", field="amount"), past, 3) == math.sqrt(5.0)
    assert evaluate(definition("Ratio", field="amount"), past, 3) == 700 * 3 / 900
    expected = (7 - 3) / math.sqrt(8 / 3)
    assert evaluate(definition("ZScore", field="amount"), past, 3) == pytest.approx(expected)
    assert math.isnan(evaluate(definition("ZScore", field="amount"), past, 1))
    half = definition("Quantile", field="amount", q=0.5, include_current=False)
    assert every(half, past)[1:] == [1.0, 1.0, 3.0]


def test_late_event_sees_its_own_past_and_is_seen_by_later_arrivals_only() -> None:
    stream = stream_of(
        (10 * S, {"customer": 1}),
        (30 * S, {"customer": 1}),
        (20 * S, {"customer": 1}),
        (40 * S, {"customer": 1}),
    )
    assert every(definition("Count"), stream.past()) == [1.0, 2.0, 2.0, 4.0]
    assert every(definition("TimeSinceLast"), stream.past())[1:] == [20.0, 10.0, 10.0]
    assert every(definition("FirstSeenAge"), stream.past()) == [0.0, 20.0, 10.0, 30.0]


def test_null_keys_read_defaults_and_enter_no_log() -> None:
    stream = stream_of((1, {}), (2, {"customer": 3}), (3, {}), (4, {"customer": 3}))
    assert every(definition("Count"), stream.past()) == [0.0, 1.0, 0.0, 2.0]
    assert every(definition("NewEntity"), stream.past()) == [0.0, 1.0, 0.0, 0.0]
    pair = definition("Count", key=("customer", "terminal"))
    assert every(pair, stream.past()) == [0.0] * 4


def test_labels_count_from_the_instant_they_are_known_and_the_latest_wins() -> None:
    rows = [(k * D, {"customer": 1}) for k in range(6)]
    labels = [(0, 2 * D, True), (1, 2 * D + 1, True), (0, 4 * D, False), (2, 5 * D, True)]
    past = stream_of(*rows, labels=labels).past()
    assert every(definition("FraudCount"), past) == [0, 0, 1, 2, 1, 2]
    assert every(definition("FraudRate"), past)[2:4] == [0.5, 2 / 3]
    assert every(definition("FraudStreak", delay="2d"), past) == [0, 0, 1, 2, 0, 0]
    assert every(definition("FraudStreakAge", delay="2d"), past)[2:4] == [172_800.0, 259_200.0]
    assert every(definition("LastLabel", delay="3d"), past) == [0, 0, 0, 1, 1, 1]
    assert evaluate(definition("TimeSinceFraud"), past, 5) == 3 * 86_400.0


def test_rate_predicates_and_virtual_fields() -> None:
    past = stream_of(
        (0, {"customer": 1, "type": "A", "amount": 100}),
        (5 * H, {"customer": 1, "type": None, "amount": 200}),
        (6 * H, {"customer": 1, "type": "B", "amount": 300}),
    ).past()
    a = predicate("Equals", field="type", value="A")
    assert every(definition("Rate", where=a), past) == [1.0, 0.5, 1 / 3]
    both = predicate(
        "And",
        left=predicate("Between", field="hour", low=5, high=6),
        right=predicate("AtLeast", field="amount", bound=2.5),
    )
    assert every(definition("Count", where=both), past) == [0.0, 0.0, 1.0]
    assert every(definition("DayOfWeek"), past) == [3.0, 3.0, 3.0]
    assert every(definition("Distinct", field="type"), past) == [1.0, 1.0, 2.0]


def test_feature_above_is_recorded_on_arrival() -> None:
    stream = stream_of(
        (10, {"customer": 1}), (30, {"customer": 1}), (20, {"customer": 1}), (40, {"customer": 1})
    )
    third = predicate("FeatureAbove", feature=definition("Count"), threshold=1.5)
    assert every(definition("Count", where=third), stream.past()) == [0.0, 1.0, 1.0, 3.0]


def test_decay_table_is_correctly_rounded() -> None:
    assert TABLE[0] == 1.0
    for i, entry in enumerate(TABLE):
        # entry - ulp/2 < 2**(-i/64) < entry + ulp/2, decided in integers: x < 2**(-i/64)
        # exactly when x**64 * 2**i < 1.
        ulp = Fraction(math.ulp(entry)) / 2
        low, high = Fraction(entry) - ulp, Fraction(entry) + ulp
        assert low**64 * 2**i < 1 or i == 0
        assert high**64 * 2**i > 1


def test_decayed_sum_halves_after_a_half_life() -> None:
    feature = definition("DecayedSum", field="amount", half_life="1d")
    assert every(feature, FOUR.past()) == [1.0, 3.5, 8.5, 11.25]


def test_distance_and_speed() -> None:
    past = stream_of(
        (0, {"customer": 1, "lat": 0, "lon": 0}),
        (S, {"customer": 1}),
        (H, {"customer": 1, "lat": 0, "lon": 180_000_000}),
        (H, {"customer": 1, "lat": 90_000_000, "lon": 7}),
    ).past()
    distance = every(definition("Distance", latitude="lat", longitude="lon"), past)
    assert distance[2:] == [20_015.114, 10_007.557]
    assert math.isnan(distance[0])
    assert math.isnan(distance[1])
    speed = every(definition("Speed", latitude="lat", longitude="lon"), past)
    assert speed[2] == 20_015.114 * 3600.0 / 3600.0
    assert math.isnan(speed[3])


def test_tiles_floor_both_times() -> None:
    stream = stream_of(
        (0, {"customer": 1}),
        (59 * S, {"customer": 1}),
        (60 * S, {"customer": 1}),
        (119 * S, {"customer": 1}),
    )
    tiled = definition("Count", window="1min", resolution="1min")
    assert every(tiled, stream.past()) == [1.0, 2.0, 1.0, 2.0]


def test_durations() -> None:
    assert [micros(x) for x in ("30s", "15min", "1h", "7d", None)] == [
        30 * S,
        900 * S,
        H,
        7 * D,
        None,
    ]
