"""How a share of labels known grows with age: a step function with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from lagmark.schema.time import DAY

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Curve", "Delay", "not_estimable"]


@dataclass(frozen=True, slots=True)
class Delay:
    """Age by which a share of the labels is known, microseconds.

    Parameters
    ----------
    age
        Estimate; ``None`` where the curve does not reach the share.
    low, high
        Ends of its interval; ``None`` where the curve's interval does not say.
    """

    age: int | None
    low: int | None
    high: int | None

    def as_dict(self) -> dict[str, float | None]:
        """The three ages in days."""
        return {
            name: None if value is None else value / DAY
            for name, value in (("days", self.age), ("low", self.low), ("high", self.high))
        }


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """Share of labels known by age.

    Parameters
    ----------
    method
        ``"reverse_hazard"``: of the frauds whose label comes within ``horizon``, the share whose
        label has come; ``"kaplan_meier"``: of all payments, the share with a fraud label, or
        relative to the share at ``horizon`` when ``relative``.
    times
        Ages at which the share changes, microseconds, increasing from 0, shape (k,).
    share, low, high
        Estimate from each age on, and its pointwise interval, shape (k,); NaN where it cannot be
        estimated.
    at_risk, labels
        Cases that inform each age, and labels that came at it, shape (k,).
    horizon
        Oldest age that is estimated, microseconds.
    cases
        Payments or frauds that went in.
    confidence
        Nominal coverage of the intervals.
    relative
        Whether the share is 1 at the horizon.
    reason
        Why nothing can be estimated; empty if it can.
    """

    method: str
    times: NDArray[np.int64]
    share: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    labels: NDArray[np.int64]
    horizon: int
    cases: int
    confidence: float
    relative: bool
    reason: str = ""

    @property
    def estimable(self) -> bool:
        """Whether there is an estimate at all."""
        return not self.reason

    @property
    def median(self) -> Delay:
        """Age by which half of the labels is known."""
        return self.quantile(0.5)

    @overload
    def at(self, age: float) -> float: ...
    @overload
    def at(self, age: NDArray[Any]) -> NDArray[np.float64]: ...
    def at(self, age: ArrayLike) -> float | NDArray[np.float64]:
        """Share known at ages in microseconds, of the shape of ``age``.

        Below 0 it is 0. Beyond the horizon a relative curve is 1 by its definition, and any other
        is NaN; so is everything that cannot be estimated.
        """
        return self._read(self.share, age)

    def interval(self, age: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Lower and upper ends of the interval at ages in microseconds."""
        low, high = self._read(self.low, age), self._read(self.high, age)
        return np.asarray(low), np.asarray(high)

    def quantile(self, share: float) -> Delay:
        """Age by which a share is known, with the interval that the curve's interval implies.

        Parameters
        ----------
        share
            In (0, 1].
        """
        return Delay(*(self._reach(values, share) for values in (self.share, self.high, self.low)))

    def as_dict(self, points: int = 200) -> dict[str, Any]:
        """Record for JSON, with at most about ``points`` steps of the curve."""
        picked = self._thin(points)
        median = self.median.as_dict() if self.relative else None
        return {
            "method": self.method,
            "estimable": self.estimable,
            "reason": self.reason,
            "cases": self.cases,
            "labels": int(self.labels.sum()),
            "confidence": self.confidence,
            "relative": self.relative,
            "horizon_days": self.horizon / DAY if self.estimable else None,
            "median_delay": median,
            "curve": [
                {
                    "age_days": int(self.times[k]) / DAY,
                    "share": _number(self.share[k]),
                    "low": _number(self.low[k]),
                    "high": _number(self.high[k]),
                    "at_risk": int(self.at_risk[k]),
                }
                for k in picked
            ],
        }

    def _read(self, values: NDArray[np.float64], age: ArrayLike) -> float | NDArray[np.float64]:
        ages = np.asarray(age)
        if not self.estimable:
            found = np.full(ages.shape, np.nan)
        else:
            step = np.searchsorted(self.times, ages, side="right") - 1
            found = np.where(step < 0, 0.0, values[np.maximum(step, 0)])
            beyond = 1.0 if self.relative else np.nan
            limit = ages >= self.horizon if self.relative else ages > self.horizon
            found = np.where(limit, beyond, found)
        return float(found) if ages.ndim == 0 else found

    def _reach(self, values: NDArray[np.float64], share: float) -> int | None:
        """First age at which a step function is at least ``share``."""
        reached = np.flatnonzero(values >= share)
        if not self.estimable or (len(reached) == 0 and not self.relative):
            return None
        return int(self.times[reached[0]]) if len(reached) else self.horizon

    def _thin(self, points: int) -> NDArray[np.int64]:
        """Steps that stand for the curve: evenly spread over the share and over the age."""
        size = len(self.times)
        if size <= points:
            return np.arange(size)
        half = points // 2
        sound = np.flatnonzero(~np.isnan(self.share))
        levels = np.linspace(self.share[sound[0]], self.share[sound[-1]], half)
        by_share = sound[np.minimum(np.searchsorted(self.share[sound], levels), len(sound) - 1)]
        ages = np.linspace(self.times[0], self.times[-1], half)
        by_age = np.minimum(np.searchsorted(self.times, ages), size - 1)
        return np.unique(np.concatenate([[0, size - 1], by_share, by_age]))


def not_estimable(
    method: str, cases: int, reason: str, *, confidence: float, relative: bool
) -> Curve:
    """Curve that says why there is none."""
    none, counts = np.empty(0), np.empty(0, np.int64)
    return Curve(
        method, counts, none, none, none, counts, counts, 0, cases, confidence, relative, reason
    )


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
