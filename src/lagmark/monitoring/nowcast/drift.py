"""Whether labels have become slower or faster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from lagmark.labels.maturity import delay_drift

if TYPE_CHECKING:
    from lagmark.monitoring.nowcast.observed import Observed

__all__ = ["Drift", "find_drift"]


@dataclass(frozen=True, slots=True)
class Drift:
    """Delays of recent frauds beside those before, see :func:`lagmark.labels.maturity.delay_drift`.

    Parameters
    ----------
    z
        Standardised difference, positive when labels became slower; NaN with too few labels.
    flagged
        Whether the test alone raises the alarm, all its daily looks counted.
    stretch
        Factor by which delays became longer; NaN where it cannot be told.
    labels
        Recent labels that were compared.
    """

    z: float
    flagged: bool
    stretch: float
    labels: int

    @property
    def verdict(self) -> str:
        """``"none"``, ``"slower"``, ``"faster"`` or, with too few labels, ``"unknown"``."""
        if math.isnan(self.z):
            return "unknown"
        if not self.flagged:
            return "none"
        return "slower" if self.z > 0 else "faster"


def find_drift(observed: Observed) -> Drift:
    """Drift of delays among visible frauds, within strata and channels.

    Parameters
    ----------
    observed
        What was seen.
    """
    usable = observed.fraud_known & ~observed.blocked
    # One look: the threshold is set for all of them, so earlier ones need no repetition here.
    found = delay_drift(
        observed.event_time[usable],
        observed.known_at[usable],
        observed.as_of,
        strata=(observed.stratum.astype(np.int64) * 256 + observed.channel)[usable],
    )
    if not found.estimable:
        return Drift(float("nan"), False, float("nan"), found.labels)
    size = NormalDist().inv_cdf(1 - max(found.p_value, 1e-15) / 2)
    z = size if found.ratio[0] >= 1 else -size
    return Drift(z, found.alarm, found.stretch[0], found.labels)
