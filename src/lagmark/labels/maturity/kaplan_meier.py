"""Share of payments with a fraud label by age, over all payments, young ones censored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.errors import DataError
from lagmark.labels.maturity.curve import Curve, not_estimable
from lagmark.labels.maturity.intervals import AT_LEAST, instants, loglog, two_sided

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["kaplan_meier"]

_METHOD = "kaplan_meier"
_OLD = 0.01
"""Share of the payments that must be as old: where few are, one fraud looks like many."""


def kaplan_meier(
    age: ArrayLike,
    observed: ArrayLike,
    *,
    relative: bool = False,
    horizon: int | None = None,
    at_least: int = AT_LEAST,
    confidence: float = 0.9,
) -> Curve:
    """Kaplan-Meier curve of the age at which a fraud label comes, with right censoring.

    A payment without a fraud label is censored at its present age: nothing is assumed of its
    future. Of labels and censorings at one age the labels come first. Intervals are Greenwood's
    on the scale of log(-log); before the first label they end at the exact binomial bound.

    Parameters
    ----------
    age
        Age at the fraud label, or present age where there is none, microseconds, shape (n,);
        negative ages count as 0.
    observed
        Whether there is a fraud label, shape (n,).
    relative
        Estimate the share of the labels that come within the horizon, instead of the share of all
        payments; its variance follows by the delta method.
    horizon
        Oldest age to estimate, microseconds; the oldest age that at least ``at_least`` payments
        and one payment in a hundred have reached when ``None``.
    at_least
        Payments that must have reached the horizon.
    confidence
        Of the pointwise intervals.

    Raises
    ------
    DataError
        If shapes or types do not fit.
    ConfigError
        If the confidence is not between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> curve = kaplan_meier(np.array([1, 2, 2, 4]), np.array([1, 0, 1, 0]) > 0, at_least=1)
    >>> curve.times.tolist(), curve.share.round(3).tolist()
    ([0, 1, 2], [0.0, 0.25, 0.5])
    """
    z = two_sided(confidence)
    ages = np.maximum(instants(age, "age"), 0)
    seen = np.asarray(observed)
    if seen.dtype != np.bool_ or seen.shape != ages.shape:
        raise DataError(
            f"{seen.shape} of {seen.dtype} for {len(ages)} ages",
            where="observed",
            hint="give one boolean per age",
        )

    def nothing(reason: str) -> Curve:
        return not_estimable(_METHOD, len(ages), reason, confidence=confidence, relative=relative)

    if len(ages) == 0:
        return nothing("there are no payments")
    reached = np.sort(ages)
    needed = max(at_least, int(np.ceil(_OLD * len(ages))), 1)
    if needed > len(ages):
        return nothing(f"only {len(ages)} payments, {at_least} are needed")
    oldest = int(reached[len(ages) - needed])
    limit = oldest if horizon is None else int(horizon)
    if limit > oldest:
        return nothing("too few payments are as old as the horizon")
    times, labels = np.unique(ages[seen & (ages <= limit)], return_counts=True)
    if len(times) == 0:
        return nothing("no fraud label came within the horizon")
    at_risk = len(ages) - np.searchsorted(reached, times, side="left")
    spared = at_risk - labels
    with np.errstate(divide="ignore"):
        hazard = -np.cumsum(np.log1p(-labels / at_risk))
        variance = np.cumsum(labels / (at_risk * np.maximum(spared, 0).astype(np.float64)))
    floor = -np.log((1 - confidence) / 2)
    if relative:
        last = len(ages) - int(np.searchsorted(reached, limit, side="left"))
        share, low, high = _of_final(hazard, variance, z, floor / last)
        first = float(high[0])
    else:
        share = -np.expm1(-hazard)
        least, most = loglog(hazard, variance, z)
        low, high = (np.nan_to_num(-np.expm1(-part), nan=1.0) for part in (least, most))
        first = float(-np.expm1(-floor / at_risk[0]))
    if times[0] > 0:
        times, labels = np.insert(times, 0, 0), np.insert(labels, 0, 0)
        at_risk = np.insert(at_risk, 0, len(ages))
        share, low = np.insert(share, 0, 0.0), np.insert(low, 0, 0.0)
        high = np.insert(high, 0, first)
    return Curve(
        _METHOD,
        times,
        share,
        low,
        np.maximum.accumulate(high),
        at_risk.astype(np.int64),
        labels.astype(np.int64),
        limit,
        len(ages),
        confidence,
        relative,
    )


def _of_final(
    hazard: NDArray[np.float64], variance: NDArray[np.float64], z: float, unseen: float
) -> tuple[NDArray[np.float64], ...]:
    """Share of the labels of the last age that are known, and its interval.

    With S = exp(-hazard), the share is (1 - S(a)) / (1 - S(h)); hazards over disjoint ages are
    independent, which gives the variance of its logarithm.

    Parameters
    ----------
    hazard, variance
        At each label, shape (k,).
    z
        Normal quantile.
    unseen
        Hazard that may be hidden after the last label.
    """
    final, spread = hazard[-1], variance[-1]
    if not np.isfinite(final):
        share = -np.expm1(-hazard)
        return share, np.zeros_like(share), np.ones_like(share)
    share = np.expm1(-hazard) / np.expm1(-final)
    late = 1 / np.expm1(final)
    now = late - 1 / np.expm1(hazard)
    logs = now**2 * variance + late**2 * np.maximum(spread - variance, 0.0)
    most, least = loglog(-np.log(np.minimum(share, 1.0)), logs, z)
    low, high = np.exp(-least), np.exp(-most)
    low = np.minimum(low, np.expm1(-hazard) / np.expm1(-(final + unseen)))
    return share, np.minimum.accumulate(low[::-1])[::-1], high
