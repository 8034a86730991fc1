"""A model taught the truth: how much of what the others miss is for their labels to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lagmark.backtest.feed import OTHERS, Messages
from lagmark.learning.maturity.naive import Naive

if TYPE_CHECKING:
    from lagmark.backtest.feed import Arrivals, Feed

__all__ = ["TaughtTruth", "true_messages"]

_TRUTH = OTHERS.index("dataset")


class TaughtTruth(Naive):
    """Every event is an example, fraud if it was.

    It stands in no registry of maturity policies: outside a backtest nobody has such labels.
    """

    name: ClassVar[str] = "truth"


def true_messages(feed: Feed, arrivals: Arrivals) -> Messages:
    """The truth about the latest day of a feed, as if it came along with the events.

    Refused payments are among them. Of a data set the truth is what its labels say in the end.
    """
    size = len(arrivals)
    fraud = feed.truth().fraud
    return Messages(
        np.arange(size),
        arrivals.events["ingest_time"].to_numpy(),
        fraud[fraud.shape[0] - size :],
        np.full(size, _TRUTH, dtype=np.int8),
    )
