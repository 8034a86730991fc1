"""Events and known frauds by cohort day and stratum, with the maturity of each cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.development import Development, develop
from lagmark.monitoring.nowcast.dispersion import thinning_dispersion
from lagmark.monitoring.nowcast.missing import missing_mean
from lagmark.monitoring.nowcast.observed import STRATA
from lagmark.schema.time import DAY, HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.observed import Observed
    from lagmark.monitoring.nowcast.settings import NowcastSettings

__all__ = ["Cells", "Sums", "build_cells"]

_GROUPS = 8
"""Most different propensities that are kept apart."""


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the events of each cell, float64, shape (days, strata).

    Parameters
    ----------
    events, scored
        All events, and those the live model decided.
    known, known_value
        Frauds known, and their amount.
    expected, expected_value
        Sum of calibrated probabilities, and of probability times amount.
    """

    events: NDArray[np.float64]
    scored: NDArray[np.float64]
    known: NDArray[np.float64]
    known_value: NDArray[np.float64]
    expected: NDArray[np.float64]
    expected_value: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cells:
    """All that the estimators of a nowcast read.

    Parameters
    ----------
    days
        Days since 1970, consecutive, shape (D,).
    as_of
        Microseconds since 1970 UTC.
    all
        Sums over all events.
    visible
        Sums over events that were not blocked.
    groups
        Sums over visible events, one per propensity.
    propensities
        Propensity of each group.
    hopeless
        Blocked events of each day that had no chance of being let through, shape (D,).
    share
        Share of frauds known by now, shape (1 + B, D, strata): the estimate, then the replicates.
    reach
        Share of frauds that a label reaches in the end.
    resampled
        Weight of every day in every replicate, shape (1 + B, D); ones first.
    developments
        Maturity curve of each stratum.
    amount_mean, amount_square
        First and second moment of the amount of a fraud, by stratum, corrected for maturity.
    dispersion
        Variance of label counts over that of independent labels, at least 1.
    """

    days: NDArray[np.int64]
    as_of: int
    all: Sums
    visible: Sums
    groups: tuple[Sums, ...]
    propensities: tuple[float, ...]
    hopeless: NDArray[np.int64]
    share: NDArray[np.float64]
    reach: float
    resampled: NDArray[np.float64]
    developments: tuple[Development, ...]
    amount_mean: NDArray[np.float64]
    amount_square: NDArray[np.float64]
    dispersion: float

    @property
    def age(self) -> NDArray[np.float64]:
        """Days from the middle of each cohort day to ``as_of``, shape (D,)."""
        return (self.as_of - self.days * DAY) / DAY - 0.5

    @cached_property
    def maturity(self) -> NDArray[np.float64]:
        """Share known by now of the frauds that labels will name, all strata, shape (D,)."""
        known, events = self.visible.known, self.visible.events
        share = np.maximum(self.share[:1] / self.reach, 1e-6)
        missing = missing_mean(known, events, share, self.resampled[:1])[0].sum(axis=1)
        total = known.sum(axis=1) + missing
        plain = (share[0] * events).sum(axis=1) / np.maximum(events.sum(axis=1), 1)
        return np.where(total > 0, known.sum(axis=1) / np.maximum(total, 1e-9), plain)

    @property
    def blocks(self) -> bool:
        """Whether the outcome of some event was suppressed by a block."""
        return bool((self.visible.events < self.all.events).any())


