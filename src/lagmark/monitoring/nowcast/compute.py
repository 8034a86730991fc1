"""The nowcast itself: from what was seen to figures with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.alarm import raise_alarm
from lagmark.monitoring.nowcast.cells import build_cells
from lagmark.monitoring.nowcast.drift import find_drift
from lagmark.monitoring.nowcast.estimate import Context
from lagmark.monitoring.nowcast.estimators.registry import ESTIMATORS
from lagmark.monitoring.nowcast.level import fit_level
from lagmark.monitoring.nowcast.observed import STRATA
from lagmark.monitoring.nowcast.performance import joint_reason, performance_of
from lagmark.monitoring.nowcast.result import Cohort, CurvePoint, Estimate, Nowcast, Span
from lagmark.monitoring.nowcast.settings import NowcastSettings
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.cells import Cells
    from lagmark.monitoring.nowcast.estimate import Draws, Estimator
    from lagmark.monitoring.nowcast.observed import Observed

__all__ = ["SPANS", "nowcast"]

SPANS = ((0, 7), (7, 14), (14, 28), (28, 56))
"""Ranges of ages in days that are taken together, half-open."""

_AGES = (0.25, 0.5, 1, 2, 3, 5, 7, 10, 14, 21, 28, 42, 56, 70, 84, 112, 140, 182)


def nowcast(observed: Observed, settings: NowcastSettings | None = None) -> Nowcast:
    """Final frauds of every cohort and the live model's figures, before the labels are in.

    Parameters
    ----------
    observed
        Events that had arrived, and what was known of them.
    settings
        Windows and levels; the defaults otherwise.

    Returns
    -------
    Nowcast
        The same for the same arguments, bit for bit.
    """
    settings = settings or NowcastSettings()
    rng = np.random.default_rng(settings.seed)
    cells = build_cells(observed, settings, rng)
    level = fit_level(cells, settings)
    drift = find_drift(observed)
    context = Context(cells, level, raise_alarm(cells, level, drift, settings), settings)
    found = {one.name: (one, one.estimate(context, rng)) for one in ESTIMATORS}
    spans = tuple(
        _span(context, found, start, end)
        for start, end in SPANS
        if ((cells.age >= start) & (cells.age < end)).any()
    )
    performance = (
        performance_of(observed, context, found, start, end, rng) for start, end in SPANS
    )
    return Nowcast(
        as_of=observed.as_of,
        coverage=settings.coverage,
        cohorts=tuple(_cohorts(context, found)),
        spans=spans,
        performance=tuple(part for part in performance if part is not None),
        alarm=context.alarm,
        maturity=tuple(_curve(cells, settings.coverage)),
        level={
            name: float(level.ratio[0, index]) if level.days else float("nan")
            for index, name in enumerate(STRATA)
        },
    )


def _cohorts(context: Context, found: Mapping[str, tuple[Estimator, Draws]]) -> list[Cohort]:
    cells, settings = context.cells, context.settings
    events = cells.all.events.sum(axis=1)
    cohorts = []
    for row in range(max(0, cells.days.size - settings.cohorts), cells.days.size):
        if not events[row]:
            continue
        only = np.zeros(cells.days.size, dtype=bool)
        only[row] = True
        cohorts.append(
            Cohort(
                day=from_micros(int(cells.days[row]) * DAY).date().isoformat(),
                age=float(cells.age[row]),
                events=int(events[row]),
                known_frauds=int(cells.all.known[row].sum()),
                known_value=float(cells.all.known_value[row].sum()),
                maturity=float(cells.maturity[row]),
                mature=bool(cells.maturity[row] >= settings.mature),
                estimates=_estimates(context, found, only),
            )
        )
    return cohorts


def _span(
    context: Context, found: Mapping[str, tuple[Estimator, Draws]], start: int, end: int
) -> Span:
    cells = context.cells
    days = (cells.age >= start) & (cells.age < end)
    events = cells.all.events[days].sum(axis=1)
    maturity = float((cells.maturity[days] * events).sum() / max(events.sum(), 1.0))
    return Span(
        from_age=start,
        to_age=end,
        events=int(events.sum()),
        known_frauds=int(cells.all.known[days].sum()),
        maturity=maturity,
        mature=maturity >= context.settings.mature,
        estimates=_estimates(context, found, days),
    )


def _estimates(
    context: Context, found: Mapping[str, tuple[Estimator, Draws]], days: NDArray[np.bool_]
) -> dict[str, Estimate]:
    events = float(context.cells.all.events[days].sum())
    return {
        name: _estimate(draws, days, events, context.settings.coverage)
        for name, (_, draws) in found.items()
    }


def _estimate(draws: Draws, days: NDArray[np.bool_], events: float, coverage: float) -> Estimate:
    ends = [(1 - coverage) / 2, (1 + coverage) / 2]
    count = float(draws.count[days].sum())
    low, high = np.quantile(draws.count_draws[:, days].sum(axis=(1, 2)), ends).tolist()
    value_low, value_high = np.quantile(draws.value_draws[:, days].sum(axis=1), ends).tolist()
    reason = joint_reason(draws, days)
    scale = max(events, 1.0)
    return Estimate(
        count=count,
        low=low,
        high=high,
        rate=count / scale,
        rate_low=low / scale,
        rate_high=high / scale,
        value=float(draws.value[days].sum()),
        value_low=value_low,
        value_high=value_high,
        estimable=not reason,
        reason=reason,
    )


def _curve(cells: Cells, coverage: float) -> list[CurvePoint]:
    points = []
    ends = [(1 - coverage) / 2, (1 + coverage) / 2]
    for name, development, events in zip(
        STRATA, cells.developments, cells.all.events.sum(axis=0), strict=True
    ):
        for age in _AGES:
            hour = int(age * 24)
            if not events or hour >= development.share.size:
                continue
            low, high = np.quantile(development.replicates[:, hour], ends).tolist()
            points.append(CurvePoint(name, float(age), float(development.share[hour]), low, high))
    return points
