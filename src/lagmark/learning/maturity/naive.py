"""Silence taken for honesty, however young it is: for comparison only."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lagmark.learning.maturity.common import RowsPolicy

if TYPE_CHECKING:
    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory

__all__ = ["Naive"]


class Naive(RowsPolicy):
    """Every event is an example, genuine unless fraud is known of it.

    The frauds whose labels are still out are taught as genuine, so its probabilities are too low
    by about the share of labels that is missing.
    """

    name: ClassVar[str] = "naive"

    def examples(self, history: KnownHistory) -> Dataset:
        """See :meth:`MaturityPolicy.examples`."""
        index = np.flatnonzero(history.usable)
        return history.dataset(index, (history.verdict[index] == 1).astype(np.int8))
