"""Curves and drift against simulated truth; every draw is seeded."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from lagmark.labels import NEVER
from lagmark.labels.maturity import delay_drift, kaplan_meier, reverse_hazard
from lagmark.schema.time import DAY

AGES = np.array([0.5, 1, 3, 7, 10.5, 14, 28, 45]) * DAY


def world(
    rng: np.random.Generator,
    days: int,
    per_day: int,
    *,
    change: int | None = None,
    factor: float = 1.8,
    together: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Frauds with two channels of lognormal delays (median 12 and 40 days)."""
    size = rng.poisson(days * per_day / together)
    event = np.sort(rng.integers(0, days * DAY, size))
    delay = np.where(rng.random(size) < 0.6, 12, 40) * np.exp(0.9 * rng.standard_normal(size))
    if change is not None:
        delay = np.where(event >= change * DAY, factor * delay, delay)
    event, delay = np.repeat(event, together), np.repeat(delay, together)
    return event, event + (delay * DAY).astype(np.int64)


@cache
def truth() -> np.ndarray:
    event, known = world(np.random.default_rng(0), 90, 5_000)
    return np.sort(known - event)


def final_share(ages: np.ndarray, horizon: int) -> np.ndarray:
    delays = truth()
    return np.searchsorted(delays, ages) / np.searchsorted(delays, horizon)


@pytest.mark.parametrize("per_day", [8, 30])
def test_intervals_cover_the_share_that_later_turns_out(per_day: int) -> None:
    rng = np.random.default_rng(8)
    reverse, kaplan, errors = [], [], []
    for _ in range(200):
        event, known = world(rng, 90, per_day)
        as_of = 90 * DAY
        curve = reverse_hazard(event, known, as_of)
        low, high = curve.interval(AGES)
        final = final_share(AGES, curve.horizon)
        reverse.append((low <= final) & (final <= high))
        errors.append(np.asarray(curve.at(AGES)) - final)
        honest = as_of - rng.integers(0, 90 * DAY, 30 * len(event))
        seen = known <= as_of
        ages = np.concatenate([np.where(seen, known, as_of) - event, honest])
        observed = np.concatenate([seen, np.zeros(len(honest), bool)])
        other = kaplan_meier(ages, observed, relative=True)
        low, high = other.interval(AGES)
        kaplan.append(
            (low <= final_share(AGES, other.horizon)) & (final_share(AGES, other.horizon) <= high)
        )
    for covered in (np.array(reverse)[:, 1:], np.array(kaplan)[:, 1:]):
        assert 0.85 <= covered.mean() <= 0.97
        assert covered.mean(axis=0).min() >= 0.8
    assert np.abs(np.nanmean(errors, axis=0)).max() < 0.02


def test_delays_seen_alone_are_biased_fast_and_the_curve_is_not() -> None:
    event, known = world(np.random.default_rng(3), 60, 60)
    as_of = 60 * DAY
    seen = known <= as_of
    curve = reverse_hazard(event, known, as_of)
    final = final_share(AGES, curve.horizon)
    naive = np.array([(known - event <= age)[seen].mean() for age in AGES])
    at = 5
    assert naive[at] - final[at] > 0.1
    assert abs(np.asarray(curve.at(AGES))[at] - final[at]) < 0.05


def test_a_window_follows_delays_that_changed() -> None:
    rng = np.random.default_rng(4)
    event, known = world(rng, 150, 80, change=75, factor=0.4)
    # All delays since: 60 % about 4.8 days, 40 % about 16.
    delays = 0.4 * truth()
    whole = reverse_hazard(event, known, 150 * DAY, horizon=60 * DAY)
    recent = reverse_hazard(event, known, 150 * DAY, horizon=60 * DAY, window=28 * DAY)
    final = np.searchsorted(delays, 7 * DAY) / np.searchsorted(delays, 60 * DAY)
    assert abs(recent.at(7 * DAY) - final) < 0.05 < abs(whole.at(7 * DAY) - final)


def test_stable_delays_raise_few_alarms() -> None:
    rng = np.random.default_rng(11)
    flagged = 0
    for run in range(60):
        event, known = world(rng, 110, 15, together=1 + run % 2)
        flagged += delay_drift(event, known, 110 * DAY).first_flagged is not None
    assert flagged <= 5  # 3 are expected at most; more than 5 of 60 has a chance below 8 %


def test_a_jump_of_the_fraud_rate_is_no_drift_of_delays() -> None:
    rng = np.random.default_rng(12)
    for _ in range(10):
        early, late = world(rng, 60, 20), world(rng, 40, 50)
        event = np.concatenate([early[0], late[0] + 60 * DAY])
        known = np.concatenate([early[1], late[1] + 60 * DAY])
        assert not delay_drift(event, known, 100 * DAY).alarm


def test_stretched_delays_are_flagged_within_45_days() -> None:
    rng = np.random.default_rng(13)
    lags, factors = [], []
    for _ in range(25):
        event, known = world(rng, 90, 30, change=45)
        found = delay_drift(event, known, 90 * DAY)
        assert found.first_flagged is None or found.first_flagged > 45 * DAY
        lags.append(NEVER if found.first_flagged is None else found.first_flagged - 45 * DAY)
        factors.append(found.stretch[0])
        assert found.ratio[0] > 1
    assert np.mean(np.array(lags) <= 45 * DAY) >= 0.9
    assert 1.55 < np.median(factors) < 2.05


def test_shorter_delays_are_flagged_too() -> None:
    event, known = world(np.random.default_rng(14), 120, 40, change=75, factor=0.5)
    found = delay_drift(event, known, 120 * DAY)
    assert found.alarm
    assert found.ratio[2] < 1
    assert 0.4 < found.stretch[0] < 0.65
    assert found.stretch[2] < 1


def test_a_shift_between_sources_is_no_drift_within_them() -> None:
    rng = np.random.default_rng(15)
    event = np.sort(rng.integers(0, 120 * DAY, 6_000))
    slow = rng.random(6_000) < np.where(event < 70 * DAY, 0.2, 0.8)
    delay = np.where(slow, 20, 3) * np.exp(0.5 * rng.standard_normal(6_000))
    known = event + (delay * DAY).astype(np.int64)
    assert delay_drift(event, known, 120 * DAY).alarm
    assert not delay_drift(event, known, 120 * DAY, strata=slow.astype(np.int64)).alarm


def test_too_few_frauds_give_no_comparison() -> None:
    event, known = world(np.random.default_rng(16), 100, 1)
    for found in (
        delay_drift(event, known, 100 * DAY, at_least=100),
        delay_drift(event[:0], known[:0], 100 * DAY),
    ):
        assert not found.estimable
        assert not found.alarm
        assert found.as_dict()["hazard_ratio"] == {"estimate": None, "low": None, "high": None}


def test_nothing_later_than_the_instant_changes_the_comparison() -> None:
    rng = np.random.default_rng(17)
    event, known = world(rng, 120, 20, change=60)
    as_of = 95 * DAY
    before = delay_drift(event, known, as_of)
    later = (known > as_of) | (event > as_of)
    known = np.where(later, rng.integers(as_of + 1, 300 * DAY, len(known)), known)
    event = np.where(later, rng.integers(0, 300 * DAY, len(event)), event)
    shuffled = rng.permutation(len(event))
    assert delay_drift(event[shuffled], known[shuffled], as_of).as_dict() == before.as_dict()
