"""Whether labels come later (or sooner) than they used to."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError
from lagmark.labels.maturity.compare import Comparison, compare, stretch
from lagmark.labels.maturity.intervals import instants, two_sided
from lagmark.schema.time import DAY, from_micros

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DelayDrift", "delay_drift"]

_BEFORE = 7 * DAY
"""What must lie before the first recent period."""


@dataclass(frozen=True, slots=True)
class DelayDrift:
    """Delays of recent frauds against those of frauds before, as of an instant.

    Parameters
    ----------
    as_of, split
        The instant, and where the recent frauds begin, microseconds UTC.
    ratio
        Reverse-time hazard of recent frauds over earlier ones, then both ends of its interval:
        above 1 where labels come later than they did. NaN where nothing can be compared.
    stretch
        Factor by which delays have become longer, then both ends of its interval; NaN where it
        cannot be told.
    p_value, limit
        Of the test at ``as_of``, and what it must fall below for an alarm.
    alarm
        Whether it does.
    first_flagged
        First look that gave an alarm, microseconds UTC; ``None`` if none did.
    looks
        Looks from the first possible one to ``as_of``.
    labels
        Labels of recent frauds that were compared.
    confidence
        Of the intervals.
    """

    as_of: int
    split: int
    ratio: tuple[float, float, float]
    stretch: tuple[float, float, float]
    p_value: float
    limit: float
    alarm: bool
    first_flagged: int | None
    looks: int
    labels: int
    confidence: float

    @property
    def estimable(self) -> bool:
        """Whether there was anything to compare."""
        return not np.isnan(self.p_value)

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON: instants as ISO 8601 text, ``None`` for what cannot be told."""

        def number(value: float) -> float | None:
            return None if np.isnan(value) else value

        def triple(values: tuple[float, float, float]) -> dict[str, float | None]:
            return dict(zip(("estimate", "low", "high"), map(number, values), strict=True))

        return {
            "as_of": _iso(self.as_of),
            "recent_from": _iso(self.split),
            "estimable": self.estimable,
            "hazard_ratio": triple(self.ratio),
            "stretch": triple(self.stretch),
            "p_value": number(self.p_value),
            "p_limit": self.limit,
            "alarm": self.alarm,
            "first_flagged": None if self.first_flagged is None else _iso(self.first_flagged),
            "looks": self.looks,
            "labels": self.labels,
            "confidence": self.confidence,
        }


