"""The share of final fraud labels known by an age, as the policies use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lagmark.learning.maturity.history import KnownHistory

__all__ = ["LEAST_LABELS", "ShareKnown", "estimated", "expected_known", "share_at", "usual_curve"]

ShareKnown = Callable[["NDArray[np.int64]"], "NDArray[np.float64]"]
"""Share of final labels known by an age in microseconds; an object with ``at`` will also do."""

LEAST_LABELS = 30
"""Fraud labels needed to estimate a curve."""


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


def estimated(
    history: KnownHistory, among: NDArray[np.bool_] | None = None, *, least: int = LEAST_LABELS
) -> ShareKnown:
    """Curve estimated from the fraud labels that were known at the history's ``as_of``.

    The reverse-time hazard is used: only labelled frauds are seen, and of young ones only those
    that were labelled fast, so a plain distribution of the delays would be too quick.

    Parameters
    ----------
    history
        Events as of an instant.
    among
        Events to estimate from, bool, shape (n,); all when absent.
    least
        Fraud labels that must be known.

    Raises
    ------
    DataError
        If fewer are.
    """
    from lagmark.labels.maturity import reverse_hazard

    chosen = history.verdict == 1
    if among is not None:
        chosen = chosen & among
    count = int(chosen.sum())
    if count < least:
        raise DataError(
            f"{count} fraud labels known, {least} are needed to estimate how late they come",
            where="maturity",
            hint="give a longer history, a curve, or use the policy fixed_delay",
        )
    curve = reverse_hazard(history.event_time[chosen], history.fraud_since[chosen], history.as_of)
    if not curve.estimable:
        raise DataError(
            f"how late labels come cannot be estimated: {curve.reason}",
            where="maturity",
            hint="give a longer history, a curve, or use the policy fixed_delay",
        )
    return lambda age: share_at(curve, age)


def usual_curve(history: KnownHistory, given: ShareKnown | None = None) -> ShareKnown | None:
    """The given curve, or the one of all events of a history; ``None`` if there can be none."""
    if given is not None:
        return given
    try:
        return estimated(history)
    except DataError:
        return None


def expected_known(
    history: KnownHistory, rows: NDArray[np.int64], curve: ShareKnown | None
) -> float | None:
    """Share of the final frauds among chosen events that was to be expected known.

    A known fraud of maturity ``s`` stands for ``1 / s`` final ones (Horvitz and Thompson 1952).

    Parameters
    ----------
    history
        Events as of an instant.
    rows
        Rows of the batch of the chosen events, repeated ones count once.
    curve
        Share known by age.

    Returns
    -------
    float or None
        ``None`` without a curve or a fraud.
    """
    if curve is None:
        return None
    chosen = np.isin(history.rows, rows) & (history.verdict == 1)
    share = share_at(curve, history.age[chosen])
    share = share[share > 0]
    return float(share.shape[0] / (1 / share).sum()) if share.shape[0] else None
