"""Figures over seeds with Student's interval: means, and ratios of sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CONFIDENCE", "Interval", "Pooled", "over_seeds"]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and the ends of its interval; ``None`` where there is none.

    Parameters
    ----------
    value
        The figure over the seeds.
    low, high
        Ends of the interval.
    """

    value: float | None
    low: float | None = None
    high: float | None = None


def over_seeds(values: Sequence[float | None]) -> Interval:
    """Mean of one value per seed with Student's interval; seeds without a value are left out."""
    known = np.array([value for value in values if value is not None], dtype=np.float64)
    if known.size == 0:
        return Interval(None)
    return _student(float(known.mean()), known)


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Sum over sum of the seeds, or a difference or quotient of such ratios.

    The mean of the seeds' own ratios is too high where the denominators are few and differ: a
    seed with half the frauds counts twice. The ratio of the sums weighs every fraud alike. Its
    error follows from what each seed adds to it to first order (Cochran 1977, chapter 6), and
    what two policies share on a seed drops out of their difference or quotient.

    Parameters
    ----------
    value
        The ratio.
    influence
        What each seed moves it by, times the number of seeds, shape (seeds,).
    """

    value: float
    influence: NDArray[np.float64]

    @classmethod
    def of(cls, tops: Sequence[float], bottoms: Sequence[float]) -> Pooled | None:
        """Ratio of the sums of one numerator and one denominator per seed; ``None`` over 0.

        Examples
        --------
        >>> Pooled.of([10, 30], [10, 20]).value
        1.3333333333333333
        """
        top, bottom = np.asarray(tops, np.float64), np.asarray(bottoms, np.float64)
        whole = float(bottom.sum())
        if whole == 0:
            return None
        value = float(top.sum()) / whole
        return cls(value, (top - value * bottom) / bottom.mean())

    def __bool__(self) -> bool:
        return self.value != 0

    def __sub__(self, other: Pooled) -> Pooled:
        return Pooled(self.value - other.value, self.influence - other.influence)

    def __truediv__(self, other: Pooled) -> Pooled:
        value = self.value / other.value
        return Pooled(value, (self.influence - value * other.influence) / other.value)

    def interval(self) -> Interval:
        """The ratio with Student's interval."""
        return _student(self.value, self.influence)


def _student(value: float, spread: NDArray[np.float64]) -> Interval:
    """Value with the interval of a mean of which every seed has its share."""
    if spread.size == 1:
        return Interval(value)
    from scipy.stats import t

    half = float(t.ppf(0.5 + CONFIDENCE / 2, spread.size - 1)) * float(
        spread.std(ddof=1) / np.sqrt(spread.size)
    )
    return Interval(value, value - half, value + half)
