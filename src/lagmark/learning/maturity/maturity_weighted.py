"""Known frauds weighted by how likely a fraud of their age is known by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lagmark.learning.maturity.reported import ReportedPolicy

if TYPE_CHECKING:
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory
    from lagmark.learning.maturity.shares import Reports

__all__ = ["MaturityWeighted"]


class MaturityWeighted(ReportedPolicy):
    """Every event counts; a known fraud of maturity ``s`` counts ``1 / s``.

    The weighted number of frauds is then right on average at every age (Horvitz and Thompson
    1952), where leaving silence to mean honest loses the share that is still out. Frauds not
    yet known still stand among the genuine, where they blunt the model a little; the calibration
    makes up for what that does to the level. Parameters are those of :class:`ReportedPolicy`.
    """

    name: ClassVar[str] = "maturity_weighted"

    def weighed(self, history: KnownHistory, found: Reports) -> Dataset:
        """See :meth:`ReportedPolicy.weighed`."""
        index, _, weights = self.chosen(history, found)
        return history.dataset(index, (history.verdict[index] == 1).astype(np.int8), weights)
