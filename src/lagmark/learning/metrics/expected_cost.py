"""What fraud and its review cost under an alert budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from lagmark.learning.metrics.budget import Alerts

__all__ = ["expected_cost"]


def expected_cost(
    loss: NDArray[np.float64],
    alerts: Alerts,
    review_cost: float,
    weights: NDArray[np.float64] | None = None,
) -> float:
    """Amount of the frauds without an alert, plus the review cost of every alert.

    Parameters
    ----------
    loss
        Money lost if the event goes through: the amount of a fraud, 0 of a genuine event; units
        of the currency, shape (n,).
    alerts
        The alert queues.
    review_cost
        Cost of one alert, units of the currency.
    weights
        Weight of each example, shape (n,); 1 when absent.

    Returns
    -------
    float
        Units of the currency.

    Examples
    --------
    >>> import numpy as np
    >>> from lagmark.learning.metrics.budget import daily_alerts
    >>> alerts = daily_alerts(np.array([0.9, 0.2, 0.8]), np.zeros(3, dtype=np.int64), per_day=2)
    >>> expected_cost(np.array([100.0, 30.0, 0.0]), alerts, 2.0)
    34.0
    """
    position, taken = alerts.front(weights)
    total = float(loss.sum() if weights is None else (weights * loss).sum())
    return total - float((taken * loss[position]).sum()) + review_cost * float(taken.sum())
