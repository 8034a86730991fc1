"""Known frauds among events whose outcome stayed visible, weighted by how likely that was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.estimate import Draws, value_draws
from lagmark.monitoring.nowcast.estimators.chain_ladder import ladder_reasons, share_of_events
from lagmark.monitoring.nowcast.missing import missing_draws, missing_mean

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.estimate import Context
    from lagmark.monitoring.nowcast.observed import Observed

__all__ = ["ControlGroup"]


class ControlGroup:
    """Inverse-propensity estimate over events that were not blocked."""

    name = "control_group"
    assumes = "the logged propensities are true and none is zero; labels come as fast as lately"

    def estimate(self, context: Context, rng: np.random.Generator) -> Draws:
        """Ladder within each propensity, where a fraud is known with ``share * propensity``.

        Horvitz and Thompson (1952): a known fraud that had one chance in twenty of staying visible
        stands for twenty. Where nothing was blocked this is the chain ladder.
        """
        cells = context.cells
        count = np.zeros_like(cells.all.known)
        drawn = np.zeros((cells.share.shape[0] - 1, *count.shape))
        for propensity, group in zip(cells.propensities, cells.groups, strict=True):
            thinned = np.maximum(cells.share * propensity, 1e-6)
            mean = missing_mean(group.known, group.events, thinned, cells.resampled)
            count += group.known + mean[0]
            drawn += group.known + missing_draws(mean[1:], thinned[1:], cells.dispersion, rng)
        known = cells.visible.known
        value = cells.visible.known_value.sum(axis=1)
        extra = ((count - known) * cells.amount_mean).sum(axis=1)
        missing = np.maximum(drawn - known, 0.0)
        reasons = tuple(
            "some blocked payments had no chance of being let through" if hopeless else reason
            for reason, hopeless in zip(
                ladder_reasons(context, blocks=False), cells.hopeless, strict=True
            )
        )
        return Draws(
            count,
            drawn,
            value + extra,
            value_draws(value, missing, cells.amount_mean, cells.amount_square, rng),
            np.array([not reason for reason in reasons]),
            reasons,
        )

    def weights(self, context: Context, observed: Observed) -> NDArray[np.float64]:
        """Inverse of propensity times share for every visible known fraud."""
        share = np.maximum(share_of_events(context.cells, observed), 1e-6)
        seen = observed.fraud_known & ~observed.blocked
        return np.where(seen, 1.0 / (share * observed.propensity), 0.0)
