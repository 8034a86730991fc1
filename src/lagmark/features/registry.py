"""The aggregations that exist: one line each.

The kernel dispatches on a number, so that one compiled program serves every feature set.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lagmark.features.aggregations.count import Count
from lagmark.features.aggregations.decayed_sum import DecayedSum
from lagmark.features.aggregations.distance import Distance
from lagmark.features.aggregations.distinct import Distinct
from lagmark.features.aggregations.first_seen_age import FirstSeenAge
from lagmark.features.aggregations.fraud_count import FraudCount
from lagmark.features.aggregations.fraud_rate import FraudRate
from lagmark.features.aggregations.fraud_streak import FraudStreak
from lagmark.features.aggregations.fraud_streak_age import FraudStreakAge
from lagmark.features.aggregations.last import Last
from lagmark.features.aggregations.last_label import LastLabel
from lagmark.features.aggregations.maximum import Max
from lagmark.features.aggregations.mean import Mean
from lagmark.features.aggregations.minimum import Min
from lagmark.features.aggregations.new_entity import NewEntity
from lagmark.features.aggregations.quantile import Quantile
from lagmark.features.aggregations.rate import Rate
from lagmark.features.aggregations.ratio import Ratio
from lagmark.features.aggregations.speed import Speed
from lagmark.features.aggregations.std import Std
from lagmark.features.aggregations.sum import Sum
from lagmark.features.aggregations.time_since_fraud import TimeSinceFraud
from lagmark.features.aggregations.time_since_last import TimeSinceLast
from lagmark.features.aggregations.zscore import ZScore
from lagmark.features.kernel._jit import inlined, jit, part
from lagmark.features.kernel.layout import R_OP, R_OUT, ROW_TIME

if TYPE_CHECKING:
    from lagmark.features.definition import Aggregation
    from lagmark.features.kernel.arrays import Floats, Ints

__all__ = ["AGGREGATIONS", "read", "read_rows"]

AGGREGATIONS: tuple[type[Aggregation], ...] = (
    Count,
    Sum,
    Mean,
    Std,
    Max,
    Min,
    Last,
    Distinct,
    Rate,
    Ratio,
    ZScore,
    Quantile,
    DecayedSum,
    FirstSeenAge,
    TimeSinceLast,
    NewEntity,
    Distance,
    Speed,
    FraudCount,
    FraudRate,
    LastLabel,
    FraudStreak,
    FraudStreakAge,
    TimeSinceFraud,
)
"""All aggregations; the position of each is its ``OP``."""


def _choice(functions: list[Any], arguments: str) -> Any:
    """Choice among functions of the same arguments by the number ``r[j, R_OP]``.

    numba compiles no loop over functions, so the source is written here: one line for each.
    """
    lines = [f"def choose({arguments}):", "    op = r[j, R_OP]"]
    last = len(functions) - 1
    lines += [f"    if op == {i}: return f{i}({arguments})" for i in range(last)]
    lines += [f"    return f{last}({arguments})"]
    names = {"R_OP": R_OP} | {f"f{i}": function for i, function in enumerate(functions)}
    # Nothing but this module's own names goes in.
    exec("\n".join(lines), names)  # noqa: S102  # nosec B102
    return part(names["choose"], inside=True)


def _of_rows(read_one: Any) -> Any:
    """A read of one event as a loop over rows."""

    @part
    def read_all(
        mem: Ints,
        head: int,
        start: int,
        width: int,
        lows: Ints,
        highs: Ints,
        skip: int,
        xs: Ints,
        r: Ints,
        p: Floats,
        j: int,
        out: Floats,
        members: Ints,
        work: Ints,
    ) -> None:
        feature = r[j, R_OUT]
        for i in range(members.size):
            lo, hi, t = lows[i], highs[i] - skip, mem[start + (i + 1) * width + ROW_TIME]
            value = read_one(mem, head, start, width, lo, hi, t, xs[i], r, p, j, work)
            out[members[i], feature] = value

    return read_all


_reads = [sys.modules[kind.__module__].read for kind in AGGREGATIONS]
_choose = _choice(_reads, "mem, head, start, width, lo, hi, t, x, r, p, j, work")
_choose_rows = _choice(
    [
        # An aggregation may know a better way over all rows than one row after the other.
        getattr(sys.modules[kind.__module__], "read_rows", None) or _of_rows(one)
        for kind, one in zip(AGGREGATIONS, _reads, strict=True)
    ],
    "mem, head, start, width, lows, highs, skip, xs, r, p, j, out, members, work",
)


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
    value: float = _choose(mem, head, start, width, lo, hi, t, x, r, p, j, work)
    return value


@jit
def read_rows(
    mem: Ints,
    head: int,
    start: int,
    width: int,
    lows: Ints,
    highs: Ints,
    skip: int,
    xs: Ints,
    r: Ints,
    p: Floats,
    j: int,
    out: Floats,
    members: Ints,
    work: Ints,
) -> None:
    """Values of one aggregation for the events in rows 1, 2, 3 and so on of a log.

    Parameters
    ----------
    mem, head, start, width, r, p, j, work
        As for :func:`read`.
    lows, highs, skip
        Window of each event; its upper end is ``highs - skip``, excluded.
    xs
        The events, a row each.
    out, members
        Features of all events of the batch, a row each, and which of them these are.
    """
    _choose_rows(mem, head, start, width, lows, highs, skip, xs, r, p, j, out, members, work)
