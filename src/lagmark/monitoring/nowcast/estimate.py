"""What an estimator says of every cohort, and the interface they share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.monitoring.nowcast.alarm import Alarm
    from lagmark.monitoring.nowcast.cells import Cells
    from lagmark.monitoring.nowcast.level import Level
    from lagmark.monitoring.nowcast.observed import Observed
    from lagmark.monitoring.nowcast.settings import NowcastSettings

__all__ = ["Context", "Draws", "Estimator", "value_draws"]


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """What every estimator is handed.

    Parameters
    ----------
    cells
        Counts and maturity.
    level
        Level of the scores in older cohorts.
    alarm
        Whether the witnesses contradict each other, and whether delays moved.
    settings
        Levels and windows.
    """

    cells: Cells
    level: Level
    alarm: Alarm
    settings: NowcastSettings


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Point figures and predictive draws of one estimator.

    Parameters
    ----------
    count, value
        Number and amount of final frauds, shapes (D, strata) and (D,).
    count_draws, value_draws
        Shapes (B, D, strata) and (B, D): process and parameter noise together.
    estimable
        Cohorts whose figure is to be believed, bool, shape (D,).
    reasons
        Why not, one text per cohort, empty where estimable.
    """

    count: NDArray[np.float64]
    count_draws: NDArray[np.float64]
    value: NDArray[np.float64]
    value_draws: NDArray[np.float64]
    estimable: NDArray[np.bool_]
    reasons: tuple[str, ...]


class Estimator(Protocol):
    """One way to see frauds that no label speaks of yet."""

    @property
    def name(self) -> str:
        """Name in results."""

    @property
    def assumes(self) -> str:
        """What must hold for it to be right, one sentence."""

    def estimate(self, context: Context, rng: np.random.Generator) -> Draws:
        """Final frauds of every cohort.

        Parameters
        ----------
        context
            What was seen.
        rng
            Draws the process noise.
        """

    def weights(self, context: Context, observed: Observed) -> NDArray[np.float64]:
        """Frauds that each event stands for, shape (n,); their sum estimates all frauds."""


def value_draws(
    known: NDArray[np.float64],
    missing: NDArray[np.float64],
    mean: NDArray[np.float64],
    square: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Amount of frauds: what is known, and a sum of as many amounts as are missing.

    Parameters
    ----------
    known
        Amount of known frauds, shape (D,).
    missing
        Missing frauds, shape (B, D, strata).
    mean, square
        First two moments of one amount, shape (strata,).
    rng
        Draws the amounts; sums of them are near normal.

    Returns
    -------
    float64 array, shape (B, D)
        Never less than the known amount.
    """
    sums = (missing * mean).sum(axis=2)
    spread = np.sqrt((missing * np.maximum(square - mean**2, 0.0)).sum(axis=2))
    return known + np.maximum(sums + spread * rng.standard_normal(sums.shape), 0.0)