def build_cells(observed: Observed, settings: NowcastSettings, rng: np.random.Generator) -> Cells:
    """Cells of every day from the first event to ``as_of``.

    Parameters
    ----------
    observed
        What was seen.
    settings
        Window of development and number of replicates.
    rng
        Draws the replicates.
    """
    day = observed.event_time // DAY
    days = np.arange(int(day.min()), observed.as_of // DAY + 1)
    column = day - days[0]
    size = days.size
    drawn = rng.standard_exponential((settings.replicates, size))
    resampled = np.vstack([np.ones((1, size)), drawn / drawn.mean(axis=1, keepdims=True)])
    stratum = observed.stratum
    cell = column * len(STRATA) + stratum
    developments = _developments(observed, settings, resampled[1:], int(days[0]), size * 24 + 24)
    reach = 1.0 - settings.never_labelled
    share = _shares(observed, stratum, column, size, developments) * reach
    visible = ~observed.blocked
    code, propensities = _propensity_groups(observed, visible)
    mean, square = _amounts(observed, stratum, visible, settings.window)
    return Cells(
        days=days,
        as_of=observed.as_of,
        all=_sums(observed, cell, np.ones(len(observed), dtype=bool), size),
        visible=_sums(observed, cell, visible, size),
        groups=tuple(
            _sums(observed, cell, visible & (code == index), size)
            for index in range(len(propensities))
        ),
        propensities=propensities,
        hopeless=np.bincount(
            column[observed.blocked & (observed.propensity >= 1.0)], minlength=size
        ),
        share=share,
        reach=reach,
        resampled=resampled,
        developments=developments,
        amount_mean=mean,
        amount_square=square,
        dispersion=thinning_dispersion(column, observed.delay, visible, settings.window, size),
    )


def _sums(observed: Observed, cell: NDArray[np.int64], rows: NDArray[np.bool_], size: int) -> Sums:
    def total(weights: NDArray[np.float64] | None, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        chosen = None if weights is None else weights[mask]
        counted = np.bincount(cell[mask], weights=chosen, minlength=size * len(STRATA))
        return counted.astype(np.float64).reshape(size, len(STRATA))

    known = rows & observed.fraud_known
    scored = rows & observed.scored
    return Sums(
        events=total(None, rows),
        scored=total(None, scored),
        known=total(None, known),
        known_value=total(observed.amount, known),
        expected=total(observed.probability, scored),
        expected_value=total(observed.probability * observed.amount, scored),
    )


def _developments(
    observed: Observed,
    settings: NowcastSettings,
    weights: NDArray[np.float64],
    first_day: int,
    hours: int,
) -> tuple[Development, ...]:
    usable = observed.fraud_known & ~observed.blocked
    delay = observed.delay

    def fit(rows: NDArray[np.bool_]) -> Development:
        return develop(
            observed.event_time[rows],
            delay[rows],
            as_of=observed.as_of,
            window=settings.window * DAY,
            hours=hours,
            cluster_weights=weights,
            first_day=first_day,
        )

    fits = [fit(usable & (observed.stratum == index)) for index in range(len(STRATA))]
    if all(one.labels >= settings.least_labels for one in fits):
        return tuple(fits)
    # A stratum with hardly a label borrows: nobody looks at what was let through, as at the rest.
    pooled = fit(usable)
    rest = fits[2] if fits[2].labels >= settings.least_labels else pooled
    watched = fits[0] if fits[0].labels >= settings.least_labels else pooled
    through = fits[1] if fits[1].labels >= settings.least_labels else rest
    return watched, through, rest


def _shares(
    observed: Observed,
    stratum: NDArray[np.int8],
    column: NDArray[np.int64],
    size: int,
    developments: tuple[Development, ...],
) -> NDArray[np.float64]:
    """Mean share over the events of each cell; of a cell without events, over its day."""
    hours = developments[0].share.shape[0]
    age = np.minimum((observed.as_of - observed.event_time) // HOUR, hours - 1)
    everything = np.bincount(column * hours + age, minlength=size * hours).reshape(size, hours)
    shares = []
    for index, development in enumerate(developments):
        mask = stratum == index
        flat = np.bincount(column[mask] * hours + age[mask], minlength=size * hours)
        counted = flat.reshape(size, hours)
        counted = np.where(counted.sum(axis=1, keepdims=True) > 0, counted, everything)
        curves = development.curves
        cells = np.zeros((curves.shape[0], size))
        for row in range(size):
            # A day spans 25 hours of age at most; the full product would be mostly zeros.
            at = np.flatnonzero(counted[row])
            if at.size:
                cells[:, row] = curves[:, at] @ counted[row, at] / counted[row, at].sum()
        shares.append(cells)
    return np.stack(shares, axis=2)


def _propensity_groups(
    observed: Observed, visible: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], tuple[float, ...]]:
    """Number of the propensity of every event; many different ones are put in bins."""
    values = np.unique(np.round(observed.propensity[visible], 6))
    if values.size > _GROUPS:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, _GROUPS + 1)[1:-1]))
        code = np.searchsorted(edges, observed.propensity, side="left")
        used = [np.unique(code[visible])]
        # Within a bin the harmonic mean keeps the inverse weights unbiased.
        means = [
            float(1.0 / np.mean(1.0 / observed.propensity[visible & (code == index)]))
            for index in used[0]
        ]
        return np.searchsorted(used[0], code), tuple(means)
    code = np.searchsorted(values, np.round(observed.propensity, 6))
    return np.minimum(code, max(values.size - 1, 0)), tuple(values.tolist())


def _amounts(
    observed: Observed,
    stratum: NDArray[np.int8],
    visible: NDArray[np.bool_],
    window: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    recent = visible & observed.fraud_known
    recent &= observed.known_at > observed.as_of - window * DAY
    mean, square = np.zeros(len(STRATA)), np.zeros(len(STRATA))
    for index in range(len(STRATA)):
        rows = recent & (stratum == index)
        if int(rows.sum()) < 20:
            rows = recent
        amount = observed.amount[rows]
        mean[index] = float(amount.mean()) if amount.size else 0.0
        square[index] = float((amount**2).mean()) if amount.size else 0.0
    return mean, square
