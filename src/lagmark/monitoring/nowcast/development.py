"""Development of labels with age: which share of the final frauds is known by an age."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lagmark.schema.time import DAY, HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Development", "develop"]


@dataclass(frozen=True, slots=True, eq=False)
class Development:
    """Share of final frauds that is known by age, on an hourly grid.

    Parameters
    ----------
    share
        Shape (hours,): by the age of ``i + 1/2`` hours.
    replicates
        Shape (B, hours): the same in samples of days drawn again.
    labels
        Labels it was developed on.
    """

    share: NDArray[np.float64]
    replicates: NDArray[np.float64]
    labels: int

    @property
    def curves(self) -> NDArray[np.float64]:
        """Estimate first, replicates below it, shape (1 + B, hours)."""
        return np.vstack([self.share[None, :], self.replicates])


def develop(
    event_time: NDArray[np.int64],
    delay: NDArray[np.int64],
    *,
    as_of: int,
    window: int,
    hours: int,
    cluster_weights: NDArray[np.float64],
    first_day: int,
) -> Development:
    """Reverse-time hazard over labels that arrived lately: chain ladder in continuous age.

    Only labelled frauds are seen (right truncation), so nothing is said of how many are missing;
    but among frauds labelled by age ``y`` the share labelled *just at* ``y``, the reverse-time
    hazard, is free of that. Running it backwards from the oldest age gives the share known
    (Lagakos, Barraj and De Gruttola 1988, "Nonparametric analysis of truncated survival data").
    A fraud counts at age ``y`` only if ``event_time + y`` lies in the window, which are the last
    diagonals of a chain ladder.

    Parameters
    ----------
    event_time, delay
        Known frauds: when they happened and how long their label took, int64 microseconds,
        shape (n,).
    as_of, window
        The window is ``(as_of - window, as_of]``.
    hours
        Length of the grid.
    cluster_weights
        Weights of days in each replicate, shape (B, days): days of event time are drawn together.
    first_day
        Day since 1970 that the first column belongs to.

    Returns
    -------
    Development
        Zero below the youngest label: nothing can be said there.
    """
    centres = (np.arange(hours) + 0.5) * HOUR
    # From this age on the event's own clock is inside the window, and up to this age it was seen.
    opens = np.maximum(delay, as_of - window - event_time + 1)
    closes = as_of - event_time
    inside = opens <= closes
    hit = event_time + delay > as_of - window
    ages = np.sort(delay[hit])
    column = event_time // DAY - first_day
    unit = np.ones((1, cluster_weights.shape[1]))
    weights = np.vstack([unit, cluster_weights])[:, column]
    died = _running(delay[hit], weights[:, hit], ages, "right")
    # Ties share one factor: all deaths of an age over the risk set at that age.
    last = np.flatnonzero(np.append(np.diff(ages) > 0, ages.size > 0))
    ages = ages[last]
    died = np.diff(died[:, last], axis=1, prepend=0.0)
    at_risk = _running(opens[inside], weights[:, inside], ages, "right") - _running(
        closes[inside], weights[:, inside], ages, "left"
    )
    left = np.clip(1.0 - died / np.maximum(at_risk, 1e-300), 0.0, 1.0)
    # share(a) = product of what is left over all ages above a.
    tail = np.cumprod(left[:, ::-1], axis=1)[:, ::-1]
    tail = np.hstack([tail, np.ones((tail.shape[0], 1))])
    share = tail[:, np.searchsorted(ages, centres, side="right")]
    if ages.size:
        share[:, centres < ages[0]] = 0.0
    else:
        share[:] = 0.0
    return Development(share[0], share[1:], int(hit.sum()))


def _running(
    values: NDArray[np.int64],
    weights: NDArray[np.float64],
    at: NDArray[np.int64],
    side: str,
) -> NDArray[np.float64]:
    """Weight of the values up to each of ``at`` (``left``: strictly below), shape (B, len(at))."""
    order = np.argsort(values, kind="stable")
    total = np.zeros((weights.shape[0], values.size + 1))
    np.cumsum(weights[:, order], axis=1, out=total[:, 1:])
    place = np.searchsorted(values[order], at, side="right" if side == "right" else "left")
    return total[:, place]
