"""A nowcast as typed records."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lagmark.schema.time import from_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lagmark.monitoring.nowcast.alarm import Alarm

__all__ = ["Cohort", "CurvePoint", "Estimate", "Figure", "Nowcast", "Performance", "Span"]


@dataclass(frozen=True, slots=True)
class Estimate:
    """Final frauds of a cohort as one estimator sees them.

    Parameters
    ----------
    count, low, high
        Number of frauds, and the ends of its interval.
    rate, rate_low, rate_high
        The same over the cohort's events.
    value, value_low, value_high
        Amount of those frauds, in units of the currency.
    estimable
        Whether the figure is to be believed.
    reason
        Why not; empty otherwise.
    """

    count: float
    low: float
    high: float
    rate: float
    rate_low: float
    rate_high: float
    value: float
    value_low: float
    value_high: float
    estimable: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cohort:
    """Events of one UTC day.

    Parameters
    ----------
    day
        ISO date.
    age
        Days from its middle to ``as_of``.
    events
        Number of events.
    known_frauds, known_value
        Frauds known, and their amount.
    maturity
        Share known by now of its final frauds.
    mature
        Whether that share is above the stated level.
    estimates
        By estimator.
    """

    day: str
    age: float
    events: int
    known_frauds: int
    known_value: float
    maturity: float
    mature: bool
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Span:
    """Cohorts of a range of ages taken together; see :class:`Cohort`."""

    from_age: int
    to_age: int
    events: int
    known_frauds: int
    maturity: float
    mature: bool
    estimates: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure with its interval; NaN where there is none."""

    value: float
    low: float
    high: float
    estimable: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Performance:
    """The live model on cohorts of a range of ages.

    Parameters
    ----------
    from_age, to_age
        Ages in days, half-open.
    events, alerts
        Decided events, and alerts among them.
    precision, recall, pr_auc
        By estimator. Precision and recall are those of the alert threshold.
    """

    from_age: int
    to_age: int
    events: int
    alerts: int
    precision: Mapping[str, Figure]
    recall: Mapping[str, Figure]
    pr_auc: Mapping[str, Figure]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Share of final frauds known by an age in days, with its interval."""

    stratum: str
    age: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Nowcast:
    """What is known, at an instant, of the frauds nobody has reported yet.

    Parameters
    ----------
    as_of
        Microseconds since 1970 UTC.
    coverage
        Nominal coverage of the intervals.
    cohorts
        By day, oldest first.
    spans
        By range of ages, youngest first.
    performance
        By range of ages, youngest first; empty if the live model decided nothing.
    alarm
        Whether the estimators contradict each other.
    maturity
        Curve of each stratum.
    level
        Frauds found per fraud expected from the scores in older cohorts, by stratum; NaN if
        there are none.
    """

    as_of: int
    coverage: float
    cohorts: tuple[Cohort, ...]
    spans: tuple[Span, ...]
    performance: tuple[Performance, ...]
    alarm: Alarm
    maturity: tuple[CurvePoint, ...]
    level: Mapping[str, float]

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {
            "as_of": from_micros(self.as_of).isoformat(),
            "coverage": self.coverage,
            "cohorts": [asdict(cohort) for cohort in self.cohorts],
            "spans": [asdict(span) for span in self.spans],
            "performance": [asdict(part) for part in self.performance],
            "alarm": self.alarm.as_dict(),
            "maturity": [asdict(point) for point in self.maturity],
            "level": dict(self.level),
        }
