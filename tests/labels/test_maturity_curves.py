"""Curves against slow oracles that share no code with them."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.errors import ConfigError, DataError
from lagmark.labels import NEVER
from lagmark.labels.maturity import kaplan_meier, reverse_hazard
from lagmark.schema.time import DAY, HOUR

Z = 1.6448536269514722

CASES = st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=25)
FRAUDS = st.lists(st.tuples(st.integers(0, 15), st.integers(0, 12)), min_size=1, max_size=25)


def ages_and_flags(cases: list[tuple[int, bool]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([age for age, _ in cases]), np.array([seen for _, seen in cases])


@given(CASES)
def test_kaplan_meier_as_plain_python_says(cases: list[tuple[int, bool]]) -> None:
    curve = kaplan_meier(*ages_and_flags(cases), at_least=1)
    if not any(seen for _, seen in cases):
        assert not curve.estimable
        return
    survival, greenwood = 1.0, 0.0
    for age in range(max(age for age, _ in cases) + 1):
        at_risk = sum(other >= age for other, _ in cases)
        labels = sum(other == age and seen for other, seen in cases)
        survival *= 1 - labels / at_risk
        greenwood += labels / (at_risk * (at_risk - labels)) if at_risk > labels else math.inf
        assert curve.at(age) == pytest.approx(1 - survival, abs=1e-12)
        low, high = (float(end) for end in curve.interval(age))
        if 0 < survival < 1:
            width = Z * math.sqrt(greenwood) / -math.log(survival)
            assert low == pytest.approx(1 - survival ** math.exp(-width))
            assert high >= (1 - survival ** math.exp(width)) * (1 - 1e-12)
        assert low <= curve.at(age) + 1e-12
        assert high >= curve.at(age) - 1e-12
    assert math.isnan(curve.at(max(age for age, _ in cases) + 1))


@given(CASES)
def test_a_relative_curve_is_the_share_over_the_final_share(cases: list[tuple[int, bool]]) -> None:
    plain = kaplan_meier(*ages_and_flags(cases), at_least=1)
    relative = kaplan_meier(*ages_and_flags(cases), at_least=1, relative=True)
    assert plain.estimable == relative.estimable
    if plain.estimable:
        final = plain.at(plain.horizon)
        for age in range(plain.horizon):
            assert relative.at(age) == pytest.approx(plain.at(age) / final)
            low, high = (float(end) for end in relative.interval(age))
            assert 0 <= low <= relative.at(age) + 1e-12 <= high + 2e-12 <= 1 + 3e-12
        assert relative.at(plain.horizon) == relative.at(10**15) == 1.0


def reverse_oracle(
    seen: list[tuple[int, int]], horizon: int, window: int | None
) -> dict[int, tuple[float, float]]:
    """Share known and its Greenwood sum by age; pairs of delay and age now."""
    found, share, spread = {}, 1.0, 0.0
    for age in range(horizon, -1, -1):
        found[age] = (share, spread)
        informed = [
            (delay, now)
            for delay, now in seen
            if delay <= age <= now and (window is None or age > now - window)
        ]
        labels = sum(delay == age for delay, _ in informed)
        if labels:
            share *= 1 - labels / len(informed)
            spread += (
                labels / (len(informed) * (len(informed) - labels))
                if len(informed) > labels
                else math.inf
            )
    return found


@given(FRAUDS, st.integers(0, 20), st.none() | st.integers(1, 12))
def test_reverse_hazard_as_plain_python_says(
    frauds: list[tuple[int, int]], as_of: int, window: int | None
) -> None:
    event = np.array([when for when, _ in frauds])
    known = event + np.array([delay for _, delay in frauds])
    curve = reverse_hazard(event, known, as_of, window=window, at_least=1)
    seen = [(delay, as_of - when) for when, delay in frauds if when + delay <= as_of]
    assert curve.cases == len(seen)
    if not curve.estimable:
        return
    expected = reverse_oracle(seen, curve.horizon, window)
    lost = False
    for age in range(curve.horizon - 1, -1, -1):
        share, spread = expected[age]
        found = curve.at(age)
        low, high = (float(end) for end in curve.interval(age))
        lost = lost or (share < 1e-12 and any(delay <= age for delay, _ in counted(seen, window)))
        if lost:
            assert math.isnan(found)
            continue
        assert found == pytest.approx(share, abs=1e-12)
        assert low <= found + 1e-12
        assert high >= found - 1e-12
        if 1e-9 < share < 1 - 1e-9:
            width = Z * math.sqrt(spread) / -math.log(share)
            assert low <= share ** math.exp(min(width, 600)) * (1 + 1e-9)
            assert high >= share ** math.exp(-min(width, 600)) * (1 - 1e-9)
    assert curve.at(curve.horizon) == 1.0


def counted(seen: list[tuple[int, int]], window: int | None) -> list[tuple[int, int]]:
    return [one for one in seen if window is None or one[0] > one[1] - window]


@given(FRAUDS, st.integers(0, 20), st.data())
def test_nothing_later_than_the_instant_changes_a_curve(
    frauds: list[tuple[int, int]], as_of: int, data: st.DataObject
) -> None:
    event = np.array([when for when, _ in frauds])
    known = event + np.array([delay for _, delay in frauds])
    before = reverse_hazard(event, known, as_of, at_least=1)
    later = known > as_of
    event, known = event.copy(), known.copy()
    drawn = data.draw(
        st.lists(st.integers(as_of + 1, 99), min_size=len(event), max_size=len(event))
    )
    known[later] = np.array(drawn)[later]
    event[later] = data.draw(st.integers(0, 99))
    order = np.array(data.draw(st.permutations(range(len(event)))))
    after = reverse_hazard(event[order], known[order], as_of, at_least=1)
    assert before.as_dict() == after.as_dict()


def test_ages_below_a_day_are_told_apart() -> None:
    event = np.zeros(400, np.int64)
    known = np.repeat([HOUR, 3 * HOUR, 30 * HOUR, 50 * HOUR], 100)
    curve = reverse_hazard(event, known, 10 * DAY)
    shares = [curve.at(hours * HOUR) for hours in (0.5, 1, 2.9, 3, 29, 30, 50)]
    assert shares == pytest.approx([0, 0.25, 0.25, 0.5, 0.5, 0.75, 1])
    assert curve.median.age == 3 * HOUR
    assert curve.quantile(0.6).age == 30 * HOUR
    assert curve.at(np.array([HOUR, DAY])).tolist() == pytest.approx([0.25, 0.5])


@pytest.mark.parametrize(
    ("event", "known", "reason"),
    [
        ([], [], "no fraud label"),
        ([0, 0], [NEVER, NEVER], "no fraud label"),
        ([200], [1], "no fraud label"),
        ([0] * 29, [1] * 29, "fewer than 30"),
    ],
)
def test_too_little_is_not_estimable(event: list[int], known: list[int], reason: str) -> None:
    curve = reverse_hazard(event, known, 100)
    assert reason in curve.reason
    assert math.isnan(curve.at(1))
    assert curve.median.age is None
    assert curve.as_dict()["horizon_days"] is None


def test_a_horizon_beyond_the_history_is_not_estimable() -> None:
    event = np.repeat(np.arange(10) * DAY, 40)
    known = event + HOUR
    assert reverse_hazard(event, known, 10 * DAY, horizon=9 * DAY).estimable
    assert (
        "as old as the horizon" in reverse_hazard(event, known, 10 * DAY, horizon=30 * DAY).reason
    )
    ages, seen = np.full(50, DAY), np.arange(50) < 10
    assert "as old as the horizon" in kaplan_meier(ages, seen, horizon=2 * DAY).reason


def test_payments_without_any_fraud_are_not_estimable() -> None:
    assert "no fraud label" in kaplan_meier(np.full(50, DAY), np.zeros(50, bool)).reason
    assert "no payments" in kaplan_meier([], np.zeros(0, bool)).reason
    assert "only 3 payments" in kaplan_meier([1, 2, 3], np.ones(3, bool)).reason


def test_a_few_old_payments_do_not_stand_for_all() -> None:
    ages = np.concatenate([np.full(10_000, 5 * DAY), [20 * DAY]])
    seen = np.zeros(10_001, bool)
    seen[:20] = True
    seen[-1] = True
    curve = kaplan_meier(ages, seen)
    assert curve.horizon == 5 * DAY
    assert curve.at(5 * DAY) == pytest.approx(20 / 10_001)


def test_what_is_no_time_is_refused() -> None:
    with pytest.raises(DataError, match="event_time"):
        reverse_hazard(np.array([0.5]), np.array([1]), 3)
    with pytest.raises(DataError, match="2 values for 1 cases"):
        reverse_hazard([1], [1, 2], 3)
    with pytest.raises(DataError, match="observed"):
        kaplan_meier([1, 2], [1, 0])
    with pytest.raises(ConfigError, match="confidence"):
        kaplan_meier([1], np.ones(1, bool), confidence=90)


def test_a_record_keeps_the_shape_of_a_long_curve() -> None:
    rng = np.random.default_rng(1)
    event = rng.integers(0, 60 * DAY, 5_000)
    curve = reverse_hazard(event, event + rng.integers(0, 20 * DAY, 5_000), 60 * DAY)
    steps = curve.as_dict(points=50)["curve"]
    assert len(steps) <= 52
    shares = [step["share"] for step in steps]
    assert shares == sorted(shares)
    assert max(b - a for a, b in pairwise(shares)) < 0.06
