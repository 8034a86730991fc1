"""Figures of a backtest from its sums per day."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lagmark.backtest.policy import Costs

__all__ = ["FIGURES", "Figure", "figures"]

Days = Mapping[str, "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a policy.

    Parameters
    ----------
    title
        What it is, for people.
    unit
        ``"money"``, ``"share"``, ``"ratio"``, ``"count"`` or ``"hours"``.
    better
        Whether more or less of it is better; ``"one"`` if nearer to 1 is.
    of
        Maps weighted sums over days, costs and ``k`` to the figure, ``None`` without a meaning.
    """

    title: str
    unit: Literal["money", "share", "ratio", "count", "hours"]
    better: Literal["more", "less", "one", "neither"]
    of: Callable[[Mapping[str, float], Costs, int], float | None]


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom else None


def _honest_blocked(s: Mapping[str, float]) -> float:
    return s["blocked"] - s["blocked_frauds"]


def _cost(s: Mapping[str, float], c: Costs) -> float:
    lost = c.loss * (s["fraud_value"] - s["caught_value"])
    return lost + c.review * s["reviewed"] + c.friction * _honest_blocked(s)


FIGURES: Mapping[str, Figure] = {
    "caught_value": Figure(
        "fraud value caught", "money", "more", lambda s, _c, _k: s["caught_value"]
    ),
    "caught_share": Figure(
        "share of fraud value caught",
        "share",
        "more",
        lambda s, _c, _k: _ratio(s["caught_value"], s["fraud_value"]),
    ),
    "net_cost": Figure("net cost", "money", "less", lambda s, c, _k: _cost(s, c)),
    "cost_share": Figure(
        "net cost of the fraud value",
        "share",
        "less",
        lambda s, c, _k: _ratio(_cost(s, c), s["fraud_value"]),
    ),
    "card_precision": Figure(
        "card precision@k", "share", "more", lambda s, _c, k: _ratio(s["card_hits"], k * s["days"])
    ),
    "precision": Figure(
        "precision of alerts",
        "share",
        "more",
        lambda s, _c, _k: _ratio(
            s["reviewed_frauds"] + s["blocked_frauds"], s["reviewed"] + s["blocked"]
        ),
    ),
    "recall": Figure(
        "recall of alerts",
        "share",
        "more",
        lambda s, _c, _k: _ratio(s["reviewed_frauds"] + s["blocked_frauds"], s["frauds"]),
    ),
    "calibration": Figure(
        "predicted / actual", "ratio", "one", lambda s, _c, _k: _ratio(s["predicted"], s["frauds"])
    ),
    "false_positives": Figure(
        "false positives",
        "count",
        "less",
        lambda s, _c, _k: s["reviewed"] - s["reviewed_frauds"] + _honest_blocked(s),
    ),
    "alerts": Figure("alerts worked", "count", "neither", lambda s, _c, _k: s["reviewed"]),
    "analyst_hours": Figure(
        "analyst hours", "hours", "less", lambda s, c, _k: s["reviewed"] * c.minutes / 60
    ),
    "blocked": Figure("payments refused", "count", "neither", lambda s, _c, _k: s["blocked"]),
    "blocked_honest": Figure(
        "honest payments refused", "count", "less", lambda s, _c, _k: _honest_blocked(s)
    ),
    "frauds": Figure("frauds", "count", "neither", lambda s, _c, _k: s["frauds"]),
    "fraud_value": Figure("fraud value", "money", "neither", lambda s, _c, _k: s["fraud_value"]),
}
"""Figures by name."""


def figures(
    days: Days, costs: Costs, k: int, weights: NDArray[np.float64] | None = None
) -> dict[str, float | None]:
    """Figures of days.

    Parameters
    ----------
    days
        Sums per day by name, each of shape (days,), see
        :func:`lagmark.backtest.evaluate.evaluate_unit`.
    costs, k
        What it costs, and subjects per day of card precision.
    weights
        How often each day counts, shape (days,); once when absent.
    """
    sums = {
        name: float(values.sum() if weights is None else values @ weights)
        for name, values in days.items()
    }
    size = len(days["events"])
    sums["days"] = float(size if weights is None else weights.sum())
    return {name: figure.of(sums, costs, k) for name, figure in FIGURES.items()}
