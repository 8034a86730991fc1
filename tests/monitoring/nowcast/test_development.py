"""The maturity curve against a slow and obvious one, and against the delays it came from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lagmark.monitoring.nowcast.development import develop
from lagmark.schema.time import DAY, HOUR


def plain(times: list[int], delays: list[int], as_of: int, window: int, age: float) -> float:
    """Product over labels above an age of what is left, each over its own risk set."""
    share = 1.0
    hits = {d for t, d in zip(times, delays, strict=True) if as_of - window < t + d <= as_of}
    for wait in sorted(hits):
        at_risk = [
            d
            for t, d in zip(times, delays, strict=True)
            if d <= wait and as_of - window < t + wait <= as_of
        ]
        died = [
            d
            for t, d in zip(times, delays, strict=True)
            if d == wait and as_of - window < t + wait <= as_of
        ]
        if wait > age:
            share *= 1 - len(died) / len(at_risk)
    return share if hits and age >= min(hits) else 0.0


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=25),
    st.integers(5, 70),
)
def test_it_is_the_product_over_risk_sets(pairs: list[tuple[int, int]], window: int) -> None:
    as_of = 60
    known = [(time, delay) for time, delay in pairs if time + delay <= as_of]
    if not known:
        return
    times = np.array([time for time, _ in known]) * DAY
    delays = np.array([delay for _, delay in known]) * DAY
    found = develop(
        times,
        delays,
        as_of=as_of * DAY,
        window=window * DAY,
        hours=61 * 24,
        cluster_weights=np.ones((2, 61)),
        first_day=0,
    )
    for hour in (0, 23, 100, 500, 1000, 1400):
        age = (hour + 0.5) * HOUR
        expected = plain(times.tolist(), delays.tolist(), as_of * DAY, window * DAY, age)
        assert found.share[hour] == pytest.approx(expected, abs=1e-9)
        assert found.replicates[:, hour] == pytest.approx(expected, abs=1e-9)


def test_it_finds_the_delays_although_only_labelled_frauds_are_seen() -> None:
    rng = np.random.default_rng(5)
    time = (rng.random(40_000) * 200 * DAY).astype(np.int64)
    delay = (np.exp(np.log(15) + 0.6 * rng.standard_normal(time.size)) * DAY).astype(np.int64)
    seen = time + delay <= 200 * DAY
    drawn = rng.standard_exponential((100, 201))
    found = develop(
        time[seen],
        delay[seen],
        as_of=200 * DAY,
        window=28 * DAY,
        hours=201 * 24,
        cluster_weights=drawn,
        first_day=0,
    )
    for days in (5, 10, 15, 25, 40):
        truth = float((delay <= days * DAY).mean())
        spread = found.replicates[:, days * 24].std()
        assert 0 < spread < 0.05
        assert abs(found.share[days * 24] - truth) < 4 * spread + 0.01
    naive = float((delay[seen & (time > 170 * DAY)] <= 10 * DAY).mean())
    assert naive > found.share[240] + 0.15
