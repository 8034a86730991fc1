"""The log-rank comparison against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lagmark.labels.maturity.compare import compare

FRAUD = st.tuples(st.integers(0, 8), st.integers(0, 8), st.booleans(), st.integers(0, 1))


@given(st.lists(FRAUD, min_size=2, max_size=30))
def test_log_rank_as_plain_python_says(frauds: list[tuple[int, int, bool, int]]) -> None:
    # (delay, further age, group, stratum)
    score = variance = 0.0
    for stratum in (0, 1):
        mine = [(d, d + more, group) for d, more, group, s in frauds if s == stratum]
        for age in range(9):
            informed = [(d, group) for d, now, group in mine if d <= age <= now]
            n, n2 = len(informed), sum(group for _, group in informed)
            d = sum(delay == age for delay, _ in informed)
            d2 = sum(group for delay, group in informed if delay == age)
            if d:
                score += d2 - d * n2 / n
            if n > 1:
                variance += d * n2 * (n - n2) * (n - d) / (n * n * (n - 1))
    columns = [np.array(column) for column in zip(*frauds, strict=True)]
    delay, more, second, strata = columns
    found = compare(delay, delay + more, second, strata, z=1.645)
    if variance < 1e-12:
        assert math.isnan(found.z)
        return
    assert found.z == pytest.approx(score / math.sqrt(variance), abs=1e-9)
    assert found.low <= found.ratio <= found.high


@given(st.lists(FRAUD, min_size=2, max_size=30))
def test_variance_by_day_only_makes_the_test_more_careful(
    frauds: list[tuple[int, int, bool, int]],
) -> None:
    delay, more, second, strata = (np.array(column) for column in zip(*frauds, strict=True))
    plain = compare(delay, delay + more, second, strata, z=1.645)
    days = compare(delay, delay + more, second, strata, z=1.645, days=more)
    assume(not math.isnan(plain.z))
    assert abs(days.z) <= abs(plain.z) + 1e-9


def test_frauds_of_one_day_reported_together_count_as_less() -> None:
    rng = np.random.default_rng(2)
    day = np.repeat(np.arange(20), 50)
    delay = np.repeat(rng.integers(0, 100, 20), 50)
    second = day >= 10
    limit = np.full(1_000, 200)
    strata = np.zeros(1_000, np.int64)
    alone = compare(delay, limit, second, strata, z=1.645)
    together = compare(delay, limit, second, strata, z=1.645, days=day)
    assert abs(alone.z) > 2 * abs(together.z) > 0
