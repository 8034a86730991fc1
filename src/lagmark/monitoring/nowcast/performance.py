"""Precision, recall and PR-AUC of the live model before its labels are in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.result import Figure, Performance
from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.estimate import Context, Draws, Estimator
    from lagmark.monitoring.nowcast.observed import Observed

__all__ = ["average_precision", "joint_reason", "performance_of"]

_RESAMPLES = 100


def performance_of(
    observed: Observed,
    context: Context,
    estimators: Mapping[str, tuple[Estimator, Draws]],
    from_age: int,
    to_age: int,
    rng: np.random.Generator,
) -> Performance | None:
    """The live model on cohorts of some ages, by each estimator.

    True positives are the final frauds of the alerted strata, so precision and recall inherit
    draws, and noise, of the counts. PR-AUC weighs every event with the frauds it stands for.

    Parameters
    ----------
    observed, context, estimators
        What was seen, and what each estimator made of it.
    from_age, to_age
        Ages in days, half-open.
    rng
        Draws for the intervals of PR-AUC.

    Returns
    -------
    Performance or None
        ``None`` if the live model decided no event of those days.
    """
    cells = context.cells
    days = (cells.age >= from_age) & (cells.age < to_age)
    days &= cells.all.scored.sum(axis=1) >= 0.5 * np.maximum(cells.all.events.sum(axis=1), 1)
    if not days.any():
        return None
    events = cells.all.events[days]
    alerts = float(events[:, :2].sum())
    row = observed.event_time // DAY - cells.days[0]
    inside = days[row] & observed.scored
    order = np.argsort(-observed.probability[inside], kind="stable")
    falling = observed.probability[inside][order]
    flagged = np.searchsorted(-falling, -falling, side="right")
    precision, recall, area = {}, {}, {}
    for name, (estimator, draws) in estimators.items():
        reason = joint_reason(draws, days)
        good = not reason
        count, drawn = draws.count[days].sum(axis=0), draws.count_draws[:, days].sum(axis=1)
        precision[name] = _figure(
            count[:2].sum() / max(alerts, 1),
            drawn[:, :2].sum(axis=1) / max(alerts, 1),
            context.settings.coverage,
            good and alerts > 0,
            reason or ("" if alerts else "no alert"),
        )
        recall[name] = _figure(
            count[:2].sum() / max(count.sum(), 1e-9),
            drawn[:, :2].sum(axis=1) / np.maximum(drawn.sum(axis=1), 1e-9),
            context.settings.coverage,
            good and bool(count.sum() > 0),
            reason,
        )
        weights = estimator.weights(context, observed)[inside][order]
        area[name] = _area(weights, flagged, context.settings.coverage, good, reason, rng)
    return Performance(from_age, to_age, int(inside.sum()), int(alerts), precision, recall, area)


def joint_reason(draws: Draws, days: NDArray[np.bool_]) -> str:
    """Why days taken together are not estimable: if half of them or more are not.

    Parameters
    ----------
    draws
        Of one estimator.
    days
        Which cohorts, shape (D,).
    """
    texts = [draws.reasons[row] for row in np.flatnonzero(days)]
    given = [text for text in texts if text]
    return given[-1] if 2 * len(given) >= max(len(texts), 1) else ""


def average_precision(
    places: NDArray[np.int64], weights: NDArray[np.float64], flagged: NDArray[np.int64]
) -> float:
    """Area under precision and recall where events stand for some frauds.

    Parameters
    ----------
    places
        Positions of those events by falling score, increasing, shape (k,).
    weights
        Frauds that each stands for, shape (k,).
    flagged
        Events with the score of that position or a higher one, for every position, shape (n,).

    Returns
    -------
    float
        NaN if there is no fraud.

    Examples
    --------
    >>> average_precision(np.array([0, 2]), np.ones(2), np.array([1, 2, 3])).round(4)
    np.float64(0.8333)
    """
    total = weights.sum()
    if total <= 0:
        return float("nan")
    group = flagged[places]
    reached = np.cumsum(weights)[np.searchsorted(group, group, side="right") - 1]
    # Weights above one can add up to more frauds than there are events.
    return (weights * np.minimum(reached / group, 1.0)).sum() / total


def _area(
    weights: NDArray[np.float64],
    flagged: NDArray[np.int64],
    coverage: float,
    good: bool,
    reason: str,
    rng: np.random.Generator,
) -> Figure:
    """PR-AUC; whole frauds are weighed again, chances are drawn."""
    places = np.flatnonzero(weights > 0)
    if places.size == 0:
        return Figure(float("nan"), float("nan"), float("nan"), False, reason or "no fraud")
    point = average_precision(places, weights[places], flagged)
    sure = places[weights[places] >= 1]
    chances = places[weights[places] < 1]
    heap = np.cumsum(weights[chances])
    drawn = np.empty(_RESAMPLES)
    for index in range(_RESAMPLES):
        height = heap[-1] if heap.size else 0.0
        hit = rng.random(rng.poisson(height)) * height
        at = np.concatenate([sure, chances[np.searchsorted(heap, hit)]])
        size = np.concatenate(
            [weights[sure] * rng.standard_exponential(sure.size), np.ones(hit.size)]
        )
        order = np.argsort(at, kind="stable")
        drawn[index] = average_precision(at[order], size[order], flagged)
    return _figure(point, drawn[np.isfinite(drawn)], coverage, good, reason)


def _figure(
    value: float, drawn: NDArray[np.float64], coverage: float, good: bool, reason: str
) -> Figure:
    if drawn.size == 0:
        return Figure(float(value), float("nan"), float("nan"), False, reason or "no fraud")
    low, high = np.quantile(drawn, [(1 - coverage) / 2, (1 + coverage) / 2])
    clipped = min(max(float(value), 0.0), 1.0)
    ends = min(max(float(low), 0.0), 1.0), min(max(float(high), 0.0), 1.0)
    return Figure(clipped, *ends, good, "" if good else reason)
