"""The aggregations that exist: one line each.

The kernel dispatches on a number, so that one compiled program serves every feature set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lagmark.features.aggregations import (
    count,
    decayed_sum,
    distance,
    distinct,
    first_seen_age,
    fraud_count,
    fraud_rate,
    fraud_streak,
    fraud_streak_age,
    last,
    last_label,
    maximum,
    mean,
    minimum,
    new_entity,
    quantile,
    rate,
    ratio,
    speed,
    std,
    time_since_fraud,
    time_since_last,
    zscore,
)
from lagmark.features.aggregations import sum as sum_
from lagmark.features.kernel._jit import inlined
from lagmark.features.kernel.layout import R_OP

if TYPE_CHECKING:
    from lagmark.features.definition import Aggregation
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["AGGREGATIONS", "read"]

AGGREGATIONS: tuple[type[Aggregation], ...] = (
    count.Count,
    sum_.Sum,
    mean.Mean,
    std.Std,
    maximum.Max,
    minimum.Min,
    last.Last,
    distinct.Distinct,
    rate.Rate,
    ratio.Ratio,
    zscore.ZScore,
    quantile.Quantile,
    decayed_sum.DecayedSum,
    first_seen_age.FirstSeenAge,
    time_since_last.TimeSinceLast,
    new_entity.NewEntity,
    distance.Distance,
    speed.Speed,
    fraud_count.FraudCount,
    fraud_rate.FraudRate,
    last_label.LastLabel,
    fraud_streak.FraudStreak,
    fraud_streak_age.FraudStreakAge,
    time_since_fraud.TimeSinceFraud,
)
"""All aggregations; the position of each is its ``OP``."""

_count = count.read
_sum = sum_.read
_mean = mean.read
_std = std.read
_maximum = maximum.read
_minimum = minimum.read
_last = last.read
_distinct = distinct.read
_rate = rate.read
_ratio = ratio.read
_zscore = zscore.read
_quantile = quantile.read
_decayed_sum = decayed_sum.read
_first_seen_age = first_seen_age.read
_time_since_last = time_since_last.read
_new_entity = new_entity.read
_distance = distance.read
_speed = speed.read
_fraud_count = fraud_count.read
_fraud_rate = fraud_rate.read
_last_label = last_label.read
_fraud_streak = fraud_streak.read
_fraud_streak_age = fraud_streak_age.read
_time_since_fraud = time_since_fraud.read


@inlined
def read(
    mem: Ints,
    head: int,
    start: int,
    width: int,
    lo: int,
    hi: int,
    t: int,
    x: Ints,
    r: Ints,
    p: Floats,
    j: int,
    work: Ints,
) -> float:
    """Value of one aggregation over rows lo..hi-1 of a log.

    Parameters
    ----------
    mem
        Memory, shape (cells,), int64.
    head, start, width
        Cell of the key value's head, cell of row 0 of its log, cells of a row.
    lo, hi
        Selected rows, the upper end excluded.
    t
        Time of the event, microseconds.
    x
        The event, shape (fields,), int64.
    r, p, j
        Integer and float parameters of all features, and the row of this one.
    work
        Scratch memory, int64.
    """
    op = r[j, R_OP]
    if op == 0:
        return _count(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 1:
        return _sum(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 2:
        return _mean(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 3:
        return _std(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 4:
        return _maximum(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 5:
        return _minimum(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 6:
        return _last(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 7:
        return _distinct(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 8:
        return _rate(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 9:
        return _ratio(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 10:
        return _zscore(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 11:
        return _quantile(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 12:
        return _decayed_sum(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 13:
        return _first_seen_age(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 14:
        return _time_since_last(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 15:
        return _new_entity(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 16:
        return _distance(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 17:
        return _speed(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 18:
        return _fraud_count(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 19:
        return _fraud_rate(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 20:
        return _last_label(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 21:
        return _fraud_streak(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 22:
        return _fraud_streak_age(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    if op == 23:
        return _time_since_fraud(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    return 0.0