def delay_drift(
    event_time: ArrayLike,
    known_at: ArrayLike,
    as_of: int,
    *,
    strata: ArrayLike | None = None,
    recent: int = 42 * DAY,
    reference: int = 90 * DAY,
    at_least: int = 30,
    alpha: float = 0.05,
    planned: int = 90,
    confidence: float = 0.9,
) -> DelayDrift:
    """Comparison of recent delays with earlier ones, looked at day by day up to an instant.

    A look at ``t`` uses what was known at ``t``: frauds of the last ``recent`` microseconds against
    those of the ``reference`` microseconds before them, by the log-rank test on reverse-time
    hazards, which needs no label to be waited for. The first look comes a week after the first
    ``recent``. The p-value that gives an alarm is set so that ``planned`` daily looks together
    raise a false one with a probability of about ``alpha`` (looks that share most of their frauds
    are hardly new: Siegmund, Sequential Analysis, 1985, on the maximum of such a process).

    Parameters
    ----------
    event_time, known_at
        Microseconds UTC, shape (n,): the event and its first fraud label; what is later than
        ``as_of`` (``NEVER``, say) is not seen.
    as_of
        Instant of the last look, microseconds UTC.
    strata
        Integer codes, shape (n,), within which delays are compared; one stratum when ``None``.
        Give the source where there are several: a shift between quick and slow ones is then no
        drift, and the drift of one does not drown in the spread of all.
    recent, reference
        Lengths of the two periods, microseconds.
    at_least
        Labels that each period must have for a look to count.
    alpha, planned
        Probability of a false alarm, and number of daily looks it is meant for.
    confidence
        Of the intervals of ratio and stretch.

    Raises
    ------
    DataError
        If shapes or types do not fit.
    ConfigError
        If the confidence is not between 0 and 1.
    """
    z = two_sided(confidence)
    happened = instants(event_time, "event_time")
    known = instants(known_at, "known_at", len(happened))
    codes = np.zeros(len(happened), np.int64)
    if strata is not None:
        codes = instants(strata, "strata", len(happened))
    if recent <= 0 or reference <= 0 or planned < 1:
        raise DataError(
            "a period or the number of looks is not positive",
            where="delay_drift",
            hint="give lengths in microseconds and at least one look",
        )
    order = np.argsort(happened, kind="stable")
    order = order[(happened[order] <= as_of) & (known[order] <= as_of)]
    happened, known, codes = happened[order], known[order], codes[order]
    limit = _p_limit(alpha, planned, recent)
    begin = int(happened[0]) + recent + _BEFORE if len(happened) else as_of + 1
    looks = np.arange(as_of, begin - 1, -DAY)[::-1].tolist()
    first, found, factor = None, _NOTHING, (np.nan,) * 3
    for moment in looks:
        seen = _look(happened, known, codes, moment, recent, reference, at_least)
        if seen is None or (first is not None and moment != as_of):
            continue
        days = seen[1] // DAY
        told = compare(*seen, z=z, days=days)
        if first is None and told.p_value < limit:
            first = moment
        if moment == as_of:
            found, factor = told, stretch(*seen, z=z, days=days)
    return DelayDrift(
        as_of,
        as_of - recent,
        (found.ratio, found.low, found.high),
        (factor[0], factor[1], factor[2]),
        found.p_value,
        limit,
        bool(found.p_value < limit),
        first,
        len(looks),
        found.labels,
        confidence,
    )


_NOTHING = Comparison(np.nan, np.nan, np.nan, np.nan, np.nan, 0)


def _p_limit(alpha: float, planned: int, recent: int) -> float:
    """P-value whose boundary ``planned`` daily looks cross by chance with probability ``alpha``.

    Statistics of two looks ``h`` days apart correlate about ``1 - h * rate``; for such a process
    the chance of crossing ``c`` is ``2 c pdf(c) rate * planned * nu + 2 cdf(-c)`` with the
    correction ``nu = exp(-0.583 c sqrt(2 rate))`` for looking once a day.
    """
    normal = NormalDist()
    rate = 2 * DAY / recent

    def chance(c: float) -> float:
        nu = math.exp(-0.583 * c * math.sqrt(2 * rate))
        return 2 * c * normal.pdf(c) * rate * planned * nu + 2 * normal.cdf(-c)

    low, high = 1.0, 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) > alpha else (low, middle)
    return 2 * normal.cdf(-high)


_Look = tuple["NDArray[np.int64]", "NDArray[np.int64]", "NDArray[np.bool_]", "NDArray[np.int64]"]


def _look(
    happened: NDArray[np.int64],
    known: NDArray[np.int64],
    codes: NDArray[np.int64],
    moment: int,
    recent: int,
    reference: int,
    at_least: int,
) -> _Look | None:
    """Delays, ages, period and stratum of the frauds seen at a look."""
    ends = np.searchsorted(happened, [moment - recent - reference, moment], side="right")
    rows = np.arange(ends[0], ends[1])
    rows = rows[known[rows] <= moment]
    delay, age = np.maximum(known[rows] - happened[rows], 0), moment - happened[rows]
    # Recent frauds say nothing of longer delays, so earlier frauds with such say nothing here.
    use = delay <= recent
    rows, delay, age = rows[use], delay[use], age[use]
    late = happened[rows] > moment - recent
    if min(late.sum(), (~late).sum()) < at_least:
        return None
    return delay, age, late, codes[rows]


def _iso(micros: int) -> str:
    return from_micros(micros).isoformat().replace("+00:00", "Z")
