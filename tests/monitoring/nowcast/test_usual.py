"""How weeks of fraud scatter, and what that does to the alarm and the combined figure."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lagmark.monitoring.nowcast import NowcastSettings
from lagmark.monitoring.nowcast.alarm import raise_alarm
from lagmark.monitoring.nowcast.cells import Cells, build_cells
from lagmark.monitoring.nowcast.drift import Drift
from lagmark.monitoring.nowcast.estimate import Context
from lagmark.monitoring.nowcast.estimators.combined import Combined
from lagmark.monitoring.nowcast.level import Level, fit_level
from lagmark.monitoring.nowcast.missing import around
from lagmark.monitoring.nowcast.usual import usual_rate, week_scatter
from lagmark.schema.time import DAY

from .worlds import START, make_world

SETTINGS = NowcastSettings(replicates=40)
CALM = Drift(0.0, False, 1.0, 100)


@cache
def seen(seed: int = 2) -> tuple[Cells, Level]:
    world = make_world(seed, days=150)
    cells = build_cells(world.at(START + 148 * DAY), SETTINGS, np.random.default_rng(0))
    return cells, fit_level(cells, SETTINGS)


def test_the_usual_rate_has_due_what_is_known() -> None:
    cells, _ = seen()
    usual = usual_rate(cells)
    assert usual is not None
    assert usual.weeks == 12
    late = cells.age < 28
    assert usual.due[0, late].sum() == pytest.approx(cells.all.known[late].sum(), rel=0.2)
    # Independent frauds: a week scatters no more than a Poisson count.
    assert usual.scatter < 0.02


def test_the_scatter_lies_between_its_two_witnesses() -> None:
    cells, level = seen()
    usual = usual_rate(cells)
    assert usual is not None
    heaped = replace(usual, scatter=0.2)
    own = replace(level, weekly_variance=np.array([0.1, 0.1, 0.4]))
    found = week_scatter(own, heaped)
    assert (found[:2] > 0.1).all()
    assert (found[:2] < 0.2).all()
    assert 0.2 < found[2] < 0.4
    assert (week_scatter(own, None) == own.weekly_variance).all()
    assert (week_scatter(replace(own, days=7), heaped) == own.weekly_variance).all()


def test_a_difference_counts_for_less_where_weeks_scatter() -> None:
    cells, level = seen()
    high = replace(level, ratio=level.ratio * 0.5)
    loose = replace(high, weekly_variance=np.full(3, 0.5))
    sharp = {
        (one.band, one.days): one.z
        for one in raise_alarm(cells, high, CALM, SETTINGS).disagreements
    }
    blunt = raise_alarm(cells, loose, CALM, SETTINGS).disagreements
    for one in blunt:
        if one.band != "usual":
            assert 0 < one.z < sharp[one.band, one.days]


def test_labels_of_a_week_move_all_of_its_days() -> None:
    """Twice the known frauds, with scores unmoved: the figure follows, but not all the way."""
    cells, level = seen()
    week = (cells.age >= 7) & (cells.age < 14)
    known = cells.all.known.copy()
    known[week] *= 2
    more = replace(cells, all=replace(cells.all, known=known))
    alarm = raise_alarm(cells, level, CALM, SETTINGS)
    loose = replace(level, weekly_variance=np.full(3, 0.1))
    stiff = replace(level, weekly_variance=np.zeros(3), relative_variance=np.zeros(3))

    def rest(of: Cells, told: Level) -> float:
        calm = replace(alarm, doubts_scores="", doubts_maturity="", delays="")
        context = Context(of, told, calm, SETTINGS)
        draws = Combined().estimate(context, np.random.default_rng(0))
        return float(draws.count[week, 2].sum() - of.all.known[week, 2].sum())

    assert rest(more, loose) > 1.15 * rest(cells, loose)
    assert rest(more, loose) < 2.0 * rest(cells, loose)
    grown = rest(more, stiff) / rest(cells, stiff)
    assert 1.0 <= grown < rest(more, loose) / rest(cells, loose)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), days=st.integers(1, 30), near=st.integers(0, 9))
def test_sums_around_a_day(seed: int, days: int, near: int) -> None:
    values = np.random.default_rng(seed).random((2, days, 3))
    slow = [values[:, max(0, day - near) : day + near + 1].sum(axis=1) for day in range(days)]
    np.testing.assert_allclose(around(values, near), np.stack(slow, axis=1))
