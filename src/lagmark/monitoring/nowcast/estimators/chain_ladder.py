"""Known frauds divided by the share of frauds that is known at their age."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.estimate import Draws, value_draws
from lagmark.monitoring.nowcast.missing import missing_draws, missing_mean
from lagmark.schema.time import HOUR

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.cells import Cells
    from lagmark.monitoring.nowcast.estimate import Context
    from lagmark.monitoring.nowcast.observed import Observed

__all__ = ["ChainLadder", "ladder_reasons", "share_of_events"]


class ChainLadder:
    """Reverse-time hazard over the latest labels, by stratum and hour of age."""

    name = "chain_ladder"
    assumes = "labels come as fast as those of the last weeks did, and no outcome is suppressed"

    def estimate(self, context: Context, rng: np.random.Generator) -> Draws:
        """Known frauds plus the missing ones that they imply.

        Given ``k`` known at a share ``s``, and a gamma prior of shape 1 around the level ``m`` of
        the neighbouring days, the missing ones are negative binomial with mean
        ``(k + 1) (1 - s) / (s + 1 / m)``; the share's own noise comes from its replicates.
        """
        cells = context.cells
        known = cells.all.known
        share = np.maximum(cells.share, 1e-6)
        mean = missing_mean(known, cells.all.events, share, cells.resampled)
        missing = missing_draws(mean[1:], share[1:], cells.dispersion, rng)
        value = cells.all.known_value.sum(axis=1)
        reasons = ladder_reasons(context, blocks=True)
        return Draws(
            known + mean[0],
            known + missing,
            value + (mean[0] * cells.amount_mean).sum(axis=1),
            value_draws(value, missing, cells.amount_mean, cells.amount_square, rng),
            np.array([not reason for reason in reasons]),
            reasons,
        )

    def weights(self, context: Context, observed: Observed) -> NDArray[np.float64]:
        """Inverse of the share known at each known fraud's age."""
        share = share_of_events(context.cells, observed)
        return np.where(observed.fraud_known, 1.0 / np.maximum(share, 1e-6), 0.0)


def share_of_events(cells: Cells, observed: Observed) -> NDArray[np.float64]:
    """Share of frauds known at the age and stratum of every event, shape (n,)."""
    hour = (observed.as_of - observed.event_time) // HOUR
    stratum = observed.stratum
    share = np.zeros(len(observed))
    for index, development in enumerate(cells.developments):
        rows = stratum == index
        curve = development.share * cells.reach
        share[rows] = curve[np.minimum(hour[rows], curve.size - 1)]
    return share


def ladder_reasons(context: Context, *, blocks: bool) -> tuple[str, ...]:
    """Why a figure that rests on maturity is not to be believed, per cohort day.

    Parameters
    ----------
    context
        What was seen.
    blocks
        Whether suppressed outcomes are a reason.
    """
    cells, settings = context.cells, context.settings
    whole = context.alarm.doubts_maturity
    suppressed = (cells.all.events - cells.visible.events).sum(axis=1) > 0
    texts = []
    for row, maturity in enumerate(cells.maturity):
        if maturity >= settings.mature and not (blocks and suppressed[row]):
            texts.append("")
        elif maturity < settings.least_share:
            texts.append("too few labels are in")
        elif blocks and suppressed[row]:
            texts.append("blocked payments never get a label")
        else:
            texts.append(whole)
    return tuple(texts)
