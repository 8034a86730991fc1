"""Examples in order of score: sorted once, read by many resamples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Ranking"]


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """Order of the examples by falling score, and where runs of equal scores end.

    Parameters
    ----------
    order
        Positions by falling score, equal ones in their own order, int64, shape (n,).
    ends
        Last place of each run of equal scores, int64.
    fraud
        Labels in that order, float64, shape (n,).
    """

    order: NDArray[np.int64]
    ends: NDArray[np.int64]
    fraud: NDArray[np.float64]

    @classmethod
    def of(
        cls, y: NDArray[np.int8] | NDArray[np.float64], score: NDArray[np.float64]
    ) -> Ranking | None:
        """Ranking of scored examples; ``None`` if a score is NaN or there is no example."""
        if score.shape[0] == 0 or bool(np.isnan(score).any()):
            return None
        order = np.argsort(-score, kind="stable")
        ends = np.append(np.flatnonzero(np.diff(score[order])), score.shape[0] - 1)
        return cls(order=order, ends=ends, fraud=y[order].astype(np.float64))

    def cumulative(
        self, weights: NDArray[np.float64] | None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weight of the frauds and of all examples scored at least as high, per run."""
        if weights is None:
            caught = np.cumsum(self.fraud)[self.ends]
            return caught, (self.ends + 1).astype(np.float64)
        ordered = weights[self.order]
        return np.cumsum(ordered * self.fraud)[self.ends], np.cumsum(ordered)[self.ends]
