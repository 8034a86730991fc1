"""Sum of calibrated scores: an estimate that needs no label of the cohort itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lagmark.monitoring.nowcast.dispersion import negative_binomial
from lagmark.monitoring.nowcast.estimate import Draws

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.estimate import Context
    from lagmark.monitoring.nowcast.observed import Observed

__all__ = ["Confidence"]


class Confidence:
    """Confidence-based estimate (CBPE): each event counts as its probability of fraud."""

    name = "confidence"
    assumes = "scores mean today what they meant in the cohorts whose labels are in"

    def estimate(self, context: Context, rng: np.random.Generator) -> Draws:
        """Expected frauds at the level that older cohorts showed, never below what is known.

        Noise: the level's replicates, day to day scatter of the level, and the draw of frauds
        itself.
        """
        cells, level = context.cells, context.level
        # An event that was not decided counts as the mean of its day and stratum.
        scale = cells.all.events / np.maximum(cells.all.scored, 1.0)
        mean = level.ratio[:, None, :] * (cells.all.expected * scale)[None, :, :]
        count = mean[0]
        variance = mean[1:] * (1.0 + level.relative_variance * mean[1:])
        # Neighbouring days go wrong together, so part of the scatter is drawn by week.
        week = np.arange(mean.shape[1]) // 7
        shocks = rng.standard_normal((mean.shape[0] - 1, int(week[-1]) + 1, mean.shape[2]))
        common = np.sqrt(level.weekly_variance)
        factor = np.exp(common * shocks - common**2 / 2)[:, week]
        drawn = negative_binomial(mean[1:] * factor, variance, rng)
        per_fraud = cells.all.expected_value / np.maximum(cells.all.expected, 1e-12)
        spread = np.sqrt(np.maximum(cells.amount_square - cells.amount_mean**2, 0.0))
        noise = rng.standard_normal(drawn.shape[:2]) * np.sqrt((drawn * spread**2).sum(axis=2))
        reasons = tuple(self._reasons(context))
        return Draws(
            count,
            drawn,
            (count * per_fraud).sum(axis=1),
            np.maximum((drawn * per_fraud).sum(axis=2) + noise, 0.0),
            np.array([not reason for reason in reasons]),
            reasons,
        )

    def weights(self, context: Context, observed: Observed) -> NDArray[np.float64]:
        """Probability at the level of older cohorts; 0 where there is none."""
        ratio = context.level.ratio[0][observed.stratum]
        return np.minimum(np.nan_to_num(observed.probability) * ratio, 1.0)

    @staticmethod
    def _reasons(context: Context) -> list[str]:
        cells, level = context.cells, context.level
        whole = context.alarm.doubts_scores
        if level.days == 0:
            whole = "no scored cohort is old enough to check the level of the scores"
        scored = cells.all.scored.sum(axis=1) >= 0.5 * np.maximum(cells.all.events.sum(axis=1), 1)
        return [whole if good else "the live model did not decide this day" for good in scored]
