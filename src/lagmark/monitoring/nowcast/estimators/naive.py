"""Frauds known so far, taken for all there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.dispersion import negative_binomial
from lagmark.monitoring.nowcast.estimate import Draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.estimate import Context
    from lagmark.monitoring.nowcast.observed import Observed

__all__ = ["Naive"]


class Naive:
    """Unlabelled means honest: for comparison only."""

    name = "naive"
    assumes = "every fraud is labelled at once"

    def estimate(self, context: Context, rng: np.random.Generator) -> Draws:
        """Known frauds with the interval a Poisson count would have; estimable when mature."""
        cells, settings = context.cells, context.settings
        known = cells.all.known
        shape = (settings.replicates, *known.shape)
        drawn = negative_binomial(np.broadcast_to(known, shape), np.broadcast_to(known, shape), rng)
        value = cells.all.known_value.sum(axis=1)
        per_fraud = value / np.maximum(known.sum(axis=1), 1)
        estimable = cells.maturity >= settings.mature
        return Draws(
            known,
            drawn,
            value,
            drawn.sum(axis=2) * per_fraud,
            estimable,
            tuple("" if good else "labels are still coming in" for good in estimable),
        )

    def weights(self, context: Context, observed: Observed) -> NDArray[np.float64]:
        """One for every known fraud."""
        del context
        return observed.fraud_known.astype(np.float64)
