"""Figures of a model by part of the events: amount, time of day, category."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lagmark.learning.metrics.average_precision import average_precision
from lagmark.learning.metrics.calibration import calibration_ratio
from lagmark.schema.time import DAY, HOUR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lagmark.learning.dataset import Dataset

__all__ = ["LEAST_FRAUDS", "Segment", "segments"]

LEAST_FRAUDS = 20
"""Frauds of a segment below which its figures are not given."""

_MOST_CATEGORIES = 8
_NIGHT = (22, 6)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the events and how a model does on it.

    Parameters
    ----------
    by, name
        What the events are divided by, and the part.
    events, frauds
        Its size.
    pr_auc, calibration_ratio
        Figures; ``None`` with fewer than :data:`LEAST_FRAUDS` frauds.
    """

    by: str
    name: str
    events: int
    frauds: int
    pr_auc: float | None
    calibration_ratio: float | None

    def as_dict(self) -> dict[str, Any]:
        """Record for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


def segments(
    test: Dataset,
    probability: NDArray[np.float64],
    category: Sequence[str | None] | None = None,
) -> tuple[Segment, ...]:
    """Figures by quarter of the amounts, by day and night, and by category.

    Parameters
    ----------
    test, probability
        Examples and the probability of each, shape (n,).
    category
        Category of each example; the most frequent eight are told.

    Returns
    -------
    tuple of Segment
        Empty parts are left out.
    """
    parts: list[tuple[str, str, NDArray[np.bool_]]] = []
    if len(test) and bool((test.amount > 0).any()):
        amount = test.amount / test.amount_scale
        edges = np.unique(np.quantile(amount, [0.25, 0.5, 0.75]))
        band = np.searchsorted(edges, amount, side="left")
        for k in range(edges.shape[0] + 1):
            if k == 0:
                name = f"up to {edges[0]:,.2f}"
            elif k == edges.shape[0]:
                name = f"over {edges[-1]:,.2f}"
            else:
                name = f"{edges[k - 1]:,.2f} to {edges[k]:,.2f}"
            parts.append(("amount", name, band == k))
    hour = test.event_time % DAY // HOUR
    night = (hour >= _NIGHT[0]) | (hour < _NIGHT[1])
    parts += [("time", "day (6-22 h UTC)", ~night), ("time", "night (22-6 h UTC)", night)]
    if category is not None:
        values = np.array([one or "(none)" for one in category], dtype=object)
        names, counts = np.unique(values, return_counts=True)
        frequent = names[np.argsort(-counts, kind="stable")][:_MOST_CATEGORIES]
        parts += [("category", str(name), values == name) for name in frequent]
    return tuple(_segment(by, name, test, probability, mask) for by, name, mask in parts
                 if mask.any())  # fmt: skip


def _segment(
    by: str,
    name: str,
    test: Dataset,
    probability: NDArray[np.float64],
    mask: NDArray[np.bool_],
) -> Segment:
    y, p = test.y[mask], probability[mask]
    frauds = int(y.sum())
    told = frauds >= LEAST_FRAUDS
    return Segment(
        by=by,
        name=name,
        events=int(mask.sum()),
        frauds=frauds,
        pr_auc=average_precision(y, p) if told else None,
        calibration_ratio=calibration_ratio(y, p) if told else None,
    )
