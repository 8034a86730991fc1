"""How much of the fraud is known by an age, as the policies use it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import ConfigError, DataError
from lagmark.labels import NEVER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.learning.maturity.history import KnownHistory

__all__ = [
    "LEAST_LABELS",
    "Reports",
    "ShareKnown",
    "check_share",
    "estimated",
    "expected_known",
    "known_shares",
    "reports",
    "share_at",
    "usual_curve",
    "usual_reports",
]

ShareKnown = Callable[["NDArray[np.int64]"], "NDArray[np.float64]"]
"""Share of final labels known by an age in microseconds; an object with ``at`` will also do."""

LEAST_LABELS = 30
"""Fraud labels needed to estimate a curve."""

_LEAST_EXPECTED = 10.0
"""Reports to be expected of frauds that analysts found before a share of them is believed."""


@dataclass(frozen=True, slots=True, eq=False)
class Reports:
    """How customers and banks report frauds: how late, and how many of them at all.

    Parameters
    ----------
    curve
        Share of their reports that has come by an age.
    ever
        Share of all frauds that they report within the reach of the curve, above 0 up to 1.
    """

    curve: ShareKnown
    ever: float

    def by(self, age: NDArray[np.int64]) -> NDArray[np.float64]:
        """Share of all frauds reported by each age in microseconds, shape (n,)."""
        return self.ever * share_at(self.curve, age)


def share_at(curve: ShareKnown | Any, age: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share known at each age, between 0 and 1; 0 where the curve has no answer.

    Parameters
    ----------
    curve
        A function of ages in microseconds, or an object with such a method ``at``.
    age
        Ages in microseconds, shape (n,).
    """
    found = np.asarray(getattr(curve, "at", curve)(age), dtype=np.float64)
    return np.clip(np.nan_to_num(found, nan=0.0), 0.0, 1.0)


def estimated(history: KnownHistory, *, least: int = LEAST_LABELS) -> ShareKnown:
    """Curve estimated from what customers and banks had said at the history's ``as_of``.

    The reverse-time hazard is used: only reported frauds are seen, and of young ones only those
    that were reported fast, so a plain distribution of the delays would be too quick. What
    analysts say is left out: when they speak, and of which events, is the doing of the alerts.

    Parameters
    ----------
    history
        Events as of an instant.
    least
        Reports of fraud that must be known.

    Raises
    ------
    DataError
        If fewer are.
    """
    from lagmark.labels.maturity import reverse_hazard

    told = history.told_since != NEVER
    count = int(told.sum())
    if count < least:
        raise DataError(
            f"{count} fraud labels known that no analyst gave, {least} are needed to estimate "
            "how late they come",
            where="maturity",
            hint="give a longer history, a curve, or use the policy fixed_delay",
        )
    curve = reverse_hazard(history.event_time[told], history.told_since[told], history.as_of)
    if not curve.estimable:
        raise DataError(
            f"how late labels come cannot be estimated: {curve.reason}",
            where="maturity",
            hint="give a longer history, a curve, or use the policy fixed_delay",
        )
    return lambda age: share_at(curve, age)


def reports(
    history: KnownHistory, curve: ShareKnown | None = None, ever: float | None = None
) -> Reports:
    """How customers and banks report frauds, estimated where it is not given.

    A curve of reports cannot see those that never come, nor those that come later than its
    oldest event is old. Frauds that analysts found can show both: they are known whether or not
    anybody reports them. The share of all frauds that is reported is the number of those that
    were, over the number that the curve leads to expect at their ages (capture and recapture:
    Chandra Sekar and Deming 1949, with one list late). It supposes that an analyst's verdict
    keeps nobody from reporting, and that what analysts find is reported like the rest. It is 1
    where fewer than ten reports were to be expected, or where none came: then a verdict ends
    the matter and shows nothing.

    Parameters
    ----------
    history
        Events as of an instant.
    curve, ever
        As for :class:`Reports`.

    Raises
    ------
    DataError
        If a curve must be estimated and too few reports are known.
    """
    if curve is None:
        curve = estimated(history)
    if ever is None:
        found = history.found
        expected = float(share_at(curve, history.age[found]).sum())
        told = int((history.told_since[found] != NEVER).sum())
        enough = told > 0 and expected >= _LEAST_EXPECTED
        ever = min(told / expected, 1.0) if enough else 1.0
    return Reports(curve, ever)


def known_shares(history: KnownHistory, found: Reports) -> NDArray[np.float64]:
    """Share of frauds like each event that is known as such, shape (n,).

    What an analyst looked at is known, of the rest as much as is reported by its age.
    """
    return np.where(history.feedback, 1.0, found.by(history.age))


def usual_curve(history: KnownHistory) -> ShareKnown | None:
    """The curve of a history; ``None`` if there can be none."""
    try:
        return estimated(history)
    except DataError:
        return None


def usual_reports(history: KnownHistory) -> Reports | None:
    """How frauds of a history are reported; ``None`` if that cannot be estimated."""
    curve = usual_curve(history)
    return None if curve is None else reports(history, curve)


def expected_known(
    history: KnownHistory, rows: NDArray[np.int64], found: Reports | None
) -> float | None:
    """Share of the final frauds among chosen events that was to be expected known.

    A known fraud of maturity ``s`` stands for ``1 / s`` final ones (Horvitz and Thompson 1952).

    Parameters
    ----------
    history
        Events as of an instant.
    rows
        Rows of the batch of the chosen events, repeated ones count once.
    found
        How frauds are reported.

    Returns
    -------
    float or None
        ``None`` without reports or a fraud.
    """
    if found is None:
        return None
    chosen = np.isin(history.rows, rows) & (history.verdict == 1)
    share = known_shares(history, found)[chosen]
    share = share[share > 0]
    return float(share.shape[0] / (1 / share).sum()) if share.shape[0] else None


def check_share(share: float | None, what: str, where: str) -> None:
    """Refuse a share that does not lie above 0 and up to 1; ``None`` is none given."""
    if share is not None and not 0 < share <= 1:
        raise ConfigError(f"a {what} of {share}", where=where, hint="give one between 0 and 1")
