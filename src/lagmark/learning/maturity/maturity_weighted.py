"""Known frauds weighted by how likely a fraud of their age is known by now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lagmark.errors import ConfigError
from lagmark.learning.maturity.common import RowsPolicy
from lagmark.learning.maturity.shares import LEAST_LABELS, ShareKnown, estimated, share_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.learning.dataset import Dataset
    from lagmark.learning.maturity.history import KnownHistory

__all__ = ["MATURE", "MaturityWeighted", "check_least", "known_shares", "mature_enough"]


MATURE = 0.9
"""Share of labels known at which an example may serve to calibrate."""


class MaturityWeighted(RowsPolicy):
    """Every event that is old enough counts; a known fraud of maturity ``s`` counts ``1 / s``.

    The weighted number of frauds is then right on average at every age (Horvitz and Thompson
    1952), where leaving silence to mean honest loses the share that is still out. Frauds not
    yet known still stand among the genuine, which costs a little where fraud is dense.

    Parameters
    ----------
    curve
        Share of final fraud labels known by an age in microseconds; estimated from the labels
        known at the history's ``as_of`` when absent, apart for alerted events, whose labels come
        sooner, and the rest.
    alerted_curve
        The same for alerted events; ``curve`` when absent.
    least_share
        Events whose age has a smaller share known are left out; no weight exceeds its inverse.

    Raises
    ------
    ConfigError
        If the least share does not lie between 0 and 1.
    """

    name: ClassVar[str] = "maturity_weighted"

    def __init__(
        self,
        curve: ShareKnown | None = None,
        *,
        alerted_curve: ShareKnown | None = None,
        least_share: float = 0.1,
    ) -> None:
        check_least(least_share, self.name)
        self.curve, self.alerted_curve, self.least_share = curve, alerted_curve, least_share

    def examples(self, history: KnownHistory) -> Dataset:
        """See :meth:`MaturityPolicy.examples`."""
        share = known_shares(history, self.curve, self.alerted_curve)
        # What an analyst found honest is settled, however young it is.
        settled = history.verdict == 0
        index = np.flatnonzero(history.usable & (settled | (share >= self.least_share)))
        y = (history.verdict[index] == 1).astype(np.int8)
        weights = np.ones(index.shape[0])
        weights[y == 1] = 1.0 / share[index][y == 1]
        return history.dataset(index, y, weights)

    def mature(self, examples: Dataset, curve: ShareKnown | None) -> NDArray[np.bool_] | None:
        """Examples of an age at which nearly every label is known."""
        return mature_enough(examples, curve)


def mature_enough(examples: Dataset, curve: ShareKnown | None) -> NDArray[np.bool_] | None:
    """Examples of an age with :data:`MATURE` of the labels known, ``None`` without a curve."""
    if curve is None:
        return None
    return share_at(curve, examples.as_of - examples.event_time) >= MATURE


def known_shares(
    history: KnownHistory,
    curve: ShareKnown | None,
    alerted_curve: ShareKnown | None,
    *,
    least: int = LEAST_LABELS,
) -> NDArray[np.float64]:
    """Share of frauds like each event that is known at its age, shape (n,).

    Parameters
    ----------
    history
        Events as of an instant.
    curve, alerted_curve
        Given curves; estimated from the history where absent. Alerted events get their own if
        both groups hold ``least`` known frauds.
    least
        Fraud labels that an estimate needs.

    Raises
    ------
    DataError
        If a curve must be estimated and too few fraud labels are known.
    """
    age = history.age
    if curve is not None:
        share = share_at(curve, age)
        if alerted_curve is not None:
            share = np.where(history.alerted, share_at(alerted_curve, age), share)
        return share
    fraud = history.verdict == 1
    groups = (history.alerted, ~history.alerted)
    if all(int((fraud & group).sum()) >= least for group in groups):
        share = np.empty(len(history))
        for group in groups:
            share[group] = share_at(estimated(history, group, least=least), age[group])
        return share
    return share_at(estimated(history, least=least), age)


def check_least(least_share: float, where: str) -> None:
    """Refuse a least share that is no share."""
    if not 0 < least_share <= 1:
        raise ConfigError(
            f"a least share of {least_share}", where=where, hint="give one between 0 and 1"
        )
